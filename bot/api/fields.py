"""Kinds of values in requests: what is understood, in the words of JSON Schema and of the parser alike."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from bot.domain.instants import NaiveInstantError, parse_instant

NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
ID_PATTERN = r"^[^\x00-\x1f\x7f]+$"
LONGEST_ID = 100
HOW_TO_WRITE = "时刻请写成带时区的文字，如 2026-12-01T09:00:00+08:00。"
HOW_TO_WRITE_A_DAY = "日期请写成 2026-12-01。"
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
        raise ValueError(HOW_TO_WRITE)
    try:
        return parse_instant(value)
    except NaiveInstantError:
        raise ValueError(f"时刻没有写时区，不作猜测。{HOW_TO_WRITE}") from None
    except ValueError:
        raise ValueError(f"不是有效的时刻。{HOW_TO_WRITE}") from None


def _count(value: Any) -> Any:
    """Text and truth values are no numbers, though the parser would read some of them as such."""
    if isinstance(value, str | bool):
        raise ValueError("应为数字，不加引号。")
    return value


def _day(value: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError(HOW_TO_WRITE_A_DAY)
    try:
        date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"没有这一天。{HOW_TO_WRITE_A_DAY}") from None
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
