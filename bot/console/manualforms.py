"""What staff type about a post that was made by hand, and what they are given to copy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from django.urls import reverse

from bot.domain.channel import ModeSpec
from bot.domain.instants import BEIJING, to_beijing
from bot.domain.post import CREDIT_SLOT
from bot.domain.workflow import EditionState
from bot.models import Account, AssetRecord, Edition, ManualPost, ManualTask, Person, Unit
from bot.services.accounts import known, spec_of
from bot.services.documents import find_document
from bot.services.errors import Refused
from bot.services.manualentry import Entry
from bot.services.manualtasks import Message, Standing

from .accountforms import typed
from .document import ASSET, with_asset_addresses

NAMES = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}


# --- the form -----------------------------------------------------------------------------------------------


def moment(text: str) -> datetime:
    """A date and time in Beijing, as the browser sends it (2026-12-01T09:00). Refused when it is none."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?", text):
        raise Refused("time", "请填写实际发出的日期和时间（北京时间），没有登记，未做改动。")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=BEIJING, second=0)
    except ValueError:
        raise Refused("time", f"没有“{text}”这个时间，没有登记，未做改动。请核对日期。") from None


def local(instant: datetime) -> str:
    """An instant as a datetime-local field holds it, in Beijing time."""
    return to_beijing(instant).strftime("%Y-%m-%dT%H:%M")


def places(unit: Unit) -> list[tuple[str, str]]:
    """Every account with every way of posting on it: value and words."""
    return [
        (f"{account.slug}|{mode.name}", f"{account.name} · {mode.label}{'' if account.enabled else '（已停用）'}")
        for account in filter(known, unit.accounts.order_by("pk"))
        for mode in spec_of(account).public_modes
    ]


def poster(request: HttpRequest, unit: Unit, default: Person) -> Person:
    """Who posted it: somebody of the unit."""
    name = typed(request, "posted_by")
    if not name or name == default.username:
        return default
    found = unit.people.filter(username=name).first()
    if found is None:
        raise Refused("person", "没有这位发布人，没有登记，未做改动。请重新选择。")
    return found


def entry(request: HttpRequest, who: Person) -> Entry:
    """The form as an entry of the book. Refused where a field cannot be read."""
    slug, _, mode = typed(request, "place").partition("|")
    account = Account.objects.filter(unit=who.unit, slug=slug).first()
    if account is None:
        raise Refused("place", "请选择账号和方式，没有登记，未做改动。")
    number = typed(request, "document")
    edition = _edition(number, who.unit) if number else None
    return Entry(
        account, mode, typed_address(request), moment(typed(request, "posted_at")), poster(request, who.unit, who),
        title=typed(request, "title"), edition=edition, note=typed(request, "note"),
    )  # fmt: skip


def typed_address(request: HttpRequest) -> str:
    """The address, which may be longer than other fields."""
    return str(request.POST.get("url", "")).strip()[:1001]


def _edition(number: str, unit: Unit) -> Edition:
    """The newest edition that was handed in: what is still being written was not posted."""
    document = find_document(number, unit=unit)
    found = document.editions.exclude(state=EditionState.DRAFTING).order_by("-number").first()
    return found or document.current


def values_of(post: ManualPost) -> dict[str, str]:
    """An entry as the form shows it, to be corrected."""
    return {
        "place": f"{post.account.slug}|{post.mode}",
        "document": post.edition.document.external_id if post.edition else "",
        "title": post.title, "url": post.url, "posted_at": local(post.posted_at),
        "posted_by": post.posted_by.username, "note": post.note,
    }  # fmt: skip


# --- what is copied -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """One field of a post to copy. `html`: copied with its formatting."""

    key: str
    label: str
    value: str
    html: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture to download."""

    href: str
    name: str


@dataclass(frozen=True, slots=True)
class Todo:
    """One article of a message."""

    task: ManualTask
    pieces: Sequence[Piece]
    pictures: Sequence[Picture]


@dataclass(frozen=True, slots=True)
class Job:
    """One message to post, with everything that is needed for it. There is no text to copy of what must not go out."""

    message: Message
    todos: Sequence[Todo]

    @property
    def key(self) -> str:
        """Its name on the page."""
        return f"{self.message.release.pk}-{self.message.account.slug}-{self.message.lane}"

    @property
    def ways(self) -> Sequence[ModeSpec]:
        """By which of these a person made the draft public; none to choose from where the release says it."""
        return spec_of(self.message.account).public_modes if self.message.mode.by_hand else ()

    @property
    def due(self) -> bool:
        """Whether it is to be posted now."""
        return self.message.standing is Standing.DUE


def jobs(found: Sequence[Message]) -> list[Job]:
    """For the page; one question for all pictures."""
    wanted = {sha for message in found for task in message.tasks for sha in _shas(task)}
    types = dict(AssetRecord.objects.filter(sha256__in=wanted).values_list("sha256", "media_type")) if wanted else {}
    return [Job(message, [_todo(message, task, types) for task in message.tasks]) for message in found]


def _shas(task: ManualTask) -> list[str]:
    return [sha for value in task.text.payload.values() if isinstance(value, str) for sha in ASSET.findall(value)]


def _todo(message: Message, task: ManualTask, types: Mapping[str, str]) -> Todo:
    if not message.standing.shows_text:
        return Todo(task, (), ())
    pictures = [
        Picture(reverse("asset", args=[sha]), f"{task.edition.document.external_id}-{place}.{NAMES[types[sha]]}")
        for place, sha in enumerate(dict.fromkeys(_shas(task)), 1)
        if types.get(sha) in NAMES
    ]
    return Todo(task, _pieces(message, task), pictures)


def _pieces(message: Message, task: ManualTask) -> list[Piece]:
    payload = task.text.payload
    pieces = []
    for field in spec_of(message.account).fields:
        value = str(payload.get(field.name) or "").replace(CREDIT_SLOT, "")
        if value:
            html = field.form == "html"
            shown = with_asset_addresses(value) if html else value
            pieces.append(Piece(f"{task.pk}-{field.name}", field.label or field.name, shown, html))
    return pieces
