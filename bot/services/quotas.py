"""Quota as reservations: taken at signing, given back when nothing was sent."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F

from bot.domain import quota
from bot.domain.channel import Quota
from bot.domain.instants import beijing_date, beijing_midnight, require_aware, show, to_beijing
from bot.models import Account, ManualPost, Publication, Reservation
from bot.models import Counter as CallCounter

from .accounts import spec_of
from .errors import Refused

PERIODS = {"day": "当日", "month": "当月", "hour": "该小时"}
_UNITS = {"day": "天", "month": "个月", "hour": "小时"}
_COARSER = ("hour", "day", "month")
SPLIT = "请拆成几张发布单，分开日期（时段）发布。"
LOOK_AHEAD = 366  # windows: a year of days


def quotas_of(account: Account, mode: str) -> tuple[Quota, ...]:
    """The quotas of a mode for this account's type."""
    quotas = spec_of(account).mode(mode).quotas
    return quotas.get(account.options.get("account_type", ""), quotas.get("", ()))


def reserve(publications: Sequence[Publication], *, now: datetime, again: bool = False) -> None:
    """Take one slot of every quota of each publication's mode in the windows of its instant.

    A slot that it kept (a byte may have left) is its own: sent again by people on that day it needs no other.

    Refused, nothing taken, where they do not all fit: naming the next date on which they do, or saying that there is none.
    `again`: they were sent before, and the refusal must not deny that.
    """
    require_aware(now)
    lacking = shortages(publications)
    if lacking:
        raise Refused("quota", _refusal(lacking, publications, again))
    for publication in publications:
        for rule in quotas_of(publication.account, publication.mode):
            window = quota.window(rule.period, publication.instant)
            if not _has_slot(publication, window) and not _take_slot(
                publication, rule, window, publication=publication
            ):
                raise Refused("quota", _taken_by_others(publication, rule))


def follow(publication: Publication, at: datetime, *, now: datetime) -> None:
    """Take a slot in the windows of `at` where they are not those that were signed: what is late goes to another's day.

    Refused when such a window is used up: others were promised its slots.
    """
    require_aware(at)
    require_aware(now)
    for rule in quotas_of(publication.account, publication.mode):
        window = quota.window(rule.period, at)
        if window == quota.window(rule.period, publication.instant) or _has_slot(publication, window):
            continue
        if not _take_slot(publication, rule, window, publication=publication):
            raise Refused("quota", _taken_by_others(publication, rule))


def give_back_others(publication: Publication, at: datetime, *, now: datetime) -> None:
    """Free what it holds of other windows than those of `at`: the act of then is the one that the platform counted."""
    require_aware(at)
    require_aware(now)
    kept = [quota.window(rule.period, at) for rule in quotas_of(publication.account, publication.mode)]
    publication.reservations.filter(released_at__isnull=True).exclude(window__in=kept).update(released_at=now)


def _taken_by_others(publication: Publication, rule: Quota) -> str:
    label = spec_of(publication.account).mode(publication.mode).label
    return (
        f"现在发出会占用{PERIODS[rule.period]}的{label}额度（{rule.count} 次），账号“{publication.account.name}”的已签给别的发布，没有发出。"
        "请作废本条，改期另发。"
    )


def _has_slot(publication: Publication, window: str) -> bool:
    mine = {"account": publication.account, "mode": publication.mode, "window": window}
    return publication.reservations.filter(**mine, released_at__isnull=True).exists()


def _take_slot(act: Publication | ManualPost, rule: Quota, window: str, **owner: Publication | ManualPost) -> bool:
    for slot in range(1, rule.count + 1):
        row = {"account": act.account, "mode": act.mode, "window": window, "slot": slot}
        if Reservation.objects.filter(**row, released_at__isnull=True).exists():
            continue
        try:
            with transaction.atomic():
                Reservation.objects.create(**row, **owner)
        except IntegrityError:
            continue
        return True
    return False


def count_calls(publications: Sequence[Publication], at: datetime) -> None:
    """Count the one public call of each in our own counters, in the windows of `at`, where the platform counts calls.

    Inside the transaction that writes the intents: an attempt is a call that the platform will have counted, be it the first
    or another. Two statements for each window, however many they are.
    """
    require_aware(at)
    windows: dict[tuple[str, str], list[int]] = defaultdict(list)
    for one in publications:
        for rule in quotas_of(one.account, one.mode):
            if rule.bucket:
                windows[rule.bucket, quota.window(rule.period, at)].append(one.account_id)
    for (bucket, window), accounts in windows.items():
        rows = [CallCounter(account_id=pk, bucket=bucket, window=window, count=0) for pk in accounts]
        CallCounter.objects.bulk_create(rows, ignore_conflicts=True)
        CallCounter.objects.filter(account__in=accounts, bucket=bucket, window=window).update(count=F("count") + 1)


# --- by hand ------------------------------------------------------------------------------------------------


def rules_by_hand(account: Account, mode: str) -> tuple[Quota, ...]:
    """The quotas that a post made on the platform's own console shares: those of posts, not those of calls."""
    return tuple(rule for rule in quotas_of(account, mode) if not rule.bucket)


def take_by_hand(post: ManualPost, *, now: datetime) -> bool:
    """Take its slots of the windows in which it was posted. False where one is used up: it is a fact all the same."""
    require_aware(now)
    taken = [
        _take_slot(post, rule, quota.window(rule.period, post.posted_at), manual_post=post)
        for rule in rules_by_hand(post.account, post.mode)
    ]
    return all(taken)


def give_back_by_hand(post: ManualPost, heir: ManualPost | None, *, now: datetime) -> None:
    """Free the slots of an entry that was voided; `heir`: another article of the same message that goes on holding them."""
    require_aware(now)
    held = post.reservations.filter(released_at__isnull=True)
    if heir is None:
        held.update(released_at=now)
    else:
        held.update(manual_post=heir)


# --- what is taken ----------------------------------------------------------------------------------------


class Book:
    """What is taken of the quotas of some accounts from one instant on: two queries, however many windows are asked for."""

    def __init__(
        self, accounts: Iterable[Account], since: datetime, until: datetime | None = None, *, without: int | None = None
    ) -> None:
        """`until`: nothing after the day of that instant is asked for. `without`: a release whose slots count as free."""
        owned = {"account__in": list(accounts), "window__gte": quota.window("month", since)}
        if until is not None:
            owned["window__lt"] = f"{quota.window('day', until)}T24"
        held = Reservation.objects.filter(**owned, released_at__isnull=True)
        if without is not None:
            held = held.exclude(publication__release=without)
        self._taken: Counter[tuple[int, str, str]] = Counter()
        self._waiting: Counter[tuple[int, str, str]] = Counter()
        self._owners: set[tuple[int, str]] = set()
        columns = ("account_id", "mode", "window", "publication_id", "publication__sent_at")
        for account, mode, window, publication, sent_at in held.values_list(*columns):
            self._taken[account, mode, window] += 1
            self._waiting[account, mode, window] += publication is not None and sent_at is None
            if publication is not None:
                self._owners.add((publication, window))
        self._counters, self._spent = CallCounter.objects.filter(**owned), dict[tuple[int, str, str], int]()
        self._asked = False

    def taken(self, account: Account, mode: str, window: str) -> int:
        """Slots of a window that signatures hold."""
        return self._taken[account.pk, mode, window]

    def owns(self, publication: Publication, window: str) -> bool:
        """Whether a publication holds a slot of a window."""
        return (publication.pk, window) in self._owners

    def free(self, account: Account, mode: str, rule: Quota, window: str) -> int:
        """How many publications may still be signed for a window: as slots are left, and as calls are left for them."""
        slots = rule.count - self.taken(account, mode, window)
        affordable = self.affordable(account, mode, rule, window)
        return max(0, slots if affordable is None else min(slots, affordable))

    def affordable(self, account: Account, mode: str, rule: Quota, window: str) -> int | None:
        """For how many more the calls suffice; None where nobody counts calls.

        What is signed and has not left yet will need its own. Some of them it may have spent already on staging: then
        this says rather too little than too much.
        """
        if not rule.bucket:
            return None
        left = rule.count - self.spent(account, rule, window)
        return max(0, left // rule.calls - self._waiting[account.pk, mode, window])

    def spent(self, account: Account, rule: Quota, window: str) -> int:
        """Calls that our own counter knows of."""
        if not self._asked:
            rows = self._counters.values_list("account_id", "bucket", "window", "count")
            self._spent, self._asked = {(owner, bucket, name): count for owner, bucket, name, count in rows}, True
        return self._spent.get((account.pk, rule.bucket, window), 0)


def free_slots(account: Account, mode: str, rule: Quota, at: datetime) -> int:
    """How many publications may still be signed for the window of `at`."""
    require_aware(at)
    return Book([account], at, at).free(account, mode, rule, quota.window(rule.period, at))


def next_free(account: Account, mode: str, rule: Quota, after: datetime) -> datetime | None:
    """Start of the next window with a free slot, None when there is none in so many windows."""
    require_aware(after)
    book = Book([account], after)
    for start in quota.next_windows(rule.period, after, LOOK_AHEAD):
        if book.free(account, mode, rule, quota.window(rule.period, start)):
            return start
    return None


# --- what is lacking --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shortage:
    """One window that cannot take what a release needs of it."""

    account: Account
    mode: str
    rule: Quota
    window: str
    needed: int
    free: int

    @property
    def hopeless(self) -> bool:
        """No window at all could take so many."""
        return self.needed > self.rule.most

    @property
    def what(self) -> str:
        """For staff: which account's quota does not suffice."""
        whose = f"账号“{self.account.name}”{PERIODS[self.rule.period]}的{self._quota}"
        if self.hopeless:
            return f"{whose}最多供发 {self.rule.most} 次"
        return f"{whose}{'不够' if self.free else '已用完'}"

    @property
    def numbers(self) -> str:
        """For staff: which window, how many are needed of it and how many are free."""
        window = f"{self.window.replace('T', ' ')} 时" if "T" in self.window else self.window
        if self.hopeless:
            each = f"（每次至多 {spec_of(self.account).mode(self.mode).max_posts} 篇）"
            nowhere = f"改到哪一{_UNITS[self.rule.period]}都放不下"
            return f"本发布单在 {window} 就要发 {self.needed} 次{each}，{nowhere}"
        return f"{window} 还可签发 {self.free} 次，本发布单需要 {self.needed} 次"

    @property
    def _quota(self) -> str:
        label = spec_of(self.account).mode(self.mode).label
        if not self.rule.bucket:
            return f"{label}额度（{self.rule.count} 次）"
        return f"接口调用额度（{self.rule.count} 次，每条{label}约用 {self.rule.calls} 次）"


def shortages(
    publications: Sequence[Publication], *, without: int | None = None, by: timedelta = timedelta(0)
) -> list[Shortage]:
    """Every window of their instants that cannot take them all; what holds a slot of its window needs no other.

    `by`: as if every instant came so much later (earlier, where negative).
    """
    if not publications:
        return []
    return list(_lacking(publications, _book_of(publications, by, without), by))


def first_shift(publications: Sequence[Publication], shifts: Sequence[timedelta]) -> timedelta | None:
    """The first of these shifts of all instants at which every quota takes them; None where none does."""
    if not publications or not shifts:
        return next(iter(shifts), None)
    book = _book_of(publications, min(shifts))
    return next((by for by in shifts if next(_lacking(publications, book, by), None) is None), None)


def _book_of(publications: Sequence[Publication], by: timedelta, without: int | None = None) -> Book:
    first = min(one.instant for one in publications) + by
    return Book({one.account for one in publications}, first, without=without)


def _lacking(publications: Sequence[Publication], book: Book, by: timedelta) -> Iterator[Shortage]:
    """What would be lacking if every instant came so much later."""
    needs: Counter[tuple[Account, str, Quota, str]] = Counter()
    for one in publications:
        for rule in quotas_of(one.account, one.mode):
            window = quota.window(rule.period, one.instant + by)
            if not book.owns(one, window):
                needs[one.account, one.mode, rule, window] += 1
    for (account, mode, rule, window), needed in needs.items():
        free = book.free(account, mode, rule, window)
        if free < needed:
            yield Shortage(account, mode, rule, window, needed, free)


def _refusal(lacking: Sequence[Shortage], publications: Sequence[Publication], again: bool) -> str:
    worst = next((lack for lack in lacking if lack.hopeless), lacking[0])
    if again:
        advice = "" if worst.hopeless else _advice(lacking, publications)
        return (
            f"{worst.what}，没有重发，未做改动：{worst.numbers}。{advice}先前一次是否公开以核实为准："
            "已发出就登记链接，确实没有可到那时再由两人重发，或作废后另编发布单。"
        )
    advice = SPLIT if worst.hopeless else f"{_advice(lacking, publications)}请改期后再签发。"
    return f"{worst.what}，未签发，什么都没有发出：{worst.numbers}。{advice}"


def _advice(lacking: Sequence[Shortage], publications: Sequence[Publication], *, without: int | None = None) -> str:
    """The next date (or hour) on which the whole release fits, on all of its accounts."""
    period = max((lack.rule.period for lack in lacking), key=_COARSER.index)
    first = min(one.instant for one in publications)
    book = _book_of(publications, timedelta(0), without)
    for start in quota.next_windows(period, first, LOOK_AHEAD):
        at = start if period == "hour" else _same_time(start, first)
        if next(_lacking(publications, book, at - first), None) is None:
            if period == "hour":
                return f"最近可用的时段从 {show(at, seconds=False)} 开始。"
            return f"最近可用的日期是 {to_beijing(at):%Y-%m-%d}（例如 {show(at)}）。"
    return "一年内没有空余。" if period == "day" else "近期没有空余。"


def _same_time(start: datetime, instant: datetime) -> datetime:
    at = to_beijing(instant)
    return start.replace(hour=at.hour, minute=at.minute, second=at.second, microsecond=at.microsecond)


def outlook(publications: Sequence[Publication], *, without: int | None = None) -> list[str]:
    """What is lacking on their date, and the next on which all of it fits. For whoever plans, before anybody signs.

    `without`: a release whose slots will be free by then.
    """
    lacking = shortages(publications, without=without)
    if not lacking:
        return []
    split = any(lack.hopeless for lack in lacking)
    advice = SPLIT if split else _advice(lacking, publications, without=without)
    told = [f"{lack.what}：{lack.numbers}。" for lack in lacking]
    return [*told[:-1], f"{told[-1]}{advice}"]


def first_fit(publications: Sequence[Publication], *, without: int | None = None) -> datetime | None:
    """The first day from theirs on, at their time of day, on which every quota takes all of them; None within a year."""
    first = min(one.instant for one in publications)
    book = _book_of(publications, timedelta(0), without)
    for day in range(LOOK_AHEAD + 1):
        if next(_lacking(publications, book, timedelta(days=day)), None) is None:
            return first + timedelta(days=day)
    return None


def used(account: Account, mode: str, instant: datetime) -> list[tuple[Quota, int]]:
    """For each quota of a mode: the rule and how many slots are taken in the window of `instant`."""
    require_aware(instant)
    book = Book([account], instant, instant)
    return [(rule, book.taken(account, mode, quota.window(rule.period, instant))) for rule in quotas_of(account, mode)]


# --- what is free ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Window:
    """One quota in one window of the Beijing calendar: `period` "hour", "day" or "month", `name` as in the records.

    `free`: how many publications may still be signed for it, by the slots left and by our own count of calls.
    `calls`: what is counted is calls of all kinds, not publications.
    """

    period: str
    name: str
    start: datetime
    count: int
    used: int
    free: int
    calls: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """One day of an account in one mode. `windows`: its day, and the month it lies in; `busiest`: the fullest hour.

    `free` is the least that any of them leaves, None where the mode knows no quota. `past`: nothing can be signed for it.
    """

    date: date
    windows: tuple[Window, ...]
    busiest: Window | None
    past: bool

    @property
    def free(self) -> int | None:
        """How many more publications may be signed for that day."""
        return min((window.free for window in self.windows), default=None)


def calendar(account: Account, mode: str, first: date, days: int, *, now: datetime) -> list[Day]:
    """What is taken and what is free on each of `days` Beijing days from `first`.

    One query, however long the span; one more where calls are counted.
    """
    return calendars([(account, mode)], first, days, now=now)[0]


def calendars(wanted: Sequence[tuple[Account, str]], first: date, days: int, *, now: datetime) -> list[list[Day]]:
    """The `calendar` of each of these accounts and modes, for no more queries than that of one."""
    today = beijing_date(require_aware(now))
    span = [first + timedelta(days=index) for index in range(days)]
    book = Book({account for account, _ in wanted}, beijing_midnight(first), beijing_midnight(span[-1]))
    return [
        [_day(_Reader(account, mode, book), quotas_of(account, mode), day, past=day < today) for day in span]
        for account, mode in wanted
    ]


@dataclass(frozen=True, slots=True)
class _Reader:
    account: Account
    mode: str
    book: Book

    def window(self, rule: Quota, instant: datetime) -> Window:
        name = quota.window(rule.period, instant)
        used = self.book.taken(self.account, self.mode, name)
        free = self.book.free(self.account, self.mode, rule, name)
        return Window(rule.period, name, instant, rule.count, used, free, bool(rule.bucket))


def _day(reader: _Reader, rules: Sequence[Quota], day: date, *, past: bool) -> Day:
    start = beijing_midnight(day)
    windows = [reader.window(rule, start) for rule in rules if rule.period != "hour"]
    hours = [
        reader.window(rule, start + timedelta(hours=hour))
        for rule in rules
        if rule.period == "hour"
        for hour in range(24)
    ]
    busiest = max(hours, key=lambda window: window.used) if hours else None
    return Day(day, tuple(windows), busiest, past)


def calls_spent(account: Account, *, now: datetime) -> dict[str, int]:
    """Our own count of calls in the windows that hold `now`, by bucket and window, e.g. {"calls 2026-11-23": 12}."""
    windows = [quota.window(period, now) for period in ("hour", "day")]
    rows = account.counters.filter(window__in=windows).order_by("bucket", "window")
    return {f"{row.bucket} {row.window}": row.count for row in rows}
