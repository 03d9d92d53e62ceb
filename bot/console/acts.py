"""What may be done with a release now: the one next step, and the rest with the reason where it cannot be done.

What a person's roles do not hold is not in it. The services refuse all of it once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.delivery import FOR_A_PERSON, SETTLED, STOPPABLE, State
from bot.domain.sync import FOR_A_DECISION
from bot.domain.urgent import Stage
from bot.domain.workflow import EditionState, Role, may_sign
from bot.models import Edition, ManualTask, Person, Publication, Release
from bot.services import byhand, gating, replanning, stops

from . import chips

PLANNERS = (Role.EDITOR, Role.RELEASER)
STOPPERS = (Role.RELEASER, Role.DUTY)
BY_HAND = frozenset({Role.RELEASER, Role.DUTY})  # who enters what was posted by hand
OWED = {
    Stage.RELEASED: "已发出，还要补审：请到审批箱办理，须在 24 小时内审完。",
    Stage.RETURNED: "补审退回，还要处理：请更正或撤下已公开的。",
}
UPDATE = "请等新版本审核通过后修改发布单、换成新版本，或作废这张。"
FROZEN = "本单位正处于一键停发状态，请先解除停发。"
DOUBT = (
    "有推送结果不明，系统正在向平台核对；查清之前不要重发，也不要在平台后台手工补发。查不清的转人工，办法见下面各账号。"
)


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `why_not` is "" where it can be done now; `name` is its page in `urls.py`; `beware`: what to know before."""

    name: str
    label: str
    icon: str
    why_not: str = ""
    beware: str = ""


@dataclass(frozen=True, slots=True)
class Acts:
    """`primary`: the one legal next step of this person, None where there is none. `words`: what the release waits for."""

    primary: Act | None
    words: str
    others: Sequence[Act]


@dataclass(frozen=True, slots=True)
class Case:
    """One release as one person sees it. The publications come with their items, editions and attempts; `tasks`: what
    people post of it, with the editions."""

    release: Release
    publications: Sequence[Publication]
    told: gating.GateStory | None
    who: Person
    frozen: bool
    now: datetime
    tasks: Sequence[ManualTask] = ()

    def may(self, *roles: Role) -> bool:
        """Whether the person holds one of these."""
        return any(self.who.has_role(role) for role in roles)

    def has(self, *states: State) -> bool:
        """Whether a push is in one of these states."""
        return any(one.status in states for one in self.publications)

    @property
    def undecided(self) -> bool:
        """Time was up for the portal's page, and a person must choose."""
        asked = self.told is not None and self.told.gate.status in FOR_A_DECISION
        return asked and self.release.signed and (self.has(State.HELD) or self.by_hand)

    @property
    def unsigned(self) -> bool:
        """It could be signed."""
        release = self.release
        open_still = release.signed_at is None and release.cancelled_at is None and release.urgency_id is None
        return open_still and (self.has(State.PLANNED, State.HELD) or self.by_hand)

    @property
    def by_hand(self) -> bool:
        """Somebody is still to post a part of it."""
        return self.release.cancelled_at is None and any(task.waits for task in self.tasks)

    @property
    def by_hand_now(self) -> bool:
        """And may post it now."""
        return self.by_hand and byhand.due_now(self.release, self.now) and not self.frozen

    @property
    def settled(self) -> bool:
        """Nothing of it is left to do."""
        parts = bool(self.publications or self.tasks)
        return parts and not self.by_hand and all(one.status in SETTLED for one in self.publications)

    @property
    def outdated(self) -> str:
        """The title of a part that another edition has taken the place of, "" where there is none: it cannot be signed."""
        waiting = [task.edition for task in self.tasks if task.waits]
        parts = [*editions(self.publications), *waiting]
        return next((one.title for one in parts if one.status is EditionState.SUPERSEDED), "")

    @property
    def too_late_to_sign(self) -> bool:
        """Its instant is over, or too near."""
        return chips.too_late_to_sign(self.release, self.now)


def acts(case: Case) -> Acts:
    """The next step, and everything else in the order of the menu."""
    every = [
        *_signing(case), *_deciding(case), *_stopping(case), *_posting(case), *_planning(case), *_ending(case),
    ]  # fmt: skip
    name, words = _next(case)
    step = next((act for act in every if act.name == name), None)
    if step is not None and step.why_not:
        return Acts(None, f"现在还不能{step.label}：{step.why_not}", every)
    return Acts(step, words, [act for act in every if act is not step])


def _next(case: Case) -> tuple[str, str]:
    """The page of the next step ("" where nobody need act), and what the release waits for."""
    urgency = case.release.urgency
    if case.settled and urgency is not None and urgency.status in OWED:
        return "", OWED[urgency.status]
    if case.release.cancelled_at or case.settled:
        return "", "已了结，没有要办理的。"
    if case.release.urgency_id is not None and not case.release.signed:
        return "release-cancel", "应急发布的签发已失效，没有发出的不会再发。请作废后重新提出，或审核通过后另编发布单。"
    if case.unsigned and case.outdated:
        return "release-edit", f"“{case.outdated}”已有新版本，这张发布单里还是旧版，签发不了。{UPDATE}"
    if case.unsigned and case.too_late_to_sign:
        return "release-reschedule", "发布时刻已过或太近，来不及签发，请改期。"
    if case.unsigned:
        return "release-sign", "等签发人核对清单后签发，签发前不会发出。"
    if case.undecided:
        return "release-go", "门户网页到时没有上线，等人决定。"
    if case.has(*FOR_A_PERSON):
        return "", "有推送需要人处理，办法见下面各账号。"
    if case.has(State.HELD):
        return "release-resume", "已暂停，恢复后继续准备和发出。"
    if case.by_hand_now:
        return "manual", f"{_why_now(case)}，{_what_people_do(case)}，还没有登记；系统不会代发。"
    if case.by_hand:
        return "", _by_hand_later(case)
    if case.has(*STOPPABLE):
        return "", _going_by_itself(case)
    if case.has(State.UNKNOWN):
        return "", DOUBT
    said_above = chips.public_words(case.publications, case.tasks).startswith(chips.NOTHING_TO_DO)
    return "", "" if said_above else "正在发出或核对，不用办理。"


def _going_by_itself(case: Case) -> str:
    """Of what was resumed after its instant nobody is to think that a time is still to come."""
    if any(one.instant > case.now for one in case.publications if one.status in STOPPABLE):
        return "已签发，到时自动发出，不用办理。"
    if case.release.waits_for_portal:
        return "时刻已过，门户网页上线后自动发出，不用办理。"
    return "时刻已过，准备好就自动发出，不用办理。"


def _why_now(case: Case) -> str:
    return "时刻已到" if case.release.urgency_id is None else "两人已确认应急发布，请马上发出"


def _what_people_do(case: Case) -> str:
    """Of what waits for people: drafts of the machine to be made public, texts to be posted, or both."""
    kinds = {byhand.leaves_draft(task) for task in case.tasks if task.waits}
    words = {True: "有草稿等人到账号的草稿箱里发表", False: "有账号只能手工发布"}
    return "，".join(words[kind] for kind in sorted(kinds, reverse=True))


def _by_hand_later(case: Case) -> str:
    if byhand.returned(case.release):
        return "补审退回，手工发布的部分不要发出；先问清有没有人正在发。"
    rest = "其余账号到时自动发出。" if case.has(*STOPPABLE) else ""
    if case.frozen:
        return f"{FROZEN}手工发布的部分也先不要发出。"
    drafted = any(byhand.leaves_draft(task) for task in case.tasks if task.waits)
    draft = "草稿由系统在时刻前一小时放进草稿箱，到时由人发表。" if drafted else ""
    return f"已签发。{draft}手工发布的部分系统不代发，时刻（和门户网页上线）之前不要发出。{rest}"


def _posting(case: Case) -> list[Act]:
    return [Act("manual", "去手工发布", "hand")] if case.may(*BY_HAND) and case.by_hand_now else []


def _signing(case: Case) -> list[Act]:
    if not case.may(Role.RELEASER) or not case.unsigned:
        return []
    why = "发布时刻已过或太近，请先改期。" if case.too_late_to_sign else ""
    why = f"“{case.outdated}”已有新版本。{UPDATE}" if case.outdated else why
    refusal = may_sign(person=case.who.pk, roles=case.who.held_roles, authors=_authors(case))
    return [
        Act(
            "release-sign",
            "核对清单并签发",
            "pen",
            FROZEN if case.frozen else why or (refusal.message if refusal else ""),
        )
    ]


def _authors(case: Case) -> set[int]:
    by_hand = [task.edition for task in case.tasks if task.waits]
    return {author for edition in [*editions(case.publications), *by_hand] for author in edition.authors()}


def editions(publications: Sequence[Publication]) -> list[Edition]:
    """What these pushes publish, each once."""
    found = {item.edition_id: item.edition for one in publications for item in one.items.all()}
    return list(found.values())


def _deciding(case: Case) -> list[Act]:
    if not case.may(*STOPPERS) or not case.undecided:
        return []
    held = "已经暂停，无须再次决定。" if case.told and case.told.gate.decided_at else ""
    return [
        Act("release-go", "不等网页，照发", "send", FROZEN if case.frozen else ""),
        Act("release-stay", "继续暂停", "pause", held),
    ]


def _stopping(case: Case) -> list[Act]:
    found = []
    live = case.release.signed and not case.release.cancelled_at
    if case.may(Role.RELEASER) and live and case.has(State.HELD):
        lanes = stops.why_none_goes_on(case.publications)
        why = "请先决定是否等门户网页。" if case.undecided else FROZEN if case.frozen else lanes
        found.append(Act("release-resume", "恢复", "turn", why))
    if case.may(*STOPPERS) and live:
        can = case.has(*STOPPABLE, State.SENDING, State.UNKNOWN)
        found.append(Act("release-hold", "暂停", "pause", "" if can else "没有还能拦下的推送。"))
    return found


def _planning(case: Case) -> list[Act]:
    if not case.may(*PLANNERS) or case.release.cancelled_at or case.release.urgency_id is not None:
        return []
    why = replanning.why_not(case.release, case.publications)
    return [
        Act("release-reschedule", "改期", "clock", why.replace("改编", "改期")),
        Act("release-edit", "修改内容、次序、账号", "pen", why),
    ]


def _ending(case: Case) -> list[Act]:
    if not case.may(*STOPPERS) or case.release.cancelled_at:
        return []
    over = case.publications and all(one.status in stops.OVER for one in case.publications)
    why = "都已发出，没有可作废的。要撤下或更正的，办理“更正与撤回”。" if over else ""
    if not case.publications and stops.people_did_all(case.tasks):
        why = stops.DONE_BY_PEOPLE
    return [Act("release-cancel", "作废", "cross", why, stops.what_it_keeps(case.publications))]
