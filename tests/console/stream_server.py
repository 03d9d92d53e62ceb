"""A web server with streams and nothing else, as a process of its own (`test_stream_process`): the product's own options."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

import django

from config import env

env.use_settings()
django.setup()

from bot.console import streams  # noqa: E402
from bot.console.events import Lines  # noqa: E402
from bot.runtime.processes import web_argv  # noqa: E402
from bot.services.changes import Changes  # noqa: E402


class Quiet:
    """A trail in which nothing happens."""

    def head(self) -> int:
        return 0

    def since(self, line: int) -> Changes:
        return Changes(line)


streams.HUB = streams.Hub(Quiet())
streams.end_with_the_process()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """/count says how many listen, /whence where it was asked from; anything else is a stream."""
    if environ["PATH_INFO"] == "/whence":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["REMOTE_ADDR"].encode()]
    listener = None if environ["PATH_INFO"] == "/count" else streams.HUB.join(lambda _: True)
    if listener is None:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(streams.HUB.count).encode()]
    start_response("200 OK", [("Content-Type", "text/event-stream")])
    gone = environ["waitress.client_disconnected"]
    return Lines(streams.HUB, listener, allowed=lambda: True, gone=gone, heartbeat=60.0)


if __name__ == "__main__":
    from waitress.runner import run

    run(
        argv=[
            "waitress",
            *web_argv("127.0.0.1", int(sys.argv[1]), *sys.argv[2:])[3:-1],
            "tests.console.stream_server:application",
        ]
    )
