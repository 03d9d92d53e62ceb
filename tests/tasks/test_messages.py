"""Celery carries ids and nothing else: no content, no time, no retry decision.

An ETA longer than the visibility timeout runs 1 + floor(ETA / timeout) times on Redis, all at one instant.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.services.clock import Job
from config.celery_app import CONF, app
from tasks import publish, work
from tasks.clock import TASKS

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = sorted(path for folder in ("bot", "tasks", "config") for path in (ROOT / folder).rglob("*.py"))
BY_TIME = {"eta", "countdown", "expires"}
CALLS = {"apply_async", "delay", "signature", "autoretry_for", "add_periodic_task", "chord", "chain"}
MODULES = (publish, work)


def _names(tree: ast.AST) -> Iterator[str]:
    """Keyword names, attributes, and imported names: what code can use of Celery."""
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg=str(name)):
                yield name
            case ast.Attribute(attr=name):
                yield name
            case ast.ImportFrom(module=str(module), names=names) if module.startswith("celery"):
                yield from (alias.name for alias in names)


def _celery_files() -> list[Path]:
    """Files that could send a message."""
    return [path for path in OURS if "celery" in path.read_text("utf-8")]


def test_there_are_files_to_look_at() -> None:
    assert {"tasks/clock.py", "tasks/publish.py", "tasks/work.py", "config/celery_app.py"} <= {
        path.relative_to(ROOT).as_posix() for path in _celery_files()
    }


@pytest.mark.parametrize("path", _celery_files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_message_of_ours_has_a_time_or_a_retry_in_it(path: Path) -> None:
    found = set(_names(ast.parse(path.read_text("utf-8"))))
    assert not found & (BY_TIME | CALLS)


def test_only_the_bell_sends_messages() -> None:
    """One place to look at when it matters what goes through the broker."""
    senders = [path for path in OURS if ".send_task(" in path.read_text("utf-8")]
    assert [path.relative_to(ROOT).as_posix() for path in senders] == ["tasks/clock.py"]


def _tasks() -> dict[str, object]:
    return {name: app.tasks[name] for name in TASKS.values()}


@pytest.mark.parametrize("kind", TASKS)
def test_a_task_takes_one_number_and_calls_one_service(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Job] = []
    for module in MODULES:
        monkeypatch.setattr(module, "perform", done.append)
    task = app.tasks[TASKS[kind]]
    only, *also = inspect.signature(task.run).parameters.values()
    assert all(more.name == "also" and more.default == () for more in also)
    assert only.annotation in (int, "int")
    task.run(17)
    assert done == [Job(kind, 17)]


@pytest.mark.parametrize("name", TASKS.values())
def test_a_task_that_fails_is_not_tried_again_by_celery(name: str) -> None:
    """The row is tried again, not the message."""
    task = app.tasks[name]
    assert not getattr(task, "autoretry_for", ())
    assert not task.acks_late
    assert not task.reject_on_worker_lost
    assert task.ignore_result


def test_sending_has_a_queue_of_its_own() -> None:
    router = app.amqp.router
    queues = {name: router.route({}, name)["queue"].name for name in TASKS.values()}
    assert queues == {
        "tasks.publish.send": "publish",
        "tasks.work.stage": "work",
        "tasks.work.look": "work",
        "tasks.work.measure": "work",
        "tasks.work.gate": "work",
        "tasks.work.preflight": "work",
        "tasks.work.notify": "work",
        "tasks.work.inspect": "work",
    }


def test_there_is_no_schedule_but_the_database() -> None:
    assert not app.conf.beat_schedule
    assert CONF["beat_scheduler"] == "tasks.clock:ClockScheduler"
    assert _tasks()
