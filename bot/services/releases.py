"""Releases: plan, move to another instant, sign."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from bot.domain import timeline
from bot.domain.alarms import Side
from bot.domain.channel import ChannelSpec, ModeSpec
from bot.domain.delivery import STOPPABLE, State
from bot.domain.engine import people as by_people
from bot.domain.findings import blocking
from bot.domain.instants import require_aware, show
from bot.domain.manifest import ManifestItem, ManifestPublication, manifest, manifest_hash
from bot.domain.sync import AtTime, Policy, as_json
from bot.domain.typography import quoted
from bot.domain.workflow import EditionState, Role, may_sign
from bot.models import (
    Account,
    Document,
    Edition,
    Item,
    Person,
    PostRecord,
    Publication,
    Release,
    Unit,
    Urgency,
)

from . import audit, byhand, gating, home, manualtasks
from .accounts import channel_of, find_account, spec_of
from .errors import NotFound, Refused
from .facts import facts_of, may_have_left
from .handdraftplan import arrange_drafts
from .pairs import alone
from .people import require
from .preflightplan import arrange_preflights
from .quotas import reserve
from .transitions import enact
from .voiding import give_back_quota, is_frozen, void_signature

LONGEST_TITLE = 200

MOVABLE = (STOPPABLE | {State.HELD}) - {State.ARMED}
"""What may be given another instant: no sender has it, and nobody has to find out what became of it."""

URGENT_ONCE = "应急发布单只由两人确认发出，不改期、不改编、不另行签发。请作废后重新提出，或审核通过后另编发布单。"

_RESCHEDULE = "请改期后再签发。"


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
    chosen = set(documents)
    editions = [_approved_edition(one, pulled=one not in chosen) for one in with_interpretations(documents)]
    return compose(
        editions, title=title, instant=instant, accounts=accounts, modes=modes or {}, person=person, sync=sync, now=now
    )


def compose(
    editions: Sequence[Edition], *, title: str, instant: datetime, accounts: Sequence[Account], modes: Mapping[str, str],
    person: Person, now: datetime, sync: Policy | None = None, urgency: Urgency | None = None,
) -> Release:  # fmt: skip
    """Write a release down. Whoever calls it has seen to it that these editions may go. `urgency`: it is 应急发布."""
    require_aware(now)
    require_aware(instant)
    sync = sync or AtTime()
    with audit.serialised():
        release = Release.objects.create(
            unit=person.unit, title=(title or editions[0].title)[:LONGEST_TITLE], instant=instant, created_by=person,
            created_at=now, sync=sync.kind, policy=None if isinstance(sync, AtTime) else as_json(sync), urgency=urgency,
        )  # fmt: skip
        gating.attach(release)
        for account in accounts:
            _plan_account(release, account, list(editions), modes.get(account.slug))
        data: dict[str, Any] = {
            "instant": instant.isoformat(),
            "accounts": [account.slug for account in accounts],
            "editions": [edition.content_hash for edition in editions],
            "sync": as_json(sync),
        }
        if urgency is not None:
            data["urgent"] = urgency.pk
        audit.append(person.username, "release.planned", f"release:{release.pk}", data, now=now)
    return release


def _require_future(instant: datetime, now: datetime) -> None:
    if instant <= now:
        raise Refused("past", f"发布时刻 {show(instant)} 已经过去（现在 {show(now)}），未保存。请改用将来的时刻。")


def reschedule(
    release: Release, *, instant: datetime, person: Person, now: datetime, seen: str | None = None
) -> Release:
    """The same items at another instant. A signature stood for the old one: it is void, sign again.

    `seen`: what the person was shown (`as_seen`), so that nobody takes a signature back without having been told of it.
    Refused, with nothing changed, where anything of it may have left, and where the instant is too close to be signed.
    """
    require_aware(now)
    require_aware(instant)
    require(person, Role.EDITOR, Role.RELEASER)
    require_room(instant, now)
    with audit.serialised():
        release.refresh_from_db()
        if seen is not None and seen != as_seen(release):
            raise changed_meanwhile(release, "改期")
        publications = list(release.publications.select_related("account").exclude(state=State.CANCELLED))
        refused = immovable(release, publications)
        if refused:
            raise refused
        if instant == release.instant:
            raise Refused("same", f"发布时刻没有变，仍是 {show(instant)}，没有改期，未做改动。")
        void_signature(release.pk, reason=f"改期到 {show(instant)}", actor=person.username, now=now)
        for one in publications:
            give_back_quota(one, now=now)  # also where the signature was void before, while it was about to leave
        data = {"from": release.instant.isoformat(), "instant": instant.isoformat()}
        Release.objects.filter(pk=release.pk).update(instant=instant)
        for one in publications:
            at = timeline.lane_instants(instant, one.lane + 1, spec_of(one.account).spacing)[-1]
            Publication.objects.filter(pk=one.pk).update(instant=at, not_before=at, promised_at=None)
        audit.append(person.username, "release.rescheduled", f"release:{release.pk}", data, now=now)
    release.refresh_from_db()
    return release


def immovable(release: Release, publications: Sequence[Publication]) -> Refused | None:
    """Why a release cannot be given another instant, None where it can. `publications`: those that were not called off."""
    if release.urgency_id is not None:
        return Refused("urgent", f"{URGENT_ONCE}未做改动。")
    every = release.manual_tasks.all()
    tasks = [task for task in every if not task.drop_reason or byhand.side(task) is not Side.NOT_PUBLIC]
    if release.cancelled_at or not (publications or tasks):
        return Refused("cancelled", "这张发布单已作废，不能改期。请另编一张。")
    posted = any(task.done_at for task in tasks)
    if posted or any(one.status not in MOVABLE or may_have_left(one) for one in publications):
        return Refused("under_way", "这张发布单已有推送发出、正在发出或等待处理，不能整单改期，未做改动。")
    return None


def require_room(instant: datetime, now: datetime) -> None:
    """Refused where nobody could sign for that instant any more; says which is the earliest."""
    require_aware(instant)
    least = earliest(now)
    if instant >= least:
        return
    ask = f"最早可改到 {show(least + timedelta(seconds=1))}。"
    if instant <= now:
        raise Refused("past", f"发布时刻 {show(instant)} 已经过去（现在 {show(now)}），没有改期，未做改动。{ask}")
    close = f"发布时刻 {show(instant)} 距现在不足 {min_lead().total_seconds():.0f} 秒，来不及签发，没有改期，未做改动。"
    raise Refused("lead", f"{close}{ask}")


def earliest(now: datetime) -> datetime:
    """The first instant for which a signature given now would be in time."""
    return require_aware(now) + min_lead()


def as_seen(release: Release) -> str:
    """What a person sees of a release before moving it: its instant, and which signature stands for it."""
    return f"{release.instant.isoformat()} {release.manifest_hash if release.signed else ''}".strip()


def changed_meanwhile(release: Release, what: str) -> Refused:
    """It is not as the person saw it: `what` (改期, 改编) was not done."""
    stands = "已签发" if release.signed else "没有签发"
    words = f"这张发布单刚刚有人改动过（现在定于 {show(release.instant)}，{stands}），没有{what}，未做改动。请看过现在的情况再决定。"
    return Refused("changed", words)


def with_interpretations(documents: Sequence[Document]) -> list[Document]:
    """These documents in their order, each once; behind a policy the interpretations that it pulls along."""
    chosen = list(dict.fromkeys(documents))
    policies = [document.pk for document in chosen if document.is_policy]
    mates: dict[int, list[Document]] = {}
    for other in Document.objects.filter(interprets__in=policies).order_by("pk"):
        mates.setdefault(other.interprets_id or 0, []).append(other)
    ordered: dict[Document, None] = {}
    for document in chosen:
        ordered |= dict.fromkeys([document, *mates.get(document.pk, ())] if document not in ordered else ())
    return list(ordered)


def _approved_edition(document: Document, *, pulled: bool) -> Edition:
    """`pulled`: nobody named it, it comes along with its policy."""
    edition = document.current
    if edition.status is not EditionState.APPROVED:
        why = "，是所选政策文件的解读，须一起发布" if pulled else ""
        raise Refused(
            "not_approved",
            f"{quoted(edition.title)}（{document.external_id}{why}）状态为“{edition.status.label}”，尚未终审通过，发布单未保存。请先完成审核。",
        )
    return edition


def own_mode(account: Account) -> str:
    """How an account goes public where nothing else is said: its own way. Where that leaves a draft and the machine does not
    open the account (`manual_only`), the first way by which people can post a text.
    """
    if not account.manual_only:
        return account.mode
    names = [mode.name for mode in offered_modes(account)]
    return account.mode if account.mode in names else names[0]


def offered_modes(account: Account) -> Sequence[ModeSpec]:
    """The ways that a release may choose on an account. Refused where this process lacks the channel's program."""
    spec = spec_of(account)
    return spec.public_modes if account.manual_only else spec.modes


def _plan_account(release: Release, account: Account, editions: list[Edition], mode_name: str | None) -> None:
    """`mode_name` None: the account's own way."""
    if not account.enabled:
        raise Refused(
            "disabled",
            f"账号“{account.name}”已停用（{account.disabled_reason}），发布单未保存。请换一个账号或先恢复它。",
        )
    spec = spec_of(account)
    mode = _mode_of(spec, own_mode(account) if mode_name is None else mode_name)
    groups = [editions[start : start + mode.max_posts] for start in range(0, len(editions), mode.max_posts)]
    if account.manual_only or mode.by_hand:
        manualtasks.plan(release, account, mode, groups)
        return
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
    manualtasks.require_free(edition, account)
    post = PostRecord.objects.filter(edition=edition, account=account).first()
    if post is None:
        raise Refused(
            "no_post",
            f"{quoted(edition.title)}送审时还没有账号“{account.name}”的渠道稿，发布单未保存。请把该文件重新送审一次（生成新版本）。",
        )
    try:
        with transaction.atomic():
            Item.objects.create(publication=publication, position=position, account=account, edition=edition, post=post)
    except IntegrityError:
        raise _already_planned(edition, account) from None


def _already_planned(edition: Edition, account: Account) -> Refused:
    other = Item.objects.select_related("publication__release").get(edition=edition, account=account, active=True)
    release = other.publication.release
    state = State(other.publication.state)
    where = f"发布单 {release.pk}（{show(release.instant)}，{state.label}）"
    waits = "要换时刻，请给那一张改期，或先作废它；" if state in MOVABLE else ""
    return Refused(
        "once",
        f"{quoted(edition.title)}在账号“{account.name}”上已列入{where}，同一版本同一账号只发一次，本发布单未保存。"
        f"请在本发布单里去掉这份文件或这个账号；{waits}如需更正，请修改内容形成新版本。",
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
        if release.urgency_id is not None:
            raise Refused("urgent", f"{URGENT_ONCE}未签发。")
        publications = _signable(release, now)
        _require_ready(release, publications, person, now)
        _seal(release, publications, person=person, now=now, credit=credit_line)
    release.refresh_from_db()
    return release


def sign_urgent(
    release: Release, *, person: Person, now: datetime, credit: str, word: Callable[[str], None]
) -> Release:  # fmt: skip
    """The same for 应急发布, without approvals: `services.urgent` has seen to the two people.

    `credit`: the line under the text. `word` records the second word, which names the manifest, before the signature.
    """
    require_aware(now)
    with audit.serialised():
        publications = _signable(release, now)
        if publications:  # where people post alone nothing has to be made ready
            _require_lead(release, now)
        _require_not_posted(publications)
        require_pairs(publications)
        _seal(release, publications, person=person, now=now, credit=lambda _: credit, word=word)
    release.refresh_from_db()
    return release


def _seal(
    release: Release, publications: Sequence[Publication], *, person: Person, now: datetime,
    credit: Callable[[Edition], str], word: Callable[[str], None] | None = None,
) -> None:  # fmt: skip
    """Freeze the bytes, reserve, write the signature down, set everything going. In the caller's transaction."""
    with audit.serialised():
        entries = [_fill(publication, credit) for publication in publications]
        by_hand = manualtasks.seal(release, {one.pk: credit(one) for one in manualtasks.editions_of(release)})
        reserve(publications, now=now)
        value = manifest(str(release.pk), release.signed_policy, entries, by_hand)
        if word is not None:
            word(manifest_hash(value))
        signed = Release.objects.filter(pk=release.pk, signed_at__isnull=True, cancelled_at__isnull=True).update(
            manifest=value, manifest_hash=manifest_hash(value), signed_by=person, signed_at=now
        )
        if not signed:
            raise Refused("signed", "这张发布单刚被签发或作废过，本次未签发。请刷新后再看。")
        for publication in publications:
            _schedule(publication, person, now)
        gating.start(release, now=now)
        arrange_preflights(release, publications, now=now)
        arrange_drafts(release, release.manual_tasks.select_related("account"), now=now)
        data = {"manifest": manifest_hash(value), "instant": release.instant.isoformat()}
        principal = person.in_place_of(Role.RELEASER)
        if principal is not None:
            data["for"] = principal.username
        audit.append(person.username, "release.signed", f"release:{release.pk}", data, now=now)


def _require_ready(release: Release, publications: Sequence[Publication], person: Person, now: datetime) -> None:
    """Signer, lead, portal page, approvals, pairs."""
    editions = list(Edition.objects.filter(items__publication__in=publications).select_related("document").distinct())
    editions += [one for one in manualtasks.editions_of(release) if one not in editions]
    authors = {author for edition in editions for author in edition.authors()}
    refusal = may_sign(person=person.pk, roles=person.held_roles, authors=authors)
    if refusal:
        raise Refused(refusal.code, refusal.message)
    _require_lead(release, now)
    gating.require_possible(release.sync_policy)
    _require_approved(editions)
    _require_not_posted(publications)
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
    manualtasks.require_signable(release)
    if not publications and not release.manual_tasks.filter(done_at__isnull=True).exists():
        raise Refused("empty", "这张发布单里没有可签发的推送。")
    for publication in publications:
        if not publication.account.enabled:
            raise Refused("disabled", f"账号“{publication.account.name}”已停用，未签发。请更换账号后重新编制。")
        if publication.account.manual_only:
            raise Refused("by_hand", f"账号“{publication.account.name}”已改为只能手工发布，未签发。请作废后重新编制。")
    return publications


def _require_lead(release: Release, now: datetime) -> None:
    earliest = now + min_lead()
    if release.instant < earliest:
        if release.instant <= now:
            raise Refused("lead", f"发布时刻 {show(release.instant)} 已经过去，未签发。{_RESCHEDULE}")
        raise Refused(
            "lead",
            f"发布时刻 {show(release.instant)} 距现在不足 {min_lead().total_seconds():.0f} 秒，未签发。最早可定在 {show(earliest + timedelta(seconds=1))}，{_RESCHEDULE}",
        )


def _require_approved(editions: Sequence[Edition]) -> None:
    for edition in editions:
        if edition.status is not EditionState.APPROVED or edition.pk != edition.document.current.pk:
            raise Refused(
                "not_approved",
                f"{quoted(edition.title)}已不是审核通过的最新版本（{edition.status.label}），未签发。请重新审核并重新编制发布单。",
            )


def _require_not_posted(publications: Sequence[Publication]) -> None:
    """Refused where people have posted an edition on its account meanwhile."""
    items = Item.objects.filter(
        publication__in=publications, edition__manual_posts__account=F("account"),
        edition__manual_posts__void__isnull=True,
    )  # fmt: skip
    posted = items.select_related("edition", "account").first()
    if posted is not None:
        words = f"{quoted(posted.edition.title)}已在“{posted.account.name}”手工发布，未签发。请作废后重新编制。"
        raise Refused("by_hand", words)


def require_pairs(publications: Sequence[Publication]) -> None:
    """A policy and its interpretation are pushed together, on every account (or a waiver says why not)."""
    for one in alone(publications, going=[publication.pk for publication in publications]):
        raise Refused("pairing", f"{one.words}，未签发。请把解读送审通过后一并编入，或写明理由豁免。")


def credit_line(edition: Edition) -> str:
    """来源 / 责编 / 审核, from the review record; one may bring `reviews__person` along."""
    reviews = sorted(edition.reviews.all(), key=lambda review: (review.at, review.pk))
    reviewers = "、".join(review.person.name for review in reviews)
    unit = edition.content.get("unit") or edition.document.unit.name
    return f"来源：{unit}　责编：{edition.author.name}　审核：{reviewers}"


def _fill(publication: Publication, credit: Callable[[Edition], str] = credit_line) -> ManifestPublication:
    """Draw the credit line into each post, check the whole against the channel, and freeze the bytes."""
    found = publication.items.select_related("edition__document__unit", "edition__author", "post__account")
    items = list(found.prefetch_related("edition__reviews__person").order_by("position"))
    posts = [item.post.post.with_credit(credit(item.edition)) for item in items]
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


# --- accounts -----------------------------------------------------------------------------------------


def accounts_named(slugs: Sequence[str], *, unit: Unit) -> list[Account]:
    """Accounts of the unit by slug; all enabled ones when none is named."""
    if slugs:
        return [find_account(slug, unit=unit) for slug in slugs]
    return [account for account in unit.accounts.order_by("pk") if account.enabled]
