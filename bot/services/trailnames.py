"""What lines of the trail are about, in staff words, for a page of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.typography import quoted
from bot.models import Account, AlarmNotice, ApiToken, AuditEvent, Person, Publication, Release, Unit, Urgency

from .trailunits import number_of_urgency, numbers, split


@dataclass(frozen=True, slots=True)
class Thing:
    """What a line is about: its words, and what it is of (`kind`, `key`), for a page that has a place for it."""

    label: str
    kind: str = ""
    key: str = ""


Things = Mapping[str, Thing]


def _releases(names: set[str]) -> Things:
    found = Release.objects.filter(pk__in=numbers(names)).values_list("pk", "title")
    return {str(pk): Thing(f"发布单 {pk}" + (f"“{title}”" if title else ""), "release", str(pk)) for pk, title in found}


def _publications(names: set[str]) -> Things:
    found = Publication.objects.filter(pk__in=numbers(names)).values_list("pk", "release_id", "account__name", "lane")
    return {
        str(pk): Thing(f"发布单 {release} 的{account}" + (f"第 {lane + 1} 条" if lane else ""), "release", str(release))
        for pk, release, account, lane in found
    }


def _accounts(names: set[str]) -> Things:
    found = Account.objects.filter(slug__in=names).values_list("slug", "name")
    return {slug: Thing(f"账号“{name}”", "account", slug) for slug, name in found}


def _people(names: set[str]) -> Things:
    found = Person.objects.filter(username__in=names).values_list("username", "name")
    return {username: Thing(name or username, "person", username) for username, name in found}


def _units(names: set[str]) -> Things:
    return {
        code: Thing(name, "unit", code)
        for code, name in Unit.objects.filter(code__in=names).values_list("code", "name")
    }


def _tokens(names: set[str]) -> Things:
    found = ApiToken.objects.filter(pk__in=numbers(names)).values_list("pk", "name")
    return {str(pk): Thing(f"接口令牌“{name}”", "token", str(pk)) for pk, name in found}


def _notices(names: set[str]) -> Things:
    found = AlarmNotice.objects.filter(pk__in=numbers(names)).values_list("pk", "target")
    return {str(pk): Thing(f"通知“{target}”") for pk, target in found}


def _urgencies(names: set[str]) -> Things:
    pks = {name: number_of_urgency(name) for name in names}
    rows = Urgency.objects.filter(pk__in=numbers(pks.values())).values_list(
        "pk", "edition__title", "edition__document__external_id"
    )
    found = {str(pk): Thing(f"{quoted(title)}的应急发布", "document", number) for pk, title, number in rows}
    return {name: found[pk] for name, pk in pks.items() if pk in found}


_LOOKUPS: dict[str, Callable[[set[str]], Things]] = {
    "release": _releases,
    "publication": _publications,
    "account": _accounts,
    "person": _people,
    "unit": _units,
    "token": _tokens,
    "notice": _notices,
    "urgency": _urgencies,
}
_PLAIN = {"home": "本系统", "notify": "警报通知", "trail": "留痕"}


def things(events: Sequence[AuditEvent]) -> dict[str, Thing]:
    """Subject -> what it is. One question for each kind of subject, however many lines."""
    kinds: dict[str, set[str]] = {}
    for event in events:
        kind, name = split(event.subject)
        kinds.setdefault(kind, set()).add(name)
    found = {kind: look(kinds[kind]) for kind, look in _LOOKUPS.items() if kind in kinds}
    return {subject: _thing(subject, found) for subject in _subjects(events)}


def _subjects(events: Iterable[AuditEvent]) -> set[str]:
    return {event.subject for event in events}


def _thing(subject: str, found: Mapping[str, Things]) -> Thing:
    kind, name = split(subject)
    if kind == "document":
        return Thing(f"文件 {name}", "document", name)
    if kind == "login":
        return Thing(f"来自 {name}")
    return found.get(kind, {}).get(name) or Thing(_PLAIN.get(kind, subject))
