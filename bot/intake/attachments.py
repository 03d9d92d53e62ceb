"""Files that accompany a document: what they are by their content, whatever their names say, and what is not taken.

Nothing is unpacked and nothing inside is read here (for the gate it is, by `reading`): a container is looked at by its directory alone. Pictures are written anew
(`pictures`), so that place, device and time of a photograph stay behind. Controls: ASVS 5.0 5.2.1 (size), 5.2.2 (type),
5.2.3 (bombs), 5.3.3 (names).
"""

from __future__ import annotations

import re
import unicodedata
import zipfile
from dataclasses import dataclass
from io import BytesIO

from bot.domain.article import Attachment
from bot.domain.hashing import sha256

from . import pictures
from .text import NEWLINES, strip_invisible

MOST_BYTES = 30 << 20
MOST_MEMBERS = 5_000
MOST_UNPACKED = 500 << 20
MOST_DIRECTORY = 1 << 20  # of a container: 200 bytes for each of the most members, a fifth of a second at the worst
STEM_LETTERS = 80
_OFFICE = "application/vnd.openxmlformats-officedocument"
PDF = "application/pdf"
#: The part that makes a container what it is -> ending, media type.
CONTAINERS = {
    "word/document.xml": ("docx", f"{_OFFICE}.wordprocessingml.document"),
    "xl/workbook.xml": ("xlsx", f"{_OFFICE}.spreadsheetml.sheet"),
    "ppt/presentation.xml": ("pptx", f"{_OFFICE}.presentationml.presentation"),
    "OFD.xml": ("ofd", "application/ofd"),
}
PICTURES = {"image/png": "png", "image/jpeg": "jpg"}
ENDINGS = {PDF: "pdf", **{media: ending for ending, media in CONTAINERS.values()}, **PICTURES}
TAKEN = "PDF、OFD、docx、xlsx、pptx，图片（JPG、PNG、GIF、WebP、BMP）"
_PICTURE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}$")
#: Names that Windows keeps for devices: a file of that name cannot be saved there.
_DEVICES = re.compile(r"(?i)(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")


_TOO_LARGE = "解压后过大（疑似压缩炸弹），为安全起见不接收，请另存一份较小的文件"


class AttachmentError(Exception):
    """The file is not taken; the message is a Chinese phrase that says why and what to do, without a full stop."""


@dataclass(frozen=True, slots=True)
class Received:
    """A file that was taken: its facts, its bytes, and what was done to it ("" for nothing)."""

    attachment: Attachment
    data: bytes
    note: str = ""


def take(data: bytes, name: str) -> Received:
    """The file as it will be kept. Raises AttachmentError for a type, size or content that is not taken."""
    if not data:
        raise AttachmentError("是空文件，请检查后重新选择")
    if len(data) > MOST_BYTES:
        raise AttachmentError(f"超过 {MOST_BYTES >> 20} MB，请压缩或拆分后再传")
    if _is_picture(data):
        return _picture(data, name)
    media_type = _kind(data)
    return Received(Attachment(clean_name(name, ENDINGS[media_type]), sha256(data), len(data), media_type), data)


def _is_picture(data: bytes) -> bool:
    return data.startswith(_PICTURE_STARTS) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def _picture(data: bytes, name: str) -> Received:
    try:
        asset = pictures.take(data, lossy=pictures.LOSSY)
    except pictures.PictureError as error:
        raise AttachmentError(f"{error}，请用看图软件另存一份再传") from error
    if len(asset.data) > MOST_BYTES:  # a small file may hold what no lossless form keeps small
        raise AttachmentError(f"重新保存后超过 {MOST_BYTES >> 20} MB，请用看图软件另存为 JPG 再传")
    named = clean_name(name, PICTURES[asset.media_type])
    kept = Attachment(named, asset.sha256, len(asset.data), asset.media_type)
    return Received(kept, asset.data, "图片已重新保存，拍摄时间、地点、设备等信息没有留下")


def pixels(data: bytes) -> int:
    """How many pixels would have to be written anew: by the head of the file, 0 for what is no picture."""
    return pictures.count(data) if _is_picture(data) else 0


def _kind(data: bytes) -> str:
    if data.startswith(b"%PDF-"):
        return _pdf(data)
    if data.startswith(_OLE):
        raise AttachmentError(
            "是旧版办公文件（.doc、.xls、.ppt）或设了打开密码，请去掉密码，另存为 docx、xlsx 或 PDF 再传"
        )
    if data.startswith(b"PK\x03\x04"):
        return _container(data)
    raise AttachmentError(f"的内容不是可以附的类型（不论扩展名是什么）。可以附：{TAKEN}")


def _pdf(data: bytes) -> str:
    if b"%%EOF" not in data[-2048:]:
        raise AttachmentError("不完整（PDF 没有结尾），多半没有下载完，请重新取得后再传")
    return PDF


class _Bounded(BytesIO):
    """A container whose directory is handed out only when it is short.

    zipfile reads it in one piece, of the length that the end of the file says, and makes an object of each entry in it
    whatever count the end says: the piece is what has to be bounded. Nothing else that it reads there is as long.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if len(data) > MOST_DIRECTORY:
            raise AttachmentError(_TOO_LARGE)
        return data


def _container(data: bytes) -> str:
    """A zip by what its directory says. Raises also for what is a zip and no document."""
    try:
        with zipfile.ZipFile(_Bounded(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError) as error:  # the last: of a later zip version
        raise AttachmentError("已损坏，打不开，请重新取得后再传") from error
    names = {member.filename for member in members}
    if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > MOST_UNPACKED:
        raise AttachmentError(_TOO_LARGE)
    if any(member.flag_bits & 0x1 for member in members):
        raise AttachmentError("设了密码，审核人打不开，请去掉密码再传")
    if any(one.rpartition("/")[2].lower() == "vbaproject.bin" for one in names):
        raise AttachmentError("带有宏，为安全起见不接收，请另存为不带宏的 docx、xlsx 或 PDF")
    found = next((media for part, (_, media) in CONTAINERS.items() if part in names), "")
    if not found:
        raise AttachmentError(f"是压缩包，不接收。请把里面的文件逐个添加；可以附：{TAKEN}")
    return found


def clean_name(name: str, ending: str) -> str:
    """A name that every system can save, with the ending of what the file is: `../报告?.exe` of a PDF is `报告_.pdf`."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    bare = _FORBIDDEN.sub("_", strip_invisible(NEWLINES.sub(" ", last)).replace("\t", " "))
    stem = " ".join(_ENDING.sub("", bare.lstrip().rstrip(" .")).split()).strip(" .")[:STEM_LETTERS].strip(" .")
    if not stem or _DEVICES.fullmatch(stem):
        stem = f"附件{stem}"
    return f"{stem}.{ending}"


def named_apart(name: str, taken: set[str]) -> str:
    """The name, numbered where another file has it: `申请表（2）.docx`."""
    if name.casefold() not in taken:
        return name
    stem, _, ending = name.rpartition(".")
    numbered = (f"{stem}（{number}）.{ending}" for number in range(2, len(taken) + 3))
    return next(one for one in numbered if one.casefold() not in taken)
