"""Figures that the database reckons by itself, the same on SQLite and PostgreSQL: how late a push was, its newest numbers."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import F, FloatField, Func, OuterRef, QuerySet, Subquery
from django.db.models.fields import BigIntegerField
from django.db.models.functions import Coalesce, Greatest

from bot.models import ManualSample, SampleRecord

READS = "reads"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


# --- on time ------------------------------------------------------------------------------------------------------


class _Seconds(Func):
    """Seconds from the second instant to the first, to the millisecond."""

    output_field = FloatField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Julian days; the text of an instant is read by the database itself, row by row in C."""
        return super().as_sql(compiler, connection, template="((%(expressions)s) * 86400.0)", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """An interval."""
        return super().as_sql(compiler, connection, template="EXTRACT(EPOCH FROM (%(expressions)s))", **extra)


def seconds_late() -> Func:
    """How late the first byte of a `Publication` left: against the instant that was signed, or against when its portal's page allowed
    it."""
    return _Seconds(_Day(F("sent_at")), _Day(due()), arg_joiner=" - ")


def due() -> Greatest:
    """`Publication.due`, as the database reckons it."""
    promised = Coalesce(F("promised_at"), F("instant"))
    return Greatest(promised, Coalesce(F("gate_at"), promised))


class _Day(Func):
    """An instant as the database can subtract it."""

    output_field = FloatField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """A fraction of days."""
        return super().as_sql(compiler, connection, template="julianday(%(expressions)s)", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Itself."""
        return super().as_sql(compiler, connection, template="%(expressions)s", **extra)


# --- numbers ------------------------------------------------------------------------------------------------------


class _Number(Func):
    """One metric of the numbers in a sample: NULL where it is missing and where it is null, which is the same to us."""

    output_field = BigIntegerField()

    def __init__(self, metric: str) -> None:
        if not _NAME.fullmatch(metric):  # it becomes a part of the statement
            raise ValueError(f"{metric!r} is no metric")
        super().__init__(F("values"), metric=metric)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """`JSON_EXTRACT` gives NULL for a null."""
        template = "JSON_EXTRACT(%(expressions)s, '$.%(metric)s')"
        return super().as_sql(compiler, connection, template=template, **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """`->>` does too."""
        return super().as_sql(compiler, connection, template="(%(expressions)s ->> '%(metric)s')::bigint", **extra)


def newest_number(metric: str, *, by_hand: bool = False) -> Subquery:
    """The newest known number of one metric of an `Item` (or of a `ManualPost`): the same as `domain.sampling.newest`."""
    samples: QuerySet[Any] = (
        ManualSample.objects.filter(post=OuterRef("pk"))
        if by_hand
        else SampleRecord.objects.filter(item=OuterRef("pk"))
    )
    told = samples.annotate(told=_Number(metric)).filter(told__isnull=False)
    return Subquery(told.order_by("-stat_date", "-taken_at", "-pk").values("told")[:1])
