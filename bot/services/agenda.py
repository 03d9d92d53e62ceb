"""What a tick of the clock would find to do: its parts, asked for in one statement of a few indexed reads.

A tick that ran all its parts made some forty statements, most of them to learn that there is nothing, and that within
the very seconds in which a sender needs the machine. What is asked here may name a part too many, never one too few;
should it ever, the thorough tick that the clock process makes every few seconds finds what was left.
"""

# ruff: noqa: S608 - the statement is put together from constants; every value is a parameter
from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from bot.domain import timeline
from bot.domain.delivery import STOPPABLE, State
from bot.domain.instants import require_aware

_FREE = "(lease_until IS NULL OR lease_until <= %(now)s)"
_UNHEARD = "(rung_at IS NULL OR rung_at <= %(heard)s)"


def _any(condition: str, *states: State) -> str:
    """One question for each state: of `state IN (…)` SQLite's statistics say that it is most of the table, and it is read."""
    if not states:
        return f"EXISTS (SELECT 1 FROM bot_publication WHERE {condition})"
    each = [_any(f"state = '{state}' AND {condition}") for state in sorted(states)]
    return f"({' OR '.join(each)})"


def _crowd(state: State, until: str) -> str:
    """More of them than the plain lead suffices for, within the time that the largest crowd would need."""
    soon = f"SELECT 1 FROM bot_publication WHERE state = '{state}' AND next_at > %(now)s AND next_at <= %({until})s"
    return f"(SELECT COUNT(*) FROM ({soon} LIMIT %(crowd)s + 1) AS crowd) > %(crowd)s"


def _due(table: str, until: str = "now") -> str:
    return f"EXISTS (SELECT 1 FROM {table} WHERE next_at <= %({until})s)"


def _due_and_unheard(table: str) -> str:
    """Whoever answered the bell is at it for seconds, and no tick of those has anything to do for it."""
    return f"EXISTS (SELECT 1 FROM {table} WHERE next_at <= %(now)s AND {_UNHEARD})"


_STRANDED = (
    "EXISTS (SELECT 1 FROM bot_publication p LEFT JOIN bot_batch b ON b.id = p.batch_id"
    " WHERE p.state = 'armed' AND (b.state IS NULL OR b.state NOT IN ('ready', 'claimed')))"
)


def _any_by_instant(condition: str, *states: State) -> str:
    """The same in the order of their instants: PostgreSQL believes that it would soon meet one anywhere in the table, and
    where there is none it has read all of it."""
    rows = "SELECT 1 FROM bot_publication WHERE state = '{}' AND {} ORDER BY instant LIMIT 1"
    each = [f"({rows.format(state, condition)}) IS NOT NULL" for state in sorted(states)]
    return f"({' OR '.join(each)})"


_SIGNED = "EXISTS (SELECT 1 FROM bot_release r WHERE r.id = release_id AND r.signed_at IS NOT NULL)"
_TOO_LATE = _any_by_instant(f"instant < %(latest)s AND {_FREE} AND {_SIGNED}", *STOPPABLE, State.HELD)
_FINDS = (
    ("recover", "EXISTS (SELECT 1 FROM bot_batch WHERE state = 'claimed')"),
    ("recover", _STRANDED),
    ("recover", _any("lease_until > %(now)s", State.STAGING)),
    ("late", _TOO_LATE),
    ("unready", _any("stage_by <= %(now)s", State.STAGING, State.BLOCKED)),
    ("unready", _any_by_instant("instant <= %(near)s AND stage_by <= %(now)s AND rung_at < stage_by", State.PLANNED)),
    ("hand_out", _any(f"next_at <= %(now)s AND {_FREE}", State.STAGED)),
    ("hand_out", _crowd(State.STAGED, "hand_out_by")),
    ("ring", _any(f"next_at <= %(now)s AND {_FREE} AND {_UNHEARD}", State.PLANNED, State.BLOCKED, State.STAGING)),
    ("ring", _any(f"next_at <= %(now)s AND {_FREE} AND {_UNHEARD}", State.CONFIRMING, State.UNKNOWN, State.LIVE)),
    ("ring", _crowd(State.PLANNED, "stage_by")),
    ("batches", "EXISTS (SELECT 1 FROM bot_batch WHERE state = 'ready')"),
    ("gates", _due("bot_portalgate", "soon")),
    ("measure", _any("next_sample_at <= %(now)s", State.LIVE)),
    ("measure", "EXISTS (SELECT 1 FROM bot_manualcount WHERE next_sample_at <= %(now)s)"),
    ("watch", _any("alarm_at <= %(now)s")),
    ("watch", _due("bot_alarm")),
    *(("watch", _due_and_unheard(table)) for table in ("bot_chore", "bot_preflight", "bot_alarmnotice")),
)
BEFORE_A_RELEASE, AFTER_A_RELEASE = timedelta(minutes=2), timedelta(hours=1)
_NEAR = " OR ".join(
    [
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM bot_batch WHERE state IN ('ready', 'claimed'))",
        "EXISTS (SELECT 1 FROM bot_release WHERE instant > %(since)s AND instant <= %(until)s AND signed_at IS NOT NULL)",
        _due("bot_publication", "until"),
    ]
)
_STATEMENT = f"SELECT {', '.join(condition for _, condition in _FINDS)}"
PARTS = frozenset(part for part, _ in _FINDS)


def agenda(now: datetime, *, soon: timedelta) -> frozenset[str]:
    """The parts of a tick that have something to do. `soon`: how far ahead the portal's gates are looked for."""
    require_aware(now)
    most = timeline.LARGEST_CROWD
    instants = {
        "now": now,
        "soon": now + soon,
        "near": now + timeline.STAGED_BY,
        "heard": now - timeline.RING_AGAIN,
        "latest": now - settings.TONGFA.max_lateness,
        "hand_out_by": now + timeline.hand_out_ahead(most) - timeline.HAND_OUT,
        "stage_by": now + timeline.stage_ahead(most) - timeline.STAGE_AHEAD,
    }
    values: dict[str, Any] = {name: connection.ops.adapt_datetimefield_value(at) for name, at in instants.items()}
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, {**values, "crowd": timeline.CROWD})
        answers = cursor.fetchone()
    return frozenset(part for (part, _), yes in zip(_FINDS, answers, strict=True) if yes)


def is_near(now: datetime) -> bool:
    """Whether a release is near, or something of an older one is to be done (sent again by people, resumed)."""
    require_aware(now)
    instants = {"since": now - AFTER_A_RELEASE, "until": now + BEFORE_A_RELEASE}
    with connection.cursor() as cursor:
        cursor.execute(_NEAR, {name: connection.ops.adapt_datetimefield_value(at) for name, at in instants.items()})
        return cursor.fetchone() is not None
