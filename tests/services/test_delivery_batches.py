"""Who goes out together, in which order, and what becomes of a sender that died."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.channel import Failed, Pending, Refused, Remedy
from bot.domain.delivery import State
from bot.models import Account, Attempt, Batch, Publication
from bot.services import batches, sending, stops
from bot.services.locks import ProcessLock, is_held, tidy

from .delivery_support import (
    MINUTE,
    NO_ANSWER,
    SECOND,
    Engine,
    Killed,
    T,
    events_of,
    fault,
    intend,
    outcomes,
    put,
    states,
)
from .factories import Office


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


# --- beside a replay --------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["ready", "claimed", "done"])
def test_beside_a_replay_that_is_about_to_leave_the_next_one_waits(engine: Engine, state: str) -> None:
    """Its intent would meet the replay's on the same account, and a person would have to resume it."""
    Account.objects.filter(slug="zghd").update(options={**engine.office.wechat.options, "account_type": "service"})
    engine.office.wechat.refresh_from_db()
    one, two = engine.articles(2)
    doubted, other = (engine.signed(document, on=[engine.office.wechat]) for document in (one, two))
    engine.go(T - 20 * SECOND)
    asked = put(engine.wechat(doubted), State.UNKNOWN, sent_at=T, next_at=T + MINUTE)
    probe = batches.arrange_probe(asked, now=engine.clock.now())
    Batch.objects.filter(pk=probe.pk).update(state=state)
    batches.hand_out([engine.wechat(other)], now=T - 15 * SECOND)
    assert states(other) == [State.ARMED if state == "done" else State.STAGED]


def test_when_the_replay_has_been_answered_the_next_one_goes(engine: Engine) -> None:
    Account.objects.filter(slug="zghd").update(options={**engine.office.wechat.options, "account_type": "service"})
    engine.office.wechat.refresh_from_db()
    one, two = engine.articles(2)
    engine.platform.answers["zghd"] = [NO_ANSWER]
    doubted = engine.signed(one, on=[engine.office.wechat])
    other = engine.signed(two, on=[engine.office.wechat], instant=T + 70 * SECOND)
    engine.go(T + 5 * MINUTE)
    assert states(doubted) + states(other) == [State.LIVE, State.LIVE]
    assert sorted(left.probe for left in engine.platform.sent) == [False, False, True]


# --- handing out -----------------------------------------------------------------------------------------


def test_what_goes_at_one_instant_goes_in_one_batch(engine: Engine) -> None:
    release = engine.armed()
    batch = Batch.objects.get()
    assert (batch.instant, batch.handed_at, batch.claim_by) == (T, T - 15 * SECOND, T - 8 * SECOND)
    assert {publication.batch_id for publication in release.publications.all()} == {batch.pk}


def test_different_instants_make_different_batches(engine: Engine) -> None:
    one, two = engine.articles(2)
    engine.signed(one, on=[engine.office.wechat])
    engine.signed(two, on=[engine.office.weibo], instant=T + 3 * SECOND)
    engine.go(T - 16 * SECOND)
    engine.workers = False
    engine.go(T - 12 * SECOND)
    assert sorted(Batch.objects.values_list("instant", flat=True)) == [T, T + 3 * SECOND]


def test_nothing_is_handed_out_earlier_than_fifteen_seconds_ahead(engine: Engine) -> None:
    release = engine.signed()
    engine.go(T - timedelta(seconds=15, milliseconds=1))
    assert states(release) == [State.STAGED, State.STAGED]
    assert not Batch.objects.exists()


def test_a_disabled_account_is_held_and_says_why(engine: Engine) -> None:
    release = engine.signed()
    engine.go(T - 20 * SECOND)
    Account.objects.filter(slug="zghd").update(disabled_reason="平台封禁")
    engine.go(T + MINUTE)
    assert states(release) == [State.HELD, State.LIVE]
    assert "平台封禁" in engine.wechat(release).reason


def test_an_account_sends_one_thing_at_a_time(engine: Engine) -> None:
    """Two releases on one account at one instant: the second waits for the first, it is not lost."""
    one, two = engine.articles(2)
    first = engine.signed(one, on=[engine.office.weibo])
    second = engine.signed(two, on=[engine.office.weibo])
    engine.go(T + MINUTE)
    assert states(first) + states(second) == [State.LIVE, State.LIVE]
    assert engine.platform.shots()[0].at < engine.platform.shots()[1].at


# --- lanes: several posts of one release on one account ----------------------------------------------------


def test_a_lane_leaves_in_order_each_after_the_answer_and_the_spacing_of_the_one_before(engine: Engine) -> None:
    release = engine.signed(*engine.articles(4), on=[engine.office.weibo])
    engine.go(T + MINUTE)
    keys = [publication.key for publication in release.publications.order_by("lane")]
    assert [shot.key for shot in engine.platform.sent] == keys
    assert [shot.at - T for shot in engine.platform.sent] == [6 * SECOND * lane for lane in range(4)]
    assert states(release) == [State.LIVE] * 4


def test_a_slow_answer_moves_the_next_of_the_lane_back_never_forward(engine: Engine) -> None:
    release = engine.signed(*engine.articles(2), on=[engine.office.weibo])
    engine.go(T - 20 * SECOND)
    engine.go(T)
    assert engine.weibo(release, 0).status is State.CONFIRMING
    Publication.objects.filter(release=release, lane=0).update(accepted_at=T + 14 * SECOND)
    engine.go(T + MINUTE)
    assert [shot.at - T for shot in engine.platform.sent] == [timedelta(), 19 * SECOND]
    assert engine.weibo(release, 1).instant == T + 6 * SECOND  # what was signed stays what was signed


@pytest.mark.parametrize(
    "trouble", [NO_ANSWER, Refused("20021", Remedy.PERSON, "违规内容。")], ids=["unknown", "refused"]
)
def test_trouble_in_a_lane_holds_the_rest_of_it_and_says_why(engine: Engine, trouble: object) -> None:
    release = engine.signed(*engine.articles(3), on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [Pending({"idstr": "7001"}), trouble]  # type: ignore[list-item]
    engine.go(T + 20 * SECOND)
    assert len(engine.platform.sent) == 2
    assert states(release)[0] == State.LIVE
    assert states(release)[2] == State.HELD
    assert "上一条" in engine.weibo(release, 2).reason
    assert "未发出" in engine.weibo(release, 2).reason


def test_trouble_that_shows_while_the_next_is_about_to_leave_still_holds_it(engine: Engine) -> None:
    """Armed, its intent written down, waiting for its instant: the last look asks after the one before it once more."""
    release = engine.signed(*engine.articles(2), on=[engine.office.weibo])
    first = engine.weibo(release, 0).pk

    def gone() -> None:
        engine.platform.looks["lyhd"] = [Failed("gone", "平台上已找不到这条微博。")] * 9
        Publication.objects.filter(pk=first).update(state=State.NEEDS_PERSON, fence=99, next_at=None)

    engine.clock.at(T + 5.8 * SECOND, gone)
    engine.go(T + MINUTE)
    assert [shot.key for shot in engine.platform.sent] == [engine.weibo(release, 0).key]
    assert outcomes(engine.weibo(release, 1)) == [("first", "not_sent")]
    assert states(release) == [State.NEEDS_PERSON, State.HELD]
    assert "上一条" in engine.weibo(release, 1).reason


def test_the_other_account_of_the_release_does_not_wait_for_the_lane(engine: Engine) -> None:
    release = engine.signed(*engine.articles(2))
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    engine.go(T + MINUTE)
    assert engine.wechat(release).status is State.LIVE
    assert engine.wechat(release).sent_at == T


def test_a_lane_closes_up_over_a_cancelled_post(engine: Engine) -> None:
    release = engine.signed(*engine.articles(3), on=[engine.office.weibo])
    engine.go(T - MINUTE)
    middle = engine.weibo(release, 1).pk
    stops.cancel(release, person=engine.releaser, reason="重复", now=engine.clock.now(), only=middle)
    engine.go(T + MINUTE)
    assert states(release) == [State.LIVE, State.CANCELLED, State.LIVE]


def test_the_rest_of_a_lane_goes_on_when_a_person_resumes_it(engine: Engine) -> None:
    release = engine.signed(*engine.articles(2), on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    engine.go(T + 2 * MINUTE)
    assert states(release) == [State.LIVE, State.HELD]  # a look found the first
    stops.resume(release, person=engine.releaser, now=engine.clock.now())
    engine.go(T + 4 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]


# --- together ---------------------------------------------------------------------------------------------


def test_one_account_not_ready_fifteen_seconds_ahead_holds_the_whole_release(engine: Engine) -> None:
    release = engine.signed()
    engine.platform.stages["zghd"] = [fault(Remedy.OPERATOR, "白名单里没有本机。")] * 99
    engine.go(T + MINUTE)
    assert not engine.platform.sent
    assert states(release) == [State.HELD, State.HELD]
    assert "白名单" in engine.wechat(release).reason
    assert "中国河东" in engine.weibo(release).reason


def test_what_is_held_for_the_other_post_of_its_own_account_is_not_told_that_it_stopped_because_of_itself(
    engine: Engine,
) -> None:
    release = engine.signed(*engine.articles(2))
    engine.platform.stages["lyhd"] = [fault(Remedy.OPERATOR, "白名单里没有本机。")] * 99
    engine.go(T + MINUTE)
    assert set(states(release)) == {State.HELD}
    own = [engine.weibo(release, lane).reason for lane in (0, 1)]
    assert not any("临沂河东" in reason for reason in own)
    assert sorted("本账号的另一条推送没有准备好" in reason for reason in own) == [False, True]
    assert "同一发布单的“临沂河东”没有准备好" in engine.wechat(release).reason


def test_it_is_held_at_fifteen_seconds_not_before(engine: Engine) -> None:
    release = engine.signed()
    engine.platform.stages["zghd"] = [fault(Remedy.OPERATOR, "白名单里没有本机。")] * 99
    engine.go(T - 16 * SECOND)
    assert states(release) == [State.BLOCKED, State.STAGED]
    engine.go(T - 15 * SECOND)
    assert states(release) == [State.HELD, State.HELD]


def test_another_release_at_the_same_instant_is_not_held(engine: Engine) -> None:
    one, two = engine.articles(2)
    blocked = engine.signed(one, on=[engine.office.wechat])
    free = engine.signed(two, on=[engine.office.weibo])
    engine.platform.stages["zghd"] = [fault(Remedy.OPERATOR, "白名单里没有本机。")] * 99
    engine.go(T + MINUTE)
    assert (states(blocked), states(free)) == ([State.HELD], [State.LIVE])


def test_what_was_held_together_can_be_resumed_alone_and_leaves_late(engine: Engine) -> None:
    release = engine.signed()
    engine.platform.stages["zghd"] = [fault(Remedy.OPERATOR, "白名单里没有本机。")] * 99
    engine.go(T + MINUTE)
    only = engine.weibo(release).pk
    stops.resume(release, person=engine.releaser, now=engine.clock.now(), only=only)
    engine.go(T + 2 * MINUTE)
    assert states(release) == [State.HELD, State.LIVE]


def test_what_nobody_decides_is_missed_after_the_lateness_allowed(engine: Engine) -> None:
    release = engine.signed()
    engine.platform.stages["zghd"] = [fault(Remedy.OPERATOR, "白名单里没有本机。")] * 99
    engine.go(T + 31 * MINUTE)
    assert states(release) == [State.MISSED, State.MISSED]
    assert "白名单" in engine.wechat(release).reason  # the earlier reason is kept


# --- outages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dark_from", [20, 1], ids=["before staging", "after staging"])
def test_after_an_outage_a_release_leaves_late_but_once(engine: Engine, dark_from: int) -> None:
    release = engine.signed()
    engine.go(T - dark_from * MINUTE)
    engine.clock.wait_until(T + 12 * MINUTE)  # nothing ran meanwhile
    engine.go(T + 14 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]
    assert sorted(shot.slug for shot in engine.platform.sent) == ["lyhd", "zghd"]
    assert engine.platform.sent[0].at >= T + 12 * MINUTE


def test_after_a_longer_outage_nothing_leaves_and_a_person_is_asked(engine: Engine) -> None:
    release = engine.signed()
    engine.go(T - MINUTE)
    engine.clock.wait_until(T + 31 * MINUTE)
    engine.go(T + 40 * MINUTE)
    assert not engine.platform.sent
    assert states(release) == [State.MISSED, State.MISSED]
    assert "未发出" in engine.weibo(release).reason


# --- dead senders --------------------------------------------------------------------------------------------


def _die() -> None:
    raise Killed


@pytest.mark.parametrize("left", [12, 5, 3], ids=["claimed", "connecting", "just before the intent"])
def test_a_sender_that_died_before_its_intent_sent_nothing_and_its_batch_goes_again(engine: Engine, left: int) -> None:
    release = engine.signed()
    engine.clock.at(T - left * SECOND, _die)
    engine.go(T + MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]
    assert len(engine.platform.sent) == 2
    assert "disarm" in events_of(engine.wechat(release))
    assert outcomes(engine.wechat(release)) == [("first", "accepted")]


@pytest.mark.parametrize("left", [1.0, 0.05], ids=["after the intent", "in the last tenth of a second"])
def test_a_sender_that_died_after_its_intent_leaves_unknown_never_a_second_send(engine: Engine, left: float) -> None:
    """Perhaps the bytes left: only the platform can tell."""
    release = engine.signed(on=[engine.office.weibo])
    engine.clock.at(T - timedelta(seconds=left), _die)
    engine.go(T + SECOND)
    assert engine.weibo(release).status is State.UNKNOWN
    assert outcomes(engine.weibo(release)) == [("first", "unknown")]
    assert engine.weibo(release).next_at is not None
    assert "查清之前不会再发" in engine.weibo(release).reason


def test_one_dead_sender_with_many_loads_leaves_each_as_it_was(engine: Engine) -> None:
    """Both had intents; WeChat's answer was recorded, Weibo's was not."""
    release = engine.signed()
    engine.platform.answers["lyhd"] = [Killed]
    engine.go(T + 3 * SECOND)
    assert states(release) == [State.CONFIRMING, State.UNKNOWN]


def test_a_zombie_that_still_holds_its_lock_is_left_alone_however_long(engine: Engine) -> None:
    """SIGSTOP is not death: it may wake up and write. Taking over while it lives could send twice."""
    release = engine.armed(on=[engine.office.weibo])
    batch, zombie = Batch.objects.get(), ProcessLock("batch", Batch.objects.get().pk)
    assert zombie.acquire()
    assert batches.claim(batch.pk, "zombie:1", now=engine.clock.now())
    intend(put(engine.weibo(release), State.SENDING), at=T - 2 * SECOND)
    engine.go(T + 10 * MINUTE)
    assert engine.weibo(release).status is State.SENDING
    assert not engine.platform.sent
    zombie.release()  # now it is dead
    engine.tick()
    assert engine.weibo(release).status is State.UNKNOWN


def test_a_zombie_that_wakes_after_its_batch_was_settled_changes_nothing(engine: Engine) -> None:
    """Its fence is old and its attempt has an outcome already."""
    from bot.services import answers

    release = engine.armed(on=[engine.office.weibo])
    batches.claim(Batch.objects.get().pk, "zombie:1", now=engine.clock.now())
    before = put(engine.weibo(release), State.SENDING)
    attempt = intend(before, at=T - 2 * SECOND)
    batches.recover(now=T)
    answers.settle(answers.accepted(before, attempt, {"idstr": "1"}, "{}", now=T), now=T)
    assert engine.weibo(release).status is State.UNKNOWN
    assert outcomes(engine.weibo(release)) == [("first", "unknown")]


def test_recovering_twice_is_recovering_once(engine: Engine) -> None:
    release = engine.armed()
    batches.claim(Batch.objects.get().pk, "dead:1", now=engine.clock.now())
    assert batches.recover(now=T)
    assert not batches.recover(now=T)
    assert states(release) == [State.STAGED, State.STAGED]


# --- claims and locks --------------------------------------------------------------------------------------


def test_a_batch_is_claimed_by_one(engine: Engine) -> None:
    engine.armed()
    batch = Batch.objects.get()
    assert batches.claim(batch.pk, "a:1", now=T) is not None
    assert batches.claim(batch.pk, "b:2", now=T) is None
    assert Batch.objects.get().owner == "a:1"


def test_a_lock_is_held_by_one_and_free_after_release(committed_db: None) -> None:
    one, two = ProcessLock("batch", 7), ProcessLock("batch", 7)
    assert one.acquire()
    assert not two.acquire()
    assert one.held()
    assert is_held("batch", 7)
    assert not is_held("batch", 8)
    assert not is_held("stage", 7)
    one.release()
    assert not one.held()
    assert not is_held("batch", 7)
    tidy("batch", 7)


def test_the_lock_of_a_killed_process_is_free_again(tmp_path: object, engine: Engine) -> None:
    """The kernel (or the database) drops it; nobody has to time it out. Here: the descriptor is closed."""
    lock = ProcessLock("batch", 9)
    assert lock.acquire()
    lock.release()
    assert ProcessLock("batch", 9).acquire()


def test_a_sender_that_dies_three_times_before_its_intent_is_put_before_a_person(engine: Engine) -> None:
    """The same poison would kill the fourth as well."""
    release = engine.signed(on=[engine.office.weibo])
    for left in (12, 5, 3):
        engine.clock.at(T - left * SECOND, _die)
    engine.go(T + MINUTE)
    assert engine.weibo(release).status is State.HELD
    assert "连续 3 次" in engine.weibo(release).reason
    assert not engine.platform.sent


def test_an_old_batch_that_nobody_claimed_is_not_rung_for_ever(engine: Engine) -> None:
    engine.armed()
    engine.clock.wait_until(T + 31 * MINUTE)
    engine.tick()
    assert Batch.objects.get().state == "done"
    sending.run_batch(Batch.objects.get().pk, clock=engine.clock)
    assert not Attempt.objects.exists()
