"""Names to addresses ahead of T, in threads, so that a silent name server holds up nobody else."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import Any

from .framing import Endpoint
from .reasons import Fault, Reason

Address = tuple[int, Any]  # family and the place that connect() takes
Lookup = Callable[..., list[tuple[Any, ...]]]


class Resolver:
    """Asks once per endpoint and keeps a good answer; a failed one is asked again."""

    def __init__(self, lookup: Lookup = socket.getaddrinfo) -> None:
        self._lookup = lookup
        self._answers: dict[Endpoint, list[Address] | Fault | None] = {}

    def addresses(self, endpoint: Endpoint) -> list[Address] | Fault | None:
        """The addresses, None while the question is open, or (once) why there is no answer."""
        if endpoint not in self._answers:
            self._ask(endpoint)
        answer = self._answers[endpoint]
        if isinstance(answer, Fault):
            del self._answers[endpoint]
        return answer

    def choices(self, endpoint: Endpoint) -> int:
        """How many addresses are known; 1 while none is."""
        answer = self._answers.get(endpoint)
        return len(answer) if isinstance(answer, list) else 1

    def _ask(self, endpoint: Endpoint) -> None:
        self._answers[endpoint] = None
        if _is_literal(endpoint.host):
            self._resolve(endpoint)
        else:
            threading.Thread(target=self._resolve, args=(endpoint,), name="resolve", daemon=True).start()

    def _resolve(self, endpoint: Endpoint) -> None:
        try:
            rows = self._lookup(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            number = error.errno if isinstance(error, OSError) else None
            self._answers[endpoint] = Fault(Reason.DNS, f"code {number}" if number is not None else "bad name")
        else:
            found: list[Address] = [(row[0], row[4]) for row in rows]
            self._answers[endpoint] = found or Fault(Reason.DNS, "no address")


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
