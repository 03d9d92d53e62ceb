"""What somebody says was posted by hand: whether it can be, and which releases it stands in the way of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain import quota
from bot.domain.channel import ModeSpec
from bot.domain.delivery import STOPPABLE, State
from bot.domain.instants import require_aware, show
from bot.domain.typography import quoted
from bot.models import Account, Edition, Item, ManualPost, Person, Publication, Release, Reservation

from . import addresses
from .accounts import spec_of
from .addresses import post_at
from .errors import NotFound, Refused
from .facts import may_have_left
from .quotas import rules_by_hand
from .settling import require_own

OLDEST = timedelta(days=366)  # before that a year was mistyped
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
        name = f"发布单 {self.release.pk}{quoted(self.release.title)}（{show(self.release.instant, seconds=False)}）"
        then = "登记后原签发作废、整单暂停，未发出，须重新编制或改期" if self.release.signed else "登记后它不能签发"
        return f"{name}：{self.why}；{then}。"


def posted_by_hand(edition: Edition, account: Account) -> ManualPost | None:
    """The entry that says that this edition is public on this account already, None where there is none."""
    return ManualPost.objects.filter(edition=edition, account=account, void__isnull=True).first()


# --- is it sound ----------------------------------------------------------------------------------------------


def checked(entry: Entry, person: Person, now: datetime) -> ModeSpec:
    """The mode. Refused where account, people, document or time cannot be."""
    require_aware(now)
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
    spec = spec_of(entry.account)
    for mode in spec.public_modes:
        if mode.name == entry.mode:
            return mode
    raise Refused("mode", f"{spec.label}没有发布方式“{entry.mode}”，{_NOTHING}。")


def address_key(entry: Entry) -> str:
    """Which post the address means."""
    spec, url = spec_of(entry.account), entry.url.strip()
    key = post_at(entry.account, url) if url.startswith(("http://", "https://")) and len(url) <= 1000 else ""
    if not key:
        shapes = "，或 ".join(link.example for link in spec.post_links) or "http 开头的链接"
        raise Refused("url", f"“{url[:100]}”不是{spec.label}一篇文章的链接，应形如 {shapes}，{_NOTHING}。")
    require_own(entry.account, url, _NOTHING)
    return key


def require_once(entry: Entry, key: str) -> None:
    """Refused where this post, or this edition on this account, is known already."""
    known = ManualPost.objects.filter(account__channel=entry.account.channel, post_key=key, void__isnull=True).first()
    if known is not None:
        raise Refused("known", _known_words(known, entry.account))
    item = addresses.of_the_machine(entry.account, key)
    if item is not None:
        raise Refused("known", _sent_words(item, entry.account))
    if entry.edition is None:
        return
    known = posted_by_hand(entry.edition, entry.account)
    if known is not None:
        raise Refused("edition", f"这一版本已登记为在“{entry.account.name}”手工发布（第 {known.pk} 条），{_NOTHING}。")
    for publication in _of_edition(entry):
        if str(publication.state) not in _WAITING or may_have_left(publication):
            raise Refused(
                "edition",
                f"{quoted(entry.edition.title)}在“{entry.account.name}”已由系统办理（发布单 {publication.release_id}，"
                f"{publication.status.label}），{_NOTHING}。已发出的，请在那张发布单里登记链接，不要另作登记。",
            )


def _known_words(known: ManualPost, account: Account) -> str:
    """What to do instead. Another unit's entry is not named: neither its number nor its title."""
    if known.unit_id != account.unit_id:
        return f"这个链接已由其他单位登记，{_NOTHING}。请核对是不是填错了链接；没有填错的，请与系统管理员核对。"
    return f"这个链接已登记（第 {known.pk} 条{quoted(known.title)}），{_NOTHING}。要改，请更正那一条。"


def _sent_words(item: Item, account: Account) -> str:
    """Another unit's push is not named either."""
    if item.account.unit_id != account.unit_id:
        return f"这个链接是其他单位由系统发出的，{_NOTHING}。请核对是不是填错了链接。"
    where = "" if item.account_id == account.pk else f"在“{item.account.name}”"
    return f"这个链接是系统{where}发出的推送 {item.publication_id}，不需要登记，{_NOTHING}。"


def _of_edition(entry: Entry) -> Iterator[Publication]:
    items = Item.objects.filter(edition=entry.edition, account=entry.account, active=True)
    for item in items.select_related("publication__release", "publication__account"):
        yield item.publication


def mates(account: Account, mode: str, posted_at: datetime) -> list[ManualPost]:
    """Other articles of the same message: of one account, mode and minute, where a message may hold several."""
    require_aware(posted_at)
    if spec_of(account).mode(mode).max_posts == 1:
        return []
    found = ManualPost.objects.filter(account=account, mode=mode, posted_at=posted_at, void__isnull=True)
    return list(found.order_by("pk"))


# --- what stands in the way ---------------------------------------------------------------------------------


def clashes(entry: Entry) -> list[Clash]:
    """Releases that wait for what was posted, or for the quota that it took; each once."""
    found = [*_same_edition(entry), *_same_quota(entry)]
    return list({clash.release.pk: clash for clash in reversed(found)}.values())


def _same_edition(entry: Entry) -> Iterable[Clash]:
    if entry.edition is None:
        return
    for publication in _of_edition(entry):
        yield Clash(publication.release, f"{quoted(entry.edition.title[:40])}已在“{entry.account.name}”手工发布")


def _same_quota(entry: Entry) -> Iterable[Clash]:
    """Every quota that is full: the latest signed push that holds a slot of it and has not left gives way."""
    if mates(entry.account, entry.mode, entry.posted_at):
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
