"""Record -> Row: the same cleaning and the same rules for every source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from typing import ParamSpec, TypeVar

from bot.domain.article import Article, Kind

from . import validation
from .cleaning import Notes, clean_text
from .columns import LABELS
from .contract import Record, Refusal, Rejected, Row, SourceError, Taken
from .markup import clean_body
from .text import visible

P = ParamSpec("P")
T = TypeVar("T")
MULTILINE = ("summary",)
DATES = ("published_on", "formed_on")
#: A file beyond this is split by hand: ids are remembered, so memory would not stay flat.
MAX_ROWS = 200_000


class Faults:
    """The refusals of one row, of each field the first: whoever mends the row is told all of them at once."""

    def __init__(self) -> None:
        self.found: dict[str, Refusal] = {}

    def or_else(self, stead: T, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the step makes, or `stead` where it refuses: the row is not taken then, but is read to its end."""
        try:
            return step(*args, **kwargs)
        except Refusal as refusal:
            self.found.setdefault(refusal.field, refusal)
            return stead


def assemble(record: Record) -> Row:
    """One row as an article, or the reasons why not. Never raises, whatever the values are."""
    notes, faults = Notes(record.cleaned), Faults()
    article = _article(record, notes, faults)
    if faults.found:
        first, *others = (rejected(record, refusal) for refusal in faults.found.values())
        return replace(first, others=tuple(others))
    used = {asset for asset in record.assets if asset.ref in article.body_html}
    return Taken(record.number, article, notes.all(), tuple(asset for asset in record.assets if asset in used))


def rejected(record: Record, refusal: Refusal) -> Rejected:
    """The refusal as staff read it."""
    named = record.values.get("external_id")
    return Rejected(
        record.number,
        visible(named),
        refusal.field,
        visible(refusal.value),
        refusal.reason + "。",
        refusal.remedy + "。",
    )


def rows(records: Iterable[Record | Rejected]) -> Iterator[Row]:
    """Assemble one record after the other; the second use of an id within one file is refused."""
    seen: dict[str, tuple[int, int]] = {}
    for count, record in enumerate(records, 1):
        if count > MAX_ROWS:
            raise SourceError(f"文件超过 {MAX_ROWS} 行，后面的行没有读取。请分成几个文件导入。")
        yield record if isinstance(record, Rejected) else _once(assemble(record), seen)


def _once(row: Row, seen: dict[str, tuple[int, int]]) -> Row:
    if isinstance(row, Rejected):
        return row
    key, digest = row.article.external_id, hash(row.article)
    first = seen.setdefault(key, (row.number, digest))
    if first[0] == row.number:
        return row
    if first[1] == digest:
        reason, remedy = f"与第 {first[0]} 行完全相同，不重复导入。", "无需处理；如不是有意重复，可删去这一行。"
    else:
        reason = f"编号与第 {first[0]} 行相同，但内容不同。"
        remedy = "同一文件里一个编号只能出现一次：请改正编号，或只保留正确的一行。"
    return Rejected(row.number, visible(key), "external_id", visible(key), reason, remedy, repeated=first[1] == digest)


def _article(record: Record, notes: Notes, faults: Faults) -> Article:
    take = faults.or_else
    texts = {name: take("", _text, record, name, notes) for name in LABELS if name != "body_html"}
    article = Article(
        external_id=take("", validation.external_id, texts["external_id"]),
        kind=take(
            Kind.INTERPRETATION, validation.kind, texts["kind"]
        ),  # of which nothing is said about its counterpart
        title=take("", validation.required, "title", texts["title"], "请填写标题"),
        source_url=take("", validation.source_url, texts["source_url"], notes),
        document_number=validation.document_number(texts["document_number"], notes),
        attribute=take("", validation.attribute, texts["attribute"]),
        published_on=take(None, _day, record, "published_on", texts, notes),
        formed_on=take(None, _day, record, "formed_on", texts, notes),
        interprets=texts["interprets"],
        attachments=(),  # no source tells of them, nor of a cover: what the newest edition has stays
        cover=None,
        **{name: texts[name] for name in _PLAIN},
    )
    take(None, _pairing, article)
    return replace(article, body_html=take("", _body, record, notes))


_PLAIN = ("summary", "index_number", "unit", "category", "subcategory", "area", "form", "provenance")


def _text(record: Record, name: str, notes: Notes) -> str:
    raw = validation.as_text(name, record.values.get(name))
    return validation.within_limit(name, clean_text(name, raw, notes, multiline=name in MULTILINE))


def _day(record: Record, name: str, texts: dict[str, str], notes: Notes) -> date | None:
    return validation.day(name, record.values.get(name), texts[name], notes)


def _body(record: Record, notes: Notes) -> str:
    raw = validation.as_text("body_html", record.values.get("body_html"))
    fragment = clean_body(raw, notes, {asset.ref for asset in record.assets})
    return validation.within_limit("body_html", fragment)


def _pairing(article: Article) -> None:
    """An interpretation names its document, which may come later or from another file; nothing else names one."""
    if not article.interprets:
        return
    if article.kind is not Kind.INTERPRETATION:
        hint = "如果这是解读，请把类型改为政策解读；否则请清空这一列"
        raise Refusal("interprets", article.interprets, "只有政策解读才能填写所解读文件", hint)
    if article.interprets == article.external_id:
        raise Refusal("interprets", article.interprets, "解读的对象是它自己", "请填写所解读的那份文件的编号")
