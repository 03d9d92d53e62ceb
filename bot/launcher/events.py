"""What goes into the launcher and what comes out. All instants are seconds since the epoch on the wall clock."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.channel import WireAnswer, WireRequest


@dataclass(frozen=True, slots=True)
class Shot:
    """One request and the caller's opaque name for it, unique within a launcher."""

    key: str
    request: WireRequest


@dataclass(frozen=True, slots=True)
class Sent:
    """The kernel took the request: its first byte at or before `first_byte_at`, its last at `last_byte_at`.

    `complete` is False when writing stopped early (the platform had answered already, or the connection
    broke); `last_byte_at` is then the last byte that did leave. Comes before Answered and Broken, once.
    """

    key: str
    first_byte_at: float
    last_byte_at: float
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Answered:
    """An HTTP answer, whole or (`answer.complete` False) cut. A status of 0 means: not HTTP at all."""

    key: str
    answer: WireAnswer
    at: float


@dataclass(frozen=True, slots=True)
class Broken:
    """Bytes left and no answer came: the outcome is unknown.

    `sent` is always True here, because a break before the first byte is mended or ends in NotSent; it is
    carried so that a record of the event says so by itself.
    """

    key: str
    reason: str
    sent: bool
    at: float


@dataclass(frozen=True, slots=True)
class NotSent:
    """Provable: the kernel took no byte of this request, and the launcher will not write it any more."""

    key: str
    reason: str


Event = Sent | Answered | Broken | NotSent
