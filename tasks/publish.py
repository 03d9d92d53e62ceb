"""The `publish` queue: sending only, so that staging or imports cannot fill it."""

from __future__ import annotations

from celery import shared_task

from bot.services.clock import Job, perform
from tasks import starting  # noqa: F401 - compares the database's rules when the worker starts


@shared_task(name="tasks.publish.send")  # type: ignore[untyped-decorator]
def send(batch_id: int) -> None:
    """Take one batch through its instant, if nobody else has it."""
    perform(Job("send", batch_id))
