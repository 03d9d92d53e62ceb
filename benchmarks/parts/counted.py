"""The product's processes with their database statements counted, otherwise as they are.

`python -m benchmarks.parts.counted run clock` is `tongfa run clock`, but its Celery app is this module: it hands on the
product's own and counts every statement of every connection in a file per process, which survives a kill.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
from collections import Counter
from pathlib import Path
from typing import Any

VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "BEGIN", "SAVEPOINT", "RELEASE", "OTHER")
_SLOTS = struct.Struct(f"<{len(VERBS)}Q")
_maps: dict[int, mmap.mmap] = {}


def _slots() -> mmap.mmap:
    pid = os.getpid()
    if pid not in _maps:
        path = Path(os.environ["TONGFA_BENCH_COUNTS"]) / str(pid)
        path.write_bytes(bytes(_SLOTS.size))
        with path.open("r+b") as file:
            _maps[pid] = mmap.mmap(file.fileno(), _SLOTS.size)
    return _maps[pid]


def _count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    verb = sql.split(None, 1)[0].upper() if sql else "OTHER"
    index = VERBS.index(verb) if verb in VERBS else len(VERBS) - 1
    slots = _slots()
    (before,) = struct.unpack_from("<Q", slots, index * 8)
    struct.pack_into("<Q", slots, index * 8, before + 1)
    return execute(sql, params, many, context)


def _watch(connection: Any, **_: Any) -> None:
    if _count not in connection.execute_wrappers:  # the signal comes again when it is opened again
        connection.execute_wrappers.append(_count)


def read_counts(folder: Path) -> dict[str, int]:
    """Statements so far, of all processes, by verb."""
    total: Counter[str] = Counter()
    for path in folder.iterdir():
        total.update(dict(zip(VERBS, _SLOTS.unpack(path.read_bytes()), strict=True)))
    return dict(total)


if __name__ == "__main__":
    from bot.cli.main import main
    from bot.runtime import processes

    processes.APP = "benchmarks.parts.counted"
    main(sys.argv[1:], prog_name="tongfa")
elif os.environ.get("DJANGO_SETTINGS_MODULE"):
    from django.db.backends.signals import connection_created

    from config.celery_app import app as app  # Celery looks for this name

    connection_created.connect(_watch)
