"""The job of every peer: one plain `requests.post`, as people write it. Runs in .venv-peers; imports nothing of ours."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

import requests

BODY = b'{"filter":{"is_to_all":true},"msgtype":"mpnews"}'
BASE = os.environ["PEER_BASE"]
SOCKET = os.environ["PEER_SOCKET"]


def post(account: int) -> None:
    """The one request."""
    requests.post(f"{BASE}/{account}/send", data=BODY, timeout=120)


def order() -> tuple[datetime, range]:
    """T and the accounts, from the command line: EPOCH FIRST COUNT."""
    at, first, count = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    return datetime.fromtimestamp(at, UTC), range(first, first + count)


def all_set() -> None:
    """Tell the benchmark that everything is scheduled."""
    print("scheduled", flush=True)
