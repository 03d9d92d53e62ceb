"""freepublish and mass send: accepted is not published; quotas, keys and what a draft becomes."""

from __future__ import annotations

import pytest

from .clients import APPID, LINK, Control, WeChat, eventually


def status(wechat: WeChat, publish_id: str) -> int:
    return int(wechat.call("freepublish/get", {"publish_id": publish_id})["publish_status"])


def mass_status(wechat: WeChat, msg_id: int) -> str:
    return str(wechat.call("message/mass/get", {"msg_id": msg_id})["msg_status"])


def test_a_submit_is_in_progress_first_and_published_later(wechat: WeChat, control: Control) -> None:
    control.arm("wechat", "freepublish/submit", "publish", seconds=0.5)
    media_id = wechat.draft()
    accepted = wechat.submit(media_id)
    assert accepted["errcode"] == 0
    assert isinstance(accepted["publish_id"], str)
    assert status(wechat, accepted["publish_id"]) == 1
    assert control.effects() == []
    assert wechat.call("draft/get", {"media_id": media_id})["news_item"]
    eventually(control.effects)
    done = wechat.call("freepublish/get", {"publish_id": accepted["publish_id"]})
    assert done["publish_status"] == 0
    assert done["article_detail"]["count"] == 1
    assert f"mid={accepted['msg_data_id']}&idx=1" in done["article_detail"]["item"][0]["article_url"]


def test_the_published_object_is_found_by_its_marker_and_its_draft_is_gone(wechat: WeChat) -> None:
    media_id = wechat.draft(wechat.article(), wechat.article(title="第二条", thumb_media_id=wechat.cover()))
    publish_id = wechat.submit(media_id)["publish_id"]
    article_id = wechat.call("freepublish/get", {"publish_id": publish_id})["article_id"]
    listed = wechat.call("freepublish/batchget", {"offset": 0, "count": 20, "no_content": 1})
    assert (listed["total_count"], listed["item"][0]["article_id"]) == (1, article_id)
    items = listed["item"][0]["content"]["news_item"]
    assert [item["content_source_url"] for item in items] == [LINK, LINK]
    assert all("content" not in item and "article_type" not in item for item in items)
    assert wechat.call("freepublish/getarticle", {"article_id": article_id})["news_item"][1]["title"] == "第二条"
    assert wechat.call("draft/get", {"media_id": media_id})["errcode"] == 40007
    assert wechat.submit(media_id)["errcode"] == 40007


def test_one_submit_makes_one_effect_per_article_traced_to_the_request(wechat: WeChat, control: Control) -> None:
    wechat.submit(wechat.draft(wechat.article(), wechat.article(title="第二条")))
    wechat.call("draft/count", method="GET")
    effects = control.effects()
    assert [(one["position"], one["kind"], one["marker"]) for one in effects] == [
        (1, "freepublish", LINK),
        (2, "freepublish", LINK),
    ]
    line = control.journal("freepublish/submit")[0]
    assert {one["request"] for one in effects} == {line["id"]}
    assert line["effect"] == effects[0]["object"]
    assert line["at"] <= effects[0]["at"]


@pytest.mark.parametrize(("mode", "code"), [("a", 0), ("b", 40007), ("c", 53501)])
def test_a_second_submit_while_in_progress_follows_the_switch(
    wechat: WeChat, control: Control, mode: str, code: int
) -> None:
    control.switch(publish_seconds=30, duplicate_submit=mode)
    media_id = wechat.draft()
    wechat.submit(media_id)
    assert wechat.submit(media_id)["errcode"] == code


def test_ids_can_come_as_other_platform_pages_have_them(wechat: WeChat, control: Control) -> None:
    control.switch(publish_id_type="integer", msg_data_id=False)
    accepted = wechat.submit(wechat.draft())
    assert isinstance(accepted["publish_id"], int)
    assert "msg_data_id" not in accepted


@pytest.mark.parametrize("verdict", [2, 3, 4])
def test_a_failed_publication_names_no_article_and_leaves_the_draft(
    wechat: WeChat, control: Control, verdict: int
) -> None:
    control.arm("wechat", "freepublish/submit", "publish", seconds=0, status=verdict)
    media_id = wechat.draft()
    publish_id = wechat.submit(media_id)["publish_id"]
    done = wechat.call("freepublish/get", {"publish_id": publish_id})
    assert done["publish_status"] == verdict
    assert "article_id" not in done
    assert control.effects() == []
    assert wechat.call("draft/get", {"media_id": media_id})["news_item"]


@pytest.mark.parametrize("later", [5, 6])
def test_a_published_article_can_be_taken_away_later(wechat: WeChat, control: Control, later: int) -> None:
    control.arm("wechat", "freepublish/submit", "publish", seconds=0, later=later, later_after=0)
    publish_id = wechat.submit(wechat.draft())["publish_id"]
    assert eventually(lambda: status(wechat, publish_id)) == later
    assert control.effects()[0]["gone_at"]


def test_deleting_takes_one_article_or_all(wechat: WeChat, control: Control) -> None:
    publish_id = wechat.submit(wechat.draft(wechat.article(), wechat.article(title="第二条")))["publish_id"]
    article_id = wechat.call("freepublish/get", {"publish_id": publish_id})["article_id"]
    assert wechat.call("freepublish/delete", {"article_id": article_id, "index": 2})["errcode"] == 0
    items = wechat.call("freepublish/getarticle", {"article_id": article_id})["news_item"]
    assert [item["is_deleted"] for item in items] == [False, True]
    assert wechat.call("freepublish/delete", {"article_id": article_id})["errcode"] == 0
    assert status(wechat, publish_id) == 5
    assert wechat.call("freepublish/getarticle", {"article_id": article_id})["errcode"] == 53600
    assert all(one["gone_at"] for one in control.effects())


def test_unknown_ids_have_their_codes(wechat: WeChat) -> None:
    assert wechat.call("freepublish/get", {"publish_id": "1"})["errcode"] == 53502
    assert wechat.call("freepublish/get", {})["errcode"] == 40002
    assert wechat.call("freepublish/delete", {"article_id": "x"})["errcode"] == 53600
    assert wechat.call("message/mass/get", {"msg_id": 1})["errcode"] == 40059


# --- mass send ---


def test_a_mass_send_succeeds_and_uses_up_the_day(wechat: WeChat, control: Control) -> None:
    media_id = wechat.draft()
    sent = wechat.send(media_id)
    assert sent["errmsg"] == "send job submission success"
    assert sent["msg_data_id"]
    assert mass_status(wechat, sent["msg_id"]) == "SEND_SUCCESS"
    assert [one["kind"] for one in control.effects()] == ["mass"]
    assert wechat.call("draft/get", {"media_id": media_id})["errcode"] == 40007
    assert wechat.send(wechat.draft(), key="other")["errcode"] == 45028
    assert wechat.call("freepublish/batchget", {"offset": 0, "count": 20})["total_count"] == 0


def test_the_next_beijing_day_has_its_own_send(wechat: WeChat, control: Control) -> None:
    control.post("clock", {"quota": "2026-11-24T12:00:00+08:00"})
    assert wechat.send(wechat.draft(), key="a")["errcode"] == 0
    control.post("clock", {"quota": "2026-11-25T00:00:01+08:00"})
    assert wechat.send(wechat.draft(), key="b")["errcode"] == 0


def test_the_web_console_shares_the_quota(wechat: WeChat, control: Control) -> None:
    control.act("wechat", "web_send")
    assert wechat.send(wechat.draft())["errcode"] == 45028


@pytest.mark.parametrize("kind", ["publish", "mass"])
def test_a_draft_that_a_person_publishes_in_the_console_is_public_without_an_effect_of_ours(
    wechat: WeChat, control: Control, kind: str
) -> None:
    media_id = wechat.draft()
    made = control.act("wechat", "publish_draft", media_id=media_id, kind=kind)
    assert len(made["urls"]) == 1
    assert control.effects() == []
    assert wechat.call("draft/get", {"media_id": media_id})["errcode"] == 40007
    assert wechat.send(wechat.draft())["errcode"] == (45028 if kind == "mass" else 0)


def test_a_person_publishes_no_draft_that_is_gone_and_sends_no_more_than_the_quota(
    wechat: WeChat, control: Control
) -> None:
    media_id = wechat.draft()
    control.act("wechat", "web_send")
    for args in ({"media_id": media_id, "kind": "mass"}, {"media_id": "nowhere"}):
        told = {"platform": "wechat", "account": APPID, "action": "publish_draft", "args": args}
        assert control.http.post(control.base + "act", json=told, timeout=10).status_code == 400
    assert wechat.call("draft/get", {"media_id": media_id})["news_item"]


def test_a_service_account_has_four_sends_a_calendar_month(wechat: WeChat, control: Control) -> None:
    control.wechat(type="service")
    assert [wechat.send(wechat.draft(), key=f"k{n}")["errcode"] for n in range(5)] == [0, 0, 0, 0, 45028]
    assert wechat.send(wechat.draft(), key="tag", filter={"is_to_all": False, "tag_id": 2})["errcode"] == 0


def test_the_same_clientmsgid_returns_the_first_msg_id_and_sends_nothing(wechat: WeChat, control: Control) -> None:
    media_id = wechat.draft()
    first = wechat.send(media_id)
    again = wechat.send(media_id)
    assert (again["errcode"], again["msg_id"]) == (45065, first["msg_id"])
    assert "msg_data_id" not in again
    assert len(control.effects()) == 1


def test_the_same_clientmsgid_within_a_minute_is_too_fast(wechat: WeChat, control: Control) -> None:
    control.switch(clientmsgid_gap=60)
    media_id = wechat.draft()
    wechat.send(media_id)
    assert wechat.send(media_id)["errcode"] == 45066


def test_without_a_clientmsgid_the_platform_derives_one(wechat: WeChat, control: Control) -> None:
    control.switch(mass_seconds=30)
    media_id = wechat.draft()
    first = wechat.send(media_id, key="")
    assert wechat.send(media_id, key="")["msg_id"] == first["msg_id"]


@pytest.mark.parametrize(("order", "code"), [("clientmsgid", 45065), ("quota", 45028), ("media", 40007)])
def test_what_a_replay_meets_first_follows_the_switch(wechat: WeChat, control: Control, order: str, code: int) -> None:
    control.switch(check_order=order)
    media_id = wechat.draft()
    msg_id = wechat.send(media_id)["msg_id"]
    assert mass_status(wechat, msg_id) == "SEND_SUCCESS"
    assert wechat.send(media_id)["errcode"] == code


def test_bad_requests_to_send_have_their_codes(wechat: WeChat) -> None:
    media_id = wechat.draft()
    assert wechat.send(media_id, key="k" * 33)["errcode"] == 45067
    assert wechat.send("none")["errcode"] == 40007
    assert wechat.send(media_id, msgtype="wxcard")["errcode"] == 45113
    assert wechat.send(media_id, msgtype="odd")["errcode"] == 40008
    assert wechat.send(media_id, filter={})["errcode"] == 40215
    assert wechat.send(media_id)["errcode"] == 0


def test_a_failed_send_gives_the_quota_back(wechat: WeChat, control: Control) -> None:
    control.arm("wechat", "message/mass/sendall", "mass", status="err(20001)")
    failed = wechat.send(wechat.draft())
    assert mass_status(wechat, failed["msg_id"]) == "SEND_FAIL"
    assert control.effects() == []
    assert wechat.send(wechat.draft(), key="next")["errcode"] == 0


@pytest.mark.parametrize(
    ("outcome", "word", "effects"),
    [("confirm", "SEND_SUCCESS", 1), ("refuse", "SEND_FAIL", 0), ("timeout", "SEND_FAIL", 0)],
)
def test_a_protected_send_waits_for_the_administrator(
    wechat: WeChat, control: Control, outcome: str, word: str, effects: int
) -> None:
    control.switch(protection=True)
    media_id = wechat.draft()
    assert wechat.send(media_id)["errcode"] == 89504
    msg_id = wechat.send(media_id)["msg_id"]
    assert mass_status(wechat, msg_id) == "SENDING"
    assert control.effects() == []
    control.act("wechat", "decide", outcome=outcome)
    assert eventually(lambda: mass_status(wechat, msg_id) == word)
    assert len(control.effects()) == effects


def test_a_preview_makes_nothing_public_and_keeps_the_draft(wechat: WeChat, control: Control) -> None:
    media_id = wechat.draft()
    body = {"towxname": "someone", "msgtype": "mpnews", "mpnews": {"media_id": media_id}}
    assert wechat.call("message/mass/preview", body)["errcode"] == 0
    assert control.effects() == []
    assert wechat.call("draft/get", {"media_id": media_id})["news_item"]


def test_a_sent_message_can_be_deleted(wechat: WeChat, control: Control) -> None:
    sent = wechat.send(wechat.draft())
    assert wechat.call("message/mass/delete", {"msg_id": sent["msg_id"], "article_idx": 2})["errcode"] == 40060
    assert wechat.call("message/mass/delete", {"msg_id": sent["msg_id"], "article_idx": 0})["errcode"] == 0
    assert mass_status(wechat, sent["msg_id"]) == "DELETE"
    assert control.effects()[0]["gone_at"]


def test_the_speed_is_between_0_and_4(wechat: WeChat) -> None:
    assert wechat.call("message/mass/speed/set", {"speed": 5})["errcode"] == 45083
    assert wechat.call("message/mass/speed/set", {"speed": 4})["errcode"] == 0
    assert wechat.call("message/mass/speed/get")["speed"] == 4


def test_comments_need_a_published_article_and_less_than_fifty(wechat: WeChat, control: Control) -> None:
    number = wechat.send(wechat.draft())["msg_data_id"]
    wechat.call("draft/count", method="GET")
    control.act("wechat", "write_comments", msg_data_id=number, texts=["好", "支持"])
    found = wechat.call("comment/list", {"msg_data_id": number, "index": 0, "begin": 0, "count": 49, "type": 0})
    assert [one["content"] for one in found["comment"]] == ["好", "支持"]
    assert wechat.call("comment/list", {"msg_data_id": number, "begin": 0, "count": 50})["errcode"] == 88010
    assert wechat.call("comment/list", {"msg_data_id": 1, "begin": 0, "count": 9})["errcode"] == 88001
    reply = {"msg_data_id": number, "user_comment_id": 1, "content": "谢谢"}
    assert [wechat.call("comment/reply/add", reply)["errcode"] for _ in range(2)] == [0, 88005]
    assert wechat.call("comment/open", {"msg_data_id": number})["errcode"] == 0
    control.switch(comment_privilege=False)
    assert wechat.call("comment/close", {"msg_data_id": number})["errcode"] == 88000
