"""What Tongfa's idle cost is compared with: a Celery app as the first steps of its manual make it, and beat."""

from __future__ import annotations

import os

from celery import Celery

app = Celery("plain", broker=os.environ.get("PLAIN_BROKER", "memory://"))
app.conf.beat_schedule = {"scan": {"task": "scan", "schedule": 60.0}}


@app.task(name="scan")  # type: ignore[untyped-decorator]
def scan() -> None:
    """The due rows of a table, were there one."""
