"""Taking down what is public: who decides, the one call, and what a read-back or a person says afterwards.

A deletion is a public act too: two people decide, the intent is committed before the call, and an answer that nobody
can read is looked up, never blindly repeated. Pure: the services bring what is known, and write the `Turn` by
compare-and-set.

============== ===========================================================================
`asked`        one person asked; nothing has been done
`waiting`      a second person confirmed: the platform is about to be called
`calling`      the intent is committed; nobody knows the answer yet
`checking`     the platform is asked, spaced, whether it is still to be seen
`by_hand`      a person must delete it, or look whether it is gone, and say so
`still_public` every read-back says that it is still there: a person decides
`refused`      the platform said no, in a way that proves no effect: a person decides
`done`         gone, by read-back or by a named person's word
`dropped`      it stays: the asking was taken back, or a person decided so with a reason
============== ===========================================================================
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.channel import ByHand, ChannelFault, Failed, Receipt, Remedy, Withdrawn
from bot.domain.delivery import Event
from bot.domain.workflow import Refusal, Role

from ..instants import require_all_aware
from .facts import Facts, Step, step
from .looking import Verdict


class Stage(StrEnum):
    """Where one taking down stands."""

    ASKED = "asked"
    WAITING = "waiting"
    CALLING = "calling"
    CHECKING = "checking"
    BY_HAND = "by_hand"
    STILL_PUBLIC = "still_public"
    REFUSED = "refused"
    DONE = "done"
    DROPPED = "dropped"

    @property
    def label(self) -> str:
        """The word staff see."""
        return LABELS[self]


LABELS = {
    Stage.ASKED: "待第二人确认",
    Stage.WAITING: "即将撤下",
    Stage.CALLING: "正在撤下",
    Stage.CHECKING: "核对是否已撤下",
    Stage.BY_HAND: "要人工删除",
    Stage.STILL_PUBLIC: "仍然公开",
    Stage.REFUSED: "平台拒绝撤下",
    Stage.DONE: "已撤下",
    Stage.DROPPED: "不撤",
}
#: Nothing more happens to it.
ENDED = frozenset({Stage.DONE, Stage.DROPPED})
#: A person must act: nothing of it moves by machine.
FOR_A_PERSON = frozenset({Stage.BY_HAND, Stage.STILL_PUBLIC, Stage.REFUSED})
#: The only arrows; the database holds them too. A call begins from `waiting` alone, and there a person has decided.
ARROWS: dict[Stage, frozenset[Stage]] = {
    Stage.ASKED: frozenset({Stage.WAITING, Stage.BY_HAND, Stage.DROPPED}),
    Stage.WAITING: frozenset({Stage.CALLING, Stage.DONE, Stage.REFUSED}),
    Stage.CALLING: frozenset({Stage.CHECKING, Stage.BY_HAND, Stage.REFUSED}),
    Stage.CHECKING: frozenset({Stage.DONE, Stage.BY_HAND, Stage.STILL_PUBLIC}),
    Stage.BY_HAND: frozenset({Stage.CHECKING, Stage.DONE, Stage.DROPPED}),
    Stage.STILL_PUBLIC: frozenset({Stage.WAITING, Stage.CHECKING, Stage.DONE, Stage.DROPPED}),
    Stage.REFUSED: frozenset({Stage.WAITING, Stage.CHECKING, Stage.DONE, Stage.DROPPED}),
    Stage.DONE: frozenset(),
    Stage.DROPPED: frozenset(),
}
#: After the answer: when the platform is asked whether it is gone. Deleting is quick there, and no look costs anything.
LOOKS = tuple(timedelta(seconds=seconds) for seconds in (5, 20, 60, 300))
ASKERS = (Role.EDITOR, Role.RELEASER, Role.DUTY)
HANDS = (Role.RELEASER, Role.DUTY)  # who may say that it was deleted by hand, or have the platform asked


@dataclass(frozen=True, slots=True)
class Known:
    """One taking down at one moment. `position`: of one article, 0-based; None: the whole push of `places` articles.

    `told`: a look of this vendor can tell the one article from its neighbours, or there are none.
    """

    stage: Stage
    position: int | None = None
    places: int = 1
    looks: int = 0
    told: bool = True


@dataclass(frozen=True, slots=True)
class Turn:
    """Where it goes. `reason` is for staff; `next_at`: when the machine must come back to it, None: a person's, or over."""

    stage: Stage
    reason: str
    next_at: datetime | None = None
    looks: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """What the one call told: the outcome that its record keeps, and what follows."""

    outcome: str  # withdrawn, by_hand, refused, unknown
    code: str
    message: str
    turn: Turn


def may_confirm(*, person: int, asker: int, roles: Collection[str]) -> Refusal | None:
    """None if this person may be the second one. The first asked; the second is somebody else who may sign releases."""
    if Role.RELEASER.value not in roles:
        return Refusal("role", "确认撤回须由签发人办理，未做改动。")
    if person == asker:
        return Refusal("second", "撤回须由两人办理：提出的人不能自己确认，未做改动。请另一位签发人确认。")
    return None


def before_the_call(known: Known, verdict: Verdict) -> Turn | None:
    """None: make the call. A turn where the platform says already that it is gone: then nothing is called."""
    if proves_gone(known, verdict):
        return Turn(Stage.DONE, "办理前核对时，平台上已经没有这一篇，没有再调用删除。")
    return None


def answered(answer: Withdrawn | ByHand | ChannelFault, *, now: datetime) -> Answered:
    """What the platform's answer does. Done is only what a read-back shows; a silence is looked up."""
    require_all_aware(now)
    if isinstance(answer, ByHand):
        return Answered("by_hand", "", answer.message, Turn(Stage.BY_HAND, answer.message))
    if isinstance(answer, Withdrawn):
        words = f"{answer.message}正在向平台读回核对。"
        return Answered("withdrawn", "", answer.message, Turn(Stage.CHECKING, words, now + LOOKS[0]))
    if answer.remedy is Remedy.UNKNOWN:
        return Answered("unknown", answer.code, answer.message, lost(answer.message, now=now))
    return Answered("refused", answer.code, answer.message, Turn(Stage.REFUSED, answer.message))


def lost(why: str, *, now: datetime) -> Turn:
    """Nobody knows whether the call took effect: the platform is asked, the call is not repeated."""
    require_all_aware(now)
    words = f"{why}是否已撤下不明，正在向平台核对，不会盲目再删一次。"
    return Turn(Stage.CHECKING, words, now + LOOKS[0])


def after_look(known: Known, verdict: Verdict, *, now: datetime) -> Turn:
    """What one read-back does while it is being checked."""
    require_all_aware(now)
    if proves_gone(known, verdict):
        return Turn(Stage.DONE, "已撤下，并已向平台读回核实。")
    looks = known.looks + 1
    if looks < len(LOOKS):
        words = "平台上还看得到，稍后再核对。" if _still_there(known, verdict) else "这一次没有查清，稍后再核对。"
        return Turn(Stage.CHECKING, words, now + LOOKS[looks] - LOOKS[looks - 1], looks)
    if _still_there(known, verdict):
        words = "隔时核对几次，平台上都还看得到。请打开链接确认，再决定再撤一次、人工删除，或不撤。"
        return Turn(Stage.STILL_PUBLIC, words)
    words = "平台的接口说不清这一篇是否已撤下。请打开链接看一眼：已删除的登记结果，还在的到平台后台删除后登记。"
    return Turn(Stage.BY_HAND, words)


def looked_by_wish(*, now: datetime) -> Turn:
    """A person wants the platform asked once more: one look, and it comes back to a person if that shows nothing."""
    require_all_aware(now)
    return Turn(Stage.CHECKING, "应要求再向平台核对一次。", now, len(LOOKS) - 1)


def proves_gone(known: Known, verdict: Verdict) -> bool:
    """Whether this look shows that what was to be taken down is gone. That a look did not find it proves nothing."""
    if not isinstance(verdict, Failed) or not verdict.gone:
        return False
    return verdict.position is None or known.places == 1 or verdict.position == known.position


def _still_there(known: Known, verdict: Verdict) -> bool:
    return isinstance(verdict, Receipt) and known.told


def withdrawn(facts: Facts, who: str) -> Step:
    """The last article of a push is down. `facts` are those of a live push; nothing more is measured of it."""
    return step(Event.WITHDRAW, f"{who}，全部文章已撤下。", next_at=None, next_sample_at=None)
