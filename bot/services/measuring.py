"""Numbers: sampled on a plan, raw answer kept, "not reported" kept apart from 0."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import structlog
from django.db import transaction
from django.db.models import Q

from bot.domain.channel import ChannelFault, ChannelSpec, PositionReceipt, Receipt, Remedy, Sample
from bot.domain.delivery import State
from bot.domain.instants import BEIJING, beijing_date, require_aware
from bot.models import Account, AccountSample, Item, Publication, SampleRecord, Unit

from . import audit
from .accounts import channel_of, spec_of

log = structlog.get_logger(__name__)
HOURLY_PLAN = tuple(timedelta(hours=hours) for hours in (1, 2, 4, 8, 24))
DAILY_AT = time(8, 30)
FOLLOW_FOR = timedelta(days=30)
BUSY_RETRY = timedelta(minutes=30)


def _next_morning(now: datetime) -> datetime:
    day = beijing_date(now) + timedelta(days=1)
    return datetime.combine(day, DAILY_AT, BEIJING).astimezone(UTC)


def next_sample_at(spec: ChannelSpec, live_at: datetime, now: datetime) -> datetime | None:
    """When a post that went live at `live_at` is measured next; None after 30 days."""
    require_aware(live_at)
    require_aware(now)
    if now > live_at + FOLLOW_FOR:
        return None
    if not spec.metrics_daily:
        soon = [live_at + delay for delay in HOURLY_PLAN if live_at + delay > now]
        if soon:
            return soon[0]
    return _next_morning(now)


def first_sample_at(publication: Publication, *, now: datetime) -> datetime | None:
    """When a publication that just went live is measured for the first time."""
    require_aware(now)
    return next_sample_at(spec_of(publication.account), now, now)


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one account's round brought."""

    account: Account
    samples: int
    posts: int
    fault: str = ""


def due_accounts(now: datetime) -> list[int]:
    """Accounts that have posts to measure."""
    require_aware(now)
    return list(
        Publication.objects.filter(state=State.LIVE, next_sample_at__lte=now)
        .values_list("account_id", flat=True)
        .distinct()
    )


def measure_account(account_id: int, *, now: Callable[[], datetime], everything: bool = False) -> Pulled:
    """Sample the due posts of one account (all of the last 30 days with `everything`)."""
    require_aware(now())
    account = Account.objects.get(pk=account_id)
    started = now()
    found = Publication.objects.filter(account=account, state=State.LIVE, live_at__gte=started - FOLLOW_FOR)
    publications = list(found if everything else found.filter(next_sample_at__lte=started))
    taken, fault = 0, ""
    for day, group in _by_day(publications).items():
        try:
            taken += _measure_day(account, day, group, now())
        except ChannelFault as problem:
            fault = problem.message
            again = problem.wait_until if problem.remedy is Remedy.WAIT and problem.wait_until else now() + BUSY_RETRY
            Publication.objects.filter(pk__in=[publication.pk for publication in group]).update(next_sample_at=again)
    if publications and not fault:
        _sample_account(account, now())
    return Pulled(account, taken, len(publications), fault)


def _sample_account(account: Account, now: datetime) -> None:
    """Yesterday's figures of the account as a whole, where the vendor reports them; once a day."""
    adapter = channel_of(account)
    yesterday = (beijing_date(now) - timedelta(days=1)).isoformat()
    if not hasattr(adapter, "account_summary") or account.samples.filter(stat_date=yesterday).exists():
        return
    try:
        rows = adapter.account_summary(yesterday, yesterday)
    except ChannelFault as fault:
        log.info("metrics.account", account=account.slug, fault=fault.code)
        return
    for row in rows:
        values = {name: value for name, value in row.items() if isinstance(value, int) and not isinstance(value, bool)}
        AccountSample.objects.create(
            account=account, taken_at=now, stat_date=str(row.get("ref_date", yesterday))[:10], values=values,
            raw=json.dumps(row, ensure_ascii=False),
        )  # fmt: skip


def _by_day(publications: Iterable[Publication]) -> dict[str, list[Publication]]:
    groups: dict[str, list[Publication]] = defaultdict(list)
    for publication in publications:
        groups[beijing_date(publication.sent_at or publication.instant).isoformat()].append(publication)
    return groups


def _measure_day(account: Account, day: str, publications: list[Publication], now: datetime) -> int:
    receipts = [_receipt(publication) for publication in publications]
    samples = channel_of(account, mode=publications[0].mode).measure(receipts, day=day)
    items = {
        item.platform_id: item for item in Item.objects.filter(publication__in=publications).exclude(platform_id="")
    }
    with transaction.atomic():
        kept = sum(_keep(items.get(sample.platform_id), sample, now) for sample in samples)
        for publication in publications:
            again = next_sample_at(spec_of(account), publication.live_at or now, now)
            Publication.objects.filter(pk=publication.pk).update(next_sample_at=again)
        data = {"day": day, "posts": len(publications), "samples": kept}
        audit.append("系统", "metrics.sampled", f"account:{account.slug}", data, now=now)
    return kept


def _receipt(publication: Publication) -> Receipt:
    places = tuple(
        PositionReceipt(item.platform_id, item.url or None, item.published_at)
        for item in publication.items.order_by("position")
    )
    return Receipt(publication.ids, places)


def _keep(item: Item | None, sample: Sample, now: datetime) -> int:
    if item is None:
        return 0
    if sample.url and not item.url:
        Item.objects.filter(pk=item.pk).update(url=sample.url)
    SampleRecord.objects.create(
        item=item,
        taken_at=now,
        stat_date=sample.stat_date,
        values=dict(sample.values),
        absent=sample.absent,
        raw=sample.raw,
    )
    return 1


def latest_values(item: Item) -> dict[str, int | None]:
    """The newest known number of each metric; a metric never reported is missing."""
    return newest_values(item.samples.order_by("stat_date", "taken_at", "pk"))


def newest_values(samples: Iterable[SampleRecord]) -> dict[str, int | None]:
    """The same of samples that are at hand, oldest first."""
    values: dict[str, int | None] = {}
    for sample in samples:
        values.update({name: value for name, value in sample.values.items() if value is not None})
    return values


def released_items(unit: Unit) -> Iterable[Item]:
    """All positions that went out, newest release first."""
    return (
        Item.objects.filter(publication__release__unit=unit)
        .filter(Q(publication__sent_at__isnull=False) | Q(publication__live_at__isnull=False))
        .select_related("publication__release", "publication__account", "edition__document")
        .order_by("-publication__instant", "publication__account_id", "publication__lane", "position")
    )
