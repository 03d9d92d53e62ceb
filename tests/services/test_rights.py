"""Who may change whose rights, and what nobody may do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.domain.workflow import Role
from bot.models import AuditEvent, Person, Unit
from bot.services import people, rights
from bot.services.errors import Refused
from tests.services.factories import NOW

Make = Callable[..., Person]


@pytest.fixture
def unit(db: None) -> Unit:
    return people.ensure_unit("office", "区政府办公室", now=NOW, actor="test")


@pytest.fixture
def make(unit: Unit) -> Make:
    def person(username: str, *roles: str, at: Unit = unit) -> Person:
        return people.add_person(username, name=username, unit=at, roles=roles, password=None, actor="test", now=NOW)

    return person


def test_the_security_administrator_changes_roles_and_the_trail_says_from_what_to_what(make: Make) -> None:
    manager, somebody = make("m", "secadmin"), make("s", "editor")
    changed = rights.set_roles(somebody, ["first", "editor"], person=manager, now=NOW)
    assert changed.roles == ["editor", "first"]
    line = AuditEvent.objects.get(action="person.roles")
    assert (line.actor, line.subject, line.data) == ("m", "person:s", {"from": ["editor"], "to": ["editor", "first"]})


def test_where_there_is_none_the_system_administrator_does_it_and_no_longer_when_there_is_one(make: Make) -> None:
    system, somebody = make("sys", "sysadmin"), make("s", "editor")
    rights.set_roles(somebody, ["first"], person=system, now=NOW)
    make("m", "secadmin")
    with pytest.raises(Refused) as refused:
        rights.set_roles(somebody, ["second"], person=system, now=NOW)
    assert refused.value.code == "role"
    assert "安全管理员" in refused.value.message


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SECADMIN and role is not Role.SYSADMIN])
def test_no_other_role_changes_rights(make: Make, role: Role) -> None:
    make("m", "secadmin")
    with pytest.raises(Refused, match="没有管理人员的权限"):
        rights.set_roles(make("s", "editor"), ["first"], person=make("x", role.value), now=NOW)


@pytest.mark.parametrize("pair", [("sysadmin", "secadmin"), ("secadmin", "auditadmin"), ("auditadmin", "sysadmin")])
def test_two_administrators_are_never_one_person(make: Make, pair: tuple[str, str]) -> None:
    manager = make("m", "secadmin")
    with pytest.raises(Refused, match="三员分立"):
        rights.set_roles(make("s", "editor"), pair, person=manager, now=NOW)
    with pytest.raises(Refused, match="三员分立"):
        make("both", *pair)


def test_nobody_changes_their_own_rights_or_those_of_another_unit(make: Make) -> None:
    manager = make("m", "secadmin")
    other = people.ensure_unit("town", "九曲街道", now=NOW, actor="test")
    with pytest.raises(Refused, match="不能更改本人"):
        rights.set_roles(manager, ["editor"], person=manager, now=NOW)
    with pytest.raises(Refused, match="只能管理本单位"):
        rights.set_roles(make("t", "editor", at=other), ["first"], person=manager, now=NOW)


def test_disabling_and_enabling_need_a_reason(make: Make) -> None:
    manager, somebody = make("m", "secadmin"), make("s", "editor")
    with pytest.raises(Refused, match="写明原因"):
        rights.set_active(somebody, False, reason=" ", person=manager, now=NOW)
    assert rights.set_active(somebody, False, reason="调离", person=manager, now=NOW).is_active is False
    with pytest.raises(Refused, match="已经停用"):
        rights.set_active(somebody, False, reason="调离", person=manager, now=NOW)
    assert rights.set_active(somebody, True, reason="回来了", person=manager, now=NOW).is_active is True


def test_a_reset_password_must_be_changed_and_a_changed_one_opens(make: Make) -> None:
    manager, somebody = make("m", "secadmin"), make("s", "editor")
    told = rights.reset_password(somebody, person=manager, now=NOW)
    somebody.refresh_from_db()
    assert somebody.check_password(told)
    assert somebody.must_change_password
    for old, new, words in (
        ("wrong", "correct horse battery", "原密码不对"), (told, told, "相同"), (told, "short", "至少 12 位"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=words):
            rights.change_password(somebody, old=old, new=new, now=NOW)
    rights.change_password(somebody, old=told, new="correct horse battery", now=NOW)
    somebody.refresh_from_db()
    assert somebody.check_password("correct horse battery")
    assert not somebody.must_change_password
    assert told not in str(list(AuditEvent.objects.values_list("data", flat=True)))
