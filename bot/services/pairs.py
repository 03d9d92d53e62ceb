"""A policy and its interpretation are pushed together, on every account, unless a waiver says why not."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import Q

from bot.domain.delivery import State
from bot.models import Document, Item, Publication

RESTING = frozenset(
    {State.HELD, State.CANCELLED, State.MISSED, State.NEEDS_PERSON, State.GONE, State.WITHDRAWN}
)  # fmt: skip
"""Where a push of the interpretation accompanies nothing: it goes nowhere by itself, or is not public any more."""


@dataclass(frozen=True, slots=True)
class Alone:
    """A push whose policy would be public without its interpretation."""

    publication: Publication
    policy: Document

    @property
    def words(self) -> str:
        """What it is about, for staff: the sentence goes on with what was not done."""
        title = self.policy.current.title
        return f"政策文件《{title}》（推送 {self.publication.pk}）的配套解读在“{self.publication.account.name}”上既没有公开，也不在同时发布之列"


def alone(publications: Iterable[Publication], *, going: Collection[int] = ()) -> list[Alone]:
    """Those of `publications` that would go without the interpretation of what they carry.

    It is enough that one is public on the account, or goes there with the same release. `going`: keys of pushes that
    are about to go on although they rest now.
    """
    found = []
    for publication in publications:
        policies = Document.objects.filter(editions__items__publication=publication, is_policy=True)
        for policy in policies.exclude(waivers__rule="pairing").distinct():
            if not _accompanied(publication, policy, going):
                found.append(Alone(publication, policy))
    return found


def _accompanied(publication: Publication, policy: Document, going: Collection[int]) -> bool:
    interpreted = Item.objects.filter(
        active=True, account=publication.account_id, edition__document__interprets=policy.pk
    )
    under_way = Q(publication__pk__in=list(going)) | ~Q(publication__state__in=[str(state) for state in RESTING])
    together = Q(publication__release=publication.release_id) & under_way
    return interpreted.filter(together | Q(publication__state=State.LIVE)).exists()


def left_alone(stopped: Collection[Publication], *, but_for: Iterable[State]) -> list[Publication]:
    """Pushes of the same accounts and releases, in one of the states `but_for`, whose policy counts on an interpretation
    in `stopped`."""
    found: dict[int, Publication] = {}
    keys = [one.pk for one in stopped]
    for publication in stopped:
        interpreted = Item.objects.filter(publication=publication, edition__document__interprets__is_policy=True)
        policies = interpreted.values_list("edition__document__interprets", flat=True)
        mates = Publication.objects.filter(
            release=publication.release_id, account=publication.account_id, items__edition__document__in=list(policies),
            state__in=[str(state) for state in but_for],
        ).exclude(items__edition__document__waivers__rule="pairing")  # fmt: skip
        found |= {one.pk: one for one in mates.exclude(pk__in=keys).select_related("account", "release")}
    return list(found.values())
