"""发布 (freepublish) and Weibo against the rehearsal platforms, judged by their journal and effects."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.delivery import State
from bot.domain.engine.cases import Choice
from bot.models import Account, Alarm, AuditEvent, Publication, Release
from bot.services import alarming, cases, settling

from . import delivery_drill
from .delivery_drill import SENDALL, SHARE, SUBMIT, Drill, Mailbox, publishing, wall
from .delivery_support import outcomes


@pytest.fixture
def drill(db: None, tmp_path: Path) -> Iterator[Drill]:
    with publishing(tmp_path) as made:
        yield made


@pytest.fixture
def wechat(drill: Drill) -> list[Account]:
    return [drill.office.wechat]


@pytest.fixture
def weibo(drill: Drill) -> list[Account]:
    return [drill.office.weibo]


def drafts(drill: Drill) -> set[str]:
    """The drafts that submits named."""
    return {line["params"]["media_id"] for line in drill.calls(SUBMIT)}


# --- together ----------------------------------------------------------------------------------------------


def test_a_platform_that_hangs_before_the_instant_makes_no_other_late(
    drill: Drill, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What WeChat does not say in time is not waited for: Weibo leaves at its instant, WeChat as soon as it answers."""
    monkeypatch.setattr(delivery_drill, "AHEAD", timedelta(seconds=8))
    release = drill.staged()
    drill.arm("wechat", "draft/get", "slow", times=1, seconds=30, when="before")
    drill.bring()
    instant = drill.weibo(release).not_before
    drill.round()
    left = drill.weibo(release).sent_at
    assert left is not None
    assert timedelta() <= left - instant < timedelta(seconds=1)
    assert drill.wechat(release).status is State.STAGED
    drill.settle()
    assert drill.wechat(release).status is State.LIVE
    assert len(drill.calls(SUBMIT)) == 1


# --- freepublish -------------------------------------------------------------------------------------------


def test_published_articles_are_read_back_by_marker_and_address(drill: Drill, wechat: list[Account]) -> None:
    release = drill.released(*drill.documents(2), on=wechat)
    drill.settle()
    effects = drill.effects("wechat")
    assert drill.wechat(release).status is State.LIVE
    assert [item.url for item in drill.wechat(release).items.order_by("position")] == [e["url"] for e in effects]
    assert len(drill.calls(SUBMIT)) == 1


def test_a_refusal_that_took_effect_all_the_same_is_found_and_nothing_is_submitted_again(
    drill: Drill, wechat: list[Account]
) -> None:
    """The draft that was refused is gone: another one would be a second article."""
    drill.arm("wechat", SUBMIT, "error", code=45011, effect=True)
    release = drill.released(on=wechat)
    assert outcomes(drill.wechat(release)) == [("first", "refused")]
    drill.eventually_public("wechat")
    drill.settle()
    assert len(drill.calls(SUBMIT)) == 1
    assert len(drill.calls("draft/add")) == 1
    assert len(drill.effects("wechat")) == 1
    assert drill.wechat(release).status is State.LIVE


def test_a_draft_that_went_after_a_refusal_is_not_made_anew_by_machine(drill: Drill, wechat: list[Account]) -> None:
    drill.arm("wechat", SUBMIT, "error", code=45011)
    release = drill.released(on=wechat)
    drill.act("wechat", "delete_draft")
    drill.settle()
    assert len(drill.calls(SUBMIT)) == 1
    assert len(drill.calls("draft/add")) == 1
    assert drill.wechat(release).status is State.HELD
    assert "不再另建草稿" in drill.wechat(release).reason


def by_two(drill: Drill, publication: Publication) -> None:
    people = drill.office.people
    settling.settle_again(
        publication, person=people["releaser"], second=people["final"], reason="主页上没有", now=wall()
    )


def test_two_people_who_send_again_what_was_refused_get_no_second_article_where_it_took_effect(
    drill: Drill, wechat: list[Account]
) -> None:
    """The refusal says that nothing went out, and they believe it; the draft is gone, and the article stands."""
    drill.arm("wechat", SUBMIT, "error", code=53503, effect=True)
    release = drill.released(on=wechat)
    drill.eventually_public("wechat")
    assert drill.wechat(release).status is State.NEEDS_PERSON
    by_two(drill, drill.wechat(release))
    drill.settle()
    assert len(drill.calls(SUBMIT)) == 1
    assert len(drill.calls("draft/add")) == 1
    assert len(drill.effects("wechat")) == 1
    assert drill.wechat(release).status is State.LIVE


def test_where_the_refused_draft_is_gone_and_no_article_is_found_people_decide_anew(
    drill: Drill, wechat: list[Account]
) -> None:
    """Somebody deleted it, or published it under another title: the machine makes no other."""
    drill.arm("wechat", SUBMIT, "error", code=53503)
    release = drill.released(on=wechat)
    drill.act("wechat", "delete_draft")
    by_two(drill, drill.wechat(release))
    drill.settle()
    assert len(drill.calls("draft/add")) == 1
    assert not drill.effects("wechat")
    assert drill.wechat(release).status is State.HELD
    assert "是否已发出不明" in drill.wechat(release).reason
    assert drill.wechat(release).doubt


def test_a_refused_mass_send_that_somebody_made_by_hand_from_its_draft_is_not_made_again(
    drill: Drill,
) -> None:
    """The refusal itself sends staff to the console. Without its number no look finds a mass send: absence is no proof."""
    account = drill.office.wechat
    Account.objects.filter(pk=account.pk).update(mode="mass", options={**account.options, "account_type": "service"})
    account.refresh_from_db()
    drill.set("wechat", type="service")
    drill.arm("wechat", SENDALL, "error", code=48021)
    release = drill.released(on=[account])
    assert drill.wechat(release).status is State.NEEDS_PERSON
    drill.act("wechat", "web_send")
    drill.act("wechat", "delete_draft")
    by_two(drill, drill.wechat(release))
    drill.settle()
    assert len(drill.calls("draft/add")) == 1
    assert len(drill.calls(SENDALL)) == 1
    assert drill.wechat(release).status is State.HELD
    assert "是否已发出不明" in drill.wechat(release).reason


def test_a_refused_draft_that_stands_is_sent_by_two_people_as_it_is(drill: Drill, wechat: list[Account]) -> None:
    drill.arm("wechat", SUBMIT, "error", code=53503)
    release = drill.released(on=wechat)
    by_two(drill, drill.wechat(release))
    drill.settle()
    assert len(drill.calls("draft/add")) == 1
    assert len(drill.effects("wechat")) == 1
    assert drill.wechat(release).status is State.LIVE


def test_a_refused_draft_that_stands_is_submitted_again(drill: Drill, wechat: list[Account]) -> None:
    drill.arm("wechat", SUBMIT, "error", code=45011)
    release = drill.released(on=wechat)
    drill.settle()
    assert len(drafts(drill)) == 1
    assert [line["code"] for line in drill.calls(SUBMIT)] == ["45011", "0"]
    assert drill.wechat(release).status is State.LIVE


def test_a_job_in_progress_is_waited_for(drill: Drill, wechat: list[Account]) -> None:
    drill.arm("wechat", SUBMIT, "publish", seconds=0.6)
    release = drill.released(on=wechat)
    drill.wait(timedelta(seconds=10))
    drill.round()
    assert drill.wechat(release).status is State.CONFIRMING  # publish_status 1: accepted is not live
    drill.eventually_public("wechat")
    drill.settle()
    assert drill.wechat(release).status is State.LIVE


@pytest.mark.parametrize(("status", "word"), [(2, "原创"), (3, "失败"), (4, "审核")])
def test_a_job_that_fails_is_never_live_and_never_tried_again_by_machine(
    drill: Drill, wechat: list[Account], status: int, word: str
) -> None:
    drill.arm("wechat", SUBMIT, "publish", seconds=0, status=status)
    release = drill.released(on=wechat)
    drill.settle()
    assert drill.wechat(release).status is State.NEEDS_PERSON
    assert word in drill.wechat(release).reason
    assert not drill.effects("wechat")
    assert len(drill.calls(SUBMIT)) == 1


def test_a_job_whose_platform_never_decides_is_before_a_person_in_half_an_hour(
    drill: Drill, wechat: list[Account]
) -> None:
    drill.arm("wechat", SUBMIT, "publish", seconds=9999)
    release = drill.released(on=wechat)
    drill.settle()
    done = drill.wechat(release)
    assert done.status is State.NEEDS_PERSON
    assert done.accepted_at is not None
    assert timedelta(minutes=30) <= wall() - done.accepted_at < timedelta(minutes=36)


@pytest.mark.parametrize("fault", ["lost_after", "reset_after", "truncate"])
def test_a_lost_answer_is_found_by_the_marker_without_a_second_submit(
    drill: Drill, wechat: list[Account], fault: str
) -> None:
    drill.arm("wechat", SUBMIT, fault)
    release = drill.released(on=wechat)
    assert drill.wechat(release).status is State.UNKNOWN
    drill.settle()
    assert drill.wechat(release).status is State.LIVE
    assert len(drill.calls(SUBMIT)) == len(drill.effects("wechat")) == 1


def test_draft_present_and_absent_thrice_is_one_resend_of_the_same_draft(drill: Drill, wechat: list[Account]) -> None:
    drill.arm("wechat", SUBMIT, "lost_before")
    release = drill.released(on=wechat)
    drill.settle()
    assert drill.wechat(release).status is State.LIVE
    assert [line["executed"] for line in drill.calls(SUBMIT)] == [False, True]
    assert len(drafts(drill)) == 1
    assert len(drill.calls("draft/add")) == 1
    assert len(drill.effects("wechat")) == 1
    assert outcomes(drill.wechat(release)) == [("first", "unknown"), ("again", "accepted")]


def test_three_spaced_looks_come_before_the_resend(drill: Drill, wechat: list[Account]) -> None:
    drill.arm("wechat", SUBMIT, "lost_before")
    release = drill.released(on=wechat)
    for looks in (1, 2):
        drill.wait(drill.wechat(release).next_at - wall())  # type: ignore[operator]
        drill.round()
        assert drill.wechat(release).absents == looks
        assert len(drill.calls(SUBMIT)) == 1


def test_there_is_never_a_second_resend(drill: Drill, wechat: list[Account]) -> None:
    drill.arm("wechat", SUBMIT, "lost_before", times=-1)
    release = drill.released(on=wechat)
    drill.settle()
    assert drill.wechat(release).status is State.NEEDS_PERSON
    assert len(drill.calls(SUBMIT)) == 2
    assert len(drafts(drill)) == 1
    assert not drill.effects("wechat")


@pytest.mark.parametrize("answer", ["b", "c"])
def test_a_resend_that_meets_the_first_still_running_is_not_doubled(
    drill: Drill, wechat: list[Account], answer: str
) -> None:
    """The first arrived after all and takes very long; the platform turns the second away, we look again."""
    drill.switch("wechat", duplicate_submit=answer)
    drill.arm("wechat", SUBMIT, "lost_after")
    drill.arm("wechat", SUBMIT, "publish", seconds=9999)
    release = drill.released(on=wechat)
    drill.settle()
    assert drill.wechat(release).status is State.NEEDS_PERSON
    assert len(drill.calls(SUBMIT)) == 2
    assert len(drafts(drill)) == 1


def slow_then_again(drill: Drill, wechat: list[Account], seconds: float) -> Release:
    """The first submit's answer is lost, and its job is still at work when the looks are over: the draft goes out again,
    and the platform publishes both."""
    drill.switch("wechat", duplicate_submit="a")
    drill.arm("wechat", SUBMIT, "publish", seconds=seconds)
    drill.arm("wechat", SUBMIT, "lost_after")
    release = drill.released(on=wechat)
    while len(drill.calls(SUBMIT)) < 2:
        drill.bring()
        drill.wait(next_look(drill, release))
        drill.round()
    return release


def next_look(drill: Drill, release: Release) -> timedelta:
    at = drill.wechat(release).next_at
    return at - wall() if at is not None and drill.wechat(release).status is not State.STAGED else timedelta()


def alarm_of(release: Release) -> Alarm:
    alarming.sweep(now=wall())
    return Alarm.objects.get(release=release, closed_at__isnull=True)


def require_doubled(drill: Drill, release: Release) -> None:
    """Both are public, and a person is told so: which they are, and what to do."""
    one, urls = drill.wechat(release), {effect["url"] for effect in drill.effects("wechat")}
    assert len(urls) == 2
    assert one.status is State.NEEDS_PERSON
    assert set(one.ids["doubles"].split()) == urls
    alarm = alarm_of(release)
    assert (alarm.kind, alarm.out) == ("doubled", "yes")
    assert "删除多出的一篇" in alarm.message
    assert all(url in one.reason and url in alarm.message for url in urls)
    looked = AuditEvent.objects.filter(subject=f"publication:{one.pk}", data__verdict="Doubled").get()
    assert set(looked.data["urls"]) == urls
    assert "公开两次" in cases.choices_of(one, now=wall())[Choice.AGAIN]


def test_two_articles_of_one_push_are_never_shown_as_published(drill: Drill, wechat: list[Account]) -> None:
    release = slow_then_again(drill, wechat, 6)
    assert drill.wechat(release).status is State.CONFIRMING
    drill.eventually_public("wechat", 2)
    drill.settle()
    require_doubled(drill, release)


def test_a_first_article_that_comes_after_the_second_is_live_is_noticed(drill: Drill, wechat: list[Account]) -> None:
    release = slow_then_again(drill, wechat, 8)
    drill.settle()
    assert drill.wechat(release).status is State.LIVE
    assert len(drill.effects("wechat")) == 1
    drill.eventually_public("wechat", 2)
    drill.wait(next_look(drill, release))
    drill.round()
    require_doubled(drill, release)


def test_what_stands_twice_is_settled_with_the_link_that_stays_and_watched_on(
    drill: Drill, wechat: list[Account]
) -> None:
    """Whoever says that it is settled without deleting one is told again; after the deletion it is over."""
    release = slow_then_again(drill, wechat, 6)
    drill.eventually_public("wechat", 2)
    drill.settle()
    one, (first, second) = drill.wechat(release), drill.effects("wechat")
    settling.settle_live(one, urls=[first["url"]], person=drill.office.people["releaser"], now=wall())
    drill.wait(next_look(drill, release))
    drill.round()
    assert drill.wechat(release).status is State.NEEDS_PERSON
    drill.act("wechat", "remove_article", id=second["object"])
    settling.settle_live(drill.wechat(release), urls=[first["url"]], person=drill.office.people["releaser"], now=wall())
    for _ in range(12):
        drill.wait(next_look(drill, release))
        drill.round()
    done = drill.wechat(release)
    assert (done.status, done.next_at) == (State.LIVE, None)
    assert set(done.ids["doubles"].split()) == {first["url"], second["url"]}


def test_a_push_that_was_sent_once_is_not_looked_at_when_it_is_live(drill: Drill, wechat: list[Account]) -> None:
    release = drill.released(on=wechat)
    drill.settle()
    assert (drill.wechat(release).status, drill.wechat(release).next_at) == (State.LIVE, None)
    assert len(drill.calls("freepublish/batchget")) == 1  # the pre-flight


def test_a_draft_that_vanished_without_a_trace_is_for_a_person(drill: Drill, wechat: list[Account]) -> None:
    drill.arm("wechat", SUBMIT, "lost_before")
    release = drill.released(on=wechat)
    drill.act("wechat", "delete_draft")
    drill.settle()
    assert drill.wechat(release).status is State.NEEDS_PERSON
    assert len(drill.calls(SUBMIT)) == 1


def test_a_draft_edited_after_staging_is_noticed_when_it_is_read_back(drill: Drill, wechat: list[Account]) -> None:
    """Staged again after a hold: what somebody changed on the platform does not go out."""
    drill.arm("wechat", "draft/get", "act", action="edit_draft", when="before", args={"change": {"title": "改了"}})
    release = drill.staged(on=wechat)
    assert drill.wechat(release).status is State.BLOCKED
    assert not drill.calls()


def test_a_draft_edited_between_staging_and_the_instant_does_not_go_out(drill: Drill, wechat: list[Account]) -> None:
    """Somebody at the platform's console: what was approved goes out, or nothing."""
    release = drill.staged(on=wechat)
    assert drill.wechat(release).status is State.STAGED
    drill.act("wechat", "edit_draft", change={"title": "改了标题"})
    drill.bring()
    drill.settle()
    (effect,) = drill.effects("wechat")
    assert effect["title"] == drill.wechat(release).items.get().payload["title"]
    assert drill.wechat(release).status is State.LIVE


def test_an_article_taken_down_later_is_gone_not_live(drill: Drill, wechat: list[Account]) -> None:
    drill.arm("wechat", SUBMIT, "publish", seconds=0, later=5, later_after=0)
    with Mailbox() as mailbox:
        drill.takes_callbacks(mailbox)
        release = drill.released(on=wechat)
        mailbox.wait(1)
        drill.settle()
        mailbox.wait(1)
        drill.deliver(mailbox)
    assert drill.wechat(release).status in {State.GONE, State.NEEDS_PERSON}
    assert len(drill.calls(SUBMIT)) == 1


# --- Weibo ---------------------------------------------------------------------------------------------------


def test_a_post_is_recognised_in_the_timeline_and_has_its_address(drill: Drill, weibo: list[Account]) -> None:
    release = drill.released(on=weibo)
    drill.settle()
    (effect,) = drill.effects("weibo")
    item = drill.weibo(release).items.get()
    assert drill.weibo(release).status is State.LIVE
    assert item.platform_id == effect["object"]
    assert item.edition.marker in effect["marker"]
    assert item.url.startswith("https://weibo.com/")


def test_a_lane_of_three_leaves_in_order_with_room_between(drill: Drill, weibo: list[Account]) -> None:
    release = drill.released(*drill.documents(3), on=weibo)
    drill.settle()
    shares, effects = drill.calls(SHARE), drill.effects("weibo")
    markers = [drill.weibo(release, lane).items.get().edition.marker or "" for lane in range(3)]
    assert len(shares) == len(effects) == 3
    assert all(marker in effect["marker"] for marker, effect in zip(markers, effects, strict=True))
    assert [line["at"] for line in shares] == sorted(line["at"] for line in shares)


@pytest.mark.parametrize("fault", ["lost_after", "reset_after", "truncate", "empty"])
def test_a_post_whose_answer_was_lost_is_found_and_not_posted_again(
    drill: Drill, weibo: list[Account], fault: str
) -> None:
    drill.arm("weibo", SHARE, fault)
    release = drill.released(on=weibo)
    assert drill.weibo(release).status is State.UNKNOWN
    drill.settle()
    assert drill.weibo(release).status is State.LIVE
    assert len(drill.calls(SHARE)) == len(drill.effects("weibo")) == 1


@pytest.mark.parametrize("fault", ["lost_before", "reset_before", "html_502", "busy"])
def test_a_post_that_is_nowhere_to_be_found_is_for_a_person_and_never_posted_again(
    drill: Drill, weibo: list[Account], fault: str
) -> None:
    """Weibo takes no key: absent five times is still no proof."""
    drill.arm("weibo", SHARE, fault)
    release = drill.released(on=weibo)
    drill.settle()
    drill.wait(timedelta(hours=1))
    drill.round()
    assert drill.weibo(release).status is State.NEEDS_PERSON
    assert len(drill.calls(SHARE)) == 1
    assert not drill.effects("weibo")


@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize("code", [20019, 20017])
def test_repeated_content_is_a_reason_to_look_never_proof(
    drill: Drill, weibo: list[Account], code: int, effect: bool
) -> None:
    drill.arm("weibo", SHARE, "error", code=code, effect=effect)
    release = drill.released(on=weibo)
    assert drill.weibo(release).status is State.UNKNOWN
    drill.settle()
    assert drill.weibo(release).status is (State.LIVE if effect else State.NEEDS_PERSON)
    assert len(drill.calls(SHARE)) == 1
    assert len(drill.effects("weibo")) == int(effect)


def test_accepted_but_shown_later_is_waited_for(drill: Drill, weibo: list[Account]) -> None:
    """20032: one to two minutes."""
    drill.arm("weibo", SHARE, "delayed", seconds=0.5)
    release = drill.released(on=weibo)
    assert drill.weibo(release).status is State.CONFIRMING
    drill.eventually_public("weibo")
    drill.settle()
    assert drill.weibo(release).status is State.LIVE
    assert len(drill.calls(SHARE)) == 1


def test_a_token_that_ended_is_refused_without_effect_and_needs_a_person(drill: Drill, weibo: list[Account]) -> None:
    drill.arm("weibo", SHARE, "act", action="end_token", when="before", args={"how": "expired"})
    release = drill.released(on=weibo)
    drill.settle()
    assert drill.weibo(release).status is State.NEEDS_PERSON
    assert "授权" in drill.weibo(release).reason
    assert not drill.effects("weibo")


def test_two_people_who_send_again_what_weibo_refused_get_no_second_post_where_it_took_effect(
    drill: Drill, weibo: list[Account]
) -> None:
    drill.arm("weibo", SHARE, "error", code=20021, effect=True)
    release = drill.released(on=weibo)
    assert drill.weibo(release).status is State.NEEDS_PERSON
    by_two(drill, drill.weibo(release))
    drill.settle()
    assert len(drill.calls(SHARE)) == 1
    assert len(drill.effects("weibo")) == 1
    assert drill.weibo(release).status is State.LIVE


def test_a_resend_by_two_people_is_the_only_second_post(drill: Drill, weibo: list[Account]) -> None:
    drill.arm("weibo", SHARE, "lost_before")
    release = drill.released(on=weibo)
    drill.settle()
    people = drill.office.people
    settling.settle_again(
        drill.weibo(release), person=people["releaser"], second=people["final"], reason="主页确认没有", now=wall()
    )
    drill.settle()
    assert drill.weibo(release).status is State.LIVE
    assert [line["executed"] for line in drill.calls(SHARE)] == [False, True]
    assert len(drill.effects("weibo")) == 1
    assert Publication.objects.get(pk=drill.weibo(release).pk).attempts.count() == 2
