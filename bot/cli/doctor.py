"""`tongfa doctor`."""

from __future__ import annotations

from typing import Any

import click

from .common import now
from .output import IN_PART, Reply, command


def _clock() -> Any:
    """Does the clock go round? Without it nothing leaves."""
    from django.conf import settings

    from bot.domain.channel import CheckResult
    from bot.runtime import alive
    from bot.services import underway

    if alive.runs(settings.TONGFA.home, "clock"):
        return CheckResult("时钟进程", True, "正在运行", code="clock_process")
    waits = underway.work(now()).words
    return CheckResult(
        "时钟进程",
        False,
        "没有在本机运行，到点不会发布" + (f"；现在没有程序照看的：{waits}" if waits else ""),
        code="clock_process",
        remedy="请系统管理员运行 tongfa up（或 tongfa run clock）。",
    )


def _broker() -> Any:
    """The broker is only a doorbell: without it the clock does the work itself, seconds slower."""
    from bot.domain.channel import CheckResult
    from config.celery_app import app

    options = {**app.conf.broker_transport_options, "socket_timeout": 2, "socket_connect_timeout": 2, "max_retries": 0}
    try:
        with app.connection_for_write(connect_timeout=2, transport_options=options) as connection:
            connection.ensure_connection(max_retries=0, timeout=2)
    except Exception:  # a broker is missing in many ways
        return CheckResult(
            "消息中转", True, "连不上，发布照常，只是每一步慢几秒。", warning=True,
            code="broker", remedy="请系统管理员启动 tongfa up，或检查 BROKER_URL。",
        )  # fmt: skip
    return CheckResult("消息中转", True, "可以连接", code="broker")


def check_lines(result: Any) -> list[str]:
    """A check for people: what was found and, where something is wrong, who must do what."""
    mark = ("！" if result.warning else "✓") if result.ok else "✗"
    lines = [f"{mark} {result.name}：{result.message}"]
    if result.remedy and (result.warning or not result.ok):
        lines.append(f"    → {result.remedy}")
    return lines


def _examined(*, ask_platforms: bool) -> list[Any]:
    """All checks; where the database is in the way of them, that alone."""
    from django.db import DatabaseError

    from bot.domain.channel import CheckResult
    from bot.services import health

    from . import outage

    try:
        clock = _clock()
        return [clock, *health.examine(now=now(), ask_platforms=ask_platforms, running=clock.ok)]
    except DatabaseError as error:
        if not outage.is_outage(error):
            raise
        what, remedy = outage.told(error)
        words = f"{what}，到点不会发布，其他各项查不了"
        return [CheckResult("数据库", False, words, code=outage.CODE, remedy=remedy)]


@click.command("doctor")
@click.option("--offline", is_flag=True, help="不询问平台，只看本机。")
@command
def doctor(offline: bool) -> Reply:
    """体检：看有什么会妨碍今明两天（至少 36 小时内）的发布，谁来做什么。有问题时退出码为 3。"""
    results = [*_examined(ask_platforms=not offline), _broker()]
    lines = [line for result in results for line in check_lines(result)]
    bad = sum(1 for result in results if not result.ok)
    lines.append("没有发现会妨碍发布的问题。" if not bad else f"有 {bad} 项会妨碍发布，请先处理。")
    return Reply({"checks": [result.line() for result in results]}, lines, code=IN_PART if bad else 0)
