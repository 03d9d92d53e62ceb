"""JSON: a list of objects, {"items": [...]}, a single object, or JSON Lines; read object by object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..columns import LABELS, field_of
from ..contract import Opened, Record, Rejected, SourceError, SourceKind
from ..encoding import count_lines, detect, limited
from ..text import visible
from .stream import Broken, Items, lines

MAX_BYTES = 100 << 20
_LINE_SUFFIXES = (".jsonl", ".ndjson")


def _open(path: Path, name: str) -> Opened:
    limited(path, MAX_BYTES)
    codec = detect(path)
    by_line = Path(name).suffix.lower() in _LINE_SUFFIXES
    if not by_line:
        with path.open(encoding=codec, newline="") as file:
            layout = Items(file).layout()
        if layout == "other":
            raise SourceError(
                'JSON 的最外层不是对象的列表，没有导入任何内容。请用 [{…}, {…}] 或 {"items": [{…}]} 的形式。'
            )
        by_line = layout == "lines"
    return Opened(lambda: _records(path, codec, by_line=by_line), count_lines(path) + 1 if by_line else None)


def _records(path: Path, codec: str, *, by_line: bool) -> Iterator[Record | Rejected]:
    with path.open(encoding=codec, newline="") as file:
        for number, value in lines(file) if by_line else Items(file):
            yield _record(number, value)


def _record(number: int, value: Any) -> Record | Rejected:
    if isinstance(value, Broken):
        remedy = "请用导出系统重新生成文件，或用编辑器改正这一处后重新导入。"
        return Rejected(number, "", "", visible(value.text), value.reason, remedy)
    if not isinstance(value, dict):
        return Rejected(
            number, "", "", visible(value), "这一项不是对象（{…}）。", '每一项请写成 {"id": …, "title": …} 的形式。'
        )
    values: dict[str, Any] = {}
    for key, item in value.items():
        name = field_of(key)
        if name is None or item is None:
            continue
        if name in values and values[name] != item:
            reason = f"有两个键都表示“{LABELS[name]}”，且内容不同。"
            return Rejected(
                number, visible(values.get("external_id")), name, visible(item), reason, "请只保留其中一个。"
            )
        values[name] = item
    return Record(number, values)


SOURCE = SourceKind("json", (".json", *_LINE_SUFFIXES), _open)
