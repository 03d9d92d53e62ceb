"""Alarms: raised when something needs a person, closed when its cause is gone, read by somebody.

Publications that come into or out of trouble are marked by their change of state (`Publication.alarm_at`) and looked
at by the next tick; a sweep finds whatever was not marked. Nothing in the release path waits for any of this.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from bot.domain import alarms
from bot.domain.alarms import (
    ENDED_BY_READING,
    KEPT_AFTER_READING,
    OF_PUBLICATIONS,
    OVERDUE_AFTER,
    TOLD_ONCE,
    TROUBLE,
    TWICE,
    Kind,
    Out,
)
from bot.domain.delivery import STOPPABLE, State
from bot.domain.engine.people import BY_HAND, DECLARED
from bot.domain.instants import require_aware
from bot.domain.workflow import Role
from bot.models import Alarm, Attempt, Person, Publication, Release, Unit, UrgentWord

from . import audit, lanes
from .accounts import spec_of
from .audit import Entry
from .disproof import disproved
from .errors import NotFound, Refused
from .facts import is_doubled
from .people import require

ACTOR = "系统"
MOST = 200  # publications looked at in one tick; the rest waits for the next
#: In the order of the partial indexes: SQLite uses one only where the lists are the same.
_OPEN = frozenset({State.SENDING, State.UNKNOWN, State.CONFIRMING})  # in doubt whatever has been said of earlier calls
TO_LEAVE = sorted(str(state) for state in STOPPABLE | {State.SENDING})
_TROUBLE = sorted(str(state) for state in TROUBLE - TOLD_ONCE)
_TOLD_ONCE = sorted(str(state) for state in TOLD_ONCE)


@dataclass(frozen=True, slots=True)
class Call:
    """An alarm that is called for. `public` may go into notices: nothing that is under embargo."""

    kind: Kind
    subject: str
    out: Out
    message: str
    public: str = ""
    unit: int | None = None
    release: int | None = None
    publication: int | None = None
    account: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What at most one open alarm has."""
        return str(self.kind), self.subject


# --- raising and closing ---------------------------------------------------------------------------------------


def raise_all(calls: Sequence[Call], *, now: datetime) -> list[Alarm]:
    """Open what is not open yet. What is open keeps its time and its reader; its words are brought up to date."""
    require_aware(now)
    if not calls:
        return []
    wanted = {call.key: call for call in calls}
    with audit.serialised():
        found = Alarm.objects.filter(closed_at__isnull=True, subject__in={call.subject for call in calls})
        standing = {(alarm.kind, alarm.subject): alarm for alarm in found}
        for key in wanted.keys() & standing.keys():
            _refresh(standing[key], wanted[key])
        fresh = [call for key, call in wanted.items() if key not in standing]
        if not fresh:
            return []
        told = _last_told({call.release for call in fresh if call.release})
        made = Alarm.objects.bulk_create(_alarm(call, told.get(call.release or 0), now) for call in fresh)
        audit.append_all(
            [
                Entry(ACTOR, "alarm.raised", _trail(call), {"kind": str(call.kind), "out": str(call.out)})
                for call in fresh
            ],
            now=now,
        )
    return list(made)


def _alarm(call: Call, told_at: datetime | None, now: datetime) -> Alarm:
    return Alarm(
        kind=call.kind, subject=call.subject, out=call.out, message=call.message[:500], public_message=call.public[:200],
        unit_id=call.unit, release_id=call.release, publication_id=call.publication, account_id=call.account,
        raised_at=now, next_at=alarms.first_notice(now, told_at),
    )  # fmt: skip


def _trail(call: Call) -> str:
    """The subject of its audit lines: what it is about, so that the story of a release tells it."""
    if call.publication:
        return f"publication:{call.publication}"
    return f"release:{call.release}" if call.release else call.subject


def _refresh(alarm: Alarm, call: Call) -> None:
    if (alarm.message, alarm.out) != (call.message[:500], str(call.out)):
        Alarm.objects.filter(pk=alarm.pk, closed_at__isnull=True).update(
            message=call.message[:500], public_message=call.public[:200], out=call.out
        )


def _last_told(releases: set[int]) -> dict[int, datetime]:
    """When each release was last told of."""
    rows = (
        Alarm.objects.filter(release__in=releases, told_at__isnull=False).values("release").annotate(at=Max("told_at"))
    )
    return {row["release"]: row["at"] for row in rows}


def close(kind: Kind, subjects: Iterable[str], *, why: str, now: datetime) -> int:
    """Close what is open of one kind."""
    require_aware(now)
    return _close(Alarm.objects.filter(kind=kind, subject__in=list(subjects), closed_at__isnull=True), why, now)


def _close(found: Iterable[Alarm], why: str, now: datetime) -> int:
    standing = list(found)
    if not standing:
        return 0
    closed = 0
    with audit.serialised():
        for alarm in standing:
            if not Alarm.objects.filter(pk=alarm.pk, closed_at__isnull=True).update(
                closed_at=now, closed_because=why[:200], next_at=None
            ):
                continue
            subject = f"publication:{alarm.publication_id}" if alarm.publication_id else f"release:{alarm.release_id}"
            audit.append(
                ACTOR, "alarm.closed", subject if alarm.release_id else alarm.subject,
                {"kind": alarm.kind, "reason": why}, now=now,
            )  # fmt: skip
            closed += 1
    return closed


def find_alarm(pk: int, *, unit: Unit) -> Alarm:
    """An alarm of this unit, or of the installation as a whole."""
    found = Alarm.objects.select_related("read_by").filter(Q(unit=unit) | Q(unit__isnull=True), pk=pk).first()
    if found is None:
        raise NotFound("警报", pk)
    return found


def read(alarm: Alarm, *, person: Person, now: datetime) -> Alarm:
    """已阅: somebody has taken it on; nobody else is woken for it."""
    require_aware(now)
    require(person, Role.DUTY, Role.RELEASER, Role.SYSADMIN)
    if calls_of([alarm], person=person):
        words = "这是您自己提出的应急件在找第二人，不能由您已阅，仍会通知其他人。请联系终审、签发或值班人员确认。"
        raise Refused("own_call", words)
    with audit.serialised():
        if not Alarm.objects.filter(pk=alarm.pk, read_at__isnull=True).update(
            read_at=now, read_by=person, next_at=None
        ):
            alarm.refresh_from_db()
            name = alarm.read_by.name if alarm.read_by else ""
            raise Refused("read", f"这条警报已由{name}阅过，不需要重复办理。")
        subject = f"publication:{alarm.publication_id}" if alarm.publication_id else f"release:{alarm.release_id}"
        data = {"kind": alarm.kind, "alarm": alarm.pk}
        audit.append(person.username, "alarm.read", subject if alarm.release_id else alarm.subject, data, now=now)
    alarm.refresh_from_db()
    return alarm


def read_all(found: Sequence[Alarm], *, person: Person, now: datetime) -> tuple[list[Alarm], list[Refused]]:
    """已阅 for each of these: those that this person has taken on, and why not the others. Refused where none may be read."""
    require_aware(now)
    done, refusals = [], []
    for alarm in found:
        try:
            done.append(read(alarm, person=person, now=now))
        except Refused as refused:
            if refused.code == "role":
                raise
            refusals.append(refused)
    return done, refusals


def calls_of(found: Sequence[Alarm], *, person: Person) -> set[int]:
    """Those that call for a second word on what this person asked for: whoever asked does not silence them."""
    subjects = {alarm.pk: alarm.subject.split(":")[1:2] for alarm in found if alarm.sort is Kind.URGENT}
    asked = {pk: int(number) for pk, part in subjects.items() for number in part if number.isdecimal()}
    if not asked:
        return set()
    words = UrgentWord.objects.filter(urgency__in=asked.values(), person=person)
    mine = set(words.values_list("urgency", flat=True))
    return {pk for pk, urgency in asked.items() if urgency in mine}


def standing(unit: Unit) -> list[Alarm]:
    """What is open for a unit, unread first, most urgent first."""
    found = Alarm.objects.filter(Q(unit=unit) | Q(unit__isnull=True), closed_at__isnull=True)
    order = {str(kind): place for place, kind in enumerate(Kind)}
    rows = found.select_related("release", "account", "read_by").prefetch_related("notices")
    return sorted(rows, key=lambda alarm: (alarm.read_at is not None, order[alarm.kind], alarm.raised_at))


def recent(unit: Unit) -> list[Alarm]:
    """The newest of a unit, open or closed."""
    found = Alarm.objects.filter(Q(unit=unit) | Q(unit__isnull=True)).select_related("account", "read_by")
    return list(found.prefetch_related("notices").order_by("-raised_at", "-pk")[:200])


def count_unread(unit: Unit) -> int:
    """How many nobody has read."""
    return Alarm.objects.filter(
        Q(unit=unit) | Q(unit__isnull=True), closed_at__isnull=True, read_at__isnull=True
    ).count()


# --- publications -----------------------------------------------------------------------------------------------


def look_at_marked(*, now: datetime) -> int:
    """Whatever changed into or out of trouble since the last tick. Returns how many were looked at."""
    require_aware(now)
    marked = list(
        Publication.objects.filter(alarm_at__isnull=False).order_by("alarm_at").values_list("pk", "alarm_at")[:MOST]
    )
    if not marked:
        return 0
    reconcile([pk for pk, _ in marked], now=now)
    by_mark: dict[datetime, list[int]] = defaultdict(list)
    for pk, at in marked:
        if at is not None:
            by_mark[at].append(pk)
    for at, group in by_mark.items():  # a mark made meanwhile stays for the next tick
        Publication.objects.filter(pk__in=group, alarm_at=at).update(alarm_at=None)
    return len(marked)


def reconcile(ids: Sequence[int], *, now: datetime) -> None:
    """Make the open alarms of these publications what their states call for, and those of their releases."""
    require_aware(now)
    publications = list(
        Publication.objects.filter(pk__in=ids).select_related("account", "release__gate").order_by("release_id", "pk")
    )
    anew = {one.pk: one for one in lanes.tell_who_may_go_on(publications)}
    publications = [anew.pop(one.pk, one) for one in publications] + list(anew.values())
    outcomes = _outcomes(publications)
    waiting = _waits_for([one for one in publications if one.status is State.UNKNOWN])
    told = _told_and_done([one.pk for one in publications if one.status in TOLD_ONCE])
    public = _still_public({one.release_id for one in publications if one.status in TOLD_ONCE})
    several = _in_lanes({one.release_id for one in publications})
    calls = {
        one.pk: None
        if one.pk in told
        else _call(
            one,
            outcomes.get(one.pk, ()),
            public.get(one.release_id, ()),
            waiting.get(one.pk, ""),
            now,
            which=f"第 {one.lane + 1} 条" if (one.release_id, one.account_id) in several else "",
        )
        for one in publications
    }
    kinds = [str(kind) for kind in OF_PUBLICATIONS]
    open_ones = Alarm.objects.filter(publication__in=calls, closed_at__isnull=True, kind__in=kinds)
    over = [
        alarm for alarm in open_ones.select_related("publication")
        if (call := calls[alarm.publication_id or 0]) is None or str(call.kind) != alarm.kind
    ]  # fmt: skip
    by_state: dict[str, list[Alarm]] = defaultdict(list)
    for alarm in over:
        by_state[alarm.publication.status.label if alarm.publication else ""].append(alarm)
    with audit.serialised():
        for label, group in by_state.items():
            _close(group, f"推送现在是“{label}”", now)
        raise_all([call for call in calls.values() if call is not None], now=now)
        _reconcile_splits({one.release_id for one in publications}, now)


def _outcomes(publications: Iterable[Publication]) -> dict[int, list[str]]:
    """How the public calls of each ended; a refusal that is in doubt counts as unknown, what the platform has disproved as refused."""
    found: dict[int, list[str]] = defaultdict(list)
    whole = list(publications)
    for publication in whole:
        if publication.doubt:
            found[publication.pk].append("unknown")
        if is_doubled(publication):
            found[publication.pk].append(TWICE)
    ids = [one.pk for one in whole]
    for pk, outcome in Attempt.objects.filter(publication__in=ids).values_list("publication_id", "outcome"):
        found[pk].append(outcome)
    settled = (one for one in whole if one.status not in _OPEN)
    for pk in disproved(one for one in settled if alarms.is_out(one.status, found[one.pk]) is Out.UNKNOWN):
        found[pk] = ["refused"]
    return found


def _in_lanes(releases: Iterable[int]) -> set[tuple[int, int]]:
    """(release, account) with several pushes: the account's name alone would not say which."""
    rows = Publication.objects.filter(release__in=list(releases), lane__gt=0)
    return set(rows.values_list("release_id", "account_id"))


def _told_and_done(ids: Sequence[int]) -> set[int]:
    """Of what is told once: those of which somebody was told, and that is over."""
    rows = Alarm.objects.filter(publication__in=ids, kind=Kind.GONE, closed_at__isnull=False)
    return {pk for pk in rows.values_list("publication_id", flat=True) if pk is not None}


def _still_public(releases: Iterable[int]) -> dict[int, list[str]]:
    """Names of the accounts on which a release is still public."""
    found: dict[int, list[str]] = defaultdict(list)
    rows = Publication.objects.filter(release__in=list(releases), state=State.LIVE).order_by("account_id", "lane")
    for release, name in rows.values_list("release_id", "account__name"):
        if name not in found[release]:
            found[release].append(name)
    return found


def _waits_for(publications: Sequence[Publication]) -> dict[int, str]:
    """Whom the platform itself waits for, by its last answer: that may go into a notice, somebody must act in time."""
    rows = Attempt.objects.filter(publication__in=[one.pk for one in publications]).order_by("number")
    last = dict(rows.values_list("publication_id", "code"))
    return {one.pk: spec_of(one.account).waits_for.get(last.get(one.pk, ""), "") for one in publications}


def _call(
    publication: Publication,
    outcomes: Sequence[str],
    public: Sequence[str],
    waits_for: str,
    now: datetime,
    *,
    which: str,
) -> Call | None:
    """The alarm that a publication calls for. `public`: where its release still is, for what was taken down; `which`: its
    place where the account has several."""
    release, account = publication.release, publication.account
    kind = alarms.wanted(
        publication.status, held_by_machine=publication.held_by == "machine", signed=release.signed,
        not_before=_lateness_from(publication), now=now, shut=release.waits_for_portal,
        doubled=is_doubled(publication),
    )  # fmt: skip
    if kind is None:
        return None
    out = alarms.is_out(publication.status, outcomes)
    words = publication.reason or f"已过时刻，推送仍是“{publication.status.label}”。"
    rest = waits_for
    if kind is Kind.GONE:
        rest = f"本发布单仍公开的：{'、'.join(public)}" if public else "本发布单没有别的账号仍公开"
        words = f"{words[:300].rstrip('。')}。{rest}。"
    return Call(
        kind, f"publication:{publication.pk}", out, f"{account.name}{which}：{words}", public=rest, unit=release.unit_id,
        release=release.pk, publication=publication.pk, account=account.pk,
    )  # fmt: skip


def _lateness_from(publication: Publication) -> datetime:
    """What people resumed or sent again after its instant has the time to be staged first."""
    return max(publication.not_before, publication.stage_by or publication.not_before)


def _reconcile_splits(releases: Iterable[int], now: datetime) -> None:
    """A release of which only a part is public: one alarm, until the other part is settled."""
    pushes: dict[int, list[Publication]] = defaultdict(list)
    rows = Publication.objects.filter(release__in=list(releases)).select_related("account")
    for one in rows.order_by("account_id", "lane"):
        pushes[one.release_id].append(one)
    split = {pk for pk, found in pushes.items() if alarms.is_split([_stands(one) for one in found])}
    close(
        Kind.SPLIT, [f"release:{pk}" for pk in pushes.keys() - split], why="没有一半公开、一半待处理的情况了", now=now
    )
    # a hand may have taken away the release itself: of what is left of it nobody is told here
    units = dict(Release.objects.filter(pk__in=split).values_list("pk", "unit_id"))
    outcomes = _outcomes([one for pk in units for one in pushes[pk]])
    words = {pk: _split_words(pushes[pk], outcomes) for pk in sorted(units)}
    raise_all(
        [
            Call(Kind.SPLIT, f"release:{pk}", Out.PART, text, public=text.rstrip("。"), unit=units[pk], release=pk)
            for pk, text in words.items()
        ],
        now=now,
    )


def _stands(publication: Publication) -> State:
    """What is public twice is public, though it waits for a person."""
    return State.LIVE if is_doubled(publication) else publication.status


def _split_words(publications: Sequence[Publication], outcomes: Mapping[int, Sequence[str]]) -> str:
    """Three answers, not two: what is in doubt is never told as not public."""
    return alarms.sides_in_words(
        (alarms.side(one.status, outcomes.get(one.pk, ())), _named(one)) for one in publications
    )


def _named(publication: Publication) -> str:
    name, state = publication.account.name, publication.status
    if state is State.LIVE:
        return f"{name}（{BY_HAND}）" if DECLARED in publication.ids else name
    return f"{name}（{state.label}）"


def _halves() -> set[int]:
    """Releases with a part that somebody holds and another that has become public since."""
    mate = Publication.objects.filter(release=OuterRef("release"), state=State.LIVE)
    held = Publication.objects.filter(state=State.HELD, release__cancelled_at__isnull=True)
    return set(held.filter(Exists(mate)).values_list("release_id", flat=True))


# --- the sweep ----------------------------------------------------------------------------------------------------


def sweep(*, now: datetime) -> None:
    """Find what no change of state has marked: overdue ones, an alarm that was missed, a cause that is gone."""
    require_aware(now)
    open_ones = Alarm.objects.filter(closed_at__isnull=True)
    has_alarm = Exists(open_ones.filter(publication=OuterRef("pk"), kind__in=[str(kind) for kind in OF_PUBLICATIONS]))
    untold = Publication.objects.filter(state__in=_TROUBLE).exclude(state=State.HELD, held_by__in=["", "person"])
    ids = set(untold.filter(~has_alarm).values_list("pk", flat=True))
    ids |= set(_never_told().values_list("pk", flat=True))
    ids |= set(
        Publication.objects.filter(state__in=TO_LEAVE, not_before__lt=now - OVERDUE_AFTER).values_list("pk", flat=True)
    )
    ids |= {pk for pk in open_ones.values_list("publication_id", flat=True) if pk is not None}
    chosen = sorted(ids)
    for start in range(0, len(chosen), MOST):
        reconcile(chosen[start : start + MOST], now=now)
    _reconcile_splits(set(open_ones.filter(kind=Kind.SPLIT).values_list("release_id", flat=True)) - {None}, now)
    _reconcile_splits(_halves(), now)
    _close_past_preflights(now)
    done = open_ones.filter(kind__in=[str(kind) for kind in ENDED_BY_READING], read_at__lt=now - KEPT_AFTER_READING)
    _close(done, "已有人阅知，不再列出", now)


def _never_told() -> QuerySet[Publication]:
    """Taken down, and no alarm ever said so."""
    told = Alarm.objects.filter(publication=OuterRef("pk"), kind=Kind.GONE)
    return Publication.objects.filter(~Exists(told), state__in=_TOLD_ONCE)


def _close_past_preflights(now: datetime) -> None:
    """A failed pre-flight whose pushes have left, or will not leave, is nobody's worry any more."""
    for alarm in Alarm.objects.filter(closed_at__isnull=True, kind__in=[Kind.PREFLIGHT, Kind.CLOCK]).select_related(
        "release"
    ):
        if alarm.release_id is None:
            continue  # the machine's own clock, looked at apart from any release
        waits = Publication.objects.filter(
            release=alarm.release_id, account=alarm.account_id, state__in=[str(state) for state in STOPPABLE]
        )
        if not alarm.release or not alarm.release.signed or not waits.exists():
            _close([alarm], "推送已不在等待发出", now)
