"""Fixtures for every suite. Nothing here needs Django, so that the pure parts run without it.

`pytest tests/e2e tests/outages` plays every journey and the most telling killings and outages; with `--long` all of them.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import settings

from tests.support import schema
from tests.support.broker import Broker, embedded_valkey
from tests.support.postgres import embedded_postgres
from tests.support.skips import strict

if not os.environ.get("DATABASE_URL"):  # SQLite: the server has its own way
    from tests.support.committed import empty_records, transactional_db

    __all__ = ["empty_records", "transactional_db"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return strict((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return strict((yield))


@pytest.fixture(scope="session")
def _schema_at_hand() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        stack.enter_context(schema.copied())
        yield stack


@pytest.fixture(scope="session")
def django_db_setup(_schema_at_hand: ExitStack, django_db_setup: None, django_db_blocker: Any) -> None:
    """pytest-django's own, its database copied from one that the migrations have made before."""
    _schema_at_hand.close()
    with django_db_blocker.unblock():
        schema.keep()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """An embedded broker, shared by the whole run: use keys of your own."""
    with embedded_valkey(tmp_path_factory.mktemp("valkey")) as broker:
        yield broker


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """DATABASE_URL of a PostgreSQL, shared by the whole run: make a database of your own in it."""
    with embedded_postgres() as url:
        yield url


def pytest_addoption(parser: pytest.Parser) -> None:
    what = "whole processes: every killing and every outage, not only the most telling ones (an hour)"
    parser.addoption("--long", action="store_true", help=what)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take the long cases out of the run, rather than skip them: in CI a skipped test is a failed one."""
    if config.getoption("--long", default=False):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
"""A busy machine is no fault of the example."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: only with --long")
