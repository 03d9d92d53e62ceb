"""Whose a line of the trail is: the unit of what it is about.

The chain's rows name no unit, and what is in the chain is never written anew. So it is worked out from the records:

- most subjects are one unit's own: a release, a push, an account, a person, a token, a unit, a notice, an
  urgent notice;
- `document:ID` is not, since units number their documents as they like. Newer lines say the unit's code in their data.
  Of older ones: a line about a review link belongs to the link's document; else it is the actor's unit, because no
  service lets anybody touch a document of another unit; else, where only one unit has a document of that name, that one;
- anything else that a person did is of that person's unit (a test message, an export, a login);
- the installation itself and guesses at the login are the house's;
- what none of this tells apart is nobody's: it is shown to no unit, and stands in the chain all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.models import (
    Account,
    AlarmNotice,
    ApiToken,
    AuditEvent,
    Document,
    Person,
    Publication,
    Release,
    ReviewLink,
    Unit,
    Urgency,
)

DOCUMENT = "document"
HOUSE = 0
"""Stands for the installation as a whole, where a unit would stand."""

NOBODY = -1
"""What nothing tells apart."""

OF_THE_HOUSE = frozenset({"home"})
OF_A_PERSON_OR_THE_HOUSE = frozenset({"login", "notify", "trail"})
MOST_DIGITS = 18  # more is no number of ours
Units = Mapping[str, int | None]


def split(subject: str) -> tuple[str, str]:
    """`release:7` -> ("release", "7")"""
    kind, _, name = subject.partition(":")
    return kind, name


def numbers(names: Iterable[str]) -> list[int]:
    """Those that are numbers of records."""
    return [int(name) for name in names if name.isascii() and name.isdigit() and len(name) <= MOST_DIGITS]


def _by_number(pairs: Iterable[tuple[int, int | None]]) -> Units:
    return {str(pk): unit for pk, unit in pairs}


def number_of_urgency(name: str) -> str:
    """Of an urgent notice's alarm: `7:2`, the second one about its late reviews, is about 7."""
    return name.partition(":")[0]


def _urgencies(names: set[str]) -> Units:
    pks = {name: number_of_urgency(name) for name in names}
    units = _by_number(Urgency.objects.filter(pk__in=numbers(pks.values())).values_list("pk", "unit_id"))
    return {name: units[pk] for name, pk in pks.items() if pk in units}


_LOOKUPS: dict[str, Callable[[set[str]], Units]] = {
    "release": lambda names: _by_number(Release.objects.filter(pk__in=numbers(names)).values_list("pk", "unit_id")),
    "publication": lambda names: _by_number(
        Publication.objects.filter(pk__in=numbers(names)).values_list("pk", "release__unit_id")
    ),
    "token": lambda names: _by_number(ApiToken.objects.filter(pk__in=numbers(names)).values_list("pk", "unit_id")),
    "notice": lambda names: _by_number(AlarmNotice.objects.filter(pk__in=numbers(names)).values_list("pk", "unit_id")),
    "urgency": _urgencies,
    "account": lambda names: dict(Account.objects.filter(slug__in=names).values_list("slug", "unit_id")),
    "person": lambda names: dict(Person.objects.filter(username__in=names).values_list("username", "unit_id")),
    "unit": lambda names: dict(Unit.objects.filter(code__in=names).values_list("code", "pk")),
}


@dataclass(frozen=True, slots=True)
class _Known:
    """What the records say of a handful of lines."""

    subjects: Mapping[str, Units]
    actors: Mapping[str, int]
    codes: Mapping[str, int]
    documents: Mapping[str, Sequence[int]]
    links: Mapping[int, int]


def units_of(events: Sequence[AuditEvent]) -> dict[int, int]:
    """Sequence -> id of the unit, HOUSE or NOBODY. A handful of questions, however many lines."""
    known = _look_up(events)
    return {event.sequence: _unit(event, known) for event in events}


def only_of(unit: Unit, events: Sequence[AuditEvent]) -> list[AuditEvent]:
    """Those that are this unit's."""
    units = units_of(events)
    return [event for event in events if units[event.sequence] == unit.pk]


def _look_up(events: Sequence[AuditEvent]) -> _Known:
    names: dict[str, set[str]] = {}
    for event in events:
        kind, name = split(event.subject)
        names.setdefault(kind, set()).add(name)
    subjects = {kind: look(names[kind]) for kind, look in _LOOKUPS.items() if kind in names}
    actors = dict(Person.objects.filter(username__in={one.actor for one in events}).values_list("username", "unit_id"))
    about = [event for event in events if split(event.subject)[0] == DOCUMENT]
    if not about:
        return _Known(subjects, actors, {}, {}, {})
    return _Known(subjects, actors, _codes(about), _documents(names[DOCUMENT]), _links(about))


def _codes(events: Sequence[AuditEvent]) -> Mapping[str, int]:
    codes = {str(code) for event in events if (code := event.data.get("unit"))}
    return dict(Unit.objects.filter(code__in=codes).values_list("code", "pk"))


def _documents(names: set[str]) -> Mapping[str, Sequence[int]]:
    found: dict[str, list[int]] = {}
    for name, unit in Document.objects.filter(external_id__in=names).values_list("external_id", "unit_id"):
        found.setdefault(name, []).append(unit)
    return found


def _links(events: Sequence[AuditEvent]) -> Mapping[int, int]:
    pks = {pk for event in events if isinstance(pk := event.data.get("link"), int)}
    return dict(ReviewLink.objects.filter(pk__in=pks).values_list("pk", "edition__document__unit_id"))


def _unit(event: AuditEvent, known: _Known) -> int:
    kind, name = split(event.subject)
    if kind in OF_THE_HOUSE:
        return HOUSE
    if kind in OF_A_PERSON_OR_THE_HOUSE:
        return known.actors.get(event.actor, HOUSE)
    if kind == DOCUMENT:
        return _of_document(event, name, known)
    if name in (mine := known.subjects.get(kind, {})):
        return mine[name] or HOUSE  # a notice may be about the installation
    return known.actors.get(event.actor, NOBODY)


def _of_document(event: AuditEvent, name: str, known: _Known) -> int:
    if (code := event.data.get("unit")) is not None:
        return known.codes.get(str(code), NOBODY)
    if event.data.get("link") in known.links:
        return known.links[event.data["link"]]
    having = known.documents.get(name, ())
    if (unit := known.actors.get(event.actor, NOBODY)) in having:
        return unit
    return having[0] if len(having) == 1 else NOBODY
