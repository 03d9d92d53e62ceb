"""Releases: plan, sign, hold, resume, cancel, freeze."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from bot.domain import timeline
from bot.domain.channel import ChannelSpec, ModeSpec
from bot.domain.delivery import STOPPABLE, Event, State
from bot.domain.engine import people as by_people
from bot.domain.engine import stopping
from bot.domain.engine.facts import Facts, Step
from bot.domain.findings import blocking
from bot.domain.instants import require_aware, show
from bot.domain.manifest import ManifestItem, ManifestPublication, manifest, manifest_hash
from bot.domain.sync import AtTime, Policy, as_json
from bot.domain.workflow import EditionState, Role, may_sign
from bot.models import (
    Account,
    AuditEvent,
    Document,
    Edition,
    Freeze,
    Item,
    Person,
    PostRecord,
    Publication,
    Release,
    Unit,
)

from . import audit, gating, home, lanes
from .accounts import channel_of, find_account, spec_of
from .bulk import chunks
from .clocksafety import doubt_of_this_boot
from .errors import NotFound, Refused
from .facts import facts_of, may_have_left
from .pairs import MAY_YET_GO, Alone, alone, left_alone
from .pairs import OVER as OVER_FOR_GOOD
from .people import require
from .preflightplan import arrange_another, arrange_preflights, drop_preflights
from .quotas import follow, reserve
from .transitions import enact, honest, touch
from .voiding import give_back_quota, is_frozen, void_signature

MOVABLE = (STOPPABLE | {State.HELD}) - {State.ARMED}
"""What may be given another instant: no sender has it, and nobody has to find out what became of it."""

_RESCHEDULE = "请改期（tongfa release reschedule {} --at …）后再签发。"


def min_lead() -> timedelta:
    """How far ahead a release must be signed: 90 s, in rehearsal 25 s, or what the installation says."""
    return settings.TONGFA.least_lead(rehearsal=not home.is_live())


def find_release(pk: int, *, unit: Unit) -> Release:
    """A release of this unit."""
    try:
        return Release.objects.select_related("unit").get(pk=pk, unit=unit)
    except Release.DoesNotExist:
        raise NotFound("发布单", pk) from None


# --- plan -----------------------------------------------------------------------------------------------


def plan(
    *, title: str, instant: datetime, documents: Sequence[Document], accounts: Sequence[Account], person: Person,
    now: datetime, modes: dict[str, str] | None = None, sync: Policy | None = None,
) -> Release:  # fmt: skip
    """Compose a release: these approved documents, in this order, on these accounts, at this instant.

    A policy pulls its interpretation along, right behind it. Per account the items become publications of
    at most as many posts as its mode takes; more than one publication makes an ordered lane.
    """
    require_aware(now)
    require_aware(instant)
    require(person, Role.EDITOR, Role.RELEASER)
    if not documents or not accounts:
        raise Refused("empty", "发布单至少要有一份文件和一个账号，未保存。")
    _require_future(instant, now)
    sync = sync or AtTime()
    gating.require_possible(sync)
    editions = [_approved_edition(document) for document in _with_interpretations(documents)]
    with audit.serialised():
        release = Release.objects.create(
            unit=person.unit, title=title or editions[0].title, instant=instant, created_by=person, created_at=now,
            sync=sync.kind, policy=None if isinstance(sync, AtTime) else as_json(sync),
        )  # fmt: skip
        gating.attach(release)
        for account in accounts:
            _plan_account(release, account, editions, (modes or {}).get(account.slug, account.mode))
        data = {
            "instant": instant.isoformat(),
            "accounts": [account.slug for account in accounts],
            "editions": [edition.content_hash for edition in editions],
            "sync": as_json(sync),
        }
        audit.append(person.username, "release.planned", f"release:{release.pk}", data, now=now)
    return release


def _require_future(instant: datetime, now: datetime) -> None:
    if instant <= now:
        raise Refused("past", f"发布时刻 {show(instant)} 已经过去（现在 {show(now)}），未保存。请改用将来的时刻。")


def reschedule(release: Release, *, instant: datetime, person: Person, now: datetime) -> Release:
    """The same items at another instant. A signature stood for the old one: it is void, sign again.

    Refused, with nothing changed, where anything of it may have left.
    """
    require_aware(now)
    require_aware(instant)
    require(person, Role.EDITOR, Role.RELEASER)
    _require_future(instant, now)
    with audit.serialised():
        release.refresh_from_db()
        if release.cancelled_at:
            raise Refused("cancelled", "这张发布单已作废，不能改期。请另编一张。")
        publications = list(release.publications.select_related("account").exclude(state=State.CANCELLED))
        if any(one.status not in MOVABLE or may_have_left(one) for one in publications):
            raise Refused("under_way", "这张发布单已有推送发出、正在发出或等待处理，不能整单改期，未做改动。")
        void_signature(release.pk, reason=f"改期到 {show(instant)}", actor=person.username, now=now)
        for one in publications:
            give_back_quota(one, now=now)  # also where the signature was void before, while it was about to leave
        data = {"from": release.instant.isoformat(), "instant": instant.isoformat()}
        Release.objects.filter(pk=release.pk).update(instant=instant)
        for one in publications:
            at = timeline.lane_instants(instant, one.lane + 1, spec_of(one.account).spacing)[-1]
            Publication.objects.filter(pk=one.pk).update(instant=at, not_before=at)
        audit.append(person.username, "release.rescheduled", f"release:{release.pk}", data, now=now)
    release.refresh_from_db()
    return release


def _with_interpretations(documents: Sequence[Document]) -> list[Document]:
    chosen = list(dict.fromkeys(documents))
    ordered: list[Document] = []
    for document in chosen:
        if document in ordered:
            continue
        ordered.append(document)
        if document.is_policy:
            ordered += [other for other in document.interpretations.order_by("pk") if other not in ordered]
    return ordered


def _approved_edition(document: Document) -> Edition:
    edition = document.current
    if edition.status is not EditionState.APPROVED:
        raise Refused(
            "not_approved",
            f"《{edition.title}》（{document.external_id}）状态为“{edition.status.label}”，尚未终审通过，发布单未保存。请先完成审核。",
        )
    return edition


def _plan_account(release: Release, account: Account, editions: list[Edition], mode_name: str) -> None:
    if not account.enabled:
        raise Refused(
            "disabled",
            f"账号“{account.name}”已停用（{account.disabled_reason}），发布单未保存。请换一个账号或先恢复它。",
        )
    spec = spec_of(account)
    mode = _mode_of(spec, mode_name)
    groups = [editions[start : start + mode.max_posts] for start in range(0, len(editions), mode.max_posts)]
    instants = timeline.lane_instants(release.instant, len(groups), spec.spacing)
    for lane, (instant, group) in enumerate(zip(instants, groups, strict=True)):
        publication = Publication.objects.create(
            release=release, account=account, mode=mode.name, lane=lane, instant=instant, not_before=instant,
            key=uuid.uuid4().hex,
        )  # fmt: skip
        for position, edition in enumerate(group):
            _plan_item(publication, position, edition)


def _mode_of(spec: ChannelSpec, name: str) -> ModeSpec:
    try:
        return spec.mode(name)
    except KeyError:
        words = "、".join(f"{known.name}（{known.label}）" for known in spec.modes)
        raise Refused("mode", f"{spec.label}没有发布方式“{name}”，发布单未保存。可用：{words}。") from None


def _plan_item(publication: Publication, position: int, edition: Edition) -> None:
    account = publication.account
    post = PostRecord.objects.filter(edition=edition, account=account).first()
    if post is None:
        raise Refused(
            "no_post",
            f"《{edition.title}》送审时还没有账号“{account.name}”的渠道稿，发布单未保存。请把该文件重新送审一次（生成新版本）。",
        )
    try:
        with transaction.atomic():
            Item.objects.create(publication=publication, position=position, account=account, edition=edition, post=post)
    except IntegrityError:
        raise _already_planned(edition, account) from None


def _already_planned(edition: Edition, account: Account) -> Refused:
    other = Item.objects.select_related("publication__release").get(edition=edition, account=account, active=True)
    release = other.publication.release
    where = f"发布单 {release.pk}（{show(release.instant)}，{State(other.publication.state).label}）"
    return Refused(
        "once",
        f"《{edition.title}》在账号“{account.name}”上已列入{where}，同一版本同一账号只发一次，本发布单未保存。"
        f"要换时刻，请改期（tongfa release reschedule {release.pk}）或先作废那一张；如需更正，请修改内容形成新版本。",
    )


# --- sign -----------------------------------------------------------------------------------------------


def sign(release: Release, *, person: Person, now: datetime) -> Release:
    """Freeze the manifest over order, accounts, modes, instants and bytes; reserve the quota; start the clock.

    Refused, with nothing changed, when it is too close, an approval is missing, a policy lacks its
    interpretation, a quota is used up (naming the next free day) or a freeze stands.
    """
    require_aware(now)
    with audit.serialised():  # nothing that is read here changes before the signature stands
        release.refresh_from_db()
        publications = _signable(release, now)
        _require_ready(release, publications, person, now)
        entries = [_fill(publication) for publication in publications]
        reserve(publications, now=now)
        value = manifest(str(release.pk), release.signed_policy, entries)
        signed = Release.objects.filter(pk=release.pk, signed_at__isnull=True, cancelled_at__isnull=True).update(
            manifest=value, manifest_hash=manifest_hash(value), signed_by=person, signed_at=now
        )
        if not signed:
            raise Refused("signed", "这张发布单刚被签发或作废过，本次未签发。请刷新后再看。")
        for publication in publications:
            _schedule(publication, person, now)
        gating.start(release, now=now)
        arrange_preflights(release, publications, now=now)
        data = {"manifest": manifest_hash(value), "instant": release.instant.isoformat()}
        audit.append(person.username, "release.signed", f"release:{release.pk}", data, now=now)
    release.refresh_from_db()
    return release


def _require_ready(release: Release, publications: Sequence[Publication], person: Person, now: datetime) -> None:
    """Signer, lead, portal page, approvals, pairs."""
    editions = list(Edition.objects.filter(items__publication__in=publications).select_related("document").distinct())
    authors = {author for edition in editions for author in edition.authors()}
    refusal = may_sign(person=person.pk, roles=person.roles if person.is_active else (), authors=authors)
    if refusal:
        raise Refused(refusal.code, refusal.message)
    _require_lead(release, now)
    gating.require_possible(release.sync_policy)
    _require_approved(editions)
    require_pairs(publications)


def _signable(release: Release, now: datetime) -> list[Publication]:
    if release.cancelled_at:
        raise Refused("cancelled", "这张发布单已作废，不能签发。请另编一张。")
    if release.signed_at:
        raise Refused("signed", f"这张发布单已由{release.signed_by}于 {show(release.signed_at)} 签发，无须重复签发。")
    if is_frozen(release.unit):
        raise Refused("frozen", "本单位正处于一键停发状态，不能签发。请先解除停发。")
    found = release.publications.filter(state__in=[State.PLANNED, State.HELD]).select_related("account", "release")
    publications = list(found.order_by("account_id", "lane"))
    if not publications:
        raise Refused("empty", "这张发布单里没有可签发的推送。")
    for publication in publications:
        if not publication.account.enabled:
            raise Refused("disabled", f"账号“{publication.account.name}”已停用，未签发。请更换账号后重新编制。")
    return publications


def _require_lead(release: Release, now: datetime) -> None:
    earliest = now + min_lead()
    if release.instant < earliest:
        if release.instant <= now:
            raise Refused(
                "lead", f"发布时刻 {show(release.instant)} 已经过去，未签发。{_RESCHEDULE.format(release.pk)}"
            )
        raise Refused(
            "lead",
            f"发布时刻 {show(release.instant)} 距现在不足 {min_lead().total_seconds():.0f} 秒，未签发。最早可定在 {show(earliest + timedelta(seconds=1))}，{_RESCHEDULE.format(release.pk)}",
        )


def _require_approved(editions: Sequence[Edition]) -> None:
    for edition in editions:
        if edition.status is not EditionState.APPROVED or edition.pk != edition.document.current.pk:
            raise Refused(
                "not_approved",
                f"《{edition.title}》已不是审核通过的最新版本（{edition.status.label}），未签发。请重新审核并重新编制发布单。",
            )


def require_pairs(publications: Sequence[Publication]) -> None:
    """A policy and its interpretation are pushed together, on every account (or a waiver says why not)."""
    for one in alone(publications, going=[publication.pk for publication in publications]):
        raise Refused("pairing", f"{one.words}，未签发。请把解读送审通过后一并编入，或写明理由豁免。")


def credit_line(edition: Edition) -> str:
    """来源 / 责编 / 审核, from the review record."""
    reviewers = "、".join(
        review.person.name for review in edition.reviews.select_related("person").order_by("at", "pk")
    )
    unit = edition.content.get("unit") or edition.document.unit.name
    return f"来源：{unit}　责编：{edition.author.name}　审核：{reviewers}"


def _fill(publication: Publication) -> ManifestPublication:
    """Draw the credit line into each post, check the whole against the channel, and freeze the bytes."""
    items = list(
        publication.items.select_related("edition__document__unit", "edition__author", "post__account").order_by(
            "position"
        )
    )
    posts = [item.post.post.with_credit(credit_line(item.edition)) for item in items]
    stop = blocking(channel_of(publication.account, mode=publication.mode).check(posts))
    if stop:
        raise Refused(
            "blocked",
            f"账号“{publication.account.name}”的渠道稿不符合平台要求，未签发。",
            tuple(f.message for f in stop),
        )
    for item, post in zip(items, posts, strict=True):
        Item.objects.filter(pk=item.pk).update(payload=dict(post.payload), payload_hash=post.hash)
    return ManifestPublication(
        publication.account.slug, publication.mode, publication.lane, publication.instant,
        tuple(ManifestItem(i.edition.content_hash, p.hash, p.marker) for i, p in zip(items, posts, strict=True)),
    )  # fmt: skip


def _schedule(publication: Publication, person: Person, now: datetime) -> None:
    enact(publication, by_people.scheduled(facts_of(publication), now=now), actor=person.username, now=now)


# --- stop -----------------------------------------------------------------------------------------------


REASON_LENGTH = 240
OVER = frozenset({State.CONFIRMING, State.LIVE, State.GONE, State.WITHDRAWN, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Stopped:
    """The honest answer of a freeze, hold or cancel: what is already public, what was stopped, what is on its way."""

    sent: int
    stopped: int
    in_flight: int
    doubtful: int = 0

    @property
    def message(self) -> str:
        """For staff."""
        maybe = "（可能已发出：还没有发出字节的会拦下，发出了的无法拦回，几秒后见经过）" if self.in_flight else ""
        doubt = f"另有 {self.doubtful} 条先前是否已发出不明，请先核实。" if self.doubtful else ""
        return f"已发出 {self.sent} 条，已拦下 {self.stopped} 条，在途 {self.in_flight} 条{maybe}。{doubt}"


AT_ONCE = 100
"""Pushes to a transaction: a sender that reads them just before T does not wait until thousands are written."""
_IN_FLIGHT = frozenset({State.SENDING, State.UNKNOWN})
_ON_THE_WAY = STOPPABLE | _IN_FLIGHT


def _stop(
    publications: Sequence[Publication], event: Event, reason: str, actor: str, clock: _Passing,
    *, stands_at: datetime | None = None,
) -> Stopped:  # fmt: skip
    """Stop what can be stopped, first what a sender may have. Where a byte may be out the wish is left with it: nothing of
    it is sent again.

    What a wish reached is judged when it is written down (`stands_at`: what every sender reads was written before):
    whoever waited for the database may have come too late.
    """
    reached: Counter[stopping.Reach] = Counter()
    for keys in chunks([one.pk for one in sorted(publications, key=_urgency)], AT_ONCE):
        with audit.serialised():
            # locked: a worker that takes a lease between the reading and the writing would undo the whole part
            rows = Publication.objects.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk")
            reaches = [
                _stop_one(row, event, reason, actor, clock.asked) for row in rows.select_related("account", "release")
            ]
            present = stands_at or clock.now()
            trusted = not any(facts.state in _IN_FLIGHT for facts, _ in reaches) or not doubt_of_this_boot(
                now=clock.now()
            )
            reached.update(
                stopping.reach_of_wish(facts, now=present, clock_trusted=trusted)
                if facts.state in _IN_FLIGHT
                else reach
                for facts, reach in reaches
            )
    told = (stopping.Reach.SENT, stopping.Reach.STOPPED, stopping.Reach.IN_FLIGHT, stopping.Reach.DOUBTFUL)
    return Stopped(*(reached[reach] for reach in told))


def _urgency(publication: Publication) -> tuple[bool, bool, datetime]:
    """What a sender may have comes first, then what it is about to get."""
    return publication.status not in _IN_FLIGHT, publication.status is not State.ARMED, publication.not_before


def _stop_one(
    publication: Publication, event: Event, reason: str, actor: str, now: datetime
) -> tuple[Facts, stopping.Reach]:
    facts = facts_of(publication)
    step, reach = stopping.stop(facts, event, reason, now=now)
    if step is not None and step.event is not None:
        enact(publication, step, actor=actor, now=now)
    elif step is not None and facts.state is State.HELD:
        touch(publication, **{**step.changes, "reason": honest(publication, State.HELD, step.reason), "alarm_at": now})
    elif step is not None:
        _wish(publication, event, step)
    if publication.status is State.CANCELLED:
        free_items(publication, now=now)
    return facts, reach


def _as_one(release: Release, person: Person, reason: str, now: datetime) -> AbstractContextManager[None]:
    """What a stop does to a release and what the trail says of it in one transaction; a large one in parts, and then
    the trail says first what is begun."""
    if release.publications.count() <= AT_ONCE:
        return audit.serialised()
    audit.append(person.username, "release.stopping", f"release:{release.pk}", {"reason": reason}, now=now)
    return nullcontext()


class _Passing:
    """The present instant of something that began at `asked`, whatever it had to wait for."""

    def __init__(self, asked: datetime) -> None:
        self.asked, self._began = asked, monotonic()

    def now(self) -> datetime:
        """By the steady clock."""
        return self.asked + timedelta(seconds=monotonic() - self._began)


def _wish(publication: Publication, event: Event, step: Step) -> None:
    """Left with the row whoever holds it: its sender reads it before T, and before anything is sent again."""
    wish = Publication.objects.filter(pk=publication.pk)
    if event is Event.HOLD:
        wish = wish.exclude(stop_event=str(Event.CANCEL))  # what was called off for good stays so
    wish.update(**step.changes, stop_by="")


def _unsettled(release: Release, only: int | None) -> list[Publication]:
    found = release.publications.select_related("account", "release")
    return list(found.filter(pk=only) if only else found)


def hold(release: Release, *, person: Person, reason: str, now: datetime, only: int | None = None) -> Stopped:
    """Pause what has not left yet."""
    require_aware(now)
    require(person, Role.RELEASER, Role.DUTY)
    if not reason.strip():
        raise Refused("reason", "暂停须写明原因，未做改动。")
    clock = _Passing(now)
    with _as_one(release, person, reason, now):
        publications = _unsettled(release, only)
        publications += left_alone(publications, but_for=_ON_THE_WAY | {State.HELD}) if only else []
        why = f"{person.name}暂停：{reason[:REASON_LENGTH]}"
        answer = _stop(publications, Event.HOLD, why, person.username, clock)
        audit.append(
            person.username,
            "release.held",
            f"release:{release.pk}",
            {"reason": reason, "answer": answer.message},
            now=now,
        )
    return answer


def resume(release: Release, *, person: Person, now: datetime, only: int | None = None) -> int:
    """Take held publications up again; whatever is already past its instant goes as soon as it is staged."""
    require_aware(now)
    require(person, Role.RELEASER)
    if not release.signed:
        raise Refused("unsigned", "这张发布单没有有效签发，不能恢复。请重新签发。")
    if is_frozen(release.unit):
        raise Refused("frozen", "本单位正处于一键停发状态，不能恢复。请先解除停发。")
    gating.require_through(release)
    resumed: set[int] = set()
    with audit.serialised():
        held = [one for one in _unsettled(release, only) if one.status is State.HELD]
        free, lonely = _may_go_on(held)
        for publication in free:
            follow(publication, max(publication.instant, now), now=now)
            enact(publication, by_people.resumed(facts_of(publication), now=now), actor=person.username, now=now)
            resumed.add(publication.pk)
        ahead = [one.account_id for one in held if one.pk in resumed and one.instant > now]
        arrange_another(release, ahead, asked_by=person, now=now)
        if lonely and not resumed:
            raise Refused("pairing", f"{lonely[0].words}，恢复会使它单独公开，未做改动。{_TOGETHER}")
        if held and not resumed:
            raise Refused("lane", f"{still_behind(held)}未做改动。")
        data = {"answer": f"已恢复 {len(resumed)} 条推送。"}
        audit.append(person.username, "release.resumed", f"release:{release.pk}", data, now=now)
    return len(resumed)


_TOGETHER = "请连同解读一起恢复；解读不再发的，把政策文件也作废，补好解读后另编发布单。"


def _may_go_on(held: Sequence[Publication]) -> tuple[list[Publication], list[Alone]]:
    """What of this may be resumed, in order, and what would be public without its interpretation.

    Left out is what would be held again within a second, too: something in its lane stands before it.
    """
    left, lonely = sorted(held, key=lambda one: one.lane), list[Alone]()
    while True:
        free: list[Publication] = []
        for one in left:
            if lanes.stuck_behind(one, [each.pk for each in free]) is None:
                free.append(one)
        found = alone(free, going=[one.pk for one in free])
        if not found:
            return free, lonely
        lonely += found
        without = {one.publication.pk for one in found}
        left = [one for one in left if one.pk not in without]


def still_behind(held: Sequence[Publication]) -> str:
    """Why these cannot be resumed yet, and what to do first; "" when nothing stands before them."""
    lonely = _may_go_on(held)[1]
    if lonely:
        return f"{lonely[0].words}，没有恢复，没有发出。{_TOGETHER}"
    found = {before.pk: before for one in held if (before := lanes.stuck_behind(one)) is not None}
    first = [one for one in found.values() if one.pk not in {each.pk for each in held}] or list(found.values())
    if not first:
        return ""
    one = first[0]
    doubt = one.status in {State.UNKNOWN, State.NEEDS_PERSON}
    then = "系统核对清楚" if one.status is State.UNKNOWN else "处理好它"
    return (
        f"{len(held)} 条排在“{one.account.name}”第 {one.lane + 1} 条（推送 {one.pk}，{one.status.label}）之后，"
        f"没有发出，现在恢复也会马上再停下。请等{then}以后再恢复"
        + ("；它是否公开以核实为准，不要手工补发。" if doubt else "。")
    )


def cancel(release: Release, *, person: Person, reason: str, now: datetime, only: int | None = None) -> Stopped:
    """Call it off for good: what has not left never will; its editions and quota are free again."""
    require_aware(now)
    require(person, Role.RELEASER, Role.DUTY)
    if not reason.strip():
        raise Refused("reason", "作废须写明原因，未做改动。")
    clock = _Passing(now)
    with _as_one(release, person, reason, now):
        publications = _unsettled(release, only)
        if publications and all(publication.status in OVER for publication in publications):
            raise Refused("over", "都已发出或早已作废，没有可作废的，未做改动。要撤下已公开的内容，请到平台后台办理。")
        if only:
            require_not_left_alone(publications)
        if only is None:
            Release.objects.filter(pk=release.pk, cancelled_at__isnull=True).update(
                cancelled_at=now, cancel_reason=reason[:300]
            )
            drop_preflights(release.pk, why="发布单已作废")
        answer = _stop(
            publications, Event.CANCEL, f"{person.name}作废：{reason[:REASON_LENGTH]}", person.username, clock
        )
        audit.append(
            person.username,
            "release.cancelled",
            f"release:{release.pk}",
            {"reason": reason, "answer": answer.message},
            now=now,
        )
    return answer


def require_not_left_alone(publications: Sequence[Publication]) -> None:
    """Refused where a policy that may still go would be public without the interpretation that is to be called off."""
    for one in left_alone(publications, but_for=MAY_YET_GO, resting=OVER_FOR_GOOD):
        raise Refused(
            "pairing",
            f"政策文件（推送 {one.pk}，{one.status.label}）还没有公开，作废它的解读会使它单独公开，未做改动。"
            f"请先作废政策文件（tongfa release cancel {one.release_id} --publication {one.pk}；需人工处理或已错过的用 "
            f"tongfa release settle {one.pk} --cancel），或连同整单作废、暂停。",
        )


def free_items(publication: Publication, *, now: datetime) -> None:
    """A cancelled publication of which no byte ever left gives back its editions and its quota."""
    require_aware(now)
    if may_have_left(publication):
        return
    Item.objects.filter(publication=publication).update(active=False)
    give_back_quota(publication, now=now)


def freeze(unit: Unit, *, person: Person, reason: str, now: datetime) -> Stopped:
    """一键停发: stop every release of the unit until the freeze is lifted."""
    require_aware(now)
    require(person, Role.DUTY, Role.RELEASER)
    if not reason.strip():
        raise Refused("reason", "停发须写明原因，未做改动。")
    clock, subject = _Passing(now), f"unit:{unit.code}"
    with audit.serialised():
        standing = Freeze.objects.filter(unit=unit, lifted_at__isnull=True).first()
        if standing is not None and _reached_all(standing):
            raise Refused("frozen", "本单位已处于一键停发状态。")
        if standing is None:  # else it was interrupted, and is finished now
            Freeze.objects.create(unit=unit, reason=reason[:300], person=person, at=now)
            audit.append(person.username, "unit.frozen", subject, {"reason": reason}, now=now)
    stands_at = clock.now()  # from here on every sender reads it, however long the writing of the rest takes
    signed = Publication.objects.filter(release__unit=unit, release__signed_at__isnull=False)
    waiting = list(
        signed.exclude(state__in=[State.CANCELLED, State.GONE, State.WITHDRAWN, State.MISSED]).filter(
            Q(state__in=[*map(str, _ON_THE_WAY), State.HELD]) | Q(instant__gt=now - timedelta(days=1))
        )
    )
    why = f"{person.name}一键停发：{reason[:REASON_LENGTH]}"
    answer = _stop(waiting, Event.HOLD, why, person.username, clock, stands_at=stands_at)
    audit.append(person.username, "unit.freeze_reached", subject, {"answer": answer.message}, now=stands_at)
    return answer


def _reached_all(standing: Freeze) -> bool:
    """Whether a freeze was written down to its last push; one that was interrupted is not."""
    lines = AuditEvent.objects.filter(subject=f"unit:{standing.unit.code}", at__gte=standing.at)
    return lines.filter(action="unit.freeze_reached").exists()


def unfreeze(unit: Unit, *, person: Person, now: datetime) -> None:
    """Lift a freeze; what it held stays held until somebody resumes it. So does what it was interrupted before."""
    require_aware(now)
    require(person, Role.RELEASER)
    missed = Publication.objects.filter(
        release__unit=unit, release__signed_at__isnull=False, state__in=[*map(str, STOPPABLE)]
    )
    if is_frozen(unit) and missed.exists():
        _stop(
            list(missed),
            Event.HOLD,
            f"{person.name}解除停发：停发期间没有登记到的，先暂停",
            person.username,
            _Passing(now),
        )
    with audit.serialised():
        lifted = Freeze.objects.filter(unit=unit, lifted_at__isnull=True).update(lifted_at=now, lifted_by=person)
        if not lifted:
            raise Refused("not_frozen", "本单位没有处于停发状态。")
        audit.append(person.username, "unit.unfrozen", f"unit:{unit.code}", now=now)


def accounts_named(slugs: Sequence[str], *, unit: Unit) -> list[Account]:
    """Accounts of the unit by slug; all enabled ones when none is named."""
    if slugs:
        return [find_account(slug, unit=unit) for slug in slugs]
    return [account for account in unit.accounts.order_by("pk") if account.enabled]
