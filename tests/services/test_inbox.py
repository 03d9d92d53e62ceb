"""A pass from the inbox: only what was opened, only what was shown, and by the same rules as everywhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.workflow import EditionState, Verdict
from bot.models import AuditEvent, Document, Opened, Review
from bot.services import audit, editorial, inbox, trail
from bot.services.errors import NotFound, Refused
from bot.services.inbox import Seen

from .factories import NOW, STEPS, Office, article

LATER = NOW + timedelta(minutes=1)


def opens(office: Office, document: Document, who: str, *, but: int = 0) -> None:
    """Every channel's tab but the last `but`."""
    posts = inbox.posts_of(document.current)
    for post in posts[: len(posts) - but]:
        inbox.open_post(post, person=office.people[who], now=NOW)


def shown(document: Document) -> Seen:
    """What a page that is loaded now carries in its form."""
    edition = document.current
    return Seen.of(edition, inbox.posts_of(edition))


def passes(office: Office, document: Document, who: str, *, seen: Seen | None = None) -> EditionState:
    done = inbox.review_seen(
        document, seen=seen or shown(document), person=office.people[who], verdict=Verdict.PASS, now=LATER
    )
    return done.status


def refused(office: Office, document: Document, who: str, *, seen: Seen | None = None) -> Refused:
    """The pass is refused and leaves nothing behind."""
    before = (AuditEvent.objects.count(), Review.objects.count(), document.current.state)
    with pytest.raises(Refused) as caught:
        passes(office, document, who, seen=seen)
    assert before == (AuditEvent.objects.count(), Review.objects.count(), document.current.state)
    return caught.value


# --- opened first -------------------------------------------------------------------------------------------


def test_three_reviewers_who_opened_every_channel_pass_it(office: Office) -> None:
    document = office.submitted()
    for who in STEPS:
        opens(office, document, who)
        passes(office, document, who)
    assert document.current.status is EditionState.APPROVED


def test_a_pass_with_a_channel_that_was_not_opened_is_refused_and_names_it(office: Office) -> None:
    document = office.submitted()
    opens(office, document, "first", but=1)
    refusal = refused(office, document, "first")
    assert refusal.code == "unopened"
    assert "还没有打开临沂河东的渠道稿，没有通过，未做改动" in refusal.message


def test_what_a_colleague_opened_does_not_count(office: Office) -> None:
    document = office.submitted()
    opens(office, document, "second")
    assert refused(office, document, "first").code == "unopened"


def test_opening_counts_for_these_bytes_only(office: Office) -> None:
    """A returned edition that comes back has a marker of its own, so other bytes: they are opened anew."""
    document = office.submitted()
    opens(office, document, "first")
    editorial.review(document, person=office.people["first"], verdict=Verdict.RETURN, comment="请核对", now=NOW)
    editorial.submit(document, person=office.people["editor"], now=NOW)
    assert refused(office, document, "first").code == "unopened"


def test_a_tab_opened_twice_keeps_its_first_time(office: Office) -> None:
    document = office.submitted()
    for at in (NOW, LATER):
        inbox.open_post(inbox.posts_of(document.current)[0], person=office.people["first"], now=at)
    assert Opened.objects.get().at == NOW


def test_the_trail_says_when_each_channel_was_opened_just_before_the_pass(office: Office) -> None:
    document = office.submitted()
    opens(office, document, "first")
    passes(office, document, "first")
    reviewed, seen = AuditEvent.objects.order_by("-sequence")[:2]
    assert (seen.action, reviewed.action) == ("edition.seen", "edition.reviewed")
    assert {hash for _, hash, _ in seen.data["opened"]} == set(reviewed.data["posts"].values())
    told = trail.tell({"document:HD-1": "本文件"})[-2]
    assert told.what == "本文件：第 1 版的渠道稿都打开看过"
    assert "中国河东 2026-11-23 09:00:00" in told.detail
    assert audit.verify_chain()[2] is None


def test_the_command_line_reviews_as_before(office: Office) -> None:
    """It has no tabs to open: whoever passes there answers for having looked."""
    document = office.submitted()
    office.passes(document)
    assert document.current.status is EditionState.APPROVED
    assert not Opened.objects.exists()


# --- exactly what was shown -----------------------------------------------------------------------------------


def test_a_page_that_shows_an_older_edition_passes_nothing(office: Office) -> None:
    document = office.submitted()
    opens(office, document, "first")
    old = shown(document)
    office.took(article(summary="自12月2日起。"))
    refusal = refused(office, document, "first", seen=old)
    assert refusal.code == "changed"
    assert refusal.message.startswith("稿件已变")


@pytest.mark.parametrize("field", ["content_hash", "posts", "state", "edition"])
def test_a_form_with_another_hash_than_what_stands_passes_nothing(office: Office, field: str) -> None:
    document = office.submitted()
    opens(office, document, "first")
    other = {"content_hash": "0" * 64, "posts": "0" * 64, "state": "first_passed", "edition": 99}
    assert refused(office, document, "first", seen=replace(shown(document), **{field: other[field]})).code == "changed"


def test_a_step_that_a_colleague_took_meanwhile_is_not_taken_again(office: Office) -> None:
    document = office.submitted()
    opens(office, document, "first")
    before = shown(document)
    office.passes(document, "first")
    assert refused(office, document, "second", seen=before).code == "changed"


def test_a_return_is_for_what_was_shown_too_but_needs_no_tab_opened(office: Office) -> None:
    document = office.submitted()
    done = inbox.review_seen(
        document, seen=shown(document), person=office.people["first"], verdict=Verdict.RETURN, comment="错别字", now=NOW
    )
    assert (done.status, done.reviews.get().comment) == (EditionState.RETURNED, "错别字")


def test_a_return_without_a_reason_changes_nothing(office: Office) -> None:
    document = office.submitted()
    with pytest.raises(Refused) as caught:
        inbox.review_seen(
            document, seen=shown(document), person=office.people["first"], verdict=Verdict.RETURN, comment=" ", now=NOW
        )
    assert caught.value.code == "reason"
    assert not Review.objects.exists()


def test_the_form_is_read_back_as_it_was_written(office: Office) -> None:
    seen = shown(office.submitted())
    assert Seen.parse(str(seen)) == seen


@pytest.mark.parametrize(
    "text", ["", "x", "1", "1 submitted", "１ submitted abc d", "9" * 30 + " submitted abc d", "1 submitted abc d e"]
)
def test_a_form_that_is_none_of_ours_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="没有记录任何审核"):
        Seen.parse(text)


# --- who ------------------------------------------------------------------------------------------------------


def test_rights_are_told_before_what_is_not_opened(office: Office) -> None:
    document = office.submitted()
    assert refused(office, document, "second").code == "role"
    office.people["editor"].roles = [*STEPS, "editor"]
    office.people["editor"].save()
    assert refused(office, document, "editor").code == "author"


def test_one_person_takes_one_step_from_the_inbox_too(office: Office) -> None:
    office.people["first"].roles = [*STEPS]
    office.people["first"].save()
    document = office.submitted()
    opens(office, document, "first")
    passes(office, document, "first")
    assert refused(office, document, "first").code == "one_step"


def test_another_unit_s_documents_and_renderings_do_not_exist(office: Office) -> None:
    document = office.submitted()
    other = Office.make("other", prefix="o-")
    stranger = other.people["first"]
    with pytest.raises(NotFound):
        inbox.find_edition(document.current.pk, unit=stranger.unit)
    with pytest.raises(NotFound):
        inbox.open_post(inbox.posts_of(document.current)[0], person=stranger, now=NOW)
    with pytest.raises(NotFound):
        inbox.review_seen(document, seen=shown(document), person=stranger, verdict=Verdict.PASS, now=NOW)
    assert not Opened.objects.exists()


# --- several at once --------------------------------------------------------------------------------------------


def test_of_a_batch_each_goes_through_the_same_check_and_one_refused_stops_no_other(office: Office) -> None:
    seen_one, unseen, changed = (office.submitted(article(number)) for number in (1, 2, 3))
    opens(office, seen_one, "first")
    opens(office, changed, "first")
    chosen = [shown(document) for document in (unseen, changed, seen_one)]
    office.took(article(3, summary="改过。"))
    outcomes = inbox.pass_many(chosen, person=office.people["first"], now=LATER)
    assert [one.passed for one in outcomes] == [False, False, True]
    assert "还没有打开" in outcomes[0].words
    assert outcomes[1].words.startswith("稿件已变")
    assert outcomes[2].words == "现在待复审"
    assert Review.objects.get().edition == seen_one.current


def test_what_is_not_there_or_another_unit_s_fails_alone(office: Office) -> None:
    other = Office.make("other", prefix="o-")
    theirs = shown(other.submitted())
    outcomes = inbox.pass_many(
        [theirs, replace(theirs, edition=987654)], person=office.people["first"], now=LATER
    )  # fmt: skip
    assert [(one.passed, "找不到稿件" in one.words) for one in outcomes] == [(False, True)] * 2


def test_the_same_one_ticked_twice_is_passed_once(office: Office) -> None:
    document = office.submitted()
    opens(office, document, "first")
    seen = shown(document)
    assert [one.passed for one in inbox.pass_many([seen, seen], person=office.people["first"], now=LATER)] == [True]


def test_more_than_fifty_at_once_are_refused_whole(office: Office) -> None:
    seen = shown(office.submitted())
    with pytest.raises(Refused, match="最多通过 50 件，一件都没有办理"):
        inbox.pass_many([replace(seen, edition=n) for n in range(51)], person=office.people["first"], now=LATER)


# --- phrases ------------------------------------------------------------------------------------------------


def test_a_unit_without_phrases_of_its_own_has_good_ones(office: Office) -> None:
    assert inbox.return_phrases(office.unit) == inbox.DEFAULT_PHRASES
    assert "缺少配套解读" in inbox.DEFAULT_PHRASES


def test_reviewers_change_the_phrases_of_their_unit_and_it_stands_in_the_trail(office: Office) -> None:
    first = office.people["first"]
    inbox.set_return_phrases(office.unit, [" 错别字 ", "", "错别字", "口径不一致"], person=first, now=NOW)
    assert inbox.return_phrases(office.unit) == ("错别字", "口径不一致")
    told = trail.tell({"unit:office": "本单位"})[-1]
    assert (told.what, told.detail) == ("修改退回常用语", "错别字、口径不一致")
    inbox.set_return_phrases(office.unit, [], person=first, now=NOW)
    assert inbox.return_phrases(office.unit) == inbox.DEFAULT_PHRASES


@pytest.mark.parametrize("phrases", [["字" * 61], [f"第{number}条" for number in range(21)]])
def test_phrases_that_are_too_long_or_too_many_change_nothing(office: Office, phrases: list[str]) -> None:
    with pytest.raises(Refused, match="未做改动"):
        inbox.set_return_phrases(office.unit, phrases, person=office.people["first"], now=NOW)
    assert inbox.return_phrases(office.unit) == inbox.DEFAULT_PHRASES


def test_who_reviews_nothing_changes_no_phrases(office: Office) -> None:
    with pytest.raises(Refused) as caught:
        inbox.set_return_phrases(office.unit, ["好"], person=office.people["editor"], now=NOW)
    assert caught.value.code == "role"


def test_a_reason_is_made_of_the_unit_s_phrases_and_what_was_typed(office: Office) -> None:
    chosen = ["错别字", "别处来的", "标题与正文不一致"]
    assert inbox.reason(chosen, " 第二段。 ", unit=office.unit) == "标题与正文不一致；错别字。第二段。"
    assert inbox.reason([], "  ", unit=office.unit) == ""


def test_who_presses_twice_is_told_that_the_first_counts(office: Office) -> None:
    document = office.submitted()
    opens(office, document, "first")
    seen = shown(document)
    passes(office, document, "first", seen=seen)
    words = refused(office, document, "first", seen=seen).message
    assert "您已于" in words
    assert "在初审通过，已有记录，不用再办" in words
    assert "稿件已变" in refused(office, document, "second", seen=seen).message
