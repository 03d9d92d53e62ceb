"""After a power cut: Today and the release's page say since when nobody looked, and how what fell due meanwhile stands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bot.console import stood
from bot.domain.delivery import State
from bot.domain.instants import show
from bot.models import Release, Standstill
from tests.services.factories import lifted

from .world import ARTICLES, District, now, put

Login = Callable[[str], Client]
MINUTE = timedelta(minutes=1)


def page(client: Client, address: str = "/") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def stood_over(release: Release, *, minutes: int = 4) -> Standstill:
    """The machine was away over the instant of a release, and is back."""
    since = release.instant - MINUTE
    return Standstill.objects.create(since=since, until=since + minutes * MINUTE)


def without_quota(district: District) -> None:
    """Several releases on one day: 发布 instead of 群发."""
    district.accounts[0].mode = "publish"
    district.accounts[0].save()


def part(client: Client) -> str:
    """What Today says of it."""
    shown = page(client)
    return shown[shown.index('id="stood"') : shown.index('id="strip"')]


def moved_back(release: Release, by: timedelta = 40 * MINUTE) -> Release:
    """Its instant lies behind us."""
    with lifted("release_kept_while_signed"):
        Release.objects.filter(pk=release.pk).update(instant=release.instant - by)
    release.refresh_from_db()
    for push in release.publications.all():
        put(push, push.state, instant=push.instant - by, not_before=push.not_before - by)
    return release


def left(release: Release, late: timedelta) -> None:
    for push in release.publications.all():
        at = push.instant + late
        put(push, State.LIVE, sent_at=at, live_at=at)


def test_today_names_the_release_and_how_late_it_went_out(district: District, as_: Login) -> None:
    release = moved_back(district.signed(title="停电时的发布"))
    left(release, 3 * MINUTE + timedelta(seconds=2))
    one = stood_over(release)
    shown = part(as_("duty"))
    assert "系统停过" in shown
    assert f"{show(one.since)} 之后系统没有巡查，{show(one.until)[11:]} 恢复（4 分）。" in shown
    assert "停电时的发布" in shown
    assert State.LIVE.label in shown
    assert "晚 3 分 2 秒" in shown


def test_what_has_not_gone_out_stands_there_in_its_state(district: District, as_: Login) -> None:
    release = moved_back(district.signed(title="还没有发出"))
    for push in release.publications.all():
        put(push, State.MISSED, reason="错过了时限，没有发出。")
    stood_over(release)
    shown = part(as_("duty"))
    assert "还没有发出" in shown
    assert State.MISSED.label in shown


def test_a_standstill_that_touched_nothing_of_the_unit_is_not_told(district: District, as_: Login) -> None:
    release = district.signed()
    Standstill.objects.create(since=now() - 9 * MINUTE, until=now() - 5 * MINUTE)
    assert "系统停过" not in page(as_("duty"))
    assert "没有巡查" not in page(as_("duty"), f"/releases/{release.pk}")


def test_the_releases_page_says_why_it_was_late(district: District, as_: Login) -> None:
    release = moved_back(district.signed())
    left(release, 3 * MINUTE + timedelta(seconds=2))
    stood_over(release)
    shown = page(as_("duty"), f"/releases/{release.pk}")
    assert "之后系统没有巡查" in shown
    assert "本单的发布时刻在这段时间里" in shown


def test_the_first_are_named_and_the_others_counted(
    district: District, as_: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stood, "MOST_RELEASES", 1)
    without_quota(district)
    first, second = (moved_back(district.signed(one, title=f"第 {one.external_id} 号")) for one in ARTICLES[:2])
    stood_over(first, minutes=9)
    shown = part(as_("duty"))
    assert "第 HD-1 号" in shown
    assert "第 HD-2 号" not in shown
    assert "另有 1 张发布单" in shown
    assert second.instant < now()


def test_more_releases_need_no_more_questions(district: District, as_: Login) -> None:
    client = as_("duty")
    without_quota(district)
    asked = []
    for article in ARTICLES:
        release = moved_back(district.signed(article))
        Standstill.objects.all().delete()
        stood_over(release, minutes=9)
        client.get("/")
        with CaptureQueriesContext(connection) as queries:
            assert "系统停过" in part(client)
        asked.append(len(queries))
    assert asked[2] == asked[1]
