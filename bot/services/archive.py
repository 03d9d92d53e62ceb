"""The file of a backup: a ZIP of parts, a manifest with the SHA-256 of each, and the manifest's MAC.

Hashes find damage; the MAC, made with the key of the audit chain, finds a manifest that was written anew. A file comes
into being whole or not at all: written under another name, synced, then linked to its own, which must be free.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import Refused

FORMAT = 1
MANIFEST, MAC = "manifest.json", "manifest.mac"
MOST_MANIFEST = 16 * 1024 * 1024  # bytes
CHUNK = 1024 * 1024
_END = 22  # bytes of the end record of a ZIP without a comment
_TROUBLE = (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, RuntimeError)


class Writer:
    """Adds parts; `finish` writes the manifest."""

    def __init__(self, bundle: zipfile.ZipFile) -> None:
        self._bundle = bundle
        self.parts: dict[str, dict[str, Any]] = {}

    def add(self, name: str, chunks: Iterable[bytes]) -> None:
        """One part, from pieces of any size."""
        digest, size = hashlib.sha256(), 0
        with self._bundle.open(name, "w", force_zip64=True) as part:
            for chunk in chunks:
                part.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        self.parts[name] = {"sha256": digest.hexdigest(), "bytes": size}

    def finish(self, facts: dict[str, Any], key: bytes) -> None:
        """`facts`: what else the manifest says."""
        document = {"format": FORMAT, **facts, "parts": self.parts}
        text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True).encode()
        self._bundle.writestr(MANIFEST, text)
        self._bundle.writestr(MAC, _mac(key, text))


def digest(chunks: Iterable[bytes]) -> str:
    """SHA-256 of a file that is read in pieces."""
    whole = hashlib.sha256()
    for chunk in chunks:
        whole.update(chunk)
    return whole.hexdigest()


def _mac(key: bytes, text: bytes) -> str:
    return hmac.new(key, b"tongfa backup manifest\n" + text, "sha256").hexdigest()


@contextmanager
def writing(file: Path) -> Iterator[Writer]:
    """A new archive at `file`, mode 0600. Refused where something has that name; on any error nothing is left."""
    if file.exists() or file.is_symlink():
        raise Refused("exists", f"{file} 已经存在，不会覆盖，没有备份。请换一个文件名。")
    draft = file.parent / f".{file.name}.{secrets.token_hex(4)}.part"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Refused("unwritable", f"不能写入 {file.parent}（{error.strerror}），没有备份。") from None
    try:
        with os.fdopen(descriptor, "wb") as handle:
            with zipfile.ZipFile(handle, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as bundle:
                yield Writer(bundle)
            handle.flush()
            os.fsync(handle.fileno())
        _name(draft, file)
    except OSError as error:
        raise Refused("unwritable", f"写入 {file} 失败（{error.strerror}），没有留下备份文件。") from error
    finally:
        draft.unlink(missing_ok=True)


def _name(draft: Path, file: Path) -> None:
    """A link never replaces what somebody else has put there meanwhile; where there are no links, a rename after a look."""
    try:
        os.link(draft, file)
    except FileExistsError:
        raise Refused("exists", f"{file} 已经存在，不会覆盖，没有备份。请换一个文件名。") from None
    except OSError:
        if file.exists():
            raise Refused("exists", f"{file} 已经存在，不会覆盖，没有备份。请换一个文件名。") from None
        draft.rename(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class Reader:
    """An archive to restore from. Everything that does not fit is Refused."""

    def __init__(self, bundle: zipfile.ZipFile) -> None:
        self._bundle = bundle
        with _damage():
            if bundle.getinfo(MANIFEST).file_size > MOST_MANIFEST:
                raise ValueError
            self._text, self._mac = bundle.read(MANIFEST), bundle.read(MAC).decode("ascii")
            self.manifest: dict[str, Any] = json.loads(self._text)
            self.parts: dict[str, dict[str, Any]] = dict(self.manifest["parts"])
            self.format = int(self.manifest["format"])

    def require_genuine(self, key: bytes) -> None:
        """The manifest is the one that the home wrote, and every part is as it says: no more, no fewer, not altered; and nothing
        stands before or behind them in the file."""
        if not self._is_alone():
            raise Refused("tampered", "备份文件的首尾多出了内容：被改动过，或没有拷贝好。没有恢复任何内容。")
        if not hmac.compare_digest(_mac(key, self._text), self._mac):
            raise Refused("tampered", "备份的清单与校验码不符：被改动过，或密钥不是这一套。没有恢复任何内容。")
        names = self._bundle.namelist()
        if sorted(names) != sorted([*self.parts, MANIFEST, MAC]):
            raise Refused("tampered", "备份里的文件与清单不符（多了、少了或重复）。没有恢复任何内容。")
        for name, told in self.parts.items():
            digest, size = hashlib.sha256(), 0
            for chunk in self.chunks(name):
                digest.update(chunk)
                size += len(chunk)
                if size > told["bytes"]:
                    break
            if (size, digest.hexdigest()) != (told["bytes"], told["sha256"]):
                raise Refused("tampered", f"备份里的 {name} 与清单不符：损坏或被改动。没有恢复任何内容。")

    def _is_alone(self) -> bool:
        """zipfile passes over what others put at either end."""
        file = self._bundle.fp
        if file is None:
            return False
        file.seek(-_END, os.SEEK_END)
        return min(part.header_offset for part in self._bundle.infolist()) == 0 and file.read(4) == b"PK\x05\x06"

    def chunks(self, name: str) -> Iterator[bytes]:
        """A part, piece by piece."""
        with _damage(), self._bundle.open(name) as part:
            while chunk := part.read(CHUNK):
                yield chunk

    def lines(self, name: str) -> Iterator[list[Any]]:
        """A part of JSON lines."""
        with _damage(), self._bundle.open(name) as part:
            for line in part:
                yield json.loads(line)

    def read(self, name: str) -> bytes:
        """A small part, whole."""
        return b"".join(self.chunks(name))


@contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except _TROUBLE as error:
        raise Refused(
            "damaged", "这个文件读不下去：不是同发的备份，或已经损坏。没有恢复任何内容。请换另一份备份。"
        ) from error


@contextmanager
def reading(file: Path) -> Iterator[Reader]:
    """Open an archive."""
    try:
        handle = file.open("rb")
    except OSError as error:
        raise Refused("unreadable", f"打不开 {file}（{error.strerror}），没有恢复任何内容。") from None
    with handle:
        with _damage():
            bundle = zipfile.ZipFile(handle)
        with bundle:
            yield Reader(bundle)
