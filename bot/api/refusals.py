"""Which problem stands for which exception."""

from __future__ import annotations

import json
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.parser import Parser

from bot.services.apicalls import REUSED
from bot.services.errors import NotFound, Refused
from bot.services.pushing import Unfit
from bot.services.transitions import Stale

from .misfits import in_chinese
from .problems import FieldProblem, problem
from .security import TooManyWrong

log = structlog.get_logger(__name__)

STATUSES = {"role": 403, "right": 403, REUSED: 422}
OVERTAKEN = "刚刚有人或系统处理过同一对象，这一次没有办理，未做改动。请查询现状后再办。"


class NotJson(Exception):
    """The body says that it is something else than JSON."""


class StrictParser(Parser):
    """JSON that says so, without NaN and Infinity, which no JSON has."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """The body as Python values."""
        if request.content_type != "application/json":
            raise NotJson
        value: dict[str, Any] = json.loads(request.body, parse_constant=_no_constant)
        return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def install(api: NinjaAPI) -> None:
    """Hook all of them up."""
    api.add_exception_handler(Refused, _refused)
    api.add_exception_handler(ValidationError, _invalid)
    api.add_exception_handler(HttpError, _http)
    api.add_exception_handler(Http404, lambda request, exc: problem(404))
    api.add_exception_handler(RequestDataTooBig, lambda request, exc: problem(413))
    api.add_exception_handler(TooManyWrong, lambda request, exc: problem(429))
    api.add_exception_handler(Stale, lambda request, exc: problem(409, "overtaken", OVERTAKEN))
    api.add_exception_handler(OperationalError, _no_database)
    api.add_exception_handler(InterfaceError, _no_database)
    api.add_exception_handler(Exception, _fault)


def _refused(request: HttpRequest, refused: Any) -> HttpResponse:
    status = 404 if isinstance(refused, NotFound) else STATUSES.get(refused.code, 409)
    errors = (
        [FieldProblem(where=f"body.{refused.field}", message=refused.message)] if isinstance(refused, Unfit) else []
    )
    return problem(status, refused.code, refused.message, details=refused.details, errors=errors)


def _invalid(request: HttpRequest, invalid: Any) -> HttpResponse:
    errors = [FieldProblem(where=_place(one["loc"]), message=in_chinese(one)) for one in invalid.errors]
    return problem(422, errors=errors)


def _place(parts: Any) -> str:
    """`body.sync.url` for ("body", "payload", "sync", "after_live", "url"): without our own names where they are known."""
    shown = [str(part)[:80] for part in parts if part not in {"payload", "at_time", "after_live"}]
    return ".".join(shown).encode("utf-8", "replace").decode()


def _http(request: HttpRequest, error: Any) -> HttpResponse:
    if isinstance(error.__cause__, NotJson):
        return problem(415)
    return problem(error.status_code)


def _no_database(request: HttpRequest, error: Any) -> HttpResponse:
    log.error("api.database", error=str(error))
    return problem(503)


def _fault(request: HttpRequest, error: Any) -> HttpResponse:
    """A fault of the program: told in the log, with its traceback, and to the caller without it."""
    log.error("api.fault", path=request.path, exc_info=error)
    return problem(500)
