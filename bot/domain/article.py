"""Article: the content of one edition of a document, as a value."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Article:
    """Everything a reader may see of one edition. All text is plain but `body_html`.

    `body_html` is a sanitised fragment (p, h2-h4, ul, ol, li, strong, em, br, blockquote, table parts, img);
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

    def content(self) -> dict[str, Any]:
        """JSON form of every field (dates as ISO text, absent dates as null): the input of the hash."""
        return {
            name: (value.isoformat() if isinstance(value, date) else value)
            for name in self.__slots__
            for value in (getattr(self, name),)
        }

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> Article:
        """Inverse of `content`."""
        values = dict(content)
        values["kind"] = Kind(values["kind"])
        for name in ("published_on", "formed_on"):
            values[name] = date.fromisoformat(values[name]) if values.get(name) else None
        return cls(**values)

    @property
    def hash(self) -> str:
        """Content hash of the edition."""
        return content_hash(self.content())
