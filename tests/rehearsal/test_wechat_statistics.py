"""The next day's numbers: when they are ready, what they hold, and that they repeat."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from .clients import Control, WeChat

BEIJING = timezone(timedelta(hours=8))


@pytest.fixture
def day(wechat: WeChat, control: Control) -> str:
    """The Beijing day of a mass send of two articles and of one freepublish."""
    wechat.send(wechat.draft(wechat.article(), wechat.article(title="第二条")))
    wechat.submit(wechat.draft(wechat.article(title="只发布")))
    wechat.call("draft/count", method="GET")
    return datetime.fromtimestamp(control.effects()[0]["at"], BEIJING).date().isoformat()


def later(control: Control, day: str, days: int, clock: str = "09:00:00") -> str:
    moment = datetime.fromisoformat(day) + timedelta(days=days)
    control.post("clock", {"statistics": f"{moment.date()}T{clock}+08:00"})
    return moment.date().isoformat()


def ask(wechat: WeChat, name: str, begin: str, end: str = "") -> Any:
    return wechat.call(f"datacube/{name}", {"begin_date": begin, "end_date": end or begin})


def test_numbers_are_ready_the_next_day_after_eight(wechat: WeChat, control: Control, day: str) -> None:
    later(control, day, 0, "23:00:00")
    assert ask(wechat, "getarticletotaldetail", day)["errcode"] == 61501
    later(control, day, 1, "07:59:00")
    assert ask(wechat, "getarticletotaldetail", day)["errcode"] == 61503
    later(control, day, 1, "08:00:01")
    assert len(ask(wechat, "getarticletotaldetail", day)["list"]) == 3


def test_an_article_is_named_by_msg_data_id_and_position(wechat: WeChat, control: Control, day: str) -> None:
    later(control, day, 1)
    rows = ask(wechat, "getarticletotaldetail", day)["list"]
    assert [row["publish_type"] for row in rows] == [0, 0, 1]
    assert rows[1]["msgid"].endswith("_2")
    assert rows[0]["content_url"] == control.effects()[0]["url"]
    assert (rows[0]["ref_date"], rows[0]["title"]) == (day, "河东区政策解读")
    assert len(rows[0]["detail_list"]) == 1


def test_numbers_are_cumulative_and_the_same_when_asked_again(wechat: WeChat, control: Control, day: str) -> None:
    later(control, day, 6)
    rows = ask(wechat, "getarticletotaldetail", day)["list"][0]["detail_list"]
    readers = [row["read_user"] for row in rows]
    assert len(readers) == 6
    assert readers == sorted(readers)
    assert readers[0] > 0
    assert ask(wechat, "getarticletotaldetail", day)["list"][0]["detail_list"] == rows
    total = {part["scene_desc"]: part["user_count"] for part in rows[-1]["read_user_source"]}
    assert total.pop("全部") == rows[-1]["read_user"] >= sum(total.values())


def test_a_counter_under_three_is_left_out_not_zero(wechat: WeChat, control: Control) -> None:
    control.wechat(followers=300)
    wechat.send(wechat.draft())
    wechat.call("draft/count", method="GET")
    day = datetime.fromtimestamp(control.effects()[0]["at"], BEIJING).date().isoformat()
    later(control, day, 1)
    row = ask(wechat, "getarticletotaldetail", day)["list"][0]["detail_list"][0]
    assert "comment_count" not in row
    assert all(value >= 3 for name, value in row.items() if name in ("read_user", "share_user", "like_user"))


def test_a_day_without_articles_is_an_empty_list(wechat: WeChat, control: Control, day: str) -> None:
    before = later(control, day, 1) and (datetime.fromisoformat(day) - timedelta(days=1)).date().isoformat()
    assert ask(wechat, "getarticletotaldetail", before) == {"list": [], "is_delay": False}
    assert ask(wechat, "getarticleread", before)["list"] == []


def test_daily_reads_shares_and_the_account_summary(wechat: WeChat, control: Control, day: str) -> None:
    later(control, day, 1)
    reads = ask(wechat, "getarticleread", day)["list"]
    assert reads[0]["detail"]["read_user"] > 0
    assert ask(wechat, "getarticleshare", day)["list"][0]["detail"]["share_user"] >= 3
    summary = ask(wechat, "getbizsummary", day)["list"]
    assert summary[0]["read_user"] == sum(row["detail"]["read_user"] for row in reads)
    assert summary[0]["send_page_count"] == 3


def test_spans_and_dates_are_checked(wechat: WeChat, control: Control, day: str) -> None:
    end = later(control, day, 9) and (datetime.fromisoformat(day) + timedelta(days=8)).date().isoformat()
    assert ask(wechat, "getarticletotaldetail", day, end)["errcode"] == 61501
    assert ask(wechat, "getusercumulate", day, end)["errcode"] == 61501
    assert len(ask(wechat, "getbizsummary", day, end)["list"]) == 9
    assert ask(wechat, "getbizsummary", "24.11.2026")["errcode"] == 61500
    assert ask(wechat, "getbizsummary", "2025-10-31")["errcode"] == 61501


def test_what_a_person_sends_in_the_console_is_counted_and_is_no_effect_of_ours(
    wechat: WeChat, control: Control, day: str
) -> None:
    before = control.effects()
    made = control.act("wechat", "web_send", titles=["停水通知", "供暖通知"])
    control.act("wechat", "web_send", titles=["只发布的"], kind="publish")
    later(control, day, 1)
    rows = {row["title"]: row for row in ask(wechat, "getarticletotaldetail", day)["list"]}
    assert rows["供暖通知"]["content_url"] == made["urls"][1]
    assert rows["供暖通知"]["msgid"] == f"{made['msg_data_id']}_2"
    assert (rows["停水通知"]["publish_type"], rows["只发布的"]["publish_type"]) == (0, 1)
    assert rows["停水通知"]["detail_list"][0]["read_user"] > 0
    assert control.effects() == before
    titles = [
        item["content"]["news_item"][0]["title"]
        for item in wechat.call("freepublish/batchget", {"offset": 0, "count": 5})["item"]
    ]
    assert titles == ["只发布的", "只发布"]


def test_followers_and_their_coming_and_going(wechat: WeChat, control: Control, day: str) -> None:
    later(control, day, 1)
    assert ask(wechat, "getusercumulate", day)["list"][0]["cumulate_user"] > 80_000
    assert {row["user_source"] for row in ask(wechat, "getusersummary", day)["list"]} >= {0, 1, 17}


@pytest.mark.parametrize(
    "name", ["getarticlesummary", "getarticletotal", "getuserread", "getuserreadhour", "getusershare"]
)
def test_the_old_calls_are_offline(wechat: WeChat, name: str) -> None:
    answer = ask(wechat, name, "2026-11-01")
    assert answer["errcode"] == 47009
    assert "this api is offline, please use the new api" in answer["errmsg"]
