"""Secrets never reach a log line: what looks like one, or was registered as one, is masked."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any

MASK = "***"
SHORTEST = 6
"""Shorter registered values are ignored: masking "1" everywhere would make the log useless."""

_KEY = (
    r"access_?token|refresh_?token|app_?secret|client_?secret|secret(?:_?key)?|password|passwd"
    r"|encoding_?aes_?key|authorization"
)
_NAMED = re.compile(rf"(?i)^(?:.*[_-])?(?:{_KEY}|token)$")
_PAIR = re.compile(rf"(?i)\b((?:{_KEY}|token)[\"']?\s*[=:]\s*[\"']?)([^\s\"'&,;}}\])<>]+)")
_BEARER = re.compile(r"(?i)\b(Bearer|OAuth2|Basic)\s+[A-Za-z0-9._~+/=-]{6,}")
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s/:@]*):[^\s/@]+@")
_LOOK = re.compile(r"(/look/)[A-Za-z0-9_-]{6,}")  # the token of a link for leaders stands in its path


class Redactor:
    """Masks secrets in text and in nested values. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: tuple[str, ...] = ()

    def register(self, value: str) -> None:
        """From now on `value` is masked wherever it appears. Longest first, so that none shows its tail."""
        if len(value) < SHORTEST:
            return
        with self._lock:
            self._values = tuple(sorted({*self._values, value}, key=len, reverse=True))

    def text(self, text: str) -> str:
        """`text` without secrets."""
        for value in self._values:
            text = text.replace(value, MASK)
        text = _BEARER.sub(rf"\1 {MASK}", text)
        text = _PAIR.sub(_mask_pair, text)
        text = _LOOK.sub(rf"\1{MASK}", text)
        return _USERINFO.sub(rf"\1:{MASK}@", text)

    def value(self, value: Any, name: str = "") -> Any:
        """`value` without secrets, at any depth; a member whose name says that it is secret is masked whole."""
        if name and _NAMED.match(name) and value not in (None, "", False, True):
            return MASK
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return self.text(value.decode("utf-8", "replace"))
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self.text(repr(value))


def _mask_pair(match: re.Match[str]) -> str:
    """`Authorization: Bearer ***` keeps its scheme; every other value goes whole."""
    if match[2] in {"Bearer", "OAuth2", "Basic"}:
        return match[0]
    return f"{match[1]}{MASK}"


REDACTOR = Redactor()
"""The one of this process; `settings.TONGFA_REDACTOR` for those who may not import config."""
