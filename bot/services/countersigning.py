"""Sending again takes two people, each at a login of their own: the first one's word waits on record for the second.

The word is a line of the audit trail. It speaks of the case as it stood then: whatever moves the push afterwards makes it
void, and so does time. What both together may do, and under which key, is `settling.settle_again`'s to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.engine.cases import WORD_HOLDS, Choice
from bot.domain.instants import require_aware
from bot.domain.workflow import Role
from bot.models import AuditEvent, Person, Publication

from . import audit, cases, deputies, settling
from .errors import Refused
from .people import require
from .trail import MOVED

ASKED, TAKEN_BACK = "resend.asked", "resend.taken_back"
FIRSTS = (Role.RELEASER, Role.DUTY)


@dataclass(frozen=True, slots=True)
class Word:
    """That of the first person: it is not public, it should go again. `void`: why nobody can confirm it, "" where one can."""

    person: Person
    reason: str
    at: datetime
    void: str = ""


def words(publications: Sequence[Publication], *, now: datetime) -> dict[int, Word]:
    """The first words that stand, by publication."""
    require_aware(now)
    subjects = {f"publication:{one.pk}": one.pk for one in publications}
    lines = AuditEvent.objects.filter(subject__in=list(subjects), action__in=[ASKED, TAKEN_BACK, MOVED])
    last = {line.subject: line for line in lines.order_by("sequence").only("subject", "action", "actor", "at", "data")}
    standing = [one for one in last.values() if one.action == ASKED and one.at <= now < one.at + WORD_HOLDS]
    people = {one.username: one for one in Person.objects.filter(username__in={one.actor for one in standing})}
    void = {username: _why_void(one, now) for username, one in people.items()}
    return {
        subjects[one.subject]: Word(people[one.actor], str(one.data.get("reason", "")), one.at, void[one.actor])
        for one in standing
        if one.actor in people
    }


def _why_void(first: Person, now: datetime) -> str:
    """The first person must have the right still, themself or as a deputy, when the second confirms."""
    if any(deputies.standing_in(first, now=now).has_role(role) for role in FIRSTS):
        return ""
    lost = "不再有提出重发的权限" if first.is_active else "已停用"
    return f"提出人{first.name}{lost}，提议无效，请收回后重新提出。"


def first_word(publication: Publication, *, now: datetime) -> Word | None:
    """The word that stands for one publication."""
    require_aware(now)
    return words([publication], now=now).get(publication.pk)


def ask(publication: Publication, *, person: Person, reason: str, now: datetime) -> None:
    """第一人: has looked on the platform and says that it is not there. Nothing is sent by this."""
    require_aware(now)
    require(person, *FIRSTS)
    if not reason.strip():
        raise Refused("reason", "重发须写明核实情况，未做改动。")
    with audit.serialised():
        publication.refresh_from_db()
        _require_offered(publication, now)
        standing = first_word(publication, now=now)
        if standing is not None:
            raise Refused("asked", f"{standing.person.name}已提出重发，请由第二人核实后确认，未做改动。")
        data = {"reason": reason.strip()[:300]}
        audit.append(person.username, ASKED, f"publication:{publication.pk}", data, now=now)


def take_back(publication: Publication, *, person: Person, now: datetime) -> None:
    """The word does not stand any more."""
    require_aware(now)
    require(person, *FIRSTS)
    with audit.serialised():
        if first_word(publication, now=now) is None:
            raise Refused("no_word", "没有等第二人确认的重发，未做改动。")
        audit.append(person.username, TAKEN_BACK, f"publication:{publication.pk}", now=now)


def confirm(publication: Publication, *, person: Person, now: datetime) -> None:
    """第二人: another login, who has looked, too. From here on it is sent again."""
    require_aware(now)
    require(person, Role.RELEASER, Role.DUTY, Role.FINAL)
    with audit.serialised():
        publication.refresh_from_db()
        word = first_word(publication, now=now)
        if word is None:
            raise Refused(
                "no_word", "没有等第二人确认的重发（可能已过时或情况已变），没有重发。请先由第一人核实后提出。"
            )
        if word.void:
            raise Refused("first", f"{word.void}没有重发，未做改动。")
        _require_offered(publication, now)
        settling.settle_again(publication, person=word.person, second=person, reason=word.reason, now=now)


def _require_offered(publication: Publication, now: datetime) -> None:
    why_not = cases.choices_of(publication, now=now)[Choice.AGAIN]
    if why_not:
        raise Refused("not_safe", f"{why_not}没有重发，未做改动。")
