"""What every answer of the console has in common: which home this is, safe headers, and refusals as pages."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, QueryDict
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import render
from structlog import get_logger

from bot.domain.channel import ChannelFault
from bot.services import alarming, home
from bot.services.errors import NotFound, Refused
from bot.services.transitions import Stale

from . import homeward
from .people import person

Respond = Callable[[HttpRequest], HttpResponse]

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No inline script or style, nothing from elsewhere. Rehearsal pictures come through our own address too."""

PREVIEW_POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'; sandbox allow-same-origin"
)
"""For a page that holds the HTML of a post: posts have inline styles, and no script of any kind may run.

`allow-same-origin` lets it load pictures that are behind the login; without `allow-scripts` it opens nothing.
"""

NUL = "\x00"
FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
OPEN_WITHOUT_HOME = ("/healthz",)

log = get_logger(__name__)


class SecurityHeaders:
    """Content security policy, and no copies of embargoed text in any cache."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add what the view did not set itself."""
        response = self._respond(request)
        response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
        return response


class Compressed(GZipMiddleware):
    """Pages over the wire in a tenth of their bytes; a month of the calendar is half a megabyte. Streams are left alone:
    what is compressed waits for more; so is what machines read, whose clients may not unpack it. (Each answer is padded by
    a random length, as the base class does against BREACH.)"""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Compressed where it is a page and the browser takes it."""
        if response.streaming or not response.headers.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)


class NoNul:
    """The one character that no database takes, and that nobody types: taken out of what is typed; an address has none."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """No such page; else without it. The machine interface says by its schema what it refuses."""
        if request.path_info.startswith(homeward.MACHINES):
            return self._respond(request)
        if NUL in request.path_info:
            return render(request, "400.html", status=400)
        request.GET = _without_nul(request.GET)  # type: ignore[assignment]
        return self._respond(request)

    def process_view(self, request: HttpRequest, *_: object) -> None:
        """What is posted, once the form is known to be ours."""
        if _is_form(request):
            request.POST = _without_nul(request.POST)  # type: ignore[assignment]


def _is_form(request: HttpRequest) -> bool:
    by_machine = request.path_info.startswith(homeward.MACHINES)
    return request.method == "POST" and request.content_type in FORMS and not by_machine


def _without_nul(given: QueryDict) -> QueryDict:
    if not any(NUL in text for name, texts in given.lists() for text in (name, *texts)):
        return given
    cleaned = QueryDict(mutable=True)
    for name, texts in given.lists():
        cleaned.setlist(name.replace(NUL, ""), [text.replace(NUL, "") for text in texts])
    cleaned._mutable = False
    return cleaned


class HomeAndRefusals:
    """Puts `home` on the request, for the banner of every page; turns what services refuse into pages."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer 503 before `tongfa init`, but for the health check."""
        if not home.exists() and request.path not in OPEN_WITHOUT_HOME:
            return render(request, "not_ready.html", status=503)
        try:
            request.home = home.facts() if home.exists() else None  # type: ignore[attr-defined]
        except Refused as torn:
            return HttpResponse(torn.message, status=503, content_type="text/plain; charset=utf-8")
        request.unread_alarms = lambda: _unread_alarms(request)  # type: ignore[attr-defined]
        response = self._respond(request)
        return _no_page(request, response) if _is_bare_405(request, response) else response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A page for what is no fault of the program; None leaves the rest to Django (500)."""
        if isinstance(error, NotFound):
            return render(request, "404.html", {"message": error.message}, status=404)
        if isinstance(error, Refused):
            if error.code == "role":
                return render(request, "403.html", {"message": error.message}, status=403)
            return render(request, "refused.html", {"message": error.message, "details": error.details}, status=409)
        if isinstance(error, Stale):
            words = "刚刚有人或系统处理过同一条推送，这一次没有办理，未做改动。请返回上一页，刷新后再办。"
            return render(request, "refused.html", {"message": words, "details": ()}, status=409)
        if isinstance(error, ChannelFault):
            log.warning("console.channel_fault", code=error.code, remedy=str(error.remedy))
            return render(request, "refused.html", {"message": error.message, "details": ()}, status=502)
        return None


def _is_bare_405(request: HttpRequest, response: HttpResponse) -> bool:
    """Django answers a method that an address does not take with nothing at all, which a browser shows as a blank page."""
    bare = isinstance(response, HttpResponseNotAllowed) and not response.content
    return bare and not request.path.startswith(homeward.MACHINES)


def _no_page(request: HttpRequest, bare: HttpResponse) -> HttpResponse:
    page = render(request, "405.html", {"near": homeward.nearest_page(request.path)}, status=405)
    page.headers["Allow"] = bare.headers["Allow"]
    return page


def _unread_alarms(request: HttpRequest) -> int:
    """For the header of every page behind the login."""
    return alarming.count_unread(person(request).unit) if request.user.is_authenticated else 0
