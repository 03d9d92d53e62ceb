"""Links for leaders: one edition, for a while, without a login, and every look on record."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.hashing import sha256
from bot.domain.secret import Secret
from bot.domain.workflow import Verdict
from bot.models import AuditEvent, Document, Item, Publication, ReviewLink
from bot.services import audit, editorial, reviewlinks, trail
from bot.services.errors import NotFound, Refused

from .factories import NOW, Office, article, force

HOUR = timedelta(hours=1)


def make(office: Office, document: Document, who: str = "editor", **changes: object) -> tuple[ReviewLink, Secret]:
    given: dict[str, object] = {"name": "张区长", "person": office.people[who], "now": NOW, **changes}
    return reviewlinks.make_link(document.current, **given)  # type: ignore[arg-type]


def stands(token: Secret, *, at: object = NOW) -> bool:
    try:
        reviewlinks.find_link(token.reveal(), now=at)  # type: ignore[arg-type]
    except NotFound:
        return False
    return True


def test_a_link_opens_for_a_day_and_not_a_moment_longer(office: Office) -> None:
    link, token = make(office, office.submitted())
    assert link.expires_at == NOW + timedelta(hours=24)
    assert reviewlinks.find_link(token.reveal(), now=NOW) == link
    assert stands(token, at=link.expires_at - timedelta(milliseconds=1))
    assert not stands(token, at=link.expires_at)


def test_only_a_hash_of_the_token_is_kept_anywhere(office: Office) -> None:
    link, token = make(office, office.submitted())
    assert link.token_hash == sha256(token.reveal().encode())
    assert len(token.reveal()) >= 32
    assert token.reveal() not in str([*AuditEvent.objects.values(), *ReviewLink.objects.values()])


@pytest.mark.parametrize("lasts", [timedelta(), timedelta(days=7, seconds=1), -HOUR])
def test_a_link_lasts_seven_days_at_most(office: Office, lasts: timedelta) -> None:
    document = office.submitted()
    with pytest.raises(Refused, match="最长 7 天，链接没有生成"):
        make(office, document, lasts=lasts)
    make(office, document, lasts=timedelta(days=7))
    assert ReviewLink.objects.count() == 1


@pytest.mark.parametrize("name", ["", "  ", "长" * 41])
def test_it_says_whose_it_is(office: Office, name: str) -> None:
    with pytest.raises(Refused) as caught:
        make(office, office.submitted(), name=name)
    assert caught.value.code == "name"


@pytest.mark.parametrize("who", ["editor", "first", "second", "final"])
def test_editors_and_reviewers_make_links(office: Office, who: str) -> None:
    make(office, office.submitted(), who)


def test_others_do_not(office: Office) -> None:
    with pytest.raises(Refused) as caught:
        make(office, office.submitted(), "releaser")
    assert caught.value.code == "role"


def test_a_draft_and_a_returned_edition_are_shown_to_nobody(office: Office) -> None:
    with pytest.raises(Refused, match="链接没有生成"):
        make(office, office.took())
    document = office.submitted()
    _, token = make(office, document)
    editorial.review(document, person=office.people["first"], verdict=Verdict.RETURN, comment="请改", now=NOW)
    assert not stands(token)


def test_an_edition_that_was_replaced_is_not_shown_any_more(office: Office) -> None:
    _, token = make(office, office.approved())
    assert stands(token)
    office.took(article(summary="改过。"))
    assert not stands(token)


def test_a_revoked_link_opens_nothing_and_is_revoked_once(office: Office) -> None:
    document = office.submitted()
    link, token = make(office, document)
    revoke = {"edition": document.current, "person": office.people["first"], "now": NOW + HOUR}
    reviewlinks.revoke_link(link.pk, **revoke)  # type: ignore[arg-type]
    assert not stands(token, at=NOW + HOUR)
    with pytest.raises(Refused, match="已经收回过了"):
        reviewlinks.revoke_link(link.pk, **revoke)  # type: ignore[arg-type]
    assert list(reviewlinks.standing(document.current, now=NOW)) == []


def test_another_unit_makes_and_revokes_none(office: Office) -> None:
    document = office.submitted()
    link, token = make(office, document)
    stranger = Office.make("other", prefix="o-").people["editor"]
    with pytest.raises(NotFound):
        make(office, document, person=stranger)
    with pytest.raises(NotFound):
        reviewlinks.revoke_link(link.pk, edition=document.current, person=stranger, now=NOW)
    assert stands(token)


def test_a_link_is_revoked_under_its_own_edition_only(office: Office) -> None:
    link, _ = make(office, office.submitted())
    other = office.submitted(article(2)).current
    with pytest.raises(NotFound):
        reviewlinks.revoke_link(link.pk, edition=other, person=office.people["editor"], now=NOW)


def test_a_guessed_token_finds_nothing(office: Office) -> None:
    make(office, office.submitted())
    assert not any(stands(Secret(guess)) for guess in ("", "x", "%", "a" * 500))


def test_every_look_stands_in_the_trail_with_its_number(office: Office) -> None:
    link, _ = make(office, office.submitted())
    for minutes in (0, 5, 10):
        reviewlinks.count_opening(ReviewLink.objects.get(), now=NOW + timedelta(minutes=minutes))
    told = trail.tell({"document:HD-1": "本文件"})[-4:]
    assert [one.what for one in told] == [
        "本文件：给“张区长”生成第 1 版的审阅链接，2026-11-24 09:00 前有效",
        *(f"本文件：给“张区长”的审阅链接被打开，第 {number} 次" for number in (1, 2, 3)),
    ]
    assert told[-1].who == "审阅链接"
    link.refresh_from_db()
    assert (link.opened, link.last_opened_at) == (3, NOW + timedelta(minutes=10))
    assert audit.verify_chain()[2] is None


def test_what_follows_within_a_minute_is_the_same_look(office: Office) -> None:
    """A reload and the frames of the page; and nobody can fill the trail by asking again and again."""
    make(office, office.submitted())
    stale = ReviewLink.objects.get()
    for seconds in (0, 1, 30, 59):
        reviewlinks.count_opening(ReviewLink.objects.get(), now=NOW + timedelta(seconds=seconds))
        reviewlinks.count_opening(stale, now=NOW + timedelta(seconds=seconds))
    assert ReviewLink.objects.get().opened == 1
    assert AuditEvent.objects.filter(action="link.opened").count() == 1


def test_there_are_not_more_than_twenty_that_stand(office: Office) -> None:
    document = office.submitted()
    for _ in range(20):
        make(office, document)
    with pytest.raises(Refused, match="已有 20 个有效链接"):
        make(office, document)
    make(office, document, now=NOW + timedelta(days=2))


def test_what_never_was_public_is_under_embargo(office: Office) -> None:
    release = office.signed()
    edition = release.publications.all()[0].items.get().edition
    assert not reviewlinks.is_public(edition)
    Item.objects.filter(publication__release=release).update(platform_id="100001")
    force(Publication.objects.filter(release=release), "live", live_at=NOW)
    assert reviewlinks.is_public(edition)
