"""Have a platform tell its time: any answer of it carries a Date, and the adapter notes it (`clocksafety` reads it)."""

from __future__ import annotations

from contextlib import suppress

from django.db.models import QuerySet

from bot.channels.http import within
from bot.domain.channel import ChannelFault
from bot.models import Account

from .accounts import channel_of
from .errors import Refused

MOST, SECONDS = 3, 8.0  # platforms that are asked; for each


def ask_one_of(accounts: QuerySet[Account]) -> None:
    """The first of these that answers. Takes at most `MOST` times `SECONDS`."""
    for account in accounts[:MOST]:
        with suppress(ChannelFault, Refused), within(SECONDS):
            if all(result.asked for result in channel_of(account).preflight()):
                return
