"""Streams in the real web server: they cannot starve pages, a closed tab frees its place, and nobody waits for them at the end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
import requests

from bot.console import streams

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def eventually(probe: Callable[[], bool], seconds: float = 20.0) -> None:
    end = monotonic() + seconds
    while not probe():
        assert monotonic() < end, "did not happen in time"
        sleep(0.02)


class Server:
    """The process, and what one asks of it."""

    def __init__(self, port: int, *options: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.kept: list[Iterator[bytes]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.console.stream_server", str(port), *options], cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/count", timeout=2).ok
        except requests.RequestException:
            return False

    def count(self) -> int:
        return int(requests.get(f"{self.url}/count", timeout=5).text)

    def listen(self) -> requests.Response:
        answer = requests.get(f"{self.url}/stream", stream=True, timeout=20)
        pieces = answer.iter_content(8)
        assert next(pieces)
        self.kept.append(pieces)  # a generator that is thrown away closes its connection
        return answer


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(free_port())
    try:
        eventually(made.answers)
        yield made
    finally:
        made.process.kill()
        made.process.communicate()


def test_as_many_streams_as_there_may_be_leave_threads_for_pages(server: Server) -> None:
    listening = [server.listen() for _ in range(streams.MOST)]
    assert server.count() == streams.MOST
    assert [server.count() for _ in range(20)] == [streams.MOST] * 20
    assert requests.get(f"{server.url}/stream", timeout=5).text == str(streams.MOST)  # no place: answered at once
    for answer in listening:
        answer.close()


def test_a_closed_tab_frees_its_place_within_seconds(server: Server) -> None:
    first, second = server.listen(), server.listen()
    first.close()
    eventually(lambda: server.count() == 1)
    assert server.count() == 1, "and the other goes on"
    second.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_end_does_not_wait_for_streams(number: signal.Signals, server: Server) -> None:
    listening = [server.listen() for _ in range(3)]
    server.process.send_signal(number)
    assert server.process.wait(10) == 0
    for answer in listening:
        answer.close()


@pytest.mark.parametrize(
    ("proxy", "forwarded", "whence"),
    [
        ("", "10.9.8.7", "127.0.0.1"),
        ("127.0.0.1", "10.9.8.7", "10.9.8.7"),
        ("127.0.0.1", "6.6.6.6, 10.9.8.7", "10.9.8.7"),
        ("127.0.0.9", "10.9.8.7", "127.0.0.1"),
    ],
)
def test_a_visitors_address_is_believed_from_the_one_proxy_alone(proxy: str, forwarded: str, whence: str) -> None:
    made = Server(free_port(), *([proxy] if proxy else []))
    try:
        eventually(made.answers)
        told = requests.get(f"{made.url}/whence", headers={"X-Forwarded-For": forwarded}, timeout=5)
        assert told.text == whence
    finally:
        made.process.kill()
        made.process.communicate()
