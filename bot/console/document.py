"""文件: one document, what was said about it, and its posts exactly as they were rendered."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from bot.domain.article import Kind
from bot.domain.channel import ChannelSpec
from bot.domain.findings import Finding
from bot.domain.post import CREDIT_SLOT
from bot.domain.workflow import EditionState, Role, Step
from bot.models import Account, AssetRecord, AssetUse, Document, Draft, Edition, Item, Person, PostRecord
from bot.services import correcting, drafting, trail, waiving
from bot.services.accounts import spec_of
from bot.services.documents import find_document
from bot.services.releases import accounts_named
from bot.services.waivers import Waived

from . import attachments, readers
from .middleware import PREVIEW_POLICY
from .people import now, person
from .pictures import Crop, crop

PORTAL = "portal"
"""In the place of an account's name: the phone that shows the portal's page."""
ASSET = re.compile(r"asset:([0-9a-f]{64})")
EDITION_TONES = {
    EditionState.DRAFTING: ("wait", "pen"),
    EditionState.SUBMITTED: ("ready", "clock"),
    EditionState.FIRST_PASSED: ("ready", "clock"),
    EditionState.SECOND_PASSED: ("ready", "clock"),
    EditionState.APPROVED: ("good", "check"),
    EditionState.RETURNED: ("warn", "undo"),
    EditionState.SUPERSEDED: ("off", "cross"),
}
FIELD_WORDS = (
    ("document_number", "发文字号"),
    ("index_number", "索引号"),
    ("unit", "发布机构"),
    ("category", "公开目录"),
    ("subcategory", "子目录"),
    ("area", "重点领域"),
    ("form", "解读形式"),
    ("attribute", "公开属性"),
    ("formed_on", "成文日期"),
    ("published_on", "发布日期"),
    ("provenance", "来源说明"),
)
PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp"}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a page finds the HTML of a post (by its key) and a picture (by its hash)."""

    post: Callable[[int], str]
    asset: Callable[[str], str]


OURS = Addresses(lambda pk: reverse("post-frame", args=[pk]), lambda sha256: reverse("asset", args=[sha256]))
"""Behind the login; a page that is open to others has addresses of its own."""


@dataclass(frozen=True, slots=True)
class Field:
    """One plain field of a post, with its length by the platform's own counting."""

    label: str
    value: str
    length: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class Shown:
    """One rendered post. `frame` is the address of its HTML, "" where it has none."""

    post: PostRecord
    channel: str
    fields: Sequence[Field]
    frame: str
    picture: Crop | None
    hash_tail: str


@require_safe
@readers.only
def document_page(request: HttpRequest, external_id: str) -> HttpResponse:
    """The newest edition, or an older one with `?edition=2`."""
    document = find_document(external_id, unit=person(request).unit)
    edition = edition_of(document, request.GET.get("edition", ""))
    editions = list(document.editions.order_by("-number").defer("content"))
    tone, icon = EDITION_TONES[edition.status]
    posts = list(edition.posts.select_related("account").order_by("account_id"))
    accounts = [post.account for post in posts] or accounts_named((), unit=document.unit)
    context = {
        **_acts(document, edition, person(request), newest=edition.pk == editions[0].pk),
        "document": document,
        "edition": edition,
        "editions": editions,
        "kind": Kind(document.kind).label,
        "tone": tone,
        "icon_name": icon,
        "fields": [(label, edition.content.get(name)) for name, label in FIELD_WORDS if edition.content.get(name)],
        "reviews": [(Step(review.step).label, review) for review in _reviews(edition)],
        "findings": _findings(edition, accounts),
        "judged": edition.submitted_at is not None or edition.status is EditionState.DRAFTING,
        "posts": [shown(post) for post in posts],
        "releases": _releases(edition),
        "corrects": correcting.corrects(document),
        "corrected_by": correcting.corrected_by(document),
        "sentences": trail.of_document(document),
        "tail": trail.tail,
        "attachments": edition.article.attachments,
        "files_told": attachments.told(edition.article.attachments),
        "phones": _phones(edition, accounts),
    }
    return render(request, "document.html", context)


def _phones(edition: Edition, accounts: Sequence[Account]) -> list[dict[str, Any]]:
    """Where each phone's screen is: one for each account, and the portal's."""
    screens = [(one, one.slug) for one in accounts] + [(None, PORTAL)]
    return [{"account": one, "address": reverse("preview-phone", args=[edition.pk, slug])} for one, slug in screens]


def accounts_of(edition: Edition) -> list[Account]:
    """The accounts that the edition was frozen for, or those it would be."""
    posts = edition.posts.select_related("account").order_by("account_id")
    return [post.account for post in posts] or accounts_named((), unit=edition.document.unit)


def _acts(document: Document, edition: Edition, who: Person, *, newest: bool) -> dict[str, Any]:
    """What this person may do with it: what they may not do is not on the page."""
    open_states = {EditionState.DRAFTING, EditionState.RETURNED}
    draft = Draft.objects.select_related("editor", "base").filter(document=document).first()
    return {
        "may_edit": newest and drafting.may_edit(document, who),
        "may_submit": newest and who.has_role(Role.EDITOR) and edition.status in open_states,
        "may_waive": partial(waiving.may_waive, person=who) if newest else _never,
        "may_set_policy": newest and who.has_role(Role.EDITOR),
        "waived": Waived(document),
        "draft": draft,
        "unsaved": newest and draft is not None and drafting.holds_more(draft, edition),
        "draft_open": draft is not None and draft.open_until > now(),
        "interpretations": document.interpretations.order_by("pk"),
    }


def _never(_finding: Finding) -> bool:
    """Nothing is let pass in an edition that another has taken the place of."""
    return False


def _findings(edition: Edition, accounts: Sequence[Account]) -> list[tuple[Finding, Account | None]]:
    """As they were kept at submitting; of a draft, as the editor's page finds them now, the platforms' limits included."""
    if edition.submitted_at is None and edition.status is EditionState.DRAFTING:
        judged = drafting.judge_edition(edition, accounts=accounts, now=now())
        return [(finding, None) for finding in dict.fromkeys(judged.findings)]
    return [(record.finding, record.account) for record in edition.findings.select_related("account")]


def edition_of(document: Document, number: str) -> Edition:
    """The newest, or the one of that number; 404 where there is none."""
    if not number:
        return document.current
    if not number.isascii() or not number.isdigit():
        raise Http404
    return get_object_or_404(document.editions, number=int(number[:9]))


def _reviews(edition: Edition) -> Any:
    return edition.reviews.select_related("person").order_by("at")


def _releases(edition: Edition) -> Any:
    return edition.items.select_related("publication__release", "account").order_by("publication__instant")


def shown(post: PostRecord, addresses: Addresses = OURS) -> Shown:
    """A rendering for a page: its fields with their lengths, its cover, and where its HTML is."""
    spec, payload = spec_of(post.account), post.payload
    html = next((field.name for field in spec.fields if field.form == "html" and payload.get(field.name)), "")
    fields = [
        Field(field.label or field.name, str(payload[field.name]), field.count(str(payload[field.name])), field.limit)
        for field in spec.fields
        if field.form == "text" and payload.get(field.name)
    ]
    frame = addresses.post(post.pk) if html else ""
    return Shown(post, spec.label, fields, frame, _picture(spec, payload, addresses), trail.tail(post.hash))


def _picture(spec: ChannelSpec, payload: Mapping[str, Any], addresses: Addresses) -> Crop | None:
    """The post's cover: the wide crop where the canvas holds several."""
    found = ASSET.fullmatch(str(payload.get(spec.cover.field, ""))) if spec.cover else None
    if spec.cover is None or found is None:
        return None
    wide = payload.get(spec.cover.crops.get("wide", ""), "")
    return crop(addresses.asset(found.group(1)), str(wide), 2.35 if wide else 2.0)


# --- the HTML of a post, in a frame of its own ---------------------------------------------------------------


@require_safe
@readers.only
@xframe_options_sameorigin
def post_frame(request: HttpRequest, pk: int) -> HttpResponse:
    """A rendered post, frozen at submit (the credit line is drawn at signing)."""
    post = PostRecord.objects.select_related("account", "edition").filter(
        pk=pk, edition__document__unit=person(request).unit
    )
    found = get_object_or_404(post)
    return frame(request, found.account.name, spec_of(found.account), found.payload)


@require_safe
@readers.only
@xframe_options_sameorigin
def item_frame(request: HttpRequest, pk: int) -> HttpResponse:
    """The signed bytes of one position, credit line included."""
    found = _signed_item(person(request), pk)
    return frame(request, found.account.name, spec_of(found.account), found.signed_post.payload)


def _signed_item(who: Person, pk: int) -> Item:
    items = Item.objects.select_related("account", "edition").filter(
        publication__release__unit=who.unit, payload__isnull=False
    )
    return get_object_or_404(items, pk=pk)


def frame(
    request: HttpRequest, account: str, spec: ChannelSpec, payload: Mapping[str, Any], *, addresses: Addresses = OURS,
    template: str = "article.html", more: Mapping[str, Any] | None = None,
) -> HttpResponse:  # fmt: skip
    """The HTML of a post, or its text, as a document in which nothing can run. `more`: what the template asks besides."""
    content = "".join(str(payload.get(field.name, "")) for field in spec.fields if field.form == "html")
    text = [str(payload.get(field.name, "")) for field in spec.fields if field.form == "text" and not content]
    context = {
        "title": str(payload.get("title", "")),
        "account": account,
        "author": str(payload.get("author", "")),
        "at": None,
        "content": with_asset_addresses(content.replace(CREDIT_SLOT, ""), addresses),
        "text": "\n".join(text),
        "source": str(payload.get(spec.link_field, "")) if spec.link_field and content else "",
        "deleted": False,
        **(more or {}),
    }
    response = render(request, template, context)
    response.headers["Content-Security-Policy"] = PREVIEW_POLICY
    return response


def with_asset_addresses(content: str, addresses: Addresses = OURS) -> str:
    """`asset:<sha256>` -> where the picture is served."""
    return ASSET.sub(lambda found: addresses.asset(found.group(1)), content)


@require_safe
@readers.only
def asset(request: HttpRequest, sha256: str) -> HttpResponse:
    """A picture by its hash, of whoever's unit brought it or had it drawn."""
    if not AssetUse.objects.filter(asset=sha256, unit=person(request).unit).exists():
        raise Http404
    return picture(sha256)


def picture(sha256: str) -> HttpResponse:
    """Its bytes; 404 for what is none. Whether the one who asks may see it, the caller knows."""
    record = AssetRecord.objects.filter(sha256=sha256).first()
    if record is None or record.media_type not in PICTURES:
        raise Http404
    headers = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "no-store"}
    return HttpResponse(bytes(record.data), content_type=record.media_type, headers=headers)
