"""`python -m tests.crash`: see --help, and the package for what a run is."""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import tests.support.home  # noqa: F401  a home of its own, before anything reads the environment

from .databases import Databases, databases
from .ledger import Ledger, Line, commit

if TYPE_CHECKING:
    from .plans import Plan, Sweep
    from .play import Outcome


ROOM = 256 * 1024 * 1024  # bytes; a run takes about two millions of them while it lasts


def main(arguments: Sequence[str] | None = None) -> int:
    """Play a range or a selection; 1 when a promise was broken."""
    asked = _parser().parse_args(arguments)
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="tongfa-crash-", dir=_memory()))
    try:
        with databases(asked.database, folder) as found:
            return _session(asked, found, folder)
    finally:
        if not asked.keep:
            shutil.rmtree(folder, ignore_errors=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description="kill -9 at every commit and every byte")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--range", default="0:1400", help="runs A:B, B excluded")
    parser.add_argument("--chunk", type=int, default=100, help="runs in one line of the ledger")
    parser.add_argument("--short", type=int, default=0, help="so many runs that stand for all, instead of a range")
    parser.add_argument("--only", type=int, action="append", help="these runs only, instead of a range")
    parser.add_argument("--points", action="store_true", help="list the points of each scene, and end")
    parser.add_argument("--ledger", type=Path, help="finished ranges are noted in this page and not played again")
    parser.add_argument("--at-once", type=int, default=2, help="runs side by side")
    parser.add_argument("--mutation", default="", help="break the engine on purpose (mutations.py)")
    parser.add_argument("--gate", nargs="*", metavar="MUTATION", help="take each guard away: which run notices?")
    parser.add_argument("--export", type=Path, help="write the evidence of unharmed runs into this folder, and end")
    parser.add_argument("--scene", action="append", default=[], help="with --export: of this scene alone")
    parser.add_argument("--keep", type=Path, help="work in this folder; runs with a violation stay there")
    parser.add_argument("--json", type=Path, help="write one line for every run into this file")
    return parser


def _memory() -> str | None:
    """A file system in memory, where there is one: what a killed process wrote is in the kernel's hands on any."""
    place = Path("/dev/shm")
    roomy = place.is_dir() and os.access(place, os.W_OK) and shutil.disk_usage(place).free > ROOM
    return str(place) if roomy else None


def _session(asked: argparse.Namespace, found: Databases, folder: Path) -> int:
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    from . import engine, mutations, scenery
    from .lanes import apart, side_by_side
    from .plans import Plan, Sweep

    apart(lambda: scenery.prepare(found, folder))
    engine.warm_up()
    gc.collect()
    gc.freeze()
    unharmed = [
        Plan(-1 - index, scene.name, "unharmed", None)
        for index, scene in enumerate(scenery.SCENES)
        if not asked.scene or scene.name in asked.scene
    ]
    quiet = side_by_side(unharmed, found, folder, lanes=asked.at_once, export=asked.export)
    if any(outcome.violations for outcome in quiet):
        return _tell(quiet, 0.0, 0.0)
    if asked.export:
        return 0
    sweep = Sweep({outcome.scene: outcome.points for outcome in quiet})
    if asked.points:
        return _list_points(sweep)
    if asked.gate is not None:
        return _gate(asked.gate or list(mutations.BY_NAME), found, folder, sweep, lanes=asked.at_once)
    broken = mutations.BY_NAME[asked.mutation].apply if asked.mutation else None
    status = 0
    for first, after, plans in _batches(asked, sweep):
        began, spent = time.monotonic(), _cpu()
        outcomes = side_by_side(plans, found, folder, lanes=asked.at_once, mutation=broken)
        took, spent = time.monotonic() - began, _cpu() - spent
        status |= _tell(outcomes, took, spent)
        if asked.json:
            with asked.json.open("a", encoding="utf-8") as out:
                out.writelines(f"{outcome.to_json()}\n" for outcome in outcomes)
        if asked.ledger and after:
            wrong = sum(bool(outcome.violations) for outcome in outcomes)
            hits = sum(len(outcome.hits) for outcome in outcomes)
            line = Line(asked.database, first, after, commit(), date.today(), hits, wrong, took, spent)
            Ledger(asked.ledger).add(line)
    return status


def _gate(names: Sequence[str], found: Databases, folder: Path, sweep: Sweep, *, lanes: int) -> int:
    """Break the engine in every way in turn: the first run that convicts it. 1 when one is not convicted."""
    from . import mutations
    from .lanes import side_by_side

    status, plans = 0, sweep.gate()
    for name in names:
        broken, row = mutations.BY_NAME[name], None
        for start in range(0, len(plans), 2 * lanes):
            outcomes = side_by_side(plans[start : start + 2 * lanes], found, folder, lanes=lanes, mutation=broken.apply)
            row = next((row for outcome in outcomes if (row := _conviction(outcome, broken.promise))), None)
            if row:
                break
        status |= row is None
        print(f"| {name} | {row or 'NOT NOTICED'} |", flush=True)
    return status


def _conviction(outcome: Outcome, promise: str) -> str | None:
    """Where this run found this promise broken."""
    proof = next((violation for violation in outcome.violations if violation.startswith(f"{promise}:")), None)
    where = " / ".join(outcome.hits)
    return proof and f"run {outcome.number} ({outcome.scene}, {outcome.kind}, {where}) | {proof}"


def _cpu() -> float:
    """CPU seconds of everything that has ended by now."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _batches(asked: argparse.Namespace, sweep: Sweep) -> Iterator[tuple[int, int, list[Plan]]]:
    """First run, the one after the last (0 for a selection), plans."""
    if asked.short:
        yield 0, 0, sweep.short(asked.short, offset=asked.database == "postgresql")
        return
    if asked.only:
        yield 0, 0, [sweep.plan(number) for number in asked.only]
        return
    begin, end = (int(part) for part in asked.range.split(":"))
    for first in range(begin, end, asked.chunk):
        after = min(first + asked.chunk, end)
        if asked.ledger and Ledger(asked.ledger).done(asked.database, first, after, commit()):
            continue
        yield first, after, [sweep.plan(number) for number in range(first, after)]


def _list_points(sweep: Sweep) -> int:
    for scene, points in sweep.traces.items():
        print(f"{scene}: {len(points)}")
        for number, name in enumerate(points):
            print(f"  {number:3} {name}")
    return 0


def _tell(outcomes: Sequence[Outcome], took: float, spent: float) -> int:
    wrong = [outcome for outcome in outcomes if outcome.violations]
    states = Counter(state for outcome in outcomes for state in outcome.states)
    hits = sum(len(outcome.hits) for outcome in outcomes)
    print(
        f"{len(outcomes)} runs, {hits} kills that hit, {len(wrong)} with violations, {took:.0f} s, {spent:.0f} s of CPU; "
        + ", ".join(f"{state} {count}" for state, count in sorted(states.items())),
        flush=True,
    )
    for outcome in wrong:
        print(f"  run {outcome.number} ({outcome.scene}, {outcome.kind}, {' / '.join(outcome.hits)}):")
        for violation in outcome.violations:
            print(f"    {violation}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
