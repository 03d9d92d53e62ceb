"""封面: a picture of one's own in place of the drawn cover, framed by hand for both of WeChat's shapes.

It belongs to the working copy; saving that makes the edition, whose content hash covers picture and frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from bot import rendering
from bot.domain.article import OwnCover
from bot.domain.instants import require_aware
from bot.domain.typography import quoted
from bot.domain.workflow import Role
from bot.intake import Rejected
from bot.intake import covers as intake
from bot.intake.covers import CoverError, Frame
from bot.models import Account, Document, Draft, Person

from . import audit, drafting
from .accounts import rendering_options, spec_of
from .documents import keep_assets
from .editorial import pair_of
from .errors import Refused
from .people import require


def choose(document: Document, data: bytes, *, person: Person, now: datetime) -> OwnCover:
    """Take a picture as the cover, framed in the middle; the person's working copy has it from now on."""
    require_aware(now)
    _require(document, person)
    try:
        asset, width, height = intake.take(data)
        cover = intake.own(
            asset, width, height, {shape: intake.middle(width, height, shape) for shape in intake.RATIOS}
        )
    except CoverError as error:
        raise Refused("cover", str(error)) from error
    keep_assets([asset], unit=document.unit)
    _put(document, asdict(cover), person=person, now=now)
    return cover


def frame(document: Document, frames: Mapping[str, Frame], *, person: Person, now: datetime) -> OwnCover:
    """Move the frames of the picture that the working copy has."""
    require_aware(now)
    _require(document, person)
    with audit.serialised():
        draft = drafting.held(document, person=person)
        if not draft.cover:
            raise Refused("cover", "现在用的是自动绘制的封面，没有可以裁剪的图片，没有改动。请先上传图片。")
        before = OwnCover(**draft.cover)
        try:
            cut = {shape: intake.corners(frames[shape], before.width, before.height, shape) for shape in intake.RATIOS}
        except CoverError as error:
            raise Refused("cover", str(error)) from error
        cover = OwnCover(before.picture, before.width, before.height, cut["wide"], cut["square"])
        _write(draft, asdict(cover), now)
    return cover


def drop(document: Document, *, person: Person, now: datetime) -> None:
    """Back to the drawn cover."""
    require_aware(now)
    _require(document, person)
    _put(document, None, person=person, now=now)


def payloads(document: Document, draft: Draft) -> list[tuple[Account, Mapping[str, Any]]]:
    """The posts of the unit's accounts that have a cover in two shapes, as the working copy stands: what would go out."""
    row = drafting.article_from(document.external_id, draft.fields, unit=document.unit)
    if isinstance(row, Rejected):
        return []
    article, pair = drafting.with_files(row.article, draft), pair_of(document)
    found: list[tuple[Account, Mapping[str, Any]]] = []
    for account in document.unit.accounts.order_by("pk"):
        spec = spec_of(account)
        if account.enabled and spec.cover and spec.cover.layout == rendering.OWN_LAYOUT:
            rendered, _ = rendering.render(
                article,
                spec,
                account_name=account.name,
                options=rendering_options(account),
                marker="preview0",
                pair=pair,
            )
            keep_assets(rendered.assets, unit=document.unit)
            found.append((account, rendered.post.payload))
    return found


def _require(document: Document, person: Person) -> None:
    require(person, Role.EDITOR)
    if not drafting.may_edit(document, person):
        raise Refused(
            "state",
            f"{quoted(document.title)}正在审核（{document.current.status.label}），封面没有改动。请审核人退回后再改。",
        )


def _put(document: Document, cover: dict[str, object] | None, *, person: Person, now: datetime) -> None:
    with audit.serialised():
        _write(drafting.held(document, person=person), cover, now)


def _write(draft: Draft, cover: dict[str, object] | None, now: datetime) -> None:
    draft.cover, draft.saved_at = cover, now
    draft.save(update_fields=["cover", "saved_at"])
