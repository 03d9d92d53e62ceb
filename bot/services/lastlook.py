"""The last look, 100 ms before T: does anything speak against what is about to leave?

It has to be over before T, for one publication as for thousands: the database is asked a handful of questions and groups
what stands alike, and the domain judges each group once (a crowd has one or two). Rows of their own have only those of
which the sender itself knows something: a lane, an old read-back, a platform that contradicts the clock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Aggregate, BooleanField, Case, ExpressionWrapper, F, Q, TextField, When

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
    """What the sending process itself knows at that moment. `distrusted`: accounts whose platform contradicts the clock;
    `firing`: it has begun to write, so that some of the batch may have left.
    """

    now: datetime
    lock_held: bool
    distrusted: Collection[int] = ()
    firing: bool = False


def struck(batch: Batch, aboard: Iterable[Aboard], here: Here) -> dict[int, str]:
    """Publication id to why it is taken out, in Chinese; what may leave is not in it. Some queries for the whole batch.

    Freeze, signature, approvals, portal page, wishes to stop, clock, read-back and lane are asked anew.
    """
    require_aware(here.now)
    known = {one.publication.pk: one for one in aboard}
    return _Look(batch, known, here).struck()


class _Look:
    def __init__(self, batch: Batch, known: dict[int, Aboard], here: Here) -> None:
        self._batch, self._known, self._here = batch, known, here
        self._frozen = set(Freeze.objects.filter(lifted_at__isnull=True).values_list("unit_id", flat=True))
        self._unapproved = approvals.unapproved(batch)
        self._stale = {pk for pk, one in known.items() if not sender.read_back_holds(one.read_at, here.now)}
        self._lanes = Lanes(one.publication for one in known.values())

    def struck(self) -> dict[int, str]:
        """Nobody is left out: whose row is no longer of this batch has been taken over."""
        apart, left = self._apart(), set(self._known)
        why: dict[int, str] = {}
        for group in _groups(self._batch):
            mine = left.intersection(group.members)
            left -= mine
            alike = mine - apart
            if alike and (words := self._ask(group)):
                why.update(dict.fromkeys(alike, words))
            why.update((pk, words) for pk in mine & apart if (words := self._ask_about(pk, group)))
        return why | dict.fromkeys(left, TAKEN_OVER)

    def _apart(self) -> set[int]:
        """Those of which more is to be said than what the database groups by."""
        distrusted = self._here.distrusted
        own = {
            pk
            for pk, one in self._known.items()
            if one.publication.lane or (distrusted and one.publication.account_id in distrusted)
        }
        return own | self._stale | self._unapproved

    def _ask_about(self, pk: int, group: Group) -> str:
        publication = self._known[pk].publication
        return self._ask(
            group,
            self._lanes.previous(publication),
            approved=pk not in self._unapproved,
            clock_trusted=publication.account_id not in self._here.distrusted,
            read_back_holds=pk not in self._stale,
        )

    def _ask(
        self, group: Group, previous: handing_out.Previous | None = None, *, approved: bool = True,
        clock_trusted: bool = True, read_back_holds: bool = True,
    ) -> str:  # fmt: skip
        """The domain's answer: "" when nothing speaks against it."""
        standing = handing_out.Standing(
            group.signed, group.unit in self._frozen, group.disabled, previous, self._is_shut(group)
        )
        return handing_out.struck(
            standing, State(group.state), group.stop_event, approved=approved, lock_held=self._here.lock_held,
            clock_trusted=clock_trusted, read_back_holds=read_back_holds,
        )  # fmt: skip

    def _is_shut(self, group: Group) -> bool:
        if group.sync == AT_TIME:
            return False
        aboard = None if self._here.firing else self._batch
        return group.gate not in LETTING_THROUGH or gating.unproved(
            group.release, group.gate, group.seen, now=self._here.now, aboard=aboard
        )


class Group(NamedTuple):
    """What the database says now of publications that stand alike. With a portal gate these are of one release."""

    state: str
    stop_event: str
    unit: int
    disabled: str
    signed: bool
    sync: str
    release: int
    gate: str
    seen: datetime | None
    members: frozenset[int]


_SIGNED = ExpressionWrapper(
    Q(release__signed_at__isnull=False, release__cancelled_at__isnull=True), output_field=BooleanField()
)


def _behind_a_gate(field: str) -> Case:
    """The column where it decides something: without a gate, releases stand alike."""
    return Case(When(release__sync=AT_TIME, then=None), default=F(field))


class _Numbers(Aggregate):
    """Which rows are in a group: text in SQLite, an array in PostgreSQL."""

    function, output_field = "GROUP_CONCAT", TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="ARRAY_AGG", **context)


def _groups(batch: Batch) -> Iterator[Group]:
    standing = (
        "state", "stop_event", "release__unit_id", "account__disabled_reason", "signed", "release__sync", "of", "gate", "seen",
    )  # fmt: skip
    rows = (
        Publication.objects.filter(batch=batch)
        .annotate(
            signed=_SIGNED,
            of=_behind_a_gate("release_id"),
            gate=_behind_a_gate("release__gate__state"),
            seen=_behind_a_gate("release__gate__live_at"),
        )
        .values(*standing)
        .annotate(numbers=_Numbers("pk"))
        .order_by()
        .values_list(*standing, "numbers")
    )
    for *columns, numbers in rows:
        yield Group._make((*columns, frozenset(map(int, numbers.split(",")) if isinstance(numbers, str) else numbers)))
