"""All records as they stood at one moment, as JSON lines, while everything goes on; and back.

SQLite: its own backup interface copies the file in small steps, between which others write. PostgreSQL: one transaction
REPEATABLE READ. Rows are written in a form of our own that both databases read.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, connections, models, transaction

from .errors import Refused

ALIAS = "tongfa_snapshot"
AT_ONCE = 200  # rows; pictures are rows too
PAGES = 500  # of 4 KiB: a step of a few milliseconds, in which nobody writes
LONGEST_WAIT = 60.0  # seconds for a copy that does not move
NEVER = 10**9
RESTARTS = 20  # each write of another process starts the copy anew: then it is made in one step
#: Nothing that would be missed: one-time values of a browser's round trip, and what is derived from the audit chain.
LEFT_OUT = frozenset({"bot_authorizationrequest", "bot_trailline"})
#: Filled by the migrations themselves.
SEEDED = frozenset({"bot_chore"})


def tables() -> list[type[models.Model]]:
    """The records that a backup holds."""
    found = apps.get_app_config("bot").get_models(include_auto_created=True)
    return [model for model in found if model._meta.db_table not in LEFT_OUT and not model._meta.proxy]


def columns(model: type[models.Model]) -> list[str]:
    """Names of what is kept of a record."""
    return [field.attname for field in model._meta.concrete_fields]


@contextmanager
def frozen_view(folder: Path) -> Iterator[str]:
    """Alias of a database in which nothing changes. `folder`: private, for a copy; the caller removes it."""
    wrapper = connection.copy(ALIAS)
    if connection.vendor == "sqlite":
        wrapper.settings_dict["NAME"] = str(folder / "snapshot.sqlite3")
        _copy(folder / "snapshot.sqlite3")
    connections[ALIAS] = wrapper
    try:
        with transaction.atomic(using=ALIAS):
            if connection.vendor == "postgresql":
                with connections[ALIAS].cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                    cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # files are written meanwhile
                    cursor.execute("SELECT 1")  # the first question takes the picture
            yield ALIAS
    finally:
        wrapper.close()
        del connections[ALIAS]


class _Restarted(Exception):
    """Somebody writes all the time."""


class _Patience:
    """Watches a copy: told how many pages are left, it gives up on one that begins anew too often or does not move at all."""

    def __init__(self, restarts: int) -> None:
        self._left, self._restarts, self._moved = 0, restarts, monotonic()

    def __call__(self, _status: int, left: int, _total: int) -> None:
        self._restarts -= left > self._left > 0
        if left != self._left:
            self._left, self._moved = left, monotonic()
        if self._restarts < 0:
            raise _Restarted
        if monotonic() - self._moved > LONGEST_WAIT:
            raise Refused("busy", "数据库一直被别的程序占用，没有备份。请稍后再试；若仍不行，请查明是哪个程序。")


def _copy(target: Path) -> None:
    """Through a connection of its own: one that is in the middle of a change copies nothing, and waits for itself."""
    source_url = Path(connection.settings_dict["NAME"]).absolute().as_uri()
    with (
        closing(sqlite3.connect(f"{source_url}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        try:
            source.backup(copy, pages=PAGES, progress=_Patience(RESTARTS), sleep=0.005)
        except _Restarted:
            source.backup(copy, pages=-1, progress=_Patience(NEVER), sleep=0.05)


def rows(model: type[models.Model], using: str) -> Iterator[list[Any]]:
    """Every record of a table in order, in plain JSON values."""
    fields = list(model._meta.concrete_fields)
    found = model._base_manager.using(using).order_by("pk").values_list(*columns(model))
    for values in found.iterator(AT_ONCE):
        yield [_plain(field, value) for field, value in zip(fields, values, strict=True)]


def as_lines(values: Iterable[list[Any]]) -> Iterator[bytes]:
    """JSON, one record a line."""
    for row in values:
        yield json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _plain(field: Any, value: Any) -> Any:
    if isinstance(field, models.JSONField):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes | memoryview | bytearray):
        return base64.b64encode(bytes(value)).decode()
    return value


def value_of(field: Any, plain: Any) -> Any:
    """Inverse of `_plain`."""
    if plain is None or isinstance(field, models.JSONField):
        return plain
    if isinstance(field, models.BinaryField):
        return base64.b64decode(plain)
    return field.to_python(plain)


def load(model: type[models.Model], names: Sequence[str], lines: Iterable[list[Any]]) -> int:
    """Write records into an empty table, in the caller's transaction, past all that a save would do; how many."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    chosen = [fields[name] for name in names]
    listed = ", ".join(connection.ops.quote_name(str(field.column)) for field in chosen)
    marks = ", ".join(["%s"] * len(chosen))
    sql = f"INSERT INTO {connection.ops.quote_name(model._meta.db_table)} ({listed}) VALUES ({marks})"  # noqa: S608
    count, lines = 0, iter(lines)
    while some := list(islice(lines, AT_ONCE)):
        prepared = [_prepared(chosen, row) for row in some]
        with connection.cursor() as cursor:
            cursor.executemany(sql, prepared)
        count += len(some)
    return count


def _prepared(fields: Sequence[Any], row: Sequence[Any]) -> list[Any]:
    return [
        field.get_db_prep_save(value_of(field, plain), connection) for field, plain in zip(fields, row, strict=True)
    ]


def reset_sequences() -> None:
    """The next number of every table comes after the greatest that was written."""
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), tables()):
            cursor.execute(sql)


def filled() -> list[str]:
    """Tables of ours that hold records already, but for those that every new database holds."""
    known = set(connection.introspection.table_names()) - SEEDED
    ours = apps.get_app_config("bot").get_models(include_auto_created=True)
    return [m._meta.db_table for m in ours if m._meta.db_table in known and m._base_manager.exists()]


def empty_the_seeded() -> None:
    """Their rows come out of the backup too."""
    for model in tables():
        if model._meta.db_table in SEEDED:
            model._base_manager.all().delete()
