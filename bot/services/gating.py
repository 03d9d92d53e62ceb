"""The portal gate: a release that waits for its page (decision 16).

The clock finds gates that are due, a worker asks the portal once, and the answer moves the gate as
`bot.domain.sync` says. While a gate is shut nothing of its release is handed out: `batches.hand_out` passes it by,
the sender's last look strikes it out, and the database refuses an attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from bot import portal, proofing
from bot.domain import sync, timeline
from bot.domain.delivery import STOPPABLE, Event, State
from bot.domain.instants import require_aware, show, span
from bot.domain.sync import AT_TIME, FOR_A_DECISION, LETTING_THROUGH, AfterLive, AtTime, GateState, Policy, Seen, Then
from bot.domain.workflow import Role
from bot.models import Account, Attempt, Batch, Person, PortalGate, Publication, Release

from . import audit, home, platformtime, setback
from .accounts import spec_of
from .clocksafety import far_off, unheard
from .errors import Refused
from .pairs import Alone, alone
from .people import require
from .transitions import MACHINE_WISH, Stale, honest, move, touch
from .voiding import is_frozen

log = structlog.get_logger(__name__)
ACTOR = "系统"
MOST = 200  # gates rung in one tick
SOON = timedelta(seconds=30)
CLOCK_ODD = timedelta(seconds=5)  # until the portal is asked again when the end of the wait cannot be believed
#: A person lets it through: what was held is staged anew, and then handed out together.
RELEASE_LEAD = timeline.STAGE_GRACE + timeline.HAND_OUT
_TO_LEAVE = [str(state) for state in STOPPABLE | {State.HELD, State.SENDING}]
#: Publications whose gate lets them through, or that have none.
THROUGH = Q(release__sync=AT_TIME) | Q(release__gate__state__in=sorted(map(str, LETTING_THROUGH)))

#: The same, and what is not signed any more: no page is asked for there, and it has to be held.
TO_HAND_OUT = THROUGH | Q(release__signed_at__isnull=True) | Q(release__cancelled_at__isnull=False)

Look = Callable[..., portal.Look]


# --- with the release -----------------------------------------------------------------------------------


def rules() -> portal.Rules:
    """Where the portal may be read: the hosts that source links may point to; in rehearsal this machine as well."""
    listed: frozenset[str] = settings.TONGFA.portal_hosts
    return portal.Rules(listed or proofing.PORTAL_HOSTS, inside=listed, rehearsal=not home.is_live())


def after_live(url: str, title: str, wait: timedelta, then: str) -> AfterLive:
    """A policy from what staff typed. Refused in Chinese."""
    try:
        return AfterLive(url.strip(), title.strip(), wait, sync.Then(then))
    except sync.PolicyError as error:
        raise Refused("sync", f"{error}，发布单未保存。") from None


def require_possible(policy: Policy) -> None:
    """Refused where the page could never be read, or where waiting for it would leave no time to send."""
    if isinstance(policy, AtTime):
        return
    longest = sync.longest_wait(settings.TONGFA.max_lateness)
    if policy.wait > longest:
        raise Refused(
            "wait",
            f"等待门户上线最多 {span(longest)}（最迟发送时限 {span(settings.TONGFA.max_lateness)}，"
            f"至少留 {span(timeline.GATE_MARGIN)}处理），未办理。请缩短等待时间。",
        )
    try:
        rules().target(policy.url)
    except portal.Blocked as why:
        raise Refused("portal", f"{why}。请核对网址，或请系统管理员把该网站列入名单，未办理。") from None


def attach(release: Release) -> None:
    """A new release gets its gate, shut."""
    if release.sync != AT_TIME:
        PortalGate.objects.create(release=release)


def start(release: Release, *, now: datetime) -> None:
    """It was signed: from here the portal is asked. A signature made anew begins anew."""
    require_aware(now)
    if release.sync == AT_TIME:
        return
    PortalGate.objects.filter(release=release).update(
        state=GateState.SHUT, next_at=now, live_at=None, open_since=None, effective=None, validators={}, held=[],
        lease_until=None, rung_at=None, decided_by=None, decided_at=None, fence=F("fence") + 1,
    )  # fmt: skip


def require_through(release: Release) -> None:
    """Refused while the gate lets nothing through: what is resumed or sent again would only wait, and nobody know."""
    gate = _gate(release)
    if gate is not None and gate.status in FOR_A_DECISION:
        raise Refused("gate", f"门户网页到时没有上线（{gate.words}），{choice_words(release)}，再处理推送。")


def require_open(release: Release) -> None:
    """Refused unless the gate lets the release through: a second sending needs that as much as the first."""
    require_through(release)
    gate = _gate(release)
    if gate is not None and gate.status not in LETTING_THROUGH:
        raise Refused(
            "gate", f"门户网页还没有上线（{gate.words or '还没有问过'}），不能重发。上线后或到时决定后再办理。"
        )


def _gate(release: Release) -> PortalGate | None:
    return PortalGate.objects.filter(release=release).first() if release.sync != AT_TIME else None


def choice_words(release: Release) -> str:
    """What staff must do when time was up."""
    return f"请先决定：发布单 {release.pk}“不等网页，照发”，还是“继续暂停”"


# --- asking ---------------------------------------------------------------------------------------------


def soonest(now: datetime) -> Sequence[PortalGate]:
    """Gates to be asked within half a minute, the most urgent first: one indexed read."""
    require_aware(now)
    found = PortalGate.objects.filter(next_at__lte=now + SOON).exclude(lease_until__gt=now)
    return list(found.order_by("next_at")[:MOST])


def troubled() -> Sequence[PortalGate]:
    """Gates of standing releases that wait for a person, or whose page cannot be read."""
    undecided = Q(state=GateState.ASKING, release__publications__state=State.HELD)
    wanted = undecided | Q(state=GateState.SHUT, seen=Seen.UNCLEAR)
    found = PortalGate.objects.filter(wanted, release__signed_at__isnull=False, release__cancelled_at__isnull=True)
    return list(found.select_related("release").order_by("pk").distinct()[:MOST])


def mark_rung(gate: PortalGate, now: datetime) -> None:
    """Somebody was told to ask."""
    require_aware(now)
    PortalGate.objects.filter(pk=gate.pk, fence=gate.fence).update(rung_at=now)


def ask(gate_id: int, *, now: Callable[[], datetime], look: Look = portal.look) -> None:
    """Ask the portal once about one gate. Safe to ring any number of times: only one worker asks, at its time."""
    require_aware(now())
    _hear_the_time(gate_id, now())
    begun = now()
    gate = _take(gate_id, begun)
    if gate is None:
        return
    policy = gate.release.sync_policy
    if isinstance(policy, AfterLive):
        answer = _looked(policy, gate, look)
        with suppress(Stale), audit.serialised():
            _require_fresh(begun, now())
            _record(gate, policy, answer, now())


def _hear_the_time(gate_id: int, now: datetime) -> None:
    """Before a wait that ends in going ends: a machine that has spoken with no platform yet does not know how late it is."""
    gate = PortalGate.objects.select_related("release").get(pk=gate_id)
    policy = gate.release.sync_policy
    if not isinstance(policy, AfterLive) or gate.next_at is None or gate.next_at > now:
        return
    if policy.then is Then.GO and now >= gate.release.instant + policy.wait and unheard():
        mine = Account.objects.filter(publications__release=gate.release, disabled_reason="").distinct().order_by("pk")
        platformtime.ask_one_of(mine)


def _take(gate_id: int, now: datetime) -> PortalGate | None:
    gate = PortalGate.objects.select_related("release__unit").get(pk=gate_id)
    if gate.next_at is None or gate.next_at > now:
        return None
    mine = PortalGate.objects.filter(pk=gate.pk, fence=gate.fence).exclude(lease_until__gt=now)
    if not gate.release.signed or not _is_awaited(gate, now):
        mine.update(next_at=None, rung_at=None)
        return None
    if not mine.update(fence=F("fence") + 1, lease_until=now + timeline.GATE_LEASE):
        return None
    gate.fence += 1
    return gate


def _is_awaited(gate: PortalGate, now: datetime) -> bool:
    """Whether anything still waits for the page: of the machine, or of people, who are not told to post before it is live.

    What people may post is theirs to look at: so long after it was allowed the page is not asked for any more.
    """
    if gate.release.publications.filter(state__in=_TO_LEAVE).exists():
        return True
    allowed = gate.effective or gate.release.instant
    late = gate.status is not GateState.SHUT and now > allowed + settings.TONGFA.max_lateness
    return not late and gate.release.manual_tasks.filter(done_at__isnull=True).exists()


def _require_fresh(begun: datetime, now: datetime) -> None:
    """Raises Stale for an answer that outlived its lease: who slept with it (a suspended machine) proves nothing of now."""
    if now - begun > timeline.GATE_LEASE:
        raise Stale("the answer of the portal is too old to be believed")


def _has_left(release_id: int, now: datetime, aboard: Batch | None = None) -> bool:
    """Whether anything of the release may be public: what the platform refused is not. Between intent and instant nothing
    has left: it can still be struck out. So can what is `aboard`, of which its sender knows that it has written nothing.
    """
    begun = Attempt.objects.filter(publication__release=release_id).exclude(outcome__in=["not_sent", "refused"])
    begun = begun.exclude(outcome="", publication__not_before__gt=now)
    return (begun if aboard is None else begun.exclude(outcome="", batch=aboard)).exists()


def unproved(
    release_id: int, state: str, live_at: datetime | None, *, now: datetime, aboard: Batch | None = None
) -> bool:
    """Whether an open gate's page must be seen once more before anything leaves: the proof is old, nothing has left yet.

    `aboard`: a batch that is asked about before its first write. Also one that is late, whose intents are past their
    instant: a clock that slept since it was handed out may have let the proof grow old.
    """
    require_aware(now)
    if live_at is not None:
        require_aware(live_at)
    return state == GateState.OPEN and not sync.is_proved(live_at, now) and not _has_left(release_id, now, aboard)


def ask_again(release: Release, *, now: datetime) -> None:
    """Something of it is to leave after all: the page is looked at anew."""
    require_aware(now)
    PortalGate.objects.filter(release=release, state=GateState.OPEN, next_at__isnull=True).update(next_at=now)
    setback.look_anew(release, now=now)


def _looked(policy: AfterLive, gate: PortalGate, look: Look) -> portal.Look:
    try:
        return look(
            policy.url, policy.title, rules=rules(), ca_file=settings.TONGFA.ca_file, known=gate.validators or None
        )
    except Exception as error:  # whatever it is, it says nothing about the page and must not stop the gate
        log.exception("gate.look", release=gate.release_id)
        return portal.Look(Seen.UNCLEAR, f"查看门户时程序出错（{type(error).__name__}）")


def _record(gate: PortalGate, policy: AfterLive, answer: portal.Look, now: datetime) -> None:
    """Write the answer and do what follows from it, in one transaction. Raises Stale when another has taken over."""
    old = sync.Gate(gate.status, gate.live_at, gate.open_since, gate.effective, gate.next_at)
    new = sync.answered(old, policy, gate.release.instant, answer.seen, now, left=_has_left(gate.release_id, now))
    if _by_the_clock_alone(gate.release, old, new, now):
        new = sync.Gate(next_at=now + CLOCK_ODD)
    words = answer.words[:300]
    _write(
        gate, state=new.state, live_at=new.live_at, open_since=new.open_since, effective=new.effective,
        next_at=new.next_at, asked=gate.asked + 1, asked_at=now, seen=answer.seen, words=words, lease_until=None,
        rung_at=None, validators=dict(answer.validators) if answer.seen is Seen.LIVE else {},
    )  # fmt: skip
    if (answer.seen, words) != (gate.seen, gate.words):
        _note(gate, "gate.answered", {"seen": str(answer.seen), "words": words, "status": answer.status}, now)
    if new.state is not old.state:
        _moved(gate, policy, new, words, now)


def _by_the_clock_alone(release: Release, old: sync.Gate, new: sync.Gate, now: datetime) -> bool:
    """No end of the wait, and no hour to leave at, by a clock that is wrong; nor does the machine send anything because time
    is up by one that no platform has confirmed. (Where people post all of it, there may be no platform to ask.)"""
    if new.state is old.state:
        return False
    goes = new.state is GateState.WAIVED
    return (goes and unheard() and release.publications.exists()) or (
        (goes or old.state is GateState.SHUT) and far_off(now=now)
    )


def _write(gate: PortalGate, **changes: object) -> None:
    if not PortalGate.objects.filter(pk=gate.pk, fence=gate.fence).update(**changes):
        raise Stale(f"gate {gate.pk} was taken over")


def _note(gate: PortalGate, action: str, data: dict[str, object], now: datetime, actor: str = ACTOR) -> None:
    audit.append(actor, action, f"release:{gate.release_id}", data, now=now)


def _moved(gate: PortalGate, policy: AfterLive, new: sync.Gate, words: str, now: datetime) -> None:
    data: dict[str, object] = {"from": gate.state, "to": str(new.state), "words": words}
    if new.effective is not None:
        data["effective"] = new.effective.isoformat()
    _note(gate, "gate.moved", data, now)
    if new.effective is not None:
        _let_through(gate.release, new.effective)
    elif new.state in FOR_A_DECISION:
        _hold(gate, _held_words(gate, policy, new.state, words), now)
    else:
        _call_back(gate.release, words, now)


def _let_through(release: Release, effective: datetime) -> None:
    """Everything that has not left goes with its share of the delay: the accounts together, lanes as far apart as before."""
    if effective <= release.instant:
        return
    waiting = [*map(str, STOPPABLE), str(State.HELD)]
    for one in release.publications.select_related("account"):
        # its place in the lane from the new instant on; its own instant may be that of people who sent it again since
        allowed = _place(one, effective)
        later = max(one.not_before, allowed)
        mine = Publication.objects.filter(pk=one.pk, state__in=waiting)
        mine.update(gate_at=allowed, not_before=later)
        mine.filter(state=State.STAGED).update(next_at=later - timeline.HAND_OUT)


def _call_back(release: Release, words: str, now: datetime) -> None:
    """The page is gone again before the release left: what was handed out comes back and waits."""
    for publication in release.publications.select_related("account", "release").filter(state=State.ARMED):
        with suppress(Stale), transaction.atomic():
            move(
                publication, Event.DISARM, actor=ACTOR, now=now, batch=None,
                next_at=publication.not_before - timeline.HAND_OUT,
                reason=f"门户网页又不在线上（{words}），未发出，等它上线。"[:500],
            )  # fmt: skip


def _held_words(gate: PortalGate, policy: AfterLive, state: GateState, words: str) -> str:
    until = show(gate.release.instant + policy.wait)
    if state is GateState.ASKING:
        return f"到 {until} 门户网页仍未上线（{words}），未发出。{choice_words(gate.release)}。"
    return f"到 {until} 门户网页仍未上线（{words}），按约定暂停，未发出。核实网页后，可在发布单 {gate.release_id} 上决定“不等网页，照发”，或作废。"


def _hold(gate: PortalGate, reason: str, now: datetime) -> None:
    held = []
    waiting = gate.release.publications.select_related("account", "release")
    for publication in waiting.filter(state__in=[str(state) for state in STOPPABLE]):
        with suppress(Stale), transaction.atomic():
            move(publication, Event.HOLD, actor=ACTOR, now=now, batch=None, next_at=None, reason=reason[:500])
            held.append(publication.pk)
    for publication in waiting.filter(state=State.SENDING):  # struck out at the last look: then it is held, too
        if Publication.objects.filter(pk=publication.pk, state=State.SENDING, stop_event="").update(
            stop_event=Event.HOLD, stop_reason=reason[:300], stop_by=MACHINE_WISH
        ):
            held.append(publication.pk)
    _write(gate, held=held)


# --- how it is told ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GateStory:
    """A release's gate with its policy, for pages and commands. `lines` are the sentences staff read."""

    gate: PortalGate
    policy: AfterLive
    lines: tuple[str, ...]


def story(release: Release) -> GateStory | None:
    """What was asked, what the portal answered last and what follows; None for a release that waits for no page."""
    gate, policy = _gate(release), release.sync_policy
    if gate is None or isinstance(policy, AtTime):
        return None
    longest = span(policy.wait)
    lines = [
        f"门户上线后才发：{policy.url}，标题“{policy.title}”；最多等到时刻后 {longest}，仍未上线则{policy.then.label}。"
    ]
    if gate.asked_at is None:
        lines.append("签发后开始查看门户，还没有问过。" if not release.signed else "还没有问过门户。")
    else:
        seen = Seen(gate.seen).label
        lines.append(f"{gate.status.label}；已查看 {gate.asked} 次，最近 {show(gate.asked_at)}：{seen}，{gate.words}。")
    if gate.open_since is not None and gate.effective is not None:
        lines.append(f"自 {show(gate.open_since)} 起见到上线，于 {show(gate.effective)} 起发出。")
    elif gate.effective is not None:
        lines.append(f"没有等到网页，于 {show(gate.effective)} 起发出。")
    if gate.decided_by is not None and gate.decided_at is not None:
        lines.append(f"{gate.decided_by.name}于 {show(gate.decided_at)} 决定：{gate.status.label}。")
    elif gate.status in FOR_A_DECISION and release.signed:
        lines.append(f"{choice_words(release)}。")
    return GateStory(gate, policy, tuple(lines))


def after_page(publication: Publication, told: GateStory | None) -> float | None:
    """Seconds from the first proof that the page is live to the first byte; None where there was no such wait."""
    since = told.gate.open_since if told else None
    late = publication.gate_at is not None and publication.gate_at > publication.instant
    return (
        None
        if since is None or publication.sent_at is None or not late
        else (publication.sent_at - since).total_seconds()
    )


# --- what a person decides -------------------------------------------------------------------------------


def decide(release: Release, *, go: bool, person: Person, now: datetime) -> int:
    """Time was up: go without the page, or stay held. Returns how many publications go on."""
    require_aware(now)
    require(person, Role.RELEASER, Role.DUTY)
    with audit.serialised():
        gate = _decidable(release, go=go)
        state = GateState.WAIVED if go else GateState.HELD
        effective = sync.leave_at(release.instant, now, RELEASE_LEAD) if go else None
        if effective is not None:
            _require_time(gate, effective)
        _write(gate, state=state, effective=effective, next_at=None, decided_by=person, decided_at=now)
        data: dict[str, object] = {"from": gate.state, "to": str(state), "words": gate.words}
        _note(gate, "gate.decided", data, now, person.username)
        if effective is None:
            return 0
        _let_through(release, effective)
        return _resume(gate, effective, person, now)


def _decidable(release: Release, *, go: bool) -> PortalGate:
    gate = _gate(release)
    if gate is None:
        raise Refused("no_gate", "这张发布单到点就发，不等门户网页，无须决定。")
    if not release.signed:
        raise Refused("unsigned", "这张发布单没有有效签发，不能决定。请重新签发。")
    if gate.status is GateState.SHUT:
        policy = release.sync_policy
        until = f"，最迟到 {show(release.instant + policy.wait)}" if isinstance(policy, AfterLive) else ""
        raise Refused("waiting", f"还在等门户网页上线{until}，未做改动。要提前停下，请暂停这张发布单。")
    if gate.status in LETTING_THROUGH:
        raise Refused("passed", f"这张发布单已放行（{gate.status.label}），未做改动。要停下，请暂停这张发布单。")
    if not go and gate.status is GateState.HELD:
        raise Refused("held", "这张发布单已经暂停，无须再次决定。")
    if go and is_frozen(release.unit):
        raise Refused("frozen", "本单位正处于一键停发状态，不能放行。请先解除停发。")
    return gate


def _place(publication: Publication, effective: datetime) -> datetime:
    """Its place in the lane, counted from when the release may leave."""
    return timeline.lane_instants(effective, publication.lane + 1, spec_of(publication.account).spacing)[-1]


def _in_time(publication: Publication, effective: datetime) -> bool:
    last = publication.instant + settings.TONGFA.max_lateness
    return max(publication.not_before, _place(publication, effective)) <= last


def _require_time(gate: PortalGate, effective: datetime) -> None:
    """Refused where nothing that waits could leave any more before its last instant."""
    waiting = list(gate.release.publications.filter(state__in=_TO_LEAVE).select_related("account"))
    if waiting and not any(_in_time(one, effective) for one in waiting):
        latest = show(max(one.instant for one in waiting) + settings.TONGFA.max_lateness)
        raise Refused(
            "late",
            f"现在放行最早 {show(effective)} 才能发出，已超过最迟发送时限（{latest}），没有放行，没有发出。请改期另发，或作废。",
        )


def _resume(gate: PortalGate, effective: datetime, person: Person, now: datetime) -> int:
    """Only what the gate itself had held: what a person stopped, before or since, a person resumes.

    Returns how many of them can still leave in time.
    """
    mine = gate.release.publications.select_related("account", "release").filter(pk__in=gate.held)
    held = list(mine.filter(state=State.HELD, held_by="machine"))
    lonely = {one.publication.pk: one for one in alone(held, going=[one.pk for one in held])}
    promised = 0
    for one in held:
        if one.pk in lonely:
            _leave_out(one, lonely[one.pk], now=now)
        else:
            promised += _let_one_go(one, effective, person, now)
    return promised


def _leave_out(publication: Publication, lonely: Alone, *, now: datetime) -> None:
    """A policy whose interpretation rests stays, and says why."""
    words = (
        f"{lonely.words}，放行时没有一起放行，未发出。请连同解读一起恢复（发布单 {publication.release_id}），或作废。"
    )
    with suppress(Stale):
        touch(publication, reason=honest(publication, State.HELD, words), alarm_at=now)


def _let_one_go(publication: Publication, effective: datetime, person: Person, now: datetime) -> bool:
    with suppress(Stale), transaction.atomic():
        move(
            publication, Event.RESUME, actor=person.username, now=now, next_at=now, stage_faults=0,
            stage_by=effective - timeline.STAGED_BY, stop_event="", stop_reason="",
            reason=f"{person.name}决定不等门户网页，照发。",
        )  # fmt: skip
        return _in_time(publication, effective)
    return False
