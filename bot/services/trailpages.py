"""留痕 as a list: filtered, from the newest line backwards, some lines at a time, and of nobody else's unit.

Which lines there are is read from the index (`trailindex`), what they say from the chain itself. 审计 and 审计管理员 read
their own unit's lines; 审计管理员 besides those of the installation (rules, backups, guesses at the login). What matches
words is looked for in the sentences as staff read them, in a bounded number of lines for each request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet

from bot.domain.instants import beijing_midnight, parse_instant
from bot.domain.trail import Sort
from bot.domain.workflow import Role
from bot.models import AuditEvent, Person, Publication, TrailLine

from . import trail
from .people import require
from .trail import Sentence
from .trailnames import Thing, things
from .trailunits import HOUSE

READERS = (Role.AUDITOR, Role.AUDITADMIN)
PAGE = 50
AT_ONCE = 200  # lines read together when words are looked for
MOST_LOOKED_AT = 1_000  # lines in which words are looked for, for one request
ABOUT = {
    "document": "文件",
    "release": "发布单",
    "account": "账号",
    "person": "人员",
    "token": "接口令牌",
    "login": "登录地址",
}
LACKING = "这一条在留痕里找不到了：可能被人从数据库删除。请立即核验链条。"
DAY = timedelta(days=1)
LAST_DAY = date(2199, 12, 30)


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters. `about` and `name` go together: a kind of thing and its number or name; `last` is included."""

    actor: str = ""
    sort: str = ""
    about: str = ""
    name: str = ""
    first: date | None = None
    last: date | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in the list: what comes after it is older."""

    at: datetime
    sequence: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """Back from an address; None for what is none."""
        stamp, _, number = text.partition("~")
        try:
            return cls(parse_instant(stamp), int(number)) if number.isascii() and number.isdigit() else None
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Line:
    """One line in words. `mine`: it is about something of the reader's own unit, so that a link leads somewhere."""

    sentence: Sentence
    thing: Thing
    sort: Sort
    mine: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines. `after` is where to go on, None at the end; `looked_at` how many were looked through for words."""

    lines: Sequence[Line] = field(default_factory=list)
    after: Cursor | None = None
    looked_at: int = 0


def page(asked: Asked, *, person: Person, after: Cursor | None = None, size: int = PAGE) -> Page:
    """The next lines behind `after`."""
    require(person, *READERS)
    if not asked.words:
        rows = _rows(asked, person, after, size + 1)
        kept = rows[:size]
        return Page(_lines(kept, person), _cursor(kept[-1]) if len(rows) > size else None)
    return _with_words(asked, person, after, size)


def _with_words(asked: Asked, person: Person, after: Cursor | None, size: int) -> Page:
    found: list[Line] = []
    looked_at = 0
    while looked_at < MOST_LOOKED_AT:
        rows = _rows(asked, person, after, AT_ONCE)
        for row, line in zip(rows, _lines(rows, person), strict=True):
            looked_at, after = looked_at + 1, _cursor(row)
            if _says(line, asked.words):
                found.append(line)
            if len(found) == size:
                return Page(found, after, looked_at)
        if len(rows) < AT_ONCE:
            return Page(found, None, looked_at)
    return Page(found, after, looked_at)


def every(asked: Asked, *, person: Person) -> Iterator[Line]:
    """All lines that pass the filters, newest first, read some at a time."""
    require(person, *READERS)
    after: Cursor | None = None
    while True:
        rows = _rows(asked, person, after, AT_ONCE)
        yield from (line for line in _lines(rows, person) if _says(line, asked.words))
        if len(rows) < AT_ONCE:
            return
        after = _cursor(rows[-1])


def scopes(person: Person) -> list[Q]:
    """What a person may read: one condition for each range of the index."""
    own = [Q(whose=person.unit_id)]
    return [*own, Q(whose=HOUSE)] if person.has_role(Role.AUDITADMIN) else own


def visible(person: Person, events: Sequence[AuditEvent]) -> set[int]:
    """Which of these lines the person may read, by their numbers."""
    numbers = [event.sequence for event in events]
    found: set[int] = set()
    for scope in scopes(person):
        found |= set(TrailLine.objects.filter(scope, sequence__in=numbers).values_list("sequence", flat=True))
    return found


def in_period(asked: Asked, scope: Q) -> QuerySet[TrailLine]:
    """The lines of one scope in the days that were asked for."""
    found = TrailLine.objects.filter(scope)
    if asked.first is not None:
        found = found.filter(at__gte=beijing_midnight(asked.first))
    if asked.last is not None:
        found = found.filter(at__lt=beijing_midnight(min(asked.last, LAST_DAY) + DAY))
    return found


# --- reading --------------------------------------------------------------------------------------------------


def _rows(asked: Asked, person: Person, after: Cursor | None, most: int) -> list[TrailLine]:
    """From each scope as many as could be needed: an OR over scopes would make the database sort all of them."""
    subjects = _subjects(asked, person)
    found = [row for scope in scopes(person) for row in _filtered(asked, scope, subjects, after)[:most]]
    return sorted(found, key=_cursor, reverse=True)[:most]


def _filtered(
    asked: Asked, scope: Q, subjects: Sequence[str] | None, after: Cursor | None
) -> QuerySet[TrailLine]:  # fmt: skip
    found = in_period(asked, scope).order_by("-at", "-sequence")
    if asked.actor:
        found = found.filter(actor=asked.actor)
    if asked.sort:
        found = found.filter(sort=asked.sort)
    if subjects is not None:
        found = found.filter(Q(subject=subjects[0]) if len(subjects) == 1 else Q(subject__in=subjects))
    if after is not None:
        found = found.filter(Q(at__lt=after.at) | Q(sequence__lt=after.sequence), at__lte=after.at)
    return found


def _subjects(asked: Asked, person: Person) -> Sequence[str] | None:
    """The subjects that were asked for; with a release its pushes, which are the most of its story."""
    if not asked.about or not asked.name:
        return None
    subjects = [f"{asked.about}:{asked.name}"]
    if asked.about == "release" and asked.name.isascii() and asked.name.isdigit() and len(asked.name) < 19:
        mine = Publication.objects.filter(release_id=int(asked.name), release__unit_id=person.unit_id)
        subjects += [f"publication:{pk}" for pk in mine.values_list("pk", flat=True)]
    return subjects


def _cursor(row: TrailLine) -> Cursor:
    return Cursor(row.at, row.sequence)


def _lines(rows: Sequence[TrailLine], person: Person) -> list[Line]:
    events = AuditEvent.objects.in_bulk([row.sequence for row in rows])
    about = things(list(events.values()))
    sentences = trail.in_words(list(events.values()), {subject: thing.label for subject, thing in about.items()})
    told = {sentence.number: sentence for sentence in sentences}
    return [_line(row, told.get(row.sequence), about, person) for row in rows]


def _line(row: TrailLine, sentence: Sentence | None, about: Mapping[str, Thing], person: Person) -> Line:
    if sentence is None:
        sentence = Sentence(row.sequence, row.at, row.actor, LACKING, "", row.actor, "", row.subject)
    thing = about.get(row.subject, Thing(row.subject))
    return Line(sentence, thing, Sort(row.sort), row.whose == person.unit_id)


def _says(line: Line, words: Sequence[str]) -> bool:
    if not words:
        return True
    sentence = line.sentence
    text = " ".join((sentence.who, sentence.actor, sentence.what, sentence.detail, line.thing.label)).casefold()
    return all(word.casefold() in text for word in words)
