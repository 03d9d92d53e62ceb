"""What clock and workers do before anything else, and the web process too: compare the database's rules. Without them nothing is sent."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from celery.signals import beat_init, worker_init
from django.db import DatabaseError, connection

from bot.runtime import priority
from bot.services import wall
from bot.services.errors import Refused

REFUSED = 1
SENDS = "publish"
AGAIN = 1.0  # seconds


@beat_init.connect  # type: ignore[untyped-decorator]
def clock_starts(**_: Any) -> None:
    """The clock hands out what is to be sent, so it is a sender."""
    _end_unless_whole()
    _settle_down()


@worker_init.connect  # type: ignore[untyped-decorator]
def worker_starts(sender: Any, **_: Any) -> None:
    """A worker that takes no sends goes on: it tells people."""
    if SENDS in sender.app.amqp.queues.consume_from:
        _end_unless_whole()
    else:
        priority.give_way(priority.PREPARES)
        wall.compare(now=datetime.now(UTC))
    connection.close()  # its processes are forked from here
    _settle_down()


def _settle_down() -> None:
    """What is loaded stays: the collector looks at it no more. In processes forked from here it would touch, and so copy, every
    object that they share."""
    gc.collect()
    gc.freeze()


def web_starts() -> None:
    """The web process goes on, too: it is where people see the alarm."""
    priority.give_way(priority.SHOWS)
    wall.compare(now=datetime.now(UTC))
    connection.close()


def _end_unless_whole(pause: Callable[[float], None] = time.sleep) -> None:
    """Nothing is handed out or sent before the rules have been compared: while the database is away this waits. (Celery
    logs what a handler of its signals raises, and goes on.)"""
    waiting = False
    while True:
        try:
            wall.require_whole(now=datetime.now(UTC))
        except Refused as refusal:
            _say(f"未启动：{refusal.message}")
            raise SystemExit(REFUSED) from None
        except DatabaseError as error:
            if not waiting:
                _say(
                    f"数据库暂时不可用（{type(error).__name__}），等它恢复、核对过数据库规则才开始工作；在那以前什么也不发出。"
                )
            waiting = True
        except Exception as error:
            _say(f"未启动：核对数据库规则时出错（{type(error).__name__}）。")
            raise SystemExit(REFUSED) from error
        else:
            break
        connection.close()
        pause(AGAIN)
    connection.close()


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()
