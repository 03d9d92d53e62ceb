"""Dramatiq on Redis."""

from __future__ import annotations

import time

import dramatiq
import job
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(url=f"unix://{job.SOCKET}"))


@dramatiq.actor(max_retries=0)
def send(account: int) -> None:
    """Post."""
    job.post(account)


if __name__ == "__main__":
    at, accounts = job.order()
    for account in accounts:
        send.send_with_options(args=(account,), delay=round((at.timestamp() - time.time()) * 1000))
    job.all_set()
