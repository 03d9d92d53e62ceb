"""Brings many connections to READY and keeps them there until T: retries, time-outs, fair queues per destination."""

from __future__ import annotations

import heapq
import selectors
import ssl
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from .connection import Connection, Phase
from .framing import AnswerParser, Endpoint, Plan
from .limits import Limits
from .reasons import Fault, Reason, as_fault
from .resolver import Address, Resolver

#: How often an open question to the name server is looked at, seconds.
DNS_POLL = 0.01


@dataclass(eq=False, slots=True)
class Flight:
    """One shot on its way. `failures` counts since the last connection that stood for a while."""

    key: str
    plan: Plan
    parser: AnswerParser
    connection: Connection | None = None
    reason: str = str(Fault(Reason.TIMEOUT, "still connecting"))
    failures: int = 0
    turn: int = 0  # outdates timers of earlier tries
    since: float = 0.0  # monotonic: ready since
    done: bool = False  # a send was begun, or it was given up: never dial again, never write again


class Opener:
    """`ready` holds what may be written; everything else is queued, being opened, or waits for its next try."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        resolver: Resolver,
        context: ssl.SSLContext | None,
        limits: Limits,
        monotonic: Callable[[], float],
    ) -> None:
        self._selector, self._resolver, self._context = selector, resolver, context
        self._limits, self._monotonic = limits, monotonic
        self._queues: dict[Endpoint, deque[Flight]] = {}
        self._busy: Counter[Endpoint] = Counter()
        self._timers: list[tuple[float, int, int, Flight]] = []
        self._serial = 0
        self._waits_for_dns = False
        self.ready: dict[str, Flight] = {}

    def start(self, flight: Flight) -> None:
        """Queue a flight for its next connection."""
        flight.turn += 1
        self._queues.setdefault(flight.plan.dial, deque()).append(flight)

    def advance(self, flight: Flight) -> None:
        """The selector saw something on a connection that has not sent yet."""
        connection = flight.connection
        if connection is None:
            return
        try:
            connection.advance()
        except Exception as error:  # one odd address must not take the others' release with it
            self.fail(flight, as_fault(error))
            return
        self._selector.modify(connection.sock, connection.interest, flight)
        if connection.phase is Phase.READY and flight.key not in self.ready:
            self._busy[flight.plan.dial] -= 1
            flight.turn, flight.since = flight.turn + 1, self._monotonic()
            self.ready[flight.key] = flight

    def fail(self, flight: Flight, fault: Fault) -> None:
        """Close, remember why, and plan the next try: at once for a new address or a long-standing connection."""
        flight.reason = str(fault)
        stood = flight.key in self.ready and self._monotonic() - flight.since >= self._limits.settled
        self.drop(flight)
        flight.failures = 0 if stood else flight.failures + 1
        tries = flight.failures - self._resolver.choices(flight.plan.dial)
        if stood or tries < 0:
            self.start(flight)
        else:
            self._later(flight, min(self._limits.backoff * 2 ** min(tries, 10), self._limits.backoff_max))

    def drop(self, flight: Flight) -> None:
        """Close a flight's connection and forget its timers; it is not tried again unless started."""
        flight.turn += 1
        connection, flight.connection = flight.connection, None
        if self.ready.pop(flight.key, None) is None and connection is not None:
            self._busy[flight.plan.dial] -= 1
        if connection is not None:
            self._selector.unregister(connection.sock)
            connection.close()

    def release(self, flight: Flight) -> Connection:
        """Take a ready flight out of the opener's hands: its connection now belongs to the exchange."""
        del self.ready[flight.key]
        assert flight.connection is not None  # noqa: S101  ready implies connected
        return flight.connection

    def tick(self) -> None:
        """Time-outs, retries and new connections that are due."""
        now = self._monotonic()
        while self._timers and self._timers[0][0] <= now:
            _, _, turn, flight = heapq.heappop(self._timers)
            if turn == flight.turn:
                self._timer(flight)
        self._waits_for_dns = False
        for endpoint, queue in self._queues.items():
            self._serve(endpoint, queue)

    def patience(self, limit: float) -> float:
        """How long the selector may sleep, at most `limit`."""
        if self._waits_for_dns:
            limit = min(limit, DNS_POLL)
        if self._timers:
            limit = min(limit, self._timers[0][0] - self._monotonic())
        return max(limit, 0.0)

    def _timer(self, flight: Flight) -> None:
        if flight.connection is None:
            self.start(flight)
        else:
            self.fail(flight, Fault(Reason.TIMEOUT, f"while {flight.connection.phase.value}"))

    def _serve(self, endpoint: Endpoint, queue: deque[Flight]) -> None:
        while queue and self._busy[endpoint] < self._limits.opening:
            answer = self._resolver.addresses(endpoint)
            if answer is None:
                self._waits_for_dns = True
                return
            flight = queue.popleft()
            if isinstance(answer, Fault):
                self._fail_all(endpoint, [flight, *queue], answer)
                return
            self._dial(flight, answer)

    def _fail_all(self, endpoint: Endpoint, flights: list[Flight], fault: Fault) -> None:
        self._queues[endpoint].clear()
        for flight in flights:
            if not flight.done:
                self.fail(flight, fault)

    def _dial(self, flight: Flight, addresses: list[Address]) -> None:
        if flight.done:
            return
        context = self._context if flight.plan.tls else None
        try:
            flight.connection = Connection(flight.plan, addresses[flight.failures % len(addresses)], context)
        except Exception as error:  # as above
            self.fail(flight, as_fault(error))
            return
        self._busy[flight.plan.dial] += 1
        self._selector.register(flight.connection.sock, flight.connection.interest, flight)
        hurry = flight.failures < len(addresses) - 1
        self._later(flight, self._limits.first_attempt if hurry else self._limits.attempt)

    def _later(self, flight: Flight, delay: float) -> None:
        self._serial += 1
        heapq.heappush(self._timers, (self._monotonic() + delay, self._serial, flight.turn, flight))
