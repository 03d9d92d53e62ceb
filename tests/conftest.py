"""Fixtures for every suite. Nothing here needs Django, so that the pure parts run without it."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from tests.support.broker import Broker, embedded_valkey
from tests.support.postgres import embedded_postgres
from tests.support.skips import strict


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return strict((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return strict((yield))


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
