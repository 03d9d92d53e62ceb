"""Rehearsal platforms as tests of the pages want them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.rehearsal import RehearsalServer

APP_ID, UID = "wxrehearsal0000001", "2017000001"


@contextmanager
def prompt_platforms(folder: Path) -> Iterator[RehearsalServer]:
    """Both platforms, in this process: what they accept is public at once."""
    with RehearsalServer(folder) as server:
        store = server.world.store
        with store.transaction():
            for name, identity in (("wechat", APP_ID), ("weibo", UID)):
                account = store.get("account", name, identity)
                account["switches"] |= {"publish_seconds": 0, "mass_seconds": 0}
                store.put("account", name, identity, account)
        yield server
