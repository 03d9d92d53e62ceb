"""Facts to decide on: a mass send, a freepublish and a Weibo post, due at T."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.channel import ModeSpec, UnknownPolicy
from bot.domain.delivery import State
from bot.domain.engine.facts import Facts

T = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def mode(name: str, when_absent: str, *looks: int) -> ModeSpec:
    policy = UnknownPolicy(tuple(look * SECOND for look in looks), when_absent)
    return ModeSpec(name, name, "", 8, policy, (5 * SECOND, 15 * SECOND), 30 * MINUTE)


MASS = mode("mass", "probe", 60)
PUBLISH = mode("publish", "resend", 120, 300, 600)
SHARE = mode("share", "person", 15, 30, 60)
MODES = (MASS, PUBLISH, SHARE)


def facts(state: State = State.SENDING, of: ModeSpec = MASS, **given: Any) -> Facts:
    return Facts(**{"state": state, "mode": of, "instant": T, "not_before": T, **given})
