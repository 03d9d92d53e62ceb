"""The words of intake: what a source hands over, and what becomes of each of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.domain.article import Article
from bot.domain.post import Asset


class SourceError(Exception):
    """The file as a whole cannot be read. The message is Chinese and says what to do; nothing was taken unless rows
    had been yielded before."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Refusal(Exception):
    """Inside intake: this row is refused because of this field. It becomes a `Rejected`."""

    def __init__(self, field: str, value: object, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.field, self.value, self.reason, self.remedy = field, value, reason, remedy


@dataclass(frozen=True, slots=True)
class Cleaned:
    """One thing that intake changed or wants noticed: the Article field it concerns, and a Chinese phrase."""

    field: str
    what: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A row that became an article. `number` is what a spreadsheet shows for the row (the header is row 1)."""

    number: int
    article: Article
    cleaned: tuple[Cleaned, ...] = ()
    assets: tuple[Asset, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not taken: where, which value (shortened, control characters visible), why, and what to do.

    `field` is an Article field name, or "" when the whole row is unreadable. `repeated` marks a row that only repeats
    an earlier one of the same file word for word, so that callers may count it apart from faults. `others`: what else is
    wrong with the row, each by itself.
    """

    number: int
    external_id: str
    field: str
    value: str
    reason: str
    remedy: str
    repeated: bool = False
    others: tuple[Rejected, ...] = ()


Row = Taken | Rejected


@dataclass(frozen=True, slots=True)
class Formula:
    """A spreadsheet cell that holds a formula. It is carried as text only, so that it can be named in a refusal."""

    text: str


@dataclass(frozen=True, slots=True)
class Record:
    """One raw row of a source: Article field names to cell values (str, int, float, date, None, or something odd)."""

    number: int
    values: Mapping[str, Any]
    cleaned: tuple[Cleaned, ...] = ()
    assets: tuple[Asset, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """A source after its first look at the file.

    `records` starts a fresh pass over the rows each time it is called; a row that cannot even be split into fields
    arrives as a `Rejected`. `total` is an estimate, or None where counting would mean reading the file twice. `unread`
    names the sheets that hold something and are not read.
    """

    records: Callable[[], Iterator[Record | Rejected]]
    total: int | None = None
    ignored_columns: tuple[str, ...] = field(default=())
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceKind:
    """What a source folder exports as SOURCE: its name, the file endings it reads (".csv"), and how it opens a file.

    `open(path, name)` raises SourceError; `name` is the file's name as staff know it (an upload's path has another).
    """

    name: str
    suffixes: tuple[str, ...]
    open: Callable[[Path, str], Opened]
