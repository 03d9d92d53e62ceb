"""What happens by itself: publishing jobs that finish, and the callbacks that tell of it.

Both are timers in the state, so a restart goes on where a kill left off.
"""

from __future__ import annotations

import threading

from .wechat import callbacks, events
from .world import World


class Worker:
    """A thread that settles due jobs and posts due callbacks (each in its own thread: a receiver may be slow)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._thread = threading.Thread(target=self._run, daemon=True, name="rehearsal-jobs")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, timeout: float) -> None:
        """Wait for the end, once the world is stopping."""
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._world.stopping.is_set():
            self._world.wake.clear()
            with self._world.store.transaction():
                events.settle_due(self._world)
                parcels = callbacks.take_due(self._world)
            for parcel in parcels:
                threading.Thread(target=callbacks.attempt, args=(self._world, parcel), daemon=True).start()
            self._world.wake.wait(self._until_next())

    def _until_next(self) -> float:
        due = self._world.store.next_due()
        return 1.0 if due is None else min(1.0, max(0.005, due - self._world.now()))
