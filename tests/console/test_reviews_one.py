"""审批箱: one edition. What changed, every channel opened first, and a decision for exactly what was shown."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.workflow import Verdict
from bot.models import Edition, Opened, Review
from bot.services import editorial, inbox, waiving

from .reviewing import STEPS, Login, changed_after_planning, decides, form, opens, page, submitted
from .world import ARTICLES, District, now

# --- what changed --------------------------------------------------------------------------------------------


def test_what_changed_since_the_last_approval_stands_before_the_channels(district: District, as_: Login) -> None:
    district.approved()
    changed = dataclasses.replace(
        ARTICLES[0], title="关于调整城区公交线路的通知（更正）", summary="自12月2日起，3路、8路公交车调整部分站点。",
        body_html="<p>自12月2日起调整。</p><p>请市民留意站牌。</p>",
    )  # fmt: skip
    shown = page(as_("first"), f"/reviews/{submitted(district, changed).current.pk}")
    assert shown.index("改了什么") < shown.index('id="channels"')
    assert "与上次审核通过的第 1 版相比" in shown
    assert '<del><span class="sr">［删去：</span>1<span class="sr">］</span></del>' in shown
    assert '<ins><span class="sr">［新增：</span>（更正）<span class="sr">］</span></ins>' in shown
    assert [words for words in ("标题", "摘要", "正文") if f"<h4>{words}" in shown] == ["标题", "摘要", "正文"]
    assert "<h4>发布日期" not in shown


def test_a_change_of_markup_alone_is_said_and_not_passed_over(district: District, as_: Login) -> None:
    district.approved()
    bold = dataclasses.replace(ARTICLES[0], body_html="<p><strong>自12月1日起调整。</strong></p>")
    shown = page(as_("first"), f"/reviews/{submitted(district, bold).current.pk}")
    assert "文字没有变，只有排版" in shown


def test_a_first_submission_says_that_all_of_it_is_new(district: District, as_: Login) -> None:
    assert "首次送审，没有可以对比的版本" in page(as_("first"), f"/reviews/{submitted(district).current.pk}")


def test_a_reviewer_may_compare_with_what_they_saw_last(district: District, as_: Login) -> None:
    """Approved, changed and returned by the first reviewer, changed again: two comparisons, each by its name."""
    district.approved()
    document = submitted(district, dataclasses.replace(ARTICLES[0], summary="自12月2日起，8路公交车调整。"))
    editorial.review(document, person=district.people["first"], verdict=Verdict.RETURN, comment="漏了3路", now=now())
    submitted(district, dataclasses.replace(ARTICLES[0], summary="自12月2日起，3路、8路公交车调整。"))
    address = f"/reviews/{document.current.pk}"
    shown = page(as_("first"), address)
    assert "上一版被退回：王初：漏了3路" in shown
    assert "与上次审核通过的第 1 版相比" in shown
    assert "与您上次看过的第 2 版相比" in page(as_("first"), f"{address}?against=seen")
    assert "您上次看过" not in page(as_("second"), address)


def test_what_came_back_without_a_change_says_so(district: District, as_: Login) -> None:
    document = submitted(district)
    editorial.review(document, person=district.people["first"], verdict=Verdict.RETURN, comment="请核对", now=now())
    editorial.submit(document, person=district.people["editor"], now=now())
    assert "内容一字未改" in page(as_("first"), f"/reviews/{document.current.pk}")


def test_who_did_not_see_the_returned_edition_is_shown_what_changed_since_it(district: District, as_: Login) -> None:
    document = submitted(district)
    editorial.review(document, person=district.people["first"], verdict=Verdict.RETURN, comment="再改", now=now())
    changed = submitted(district, dataclasses.replace(ARTICLES[0], summary="自12月2日起，8路公交车改道。"))
    shown = page(as_("second"), f"/reviews/{changed.current.pk}")
    assert "与上次送审的第 1 版相比" in shown
    assert "首次送审" not in shown


# --- opened first --------------------------------------------------------------------------------------------


def test_the_button_is_shut_with_its_reason_until_every_channel_was_opened(district: District, as_: Login) -> None:
    document, client = submitted(district), as_("first")
    address = f"/reviews/{document.current.pk}"
    for but, words in ((2, "还要打开：中国河东、临沂河东"), (1, "还要打开：临沂河东"), (0, "各渠道都已打开，可以通过")):
        opens(client, document, but=but)
        shown = page(client, address)
        assert words in shown
        assert (" disabled>" in shown.split('id="pass"')[1].split("</button>")[0]) == bool(but)


def test_opening_shows_the_very_rendering_and_only_then(district: District, as_: Login) -> None:
    document, client = submitted(district), as_("first")
    edition = document.current
    wechat, weibo = inbox.posts_of(edition)
    assert "article-frame" not in page(client, f"/reviews/{edition.pk}?channel={wechat.pk}")
    shown = client.post(f"/reviews/{edition.pk}/open/{wechat.pk}", follow=True).content.decode()
    assert f'src="/frames/post/{wechat.pk}" sandbox="allow-same-origin"' in shown
    assert wechat.hash in shown
    shown = client.post(f"/reviews/{edition.pk}/open/{weibo.pk}", follow=True).content.decode()
    assert weibo.payload["status"].splitlines()[0][:12] in shown
    assert re.search(r'class="meter">\d+/140', shown)
    assert set(Opened.objects.values_list("post_hash", flat=True)) == {wechat.hash, weibo.hash}


def test_a_look_at_the_page_opens_nothing(district: District, as_: Login) -> None:
    edition = submitted(district).current
    post = inbox.posts_of(edition)[0]
    page(as_("first"), f"/reviews/{edition.pk}?channel={post.pk}")
    assert as_("first").get(f"/reviews/{edition.pk}/open/{post.pk}").status_code == 405
    assert not Opened.objects.exists()


def test_with_htmx_only_the_tabs_and_the_bar_are_drawn_anew(district: District, as_: Login) -> None:
    edition = submitted(district).current
    post = inbox.posts_of(edition)[0]
    answer = as_("first").post(f"/reviews/{edition.pk}/open/{post.pk}", headers={"HX-Request": "true"})
    shown = answer.content.decode()
    assert "<html" not in shown
    assert 'id="pass-part"' in shown
    assert 'hx-swap-oob="innerHTML:#review-says">已打开中国河东的渠道稿。还没有打开：临沂河东。' in shown


# --- decided -------------------------------------------------------------------------------------------------


def test_three_reviewers_pass_it_one_after_the_other(district: District, as_: Login) -> None:
    document = submitted(district)
    said = []
    for who in STEPS:
        opens(as_(who), document)
        said.append(re.search(r"已通过《[^》]*》，([^。]*)。", decides(as_(who), document).content.decode()))
    assert [found and found[1] for found in said] == ["现在待复审", "现在待终审", "全部审次已完成，可以编入发布单"]
    assert document.current.state == "approved"


def test_the_server_refuses_a_pass_of_what_was_not_opened_whatever_the_page_says(
    district: District, as_: Login
) -> None:
    document, client = submitted(district), as_("first")
    opens(client, document, but=1)
    shown = decides(client, document).content.decode()
    assert "还没有打开临沂河东的渠道稿，没有通过，未做改动" in shown
    assert not Review.objects.exists()


def test_what_changed_while_it_was_read_is_not_passed(district: District, as_: Login) -> None:
    document, client = submitted(district), as_("first")
    opens(client, document)
    old, carried = document.current.pk, form(client, document)
    submitted(district, dataclasses.replace(ARTICLES[0], summary="自12月2日起。"))
    shown = client.post(f"/reviews/{old}/decide", {**carried, "verdict": "pass"}, follow=True).content.decode()
    assert "稿件已变" in shown
    assert "这不是最新的一版" in shown
    assert not Review.objects.exists()


def test_a_form_of_one_edition_decides_no_other(district: District, as_: Login) -> None:
    one, other, client = submitted(district), submitted(district, ARTICLES[1]), as_("first")
    opens(client, one)
    answer = client.post(f"/reviews/{other.current.pk}/decide", {**form(client, one), "verdict": "pass"}, follow=True)
    assert "表单与稿件不符" in answer.content.decode()
    assert not Review.objects.exists()


@pytest.mark.parametrize(("field", "value"), [("seen", ""), ("seen", "1 2"), ("verdict", "maybe"), ("verdict", "")])
def test_a_broken_form_records_nothing(field: str, value: str, district: District, as_: Login) -> None:
    document = submitted(district)
    assert "没有记录任何审核" in decides(as_("first"), document, **{field: value}).content.decode()
    assert not Review.objects.exists()


def test_a_return_takes_phrases_and_words_and_needs_one_of_them(district: District, as_: Login) -> None:
    document, client = submitted(district), as_("first")
    assert "退回须写明原因" in decides(client, document, "return").content.decode()
    shown = decides(
        client, document, "return", phrase=["错别字", "不是本单位的"], reason="第二段“站牌”。"
    ).content.decode()
    assert "已退回《关于调整城区公交线路的通知》，等拟稿人修改后重新送审" in shown
    assert Review.objects.get().comment == "错别字。第二段“站牌”。"


def test_a_right_that_is_not_there_is_refused_as_such(district: District, as_: Login) -> None:
    document = submitted(district)
    edition = document.current
    seen = str(inbox.Seen.of(edition, inbox.posts_of(edition)))
    assert as_("second").post(f"/reviews/{edition.pk}/decide", {"seen": seen, "verdict": "pass"}).status_code == 403


def test_findings_are_shown_with_who_let_them_pass(district: District, as_: Login) -> None:
    document = district.document(dataclasses.replace(ARTICLES[0], document_number="", summary="详见下文。"))
    waiving.waive(document, "pairing", "转发上级文件", person=district.people["editor"], now=now())
    editorial.submit(document, person=district.people["editor"], now=now())
    shown = page(as_("first"), f"/reviews/{document.current.pk}")
    assert "转发上级文件（李拟" in shown


# --- large ---------------------------------------------------------------------------------------------------


def test_one_edition_asks_a_bounded_number_of_questions(
    district: District, as_: Login, django_assert_max_num_queries: Any
) -> None:
    document = changed_after_planning(district, ARTICLES[0], timedelta(hours=1))
    client = as_("first")
    opens(client, document)
    with django_assert_max_num_queries(45):
        page(client, f"/reviews/{document.current.pk}?channel={inbox.posts_of(document.current)[0].pk}")


def test_a_body_of_a_hundred_thousand_characters_is_compared_in_the_page(district: District, as_: Login) -> None:
    body = "".join(f"<p>第{number}条　各单位应当按照规定办理第{number}项。</p>" for number in range(4000))
    document = district.document(dataclasses.replace(ARTICLES[0], body_html=body))
    Edition.objects.update(approved_at=now())  # as if it had been approved once
    district.document(dataclasses.replace(ARTICLES[0], body_html=body.replace("第2000条　各单位", "第2000条　各部门")))
    shown = page(as_("first"), f"/reviews/{document.current.pk}")
    assert "……其余 1999 段没有变化……" in shown
    assert "增 2 字，删 2 字" in shown
