"""The time that 编制发布单 proposes: 09:30 of a working day, by Beijing's clock and the calendar of 调休."""

from __future__ import annotations

from datetime import datetime

import pytest

from bot.domain.instants import BEIJING, to_beijing
from bot.services.composing import picks


@pytest.mark.parametrize(
    ("now", "label", "instant"),
    [
        ("2026-11-26 08:00", "今天 09:30", "2026-11-26 09:30"),
        ("2026-11-26 09:25", "明天 09:30", "2026-11-27 09:30"),
        ("2026-11-27 10:00", "11月30日 09:30", "2026-11-30 09:30"),
        ("2026-11-28 07:00", "11月30日 09:30", "2026-11-30 09:30"),
        ("2026-09-30 18:00", "10月8日 09:30", "2026-10-08 09:30"),
        ("2026-10-09 18:00", "明天 09:30", "2026-10-10 09:30"),
    ],
    ids=["before", "too near", "a Friday", "a Saturday", "the National Day", "a Saturday that is worked"],
)
def test_it_is_the_next_0930_of_a_working_day(now: str, label: str, instant: str) -> None:
    (first,) = picks([], now=datetime.fromisoformat(now).replace(tzinfo=BEIJING))
    assert first.label == label
    assert f"{to_beijing(first.instant):%Y-%m-%d %H:%M}" == instant
