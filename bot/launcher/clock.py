"""The instant T on two clocks: never early on either, and bounded when one of them is set."""

from __future__ import annotations

from collections.abc import Callable


class Countdown:
    """T, the last moment to send, and the last moment to wait for answers.

    The wall clock names T; the monotonic clock, read once when the countdown starts, guards it:

    * due: both clocks have reached T. Setting the wall clock forward publishes nothing early; setting it back is
      honoured by waiting.
    * closed: either clock is past `send_by`, because others may act on the wall clock then, and because a
      clock set back by an hour must not leave an intent open for an hour.
    * over: the monotonic clock alone, so that no setting of the clock turns a good answer into an unknown one.
    """

    def __init__(
        self,
        at: float,
        send_by: float,
        answer_deadline: float,
        *,
        now: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self.at, self.send_by, self.now, self.monotonic = at, send_by, now, monotonic
        offset = monotonic() - now()
        self._at, self._send_by, self._over = at + offset, send_by + offset, answer_deadline + offset

    def remaining(self) -> float:
        """Seconds until both clocks have reached T; zero or less when due."""
        return max(self.at - self.now(), self._at - self.monotonic())

    def due(self) -> bool:
        """Sending is allowed from here on."""
        return self.now() >= self.at and self.monotonic() >= self._at

    def closed(self) -> bool:
        """Sending is no longer allowed."""
        return self.now() > self.send_by or self.monotonic() > self._send_by

    def over(self) -> bool:
        """Nobody waits for answers any more."""
        return self.monotonic() >= self._over

    def to_close(self) -> float:
        """Seconds until sending closes; may be negative."""
        return min(self.send_by - self.now(), self._send_by - self.monotonic())

    def to_over(self) -> float:
        """Seconds until the answer deadline; may be negative."""
        return self._over - self.monotonic()


def spin(countdown: Countdown) -> None:
    """Wait actively until T is due or sending has closed."""
    while not countdown.due() and not countdown.closed():
        continue


def approach(countdown: Countdown, idle: Callable[[float], object], *, awake: float, margin: float) -> None:
    """Wait for T: `idle(seconds)` while it is further than `margin` away, then return for the spin.

    In the last `awake` seconds `idle` is given nothing to sleep, so that the processor is not put to sleep either: a
    virtual one is at times given back 8 ms late. Ends early only when sending has closed before T came (the wall
    clock was set).
    """
    while (left := countdown.remaining()) > margin and not countdown.closed():
        idle(min(max(left - awake, 0.0), 0.05))
