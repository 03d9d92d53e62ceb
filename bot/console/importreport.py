"""The whole report of an import as a sheet. The page carries it and the browser saves it: nothing of it is kept here."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bot import intake
from bot.services import documents
from bot.services.documents import RowResult
from bot.services.exporting import safe

COLUMNS = ("文件", "行", "编号", "结果", "字段", "内容", "问题", "办法")
RESULTS = {
    documents.CREATED: "新增", documents.UPDATED: "更新", documents.UNCHANGED: "未变", documents.REJECTED: "拒收",
}  # fmt: skip
LONGEST = 500  # characters of a cell that was refused; somebody's whole text helps nobody


def as_csv(reports: Iterable[Mapping[str, Any]]) -> str:
    """Every line of every file, or "" where there is nothing to tell. No cell is a formula.

    Without the byte order mark: the page puts it before the file that it makes of this.
    """
    lines = [line for one in reports for line in _lines(one)]
    if not lines:
        return ""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    writer.writerows([safe(value) for value in line] for line in lines)
    return buffer.getvalue()


def _lines(one: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    if one["error"]:
        yield one["name"], "", "", "没有导入", "", "", one["error"], ""
        return
    if one["unread"]:
        yield one["name"], "", "", "没有读取", "", "", one["unread"], ""
    for row in one["report"].rows:
        yield one["name"], row.number, row.external_id, RESULTS[row.result], *_said(row)


def _said(row: RowResult) -> tuple[str, str, str, str]:
    if row.result != documents.REJECTED:
        return "", "", f"导入时清理：{'；'.join(row.notes)}", ""
    value = row.value if len(row.value) <= LONGEST else f"{row.value[:LONGEST]}…"
    return intake.LABELS.get(row.field, row.field) or "整行", value, row.reason, row.remedy
