"""What a check is told besides the article."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from bot.domain.article import Article
from bot.domain.attached import Attached
from bot.domain.findings import Finding, Level

from .rules import TermBook
from .text import plain_text

#: The portal of the district (domain.md 1.4).
PORTAL_HOSTS = frozenset({"www.hedong.gov.cn", "hedong.gov.cn"})

#: Fields that staff write and readers may see, with the words staff use for them.
FIELD_LABELS: Mapping[str, str] = {
    "title": "标题",
    "summary": "摘要",
    "body_html": "正文",
    "document_number": "发文字号",
    "index_number": "索引号",
    "unit": "发布机构",
    "category": "类别",
    "subcategory": "子类别",
    "area": "重点领域",
    "form": "解读形式",
    "attribute": "公开属性",
    "source_url": "原文链接",
    "published_on": "发布日期",
    "formed_on": "成文日期",
    "interprets": "所解读文件",
}

_TEXT_FIELDS = tuple(name for name in FIELD_LABELS if name not in {"published_on", "formed_on", "interprets"})


@dataclass(frozen=True, slots=True)
class Pair:
    """What is known of the counterpart: a policy's interpretations, or the document an interpretation explains.

    `is_policy` is the editor's setting; `interpretation_ids` are the linked interpretations of this document;
    `interpreted` is the document that this interpretation explains, if it is known; `waived` says that a
    waiver of the interpretation is on record.
    """

    is_policy: bool = False
    interpretation_ids: tuple[str, ...] = ()
    interpreted: Article | None = None
    waived: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a check may use besides the article. Checks read no clock, file, setting or database."""

    pair: Pair
    today: date  # in Asia/Shanghai
    terms: TermBook
    portal_hosts: frozenset[str] = PORTAL_HOSTS
    texts: Mapping[str, str] = field(default_factory=dict)  # plain text by field name
    attached: tuple[Attached, ...] = ()


def texts_of(article: Article) -> dict[str, str]:
    """Plain text of each written field that is not empty; `body_html` as `plain_text` gives it."""
    texts = {name: str(getattr(article, name)) for name in _TEXT_FIELDS}
    texts["body_html"] = plain_text(article.body_html)
    return {name: text for name, text in texts.items() if text}


#: Where staff find offset `start` of a text of that name: (name, text, start) -> words.
Place = Callable[[str, str, int], str]


def place(name: str, text: str = "", start: int = 0) -> str:
    """Where staff find it: `标题第3字`, or for the body `正文第2段第5字`."""
    label = FIELD_LABELS.get(name, name)
    if name != "body_html":
        return f"{label}第{start + 1}字"
    lines = text[:start].split("\n")
    paragraph = sum(1 for line in lines[:-1] if line.strip()) + 1
    return f"{label}第{paragraph}段第{len(lines[-1]) + 1}字"


def hit(rule: str, level: Level, message: str, name: str, span: tuple[int, int], found: str, **more: str) -> Finding:
    """A finding at a place in a field; `more` is `suggestion` and `source`."""
    return Finding(rule, level, message, name, span[0], span[1], found, **more)
