"""The article template: what WeChat's filter leaves, and what readers must find."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from bot.domain.article import Article
from bot.domain.findings import Finding
from bot.domain.hashing import assets_in
from bot.domain.post import CREDIT_SLOT
from bot.rendering import render

from .samples import ALL, ARTICLE_SPEC, DOCUMENT, INTERPRETATION, MARKER, NOTICE

ASSET = "asset:" + "a" * 64
BODY = (
    '<p class="x" id="y" onclick="z()">第一段<a href="http://b.cn/1">链接</a></p>\n<h1>标题</h1>\n<div>块</div>'
    '<style>p{}</style><script>alert(1)</script><iframe src="http://b.cn"></iframe>'
    f'<img src="{ASSET}" alt="流程图"><img src="http://b.cn/x.png" alt="外图">'
    '<table><tr><th colspan="2">表头</th></tr><tr><td>一</td><td>二</td></tr></table><ul><li><p>甲</p></li></ul>'
)
SPEC = replace(ARTICLE_SPEC, cover=None)


def post(article: Article, **more: object) -> tuple[dict[str, str], list[Finding]]:
    values = {"account_name": "中国河东", "options": {}, "marker": MARKER, **more}
    rendered, findings = render(article, SPEC, **values)  # type: ignore[arg-type]
    return dict(rendered.post.payload), findings


class Tags(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("br", "img", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("article", [*ALL, replace(DOCUMENT, body_html=BODY)], ids=lambda a: a.external_id + a.kind)
def test_the_markup_survives_the_platforms_filter(article: Article) -> None:
    content = post(article, pair=INTERPRETATION)[0]["content"]
    tags = Tags(content)
    assert tags.open == []
    assert not {tag for tag, _ in tags.seen} & {"div", "style", "script", "iframe", "link", "a"}
    assert {name for _, attributes in tags.seen for name in attributes} <= {"style", "src", "alt", "colspan", "rowspan"}
    assert "\n" not in content
    assert not re.search(
        r"!important|position:|float:|grid|opacity|font-family|height:0|text-align:(start|end)", content
    )
    assert all(int(width) <= 677 for width in re.findall(r"width:(\d+)px", content))


def test_pictures_are_assets_with_words_and_foreign_ones_are_reported() -> None:
    payload, findings = post(replace(DOCUMENT, body_html=BODY))
    pictures = [attributes for tag, attributes in Tags(payload["content"]).seen if tag == "img"]
    assert [(picture["src"], picture["alt"]) for picture in pictures] == [(ASSET, "流程图")]
    assert "〔图片：外图〕" in payload["content"]
    assert [found.rule for found in findings if found.field == "body_html"] == ["render.picture_lost"]


def test_links_are_printed() -> None:
    assert "链接（http://b.cn/1）" in post(replace(DOCUMENT, body_html=BODY))[0]["content"]


def test_the_facts_of_a_document_stand_in_front() -> None:
    content = post(DOCUMENT)[0]["content"]
    for fact in (
        "临东政办字〔2017〕41号",
        "临沂市河东区人民政府办公室",
        "2017年6月12日",
        "2017年6月13日",
        DOCUMENT.source_url,
    ):
        assert fact in content


@pytest.mark.parametrize("article", ALL, ids=lambda a: a.kind)
def test_the_credit_line_has_one_place(article: Article) -> None:
    rendered, _ = render(article, SPEC, account_name="中国河东", options={}, marker=MARKER)
    assert rendered.post.payload["content"].count(CREDIT_SLOT) == 1
    filled = rendered.post.with_credit("来源：<甲>")
    assert CREDIT_SLOT not in filled.payload["content"]
    assert "来源：&lt;甲&gt;" in filled.payload["content"]


def test_a_users_own_slot_or_picture_name_means_nothing() -> None:
    text = f"{CREDIT_SLOT}与{ASSET}"
    article = replace(NOTICE, title=text[:30], summary=text, unit=text, body_html=f"<p>{text}{CREDIT_SLOT}{ASSET}</p>")
    payload, _ = post(article)
    assert payload["content"].count(CREDIT_SLOT) == 1
    assert CREDIT_SLOT not in payload["title"] + payload["digest"]
    assert assets_in(payload) == []


def test_document_and_interpretation_name_each_other() -> None:
    assert "配套解读" in post(DOCUMENT, pair=INTERPRETATION)[0]["content"]
    content = post(INTERPRETATION, pair=DOCUMENT, pair_link="https://mp.weixin.qq.com/s/abc")[0]["content"]
    assert "解读的文件" in content
    assert '<a href="https://mp.weixin.qq.com/s/abc"' in content


def test_a_pair_elsewhere_is_printed_as_text() -> None:
    content = post(DOCUMENT, pair=INTERPRETATION, pair_link="http://www.hedong.gov.cn/x")[0]["content"]
    assert "<a " not in content
    assert "http://www.hedong.gov.cn/x" in content


def test_a_long_title_is_said_shorter_and_stands_whole_in_the_article() -> None:
    payload, findings = post(DOCUMENT)
    assert payload["title"] == "关于印发《河东区2017年政务公开工作要点》的通知"
    assert DOCUMENT.title in payload["content"]
    assert [found.rule for found in findings] == ["render.title_shortened"]


def test_a_title_that_cannot_be_shortened_stays_whole_and_blocks() -> None:
    title = "Lindong" * 22
    payload, findings = post(replace(NOTICE, title=title))
    assert payload["title"] == title
    assert [(one.rule, one.level.value, one.message) for one in findings] == [
        ("render.too_long", "block", "标题有 154 字，缩不到 32 字以内，请改短。")
    ]


def test_a_title_that_fits_is_not_repeated() -> None:
    payload, findings = post(NOTICE)
    assert payload["title"] == NOTICE.title
    assert NOTICE.title not in payload["content"]
    assert findings == []


def test_the_author_is_the_unit_or_else_the_account() -> None:
    assert post(DOCUMENT)[0]["author"] == "河东区人民政府办公室"
    long_unit = replace(DOCUMENT, unit="河东区优化营商环境和推进政府职能转变领导小组办公室")
    assert post(long_unit)[0]["author"] == "中国河东"


def test_the_digest_falls_back_to_the_body_and_fits() -> None:
    payload, _ = post(replace(DOCUMENT, summary="", body_html="<p>第一句话。</p>" * 60))
    assert payload["digest"].startswith("第一句话。")
    assert payload["digest"].endswith("。")
    assert len(payload["digest"]) <= 128


def test_a_body_over_the_limit_blocks_and_is_not_cut() -> None:
    payload, findings = post(replace(DOCUMENT, body_html="<p>很长的正文。</p>" * 3000))
    assert payload["content"].count("很长的正文") >= 3000
    assert ("render.too_long", "block") in [(found.rule, found.level.value) for found in findings]


def test_a_body_beyond_all_measure_is_a_finding_too() -> None:
    payload, findings = post(replace(DOCUMENT, body_html="<p>很长的正文。</p>" * 20_000))
    assert payload["content"] == ""
    assert ("render.too_long", "block") in [(found.rule, found.level.value) for found in findings]


@pytest.mark.parametrize("address", ["", "javascript:alert(1)", "见附件"])
def test_a_document_without_an_address_blocks(address: str) -> None:
    payload, findings = post(replace(DOCUMENT, source_url=address))
    assert payload["content_source_url"] == ""
    assert "render.source_url" in [found.rule for found in findings]


def test_the_same_input_gives_the_same_bytes() -> None:
    first, second = (render(DOCUMENT, ARTICLE_SPEC, account_name="a", options={}, marker=MARKER)[0] for _ in range(2))
    assert first.post.hash == second.post.hash
    assert first.assets[0].data == second.assets[0].data
    assert first.post.payload["cover"] == first.assets[0].ref


POWERS = replace(DOCUMENT, summary="", body_html="<p>占地3.2×10<sup>4</sup>平方米，减排CO<sub>2</sub>三成。</p>")


def test_raised_and_lowered_characters_reach_the_article_with_a_style_of_their_own() -> None:
    content = post(POWERS)[0]["content"]
    assert re.search(r'3\.2×10<sup style="[^"]*vertical-align:super;">4</sup>平方米', content)
    assert re.search(r'CO<sub style="[^"]*vertical-align:sub;">2</sub>三成', content)


def test_a_digest_says_a_power_as_a_power() -> None:
    assert post(POWERS)[0]["digest"].startswith("占地3.2×10⁴平方米，减排CO₂三成")


def test_the_caption_of_a_table_has_its_style() -> None:
    table = "<table><caption>表1 收费清单</caption><tbody><tr><td>甲</td></tr></tbody></table>"
    content = post(replace(DOCUMENT, body_html=table))[0]["content"]
    assert re.search(r'<table style="[^"]+"><caption style="[^"]+">表1 收费清单</caption>', content)
