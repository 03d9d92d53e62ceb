"""Intake into the records: created, updated, unchanged, rejected; links in any order; short commits; one audit line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from django.db import connection

import bot
from bot.domain.article import Kind
from bot.domain.post import Asset
from bot.domain.workflow import EditionState
from bot.intake import Cleaned, Rejected, Row, SourceError, Taken, open_source
from bot.models import AssetRecord, AuditEvent, Document, Edition
from bot.services import documents
from bot.services.documents import ImportReport, RowResult, import_rows
from bot.services.errors import NotFound, Refused

from .factories import NOW, Office, article, interpretation, policy

SAMPLE = Path(bot.__file__).parent / "data" / "hedong-2017-items.csv"


def take(office: Office, *rows: Row, who: str = "editor") -> ImportReport:
    return import_rows(rows, person=office.people[who], now=NOW)


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.created, report.updated, report.unchanged, report.rejected


def test_the_81_sample_items_come_in_and_a_second_time_change_nothing(office: Office) -> None:
    first = import_rows(open_source(SAMPLE), person=office.people["editor"], now=NOW)
    assert (counts(first), first.linked, first.total) == ((81, 0, 0, 0), 15, 81)
    second = import_rows(open_source(SAMPLE), person=office.people["editor"], now=NOW)
    assert (counts(second), second.linked) == ((0, 0, 81, 0), 0)
    assert (Document.objects.count(), Edition.objects.count()) == (81, 81)


def test_a_changed_row_is_a_new_edition_and_the_old_one_is_superseded(office: Office) -> None:
    take(office, Taken(2, article()))
    report = take(office, Taken(2, article(summary="自12月2日起。")))
    assert counts(report) == (0, 1, 0, 0)
    old, new = Edition.objects.order_by("number")
    assert (old.state, new.state, new.number) == (EditionState.SUPERSEDED, EditionState.DRAFTING, 2)
    assert (old.article.summary, new.article.summary) == (article().summary, "自12月2日起。")
    assert Document.objects.get().current == new


def test_content_that_goes_back_to_an_earlier_wording_is_an_edition_of_its_own(office: Office) -> None:
    for summary in ("甲", "乙", "甲"):
        take(office, Taken(2, article(summary=summary)))
    assert [edition.article.summary for edition in Edition.objects.order_by("number")] == ["甲", "乙", "甲"]


@pytest.mark.parametrize("field", ["title", "body_html", "source_url", "unit", "document_number"])
def test_any_field_makes_the_difference(office: Office, field: str) -> None:
    take(office, Taken(2, article()))
    assert counts(take(office, Taken(2, article(**{field: "https://www.hedong.gov.cn/other.html"})))) == (0, 1, 0, 0)


def test_a_row_with_two_faults_is_one_row_of_which_both_are_reported(office: Office) -> None:
    second = Rejected(3, "HD-9", "kind", "新闻", "不认识的类型。", "请填写以下之一。")
    bad = Rejected(3, "HD-9", "published_on", "某日", "日期无法识别。", "请写成 2017-05-02。", others=(second,))
    report = take(office, Taken(2, article(1)), bad)
    assert (counts(report), report.total) == ((1, 0, 0, 1), 2)
    assert [(row.number, row.field) for row in report.rows] == [(3, "published_on"), (3, "kind")]


def test_a_bad_row_is_reported_with_row_field_value_and_remedy_and_the_rest_goes_on(office: Office) -> None:
    bad = Rejected(3, "HD-9", "published_on", "二〇一七年…", "日期无法识别。", "请写成 2017-05-02。")
    report = take(office, Taken(2, article(1)), bad, Taken(4, article(2)))
    assert counts(report) == (2, 0, 0, 1)
    assert report.rows == [
        RowResult(
            3,
            "HD-9",
            "rejected",
            field="published_on",
            value="二〇一七年…",
            reason="日期无法识别。",
            remedy="请写成 2017-05-02。",
        )
    ]


def test_what_was_cleaned_is_told_and_untouched_rows_are_only_counted(office: Office) -> None:
    cleaned = Taken(3, article(2), cleaned=(Cleaned("title", "去掉 2 个零宽字符"),))
    report = take(office, Taken(2, article(1)), cleaned)
    assert report.rows == [RowResult(3, "HD-2", "created", ("标题：去掉 2 个零宽字符",))]


def test_every_row_is_handed_over_as_it_happens(office: Office) -> None:
    seen: list[str] = []
    rows = [Taken(n, article(n)) for n in range(1, 4)]
    import_rows(rows, person=office.people["editor"], now=NOW, each=lambda row: seen.append(row.external_id))
    assert seen == ["HD-1", "HD-2", "HD-3"]


def test_pictures_that_come_with_a_row_are_kept_once_by_their_hash(office: Office) -> None:
    asset = Asset(b"bytes of a picture", "image/png", "a.png")
    for number in (1, 2):
        take(office, Taken(number, article(number), assets=(asset,)))
    assert AssetRecord.objects.filter(sha256=asset.sha256).count() == 1


def test_one_import_is_one_line_in_the_trail_with_its_counts(office: Office) -> None:
    take(office, Taken(2, article()), Rejected(3, "", "title", "", "标题为空。", "请填写。"))
    line = AuditEvent.objects.get(action="documents.imported")
    assert (line.actor, line.subject) == ("editor", "unit:office")
    assert line.data == {"created": 1, "updated": 0, "unchanged": 0, "rejected": 1}


def test_only_an_editor_imports(office: Office) -> None:
    with pytest.raises(Refused, match="您没有拟稿权限"):
        take(office, Taken(2, article()), who="final")
    assert not Document.objects.exists()


def test_units_do_not_share_ids_or_documents(office: Office) -> None:
    other = Office.make("township", prefix="t-")
    assert counts(take(office, Taken(2, article()))) == (1, 0, 0, 0)
    assert counts(take(other, Taken(2, article()))) == (1, 0, 0, 0)
    assert list(documents.documents_of(other.unit)) == [documents.find_document("HD-1", unit=other.unit)]
    take(office, Taken(3, article(2)))
    with pytest.raises(NotFound, match="确认它属于您所在的单位"):
        documents.find_document("HD-2", unit=other.unit)


# --- links ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "files", [[[policy(), interpretation()]], [[interpretation(), policy()]], [[policy()], [interpretation()]], [[interpretation()], [policy()]]],
    ids=["document first", "interpretation first", "document in an earlier file", "document in a later file"],
)  # fmt: skip
def test_an_interpretation_finds_its_document_in_any_order_and_across_files(office: Office, files) -> None:
    linked = [take(office, *(Taken(n, item) for n, item in enumerate(file, 2))).linked for file in files]
    assert sum(linked) == linked[-1] == 1
    document = documents.find_document("HD-50", unit=office.unit)
    assert [found.external_id for found in document.interpretations.all()] == ["HD-51"]


def test_one_document_may_have_several_interpretations(office: Office) -> None:
    report = take(office, Taken(2, interpretation(51)), Taken(3, interpretation(52)), Taken(4, policy()))
    assert report.linked == 2


def test_a_link_that_changes_is_followed_and_one_to_itself_or_to_another_unit_is_not_made(office: Office) -> None:
    other = Office.make("township", prefix="t-")
    take(other, Taken(2, policy(60)))
    take(
        office, Taken(2, policy(50)), Taken(3, interpretation(51, of="HD-50")), Taken(4, interpretation(52, of="HD-52"))
    )
    assert take(office, Taken(3, interpretation(51, of="HD-60"))).linked == 0
    document = documents.find_document("HD-51", unit=office.unit)
    assert (document.interprets, document.interprets_external) == (None, "HD-60")
    assert documents.find_document("HD-52", unit=office.unit).interprets is None
    assert take(office, Taken(5, policy(60))).linked == 1


def test_whether_it_is_a_policy_is_proposed_from_number_and_kind(office: Office) -> None:
    take(office, Taken(2, policy()), Taken(3, article()), Taken(4, policy(53, kind=Kind.NOTICE)))
    assert list(Document.objects.filter(is_policy=True).values_list("external_id", flat=True)) == ["HD-50"]


# --- commits --------------------------------------------------------------------------------------------


def test_a_file_that_breaks_off_has_taken_whole_commits_of_200_rows_and_can_be_taken_up_again(office: Office) -> None:
    def broken() -> Iterator[Row]:
        yield from (Taken(n, article(n)) for n in range(1, 231))
        raise SourceError("第 232 行以后无法读取。")

    with pytest.raises(SourceError):
        import_rows(broken(), person=office.people["editor"], now=NOW)
    assert Document.objects.count() == 200
    report = import_rows((Taken(n, article(n)) for n in range(1, 231)), person=office.people["editor"], now=NOW)
    assert counts(report) == (30, 0, 200, 0)


def test_others_see_the_first_200_rows_while_the_import_goes_on(committed_office: Office) -> None:
    seen: list[int] = []

    def count() -> None:
        seen.append(Document.objects.count())
        connection.close()

    def rows() -> Iterator[Row]:
        for n in range(1, 203):
            if n in (1, 200, 201):
                other = Thread(target=count)
                other.start()
                other.join(30)
            yield Taken(n, article(n))

    import_rows(rows(), person=committed_office.people["editor"], now=NOW)
    assert seen == [0, 0, 200]


def test_an_id_may_have_a_hundred_characters(office: Office) -> None:
    """The trail names the document whole, on either database."""
    taken = office.took(article(external_id="编" * 100))
    assert AuditEvent.objects.filter(subject=f"document:{taken.external_id}").exists()
