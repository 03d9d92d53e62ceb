"""Huey on Redis."""

from __future__ import annotations

import job
import redis
from huey import RedisHuey

huey = RedisHuey(
    "peer",
    utc=True,
    connection_pool=redis.ConnectionPool(connection_class=redis.UnixDomainSocketConnection, path=job.SOCKET),
)


@huey.task(name="send")  # its module is __main__ here and with_huey there
def send(account: int) -> None:
    """Post."""
    job.post(account)


if __name__ == "__main__":
    at, accounts = job.order()
    for account in accounts:
        send.schedule(args=(account,), eta=at.replace(tzinfo=None))  # Huey takes naive UTC
    job.all_set()
