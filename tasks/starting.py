"""What clock and workers do before anything else, and the web process too: compare the database's rules. Without them nothing is sent."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

from celery.signals import beat_init, worker_init
from django.db import connection

from bot.runtime import priority
from bot.services import wall
from bot.services.errors import Refused

REFUSED = 1
SENDS = "publish"


@beat_init.connect  # type: ignore[untyped-decorator]
def clock_starts(**_: Any) -> None:
    """The clock hands out what is to be sent, so it is a sender."""
    _end_unless_whole()


@worker_init.connect  # type: ignore[untyped-decorator]
def worker_starts(sender: Any, **_: Any) -> None:
    """A worker that takes no sends goes on: it tells people."""
    if SENDS in sender.app.amqp.queues.consume_from:
        _end_unless_whole()
    else:
        priority.give_way(priority.PREPARES)
        wall.compare(now=datetime.now(UTC))
    connection.close()  # its processes are forked from here


def web_starts() -> None:
    """The web process goes on, too: it is where people see the alarm."""
    priority.give_way(priority.SHOWS)
    wall.compare(now=datetime.now(UTC))
    connection.close()


def _end_unless_whole() -> None:
    try:
        wall.require_whole(now=datetime.now(UTC))
    except Refused as refusal:
        sys.stderr.write(f"未启动：{refusal.message}\n")
        sys.stderr.flush()
        raise SystemExit(REFUSED) from None
    connection.close()
