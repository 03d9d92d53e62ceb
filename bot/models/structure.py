"""Constraints and indexes that the records rely on, compared with what the database has: a dropped one is noticed.

One question for all tables. Compared are name, table, kind, whether it is valid, and whether it is partial; not the text
of a condition, which every database writes in its own way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

_SQLITE = "SELECT tbl_name, name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL"
_POSTGRESQL = """
SELECT t.relname, c.conname, 'check', FALSE, '' FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
WHERE c.contype = 'c' AND c.convalidated AND t.oid = to_regclass(quote_ident(t.relname))
UNION ALL
SELECT t.relname, n.relname, CASE WHEN x.indisunique THEN 'unique' ELSE 'index' END, x.indpred IS NOT NULL,
    CASE WHEN x.indnatts = 1 THEN COALESCE(a.attname::text, '') ELSE '' END
FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class n ON n.oid = x.indexrelid
LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0]
WHERE x.indisvalid AND x.indisready AND t.oid = to_regclass(quote_ident(t.relname))
"""


@dataclass(frozen=True, slots=True)
class Part:
    """A constraint or an index of one table. A unique column has no name of its own: its column says which."""

    table: str
    name: str
    kind: str  # check, unique, index
    partial: bool = False

    @property
    def label(self) -> str:
        """For staff."""
        return f"{self.table}.{self.name}"


def absent(connection: BaseDatabaseWrapper) -> list[str]:
    """Constraints and indexes that the database lacks, or holds as something else."""
    held = set(_held(connection))
    return [part.label for part in _wanted() if part not in held]


def _wanted() -> Iterator[Part]:
    for model in apps.get_app_config("bot").get_models():
        meta = model._meta
        for field in meta.concrete_fields:
            if field.unique and not field.primary_key:
                yield Part(meta.db_table, str(field.column), "unique")
        for index in meta.indexes:
            yield Part(meta.db_table, index.name, "index", index.condition is not None)
        for constraint in meta.constraints:
            if isinstance(constraint, models.CheckConstraint):
                yield Part(meta.db_table, constraint.name, "check")
            elif isinstance(constraint, models.UniqueConstraint):
                yield Part(meta.db_table, constraint.name, "unique", constraint.condition is not None)


def _held(connection: BaseDatabaseWrapper) -> Iterator[Part]:
    with connection.cursor() as cursor:
        cursor.execute(_SQLITE if connection.vendor == "sqlite" else _POSTGRESQL)
        rows = cursor.fetchall()
    for row in rows:
        yield from _read_sqlite(*row) if connection.vendor == "sqlite" else _read_postgresql(*row)


def _read_postgresql(table: str, name: str, kind: str, partial: bool, column: str) -> Iterator[Part]:
    yield Part(table, name, kind, partial)
    if column and kind == "unique":
        yield Part(table, column, kind, partial)


def _read_sqlite(table: str, name: str, sql: str) -> Iterator[Part]:
    """From the text by which it was made: SQLite keeps that."""
    made = re.match(r"CREATE (UNIQUE )?INDEX\b", sql)
    if made:
        yield Part(table, name, "unique" if made[1] else "index", " WHERE " in sql)
        return
    for constraint, kind in re.findall(r'CONSTRAINT "(\w+)" (CHECK|UNIQUE)\b', sql):
        yield Part(table, constraint, kind.lower())
    for column in re.findall(r'[(,]\s*"(\w+)" [^,()]*(?:\([^()]*\))?[^,()]*\bUNIQUE\b', sql):
        yield Part(table, column, "unique")
