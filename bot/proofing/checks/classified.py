"""Marks of secrecy and the disclosure attribute (domain.md 2.3, 2.6; GB/T 9704-2012)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bot.domain.article import Article
from bot.domain.findings import Finding, Level

from ..context import Context, Place, hit, place
from ..text import fold

_GRADE = r"(?:绝\s?密|机\s?密|秘\s?密)"
_MARK = re.compile(
    rf"{_GRADE}\s{{0,3}}[★☆✩✭⭐*＊]"  # 机密★1年
    rf"|密\s?级\s?[:：]\s?{_GRADE}"
    rf"|^[ \t]*[（(【\[]?{_GRADE}(?:级)?[】\])）]?[ \t]*$",  # alone on its line: the top left of a first page
    re.MULTILINE,
)
_ANNOTATION = re.compile(r"此件(?:不予公开|不公开|依申请公开|删减后公开)")
_INTERNAL = re.compile(
    r"内部资料|内部文件|内部刊物|内部使用|内部参考|内部传阅|内部掌握|仅供内部|供领导参阅|不得外传|严禁外传|不宜公开|请勿外传"
)
PUBLIC = "主动公开"
_SECRETS_LAW = "《保守国家秘密法》第十四条、第三十五条；GB/T 9704-2012"


def check_classified(article: Article, context: Context) -> Iterator[Finding]:
    """Block marks of secrecy and items not for disclosure; warn of words of internal papers.

    A finding shows the mark alone and nothing of the text around it.
    """
    yield from in_texts({name: text for name, text in context.texts.items() if name != "attribute"})
    yield from _attribute(article)


def in_texts(texts: Mapping[str, str], where: Place = place) -> Iterator[Finding]:
    """Marks and words in any texts by name."""
    for name, text in texts.items():
        folded = fold(text)
        for rule, level, pattern, message, source in _KINDS:
            for match in pattern.finditer(folded.text):
                span = folded.span(*match.span())
                said = message.format(where=where(name, text, span[0]))
                yield hit(rule, level, said, name, span, match[0].strip(), source=source)


_KINDS = (
    (
        "classified.mark",
        Level.BLOCK,
        _MARK,
        "{where}有国家秘密标志，本件不得在本系统处理；请立即停止操作，报告保密审查员，不要自行删去标志后再提交。",
        _SECRETS_LAW,
    ),
    (
        "classified.annotation",
        Level.BLOCK,
        _ANNOTATION,
        "{where}的附注表明本件不属于主动公开，不能发布；请与文件起草单位和保密审查员核实公开属性。",
        "国办发〔2016〕80号",
    ),
    (
        "classified.internal",
        Level.WARN,
        _INTERNAL,
        "{where}有内部材料用语，请确认本件可以对外公开；拿不准的先请保密审查员审查。",
        "《政府信息公开条例》第十六条、第十七条",
    ),
)


def _attribute(article: Article) -> Iterator[Finding]:
    attribute = article.attribute.strip()
    if attribute == PUBLIC:
        return
    says = f"公开属性为“{attribute}”" if attribute else "没有填写公开属性"
    message = f"{says}，只有“{PUBLIC}”的信息才能发布；请核实文件报审时确定的公开属性，属于主动公开的改正后再提交。"
    span = (0, len(article.attribute))
    yield hit(
        "classified.attribute",
        Level.BLOCK,
        message,
        "attribute",
        span,
        attribute,
        source="国办发〔2016〕80号；《政府信息公开条例》",
    )
