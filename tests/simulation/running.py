"""One seed, or a range of seeds."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from bot.domain.delivery import State

from .checker import Violation, check
from .guards import guard
from .scenario import Scenario


@dataclass(slots=True)
class Figures:
    """What a range of seeds came to."""

    runs: int = 0
    publications: int = 0
    items: int = 0
    requests: int = 0
    kills: int = 0
    pauses: int = 0
    unknown: int = 0
    to_person: int = 0
    violations: Counter[int] = field(default_factory=Counter)
    seeds: list[tuple[int, list[Violation]]] = field(default_factory=list)

    def add(self, other: Figures) -> None:
        """Together."""
        for name in ("runs", "publications", "items", "requests", "kills", "pauses", "unknown", "to_person"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.violations += other.violations
        self.seeds = (self.seeds + other.seeds)[:50]

    @property
    def person_percent(self) -> float:
        """How many of a hundred publications came before a person."""
        return 100 * self.to_person / max(1, self.publications)


CHUNK = 500


def play(seed: int, without: frozenset[str] = frozenset(), *, trace: bool = False) -> Scenario:
    """One run, to its rest."""
    scenario = Scenario(seed, without, trace=trace)
    scenario.world.run()
    return scenario


def run(seeds: Iterable[int], without: frozenset[str] = frozenset()) -> Figures:
    """Every seed, judged."""
    figures = Figures()
    collecting = gc.isenabled()
    gc.disable()
    try:
        for seed in seeds:
            scenario = play(seed, without)
            violations = check(scenario)
            _count(figures, scenario, violations)
            if violations and len(figures.seeds) < 50:
                figures.seeds.append((seed, violations))
            if figures.runs % 2000 == 0:
                gc.collect()
    finally:
        if collecting:
            gc.enable()
    return figures


def _count(figures: Figures, scenario: Scenario, violations: list[Violation]) -> None:
    world, db = scenario.world, scenario.world.db
    figures.runs += 1
    figures.publications += len(db.publications)
    figures.kills += world.kills
    figures.pauses += world.pauses
    for platform in world.platforms:
        figures.items += len(platform.items)
        figures.requests += len(platform.journal)
    figures.unknown += sum(1 for moved in db.audit if moved.new is State.UNKNOWN)
    figures.to_person += len(
        {moved.publication for moved in db.audit if moved.new in (State.NEEDS_PERSON, State.MISSED)}
    )
    for invariant in {invariant for invariant, _ in violations}:
        figures.violations[invariant] += 1


def in_processes(seeds: range, jobs: int, mutation: str = "") -> tuple[Figures, float]:
    """A range over several processes, and the seconds it took."""
    begun = time.monotonic()
    parts = [range(first, min(first + CHUNK, seeds.stop)) for first in range(seeds.start, seeds.stop, CHUNK)]
    total = Figures()
    if jobs == 1:
        for part in parts:
            total.add(_part(part, mutation))
    else:
        with ProcessPoolExecutor(jobs) as pool:
            for figures in pool.map(_part, parts, [mutation] * len(parts)):
                total.add(figures)
    return total, max(time.monotonic() - begun, 0.001)


def _part(seeds: range, mutation: str) -> Figures:
    if not mutation:
        return run(seeds)
    with guard(mutation).removed() as without:
        return run(seeds, without)
