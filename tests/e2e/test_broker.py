"""The broker is only a doorbell: without it everything is still sent, once, within seconds, by the clock's own children."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from .broker import TcpBroker
from .district import make_ready, plan_and_sign
from .home import Home
from .platform import Pair, Platform, Playing, epoch
from .processes import free_port, patient, sleep_until, wait_for
from .verdict import assert_promises

pytestmark = pytest.mark.e2e
LEAD = 75.0  # a bell that nobody answers is waited for 10 s before the clock does the work itself
WITHIN = 8.0  # seconds after its instant at which a post must have left at the latest, on a machine of our own
ITEMS = ("E2E-001", "E2E-002")


@dataclass(frozen=True)
class Outcome:
    """A release that went out without a broker; `within` is how late it may have left."""

    home: Home
    pair: Pair
    release: int
    output: str
    within: float


def without_any(folder: Path, platform: Platform, pair: Pair) -> Outcome:
    """BROKER_URL points nowhere, and there is no worker at all: only the clock runs."""
    home = Home(folder / "nowhere", {"BROKER_URL": f"redis://127.0.0.1:{free_port()}/0"})
    make_ready(home, platform, {"": pair}, items=len(ITEMS))
    with home.start("clock", "run", "clock") as clock:
        release = plan_and_sign(home, lead=LEAD, items=ITEMS)
        home.wait_states(release, {"live"}, LEAD + 150, clock)
        return Outcome(home, pair, release, clock.output(), patient(WITHIN))


def killed_before_the_instant(folder: Path, platform: Platform, pair: Pair) -> Outcome:
    """The workers had staged everything when the broker was killed; they live on and hear nothing any more."""
    with TcpBroker(folder) as broker, ExitStack() as stack:
        home = Home(folder / "killed", {"BROKER_URL": broker.url})
        make_ready(home, platform, {"": pair}, items=len(ITEMS))
        workers = [
            stack.enter_context(home.start(queue, "run", "worker", "--queue", queue)) for queue in ("publish", "work")
        ]
        clock = stack.enter_context(home.start("clock", "run", "clock"))
        for worker in workers:
            wait_for(lambda w=worker: "ready." in w.output(), 180, "the worker is ready", alive=[worker])  # type: ignore[misc]
        release = plan_and_sign(home, lead=LEAD, items=ITEMS)
        home.wait_states(release, {"staged"}, LEAD, clock)
        sleep_until(epoch(home.publications(release)[0]["instant"]) - 20)
        broker.process.kill()
        home.wait_states(release, {"live"}, 120, clock)
        return Outcome(home, pair, release, clock.output(), patient(WITHIN))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Platform, dict[str, Outcome]]]:
    """Both ways, side by side: they mostly wait."""
    folder = tmp_path_factory.mktemp("broker")
    with Playing(folder / "platform") as platform, ThreadPoolExecutor(2) as pool:
        ways = {"nowhere": without_any, "killed": killed_before_the_instant}
        plays = {
            name: pool.submit(way, folder, platform, platform.make_pair(500 + number))
            for number, (name, way) in enumerate(ways.items())
        }
        yield platform, {name: played.result() for name, played in plays.items()}


@pytest.mark.parametrize("way", ["nowhere", "killed"])
def test_everything_is_live_and_was_sent_once_and_not_early(stage, way):
    platform, outcomes = stage
    outcome = outcomes[way]
    assert_promises(outcome.home, platform, outcome.release)
    calls = [row["call"] for row in platform.public_calls(*outcome.pair.ids)]
    assert sorted(calls) == ["message/mass/sendall", "statuses/share", "statuses/share"]


@pytest.mark.parametrize("way", ["nowhere", "killed"])
def test_it_left_within_seconds_of_its_instant(stage, way):
    platform, outcomes = stage
    outcome = outcomes[way]
    wechat, first, second = outcome.home.publications(outcome.release)
    [mass] = platform.public_calls(outcome.pair.appid)
    posts = platform.public_calls(outcome.pair.uid)
    for call, publication in ((mass, wechat), (posts[0], first), (posts[1], second)):
        assert 0 <= call["at"] - epoch(publication["instant"]) < outcome.within


def test_the_work_was_done_by_children_of_the_clock(stage):
    """The journal cannot tell who sent; the clock says when it had to do somebody else's work."""
    _, outcomes = stage
    for outcome in outcomes.values():
        lines = [line for line in outcome.output.splitlines() if "clock.child" in line]
        assert any('"job": "send"' in line for line in lines), outcome.output[-3000:]
