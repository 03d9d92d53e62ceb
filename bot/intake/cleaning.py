"""Cleaning of plain text, in one place. What it changes is recorded; what it cannot make safe it leaves as inert text.

Nothing is ever executed or evaluated here: formulas and template syntax ({{ }}, {% %}) are data and stay as they are.
"""

from __future__ import annotations

import html
import re
import unicodedata

from bot.domain.scripts import spelled_out

from .contract import Cleaned
from .text import INVISIBLE, NEWLINES

_DROPPED_WITH_CONTENT = "script|style|iframe|object|embed|noscript|template|svg|math|textarea|select|title|head"
_ACTIVE = re.compile(rf"<({_DROPPED_WITH_CONTENT})\b[^<>]*>.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--.*?-->|<![a-zA-Z\[][^<>]*>|<\?[^<>]*>", re.DOTALL)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8}\d{0,2});")
_FORMULA = re.compile(r"[=+\-@＝＋－＠]")
_TEXT_MARK = re.compile(r"'+(?=[=+\-@＝＋－＠0-9])")
_SPACES = re.compile(r"[ \u3000]{2,}")
_CJK = r"\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef“”‘’—…"
_FOLD_CJK = re.compile(rf"(?<=[{_CJK}])[ ]*\n\s*(?=[{_CJK}])")
_FOLD = re.compile(r"[ ]*\n\s*")
_ROUNDS = 6


class Notes:
    """Collects what was cleaned, each (field, what) once."""

    def __init__(self, cleaned: tuple[Cleaned, ...] = ()) -> None:
        self._seen = dict.fromkeys(cleaned)

    def add(self, field: str, what: str) -> None:
        """Record one change."""
        self._seen[Cleaned(field, what)] = None

    def all(self) -> tuple[Cleaned, ...]:
        """Everything recorded, first first."""
        return tuple(self._seen)


def clean_text(field: str, text: str, notes: Notes, *, multiline: bool = False) -> str:
    """Plain text that is safe to store and show. Cleaning twice changes nothing more.

    In order: newlines unified; invisible characters dropped; NFC; HTML entities and tags resolved (scripts with their
    content); lines folded unless `multiline`; spaces trimmed; a spreadsheet's leading ' dropped; a leading formula
    sign noticed and kept as text.
    """
    if not text:
        return text
    text = _visible_plain(field, NEWLINES.sub("\n", text), notes)
    text = _trim(field, text, notes)
    return _formula(field, text if multiline else _one_line(field, text, notes), notes)


def _visible_plain(field: str, text: str, notes: Notes) -> str:
    """Repeat the steps until nothing changes: `<scr<b>ipt>` and `&amp;lt;b&amp;gt;` come apart in layers."""
    for _ in range(_ROUNDS):
        before = text
        text = drop_invisible(field, text, notes)
        text = normalise(field, text, notes)
        text = _strip_html(field, text, notes)
        if text == before:
            return text
    notes.add(field, "嵌套的 HTML 代码已改为普通文字")
    return text.replace("<", "＜").replace("&", "＆")


def drop_invisible(field: str, text: str, notes: Notes) -> str:
    """Without control, zero-width and bidi characters; the note names them."""
    found = INVISIBLE.findall(text)
    if not found:
        return text
    names = "、".join(f"U+{ord(char):04X}" for char in list(dict.fromkeys(found))[:5])
    notes.add(field, f"去掉 {len(found)} 个不可见字符（{names}）")
    return INVISIBLE.sub("", text)


def normalise(field: str, text: str, notes: Notes) -> str:
    """Unicode NFC, so that equal-looking text is equal."""
    normal = unicodedata.normalize("NFC", text)
    if normal != text:
        notes.add(field, "字符统一为标准形式（NFC）")
    return normal


def _strip_html(field: str, text: str, notes: Notes) -> str:
    plain = _ENTITY.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text
    if plain != text:
        notes.add(field, "还原 HTML 转义符")
        plain = NEWLINES.sub("\n", plain)
    if "<" not in plain:
        return plain
    inert = _ACTIVE.sub("", plain)
    if inert != plain:
        notes.add(field, "去掉脚本、样式等代码")
    bare = _TAG.sub("", spelled_out(inert))
    if bare != inert:
        notes.add(field, "去掉 HTML 标签，保留文字")
    return bare


def _trim(field: str, text: str, notes: Notes) -> str:
    text = text.replace("\t", " ").replace("\u00a0", " ")
    trimmed = text.strip()
    if trimmed != text:
        notes.add(field, "去掉首尾空白")
    return trimmed


def _one_line(field: str, text: str, notes: Notes) -> str:
    """One line: between Chinese characters a line break is nothing, elsewhere it is a space."""
    folded = _FOLD.sub(" ", _FOLD_CJK.sub("", text))
    if folded != text:
        notes.add(field, "换行已合并为一行")
    single = _SPACES.sub(" ", folded)
    if single != folded:
        notes.add(field, "连续空格合并为一个")
    return single


def _formula(field: str, text: str, notes: Notes) -> str:
    """Staff's spreadsheets mark text with a leading '; what then looks like a formula stays text, with a note."""
    marked = _TEXT_MARK.match(text)
    if marked:
        notes.add(field, "去掉表格软件的文本标记 '")
        text = text[marked.end() :]
    if _FORMULA.match(text):
        notes.add(field, f"以 {text[0]} 开头，按普通文字保留，不作为公式")
    return text
