"""The second factor: codes of an authenticator app (TOTP, RFC 6238) and recovery codes.

A code is good for its half minute and the ones beside it (RFC 6238, 5.2), and only once: what was read over a shoulder is
worth nothing afterwards.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

import pyotp
from django.db import transaction

from bot.domain.hashing import sha256
from bot.domain.instants import require_aware
from bot.domain.secret import Secret
from bot.models import Person, RecoveryCode, SecondFactor

from . import audit, vault
from .errors import Refused
from .people import require_manager

STEP = 30  # seconds
BESIDE = (0, -1, 1)
RECOVERY_CODES = 10
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
ISSUER = "同发"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the person's app needs: `uri` for the picture, `secret` to type in."""

    uri: str
    secret: str


def has(person: Person) -> bool:
    """Whether this person has a second factor in use."""
    return SecondFactor.objects.filter(person=person, confirmed_at__isnull=False).exists()


def begin(person: Person, *, now: datetime) -> Enrolment:
    """A new secret for a person who has none in use. Before `confirm` it opens nothing."""
    require_aware(now)
    if has(person):
        raise Refused("second_factor", "您已启用验证器，未做改动。要换手机，请先停用再重新启用。")
    secret = pyotp.random_base32()
    data = vault.encrypt(Secret(secret), _row(person))
    SecondFactor.objects.update_or_create(
        person=person,
        defaults={
            "ciphertext": data,
            "key_id": vault.key_id(),
            "created_at": now,
            "confirmed_at": None,
            "last_step": 0,
        },
    )
    return _enrolment(person, secret)


def pending(person: Person) -> Enrolment | None:
    """The secret that waits for its first code: shown again after a wrong one."""
    factor = SecondFactor.objects.filter(person=person, confirmed_at__isnull=True).first()
    return None if factor is None else _enrolment(person, vault.decrypt(factor.ciphertext, _row(person)).reveal())


def _enrolment(person: Person, secret: str) -> Enrolment:
    uri = pyotp.TOTP(secret, interval=STEP).provisioning_uri(name=person.username, issuer_name=ISSUER)
    return Enrolment(uri, secret)


def confirm(person: Person, code: str, *, now: datetime) -> list[str]:
    """The app shows the right code: the factor is in use from now on. Returns the recovery codes, told this once."""
    require_aware(now)
    with audit.serialised():
        factor = SecondFactor.objects.filter(person=person, confirmed_at__isnull=True).first()
        if factor is None or not _use(factor, code, now):
            raise Refused("code", "验证码不对，验证器还没有启用。请核对手机时间，输入验证器现在显示的 6 位数字。")
        SecondFactor.objects.filter(pk=factor.pk).update(confirmed_at=now)
        audit.append(person.username, "person.second_factor", f"person:{person.username}", {"on": True}, now=now)
        return _new_recovery_codes(person)


def check(person: Person, code: str, *, now: datetime) -> bool:
    """Whether this is a code of the person's app, or one of the recovery codes; either is used up by it."""
    require_aware(now)
    entered = "".join(code.split()).replace("-", "").lower()
    factor = SecondFactor.objects.filter(person=person, confirmed_at__isnull=False).first()
    if factor is None:
        return False
    if entered.isdigit() and len(entered) == 6:
        with transaction.atomic():
            return _use(factor, entered, now)
    return _use_recovery_code(person, entered, now)


def _use(factor: SecondFactor, code: str, now: datetime) -> bool:
    """Compare with the codes around now; the step must be newer than the last one used, and is taken by one caller only."""
    entered = "".join(code.split())
    totp = pyotp.TOTP(vault.decrypt(factor.ciphertext, _row(factor.person)).reveal(), interval=STEP)
    present = int(now.timestamp()) // STEP
    for step in (present + beside for beside in BESIDE):
        if secrets.compare_digest(totp.generate_otp(step).encode(), entered.encode()):
            return bool(SecondFactor.objects.filter(pk=factor.pk, last_step__lt=step).update(last_step=step))
    return False


def _use_recovery_code(person: Person, entered: str, now: datetime) -> bool:
    with audit.serialised():
        unused = RecoveryCode.objects.filter(person=person, digest=_digest(person, entered), used_at__isnull=True)
        if not unused.update(used_at=now):
            return False
        left = RecoveryCode.objects.filter(person=person, used_at__isnull=True).count()
        audit.append(person.username, "person.recovery_code", f"person:{person.username}", {"left": left}, now=now)
    return True


def renew_recovery_codes(person: Person, *, now: datetime) -> list[str]:
    """Ten new ones; the old ones are void."""
    require_aware(now)
    if not has(person):
        raise Refused("second_factor", "还没有启用验证器，没有恢复码可换。请先启用验证器。")
    with audit.serialised():
        codes = _new_recovery_codes(person)
        audit.append(person.username, "person.recovery_codes", f"person:{person.username}", now=now)
    return codes


def recovery_codes_left(person: Person) -> int:
    """How many have not been used."""
    return RecoveryCode.objects.filter(person=person, used_at__isnull=True).count()


def remove(person: Person, *, by: Person, now: datetime) -> None:
    """The person themself, or, where the phone is lost, who manages people."""
    require_aware(now)
    if by.pk != person.pk:
        require_manager(by)
        if by.unit_id != person.unit_id:
            raise Refused("role", "只能管理本单位的人员，未做任何改动。")
    with audit.serialised():
        RecoveryCode.objects.filter(person=person).delete()
        if not SecondFactor.objects.filter(person=person).delete()[0]:
            raise Refused("second_factor", f"{person.name}没有启用验证器，未做改动。")
        audit.append(by.username, "person.second_factor", f"person:{person.username}", {"on": False}, now=now)


def _new_recovery_codes(person: Person) -> list[str]:
    codes = ["".join(secrets.choice(LETTERS) for _ in range(16)) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.filter(person=person).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(person=person, digest=_digest(person, code)) for code in codes)
    return ["-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in codes]


def _digest(person: Person, code: str) -> str:
    """80 random bits need no slow hash."""
    return sha256(f"recovery:{person.pk}:{code}".encode())


def _row(person: Person) -> str:
    return f"second_factor:{person.pk}"
