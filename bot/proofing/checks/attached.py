"""Attachments, as they were read: personal numbers, marks of secrecy, wrong words in them; what was left in them.

What a post does not carry stands on the portal under the same names, and ids have leaked from lists more often than from texts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from functools import lru_cache

from bot.domain.article import Article
from bot.domain.attached import Attached
from bot.domain.findings import Finding, Level

from ..context import Context
from ..rules import TermBook
from ..text import fold, visible
from . import classified, pii, terms

FIELD = "attachments"
MOST_OF_A_RULE = 5
"""Findings of one rule and level in one file that are told one by one: a list of a thousand people is replaced as a whole. Of
each level: what only asks to be looked at must not crowd out what stops the item."""

_LONG = 50_000  # letters


def check_attached(article: Article, context: Context) -> Iterator[Finding]:
    """What is found in any file; a file that was not read is named, so that a person reads it."""
    as_of = terms.as_of(article, context.today)
    for file in context.attached:
        yield from _found(file, context.terms, as_of, context.today)


@lru_cache(64)
def _found(file: Attached, book: TermBook, as_of: date, today: date) -> tuple[Finding, ...]:
    """Kept: the margin asks after every pause in typing, and a long list takes a second."""
    reading = file.reading
    texts = {part.where: part.text for part in reading.parts}
    units = {part.where: part.unit for part in reading.parts}
    ends = {name: [place for place, letter in enumerate(text) if letter == "\n"] for name, text in texts.items()}

    def where(name: str, _text: str, start: int) -> str:
        return f"附件“{file.name}”{name}第{bisect_left(ends[name], start) + 1}{units[name]}"

    found = [
        *classified.in_texts(texts, where),
        *pii.in_texts(texts, today, where),
        *(one for one in terms.in_texts(texts, book, as_of, where) if one.level is not Level.HINT),
    ]
    if sum(map(len, texts.values())) > _LONG:  # what was folded would be kept, with a number for each letter
        fold.cache_clear()
        visible.cache_clear()
    return (*_capped(found), *_about(file))


def _capped(found: Iterable[Finding]) -> Iterator[Finding]:
    found = list(found)
    total, seen = Counter(map(_kind, found)), Counter[tuple[str, Level]]()
    for one in found:
        kind = _kind(one)
        seen[kind] += 1
        if seen[kind] > MOST_OF_A_RULE:
            continue
        left = total[kind] - MOST_OF_A_RULE
        more = f"这个附件里同类问题还有 {left} 处，请通篇检查。" if seen[kind] == MOST_OF_A_RULE and left > 0 else ""
        yield replace(one, field=FIELD, start=0, end=0, message=one.message + more)


def _kind(one: Finding) -> tuple[str, Level]:
    return one.rule, one.level


def _about(file: Attached) -> Iterator[Finding]:
    reading = file.reading
    if reading.unread:
        which = "没有读到的部分" if reading.parts else ""
        message = (
            f"附件“{file.name}”{reading.unread}，{which}没有检查其中的个人信息、涉密标志和用词；"
            "请打开附件逐页核对，或换成读得到文字的文件。"
        )
        yield Finding("attached.unread", Level.WARN, message, FIELD)
    if reading.left:
        kept = "、".join(reading.left)
        message = f"附件“{file.name}”里留有{kept}，公开后谁都看得到；请清理后另存，移除这个附件再重新添加。"
        yield Finding("attached.left", Level.WARN, message, FIELD)
    if reading.author:
        message = (
            f"附件“{file.name}”的文件属性里写着“{reading.author}”；不宜公开的，请在办公软件里删除文档属性后重新添加。"
        )
        yield Finding("attached.author", Level.HINT, message, FIELD)
