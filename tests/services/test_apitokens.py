"""Tokens of the machine interface: told once, kept as a hash, ended at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from bot.domain.rights import RIGHT_LABELS, Right, in_order
from bot.domain.secret import Secret
from bot.models import ApiToken, AuditEvent
from bot.services import apitokens, people, trail
from bot.services.errors import NotFound, Refused

from .factories import NOW, Office

LIFE = timedelta(days=30)


def made(office: Office, *rights: str, name: str = "门户网站", person: str = "editor") -> tuple[ApiToken, Secret]:
    return apitokens.add_token(
        name, person=office.people[person], rights=rights or ["documents:write"], life=LIFE, actor="admin", now=NOW
    )


def test_a_token_is_recognised_and_its_secret_is_nowhere(office: Office) -> None:
    token, secret = made(office)
    assert secret.reveal().startswith("tongfa_")
    assert len(secret.reveal()) > 45
    assert apitokens.recognise(secret.reveal(), now=NOW) == token
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM bot_apitoken")
        assert secret.reveal() not in repr(cursor.fetchall())
    assert secret.reveal() not in repr([event.data for event in AuditEvent.objects.all()])


def test_every_token_is_another_one(office: Office) -> None:
    secrets = {made(office, name=f"系统{number}")[1].reveal() for number in range(5)}
    assert len(secrets) == 5


@pytest.mark.parametrize("given", ["", "x", "tongfa_", "令牌", "\ud800", "x" * 10_000])
def test_what_is_no_token_is_nobody(office: Office, given: str) -> None:
    made(office)
    assert apitokens.recognise(given, now=NOW) is None


def test_a_token_ends_on_its_day(office: Office) -> None:
    _, secret = made(office)
    assert apitokens.recognise(secret.reveal(), now=NOW + LIFE - timedelta(seconds=1)) is not None
    assert apitokens.recognise(secret.reveal(), now=NOW + LIFE) is None


def test_a_revoked_token_opens_nothing_from_that_moment(office: Office) -> None:
    token, secret = made(office)
    assert apitokens.revoke_token(token.pk, actor="admin", now=NOW).revoked_at == NOW
    assert apitokens.recognise(secret.reveal(), now=NOW) is None
    with pytest.raises(Refused) as refusal:
        apitokens.revoke_token(token.pk, actor="admin", now=NOW)
    assert refusal.value.code == "revoked"


def test_a_unit_revokes_its_own_tokens_only(office: Office) -> None:
    token, _ = made(office)
    other = Office.make("other", prefix="other-")
    with pytest.raises(NotFound):
        apitokens.revoke_token(token.pk, actor="admin", now=NOW, unit=other.unit)


def test_a_token_ends_with_its_person(office: Office) -> None:
    _, secret = made(office)
    people.disable_person("editor", actor="admin", now=NOW)
    assert apitokens.recognise(secret.reveal(), now=NOW) is None
    office.people["editor"].refresh_from_db()
    with pytest.raises(Refused) as refusal:
        made(office, name="另一个")
    assert refusal.value.code == "disabled"


def test_a_token_does_not_follow_its_person_to_another_unit(office: Office) -> None:
    _, secret = made(office)
    other = Office.make("other", prefix="other-")
    type(office.people["editor"]).objects.filter(pk=office.people["editor"].pk).update(unit=other.unit)
    assert apitokens.recognise(secret.reveal(), now=NOW) is None


@pytest.mark.parametrize("rights", [["documents:sign"], ["documents:read", "x"]])
def test_a_right_that_is_not_in_the_list_is_refused(office: Office, rights: list[str]) -> None:
    with pytest.raises(Refused) as refusal:
        made(office, *rights)
    assert refusal.value.code == "right"
    assert not ApiToken.objects.exists()


def test_no_right_signs_or_reviews() -> None:
    assert {right.partition(":")[2] for right in Right} == {"read", "write", "plan"}
    assert set(RIGHT_LABELS) == set(Right)
    assert in_order(["health:read", "documents:read", "health:read"]) == ["documents:read", "health:read"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "门户\n网站"])
def test_a_name_says_who_has_it(office: Office, name: str) -> None:
    with pytest.raises(Refused) as refusal:
        made(office, name=name)
    assert refusal.value.code == "name"


def test_a_name_is_used_once_until_it_is_revoked(office: Office) -> None:
    token, _ = made(office)
    with pytest.raises(Refused) as refusal:
        made(office)
    assert refusal.value.code == "exists"
    apitokens.revoke_token(token.pk, actor="admin", now=NOW)
    made(office)


@pytest.mark.parametrize("life", [timedelta(0), timedelta(hours=23), timedelta(days=1096)])
def test_a_token_ends_some_day(office: Office, life: timedelta) -> None:
    with pytest.raises(Refused) as refusal:
        apitokens.add_token(
            "门户网站", person=office.people["editor"], rights=["documents:read"], life=life, actor="admin", now=NOW
        )
    assert refusal.value.code == "life"


def test_its_use_is_noted_to_the_hour(office: Office) -> None:
    token, secret = made(office)
    for minutes, noted in ((0, 0), (59, 0), (61, 61)):
        apitokens.recognise(secret.reveal(), now=NOW + timedelta(minutes=minutes))
        token.refresh_from_db()
        assert token.last_used_at == NOW + timedelta(minutes=noted)


def test_the_trail_says_who_gave_and_took_it(office: Office) -> None:
    token, _ = made(office, "documents:read", "releases:plan")
    apitokens.revoke_token(token.pk, actor="admin", now=NOW)
    said = [(one.what, one.detail) for one in trail.tell({f"token:{token.pk}": "令牌"})]
    assert said == [
        ("添加接口令牌“门户网站”，以 editor 的身份办理", "查看文件、编制发布单"),
        ("吊销接口令牌“门户网站”", ""),
    ]
