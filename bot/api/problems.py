"""Errors as RFC 9457 problems: one shape for all of them, `detail` in Chinese for staff, `code` for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http.client import responses

from django.http import HttpResponse
from pydantic import BaseModel, Field

MEDIA_TYPE = "application/problem+json"
SECONDS = 60  # after which it is worth trying again, where that is known to be so

#: What is said where nothing better is known.
DETAILS = {
    400: "请求无法读取，没有办理，未做改动。请按接口说明改正。",
    401: "没有令牌，或令牌无效、过期、已吊销，没有办理。请核对令牌，或请系统管理员另发。",
    403: "没有权限，没有办理，未做改动。",
    404: "找不到这个地址或编号。请核对，或确认它属于令牌所在的单位。",
    405: "这个地址不接受这种请求方法，没有办理。",
    413: "请求内容过大，没有办理，未做改动。",
    415: "请求内容应为 application/json，没有办理，未做改动。",
    422: "请求不符合接口约定，没有办理，未做改动。请按 errors 逐项改正。",
    429: "无效令牌的请求过多，请稍后再试。",
    500: "程序出错。是否已办理请查询核对；用同一个 Idempotency-Key 再发一次不会重复办理。",
    503: "服务暂时不可用，请稍后用同一个 Idempotency-Key 再试，不会重复办理。",
}
CODES = {
    400: "unreadable", 401: "token", 403: "role", 404: "not_found", 405: "method", 413: "too_large", 415: "media_type",
    422: "schema", 429: "too_many", 500: "error", 503: "unavailable",
}  # fmt: skip


class FieldProblem(BaseModel):
    """One part of the request that does not fit."""

    where: str = Field(description="Path to the part, such as `body.instant`.")
    message: str = Field(description="What does not fit and how it is to be; for staff, in Chinese.")


class Problem(BaseModel):
    """An error, as RFC 9457 describes it."""

    type: str = Field(description="A URN that ends in `code`.")
    title: str = Field(description="The HTTP status in words.")
    status: int
    detail: str = Field(
        description="What happened, whether anything was changed, what to do next; for staff, in Chinese."
    )
    code: str = Field(description="A stable word for programs.")
    details: list[str] = Field(description="Further sentences, such as one for each finding that blocks.")
    errors: list[FieldProblem] = Field(description="For status 422: what does not fit, part by part.")


def problem(
    status: int, code: str = "", detail: str = "", *, details: Sequence[str] = (), errors: Sequence[FieldProblem] = ()
) -> HttpResponse:
    """The answer. What is left out follows from the status."""
    code = code or CODES.get(status, "refused")
    body = Problem(
        type=f"urn:tongfa:problem:{code}",
        title=responses.get(status, "Error"),
        status=status,
        detail=detail or DETAILS.get(status, DETAILS[400]),
        code=code,
        details=list(details),
        errors=list(errors),
    )
    text = json.dumps(body.model_dump(), ensure_ascii=False)
    response = HttpResponse(text, status=status, content_type=MEDIA_TYPE)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Length"] = str(len(response.content))
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="tongfa"'
    if status in {429, 503}:
        response.headers["Retry-After"] = str(SECONDS)
    return response
