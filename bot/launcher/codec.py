"""What lies between the socket and HTTP: nothing, or TLS over two memory buffers.

TLS runs in memory, so that a request is encrypted before T and the write at T is one plain send.
"""

from __future__ import annotations

import ssl
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Protocol

import certifi

from .reasons import from_ssl_error

CHUNK = 65536


class End(Enum):
    """How a stream stands after a read."""

    OPEN = "open"
    CLEAN = "clean"  # the peer said that it is done: FIN on a plain stream, close_notify under TLS
    CUT = "cut"  # it ended without saying so, or the records make no sense


class Codec(Protocol):
    """One stream's coding. `pending` is what must go out for the coding's own sake (handshake, key update)."""

    def handshake(self, raw: bytes) -> bool:
        """Take bytes; True when application data may flow. Raises Fault(TLS)."""

    def seal(self, data: bytes) -> bytes:
        """Application data to wire bytes."""

    def receive(self, raw: bytes) -> tuple[bytes, End]:
        """Wire bytes to application data."""

    def finish(self) -> tuple[bytes, End]:
        """The peer closed the TCP stream."""

    def pending(self) -> bytes:
        """Bytes the coding itself wants on the wire, once."""


class Plain:
    """No coding."""

    def handshake(self, raw: bytes) -> bool:
        """At once."""
        return True

    def seal(self, data: bytes) -> bytes:
        """As it is."""
        return data

    def receive(self, raw: bytes) -> tuple[bytes, End]:
        """As it is."""
        return raw, End.OPEN

    def finish(self) -> tuple[bytes, End]:
        """FIN is all the goodbye that plain TCP has."""
        return b"", End.CLEAN

    def pending(self) -> bytes:
        """Nothing."""
        return b""


class Tls:
    """TLS in memory, verifying chain and host name."""

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=server_name)

    def handshake(self, raw: bytes) -> bool:
        """One step of the handshake."""
        self._in.write(raw)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise from_ssl_error(error) from None
        return True

    def seal(self, data: bytes) -> bytes:
        """Encrypt. OpenSSL takes large data in pieces."""
        view = memoryview(data)
        while view:
            view = view[self._tls.write(view) :]
        return self._out.read()

    def receive(self, raw: bytes) -> tuple[bytes, End]:
        """Decrypt down to "want more"; tickets and key updates are swallowed on the way."""
        self._in.write(raw)
        return self._drain()

    def finish(self) -> tuple[bytes, End]:
        """TCP ended: without close_notify before it, the stream was cut."""
        self._in.write_eof()
        data, end = self._drain()
        return data, End.CUT if end is End.OPEN else end

    def pending(self) -> bytes:
        """Handshake and key update records."""
        return self._out.read()

    def _drain(self) -> tuple[bytes, End]:
        data = bytearray()
        try:
            while chunk := self._tls.read(CHUNK):
                data += chunk
        except ssl.SSLWantReadError:
            return bytes(data), End.OPEN
        except ssl.SSLZeroReturnError:
            return bytes(data), End.CLEAN
        except ssl.SSLError:
            return bytes(data), End.CUT
        return bytes(data), End.CLEAN


@cache
def trust(ca_file: Path | None) -> ssl.SSLContext:
    """The one context: certifi's roots plus `ca_file`, TLS 1.2 or newer, HTTP/1.1 by ALPN.

    Made once, because reading the bundle costs 20 ms (performance.md 1). Not `create_default_context`: that
    would write session keys to SSLKEYLOGFILE where the environment names one.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=certifi.where())
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context
