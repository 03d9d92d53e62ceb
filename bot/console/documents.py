"""文件与稿件: the list with search and filters, saved views, import by file, and something new."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bot import intake
from bot.domain.article import KIND_LABELS, Kind
from bot.domain.delivery import State
from bot.domain.instants import parse_instant, to_beijing
from bot.domain.workflow import EDITION_LABELS, EditionState, Role
from bot.models import Document, Edition, FindingRecord, Item, Person, Waiver, search
from bot.services import catalogue, documents, drafting
from bot.services.errors import Refused
from bot.services.people import require

from . import chips, importreport, readers
from .chips import Chip
from .document import EDITION_TONES
from .people import now, person

PAGE = 50
MOST_COUNTED = 10_001  # a district's year has four thousand
MOST_BYTES = 30 * 1024 * 1024
MOST_FILES = 20  # at once
PLACES = 4  # where a document goes, on its line; the rest is counted
KINDS = {Kind.DISCLOSURE: "box", Kind.INTERPRETATION: "comment", Kind.NOTICE: "voice", Kind.SERVICE: "hand"}
FILTERS = ("q", "kind", "state", "only")
ONLY = {"mine": "我拟的", "unpaired": "缺解读的政策", "unscheduled": "已通过、未排期"}


@dataclass(frozen=True, slots=True)
class Row:
    """One document in the list."""

    document: Document
    edition: Edition
    state: Chip
    kind: Chip
    blocks: int
    warns: int
    releases: Sequence[Item]


# --- the list -----------------------------------------------------------------------------------------------


@require_safe
@readers.only
def documents_page(request: HttpRequest) -> HttpResponse:
    """The list, newest change first; htmx asks for the rows alone."""
    who = person(request)
    found, error = _chosen(who, request.GET)
    page = list(found[: PAGE + 1])
    context = {
        "rows": _rows(page[:PAGE]),
        "more": _more(request, page),
        "places": PLACES,
        "found": "" if error or request.GET.get("before") else _counted(found, len(page), request.GET),
        "error": error,
        "this_year": f"{to_beijing(now()):%Y}",
        "given": {name: request.GET.get(name, "") for name in FILTERS},
        "filtered": any(request.GET.get(name) for name in FILTERS),
        "kinds": KIND_LABELS,
        "states": {state: label for state, label in EDITION_LABELS.items() if state is not EditionState.SUPERSEDED},
        "only": ONLY,
        "views": who.views.filter(page="documents").order_by("name"),
        "may_write": who.has_role(Role.EDITOR),
    }
    part = request.headers.get("HX-Target") == "rows"
    return render(request, "parts/document_rows.html" if part else "documents.html", context)


def _counted(found: QuerySet[Document], listed: int, given: Mapping[str, str]) -> str:
    """How many pass the filters. Beyond a page it is counted only where an index answers it, and no further than anybody reads."""
    if listed <= PAGE:
        return f"{listed} 份"
    if given.get("q", "").strip() or given.get("only") or (given.get("kind") and given.get("state")):
        return f"{PAGE} 份以上"
    number = found.order_by()[:MOST_COUNTED].count()
    return f"{number} 份" if number < MOST_COUNTED else f"{MOST_COUNTED - 1} 份以上"


def _chosen(who: Person, given: Mapping[str, str]) -> tuple[QuerySet[Document], str]:
    """The documents that pass the filters, and what is wrong with the filters."""
    found = Document.objects.filter(unit=who.unit).order_by("-changed_at", "-pk")
    if given.get("kind") in set(Kind):
        found = found.filter(kind=given["kind"])
    if given.get("state") in set(EditionState):
        found = found.filter(state=given["state"])
    found = _only(found, given.get("only", ""), who)
    if given.get("before"):
        found = _after(found, given["before"])
    text = given.get("q", "").strip()[:100]
    if not text:
        return found, ""
    ids = search.matching(text)
    if ids is None:
        return found.none(), "搜索词里没有可查的文字。请输入汉字、字母或数字，如 低保、临东政办字〔2017〕41号。"
    return found.filter(pk__in=ids), ""


def _only(found: QuerySet[Document], only: str, who: Person) -> QuerySet[Document]:
    if only == "mine":
        return found.filter(created_by=who)
    if only == "unpaired":
        waived = Waiver.objects.filter(document=OuterRef("pk"), rule="pairing")
        interpreted = Document.objects.filter(interprets=OuterRef("pk"))
        return found.filter(~Exists(interpreted), ~Exists(waived), is_policy=True)
    if only == "unscheduled":
        planned = Item.objects.filter(edition__document=OuterRef("pk"), active=True)
        return found.filter(~Exists(planned), state=EditionState.APPROVED)
    return found


def _after(found: QuerySet[Document], cursor: str) -> QuerySet[Document]:
    """What comes after the last row that was shown; a cursor that is none changes nothing."""
    stamp, _, pk = cursor.partition("~")
    try:
        at, number = parse_instant(stamp), int(pk)
    except ValueError:
        return found
    return found.filter(Q(changed_at__lt=at) | Q(changed_at=at, pk__lt=number), changed_at__lte=at)


def _more(request: HttpRequest, page: Sequence[Document]) -> str:
    """The address of what follows, or ""."""
    if len(page) <= PAGE:
        return ""
    last = page[PAGE - 1]
    query = request.GET.copy()
    query["before"] = f"{_stamp(last.changed_at)}~{last.pk}"
    return f"{reverse('documents')}?{query.urlencode()}"


def _stamp(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _rows(page: Sequence[Document]) -> list[Row]:
    """With what lists show of each: its newest edition, findings, and where it is planned. Four statements for a page."""
    newest: dict[int, Edition] = {}
    editions = Edition.objects.filter(document__in=page).select_related("author").defer("content").order_by("number")
    for edition in editions:
        newest[edition.document_id] = edition
    counted = FindingRecord.objects.filter(edition__in=newest.values()).values_list("edition", "level")
    levels = {(pk, level): number for pk, level, number in counted.annotate(number=Count("pk")).order_by()}
    planned: dict[int, list[Item]] = {}
    items = Item.objects.filter(edition__in=newest.values(), active=True).select_related("publication", "account")
    for item in items.order_by("publication__instant"):
        planned.setdefault(item.edition_id, []).append(item)
    return [_row(document, newest[document.pk], levels, planned) for document in page if document.pk in newest]


def _row(
    document: Document, edition: Edition, levels: Mapping[tuple[int, str], int], planned: Mapping[int, list[Item]]
) -> Row:
    kind = Kind(document.kind)
    return Row(
        document,
        edition,
        _standing(edition, planned.get(edition.pk, ())),
        Chip(kind.label, "off", KINDS[kind]),
        levels.get((edition.pk, "block"), 0),
        levels.get((edition.pk, "warn"), 0),
        planned.get(edition.pk, []),
    )


def _standing(edition: Edition, items: Sequence[Item]) -> Chip:
    """What the edition is called; approved and public wherever it was planned, that is what people want to know. What still
    owes its reviews, was returned, or was taken down is called so."""
    public = items and all(item.withdrawn_at is None and item.publication.status is State.LIVE for item in items)
    if public and edition.status is EditionState.APPROVED:
        return chips.chip(State.LIVE)
    return Chip(edition.status.label, *EDITION_TONES[edition.status])


@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep the present filters under a name."""
    query = QueryDict(mutable=True)
    query.update({name: request.POST[name][:100] for name in FILTERS if request.POST.get(name)})
    try:
        view = catalogue.save_view(person(request), "documents", request.POST.get("name", ""), query.urlencode())
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("documents")
    messages.success(request, f"已保存视图“{view.name}”。")
    return redirect(f"{reverse('documents')}?{view.query}")


@require_POST
def drop_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a saved view."""
    catalogue.drop_view(person(request), pk)
    return redirect("documents")


# --- import -------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def import_page(request: HttpRequest) -> HttpResponse:
    """Files by drag and drop or the file field; what became of each row."""
    who = person(request)
    require(who, Role.EDITOR)
    given = {name: request.POST.get(name, "").strip() for name in ("kind", "source_url", "external_id")}
    context: dict[str, Any] = {
        "reports": None, "sheet": "", "sheet_name": "", "kinds": KIND_LABELS, "given": given, "labels": intake.LABELS, "most_files": MOST_FILES,
    }  # fmt: skip
    if request.method == "POST":
        files = request.FILES.getlist("file")
        if why_not := _why_none(len(files), given):
            messages.error(request, why_not)
        else:
            context["reports"] = [_take(one, {k: v for k, v in given.items() if v}, who) for one in files]
            context["sheet"] = importreport.as_csv(context["reports"])
            context["sheet_name"] = f"导入报告 {to_beijing(now()):%Y-%m-%d %H%M%S}.csv"
    return render(request, "import.html", context)


def _why_none(files: int, given: Mapping[str, str]) -> str:
    """Why nothing at all is taken, or "". An id typed beside several files would make each an edition of the one before."""
    if not files:
        return "没有收到文件，什么都没有导入。请选择或拖入文件。"
    if files > MOST_FILES:
        return f"一次最多导入 {MOST_FILES} 个文件，收到 {files} 个，什么都没有导入。请分几次拖入。"
    if files > 1 and (given["external_id"] or given["source_url"]):
        return (
            f"下面填的编号和原文链接只属于一份文件，这次有 {files} 个，什么都没有导入。"
            "请一个一个导入，或清空这两栏，让每个文件用自己的。"
        )
    return ""


def _take(upload: UploadedFile[bytes], defaults: Mapping[str, str], who: Person) -> dict[str, Any]:
    """One file: its report, or why it could not be read as a whole. The others go on."""
    name = upload.name or "文件"
    if (upload.size or 0) > MOST_BYTES:
        return {"name": name, "error": f"文件超过 {MOST_BYTES // 1024 // 1024} MB，没有导入。请分成几个文件。"}
    report = documents.ImportReport()
    try:
        with tempfile.NamedTemporaryFile(suffix=Path(name).suffix[:10]) as copy:
            for chunk in upload.chunks():
                copy.write(chunk)
            copy.flush()
            source = intake.open_source(Path(copy.name), name=name, defaults=defaults)
            report = documents.import_rows(source, person=who, now=now())
            ignored, unread = source.ignored_columns, documents.unread_words(source.unread)
    except intake.SourceError as error:
        return {"name": name, "error": error.message}
    rejected = [row for row in report.rows if row.result == documents.REJECTED]
    cleaned = [row for row in report.rows if row.result != documents.REJECTED]
    return {
        "name": name, "error": "", "report": report, "rejected": rejected[:200], "cleaned": cleaned[:200],
        "hidden": max(0, len(rejected) - 200) + max(0, len(cleaned) - 200), "ignored": ignored,
        "empty": documents.empty_words(report, name), "unread": unread,
    }  # fmt: skip


# --- something new ------------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def new_document(request: HttpRequest) -> HttpResponse:
    """The few fields that a document cannot do without; the rest is written in the editor."""
    who = person(request)
    require(who, Role.EDITOR)
    names = ("external_id", "kind", "title", "source_url", "interprets")
    given = {name: request.POST.get(name, request.GET.get(name, "")).strip() for name in names}
    given["external_id"] = given["external_id"] or drafting.next_external_id(who.unit, now=now())
    given["unit"] = request.POST.get("unit", who.unit.name).strip()  # left empty, a post would name the district itself
    rejected = None
    if request.method == "POST":
        made = drafting.create(given["external_id"], given, person=who, now=now())
        if isinstance(made, Document):
            return redirect("edit", made.external_id)
        rejected = made
    context = {"given": given, "rejected": rejected, "kinds": KIND_LABELS, "labels": intake.LABELS}
    return render(request, "new_document.html", context, status=400 if rejected else 200)
