"""The Celery app: `celery -A config.celery_app`. The broker is a doorbell; rows, not messages, are retried.

Why each setting is what it is was measured beforehand and stands in docs/adr. In short: no ETA or countdown, no
late acknowledgement, no result backend, no remote control, ids only and as JSON.
"""

from __future__ import annotations

from typing import Any

import django
import structlog
from celery import Celery, bootsteps
from celery.signals import setup_logging
from django.apps import apps
from kombu.entity import Exchange, Queue

from bot.runtime import alive
from config import env

env.use_settings()
if not apps.ready and not apps.app_configs:
    django.setup()

from django.conf import settings  # noqa: E402 - readable only once Django knows its settings

log = structlog.get_logger(__name__)

VISIBILITY = 900
"""Seconds; far above every hard limit, since a task that outlives it would be handed out again."""

BRPOP_SECONDS = 5
"""How long a worker asks the broker to hold its question. A bell ends it at once; idle, it is all that is asked."""

PUBLISH_SOFT, PUBLISH_HARD = 90, 120

EXCHANGE = Exchange("tongfa", type="direct")  # type: ignore[no-untyped-call]


def _queue(name: str) -> Queue:
    """A queue with its own key; without one Celery would bind both under the default's, and mix them."""
    return Queue(name, EXCHANGE, routing_key=name)  # type: ignore[no-untyped-call]


CONF: dict[str, Any] = {
    "broker_url": settings.TONGFA.broker_url.reveal(),
    "broker_connection_timeout": 2,
    "broker_connection_retry_on_startup": True,
    "broker_transport_options": {
        "visibility_timeout": VISIBILITY,
        "socket_timeout": 30,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 25,
        "reauth_check_interval": 3600,
        "polling_interval": BRPOP_SECONDS,
        "unacked_restore_interval": 60,
        "global_keyprefix": "tongfa:",
    },
    "visibility_timeout": VISIBILITY,
    "result_backend": None,
    "task_ignore_result": True,
    "task_store_errors_even_if_ignored": False,
    "task_serializer": "json",
    "result_serializer": "json",
    "accept_content": ["json"],
    "task_acks_late": False,
    "task_reject_on_worker_lost": False,
    "task_soft_time_limit": PUBLISH_SOFT,
    "task_time_limit": PUBLISH_HARD,
    "task_publish_retry_policy": {"max_retries": 2, "interval_start": 0.2, "interval_step": 0.2, "interval_max": 0.5},
    "task_create_missing_queues": False,
    "task_default_queue": "work",
    "task_queues": (_queue("publish"), _queue("work")),
    "task_routes": {"tasks.publish.*": {"queue": "publish"}, "tasks.work.*": {"queue": "work"}},
    "worker_prefetch_multiplier": 1,
    "worker_disable_prefetch": True,
    "worker_max_tasks_per_child": 200,
    "worker_max_memory_per_child": 300_000,
    "worker_soft_shutdown_timeout": 30,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "beat_scheduler": "tasks.clock:ClockScheduler",
    "enable_utc": True,
    "timezone": "UTC",
}

app = Celery("tongfa", set_as_current=True)
app.conf.update(CONF)
app.autodiscover_tasks(["tasks"], related_name="publish")
app.autodiscover_tasks(["tasks"], related_name="work")


@setup_logging.connect  # type: ignore[untyped-decorator]
def keep_our_logging(**_: object) -> None:
    """A listener on this signal keeps Celery from laying its own logging over Django's (which is ours)."""


class SignOfLife(bootsteps.StartStopStep):  # type: ignore[misc]
    """Touches the worker's file from its own event loop: see `bot.runtime.alive`."""

    requires = {"celery.worker.components:Timer"}  # noqa: RUF012 - Celery's own form

    def start(self, parent: Any) -> None:
        """Begin once the worker's timer exists."""
        name = f"worker-{parent.hostname.partition('@')[0]}"
        parent.timer.call_repeatedly(10.0, _touch, (name,))
        _touch(name)


def _touch(name: str) -> None:
    try:
        alive.touch(settings.TONGFA.home, name)
    except OSError:
        log.warning("sign_of_life_failed", process=name)  # the health check says the same, to whoever watches


app.steps["worker"].add(SignOfLife)


class Quiet(bootsteps.StartStopStep):  # type: ignore[misc]
    """Takes back a timer that could never find anything to do: whether a queue of ours is about to expire, asked each second.

    No queue of ours expires. That question was most of what an idle worker woke up for (docs/explanation/performance.md).
    """

    requires = {"celery.worker.consumer.connection:Connection"}  # noqa: RUF012 - Celery's own form

    def start(self, parent: Any) -> None:
        """Again after every reconnection: the transport sets its timers anew."""
        cycle = getattr(parent.connection.transport, "cycle", None)
        if entry := getattr(cycle, "_binding_expiry_tref", None):
            entry.cancel()


app.steps["consumer"].add(Quiet)
