"""A state machine over the services on the real database: people, clock, workers, faults and deaths in any order, and
after every step the promises (reliability.md), judged by the model platforms' journal and a connection of its own.

The suite runs a fixed choice of histories. A longer hunt: see CONTRIBUTING.md.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.domain.delivery import FOR_A_PERSON, State
from bot.models import Account

from .delivery_judge import NO_WITNESS, WITNESS, run_all
from .delivery_world import ALL, HOUR, MINUTE, NONE, SECOND, SOME, World
from .factories import Office, article
from .model_platform import FAULTS, LOOK_FAULTS, STAGE_FAULTS, install
from .snapshot import Snapshot

EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "0"))
STEPS = int(os.environ.get("STATEFUL_STEPS", "100"))
MANY = int(os.environ.get("STATEFUL_USUAL", "16"))
USUAL = settings(
    max_examples=MANY, stateful_step_count=50, derandomize=True, deadline=None, database=None,
    suppress_health_check=list(HealthCheck), print_blob=False, phases=(Phase.generate,),
)  # fmt: skip
LONG = settings(
    USUAL, max_examples=EXAMPLES or 1, stateful_step_count=STEPS, derandomize=False, print_blob=True,
    phases=(Phase.generate,),
)  # fmt: skip

PICK = st.integers(0, 9)
PLACES = st.sampled_from(["both", "both", "wechat", "weibo"])
MODES = st.sampled_from(["mass", "publish", "publish"])
AHEAD = st.sampled_from([2 * MINUTE, 12 * MINUTE, HOUR])
SLUGS = st.sampled_from(["zghd", "lyhd"])
FAULT = st.sampled_from(["", "", *FAULTS, "lost_after", "late", "lost_before"])
MISHAP = st.sampled_from([
    "kill", "kill", "kill", "kill", "tick", "sleep 2", "sleep 40", "sleep 600", "freeze", "freeze", "hold", "hold",
    "cancel", "edit", "to_policy", "callback", "+1 s", "-1 s", "+30 s", "+1 h", "-1 h",
])  # fmt: skip
INTERVENTIONS = st.sampled_from([
    "freeze", "hold", "hold", "cancel", "edit", "to_policy", "disable", "callback", "callback", "take_down",
    "+1 s", "-1 s", "+30 s", "+1 h", "-1 h",
])  # fmt: skip


class DeliveryMachine(RuleBasedStateMachine):
    """Rules are what anybody may do at any time; the judge speaks after each."""

    office: ClassVar[Office]
    prepared: ClassVar[Snapshot]
    monkeypatch: ClassVar[pytest.MonkeyPatch]

    def __init__(self) -> None:
        super().__init__()
        self.prepared.restore()
        self.world = World(self.office)
        install(self.monkeypatch, self.world.platform)

    def teardown(self) -> None:
        try:
            if not self.world.judge.wrong:
                self.world.rest()
                self.world.judge.check()
                self.world.judge.at_rest()
        finally:
            self.world.end()

    @invariant()
    def promises_hold(self) -> None:
        self.world.judge.check()

    # --- the house ---------------------------------------------------------------------------------------------

    @initialize(mode=MODES)
    def first_release(self, mode: str) -> None:
        self._compose(0, 1, "both", 12 * MINUTE, mode)

    @rule(pick=PICK, count=st.sampled_from([1, 1, 2]), on=PLACES, ahead=AHEAD, mode=MODES, signed=st.integers(0, 3))
    def compose(self, pick: int, count: int, on: str, ahead: timedelta, mode: str, signed: int) -> None:
        self._compose(pick, count, on, ahead, mode, signed=bool(signed))

    def _compose(self, pick: int, count: int, on: str, ahead: timedelta, mode: str, *, signed: bool = True) -> None:
        everything, office = self.world.fresh_documents(), self.world.office
        chosen = (everything[pick % len(everything) :] + everything)[:count] if everything else []
        where = {"both": office.accounts, "wechat": [office.wechat], "weibo": [office.weibo]}[on]
        release = self.world.compose(chosen, where, ahead, mode)
        if release is not None and signed:
            self.world.sign(release)

    @precondition(lambda self: any(not row.signed for row in self.world.in_state(State.PLANNED, State.HELD)))
    @rule(pick=PICK)
    def sign(self, pick: int) -> None:
        unsigned = self.world.releases(signed_at__isnull=True, cancelled_at__isnull=True)
        if unsigned:
            self.world.sign(unsigned[pick % len(unsigned)])

    @precondition(lambda self: self.world.edits)
    @rule(pick=PICK)
    def approve(self, pick: int) -> None:
        if waiting := self.world.unapproved_documents():
            self.world.approve(waiting[pick % len(waiting)])

    @precondition(lambda self: self.world.in_state(State.HELD))
    @rule(pick=PICK)
    def resume(self, pick: int) -> None:
        self.world.lift()
        held = self.world.publications(State.HELD)
        one = held[pick % len(held)]
        self.world.resume(one.release, one.pk if pick % 2 else None)

    @precondition(lambda self: self.world.in_state(*FOR_A_PERSON))
    @rule(pick=PICK, choice=st.sampled_from(["again", "again", "cancel"]))
    def decide(self, pick: int, choice: str) -> None:
        waiting = self.world.publications(*FOR_A_PERSON)
        self.world.settle(waiting[pick % len(waiting)], choice)

    @rule(pick=PICK, what=INTERVENTIONS)
    def intervene(self, pick: int, what: str) -> None:
        self.world.intervene(what, pick)

    @precondition(lambda self: self.world.book.disabled or self.world.time.skew or self.world.book.frozen)
    @rule()
    def mend(self) -> None:
        self.world.lift()
        self.world.time.skew = timedelta()
        for account in self.world.office.accounts:
            self.world.enable(account)

    # --- time and workers -----------------------------------------------------------------------------------------

    @rule(answering=st.sampled_from([ALL, SOME, NONE]))
    def tick(self, answering: str) -> None:
        self.world.tick(answering)

    @rule(seconds=st.sampled_from([5, 20, 60, 300, 1200]), answering=st.sampled_from([ALL, ALL, SOME, NONE]))
    def go(self, seconds: int, answering: str) -> None:
        self.world.go(seconds * SECOND, answering, most=12)

    @precondition(lambda self: self.world.waiting())
    @rule(near=st.integers(0, 3))
    def to_the_next_instant(self, near: int) -> None:
        self.world.to_the_next_instant()
        if near:
            self.world.go(20 * SECOND, most=10)

    @precondition(lambda self: self.world.waiting())
    @rule(seconds=st.sampled_from([30, 90, 200]), wechat=FAULT, weibo=FAULT)
    def through_the_next_instant(self, seconds: int, wechat: str, weibo: str) -> None:
        self.world.to_the_next_instant()
        self._meets(wechat, weibo)
        self.world.go(seconds * SECOND, most=14)

    @rule(after=st.integers(1, 24), what=MISHAP, pick=PICK, mode=MODES, on=PLACES, wechat=FAULT, weibo=FAULT)
    def a_release_is_disturbed(
        self, after: int, what: str, pick: int, mode: str, on: str, wechat: str, weibo: str
    ) -> None:
        """From composing to well after its instant, with a fault of each platform and one mishap on the way."""
        self._compose(pick, 1, on, 2 * MINUTE, mode)
        self.world.to_the_next_instant()
        self._meets(wechat, weibo)
        self.world.plan("io", after, self.world.deed(what, pick))
        self.world.go(90 * SECOND, most=14)

    @rule(after=st.integers(1, 24), what=MISHAP, pick=PICK, mode=MODES)
    def a_release_is_disturbed_in_time(self, after: int, what: str, pick: int, mode: str) -> None:
        self._compose(pick, 1, "both", 2 * MINUTE, mode)
        self.world.to_the_next_instant()
        self.world.plan("io", after, self.world.deed(what, pick))
        self.world.go(30 * SECOND, most=14)

    def _meets(self, wechat: str, weibo: str) -> None:
        self.world.platform.faults["zghd"] += [wechat] if wechat else []
        self.world.platform.faults["lyhd"] += [weibo] if weibo else []

    @rule(seconds=st.sampled_from([3, 30, 600, 1200]))
    def nobody_is_there(self, seconds: int) -> None:
        self.world.time.advance(seconds * SECOND)

    # --- while somebody works ---------------------------------------------------------------------------------------

    @rule(kind=st.sampled_from(["io", "io", "db"]), after=st.integers(1, 40), what=MISHAP, pick=PICK)
    def meanwhile(self, kind: str, after: int, what: str, pick: int) -> None:
        self.world.plan(kind, after, self.world.deed(what, pick))

    # --- the platforms ----------------------------------------------------------------------------------------------

    @rule(on=SLUGS, fault=st.sampled_from(FAULTS), lag=st.sampled_from([0, 5, 20]))
    def a_public_call_meets(self, on: str, fault: str, lag: int) -> None:
        self.world.platform.faults[on].append(fault)
        self.world.platform.lag = lag * SECOND

    @rule(
        on=SLUGS, look=st.sampled_from(["", "", *LOOK_FAULTS]), stage=st.sampled_from(["", "", *STAGE_FAULTS]),
        times=st.sampled_from([1, 2, 6]),
    )  # fmt: skip
    def other_calls_meet(self, on: str, look: str, stage: str, times: int) -> None:
        self.world.platform.look_faults[on] += [look] * times if look else []
        self.world.platform.stage_faults[on] += [stage] * times if stage else []


@pytest.fixture
def machine(committed_office: Office, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[DeliveryMachine]]:
    """The machine over an office with ten approved documents."""
    logging.getLogger("bot").setLevel(logging.CRITICAL)  # a history is full of faults: the trace of each would drown it
    for number in range(1, 11):
        committed_office.approved(article(number))
    service = {**committed_office.wechat.options, "account_type": "service"}  # four 群发 a month
    Account.objects.filter(pk=committed_office.wechat.pk).update(options=service)
    committed_office.wechat.refresh_from_db()
    run_all(WITNESS[_vendor()])
    prepared = Snapshot()

    class Bound(DeliveryMachine):
        pass

    Bound.office, Bound.prepared, Bound.monkeypatch = committed_office, prepared, monkeypatch
    yield Bound
    prepared.restore()
    run_all(NO_WITNESS[_vendor()])
    logging.getLogger("bot").setLevel(logging.NOTSET)


def _vendor() -> str:
    from django.db import connection

    return connection.vendor


def test_the_promises_hold_in_any_history(machine: type[DeliveryMachine]) -> None:
    run_state_machine_as_test(machine, settings=LONG if EXAMPLES else USUAL)
