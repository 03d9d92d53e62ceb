"""值班台 with more releases than it has room for: what is nearest stays, what needs a person stays, the rest is owned up to."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from bot.console import chosen
from bot.domain.article import Article
from bot.models import Account, PortalGate, Release
from bot.services import stops

from .test_manual_releases import by_hand, later, waits_for_its_page
from .urgent import asked
from .world import ARTICLES, District, now, put

Login = Callable[[str], Client]
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def page(client: Client, address: str = "/") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def article(number: int) -> Article:
    link = f"https://www.hedong.gov.cn/a/{number}.html"
    return dataclasses.replace(
        ARTICLES[0], external_id=f"Z-{number}", title=f"第{number}件", source_url=link, document_number=""
    )


def by_publish(district: District) -> None:
    """Without a quota of one a day."""
    Account.objects.filter(slug="wx").update(mode="publish")
    for account in district.accounts:
        account.refresh_from_db()


def many(district: District, count: int, **more: object) -> None:
    """Unsigned and empty, from tomorrow on."""
    for number in range(count):
        Release.objects.create(
            unit=district.unit, title=f"以后{number}", instant=now() + DAY + number * MINUTE, created_at=now(),
            created_by=district.people["editor"], **more,
        )  # fmt: skip


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chosen, "MOST", 6)


@pytest.mark.usefixtures("small")
def test_what_is_nearest_stays_whatever_comes_later(district: District, as_: Login) -> None:
    by_publish(district)
    district.signed(article(1), ahead=5 * MINUTE, title="马上就发")
    district.planned(article(2), ahead=50 * MINUTE, title="还没签的")
    held = district.signed(article(3), ahead=40 * MINUTE, title="停着的")
    for publication in held.publications.all():
        put(publication, "held", reason="停")
    many(district, 20)
    shown = page(as_("releaser"))
    for title in ("马上就发", "还没签的", "停着的"):
        assert title in shown
    assert f"{held.publications.count()} 条推送已暂停" in shown
    assert "只列最近的几十张" in shown
    assert "七天之内没有已签发" not in shown


@pytest.mark.usefixtures("small")
def test_what_was_called_off_takes_no_room(district: District, as_: Login) -> None:
    many(district, 20, cancelled_at=now())
    district.signed(article(1), ahead=timedelta(days=3), title="三天以后")
    assert "三天以后" in page(as_("duty")).split('id="board"')[1]


@pytest.mark.usefixtures("small")
def test_what_people_are_to_post_stays_among_what_needs_a_person(district: District, as_: Login) -> None:
    by_hand(district)
    release = district.signed(article(1), ahead=5 * MINUTE, title="手工的")
    with later(release, minutes=3):
        many(district, 20)
        for number in range(2, 9):
            Release.objects.create(
                unit=district.unit, title=f"刚过{number}", instant=now() - number * timedelta(seconds=1),
                created_at=now(), created_by=district.people["editor"],
            )  # fmt: skip
        shown = page(as_("duty"))
    assert "手工的" not in shown.split('id="board"')[1].split("</div>\n<aside")[0]
    assert "待手工发布" in shown.split('id="asks"')[1]


def test_a_push_that_waits_for_somebody_is_counted_and_listed_however_far_ahead(district: District, as_: Login) -> None:
    by_publish(district)
    for number, days in enumerate((1, 20, 21)):
        district.signed(article(number), ahead=days * DAY)
    stops.freeze(district.unit, person=district.people["duty"], reason="核对", now=now())
    shown = page(as_("duty"))
    assert "6 条推送已暂停" in shown
    assert "3 张发布单，同一个原因，共 6 条推送" in shown
    assert page(as_("duty"), "/exceptions").count('class="case-facts"') == 6


def test_while_everything_is_stopped_what_is_to_be_decided_is_still_asked(district: District, as_: Login) -> None:
    by_hand(district)
    release = waits_for_its_page(district)
    with later(release, minutes=20):
        PortalGate.objects.filter(release=release).update(state="asking")
        stops.freeze(district.unit, person=district.people["duty"], reason="核对", now=now())
        asks = page(as_("releaser")).split('id="asks"')[1]
    assert "等人决定" in asks
    assert "去手工发布" not in asks


def test_who_only_keeps_the_machine_reads_no_title_of_an_urgent_notice(district: District, as_: Login) -> None:
    asked(district, ARTICLES[2])
    own, other = page(as_("duty")), page(as_("admin"))
    assert ARTICLES[2].title in own
    assert ARTICLES[2].title not in other
    assert "水位暴涨" in own
    assert "水位暴涨" not in other
    assert "提请应急发布" in other


def test_of_a_month_that_is_too_full_no_day_is_called_empty(
    district: District, as_: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.console.calendar.MOST", 3)
    monkeypatch.setattr("bot.console.calendar_tiles.MOST", 3)
    with time_machine.travel("2026-11-23T01:00:00Z", tick=False):
        many(district, 6)  # all of the 24th
        shown = page(as_("releaser"), "/calendar?view=month&date=2026-11-23").split('class="agenda')[1]
    assert "没有列全，请改看周视图" in shown


@given(st.lists(st.integers(0, 90), min_size=1, max_size=4), st.integers(0, 60))
def test_room_is_shared_fairly(sizes: list[int], room: int) -> None:
    parts = [[Release(pk=1000 * place + number) for number in range(size)] for place, size in enumerate(sizes)]
    found = chosen.fair(parts, room)
    assert len(found) == min(room, sum(sizes))
    for place, part in enumerate(parts):
        kept = [one for one in found if one.pk // 1000 == place]
        assert kept == part[: len(kept)]
        assert len(kept) >= min(len(part), room // len(parts))
