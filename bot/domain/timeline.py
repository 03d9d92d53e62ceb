"""A release in time (design.md section 7): every delay has one name and one place."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from .instants import require_all_aware, require_aware

STAGE_AHEAD = timedelta(minutes=10)
STAGED_BY = timedelta(seconds=15)  # not staged by then: a person is asked
HAND_OUT = timedelta(seconds=15)
CHILD_SENDER = timedelta(seconds=8)  # unclaimed by then: the clock starts a sender of its own
CLAIM_GRACE = timedelta(seconds=2)  # for batches handed out later than that
CONNECT = timedelta(seconds=5)
INTENT = timedelta(seconds=2)
RECHECK = timedelta(milliseconds=100)
SEND_BY = timedelta(seconds=5)
ANSWER_WITHIN = timedelta(seconds=15)
MAX_LATENESS = timedelta(minutes=30)
MIN_LEAD = timedelta(seconds=90)
CLOCK_AGREEMENT = timedelta(seconds=2)
CLOCK_DRIFT = timedelta(milliseconds=200)
STAGE_LEASE = timedelta(seconds=90)
LOOK_LEASE = timedelta(seconds=45)
RING_AGAIN = timedelta(seconds=10)  # a doorbell nobody answered: the clock does the work in a child process
QUIET = timedelta(seconds=120)  # the last moment at which a lost request may still take effect
RESUME_GRACE = timedelta(minutes=5)  # time to stage for what a person resumed or sent again
STAGE_GRACE = timedelta(seconds=20)  # time to stage for what was signed late
LANE_ALLOWANCE = timedelta(seconds=1)  # time for the previous answer, on top of the vendor's spacing
STAGE_BACKOFF = (timedelta(seconds=5), timedelta(seconds=15), timedelta(seconds=30), timedelta(seconds=60))
LARGEST_BATCH = 5000  # publications that one sending process takes to one instant
SHARED_FROM = 1000  # from here on an instant is shared by at least two processes
HUSH_BEFORE, HUSH_AFTER = timedelta(milliseconds=300), timedelta(milliseconds=100)  # the clock does nothing then
READ_AGAIN = 200  # batches up to this size are read back once more right before T
READ_BACK_HOLDS = timedelta(seconds=60)  # an older one says nothing: somebody may have changed the draft since
PREPARED = timedelta(seconds=1)  # before connecting: what the platforms have not said by then is not waited for
LATE_PREPARED = (timedelta(seconds=3), timedelta(seconds=10))  # for a sender that begins late; after its instant
RESEND_BACKOFF = (timedelta(seconds=1), *STAGE_BACKOFF)
GATE_LEAD = timedelta(seconds=10)  # from "the page is live" to the first byte: hand out, claim, prepare, connect
GATE_PROOF = timedelta(seconds=60)  # so long an unclear answer of the portal leaves standing what was seen
GATE_LEASE = timedelta(seconds=30)  # how long one worker may hold a gate for one question
GATE_MARGIN = timedelta(minutes=5)  # at least this much of MAX_LATENESS is left when the wait for a page ends
PREFLIGHTS = (timedelta(days=1), timedelta(minutes=60), timedelta(minutes=15), timedelta(minutes=5))


# What a crowd at one instant needs besides: measured with room to spare, see docs/explanation/performance.md.
EACH_HANDED_OUT = timedelta(milliseconds=6)  # request made, connection opened, intent written
EACH_CONNECTION = timedelta(milliseconds=2)
EACH_INTENT = timedelta(milliseconds=2)
EACH_STAGED = timedelta(milliseconds=150)
CROWD = 100  # up to here the plain figures above are enough
LARGEST_CROWD = 50_000  # publications of one instant that are handed out at once
MOST_AHEAD = timedelta(hours=1)  # staging begins at most this much ahead


def _beyond(count: int) -> int:
    return max(0, count - CROWD)


def hand_out_ahead(count: int) -> timedelta:
    """How long before their instant `count` publications of one instant are handed out."""
    return HAND_OUT + _beyond(count) * EACH_HANDED_OUT


def connect_ahead(count: int) -> timedelta:
    """How long before its instant a batch of `count` opens its connections."""
    return intent_ahead(count) + (CONNECT - INTENT) + _beyond(count) * EACH_CONNECTION


def intent_ahead(count: int) -> timedelta:
    """How long before its instant a batch of `count` begins to write its intents down."""
    return INTENT + _beyond(count) * EACH_INTENT


def prepared_by(instant: datetime, count: int, now: datetime) -> datetime:
    """When a sender that begins now stops waiting for what the platforms say ahead of the act: nobody waits for one account."""
    require_all_aware(instant, now)
    some, more = LATE_PREPARED
    return now + more if now >= instant else max(instant - connect_ahead(count) - PREPARED, now + some)


def stage_ahead(count: int) -> timedelta:
    """How long before their instant `count` publications of one instant begin to be staged."""
    return min(STAGE_AHEAD + _beyond(count) * EACH_STAGED, max(MOST_AHEAD, STAGE_AHEAD))


def batches_for(count: int) -> int:
    """Over how many batches `count` publications of one instant are spread."""
    if count < SHARED_FROM:
        return 1
    return max(2, -(-count // LARGEST_BATCH))


def out_of_the_way(wake: datetime, instants: Iterable[datetime]) -> datetime:
    """`wake`, unless it falls into the last moments before an instant (or just after it): then as soon as it is over.

    What the clock does then would take processor and disk from the senders.
    """
    require_all_aware(wake)
    for instant in sorted(map(require_aware, instants)):
        if instant - HUSH_BEFORE < wake < instant + HUSH_AFTER:
            wake = instant + HUSH_AFTER
    return wake


def lane_instants(first: datetime, count: int, spacing: timedelta) -> list[datetime]:
    """Instants of the posts of one lane, each `spacing` plus an allowance for the answer after the one before."""
    require_aware(first)
    return [first + index * (spacing + LANE_ALLOWANCE) for index in range(count)]


def stage_backoff(faults: int) -> timedelta:
    """Wait before staging is tried again after the n-th fault (from 1)."""
    return STAGE_BACKOFF[min(max(faults, 1), len(STAGE_BACKOFF)) - 1]


def resend_backoff(tries: int) -> timedelta:
    """Wait before a public call that did not leave is tried again, after the n-th try (from 1)."""
    return RESEND_BACKOFF[min(max(tries, 1), len(RESEND_BACKOFF)) - 1]


def nth_delay(delays: tuple[timedelta, ...], asked: int) -> timedelta:
    """The delay before the next look after `asked` looks; the last one repeats."""
    return delays[min(asked, len(delays) - 1)]


def too_late(now: datetime, instant: datetime, max_lateness: timedelta = MAX_LATENESS) -> bool:
    """True when the machine must not send any more."""
    require_all_aware(instant)
    require_aware(now)
    return now > instant + max_lateness
