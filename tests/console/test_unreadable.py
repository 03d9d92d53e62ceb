"""Requests that no database could keep, and errors of ours: a page in Chinese says what came of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from bot.models import Freeze, Person
from bot.services import stops

from .world import PASSWORD, District

Login = Callable[[str], Client]
NUL = "\x00"


@pytest.mark.parametrize("address", ["/documents/a%00b", "/preview/a%00b", "/people/person/a%00b", "/edit/of/a%00b"])
def test_an_address_with_a_nul_is_no_address(district: District, as_: Login, address: str) -> None:
    answer = as_("editor").get(address)
    assert answer.status_code == 400
    assert "没有做任何改动" in answer.content.decode()


def test_a_nul_is_no_part_of_what_is_searched_for(district: District, as_: Login) -> None:
    assert as_("editor").get("/documents", {"q": f"公交{NUL}", NUL: "x"}).status_code == 200


def test_a_nul_is_no_part_of_what_is_typed(district: District, as_: Login) -> None:
    as_("releaser").post("/freeze", {"reason": f"停{NUL}发"})
    assert Freeze.objects.get().reason == "停发"


def test_who_is_not_logged_in_cannot_bring_one_in_either(district: District) -> None:
    person = district.people["editor"]
    person.set_password(PASSWORD)
    person.save()
    answer = Client().post("/login", {"username": f"{person.username}{NUL}", "password": PASSWORD})
    assert answer.status_code == 302
    assert Person.objects.get(pk=person.pk).last_login is not None


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something that nobody has foreseen."""

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(stops, "freeze", fails)


@pytest.mark.usefixtures("broken")
def test_after_a_button_an_error_of_ours_says_that_it_may_have_taken_effect(district: District, as_: Login) -> None:
    client = as_("releaser")
    client.raise_request_exception = False
    answer = client.post("/freeze", {"reason": "停发"})
    assert answer.status_code == 500
    shown = answer.content.decode()
    assert "不能确定是否办成" in shown
    assert "不要刷新或重复提交" in shown
    assert 'href="/"' in shown
