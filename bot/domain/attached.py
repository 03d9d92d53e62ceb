"""What an attachment says: its text by page, sheet or part, what was left in it, and who its properties name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of its text, one `unit` (行, 段) a line. `where`: `第3页`, `工作表“名单”`, once in a file; "" for the whole."""

    where: str
    unit: str
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as it was read.

    `left`: what whoever opens it finds besides its text (comments, revisions, hidden sheets), each a Chinese phrase.
    `author`: whom its properties name. `unread`: why nothing, or not all, of it was read, a Chinese clause; "" where all was.
    """

    parts: tuple[Part, ...] = ()
    left: tuple[str, ...] = ()
    author: str = ""
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Attached:
    """A reading under the name that the file has in an article."""

    name: str
    reading: Reading
