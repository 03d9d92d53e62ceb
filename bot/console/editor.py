"""撰稿: fields and body of one document, with the checks beside them, kept while they are typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from bot import intake
from bot.domain.article import KIND_LABELS
from bot.domain.workflow import Role
from bot.intake import Rejected
from bot.intake.pictures import PictureError, take
from bot.models import Account, Document, Draft, Edition, Person
from bot.services import drafting, editorial
from bot.services.documents import find_document, keep_assets
from bot.services.errors import Refused
from bot.services.people import require

from . import attachments
from .document import EDITION_TONES, with_asset_addresses
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


@require_GET
def edit(request: HttpRequest, external_id: str) -> HttpResponse:
    """The page. Where somebody else has it open, it says so and is read only."""
    who = person(request)
    document = find_document(external_id, unit=who.unit)
    require_open(document, who)
    draft, mine = drafting.open_for(document, person=who, now=now(), take_over=request.GET.get("take-over") == "1")
    edition = document.current
    context = {
        "document": document, "edition": edition, "draft": draft, "mine": mine, "groups": GROUPS, "help": HELP,
        "labels": intake.LABELS, "kinds": KIND_LABELS, "wide": WIDE, "dates": DATES, "fields": draft.fields,
        "changed": draft.revision or files_changed(draft, edition),
        "body": with_asset_addresses(draft.fields.get("body_html", "")),
        "tone": EDITION_TONES[edition.status],
        **attachments.part(document, draft, who), **_judged(document, draft.fields, who),
    }  # fmt: skip
    return render(request, "editor.html", context)


def files_changed(draft: Draft, edition: Edition) -> bool:
    """Whether the working copy has other attachments or another cover than the newest edition."""
    content = edition.content
    return bool(draft.attachments != content.get("attachments", []) or draft.cover != content.get("cover"))


def require_open(document: Document, who: Person) -> None:
    """Refused to whoever may not write in it now."""
    require(who, Role.EDITOR)
    if not drafting.may_edit(document, who):
        raise Refused(
            "state", f"《{document.title}》正在审核（{document.current.status.label}），不能修改。请审核人退回后再改。"
        )


def _typed(request: HttpRequest) -> dict[str, str]:
    """The fields as the page sends them; pictures go back to their names."""
    fields = {name: request.POST.get(name, "")[:250_000] for name in drafting.FIELDS}
    fields["body_html"] = ADDRESS.sub(r"asset:\1", fields["body_html"])
    return fields


def _accounts(who: Person) -> list[Account]:
    return [account for account in who.unit.accounts.order_by("pk") if account.enabled]


def _judged(document: Document, fields: Mapping[str, str], who: Person) -> dict[str, Any]:
    judged = drafting.judge(document, fields, accounts=_accounts(who), now=now())
    waived = set(document.waivers.values_list("rule", flat=True))
    return {"judged": judged, "waived": waived}


@require_POST
def autosave(request: HttpRequest, external_id: str) -> HttpResponse:
    """Keep what is typed; the answer is the margin: when it was saved, findings, lengths."""
    who = person(request)
    document = find_document(external_id, unit=who.unit)
    fields = _typed(request)
    revision = request.POST.get("revision", "")
    try:
        require_open(document, who)
        draft = drafting.keep(
            document, fields, revision=int(revision) if revision.isdigit() else -1, person=who, now=now()
        )
    except Refused as refused:
        return render(request, "parts/margin_refused.html", {"message": refused.message})
    context = {"draft": draft, "document": document, "labels": intake.LABELS, **_judged(document, fields, who)}
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
    require_open(document, who)
    try:
        result = drafting.save(document, _typed(request), person=who, now=now())
    except Refused as refused:
        if refused.code == "role":
            raise
        messages.error(request, refused.message)
        return redirect("edit", external_id)
    if isinstance(result, Rejected):
        field = intake.LABELS.get(result.field, result.field)
        messages.error(request, f"没有保存为新版本：{field}——{result.reason}{result.remedy}您的改动仍在草稿里。")
        return redirect("edit", external_id)
    return _next_step(request, find_document(external_id, unit=who.unit), who, result)


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
    """送审: freezes the newest edition as it stands."""
    who = person(request)
    return _submit(request, find_document(external_id, unit=who.unit), who)


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
    try:
        editorial.waive(document, rule, request.POST.get("reason", "")[:300], person=who, now=now())
    except Refused as refused:
        messages.error(request, refused.message)
    else:
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
    keep_assets([asset])
    return JsonResponse({"url": reverse("asset", args=[asset.sha256])})
