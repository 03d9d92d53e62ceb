"""Numbers of what people posted by hand: asked for where it is sure which post of the platform it is, and else none at all.

Nobody has read such a post back. Its vendor's `recognise` says which one it is, by the address that was entered or by what
else leaves no doubt; then it is measured like any other, on the same plan.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import cast

from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from bot.domain.channel import (
    Channel,
    ChannelFault,
    ChannelSpec,
    HandMade,
    PositionReceipt,
    Published,
    Receipt,
    Recogniser,
    Remedy,
    Sample,
    Unrecognised,
)
from bot.domain.delivery import STOPPABLE, State
from bot.domain.instants import beijing_date, beijing_midnight, require_aware, show
from bot.domain.sampling import FOLLOW_FOR, again_at, newest, next_sample_at, told_until
from bot.models import Account, Attempt, Item, ManualCount, ManualPost, ManualSample, Publication

from . import audit
from .accounts import spec_of, with_access
from .facts import receipt_of

LATE = timedelta(hours=1)  # what was sent before midnight may count for the day after
ABSENT = "平台未列出，可能已删除或隐藏"
_MAY_HAVE_LEFT = [str(state) for state in State if state not in STOPPABLE | {State.HELD}]
_TOGETHER = 200  # entries whose samples are read at once
_TEXTS = ("post__account", "post__task__account", "post__task__edition", "post__task__post")
Answer = Receipt | Unrecognised


@dataclass(frozen=True, slots=True)
class Round:
    """What one account's round brought."""

    samples: int = 0
    posts: int = 0
    fault: str = ""


# --- when ----------------------------------------------------------------------------------------------------


def follow(post: ManualPost, *, now: datetime) -> ManualCount:
    """From now on its numbers are asked for, where its platform can be asked."""
    require_aware(now)
    return ManualCount.objects.create(post=post, next_sample_at=_next(post, now))


def _next(post: ManualPost, now: datetime) -> datetime | None:
    spec = spec_of(post.account)
    return next_sample_at(spec, post.posted_at, now) if spec.recognised_by else None


def due_accounts(now: datetime) -> QuerySet[ManualCount, int]:
    """Ids of accounts on which people posted something that is to be measured."""
    require_aware(now)
    return ManualCount.objects.filter(next_sample_at__lte=now).values_list("post__account_id", flat=True)


def _to_measure(account: Account, now: datetime, everything: bool) -> list[ManualCount]:
    """Entries that are due, or all of the last 30 days. What was voided meanwhile is followed no more."""
    found = ManualCount.objects.filter(post__account=account)
    if everything:
        found = found.filter(
            post__posted_at__gte=now - FOLLOW_FOR, post__posted_at__lt=told_until(spec_of(account), now)
        )
    else:
        found = found.filter(next_sample_at__lte=now)
    rows = list(found.select_related("post__void", *_TEXTS).order_by("post_id"))
    over = [count.pk for count in rows if count.next_sample_at is not None and not _followed(count, now)]
    if over:
        ManualCount.objects.filter(pk__in=over).update(next_sample_at=None)
    return [count for count in rows if _followed(count, now)]


def _followed(count: ManualCount, now: datetime) -> bool:
    recognised = bool(spec_of(count.post.account).recognised_by)
    return recognised and count.post.stands and count.post.posted_at >= now - FOLLOW_FOR


# --- asking --------------------------------------------------------------------------------------------------


def measure(
    account: Account, adapter: Callable[[], Channel], *, now: Callable[[], datetime], everything: bool = False
) -> Round:
    """Sample what people posted on an account and what is due. Of an account without secrets nobody is asked."""
    require_aware(now())
    counts = _to_measure(account, now(), everything)
    if not counts:
        return Round()
    if account.pk not in with_access([account]):
        _put_off(counts, "", now())
        return Round(posts=len(counts))
    return _ask_all(account, adapter(), counts, now)


def _ask_all(account: Account, channel: Channel, counts: Sequence[ManualCount], now: Callable[[], datetime]) -> Round:
    """One question for each day that the platform keeps apart. A right that is lacking today is lacking for every day."""
    taken, words = 0, ""
    groups = _by_day(spec_of(account), counts, now())
    while groups:
        day, some = groups.popitem()
        try:
            taken += _ask(account, channel, day, some, now())
        except ChannelFault as fault:
            words = fault.message
            if fault.remedy is Remedy.OPERATOR:
                _put_off([*some, *(count for rest in groups.values() for count in rest)], words, now())
                break
            pks = [count.pk for count in some]
            ManualCount.objects.filter(pk__in=pks).update(next_sample_at=again_at(fault, now()), note=words[:300])
    return Round(taken, len(counts), words)


def _by_day(spec: ChannelSpec, counts: Iterable[ManualCount], now: datetime) -> dict[str, list[ManualCount]]:
    """By the day of publication for vendors that report by day; all together for others, which saves calls."""
    groups: dict[str, list[ManualCount]] = defaultdict(list)
    for count in counts:
        groups[beijing_date(count.post.posted_at if spec.metrics_daily else now).isoformat()].append(count)
    return dict(groups)


def _put_off(counts: Iterable[ManualCount], words: str, now: datetime) -> None:
    """Until the plan says so: what keeps the platform from answering will not have gone in half an hour."""
    for count in counts:
        ManualCount.objects.filter(pk=count.pk).update(next_sample_at=_next(count.post, now), note=words[:300])


def _ask(account: Account, channel: Channel, day: str, counts: Sequence[ManualCount], now: datetime) -> int:
    answers = _recognised(account, channel, day, counts)
    receipts = {pk: answer for pk, answer in answers.items() if isinstance(answer, Receipt)}
    samples = channel.measure([*receipts.values()], day=day) if receipts else []
    with transaction.atomic():
        for count in counts:
            _note(count, answers[count.pk], now)
        owners = {receipts[count.pk].positions[0].platform_id: count.post for count in counts if count.pk in receipts}
        kept = _keep_all(owners, samples, now)
        data = {"day": day, "posts": len(counts), "samples": kept, "by_hand": True}
        audit.append("系统", "metrics.sampled", f"account:{account.slug}", data, now=now)
    return kept


def _note(count: ManualCount, answer: Answer, now: datetime) -> None:
    known = (
        {"platform_id": answer.positions[0].platform_id, "ids": dict(answer.ids)} if isinstance(answer, Receipt) else {}
    )
    note = answer.message[:300] if isinstance(answer, Unrecognised) else ""
    columns = {"asked_at": now, "note": note, "next_sample_at": _next(count.post, now), **known}
    ManualCount.objects.filter(pk=count.pk).update(**columns)


def _keep_all(owners: Mapping[str, ManualPost], samples: Iterable[Sample], now: datetime) -> int:
    """Those of our posts. A past day that the platform tells again in the same words is kept once."""
    days = {
        id_: set(post.samples.exclude(stat_date="").values_list("stat_date", "raw")) for id_, post in owners.items()
    }
    kept = [
        ManualSample(
            post=owners[sample.platform_id], taken_at=now, stat_date=sample.stat_date, values=dict(sample.values),
            absent=sample.absent, raw=sample.raw,
        )
        for sample in samples
        if sample.platform_id in owners and (sample.stat_date, sample.raw) not in days[sample.platform_id]
    ]  # fmt: skip
    ManualSample.objects.bulk_create(kept)
    return len(kept)


# --- which post it is ----------------------------------------------------------------------------------------


def _recognised(account: Account, channel: Channel, day: str, counts: Sequence[ManualCount]) -> dict[int, Answer]:
    """By row: what the platform is asked by. What is known stays; the vendor is asked about the rest."""
    answers: dict[int, Answer] = {count.pk: _known(count) for count in counts if count.platform_id}
    new = [count for count in counts if not count.platform_id]
    if not new:
        return answers
    daily = spec_of(account).metrics_daily
    asked = [*new, *(_others(account, date.fromisoformat(day), new) if daily else ())]
    ours = _ours(account, date.fromisoformat(day)) if daily else []
    found = cast(Recogniser, channel).recognise([_hand_made(count) for count in asked], ours, day=day)
    return answers | {count.pk: answer for count, answer in zip(asked, found, strict=True) if count in new}


def _known(count: ManualCount) -> Receipt:
    place = PositionReceipt(count.platform_id, count.post.url, count.post.posted_at)
    return Receipt({str(name): str(value) for name, value in count.ids.items()}, (place,))


def _hand_made(count: ManualCount) -> HandMade:
    post = count.post
    return HandMade(post.url, post.title, post.mode, post.task.text if post.task else None, count.platform_id)


def _span(day: date) -> tuple[datetime, datetime]:
    return beijing_midnight(day), beijing_midnight(day + timedelta(days=1))


def _others(account: Account, day: date, new: Sequence[ManualCount]) -> list[ManualCount]:
    """What else the book holds of that day: one post of the platform is not two of ours."""
    first, end = _span(day)
    found = ManualCount.objects.filter(
        post__account=account, post__void__isnull=True, post__posted_at__gte=first, post__posted_at__lt=end
    )
    rest = found.exclude(pk__in=[count.pk for count in new])
    return list(rest.select_related(*_TEXTS).order_by("post_id"))


def _ours(account: Account, day: date) -> list[Published]:
    """What the machine may have published on that day: all but what never left or was refused beyond doubt."""
    first, end = _span(day)
    acts = Attempt.objects.filter(publication=OuterRef("pk")).exclude(outcome__in=["not_sent", "refused"])
    found = Publication.objects.filter(
        Q(Exists(acts)) | Q(doubt=True) | Q(live_at__isnull=False), pk__in=_due_around(account, first, end)
    )
    places = Prefetch("items", Item.objects.select_related("account", "edition").order_by("position"))
    pushes = [one for one in found.prefetch_related(places) if (one.sent_at or end) >= first - LATE]
    return [Published(receipt_of(one), tuple(item.signed_post for item in one.items.all())) for one in pushes]


def _due_around(account: Account, first: datetime, end: datetime) -> list[int]:
    """Its pushes of these hours, told by their instants. The account is picked out here: asked for it, a database whose
    statistics are old reads all that the account ever sent."""
    found = Publication.objects.filter(state__in=_MAY_HAVE_LEFT, instant__gte=first - 2 * LATE, instant__lt=end)
    return [pk for pk, whose in found.values_list("pk", "account_id") if whose == account.pk]


# --- reading -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of one entry's numbers. `note`: why there are none, or that the platform lists the post no more."""

    values: Mapping[str, int | None] = field(default_factory=dict)
    platform_id: str = ""
    taken_at: datetime | None = None
    stat_date: str = ""
    absent: bool = False
    note: str = ""


def figures_of(posts: Iterable[ManualPost]) -> dict[int, Figures]:
    """The newest known numbers of entries of the book, by the number of the line. Two questions for each 200 entries.

    `posts` come with their accounts, and with `count`.
    """
    chosen = list(posts)
    found: dict[int, Figures] = {}
    for start in range(0, len(chosen), _TOGETHER):
        found |= _figures(chosen[start : start + _TOGETHER])
    return found


def _figures(posts: Sequence[ManualPost]) -> dict[int, Figures]:
    known: dict[int, list[tuple[dict[str, int | None], datetime, str, bool]]] = defaultdict(list)
    rows = ManualSample.objects.filter(post__in=[post.pk for post in posts]).order_by("stat_date", "taken_at", "pk")
    for pk, *rest in rows.values_list("post_id", "values", "taken_at", "stat_date", "absent"):
        known[pk].append((rest[0], rest[1], rest[2], rest[3]))
    asked = with_access({post.account_id: post.account for post in posts}.values())
    return {post.pk: _figure(post, known[post.pk], asked=post.account_id in asked) for post in posts}


def _figure(
    post: ManualPost, samples: Sequence[tuple[dict[str, int | None], datetime, str, bool]], *, asked: bool
) -> Figures:
    count: ManualCount | None = getattr(post, "count", None)
    if not samples:
        return Figures(platform_id=count.platform_id if count else "", note=_why_none(post, count, asked=asked))
    _, taken_at, stat_date, absent = samples[-1]
    values = newest(values for values, *_ in samples)
    return Figures(values, count.platform_id if count else "", taken_at, stat_date, absent, ABSENT if absent else "")


def _why_none(post: ManualPost, count: ManualCount | None, *, asked: bool) -> str:
    """In the words of staff. No number is never 0."""
    if not spec_of(post.account).recognised_by:
        return "平台不提供手工发布内容的数字"
    if not asked:
        return "账号没有接口凭据，平台不提供数字"
    if count is None:
        return "没有取"
    if count.note:
        return count.note
    if count.asked_at:
        return "平台还没有报告数字"
    return f"还没有，{show(count.next_sample_at, seconds=False)} 去取" if count.next_sample_at else "超过 30 天，没有取"
