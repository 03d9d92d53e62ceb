"""Submit: what is frozen, the marker that is drawn, and what the first gate stops."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bot.domain.hashing import content_hash
from bot.domain.marker import PATTERN, marker_in
from bot.domain.workflow import EditionState, Verdict
from bot.models import AssetRecord, AuditEvent, Document, Edition, FindingRecord, PostRecord, Waiver
from bot.services import accounts, editorial, waiving
from bot.services.errors import Refused
from bot.services.waivers import Waived

from .factories import NOW, Office, article

ID_CARD = "11010519491231002X"  # a published example with a valid check digit


def submit(office: Office, document: Document, who: str = "editor") -> Edition:
    return editorial.submit(document, person=office.people[who], now=NOW)


def review(office: Office, document: Document, who: str, verdict: Verdict = Verdict.PASS, comment: str = "") -> Edition:
    return editorial.review(document, person=office.people[who], verdict=verdict, comment=comment, now=NOW)


def refusal(act: Any, *args: Any, **kwargs: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        act(*args, **kwargs)
    return caught.value


# --- submit ---------------------------------------------------------------------------------------------


def test_submit_freezes_one_rendering_per_account_with_its_hash(office: Office) -> None:
    edition = office.submitted().current
    assert edition.status is EditionState.SUBMITTED
    assert (edition.submitted_by, edition.submitted_at) == (office.people["editor"], NOW)
    posts = list(edition.posts.select_related("account").order_by("account_id"))
    assert [post.account.slug for post in posts] == ["zghd", "lyhd"]
    for post in posts:
        assert post.hash == content_hash(post.payload) == post.post.hash


def test_the_marker_is_drawn_at_submit_and_is_part_of_the_frozen_bytes(office: Office) -> None:
    assert office.took().current.marker is None
    edition = office.submitted().current
    marker = edition.marker or ""
    assert PATTERN.fullmatch(marker)
    wechat = edition.posts.get(account=office.wechat).payload
    assert wechat["content_source_url"] == f"{edition.article.source_url}?tf={marker}"
    link = re.search(r"https://\S+", edition.posts.get(account=office.weibo).payload["status"])
    assert link is not None
    assert marker_in(link[0]) == marker


def test_every_edition_draws_a_marker_of_its_own(office: Office) -> None:
    markers = {office.submitted(article(number)).current.marker for number in range(1, 6)}
    assert len(markers) == 5


def test_a_real_cover_is_drawn_and_kept_with_its_crops(office: Office, real_covers: None) -> None:
    payload = office.submitted().current.posts.get(account=office.wechat).payload
    cover = AssetRecord.objects.get(sha256=payload["cover"].removeprefix("asset:"))
    assert cover.media_type in {"image/png", "image/jpeg"}
    assert 10_000 < len(bytes(cover.data)) <= 300_000
    assert re.fullmatch(r"(\d\.\d{6}_){3}\d\.\d{6}", payload["pic_crop_235_1"])
    assert re.fullmatch(r"(\d\.\d{6}_){3}\d\.\d{6}", payload["pic_crop_1_1"])


def test_a_disabled_account_gets_no_rendering_and_without_any_account_nothing_is_submitted(office: Office) -> None:
    accounts.disable_account("lyhd", reason="维护", actor="root", now=NOW)
    assert office.submitted().current.posts.count() == 1
    accounts.disable_account("zghd", reason="维护", actor="root", now=NOW)
    document = office.took(article(2))
    assert refusal(submit, office, document).code == "no_account"
    assert document.current.status is EditionState.DRAFTING


@pytest.mark.parametrize("state", ["submitted", "approved"])
def test_what_is_under_review_or_approved_is_not_submitted_again(office: Office, state: str) -> None:
    document = office.submitted() if state == "submitted" else office.approved()
    assert "不能提交" in refusal(submit, office, document).message
    assert PostRecord.objects.count() == 2


def test_only_an_editor_submits(office: Office) -> None:
    assert refusal(submit, office, office.took(), "first").code == "role"


def test_two_people_who_submit_at_once_freeze_it_once(office: Office) -> None:
    document = office.took()
    stale = document.current
    submit(office, document)
    assert refusal(editorial._freeze, stale, [], "zzzzzzzz", office.people["editor"], NOW).code == "state"
    assert document.current.marker != "zzzzzzzz"


def test_the_trail_names_content_and_posts_by_their_hashes(office: Office) -> None:
    edition = office.submitted().current
    line = AuditEvent.objects.get(action="edition.submitted")
    assert (line.actor, line.subject) == ("editor", "document:HD-1")
    assert line.data["content"] == edition.content_hash
    assert line.data["posts"] == {post.account.slug: post.hash for post in edition.posts.all()}


# --- the gate -------------------------------------------------------------------------------------------

STOPS = {
    "pii.id_card": {"summary": f"联系人身份证号码：{ID_CARD}。"},
    "pii.mobile": {"body_html": "<p>请拨打13812345678咨询。</p>"},
    "classified.mark": {"title": "秘密★1年 关于某事的通知"},
    "terms.typo": {"summary": "请大家按步就班排队。"},
    "source.missing": {"source_url": ""},
}


@pytest.mark.parametrize("rule", sorted(STOPS))
def test_what_the_gate_blocks_is_not_submitted_and_the_findings_are_kept(office: Office, rule: str) -> None:
    document = office.took(article(**STOPS[rule]))
    refused = refusal(submit, office, document)
    assert (refused.code, "未提交" in refused.message) == ("blocked", True)
    assert refused.details
    edition = document.current
    assert (edition.status, edition.marker, edition.posts.count()) == (EditionState.DRAFTING, None, 0)
    assert rule in set(edition.findings.filter(level="block").values_list("rule", flat=True))
    assert rule in {finding.rule for finding in editorial.check_document(document, now=NOW)}


def test_no_finding_repeats_a_personal_number(office: Office) -> None:
    refused = refusal(submit, office, office.took(article(**STOPS["pii.id_card"])))
    assert ID_CARD not in " ".join([refused.message, *refused.details])
    assert not any(ID_CARD in str(row.detail) for row in FindingRecord.objects.all())


def test_a_warning_does_not_stop_anything_but_is_kept_for_the_reviewers(office: Office) -> None:
    edition = office.submitted(article(summary="付区长到场调研。")).current
    assert edition.status is EditionState.SUBMITTED
    assert "warn" in set(edition.findings.values_list("level", flat=True))
    assert all(not editorial.blocks([row.finding]) for row in edition.findings.all())


def test_the_limits_of_each_channel_are_findings_of_that_account(office: Office) -> None:
    document = office.took(article(body_html="<p>" + "字" * 25_000 + "</p>"))
    assert refusal(submit, office, document).code == "blocked"
    blocking = FindingRecord.objects.filter(level="block", account__isnull=False)
    assert {row.account for row in blocking} == {office.wechat}


def test_a_waiver_covers_what_stood_there_and_nothing_that_comes_later(office: Office) -> None:
    office.took(article(summary="经办人张三，身份证号11010519491231002X。"))
    document = office.unit.documents.get()
    waiving.waive(document, "pii.id_card", "本人书面同意公开", person=office.people["first"], now=NOW)
    found = editorial.found_in(document, [], "preview0", now=NOW)[0]
    assert all(finding in Waived(document) for _, finding in found if finding.rule == "pii.id_card")
    document = office.took(
        article(summary="经办人张三，身份证号11010519491231002X；李四，身份证号53010219200508011X。")
    )
    refused = refusal(submit, office, document)
    assert (refused.code, len(refused.details)) == ("blocked", 1)
    assert document.current.status is EditionState.DRAFTING
    waiving.waive(document, "pii.id_card", "两人都书面同意", person=office.people["first"], now=NOW)
    assert submit(office, document).status is EditionState.SUBMITTED


def test_what_a_platform_refuses_cannot_be_let_pass(office: Office) -> None:
    document = office.took(article(body_html="<p>" + "字" * 25_000 + "</p>"))
    for rule in ("wechat.length", "render.too_long"):
        refused = refusal(waiving.waive, document, rule, "就这样", person=office.people["editor"], now=NOW)
        assert (refused.code, "平台的限制" in refused.message) == ("never", True)
    assert not Waiver.objects.exists()


def test_a_finding_passes_with_a_recorded_reason_only(office: Office) -> None:
    document = office.took(article(**STOPS["terms.typo"]))
    assert (
        refusal(waiving.waive, document, "terms.typo", "  ", person=office.people["editor"], now=NOW).code == "reason"
    )
    waiving.waive(document, "terms.typo", "引用原文", person=office.people["editor"], now=NOW)
    assert submit(office, document).status is EditionState.SUBMITTED
    waiver = Waiver.objects.get()
    assert (waiver.rule, waiver.reason, waiver.person) == ("terms.typo", "引用原文", office.people["editor"])
    assert AuditEvent.objects.get(action="finding.waived").data == {
        "rule": "terms.typo", "reason": "引用原文", "unit": "office",
    }  # fmt: skip
