"""附件: files of an edition, kept in the home by the hash of their bytes (`attachmentfiles`), read for the gate
(`attachmentreading`).

They are added to and taken out of the working copy; saving it makes the edition, whose content hash covers name, size, type
and hash of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from bot.domain.article import Attachment
from bot.domain.instants import require_aware
from bot.domain.typography import quoted
from bot.domain.workflow import Role
from bot.intake import attachments as intake
from bot.intake.attachments import MOST_BYTES, AttachmentError, Received
from bot.models import AttachmentFile, Document, Draft, Edition, Person

from . import attachmentfiles, attachmentreading, audit, drafting
from .errors import NotFound, Refused
from .people import require

MOST_FILES = 20
MOST_TOGETHER = 100 << 20
MOST_PIXELS = 60_000_000  # written anew in one request, somebody waits for it: five photographs of a telephone


@dataclass(frozen=True, slots=True)
class Added:
    """What was added, and what was done to it ("" for nothing)."""

    attachment: Attachment
    note: str


def add(document: Document, files: Sequence[tuple[str, bytes]], *, person: Person, now: datetime) -> list[Added]:
    """Add files (name, bytes) to the person's working copy: all of them or, when one is refused, none."""
    require_aware(now)
    require(person, Role.EDITOR)
    _require_editable(document, person)
    if sum(intake.pixels(data) for _, data in files) > MOST_PIXELS:
        words = f"这些图片合计超过 {MOST_PIXELS // 10_000} 万像素，一次处理不完，没有添加任何附件。请分几次添加，每次少选几张。"
        raise Refused("pixels", words)
    received = [_received(name, data) for name, data in files]
    for one in received:
        attachmentfiles.keep(one.data, one.attachment.sha256)
    with audit.serialised():
        draft = drafting.held(document, person=person)
        added = _joined(draft, received)
        _note(added, person, now)
        draft.attachments = [*draft.attachments, *(asdict(one.attachment) for one in added)]
        draft.saved_at = now
        draft.save(update_fields=["attachments", "saved_at"])
        for file in added:
            _record("attachment.added", document, file.attachment, person, now)
    attachmentreading.of([one.attachment for one in added], now=now)
    return added


def remove(document: Document, digest: str, *, person: Person, now: datetime) -> Attachment:
    """Take a file out of the working copy. Editions that name it keep it."""
    require_aware(now)
    require(person, Role.EDITOR)
    _require_editable(document, person)
    with audit.serialised():
        draft = drafting.held(document, person=person)
        gone = next((Attachment(**one) for one in draft.attachments if one["sha256"] == digest), None)
        if gone is None:
            raise NotFound("附件", digest[:8])
        draft.attachments = [one for one in draft.attachments if one["sha256"] != digest]
        draft.saved_at = now
        draft.save(update_fields=["attachments", "saved_at"])
        _record("attachment.removed", document, gone, person, now)
    return gone


def _require_editable(document: Document, person: Person) -> None:
    if not drafting.may_edit(document, person):
        raise Refused(
            "state",
            f"{quoted(document.title)}正在审核（{document.current.status.label}），附件没有改动。请审核人退回后再改。",
        )


def _received(name: str, data: bytes) -> Received:
    try:
        return intake.take(data, name)
    except AttachmentError as error:
        raise Refused("attachment", f"“{name[-60:]}”{error}。没有添加任何附件。") from error


def _joined(draft: Draft, received: Sequence[Received]) -> list[Added]:
    """Names set apart, limits of the edition looked at. A file that is there already is named."""
    here = {one["sha256"]: one["name"] for one in draft.attachments}
    names = {name.casefold() for name in here.values()}
    total = sum(one["size"] for one in draft.attachments)
    added: list[Added] = []
    for one in received:
        kept = one.attachment
        if kept.sha256 in here:
            raise Refused("twice", f"“{kept.name}”与已有的附件“{here[kept.sha256]}”内容完全相同，没有添加任何附件。")
        name = intake.named_apart(kept.name, names)
        kept = Attachment(name, kept.sha256, kept.size, kept.media_type)
        here[kept.sha256], total = name, total + kept.size
        names.add(name.casefold())
        added.append(Added(kept, one.note))
    if len(here) > MOST_FILES:
        raise Refused("many", f"一份文件最多 {MOST_FILES} 个附件，加上这些有 {len(here)} 个，没有添加任何附件。")
    if total > MOST_TOGETHER:
        raise Refused(
            "large",
            f"附件合计最多 {MOST_TOGETHER >> 20} MB，加上这些超过了，没有添加任何附件。请压缩，或把大文件放到门户网站。",
        )
    return added


def _note(added: Sequence[Added], person: Person, now: datetime) -> None:
    known = set(
        AttachmentFile.objects.filter(sha256__in=[one.attachment.sha256 for one in added]).values_list("pk", flat=True)
    )
    AttachmentFile.objects.bulk_create(
        AttachmentFile(
            sha256=one.attachment.sha256, size=one.attachment.size, media_type=one.attachment.media_type, added_by=person,
            added_at=now,
        )
        for one in added
        if one.attachment.sha256 not in known
    )  # fmt: skip


def _record(action: str, document: Document, file: Attachment, person: Person, now: datetime) -> None:
    data = {"name": file.name, "sha256": file.sha256, "size": file.size, "unit": document.unit.code}
    audit.append(person.username, action, f"document:{document.external_id}", data, now=now)


def open_file(edition: Edition, digest: str) -> tuple[Attachment, bytes]:
    """A file that this edition names, proved by its hash. What is damaged or lost is refused, never handed out."""
    found = next((one for one in edition.article.attachments if one.sha256 == digest), None)
    if found is None:
        raise NotFound("附件", digest[:8])
    return found, attachmentfiles.read(found)


__all__ = ["MOST_BYTES", "MOST_FILES", "MOST_TOGETHER", "Added", "add", "open_file", "remove"]
