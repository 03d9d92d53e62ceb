"""Access tokens as the fact sheet has them: two endpoints, two ways of replacing a token."""

from __future__ import annotations

import requests

from .clients import APPID, Control, WeChat


def works(wechat: WeChat, token: str) -> int:
    wechat.token = token
    return int(wechat.call("draft/count", method="GET").get("errcode", 0))


def test_stable_token_repeats_itself_with_the_remaining_time(wechat: WeChat) -> None:
    first, second = wechat.stable(), wechat.stable()
    assert first["access_token"] == second["access_token"]
    assert second["expires_in"] <= first["expires_in"] <= 7200


def test_a_forced_refresh_kills_the_previous_token_at_once_and_not_twice_within_30_seconds(wechat: WeChat) -> None:
    old = wechat.stable()["access_token"]
    new = wechat.stable(force_refresh=True)["access_token"]
    assert works(wechat, old) == 40001
    assert works(wechat, new) == 0
    assert wechat.stable(force_refresh=True)["errcode"] == 45011


def test_forced_refreshes_end_at_20_a_day(wechat: WeChat, control: Control) -> None:
    control.switch(force_gap=0)
    answers = [wechat.stable(force_refresh=True).get("errcode", 0) for _ in range(21)]
    assert answers == [0] * 20 + [45009]


def test_every_plain_token_call_replaces_the_last_with_an_overlap_and_leaves_the_stable_one(wechat: WeChat) -> None:
    stable = wechat.token
    first, second = wechat.plain_token()["access_token"], wechat.plain_token()["access_token"]
    assert first != second
    assert [works(wechat, token) for token in (first, second, stable)] == [0, 0, 0]


def test_a_stable_token_renews_itself_five_minutes_before_its_end(wechat: WeChat, control: Control) -> None:
    control.switch(token_seconds=200)
    control.act("wechat", "supersede_token")
    assert wechat.stable()["access_token"] != wechat.stable()["access_token"]


def test_each_way_of_asking_wrongly_has_its_code(wechat: WeChat) -> None:
    assert wechat.stable(appid="wxother")["errcode"] == 40013
    assert wechat.stable(secret="rehearsal-secreT")["errcode"] == 40001
    assert wechat.stable(secret="short")["errcode"] == 40125
    assert wechat.stable(appid="")["errcode"] == 41002
    assert wechat.stable(secret="")["errcode"] == 41004
    assert wechat.stable(grant_type="x")["errcode"] == 40002
    assert wechat.http.get(f"{wechat.base}/cgi-bin/stable_token", timeout=5).json()["errcode"] == 43002


def test_business_calls_tell_missing_unknown_expired_and_superseded_tokens(wechat: WeChat, control: Control) -> None:
    good = wechat.token
    assert works(wechat, "") == 41001
    assert works(wechat, "nonsense") == 40001
    control.act("wechat", "expire_token")
    assert works(wechat, good) == 42001
    wechat.login()
    control.act("wechat", "supersede_token")
    assert works(wechat, wechat.token) == 40001


def test_a_caller_off_the_allow_list_is_told_its_address(wechat: WeChat, control: Control) -> None:
    control.wechat(ip_allow=["203.0.113.9"])
    answer = wechat.stable()
    assert answer["errcode"] == 40164
    assert answer["errmsg"].startswith("invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist rid: ")


def test_the_rid_of_a_refusal_can_be_looked_up(wechat: WeChat) -> None:
    refused = wechat.call("draft/get", {"media_id": "none"})
    rid = refused["errmsg"].split("rid: ")[1]
    assert len(rid) == 26
    found = wechat.call("openapi/rid/get", {"rid": rid})["request"]
    assert found["request_url"] == "/wechat/cgi-bin/draft/get"
    assert wechat.call("openapi/rid/get", {"rid": "x"})["errcode"] == 76001


def test_daily_quotas_run_out_are_shown_and_cleared(wechat: WeChat, control: Control) -> None:
    control.switch(quotas={"freepublish/get": 2})
    answers = [wechat.call("freepublish/get", {"publish_id": "1"})["errcode"] for _ in range(3)]
    assert answers == [53502, 53502, 45009]
    quota = wechat.call("openapi/quota/get", {"cgi_path": "/cgi-bin/freepublish/get"})["quota"]
    assert quota == {"daily_limit": 2, "used": 2, "remain": 0}
    assert wechat.call("openapi/quota/get", {"cgi_path": "/cgi-bin/nothing"})["errcode"] == 76021
    assert wechat.call("clear_quota", {"appid": APPID})["errcode"] == 0
    assert wechat.call("freepublish/get", {"publish_id": "1"})["errcode"] == 53502


def test_quotas_reset_at_beijing_midnight(wechat: WeChat, control: Control) -> None:
    control.switch(quotas={"draft/count": 1})
    control.post("clock", {"quota": "2026-11-24T23:59:00+08:00"})
    assert [works(wechat, wechat.token) for _ in range(2)] == [0, 45009]
    control.post("clock", {"quota": "2026-11-25T00:00:01+08:00"})
    assert works(wechat, wechat.token) == 0


def test_an_unlisted_path_is_refused_like_a_platform_would(wechat: WeChat) -> None:
    assert wechat.call("material/add_news")["errcode"] == 40066


def test_the_wrong_method_is_named(wechat: WeChat) -> None:
    assert wechat.call("draft/add", method="GET")["errcode"] == 43002


def test_an_unverified_account_keeps_its_drafts_but_may_not_publish(wechat: WeChat, control: Control) -> None:
    media_id = wechat.draft()
    control.wechat(verified=False)
    assert wechat.submit(media_id)["errcode"] == 48001
    assert wechat.send(media_id)["errcode"] == 48001
    assert wechat.call("draft/get", {"media_id": media_id})["news_item"]


def test_secrets_and_tokens_never_reach_the_journal(wechat: WeChat, control: Control) -> None:
    wechat.draft()
    text = requests.get(control.base + "journal", timeout=5).text
    assert wechat.token not in text
    assert "rehearsal-secret" not in text
