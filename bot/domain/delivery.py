"""Delivery states of a publication: one table, used by the services, the database's CHECK and the docs.

Source of the states and arrows: design.md section 6.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where one account's push of a release stands."""

    PLANNED = "planned"
    BLOCKED = "blocked"
    STAGING = "staging"
    STAGED = "staged"
    ARMED = "armed"
    SENDING = "sending"
    UNKNOWN = "unknown"
    CONFIRMING = "confirming"
    LIVE = "live"
    HELD = "held"
    CANCELLED = "cancelled"
    MISSED = "missed"
    NEEDS_PERSON = "needs_person"
    GONE = "gone"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> str:
        """The word staff see."""
        return STATE_LABELS[self]


STATE_LABELS = {
    State.PLANNED: "待准备",
    State.BLOCKED: "准备受阻",
    State.STAGING: "准备中",
    State.STAGED: "待发",
    State.ARMED: "即将发出",
    State.SENDING: "发送中",
    State.UNKNOWN: "结果不明",
    State.CONFIRMING: "已受理，核对中",
    State.LIVE: "已发布",
    State.HELD: "已暂停",
    State.CANCELLED: "已作废",
    State.MISSED: "错过",
    State.NEEDS_PERSON: "需人工处理",
    State.GONE: "已被删除",
    State.WITHDRAWN: "已撤回",
}


class Event(StrEnum):
    """What happens to a publication."""

    STAGE = "stage"  # a worker begins staging
    STAGE_OK = "stage_ok"  # staged and read back equal
    STAGE_FAULT = "stage_fault"
    ARM = "arm"  # its batch is handed out
    DISARM = "disarm"  # its sender died or struck it out before any intent
    HOLD = "hold"
    RESUME = "resume"
    CANCEL = "cancel"
    INTENT = "intent"  # the intent row is committed
    NOT_SENT = "not_sent"  # provably no byte left, or refused without effect and mendable by machine
    ACCEPTED = "accepted"
    REFUSED = "refused"  # refused without effect, not mendable by machine
    SILENCE = "silence"  # no answer, ambiguous answer, crash
    FOUND = "found"  # a look or an event shows that it was accepted
    PROBE = "probe"  # a replay of the same key begins
    PROVED_ABSENT = "proved_absent"  # freepublish only: draft still there, nothing published
    GIVE_UP = "give_up"
    CONFIRM = "confirm"  # platform id and read-back
    FAIL = "fail"  # asynchronous failure, or no verdict in time
    TOO_LATE = "too_late"
    RETRY_BY_PERSON = "retry_by_person"
    LIVE_BY_PERSON = "live_by_person"
    NOT_LIVE_BY_PERSON = "not_live_by_person"  # what a person had declared live is not: only that is taken back
    RESTORE = "restore"  # the records come from a backup: since then it may have gone out
    VANISH = "vanish"
    DOUBLED = "doubled"  # the platform shows it more than once
    WITHDRAW = "withdraw"


_BEFORE_SENDING = (State.PLANNED, State.BLOCKED, State.STAGING, State.STAGED, State.ARMED)

TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.PLANNED, Event.STAGE): State.STAGING,
    (State.BLOCKED, Event.STAGE): State.STAGING,
    (State.STAGING, Event.STAGE): State.STAGING,  # taken over after its worker died
    (State.STAGING, Event.STAGE_OK): State.STAGED,
    (State.STAGING, Event.STAGE_FAULT): State.BLOCKED,
    (State.STAGED, Event.ARM): State.ARMED,
    (State.ARMED, Event.DISARM): State.STAGED,
    (State.ARMED, Event.INTENT): State.SENDING,
    (State.SENDING, Event.NOT_SENT): State.STAGED,
    (State.SENDING, Event.ACCEPTED): State.CONFIRMING,
    (State.SENDING, Event.REFUSED): State.NEEDS_PERSON,
    (State.SENDING, Event.SILENCE): State.UNKNOWN,
    (State.SENDING, Event.FOUND): State.CONFIRMING,  # the callback overtook the answer
    (State.ARMED, Event.FOUND): State.CONFIRMING,  # the look before another try found what an earlier one had done
    (State.UNKNOWN, Event.FOUND): State.CONFIRMING,
    (State.UNKNOWN, Event.PROBE): State.SENDING,
    (State.UNKNOWN, Event.PROVED_ABSENT): State.STAGED,
    (State.UNKNOWN, Event.GIVE_UP): State.NEEDS_PERSON,
    (State.CONFIRMING, Event.CONFIRM): State.LIVE,
    (State.CONFIRMING, Event.FAIL): State.NEEDS_PERSON,
    (State.HELD, Event.RESUME): State.PLANNED,  # staging looks at what still stands and goes on from there
    (State.NEEDS_PERSON, Event.RETRY_BY_PERSON): State.PLANNED,
    (State.MISSED, Event.RETRY_BY_PERSON): State.PLANNED,
    (State.NEEDS_PERSON, Event.LIVE_BY_PERSON): State.LIVE,
    (State.MISSED, Event.LIVE_BY_PERSON): State.LIVE,
    (State.LIVE, Event.NOT_LIVE_BY_PERSON): State.NEEDS_PERSON,
    (State.NEEDS_PERSON, Event.CANCEL): State.CANCELLED,
    (State.MISSED, Event.CANCEL): State.CANCELLED,
    (State.HELD, Event.CANCEL): State.CANCELLED,
    (State.HELD, Event.TOO_LATE): State.MISSED,
    (State.LIVE, Event.VANISH): State.GONE,
    (State.LIVE, Event.DOUBLED): State.NEEDS_PERSON,
    (State.LIVE, Event.WITHDRAW): State.WITHDRAWN,
}
TRANSITIONS.update({(state, Event.HOLD): State.HELD for state in _BEFORE_SENDING})
TRANSITIONS.update({(state, Event.CANCEL): State.CANCELLED for state in _BEFORE_SENDING})
TRANSITIONS.update({(state, Event.TOO_LATE): State.MISSED for state in _BEFORE_SENDING})
TRANSITIONS.update({(state, Event.RESTORE): State.UNKNOWN for state in (*_BEFORE_SENDING, State.HELD)})

#: A person must look: the console lists these, and nothing in them moves by machine.
FOR_A_PERSON = frozenset({State.NEEDS_PERSON, State.MISSED})
#: Nothing more will happen to it by machine or by the release.
SETTLED = frozenset({State.LIVE, State.CANCELLED, State.GONE, State.WITHDRAWN})
#: No byte has left and none is about to: freeze, hold and cancel still act.
STOPPABLE = frozenset(_BEFORE_SENDING)
#: A request has left, if anything; whether anything went out is not known, or that it did not is.
ASKED_ONLY = frozenset({State.SENDING, State.UNKNOWN, State.NEEDS_PERSON})
#: A public effect exists or may exist.
MAY_BE_PUBLIC = frozenset(
    {State.SENDING, State.UNKNOWN, State.CONFIRMING, State.LIVE, State.NEEDS_PERSON, State.GONE, State.WITHDRAWN}
)


class IllegalTransition(ValueError):
    """The event does not apply in that state."""


def after(state: State, event: Event) -> State:
    """The state that follows, or IllegalTransition."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"{event} does not apply to {state}") from None


def sources(event: Event) -> list[State]:
    """All states in which the event applies."""
    return [state for state, other in TRANSITIONS if other is event]
