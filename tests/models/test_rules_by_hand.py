"""The book of manual posts and the tasks: what a hand in the database is refused, with plain SQL, on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from bot.models import Edition, ManualCount, ManualPost, ManualTask, ManualVoid, Release, Reservation
from bot.services import urgent
from tests.services.by_hand import only_by_hand
from tests.services.factories import NOW, Office, article, lifted, publication

from .sql import attempt_row, delete, insert, item_row, proves, refused, run, update


def posted(office: Office, edition: Edition | None = None, **changes: object) -> ManualPost:
    person = office.people["releaser"]
    given = {
        "unit": office.unit, "account": office.wechat, "mode": "mass", "title": "停水通知", "edition": edition,
        "url": "https://mp.weixin.qq.com/s/AbCdEfGh", "post_key": "AbCdEfGh", "posted_at": NOW, "posted_by": person,
        "entered_by": person, "entered_at": NOW,
    }  # fmt: skip
    return ManualPost.objects.create(**given | changes)


def voided(office: Office, post: ManualPost) -> ManualVoid:
    return ManualVoid.objects.create(post=post, reason="登记错了", person=office.people["releaser"], at=NOW)


def task_row(release: Release, office: Office, edition: Edition, **changes: object) -> None:
    row = {
        "release_id": release.pk, "account_id": office.weibo.pk, "mode": "share", "lane": 0, "position": 0,
        "edition_id": edition.pk, "post_id": edition.posts.get(account=office.weibo).pk, "payload_hash": "",
        "drop_reason": "",
    }  # fmt: skip
    insert("bot_manualtask", **row | changes)


@proves("attempt_not_posted_by_hand")
def test_an_edition_that_was_posted_by_hand_does_not_leave_by_machine(office: Office) -> None:
    push = publication(office.signed(), office.wechat)
    post = posted(office, push.items.get().edition)
    with refused("posted by hand already"):
        attempt_row(push)
    voided(office, post)
    attempt_row(push)


def test_what_was_posted_on_another_account_or_in_another_edition_keeps_nothing_back(office: Office) -> None:
    push = publication(office.signed(), office.wechat)
    posted(office, push.items.get().edition, account=office.weibo, mode="share")
    posted(office, office.approved(article(2)).current)
    attempt_row(push)


@proves("manualpost_kept", "manualpost_not_deleted", "manualvoid_kept", "manualvoid_not_deleted")
def test_the_book_is_neither_changed_nor_shortened(office: Office) -> None:
    post = posted(office)
    for column, value in {"title": "改过", "posted_at": NOW - timedelta(days=9), "url": "https://example.org"}.items():
        with refused("the book of manual posts is append-only"):
            update(post, **{column: value})
    with refused("the book of manual posts is append-only"):
        delete(post)
    void = voided(office, post)
    with refused("a voided entry stays void"):
        update(void, reason="改过")
    with refused("a voided entry stays void"):
        delete(void)


@proves("manualpost_not_replaced")
def test_one_line_is_corrected_by_one_other(office: Office) -> None:
    old = posted(office)
    posted(office, corrects=old)
    with pytest.raises(IntegrityError), transaction.atomic():
        posted(office, corrects=old)


def test_nothing_is_entered_as_posted_later_than_it_was_entered(office: Office) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        posted(office, posted_at=NOW + timedelta(seconds=1))


def counted(post: ManualPost, **changes: object) -> ManualCount:
    return ManualCount.objects.create(post=post, **{"asked_at": NOW, **changes})


@proves("manualcount_known_kept")
def test_which_post_of_the_platform_an_entry_is_does_not_change_once_it_is_known(office: Office) -> None:
    count = counted(posted(office))
    other = posted(office, title="供暖通知", post_key="b")
    update(count, platform_id="7_1")
    for column, value in {"platform_id": "8_1", "post_id": other.pk}.items():
        with refused("which post of the platform it is does not change"):
            update(count, **{column: value})
    with refused("which post of the platform it is does not change"):
        update(count, platform_id="")
    update(count, platform_id="7_1", next_sample_at=NOW, note="没有取到")


@proves("manualsample_of_a_known_post")
def test_there_are_no_numbers_of_an_entry_that_nobody_has_recognised(office: Office) -> None:
    post = posted(office)
    row = {"post_id": post.pk, "taken_at": NOW, "stat_date": "", "values": "{}", "absent": False, "raw": "{}"}
    with refused("no numbers of a post that nobody has recognised"):
        insert("bot_manualsample", **row)
    count = counted(post)
    with refused("no numbers of a post that nobody has recognised"):
        insert("bot_manualsample", **row)
    update(count, platform_id="7_1")
    insert("bot_manualsample", **row)


def test_what_is_known_was_asked_about_once(office: Office) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        counted(posted(office), asked_at=None, platform_id="7_1")
    counted(posted(office, post_key="b"), asked_at=None)


def test_an_entry_is_followed_in_one_row(office: Office) -> None:
    post = posted(office)
    counted(post)
    with pytest.raises(IntegrityError), transaction.atomic():
        counted(post)


@proves("manualtask_not_added_after_signing", "manualtask_kept_while_signed", "manualtask_not_deleted")
def test_what_people_are_to_post_is_what_was_signed(office: Office) -> None:
    release = office.planned(office.approved(), on=[office.wechat])
    edition = publication(release, office.wechat).items.get().edition
    task_row(release, office, edition)
    task = ManualTask.objects.get()
    update(task, payload_hash="a" * 64)
    with refused("a task is not taken away"):
        delete(task)
    office.wechat.manual_tasks.count()
    Release.objects.filter(pk=release.pk).update(cancelled_at=None)
    office.unit.accounts.filter(pk=office.weibo.pk).update(manual_reason="没有权限")
    office.signs(release)
    for column, value in {"payload_hash": "b" * 64, "mode": "x", "position": 4, "payload": "{}"}.items():
        with refused("what was signed does not change"):
            update(task, **{column: value})
    with refused("what is added needs a new signature"):
        task_row(release, office, edition, position=1)
    update(task, done_at=NOW)  # what becomes of it was not signed


def test_a_slot_has_one_owner(office: Office) -> None:
    push = publication(office.signed(), office.wechat)
    held = Reservation.objects.filter(publication=push).first()
    assert held is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        update(held, publication_id=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        update(held, manual_post_id=posted(office).pk)
    run("SELECT 1")


# --- once -----------------------------------------------------------------------------------------------------


@proves("manualtask_once")
def test_an_edition_is_asked_of_people_once_and_not_of_the_machine_besides(office: Office) -> None:
    edition = office.approved().current
    first, second = (office.planned(office.approved(article(number)), on=[office.wechat]) for number in (2, 3))
    task_row(first, office, edition)
    with refused("once, by machine or by hand"):
        task_row(second, office, edition)
    update(first, cancelled_at=NOW)
    task_row(second, office, edition)
    other = office.approved(article(4))
    office.planned(other, on=[office.weibo])
    with refused("once, by machine or by hand"):
        task_row(second, office, other.current, position=1)
    in_the_book = office.approved(article(5)).current
    post = posted(office, in_the_book, account=office.weibo, mode="share")
    with refused("once, by machine or by hand"):
        task_row(second, office, in_the_book, position=1)
    voided(office, post)
    task_row(second, office, in_the_book, position=1)


@proves("item_not_asked_of_people")
def test_what_people_are_asked_to_post_is_not_planned_for_the_machine(office: Office) -> None:
    edition = office.approved().current
    task_row(office.planned(office.approved(article(2)), on=[office.wechat]), office, edition)
    push = publication(office.planned(office.approved(article(3)), on=[office.weibo]), office.weibo)
    with refused("once, by machine or by hand"):
        item_row(push, edition)
    task = ManualTask.objects.get()
    update(task, drop_reason="不再发布", done_at=NOW)
    item_row(push, edition)


# --- what is signed -------------------------------------------------------------------------------------------


def unsigned(release: Release) -> dict[str, Any]:
    """Takes the signature away; what would put it back."""
    columns = ("signed_at", "signed_by_id", "manifest_hash")
    signature = {name: getattr(release, name) for name in columns}
    update(release, signed_at=None, signed_by_id=None, manifest_hash="")
    return signature


def by_people(office: Office) -> Release:
    """A signed release that people alone post."""
    document = office.approved()
    only_by_hand(office, office.wechat)
    return office.signed(document, on=[office.wechat])


def urgent_by_people(office: Office) -> Release:
    """The same on two words, without a review."""
    document = office.took()
    only_by_hand(office, office.wechat)
    asked = urgent.propose(
        document, modes={office.wechat.slug: "mass"}, instant=None, reason="汛情紧急", seen=document.current.content_hash,
        person=office.people["editor"], now=NOW,
    )  # fmt: skip
    return urgent.confirm(asked, seen=asked.digest, person=office.people["releaser"], now=NOW)


def _of(manifest: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = manifest["by_hand"][0]
    return message


@proves("release_by_hand_as_its_manifest_says")
@pytest.mark.parametrize(
    "tamper",
    [
        lambda manifest: manifest.pop("by_hand"),
        lambda manifest: manifest["by_hand"].clear(),
        lambda manifest: manifest["by_hand"].append(_of(manifest)),
        lambda manifest: _of(manifest).update(account="lyhd"),
        lambda manifest: _of(manifest).update(mode="publish"),
        lambda manifest: _of(manifest).update(lane=1),
        lambda manifest: _of(manifest)["items"].append({"edition": "", "payload": "", "marker": ""}),
        lambda manifest: _of(manifest)["items"].clear(),
        lambda manifest: _of(manifest)["items"][0].update(payload="0" * 64),
        lambda manifest: _of(manifest)["items"][0].update(edition="0" * 64),
    ],
)
def test_people_post_what_the_signed_manifest_names(office: Office, tamper: Callable[[Any], Any]) -> None:
    release = by_people(office)
    manifest, signature = dict(release.manifest or {}), unsigned(release)
    tamper(manifest)
    with refused("what people are to post is what the signed manifest names"):
        update(release, **signature, manifest=json.dumps(manifest))
    update(release, **signature)


@proves("release_by_hand_as_its_manifest_says")
def test_a_text_that_is_not_the_signed_one_is_not_signed(office: Office) -> None:
    release = by_people(office)
    signature, task = unsigned(release), release.manual_tasks.get()
    for wrong in ("", "0" * 64):
        update(task, payload_hash=wrong)
        with refused("what people are to post is what the signed manifest names"):
            update(release, **signature)
    update(task, payload_hash=task.payload_hash)
    update(release, **signature)


@proves("release_by_hand_approved")
def test_what_people_are_to_post_is_approved_when_it_is_signed(office: Office) -> None:
    release = by_people(office)
    signature, edition = unsigned(release), release.manual_tasks.get().edition
    for state in ("second_passed", "returned", "superseded"):
        with lifted("edition_superseded_for_good", "edition_approval_earned"):
            update(edition, state=state)
            with refused("needs approvals, or two words"):
                update(release, **signature)
            update(edition, state="approved")
    update(release, **signature)


@proves("release_by_hand_approved")
@pytest.mark.parametrize(
    "changes", [{"content_hash": "0" * 64}, {"post_hashes": json.dumps({"zghd": "0" * 64})}], ids=lambda one: next(iter(one))
)  # fmt: skip
def test_two_words_about_these_very_bytes_carry_what_people_are_to_post(
    office: Office, changes: dict[str, Any]
) -> None:
    release = urgent_by_people(office)
    signature, urgency = unsigned(release), release.urgency
    assert urgency is not None
    before = {"content_hash": urgency.content_hash, "post_hashes": json.dumps(urgency.post_hashes)}
    with lifted("urgency_kept"):
        update(urgency, **changes)
        with refused("needs approvals, or two words"):
            update(release, **signature)
        update(urgency, **before)
    update(release, **signature)


@proves("release_by_hand_approved")
@pytest.mark.parametrize("state", ["returned", "superseded", "drafting"])
def test_no_words_carry_what_was_returned_or_replaced_to_people(office: Office, state: str) -> None:
    release = urgent_by_people(office)
    signature = unsigned(release)
    update(release.manual_tasks.get().edition, state=state)
    with refused("needs approvals, or two words"):
        update(release, **signature)


@proves("release_by_hand_four_eyes")
def test_an_author_does_not_sign_what_people_are_to_post(office: Office) -> None:
    release = by_people(office)
    signature = unsigned(release)
    with refused("author may not sign"):
        update(release, **signature | {"signed_by_id": office.people["editor"].pk})
    update(release, **signature)
