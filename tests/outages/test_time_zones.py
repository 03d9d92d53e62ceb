"""The server's own zone does not matter: same manifest, same instants, same times in the record, in three zones.

On every check in two, those that Beijing's hours would give away: what a wrong zone touches is eight and thirteen hours off.
With `--long` in Beijing's own as well.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.district import make_ready
from tests.e2e.home import Home
from tests.e2e.platform import Pair, Platform, Playing, epoch
from tests.e2e.processes import patient
from tests.e2e.verdict import ENDED, assert_promises

from .yard import Outcome, side_by_side, wanted

pytestmark = pytest.mark.e2e
ZONES = {"utc": "UTC", "shanghai": "Asia/Shanghai", "new-york": "America/New_York"}
ALWAYS = ("utc", "new-york")
LEAD = 100.0  # one instant for all, each with a clock to start and commands to run before it


def play(name: str, original: Home, first: Platform, platform: Platform, folder: Path, instant: str) -> Outcome:
    """The same release on platforms of its own, in one zone."""
    home = Home(folder / name, {"TZ": ZONES[name], "BROKER_URL": "redis://127.0.0.1:9/0"})
    shutil.copytree(original.path, home.path)
    with sqlite3.connect(home.path / "tongfa.sqlite3") as connection:
        connection.execute("UPDATE bot_account SET endpoints = replace(endpoints, ?, ?)", (first.base, platform.base))
    with home.start("clock", "run", "clock") as clock:
        home.many(
            ["release", "plan", "--as", "he", "--at", instant, "--item", "E2E-001"],
            ["release", "sign", "1", "--as", "he"],
        )
        home.wait_states(1, ENDED, epoch(home.publications(1)[0]["instant"]) - time.time() + 240, clock)
    return Outcome(home, Pair("", "", "", "", ""), 1)


@pytest.fixture(scope="module")
def zones(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict[str, Platform], dict[str, Outcome]]]:
    """Platforms with the same state, copies of one home."""
    names = wanted(request, ZONES, always=ALWAYS)
    folder = tmp_path_factory.mktemp("zones")
    with Playing(folder / "first") as platform:
        pair = platform.make_pair(790)
        original = Home(folder / "original")
        make_ready(original, platform, {"": pair}, items=1)
        first = platform
    with ExitStack() as stack:
        platforms = {}
        for name in names:
            shutil.copytree(folder / "first", folder / f"platform-{name}")
            platforms[name] = stack.enter_context(Playing(folder / f"platform-{name}"))
        instant = datetime.fromtimestamp(int(time.time() + patient(LEAD)), UTC).isoformat()
        plays = {name: partial(play, name, original, first, platforms[name], folder, instant) for name in names}
        yield platforms, side_by_side(plays, at_once=len(plays))


def test_the_release_goes_out_once_at_its_instant_in_every_zone(zones) -> None:
    platforms, outcomes = zones
    for name, outcome in outcomes.items():
        assert_promises(outcome.home, platforms[name], outcome.release)
        assert [row["state"] for row in outcome.home.publications(1)] == ["live", "live"]


def test_what_was_signed_is_the_same_to_the_last_bit(zones) -> None:
    _, outcomes = zones
    rows = [
        outcome.home.rows("SELECT manifest_hash, manifest, instant FROM bot_release")[0]
        for outcome in outcomes.values()
    ]
    assert len({row["manifest_hash"] for row in rows}) == 1
    assert len({row["manifest"] for row in rows}) == 1
    assert len({row["instant"] for row in rows}) == 1


def test_times_in_the_record_are_utc_and_of_today_in_every_zone(zones) -> None:
    """A line that a wrong zone had touched would be hours away from the rest of the world."""
    _, outcomes = zones
    for outcome in outcomes.values():
        lines = outcome.home.rows("SELECT at, action FROM bot_auditevent ORDER BY sequence DESC LIMIT 5")
        assert all(abs(epoch(line["at"]) - time.time()) < 1800 for line in lines)
        [shown] = outcome.home.many(["release", "show", "1", "--as", "he"])
        instants = {publication["instant"] for publication in shown["publications"]}
        assert {epoch(instant) for instant in instants} == {epoch(outcome.home.publications(1)[0]["instant"])}
        for line in outcome.home.logs.glob("clock-*.log"):
            stamps = [json.loads(row)["timestamp"] for row in line.read_text().splitlines() if '"timestamp"' in row]
            assert stamps
            assert all(stamp.endswith("Z") and abs(epoch(stamp) - time.time()) < 1800 for stamp in stamps)
