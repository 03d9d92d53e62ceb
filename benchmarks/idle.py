"""What it costs while nothing is due, and how soon it is back after a kill -9, or when it is woken.

    python -m benchmarks idle [--short | --long] [--db postgresql]

Clock and workers as shipped, which rest when nobody has rung for two minutes (--short: five seconds), beside a Celery
worker (-c 2) and beat as they come, at the same time, each with a Valkey of its own; then the same with workers that
never rest. CPU from the kernel's scheduler statistics, wake-ups are voluntary switches, memory is PSS. Launcher (`tongfa
up`), web and broker are listed apart. Back in charge: from starting the process again to its first sign of life (the
clock: its first look); woken: from the bell to the worker's "ready".
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from bot.runtime import alive
from bot.runtime.paths import Home as Paths
from tests.e2e.processes import Process, environment, free_port, wait_for
from tests.support.broker import Broker, embedded_valkey

from .parts.figures import middle
from .parts.installation import Installation
from .parts.procfs import NOTHING, Usage, alone, usage

WARM_UP, SOON = 15.0, 5
OURS = ("clock", "worker-publish", "worker-work")
WORKERS = OURS[1:]
RESTS, READY = "worker.rests", "ready."


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--windows", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.0, help="of one window")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--db", choices=["sqlite", "postgresql"], default="sqlite")


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    """All windows at rest, then awake, then the kills."""
    windows = chosen.windows or 3
    seconds = chosen.seconds or (60.0 if chosen.long else 20.0)
    times = chosen.kills or (5 if chosen.long else 2)
    rest = None if chosen.long else SOON
    with plain_celery() as plain:
        with Installation(db=chosen.db, counted=True, rest=rest) as installation:
            at_rest = measured(installation, plain, windows, seconds, rests=True)
        with Installation(db=chosen.db, counted=True, rest=0) as installation:
            awake = measured(installation, plain, windows, seconds, rests=False)
            back = [kill(installation, name) for _ in range(times) for name in OURS]
    with Installation(db=chosen.db, rest=SOON) as installation:
        installation.start()
        back += [wake(installation, name) for _ in range(times) for name in WORKERS]
    rows = [
        *summary(at_rest),
        *({**row, "name": f"{row['name']}, awake"} for row in summary(awake) if row["name"] in ("tongfa", *WORKERS)),
    ]
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    for name in dict.fromkeys(one["process"] for one in back):
        print(
            f"{name} back after {middle([one['seconds'] for one in back if one['process'] == name]):.2f} s", flush=True
        )
    settings = {"db": chosen.db, "windows": windows, "seconds": seconds}
    return {"benchmark": "idle", "settings": settings, "windows": [*at_rest, *awake], "rows": rows, "back": back}


def measured(
    installation: Installation, plain: tuple[Broker, list[Process]], windows: int, seconds: float, *, rests: bool
) -> list[dict[str, Any]]:
    """Start it, wait until it is quiet, look at so many windows."""
    installation.start()
    up = installation.home_beside("up").start("up", "up", "--port", str(free_port())) if rests else None
    web = installation.home.start("web", "run", "web", "--port", str(free_port()))
    apart = {"web": web, **({"launcher": up} if up else {})}
    try:
        time.sleep(WARM_UP)
        if rests:
            for name in WORKERS:
                wait_for(lambda name=name: said(installation, name, RESTS), 400, f"{name} rests")  # type: ignore[misc]
        return [window(installation, plain, apart, seconds) for _ in range(windows)]
    finally:
        for process in apart.values():
            process.end()


def said(installation: Installation, name: str, word: str) -> int:
    """How often that process's output has it."""
    return installation.processes[name].output().count(word)


@contextlib.contextmanager
def plain_celery() -> Iterator[tuple[Broker, list[Process]]]:
    """Worker and beat with a broker of their own."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="tongfa-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        broker = stack.enter_context(embedded_valkey(folder))
        env = environment(PLAIN_BROKER=broker.url)
        app = (sys.executable, "-m", "celery", "-A", "benchmarks.parts.plain_celery")
        worker = stack.enter_context(Process("worker", [*app, "worker", "-c", "2", "-l", "INFO"], env, folder))
        schedule = ["-s", str(folder / "schedule"), "--pidfile="]
        beat = stack.enter_context(Process("beat", [*app, "beat", *schedule], env, folder))
        wait_for(lambda: "ready." in worker.output(), 60, "Celery's worker is ready", alive=[worker, beat])
        yield broker, [worker, beat]


def window(
    installation: Installation, plain: tuple[Broker, list[Process]], apart: dict[str, Process], seconds: float
) -> dict[str, Any]:
    """What each took in one window."""
    before = _take(installation, plain, apart)
    began = time.monotonic()
    time.sleep(seconds)
    span = time.monotonic() - began
    after = _take(installation, plain, apart)
    spent = {name: after["usage"][name] - before["usage"][name] for name in after["usage"]}
    ours = sum((spent[name] for name in OURS), start=NOTHING)
    rows = {"tongfa": ours, **{name: spent[name] for name in spent}}
    commands = {name: (after["commands"][name] - before["commands"][name]) / span for name in after["commands"]}
    return {
        "processes": {name: _row(one, span) for name, one in rows.items()},
        "commands_per_second": {name: round(value, 2) for name, value in commands.items()},
        "statements_per_second": round((after["statements"] - before["statements"]) / span, 2),
    }


def _row(spent: Usage, span: float) -> dict[str, float]:
    return {
        "cpu_s_per_minute": round(spent.cpu * 60 / span, 4),
        "wakeups_per_second": round(spent.wakeups / span, 2),
        "pss_mib": round(spent.pss, 1),
        "processes": spent.processes,
    }


def _take(installation: Installation, plain: tuple[Broker, list[Process]], apart: dict[str, Process]) -> dict[str, Any]:
    broker, processes = plain
    return {
        "usage": {
            **installation.usage(),
            **{name: alone(process.pid) for name, process in apart.items()},
            "broker": alone(installation.broker.pid),
            "celery": sum((usage(process.pid) for process in processes), start=NOTHING),
        },
        "commands": {"tongfa": commands(installation.broker), "celery": commands(broker)},
        "statements": sum(installation.statements().values()),
    }


def commands(broker: Broker) -> int:
    """Commands that the broker has been given, our own questions left out."""
    with redis.Redis(unix_socket_path=str(broker.socket)) as client:
        stats = client.info("commandstats")
    ours = {"cmdstat_info", "cmdstat_hello", "cmdstat_client|setinfo", "cmdstat_client|setname"}
    return sum(value["calls"] for name, value in stats.items() if name not in ours)


def kill(installation: Installation, name: str) -> dict[str, Any]:
    """kill -9 to the process and its children, start it again."""
    installation.processes[name].kill_group()
    began = time.monotonic()
    installation.start_one(name)
    installation.await_life(name)
    return {"process": name, "seconds": round(time.monotonic() - began, 2)}


def wake(installation: Installation, name: str) -> dict[str, Any]:
    """Ring for one that rests; afterwards it is left to rest again."""
    process = installation.processes[name]
    wait_for(lambda: said(installation, name, RESTS) >= said(installation, name, READY), 400, f"{name} rests again")
    before, began = said(installation, name, READY), time.monotonic()
    alive.ring(Paths(installation.home.path), name.removeprefix("worker-"))
    wait_for(lambda: said(installation, name, READY) > before, 120, f"{name} is awake", alive=[process])
    return {"process": f"{name}, woken", "seconds": round(time.monotonic() - began, 2)}


def summary(windows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Median over the windows, one row for each process."""
    rows = []
    for name in windows[0]["processes"]:
        figures = {
            key: middle([one["processes"][name][key] for one in windows]) for key in windows[0]["processes"][name]
        }
        extra: dict[str, Any] = {}
        if name in ("tongfa", "celery"):
            extra["redis_per_second"] = middle([one["commands_per_second"][name] for one in windows])
        if name == "tongfa":
            extra["statements_per_second"] = middle([one["statements_per_second"] for one in windows])
        rows.append({"name": name, **figures, **extra})
    return rows
