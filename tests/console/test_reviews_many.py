"""审批箱: several at once, the unit's phrases, and lists of thousands."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.finders import find
from django.db import connection

from bot.console import inbox as lists
from bot.services import inbox

from .reviewing import Login, changed_after_planning, crowd, decides, opens, page, submitted, titles
from .world import ARTICLES, District

# --- several at once -----------------------------------------------------------------------------------------


def test_only_what_was_opened_may_be_ticked(district: District, as_: Login) -> None:
    one, other, client = submitted(district), submitted(district, ARTICLES[1]), as_("first")
    assert "通过勾选的" not in page(client)
    opens(client, one)
    shown = page(client)
    assert re.findall(r'name="seen" value="(\d+) ', shown) == [str(one.current.pk)]
    assert "还有 2 个渠道没打开" in shown
    assert other.current.state == "submitted"


def test_a_batch_tells_which_passed_and_which_not_and_why(district: District, as_: Login) -> None:
    one, other, client = submitted(district), submitted(district, ARTICLES[1]), as_("first")
    opens(client, one)
    chosen = [str(inbox.Seen.of(each.current, inbox.posts_of(each.current))) for each in (one, other)]
    shown = client.post("/reviews/pass", {"seen": chosen}).content.decode()
    assert "勾选 2 件，通过 1 件，没有通过 1 件" in shown
    assert "还没有打开中国河东、临沂河东的渠道稿" in shown
    assert (one.current.state, other.current.state) == ("first_passed", "submitted")


def test_a_batch_of_nothing_says_so(district: District, as_: Login) -> None:
    assert "没有勾选任何稿件" in as_("first").post("/reviews/pass", follow=True).content.decode()


@pytest.mark.parametrize("alone", [True, False])
def test_a_unit_with_dozens_of_accounts_passes_too(district: District, as_: Login, alone: bool) -> None:
    document, client = submitted(district.widened(weibo=30)), as_("first")
    assert document.current.posts.count() == 32
    opens(client, document)
    if alone:
        decides(client, document)
    else:
        shown = re.findall(r'name="seen" value="([^"]+)"', page(client))
        assert "通过 1 件" in client.post("/reviews/pass", {"seen": shown}).content.decode()
    assert document.current.state == "first_passed"


# --- phrases -------------------------------------------------------------------------------------------------


def test_reviewers_keep_the_phrases_of_their_unit(district: District, as_: Login) -> None:
    client = as_("first")
    assert "错别字" in page(client, "/reviews/phrases")
    client.post("/reviews/phrases", {"phrases": "口径不一致\n\n缺附件"})
    shown = page(client, f"/reviews/{submitted(district).current.pk}")
    assert re.findall(r'name="phrase" value="([^"]*)"', shown) == ["口径不一致", "缺附件"]
    assert as_("editor").get("/reviews/phrases").status_code == 403
    assert client.post("/reviews/phrases", {"phrases": "字" * 61}).status_code == 409


# --- thousands ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("many", [3, 2000])
def test_the_list_asks_as_little_for_thousands_as_for_three(
    many: int, district: District, as_: Login, django_assert_max_num_queries: Any
) -> None:
    crowd(district, many)
    for tab in ("due", "mine", "returned", "late"):
        client = as_("first" if tab != "mine" else "editor")
        with django_assert_max_num_queries(20):
            shown = page(client, f"/reviews?tab={tab}")
        assert len(titles(shown)) == (min(many, lists.PAGE) if tab in {"due", "mine"} else 0)


def test_the_pages_of_a_long_list_follow_each_other_without_gap_or_repeat(district: District, as_: Login) -> None:
    crowd(district, lists.PAGE + 5)
    changed_after_planning(district, ARTICLES[1], timedelta(hours=1))
    first, second = (titles(page(as_("first"), f"/reviews?tab=due&page={number}")) for number in (1, 2))
    assert (len(first), len(second)) == (lists.PAGE, 6)
    assert first[0] == ARTICLES[1].title
    assert len({*first, *second}) == lists.PAGE + 6
    assert titles(page(as_("first"), "/reviews?tab=due&page=x")) == first
    assert page(as_("first"), "/reviews?tab=due&page=99999").count("没有等您审的稿件")


def test_the_icons_and_files_that_the_pages_name_exist() -> None:
    sprite = Path(str(find("console/icons.svg"))).read_text("utf-8")
    assert all(f'id="{name}"' in sprite for name in ("inbox", "key", "late", "eye", "undo"))
    assert all(find(f"console/{name}") for name in ("reviews.css", "reviews.js", "look.css"))


def test_no_question_of_the_lists_walks_through_documents_of_years(district: District) -> None:
    """What waits is little, whatever lies in the archive: the index on states leads. PostgreSQL chooses by what it counted."""
    first = district.people["first"]
    for found in (lists.due_to(first), lists.returned_to(first), lists._under_review_of(first)):
        plan = found.explain()
        assert "bot_document_unit_id" not in plan
        assert connection.vendor != "sqlite" or "edition_by_" in plan


def test_beyond_a_thousand_nobody_needs_to_know_how_many_exactly(
    district: District, as_: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd(district, 5)
    assert ">5</b>" in page(as_("first"), "/reviews")
    monkeypatch.setattr(lists, "MOST_COUNTED", 5)
    assert ">4+</b>" in page(as_("first"), "/reviews")
