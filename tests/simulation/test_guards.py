"""The mutation gate: each guard, taken away, is missed by the seed that stands in docs/proof/guards.csv.

`python -m tests.simulation --guards docs/proof/guards.csv` finds these seeds anew after a change of the simulator.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .checker import NAMES, check
from .guards import GUARDS
from .ledger import read_guards
from .running import play

TABLE = read_guards(Path(__file__).resolve().parents[2] / "docs" / "proof" / "guards.csv")
MOST = 20_000


def test_every_guard_has_its_seed():
    assert set(TABLE) == {guard.name for guard in GUARDS}
    assert all(seed <= MOST for seed, _ in TABLE.values())


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_missing_guard_is_noticed(guard):
    seed, invariant = TABLE[guard.name]
    with guard.unshadowed() as without:
        assert check(play(seed, without)) == [], "it is this guard that the seed misses, not what covers the same case"
    with guard.removed() as without:
        violations = check(play(seed, without))
    assert invariant in {NAMES[number] for number, _ in violations}


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guard_is_back_after_its_removal(guard):
    before = [moved.reason for moved in play(7).world.db.audit]
    with guard.removed():
        pass
    assert [moved.reason for moved in play(7).world.db.audit] == before
