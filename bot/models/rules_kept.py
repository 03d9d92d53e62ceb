"""What everything else stands on is never taken away: the product itself deletes none of it.

PostgreSQL refuses it by foreign keys where something refers to the row; SQLite asks those only on connections that want
them, and a signed release whose row is gone is one that nobody would miss.

Each line: name, table, event, condition under which the statement is refused, message.
"""

from __future__ import annotations

_KEPT = {
    "release": "a release is called off, not taken away",
    "edition": "an edition is not taken away",
    "document": "a document is not taken away",
    "account": "an account is taken out of use, not taken away",
    "unit": "a unit is not taken away",
    "person": "a person is taken out of use, not taken away",
    "assetrecord": "a kept picture is not taken away",
}

RULES: tuple[tuple[str, str, str, str, str], ...] = tuple(
    (f"{name}_not_deleted", f"bot_{name}", "DELETE", "1 = 1", message) for name, message in _KEPT.items()
)
