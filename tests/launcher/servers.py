"""Loopback peers for the launcher's tests: scripted servers, a CONNECT proxy, and certificates made on the spot."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


@dataclass
class Peer:
    """One accepted connection; `number` counts from 0 per server."""

    sock: socket.socket
    number: int
    server: Server

    def head(self) -> bytes:
        """Read up to the blank line (and whatever came with it); b"" if the client went away first."""
        data = self.sock.recv(65536)
        if data:
            self.server.arrivals.append(time.time())
        while data and b"\r\n\r\n" not in data:
            more = self.sock.recv(65536)
            if not more:
                return b""
            data += more
        return data

    def request(self) -> bytes:
        """Read one whole request by its Content-Length and note it."""
        data = self.head()
        if not data:
            return b""
        head, _, body = data.partition(b"\r\n\r\n")
        length = next((int(x[15:]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length:")), 0)
        while len(body) < length:
            more = self.sock.recv(65536)
            if not more:
                break
            body += more
        self.server.requests.append(head + b"\r\n\r\n" + body)
        return data

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def reset(self) -> None:
        """Close with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def gone(self) -> None:
        """Wait until the client closes."""
        with contextlib.suppress(OSError):
            while self.sock.recv(65536):
                continue


def answer(data: bytes = OK) -> Callable[[Peer], None]:
    """A script: read the request, say `data`, close."""

    def script(peer: Peer) -> None:
        if peer.request():
            peer.say(data)

    return script


@dataclass
class Server:
    """Runs `script(peer)` in a thread for each connection, then closes it properly."""

    script: Callable[[Peer], None]
    context: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    requests: list[bytes] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    accepted: int = 0

    def __enter__(self) -> Server:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.create_server((self.host, 0), family=family, backlog=1024)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept(), which keeps the port open
        self._listener.close()

    def url(self, path: str = "/send?access_token=CANARY", host: str = "localhost") -> str:
        return f"http{'s' if self.context else ''}://{host}:{self.port}{path}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                number = self.accepted
                self.accepted += 1  # before it is served: whoever has an answer sees it counted
                threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        sock.settimeout(10)
        with contextlib.suppress(OSError):
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            self.script(Peer(sock, number, self))
            if isinstance(sock, ssl.SSLSocket) and sock.fileno() >= 0:
                sock = sock.unwrap()
        sock.close()


def connect_proxy(refuse: bytes = b"") -> Callable[[Peer], None]:
    """A script: answer CONNECT (or say `refuse`) and pump bytes both ways. The head read is noted in `requests`."""

    def script(peer: Peer) -> None:
        head = peer.head()
        peer.server.requests.append(head)
        if refuse:
            peer.say(refuse)
            return
        host, port = head.split(b" ")[1].decode().rsplit(":", 1)
        upstream = socket.create_connection((host, int(port)), timeout=10)
        peer.say(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=_pump, args=(upstream, peer.sock), daemon=True)
        back.start()
        _pump(peer.sock, upstream)
        back.join(10)

    return script


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


# --- certificates ---------------------------------------------------------------------------------------


class Authority:
    """A certificate authority in a folder; `ca_file` is its root in PEM."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test authority")])
        root = self._builder(self._name, self._key.public_key()).add_extension(x509.BasicConstraints(True, None), True)
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(root.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: int = 2) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder(subject_name=subject, issuer_name=self._name, public_key=key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=10))
            .not_valid_after(now + datetime.timedelta(days=days))
        )

    def server_context(self, *names: str, days: int = 2) -> ssl.SSLContext:
        """A server context with a fresh certificate for the names; `days` < 0: expired."""
        self._count += 1
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        leaf = self._builder(subject, key.public_key(), days).add_extension(alternatives, False)
        pem = serialization.Encoding.PEM
        secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path = self._folder / f"leaf{self._count}.pem"
        path.write_bytes(secret + leaf.sign(self._key, hashes.SHA256()).public_bytes(pem))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        context.set_alpn_protocols(["h2", "http/1.1"])
        return context


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
