"""撰稿: fields and body of one document, with the checks beside them, kept while they are typed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from bot import intake
from bot.domain.article import KIND_LABELS
from bot.domain.instants import show
from bot.domain.typography import quoted
from bot.domain.workflow import Role
from bot.intake import Rejected
from bot.intake.markup import paragraphs
from bot.intake.pictures import PictureError, take
from bot.models import Account, Document, Draft, Edition, Person
from bot.services import drafting, editorial, waiving
from bot.services.documents import find_document, keep_assets
from bot.services.drafting import Page, known
from bot.services.errors import Refused
from bot.services.people import require
from bot.services.waivers import Waived

from . import attachments, changes, margin
from .document import EDITION_TONES, PORTAL, with_asset_addresses
from .people import now, person

ADDRESS = re.compile(r"/assets/([0-9a-f]{64})")
MOST_PICTURE = 5 * 1024 * 1024
GROUPS = (
    ("基本", ("title", "kind", "document_number", "source_url")),
    ("公开要素", ("index_number", "unit", "category", "subcategory", "area", "attribute", "formed_on", "published_on")),
    ("解读与来源", ("interprets", "form", "provenance")),
)
HELP = {
    "title": "微信标题最多 32 字；列表里一行约 16 字",
    "document_number": "如 临东政办字〔2017〕41号，用六角括号",
    "source_url": "门户网站上的原文网址；推送里的“阅读原文”指向它",
    "interprets": "仅政策解读填写：所解读文件的编号，推送时两件同时发出",
    "summary": "不写正文时，摘要就是推送的文字；微博取其开头",
    "published_on": "门户上的发布日期，不能晚于实际",
}
WIDE = ("title", "source_url", "provenance")
DATES = ("formed_on", "published_on")
#: Refusals after which what was typed is on the page alone.
NOT_KEPT = frozenset({"taken_over", "older", "body", "closed"})


@dataclass(frozen=True, slots=True)
class Clash:
    """What stands where this page would be saved, and what saving it would change there."""

    words: str
    changed: Sequence[changes.Change]


@require_safe
def edit(request: HttpRequest, external_id: str) -> HttpResponse:
    """The page. Where somebody else has it open, it says so and is read only."""
    who = person(request)
    document = find_document(external_id, unit=who.unit)
    require_open(document, who)
    draft, mine = drafting.open_for(document, person=who, now=now())
    return _page(request, document, who, draft, draft.fields, known(draft), mine=mine)


@require_POST
def take_over(request: HttpRequest, external_id: str) -> HttpResponse:
    """接着编辑: from here on the other page cannot save. What this page already holds is not lost by it."""
    who = person(request)
    document = find_document(external_id, unit=who.unit)
    require_open(document, who)
    draft, _ = drafting.open_for(document, person=who, now=now(), take_over=True)
    if "title" in request.POST:
        return _page(request, document, who, draft, _typed(request), _seen(request), mine=True, unsaved=True)
    return redirect("cover" if request.POST.get("back") == "cover" else "edit", external_id)


def _page(
    request: HttpRequest, document: Document, who: Person, draft: Draft, fields: Mapping[str, str], seen: Page, *,
    mine: bool, unsaved: bool = False, status: int = 200,
) -> HttpResponse:  # fmt: skip
    """The editor with these fields. `unsaved`: they are in no working copy, so that the browser warns before they go."""
    edition, typed = document.current, {**fields, "body_html": _showable(fields.get("body_html", ""))}
    if mine and draft.fields == typed:  # whatever the page knew, nothing is written here that is not there
        seen, unsaved = known(draft), False
    context = {
        "document": document, "edition": edition, "draft": draft, "mine": mine, "groups": GROUPS, "help": HELP,
        "labels": intake.LABELS, "kinds": KIND_LABELS, "wide": WIDE, "dates": DATES, "fields": fields,
        "changed": draft.revision or files_changed(draft, edition), "seen": seen, "unsaved": unsaved,
        "clashes": _clashes(draft, edition, typed, seen, mine=mine), "over": f"{edition.number}.{draft.revision}",
        "body": with_asset_addresses(typed["body_html"]),
        "tone": EDITION_TONES[edition.status], "phones": _phones(document, who) if mine else (),
        **attachments.part(document, draft, who), **_judged(document, fields, who),
    }  # fmt: skip
    return render(request, "editor.html", context, status=status)


def _phones(document: Document, who: Person) -> list[dict[str, Any]]:
    """Where each phone's screen of the working copy is: one for each account, and the portal's."""
    screens = [(one, one.slug) for one in _accounts(who)] + [(None, PORTAL)]
    return [
        {"account": one, "address": reverse("writing-phone", args=[slug, document.external_id])}
        for one, slug in screens
    ]


def _showable(body: str) -> str:
    """What was typed, cleaned before it is drawn; markup that cannot be cleaned is shown as the text that it is."""
    try:
        return drafting.safe(body)
    except Refused:
        return paragraphs(body)


def _clashes(draft: Draft, current: Edition, fields: Mapping[str, str], seen: Page, *, mine: bool) -> list[Clash]:
    """What saving this page would replace unseen: a newer edition, and what another window has put into the working copy."""
    found = []
    if drafting.outdated(draft, current):
        words = f"第 {current.number} 版（{current.author.name} {show(current.created_at, seconds=False)} 保存）"
        found.append(Clash(words, changes.of_contents(drafting.fields_of(current), fields)))
    if mine and replace(seen, over=None) != known(draft):
        words = f"草稿里现有的文字（{show(draft.saved_at)} 保存）"
        found.append(Clash(words, changes.of_contents(draft.fields, fields)))
    return found


def files_changed(draft: Draft, edition: Edition) -> bool:
    """Whether the working copy has other attachments or another cover than the newest edition."""
    content = edition.content
    return bool(draft.attachments != content.get("attachments", []) or draft.cover != content.get("cover"))


def require_open(document: Document, who: Person) -> None:
    """Refused to whoever may not write in it now."""
    require(who, Role.EDITOR)
    if not drafting.may_edit(document, who):
        raise Refused(
            "state",
            f"{quoted(document.title)}正在审核（{document.current.status.label}），不能修改。请审核人退回后再改。",
        )


def _seen(request: HttpRequest) -> Page:
    """What the page that sends this knew; what it does not say is known to nobody."""
    edition, _, revision = request.POST.get("over", "").partition(".")
    over = (_number(edition), _number(revision))
    return Page(
        _number(request.POST.get("base", "")),
        _number(request.POST.get("revision", "")),
        over if min(over) >= 0 else None,
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _typed(request: HttpRequest) -> dict[str, str]:
    """The fields as the page sends them; pictures go back to their names."""
    fields = {name: request.POST.get(name, "")[:250_000] for name in drafting.FIELDS}
    fields["body_html"] = ADDRESS.sub(r"asset:\1", fields["body_html"])
    return fields


def _accounts(who: Person) -> list[Account]:
    return [account for account in who.unit.accounts.order_by("pk") if account.enabled]


def _judged(document: Document, fields: Mapping[str, str], who: Person) -> dict[str, Any]:
    judged = drafting.judge(document, fields, accounts=_accounts(who), now=now())
    return {"judged": judged, "findings": margin.lines(judged, Waived(document), who)}


@require_POST
def autosave(request: HttpRequest, external_id: str) -> HttpResponse:
    """Keep what is typed; the answer is the margin: when it was saved, findings, lengths."""
    who = person(request)
    document = find_document(external_id, unit=who.unit)
    fields = _typed(request)
    try:
        require_open(document, who)
        draft = drafting.keep(document, fields, page=_seen(request), person=who, now=now())
    except Refused as refused:
        return render(request, "parts/margin_refused.html", {"message": refused.message})
    context = {"draft": draft, "mine": True, "labels": intake.LABELS, **_judged(document, fields, who)}
    return render(request, "parts/margin.html", context)


@require_POST
def still_here(request: HttpRequest, external_id: str) -> HttpResponse:
    """A sign of life of an open editor."""
    who = person(request)
    drafting.stay(find_document(external_id, unit=who.unit), person=who, now=now())
    return HttpResponse(status=204)


@require_POST
def save(request: HttpRequest, external_id: str) -> HttpResponse:
    """保存为新版本, and what was asked next: preview or submit."""
    who = person(request)
    document = find_document(external_id, unit=who.unit)
    fields, seen = _typed(request), _seen(request)
    try:
        result = drafting.save(document, fields, page=seen, person=who, now=now())
    except Refused as refused:
        if refused.code in {"role", "state"}:
            raise
        messages.error(request, refused.message)
        return _again(request, document, who, fields, seen, lost=refused.code in NOT_KEPT, status=409)
    if isinstance(result, Rejected):
        field = intake.LABELS.get(result.field, result.field)
        messages.error(request, f"没有保存为新版本：{field}——{result.reason}{result.remedy}您的改动仍在草稿里。")
        return _again(request, document, who, fields, seen, lost=False, status=400)
    return _next_step(request, find_document(external_id, unit=who.unit), who, result)


def _again(
    request: HttpRequest, document: Document, who: Person, fields: Mapping[str, str], seen: Page, *, lost: bool, status: int
) -> HttpResponse:  # fmt: skip
    """The page as it was sent, with why it made no edition. `lost`: what was typed is in no working copy."""
    draft, mine = drafting.open_for(document, person=who, now=now())
    return _page(
        request, document, who, draft, fields, seen if lost else known(draft), mine=mine, unsaved=lost, status=status
    )


def _next_step(request: HttpRequest, document: Document, who: Person, result: str) -> HttpResponse:
    number = document.current.number
    words = f"已保存为第 {number} 版。" if result == "updated" else "内容没有变化，没有新版本。"
    if request.POST.get("then") == "preview":
        messages.success(request, words)
        return redirect("preview", document.external_id)
    if request.POST.get("then") == "submit":
        return _submit(request, document, who)
    messages.success(request, words)
    return redirect("document", document.external_id)


@require_POST
def submit(request: HttpRequest, external_id: str) -> HttpResponse:
    """送审: freezes the newest edition as it stands. What was typed since then and is no edition must be left out knowingly."""
    who = person(request)
    document = find_document(external_id, unit=who.unit)
    draft, number = drafting.unsaved(document), str(document.current.number)
    if draft is not None and who.has_role(Role.EDITOR) and request.POST.get("without_draft") != number:
        messages.error(
            request,
            f"{draft.editor.name} 有没有保存成版本的草稿（{show(draft.saved_at, seconds=False)}），没有送审。"
            f"请先在编辑页保存为新版本，或放弃草稿；不要草稿里的改动的，请勾选“仍按第 {number} 版送审”。",
        )
        return redirect("document", external_id)
    return _submit(request, document, who)


def _submit(request: HttpRequest, document: Document, who: Person) -> HttpResponse:
    try:
        edition = editorial.submit(document, person=who, now=now())
    except Refused as refused:
        if refused.code == "role":
            raise
        messages.error(request, refused.message)
        for detail in refused.details:
            messages.error(request, detail)
        return redirect("document", document.external_id)
    messages.success(request, f"第 {edition.number} 版已送审，内容和各渠道稿从此冻结；下一步：{edition.status.label}。")
    return redirect("document", document.external_id)


@require_POST
def waive(request: HttpRequest, external_id: str) -> HttpResponse:
    """忽略并说明: let a finding pass, with a reason that is kept."""
    who = person(request)
    document = find_document(external_id, unit=who.unit)
    rule = request.POST.get("rule", "")[:60]
    aside = bool(request.headers.get("HX-Request"))  # from the editor's margin, which then draws itself anew
    reason = request.POST.get(f"reason:{rule}", request.POST.get("reason", ""))[:300]
    try:
        waiving.waive(document, rule, reason, person=who, now=now())
    except Refused as refused:
        if aside:
            return HttpResponse(refused.message, status=409, content_type="text/plain; charset=utf-8")
        messages.error(request, refused.message)
    else:
        if aside:
            return HttpResponse(status=204)
        messages.success(request, "已记下忽略的理由，审核人会看到。")
    return redirect("edit" if request.POST.get("back") == "edit" else "document", external_id)


@require_POST
def set_policy(request: HttpRequest, external_id: str) -> HttpResponse:
    """Say whether it is a policy (and so goes with its interpretation), with a reason."""
    who = person(request)
    document = find_document(external_id, unit=who.unit)
    try:
        editorial.set_policy(
            document,
            request.POST.get("policy") == "1",
            reason=request.POST.get("reason", "")[:300],
            person=who,
            now=now(),
        )
    except Refused as refused:
        if refused.code == "role":
            raise
        messages.error(request, refused.message)
    else:
        messages.success(request, "已更改。" if document.is_policy else "已更改为不是政策文件。")
    return redirect("document", external_id)


@require_POST
def discard(request: HttpRequest, external_id: str) -> HttpResponse:
    """Throw the draft away."""
    who = person(request)
    document = find_document(external_id, unit=who.unit)
    drafting.discard(document, person=who)
    messages.success(request, "草稿已放弃，文件仍是原来的版本。")
    return redirect("document", external_id)


@require_POST
def picture(request: HttpRequest) -> HttpResponse:
    """A picture for the body: kept by its hash; the answer is its address."""
    who = person(request)
    require(who, Role.EDITOR)
    upload = request.FILES.get("picture")
    if upload is None or (upload.size or 0) > MOST_PICTURE:
        return JsonResponse({"error": f"图片没有收到，或超过 {MOST_PICTURE // 1024 // 1024} MB。"}, status=400)
    try:
        asset = take(upload.read(), (upload.name or "")[-60:])
    except PictureError as error:
        return JsonResponse({"error": f"{error}，没有插入。"}, status=400)
    keep_assets([asset], unit=who.unit)
    return JsonResponse({"url": reverse("asset", args=[asset.sha256])})
