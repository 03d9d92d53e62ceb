"""Two people send it again: is that the same act once more, or a new one? Pure.

The key of an act is what a platform knows it by (WeChat's clientmsgid, remembered for 24 hours). While anything is
unknown it must stay the same: then the platform itself refuses a double. After a failure that the platform itself has
stated, the same key would meet that dead record for a day (45065), and the sending again would be no sending.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """One attempt: when its intent was committed, and its outcome ("" while nobody knows)."""

    at: datetime
    outcome: str


@dataclass(frozen=True, slots=True)
class Said:
    """What one look or event said. `failed`: that it did not become public, nor ever was."""

    at: datetime
    failed: bool


def is_new_act(attempts: Sequence[Ended], said: Sequence[Said]) -> bool:
    """True where every call is proved to have had no effect: refused, or accepted and then stated as failed.

    Both in order of time. One end that is unknown, or accepted without a verdict, and it is the same act for good.
    """
    effects = [attempt for attempt in attempts if attempt.outcome != "not_sent"]
    return bool(effects) and all(_proved(attempts, attempt, said) for attempt in effects)


def _proved(attempts: Sequence[Ended], attempt: Ended, said: Sequence[Said]) -> bool:
    if attempt.outcome != "accepted":
        return attempt.outcome == "refused"
    until = min((other.at for other in attempts if other.at > attempt.at), default=None)
    about = [one for one in said if one.at >= attempt.at and (until is None or one.at < until)]
    return bool(about) and about[-1].failed
