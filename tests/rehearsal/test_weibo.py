"""The rehearsal Weibo: authorisation, share and its rules, reading back, limits."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
import requests

from bot.rehearsal import RehearsalServer

from .clients import LINK, UID, Control, Weibo, eventually, picture

TEXT = f"【河东区政策解读】要点一句。 全文：{LINK}"


def code_of(answer: requests.Response) -> int:
    return int(answer.json().get("error_code", 0))


# --- share ---


def test_a_shared_status_comes_back_altered(weibo: Weibo, control: Control) -> None:
    status = weibo.share(TEXT).json()
    assert status["idstr"] == str(status["id"]) == status["mid"]
    assert status["id"] < 2**53
    assert re.fullmatch(r"【河东区政策解读】要点一句。 全文：http://t\.cn/\w{7} \u200b", status["text"])
    assert (status["reposts_count"], status["comments_count"], status["attitudes_count"]) == (0, 0, 0)
    assert datetime.strptime(status["created_at"], "%a %b %d %H:%M:%S %z %Y")
    short = status["text"].split("全文：")[1].strip(" \u200b")
    where = weibo.http.get(f"{weibo.root}/_view/tcn/{short[-7:]}", allow_redirects=False, timeout=5)
    assert where.headers["Location"] == LINK
    effect = control.effects()[0]
    assert (effect["marker"], effect["object"], effect["kind"]) == (LINK, status["idstr"], "share")
    assert effect["request"] == control.journal("statuses/share")[0]["id"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("没有网址的微博", 10017),
        ("外站 https://example.org/", 10017),
        (f"两个网址 {LINK} https://example.org/", 20018),
        (f"#话题# {LINK}", 20018),
        (f"单个#号不算 {LINK}", 0),
        (f"{'字' * 129} {LINK}", 0),  # 258 + 1 + 20 = 279 half-width units
        (f"{'字' * 130} {LINK}", 20012),  # 281: rounded up, 141 characters
        (f"{'😀' * 64} {LINK}", 0),  # 4 units each: 277
        (f"{'😀' * 65} {LINK}", 20012),
        (f"{LINK}/{'a' * 100} 长网址仍算二十", 0),
        ("  ", 20008),
        ("子域 https://sub.www.hedong.gov.cn/", 10017),
    ],
)
def test_text_rules_of_share(weibo: Weibo, text: str, code: int) -> None:
    assert code_of(weibo.share(text)) == code


def test_both_texts_of_the_domain_rule(weibo: Weibo, control: Control) -> None:
    refused = weibo.share("没有网址")
    assert (refused.status_code, refused.json()["error"]) == (400, "text not find domain!")
    assert refused.json()["request"] == "/2/statuses/share.json"
    control.post("accounts/change", {"platform": "weibo", "account": UID, "set": {"safe_domains": []}})
    assert weibo.share(TEXT).json()["error"] == "appkey not bind domain!"


def test_unsure_rules_can_be_switched(weibo: Weibo, control: Control) -> None:
    control.switch("weibo", refuse_topic=False, refuse_foreign_url=False, characters=2000, subdomains=True)
    text = f"#话题# {'字' * 300} https://sub.www.hedong.gov.cn/ https://example.org/"
    assert code_of(weibo.share(text)) == 0


def test_one_real_picture_under_five_megabytes(weibo: Weibo) -> None:
    status = weibo.share(f"图一 {LINK}", files={"pic": ("a.jpg", picture("JPEG"), "image/jpeg")}).json()
    assert weibo.http.get(status["original_pic"], timeout=5).content == picture("JPEG")
    assert code_of(weibo.share(f"图二 {LINK}", files={"pic": ("a.jpg", b"no picture", "image/jpeg")})) == 20005
    assert code_of(weibo.share(f"图三 {LINK}", files={"pic": ("a.png", picture() + bytes(5 << 20))})) == 20006
    two = [("pic", ("a.png", picture())), ("pic", ("b.png", picture()))]
    assert code_of(weibo.share(f"图四 {LINK}", files=two)) == 10008
    url = f"{weibo.base}/2/statuses/share.json"
    form = {"status": f"图五 {LINK}", "rip": "203.0.113.7", "pic": "x"}
    assert code_of(weibo.http.post(url, data=form, headers=weibo.head, timeout=5)) == 10007


@pytest.mark.parametrize("decoded", [False, True])
def test_whether_multipart_values_are_decoded_is_a_switch(weibo: Weibo, control: Control, decoded: bool) -> None:
    control.switch("weibo", multipart_decode=decoded)
    text = f"增长100%25，A%20B {LINK}"
    status = weibo.share(text, files={"pic": ("a.png", picture())}).json()
    assert status["text"].startswith("增长100%，A B" if decoded else "增长100%25，A%20B")


def test_the_form_body_is_decoded_exactly_once(weibo: Weibo) -> None:
    assert weibo.share(f"100% + A&B %20 {LINK}").json()["text"].startswith("100% + A&B %20 ")
    assert weibo.share(f"{quote('再编码')} {LINK}").json()["text"].startswith("%E5")


def test_rip_is_required_and_an_ipv4_address(weibo: Weibo, control: Control) -> None:
    assert code_of(weibo.share(TEXT, rip="")) == 10016
    assert code_of(weibo.share(TEXT, rip="::1")) == 10008
    control.switch("weibo", rip_required=False)
    assert code_of(weibo.share(TEXT, rip="")) == 0


def test_identical_and_similar_posts(weibo: Weibo, control: Control) -> None:
    assert code_of(weibo.share(TEXT)) == 0
    assert code_of(weibo.share(TEXT)) == 20019
    assert code_of(weibo.share(TEXT.replace("一句", "两句"))) == 0
    control.switch("weibo", similar_seconds=300)
    assert code_of(weibo.share(TEXT.replace("一句", "三句"))) == 20017
    control.switch("weibo", similar_seconds=0, repeat_seconds=0)
    assert code_of(weibo.share(TEXT)) == 0


def test_get_instead_of_post_and_unknown_calls(weibo: Weibo) -> None:
    assert code_of(weibo.get("statuses/share")) == 10021
    assert code_of(weibo.get("nothing/here")) == 10020


@pytest.mark.parametrize("name", ["statuses/update", "statuses/upload", "short_url/shorten", "statuses/destroy"])
def test_closed_calls_answer_403_and_10014(weibo: Weibo, name: str) -> None:
    answer = weibo.http.post(f"{weibo.base}/2/{name}.json", data={"id": "1"}, headers=weibo.head, timeout=5)
    assert (answer.status_code, code_of(answer)) == (403, 10014)


def test_quotas_per_day_hour_and_address(weibo: Weibo, control: Control) -> None:
    control.switch("weibo", posts_per_hour=2)
    codes = [code_of(weibo.share(f"第{n}条 {LINK}")) for n in range(3)]
    assert codes == [0, 0, 10024]
    control.switch("weibo", calls_per_day=4)
    assert [code_of(weibo.get("users/show", uid=UID)) for _ in range(2)] == [0, 10023]
    assert weibo.get("users/show", uid=UID).status_code == 403
    control.post("clock", {"quota": (datetime.now(UTC) + timedelta(days=1)).isoformat()})
    assert code_of(weibo.share(f"次日 {LINK}")) == 0
    control.switch("weibo", ip_per_hour=0)
    assert code_of(weibo.get("users/show", uid=UID)) == 10022


def test_an_address_off_the_allow_list(weibo: Weibo, control: Control) -> None:
    control.post("accounts/change", {"platform": "weibo", "account": UID, "set": {"ip_allow": ["203.0.113.1"]}})
    assert code_of(weibo.share(TEXT)) == 10004


# --- reads ---


def test_the_timeline_shows_the_newest_five_of_the_own_account(weibo: Weibo) -> None:
    ids = [weibo.share(f"第{n}条 {LINK}").json()["idstr"] for n in range(7)]
    assert [one["idstr"] for one in weibo.timeline()] == ids[:1:-1]
    assert [one["idstr"] for one in weibo.timeline(since_id=ids[4])] == ids[:4:-1]
    assert "user" not in weibo.timeline(trim_user=1)[0]
    assert code_of(weibo.get("statuses/user_timeline", uid="1")) == 21335


def test_foreign_posts_push_ours_out_unless_base_app_filters(weibo: Weibo, control: Control) -> None:
    ours = weibo.share(TEXT).json()["idstr"]
    control.act("weibo", "foreign_posts", count=6)
    assert ours not in [one["idstr"] for one in weibo.timeline()]
    assert [one["idstr"] for one in weibo.timeline(base_app=1)] == [ours]
    assert len(control.effects()) == 1


def test_counters_grow_with_the_statistics_clock_and_absent_ids_are_absent(weibo: Weibo, control: Control) -> None:
    ident = weibo.share(TEXT).json()["idstr"]
    first = weibo.get("statuses/count", ids=f"{ident},123").json()
    assert [(row["idstr"], row["attitudes"]) for row in first] == [(ident, 0)]
    control.post("clock", {"statistics": (datetime.now(UTC) + timedelta(days=1)).isoformat()})
    grown = weibo.get("statuses/count", ids=ident).json()[0]
    assert grown["attitudes"] > grown["reposts"] > 0
    assert weibo.get("statuses/count", ids=ident).json()[0] == grown
    assert code_of(weibo.get("statuses/count", ids=",".join(map(str, range(101))))) == 20009
    assert code_of(weibo.get("statuses/count", ids="")) == 20001


def test_a_post_deleted_by_a_person_leaves_a_stub(weibo: Weibo, control: Control) -> None:
    ident = weibo.share(TEXT).json()["idstr"]
    control.act("weibo", "delete_post")
    assert weibo.get("statuses/show", id=ident).json()["deleted"] == "1"
    assert weibo.timeline() == []
    assert weibo.get("statuses/count", ids=ident).json() == []
    assert control.effects()[0]["gone_at"]


def test_show_destroy_comments_and_users(weibo: Weibo, control: Control) -> None:
    ident = weibo.share(TEXT).json()["idstr"]
    control.act("weibo", "write_post_comments", id=ident, texts=["好"])
    assert weibo.get("comments/show", id=ident).json()["comments"][0]["text"] == "好"
    assert code_of(weibo.get("statuses/show", id="1")) == 20101
    assert code_of(weibo.get("statuses/show")) == 20109
    control.post("accounts", {"platform": "weibo", "uid": "77", "screen_name": "小王"})
    assert "followers_count" not in weibo.get("users/show", uid="77").json()
    assert weibo.get("users/show", screen_name="临沂河东").json()["verified_type"] == 1
    assert code_of(weibo.get("users/show", uid="1")) == 20003
    assert weibo.get("account/rate_limit_status").json()["user_limit"] == 1000
    control.switch("weibo", destroy=True)
    url = f"{weibo.base}/2/statuses/destroy.json"
    assert weibo.http.post(url, data={"id": ident}, headers=weibo.head, timeout=5).json()["idstr"] == ident
    assert weibo.timeline() == []


# --- the article, and behaviour faults ---


def test_an_article_needs_the_permission(weibo: Weibo, control: Control) -> None:
    form: dict[str, Any] = {
        "title": "长文",
        "content": quote("<p>正文</p>"),
        "cover": "https://x/y.png",
        "text": "导语",
    }
    form |= {"rip": "203.0.113.7"}
    url = f"{weibo.base}/proxy/article/publish.json"
    assert code_of(weibo.http.post(url, data=form, headers=weibo.head, timeout=5)) == 10014
    control.switch("weibo", article_permission=True)
    answer = weibo.http.post(url, data=form, headers=weibo.head, timeout=5).json()
    assert answer["code"] == "100000"
    assert weibo.timeline()[0]["idstr"] == answer["data"]["mid"]
    short = weibo.http.post(url, data=form | {"title": ""}, headers=weibo.head, timeout=5).json()
    assert short["code"] == "10008"


def test_20032_means_posted_and_visible_later(weibo: Weibo, control: Control) -> None:
    control.arm("weibo", "statuses/share", "delayed", seconds=0.3)
    assert code_of(weibo.share(TEXT)) == 20032
    assert weibo.timeline() == []
    assert control.effects() == []
    eventually(weibo.timeline)
    assert len(control.effects()) == 1
    assert code_of(weibo.share(TEXT)) == 20019


def test_the_timeline_can_lag_behind_what_followers_see(weibo: Weibo, control: Control) -> None:
    control.arm("weibo", "statuses/share", "timeline_lag", seconds=60)
    weibo.share(TEXT)
    assert weibo.timeline() == []
    assert len(control.effects()) == 1


def test_a_token_can_end_in_mid_run(weibo: Weibo, control: Control) -> None:
    control.arm("weibo", "statuses/share", "act", action="end_token", when="before", args={"how": "expired"})
    assert code_of(weibo.share(TEXT)) == 21327


def test_the_default_accounts_exist_on_an_empty_state(server: RehearsalServer) -> None:
    found = requests.get(f"{server.base_url}/_control/accounts", timeout=5).json()
    assert [one["name"] for one in found["wechat"]] == ["中国河东"]
    assert [one["screen_name"] for one in found["weibo"]] == ["临沂河东"]
