"""The same journey where one machine is too small: PostgreSQL, a broker over TCP, two senders, every process by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from .broker import TcpBroker
from .district import make_ready, plan_and_sign
from .home import Home
from .platform import Pair, Platform, Playing, epoch
from .processes import Process, patient, wait_for
from .verdict import assert_promises

pytestmark = pytest.mark.e2e
DATABASE = "tongfa_e2e"
LEAD = 75.0
APART = 4  # seconds between the two releases: two batches, the second handed out while the first is on its way
ITEMS = ("E2E-001", "E2E-002")


@dataclass(frozen=True)
class Played:
    """Two releases on two pairs of accounts, `APART` seconds apart, so that both senders are needed at once."""

    home: Home
    platform: Platform
    pairs: dict[str, Pair]
    releases: tuple[int, int]


@pytest.fixture(scope="module")
def played(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("postgres")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        connection.execute(f"CREATE DATABASE {DATABASE}")
    url = postgres.replace("/postgres?", f"/{DATABASE}?")
    with Playing(folder / "platform") as platform, TcpBroker(folder) as broker:
        home = Home(folder / "home", {"DATABASE_URL": url, "BROKER_URL": broker.url})
        pairs = {"-east": platform.make_pair(601), "-west": platform.make_pair(602)}
        make_ready(home, platform, pairs, items=len(ITEMS))
        with ExitStack() as stack:
            clock = start_all(home, stack)
            at = int(time.time() + patient(LEAD))
            releases = (
                plan_and_sign(home, at=at, items=ITEMS, accounts=["gzh-east", "wb-east"]),
                plan_and_sign(home, at=at + APART, items=ITEMS, accounts=["gzh-west", "wb-west"]),
            )
            for release in releases:
                home.wait_states(release, {"live"}, LEAD + 150, clock)
        yield Played(home, platform, pairs, releases)


def start_all(home: Home, stack: ExitStack) -> Process:
    """Two senders of one slot each, a worker for the rest, and the clock."""
    senders = [("sender-1", "publish", 1), ("sender-2", "publish", 1), ("worker", "work", 2)]
    workers = [
        stack.enter_context(home.start(name, "run", "worker", "--queue", queue, "--concurrency", str(slots)))
        for name, queue, slots in senders
    ]
    clock = stack.enter_context(home.start("clock", "run", "clock"))
    for worker in workers:
        wait_for(lambda w=worker: "ready." in w.output(), 180, "the worker is ready", alive=[worker])  # type: ignore[misc]
    return clock


def test_both_releases_are_live_sent_once_and_not_early(played):
    assert_promises(played.home, played.platform, *played.releases)
    for pair in played.pairs.values():
        calls = [row["call"] for row in played.platform.public_calls(*pair.ids)]
        assert sorted(calls) == ["message/mass/sendall", "statuses/share", "statuses/share"]


def test_the_records_lie_in_postgresql_and_nowhere_else(played):
    assert played.home.rows("SELECT COUNT(*) AS n FROM bot_publication WHERE state = 'live'")[0]["n"] == 6
    assert list(Path(played.home.path).glob("*.sqlite3")) == []


def test_first_bytes_arrived_at_the_planned_instant(played):
    for release in played.releases:
        for publication in played.home.publications(release)[:2]:
            pair = played.pairs[publication["slug"].removeprefix("gzh").removeprefix("wb")]
            account = pair.appid if publication["channel"] == "wechat" else pair.uid
            first = played.platform.public_calls(account)[0]
            assert 0 <= first["at"] - epoch(publication["instant"]) < 1.5


def test_two_senders_shared_the_batches_and_each_batch_had_one(played):
    """Each sender has one slot and is busy for fifteen seconds, so that two overlapping batches need both."""
    firsts = played.home.rows(
        "SELECT b.id, b.owner, b.state FROM bot_batch b JOIN bot_publication p ON p.batch_id = b.id"
        " WHERE p.lane = 0 GROUP BY b.id, b.owner, b.state"
    )
    assert {row["state"] for row in firsts} <= {"done"}
    attempts = played.home.rows("SELECT owner, outcome, publication_id FROM bot_attempt")
    assert [row["outcome"] for row in attempts] == ["accepted"] * 6
    assert len({row["publication_id"] for row in attempts}) == 6
    assert len({row["owner"] for row in attempts}) >= 2


def test_the_audit_chain_holds(played):
    [audit] = played.home.many(["audit", "verify"])
    assert audit["ok"] is True
    assert audit["verified"] == played.home.rows("SELECT COUNT(*) AS n FROM bot_auditevent")[0]["n"]
