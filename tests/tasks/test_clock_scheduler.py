"""The clock process: asks the database, rings from a thread, and lives on whatever is broken around it."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from celery import Celery
from celery.beat import Scheduler
from django.db import OperationalError

from bot.models import Chore, Standstill
from bot.services.clock import Job, Tick, Watched
from config.celery_app import CONF
from tasks import clock as clock_task
from tasks.clock import MOST_CHILDREN, MOST_SENDERS, Bell, Children, ClockScheduler
from tests.services.factories import fresh_home
from tests.support.broker import Broker


def celery_at(url: str) -> Celery:
    """An app like ours with another broker."""
    app = Celery("test", set_as_current=False)
    app.conf.update(CONF | {"broker_url": url})
    return app


@pytest.fixture(autouse=True)
def bells_fall_silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No thread of a test rings on after it."""
    send, started, busy = Bell._send, list[Bell](), list[Job]()

    def noted(bell: Bell, *jobs: Job) -> None:
        busy.extend(jobs)
        try:
            send(bell, *jobs)
        finally:
            for job in jobs:
                busy.remove(job)

    monkeypatch.setattr(Bell, "_send", noted)
    monkeypatch.setattr(Bell, "start", lambda bell: (started.append(bell), threading.Thread.start(bell)))
    yield
    for bell in started:
        bell._jobs.queue.clear()
    eventually(lambda: not busy)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that takes connections and never says a word: the worst broker."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield server.getsockname()[1]


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> list[Tick]:
    """What the next ticks find; empty: nothing."""
    script: list[Tick] = []
    monkeypatch.setattr(clock_task.clock, "tick", lambda now, **_: script.pop(0) if script else Tick())
    monkeypatch.setattr(clock_task.setback, "pull_back", lambda *, now: 0)
    monkeypatch.setattr(clock_task.setback, "ask_the_time", lambda *, now: None)
    monkeypatch.setattr(clock_task.clock, "at_hand", lambda now: bool(script))
    monkeypatch.setattr(clock_task.log, "error", lambda event, **more: pytest.fail(f"{event} {more}"))
    return script


def eventually(probe: Callable[[], bool], seconds: float = 15) -> None:
    """Until another thread has done it."""
    end = time.monotonic() + seconds
    while not probe():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


# --- what it overrides ------------------------------------------------------------------------------------------


def test_it_replaces_the_schedule_and_the_tick_of_beat_and_nothing_else() -> None:
    own = {name for name in vars(ClockScheduler) if not name.startswith("_")}
    assert own & set(dir(Scheduler)) == {"setup_schedule", "tick"}


def test_it_never_touches_the_producer_which_blocks_while_redis_is_down(
    ticks: list[Tick], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ClockScheduler, "producer", property(lambda self: pytest.fail("producer was touched")))
    ticks.append(Tick([Job("stage", 1)], []))
    assert 0 < ClockScheduler(celery_at("redis://127.0.0.1:1/0")).tick() <= 1


@pytest.mark.parametrize(("ahead", "least", "most"), [(30, 1, 1), (0.5, 0.3, 0.5), (-5, 0.02, 0.02)])
def test_it_sleeps_until_the_next_instant_but_never_longer_than_a_second(
    ticks: list[Tick], ahead: float, least: float, most: float
) -> None:
    ticks.append(Tick(next_at=datetime.now(UTC) + timedelta(seconds=ahead)))
    assert least <= ClockScheduler(celery_at("redis://127.0.0.1:1/0")).tick() <= most


def test_it_reads_the_steady_time_with_the_instant_of_a_tick(
    ticks: list[Tick], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes before the tick proper may take a while, and must not look like a jump of the clock."""
    steady, seen = [100.0], list[Watched]()

    def takes_its_time(*, now: datetime) -> int:
        steady[0] += 5.0
        return 0

    monkeypatch.setattr(clock_task, "boot_seconds", lambda: steady[0])
    monkeypatch.setattr(clock_task.setback, "pull_back", takes_its_time)
    monkeypatch.setattr(clock_task.clock, "tick", lambda now, *, thorough, watched: seen.append(watched) or Tick())
    ClockScheduler(celery_at("redis://127.0.0.1:1/0")).tick()
    assert [watched.steady for watched in seen] == [100.0]


def test_it_tells_of_its_turns_however_its_looks_go(ticks: list[Tick], monkeypatch: pytest.MonkeyPatch) -> None:
    """The launcher replaces a clock that stands still, not one whose database is away."""
    signs = list[str]()
    monkeypatch.setattr(clock_task.log, "error", lambda event, **more: None)
    monkeypatch.setattr(clock_task.alive, "touch", lambda home, name: signs.append(name))

    def away(now: datetime, **_: Any) -> Tick:
        raise OperationalError("away")

    monkeypatch.setattr(clock_task.clock, "tick", away)
    ClockScheduler(celery_at("redis://127.0.0.1:1/0")).tick()
    assert signs == ["clock-turns"]


# --- workers that rest ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "woken"),
    [
        (Tick(), []),
        (Tick([Job("send", 1)]), ["publish"]),
        (Tick([Job("stage", 1), Job("notify", 2)]), ["work"]),
        (Tick([Job("look", 1), Job("send", 2)]), ["publish", "work"]),
        (Tick(near=True), ["publish", "work"]),
        (Tick(children=[Job("stage", 1)]), []),
    ],
    ids=["nothing", "a batch", "work", "both", "a release is near", "a child does it"],
)
def test_with_the_bell_it_wakes_those_who_rest(
    ticks: list[Tick], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, found: Tick, woken: list[str]
) -> None:
    monkeypatch.setattr(Children, "start", lambda self, jobs: None)
    ticks.append(found)
    with fresh_home(tmp_path / "home") as home:
        ClockScheduler(celery_at("redis://127.0.0.1:1/0")).tick()
        assert sorted(file.stem for file in (home / "run").glob("*.bell")) == woken


def test_while_a_release_is_near_it_wakes_them_at_every_look(
    ticks: list[Tick], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also at those between two whole ticks: somebody may have them rest after a few seconds."""
    woken = list[tuple[str, ...]]()
    monkeypatch.setattr(clock_task.alive, "ring", lambda home, *queues: woken.append(queues))
    scheduler = ClockScheduler(celery_at("redis://127.0.0.1:1/0"))
    for near, looks in ((True, 3), (False, 2)):
        ticks.append(Tick(near=near, next_at=datetime.now(UTC) + timedelta(hours=1)))
        for _ in range(looks):
            scheduler.tick()
    assert woken == [("publish", "work")] * 3 + [()] * 2


def test_where_the_home_cannot_be_written_it_rings_all_the_same_and_gives_no_sign_until_it_can(
    ticks: list[Tick], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers that hear no clock wake up; what they do not take is done beside the clock."""
    full, woken, signs = [True], list[tuple[str, ...]](), list[str]()

    def ring(_: Any, *queues: str) -> None:
        if full:
            raise OSError(28, "no space left")
        woken.append(queues)

    rung = list[Job]()
    monkeypatch.setattr(clock_task.log, "error", lambda event, **more: None)
    monkeypatch.setattr(clock_task.alive, "ring", ring)
    monkeypatch.setattr(clock_task.alive, "touch", lambda home, name: signs.append(name))
    monkeypatch.setattr(Bell, "ring", lambda self, job: rung.append(job))
    ticks.append(Tick([Job("send", 1)]))
    scheduler = ClockScheduler(celery_at("redis://127.0.0.1:1/0"))
    scheduler.tick()
    scheduler.tick()
    assert (rung, woken, "clock" in signs) == ([Job("send", 1)], [], False)
    full.clear()
    scheduler.tick()
    assert (woken, "clock" in signs) == ([("publish",)], True)


# --- since when it has followed the time ----------------------------------------------------------------------------


def test_at_its_start_and_after_a_jump_of_the_clock_it_begins_to_follow_the_time_anew(
    ticks: list[Tick], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was over before that, it has not seen pass; what was put off meanwhile is pulled back."""
    pulled, seen, ahead = list[datetime](), list[Watched](), [0.0]
    monkeypatch.setattr(clock_task.setback, "pull_back", lambda *, now: pulled.append(now) or 0)
    monkeypatch.setattr(clock_task.clock, "tick", lambda now, *, thorough, watched: seen.append(watched) or Tick())
    steady = time.monotonic
    monkeypatch.setattr(clock_task.time, "monotonic", lambda: steady() + ahead[0])
    scheduler = ClockScheduler(celery_at("redis://127.0.0.1:1/0"))
    scheduler.tick()
    scheduler._next_at = None
    scheduler.tick()
    assert len(pulled) == 1
    assert [one.since for one in seen] == pulled * 2
    ahead[0] = 3600.0  # the steady clock went on for an hour, the wall clock did not: it was set back
    scheduler.tick()
    assert len(pulled) == 2
    assert seen[-1].since == pulled[1]
    assert seen[-1].for_seconds < 60


@pytest.mark.django_db
def test_its_first_look_writes_down_since_when_nobody_looked(tmp_path: Path) -> None:
    before, away = datetime.now(UTC), datetime.now(UTC) - timedelta(minutes=5)
    Chore.objects.filter(name="sweep").update(ran_at=away, next_at=away + timedelta(seconds=20))
    with fresh_home(tmp_path / "home"):
        ClockScheduler(celery_at("redis://127.0.0.1:1/0")).tick()
    one = Standstill.objects.get()
    assert one.since == away
    assert before <= one.until <= datetime.now(UTC)


# --- what is broken around it --------------------------------------------------------------------------------------


def test_a_broker_that_takes_connections_and_never_answers_does_not_hold_up_a_tick(
    ticks: list[Tick], silent_port: int
) -> None:
    scheduler = ClockScheduler(celery_at(f"redis://127.0.0.1:{silent_port}/0"))
    for _ in range(5):
        ticks.append(Tick([Job("stage", number) for number in range(200)], []))
    for _ in range(5):
        scheduler.tick()
    assert scheduler._bell._jobs.qsize() > 0, "the ticks were over before anybody had heard anything"


def test_while_nothing_is_under_way_it_looks_half_as_often(ticks: list[Tick]) -> None:
    """What is due next is known; what people write meanwhile is seen within two seconds."""
    scheduler = ClockScheduler(celery_at("redis://127.0.0.1:1/0"))
    ahead = timedelta(seconds=20)
    ticks.append(Tick(next_at=datetime.now(UTC) + ahead))
    scheduler.tick()
    assert scheduler.tick() == pytest.approx(clock_task.QUIET_SLEEP, abs=0.1)
    ticks.append(Tick(next_at=datetime.now(UTC) + ahead))
    assert scheduler.tick() == pytest.approx(clock_task.LONGEST_SLEEP, abs=0.1)


def test_a_dead_broker_costs_the_bell_a_call_and_the_thread_lives_on(silent_port: int) -> None:
    bell = Bell(celery_at(f"redis://127.0.0.1:{silent_port}/0"))
    with pytest.raises(Exception):  # noqa: B017 - redis has many
        bell._send(Job("stage", 1))
    bell.start()
    bell.ring(Job("stage", 2))
    eventually(bell._jobs.empty)
    assert bell.is_alive()


def test_a_full_bell_forgets_rather_than_blocks(silent_port: int) -> None:
    bell = Bell(celery_at(f"redis://127.0.0.1:{silent_port}/0"))  # not started: nobody empties it
    for number in range(10_050):
        bell.ring(Job("stage", number))
    assert bell._jobs.qsize() == 10_000


@pytest.mark.parametrize("problem", [OperationalError("database is locked"), OSError(28, "No space left on device")])
def test_a_database_that_is_away_is_asked_again_in_a_second(
    monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    def away(now: datetime) -> Tick:
        raise problem

    monkeypatch.setattr(clock_task.clock, "tick", away)
    scheduler = ClockScheduler(celery_at("redis://127.0.0.1:1/0"))
    assert [scheduler.tick(), scheduler.tick()] == [1.0, 1.0]


def test_after_a_fork_the_bell_is_a_new_thread(ticks: list[Tick], monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads do not survive a fork; beat may fork after it has made its scheduler."""
    scheduler = ClockScheduler(celery_at("redis://127.0.0.1:1/0"))
    scheduler.tick()
    first = scheduler._bell
    monkeypatch.setattr(clock_task.os, "getpid", lambda: -1)
    scheduler.tick()
    assert scheduler._bell is not first
    assert scheduler._bell.is_alive()


# --- bells ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "task", "queue"),
    [
        ("send", "tasks.publish.send", "publish"),
        ("stage", "tasks.work.stage", "work"),
        ("look", "tasks.work.look", "work"),
        ("measure", "tasks.work.measure", "work"),
    ],
)
def test_a_bell_is_one_id_in_the_right_queue_and_nothing_more(valkey: Broker, kind: str, task: str, queue: str) -> None:
    app = celery_at(valkey.url)
    Bell(app)._send(Job(kind, 4711))
    with app.connection_for_read() as connection:
        message = connection.SimpleQueue(app.amqp.queues[queue]).get(timeout=5)
        message.ack()
    args, kwargs, _ = message.payload
    assert (message.headers["task"], args, kwargs) == (task, [4711], {})
    assert (message.headers["eta"], message.headers["expires"], message.headers["retries"]) == (None, None, 0)
    assert message.content_type == "application/json"


def test_a_crowds_sender_may_take_as_long_as_it_waits_for_its_instant_on_top(valkey: Broker) -> None:
    app = celery_at(valkey.url)
    Bell(app)._send(Job("send", 4711, waits=300.0))
    with app.connection_for_read() as connection:
        message = connection.SimpleQueue(app.amqp.queues["publish"]).get(timeout=5)
        message.ack()
    assert message.headers["timelimit"] == [420, 390]  # hard, soft


def test_a_bell_of_a_kind_nobody_knows_does_not_end_the_thread(valkey: Broker) -> None:
    bell = Bell(celery_at(valkey.url))
    bell.start()
    bell.ring(Job("dance", 1))
    eventually(bell._jobs.empty)
    assert bell.is_alive()


# --- children ------------------------------------------------------------------------------------------------------


class FakeChild:
    """A child process that ends when told."""

    started: ClassVar[list[list[str]]] = []

    def __init__(self, argv: list[str], **options: Any) -> None:
        self.ended, self.killed = False, False
        self.argv, self.options = argv, options
        FakeChild.started.append(argv[-2:])

    def poll(self) -> int | None:
        return 0 if self.ended else None

    def kill(self) -> None:
        self.ended = self.killed = True


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    FakeChild.started = []
    monkeypatch.setattr(clock_task.subprocess, "Popen", FakeChild)
    return FakeChild.started


def test_work_that_nobody_took_is_done_in_a_child_of_the_clock(ticks: list[Tick], started: list[list[str]]) -> None:
    ticks.append(Tick([], [Job("stage", 3), Job("send", 8)]))
    ClockScheduler(celery_at("redis://127.0.0.1:1/0")).tick()
    assert started == [["send", "8"], ["stage", "3"]]  # what must leave now goes first


def test_a_few_children_at_a_time_but_sending_never_waits(started: list[list[str]]) -> None:
    children = Children()
    children.start([Job("stage", number) for number in range(10)])
    assert len(started) == MOST_CHILDREN
    children.start([Job("send", 99)])
    assert started[-1] == ["send", "99"]
    for child in children._running.values():
        child.ended = True  # type: ignore[attr-defined]
    children.start([])
    assert len(started) == 2 * MOST_CHILDREN + 1


def test_many_senders_do_not_take_the_machine(started: list[list[str]]) -> None:
    """A platform that is away sends a crowd back at many instants: what cannot be started now is started when one has ended."""
    children = Children()
    children.start([Job("send", number) for number in range(MOST_SENDERS + 9)])
    assert len(started) == MOST_SENDERS
    children.start([Job("stage", 1)])
    assert started[-1] == ["stage", "1"]  # who prepares does not wait for them
    next(iter(children._running.values())).ended = True  # type: ignore[attr-defined]
    children.start([])
    assert len(started) == MOST_SENDERS + 2


def test_the_same_work_is_started_once_while_it_runs(started: list[list[str]]) -> None:
    children = Children()
    for _ in range(3):
        children.start([Job("look", 5)])
    assert started == [["look", "5"]]


def test_a_child_that_hangs_is_ended_so_that_its_lock_is_free(
    started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    children = Children()
    children.start([Job("stage", 1)])
    (child,) = children._running.values()
    monkeypatch.setattr(clock_task.time, "monotonic", lambda: 1e12)
    children.start([])
    assert child.killed  # type: ignore[attr-defined]


def test_a_child_is_our_own_command_with_our_own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[FakeChild] = []

    def popen(argv: list[str], **options: Any) -> FakeChild:
        made.append(FakeChild(argv, **options))
        return made[0]

    monkeypatch.setattr(clock_task.subprocess, "Popen", popen)
    Children().start([Job("send", 7)])
    assert made[0].argv[1:] == ["-m", "bot.cli.main", "run", "once", "send", "7"]
    assert made[0].options["stdin"] is subprocess.DEVNULL
    assert "TONGFA_HOME" in made[0].options["env"]
