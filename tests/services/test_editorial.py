"""From submitted to approved: who may pass it, what a return and a change void, and what a policy needs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.workflow import EditionState, Verdict
from bot.models import Account, AuditEvent, Document, Edition, Review
from bot.services import audit, editorial, people, waiving
from bot.services.errors import Refused

from .factories import NOW, STEPS, Office, article, interpretation, policy, publication

ID_CARD = "11010519491231002X"  # a published example with a valid check digit


def submit(office: Office, document: Document, who: str = "editor") -> Edition:
    return editorial.submit(document, person=office.people[who], now=NOW)


def review(office: Office, document: Document, who: str, verdict: Verdict = Verdict.PASS, comment: str = "") -> Edition:
    return editorial.review(document, person=office.people[who], verdict=verdict, comment=comment, now=NOW)


def refusal(act: Any, *args: Any, **kwargs: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        act(*args, **kwargs)
    return caught.value


# --- three reviews --------------------------------------------------------------------------------------


def test_three_people_pass_it_one_after_the_other(office: Office) -> None:
    document = office.submitted()
    states = [review(office, document, step).status.value for step in STEPS]
    assert states == ["first_passed", "second_passed", "approved"]
    assert document.current.approved_at == NOW


def test_a_review_keeps_the_hashes_that_the_reviewer_saw(office: Office) -> None:
    edition = office.approved().current
    hashes = {post.account.slug: post.hash for post in edition.posts.all()}
    for given in edition.reviews.all():
        assert (given.content_hash, given.post_hashes) == (edition.content_hash, hashes)
    lines = AuditEvent.objects.filter(action="edition.reviewed").order_by("sequence")
    assert [(line.actor, line.data["step"], line.data["content"]) for line in lines] == [
        (step, step, edition.content_hash) for step in STEPS
    ]


@pytest.mark.parametrize("step", STEPS)
def test_nobody_takes_a_step_before_its_turn_or_without_its_role(office: Office, step: str) -> None:
    document = office.submitted()
    for due in STEPS[: STEPS.index(step)]:
        office.passes(document, due)
    for who in {*STEPS, "releaser"} - {step}:
        assert refusal(review, office, document, who).code == "role"
    review(office, document, step)


def grant_all(office: Office, *who: str) -> None:
    for name in who:
        office.people[name].roles = [*STEPS, "editor", "releaser"]
        office.people[name].save()


def test_the_author_never_reviews_whatever_their_roles(office: Office) -> None:
    grant_all(office, "editor")
    document = office.submitted()
    for step in STEPS:
        refused = refusal(review, office, document, "editor")
        assert (refused.code, refused.message) == ("author", "拟稿人不能审核自己的稿件。请由其他人员审核。")
        office.passes(document, step)


def test_who_submitted_somebody_else_s_text_does_not_review_it_either(office: Office) -> None:
    grant_all(office, "first")
    document = office.took()
    submit(office, document, "first")
    assert refusal(review, office, document, "first").code == "author"


def test_one_person_takes_one_step(office: Office) -> None:
    grant_all(office, "first")
    document = office.submitted()
    review(office, document, "first")
    assert refusal(review, office, document, "first").code == "one_step"
    office.passes(document, "second")
    assert refusal(review, office, document, "first").code == "one_step"


def test_a_disabled_reviewer_has_no_say(office: Office) -> None:
    document = office.submitted()
    office.people["first"] = people.disable_person("first", actor="root", now=NOW)
    assert refusal(review, office, document, "first").code == "role"


@pytest.mark.parametrize("state", ["drafting", "approved", "returned"])
def test_where_no_review_is_due_nobody_reviews(office: Office, state: str) -> None:
    document = office.took()
    if state != "drafting":
        office.submitted()
    if state == "approved":
        office.passes(document)
    if state == "returned":
        review(office, document, "first", Verdict.RETURN, "数字有误")
    assert "没有待办的审核" in refusal(review, office, document, "first").message


def test_a_unit_with_two_steps_approves_after_two_people(office: Office) -> None:
    office.unit.steps = ["first", "final"]
    office.unit.save()
    document = office.submitted()
    assert review(office, document, "first").status is EditionState.SECOND_PASSED
    assert review(office, document, "final").status is EditionState.APPROVED


def test_of_two_reviewers_of_one_step_the_second_is_refused_and_nothing_is_recorded(office: Office) -> None:
    """Both saw the page before either had decided."""
    document = office.submitted()
    stale = document.current
    review(office, document, "first")
    lines = AuditEvent.objects.count()
    late = (stale, office.people["second"], "second", Verdict.PASS, "", EditionState.SECOND_PASSED, NOW)
    with pytest.raises(Refused, match="刚被他人处理过"):
        editorial._record_review(*late)
    assert lines == AuditEvent.objects.count()


def test_what_only_the_database_refuses_is_told_in_chinese_and_changes_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant_all(office, "editor")
    document = office.submitted()
    monkeypatch.setattr(editorial, "may_review", lambda **_: None)  # as if the program had forgotten the rule
    refused = refusal(review, office, document, "editor")
    assert (refused.code, "拟稿人不能审核自己的稿件" in refused.message) == ("rule", True)
    assert not Review.objects.exists()
    assert document.current.status is EditionState.SUBMITTED


# --- return and change ----------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
def test_a_return_from_any_review_needs_a_reason_and_ends_the_edition(office: Office, step: str) -> None:
    document = office.submitted()
    for due in STEPS[: STEPS.index(step)]:
        office.passes(document, due)
    assert refusal(review, office, document, step, Verdict.RETURN, "  ").code == "reason"
    assert review(office, document, step, Verdict.RETURN, "第二段数字有误").status is EditionState.RETURNED
    assert document.current.reviews.get(verdict="return").comment == "第二段数字有误"


def test_a_returned_edition_is_taken_up_as_a_new_one_and_passes_all_reviews_again(office: Office) -> None:
    document = office.submitted()
    office.passes(document, "first")
    review(office, document, "second", Verdict.RETURN, "请核对")
    old = document.current
    new = submit(office, document)
    old.refresh_from_db()
    assert (old.status, new.number, new.status) == (EditionState.SUPERSEDED, 2, EditionState.SUBMITTED)
    assert (new.content_hash, new.author) == (old.content_hash, old.author)
    assert new.marker != old.marker
    assert not new.reviews.exists()
    assert office.passes(document).status is EditionState.APPROVED


@pytest.mark.parametrize("passed", range(4))
def test_a_change_of_content_voids_every_review_so_far(office: Office, passed: int) -> None:
    document = office.submitted()
    for step in STEPS[:passed]:
        office.passes(document, step)
    old = document.current
    new = office.took(article(summary="自12月2日起。")).current
    old.refresh_from_db()
    assert (old.status, new.status) == (EditionState.SUPERSEDED, EditionState.DRAFTING)
    assert (old.reviews.count(), new.reviews.count()) == (passed, 0)
    assert refusal(review, office, document, "first").code == "state"


def test_the_author_of_an_earlier_edition_may_review_a_later_one_of_somebody_else(office: Office) -> None:
    """Authors are those of the edition under review: whoever changed the text answers for it."""
    grant_all(office, "first")
    document = office.took()
    from bot.services import documents

    documents.save_article(article(summary="改过。"), person=office.people["first"], now=NOW)
    submit(office, document, "first")
    assert refusal(review, office, document, "first").code == "author"
    assert document.current.author == office.people["first"]


# --- pairs ----------------------------------------------------------------------------------------------


def test_a_policy_without_its_interpretation_is_stopped_at_the_gate(office: Office) -> None:
    document = office.took(policy())
    refused = refusal(submit, office, document)
    assert (refused.code, len(refused.details)) == ("blocked", 1)
    assert "没有关联解读材料" in refused.details[0]


def test_an_interpretation_without_its_document_is_stopped_too(office: Office) -> None:
    assert refusal(submit, office, office.took(interpretation())).code == "blocked"


def test_a_policy_that_lost_its_interpretation_under_review_is_not_approved(office: Office) -> None:
    document = office.took(policy())
    office.took(interpretation())
    submit(office, document)
    office.passes(document, "first", "second")
    Document.objects.filter(external_id="HD-51").update(interprets=None)
    refused = refusal(review, office, document, "final")
    assert (refused.code, document.current.status) == ("pairing", EditionState.SECOND_PASSED)
    waiving.waive(document, "pairing", "仅涉及内部程序", person=office.people["final"], now=NOW)
    assert review(office, document, "final").status is EditionState.APPROVED


def test_the_missing_interpretation_is_let_pass_by_the_name_that_the_page_shows(office: Office) -> None:
    document = office.took(policy())
    waiving.waive(document, "pairing.no_interpretation", "转发上级文件", person=office.people["editor"], now=NOW)
    submit(office, document)
    assert office.passes(document).status is EditionState.APPROVED


def test_a_waiver_lets_a_policy_go_alone_all_the_way(office: Office) -> None:
    document = office.took(policy())
    waiving.waive(document, "pairing", "转发上级文件，上级已解读", person=office.people["editor"], now=NOW)
    submit(office, document)
    assert office.passes(document).status is EditionState.APPROVED
    assert office.signed(document).signed


def test_whether_it_is_a_policy_is_changed_by_an_editor_with_a_reason(office: Office) -> None:
    document = office.took(policy())
    editor = office.people["editor"]
    assert refusal(editorial.set_policy, document, False, reason=" ", person=editor, now=NOW).code == "reason"
    assert (
        refusal(editorial.set_policy, document, False, reason="x", person=office.people["final"], now=NOW).code
        == "role"
    )
    editorial.set_policy(document, False, reason="人事任免，不属政策文件", person=editor, now=NOW)
    assert not Document.objects.get(pk=document.pk).is_policy
    assert submit(office, document).status is EditionState.SUBMITTED
    assert AuditEvent.objects.get(action="document.policy").data["reason"] == "人事任免，不属政策文件"


def test_a_document_that_becomes_a_policy_after_signing_does_not_go_out_alone(office: Office) -> None:
    document = office.approved()
    release = office.signed(document)
    editorial.set_policy(document, True, reason="漏标", person=office.people["editor"], now=NOW)
    release.refresh_from_db()
    assert not release.signed
    assert {push.state for push in release.publications.all()} == {"held"}
    assert publication(release, office.wechat).reservations.get().released_at == NOW
    with pytest.raises(Refused, match="配套解读在“中国河东”上既没有公开，也不在同时发布之列，未签发"):
        office.signs(release)


# --- and the whole stays provable -----------------------------------------------------------------------


def test_the_trail_of_a_whole_editorial_way_holds(office: Office) -> None:
    document = office.submitted()
    review(office, document, "first", Verdict.RETURN, "请核对")
    submit(office, document)
    office.passes(document)
    office.signed(document, instant=NOW + timedelta(hours=1))
    count, _, broken = audit.verify_chain()
    assert (count, broken) == (AuditEvent.objects.count(), None)
    assert Account.objects.count() == 2
