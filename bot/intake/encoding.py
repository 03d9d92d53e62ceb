"""Which encoding a text file is in. No guessing by likelihood: the whole file must decode."""

from __future__ import annotations

import codecs
from pathlib import Path

from .contract import SourceError

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_MAGIC = {
    b"PK\x03\x04": "这其实是一个 Excel/Word 或压缩文件，请用正确的扩展名（.xlsx、.docx）导入",
    b"\xd0\xcf\x11\xe0": "这其实是旧版 Excel/Word 文件，请另存为 .xlsx 或 .docx",
    b"%PDF": "这其实是 PDF 文件，请改用原始的 Word 或表格文件",
}
_CHUNK = 1 << 16


def limited(path: Path, limit: int) -> None:
    """Raise SourceError when the file is larger than `limit` bytes."""
    if path.stat().st_size > limit:
        raise SourceError(f"文件超过 {limit >> 20} MB，没有导入任何内容。请分成几个文件导入。")


def detect(path: Path) -> str:
    """The codec name for a text file: by its byte order mark, else UTF-8 if all of it is, else GB18030.

    Reads the file once in pieces. Raises SourceError for binary files and for text that is neither.
    """
    with path.open("rb") as file:
        start = file.read(4096)
    for magic, what in _MAGIC.items():
        if start.startswith(magic):
            raise SourceError(f"文件内容与扩展名不符：{what}。没有导入任何内容。")
    marked = next((codec for bom, codec in _BOMS if start.startswith(bom)), None)
    if marked is None and start.count(0) > len(start) // 4:
        raise SourceError("文件不像文本（含大量空字节）。请另存为“CSV UTF-8”后重新导入，没有导入任何内容。")
    for codec in (marked,) if marked else ("utf-8", "gb18030"):
        if _decodes(path, codec):
            return codec
    raise SourceError(
        "无法识别文字编码（不是 UTF-8、UTF-16 或 GB18030）。请另存为“CSV UTF-8”后重新导入，没有导入任何内容。"
    )


def _decodes(path: Path, codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)("strict")
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def read_text(path: Path, limit: int) -> str:
    """A small text file as a whole, at most `limit` bytes."""
    limited(path, limit)
    return path.read_text(encoding=detect(path))


def count_lines(path: Path) -> int:
    """Line feeds in the file: a cheap upper estimate of its rows."""
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK), b""))
