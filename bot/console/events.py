"""/events/…: streams for the pages that are watched (`streams` says how)."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from django.contrib.auth import get_user
from django.contrib.sessions.backends.base import SessionBase
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_GET

from bot.services.releases import find_release

from . import readers, streams
from .people import person
from .streams import Hub, Listener, Wants

HEARTBEAT = 15.0  # seconds: proxies keep the connection, and who may listen is asked again
STEP = 1.0  # seconds until it is noticed that the browser has gone
HELLO = b"retry: 5000\n\n: hello\n\n"  # milliseconds until a browser comes again by itself
CHANGED = b"event: changed\ndata:\n\n"
BEAT = b": still here\n\n"
END = b"event: end\ndata:\n\n"


@require_GET
def desk(request: HttpRequest) -> HttpResponseBase:
    """Whatever happens to the releases of the person's unit, and to the machine."""
    unit = person(request).unit_id
    return _stream(request, lambda found: found.everybody or unit in found.units)


@require_GET
@readers.only
def release(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Whatever happens to one release, and freezes of its unit. Another unit's releases do not exist here."""
    found = find_release(pk, unit=person(request).unit)
    pushes = found.publications.values_list("pk", flat=True)
    subjects = {f"release:{found.pk}", f"unit:{found.unit.code}", *(f"publication:{push}" for push in pushes)}
    return _stream(request, lambda what: what.everybody or not subjects.isdisjoint(what.subjects))


def _stream(request: HttpRequest, wants: Wants) -> HttpResponseBase:
    hub = streams.HUB
    listener = hub.join(wants)
    if listener is None:
        return HttpResponse("busy", status=503, content_type="text/plain; charset=utf-8", headers={"Retry-After": "60"})
    gone = request.META.get("waitress.client_disconnected", lambda: False)
    lines = Lines(hub, listener, allowed=still_allowed(request), gone=gone, heartbeat=HEARTBEAT)
    response = StreamingHttpResponse(lines, content_type="text/event-stream; charset=utf-8")
    response.headers["X-Accel-Buffering"] = "no"
    return response


class Lines:
    """The lines of one stream, as long as the browser listens, the session stands and the process goes on."""

    def __init__(
        self, hub: Hub, listener: Listener, *, allowed: Callable[[], bool], gone: Callable[[], bool],
        heartbeat: float, step: float = STEP,
    ) -> None:  # fmt: skip
        self._hub, self._listener, self._allowed, self._gone = hub, listener, allowed, gone
        self._heartbeat, self._step = heartbeat, step
        self._next_beat: float | None = None
        self._ended = False

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> bytes:
        if self._ended or self._hub.over:
            raise StopIteration
        if self._next_beat is None:
            self._next_beat = monotonic() + self._heartbeat
            return HELLO
        while True:
            left = self._next_beat - monotonic()
            rung = self._listener.wait(max(0.0, min(self._step, left)))
            if self._hub.over or self._gone():
                raise StopIteration
            if monotonic() >= self._next_beat:
                return self._beat(rung=rung)
            if rung:
                return CHANGED

    def _beat(self, *, rung: bool) -> bytes:
        if not self._allowed():
            self._ended = True
            return END
        self._next_beat = monotonic() + self._heartbeat
        return CHANGED if rung else BEAT

    def close(self) -> None:
        """Called by the web server however it ended, begun or not."""
        self._hub.leave(self._listener)


def still_allowed(request: HttpRequest) -> Callable[[], bool]:
    """A question to ask again later: does the session stand, and may its person still come in, in the same unit?

    Between two questions the thread holds no connection to the database.
    """
    who, key, kind = person(request), request.session.session_key, type(request.session)
    _let_go()

    def ask() -> bool:
        probe = HttpRequest()
        probe.session = _session(kind, key)
        user = get_user(probe)
        _let_go()
        return user.is_authenticated and getattr(user, "unit_id", None) == who.unit_id

    return ask


def _session(kind: type[SessionBase], key: str | None) -> SessionBase:
    return kind(key)


def _let_go() -> None:
    if not connection.in_atomic_block:
        connection.close()
