"""The rows of pre-flights: made when a release is signed, dropped when its signature goes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bot.domain import preflight
from bot.domain.instants import require_aware
from bot.models import Person, Preflight, Publication, Release


def arrange_preflights(release: Release, publications: Iterable[Publication], *, now: datetime) -> None:
    """One row for each account and time, in the transaction of the signature."""
    require_aware(now)
    accounts = {publication.account_id for publication in publications}
    Preflight.objects.bulk_create(
        Preflight(
            release=release, account_id=account, kind=due.kind, signed_at=now, due_at=due.at, next_at=due.at
        )
        for due in preflight.plan(now, release.instant)
        for account in sorted(accounts)
    )  # fmt: skip


def arrange_another(release: Release, accounts: Iterable[int], *, asked_by: Person, now: datetime) -> None:
    """What was held is taken up again: what failed meanwhile closed its alarm, so it is looked at anew, at once."""
    require_aware(now)
    if release.signed_at is None:
        return
    Preflight.objects.bulk_create(
        Preflight(
            release=release, account_id=account, kind=preflight.Kind.ASKED, signed_at=release.signed_at, due_at=now,
            next_at=now, asked_by=asked_by,
        )
        for account in sorted(set(accounts))
    )  # fmt: skip


def drop_preflights(release_id: int, *, why: str) -> None:
    """What is still open will not be run: there is nothing to check any more, or another signature brings its own."""
    Preflight.objects.filter(release_id=release_id, next_at__isnull=False).update(
        state="dropped", next_at=None, note=why
    )
