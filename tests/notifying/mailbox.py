"""A mail server on loopback: takes what is sent and keeps it, over plain TCP, STARTTLS or TLS."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path


class Mailbox:
    """What arrived, and how the server behaves. `refuse` maps a command, or its word, to the answer it gets,
    `drip` its word to what is said without end."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.encrypted: list[bool] = []
        self.logins: list[str] = []
        self.refuse: dict[str, str] = {}
        self.drip: dict[str, bytes] = {}
        self.silent = False
        self.port = 0
        self.released = threading.Event()


def _handler(box: Mailbox, context: ssl.SSLContext | None) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError, ssl.SSLError):
                self._serve()

        def _say(self, line: str) -> None:
            self.request.sendall(line.encode() + b"\r\n")

        def _serve(self) -> None:
            if box.silent:
                box.released.wait(60)
                return
            self._say("220 test ESMTP")
            reader, to = self.request.makefile("rb"), list[str]()
            while line := reader.readline():
                word = line.split(b" ")[0].strip().upper().decode("ascii", "replace")
                while (piece := box.drip.get(word)) and not box.released.wait(0.02):
                    self.request.sendall(piece)
                if answer := box.refuse.get(word) or box.refuse.get(line.decode("utf-8", "replace").strip()):
                    self._say(answer)
                elif word == "EHLO":
                    extensions = ["STARTTLS"] if context and not isinstance(self.request, ssl.SSLSocket) else []
                    names = ["test", *extensions, "AUTH PLAIN", "SMTPUTF8"]
                    for name in names[:-1]:
                        self._say(f"250-{name}")
                    self._say(f"250 {names[-1]}")
                elif word == "STARTTLS" and context:
                    self._say("220 go")
                    self.request = context.wrap_socket(self.request, server_side=True)
                    reader = self.request.makefile("rb")
                elif word == "AUTH":
                    box.logins.append(line.decode().strip())
                    self._say("235 ok")
                elif word == "RCPT":
                    to.append(line.decode().split("<")[1].split(">")[0])
                    self._say("250 ok")
                elif word == "DATA":
                    self._say("354 go on")
                    data = b""
                    while not data.endswith(b"\r\n.\r\n"):
                        data += reader.readline()
                    box.messages.append(message_from_bytes(data[:-3], policy=policy.default))  # type: ignore[arg-type]
                    box.recipients.append(to)
                    box.encrypted.append(isinstance(self.request, ssl.SSLSocket))
                    self._say("250 taken")
                elif word == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 ok")

    return Handler


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    tls: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, object]:
        sock, address = super().get_request()
        return (
            self.tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False) if self.tls else sock
        ), address

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what several tests do on purpose."""


@contextmanager
def running_mailbox(*, certificate: Path | None = None, tls: bool = False) -> Iterator[Mailbox]:
    """A mail server on a free port; with a `certificate` it offers STARTTLS, or is TLS from the first byte."""
    box, context = Mailbox(), None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = _Server(("127.0.0.1", 0), _handler(box, context))
    server.tls = context if tls else None
    box.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield box
    finally:
        box.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
