"""Numbers of posts that a person made on the rehearsal platforms' own pages: real adapters, loopback sockets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.instants import BEIJING, beijing_date
from bot.models import Account, ManualPost
from bot.rehearsal import RehearsalServer
from bot.services import exporting, manual, manualnumbers, measuring
from bot.services.manualentry import Entry

from .by_hand import LINK
from .delivery_drill import Drill, wall
from .factories import UID, Office

DAY = timedelta(days=1)
TOTAL = "datacube/getarticletotaldetail"


@pytest.fixture
def drill(db: None, tmp_path: Path) -> Iterator[Drill]:
    with RehearsalServer(tmp_path / "platforms") as server:
        yield Drill(server, Office.make(api=server.base_url))


def enter(drill: Drill, account: Account, url: str, title: str = "停水通知", at: datetime | None = None) -> ManualPost:
    moment = (at or wall()).replace(microsecond=0)
    entry = Entry(account, account.mode, url, moment, drill.office.people["releaser"], title=title)
    return manual.register(entry, person=drill.office.people["releaser"], now=wall()).post


def later(drill: Drill, account: Account, days: int = 1) -> measuring.Pulled:
    """A round some mornings on, after the platform has made its statistics."""
    day = beijing_date(wall()) + timedelta(days=days)
    morning = datetime(day.year, day.month, day.day, 9, 0, tzinfo=BEIJING)
    drill._post("clock", {"statistics": morning.isoformat()})
    return measuring.measure_account(account.pk, now=lambda: morning)


def figures(post: ManualPost) -> manualnumbers.Figures:
    found = ManualPost.objects.select_related("account", "count").get(pk=post.pk)
    return manualnumbers.figures_of([found])[post.pk]


def made(drill: Drill, platform: str, action: str, **args: object) -> list[str]:
    """Somebody posts on the platform's own pages; the addresses."""
    account = UID if platform == "weibo" else "wxrehearsal0000001"
    answer = drill._post("act", {"platform": platform, "account": account, "action": action, "args": args})
    return list(answer["urls"])


def test_a_weibo_made_by_hand_has_numbers_and_once_it_is_deleted_is_said_to_be_gone(drill: Drill) -> None:
    (url,) = made(drill, "weibo", "foreign_posts", count=1)
    post = enter(drill, drill.office.weibo, url)
    done = later(drill, drill.office.weibo)
    assert (done.by_hand, done.samples, done.fault) == (1, 1, "")
    assert set(figures(post).values) == {"reposts", "comments", "attitudes"}
    assert all(isinstance(value, int) and value for value in figures(post).values.values())
    drill.act("weibo", "delete_post")
    later(drill, drill.office.weibo, days=2)
    assert (figures(post).absent, figures(post).note) == (True, "平台未列出，可能已删除或隐藏")
    assert drill.effects() == []


def test_weibos_of_a_month_cost_one_call_a_round(drill: Drill) -> None:
    urls = made(drill, "weibo", "foreign_posts", count=4)
    for number, url in enumerate(urls):
        enter(drill, drill.office.weibo, url, f"通知{number}", at=wall() - number * 5 * DAY)
    assert later(drill, drill.office.weibo).samples == 4
    assert len(drill.calls("statuses/count")) == 1
    assert drill.calls("statuses/show") == []


def test_articles_sent_in_the_console_have_numbers_by_their_address(drill: Drill) -> None:
    urls = made(drill, "wechat", "web_send", titles=["停水通知", "供暖通知"])
    now = wall()
    posts = [enter(drill, drill.office.wechat, url, "填错的标题", at=now) for url in urls]
    done = later(drill, drill.office.wechat)
    assert (done.by_hand, done.fault) == (2, "")
    reads = [figures(post).values["reads"] for post in posts]
    assert all(reads)
    assert len(set(reads)) == 2
    assert figures(posts[0]).platform_id.endswith("_1")
    assert figures(posts[1]).platform_id.endswith("_2")


def test_the_platforms_days_are_kept_once_each(drill: Drill) -> None:
    (url,) = made(drill, "wechat", "web_send", titles=["停水通知"])
    post = enter(drill, drill.office.wechat, url)
    later(drill, drill.office.wechat)
    first = figures(post).values["reads"]
    later(drill, drill.office.wechat, days=2)
    assert (post.samples.count(), len(drill.calls(TOTAL))) == (2, 3)  # asked once more to see which it is
    assert figures(post).values["reads"] > first  # type: ignore[operator]


def test_an_article_is_found_by_a_title_that_its_day_has_once(drill: Drill) -> None:
    made(drill, "wechat", "web_send", titles=["停水通知", "供暖通知"])
    post = enter(drill, drill.office.wechat, LINK.format(1), "供暖通知")
    later(drill, drill.office.wechat)
    assert figures(post).values["reads"]


def test_two_articles_of_one_title_are_nobodys(drill: Drill) -> None:
    made(drill, "wechat", "web_send", titles=["停水通知", "停水通知"])
    post = enter(drill, drill.office.wechat, LINK.format(1))
    assert later(drill, drill.office.wechat).samples == 0
    assert "不止一篇" in figures(post).note
    [row] = exporting.rows(drill.office.unit)
    assert {row[name] for name in exporting.NUMBERS} == {None}


def test_what_the_machine_sent_the_same_day_is_not_mixed_up_with_it(drill: Drill) -> None:
    drill.by_publish()
    release = drill.released(on=[drill.office.wechat])
    drill.settle()
    title = drill.wechat(release).items.get().payload["title"]
    (own,) = [line["url"] for line in drill.effects("wechat")]
    drill.wechat(release).items.update(url="")  # as before the platform has told it
    twin = enter(drill, drill.office.wechat, LINK.format(1), title)
    ours = enter(drill, drill.office.wechat, own, "别的")
    later(drill, drill.office.wechat)
    assert "系统" in figures(twin).note
    assert "系统自己发出" in figures(ours).note
    assert drill.wechat(release).items.get().samples.exists()


def test_statistics_that_are_not_ready_are_asked_for_again_an_hour_later(drill: Drill) -> None:
    (url,) = made(drill, "wechat", "web_send", titles=["停水通知"])
    post = enter(drill, drill.office.wechat, url)
    drill.switch("wechat", statistics_delay=True)
    assert "统计还在生成" in later(drill, drill.office.wechat).fault
    drill.switch("wechat", statistics_delay=False)
    assert figures(post).values == {}
