"""Stops: hold and resume, cancel, freeze. Their answers say honestly what is out already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic

from django.db.models import Exists, F, OuterRef, Q

from bot.domain.alarms import Side
from bot.domain.delivery import STOPPABLE, Event, State
from bot.domain.engine import people as by_people
from bot.domain.engine import stopping
from bot.domain.engine.facts import Facts, Step
from bot.domain.handdraft import Stage
from bot.domain.instants import require_aware
from bot.domain.workflow import Role
from bot.models import AuditEvent, Freeze, HandDraft, Item, ManualTask, Person, Publication, Release, Unit

from . import audit, byhand, gating, lanes
from .bulk import chunks
from .clocksafety import doubt_of_this_boot
from .errors import Refused
from .facts import facts_of, may_have_left
from .handdraftplan import look_at_drafts
from .pairs import ENDED, MAY_YET_GO, Alone, alone, left_alone
from .people import require
from .preflightplan import arrange_another, drop_preflights
from .quotas import follow
from .transitions import enact, honest, touch
from .voiding import give_back_quota, is_frozen

REASON_LENGTH = 240
DONE_BY_PEOPLE = "都已手工发布，没有可作废的。要撤下请到平台后台删除，再到“手工发布”页登记已撤下。"
OVER = frozenset({State.CONFIRMING, State.LIVE, State.GONE, State.WITHDRAWN, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Stopped:
    """The honest answer of a freeze, hold or cancel: what is already public, what was stopped, what is on its way.

    `drafts`: of a freeze, how many drafts for people lie in the accounts' 草稿箱, where anybody could publish them.
    """

    sent: int
    stopped: int
    in_flight: int
    doubtful: int = 0
    drafts: int = 0

    @property
    def message(self) -> str:
        """For staff."""
        maybe = "（可能已发出：还没有发出字节的会拦下，发出了的无法拦回，几秒后见经过）" if self.in_flight else ""
        doubt = f"另有 {self.doubtful} 条先前是否已发出不明，请先核实。" if self.doubtful else ""
        told = f"已发出 {self.sent} 条，已拦下 {self.stopped} 条，在途 {self.in_flight} 条{maybe}。{doubt}"
        if not self.drafts:
            return told
        return f"{told}账号的草稿箱里还有 {self.drafts} 份等人公开的草稿，系统拦不住：停发期间不要发表。"


AT_ONCE = 100
"""Pushes to a transaction: a sender that reads them just before T does not wait until thousands are written."""
_IN_FLIGHT = frozenset({State.SENDING, State.UNKNOWN})
_ON_THE_WAY = STOPPABLE | _IN_FLIGHT


def _stop(
    publications: Sequence[Publication], event: Event, reason: str, actor: str, clock: _Passing,
    *, stands_at: datetime | None = None,
) -> Stopped:  # fmt: skip
    """Stop what can be stopped, first what a sender may have. Where a byte may be out the wish is left with it: nothing of
    it is sent again.

    What a wish reached is judged when it is written down (`stands_at`: what every sender reads was written before):
    whoever waited for the database may have come too late.
    """
    reached: Counter[stopping.Reach] = Counter()
    for keys in chunks([one.pk for one in sorted(publications, key=_urgency)], AT_ONCE):
        with audit.serialised():
            # locked: a worker that takes a lease between the reading and the writing would undo the whole part
            rows = Publication.objects.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk")
            rows = rows.select_related("account", "release")
            done = [_stop_one(row, event, reason, actor, clock.asked) for row in rows]
            reached.update(reach for facts, reach in done if facts.state not in _IN_FLIGHT)
            if wished := [facts for facts, _ in done if facts.state in _IN_FLIGHT]:
                present, trusted = stands_at or clock.now(), not doubt_of_this_boot(now=clock.now())
                reached.update(stopping.reach_of_wish(one, now=present, clock_trusted=trusted) for one in wished)
    told = (stopping.Reach.SENT, stopping.Reach.STOPPED, stopping.Reach.IN_FLIGHT, stopping.Reach.DOUBTFUL)
    return Stopped(*(reached[reach] for reach in told))


def _urgency(publication: Publication) -> tuple[bool, bool, datetime]:
    """What a sender may have comes first, then what it is about to get."""
    return publication.status not in _IN_FLIGHT, publication.status is not State.ARMED, publication.not_before


def _stop_one(
    publication: Publication, event: Event, reason: str, actor: str, now: datetime
) -> tuple[Facts, stopping.Reach]:
    facts = facts_of(publication)
    step, reach = stopping.stop(facts, event, reason, now=now)
    if step is not None and step.event is not None:
        enact(publication, step, actor=actor, now=now)
    elif step is not None and facts.state is State.HELD:
        touch(publication, **{**step.changes, "reason": honest(publication, State.HELD, step.reason), "alarm_at": now})
    elif step is not None:
        _wish(publication, event, step)
    if event is Event.CANCEL and publication.status is State.CANCELLED:
        free_items(publication, now=now)
    return facts, reach


def _as_one(release: Release, person: Person, reason: str, now: datetime) -> AbstractContextManager[None]:
    """What a stop does to a release and what the trail says of it in one transaction; a large one in parts, and then
    the trail says first what is begun."""
    if release.publications.count() <= AT_ONCE:
        return audit.serialised()
    audit.append(person.username, "release.stopping", f"release:{release.pk}", {"reason": reason}, now=now)
    return nullcontext()


def _note(action: str, release: Release, person: Person, reason: str, answer: Stopped, now: datetime) -> None:
    data = {"reason": reason, "answer": answer.message}
    audit.append(person.username, action, f"release:{release.pk}", data, now=now)


class _Passing:
    """The present instant of something that began at `asked`, whatever it had to wait for."""

    def __init__(self, asked: datetime) -> None:
        self.asked, self._began = asked, monotonic()

    def now(self) -> datetime:
        """By the steady clock."""
        return self.asked + timedelta(seconds=monotonic() - self._began)


def _wish(publication: Publication, event: Event, step: Step) -> None:
    """Left with the row whoever holds it: its sender reads it before T, and before anything is sent again."""
    wish = Publication.objects.filter(pk=publication.pk)
    if event is Event.HOLD:
        wish = wish.exclude(stop_event=str(Event.CANCEL))  # what was called off for good stays so
    wish.update(**step.changes, stop_by="")


def _unsettled(release: Release, only: int | None) -> list[Publication]:
    found = release.publications.select_related("account", "release")
    return list(found.filter(pk=only) if only else found)


def hold(release: Release, *, person: Person, reason: str, now: datetime, only: int | None = None) -> Stopped:
    """Pause what has not left yet."""
    require_aware(now)
    require(person, Role.RELEASER, Role.DUTY)
    if not reason.strip():
        raise Refused("reason", "暂停须写明原因，未做改动。")
    clock = _Passing(now)
    with _as_one(release, person, reason, now):
        publications = _unsettled(release, only)
        if publications and all(one.status is State.CANCELLED for one in publications):
            raise Refused("cancelled", "已经作废，没有可以暂停的推送，未做改动。请刷新后再看。")
        publications += left_alone(publications, but_for=_ON_THE_WAY | {State.HELD}) if only else []
        why = f"{person.name}暂停：{reason[:REASON_LENGTH]}"
        answer = _stop(publications, Event.HOLD, why, person.username, clock)
        _note("release.held", release, person, reason, answer, now)
    return answer


def resume(release: Release, *, person: Person, now: datetime, only: int | None = None) -> int:
    """Take held publications up again; whatever is already past its instant goes as soon as it is staged."""
    require_aware(now)
    require(person, Role.RELEASER)
    if not release.signed:
        raise Refused("unsigned", "这张发布单没有有效签发，不能恢复。请重新签发。")
    if is_frozen(release.unit):
        raise Refused("frozen", "本单位正处于一键停发状态，不能恢复。请先解除停发。")
    gating.require_through(release)
    resumed: set[int] = set()
    with audit.serialised():
        held = [one for one in _unsettled(release, only) if one.status is State.HELD]
        free, lonely = _may_go_on(held)
        for publication in free:
            follow(publication, max(publication.instant, now), now=now)
            enact(publication, by_people.resumed(facts_of(publication), now=now), actor=person.username, now=now)
            resumed.add(publication.pk)
        ahead = [one.account_id for one in held if one.pk in resumed and one.instant > now]
        arrange_another(release, ahead, asked_by=person, now=now)
        if lonely and not resumed:
            raise Refused("pairing", f"{lonely[0].words}，恢复会使它单独公开，未做改动。{_TOGETHER}")
        if held and not resumed:
            raise Refused("lane", f"{still_behind(held)}未做改动。")
        data = {"answer": f"已恢复 {len(resumed)} 条推送。"}
        audit.append(person.username, "release.resumed", f"release:{release.pk}", data, now=now)
    return len(resumed)


_TOGETHER = "请连同解读一起恢复；解读不再发的，把政策文件也作废，补好解读后另编发布单。"


def _may_go_on(held: Sequence[Publication]) -> tuple[list[Publication], list[Alone]]:
    """What of this may be resumed, in order, and what would be public without its interpretation.

    Left out is what would be held again within a second, too: something in its lane stands before it.
    """
    left, lonely = sorted(held, key=lambda one: one.lane), list[Alone]()
    while True:
        free: list[Publication] = []
        for one in left:
            if lanes.stuck_behind(one, [each.pk for each in free]) is None:
                free.append(one)
        found = alone(free, going=[one.pk for one in free])
        if not found:
            return free, lonely
        lonely += found
        without = {one.publication.pk for one in found}
        left = [one for one in left if one.pk not in without]


def why_none_goes_on(publications: Sequence[Publication]) -> str:
    """Why none of a release's held pushes can be resumed now, for pages, which would not offer it; "" where the lanes let
    one go on. Asks nothing. (What would be public without its interpretation, `resume` itself refuses.)"""
    held = sorted((one for one in publications if one.status is State.HELD), key=lambda one: one.lane)
    behind = [lanes.stuck_among(one, publications) for one in held]
    found = [one for one in behind if one is not None]
    if not held or len(found) < len(held):
        return ""
    return _behind(held, next((one for one in found if one.status is not State.HELD), found[0]))


def still_behind(held: Sequence[Publication]) -> str:
    """Why these cannot be resumed yet, and what to do first; "" when nothing stands before them."""
    lonely = _may_go_on(held)[1]
    if lonely:
        return f"{lonely[0].words}，没有恢复，没有发出。{_TOGETHER}"
    found = {before.pk: before for one in held if (before := lanes.stuck_behind(one)) is not None}
    first = [one for one in found.values() if one.pk not in {each.pk for each in held}] or list(found.values())
    if not first:
        return ""
    return _behind(held, first[0])


def _behind(held: Sequence[Publication], one: Publication) -> str:
    doubt = one.status in {State.UNKNOWN, State.NEEDS_PERSON}
    then = "系统核对清楚" if one.status is State.UNKNOWN else "处理好它"
    return (
        f"{len(held)} 条排在“{one.account.name}”第 {one.lane + 1} 条（推送 {one.pk}，{one.status.label}）之后，"
        f"没有发出，现在恢复也会马上再停下。请等{then}以后再恢复"
        + ("；它是否公开以核实为准，不要手工补发。" if doubt else "。")
    )


def cancel(release: Release, *, person: Person, reason: str, now: datetime, only: int | None = None) -> Stopped:
    """Call it off for good: what has not left never will; its editions and quota are free again."""
    require_aware(now)
    require(person, Role.RELEASER, Role.DUTY)
    if not reason.strip():
        raise Refused("reason", "作废须写明原因，未做改动。")
    clock = _Passing(now)
    with _as_one(release, person, reason, now):
        publications = _unsettled(release, only)
        if publications and all(publication.status in OVER for publication in publications):
            raise Refused(
                "over",
                "都已发出或早已作废，没有可作废的，未做改动。要撤下已公开的内容，请在发布单页的“更正与撤回”办理。",
            )
        if not publications and people_did_all(byhand.tasks_of(release)):
            raise Refused("over", f"{DONE_BY_PEOPLE}未做改动。")
        if only:
            require_not_left_alone(publications)
        if only is None:
            Release.objects.filter(pk=release.pk, cancelled_at__isnull=True).update(
                cancelled_at=now, cancel_reason=reason[:300]
            )
            drop_preflights(release.pk, why="发布单已作废")
            look_at_drafts(release.pk, now=now)
        answer = _stop(
            publications, Event.CANCEL, f"{person.name}作废：{reason[:REASON_LENGTH]}", person.username, clock
        )
        _note("release.cancelled", release, person, reason, answer, now)
    return answer


def people_did_all(tasks: Iterable[ManualTask]) -> bool:
    """Whether people have posted something of it and have nothing left to post. `tasks`: as `byhand` gives them."""
    found = list(tasks)
    return all(task.done_at for task in found) and any(byhand.side(task) is not Side.NOT_PUBLIC for task in found)


def require_not_left_alone(publications: Sequence[Publication]) -> None:
    """Refused where a policy that may still go would be public without the interpretation that is to be called off."""
    for one in left_alone(publications, but_for=MAY_YET_GO, resting=ENDED):
        raise Refused(
            "pairing",
            f"政策文件（推送 {one.pk}，{one.status.label}）还没有公开，作废它的解读会使它单独公开，未做改动。"
            f"请先作废政策文件那一条（推送 {one.pk}），或连同整单作废、暂停。",
        )


def what_it_keeps(publications: Sequence[Publication]) -> str:
    """What calling these off does not give back, for whoever is about to; "" where every edition is free again."""
    kept = [one for one in publications if one.status not in OVER and may_have_left(one)]
    if not kept:
        return ""
    names = "、".join(dict.fromkeys(f"“{one.account.name}”" for one in kept))
    which = f"其中 {len(kept)} 条" if len(publications) > 1 else "这条推送"
    return f"{which}已向平台请求过：作废后，这一版不能再发到{names}；还要发的，须修改内容形成新版本。"


def free_items(publication: Publication, *, now: datetime) -> None:
    """A cancelled publication gives back the quota that it certainly did not take, and its editions, where no byte of it ever
    left."""
    require_aware(now)
    give_back_quota(publication, now=now)
    if not may_have_left(publication):
        Item.objects.filter(publication=publication).update(active=False)


def freeze(unit: Unit, *, person: Person, reason: str, now: datetime) -> Stopped:
    """一键停发: stop every release of the unit until the freeze is lifted."""
    require_aware(now)
    require(person, Role.DUTY, Role.RELEASER)
    if not reason.strip():
        raise Refused("reason", "停发须写明原因，未做改动。")
    clock, subject = _Passing(now), f"unit:{unit.code}"
    with audit.serialised():
        standing = Freeze.objects.filter(unit=unit, lifted_at__isnull=True).first()
        if standing is not None and _reached_all(standing):
            raise Refused("frozen", "本单位已处于一键停发状态。")
        if standing is None:  # else it was interrupted, and is finished now
            Freeze.objects.create(unit=unit, reason=reason[:300], person=person, at=now)
            audit.append(person.username, "unit.frozen", subject, {"reason": reason}, now=now)
    stands_at = clock.now()  # from here on every sender reads it, however long the writing of the rest takes
    signed = Publication.objects.filter(release__unit=unit, release__signed_at__isnull=False)
    waiting = list(
        signed.exclude(state__in=[State.CANCELLED, State.GONE, State.WITHDRAWN, State.MISSED]).filter(
            Q(state__in=[*map(str, _ON_THE_WAY), State.HELD]) | Q(instant__gt=now - timedelta(days=1))
        )
    )
    why = f"{person.name}一键停发：{reason[:REASON_LENGTH]}"
    answer = _stop(waiting, Event.HOLD, why, person.username, clock, stands_at=stands_at)
    answer = replace(answer, drafts=_drafts_for_people(unit))
    audit.append(person.username, "unit.freeze_reached", subject, {"answer": answer.message}, now=stands_at)
    return answer


def _drafts_for_people(unit: Unit) -> int:
    """How many stand in the 草稿箱 of the unit's accounts under a signature that stands, and are not entered as published."""
    waiting = ManualTask.objects.filter(
        release=OuterRef("release"), account=OuterRef("account"), lane=OuterRef("lane"), done_at__isnull=True
    )
    placed = HandDraft.objects.filter(stage=Stage.PLACED, release__unit=unit, release__cancelled_at__isnull=True)
    return placed.filter(Exists(waiting), release__signed_at=F("signed_at")).count()


def _reached_all(standing: Freeze) -> bool:
    """Whether a freeze was written down to its last push; one that was interrupted is not."""
    lines = AuditEvent.objects.filter(subject=f"unit:{standing.unit.code}", at__gte=standing.at)
    return lines.filter(action="unit.freeze_reached").exists()


def unfreeze(unit: Unit, *, person: Person, now: datetime) -> None:
    """Lift a freeze; what it held stays held until somebody resumes it. So does what it was interrupted before."""
    require_aware(now)
    require(person, Role.RELEASER)
    missed = Publication.objects.filter(
        release__unit=unit, release__signed_at__isnull=False, state__in=[*map(str, STOPPABLE)]
    )
    if is_frozen(unit) and missed.exists():
        why = f"{person.name}解除停发：停发期间没有登记到的，先暂停"
        _stop(list(missed), Event.HOLD, why, person.username, _Passing(now))
    with audit.serialised():
        lifted = Freeze.objects.filter(unit=unit, lifted_at__isnull=True).update(lifted_at=now, lifted_by=person)
        if not lifted:
            raise Refused("not_frozen", "本单位没有处于停发状态。")
        audit.append(person.username, "unit.unfrozen", f"unit:{unit.code}", now=now)
