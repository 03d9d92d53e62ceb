"""`tongfa up` and `tongfa run`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from .common import at_work, now
from .output import REFUSED, Reply, command, start_django


@click.command("up")
@click.option("--port", default=8000, show_default=True, help="网页端口。")
@click.option("--host", default="127.0.0.1", show_default=True, help="网页监听地址。")
def up(port: int, host: str) -> None:
    """在本机启动全部进程，直到 Ctrl-C。"""
    start_django()

    from bot.runtime.locks import AlreadyRunningError
    from bot.runtime.paths import UnsafeFolderError
    from bot.runtime.supervisor import NotReadyError, stopping_on_signals
    from bot.runtime.valkey import NoBrokerError
    from bot.services import home, underway, wall
    from bot.services.errors import Refused

    try:
        home.facts()
        wall.bring_up_to_date(
            clock=now, at_work=at_work()
        )  # a newer program on an older database, or rules that somebody took away
        found = underway.taken_up(underway.work(now()), clean=look_back())
        supervisor = supervise(host, port)
        with stopping_on_signals(supervisor), supervisor:
            click.echo(f"{home.facts().label}已启动：http://{host}:{port}/　停止请按 Ctrl-C。")
            if found:
                click.echo(found)
            supervisor.wait()
        click.echo("已停止。还没有发出的，下次启动后照签发的安排继续。")
    except (AlreadyRunningError, NotReadyError, NoBrokerError, UnsafeFolderError, Refused) as error:
        click.echo(f"未启动：{error}", err=True)
        sys.exit(REFUSED)


def look_back() -> bool:
    """Whether the last run of this home ended in order. Of one that did not, what fell due meanwhile is written down."""
    from django.conf import settings

    from bot.runtime.supervisor import ended_in_order
    from bot.services import standstills

    clean = ended_in_order(settings.TONGFA.home)
    if not clean:
        standstills.interrupted(now=now())
    return clean


def supervise(host: str, port: int) -> Any:
    """A supervisor of everything that runs on one machine."""
    from django.conf import settings

    from bot.runtime.processes import listening, programs
    from bot.runtime.supervisor import Supervisor
    from bot.services import home

    facts = home.facts()
    found = programs(
        settings.TONGFA.home, settings.TONGFA.for_child(**settings.TONGFA.on_port(port)), host=host, port=port,
        embedded_broker=settings.TONGFA.embedded_broker, rehearsal=not facts.live,
        rehearsal_ready=listening("127.0.0.1", facts.rehearsal_port), trusted_proxy=settings.TONGFA.trusted_proxy,
    )  # fmt: skip
    return Supervisor(
        settings.TONGFA.home, found,
        told=lambda name, status: click.echo(f"进程 {name} 意外结束（{status}），正在重新启动。", err=True),
    )  # fmt: skip


@click.group("run")
def run() -> None:
    """单独运行一个进程，容器里每个容器一个。"""


def _become(argv: tuple[str, ...], *, port: int | None = None) -> None:
    """Turn into that process; its environment is this one's, with the address of the pages where they are on `port`."""
    start_django()
    from django.conf import settings

    from bot.runtime.processes import ROOT

    env = settings.TONGFA.for_child(**(settings.TONGFA.on_port(port) if port else {}))
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")]))
    os.chdir(ROOT)
    os.execvpe(argv[0], argv, env)  # noqa: S606 - no shell is wanted


@run.command("clock")
def run_clock() -> None:
    """时钟：到点安排，照看未了之事。"""
    from bot.runtime.processes import clock_argv

    _become(clock_argv())


@run.command("worker")
@click.option(
    "--queue", "queues", multiple=True, type=click.Choice(["publish", "work"]), help="只办某个队列，默认全部。"
)
@click.option("--concurrency", default=2, show_default=True, help="并行数。")
def run_worker(queues: tuple[str, ...], concurrency: int) -> None:
    """工作进程：准备、发送、核对、采集。"""
    from bot.runtime.processes import worker_argv

    _become(worker_argv(*queues, concurrency=concurrency))


@run.command("web")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
def run_web(host: str, port: int) -> None:
    """网页。"""
    from bot.runtime.processes import web_argv

    start_django()
    from django.conf import settings

    _become(web_argv(host, port, settings.TONGFA.trusted_proxy), port=port)


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
