"""What only a person may decide about a publication that the machine has given up on."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from bot.domain.delivery import FOR_A_PERSON, State
from bot.domain.engine import people as engine
from bot.domain.instants import require_aware, show
from bot.domain.postlink import whose_post
from bot.domain.workflow import Role
from bot.models import Account, Item, ManualPost, Person, Publication, Unit

from . import addresses, audit, gating
from .accounts import spec_of
from .addresses import post_at
from .disproof import disproved
from .errors import NotFound, Refused
from .facts import facts_of
from .measuring import first_sample_at
from .pairs import ENDED, alone
from .people import require
from .quotas import reserve
from .stops import free_items, require_not_left_alone
from .transitions import enact
from .voiding import give_back_quota, is_frozen

HAND = "hand:"  # begins a platform id that nobody knows


def find_publication(pk: int, *, unit: Unit) -> Publication:
    """A publication of this unit."""
    try:
        return Publication.objects.select_related("release__unit", "account").get(pk=pk, release__unit=unit)
    except Publication.DoesNotExist:
        raise NotFound("推送", pk) from None


def _require_open(publication: Publication) -> None:
    if publication.status in {State.SENDING, State.UNKNOWN, State.CONFIRMING}:
        facts = facts_of(publication)
        end = facts.since + facts.mode.verdict_within
        latest = show(min(end, facts.last_instant) if publication.status is State.UNKNOWN else end)
        raise Refused(
            "state",
            f"这条推送现在是“{publication.status.label}”，系统还在核对，未做改动。有了结果会自动更新，最迟 {latest} 转人工处理；"
            "在那以前请不要重发，也不要在平台后台手工补发。",
        )
    if publication.status not in FOR_A_PERSON:
        raise Refused("state", f"这条推送现在是“{publication.status.label}”，不需要人工处理，未做改动。")


def declared_by(publication: Publication) -> str:
    """Who declared it live where the system has not read it back; "" else."""
    return str(publication.ids.get(engine.DECLARED, ""))


def mendable(publication: Publication) -> bool:
    """Whether its link can be corrected and the declaration taken back: a person made it, and nobody else has since."""
    return publication.status is State.LIVE and bool(declared_by(publication))


def settle_live(publication: Publication, *, urls: list[str], person: Person, now: datetime) -> None:
    """确认已发: the person found it on the platform and gives the address of every position."""
    require_aware(now)
    require(person, Role.DUTY, Role.RELEASER)
    _require_open(publication)
    items = list(publication.items.order_by("position"))
    with audit.serialised():
        _require_addresses(publication, items, urls)
        _write_addresses(publication, items, urls)
        step = engine.settled_live(facts_of(publication), person.name, now=now)
        enact(publication, step, actor=person.username, now=now, next_sample_at=first_sample_at(publication, now=now))


def correct_live(publication: Publication, *, urls: list[str], person: Person, reason: str, now: datetime) -> None:
    """更正链接: another address for what a person had declared live. What the system read back itself stands."""
    require_aware(now)
    require(person, Role.DUTY, Role.RELEASER)
    _require_declared(publication, reason)
    items = list(publication.items.order_by("position"))
    with audit.serialised():
        _require_addresses(publication, items, urls)
        data = {"reason": reason, "from": [item.url for item in items], "to": urls}
        _write_addresses(publication, items, urls)
        audit.append(person.username, "publication.link_corrected", f"publication:{publication.pk}", data, now=now)
        enact(publication, engine.corrected(facts_of(publication), person.name, reason), actor=person.username, now=now)


def settle_not_live(publication: Publication, *, person: Person, reason: str, now: datetime) -> None:
    """收回登记: what a person had declared live is not there after all; it stands before a person again."""
    require_aware(now)
    require(person, Role.DUTY, Role.RELEASER)
    _require_declared(publication, reason)
    with audit.serialised():
        for item in publication.items.all():
            known = "" if item.platform_id.startswith(HAND) else item.platform_id
            Item.objects.filter(pk=item.pk).update(url="", post_key="", platform_id=known)
        step = engine.not_live_after_all(
            facts_of(publication), person.name, reason.strip(), live_at=publication.live_at
        )
        enact(publication, step, actor=person.username, now=now)


def _require_declared(publication: Publication, reason: str) -> None:
    if not mendable(publication):
        words = "只有由人登记为“已发布”的推送才能更正链接或收回登记"
        raise Refused("not_declared", f"这条推送现在是“{publication.status.label}”；{words}，未做改动。")
    if not reason.strip():
        raise Refused("reason", "更正链接或收回登记须写明原因，未做改动。")


def _require_addresses(publication: Publication, items: Sequence[Item], urls: Sequence[str]) -> None:
    """One for each position, of posts on this vendor's site, each of which no other push has."""
    if len(urls) != len(items) or not all(url.startswith(("http://", "https://")) for url in urls):
        raise Refused("urls", f"这条推送有 {len(items)} 篇，请按次序给出 {len(items)} 个以 http 开头的链接，未做改动。")
    spec = spec_of(publication.account)
    posts = [post_at(publication.account, url) for url in urls]
    for url, post in zip(urls, posts, strict=True):
        if not post:
            shapes = "，或 ".join(link.example for link in spec.post_links)
            raise Refused("urls", f"“{url}”不是{spec.label}一篇文章的链接，应形如 {shapes}，未做改动。")
        require_own(publication.account, url, "未做改动")
    if len(set(posts)) < len(posts):
        raise Refused("urls", "同一个链接给了两次，请按次序给出各篇自己的链接，未做改动。")
    unit = publication.release.unit_id
    for post in posts:
        item = addresses.of_the_machine(publication.account, post, but=publication)
        if item is not None:
            what = f"推送 {item.publication_id}" if item.account.unit_id == unit else "其他单位的推送"
            raise Refused("urls", f"这个链接已属于{what}，请核对是不是找错了文章，未做改动。")
    by_hand = ManualPost.objects.filter(
        account__channel=publication.account.channel, post_key__in=posts, void__isnull=True
    ).first()
    if by_hand is not None and by_hand.unit_id != unit:
        raise Refused("urls", "这个链接已由其他单位登记为手工发布，请核对是不是找错了文章，未做改动。")
    if by_hand is not None:
        raise Refused("urls", f"这个链接已登记为手工发布（第 {by_hand.pk} 条），请先作废那一条登记，未做改动。")


def require_own(account: Account, url: str, nothing: str) -> None:
    """Refused where the address names another account: by the account's own setting, else by the addresses that its posts
    have had. `nothing`: what was not done, for the sentence."""
    spec = spec_of(account)
    owner = whose_post(url, spec.post_links)
    if not owner:
        return
    if spec.identity and spec.identity_in_links:
        own = str(account.options.get(spec.identity, ""))
    else:
        known = Item.objects.filter(account=account).exclude(url="").order_by("-pk").values_list("url", flat=True)[:20]
        own = next((found for one in known if (found := whose_post(one, spec.post_links))), "")
    if own and owner != own:
        raise Refused(
            "urls",
            f"“{url[:100]}”是别的账号的文章，不是“{account.name}”的，{nothing}。请到“{account.name}”的主页打开这篇，复制它的链接。",
        )


def _write_addresses(publication: Publication, items: Sequence[Item], urls: Sequence[str]) -> None:
    for item, url in zip(items, urls, strict=True):
        known = item.platform_id or f"{HAND}{publication.pk}_{item.position + 1}"
        Item.objects.filter(pk=item.pk).update(platform_id=known, **addresses.columns(publication.account, url))


def settle_again(publication: Publication, *, person: Person, second: Person, reason: str, now: datetime) -> None:
    """确认未发并重发: two people take it on themselves that it is not public; it is staged and sent again.

    Under the same key, so that a platform which knows it refuses a double; under a new one where the platform has said
    itself that nothing went out (a key is unique in the database, too).
    """
    require_aware(now)
    require(person, Role.RELEASER, Role.DUTY)
    require(second, Role.RELEASER, Role.DUTY, Role.FINAL)
    _require_open(publication)
    if second.unit_id != publication.release.unit_id:
        raise Refused("second", "共同确认的第二人不是本单位的，未做改动。")
    if person.pk == second.pk:
        raise Refused("second", "重发须由两人共同确认，第二人不能是本人，未做改动。")
    if not reason.strip():
        raise Refused("reason", "重发须写明核实情况，未做改动。")
    require_release_lets(publication)
    with audit.serialised():
        gating.ask_again(publication.release, now=now)
        anew = {"key": uuid.uuid4().hex} if proved_failed(publication) else {}
        audit.append(
            person.username,
            "publication.resend",
            f"publication:{publication.pk}",
            {"second": second.username, "reason": reason, "new_key": bool(anew)},
            now=now,
        )
        how = "平台已说明上次没有发出，以新的编号" if anew else "沿用原编号"
        words = f"{person.name}、{second.name}确认未发出，{how}重新发送。"
        step = engine.sent_again(facts_of(publication), words, now=now)
        enact(publication, step, actor=person.username, now=now, **anew)
        give_back_quota(publication, now=now)
        reserve([publication], now=now, again=True)


def require_release_lets(publication: Publication) -> None:
    """Refused where the release lets nothing be sent again: unsigned, frozen, its page not live, or a policy alone."""
    if not publication.release.signed or is_frozen(publication.release.unit):
        raise Refused("unsigned", "发布单没有有效签发，或正处于停发状态，不能重发。")
    gating.require_open(publication.release)
    for one in alone([publication], resting=ENDED):
        raise Refused("pairing", f"{one.words}，重发会使它单独公开，未做改动。请作废本条，补好解读后另编发布单。")


def proved_failed(publication: Publication) -> bool:
    """Whether the platform itself has said of every call that nothing went out."""
    return publication.pk in disproved([publication])


def settle_cancel(publication: Publication, *, person: Person, reason: str, now: datetime) -> None:
    """作废: it will not be sent."""
    require_aware(now)
    require(person, Role.RELEASER, Role.DUTY)
    _require_open(publication)
    if not reason.strip():
        raise Refused("reason", "作废须写明原因，未做改动。")
    with audit.serialised():
        require_not_left_alone([publication])
        step = engine.called_off(facts_of(publication), person.name, reason)
        enact(publication, step, actor=person.username, now=now)
        free_items(publication, now=now)
