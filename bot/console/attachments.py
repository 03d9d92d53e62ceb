"""附件: files of the working copy, added and taken out while somebody writes; and of editions, to download."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from bot.domain.article import Attachment
from bot.domain.attached import Reading
from bot.domain.workflow import Role
from bot.intake.attachments import TAKEN
from bot.models import Document, Draft, Edition, Person
from bot.services import attachmentfiles, attachmentreading, attachments, trail
from bot.services.documents import find_document
from bot.services.errors import NotFound, Refused
from bot.services.people import require

from . import readers
from .people import now, person

SEALED = "default-src 'none'; sandbox; frame-ancestors 'none'"


def told(files: Sequence[Attachment]) -> dict[str, str]:
    """By hash, how far the gate has read each: what it has not, a person reads."""
    known, formerly = attachmentreading.known(files)
    return {one.sha256: _words(known.get(one.sha256), one.sha256 in formerly) for one in files}


def _words(reading: Reading | None, formerly: bool) -> str:
    if reading is None:
        return "旧版程序检查过" if formerly else "送审时检查"
    if reading.unread:
        return "没有读全，请人工核对" if reading.parts else "读不到内容，请人工核对"
    return "文字已检查"


def part(document: Document, draft: Draft | None, who: Person) -> dict[str, Any]:
    """What the list of a working copy's files shows."""
    files = [Attachment(**one) for one in draft.attachments] if draft else []
    return {
        "document": document,
        "files": files,
        "files_told": told(files),
        "files_mine": draft is not None and draft.editor_id == who.pk,
        "files_changed": draft is not None and draft.attachments != document.current.content.get("attachments", []),
        "files_most": (attachments.MOST_FILES, attachments.MOST_BYTES >> 20, attachments.MOST_TOGETHER >> 20),
        "files_taken": TAKEN,
        "tail": trail.tail,
    }


@require_POST
def attach(request: HttpRequest, external_id: str) -> HttpResponse:
    """Files chosen or dropped: all are added, or none."""
    who = person(request)
    document = find_document(external_id, unit=who.unit)
    try:
        require(who, Role.EDITOR)
        added = attachments.add(document, _sent(request), person=who, now=now())
    except Refused as refused:
        return _told(request, document, who, refused)
    notes = "".join(f"“{one.attachment.name}”：{one.note}。" for one in added if one.note)
    names = "、".join(f"“{one.attachment.name}”" for one in added)
    return _told(request, document, who, f"已添加{names}，保存为新版本后随稿件送审。{notes}")


def _sent(request: HttpRequest) -> list[tuple[str, bytes]]:
    """Sizes are looked at before a byte is read into memory."""
    files = [one for one in request.FILES.getlist("files") if isinstance(one, UploadedFile)]
    if not files:
        raise Refused("none", "没有收到文件，没有添加任何附件。请选择或拖入文件后再试。")
    if large := [one for one in files if (one.size or 0) > attachments.MOST_BYTES]:
        most = attachments.MOST_BYTES >> 20
        raise Refused("large", f"“{(large[0].name or '')[-60:]}”超过 {most} MB，没有添加任何附件。请压缩或拆分后再传。")
    if len(files) > attachments.MOST_FILES or sum(one.size or 0 for one in files) > attachments.MOST_TOGETHER:
        most = attachments.MOST_TOGETHER >> 20
        raise Refused("many", f"一次最多 {attachments.MOST_FILES} 个、合计 {most} MB，没有添加任何附件。请分次添加。")
    return [(one.name or "", one.read()) for one in files]


@require_POST
def detach(request: HttpRequest, external_id: str) -> HttpResponse:
    """Take one out of the working copy."""
    who = person(request)
    document = find_document(external_id, unit=who.unit)
    try:
        gone = attachments.remove(document, request.POST.get("file", "")[:64], person=who, now=now())
    except Refused as refused:
        return _told(request, document, who, refused)
    return _told(request, document, who, f"已从草稿移除“{gone.name}”；以前的版本不受影响。")


def _told(request: HttpRequest, document: Document, who: Person, what: str | Refused) -> HttpResponse:
    """The part of the page for htmx; else the page again with a message."""
    if isinstance(what, Refused) and what.code == "role":
        raise what
    if request.headers.get("HX-Request"):
        draft = Draft.objects.filter(document=document).first()
        said = {"error": what.message} if isinstance(what, Refused) else {"done": what}
        return render(request, "parts/files.html", part(document, draft, who) | said)
    if isinstance(what, Refused):
        messages.error(request, what.message)
    else:
        messages.success(request, what)
    return redirect(f"{reverse('edit', args=[document.external_id])}#files")


# --- downloads ------------------------------------------------------------------------------------------------


@require_safe
@readers.only
def file(request: HttpRequest, edition: int, sha256: str) -> HttpResponse:
    """A file of an edition of one's own unit."""
    own = Edition.objects.filter(document__unit=person(request).unit)
    found, data = attachments.open_file(get_object_or_404(own, pk=edition), sha256)
    return _download(found, data)


@require_safe
def draft_file(request: HttpRequest, sha256: str, external_id: str) -> HttpResponse:
    """A file of the working copy, for editors: nobody else sees what is no edition yet."""
    who = person(request)
    require(who, Role.EDITOR)
    draft = Draft.objects.filter(document=find_document(external_id, unit=who.unit)).first()
    listed = draft.attachments if draft else []
    found = next((Attachment(**one) for one in listed if one["sha256"] == sha256), None)
    if found is None:
        raise NotFound("附件", sha256[:8])
    return _download(found, attachmentfiles.read(found))


def _download(found: Attachment, data: bytes) -> HttpResponse:
    """Always to be saved, never shown: whatever is in it runs nowhere under our address."""
    plain = "".join(
        letter if (letter.isascii() and letter.isalnum()) or letter in "._-" else "_" for letter in found.name
    )
    named = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(found.name, safe='')}"
    headers = {
        "Content-Disposition": named, "X-Content-Type-Options": "nosniff", "Content-Security-Policy": SEALED,
        "Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin",
    }  # fmt: skip
    return HttpResponse(data, content_type=found.media_type, headers=headers)
