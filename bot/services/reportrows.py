"""数据与报表, the table: one row for each text that came out in a period, newest first; and the same as a file.

What was not or cannot be measured is None here and a dash wherever it is shown, never 0.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from bot import channels
from bot.domain.channel import ChannelSpec
from bot.domain.delivery import State
from bot.domain.instants import require_aware, show
from bot.domain.sampling import metric_words
from bot.models import Account, Item, ManualPost, Publication, Release, Unit

from .errors import Refused
from .exporting import safe
from .manualnumbers import Figures, figures_of
from .reporting import Cards
from .reporting import cards as figures
from .reportnumbers import READS, newest_number
from .reportperiods import Period
from .reportsource import CAME_OUT, channels_of, posted_alone, posted_for_releases
from .settling import declared_by

AT_ONCE = 30  # releases, and posts without one, that a page takes
SHEET = 500  # on paper
MOST = 20_000  # in a file
NOT_COUNTED = "—"
PORTAL_NOTE = "网站访问量没有接入同发，未统计"
DASH_NOTE = "“—”是未统计：平台没有报告，或不提供这个数字，不是 0"
BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Entry:
    """One text on one account. `out`: it came out there; else `words` say where it stands, and there is nothing to count."""

    account: Account
    actual: datetime | None
    numbers: Mapping[str, int | None]
    out: bool = True
    by_hand: bool = False
    words: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One text. `release` is None where people posted it without one; `planned` too."""

    title: str
    document_number: str
    external_id: str
    edition: int
    release: int | None
    planned: datetime | None
    cells: dict[str, list[Entry]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """Where a page ended: the instant, whether it was a post without a release, and its number."""

    instant: datetime
    alone: bool
    pk: int

    def __str__(self) -> str:
        return f"{self.instant.isoformat()}~{int(self.alone)}~{self.pk}"

    @classmethod
    def parse(cls, text: str) -> Mark | None:
        """A mark from an address; one that nobody made is none."""
        instant, _, rest = text.partition("~")
        alone, _, pk = rest.partition("~")
        try:
            return cls(require_aware(datetime.fromisoformat(instant)), alone == "1", int(pk[:18]))
        except ValueError:
            return None


def metrics_of(spec: ChannelSpec) -> list[str]:
    """What is told of one kind of channel: reads always (where it has none, that is told), then what it reports."""
    return [READS, *(name for name in metric_words(spec) if name != READS and name in spec.metrics)]


# --- a page -------------------------------------------------------------------------------------------------------


def page(
    unit: Unit, period: Period, *, after: Mark | None = None, most: int = AT_ONCE
) -> tuple[list[Row], Mark | None]:
    """Rows of at most so many releases and lone posts, and where to go on. A fixed number of questions."""
    marks = [*_releases(unit, period, after, most + 1), *_alone(unit, period, after, most + 1)]
    marks.sort(key=lambda one: (one.instant, not one.alone, one.pk), reverse=True)
    chosen = marks[:most]
    rows = _rows(unit, chosen, period)
    return rows, chosen[-1] if len(marks) > most else None


def _releases(unit: Unit, period: Period, after: Mark | None, most: int) -> list[Mark]:
    out = Publication.objects.filter(release=OuterRef("pk"), state__in=[str(state) for state in CAME_OUT])
    posted = ManualPost.objects.filter(task__release=OuterRef("pk"), void__isnull=True)
    found = Release.objects.filter(Exists(out) | Exists(posted), unit=unit, instant__gte=period.begin)
    found = found.filter(instant__lt=period.end)
    if after is not None:
        earlier = Q(instant__lt=after.instant)
        same = Q() if after.alone else Q(instant=after.instant, pk__lt=after.pk)
        found = found.filter(earlier | same if same else earlier, instant__lte=after.instant)
    rows = found.order_by("-instant", "-pk").values_list("instant", "pk")[:most]
    return [Mark(instant, False, pk) for instant, pk in rows]


def _alone(unit: Unit, period: Period, after: Mark | None, most: int) -> list[Mark]:
    found = posted_alone(unit, period)
    if after is not None:
        same = Q(posted_at=after.instant, pk__lt=after.pk) if after.alone else Q(posted_at=after.instant)
        found = found.filter(Q(posted_at__lt=after.instant) | same, posted_at__lte=after.instant)
    rows = found.order_by("-posted_at", "-pk").values_list("posted_at", "pk")[:most]
    return [Mark(instant, True, pk) for instant, pk in rows]


def _rows(unit: Unit, marks: Sequence[Mark], period: Period) -> list[Row]:
    releases = [mark.pk for mark in marks if not mark.alone]
    metrics = list(metric_words(*(kind.spec for kind in channels.kinds().values())))  # no question for the unit's own
    items = _items(releases, metrics)
    posts = list(_posts(posted_for_releases(unit, period).filter(task__release__in=releases)))
    alone = {post.pk: post for post in _posts(ManualPost.objects.filter(pk__in=[m.pk for m in marks if m.alone]))}
    figures = figures_of([*posts, *alone.values()])
    by_release: dict[int, dict[int, Row]] = {pk: {} for pk in releases}
    for item in items:
        row = by_release[item.publication.release_id].setdefault(item.edition_id, _row_of(item))
        row.cells.setdefault(item.account.channel, []).append(_pushed(item, metrics))
    for post in posts:
        if post.task is not None and post.edition is not None:
            rows = by_release[post.task.release_id]
            row = rows.setdefault(post.edition.pk, _row_of_post(post, post.task.release))
            row.cells.setdefault(post.account.channel, []).append(_posted(post, figures[post.pk]))
    return [row for mark in marks for row in (
        [_lone(alone[mark.pk], figures[mark.pk])] if mark.alone else _that_came_out(by_release[mark.pk])
    )]  # fmt: skip


def _that_came_out(rows: Mapping[int, Row]) -> list[Row]:
    return [row for row in rows.values() if any(entry.out for entries in row.cells.values() for entry in entries)]


def _items(releases: Sequence[int], metrics: Iterable[str]) -> QuerySet[Item]:
    """With their numbers: `n_reads` and so on."""
    found = Item.objects.filter(publication__release__in=releases).exclude(publication__state=str(State.CANCELLED))
    whole = found.select_related("publication__release", "account", "edition__document").defer(
        "payload", "edition__content", "publication__staged", "publication__release__manifest"
    )
    numbers = {f"n_{name}": newest_number(name) for name in metrics}
    return whole.annotate(paper=KeyTextTransform("document_number", "edition__content"), **numbers).order_by(
        "publication__account_id", "publication__lane", "position"
    )


def _posts(found: QuerySet[ManualPost]) -> QuerySet[ManualPost]:
    whole = found.select_related("account", "edition__document", "task__release", "count").defer(
        "edition__content", "task__payload", "task__release__manifest"
    )
    return whole.annotate(paper=KeyTextTransform("document_number", "edition__content")).order_by(
        "account_id", "posted_at", "pk"
    )


def _row_of(item: Any) -> Row:
    release, edition = item.publication.release, item.edition
    return Row(
        edition.title,
        item.paper or "",
        edition.document.external_id,
        edition.number,
        release.pk,
        item.publication.instant,
    )


def _row_of_post(post: Any, release: Release | None) -> Row:
    edition = post.edition
    return Row(
        edition.title if edition else post.title, post.paper or "", edition.document.external_id if edition else "",
        edition.number if edition else 0, release.pk if release else None, release.instant if release else None,
    )  # fmt: skip


def _pushed(item: Any, metrics: Iterable[str]) -> Entry:
    publication = item.publication
    if publication.status not in CAME_OUT:
        return Entry(item.account, None, {}, out=False, words=publication.status.label)
    numbers = {name: getattr(item, f"n_{name}") for name in metrics}
    if declared_by(publication):
        return Entry(item.account, None, numbers, words="由人登记，时刻未核对", url=item.url)
    words = "" if publication.status is State.LIVE else publication.status.label
    return Entry(item.account, publication.sent_at, numbers, words=words, url=item.url)


def _posted(post: ManualPost, figures: Figures) -> Entry:
    down = "已撤下" if post.task and post.task.drop_reason else ""
    words = "，".join(filter(None, [down, figures.note]))
    return Entry(post.account, post.posted_at, figures.values, by_hand=True, words=words, url=post.url)


def _lone(post: ManualPost, figures: Figures) -> Row:
    row = _row_of_post(post, None)
    row.cells[post.account.channel] = [_posted(post, figures)]
    return row


# --- files --------------------------------------------------------------------------------------------------------


def every(unit: Unit, period: Period) -> Iterator[Row]:
    """All rows of a period, in portions."""
    after: Mark | None = None
    while True:
        rows, after = page(unit, period, after=after, most=200)
        yield from rows
        if after is None:
            return


def columns(specs: Sequence[ChannelSpec]) -> list[str]:
    """The head of a file."""
    told = ["标题", "发文字号", "编号", "发布单", "计划时间", "网站访问"]
    for spec in specs:
        words = metric_words(spec)
        told += [f"{spec.label} 实际时间", *(f"{spec.label} {words[name]}" for name in metrics_of(spec))]
    return [*told, "说明"]


def cells(row: Row, specs: Sequence[ChannelSpec]) -> list[str | int]:
    """One line of a file; what several accounts of one kind of channel have is added up."""
    planned = show(row.planned) if row.planned else NOT_COUNTED
    told: list[str | int] = [
        row.title, row.document_number, row.external_id, row.release or "", planned, NOT_COUNTED,
    ]  # fmt: skip
    for spec in specs:
        entries = row.cells.get(spec.name, [])
        told.append(_first(entries))
        told += [added(entries, name) for name in metrics_of(spec)]
    return [*told, _remarks(row, specs)]


def _first(entries: Sequence[Entry]) -> str:
    actual = min((entry.actual for entry in entries if entry.actual), default=None)
    return show(actual) if actual else NOT_COUNTED


def added(entries: Sequence[Entry], metric: str) -> str | int:
    """What is known of it, or a dash."""
    known = [value for entry in entries if (value := entry.numbers.get(metric)) is not None]
    return sum(known) if known else NOT_COUNTED


def _remarks(row: Row, specs: Sequence[ChannelSpec]) -> str:
    told = [
        "，".join(filter(None, [f"{entry.account.name}{'手工发布' if entry.by_hand else ''}", entry.words]))
        for spec in specs
        for entry in row.cells.get(spec.name, [])
        if entry.by_hand or entry.words
    ]
    told += filter(None, (_partly_known(row.cells.get(spec.name, []), spec) for spec in specs))
    return "；".join(told)


def _partly_known(entries: Sequence[Entry], spec: ChannelSpec) -> str:
    """Which sums of several accounts lack one's number, in words: part of a sum is not the whole."""
    out = [entry for entry in entries if entry.out]
    lacking = []
    for name in metrics_of(spec):
        known = sum(entry.numbers.get(name) is not None for entry in out)
        if 0 < known < len(out):
            lacking.append(f"{metric_words(spec)[name]}只含 {known} 个账号的")
    return f"{spec.label}发到 {len(out)} 个账号，{'、'.join(lacking)}" if lacking else ""


def write(file: Path, unit: Unit, period: Period) -> int:
    """Write .csv or .xlsx, over what was there; returns the number of rows. Refused where nothing could be written."""
    form = file.suffix.lower()
    if form not in {".csv", ".xlsx"}:
        raise Refused("suffix", "只能导出为 .csv 或 .xlsx，什么都没有导出。请改文件名后缀。")
    rows = list(every(unit, period))
    made = (
        "".join(as_csv(unit, period, rows)).encode()
        if form == ".csv"
        else as_xlsx(unit, period, figures(unit, period), rows)
    )
    try:
        file.write_bytes(made)
    except OSError as error:
        raise Refused("file", f"写不了文件 {file}（{error.strerror}），没有导出。请换一个位置。") from None
    return len(rows)


def as_csv(unit: Unit, period: Period, rows: Iterable[Row] | None = None) -> Iterator[str]:
    """With a byte order mark, so that Excel opens it as it is; piece by piece. No cell is a formula. `rows`: if known."""
    specs = channels_of(unit)
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    buffer.write(BOM)
    writer.writerow(columns(specs))
    for row in every(unit, period) if rows is None else rows:
        writer.writerow([safe(value) for value in cells(row, specs)])
        yield _taken(buffer)
    writer.writerow([f"{unit.name}，{period.name}（{period.days}）。{DASH_NOTE}；{PORTAL_NOTE}。"])
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def as_xlsx(unit: Unit, period: Period, told: Cards, rows: Iterable[Row] | None = None) -> bytes:
    """A book of two sheets: the figures, and the rows (`rows`: if known). Text stays text, whatever it begins with."""
    if told.published > MOST:
        raise Refused(
            "many",
            f"这一时段有 {told.published} 条，超过 Excel 一次能导出的 {MOST} 条，没有导出。请缩短时段或导出 CSV。",
        )
    specs = channels_of(unit)
    book = Workbook(write_only=True)
    head = book.create_sheet("汇总")
    for line in summary(unit, period, told):
        head.append([_cell(head, value) for value in line])
    sheet = book.create_sheet("逐条")
    sheet.append(columns(specs))
    for row in every(unit, period) if rows is None else rows:
        sheet.append([_cell(sheet, value) for value in cells(row, specs)])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def summary(unit: Unit, period: Period, told: Cards) -> Iterator[tuple[str | float, ...]]:
    """The figures at the top, as lines of a sheet."""
    yield "单位", unit.name
    yield "时段", f"{period.name}（{period.days}）"
    yield "已发布条数", told.published
    yield "其中手工发布", told.by_hand
    yield "60 秒内准时", f"{told.on_time_share}%" if told.sent else NOT_COUNTED, f"{told.on_time} / {told.sent} 次推送"
    yield "最大延迟（毫秒）", told.worst.late_ms if told.worst else NOT_COUNTED
    yield "更正", told.corrections
    yield "撤回", told.withdrawn
    for one in told.reads:
        number: str | int = NOT_COUNTED if one.total is None else one.total
        yield f"{one.label} 阅读", number, one.note or f"{one.posts} 篇中 {one.known} 篇有数字"
    yield "说明", f"{DASH_NOTE}；{PORTAL_NOTE}。"


def _cell(sheet: Any, value: str | float) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, value=value)
    if isinstance(value, str):
        cell.data_type = "s"
    return cell
