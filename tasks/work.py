"""The `work` queue: everything that may wait a moment."""

from __future__ import annotations

from collections.abc import Sequence

from celery import shared_task

from bot.services.clock import Job, perform
from tasks import starting  # noqa: F401 - compares the database's rules when the worker starts


@shared_task(name="tasks.work.stage")  # type: ignore[untyped-decorator]
def stage(publication_id: int, also: Sequence[int] = ()) -> None:
    """Stage one publication, or several side by side."""
    perform(Job("stage", publication_id, tuple(also)))


@shared_task(name="tasks.work.look")  # type: ignore[untyped-decorator]
def look(publication_id: int, also: Sequence[int] = ()) -> None:
    """One read-only look at one publication, or at several."""
    perform(Job("look", publication_id, tuple(also)))


@shared_task(name="tasks.work.measure")  # type: ignore[untyped-decorator]
def measure(account_id: int) -> None:
    """Sample the due posts of one account."""
    perform(Job("measure", account_id))


@shared_task(name="tasks.work.gate")  # type: ignore[untyped-decorator]
def gate(gate_id: int) -> None:
    """Ask the portal about one release's page."""
    perform(Job("gate", gate_id))


@shared_task(name="tasks.work.preflight")  # type: ignore[untyped-decorator]
def preflight(preflight_id: int) -> None:
    """Run one pre-flight."""
    perform(Job("preflight", preflight_id))


@shared_task(name="tasks.work.notify")  # type: ignore[untyped-decorator]
def notify(notice_id: int) -> None:
    """Tell one target of its alarms."""
    perform(Job("notify", notice_id))


@shared_task(name="tasks.work.inspect")  # type: ignore[untyped-decorator]
def inspect(number: int) -> None:
    """Look at the installation itself."""
    perform(Job("inspect", number))
