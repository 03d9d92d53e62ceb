"""`tongfa doctor`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from .common import now
from .output import IN_PART, Reply, command


def _clock() -> Any:
    """Does the clock go round? Without it nothing leaves."""
    from django.conf import settings

    from bot.domain.channel import CheckResult
    from bot.runtime import alive

    seconds = alive.age(settings.TONGFA.home, "clock")
    if seconds is not None and seconds <= alive.FRESH:
        return CheckResult("时钟进程", True, "正在运行")
    return CheckResult("时钟进程", False, "没有在本机运行，到点不会发布。请运行 tongfa up（或 tongfa run clock）")


@click.command("doctor")
@click.option("--offline", is_flag=True, help="不询问平台，只看本机。")
@command
def doctor(offline: bool) -> Reply:
    """体检：看有什么会妨碍下一次发布。有问题时退出码为 3。"""
    from bot.services import health

    results = [*health.examine(now=now(), ask_platforms=not offline), _clock()]
    marks = [("！" if result.warning else "✓") if result.ok else "✗" for result in results]
    lines = [f"{mark} {result.name}：{result.message}" for mark, result in zip(marks, results, strict=True)]
    bad = sum(1 for result in results if not result.ok)
    lines.append("没有发现会妨碍发布的问题。" if not bad else f"有 {bad} 项会妨碍发布，请先处理。")
    return Reply({"checks": [asdict(result) for result in results]}, lines, code=IN_PART if bad else 0)
