"""What only a person may decide about a publication that the machine has given up on."""

from __future__ import annotations

import uuid
from datetime import datetime

from bot.domain.delivery import FOR_A_PERSON
from bot.domain.engine import people as engine
from bot.domain.engine.resending import Ended, Said, is_new_act
from bot.domain.instants import require_aware
from bot.domain.workflow import Role
from bot.models import AuditEvent, Item, Person, Publication, Unit

from . import audit, gating
from .errors import NotFound, Refused
from .facts import facts_of
from .measuring import first_sample_at
from .people import require
from .quotas import reserve
from .releases import free_items
from .trail import LOOKED, TOLD
from .transitions import enact
from .voiding import give_back_quota, is_frozen


def find_publication(pk: int, *, unit: Unit) -> Publication:
    """A publication of this unit."""
    try:
        return Publication.objects.select_related("release__unit", "account").get(pk=pk, release__unit=unit)
    except Publication.DoesNotExist:
        raise NotFound("推送", pk) from None


def _require_open(publication: Publication) -> None:
    if publication.status not in FOR_A_PERSON:
        raise Refused("state", f"这条推送现在是“{publication.status.label}”，不需要人工处理，未做改动。")


def settle_live(publication: Publication, *, urls: list[str], person: Person, now: datetime) -> None:
    """确认已发: the person found it on the platform and gives the address of every position."""
    require_aware(now)
    require(person, Role.DUTY, Role.RELEASER)
    _require_open(publication)
    items = list(publication.items.order_by("position"))
    if len(urls) != len(items) or not all(url.startswith(("http://", "https://")) for url in urls):
        raise Refused("urls", f"这条推送有 {len(items)} 篇，请按次序给出 {len(items)} 个以 http 开头的链接，未做改动。")
    with audit.serialised():
        for item, url in zip(items, urls, strict=True):
            Item.objects.filter(pk=item.pk).update(
                url=url, platform_id=item.platform_id or f"hand:{publication.pk}_{item.position + 1}"
            )
        step = engine.settled_live(facts_of(publication), person.name, now=now)
        enact(publication, step, actor=person.username, now=now, next_sample_at=first_sample_at(publication, now=now))


def settle_again(publication: Publication, *, person: Person, second: Person, reason: str, now: datetime) -> None:
    """确认未发并重发: two people take it on themselves that it is not public; it is staged and sent again.

    Under the same key, so that a platform which knows it refuses a double; under a new one where the platform has said
    itself that nothing went out (a key is unique in the database, too).
    """
    require_aware(now)
    require(person, Role.RELEASER, Role.DUTY)
    require(second, Role.RELEASER, Role.DUTY, Role.FINAL)
    _require_open(publication)
    if person.pk == second.pk:
        raise Refused("second", "重发须由两人共同确认，第二人不能是本人，未做改动。")
    if not reason.strip():
        raise Refused("reason", "重发须写明核实情况，未做改动。")
    if not publication.release.signed or is_frozen(publication.release.unit):
        raise Refused("unsigned", "发布单没有有效签发，或正处于停发状态，不能重发。")
    gating.require_open(publication.release)
    with audit.serialised():
        anew = {"key": uuid.uuid4().hex} if _proved_failed(publication) else {}
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
        reserve([publication], now=now)


def _proved_failed(publication: Publication) -> bool:
    """Whether the platform itself has said of every call that nothing went out. What was kept in doubt is no proof."""
    attempts = [Ended(*row) for row in publication.attempts.order_by("number").values_list("intent_at", "outcome")]
    lines = AuditEvent.objects.filter(subject=f"publication:{publication.pk}", action__in=[LOOKED, TOLD])
    said = [
        Said(at, data.get("verdict") == "Failed" and data.get("gone") is False)
        for at, data in lines.order_by("sequence").values_list("at", "data")
    ]
    return is_new_act(attempts, said)


def settle_cancel(publication: Publication, *, person: Person, reason: str, now: datetime) -> None:
    """作废: it will not be sent."""
    require_aware(now)
    require(person, Role.RELEASER, Role.DUTY)
    _require_open(publication)
    if not reason.strip():
        raise Refused("reason", "作废须写明原因，未做改动。")
    with audit.serialised():
        step = engine.called_off(facts_of(publication), person.name, reason)
        enact(publication, step, actor=person.username, now=now)
        free_items(publication, now=now)
