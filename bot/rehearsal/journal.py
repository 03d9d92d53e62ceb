"""What judges read: every call in order of arrival, every public effect, calls counted by path."""

from __future__ import annotations

import json

from .store import Doc
from .world import World, iso


def calls(world: World, since: int = 0) -> list[Doc]:
    """Journal lines with an id above `since`, in order of their first byte.

    `at` is epoch seconds with microseconds and `at_iso` the same in UTC; `executed` is False when a fault
    kept the call from the platform; `code` is what the platform decided, whatever the caller got to see.
    """
    rows = world.store.rows("SELECT * FROM journal WHERE id > ? ORDER BY at, id", since)
    return [_line(row) for row in rows]


def _line(row: Doc) -> Doc:
    decoded = {name: json.loads(row[name]) for name in ("query", "params", "faults")}
    return row | decoded | {"executed": bool(row["executed"]), "at_iso": iso(row["at"])}


def effects(world: World, since: int = 0) -> list[Doc]:
    """What became public by now: one line per article or status; `gone_at` when it was taken away again."""
    sql = "SELECT e.*, j.at AS requested_at, j.call FROM effects e LEFT JOIN journal j ON j.id = e.request"
    rows = world.store.rows(f"{sql} WHERE e.id > ? AND e.at <= ? ORDER BY e.at, e.id", since, world.now())
    return [row | {"at_iso": iso(row["at"])} for row in rows]


def counts(world: World) -> dict[str, dict[str, int]]:
    """`{platform: {call: number}}`, every call that arrived, executed or not."""
    found: dict[str, dict[str, int]] = {"wechat": {}, "weibo": {}}
    for row in world.store.rows("SELECT platform, call, COUNT(*) AS n FROM journal GROUP BY platform, call"):
        found[row["platform"]][row["call"]] = row["n"]
    return found
