"""A hand that asks no foreign key takes a release away on SQLite: it is noticed, and nothing else stops for it.

PostgreSQL asks them of everybody.
"""

from __future__ import annotations

from django.db import connection

from bot.domain.alarms import Kind
from bot.domain.channel import CheckResult
from bot.domain.delivery import State
from bot.models import Account, Alarm, Item, Publication, Release
from bot.services import alarming, health

from .delivery_support import put
from .factories import NOW, Office, article, lifted, publication


def of_records() -> list[CheckResult]:
    return [one for one in health.examine(now=NOW, ask_platforms=False) if one.code == "orphans"]


def half_public(office: Office, number: int) -> Release:
    release = office.signed(office.approved(article(number)))
    Item.objects.filter(publication__release=release).update(platform_id="1", url="https://weibo.com/1/a")
    put(publication(release, office.wechat), State.LIVE, live_at=NOW)
    put(publication(release, office.weibo), State.NEEDS_PERSON)
    return release


def taken_away(release: Release) -> None:
    with lifted("release_not_deleted"), connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_keys=OFF")
        cursor.execute("DELETE FROM bot_release WHERE id = %s", [release.pk])
        cursor.execute("PRAGMA foreign_keys=ON")


def test_the_doctor_names_records_that_hang_in_the_air(committed_office: Office) -> None:
    if connection.vendor != "sqlite":
        return
    release = committed_office.signed()
    assert [one.ok for one in of_records()] == [True]
    taken_away(release)
    [found] = of_records()
    assert not found.ok
    assert "bot_publication 有 2 行引用的 bot_release 不在了" in found.message
    assert "请系统管理员用最近的备份恢复" in found.remedy


def test_the_sweep_goes_on_to_the_others(committed_office: Office) -> None:
    if connection.vendor != "sqlite":
        return
    Account.objects.filter(channel="wechat").update(mode="publish")
    committed_office.wechat.refresh_from_db()
    gone, other = half_public(committed_office, 1), half_public(committed_office, 2)
    alarming.reconcile(list(Publication.objects.filter(release=gone).values_list("pk", flat=True)), now=NOW)
    taken_away(gone)
    put(publication(other, committed_office.weibo), State.HELD)
    alarming.sweep(now=NOW)
    assert Alarm.objects.filter(kind=Kind.SPLIT, release=other.pk).exists()
