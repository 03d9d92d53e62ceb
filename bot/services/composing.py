"""What a release may be made of: approved documents, the pushes that they make on each account, and when those could go.

Nothing here is written; `forecasting` says what speaks against it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q

from bot.domain import quota, timeline
from bot.domain.calendar import holidays
from bot.domain.channel import ModeSpec, Quota
from bot.domain.delivery import State
from bot.domain.instants import beijing_date, require_aware, show, to_beijing
from bot.domain.workflow import EditionState
from bot.models import Account, Document, Edition, Item, ManualPost, ManualTask, Publication, Release, Unit

from . import quotas
from .accounts import spec_of
from .releases import own_mode, with_interpretations

FOUND = 20
LOOKED_THROUGH = 5_000
"""So many of the newest approved editions are searched by words; an external id finds any of them."""

LOOK_AHEAD = 30  # days among which a working one is looked for
SOON = timedelta(minutes=10)  # a usual time that is nearer is not proposed


@dataclass(frozen=True, slots=True)
class Piece:
    """One document that may go in. `gone`: by account, where this edition went or stands already."""

    document: Document
    edition: Edition
    gone: Mapping[int, str]
    pulled: bool = False

    @property
    def approved(self) -> bool:
        """Only then it may go into a release."""
        return self.edition.status is EditionState.APPROVED


@dataclass(frozen=True, slots=True)
class Push:
    """What one account would send: its publications with their instants, each with the pieces in it.

    `by_hand`: why people post it instead of the machine, "" where the machine does.
    """

    account: Account
    mode: ModeSpec
    posts: Sequence[tuple[datetime, Sequence[Piece]]]
    channel: str
    rates: Sequence[str]
    by_hand: str = ""


# --- what may go in -----------------------------------------------------------------------------------------


def candidates(unit: Unit, text: str, accounts: Sequence[Account]) -> list[Piece]:
    """Approved documents by title, 发文字号 or external id, newest first; the newest where nothing is asked for. What each of the
    accounts has had or is to have already comes last."""
    approved = Edition.objects.filter(document__unit=unit, state=EditionState.APPROVED)
    words = text.strip()[:100]
    found: list[Edition] = []
    if words:
        found = list(approved.filter(document__external_id=words).select_related("document")[:1])
        newest = approved.order_by("-pk").values("pk")[:LOOKED_THROUGH]
        told = Q(title__icontains=words) | Q(document__external_id__istartswith=words)
        told |= Q(content__document_number__icontains=words)
        approved = Edition.objects.filter(pk__in=newest).filter(told).exclude(pk__in=[one.pk for one in found])
    found += approved.select_related("document").order_by("-pk")[: FOUND - len(found)]
    pieces = _pieces(found, accounts)
    return sorted(pieces, key=lambda piece: bool(accounts) and len(piece.gone) == len(accounts))


def pieces_of(documents: Sequence[Document], accounts: Sequence[Account]) -> list[Piece]:
    """These documents as a release takes them: each with what it pulls along, in order."""
    ordered = with_interpretations(documents)
    policies = {document.pk for document in ordered if document.is_policy}
    standing = Edition.objects.filter(document__in=ordered).exclude(state=EditionState.SUPERSEDED)
    current = {one.document_id: one for one in standing.select_related("document").order_by("number")}
    editions = [current[document.pk] for document in ordered if document.pk in current]
    return _pieces(editions, accounts, pulled={one.pk for one in ordered if one.interprets_id in policies})


def _pieces(
    editions: Sequence[Edition], accounts: Sequence[Account], pulled: Collection[int] = frozenset()
) -> list[Piece]:
    items = Item.objects.filter(edition__in=[one.pk for one in editions], active=True, account__in=list(accounts))
    gone: dict[int, dict[int, str]] = {}
    for item in items.select_related("publication__release"):
        gone.setdefault(item.edition_id, {})[item.account_id] = _where(item)
    for edition, account, words in _by_hand([one.pk for one in editions], [one.pk for one in accounts]):
        gone.setdefault(edition, {}).setdefault(account, words)
    return [Piece(one.document, one, gone.get(one.pk, {}), one.document_id in pulled) for one in editions]


def _by_hand(editions: Sequence[int], accounts: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    """Edition, account and words of what people posted there, or are to post."""
    of_them = {"edition__in": editions, "account__in": accounts}
    posts = ManualPost.objects.filter(**of_them, void__isnull=True)
    for edition, account, pk in posts.values_list("edition_id", "account_id", "pk"):
        yield edition or 0, account, f"已手工发布（登记第 {pk} 条）"
    tasks = ManualTask.objects.filter(**of_them, drop_reason="", release__cancelled_at__isnull=True)
    for edition, account, release in tasks.values_list("edition_id", "account_id", "release_id"):
        yield edition, account, f"已列入发布单 {release} 的手工发布任务"


def _where(item: Item) -> str:
    """Where an edition stands on an account, for staff."""
    one = item.publication
    if one.status is State.LIVE:
        return f"已于 {show(one.sent_at or one.live_at or one.instant, seconds=False)} 发布"
    return f"已列入发布单 {one.release_id}（{show(one.instant, seconds=False)}，{one.status.label}）"


# --- what would go out --------------------------------------------------------------------------------------


def freed(pieces: Sequence[Piece], instead_of: Release | None) -> list[Piece]:
    """What stands in the release that is replaced is free again."""
    if instead_of is None:
        return list(pieces)
    mine = set(
        Item.objects.filter(publication__release=instead_of, active=True).values_list("edition_id", "account_id")
    ) | set(instead_of.manual_tasks.filter(drop_reason="").values_list("edition_id", "account_id"))
    return [
        Piece(
            one.document, one.edition,
            {account: words for account, words in one.gone.items() if (one.edition.pk, account) not in mine}, one.pulled,
        )
        for one in pieces
    ]  # fmt: skip


def pushes_of(
    accounts: Sequence[Account], modes: Mapping[str, str], pieces: Sequence[Piece], instant: datetime,
    instead_of: Release | None = None,
) -> list[Push]:  # fmt: skip
    """What each account would send, in the mode that is chosen for it (by slug) or its own."""
    require_aware(instant)
    book = quotas.Book(accounts, instant, without=instead_of.pk if instead_of else None)
    return [_push(account, modes.get(account.slug) or own_mode(account), pieces, instant, book) for account in accounts]


def _push(account: Account, name: str, pieces: Sequence[Piece], instant: datetime, book: quotas.Book) -> Push:
    spec = spec_of(account)
    mode = next((mode for mode in spec.modes if mode.name == name), spec.modes[0])
    groups = [pieces[start : start + mode.max_posts] for start in range(0, len(pieces), mode.max_posts)]
    if account.manual_only:  # people are told the instant; no slot of a quota is taken before they have posted
        return Push(account, mode, [(instant, group) for group in groups], spec.label, (), account.manual_reason)
    if mode.by_hand:
        return Push(account, mode, [(instant, group) for group in groups], spec.label, (), BY_HAND)
    instants = timeline.lane_instants(instant, len(groups), spec.spacing)
    rates = [_rate(book, account, mode.name, rule, instant) for rule in quotas.quotas_of(account, mode.name)]
    return Push(account, mode, list(zip(instants, groups, strict=True)), spec.label, rates)


BY_HAND = "系统把草稿放进草稿箱，由人在平台上公开"


def _rate(book: quotas.Book, account: Account, mode: str, rule: Quota, instant: datetime) -> str:
    """How much of a quota is left in the window of an instant, in a few words."""
    period = {"day": "当日", "month": "当月", "hour": "该小时"}[rule.period]
    return f"{period}还可签发 {book.free(account, mode, rule, quota.window(rule.period, instant))} 次"


def drafts_of(pushes: Sequence[Push]) -> list[Publication]:
    """What would be written, for whoever reckons with it; nothing of it is. What people post takes no part in it."""
    return [
        Publication(account=push.account, mode=push.mode.name, instant=instant)
        for push in pushes
        if not push.by_hand
        for instant, _ in push.posts
    ]


# --- when it could go ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pick:
    """One instant to choose with one press."""

    label: str
    instant: datetime


def picks(pushes: Sequence[Push], *, now: datetime, instead_of: Release | None = None) -> list[Pick]:
    """The next usual time of a working day (09:30), and the first usual time on which every quota takes all of it."""
    require_aware(now)
    usual = _next_usual(now)
    found = [Pick(f"{_day_words(beijing_date(usual), beijing_date(now))} 09:30", usual)]
    shift = usual - min((instant for push in pushes for instant, _ in push.posts), default=usual)
    drafts = drafts_of(pushes)
    for one in drafts:
        one.instant += shift
    free = quotas.first_fit(drafts, without=instead_of.pk if instead_of else None) if drafts else None
    if free is not None and free != usual:
        found.append(Pick(f"最近有次数的 {show(free, seconds=False)[5:]}", free))
    return found


def _next_usual(now: datetime) -> datetime:
    """Not on a day of rest: the page would warn of the very time that it proposes."""
    usual = to_beijing(now).replace(hour=9, minute=30, second=0, microsecond=0)
    if usual - now > SOON and holidays.nature(usual.date()).works:
        return usual
    following = next(holidays.working_days_after(usual.date(), LOOK_AHEAD), usual.date() + timedelta(days=1))
    return usual + (following - usual.date())


def _day_words(day: date, today: date) -> str:
    near = {today: "今天", today + timedelta(days=1): "明天"}
    return near.get(day, f"{day.month}月{day.day}日")
