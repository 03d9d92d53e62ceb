"""Records that are committed for real, for tests with several threads, connections or processes; on SQLite.

In place of pytest-django's own fixture, which erases row after row: our triggers forbid that, and to take them away and
put them back takes longer than many a test. The file is filled again as the first test found it, triggers included.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def empty_records(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The records as the first test finds them, in a file. No power fails here: what is committed need not reach the disk."""
    from django.db import connection
    from django.db.backends.signals import connection_created

    def in_a_hurry(connection: Any, **_: Any) -> None:
        if connection.vendor == "sqlite":
            connection.connection.execute("PRAGMA synchronous=OFF")

    kept = tmp_path_factory.mktemp("records") / "empty.sqlite3"
    connection_created.connect(in_a_hurry)
    with django_db_blocker.unblock():
        connection.close()
        connection.ensure_connection()
        with closing(sqlite3.connect(kept)) as target:
            connection.connection.backup(target)
    yield kept
    connection_created.disconnect(in_a_hurry)


@pytest.fixture
def transactional_db(empty_records: Path, django_db_blocker: Any) -> Iterator[None]:
    """Every connection sees what another has committed; afterwards all is again as before the first test."""
    from django.db import connections

    with django_db_blocker.unblock():
        yield
        refill(empty_records)
        connections.close_all()


def refill(records: Path) -> None:
    """Put these in place of all that the database holds."""
    from django.db import connection

    connection.ensure_connection()
    with closing(sqlite3.connect(records)) as source:
        source.backup(connection.connection)
