"""`python -m bot.intake.reading.child MEDIA_TYPE PATH`: prints what the file says, as JSON."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bot.domain.attached import Reading

from ..attachments import CONTAINERS, PDF
from ..contract import SourceError
from . import as_json, ofd, office, pdf, sheets
from .limits import shortened

CPU_SECONDS = 10
MEMORY = 1 << 30
_READERS: dict[str, Callable[[Path], Reading]] = {
    PDF: pdf.read,
    CONTAINERS["word/document.xml"][1]: office.read_document,
    CONTAINERS["ppt/presentation.xml"][1]: office.read_slides,
    CONTAINERS["xl/workbook.xml"][1]: sheets.read,
    CONTAINERS["OFD.xml"][1]: ofd.read,
}
PICTURE = "是图片，系统读不到图里的文字"
DAMAGED = "的内容系统打不开（可能已损坏）"


def read(path: Path, media_type: str) -> Reading:
    """What the file says; a damaged one is unread."""
    reader = _READERS.get(media_type)
    if reader is None:
        return Reading(unread=PICTURE if media_type.startswith("image/") else "的类型系统不会读")
    try:
        return shortened(reader(path))
    except SourceError:
        return Reading(unread="的内部结构异常（过大、加密或含外部定义），系统没有读")
    except (MemoryError, RecursionError):
        raise
    except Exception:  # the libraries behind this raise dozens of types on hostile bytes
        return Reading(unread=DAMAGED)


def _bound() -> None:
    for what, most in ((resource.RLIMIT_CPU, CPU_SECONDS), (resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):  # where a smaller limit is set already, or the system knows none
            resource.setrlimit(what, (most, most))


def main() -> None:
    """Bounded, then read."""
    _bound()
    media_type, path = sys.argv[1:3]
    json.dump(as_json(read(Path(path), media_type)), sys.stdout)


if __name__ == "__main__":
    main()
