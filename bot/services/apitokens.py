"""Tokens of the machine interface: made, told once, recognised, taken back."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from bot.domain.hashing import sha256
from bot.domain.instants import require_aware
from bot.domain.rights import RIGHT_LABELS, idle, in_order
from bot.domain.secret import Secret
from bot.domain.workflow import Role
from bot.models import ApiToken, AuditEvent, Person, Unit

from . import audit
from .errors import NotFound, Refused
from .people import colleague, names, require

PREFIX = "tongfa_"
"""By it scanners recognise a token that was left in a file."""

BYTES = 32
"""As much chance as a key: nobody guesses it, so a plain hash of it is enough."""

LONGEST_LIFE = timedelta(days=3 * 365)
LONGEST_NAME = 60
USED_TO_THE = timedelta(hours=1)


def add_token(
    name: str, *, person: Person, rights: Sequence[str], life: timedelta, actor: str, now: datetime
) -> tuple[ApiToken, Secret]:
    """A new token of the person's unit, and its secret, which is nowhere after this."""
    require_aware(now)
    name = name.strip()
    _require_name(name)
    chosen = _checked(rights)
    if not timedelta(days=1) <= life <= LONGEST_LIFE:
        raise Refused("life", f"令牌的有效期应在 1 天到 {LONGEST_LIFE.days} 天之间，未添加。请改正后重试。")
    if not person.is_active:
        raise Refused("disabled", f"人员“{person.name}”已停用，令牌未添加。请换一位在岗人员。")
    secret = Secret(PREFIX + secrets.token_urlsafe(BYTES))
    settings.TONGFA_REDACTOR.register(secret.reveal())
    try:
        with transaction.atomic():
            token = ApiToken.objects.create(
                unit=person.unit, name=name, person=person, rights=chosen, digest=_digest(secret.reveal()),
                created_at=now, expires_at=now + life,
            )  # fmt: skip
            data = {"name": name, "person": person.username, "rights": chosen}
            audit.append(actor, "token.added", f"token:{token.pk}", data, now=now)
    except IntegrityError:
        raise Refused("exists", f"本单位已有在用的令牌“{name}”，未添加。请换一个名称，或先吊销那一个。") from None
    return token, secret


def issue(
    name: str, *, holder: str, rights: Sequence[str], life: timedelta, person: Person, now: datetime
) -> tuple[ApiToken, Secret]:
    """The same by the system administrator of a unit, for a person of it. `holder`: the login name."""
    require_aware(now)
    require(person, Role.SYSADMIN)
    return add_token(
        name, person=colleague(holder, unit=person.unit), rights=rights, life=life, actor=person.username, now=now
    )


def of_no_use(token: ApiToken) -> str:
    """Why some of its rights open nothing for its person as the roles stand, "" where all of them do."""
    shut = idle(token.rights, token.person.held_roles)
    if not shut:
        return ""
    words = "、".join(right.label for right in shut)
    return f"“{words}”现在用不上：{token.person.name}没有办理它们的角色。请安全管理员调整角色，或另发给有角色的人。"


def take_back(pk: int, *, person: Person, now: datetime) -> ApiToken:
    """Revoke one of the unit's, by its system administrator."""
    require_aware(now)
    require(person, Role.SYSADMIN)
    return revoke_token(pk, actor=person.username, now=now, unit=person.unit)


def made_by(tokens: Sequence[ApiToken]) -> dict[int, str]:
    """Who made each, by its number: their name, or what the trail says of a token that no person made."""
    subjects = {f"token:{token.pk}": token.pk for token in tokens}
    lines = AuditEvent.objects.filter(subject__in=list(subjects), action="token.added")
    actors = {subjects[subject]: actor for subject, actor in lines.values_list("subject", "actor")}
    known = names(actors.values())
    return {pk: known.get(actor, actor) for pk, actor in actors.items()}


def _require_name(name: str) -> None:
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Refused("name", f"令牌的名称应有 1 到 {LONGEST_NAME} 个字，写明给哪个系统用，未添加。")


def _checked(rights: Sequence[str]) -> list[str]:
    try:
        chosen = in_order(rights)
    except ValueError:
        chosen = []
    if not chosen:
        words = "、".join(f"{label}（{right}）" for right, label in RIGHT_LABELS.items())
        raise Refused("right", f"令牌至少要有一项权限，且只能是：{words}。未添加。")
    return chosen


def revoke_token(pk: int, *, actor: str, now: datetime, unit: Unit | None = None) -> ApiToken:
    """Take a token back at once. A second time changes nothing, and is refused."""
    require_aware(now)
    found = ApiToken.objects.select_related("unit", "person")
    token = (found.filter(unit=unit) if unit else found).filter(pk=pk).first()
    if token is None:
        raise NotFound("令牌", pk)
    with transaction.atomic():
        if not ApiToken.objects.filter(pk=pk, revoked_at__isnull=True).update(revoked_at=now):
            raise Refused("revoked", f"令牌“{token.name}”先前已吊销，没有改动。")
        audit.append(actor, "token.revoked", f"token:{pk}", {"name": token.name}, now=now)
    token.refresh_from_db()
    return token


def recognise(secret: str, *, now: datetime) -> ApiToken | None:
    """The token, if it is one that holds and its person is still in office; None for everything else alike."""
    require_aware(now)
    digest = _digest(secret)
    token = ApiToken.objects.select_related("unit", "person__unit").filter(digest=digest).first()
    if token is None or not hmac.compare_digest(token.digest, digest):
        return None
    if token.revoked_at is not None or token.expires_at <= now or not token.person.is_active:
        return None
    if token.person.unit_id != token.unit_id:  # the person went to another unit: the token does not follow
        return None
    _note_use(token, now)
    return token


def _note_use(token: ApiToken, now: datetime) -> None:
    """To the hour: reading should not write."""
    if token.last_used_at is not None and now - token.last_used_at < USED_TO_THE:
        return
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - USED_TO_THE)
    ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass"))
