"""What the inbox (审批箱) lists, read from the records.

Every question is about editions that wait, were returned, or are one person's own: none walks through the documents of
years. Deadlines are asked from the releases' side, for those whose text is not approved any more: there are few.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, F, Min, OuterRef, Prefetch, Q, QuerySet
from django.db.models.functions import Lower

from bot.domain.delivery import STOPPABLE, State
from bot.domain.workflow import UNDER_REVIEW, EditionState, Role, Step, Verdict, step_due
from bot.models import Edition, Item, Opened, Person, PostRecord, Review, Unit
from bot.services import urgentcare
from bot.services.inbox import REVIEWERS, Seen

from .document import EDITION_TONES

PAGE = 40  # rows
MOST_PAGES = 100
MOST_COUNTED = 1000  # of what waits in a tab; beyond that nobody needs to know how many exactly
MOST_PLANNED = 500  # documents with a deadline: the nearest ones
SOON = timedelta(hours=48)
PASSED = timedelta(days=1)
"""How long a release's instant that went by while its text was not approved is still called a deadline."""

DUE, MINE, RETURNED, LATE = "due", "mine", "returned", "late"
LABELS = {DUE: "待我审", MINE: "我提交的", RETURNED: "已退回", LATE: "快过期"}
EMPTY = {
    DUE: "没有等您审的稿件",
    MINE: "您还没有提交过稿件",
    RETURNED: "没有退回后等着修改的稿件",
    LATE: "48 小时内要发布的稿件都已审完",
}
OPEN = [str(state) for state in STOPPABLE | {State.HELD}]
WAITING = [str(state) for state in UNDER_REVIEW]
DONE = (EditionState.APPROVED, EditionState.SUPERSEDED)


@dataclass(frozen=True, slots=True)
class Left:
    """How long until a deadline, in words and in colour; `near`: a countdown ticks."""

    at: datetime
    words: str
    tone: str
    near: bool
    owed: bool = False  # it is public: the reviews come afterwards


@dataclass(frozen=True, slots=True)
class Row:
    """One edition in the list. `seen` is what a batch carries, "" where it may not be passed yet; `lacking` says why."""

    edition: Edition
    tone: str
    icon: str
    left: Left | None
    waited: str
    returned: Review | None
    seen: str = ""
    lacking: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a tab."""

    rows: Sequence[Row]
    page: int
    more: bool

    @property
    def ready(self) -> int:
        """How many of them may be passed at once."""
        return sum(bool(row.seen) for row in self.rows)


def may_review(person: Person) -> bool:
    """Whether any review step is theirs, now."""
    return any(person.has_role(role) for role in REVIEWERS)


def opens_on(person: Person) -> str:
    """The tab that has something to say to them: who neither reviews nor writes has handed in nothing."""
    if may_review(person):
        return DUE
    return MINE if person.has_role(Role.EDITOR) else LATE


def waiting(person: Person) -> int:
    """How many wait for them, at most a hundred are counted: for the navigation of every page."""
    return due_to(person)[:100].count() if may_review(person) else 0


# --- which editions ------------------------------------------------------------------------------------------


def _in_unit(found: QuerySet[Edition], unit: Unit) -> QuerySet[Edition]:
    """Those of a unit. Written so that no index on all documents of the unit leads: SQLite, without statistics, takes that one
    and the one that we mean for equally long."""
    return found.alias(house=F("document__unit_id") + 0).filter(house=unit.pk)


def _in_state(states: Sequence[str], unit: Unit) -> QuerySet[Edition]:
    return _in_unit(Edition.objects.filter(state__in=states), unit)


def due_to(person: Person) -> QuerySet[Edition]:
    """Editions of the person's unit whose next step they may take: not their own, none of which they took a step, and
    none that they asked to let out urgently."""
    steps = person.unit.review_steps
    due = {state: step_due(state, steps) for state in UNDER_REVIEW}
    states = [str(state) for state, step in due.items() if step is not None and person.has_role(step)]
    taken = Review.objects.filter(edition=OuterRef("pk"), person=person)
    asked = urgentcare.first_words(person).filter(urgency__edition=OuterRef("pk"))
    found = _in_state(states, person.unit).filter(~Exists(taken), ~Exists(asked))
    return found.exclude(author=person).exclude(submitted_by=person)


def returned_to(person: Person) -> QuerySet[Edition]:
    """Returned editions that wait for a change: those they wrote or submitted, and those they returned."""
    by_them = Review.objects.filter(edition=OuterRef("pk"), person=person, verdict=Verdict.RETURN)
    found = _in_state([str(EditionState.RETURNED)], person.unit)
    return found.filter(Q(author=person) | Q(submitted_by=person) | Exists(by_them))


def submitted_by(person: Person) -> QuerySet[Edition]:
    """What they handed in, whatever became of it."""
    return _in_unit(Edition.objects.filter(submitted_by=person), person.unit)


def _under_review_of(person: Person) -> QuerySet[Edition]:
    """Of what they handed in: few, and an index of its own."""
    return _in_unit(Edition.objects.filter(submitted_by=person, state__in=WAITING), person.unit)


class Deadlines(dict[int, datetime]):
    """Document -> until when it wants its reviews. `owed`: documents that went out on two words already (应急补审)."""

    owed: frozenset[int] = frozenset()


def deadlines(unit: Unit, now: datetime) -> Deadlines:
    """The instant of the release that plans it, where the text it planned is not approved any more; or the end of the
    time in which what went out on two words is to be reviewed."""
    owed = urgentcare.owed(unit)
    until = Deadlines(_planned(unit, now) | owed)
    until.owed = frozenset(owed)
    return until


def _planned(unit: Unit, now: datetime) -> dict[int, datetime]:
    """Document to the first instant that waits for its text. The unit, and the edition's state, are asked for in other words
    than their indexes have: led by those, a database reads every release of the unit, or every edition of years."""
    planned = Item.objects.filter(
        active=True, publication__state__in=OPEN, publication__instant__gt=now - PASSED,
        publication__release__cancelled_at__isnull=True,
    ).alias(house=F("publication__release__unit_id") + 0, word=Lower("edition__state"))  # fmt: skip
    not_approved = planned.filter(house=unit.pk).exclude(word=str(EditionState.APPROVED))
    first = not_approved.values("edition__document").annotate(first=Min("publication__instant"))
    return dict(first.order_by("first", "edition__document").values_list("edition__document", "first")[:MOST_PLANNED])


def is_owed(document: int, until: Mapping[int, datetime]) -> bool:
    """Whether it went out already, and the reviews come afterwards."""
    return isinstance(until, Deadlines) and document in until.owed


def _first(edition: Edition, until: Mapping[int, datetime]) -> tuple[bool, datetime, int]:
    """What is public and not reviewed comes before everything else; then whatever is due first."""
    return not is_owed(edition.document_id, until), until[edition.document_id], edition.pk


def _running_out(until: Mapping[int, datetime], now: datetime) -> list[Edition]:
    """By documents first: they are few, and an index on states would lead through every draft there is."""
    near = [document for document, at in until.items() if at < now + SOON]
    found = [one for one in _whole(Edition.objects.filter(document__in=near)) if one.status not in DONE]
    return sorted(found, key=lambda one: _first(one, until))


def _whole(found: QuerySet[Edition]) -> QuerySet[Edition]:
    returns = Review.objects.filter(verdict=Verdict.RETURN).select_related("person")
    return (
        found.select_related("document", "author")
        .defer("content")
        .prefetch_related(Prefetch("reviews", returns, to_attr="returns"))
    )


# --- the lists -----------------------------------------------------------------------------------------------


def counts(person: Person, until: Mapping[int, datetime], now: datetime) -> dict[str, int]:
    """How many wait in each tab; of what they handed in, those under review."""
    near = [document for document, at in until.items() if at < now + SOON]
    late = Edition.objects.filter(document__in=near).values_list("state", flat=True)
    return {
        DUE: due_to(person)[:MOST_COUNTED].count(),
        MINE: _under_review_of(person)[:MOST_COUNTED].count(),
        RETURNED: returned_to(person)[:MOST_COUNTED].count(),
        LATE: sum(state not in DONE for state in late),
    }


def listing(tab: str, page: int, person: Person, until: Mapping[int, datetime], now: datetime) -> Listing:
    """One page of a tab, the most urgent first."""
    start = (page - 1) * PAGE
    found = _editions(tab, person, until, now, start)
    rows = _rows(found[:PAGE], until, now)
    return Listing(_with_what_was_opened(rows, person) if tab == DUE else rows, page, len(found) > PAGE)


def _editions(tab: str, person: Person, until: Mapping[int, datetime], now: datetime, start: int) -> list[Edition]:
    """One more than a page holds, from `start`."""
    end = start + PAGE + 1
    if tab == LATE:
        return _running_out(until, now)[start:end]
    if tab == MINE:
        return list(_whole(submitted_by(person)).order_by("-pk")[start:end])
    found = due_to(person) if tab == DUE else returned_to(person)
    return _urgent_first(found, until, start, end)


def _urgent_first(found: QuerySet[Edition], until: Mapping[int, datetime], start: int, end: int) -> list[Edition]:
    """Those that a release waits for, nearest first; then whatever has waited longest."""
    urgent = sorted(_whole(found.filter(document__in=list(until))), key=lambda one: _first(one, until))
    rest = _whole(found.exclude(document__in=list(until))).order_by("submitted_at", "pk")
    first, last = max(start - len(urgent), 0), max(end - len(urgent), 0)
    return [*urgent[start:end], *(rest[first:last] if last else ())]


def _rows(editions: Iterable[Edition], until: Mapping[int, datetime], now: datetime) -> list[Row]:
    return [_row(edition, until, now) for edition in editions]


def _row(edition: Edition, until: Mapping[int, datetime], now: datetime) -> Row:
    tone, icon = EDITION_TONES[edition.status]
    left_over = left_of(edition, until, now)
    waited = in_words(now - edition.submitted_at) if edition.submitted_at and edition.status in UNDER_REVIEW else ""
    returns: Sequence[Review] = getattr(edition, "returns", ())
    return Row(edition, tone, icon, left_over, waited, returns[0] if returns else None)


def _with_what_was_opened(rows: Sequence[Row], person: Person) -> list[Row]:
    """Which of them may be passed from the list: two questions for all."""
    posts = PostRecord.objects.filter(edition__in=[row.edition.pk for row in rows])
    by_edition: dict[int, list[PostRecord]] = {}
    for post in posts.only("edition", "account", "hash").order_by("account_id", "pk"):
        by_edition.setdefault(post.edition_id, []).append(post)
    hashes = [post.hash for group in by_edition.values() for post in group]
    known = set(Opened.objects.filter(person=person, post_hash__in=hashes).values_list("post_hash", flat=True))
    return [_marked(row, by_edition.get(row.edition.pk, []), known) for row in rows]


def _marked(row: Row, posts: Sequence[PostRecord], known: set[str]) -> Row:
    lacking = sum(post.hash not in known for post in posts)
    seen = str(Seen.of(row.edition, posts)) if posts and not lacking else ""
    return Row(row.edition, row.tone, row.icon, row.left, row.waited, row.returned, seen, lacking)


# --- time in words -------------------------------------------------------------------------------------------


def left_of(edition: Edition, until: Mapping[int, datetime], now: datetime) -> Left | None:
    """How long an edition that waits still has, None where nobody waits for it."""
    deadline = until.get(edition.document_id)
    if deadline is None or edition.status in DONE:
        return None
    return left_to_review(deadline, now) if is_owed(edition.document_id, until) else left(deadline, now)


def left_to_review(deadline: datetime, now: datetime) -> Left:
    """Of what is public already: loud from the start."""
    ahead = deadline - now
    if ahead <= timedelta():
        return Left(deadline, f"补审已逾期 {in_words(-ahead)}", "bad", False, owed=True)
    return Left(deadline, f"补审还有 {in_words(ahead)}", "bad", ahead < timedelta(minutes=10), owed=True)


def left(deadline: datetime, now: datetime) -> Left:
    """How long until then: under an hour is red, under a day amber, and under ten minutes it ticks."""
    ahead = deadline - now
    if ahead <= timedelta():
        return Left(deadline, f"发布时刻已过 {in_words(-ahead)}", "bad", False)
    tone = "bad" if ahead < timedelta(hours=1) else "warn" if ahead < timedelta(days=1) else "wait"
    return Left(deadline, f"还有 {in_words(ahead)}", tone, ahead < timedelta(minutes=10))


def in_words(span: timedelta) -> str:
    """A duration, as coarse as it is long: 12 分钟, 3 小时 5 分, 4 天."""
    minutes = max(int(span.total_seconds() // 60), 0)
    if minutes < 60:
        return f"{minutes} 分钟" if minutes else "不到 1 分钟"
    if minutes < 48 * 60:
        return f"{minutes // 60} 小时" + (f" {minutes % 60} 分" if minutes % 60 else "")
    return f"{minutes // 1440} 天"


def waiting_for(edition: Edition, unit: Unit) -> Step | None:
    """The step that is due."""
    return step_due(edition.status, unit.review_steps)
