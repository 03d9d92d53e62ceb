"""留痕 as a list: its index, its filters, its pages, who may read what; the check in turns; files to take away."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from bot.domain.chain import GENESIS, link
from bot.domain.trail import Sort
from bot.models import Alarm, AuditEvent, Chore, Person, TrailLine
from bot.models.watch import CHORES
from bot.services import (
    audit,
    health,
    inspections,
    people,
    snapshot,
    trailcheck,
    trailexport,
    trailindex,
    trailpages,
    vault,
)
from bot.services.audit import Part
from bot.services.errors import Refused
from bot.services.trailpages import Asked, Cursor

from .factories import NOW, Office, article, drop_rules

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def somebody(office: Office, role: str) -> Person:
    return people.add_person(
        f"{office.unit.code}-{role}", name="郑审", unit=office.unit, roles=[role], password=None, actor="test", now=NOW
    )


@pytest.fixture
def auditor(office: Office) -> Person:
    return somebody(office, "auditor")


def house() -> None:
    """Three lines of the installation, and one that nobody can tell whose it is."""
    audit.append("系统", "rules.installed", "home", {"fingerprint": "0" * 64}, now=NOW)
    audit.append("访客", "login.tried", "login:10.0.0.9", {"who": "ab"}, now=NOW)
    audit.append("tongfa backup", "home.backed_up", "home", {"file": "a.zip"}, now=NOW)
    audit.append("系统", "publication.resend", "publication:999999", {"reason": "隐去"}, now=NOW)


def told(person: Person, **asked: Any) -> list[str]:
    trailindex.catch_up(10_000)
    return [line.sentence.what for line in trailpages.page(Asked(**asked), person=person).lines]


# --- the index ------------------------------------------------------------------------------------------------


def test_the_index_takes_in_what_is_new_some_lines_at_a_time(office: Office) -> None:
    office.signed()
    total = AuditEvent.objects.count()
    assert trailindex.catch_up(3) == total - 3
    assert trailindex.catch_up(10_000) == 0
    assert TrailLine.objects.count() == total
    audit.append("系统", "x.y", "unit:office", {}, now=NOW)
    assert trailindex.catch_up(10_000) == 0
    assert TrailLine.objects.get(sequence=total + 1).whose == office.unit.pk


def test_made_anew_it_is_the_same(office: Office, auditor: Person) -> None:
    office.signed()
    house()
    trailindex.catch_up(10_000)
    before = list(TrailLine.objects.order_by("sequence").values())
    assert trailindex.rebuild() == len(before)
    assert list(TrailLine.objects.order_by("sequence").values()) == before


def test_two_that_take_in_the_same_lines_do_no_harm(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.took()
    trailindex.catch_up(10_000)
    monkeypatch.setattr(trailindex, "_ends", lambda: (0, AuditEvent.objects.count()))
    assert trailindex.catch_up(10_000) == 0
    assert TrailLine.objects.count() == AuditEvent.objects.count()


def test_while_it_is_made_anew_nobody_misses_a_line(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.signed()
    trailindex.catch_up(10_000)
    total, seen, look = AuditEvent.objects.count(), [], trailindex.units_of
    monkeypatch.setattr(trailindex, "TOGETHER", 5)
    monkeypatch.setattr(
        trailindex, "units_of", lambda events: (seen.append(TrailLine.objects.count()), look(events))[1]
    )
    assert trailindex.rebuild() == total
    assert len(seen) > 2
    assert set(seen) == {total}


def test_made_anew_it_gets_back_lines_that_it_lacked_and_loses_those_of_no_chain(office: Office) -> None:
    office.signed()
    trailindex.catch_up(10_000)
    before = list(TrailLine.objects.order_by("sequence").values())
    TrailLine.objects.filter(sequence__in=[2, 5]).delete()
    TrailLine.objects.create(sequence=999_999, whose=1, at=NOW, actor="x", sort="other", subject="home")
    assert trailindex.rebuild() == len(before)
    assert list(TrailLine.objects.order_by("sequence").values()) == before


def test_who_takes_in_lines_while_another_empties_the_index_leaves_no_gap(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.signed()
    trailindex.catch_up(10)
    look = trailindex.units_of

    def emptied_meanwhile(events: list[AuditEvent]) -> dict[int, int]:
        TrailLine.objects.all().delete()
        return look(events)

    monkeypatch.setattr(trailindex, "units_of", emptied_meanwhile)
    trailindex.catch_up(5)
    monkeypatch.setattr(trailindex, "units_of", look)
    assert trailindex.catch_up(10_000) == 0
    assert TrailLine.objects.count() == AuditEvent.objects.count()


def test_the_doctor_says_that_the_index_has_gaps_and_what_mends_them(office: Office) -> None:
    office.signed()
    trailindex.catch_up(10)

    def told() -> list[tuple[bool, str]]:
        found = health.examine(now=NOW, ask_platforms=False)
        return [(one.warning, one.remedy) for one in found if one.code == "trail_index"]

    assert told() == [(False, "")]  # what it has not come to yet is no gap
    TrailLine.objects.filter(sequence=4).delete()
    assert trailindex.gaps() == 1
    ((warning, remedy),) = told()
    assert warning
    assert "tongfa audit index --anew" in remedy
    trailindex.rebuild()
    assert told() == [(False, "")]


def test_the_clock_works_off_a_backlog_in_turns(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.signed()
    monkeypatch.setattr(trailindex, "TOGETHER", 5)
    monkeypatch.setattr(trailindex, "LONGEST", timedelta())
    inspections.inspect(CHORES.index("trail"), now=lambda: NOW)
    assert TrailLine.objects.count() == 5
    assert Chore.objects.get(pk="trail").next_at == NOW + inspections.GO_ON
    monkeypatch.setattr(trailindex, "LONGEST", MINUTE)
    inspections.inspect(CHORES.index("trail"), now=lambda: NOW + MINUTE)
    assert TrailLine.objects.count() == AuditEvent.objects.count()
    assert Chore.objects.get(pk="trail").next_at == NOW + MINUTE + inspections.EVERY["trail"]


def test_a_backup_leaves_the_index_out() -> None:
    assert TrailLine not in snapshot.tables()


# --- who reads what -------------------------------------------------------------------------------------------


def test_an_auditor_reads_the_lines_of_their_unit_and_of_nobody_else(office: Office, auditor: Person) -> None:
    town = Office.make("town", prefix="town-")
    town.took(article(5))
    house()
    said = told(auditor)
    assert said
    assert not [line for line in said if "九曲" in line or "town" in line or "数据库规则" in line or "尝试登录" in line]
    subjects = TrailLine.objects.filter(whose=town.unit.pk).values_list("subject", flat=True)
    assert "document:HD-5" in set(subjects)


def test_the_audit_administrator_reads_the_installations_lines_too_but_no_other_units(office: Office) -> None:
    admin = somebody(office, "auditadmin")
    Office.make("town", prefix="town-").took(article(5))
    house()
    said = told(admin)
    assert "安装数据库规则" in said
    assert any("尝试登录" in line for line in said)
    assert not any("HD-5" in line for line in said)
    assert not any("重新发送" in line for line in said), "what is nobody's is shown to nobody"


@pytest.mark.parametrize("role", ["editor", "releaser", "duty", "sysadmin", "secadmin"])
def test_nobody_else_reads_checks_or_exports_it(office: Office, role: str) -> None:
    who = somebody(office, role)
    for act in (
        lambda: trailpages.page(Asked(), person=who),
        lambda: list(trailpages.every(Asked(), person=who)),
        lambda: list(trailexport.as_evidence(Asked(), person=who)),
        lambda: trailexport.note("csv", "", person=who, now=NOW),
        lambda: trailcheck.check_on(Part(), person=who, now=NOW),
    ):
        with pytest.raises(Refused) as refusal:
            act()
        assert refusal.value.code == "role"


# --- filters and pages ----------------------------------------------------------------------------------------


def test_filters_narrow_it(office: Office, auditor: Person) -> None:
    document = office.submitted()
    office.passes(document, "first", now=NOW + timedelta(days=1))
    audit.append("first", "edition.reviewed", "document:HD-1",
                 {"step": "second", "verdict": "return", "comment": "Date 有误", "content": "x" * 64, "unit": "office"},
                 now=NOW + timedelta(days=2))  # fmt: skip
    assert len(told(auditor, actor="first")) == 2
    assert {"复审退回" in line for line in told(auditor, actor="first", words=("date", "退回"))} == {True}
    assert told(auditor, words=("没有这样的字",)) == []
    assert len(told(auditor, about="document", name="HD-1")) == 4
    assert len(told(auditor, about="document", name="HD-1", first=date(2026, 11, 24), last=date(2026, 11, 24))) == 1
    assert len(told(auditor, sort=Sort.TEXT)) == 4
    assert told(auditor, actor="first", sort=Sort.PEOPLE) == []
    assert any("添加人员" in line for line in told(auditor, sort=Sort.PEOPLE, last=date.max))


def test_a_release_is_found_with_its_pushes_and_another_units_is_not(office: Office, auditor: Person) -> None:
    release = office.signed()
    town = Office.make("town", prefix="town-")
    theirs = town.signed(town.approved(article(5)))
    trailindex.catch_up(10_000)
    lines = trailpages.page(Asked(about="release", name=str(release.pk)), person=auditor).lines
    assert {line.sentence.action for line in lines} >= {"release.planned", "release.signed"}
    assert {line.thing.key for line in lines} == {str(release.pk)}
    assert not trailpages.page(Asked(about="release", name=str(theirs.pk)), person=auditor).lines


def test_pages_follow_each_other_without_a_gap_though_the_clock_went_back(office: Office) -> None:
    admin = somebody(office, "auditadmin")
    for number in range(40):
        back = timedelta(seconds=number % 3)
        audit.append("系统", "metrics.sampled", "account:zghd", {"day": str(number)}, now=NOW - back)
        audit.append("访客", "login.tried", f"login:10.0.0.{number}", {"who": "x"}, now=NOW - back)
    trailindex.catch_up(10_000)
    found: list[tuple[Any, int]] = []
    after: Cursor | None = None
    while True:
        page = trailpages.page(Asked(), person=admin, after=after, size=7)
        found += [(line.sentence.at, line.sentence.number) for line in page.lines]
        if page.after is None:
            break
        after = Cursor.parse(str(page.after))
    assert len(found) == AuditEvent.objects.count()
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("text", ["", "x", "2026-11-23T01:00:00+00:00", "~3", "2026-11-23T01:00:00+00:00~-1", "9~9"])
def test_a_cursor_that_is_none_is_none(text: str) -> None:
    assert Cursor.parse(text) is None


def test_words_are_looked_for_in_so_many_lines_and_then_it_goes_on(
    office: Office, auditor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trailpages, "MOST_LOOKED_AT", 20)
    monkeypatch.setattr(trailpages, "AT_ONCE", 10)
    audit.append("系统", "release.held", "unit:office", {"reason": "很久以前"}, now=NOW - MINUTE)
    for number in range(30):
        audit.append("系统", "metrics.sampled", "account:zghd", {"day": str(number)}, now=NOW + MINUTE)
    trailindex.catch_up(10_000)
    asked = Asked(words=("很久",))
    first = trailpages.page(asked, person=auditor)
    assert (list(first.lines), first.looked_at) == ([], 20)
    found, after = [], first.after
    while after is not None:
        page = trailpages.page(asked, person=auditor, after=after)
        found, after = [*found, *page.lines], page.after
    assert [line.sentence.detail for line in found] == ["很久以前"]


def test_a_page_costs_the_same_however_many_lines_there_are(
    office: Office, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    admin = somebody(office, "auditadmin")
    for number in range(60):
        office.took(article(number))
    office.signed(office.approved(article(70)))
    trailindex.catch_up(10_000)
    with django_assert_max_num_queries(12):
        assert len(trailpages.page(Asked(), person=admin).lines) == 50


def test_a_line_that_somebody_deleted_is_shown_as_lacking(office: Office, auditor: Person) -> None:
    office.took()
    trailindex.catch_up(10_000)
    drop_rules()
    AuditEvent.objects.order_by("-sequence")[0].delete()
    assert "找不到了" in told(auditor)[0]


# --- the check ------------------------------------------------------------------------------------------------


def turns(person: Person, *, most: int) -> list[Part]:
    parts = [Part()]
    while not parts[-1].done:
        parts.append(trailcheck.check_on(parts[-1], person=person, now=NOW, most=most))
    return parts[1:]


def test_the_check_goes_on_in_turns_to_the_same_end_as_all_at_once(office: Office, auditor: Person) -> None:
    office.signed()
    count, head, _ = audit.verify_chain()
    parts = turns(auditor, most=7)
    assert len(parts) == count // 7 + 1
    assert (parts[-1].sequence, parts[-1].head, parts[-1].broken) == (count, head, None)
    note = AuditEvent.objects.order_by("-sequence")[0]
    assert (note.action, note.actor, note.data["lines"], note.data["head"]) == (
        "trail.verified", auditor.username, count, head,
    )  # fmt: skip
    assert audit.verify_chain()[2] is None


@pytest.mark.parametrize("most", [1, 4, 100])
def test_a_break_is_found_at_its_line_written_down_and_an_alarm(office: Office, auditor: Person, most: int) -> None:
    office.took()
    drop_rules()
    AuditEvent.objects.filter(sequence=4).update(actor="别人")
    last = turns(auditor, most=most)[-1]
    assert (last.sequence, last.broken and last.broken.sequence) == (3, 4)
    assert Alarm.objects.get(closed_at__isnull=True).kind == "chain"
    note = AuditEvent.objects.get(action="trail.verified")
    assert (note.data["ok"], note.data["broken_at"]) == (False, 4)


def test_a_cut_end_is_found_in_turns_too(office: Office, auditor: Person) -> None:
    office.signed(now=NOW + MINUTE)
    drop_rules()
    AuditEvent.objects.filter(at__gt=NOW).delete()
    assert turns(auditor, most=5)[-1].broken is not None


# --- files ----------------------------------------------------------------------------------------------------


def test_the_sheet_opens_in_a_spreadsheet_and_runs_nothing(office: Office, auditor: Person) -> None:
    audit.append("editor", "release.held", "unit:office", {"reason": '=HYPERLINK("http://x")'}, now=NOW + MINUTE)
    audit.append("editor", "release.held", "unit:office", {"reason": "+1"}, now=NOW + MINUTE)
    trailindex.catch_up(10_000)
    text = "".join(trailexport.as_sheet(Asked(actor="editor"), person=auditor))
    assert text.startswith(trailexport.BOM + '"序号"')
    rows = list(csv.DictReader(io.StringIO(text.removeprefix(trailexport.BOM))))
    assert [row["说明"] for row in rows] == ["'+1", '\'=HYPERLINK("http://x")']
    assert {row["姓名"] for row in rows} == {"李拟"}


def test_the_evidence_can_be_checked_by_whoever_has_the_key_and_says_nothing_of_other_units(
    office: Office, auditor: Person
) -> None:
    town = Office.make("town", prefix="town-")
    town.signed(town.approved(article(5)))
    office.signed()
    trailindex.catch_up(10_000)
    text = "".join(trailexport.as_evidence(Asked(), person=auditor))
    assert "HD-5" not in text
    assert "town" not in text
    *rows, end = [json.loads(line) for line in text.splitlines()]
    previous, number, withheld = rows[0]["previous"], rows[0]["sequence"] - 1, 0
    assert previous == GENESIS
    for row in rows:
        number += 1
        assert (row["sequence"], row["previous"]) == (number, previous)
        if row.get("withheld"):
            withheld += 1
        else:
            signed = {name: row[name] for name in ("sequence", "at", "actor", "action", "subject", "data")}
            assert row["mac"] == link(vault.audit_key(), previous, signed)
        previous = row["mac"]
    assert end == {"end": {"lines": len(rows) - withheld, "withheld": withheld, "head": previous}}
    assert withheld > 5


def test_the_recipe_of_the_docs_checks_a_file_without_tongfa(office: Office, auditor: Person, tmp_path: Path) -> None:
    Office.make("town", prefix="town-").took(article(5))
    office.signed()
    trailindex.catch_up(10_000)
    page = (Path(__file__).resolve().parents[2] / "docs/how-to/audit-the-trail.md").read_text("utf-8")
    recipe = tmp_path / "check.py"
    recipe.write_text(page.partition("```python\n")[2].partition("```")[0], "utf-8")
    file, key = tmp_path / "trail.jsonl", settings.TONGFA.home.path / "keys" / "audit.key"
    lines = list(trailexport.as_evidence(Asked(), person=auditor))

    def checked(text: str) -> subprocess.CompletedProcess[str]:
        file.write_text(text, "utf-8")
        command = [sys.executable, str(recipe), str(file), str(key)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked("".join(lines)).stdout.startswith("whole: ")
    assert "was altered" in checked("".join(lines).replace('"editor"', '"final"', 1)).stderr
    assert "is lacking" in checked("".join(lines[:3] + lines[4:])).stderr


def test_the_evidence_of_some_days_begins_and_ends_with_them(office: Office, auditor: Person) -> None:
    for day in range(4):
        audit.append("editor", "release.held", "unit:office", {"reason": str(day)}, now=NOW + timedelta(days=day))
    trailindex.catch_up(10_000)
    asked = Asked(first=date(2026, 11, 24), last=date(2026, 11, 25), actor="nobody")
    *rows, _ = [json.loads(line) for line in trailexport.as_evidence(asked, person=auditor)]
    assert [row["data"]["reason"] for row in rows] == ["1", "2"]
    none = list(trailexport.as_evidence(Asked(first=date(2030, 1, 1)), person=auditor))
    assert json.loads(none[0])["end"]["lines"] == 0


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_nothing_is_exported_while_the_newest_lines_would_be_lacking(
    office: Office, auditor: Person, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.signed()
    total = AuditEvent.objects.count()
    monkeypatch.setattr(trailexport, "TAKE_IN", total - 3)
    with pytest.raises(Refused, match=r"还有 3 条.*没有导出.*重试") as refused:
        trailexport.note(form, "", person=auditor, now=NOW)
    assert refused.value.code == "behind"
    assert AuditEvent.objects.count() == total
    trailexport.note(form, "", person=auditor, now=NOW)  # it went on where it had stopped
    assert TrailLine.objects.count() == AuditEvent.objects.count() == total + 1


def test_nothing_is_exported_while_the_index_has_gaps(office: Office, auditor: Person) -> None:
    office.signed()
    trailindex.catch_up(10_000)
    TrailLine.objects.filter(sequence=4).delete()
    with pytest.raises(Refused, match=r"没有导出.*tongfa audit index --anew"):
        trailexport.note("jsonl", "", person=auditor, now=NOW)
    trailindex.rebuild()
    trailexport.note("jsonl", "", person=auditor, now=NOW)


def test_who_takes_it_away_is_written_down_first(office: Office, auditor: Person) -> None:
    trailexport.note("jsonl", "从 2026-11-01", person=auditor, now=NOW)
    line = AuditEvent.objects.order_by("-sequence")[0]
    assert (line.action, line.actor, line.data) == (
        "trail.exported", auditor.username, {"form": "jsonl", "filters": "从 2026-11-01"},
    )  # fmt: skip
    assert TrailLine.objects.get(sequence=line.sequence).whose == office.unit.pk
