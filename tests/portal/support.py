"""A portal on loopback, scripted page by page, and the rules of a rehearsal, which may read it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bot.portal import Look, Rules, look
from tests.launcher.servers import Peer, Server

TITLE = "关于印发河东区公共租赁住房管理办法的通知"
REHEARSAL = Rules(frozenset({"portal.example", "www.hedong.gov.cn"}), rehearsal=True)
LIVE_HOME = Rules(frozenset({"portal.example"}))
PATIENT = 30.0  # seconds; a noisy machine must not turn an answer into a time-out


def page(title: str = TITLE, *, heading: str = "", more: str = "") -> bytes:
    return f"<html><head><title>{title} - 河东区人民政府</title>{more}</head><body>{heading}</body></html>".encode()


def response(body: bytes = b"", status: int = 200, **headers: str) -> bytes:
    given = {"content_type": "text/html; charset=utf-8", "content_length": str(len(body)), **headers}
    lines = "".join(f"{name.replace('_', '-').title()}: {value}\r\n" for name, value in given.items() if value)
    return f"HTTP/1.1 {status} Word\r\n{lines}Connection: close\r\n\r\n".encode() + body


@contextmanager
def portal(*answers: bytes | Callable[[Peer], None], **options: Any) -> Iterator[Server]:
    """A server that gives these answers in order, the last one for good."""

    def script(peer: Peer) -> None:
        answer = answers[min(peer.number, len(answers) - 1)]
        if peer.request():
            answer(peer) if callable(answer) else peer.say(answer)

    with Server(script, **options) as server:
        yield server


def see(
    url: str, *, rules: Rules = REHEARSAL, title: str = TITLE, known: Mapping[str, str] | None = None, **options: Any
) -> Look:
    return look(url, title, rules=rules, known=known, **{"ca_file": None, "within": PATIENT, **options})


class Names:
    """A name server whose answers change: one list of addresses for each time it is asked, the last one for good."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        addresses = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if not addresses:
            raise socket.gaierror(-2, "Name or service not known")
        return [(_family(one), socket.SOCK_STREAM, 6, "", _place(one, port)) for one in addresses]


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _place(address: str, port: int) -> tuple[Any, ...]:
    return (address, port, 0, 0) if ":" in address else (address, port)
