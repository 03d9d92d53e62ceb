"""A request as it came, and an answer as it will go: no sockets, no platform rules."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import multipart

SECRET_NAMES = {"access_token", "secret", "appsecret", "client_secret", "code", "aes_key", "token"}


@dataclass(frozen=True)
class Upload:
    """One file of a multipart body."""

    field: str
    filename: str
    media_type: str
    body: bytes


@dataclass
class Request:
    """One HTTP request. `at` is the platform's wall time (epoch seconds) of its first byte."""

    at: float
    method: str
    target: str
    headers: Message
    body: bytes
    remote: str

    @cached_property
    def path(self) -> str:
        """The path without the query, percent-decoded."""
        return unquote(urlsplit(self.target).path)

    @cached_property
    def query(self) -> dict[str, str]:
        """Query parameters; the last of a repeated name wins."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters, lower case."""
        return str(self.headers.get_content_type()) if self.headers.get("Content-Type") else ""

    @cached_property
    def form(self) -> dict[str, str]:
        """Fields of a form body, urlencoded or multipart (multipart values as they stand)."""
        if self.media_type == "multipart/form-data":
            return self._parts[0]
        if self.media_type == "application/x-www-form-urlencoded":
            return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
        return {}

    @cached_property
    def uploads(self) -> list[Upload]:
        """Files of a multipart body, in order."""
        return self._parts[1] if self.media_type == "multipart/form-data" else []

    @cached_property
    def _parts(self) -> tuple[dict[str, str], list[Upload]]:
        boundary = str(self.headers.get_param("boundary") or "")
        fields: dict[str, str] = {}
        files: list[Upload] = []
        try:
            for part in multipart.MultipartParser(BytesIO(self.body), boundary, len(self.body)):
                if part.filename is None:
                    fields[part.name] = part.raw.decode("utf-8", "replace")
                else:
                    files.append(Upload(part.name, part.filename, part.content_type or "", part.raw))
        except multipart.MultipartError:
            return {}, []  # a malformed body reads as one without fields, which is how both platforms react
        return fields, files

    @cached_property
    def json(self) -> Any:
        """The body as JSON for our own control calls. ValueError if it is none."""
        return json.loads(self.body.decode("utf-8") or "{}")

    def parameters(self) -> dict[str, Any]:
        """Everything that was sent, decoded, secrets masked and files as size and hash: for the journal."""
        found: dict[str, Any] = dict(self.form)
        for upload in self.uploads:
            digest = hashlib.sha256(upload.body).hexdigest()
            found[upload.field] = {"filename": upload.filename, "bytes": len(upload.body), "sha256": digest}
        if not found and self.body[:1] in (b"{", b"["):
            found = _as_json(self.body)
        return masked(found)


def _as_json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {"unparsed": body[:2000].decode("utf-8", "replace")}
    return value if isinstance(value, dict) else {"list": value}


def masked(values: dict[str, Any]) -> dict[str, Any]:
    """The same mapping with every secret replaced by ***."""
    return {name: "***" if name in SECRET_NAMES else value for name, value in values.items()}


@dataclass
class Answer:
    """What goes back. `code` is the platform's error code as text ("0" is success), `effect` an effect's object id."""

    body: bytes
    status: int = 200
    media_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    code: str = "0"
    effect: str = ""
    rid: str = ""


def json_answer(value: Any, status: int = 200, *, code: str = "0", media_type: str = "") -> Answer:
    """An answer in JSON, raw UTF-8."""
    body = json.dumps(value, ensure_ascii=False).encode()
    return Answer(body, status, media_type or "application/json; charset=utf-8", code=code)
