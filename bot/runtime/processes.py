"""Which processes Tongfa runs as, as command lines. The same ones run in containers (`tongfa run ...`)."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from bot.runtime import alive, valkey
from bot.runtime.paths import Home
from bot.runtime.program import Program, always_ready

ROOT = Path(__file__).resolve().parents[2]
APP = "config.celery_app"
QUEUES = ("publish", "work")
NAMES = ("clock", "worker", "web", "rehearsal")
"""What `tongfa run NAME` starts."""

CONCURRENCY = 2
WEB_THREADS = 32
PUBLISH_LIMITS = (90, 120)
WORK_LIMITS = (240, 300)
"""Soft and hard limit in seconds; staging with pictures and imports are slower than a send."""
CAN_REST = hasattr(signal, "sigtimedwait")
"""Not on macOS: there a worker always runs."""


def clock_argv() -> tuple[str, ...]:
    """The clock: Celery beat with our scheduler, no schedule file, no pid file."""
    return (*_celery(), "beat", "--scheduler", "tasks.clock:ClockScheduler", "--pidfile=", "--schedule=", *_level())


def worker_argv(*queues: str, concurrency: int = CONCURRENCY) -> tuple[str, ...]:
    """A worker of `queues` (all if none is named). Sending has its own, so that imports cannot fill it."""
    chosen = queues or QUEUES
    unknown = set(chosen) - set(QUEUES)
    if unknown:
        raise ValueError(f"no such queue: {', '.join(sorted(unknown))}")
    soft, hard = WORK_LIMITS if "work" in chosen else PUBLISH_LIMITS
    return (
        *_celery(),
        "worker",
        *("-Q", ",".join(chosen), "-n", f"{'-'.join(chosen)}@%h"),
        *("--pool", "prefork", "-c", str(concurrency)),
        *("--soft-time-limit", str(soft), "--time-limit", str(hard)),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        *_level(),
    )


def resting_argv(home: Home, rest: float, *queues: str, concurrency: int = CONCURRENCY) -> tuple[str, ...]:
    """The same worker, which rests after `rest` seconds without a bell; 0: never."""
    program = worker_argv(*queues, concurrency=concurrency)
    if not rest or not CAN_REST:
        return program
    chosen = queues or QUEUES
    script = str(Path(__file__).with_name("resting.py"))
    sign = str(alive.sign(home, f"worker-{'-'.join(chosen)}"))
    return (sys.executable, "-I", "-S", script, str(rest), sign, ",".join(chosen), str(home.run), *program)


def web_argv(host: str, port: int, trusted_proxy: str = "") -> tuple[str, ...]:
    """The web process; it answers on one address and believes one proxy header, of `trusted_proxy` alone: whom it speaks for.

    A stream of events holds a thread for as long as a page is looked at: there are so many threads that the most there may
    be (`bot.console.streams.MOST`) leave enough for pages. One request of lookahead, and a browser that went is noticed.
    """
    return (
        *(sys.executable, "-m", "waitress"),
        f"--listen={f'[{host}]' if ':' in host else host}:{port}",
        *_proxied(trusted_proxy),
        *(f"--threads={WEB_THREADS}", "--channel-request-lookahead=1", "--ident=", "--channel-timeout=60"),
        "config.wsgi:application",
    )


def _proxied(address: str) -> tuple[str, ...]:
    if not address:
        return ()
    headers = ("--trusted-proxy-headers=x-forwarded-for", "--clear-untrusted-proxy-headers")
    return (f"--trusted-proxy={address}", "--trusted-proxy-count=1", *headers)


def rehearsal_argv(*options: str) -> tuple[str, ...]:
    """The servers that play WeChat and Weibo."""
    return (sys.executable, "-m", "bot.cli.main", "run", "rehearsal", *options)


def _celery() -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "-q", "-A", APP)


def _level() -> tuple[str, ...]:
    return ("--loglevel", "INFO")


def listening(host: str, port: int) -> Callable[[], bool]:
    """A readiness question: does something accept connections there?"""

    def ask() -> bool:
        try:
            with socket.create_connection((host, port), timeout=0.5):
                return True
        except OSError:
            return False

    return ask


def programs(
    home: Home,
    env: Mapping[str, str],
    *,
    host: str,
    port: int,
    embedded_broker: bool,
    rehearsal: bool,
    trusted_proxy: str = "",
    rest: float = 0.0,
    rehearsal_ready: Callable[[], bool] = always_ready,
) -> list[Program]:
    """Everything that `tongfa up` runs, in the order of starting; it is stopped in reverse.

    `env` is the whole environment of the children (`settings.TONGFA.for_child()`). Raises NoBrokerError or
    UnsafeFolderError. The broker comes first, then what the workers talk to, then ours, all at once.
    `rest`: see `resting_argv`.
    """
    found = [valkey.program(home, env)] if embedded_broker else []
    if rehearsal:
        found.append(_python("rehearsal", rehearsal_argv(), env, ready=rehearsal_ready))
    sends, works = (resting_argv(home, rest, queue) for queue in QUEUES)
    return [
        *found,
        _ours("worker-publish", sends, env, grace=40.0, ready=signs(home, "worker-publish")),
        _ours("worker", works, env, grace=40.0, ready=signs(home, "worker-work")),
        replace(_ours("clock", clock_argv(), env, ready=signs(home, "clock")), turns=alive.sign(home, alive.TURNS)),
        _ours("web", web_argv(host, port, trusted_proxy), env, ready=listening(host, port)),
    ]


def signs(home: Home, name: str) -> Callable[[], bool]:
    """A readiness question: has that process given a sign of life?"""
    return lambda: alive.is_fresh(home, name)


def _ours(
    name: str,
    argv: tuple[str, ...],
    env: Mapping[str, str],
    *,
    ready: Callable[[], bool],
    grace: float = 10.0,
) -> Program:
    """One of the four that start and stop as one: none of them needs another to be there."""
    return replace(_python(name, argv, env, ready=ready), grace=grace, wave="tongfa")


def _python(
    name: str,
    argv: tuple[str, ...],
    env: Mapping[str, str],
    *,
    ready: Callable[[], bool],
) -> Program:
    paths = [str(ROOT), *filter(None, [env.get("PYTHONPATH")])]
    full = {**env, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
    return Program(name=name, argv=argv, env=full, cwd=ROOT, ready=ready)
