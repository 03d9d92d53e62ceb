"""Province scale: many accounts at one T over two sending processes, and what each publication costs.

    python -m benchmarks province [--short | --long] [--ns 100,300,1000,3000,10000] [--db postgresql]

For every N: seconds and CPU per publication while staging, sending and recording; database statements per publication;
lateness beside the raw-socket floor. The cost per publication must not grow with N. Long ends with 10,000.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from tests.e2e.processes import patient

from .parts import floor
from .parts.figures import lateness
from .parts.installation import DONE, SETTLED, Installation, waited
from .parts.office import Order
from .parts.stub import Stub

FIRST_RATE = 12.0  # publications staged a second, until it has been measured
PATIENCE = 300.0
ASIDE = 0.5  # seconds around T in which nothing here reads anything: who wakes then takes the processor from who sends


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ns", default="", help="publications at one T, rising")
    parser.add_argument("--db", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--publish", type=int, default=2, help="processes that send")
    parser.add_argument("--work", type=int, default=2, help="processes that stage")
    parser.add_argument("--per-release", type=int, default=2, help="accounts to one release")
    parser.add_argument("--floor-rounds", type=int, default=3)


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    """Every N in one installation, so that earlier rows are there when the later ones come."""
    counts = [
        int(part) for part in (chosen.ns or ("100,300,1000,3000,10000" if chosen.long else "100,300,1000")).split(",")
    ]
    rows: list[dict[str, Any]] = []
    with (
        Stub() as stub,
        Installation(db=chosen.db, publish=chosen.publish, work=chosen.work, counted=True) as installation,
    ):
        installation.start()
        first, rate = 1, FIRST_RATE
        for count in counts:
            floors = [floor.raw_sockets(stub, count) for _ in range(chosen.floor_rounds)]
            order = Order(
                base=stub.base("").rstrip("/"), count=count, first=first, per_release=chosen.per_release,
                lead=patient(25.0) + 1.3 * count / rate,
            )  # fmt: skip
            row = measure(stub, installation, order)
            row["floor"] = [one.raw() for one in floors]
            rows.append(row)
            first, rate = first + count, count / max(row["staging"]["seconds"], 0.5)
            tell(row)
        stamped = stub.stamped_by()
    settings = {"db": chosen.db, "publish": chosen.publish, "work": chosen.work, "per_release": chosen.per_release}
    return {"benchmark": "province", "settings": settings, "stamped_by": stamped, "rows": rows}


def measure(stub: Stub, installation: Installation, order: Order) -> dict[str, Any]:
    """One T from the records to the last answer recorded."""
    stub.clear()
    began = time.monotonic()
    (at,) = installation.fill(order)
    made = time.monotonic() - began
    numbers = range(order.first, order.first + order.count)
    meter = Meter(installation, order.count)
    on_time = installation.wait(numbers, ["staged", "armed", "sending", *SETTLED], at - 15)
    staging = meter.phase()
    waited(lambda: False, at - 15.5, 0.05)
    meter.phase()  # staged and not yet handed out: nobody's cost
    waited(lambda: False, at - ASIDE, 0.05)
    preparing = meter.phase()
    time.sleep(max(0.0, at + ASIDE - time.time()))
    installation.wait_for_all(stub, numbers, at + PATIENCE)
    recording = meter.phase()
    result = lateness(stub.public(numbers), numbers, at)
    installation.wait(numbers, ["live", "needs_person", "missed", "held"], at + PATIENCE)
    confirming = meter.phase()
    states = installation.states(numbers)
    odd = {state: many for state, many in states.items() if state not in DONE}
    return {
        "n": order.count, **result.raw(), "staged_in_time": on_time, "made_seconds": round(made, 2),
        "staging": staging, "preparing": preparing, "recording": recording, "confirming": confirming, "states": states,
        "reasons": installation.reasons(*odd) if odd else [],
        "calls": {name: many / order.count for name, many in calls(stub, numbers).items()},
    }  # fmt: skip


def calls(stub: Stub, numbers: range) -> dict[str, int]:
    """How often each call was made for these accounts."""
    found: dict[str, int] = {}
    for line in stub.journal():
        if line.account in numbers:
            found[line.call] = found.get(line.call, 0) + 1
    return found


class Meter:
    """Seconds, CPU and statements since the last phase ended."""

    def __init__(self, installation: Installation, count: int) -> None:
        self._installation, self._count = installation, count
        self._take()

    def _take(self) -> None:
        self._at, self._cpu = time.monotonic(), self._installation.cpu()
        self._statements = self._installation.statements()

    def phase(self) -> dict[str, Any]:
        """What it took; CPU in milliseconds and statements, per publication."""
        at, cpu, statements = self._at, self._cpu, self._statements
        self._take()
        grown = {verb: self._statements[verb] - statements.get(verb, 0) for verb in self._statements}
        return {
            "seconds": round(self._at - at, 2),
            "cpu_ms_each": round((self._cpu - cpu) * 1000 / self._count, 3),
            "statements_each": round(sum(grown.values()) / self._count, 2),
            "by_verb_each": {verb: round(many / self._count, 2) for verb, many in grown.items() if many},
        }


def tell(row: dict[str, Any]) -> None:
    parts = "  ".join(
        f"{name} {row[name]['seconds']:.0f} s {row[name]['cpu_ms_each']:.1f} ms CPU {row[name]['statements_each']:.0f} SQL"
        for name in ("staging", "preparing", "recording", "confirming")
    )
    late = sorted(row["late"])
    print(f"{row['n']:>6}  {parts}", flush=True)
    if late:
        p99 = late[min(len(late) - 1, int(len(late) * 0.99))]
        print(f"        lateness median {late[len(late) // 2]:.1f} p99 {p99:.1f} max {late[-1]:.1f} ms, early {row['early']}"
              f" lost {row['lost']} twice {row['doubled']}  {row['states']}  {row['reasons']}", flush=True)  # fmt: skip
