"""The launcher: many prepared requests, one instant.

Use, all from one thread (`strike` alone may come from another)::

    with Launcher(shots, ca_file=None) as launcher:
        launcher.connect(deadline=T - 2)          # from T - 5 s
        launcher.refresh()                        # at T - 200 ms
        launcher.strike(keys)                     # what a last look at the records took out
        for event in launcher.fire(T, send_by=T + 5, answer_deadline=T + 15):
            ...

Every shot ends in exactly one of Answered, Broken, NotSent; Sent comes before the first two. If `fire` raises or
is left early, every shot without such an end has an unknown outcome.
"""

from __future__ import annotations

import math
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from .clock import Countdown, approach, spin
from .codec import trust
from .events import Event, NotSent, Shot
from .exchange import Exchange
from .framing import AnswerParser, plan
from .limits import Limits, calm, make_room
from .opening import Flight, Opener
from .reasons import Fault, Reason, as_fault, from_os_error
from .resolver import Lookup, Resolver

#: Longest sleep of the loop, so that a strike from another thread or a clock that was set is soon seen.
NAP = 0.05
#: No new connection is begun this shortly before T: it could delay those that are ready.
HUSH = 0.01
#: Bytes of a request in the first round of writes: one segment of Ethernet. The rest follows as soon as every request has
#: begun; a picture copied into the kernel whole would make all behind it wait.
FIRST_SEGMENT = 1448

#: Seconds after T up to which what was seen right before T still holds.
LOOK_HOLDS = 0.1
#: Seconds for which the answer of `recheck` holds.
ASKED_AGAIN = 0.05

Aim = tuple[Flight, Callable[[bytes], int], bytes]
Result = tuple[Flight, int | OSError, float]


class Launcher:
    """Opens, holds, releases and listens. Fires once."""

    def __init__(
        self,
        shots: Iterable[Shot],
        *,
        ca_file: Path | None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        limits: Limits | None = None,
        resolve: Lookup = socket.getaddrinfo,
    ) -> None:
        """`ca_file`: PEM roots trusted besides certifi's. A request that cannot be framed becomes NotSent; two shots
        of one key raise ValueError."""
        self._now, self._monotonic, self._limits = now, monotonic, limits or Limits()
        self._unsent: dict[str, Flight] = {}
        self._unfit: dict[str, str] = {}
        self._exchanges: dict[str, Exchange] = {}
        self._struck: set[str] = set()
        self._outbox: deque[Event] = deque()
        self._started = self._fired = False
        self._recheck: Callable[[], Iterable[str]] | None = None
        self._asked = -math.inf
        for shot in shots:
            self._load(shot)
        make_room(len(self._unsent))
        context = trust(ca_file) if any(flight.plan.tls for flight in self._unsent.values()) else None
        self._selector = selectors.DefaultSelector()
        self._opener = Opener(self._selector, Resolver(resolve), context, self._limits, monotonic)

    def _load(self, shot: Shot) -> None:
        if shot.key in self._unsent or shot.key in self._unfit:
            raise ValueError("two shots have the same key")
        try:
            ready = plan(shot.request)
        except Fault as fault:
            self._unfit[shot.key] = str(fault)
            return
        parser = AnswerParser(ready.method, max_body=self._limits.body, max_head=self._limits.head)
        self._unsent[shot.key] = Flight(shot.key, ready, parser)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- before T ---------------------------------------------------------------------------------------

    def connect(self, deadline: float) -> dict[str, str]:
        """Open all connections, retrying until `deadline`; returns at once when all stand.

        The result maps the key of each shot without a connection to the last reason. Such shots are tried on
        in `refresh` and `fire`.
        """
        until = self._monotonic() + deadline - self._now()
        self._start()
        self._open_until(until)
        late = (flight for key, flight in self._unsent.items() if key not in self._opener.ready)
        return {**self._unfit, **{flight.key: flight.reason for flight in late}}

    def refresh(self) -> None:
        """Look at every idle connection once: swallow TLS tickets, reopen what the peer has closed.

        Requests are already encrypted: that happens when a handshake ends. Waits at most `limits.refresh`.
        """
        self._start()
        self._sweep()
        self._pump(0)
        self._open_until(self._monotonic() + self._limits.refresh)

    def strike(self, keys: Iterable[str]) -> None:
        """Take shots out. Each of them whose first byte has not left ends as NotSent("struck"); others are not touched.

        The connection is closed at the launcher's next turn.
        """
        self._struck.update(keys)

    def close(self) -> None:
        """Close everything; harmless when repeated."""
        for flight in self._unsent.values():
            flight.done = True
            self._opener.drop(flight)
        for exchange in self._exchanges.values():
            exchange.connection.close()
        self._unsent.clear()
        self._exchanges.clear()
        self._selector.close()

    @property
    def waiting(self) -> int:
        """Events that `fire` can give at once, without waiting for the network."""
        return len(self._outbox)

    # --- T ----------------------------------------------------------------------------------------------

    def fire(
        self, at: float, *, send_by: float, answer_deadline: float, recheck: Callable[[], Iterable[str]] | None = None
    ) -> Iterator[Event]:
        """Wait for `at`, write every shot once, then read answers; yields events, none of them before `at`'s writes.

        The clocks are read when this is called, so call it before T and iterate at once. The caller's work between
        two events delays no write at T, but the reading of answers. Shots without a connection at T are tried until
        `send_by`, and before each such late write (and where this process was stopped over T) `recheck` says which of
        them to strike; nothing is waited for after `answer_deadline`. RuntimeError when called twice.
        """
        if self._fired:
            raise RuntimeError("a launcher fires once")
        self._fired = True
        self._recheck = recheck
        return self._run(Countdown(at, send_by, answer_deadline, now=self._now, monotonic=self._monotonic))

    def _run(self, countdown: Countdown) -> Iterator[Event]:
        try:
            self._outbox.extend(NotSent(key, reason) for key, reason in self._unfit.items())
            self._start()
            with calm():
                limits = self._limits
                approach(
                    countdown, lambda seconds: self._pump(seconds, hush=True), awake=limits.awake, margin=limits.spin
                )
                self._volley(countdown)
            while self._unsent or self._exchanges or self._outbox:
                self._follow_up(countdown)
                if self._outbox:
                    yield self._outbox.popleft()
        finally:
            self.close()

    def _volley(self, countdown: Countdown) -> None:
        self._sweep()
        aimed = self._aim()
        spin(countdown)
        if countdown.due() and not countdown.closed():
            if self._now() - countdown.at > LOOK_HOLDS:  # stopped, or the machine was: the last look is of another time
                self._ask_again()
                aimed = self._aim()
            self._write(aimed, countdown)

    def _aim(self) -> list[Aim]:
        """What stands ready, up to a first segment of each; the small ones first, so that a picture delays nobody else."""
        standing = ((flight, flight.connection) for flight in self._opener.ready.values())
        aimed: list[Aim] = [(flight, c.sock.send, c.payload[:FIRST_SEGMENT]) for flight, c in standing if c is not None]
        return sorted(aimed, key=lambda aim: len(aim[2]))

    def _write(self, aimed: list[Aim], countdown: Countdown) -> None:
        results = self._release(aimed, countdown)
        for result in results:
            self._settle(*result)
        for flight, *_ in results:
            exchange = self._exchanges.get(flight.key)
            if exchange is not None and exchange.connection.request_left:
                self._converse(exchange, flight, selectors.EVENT_WRITE)

    def _release(self, aimed: list[Aim], countdown: Countdown) -> list[Result]:
        """The writes themselves; nothing else happens here. What is skipped is looked at again by `_late`."""
        results: list[Result] = []
        now, at, send_by, struck = self._now, countdown.at, countdown.send_by, self._struck
        stamp = now()
        for flight, send, payload in aimed:
            if not at <= stamp <= send_by or flight.key in struck:
                stamp = now()
                continue
            flight.done = True  # before the call: if a signal tears us out of it, nobody may send this again
            try:
                outcome: int | OSError = send(payload)
            except OSError as error:
                flight.done, outcome = False, error
            stamp = now()
            results.append((flight, outcome, stamp))
        return results

    def _settle(self, flight: Flight, outcome: int | OSError, stamp: float) -> None:
        """Book one write: an error means that the kernel took nothing."""
        if isinstance(outcome, BlockingIOError):
            return
        if isinstance(outcome, OSError):
            self._opener.fail(flight, from_os_error(outcome))
            return
        connection = self._opener.release(flight)
        connection.taken(outcome)
        exchange = self._exchanges[flight.key] = Exchange(flight.key, connection, flight.parser, stamp, self._now)
        del self._unsent[flight.key]
        self._selector.modify(connection.sock, connection.interest, flight)
        self._outbox.extend(exchange.begin())

    # --- after T ----------------------------------------------------------------------------------------

    def _follow_up(self, countdown: Countdown) -> None:
        """One turn: late shots, deadlines, sockets."""
        self._sweep()
        if self._unsent:
            self._late(countdown)
        if self._exchanges and countdown.over():
            self._pump(0)  # what has come while the caller was at work counts
            for exchange in list(self._exchanges.values()):
                self._book(exchange, exchange.expire())
        if self._unsent or self._exchanges:
            self._pump(0 if self._outbox else self._nap(countdown))

    def _late(self, countdown: Countdown) -> None:
        """Shots that were not ready at T: written as soon as they are, given up when sending closes."""
        if countdown.closed() or countdown.over():
            for key, flight in list(self._unsent.items()):
                self._give_up(key, str(Reason.LATE) if key in self._opener.ready else flight.reason)
        elif self._opener.ready and countdown.due():
            self._ask_again()
            self._write(self._aim(), countdown)

    def _ask_again(self) -> None:
        """Before a late write, at most every `ASKED_AGAIN`: may it still go?"""
        if self._recheck is None or self._monotonic() - self._asked < ASKED_AGAIN:
            return
        self._struck.update(self._recheck())
        self._asked = self._monotonic()
        self._sweep()

    def _nap(self, countdown: Countdown) -> float:
        left = [NAP]
        if self._unsent:
            left.append(countdown.to_close())
            left += [countdown.remaining()] if not countdown.due() else []
        if self._exchanges:
            left.append(countdown.to_over())
        return max(min(left), 0.0)

    def _give_up(self, key: str, reason: str) -> None:
        flight = self._unsent.pop(key)
        flight.done = True
        self._opener.drop(flight)
        self._outbox.append(NotSent(key, reason))

    def _sweep(self) -> None:
        """Carry out strikes."""
        while self._struck:
            key = self._struck.pop()
            if key in self._unsent:
                self._give_up(key, str(Reason.STRUCK))
            elif key in self._unfit and not self._fired:
                self._unfit[key] = str(Reason.STRUCK)

    # --- the loop ---------------------------------------------------------------------------------------

    def _start(self) -> None:
        if not self._started:
            self._started = True
            for flight in self._unsent.values():
                self._opener.start(flight)

    def _open_until(self, until: float) -> None:
        while len(self._opener.ready) < len(self._unsent) and (left := until - self._monotonic()) > 0:
            self._pump(min(left, NAP))

    def _pump(self, seconds: float, *, hush: bool = False) -> None:
        """One turn of the selector. With `hush`, it ends when the time is over, whatever is left to do."""
        until = self._monotonic() + seconds
        if not hush or seconds > HUSH:
            self._opener.tick()
        for key, mask in self._selector.select(self._opener.patience(seconds)):
            flight: Flight = key.data
            exchange = self._exchanges.get(flight.key)
            if exchange is None:
                self._opener.advance(flight)
            else:
                self._converse(exchange, flight, mask)
            if hush and self._monotonic() >= until:
                return

    def _converse(self, exchange: Exchange, flight: Flight, mask: int) -> None:
        try:
            events = exchange.step(mask)
        except Exception as error:  # one strange answer must not make the other shots' outcomes unknown
            events = exchange.broke(as_fault(error))
        if not exchange.over:
            self._selector.modify(exchange.connection.sock, exchange.connection.interest, flight)
        self._book(exchange, events)

    def _book(self, exchange: Exchange, events: list[Event]) -> None:
        self._outbox.extend(events)
        if exchange.over:
            del self._exchanges[exchange.key]
            self._selector.unregister(exchange.connection.sock)
            exchange.connection.close()
