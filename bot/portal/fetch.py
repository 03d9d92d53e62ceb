"""One GET over a connection of our own: to the address that was checked, within a deadline, read up to a limit.

No environment proxy, no cookie, no redirect and no retry: nothing but this one exchange.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import certifi
import h11

from .rules import Rules, Target

LONGEST_PAGE = 1024 * 1024  # bytes, as sent and as unpacked
LONGEST_HEAD = 64 * 1024
CONNECT_TIMEOUT = 3.0  # seconds for one of several addresses
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = (
    ("User-Agent", "Tongfa"),
    ("Accept", "text/html, application/xhtml+xml, */*;q=0.5"),
    ("Accept-Encoding", "identity"),
    ("Cache-Control", "no-cache"),
    ("Connection", "close"),
)

Place = tuple[Any, Any]  # address family, and what connect() takes
Lookup = Callable[..., list[tuple[Any, ...]]]


class Failed(Exception):
    """No usable answer; the text is for staff and names no address."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `body` is unpacked; `whole` is False where reading stopped at the limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False, default=b"")
    whole: bool = True


class Deadline:
    """One end for all that an exchange does."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self, most: float | None = None) -> float:
        """Seconds left, at most `most`. Raises Failed when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise Failed("网站答复太慢，没有等完")
        return left if most is None else min(left, most)


def fetch(
    target: Target, headers: Mapping[str, str], *, rules: Rules, deadline: Deadline, ca_file: Path | None,
    lookup: Lookup = socket.getaddrinfo,
) -> Reply:  # fmt: skip
    """GET one page. Raises Failed, or Blocked when the host leads where the reader may not go."""
    places = _resolve(target, deadline, lookup)
    for _, place in places:  # one bad address among good ones is one too many
        rules.check(str(place[0]), target.host)
    with contextlib.ExitStack() as stack:
        try:
            sock = stack.enter_context(_connect(places, target, deadline, ca_file))
            return _exchange(sock, target, headers, deadline)
        except h11.ProtocolError:
            raise Failed("网站的答复不是完整的网页") from None
        except TimeoutError:
            raise Failed("网站答复太慢，没有等完") from None
        except ssl.SSLError as error:
            what = "安全证书未通过校验" if isinstance(error, ssl.SSLCertVerificationError) else "加密连接没有建立"
            raise Failed(f"网站的{what}") from None
        except OSError:
            raise Failed("连不上网站，或连接中断") from None


def _resolve(target: Target, deadline: Deadline, lookup: Lookup) -> list[Place]:
    """Ask once, in a thread of its own: a name server may be silent for longer than we have."""
    answers: queue.SimpleQueue[list[Place] | None] = queue.SimpleQueue()

    def ask() -> None:
        try:
            rows = lookup(target.host, target.port, type=socket.SOCK_STREAM)
            answers.put([(row[0], row[4]) for row in rows])
        except (OSError, UnicodeError):
            answers.put(None)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        found = answers.get(timeout=deadline.left())
    except queue.Empty:
        raise Failed("网站的域名没有及时解析出来") from None
    if not found:
        raise Failed("网站的域名解析不出来")
    return found


@contextlib.contextmanager
def _connect(places: list[Place], target: Target, deadline: Deadline, ca_file: Path | None) -> Iterator[socket.socket]:
    sock = _dial(places, deadline)
    try:
        if target.scheme == "https":
            sock.settimeout(deadline.left())
            sock = tls_context(ca_file).wrap_socket(sock, server_hostname=target.host)
        yield sock
    finally:
        sock.close()


def _dial(places: list[Place], deadline: Deadline) -> socket.socket:
    """Connect to the first of the checked addresses that answers; the name is not asked for again."""
    for family, place in places:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(deadline.left(CONNECT_TIMEOUT))
            sock.connect(place)
        except OSError:
            sock.close()
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise Failed("连不上网站，或连接中断")


@lru_cache(maxsize=4)
def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """A verifying context that trusts certifi and the configured file."""
    context = ssl.create_default_context(cafile=certifi.where())
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


def _exchange(sock: socket.socket, target: Target, headers: Mapping[str, str], deadline: Deadline) -> Reply:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
    asked = [("Host", target.authority), *_HEADERS, *headers.items()]
    request = h11.Request(method="GET", target=target.path.encode("ascii"), headers=[(n, v) for n, v in asked])
    sock.settimeout(deadline.left())
    sock.sendall((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
    head = _head(sock, connection, deadline)
    found: dict[str, str] = {}
    for name, value in head.headers:
        found.setdefault(name.decode("ascii").lower(), _text(value))
    if head.status_code in REDIRECTS:
        return Reply(head.status_code, found)
    packed, whole = _body(sock, connection, deadline)
    body, all_of_it = _unpacked(packed, found.get("content-encoding", ""))
    return Reply(head.status_code, found, body, whole and all_of_it)


def _next(sock: socket.socket, connection: h11.Connection, deadline: Deadline) -> Any:
    while (event := connection.next_event()) is h11.NEED_DATA:
        sock.settimeout(deadline.left())
        connection.receive_data(sock.recv(65536))
    deadline.left()  # a server that drips is out of time even if it never leaves us waiting
    return event


def _head(sock: socket.socket, connection: h11.Connection, deadline: Deadline) -> h11.Response:
    while True:
        event = _next(sock, connection, deadline)
        if isinstance(event, h11.Response):
            return event
        if not isinstance(event, h11.InformationalResponse):
            raise Failed("网站没有答复就断开了")


def _body(sock: socket.socket, connection: h11.Connection, deadline: Deadline) -> tuple[bytes, bool]:
    """The bytes up to the limit, and whether that is all."""
    body = bytearray()
    while isinstance(event := _next(sock, connection, deadline), h11.Data):
        body += event.data
        if len(body) > LONGEST_PAGE:
            return bytes(body[:LONGEST_PAGE]), False
    return bytes(body), True


def _unpacked(body: bytes, encoding: str) -> tuple[bytes, bool]:
    """Some servers pack although they were asked not to; no more than the limit is ever unpacked."""
    kind = encoding.strip().lower()
    if kind in {"", "identity"}:
        return body, True
    if kind not in {"gzip", "x-gzip", "deflate"}:
        raise Failed("网站用了不认识的压缩方式")
    unpacker = zlib.decompressobj(wbits=47)
    try:
        plain = unpacker.decompress(body, LONGEST_PAGE)
    except zlib.error:
        raise Failed("网站的压缩内容无法解开") from None
    if not unpacker.eof and len(plain) < LONGEST_PAGE:
        raise Failed("网站的压缩内容不完整")
    return plain, unpacker.eof


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
