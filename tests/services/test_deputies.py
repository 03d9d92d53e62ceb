"""A deputy holds the other's rights on the named days, and no longer; the trail says in whose place."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from bot.domain.instants import beijing_date
from bot.domain.workflow import Role, Step
from bot.models import Deputy, Person, Unit
from bot.services import deputies, people, trail
from bot.services.errors import Refused
from tests.services.factories import NOW

TODAY = beijing_date(NOW)
DAY = timedelta(days=1)


@pytest.fixture
def unit(db: None) -> Unit:
    return people.ensure_unit("office", "区政府办公室", now=NOW, actor="test")


def person(unit: Unit, username: str, *roles: str) -> Person:
    return people.add_person(username, name=username, unit=unit, roles=roles, password=None, actor="test", now=NOW)


def appoint(principal: Person, deputy: Person, first: date = TODAY, last: date = TODAY + DAY, **given: object) -> None:
    values = {"reason": "出差", "person": principal} | given
    deputies.appoint(principal=principal, deputy=deputy, first_day=first, last_day=last, now=NOW, **values)  # type: ignore[arg-type]


def at(days: float) -> datetime:
    return NOW + timedelta(days=days)


def test_from_the_first_day_to_the_last_by_beijings_date(unit: Unit) -> None:
    chief, deputy = person(unit, "chief", "releaser"), person(unit, "deputy", "editor")
    appoint(chief, deputy, TODAY + DAY, TODAY + 2 * DAY)
    held = [deputies.standing_in(deputy, now=at(days)).has_role(Role.RELEASER) for days in (0, 1, 2, 3)]
    assert held == [False, True, True, False]
    deputies.standing_in(deputy, now=at(1))
    assert deputy.has_role(Role.EDITOR)
    assert deputy.in_place_of(Role.RELEASER) == chief
    assert deputy.in_place_of(Role.EDITOR) is None
    assert "签发（代chief）" in deputy.role_labels


def test_administrators_rights_are_not_handed_on(unit: Unit) -> None:
    chief, deputy = person(unit, "chief", "sysadmin", "duty"), person(unit, "deputy", "editor")
    appoint(chief, deputy)
    assert deputies.standing_in(deputy, now=NOW).held_roles == {"editor", "duty"}


@pytest.mark.parametrize("role", ["sysadmin", "secadmin", "auditadmin"])
def test_who_is_nothing_but_an_administrator_stands_in_for_nobody(unit: Unit, role: str) -> None:
    chief, keeper = person(unit, "chief", "releaser"), person(unit, "keeper", role)
    with pytest.raises(Refused, match="三员不办业务"):
        appoint(chief, keeper)
    other = person(unit, "other", "editor")
    appoint(chief, other)
    Person.objects.filter(pk=other.pk).update(roles=[role])
    other.refresh_from_db()
    assert deputies.standing_in(other, now=NOW).held_roles == {role}, "who became one since then"


def test_a_disabled_principal_or_deputy_hands_on_and_holds_nothing(unit: Unit) -> None:
    chief, deputy = person(unit, "chief", "releaser"), person(unit, "deputy", "editor")
    appoint(chief, deputy)
    people.disable_person("chief", actor="test", now=NOW)
    assert not deputies.standing_in(deputy, now=NOW).has_role(Role.RELEASER)
    people.enable_person("chief", actor="test", now=NOW)
    deputy = people.disable_person("deputy", actor="test", now=NOW)
    assert deputies.standing_in(deputy, now=NOW).held_roles == frozenset()


def test_it_can_be_ended_early_by_the_principal(unit: Unit) -> None:
    chief, deputy = person(unit, "chief", "final"), person(unit, "deputy", "editor")
    appoint(chief, deputy)
    found = deputies.current(deputy, now=NOW)[0]
    with pytest.raises(Refused, match="没有管理人员的权限"):
        deputies.end(found, person=deputy, now=NOW)
    deputies.end(found, person=chief, now=NOW)
    assert not deputies.standing_in(deputy, now=NOW).has_role(Step.FINAL)
    with pytest.raises(Refused, match="已经终止"):
        deputies.end(found, person=chief, now=NOW)


@pytest.mark.parametrize(("first", "last"), [(0, 1), (1, 5), (-1, 0)], ids=["same", "longer", "before"])
def test_the_same_two_have_no_two_deputyships_on_one_day(unit: Unit, first: int, last: int) -> None:
    chief, deputy = person(unit, "chief", "releaser"), person(unit, "deputy", "editor")
    appoint(chief, deputy)
    standing = f"{TODAY.isoformat()} 至 {(TODAY + DAY).isoformat()}"
    with pytest.raises(Refused, match=f"已登记过 {standing}，日期与这次重叠；请先终止那一项.*没有登记代理"):
        appoint(chief, deputy, TODAY + first * DAY, TODAY + last * DAY)
    appoint(chief, deputy, TODAY + 2 * DAY, TODAY + 3 * DAY)
    appoint(chief, person(unit, "other", "editor"))
    deputies.end(deputies.current(deputy, now=NOW)[0], person=chief, now=NOW)
    assert not deputies.standing_in(deputy, now=NOW).has_role(Role.RELEASER)
    appoint(chief, deputy)


def test_ending_one_names_what_the_same_two_have_besides(unit: Unit) -> None:
    chief, deputy = person(unit, "chief", "releaser"), person(unit, "deputy", "editor")
    appoint(chief, deputy)
    first = deputies.current(deputy, now=NOW)[0]
    other = Deputy.objects.create(
        principal=chief, deputy=deputy, first_day=TODAY, last_day=TODAY + 4 * DAY, reason="出差", created_by=chief,
        created_at=NOW,
    )  # fmt: skip
    assert deputies.end(first, person=chief, now=NOW) == [other]
    assert deputies.standing_in(deputy, now=NOW).has_role(Role.RELEASER)
    assert deputies.end(other, person=chief, now=NOW) == []
    assert not deputies.standing_in(deputy, now=NOW).has_role(Role.RELEASER)


@pytest.mark.parametrize(
    ("first", "last", "given", "words"),
    [
        (TODAY, TODAY - DAY, {}, "起止日期"),
        (TODAY - 9 * DAY, TODAY - DAY, {}, "起止日期"),
        (TODAY, TODAY + 400 * DAY, {}, "起止日期"),
        (TODAY, TODAY, {"reason": " "}, "写明代理原因"),
    ],
)
def test_days_and_reason_must_make_sense(
    unit: Unit, first: date, last: date, given: dict[str, object], words: str
) -> None:
    with pytest.raises(Refused, match=words):
        appoint(person(unit, "chief", "final"), person(unit, "deputy", "editor"), first, last, **given)


def test_only_colleagues_and_never_oneself(unit: Unit) -> None:
    chief = person(unit, "chief", "final")
    town = people.ensure_unit("town", "九曲街道", now=NOW, actor="test")
    with pytest.raises(Refused, match="本单位"):
        appoint(chief, person(town, "stranger", "editor"))
    with pytest.raises(Refused, match="不能由本人"):
        appoint(chief, chief)
    with pytest.raises(Refused, match="没有管理人员的权限"):
        appoint(chief, person(unit, "a", "editor"), person=person(unit, "b", "first"))


def test_who_manages_people_names_others_and_never_themself(unit: Unit) -> None:
    chief, manager = person(unit, "chief", "releaser"), person(unit, "m", "secadmin", "duty")
    with pytest.raises(Refused, match="不能把自己登记为chief的代理人，没有登记代理") as refused:
        appoint(chief, manager, person=manager)
    assert refused.value.code == "self"
    assert deputies.standing_in(manager, now=NOW).held_roles == {"secadmin", "duty"}
    appoint(chief, person(unit, "deputy", "editor"), person=manager)
    appoint(chief, manager, person=chief)
    assert deputies.standing_in(manager, now=NOW).has_role(Role.RELEASER), "whose rights they are may give them"


def test_nor_does_the_system_administrator_of_a_unit_that_has_nobody_for_it(unit: Unit) -> None:
    chief, system = person(unit, "chief", "final"), person(unit, "sys", "sysadmin")
    with pytest.raises(Refused, match="不能把自己登记为"):
        appoint(chief, system, person=system)


def test_the_trail_names_deputy_days_and_reason(unit: Unit) -> None:
    appoint(person(unit, "chief", "final"), person(unit, "deputy", "editor"))
    said = [one.what + one.detail for one in trail.tell({"person:chief": "chief"})]
    assert any("由deputy代理" in line and "出差" in line for line in said)


def test_who_covers_a_role_today_is_who_holds_it_and_their_deputies(unit: Unit) -> None:
    chief, deputy = person(unit, "chief", "duty"), person(unit, "deputy", "editor")
    appoint(chief, deputy, TODAY, TODAY)
    assert deputies.covering(unit, Role.DUTY, now=NOW) == [chief, deputy]
    assert deputies.covering(unit, Role.DUTY, now=at(1)) == [chief]
