"""Related rows for many objects at once, without Django's manager and query for each of them.

`prefetch_related` makes both for every object, which for the hundreds of a page takes longer than the rows themselves. Here
what was found is put where Django keeps what it prefetched: `release.publications.all()` answers with it, and asks nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)
AT_ONCE = 10_000  # owners in one question: a database takes so many values, and not any number


def gather(owners: Iterable[Model], name: str, found: QuerySet[M], field: str) -> list[M]:
    """Fetch the rows of `found` whose foreign key `field` names one of `owners`, and give each owner its own as `name`.

    Each row knows its owner, too. Returns all rows, those of each owner in the order of `found`. One query for each
    `AT_ONCE` owners; none where there are none.
    """
    by_key = {owner.pk: owner for owner in owners}
    keys = list(by_key)
    some = [keys[start : start + AT_ONCE] for start in range(0, len(keys), AT_ONCE)]
    rows = [row for part in some for row in found.filter(**{f"{field}__in": part})]
    groups: dict[Any, list[M]] = defaultdict(list)
    for row in rows:
        key = getattr(row, f"{field}_id")
        row._state.fields_cache[field] = by_key[key]
        groups[key].append(row)
    for key, owner in by_key.items():
        kept(owner)[name] = groups[key]
    return rows


def pair(owners: Sequence[Model], name: str, found: QuerySet[M], field: str) -> None:
    """The same for a one-to-one key: each owner gets its one row as `name`, or has none. No query where there are no owners."""
    keys = [owner.pk for owner in owners]
    rows = {getattr(row, f"{field}_id"): row for row in found.filter(**{f"{field}__in": keys})} if keys else {}
    for owner in owners:
        owner._state.fields_cache[name] = row = rows.get(owner.pk)
        if row is not None:
            row._state.fields_cache[field] = owner


def share(rows: Sequence[Model], field: str, objects: Mapping[Any, Model]) -> None:
    """Give the rows what their foreign key `field` names: one object for all that name the same. None of the keys may lack."""
    for row in rows:
        key = getattr(row, f"{field}_id")
        row._state.fields_cache[field] = None if key is None else objects[key]


def kept(owner: Model) -> dict[str, Any]:
    """Where Django keeps what was prefetched for an object."""
    cache: dict[str, Any] = owner.__dict__.setdefault("_prefetched_objects_cache", {})
    return cache
