"""The checker itself: a clean run in which one thing is made wrong by hand is reported for that thing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.delivery import Event, State
from bot.domain.engine.facts import DOUBLES
from bot.domain.sync import GateState, Then

from .checker import NAMES, PROOF, Case, before_its_page, check
from .platforms import Item, Request
from .portal import FOREVER, Gate
from .running import play
from .scenario import Scenario
from .world import BASE, MS


def calm_seed(shape: str, *, gated: bool = False) -> int:
    return next(
        seed
        for seed in range(9000)
        if (probe := Scenario(seed)).calm and probe.shape == shape and bool(probe.world.db.gates) is gated
    )


@pytest.fixture(scope="module")
def seeds():
    return {shape: calm_seed(shape) for shape in ("share", "mass", "publish", "lane", "mass+share")}


@pytest.fixture
def share(seeds):
    return played(seeds["share"])


@pytest.fixture
def gated():
    """A clean run of one post that waited for its page."""
    return played(calm_seed("share", gated=True))


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


def twice_on_freepublish(scenario: Scenario, *, after: int, public: int) -> None:
    """The first job is done `public` ms after its call, the second was called `after` ms after the first and is done at once."""
    platform = scenario.world.platforms[0]
    first, request = platform.items[0], platform.journal[0]
    first.t = first.shows = request.t + public
    again = Request(request.t + after, 1, request.key, request.hashes, request.draft, request.process, False)
    platform.items.append(Item(again.t + 1000, again.t + 1000, "999", again, first.hashes))


def test_two_on_freepublish_of_which_nobody_was_told(seeds):
    scenario = played(seeds["publish"])
    twice_on_freepublish(scenario, after=600_000, public=900_000)
    assert "twice" in found(scenario)


@pytest.mark.parametrize(
    ("after", "public", "twice"),
    [(600_000, 900_000, False), (500_000, 900_000, True), (600_000, 590_000, True)],
    ids=["it outlasted all looks", "called again before they were over", "it was public already"],
)
def test_two_on_freepublish_of_which_people_were_told(seeds, after, public, twice):
    """No finite wait can exclude it; told is what it must be."""
    scenario = played(seeds["publish"])
    twice_on_freepublish(scenario, after=after, public=public)
    row = scenario.world.db.publications[1]
    row.ids = {**row.ids, DOUBLES: "a b"}
    assert ("twice" in found(scenario)) is twice


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
    seed = next(
        seed
        for seed in range(3000)
        if (probe := Scenario(seed)).doorless and not probe.calm and not probe.world.db.gates
    )
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


def the_gate(scenario: Scenario) -> Gate:
    return scenario.world.db.gates[1]


def test_a_request_before_its_page_was_ever_live(gated):
    the_gate(gated).page.spans = [(the_request(gated).t + 1, FOREVER)]
    assert found(gated) == {"no page"}


def test_a_page_that_was_live_before_it_was_signed_anew_is_no_excuse(gated):
    gate, t = the_gate(gated), the_request(gated).t
    gate.page.spans = [(0, t - 2000)]
    assert "no page" not in found(gated)
    gate.begun = (0, t - 1000)
    assert "no page" in found(gated)


def test_a_person_who_said_go_excuses_a_page_that_is_not_live(gated):
    gate, t = the_gate(gated), the_request(gated).t
    gate.page.spans = []
    for when, violated in ((t + 1, True), (t - 1, False)):
        gated.diary.let_go[:] = [(when, 1)]
        assert ("no page" in found(gated)) is violated


def test_the_policy_excuses_a_page_that_is_not_live_once_the_wait_was_over(gated):
    gate, t = the_gate(gated), the_request(gated).t
    gate.page.spans, wait = [], gate.policy.wait // MS
    for then in Then:
        gate.policy, gate.t = replace(gate.policy, then=then), t - wait
        assert ("no page" in found(gated)) is (then is not Then.GO)
    gate.policy, gate.t = replace(gate.policy, then=Then.GO), t - wait + 1
    assert "no page" in found(gated)


def test_a_request_through_a_gate_that_stood_shut(gated):
    gate, t = the_gate(gated), the_request(gated).t
    gate.history = (*gate.history, (t - 1000, GateState.SHUT))
    assert found(gated) == {"no page"}
    gate.history = (*gate.history[:-1], (t - 50, GateState.SHUT))
    assert found(gated) == set()


def test_an_answer_of_the_portal_that_is_too_old(gated):
    gate, request = the_gate(gated), the_request(gated)
    gate.page.journal = [(request.t - PROOF - 1, True), (request.t - 1000, False)]
    assert found(gated) == {"no page"}
    request.process.naps.append((request.t - 2000, request.t))  # stopped between check and write
    assert found(gated) == set()


def test_the_rest_of_a_release_goes_after_what_has_left(gated):
    request, platform = the_request(gated), gated.world.platforms[0]
    the_gate(gated).page.journal = []
    assert found(gated) == {"no page"}
    before = Request(request.t - 1, 99, request.key, request.hashes, "", request.process, False)
    platform.journal.insert(0, before)
    case = Case(gated, gated.world.db.publications[1], [request], platform.items, [], gated.world.db.attempts[1])
    seen: list[tuple[int, str]] = []
    case.row.release.publications.append(99)
    gated.world.db.attempts[99] = []
    before_its_page(case, seen)
    assert seen == []
    before.clean = True  # refused: it has not left
    before_its_page(case, seen)
    assert [invariant for invariant, _ in seen] == [12]


def test_a_page_that_nobody_noticed(gated):
    the_request(gated).t += 60_000
    assert "doorbell" in found(gated)


def test_a_gate_that_is_asked_for_ever(gated):
    the_gate(gated).next_at = BASE
    assert found(gated) == {"lost"}
