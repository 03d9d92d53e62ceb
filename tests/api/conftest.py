from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection

import bot.rendering.render  # noqa: F401 - its cover is replaced below
from bot.domain.rights import Right
from tests.console.world import District, fresh_home
from tests.services.factories import draw_tiny_covers, drop_rules

from .machine import Machine

Make = Callable[..., Machine]


@pytest.fixture(autouse=True)
def tongfa_home(tmp_path: Path) -> Iterator[Path]:
    """A rehearsal home of its own for each test."""
    cache.clear()  # wrong tokens are counted there
    with fresh_home(tmp_path / "home") as path:
        yield path


@pytest.fixture(autouse=True)
def quick(settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quick passwords and covers: neither is what this is about."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # type: ignore[attr-defined]
    draw_tiny_covers(monkeypatch)


@pytest.fixture
def district(db: None) -> District:
    return District.make()


@pytest.fixture
def machine(district: District) -> Machine:
    """The portal's system, with every right, as the editor."""
    return Machine.of(district, *Right)


@pytest.fixture
def committed_district(transactional_db: None) -> Iterator[District]:
    """In a database that commits for real."""
    yield District.make()
    if connection.vendor == "postgresql":  # emptying it would meet the rules against deletion
        drop_rules()
