"""Options and look-ups that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from bot.models import Person

F = TypeVar("F", bound=Callable[..., Any])


def now() -> datetime:
    """The present instant; commands are an edge, so they may read the clock."""
    return datetime.now(UTC)


def acting(username: str) -> Person:
    """The person a command acts as. Refused when there is none of that name, or they are disabled."""
    from bot.services import deputies

    return deputies.acting(username, now=now())


def as_option(function: F) -> F:
    """`--as USER`: who acts."""
    return click.option("--as", "username", required=True, metavar="USER", help="以哪位人员的身份办理（登录名）。")(
        function
    )


class InstantParam(click.ParamType):  # type: ignore[type-arg]
    """An instant: date, time and offset (`2026-12-01T09:00+08:00`), or `+30s`, `+10m`, `+2h`, `+1d` from now."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """To an aware instant in UTC."""
        from bot.domain.instants import NaiveInstantError, parse_instant

        if isinstance(value, datetime):
            return value
        try:
            return _ahead(value) if value.startswith("+") else parse_instant(value)
        except NaiveInstantError:
            plain = value.strip().replace(" ", "T")
            self.fail(f"“{value}”没有写时区，不作猜测。北京时间请写成 {plain}+08:00；也可以写 {FROM_NOW}。", param, ctx)
        except (ValueError, OverflowError):
            self.fail(f"“{value}”不是有效的时刻。{HOW_TO_WRITE}", param, ctx)


FROM_NOW = "+30s、+10m、+2h、+1d（从现在起）"
HOW_TO_WRITE = f"请写明日期、时间和时区，如 2026-12-01T09:00+08:00（+08:00 是北京时间），或 {FROM_NOW}。"
_AHEAD = re.compile(r"\+([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _ahead(text: str) -> datetime:
    """So long from now, at a full second."""
    from bot.domain.instants import require_sensible

    found = _AHEAD.fullmatch(text)
    if found is None:
        raise ValueError("not a length of time")
    at = now() + timedelta(**{_UNITS[found[2]]: float(found[1])})
    return require_sensible(at.replace(microsecond=0) + timedelta(seconds=1))


INSTANT = InstantParam()


class SpanParam(click.ParamType):  # type: ignore[type-arg]
    """A length of time: `90s`, `10m`, `1h`."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """To a timedelta of whole seconds."""
        if isinstance(value, timedelta):
            return value
        unit = {"s": 1, "m": 60, "h": 3600}.get(value[-1:])
        if unit is None or not value[:-1].isascii() or not value[:-1].isdigit() or len(value) > 6:
            self.fail(f"“{value}”不是有效的时长。请写成 90s、10m 或 1h。", param, ctx)
        return timedelta(seconds=int(value[:-1]) * unit)


SPAN = SpanParam()


def pairs(values: tuple[str, ...], name: str) -> dict[str, str]:
    """`NAME=VALUE` options as a dict."""
    found: dict[str, str] = {}
    for value in values:
        key, mark, rest = value.partition("=")
        if not mark or not key:
            raise click.UsageError(f"--{name} 应写成 名称=值，收到的是“{value}”。")
        found[key] = rest
    return found


def chosen(value: str, known: Mapping[str, str], what: str) -> str:
    """The code that a person means by its code or its Chinese name. `known`: code -> name. A usage error otherwise."""
    found = next((code for code, label in known.items() if value in {code, label}), None)
    if found is None:
        words = "、".join(f"{label}（{code}）" for code, label in known.items())
        raise click.UsageError(f"没有{what}“{value}”。可用的有：{words}。")
    return found


def secret_from(*, file: str | None, variable: str | None) -> str | None:
    """A secret from a file or an environment variable, never from an argument."""
    from django.conf import settings

    if file:
        try:
            return Path(file).read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"读不到文件 {file}：{error.__class__.__name__}。") from None
    if variable:
        value = settings.TONGFA.variable(variable)
        if value is None:
            raise click.UsageError(f"环境变量 {variable} 没有设置。")
        return str(value.reveal())
    return None


_AT_WORK = {"clock": "时钟进程", "worker-publish": "发布进程", "worker-work": "工作进程"}


def at_work() -> list[str]:
    """What of this home runs on this host and writes records, in staff's words."""
    from django.conf import settings

    from bot.runtime import alive

    return [words for name, words in _AT_WORK.items() if alive.runs(settings.TONGFA.home, name)]
