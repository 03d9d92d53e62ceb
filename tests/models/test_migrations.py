"""An installation that is in use gets new records: its rows, its triggers and its refusals are there afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection

from bot.models import Account, ManualCount, ManualPost, PortalGate, Release, Unit
from bot.models.triggers import install, missing
from tests.services.factories import NOW, Office, after_live, publication

from .sql import attempt_row, insert, refused


@pytest.fixture
def at_first_version(committed_db: None) -> Iterator[None]:
    """A database as the first version left it, triggers included; the newest again afterwards."""
    call_command("migrate", "bot", "0001", verbosity=0, interactive=False)
    yield
    call_command("migrate", "bot", verbosity=0, interactive=False)


def test_a_database_with_triggers_is_brought_to_the_newest_version_and_guarded_again(at_first_version: None) -> None:
    """SQLite rebuilds tables, and refuses to while a trigger elsewhere mentions them: they step aside."""
    call_command("migrate", "bot", verbosity=0, interactive=False)
    assert missing(connection) == []  # type: ignore[arg-type]
    office = Office.make()
    plain, gated = office.signed(), office.signed(office.approved(_second()), sync=after_live(), on=[office.weibo])
    assert (plain.signed_policy, Release.objects.get(pk=plain.pk).policy) == ("at_time", None)
    assert PortalGate.objects.get().release == gated
    with refused("no attempt before the portal page is live"):
        attempt_row(publication(gated, office.weibo))
    attempt_row(publication(plain, office.wechat))


@pytest.fixture
def before_accounts_stood_once(committed_db: None) -> Iterator[None]:
    """A database as it was while one real account could stand in several rows; the newest again afterwards."""
    call_command("migrate", "bot", "0008", verbosity=0, interactive=False)
    yield
    call_command("migrate", "bot", verbosity=0, interactive=False)


def test_of_rows_that_are_one_account_an_enabled_one_keeps_what_names_it_and_none_is_lost(
    before_accounts_stood_once: None,
) -> None:
    """And the oldest of them; what the doctor says of the others: tests/services/test_accounts_once.py."""
    unit = Unit.objects.create(code="office", name="河东区政府办公室")
    old_account(unit, "disabled", app_id="wx1", disabled="换地址")
    old_account(unit, "first", app_id="wx1")
    old_account(unit, "second", app_id=" WX1 ")
    old_account(unit, "alone", app_id="wx2", disabled="停用")
    old_account(unit, "weibo", channel="weibo", uid="wx1")
    old_account(unit, "nameless", colour="red")
    old_account(unit, "foreign", channel="bulletin", uid="1")
    before = list(Account.objects.order_by("pk").values("slug", "options", "disabled_reason"))
    call_command("migrate", "bot", verbosity=0, interactive=False)
    assert list(Account.objects.order_by("pk").values("slug", "options", "disabled_reason")) == before
    assert dict(Account.objects.exclude(identity="").values_list("slug", "identity")) == {
        "first": "wx1", "alone": "wx2", "weibo": "wx1",
    }  # fmt: skip
    assert missing(connection) == []  # type: ignore[arg-type]


def old_account(unit: Unit, slug: str, *, channel: str = "wechat", disabled: str = "", **options: str) -> None:
    """A row of a version that knew no identity."""
    insert(
        "bot_account", unit_id=unit.pk, slug=slug, channel=channel, name=slug, mode="mass", endpoints="{}",
        options=json.dumps(options), proxy="", disabled_reason=disabled, created_at=NOW,
    )  # fmt: skip


@pytest.fixture
def before_numbers_by_hand(committed_db: None) -> Iterator[None]:
    """A database as it was while nobody asked for the numbers of what people posted; the newest again afterwards."""
    call_command("migrate", "bot", "0022", verbosity=0, interactive=False)
    yield
    call_command("migrate", "bot", verbosity=0, interactive=False)


def test_what_people_posted_before_is_followed_from_now_on_and_what_is_void_is_not(
    before_numbers_by_hand: None,
) -> None:
    office = Office.make()
    standing, void = by_hand(office, "a"), by_hand(office, "b")
    insert("bot_manualvoid", post_id=void, reason="没有发", person_id=office.people["releaser"].pk, at=NOW)
    call_command("migrate", "bot", verbosity=0, interactive=False)
    assert list(ManualCount.objects.values_list("post_id", "next_sample_at", "platform_id")) == [(standing, NOW, "")]
    assert missing(connection) == []  # type: ignore[arg-type]


def by_hand(office: Office, key: str) -> int:
    person = office.people["releaser"].pk
    insert(
        "bot_manualpost", unit_id=office.unit.pk, account_id=office.weibo.pk, mode="share", title="停水通知",
        url=f"https://weibo.com/1/{key}", post_key=key, posted_at=NOW, posted_by_id=person, entered_by_id=person,
        entered_at=NOW, note="",
    )  # fmt: skip
    return ManualPost.objects.get(post_key=key).pk


def test_migrating_where_nothing_is_new_leaves_the_rules_in_place(committed_db: None) -> None:
    install()
    call_command("migrate", verbosity=0, interactive=False)
    assert missing(connection) == []  # type: ignore[arg-type]


def _second():  # type: ignore[no-untyped-def]
    from tests.services.factories import article

    return article(2)
