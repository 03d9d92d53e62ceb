"""Composed items and specs: rendering knows no vendor, so neither do its tests."""

from __future__ import annotations

from datetime import date

from bot.domain.article import Article, Kind
from bot.domain.channel import ChannelSpec, CoverSpec, FieldSpec

MARKER = "k3x9Qa"

DOCUMENT = Article(
    external_id="HD17-001",
    kind=Kind.DISCLOSURE,
    title="河东区人民政府办公室关于印发《河东区2017年政务公开工作要点》的通知",
    summary="对年度政务公开目标任务逐项分解，落实责任单位，要求各乡镇（街道、经开区）、各部门制定本年度实施方案，全文公开接受社会监督。",
    document_number="临东政办字〔2017〕41号",
    index_number="hedongquhd0101/2017-0000001",
    unit="河东区人民政府办公室",
    category="政务公开工作",
    subcategory="年度要点",
    source_url="http://www.hedong.gov.cn/info/9000/2017001.htm",
    published_on=date(2017, 6, 13),
    formed_on=date(2017, 6, 12),
)
INTERPRETATION = Article(
    external_id="HD17-101",
    kind=Kind.INTERPRETATION,
    title="《河东区2017年政务公开工作要点》解读",
    summary="介绍制定背景、主要任务和责任分工，说明群众可以从哪些渠道查到信息。",
    unit="河东区人民政府办公室",
    source_url="http://www.hedong.gov.cn/info/9100/2017101.htm",
    published_on=date(2017, 6, 13),
    interprets="HD17-001",
)
NOTICE = Article(
    external_id="HD17-055",
    kind=Kind.NOTICE,
    title="关于防范非法集资的风险提示",
    summary="提示常见非法集资手法，提醒群众增强风险意识，发现线索及时举报。",
    unit="河东区金融工作办公室",
    source_url="http://www.hedong.gov.cn/info/9006/2017055.htm",
)
SERVICE = Article(
    external_id="HD17-048",
    kind=Kind.SERVICE,
    title="全面两孩政策下生育登记服务办事指南",
    summary="公布生育登记服务的办理条件；列明所需材料；说明办理地点和办理时限。",
    body_html="<h2>办理条件</h2><p>夫妻双方户籍或居住地在本区。</p>",
    unit="河东区卫生和计划生育局",
    source_url="http://www.hedong.gov.cn/info/9005/2017048.htm",
)
ALL = (DOCUMENT, INTERPRETATION, NOTICE, SERVICE)


def short_count(text: str) -> int:
    """A measure like Weibo's: ASCII half, a link ten."""
    words = [
        10.0 if word.startswith("http") else sum(0.5 if c.isascii() else 1.0 for c in word) for word in text.split()
    ]
    return int(-(-sum(words) // 1)) + text.count(" ")


ARTICLE_SPEC = ChannelSpec(
    name="wechat",
    label="文章",
    fields=(
        FieldSpec("title", limit=32, elastic=("title",), label="标题"),
        FieldSpec("author", limit=16, required=False, label="作者"),
        FieldSpec("digest", limit=128, elastic=("summary",), required=False, label="摘要"),
        FieldSpec("content", form="html", limit=19_999, label="正文"),
        FieldSpec("content_source_url", limit=1024, label="阅读原文"),
    ),
    modes=(),
    endpoints={},
    credentials=(),
    options=(),
    cover=CoverSpec("cover", "wide+square", {"wide": "pic_crop_235_1", "square": "pic_crop_1_1"}),
    link_field="content_source_url",
)
SHORT_SPEC = ChannelSpec(
    name="weibo",
    label="短讯",
    fields=(FieldSpec("status", limit=140, count=short_count, elastic=("gist", "title"), label="正文"),),
    modes=(),
    endpoints={},
    credentials=(),
    options=(),
    cover=None,
    link_field="status",
)
