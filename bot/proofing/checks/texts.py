"""Form of the texts: nothing empty, pairs closed, nothing invisible left, figures that agree."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from bot.domain.article import Article
from bot.domain.findings import Finding, Level

from ..context import FIELD_LABELS, Context, hit, place
from ..text import fold

_WRITTEN = ("title", "summary", "body_html", "unit", "document_number")
_PROSE = ("title", "summary", "body_html")

_END = re.compile(r"[。，、；：．.,;:·…]+\s*$")
_TOPIC = re.compile(r"#[^#\n]{1,60}#")

_PAIRS = {"》": "《", "）": "（", "”": "“", "】": "【", "〕": "〔", "〉": "〈", "’": "‘", "」": "「"}
_OPENING = {opening: closing for closing, opening in _PAIRS.items()}
_AS_FULL = str.maketrans("()", "（）")
_NOT_PAIRED = "’"  # also an apostrophe
_LIST_MARK = re.compile(r"(?:^|[\s。；，：、])(?:\d{1,3}|[a-zA-Z]|[一二三四五六七八九十]{1,3})）")

_FIGURE = re.compile(r"(?<![\d.第])(\d+(?:\.\d+)?)(万元|亿元|项|个|家|件|名|户|条|元)")
_BAD_CATEGORIES = {
    "Cc": "控制字符",
    "Cf": "不可见字符",
    "Cs": "残缺字符",
    "Co": "无法显示的字符",
    "Cn": "无法显示的字符",
}
_EMOJI_JOINERS = "\u200d"
_GB = "GB/T 15834-2011"


def check_texts(article: Article, context: Context) -> Iterator[Finding]:
    """What can be seen without knowing any word."""
    yield from _empty(article, context)
    yield from _title(context.texts.get("title", ""))
    for name in _WRITTEN:
        yield from _left_over_characters(name, context.texts.get(name, ""))
    for name in _PROSE:
        yield from _unpaired(name, context.texts.get(name, ""))
    yield from _figures(context)


def _empty(article: Article, context: Context) -> Iterator[Finding]:
    if not _seen(article.title):
        yield hit("texts.no_title", Level.BLOCK, "标题是空的；请填写标题。", "title", (0, 0), "")
    if not _seen(article.summary) and not _seen(context.texts.get("body_html", "")):
        message = "摘要和正文都是空的，没有可发布的内容；请至少填写其中一项。"
        yield hit("texts.no_text", Level.BLOCK, message, "summary", (0, 0), "")


def _seen(text: str) -> bool:
    return bool(fold(text).text.strip())


def _title(title: str) -> Iterator[Finding]:
    end = _END.search(title)
    if end:
        message = f"标题末尾有标点“{end[0].strip()}”；标题末尾不加句号、逗号等标点，请删去。"
        yield hit("texts.title_end", Level.WARN, message, "title", end.span(), end[0].strip(), source=_GB)
    for topic in _TOPIC.finditer(title):
        message = f"{place('title', title, topic.start())}起有“#…#”话题形式，微博接口会拒绝发布；请去掉井号。"
        shown = title[topic.start() : topic.end()]
        yield hit(
            "texts.topic", Level.BLOCK, message, "title", topic.span(), shown, source="微博开放平台 statuses/share"
        )


def _left_over_characters(name: str, text: str) -> Iterator[Finding]:
    """One finding per field and kind of character: they come in swarms."""
    places: dict[str, list[int]] = {}
    for index, char in enumerate(text):
        if not (char.isascii() and char.isprintable()):
            kind = _bad_kind(char)
            if kind:
                places.setdefault(kind, []).append(index)
    for kind, indexes in places.items():
        first = indexes[0]
        message = f"{place(name, text, first)}等{len(indexes)}处有{kind}（U+{ord(text[first]):04X}），可能是复制时带入的；请删去后重新录入该处文字。"
        level = Level.BLOCK if kind == "残缺字符" else Level.WARN
        yield hit("texts.left_over", level, message, name, (first, first + 1), f"U+{ord(text[first]):04X}")


def _bad_kind(char: str) -> str:
    if char in "\n\t\r" or char in _EMOJI_JOINERS:
        return ""
    return "乱码字符" if char == "\ufffd" else _BAD_CATEGORIES.get(unicodedata.category(char), "")


def _unpaired(name: str, text: str) -> Iterator[Finding]:
    """Marks without their counterpart. In a title it blocks: the posts set titles in marks of their own."""
    level = Level.BLOCK if name == "title" else Level.WARN
    for index in _lonely(text):
        mark = text[index]
        full = mark.translate(_AS_FULL)
        other = _OPENING.get(full) or _PAIRS[full]
        message = f"{place(name, text, index)}的“{mark}”没有与之配对的“{other}”；请补上或删去。"
        yield hit("texts.unpaired", level, message, name, (index, index + 1), mark, source=_GB)


def _lonely(text: str) -> list[int]:
    """Offsets of unpaired marks. Half-width round brackets count as full-width ones; 1） is no bracket."""
    text = text.translate(_AS_FULL)
    list_marks = {match.end() - 1 for match in _LIST_MARK.finditer(text)}
    open_marks: list[int] = []
    lonely: list[int] = []
    for index, char in enumerate(text):
        if char in _OPENING:
            open_marks.append(index)
        elif char in _PAIRS:
            partner = _partner(text, open_marks, _PAIRS[char])
            if partner is not None:
                lonely += open_marks[partner + 1 :]
                del open_marks[partner:]
            elif char not in _NOT_PAIRED and index not in list_marks:
                lonely.append(index)
    return sorted(lonely + open_marks)


def _partner(text: str, open_marks: list[int], opening: str) -> int | None:
    """Place in `open_marks` of the nearest matching opening mark; marks nest only a few deep."""
    for back in range(1, min(len(open_marks), 12) + 1):
        if text[open_marks[-back]] == opening:
            return len(open_marks) - back
    return None


def _figures(context: Context) -> Iterator[Finding]:
    """A figure in the title that the text gives otherwise: same unit, no such figure, and not their sum."""
    title = context.texts.get("title", "")
    text = context.texts.get("summary", "") + "\n" + context.texts.get("body_html", "")
    for match in _FIGURE.finditer(title):
        others = [float(number) for number, unit in _FIGURE.findall(text) if unit == match[2]]
        figure = float(match[1])
        if others and figure not in others and abs(sum(others) - figure) > 1e-6:
            message = f"标题中的“{match[0]}”在{FIELD_LABELS['summary']}和{FIELD_LABELS['body_html']}中找不到相同的数字；请核对前后是否一致。"
            yield hit("texts.figures", Level.WARN, message, "title", match.span(), match[0])
