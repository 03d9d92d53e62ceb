"""T on two clocks, with both clocks in the test's hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.launcher.clock import Countdown, approach, spin

T = 1_000.0


class Clocks:
    """A wall and a monotonic clock that advance together, until the wall clock is set."""

    def __init__(self, start: float = T - 5) -> None:
        self.wall, self.mono = start, 77.0
        self.steps: list[tuple[float, float]] = []  # (monotonic instant, by how much the wall clock is set)
        self.tick = 0.0

    def now(self) -> float:
        self.advance(self.tick)
        return self.wall

    def monotonic(self) -> float:
        return self.mono

    def advance(self, seconds: float) -> None:
        self.mono += seconds
        self.wall += seconds
        while self.steps and self.steps[0][0] <= self.mono:
            self.wall += self.steps.pop(0)[1]

    def countdown(self, *, send_by: float = T + 5, answers: float = T + 15) -> Countdown:
        return Countdown(T, send_by, answers, now=self.now, monotonic=self.monotonic)


def wait(clocks: Clocks, countdown: Countdown) -> None:
    idle = lambda seconds: clocks.advance(max(seconds, 0.001))  # noqa: E731 - selectors count in milliseconds
    approach(countdown, idle, awake=0.03, margin=0.003)
    clocks.tick = 0.0001
    spin(countdown)


def test_released_at_t_and_hardly_later_while_nobody_touches_the_clock() -> None:
    clocks = Clocks()
    countdown = clocks.countdown()
    wait(clocks, countdown)
    assert countdown.due()
    assert T <= clocks.wall < T + 0.001


def test_nobody_sleeps_in_the_last_moments_so_that_a_virtual_processor_is_not_given_away() -> None:
    clocks, slept = Clocks(), []

    def idle(seconds: float) -> None:
        slept.append((T - clocks.wall, seconds))
        clocks.advance(max(seconds, 0.001))

    approach(clocks.countdown(), idle, awake=0.03, margin=0.003)
    assert all(left - seconds >= 0.03 - 1e-6 for left, seconds in slept if seconds)
    assert [seconds for left, seconds in slept if left < 0.03] == [0.0] * 28


def test_a_clock_set_forward_releases_nothing_early() -> None:
    clocks = Clocks()
    countdown = clocks.countdown()
    clocks.steps = [(78.0, 3.0)]  # one second in, the wall clock jumps to one second before T
    wait(clocks, countdown)
    assert countdown.due()
    assert clocks.mono >= 77.0 + 5


def test_a_clock_set_back_is_honoured_by_waiting() -> None:
    clocks = Clocks()
    countdown = clocks.countdown()
    clocks.steps = [(81.0, -2.0)]
    wait(clocks, countdown)
    assert countdown.due()
    assert clocks.wall >= T
    assert clocks.mono >= 77.0 + 7


def test_a_clock_set_back_by_an_hour_closes_the_window_instead_of_holding_it_open() -> None:
    clocks = Clocks()
    countdown = clocks.countdown()
    clocks.steps = [(81.0, -3600.0)]
    wait(clocks, countdown)
    assert countdown.closed()
    assert not countdown.due()


def test_a_clock_set_forward_past_send_by_closes_the_window() -> None:
    clocks = Clocks()
    countdown = clocks.countdown()
    clocks.steps = [(81.0, 3600.0)]
    wait(clocks, countdown)
    assert countdown.closed()


def test_answers_are_waited_for_by_the_monotonic_clock_alone() -> None:
    clocks = Clocks()
    countdown = clocks.countdown()
    clocks.steps = [(83.0, 3600.0)]
    clocks.advance(19.9)
    assert not countdown.over()
    clocks.advance(0.2)
    assert countdown.over()


def test_an_instant_already_past_is_due_at_once() -> None:
    clocks = Clocks(start=T + 1)
    assert clocks.countdown().due()


@given(st.lists(st.tuples(st.floats(77, 84), st.floats(-4, 4)), max_size=4))
def test_never_early_on_either_clock_whatever_is_done_to_the_wall_clock(steps: list[tuple[float, float]]) -> None:
    clocks = Clocks()
    countdown = clocks.countdown()
    clocks.steps = sorted(steps)
    wait(clocks, countdown)
    assert countdown.closed() or (clocks.wall >= T and clocks.mono >= 82.0)
