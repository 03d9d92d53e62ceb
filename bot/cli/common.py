"""Options and look-ups that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def now() -> datetime:
    """The present instant; commands are an edge, so they may read the clock."""
    return datetime.now(UTC)


def as_option(function: F) -> F:
    """`--as USER`: who acts."""
    return click.option("--as", "username", required=True, metavar="USER", help="以哪位人员的身份办理（登录名）。")(
        function
    )


class InstantParam(click.ParamType):  # type: ignore[type-arg]
    """An instant: ISO 8601 (Beijing time without an offset), or `+30s`, `+10m`, `+2h` from now."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """To an aware instant in UTC."""
        from bot.domain.instants import parse_instant

        if isinstance(value, datetime):
            return value
        try:
            if value.startswith("+"):
                unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[value[-1]]
                at = now() + timedelta(**{unit: float(value[1:-1])})
                return at.replace(microsecond=0) + timedelta(seconds=1)
            return parse_instant(value)
        except (ValueError, KeyError):
            self.fail(
                f"“{value}”不是有效的时刻。请写成 2026-11-24T09:00:00（北京时间）或 +30s、+10m、+2h。", param, ctx
            )


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
