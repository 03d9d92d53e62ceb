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


@huey.task()
def send(account: int) -> None:
    """Post."""
    job.post(account)


if __name__ == "__main__":
    from with_huey import send as known  # the consumer knows it by this module's name, not as __main__'s

    at, accounts = job.order()
    for account in accounts:
        known.schedule(args=(account,), eta=at.replace(tzinfo=None))  # Huey takes naive UTC
    job.all_set()
