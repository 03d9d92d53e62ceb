"""Which column, key or label means which Article field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .contract import Cleaned, SourceError
from .text import strip_invisible

#: What staff call each field.
LABELS = {
    "external_id": "编号",
    "kind": "类型",
    "title": "标题",
    "summary": "摘要",
    "body_html": "正文",
    "document_number": "发文字号",
    "index_number": "索引号",
    "unit": "发布机构",
    "category": "公开目录",
    "subcategory": "子目录",
    "area": "重点领域",
    "source_url": "原文链接",
    "published_on": "发布日期",
    "formed_on": "成文日期",
    "interprets": "所解读文件编号",
    "form": "解读形式",
    "attribute": "公开属性",
    "provenance": "来源说明",
}


def noted(one: Cleaned) -> str:
    """What was cleaned, as staff read it: the field by its name of theirs."""
    return f"{LABELS.get(one.field, one.field)}：{one.what}"


#: Other names of the fields, in lower case without spaces. The Chinese ones are the portal's metadata block
#: (domain.md 1.4) and usual spreadsheet headings; the last English ones are the <meta> names that 《政府网站发展指引》
#: (国办发〔2017〕47号) prescribes for article pages.
_ALIASES = {
    "external_id": "id external_id 编号 信息编号 文件编号 唯一编号 文章id articleid",
    "kind": "kind type 类型 信息类型 信息类别 种类",
    "title": "title 标题 文件标题 信息标题 名称 文件名称 信息名称 文章标题 articletitle",
    "summary": "summary 摘要 内容摘要 概述 内容概述 简介 description",
    "body_html": "body body_html content 正文 正文内容 内容 信息内容",
    "document_number": "document_number 发文字号 文号 文件编号字号 发文文号",
    "index_number": "index_number 索引号 信息索引号 索引",
    "unit": "unit issuing_unit 发布机构 发布单位 发文机关 发文单位 发文机构 公开机构 责任部门 contentsource",
    "category": "category 公开目录 栏目 分类 一级目录 信息分类 主题分类 columnname",
    "subcategory": "subcategory 子目录 子栏目 子类 二级目录",
    "area": "area 重点领域 领域",
    "source_url": "source_url url link 原文链接 链接 原文地址 原文网址 来源链接 网址 网页链接 网页地址 文章链接 信息链接 og:url",
    "published_on": "published_on publish_date publication_date 发布日期 发布时间 公开日期 发文日期 pubdate",
    "formed_on": "formed_on formed_date 成文日期 成文时间 生成日期 印发日期",
    "interprets": "interprets linked_document 所解读文件编号 解读文件编号 所解读文件 解读文件 关联文件 关联文件编号",
    "form": "form 解读形式 形式",
    "attribute": "attribute 公开属性 公开方式 公开形式",
    "provenance": "provenance 来源说明 数据来源",
}
ALIASES = {alias: name for name, aliases in _ALIASES.items() for alias in aliases.split()}

#: Columns without which no row of a table could be taken.
REQUIRED_COLUMNS = ("external_id", "title", "kind", "source_url")

_NOISE = re.compile(r"[\s\u3000*＊:：]+")
_HINT = re.compile(r"[(（][^()（）]*[)）]$")


def field_of(heading: object) -> str | None:
    """The Article field that a heading names ("*标题：", "原文链接（必填）", "Publish_Date"), or None."""
    if not isinstance(heading, str) or len(heading) > 80:
        return None
    key = _NOISE.sub("", strip_invisible(heading)).lower()
    return ALIASES.get(key) or ALIASES.get(_HINT.sub("", key))


@dataclass(frozen=True, slots=True)
class Header:
    """A table's heading: position -> field, and the headings that mean nothing here."""

    fields: Mapping[int, str]
    ignored: tuple[str, ...]
    width: int

    def missing(self) -> list[str]:
        """Required fields that no column provides."""
        return [name for name in REQUIRED_COLUMNS if name not in self.fields.values()]


def read_header(cells: Sequence[object]) -> Header:
    """Map headings to fields. Raises SourceError when two columns mean the same field: which one counts is a guess."""
    fields: dict[int, str] = {}
    for position, cell in enumerate(cells):
        name = field_of(cell)
        if name is None:
            continue
        if name in fields.values():
            raise SourceError(f"表头有两列都是“{LABELS[name]}”，无法判断以哪一列为准。请只保留一列后重新导入。")
        fields[position] = name
    ignored = tuple(
        str(cell).strip()[:40] for i, cell in enumerate(cells) if i not in fields and cell not in (None, "")
    )
    return Header(fields, ignored, len(cells))


def require(header: Header) -> Header:
    """The header itself, or SourceError naming the required columns it lacks."""
    missing = header.missing()
    if missing:
        names = "、".join(f"“{LABELS[name]}”({_ALIASES[name].split()[0]})" for name in missing)
        raise SourceError(f"表头缺少必需的列：{names}。没有导入任何内容。请在第一行补上列名后重新导入。")
    return header
