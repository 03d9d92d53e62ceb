"""What the duty desk (值班台) shows, read from the records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet
from django.urls import reverse

from bot.domain.delivery import State
from bot.domain.sync import FOR_A_DECISION
from bot.domain.workflow import EditionState, Role, Verdict
from bot.models import (
    Account,
    AuditEvent,
    Edition,
    Freeze,
    Item,
    ManualPost,
    ManualTask,
    Person,
    Publication,
    Release,
    Unit,
)
from bot.models.gathering import gather, share
from bot.services import byhand, lanes, moving, trail
from bot.services.people import may_read

from . import chips, urgentmarks
from .chips import Chip
from .chosen import AHEAD, ASKS, Chosen, choose, heads

_OF_AN_ITEM = ("publication_id", "edition_id", "position", "url")


@dataclass(frozen=True, slots=True)
class AccountLine:
    """All pushes of one release on one account (a Weibo lane has several), or what people post there."""

    account: Account
    chips: Sequence[Chip]
    planned: datetime
    actual: datetime | None
    late_ms: float | None  # of several pushes the latest one's
    pieces: Sequence[tuple[Edition, str]]  # with the address of each, as far as it is known
    pushes: int


@dataclass(frozen=True, slots=True)
class Row:
    """One release on the board."""

    release: Release
    standing: Chip
    says: str
    lines: Sequence[AccountLine]
    count: int  # of editions; who may not read them sees the same title on each
    passed: int
    needed: int
    urgent: Chip | None = None

    @property
    def titles(self) -> list[str]:
        """The titles it publishes, each once, in order."""
        return list(dict.fromkeys(edition.title for line in self.lines for edition, _ in line.pieces))


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing that needs a person."""

    chip: Chip
    release: Release
    account: Account | None
    titles: Sequence[str]
    reason: str
    instant: datetime
    door: tuple[str, str] = ("", "")
    case: int = 0  # the push, where it is settled on a page of its own
    push: Publication | None = None  # where it is one that asks


@dataclass(frozen=True, slots=True)
class Frozen:
    """A freeze that stands, with the answer it got."""

    freeze: Freeze
    answer: str


def on_the_desk(unit: Unit, now: datetime) -> Chosen:
    """Releases of the board and those beside them, with all that `row` and `asks` read."""
    found = choose(unit, now)
    with_everything([*found.board, *found.others])
    return found


def of_these(found: QuerySet[Release], most: int) -> list[Release]:
    """The first of them, with all that `row` and `asks` read."""
    releases = list(heads(found)[:most])
    with_everything(releases)
    return releases


def with_everything(releases: Sequence[Release]) -> None:
    """Fetch all that `row` and `asks` read of them: ten questions however many they are, and what several share once."""
    pushes = gather(releases, "publications", _pushes(), "release")
    moving.with_outcomes(pushes, all_of_them=True)
    items = gather(pushes, "items", Item.objects.only(*_OF_AN_ITEM).order_by("position"), "publication")
    tasks = gather(releases, "manual_tasks", _tasks(), "release")
    gather(tasks, "posts", ManualPost.objects.select_related("void"), "task")
    of_accounts: list[Publication | ManualTask] = [*pushes, *tasks]
    of_editions: list[Item | ManualTask] = [*items, *tasks]
    share(of_accounts, "account", Account.objects.in_bulk({one.account_id for one in of_accounts}))
    share(of_editions, "edition", _editions().in_bulk({one.edition_id for one in of_editions}))
    people = Person.objects.in_bulk({pk for one in releases for pk in (one.signed_by_id, one.created_by_id) if pk})
    share(releases, "signed_by", people)
    share(releases, "created_by", people)


def _pushes() -> QuerySet[Publication]:
    """Without what only the machine reads."""
    return Publication.objects.order_by("account_id", "lane").defer(
        "key", "next_at", "fence", "lease_until", "rung_at", "batch", "staged", "staged_at", "stage_faults", "stage_by",
        "crashes", "stop_event", "stop_reason", "stop_by", "since", "looks", "absents", "next_sample_at", "alarm_at",
    )  # fmt: skip


def _editions() -> QuerySet[Edition]:
    """With how many reviews passed each: an object for every review would be a third of all rows."""
    return Edition.objects.defer("content").annotate(passes=Count("reviews", filter=Q(reviews__verdict=Verdict.PASS)))


def _tasks() -> QuerySet[ManualTask]:
    return byhand.tasks().defer("payload").order_by("account_id", "lane", "position")


def row(release: Release, unit: Unit, now: datetime) -> Row:
    """A release as the board shows it; `release` comes with its publications and items."""
    publications, tasks = list(release.publications.all()), list(release.manual_tasks.all())
    editions = {item.edition_id: item.edition for publication in publications for item in publication.items.all()}
    editions |= {task.edition_id: task.edition for task in tasks}
    passed = sum(vars(edition)["passes"] for edition in editions.values())
    return Row(
        release,
        chips.standing(release, publications, now),
        chips.public_words(publications, tasks),
        [*_lines(publications), *_lines_by_hand(release, tasks, now)],
        len(editions),
        passed,
        len(editions) * len(unit.review_steps),
        urgentmarks.mark(release.urgency, now),
    )


def _lines(publications: Iterable[Publication]) -> list[AccountLine]:
    groups: dict[int, list[Publication]] = {}
    for publication in publications:
        groups.setdefault(publication.account_id, []).append(publication)
    return [_line(group) for group in groups.values()]


def _line(group: list[Publication]) -> AccountLine:
    late = [publication.late_ms for publication in group if publication.late_ms is not None]
    sent = [publication.sent_at for publication in group if publication.sent_at is not None]
    return AccountLine(
        group[0].account,
        chips.grouped([publication.status for publication in group]),
        group[0].promised,
        min(sent, default=None),
        max(late, default=None),
        [(item.edition, item.url) for publication in group for item in publication.items.all()],
        len(group),
    )


def _lines_by_hand(release: Release, tasks: Iterable[ManualTask], now: datetime) -> list[AccountLine]:
    groups: dict[Account, list[ManualTask]] = {}
    for task in tasks:
        groups.setdefault(task.account, []).append(task)
    return [_line_by_hand(release, account, group, now) for account, group in groups.items()]


def _line_by_hand(release: Release, account: Account, group: list[ManualTask], now: datetime) -> AccountLine:
    posted = [next((post for post in task.posts.all() if post.stands), None) for task in group]
    there = [(task, post.url if post and byhand.stands(task) else "") for task, post in zip(group, posted, strict=True)]
    pieces = [(task.edition, url) for task, url in there]
    first = min((post.posted_at for post in posted if post), default=None)
    chip = chips.by_hand(release, group, now)
    return AccountLine(account, [chip], byhand.due_from(release) or release.instant, first, None, pieces, 1)


def asks(releases: Iterable[Release], who: Person, now: datetime, *, frozen: bool = False) -> list[Ask]:
    """Everything that waits for a person, most urgent first; with the page where this person can do it.

    `frozen`: the unit is, and nobody is to be asked to post anything.
    """
    found = [
        _ask(release, one, who, now) for release in releases for one in release.publications.all() if one.status in ASKS
    ]
    found += [_unsigned(release, who, now) for release in releases if _wants_signature(release, now)]
    found += [ask for release in releases for ask in _by_hand(release, who, now, frozen=frozen)]
    order = {state.label: place for place, state in enumerate(chips.URGENCY)}
    return sorted(found, key=lambda ask: (order.get(ask.chip.label, len(order)), ask.instant))


def _ask(release: Release, publication: Publication, who: Person, now: datetime) -> Ask:
    titles = [item.edition.title for item in publication.items.all()]
    reason = publication.reason or "没有记下原因，请打开发布单查看经过。"
    return Ask(
        chips.chip(publication.status), release, publication.account, titles, reason, publication.instant,
        _door(release, who, now, behind=_is_behind(release, publication)) if publication.status is State.HELD else ("", ""),
        0 if publication.status is State.HELD else publication.pk, publication,
    )  # fmt: skip


def _is_behind(release: Release, publication: Publication) -> bool:
    """Whether one before it in its lane is in trouble that no resuming ends, be there others held in between."""
    mates = release.publications.all()
    before = lanes.stuck_among(publication, mates)
    while before is not None and before.status is State.HELD:
        before = lanes.stuck_among(before, mates)
    return before is not None


def _door(release: Release, who: Person, now: datetime, *, behind: bool = False) -> tuple[str, str]:
    """What sets going what is held, for those who may: the word, and the page where it is done."""
    page = reverse("release", args=[release.pk])
    if not release.signed:
        open_still = release.cancelled_at is None and release.urgency_id is None
        if open_still and chips.too_late_to_sign(release, now):
            return ("改期", reverse("release-reschedule", args=[release.pk])) if may_plan(who) else ("", "")
        sign = open_still and who.has_role(Role.RELEASER)
        return ("核对清单并签发", reverse("release-sign", args=[release.pk])) if sign else ("", "")
    gate = getattr(release, "gate", None)
    if gate is not None and gate.status in FOR_A_DECISION:
        may = who.has_role(Role.RELEASER) or who.has_role(Role.DUTY)
        return ("决定是否等门户", page) if may else ("", "")
    if not who.has_role(Role.RELEASER):
        return "", ""
    return ("", "") if behind else ("去恢复", page)  # the way to its story stands beside it anyway


def _wants_signature(release: Release, now: datetime) -> bool:
    states = {publication.status for publication in release.publications.all()}
    by_hand = any(task.waits for task in release.manual_tasks.all())
    waiting = State.PLANNED in states or (by_hand and State.HELD not in states)  # what is held asks for itself
    return waiting and not release.signed and release.cancelled_at is None and release.instant < now + AHEAD


def _unsigned(release: Release, who: Person, now: datetime) -> Ask:
    if (old := _outdated(release)) is not None:
        words = f"“{old}”已有新版本，这张发布单里还是旧版，签发不了，到时不会发出。请换成新版本（修改发布单），或作废。"
        door = ("修改发布单", reverse("release-edit", args=[release.pk])) if may_plan(who) else ("", "")
        return Ask(Chip("未签发", "warn", "pen"), release, None, (), words, release.instant, door=door)
    if chips.too_late_to_sign(release, now):
        over = "发布时刻已过，还没有签发，不会发出。" if release.instant <= now else "离发布时刻太近，到时不会发出。"
        words = f"{over}现在来不及签发，请改期后再签发，或作废。"
        return Ask(chips.TOO_LATE, release, None, (), words, release.instant, door=_door(release, who, now))
    return Ask(
        Chip("未签发", "wait", "pen"), release, None, (),
        "发布单已编好，还没有签发，到时不会发出。请签发人核对后签发，或改期、作废。", release.instant,
        door=_door(release, who, now),
    )  # fmt: skip


def _outdated(release: Release) -> str | None:
    """The title of a part that another edition has taken the place of."""
    parts = [item.edition for one in release.publications.all() for item in one.items.all()]
    parts += [task.edition for task in release.manual_tasks.all() if task.waits]
    return next((one.title for one in parts if one.status is EditionState.SUPERSEDED), None)


def may_plan(who: Person) -> bool:
    """Whether this person may change a release before it is signed."""
    return who.has_role(Role.EDITOR) or who.has_role(Role.RELEASER)


def _by_hand(release: Release, who: Person, now: datetime, *, frozen: bool) -> list[Ask]:
    """What is to be posted by hand now, one for each account; or that nobody knows whether it is.

    While `frozen` nothing is to be posted, but decided it may be.
    """
    if _undecided(release):
        words = "门户网页到时没有上线，手工发布的部分等人决定是否照发，决定之前不要发出。"
        chip = Chip("等人决定", "warn", "question")
        return [Ask(chip, release, None, (), words, release.instant, door=_door(release, who, now))]
    groups: dict[Account, list[ManualTask]] = {}
    for task in release.manual_tasks.all() if not frozen else ():
        if task.waits:
            groups.setdefault(task.account, []).append(task)
    return [
        _ask_by_hand(release, account, tasks, who)
        for account, tasks in groups.items()
        if chips.by_hand(release, tasks, now) is chips.BY_HAND_NOW
    ]


def _undecided(release: Release) -> bool:
    """Whether the portal's page did not come and people alone post the release: else a held push asks."""
    gate = getattr(release, "gate", None)
    late = release.signed and gate is not None and gate.status in FOR_A_DECISION
    open_still = any(task.waits for task in release.manual_tasks.all())
    return late and open_still and not any(one.status is State.HELD for one in release.publications.all())


def _ask_by_hand(release: Release, account: Account, tasks: Sequence[ManualTask], who: Person) -> Ask:
    may_look = may_read(who)
    start = "时刻已到" if release.urgency_id is None else "两人已确认应急发布"
    door = (
        ("去手工发布", f"{reverse('manual')}#job-{release.pk}-{account.slug}-{tasks[0].lane}") if may_look else ("", "")
    )
    words = _PUBLISH_DRAFT if byhand.leaves_draft(tasks[0]) else _POST_TEXT
    titles = [task.edition.title for task in tasks]
    return Ask(chips.BY_HAND_NOW, release, account, titles, f"{start}，{words}", release.instant, door=door)


_POST_TEXT = "这个账号只能手工发布，还没有登记，系统不会代发。请值班员到“手工发布”复制文字、下载图片，到平台后台发出，再登记链接和时间。"
_PUBLISH_DRAFT = (
    "这一组由系统放进账号的草稿箱、由人公开，还没有登记，系统不会代发。"
    "请值班员先到“手工发布”看草稿现在的情况，核对一致的到平台草稿箱里发表，再登记链接和时间。"
)


def frozen(unit: Unit) -> Frozen | None:
    """The freeze that stands, if one does, with what it stopped and what it could not."""
    freeze = Freeze.objects.filter(unit=unit, lifted_at__isnull=True).select_related("person").first()
    if freeze is None:
        return None
    lines = AuditEvent.objects.filter(subject=f"unit:{unit.code}", action__in=trail.FREEZES, at__gte=freeze.at)
    answers = [line.data["answer"] for line in lines.order_by("sequence") if line.data.get("answer")]
    return Frozen(freeze, answers[-1] if answers else "")
