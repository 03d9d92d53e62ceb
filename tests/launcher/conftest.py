"""Shared: one certificate authority per run, and `release`, which plays a whole release on the real clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from bot.domain.channel import WireRequest
from bot.launcher import Event, Launcher, Limits, NotSent, Sent, Shot

from .servers import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def release(authority: Authority) -> Callable[..., dict[str, list[Event]]]:
    """Connect, refresh, fire `lead` seconds ahead; returns the events of each key, in order."""

    def play(
        requests: Iterable[WireRequest] | dict[str, WireRequest],
        *,
        lead: float = 0.15,
        window: float = 0.5,
        patience: float = 1.5,
        before_fire: Callable[[Launcher], None] | None = None,
        ca_file: Path | None = authority.ca_file,
        limits: Limits | None = None,
    ) -> dict[str, list[Event]]:
        named = requests if isinstance(requests, dict) else {str(i): r for i, r in enumerate(requests)}
        shots = [Shot(key, request) for key, request in named.items()]
        at = time.time() + lead
        with Launcher(shots, ca_file=ca_file, limits=limits) as launcher:
            launcher.connect(at - 0.05)
            launcher.refresh()
            if before_fire:
                before_fire(launcher)
            events = list(launcher.fire(at, send_by=at + window, answer_deadline=at + patience))
        return {key: [event for event in events if event.key == key] for key in named}

    return play


def post(url: str, body: bytes = b"{}", *, proxy: str = "", method: str = "POST") -> WireRequest:
    return WireRequest(method, url, (("Content-Type", "application/json"),), body, proxy)


def kinds(events: list[Event]) -> list[type[Event]]:
    return [type(event) for event in events]


def no_secret(events: Iterable[Event]) -> bool:
    return all("CANARY" not in repr(event) for event in events if isinstance(event, NotSent | Sent))
