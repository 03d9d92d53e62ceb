"""A further unit: made by whoever manages people, whole or not at all, and told in both trails."""

from __future__ import annotations

from datetime import datetime

import pytest

from bot.domain.instants import NaiveInstantError
from bot.models import AuditEvent, Person, Unit
from bot.services import people, units
from bot.services.errors import Refused

from .factories import NOW, Office

PASSWORD = "a long enough password"


def secadmin(office: Office) -> Person:
    return people.add_person(
        "feng", name="冯安", unit=office.unit, roles=["secadmin"], password=None, actor="x", now=NOW
    )


def made(by: Person, code: str = "jiuqu", now: datetime = NOW, **changes: object) -> Person:
    given: dict[str, object] = {
        "name": "九曲街道办事处", "steps": ["first", "second", "final"], "manager": "qu", "manager_name": "曲安", "password": PASSWORD,
    }  # fmt: skip
    return units.open_unit(code, person=by, now=now, **given | changes)  # type: ignore[arg-type]


def test_it_comes_with_somebody_who_manages_its_people_and_nothing_else(office: Office) -> None:
    first = made(secadmin(office), name=" 九曲街道\n办事处 ")
    assert (first.unit.code, first.unit.name) == ("jiuqu", "九曲街道 办事处")
    assert first.roles == ["secadmin"]
    assert first.must_change_password
    assert people.manages_people(first)
    assert not people.may_read(first)


def test_both_trails_tell_it(office: Office) -> None:
    made(secadmin(office))
    lines = AuditEvent.objects.filter(actor="feng").order_by("sequence").values_list("action", "subject")
    assert list(lines) == [
        ("unit.created", "unit:jiuqu"), ("person.added", "person:qu"), ("unit.opened", f"unit:{office.unit.code}"),
    ]  # fmt: skip


@pytest.mark.parametrize("who", ["editor", "final", "releaser"])
def test_whoever_does_not_manage_people_makes_none(office: Office, who: str) -> None:
    with pytest.raises(Refused, match="没有管理人员的权限"):
        made(office.people[who])
    assert Unit.objects.count() == 1


@pytest.mark.parametrize(
    "code", ["", "a", "ab", "九曲", "Jiuqu", "jiu qu", "1qu", "jiuqu-", "-jiuqu", "a" * 41, "jiuqu\n", "ｊｉｕ"]
)
def test_a_code_that_is_none_is_refused(office: Office, code: str) -> None:
    with pytest.raises(Refused, match="不合规则，没有新建单位"):
        made(secadmin(office), code)
    assert Unit.objects.count() == 1


def test_a_code_or_name_that_there_is_and_a_login_name_that_is_taken_make_nothing(office: Office) -> None:
    by = secadmin(office)
    lines = AuditEvent.objects.count()
    for changes, told in (
        ({"code": office.unit.code}, "已有单位在用"),
        ({"name": office.unit.name}, "已有单位“"),
        ({"manager": "feng"}, "已有登录名“feng”"),
        ({"manager": " "}, "没有人管理"),
        ({"name": "　 "}, "单位名称须为"),
        ({"name": "九曲\x07街道"}, "单位名称须为"),
        ({"steps": ["second", "final"]}, "审核至少两级"),
        ({"steps": ["first", "nonsense"]}, "审核至少两级"),
    ):
        with pytest.raises(Refused, match=told):
            made(by, **changes)  # type: ignore[arg-type]
    assert Unit.objects.count() == 1
    assert AuditEvent.objects.count() == lines


def test_an_instant_without_a_zone_is_not_guessed(office: Office) -> None:
    with pytest.raises(NaiveInstantError):
        made(secadmin(office), now=NOW.replace(tzinfo=None))
