"""Article: the content of one edition of a document, as a value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from .hashing import content_hash


class Kind(StrEnum):
    """Kinds of items the district discloses (design.md section 3)."""

    DISCLOSURE = "disclosure"
    INTERPRETATION = "interpretation"
    NOTICE = "notice"
    SERVICE = "service"

    @property
    def label(self) -> str:
        """The word staff use."""
        return KIND_LABELS[self]


KIND_LABELS = {
    Kind.DISCLOSURE: "主动公开",
    Kind.INTERPRETATION: "政策解读",
    Kind.NOTICE: "通知公告",
    Kind.SERVICE: "便民服务",
}


KILO = 1024


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that belongs to an edition, by the hash of its bytes (lower-case hex SHA-256). `size` is in bytes."""

    name: str
    sha256: str
    size: int
    media_type: str

    @property
    def size_words(self) -> str:
        """`820 字节`, `12.5 KB`, `3.0 MB`."""
        if self.size < KILO:
            return f"{self.size} 字节"
        return f"{self.size / KILO:.1f} KB" if self.size < KILO * KILO else f"{self.size / KILO / KILO:.1f} MB"


@dataclass(frozen=True, slots=True)
class OwnCover:
    """A cover picture that staff chose in place of the drawn one, with the part of it for each of WeChat's two shapes.

    `picture` is `asset:<sha256>`, `width` and `height` its pixels; `wide` (2.35:1) and `square` (1:1) are "X1_Y1_X2_Y2" in
    shares of them, six decimals: the very text that goes out.
    """

    picture: str
    width: int
    height: int
    wide: str
    square: str


#: Fields that an article without them does not speak of: what was hashed before there were any keeps its hash.
LATER = ("attachments", "cover")


@dataclass(frozen=True, slots=True)
class Article:
    """Everything a reader may see of one edition. All text is plain but `body_html`.

    `body_html` is a sanitised fragment (p, h2-h4, ul, ol, li, strong, em, sup, sub, br, blockquote, table parts, caption, img);
    images are `<img src="asset:<sha256>" alt="...">` only. It may be empty: then `summary` is the text.
    `external_id` is the id in the source (unique per unit); `interprets` is the external id of the document
    that an interpretation explains, else "".
    """

    external_id: str
    kind: Kind
    title: str
    summary: str = ""
    body_html: str = ""
    document_number: str = ""
    index_number: str = ""
    unit: str = ""
    category: str = ""
    subcategory: str = ""
    area: str = ""
    source_url: str = ""
    published_on: date | None = None
    formed_on: date | None = None
    interprets: str = ""
    form: str = ""
    attribute: str = "主动公开"
    provenance: str = ""
    attachments: tuple[Attachment, ...] = ()
    cover: OwnCover | None = None

    def content(self) -> dict[str, Any]:
        """JSON form of every field (dates as ISO text, absent dates as null): the input of the hash.

        Those of LATER are left out where there are none.
        """
        plain = {
            name: (value.isoformat() if isinstance(value, date) else value)
            for name in self.__slots__
            for value in (getattr(self, name),)
            if name not in LATER
        }
        if self.attachments:
            plain["attachments"] = [asdict(one) for one in self.attachments]
        if self.cover:
            plain["cover"] = asdict(self.cover)
        return plain

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> Article:
        """Inverse of `content`."""
        values = dict(content)
        values["kind"] = Kind(values["kind"])
        for name in ("published_on", "formed_on"):
            values[name] = date.fromisoformat(values[name]) if values.get(name) else None
        values["attachments"] = tuple(Attachment(**one) for one in values.get("attachments") or ())
        values["cover"] = OwnCover(**values["cover"]) if values.get("cover") else None
        return cls(**values)

    @property
    def hash(self) -> str:
        """Content hash of the edition."""
        return content_hash(self.content())
