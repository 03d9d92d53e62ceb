"""Titles in 《》, and within them in 〈〉."""

from __future__ import annotations

import pytest

from bot.domain.typography import quoted


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("关于调整城区公交线路的通知", "《关于调整城区公交线路的通知》"),
        ("《河东区2017年政务公开工作要点》解读", "《〈河东区2017年政务公开工作要点〉解读》"),
        ("关于印发《甲》《乙》的通知", "《关于印发〈甲〉〈乙〉的通知》"),
    ],
)
def test_a_title_within_a_title_has_the_single_marks(title: str, told: str) -> None:
    assert quoted(title) == told
