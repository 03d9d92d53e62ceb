"""Fail at the n-th step of I/O, for every n: one release from its signature to its proof, on the real database.

First the whole life runs untouched and every point is noted: each statement, each commit, each call of a platform,
each write, each bell. Then it runs again for each of them, and there alone something fails: the statement is refused,
the commit is lost or is durable and its answer is lost, the call has no answer, the bell is not heard. Everything works
again afterwards. At rest the promises hold, and nothing waits in silence.

The suite takes every commit, call, write and bell, and every fortieth statement; NTH_FAULT_STRIDE=1 takes all.
NTH_FAULT_WAYS=weibo,mass leaves the others out.
"""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection

from bot.domain.channel import ChannelFault, Remedy
from bot.domain.delivery import FOR_A_PERSON, SETTLED, State
from bot.models import Account, Release
from bot.services import clock, sending
from bot.services.clock import Job

from .delivery_judge import NO_WITNESS, WITNESS, run_all
from .delivery_world import MINUTE, World
from .factories import NOW, Office, article
from .model_platform import ModelChannel, ModelLauncher, install
from .snapshot import Snapshot

STRIDE = int(os.environ.get("NTH_FAULT_STRIDE", "40"))
WAYS_OUT = {"mass": ("zghd", "mass"), "publish": ("zghd", "publish"), "weibo": ("lyhd", "share")}
CHOSEN = [name for name in os.environ.get("NTH_FAULT_WAYS", ",".join(WAYS_OUT)).split(",") if name in WAYS_OUT]
AHEAD = 2 * MINUTE
READS = ("SELECT", "SAVEPOINT", "RELEASE", "BEGIN", "ROLLBACK", "PRAGMA")


@dataclass(frozen=True)
class Point:
    """One place where something may fail: the `number`-th of its `kind`, in this `way`."""

    kind: str
    number: int
    way: str
    what: str = ""


class Away(OperationalError):
    """The database does not answer."""


class Life:
    """One release, from its signature until nothing is left that the machine would do. `point` fails, `lasting` times."""

    def __init__(self, office: Office, monkeypatch: pytest.MonkeyPatch, point: Point | None = None, lasting: int = 1):
        self._point, self._left = point, lasting if point else 0
        self._counts: Counter[str] = Counter()
        self.points: list[Point] = []
        self._on = False
        with monkeypatch.context() as patches:
            self.world = World(office)
            install(patches, self.world.platform)
            self._install(patches)
            try:
                self._live()
                self.world.judge.check()
                self.world.judge.at_rest()
                self.states = [row.state for row in self.world.judge.rows()]
            finally:
                connection.execute_wrappers.remove(self._statement)
                self.world.end()

    def _install(self, patches: pytest.MonkeyPatch) -> None:
        connection.execute_wrappers.append(self._statement)
        commit = connection._commit
        patches.setattr(connection, "_commit", lambda: self._commit(commit))
        for name in ("stage", "preflight", "look"):
            patches.setattr(ModelChannel, name, self._call(name, getattr(ModelChannel, name)))
        patches.setattr(ModelLauncher, "_write", self._write(ModelLauncher._write))
        launcher = sending.Launcher
        patches.setattr(sending, "Launcher", lambda *given, **named: self._connect(launcher, *given, **named))

    # --- points ----------------------------------------------------------------------------------------------------

    def _fails(self, kind: str, way: str, what: str = "") -> bool:
        """Whether it fails here; otherwise the point is noted."""
        if not self._on:
            return False
        number = self._counts[f"{kind} {way}"] = self._counts[f"{kind} {way}"] + 1
        self.points.append(Point(kind, number, way, what))
        aim = self._point
        if aim is None or self._left == 0 or (kind, way) != (aim.kind, aim.way) or number < aim.number:
            return False
        self._left -= 1
        return True

    def _statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if self._fails("statement", "refused", sql[:60]):
            raise Away("the statement was refused")
        result = execute(sql, params, many, context)
        durable = not connection.in_atomic_block and not sql.lstrip().startswith(READS)
        if durable and self._fails("statement", "done, answer lost", sql[:60]):
            raise Away("the answer was lost")
        return result

    def _commit(self, commit: Callable[[], None]) -> None:
        if self._fails("commit", "refused"):
            raise Away("the commit was refused")
        commit()
        if self._fails("commit", "done, answer lost"):
            raise Away("the answer was lost")

    def _call(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def failing(channel: ModelChannel, *given: Any, **named: Any) -> Any:
            if name == "look":  # a look answers for itself
                if self._fails(name, "no answer"):
                    self.world.platform.look_faults[channel.slug].insert(0, "unclear")
                return call(channel, *given, **named)
            if self._fails(name, "no connection"):
                raise ChannelFault(Remedy.UNKNOWN, "连接不上平台。")
            result = call(channel, *given, **named)
            if self._fails(name, "done, answer lost"):
                raise ChannelFault(Remedy.UNKNOWN, "没有收到平台的应答。")
            return result

        return failing

    def _write(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def failing(launcher: ModelLauncher, shot: Any, countdown: Any) -> Any:
            slug = json.loads(shot.request.body)["slug"]
            for way in ("not_left", "lost_before", "lost_after", "late", "silent"):
                if self._fails("write", way):
                    self.world.platform.faults[slug].insert(0, way)
            return write(launcher, shot, countdown)

        return failing

    def _connect(self, launcher: Callable[..., Any], *given: Any, **named: Any) -> Any:
        if self._fails("launcher", "no socket"):
            raise OSError("too many open files")
        return launcher(*given, **named)

    # --- life ------------------------------------------------------------------------------------------------------

    def _live(self) -> None:
        release = Release.objects.get()
        self._on = True
        while not self.world.judge.rows()[0].signed:
            with suppress(DatabaseError):
                self.world.sign(Release.objects.get(pk=release.pk))
        self._note_promises(release)
        for _ in range(80):
            self._round()
            open_ones = [row for row in self.world.judge.rows() if row.state not in SETTLED | FOR_A_PERSON]
            if not open_ones:
                return
            self.world.time.advance(self.world._next())

    def _note_promises(self, release: Release) -> None:
        """Also when the signature is durable and its answer was lost."""
        self._on = False
        for one in release.publications.all():
            self.world._promise(one)
        self._on = True

    def _round(self) -> None:
        """One tick, and workers that hear the bells; what fails is tried again by the next."""
        jobs: list[Job] = []
        with suppress(DatabaseError):
            result = clock.tick(self.world.time.now())
            jobs = [job for job in result.rings if not self._fails("broker", "bell not heard")] + result.children
        for job in jobs:
            with suppress(DatabaseError, OSError):
                self.world._perform(job)


@pytest.fixture
def planned(committed_office: Office, request: pytest.FixtureRequest) -> Iterator[Snapshot]:
    """One approved document, planned on one account (`indirect` parameter: channel and mode)."""
    logging.getLogger("bot").setLevel(logging.CRITICAL)
    slug, mode = request.param
    Account.objects.filter(slug=slug).update(mode=mode)
    account = Account.objects.get(slug=slug)
    committed_office.planned(committed_office.approved(article(1)), instant=NOW + AHEAD, on=[account], now=NOW)
    run_all(WITNESS[connection.vendor])
    kept = Snapshot()
    yield kept
    kept.restore()
    run_all(NO_WITNESS[connection.vendor])
    logging.getLogger("bot").setLevel(logging.NOTSET)


WAYS = pytest.mark.parametrize("planned", [WAYS_OUT[name] for name in CHOSEN], indirect=True, ids=CHOSEN)


def lived(
    kept: Snapshot, office: Office, monkeypatch: pytest.MonkeyPatch, point: Point | None = None, **more: int
) -> Life:
    kept.restore()
    return Life(office, monkeypatch, point, **more)


def judged(point: Point, live: Callable[[], Life]) -> str:
    """What was wrong after this fault, "" when all was well."""
    try:
        life = live()
    except AssertionError as error:
        return f"{point}: {error}"
    good = {State.LIVE} | FOR_A_PERSON
    return "" if set(life.states) <= good and life.states else f"{point}: ends as {life.states}"


@WAYS
def test_whatever_fails_once_is_survived(
    planned: Snapshot, committed_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    untouched = lived(planned, committed_office, monkeypatch)
    assert untouched.states == [State.LIVE]
    points = [
        one for one in untouched.points if one.way != "refused" or one.kind != "statement" or one.number % STRIDE == 0
    ]
    assert {one.kind for one in points} == {one.kind for one in untouched.points}
    assert len(untouched.points) > 100
    wrong = [
        judged(point, lambda point=point: lived(planned, committed_office, monkeypatch, point)) for point in points
    ]
    assert not list(filter(None, wrong))


@WAYS
def test_a_database_that_is_away_for_a_moment_is_survived(
    planned: Snapshot, committed_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four statements in a row, so that the way out of the first failure fails as well."""
    untouched = lived(planned, committed_office, monkeypatch)
    statements = [one for one in untouched.points if (one.kind, one.way) == ("statement", "refused")]
    wrong = [
        judged(point, lambda point=point: lived(planned, committed_office, monkeypatch, point, lasting=4))
        for point in statements[:: STRIDE * 2]
    ]
    assert not list(filter(None, wrong))
