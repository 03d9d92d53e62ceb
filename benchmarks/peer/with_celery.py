"""Celery: `eta` tasks on Redis."""

from __future__ import annotations

import job
from celery import Celery

app = Celery("with_celery", broker=f"redis+socket://{job.SOCKET}")
app.conf.broker_connection_retry_on_startup = True


@app.task(name="send", ignore_result=True)
def send(account: int) -> None:
    """Post."""
    job.post(account)


if __name__ == "__main__":
    at, accounts = job.order()
    for account in accounts:
        send.apply_async((account,), eta=at)
    job.all_set()
