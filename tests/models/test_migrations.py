"""An installation that is in use gets new records: its rows, its triggers and its refusals are there afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection

from bot.models import PortalGate, Release
from bot.models.triggers import install, missing
from tests.services.factories import Office, after_live, publication

from .sql import attempt_row, refused


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


def test_migrating_where_nothing_is_new_leaves_the_rules_in_place(committed_db: None) -> None:
    install()
    call_command("migrate", verbosity=0, interactive=False)
    assert missing(connection) == []  # type: ignore[arg-type]


def _second():  # type: ignore[no-untyped-def]
    from tests.services.factories import article

    return article(2)
