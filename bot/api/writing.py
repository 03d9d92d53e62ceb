"""Writing operations: each has its effect once, and its answer is kept with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja.params.functions import Header
from pydantic import BaseModel

from bot.services import apicalls
from bot.services.apicalls import Answer, Keep

from .edge import now, token

KEY = Header(
    ...,
    alias="Idempotency-Key",
    example="cms-2026-0001",
    pattern=r"^[A-Za-z0-9._:-]{8,64}$",
    description="Names this call. The same key with the same content has no second effect and gets the first answer again, "
    "for seven days; with other content it is refused (422), and while the first is under way as well (409).",
)


def answered(status: int, body: BaseModel) -> Answer:
    """A body as it goes out, and as it is kept."""
    return Answer(status, body.model_dump_json())


def once(
    request: HttpRequest, key: str, operation: str, content: Mapping[str, Any], act: Callable[[Keep], Answer]
) -> HttpResponse:
    """Do it, or say again what it was answered."""
    answer = apicalls.once(apicalls.Call(token(request), key, operation, content), act, now=now)
    response = HttpResponse(answer.body, status=answer.status, content_type="application/json; charset=utf-8")
    if answer.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response
