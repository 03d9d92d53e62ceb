"""What is known of one publication, and what is to be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.domain import timeline
from bot.domain.channel import ModeSpec
from bot.domain.delivery import Event, State

REASON_LENGTH = 500
#: `stop_by` of a publication that came out of a backup: the platform is asked at least once, however late it is.
RESTORED = "restore"
#: Kept with the platform's ids: the addresses of a push that became public more than once, parted by blanks.
DOUBLES = "doubles"
DOUBTFUL = frozenset({"unknown", "accepted"})
"""Ends of an attempt that leave open, or prove, that it had an effect."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One publication at one moment: its row, its mode, and its attempts by outcome.

    `unknowns`, `refusals`, `unsent`, `probes` count attempts that ended unknown, ended refused, did not leave, or were
    replays; `effects` those of which a byte may have left, `doubts` those that may have had an effect. `disabled`: why its
    account was taken out of use. `held_by`: while held, machine or person. `stop_by`: whose the wish to stop is. `promised_at`: the instant that was signed, where it was sent again at another. `clock_far_off`: no time is up only because the
    clock says so. Instants are aware. `ids`, `sent_at` and `accepted_at` tell of the last act until the
    next one begins.
    """

    state: State
    mode: ModeSpec
    instant: datetime
    not_before: datetime
    stage_by: datetime | None = None
    rung_at: datetime | None = None
    stage_faults: int = 0
    crashes: int = 0
    looks: int = 0
    absents: int = 0
    lane: int = 0
    reason: str = ""
    stop_event: str = ""
    stop_reason: str = ""
    ids: Mapping[str, Any] = field(default_factory=dict)
    sent_at: datetime | None = None
    accepted_at: datetime | None = None
    unknowns: int = 0
    refusals: int = 0
    probes: int = 0
    effects: int = 0
    doubts: int = 0
    max_lateness: timedelta = timeline.MAX_LATENESS
    unsent: int = 0
    disabled: str = ""
    lease_until: datetime | None = None
    clock_far_off: bool = False
    held_by: str = ""
    stop_by: str = ""
    promised_at: datetime | None = None

    def too_late(self, now: datetime) -> bool:
        """True when no machine may send any more."""
        return timeline.too_late(now, self.instant, self.max_lateness)

    def verdict_overdue(self, now: datetime) -> bool:
        """True when a person must hear that nobody knows yet: since the act, or since it was accepted."""
        since = self.since if self.state is State.UNKNOWN else self.accepted_at or self.sent_at or now
        return now > since + self.mode.verdict_within

    @property
    def watched(self) -> bool:
        """True where one push may have become two posts: handed to the platform more than once, with no key to tell."""
        return self.effects > 1 and self.mode.unknown.when_absent == "resend"

    @property
    def last_instant(self) -> datetime:
        """The last instant at which a machine may send."""
        return self.instant + self.max_lateness

    @property
    def since(self) -> datetime:
        """When the public act began, as far as known."""
        return self.sent_at or self.not_before


@dataclass(frozen=True, slots=True)
class Step:
    """An event with the columns it changes; `event` None: the state stays. `changes` names columns of the record."""

    event: Event | None
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """The sentence for staff."""
        return str(self.changes.get("reason", ""))


def step(event: Event | None, reason: str = "", **changes: Any) -> Step:
    """A step with its Chinese sentence, cut to what the record holds."""
    return Step(event, {**changes, "reason": reason[:REASON_LENGTH]})
