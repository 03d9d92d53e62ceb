"""What the end of the trail says to those who watch."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.services import audit, changes, stops

from .factories import NOW, Office

pytestmark = pytest.mark.django_db


@pytest.fixture
def office() -> Office:
    return Office.make()


def test_nothing_new_is_nothing(office: Office) -> None:
    line = changes.head()
    assert line > 0
    assert changes.since(line) == changes.Changes(line)


def test_a_decision_names_the_release_its_pushes_and_the_unit(office: Office) -> None:
    release = office.signed()
    line = changes.head()
    stops.hold(release, person=office.people["releaser"], reason="核对", now=NOW)
    found = changes.since(line)
    pushes = {f"publication:{one.pk}" for one in release.publications.all()}
    assert found.subjects == {f"release:{release.pk}"} | pushes
    assert found.units == {office.unit.pk}
    assert not found.everybody
    assert found.head == changes.head()


def test_what_concerns_no_release_wakes_nobody(office: Office) -> None:
    line = changes.head()
    audit.append("访客", "login.tried", "login:127.0.0.1", now=NOW)
    office.took()
    found = changes.since(line)
    assert (found.units, found.everybody) == (frozenset(), False)


def test_what_concerns_the_machine_wakes_everybody(office: Office) -> None:
    line = changes.head()
    audit.append("系统", "alarm.raised", "disk", now=NOW)
    assert changes.since(line).everybody


def test_a_freeze_is_its_units_affair(office: Office) -> None:
    line = changes.head()
    stops.freeze(office.unit, person=office.people["releaser"], reason="突发", now=NOW)
    assert changes.since(line).units == {office.unit.pk}


def test_too_much_to_tell_apart_wakes_everybody(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "MOST", 3)
    line = changes.head()
    for number in range(5):
        audit.append("系统", "release.held", f"release:{number}", now=NOW + timedelta(seconds=number))
    found = changes.since(line)
    assert (found.everybody, found.head) == (True, line + 5)
