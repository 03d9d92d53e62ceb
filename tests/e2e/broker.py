"""A Redis-protocol broker over TCP with a password, as an installation on several machines would have it."""

from __future__ import annotations

import socket
from pathlib import Path

from bot.runtime import valkey

from .processes import Process, environment, free_port, wait_for

PASSWORD = "doorbell-7c1e"


class TcpBroker:
    """A Valkey of our own. `url` is its BROKER_URL; `process` may be killed."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"
        argv = (
            valkey.server_binary(), "--bind", "127.0.0.1", "--port", str(self.port), "--requirepass", PASSWORD,
            "--dir", str(folder), "--save", "", "--appendonly", "no", "--loglevel", "warning",
        )  # fmt: skip
        self.process = Process("valkey-tcp", argv, environment(), folder)

    def answers(self) -> bool:
        """Whether it lets us in."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as client:
                client.sendall(f"AUTH {PASSWORD}\r\nPING\r\n".encode())
                client.settimeout(1)
                return client.recv(16).startswith(b"+OK")
        except OSError:
            return False

    def __enter__(self) -> TcpBroker:
        try:
            wait_for(self.answers, 20, "the broker answers", alive=[self.process])
        except BaseException:
            self.process.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.end()
