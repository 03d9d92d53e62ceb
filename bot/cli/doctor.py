"""`tongfa doctor`."""

from __future__ import annotations

from dataclasses import asdict

import click

from .common import now
from .output import IN_PART, Reply, command


@click.command("doctor")
@click.option("--offline", is_flag=True, help="不询问平台，只看本机。")
@command
def doctor(offline: bool) -> Reply:
    """体检：看有什么会妨碍下一次发布。有问题时退出码为 3。"""
    from bot.services import health

    results = health.examine(now=now(), ask_platforms=not offline)
    marks = [("！" if result.warning else "✓") if result.ok else "✗" for result in results]
    lines = [f"{mark} {result.name}：{result.message}" for mark, result in zip(marks, results, strict=True)]
    bad = sum(1 for result in results if not result.ok)
    lines.append("没有发现会妨碍发布的问题。" if not bad else f"有 {bad} 项会妨碍发布，请先处理。")
    return Reply({"checks": [asdict(result) for result in results]}, lines, code=IN_PART if bad else 0)
