"""Release lateness against what people use: Celery, APScheduler, Huey, Dramatiq, RQ; beside floor, sessions and Tongfa.

    make bench-peers        (python -m benchmarks peers [--short | --long] [--ns 2,50,500,2000] [--delay-ms 100])

One run, taking turns, the same server. Each peer has a fresh Valkey on a unix socket and is started anew for every T;
its job is a plain `requests.post`. It needs .venv-peers (`python3 scripts/bootstrap_peers.py`, which make runs).
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.e2e.processes import Process, environment, patient, wait_for
from tests.support.broker import embedded_valkey

from . import release
from .parts.figures import Lateness, lateness
from .parts.floor import next_instant
from .parts.installation import waited
from .parts.stub import Stub

ROOT = Path(__file__).resolve().parents[1]
PEERS, JOBS = ROOT / ".venv-peers" / "bin", ROOT / "benchmarks" / "peer"
FIRST = 6_000_000  # accounts that only peers have
PAIRS = 3  # T's of a peer for N = 2 at least


@dataclass(frozen=True, slots=True)
class Peer:
    """`workers`: command lines in .venv-peers/bin; `script`: schedules the jobs. `mark`: what a ready worker prints."""

    name: str
    script: str
    workers: tuple[tuple[str, ...], ...] = ()
    extra: tuple[str, ...] = ()
    mark: str = ""


def celery(*pool: str) -> tuple[tuple[str, ...], ...]:
    """One worker with this pool."""
    return (("celery", "-A", "with_celery", "worker", "-l", "INFO", *pool),)


#: RQ's second to fourth worker; the first one also schedules. `{socket}` is filled in.
RQ = ("rq", "worker", "--url", "unix://{socket}")
CHOSEN = (
    Peer("Celery eta, prefork 4", "with_celery.py", celery("-P", "prefork", "-c", "4"), mark="ready."),
    Peer("Celery eta, threads 32", "with_celery.py", celery("-P", "threads", "-c", "32"), mark="ready."),
    Peer("APScheduler, defaults (10 threads)", "with_apscheduler.py"),
    Peer("APScheduler, 64 threads, no misfire limit", "with_apscheduler.py", extra=("64",)),
    Peer("Huey, 4 threads", "with_huey.py", (("huey_consumer", "with_huey.huey", "-w", "4"),), mark="commands are available"),
    Peer("Dramatiq, 2 × 8", "with_dramatiq.py", (("dramatiq", "with_dramatiq", "-p", "2", "-t", "8"),), mark="ready for action"),
    Peer("RQ, 4 workers and its scheduler", "with_rq.py", ((*RQ, "--with-scheduler"), RQ, RQ, RQ), mark="Listening on"),
)  # fmt: skip


def options(parser: argparse.ArgumentParser) -> None:
    release.options(parser)
    parser.add_argument("--only", default="", help="peers whose name contains this")


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    """Every N: floor, sessions, Tongfa, each peer; again and again."""
    if not PEERS.is_dir():
        raise SystemExit("the peers are not installed: python3 scripts/bootstrap_peers.py (or: make bench-peers)")
    ns = [int(part) for part in (chosen.ns or ("2,50,500,2000" if chosen.long else "2,50")).split(",")]
    rows: list[dict[str, Any]] = []
    with release.measuring(chosen) as bench:
        for count in ns:
            for way, result, extra in turns(bench, count, chosen):
                rows.append({"n": count, "way": way, **result.raw(), **extra})
                release.tell(count, way, result, extra)
        stamped = bench.stub.stamped_by()
    settings = {key: value for key, value in vars(chosen).items() if key not in {"json", "run", "short", "long"}}
    return {"benchmark": "peers", "settings": settings, "stamped_by": stamped, "rows": rows}


def turns(bench: release.Bench, count: int, chosen: argparse.Namespace) -> Iterator[release.Turn]:
    """Each way once a round; two publications are too few for one T to say anything, so that they get more of them."""
    rounds = chosen.rounds or (3 if chosen.long else 1)
    if count == 2:
        yield from bench.pairs(chosen.releases or 15, chosen.gap)
    for _ in range(max(rounds, PAIRS) if count == 2 else rounds):
        if count > 2:
            yield from bench.others(count)
            yield bench.release(count)
        yield from by_peers(bench, count, chosen.only)


def by_peers(bench: release.Bench, count: int, only: str) -> Iterator[release.Turn]:
    """Each peer once."""
    for peer in CHOSEN:
        if only.lower() in peer.name.lower():
            yield peer.name, by_peer(peer, bench.stub, count), {}


def by_peer(peer: Peer, stub: Stub, count: int) -> Lateness:
    """One T of a peer that is started for it and ended afterwards."""
    stub.clear()
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="tongfa-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        broker = stack.enter_context(embedded_valkey(folder))
        own = {"PEER_BASE": stub.base("").rstrip("/"), "PEER_SOCKET": str(broker.socket), "PYTHONPATH": str(JOBS)}
        env = {**environment(), **own}
        workers = [
            stack.enter_context(Process(f"worker{number}", _filled(line, str(broker.socket)), env, folder))
            for number, line in enumerate(peer.workers)
        ]
        for worker in workers:
            wait_for(partial(_printed, worker, peer.mark), 120, f"{peer.name} is ready", alive=workers)
        time.sleep(1.0)
        at = next_instant(patient(5.0) + count / 100)
        script = [str(PEERS / "python"), str(JOBS / peer.script), str(at), str(FIRST), str(count), *peer.extra]
        schedules = stack.enter_context(Process("schedules", script, env, folder))
        wait_for(lambda: "scheduled" in schedules.output(), 120, f"{peer.name} has scheduled all")
        if time.time() > at:
            raise RuntimeError(f"{peer.name}: scheduling {count} jobs took longer than the time to T; nothing measured")
        time.sleep(max(0.0, at + release.AFTERWARDS - time.time()))
        accounts = range(FIRST, FIRST + count)
        waited(lambda: len(stub.public(accounts)) >= count, at + 30 + 0.08 * count, 0.5)
        return lateness(stub.public(accounts), accounts, at)


def _printed(process: Process, mark: str) -> bool:
    return mark in process.output()


def _filled(line: tuple[str, ...], socket: str) -> list[str]:
    return [str(PEERS / line[0]), *(part.format(socket=socket) for part in line[1:])]
