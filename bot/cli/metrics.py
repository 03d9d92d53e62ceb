"""`tongfa metrics`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .common import acting, as_option, now
from .output import IN_PART, Reply, command, shorten, table


@click.group("metrics")
def metrics() -> None:
    """指标：采集、查看、导出。平台没有报告的数字显示为“—”，不是 0。"""


@metrics.command("pull")
@click.option("--account", "accounts", multiple=True, help="账号代号，可多次；默认全部。")
@click.option("--all", "everything", is_flag=True, help="不等到期，30 天内的全部采一遍。")
@command
def pull(accounts: tuple[str, ...], everything: bool) -> Reply:
    """采集到期的指标。"""
    from bot.models import Account
    from bot.services import accounts as desk
    from bot.services import measuring

    found = Account.objects.filter(slug__in=accounts) if accounts else Account.objects.all()
    results = [
        measuring.measure_account(account.pk, now=now, everything=everything) for account in found.order_by("pk")
    ]
    lines = [
        f"{r.account.name}：{r.posts} 条推送、{r.by_hand} 篇手工发布，采到 {r.samples} 组数字"
        + (f"；其中 {r.early} 条还没有数字：{desk.spec_of(r.account).metrics_lag}" if r.early else "")
        + (f"；{r.fault}" if r.fault else "")
        for r in results
    ]
    data = [
        {
            "account": r.account.slug, "publications": r.posts, "by_hand": r.by_hand, "samples": r.samples,
            "early": r.early, "fault": r.fault,
        }
        for r in results
    ]  # fmt: skip
    return Reply({"accounts": data}, lines, code=IN_PART if any(r.fault for r in results) else 0)


@metrics.command("show")
@as_option
@command
def show(username: str) -> Reply:
    """每篇一行：计划与实际时刻、链接、最新数字。"""
    from bot.services import exporting

    unit = acting(username).unit
    rows, numbers = list(exporting.rows(unit)), exporting.numbers_of(unit)
    shown = [
        [
            shorten(row["title"], 40),
            row["account"],
            row["planned"],
            row["late_ms"],
            *(dash(row[name]) for name in numbers),
        ]
        for row in rows
    ]
    return Reply({"items": rows}, table(["标题", "账号", "计划", "晚(ms)", *numbers.values()], shown))


def dash(value: Any) -> str:
    """Not reported is a dash, never 0."""
    return "—" if value is None else str(value)


@metrics.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@as_option
@command
def export(file: Path, username: str) -> Reply:
    """导出为 .csv 或 .xlsx（按文件名后缀）。"""
    from bot.services import exporting

    count = exporting.write(file, acting(username).unit)
    return Reply({"file": str(file), "rows": count}, [f"已导出 {count} 行到 {file}。"])
