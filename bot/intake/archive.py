"""Guard for zip-based documents (xlsx, docx): nothing is unpacked before its size is known to be sane.

Controls: ASVS 5.0 5.2.3 (bombs), 5.3.3 (paths). Python's zipfile never reads more of a member than the size that
the directory states, so bounding the stated sizes bounds the work.
"""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import IO

from .contract import SourceError
from .encoding import limited

MAX_FILE = 50 << 20
MAX_MEMBERS = 2_000
MAX_DIRECTORY = 1 << 20
MAX_TOTAL = 300 << 20
MAX_RATIO = 200
#: Small members may be highly regular: the ratio is looked at above this size only.
RATIO_FROM = 1 << 20
_OLE = b"\xd0\xcf\x11\xe0"
_XML = (".xml", ".rels", ".vml")
_CHUNK = 1 << 16
_NOTHING = "没有导入任何内容。"


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Turn whatever a document library raises on a damaged file into a SourceError.

    The libraries behind this (zip, XML, spreadsheet, word processor) raise dozens of types on hostile bytes; to staff
    they all mean the same. The cause stays attached.
    """
    try:
        yield
    except SourceError:
        raise
    except Exception as error:
        raise SourceError(f"{what}已损坏或格式不对，无法读取，{_NOTHING}请用办公软件打开后另存一份再导入。") from error


class _Bounded(FileIO):
    """A file whose directory is handed out only when it is short: zipfile reads it in one piece, and makes an object of
    each entry in it, whatever count the end of the file gives. Only to read the directory by."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(path)
        self._what = what

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size) or b""
        if len(data) > MAX_DIRECTORY:
            raise _too_large(self._what)
        return data


def _too_large(what: str) -> SourceError:
    return SourceError(
        f"{what}解压后过大或压缩比异常（疑似压缩炸弹），为安全起见不读取，{_NOTHING}请另存一份较小的文件。"
    )


def check(path: Path, main_part: str, what: str, *, max_xml: int) -> None:
    """Raise SourceError unless the file is a sane zip that holds `main_part` and no XML with a DTD.

    `max_xml` bounds each XML part in bytes: a library that builds a tree needs many times as much memory.
    """
    limited(path, MAX_FILE)
    with path.open("rb") as file:
        if file.read(4) == _OLE:
            raise SourceError(
                f"{what}是旧版格式或设了打开密码，{_NOTHING}请去掉密码并另存为新版格式（.xlsx/.docx）后导入。"
            )
    with readable(what), _Bounded(path, what) as short, zipfile.ZipFile(short) as archive:
        members = archive.infolist()
    _check_sizes(members, path.stat().st_size, max_xml, what)
    with readable(what), zipfile.ZipFile(path) as archive:
        if main_part not in archive.namelist():
            raise SourceError(f"文件内容与扩展名不符，不是{what}，{_NOTHING}请检查文件。")
        for member in members:
            if member.filename.lower().endswith(_XML):
                with archive.open(member) as stream:
                    _check_xml(stream, what)


def _check_sizes(members: list[zipfile.ZipInfo], size: int, max_xml: int, what: str) -> None:
    total = sum(member.file_size for member in members)
    overlapping = sum(member.compress_size for member in members) > size
    bombs = any(m.file_size > RATIO_FROM and m.file_size > MAX_RATIO * max(m.compress_size, 1) for m in members)
    heavy = any(m.file_size > max_xml and m.filename.lower().endswith(_XML) for m in members)
    if len(members) > MAX_MEMBERS or total > MAX_TOTAL or overlapping or bombs or heavy:
        raise _too_large(what)
    if any(_odd(member) for member in members):
        raise SourceError(f"{what}内部结构异常（加密、越界路径或链接），为安全起见不读取，{_NOTHING}请另存一份再导入。")


def _odd(member: zipfile.ZipInfo) -> bool:
    parts = member.filename.replace("\\", "/").split("/")
    link = stat.S_ISLNK(member.external_attr >> 16)
    return bool(member.flag_bits & 0x1) or link or ".." in parts or member.filename.startswith(("/", "\\"))


def _check_xml(stream: IO[bytes], what: str) -> None:
    """Office files never hold a DTD; one is there to expand entities or to read other files. Also proves the CRC."""
    tail = b""
    while chunk := stream.read(_CHUNK):
        window = (tail + chunk).replace(b"\0", b"")  # a UTF-16 part says it with zero bytes between
        if b"<!DOCTYPE" in window or b"<!ENTITY" in window:
            raise SourceError(f"{what}内含外部定义（DTD/实体），为安全起见不读取，{_NOTHING}请另存一份再导入。")
        tail = chunk[-32:]
