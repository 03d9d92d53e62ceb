"""How many calls a publication costs, and how many token fetches an expired token.

    python -m benchmarks calls [--short | --long]

From the server's own journal: every HTTP call of a publication from staging to live, by channel and mode, before T, at
T and after; and the token calls of eight processes that find the token expired at the same moment.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import Counter
from typing import Any

from tests.e2e.processes import ROOT, patient

from .parts.installation import Installation, waited
from .parts.office import Order
from .parts.stub import Arrival, Stub

PROCESSES = 8
KINDS = {
    "wechat, mass": ("wechat", "mass"),
    "wechat, publish": ("wechat", "publish"),
    "weibo, share": ("weibo", "mass"),
}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=0, help="publications of each kind")
    parser.add_argument("--rounds", type=int, default=0, help="expired tokens")


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    """Each kind from staging to live; then the tokens."""
    count, rounds = chosen.count or (20 if chosen.long else 4), chosen.rounds or (5 if chosen.long else 2)
    rows = []
    with Stub() as stub, Installation() as installation:
        installation.start()
        first = 1
        for kind, (channel, mode) in KINDS.items():
            order = Order(
                base=stub.base("").rstrip("/"), count=count, first=first, channels=channel, wechat_mode=mode,
                lead=patient(30.0) + count,
            )  # fmt: skip
            rows.append({"kind": kind, **journey(stub, installation, order)})
            first += count
            print(f"{kind:16} {rows[-1]['phases']}  {rows[-1]['states']}", flush=True)
        tokens = [token_calls(stub, installation, first + turn) for turn in range(rounds)]
        print(f"token calls of {PROCESSES} processes: {tokens}", flush=True)
    return {"benchmark": "calls", "settings": {"count": count}, "rows": rows, "token_calls": tokens}


def journey(stub: Stub, installation: Installation, order: Order) -> dict[str, Any]:
    """Calls per publication by phase."""
    stub.clear()
    (at,) = installation.fill(order)
    numbers = range(order.first, order.first + order.count)
    waited(lambda: False, at, 0.5)
    installation.wait(numbers, ["live", "needs_person", "missed", "held", "unknown"], at + 180)
    phases: dict[str, Counter[str]] = {"before": Counter(), "at T": Counter(), "after": Counter()}
    for line in stub.journal():
        phases[phase_of(line, at)][line.call] += 1
    return {
        "phases": {name: {call: many / order.count for call, many in calls.items()} for name, calls in phases.items()},
        "states": installation.states(numbers),
        "public_calls_each": sorted({sum(a.account == n for a in stub.public()) for n in numbers}),
    }


def phase_of(line: Arrival, at: float) -> str:
    """The public call is "at T" whenever it comes; the rest lies before or after."""
    if line.public:
        return "at T"
    return "before" if line.at < at else "after"


def token_calls(stub: Stub, installation: Installation, number: int) -> int:
    """stable_token calls when eight processes ask at once with the token over."""
    order = Order(base=stub.base("").rstrip("/"), count=1, first=number, channels="wechat", lead=3600.0)
    installation.fill(order)
    env, slug = installation.home.env, f"a{number}"
    grab = [sys.executable, "-m", "benchmarks.parts.grab"]
    subprocess.run([*grab, "expire", slug], env=env, cwd=ROOT, check=True)
    stub.delay(0, 100)
    stub.clear()
    at = time.time() + 8
    asking = [subprocess.Popen([*grab, "token", slug, str(at)], env=env, cwd=ROOT) for _ in range(PROCESSES)]
    statuses = [one.wait(120) for one in asking]
    stub.delay(0, 0)
    if any(statuses):
        raise RuntimeError(f"a process got no token: {statuses}")
    return sum(line.call == "stable_token" for line in stub.journal())
