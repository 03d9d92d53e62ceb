"""The short post: 【title】gist source address, within the limit, starting nothing by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.article import Article
from bot.rendering import marked_url, render
from bot.rendering.headline import headline, label_word, subject

from .samples import ALL, DOCUMENT, INTERPRETATION, MARKER, NOTICE, SERVICE, SHORT_SPEC, short_count


def status(article: Article, pair: Article | None = None) -> str:
    rendered, _ = render(article, SHORT_SPEC, account_name="临沂河东", options={}, marker=MARKER, pair=pair)
    return str(rendered.post.payload["status"])


def test_a_document() -> None:
    assert status(DOCUMENT) == (
        f"【{DOCUMENT.title}】{DOCUMENT.summary}临沂市河东区人民政府办公室发布，文件全文： {DOCUMENT.source_url}?tf={MARKER}"
    )


def test_an_interpretation_leads_with_what_it_is() -> None:
    text = status(INTERPRETATION, pair=DOCUMENT)
    assert text.startswith("【政策解读｜《河东区2017年政务公开工作要点》】")
    assert "文件与解读： http" in text


def test_a_notice_is_labelled_by_its_own_word_and_says_where() -> None:
    assert status(NOTICE).startswith("【风险提示｜防范非法集资】临沂市河东区金融工作办公室发布：提示常见")


def test_a_service() -> None:
    assert status(SERVICE).startswith("【便民服务｜全面两孩政策下生育登记服务办事指南】")


@pytest.mark.parametrize("article", ALL, ids=lambda a: a.kind)
def test_one_address_last_after_a_blank(article: Article) -> None:
    text = status(article)
    assert text.endswith(" " + marked_url(article.source_url, MARKER))
    assert text.count("http") == 1
    assert "临沂市河东区" in text


def test_topics_mentions_and_other_links_do_not_get_through() -> None:
    text = status(replace(NOTICE, title="#话题#公告", summary="请看 https://b.cn/1 或写信 a@b.cn，参加#活动#。"))
    assert "#" not in text
    assert "@" not in text
    assert "b.cn/1" not in text


def test_the_summary_gives_way_before_the_title() -> None:
    article = replace(DOCUMENT, summary="本次公布的事项共49项，涉及1,234.5万元资金。" * 20)
    text = status(article)
    assert short_count(text) <= 140
    assert f"【{article.title}】本次公布" in text
    assert "资金。临沂市" in text


def test_a_title_that_alone_is_too_long_is_cut_last() -> None:
    article = replace(DOCUMENT, title="关于" + "进一步规范商品房销售行为、" * 15 + "的通知")
    rendered, findings = render(article, SHORT_SPEC, account_name="a", options={}, marker=MARKER)
    assert short_count(rendered.post.payload["status"]) <= 140
    assert "……】" in rendered.post.payload["status"]
    assert {found.rule for found in findings} == {"render.title_shortened", "render.text_shortened"}


def test_a_post_never_goes_out_without_its_title() -> None:
    title = "Lindong" * 60
    rendered, findings = render(replace(DOCUMENT, title=title), SHORT_SPEC, account_name="a", options={}, marker=MARKER)
    assert f"【{title}】" in rendered.post.payload["status"]
    assert [one.level.value for one in findings if one.rule == "render.too_long"] == ["block"]


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=120), st.text(max_size=300))
def test_any_title_and_summary_fit_or_block(title: str, summary: str) -> None:
    article = replace(DOCUMENT, title=title, summary=summary)
    rendered, findings = render(article, SHORT_SPEC, account_name="a", options={}, marker=MARKER)
    text = rendered.post.payload["status"]
    assert text.endswith(f" {DOCUMENT.source_url}?tf={MARKER}")
    assert short_count(text) <= 140 or [found for found in findings if found.level.value == "block"]


@pytest.mark.parametrize(
    ("title", "limit", "expected"),
    [
        (
            "河东区人民政府办公室关于印发《河东区2017年政务公开工作要点》的通知",
            32,
            "关于印发《河东区2017年政务公开工作要点》的通知",
        ),
        ("河东区人民政府办公室关于印发《河东区2017年政务公开工作要点》的通知", 22, "《河东区2017年政务公开工作要点》"),
        ("河东区安全生产“黑名单”企业公告（2017年第二批）", 18, "河东区安全生产“黑名单”企业公告"),
    ],
)
def test_titles_are_said_shorter_before_they_are_cut(title: str, limit: int, expected: str) -> None:
    assert headline(title, lambda text: len(text) <= limit) == expected


def test_what_a_notice_is_about() -> None:
    assert subject("关于举办全区政务公开业务培训班的通知") == "举办全区政务公开业务培训班"
    assert label_word("关于举办全区政务公开业务培训班的通知", "通知") == "通知"
    assert subject("河东区2016年财政决算") == "河东区2016年财政决算"


@pytest.mark.parametrize(
    ("title", "about", "word"),
    [
        ("关于汤头街道停水的紧急通知", "汤头街道停水", "紧急通知"),
        ("关于加强安全管理的补充通知", "加强安全管理", "补充通知"),
        ("河东区道路塌陷紧急公告", "河东区道路塌陷", "紧急公告"),
        ("关于防范电信诈骗的风险提示", "防范电信诈骗", "风险提示"),
        ("人员补充通知", "人员补充", "通知"),  # about the people, not a notice that adds to another
    ],
)
def test_an_urgent_notice_is_about_its_matter_not_about_urgent(title: str, about: str, word: str) -> None:
    assert (subject(title), label_word(title, "")) == (about, word)


def test_a_power_stays_a_power_where_there_is_no_markup() -> None:
    text = status(replace(DOCUMENT, summary="", body_html="<p>占地3.2×10<sup>4</sup>平方米。</p>"))
    assert "占地3.2×10⁴平方米。" in text


@pytest.mark.parametrize(
    ("title", "about"),
    [
        ("《河东区行动方案》政策解读", "《河东区行动方案》"),
        ("《方案》专家解读", "《方案》"),
        ("《方案》图文解读", "《方案》"),
        ("《方案》文字解读", "《方案》"),
        ("《方案》政策图解解读", "《方案》"),
        ("关于《方案》的政策解读", "《方案》"),
        ("《方案》（试行）部门负责人解读", "《方案》（试行）"),
        ("关于《关于加快“互联网+政务服务”的意见》的解读", "《关于加快“互联网+政务服务”的意见》"),
        ("《甲方案》和《乙办法》政策解读", "《甲方案》和《乙办法》"),
        ("《方案》起草说明及解读", "《方案》起草说明及解读"),
        ("全面两孩政策热点问题解读", "全面两孩政策热点问题"),
        ("政策解读", "政策解读"),
        ("关于公布《方案》实施情况的公告", "公布《方案》实施情况"),
    ],
)
def test_an_interpretation_is_about_its_document_and_no_half_word_stays(title: str, about: str) -> None:
    assert subject(title) == about


def test_the_post_of_an_interpretation_names_the_document_whole() -> None:
    article = replace(INTERPRETATION, title="《河东区秋冬季大气污染防治行动方案》政策解读")
    assert status(article).startswith("【政策解读｜《河东区秋冬季大气污染防治行动方案》】")


KINDS = ("政策", "文字", "图文", "图解", "专家", "负责人", "部门", "视频")
NAMES = st.text(st.sampled_from("河东区关于印发的通知方案政策专家解读图文（）2017"), min_size=1, max_size=20)
BEHIND = st.lists(st.sampled_from(["的", "（试行）", "起草", "说明", "与", *KINDS]), max_size=4).map("".join)


@given(st.sampled_from(["", "关于", "河东区"]), NAMES, BEHIND, st.sampled_from(KINDS))
def test_no_title_of_an_interpretation_is_cut_within_its_closing_word(
    before: str, name: str, behind: str, kind: str
) -> None:
    title = f"{before}《{name}》{behind}{kind}解读"
    about = subject(title)
    assert f"《{name}》" in about
    assert about == title or not about.endswith((*KINDS, "的", "与", "起草"))
