"""`tongfa demo --exit`: what a newcomer sees is true, and playing it twice publishes nothing twice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from .home import Home, Row
from .platform import Playing, epoch, markers
from .processes import free_port, sleep_until
from .verdict import assert_promises, never_twice

pytestmark = pytest.mark.e2e
WECHAT, WEIBO = "wxrehearsal0000001", "2017000001"
BEIJING = timezone(timedelta(hours=8))
TWO_PLAYS = timedelta(minutes=8)
RELEASED = ["HD17-001", "HD17-101", "HD17-040", "HD17-028"]


@dataclass(frozen=True)
class Played:
    """One play of the demo: how it ended, and what the platforms knew afterwards."""

    status: int
    output: str
    calls: list[Row]
    effects: list[Row]
    phone: Row
    timeline: Row


def play(home: Home, *more: str) -> Played:
    """Play it to its end, then open the platforms' own state and look."""
    with home.start("demo", "demo", "--exit", "--port", str(free_port()), *more) as demo:
        status = demo.wait(480)
    with Playing(home.path / "rehearsal") as platform:
        return Played(
            status, demo.output(), platform.public_calls(), platform.effects(),
            platform.get(f"/_view/wechat/{WECHAT}"), platform.get(f"/_view/weibo/{WEIBO}"),
        )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("demo") / "home")


@pytest.fixture(scope="module")
def first(home: Home) -> Played:
    """Both plays must lie on one Beijing day, for the day's 群发 is what stops the second."""
    now = datetime.now(BEIJING)
    if (now + TWO_PLAYS).date() != now.date():
        sleep_until((now + TWO_PLAYS).replace(hour=0, minute=0, second=1).timestamp())
    return play(home)


@pytest.fixture(scope="module")
def second(home: Home, first: Played) -> Played:
    return play(home)


def next_day(seconds: float) -> str:
    """The day after, on the Beijing calendar."""
    return f"{datetime.fromtimestamp(seconds, BEIJING) + timedelta(days=1):%Y-%m-%d}"


def marker_of(home: Home, document: str) -> str:
    sql = (
        "SELECT e.marker FROM bot_edition e JOIN bot_document d ON d.id = e.document_id"
        " WHERE d.external_id = ? AND e.state = 'approved'"
    )
    return str(home.rows(sql, document)[0]["marker"])


def test_it_ends_with_0_and_made_exactly_one_mass_message_and_four_posts(first):
    assert first.status == 0, first.output
    calls = [row["call"] for row in first.calls]
    assert sorted(calls) == ["message/mass/sendall", *["statuses/share"] * 4]


def test_no_public_byte_arrived_before_its_planned_instant(home, first):
    """The instants are those of the signed manifest, not of what was printed; the first bytes are the platform's."""
    planned = home.rows("SELECT a.channel, p.instant FROM bot_publication p JOIN bot_account a ON a.id = p.account_id")
    mass = [epoch(row["instant"]) for row in planned if row["channel"] == "wechat"]
    posts = sorted(epoch(row["instant"]) for row in planned if row["channel"] == "weibo")
    arrived = {name: [row["at"] for row in first.calls if row["platform"] == name] for name in ("wechat", "weibo")}
    for instants, bytes_at in ((mass, arrived["wechat"]), (posts, arrived["weibo"])):
        assert len(instants) == len(bytes_at)
        assert all(0 <= at - instant < 1.5 for instant, at in zip(instants, bytes_at, strict=True))
    assert min(row["at"] for row in first.effects) >= min(mass + posts)


def test_followers_got_one_message_of_four_articles_and_four_posts_in_the_signed_order(home, first):
    wanted = [marker_of(home, document) for document in RELEASED]
    on_wechat = [row for row in first.effects if row["account"] == WECHAT]
    on_weibo = [row for row in first.effects if row["account"] == WEIBO]
    assert markers(on_wechat) == wanted == markers(on_weibo)
    assert [row["position"] for row in on_wechat] == [1, 2, 3, 4]
    assert len({row["object"] for row in on_wechat}) == 1
    assert len({row["object"] for row in on_weibo}) == 4
    [message] = first.phone["conversation"]
    assert len(message["articles"]) == 4
    assert first.phone["published"] == []
    newest_first = [status["links"][0]["url"] for status in first.timeline["statuses"]]
    assert [url.rpartition("tf=")[2] for url in reversed(newest_first)] == wanted


def test_everything_it_calls_live_was_seen_by_followers(home, first):
    with Playing(home.path / "rehearsal") as platform:
        assert_promises(home, platform, 1)
    assert {row["state"] for row in home.publications(1)} == {"live"}


def test_the_audit_chain_holds_and_numbers_that_weibo_does_not_report_are_null(home, first):
    audit, shown = home.many(["audit", "verify"], ["metrics", "show", "--as", "zhou"])
    assert audit["ok"] is True
    assert audit["verified"] == home.rows("SELECT COUNT(*) AS n FROM bot_auditevent")[0]["n"]
    weibo = [row for row in shown["items"] if row["account"] == "临沂河东"]
    wechat = [row for row in shown["items"] if row["account"] == "中国河东"]
    assert len(weibo) == len(wechat) == 4
    assert [row["reads"] for row in weibo] == [None] * 4
    assert all(isinstance(row["comments"], int) for row in weibo)
    assert all(row["reads"] > 0 for row in wechat)


def test_played_again_it_publishes_nothing_more_and_says_when_and_how(home, first, second):
    assert second.status == 0, second.output  # all that was signed is live: nothing failed
    assert second.effects == first.effects
    assert second.calls == first.calls
    [planned] = home.rows("SELECT MIN(instant) AS instant FROM bot_publication WHERE state = 'live'")
    days = re.findall(r"最近可用的日期是 (\d{4}-\d\d-\d\d)", second.output)
    assert days, second.output
    assert days == [next_day(epoch(planned["instant"]))]
    assert "--fresh" in second.output


def test_a_second_play_leaves_the_platforms_with_every_post_once(home, second):
    with Playing(home.path / "rehearsal") as platform:
        never_twice(platform)
    assert Path(home.path / "home.json").exists()
