"""The database's rules at a start: compared, written down before they are put back, and told from an upgrade."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection

from bot.domain.alarms import Kind
from bot.models import Alarm, AuditEvent
from bot.models.triggers import missing
from bot.services import audit, wall
from bot.services.errors import Refused

from .factories import NOW, drop_rules


def clock():  # type: ignore[no-untyped-def]
    return NOW


def lines() -> list[str]:
    """What the audit trail says of the rules, in order."""
    found = AuditEvent.objects.filter(subject__startswith="home").order_by("sequence")
    return [line.data.get("kind", line.action) for line in found]


@pytest.fixture
def installed(db: None) -> None:
    """A home as `tongfa init` leaves it."""
    wall.bring_up_to_date(clock=clock)


def test_a_new_home_notes_how_the_rules_stand_and_is_no_alarm(installed: None) -> None:
    wall.require_whole(now=NOW)
    wall.bring_up_to_date(clock=clock)
    assert lines() == [wall.INSTALLED]
    assert not Alarm.objects.exists()


def test_a_sender_without_the_rules_is_refused_in_words_and_raises_the_alarm(installed: None) -> None:
    drop_rules(event="DELETE")
    with pytest.raises(Refused) as refusal:
        wall.require_whole(now=NOW)
    for word in ("review_not_deleted", "没有发出任何内容", "tongfa up", "进程没有启动"):
        assert word in refusal.value.message
    alarm = Alarm.objects.get()
    assert (alarm.kind, alarm.subject) == (Kind.RULES, "home")
    assert missing(connection)  # type: ignore[arg-type]  # nothing was put back without a word


def test_what_was_taken_away_is_written_down_and_called_out_before_it_is_put_back(
    installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_rules(event="DELETE")
    at_migrate: list[tuple[list[str], int]] = []
    real = wall.call_command

    def migrate(*args: object, **options: object) -> None:
        at_migrate.append((lines(), len(missing(connection))))  # type: ignore[arg-type]
        real(*args, **options)

    monkeypatch.setattr(wall, "call_command", migrate)
    wall.bring_up_to_date(clock=clock)
    ((said, gone),) = at_migrate
    assert said == [wall.INSTALLED, wall.TAMPERED, "rules"]
    assert gone
    assert missing(connection) == []  # type: ignore[arg-type]
    alarm = Alarm.objects.get()
    assert (alarm.kind, alarm.closed_at) == (Kind.RULES, None)
    assert "review_not_deleted" in AuditEvent.objects.get(action=wall.TAMPERED).data["rules"]
    assert audit.verify_chain()[2] is None
    wall.bring_up_to_date(clock=clock)
    assert lines().count(wall.TAMPERED) == 1


def test_rules_of_another_version_are_an_upgrade_as_long_as_nobody_else_changed_them(
    installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This version knows more rules than the one that installed them."""
    from bot.models import triggers

    older = triggers.RULES[:-2]
    drop_rules()
    monkeypatch.setattr(triggers, "RULES", older)
    triggers.install()
    wall.note_installed(NOW)
    monkeypatch.undo()
    wall.bring_up_to_date(clock=clock)
    assert missing(connection) == []  # type: ignore[arg-type]
    assert wall.TAMPERED not in lines()
    assert not Alarm.objects.exists()


def test_a_home_of_a_version_that_kept_no_record_is_brought_up_to_date(db: None) -> None:
    drop_rules(event="DELETE")
    wall.bring_up_to_date(clock=clock)
    assert lines() == [wall.INSTALLED]


def test_what_no_migration_puts_back_keeps_everything_from_starting(installed: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX attempt_single_flight")
    with pytest.raises(Refused, match=r"attempt_single_flight.*无法自动补回"):
        wall.bring_up_to_date(clock=clock)
    with pytest.raises(Refused, match="attempt_single_flight"):
        wall.require_whole(now=NOW)


def test_an_older_database_is_said_to_be_old_and_is_no_alarm(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    drop_rules(event="DELETE")
    monkeypatch.setattr(wall, "pending", lambda: True)
    with pytest.raises(Refused, match="还没有升级"):
        wall.require_whole(now=NOW)
    assert not Alarm.objects.exists()


def test_a_process_that_sends_nothing_goes_on_and_people_see_the_alarm(installed: None) -> None:
    drop_rules(event="DELETE")
    wall.compare(now=NOW)
    assert Alarm.objects.get().kind == Kind.RULES


def test_a_migration_that_fails_leaves_no_database_without_rules(
    installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite they step aside for it."""

    def fails(*_: object, **__: object) -> None:
        drop_rules()
        raise OperationalError("table bot_unit already exists")

    monkeypatch.setattr(wall, "call_command", fails)
    with pytest.raises(OperationalError):
        wall.bring_up_to_date(clock=clock)
    assert missing(connection) == []  # type: ignore[arg-type]


def test_nothing_is_migrated_under_processes_that_are_at_work(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wall, "pending", lambda: True)
    with pytest.raises(Refused, match="发布进程还在运行，没有升级，没有做任何改动"):
        wall.bring_up_to_date(clock=clock, at_work=["发布进程"])
    monkeypatch.setattr(wall, "pending", lambda: False)
    wall.bring_up_to_date(clock=clock, at_work=["发布进程"])
