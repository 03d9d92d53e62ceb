"""What attachments say, for the gate: each file is read once, and what was read is kept by its hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet

from bot.domain.article import Attachment
from bot.domain.attached import Attached, Reading
from bot.domain.instants import require_aware
from bot.intake import reading as intake
from bot.models import AttachmentReading

from . import attachmentfiles

AGAIN_AFTER = timedelta(hours=1)
"""A reader that ran out of time may have had a busy machine: so much later it is asked once more."""
UNFINISHED = Reading(unread="在限定的时间和内存内没有读完")
LOST = Reading(unread="在本机的文件丢失或已损坏")


def of(files: Sequence[Attachment], *, now: datetime) -> tuple[Attached, ...]:
    """The files as they were read, in their order; those that nobody has read yet are read now. One query, none without files.

    A file that is lost is `unread`; it stops here nothing, the doctor and the download say so.
    """
    require_aware(now)
    kept = _kept(files, now)
    return tuple(Attached(one.name, kept.get(one.sha256) or _read(one, now)) for one in files)


def known(files: Sequence[Attachment]) -> tuple[Mapping[str, Reading], frozenset[str]]:
    """By hash, those that have been read by this version's reader; and those that only another version's has read."""
    rows = list(_of(files)) if files else []
    own = {one.pk: intake.from_json(one.said) for one in rows if one.version == intake.VERSION}
    return own, frozenset(one.pk for one in rows) - own.keys()


def _kept(files: Sequence[Attachment], now: datetime) -> Mapping[str, Reading]:
    if not files:
        return {}
    rows = _of(files).filter(version=intake.VERSION)
    return {one.pk: intake.from_json(one.said) for one in rows if one.finished or one.read_at > now - AGAIN_AFTER}


def _of(files: Sequence[Attachment]) -> QuerySet[AttachmentReading]:
    return AttachmentReading.objects.filter(pk__in=[one.sha256 for one in files])


def _read(file: Attachment, now: datetime) -> Reading:
    if not attachmentfiles.is_whole(file.sha256):
        return LOST
    finished = True
    try:
        found = intake.read(attachmentfiles.path_of(file.sha256), file.media_type)
    except intake.Unfinished:
        found, finished = UNFINISHED, False
    AttachmentReading.objects.update_or_create(
        pk=file.sha256,
        defaults={"version": intake.VERSION, "said": intake.as_json(found), "finished": finished, "read_at": now},
    )
    return found
