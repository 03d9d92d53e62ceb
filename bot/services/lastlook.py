"""The last look, 100 ms before T: does anything speak against what is about to leave?

It has to be over before T, for one publication as for thousands: the database is asked a handful of questions, and the
domain judges each different standing once (a crowd has one or two).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import BooleanField, ExpressionWrapper, Q

from bot.domain.delivery import State
from bot.domain.engine import handing_out, sender
from bot.domain.instants import require_aware
from bot.domain.sync import AT_TIME, LETTING_THROUGH
from bot.models import Batch, Freeze, Publication

from . import approvals, gating
from .lanes import Lanes

TAKEN_OVER = "发出前最后核对：发送权已转到别的进程"


@dataclass(frozen=True, slots=True)
class Aboard:
    """One publication that is about to leave, and since when its draft is read back (None: it was not)."""

    publication: Publication
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class Here:
    """What the sending process itself knows at that moment. `distrusted`: accounts whose platform contradicts the clock."""

    now: datetime
    lock_held: bool
    distrusted: Collection[int] = ()


def struck(batch: Batch, aboard: Iterable[Aboard], here: Here) -> dict[int, str]:
    """Publication id to why it is taken out, in Chinese; what may leave is not in it. Some queries for the whole batch.

    Freeze, signature, approvals, portal page, wishes to stop, clock, read-back and lane are asked anew.
    """
    require_aware(here.now)
    known = {one.publication.pk: one for one in aboard}
    stale = {pk for pk, one in known.items() if not sender.read_back_holds(one.read_at, here.now)}
    lanes = Lanes(one.publication for one in known.values())
    judge = _Judge(batch, here)
    why = dict.fromkeys(known, TAKEN_OVER)  # whose row is no longer of this batch
    for row in _rows(batch):
        if (one := known.get(row.pk)) is not None:
            why[row.pk] = judge(row, lanes.previous(one.publication), read_back_holds=row.pk not in stale)
    return {pk: words for pk, words in why.items() if words}


class _Judge:
    """The domain's answer, asked once for each different standing."""

    def __init__(self, batch: Batch, here: Here) -> None:
        self._here = here
        self._frozen = set(Freeze.objects.filter(lifted_at__isnull=True).values_list("unit_id", flat=True))
        self._unapproved = approvals.unapproved(batch)
        self._answers: dict[tuple[Any, ...], str] = {}

    def __call__(self, row: Row, previous: handing_out.Previous | None, *, read_back_holds: bool) -> str:
        """ "" when nothing speaks against it."""
        standing = (
            row.signed, row.unit in self._frozen, row.disabled, previous, self._is_shut(row), row.state, row.stop_event,
            row.pk not in self._unapproved, row.account not in self._here.distrusted, read_back_holds,
        )  # fmt: skip
        if standing not in self._answers:
            self._answers[standing] = self._ask(*standing)
        return self._answers[standing]

    def _ask(
        self, signed: bool, frozen: bool, disabled: str, previous: handing_out.Previous | None, shut: bool, state: str,
        stop_event: str, approved: bool, clock_trusted: bool, read_back_holds: bool,
    ) -> str:  # fmt: skip
        return handing_out.struck(
            handing_out.Standing(signed, frozen, disabled, previous, shut), State(state), stop_event, approved=approved,
            lock_held=self._here.lock_held, clock_trusted=clock_trusted, read_back_holds=read_back_holds,
        )  # fmt: skip

    def _is_shut(self, row: Row) -> bool:
        if row.sync == AT_TIME:
            return False
        return row.gate not in LETTING_THROUGH or gating.unproved(row.release, row.gate, row.seen, now=self._here.now)


class Row(NamedTuple):
    """What the database says of one publication now."""

    pk: int
    account: int
    state: str
    stop_event: str
    unit: int
    disabled: str
    signed: bool
    release: int
    sync: str
    gate: str
    seen: datetime | None


def _rows(batch: Batch) -> Iterator[Row]:
    found = Publication.objects.filter(batch=batch).annotate(
        signed=ExpressionWrapper(
            Q(release__signed_at__isnull=False, release__cancelled_at__isnull=True), output_field=BooleanField()
        )
    )
    return map(
        Row._make,
        found.values_list(
            "pk", "account_id", "state", "stop_event", "release__unit_id", "account__disabled_reason", "signed",
            "release_id", "release__sync", "release__gate__state", "release__gate__live_at",
        ),
    )  # fmt: skip
