"""Units and people: who is there, what they may do, and what takes it away."""

from __future__ import annotations

import pytest

from bot.domain.workflow import Role, Step
from bot.models import AuditEvent, Person, Unit
from bot.services import people
from bot.services.errors import NotFound, Refused

from .factories import NOW, Office

PASSWORD = "a long enough password"


def add(office: Office, username: str = "new", **changes: object) -> Person:
    given: dict[str, object] = {"name": "新人", "roles": ["editor"], "password": PASSWORD}
    return people.add_person(username, unit=office.unit, actor="root", now=NOW, **given | changes)  # type: ignore[arg-type]


def test_a_person_has_the_roles_they_were_given_and_no_more(office: Office) -> None:
    person = add(office, roles=["editor", "duty", "editor"])
    assert person.roles == ["duty", "editor"]
    assert person.has_role(Role.DUTY)
    assert not person.has_role(Role.RELEASER)
    assert not person.has_role(Step.FINAL)
    assert person.role_labels == "值班、拟稿"


def test_the_password_is_kept_as_a_hash_that_only_it_opens(office: Office) -> None:
    person = add(office)
    assert person.check_password(PASSWORD)
    assert not person.check_password(PASSWORD + "x")
    assert PASSWORD not in person.password
    assert person.password.startswith("argon2")


def test_without_a_password_nobody_can_log_in_as_them(office: Office) -> None:
    person = add(office, password=None)
    assert not person.has_usable_password()
    assert not person.check_password("")


def test_who_was_disabled_comes_back_with_the_same_roles(office: Office) -> None:
    people.disable_person("first", actor="root", now=NOW)
    person = people.enable_person("first", actor="root", now=NOW)
    assert (person.is_active, person.roles) == (True, ["first"])
    with pytest.raises(Refused, match="没有停用"):
        people.enable_person("first", actor="root", now=NOW)


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"roles": ["king"]}, "role", "没有角色“king”"),
        ({"password": "short"}, "password", "密码至少 12 位"),
        ({"password": "123456789012"}, "password", "密码太容易猜到"),
        ({"username": "wang.xiaoming", "password": "wang.xiaoming"}, "password", "密码太容易猜到"),
        ({"username": "editor"}, "exists", "已有登录名“editor”"),
    ],
)
def test_a_wrong_person_is_refused_with_the_remedy_and_changes_nothing(office: Office, changes, code, words) -> None:
    before = (Person.objects.count(), AuditEvent.objects.count())
    with pytest.raises(Refused, match=words) as refusal:
        add(office, **changes)
    assert refusal.value.code == code
    assert (Person.objects.count(), AuditEvent.objects.count()) == before


def test_a_disabled_person_has_no_rights_at_once_and_cannot_act(office: Office) -> None:
    add(office)
    person = people.disable_person("new", actor="root", now=NOW)
    assert not person.has_role(Role.EDITOR)
    with pytest.raises(Refused, match="已停用"):
        people.acting("new")
    assert AuditEvent.objects.get(action="person.disabled").subject == "person:new"


def test_nobody_by_that_name_is_said_so(office: Office) -> None:
    with pytest.raises(NotFound, match="找不到人员“nobody”"):
        people.acting("nobody")


def test_require_takes_any_one_of_the_roles(office: Office) -> None:
    people.require(office.people["first"], Role.EDITOR, Role.FIRST)
    with pytest.raises(Refused, match="您没有签发或值班权限，未做任何改动"):
        people.require(office.people["first"], Role.RELEASER, Role.DUTY)


def test_a_unit_is_made_once_with_three_reviews(office: Office) -> None:
    again = people.ensure_unit("office", "别的名字", now=NOW, actor="root")
    assert again.pk == office.unit.pk
    assert again.name == "河东区政府办公室"
    assert again.review_steps == (Step.FIRST, Step.SECOND, Step.FINAL)
    assert AuditEvent.objects.filter(action="unit.created").count() == 1


def test_a_unit_may_do_with_two_reviews(office: Office) -> None:
    unit = people.ensure_unit("township", "某镇", now=NOW, actor="root", steps=["first", "final"])
    assert unit.review_steps == (Step.FIRST, Step.FINAL)


@pytest.mark.parametrize("steps", [[], ["first"], ["final", "first"], ["first", "first"], ["second", "final"]], ids=str)
def test_fewer_than_two_reviews_or_another_order_are_refused(office: Office, steps: list[str]) -> None:
    """Without its first review nobody could take up what was submitted."""
    with pytest.raises(Refused, match="审核至少两级，从初审开始"):
        people.ensure_unit("township", "某镇", now=NOW, actor="root", steps=steps)
    assert Unit.objects.count() == 1
