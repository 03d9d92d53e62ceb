"""The clock: a plain function of the present instant and the database.

`tick(now)` settles what dead processes left, hands out batches, says which workers to ring and which work
nobody took, and when to be asked again. It sends nothing and calls no platform; the database is the truth,
the broker only a doorbell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from bot.domain import timeline
from bot.domain.delivery import STOPPABLE, State
from bot.domain.engine import handing_out
from bot.domain.engine import staging as staging_rules
from bot.domain.instants import require_aware
from bot.models import Account, Batch, Chore, Publication, Release

from . import atwork, audit, batches, gating, measuring, setback, watching
from .agenda import PARTS, agenda, is_near
from .bulk import ASKED, chunks
from .clocksafety import PATIENCE, doubt_of_this_boot
from .confirming import look_all
from .facts import facts_of
from .sending import run_batch
from .staging import stage_all, take_back
from .transitions import MACHINE_WISH, Stale, enact
from .walltime import WallClock

ACTOR = "系统"
log = structlog.get_logger(__name__)
LONGEST = timedelta(seconds=60)
MOST = 1000  # publications looked at in one tick; the rest is due at the next
FRONT_OF_A_QUEUE = timedelta(seconds=30)  # a few bells unheard for longer are none, whatever else is being done
GROUP = 20  # due work of one kind beyond this goes to a worker several at a time
WAITING = (State.PLANNED, State.BLOCKED)
OPEN = ("ready", "claimed")


@dataclass(frozen=True, slots=True)
class Job:
    """Work for some process: `send` a batch, `stage` or `look` at a publication, `measure` an account, ask a `gate`,
    or the watch's: a `preflight`, a message (`notify`), an inspection (`inspect`).

    `also`: more subjects of the same kind, where there are many: a worker then does several at a time.
    `waits`: seconds that pass before its work proper begins; a limit on how long it may take counts from then.
    """

    kind: str
    subject: int
    also: tuple[int, ...] = ()
    waits: float = field(default=0.0, compare=False)

    @property
    def subjects(self) -> tuple[int, ...]:
        """All of them."""
        return (self.subject, *self.also)


@dataclass(frozen=True, slots=True)
class Watched:
    """Since when the clock process has followed the time without a jump, and for how many seconds by a steady clock.

    `steady`: what the machine's own steady clock showed at the instant of the tick (`ports.boot_seconds`).
    """

    since: datetime
    for_seconds: float
    steady: float | None = None


@dataclass(slots=True)
class Tick:
    """What one tick found: bells to ring, work to do in a child process, and when to look again."""

    rings: list[Job] = field(default_factory=list)
    children: list[Job] = field(default_factory=list)
    next_at: datetime | None = None
    watched: Watched | None = None
    instants: list[datetime] = field(default_factory=list)  # of the batches that are with their senders
    near: bool = False  # a release is: who sends should be awake


def tick(now: datetime, *, thorough: bool = False, watched: Watched | None = None) -> Tick:
    """One look at the world. A part that fails is logged and does not keep the others from their turn.

    `watched`: since when the clock process has followed the time; None: all of it.

    Only the parts that `agenda` finds something for are run, and all that follow one that has mended something; where it
    is to be `thorough`, all of them.
    """
    require_aware(now)
    result = Tick(watched=watched)
    if thorough:
        setback.look_anew(now=now)  # another host's clock may have been ahead
    wanted = PARTS if thorough else agenda(now, soon=gating.SOON)
    for name, part in _PARTS.items():
        if name not in wanted and not (name == "batches" and "hand_out" in wanted):
            continue
        try:
            if part(now, result):
                wanted = PARTS
        except OperationalError:
            raise  # the database is away: the caller waits a moment
        except Exception:
            log.exception("clock.part", part=name)
            wanted = PARTS
    result.near = is_near(now)
    result.next_at = min(_next_at(now), result.next_at or now + LONGEST)
    result.instants = list(
        Batch.objects.filter(state__in=OPEN, instant__gt=now).values_list("instant", flat=True)[:100]
    )
    return result


ASK_AGAIN = timedelta(seconds=30)
_DUE = ("bot_publication", "bot_portalgate", "bot_preflight", "bot_alarm", "bot_alarmnotice", "bot_chore")
_AT_HAND = " OR ".join(
    [
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM bot_batch WHERE state IN ('ready', 'claimed'))",
        "EXISTS (SELECT 1 FROM bot_publication WHERE lease_until > %s)",
        "EXISTS (SELECT 1 FROM bot_publication WHERE alarm_at <= %s)",
        *(f"EXISTS (SELECT 1 FROM {table} WHERE next_at <= %s)" for table in _DUE),  # noqa: S608
    ]
)


def at_hand(now: datetime) -> bool:
    """Whether a tick would find something to do: one statement of a few indexed reads, asked every second or two.

    Work that is under way (a batch with its sender, staging with its worker) counts as at hand: its process may die.
    What only the passing of time brings about in a quiet house (numbers to collect, what is missed) is left to the
    whole ticks.
    """
    require_aware(now)
    at = connection.ops.adapt_datetimefield_value(now)
    with connection.cursor() as cursor:
        cursor.execute(_AT_HAND, [at] * (len(_DUE) + 2))
        return cursor.fetchone() is not None


def _recover(now: datetime, result: Tick) -> bool:
    del result
    recovered = batches.recover(now=now)
    return take_back(now=now) or recovered


def _hand_out(now: datetime, result: Tick) -> None:
    _call_early(now, [State.STAGED], timeline.HAND_OUT, timeline.hand_out_ahead)
    due = _due(now, [State.STAGED], gating.TO_HAND_OUT).defer("staged", "release__manifest")[: timeline.LARGEST_CROWD]
    late = [one for one in due if timeline.too_late(now, one.instant, settings.TONGFA.max_lateness)]
    spared = {one.pk for one in late} - {one.pk for one in _certainly_over(late, now, result.watched)}
    batches.hand_out([one for one in due if one.pk not in spared], now=now)


def _ring_the_due(now: datetime, result: Tick) -> None:
    _call_early(now, [State.PLANNED], timeline.STAGE_AHEAD, timeline.stage_ahead)  # what is blocked keeps its pauses
    _ring_all("stage", _ready(_to_ring(now, [*WAITING, State.STAGING]), now), now, result)
    _ring_all("look", _to_ring(now, [State.CONFIRMING, State.UNKNOWN, State.LIVE]), now, result)


def _call_early(now: datetime, states: Sequence[State], ahead: timedelta, needed: Callable[[int], timedelta]) -> None:
    """A crowd at one instant is due earlier than a few would be."""
    waiting = Publication.objects.filter(
        state__in=[str(state) for state in states],
        next_at__gt=now,
        next_at__lte=now + needed(timeline.LARGEST_CROWD) - ahead,
    )
    crowds = waiting.values("not_before").annotate(size=Count("pk")).filter(size__gt=timeline.CROWD)
    for instant, size in crowds.values_list("not_before", "size").order_by("not_before"):
        if now >= instant - needed(size):
            waiting.filter(not_before=instant).update(next_at=now)


def _due(now: datetime, states: Sequence[State], *more: Q) -> QuerySet[Publication]:
    return (
        Publication.objects.filter(*more, next_at__lte=now, state__in=[str(state) for state in states])
        .exclude(lease_until__gt=now)
        .select_related("account", "release__unit", "release__gate")
        .order_by("next_at", "release_id", "account_id", "lane")
    )


def _to_ring(now: datetime, states: Sequence[State]) -> list[Publication]:
    """Due, and no bell of theirs is still unanswered: those in front must not hide those behind them."""
    due = _due(now, states).defer("staged", "release__manifest")
    unheard = due.filter(rung_at__lte=now - timeline.RING_AGAIN)
    new = list(due.filter(rung_at__isnull=True)[:MOST])
    return [*new, *unheard[:MOST]] if _nobody_comes(unheard, now) else new


def _nobody_comes(unheard: QuerySet[Publication], now: datetime) -> bool:
    """Whether bells were rung in vain. Where many wait and somebody is at work they are a queue that gets shorter, and
    nobody takes it over; so are a few for a while, where work is being finished: they are the front of one.

    Asked before they are read: of thousands, each tick would read the first thousand for nothing.
    """
    some = [at for at in unheard.values_list("rung_at", flat=True)[: GROUP + 1] if at is not None]
    if not some:
        return False
    if len(some) > GROUP:
        return not atwork.somebody_is(now)
    return min(some) <= now - FRONT_OF_A_QUEUE or not atwork.moves(now)


def _sweep_too_late(now: datetime, result: Tick) -> bool:
    signed = Exists(Release.objects.filter(pk=OuterRef("release_id"), signed_at__isnull=False))
    late = Publication.objects.filter(signed, instant__lt=now - settings.TONGFA.max_lateness)
    found = _of_each(late.exclude(lease_until__gt=now), [*STOPPABLE, State.HELD], most=MOST)
    over = _certainly_over(found, now, result.watched)
    for publication in over:
        with suppress(Stale):
            enact(publication, handing_out.expired(facts_of(publication)), actor=ACTOR, now=now)
    return bool(over)


def _of_each(rows: QuerySet[Publication], states: Iterable[State], most: int | None = None) -> list[Publication]:
    """These, or the first of them in order of their instants, asked state by state: of several at once SQLite's statistics say that
    they are most of the table, and all of it is read."""
    asked = rows.select_related("account").order_by("instant", "pk")
    found = [one for state in sorted(states) for one in asked.filter(state=state)[:most]]
    return sorted(found, key=lambda one: (one.instant, one.pk))[:most]


def _certainly_over(late: Sequence[Publication], now: datetime, watched: Watched | None) -> list[Publication]:
    """Those whose time is really over: the machine cannot take that back.

    A clock that is hours ahead when the machine starts would declare a day's releases missed. So what was over before
    this process began to follow the time needs a platform whose `Date` agrees; where none answers, patience.
    """
    if watched is None:
        return list(late)
    certain = [one for one in late if one.instant + settings.TONGFA.max_lateness >= watched.since]
    if len(certain) == len(late):
        return certain
    doubt = doubt_of_this_boot(now=now, steady=watched.steady)
    if doubt is None:
        Chore.objects.filter(name="machine", next_at__gt=now, ran_at__lt=now - ASK_AGAIN).update(next_at=now)
    patient = doubt is None and (watched.for_seconds >= PATIENCE or not settings.TONGFA.require_platform_date)
    return list(late) if doubt == "" or patient else certain


# --- staging --------------------------------------------------------------------------------------------


def _hold_the_unready(now: datetime, result: Tick) -> bool:
    """What is still being staged at T - 15 s, failed since, or waits for a worker: it holds its release before a mate is
    handed out.

    A worker that is at it has a lease: whoever waited for its end would send the mates alone. A bell that nobody has heard
    by then may still be heard in a moment, with the same end.
    """
    del result
    late = Publication.objects.filter(stage_by__lte=now)
    unheard = late.filter(rung_at__lt=F("stage_by"), instant__lte=now + timeline.STAGED_BY)
    asked = [*_of_each(late, [State.STAGING, State.BLOCKED]), *_of_each(unheard, [State.PLANNED])]
    found = [one for one in asked if staging_rules.unready(facts_of(one, ()), now=now)]
    for publication in found:
        _hold_together(publication, now)
    return bool(found)


def _ready(due: Sequence[Publication], now: datetime) -> list[Publication]:
    """What is to be staged; what can no longer be is held together with its release."""
    ready = []
    for publication in due:
        if staging_rules.unready(facts_of(publication, ()), now=now):
            _hold_together(publication, now)
        else:
            ready.append(publication)
    return ready


def _hold_together(publication: Publication, now: datetime) -> None:
    """One account is not ready at T - 15 s: the whole release waits for a person, so that nothing goes out by halves.

    A mate whose sender is waiting for T already (this clock came late, or was set) is struck out at its last look.
    """
    mates = Publication.objects.filter(
        release_id=publication.release_id, state__in=[str(state) for state in STOPPABLE]
    ).exclude(pk=publication.pk)
    name = publication.account.name
    with audit.serialised():
        try:
            enact(publication, staging_rules.held_for_itself(facts_of(publication, ())), actor=ACTOR, now=now)
        except Stale:
            return
        for mate in mates.select_related("account"):
            with suppress(Stale), transaction.atomic():
                other = "" if mate.account_id == publication.account_id else name
                enact(mate, staging_rules.held_for_its_mate(facts_of(mate, ()), other), actor=ACTOR, now=now)
        begun = Publication.objects.filter(release_id=publication.release_id, state=State.SENDING, not_before__gt=now)
        own = begun.filter(account=publication.account_id, stop_event="")
        own.update(**staging_rules.wish_for_its_mate(""), stop_by=MACHINE_WISH)
        begun.filter(stop_event="").update(**staging_rules.wish_for_its_mate(name), stop_by=MACHINE_WISH)


# --- bells ----------------------------------------------------------------------------------------------


def _ring_all(kind: str, due: Sequence[Publication], now: datetime, result: Tick) -> None:
    """Bells for what is new, child processes for what nobody took."""
    if not due:
        return
    new = [publication.pk for publication in due if publication.rung_at is None]
    unheard = [publication.pk for publication in due if publication.rung_at is not None]
    result.rings += _jobs(kind, new)
    result.children += _jobs(kind, unheard)
    for some in chunks([*new, *unheard], ASKED):
        free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
        Publication.objects.filter(free, pk__in=some, next_at__lte=now).update(rung_at=now)


def _jobs(kind: str, subjects: Sequence[int]) -> list[Job]:
    """One by one where they are few."""
    if len(subjects) <= GROUP:
        return [Job(kind, subject) for subject in subjects]
    return [Job(kind, some[0], tuple(some[1:])) for some in chunks(subjects, GROUP)]


def _ring_batches(now: datetime, result: Tick) -> None:
    if not Batch.objects.filter(state="ready").exists():
        return
    Batch.objects.filter(state="ready", instant__lt=now - settings.TONGFA.max_lateness).update(state="done")
    for batch in Batch.objects.filter(state="ready"):
        if batch.rung_at is None:
            result.rings.append(_send(batch, now))
            Batch.objects.filter(pk=batch.pk).update(rung_at=now)
        elif now >= batch.claim_by:
            result.children.append(_send(batch, now))
            Batch.objects.filter(pk=batch.pk).update(claim_by=now + timeline.RING_AGAIN)


def _send(batch: Batch, now: datetime) -> Job:
    return Job("send", batch.pk, waits=max(0.0, (batch.instant - now).total_seconds()))


def _ring_gates(now: datetime, result: Tick) -> None:
    for gate in gating.soonest(now):
        if gate.next_at is not None and gate.next_at > now:
            result.next_at = gate.next_at
            return
        if gate.rung_at is None:
            result.rings.append(Job("gate", gate.pk))
        elif gate.rung_at <= now - timeline.RING_AGAIN:
            result.children.append(Job("gate", gate.pk))
        else:
            continue
        gating.mark_rung(gate, now)


def _measure(now: datetime, result: Tick) -> None:
    for account_id in measuring.due_accounts(now):
        free = Q(next_sample_at__isnull=True) | Q(next_sample_at__lte=now)
        if Account.objects.filter(free, pk=account_id).update(next_sample_at=now + timedelta(minutes=2)):
            result.rings.append(Job("measure", account_id))


def _watch(now: datetime, result: Tick) -> None:
    """Alarms, pre-flights, notices: after everything that carries a release."""
    watched = result.watched
    since, steady = (watched.since, watched.steady) if watched else (None, None)
    bells = watching.look(now, since=since, steady=steady)
    result.rings += [Job(*bell) for bell in bells.rings]
    result.children += [Job(*bell) for bell in bells.children]


_SOONEST = "SELECT MIN(next_at) FROM bot_publication WHERE next_at > %s"


def _next_at(now: datetime) -> datetime:
    """In plain SQL: to put the statement together through querysets takes longer than the database takes to answer."""
    with connection.cursor() as cursor:
        cursor.execute(_SOONEST, [connection.ops.adapt_datetimefield_value(now)])
        soonest = _instant(cursor.fetchone()[0])
    return min(now + LONGEST, soonest) if soonest else now + LONGEST


def _instant(value: datetime | str | None) -> datetime | None:
    """As a column of the database hands it over: SQLite has instants in UTC as text."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value


_PARTS: dict[str, Callable[[datetime, Tick], bool | None]] = {
    "recover": _recover,
    "late": _sweep_too_late,
    "unready": _hold_the_unready,
    "hand_out": _hand_out,
    "ring": _ring_the_due,
    "batches": _ring_batches,
    "gates": _ring_gates,
    "measure": _measure,
    "watch": _watch,
}
"""In their order: what mends comes first (True: it did), the watch after everything that carries a release."""


def perform(job: Job) -> None:
    """Do one job in this process; what a worker or a child process calls."""
    now = WallClock().now
    match job.kind:
        case "send":
            for batch in job.subjects:
                run_batch(batch)
        case "stage":
            stage_all(job.subjects, now=now)
        case "look":
            look_all(job.subjects, now=now)
        case "measure":
            for account in job.subjects:
                measuring.measure_account(account, now=now)
        case "gate":
            for gate in job.subjects:
                gating.ask(gate, now=now)
        case kind if kind in watching.KINDS:
            for subject in job.subjects:
                watching.perform(kind, subject, now=now)
        case _:
            raise ValueError(f"no such job: {job.kind}")
