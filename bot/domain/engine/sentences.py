"""What a reason may claim. "Nothing went out" is said of one try alone where an earlier one is in doubt. Pure."""

from __future__ import annotations

import re

from bot.domain.delivery import Event, State

from .facts import REASON_LENGTH

_NOTHING = re.compile("未发出|没有发出")
_DOUBTS = re.compile("不明|断定")
#: What is added then: the words that staff look for everywhere else, 是否已发出不明, stand in it.
THIS_TIME = "（这里说的是这一次；先前一次是否已发出不明，请先到平台后台核实。）"
#: Where a push stands with such a sentence. What is told in passing is told anew by the next move.
_AT_REST = frozenset({State.HELD, State.BLOCKED, State.MISSED})


def denies(reason: str, new: State, event: Event | None = None) -> bool:
    """Whether the sentence, standing with a push that is now `new`, claims that nothing of it went out.

    What the platform says of an act that it had accepted (`FAIL`) is no such sentence.
    """
    stands = new in _AT_REST or event is Event.REFUSED
    return stands and bool(_NOTHING.search(reason)) and not _DOUBTS.search(reason)


def of_this_try(reason: str) -> str:
    """The sentence, said of this try alone, cut to what the record holds."""
    return f"{reason[: REASON_LENGTH - len(THIS_TIME)]}{THIS_TIME}"
