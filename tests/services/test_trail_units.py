"""Whose a line of the trail is: no unit reads a line of another, not even where both call a document the same."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from bot.domain.alarms import Kind
from bot.domain.urgent import WORD_HOLDS
from bot.models import Alarm, AlarmNotice, AuditEvent
from bot.services import (
    alarming,
    apitokens,
    attachments,
    audit,
    drafting,
    editorial,
    people,
    reviewlinks,
    trail,
    urgent,
    urgentcare,
)
from bot.services.trailnames import things
from bot.services.trailunits import HOUSE, NOBODY, only_of, units_of
from tests.intake.files import PDF

from .factories import NOW, Office, article

pytestmark = pytest.mark.django_db


@pytest.fixture
def town(office: Office) -> Office:
    return Office.make("town", prefix="town-")


def without_units() -> None:
    """The lines as they were written before they said the unit: the same acts, unattributed."""
    for event in AuditEvent.objects.filter(subject__startswith="document:").order_by("sequence"):
        data = {name: value for name, value in event.data.items() if name != "unit"}
        audit.append(event.actor, event.action, event.subject, data, now=event.at + timedelta(seconds=1))


def both_have_one(office: Office, town: Office) -> tuple[list[str], list[str]]:
    """Two units with a document HD-1 each, passed by their own people; who stands in the story of each."""
    for one in (office, town):
        given = dataclasses.replace(article(1), source_url=f"https://www.hedong.gov.cn/{one.unit.code}.html")
        one.approved(given)
    mine, theirs = (
        trail.of_document(one.people["editor"].unit.documents.get(external_id="HD-1")) for one in (office, town)
    )
    return [line.actor for line in mine], [line.actor for line in theirs]


def test_two_units_with_a_document_of_the_same_name_do_not_see_each_others_lines(office: Office, town: Office) -> None:
    mine, theirs = both_have_one(office, town)
    assert set(mine) == {"editor", "first", "second", "final"}
    assert set(theirs) == {"town-editor", "town-first", "town-second", "town-final"}
    assert len(mine) == len(theirs)


def test_older_lines_that_name_no_unit_are_told_apart_by_who_acted(office: Office, town: Office) -> None:
    before, _ = both_have_one(office, town)
    without_units()
    both = [trail.of_document(one.unit.documents.get(external_id="HD-1")) for one in (office, town)]
    assert [len(lines) for lines in both] == [2 * len(before)] * 2
    assert {line.actor.startswith("town-") for line in both[0]} == {False}
    assert {line.actor.startswith("town-") for line in both[1]} == {True}


def test_an_older_opening_of_a_review_link_belongs_to_the_document_of_the_link(office: Office, town: Office) -> None:
    both_have_one(office, town)
    edition = town.unit.documents.get(external_id="HD-1").current
    link, _ = reviewlinks.make_link(edition, name="张区长", person=town.people["editor"], now=NOW)
    audit.append("审阅链接", "link.opened", "document:HD-1", {"link": link.pk, "name": "张区长", "count": 1}, now=NOW)
    assert not [
        line for line in trail.of_document(office.unit.documents.get(external_id="HD-1")) if "张区长" in line.what
    ]
    told = trail.of_document(town.unit.documents.get(external_id="HD-1"))
    assert [line.action for line in told if "张区长" in line.what] == ["link.made", "link.opened"]


def test_an_older_line_that_nothing_tells_apart_is_shown_to_neither(office: Office, town: Office) -> None:
    both_have_one(office, town)
    audit.append("系统", "finding.waived", "document:HD-1", {"rule": "x"}, now=NOW)
    last = AuditEvent.objects.order_by("-sequence")[0]
    assert units_of([last]) == {last.sequence: NOBODY}


def test_where_only_one_unit_has_the_document_an_older_line_is_that_units(office: Office, town: Office) -> None:
    office.took(article(9))
    audit.append("系统", "finding.waived", "document:HD-9", {"rule": "x"}, now=NOW)
    assert trail.of_document(office.unit.documents.get(external_id="HD-9"))[-1].action == "finding.waived"


def test_every_line_of_a_units_day_is_that_units(office: Office, town: Office) -> None:
    town.signed()
    token, _ = apitokens.add_token(
        "门户", person=town.people["editor"], rights=["documents:read"], life=timedelta(days=9), actor="命令行", now=NOW
    )
    notice = AlarmNotice.objects.create(unit=town.unit, ring=1, target="群", created_at=NOW)
    audit.append("系统", "alarm.told", f"notice:{notice.pk}", {}, now=NOW)
    audit.append("town-releaser", "notify.tested", "notify", {}, now=NOW)
    audit.append("town-releaser", "login.opened", "login:10.0.0.1", {}, now=NOW)
    since = AuditEvent.objects.filter(subject="unit:town").order_by("sequence")[0].sequence
    lines = list(AuditEvent.objects.filter(sequence__gte=since).order_by("sequence"))
    assert {event.subject.partition(":")[0] for event in lines} >= {
        "unit", "person", "account", "document", "release", "token", "notice", "login", "notify",
    }  # fmt: skip
    assert [event.action for event in lines if event not in only_of(town.unit, lines)] == []
    assert token.unit == town.unit


def test_the_lines_of_an_urgent_notice_are_its_units_whoever_wrote_them(office: Office, town: Office) -> None:
    document = town.took(article(1))
    office.took(dataclasses.replace(article(1), source_url="https://www.hedong.gov.cn/office.html"))  # named the same
    since = AuditEvent.objects.count()
    urgency = urgent.propose(
        document, modes={town.weibo.slug: "share"}, instant=None, reason="汛情紧急", seen=document.current.content_hash,
        person=town.people["editor"], now=NOW,
    )  # fmt: skip
    (alarm,) = Alarm.objects.filter(closed_at__isnull=True, kind=Kind.URGENT)
    alarming.read(alarm, person=town.people["releaser"], now=NOW)
    audit.append("系统", "alarm.raised", f"urgency:{urgency.pk}:3", {"kind": "review_late", "out": "no"}, now=NOW)
    urgentcare.remind(now=NOW + WORD_HOLDS)
    lines = list(AuditEvent.objects.filter(sequence__gt=since).order_by("sequence"))
    assert {(line.action, line.subject.partition(":")[0], line.actor) for line in lines} >= {
        ("urgent.asked", "document", "town-editor"), ("alarm.raised", "urgency", "系统"),
        ("alarm.read", "urgency", "town-releaser"), ("alarm.closed", "urgency", "系统"), ("urgent.moved", "document", "系统"),
    }  # fmt: skip
    assert [line.action for line in lines if line not in only_of(town.unit, lines)] == []
    assert {thing.label for subject, thing in things(lines).items() if subject.startswith("urgency:")} == {
        f"《{document.title}》的应急发布"
    }


def test_files_added_and_taken_out_say_the_unit_of_their_document(office: Office) -> None:
    document = office.took()
    person = office.people["editor"]
    drafting.open_for(document, person=person, now=NOW)
    (added,) = attachments.add(document, [("方案.pdf", PDF)], person=person, now=NOW)
    attachments.remove(document, added.attachment.sha256, person=person, now=NOW)
    about = AuditEvent.objects.filter(action__startswith="attachment.")
    assert [event.data.get("unit") for event in about] == ["office", "office"]


def test_what_is_about_the_installation_is_no_units(office: Office) -> None:
    audit.append("releaser", "home.restored", "home", {}, now=NOW)
    audit.append("访客", "login.tried", "login:10.0.0.1", {"who": "x"}, now=NOW)
    audit.append("系统", "rules.installed", "home", {}, now=NOW)
    lines = list(AuditEvent.objects.order_by("-sequence")[:3])
    assert set(units_of(lines).values()) == {HOUSE}


def test_a_subject_that_is_no_number_breaks_nothing(office: Office) -> None:
    for subject in ("release:x", "release:", "publication:9" * 20, "token:²", "document:", ""):
        audit.append("系统", "x.y", subject[:120], {}, now=NOW)
    lines = list(AuditEvent.objects.order_by("-sequence")[:6])
    assert set(units_of(lines).values()) == {NOBODY}


def test_it_takes_a_handful_of_questions_however_many_lines(
    office: Office, town: Office, django_assert_max_num_queries: object
) -> None:
    both_have_one(office, town)
    office.signed(office.approved(article(7)))
    people.ensure_unit("third", "第三", now=NOW, actor="x")
    lines = list(AuditEvent.objects.all())
    assert len(lines) > 30
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        units_of(lines)


def test_new_lines_about_documents_say_their_unit(office: Office) -> None:
    document = office.submitted()
    editorial.set_policy(document, True, reason="规范性文件", person=office.people["editor"], now=NOW)
    office.passes(document, "first")
    about = AuditEvent.objects.filter(subject="document:HD-1")
    assert {event.data.get("unit") for event in about} == {"office"}
