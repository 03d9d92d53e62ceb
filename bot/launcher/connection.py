"""One connection from the first SYN to the last byte, as a state machine over a non-blocking socket."""

from __future__ import annotations

import errno
import selectors
import socket
import ssl
from enum import Enum

from .codec import CHUNK, Codec, End, Plain, Tls
from .framing import Plan, Tunnel
from .reasons import Fault, Reason, from_os_error
from .resolver import Address


class Phase(Enum):
    """Where a connection stands. Nothing of the request leaves before SENDING."""

    CONNECTING = "connecting"
    TUNNELLING = "tunnelling"
    HANDSHAKING = "handshaking"
    READY = "ready"
    SENDING = "sending"


class Connection:
    """Opens towards `plan`, then holds the sealed request in `payload` until the launcher writes it.

    Every method may raise Fault; the caller then closes. A connection is used for one request only.
    """

    def __init__(self, plan: Plan, address: Address, context: ssl.SSLContext | None) -> None:
        self._plan, self._context = plan, context
        self._codec: Codec = Plain()
        self._tunnel = Tunnel() if plan.tunnel else None
        self._out, self._shaken = memoryview(b""), False
        self._unsent_of_request = 0
        self.payload = b""
        self.phase = Phase.CONNECTING
        self.sock = _dial(address)

    @property
    def interest(self) -> int:
        """What the selector should watch for."""
        if self.phase is Phase.CONNECTING:
            return selectors.EVENT_WRITE
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out else 0)

    def close(self) -> None:
        """Close without a word: a close_notify would have to follow the sealed request."""
        self.sock.close()

    # --- opening ----------------------------------------------------------------------------------------

    def advance(self) -> None:
        """One event before the request: connect, tunnel, handshake; when ready, make sure that it still stands."""
        if self.phase is Phase.CONNECTING:
            self._connected()
        elif self.phase is Phase.READY:
            self._still_open(*self.receive())
        else:
            self._flush()
            self._opening_bytes(self._recv())
        self._settle()

    def _connected(self) -> None:
        code = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise from_os_error(OSError(code, ""))
        if self._tunnel:
            self.phase, self._out = Phase.TUNNELLING, memoryview(self._plan.tunnel)
            self._flush()
        else:
            self._secure(b"")

    def _opening_bytes(self, raw: bytes | None) -> None:
        if raw is None:
            return
        if not raw:
            raise Fault(Reason.CLOSED, f"while {self.phase.value}")
        if self.phase is Phase.TUNNELLING and self._tunnel:
            rest = self._tunnel.feed(raw)
            if rest is not None:
                self._secure(rest)
        else:
            self._shake(raw)

    def _secure(self, raw: bytes) -> None:
        self.phase = Phase.HANDSHAKING
        if self._context is not None:
            self._codec = Tls(self._context, self._plan.server_name)
        self._shake(raw)

    def _shake(self, raw: bytes) -> None:
        if self._shaken:  # our last handshake bytes still wait for room; the peer is already talking
            self._still_open(*self._codec.receive(raw))
            return
        self._shaken = self._codec.handshake(raw)
        self._queue(self._codec.pending())
        self._flush()

    def _settle(self) -> None:
        """Ready once the handshake is done and all of it has left: from here the next byte out is the request."""
        if self.phase is Phase.HANDSHAKING and self._shaken and not self._out:
            self._still_open(*self._codec.receive(b""))
            self.payload = self._codec.seal(self._plan.payload)
            self.phase = Phase.READY

    def _still_open(self, data: bytes, end: End) -> None:
        if end is not End.OPEN:
            raise Fault(Reason.CLOSED, "by the peer, while idle")
        if data:
            raise Fault(Reason.CLOSED, "the peer spoke before it was asked")

    # --- the request and its answer ---------------------------------------------------------------------

    def taken(self, count: int) -> None:
        """The kernel took `count` bytes (at least 1) of `payload`: the launcher's own first send."""
        self.phase = Phase.SENDING
        self._out = memoryview(self.payload)[count:]
        self._unsent_of_request = len(self._out)
        self._queue(self._codec.pending())

    @property
    def request_left(self) -> int:
        """Bytes of the request that the kernel has not taken yet."""
        return self._unsent_of_request

    def write(self) -> int:
        """Write what the kernel takes now; returns how many bytes of the request that were."""
        before = self._unsent_of_request
        self._unsent_of_request = max(0, before - self._flush())
        return before - self._unsent_of_request

    def stop_writing(self) -> None:
        """Writing has failed or has become pointless; go on reading."""
        self._out = memoryview(b"")

    def receive(self) -> tuple[bytes, End]:
        """Application data that is there now."""
        raw = self._recv()
        if raw is None:
            return b"", End.OPEN
        data, end = self._codec.receive(raw) if raw else self._codec.finish()
        if self.phase is Phase.SENDING:
            self._queue(self._codec.pending())
        return data, end

    # --- the socket -------------------------------------------------------------------------------------

    def _queue(self, data: bytes) -> None:
        if data:
            self._out = memoryview(bytes(self._out) + data)

    def _flush(self) -> int:
        count = 0
        try:
            while self._out:
                taken = self.sock.send(self._out)
                self._out = self._out[taken:]
                count += taken
        except BlockingIOError:
            return count
        except OSError as error:
            raise from_os_error(error) from None
        return count

    def _recv(self) -> bytes | None:
        """Bytes, b"" at the end of the stream, None if nothing is there now."""
        try:
            return self.sock.recv(CHUNK)
        except BlockingIOError:
            return None
        except OSError as error:
            raise from_os_error(error) from None


def _dial(address: Address) -> socket.socket:
    """A non-blocking socket on its way to `address`."""
    family, place = address
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise from_os_error(error) from None
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    code = sock.connect_ex(place)
    if code in (0, errno.EINPROGRESS):
        return sock
    sock.close()
    raise from_os_error(OSError(code, ""))
