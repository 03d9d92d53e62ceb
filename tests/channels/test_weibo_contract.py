"""Weibo under the suite that every channel must pass, in front of the rehearsal platform."""

from __future__ import annotations

import pytest

from bot.rehearsal.server import RehearsalServer

from .contract import Bench, ChannelContract
from .test_weibo_rehearsal import Drill
from .weibo_parts import PICTURE, make_post


class WeiboBench(Bench):
    """One post, sent by statuses/share."""

    def __init__(self, server: RehearsalServer, *, picture: bool) -> None:
        self.server, self.drill, self.key = server, Drill(server), "pub-1"
        self.channel, self.ports = self.drill.channel, self.drill.ports
        self.posts = (make_post(picture=PICTURE if picture else None),)

    def public_effects(self) -> int:
        return self.drill.effects

    def public_calls(self) -> int:
        return len(self.drill.world.store.rows("SELECT id FROM journal WHERE call = 'statuses/share'"))

    def lose(self, *, executed: bool) -> None:
        self.drill.arm("lost_after" if executed else "lost_before")

    def revoke_token(self) -> None:
        self.drill.act("end_token")

    def go_down(self) -> None:
        self.server.stop()


class TestWeibo(ChannelContract):
    @pytest.fixture(params=[False, True], ids=["plain", "with a picture"])
    def bench(self, request, tmp_path):
        server = RehearsalServer(tmp_path / "rehearsal").start()
        yield WeiboBench(server, picture=request.param)
        if not server.world.stopping.is_set():
            server.stop()
