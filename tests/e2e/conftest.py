from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .platform import Platform, Playing


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """Both platforms, without a single account."""
    with Playing(tmp_path / "platform") as playing:
        yield playing
