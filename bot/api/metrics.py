"""Numbers: of one release, or of all that was due within a span of days."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest
from ninja import Router
from ninja.params.functions import Path, Query

from bot.domain.instants import beijing_midnight
from bot.domain.rights import Right
from bot.models import Item, ManualPost, SampleRecord, Unit
from bot.services.accounts import spec_of
from bot.services.errors import Refused
from bot.services.manual import standing
from bot.services.manualnumbers import Figures, figures_of
from bot.services.measuring import newest_values
from bot.services.releases import find_release

from .edge import token
from .fields import DEFAULT_LIMIT, LARGEST, LARGEST_LIMIT, Day
from .security import Bearer
from .shapes.releases import Numbers, NumbersByHand, NumbersByHandPage, NumbersPage

router = Router(tags=["metrics"])
READ = Bearer(Right.METRICS_READ)
FIRST, LAST = date(2000, 1, 1), date(2199, 12, 31)
AFTER = "The `cursor` after which to go on."
LIMIT = "How many at most."


@router.get(
    "/releases/{release_id}/metrics", auth=READ, response=NumbersPage, operation_id="listReleaseMetrics",
    summary="Numbers of one release",
)  # fmt: skip
def of_release(
    request: HttpRequest,
    release_id: int = Path(..., ge=1, le=LARGEST),
    after: int = Query(0, ge=0, le=LARGEST, description=AFTER),
    limit: int = Query(DEFAULT_LIMIT, ge=1, le=LARGEST_LIMIT, description=LIMIT),
) -> NumbersPage:
    """The newest numbers of each post that went out. A number that the platform did not report is null, never 0."""
    release = find_release(release_id, unit=token(request).unit)
    return _page(_went_out(release.unit).filter(publication__release=release), after, limit)


@router.get(
    "/metrics", auth=READ, response=NumbersPage, operation_id="listMetrics", summary="Numbers within a span of days"
)
def of_days(
    request: HttpRequest,
    first: Day = Query(..., alias="from", description="The first day, in Beijing, on which the releases were due."),
    last: Day = Query(..., alias="to", description="The last of them, not before `from`."),
    after: int = Query(0, ge=0, le=LARGEST, description=AFTER),
    limit: int = Query(DEFAULT_LIMIT, ge=1, le=LARGEST_LIMIT, description=LIMIT),
) -> NumbersPage:
    """The newest numbers of each post that went out. A number that the platform did not report is null, never 0."""
    begin, end = _span(first, last)
    due = Q(publication__release__instant__gte=begin, publication__release__instant__lt=end)
    return _page(_went_out(token(request).unit).filter(due), after, limit)


@router.get(
    "/metrics/by-hand", auth=READ, response=NumbersByHandPage, operation_id="listMetricsByHand",
    summary="Numbers of what people posted themselves",
)  # fmt: skip
def of_days_by_hand(
    request: HttpRequest,
    first: Day = Query(..., alias="from", description="The first day, in Beijing, on which it was posted."),
    last: Day = Query(..., alias="to", description="The last of them, not before `from`."),
    after: int = Query(0, ge=0, le=LARGEST, description=AFTER),
    limit: int = Query(DEFAULT_LIMIT, ge=1, le=LARGEST_LIMIT, description=LIMIT),
) -> NumbersByHandPage:
    """The newest numbers of each post that a person made on a platform's own console. What is not known for sure is null."""
    begin, end = _span(first, last)
    found = standing(token(request).unit).filter(posted_at__gte=begin, posted_at__lt=end, pk__gt=after)
    posts = list(found.order_by("pk")[: limit + 1])
    figures = figures_of(posts[:limit])
    return NumbersByHandPage(
        items=[_by_hand(post, figures[post.pk]) for post in posts[:limit]],
        next=posts[limit - 1].pk if len(posts) > limit else None,
    )


def _by_hand(post: ManualPost, figures: Figures) -> NumbersByHand:
    return NumbersByHand(
        cursor=post.pk,
        document=post.edition.document.external_id if post.edition else None,
        title=post.title,
        account=post.account.slug,
        channel=post.account.channel,
        url=post.url,
        posted_at=post.posted_at,
        sampled_at=figures.taken_at,
        stat_date=figures.stat_date or None,
        absent=figures.absent,
        note=figures.note,
        values={name: figures.values.get(name) for name in spec_of(post.account).metrics},
    )


def _span(first: str, last: str) -> tuple[datetime, datetime]:
    """From the first instant of the one day to the end of the other. An empty list would be taken for nothing posted."""
    if last < first:
        raise Refused("days", f"止日 to（{last}）不能早于起日 from（{first}），没有查询。请核对起止日期。")
    return beijing_midnight(_day(first)), beijing_midnight(_day(last) + timedelta(days=1))


def _day(text: str) -> date:
    return min(max(date.fromisoformat(text), FIRST), LAST)


def _went_out(unit: Unit) -> QuerySet[Item]:
    sent = Q(publication__sent_at__isnull=False) | Q(publication__live_at__isnull=False)
    return Item.objects.filter(sent, publication__release__unit=unit)


def _page(items: QuerySet[Item], after: int, limit: int) -> NumbersPage:
    samples = SampleRecord.objects.defer("raw").order_by("stat_date", "taken_at", "pk")
    found = items.filter(pk__gt=after).select_related("publication__account", "edition__document")
    whole = found.defer("payload", "edition__content").prefetch_related(Prefetch("samples", samples)).order_by("pk")
    rows = list(whole[: limit + 1])
    return NumbersPage(
        items=[_numbers(item) for item in rows[:limit]], next=rows[limit - 1].pk if len(rows) > limit else None
    )


def _numbers(item: Item) -> Numbers:
    publication, samples = item.publication, list(item.samples.all())
    newest, values = (samples[-1] if samples else None), newest_values(samples)
    return Numbers(
        cursor=item.pk,
        release=publication.release_id,
        publication=publication.pk,
        document=item.edition.document.external_id,
        title=item.edition.title,
        account=publication.account.slug,
        channel=publication.account.channel,
        state=publication.status,
        url=item.url or None,
        sent_at=publication.sent_at,
        live_at=publication.live_at,
        sampled_at=newest.taken_at if newest else None,
        stat_date=(newest.stat_date or None) if newest else None,
        absent=newest is not None and newest.absent,
        values={name: values.get(name) for name in spec_of(publication.account).metrics},
    )
