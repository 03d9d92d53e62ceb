"""更正与撤回: reason, what each channel allows, the notice, two people, and what became of it on each channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from bot.domain.channel import RemovalSpec
from bot.domain.engine import withdrawing as engine
from bot.domain.engine.withdrawing import Stage
from bot.domain.erratum import NoticeKind, draft
from bot.domain.instants import beijing_date
from bot.domain.workflow import Role
from bot.models import Correction, Document, Edition, Item, Person, Publication, Release, Takedown, Unit, Withdrawal
from bot.services import correcting, story, takedowns, trail, withdrawing
from bot.services.accounts import spec_of
from bot.services.documents import find_document
from bot.services.errors import NotFound, Refused
from bot.services.people import require
from bot.services.releases import find_release
from bot.services.withdrawing import Target

from . import readers, stepup
from .chips import Chip
from .people import now, person

STAGES: dict[Stage, tuple[str, str]] = {
    Stage.ASKED: ("wait", "person"),
    Stage.WAITING: ("ready", "clock"),
    Stage.CALLING: ("busy", "send"),
    Stage.CHECKING: ("busy", "eye"),
    Stage.BY_HAND: ("warn", "hand"),
    Stage.STILL_PUBLIC: ("bad", "alert"),
    Stage.REFUSED: ("bad", "cross"),
    Stage.DONE: ("good", "check"),
    Stage.DROPPED: ("off", "undo"),
}
OUTCOMES = {"": "还没有应答", **trail.REMOVED}
#: What the look before the deletion found, where the platform said no sentence of its own.
SEEN = {
    "Receipt": "平台上还公开着", "Pending": "平台还在处理", "Absent": "没有查到", "Failed": "平台说没有公开，或已被删除",
    "Unclear": "没有查清",
}  # fmt: skip
PASSED_ON = {"role", "not_found"}
ACTS = {
    "done": "登记已手工删除",
    "look": "请平台再核对一次",
    "again": "再撤一次",
    "leave": "决定不撤",
}


@dataclass(frozen=True, slots=True)
class Channel:
    """One push that is public, what may be taken back of it, and its articles."""

    publication: Publication
    label: str
    removal: RemovalSpec
    items: Sequence[Item]


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is being taken down."""

    takedown: Takedown
    name: str
    chip: Chip
    removal: RemovalSpec | None
    waits: bool
    moving: bool
    places: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Told:
    """One withdrawal with all its parts."""

    withdrawal: Withdrawal
    parts: Sequence[Part]
    editions: Sequence[tuple[Edition, Sequence[Correction]]]


@require_http_methods(["GET", "POST"])
@readers.only
def wizard(request: HttpRequest, pk: int) -> HttpResponse:
    """The page; another unit's releases do not exist here. Sent to, it holds what was typed, and does nothing with it."""
    return _page(request, find_release(pk, unit=person(request).unit))


def _page(request: HttpRequest, release: Release, *, error: str = "") -> HttpResponse:
    who, at = person(request), now()
    told = [_told(one) for one in release.withdrawals.select_related(*_PEOPLE).order_by("-asked_at")]
    standing = next((one for one in told if one.withdrawal.ended_at is None), None)
    channels = _channels(release)
    context = {
        "now": at,
        "release": release,
        "standing": standing,
        "past": [one for one in told if one.withdrawal.ended_at is not None],
        "channels": channels,
        "by_hand": withdrawing.posted_by_people(release),
        "kinds": list(NoticeKind),
        "outcomes": OUTCOMES,
        "seen_words": SEEN,
        "platform_code": story.platform_code,
        "stages": Stage,
        "error": error,
        "form": _form(request, release, channels, at),
        **_rights(who, standing, at),
    }
    return render(request, "withdraw.html", context, status=409 if error else 200)


_PEOPLE = ("asked_by", "confirmed_by", "dropped_by")


def _rights(who: Person, standing: Told | None, at: datetime) -> dict[str, Any]:
    """What is not this person's is not on the page; the services refuse it besides."""
    asker = standing.withdrawal.asked_by_id if standing else 0
    refusal = withdrawing.why_not(standing.withdrawal, person=who, now=at) if standing else None
    return {
        "may_ask": any(who.has_role(role) for role in engine.ASKERS),
        "may_confirm": standing is not None and refusal is None,
        "asker_lost": refusal.message if refusal is not None and refusal.code == "first" else "",
        "may_drop": standing is not None and (who.pk == asker or who.has_role(Role.RELEASER)),
        "may_settle": any(who.has_role(role) for role in engine.HANDS),
        "may_decide": who.has_role(Role.RELEASER),
        "may_link": who.has_role(Role.EDITOR) or who.has_role(Role.RELEASER),
    }


def _channels(release: Release) -> list[Channel]:
    """By account: what can be taken back and what cannot is the same for all posts of its lane."""
    groups: dict[tuple[int, str], list[Item]] = {}
    for item in withdrawing.public_items(release):
        groups.setdefault((item.account_id, item.publication.mode), []).append(item)
    return [_channel(items) for items in groups.values()]


def _channel(items: Sequence[Item]) -> Channel:
    publication = items[0].publication
    mode, label = withdrawing.mode_of(publication), spec_of(publication.account).label
    return Channel(publication, label if mode.label == label else f"{label} · {mode.label}", mode.removal, items)


def _form(request: HttpRequest, release: Release, channels: Sequence[Channel], at: datetime) -> dict[str, Any]:
    """What the form holds: as typed, else a draft of the notice."""
    kind = _kind(request)
    chosen = request.POST.getlist("target")
    drafts = _drafts(release, _chosen(channels, chosen), at)
    typed = request.POST.get("notice", "").replace("\r\n", "\n")
    fresh, whole = request.method != "POST", len({item.edition_id for one in channels for item in one.items}) == 1
    drafted = request.POST.get("drafted", "").replace("\r\n", "\n")  # for what was chosen before
    own = bool(typed.strip()) and typed not in {drafted, *drafts.values()} and "draft" not in request.POST
    return {
        "kind": kind, "notice": typed if own else drafts[kind], "drafted": drafts[kind], "reason": request.POST.get("reason", ""),
        "portal": (fresh and whole) or bool(request.POST.get("portal")),
        "chosen": chosen, "all": fresh and whole,
        "kept": own and request.POST.get("choose", kind) != request.POST.get("kind", kind),
    }  # fmt: skip


def _kind(request: HttpRequest) -> NoticeKind:
    """As chosen just now, else as the form had it, else as the address has it."""
    given = request.POST.get("choose") or (request.POST if request.method == "POST" else request.GET).get("kind", "")
    return NoticeKind(given) if given in set(NoticeKind) else NoticeKind.WITHDRAWAL


def _chosen(channels: Sequence[Channel], values: Sequence[str]) -> list[Item]:
    """The articles that are ticked; while none is, all of them."""
    items = [item for channel in channels for item in channel.items]
    return [item for item in items if f"{item.publication_id}:{item.position}" in values] or items


def _drafts(release: Release, items: Sequence[Item], at: datetime) -> dict[NoticeKind, str]:
    """The notice of each kind on these articles as it stands before somebody goes over it."""
    titles = list(dict.fromkeys(item.edition.title for item in items))
    published = min((one.publication.live_at for one in items if one.publication.live_at), default=at)
    days = {"published": beijing_date(published), "today": beijing_date(at)}
    return {kind: draft(kind, titles=titles, unit=release.unit.name, **days) for kind in NoticeKind}


def _told(withdrawal: Withdrawal) -> Told:
    rows = withdrawal.takedowns.select_related("publication__account", "edition", "done_by").prefetch_related("calls")
    editions = withdrawing.editions_of(withdrawal)
    links = Correction.objects.filter(old__in=editions).select_related("new__document").order_by("at")
    by_old: dict[int, list[Correction]] = {}
    for link in links:
        by_old.setdefault(link.old_id, []).append(link)
    return Told(withdrawal, [_part(row) for row in rows.order_by("pk")], [(e, by_old.get(e.pk, ())) for e in editions])


def _part(row: Takedown) -> Part:
    removal = withdrawing.mode_of(row.publication).removal if row.publication else None
    chip = Chip(row.status.label, *STAGES[row.status])
    waits = row.status in engine.FOR_A_PERSON
    moving = not waits and row.status not in engine.ENDED and row.status is not Stage.ASKED
    places = row.before.get("places") or takedowns.snapshot(row)["places"]
    return Part(row, takedowns.name_of(row), chip, removal, waits, moving, places)


# --- acts -----------------------------------------------------------------------------------------------------


def _then(request: HttpRequest, release: Release, act: Callable[[Person], str]) -> HttpResponse:
    """Do it and come back to the page; a refusal keeps what was typed."""
    try:
        words = act(person(request))
    except Refused as refused:
        if refused.code in PASSED_ON:
            raise
        return _page(request, release, error=refused.message)
    messages.success(request, words)
    return redirect("withdraw", pk=release.pk)


def _may_ask(request: HttpRequest, pk: int) -> None:
    require(person(request), *engine.ASKERS)
    find_release(pk, unit=person(request).unit)


def _may_confirm(request: HttpRequest, pk: int) -> None:
    require(person(request), Role.RELEASER)
    withdrawing.find_withdrawal(pk, unit=person(request).unit)


def _may_settle(request: HttpRequest, pk: int, act: str) -> None:
    require(person(request), *engine.HANDS)
    withdrawing.find_takedown(pk, unit=person(request).unit)
    if act not in ACTS:
        raise Http404


@require_POST
@readers.only
@stepup.required("提出撤回（还要另一位签发人确认）", _may_ask)
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """The first person."""
    release = find_release(pk, unit=person(request).unit)

    def act(who: Person) -> str:
        withdrawing.ask(
            release, person=who, targets=_targets(request.POST.getlist("target")), portal=bool(request.POST.get("portal")),
            reason=request.POST.get("reason", ""), notice_kind=request.POST.get("kind", ""),
            notice=request.POST.get("notice", "").replace("\r\n", "\n"), now=now(),
        )  # fmt: skip
        return "已提出。还没有撤下任何内容：请另一位签发人登录后，在本页确认。"

    return _then(request, release, act)


def _targets(values: Sequence[str]) -> list[Target]:
    """Articles by push; a value "12:0" means article 0 of push 12."""
    found: dict[int, list[int]] = {}
    for value in values[:500]:
        push, _, position = value.partition(":")
        if not (push.isascii() and push.isdigit() and position.isascii() and position.isdigit()):
            raise Http404
        found.setdefault(int(push[:9]), []).append(int(position[:4]))
    return [Target(push, tuple(positions)) for push, positions in found.items()]


@require_POST
@readers.only
@stepup.required("作为第二人确认撤回", _may_confirm)
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """The second person: from here on it is done."""
    withdrawal = withdrawing.find_withdrawal(pk, unit=person(request).unit)

    def act(who: Person) -> str:
        withdrawing.confirm(withdrawal, person=who, now=now())
        return "两人已确认。系统能撤的马上撤并读回核对；要人工删除的，请照下面的步骤办并登记。"

    return _then(request, withdrawal.release, act)


@require_POST
@readers.only
def drop(request: HttpRequest, pk: int) -> HttpResponse:
    """Taken back before anything was done."""
    withdrawal = withdrawing.find_withdrawal(pk, unit=person(request).unit)

    def act(who: Person) -> str:
        withdrawing.drop(withdrawal, person=who, now=now())
        return "已收回，没有撤下任何内容。"

    return _then(request, withdrawal.release, act)


@require_POST
@readers.only
@stepup.required("办理撤回", _may_settle)
def takedown(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """What a person does of one part: deleted by hand, look again, take down again, leave it."""
    found = withdrawing.find_takedown(pk, unit=person(request).unit)
    if act not in ACTS:
        raise Http404
    words = request.POST.get("words", "")[:1000]

    def do(who: Person) -> str:
        if act == "done":
            withdrawing.done_by_hand(found, person=who, evidence=words, now=now())
            return "已登记。"
        if act == "look":
            withdrawing.look_again(found, person=who, now=now())
            return "系统会在几秒内向平台核对一次，结果见下。"
        if act == "again":
            withdrawing.again(found, person=who, reason=words, now=now())
            return "系统会在几秒内再撤一次。"
        withdrawing.leave(found, person=who, reason=words, now=now())
        return "已登记：不撤。"

    return _then(request, found.withdrawal.release, do)


@require_POST
@readers.only
def corrects(request: HttpRequest, pk: int) -> HttpResponse:
    """Link the corrected item to what was taken down."""
    unit = person(request).unit
    withdrawal = withdrawing.find_withdrawal(pk, unit=unit)
    old = next((one for one in withdrawing.editions_of(withdrawal) if str(one.pk) == request.POST.get("old")), None)
    if old is None:
        raise Http404

    def act(who: Person) -> str:
        new = _document(request.POST.get("document", "").strip()[:100], unit)
        made = correcting.link(old, new, person=who, reason=request.POST.get("correction", ""), now=now())
        return f"已登记：{made.new.document.external_id} 第 {made.new.number} 版更正了原件，两份文件的页面上都已注明。"

    return _then(request, withdrawal.release, act)


def _document(external_id: str, unit: Unit) -> Document:
    """A number that somebody typed: a wrong one comes back to the form."""
    try:
        return find_document(external_id, unit=unit)
    except NotFound as missing:
        raise Refused("document", f"{missing.message}没有登记。") from None
