"""Release lateness: first byte at the server minus T, for N publications at one T.

    python -m benchmarks release [--short | --long] [--ns 2,50,500] [--rounds 3] [--db postgresql] [--delay-ms 100] [--tls]

Tongfa runs as shipped: database, intents, staging and read-back, the clock and four worker processes. The raw-socket
floor and warm `requests` sessions in 64 threads take turns with it. At N = 2 a release goes to one WeChat and one
Weibo account, `--gap` seconds after the one before, many in one run.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.e2e.processes import patient

from .parts import floor
from .parts.certificates import certificate
from .parts.figures import Lateness, lateness
from .parts.installation import DONE, SETTLED, Installation, waited
from .parts.office import Order
from .parts.stub import Stub

FIRST_RATE = 6.0  # publications staged a second, until it has been measured
PATIENCE = 300.0  # seconds after T until what has not come is lost
AFTERWARDS = 0.5  # seconds after T before anything here asks: who wakes at T takes the processor from who sends then
FEW, TURNS = 100, 5  # up to so many publications a T takes half a minute: so many T's at least
APART = 4.0  # seconds between two T's, if a floor is to find room between them


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ns", default="", help="publications at one T, e.g. 2,50,500,2000")
    parser.add_argument("--rounds", type=int, default=0, help="T's for each N of 50 and more")
    parser.add_argument("--releases", type=int, default=0, help="T's for N = 2")
    parser.add_argument("--gap", type=float, default=8.0, help="seconds between two T's at N = 2")
    parser.add_argument("--db", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--delay-ms", type=int, default=0, help="the server answers public calls after that long")
    parser.add_argument("--delay-all-ms", type=int, default=0, help="and all other calls after that long")
    parser.add_argument("--tls", action="store_true", help="everything over TLS")
    parser.add_argument("--publish", type=int, default=2, help="processes that send")
    parser.add_argument("--work", type=int, default=2, help="processes that stage")
    parser.add_argument("--channels", choices=["both", "wechat", "weibo"], default="both")
    parser.add_argument("--no-pictures", action="store_true", help="Weibo posts without their card")
    parser.add_argument("--per-release", type=int, default=2, help="accounts to one release")


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    """Measure; everything as plain data."""
    ns = [int(part) for part in (chosen.ns or ("2,50,500,2000" if chosen.long else "2,50,500")).split(",")]
    rounds = chosen.rounds or (5 if chosen.long else 2)
    releases = chosen.releases or (200 if chosen.long else 15)
    rows: list[dict[str, Any]] = []
    with measuring(chosen) as bench:
        for count in ns:
            turns = bench.pairs(releases, chosen.gap) if count == 2 else bench.rounds(count, rounds)
            for way, result, extra in turns:
                rows.append({"n": count, "way": way, **result.raw(), **extra})
                tell(count, way, result, extra)
        stamped = bench.stub.stamped_by()
    settings = {key: value for key, value in vars(chosen).items() if key not in {"json", "run", "short", "long"}}
    return {"benchmark": "release", "settings": settings, "stamped_by": stamped, "rows": rows}


def tell(count: int, way: str, result: Lateness, extra: dict[str, Any]) -> None:
    if result.late:
        figures = f"median {result.median:9.2f}  p99 {result.p99:9.2f}  max {result.most:9.2f} ms"
    else:
        figures = "nothing came"
    notes = "".join(f"  {name} {value}" for name, value in extra.items() if value)
    print(
        f"{count:>6} {way:9} {figures}  early {result.early} lost {result.lost} twice {result.doubled}{notes}",
        flush=True,
    )


@contextlib.contextmanager
def measuring(chosen: argparse.Namespace) -> Iterator[Bench]:
    """A stub and an installation that is running."""
    with contextlib.ExitStack() as stack:
        trust = stack.enter_context(certificate()) if chosen.tls else None
        tls = (trust.certificate, trust.key) if trust else None
        stub = stack.enter_context(Stub(delay_ms=chosen.delay_ms, delay_all_ms=chosen.delay_all_ms, tls=tls))
        installation = stack.enter_context(
            Installation(
                db=chosen.db, publish=chosen.publish, work=chosen.work, ca_file=trust.certificate if trust else None
            )
        )
        installation.start()
        yield Bench(stub, installation, chosen, trust.certificate if trust else None)


Turn = tuple[str, Lateness, dict[str, Any]]


class Bench:
    """Takes turns between the ways on one stub."""

    def __init__(
        self, stub: Stub, installation: Installation, chosen: argparse.Namespace, ca_file: Path | None
    ) -> None:
        self.stub, self.installation, self._chosen, self._ca_file = stub, installation, chosen, ca_file
        self._next, self._rate = 1, FIRST_RATE
        if chosen.delay_all_ms:
            self._rate = min(FIRST_RATE, chosen.work / (0.007 * chosen.delay_all_ms))

    def others(self, count: int) -> Iterator[Turn]:
        """Floor and sessions, once each."""
        ways: dict[str, Callable[..., Lateness]] = {"floor": floor.raw_sockets, "sessions": floor.warm_sessions}
        for name, way in ways.items():
            yield name, way(self.stub, count, ca_file=self._ca_file), {}

    def order(self, count: int, **more: Any) -> Order:
        """The next `count` accounts."""
        chosen = self._chosen
        numbers = {"first": self._next, "count": count, "per_release": min(chosen.per_release, count)}
        self._next += count
        tls = self._ca_file is not None
        base = self.stub.base("", tls=tls).rstrip("/")
        kinds = {"channels": chosen.channels, "pictures": not chosen.no_pictures}
        return Order(base=base, **{**numbers, **kinds, "lead": patient(25.0) + 3.0 * count / self._rate, **more})

    # --- many at one T ---------------------------------------------------------------------------------------

    def rounds(self, count: int, rounds: int) -> Iterator[Turn]:
        """Floor, sessions, Tongfa; again and again."""
        for _ in range(max(rounds, TURNS) if count <= FEW else rounds):
            yield from self.others(count)
            yield self.release(count)

    def release(self, count: int, **more: Any) -> Turn:
        """One T of `count` publications."""
        self.stub.clear()
        order = self.order(count, **more)
        (at,) = self.installation.fill(order)
        numbers = range(order.first, order.first + count)
        began = time.time()
        staged = self.installation.wait(numbers, ["staged", "armed", "sending", *SETTLED], at - 1)
        self._rate = max(self._rate, count / max(time.time() - began, 0.5)) if staged else self._rate
        extra: dict[str, Any] = {} if staged else {"not_staged_in_time": True}
        time.sleep(max(0.0, at + AFTERWARDS - time.time()))
        self.installation.wait_for_all(self.stub, numbers, at + PATIENCE)
        result = lateness(self.stub.public(numbers), numbers, at)
        extra.update(self._oddities(numbers))
        return "tongfa", result, extra

    def _oddities(self, numbers: range) -> dict[str, Any]:
        states = self.installation.states(numbers)
        odd = {state: many for state, many in states.items() if state not in DONE}
        return {"odd": odd, "reasons": self.installation.reasons(*odd)} if odd else {}

    # --- one release on two accounts -------------------------------------------------------------------------

    def pairs(self, releases: int, gap: float) -> Iterator[Turn]:
        """One release every `gap` seconds, a floor between each and the next: whatever befalls the machine befalls both."""
        around = min(5, releases)
        for _ in range(around):
            yield from self.others(2)
        self.stub.clear()
        order = self.order(2 * releases, per_instant=2, gap=gap)
        instants = self.installation.fill(order)
        floors = [self._between(at, number) for number, at in enumerate(instants)] if gap >= APART else []
        everybody = range(order.first, order.first + order.count)
        self.installation.wait_for_all(self.stub, everybody, instants[-1] + PATIENCE)
        arrivals = self.stub.public()
        for index, at in enumerate(instants):
            numbers = range(order.first + 2 * index, order.first + 2 * index + 2)
            yield "tongfa", lateness(arrivals, numbers, at), self._oddities(numbers)
        for result in floors:
            yield "floor", result, {}
        for _ in range(around):
            yield from self.others(2)

    def _between(self, at: float, number: int) -> Lateness:
        """A floor at about two seconds after one T, on accounts of its own in the same journal."""
        waited(lambda: False, at + AFTERWARDS, 0.2)
        first = floor.FIRST + 10 * (number + 1)
        return floor.raw_sockets(self.stub, 2, ca_file=self._ca_file, first=first, keep=True)
