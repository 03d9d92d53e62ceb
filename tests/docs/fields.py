"""The tables of JSON fields in docs/reference/cli.md, and how a document differs from them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .pages import read, rows, sections

PAGE = read("docs/reference/cli.md")
SECTIONS = dict(sections(PAGE, 3))
EVERYWHERE = {"ok", "environment"}


@dataclass(frozen=True)
class Field:
    """One documented field: its type, whether it may be missing, and the structure it refers to."""

    name: str
    type: str

    @property
    def optional(self) -> bool:
        return self.type.endswith("?")

    @property
    def structure(self) -> str:
        found = re.search(r"\[([a-z ]+)\]", self.type)
        return found[1] if found else ""


def fields_of(text: str) -> list[list[Field]]:
    """The field tables of a section, one list for each."""
    tables: list[list[Field]] = []
    for row in rows(text):
        if row[0] == "JSON field":
            tables.append([])
        elif tables and len(row) == 3 and re.fullmatch(r"`\w+`|\(all of it\)", row[0]):
            tables[-1].append(Field(row[0].strip("`"), row[1]))
    return tables


def structure(name: str) -> list[Field]:
    return fields_of(SECTIONS[name])[0]


def flattened(fields: Sequence[Field]) -> list[Field]:
    """A document that is one structure has that structure's fields."""
    return structure(fields[0].structure) if fields[0].name == "(all of it)" else list(fields)


TYPES: Mapping[str, tuple[type, ...]] = {
    "text": (str,), "instant": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "object": (dict,), "list": (list,),
}  # fmt: skip


def complaints(value: Mapping[str, Any], fields: Sequence[Field], where: str = "") -> Iterator[str]:
    """How a document differs from its table."""
    known = {field.name: field for field in fields}
    yield from (f"{where}{name} is not documented" for name in value if name not in known)
    for name, field in known.items():
        if name in value:
            yield from _of_value(value[name], field, f"{where}{name}")
        elif not field.optional:
            yield f"{where}{name} is documented and missing"


def _of_value(value: Any, field: Field, where: str) -> Iterator[str]:
    plain = field.type.removesuffix("?")
    if value is None:
        if "or null" not in plain:
            yield f"{where} is null"
        return
    word = re.sub(r" or null| of .*", "", plain).split(" ")[0]
    wanted = TYPES.get(word, (dict,))
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        yield f"{where} is {type(value).__name__}, documented as {field.type}"
    elif field.structure:
        for index, element in enumerate(value if isinstance(value, list) else [value]):
            yield from complaints(element, structure(field.structure), f"{where}[{index}].")


def differences(words: str, document: Mapping[str, Any]) -> list[str]:
    """[] when the document fits one of the section's tables; else what is wrong with the nearest."""
    body = {name: value for name, value in document.items() if name not in EVERYWHERE}
    tables = fields_of(SECTIONS[words])
    found = [list(complaints(body, flattened(fields))) for fields in tables]
    return min(found, key=len) if found else [f"{words} has no table"]
