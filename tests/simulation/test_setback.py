"""What the simulated clock processes do after a clock that was ahead: as bot/services/setback and tasks/clock do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain import timeline
from bot.domain.sync import GateState

from .portal import Gate, of_the_future
from .scenario import Scenario
from .setback import SWEEP, Watch
from .world import Host, World

HOUR = timedelta(hours=1)
FIRST_WITH_A_GATE = next(seed for seed in range(100) if Scenario(seed).world.db.gates)


@pytest.fixture
def world() -> World:
    return Scenario(FIRST_WITH_A_GATE).world


@pytest.fixture
def host(world: World) -> Host:
    """Its clock is right, then an hour ahead, then right again."""
    return Host(world, 9, [(0, 0), (1_000, 3_600_000), (200_000, 0)])


def looked(world: World, host: Host) -> Gate:
    """A gate that was opened while the clock was ahead, and whose asker was killed with the next bell rung."""
    world.t = 150_000
    gate, ahead = next(iter(world.db.gates.values())), host.now()
    gate.state, gate.live_at, gate.asked_at = GateState.OPEN, ahead, ahead
    gate.next_at, gate.rung_at, gate.lease_until = ahead + timedelta(seconds=5), ahead, ahead + timeline.GATE_LEASE
    return gate


def test_a_clock_process_that_saw_the_jump_has_the_page_looked_at_now(world, host):
    watch, world.t = Watch(), 140_000
    watch.follow(world, host)
    gate = looked(world, host)
    world.t = 200_100
    assert of_the_future(gate, host.now())
    watch.follow(world, host)
    assert (gate.next_at, gate.rung_at, gate.lease_until) == (host.now(), None, None)


def test_one_that_begins_afterwards_does_the_same(world, host):
    gate = looked(world, host)
    world.t = 200_100
    Watch().follow(world, host)
    assert gate.next_at == host.now()


def test_the_clock_of_another_host_is_made_up_for_by_the_next_sweep(world, host):
    gate, other = looked(world, host), Host(world, 8, [(0, 0)])
    world.t = SWEEP * 4
    watch = Watch()
    assert of_the_future(gate, other.now())
    watch.sweep(world, other.now())
    assert gate.next_at == other.now()
    assert not of_the_future(gate, other.now())


def test_what_was_slept_through_is_not_made_up_for_before_the_next_one(world, host):
    gate, other, watch = looked(world, host), Host(world, 8, [(0, 0)]), Watch()
    world.t = SWEEP * 4 + 30_000
    watch.sweep(world, other.now())
    assert of_the_future(gate, other.now())
    assert watch.wait(world, other.now()) == 30_000
    world.t += 30_000
    watch.sweep(world, other.now())
    assert gate.next_at == other.now()


def test_without_it_nothing_is_pulled_back(world, host):
    world.without = frozenset({"set_right"})
    gate = looked(world, host)
    world.t = 200_100
    Watch().follow(world, host)
    assert gate.next_at > host.now()
