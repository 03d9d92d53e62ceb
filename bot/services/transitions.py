"""The one way a publication changes its state: compare-and-set with a fencing number, audited in the same transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, models
from django.db.models import Case, F, Q, Value, When

from bot.domain.alarms import touches_people
from bot.domain.delivery import Event, State, after
from bot.domain.engine import sentences
from bot.domain.engine.facts import REASON_LENGTH, Step
from bot.domain.instants import require_aware
from bot.models import Publication

from . import audit
from .facts import doubted

MACHINE = "系统"
MACHINE_WISH = "machine"


class Stale(Exception):
    """Somebody else has moved it meanwhile: stop, change nothing."""


def move(publication: Publication, event: Event, *, actor: str, now: datetime, **changes: Any) -> None:
    """Apply an event. Raises IllegalTransition, or Stale when the row is not as `publication` says.

    `changes` are column values written with the state. The instance is brought up to date.
    """
    require_aware(now)
    old = State(publication.state)
    new = after(old, event)
    said, doubt = str(changes.get("reason", "")), changes.get("doubt", False)
    changes["reason"] = honest(publication, new, said, event=event, doubt=doubt)
    with audit.serialised():
        touched = Publication.objects.filter(pk=publication.pk, state=old, fence=publication.fence).update(
            **{"lease_until": None, "rung_at": None, **_for_the_watch(old, new, _holder(actor), now), **changes},
            state=new,
            fence=F("fence") + 1,
        )
        if not touched:
            raise Stale(f"publication {publication.pk} is no longer {old} with fence {publication.fence}")
        audit.append_all([_entry(publication, old, new, event, changes["reason"], actor)], now=now)
    _bring_up_to_date(publication, new, changes)


def enact(publication: Publication, step: Step, *, actor: str, now: datetime, **more: Any) -> None:
    """Write what the domain decided: its event with its columns, or the columns alone. Raises Stale like `move`.

    `more`: columns that only the records know (a batch, the next sample).
    """
    require_aware(now)
    changes = {**step.changes, **more}
    if step.event is None:
        touch(publication, **changes)
    else:
        move(publication, step.event, actor=actor, now=now, **changes)


@dataclass(frozen=True, slots=True)
class Change:
    """One publication's part of `move_all`. `told`: lines of the audit trail that come before its own."""

    publication: Publication
    event: Event
    columns: dict[str, Any] = field(default_factory=dict)
    told: tuple[audit.Entry, ...] = ()


def move_all(changes: Sequence[Change], *, actor: str, now: datetime, whole: bool = False) -> list[Change]:
    """`move` for many in one transaction and a few statements; returns those that moved, in order.

    What somebody else has moved meanwhile is left out, as `move` would refuse it; with `whole` it is Stale, and nothing
    is changed. Rows are locked before they are compared, so the answer is exact; an error (a rule of the database)
    takes all of them back.
    """
    require_aware(now)
    with audit.serialised():
        held = held_as({change.publication.pk: change.publication for change in changes})
        moved = [change for change in changes if change.publication.pk in held]
        if whole and len(moved) < len(changes):
            raise Stale(f"{len(changes) - len(moved)} of {len(changes)} publications have been taken over")
        steps = [_step_of(change, actor, now) for change in moved]
        _write(moved, steps)
        audit.append_all([line for c, s in zip(moved, steps, strict=True) for line in _lines(c, s, actor)], now=now)
    for change, (_, new, columns) in zip(moved, steps, strict=True):
        _bring_up_to_date(change.publication, new, columns)
    return moved


def held_as(known: dict[int, Publication]) -> set[int]:
    """Which of these still stand as known, state and fence; locks their rows for this transaction."""
    rows = Publication.objects.select_for_update().filter(pk__in=known).order_by("pk")
    return {
        pk
        for pk, state, fence in rows.values_list("pk", "state", "fence")
        if (known[pk].state, known[pk].fence) == (state, fence)
    }


_Moved = tuple[State, State, dict[str, Any]]


def _step_of(change: Change, actor: str, now: datetime) -> _Moved:
    publication = change.publication
    old = State(publication.state)
    new = after(old, change.event)
    own = not publication.stop_event or publication.stop_by == MACHINE_WISH
    by = "machine" if actor == MACHINE and own else "person"
    said, doubt = str(change.columns.get("reason", "")), change.columns.get("doubt", False)
    reason = honest(publication, new, said, event=change.event, doubt=doubt)
    return old, new, {**_for_the_watch(old, new, by, now), **change.columns, "reason": reason}


def _write(changes: Sequence[Change], steps: Sequence[_Moved]) -> None:
    """One prepared statement for all that change the same columns."""
    groups: dict[tuple[str, ...], list[tuple[Any, ...]]] = defaultdict(list)
    for change, (old, new, columns) in zip(changes, steps, strict=True):
        row = {"lease_until": None, "rung_at": None, **columns, "state": str(new)}
        where = (change.publication.pk, str(old), change.publication.fence)
        groups[tuple(row)].append((*adapted(Publication, row), *where))
    meta = Publication._meta
    for names, rows in groups.items():
        columns_set = ", ".join(f"{meta.get_field(name).column} = %s" for name in names)  # type: ignore[union-attr]
        sql = f"UPDATE {meta.db_table} SET {columns_set}, fence = fence + 1 WHERE id = %s AND state = %s AND fence = %s"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.executemany(sql, rows)
            if cursor.rowcount != len(rows):
                raise Stale(f"{len(rows) - cursor.rowcount} publications moved while they were locked")


def adapted(model: type[models.Model], row: dict[str, Any]) -> Iterable[Any]:
    """Column values of a model as the database takes them."""
    for name, value in row.items():
        column = model._meta.get_field(name)
        plain = value.pk if isinstance(value, models.Model) else value
        yield column.get_db_prep_save(plain, connection)  # type: ignore[union-attr]


def _lines(change: Change, step: _Moved, actor: str) -> tuple[audit.Entry, ...]:
    return (*change.told, _entry(change.publication, step[0], step[1], change.event, step[2]["reason"], actor))


def _entry(publication: Publication, old: State, new: State, event: Event, reason: str, actor: str) -> audit.Entry:
    data = {"from": str(old), "to": str(new), "event": str(event), "reason": reason}
    return audit.Entry(actor, audit.MOVED, f"publication:{publication.pk}", data)


def _bring_up_to_date(publication: Publication, new: State, columns: dict[str, Any]) -> None:
    publication.state, publication.fence, publication.lease_until = new, publication.fence + 1, None
    publication.rung_at = None
    for name, value in columns.items():
        setattr(publication, name, value)


def honest(
    publication: Publication, new: State, reason: str, *, event: Event | None = None, doubt: bool = False
) -> str:
    """The reason as it may stand: "nothing went out" is said of this try alone where an earlier one is in doubt."""
    if sentences.denies(reason, new, event) and (doubt or doubted(publication)):
        return sentences.of_this_try(reason)
    return reason[:REASON_LENGTH]


def _for_the_watch(old: State, new: State, by: Any, now: datetime) -> dict[str, Any]:
    """What makes the next tick look whether a person must be told. `by`: who holds it, where it is held from now on."""
    return {"alarm_at": now, "held_by": by if new is State.HELD else ""} if touches_people(old, new) else {}


def _holder(actor: str) -> Any:
    """A wish to stop is held by whoever wished it, whoever carries it out."""
    if actor != MACHINE:
        return "person"
    own = Q(stop_event="") | Q(stop_by=MACHINE_WISH)
    return Case(When(own, then=Value("machine")), default=Value("person"))


def lease(publication: Publication, until: datetime, *, now: datetime) -> bool:
    """Take a publication for one step of work; False when somebody else has it. Bumps the fence."""
    require_aware(until)
    require_aware(now)
    taken = (
        Publication.objects.filter(pk=publication.pk, state=publication.state, fence=publication.fence)
        .exclude(lease_until__gt=now)
        .update(fence=F("fence") + 1, lease_until=until)
    )
    if taken:
        publication.fence += 1
        publication.lease_until = until
    return bool(taken)


def touch(publication: Publication, **changes: Any) -> None:
    """Write columns while holding it, without a change of state. Raises Stale like `move`."""
    touched = Publication.objects.filter(pk=publication.pk, state=publication.state, fence=publication.fence).update(
        **changes
    )
    if not touched:
        raise Stale(f"publication {publication.pk} was taken over")
    for name, value in changes.items():
        setattr(publication, name, value)
