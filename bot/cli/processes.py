"""`tongfa up` and `tongfa run`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from bot.runtime.processes import ROOT

from .common import at_work, now
from .output import REFUSED, Reply, command, start_django

if TYPE_CHECKING:
    from bot.runtime.paths import Home
    from bot.runtime.supervisor import Supervisor
    from config.env import Environment


@click.command("up")
@click.option("--port", default=8000, show_default=True, help="网页端口。")
@click.option("--host", default="127.0.0.1", show_default=True, help="网页监听地址。")
def up(port: int, host: str) -> None:
    """在本机启动全部进程，直到 Ctrl-C。"""
    from bot.runtime.locks import AlreadyRunningError
    from bot.runtime.paths import UnsafeFolderError
    from bot.runtime.supervisor import NotReadyError, stopping_on_signals
    from bot.runtime.valkey import NoBrokerError
    from config.env import load

    env = load()
    try:
        found = _prepared(env)
        supervisor = supervise(host, port, env, live=found["live"], rehearsal_port=found["rehearsal_port"])
        with stopping_on_signals(supervisor), supervisor:
            click.echo(f"{found['label']}已启动：http://{host}:{port}/　停止请按 Ctrl-C。")
            if found["taken_up"]:
                click.echo(found["taken_up"])
            supervisor.wait()
        click.echo("已停止。还没有发出的，下次启动后照签发的安排继续。")
    except (AlreadyRunningError, NotReadyError, NoBrokerError, UnsafeFolderError) as error:
        click.echo(f"未启动：{error}", err=True)
        sys.exit(REFUSED)


def _prepared(env: Environment) -> dict[str, Any]:
    """What `run prepare` found. In a process of its own: what it loads would stay in memory as long as the rest runs.

    It hears of the end from here alone, once, and is waited for: whoever cuts a migration short leaves a database without its
    rules. When this process is killed, the kernel tells it (bot/runtime/child.py).
    """
    words = [sys.executable, "-m", "bot.cli.main", "run", "prepare"]
    argv = [sys.executable, "-I", "-S", str(ROOT / "bot" / "runtime" / "child.py"), str(os.getpid()), *words]
    with _only_here(env.home):
        process = subprocess.Popen(
            argv, env=_environment(env), cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True
        )
        with _handed_on(process):
            told, _ = process.communicate()
    if process.returncode:
        sys.exit(process.returncode if process.returncode > 0 else REFUSED)
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    return found


def _only_here(home: Home) -> AbstractContextManager[None]:
    """Nobody else prepares, or runs, this home meanwhile. Raises AlreadyRunningError."""
    from bot.runtime.locks import only_one

    return only_one(home.run / "up.lock", home.path) if home.run.is_dir() else nullcontext()


@contextmanager
def _handed_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """The first request to end is handed on as SIGTERM. Afterwards that request ends this process, too."""
    asked: list[int] = []

    def hand_on(number: int, _: FrameType | None) -> None:
        if not asked:
            process.send_signal(signal.SIGTERM)
        asked.append(number)

    before = [(number, signal.signal(number, hand_on)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    if asked:
        click.echo("已中止，没有启动任何进程。", err=True)
        sys.exit(REFUSED)


def _environment(env: Environment, **more: str) -> dict[str, str]:
    """That of a child that is started from anywhere."""
    full = env.for_child(**more)
    full["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), full.get("PYTHONPATH")]))
    return full


def look_back() -> bool:
    """Whether the last run of this home ended in order. Of one that did not, what fell due meanwhile is written down."""
    from django.conf import settings

    from bot.runtime.supervisor import ended_in_order
    from bot.services import standstills

    clean = ended_in_order(settings.TONGFA.home)
    if not clean:
        standstills.interrupted(now=now())
    return clean


def supervise(host: str, port: int, env: Environment, *, live: bool, rehearsal_port: int) -> Supervisor:
    """A supervisor of everything that runs on one machine. Raises NoBrokerError or UnsafeFolderError."""
    from bot.runtime.processes import listening, programs
    from bot.runtime.supervisor import Supervisor

    found = programs(
        env.home, env.for_child(**env.on_port(port)), host=host, port=port,
        embedded_broker=env.embedded_broker, rehearsal=not live,
        rehearsal_ready=listening("127.0.0.1", rehearsal_port), trusted_proxy=env.trusted_proxy,
        rest=env.rest_after.total_seconds(),
    )  # fmt: skip
    return Supervisor(
        env.home, found,
        told=lambda name, status: click.echo(f"进程 {name} 意外结束（{status}），正在重新启动。", err=True),
    )  # fmt: skip


@click.group("run")
def run() -> None:
    """单独运行一个进程，容器里每个容器一个。"""


@run.command("prepare", hidden=True)
def run_prepare() -> None:
    """`tongfa up` 启动各进程以前要办的：核对环境，升级数据库，补记上次停下以后的事；结果是一行 JSON。"""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what has been begun is put right on the way out
    start_django()

    from bot.services import home, underway, wall
    from bot.services.errors import Refused

    try:
        facts = home.facts()
        wall.bring_up_to_date(
            clock=now, at_work=at_work()
        )  # a newer program on an older database, or rules that somebody took away
        taken_up = underway.taken_up(underway.work(now()), clean=look_back())
    except Refused as refusal:
        click.echo(f"未启动：{refusal}", err=True)
        sys.exit(REFUSED)
    except KeyboardInterrupt:
        sys.exit(REFUSED)  # `up` says so
    found = {"live": facts.live, "label": facts.label, "rehearsal_port": facts.rehearsal_port, "taken_up": taken_up}
    click.echo(json.dumps(found, ensure_ascii=True))


def _become(env: Environment, argv: tuple[str, ...], **more: str) -> None:
    """Turn into that process; its environment is this one's, and `more`."""
    full = _environment(env, **more)
    os.chdir(ROOT)
    os.execvpe(argv[0], argv, full)  # noqa: S606 - no shell is wanted


@run.command("clock")
def run_clock() -> None:
    """时钟：到点安排，照看未了之事。"""
    from bot.runtime.processes import clock_argv
    from config.env import load

    _become(load(), clock_argv())


@run.command("worker")
@click.option(
    "--queue", "queues", multiple=True, type=click.Choice(["publish", "work"]), help="只办某个队列，默认全部。"
)
@click.option("--concurrency", default=2, show_default=True, help="并行数。")
def run_worker(queues: tuple[str, ...], concurrency: int) -> None:
    """工作进程：准备、发送、核对、采集。"""
    from bot.runtime.processes import resting_argv
    from config.env import load

    env = load()
    _become(env, resting_argv(env.home, env.rest_after.total_seconds(), *queues, concurrency=concurrency))


@run.command("web")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
def run_web(host: str, port: int) -> None:
    """网页。"""
    from bot.runtime.processes import web_argv
    from config.env import load

    env = load()
    _become(env, web_argv(host, port, env.trusted_proxy), **env.on_port(port))


@run.command("rehearsal")
@click.option("--port", default=0, help="端口，默认为初始化时定下的端口。")
@click.option("--state", type=click.Path(path_type=Path), help="状态目录，默认在环境目录下。")
def run_rehearsal(port: int, state: Path | None) -> None:
    """演练平台：在本机扮演微信与微博。"""
    start_django()
    from django.conf import settings

    from bot.rehearsal import serve
    from bot.services import home
    from bot.services.errors import Refused

    try:
        facts = home.facts()
        home.rehearsal_url()
    except Refused as refusal:
        click.echo(f"未启动：{refusal.message}", err=True)
        sys.exit(REFUSED)
    folder = state or settings.TONGFA.home.path / "rehearsal"
    folder.mkdir(parents=True, exist_ok=True)
    serve(folder, "127.0.0.1", port or facts.rehearsal_port, announce=click.echo)


@run.command("once", hidden=True)
@click.argument(
    "kind", type=click.Choice(["send", "stage", "look", "measure", "gate", "preflight", "notify", "inspect"])
)
@click.argument("subject", type=int)
@click.argument("also", type=int, nargs=-1)
@command
def run_once(kind: str, subject: int, also: tuple[int, ...]) -> Reply:
    """办一件事（或同类的几件）然后结束：没有工作进程应门时由时钟调用。"""
    from bot.services import wall
    from bot.services.clock import Job, perform

    if kind == "send":
        wall.require_whole(now=now())
    job = Job(kind, subject, also)
    perform(job)
    return Reply({"kind": kind, "subject": subject}, [f"已办：{kind} {' '.join(map(str, job.subjects))}"])
