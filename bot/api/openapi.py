"""What the generated OpenAPI document lacks: the problems of each operation, and parameters that are never null."""

from __future__ import annotations

from typing import Any

from ninja.openapi.schema import REF_TEMPLATE, OpenAPISchema

from .problems import MEDIA_TYPE, Problem

READING = {
    401: "No token, or one that does not hold",
    403: "The token lacks the right, or its person the role",
    404: "No such thing in the token's unit",
    409: "Refused by a rule, which `code` names",
    422: "The request does not fit this document",
    429: "Too many wrong tokens from this address",
    500: "A fault of the program",
    503: "The database does not answer, or the installation is not ready",
}
WRITING = {
    400: "The body is no JSON",
    409: "Refused by a rule, which `code` names; or the same call is under way (`running`). Nothing was changed",
    413: "The body is larger than 2 MiB",
    415: "The body does not say that it is application/json",
    422: "The request does not fit this document, or the idempotency key stood for another one (`key_reused`)",
}
HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}},
    429: {"Retry-After": {"required": True, "description": "Seconds.", "schema": {"type": "integer"}}},
    503: {"Retry-After": {"required": True, "description": "Seconds.", "schema": {"type": "integer"}}},
}
REPLAYED = {
    "Idempotency-Replayed": {
        "description": "`true` where this is the answer that an earlier call with the same key got.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}


def completed(document: OpenAPISchema) -> OpenAPISchema:
    """The same document with what it lacks. Done once for each document."""
    parts = Problem.model_json_schema(ref_template=REF_TEMPLATE)
    schemas = document["components"]["schemas"]
    schemas.update({**parts.pop("$defs", {}), "Problem": parts})
    for operations in document["paths"].values():
        for method, operation in operations.items():
            _complete(operation, writes=method != "get")
    return document


def _complete(operation: dict[str, Any], *, writes: bool) -> None:
    if writes:
        for answer in operation["responses"].values():
            answer["headers"] = REPLAYED
    for status, words in sorted({**READING, **(WRITING if writes else {})}.items()):
        operation["responses"][status] = _problem(status, words)
    for parameter in operation["parameters"]:
        parameter["schema"] = _never_null(parameter["schema"])


def _problem(status: int, words: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": words,
        "content": {MEDIA_TYPE: {"schema": {"$ref": REF_TEMPLATE.format(model="Problem")}}},
    }
    return answer | ({"headers": HEADERS[status]} if status in HEADERS else {})


def _never_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is not given is absent: `null` is no text for it."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) != 1:
        return schema
    rest = {name: value for name, value in schema.items() if name not in {"anyOf", "default"}}
    return {**rest, **choices[0]}
