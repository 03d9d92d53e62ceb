"""Numbers: sampled on a plan, raw answer kept, "not reported" kept apart from 0."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q

from bot.domain.channel import ChannelFault, Remedy, Sample
from bot.domain.delivery import State
from bot.domain.instants import beijing_date, require_aware
from bot.domain.sampling import FOLLOW_FOR, again_at, newest, next_sample_at, told_until
from bot.models import Account, AccountSample, Item, Publication, SampleRecord, Unit

from . import addresses, audit, manualnumbers
from .accounts import channel_of, spec_of
from .facts import receipt_of

log = structlog.get_logger(__name__)


def first_sample_at(publication: Publication, *, now: datetime) -> datetime | None:
    """When a publication that just went live is measured for the first time."""
    require_aware(now)
    return next_sample_at(spec_of(publication.account), now, now)


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one account's round brought. `posts`: publications that were asked about; `by_hand`: posts that people made;
    `early`: publications among them of which the vendor can have no numbers yet."""

    account: Account
    samples: int
    posts: int
    fault: str = ""
    by_hand: int = 0
    early: int = 0


def due_accounts(now: datetime) -> list[int]:
    """Accounts that have posts to measure, whoever made them. One question."""
    require_aware(now)
    pushes = Publication.objects.filter(state=State.LIVE, next_sample_at__lte=now)
    return list(pushes.values_list("account_id", flat=True).union(manualnumbers.due_accounts(now)))


def measure_account(account_id: int, *, now: Callable[[], datetime], everything: bool = False) -> Pulled:
    """Sample the due posts of one account (all of the last 30 days with `everything`)."""
    require_aware(now())
    account = Account.objects.get(pk=account_id)
    pushes = _measure_pushes(account, now, everything)
    hand = manualnumbers.measure(account, lambda: channel_of(account), now=now, everything=everything)
    return replace(
        pushes, samples=pushes.samples + hand.samples, fault=pushes.fault or hand.fault, by_hand=hand.posts
    )  # fmt: skip


def _measure_pushes(account: Account, now: Callable[[], datetime], everything: bool) -> Pulled:
    """What the machine sent: how many pushes, how many samples, and what went wrong."""
    started = now()
    found = Publication.objects.filter(account=account, state=State.LIVE, live_at__gte=started - FOLLOW_FOR)
    publications = list(found if everything else found.filter(next_sample_at__lte=started))
    taken, fault, early = 0, "", 0
    for day, group in _by_day(publications).items():
        try:
            taken += _measure_day(account, day, group, now())
        except ChannelFault as problem:
            if _too_early(account, day, problem, started):
                early += len(group)
            else:
                fault = problem.message
            pks = [publication.pk for publication in group]
            Publication.objects.filter(pk__in=pks).update(next_sample_at=again_at(problem, now()))
    if publications and not fault:
        _sample_account(account, now())
    return Pulled(account, taken, len(publications), fault, early=early)


def _too_early(account: Account, day: str, problem: ChannelFault, now: datetime) -> bool:
    """Whether a platform that reports by day asks to wait before it can know the day's numbers: that is no fault. It is
    asked all the same, for in a rehearsal its clock may be ahead."""
    spec = spec_of(account)
    told = beijing_date(told_until(spec, now))
    return spec.metrics_daily and problem.remedy is Remedy.WAIT and date.fromisoformat(day) >= told


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
    receipts = [receipt_of(publication) for publication in publications]
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


def _keep(item: Item | None, sample: Sample, now: datetime) -> int:
    if item is None:
        return 0
    if sample.url and not item.url:
        Item.objects.filter(pk=item.pk).update(**addresses.columns(item.account, sample.url))
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
    return newest(sample.values for sample in samples)


def released_items(unit: Unit) -> Iterable[Item]:
    """All positions that went out, newest release first."""
    return (
        Item.objects.filter(publication__release__unit=unit)
        .filter(Q(publication__sent_at__isnull=False) | Q(publication__live_at__isnull=False))
        .select_related("publication__release", "publication__account", "edition__document")
        .order_by("-publication__instant", "publication__account_id", "publication__lane", "position")
    )
