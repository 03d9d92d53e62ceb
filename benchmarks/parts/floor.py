"""What Python can do at best, and what a careful program with `requests` does: both hit the stub at one T.

The floor holds N connected sockets, spins to T and calls send N times: nothing written in Python on one core can be
earlier. The other keeps N warm sessions in 64 threads.
"""

from __future__ import annotations

import gc
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from bot.launcher.limits import Limits, calm, make_room

from .figures import Lateness, lateness
from .stub import Stub

BODY = (
    b'{"filter":{"is_to_all":true},"mpnews":{"media_id":"draft-1"},"msgtype":"mpnews","send_ignore_reprint":0,'
    b'"clientmsgid":"0123456789abcdef0123456789abcdef"}'
)
#: Accounts that no installation has: the floor's own.
FIRST = 4_000_000
THREADS = 64
Way = Callable[[Stub, int], Lateness]


def next_instant(ahead: float) -> float:
    """A whole second, at least `ahead` seconds from now."""
    return float(int(time.time() + ahead) + 1)


def _judged(stub: Stub, accounts: range, at: float) -> Lateness:
    deadline = time.monotonic() + 60
    while len(stub.public(accounts)) < len(accounts) and time.monotonic() < deadline:
        time.sleep(0.1)
    return lateness(stub.public(accounts), accounts, at)


def raw_sockets(
    stub: Stub, count: int, *, ca_file: Path | None = None, first: int = FIRST, keep: bool = False
) -> Lateness:
    """The floor. With `ca_file`, over TLS: the request is encrypted before T there too. `keep`: what the journal holds."""
    if not keep:
        stub.clear()
    make_room(count)
    context = ssl.create_default_context(cafile=str(ca_file)) if ca_file else None
    port = stub.tls_port if context else stub.port
    shots = [_loaded(port, first + number, context) for number in range(count)]
    sends = [(sock.send, payload) for sock, payload in shots]
    gc.collect()
    at = next_instant(0.5)
    with calm():
        time.sleep(max(0.0, at - time.time() - Limits().awake))
        while time.time() < at:
            continue
        for send, payload in sends:
            send(payload)
    result = _judged(stub, range(first, first + count), at)
    for sock, _ in shots:
        sock.close()
    return result


def _loaded(port: int, account: int, context: ssl.SSLContext | None) -> tuple[socket.socket, bytes]:
    """A connected socket and the bytes to write at T."""
    head = f"POST /{account}/send HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(BODY)}\r\n\r\n"
    request = head.encode() + BODY
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return (sock, request) if context is None else (sock, sealed(sock, context, request))


def sealed(sock: socket.socket, context: ssl.SSLContext, request: bytes) -> bytes:
    """Shake hands, and encrypt what is to be written later."""
    come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(come, go, server_hostname="127.0.0.1")
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            sock.sendall(go.read())
            come.write(sock.recv(65536))
    sock.sendall(go.read())
    tls.write(request)
    return go.read()


def warm_sessions(stub: Stub, count: int, *, ca_file: Path | None = None) -> Lateness:
    """N `requests` sessions that have each made one call, in 64 threads that wait for T."""
    verify = str(ca_file) if ca_file else True
    bases = [stub.base(FIRST + number, tls=ca_file is not None) for number in range(count)]
    sessions = [_session(verify) for _ in range(count)]
    make_room(count)
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda pair: pair[0].post(f"{pair[1]}/warm", data=b"{}"), zip(sessions, bases, strict=True)))
        stub.clear()
        at = next_instant(1.0)

        def one(number: int) -> None:
            while (left := at - time.time()) > 0:
                time.sleep(left)
            sessions[number].post(f"{bases[number]}/send", data=BODY)

        list(pool.map(one, range(count)))
    result = _judged(stub, range(FIRST, FIRST + count), at)
    for session in sessions:
        session.close()
    return result


def _session(verify: str | bool) -> requests.Session:
    session = requests.Session()
    session.trust_env, session.verify = False, verify
    return session
