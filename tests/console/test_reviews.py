"""审批箱: who finds what in it, and what stands first."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta

import pytest
from django.test import Client

from bot.console import inbox as lists
from bot.domain.delivery import State
from bot.domain.workflow import Verdict
from bot.models import Opened, Publication, Review
from bot.services import editorial, inbox, people
from tests.services.factories import force

from .reviewing import STEPS, Login, changed_after_planning, page, submitted, titles
from .world import ARTICLES, District, now

# --- who finds what ------------------------------------------------------------------------------------------


def test_a_reviewer_finds_what_is_due_to_them_and_nobody_else(district: District, as_: Login) -> None:
    document = submitted(district)
    for step in STEPS:
        for who in STEPS:
            assert titles(page(as_(who), "/reviews?tab=due")) == ([ARTICLES[0].title] if who == step else [])
        editorial.review(document, person=district.people[step], verdict=Verdict.PASS, now=now())
    assert titles(page(as_("final"), "/reviews?tab=due")) == []


def test_neither_the_author_nor_who_took_an_earlier_step_finds_it_due(district: District, as_: Login) -> None:
    for who in ("editor", "first"):
        people.Person.objects.filter(username=who).update(roles=[*STEPS, "editor"])
    document = submitted(district)
    assert titles(page(as_("editor"), "/reviews?tab=due")) == []
    editorial.review(document, person=people.find_person("first"), verdict=Verdict.PASS, now=now())
    assert titles(page(as_("first"), "/reviews?tab=due")) == []
    assert titles(page(as_("second"), "/reviews?tab=due")) == [ARTICLES[0].title]


def test_a_deputy_finds_it_through_the_role_they_hold_now(
    district: District, as_: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(district)
    held = people.Person.has_role
    monkeypatch.setattr(
        people.Person, "has_role", lambda self, role: held(self, role) or (self.username == "duty" and role == "first")
    )
    assert titles(page(as_("duty"), "/reviews?tab=due")) == [ARTICLES[0].title]


def test_who_may_not_decide_is_told_why_and_gets_no_buttons(district: District, as_: Login) -> None:
    document = submitted(district)
    for who, words in (("second", "现在等初审，由具有初审角色的人员办理"), ("releaser", "您可以查看")):
        shown = page(as_(who), f"/reviews/{document.current.pk}")
        assert words in shown
        assert "/decide" not in shown
    people.Person.objects.filter(username="editor").update(roles=["editor", "first"])
    assert "拟稿人不能审核自己的稿件" in page(as_("editor"), f"/reviews/{document.current.pk}")


def test_administrators_of_the_machine_do_not_see_text_under_embargo(district: District, as_: Login) -> None:
    document = submitted(district)
    client = as_("admin")
    assert 'href="/reviews"' not in page(client, "/")
    for address in ("/reviews", f"/reviews/{document.current.pk}"):
        assert client.get(address).status_code == 403


def test_without_a_login_there_is_nothing(district: District, client: Client) -> None:
    document = submitted(district)
    for address in ("/reviews", f"/reviews/{document.current.pk}", "/reviews/phrases"):
        assert client.get(address)["Location"].startswith("/login")


def test_another_unit_s_editions_do_not_exist_on_any_route(district: District, as_: Login) -> None:
    other = District.make("luozhuang", "罗庄区政府办公室")
    document = submitted(other)
    edition, client = document.current, as_("first")
    post = inbox.posts_of(edition)[0]
    seen = str(inbox.Seen.of(edition, inbox.posts_of(edition)))
    assert titles(page(client)) == []
    assert client.get(f"/reviews/{edition.pk}").status_code == 404
    for address in ("open/" + str(post.pk), "decide", "links", "links/1/revoke"):
        answer = client.post(f"/reviews/{edition.pk}/{address}", {"seen": seen, "verdict": "pass", "name": "某"})
        assert answer.status_code == 404
    assert "找不到稿件" in client.post("/reviews/pass", {"seen": seen}).content.decode()
    assert not Review.objects.exists()
    assert not Opened.objects.exists()


def test_a_channel_of_another_edition_is_not_opened_under_this_one(district: District, as_: Login) -> None:
    one, other = submitted(district), submitted(district, ARTICLES[1])
    post = inbox.posts_of(other.current)[0]
    assert as_("first").post(f"/reviews/{one.current.pk}/open/{post.pk}").status_code == 404


# --- the tabs ------------------------------------------------------------------------------------------------


def test_the_editor_starts_with_what_they_submitted_and_the_reviewer_with_what_is_due(
    district: District, as_: Login
) -> None:
    submitted(district)
    assert re.search(r'aria-current="page">我提交的 <b>1</b>', page(as_("editor")))
    assert re.search(r'aria-current="page">待我审 <b>1</b>', page(as_("first")))


@pytest.mark.parametrize("who", ["releaser", "duty"])
def test_who_neither_writes_nor_reviews_starts_with_what_runs_out_of_time(
    who: str, district: District, as_: Login
) -> None:
    shown = page(as_(who))
    assert 'aria-current="page">快过期' in shown
    assert "您还没有提交过稿件" not in shown


def test_a_returned_edition_is_found_by_its_author_and_by_who_returned_it(district: District, as_: Login) -> None:
    document = submitted(district)
    editorial.review(document, person=district.people["first"], verdict=Verdict.RETURN, comment="文号有误", now=now())
    for who in ("editor", "first"):
        shown = page(as_(who), "/reviews?tab=returned")
        assert titles(shown) == [ARTICLES[0].title]
        assert "王初：文号有误" in shown
    assert titles(page(as_("second"), "/reviews?tab=returned")) == []


@pytest.mark.parametrize(
    ("tab", "words"),
    [("due", "没有等您审的稿件"), ("mine", "您还没有提交过稿件"), ("returned", "没有退回后"), ("late", "都已审完")],
)
def test_an_empty_tab_says_so(tab: str, words: str, district: District, as_: Login) -> None:
    assert page(as_("first"), f"/reviews?tab={tab}").count(words) == 1


def test_the_navigation_counts_what_waits_for_this_person(district: District, as_: Login) -> None:
    submitted(district)
    assert '1<span class="sr"> 件等您审核</span>' in page(as_("first"), "/")
    assert "件等您审核" not in page(as_("second"), "/")


# --- the most urgent first -----------------------------------------------------------------------------------


def test_what_a_near_release_waits_for_stands_first_and_then_what_waited_longest(
    district: District, as_: Login
) -> None:
    submitted(
        district,
        dataclasses.replace(ARTICLES[0], external_id="HD-8", title="昨天送审的通知"),
        at=now() - timedelta(days=1),
    )
    submitted(district, dataclasses.replace(ARTICLES[0], external_id="HD-9", title="今天送审的通知"))
    changed_after_planning(district, ARTICLES[1], timedelta(hours=30))
    changed_after_planning(district, ARTICLES[2], timedelta(minutes=25))
    shown = page(as_("first"))
    assert titles(shown) == [ARTICLES[2].title, ARTICLES[1].title, "昨天送审的通知", "今天送审的通知"]
    assert "还有 24 分钟" in shown
    assert "还有 1 天" not in shown
    assert "已等 24 小时" in shown


def test_the_late_tab_shows_whose_release_is_within_two_days_for_whoever_it_waits(
    district: District, as_: Login
) -> None:
    changed_after_planning(district, ARTICLES[0], timedelta(minutes=5))
    changed_after_planning(district, ARTICLES[1], timedelta(days=3))
    document = changed_after_planning(district, ARTICLES[2], timedelta(hours=2))
    editorial.review(document, person=district.people["first"], verdict=Verdict.RETURN, comment="数字", now=now())
    for who in ("editor", "second", "duty"):
        shown = page(as_(who), "/reviews?tab=late")
        assert titles(shown) == [ARTICLES[0].title, ARTICLES[2].title]
        assert "已退回" in shown
        assert re.search(r'快过期 <b class="hot">2</b>', shown)
    assert "data-until" in page(as_("first"), "/reviews?tab=late")


def test_a_release_that_was_called_off_is_no_deadline(district: District, as_: Login) -> None:
    changed_after_planning(district, ARTICLES[0], timedelta(minutes=25))
    force(Publication.objects.all(), State.CANCELLED)
    assert "定于" not in page(as_("first"))
    assert titles(page(as_("first"), "/reviews?tab=late")) == []


def test_a_deadline_that_went_by_is_said_plainly() -> None:
    at = now()
    assert lists.left(at - timedelta(minutes=3), at).words == "发布时刻已过 3 分钟"
    assert [lists.left(at + ahead, at).tone for ahead in (timedelta(minutes=59), timedelta(hours=23), timedelta(days=2))] == [
        "bad", "warn", "wait",
    ]  # fmt: skip
    assert lists.in_words(timedelta(hours=3, minutes=5)) == "3 小时 5 分"
    assert lists.in_words(timedelta(days=4)) == "4 天"
