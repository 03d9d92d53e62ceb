"""Links by which a leader without a login looks at the renderings of one edition, for a while (领导审阅链接)."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import F, Q

from bot.domain.delivery import State
from bot.domain.hashing import sha256
from bot.domain.instants import require_aware
from bot.domain.secret import Secret
from bot.domain.workflow import UNDER_REVIEW, EditionState, Role
from bot.models import Edition, Item, Person, ReviewLink

from . import audit
from .errors import NotFound, Refused
from .people import require

if TYPE_CHECKING:
    from django.db.models import QuerySet

LASTS = timedelta(hours=24)
LONGEST = timedelta(days=7)
AGAIN = timedelta(minutes=1)
"""Openings within it are one: a reload and the frames of a page are no new look, and nobody can flood the trail."""

MAKERS = (Role.EDITOR, Role.FIRST, Role.SECOND, Role.FINAL)
SHOWN = UNDER_REVIEW | {EditionState.APPROVED}
MOST_STANDING = 20
NAME_LETTERS = 40
WAS_PUBLIC = (State.LIVE, State.GONE, State.WITHDRAWN)
VISITOR = "审阅链接"


def make_link(
    edition: Edition, *, name: str, lasts: timedelta = LASTS, person: Person, now: datetime
) -> tuple[ReviewLink, Secret]:
    """A new link to this edition and its token, which is told this once: only its hash is kept."""
    require_aware(now)
    require(person, *MAKERS)
    _refuse_foreign(edition, person)
    name = name.strip()
    if not 0 < len(name) <= NAME_LETTERS:
        raise Refused("name", f"请写明给谁看（不超过 {NAME_LETTERS} 字，会印在水印里），链接没有生成。")
    if not timedelta() < lasts <= LONGEST:
        raise Refused("lasts", "有效期最长 7 天，链接没有生成。请选短一些。")
    if edition.status not in SHOWN:
        raise Refused(
            "state", f"稿件现在的状态是“{edition.status.label}”，链接没有生成。送审以后、退回以前才能请人审阅。"
        )
    token = secrets.token_urlsafe(24)
    with audit.serialised():
        if standing(edition, now=now).count() >= MOST_STANDING:
            raise Refused("many", f"这一版已有 {MOST_STANDING} 个有效链接，没有再生成。请先收回不用的。")
        link = ReviewLink.objects.create(
            edition=edition, token_hash=sha256(token.encode()), name=name, created_by=person, created_at=now,
            expires_at=now + lasts,
        )  # fmt: skip
        _tell(link, "link.made", person.username, {"until": link.expires_at.isoformat()}, now)
    return link, Secret(token)


def _refuse_foreign(edition: Edition, person: Person) -> None:
    if edition.document.unit_id != person.unit_id:
        raise NotFound("稿件", edition.pk)


def _tell(link: ReviewLink, action: str, actor: str, more: dict[str, object], now: datetime) -> None:
    document = link.edition.document
    data = {"link": link.pk, "edition": link.edition.number, "name": link.name, "unit": document.unit.code, **more}
    audit.append(actor, action, f"document:{document.external_id}", data, now=now)


def standing(edition: Edition, *, now: datetime) -> QuerySet[ReviewLink]:
    """Links to this edition that open."""
    require_aware(now)
    return ReviewLink.objects.filter(edition=edition, revoked_at__isnull=True, expires_at__gt=now).order_by("-pk")


def find_link(token: str, *, now: datetime) -> ReviewLink:
    """The link of this token while it stands and its edition is one to look at.

    Unknown, expired, revoked, returned and replaced are one answer: a stranger learns nothing from it.
    """
    require_aware(now)
    link = (
        ReviewLink.objects.select_related("edition__document__unit")
        .filter(token_hash=sha256(token.encode()), revoked_at__isnull=True, expires_at__gt=now)
        .filter(edition__state__in=[str(state) for state in SHOWN])
        .first()
    )
    if link is None:
        raise NotFound("审阅链接", "")
    return link


def count_opening(link: ReviewLink, *, now: datetime) -> None:
    """One more look, in the link and in the trail; what follows within a minute is the same look."""
    require_aware(now)
    if link.last_opened_at is not None and timedelta() <= now - link.last_opened_at < AGAIN:
        return
    with audit.serialised():
        fresh = Q(last_opened_at__isnull=True) | Q(last_opened_at__lte=now - AGAIN) | Q(last_opened_at__gt=now)
        counted = ReviewLink.objects.filter(fresh, pk=link.pk).update(opened=F("opened") + 1, last_opened_at=now)
        if counted:
            link.refresh_from_db(fields=["opened", "last_opened_at"])
            _tell(link, "link.opened", VISITOR, {"count": link.opened}, now)


def revoke_link(pk: int, *, edition: Edition, person: Person, now: datetime) -> ReviewLink:
    """From now on it opens nothing."""
    require_aware(now)
    require(person, *MAKERS)
    _refuse_foreign(edition, person)
    link = ReviewLink.objects.select_related("edition__document").filter(pk=pk, edition=edition).first()
    if link is None:
        raise NotFound("审阅链接", pk)
    with audit.serialised():
        taken = ReviewLink.objects.filter(pk=pk, revoked_at__isnull=True).update(revoked_at=now, revoked_by=person)
        if not taken:
            raise Refused("revoked", f"给“{link.name}”的链接已经收回过了，未做改动。")
        _tell(link, "link.revoked", person.username, {}, now)
    return link


def is_public(edition: Edition) -> bool:
    """Whether any of its posts is public on an account, or was: what never was is under embargo."""
    states = [str(state) for state in WAS_PUBLIC]
    return Item.objects.filter(edition=edition, publication__state__in=states).exists()
