"""The checker itself: a clean run in which one thing is made wrong by hand is reported for that thing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.delivery import Event, State

from .checker import NAMES, check
from .platforms import Item, Request
from .running import play
from .scenario import Scenario


def calm_seed(shape: str) -> int:
    return next(seed for seed in range(3000) if (probe := Scenario(seed)).calm and probe.shape == shape)


@pytest.fixture(scope="module")
def seeds():
    return {shape: calm_seed(shape) for shape in ("share", "mass", "publish", "lane", "mass+share")}


@pytest.fixture
def share(seeds):
    return played(seeds["share"])


def played(seed: int) -> Scenario:
    scenario = play(seed)
    assert check(scenario) == []
    return scenario


def found(scenario: Scenario) -> set[str]:
    return {NAMES[invariant] for invariant, _ in check(scenario)}


def the_request(scenario: Scenario) -> Request:
    return scenario.world.platforms[0].journal[0]


def test_a_second_public_item(share):
    platform = share.world.platforms[0]
    first = platform.items[0]
    platform.items.append(Item(first.t + 60_000, first.t + 60_000, "999", first.request, first.hashes))
    assert "twice" in found(share)


def test_a_second_call_that_nobody_denied(share):
    platform, request = share.world.platforms[0], the_request(share)
    again = Request(request.t + 9000, request.publication, request.key, request.hashes, "", request.process, False)
    platform.journal.append(again)
    assert found(share) >= {"twice", "no intent", "dishonest"}


def test_a_second_key_on_a_mass_send(seeds):
    scenario = played(seeds["mass"])
    platform, request = scenario.world.platforms[0], the_request(scenario)
    platform.journal.append(
        Request(request.t + 70_000, request.publication, "other", request.hashes, request.draft, request.process, True)
    )
    assert "twice" in found(scenario)


def test_an_early_request(share):
    the_request(share).t -= 1
    assert "early" in found(share)


@pytest.mark.parametrize("what", ["approval", "signature", "freeze", "stop"])
def test_a_request_against_what_stood(share, what):
    row, t = share.world.db.publications[1], the_request(share).t - 1000
    if what == "approval":
        row.editions[0].withdrawn_at = t
    elif what == "signature":
        row.release.unsigned.append([t, 10**12])
    elif what == "freeze":
        share.world.db.frozen_spans.append([t, 10**12])
    else:
        share.diary.stopped.append((t, 1))
    assert found(share) == {"unapproved"}


def test_a_stop_that_came_too_late_to_be_seen_is_nobodys_fault(share):
    share.diary.stopped.append((the_request(share).t - 50, 1))
    assert found(share) == set()


def test_a_sender_that_was_kept_from_looking_is_excused(share):
    request = the_request(share)
    share.diary.stopped.append((request.t - 4000, 1))
    request.process.naps.append((request.t - 4100, request.t))
    assert found(share) == set()


def test_altered_bytes(share):
    the_request(share).hashes = ("other",)
    assert "altered" in found(share)


def test_an_altered_draft(seeds):
    scenario = played(seeds["publish"])
    item = scenario.world.platforms[0].items[0]
    item.hashes, item.changed_at = ("altered",), item.request.t - 71_000
    assert found(scenario) == {"altered"}
    item.request.process.naps.append((item.request.t - 2_000, item.request.t))  # stopped between check and write
    assert found(scenario) == set()
    item.changed_at = item.request.t - 10_000  # after the last read-back
    assert found(scenario) == set()


def test_what_never_comes_to_rest(share):
    share.world.db.publications[1].state = State.CONFIRMING
    assert "lost" in found(share)


def test_a_silent_stop(share):
    row = share.world.db.publications[1]
    row.state, row.reason = State.NEEDS_PERSON, ""
    assert "lost" in found(share)


def test_an_attempt_that_stays_open(share):
    attempt = share.world.db.attempts[1][0]
    share.world.db.open.append(attempt)
    assert "lost" in found(share)


def test_a_request_an_hour_late(share):
    row = share.world.db.publications[1]
    share.instants[1] -= 3_600_000
    row.instant -= timedelta(hours=1)
    assert "lost" in found(share)


def test_a_program_error(share):
    share.world.errors.append("look-1: KeyError: 'x'")
    assert found(share) == {"lost"}


def test_an_intent_written_after_the_request(share):
    share.world.db.attempts[1][0].opened = the_request(share).t + 1
    assert "no intent" in found(share)


def test_two_attempts_at_once(seeds):
    scenario = played(seeds["lane"])
    first, second = scenario.world.db.attempts[1][0], scenario.world.db.attempts[2][0]
    second.opened = first.opened + 1
    assert "flight" in found(scenario)


def test_a_lane_out_of_order(seeds):
    scenario = played(seeds["lane"])
    journal = scenario.world.platforms[0].journal
    journal[0].t, journal[1].t = journal[1].t, journal[0].t
    assert "flight" in found(scenario)


def test_a_stale_write(share):
    share.world.db.audit[-1].fence -= 1
    assert found(share) == {"flight"}


def test_live_without_an_item(share):
    share.world.platforms[0].items.clear()
    assert "dishonest" in found(share)


def test_not_sent_although_it_is_public(share):
    last = share.world.db.audit[-1]
    last.event, last.new = Event.REFUSED, State.NEEDS_PERSON
    assert "dishonest" in found(share)


def test_a_doorbell_that_was_needed(seeds):
    seed = next(seed for seed in range(3000) if (probe := Scenario(seed)).doorless and not probe.calm)
    scenario = played(seed)
    scenario.world.platforms[0].journal[0].t += 30_000
    assert "doorbell" in found(scenario)


def test_a_gap_in_the_trail(share):
    del share.world.db.audit[2]
    assert "history" in found(share)


def test_a_release_sent_by_halves(seeds):
    scenario = played(seeds["mass+share"])
    request = scenario.world.platforms[1].journal[0]
    mate = scenario.world.platforms[0].journal[0].publication
    scenario.unready.append((request.t - 14_900, mate))
    assert "split" in found(scenario)
