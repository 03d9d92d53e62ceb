"""The foot of the duty desk: how long ago each account published anything, against how long it may stay silent.

There are no tiles of unanswered comments and of tasks to reprint: the product knows neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Q

from bot.domain.delivery import State
from bot.domain.silence import LIMIT_DAYS, LOOK_BACK, Silence, days_since, standing
from bot.models import Account, ManualPost, Publication, Unit

FACES = {
    Silence.FRESH: ("good", "check"),
    Silence.REMIND: ("ready", "clock"),
    Silence.PRESS: ("warn", "clock"),
    Silence.RED: ("bad", "alert"),
    Silence.OVER: ("bad", "late"),
}


@dataclass(frozen=True, slots=True)
class Tile:
    """One account. `days` is None where Tongfa knows of no update in the last month."""

    account: Account
    days: int | None
    last: datetime | None
    silence: Silence

    @property
    def tone(self) -> str:
        """Its colour."""
        return FACES[self.silence][0] if self.days is not None else "warn"

    @property
    def icon(self) -> str:
        """Its icon."""
        return FACES[self.silence][1] if self.days is not None else "question"

    @property
    def count(self) -> str:
        """`6/14`."""
        return f"{LOOK_BACK.days}+/{LIMIT_DAYS}" if self.days is None else f"{self.days}/{LIMIT_DAYS}"

    @property
    def words(self) -> str:
        """What it means."""
        if self.days is None:
            return f"同发里近 {LOOK_BACK.days} 天没有更新"
        return self.silence.label


def of_unit(unit: Unit, *, now: datetime) -> list[Tile]:
    """Every account in use, in the order of the cards above. Three questions, none of which looks further back than a month.

    An update is a push that is live, by when it went live, or a line of the book of manual posts that
    stands and whose article has not been taken down again.
    """
    accounts = list(Account.objects.filter(unit=unit, disabled_reason="").order_by("pk"))
    pushed = Publication.objects.filter(
        release__unit=unit, state=str(State.LIVE), instant__gte=now - LOOK_BACK, live_at__isnull=False
    )
    posted = ManualPost.objects.filter(unit=unit, void__isnull=True, posted_at__gte=now - LOOK_BACK).filter(
        Q(task__isnull=True) | Q(task__drop_reason="")
    )
    newest: dict[int, datetime] = {}
    for found in (
        pushed.values_list("account").annotate(last=Max("live_at")),
        posted.values_list("account").annotate(last=Max("posted_at")),
    ):
        for account, last in found.order_by():
            newest[account] = max(last, newest.get(account, last))
    return [_tile(account, newest.get(account.pk), now) for account in accounts]


def _tile(account: Account, last: datetime | None, now: datetime) -> Tile:
    if last is None:
        return Tile(account, None, None, Silence.OVER)
    days = days_since(last, now)
    return Tile(account, days, last, standing(days))
