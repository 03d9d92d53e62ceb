from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.platform import Platform, Playing


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Both platforms, for all plays of one file."""
    with Playing(tmp_path_factory.mktemp("platform") / "state") as playing:
        yield playing
