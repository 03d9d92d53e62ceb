"""Fixtures of the service tests. `office` is what most of them start from; see factories.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from .factories import Office, draw_tiny_covers, drop_rules, fresh_home


@pytest.fixture(autouse=True)
def tongfa_home(tmp_path: Path) -> Iterator[Path]:
    """A rehearsal home of its own for each test."""
    with fresh_home(tmp_path / "home") as path:
        yield path


@pytest.fixture(autouse=True)
def cheap_covers(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A drawn cover takes a third of a second; ask for `real_covers` where the drawing matters."""
    if "real_covers" not in request.fixturenames:
        draw_tiny_covers(monkeypatch)


@pytest.fixture
def real_covers() -> None:
    """Draw covers for real in this test."""


@pytest.fixture
def office(db: None) -> Office:
    return Office.make()


@pytest.fixture
def committed_db(transactional_db: None) -> Iterator[None]:
    """A database that commits for real, for tests with several threads or connections.

    Emptying it, which comes after this, would meet the rules against deletion: they step aside. It ends with
    post_migrate, which installs them again.
    """
    yield
    drop_rules()
    connection.close()


@pytest.fixture
def committed_office(committed_db: None) -> Office:
    return Office.make()
