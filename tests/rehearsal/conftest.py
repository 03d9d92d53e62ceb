from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.rehearsal import RehearsalServer

from .clients import Control, WeChat, Weibo


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RehearsalServer]:
    with RehearsalServer(tmp_path / "state") as running:
        running.world.store.set_setting("seed", 1)
        yield running


@pytest.fixture
def control(server: RehearsalServer) -> Control:
    made = Control(server.base_url)
    made.switch("wechat", publish_seconds=0, mass_seconds=0, clientmsgid_gap=0)
    made.switch("weibo", calls_per_day=1000)
    return made


@pytest.fixture
def wechat(control: Control, server: RehearsalServer) -> WeChat:
    return WeChat(server.base_url).login()


@pytest.fixture
def weibo(control: Control, server: RehearsalServer) -> Weibo:
    return Weibo(server.base_url)
