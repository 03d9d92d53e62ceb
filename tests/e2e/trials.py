"""A killing: a release on both accounts, one process (or all) ended by kill -9 at a moment, and a restart.

Trials take minutes and mostly wait, so that a few run side by side, each in a home of its own with accounts of its own
on one pair of platforms.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .district import make_ready, plan_and_sign
from .home import Home
from .platform import Pair, Platform, epoch
from .processes import Process, kill_group, sleep_until, wait_for
from .verdict import ENDED

LEAD = 45.0  # seconds from planning to T; the commands themselves take some of it
SETTLED_WITHIN = 300.0  # after T: Weibo is asked until T + 180 s before a person is
ONE_AT_A_TIME = threading.Lock()
"""For what keeps the processor busy: one trial gets ready while the others wait for their instants."""
ITEMS = ("E2E-001", "E2E-002")


@dataclass(frozen=True)
class Trial:
    """Who dies, and when."""

    victim: str
    moment: str

    @property
    def name(self) -> str:
        """For test ids and folders."""
        return f"{self.victim}-{self.moment}"


@dataclass(frozen=True)
class Outcome:
    """What was left to judge."""

    home: Home
    pair: Pair
    release: int


class Stage:
    """A home made ready once for some trials, with a pair of accounts for each; every trial is played in a copy."""

    def __init__(self, folder: Path, platform: Platform, pairs: dict[Trial, Pair]) -> None:
        self.platform, self._folder, self._pairs = platform, folder, pairs
        self._original, self._ready = Home(folder / "original"), False

    def set_for(self, trial: Trial) -> tuple[Home, Pair, Sequence[str]]:
        """Its home, its accounts on the platforms and their names in the home."""
        suffixes = {one: f"-{number}" for number, one in enumerate(self._pairs)}
        with ONE_AT_A_TIME:
            if not self._ready:
                pairs = {suffixes[one]: pair for one, pair in self._pairs.items()}
                make_ready(self._original, self.platform, pairs, items=len(ITEMS))
                self._ready = True
        home = Home(self._folder / trial.name)
        shutil.copytree(self._original.path, home.path)
        return home, self._pairs[trial], (f"gzh{suffixes[trial]}", f"wb{suffixes[trial]}")


ANSWERS_AFTER = 4.0  # seconds; in which both calls have come, however busy the machine
LAST_CHANCE = 0.15  # seconds before T: later, a byte might leave before the victim dies
#: Seconds from T at which the victim dies, "intent" not before it is written; "staging" is as soon as the draft is being made.
MOMENTS = {"hand-out": -12.0, "intent": -1.0, "sent": 0.05}


def play(trial: Trial, stage: Stage) -> Outcome:
    """Play one trial to its end."""
    home, pair, accounts = stage.set_for(trial)
    _slow_down(trial, pair, stage.platform)
    with ONE_AT_A_TIME:
        running = home.up()
    try:
        release = plan_and_sign(home, lead=LEAD, items=ITEMS, accounts=accounts)
        _wait_for_the_moment(trial, home, release)
        if trial.moment == "sent":
            _wait_for_the_calls(pair, stage.platform)
        running = VICTIMS[trial.victim](home, running)
        home.wait_states(release, ENDED, _time_left(home, release), running)
        return Outcome(home, pair, release)
    finally:
        running.end()
        home.end_leftovers()


def _slow_down(trial: Trial, pair: Pair, platform: Platform) -> None:
    """Make the moment wide enough to be hit: staging waits at the draft, answers come late."""
    if trial.moment == "staging":
        platform.arm("wechat", pair.appid, "draft/add", "slow", seconds=3, when="before")
    if trial.moment == "sent":
        for name, account, call in (
            ("wechat", pair.appid, "message/mass/sendall"),
            ("weibo", pair.uid, "statuses/share"),
        ):
            platform.arm(name, account, call, "slow", seconds=ANSWERS_AFTER)


def _wait_for_the_moment(trial: Trial, home: Home, release: int) -> None:
    if trial.moment == "staging":
        wait_for(lambda: any(row["state"] == "staging" for row in home.publications(release)), 30, "staging begins")
        time.sleep(0.5)
        return
    at = epoch(home.publications(release)[0]["instant"]) + MOMENTS[trial.moment]
    assert time.time() < at, "the release was signed too late for this moment"
    sleep_until(at)
    if trial.moment == "intent":
        _wait_for_the_intents(home, release)


def _wait_for_the_calls(pair: Pair, platform: Platform) -> None:
    """Until both have taken effect; their answers are still to come."""
    wait_for(lambda: len(platform.public_calls(*pair.ids)) == 2, ANSWERS_AFTER, "both calls have come")


def _wait_for_the_intents(home: Home, release: int) -> None:
    """Until both pushes of T have theirs; a busy machine takes its time. After T there would be nothing left to try."""
    first = [row for row in home.publications(release) if row["lane"] == 0]
    left = epoch(first[0]["instant"]) - LAST_CHANCE - time.time()
    names = ",".join(str(row["id"]) for row in first)

    def written() -> bool:
        return len(home.rows(f"SELECT id FROM bot_attempt WHERE publication_id IN ({names})")) == len(first)

    wait_for(written, max(left, 0.0), "both intents are written before T")


def _time_left(home: Home, release: int) -> float:
    return epoch(home.publications(release)[0]["instant"]) - time.time() + SETTLED_WITHIN


# --- who dies --------------------------------------------------------------------------------------------------


def _one_program(name: str) -> Callable[[Home, Process], Process]:
    """A program and its pool at once; `tongfa up` sees to it that it comes back."""

    def strike(home: Home, running: Process) -> Process:
        kill_group(home.pid(name))
        return running

    return strike


def _supervisor(home: Home, running: Process) -> Process:
    """The supervisor alone; whoever is on duty types `tongfa up` again."""
    running.kill()
    return home.up()


def _power_cut(home: Home, running: Process) -> Process:
    """Everything in the same instant, as when the machine loses its power."""
    programs = home.pids()
    running.kill_group()
    for pid in programs:
        kill_group(pid)
    return home.up()


VICTIMS: dict[str, Callable[[Home, Process], Process]] = {
    "publish-worker": _one_program("worker-publish"),
    "clock": _one_program("clock"),
    "broker": _one_program("valkey"),
    "supervisor": _supervisor,
    "everything": _power_cut,
}
