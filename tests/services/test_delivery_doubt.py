"""Where an act may be public already, the platform is asked before another begins, and nobody is told that it is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from bot.channels.weibo.looking import wanted_of
from bot.channels.weibo.timeline import search
from bot.domain.channel import (
    Absent,
    ChannelFault,
    Evidence,
    Failed,
    Pending,
    PositionReceipt,
    Receipt,
    Refused,
    Remedy,
    Unclear,
)
from bot.domain.delivery import Event, State
from bot.domain.engine.facts import DOUBTFUL
from bot.models import Alarm, Attempt, Batch, Publication
from bot.services import alarming, batches, errors, settling, stops, story, transitions
from bot.services.facts import facts_of
from bot.services.locks import ProcessLock

from .delivery_platform import Answer
from .delivery_support import (
    MINUTE,
    NO_ANSWER,
    NOT_LEFT,
    SECOND,
    SIGNED_AT,
    Engine,
    Killed,
    T,
    intend,
    outcomes,
    put,
)
from .factories import Office, article

PENDING = Pending({"publish_id": "77"}, "微信正在发布。")
LATER = T + 40 * MINUTE


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


def again(engine: Engine, of: Publication) -> None:
    """Two people say that it is not public."""
    settling.settle_again(
        of, person=engine.releaser, second=engine.office.people["final"], reason="主页上没有", now=engine.clock.now()
    )


@pytest.fixture
def undecided(engine: Engine) -> Publication:
    """A freepublish that was accepted and stayed in progress for half an hour: before a person."""
    engine.by_publish()
    release = engine.signed(on=[engine.office.wechat])
    engine.platform.looks["zghd"] = [PENDING] * 400
    engine.go(LATER)
    engine.platform.looks["zghd"] = []
    of = engine.wechat(release)
    assert (of.status, outcomes(of)) == (State.NEEDS_PERSON, [("first", "accepted")])
    return of


# --- sent again by people -----------------------------------------------------------------------------------


def test_what_was_accepted_and_is_public_meanwhile_is_found_and_not_sent_again(
    engine: Engine, undecided: Publication
) -> None:
    staged = engine.platform.asked("stage")
    again(engine, undecided)
    engine.go(LATER + 5 * MINUTE)
    undecided.refresh_from_db()
    assert undecided.status is State.LIVE
    assert len(engine.platform.shots("zghd")) == 1
    assert engine.platform.asked("stage") == staged  # no other draft


def test_what_is_still_in_progress_comes_back_to_the_person_and_is_not_sent_again(
    engine: Engine, undecided: Publication
) -> None:
    engine.platform.looks["zghd"] = [PENDING] * 30
    again(engine, undecided)
    engine.go(LATER + 5 * MINUTE)
    undecided.refresh_from_db()
    assert undecided.status is State.NEEDS_PERSON
    assert "没有结论" in undecided.reason
    assert len(engine.platform.shots("zghd")) == 1


def test_what_is_proved_to_have_failed_is_compared_and_sent_again(engine: Engine, undecided: Publication) -> None:
    engine.platform.looks["zghd"] = [Failed("3", "平台处理失败，没有发布。")]
    staged = engine.platform.asked("stage")
    again(engine, undecided)
    engine.go(LATER + 5 * MINUTE)
    undecided.refresh_from_db()
    assert undecided.status is State.LIVE
    assert len(engine.platform.shots("zghd")) == 2
    assert engine.platform.asked("stage") == staged + 1


def test_what_was_public_and_taken_down_is_left_to_people(engine: Engine, undecided: Publication) -> None:
    engine.platform.looks["zghd"] = [Failed("5", "曾经发布，后来全部文章被人删除；", gone=True)]
    again(engine, undecided)
    engine.go(LATER + 2 * MINUTE)
    undecided.refresh_from_db()
    assert undecided.status is State.HELD
    assert len(engine.platform.shots("zghd")) == 1


def test_the_look_before_another_try_knows_the_first_act(engine: Engine, undecided: Publication) -> None:
    """By its ids and its instant, so that what is half an hour old is recognised."""
    seen: list[Evidence] = []

    def look(evidence: Evidence) -> Pending:
        seen.append(evidence)
        return PENDING

    engine.platform.looks["zghd"] = [look]
    again(engine, undecided)
    engine.go(LATER + 3 * MINUTE)
    assert seen[0].sent_at == undecided.sent_at == T
    assert seen[0].ids == undecided.ids != {}


def test_weibo_too_is_looked_at_before_people_send_again(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    engine.platform.looks["lyhd"] = [Absent("没有查到。")] * 99
    engine.go(LATER)
    assert engine.weibo(release).status is State.NEEDS_PERSON
    engine.platform.looks["lyhd"] = []
    again(engine, engine.weibo(release))
    engine.go(LATER + 3 * MINUTE)
    assert engine.weibo(release).status is State.LIVE
    assert len(engine.platform.shots("lyhd")) == 1


# --- looks are counted from the act ---------------------------------------------------------------------------


def test_after_a_late_act_that_crashed_the_looks_are_spaced_from_that_act(engine: Engine) -> None:
    """Nobody was there at T. An effect may come two minutes after the act: absence before that proves nothing."""
    engine.by_publish()
    release = engine.signed(on=[engine.office.wechat])
    engine.workers = False
    engine.clock.wait_until(T + 10 * MINUTE)
    engine.workers = True
    engine.platform.answers["zghd"] = [Killed]
    engine.platform.looks["zghd"] = [Absent("草稿还在。")] * 99
    engine.go(T + 13 * MINUTE)
    first = engine.wechat(release).attempts.get(number=1)
    assert first.outcome == "unknown"
    assert engine.wechat(release).not_before >= T + 10 * MINUTE
    assert outcomes(engine.wechat(release)) == [("first", "unknown")]
    engine.go(T + 22 * MINUTE)
    second = engine.wechat(release).attempts.get(number=2)
    assert second.intent_at - first.intent_at >= 8 * MINUTE


# --- together -------------------------------------------------------------------------------------------------


def test_a_worker_that_is_still_at_it_at_the_deadline_holds_the_whole_release(engine: Engine) -> None:
    """The platform hangs: whoever waited for the end of its lease would send the other account alone."""
    release = engine.signed()
    engine.go(T - 40 * SECOND)
    put(engine.wechat(release), State.STAGING, lease_until=T + 50 * SECOND, next_at=T + 50 * SECOND, stage_faults=0)
    lock = ProcessLock("stage", engine.wechat(release).pk)
    assert lock.acquire()
    try:
        engine.go(T + SECOND)
    finally:
        lock.release()
    assert not engine.platform.sent
    assert engine.wechat(release).status is State.HELD
    assert engine.weibo(release).status is State.HELD


def test_what_began_after_an_outage_goes_late_rather_than_never(engine: Engine) -> None:
    """Nobody was there before T - 15 s: that is no failure of an account."""
    release = engine.signed()
    engine.workers = False
    engine.clock.wait_until(T + MINUTE)
    engine.workers = True
    engine.go(T + 3 * MINUTE)
    assert engine.wechat(release).status is State.LIVE
    assert engine.weibo(release).status is State.LIVE


# --- a crowd and two clocks -------------------------------------------------------------------------------------


def test_a_crowds_batch_is_locked_before_anybody_sees_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    release = engine.signed()
    engine.go(T - 16 * SECOND)
    monkeypatch.setattr(batches, "CHUNK", 1)
    held, lock = [], batches.ProcessLock

    class Watched(lock):  # type: ignore[misc, valid-type]
        def acquire(self) -> bool:
            taken = super().acquire()
            held.append(Batch.objects.get().state)
            return taken

    monkeypatch.setattr(batches, "ProcessLock", Watched)
    due = list(Publication.objects.filter(release=release).select_related("account", "release__unit", "release__gate"))
    made = batches.hand_out(due, now=T - 15 * SECOND)
    assert held == ["claimed"]
    assert [batch.state for batch in made] == ["ready"]


def test_what_is_armed_for_a_batch_that_is_over_is_handed_out_again(engine: Engine) -> None:
    release = engine.armed()
    Batch.objects.update(state="done")
    engine.go(T + MINUTE)
    assert {engine.wechat(release).status, engine.weibo(release).status} == {State.LIVE}
    assert len(engine.platform.sent) == 2


# --- what is said -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.HELD, State.MISSED, State.CANCELLED, State.NEEDS_PERSON])
@pytest.mark.parametrize("outcome", sorted(DOUBTFUL))
def test_nobody_is_told_that_nothing_is_public_while_an_act_is_in_doubt(
    engine: Engine, state: State, outcome: str
) -> None:
    release = engine.signed(on=[engine.office.weibo])
    attempt = intend(engine.weibo(release), at=T)
    Attempt.objects.filter(pk=attempt.pk).update(outcome=outcome, answered_at=T + SECOND)
    of = put(engine.weibo(release), state, reason="因故停止。")
    assert "不明" in story.public_now(Publication.objects.get(pk=of.pk))


@pytest.mark.parametrize("state", [State.HELD, State.MISSED, State.BLOCKED])
def test_no_alarm_says_so_either(engine: Engine, state: State) -> None:
    release = engine.signed(on=[engine.office.weibo])
    attempt = intend(engine.weibo(release), at=T)
    Attempt.objects.filter(pk=attempt.pk).update(outcome="unknown", answered_at=T + SECOND)
    of = put(engine.weibo(release), state, reason="因故停止。", held_by="machine", not_before=T)
    alarming.reconcile([of.pk], now=T + 5 * MINUTE)
    assert Alarm.objects.get(publication=of, kind__in=["held", "missed", "overdue"]).out == "unknown"


def test_a_refusal_in_doubt_is_a_doubt_everywhere(engine: Engine) -> None:
    """Its draft is gone: the platform may have published what it said it refused."""
    release = engine.signed(on=[engine.office.wechat])
    attempt = intend(engine.wechat(release), at=T)
    Attempt.objects.filter(pk=attempt.pk).update(outcome="refused", answered_at=T + SECOND)
    of = put(engine.wechat(release), State.HELD, reason="草稿不在了。", held_by="machine", doubt=True)
    alarming.reconcile([of.pk], now=T + 5 * MINUTE)
    assert Alarm.objects.get(publication=of).out == "unknown"
    assert "不明" in story.public_now(of)
    assert facts_of(of).doubts == 1


def test_what_holds_it_now_says_nothing_of_the_act_before(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.weibo])
    attempt = intend(engine.weibo(release), at=T)
    Attempt.objects.filter(pk=attempt.pk).update(outcome="unknown", answered_at=T + SECOND)
    of = put(engine.weibo(release), State.STAGED)
    transitions.move(of, Event.HOLD, actor="系统", now=T + MINUTE, reason="账号已停用，未发出。")
    of.refresh_from_db()
    assert of.reason == "账号已停用，未发出。（这里说的是这一次；先前一次是否已发出不明，请先到平台后台核实。）"


def test_what_is_missed_after_an_act_in_doubt_is_not_said_to_be_unsent(engine: Engine) -> None:
    engine.by_publish()
    release = engine.signed(on=[engine.office.wechat])
    engine.platform.answers["zghd"] = [NO_ANSWER]
    absent = [Absent("草稿还在。")] * 3
    engine.platform.looks["zghd"] = [*absent, *[Unclear("暂时查不到结果。")] * 400]
    engine.go(T + 45 * MINUTE)
    of = engine.wechat(release)
    assert of.status in {State.MISSED, State.NEEDS_PERSON}
    assert "未发出（" not in of.reason
    assert "核实" in of.reason


# --- the search for what an earlier act has done ----------------------------------------------------------------


def on_the_timeline(engine: Engine, since: datetime) -> Callable[[Evidence], Receipt | Absent]:
    """The adapter's own search over a timeline that shows our post, public at `since`."""

    def look(evidence: Evidence) -> Receipt | Absent:
        wanted = wanted_of(evidence)
        created = since.strftime("%a %b %d %H:%M:%S +0000 %Y")
        found = search([{"idstr": "5001", "text": wanted.text, "created_at": created, "uid": "1"}], wanted, window=5)
        if found.found is None:
            return Absent("没有找到")
        return Receipt({"idstr": "5001"}, (PositionReceipt("5001", "https://weibo.com/2017000001/a"),))

    return look


@pytest.mark.parametrize("how", [NO_ANSWER, Killed])
@pytest.mark.parametrize("then", [None, NOT_LEFT])
def test_sent_again_by_two_people_it_is_searched_for_since_its_first_act(
    engine: Engine, how: Answer, then: Answer | None
) -> None:
    """Also where its sender was killed before it could note when it sent, and where the next try did not leave."""
    release = engine.signed(on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [how, *([then] if then else [])]
    engine.platform.looks["lyhd"] = [Unclear("读取失败。")] * 400
    engine.go(T + 40 * MINUTE)
    one = engine.weibo(release)
    assert one.status is State.NEEDS_PERSON
    late = [Absent("时间线延迟")] if then else []
    engine.platform.looks["lyhd"] = [*late, *[on_the_timeline(engine, T + SECOND)] * 400]
    again(engine, one)
    engine.go(engine.clock.now() + 10 * MINUTE)
    assert len(engine.platform.shots("lyhd")) == 1
    assert engine.weibo(release).status is State.LIVE


def test_what_the_platform_answered_to_another_push_is_not_taken_for_ours(engine: Engine) -> None:
    """Two releases say the same words; the call of the first was lost. The post of the second proves nothing for it."""
    same = {"title": "关于临时停水的通知", "summary": "因管网检修，城区部分路段临时停水。"}
    one, two = (engine.office.approved(article(number, **same), now=SIGNED_AT) for number in (1, 2))
    weibo = engine.office.weibo
    first, other = engine.signed(one, on=[weibo]), engine.signed(two, on=[weibo], instant=T + 14 * SECOND)
    engine.platform.answers["lyhd"] = [NO_ANSWER, Pending({"idstr": "6001"})]

    def look(evidence: Evidence) -> Receipt | Absent | Unclear:
        if evidence.ids.get("idstr"):
            late = engine.clock.now() < T + 20 * SECOND
            place = PositionReceipt("6001", "https://weibo.com/2017000001/b")
            return Unclear("读取失败。") if late else Receipt({"idstr": "6001"}, (place,))
        if engine.clock.now() <= T + 14 * SECOND or "6001" in evidence.owned_ids:
            return Absent()
        return Receipt({"idstr": "6001"}, (PositionReceipt("6001", "https://weibo.com/2017000001/b"),))

    engine.platform.looks["lyhd"] = [look] * 300
    engine.go(T + 10 * MINUTE)
    assert engine.weibo(other).status is State.LIVE
    assert engine.weibo(first).status is not State.LIVE


# --- sentences -----------------------------------------------------------------------------------------------------


@pytest.fixture
def told_unknown(engine: Engine) -> Publication:
    """A mass send whose answer was lost, and every replay's: with a person."""
    release = engine.signed(on=[engine.office.wechat])
    engine.platform.answers["zghd"] = [NO_ANSWER] * 4
    engine.go(T + 40 * MINUTE)
    one = engine.wechat(release)
    assert one.status is State.NEEDS_PERSON
    return one


def test_a_fault_in_staging_it_again_does_not_deny_the_first_act(engine: Engine, told_unknown: Publication) -> None:
    fault = ChannelFault(Remedy.OPERATOR, "本机地址不在白名单里；没有发出任何内容。", code="40164")
    engine.platform.grants["zghd"] = [fault] * 30
    again(engine, told_unknown)
    engine.go(engine.clock.now() + 20 * SECOND)
    told_unknown.refresh_from_db()
    assert "先前一次是否已发出不明" in told_unknown.reason


def test_a_token_refused_twice_does_not_deny_it_either(engine: Engine, told_unknown: Publication) -> None:
    engine.platform.answers["zghd"] = [Refused("40001", Remedy.REFRESH, "令牌被拒。")] * 3
    again(engine, told_unknown)
    engine.go(engine.clock.now() + 5 * MINUTE)
    told_unknown.refresh_from_db()
    assert told_unknown.status is State.NEEDS_PERSON
    assert "先前一次是否已发出不明" in told_unknown.reason


def test_a_quota_that_forbids_sending_again_does_not_deny_it(engine: Engine, told_unknown: Publication) -> None:
    tomorrow = T + timedelta(days=1)
    other = engine.office.approved(article(7), now=engine.clock.now())
    engine.signed(other, instant=tomorrow + timedelta(hours=3), on=[engine.office.wechat])
    with pytest.raises(errors.Refused) as caught:
        settling.settle_again(
            told_unknown, person=engine.releaser, second=engine.office.people["final"], reason="没看到", now=tomorrow
        )
    assert "什么都没有发出" not in caught.value.message
    assert "先前一次是否公开以核实为准" in caught.value.message


def test_when_the_way_of_a_lane_is_free_the_doubt_is_not_forgotten(engine: Engine) -> None:
    release = engine.signed(*engine.articles(2), on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [Pending({"idstr": "1"}), NO_ANSWER]
    engine.platform.looks["lyhd"] = [lambda e: Pending(dict(e.ids)) if e.ids.get("idstr") else Absent()] * 400
    engine.go(T + 45 * MINUTE)
    first, second = release.publications.order_by("lane")
    again(engine, second)
    engine.go(engine.clock.now() + 30 * SECOND)
    settling.settle_live(first, urls=["https://weibo.com/2017000001/a"], person=engine.releaser, now=engine.clock.now())
    engine.go(engine.clock.now() + 30 * SECOND)
    second.refresh_from_db()
    assert f"恢复（发布单 {release.pk}）" in second.reason
    assert "先前一次是否已发出不明" in second.reason


def test_a_freeze_counts_what_is_in_doubt(engine: Engine, told_unknown: Publication) -> None:
    answer = stops.freeze(engine.office.unit, person=engine.releaser, reason="突发事件", now=engine.clock.now())
    assert answer.doubtful == 1
    assert "另有 1 条先前是否已发出不明" in answer.message
