"""kill -9 at the worst moments, then a restart: nothing twice, nothing early, nothing lost.

Three killings run always, those that taught most; `pytest tests/e2e --long` kills everybody at every moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from .platform import Platform, Playing
from .processes import wait_for
from .trials import MOMENTS, VICTIMS, Outcome, Stage, Trial, play
from .verdict import assert_promises, never_twice

pytestmark = pytest.mark.e2e
SIDE_BY_SIDE = 3
AFTER_THE_INTENT = Trial("everything", "intent")
BEFORE_THE_ANSWER = Trial("publish-worker", "sent")
AFTER_THE_HAND_OUT = Trial("supervisor", "hand-out")
ALWAYS = (AFTER_THE_INTENT, BEFORE_THE_ANSWER, AFTER_THE_HAND_OUT)
ALL = [Trial(victim, moment) for moment in ("staging", *MOMENTS) for victim in VICTIMS]
LONG = [trial for trial in ALL if trial not in ALWAYS]


def only(trial: Trial) -> pytest.MarkDecorator:
    """One trial for one test; as a parameter, so that the theatre knows what will be asked for."""
    return pytest.mark.parametrize("trial", [trial], ids=[trial.name])


class Theatre:
    """Plays the chosen trials, a few side by side, and keeps the platforms open for the judging."""

    def __init__(self, folder: Path, platform: Platform, chosen: list[Trial]) -> None:
        self.platform = platform
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE)
        self._outcomes: dict[Trial, Future[Outcome]] = {}
        for begin in range(0, len(chosen), SIDE_BY_SIDE):
            pairs = {
                trial: platform.make_pair(300 + ALL.index(trial)) for trial in chosen[begin : begin + SIDE_BY_SIDE]
            }
            stage = Stage(folder / f"stage-{begin}", platform, pairs)
            self._outcomes |= {trial: self._pool.submit(play, trial, stage) for trial in pairs}

    def outcome(self, trial: Trial) -> Outcome:
        """Wait for a trial's end."""
        return self._outcomes[trial].result()

    def close(self) -> None:
        """Wait for all that have begun."""
        self._pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def theatre(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    folder = tmp_path_factory.mktemp("kill")
    cases = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    chosen = [case.params["trial"] for case in cases if case]
    with Playing(folder / "platform") as platform:
        playing = Theatre(folder, platform, chosen)
        try:
            yield playing
        finally:
            playing.close()


@only(AFTER_THE_INTENT)
def test_a_power_cut_between_intent_and_instant_is_resolved_by_a_replay_of_the_same_key_and_by_a_person(theatre, trial):
    """No byte had left, but after the restart nobody can know: 群发 is asked by its key, 微博 is looked for, never resent."""
    outcome = theatre.outcome(trial)
    assert_promises(outcome.home, theatre.platform, outcome.release)
    wechat, weibo, after = outcome.home.publications(outcome.release)
    assert wechat["state"] == "live", wechat["reason"]
    assert (weibo["state"], after["state"]) == ("needs_person", "held")
    assert theatre.platform.effects(outcome.pair.uid) == []
    keys = {row["params"]["clientmsgid"] for row in theatre.platform.public_calls(outcome.pair.appid)}
    assert keys == {wechat["key"]}


@only(BEFORE_THE_ANSWER)
def test_a_sender_killed_before_the_answer_sends_nothing_again_and_finds_what_it_sent(theatre, trial):
    """Both calls arrived and took effect; their answers were lost with the process that waited for them."""
    outcome = theatre.outcome(trial)
    assert_promises(outcome.home, theatre.platform, outcome.release)
    wechat, weibo, after = outcome.home.publications(outcome.release)
    assert (wechat["state"], weibo["state"], after["state"]) == ("live", "live", "held")
    assert len(theatre.platform.effects(outcome.pair.appid)) == 2
    assert len(theatre.platform.public_calls(outcome.pair.uid)) == 1


@only(AFTER_THE_HAND_OUT)
def test_a_supervisor_killed_after_the_hand_out_costs_nothing_but_a_restart(theatre, trial):
    """The sender it leaves behind takes its batch through T while the next `tongfa up` waits for it; then all goes on."""
    outcome = theatre.outcome(trial)
    assert_promises(outcome.home, theatre.platform, outcome.release)
    assert {row["state"] for row in outcome.home.publications(outcome.release)} == {"live"}
    assert len(theatre.platform.public_calls(*outcome.pair.ids)) == 3


@pytest.mark.long
@pytest.mark.parametrize("trial", LONG, ids=lambda trial: trial.name)
def test_whoever_is_killed_whenever_nothing_goes_out_twice_or_early_and_nothing_is_lost(theatre, trial):
    outcome = theatre.outcome(trial)
    assert_promises(outcome.home, theatre.platform, outcome.release)
    assert outcome.home.many(["audit", "verify"])[0]["ok"] is True


def test_at_the_end_no_post_is_public_twice_on_any_account(theatre):
    never_twice(theatre.platform)
    assert wait_for(theatre.platform.effects, 1, "something went out")
