"""更正与撤回: two people, an intent before the call, a read-back after it, and nothing repeated blindly."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from bot.domain.channel import (
    Absent,
    ChannelFault,
    Failed,
    PlatformEvent,
    Receipt,
    Remedy,
    Unclear,
    Withdrawn,
)
from bot.domain.delivery import State
from bot.domain.engine.withdrawing import LOOKS, Stage
from bot.domain.instants import beijing_date
from bot.models import Alarm, AuditEvent, Chore, Person, Publication, Release, Takedown, TakedownCall, Withdrawal
from bot.models.watch import make_chores
from bot.services import (
    callbacks,
    deputies,
    inspections,
    people,
    stops,
    story,
    takedowns,
    takedownwatch,
    watching,
    withdrawing,
)
from bot.services.accounts import spec_of
from bot.services.errors import NotFound, Refused
from bot.services.transitions import Stale
from bot.services.withdrawing import Target

from .delivery_platform import receipt
from .delivery_support import MINUTE, Engine, T
from .factories import Office, article

NOTICE = "关于撤回有关信息的说明\n数字有误，现予撤回。"
GONE = Failed("53600", "文章已不在平台上。", gone=True)


class Desk:
    """A platform that is scripted for taking down: what it shows, what it answers, and how often it was asked."""

    def __init__(self) -> None:
        self.shows: list[Any] = []
        self.answers: list[Any] = []
        self.asked: list[tuple[Receipt, int | None]] = []
        self.on_call: Callable[[], None] = lambda: None

    def channel_of(self, account: Any, *, mode: str = "") -> Any:
        self.spec = spec_of(account)
        return self

    def look(self, evidence: Any) -> Any:
        shown = self.shows.pop(0) if self.shows else receipt(evidence)
        if isinstance(shown, BaseException):
            raise shown
        return shown

    def withdraw(self, given: Receipt, *, position: int | None = None) -> Any:
        self.asked.append((given, position))
        self.on_call()
        answer = self.answers.pop(0) if self.answers else Withdrawn("已撤下。")
        if isinstance(answer, BaseException):
            raise answer
        return answer


class World:
    """An office with a release that is live on both accounts, and a second releaser."""

    def __init__(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        self.engine, self.desk = Engine(office, monkeypatch), Desk()
        monkeypatch.setattr(takedowns, "channel_of", self.desk.channel_of)
        self.office, self.at = office, T + 5 * MINUTE

    def live(self, *, articles: int = 1, mode: str = "publish") -> Release:
        if mode == "publish":
            self.engine.by_publish()
        release = self.engine.signed(*self.engine.articles(articles))
        self.engine.go(self.at)
        assert {one.status for one in release.publications.all()} == {State.LIVE}
        return release

    def now(self) -> datetime:
        return self.at

    @property
    def editor(self) -> Person:
        return self.office.people["editor"]

    @property
    def releaser(self) -> Person:
        return self.office.people["releaser"]

    def ask(self, release: Release, *targets: Target, person: Person | None = None, **more: Any) -> Withdrawal:
        wanted = targets or tuple(Target(one.pk) for one in release.publications.all())
        given = {"reason": "数字有误", "notice_kind": "withdrawal", "notice": NOTICE, "now": self.at, **more}
        return withdrawing.ask(release, person=person or self.editor, targets=wanted, **given)

    def confirmed(self, release: Release, *targets: Target, **more: Any) -> Withdrawal:
        made = self.ask(release, *targets, **more)
        withdrawing.confirm(made, person=self.releaser, now=self.at)
        return Withdrawal.objects.get(pk=made.pk)

    def wechat(self, withdrawal: Withdrawal) -> Takedown:
        return withdrawal.takedowns.get(publication__account=self.office.wechat)

    def weibo(self, withdrawal: Withdrawal) -> Takedown:
        return withdrawal.takedowns.get(publication__account=self.office.weibo)

    def work(self, *, rounds: int = 1, later: timedelta = timedelta(0)) -> None:
        for _ in range(rounds):
            self.at += later
            takedowns.work_all(now=self.now)


@pytest.fixture
def world(office: Office, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(office, monkeypatch)


def only_wechat(world: World, release: Release) -> Target:
    return Target(release.publications.get(account=world.office.wechat).pk)


# --- asking and confirming ------------------------------------------------------------------------------------


def test_asking_takes_nothing_down(world: World) -> None:
    release = world.live()
    made = world.ask(release, portal=True)
    assert {one.status for one in made.takedowns.all()} == {Stage.ASKED}
    assert made.takedowns.filter(edition__isnull=False).count() == 1
    world.work()
    assert world.desk.asked == []
    assert {one.status for one in release.publications.all()} == {State.LIVE}
    assert AuditEvent.objects.get(action="withdrawal.asked").actor == "editor"


@pytest.mark.parametrize("who", ["first", "second", "final"])
def test_reviewers_do_not_ask(world: World, who: str) -> None:
    with pytest.raises(Refused, match="权限"):
        world.ask(world.live(), person=world.office.people[who])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reason": " "}, "reason"), ({"notice": ""}, "notice"), ({"notice": "因〔请写明〕，现予撤回"}, "notice"),
        ({"notice_kind": "joke"}, "notice"),
    ],
)  # fmt: skip
def test_a_reason_and_a_finished_notice_are_asked_for(world: World, changes: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as caught:
        world.ask(world.live(), **changes)
    assert caught.value.code == code
    assert not Withdrawal.objects.exists()


def test_only_what_is_public_can_be_asked_for(world: World) -> None:
    release = world.live()
    other = world.engine.signed(number=7, instant=T + 60 * MINUTE)
    for target in (Target(other.publications.all()[0].pk), Target(only_wechat(world, release).publication, (5,))):
        with pytest.raises(Refused, match="没有公开"):
            world.ask(release, target)


def test_one_at_a_time_for_each_release(world: World) -> None:
    release = world.live()
    made = world.ask(release)
    with pytest.raises(Refused, match="没有办结"):
        world.ask(release)
    withdrawing.drop(made, person=world.editor, now=world.at)
    world.ask(release)


def test_whoever_asked_does_not_confirm(world: World) -> None:
    made = world.ask(world.live(), person=world.releaser)
    with pytest.raises(Refused, match="不能自己确认"):
        withdrawing.confirm(made, person=world.releaser, now=world.at)
    with pytest.raises(Refused, match="签发人"):
        withdrawing.confirm(made, person=world.editor, now=world.at)
    made.refresh_from_db()
    assert made.confirmed_at is None
    assert world.desk.asked == []


def test_two_releasers_may_be_the_two(world: World) -> None:
    second = people.add_person(
        "releaser2", name="冯签", unit=world.office.unit, roles=["releaser"], password=None, actor="test", now=world.at
    )
    made = world.ask(world.live(), person=world.releaser)
    withdrawing.confirm(made, person=second, now=world.at)
    line = AuditEvent.objects.get(action="withdrawal.confirmed")
    assert (line.actor, line.data["second"]) == ("releaser2", "releaser")


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"is_active": False}, "提出人李拟已停用"), ({"roles": ["final"]}, "提出人李拟不再有提出撤回的权限")],
)
def test_nothing_is_deleted_on_the_word_of_somebody_who_may_not_ask_any_more(
    world: World, changes: dict[str, Any], words: str
) -> None:
    made = world.ask(world.live())
    Person.objects.filter(pk=world.editor.pk).update(**changes)
    with pytest.raises(Refused, match=f"{words}，请收回后重新提出，没有删除"):
        withdrawing.confirm(made, person=world.releaser, now=world.at)
    world.work()
    made.refresh_from_db()
    assert (made.confirmed_at, world.desk.asked) == (None, [])
    withdrawing.drop(made, person=world.releaser, now=world.at)


def test_who_asked_may_hold_the_right_as_a_deputy_when_it_is_confirmed(world: World) -> None:
    made, chief = world.ask(world.live()), world.releaser
    Person.objects.filter(pk=world.editor.pk).update(roles=["first"])
    today = beijing_date(world.at)
    deputies.appoint(
        principal=chief, deputy=world.editor, first_day=today, last_day=today, reason="出差", person=chief, now=world.at
    )
    withdrawing.confirm(made, person=world.releaser, now=world.at)
    made.refresh_from_db()
    assert made.confirmed_at is not None


def test_what_was_confirmed_or_taken_back_is_confirmed_no_more(world: World) -> None:
    release = world.live()
    made = world.confirmed(release)
    with pytest.raises(Refused, match="未做改动"):
        withdrawing.confirm(made, person=world.releaser, now=world.at)
    with pytest.raises(Refused, match="不能收回"):
        withdrawing.drop(made, person=world.editor, now=world.at)


def test_another_units_withdrawal_does_not_exist(world: World) -> None:
    made = world.ask(world.live())
    other = Office.make("other", prefix="o-").unit
    with pytest.raises(NotFound):
        withdrawing.find_withdrawal(made.pk, unit=other)
    with pytest.raises(NotFound):
        withdrawing.find_takedown(made.takedowns.all()[0].pk, unit=other)


# --- by machine -----------------------------------------------------------------------------------------------


def test_what_a_machine_can_take_down_is_taken_down_once_and_read_back(world: World) -> None:
    release = world.live()
    made = world.confirmed(release, only_wechat(world, release))
    world.work()
    row = world.wechat(made)
    assert (row.status, len(world.desk.asked), world.desk.asked[0][1]) == (Stage.CHECKING, 1, None)
    assert row.calls.get().outcome == "withdrawn"
    assert release.publications.get(account=world.office.wechat).status is State.LIVE  # not before it is read back
    world.desk.shows = [GONE]
    world.work(later=LOOKS[0])
    row.refresh_from_db()
    push = release.publications.get(account=world.office.wechat)
    assert (row.status, push.status) == (Stage.DONE, State.WITHDRAWN)
    assert push.next_sample_at is None
    assert push.items.get().withdrawn_at == world.at
    assert len(world.desk.asked) == 1
    made.refresh_from_db()
    assert made.ended_at == world.at
    assert release.publications.get(account=world.office.weibo).status is State.LIVE


def test_what_was_public_is_kept_as_it_was(world: World) -> None:
    release = world.live()
    item = release.publications.get(account=world.office.wechat).items.get()
    row = world.wechat(world.confirmed(release, only_wechat(world, release)))
    world.work()
    row.refresh_from_db()
    place = row.before["places"][0]
    assert (place["title"], place["url"], place["hash"]) == (item.edition.title, item.url, item.payload_hash)
    assert row.before["seen"]["verdict"] == "Receipt"


def test_the_intent_is_committed_before_the_call(world: World) -> None:
    release = world.live()
    world.confirmed(release, only_wechat(world, release))
    seen: list[tuple[str, str]] = []
    world.desk.on_call = lambda: seen.extend(TakedownCall.objects.values_list("outcome", "takedown__stage"))
    world.work()
    assert seen == [("", "calling")]


def test_a_call_without_an_answer_is_looked_up_and_never_repeated(world: World) -> None:
    release = world.live()
    made = world.confirmed(release, only_wechat(world, release))
    world.desk.answers = [ChannelFault(Remedy.UNKNOWN, "超时未应答。", code="timeout")]
    world.work()
    row = world.wechat(made)
    assert (row.status, row.calls.get().outcome) == (Stage.CHECKING, "unknown")
    world.work(rounds=8, later=MINUTE)
    row.refresh_from_db()
    assert row.status is Stage.STILL_PUBLIC
    assert len(world.desk.asked) == 1
    assert release.publications.get(account=world.office.wechat).status is State.LIVE


def test_a_worker_that_dies_after_the_intent_leaves_nothing_to_repeat(world: World) -> None:
    class Killed(BaseException):
        pass

    release = world.live()
    made = world.confirmed(release, only_wechat(world, release))
    world.desk.answers = [Killed()]
    with pytest.raises(Killed):
        world.work()
    row = world.wechat(made)
    assert (row.status, row.calls.get().outcome) == (Stage.CALLING, "")
    world.work(later=MINUTE)  # its lease holds
    row.refresh_from_db()
    assert row.status is Stage.CALLING
    world.work(later=takedowns.LEASE)
    row.refresh_from_db()
    assert (row.status, row.calls.get().outcome) == (Stage.CHECKING, "unknown")
    world.desk.shows = [GONE]
    world.work(later=MINUTE)
    row.refresh_from_db()
    assert row.status is Stage.DONE
    assert len(world.desk.asked) == 1


def test_a_worker_that_dies_before_the_intent_is_followed_by_another(world: World) -> None:
    class Killed(BaseException):
        pass

    release = world.live()
    made = world.confirmed(release, only_wechat(world, release))
    world.desk.shows = [Killed()]
    with pytest.raises(Killed):
        world.work()
    assert world.desk.asked == []
    world.work(later=takedowns.LEASE)
    assert world.wechat(made).status is Stage.CHECKING
    assert len(world.desk.asked) == 1


def test_two_workers_call_once(world: World) -> None:
    release = world.live()
    row = world.wechat(world.confirmed(release, only_wechat(world, release)))
    world.desk.on_call = lambda: takedowns.work(row.pk, now=world.now)
    world.work()
    assert len(world.desk.asked) == 1


def test_an_answer_that_comes_after_another_took_over_changes_nothing(world: World) -> None:
    release = world.live()
    row = world.wechat(world.confirmed(release, only_wechat(world, release)))

    def slow() -> None:
        world.at += takedowns.LEASE
        takedowns.work(row.pk, now=world.now)  # another takes it for lost

    world.desk.on_call = slow
    with pytest.raises(Stale):
        takedowns.work(row.pk, now=world.now)
    assert row.calls.get().outcome == "unknown"
    row.refresh_from_db()
    assert row.status is Stage.CHECKING


def test_what_is_gone_already_is_not_called_for(world: World) -> None:
    release = world.live()
    made = world.confirmed(release, only_wechat(world, release))
    world.desk.shows = [GONE]
    world.work()
    assert world.wechat(made).status is Stage.DONE
    assert world.desk.asked == []
    assert not TakedownCall.objects.exists()
    assert release.publications.get(account=world.office.wechat).status is State.WITHDRAWN


def test_a_refusal_is_a_persons_and_may_be_tried_again_with_a_reason(world: World) -> None:
    release = world.live()
    made = world.confirmed(release, only_wechat(world, release))
    world.desk.answers = [ChannelFault(Remedy.OPERATOR, "没有权限。", code="48001")]
    world.work()
    row = world.wechat(made)
    assert (row.status, row.calls.get().outcome) == (Stage.REFUSED, "refused")
    with pytest.raises(Refused, match="核实情况"):
        withdrawing.again(row, person=world.releaser, reason=" ", now=world.at)
    with pytest.raises(Refused, match="权限"):
        withdrawing.again(row, person=world.editor, reason="还在", now=world.at)
    withdrawing.again(row, person=world.releaser, reason="开通权限了，链接还打得开", now=world.at)
    world.work()
    row.refresh_from_db()
    assert (row.status, row.calls.count()) == (Stage.CHECKING, 2)


def test_what_is_being_checked_is_not_called_again_by_anybody(world: World) -> None:
    release = world.live()
    row = world.wechat(world.confirmed(release, only_wechat(world, release)))
    world.work()
    row.refresh_from_db()
    with pytest.raises(Refused, match="不能再撤"):
        withdrawing.again(row, person=world.releaser, reason="急", now=world.at)


def test_an_odd_answer_proves_nothing_and_ends_before_a_person(world: World) -> None:
    release = world.live()
    made = world.confirmed(release, only_wechat(world, release))
    world.work()
    world.desk.shows = [Unclear("读不到"), Absent(), ValueError("odd"), Unclear("读不到"), Absent(), Absent()]
    world.work(rounds=8, later=MINUTE)
    assert world.wechat(made).status is Stage.BY_HAND


def test_a_person_may_have_the_platform_asked_again(world: World) -> None:
    release = world.live()
    made = world.confirmed(release, only_wechat(world, release))
    world.work(rounds=9, later=MINUTE)
    row = world.wechat(made)
    assert row.status is Stage.STILL_PUBLIC
    withdrawing.look_again(row, person=world.editor, now=world.at)
    world.desk.shows = [GONE]
    world.work()
    row.refresh_from_db()
    assert row.status is Stage.DONE


# --- one article of several -----------------------------------------------------------------------------------


def test_one_article_of_a_message_goes_and_the_push_stays_live(world: World) -> None:
    release = world.live(articles=2)
    push = release.publications.get(account=world.office.wechat)
    made = world.confirmed(release, Target(push.pk, (1,)))
    world.work()
    assert world.desk.asked[0][1] == 1
    world.desk.shows = [Failed("deleted", "第 2 篇已删除。", gone=True, position=1)]
    world.work(later=LOOKS[0])
    push.refresh_from_db()
    assert push.status is State.LIVE
    assert [item.withdrawn_at is None for item in push.items.order_by("position")] == [True, False]
    assert "其中 1 篇已撤下" in story.public_now(push)
    made.refresh_from_db()
    assert made.ended_at is not None
    rest = world.confirmed(release, Target(push.pk, (0,)))
    world.desk.shows = [GONE]
    world.work()
    push.refresh_from_db()
    assert push.status is State.WITHDRAWN
    assert world.wechat(rest).position == 0


def test_all_articles_of_a_message_are_one_call(world: World) -> None:
    release = world.live(articles=2)
    push = release.publications.get(account=world.office.wechat)
    made = world.ask(release, Target(push.pk, (0, 1)))
    assert [row.position for row in made.takedowns.all()] == [None]


# --- by hand --------------------------------------------------------------------------------------------------


def test_what_no_machine_may_delete_is_told_step_by_step_and_registered_with_evidence(world: World) -> None:
    release = world.live()
    target = Target(release.publications.get(account=world.office.weibo).pk)
    made = world.confirmed(release, target)
    row = world.weibo(made)
    assert row.status is Stage.BY_HAND
    assert "选“删除”并确认" in row.reason
    world.work()
    assert world.desk.asked == []
    with pytest.raises(Refused, match="打开链接"):
        withdrawing.done_by_hand(row, person=world.releaser, evidence="删了", now=world.at)
    with pytest.raises(Refused, match="权限"):
        withdrawing.done_by_hand(row, person=world.editor, evidence="10:02 删除，页面显示已删除", now=world.at)
    withdrawing.done_by_hand(row, person=world.releaser, evidence="10:02 删除，页面显示已删除", now=world.at)
    push = release.publications.get(account=world.office.weibo)
    assert push.status is State.WITHDRAWN
    assert "孙签登记" in push.reason
    line = AuditEvent.objects.get(action="takedown.by_hand")
    assert line.data["reason"] == "10:02 删除，页面显示已删除"
    made.refresh_from_db()
    assert made.ended_at == world.at


def test_the_portals_page_is_a_persons_and_moves_no_push(world: World) -> None:
    release = world.live()
    made = world.confirmed(release, only_wechat(world, release), portal=True)
    page = made.takedowns.get(edition__isnull=False)
    assert page.status is Stage.BY_HAND
    assert page.before["places"][0]["url"] == article().source_url
    with pytest.raises(Refused, match="门户"):
        withdrawing.look_again(page, person=world.editor, now=world.at)
    withdrawing.done_by_hand(page, person=world.releaser, evidence="原网页已改为说明页", now=world.at)
    assert {one.status for one in release.publications.all()} == {State.LIVE}


def test_somebody_may_decide_that_it_stays_with_a_reason(world: World) -> None:
    release = world.live()
    made = world.confirmed(release, Target(release.publications.get(account=world.office.weibo).pk))
    row = world.weibo(made)
    with pytest.raises(Refused, match="原因"):
        withdrawing.leave(row, person=world.releaser, reason="", now=world.at)
    withdrawing.leave(row, person=world.releaser, reason="上级要求保留", now=world.at)
    assert release.publications.get(account=world.office.weibo).status is State.LIVE
    made.refresh_from_db()
    assert made.ended_at is not None


# --- the house ------------------------------------------------------------------------------------------------


def test_a_worker_is_called_by_the_clock_and_comes_back_for_the_looks(world: World) -> None:
    release = world.live()
    make_chores()
    Chore.objects.update(next_at=world.at + timedelta(days=1))
    world.confirmed(release, only_wechat(world, release))
    assert Chore.objects.get(pk="takedowns").next_at == world.at
    bells = watching.look(world.at)
    assert ("inspect", watching.CHORES.index("takedowns")) in bells.rings
    inspections.inspect(watching.CHORES.index("takedowns"), now=world.now)
    assert len(world.desk.asked) == 1
    assert Chore.objects.get(pk="takedowns").next_at == world.at + LOOKS[0]


def test_our_own_deletion_is_no_alarm_that_somebody_took_it_away(world: World) -> None:
    release = world.live()
    push = release.publications.get(account=world.office.wechat)
    world.confirmed(release, Target(push.pk))
    world.work()
    event = PlatformEvent("PUBLISHJOBFINISH", "publish:gone", push.ids, GONE, "<xml/>")
    callbacks._take(world.office.wechat, event, world.at)
    push.refresh_from_db()
    assert push.status is State.LIVE
    world.desk.shows = [GONE]
    world.work(later=LOOKS[0])
    push.refresh_from_db()
    assert push.status is State.WITHDRAWN
    assert not Alarm.objects.filter(kind="gone").exists()


def test_what_vanished_meanwhile_stays_what_the_platform_said(world: World) -> None:
    """The event came before the second person's word: that it is gone is told once, and the withdrawal still ends."""
    release = world.live()
    push = release.publications.get(account=world.office.wechat)
    made = world.ask(release, Target(push.pk))
    callbacks._take(world.office.wechat, PlatformEvent("PUBLISHJOBFINISH", "p:1", push.ids, GONE, "<xml/>"), world.at)
    push.refresh_from_db()
    assert push.status is State.GONE
    withdrawing.confirm(made, person=world.releaser, now=world.at)
    world.desk.shows = [GONE]
    world.work()
    push.refresh_from_db()
    made.refresh_from_db()
    assert (push.status, made.ended_at) == (State.GONE, world.at)


def test_a_freeze_does_not_keep_anybody_from_taking_something_down(world: World) -> None:
    release = world.live()
    stops.freeze(world.office.unit, person=world.releaser, reason="突发", now=world.at)
    world.confirmed(release, only_wechat(world, release))
    world.work()
    assert len(world.desk.asked) == 1


def test_every_line_of_it_reads_as_a_sentence(world: World) -> None:
    release = world.live()
    made = world.confirmed(release)
    world.desk.shows = [receipt_of(release, world), GONE]
    world.work()
    world.work(later=LOOKS[0])
    withdrawing.done_by_hand(world.weibo(made), person=world.releaser, evidence="10:02 已删除", now=world.at)
    told = story.sentences(release, list(release.publications.select_related("account")))
    words = [one.what for one in told]
    assert not any("takedown." in one or "withdrawal." in one for one in words)
    assert any("提出撤回" in one for one in words)
    assert any("撤回办结" in one for one in words)


def receipt_of(release: Release, world: World) -> Any:
    push = release.publications.get(account=world.office.wechat)
    return Receipt(push.ids, ())


def test_the_database_holds_the_two_people_too(world: World) -> None:
    made = world.ask(world.live())
    with pytest.raises(IntegrityError), transaction.atomic():
        Withdrawal.objects.filter(pk=made.pk).update(confirmed_by=world.editor, confirmed_at=world.at)
    assert Publication.objects.filter(state="live").count() == 2


def test_an_account_that_cannot_be_spoken_for_is_a_persons_and_nothing_was_called(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = world.live()
    made = world.confirmed(release, only_wechat(world, release))

    def no_key(*_: object, **__: object) -> None:
        raise Refused("key", "账号的密钥读不出来。")

    monkeypatch.setattr(takedowns, "channel_of", no_key)
    world.work()
    row = world.wechat(made)
    assert row.status is Stage.REFUSED
    assert "没有请平台删除" in row.reason
    assert not TakedownCall.objects.exists()


# --- nobody forgets it ----------------------------------------------------------------------------------------


def told(world: World) -> list[tuple[str, str]]:
    """Open alarms about withdrawals: is it out, and in which words."""
    takedownwatch.remind(now=world.at)
    rows = Alarm.objects.filter(kind="withdrawal", closed_at__isnull=True)
    return [(alarm.out, alarm.message) for alarm in rows]


def test_who_is_to_confirm_is_called_after_a_quarter_of_an_hour(world: World) -> None:
    made = world.ask(world.live())
    assert told(world) == []
    world.at += 15 * MINUTE
    ((out, words),) = told(world)
    assert (out, "什么也没有撤下" in words) == ("yes", True)
    withdrawing.drop(made, person=world.editor, now=world.at)
    assert told(world) == []


def test_what_needs_a_person_calls_one_at_once_and_names_the_account(world: World) -> None:
    release = world.live()
    world.confirmed(release, only_wechat(world, release))
    world.desk.answers = [ChannelFault(Remedy.OPERATOR, "没有权限。", code="48001")]
    world.work()
    ((out, words),) = told(world)
    assert (out, "1 项要人处理：中国河东" in words) == ("yes", True)


def test_what_the_machine_is_not_through_with_is_said_and_in_doubt_while_the_call_is_open(world: World) -> None:
    release = world.live()
    made = world.confirmed(release, only_wechat(world, release))
    assert told(world) == []
    world.at += 15 * MINUTE
    assert [(out, "还有 1 项没有撤下" in words) for out, words in told(world)] == [("yes", True)]
    one = world.wechat(made)
    Takedown.objects.filter(pk=one.pk).update(stage=Stage.CALLING, fence=one.fence + 1)
    assert [out for out, _ in told(world)] == ["unknown"]


def test_many_withdrawals_ask_no_more_of_the_database(world: World, django_assert_max_num_queries: Any) -> None:
    world.ask(world.live(articles=3))
    world.at += 20 * MINUTE
    told(world)
    with django_assert_max_num_queries(9):
        takedownwatch.remind(now=world.at)
