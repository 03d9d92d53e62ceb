"""How a state looks: a tone (colour), an icon and the word, for publications and for whole releases."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain import alarms
from bot.domain.delivery import State
from bot.domain.engine.people import BY_HAND, DECLARED
from bot.models import Account, ManualTask, Publication, Release
from bot.services import byhand
from bot.services.byhand import Stage
from bot.services.facts import outcomes_of
from bot.services.releases import min_lead


@dataclass(frozen=True, slots=True)
class Chip:
    """A state to show: never by colour alone. `count` "3/4" where it stands for several."""

    label: str
    tone: str
    icon: str
    count: str = ""


LOOKS: dict[State, tuple[str, str]] = {
    State.PLANNED: ("wait", "clock"),
    State.BLOCKED: ("warn", "alert"),
    State.STAGING: ("busy", "turn"),
    State.STAGED: ("ready", "box"),
    State.ARMED: ("ready", "target"),
    State.SENDING: ("busy", "send"),
    State.UNKNOWN: ("doubt", "question"),
    State.CONFIRMING: ("busy", "eye"),
    State.LIVE: ("good", "check"),
    State.HELD: ("warn", "pause"),
    State.CANCELLED: ("off", "cross"),
    State.MISSED: ("missed", "late"),
    State.NEEDS_PERSON: ("bad", "hand"),
    State.GONE: ("bad", "trash"),
    State.WITHDRAWN: ("off", "undo"),
}
#: Most urgent first: what a release with several states is called, and the order of the list for people.
URGENCY = (
    State.NEEDS_PERSON,
    State.UNKNOWN,
    State.MISSED,
    State.GONE,
    State.BLOCKED,
    State.HELD,
    State.SENDING,
    State.CONFIRMING,
    State.ARMED,
    State.STAGED,
    State.STAGING,
    State.PLANNED,
    State.WITHDRAWN,
    State.CANCELLED,
    State.LIVE,
)
#: States in which something is public for certain, or was.
PUBLIC = frozenset({State.LIVE})
#: Under way by itself: nobody need act.
MOVING = frozenset({State.STAGED, State.ARMED, State.SENDING, State.CONFIRMING})
#: In place and waiting for the word.
READY = frozenset({State.STAGED, State.ARMED})
SIGN_SOON = timedelta(hours=1)
#: A release of which a part is public: the rest is on its way, or somebody must act.
NOTHING_TO_DO = "正在依次发出和核对，不用办理"
UNDER_WAY, PARTLY = ("正在依次发出", "busy"), ("部分发出", "bad")
PARTLY_BACK = ("部分撤回", "off")  # all of it was public, and some was taken back on purpose
PARTLY_DOWN = ("部分撤下", "off")  # the same where people took it down, of what they had posted
#: Not signed in time: the instant is over or too near, and the way on is another one.
TOO_LATE = Chip("来不及签发", "warn", "late")
#: Where the part of a release that people post stands.
BY_HAND_LATER = Chip("手工发布", "wait", "hand")
BY_HAND_NOW = Chip("待手工发布", "warn", "hand")
BY_HAND_DONE = Chip("已发布（手工）", "good", "check")
BY_HAND_DROPPED = Chip("不再发布", "off", "cross")
BY_HAND_DOWN = Chip("手工发布，已撤下", "off", "undo")
BY_HAND_PARTLY_DOWN = Chip("部分已撤下", "off", "undo")
_TAKEN_DOWN = frozenset({Stage.PARTLY_DOWN, Stage.DOWN})


def chip(state: State, count: str = "") -> Chip:
    """The chip of one publication's state."""
    tone, icon = LOOKS[state]
    return Chip(state.label, tone, icon, count)


def grouped(states: Sequence[State]) -> list[Chip]:
    """One chip for each state that occurs, most urgent first; with counts when there are several posts."""
    total = len(states)
    return [chip(state, f"{states.count(state)}/{total}" if total > 1 else "") for state in URGENCY if state in states]


def standing(release: Release, publications: Sequence[Publication], now: datetime) -> Chip:
    """What a release as a whole is called. Partly public is shown as partly public, whatever the rest does.

    Its manual tasks may be prefetched; else this asks for them.
    """
    tasks = list(release.manual_tasks.all())
    states = [publication.status for publication in publications]
    alive = [state for state in states if state is not State.CANCELLED]
    public, taken_back, whole = _counted(states, tasks)
    if taken_back and public + taken_back == whole and (public or any(map(byhand.stands, tasks))):
        how = PARTLY_BACK if State.WITHDRAWN in states else PARTLY_DOWN
        return Chip(*how, "undo", f"{taken_back}/{whole}" if public else "")
    if public and public < whole:
        return Chip(*(UNDER_WAY if _moves(release, states, tasks, now) else PARTLY), "part", f"{public}/{whole}")
    if public:
        return chip(State.LIVE) if states else BY_HAND_DONE
    if (
        not states
        and any(map(byhand.taken_down, tasks))
        and (release.cancelled_at or not any(one.waits for one in tasks))
    ):
        return BY_HAND_DOWN
    if release.cancelled_at or (states and not alive and not tasks):
        return chip(State.CANCELLED)
    if not release.signed and all(state in {State.PLANNED, State.HELD} for state in alive):
        if too_late_to_sign(release, now):
            return TOO_LATE
        return Chip("未签发", "warn" if release.instant < now + SIGN_SOON else "wait", "pen")
    if release.instant <= now and set(alive) <= READY and release.waits_for_portal:
        return Chip("等门户上线", "wait", "clock")
    if not alive:
        return by_hand(release, tasks, now)
    return chip(next(state for state in URGENCY if state in alive))


def too_late_to_sign(release: Release, now: datetime) -> bool:
    """Of a release that waits for a signature: its instant is over, or too near. An 应急 one is never signed again."""
    return release.urgency_id is None and release.instant < now + min_lead()


def _moves(release: Release, states: Sequence[State], tasks: Sequence[ManualTask], now: datetime) -> bool:
    """What is not public yet is on its way by itself. Of 应急 “尽快” people begin before the machine's instant."""
    early = bool(tasks) and release.instant > now and release.cancelled_at is None and not PUBLIC & set(states)
    moving = MOVING | ({State.PLANNED, State.STAGING} if early else set())
    under_way = bool(moving & set(states)) and set(states) <= moving | PUBLIC
    return under_way and (early or not any(task.waits for task in tasks))


def _counted(states: Sequence[State], tasks: Sequence[ManualTask]) -> tuple[int, int, int]:
    """How many of the messages of a release are public, how many were taken back again, at least in part, and how many there
    are; those of the machine and those by hand."""
    messages: dict[tuple[int, int], list[ManualTask]] = {}
    for task in tasks:
        if not task.dropped or byhand.taken_down(task):
            messages.setdefault((task.account_id, task.lane), []).append(task)
    stages = [byhand.stage(group) for group in messages.values()]
    public = sum(state in PUBLIC for state in states) + stages.count(Stage.DONE)
    taken_back = states.count(State.WITHDRAWN) + sum(stage in _TAKEN_DOWN for stage in stages)
    return public, taken_back, len(states) + len(stages)


def by_hand(release: Release, tasks: Sequence[ManualTask], now: datetime) -> Chip:
    """Where these tasks of a release stand together (all of it, or those of one account)."""
    stage = byhand.stage(tasks)
    if stage is not Stage.WAITS:
        return _BY_HAND[stage]
    if release.cancelled_at:
        return chip(State.CANCELLED)
    return BY_HAND_NOW if byhand.due_now(release, now) else BY_HAND_LATER


_BY_HAND = {
    Stage.DONE: BY_HAND_DONE, Stage.PARTLY_DOWN: BY_HAND_PARTLY_DOWN, Stage.DOWN: BY_HAND_DOWN,
    Stage.DROPPED: BY_HAND_DROPPED,
}  # fmt: skip


def by_account(release: Release, now: datetime) -> list[tuple[Account, Chip]]:
    """The accounts of a release on which people post, each with its chip. The tasks come with their accounts."""
    groups: dict[Account, list[ManualTask]] = {}
    for task in sorted(release.manual_tasks.all(), key=lambda task: (task.account_id, task.lane, task.position)):
        groups.setdefault(task.account, []).append(task)
    return [(account, by_hand(release, tasks, now)) for account, tasks in groups.items()]


def _remark(publication: Publication) -> str:
    if publication.status in PUBLIC:
        return f"（{BY_HAND}）" if DECLARED in publication.ids else ""
    return f"（{publication.status.label}）"


def public_words(
    publications: Sequence[Publication], tasks: Sequence[ManualTask] = (), *, disproved: Collection[int] = ()
) -> str:
    """What is already public, what may be and what is not, where only a part is public for certain; "" when all or
    nothing is. The publications come with their attempts: what is in doubt is never told as not public. `tasks`: what
    people post of the release; they come with their accounts. `disproved`: pushes of which the platform itself has said that
    nothing went out."""
    by_people = [task for task in tasks if not task.dropped or byhand.taken_down(task)]
    if len({one.status in PUBLIC for one in publications} | {byhand.stands(task) for task in by_people}) < 2:
        return ""
    if _goes_well(publications) and all(byhand.stands(task) for task in by_people):
        out = sum(one.status in PUBLIC for one in publications)
        return f"{NOTHING_TO_DO}：已公开 {out} 次推送，另 {len(publications) - out} 次正在进行。"
    counts: dict[tuple[alarms.Side, str, str], int] = {}
    for one in publications:
        where = alarms.side(one.status, ["refused"] if one.pk in disproved else outcomes_of(one))
        key = (where, one.account.name, _remark(one))
        counts[key] = counts.get(key, 0) + 1
    told = [(where, f"{name} {count} 次推送{state}") for (where, name, state), count in counts.items()]
    return alarms.sides_in_words([*told, *_by_people(by_people)])


def _goes_well(publications: Sequence[Publication]) -> bool:
    """All that is not public yet is on its way by itself, and nothing of it is in doubt."""
    return all(
        one.status in PUBLIC or (one.status in MOVING and "unknown" not in outcomes_of(one)) for one in publications
    )


def _by_people(tasks: Sequence[ManualTask]) -> list[tuple[alarms.Side, str]]:
    """Each account with its articles. What nobody has entered may have been posted all the same."""
    counts: dict[tuple[alarms.Side, str], int] = {}
    for task in tasks:
        key = (byhand.side(task), task.account.name)
        counts[key] = counts.get(key, 0) + 1
    return [(side, f"{name} 手工发布 {count} 篇{_BY_HAND_REMARKS[side]}") for (side, name), count in counts.items()]


_BY_HAND_REMARKS = {
    alarms.Side.PUBLIC: "", alarms.Side.WAS_PUBLIC: "（已撤下）", alarms.Side.DOUBT: "（还没有登记）",
    alarms.Side.NOT_PUBLIC: "（不再发布）",
}  # fmt: skip
