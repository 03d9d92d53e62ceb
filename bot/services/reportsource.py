"""What came out in a period, and on which kinds of channels: the rows that all figures are drawn from."""

from __future__ import annotations

from django.db.models import QuerySet

from bot.domain.channel import ChannelSpec
from bot.domain.delivery import State
from bot.models import Account, Item, ManualPost, Publication, Unit

from .accounts import known, spec_of
from .reportperiods import Period

CAME_OUT = (State.LIVE, State.GONE, State.WITHDRAWN)
"""States of a push that is public, or was."""


def channels_of(unit: Unit) -> list[ChannelSpec]:
    """The kinds of channels on which the unit has accounts, those out of use included: they may have published."""
    found: dict[str, ChannelSpec] = {}
    for account in filter(known, Account.objects.filter(unit=unit).order_by("pk")):
        found.setdefault(account.channel, spec_of(account))
    return list(found.values())


def came_out(unit: Unit, period: Period) -> QuerySet[Publication]:
    """The pushes of a period that are public, or were. An index knows them by state and instant."""
    return Publication.objects.filter(
        release__unit=unit, state__in=[str(state) for state in CAME_OUT],
        instant__gte=period.begin, instant__lt=period.end,
    )  # fmt: skip


def items_out(unit: Unit, period: Period) -> QuerySet[Item]:
    """Their positions: each one text on one account."""
    return Item.objects.filter(
        publication__release__unit=unit, publication__state__in=[str(state) for state in CAME_OUT],
        publication__instant__gte=period.begin, publication__instant__lt=period.end,
    )  # fmt: skip


def posted_for_releases(unit: Unit, period: Period) -> QuerySet[ManualPost]:
    """What people posted for releases of the period."""
    return ManualPost.objects.filter(
        void__isnull=True, task__release__unit=unit, task__release__instant__gte=period.begin,
        task__release__instant__lt=period.end,
    )  # fmt: skip


def posted_alone(unit: Unit, period: Period) -> QuerySet[ManualPost]:
    """What people posted in the period without a release."""
    return ManualPost.objects.filter(
        unit=unit, void__isnull=True, task__isnull=True, posted_at__gte=period.begin, posted_at__lt=period.end
    )
