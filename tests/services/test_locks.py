"""The lock session on PostgreSQL: a server that hears no more from its host must not keep the lock for hours."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db.utils import ConnectionHandler

from bot.services import locks
from config.database import database_settings
from tests.support.postgres import embedded_postgres

WANTED = {"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3"}


@pytest.fixture(scope="module")
def over_tcp() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with embedded_postgres(port=port) as url:
        yield url


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The installation's database is at `url`."""
    handler = ConnectionHandler({"default": database_settings(url, test_folder=Path("unused"))})
    monkeypatch.setattr(locks, "connection", handler["default"])


def shown(session: psycopg.Connection[Any], *names: str) -> dict[str, str]:
    found = {name: session.execute(f"SHOW {name}").fetchone() for name in names}
    return {name: str(row[0]) for name, row in found.items() if row}


def test_the_server_asks_after_the_host_that_holds_a_lock(over_tcp: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, over_tcp)
    with locks._session() as session:
        assert shown(session, *WANTED) == WANTED
        assert shown(session, "synchronous_commit") == {"synchronous_commit": "on"}
        mine = socket.socket(fileno=session.fileno())
        try:
            assert mine.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            asked = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            assert [mine.getsockopt(socket.IPPROTO_TCP, option) for option in asked] == [5, 2, 3]
        finally:
            mine.detach()


def test_locks_are_had_once_over_such_a_session(over_tcp: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, over_tcp)
    one, other = locks.ProcessLock("batch", 7), locks.ProcessLock("batch", 7)
    assert one.acquire()
    assert one.held()
    assert not other.acquire()
    assert locks.is_held("batch", 7)
    one.release()
    assert other.acquire()
    other.release()


def test_what_the_address_says_about_it_stands(over_tcp: str, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = "options=-c%20tcp_keepalives_idle%3D60&keepalives_idle=61&connect_timeout=9"
    use(monkeypatch, f"{over_tcp}?{theirs}")
    parameters = locks._parameters()
    assert (parameters["keepalives_idle"], parameters["connect_timeout"]) == ("61", "9")
    with locks._session() as session:
        assert shown(session, *WANTED) == WANTED | {"tcp_keepalives_idle": "60"}


def test_certificates_of_the_address_are_used_for_the_lock_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "postgresql://tongfa:secret@db.internal/tongfa?sslmode=verify-full&sslrootcert=/etc/ca.pem")
    parameters = locks._parameters()
    assert (parameters["sslmode"], parameters["sslrootcert"]) == ("verify-full", "/etc/ca.pem")
    assert parameters["connect_timeout"] == 5


def test_a_unix_socket_does_not_mind(monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded_postgres() as url:
        use(monkeypatch, url)
        lock = locks.ProcessLock("batch", 7)
        assert lock.acquire()
        lock.release()
