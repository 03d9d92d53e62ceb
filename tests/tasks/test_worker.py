"""What an idle worker wakes up for: to take a bell, to look after its children, to give a sign of life; nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from celery import Celery
from kombu.asynchronous.hub import Hub
from kombu.connection import Connection

from config.celery_app import CONF, Quiet, app
from tests.support.broker import Broker


@pytest.fixture
def connection(valkey: Broker) -> Iterator[Connection]:
    """A worker's connection to its broker, in an event loop that does not turn."""
    ours = Celery("test", set_as_current=False)
    ours.conf.update(CONF | {"broker_url": valkey.url})
    hub = Hub()
    with ours.connection_for_read() as made:
        made.ensure_connection(max_retries=1)
        made.transport.register_with_event_loop(made.connection, hub)
        made.hub = hub
        yield made
    hub.close()


def soonest(hub: Hub) -> float:
    """Seconds until the first thing that the transport has asked the loop for."""
    return min(entry.eta for entry in hub.timer.queue if not entry.entry.cancelled) - time.monotonic()


def test_as_it_comes_the_transport_asks_each_second_whether_a_queue_expires(connection: Connection) -> None:
    assert soonest(connection.hub) <= 1


def test_no_queue_of_ours_expires() -> None:
    assert [queue.name for queue in app.amqp.queues.values() if queue.expires or queue.queue_arguments] == []


def test_so_that_question_is_taken_back_and_the_others_are_left(connection: Connection) -> None:
    before = len([entry for entry in connection.hub.timer.queue if not entry.entry.cancelled])
    Quiet(None).start(SimpleNamespace(connection=connection))
    after = [entry for entry in connection.hub.timer.queue if not entry.entry.cancelled]
    assert len(after) == before - 1
    assert soonest(connection.hub) > 10


def test_a_transport_without_that_question_is_left_alone() -> None:
    Quiet(None).start(SimpleNamespace(connection=SimpleNamespace(transport=SimpleNamespace())))


def test_every_worker_does_so_once_it_is_connected() -> None:
    assert Quiet in app.steps["consumer"]
    assert {"celery.worker.consumer.connection:Connection"} == Quiet.requires
