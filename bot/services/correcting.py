"""更正: which edition corrects which, of the same document or of another one; both pages tell it."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from bot.domain.instants import require_aware
from bot.domain.workflow import Role
from bot.models import Correction, Document, Edition, Person

from . import audit
from .errors import NotFound, Refused
from .people import require


def link(old: Edition, new: Document, *, person: Person, reason: str, now: datetime) -> Correction:
    """The newest edition of `new` corrects `old`. Of one document only a later edition corrects an earlier one."""
    require_aware(now)
    require(person, Role.EDITOR, Role.RELEASER)
    if {old.document.unit_id, new.unit_id} != {person.unit_id}:
        raise NotFound("文件", new.external_id)
    if not reason.strip():
        raise Refused("reason", "请写明更正了什么，未做改动。")
    edition = new.current
    if edition.document_id == old.document_id and edition.number <= old.number:
        raise Refused("same", "这份文件还没有新的版本。请先修改形成新版本，再登记更正，未做改动。")
    if Correction.objects.filter(old=edition, new=old).exists():
        raise Refused("circle", "这两个版本已登记为相反的更正，未做改动。")
    try:
        with transaction.atomic(), audit.serialised():
            made = Correction.objects.create(old=old, new=edition, reason=reason.strip()[:500], person=person, at=now)
            data = {
                "edition": edition.number, "old": old.document.external_id, "old_edition": old.number,
                "reason": made.reason, "unit": new.unit.code,
            }  # fmt: skip
            audit.append(person.username, "edition.corrects", f"document:{new.external_id}", data, now=now)
    except IntegrityError:
        raise Refused("exists", "这项更正已登记过，未做改动。") from None
    return made


def corrected_by(document: Document) -> list[Correction]:
    """What corrects this document's editions."""
    found = Correction.objects.filter(old__document=document).select_related("new__document", "old", "person")
    return list(found.order_by("at"))


def corrects(document: Document) -> list[Correction]:
    """What this document's editions correct."""
    found = Correction.objects.filter(new__document=document).select_related("old__document", "new", "person")
    return list(found.order_by("at"))
