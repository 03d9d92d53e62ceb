"""三屏预览: the posts of one edition as followers will see them, each on a phone of true width.

A submitted edition is drawn from its frozen posts; a draft is rendered by the same code at this moment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_POST

from bot.domain.channel import ChannelSpec
from bot.domain.findings import Finding
from bot.domain.hashing import ASSET
from bot.domain.post import CREDIT_SLOT
from bot.models import Account, Edition, Person
from bot.services import drafting, editorial, showing
from bot.services.accounts import spec_of
from bot.services.documents import find_document
from bot.services.errors import Refused
from bot.services.releases import accounts_named

from . import readers
from .document import EDITION_TONES, edition_of, with_asset_addresses
from .middleware import PREVIEW_POLICY
from .people import now, person
from .pictures import Crop, crop

PORTAL = "portal"
LINK = re.compile(r"https?://[^\s，。；、（）《》“”]+")
FOLDED = 140
"""A status longer than this is folded in the timeline, behind 全文 (weibo.md)."""


@dataclass(frozen=True, slots=True)
class Face:
    """What one phone shows of one post."""

    account: Account
    channel: str
    title: str
    digest: str
    text: Sequence[tuple[str, str]]
    wide: Crop | None
    square: Crop | None
    picture: str
    body: str


@require_GET
@readers.only
def preview(request: HttpRequest, external_id: str) -> HttpResponse:
    """The page with the phones beside each other."""
    who = person(request)
    document = find_document(external_id, unit=who.unit)
    edition = edition_of(document, request.GET.get("edition", ""))
    phones: list[dict[str, Any]] = []
    for account in _accounts(edition, who):
        payload, findings = _payload(edition, account)
        phones.append(
            {
                "account": account,
                "spec": spec_of(account),
                "findings": findings,
                "meters": drafting.meters_of(account, payload),
            }
        )
    context = {
        "document": document,
        "edition": edition,
        "phones": phones,
        "frozen": edition.submitted_at is not None,
        "tone": EDITION_TONES[edition.status],
        "portal": PORTAL,
        "may_edit": drafting.may_edit(document, who),
        "may_show": any(who.has_role(role) for role in showing.WHO),
    }
    return render(request, "preview.html", context)


def _accounts(edition: Edition, who: Person) -> list[Account]:
    """The accounts that the edition was frozen for, or those it would be."""
    posts = list(edition.posts.select_related("account").order_by("account_id"))
    return [post.account for post in posts] or accounts_named((), unit=who.unit)


def _payload(edition: Edition, account: Account) -> tuple[Mapping[str, Any], Sequence[Finding]]:
    post = edition.posts.filter(account=account).first()
    if post is not None:
        return post.payload, ()
    rendered, findings = editorial.render_for(edition, account, "preview0")
    return rendered.post.payload, findings


def _own(request: HttpRequest, pk: int) -> Edition:
    own = Edition.objects.select_related("document__unit").filter(document__unit=person(request).unit)
    return get_object_or_404(own, pk=pk)


@require_GET
@readers.only
@xframe_options_sameorigin
def phone_frame(request: HttpRequest, edition: int, slug: str) -> HttpResponse:
    """One phone's screen."""
    found, dark = _own(request, edition), request.GET.get("dark") == "1"
    if slug == PORTAL:
        context = {
            "article": found.article, "body": with_asset_addresses(found.article.body_html), "dark": dark,
            "unit": found.document.unit,
        }  # fmt: skip
        return _framed(render(request, "phones/portal_preview.html", context))
    account = next((one for one in _accounts(found, person(request)) if one.slug == slug), None)
    if account is None:
        raise Http404
    payload, _ = _payload(found, account)
    spec = spec_of(account)
    face = _face(found, account, spec, payload)
    name = "phones/article_preview.html" if face.body else "phones/short_preview.html"
    length = sum(len(words) for words, _ in face.text)
    return _framed(render(request, name, {"face": face, "account": account, "folded": length > FOLDED, "dark": dark}))


def _framed(response: HttpResponse) -> HttpResponse:
    response.headers["Content-Security-Policy"] = PREVIEW_POLICY.replace(
        "default-src 'none'", "default-src 'none'; frame-src 'self'"
    )
    return response


def _face(edition: Edition, account: Account, spec: ChannelSpec, payload: Mapping[str, Any]) -> Face:
    html = next((field.name for field in spec.fields if field.form == "html" and payload.get(field.name)), "")
    text = "\n".join(str(payload.get(field.name, "")) for field in spec.fields if field.form == "text" and not html)
    wide = square = None
    picture = ""
    if spec.cover and ASSET.fullmatch(str(payload.get(spec.cover.field, ""))):
        picture = reverse("asset", args=[str(payload[spec.cover.field]).partition(":")[2]])
        crops = {name: str(payload.get(field, "")) for name, field in spec.cover.crops.items()}
        wide = crop(picture, crops["wide"], 2.35) if crops.get("wide") else None
        square = crop(picture, crops["square"], 1.0) if crops.get("square") else None
    body = reverse("preview-body", args=[edition.pk, account.slug]) if html else ""
    return Face(
        account, spec.label, str(payload.get("title", "")), str(payload.get("digest", "")), _pieces(text), wide, square,
        picture, body,
    )  # fmt: skip


def _pieces(text: str) -> list[tuple[str, str]]:
    """A status in order, as (words, "") and ("", link): the platform shows a link as 网页链接."""
    parts: list[tuple[str, str]] = []
    at = 0
    for found in LINK.finditer(text):
        parts += [(text[at : found.start()], ""), ("", found[0])]
        at = found.end()
    return [part for part in [*parts, (text[at:], "")] if any(part)]


@require_GET
@readers.only
@xframe_options_sameorigin
def body_frame(request: HttpRequest, edition: int, slug: str) -> HttpResponse:
    """The article inside the phone: the very HTML of the post; in dark mode turned about roughly as the app does it."""
    found = _own(request, edition)
    account = next((one for one in _accounts(found, person(request)) if one.slug == slug), None)
    if account is None:
        raise Http404
    payload, _ = _payload(found, account)
    spec = spec_of(account)
    content = "".join(str(payload.get(field.name, "")) for field in spec.fields if field.form == "html")
    context = {
        "title": str(payload.get("title", "")), "account": account.name, "author": str(payload.get("author", "")), "at": None,
        "content": with_asset_addresses(content.replace(CREDIT_SLOT, "")), "text": "",
        "source": str(payload.get(spec.link_field, "")) if spec.link_field else "", "deleted": False, "flips": request.GET.get("dark") == "1",
    }  # fmt: skip
    response = render(request, "article.html", context)
    response.headers["Content-Security-Policy"] = PREVIEW_POLICY
    return response


@require_POST
@readers.only
def show(request: HttpRequest, edition: int, slug: str) -> HttpResponse:
    """发到我的手机."""
    who, found = person(request), _own(request, edition)
    account = next((one for one in _accounts(found, who) if one.slug == slug), None)
    if account is None:
        raise Http404
    try:
        said = showing.show(found, account, to=request.POST.get("to", ""), person=who, now=now())
    except Refused as refused:
        if refused.code == "role":
            raise
        messages.error(request, refused.message)
    else:
        messages.success(request, said)
    return redirect(f"{reverse('preview', args=[found.document.external_id])}?edition={found.number}")
