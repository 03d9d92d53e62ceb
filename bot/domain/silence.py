"""How long an account may stay silent, and where it stands.

A 政务新媒体 account fails the half-yearly inspection outright when nothing was published in the 2 weeks before the check
(国办秘函〔2019〕19号, 检查指标, 单项否决; in the words of commentary and of local notices, the notice's own text was not at
hand). Local practice is stricter: 河东区's notice on the first quarter of 2021 named accounts that were silent for more than
10 days. Hence the steps: a reminder from 5 days on, an earnest one from 9, red from 13, on the day before the limit is full.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from .instants import beijing_date, require_aware

LIMIT_DAYS = 14
REMIND_DAYS, PRESS_DAYS, RED_DAYS = 5, 9, 13
LOOK_BACK = timedelta(days=31)
"""An update older than this is told as "longer ago": its day makes no difference any more."""


class Silence(StrEnum):
    """Where an account stands."""

    FRESH = "fresh"
    REMIND = "remind"
    PRESS = "press"
    RED = "red"
    OVER = "over"

    @property
    def label(self) -> str:
        """The word staff see."""
        return LABELS[self]


LABELS = {
    Silence.FRESH: "正常", Silence.REMIND: "该更新了", Silence.PRESS: "请尽快更新", Silence.RED: "即将超期", Silence.OVER: "已超期",
}  # fmt: skip


def days_since(last: datetime, now: datetime) -> int:
    """Whole days of the calendar in Beijing: today's update is 0. One that is ahead of a clock is today's."""
    return max(0, (beijing_date(require_aware(now)) - beijing_date(require_aware(last))).days)


def standing(days: int) -> Silence:
    """By the days since the last update."""
    if days >= LIMIT_DAYS:
        return Silence.OVER
    if days >= RED_DAYS:
        return Silence.RED
    if days >= PRESS_DAYS:
        return Silence.PRESS
    return Silence.REMIND if days >= REMIND_DAYS else Silence.FRESH
