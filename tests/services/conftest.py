"""Fixtures of the service tests. `office` is what most of them start from; see factories.py."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from bot.services import keybox

from .factories import Office, draw_tiny_covers, drop_rules, fresh_home

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With ONE_CASE_EACH the first case of each test stands for all, but where the database itself is what a case is about
    (`every_case`). So a check plays the services on PostgreSQL, after all cases on SQLite."""
    if os.environ.get("ONE_CASE_EACH", "") in {"", "0"}:
        return
    seen: set[str] = set()
    others: list[pytest.Item] = []
    for item in items:
        if HERE not in item.path.parents or item.get_closest_marker("every_case"):
            continue
        test = item.nodeid.partition("[")[0]
        (others if test in seen else []).append(item)
        seen.add(test)
    config.hook.pytest_deselected(items=others)
    left_out = set(others)
    items[:] = [item for item in items if item not in left_out]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "every_case: each case is another one for the database")


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


@pytest.fixture(autouse=True)
def cheap_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A passphrase is dear to try on purpose; how dear, says tests/services/test_keybox.py."""
    monkeypatch.setattr(keybox, "N", 2**4)


@pytest.fixture
def real_covers() -> None:
    """Draw covers for real in this test."""


@pytest.fixture
def office(db: None) -> Office:
    return Office.make()


@pytest.fixture
def committed_db(transactional_db: None) -> Iterator[None]:
    """A database that commits for real, for tests with several threads or connections.

    To empty a server's database, which comes after this, would meet the rules against deletion: they step aside. It ends
    with post_migrate, which installs them again. (SQLite: tests/support/committed.py.)
    """
    yield
    if connection.vendor == "postgresql":
        drop_rules()
    connection.close()


@pytest.fixture
def committed_office(committed_db: None) -> Office:
    return Office.make()
