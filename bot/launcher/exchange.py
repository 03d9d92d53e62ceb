"""From the first byte taken to the last event of one shot: write what is left, read while writing, judge the end."""

from __future__ import annotations

import selectors
from collections.abc import Callable

from bot.domain.channel import WireAnswer

from .codec import End
from .connection import Connection
from .events import Answered, Broken, Event, Sent
from .framing import AnswerParser
from .reasons import Fault, Reason


class Exchange:
    """One request whose first byte has left. `over` turns True with Answered or Broken, and stays."""

    def __init__(
        self, key: str, connection: Connection, parser: AnswerParser, first_byte_at: float, now: Callable[[], float]
    ) -> None:
        self.key, self.connection, self.over = key, connection, False
        self._parser, self._now = parser, now
        self._first = self._last = first_byte_at
        self._told = False
        self._write_fault: Fault | None = None

    def begin(self) -> list[Event]:
        """Sent, where the first write took it all."""
        return self._sent() if not self.connection.request_left else []

    def step(self, mask: int) -> list[Event]:
        """The selector saw something. Reading first: an early refusal ends the writing."""
        events = self._read() if mask & selectors.EVENT_READ else []
        if not self.over and mask & selectors.EVENT_WRITE:
            events += self._write()
        return events

    def expire(self) -> list[Event]:
        """Time is up: a head that came is evidence, so it is reported as a cut answer."""
        return self._end(self._parser.cut(), Fault(Reason.TIMEOUT, "no whole answer by the deadline"))

    def broke(self, fault: Fault) -> list[Event]:
        """The connection failed for good."""
        return self._end(self._parser.cut(), self._write_fault or fault)

    def _write(self) -> list[Event]:
        try:
            taken = self.connection.write()
        except Fault as fault:  # the reason for it may still be waiting to be read
            self._write_fault = fault
            self.connection.stop_writing()
            return []
        if taken:
            self._last = self._now()
        return self._sent() if not self.connection.request_left else []

    def _read(self) -> list[Event]:
        try:
            data, end = self.connection.receive()
        except Fault as fault:
            return self.broke(fault)
        answer = self._parser.feed(data) if data else None
        if answer is not None:
            return self._end(answer, None)
        if end is End.OPEN:
            return []
        clean = end is End.CLEAN and self._write_fault is None
        how = "before an answer" if end is End.CLEAN else "without a proper end"
        answer = self._parser.feed(b"") if clean else self._parser.cut()
        return self._end(answer, self._write_fault or Fault(Reason.CLOSED, how))

    def _sent(self, *, complete: bool = True) -> list[Event]:
        if self._told:
            return []
        self._told = True
        return [Sent(self.key, self._first, self._last, complete)]

    def _end(self, answer: WireAnswer | None, fault: Fault | None) -> list[Event]:
        self.over = True
        last: Event = (
            Answered(self.key, answer, self._now())
            if answer is not None
            else Broken(self.key, str(fault), True, self._now())
        )
        return [*self._sent(complete=not self.connection.request_left), last]
