"""Evidence: one chain over every decision; whoever edits, deletes, inserts or reorders by hand is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from django.db import connection, transaction

from bot.cli.main import main
from bot.domain.chain import GENESIS, link
from bot.domain.instants import BEIJING, NaiveInstantError
from bot.models import AuditEvent
from bot.services import audit, stops, vault

from .factories import NOW, Office, drop_rules

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def lines(count: int = 6) -> list[AuditEvent]:
    for number in range(count):
        audit.append("王初", f"step.{number}", "document:HD-1", {"number": number, "说明": "同意"}, now=NOW)
    return list(AuditEvent.objects.order_by("sequence"))


def tongfa(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def broken_at() -> int | None:
    """Where `tongfa audit verify` finds the chain broken, with what it tells people and scripts."""
    result = tongfa("audit", "verify", "--json")
    document = json.loads(result.output)
    plain = tongfa("audit", "verify")
    if result.exit_code == 0:
        assert document["ok"]
        assert "留痕完整" in plain.output
        return None
    assert (result.exit_code, document["ok"], plain.exit_code) == (1, False, 1)
    assert "请立即报告审计员并封存数据库" in plain.output
    return int(document["broken_at"])


# --- writing --------------------------------------------------------------------------------------------


def test_each_line_stands_on_the_one_before() -> None:
    first, second, *_ = lines()
    assert (first.sequence, first.previous) == (1, GENESIS)
    assert (second.sequence, second.previous) == (2, first.mac)
    assert second.mac == link(vault.audit_key(), first.mac, audit.row_of(second))


def test_an_untouched_trail_holds_and_names_its_head() -> None:
    held = lines()
    assert audit.verify_chain() == (6, held[-1].mac, None)
    assert broken_at() is None


def test_instants_are_kept_in_utc_and_never_without_a_zone() -> None:
    audit.append("a", "b", "c", now=datetime(2026, 11, 23, 9, 0, 0, 123456, BEIJING))
    assert AuditEvent.objects.get().at == datetime(2026, 11, 23, 1, 0, 0, 123456, UTC)
    assert audit.verify_chain()[2] is None
    with pytest.raises(NaiveInstantError):
        audit.append("a", "b", "c", now=datetime(2026, 11, 23, 9))


@pytest.mark.parametrize("data", [{}, {"数": 0, "text": '\u2028"<&>😀', "deep": [{"a": None, "b": [1.5, True]}]}])
def test_what_comes_back_from_the_database_is_what_was_signed(data: dict[str, object]) -> None:
    audit.append("a", "b", "c", data, now=NOW)
    assert audit.verify_chain() == (1, AuditEvent.objects.get().mac, None)


def test_what_is_not_committed_is_not_in_the_chain() -> None:
    lines(2)
    with transaction.atomic():
        audit.append("a", "lost", "c", now=NOW)
        transaction.set_rollback(True)
    audit.append("a", "kept", "c", now=NOW)
    assert [event.action for event in AuditEvent.objects.order_by("sequence")] == ["step.0", "step.1", "kept"]
    assert audit.verify_chain()[0] == 3


def test_threads_that_write_at_once_make_one_chain_without_gaps(committed_db: None) -> None:
    def write(number: int) -> None:
        try:
            for step in range(5):
                audit.append(f"thread {number}", f"step.{step}", "x", now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6), timeout=60))
    assert audit.verify_chain()[::2] == (30, None)
    assert list(AuditEvent.objects.order_by("sequence").values_list("sequence", flat=True)) == list(range(1, 31))


# --- a hand in the database -----------------------------------------------------------------------------

EDITS: dict[str, Callable[[], object]] = {
    "actor": lambda: AuditEvent.objects.filter(sequence=3).update(actor="赵复"),
    "action": lambda: AuditEvent.objects.filter(sequence=3).update(action="edition.approved"),
    "subject": lambda: AuditEvent.objects.filter(sequence=3).update(subject="document:HD-2"),
    "instant": lambda: AuditEvent.objects.filter(sequence=3).update(at=NOW - timedelta(microseconds=1)),
    "data": lambda: AuditEvent.objects.filter(sequence=3).update(data={"number": 2, "说明": "不同意"}),
    "data added": lambda: AuditEvent.objects.filter(sequence=3).update(data={"number": 2, "说明": "同意", "x": None}),
    "mac": lambda: AuditEvent.objects.filter(sequence=3).update(mac="0" * 64),
    "previous": lambda: AuditEvent.objects.filter(sequence=3).update(previous="0" * 64),
}


@pytest.mark.parametrize("edit", sorted(EDITS))
def test_an_edit_is_found_at_its_line(edit: str) -> None:
    lines()
    drop_rules()
    EDITS[edit]()
    assert broken_at() == 3


def test_an_edit_that_is_signed_with_a_guessed_key_is_found() -> None:
    event = lines()[2]
    drop_rules()
    event.actor = "赵复"
    event.mac = link(b"a guessed key", event.previous, audit.row_of(event))
    event.save()
    assert broken_at() == 3


def test_a_deletion_is_found_where_the_line_is_missing() -> None:
    lines()
    drop_rules()
    AuditEvent.objects.filter(sequence=3).delete()
    assert broken_at() == 3


def test_a_deletion_whose_gap_was_closed_is_found() -> None:
    lines()
    drop_rules()
    AuditEvent.objects.filter(sequence=3).delete()
    for sequence in (4, 5, 6):
        AuditEvent.objects.filter(sequence=sequence).update(sequence=sequence - 1)
    assert broken_at() == 3


def test_the_first_line_cannot_be_taken_away_either() -> None:
    lines()
    drop_rules()
    AuditEvent.objects.filter(sequence=1).delete()
    assert broken_at() == 1


def test_an_insertion_is_found() -> None:
    held = lines()
    drop_rules()
    for sequence in (6, 5, 4, 3):
        AuditEvent.objects.filter(sequence=sequence).update(sequence=sequence + 1)
    forged = AuditEvent(
        sequence=3, at=NOW, actor="钱终", action="edition.reviewed", subject="x", data={}, previous=held[1].mac
    )
    forged.mac = link(b"a guessed key", forged.previous, audit.row_of(forged))
    forged.save(force_insert=True)
    assert broken_at() == 3


def test_a_line_added_at_the_end_without_the_key_is_found() -> None:
    held = lines()
    AuditEvent.objects.create(
        sequence=7,
        at=NOW,
        actor="钱终",
        action="edition.reviewed",
        subject="x",
        data={},
        previous=held[-1].mac,
        mac="f" * 64,
    )
    assert broken_at() == 7


def test_two_lines_that_changed_places_are_found() -> None:
    lines()
    drop_rules()
    for old, new in ((3, 99), (4, 3), (99, 4)):
        AuditEvent.objects.filter(sequence=old).update(sequence=new)
    assert broken_at() == 3


def test_a_cut_tail_shows_in_the_count_and_the_head_that_verify_prints() -> None:
    """Where nothing was decided later, the chain alone cannot know how long it was: hence the exported copy, the noted head."""
    lines()
    before = json.loads(tongfa("audit", "verify", "--json").output)
    drop_rules()
    AuditEvent.objects.filter(sequence=6).delete()
    after = json.loads(tongfa("audit", "verify", "--json").output)
    assert (before["verified"], after["verified"]) == (6, 5)
    assert before["head"] != after["head"]


def signs(office: Office) -> None:
    office.signed(now=NOW + MINUTE)


def freezes(office: Office) -> None:
    stops.freeze(office.unit, person=office.people["releaser"], reason="突发", now=NOW + MINUTE)


def reviews(office: Office) -> None:
    office.passes(office.submitted(), now=NOW + MINUTE)


@pytest.mark.parametrize("decides", [signs, freezes, reviews])
def test_a_tail_that_was_cut_off_behind_a_decision_that_still_stands_is_found(
    office: Office, decides: Callable[[Office], None]
) -> None:
    decides(office)
    assert broken_at() is None
    drop_rules()
    first = AuditEvent.objects.filter(at__gt=NOW).order_by("sequence")[0].sequence
    AuditEvent.objects.filter(sequence__gte=first).delete()
    assert broken_at() == first


def test_an_emptied_trail_is_found_where_anything_was_ever_decided(office: Office) -> None:
    office.approved()
    drop_rules()
    AuditEvent.objects.all().delete()
    assert broken_at() == 1


def test_a_trail_holds_although_the_clock_was_set_back_after_a_decision(office: Office) -> None:
    signs(office)
    audit.append("a", "b", "c", now=NOW - timedelta(days=1))
    assert broken_at() is None


def test_another_home_s_key_does_not_verify_it(tmp_path: Path) -> None:
    from .factories import fresh_home

    lines()
    with fresh_home(tmp_path / "other"):
        assert broken_at() == 1


# --- export ---------------------------------------------------------------------------------------------


def test_the_exported_lines_can_be_verified_without_the_database(office: Office, tmp_path: Path) -> None:
    office.signed()
    result = tongfa("audit", "export", str(tmp_path / "trail.jsonl"), "--json")
    rows = [json.loads(line) for line in (tmp_path / "trail.jsonl").read_text("utf-8").splitlines()]
    assert json.loads(result.output)["rows"] == len(rows) == AuditEvent.objects.count()
    previous = GENESIS
    for row in rows:
        signed = {name: row[name] for name in ("sequence", "at", "actor", "action", "subject", "data")}
        assert row["previous"] == previous
        assert row["mac"] == link(vault.audit_key(), previous, signed)
        previous = row["mac"]
