"""Codes of the authenticator app open once, for a minute and a half; recovery codes open once, ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest

from bot.models import AuditEvent, Person, RecoveryCode, SecondFactor
from bot.services import people, secondfactor
from bot.services.errors import Refused
from tests.console.world import fresh_home
from tests.services.factories import NOW


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> Iterator[Path]:
    with fresh_home(tmp_path / "home") as path:
        yield path


@pytest.fixture
def person(db: None) -> Person:
    unit = people.ensure_unit("office", "区政府办公室", now=NOW, actor="test")
    return people.add_person("zhou", name="周", unit=unit, roles=["releaser"], password=None, actor="test", now=NOW)


def code(enrolment: secondfactor.Enrolment, seconds: int = 0) -> str:
    return pyotp.TOTP(enrolment.secret).at(NOW + timedelta(seconds=seconds))


def enrolled(person: Person) -> tuple[secondfactor.Enrolment, list[str]]:
    enrolment = secondfactor.begin(person, now=NOW)
    return enrolment, secondfactor.confirm(person, code(enrolment), now=NOW)


def test_before_its_first_code_an_authenticator_opens_nothing(person: Person) -> None:
    enrolment = secondfactor.begin(person, now=NOW)
    assert not secondfactor.has(person)
    assert not secondfactor.check(person, code(enrolment), now=NOW)
    assert secondfactor.pending(person) == enrolment
    with pytest.raises(Refused, match="验证码不对"):
        secondfactor.confirm(person, "000000" if code(enrolment) != "000000" else "111111", now=NOW)
    assert not secondfactor.has(person)


def test_the_secret_is_stored_encrypted_and_is_never_in_the_trail(person: Person) -> None:
    enrolment, codes = enrolled(person)
    stored = bytes(SecondFactor.objects.get().ciphertext)
    assert enrolment.secret.encode() not in stored
    trail = str(list(AuditEvent.objects.values_list("data", flat=True)))
    assert enrolment.secret not in trail
    assert not [one for one in codes if one in trail or one in str(list(RecoveryCode.objects.values()))]


def test_a_code_works_once_and_so_does_no_older_one_after_it(person: Person) -> None:
    enrolment, _ = enrolled(person)
    assert not secondfactor.check(person, code(enrolment), now=NOW), "used up by the enrolment"
    later = NOW + timedelta(seconds=60)
    assert secondfactor.check(person, code(enrolment, 60), now=later)
    assert not secondfactor.check(person, code(enrolment, 60), now=later)
    assert not secondfactor.check(person, code(enrolment, 30), now=later)
    assert secondfactor.check(person, code(enrolment, 90), now=later), "the phone is half a minute ahead"


@pytest.mark.parametrize("seconds", [150, 300, 3600])
def test_codes_of_other_minutes_do_not_open(person: Person, seconds: int) -> None:
    enrolment, _ = enrolled(person)
    at = NOW + timedelta(seconds=6000)
    for away in (seconds, -seconds):
        assert not secondfactor.check(person, code(enrolment, 6000 + away), now=at)


def test_each_recovery_code_opens_once_typed_in_any_way(person: Person) -> None:
    _, codes = enrolled(person)
    assert len(set(codes)) == secondfactor.RECOVERY_CODES
    assert secondfactor.check(person, codes[0].replace("-", " ").upper(), now=NOW)
    assert not secondfactor.check(person, codes[0], now=NOW)
    assert secondfactor.recovery_codes_left(person) == secondfactor.RECOVERY_CODES - 1
    fresh = secondfactor.renew_recovery_codes(person, now=NOW)
    assert not secondfactor.check(person, codes[1], now=NOW)
    assert secondfactor.check(person, fresh[1], now=NOW)


def test_a_lost_phone_is_cleared_by_who_manages_people_of_the_unit(person: Person) -> None:
    enrolled(person)
    manager = people.add_person(
        "m", name="冯", unit=person.unit, roles=["secadmin"], password=None, actor="test", now=NOW
    )
    other = people.add_person("x", name="郑", unit=person.unit, roles=["editor"], password=None, actor="test", now=NOW)
    with pytest.raises(Refused, match="没有管理人员的权限"):
        secondfactor.remove(person, by=other, now=NOW)
    secondfactor.remove(person, by=manager, now=NOW)
    assert not secondfactor.has(person)
    assert secondfactor.recovery_codes_left(person) == 0
