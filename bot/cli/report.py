"""`tongfa report`: the figures and rows of the page 数据与报表, and its files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .common import F, acting, as_option, now
from .output import Reply, command, shorten, table

if TYPE_CHECKING:
    from bot.models import Unit
    from bot.services.reporting import Cards, Reads
    from bot.services.reportperiods import Period
    from bot.services.reportrows import Entry, Row

_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_QUARTER = re.compile(r"([0-9]{4})[Qq]([1-4])")


@click.group("report")
def report() -> None:
    """报表：一个月、一个季度或自选时段的数据，与“数据与报表”页面相同。"""


def period_options(function: F) -> F:
    """`--month`, `--quarter`, or `--from` and `--to`: the days that are meant, this month where none is given."""
    options = (
        click.option("--month", metavar="MONTH", default="", help="月份，如 2026-11；什么时段都不写就是本月。"),
        click.option("--quarter", metavar="QUARTER", default="", help="季度，如 2026Q4。"),
        click.option("--from", "first", metavar="DATE", default="", help="自选时段从哪一天起（北京日期，如 2026-11-01）。"),
        click.option("--to", "last", metavar="DATE", default="", help="自选时段到哪一天止，含这一天。"),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


@report.command("show")
@period_options
@as_option
@command
def show(month: str, quarter: str, first: str, last: str, username: str) -> Reply:
    """汇总数字和逐条明细。未统计的数字显示为“—”，不是 0。"""
    from bot.services import reporting, reportrows

    unit, period = _reader(username), _period(month, quarter, first, last)
    told, rows = reporting.cards(unit, period), list(reportrows.every(unit, period))
    lines = [_line(cells) for cells in reportrows.summary(unit, period, told)]
    data = {"unit": unit.code, "period": _days(period), "figures": _figures(told), "items": [_row(row) for row in rows]}
    return Reply(data, [*lines, *(["", *_table(rows)] if rows else ["这一时段没有发布的内容。"])])


@report.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@period_options
@as_option
@command
def export(file: Path, month: str, quarter: str, first: str, last: str, username: str) -> Reply:
    """导出为 .csv 或 .xlsx（按文件名后缀），同名文件会被覆盖。"""
    from bot.services import reportrows

    unit, period = _reader(username), _period(month, quarter, first, last)
    count = reportrows.write(file, unit, period)
    words = f"已导出{period.name}的 {count} 条到 {file}。"
    return Reply({"unit": unit.code, "period": _days(period), "file": str(file), "rows": count}, [words])


def _reader(username: str) -> Unit:
    """The unit of someone who may see its figures, as on the page."""
    from bot.services.people import require_reader

    who = acting(username)
    require_reader(who)
    return who.unit


def _period(month: str, quarter: str, first: str, last: str) -> Period:
    """The one period that was given; a usage error where there are several, or where one is none."""
    from bot.services import reportperiods
    from bot.services.errors import Refused
    from bot.services.reportperiods import Choice

    if sum(map(bool, (month, quarter, first or last))) > 1:
        raise click.UsageError("--month、--quarter 和 --from/--to 只能写一种。")
    if bool(first) != bool(last):
        raise click.UsageError("--from 和 --to 要同时写，如 --from 2026-11-01 --to 2026-11-15。")
    try:
        if month:
            return reportperiods.period_of(Choice.MONTH, today=_first_of_month(month))
        if quarter:
            return reportperiods.period_of(Choice.QUARTER, today=_first_of_quarter(quarter))
        if first:
            return reportperiods.period_of(
                Choice.OWN, today=date.min, first=_day("--from", first), last=_day("--to", last)
            )
    except Refused as refused:
        raise click.UsageError(refused.message) from None
    return reportperiods.period_of(Choice.MONTH, today=reportperiods.today_of(now()))


def _first_of_month(text: str) -> date:
    found = _MONTH.fullmatch(text)
    return _sensible(f"{found[1]}-{found[2]}-01" if found else "", f"“{text}”不是月份，--month 请写成 2026-11。")


def _first_of_quarter(text: str) -> date:
    found = _QUARTER.fullmatch(text)
    month = int(found[2]) * 3 - 2 if found else 0
    return _sensible(
        f"{found[1]}-{month:02}-01" if found else "", f"“{text}”不是季度，--quarter 请写成 2026Q4（Q1 至 Q4）。"
    )


def _day(option: str, text: str) -> date:
    return _sensible(text, f"“{text}”不是日期，{option} 请写成 2026-11-01。")


def _sensible(text: str, complaint: str) -> date:
    """A day of a year in which there can be figures, or a usage error."""
    from bot.services.reportperiods import YEARS

    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise click.UsageError(complaint) from None
    if day.year not in YEARS:
        raise click.UsageError(f"{complaint}年份须在 {YEARS.start} 至 {YEARS.stop - 1} 之间。")
    return day


# --- in words -----------------------------------------------------------------------------------------------------


def _line(cells: tuple[str | float, ...]) -> str:
    head, value, *rest = map(str, cells)
    return f"{head}：{value}" + (f"（{rest[0]}）" if rest else "")


def _table(rows: list[Row]) -> list[str]:
    from bot.domain.instants import show as in_beijing

    cells = [
        [
            shorten(row.title, 40),
            str(row.release or "手工"),
            in_beijing(row.planned, seconds=False) if row.planned else "—",
            entry.account.name,
            entry.words or ("手工发布" if entry.by_hand else "已发布"),
            "，".join(_numbers(entry)) or "—",
        ]
        for row in rows
        for entries in row.cells.values()
        for entry in entries
    ]
    return table(["标题", "发布单", "计划", "账号", "情况", "数字"], cells)


def _numbers(entry: Entry) -> Iterator[str]:
    from bot import channels
    from bot.domain.sampling import metric_words

    kind = channels.kinds().get(entry.account.channel)
    words = metric_words(kind.spec) if kind else metric_words()
    for name, number in entry.numbers.items():
        if number is not None and name in words:
            yield f"{words[name]} {number}"


# --- for scripts --------------------------------------------------------------------------------------------------


def _days(period: Period) -> dict[str, str]:
    return {"name": period.name, "first": period.first.isoformat(), "last": period.last.isoformat()}


def _figures(told: Cards) -> dict[str, Any]:
    worst = told.worst
    return {
        "published": told.published, "by_hand": told.by_hand, "sent": told.sent, "on_time": told.on_time,
        "worst_ms": worst.late_ms if worst else None, "worst_release": worst.release if worst else None,
        "corrections": told.corrections, "withdrawn": told.withdrawn, "reads": [_reads(one) for one in told.reads],
    }  # fmt: skip


def _reads(one: Reads) -> dict[str, Any]:
    return {"channel": one.channel, "total": one.total, "known": one.known, "posts": one.posts, "note": one.note}


def _row(row: Row) -> dict[str, Any]:
    return {
        "document": row.external_id, "document_number": row.document_number, "title": row.title, "edition": row.edition,
        "release": row.release, "planned": row.planned.isoformat() if row.planned else None,
        "posts": [_post(entry) for entries in row.cells.values() for entry in entries],
    }  # fmt: skip


def _post(entry: Entry) -> dict[str, Any]:
    return {
        "account": entry.account.slug, "actual": entry.actual.isoformat() if entry.actual else None, "out": entry.out,
        "by_hand": entry.by_hand, "words": entry.words, "url": entry.url, "numbers": dict(entry.numbers),
    }  # fmt: skip
