"""The bytes of attachments, in the home by their hash.

A file once kept stays: an older edition may name it, and a backup carries it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from bot.domain.article import Attachment
from bot.domain.hashing import sha256
from bot.models import AttachmentFile

from .errors import Refused

FOLDER = "media/attachments"
_CHUNK = 1 << 20


def path_of(digest: str) -> Path:
    """Where the bytes of that hash lie."""
    home: Path = settings.TONGFA.home.path
    return home / FOLDER / digest[:2] / digest


def keep(data: bytes, digest: str) -> None:
    """Whole or not at all; what lies there already and is as it should be stays."""
    path = path_of(digest)
    if is_whole(digest):
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        draft.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise Refused("disk", f"附件存不下来（{error.strerror}），没有添加任何附件。请系统管理员检查磁盘。") from error
    finally:
        draft.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_whole(digest: str) -> bool:
    """Whether the file is there with its very bytes: all of it is read."""
    try:
        return sha256(path_of(digest).read_bytes()) == digest
    except OSError:
        return False


def read(file: Attachment) -> bytes:
    """The bytes, proved by their hash."""
    try:
        data = path_of(file.sha256).read_bytes()
    except OSError:
        data = b""
    if sha256(data) != file.sha256:
        raise Refused(
            "damaged",
            f"附件“{file.name}”在本机的文件丢失或已损坏，没有给出。请系统管理员运行 tongfa doctor，并从备份取回。",
        )
    return data


def lost() -> Iterator[str]:
    """Hashes of kept files that are not there or not as they were, one after the other: every byte is read."""
    for digest in AttachmentFile.objects.order_by("pk").values_list("pk", flat=True).iterator(_CHUNK >> 10):
        if not is_whole(digest):
            yield digest


def missing() -> list[str]:
    """Hashes of kept files whose bytes are not there at all, or are of another size: nothing is read."""
    rows = AttachmentFile.objects.order_by("pk").values_list("pk", "size")
    return [digest for digest, size in rows.iterator() if _size(path_of(digest)) != size]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
