"""异常台: the unsolved deliveries, a look that a person asks for, and two people at two logins who send again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from bot.domain.alarms import Out
from bot.domain.channel import Absent, Failed, Pending, Remedy, Unclear
from bot.domain.channel import Refused as PlatformRefused
from bot.domain.delivery import State
from bot.domain.engine.cases import WORD_HOLDS, Choice
from bot.domain.instants import show
from bot.models import AuditEvent, Person, Publication
from bot.services import casereport, cases, countersigning, glancing, settling, stops, story
from bot.services.errors import NotFound, Refused

from .delivery_support import MINUTE, NO_ANSWER, SECOND, Engine, T, intend, put
from .factories import Office, article

LATER = T + 40 * MINUTE
FAILED = Failed("SEND_FAIL", "微信报告群发失败，没有送达。")


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine(office, monkeypatch)
    monkeypatch.setattr(glancing, "channel_of", made.channel_of)
    return made


@pytest.fixture
def stuck(engine: Engine) -> Publication:
    """Silence at T, and nothing found afterwards: in front of a person."""
    release = engine.signed(on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    engine.platform.looks["lyhd"] = [Absent("没有查到。")] * 20
    engine.go(LATER)
    engine.platform.looks["lyhd"] = []
    found = engine.weibo(release)
    assert found.status is State.NEEDS_PERSON
    return found


def look(engine: Engine, of: Publication, verdict: Any, *, person: Person | None = None) -> glancing.Glance:
    engine.platform.looks["lyhd"] = [verdict]
    engine.clock.wait_until(engine.clock.now() + MINUTE)
    return glancing.look(of, person=person or engine.releaser, now=engine.clock.now)


# --- the list -------------------------------------------------------------------------------------------------


def test_the_most_urgent_come_first_and_what_is_solved_is_not_there(engine: Engine) -> None:
    release = engine.signed(*engine.articles(5))
    states = (State.HELD, State.LIVE, State.UNKNOWN, State.NEEDS_PERSON, State.BLOCKED)
    for lane, state in enumerate(states):
        one = engine.weibo(release, lane)
        one.items.update(platform_id=str(lane))
        put(one, state, live_at=T if state is State.LIVE else None)
    put(engine.wechat(release), State.MISSED)
    found, more = cases.unsolved(engine.office.unit)
    assert [one.publication.status for one in found] == [
        State.NEEDS_PERSON, State.UNKNOWN, State.MISSED, State.BLOCKED, State.HELD,
    ]  # fmt: skip
    assert not more


def test_another_units_cases_are_not_seen(engine: Engine, stuck: Publication) -> None:
    other = Office.make("other", prefix="o-").unit
    assert cases.unsolved(other) == ([], False)
    with pytest.raises(NotFound):
        cases.find_case(stuck.pk, unit=other)


def test_the_list_asks_as_much_for_many_as_for_one(
    engine: Engine, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    release = engine.signed(*engine.articles(6))
    put(engine.wechat(release), State.MISSED)
    with django_assert_max_num_queries(4):
        cases.unsolved(engine.office.unit)
    for lane in range(6):
        put(engine.weibo(release, lane), State.NEEDS_PERSON)
    with django_assert_max_num_queries(4):
        assert len(cases.unsolved(engine.office.unit)[0]) == 7


def test_more_than_anybody_works_through_is_said(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "MOST", 2)
    release = engine.signed(*engine.articles(4))
    for lane in range(4):
        put(engine.weibo(release, lane), State.MISSED)
    found, more = cases.unsolved(engine.office.unit)
    assert (len(found), more) == (2, True)


def test_is_it_out(engine: Engine, stuck: Publication) -> None:
    assert cases.out_of(stuck) is Out.UNKNOWN
    assert "结果不明" in cases.came_back(stuck)
    release = engine.signed(number=2, on=[engine.office.wechat], instant=LATER + 30 * MINUTE)
    missed = put(engine.wechat(release), State.MISSED)
    assert cases.out_of(missed) is Out.NO
    assert cases.came_back(missed) == "没有发出过请求。"
    put(missed, State.MISSED, doubt=True)
    assert cases.out_of(missed) is Out.UNKNOWN


def test_what_the_platform_itself_has_disproved_is_not_out(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    engine.platform.looks["zghd"] = [FAILED]
    engine.go(T + MINUTE)
    failed = engine.wechat(release)
    assert failed.status is State.NEEDS_PERSON
    assert cases.out_of(failed) is Out.NO
    assert [one.out for one in cases.unsolved(engine.office.unit)[0]] == [Out.NO]
    assert story.public_now(failed, disproved=True) == "没有公开。"
    settling.settle_cancel(failed, person=engine.releaser, reason="不再发", now=engine.clock.now())
    called_off = engine.wechat(release)
    assert called_off.status is State.CANCELLED
    assert cases.out_of(called_off) is Out.NO


def test_what_the_platform_has_accepted_is_not_yet_out(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    engine.platform.looks["zghd"] = [Pending({}, "平台正在发布。")] * 9
    engine.go(T + SECOND)
    taken = engine.wechat(release)
    assert taken.status is State.CONFIRMING
    assert cases.out_of(taken) is Out.UNKNOWN


def test_the_report_names_the_instant_that_was_promised_and_the_one_given_anew(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    late = put(engine.wechat(release), State.MISSED, instant=LATER, not_before=LATER, promised_at=T)
    told = casereport.report(cases.find_case(late.pk, unit=engine.office.unit), person=engine.releaser, now=T)
    assert f"约定时刻：{show(T)}" in told
    assert f"曾定在 {show(LATER)} 重发" in told


# --- a look that a person asks for ----------------------------------------------------------------------------


def test_a_look_is_kept_with_who_asked_and_moves_nothing_before_a_person(engine: Engine, stuck: Publication) -> None:
    before = (stuck.state, stuck.fence, stuck.absents)
    told = look(engine, stuck, Pending({}, "平台正在发布。"))
    stuck.refresh_from_db()
    assert (stuck.state, stuck.fence, stuck.absents) == before
    assert (told.verdict, told.moved) == ("Pending", False)
    line = AuditEvent.objects.filter(subject=f"publication:{stuck.pk}", action="platform.looked").last()
    assert line is not None
    assert line.actor == "releaser"


def test_what_a_look_shows_is_there_to_be_registered_with_its_address(engine: Engine, stuck: Publication) -> None:
    engine.clock.wait_until(LATER + MINUTE)
    told = glancing.look(stuck, person=engine.releaser, now=engine.clock.now)
    assert told.verdict == "Receipt"
    shown = story.looks([stuck])[stuck.pk][-1]
    assert shown.urls[0].startswith("https://platform.example/")
    assert cases.choices_of(stuck, now=LATER)[Choice.AGAIN] != ""


def test_a_look_that_told_nothing_disproves_nothing(engine: Engine) -> None:
    """A failed mass send stays proved to have failed: it goes again under a new key, and so really goes."""
    release = engine.signed(on=[engine.office.wechat])
    engine.platform.looks["zghd"] = [FAILED]
    engine.go(T + MINUTE)
    failed = engine.wechat(release)
    for verdict in (Unclear("读不到"), Absent("没有")):
        engine.platform.looks["zghd"] = [verdict]
        engine.clock.wait_until(engine.clock.now() + MINUTE)
        glancing.look(failed, person=engine.releaser, now=engine.clock.now)
    assert settling.proved_failed(failed)
    assert AuditEvent.objects.filter(action="platform.glanced").count() == 2
    assert len(story.looks([failed])[failed.pk]) == 3


def test_while_the_machine_looks_a_find_moves_it_and_an_absence_does_not_count(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    engine.platform.looks["lyhd"] = [Absent("没有查到。")] * 2
    engine.go(T + 20 * SECOND)
    unknown = engine.weibo(release)
    assert unknown.status is State.UNKNOWN
    before = (unknown.absents, unknown.looks, unknown.next_at)
    engine.workers = False
    assert not look(engine, unknown, Absent("没有查到。")).moved
    unknown.refresh_from_db()
    assert (unknown.absents, unknown.looks, unknown.next_at) == before
    engine.platform.looks["lyhd"] = []
    engine.clock.wait_until(engine.clock.now() + MINUTE)
    assert glancing.look(unknown, person=engine.releaser, now=engine.clock.now).moved
    assert engine.weibo(release).status is State.LIVE
    assert len(engine.platform.sent) == 1


def test_a_look_never_replays_a_mass_send(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    engine.platform.answers["zghd"] = [NO_ANSWER]
    engine.go(T + 20 * SECOND)
    unknown = engine.wechat(release)
    glancing.look(unknown, person=engine.releaser, now=engine.clock.now)
    unknown.refresh_from_db()
    assert unknown.status is State.UNKNOWN
    assert engine.platform.asked("probe") == 0
    assert len(engine.platform.sent) == 1


def test_looks_are_not_asked_one_after_the_other(engine: Engine, stuck: Publication) -> None:
    look(engine, stuck, Absent())
    with pytest.raises(Refused, match="刚核对过"):
        glancing.look(stuck, person=engine.releaser, now=engine.clock.now)


def test_an_error_of_a_look_is_told_and_proves_nothing(
    engine: Engine, stuck: Publication, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(*_: object, **__: object) -> None:
        raise ValueError("odd")

    monkeypatch.setattr(glancing, "channel_of", odd)
    engine.clock.wait_until(LATER + MINUTE)
    told = glancing.look(stuck, person=engine.releaser, now=engine.clock.now)
    assert told.verdict == "Unclear"
    assert "程序出错" in told.message


@pytest.mark.parametrize("who", ["editor", "first", "final"])
def test_others_do_not_ask_the_platform(engine: Engine, stuck: Publication, who: str) -> None:
    with pytest.raises(Refused, match="权限"):
        look(engine, stuck, Absent(), person=engine.office.people[who])


def test_where_nothing_left_there_is_nothing_to_look_for(engine: Engine) -> None:
    missed = put(engine.weibo(engine.signed()), State.MISSED)
    with pytest.raises(Refused, match="没有一次请求离开过本机"):
        look(engine, missed, Absent())


# --- two people -----------------------------------------------------------------------------------------------


def ask(engine: Engine, of: Publication, reason: str = "主页上没有") -> None:
    countersigning.ask(of, person=engine.releaser, reason=reason, now=engine.clock.now())


def test_the_first_word_sends_nothing(engine: Engine, stuck: Publication) -> None:
    ask(engine, stuck)
    stuck.refresh_from_db()
    assert stuck.status is State.NEEDS_PERSON
    word = countersigning.first_word(stuck, now=engine.clock.now())
    assert word is not None
    assert (word.person.name, word.reason) == ("孙签", "主页上没有")
    assert len(engine.platform.sent) == 1


def test_the_second_at_a_login_of_their_own_sends_it_again(engine: Engine, stuck: Publication) -> None:
    engine.platform.looks["lyhd"] = [Absent("没有查到。")]
    ask(engine, stuck)
    countersigning.confirm(stuck, person=engine.office.people["final"], now=engine.clock.now())
    line = AuditEvent.objects.get(action="publication.resend")
    assert (line.actor, line.data["second"], line.data["reason"]) == ("releaser", "final", "主页上没有")
    engine.go(engine.clock.now() + 2 * MINUTE)
    stuck.refresh_from_db()
    assert stuck.status is State.LIVE
    assert len(engine.platform.sent) == 2


def test_nobody_is_both(engine: Engine, stuck: Publication) -> None:
    ask(engine, stuck)
    with pytest.raises(Refused, match="不能是本人"):
        countersigning.confirm(stuck, person=engine.releaser, now=engine.clock.now())
    assert len(engine.platform.sent) == 1


@pytest.mark.parametrize("who", ["editor", "first", "second"])
def test_a_second_without_the_role_is_none(engine: Engine, stuck: Publication, who: str) -> None:
    ask(engine, stuck)
    with pytest.raises(Refused, match="权限"):
        countersigning.confirm(stuck, person=engine.office.people[who], now=engine.clock.now())


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"is_active": False}, "提出人孙签已停用"), ({"roles": ["first"]}, "提出人孙签不再有提出重发的权限")],
)
def test_the_second_is_told_that_the_first_has_lost_the_right(
    engine: Engine, stuck: Publication, changes: dict[str, object], words: str
) -> None:
    ask(engine, stuck)
    Person.objects.filter(pk=engine.releaser.pk).update(**changes)
    with pytest.raises(Refused, match=f"{words}，提议无效，请收回后重新提出。没有重发") as refused:
        countersigning.confirm(stuck, person=engine.office.people["final"], now=engine.clock.now())
    assert refused.value.code == "first", "not the second one's own right"
    assert len(engine.platform.sent) == 1


def test_without_a_first_word_there_is_nothing_to_confirm(engine: Engine, stuck: Publication) -> None:
    with pytest.raises(Refused, match="没有等第二人确认"):
        countersigning.confirm(stuck, person=engine.office.people["final"], now=engine.clock.now())


def test_a_word_does_not_stand_for_ever(engine: Engine, stuck: Publication) -> None:
    ask(engine, stuck)
    late = engine.clock.now() + WORD_HOLDS
    assert countersigning.first_word(stuck, now=late - SECOND) is not None
    assert countersigning.first_word(stuck, now=late) is None


def test_a_word_about_a_case_that_has_moved_is_void(engine: Engine, stuck: Publication) -> None:
    ask(engine, stuck)
    settling.settle_live(stuck, urls=["https://weibo.com/2017000001/a"], person=engine.releaser, now=engine.clock.now())
    settling.settle_not_live(stuck, person=engine.releaser, reason="看错了", now=engine.clock.now())
    assert countersigning.first_word(stuck, now=engine.clock.now()) is None


def test_a_word_that_was_taken_back_is_none(engine: Engine, stuck: Publication) -> None:
    ask(engine, stuck)
    countersigning.take_back(stuck, person=engine.releaser, now=engine.clock.now())
    assert countersigning.first_word(stuck, now=engine.clock.now()) is None
    with pytest.raises(Refused, match="没有等"):
        countersigning.take_back(stuck, person=engine.releaser, now=engine.clock.now())


def test_a_second_first_word_is_sent_on_to_the_second_person(engine: Engine, stuck: Publication) -> None:
    ask(engine, stuck)
    with pytest.raises(Refused, match="孙签已提出"):
        ask(engine, stuck)


def test_a_find_between_the_two_words_stops_them(engine: Engine, stuck: Publication) -> None:
    ask(engine, stuck)
    engine.clock.wait_until(engine.clock.now() + MINUTE)
    glancing.look(stuck, person=engine.releaser, now=engine.clock.now)
    with pytest.raises(Refused, match="公开两次"):
        countersigning.confirm(stuck, person=engine.office.people["final"], now=engine.clock.now())


def test_a_freeze_bars_it_and_says_so(engine: Engine, stuck: Publication) -> None:
    stops.freeze(engine.office.unit, person=engine.releaser, reason="突发", now=engine.clock.now())
    assert "停发" in cases.choices_of(stuck, now=engine.clock.now())[Choice.AGAIN]
    with pytest.raises(Refused, match="停发"):
        ask(engine, stuck)


def test_while_the_system_still_looks_nobody_begins(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.weibo])
    unknown = engine.weibo(release)
    intend(unknown, at=T)
    put(unknown, State.UNKNOWN, sent_at=T)
    engine.clock.wait_until(T + MINUTE)
    with pytest.raises(Refused, match="系统还在核对"):
        ask(engine, unknown)


# --- the report -----------------------------------------------------------------------------------------------


def test_the_report_tells_the_whole_case_without_any_secret(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [PlatformRefused("20021", Remedy.PERSON, "违规内容。")]
    engine.go(T + MINUTE)
    case = cases.find_case(engine.weibo(release).pk, unit=engine.office.unit)
    text = casereport.report(case, person=engine.releaser, now=T + MINUTE)
    for word in (
        article().title,
        "20021",
        "违规内容。",
        "是否已发出：否",
        case.key,
        "POST /2/statuses/share.json",
        "孙签",
    ):
        assert word in text
    assert "a-token-of-a-test" not in text


def test_a_word_of_yesterday_by_a_clock_that_was_ahead_does_not_count(engine: Engine, stuck: Publication) -> None:
    ask(engine, stuck)
    assert countersigning.first_word(stuck, now=engine.clock.now() - timedelta(hours=1)) is None
