"""Another system hands in documents: taken as an imported file is, once, and in pairs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.workflow import Verdict
from bot.models import AuditEvent, Document, Edition
from bot.services import attachments, documents, drafting, editorial
from tests.console.world import ARTICLES, District, now
from tests.intake.files import PDF

from .machine import INTERPRETATION, NOTICE, PAIR, POLICY, Machine, problem, told


def test_a_document_is_created_then_unchanged_then_updated(machine: Machine) -> None:
    first = told(machine.put("/documents/HD-1", NOTICE), 201)["document"]
    assert (first["id"], first["result"], first["edition"], first["state"]) == ("HD-1", "created", 1, "drafting")
    assert told(machine.put("/documents/HD-1", NOTICE))["document"]["result"] == "unchanged"
    again = told(machine.put("/documents/HD-1", {**NOTICE, "summary": "自12月5日起调整。"}))["document"]
    assert (again["result"], again["edition"]) == ("updated", 2)
    assert Edition.objects.count() == 2


def test_what_was_cleaned_and_what_was_found_is_told(machine: Machine) -> None:
    given = {**NOTICE, "title": "关于<b>调整</b>城区公交线路的通知", "summary": "联系人身份证号 371302199001011233。"}
    taken = told(machine.put("/documents/HD-1", given), 201)["document"]
    assert any("HTML" in note for note in taken["notes"])
    assert any(one["rule"].startswith("pii.") for one in taken["findings"])
    assert all("371302199001011233" not in one["found"] for one in taken["findings"])


def test_a_policy_and_its_interpretation_are_taken_together_and_linked(machine: Machine) -> None:
    answer = told(machine.put("/documents/HD-50", PAIR), 201)
    assert (answer["document"]["is_policy"], answer["document"]["interprets"]) == (True, None)
    assert (answer["interpretation"]["id"], answer["interpretation"]["interprets"]) == ("HD-51", "HD-50")
    assert not any(one["rule"].startswith("pairing.no_") for one in answer["document"]["findings"])
    assert Document.objects.get(external_id="HD-51").interprets == Document.objects.get(external_id="HD-50")
    whole = told(machine.get("/documents/HD-50"))
    assert (whole["interpretations"], whole["content"]["formed_on"]) == (["HD-51"], "2017-05-02")


def test_of_a_pair_of_which_one_cannot_be_taken_neither_is(machine: Machine) -> None:
    spoilt = {**PAIR, "interpretation": {**INTERPRETATION, "source_url": "ftp://www.hedong.gov.cn/a/51.html"}}
    found = problem(machine.put("/documents/HD-50", spoilt), 409, "rejected")
    assert "原文链接" in found["detail"]
    assert [error["where"] for error in found["errors"]] == ["body.interpretation.source_url"]
    assert not Document.objects.exists()


def test_an_interpretation_may_come_first_and_is_linked_when_its_document_comes(machine: Machine) -> None:
    alone = {key: value for key, value in INTERPRETATION.items() if key != "id"}
    told(machine.put("/documents/HD-51", {**alone, "kind": "interpretation", "interprets": "HD-50"}), 201)
    told(machine.put("/documents/HD-50", POLICY), 201)
    assert Document.objects.get(external_id="HD-51").interprets.external_id == "HD-50"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({**NOTICE, "titel": "x"}, "body.titel"),
        ({**NOTICE, "kind": "通知"}, "body.kind"),
        ({**NOTICE, "title": ""}, "body.title"),
        ({**NOTICE, "summary": None}, "body.summary"),
        ({**NOTICE, "published_on": "2017年5月2日"}, "body.published_on"),
        ({key: value for key, value in NOTICE.items() if key != "source_url"}, "body.source_url"),
        ([], "body"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_part_by_part(machine: Machine, given: Any, where: str) -> None:
    found = problem(machine.put("/documents/HD-1", given), 422, "schema")
    assert where in [error["where"] for error in found["errors"]]
    assert not Document.objects.exists()


@pytest.mark.parametrize("number", ["%20HD-1", "HD-1%E2%80%8B", "<b>HD-1</b>", "1.2E%2B15"])
def test_an_id_that_would_become_another_one_is_refused(machine: Machine, number: str) -> None:
    assert machine.put(f"/documents/{number}", NOTICE).status_code == 409
    assert not Document.objects.exists()


def test_an_id_with_slashes_and_chinese_is_one_id(machine: Machine) -> None:
    told(machine.put("/documents/2017/05/通知 1", NOTICE), 201)
    assert told(machine.get("/documents/2017/05/通知 1"))["id"] == "2017/05/通知 1"
    assert told(machine.get("/findings", document="2017/05/通知 1"))["document"] == "2017/05/通知 1"


def test_a_new_edition_ends_what_was_signed_of_the_old_one(machine: Machine, district: District) -> None:
    release = district.signed()
    told(machine.put("/documents/HD-1", NOTICE))
    release.refresh_from_db()
    assert release.signed_at is None


# --- submitted --------------------------------------------------------------------------------------------------


def test_a_submitted_document_is_frozen_and_waits_for_people(machine: Machine) -> None:
    told(machine.put("/documents/HD-1", NOTICE), 201)
    answer = told(machine.post("/submissions", {"document": "HD-1"}))
    assert (answer["state"], set(answer["posts"])) == ("submitted", {"wx", "wb"})
    assert len(answer["marker"]) == 8
    problem(machine.post("/submissions", {"document": "HD-1"}), 409, "state")


def test_a_submission_that_is_blocked_says_by_what_and_keeps_the_findings(machine: Machine) -> None:
    told(machine.put("/documents/HD-1", {**NOTICE, "attribute": "不予公开"}), 201)
    found = problem(machine.post("/submissions", {"document": "HD-1"}), 409, "blocked")
    assert found["details"]
    findings = told(machine.get("/findings", document="HD-1"))
    assert findings["blocked"] is True
    assert {"block"} <= {one["level"] for one in findings["findings"]}


# --- read -----------------------------------------------------------------------------------------------------


@pytest.fixture
def three(district: District) -> list[Document]:
    return [district.document(article) for article in ARTICLES]


def ids(answer: dict[str, Any]) -> list[str]:
    return [one["id"] for one in answer["documents"]]


def test_the_list_is_read_page_by_page_without_a_gap(machine: Machine, three: list[Document]) -> None:
    first = told(machine.get("/documents", limit=2))
    assert ids(first) == ["HD-1", "HD-2"]
    rest = told(machine.get("/documents", limit=2, after=first["next"]))
    assert (ids(rest), rest["next"]) == (["HD-3"], None)
    assert ids(told(machine.get("/documents", after=rest["documents"][-1]["cursor"]))) == []


def test_a_new_edition_comes_after_the_cursor_that_a_caller_has_kept(machine: Machine, three: list[Document]) -> None:
    seen = told(machine.get("/documents"))["documents"][-1]["cursor"]
    told(machine.put("/documents/HD-2", {**NOTICE, "title": "另一个标题的通知"}))
    later = told(machine.get("/documents", after=seen))["documents"]
    assert [(one["id"], one["edition"]) for one in later] == [("HD-2", 2)]


def test_the_list_may_be_of_one_kind_or_state(machine: Machine, three: list[Document], district: District) -> None:
    editorial.submit(three[0], person=district.people["editor"], now=now())
    assert ids(told(machine.get("/documents", kind="service"))) == ["HD-2"]
    assert ids(told(machine.get("/documents", state="submitted"))) == ["HD-1"]
    assert ids(told(machine.get("/documents", state="drafting", kind="notice"))) == ["HD-3"]


def test_what_changed_since_is_what_was_made_submitted_or_reviewed(machine: Machine, district: District) -> None:
    editor, long_ago = district.people["editor"], now() - timedelta(days=3)
    for article in ARTICLES:
        documents.save_article(article, person=editor, now=long_ago)
    first, second, _ = (documents.find_document(one.external_id, unit=district.unit) for one in ARTICLES)
    since = (now() - timedelta(hours=1)).isoformat()
    assert ids(told(machine.get("/documents", changed_since=since))) == []
    editorial.submit(second, person=editor, now=now())
    editorial.submit(first, person=editor, now=long_ago)
    editorial.review(first, person=district.people["first"], verdict=Verdict.PASS, now=now())
    assert ids(told(machine.get("/documents", changed_since=since))) == ["HD-1", "HD-2"]


@pytest.mark.parametrize(
    "text", ["2026-12-01T09:00:00", "2026-12-01", "1764550800", "yesterday", "0001-01-01T00:00:00Z"]
)
def test_an_instant_without_an_offset_is_refused(machine: Machine, text: str) -> None:
    found = problem(machine.get("/documents", changed_since=text), 422, "schema")
    assert found["errors"][0]["where"] == "query.changed_since"


def test_files_that_staff_have_added_are_told_and_stay_when_the_portal_hands_it_in_again(
    machine: Machine, district: District
) -> None:
    told(machine.put("/documents/HD-1", NOTICE), 201)
    before = told(machine.get("/documents/HD-1"))["content"]
    assert (before["attachments"], before["cover"]) == ([], None)
    document, editor = Document.objects.get(), district.people["editor"]
    drafting.open_for(document, person=editor, now=now())
    attachments.add(document, [("方案.pdf", PDF)], person=editor, now=now())
    drafting.save(
        document, drafting.fields_of(document.current), page=drafting.page_of(document), person=editor, now=now()
    )
    assert told(machine.put("/documents/HD-1", NOTICE))["document"]["result"] == "unchanged"
    whole = told(machine.get("/documents/HD-1"))
    assert [one["name"] for one in whole["content"]["attachments"]] == ["方案.pdf"]
    assert whole["edition"] == 2


def test_reviews_and_releases_of_a_document_are_told(machine: Machine, district: District) -> None:
    release = district.planned()
    whole = told(machine.get("/documents/HD-1"))
    assert [(one["step"], one["verdict"], one["person"]) for one in whole["reviews"]] == [
        ("first", "pass", "王初"), ("second", "pass", "赵复"), ("final", "pass", "钱终"),
    ]  # fmt: skip
    assert (whole["releases"], whole["state"]) == ([release.pk], "approved")


def test_a_page_of_many_asks_no_more_questions_than_one_of_few(
    machine: Machine, district: District, django_assert_max_num_queries: Any
) -> None:
    machine.get("/documents")  # from here the token's use is noted
    district.document(ARTICLES[0])
    with django_assert_max_num_queries(3):
        told(machine.get("/documents"))
    for number in range(30):
        told(machine.put(f"/documents/N-{number}", NOTICE), 201)
    with django_assert_max_num_queries(3):
        assert len(told(machine.get("/documents"))["documents"]) == 31


def test_the_trail_says_who_did_it_and_by_which_token(machine: Machine) -> None:
    told(machine.put("/documents/HD-1", NOTICE), 201)
    lines = list(AuditEvent.objects.order_by("sequence").values_list("actor", "action", "subject"))[-2:]
    assert lines == [
        ("editor", "edition.created", "document:HD-1"),
        ("editor", "api.written", f"token:{machine.token.pk}"),
    ]
