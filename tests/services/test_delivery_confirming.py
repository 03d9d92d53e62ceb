"""After the answer: live only by read-back, unknown only looked at, and an end to the looking."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.channel import Absent, Evidence, Failed, Pending, Receipt, Refused, Remedy, Unclear, Unknown
from bot.domain.delivery import State
from bot.models import Account, Batch, Publication
from bot.services import confirming

from .delivery_support import MINUTE, NO_ANSWER, NOT_LEFT, SECOND, Engine, T, outcomes, put, receipt
from .factories import Office


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


def unknown(engine: Engine, slug: str) -> Publication:
    """A release on one account whose answer was lost at T."""
    account = engine.office.wechat if slug == "zghd" else engine.office.weibo
    release = engine.signed(on=[account])
    engine.platform.answers[slug].insert(0, NO_ANSWER)
    engine.go(T)
    return release.publications.get()


def now_is(one: Publication) -> Publication:
    one.refresh_from_db()
    return one


# --- accepted ------------------------------------------------------------------------------------------------


def test_live_needs_a_read_back_with_every_position(engine: Engine) -> None:
    release = engine.signed(*engine.articles(3), on=[engine.office.wechat])
    engine.go(T)
    assert engine.wechat(release).status is State.CONFIRMING
    engine.go(T + MINUTE)
    live = engine.wechat(release)
    assert live.status is State.LIVE
    assert [item.platform_id for item in live.items.order_by("position")] == [f"1000_{n}" for n in (1, 2, 3)]
    assert all(item.url and item.published_at for item in live.items.all())
    assert live.next_sample_at is not None


def test_looks_are_spaced_by_the_vendors_plan(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    engine.platform.looks["zghd"] = [Pending({}, "正在群发。")] * 4
    engine.go(T + 5 * MINUTE)
    asked = [evidence.now - T for evidence in engine.platform.evidence]
    assert asked == [timedelta(seconds=s) for s in (5, 20, 50, 110, 230)]
    assert engine.wechat(release).status is State.LIVE


@pytest.mark.parametrize(
    "verdict", [Pending({}), Absent(), Unclear("读取失败。")], ids=["pending", "absent", "unclear"]
)
def test_after_acceptance_nothing_leads_back_to_sending(engine: Engine, verdict: Pending | Absent | Unclear) -> None:
    release = engine.signed(on=[engine.office.weibo])
    engine.platform.looks["lyhd"] = [verdict] * 99
    engine.go(T + 45 * MINUTE)
    assert len(engine.platform.sent) == 1
    assert engine.weibo(release).status is State.NEEDS_PERSON
    assert "30 分钟" in engine.weibo(release).reason


def test_a_failure_names_the_position(engine: Engine) -> None:
    release = engine.signed(*engine.articles(2), on=[engine.office.wechat])
    engine.platform.looks["zghd"] = [Failed("2", "原创校验没有通过。", position=1)]
    engine.go(T + MINUTE)
    assert engine.wechat(release).status is State.NEEDS_PERSON
    assert engine.wechat(release).reason.startswith("第 2 篇：原创")


def test_a_read_back_that_is_not_ours_is_for_a_person_at_once(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.weibo])
    engine.platform.looks["lyhd"] = [Unclear("正文与批准的不一致。", needs_person=True)]
    engine.go(T + MINUTE)
    assert engine.weibo(release).status is State.NEEDS_PERSON


# --- unknown -------------------------------------------------------------------------------------------------


def test_an_unknown_post_found_by_a_look_is_live(engine: Engine) -> None:
    one = unknown(engine, "lyhd")
    assert one.next_at == T + 15 * SECOND
    engine.go(T + MINUTE)
    assert now_is(one).status is State.LIVE
    assert engine.platform.evidence[0].after_unknown
    assert engine.platform.evidence[0].since == "5000"


def test_weibo_absent_is_for_a_person_after_all_spaced_reads_and_never_sent_again(engine: Engine) -> None:
    one = unknown(engine, "lyhd")
    engine.platform.looks["lyhd"] = [Absent("时间线上没有。")] * 99
    engine.go(T + 20 * MINUTE)
    assert [evidence.now - T for evidence in engine.platform.evidence] == [s * SECOND for s in (15, 30, 60, 120, 180)]
    assert now_is(one).status is State.NEEDS_PERSON
    assert len(engine.platform.sent) == 1


def test_reads_that_fail_do_not_count_as_absent(engine: Engine) -> None:
    one = unknown(engine, "lyhd")
    engine.platform.looks["lyhd"] = [Absent(), Unclear("读取失败。"), Unclear("读取失败。"), Absent(), Absent()]
    engine.go(T + 20 * MINUTE)
    assert now_is(one).status is State.LIVE  # the next look found it; five absents were not reached


def test_beyond_the_plan_looks_grow_rarer_since_each_costs_a_call(engine: Engine) -> None:
    """A platform whose reads fail for half an hour: the account's calls of the day are needed for what comes after."""
    unknown(engine, "lyhd")
    engine.platform.looks["lyhd"] = [Unclear("读取失败。")] * 200
    engine.go(T + 31 * MINUTE)
    assert engine.platform.asked("look", "lyhd") <= 10


def test_an_unknown_mass_send_is_probed_with_the_same_key_after_a_minute(engine: Engine) -> None:
    one = unknown(engine, "zghd")
    engine.go(T + 59 * SECOND)
    assert len(engine.platform.sent) == 1
    engine.go(T + 3 * MINUTE)
    first, probe = engine.platform.sent
    assert (first.key, first.probe, probe.key, probe.probe) == (one.key, False, one.key, True)
    assert now_is(one).status is State.LIVE
    assert outcomes(one) == [("first", "unknown"), ("probe", "accepted")]


def test_a_replay_waits_for_the_next_push_of_its_account(engine: Engine) -> None:
    """Its open attempt would keep that one from leaving at its instant."""
    Account.objects.filter(slug="zghd").update(options={**engine.office.wechat.options, "account_type": "service"})
    engine.office.wechat.refresh_from_db()
    one, two = engine.articles(2)
    first = engine.signed(one, on=[engine.office.wechat])
    other = engine.signed(two, on=[engine.office.wechat], instant=T + 65 * SECOND)
    engine.platform.answers["zghd"] = [NO_ANSWER]
    engine.go(T + 5 * MINUTE)
    sent = [(shot.probe, shot.at) for shot in engine.platform.shots("zghd")]
    assert sent[:2] == [(False, T), (False, T + 65 * SECOND)]
    assert sent[2][0]
    assert engine.wechat(first).status is engine.wechat(other).status is State.LIVE


def test_a_replay_on_another_day_takes_no_slot_that_is_promised_to_others(engine: Engine) -> None:
    """If the first call never came, the replay would be that day's one mass send."""
    midnight = T.replace(hour=16, minute=0)  # in Beijing
    one, two = engine.articles(2)
    first = engine.signed(one, on=[engine.office.wechat], instant=midnight - 30 * SECOND)
    engine.signed(two, on=[engine.office.wechat], instant=midnight + timedelta(hours=9))
    engine.platform.answers["zghd"] = [NO_ANSWER]
    engine.go(midnight + 10 * MINUTE)
    assert [shot.probe for shot in engine.platform.shots("zghd")] == [False]
    asked = engine.wechat(first)
    assert asked.status is State.NEEDS_PERSON
    assert "没有重放" in asked.reason


def test_a_replay_on_another_day_that_is_free_takes_that_days_slot(engine: Engine) -> None:
    midnight = T.replace(hour=16, minute=0)
    first = engine.signed(on=[engine.office.wechat], instant=midnight - 30 * SECOND)
    engine.platform.answers["zghd"] = [NO_ANSWER]
    engine.go(midnight + 10 * MINUTE)
    assert [shot.probe for shot in engine.platform.shots("zghd")] == [False, True]
    windows = engine.wechat(first).reservations.filter(released_at__isnull=True).values_list("window", flat=True)
    assert {"2026-11-23", "2026-11-24"} <= set(windows)


def test_a_draft_that_somebody_changed_is_never_replayed(engine: Engine) -> None:
    """Where the first call was lost, the replay would send what nobody approved."""
    one = unknown(engine, "zghd")
    engine.platform.looks["zghd"] = [Unclear("草稿被人改过。", needs_person=True)]
    engine.go(T + 10 * MINUTE)
    assert now_is(one).status is State.NEEDS_PERSON
    assert len(engine.platform.sent) == 1


def test_a_probe_that_names_the_existing_record_is_not_probed_again(engine: Engine) -> None:
    """45065 answers with the msg_id of the first."""
    one = unknown(engine, "zghd")
    engine.platform.answers["zghd"] = [Unknown("45065", "已有记录。", {"msg_id": "31"})]
    engine.go(T + 10 * MINUTE)
    assert now_is(one).status is State.LIVE
    assert one.ids["msg_id"] == "31"
    assert len(engine.platform.sent) == 2


@pytest.mark.parametrize(
    "answer", [NOT_LEFT, Refused("45066", Remedy.WAIT, "太快。"), NO_ANSWER], ids=["not left", "refused", "silence"]
)
def test_a_probe_that_tells_nothing_leaves_it_unknown_and_is_repeated(engine: Engine, answer: object) -> None:
    """What a refused replay says about itself says nothing about the first call."""
    one = unknown(engine, "zghd")
    engine.platform.answers["zghd"] = [answer]  # type: ignore[list-item]
    engine.go(T + 90 * SECOND)
    assert now_is(one).status is State.UNKNOWN
    engine.go(T + 5 * MINUTE)
    assert now_is(one).status is State.LIVE
    assert Batch.objects.filter(kind="probe").count() == 2


def test_an_account_disabled_since_is_not_probed(engine: Engine) -> None:
    """A replay may publish what the first call did not: nothing leaves on a disabled account."""
    one = unknown(engine, "zghd")
    Account.objects.filter(pk=one.account_id).update(disabled_reason="凭据泄露")
    engine.go(T + 3 * MINUTE)
    assert len(engine.platform.sent) == 1
    assert now_is(one).status is State.NEEDS_PERSON
    assert "凭据泄露" in one.reason


def test_freepublish_absent_thrice_is_sent_once_more_and_not_a_third_time(engine: Engine) -> None:
    engine.by_publish()
    one = unknown(engine, "zghd")
    engine.platform.looks["zghd"] = [Absent("草稿还在。")] * 99
    engine.platform.answers["zghd"] = [NO_ANSWER]
    engine.go(T + 25 * MINUTE)
    first, second = (left.at - T for left in engine.platform.sent)
    assert (first, second // MINUTE) == (timedelta(), 10)
    assert now_is(one).status is State.NEEDS_PERSON
    assert outcomes(one) == [("first", "unknown"), ("again", "unknown")]


def test_freepublish_absent_after_the_last_moment_is_not_sent_again(engine: Engine) -> None:
    engine.by_publish()
    one = unknown(engine, "zghd")
    engine.platform.looks["zghd"] = [Absent(), Absent(), Absent()]
    engine.go(T + 5 * MINUTE)
    engine.clock.wait_until(T + 31 * MINUTE)
    engine.go(T + 32 * MINUTE)
    assert now_is(one).status is State.NEEDS_PERSON
    assert len(engine.platform.sent) == 1


def test_what_stays_unknown_is_before_a_person_in_half_an_hour(engine: Engine) -> None:
    one = unknown(engine, "lyhd")
    engine.platform.looks["lyhd"] = [Unclear("读取失败。")] * 999
    engine.clock.wait_until(T + 5 * MINUTE)
    engine.go(T + 5 * MINUTE + SECOND)
    assert now_is(one).status is State.UNKNOWN
    engine.clock.wait_until(T + 31 * MINUTE)
    engine.go(T + 32 * MINUTE)
    assert now_is(one).status is State.NEEDS_PERSON
    assert "后台" in one.reason


# --- looks are harmless --------------------------------------------------------------------------------------


def test_a_look_rung_twice_is_one_look(engine: Engine) -> None:
    one = unknown(engine, "lyhd")
    engine.clock.wait_until(T + 15 * SECOND)
    confirming.look(one.pk, now=engine.clock.now)
    confirming.look(one.pk, now=engine.clock.now)
    assert engine.platform.asked("look") == 1


@pytest.mark.parametrize("state", [State.PLANNED, State.ARMED, State.SENDING, State.LIVE, State.NEEDS_PERSON])
def test_a_look_touches_only_what_is_confirming_or_unknown(engine: Engine, state: State) -> None:
    one = unknown(engine, "zghd")
    one.items.update(platform_id="1_1")
    put(one, state, live_at=T, next_at=T)
    confirming.look(one.pk, now=lambda: T + MINUTE)
    assert engine.platform.asked("look") == 0
    assert now_is(one).status is state


def test_a_look_overtaken_by_somebody_else_changes_nothing(engine: Engine) -> None:
    one = unknown(engine, "lyhd")
    engine.clock.wait_until(T + 15 * SECOND)

    def overtaken(evidence: Evidence) -> Receipt:
        Publication.objects.filter(pk=one.pk).update(fence=99)
        return receipt(evidence)

    engine.platform.looks["lyhd"] = [overtaken]
    confirming.look(one.pk, now=engine.clock.now)
    assert now_is(one).status is State.UNKNOWN


def test_ids_that_other_receipts_own_are_never_matched_again(engine: Engine) -> None:
    one_document, other = engine.articles(2)
    engine.signed(one_document, on=[engine.office.weibo])
    engine.go(T + MINUTE)
    engine.signed(other, on=[engine.office.weibo], instant=T + 60 * MINUTE)
    engine.go(T + 62 * MINUTE)
    assert engine.platform.evidence[0].owned_ids == frozenset()
    assert "1000_1" in engine.platform.evidence[-1].owned_ids
