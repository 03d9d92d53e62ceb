"""`python -m benchmarks.parts.million LIVE PLANNED`: fills the home of its environment and measures the clock's look.

The rows are put in as if years had passed, signed and live, which the database's own rules refuse: they step aside for
the filling, and are back before anything is measured.

LIVE publications of the past and PLANNED ones of the coming weeks, both rounded to thousands; then "what is due next"
and whole ticks with nothing due. Standard output: the figures as JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.parts.pattern import Pattern

ACCOUNTS = 1000
LOOKS = 200


def main() -> None:
    """Fill, measure."""
    from config.env import use_settings

    use_settings()
    import django

    django.setup()
    live, planned = (int(part) // ACCOUNTS for part in sys.argv[1:3])
    began = time.monotonic()
    fill(live, planned)
    filled = time.monotonic() - began
    print(json.dumps({**measured(), "filled_seconds": round(filled, 1), "rows": (live + planned) * ACCOUNTS}))


def fill(live: int, planned: int) -> None:
    """`live` + `planned` releases of a thousand publications each."""
    from benchmarks.parts.pattern import Pattern
    from bot.models import triggers

    now = datetime.now(UTC)
    pattern = Pattern.ready(now, mode="mass", pictures=False)
    triggers.remove()
    try:
        _fill(live, planned, pattern, now)
    finally:
        triggers.install()
    _analyze()


def _fill(live: int, planned: int, pattern: Pattern, now: datetime) -> None:
    from bot.models import Account, Release

    unit, editor = pattern.edition.document.unit, pattern.people["editor"]
    Account.objects.bulk_create(
        (
            Account(unit=unit, slug=f"m{number}", channel="wechat", name="河东发布", mode="mass", created_at=now)
            for number in range(ACCOUNTS)
        ),
        batch_size=200,
    )
    instants = [now - timedelta(days=31) - timedelta(hours=index) for index in range(live)]
    instants += [now + timedelta(days=1) + timedelta(hours=index) for index in range(planned)]
    Release.objects.bulk_create(
        (
            Release(
                unit=unit, title="关于调整城区公交线路的通知", instant=at, created_by=editor, created_at=now,
                signed_by=pattern.people["releaser"], signed_at=now, manifest={}, manifest_hash="-",
            )
            for at in instants
        ),
        batch_size=200,
    )  # fmt: skip
    for state, condition in (("live", "r.instant < %s"), ("planned", "r.instant > %s")):
        _cross(state, condition, now)


def _cross(state: str, condition: str, now: datetime) -> None:
    """Every account in every release of one kind, in one statement."""
    from django.db import connection

    from bot.models import Publication

    postgres = connection.vendor == "postgresql"
    given = {
        "release_id": "r.id",
        "account_id": "a.id",
        "mode": "'mass'",
        "instant": "r.instant",
        "not_before": "r.instant",
        "key": "md5(r.id::text || '-' || a.id::text)" if postgres else "lower(hex(randomblob(16)))",
        "state": f"'{state}'",
        **({"live_at": "r.instant", "sent_at": "r.instant"} if state == "live" else {"next_at": "r.instant"}),
    }
    columns = [field for field in Publication._meta.concrete_fields if not field.primary_key]
    values = {str(field.column): given.get(str(field.column)) or _unset(field, postgres) for field in columns}
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO bot_publication ({', '.join(values)}) SELECT {', '.join(values.values())}"
            f" FROM bot_release r CROSS JOIN bot_account a WHERE a.slug LIKE 'm%%' AND {condition}",
            [connection.ops.adapt_datetimefield_value(now)],
        )


def _unset(field: Any, postgres: bool) -> str:
    """A column's default as SQL."""
    if field.null:
        return "NULL"
    value = field.get_default()
    if isinstance(value, dict | list):
        return f"'{json.dumps(value)}'{'::jsonb' if postgres else ''}"
    if isinstance(value, bool) and postgres:
        return str(value)
    return str(int(value)) if isinstance(value, int) else f"'{value}'"


def _analyze() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def measured() -> dict[str, Any]:
    """Medians over many looks, and how many statements each took."""
    from bot.services import clock

    def due_next() -> Any:
        return clock._next_at(datetime.now(UTC))

    def tick() -> Any:
        return clock.tick(datetime.now(UTC))

    tick()  # settles what a first look settles
    return {"due_next": _many(due_next), "tick": _many(tick)}


def _many(look: Callable[[], Any]) -> dict[str, float]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        look()
    spent = []
    for _ in range(LOOKS):
        began = time.perf_counter()
        look()
        spent.append((time.perf_counter() - began) * 1000)
    spent.sort()
    return {
        "median_ms": round(statistics.median(spent), 4), "p99_ms": round(spent[int(LOOKS * 0.99)], 4),
        "statements": len(captured),
    }  # fmt: skip


if __name__ == "__main__":
    main()
