"""The full-text index: one row of tokens for each document, in whatever each database has for it (SQLite's FTS5, PostgreSQL's
tsvector). It is derived from the records and can be made anew at any time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models.expressions import RawSQL

from bot.domain.grams import phrase, tokens

SQLITE = "CREATE VIRTUAL TABLE IF NOT EXISTS bot_search USING fts5(grams, tokenize='unicode61 remove_diacritics 0')"
POSTGRESQL = (
    "CREATE TABLE IF NOT EXISTS bot_search (document_id bigint PRIMARY KEY, grams tsvector NOT NULL)",
    "CREATE INDEX IF NOT EXISTS bot_search_grams ON bot_search USING gin (grams)",
)
DROP = "DROP TABLE IF EXISTS bot_search"


def create(vendor: str) -> Sequence[str]:
    """The statements that make the index."""
    return POSTGRESQL if vendor == "postgresql" else (SQLITE,)


def put(texts: Iterable[tuple[int, str]]) -> None:
    """Index these documents anew: their ids and everything that is to be found of them."""
    rows = [(pk, tokens(text)) for pk, text in texts]
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.executemany(
                "INSERT INTO bot_search (document_id, grams) VALUES (%s, %s::tsvector)"
                " ON CONFLICT (document_id) DO UPDATE SET grams = EXCLUDED.grams",
                [(pk, _vector(found)) for pk, found in rows],
            )
            return
        cursor.executemany("DELETE FROM bot_search WHERE rowid = %s", [(pk,) for pk, _ in rows])
        cursor.executemany(
            "INSERT INTO bot_search (rowid, grams) VALUES (%s, %s)", [(pk, " ".join(found)) for pk, found in rows]
        )


def _vector(found: Sequence[str]) -> str:
    """`'低保':1,9 '保政':2`, which PostgreSQL takes as it is: no parser of its own has a say."""
    places: dict[str, list[str]] = {}
    for place, token in enumerate(found, 1):
        places.setdefault(token, []).append(str(place))
    return " ".join(f"'{token}':{','.join(at[:255])}" for token, at in places.items())


def matching(text: str) -> RawSQL | None:
    """The ids of the documents in which every word of `text` occurs; None where it holds nothing to look for."""
    words = [found for word in text.split()[:10] if (found := phrase(word[:60]))[0]]
    if not words:
        return None
    if connection.vendor == "postgresql":
        asked = " & ".join(_query(*word) for word in words)
        if certain := [found[:-1] for found, open_ended in words if open_ended and _narrows(found[:-1])]:
            return _ids(NARROWED, " & ".join(_query(found, open_ended=False) for found in certain), asked)
        return _ids("SELECT document_id FROM bot_search WHERE grams @@ %s::tsquery", asked)
    asked = " AND ".join(_match(*word) for word in words)
    return _ids("SELECT rowid FROM bot_search WHERE bot_search MATCH %s", asked)


NARROWED = (
    "SELECT document_id FROM (SELECT document_id, grams FROM bot_search WHERE grams @@ %s::tsquery OFFSET 0) AS narrow"
    " WHERE grams @@ %s::tsquery"
)
"""First by what is certain, then by how the last token begins: the index would gather everything that begins so, and in a
document number that is a million times 号."""


def _narrows(found: Sequence[str]) -> bool:
    """Whether few documents have these tokens in a row: a figure among several pairs, as in 东政办字2017 41. (2026 年 stand
    in most.)"""
    return any(token.isascii() for token in found) and sum(len(token) > 1 for token in found) > 2


def _ids(statement: str, *asked: str) -> RawSQL:
    parameters: tuple[Any, ...] = asked
    return RawSQL(statement, parameters)  # noqa: S611 - a constant; what is asked is a parameter


def _query(found: Sequence[str], open_ended: bool) -> str:
    quoted = [f"'{token}'" for token in found]
    if open_ended:
        quoted[-1] += ":*"
    return f"({' <-> '.join(quoted)})"


def _match(found: Sequence[str], open_ended: bool) -> str:
    return f'"{" ".join(found)}"{" *" if open_ended else ""}'
