"""config.celery_app: each setting guards against a way in which Celery loses or doubles work."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "config" / "celery_app.py"


@pytest.fixture(scope="module")
def conf():
    from config.celery_app import app

    return app.conf


def test_the_message_is_only_a_bell_so_nothing_is_acknowledged_late_or_redelivered(conf):
    assert conf.task_acks_late is False
    assert conf.task_reject_on_worker_lost is False
    assert conf.worker_prefetch_multiplier == 1
    assert conf.worker_disable_prefetch is True


def test_only_json_gets_in_and_nothing_is_left_behind(conf):
    assert conf.accept_content == ["json"]
    assert conf.task_serializer == "json"
    assert conf.result_backend is None
    assert conf.task_ignore_result is True


def test_nobody_can_steer_a_worker_through_the_broker(conf):
    assert conf.worker_enable_remote_control is False
    assert conf.worker_send_task_events is False


def test_the_visibility_timeout_is_far_above_every_hard_limit_and_set_wherever_it_is_read(conf):
    from bot.runtime.processes import PUBLISH_LIMITS, WORK_LIMITS

    assert conf.broker_transport_options["visibility_timeout"] == conf.visibility_timeout == 900
    assert (conf.task_soft_time_limit, conf.task_time_limit) == PUBLISH_LIMITS == (90, 120)
    assert WORK_LIMITS[1] * 2 < 900


def test_a_redis_that_blinks_never_kills_a_sender_and_never_hangs_a_caller(conf):
    assert conf.worker_cancel_long_running_tasks_on_connection_loss is False
    assert conf.broker_transport_options["socket_connect_timeout"] <= 2
    assert conf.task_publish_retry_policy["max_retries"] <= 2


def test_sending_has_its_own_queue_and_a_mistyped_queue_is_an_error(conf):
    from config.celery_app import app

    assert {queue.name for queue in conf.task_queues} == {"publish", "work"}
    assert conf.task_create_missing_queues is False
    route = app.amqp.router.route
    assert route({}, "tasks.publish.send_batch")["queue"].name == "publish"
    assert route({}, "tasks.work.stage")["queue"].name == "work"


def test_keys_carry_our_prefix_so_that_a_shared_redis_stays_tidy(conf):
    assert conf.broker_transport_options["global_keyprefix"] == "tongfa:"


def test_the_clock_is_ours(conf):
    assert conf.beat_scheduler == "tasks.clock:ClockScheduler"
    assert not conf.beat_schedule


def test_logging_stays_ours(conf):
    assert conf.worker_hijack_root_logger is False
    assert conf.worker_redirect_stdouts is False
    handlers = [node for node in ast.walk(ast.parse(SOURCE.read_text())) if isinstance(node, ast.FunctionDef)]
    assert any("setup_logging" in ast.unparse(decorator) for node in handlers for decorator in node.decorator_list)


def test_a_bell_and_its_answer_cross_the_embedded_broker(conf, valkey):
    """The address, the prefix and the queues as configured, over a real server."""
    from kombu import Connection

    with Connection(valkey.url, transport_options=conf.broker_transport_options) as connection:
        queue = next(queue for queue in conf.task_queues if queue.name == "publish")
        with connection.channel() as channel:
            bound = queue.bind(channel)
            bound.declare()
            producer = connection.Producer(channel=channel, routing_key="publish", exchange=queue.exchange)
            producer.publish({"id": 7}, serializer="json")
            message = bound.get()
            assert message.payload == {"id": 7}
            message.ack()
    import redis

    with redis.Redis(unix_socket_path=str(valkey.socket)) as client:
        assert all(key.startswith(b"tongfa:") for key in client.keys("*"))
