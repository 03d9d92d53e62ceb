"""The OpenAPI document: complete, in English, and with nothing from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from django.test import Client
from pydantic import BaseModel

from bot.api.app import api
from bot.api.problems import CODES, Problem
from bot.api.shapes.documents import DocumentIn, SubmissionIn
from bot.api.shapes.releases import ReleaseIn
from bot.domain.article import LATER, Article
from bot.domain.rights import Right
from bot.intake import LABELS
from bot.intake.validation import ATTRIBUTES
from tests.docs.pages import blocks, read

CHINESE = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")
DOCUMENT: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema()))


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_it_is_served_as_it_is_written_down() -> None:
    answer = Client().get("/api/v1/openapi.json")
    assert answer.status_code == 200
    assert json.loads(answer.content) == DOCUMENT
    assert Client().post("/api/v1/openapi.json").status_code == 405
    assert Client().get("/api/v1/docs").status_code == 404


def test_every_operation_asks_for_a_token_and_declares_its_problems() -> None:
    for path, method, operation in operations():
        assert operation["security"] == [{"Bearer": []}], (path, method)
        wanted = {"401", "403", "404", "409", "422", "429", "500", "503"}
        wanted |= {"400", "413", "415"} if method != "get" else set()
        declared = {
            status for status, answer in operation["responses"].items()
            if "application/problem+json" in answer.get("content", {})
        }  # fmt: skip
        assert declared == wanted, (path, method)
    scheme = DOCUMENT["components"]["securitySchemes"]["Bearer"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


def test_every_writing_operation_needs_its_key_and_no_reading_one_knows_it() -> None:
    for path, method, operation in operations():
        keys = [one for one in operation["parameters"] if one["name"] == "Idempotency-Key"]
        assert [one["required"] for one in keys] == ([] if method == "get" else [True]), (path, method)


def test_no_operation_reviews_or_signs() -> None:
    words = json.dumps([operation["operationId"] for *_, operation in operations()])
    assert not re.search("(?i)sign|review|settle|waive|freeze|cancel", words)


def test_every_operation_and_member_is_described_in_english() -> None:
    for path, method, operation in operations():
        assert operation["summary"], (path, method)
        assert operation["description"], (path, method)
    assert not [text for text in texts(DOCUMENT) if CHINESE.search(text)]


def texts(value: Any) -> Iterator[str]:
    """All words for people; values of enumerations are the product's own."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name in {"description", "summary", "title"} and isinstance(part, str):
                yield part
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)


def test_a_document_has_the_fields_of_the_import_format() -> None:
    fields = set(DOCUMENT["components"]["schemas"]["DocumentIn"]["properties"])
    assert fields == (set(LABELS) - {"external_id"}) | {"interpretation"}
    assert set(LABELS) == set(Article.__slots__) - set(LATER), "attachments and cover are added in the console"
    attribute = DOCUMENT["components"]["schemas"]["DocumentIn"]["properties"]["attribute"]
    assert attribute["enum"] == list(ATTRIBUTES)


# --- the page that explains it ---------------------------------------------------------------------------------------

PAGE = read("docs/reference/api.md")


def test_the_page_lists_every_operation_with_its_right() -> None:
    listed = re.findall(r"`(GET|PUT|POST) (/[^`?]*)[^`]*`", PAGE.partition("## Tokens")[0])
    assert {(method, path.replace("{id}", "{}")) for method, path in listed} == {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path.removeprefix("/api/v1"))) for path, method, _ in operations()
    }
    assert set(re.findall(r"\| `(\w+:\w+)` \|", PAGE)) == set(Right)


def test_the_bodies_of_the_page_fit_the_interface() -> None:
    bodies = [json.loads(block.text) for block in blocks(PAGE) if block.language == "json"]
    kinds: dict[str, type[BaseModel]] = {
        "interpretation": DocumentIn, "instant": ReleaseIn, "document": SubmissionIn, "detail": Problem,
    }  # fmt: skip
    shown = [kind for body in bodies for member, kind in kinds.items() if member in body and kind.model_validate(body)]
    assert set(shown) == set(kinds.values())


def test_every_code_of_a_status_stands_in_the_page() -> None:
    assert all(f"`{code}`" in PAGE for code in CODES.values())
