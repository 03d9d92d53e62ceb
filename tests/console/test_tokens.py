"""接口令牌: seen, made, told once and taken back by the 系统管理员 of the unit, and by nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from bot.models import ApiToken, AuditEvent, Person
from bot.services import apitokens
from bot.services.errors import NotFound, Refused

from .world import District, now

Login = Callable[[str], Client]
GIVEN: dict[str, Any] = {
    "name": "门户网站",
    "holder": "editor",
    "right": ["documents:read", "documents:write"],
    "days": "90",
}


def test_a_token_is_made_and_told_this_once(district: District, as_: Login) -> None:
    client = as_("admin")
    assert "接口令牌" in client.get("/accounts").content.decode()
    page = client.post("/accounts/api/tokens/add", GIVEN).content.decode()
    [secret] = re.findall(r"tongfa_[\w-]{40,}", page)
    token = apitokens.recognise(secret, now=now())
    assert token is not None
    assert (token.unit, token.person.username, token.rights) == (
        district.unit, "editor", ["documents:read", "documents:write"],
    )  # fmt: skip
    assert abs(token.expires_at - now() - timedelta(days=90)) < timedelta(minutes=1)
    listed = client.get("/accounts/api/tokens").content.decode()
    assert secret not in listed
    assert "从未" not in listed, "it was just used"
    for words in ("门户网站", "在用", "查看文件、报送文件、提交送审", "李拟", "吴管"):
        assert words in listed, words
    assert AuditEvent.objects.get(action="token.added").actor == "admin"


def test_rights_that_open_nothing_for_its_person_are_named(district: District, as_: Login) -> None:
    """It is made all the same: the roles may follow."""
    client = as_("admin")
    given = GIVEN | {"holder": "first", "right": ["documents:read", "documents:write", "releases:plan"]}
    words = "“报送文件、提交送审、编制发布单”现在用不上：王初没有办理它们的角色"
    assert words in client.post("/accounts/api/tokens/add", given).content.decode()
    assert words in client.get("/accounts/api/tokens").content.decode()
    Person.objects.filter(username="first").update(roles=["first", "editor"])
    assert "用不上" not in client.get("/accounts/api/tokens").content.decode()


def test_it_is_taken_back_at_once(district: District, as_: Login) -> None:
    client = as_("admin")
    client.post("/accounts/api/tokens/add", GIVEN)
    token = ApiToken.objects.get()
    page = client.post(f"/accounts/api/tokens/{token.pk}/revoke", follow=True).content.decode()
    assert "从现在起被拒绝" in page
    assert "已吊销" in page
    assert "吊销</button>" not in page
    again = client.post(f"/accounts/api/tokens/{token.pk}/revoke", follow=True).content.decode()
    assert "先前已吊销" in again


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"right": []}, "至少要有一项权限"), ({"name": " "}, "令牌的名称"), ({"days": "0"}, "有效期"), ({"days": "x"}, "有效期"),
     ({"right": ["releases:sign"]}, "至少要有一项权限")],
)  # fmt: skip
def test_what_is_refused_is_said_and_what_was_filled_in_stays(
    district: District, as_: Login, changes: dict[str, Any], words: str
) -> None:
    answer = as_("admin").post("/accounts/api/tokens/add", GIVEN | changes)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert words in page
    assert '<option value="editor" selected>' in page
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("act", ["add", "revoke"])
def test_it_asks_once_more_who_sits_there(district: District, as_: Login, unasked: Login, act: str) -> None:
    as_("admin").post("/accounts/api/tokens/add", GIVEN)
    token = ApiToken.objects.get()
    path = "add" if act == "add" else f"{token.pk}/revoke"
    page = unasked("admin").post(f"/accounts/api/tokens/{path}", GIVEN | {"name": "另一个"}).content.decode()
    assert "stepup-password" in page
    assert ApiToken.objects.get().revoked_at is None


@pytest.mark.parametrize("who", ["editor", "releaser", "duty"])
def test_nobody_else_sees_makes_or_takes_back(district: District, as_: Login, who: str) -> None:
    as_("admin").post("/accounts/api/tokens/add", GIVEN)
    client, pk = as_(who), ApiToken.objects.get().pk
    assert client.get("/accounts/api/tokens").status_code == 403
    assert client.post("/accounts/api/tokens/add", GIVEN | {"name": "x"}).status_code == 403
    assert client.post(f"/accounts/api/tokens/{pk}/revoke").status_code == 403
    assert "接口令牌" not in client.get("/accounts").content.decode()
    person = district.people[who]
    for act in (
        lambda: apitokens.issue("x", holder="editor", rights=["documents:read"], life=timedelta(days=3), person=person, now=now()),
        lambda: apitokens.take_back(pk, person=person, now=now()),
    ):  # fmt: skip
        with pytest.raises(Refused) as refusal:
            act()
        assert refusal.value.code == "role"


def test_of_another_unit_it_knows_neither_tokens_nor_people(district: District, as_: Login) -> None:
    town = District.make("town", "九曲街道")
    theirs, _ = apitokens.add_token(
        "九曲门户",
        person=town.people["editor"],
        rights=["documents:read"],
        life=timedelta(days=3),
        actor="x",
        now=now(),
    )
    client = as_("admin")
    assert "九曲门户" not in client.get("/accounts/api/tokens").content.decode()
    assert client.post(f"/accounts/api/tokens/{theirs.pk}/revoke").status_code == 404
    assert client.post("/accounts/api/tokens/add", GIVEN | {"holder": "town-editor"}).status_code == 404
    with pytest.raises(NotFound):
        apitokens.take_back(theirs.pk, person=district.people["admin"], now=now())
    theirs.refresh_from_db()
    assert theirs.revoked_at is None


def test_the_list_costs_the_same_however_many(
    district: District, as_: Login, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        apitokens.add_token(f"系统{number}", person=district.people["editor"], rights=["documents:read"],
                            life=timedelta(days=9), actor="admin", now=now())  # fmt: skip
    client = as_("admin")
    with django_assert_max_num_queries(14):
        assert client.get("/accounts/api/tokens").content.decode().count("吊销</button>") == 30
