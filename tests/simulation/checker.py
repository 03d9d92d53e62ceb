"""The twelve invariants, judged over the platforms' journals, the portal's diary and the rows at rest.

The checker asks no function of the product. It reads what the platforms saw (`Platform.journal`, `Platform.items`),
when the portal's page was live and what its server said (`Page.spans`, `Page.journal`), the rows at rest with the true time of their commits, the people's diary, and, where a promise is bounded by what a
machine can do at all, when the world kept a process from working (`Process.awake`).

===  ==================  ======================================================================================
 1   never twice         one public item for each publication, but for one that two people had sent again although
                         the machine had told them that a call's result was unknown, and for a second on freepublish
                         where the platform took longer for the first than all looks: that is told to people; and, without people, at most
                         one call on Weibo whose effect the platform did not deny, two on freepublish and always of
                         the same draft once a result was unknown, any number on mass but all with one key
 2   never early         no request arrives before its instant by the platform's clock; a host whose own clock is
                         wrong may be early by what the comparison with the platform's Date cannot see
 3   never unapproved    no request arrives against an approval, signature, freeze, hold or cancel that stood while
                         its sender was awake for longer than the last look needs
 4   never altered       what became public hashes to what was approved, unless altered after the last read-back
 5   never lost, silent  at rest: live, cancelled, missed, with a person, or held without signature, and never without
                         a reason; no open attempt; no endless retries; nothing later than allowed; no program error
 6   intent first        for each request there is an attempt committed before it
 7   single flight       open attempts of a publication and of an account never overlap, their numbers grow, no write
                         by somebody who had read another state or fence; a lane goes in order and with its spacing
 8   honest states       live by machine: the item is there; "not sent": it never was; a request arrives only while
                         its row says sending
 9   doorbell            in a run where nothing fails but every bell: all live, each at most 15 s late; where a release
                         waits for its page, as soon as the page is live, but not before its instant
10   provable history    the audit trail, replayed by the delivery table, gives each row's state
11   together            once a release is held because one account is not ready, no other account of it goes
12   never before page   where a release waits for its page, no request arrives before the page was live since it was
                         signed, while the gate stood shut for longer than the last look needs, or on an answer of the
                         portal that is too old, unless a part of it may have left; but a person may have let it go, or
                         the policy, once the wait was over. No gate is asked for ever
===  ==================  ======================================================================================
"""

from __future__ import annotations

from itertools import pairwise

from bot.domain import timeline
from bot.domain.delivery import STOPPABLE, TRANSITIONS, Event, State
from bot.domain.engine.answers import MEND_LIMIT
from bot.domain.engine.facts import DOUBLES
from bot.domain.sync import LETTING_THROUGH, Then

from .platforms import Freepublish, Item, Mass, Request, Weibo
from .portal import Gate
from .rows import Attempt, Database, Moved, Publication
from .scenario import Scenario
from .verdicts import PUBLISH
from .world import MS, SECOND

NAMES = {
    1: "twice", 2: "early", 3: "unapproved", 4: "altered", 5: "lost", 6: "no intent", 7: "flight", 8: "dishonest",
    9: "doorbell", 10: "history", 11: "split", 12: "no page",
}  # fmt: skip
REACH = 170  # ms: the last look is 100 ms before T, and takes its time
UNSEEN = 3_300  # ms: agreement within 2 s, a second of doubt about a Date, drift
APART = 600  # ms: two hosts' clocks may differ by so much and be trusted
READ_BACK = (timeline.READ_BACK_HOLDS + timeline.SEND_BY) // MS + 5 * SECOND  # how old the last comparison may be
MOST_LATE = timeline.MAX_LATENESS // MS + 30 * SECOND  # judged when a batch is handed out and claimed, not at its byte
PROOF = (timeline.GATE_PROOF + timeline.GATE_LEASE + timeline.SEND_BY + timeline.INTENT) // MS + 5 * SECOND
MINUTE = 60 * SECOND  # a clock that is no more off is believed between looks
OUTWAITED = PUBLISH.unknown.looks[-1] // MS - MINUTE - 5 * SECOND
IN_DOUBT = "是否已发出不明"  # what people read where nobody knows
DENIALS = ("未发出", "没有发出")
MOST_REQUESTS = 1 + MEND_LIMIT + 3
MOST_CRASHES = 2  # the third is told to a person
SETTLED = frozenset({State.LIVE, State.CANCELLED, State.GONE, State.WITHDRAWN, State.NEEDS_PERSON, State.MISSED})
NOTHING_WENT = frozenset({Event.REFUSED, Event.TOO_LATE, Event.DISARM, Event.HOLD, Event.NOT_SENT})

Violation = tuple[int, str]


def check(scenario: Scenario) -> list[Violation]:
    """Every violation: (invariant, what was seen)."""
    world = scenario.world
    db: Database = world.db
    found: list[Violation] = [(5, error) for error in world.errors]
    if db.open:
        found.append((5, f"{len(db.open)} attempts are open at rest"))
    requests: dict[int, list[Request]] = {pk: [] for pk in db.publications}
    items: dict[int, list[Item]] = {pk: [] for pk in db.publications}
    moves: dict[int, list[Moved]] = {pk: [] for pk in db.publications}
    for platform in world.platforms:
        for request in platform.journal:
            requests[request.publication].append(request)
        for item in platform.items:
            items[item.publication].append(item)
    for moved in db.audit:
        moves[moved.publication].append(moved)
    for pk, row in db.publications.items():
        case = Case(scenario, row, requests[pk], items[pk], moves[pk], db.attempts[pk])
        for judge in JUDGES:
            judge(case, found)
    _flight_per_account(db, found)
    _lanes(db, requests, moves, found)
    _together(scenario, requests, moves, found)
    for gate in db.gates.values():
        if gate.next_at is not None:
            found.append((5, f"release {gate.release.pk}: its gate is {gate.state} and still to be asked"))
    return found


class Case:
    """All that is known of one publication."""

    __slots__ = ("attempts", "instant", "items", "moves", "requests", "resent", "row", "scenario")

    def __init__(
        self, scenario: Scenario, row: Publication, requests: list[Request], items: list[Item], moves: list[Moved],
        attempts: list[Attempt],
    ) -> None:  # fmt: skip
        self.scenario, self.row, self.requests, self.items = scenario, row, requests, items
        self.moves, self.attempts = moves, attempts
        self.resent = [(t, outcomes, instant) for t, pk, outcomes, instant in scenario.diary.resent if pk == row.pk]
        self.instant = scenario.instants[row.pk]

    def epoch(self, t: int) -> int:
        """How often people had it sent again by then."""
        return sum(1 for at, _, _ in self.resent if at <= t)

    def due(self, t: int) -> int:
        """The instant that held then."""
        epoch = self.epoch(t)
        return self.resent[epoch - 1][2] if epoch else self.instant

    def say(self, what: str) -> str:
        """With the name of the publication."""
        return f"publication {self.row.pk}: {what}"


def state_at(moves: list[Moved], t: int) -> State:
    """What the row said at a true time."""
    state = State.PLANNED
    for moved in moves:
        if moved.t > t:
            break
        state = moved.new
    return state


# --- 1 ---------------------------------------------------------------------------------------------------------


def _twice(case: Case, found: list[Violation]) -> None:
    if len(case.items) > 1:
        epochs = [case.epoch(item.request.t) for item in case.items]
        if len(set(epochs)) < len(epochs) and not _outwaited(case):
            found.append((1, case.say(f"{len(case.items)} public items")))
        if len(set(epochs)) < len(epochs) and case.row.state is State.LIVE and DOUBLES not in case.row.ids:
            found.append((1, case.say("public twice, and nobody was told")))
        for epoch in sorted(set(epochs))[:-1]:
            outcomes = case.resent[epoch][1]
            if not any(outcome in ("unknown", "accepted", "") for outcome in outcomes):
                found.append((1, case.say("public twice: people were told that nothing had gone out")))
    if len(case.requests) < 2:
        return
    platform = case.row.account.platform
    if isinstance(platform, Mass):
        if len({request.key for request in case.requests}) > 1:
            found.append((1, case.say("sent with two keys")))
        return
    most = 2 if isinstance(platform, Freepublish) else 1
    open_ended: dict[int, int] = {}
    for request in case.requests:
        if not request.clean:
            epoch = case.epoch(request.t)
            open_ended[epoch] = open_ended.get(epoch, 0) + 1
    if any(count > most for count in open_ended.values()):
        found.append((1, case.say("called again by machine although the call before was not denied")))
    if isinstance(platform, Freepublish):
        _same_draft(case, found)


def _outwaited(case: Case) -> bool:
    """Whether freepublish took longer for the first than all looks lie apart: no finite wait can exclude it."""
    if not isinstance(case.row.account.platform, Freepublish):
        return False
    first, *later = sorted(case.items, key=lambda item: item.request.t)
    return all(
        (first.t > item.request.t and item.request.t - first.request.t >= OUTWAITED)
        or case.epoch(item.request.t) != case.epoch(first.request.t)
        for item in later
    )


def _same_draft(case: Case, found: list[Violation]) -> None:
    unknown = [attempt.closed for attempt in case.attempts if attempt.outcome == "unknown"]
    drafts = case.row.account.platform.drafts
    for request in case.requests:
        if any(closed < drafts[request.draft].t for closed in unknown):
            found.append((1, case.say("another draft after an unknown result")))
            return


# --- 2, 3, 4 ---------------------------------------------------------------------------------------------------


def _early(case: Case, found: list[Violation]) -> None:
    for request in case.requests:
        ahead = max(0, request.process.host.skew(request.t))
        early = case.instant - request.t
        if early > min(ahead, UNSEEN):
            found.append((2, case.say(f"{early} ms early, its host's clock {ahead} ms ahead")))


def _unapproved(case: Case, found: list[Violation]) -> None:
    row, scenario = case.row, case.scenario
    spans = [("signature", *span) for span in row.release.unsigned]
    spans += [("freeze", *span) for span in scenario.world.db.frozen_spans]
    spans += [("approval", edition.withdrawn_at, 10**12) for edition in row.editions if edition.withdrawn_at >= 0]
    going = [t for t, pk in scenario.diary.going if pk == row.pk]
    for t, pk in scenario.diary.stopped:
        if pk == row.pk:
            spans.append(("stop", t, min((later for later in going if later >= t), default=10**12)))
    for request in case.requests:
        for what, start, end in spans:
            if start < request.t < end and request.process.awake(start, request.t) > REACH:
                found.append((3, case.say(f"sent {request.t - start} ms after its {what} was gone")))


def _altered(case: Case, found: list[Violation]) -> None:
    approved = tuple(edition.hash for edition in case.row.editions)
    for request in case.requests:
        if request.hashes != approved:
            found.append((4, case.say("the bytes that left are not those approved")))
    for item in case.items:
        if item.hashes == approved:
            continue
        if item.changed_at < 0 or _last_check(item.request) - item.changed_at > READ_BACK:
            found.append((4, case.say("what became public is not what was approved")))


def _last_check(request: Request) -> int:
    """When its sender last looked at a clock: no guard stands between that and the write, should it be stopped there."""
    t = request.t
    for start, end in reversed(request.process.naps):
        if end == t:
            t = start
    return t


# --- 5, 6 ------------------------------------------------------------------------------------------------------


def _lost(case: Case, found: list[Violation]) -> None:
    row = case.row
    waits = row.state is State.HELD and (not row.release.signed or row.release.cancelled)
    if row.state is State.PLANNED and (not row.release.signed or row.release.cancelled):
        waits = True
    if row.state not in SETTLED and not waits:
        found.append((5, case.say(f"rests as {row.state}, next at {row.next_at}")))
    if row.state in (State.NEEDS_PERSON, State.MISSED, State.HELD) and not row.reason:
        found.append((5, case.say(f"{row.state} without a reason")))
    epochs: dict[int, int] = {}
    for request in case.requests:
        epoch = case.epoch(request.t)
        epochs[epoch] = epochs.get(epoch, 0) + 1
        due = case.due(request.t)
        behind = max(0, -request.process.host.skew(request.t))
        late = request.process.awake(due, request.t) - behind
        if request.t - due - behind > MOST_LATE and late > MOST_LATE - 60 * SECOND and not _stopped_late(case, request):
            found.append((5, case.say(f"sent {(request.t - due) // SECOND} s late")))
    crashes: dict[int, int] = {}
    for moved in case.moves:
        if moved.event is Event.DISARM and "中断" in moved.reason:
            epoch = case.epoch(moved.t)
            crashes[epoch] = crashes.get(epoch, 0) + 1
    if any(count > MOST_CRASHES for count in crashes.values()):
        found.append((5, case.say(f"its sender died {max(crashes.values())} times, and no person was told")))
    if any(count > MOST_REQUESTS for count in epochs.values()):
        found.append((5, case.say(f"{max(epochs.values())} calls without a person")))


def _stopped_late(case: Case, request: Request) -> bool:
    """Its sender was kept from working since a moment at which sending was still allowed."""
    return any(
        start - case.due(request.t) <= MOST_LATE < end - case.due(request.t) for start, end in request.process.naps
    )


def _intent(case: Case, found: list[Violation]) -> None:
    opened = sorted(attempt.opened for attempt in case.attempts)
    for index, request in enumerate(sorted(case.requests, key=lambda request: request.t)):
        if index >= len(opened) or opened[index] >= request.t:
            found.append((6, case.say("a request without an attempt committed before it")))
            return


# --- 7 ---------------------------------------------------------------------------------------------------------


def _flight(case: Case, found: list[Violation]) -> None:
    numbers = [attempt.number for attempt in case.attempts]
    if numbers != sorted(set(numbers)):
        found.append((7, case.say(f"attempt numbers {numbers}")))
    if _overlap(case.attempts):
        found.append((7, case.say("two attempts open at once")))
    for moved in case.moves:
        if moved.old is not moved.row_state or moved.fence != moved.row_fence:
            found.append((7, case.say(f"{moved.event} written by somebody who had read another state")))
            return


def _overlap(attempts: list[Attempt]) -> bool:
    spans = sorted((attempt.opened, attempt.closed if attempt.closed >= 0 else 10**12) for attempt in attempts)
    return any(later[0] < earlier[1] for earlier, later in pairwise(spans))


def _flight_per_account(db: Database, found: list[Violation]) -> None:
    if len(db.publications) < 2:
        return
    for account in db.accounts:
        attempts = [
            attempt for pk, tries in db.attempts.items() if db.publications[pk].account is account for attempt in tries
        ]
        if len(attempts) > 1 and _overlap(attempts):
            found.append((7, f"{account.name}: two attempts open at once"))


_AFTER = frozenset({State.CONFIRMING, State.LIVE, State.GONE, State.WITHDRAWN, State.CANCELLED})


def _lanes(
    db: Database, requests: dict[int, list[Request]], moves: dict[int, list[Moved]], found: list[Violation]
) -> None:
    for pk, row in db.publications.items():
        if not row.lane or not requests[pk]:
            continue
        request = requests[pk][0]
        first = request.t
        for other in row.release.publications:
            mate = db.publications[other]
            if mate.account is not row.account or mate.lane >= row.lane:
                continue
            if not _through(moves[other], request):
                found.append((7, f"publication {pk}: sent before the one before it in its lane was through"))
            elif any(0 <= first - one.t < row.account.spacing // MS - _apart(one, request) for one in requests[other]):
                found.append((7, f"publication {pk}: sent too soon after the one before it in its lane"))


def _apart(earlier: Request, later: Request) -> int:
    """By how much the later one's host was ahead of the earlier one's: each keeps the spacing by its own clock, and
    either may be trusted (seed 2343086: one half a second slow, the other half a second fast)."""
    ahead = later.process.host.skew(later.t) - earlier.process.host.skew(earlier.t)
    return max(APART, min(ahead, UNSEEN))


def _through(moves: list[Moved], request: Request) -> bool:
    """Whether the one before it was past its answer when the sender could last have known."""
    before = [moved for moved in moves if moved.t <= request.t]
    if not before or before[-1].new in _AFTER:
        return bool(before)
    return before[-1].old in _AFTER and request.process.awake(before[-1].t, request.t) <= REACH


# --- 8 ---------------------------------------------------------------------------------------------------------


def _honest(case: Case, found: list[Violation]) -> None:
    for moved in case.moves:
        if moved.event == Event.CONFIRM and not any(item.t <= moved.t for item in case.items):
            found.append((8, case.say("live, but nothing is public")))
        if _denies(moved):
            epoch = case.epoch(moved.t)
            if any(item.request.t < moved.t and case.epoch(item.request.t) == epoch for item in case.items):
                found.append((8, case.say(f"{moved.event} says that nothing went out, but it did")))
    for t, pk, skew in case.scenario.diary.promised:
        if pk == case.row.pk and any(_left_under(case, t, request, skew) for request in case.requests):
            found.append((8, case.say("people were told that it was stopped, and it went")))
    for request in case.requests:
        state = state_at(case.moves, request.t - 1)
        excused = state is State.UNKNOWN and case.scenario.world.lock_losses and _in_time(case, request)
        if state is not State.SENDING and not excused:
            found.append((8, case.say(f"a request left while the row said {state}")))


def _denies(moved: Moved) -> bool:
    """Whether people read that nothing of it went out: by where it stands, or, while it only waits, by the words."""
    if moved.event not in NOTHING_WENT or IN_DOUBT in moved.reason:
        return False
    waits = moved.new in (State.HELD, State.BLOCKED) and any(words in moved.reason for words in DENIALS)
    return waits or moved.new in (State.NEEDS_PERSON, State.MISSED)


def _left_under(case: Case, t: int, request: Request, skew: int) -> bool:
    """It left under the attempt that was open when people were told; two machines' clocks apart excuse it."""
    if abs(request.process.host.skew(request.t) - skew) > APART:
        return False
    return any(
        attempt.opened <= min(t, request.t) and (attempt.closed < 0 or max(t, request.t) <= attempt.closed)
        for attempt in case.attempts
    )


def _in_time(case: Case, request: Request) -> bool:
    """Within `send_by` of its intent: others wait that long before they act on silence."""
    opened = [attempt.opened for attempt in case.attempts if attempt.opened < request.t]
    most = timeline.SEND_BY + timeline.INTENT + SECOND * MS
    return bool(opened) and request.t - max(opened) <= most // MS


# --- 9, 10, 11 -------------------------------------------------------------------------------------------------


def _doorbell(case: Case, found: list[Violation]) -> None:
    if not case.scenario.doorless:
        return
    if case.row.state is not State.LIVE:
        found.append((9, case.say(f"{case.row.state} although nothing went wrong: {case.row.reason}")))
    elif len(case.requests) != 1:
        found.append((9, case.say(f"{len(case.requests)} calls although nothing went wrong")))
    else:
        late = case.requests[0].t - case.instant - _for_the_page(case)
        most = (100 if case.scenario.calm else 15 * SECOND) + case.row.lane * 3 * SECOND
        if late > most and case.scenario.shape != "two":
            found.append((9, case.say(f"{late} ms late although nothing went wrong")))


def _for_the_page(case: Case) -> int:
    """How much later than its instant what waits for a page may go, when nothing is wrong but the bells."""
    gate: Gate | None = case.row.release.gate
    if gate is None:
        return 0
    first = gate.page.spans[0][0] if gate.page.spans else 0
    seen = first + (20 if case.scenario.calm else 35) * SECOND  # asked, answered, made ready
    return max(0, seen - gate.t)


def _history(case: Case, found: list[Violation]) -> None:
    state = State.PLANNED
    for moved in case.moves:
        if moved.old is not state or TRANSITIONS.get((state, moved.event)) is not moved.new:  # type: ignore[call-overload]
            found.append((10, case.say(f"the trail breaks at {moved.old} -{moved.event}-> {moved.new}")))
            return
        state = moved.new
    if state is not case.row.state:
        found.append((10, case.say(f"the trail ends in {state}, the row says {case.row.state}")))


def _together(
    scenario: Scenario, requests: dict[int, list[Request]], moves: dict[int, list[Moved]], found: list[Violation]
) -> None:
    db = scenario.world.db
    for t, pk in scenario.unready:
        for other in db.publications[pk].release.publications:
            if other == pk or state_at(moves[other], t - 1) not in STOPPABLE:
                continue
            again = min(
                (moved.t for moved in moves[other] if moved.t > t and moved.event in (Event.RESUME, Event.RETRY_BY_PERSON)),
                default=10**12,
            )  # fmt: skip
            if any(
                t < request.t < again and request.process.awake(t, request.t) > REACH for request in requests[other]
            ):
                found.append((11, f"publication {other}: sent although its release was held"))


# --- 12 --------------------------------------------------------------------------------------------------------


def before_its_page(case: Case, found: list[Violation]) -> None:
    """Invariant 12."""
    gate: Gate | None = case.row.release.gate
    if gate is None:
        return
    for request in case.requests:
        begun = max((t for t in gate.begun if t <= request.t), default=0)
        for start, end in _shut(gate):
            if start < request.t < end and request.process.awake(start, request.t) > REACH:
                found.append((12, case.say(f"sent {request.t - start} ms after its gate was shut")))
        if _let_go(case, gate, begun, request.t):
            continue
        if not gate.page.was_live(begun, request.t):
            found.append((12, case.say("sent before its page was live")))
        elif not _begun_to_leave(case, request):
            age = request.process.awake(gate.page.told(request.t), request.t)
            if age > PROOF:
                found.append((12, case.say(f"sent on a page that was last seen {age // SECOND} s before")))


def _shut(gate: Gate) -> list[tuple[int, int]]:
    """Spans of true time in which the record let nothing through."""
    ends = [t for t, _ in gate.history[1:]] + [10**12]
    return [
        (t, end)
        for (t, state), end in zip(gate.history, ends, strict=True)
        if state not in LETTING_THROUGH
    ]  # fmt: skip


def _let_go(case: Case, gate: Gate, begun: int, t: int) -> bool:
    """A person said go since it was signed, or the policy says go and the wait was over."""
    said = any(pk == gate.release.pk and begun <= at <= t for at, pk in case.scenario.diary.let_go)
    return said or (gate.policy.then is Then.GO and t >= gate.t + gate.policy.wait // MS)


def _begun_to_leave(case: Case, request: Request) -> bool:
    """Another call of the release may have had an effect by then: the rest goes after it.

    What shares its batch has left when its request is there; of another batch the intent alone is enough to think so.
    """
    world, mates = case.scenario.world, case.row.release.publications
    for platform in world.platforms:
        if any(one.publication in mates and one.t < request.t and not one.clean for one in platform.journal):
            return True
    mine = max((one for one in case.attempts if one.opened < request.t), key=lambda one: one.opened, default=None)
    return any(
        one.opened < request.t and (mine is None or one.batch is not mine.batch)
        and (one.outcome in ("unknown", "accepted") or one.closed > request.t)
        for pk in mates for one in world.db.attempts[pk]
    )  # fmt: skip


JUDGES = (
    _twice, _early, _unapproved, _altered, _lost, _intent, _flight, _honest, _doorbell, _history, before_its_page,
)  # fmt: skip

__all__ = ["NAMES", "Violation", "Weibo", "check"]
