"""What `tongfa release preflight` and `release show` say of a pre-flight."""

from __future__ import annotations

import pytest

from bot.cli.releases import preflight_lines
from bot.models import Preflight, PreflightCheck
from tests.console.world import District, now


@pytest.mark.parametrize(("warning", "words"), [(True, "通过，2/2 项，1 项提醒"), (False, "通过，2/2 项")])
def test_what_passed_with_a_warning_is_told_as_such(district: District, warning: bool, words: str) -> None:
    row = Preflight.objects.filter(release=district.signed()).first()
    assert row is not None
    Preflight.objects.filter(pk=row.pk).update(state="done", next_at=None, done_at=now(), ok=True)
    row.refresh_from_db()
    for position in range(2):
        PreflightCheck.objects.create(
            preflight=row, position=position, code="disk", name="磁盘", ok=True, warning=warning and not position,
            message="剩余空间不多。",
        )  # fmt: skip
    first, *others = preflight_lines(row)
    assert first.endswith(words)
    assert [line.strip()[0] for line in others] == ["！"] * warning
