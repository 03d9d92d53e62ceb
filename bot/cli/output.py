"""How commands answer: Chinese lines for people, one JSON document for scripts; exit 0, 1, 2 or 3."""

from __future__ import annotations

import functools
import gc
import json
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, ParamSpec
from unicodedata import east_asian_width

import click

DONE, REFUSED, USAGE, IN_PART = 0, 1, 2, 3
MAKE_A_HOME = frozenset({"init", "restore"})
P = ParamSpec("P")
#: Commands that say themselves whether anything runs, or that work without it.
SPEAK_FOR_THEMSELVES = frozenset({"init", "doctor", "run_once", "restore"})


#: What services say in words that fit a page too, as commands: by the code of the refusal.
HINTS = {
    "gate": "tongfa release gate 编号 --go（不等网页，照发）或 --hold（继续暂停）",
    "option": "设置用 --set 名称=值 给出",
}


class Reply:
    """What a command found: `data` is the JSON document, `lines` what people read."""

    def __init__(self, data: dict[str, Any], lines: Iterable[str] = (), *, code: int = DONE) -> None:
        self.data, self.lines, self.code = data, list(lines), code


def command(function: Callable[P, Reply]) -> Callable[P, None]:
    """Give a command `--json`, print its reply, and turn refusals into exit 1 with a reason."""

    @click.option("--json", "as_json", is_flag=True, help="以一个 JSON 文档输出，供脚本使用。")
    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs.pop("as_json", False))
        start_django()
        from django.db import DatabaseError

        from bot.domain.channel import ChannelFault
        from bot.services import home
        from bot.services.errors import Refused
        from bot.services.transitions import Stale

        from . import outage

        try:
            if function.__name__ not in MAKE_A_HOME:
                home.facts()
            reply = function(*args, **kwargs)
        except Refused as refusal:
            _refuse(refusal.code, refusal.message, refusal.details, as_json)
        except Stale:
            _refuse(
                "overtaken", "刚刚有人或系统处理过同一条推送，这一次没有办理，未做改动。请查看现状后再办。", (), as_json
            )
        except ChannelFault as fault:
            _refuse(fault.code or str(fault.remedy), fault.message, (), as_json)
        except DatabaseError as error:
            if not outage.is_outage(error):
                raise
            _refuse(outage.CODE, outage.sentence(error), (), as_json)
        if as_json:
            document = {"ok": reply.code == DONE, "environment": _environment()[0], **reply.data}
            click.echo(json.dumps(document, ensure_ascii=False, default=str))
        else:
            click.echo(f"〔{_environment()[1]}〕", err=True)
            click.echo("\n".join(reply.lines))
            if function.__name__ not in SPEAK_FOR_THEMSELVES and (warning := _unattended()):
                click.echo(warning, err=True)
        sys.exit(reply.code)

    return wrapper


def _refuse(code: str, message: str, details: Sequence[str], as_json: bool) -> NoReturn:
    if as_json:
        document = {
            "ok": False,
            "environment": _environment()[0],
            "code": code,
            "message": message,
            "details": list(details),
        }
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        click.echo(f"〔{_environment()[1]}〕未办理：{message}", err=True)
        for detail in [*details, *([HINTS[code]] if code in HINTS else [])]:
            click.echo(f"  - {detail}", err=True)
    sys.exit(REFUSED)


def _unattended() -> str:
    """What nobody looks after because nothing runs here; "" when all is well. "正在核对" is no truth without a clock."""
    from django.conf import settings
    from django.db import DatabaseError

    from bot.runtime import alive
    from bot.services import underway

    from .common import now

    if alive.runs(settings.TONGFA.home, "clock"):
        return ""
    try:
        words = underway.work(now()).words
    except DatabaseError:
        return ""
    return (
        f"注意：本机没有运行 tongfa up（时钟），{words}，现在没有程序照看；请系统管理员运行 tongfa up。"
        if words
        else ""
    )


def _environment() -> tuple[str | None, str]:
    """Live or rehearsal: every answer says which, so that nobody mistakes a drill for the real thing."""
    from bot.services import home
    from bot.services.errors import Refused

    if not home.exists():
        return None, "尚未初始化"
    try:
        facts = home.facts()
    except Refused:
        return None, "环境文件损坏"
    return ("live" if facts.live else "rehearsal"), facts.label


def start_django() -> None:
    """Load settings and records; only commands that need them pay for it."""
    import django

    from config import env

    # Nearly all that a start makes is modules, which stay: by its own measure the collector would look through them a hundred
    # times and find nothing, a tenth of a short command. A process that stays for long turns into one that measures anew.
    gc.set_threshold(50_000, 20, 100)
    env.use_settings()
    django.setup()
    logging.getLogger("bot").setLevel(logging.WARNING)  # a terminal shows results, the processes' logs keep the rest


def width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a plain table, aligned for mixed Chinese and Latin text."""
    columns = list(zip(header, *rows, strict=True)) if rows else [(name,) for name in header]
    widths = [max(width(cell) for cell in column) for column in columns]

    def line(cells: Sequence[str]) -> str:
        padded = (cell + " " * (wide - width(cell)) for cell, wide in zip(cells, widths, strict=True))
        return "  ".join(padded).rstrip()

    return [line(header), "  ".join("-" * wide for wide in widths), *(line(row) for row in rows)]


def shorten(text: str, columns: int) -> str:
    """Cut to a number of terminal columns, with … where cut."""
    if width(text) <= columns:
        return text
    kept = ""
    for char in text:
        if width(kept + char) > columns - 2:
            break
        kept += char
    return kept + "…"
