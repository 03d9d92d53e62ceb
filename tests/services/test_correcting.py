"""更正: what corrects what is told by both documents."""

from __future__ import annotations

import pytest

from bot.models import AuditEvent
from bot.services import correcting
from bot.services.errors import NotFound, Refused

from .factories import NOW, Office, article


def test_another_document_corrects_an_edition_and_both_know(office: Office) -> None:
    old, new = office.approved(article(1)), office.took(article(2))
    made = correcting.link(old.current, new, person=office.people["editor"], reason="更正起始日期", now=NOW)
    assert [one.pk for one in correcting.corrected_by(old)] == [made.pk]
    assert [one.pk for one in correcting.corrects(new)] == [made.pk]
    assert correcting.corrects(old) == []
    line = AuditEvent.objects.get(action="edition.corrects")
    assert (line.subject, line.data["old"], line.data["reason"]) == ("document:HD-2", "HD-1", "更正起始日期")


def test_a_later_edition_corrects_an_earlier_one(office: Office) -> None:
    old = office.approved(article(1)).current
    with pytest.raises(Refused, match="还没有新的版本"):
        correcting.link(old, old.document, person=office.people["editor"], reason="更正", now=NOW)
    document = office.took(article(1, summary="自12月2日起，3路、8路公交车调整部分站点。"))
    made = correcting.link(old, document, person=office.people["editor"], reason="更正日期", now=NOW)
    assert (made.old.number, made.new.number) == (1, 2)


def test_it_is_registered_once_and_never_in_a_circle(office: Office) -> None:
    old, new = office.took(article(1)), office.took(article(2))
    correcting.link(old.current, new, person=office.people["editor"], reason="更正", now=NOW)
    with pytest.raises(Refused, match="登记过"):
        correcting.link(old.current, new, person=office.people["editor"], reason="更正", now=NOW)
    with pytest.raises(Refused, match="相反"):
        correcting.link(new.current, old, person=office.people["editor"], reason="更正", now=NOW)


def test_roles_reasons_and_units_are_asked_for(office: Office) -> None:
    old, new = office.took(article(1)), office.took(article(2))
    with pytest.raises(Refused, match="权限"):
        correcting.link(old.current, new, person=office.people["first"], reason="更正", now=NOW)
    with pytest.raises(Refused, match="写明"):
        correcting.link(old.current, new, person=office.people["editor"], reason=" ", now=NOW)
    foreign = Office.make("other", prefix="o-").took(article(3))
    with pytest.raises(NotFound):
        correcting.link(old.current, foreign, person=office.people["editor"], reason="更正", now=NOW)
