"""What staff type about an account, out of a form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpRequest

from bot.domain.channel import ChannelSpec
from bot.models import Account
from bot.services.errors import Refused

MOST = 500  # characters of one field


@dataclass(frozen=True, slots=True)
class Settings:
    """The fields of the form, as typed. Of a table only what was filled in."""

    slug: str
    name: str
    mode: str
    proxy: str
    options: Mapping[str, str]
    endpoints: Mapping[str, str]


def typed(request: HttpRequest, name: str) -> str:
    """One line of a form."""
    return str(request.POST.get(name, "")).strip()[:MOST]


def settings(request: HttpRequest, spec: ChannelSpec) -> Settings:
    """Everything that a new account needs."""
    return Settings(
        typed(request, "slug"), typed(request, "name"), typed(request, "mode"), typed(request, "proxy"),
        _table(request, "option", [option.name for option in spec.options]),
        _table(request, "endpoint", spec.endpoints),
    )  # fmt: skip


def _table(request: HttpRequest, prefix: str, names: Any) -> dict[str, str]:
    found = {name: typed(request, f"{prefix}-{name}") for name in names}
    return {name: value for name, value in found.items() if value}


def changes(request: HttpRequest, account: Account, spec: ChannelSpec) -> dict[str, Any]:
    """Only what differs from what stands: what was not touched is not looked at."""
    plain = {name: typed(request, name) for name in ("name", "mode", "proxy")}
    changed: dict[str, Any] = {name: value for name, value in plain.items() if value != getattr(account, name)}
    options = {option.name: typed(request, f"option-{option.name}") for option in spec.options}
    changed["options"] = {name: value for name, value in options.items() if value != account.options.get(name, "")}
    endpoints = _table(request, "endpoint", spec.endpoints)
    changed["endpoints"] = {name: url for name, url in endpoints.items() if url != account.endpoints.get(name, "")}
    return changed


def day(text: str, what: str) -> date | None:
    """A date as the browser sends it, None when empty. Refused when it is none."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused("date", f"{what}“{text[:20]}”不是日期，未做改动。请写成 2026-12-01 这样。") from None
