"""Many at one instant: shared by several processes, called earlier, written in groups, and nobody's trouble is another's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bot.domain import timeline
from bot.domain.channel import Pending, Refused, Remedy
from bot.domain.delivery import Event, State
from bot.models import Account, Attempt, AuditEvent, Batch, Chore, Edition, Preflight, Publication, Release
from bot.services import audit, batches, bulk, clock, sending, staging
from bot.services.clock import Job
from bot.services.transitions import Change, Stale, move, move_all

from .delivery_support import MINUTE, NO_ANSWER, SECOND, Engine, ScriptedLauncher, T, outcomes, states
from .factories import Office, add_weibo, article, force

DAY = timedelta(days=1)


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


def accounts(engine: Engine, count: int, prefix: str = "street") -> list[Account]:
    """More Weibo accounts of the same unit."""
    return [add_weibo(engine.office.unit, f"{prefix}{number}") for number in range(count)]


def crowd(engine: Engine, count: int) -> Release:
    """One release to that many accounts, signed."""
    street = accounts(engine, count)
    return engine.signed(engine.office.approved(now=engine.clock.now()), on=street)


def queries(work: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        work()
    return len(captured)


# --- over several batches -----------------------------------------------------------------------------------


def test_a_crowd_is_shared_evenly_and_a_release_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "SHARED_FROM", 8)
    group = [Publication(pk=number, release_id=number // 3) for number in range(12)]
    parts = batches.together(group)
    assert [len(part) for part in parts] == [6, 6]
    homes: dict[int, set[int]] = {}
    for index, part in enumerate(parts):
        for publication in part:
            homes.setdefault(publication.release_id, set()).add(index)
    assert all(len(where) == 1 for where in homes.values())
    assert sorted(one.pk for part in parts for one in part) == list(range(12))


def test_a_few_go_in_one_batch() -> None:
    group = [Publication(pk=number, release_id=number) for number in range(50)]
    assert batches.together(group) == [group]


def test_a_crowd_of_several_batches_all_goes_once_at_its_instant(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "SHARED_FROM", 4)
    monkeypatch.setattr(batches, "CHUNK", 2)
    monkeypatch.setattr(bulk, "CHUNK", 2)
    first = engine.signed()
    street = accounts(engine, 4)
    second = engine.signed(engine.office.approved(article(3), now=engine.clock.now()), on=street)
    engine.go(T + MINUTE)
    assert Batch.objects.count() == 2
    assert states(first) + states(second) == [State.LIVE] * 6
    assert {shot.at for shot in engine.platform.sent} == {T}
    assert len(engine.platform.sent) == 6
    assert all(len({p.batch_id for p in attempts(release)}) == 1 for release in (first, second))


def attempts(release: Release) -> list[Attempt]:
    return list(Attempt.objects.filter(publication__release=release))


def test_a_clock_that_dies_while_it_arms_a_crowd_leaves_nothing_behind(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until all of it is armed the clock has the batch; then it is like any sender that died before its intent."""
    release = engine.signed()
    engine.go(T - 16 * SECOND)
    engine.clock.wait_until(T - 15 * SECOND)
    monkeypatch.setattr(batches, "CHUNK", 1)
    monkeypatch.setattr(batches, "chunks", lambda rows, size=1: bulk.chunks(rows, 1))
    arm, armed = batches._arm_all, list[int]()

    def dies(batch: Batch, group: list[Publication], now: object) -> int:
        if armed:
            raise RuntimeError("killed")
        armed.append(1)
        return arm(batch, group, now)  # type: ignore[arg-type]

    monkeypatch.setattr(batches, "_arm_all", dies)
    engine.tick()
    monkeypatch.undo()
    assert sorted(states(release)) == [State.ARMED, State.STAGED]
    assert Batch.objects.get().state == "claimed"
    again = Engine(engine.office, monkeypatch)
    again.clock.present = engine.clock.now()
    again.go(T + MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]
    assert len(again.platform.sent) == 2


# --- earlier ------------------------------------------------------------------------------------------------


def test_a_crowd_is_handed_out_earlier_and_still_leaves_at_its_instant(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = engine.signed()
    engine.go(T - MINUTE)
    monkeypatch.setattr(timeline, "CROWD", 1)
    monkeypatch.setattr(timeline, "EACH_HANDED_OUT", 10 * SECOND)
    engine.clock.wait_until(T - 26 * SECOND)
    engine.tick()
    assert states(release) == [State.STAGED, State.STAGED]
    engine.clock.wait_until(T - 25 * SECOND)
    engine.tick()
    assert states(release) == [State.ARMED, State.ARMED]
    sending.run_batch(Batch.objects.get().pk, clock=engine.clock)
    assert [shot.at for shot in engine.platform.sent] == [T, T]


def test_a_crowd_that_was_kept_from_its_instant_leaves_together_again(engine: Engine) -> None:
    """Its platform was away: each is due again a little after the one before, and none gets a process of its own."""
    release = crowd(engine, 4)
    engine.go(T - 16 * SECOND)
    for place, publication in enumerate(release.publications.all()):
        again = T + SECOND + timedelta(microseconds=700 * place + 1)
        force(Publication.objects.filter(pk=publication.pk), State.STAGED, not_before=again, next_at=T)
    engine.clock.wait_until(T)
    engine.tick()
    assert Batch.objects.get().instant == again  # of the last of them
    assert states(release) == [State.ARMED] * 4
    sending.run_batch(Batch.objects.get().pk, clock=engine.clock)
    assert {shot.at for shot in engine.platform.sent} == {again}


def test_what_is_overdue_leaves_at_once(engine: Engine) -> None:
    release = crowd(engine, 2)
    engine.go(T - 16 * SECOND)
    engine.clock.wait_until(T + timedelta(seconds=3, microseconds=5))
    engine.tick()
    assert Batch.objects.get().instant == T + timedelta(seconds=3, microseconds=5)
    assert states(release) == [State.ARMED] * 2


def test_a_crowd_is_staged_earlier(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "CROWD", 1)
    monkeypatch.setattr(timeline, "EACH_STAGED", MINUTE)
    release = engine.signed()
    engine.go(T - 12 * MINUTE)
    assert states(release) == [State.PLANNED, State.PLANNED]
    engine.go(T - 11 * MINUTE)
    assert states(release) == [State.STAGED, State.STAGED]


def test_what_is_blocked_in_a_crowd_keeps_its_pauses(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "CROWD", 1)
    release = engine.signed()
    later = T - 8 * MINUTE
    force(release.publications, State.BLOCKED, next_at=later)
    engine.clock.wait_until(T - 9 * MINUTE)
    assert engine.tick().rings == []
    assert set(release.publications.values_list("next_at", flat=True)) == {later}


def test_many_bells_of_one_kind_are_rung_several_at_a_time(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "GROUP", 3)
    release = crowd(engine, 5)
    engine.clock.wait_until(T - 10 * MINUTE)
    keys = list(release.publications.order_by("account_id").values_list("pk", flat=True))
    assert engine.tick().rings == [Job("stage", keys[0], tuple(keys[1:3])), Job("stage", keys[3], (keys[4],))]
    assert engine.tick().rings == []


def test_those_in_front_do_not_hide_those_behind(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick looks at so many; the next one looks at the next ones, whether or not the first have been staged."""
    monkeypatch.setattr(clock, "MOST", 2)
    release = crowd(engine, 5)
    engine.clock.wait_until(T - 10 * MINUTE)
    rung = [job.subject for _ in range(3) for job in engine.tick().rings]
    assert sorted(rung) == sorted(release.publications.values_list("pk", flat=True))


def test_nobody_takes_over_a_queue_that_gets_shorter(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two jobs of a worker nothing is leased: a look that falls there must not start a process for each in the queue."""
    monkeypatch.setattr(clock, "GROUP", 1)
    release = crowd(engine, 4)
    engine.clock.wait_until(T - 10 * MINUTE)
    first, *waiting = [job.subject for job in engine.tick().rings]
    engine.clock.wait_until(T - 10 * MINUTE + 9 * SECOND)
    staging.stage(first, now=engine.clock.now)
    engine.clock.wait_until(T - 10 * MINUTE + 11 * SECOND)
    assert engine.tick().children == []
    engine.clock.wait_until(T - 10 * MINUTE + 12 * SECOND)
    assert engine.tick().children == [Job("stage", pk) for pk in waiting]
    assert len(waiting) == release.publications.count() - 1


def test_nor_the_few_at_its_front(engine: Engine) -> None:
    """In a queue as long as the patience with bells a few have always waited too long. Half a minute is too long for any."""
    release = crowd(engine, 3)
    engine.clock.wait_until(T - 10 * MINUTE)
    first, second, *waiting = [job.subject for job in engine.tick().rings]
    engine.clock.wait_until(T - 10 * MINUTE + 11 * SECOND)
    staging.stage(first, now=engine.clock.now)
    assert engine.tick().children == []
    engine.clock.wait_until(T - 10 * MINUTE + 30 * SECOND)
    staging.stage(second, now=engine.clock.now)
    assert engine.tick().children == [Job("stage", pk) for pk in waiting]
    assert len(waiting) == release.publications.count() - 2


# --- in groups ----------------------------------------------------------------------------------------------


def test_one_whose_intent_the_database_refuses_goes_alone_before_a_person(engine: Engine) -> None:
    one, two = engine.articles(2)
    good, bad = engine.signed(one, on=[engine.office.wechat]), engine.signed(two, on=[engine.office.weibo])
    engine.clock.at(T - 3 * SECOND, lambda: Edition.objects.filter(document=two).update(state="superseded"))
    engine.go(T + MINUTE)
    assert (states(good), states(bad)) == ([State.LIVE], [State.HELD])
    assert [shot.slug for shot in engine.platform.sent] == ["zghd"]
    assert audit.verify_chain()[2] is None


def test_answers_that_come_together_are_each_recorded_as_what_they_are(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedLauncher, "waiting", 1)  # more is always waiting: recorded at the end, together
    release = crowd(engine, 4)
    engine.platform.answers["street1"] = [NO_ANSWER]
    engine.platform.answers["street2"] = [Refused("20021", Remedy.PERSON, "违规内容。")]
    engine.platform.answers["street3"] = [Pending({"idstr": "77"})]
    engine.go(T)
    assert states(release) == [State.CONFIRMING, State.UNKNOWN, State.NEEDS_PERSON, State.CONFIRMING]
    found = [outcomes(one)[0][1] for one in release.publications.order_by("account_id")]
    assert found == ["accepted", "unknown", "refused", "accepted"]
    assert engine.platform.asked("look") == 0
    assert release.publications.order_by("account_id").last().ids == {"idstr": "77"}  # type: ignore[union-attr]
    assert audit.verify_chain()[2] is None


def test_a_wish_to_stop_is_kept_when_answers_are_recorded_together(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedLauncher, "waiting", 1)
    release = crowd(engine, 3)
    first = release.publications.order_by("account_id")[0]
    wish = Publication.objects.filter(pk=first.pk)
    engine.clock.at(T - SECOND, lambda: wish.update(stop_event="cancel", stop_reason="孙签作废：重复"))
    engine.go(T + SECOND)
    assert states(release)[0] == State.CANCELLED
    assert [shot.slug for shot in engine.platform.sent] == ["street1", "street2"]


@pytest.fixture
def three(engine: Engine) -> list[Publication]:
    release = crowd(engine, 3)
    return list(release.publications.order_by("pk"))


def test_many_moves_leave_out_what_somebody_else_has_moved(three: list[Publication]) -> None:
    move(Publication.objects.get(pk=three[1].pk), Event.HOLD, actor="a", now=T, reason="等等")
    changes = [Change(one, Event.STAGE, {"next_at": T, "reason": f"第 {one.pk} 条"}) for one in three]
    moved = move_all(changes, actor="系统", now=T)
    assert [change.publication.pk for change in moved] == [three[0].pk, three[2].pk]
    stored = Publication.objects.in_bulk([one.pk for one in three])
    assert [stored[one.pk].state for one in three] == [State.STAGING, State.HELD, State.STAGING]
    assert stored[three[0].pk].reason == f"第 {three[0].pk} 条"
    assert (stored[three[0].pk].fence, three[0].fence) == (three[0].fence, stored[three[0].pk].fence)
    assert audit.verify_chain()[2] is None


def test_all_or_none_changes_nothing_when_one_was_taken_over(three: list[Publication]) -> None:
    move(Publication.objects.get(pk=three[1].pk), Event.HOLD, actor="a", now=T, reason="等等")
    lines = AuditEvent.objects.count()
    with pytest.raises(Stale):
        move_all([Change(one, Event.STAGE) for one in three], actor="系统", now=T, whole=True)
    assert Publication.objects.get(pk=three[0].pk).state == State.PLANNED
    assert AuditEvent.objects.count() == lines


# --- what it costs ------------------------------------------------------------------------------------------


def test_what_a_batch_asks_of_the_database_does_not_grow_with_it(engine: Engine) -> None:
    """Handing out, preparing, intents and the last look: statements of a batch of three, and of one of nine."""
    few = _asked(engine, 3, T, number=1)
    assert _asked(engine, 9, T + 20 * MINUTE, number=2) == few


def _asked(engine: Engine, size: int, at: datetime, *, number: int) -> tuple[int, int]:
    street = accounts(engine, size, f"n{number}x")
    document = engine.office.approved(article(10 + number), now=engine.clock.now())
    engine.office.signed(document, instant=at, on=street, now=engine.clock.now())
    engine.go(at - 16 * SECOND)
    engine.clock.wait_until(at - 15 * SECOND)
    handed = queries(engine.tick)
    until_fire: list[int] = []
    with CaptureQueriesContext(connection) as captured:
        engine.clock.at(at, lambda: until_fire.append(len(captured)))
        sending.run_batch(Batch.objects.get(state="ready").pk, clock=engine.clock)
    engine.go(at + MINUTE)
    return handed, until_fire[0]


def quiet_watch() -> None:
    """Pre-flights and inspections are due another day: what is left is the release itself."""
    Preflight.objects.update(next_at=T + DAY)
    Chore.objects.update(next_at=T + DAY)


def test_a_tick_with_nothing_to_do_asks_a_handful_of_questions_and_between_ticks_one_is_asked(engine: Engine) -> None:
    engine.signed()
    quiet_watch()
    assert queries(engine.tick) <= 4
    assert queries(lambda: clock.at_hand(engine.clock.now())) == 1


def test_a_thorough_tick_asks_of_every_part_a_few(engine: Engine) -> None:
    engine.signed()
    quiet_watch()
    assert 3 < queries(lambda: clock.tick(engine.clock.now(), thorough=True)) <= 30


def test_what_is_due_under_way_or_handed_out_is_at_hand(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    quiet_watch()
    assert not clock.at_hand(T - 11 * MINUTE)
    assert clock.at_hand(T - 10 * MINUTE)
    engine.go(T - MINUTE)
    assert not clock.at_hand(T - MINUTE)
    Publication.objects.filter(release=release).update(lease_until=T)
    assert clock.at_hand(T - MINUTE)  # staging or a look is under way: its process may die
    Publication.objects.filter(release=release).update(lease_until=None)
    batch = Batch.objects.create(instant=T, handed_at=T - MINUTE, claim_by=T)
    assert clock.at_hand(T - MINUTE)
    batch.delete()
    Preflight.objects.update(next_at=T - MINUTE)
    assert clock.at_hand(T - MINUTE)  # the watch's rows too
