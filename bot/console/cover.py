"""封面: the drawn cover or a picture of one's own, with a frame for each of WeChat's two shapes.

The previews show the picture at its own address with the very frames that will go out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from bot.domain.article import OwnCover
from bot.domain.hashing import ASSET
from bot.domain.workflow import Role
from bot.intake import covers as shapes
from bot.intake.covers import Frame
from bot.models import Account, Document, Person
from bot.services import covers, drafting
from bot.services.accounts import spec_of
from bot.services.documents import find_document
from bot.services.errors import Refused
from bot.services.people import require

from .editor import require_open
from .people import now, person
from .pictures import Crop, crop


@dataclass(frozen=True, slots=True)
class Shape:
    """One of the two: its frame in pixels, within its limits."""

    name: str
    label: str
    ratio: float
    fewest: int
    frame: Frame

    @property
    def down(self) -> int:
        """The frame's height."""
        return round(self.frame.width / self.ratio)


@dataclass(frozen=True, slots=True)
class Look:
    """What followers of one account would see of the cover."""

    account: Account
    wide: Crop
    square: Crop


@require_safe
def cover(request: HttpRequest, external_id: str) -> HttpResponse:
    """The page."""
    who = person(request)
    document = find_document(external_id, unit=who.unit)
    require_open(document, who)
    draft, mine = drafting.open_for(document, person=who, now=now())
    own = OwnCover(**draft.cover) if draft.cover else None
    context = {
        "document": document, "edition": document.current, "draft": draft, "mine": mine, "own": own,
        "address": reverse("asset", args=[ASSET.sub(r"\1", own.picture)]) if own else "",
        "shapes": _shapes(own) if own else (), "looks": _looks(document, draft), "least": shapes.LEAST,
        "most": shapes.MOST_BYTES >> 20, "changed": draft.cover != document.current.content.get("cover"),
    }  # fmt: skip
    return render(request, "cover.html", context)


def _shapes(own: OwnCover) -> Sequence[Shape]:
    return [
        Shape(name, shapes.LABELS[name], ratio, shapes.FEWEST[name], shapes.frame_of(own, name))
        for name, ratio in shapes.RATIOS.items()
    ]


def _looks(document: Document, draft: Any) -> Sequence[Look]:
    return [look for account, payload in covers.payloads(document, draft) if (look := _look(account, payload))]


def _look(account: Account, payload: Mapping[str, Any]) -> Look | None:
    spec = spec_of(account)
    found = ASSET.fullmatch(str(payload.get(spec.cover.field, ""))) if spec.cover else None
    if spec.cover is None or found is None:
        return None
    address = reverse("asset", args=[found[1]])
    wide, square = (str(payload.get(spec.cover.crops[name], "")) for name in ("wide", "square"))
    return Look(account, crop(address, wide, shapes.RATIOS["wide"]), crop(address, square, shapes.RATIOS["square"]))


@require_POST
def choose(request: HttpRequest, external_id: str) -> HttpResponse:
    """Upload a picture."""
    upload = request.FILES.get("picture")

    def act(document: Document, who: Person) -> str:
        if upload is None:
            raise Refused("none", "没有收到图片，封面没有改动。请选择图片后再试。")
        if (upload.size or 0) > shapes.MOST_BYTES:
            raise Refused("large", f"图片超过 {shapes.MOST_BYTES >> 20} MB，封面没有改动。请缩小后再传。")
        made = covers.choose(document, upload.read(), person=who, now=now())
        return f"已换用这张图片（{made.width}×{made.height}），裁剪框先取正中；请调整后保存裁剪。"

    return _done(request, external_id, act)


@require_POST
def frame(request: HttpRequest, external_id: str) -> HttpResponse:
    """Save both frames."""

    def act(document: Document, who: Person) -> str:
        frames = {name: _frame(request, name) for name in shapes.RATIOS}
        covers.frame(document, frames, person=who, now=now())
        return "裁剪已保存到草稿。保存为新版本后随稿件送审。"

    return _done(request, external_id, act)


def _frame(request: HttpRequest, name: str) -> Frame:
    numbers = [request.POST.get(f"{name}-{part}", "").strip() for part in ("left", "top", "width")]
    if not all(number.isascii() and number.isdigit() and len(number) < 6 for number in numbers):
        raise Refused("number", f"{shapes.LABELS[name]}的左、上、宽要填整数像素，没有保存。")
    return Frame(*(int(number) for number in numbers))


@require_POST
def drop(request: HttpRequest, external_id: str) -> HttpResponse:
    """Back to the drawn cover."""

    def act(document: Document, who: Person) -> str:
        covers.drop(document, person=who, now=now())
        return "已改回自动绘制的封面。保存为新版本后生效。"

    return _done(request, external_id, act)


def _done(request: HttpRequest, external_id: str, act: Any) -> HttpResponse:
    who = person(request)
    document = find_document(external_id, unit=who.unit)
    require(who, Role.EDITOR)
    try:
        messages.success(request, act(document, who))
    except Refused as refused:
        messages.error(request, refused.message)
    return redirect("cover", external_id)
