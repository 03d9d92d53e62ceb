"""One supervisor per home: a file lock that the kernel lets go when the process ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class AlreadyRunningError(RuntimeError):
    """Another `tongfa up` holds this home. `pid` is 0 if it cannot be told."""

    def __init__(self, home: Path, pid: int) -> None:
        who = f"（进程号 {pid}）" if pid else ""
        super().__init__(
            f"同发已在此目录运行{who}：{home}。没有重复启动，正在运行的不受影响。"
            "如需重启，请先在原窗口按 Ctrl-C 停止它。"
        )
        self.pid = pid


@contextlib.contextmanager
def only_one(lock_file: Path, home: Path) -> Iterator[None]:
    """Hold the lock while the block runs. Raises AlreadyRunningError at once if another process holds it."""
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.read(descriptor, 32).decode("ascii", "replace").strip()
            raise AlreadyRunningError(home, int(text) if text.isdigit() else 0) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
