"""HTTP/1.1 by h11, without a socket: a request to bytes, bytes to an answer, and the CONNECT of a proxy."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

import h11

from bot.domain.channel import WireAnswer, WireRequest

from .reasons import Fault, Reason

#: Headers that describe the connection or the framing: the launcher's own, whatever the request says.
OWN_HEADERS = frozenset(
    [
        "host",
        "content-length",
        "connection",
        "keep-alive",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "accept-encoding",
        "proxy-connection",
        "proxy-authorization",
    ]
)
PORTS = {"http": 80, "https": 443}
EVIDENCE = 4096  # bytes kept of an answer that is not HTTP


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host (ASCII, no brackets) and a port."""

    host: str
    port: int

    @property
    def authority(self) -> str:
        """`host:port`, brackets around IPv6."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All that one connection must know, worked out long before T.

    `dial` is the proxy or the target; `tunnel` the CONNECT request or b"". `payload` is the framed request
    in clear.
    """

    dial: Endpoint
    server_name: str
    tls: bool
    tunnel: bytes
    method: str
    payload: bytes


def plan(request: WireRequest) -> Plan:
    """Frame a request. Raises Fault(REQUEST), naming nothing of the request, if it cannot be framed."""
    try:
        return _plan(request)
    except (ValueError, h11.LocalProtocolError):
        raise Fault(Reason.REQUEST, "not a valid HTTP request") from None


def _plan(request: WireRequest) -> Plan:
    url = urlsplit(request.url)
    target, tls = _endpoint(url, PORTS), url.scheme == "https"
    proxy = urlsplit(request.proxy) if request.proxy else None
    via_forward = proxy is not None and not tls
    credentials = _credentials(proxy) if proxy else []
    return Plan(
        dial=_endpoint(proxy, {"http": 80}) if proxy else target,
        server_name=target.host,
        tls=tls,
        tunnel=_connect(target, credentials) if proxy and tls else b"",
        method=request.method.upper(),
        payload=_frame(request, url, target, credentials if via_forward else [], absolute=via_forward),
    )


def _endpoint(url: SplitResult, ports: dict[str, int]) -> Endpoint:
    if url.scheme not in ports or not url.hostname:
        raise ValueError("unsupported address")
    host = url.hostname if url.hostname.isascii() else url.hostname.encode("idna").decode()
    return Endpoint(host, url.port or ports[url.scheme])


def _credentials(proxy: SplitResult) -> list[tuple[str, str]]:
    if proxy.username is None:
        return []
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return [("Proxy-Authorization", "Basic " + base64.b64encode(pair.encode()).decode())]


def _host(url: SplitResult, target: Endpoint) -> str:
    return target.authority.removesuffix(f":{PORTS[url.scheme]}")


def _connect(target: Endpoint, credentials: list[tuple[str, str]]) -> bytes:
    head = h11.Request(method="CONNECT", target=target.authority, headers=[("Host", target.authority), *credentials])
    return h11.Connection(h11.CLIENT).send(head) or b""


def _frame(
    request: WireRequest, url: SplitResult, target: Endpoint, extra: list[tuple[str, str]], *, absolute: bool
) -> bytes:
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    host = _host(url, target)
    headers = [("Host", host), *_passed_on(request), *extra, ("Accept-Encoding", "identity"), ("Connection", "close")]
    if request.body or request.method.upper() not in ("GET", "HEAD"):
        headers.append(("Content-Length", str(len(request.body))))
    head = h11.Request(
        method=request.method.upper(), target=f"http://{host}{path}" if absolute else path, headers=headers
    )
    connection = h11.Connection(h11.CLIENT)
    parts = [connection.send(head), connection.send(h11.Data(request.body)) if request.body else b""]
    return b"".join(part or b"" for part in [*parts, connection.send(h11.EndOfMessage())])


def _passed_on(request: WireRequest) -> list[tuple[str, str]]:
    return [(name, value) for name, value in request.headers if name.lower() not in OWN_HEADERS]


class Tunnel:
    """Reads a proxy's answer to CONNECT."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT)
        self._http.send(h11.Request(method="CONNECT", target="x:443", headers=[("Host", "x")]))
        self._http.send(h11.EndOfMessage())

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes; None while the answer is unfinished, else what followed it. Raises Fault(PROXY) on a refusal."""
        try:
            self._http.receive_data(data)
            event = self._http.next_event()
            while isinstance(event, h11.InformationalResponse):
                event = self._http.next_event()
        except h11.RemoteProtocolError:
            raise Fault(Reason.PROXY, "its answer is not HTTP") from None
        if isinstance(event, h11.Response):
            if not 200 <= event.status_code < 300:
                raise Fault(Reason.PROXY, f"status {event.status_code}")
            return bytes(self._http.trailing_data[0])
        return None


class AnswerParser:
    """Bytes of one connection to one WireAnswer. Interim (1xx) answers are skipped, redirects are just answers."""

    def __init__(self, method: str, *, max_body: int, max_head: int) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=max_head)
        self._http.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
        self._http.send(h11.EndOfMessage())
        self._max_body, self._body, self._raw = max_body, bytearray(), bytearray()
        self._head: h11.Response | None = None

    def feed(self, data: bytes) -> WireAnswer | None:
        """Take bytes (b"" = the stream ended cleanly); an answer when it is whole, too long or not HTTP, else None.

        An end before the head is complete gives None: there is no answer to report.
        """
        if self._head is None:
            self._raw += data[: EVIDENCE - len(self._raw)]
        try:
            self._http.receive_data(data)
            return self._events()
        except h11.RemoteProtocolError:
            return self.cut() if self._head or not data else WireAnswer(0, (), bytes(self._raw), complete=False)

    def _events(self) -> WireAnswer | None:
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return None
            if isinstance(event, h11.Response):
                self._head = event
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > self._max_body:
                    return self.cut()
            elif isinstance(event, h11.EndOfMessage):
                return self._answer(complete=True)

    def cut(self) -> WireAnswer | None:
        """What is known when the stream broke or time is up; None if not even the head came."""
        return self._answer(complete=False) if self._head else None

    def _answer(self, *, complete: bool) -> WireAnswer:
        assert self._head is not None  # noqa: S101  callers have seen the head
        pairs = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in self._head.headers.raw_items())
        return WireAnswer(self._head.status_code, tuple(pairs), bytes(self._body[: self._max_body]), complete=complete)
