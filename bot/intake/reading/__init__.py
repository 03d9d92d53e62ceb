"""Reading attachments for the gate: text by page, sheet or part, and what was left in the file.

Each file is read in a process of its own (`child`), bounded in time and memory: one that was made to stop its reader stops
nothing else. Nothing in it is run, followed or fetched. Controls: ASVS 5.0 5.2.3 (bombs).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import bot
from bot.domain.attached import Part, Reading

__all__ = ["VERSION", "WALL_SECONDS", "Reading", "Unfinished", "read"]

VERSION = 1
"""Of what is read, and how. A reading of an older one is made anew."""
WALL_SECONDS = 20.0
_ROOT = str(Path(bot.__file__).resolve().parent.parent)


class Unfinished(Exception):
    """The reader ended before it was done: out of time, out of memory, or by a fault of its own."""


def read(path: Path, media_type: str) -> Reading:
    """What the file at `path` says. What cannot be read is a reading, too (`unread`). Raises Unfinished."""
    command = [sys.executable, "-m", f"{__name__}.child", media_type, str(path.absolute())]
    try:
        done = subprocess.run(
            command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=WALL_SECONDS, check=False,
        )  # fmt: skip
    except (subprocess.TimeoutExpired, OSError) as error:
        raise Unfinished(type(error).__name__) from error
    if done.returncode:
        raise Unfinished(f"exit {done.returncode}")
    return from_json(json.loads(done.stdout))


def as_json(reading: Reading) -> dict[str, Any]:
    """Inverse of `from_json`."""
    return {
        "parts": [[part.where, part.unit, part.text] for part in reading.parts],
        "left": list(reading.left),
        "author": reading.author,
        "unread": reading.unread,
    }


def from_json(data: dict[str, Any]) -> Reading:
    """A reading as the child said it, or as it was kept."""
    return Reading(tuple(Part(*one) for one in data["parts"]), tuple(data["left"]), data["author"], data["unread"])
