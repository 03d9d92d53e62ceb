"""`python -m tests.simulation`: ranges of seeds, one seed with its story, or the table of guards."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import ledger
from .checker import NAMES, check
from .guards import GUARDS, guard
from .running import Figures, in_processes, play

NOTHING: frozenset[str] = frozenset()


def main(arguments: list[str]) -> int:
    """Returns 1 when an invariant was violated, or a guard's removal was not noticed."""
    options = _parser().parse_args(arguments)
    if options.seed is not None:
        return _one(options.seed, options.mutation, trace=options.trace)
    if options.guards:
        return _guards(Path(options.guards), options.most, options.only)
    if options.next:
        first = ledger.last(Path(options.ledger)) + 1
        seeds = range(first, first + options.next)
    else:
        first, last = (int(part) for part in options.seeds.split(":"))
        seeds = range(first, last)
    figures, seconds = in_processes(seeds, options.jobs, options.mutation)
    _report(seeds, figures, seconds)
    if options.ledger:
        ledger.write(Path(options.ledger), seeds, figures, seconds, options.jobs)
    return 1 if figures.violations else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", default="0:2000", metavar="A:B", help="from A to B-1")
    parser.add_argument("--next", type=int, metavar="N", help="the N seeds after the last of the ledger")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--ledger", default="", metavar="FILE", help="add a line to it")
    parser.add_argument("--mutation", default="", metavar="GUARD", choices=["", *(one.name for one in GUARDS)])
    parser.add_argument("--seed", type=int, metavar="N", help="one run")
    parser.add_argument("--trace", action="store_true", help="with --seed: its story")
    parser.add_argument(
        "--guards", default="", metavar="FILE", help="find for each guard the first seed that misses it"
    )
    parser.add_argument("--only", default="", metavar="GUARD,...", help="with --guards: these, the rest as it stands")
    parser.add_argument("--most", type=int, default=20_000, help="with --guards: how many seeds to try")
    return parser


def _one(seed: int, mutation: str, *, trace: bool) -> int:
    removed = guard(mutation).removed() if mutation else None
    without = removed.__enter__() if removed else NOTHING
    scenario = play(seed, without, trace=trace)
    world = scenario.world
    print(f"seed {seed}: {scenario.shape}, T at {scenario.t / 1000} s, clocks {[host.steps for host in world.hosts]}")
    if world.story is not None:
        print("\n".join(world.story))
    violations = check(scenario)
    for invariant, text in violations:
        print(f"VIOLATION {invariant} {NAMES[invariant]}: {text}")
    return 1 if violations else 0


def _report(seeds: range, figures: Figures, seconds: float) -> None:
    print(
        f"seeds {seeds.start}..{seeds.stop - 1}: {figures.runs} runs in {seconds:.0f} s ({figures.runs / seconds:.0f}/s), "
        f"{figures.publications} publications, {figures.requests} requests, {figures.items} public, "
        f"{figures.kills} kills, {figures.pauses} pauses, {figures.unknown} unknown, "
        f"{figures.person_percent:.1f} % to a person, violations {sum(figures.violations.values())}"
    )
    for seed, violations in figures.seeds[:20]:
        for invariant, text in violations[:3]:
            print(f"seed {seed}: VIOLATION {invariant} {NAMES[invariant]}: {text}")


def _guards(path: Path, most: int, only: str) -> int:
    rows, known = [], ledger.read_guards(path) if only else {}
    for one in GUARDS:
        found = ledger.first_seed(one, most) if not only or one.name in only.split(",") else known.get(one.name)
        print(one.name, found, flush=True)
        rows.append((one, found))
    ledger.write_guards(path, rows)
    return 1 if any(found is None for _, found in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
