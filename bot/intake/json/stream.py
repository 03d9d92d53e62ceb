"""Reading a long JSON array without holding it: one value is decoded at a time from a sliding piece of text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TextIO

#: No single item is longer, in characters.
MAX_ITEM = 2_000_000
_CHUNK = 1 << 16
_SPACE = re.compile(r"[ \t\r\n]*")
_LISTS = ("items", "data", "rows", "list", "records", "documents")


@dataclass(frozen=True, slots=True)
class Broken:
    """Text that is no JSON value, and what that means for the rest of the file."""

    text: str
    reason: str


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


class _Incomplete(Exception):
    """What is at hand does not hold a whole value."""


class Items:
    """The items of the array in an open text file, as (number from 1, value or Broken)."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._ended = False

    def layout(self) -> Literal["array", "lines", "other"]:
        """What the file's start says: an array (bare or in an object), one object or several in a row, or neither."""
        first = self._peek()
        if first == "[":
            return "array"
        if first != "{":
            return "other"
        return "array" if self._enter() else "lines"

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        if not self._enter():
            return
        number = 0
        while (mark := self._peek()) not in ("]", ""):
            number += 1
            if mark == "," and number > 1:
                self._at += 1
            try:
                value = self._value()
            except _Incomplete:
                yield (
                    number,
                    Broken(self._text[self._at : self._at + 100], "从这里起不是合法的 JSON，后面的内容没有读取。"),
                )
                return
            yield number, value
            if self._peek() not in (",", "]"):
                yield number + 1, Broken(self._text[self._at :][:100], "列表没有正常结束，后面的内容没有读取。")
                return

    def _enter(self) -> bool:
        """Go to the first item: behind "[", or behind the "[" of the object's list."""
        first = self._peek()
        self._at += 1
        if first == "[":
            return True
        while first == "{" and self._peek() == '"':
            try:
                key = self._value()
                if self._peek() != ":":
                    return False
                self._at += 1
                if key in _LISTS and self._peek() == "[":
                    self._at += 1
                    return True
                self._value()
            except _Incomplete:
                return False
            if self._peek() != ",":
                return False
            self._at += 1
        return False

    def _peek(self) -> str:
        """The next character that is no space; "" at the end."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _more(self) -> bool:
        """Drop what has been read and append the next piece, as long as what is kept (so that long items stay linear)."""
        kept = self._text[self._at :]
        piece = "" if self._ended else self._file.read(max(_CHUNK, len(kept)))
        self._ended = not piece
        self._text, self._at = kept + piece, 0
        return not self._ended

    def _value(self) -> Any:
        """The next value. A number may go on in the next piece, so a value must be followed by something."""
        self._peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except (ValueError, RecursionError):
                end = -1
            if 0 <= end < len(self._text) or (end > 0 and self._ended):
                self._at = end
                return value
            if len(self._text) - self._at > MAX_ITEM or not self._more():
                if end > 0:
                    continue
                raise _Incomplete


def lines(file: TextIO) -> Iterator[tuple[int, Any]]:
    """JSON Lines as (line number, value or Broken); also one object that is spread over several lines."""
    number = 0
    held = file.readline(MAX_ITEM)
    if held.strip() and isinstance(_parsed(held), Broken):
        whole = held + file.read(MAX_ITEM - len(held))
        if not isinstance(value := _parsed(whole), Broken):
            yield 1, value
            return
        file.seek(0)
        held = file.readline(MAX_ITEM)
    while held:
        number += 1
        if held.strip():
            yield number, _parsed(held)
        held = file.readline(MAX_ITEM)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return Broken(text[:100].strip(), "这一行不是合法的 JSON。")
