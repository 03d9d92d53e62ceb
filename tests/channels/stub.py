"""A scripted platform on loopback: what each path answers, in order, and what was asked of it."""

from __future__ import annotations

import json
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@dataclass(frozen=True)
class Asked:
    """One request as the platform received it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Say:
    """One scripted answer. `cut` closes the line after that many bytes of the body; `drop` answers nothing."""

    body: Any = field(default_factory=dict)
    status: int = 200
    content_type: str = "application/json; charset=utf-8"
    cut: int | None = None
    drop: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body, ensure_ascii=False).encode()


Answer = Say | bytes | dict[str, Any] | list[Any] | Callable[[Asked], Any]


class Stub:
    """Paths with their scripts. The last answer of a script repeats; an unscripted path answers 404."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self._scripts: dict[str, deque[Answer]] = defaultdict(deque)

    def script(self, path: str, *answers: Answer) -> None:
        """Replace the script of `path`."""
        self._scripts[path] = deque(answers)

    def calls(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == path]

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def answer(self, asked: Asked) -> Say:
        self.asked.append(asked)
        script = self._scripts[asked.path]
        if not script:
            return Say(b"no script for this path", 404)
        found = script.popleft() if len(script) > 1 else script[0]
        if callable(found):
            found = found(asked)
        return found if isinstance(found, Say) else Say(found)


def _handler(stub_of: Callable[[], Stub]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            asked = Asked(self.command, parts.path, query, dict(self.headers.items()), body)
            self._reply(stub_of().answer(asked))

        def _reply(self, say: Say) -> None:
            self.close_connection = say.drop or say.cut is not None
            if say.drop:
                return
            data = say.data
            self.send_response(say.status)
            for name, value in {
                "Content-Type": say.content_type,
                "Content-Length": str(len(data)),
                **say.headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data if say.cut is None else data[: say.cut])

        do_GET = do_POST = _serve  # noqa: N815 - names that http.server looks for

        def log_message(self, *args: object) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what several tests do on purpose."""


def make_certificates(folder: Path) -> tuple[Path, Path]:
    """(the authority's PEM, key and certificate that it gave to 127.0.0.1, in one PEM)."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    authority, served = folder / "authority.pem", folder / "served.pem"
    pem = certificate.public_bytes(Encoding.PEM)
    authority.write_bytes(pem)
    served.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + pem)
    return authority, served


@contextmanager
def running_stub(*, certificate: Path | None = None) -> Iterator[Stub]:
    """A stub on a free port of loopback; over TLS with a `certificate`."""
    holder: list[Stub] = []
    server = _Server(("127.0.0.1", 0), _handler(lambda: holder[0]))
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "https" if certificate else "http"
    holder.append(Stub(f"{scheme}://127.0.0.1:{server.server_address[1]}"))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield holder[0]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
