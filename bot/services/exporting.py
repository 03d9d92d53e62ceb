"""The metrics log as a sheet: csv that no spreadsheet executes, or xlsx with text cells."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from bot.domain.engine.people import BY_HAND
from bot.domain.instants import show
from bot.domain.sampling import metric_words
from bot.models import Item, ManualPost, Publication, Unit

from .errors import Refused
from .manual import standing
from .manualnumbers import ABSENT, Figures, figures_of
from .measuring import latest_values, released_items
from .reportsource import channels_of
from .settling import declared_by

NUMBERS = {
    "reads": "阅读", "shares": "分享", "reposts": "转发", "comments": "评论", "likes": "点赞", "attitudes": "赞",
}  # fmt: skip
COLUMNS = {
    "document": "编号", "title": "标题", "account": "账号", "planned": "计划时刻", "actual": "实际时刻", "late_ms": "晚（毫秒）",
    "state": "状态", "url": "链接", "platform_id": "平台编号", "sampled": "采样时刻", "stat_date": "统计日", **NUMBERS,
}  # fmt: skip
_DANGEROUS = (*"=+-@", *"＝＋－＠", "\t", "\r", "\n", "\x00")  # the wide ones are formulas to a spreadsheet in Chinese


def numbers_of(unit: Unit) -> dict[str, str]:
    """The columns of numbers, with their words: the same for all, then what only the unit's own kinds of channels know."""
    specs = channels_of(unit)
    words, own = metric_words(*specs), {name for spec in specs for name in spec.metric_labels}
    return NUMBERS | {name: words[name] for name in words if name in own and name not in NUMBERS}


def rows(unit: Unit) -> Iterator[dict[str, Any]]:
    """One row per position that went out, then what people posted by hand; a number not reported is None."""
    numbers = numbers_of(unit)
    for item in released_items(unit):
        yield _row(item, numbers)
    posts = list(standing(unit).order_by("-posted_at", "-pk"))
    figures = figures_of(posts)
    for post in posts:
        yield _by_hand(post, figures[post.pk], numbers)


def _by_hand(post: ManualPost, figures: Figures, numbers: Iterable[str]) -> dict[str, Any]:
    """Its state says why there are no numbers, where there are none."""
    known = {
        "document": post.edition.document.external_id if post.edition else "", "title": post.title,
        "account": post.account.name, "actual": show(post.posted_at), "url": post.url,
        "state": "；".join(filter(None, [f"手工发布（{BY_HAND}）", figures.note])),
        "platform_id": figures.platform_id, "sampled": show(figures.taken_at) if figures.taken_at else "",
        "stat_date": figures.stat_date, **{name: figures.values.get(name) for name in numbers},
    }  # fmt: skip
    return dict.fromkeys(COLUMNS, "") | known


def _row(item: Item, numbers: Iterable[str]) -> dict[str, Any]:
    publication = item.publication
    newest = item.samples.order_by("-stat_date", "-taken_at", "-pk").first()
    values = latest_values(item)
    return {
        "document": item.edition.document.external_id,
        "title": item.edition.title,
        "account": publication.account.name,
        "planned": show(publication.promised),
        "actual": show(publication.sent_at) if publication.sent_at else "",
        "late_ms": f"{publication.late_ms:.1f}" if publication.late_ms is not None else "",
        "state": _state(publication, absent=bool(newest and newest.absent)),
        "url": item.url or "未取得",
        "platform_id": item.platform_id,
        "sampled": show(newest.taken_at) if newest else "",
        "stat_date": newest.stat_date if newest else "",
        **{name: values.get(name) for name in numbers},
    }


def _state(publication: Publication, *, absent: bool) -> str:
    """What a person declared live was never asked for under the platform's own id: no answer about it says anything."""
    if declared_by(publication):
        return f"{publication.status.label}（{BY_HAND}）"
    return ABSENT if absent else publication.status.label


def safe(value: Any) -> str:
    """Text that a spreadsheet shows and never runs (OWASP: CSV injection); not reported is empty."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def write(file: Path, unit: Unit) -> int:
    """Write .csv or .xlsx; returns the number of rows."""
    found, numbers = list(rows(unit)), numbers_of(unit)
    if file.suffix.lower() == ".csv":
        _write_csv(file, found, numbers)
    elif file.suffix.lower() == ".xlsx":
        _write_xlsx(file, found, numbers)
    else:
        raise Refused("suffix", "只能导出为 .csv 或 .xlsx，请改文件名后缀。")
    return len(found)


def _write_csv(file: Path, found: list[dict[str, Any]], numbers: Mapping[str, str]) -> None:
    columns = {**COLUMNS, **numbers}
    with file.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle, quoting=csv.QUOTE_ALL)
        writer.writerow(columns.values())
        writer.writerows([safe(row[name]) for name in columns] for row in found)


def _write_xlsx(file: Path, found: list[dict[str, Any]], numbers: Mapping[str, str]) -> None:
    columns = {**COLUMNS, **numbers}
    book = Workbook(write_only=True)
    sheet = book.create_sheet("指标")
    sheet.append(list(columns.values()))
    for row in found:
        cells = []
        for name in columns:
            value = row[name]
            cell = WriteOnlyCell(sheet, value=value if name in numbers else ("" if value is None else str(value)))
            if isinstance(cell.value, str):
                cell.data_type = "s"  # text, whatever it begins with
            cells.append(cell)
        sheet.append(cells)
    book.save(file)
