"""Alarms: what must stand before a person, in which words, and who is told when nobody has read it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .delivery import STOPPABLE, State
from .engine.facts import DOUBTFUL
from .instants import require_all_aware


class Kind(StrEnum):
    """What an alarm is about, most urgent first."""

    OVERDUE = "overdue"
    UNKNOWN = "unknown"
    DOUBLED = "doubled"
    SURFACED = "surfaced"
    GONE = "gone"
    WITHDRAWAL = "withdrawal"
    URGENT = "urgent"
    LAPSED = "lapsed"
    RETURNED = "returned"
    NEEDS_PERSON = "needs_person"
    MISSED = "missed"
    SPLIT = "split"
    HELD = "held"
    REVIEW_LATE = "review_late"
    REVIEW_DUE = "review_due"
    BY_HAND = "by_hand"
    DRAFT = "draft"
    CHAIN = "chain"
    RULES = "rules"
    CLOCK = "clock"
    PREFLIGHT = "preflight"
    DISK = "disk"

    @property
    def label(self) -> str:
        """The word staff see."""
        return LABELS[self]


LABELS = {
    Kind.OVERDUE: "逾期未发",
    Kind.UNKNOWN: "结果不明",
    Kind.DOUBLED: "公开了不止一篇",
    Kind.SURFACED: "作废以后平台说已公开",
    Kind.GONE: "已发布的内容被撤下",
    Kind.WITHDRAWAL: "撤回没有办完",
    Kind.URGENT: "应急待第二人确认",
    Kind.LAPSED: "应急件作废，没有发出",
    Kind.RETURNED: "应急内容被退回",
    Kind.NEEDS_PERSON: "需人工处理",
    Kind.MISSED: "错过",
    Kind.SPLIT: "发布单部分公开",
    Kind.HELD: "被系统暂停",
    Kind.REVIEW_LATE: "应急补审逾期",
    Kind.REVIEW_DUE: "应急补审将到期",
    Kind.BY_HAND: "待手工发布",
    Kind.DRAFT: "草稿箱里的草稿待处理",
    Kind.CHAIN: "留痕链断裂",
    Kind.RULES: "数据库规则缺失",
    Kind.CLOCK: "时钟不可信",
    Kind.PREFLIGHT: "预检未过",
    Kind.DISK: "磁盘将满",
}


class Out(StrEnum):
    """The first question of everybody who is woken: is it out?"""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    PART = "part"
    NONE = "none"  # the alarm is about no push

    @property
    def label(self) -> str:
        """The word staff see."""
        return {"yes": "是", "no": "否", "unknown": "不明", "part": "部分", "none": "不涉及"}[self]


#: What a person should do, by kind; it stands in notices and on the duty desk.
REMEDIES = {
    Kind.OVERDUE: "请值班员打开发布单，看卡在哪一步：仍可发的系统会自动发出，不再发就作废。值班台不再更新或 tongfa doctor 说时钟停了，请系统管理员重启。",
    Kind.UNKNOWN: "系统正在向平台核对。请值班员到平台后台看一眼，不要手工补发。",
    Kind.DOUBLED: "请值班员马上打开给出的各个链接，到平台后台删除多出的一篇，再登记留下的那一篇的链接。不要重发，也不要手工补发。",
    Kind.SURFACED: "请值班员马上打开链接（没有链接就看平台后台的发表记录）核实：确已公开的报告签发人，由签发人决定是否到平台后台删除；不要重发，也不要手工补发。",
    Kind.GONE: "请值班员马上到平台后台查看是谁、为什么撤下的，报告签发人；仍公开的是否一并撤下由签发人决定，要重新发布请走新版本。",
    Kind.WITHDRAWAL: "请签发人打开发布单的“更正与撤回”：没有撤下的可能仍然公开。按每一项的提示办理、再撤一次，或由人决定不撤并写明原因。",
    Kind.URGENT: "请终审、签发或值班人员打开“应急”页核对后确认；两小时内没有第二人确认就作废，不会发出；过时前 30 分钟再次警报。提出人不能代为已阅。",
    Kind.LAPSED: "请提出人看是否仍需应急：仍需的重新提出，不急的按正常流程审核。没有发出，也不会再发出。",
    Kind.RETURNED: "请签发人打开发布单的“更正与撤回”：更正或撤下已公开的内容；手工发布的到平台后台删除，再到“手工发布”页登记；是否公开不明的先核实，不要手工补发。系统不会自动删除已公开的内容。",
    Kind.NEEDS_PERSON: "请值班员到平台后台核实：已发出就登记链接；确实没有，由两人确认后重发，或作废。",
    Kind.MISSED: "请签发人决定：改期重发（两人确认）或作废。系统不会再自动发出。",
    Kind.SPLIT: "请值班员看警报所写：“未公开”的先处理（同一账号排在结果不明的后面的，等前面核对清楚再恢复）；“是否公开不明”的等系统核对，或到平台后台核实，不要手工补发。系统不会删除已公开的内容。",
    Kind.HELD: "请值班员打开发布单看原因，处理后由签发人恢复，或作废。到时不恢复就不会发出。",
    Kind.REVIEW_LATE: "请马上催初审、复审、终审人员在审批箱办理：应急发布须在 24 小时内补审，已经超时；每 4 小时再次警报。",
    Kind.REVIEW_DUE: "请催初审、复审、终审人员在审批箱办理补审；到期没有审完会升级警报。",
    Kind.BY_HAND: "请值班员打开“手工发布”页，照页面到平台后台发出（草稿方式在草稿箱里发表，其余复制文字、下载图片），再填入链接和时间。系统不会代发。",
    Kind.DRAFT: "请值班员打开“手工发布”页，看这份草稿的情况，照写明的办法到公众平台草稿箱处理；写着不要发表的不要发表。系统没有公开任何内容。",
    Kind.CHAIN: "请立即报告审计员，不要再改动数据库；用 tongfa audit verify 查看断点。",
    Kind.RULES: "请系统管理员查明是谁改动了数据库规则；仍缺少的，重新运行 tongfa up（或 tongfa init）重新安装。",
    Kind.CLOCK: "请系统管理员校准本机时钟（NTP）；校准前到点会被暂停，不会早发。",
    Kind.PREFLIGHT: "请按未通过各项的办法处理，处理后在发布单页点“再查一次”。不处理，到时可能发不出去。",
    Kind.DISK: "请系统管理员清理磁盘；写不下记录时系统不会发送。",
}

#: A publication in one of these stands before a person (invariant 5). Held only when no person asked for it.
TROUBLE = frozenset({State.NEEDS_PERSON, State.MISSED, State.UNKNOWN, State.HELD, State.GONE})
#: Settled: nothing of it will ever change, so reading the alarm is all that a person does with it here.
TOLD_ONCE = frozenset({State.GONE})
_OF_STATE = {
    State.GONE: Kind.GONE,
    State.NEEDS_PERSON: Kind.NEEDS_PERSON,
    State.MISSED: Kind.MISSED,
    State.UNKNOWN: Kind.UNKNOWN,
    State.HELD: Kind.HELD,
}
OVERDUE_AFTER = timedelta(minutes=1)
#: About an urgent notice, with or without a release.
OF_URGENCY = frozenset({Kind.URGENT, Kind.LAPSED, Kind.RETURNED, Kind.REVIEW_LATE, Kind.REVIEW_DUE})
#: Only told: nothing ends them but that somebody has read them.
ENDED_BY_READING = frozenset({Kind.SURFACED, Kind.GONE, Kind.LAPSED})
#: How long what is told once stays on the duty desk after somebody has read it.
KEPT_AFTER_READING = timedelta(days=1)
#: Kinds that a publication's own state decides.
OF_PUBLICATIONS = frozenset({*_OF_STATE.values(), Kind.OVERDUE, Kind.DOUBLED})
#: Among the ends of a push's calls: what the platform shows more than once is public, whatever became of each call.
TWICE = "twice"


def touches_people(old: State, new: State) -> bool:
    """True when a change of state may raise or close an alarm."""
    return old in TROUBLE or new in TROUBLE


def wanted(
    state: State, *, held_by_machine: bool, signed: bool, not_before: datetime, now: datetime, shut: bool = False,
    doubled: bool = False,
) -> Kind | None:  # fmt: skip
    """The alarm that one publication calls for, None when all is well or a person keeps it where it is.

    `shut`: its gate lets nothing through yet, so that it is not late. A gate that opens late moves `not_before`.
    `doubled`: the platform showed it more than once.
    """
    require_all_aware(not_before, now)
    if state is State.HELD:
        return Kind.HELD if held_by_machine else None
    if state is State.NEEDS_PERSON and doubled:
        return Kind.DOUBLED
    if state in _OF_STATE:
        return _OF_STATE[state]
    late = now >= not_before + OVERDUE_AFTER
    if late and (state is State.SENDING or (signed and not shut and state in STOPPABLE)):
        return Kind.OVERDUE
    return None


def is_out(state: State, outcomes: Collection[str]) -> Out:
    """Has it become public? `outcomes`: how its public calls ended.

    A call that may have had an effect is in doubt in every state that does not prove the contrary: also where the push
    was stopped, missed or called off afterwards. What the platform has accepted it may still refuse to publish.
    """
    if state in {State.UNKNOWN, State.SENDING, State.CONFIRMING}:
        return Out.UNKNOWN
    if state in {State.LIVE, State.GONE}:  # what was taken down had gone out
        return Out.YES
    if state is State.NEEDS_PERSON and TWICE in outcomes:
        return Out.YES
    if state is not State.WITHDRAWN and any(one in {"", *DOUBTFUL} for one in outcomes):
        return Out.UNKNOWN
    return Out.NO


class Side(StrEnum):
    """On which side of a release that is public in part a push stands; in the order in which they are told."""

    PUBLIC = "public"
    WAS_PUBLIC = "was_public"
    DOUBT = "doubt"
    NOT_PUBLIC = "not_public"

    @property
    def label(self) -> str:
        """The word staff see."""
        return {
            "public": "已公开",
            "was_public": "曾经公开",
            "doubt": "是否公开不明",
            "not_public": "未公开",
        }[self]


def side(state: State, outcomes: Collection[str]) -> Side:
    """Where a push stands. What was accepted but not read back is in doubt like everything else that no read-back and
    no refusal has settled: whoever reads "not public" may post it by hand."""
    if state is State.LIVE or (state is State.NEEDS_PERSON and TWICE in outcomes):
        return Side.PUBLIC
    if state in {State.GONE, State.WITHDRAWN}:
        return Side.WAS_PUBLIC
    return Side.DOUBT if is_out(state, outcomes) is Out.UNKNOWN else Side.NOT_PUBLIC


def out_of(sides: Iterable[Side]) -> Out:
    """Has it become public, of several pushes together? What was taken down had gone out; what is in doubt is never a no."""
    found = set(sides)
    gone_out = found & {Side.PUBLIC, Side.WAS_PUBLIC}
    if gone_out:
        return Out.YES if found == gone_out else Out.PART
    return Out.UNKNOWN if Side.DOUBT in found else Out.NO


def sides_in_words(pushes: Iterable[tuple[Side, str]]) -> str:
    """`已公开：A；是否公开不明：B（结果不明）；未公开：C（已暂停） 2 条。`; each push comes with its name in words."""
    groups: dict[Side, Counter[str]] = {one: Counter() for one in Side}
    for where, name in pushes:
        groups[where][name] += 1
    told = {
        one.label: [name if count == 1 else f"{name} {count} 条" for name, count in names.items()]
        for one, names in groups.items()
    }
    return "；".join(f"{label}：{'、'.join(names)}" for label, names in told.items() if names) + "。"


def is_split(states: Collection[State]) -> bool:
    """A release of which a part is public while another part waits for a person."""
    return State.LIVE in states and any(state in TROUBLE - TOLD_ONCE for state in states)


# --- telling ----------------------------------------------------------------------------------------------

RINGS = 3
#: From the raising on: when the next ring of people is told of what nobody has read.
ESCALATIONS = (timedelta(minutes=5), timedelta(minutes=15))
#: Further alarms of one release that arise within this time share its first message.
GATHER = timedelta(seconds=3)
#: A release makes at most one message to a ring in this time.
SPACING = timedelta(seconds=60)
#: By the last ring that was told: the next one is never further away than this.
PAUSES = (SPACING, *ESCALATIONS)
#: Waits before a notice that failed is tried again. From then on the doctor names it, and it is tried every hour until
#: somebody has read the alarm or it is closed: what cut off the push may have cut off the message, for longer than that.
BACKOFF = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=30))
STUBBORNLY = timedelta(hours=1)
#: How long one worker may be at a notice; above every time-out of the notifiers.
NOTICE_LEASE = timedelta(seconds=60)


def first_notice(raised_at: datetime, told_at: datetime | None) -> datetime:
    """When the first ring is told of an alarm. `told_at`: when its release was last told of."""
    require_all_aware(raised_at, told_at)
    gathered = raised_at + GATHER
    return gathered if told_at is None else max(gathered, told_at + SPACING)


def next_notice(raised_at: datetime, ring: int, now: datetime) -> datetime | None:
    """When the ring after `ring` is told, if nobody reads it; None after the last.

    An alarm that a clock that was ahead has raised counts from now: its hour has not come yet.
    """
    require_all_aware(raised_at, now)
    if ring >= RINGS:
        return None
    return max(min(raised_at, now) + ESCALATIONS[ring - 1], now + GATHER)


def retry_at(tries: int, now: datetime) -> datetime:
    """When a notice that failed `tries` times is tried again."""
    require_all_aware(now)
    return now + (STUBBORNLY if is_overdue(tries) else BACKOFF[tries - 1])


def is_overdue(tries: int) -> bool:
    """Whether a notice has failed so often that whoever reads the alarm meanwhile, by another way, needs it no more."""
    return tries > len(BACKOFF)


@dataclass(frozen=True, slots=True)
class Told:
    """One alarm as a notice may tell it: no text of a post that is not public yet."""

    kind: Kind
    out: Out
    where: str  # account, or part of the installation
    release: int | None
    instant: str  # Beijing time, "" when it is about no release
    title: str  # "" unless already public
    more: str  # e.g. the names of failed checks
