"""手工发布登记: the book of what people posted on a platform's own console.

The machine shares the account with them: what they posted takes that day's quota, and an edition that they posted is not
sent again. Where a signed release stands in the way, its signature is voided, so that a person hears of it and decides;
whoever enters the post is told before. The book is append-only: a mistake is voided, and the right entry is a new line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import QuerySet

from bot.domain import quota
from bot.domain.channel import ModeSpec
from bot.domain.delivery import STOPPABLE, State
from bot.domain.instants import beijing_midnight, require_aware, show
from bot.domain.workflow import Role
from bot.models import (
    Account,
    Edition,
    Item,
    ManualPost,
    ManualTask,
    ManualVoid,
    Person,
    Publication,
    Release,
    Reservation,
    Unit,
)

from . import audit
from .accounts import spec_of
from .errors import NotFound, Refused
from .facts import may_have_left
from .people import require
from .quotas import give_back_by_hand, rules_by_hand, take_by_hand
from .settling import post_at
from .voiding import void_signature

OLDEST = timedelta(days=366)  # before that a year was mistyped
NEAR = timedelta(days=2)  # a post of the machine has the same address: looked for around that time
_WAITING = [str(state) for state in STOPPABLE | {State.HELD}]
_NOTHING = "没有登记，未做改动"


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody says was posted. `edition` is None for what has no document here; then `title` is needed."""

    account: Account
    mode: str
    url: str
    posted_at: datetime
    posted_by: Person
    title: str = ""
    edition: Edition | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Clash:
    """A release that cannot go as it was planned any more. `why` is Chinese."""

    release: Release
    why: str

    @property
    def words(self) -> str:
        """What becomes of it, for staff."""
        name = f"发布单 {self.release.pk}《{self.release.title}》（{show(self.release.instant, seconds=False)}）"
        then = "登记后原签发作废、整单暂停，未发出，须重新编制或改期" if self.release.signed else "登记后它不能签发"
        return f"{name}：{self.why}；{then}。"


@dataclass(frozen=True, slots=True)
class Entered:
    """The new line. `over`: by the book more was posted than the quota allows; `stopped`: what lost its signature."""

    post: ManualPost
    over: bool
    stopped: Sequence[Clash]


# --- reading ------------------------------------------------------------------------------------------------


def standing(unit: Unit) -> QuerySet[ManualPost]:
    """Entries of a unit that count."""
    return ManualPost.objects.filter(unit=unit, void__isnull=True).select_related("account", "edition__document")


def on_days(unit: Unit, first: date, last: date) -> list[ManualPost]:
    """What was posted by hand on the Beijing days from `first` to `last`, both included, in order of time. One query."""
    span = (beijing_midnight(first), beijing_midnight(last + timedelta(days=1)))
    found = standing(unit).filter(posted_at__gte=span[0], posted_at__lt=span[1])
    return list(found.select_related("posted_by").order_by("posted_at", "pk"))


def book(unit: Unit, *, before: int | None = None, most: int = 50) -> list[ManualPost]:
    """The newest lines, voided ones included; `before`: those older than the line of that number."""
    found = ManualPost.objects.filter(unit=unit)
    found = found.filter(pk__lt=before) if before else found
    whole = found.select_related(
        "account", "edition__document", "posted_by", "entered_by", "void__person", "corrects", "task"
    )
    return list(whole.order_by("-pk")[:most])


def find_post(pk: int, *, unit: Unit) -> ManualPost:
    """A line of this unit's book."""
    try:
        return ManualPost.objects.select_related("account", "edition__document", "void").get(pk=pk, unit=unit)
    except ManualPost.DoesNotExist:
        raise NotFound("手工发布登记", pk) from None


def posted_by_hand(edition: Edition, account: Account) -> ManualPost | None:
    """The entry that says that this edition is public on this account already, None where there is none."""
    return ManualPost.objects.filter(edition=edition, account=account, void__isnull=True).first()


# --- entering -----------------------------------------------------------------------------------------------


def register(entry: Entry, *, person: Person, now: datetime, knowing: bool = False) -> Entered:
    """Enter a post. `knowing`: the person was told which releases lose their signature by it (else refused: "clash")."""
    require_aware(now)
    with audit.serialised():
        return _enter(entry, person=person, now=now, knowing=knowing, corrects=None)


def correct(
    old: ManualPost, entry: Entry, *, reason: str, person: Person, now: datetime, knowing: bool = False
) -> Entered:
    """A new line takes the place of a wrong one, which is voided with the reason."""
    require_aware(now)
    with audit.serialised():
        void(old, reason=reason, person=person, now=now)
        return _enter(entry, person=person, now=now, knowing=knowing, corrects=old)


def void(post: ManualPost, *, reason: str, person: Person, now: datetime) -> ManualVoid:
    """It was entered by mistake: it counts no more, and gives back what it took. The line itself stays."""
    require_aware(now)
    require(person, Role.DUTY, Role.RELEASER)
    if post.unit_id != person.unit_id:
        raise NotFound("手工发布登记", post.pk)
    if not reason.strip():
        raise Refused("reason", "更正或作废登记须写明原因，未做改动。")
    with audit.serialised():
        if ManualVoid.objects.filter(post=post).exists():
            raise Refused("void", f"第 {post.pk} 条登记已作废，未做改动。请刷新后再看。")
        made = ManualVoid.objects.create(post=post, reason=reason.strip()[:300], person=person, at=now)
        give_back_by_hand(post, next(iter(_mates(post.account, post.mode, post.posted_at)), None), now=now)
        if post.task_id and not ManualPost.objects.filter(task=post.task_id, void__isnull=True).exists():
            ManualTask.objects.filter(pk=post.task_id).update(done_at=None)
        data = {"post": post.pk, "title": post.title, "reason": reason.strip()[:300]}
        audit.append(person.username, "manual.voided", _subject(post), data, now=now)
    return made


def _enter(entry: Entry, *, person: Person, now: datetime, knowing: bool, corrects: ManualPost | None) -> Entered:
    require(person, Role.DUTY, Role.RELEASER)
    mode = _checked(entry, person, now)
    key = _require_address(entry)
    _require_once(entry, key)
    mates = _mates(entry.account, mode.name, entry.posted_at)
    if mates and len(mates) >= mode.max_posts:
        raise Refused(
            "full", f"同一次{mode.label}最多 {mode.max_posts} 篇，这个时间已登记 {len(mates)} 篇，{_NOTHING}。"
        )
    stopped = clashes(entry)
    if stopped and not knowing:
        raise Refused("clash", f"登记会影响下列发布单，还{_NOTHING}。核对属实后请勾选“我已核实”再登记。",
                      tuple(clash.words for clash in stopped))  # fmt: skip
    for clash in stopped:
        void_signature(clash.release.pk, reason=clash.why, actor=person.username, now=now)
    post = _write(entry, key, person, now, corrects)
    over = not mates and not take_by_hand(post, now=now)
    data = {
        "post": post.pk, "account": post.account.slug, "mode": post.mode, "title": post.title, "url": post.url,
        "at": post.posted_at.isoformat(), "by": post.posted_by.username, "over": over,
        "stopped": [clash.release.pk for clash in stopped], "corrects": corrects.pk if corrects else None,
    }  # fmt: skip
    audit.append(person.username, "manual.registered", _subject(post), data, now=now)
    return Entered(post, over, stopped)


def _subject(post: ManualPost) -> str:
    return f"release:{post.task.release_id}" if post.task else f"account:{post.account.slug}"


def _checked(entry: Entry, person: Person, now: datetime) -> ModeSpec:
    """The mode. Refused where account, people, document or time cannot be."""
    if entry.account.unit_id != person.unit_id:
        raise NotFound("账号", entry.account.slug)
    if entry.posted_by.unit_id != person.unit_id:
        raise NotFound("人员", entry.posted_by.username)
    if entry.edition is not None and entry.edition.document.unit_id != person.unit_id:
        raise NotFound("文件", entry.edition.document.external_id)
    if require_aware(entry.posted_at) > now:
        raise Refused(
            "future",
            f"发布时间 {show(entry.posted_at)} 还没有到（现在 {show(now)}），{_NOTHING}。请填写实际发出的时间。",
        )
    if entry.posted_at < now - OLDEST:
        raise Refused("old", f"发布时间 {show(entry.posted_at)} 在一年以前，{_NOTHING}。请核对年份。")
    if entry.edition is None and not entry.title.strip():
        raise Refused("title", f"没有选择文件的，须写明标题，{_NOTHING}。")
    try:
        return spec_of(entry.account).mode(entry.mode)
    except KeyError:
        raise Refused("mode", f"{spec_of(entry.account).label}没有发布方式“{entry.mode}”，{_NOTHING}。") from None


def _require_address(entry: Entry) -> str:
    """Which post the address means."""
    spec, url = spec_of(entry.account), entry.url.strip()
    key = post_at(entry.account, url) if url.startswith(("http://", "https://")) and len(url) <= 1000 else ""
    if not key:
        shapes = "，或 ".join(link.example for link in spec.post_links) or "http 开头的链接"
        raise Refused("url", f"“{url[:100]}”不是{spec.label}一篇文章的链接，应形如 {shapes}，{_NOTHING}。")
    return key


def _require_once(entry: Entry, key: str) -> None:
    """Refused where this post, or this edition on this account, is known already."""
    known = ManualPost.objects.filter(account__channel=entry.account.channel, post_key=key, void__isnull=True).first()
    if known is not None:
        raise Refused("known", f"这个链接已登记（第 {known.pk} 条《{known.title}》），{_NOTHING}。要改，请更正那一条。")
    around = (entry.posted_at - NEAR, entry.posted_at + NEAR)
    for item in Item.objects.filter(account=entry.account, published_at__range=around).exclude(url=""):
        if post_at(entry.account, item.url) == key:
            raise Refused("known", f"这个链接是系统发出的推送 {item.publication_id}，不需要登记，{_NOTHING}。")
    if entry.edition is None:
        return
    known = posted_by_hand(entry.edition, entry.account)
    if known is not None:
        raise Refused("edition", f"这一版本已登记为在“{entry.account.name}”手工发布（第 {known.pk} 条），{_NOTHING}。")
    for publication in _of_edition(entry):
        if str(publication.state) not in _WAITING or may_have_left(publication):
            raise Refused(
                "edition",
                f"《{entry.edition.title}》在“{entry.account.name}”已由系统办理（发布单 {publication.release_id}，"
                f"{publication.status.label}），{_NOTHING}。已发出的，请在那张发布单里登记链接，不要另作登记。",
            )


def _of_edition(entry: Entry) -> Iterator[Publication]:
    items = Item.objects.filter(edition=entry.edition, account=entry.account, active=True)
    for item in items.select_related("publication__release", "publication__account"):
        yield item.publication


def _mates(account: Account, mode: str, posted_at: datetime) -> list[ManualPost]:
    """Other articles of the same message: of one account, mode and minute, where a message may hold several."""
    if spec_of(account).mode(mode).max_posts == 1:
        return []
    found = ManualPost.objects.filter(account=account, mode=mode, posted_at=posted_at, void__isnull=True)
    return list(found.order_by("pk"))


def _write(entry: Entry, key: str, person: Person, now: datetime, corrects: ManualPost | None) -> ManualPost:
    post = ManualPost.objects.create(
        unit=person.unit, account=entry.account, mode=entry.mode, edition=entry.edition, task=_task_of(entry),
        title=(entry.title.strip() or (entry.edition.title if entry.edition else ""))[:300], url=entry.url.strip(),
        post_key=key, posted_at=entry.posted_at, posted_by=entry.posted_by, note=entry.note.strip()[:300],
        entered_by=person, entered_at=now, corrects=corrects,
    )  # fmt: skip
    if post.task_id:
        ManualTask.objects.filter(pk=post.task_id).update(done_at=now)
    return post


def _task_of(entry: Entry) -> ManualTask | None:
    """The task that this post fulfils, whoever entered it in whatever form."""
    if entry.edition is None:
        return None
    found = ManualTask.objects.filter(edition=entry.edition, account=entry.account, done_at__isnull=True)
    return found.filter(release__cancelled_at__isnull=True).order_by("-pk").first()


# --- what stands in the way ---------------------------------------------------------------------------------


def clashes(entry: Entry) -> list[Clash]:
    """Releases that wait for what was posted, or for the quota that it took; each once."""
    found = [*_same_edition(entry), *_same_quota(entry)]
    return list({clash.release.pk: clash for clash in reversed(found)}.values())


def _same_edition(entry: Entry) -> Iterable[Clash]:
    if entry.edition is None:
        return
    for publication in _of_edition(entry):
        yield Clash(publication.release, f"《{entry.edition.title[:40]}》已在“{entry.account.name}”手工发布")


def _same_quota(entry: Entry) -> Iterable[Clash]:
    """Every quota that is full: the latest signed push that holds a slot of it and has not left gives way."""
    if _mates(entry.account, entry.mode, entry.posted_at):
        return
    label = spec_of(entry.account).mode(entry.mode).label
    for rule in rules_by_hand(entry.account, entry.mode):
        window = quota.window(rule.period, entry.posted_at)
        held = Reservation.objects.filter(
            account=entry.account, mode=entry.mode, window=window, released_at__isnull=True
        )
        if held.count() < rule.count:
            continue
        waiting = held.filter(publication__state__in=_WAITING).select_related("publication__release")
        for reservation in waiting.order_by("-publication__instant"):
            if reservation.publication is not None and not may_have_left(reservation.publication):
                why = f"“{entry.account.name}”{window} 的{label}额度已由手工发布用去"
                yield Clash(reservation.publication.release, why)
                break
