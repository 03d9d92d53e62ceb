"""Constraints and indexes that the records rely on, compared with what the database has: a dropped one is noticed.

One question for all tables. Compared are name, table, kind, columns, whether it is valid, whether it is partial, and of which
columns its condition speaks; not the text of a condition, which every database writes in its own way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.apps import apps
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_SQLITE = "SELECT tbl_name, name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL"
_POSTGRESQL = """
SELECT t.relname, c.conname, 'check', FALSE, (SELECT string_agg(a.attname, ' ') FROM pg_attribute a
    WHERE a.attrelid = t.oid AND a.attnum = ANY(c.conkey)), ''
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
WHERE c.contype = 'c' AND c.convalidated AND t.oid = to_regclass(quote_ident(t.relname))
UNION ALL
SELECT t.relname, n.relname, CASE WHEN x.indisunique THEN 'unique' ELSE 'index' END, x.indpred IS NOT NULL,
    (SELECT string_agg(a.attname, ' ') FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = ANY(x.indkey)),
    COALESCE(pg_get_expr(x.indpred, x.indrelid), '')
FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class n ON n.oid = x.indexrelid
WHERE x.indisvalid AND x.indisready AND t.oid = to_regclass(quote_ident(t.relname))
"""
_NAME = re.compile(r'"(\w+)"')
_LITERAL = re.compile(r"'(?:[^']|'')*'")


@dataclass(frozen=True, slots=True)
class Part:
    """A constraint or an index of one table. A unique column has no name of its own: its column says which.

    `columns` are those that it is about, `mentions` those that its condition speaks of.
    """

    table: str
    name: str
    kind: str  # check, unique, index
    columns: frozenset[str]
    mentions: frozenset[str] = frozenset()
    partial: bool = False

    @property
    def label(self) -> str:
        """For staff."""
        return f"{self.table}.{self.name}"


def absent_tables(connection: BaseDatabaseWrapper) -> list[str]:
    """Tables of the records that are not there: no rule can be put back on them."""
    held = set(connection.introspection.table_names())
    wanted = {model._meta.db_table for model in apps.get_app_config("bot").get_models(include_auto_created=True)}
    return sorted(wanted - held)


def absent(connection: BaseDatabaseWrapper) -> list[str]:
    """Constraints and indexes that the database lacks, or holds as something else."""
    held = set(_held(connection))
    return [part.label for part in _wanted(connection) if part not in held]


def _wanted(connection: BaseDatabaseWrapper) -> Iterator[Part]:
    editor = connection.schema_editor()
    for model in apps.get_app_config("bot").get_models():
        yield from _of_model(model, editor)


def _of_model(model: type[models.Model], editor: BaseDatabaseSchemaEditor) -> Iterator[Part]:
    meta = model._meta
    for field in meta.concrete_fields:
        if field.unique and not field.primary_key:
            yield Part(meta.db_table, str(field.column), "unique", frozenset({str(field.column)}))
    for index in meta.indexes:
        yield _indexed(model, index, "index", [name.lstrip("-") for name in index.fields], editor)
    for constraint in meta.constraints:
        if isinstance(constraint, models.CheckConstraint):
            said = constraint._get_check_sql(model, editor)  # type: ignore[attr-defined]
            yield Part(meta.db_table, constraint.name, "check", _names(said))
        elif isinstance(constraint, models.UniqueConstraint):
            yield _indexed(model, constraint, "unique", constraint.fields, editor)


def _indexed(
    model: type[models.Model], part: models.Index | models.UniqueConstraint, kind: str, fields: Sequence[str],
    editor: BaseDatabaseSchemaEditor,
) -> Part:  # fmt: skip
    meta = model._meta
    columns = frozenset(str(meta.get_field(name).column) for name in fields)  # type: ignore[union-attr]
    said = part._get_condition_sql(model, editor) or ""  # type: ignore[union-attr]
    return Part(meta.db_table, part.name, kind, columns, _names(said), part.condition is not None)


def _names(sql: str) -> frozenset[str]:
    return frozenset(_NAME.findall(_LITERAL.sub("", sql)))


def _held(connection: BaseDatabaseWrapper) -> Iterator[Part]:
    with connection.cursor() as cursor:
        cursor.execute(_SQLITE if connection.vendor == "sqlite" else _POSTGRESQL)
        rows = cursor.fetchall()
    if connection.vendor == "sqlite":
        for row in rows:
            yield from _read_sqlite(*row)
    else:
        yield from _read_postgresql(rows)


def _read_postgresql(rows: Sequence[tuple[str, str, str, bool, str | None, str]]) -> Iterator[Part]:
    """Names in a condition are written bare where they may be: told from other words by the tables' columns."""
    known = {
        model._meta.db_table: {str(field.column) for field in model._meta.concrete_fields}
        for model in apps.get_models()
    }
    for table, name, kind, partial, of, condition in rows:
        columns = frozenset((of or "").split())
        words = re.findall(r"\w+", _LITERAL.sub("", condition))
        mentions = frozenset(words) & known.get(table, set())
        yield Part(table, name, kind, columns, mentions, partial)
        if len(columns) == 1 and kind == "unique":
            yield Part(table, next(iter(columns)), kind, columns, mentions, partial)


def _read_sqlite(table: str, name: str, sql: str) -> Iterator[Part]:
    """From the text by which it was made: SQLite keeps that."""
    made = re.match(r'CREATE (UNIQUE )?INDEX "\w+" ON "\w+" ', sql)
    if made:
        of, _, condition = sql[made.end() :].partition(" WHERE ")
        yield Part(table, name, "unique" if made[1] else "index", _names(of), _names(condition), bool(condition))
        return
    for found in re.finditer(r'CONSTRAINT "(\w+)" (CHECK|UNIQUE) (?=\()', sql):
        yield Part(table, found[1], found[2].lower(), _names(_in_brackets(sql[found.end() :])))
    for column in re.findall(r'[(,]\s*"(\w+)" [^,()]*(?:\([^()]*\))?[^,()]*\bUNIQUE\b', sql):
        yield Part(table, column, "unique", frozenset({column}))


def _in_brackets(sql: str) -> str:
    """From the opening bracket with which it begins to the one that closes it; brackets within quotes do not count."""
    depth, plain = 0, _LITERAL.sub(lambda found: "'" * len(found[0]), sql)
    for place, letter in enumerate(plain):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return plain[:place]
    return plain
