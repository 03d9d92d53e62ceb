"""Lists and search follow every change of an edition, in its transaction."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain.workflow import Verdict
from bot.models import Document, search
from bot.services import catalogue, documents, editorial
from bot.services.errors import Refused
from tests.console.world import ARTICLES, District, fresh_home, now


@pytest.fixture
def district(db: None, tmp_path: Path) -> Iterator[District]:
    with fresh_home(tmp_path / "home"):
        yield District.make()


def hits(text: str) -> set[str]:
    ids = search.matching(text)
    return set() if ids is None else set(Document.objects.filter(pk__in=ids).values_list("external_id", flat=True))


def test_a_word_of_two_characters_is_found_in_title_body_and_number(district: District) -> None:
    for article in ARTICLES:
        district.document(article)
    assert hits("公交") == {"HD-1"}
    assert hits("户口") == {"HD-2"}, "in the summary"
    assert hits("当场办结") == {"HD-2"}, "in the body"
    assert hits("临东政办字〔2017〕41号") == {"HD-1"}
    assert hits("2017 招生") == {"HD-3"}, "both words"
    assert hits("HD") == {"HD-1", "HD-2", "HD-3"}
    assert hits("没有这样的词") == set()


def test_a_power_is_found_as_it_is_typed(district: District) -> None:
    district.document(dataclasses.replace(ARTICLES[1], body_html="<p>占地3.2×10<sup>4</sup>平方米</p>"))
    assert hits("10⁴平方米") == {ARTICLES[1].external_id}


def test_minimum_living_allowance_is_found_by_the_two_characters_that_people_type(district: District) -> None:
    """低保, in a title and in the middle of a body; what only has both characters apart is not found."""
    for number, changes in enumerate(
        (
            {"title": "城乡低保怎么申请"},
            {"body_html": "<p>持低保证的居民减免费用。</p>"},
            {"summary": "最低生活有保障。"},
        )
    ):
        district.document(dataclasses.replace(ARTICLES[1], external_id=f"DB-{number}", **changes))
    assert hits("低保") == {"DB-0", "DB-1"}


@pytest.mark.parametrize("text", ['"', "'", "* OR NOT", "a & b | !c", "低保:*", "(", "\\", "%%", "NEAR(a b)"])
def test_what_is_typed_is_never_a_query_language(district: District, text: str) -> None:
    district.document()
    hits(text)


def test_a_new_edition_is_found_by_its_new_words_only(district: District) -> None:
    district.document()
    changed = dataclasses.replace(ARTICLES[0], title="关于调整机场大巴线路的通知", summary="", body_html="<p>机场</p>")
    documents.save_article(changed, person=district.people["editor"], now=now())
    assert hits("机场") == {"HD-1"}
    assert hits("公交") == set()


def test_the_list_shows_each_state_as_it_comes(district: District) -> None:
    document = district.document()

    def shown() -> str:
        document.refresh_from_db()
        assert document.state == document.current.state
        assert document.title == document.current.title
        return document.state

    assert shown() == "drafting"
    editorial.submit(document, person=district.people["editor"], now=now())
    assert shown() == "submitted"
    editorial.review(document, person=district.people["first"], verdict=Verdict.PASS, now=now())
    assert shown() == "first_passed"
    editorial.review(document, person=district.people["second"], verdict=Verdict.RETURN, comment="改", now=now())
    assert shown() == "returned"
    editorial.submit(document, person=district.people["editor"], now=now())
    assert shown() == "submitted"


def test_everything_can_be_indexed_anew(district: District) -> None:
    for article in ARTICLES:
        district.document(article)
    search.put((document.pk, "") for document in Document.objects.all())
    assert hits("公交") == set()
    assert catalogue.rebuild() == 3
    assert hits("公交") == {"HD-1"}


def test_views_are_kept_by_name_for_one_person(district: District) -> None:
    editor, duty = district.people["editor"], district.people["duty"]
    catalogue.save_view(editor, "documents", "我的", "state=returned")
    view = catalogue.save_view(editor, "documents", "我的", "state=drafting")
    assert [one.query for one in editor.views.all()] == ["state=drafting"]
    catalogue.drop_view(duty, view.pk)
    assert editor.views.count() == 1, "another's view is not there to be dropped"
    with pytest.raises(Refused, match="起个名字"):
        catalogue.save_view(editor, "documents", " ", "")
