"""The database fails at each of the commits around a release, one after the other, until none is left to fail at.

A commit fails in three ways: it is refused (the disk is full) and everything after it works again; it is refused and
the database stays away until the job is over; it is made, and the connection is cut before anybody hears of it (on
PostgreSQL the server ends the session for real). Whoever was at work dies of it or goes on; the next ticks find a
database that works. The platforms' journal and effects are the judge.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from bot.domain.delivery import State
from bot.models import Attempt, Publication, Release
from bot.rehearsal import RehearsalServer
from bot.services import audit, clock
from bot.services.clock import Job

from .delivery_drill import Drill, wall
from .delivery_matrix import quick_commits
from .factories import Office, article

pytestmark = pytest.mark.every_case

REFUSED, AWAY, CUT = "refused", "away", "cut"
WRITES = ("INSERT", "UPDATE", "DELETE")
MOVING = [
    *(State.PLANNED, State.BLOCKED, State.STAGING, State.STAGED, State.ARMED, State.SENDING),
    *(State.CONFIRMING, State.UNKNOWN),
]
MOST = 60  # commits of one job; there are far fewer


class Saboteur:
    """Lets the `at`-th commit of this connection fail. `struck` tells whether it came to that."""

    def __init__(self, at: int, way: str) -> None:
        self._at, self._way, self._count, self.struck = at, way, 0, False
        self._really = connection._commit

    def _commit(self) -> None:
        self._at_a_commit(self._really)

    def _execute(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.struck and self._way == AWAY:
            raise OperationalError("the database is away")
        if connection.in_atomic_block or not sql.startswith(WRITES):
            return execute(sql, params, many, context)
        return self._at_a_commit(lambda: execute(sql, params, many, context))

    def _at_a_commit(self, do: Callable[[], Any]) -> Any:
        self._count += 1
        if self._count != self._at:
            return do()
        self.struck = True
        if self._way != CUT:
            raise OperationalError("database or disk is full")
        do()
        _cut_the_connection()
        raise OperationalError("server closed the connection unexpectedly")

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Until the job is over; then the process's next job begins with a fresh connection."""
        connection._commit = self._commit
        connection.execute_wrappers.append(self._execute)
        try:
            yield
        finally:
            connection.execute_wrappers.remove(self._execute)
            del connection._commit
            connection.close()


def _cut_the_connection() -> None:
    if connection.vendor != "postgresql":
        return
    known = {"dbname", "user", "password", "host", "port"}
    parameters = {name: value for name, value in connection.get_connection_params().items() if name in known}
    pid = connection.connection.info.backend_pid
    with psycopg.connect(**parameters, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])


@pytest.fixture
def drill(committed_db: None, tmp_path: Path) -> Iterator[Drill]:
    connection.close()
    with quick_commits(), RehearsalServer(tmp_path / "platforms") as server:
        made = Drill(server, Office.make(api=server.base_url))
        made.by_publish()
        yield made


def bells(drill: Drill, kind: str) -> list[Job]:
    """One tick; the bells of this kind, the others answered."""
    result = clock.tick(wall())
    jobs = [*result.rings, *result.children]
    for job in jobs:
        if job.kind != kind:
            clock.perform(job)
    return [job for job in jobs if job.kind == kind]


def sabotaged(jobs: list[Job], at: int, way: str) -> bool:
    """Do the jobs as one worker would, the database failing once; whether it did."""
    saboteur = Saboteur(at, way)
    with saboteur.at_work():
        for job in jobs:
            try:
                clock.perform(job)
            except (DatabaseError, InterfaceError):
                break  # the worker's task has failed; nobody else learns of it
    return saboteur.struck


def settle(drill: Drill) -> None:
    """Go on until nothing is left that the machine would do; a bell that nobody answered is waited for."""
    for _ in range(90):
        drill.round()
        left = Publication.objects.filter(state__in=MOVING)
        if not left.exists():
            return
        if not left.filter(state__in=MOVING[:3]).exists() and left.filter(state=State.STAGED).exists():
            drill.bring()
            continue
        due = left.filter(next_at__isnull=False).order_by("next_at").values_list("next_at", flat=True).first()
        drill.wait(max((due or wall()) - wall(), timedelta(seconds=3)))
    raise AssertionError(f"still moving: {list(left.values_list('state', 'reason'))}")


def judge(drill: Drill, release: Release) -> None:
    """Once at most; live only if it is there; else before a person; no call without a durable intent."""
    publications = list(Publication.objects.filter(release=release).select_related("account"))
    for publication in publications:
        links = [item.edition.marker for item in publication.items.select_related("edition")]
        effects = [line for line in drill.effects(publication.account.channel) if _marker(line) in links]
        assert not [mark for mark, count in Counter(map(_marker, effects)).items() if count > 1], "public twice"
        assert (publication.status is State.LIVE) <= (len(effects) == len(links))
        assert publication.status in {State.LIVE, State.NEEDS_PERSON, State.HELD}, publication.reason
        assert not effects or publication.status in {State.LIVE, State.NEEDS_PERSON}
        assert publication.status is State.LIVE or publication.reason
    attempts = Attempt.objects.filter(publication__in=publications)
    assert not attempts.filter(outcome="").exists()
    _, _, broken = audit.verify_chain()
    assert not broken


def _marker(line: dict[str, Any]) -> str:
    return str(line["marker"]).rpartition("tf=")[2][:8]


def calls_without_intent(drill: Drill) -> int:
    """How many public calls more than intents the platforms have seen."""
    return len(drill.calls()) - Attempt.objects.exclude(outcome="not_sent").count()


def one_release(drill: Drill, number: int) -> Release:
    return drill.signed(drill.office.approved(article(number), now=wall()))


@pytest.mark.parametrize("way", [REFUSED, AWAY, CUT])
def test_staging_survives_a_failure_at_any_of_its_commits(drill: Drill, way: str) -> None:
    for at in itertools.count(1):
        assert at < MOST
        release = one_release(drill, at)
        struck = sabotaged(bells(drill, "stage"), at, way)
        settle(drill)
        judge(drill, release)
        assert set(release.publications.values_list("state", flat=True)) == {State.LIVE}
        if not struck:
            break
    assert at > 3
    assert calls_without_intent(drill) <= 0


@pytest.mark.parametrize("way", [REFUSED, AWAY, CUT])
def test_sending_survives_a_failure_at_any_of_its_commits(drill: Drill, way: str) -> None:
    """Before the intents: it leaves later. After them: nobody knows, and it is looked up. Never twice."""
    for at in itertools.count(1):
        assert at < MOST
        release = one_release(drill, at)
        drill.round()
        drill.bring()
        struck = sabotaged(bells(drill, "send"), at, way)
        assert calls_without_intent(drill) <= 0
        settle(drill)
        judge(drill, release)
        if not struck:
            break
    assert at > 3


@pytest.mark.parametrize("way", [REFUSED, CUT])
def test_a_look_survives_a_failure_at_any_of_its_commits(drill: Drill, way: str) -> None:
    for at in itertools.count(1):
        assert at < MOST
        release = one_release(drill, at)
        drill.round()
        drill.bring()
        drill.round()
        due = Publication.objects.filter(release=release).order_by("-next_at").values_list("next_at", flat=True).first()
        drill.wait(due - wall())  # type: ignore[operator]
        struck = sabotaged(bells(drill, "look"), at, way)
        settle(drill)
        judge(drill, release)
        assert set(release.publications.values_list("state", flat=True)) == {State.LIVE}
        if not struck:
            break
    assert at > 3


def test_a_database_that_may_only_be_read_sends_nothing(drill: Drill) -> None:
    """No intent, no byte; when it may be written again, it goes out."""
    release = one_release(drill, 1)
    drill.round()
    drill.bring()
    [job] = bells(drill, "send")
    with only_reading(), pytest.raises(DatabaseError):
        clock.perform(job)
    assert not drill.calls()
    settle(drill)
    judge(drill, release)
    assert len(drill.effects()) == 2


@contextmanager
def only_reading() -> Iterator[None]:
    """Every write of this connection is refused by the database itself."""
    on, off = {
        "sqlite": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
        "postgresql": ("SET default_transaction_read_only = on", "SET default_transaction_read_only = off"),
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(on)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(off)
