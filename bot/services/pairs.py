"""A policy and its interpretation are pushed together, on every account, unless a waiver says why not."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import Q

from bot.domain.delivery import STOPPABLE, State
from bot.domain.typography import quoted
from bot.models import Document, Item, Publication

ENDED = frozenset({State.CANCELLED, State.GONE, State.WITHDRAWN})
"""Where a push of the interpretation will accompany nothing any more."""

RESTING = ENDED | {State.HELD, State.MISSED, State.NEEDS_PERSON}
"""Where it accompanies nothing as it is: it goes nowhere by itself."""

MAY_YET_GO = frozenset({*STOPPABLE, State.HELD, State.SENDING, State.UNKNOWN, State.MISSED, State.NEEDS_PERSON})
"""Where a push of the policy may become public, by machine or by people."""


@dataclass(frozen=True, slots=True)
class Alone:
    """A push whose policy would be public without its interpretation."""

    publication: Publication
    policy: Document

    @property
    def words(self) -> str:
        """What it is about, for staff: the sentence goes on with what was not done."""
        title, account = self.policy.current.title, self.publication.account.name
        return f"政策文件{quoted(title)}（推送 {self.publication.pk}）的配套解读在“{account}”上既没有公开，也不在同时发布之列"


def alone(
    publications: Iterable[Publication], *, going: Collection[int] = (), without: Collection[int] = (),
    resting: Collection[State] = RESTING,
) -> list[Alone]:  # fmt: skip
    """Those of `publications` that would go without the interpretation of what they carry.

    It is enough that one is public on the account, or goes there with the same release. `going`: keys of pushes that
    are about to go on although they rest now; `without`: of pushes that are about to be stopped; `resting`: states in
    which a push of the interpretation does not count.
    """
    found = []
    for publication in publications:
        policies = Document.objects.filter(editions__items__publication=publication, is_policy=True)
        for policy in policies.exclude(waivers__rule="pairing").distinct():
            here = Item.objects.filter(account=publication.account_id, edition__document__interprets=policy.pk)
            under_way = Q(publication__in=list(going)) | ~Q(publication__state__in=[str(state) for state in resting])
            together = Q(publication__release=publication.release_id) & under_way
            with_it = here.filter(together | Q(publication__state=State.LIVE), active=True)
            if not with_it.exclude(publication__in=list(without)).exists():
                found.append(Alone(publication, policy))
    return found


def left_alone(
    stopped: Collection[Publication], *, but_for: Collection[State], resting: Collection[State] = RESTING
) -> list[Publication]:
    """Pushes in one of the states `but_for` that would go alone once `stopped` are stopped, and would not else."""
    keys = [one.pk for one in stopped]
    found: dict[int, Publication] = {}
    for publication in stopped:
        interpreted = Document.objects.filter(
            is_policy=True, interpretations__editions__items__publication=publication
        ).exclude(waivers__rule="pairing")
        mates = Publication.objects.filter(
            release=publication.release_id, account=publication.account_id,
            items__edition__document__in=list(interpreted.values_list("pk", flat=True)),
            state__in=[str(state) for state in but_for],
        )  # fmt: skip
        found |= {one.pk: one for one in mates.exclude(pk__in=keys).select_related("account", "release")}
    return [one.publication for one in alone(found.values(), without=keys, resting=resting)]
