"""What a tick would find to do: each part is named as soon as there is something for it, and not before."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bot.domain import timeline
from bot.domain.delivery import State
from bot.models import (
    Account,
    AlarmNotice,
    Batch,
    Chore,
    Item,
    ManualCount,
    ManualPost,
    Person,
    PortalGate,
    Preflight,
    Publication,
    Release,
)
from bot.services import agenda as planning
from bot.services import clock, gating
from bot.services.agenda import PARTS, agenda

from .delivery_support import MINUTE, SECOND, Engine, T
from .factories import Office, force

DAY = timedelta(days=1)


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


@pytest.fixture
def release(engine: Engine) -> Release:
    """Signed, both posts staged, ten minutes still to go, and a watch that has nothing to look at."""
    release = engine.signed()
    engine.go(T - 9 * MINUTE)
    Preflight.objects.update(next_at=T + DAY)
    Chore.objects.update(next_at=T + DAY)
    AlarmNotice.objects.update(next_at=None)
    Publication.objects.update(alarm_at=T + DAY)
    return release


def parts() -> frozenset[str]:
    return agenda(T - 9 * MINUTE, soon=gating.SOON)


def test_a_release_is_near_from_two_minutes_ahead_until_an_hour_after(release: Release) -> None:
    Publication.objects.update(next_at=None)
    near = [at for at in (-121, -120, 0, 3599, 3600) if planning.is_near(T + at * SECOND)]
    assert near == [-120, 0, 3599]


def test_one_that_is_not_signed_is_not(release: Release) -> None:
    Publication.objects.update(next_at=None)
    Release.objects.update(signed_at=None)
    assert not planning.is_near(T)


def test_what_people_send_again_of_an_older_one_is_and_a_batch_with_its_sender(release: Release) -> None:
    later = T + 2 * DAY
    Publication.objects.update(next_at=None)
    assert not planning.is_near(later)
    Publication.objects.update(next_at=later + MINUTE)
    assert planning.is_near(later)
    Publication.objects.update(next_at=None)
    Batch.objects.create(instant=later, state="ready", claim_by=later, handed_at=later)
    assert planning.is_near(later)


def test_each_tick_says_so(release: Release) -> None:
    """A release may be signed ninety seconds ahead: those who rest are woken with its first bell, the sender too."""
    assert not clock.tick(T - 9 * MINUTE).near
    assert clock.tick(T - 90 * SECOND).near


def put_all(state: str = State.STAGED, **changes: object) -> None:
    if state == State.LIVE:
        for item in Item.objects.all():
            Item.objects.filter(pk=item.pk).update(platform_id=f"p{item.pk}")
        changes = {"live_at": NOW, **changes}
    force(Publication.objects.all(), state, **changes)


def batch(state: str) -> Batch:
    return Batch.objects.create(instant=T, handed_at=T, claim_by=T, state=state)


def follow_by_hand(due: datetime) -> ManualCount:
    account, person = Account.objects.get(slug="lyhd"), Person.objects.get(username="releaser")
    post = ManualPost.objects.create(
        unit=account.unit, account=account, mode="share", title="停水通知", url="https://weibo.com/2017000001/a", post_key="a",
        posted_at=NOW - DAY, posted_by=person, entered_by=person, entered_at=NOW,
    )  # fmt: skip
    return ManualCount.objects.create(post=post, next_sample_at=due)


NOW = T - 9 * MINUTE
PAST, FUTURE = NOW - SECOND, NOW + SECOND
DUE: dict[str, tuple[str, Callable[[], object]]] = {
    "a batch that somebody has": ("recover", lambda: batch("claimed")),
    "armed for a batch that is over": ("recover", lambda: put_all(state=State.ARMED, batch=batch("done"))),
    "armed for no batch at all": ("recover", lambda: put_all(state=State.ARMED, batch=None)),
    "being staged": ("recover", lambda: put_all(state=State.STAGING, lease_until=FUTURE)),
    "later than allowed": ("late", lambda: put_all(instant=NOW - timeline.MAX_LATENESS - SECOND, state=State.HELD)),
    "not ready in time": ("unready", lambda: put_all(state=State.BLOCKED, stage_by=PAST, next_at=FUTURE)),
    "staged and due": ("hand_out", lambda: put_all(next_at=PAST)),
    "to be staged": ("ring", lambda: put_all(state=State.PLANNED, next_at=PAST)),
    "a lease that ran out": ("ring", lambda: put_all(state=State.STAGING, next_at=PAST, lease_until=PAST)),
    "to be looked at": ("ring", lambda: put_all(state=State.UNKNOWN, next_at=PAST)),
    "a bell that nobody heard": (
        "ring",
        lambda: put_all(state=State.CONFIRMING, next_at=PAST, rung_at=NOW - timeline.RING_AGAIN),
    ),
    "a batch that nobody has": ("batches", lambda: batch("ready")),
    "a second post to be looked for": ("ring", lambda: put_all(state=State.LIVE, next_at=PAST)),
    "numbers to be asked for": ("measure", lambda: put_all(state=State.LIVE, next_sample_at=PAST, next_at=None)),
    "numbers of what people posted": ("measure", lambda: follow_by_hand(PAST)),
    "an alarm to be raised": ("watch", lambda: Publication.objects.update(alarm_at=PAST)),
    "a chore": ("watch", lambda: Chore.objects.update(next_at=PAST)),
    "a pre-flight": ("watch", lambda: Preflight.objects.update(next_at=PAST)),
}


def test_a_release_that_is_ready_and_far_off_asks_for_nothing(release: Release) -> None:
    assert parts() == frozenset()


@pytest.mark.parametrize("case", DUE)
def test_what_is_due_is_on_the_agenda(release: Release, case: str) -> None:
    part, bring_about = DUE[case]
    bring_about()
    assert parts() == {part}


@pytest.mark.parametrize(
    "changes",
    [
        {"state": State.PLANNED, "next_at": PAST, "lease_until": FUTURE},
        {"state": State.CONFIRMING, "next_at": PAST, "rung_at": PAST},
        {"state": State.HELD, "instant": NOW - timeline.MAX_LATENESS + SECOND},
        {"state": State.LIVE, "next_sample_at": FUTURE},
    ],
    ids=["leased", "rung a second ago", "still in time", "measured already"],
)
def test_what_must_wait_is_not(release: Release, changes: dict[str, object]) -> None:
    put_all(**changes)
    assert parts() == frozenset()


def test_numbers_of_what_people_posted_have_their_time(release: Release) -> None:
    follow_by_hand(FUTURE)
    assert parts() == frozenset()


def test_what_is_late_on_a_release_that_is_not_signed_is_nobodys_work(release: Release) -> None:
    put_all(instant=NOW - timeline.MAX_LATENESS - SECOND, state=State.HELD)
    Release.objects.update(signed_at=None)
    assert parts() == frozenset()


@pytest.mark.parametrize("state", [State.STAGED, State.PLANNED])
def test_a_crowd_is_on_the_agenda_ahead_of_its_time(
    release: Release, monkeypatch: pytest.MonkeyPatch, state: State
) -> None:
    put_all(state=state, next_at=NOW + MINUTE)
    assert parts() == frozenset()
    monkeypatch.setattr(timeline, "CROWD", 1)
    assert parts() == {"hand_out" if state is State.STAGED else "ring"}


def test_a_gate_is_on_the_agenda_half_a_minute_ahead(release: Release) -> None:
    PortalGate.objects.create(release=release, next_at=NOW + gating.SOON)
    assert parts() == {"gates"}


def test_it_asks_once_however_much_there_is(release: Release, django_assert_num_queries: Callable[..., object]) -> None:
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        parts()


#: A step that reads a whole table, as SQLite (by the names that the questions give it) and PostgreSQL call it.
THROUGH = re.compile(r"^SCAN (?:bot_\w+|p|r|b)\b|Seq Scan on bot_")


def steps(sql: str) -> list[str]:
    """How the database would answer it."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            return [row[3] for row in cursor.fetchall()]
        cursor.execute("SET LOCAL enable_seqscan = off")  # so few rows are read through sooner than looked up
        cursor.execute(f"EXPLAIN {sql}")
        return [row[0] for row in cursor.fetchall()]


def test_no_question_of_a_tick_with_nothing_due_reads_a_table_through(release: Release) -> None:
    """With a million publications in it each would take the clock its second."""
    with CaptureQueriesContext(connection) as asked:
        assert not clock.at_hand(NOW)
        clock.tick(NOW)
    assert len(asked) >= 3
    assert [(step, query["sql"]) for query in asked for step in steps(query["sql"]) if THROUGH.search(step)] == []


def test_every_part_that_it_names_is_one_of_the_clock_and_none_is_missing() -> None:
    assert set(clock._PARTS) == PARTS


def test_a_part_that_mended_something_brings_all_that_follow(engine: Engine, release: Release) -> None:
    """What a dead sender left is handed out in the same tick, though nothing was due when the tick began."""
    put_all(state=State.ARMED, batch=batch("claimed"), next_at=None)
    engine.clock.wait_until(T - 10 * SECOND)
    found = clock.tick(T - 10 * SECOND)
    assert [job.kind for job in found.rings] == ["send"]


def test_a_thorough_tick_does_not_believe_the_agenda(
    engine: Engine, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "_STATEMENT", "SELECT " + ", ".join("0" for _ in planning._FINDS))
    monkeypatch.setattr(clock, "agenda", planning.agenda)
    batch("ready")
    assert clock.tick(NOW).rings == []
    assert [job.kind for job in clock.tick(NOW, thorough=True).rings] == ["send"]
