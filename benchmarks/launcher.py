"""The launcher alone, without database or engine: how much of the lateness is its own.

python -m benchmarks launcher [--short | --long] [--ns 2,50,500,2000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from bot.domain.channel import WireRequest
from bot.launcher import Answered, Launcher, Shot

from . import release
from .parts import floor
from .parts.figures import Lateness, lateness
from .parts.stub import Stub

FIRST = 2_000_000


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ns", default="")
    parser.add_argument("--rounds", type=int, default=0)


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    """Launcher and floor by turns."""
    rows: list[dict[str, Any]] = []
    with Stub() as stub:
        for count in map(int, (chosen.ns or ("2,50,500,2000" if chosen.long else "2,50,500")).split(",")):
            for _ in range(chosen.rounds or 5):
                for way, result in (("floor", floor.raw_sockets(stub, count)), ("launcher", by_launcher(stub, count))):
                    rows.append({"n": count, "way": way, **result.raw()})
                    release.tell(count, way, result, {})
        stamped = stub.stamped_by()
    return {"benchmark": "launcher", "settings": {}, "stamped_by": stamped, "rows": rows}


def by_launcher(stub: Stub, count: int) -> Lateness:
    """One T."""
    stub.clear()
    accounts = range(FIRST, FIRST + count)
    headers = (("Content-Type", "application/json"),)
    shots = [Shot(str(n), WireRequest("POST", f"{stub.base(n)}/send", headers, floor.BODY)) for n in accounts]
    with Launcher(shots, ca_file=None) as launcher:
        at = floor.next_instant(1.0 + count / 1000)
        waiting = launcher.connect(at - 0.3)
        if waiting:
            raise RuntimeError(f"{len(waiting)} connections did not stand 300 ms before T")
        launcher.refresh()
        events = list(launcher.fire(at, send_by=at + 5, answer_deadline=at + 15))
    if (answered := sum(isinstance(event, Answered) for event in events)) != count:
        raise RuntimeError(f"{answered} of {count} were answered")
    time.sleep(0.1)
    return lateness(stub.public(accounts), accounts, at)
