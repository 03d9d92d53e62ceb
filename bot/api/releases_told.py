"""Releases as answers; reads only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.db.models import Prefetch, QuerySet

from bot.domain.delivery import FOR_A_PERSON, State
from bot.domain.instants import require_aware, show
from bot.domain.sync import FOR_A_DECISION, AfterLive
from bot.domain.workflow import EditionState, Role
from bot.models import Edition, Item, ManualTask, PortalGate, Publication, Release
from bot.services import manualtasks, quotas
from bot.services.manualtasks import Message
from bot.services.releases import min_lead

from .shapes.releases import (
    ByHand,
    DraftOut,
    Gate,
    Pending,
    Place,
    PublicationOut,
    ReleaseOut,
    ReleasePage,
    ReleasePlanned,
    Task,
)

UNSIGNED = (State.PLANNED, State.HELD)


def with_everything(found: QuerySet[Release]) -> QuerySet[Release]:
    """The releases with their pushes, three questions whatever their number."""
    items = Item.objects.select_related("edition__document").defer("payload", "edition__content").order_by("position")
    pushes = Publication.objects.select_related("account").prefetch_related(Prefetch("items", items))
    ordered = pushes.order_by("account_id", "lane")
    return (
        found.select_related("gate", "urgency", "unit")
        .defer("manifest")
        .prefetch_related(Prefetch("publications", ordered))
    )


def by_hand(found: Sequence[Release], *, now: datetime) -> dict[int, list[Message]]:
    """What people post of these releases of one unit, by release."""
    require_aware(now)
    return manualtasks.of_releases(found, unit=found[0].unit, now=now) if found else {}


def page(found: Sequence[Release], limit: int, *, now: datetime) -> ReleasePage:
    """`found` holds one more than the page where there is another page."""
    shown = found[:limit]
    messages = by_hand(shown, now=require_aware(now))
    return ReleasePage(
        releases=[whole(release, messages.get(release.pk, ())) for release in shown],
        next=shown[-1].pk if len(found) > limit else None,
    )


def whole(release: Release, messages: Sequence[Message]) -> ReleaseOut:
    """A release that comes with everything; `messages`: what people post of it."""
    return ReleaseOut.model_validate(
        {
            "id": release.pk,
            "title": release.title,
            "instant": release.instant,
            "sync": release.sync,
            "gate": _gate(release),
            "created_at": release.created_at,
            "signed": release.signed,
            "signed_at": release.signed_at,
            "cancelled": release.cancelled_at is not None,
            "urgent": release.urgency is not None,
            "publications": [_push(publication) for publication in release.publications.all()],
            "by_hand": [_message(message) for message in messages],
            "pending": list(_pending(release, [task for message in messages for task in message.tasks if task.waits])),
        }
    )


def planned(release: Release, *, now: datetime) -> ReleasePlanned:
    """A release that was just composed."""
    require_aware(now)
    warnings = quotas.outlook(list(release.publications.select_related("account").order_by("account_id", "lane")))
    told = whole(release, by_hand([release], now=now).get(release.pk, ()))
    return ReleasePlanned(**told.model_dump(), warnings=warnings)


def _gate(release: Release) -> Gate | None:
    gate: PortalGate | None = getattr(release, "gate", None)
    policy = release.sync_policy
    if gate is None or not isinstance(policy, AfterLive):
        return None
    return Gate(
        url=policy.url, title=policy.title, wait_seconds=int(policy.wait.total_seconds()), then=policy.then.value,
        state=gate.status, effective=gate.effective,
    )  # fmt: skip


def _push(publication: Publication) -> PublicationOut:
    return PublicationOut(
        id=publication.pk,
        account=publication.account.slug,
        channel=publication.account.channel,
        mode=publication.mode,
        lane=publication.lane,
        state=publication.status,
        reason=publication.reason,
        instant=publication.instant,
        sent_at=publication.sent_at,
        late_ms=publication.late_ms,
        live_at=publication.live_at,
        items=[_place(item) for item in publication.items.all()],
    )


def _message(message: Message) -> ByHand:
    draft = message.draft
    return ByHand(
        account=message.account.slug, channel=message.account.channel, mode=message.mode.name, lane=message.lane,
        standing=message.standing,
        draft=DraftOut(stage=draft.status, label=draft.status.label, note=draft.note) if draft is not None else None,
        tasks=[_task(task) for task in message.tasks],
    )  # fmt: skip


def _task(task: ManualTask) -> Task:
    post = next((post for post in task.posts.all() if post.stands), None)
    return Task(
        position=task.position, document=task.edition.document.external_id, edition=task.edition.number,
        title=task.edition.title, url=post.url if post else None, posted_at=post.posted_at if post else None,
        dropped=task.drop_reason,
    )  # fmt: skip


def _place(item: Item) -> Place:
    return Place(
        position=item.position, document=item.edition.document.external_id, edition=item.edition.number,
        title=item.edition.title, platform_id=item.platform_id or None, url=item.url or None,
    )  # fmt: skip


def _pending(release: Release, tasks: Sequence[ManualTask]) -> Iterator[Pending]:
    """What only people do: sign, decide about the page, settle what is stuck. `tasks`: what people are still to post."""
    if release.cancelled_at is not None:
        return
    pushes = list(release.publications.all())
    open_still = bool(tasks) or any(push.status in UNSIGNED for push in pushes)
    if release.signed_at is None and release.urgency_id is None and open_still:
        until = release.instant - min_lead()
        words = f"请签发人最迟在 {show(until)} 前签发。"
        old = next((one for one in _parts(pushes, tasks) if one.status is EditionState.SUPERSEDED), None)
        if old is not None:
            words = f"“{old.title}”已有新版本，签发不了：请等新版本审核通过后修改发布单、换成新版本，或作废。"
        yield Pending(
            what="signature", roles=[Role.RELEASER], publication=None, until=until,
            message=f"发布单 {release.pk} 还没有签发，到时不会发出。{words}",
        )  # fmt: skip
    gate: PortalGate | None = getattr(release, "gate", None)
    if release.signed and gate is not None and gate.status in FOR_A_DECISION:
        yield _decision(f"发布单 {release.pk}：{gate.status.label}。请决定照发或继续暂停。", None)
    for push in pushes:
        if push.status in FOR_A_PERSON:
            words = f"“{push.account.name}”的推送 {push.pk}：{push.status.label}。{push.reason}"
            yield _decision(words, push.pk)


def _parts(pushes: Iterable[Publication], tasks: Iterable[ManualTask]) -> Iterator[Edition]:
    yield from (item.edition for push in pushes for item in push.items.all())
    yield from (task.edition for task in tasks)


def _decision(message: str, publication: int | None) -> Pending:
    roles: list[str] = [Role.RELEASER, Role.DUTY]
    return Pending(what="decision", roles=roles, publication=publication, until=None, message=message)
