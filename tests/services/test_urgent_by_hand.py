"""应急通道 on accounts on which people post: at once, with the very text of the two words, and with every guard of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.domain.alarms import Kind, Out
from bot.domain.hashing import content_hash
from bot.domain.urgent import POST_AGAIN, REVIEW_WITHIN, Stage, digest
from bot.domain.workflow import Verdict
from bot.models import (
    Account,
    Alarm,
    AuditEvent,
    Item,
    ManualPost,
    ManualTask,
    Publication,
    Release,
    Urgency,
    UrgentWord,
)
from bot.services import (
    alarming,
    documents,
    editorial,
    manual,
    manualtasks,
    releases,
    stops,
    trail,
    urgent,
    urgentcare,
)
from bot.services.errors import NotFound, Refused
from bot.services.manualtasks import Standing

from .by_hand import LINK, WEIBO, entry, only_by_hand
from .factories import NOW, Office, article, force, lifted, publication

LATER = NOW + timedelta(minutes=3)
MINUTE = timedelta(minutes=1)
POSTED = LATER + MINUTE


@pytest.fixture
def office(office: Office) -> Office:
    """On its 公众号 people post, on its 微博 the machine does."""
    only_by_hand(office, office.wechat)
    return office


def asked(
    office: Office, number: int = 1, *, on: Sequence[Account] = (), by: str = "editor", **changes: Any
) -> Urgency:
    """The first word; on both accounts where none is named."""
    document = office.took(article(number))
    given: dict[str, Any] = {
        "modes": {one.slug: one.mode for one in on or office.accounts}, "instant": None, "reason": "汛情紧急",
        "seen": document.current.content_hash, "person": office.people[by], "now": NOW,
    }  # fmt: skip
    return urgent.propose(document, **given | changes)


def confirmed(office: Office, urgency: Urgency, *, by: str = "releaser", now: datetime = LATER) -> Release:
    return urgent.confirm(urgency, seen=urgency.digest, person=office.people[by], now=now)


def released(office: Office, number: int = 1, *, on: Sequence[Account] = ()) -> Release:
    return confirmed(office, asked(office, number, on=on))


def by_people(office: Office) -> Release:
    """Both words on a notice for the 公众号 alone."""
    return released(office, on=[office.wechat])


def posts(office: Office, release: Release, *, number: int = 1, now: datetime = POSTED) -> ManualPost:
    """Somebody posted its article and enters the address."""
    tasks = manualtasks.find_message(release.pk, office.wechat.slug, 0, unit=office.unit)
    person = office.people["releaser"]
    [done] = manualtasks.finish(
        tasks, urls=[LINK.format(number)], posted_at=now, posted_by=person, person=person, now=now
    )
    return done.post


def returns(office: Office, release: Release, *, now: datetime = POSTED) -> None:
    assert release.urgency is not None
    document = release.urgency.edition.document
    editorial.review(document, person=office.people["first"], verdict=Verdict.RETURN, comment="不实", now=now)


def standing(office: Office, now: datetime = LATER) -> list[Standing]:
    return [message.standing for message in manualtasks.waiting(office.unit, now=now)]


def alarms(kind: Kind) -> list[Alarm]:
    return list(Alarm.objects.filter(kind=kind, closed_at__isnull=True))


def stage(release: Release) -> Stage:
    assert release.urgency is not None
    release.urgency.refresh_from_db()
    return release.urgency.status


# --- the way --------------------------------------------------------------------------------------------------


def test_one_notice_goes_by_machine_where_that_may_post_and_by_hand_where_people_do(office: Office) -> None:
    release = released(office)
    assert [push.account for push in release.publications.all()] == [office.weibo]
    assert [task.account for task in release.manual_tasks.all()] == [office.wechat]
    assert release.instant == urgent.soonest(LATER)
    assert publication(release, office.weibo).instant == release.instant


def test_what_people_post_is_the_text_that_the_two_confirmed(office: Office) -> None:
    release = released(office)
    [task], urgency = release.manual_tasks.all(), release.urgency
    assert urgency is not None
    assert urgency.post_hashes[office.wechat.slug] == task.post.hash
    [message] = release.manifest["by_hand"]  # type: ignore[index]
    assert message["items"] == [
        {"edition": urgency.content_hash, "payload": task.payload_hash, "marker": task.edition.marker}
    ]
    assert content_hash(release.manifest) == release.manifest_hash == urgency.words.get(place=2).manifest_hash
    assert task.text.hash == task.payload_hash
    assert "应急审核：李拟、孙签" in str(task.payload)


def test_a_text_that_was_altered_behind_its_hash_is_not_to_be_posted(office: Office) -> None:
    release = by_people(office)
    task = release.manual_tasks.get()
    with lifted("manualtask_kept_while_signed"):
        ManualTask.objects.filter(pk=task.pk).update(payload={**(task.payload or {}), "title": "停课通知"})
    assert standing(office) == [Standing.ALTERED]
    assert not Standing.ALTERED.shows_text
    [message] = manualtasks.of_release(release, now=LATER)
    assert message.standing is Standing.ALTERED


@pytest.mark.parametrize("early", [False, True])
def test_what_was_posted_before_both_words_is_entered_and_said_to_be_early(office: Office, early: bool) -> None:
    release, person = by_people(office), office.people["releaser"]
    tasks = manualtasks.find_message(release.pk, office.wechat.slug, 0, unit=office.unit)
    at = LATER - MINUTE if early else LATER
    [done] = manualtasks.finish(tasks, urls=[LINK.format(1)], posted_at=at, posted_by=person, person=person, now=POSTED)
    assert done.early is early
    [line] = trail.newest(f"release:{release.pk}", "发布单", 1)
    assert ("按登记在允许发出之前就已发出" in line.detail) is early


def test_the_words_are_given_on_who_posts_too(office: Office) -> None:
    urgency = asked(office)
    given = {
        "edition_hash": urgency.content_hash, "posts": urgency.post_hashes, "modes": urgency.modes, "instant": None,
        "reason": "汛情紧急",
    }  # fmt: skip
    assert urgency.digest == digest(**given, by_hand=[office.wechat.slug])  # type: ignore[arg-type]
    assert urgency.digest != digest(**given)  # type: ignore[arg-type]
    line = AuditEvent.objects.get(action="urgent.asked")
    assert line.data["by_hand"] == [office.wechat.slug]
    assert "其中 zghd 由人手工发布" in trail.newest(line.subject, "本文件", 1)[0].what


def test_as_soon_as_possible_is_now_for_people(office: Office) -> None:
    release = released(office)
    assert release.instant > LATER
    assert standing(office) == [Standing.DUE]
    (alarm,) = alarms(Kind.BY_HAND)
    assert (alarm.raised_at, alarm.release, alarm.account, alarm.out) == (LATER, release, office.wechat, Out.UNKNOWN)
    assert "应急发布单" in alarm.message
    manualtasks.remind(now=LATER + timedelta(seconds=5))
    assert alarms(Kind.BY_HAND) == [alarm]


def test_whoever_has_read_the_first_alarm_people_are_called_again_until_it_is_entered(office: Office) -> None:
    release = by_people(office)
    (first,) = alarms(Kind.BY_HAND)
    alarming.read(first, person=office.people["releaser"], now=LATER)
    manualtasks.remind(now=LATER + POST_AGAIN - timedelta(seconds=1))
    assert alarms(Kind.BY_HAND) == [first]
    for _ in range(2):
        manualtasks.remind(now=LATER + POST_AGAIN)
    (again,) = alarms(Kind.BY_HAND)
    assert (again.pk != first.pk, again.read_at, again.release) == (True, None, release)
    first.refresh_from_db()
    assert first.closed_because == "还没有登记，再次警报"
    posts(office, release, now=LATER + POST_AGAIN)
    manualtasks.remind(now=LATER + POST_AGAIN)
    assert alarms(Kind.BY_HAND) == []


def test_at_a_fixed_instant_it_is_due_then_and_not_before(office: Office) -> None:
    at = NOW + timedelta(hours=2)
    urgency = asked(office, instant=at)
    confirmed(office, urgency)
    assert standing(office) == [Standing.AHEAD]
    assert alarms(Kind.BY_HAND) == []
    manualtasks.remind(now=at)
    assert standing(office, at) == [Standing.DUE]
    assert len(alarms(Kind.BY_HAND)) == 1


def test_what_is_urgent_stands_before_everything_else_that_is_to_be_posted(office: Office) -> None:
    for number in (7, 8):
        office.signed(office.approved(article(number)), on=[office.wechat], instant=NOW + MINUTE)
    release = by_people(office)
    messages = manualtasks.waiting(office.unit, now=LATER)
    assert messages[0].release == release
    assert len(messages) == 3


# --- for people alone -----------------------------------------------------------------------------------------


def test_a_notice_for_people_alone_is_signed_due_at_once_and_over_when_it_is_entered(office: Office) -> None:
    release = by_people(office)
    assert (release.signed, release.publications.count(), release.instant) == (True, 0, LATER)
    assert stage(release) is Stage.RELEASED
    assert release.urgency is not None
    assert release.urgency.review_by == LATER + REVIEW_WITHIN
    assert standing(office) == [Standing.DUE]
    assert urgentcare.story(release.urgency).sent == "是否公开不明（手工发布的还没有登记）"
    posts(office, release)
    assert standing(office) == []
    manualtasks.remind(now=POSTED)
    assert alarms(Kind.BY_HAND) == []
    assert urgentcare.story(release.urgency).sent == "已发出"
    (told,) = urgentcare.open_of(office.unit)
    assert (told.sent, told.out, told.posted, told.posting) == ("已发出", Out.YES, True, False)


def test_for_people_alone_no_time_is_needed_to_make_ready(office: Office) -> None:
    at = NOW + releases.min_lead()
    late = asked(office, on=[office.wechat], instant=at)
    assert confirmed(office, late, now=at - timedelta(seconds=1)).instant == at
    over = asked(office, 2, on=[office.wechat], instant=at)
    with pytest.raises(Refused, match="已来不及，没有发出") as refused:
        confirmed(office, over, now=at + timedelta(seconds=1))
    assert refused.value.code == "lead"


def test_a_used_up_quota_is_told_by_the_book_and_stops_nobody(office: Office) -> None:
    manual.register(entry(office), person=office.people["releaser"], now=NOW)
    (mass,) = (way for way in urgent.ways(office.unit, now=NOW) if way.mode == "mass")
    assert (mass.by_hand, mass.why_not, mass.rates) == (True, "", ["当日按登记还可发 0 次"])
    assert by_people(office).signed


# --- the guards -----------------------------------------------------------------------------------------------


def test_nobody_gives_both_words_and_an_author_not_the_second(office: Office) -> None:
    with pytest.raises(Refused) as refused:
        confirmed(office, asked(office, on=[office.wechat], by="releaser"))
    assert refused.value.code == "same"
    office.people["editor"].roles = ["editor", "releaser"]
    office.people["editor"].save()
    with pytest.raises(Refused) as refused:
        confirmed(office, asked(office, 2, on=[office.wechat], by="first"), by="editor")
    assert refused.value.code == "author"
    assert not Release.objects.exists()


def test_a_text_that_changes_makes_the_first_word_void(office: Office) -> None:
    urgency = asked(office, on=[office.wechat])
    documents.save_article(article(title="改过的通知"), person=office.people["editor"], now=NOW)
    with pytest.raises(Refused) as refused:
        confirmed(office, urgency)
    assert refused.value.code == "over"
    assert not UrgentWord.objects.filter(place=2).exists()


@pytest.mark.parametrize("reason", ["", "没有权限"])
def test_an_account_that_changed_hands_since_the_first_word_is_asked_anew(office: Office, reason: str) -> None:
    urgency = asked(office)
    changed = office.weibo if reason else office.wechat
    Account.objects.filter(pk=changed.pk).update(manual_reason=reason)
    with pytest.raises(Refused, match="没有发出。请收回后重新提出") as refused:
        confirmed(office, urgency)
    assert refused.value.code == "accounts"
    assert not Release.objects.exists()


def test_a_freeze_stands_above_the_words_and_above_the_task(office: Office) -> None:
    frozen = asked(office, 2, on=[office.wechat])
    release = by_people(office)
    stops.freeze(office.unit, person=office.people["releaser"], reason="演习", now=LATER)
    with pytest.raises(Refused) as refused:
        confirmed(office, frozen)
    assert refused.value.code == "frozen"
    assert standing(office) == [Standing.FROZEN]
    manualtasks.remind(now=LATER)
    assert alarms(Kind.BY_HAND) == []
    release.refresh_from_db()
    assert release.signed


def test_the_same_edition_goes_to_the_account_once(office: Office) -> None:
    release = by_people(office)
    assert release.urgency is not None
    document = release.urgency.edition.document
    office.passes(document, now=LATER)
    with pytest.raises(Refused, match="已列入发布单"):
        office.planned(document, on=[office.wechat])
    posts(office, release)
    with pytest.raises(Refused, match="已在“中国河东”手工发布"):
        office.planned(document, on=[office.wechat])


def test_another_unit_neither_sees_nor_posts_it(office: Office) -> None:
    other, release = Office.make("town", prefix="t-"), by_people(office)
    assert manualtasks.waiting(other.unit, now=LATER) == []
    with pytest.raises(NotFound):
        manualtasks.find_message(release.pk, office.wechat.slug, 0, unit=other.unit)


# --- reviewed afterwards --------------------------------------------------------------------------------------


def test_the_reviews_are_owed_all_the_same(office: Office) -> None:
    release = by_people(office)
    posts(office, release)
    assert release.urgency is not None
    until = release.urgency.review_by
    assert until is not None
    urgentcare.remind(now=until)
    (late,) = alarms(Kind.REVIEW_LATE)
    assert "由两人应急签发，已发出，" in late.message
    office.passes(release.urgency.edition.document, now=until)
    assert stage(release) is Stage.REVIEWED


def test_returned_before_anybody_posted_it_is_not_to_be_posted(office: Office) -> None:
    release = by_people(office)
    returns(office, release)
    assert standing(office) == [Standing.UNSIGNED]
    urgentcare.remind(now=POSTED)
    manualtasks.remind(now=POSTED)
    assert alarms(Kind.BY_HAND) == []
    (alarm,) = alarms(Kind.RETURNED)
    assert alarm.out == Out.UNKNOWN  # nobody knows before that was asked
    assert "是否公开不明，请先核实" in alarm.message
    assert "请先问清有没有人已在平台后台发出" in alarm.message
    stops.cancel(release, person=office.people["releaser"], reason="退回", now=POSTED)
    urgentcare.remind(now=POSTED)
    assert stage(release) is Stage.CALLED_OFF


def test_returned_after_it_was_posted_it_is_settled_once_it_is_taken_down(office: Office) -> None:
    release = by_people(office)
    post = posts(office, release)
    returns(office, release)
    urgentcare.remind(now=POSTED)
    (alarm,) = alarms(Kind.RETURNED)
    assert alarm.out == Out.YES
    assert "手工发布的请到平台后台删除" in alarm.message
    manual.taken_down(post, evidence="09:10 孙签删除，打开链接显示已删除", person=office.people["releaser"], now=POSTED)
    urgentcare.remind(now=POSTED)
    assert stage(release) is Stage.SETTLED
    assert alarms(Kind.RETURNED) == []


def test_returned_after_it_was_posted_it_is_settled_by_a_correction_posted_on_the_same_account(office: Office) -> None:
    release = by_people(office)
    posts(office, release)
    returns(office, release)
    corrected = office.signed(
        office.approved(article(title="更正后的通知"), now=POSTED),
        on=[office.wechat],
        instant=POSTED + MINUTE,
        now=POSTED,
    )
    urgentcare.remind(now=POSTED)
    assert stage(release) is Stage.RETURNED
    posts(office, corrected, number=2, now=POSTED + 2 * MINUTE)
    urgentcare.remind(now=POSTED + 2 * MINUTE)
    assert stage(release) is Stage.SETTLED


def test_a_part_that_people_have_not_entered_is_never_told_as_out(office: Office) -> None:
    release = released(office)
    Item.objects.filter(publication__release=release).update(platform_id="1")
    force(Publication.objects.filter(release=release), "live", live_at=release.instant)
    assert release.urgency is not None
    assert urgentcare.story(release.urgency).sent == "部分已发出（手工发布的还没有登记）"
    posts(office, release)
    assert urgentcare.story(release.urgency).sent == "已发出"


def test_what_was_returned_is_not_to_be_posted_when_that_is_settled(office: Office) -> None:
    release, person = by_people(office), office.people["releaser"]
    post = posts(office, release)
    returns(office, release)
    manual.taken_down(post, evidence="已删除，打开链接显示内容不存在", person=person, now=POSTED)
    urgentcare.remind(now=POSTED)
    assert stage(release) is Stage.SETTLED
    manual.void(post, reason="登记错了", person=person, now=POSTED)
    release.refresh_from_db()
    assert release.signed
    assert standing(office, POSTED) == [Standing.RETURNED]
    manualtasks.remind(now=POSTED)
    assert alarms(Kind.BY_HAND) == []


def test_what_nobody_entered_is_in_doubt_until_it_is_entered_or_called_off(office: Office) -> None:
    def told(release: Release) -> Out:
        assert release.urgency is not None
        [listed] = (one for one in urgentcare.open_of(office.unit) if one.urgency == release.urgency)
        assert urgentcare.story(release.urgency).out is listed.out
        return listed.out

    entered, dropped, called_off = (released(office, number, on=[office.wechat]) for number in (1, 2, 3))
    assert {told(one) for one in (entered, dropped, called_off)} == {Out.UNKNOWN}
    posts(office, entered)
    person = office.people["releaser"]
    tasks = manualtasks.find_message(dropped.pk, office.wechat.slug, 0, unit=office.unit)
    manualtasks.drop(tasks, reason="领导决定不发", person=person, now=POSTED)
    stops.cancel(called_off, person=person, reason="警报解除", now=POSTED)
    assert [told(one) for one in (entered, dropped, called_off)] == [Out.YES, Out.NO, Out.NO]


def test_an_entry_that_was_voided_after_a_return_asks_nobody_to_post(office: Office) -> None:
    release = by_people(office)
    post = posts(office, release)
    returns(office, release)
    manual.void(post, reason="没有发过", person=office.people["releaser"], now=POSTED)
    assert standing(office, POSTED) == [Standing.RETURNED]
    assert "不要发出" in Standing.RETURNED.words


# --- called off, taken down -----------------------------------------------------------------------------------


def test_called_off_before_it_was_posted_it_is_owed_no_review(office: Office) -> None:
    release = by_people(office)
    stops.cancel(release, person=office.people["releaser"], reason="警报解除", now=LATER)
    urgentcare.remind(now=LATER)
    manualtasks.remind(now=LATER)
    assert stage(release) is Stage.CALLED_OFF
    assert standing(office) == []
    assert alarms(Kind.BY_HAND) == []


def late(office: Office, release: Release, *, number: int = 1, now: datetime = POSTED) -> ManualPost:
    """Somebody enters in the ordinary form what had been posted of it all the same."""
    edition = release.manual_tasks.get().edition
    given = entry(office, number, edition=edition, posted_at=LATER)
    return manual.register(given, person=office.people["releaser"], now=now).post


def called_off(office: Office) -> Release:
    release = by_people(office)
    stops.cancel(release, person=office.people["releaser"], reason="警报解除", now=LATER)
    urgentcare.remind(now=LATER)
    assert stage(release) is Stage.CALLED_OFF
    return release


def test_entered_after_it_was_called_off_it_is_loud_and_owed_its_reviews_again(office: Office) -> None:
    release = called_off(office)
    post = late(office, release)
    assert post.task == release.manual_tasks.get()
    assert stage(release) is Stage.RELEASED
    urgentcare.remind(now=POSTED)
    (told,) = urgentcare.open_of(office.unit)
    assert (told.urgency, told.out, told.sent) == (release.urgency, Out.YES, "已发出")
    until = told.owed_until
    assert until == LATER + REVIEW_WITHIN
    urgentcare.remind(now=until)
    assert len(alarms(Kind.REVIEW_LATE)) == 1
    office.passes(told.urgency.edition.document, now=until)
    assert stage(release) is Stage.REVIEWED


def test_entered_by_mistake_it_is_over_again(office: Office) -> None:
    release = called_off(office)
    manual.void(late(office, release), reason="没有发过", person=office.people["releaser"], now=POSTED)
    urgentcare.remind(now=POSTED)
    assert stage(release) is Stage.CALLED_OFF
    assert standing(office, POSTED) == []


def test_entered_after_its_reviews_it_is_owed_none(office: Office) -> None:
    release = called_off(office)
    assert release.urgency is not None
    office.passes(release.urgency.edition.document, now=LATER)
    late(office, release)
    assert stage(release) is Stage.REVIEWED


@pytest.mark.parametrize("replaced", [False, True])
def test_entered_after_it_was_returned_or_replaced_it_is_to_be_taken_down(office: Office, replaced: bool) -> None:
    release = called_off(office)
    if replaced:
        office.took(article(title="改过的通知"), now=POSTED)
    else:
        returns(office, release)
    post = late(office, release)
    assert stage(release) is Stage.RETURNED
    urgentcare.remind(now=POSTED)
    (alarm,) = alarms(Kind.RETURNED)
    assert alarm.out == Out.YES
    manual.taken_down(post, evidence="已删除，打开链接显示内容不存在", person=office.people["releaser"], now=POSTED)
    urgentcare.remind(now=POSTED)
    assert stage(release) is Stage.SETTLED


def test_what_was_not_taken_down_after_all_is_not_settled(office: Office) -> None:
    release, person = by_people(office), office.people["releaser"]
    post = posts(office, release)
    returns(office, release)
    manual.taken_down(post, evidence="已删除，打开链接显示内容不存在", person=person, now=POSTED)
    urgentcare.remind(now=POSTED)
    assert stage(release) is Stage.SETTLED
    manual.void(post, reason="删的是另一篇", person=person, now=POSTED)
    late(office, release)
    urgentcare.remind(now=POSTED)
    assert stage(release) is Stage.RETURNED


def test_asked_for_anew_the_new_asking_is_the_one_that_is_owed_reviews(office: Office) -> None:
    release = called_off(office)
    assert release.urgency is not None
    again = urgent.propose(
        release.urgency.edition.document, modes=release.urgency.modes, instant=None, reason="又涨水了",
        seen=release.urgency.content_hash, person=office.people["editor"], now=POSTED,
    )  # fmt: skip
    second = confirmed(office, again, now=POSTED)
    assert late(office, second).task == second.manual_tasks.get()
    assert (stage(release), stage(second)) == (Stage.CALLED_OFF, Stage.RELEASED)


def test_what_people_posted_although_it_was_dropped_is_told_as_out(office: Office) -> None:
    release, person = by_people(office), office.people["releaser"]
    tasks = manualtasks.find_message(release.pk, office.wechat.slug, 0, unit=office.unit)
    manualtasks.drop(tasks, reason="领导决定不发", person=person, now=LATER)
    late(office, release)
    task = release.manual_tasks.get()
    assert (task.done_at, task.drop_reason) == (POSTED, "")
    assert release.urgency is not None
    assert urgentcare.story(release.urgency).sent == "已发出"
    returns(office, release)
    urgentcare.remind(now=POSTED)
    assert stage(release) is Stage.RETURNED


def test_what_people_have_posted_is_not_called_off(office: Office) -> None:
    release = by_people(office)
    posts(office, release)
    with pytest.raises(Refused, match="都已手工发布") as refused:
        stops.cancel(release, person=office.people["releaser"], reason="不要了", now=POSTED)
    assert refused.value.code == "over"
    release.refresh_from_db()
    assert release.cancelled_at is None


def test_taking_down_is_entered_once_with_what_was_seen_by_those_who_post(office: Office) -> None:
    post = posts(office, by_people(office))
    evidence = "已删除，打开链接显示内容不存在"
    for who, words, code in (("editor", evidence, "role"), ("releaser", "删了", "evidence")):
        with pytest.raises(Refused) as refused:
            manual.taken_down(post, evidence=words, person=office.people[who], now=POSTED)
        assert refused.value.code == code
    manual.taken_down(post, evidence=evidence, person=office.people["releaser"], now=POSTED)
    with pytest.raises(Refused) as refused:
        manual.taken_down(post, evidence=evidence, person=office.people["releaser"], now=POSTED)
    assert refused.value.code == "down"
    [line] = trail.newest(f"release:{post.task.release_id}", "发布单", 1)  # type: ignore[union-attr]
    assert "已在平台撤下" in line.what
    assert line.detail == evidence


def test_another_address_does_not_make_public_again_what_was_taken_down(office: Office) -> None:
    release = by_people(office)
    post, person = posts(office, release), office.people["releaser"]
    manual.taken_down(post, evidence="已删除，打开链接显示内容不存在", person=person, now=POSTED)
    corrected = entry(office, 9, edition=post.edition, posted_at=POSTED)
    manual.correct(post, corrected, reason="链接抄错", person=person, now=POSTED)
    assert release.urgency is not None
    assert not urgentcare.story(release.urgency).posted
    assert release.manual_tasks.get().done_at == POSTED


def test_what_has_no_task_is_not_taken_down_here(office: Office) -> None:
    done = manual.register(entry(office), person=office.people["releaser"], now=NOW)
    with pytest.raises(Refused) as refused:
        manual.taken_down(done.post, evidence="已删除，看不到了", person=office.people["releaser"], now=NOW)
    assert refused.value.code == "task"


def test_on_every_account_people_may_be_the_ones_who_post(office: Office) -> None:
    only_by_hand(office, office.weibo)
    release = released(office)
    assert release.publications.count() == 0
    assert len(alarms(Kind.BY_HAND)) == 2
    posts(office, release)
    tasks = manualtasks.find_message(release.pk, office.weibo.slug, 0, unit=office.unit)
    person = office.people["releaser"]
    manualtasks.finish(tasks, urls=[WEIBO.format(1)], posted_at=POSTED, posted_by=person, person=person, now=POSTED)
    assert release.urgency is not None
    assert urgentcare.story(release.urgency).sent == "已发出"
