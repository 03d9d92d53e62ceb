"""Who is calling, and when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from django.http import HttpRequest

from bot.models import ApiToken


def token(request: HttpRequest) -> ApiToken:
    """The token that was recognised; only for operations behind `Bearer`."""
    return cast(ApiToken, request.auth)  # type: ignore[attr-defined]


def now() -> datetime:
    """The present instant, aware."""
    return datetime.now(UTC)
