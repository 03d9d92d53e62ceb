"""Two clocks and four workers on one home, senders that are frozen and wake up again: still once."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import psycopg
import pytest

from tests.e2e.broker import TcpBroker
from tests.e2e.district import make_ready
from tests.e2e.home import Home
from tests.e2e.platform import Platform, epoch
from tests.e2e.processes import sleep_until
from tests.e2e.verdict import ENDED, assert_promises

from .yard import ITEMS, Outcome, instant_of, release_on, resume, side_by_side, stop, workers

pytestmark = pytest.mark.e2e
DATABASE = "tongfa_crowd"
LEAD = 50.0
STOPPED_UNTIL = float(os.environ.get("CROWD_STOPPED", "8"))
"""Seconds after T: longer than `send_by` allows (T + 5 s), as ten minutes would be; `CROWD_STOPPED=600` stops them so long."""
AWAY = (-17.0, 3.0)  # from T: every connection to PostgreSQL is cut, again and again


@pytest.fixture(scope="module")
def crowds(platform: Platform, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """On SQLite with frozen senders, on PostgreSQL with cut connections."""
    folder = tmp_path_factory.mktemp("crowd")
    return side_by_side(
        {
            "frozen": partial(frozen, folder / "frozen", platform),
            "cut": partial(cut_off, folder / "cut", platform, postgres),
        }
    )


def frozen(folder: Path, platform: Platform) -> Outcome:
    """A release that all of them take part in; in the next, the senders freeze between the intent and T."""
    folder.mkdir()
    pairs = {"-plain": platform.make_pair(750), "-frozen": platform.make_pair(751)}
    with TcpBroker(folder) as broker, ExitStack() as stack:
        home = Home(folder / "home", {"BROKER_URL": broker.url})
        make_ready(home, platform, pairs, items=len(ITEMS))
        crowd = workers(home, stack, publish=2, work=2)
        clock, _ = [stack.enter_context(home.start(f"clock-{number}", "run", "clock")) for number in (1, 2)]
        plain = release_on(home, "plain", lead=LEAD)
        release = release_on(home, "frozen", lead=LEAD)
        at = instant_of(home, release)
        sleep_until(at - 3)
        while not intents(home, release) and time.time() < at - 0.3:
            time.sleep(0.02)
        senders = crowd[:2]
        stop(senders)
        begun = time.time()
        sleep_until(at + STOPPED_UNTIL)
        resume(senders)
        ended = time.time()
        for number in (plain, release):
            home.wait_states(number, ENDED, 240, clock)
        assert_promises(home, platform, plain, release)
        assert {row["state"] for row in home.publications(plain)} == {"live"}
        return Outcome(home, pairs["-frozen"], release, begun, ended)


def intents(home: Home, release: int) -> list[dict[str, object]]:
    """The attempts of a release, in order."""
    return home.rows(
        "SELECT a.* FROM bot_attempt a JOIN bot_publication p ON p.id = a.publication_id"
        " WHERE p.release_id = ? ORDER BY a.id",
        release,
    )


def cut_off(folder: Path, platform: Platform, postgres: str) -> Outcome:
    """From the hand-out until after T nobody keeps a connection to the database for longer than a second."""
    folder.mkdir()
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        connection.execute(f"CREATE DATABASE {DATABASE}")
    pair = platform.make_pair(752)
    with TcpBroker(folder) as broker, ExitStack() as stack:
        url = postgres.replace("/postgres?", f"/{DATABASE}?")
        home = Home(folder / "home", {"BROKER_URL": broker.url, "DATABASE_URL": url})
        make_ready(home, platform, {"-cut": pair}, items=len(ITEMS))
        workers(home, stack, publish=2, work=2)
        clock, _ = [stack.enter_context(home.start(f"clock-{number}", "run", "clock")) for number in (1, 2)]
        release = release_on(home, "cut", lead=LEAD)
        at = instant_of(home, release)
        sleep_until(at + AWAY[0])
        begun = time.time()
        with psycopg.connect(postgres, autocommit=True) as connection:
            while time.time() < at + AWAY[1]:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [DATABASE]
                )
                time.sleep(0.7)
        ended = time.time()
        home.wait_states(release, ENDED, 300, clock)
        return Outcome(home, pair, release, begun, ended)


@pytest.mark.parametrize("name", ["frozen", "cut"])
def test_the_promises_hold(name: str, crowds: dict[str, Outcome], platform: Platform) -> None:
    outcome = crowds[name]
    assert_promises(outcome.home, platform, outcome.release)
    assert outcome.home.many(["audit", "verify"])[0]["ok"] is True


def test_a_sender_that_wakes_up_after_its_deadline_sends_nothing_of_what_it_held(
    crowds: dict[str, Outcome], platform: Platform
) -> None:
    """Its intents were committed and it slept past `send_by`: nothing of them left, and the machine sends anew, once.

    Who sleeps for minutes finds its attempts taken for unknown: WeChat is looked at and sent again, Weibo is with a person.
    """
    outcome = crowds["frozen"]
    while_frozen = [
        row for row in platform.public_calls(*outcome.pair.ids) if outcome.begun < row["at"] < outcome.ended
    ]
    assert not while_frozen
    held = [row for row in intents(outcome.home, outcome.release) if epoch(row["intent_at"]) < outcome.begun]
    assert held
    long = STOPPED_UNTIL > 60
    assert {row["sent_at"] for row in held} == {None}
    assert {row["outcome"] for row in held} <= ({"not_sent", "unknown"} if long else {"not_sent"})
    ended = {row["state"] for row in outcome.home.publications(outcome.release)}
    assert ended <= ({"live", "needs_person", "held"} if long else {"live"})


def test_without_a_database_nothing_is_sent_that_has_no_intent(crowds: dict[str, Outcome], platform: Platform) -> None:
    outcome = crowds["cut"]
    called = len(platform.public_calls(*outcome.pair.ids))
    left = [row for row in intents(outcome.home, outcome.release) if row["outcome"] != "not_sent"]
    assert called <= len(left)
    assert all(row["outcome"] for row in left)
