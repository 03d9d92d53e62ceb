"""应急通道, for phones first: write or pick a notice, look at it, the first word; the second person looks at the same, and confirms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from bot.domain.article import Kind
from bot.domain.bodytext import body_text
from bot.domain.findings import Level
from bot.domain.instants import show, to_beijing
from bot.domain.urgent import LONGEST_REASON, PROPOSERS, SECONDERS, Stage
from bot.domain.workflow import EditionState
from bot.intake import Rejected
from bot.models import Account, Document, Edition, Person, Release, Urgency
from bot.proofing import PORTAL_HOSTS
from bot.services import drafting, releases, trail, urgent, urgentcare
from bot.services.accounts import spec_of
from bot.services.documents import find_document
from bot.services.errors import Refused
from bot.services.people import require
from bot.services.waivers import Waived

from . import stepup, urgentmarks
from .deeds import ELSEWHERE, instant_of
from .document import EDITION_TONES
from .people import now, person, plain

NOT_PLAIN = ("<img", "<table", "<sup>", "<sub>")
ROLES = tuple(dict.fromkeys([*PROPOSERS, *SECONDERS]))


def _insider(request: HttpRequest) -> Person:
    """Who has a part in it."""
    who = person(request)
    require(who, *ROLES)
    return who


# --- the list, and a new one ----------------------------------------------------------------------------------


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """What is open, a form for a new one, and notices that could be taken."""
    return _page(request, _insider(request), {"unit": "", "source_url": _home_page()})


def _page(
    request: HttpRequest, who: Person, typed: Mapping[str, str], rejected: Rejected | None = None
) -> HttpResponse:
    at = now()
    context = {
        "now": at,
        "banners": urgentmarks.banners(who, at),
        "candidates": [(one, EditionState(one.state)) for one in urgent.candidates(who.unit)],
        "tones": EDITION_TONES,
        "typed": {"title": "", "text": "", "source_url": "", **typed, "unit": typed["unit"] or who.unit.name},
        "rejected": rejected,
        "may_propose": any(who.has_role(role) for role in PROPOSERS),
        "me": who,
    }
    return render(request, "urgent.html", context, status=409 if rejected else 200)


def _home_page() -> str:
    """Where a notice without a page of its own leads: the portal."""
    hosts = settings.TONGFA.portal_hosts or PORTAL_HOSTS
    host = min(
        hosts, key=lambda one: (not one.startswith("www."), one), default=""
    )  # the name that platforms have on their lists
    return f"https://{host}/" if host else ""


def _fields(request: HttpRequest) -> dict[str, str]:
    return {name: plain(request.POST.get(name, "")) for name in ("title", "text", "unit", "source_url")}


@require_POST
def write(request: HttpRequest) -> HttpResponse:
    """A new notice. Nothing goes out by this."""
    who = _insider(request)
    fields = _fields(request)
    done = urgent.write(fields, person=who, now=now())
    if isinstance(done, Rejected):
        return _page(request, who, fields, done)
    return redirect("urgent-notice", external_id=done.external_id)


# --- before the first word ------------------------------------------------------------------------------------


@require_safe
def notice(request: HttpRequest, external_id: str) -> HttpResponse:
    """One notice as it stands: what the checks find, how it looks, on which accounts, when, why."""
    who = _insider(request)
    return _notice(request, who, find_document(external_id, unit=who.unit))


def _notice(
    request: HttpRequest, who: Person, document: Document, *, refused: Refused | None = None, rejected: Rejected | None = None
) -> HttpResponse:  # fmt: skip
    at, edition = now(), document.current
    standing = Urgency.objects.filter(edition=edition, ended_at__isnull=True).first()
    if standing is not None and refused is None:
        return redirect("urgency", pk=standing.pk)
    accounts = urgent.accounts_for(who.unit)
    fields = drafting.fields_of(edition)
    judged = drafting.judge_edition(edition, accounts=accounts, now=at)
    waived = Waived(document)
    context = {
        "now": at,
        "document": document,
        "edition": edition,
        "tone": EDITION_TONES[edition.status],
        "kind_fits": document.kind == Kind.NOTICE and not document.is_policy,
        "findings": judged.findings,
        "blocked": [one for one in judged.findings if one.level is Level.BLOCK and one not in waived],
        "waived": waived,
        "alike": _alike(edition, accounts),
        "ways": _ways(request, who, at),
        "hands": any(one.manual_only for one in accounts),
        "soonest": urgent.soonest(at),
        "lead": int(releases.min_lead().total_seconds()),
        "typed": {name: request.POST.get(name, "") for name in ("when", "date", "time", "reason")},
        "text": body_text(fields["body_html"]),
        "may_write": urgent.may_write(document, who),
        "plain": not any(mark in fields["body_html"] for mark in NOT_PLAIN),
        "fields": fields,
        "rejected": rejected,
        "refused": refused,
        "may_propose": any(who.has_role(role) for role in PROPOSERS),
        "longest": LONGEST_REASON,
        "today": to_beijing(at).date().isoformat(),
        "tail": trail.tail,
    }
    return render(request, "urgent_notice.html", context, status=409 if refused or rejected else 200)


def _alike(edition: Edition, accounts: Sequence[Account]) -> list[list[Account]]:
    """Accounts on which it looks the same together: one phone is drawn for them."""
    looks = drafting.looks(edition, accounts)
    groups: dict[str, list[Account]] = {}
    for one in accounts:
        groups.setdefault(looks[one.slug], []).append(one)
    return list(groups.values())


def _ways(request: HttpRequest, who: Person, at: datetime) -> list[tuple[list[urgent.Way], bool, str]]:
    """By account: its ways, whether it is ticked, and which of them is chosen; the first that is free where none is.

    Where an account's own way is a draft for people, nobody has ever said how the machine goes public there: a person
    chooses, and nothing is ticked before.
    """
    groups: dict[int, list[urgent.Way]] = {}
    for way in urgent.ways(who.unit, now=at):
        groups.setdefault(way.account.pk, []).append(way)
    found = []
    for ways in groups.values():
        slug = ways[0].account.slug
        open_ways = () if ways[0].own_is_draft else ways
        free = next((way.mode for way in open_ways if not way.why_not), "")
        ticked = slug in request.POST.getlist("account") if request.method == "POST" else bool(free)
        found.append((ways, ticked, request.POST.get(f"mode-{slug}", free)))
    return found


@require_POST
def rewrite(request: HttpRequest, external_id: str) -> HttpResponse:
    """A new edition of its text; a first word on the old one is void."""
    who = _insider(request)
    document = find_document(external_id, unit=who.unit)
    try:
        done = urgent.write(_fields(request), person=who, now=now(), document=document)
    except Refused as refused:
        if refused.code in ELSEWHERE:
            raise
        return _notice(request, who, document, refused=refused)
    if isinstance(done, Rejected):
        return _notice(request, who, document, rejected=done)
    messages.success(request, "已改好，还没有提出。请再看一遍检查结果和预览。")
    return redirect("urgent-notice", external_id=external_id)


def _may_ask(request: HttpRequest, external_id: str) -> None:
    find_document(external_id, unit=_insider(request).unit)


def _may_confirm(request: HttpRequest, pk: int) -> None:
    urgent.find(pk, unit=_insider(request).unit)


@require_POST
@stepup.required("提出应急发布（第一人确认）", _may_ask)
def ask(request: HttpRequest, external_id: str) -> HttpResponse:
    """The first word."""
    who = _insider(request)
    document = find_document(external_id, unit=who.unit)
    try:
        made = urgent.propose(
            document, modes=_modes(request), instant=_instant(request), reason=plain(request.POST.get("reason", "")),
            seen=request.POST.get("seen", ""), person=who, now=now(),
        )  # fmt: skip
    except Refused as refused:
        if refused.code in ELSEWHERE:
            raise
        return _notice(request, who, document, refused=refused)
    messages.warning(request, "第一人已确认，还没有发出。已通知第二人，请对方打开“应急”页核对后确认。")
    return redirect("urgency", pk=made.pk)


def _modes(request: HttpRequest) -> dict[str, str]:
    chosen = [plain(slug) for slug in request.POST.getlist("account")]
    return {slug: plain(request.POST.get(f"mode-{slug}", "")) for slug in chosen}


def _instant(request: HttpRequest) -> datetime | None:
    if request.POST.get("when") != "at":
        return None
    return instant_of(request.POST.get("date", ""), request.POST.get("time", ""))


# --- the second word ------------------------------------------------------------------------------------------


@require_safe
def urgency(request: HttpRequest, pk: int) -> HttpResponse:
    """One urgent notice: exactly the bytes that both words are about."""
    who, at = _insider(request), now()
    found = urgent.find(pk, unit=who.unit)
    told = urgentcare.story(found)
    refusal = urgent.why_not(found, person=who, now=at)
    posts = _posts(found)
    alike: dict[str, list[dict[str, Any]]] = {}  # of the same bytes one phone is drawn
    for post in posts:
        alike.setdefault(post["hash"], []).append(post)
    context = {
        "now": at,
        "urgency": found,
        "edition": found.edition,
        "told": told,
        "banner": urgentmarks.banner(told, who, at),
        "alike": list(alike.values()),
        "by_machine": [one["account"] for one in posts if not one["by_hand"]],
        "by_people": [one["account"] for one in posts if one["by_hand"]],
        "findings": [record.finding for record in found.edition.findings.order_by("pk")],
        "waived": Waived(found.edition.document),
        "lead": int(releases.min_lead().total_seconds()),
        "why_not": refusal,
        "waits": found.status is Stage.ASKED,
        "credit": urgent.credit(found, told.first.person.name, _second(told, None if refusal else who)),
        "may_take_back": found.status is Stage.ASKED
        and (told.first.person_id == who.pk or who.has_role(SECONDERS[0]) or who.has_role(SECONDERS[1])),
        "tail": trail.tail,
    }
    return render(request, "urgency.html", context)


def _second(told: urgentcare.Told, might: Person | None) -> str:
    """The second name under the text: who confirmed, or who would by confirming now."""
    confirmed = told.second.person if told.second else might
    return confirmed.name if confirmed else "（第二人）"


def _posts(found: Urgency) -> list[dict[str, Any]]:
    rows, hands = found.edition.posts.select_related("account").order_by("account_id"), urgent.posted_by_people(found)
    return [
        {
            "account": post.account, "hash": post.hash, "by_hand": post.account.slug in hands,
            "mode": spec_of(post.account).mode(found.modes[post.account.slug]), "channel": spec_of(post.account).label,
        }
        for post in rows
        if post.account.slug in found.modes
    ]  # fmt: skip


@require_POST
@stepup.required("确认应急发布（第二人确认并签发）", _may_confirm)
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """The second word: from here on it goes out."""
    who = _insider(request)
    found = urgent.find(pk, unit=who.unit)
    try:
        release = urgent.confirm(found, seen=request.POST.get("seen", ""), person=who, now=now())
    except Refused as refused:
        if refused.code in ELSEWHERE:
            raise
        messages.error(request, " ".join([refused.message, *refused.details]))
        return redirect("urgency", pk=pk)
    messages.success(request, _done_words(release, found))
    return redirect("release", pk=release.pk)


def _done_words(release: Release, urgency: Urgency) -> str:
    """What goes by machine, and what somebody must post now."""
    hands = dict.fromkeys(release.manual_tasks.order_by("account_id").values_list("account__name", flat=True))
    machine = f"将于 {show(release.instant, seconds=True)} 由系统发出。" if release.publications.exists() else ""
    when = "马上" if urgency.instant is None else f"于 {show(release.instant, seconds=True)}"
    people = f"“{'、'.join(hands)}”由人手工发布：请值班员或签发人{when}到“手工发布”页办理。" if hands else ""
    return f"两人已确认并签发。{machine}{people}请在 24 小时内完成补审。"


@require_POST
def back(request: HttpRequest, pk: int) -> HttpResponse:
    """收回 before the second word."""
    who = _insider(request)
    try:
        urgent.take_back(urgent.find(pk, unit=who.unit), person=who, now=now())
    except Refused as refused:
        if refused.code in ELSEWHERE:
            raise
        messages.error(request, refused.message)
    else:
        messages.success(request, "已收回，没有发出。稿件仍在审批箱，可以走正常审核。")
    return redirect("urgency", pk=pk)
