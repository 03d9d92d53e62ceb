"""RQ: `enqueue_at`, by its own scheduler."""

from __future__ import annotations

import job
import redis
from rq import Queue

if __name__ == "__main__":
    at, accounts = job.order()
    queue = Queue(connection=redis.Redis(unix_socket_path=job.SOCKET))
    for account in accounts:
        queue.enqueue_at(at, job.post, account, result_ttl=0)
    job.all_set()
