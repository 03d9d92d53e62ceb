"""手工发布任务: on an account that the machine may not post on, a release asks people, and is answered by the book."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.alarms import Kind
from bot.domain.hashing import content_hash
from bot.models import Account, Alarm, AuditEvent, ManualPost, ManualTask, Release
from bot.services import lookahead, manual, manualtasks, releases, stops, watching
from bot.services.errors import NotFound, Refused
from bot.services.manualtasks import Standing

from .by_hand import LINK, entry, only_by_hand
from .factories import HALF_HOUR, NOW, Office, after_live, article

T = NOW + HALF_HOUR
LATER = T + timedelta(minutes=3)


@pytest.fixture
def mixed(office: Office) -> Release:
    """Two documents, signed, on Weibo by the machine and on the 公众号 by hand."""
    documents = [office.approved(article(number)) for number in (1, 2)]
    only_by_hand(office, office.wechat)
    return office.signed(*documents)


def done(office: Office, release: Release, **changes: object) -> list[manual.Entered]:
    tasks = manualtasks.find_message(release.pk, "zghd", 0, unit=office.unit)
    given = {
        "urls": [LINK.format(task.pk) for task in tasks], "posted_at": T, "posted_by": office.people["releaser"],
        "person": office.people["releaser"], "now": LATER,
    }  # fmt: skip
    return manualtasks.finish(tasks, **given | changes)  # type: ignore[arg-type]


def standing(office: Office, now: object = LATER) -> list[Standing]:
    return [message.standing for message in manualtasks.waiting(office.unit, now=now)]  # type: ignore[arg-type]


def test_the_machine_gets_nothing_to_send_on_such_an_account(office: Office, mixed: Release) -> None:
    assert {push.account for push in mixed.publications.all()} == {office.weibo}
    tasks = list(mixed.manual_tasks.order_by("position"))
    assert [(task.account, task.mode, task.lane, task.position) for task in tasks] == [
        (office.wechat, "mass", 0, 0), (office.wechat, "mass", 0, 1),
    ]  # fmt: skip


def test_the_texts_are_signed_with_their_credit_line(office: Office, mixed: Release) -> None:
    assert content_hash(mixed.manifest) == mixed.manifest_hash
    [message] = mixed.manifest["by_hand"]  # type: ignore[index]
    tasks = list(mixed.manual_tasks.order_by("position"))
    assert [item["payload"] for item in message["items"]] == [task.payload_hash for task in tasks]
    assert all("审核：王初、赵复、钱终" in str(task.payload) for task in tasks)


def test_they_are_due_at_the_instant_and_not_before(office: Office, mixed: Release) -> None:
    assert standing(office, NOW) == [Standing.AHEAD]
    assert standing(office, T) == [Standing.DUE]


def test_without_a_signature_under_a_freeze_or_before_the_portal_they_are_not_due(office: Office) -> None:
    document = office.approved()
    only_by_hand(office, office.wechat)
    release = office.planned(document, sync=after_live())
    assert standing(office) == [Standing.UNSIGNED]
    office.signs(release)
    assert standing(office) == [Standing.GATE]
    stops.freeze(office.unit, person=office.people["releaser"], reason="突发", now=NOW)
    assert standing(office) == [Standing.FROZEN]


def test_entering_the_addresses_does_them_and_takes_one_slot(office: Office, mixed: Release) -> None:
    entered = done(office, mixed)
    assert [one.post.task.release for one in entered if one.post.task] == [mixed, mixed]
    assert not any(one.over for one in entered)
    assert standing(office) == []
    assert ManualPost.objects.filter(task__isnull=False).count() == 2
    with pytest.raises(NotFound):
        done(office, mixed)


def test_one_address_for_two_articles_is_told_by_their_numbers(office: Office, mixed: Release) -> None:
    with pytest.raises(Refused, match=r"同一个链接给了两次（第 1 篇和第 2 篇）.*没有登记任何一篇") as caught:
        done(office, mixed, urls=[LINK.format(1), LINK.format(1) + "?from=timeline"])
    assert caught.value.code == "urls"
    assert not ManualPost.objects.exists()


def test_all_addresses_or_none(office: Office, mixed: Release) -> None:
    for urls in ([LINK.format(1)], [LINK.format(1), "nonsense"], [LINK.format(1), LINK.format(1)]):
        with pytest.raises(Refused):
            done(office, mixed, urls=urls)
    assert not ManualPost.objects.exists()
    assert standing(office) == [Standing.DUE]


def test_entered_in_the_ordinary_form_it_is_the_task_all_the_same(office: Office, mixed: Release) -> None:
    first, second = mixed.manual_tasks.order_by("position")
    manual.register(entry(office, 1, edition=first.edition, posted_at=T), person=office.people["releaser"], now=LATER)
    [message] = manualtasks.waiting(office.unit, now=LATER)
    assert [task.pk for task in message.tasks] == [second.pk]


def test_a_voided_entry_makes_the_task_open_again(office: Office, mixed: Release) -> None:
    post = done(office, mixed)[0].post
    manual.void(post, reason="链接不对", person=office.people["releaser"], now=LATER)
    [message] = manualtasks.waiting(office.unit, now=LATER)
    assert [task.pk for task in message.tasks] == [post.task_id]


def test_what_is_due_and_not_posted_is_an_alarm_until_it_is_entered(office: Office, mixed: Release) -> None:
    manualtasks.remind(now=NOW)
    assert not Alarm.objects.exists()
    for _ in range(2):
        watching.look(LATER)
        manualtasks.remind(now=LATER)
    [alarm] = Alarm.objects.filter(kind=Kind.BY_HAND)
    assert (alarm.subject, alarm.release, alarm.out, alarm.closed_at) == (
        f"manual:{mixed.pk}:zghd", mixed, "unknown", None,
    )  # fmt: skip
    done(office, mixed)
    manualtasks.remind(now=LATER)
    alarm.refresh_from_db()
    assert alarm.closed_at == LATER


def test_many_that_nobody_did_keep_no_other_from_its_alarm(
    office: Office, mixed: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manualtasks, "MOST", 1)
    for number in (3, 4):
        office.signed(office.approved(article(number)), on=[office.wechat])
    for _ in range(2):
        manualtasks.remind(now=LATER)
    assert Alarm.objects.filter(kind=Kind.BY_HAND, closed_at__isnull=True).count() == 3
    assert not Alarm.objects.filter(kind=Kind.BY_HAND, closed_at__isnull=False).exists()


def test_a_message_is_shown_whole_or_not_at_all(
    office: Office, mixed: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.signed(*(office.approved(article(number)) for number in (3, 4)), on=[office.wechat])
    for most, shown in ((3, [2]), (4, [2, 2]), (2, [2])):
        monkeypatch.setattr(manualtasks, "MOST", most)
        assert [len(message.tasks) for message in manualtasks.waiting(office.unit, now=LATER)] == shown


def test_a_person_may_call_it_off_with_a_reason(office: Office, mixed: Release) -> None:
    tasks = manualtasks.find_message(mixed.pk, "zghd", 0, unit=office.unit)
    with pytest.raises(Refused, match="须写明原因"):
        manualtasks.drop(tasks, reason="", person=office.people["releaser"], now=LATER)
    with pytest.raises(Refused, match="权限"):
        manualtasks.drop(tasks, reason="不发了", person=office.people["editor"], now=LATER)
    manualtasks.drop(tasks, reason="领导决定不发", person=office.people["releaser"], now=LATER)
    assert standing(office) == []
    manualtasks.remind(now=LATER)
    assert not Alarm.objects.filter(kind=Kind.BY_HAND, closed_at__isnull=True).exists()


def test_what_was_entered_meanwhile_is_not_called_off(office: Office, mixed: Release) -> None:
    tasks, person = manualtasks.find_message(mixed.pk, "zghd", 0, unit=office.unit), office.people["releaser"]
    posted = entry(office, 1, edition=tasks[0].edition, posted_at=T)
    manual.register(posted, person=person, now=LATER)
    with pytest.raises(Refused, match="没有办理，未做改动") as refused:
        manualtasks.drop(tasks, reason="不发了", person=person, now=LATER)
    assert refused.value.code == "over"
    assert not ManualTask.objects.exclude(drop_reason="").exists()
    assert not AuditEvent.objects.filter(action="manual.dropped").exists()


def test_what_was_called_off_and_posted_all_the_same_is_its_task(office: Office, mixed: Release) -> None:
    tasks = manualtasks.find_message(mixed.pk, "zghd", 0, unit=office.unit)
    manualtasks.drop(tasks, reason="领导决定不发", person=office.people["releaser"], now=LATER)
    posted = entry(office, 1, edition=tasks[0].edition, posted_at=T)
    assert manual.register(posted, person=office.people["releaser"], now=LATER).post.task == tasks[0]
    assert [(task.waits, task.dropped) for task in mixed.manual_tasks.order_by("position")] == [
        (False, False), (False, True),
    ]  # fmt: skip


def test_what_is_posted_after_an_ordinary_release_was_called_off_stands_alone(office: Office) -> None:
    document = office.approved()
    only_by_hand(office, office.wechat)
    release = office.signed(document, on=[office.wechat])
    stops.cancel(release, person=office.people["releaser"], reason="不发了", now=NOW)
    posted = entry(office, 1, edition=document.current, posted_at=T)
    assert manual.register(posted, person=office.people["releaser"], now=LATER).post.task is None


def test_a_release_of_such_accounts_alone_is_signed_and_called_off_like_any_other(office: Office) -> None:
    document = office.approved()
    only_by_hand(office, office.wechat)
    release = office.signed(document, on=[office.wechat])
    assert (release.signed, release.publications.count()) == (True, 0)
    stops.cancel(release, person=office.people["releaser"], reason="不发了", now=NOW)
    assert standing(office) == []
    office.planned(document, on=[office.wechat])


def test_the_same_edition_is_asked_for_once(office: Office, mixed: Release) -> None:
    document = mixed.manual_tasks.first().edition.document  # type: ignore[union-attr]
    with pytest.raises(Refused, match="已列入发布单"):
        office.planned(document, on=[office.wechat])


def test_a_new_edition_voids_the_signature_of_what_waits_for_the_old(office: Office) -> None:
    document = office.approved()
    only_by_hand(office, office.wechat)
    release = office.signed(document, on=[office.wechat])
    office.took(article(1, summary="改过的摘要，仍是调整站点。"))
    release.refresh_from_db()
    assert not release.signed


def test_an_author_does_not_sign_what_people_are_to_post(office: Office) -> None:
    from bot.services import people

    both = people.add_person(
        "both", name="兼任", unit=office.unit, roles=["editor", "releaser"], password=None, actor="t", now=NOW
    )
    office.people["editor"] = both
    document = office.approved(article(8))
    only_by_hand(office, office.wechat)
    release = office.planned(document, on=[office.wechat])
    with pytest.raises(Refused, match="不能签发本人拟写"):
        releases.sign(release, person=both, now=NOW)


def test_an_account_does_not_change_hands_while_something_signed_is_not_over(office: Office) -> None:
    office.signed()
    with pytest.raises(Refused, match="没有办完的发布单"):
        only_by_hand(office, office.wechat)
    assert not Account.objects.get(pk=office.wechat.pk).manual_only


def test_what_was_planned_for_the_machine_is_not_signed_when_only_people_may_post(office: Office) -> None:
    release = office.planned()
    only_by_hand(office, office.wechat)
    with pytest.raises(Refused, match="只能手工发布，未签发"):
        office.signs(release)


def test_what_was_posted_is_not_moved_to_another_instant(office: Office, mixed: Release) -> None:
    done(office, mixed)
    with pytest.raises(Refused, match="不能整单改期"):
        releases.reschedule(mixed, instant=LATER + HALF_HOUR, person=office.people["releaser"], now=LATER)


def test_another_unit_neither_sees_nor_does_them(office: Office, mixed: Release) -> None:
    other = Office.make("street", prefix="s-")
    assert manualtasks.waiting(other.unit, now=LATER) == []
    with pytest.raises(NotFound):
        manualtasks.find_message(mixed.pk, "zghd", 0, unit=other.unit)
    with pytest.raises(NotFound):
        manualtasks.drop(list(mixed.manual_tasks.all()), reason="不发了", person=other.people["releaser"], now=LATER)
    assert ManualTask.objects.filter(done_at__isnull=True).count() == 2


def test_what_waits_is_read_in_as_many_questions_for_many_as_for_few(
    office: Office, mixed: Release, django_assert_max_num_queries: object
) -> None:
    for number in range(3, 7):
        office.signed(office.approved(article(number)), on=[office.wechat])
    with django_assert_max_num_queries(3):  # type: ignore[operator]
        assert len(manualtasks.waiting(office.unit, now=LATER)) == 5


def test_looking_ahead_finds_that_nobody_signed_what_people_alone_post(office: Office) -> None:
    document = office.approved()
    for account in office.accounts:
        only_by_hand(office, account)
    office.planned(document)
    [result] = lookahead.releases_ahead(NOW)
    assert (result.ok, result.code) == (False, "unsigned")
    assert "还没有签发" in result.message
