"""Opening a file: which source reads it, and the one stream of rows that comes out."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from .assemble import rows
from .contract import Opened, Record, Rejected, Row, SourceError, SourceKind

_NO_SOURCES = frozenset({"reading"})
"""Folders beside the sources: that one reads files for the gate, not for articles."""


@functools.cache
def kinds() -> Mapping[str, SourceKind]:
    """File ending -> source, found by looking at the folders next to this file: one more folder is one more source.

    Raises RuntimeError when a folder exports no SOURCE, or two claim one ending: that is a fault of the build.
    """
    package = __name__.rpartition(".")[0]
    found: dict[str, SourceKind] = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if not module.ispkg or module.name in _NO_SOURCES:
            continue
        kind = getattr(importlib.import_module(f"{package}.{module.name}"), "SOURCE", None)
        if not isinstance(kind, SourceKind):
            raise RuntimeError(f"{package}.{module.name} exports no SOURCE")
        for suffix in kind.suffixes:
            if found.setdefault(suffix, kind) is not kind:
                raise RuntimeError(f"{suffix} is claimed by {found[suffix].name} and {kind.name}")
    return found


class Source:
    """An opened file. Iterating yields its rows in order, reading as it goes; each iteration starts afresh.

    `kind` names the source ("csv"), `total` estimates the rows (None: unknown), `ignored_columns` are headings that
    mean nothing to Tongfa, `unread` the sheets that are left out. Iterating may raise SourceError when the rest of the file turns out to be unreadable.
    """

    def __init__(self, kind: str, opened: Opened, defaults: Mapping[str, str]) -> None:
        self.kind = kind
        self.total = opened.total
        self.ignored_columns = opened.ignored_columns
        self.unread = opened.unread
        self._opened = opened
        self._defaults = dict(defaults)

    def __iter__(self) -> Iterator[Row]:
        try:
            yield from rows(map(self._filled, self._opened.records()))
        except (OSError, UnicodeError) as error:  # the file was moved or changed while it was read
            raise SourceError(
                "读取中途文件被移动或改动，后面的行没有读取。请放好文件后重新导入，已导入的行不会重复。"
            ) from error

    def _filled(self, record: Record | Rejected) -> Record | Rejected:
        if isinstance(record, Rejected) or not self._defaults:
            return record
        given = {name: value for name, value in record.values.items() if value not in (None, "")}
        return replace(record, values=self._defaults | given)


def open_source(path: Path, *, name: str | None = None, defaults: Mapping[str, str] | None = None) -> Source:
    """Open a file of items for intake.

    `name` is the file's own name when `path` is a temporary copy; its ending chooses the source. `defaults` are
    Article field names and texts used where the file gives none (what staff filled in beside a docx upload).
    Raises SourceError (Chinese) when the file as a whole cannot be read.
    """
    shown = name or path.name
    kind = kinds().get(Path(shown).suffix.lower())
    if kind is None:
        known = "、".join(sorted(kinds()))
        raise SourceError(f"不支持这种文件：{shown[-60:]}。可以导入：{known}。")
    try:
        if not path.is_file():
            raise SourceError(f"找不到文件 {shown[-60:]}，没有导入任何内容。请检查文件位置。")
        if path.stat().st_size == 0:
            raise SourceError("文件是空的，没有导入任何内容。请检查是否选错文件。")
        return Source(kind.name, kind.open(path, shown), defaults or {})
    except OSError as error:
        raise SourceError("文件无法读取，没有导入任何内容。请检查文件是否还在、有没有读取权限。") from error
