"""Idempotency of the machine interface: a writing call has its effect once, however often it is made.

    claim (a row, committed) -> the use case, with the answer written in its own transaction -> the answer

Of two that race the unique key lets one through. Who dies before the commit has written nothing, and the call may be
made again once the lease is over; who dies after it has left the answer. Who comes back from the dead finds another
fence, and its transaction is taken back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F

from bot.domain.hashing import sha256
from bot.domain.instants import require_aware
from bot.models import ApiCall, ApiToken

from . import audit
from .errors import Refused

LEASE = timedelta(minutes=2)
"""How long a call may run before another may take it up; far above what any of them takes."""

KEPT = timedelta(days=7)
TIDIED = 50  # old calls taken away with each new one

RUNNING, REUSED = "running", "key_reused"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call was answered: HTTP status and body."""

    status: int
    body: str
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A writing call. `operation` and `content` together are what must be the same under the same key."""

    token: ApiToken
    key: str
    operation: str
    content: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """Hash of what is asked. The order of members says nothing."""
        asked = json.dumps([self.operation, self.content], sort_keys=True, ensure_ascii=True)
        return sha256(asked.encode())


Keep = Callable[[Answer], None]


def once(call: Call, act: Callable[[Keep], Answer], *, now: Callable[[], datetime]) -> Answer:
    """Run `act`, or give the answer that an earlier run of the same call got.

    `act` is handed `keep`, and calls it within the transaction that holds its effect. What is refused has no effect: the
    key is free again afterwards. Refused itself while the call runs (`running`), and where the key stood for something
    else (`key_reused`).
    """
    require_aware(now())
    claimed = _claim(call, now())
    if isinstance(claimed, Answer):
        return claimed

    def keep(answer: Answer) -> None:
        _keep(call, claimed, answer, now())

    try:
        return act(keep)
    except BaseException:
        with suppress(DatabaseError):  # where the database is gone the lease ends it
            ApiCall.objects.filter(pk=claimed.pk, fence=claimed.fence, status__isnull=True).delete()
        raise


def _claim(call: Call, now: datetime) -> ApiCall | Answer:
    mine: dict[str, Any] = {"token": call.token, "key": call.key}
    _tidy(call.token, now)
    try:
        with transaction.atomic():
            return ApiCall.objects.create(**mine, fingerprint=call.fingerprint, created_at=now, lease_until=now + LEASE)
    except IntegrityError:
        known = ApiCall.objects.filter(**mine).first()
    if known is None:  # it was refused in this very moment
        raise _running()
    if known.fingerprint != call.fingerprint:
        raise Refused(
            REUSED, "这个 Idempotency-Key 已用于另一次内容不同的请求，没有办理，未做改动。请为新的请求换一个。"
        )
    if known.status is not None:
        return Answer(known.status, known.answer, replayed=True)
    return _taken_over(known, now)


def _taken_over(known: ApiCall, now: datetime) -> ApiCall:
    """From a process that died. Refused while it may live."""
    abandoned = ApiCall.objects.filter(pk=known.pk, fence=known.fence, status__isnull=True, lease_until__lte=now)
    if not abandoned.update(fence=F("fence") + 1, lease_until=now + LEASE):
        raise _running()
    known.fence += 1
    return known


def _running() -> Refused:
    return Refused(RUNNING, "同一请求正在办理，请稍候用同一个 Idempotency-Key 再问一次，不会重复办理。")


def _keep(call: Call, claimed: ApiCall, answer: Answer, now: datetime) -> None:
    """In the caller's transaction: with the effect, or not at all."""
    mine = ApiCall.objects.filter(pk=claimed.pk, fence=claimed.fence, status__isnull=True)
    if not mine.update(status=answer.status, answer=answer.body):
        raise _running()  # it was taken over: the other one does it
    data = {"operation": call.operation, "key": call.key, "status": answer.status}
    audit.append(call.token.person.username, "api.written", f"token:{call.token.pk}", data, now=now)


def _tidy(token: ApiToken, now: datetime) -> None:
    """Take away a few calls that are long over, so that the table does not grow for ever."""
    old = ApiCall.objects.filter(token=token, created_at__lt=now - KEPT).order_by("created_at")
    if keys := list(old.values_list("pk", flat=True)[:TIDIED]):
        ApiCall.objects.filter(pk__in=keys).delete()
