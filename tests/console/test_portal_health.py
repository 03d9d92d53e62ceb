"""The portal on the duty desk: the last look that is on record, the last good one, and no call for a page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from bot.console import portalhealth
from bot.domain.instants import show
from bot.models import PortalGate, Preflight, PreflightCheck, Release

from .world import ARTICLES, District, now

Login = Callable[[str], Client]
HOUR = timedelta(hours=1)


def looked(release: Release, *, ago: timedelta, seen: str, words: str = "") -> PortalGate:
    return PortalGate.objects.create(release=release, asked=1, asked_at=now() - ago, seen=seen, words=words)


def prechecked(release: Release, district: District, *, ago: timedelta, ok: bool, message: str) -> None:
    row = Preflight.objects.create(
        release=release, account=district.accounts[0], kind="asked", signed_at=now(), due_at=now(), state="done",
        done_at=now() - ago, ok=ok,
    )  # fmt: skip
    PreflightCheck.objects.create(preflight=row, position=1, code="portal", name="门户", ok=ok, message=message)


def test_never_looked_at_says_so(district: District, as_: Login) -> None:
    page = as_("duty").get("/").content.decode()
    assert "门户网站</b>" in page
    assert "还没有看过" in page


@pytest.mark.parametrize(("seen", "words"), [("live", "网页已上线"), ("not_yet", "网页未上线")])
def test_a_good_look_is_green_for_a_day(district: District, seen: str, words: str) -> None:
    gate = looked(district.planned(ARTICLES[0]), ago=HOUR, seen=seen)
    assert gate.asked_at is not None
    dot = portalhealth.of_unit(district.unit, now=now())
    assert (dot.tone, dot.words) == ("good", (f"{show(gate.asked_at)} 读得到，{words}",))
    assert portalhealth.of_unit(district.unit, now=now() + timedelta(days=2)).tone == "wait"


def test_a_bad_look_is_amber_with_the_last_good_one(district: District, as_: Login) -> None:
    good = looked(district.planned(ARTICLES[0]), ago=5 * HOUR, seen="live")
    looked(district.planned(ARTICLES[1]), ago=HOUR, seen="unclear", words="连接超时")
    dot = portalhealth.of_unit(district.unit, now=now())
    assert dot.tone == "warn"
    assert "没有看清：连接超时" in dot.words[0]
    assert good.asked_at is not None
    assert dot.words[1] == f"上一次正常：{show(good.asked_at)}"
    assert "没有看清：连接超时" in as_("duty").get("/").content.decode()


def test_pre_flights_look_at_it_too(district: District) -> None:
    release = district.planned(ARTICLES[0])
    prechecked(release, district, ago=2 * HOUR, ok=True, message="门户网站连得上。")
    assert portalhealth.of_unit(district.unit, now=now()).tone == "good"
    prechecked(release, district, ago=HOUR, ok=False, message="门户网站现在读不到（证书过期）。")
    dot = portalhealth.of_unit(district.unit, now=now())
    assert (dot.tone, "证书过期" in dot.words[0], dot.words[1].startswith("上一次正常：")) == ("warn", True, True)


def test_looks_of_another_unit_tell_nothing(district: District) -> None:
    town = District.make("town", "九曲街道")
    looked(town.planned(ARTICLES[0]), ago=HOUR, seen="live")
    assert "还没有看过" in portalhealth.of_unit(district.unit, now=now()).words[0]


def test_it_takes_four_questions_at_most(district: District, django_assert_max_num_queries: Any) -> None:
    looked(district.planned(ARTICLES[0]), ago=HOUR, seen="unclear", words="x")
    with django_assert_max_num_queries(4):
        portalhealth.of_unit(district.unit, now=now())
