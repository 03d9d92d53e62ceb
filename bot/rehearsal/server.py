"""Sockets: one process, one port, a thread per connection, both platforms under their prefixes.

HTTP/1.1 with keep-alive by the standard library; what it adds is the wall time of the first byte of every
request, the `Date` header from the platform's (shiftable) clock, and deliveries that a fault has spoiled.
"""

from __future__ import annotations

import contextlib
import selectors
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any, cast

from . import app
from .defaults import seed_if_empty
from .faults import Delivery
from .jobs import Worker
from .store import Store
from .wire import Request
from .world import World

BODY_LIMIT = 32 * 1024 * 1024
IDLE_SECONDS = 120


class _Listener(ThreadingHTTPServer):
    request_queue_size = 4096
    daemon_threads = True
    allow_reuse_address = True
    world: World

    def __init__(self, address: tuple[str, int]) -> None:
        self.connections: set[socket.socket] = set()
        self.first_bytes: dict[socket.socket, float] = {}
        self._waiting = selectors.DefaultSelector()
        self._stamped: SimpleQueue[tuple[Any, Any, float] | None] = SimpleQueue()
        super().__init__(address, _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        """A new connection waits, without a thread, for its first byte."""
        self._waiting.register(request, selectors.EVENT_READ, client_address)

    def greet(self) -> None:
        """Stamp first bytes as they come, in one thread that does nothing else: a burst must not blur its own times."""
        while not self.world.stopping.is_set():
            ready = [key for key, _ in self._waiting.select(0.2)]
            moment = time.time()
            for key in ready:
                self._waiting.unregister(key.fileobj)
                self._stamped.put((key.fileobj, key.data, moment))
        self._stamped.put(None)
        for key in list(self._waiting.get_map().values()):
            cast(socket.socket, key.fileobj).close()
        self._waiting.close()

    def hand_out(self) -> None:
        """Give every stamped connection its thread."""
        while (item := self._stamped.get()) is not None:
            connection, address, moment = item
            self.first_bytes[connection] = moment
            super().process_request(connection, address)

    def hang_up(self) -> None:
        """End every open connection, so that nothing reaches a state that is being closed."""
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours, and is what drills do on purpose."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nginx"
    sys_version = ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Remember the connection, for the day it must be ended from outside."""
        super().setup()
        cast(_Listener, self.server).connections.add(self.connection)

    def finish(self) -> None:
        """Forget it."""
        cast(_Listener, self.server).connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def handle_one_request(self) -> None:
        """Note when the first byte came, then go on as usual."""
        stamp = cast(_Listener, self.server).first_bytes.pop(self.connection, 0.0)
        with contextlib.suppress(OSError, ValueError):
            self.rfile.peek(1)  # type: ignore[attr-defined]  # blocks until a byte is there
        self.first_byte_at = stamp or time.time()
        try:
            super().handle_one_request()
        except (ConnectionError, BrokenPipeError, TimeoutError):
            self.close_connection = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header, from the platform's clock."""
        moment = self._world.clock("date") if timestamp is None else timestamp
        return super().date_time_string(int(moment))

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the journal is the log, and request lines hold tokens."""

    @property
    def _world(self) -> World:
        return cast(_Listener, self.server).world

    def do_GET(self) -> None:
        """Every method is the application's to judge."""
        self._answer()

    do_POST = do_GET  # noqa: N815
    do_PUT = do_GET  # noqa: N815
    do_DELETE = do_GET  # noqa: N815

    def _answer(self) -> None:
        body = self._read_body()
        if body is None:
            return
        remote = str(self.client_address[0])
        request = Request(self.first_byte_at, self.command, self.path, self.headers, body, remote)
        self._deliver(app.handle(self._world, request))

    def _read_body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if self.headers.get("Transfer-Encoding") or not length.isdigit():
            self._turn_away(411)
            return None
        if int(length) > BODY_LIMIT:
            self._turn_away(413)
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):  # the client died in mid-sentence: nothing was asked
            self.close_connection = True
            return None
        return body

    def _turn_away(self, status: int) -> None:
        self.close_connection = True
        self.send_error(status)

    def _deliver(self, delivery: Delivery) -> None:
        if delivery.cut:
            return self._cut(delivery.cut)
        body = delivery.answer.body
        head = self._head(delivery)
        if delivery.stop_after is not None:
            self.wfile.write(head + body[: delivery.stop_after])
            return self._cut("close")
        if delivery.interval:
            self.wfile.write(head)
            for index in range(len(body)):
                self.wfile.write(body[index : index + 1])
                self._world.pause(delivery.interval)
            return None
        self.wfile.write(head + body)
        return None

    def _head(self, delivery: Delivery) -> bytes:
        answer = delivery.answer
        headers = {"Content-Type": answer.media_type, "Content-Length": str(len(answer.body))} | answer.headers
        if self.close_connection:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {answer.status} {self.responses.get(answer.status, ('Status',))[0]}"]
        lines += ["Server: nginx", f"Date: {self.date_time_string()}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _cut(self, how: str) -> None:
        self.close_connection = True
        if how == "reset":  # linger 0: the kernel answers with RST instead of FIN
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)


class RehearsalServer:
    """Both platforms on one loopback port. `port` 0 takes a free one; state lives in `state_dir`."""

    def __init__(self, state_dir: Path, host: str = "127.0.0.1", port: int = 0, *, defaults: bool = True) -> None:
        self._store = Store(state_dir)
        try:
            self._listener = _Listener((host, port))
        except BaseException:
            self._store.close()
            raise
        self.world = self._listener.world = World(self._store, lambda: self.base_url)
        self._worker = Worker(self.world)
        self._thread: threading.Thread | None = None
        if defaults:
            seed_if_empty(self.world)

    @property
    def base_url(self) -> str:
        """`http://host:port`; the platforms are at `/wechat` and `/weibo` under it."""
        host, port = self._listener.server_address[:2]
        return f"http://{host!s}:{port}"

    def start(self) -> RehearsalServer:
        """Serve in threads; returns at once, ready for connections."""
        self._worker.start()
        for task in (self._listener.greet, self._listener.hand_out):
            threading.Thread(target=task, daemon=True).start()
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving, end background work, close the state. What was asked by then is on disk."""
        self.world.stopping.set()
        self.world.wake.set()
        if self._thread:
            self._listener.shutdown()
            self._thread.join(5)
        self._listener.server_close()
        self._listener.hang_up()
        self._worker.join(10)
        self._store.close()

    def __enter__(self) -> RehearsalServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def serve(state_dir: Path, host: str = "127.0.0.1", port: int = 0, *, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `announce` gets the base URL once connections are taken.

    Must run in the main thread (signal handlers). Raises StateInUseError or OSError when it cannot start.
    """
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with RehearsalServer(state_dir, host, port) as server:
        announce(server.base_url)
        while not ended.wait(0.5):  # a bounded wait lets the interpreter run signal handlers everywhere
            pass
