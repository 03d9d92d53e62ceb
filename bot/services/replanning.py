"""改编: other items, order, accounts, modes, instant or policy for a release of which no byte has left.

A release that changes so much is another one: the old is called off, its editions and its quota are free, and a new one
takes its place, all in one transaction. What was signed stays readable as it was signed, and the new one wants a signature
of its own (design.md section 5: what voids what).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.domain.delivery import Event, State
from bot.domain.instants import require_aware
from bot.domain.sync import Policy
from bot.domain.workflow import Role
from bot.models import Account, Document, Person, Publication, Release

from . import audit, releases
from .errors import Refused
from .facts import may_have_left
from .people import require
from .preflightplan import drop_preflights
from .stops import free_items
from .transitions import move
from .voiding import void_signature


def replan(
    release: Release, *, title: str, instant: datetime, documents: Sequence[Document], accounts: Sequence[Account],
    person: Person, now: datetime, modes: dict[str, str] | None = None, sync: Policy | None = None, seen: str | None = None,
) -> Release:  # fmt: skip
    """The release that takes the place of `release`, which is called off. Refused, with nothing changed, where anything
    of it may have left or a sender has it, and for whatever `releases.plan` refuses.

    `seen`: what the person was shown (`releases.as_seen`): a signature that came since is not taken back unseen.
    """
    require_aware(now)
    require_aware(instant)
    require(person, Role.EDITOR, Role.RELEASER)
    with audit.serialised():
        release.refresh_from_db()
        publications = _replaceable(release)
        if seen is not None and seen != releases.as_seen(release):
            raise releases.changed_meanwhile(release, "改编")
        void_signature(release.pk, reason="改编为另一张发布单", actor=person.username, now=now)
        _call_off(release, publications, person, now)
        # before the new one is planned: what people were to post of the old one is free for it then
        Release.objects.filter(pk=release.pk).update(cancelled_at=now, cancel_reason="改编")
        fresh = releases.plan(
            title=title, instant=instant, documents=documents, accounts=accounts, person=person, now=now, modes=modes,
            sync=sync,
        )  # fmt: skip
        reason = f"改编为发布单 {fresh.pk}"
        Release.objects.filter(pk=release.pk).update(cancel_reason=reason)
        data = {"answer": reason, "by": fresh.pk}
        audit.append(person.username, "release.replaced", f"release:{release.pk}", data, now=now)
    release.refresh_from_db()
    return fresh


def why_not(release: Release, publications: Sequence[Publication]) -> str:
    """Why it cannot be planned anew, or "". The publications come with their attempts."""
    if release.cancelled_at:
        return "这张发布单已作废，不能改编。请另编一张。"
    if release.urgency_id is not None:
        return releases.URGENT_ONCE
    waiting = [one for one in publications if one.status is not State.CANCELLED]
    if any(one.status not in releases.MOVABLE or may_have_left(one) for one in waiting):
        return "这张发布单已有推送发出、正在发出或等待处理，不能改编，未做改动。"
    if any(not task.waits and not task.dropped for task in release.manual_tasks.all()):
        return "这张发布单已有内容登记为手工发布，不能改编，未做改动。"
    return ""


def _replaceable(release: Release) -> list[Publication]:
    # locked: a worker that takes a lease between the reading and the writing would undo the whole
    rows = release.publications.select_for_update(of=("self",)).order_by("pk").select_related("account", "release")
    publications = list(rows)
    refusal = why_not(release, publications)
    if refusal:
        raise Refused("under_way", refusal)
    return publications


def _call_off(release: Release, publications: Sequence[Publication], person: Person, now: datetime) -> None:
    drop_preflights(release.pk, why="发布单已改编")
    for publication in publications:
        if publication.status is State.CANCELLED:
            continue
        publication.refresh_from_db()  # the void signature held it
        why = f"{person.name}改编发布单，未发出。"
        move(publication, Event.CANCEL, actor=person.username, now=now, reason=why, next_at=None)
        free_items(publication, now=now)
