"""SQLite on a full disk, or locked by somebody else for longer than anybody waits: at staging, intents and outcome.

"Full" is real to the processes: their file size limit is lowered from outside while they run, so that every page
beyond it is refused by the kernel.
"""

from __future__ import annotations

import resource
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest

from tests.e2e.home import Home
from tests.e2e.platform import Platform
from tests.e2e.processes import Process, sleep_until, wait_for
from tests.e2e.verdict import ENDED, assert_promises

from .test_crowd import intents
from .yard import Outcome, Yard, cases, group_of, instant_of, release_on, side_by_side, wanted

pytestmark = pytest.mark.e2e
LEAD = 60.0
ROOM = 64 * 1024  # bytes; the database is larger, so that nearly every page lies beyond


@contextmanager
def full_disk(home: Home, processes: Sequence[Process]) -> Iterator[None]:
    """No file of these processes, and of those that they start, may grow beyond `ROOM`."""
    _limit(processes, ROOM)
    try:
        yield
    finally:
        _limit(processes, resource.RLIM_INFINITY)


def _limit(processes: Sequence[Process], size: int) -> None:
    hard = resource.RLIM_INFINITY
    for process in processes:
        for pid in group_of(process):
            try:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
            except ProcessLookupError:
                continue


@contextmanager
def locked(home: Home, processes: Sequence[Process]) -> Iterator[None]:
    """Somebody else has begun to write and does not end: readers go on, writers wait in vain."""
    connection = sqlite3.connect(home.path / "tongfa.sqlite3", timeout=30, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.rollback()
        connection.close()


def readable(home: Home, release: int) -> bool:
    """A transaction that could not even be rolled back is rolled back by the next who may write; we only read."""
    try:
        return bool(home.publications(release))
    except sqlite3.OperationalError:
        return False


#: outage, begins and ends (seconds from T; None = at signing), at the open intent?
PLAYS = {
    "full-staging": (full_disk, None, -25.0),
    "full-intents": (full_disk, -3.5, 6.0),
    "full-outcome": (full_disk, -2.5, 14.0),
    "locked-intents": (locked, -3.5, 24.0),
    "locked-outcome": (locked, -2.5, 50.0),
}
ALWAYS = ("full-intents",)
AT_INTENTS = ("full-intents", "locked-intents")
AT_OUTCOME = ("full-outcome", "locked-outcome")


def play(name: str, yard: Yard, platform: Platform) -> Outcome:
    """Only the clock runs and sends: one family of processes, which the outage strikes as a whole."""
    outage, begins, ends = PLAYS[name]
    home = yard.copy(name, BROKER_URL="redis://127.0.0.1:9/0")
    with ExitStack() as stack:
        clock = stack.enter_context(home.start("clock", "run", "clock"))
        wait_for(lambda: (home.path / "run").exists(), 120, "the clock is up", alive=[clock])
        if name in AT_OUTCOME:  # the answer takes long enough for the outage to begin before it
            platform.arm("weibo", yard.pairs[name].uid, "statuses/share", "slow", seconds=6)
        release = release_on(home, name, lead=LEAD, items=["E2E-001"], weibo_only=name in AT_OUTCOME)
        at = instant_of(home, release)
        if begins is not None:
            home.wait_states(release, {"staged"}, at - time.time() - 16, clock)
            sleep_until(at + begins)
        if name in AT_OUTCOME:
            wait_for(lambda: intents(home, release), 60, "the intent is committed", alive=[clock])
        begun = time.time()
        with outage(home, [clock]):
            sleep_until(max(at, begun) + ends)
            ended = time.time()
        wait_for(lambda: readable(home, release), 60, "somebody has rolled back what was cut short", alive=[clock])
        home.wait_states(release, ENDED, 240, clock)
        return Outcome(home, yard.pairs[name], release, begun, ended)


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, platform: Platform, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Outcome]:
    names = wanted(request, PLAYS, always=ALWAYS)
    yard = Yard(tmp_path_factory.mktemp("disks"), platform, names, first=770)
    return side_by_side({name: partial(play, name, yard, platform) for name in names})


@pytest.mark.parametrize("name", cases(PLAYS, always=ALWAYS))
def test_the_promises_hold(name: str, outcomes: dict[str, Outcome], platform: Platform) -> None:
    outcome = outcomes[name]
    assert_promises(outcome.home, platform, outcome.release)
    attempts = intents(outcome.home, outcome.release)
    assert len(platform.public_calls(*outcome.pair.ids)) <= len(
        [row for row in attempts if row["outcome"] != "not_sent"]
    )


@pytest.mark.parametrize("name", cases(AT_INTENTS, always=ALWAYS))
def test_nothing_is_sent_while_no_intent_can_be_committed(
    name: str, outcomes: dict[str, Outcome], platform: Platform
) -> None:
    """It leaves afterwards, late and once."""
    outcome = outcomes[name]
    calls = platform.public_calls(*outcome.pair.ids)
    assert [row for row in calls if outcome.begun < row["at"] < outcome.ended] == []
    assert {row["state"] for row in outcome.home.publications(outcome.release)} == {"live"}
    assert len(calls) == 2


@pytest.mark.parametrize("name", cases(AT_OUTCOME, always=ALWAYS))
def test_an_outcome_that_could_not_be_recorded_is_unknown_and_then_found(
    name: str, outcomes: dict[str, Outcome], platform: Platform
) -> None:
    outcome = outcomes[name]
    [attempt] = intents(outcome.home, outcome.release)
    assert attempt["outcome"] == "unknown"
    assert len(platform.effects(outcome.pair.uid)) == 1
    assert [row["state"] for row in outcome.home.publications(outcome.release)] == ["live"]
