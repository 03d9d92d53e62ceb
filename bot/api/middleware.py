"""Whatever goes wrong under /api/, the answer is a problem and never a page."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from bot.services import home

from .problems import CODES, MEDIA_TYPE, problem

Respond = Callable[[HttpRequest], HttpResponse]

PLACE = "/api/"
NOT_READY = "尚未初始化，什么也没有办理。请系统管理员先运行 tongfa init。"
KEPT_HEADERS = ("Allow",)


class Problems:
    """Stands outside of everything that answers with pages: unknown addresses, foreign hosts, a home that is not made yet."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer 503 before `tongfa init`; turn every other error into a problem."""
        if not request.path.startswith(PLACE):
            return self._respond(request)
        if not home.exists():
            return problem(503, "not_ready", NOT_READY)
        return as_problem(self._respond(request))


def as_problem(response: HttpResponse) -> HttpResponse:
    """The same answer, or the problem that stands for an error's page."""
    if response.status_code < 400 or response.headers.get("Content-Type", "").startswith(MEDIA_TYPE):
        return response
    status = response.status_code if response.status_code in CODES else 400
    changed = problem(status)
    for name in KEPT_HEADERS:
        if name in response.headers:
            changed.headers[name] = response.headers[name]
    return changed
