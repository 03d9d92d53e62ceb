"""Health: what a monitoring system wants to know of the installation and of the unit."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from ninja import Router

from bot.domain.delivery import FOR_A_PERSON
from bot.domain.rights import Right
from bot.domain.timeline import CLOCK_AGREEMENT
from bot.models import Account, Publication
from bot.runtime import alive
from bot.services import alarming, home
from bot.services.accounts import known, renewed_by_hand, spec_of
from bot.services.voiding import is_frozen

from .edge import now, token
from .security import Bearer
from .shapes.releases import AccountHealth, ClockHealth, Health

router = Router(tags=["health"])
READ = Bearer(Right.HEALTH_READ)
SOON = timedelta(days=7)  # an authorisation that ends sooner is a person's business now


@router.get("/health", auth=READ, response=Health, operation_id="getHealth", summary="State of the installation")
def get_health(request: HttpRequest) -> Health:
    """Without asking a platform: database, clock process, freeze, what waits for people, and each account as last seen."""
    unit, at = token(request).unit, now()
    waiting = Publication.objects.filter(state__in=[str(state) for state in FOR_A_PERSON], release__unit=unit)
    accounts = unit.accounts.select_related("token").prefetch_related("clock_readings").order_by("pk")
    return Health(
        environment="live" if home.is_live() else "rehearsal",
        database="sqlite" if connection.vendor == "sqlite" else "postgresql",
        clock=_clock(),
        frozen=is_frozen(unit),
        waiting_for_a_person=waiting.count(),
        open_alarms=alarming.count_unread(unit),
        accounts=[_account(account, at) for account in accounts],
    )


def _clock() -> ClockHealth:
    folder = settings.TONGFA.home
    return ClockHealth(runs=alive.runs(folder, "clock"), seconds_since_sign=alive.age(folder, "clock"))


def _account(account: Account, at: datetime) -> AccountHealth:
    token = getattr(account, "token", None)
    expires = token.expires_at if token else None
    reading = max(account.clock_readings.all(), key=lambda one: one.at, default=None)
    by_hand = known(account) and renewed_by_hand(spec_of(account))
    return AccountHealth(
        account=account.slug,
        channel=account.channel,
        enabled=account.enabled,
        disabled_reason=account.disabled_reason,
        token_expires_at=expires,
        token_ok=not by_hand or (expires is not None and expires - at >= SOON),
        last_contact_at=reading.at if reading else None,
        clock_offset_ms=reading.offset_ms if reading else None,
        clock_ok=reading is None or abs(reading.offset_ms) <= CLOCK_AGREEMENT / timedelta(milliseconds=1),
    )
