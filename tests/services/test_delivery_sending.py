"""A signed release through its instant: once, never early, never unapproved, and stopped until the first byte."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, transaction

from bot.domain.channel import Absent, Refused, Remedy, Unclear, Unknown
from bot.domain.delivery import Event, State
from bot.models import Attempt, Batch
from bot.services import sending
from bot.services.locks import ProcessLock

from .delivery_support import (
    LATE,
    MINUTE,
    NO_ANSWER,
    NOT_LEFT,
    SECOND,
    Engine,
    Killed,
    T,
    events_of,
    fault,
    intend,
    outcomes,
    states,
)
from .factories import Office

HOUR = timedelta(hours=1)


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


# --- the good way -----------------------------------------------------------------------------------------


def test_a_signed_release_leaves_at_its_instant_on_both_accounts_and_ends_live(engine: Engine) -> None:
    release = engine.signed()
    engine.go(T + MINUTE)
    assert [(left.slug, left.at) for left in engine.platform.sent] == [("zghd", T), ("lyhd", T)]
    assert states(release) == [State.LIVE, State.LIVE]
    assert outcomes(engine.wechat(release)) == [("first", "accepted")]


def test_nothing_leaves_before_the_instant(engine: Engine) -> None:
    engine.signed()
    engine.go(T - 16 * SECOND)
    assert not engine.platform.sent
    engine.clock.at(T - timedelta(milliseconds=1), lambda: pytest.fail("sent early") if engine.platform.sent else None)
    engine.go(T + SECOND)
    assert len(engine.platform.sent) == 2


def test_the_intent_is_in_the_database_before_any_byte(engine: Engine) -> None:
    """A sender that dies afterwards leaves an open attempt: somebody will look, nobody will send again."""
    release, seen = engine.signed(), list[tuple[str, int]]()
    engine.clock.at(T, lambda: seen.extend((s, Attempt.objects.filter(outcome="").count()) for s in states(release)))
    engine.go(T + SECOND)
    assert seen == [(State.SENDING, 2), (State.SENDING, 2)]


def test_an_attempt_keeps_what_was_sent_by_whom_and_when(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    engine.go(T + MINUTE)
    done = engine.wechat(release)
    attempt = done.attempts.get()
    assert attempt.payload_hashes == [item.payload_hash for item in done.items.all()]
    assert (attempt.key, attempt.sent_at, attempt.send_by) == (done.key, T, T + 5 * SECOND)
    assert attempt.intent_at == T - 2 * SECOND
    assert ":" in attempt.owner
    assert done.late_ms == 0


def test_a_batch_rung_twice_sends_once(engine: Engine) -> None:
    engine.armed()
    batch = Batch.objects.get()
    for _ in range(3):
        sending.run_batch(batch.pk, clock=engine.clock)
    assert len(engine.platform.sent) == 2


def test_a_batch_that_another_process_holds_is_left_to_it(engine: Engine) -> None:
    release = engine.armed()
    batch = Batch.objects.get()
    other = ProcessLock("batch", batch.pk)
    assert other.acquire()
    sending.run_batch(batch.pk, clock=engine.clock)
    other.release()
    assert not engine.platform.sent
    assert states(release) == [State.ARMED, State.ARMED]


# --- never long after -------------------------------------------------------------------------------------


def test_a_sender_that_slept_through_its_instant_sends_nothing(engine: Engine) -> None:
    """A suspended machine wakes with the intent committed: its deadline was written down with the intent."""
    release = engine.armed()
    engine.clock.at(T - SECOND, lambda: setattr(engine.clock, "present", T + 40 * MINUTE))
    sending.run_batch(Batch.objects.get().pk, clock=engine.clock)
    assert not engine.platform.sent
    engine.tick()
    assert states(release) == [State.MISSED, State.MISSED]


def test_a_pause_of_seconds_within_the_deadline_still_sends(engine: Engine) -> None:
    release = engine.armed()
    engine.clock.at(T - SECOND, lambda: setattr(engine.clock, "present", T + 3 * SECOND))
    sending.run_batch(Batch.objects.get().pk, clock=engine.clock)
    assert [shot.at for shot in engine.platform.sent] == [T + 3 * SECOND] * 2
    assert states(release) == [State.CONFIRMING, State.CONFIRMING]


def test_a_bell_heard_after_the_last_moment_sends_nothing(engine: Engine) -> None:
    """All machines were off: a worker that finds the old bell first must not be faster than the clock."""
    release = engine.armed()
    engine.clock.wait_until(T + 31 * MINUTE)
    sending.run_batch(Batch.objects.get().pk, clock=engine.clock)
    assert not engine.platform.sent
    engine.tick()
    assert states(release) == [State.MISSED, State.MISSED]


def test_a_batch_claimed_late_goes_at_once_within_the_lateness_allowed(engine: Engine) -> None:
    release = engine.armed()
    engine.clock.wait_until(T + 10 * MINUTE)
    sending.run_batch(Batch.objects.get().pk, clock=engine.clock)
    assert [shot.at for shot in engine.platform.sent] == [T + 10 * MINUTE] * 2
    assert states(release) == [State.CONFIRMING, State.CONFIRMING]


def test_what_is_ready_only_in_the_next_hour_is_handed_out_anew_and_counted_there(engine: Engine) -> None:
    """An account has so many posts an hour: the slot that was taken for 08:59 is none of 09:00."""
    instant = T.replace(minute=59, second=59)
    release = engine.signed(instant=instant)
    engine.workers = False
    engine.go(instant - 10 * SECOND)
    engine.clock.wait_until(instant + 3 * SECOND)
    sending.run_batch(Batch.objects.get().pk, clock=engine.clock)
    assert not engine.platform.sent
    assert states(release) == [State.STAGED, State.STAGED]
    assert {"已到下一个小时" in one.reason for one in release.publications.all()} == {True}
    engine.workers = True
    engine.go(instant + MINUTE)
    assert {shot.at.hour for shot in engine.platform.sent} == {(instant + MINUTE).hour}
    assert len(engine.platform.sent) == 2
    assert states(release) == [State.LIVE, State.LIVE]


# --- one publication's trouble is not its neighbours' -------------------------------------------------------


def _no_grant(engine: Engine) -> None:
    engine.platform.grants["zghd"] = [fault(Remedy.OPERATOR, "令牌取不到。")]


def _odd_request(engine: Engine) -> None:
    engine.platform.requests["zghd"] = [ValueError("the post differs from what was staged")] * 9


def _broken_preflight(engine: Engine) -> None:
    engine.platform.preflights["zghd"] = [fault(Remedy.UNKNOWN, "连不上。")] * 9


@pytest.mark.parametrize("trouble", [_no_grant, _odd_request, _broken_preflight])
def test_trouble_with_one_account_does_not_keep_the_other_from_going_on_time(
    engine: Engine, trouble: Callable[[Engine], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = engine.armed()
    trouble(engine)
    monkeypatch.setattr(sending, "has_reading", lambda account, *, now: account.slug != "zghd")
    sending.run_batch(Batch.objects.get().pk, clock=engine.clock)
    assert ("lyhd", T) in [(shot.slug, shot.at) for shot in engine.platform.sent]
    assert engine.weibo(release).status is State.CONFIRMING


def test_an_account_whose_token_could_not_be_had_is_tried_again_in_time(engine: Engine) -> None:
    release = engine.armed(on=[engine.office.wechat])
    _no_grant(engine)
    engine.go(T + MINUTE)
    assert states(release) == [State.LIVE]
    assert events_of(engine.wechat(release)).count(Event.DISARM) == 1
    assert engine.platform.shots("zghd")[0].at == T  # put back at T - 15 s, there was still time


def test_bytes_that_cannot_be_made_are_put_before_a_person(engine: Engine) -> None:
    release = engine.armed()
    _odd_request(engine)
    engine.go(T + MINUTE)
    assert engine.wechat(release).status is State.HELD
    assert "未发出" in engine.wechat(release).reason
    assert not engine.platform.shots("zghd")


# --- what the answer does ---------------------------------------------------------------------------------


def test_a_token_refused_at_the_instant_is_renewed_and_the_call_made_once_more(engine: Engine) -> None:
    release = engine.armed(on=[engine.office.wechat])
    engine.platform.answers["zghd"] = [Refused("40001", Remedy.REFRESH, "令牌无效。")]
    engine.go(T + MINUTE)
    assert outcomes(engine.wechat(release)) == [("first", "refused"), ("again", "accepted")]
    assert engine.platform.asked("preflight") == 1  # an ordinary call finds out and renews for everybody
    assert engine.wechat(release).status is State.LIVE
    assert engine.platform.sent[1].at - T < 5 * SECOND


def test_a_token_refused_twice_needs_a_person(engine: Engine) -> None:
    release = engine.armed(on=[engine.office.wechat])
    engine.platform.answers["zghd"] = [Refused("40001", Remedy.REFRESH, "令牌无效。")] * 2
    engine.go(T + MINUTE)
    assert engine.wechat(release).status is State.NEEDS_PERSON
    assert len(engine.platform.sent) == 2


def test_a_connection_that_never_stood_is_tried_again_until_it_does(engine: Engine) -> None:
    release = engine.armed(on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [NOT_LEFT, LATE]
    engine.go(T + MINUTE)
    assert outcomes(engine.weibo(release)) == [("first", "not_sent"), ("again", "not_sent"), ("again", "accepted")]
    assert len(engine.platform.sent) == 1


def test_what_never_left_by_the_last_moment_is_missed(engine: Engine) -> None:
    release = engine.armed(on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [NOT_LEFT] * 3000
    for minutes in (1, 29):
        engine.clock.wait_until(T + minutes * MINUTE)
        engine.go(engine.clock.now() + 5 * SECOND)
        assert engine.weibo(release).status in {State.STAGED, State.ARMED}
    engine.clock.wait_until(T + 31 * MINUTE)
    engine.go(T + 32 * MINUTE)
    assert engine.weibo(release).status is State.MISSED
    assert not engine.platform.sent
    assert "未发出" in engine.weibo(release).reason


def test_what_cannot_leave_is_tried_ever_more_rarely(engine: Engine) -> None:
    """Each try reads the platform first, and Weibo gives an account a hundred calls a day."""
    release = engine.armed(on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [NOT_LEFT] * 3000
    engine.go(T + 31 * MINUTE)
    assert engine.weibo(release).status is State.MISSED
    tries = list(engine.weibo(release).attempts.order_by("number").values_list("intent_at", flat=True))
    assert 25 <= len(tries) <= 40
    assert tries[1] - tries[0] < 5 * SECOND
    assert tries[-1] - tries[-2] >= 55 * SECOND


def test_a_platform_that_cannot_be_read_at_the_instant_is_asked_ever_more_rarely(engine: Engine) -> None:
    release = engine.armed(on=[engine.office.wechat])
    engine.platform.stages["zghd"] = [fault(Remedy.UNKNOWN, "平台暂时出错。")] * 3000
    asked = engine.platform.asked("stage")
    engine.go(T + 31 * MINUTE)
    assert engine.wechat(release).status is State.MISSED
    assert 25 <= engine.platform.asked("stage") - asked <= 42


@pytest.mark.parametrize(
    "answer", [NO_ANSWER, Unknown("-1", "系统繁忙。"), Killed], ids=["silence", "ambiguous", "killed"]
)
def test_whatever_is_not_known_is_not_sent_again(engine: Engine, answer: object) -> None:
    release = engine.armed(on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [answer]  # type: ignore[list-item]
    engine.go(T + 5 * SECOND)
    assert engine.weibo(release).status is State.UNKNOWN
    assert outcomes(engine.weibo(release)) == [("first", "unknown")]
    assert len(engine.platform.sent) == 1


def test_the_database_itself_refuses_a_second_open_attempt(engine: Engine) -> None:
    """Single flight is an index, not a habit."""
    release = engine.armed(on=[engine.office.weibo])
    intend(engine.weibo(release), at=T)
    with pytest.raises(IntegrityError), transaction.atomic():
        intend(engine.weibo(release), at=T)


def test_what_is_ready_only_in_the_next_day_is_handed_out_anew_for_that_days_slot(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed for shortly before midnight and prepared too slowly: the day's slot is over, the next day's is another's."""
    midnight = datetime(2026, 11, 23, 16, tzinfo=UTC)
    one, two = engine.articles(2)
    late = engine.signed(one, on=[engine.office.wechat], instant=midnight - 5 * SECOND)
    engine.signed(two, on=[engine.office.wechat], instant=midnight + 9 * HOUR)
    read_back, slow = sending._Sender._read_back, [20 * SECOND]

    def slowly(sender: sending._Sender, drafts: Any, *, everything: bool) -> Any:
        found = read_back(sender, drafts, everything=everything)
        engine.clock.wait_until(engine.clock.now() + (slow.pop() if slow else timedelta()))
        return found

    monkeypatch.setattr(sending._Sender, "_read_back", slowly)
    engine.go(midnight + MINUTE)
    assert not engine.platform.sent
    assert states(late) == [State.HELD]
    assert "群发额度" in engine.wechat(late).reason


def test_an_odd_answer_to_one_accounts_read_back_takes_no_other_along(engine: Engine) -> None:
    """Whatever the program trips over there: the mate leaves at its instant, the one concerned is tried again."""
    release = engine.signed()
    engine.go(T - MINUTE)
    engine.platform.stages["zghd"] = [RuntimeError("an odd answer")]  # type: ignore[list-item]
    engine.go(T + MINUTE)
    assert engine.weibo(release).sent_at == T
    assert states(release) == [State.LIVE, State.LIVE]
    assert Event.DISARM in events_of(engine.wechat(release))


def test_a_clock_set_since_the_comparison_is_seen_in_the_last_look(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set forward after T-5 s, every wait returns at once: the batch would leave early."""
    release = engine.signed()
    wrong = engine.wechat(release).account_id
    monkeypatch.setattr(sending, "distrusted", lambda accounts, *, now: {wrong} & {account.pk for account in accounts})
    engine.go(T + SECOND / 2)
    assert [left.slug for left in engine.platform.sent] == ["lyhd"]
    assert outcomes(engine.wechat(release))[0] == ("first", "not_sent")


def test_a_sender_that_slept_since_it_compared_the_draft_compares_it_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine was suspended between the read-back and T: somebody may have changed the draft meanwhile."""
    release = engine.signed(on=[engine.office.wechat])
    check = sending._Sender._check_clock
    compared = []

    def asleep(sender: sending._Sender) -> None:
        check(sender)
        if not compared:
            compared.append(engine.platform.asked("stage"))
            engine.clock.wait_until(T + 2 * MINUTE)

    monkeypatch.setattr(sending._Sender, "_check_clock", asleep)
    engine.go(T + 4 * MINUTE)
    assert outcomes(engine.wechat(release)) == [("first", "not_sent"), ("again", "accepted")]
    assert engine.platform.asked("stage") > compared[0]
    assert len(engine.platform.sent) == 1


def test_the_launcher_is_called_before_the_instant_and_waits_itself(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It guards T by the monotonic clock too, from when it is called."""
    engine.signed()
    called = []
    fire = sending._Sender._fire

    def spy(sender: sending._Sender, launcher: object) -> None:
        called.append(engine.clock.now())
        fire(sender, launcher)  # type: ignore[arg-type]

    monkeypatch.setattr(sending._Sender, "_fire", spy)
    engine.go(T + SECOND)
    assert [moment < T for moment in called] == [True]
    assert {left.at for left in engine.platform.sent} == {T}


@pytest.mark.parametrize(
    ("person", "state"), [(True, State.HELD), (False, State.STAGED)], ids=["changed", "unreadable"]
)
def test_what_stands_on_the_platform_is_looked_at_before_it_is_submitted_again(
    engine: Engine, person: bool, state: State
) -> None:
    """After an unknown act the draft is left alone; it may have been changed since."""
    engine.by_publish()
    release = engine.signed()
    engine.platform.answers["zghd"] = [NO_ANSWER]
    absent = [Absent("草稿还在。")] * 3
    engine.platform.looks["zghd"] = [*absent, *[Unclear("草稿被人改过。", needs_person=person)] * 99]
    engine.go(T + 12 * MINUTE)
    assert engine.platform.asked("look", "zghd") >= 4
    assert len(engine.platform.shots("zghd")) == 1
    assert engine.wechat(release).status in {state, State.ARMED}


def test_an_outcome_that_could_not_be_recorded_at_all_is_settled_by_the_next_look_at_the_batch(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database was away for the answer and for "unknown", and back for the end: the attempt must not stay open."""

    def away(*_: object, **__: object) -> None:
        raise OperationalError("the database is away")

    release = engine.signed(on=[engine.office.weibo])
    with monkeypatch.context() as patches:
        patches.setattr(sending.answers, "settle", away)
        patches.setattr(sending.answers, "settle_all", away)
        engine.go(T)
    engine.go(T + 2 * MINUTE)
    assert outcomes(engine.weibo(release)) == [("first", "unknown")]
    assert engine.weibo(release).status is State.LIVE
    assert len(engine.platform.sent) == 1
