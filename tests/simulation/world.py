"""Virtual time: hosts with clocks that are set, processes that are killed and paused, locks that die with them.

Time is an integer, milliseconds of true time since the run began. A process is a generator that yields how long it
waits; each yield is a point where the seed may kill it, pause it, or let a rival go first.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from random import Random
from traceback import format_exception
from typing import Any

BASE = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
MS = timedelta(milliseconds=1)
SECOND = 1000
MINUTE = 60 * SECOND

Steps = Generator[int, None, None]
Key = tuple[str, int]


class DatabaseError(Exception):
    """The database did not answer, or the commit failed: nothing of the transaction stands."""


class Host:
    """One machine. Its wall clock is true time plus what it was set to; its monotonic clock is true time."""

    __slots__ = ("_at", "_now", "boot", "steps", "world")

    def __init__(self, world: World, boot: int, steps: list[tuple[int, int]]) -> None:
        """`steps`: (from when, skew in ms), the first at 0."""
        self.world, self.boot, self.steps = world, boot, steps
        self._at, self._now = -1, BASE

    def skew(self, t: int) -> int:
        """How far the wall clock is ahead, in ms."""
        skew = 0
        for since, value in self.steps:
            if since > t:
                break
            skew = value
        return skew

    def now(self) -> datetime:
        """The wall clock."""
        t = self.world.t
        if t != self._at:
            skew = self.steps[0][1] if len(self.steps) == 1 else self.skew(t)
            self._at, self._now = t, BASE + timedelta(0, 0, 0, t + skew)
        return self._now

    def until(self, instant: datetime) -> int:
        """Milliseconds of true time until the wall clock shows `instant`, with all steps on the way."""
        t, wanted = self.world.t, -((BASE - instant) // MS)
        if len(self.steps) == 1:
            return max(0, wanted - t - self.steps[0][1])
        for (since, skew), (end, _) in zip(self.steps, [*self.steps[1:], (10**12, 0)], strict=True):
            if end > t and max(since, t, wanted - skew) < end:
                return max(since, t, wanted - skew) - t
        return 0


class Process:
    """One process of ours."""

    __slots__ = ("alive", "batch", "clock", "gen", "host", "locks", "mortal", "name", "naps", "seq", "slot", "wake")

    def __init__(self, name: str, host: Host, gen: Steps | None, *, slot: str = "", mortal: bool = True) -> None:
        self.name, self.host, self.gen, self.slot, self.mortal = name, host, gen, slot, mortal
        self.locks: list[Key] = []
        self.naps: list[tuple[int, int]] = []
        self.alive, self.seq, self.wake, self.clock, self.batch = True, 0, 0, -1, 0

    def awake(self, since: int, until: int) -> int:
        """How much of that span the process was not kept from working by the world."""
        span = until - since
        for start, end in self.naps:
            span -= max(0, min(end, until) - max(start, since))
        return span


class World:
    """Everything that happens, in order."""

    __slots__ = (
        "bells", "busy", "calm_at", "clocks", "db", "db_faults", "doomed", "end", "errors", "fails_over", "heap", "hosts", "kill", "kills",
        "lock_losses", "locks", "pause", "pauses", "platforms", "queue", "random", "rng", "scenario", "seed", "seq", "short", "slots",
        "story", "t", "without",
    )  # fmt: skip

    def __init__(self, seed: int) -> None:
        self.seed, self.rng = seed, Random(seed)
        self.random = self.rng.random
        self.short: Callable[[], int] = partial(self.rng.getrandbits, 5)  # ms: a database round trip, or a little more
        self.t = self.seq = self.kills = self.pauses = self.lock_losses = 0
        self.heap: list[tuple[int, int, Any]] = []
        self.locks: dict[Key, Process] = {}
        self.kill = self.pause = self.db_faults = 0.0
        self.calm_at, self.end = 0, 10**12
        self.fails_over = False
        self.doomed: Callable[[Process], bool] | None = None  # who dies at this step, besides
        self.errors: list[str] = []
        self.story: list[str] | None = None
        self.hosts: list[Host] = []
        self.clocks: list[Process] = []
        self.busy = {"send": 0, "work": 0}
        self.slots = {"send": 4, "work": 2}
        self.queue: dict[str, list[Callable[[], None]]] = {"send": [], "work": []}
        self.bells = 0.0
        self.without: frozenset[str] = frozenset()
        self.db: Any = None
        self.platforms: list[Any] = []
        self.scenario: Any = None

    # --- chance --------------------------------------------------------------------------------------------

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high."""
        return low + int(self.random() * (high - low + 1))

    def tell(self, line: str) -> None:
        """For --trace."""
        if self.story is not None:
            self.story.append(f"{self.t / 1000:10.3f}  {line}")

    # --- events and processes --------------------------------------------------------------------------------

    def at(self, t: int, action: Callable[[], None]) -> None:
        """Something happens that is no process of ours."""
        self.seq += 1
        heappush(self.heap, (max(t, self.t), self.seq, action))

    def start(self, process: Process, delay: int = 0) -> Process:
        """A process begins."""
        self._schedule(process, self.t + delay)
        return process

    def _schedule(self, process: Process, t: int) -> None:
        self.seq += 1
        process.seq, process.wake = self.seq, t
        heappush(self.heap, (t, self.seq, process))

    def poke(self) -> None:
        """Something may be due: clocks look within a second."""
        for process in self.clocks:
            if process.wake > self.t + SECOND:
                self._schedule(process, self.t + int(self.random() * SECOND))

    def due(self, instant: datetime | None) -> None:
        """A row says that it is due then: clocks that would sleep longer are woken for it."""
        if instant is None:
            return
        for process in self.clocks:
            t = self.t + process.host.until(instant)
            if process.wake > t:
                self._schedule(process, t + int(self.random() * 300))

    def run(self) -> None:
        """Until nothing is left to happen."""
        heap, random = self.heap, self.random
        while heap:
            t, seq, what = heappop(heap)
            if what.__class__ is not Process:
                self.t = t
                if t > self.end:
                    return
                what()
                continue
            if what.seq != seq:
                continue
            self.t = t
            if t > self.end:
                return
            if t < self.calm_at and what.mortal:
                chance = random()
                if chance < self.kill or (self.doomed is not None and self.doomed(what)):
                    self._kill(what)
                    continue
                if chance < self.kill + self.pause:
                    self._pause(what)
                    continue
            try:
                wait = next(what.gen)
            except StopIteration:
                self._over(what)
            except Exception as error:
                self._failed(what, error)
            else:
                if what.seq == seq:
                    self.seq = what.seq = seq = self.seq + 1
                    what.wake = t = t + wait
                    heappush(heap, (t, seq, what))

    def _failed(self, process: Process, error: Exception) -> None:
        self.tell(f"{process.name}: {type(error).__name__} {error}: it ends")
        if not isinstance(error, DatabaseError):  # a program error of ours: the checker reports it
            self.errors.append(f"{process.name}: {type(error).__name__}: {error}")
            if self.story is not None:
                self.story.append("".join(format_exception(error)))
        self._over(process)

    def _kill(self, process: Process) -> None:
        self.kills += 1
        self.tell(f"{process.name}: kill -9")
        self._over(process)

    def _pause(self, process: Process) -> None:
        self.pauses += 1
        span = self.between(1, 40) * SECOND if self.random() < 0.5 else self.between(1, 900) * SECOND
        process.naps.append((self.t, self.t + span))
        self.tell(f"{process.name}: stopped for {span // 1000} s")
        self._schedule(process, self.t + span)

    def _over(self, process: Process) -> None:
        process.alive, process.seq, process.wake = False, -1, 10**12
        held = False
        for key in process.locks:
            if self.locks.get(key) is process:
                del self.locks[key]
                held = True
        if held:
            self.poke()
        if process.slot:
            self.busy[process.slot] -= 1
            self._next_job(process.slot)
        if process.clock >= 0 and self.scenario is not None:
            self.scenario.restart(process)

    # --- workers ------------------------------------------------------------------------------------------

    def employ(self, slot: str, begin: Callable[[], None]) -> None:
        """A job for a worker: done by the next one that is free."""
        self.queue[slot].append(begin)
        self._next_job(slot)

    def _next_job(self, slot: str) -> None:
        while self.queue[slot] and self.busy[slot] < self.slots[slot]:
            self.busy[slot] += 1
            self.queue[slot].pop(0)()

    # --- locks -------------------------------------------------------------------------------------------

    def acquire(self, process: Process, key: Key) -> bool:
        """services/locks.ProcessLock.acquire."""
        if key in self.locks:
            return False
        self.locks[key] = process
        process.locks.append(key)
        return True

    def holds(self, process: Process, key: Key) -> bool:
        """services/locks.ProcessLock.held."""
        return self.locks.get(key) is process

    def lose_locks(self) -> None:
        """The database fails over: its sessions, and with them the advisory locks, are gone; their holders live."""
        if self.locks:
            self.lock_losses += 1
            self.tell(f"failover: locks lost {sorted(self.locks)}")
            self.locks.clear()
            self.poke()
