"""The platform-fault matrix: every fault at every kind of call on every channel, with the real engine.

Each case ends once at most, not early, unaltered, live only if it is there and else before a person who is told
whether it went out; with bounded calls and one fetch of a token that holds. 2,093 cases with FAULT_SEEDS=7; a check
plays one of each kind, on either database.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from bot.domain.delivery import State
from bot.rehearsal import RehearsalServer
from bot.services import answers, sending

from .delivery_drill import Mailbox
from .delivery_faults import CALLS, CHANNELS, FAULTS, SLOW, cases, heals
from .delivery_matrix import Stage, playing, quick_commits
from .factories import Office
from .fault_judge import states, violations

ALL_SEEDS = 7
SEEDS = int(os.environ.get("FAULT_SEEDS", "1"))


@pytest.fixture
def platforms(committed_db: None, tmp_path: Path) -> Iterator[RehearsalServer]:
    connection.close()
    logging.disable(logging.ERROR)  # thousands of faults, each logged as it should be
    try:
        with quick_commits(), RehearsalServer(tmp_path / "platforms") as server:
            yield server
    finally:
        logging.disable(logging.NOTSET)


def test_the_matrix_is_as_large_as_it_claims() -> None:
    assert sum(len(list(cases(fault, ALL_SEEDS))) for fault in FAULTS) == 2093
    kinds = {(case.fault, case.mode, case.call) for fault in FAULTS for case in cases(fault, 1)}
    assert {(mode, call) for _, mode, call in kinds} == {(mode, call) for mode in CHANNELS for call in CALLS}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_every_promise_holds(
    fault: str, platforms: RehearsalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = list(cases(fault, SEEDS))
    office = Office.make(api=platforms.base_url)
    with Mailbox() as mailbox, playing(platforms, office, played, monkeypatch) as stage:
        if fault.startswith("callback"):
            stage.take_callbacks(mailbox)
            _let_events_overtake(stage, monkeypatch)
        stage.play()
        assert violations(stage) == []
        ends = states(stage)
    assert {name: ends[name] for case in played if heals(case) and (name := case.name) if not _live(ends[name])} == {}
    if fault in SLOW:
        assert any(_live(found) for found in ends.values())


def _live(found: list[str]) -> bool:
    """The first is live. The second of a lane may be held: its predecessor was unknown for a while."""
    return found[0] == State.LIVE and set(found[1:]) <= {State.LIVE, State.HELD, State.MISSED}


def _let_events_overtake(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that came before its answer is handed on before the answer is recorded."""
    settle, settle_all = answers.settle, answers.settle_all

    def after_the_events(*given: object, **more: object) -> object:
        stage.deliver()
        return settle(*given, **more)  # type: ignore[arg-type]

    def all_after_the_events(*given: object, **more: object) -> object:
        stage.deliver()
        return settle_all(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(sending.answers, "settle", after_the_events)
    monkeypatch.setattr(sending.answers, "settle_all", all_after_the_events)
