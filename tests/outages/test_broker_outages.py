"""Whatever becomes of the broker around a release, the outcome is the same and the lateness stays within seconds."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.broker import PASSWORD, TcpBroker
from tests.e2e.platform import Platform, epoch
from tests.e2e.processes import Process, patient, sleep_until, wait_for
from tests.e2e.verdict import assert_promises

from .yard import Outcome, Yard, cases, instant_of, release_on, side_by_side, wanted, workers

pytestmark = pytest.mark.e2e
LEAD = 60.0
BEGINS, ENDS = -20.0, 8.0  # seconds from T; everything is staged by then
WITHIN = 8.0  # seconds after its instant at which a post must have left at the latest, on a machine of our own


def order(broker: TcpBroker, *commands: str) -> None:
    """Commands for the server, by somebody who knows its password."""
    with socket.create_connection(("127.0.0.1", broker.port), 5) as client:
        client.sendall("".join(f"{line}\r\n" for line in (f"AUTH {PASSWORD}", *commands)).encode())
        client.settimeout(5)
        client.recv(4096)


# --- the outages: each is begun, lasts until T + 8 s, and is ended ------------------------------------------------


@contextmanager
def stopped(broker: TcpBroker, folder: Path) -> Iterator[None]:
    """It accepts connections and never answers."""
    os.kill(broker.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(broker.process.pid, signal.SIGCONT)


@contextmanager
def flushed(broker: TcpBroker, folder: Path) -> Iterator[None]:
    """Everything in it is deleted, again and again."""
    over = threading.Event()

    def wipe() -> None:
        while not over.wait(0.2):
            order(broker, "FLUSHALL")

    wiping = threading.Thread(target=wipe)
    wiping.start()
    try:
        yield
    finally:
        over.set()
        wiping.join()


@contextmanager
def restarted_empty(broker: TcpBroker, folder: Path) -> Iterator[None]:
    """Killed, and a moment later another one with nothing in it stands in its place."""
    broker.process.kill()
    time.sleep(1)
    broker.process = again(broker, folder, PASSWORD)
    yield


@contextmanager
def full(broker: TcpBroker, folder: Path) -> Iterator[None]:
    """No memory left and no leave to forget anything: every write is refused."""
    order(broker, "CONFIG SET maxmemory-policy noeviction", "CONFIG SET maxmemory 1")
    try:
        yield
    finally:
        order(broker, "CONFIG SET maxmemory 0")


@contextmanager
def other_password(broker: TcpBroker, folder: Path) -> Iterator[None]:
    """In its place stands one that does not let us in."""
    broker.process.kill()
    broker.process = again(broker, folder, "another-password")
    yield


@contextmanager
def another_server(broker: TcpBroker, folder: Path) -> Iterator[None]:
    """On its port answers something that is no Redis at all."""
    broker.process.kill()
    over = threading.Event()
    with socket.create_server(("127.0.0.1", broker.port)) as listener:
        listener.settimeout(0.2)

        def answer() -> None:
            while not over.is_set():
                try:
                    peer, _ = listener.accept()
                except TimeoutError:
                    continue
                with peer:
                    peer.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        answering = threading.Thread(target=answer)
        answering.start()
        try:
            yield
        finally:
            over.set()
            answering.join()


def again(broker: TcpBroker, folder: Path, password: str) -> Process:
    """Another server on the same port."""
    from bot.runtime import valkey
    from tests.e2e.processes import environment

    argv = (
        valkey.server_binary(), "--bind", "127.0.0.1", "--port", str(broker.port), "--requirepass", password,
        "--dir", str(folder), "--save", "", "--appendonly", "no", "--loglevel", "warning",
    )  # fmt: skip
    return Process("valkey-again", argv, environment(), folder)


OUTAGES = {
    "stopped": stopped,
    "flushed": flushed,
    "restarted-empty": restarted_empty,
    "full": full,
    "other-password": other_password,
    "another-server": another_server,
}
ALWAYS = ("stopped", "other-password")
FROM_THE_START = {"stopped"}  # for the whole release, staging included


def play(name: str, yard: Yard, folder: Path) -> Outcome:
    """A release with workers that hear their bells, until the outage begins."""
    place = folder / f"broker-{name}"
    place.mkdir()
    with TcpBroker(place) as broker, ExitStack() as stack:
        home = yard.copy(name, BROKER_URL=broker.url)
        workers(home, stack)
        clock = stack.enter_context(home.start("clock", "run", "clock"))
        wait_for(lambda: (home.path / "run").exists(), 120, "the clock is up", alive=[clock])
        early = OUTAGES[name](broker, place) if name in FROM_THE_START else None
        if early:
            stack.enter_context(early)
        release = release_on(home, name, lead=LEAD)
        at = instant_of(home, release)
        home.wait_states(release, {"staged"}, at - time.time() + BEGINS + 2, clock)
        sleep_until(at + BEGINS)
        if early is None:
            stack.enter_context(OUTAGES[name](broker, place))
        begun = time.time()
        sleep_until(at + ENDS)
        home.wait_states(release, {"live"}, 150, clock)
        return Outcome(home, yard.pairs[name], release, begun, time.time())


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, platform: Platform, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Outcome]:
    """Each on its own copy of one home."""
    folder, names = tmp_path_factory.mktemp("brokers"), wanted(request, OUTAGES, always=ALWAYS)
    yard = Yard(folder, platform, names, first=700)
    return side_by_side({name: partial(play, name, yard, folder) for name in names})


@pytest.mark.parametrize("name", cases(OUTAGES, always=ALWAYS))
def test_everything_is_live_and_was_sent_once_and_not_early(
    name: str, outcomes: dict[str, Outcome], platform: Platform
) -> None:
    outcome = outcomes[name]
    assert_promises(outcome.home, platform, outcome.release)
    calls = [row["call"] for row in platform.public_calls(*outcome.pair.ids)]
    assert sorted(calls) == ["message/mass/sendall", "statuses/share", "statuses/share"]


@pytest.mark.parametrize("name", cases(OUTAGES, always=ALWAYS))
def test_it_left_within_seconds_of_its_instant(name: str, outcomes: dict[str, Outcome], platform: Platform) -> None:
    outcome = outcomes[name]
    wechat, first, second = outcome.home.publications(outcome.release)
    [mass] = platform.public_calls(outcome.pair.appid)
    posts = platform.public_calls(outcome.pair.uid)
    for call, publication in ((mass, wechat), (posts[0], first), (posts[1], second)):
        assert 0 <= call["at"] - epoch(publication["instant"]) < patient(WITHIN)
