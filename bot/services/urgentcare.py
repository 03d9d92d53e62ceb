"""After the two words: the reviews that are owed, who is reminded of them, and when an urgent notice is over.

The rest of the editorial way tells this module what happened to an edition (`note_*`); `remind` finds what nobody told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db import OperationalError
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from bot.domain import alarms, urgent
from bot.domain.alarms import OF_URGENCY, Kind, Out, Side
from bot.domain.channel import CheckResult
from bot.domain.delivery import STOPPABLE, State
from bot.domain.engine.facts import DOUBTFUL
from bot.domain.instants import require_aware, show
from bot.domain.typography import quoted
from bot.domain.urgent import Stage
from bot.domain.workflow import EditionState
from bot.models import (
    Alarm,
    Attempt,
    Correction,
    Document,
    Edition,
    Item,
    ManualPost,
    ManualTask,
    Person,
    Publication,
    Release,
    Unit,
    Urgency,
    UrgentWord,
)

from . import alarming, audit, byhand
from .alarming import Call
from .errors import Refused

log = structlog.get_logger(__name__)
ACTOR = "系统"
MOST = 200  # read at once
KEPT = "这份文件已由两人应急签发，还没有补审完，不能形成新版本，未做改动。内容有误的，请审核人在审批箱退回后再修改。"
_LAPSED = {Stage.VOID, Stage.EXPIRED}
_OVER = frozenset({State.CANCELLED, State.GONE, State.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Told:
    """One urgent notice, for pages and the command line. `passed` of `needed` reviews; `release` None: not released yet.

    `posting`: people have not entered their part yet; `posted`: what people posted is public.
    """

    urgency: Urgency
    words: Sequence[UrgentWord]
    release: Release | None
    passed: int
    needed: int
    out: Out = Out.NO
    waits: bool = False  # something of it may still leave
    posting: bool = False
    posted: bool = False

    @property
    def first(self) -> UrgentWord:
        """The word of who asked."""
        return self.words[0]

    @property
    def second(self) -> UrgentWord | None:
        """The word of who confirmed, and signed with it."""
        return self.words[1] if len(self.words) > 1 else None

    @property
    def sent(self) -> str:
        """Whether it has left, in words."""
        return urgent.sent_in_words(self.out, waits=self.waits, posting=self.posting)

    @property
    def to_mend(self) -> str:
        """What is to be done once a reviewer returned it, in words."""
        return urgent.returned_in_words(self.out, posted=self.posted, posting=self.posting)

    @property
    def to_correct(self) -> bool:
        """Whether something of it is public, or was."""
        return self.out in {Out.YES, Out.PART}

    @property
    def owed_until(self) -> datetime | None:
        """Until when it is to be reviewed, while it is not."""
        return self.urgency.review_by if self.urgency.status is Stage.RELEASED else None


# --- read -----------------------------------------------------------------------------------------------------


def story(urgency: Urgency) -> Told:
    """One of them with its words."""
    words = list(urgency.words.select_related("person").order_by("place"))
    release = Release.objects.filter(urgency=urgency).first()
    passed = urgency.edition.reviews.filter(verdict="pass").count()
    return _told_of(urgency, words, release, passed, _parts(release) if release is not None else None)


def open_of(unit: Unit) -> list[Told]:
    """What of a unit still needs somebody, the newest first. Six questions, however many there are."""
    rows = Urgency.objects.filter(unit=unit, ended_at__isnull=True).select_related(
        "edition__document", "unit", "release"
    )
    found = rows.defer("edition__content", "release__manifest").prefetch_related(
        "words__person",
        "edition__reviews",
        Prefetch("release__publications", _pushes()),
        Prefetch("release__manual_tasks", byhand.tasks()),
    )
    return [_told(one) for one in found.order_by("-pk")[:MOST]]


def _told(urgency: Urgency) -> Told:
    words = sorted(urgency.words.all(), key=lambda word: word.place)
    passed = sum(review.verdict == "pass" for review in urgency.edition.reviews.all())
    release: Release | None = getattr(urgency, "release", None)
    parts = _Parts(release, list(release.publications.all()), list(release.manual_tasks.all())) if release else None
    return _told_of(urgency, words, release, passed, parts)


def _told_of(
    urgency: Urgency, words: Sequence[UrgentWord], release: Release | None, passed: int, parts: _Parts | None
) -> Told:  # fmt: skip
    needed = len(urgency.unit.review_steps)
    if parts is None:
        return Told(urgency, words, release, passed, needed)
    return Told(urgency, words, release, passed, needed, parts.out, parts.waits, parts.posting, parts.posted)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What leaves of a release: by machine (`_pushes`), and by people (`byhand.tasks`)."""

    release: Release
    pushes: Sequence[Publication]
    tasks: Sequence[ManualTask]

    @property
    def sides(self) -> list[Side]:
        """Where each part stands."""
        return [*map(_side, self.pushes), *map(byhand.side, self.tasks)]

    @property
    def out(self) -> Out:
        """Whether it is out, all parts together."""
        return alarms.out_of(self.sides)

    @property
    def posting(self) -> bool:
        """Whether people were to post a part, and have neither entered it nor called it off."""
        return bool(byhand.still_owed(self.release, self.tasks))

    @property
    def posted(self) -> bool:
        """Whether what people posted is public."""
        return any(byhand.side(task) is Side.PUBLIC for task in self.tasks)

    @property
    def waits(self) -> bool:
        """Whether something of it will leave, or may be let go on: it is signed, and neither out nor given up."""
        by_machine = any(push.status in STOPPABLE | {State.HELD} for push in self.pushes)
        return self.release.signed and (by_machine or self.posting)

    @property
    def sent(self) -> str:
        """Whether it has left, in words."""
        return urgent.sent_in_words(self.out, waits=self.waits, posting=self.posting)


def _parts(release: Release) -> _Parts:
    """Two questions."""
    return _Parts(release, list(_pushes().filter(release=release)), list(byhand.tasks_of(release)))


def owed(unit: Unit) -> dict[int, datetime]:
    """Document -> until when it is to be reviewed, of what went out on two words."""
    rows = Urgency.objects.filter(unit=unit, ended_at__isnull=True, stage=Stage.RELEASED, review_by__isnull=False)
    return {document: at for document, at in rows.values_list("edition__document", "review_by") if at is not None}


# --- what happens to its edition ------------------------------------------------------------------------------


def require_free(document: Document) -> None:
    """Refused where a new edition would do away with reviews that are owed."""
    if kept(document):
        raise Refused("urgent", KEPT)


def kept(document: Document) -> bool:
    """Whether its newest edition went out on two words and is neither reviewed nor returned."""
    owing = Urgency.objects.filter(edition__document=document, ended_at__isnull=True, stage=Stage.RELEASED)
    return owing.exists()


def asked_by(edition: Edition, person: Person) -> bool:
    """Whether the person gave the first word on it, and that word stands: they take no review of it."""
    return first_words(person).filter(urgency__edition=edition).exists()


def first_words(person: Person) -> QuerySet[UrgentWord]:
    """Those of theirs that stand."""
    return UrgentWord.objects.filter(place=1, person=person, urgency__ended_at__isnull=True)


def note_changed(edition: Edition, *, person: Person, now: datetime) -> None:
    """The edition is replaced, or no notice any more: the first word was given on something else."""
    require_aware(now)
    for urgency in Urgency.objects.filter(edition=edition, stage=Stage.ASKED):
        move(urgency, Stage.VOID, actor=person.username, now=now)


def note_review(edition: Edition, *, person: Person, now: datetime) -> bool:
    """A review was taken. True where what has not left yet must not leave any more: it was returned."""
    require_aware(now)
    urgency = Urgency.objects.filter(edition=edition, ended_at__isnull=True).first()
    if urgency is None:
        return False
    state = EditionState(Edition.objects.values_list("state", flat=True).get(pk=edition.pk))
    if urgency.status is Stage.ASKED and state is EditionState.RETURNED:
        move(urgency, Stage.VOID, actor=person.username, now=now)
    elif urgency.status is Stage.RELEASED and state is EditionState.APPROVED:
        move(urgency, Stage.REVIEWED, actor=person.username, now=now)
    elif urgency.status is Stage.RELEASED and state is EditionState.RETURNED:
        move(urgency, Stage.RETURNED, actor=person.username, now=now)
        return True
    return False


def note_posted(release: Release, *, person: Person, now: datetime) -> None:
    """People had posted a part of it, as somebody enters after it was over: what nobody reviewed is out, and owed again."""
    require_aware(now)
    over = Urgency.objects.filter(release=release, stage__in=[Stage.CALLED_OFF, Stage.SETTLED])
    urgency = over.select_related("edition__document", "unit").first()
    if urgency is None or Urgency.objects.filter(edition=urgency.edition_id, ended_at__isnull=True).exists():
        return  # asked for anew, that one is owed its reviews
    if urgency.status is Stage.SETTLED or urgency.edition.status not in urgent.MAY_GO:
        move(urgency, Stage.RETURNED, actor=person.username, now=now)
        return
    move(urgency, Stage.RELEASED, actor=person.username, now=now)
    note_review(urgency.edition, person=person, now=now)  # all three may have passed it meanwhile


def move(urgency: Urgency, stage: Stage, *, actor: str, now: datetime, **data: Any) -> bool:
    """To the next stage, by compare-and-set, with its line; alarms about the stage before are over. False: somebody was
    quicker."""
    require_aware(now)
    ended = None if stage in urgent.OPEN else now
    with audit.serialised():
        changes: dict[str, Any] = {"stage": stage, "ended_at": ended, **data}
        if not Urgency.objects.filter(pk=urgency.pk, stage=urgency.stage).update(**changes):
            return False
        urgency.refresh_from_db()
        close_alarms(urgency, why=f"现在是“{stage.label}”", now=now)
        release = Release.objects.filter(urgency=urgency).values_list("pk", flat=True).first()
        document = urgency.edition.document.external_id
        subject = f"release:{release}" if release else f"document:{document}"
        told = {"stage": str(stage), "urgency": urgency.pk, "unit": urgency.unit.code}
        audit.append(actor, "urgent.moved", subject, told, now=now)
        if stage in _LAPSED:
            words = f"{quoted(urgency.edition.title)}{stage.label}。仍需应急的，请重新提出。"
            alarming.raise_all([_call(Kind.LAPSED, urgency, None, words)], now=now)
    return True


# --- nobody forgets -------------------------------------------------------------------------------------------


def remind(*, now: datetime) -> None:
    """The watch's round: what is over is ended, what is owed is said, louder as time goes. One that fails stops no other."""
    require_aware(now)
    rows = Urgency.objects.filter(ended_at__isnull=True).select_related("edition__document", "release")
    rows = rows.defer("edition__content", "release__manifest").order_by("pk")
    found = list(rows[:MOST])
    while found:
        for urgency in found:
            _look_at_one(urgency, now)
        found = list(rows.filter(pk__gt=found[-1].pk)[:MOST]) if len(found) == MOST else []


def _look_at_one(urgency: Urgency, now: datetime) -> None:
    try:
        match urgency.status:
            case Stage.ASKED:
                _wait(urgency, now)
            case Stage.RELEASED:
                _owe(urgency, urgency.release, now)
            case _:
                _correct(urgency, urgency.release, now)
    except OperationalError:
        raise
    except Exception:
        log.exception("urgent.remind", urgency=urgency.pk)


def _wait(urgency: Urgency, now: datetime) -> None:
    first = urgency.words.filter(place=1).first()
    if first is None or urgent.word_over(first.at, now):
        move(urgency, Stage.EXPIRED, actor=ACTOR, now=now)
    elif urgency.edition.status not in urgent.MAY_GO:
        move(urgency, Stage.VOID, actor=ACTOR, now=now)
    elif urgent.word_near_end(first.at, now):
        call = _call(Kind.URGENT, urgency, None, f"将过时作废，{_asking(urgency)}", "last")
        close_alarms(urgency, why="将过时作废，再次警报", now=now, but=call.subject)
        alarming.raise_all([call], now=now)


def _owe(urgency: Urgency, release: Release, now: datetime) -> None:
    if urgency.edition.status is EditionState.APPROVED:
        move(urgency, Stage.REVIEWED, actor=ACTOR, now=now)
    elif urgency.edition.status is EditionState.RETURNED:
        move(urgency, Stage.RETURNED, actor=ACTOR, now=now)
    elif _called_off(release):
        move(urgency, Stage.CALLED_OFF, actor=ACTOR, now=now)
    elif urgency.review_by is not None:
        _say(urgency, release, urgency.review_by, now)


def _say(urgency: Urgency, release: Release, until: datetime, now: datetime) -> None:
    sent = _parts(release).sent
    match urgent.review(until, now):
        case urgent.Review.NEAR:
            words = f"{quoted(urgency.edition.title)}由两人应急签发，{sent}，须在 {show(until, seconds=False)} 前补审，现在{urgency.edition.status.label}。"
            alarming.raise_all([_call(Kind.REVIEW_DUE, urgency, release, words)], now=now)
        case urgent.Review.LATE:
            number = str(urgent.alarms_late(until, now))
            words = f"{quoted(urgency.edition.title)}由两人应急签发，{sent}，补审应在 {show(until, seconds=False)} 前办完，已逾期，现在{urgency.edition.status.label}。"
            call = _call(Kind.REVIEW_LATE, urgency, release, words, number)
            close_alarms(urgency, why="已逾期，另行警报", now=now, but=call.subject)
            alarming.raise_all([call], now=now)


def _correct(urgency: Urgency, release: Release, now: datetime) -> None:
    parts = _parts(release)
    if _settled(urgency, parts):
        never = all(side is Side.NOT_PUBLIC for side in parts.sides)
        move(urgency, Stage.CALLED_OFF if never else Stage.SETTLED, actor=ACTOR, now=now)
    elif parts.out is not Out.NO or parts.posting:  # nothing holds back the hand of a person who has not heard of it
        told = urgent.returned_in_words(parts.out, posted=parts.posted, posting=parts.posting)
        words = f"{quoted(urgency.edition.title)}{told}"
        alarming.raise_all([_call(Kind.RETURNED, urgency, release, words)], now=now)


def _called_off(release: Release) -> bool:
    """Nothing of it left, and nothing will: its editions are free again. What is in doubt may have left."""
    if release.cancelled_at is None or Item.objects.filter(publication__release=release, active=True).exists():
        return False
    return _out(release) is Out.NO


def _settled(urgency: Urgency, parts: _Parts) -> bool:
    """Wherever it went, it is not public any more and will not be, or what corrects it is public on the same account."""
    open_on = {push.account_id for push in parts.pushes if push.status not in _OVER or _side(push) is Side.DOUBT}
    open_on |= {task.account_id for task in byhand.still_owed(parts.release, parts.tasks)}
    open_on |= {task.account_id for task in parts.tasks if byhand.side(task) is Side.PUBLIC}
    return not open_on or open_on <= _corrected_on(urgency.edition)


def _corrected_on(edition: Edition) -> set[int]:
    """Accounts on which a later edition, or what was registered as its correction, is public."""
    later = Q(edition__document=edition.document_id, edition__number__gt=edition.number)
    registered = Q(edition__in=Correction.objects.filter(old=edition).values("new"))
    live = Item.objects.filter(later | registered, publication__state=State.LIVE)
    standing = Q(task__isnull=True) | Q(task__drop_reason="")
    by_hand = ManualPost.objects.filter(later | registered, standing, void__isnull=True)
    return {*live.values_list("publication__account", flat=True), *by_hand.values_list("account", flat=True)}


def _pushes() -> QuerySet[Publication]:
    """Pushes with what tells whether they are public, `doubtful` among it, in one question."""
    calls = Attempt.objects.filter(publication=OuterRef("pk"), outcome__in=["", *sorted(DOUBTFUL)])
    return Publication.objects.only("state", "doubt", "account", "release").annotate(doubtful=Exists(calls))


def _side(push: Publication) -> Side:
    """`push`: one of `_pushes`."""
    return alarms.side(push.status, ["unknown"] if push.doubt or getattr(push, "doubtful", True) else [])


def _out(release: Release) -> Out:
    return _parts(release).out


def checks(*, now: datetime) -> Iterator[CheckResult]:
    """For the doctor: urgent notices that still need somebody."""
    require_aware(now)
    rows = Urgency.objects.filter(ended_at__isnull=True).select_related("edition", "release")
    found = list(rows.defer("edition__content", "release__manifest").order_by("pk")[:MOST])
    if not found:
        yield CheckResult("应急通道", True, "没有待确认、待补审的应急公告", code="urgent")
    for urgency in found:
        words, late = _standing_words(urgency, now)
        yield CheckResult(
            "应急通道", not late, f"{quoted(urgency.edition.title)}{words}", warning=True, code="urgent",
            remedy=REMEDIES[urgency.status],
        )  # fmt: skip


REMEDIES = {
    Stage.ASKED: "请终审、签发或值班人员打开“应急”页核对后确认，或收回。",
    Stage.RELEASED: "请初审、复审、终审人员在审批箱办理补审。",
    Stage.RETURNED: "请签发人在发布单页更正或撤回。",
}


def _standing_words(urgency: Urgency, now: datetime) -> tuple[str, bool]:
    label, by = urgency.status.label, urgency.review_by
    if urgency.status is not Stage.RELEASED or by is None:
        return label, urgency.status is Stage.RETURNED
    late = urgent.review(by, now) is urgent.Review.LATE
    return f"{label}，{'应在' if late else '须在'} {show(by, seconds=False)} 前办完{'，已逾期' if late else ''}", late


def waits_for_second(urgency: Urgency, *, now: datetime) -> None:
    """The second person is called; that an earlier asking of it lapsed is over."""
    require_aware(now)
    document = urgency.edition.document_id
    for earlier in Urgency.objects.filter(edition__document=document, stage__in=_LAPSED):
        close_alarms(earlier, why="已重新提出", now=now)
    alarming.raise_all([_call(Kind.URGENT, urgency, None, _asking(urgency))], now=now)


def _asking(urgency: Urgency) -> str:
    return f"{quoted(urgency.edition.title)}提请应急发布：{urgency.reason}"


def _call(kind: Kind, urgency: Urgency, release: Release | None, words: str, which: str = "") -> Call:
    """`which`: of several about one matter, where each is a new alarm."""
    subject = f"urgency:{urgency.pk}" + (f":{which}" if which else "")
    return Call(
        kind, subject, _out(release) if release else Out.NO, words, unit=urgency.unit_id,
        release=release.pk if release else None,
    )  # fmt: skip


def close_alarms(urgency: Urgency, *, why: str, now: datetime, but: str = "") -> None:
    """Those that are open about it."""
    require_aware(now)
    mine = Q(subject=f"urgency:{urgency.pk}") | Q(subject__startswith=f"urgency:{urgency.pk}:")
    rows = Alarm.objects.filter(mine, closed_at__isnull=True, kind__in=[str(kind) for kind in OF_URGENCY])
    for kind, subject in rows.exclude(subject=but).values_list("kind", "subject"):
        alarming.close(Kind(kind), [subject], why=why, now=now)
