"""In CI a skipped test is a failed one: what was not run proves nothing, and nobody reads the count of skips."""

from __future__ import annotations

import os
from typing import TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def in_ci() -> bool:
    """Whether CI runs us (`CI` set to anything but an empty text, 0 or false)."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def strict(report: Report) -> Report:
    """The report itself, or in CI a failed one where it was skipped (an expected failure is no skip)."""
    if in_ci() and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {reason}"
    return report
