"""`pytest tests/e2e` plays every journey and the most telling killings; `pytest tests/e2e --long` all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .platform import Platform, Playing


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="end-to-end: kill every process at every moment (20 minutes)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take the long cases out of the run, rather than skip them: in CI a skipped test is a failed one."""
    if config.getoption("--long", default=False):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: only with --long")


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """Both platforms, without a single account."""
    with Playing(tmp_path / "platform") as playing:
        yield playing
