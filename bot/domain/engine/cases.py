"""What a person may do about a push that the machine has given up on, or has not finished with. Pure.

Late can be explained, twice cannot be taken back: what is not safe is not offered, and the page says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bot.domain.channel import Doubled, Failed, Pending, Receipt
from bot.domain.delivery import FOR_A_PERSON, STOPPABLE, State

from .looking import Verdict

#: A look that a person asks for costs a call of the account's quota: not one after the other.
BETWEEN_LOOKS = timedelta(seconds=10)
#: What the first person has seen is told to the second within this time; later it must be looked at anew.
WORD_HOLDS = timedelta(hours=2)
OPEN_CASES = (State.NEEDS_PERSON, State.UNKNOWN, State.MISSED, State.BLOCKED, State.HELD)


class Choice(StrEnum):
    """One of the few things that may be done."""

    LOOK = "look"
    LIVE = "live"
    AGAIN = "again"
    CANCEL = "cancel"

    @property
    def label(self) -> str:
        """The word staff see."""
        return CHOICES[self]


CHOICES = {
    Choice.LOOK: "再核对",
    Choice.LIVE: "确认已发并填链接",
    Choice.AGAIN: "确认未发并重发",
    Choice.CANCEL: "作废",
}


@dataclass(frozen=True, slots=True)
class Case:
    """What decides about the choices. `left`: a byte of it may have left; `seen`: the last look that told something says
    that it is public or about to be; `until`: up to when the machine goes on by itself, in words; `barred`: why the
    release lets nothing be sent again now, "" where it does."""

    state: State
    left: bool
    seen: bool = False
    until: str = ""
    barred: str = ""


def choices(case: Case) -> Mapping[Choice, str]:
    """For each choice "" where it may be offered, else why not."""
    return {
        Choice.LOOK: _look(case),
        Choice.LIVE: _live(case),
        Choice.AGAIN: _again(case),
        Choice.CANCEL: _cancel(case),
    }


def _look(case: Case) -> str:
    return "" if case.left else "没有一次请求离开过本机，平台上没有可以核对的。"


def _live(case: Case) -> str:
    if case.state in FOR_A_PERSON:
        return ""
    if case.state is State.UNKNOWN:
        return _by_itself(case)
    return f"这条推送“{case.state.label}”，由系统掌握，没有发出，不能登记为已发。"


def _again(case: Case) -> str:
    if case.state is State.UNKNOWN:
        return _by_itself(case)
    if case.state not in FOR_A_PERSON:
        return f"这条推送“{case.state.label}”，没有发出；原因消除后在发布单页恢复，不用重发。"
    if case.seen:
        return "最近一次核对在平台上查得到这一条，重发会公开两次。请打开链接核实后登记为已发。"
    return case.barred


def _cancel(case: Case) -> str:
    if case.state is State.UNKNOWN:
        return _by_itself(case)
    return "" if case.state in FOR_A_PERSON | STOPPABLE | {State.HELD} else "这条推送已了结。"


def _by_itself(case: Case) -> str:
    return f"系统还在核对，最迟 {case.until} 转人工；在那以前请不要重发，也不要在平台后台手工补发。"


def moves(state: State, verdict: Verdict) -> bool:
    """Whether a look that a person asked for may move the push, as the machine's own look would.

    Only what tells something, and only while the machine is still looking: looks that found nothing count towards an
    absence when they are spaced, so one out of turn must not count; and what stands before a person, a person moves.
    """
    if state is State.UNKNOWN:
        return tells(verdict)
    return state is State.CONFIRMING and isinstance(verdict, Receipt | Failed | Doubled)


def tells(verdict: Verdict) -> bool:
    """Whether the platform said something about this very act; that it was not found, or not read, says nothing."""
    return isinstance(verdict, Receipt | Pending | Failed | Doubled)


def shows_public(verdict: Verdict) -> bool:
    """Whether a look says that it is public, or about to be: then nothing is sent again."""
    return isinstance(verdict, Receipt | Pending | Doubled)
