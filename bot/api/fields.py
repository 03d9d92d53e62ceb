"""Kinds of values in requests: what is understood, in the words of JSON Schema and of the parser alike."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from bot.domain.instants import parse_instant

NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
ID_PATTERN = r"^[^\x00-\x1f\x7f]+$"
LONGEST_ID = 100
LARGEST = 2**53 - 1  # what every JSON reader can hold
DEFAULT_LIMIT, LARGEST_LIMIT = 50, 100

Id = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ID, pattern=ID_PATTERN)]
Slug = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
Line = Annotated[str, StringConstraints(max_length=200, pattern=NO_CONTROLS)]
Address = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=NO_CONTROLS)]
OtherId = Annotated[str, StringConstraints(max_length=LONGEST_ID, pattern=NO_CONTROLS)]


def _instant(value: Any) -> datetime:
    """Raises ValueError also where only the offset is missing: what is meant would be a guess."""
    if not isinstance(value, str):
        raise ValueError("an instant is a text such as 2026-12-01T09:00:00+08:00")
    return parse_instant(value)


def _count(value: Any) -> Any:
    """Text and truth values are no numbers, though the parser would read some of them as such."""
    if isinstance(value, str | bool):
        raise ValueError("a number is meant")
    return value


def _day(value: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("a day is written 2026-12-01")
    date.fromisoformat(value)
    return value


Instant = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
"""With an offset, always; between the years 2000 and 2199."""

Count = Annotated[int, BeforeValidator(_count)]
Day = Annotated[str, AfterValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]


class Body(BaseModel):
    """A part of a request: what is not known is refused, for it may be a slip of the pen."""

    model_config = ConfigDict(extra="forbid")


class Whole(BaseModel):
    """A part of an answer. Every member is always there; null says that there is nothing."""


def text(limit: int, description: str) -> Any:
    """A plain optional text of a document."""
    return Field("", max_length=limit, description=description)
