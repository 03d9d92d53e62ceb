"""What only people may decide, and what the record keeps of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from bot.domain.channel import Absent, Failed, Pending, PlatformEvent, Remedy, Unclear, Unknown, WireAnswer
from bot.domain.channel import Refused as PlatformRefused
from bot.domain.delivery import State
from bot.models import AuditEvent, Item, Publication, Release
from bot.services import addresses, callbacks, exporting, home, quotas, settling, stops
from bot.services.errors import NotFound, Refused
from bot.services.facts import doubted
from bot.services.reportnumbers import seconds_late

from .delivery_support import MINUTE, NO_ANSWER, Answer, Engine, ScriptedChannel, T, Verdict, put, states
from .factories import Office

LATER = T + 40 * MINUTE


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


@pytest.fixture
def stuck(engine: Engine) -> Publication:
    """Refused by the platform at T; in front of a person."""
    release = engine.signed(on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [PlatformRefused("20021", Remedy.PERSON, "违规内容。")]
    engine.go(T + MINUTE)
    assert engine.weibo(release).status is State.NEEDS_PERSON
    engine.clock.wait_until(LATER)
    return engine.weibo(release)


def again(engine: Engine, of: Publication, *, second: str = "final", reason: str = "主页上没有") -> None:
    settling.settle_again(
        of, person=engine.releaser, second=engine.office.people[second], reason=reason, now=engine.clock.now()
    )


def test_found_by_a_person_it_is_live_with_every_address(engine: Engine, stuck: Publication) -> None:
    settling.settle_live(stuck, urls=["https://weibo.com/2017000001/a"], person=engine.releaser, now=LATER)
    stuck.refresh_from_db()
    assert stuck.status is State.LIVE
    assert stuck.items.get().url == "https://weibo.com/2017000001/a"
    assert stuck.next_sample_at is not None
    assert "孙签" in stuck.reason


ELSEWHERE = (
    "https://example.com/",
    "https://weibo.com/",
    "https://weibo.com.example.com/1/a",
    "https://weibo.com@example.com/1/a",
    "https://example.com/?https://weibo.com/2017000001/a",
    "https://mp.weixin.qq.com/s/abcdefgh",
    "https://weibo.com:8443/1/a",
    "https://[/1/a",
)


@pytest.mark.parametrize(
    "urls",
    [[], ["https://a.cn", "https://b.cn"], ["weibo.com/1"], ["javascript:alert(1)"], *[[url] for url in ELSEWHERE]],
)
def test_one_web_address_per_position_is_asked_for(engine: Engine, stuck: Publication, urls: list[str]) -> None:
    with pytest.raises(Refused, match="链接"):
        settling.settle_live(stuck, urls=urls, person=engine.releaser, now=LATER)
    stuck.refresh_from_db()
    assert stuck.status is State.NEEDS_PERSON


@pytest.mark.parametrize("url", ["https://weibo.com/999/a", "https://m.weibo.cn/999/a"])
def test_the_post_of_somebody_else_is_no_proof(engine: Engine, stuck: Publication, url: str) -> None:
    with pytest.raises(Refused, match=f"“{stuck.account.name}”的，未做改动"):
        settling.settle_live(stuck, urls=[url], person=engine.releaser, now=LATER)
    stuck.refresh_from_db()
    assert stuck.status is State.NEEDS_PERSON


def test_whose_article_it_is_shows_by_those_that_the_account_has_had(engine: Engine) -> None:
    """The address of an article names its account by a code that stands nowhere else."""
    account = engine.office.wechat
    link = "https://mp.weixin.qq.com/s?__biz={}&mid=22&idx=1&sn=ab"
    settling.require_own(account, link.format("OURS"), "未做改动")
    release = engine.signed(*engine.articles(1), on=[account])
    Item.objects.filter(publication__release=release).update(url=link.format("OURS"))
    settling.require_own(account, link.format("OURS"), "未做改动")
    settling.require_own(account, "https://mp.weixin.qq.com/s/abcdefgh", "未做改动")
    with pytest.raises(Refused, match="别的账号的文章"):
        settling.require_own(account, link.format("THEIRS"), "未做改动")


@pytest.mark.parametrize("same", ["http://www.weibo.com/2017000001/a?from=page", "https://m.weibo.cn/status/a#top"])
def test_an_address_that_another_push_has_is_refused(engine: Engine, stuck: Publication, same: str) -> None:
    other = engine.weibo(engine.signed(number=2, on=[engine.office.weibo], instant=LATER + 60 * MINUTE))
    Item.objects.filter(publication=other).update(**addresses.columns(other.account, "https://weibo.com/2017000001/a"))
    with pytest.raises(Refused, match=f"推送 {other.pk}"):
        settling.settle_live(stuck, urls=[same], person=engine.releaser, now=LATER)


def test_on_a_rehearsal_home_its_own_pages_will_do(
    engine: Engine, stuck: Publication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "is_live", lambda: True)
    with pytest.raises(Refused, match="链接"):
        settling.settle_live(stuck, urls=["http://127.0.0.1:9/_view/weibo/1"], person=engine.releaser, now=LATER)
    monkeypatch.undo()
    settling.settle_live(stuck, urls=["http://127.0.0.1:9/_view/weibo/1"], person=engine.releaser, now=LATER)
    assert engine.weibo(stuck.release).status is State.LIVE


@pytest.fixture
def declared(engine: Engine, stuck: Publication) -> Publication:
    """Declared live by a person, under a wrong address."""
    settling.settle_live(stuck, urls=["https://weibo.com/2017000001/wrong"], person=engine.releaser, now=LATER)
    return engine.weibo(stuck.release)


def test_a_persons_word_is_marked_as_that(engine: Engine, declared: Publication) -> None:
    assert settling.declared_by(declared) == "孙签"
    assert "由人登记，未经系统核对" in declared.reason
    row = next(iter(exporting.rows(engine.office.unit)))
    assert row["state"] == "已发布（由人登记，未经系统核对）"


def test_a_wrong_address_is_corrected_with_a_reason_that_stays_on_record(engine: Engine, declared: Publication) -> None:
    with pytest.raises(Refused, match="原因"):
        settling.correct_live(
            declared, urls=["https://weibo.com/2017000001/right"], person=engine.releaser, reason=" ", now=LATER
        )
    settling.correct_live(
        declared, urls=["https://weibo.com/2017000001/right"], person=engine.releaser, reason="贴错了", now=LATER
    )
    declared.refresh_from_db()
    assert declared.items.get().url == "https://weibo.com/2017000001/right"
    assert declared.status is State.LIVE
    line = AuditEvent.objects.get(action="publication.link_corrected")
    assert line.data == {
        "reason": "贴错了",
        "from": ["https://weibo.com/2017000001/wrong"],
        "to": ["https://weibo.com/2017000001/right"],
    }


def test_what_is_not_there_after_all_stands_before_a_person_again(engine: Engine, declared: Publication) -> None:
    settling.settle_not_live(declared, person=engine.releaser, reason="点开是别人的微博", now=LATER)
    declared.refresh_from_db()
    assert declared.status is State.NEEDS_PERSON
    assert "是否公开不明" in declared.reason
    assert (declared.live_at, declared.next_sample_at, settling.declared_by(declared)) == (None, None, "")
    item = declared.items.get()
    assert (item.url, item.platform_id) == ("", "")
    again(engine, declared)
    engine.go(LATER + 2 * MINUTE)
    assert engine.weibo(declared.release).status is State.LIVE


def test_a_time_of_sending_that_the_declaration_made_up_goes_with_it(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.weibo])
    engine.clock.wait_until(LATER)
    engine.tick()
    missed = engine.weibo(release)
    settling.settle_live(missed, urls=["https://weibo.com/2017000001/a"], person=engine.releaser, now=LATER)
    settling.settle_not_live(missed, person=engine.releaser, reason="看错了", now=LATER + MINUTE)
    missed.refresh_from_db()
    assert (missed.sent_at, missed.accepted_at) == (None, None)


def test_what_the_system_read_back_is_not_for_people_to_change(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.weibo])
    engine.go(T + 5 * MINUTE)
    live = engine.weibo(release)
    assert live.status is State.LIVE
    with pytest.raises(Refused, match="由人登记"):
        settling.settle_not_live(live, person=engine.releaser, reason="不对", now=LATER)
    with pytest.raises(Refused, match="由人登记"):
        settling.correct_live(
            live, urls=["https://weibo.com/2017000001/a"], person=engine.releaser, reason="不对", now=LATER
        )


def test_two_people_may_send_it_again_and_it_goes_once(engine: Engine, stuck: Publication) -> None:
    engine.platform.looks["lyhd"] = [Absent("没有查到。")]
    again(engine, stuck)
    engine.go(LATER + 2 * MINUTE)
    stuck.refresh_from_db()
    assert stuck.status is State.LIVE
    assert len(engine.platform.sent) == 2
    line = AuditEvent.objects.get(action="publication.resend")
    assert (line.actor, line.data) == ("releaser", {"second": "final", "reason": "主页上没有", "new_key": True})


def test_sent_again_it_is_as_late_as_it_is_by_what_was_signed(engine: Engine, stuck: Publication) -> None:
    """The new instant is when it goes, and no promise: the page, the figures and the export tell the same."""
    engine.platform.looks["lyhd"] = [Absent("没有查到。")]
    again(engine, stuck)
    engine.go(LATER + 2 * MINUTE)
    stuck.refresh_from_db()
    assert (stuck.promised, stuck.status) == (T, State.LIVE)
    assert stuck.instant >= LATER
    assert stuck.late_ms is not None
    assert stuck.late_ms >= (LATER - T).total_seconds() * 1000
    (late,) = Publication.objects.filter(pk=stuck.pk).annotate(late=seconds_late()).values_list("late", flat=True)
    assert abs(late * 1000 - stuck.late_ms) < 1


def test_sent_again_twice_the_first_promise_stands(engine: Engine, stuck: Publication) -> None:
    again(engine, stuck)
    put(stuck, State.NEEDS_PERSON)
    stuck.refresh_from_db()
    again(engine, stuck)
    stuck.refresh_from_db()
    assert stuck.promised == T


# --- under which key ------------------------------------------------------------------------------------------

FAILED = Failed("SEND_FAIL", "微信报告群发失败，没有送达。")
DELETED = Failed("DELETE", "这次群发已被删除。", gone=True)


def sent_twice(engine: Engine, release: Release) -> bool:
    """Sent again by two people, after a last look that proves the failure: True when under another key."""
    engine.clock.wait_until(max(engine.clock.now(), LATER))
    engine.platform.looks["zghd"] = [FAILED] if doubted(engine.wechat(release)) else []
    again(engine, engine.wechat(release))
    engine.go(engine.clock.now() + 2 * MINUTE)
    first, *_, last = [left.key for left in engine.platform.shots("zghd")]
    assert last == engine.wechat(release).key
    return first != last


def mass(engine: Engine, answer: Answer | None = None, *looks: Verdict) -> Release:
    """A mass send that ends before a person."""
    release = engine.signed(on=[engine.office.wechat])
    engine.platform.answers["zghd"] = [] if answer is None else [answer]
    engine.platform.looks["zghd"] = list(looks)
    engine.go(T + 35 * MINUTE)
    assert engine.wechat(release).status is State.NEEDS_PERSON
    engine.platform.looks["zghd"] = []
    return release


def test_what_the_platform_says_has_failed_is_sent_again_as_a_new_act(engine: Engine) -> None:
    """Under the old clientmsgid it would meet the failed record for a day, and nothing would ever leave."""
    release = mass(engine, None, FAILED)
    assert sent_twice(engine, release)
    assert engine.wechat(release).status is State.LIVE
    assert (
        "新的编号"
        in AuditEvent.objects.filter(action="publication.moved", data__event="retry_by_person").get().data["reason"]
    )


def test_a_failure_that_an_event_told_proves_as_much(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    engine.go(T)
    event = PlatformEvent("MASSSENDJOBFINISH", "e", dict(engine.wechat(release).ids), FAILED, "<xml/>")
    callbacks._take(engine.office.wechat, event, engine.clock.now())
    assert engine.wechat(release).status is State.NEEDS_PERSON
    assert sent_twice(engine, release)


def test_so_does_one_that_came_when_a_person_had_it_already(engine: Engine) -> None:
    release = mass(engine, None, *[Pending({}, "微信正在群发。")] * 40)
    event = PlatformEvent("MASSSENDJOBFINISH", "e", dict(engine.wechat(release).ids), FAILED, "<xml/>")
    callbacks._take(engine.office.wechat, event, engine.clock.now())
    assert sent_twice(engine, release)


def test_refused_without_effect_it_is_a_new_act(engine: Engine) -> None:
    assert sent_twice(engine, mass(engine, PlatformRefused("45062", Remedy.PERSON, "绑定了广告。")))


@pytest.mark.parametrize(
    ("answer", "looks"),
    [
        (NO_ANSWER, [Unclear("对不上。", needs_person=True)]),
        (Unknown("45065", "已有记录。", {"msg_id": "7"}), [FAILED]),
        (None, [Pending({}, "微信正在群发。")] * 40),
        (None, [DELETED]),
    ],
    ids=["no answer", "unknown and then failed", "accepted without a verdict", "was public and deleted"],
)
def test_whatever_may_have_gone_out_keeps_its_key(engine: Engine, answer: Answer | None, looks: list[Verdict]) -> None:
    release = mass(engine, answer, *looks)
    assert not sent_twice(engine, release)


def test_a_refusal_after_an_acceptance_without_a_verdict_is_read_as_doubt(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """45028 then: the quota may have been used by the very call that was accepted."""
    asked: list[bool] = []
    read = ScriptedChannel.read_answer

    def noted(self: ScriptedChannel, answer: WireAnswer, *, after_unknown: bool = False) -> Any:
        asked.append(after_unknown)
        return read(self, answer, after_unknown=after_unknown)

    monkeypatch.setattr(ScriptedChannel, "read_answer", noted)
    sent_twice(engine, mass(engine, None, *[Pending({}, "微信正在群发。")] * 40))
    assert asked == [False, True]
    asked.clear()
    proved = engine.signed(on=[engine.office.wechat], number=2, instant=engine.clock.now() + timedelta(days=1))
    engine.platform.looks["zghd"] = [FAILED]
    engine.go(proved.instant + 5 * MINUTE)
    engine.platform.looks["zghd"] = [FAILED]
    again(engine, engine.wechat(proved))
    engine.go(engine.clock.now() + 2 * MINUTE)
    assert asked == [False, False]  # the failure was stated: a new act


def test_an_event_of_success_after_a_failure_takes_the_proof_away(engine: Engine) -> None:
    release = mass(engine, None, FAILED)
    ids = dict(engine.wechat(release).ids)
    event = PlatformEvent("MASSSENDJOBFINISH", "e", ids, Pending(ids), "<xml/>", said_public=True)
    callbacks._take(engine.office.wechat, event, engine.clock.now())
    assert not sent_twice(engine, release)


def test_a_key_is_nobody_elses(engine: Engine, stuck: Publication) -> None:
    other = engine.signed(number=2, on=[engine.office.wechat], instant=LATER + 60 * MINUTE)
    with pytest.raises(IntegrityError), transaction.atomic():
        Publication.objects.filter(pk=stuck.pk).update(key=engine.wechat(other).key)


def test_sent_again_on_the_same_day_it_uses_the_slot_that_it_kept(engine: Engine) -> None:
    """一天一次的群发: what the platform may have counted stays reserved, and is reserved for this very push."""
    release = engine.signed(on=[engine.office.wechat])
    engine.platform.answers["zghd"] = [PlatformRefused("40007", Remedy.PERSON, "素材无效。")]
    engine.go(T + MINUTE)
    assert engine.wechat(release).status is State.NEEDS_PERSON
    again(engine, engine.wechat(release))
    engine.go(T + 5 * MINUTE)
    assert engine.wechat(release).status is State.LIVE
    held = engine.wechat(release).reservations.filter(released_at__isnull=True)
    assert sorted(held.values_list("window", "slot")) == sorted(set(held.values_list("window", "slot")))
    assert held.count() == len(quotas.quotas_of(engine.office.wechat, "mass"))


def test_one_person_alone_may_not(engine: Engine, stuck: Publication) -> None:
    with pytest.raises(Refused, match="两人"):
        again(engine, stuck, second="releaser")
    with pytest.raises(Refused, match="权限"):
        again(engine, stuck, second="editor")
    with pytest.raises(Refused, match="核实"):
        again(engine, stuck, reason=" ")
    engine.go(LATER + 2 * MINUTE)
    assert len(engine.platform.sent) == 1


def test_not_while_frozen_nor_without_a_signature(engine: Engine, stuck: Publication) -> None:
    stops.freeze(engine.office.unit, person=engine.releaser, reason="停", now=LATER)
    with pytest.raises(Refused, match="停发"):
        again(engine, stuck)


def test_given_up_it_is_cancelled_and_stays_so(engine: Engine, stuck: Publication) -> None:
    settling.settle_cancel(stuck, person=engine.releaser, reason="内容撤回", now=LATER)
    engine.go(LATER + 2 * MINUTE)
    stuck.refresh_from_db()
    assert stuck.status is State.CANCELLED
    assert len(engine.platform.sent) == 1
    assert Item.objects.get(publication=stuck).active  # a byte left once: this edition does not go there again


def test_missed_and_cancelled_frees_the_edition(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.weibo])
    engine.clock.wait_until(LATER)
    engine.tick()
    assert states(release) == [State.MISSED]
    settling.settle_cancel(engine.weibo(release), person=engine.releaser, reason="改期", now=LATER)
    assert not Item.objects.get(publication__release=release).active


def _live(engine: Engine, of: Publication) -> None:
    settling.settle_live(of, urls=["https://weibo.com/2017000001/a"], person=engine.releaser, now=LATER)


def _cancel(engine: Engine, of: Publication) -> None:
    settling.settle_cancel(of, person=engine.releaser, reason="不发", now=LATER)


@pytest.mark.parametrize("decide", [_live, _cancel, again])
@pytest.mark.parametrize("state", sorted(set(State) - {State.NEEDS_PERSON, State.MISSED}))
def test_what_no_person_has_to_decide_cannot_be_decided(
    engine: Engine, decide: Callable[[Engine, Publication], None], state: State
) -> None:
    release = engine.signed(on=[engine.office.weibo])
    Item.objects.filter(publication__release=release).update(platform_id="1")
    one = put(engine.weibo(release), state, live_at=T)
    asked = state in {State.SENDING, State.UNKNOWN, State.CONFIRMING}
    with pytest.raises(Refused, match="最迟 .* 转人工处理.*不要重发" if asked else "不需要人工处理"):
        decide(engine, one)
    one.refresh_from_db()
    assert one.status is state


def test_another_units_publication_does_not_exist(engine: Engine, stuck: Publication) -> None:
    other = Office.make("other", prefix="o-")
    with pytest.raises(NotFound):
        settling.find_publication(stuck.pk, unit=other.unit)
    assert settling.find_publication(stuck.pk, unit=engine.office.unit) == stuck
