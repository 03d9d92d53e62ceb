"""Alarms in virtual time: raised within a tick, once, told, escalated, read, closed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from bot.domain import alarms
from bot.domain.alarms import Kind, Out
from bot.domain.channel import Absent, Failed, Pending, PlatformEvent, Refused, Remedy, Unknown
from bot.domain.delivery import Event, State
from bot.domain.notice import Notice, NotTold, Target
from bot.models import Alarm, AlarmNotice, AuditEvent, Chore, ClockReading, PortalGate, Release, TrailLine
from bot.models.watch import CHORES
from bot.services import (
    alarming,
    callbacks,
    handdrafts,
    inspections,
    lookahead,
    prechecks,
    settling,
    stops,
    takedowns,
    telling,
    trailindex,
    transitions,
    watching,
)
from bot.services.errors import Refused as ServiceRefused
from bot.services.ports import boot_id, boot_seconds
from bot.services.voiding import void_signature

from .delivery_support import MINUTE, NO_ANSWER, SECOND, Engine, Killed, T, fault, put, states
from .factories import NOW, Office, after_live, article, drop_rules

DAY = timedelta(days=1)


class Sink:
    """Whoever is told: what arrived, when, and who does not answer."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.heard, self.broken = engine, list[tuple[str, datetime, Notice]](), set[str]()
        self.killed = False  # the worker that sends next dies on the way
        self.deadly = False  # so does every other
        self.targets = [Target("值班群", "wecom", 1), Target("主任", "email", 2), Target("局长", "email", 3)]

    def of(self, name: str) -> list[Notice]:
        return [notice for who, _, notice in self.heard if who == name]

    def configured(self) -> telling.Targets:
        return telling.Targets(tuple(self.targets), ())

    def notifier(self, target: Target) -> _Ear:
        return _Ear(self, target)


class _Ear:
    def __init__(self, sink: Sink, target: Target) -> None:
        self._sink, self._target = sink, target

    def tell(self, notice: Notice) -> None:
        if self._sink.killed or self._sink.deadly:
            self._sink.killed = False
            raise Killed
        if self._target.name in self._sink.broken:
            raise NotTold("对方超时未应答。")
        self._sink.heard.append((self._target.name, self._sink.engine.clock.now(), notice))


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    often = watching.EVERY["sweep"]
    made = Engine(office, monkeypatch)
    monkeypatch.setitem(watching.EVERY, "sweep", often)
    made.watching = True
    return made


@pytest.fixture
def sink(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    made = Sink(engine)
    monkeypatch.setattr(telling, "targets", made.configured)
    monkeypatch.setattr(telling, "notifier", made.notifier)
    return made


def kinds(**having: object) -> list[str]:
    return sorted(Alarm.objects.filter(closed_at__isnull=True, **having).values_list("kind", flat=True))


def only(kind: Kind) -> Alarm:
    return Alarm.objects.get(kind=kind)


# --- raised -----------------------------------------------------------------------------------------------


def test_silence_is_told_within_a_tick_and_its_end_closes_it(engine: Engine, sink: Sink) -> None:
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    release = engine.signed(on=[engine.office.weibo])
    engine.go(T + SECOND)
    alarm = only(Kind.UNKNOWN)
    assert alarm.raised_at <= T + SECOND
    assert (alarm.out, alarm.release_id, alarm.account) == ("unknown", release.pk, engine.office.weibo)
    engine.go(T + 3 * MINUTE)
    assert states(release) == [State.LIVE]
    alarm.refresh_from_db()
    assert alarm.closed_at is not None
    assert kinds() == []


def test_unknown_becomes_a_case_for_a_person(engine: Engine, sink: Sink) -> None:
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    engine.platform.looks["lyhd"] = [Absent()] * 9
    engine.signed(on=[engine.office.weibo])
    engine.go(T + 10 * MINUTE)
    assert kinds() == ["needs_person"]
    assert only(Kind.NEEDS_PERSON).out == "unknown"
    assert only(Kind.UNKNOWN).closed_at is not None


def test_a_refusal_says_that_nothing_is_out(engine: Engine, sink: Sink) -> None:
    engine.platform.answers["zghd"] = [Refused("48001", Remedy.PERSON, "没有权限。请管理员开通。")]
    engine.signed(on=[engine.office.wechat])
    engine.go(T + 2 * SECOND)
    alarm = only(Kind.NEEDS_PERSON)
    assert alarm.out == "no"
    assert "没有权限" in alarm.message


def test_what_the_platform_itself_has_disproved_is_told_as_not_out(engine: Engine, sink: Sink) -> None:
    engine.platform.looks["zghd"] = [Failed("SEND_FAIL", "微信报告群发失败，没有送达。")]
    engine.signed(on=[engine.office.wechat])
    engine.go(T + MINUTE)
    assert only(Kind.NEEDS_PERSON).out == "no"


def test_one_side_public_and_the_other_not_is_a_split(engine: Engine, sink: Sink) -> None:
    engine.platform.answers["lyhd"] = [Refused("20018", Remedy.PERSON, "含非法网址。")]
    release = engine.signed()
    engine.go(T + 3 * MINUTE)
    alarm = only(Kind.SPLIT)
    assert (alarm.subject, alarm.out) == (f"release:{release.pk}", "part")
    assert "已公开：中国河东" in alarm.message
    assert "；未公开：临沂河东（需人工处理）" in alarm.message
    urls = ["https://weibo.com/2017000001/abc"]
    settling.settle_live(engine.weibo(release), urls=urls, person=engine.releaser, now=engine.clock.now())
    engine.go(engine.clock.now() + SECOND)
    assert kinds() == []


def test_a_side_in_doubt_is_told_as_doubt_and_nobody_is_asked_to_post_it(engine: Engine, sink: Sink) -> None:
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    engine.platform.looks["lyhd"] = [Absent()] * 9
    engine.signed()
    engine.go(T + 2 * MINUTE)
    alarm = only(Kind.SPLIT)
    assert "已公开：中国河东；是否公开不明：临沂河东（结果不明）" in alarm.message
    assert "未公开" not in alarm.message
    engine.go(T + 20 * MINUTE)
    alarm.refresh_from_db()
    assert "是否公开不明：临沂河东（需人工处理）" in alarm.message


def test_an_alarm_says_which_of_several_posts_it_is_about(engine: Engine, sink: Sink) -> None:
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    engine.platform.looks["lyhd"] = [Absent()] * 9
    engine.signed(*engine.articles(2), on=[engine.office.weibo])
    engine.go(T + 20 * SECOND)
    messages = sorted(Alarm.objects.filter(closed_at__isnull=True).values_list("message", flat=True))
    assert [message.split("：")[0] for message in messages] == ["临沂河东第 1 条", "临沂河东第 2 条"]


AWAITING = Unknown("89504", "平台正在等管理员确认；请管理员在 30 分钟内确认。", hold=30 * MINUTE)


def test_while_the_administrator_has_to_confirm_people_are_told_and_nothing_is_replayed(
    engine: Engine, sink: Sink
) -> None:
    engine.platform.answers["zghd"] = [AWAITING]
    release = engine.signed(on=[engine.office.wechat])
    engine.go(T + 5 * SECOND)
    alarm = only(Kind.UNKNOWN)
    assert "请管理员在 30 分钟内确认" in alarm.message
    engine.go(T + 20 * SECOND)
    assert any("请管理员在 30 分钟内确认" in notice.text for notice in sink.of("值班群"))
    engine.go(T + 29 * MINUTE)
    assert engine.wechat(release).status is State.UNKNOWN
    assert len(engine.platform.sent) == 1
    engine.go(T + 40 * MINUTE)  # nobody has confirmed, or no event told us: a person looks, nothing is sent any more
    assert engine.wechat(release).status is State.NEEDS_PERSON
    assert len(engine.platform.sent) == 1


def test_confirmed_in_time_the_record_that_the_platform_named_shows_it(engine: Engine, sink: Sink) -> None:
    engine.platform.answers["zghd"] = [Unknown("89505", AWAITING.message, {"msg_id": "7"}, hold=30 * MINUTE)]
    engine.platform.looks["zghd"] = [Pending({"msg_id": "7"}, "微信正在群发。")] * 3
    release = engine.signed(on=[engine.office.wechat])
    engine.go(T + 10 * MINUTE)
    assert engine.wechat(release).status is State.LIVE
    assert len(engine.platform.sent) == 1


def take_down(
    engine: Engine, release: Release, message: str = "曾经发布，后来被平台封禁；请立即联系公众号管理员。"
) -> Alarm:
    """The platform's event says that the WeChat push was banned; one tick later."""
    one = engine.wechat(release)
    event = PlatformEvent("PUBLISHJOBFINISH", "gone", dict(one.ids), Failed("6", message, gone=True), "<xml/>")
    callbacks._take(engine.office.wechat, event, engine.clock.now())
    engine.go(engine.clock.now() + SECOND)
    return only(Kind.GONE)


def test_a_public_post_that_is_taken_down_is_told_with_what_is_still_public(engine: Engine, sink: Sink) -> None:
    release = engine.signed()
    engine.go(T + 3 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]
    assert kinds() == []
    alarm = take_down(engine, release)
    assert (alarm.subject, alarm.out) == (f"publication:{engine.wechat(release).pk}", "yes")
    assert alarm.label == "已发布的内容被撤下"
    assert "封禁" in alarm.message
    assert "仍公开的：临沂河东" in alarm.message
    assert kinds() == ["gone"]  # no part of it waits to become public: that is no split
    engine.go(engine.clock.now() + 10 * SECOND)
    assert any("已发布的内容被撤下" in notice.subject for notice in sink.of("值班群"))


def test_where_nothing_else_is_public_it_says_so(engine: Engine, sink: Sink) -> None:
    release = engine.signed(on=[engine.office.wechat])
    engine.go(T + 3 * MINUTE)
    assert "没有别的账号仍公开" in take_down(engine, release).message


def test_what_was_taken_down_leaves_the_desk_a_day_after_it_was_read_and_is_not_told_again(
    engine: Engine, sink: Sink
) -> None:
    release = engine.signed(on=[engine.office.wechat])
    engine.go(T + 3 * MINUTE)
    alarm = take_down(engine, release)
    alarming.sweep(now=engine.clock.now() + 2 * DAY)
    assert kinds() == ["gone"]  # nobody has read it
    alarming.read(alarm, person=engine.releaser, now=engine.clock.now())
    alarming.sweep(now=engine.clock.now() + MINUTE)
    assert kinds() == ["gone"]
    later = engine.clock.now() + DAY + MINUTE
    for _ in range(2):
        alarming.sweep(now=later)
        alarming.reconcile([engine.wechat(release).pk], now=later)
        assert kinds() == []
    assert Alarm.objects.filter(kind=Kind.GONE).count() == 1


def test_taken_down_without_a_mark_is_found_by_the_sweep(engine: Engine, sink: Sink) -> None:
    release = engine.signed(on=[engine.office.wechat])
    engine.go(T + 3 * MINUTE)
    put(engine.wechat(release), State.GONE, next_at=None)
    alarming.sweep(now=engine.clock.now())
    assert kinds() == ["gone"]


def test_what_the_machine_holds_is_told_what_a_person_holds_is_not(engine: Engine, sink: Sink) -> None:
    engine.platform.stages["zghd"] = [fault(Remedy.PERSON, "图片太大。")] * 40
    release = engine.signed()
    engine.go(T - 14 * SECOND)
    assert states(release) == [State.HELD, State.HELD]
    assert kinds() == ["held", "held"]
    other = engine.signed(on=[engine.office.weibo], number=2, instant=T + 60 * MINUTE)
    stops.hold(other, person=engine.releaser, reason="领导要求", now=engine.clock.now())
    engine.go(engine.clock.now() + 2 * SECOND)
    assert kinds(release=other) == []


def test_a_persons_wish_carried_out_by_the_machine_is_a_persons(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    one = put(engine.wechat(release), State.STAGED, stop_event="hold", stop_reason="孙签暂停")
    transitions.move(one, Event.HOLD, actor="系统", now=NOW, stop_event="", reason="孙签暂停")
    one.refresh_from_db()
    assert one.held_by == "person"


def test_a_voided_signature_is_told(engine: Engine, sink: Sink) -> None:
    release = engine.signed()
    void_signature(release.pk, reason="内容改动", actor="editor", now=engine.clock.now())
    engine.go(engine.clock.now() + SECOND)
    assert kinds() == ["held", "held"]


def test_a_voided_signature_is_told_of_what_a_person_holds_too(engine: Engine, sink: Sink) -> None:
    """Whoever holds it means to resume it; that is refused now, and nobody would know."""
    release = engine.signed()
    stops.hold(release, person=engine.releaser, reason="再看一眼", now=engine.clock.now())
    engine.go(engine.clock.now() + SECOND)
    assert kinds() == []
    void_signature(release.pk, reason="内容改动", actor="editor", now=engine.clock.now())
    engine.go(engine.clock.now() + SECOND)
    assert kinds() == ["held", "held"]
    assert "重新编制或签发" in Alarm.objects.filter(kind="held")[0].message


def test_half_public_beside_what_a_person_had_held_is_a_split(engine: Engine, sink: Sink) -> None:
    release = engine.signed()
    weibo = engine.weibo(release)
    stops.hold(release, person=engine.releaser, reason="微博再等等", now=engine.clock.now(), only=weibo.pk)
    engine.go(T + 2 * MINUTE)
    assert engine.wechat(release).status is State.LIVE
    assert "split" in kinds()


def test_missed_is_told(engine: Engine, sink: Sink) -> None:
    engine.signed(on=[engine.office.wechat])
    engine.clock.wait_until(T + 31 * MINUTE)
    engine.tick()
    assert kinds() == ["missed"]
    assert only(Kind.MISSED).out == "no"


def test_a_minute_past_its_instant_and_still_here_is_overdue(engine: Engine, sink: Sink) -> None:
    release = engine.signed(on=[engine.office.wechat])
    put(engine.wechat(release), State.STAGED, next_at=T + 20 * MINUTE)
    for second in range(0, 130, 10):
        engine.clock.wait_until(T + second * SECOND)
        engine.tick()
    alarm = only(Kind.OVERDUE)
    assert T + MINUTE <= alarm.raised_at <= T + 2 * MINUTE
    put(engine.wechat(release), State.CANCELLED)
    engine.clock.wait_until(T + 160 * SECOND)
    engine.tick()
    assert kinds() == []


def test_what_is_resumed_after_its_instant_is_not_overdue_while_it_is_staged(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    stops.hold(release, person=engine.office.people["releaser"], reason="核对", now=engine.clock.now())
    engine.go(T + 2 * MINUTE)
    stops.resume(release, person=engine.office.people["releaser"], now=engine.clock.now())
    engine.workers = False  # nobody stages it
    engine.tick()
    assert Alarm.objects.filter(kind="overdue").count() == 0
    engine.clock.wait_until(engine.wechat(release).stage_by + MINUTE)
    alarming.sweep(now=engine.clock.now())
    assert Alarm.objects.filter(kind="overdue").count() == 1, "but it is once its time to be staged is over"


def test_a_release_that_waits_for_its_page_is_not_overdue(engine: Engine, sink: Sink) -> None:
    engine.page.at(T + 5 * MINUTE)
    release = engine.signed(sync=after_live(wait=10 * MINUTE))
    raised: set[str] = set()
    while engine.clock.now() < T + 7 * MINUTE:
        engine.go(engine.clock.now() + 20 * SECOND)
        raised.update(kinds())
    assert states(release) == [State.LIVE, State.LIVE]
    assert Alarm.objects.filter(kind="overdue").count() == 0
    assert raised <= {"preflight"}


def test_once_its_page_is_live_a_release_is_late_a_minute_after_the_instant_that_allowed(engine: Engine) -> None:
    engine.page.at(T + 5 * MINUTE)
    release = engine.signed(on=[engine.office.wechat], sync=after_live(wait=10 * MINUTE))
    engine.go(T + 5 * MINUTE + 3 * SECOND)
    effective = PortalGate.objects.get(release=release).effective
    assert effective is not None
    assert effective > T + 5 * MINUTE
    put(engine.wechat(release), State.STAGED, next_at=T + 20 * MINUTE)  # and there it stays
    while engine.clock.now() < effective + 2 * MINUTE:
        engine.clock.wait_until(engine.clock.now() + 5 * SECOND)
        engine.tick()
    assert effective + MINUTE <= only(Kind.OVERDUE).raised_at <= effective + 2 * MINUTE


def test_an_alarm_of_before_the_gate_was_looked_at_is_closed(engine: Engine) -> None:
    """Raised by an earlier version, or before the page was taken down again."""
    release = engine.signed(on=[engine.office.wechat], sync=after_live(wait=10 * MINUTE))
    engine.go(T + 2 * MINUTE)
    push = engine.wechat(release)
    alarming.raise_all(
        [
            alarming.Call(
                Kind.OVERDUE, f"publication:{push.pk}", Out.NO, "逾期", release=release.pk, publication=push.pk
            )
        ],
        now=engine.clock.now(),
    )
    engine.go(T + 3 * MINUTE)
    assert "overdue" not in kinds()


def test_whatever_put_it_there_the_sweep_finds_it_within_a_minute(engine: Engine) -> None:
    """A hand in the database, a program of before: no change of state has marked it."""
    release = engine.signed()
    engine.tick()
    put(engine.wechat(release), State.NEEDS_PERSON, reason="手工改的")
    engine.clock.wait_until(engine.clock.now() + 60 * SECOND)
    engine.tick()
    assert kinds() == ["needs_person"]


@pytest.mark.parametrize(
    ("after_t", "seconds"), [(-10 * MINUTE, 60), (-MINUTE, 20), (30 * MINUTE, 20), (2 * 60 * MINUTE, 60)]
)
def test_near_a_release_it_sweeps_three_times_a_minute_in_a_quiet_house_once(
    engine: Engine, after_t: timedelta, seconds: int
) -> None:
    release, now = engine.signed(), T + after_t
    release.publications.update(next_at=None)  # nothing is to be done for it
    Chore.objects.filter(name="sweep").update(next_at=now)
    watching.look(now)
    assert Chore.objects.get(name="sweep").next_at == now + seconds * SECOND


def test_what_is_sent_again_days_later_is_near_as_well(engine: Engine) -> None:
    release, now = engine.signed(), T + 2 * DAY
    put(engine.wechat(release), State.STAGED, next_at=now + SECOND)
    Chore.objects.filter(name="sweep").update(next_at=now)
    watching.look(now)
    assert Chore.objects.get(name="sweep").next_at == now + 20 * SECOND


def test_every_change_of_state_into_trouble_leaves_an_open_alarm_after_one_tick(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    moves = [
        (State.SENDING, Event.REFUSED), (State.SENDING, Event.SILENCE), (State.CONFIRMING, Event.FAIL),
        (State.UNKNOWN, Event.GIVE_UP), (State.STAGED, Event.HOLD), (State.STAGED, Event.TOO_LATE),
    ]  # fmt: skip
    for state, event in moves:
        one = put(engine.wechat(release), state, alarm_at=None, held_by="")
        transitions.move(one, event, actor="系统", now=engine.clock.now(), next_at=None, reason="试")
        engine.tick()
        assert kinds(publication=one) == [str(one.state)], event


def test_at_most_one_is_open_for_a_kind_and_subject(engine: Engine) -> None:
    call = alarming.Call(Kind.DISK, "home", Out.NONE, "磁盘将满")
    assert len(alarming.raise_all([call], now=NOW)) == 1
    assert alarming.raise_all([call], now=NOW) == []
    with pytest.raises(IntegrityError), transaction.atomic():
        Alarm.objects.create(kind="disk", subject="home", message="x", raised_at=NOW)
    alarming.close(Kind.DISK, ["home"], why="好了", now=NOW)
    assert len(alarming.raise_all([call], now=NOW)) == 1


def test_two_clocks_raise_and_tell_once(engine: Engine, sink: Sink) -> None:
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    engine.signed(on=[engine.office.weibo])
    engine.go(T)
    for second in range(8):
        engine.clock.wait_until(T + second * SECOND)
        watching.look(engine.clock.now())
        watching.look(engine.clock.now())
    assert Alarm.objects.count() == 1
    assert AlarmNotice.objects.count() == 1


# --- told ---------------------------------------------------------------------------------------------------


def test_several_pushes_of_one_release_make_one_message(engine: Engine, sink: Sink) -> None:
    engine.platform.stages["zghd"] = [fault(Remedy.PERSON, "图片太大。")] * 40
    engine.signed(*engine.articles(4))
    engine.go(T + MINUTE)
    assert kinds() == ["held"] * 5
    (notice,) = [told for told in sink.of("值班群") if "被系统暂停" in told.subject]
    assert notice.subject.endswith("被系统暂停（5 项）")
    assert notice.lines[0].endswith("中国河东：被系统暂停。是否已发出：否。")
    assert notice.lines[1].endswith("临沂河东：被系统暂停。是否已发出：否。（共 4 条）")
    assert "是否已发出：否" in notice.text


def test_two_hundred_releases_in_trouble_make_one_message_too(engine: Engine, sink: Sink) -> None:
    calls = [
        alarming.Call(Kind.MISSED, f"publication:{number}", Out.NO, "错过", unit=engine.office.unit.pk)
        for number in range(200)
    ]
    alarming.raise_all(calls, now=engine.clock.now())
    engine.go(engine.clock.now() + 5 * SECOND)
    assert len(sink.of("值班群")) == 1


def test_nobody_reads_it_so_the_next_rings_are_told_after_5_and_15_minutes(engine: Engine, sink: Sink) -> None:
    alarming.raise_all([alarming.Call(Kind.DISK, "home", Out.NONE, "磁盘将满")], now=NOW)
    Chore.objects.all().delete()  # the real disk is fine
    engine.go(NOW + 40 * MINUTE)
    assert [(who, (at - NOW) // MINUTE) for who, at, _ in sink.heard] == [("值班群", 0), ("主任", 5), ("局长", 15)]
    assert [row.result for row in AlarmNotice.objects.order_by("pk")] == ["已送达"] * 3


def test_where_only_the_first_ring_has_people_they_are_told_again(engine: Engine, sink: Sink) -> None:
    """What nobody reads must not fall silent because the head of the office is not in the file."""
    sink.targets = sink.targets[:1]
    alarming.raise_all([alarming.Call(Kind.DISK, "home", Out.NONE, "磁盘将满")], now=NOW)
    Chore.objects.all().delete()
    engine.go(NOW + 40 * MINUTE)
    assert [(who, (at - NOW) // MINUTE) for who, at, _ in sink.heard] == [("值班群", 0), ("值班群", 5), ("值班群", 15)]
    assert "无人阅读" not in sink.of("值班群")[0].text
    assert "没有配置第 2 级通知对象，再次提醒" in sink.of("值班群")[1].text


def test_a_ring_without_people_leaves_its_turn_to_the_one_before(engine: Engine, sink: Sink) -> None:
    sink.targets = [sink.targets[0], sink.targets[2]]
    alarming.raise_all([alarming.Call(Kind.DISK, "home", Out.NONE, "磁盘将满")], now=NOW)
    Chore.objects.all().delete()
    engine.go(NOW + 40 * MINUTE)
    assert [who for who, _, _ in sink.heard] == ["值班群", "值班群", "局长"]


def test_read_is_read_and_nobody_else_is_woken(engine: Engine, sink: Sink) -> None:
    alarming.raise_all([alarming.Call(Kind.DISK, "home", Out.NONE, "磁盘将满")], now=NOW)
    Chore.objects.all().delete()
    engine.go(NOW + 10 * SECOND)
    alarming.read(only(Kind.DISK), person=engine.releaser, now=engine.clock.now())
    engine.go(NOW + 40 * MINUTE)
    assert [who for who, _, _ in sink.heard] == ["值班群"]
    with pytest.raises(ServiceRefused) as refused:
        alarming.read(only(Kind.DISK), person=engine.releaser, now=engine.clock.now())
    assert "孙签" in refused.value.message
    with pytest.raises(ServiceRefused):
        alarming.read(only(Kind.DISK), person=engine.office.people["editor"], now=engine.clock.now())


def test_one_that_is_over_before_it_is_told_is_not_told(engine: Engine, sink: Sink) -> None:
    alarming.raise_all([alarming.Call(Kind.DISK, "home", Out.NONE, "磁盘将满")], now=NOW)
    Chore.objects.all().delete()
    engine.workers = False
    engine.clock.wait_until(NOW + 5 * SECOND)
    engine.tick()
    notice = AlarmNotice.objects.get()
    alarming.close(Kind.DISK, ["home"], why="好了", now=engine.clock.now())
    assert not telling.send(notice.pk, now=engine.clock.now)
    notice.refresh_from_db()
    assert (notice.state, notice.next_at) == ("dropped", None)
    assert sink.heard == []


def test_what_does_not_arrive_is_tried_again_until_it_does(engine: Engine, sink: Sink) -> None:
    """An outage that cut off a push cuts off the robots too, and may last longer than an hour."""
    sink.broken, sink.targets = {"值班群"}, sink.targets[:1]
    alarming.raise_all([alarming.Call(Kind.DISK, "home", Out.NONE, "磁盘将满")], now=NOW)
    Chore.objects.all().delete()
    engine.go(NOW + 2 * MINUTE)
    notice = AlarmNotice.objects.filter(ring=1).get()
    assert (notice.state, notice.tries, notice.error) == ("waiting", 2, "对方超时未应答。")
    engine.go(NOW + 60 * MINUTE)
    notice.refresh_from_db()
    assert (notice.state, notice.tries) == ("waiting", len(alarms.BACKOFF) + 1)
    engine.go(NOW + 300 * MINUTE)
    sink.broken = set()
    engine.go(NOW + 361 * MINUTE)
    assert set(AlarmNotice.objects.values_list("state", flat=True)) == {"sent"}
    assert sink.heard


@pytest.mark.parametrize("end", ["read", "closed"])
def test_it_is_tried_no_more_once_the_alarm_is_read_or_over(engine: Engine, sink: Sink, end: str) -> None:
    sink.broken, sink.targets = {"值班群"}, sink.targets[:1]
    alarming.raise_all([alarming.Call(Kind.DISK, "home", Out.NONE, "磁盘将满")], now=NOW)
    Chore.objects.all().delete()
    engine.go(NOW + 90 * MINUTE)
    Alarm.objects.update(**{f"{end}_at": engine.clock.now()})
    engine.go(NOW + 240 * MINUTE)
    assert set(AlarmNotice.objects.values_list("state", flat=True)) == {"dropped"}


def test_a_worker_that_dies_on_the_way_costs_a_minute_and_no_message(engine: Engine, sink: Sink) -> None:
    sink.killed, sink.targets = True, sink.targets[:1]
    alarming.raise_all([alarming.Call(Kind.DISK, "home", Out.NONE, "磁盘将满")], now=NOW)
    Chore.objects.all().delete()
    engine.go(NOW + 30 * SECOND)
    assert (AlarmNotice.objects.get().state, sink.heard) == ("sending", [])
    engine.go(NOW + 90 * SECOND)
    assert (AlarmNotice.objects.get().state, len(sink.heard)) == ("sent", 1)


@pytest.mark.parametrize(
    ("broken", "said"), [({"值班群"}, "此前通知没有送达"), (set(), "此前通知无人阅读")], ids=["never arrived", "not read"]
)  # fmt: skip
def test_the_next_ring_is_told_whether_the_first_message_arrived(
    engine: Engine, sink: Sink, broken: set[str], said: str
) -> None:
    sink.broken = broken
    alarming.raise_all([alarming.Call(Kind.DISK, "home", Out.NONE, "磁盘将满")], now=NOW)
    Chore.objects.all().delete()
    engine.go(NOW + 6 * MINUTE)
    (notice,) = sink.of("主任")
    assert said in notice.text


def test_a_message_of_which_each_worker_dies_is_rung_ever_less_often_and_the_doctor_names_it(
    engine: Engine, sink: Sink
) -> None:
    """What kills a worker leaves nobody to write the failure down: the wait was written when the message was taken."""
    sink.deadly, sink.targets = True, sink.targets[:1]
    alarming.raise_all([alarming.Call(Kind.DISK, "home", Out.NONE, "磁盘将满")], now=NOW)
    Chore.objects.all().delete()
    engine.go(NOW + 30 * MINUTE)
    notice = AlarmNotice.objects.filter(ring=1).get()
    assert (notice.state, notice.tries) == ("sending", 4)  # after 1, 2 and 10 minutes
    (named,) = [one for one in lookahead.people_to_tell(engine.clock.now()) if one.code == "notify_failed"]
    assert "没有送达，正在重试" in named.message
    assert "上次送出时中断" in named.message


def test_with_nobody_configured_that_is_what_is_recorded(engine: Engine, sink: Sink) -> None:
    sink.targets = []
    alarming.raise_all([alarming.Call(Kind.DISK, "home", Out.NONE, "磁盘将满")], now=NOW)
    Chore.objects.all().delete()
    engine.go(NOW + 10 * SECOND)
    assert AlarmNotice.objects.get().result == "没有配置通知对象"


def test_of_one_release_only_number_and_instant_are_told_until_it_is_public(engine: Engine, sink: Sink) -> None:
    engine.platform.answers["lyhd"] = [Refused("20018", Remedy.PERSON, "《秘密标题》含非法网址。")]
    document = engine.office.approved(article(1, title="关于秘密标题的通知"), now=NOW)
    release = engine.signed(document)
    engine.go(T + 20 * SECOND)
    first = sink.of("值班群")[0].text
    assert "秘密标题" not in first or states(release)[0] == State.LIVE
    put(engine.wechat(release), State.CONFIRMING)
    told = telling.told(
        Alarm.objects.filter(kind="needs_person").select_related("release", "account", "publication").get()
    )
    assert told.title == ""
    assert f"发布单 {release.pk}" in first


def test_a_slow_receiver_holds_up_one_message_and_nothing_else(engine: Engine, sink: Sink) -> None:
    """While one message is on its way no second is rung for: the other workers stage and look."""
    sink.targets = [Target(f"群{number}", "wecom", 1) for number in range(5)]
    release = engine.signed()
    engine.go(T - 30 * SECOND)
    alarming.raise_all([alarming.Call(Kind.DISK, "home", Out.NONE, "磁盘将满")], now=engine.clock.now())
    engine.clock.wait_until(T - 25 * SECOND)
    assert len([job for job in engine.tick().rings if job.kind == "notify"]) == 1
    first = AlarmNotice.objects.order_by("pk")[0]
    AlarmNotice.objects.filter(pk=first.pk).update(state="sending", next_at=T + MINUTE)  # it hangs
    rung = len(engine.rings)
    engine.go(T + SECOND)
    assert [job for job in engine.rings[rung:] if job.kind == "notify"] == []
    assert {shot.at for shot in engine.platform.sent} == {T}
    assert len(states(release)) == 2


# --- the machine ---------------------------------------------------------------------------------------------


def inspected(engine: Engine, name: str) -> None:
    Chore.objects.filter(pk=name).update(next_at=engine.clock.now())
    inspections.inspect(watching.CHORES.index(name), now=engine.clock.now)


def test_a_full_disk_a_missing_rule_and_a_jumping_clock_are_alarms_until_mended(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ClockReading.objects.create(account=engine.office.wechat, at=NOW, offset_ms=0, boot_seconds=1.0, boot_id=boot_id())
    inspected(engine, "machine")
    assert "disk" not in kinds()
    with monkeypatch.context() as patch:
        patch.setattr(prechecks, "LEAST_DISK", 1 << 60)
        patch.setattr(prechecks, "missing", lambda _: ["audit_kept"])
        patch.setattr(inspections, "doubt_of_this_boot", lambda **_: "本机时钟跳变。")
        inspected(engine, "machine")
    assert kinds() == ["clock", "disk", "rules"]
    monkeypatch.setattr(inspections, "doubt_of_this_boot", lambda **_: "")
    inspected(engine, "machine")
    assert kinds() == []


def test_the_clock_is_judged_by_what_a_platform_said_since_this_boot(engine: Engine) -> None:
    """After a reboot nothing is known yet, and nothing is wrong; a reading of this boot tells, whichever is newer."""
    inspected(engine, "machine")
    assert "clock" not in kinds()
    before = ClockReading.objects.create(
        account=engine.office.wechat, at=NOW + MINUTE, offset_ms=9000, boot_seconds=1.0, boot_id="of-before"
    )
    inspected(engine, "machine")
    assert "clock" not in kinds()
    ClockReading.objects.create(
        account=engine.office.weibo, at=NOW, offset_ms=9000, boot_seconds=boot_seconds(), boot_id=boot_id()
    )
    inspected(engine, "machine")
    assert "clock" in kinds()
    assert "+9.0 秒" in Alarm.objects.get(kind="clock").message
    ClockReading.objects.exclude(pk=before.pk).delete()
    inspected(engine, "machine")
    assert "clock" not in kinds()


def test_a_broken_chain_is_an_alarm(engine: Engine) -> None:
    inspected(engine, "chain")
    assert kinds() == []
    drop_rules()
    AuditEvent.objects.filter(sequence=1).update(actor="别人")
    inspected(engine, "chain")
    assert kinds() == ["chain"]


def looked_into(engine: Engine) -> set[str]:
    """What workers have been rung to inspect."""
    return {CHORES[job.subject] for job in engine.rings if job.kind == "inspect"}


def test_the_installation_looks_at_itself_and_wakes_no_worker_for_what_is_done_at_once(engine: Engine) -> None:
    engine.go(NOW + 5 * SECOND)
    assert all(Chore.objects.values_list("ran_at", flat=True))
    assert looked_into(engine) == {"chain"}, "the whole trail is verified, which takes its time"


def test_while_a_release_is_near_inspections_are_the_workers(engine: Engine) -> None:
    engine.signed()
    engine.go(T - 90 * SECOND)
    Chore.objects.exclude(name="sweep").update(next_at=T - 80 * SECOND, rung_at=None)
    engine.rings.clear()
    engine.go(T - 60 * SECOND)
    assert looked_into(engine) == set(CHORES) - {"sweep"}


def test_an_inspection_that_asks_a_platform_is_a_workers(engine: Engine) -> None:
    """Something waits to go out, and no platform has told this boot of the machine its time."""
    engine.signed()
    engine.go(NOW + SECOND)
    ClockReading.objects.all().delete()
    Chore.objects.filter(name="machine").update(next_at=NOW + SECOND)
    engine.rings.clear()
    engine.go(NOW + 2 * SECOND)
    assert looked_into(engine) == {"machine"}


def test_taking_down_and_drafts_for_people_are_a_workers_as_soon_as_one_is_due(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.go(NOW + SECOND)
    for module in (takedowns, handdrafts):
        monkeypatch.setattr(module, "due", lambda now: Chore.objects.all())  # something is
    Chore.objects.filter(name__in=("takedowns", "drafts", "trail")).update(next_at=NOW + 2 * SECOND)
    engine.clock.wait_until(NOW + 3 * SECOND)
    assert {CHORES[job.subject] for job in engine.tick().rings if job.kind == "inspect"} == {"takedowns", "drafts"}


@pytest.mark.parametrize("error", [RuntimeError("torn"), OperationalError("no such table: bot_trailline")])
def test_an_inspection_that_fails_in_the_clock_is_left_to_a_worker_and_keeps_nothing_from_its_turn(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails() -> bool:
        raise error

    engine.go(NOW + SECOND)
    monkeypatch.setattr(trailindex, "is_nearly_whole", fails)
    Chore.objects.filter(name="trail").update(next_at=NOW)
    Chore.objects.exclude(name="trail").update(next_at=NOW + SECOND)
    engine.clock.wait_until(NOW + 2 * SECOND)
    assert {CHORES[job.subject] for job in engine.tick().rings} == {"trail", "chain"}
    assert not Chore.objects.exclude(name__in=("trail", "chain")).filter(next_at__lte=NOW + 2 * SECOND).exists()


def test_what_becomes_due_while_the_clock_puts_an_inspection_off_is_rung_for_at_the_next_tick(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.go(NOW + SECOND)
    monkeypatch.setattr(takedowns, "come_back", lambda: takedowns.call_the_worker(now=NOW + 3 * SECOND))
    Chore.objects.filter(name="takedowns").update(next_at=NOW + 2 * SECOND)
    engine.clock.wait_until(NOW + 3 * SECOND)
    assert engine.tick().rings == []
    monkeypatch.setattr(takedowns, "due", lambda now: Chore.objects.all())
    assert {CHORES[job.subject] for job in engine.tick().rings} == {"takedowns"}


def test_a_backlog_of_the_trails_index_is_a_workers(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trailindex, "TOGETHER", 2)
    engine.signed()
    TrailLine.objects.all().delete()
    engine.clock.wait_until(NOW + SECOND)
    assert "trail" in {CHORES[job.subject] for job in engine.tick().rings if job.kind == "inspect"}


# --- what it costs ---------------------------------------------------------------------------------------------


def test_with_nothing_due_the_watch_reads_a_few_rows_and_writes_nothing(engine: Engine) -> None:
    engine.signed()
    engine.go(NOW + 5 * SECOND)
    engine.clock.wait_until(NOW + 6 * SECOND)
    with CaptureQueriesContext(connection) as asked:
        watching.look(engine.clock.now())
    assert len(asked) <= 5
    assert all(query["sql"].startswith("SELECT") for query in asked)


def test_the_watchs_questions_are_answered_from_an_index(engine: Engine) -> None:
    Chore.objects.exclude(name="sweep").update(next_at=NOW)  # inspections read more, every five minutes
    with CaptureQueriesContext(connection) as asked:
        watching.look(NOW - MINUTE)
    for query in asked.captured_queries:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}", [])
                plan = " ".join(str(row) for row in cursor.fetchall())
                assert "INDEX" in plan, (query["sql"], plan)


def test_the_people_of_another_unit_do_not_see_it(engine: Engine, sink: Sink) -> None:
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    engine.signed(on=[engine.office.weibo])
    engine.go(T + SECOND)
    other = Office.make("other", prefix="o-")
    assert alarming.standing(other.unit) == []
    assert [alarm.kind for alarm in alarming.standing(engine.office.unit)] == ["unknown"]
    with pytest.raises(ServiceRefused):
        alarming.find_alarm(only(Kind.UNKNOWN).pk, unit=other.unit)
