"""A post on a phone of true width: what the preview of an edition and the one beside the editor have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from bot.domain.article import Article
from bot.domain.hashing import ASSET
from bot.domain.post import CREDIT_SLOT
from bot.models import Account, Unit
from bot.services.accounts import spec_of

from .document import PORTAL, with_asset_addresses
from .middleware import PREVIEW_POLICY
from .pictures import Crop, crop

LINK = re.compile(r"https?://[^\s，。；、（）《》“”]+")
FOLDED = 140
"""A status longer than this is folded in the timeline, behind 全文 (weibo.md)."""

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """What is shown. `payload` renders for one account, without its cover where nobody looks at it (`covered`)."""

    article: Article
    unit: Unit
    accounts: Sequence[Account]
    payload: Callable[[Account, bool], Payload]
    asset: Callable[[Account, str], str]
    body: Callable[[Account], str]

    def account(self, slug: str) -> Account:
        """The one of that name; 404 where it is none of these."""
        found = next((one for one in self.accounts if one.slug == slug), None)
        if found is None:
            raise Http404
        return found


@dataclass(frozen=True, slots=True)
class Face:
    """What one phone shows of one post. `body`: the address of its HTML, "" where it has none."""

    title: str
    digest: str
    text: Sequence[tuple[str, str]]
    wide: Crop | None
    square: Crop | None
    picture: str
    body: str


def phone(request: HttpRequest, source: Source, slug: str) -> HttpResponse:
    """One phone's screen: the portal's page, an article in a list of followers, or a status in a timeline."""
    dark = request.GET.get("dark") == "1"
    if slug == PORTAL:
        body = with_asset_addresses(source.article.body_html)
        context = {"article": source.article, "body": body, "dark": dark, "unit": source.unit}
        return framed(render(request, "phones/portal_preview.html", context))
    account = source.account(slug)
    face = _face(source, account)
    name = "phones/article_preview.html" if face.body else "phones/short_preview.html"
    length = sum(len(words) for words, _ in face.text)
    return framed(render(request, name, {"face": face, "account": account, "folded": length > FOLDED, "dark": dark}))


def framed(response: HttpResponse) -> HttpResponse:
    """In a frame of one of our pages, and with a frame in it."""
    response.headers["Content-Security-Policy"] = PREVIEW_POLICY.replace(
        "default-src 'none'", "default-src 'none'; frame-src 'self'"
    )
    return response


def _face(source: Source, account: Account) -> Face:
    spec, payload = spec_of(account), source.payload(account, True)
    html = next((field.name for field in spec.fields if field.form == "html" and payload.get(field.name)), "")
    text = "\n".join(str(payload.get(field.name, "")) for field in spec.fields if field.form == "text" and not html)
    wide = square = None
    picture = ""
    if spec.cover and ASSET.fullmatch(str(payload.get(spec.cover.field, ""))):
        picture = source.asset(account, str(payload[spec.cover.field]).partition(":")[2])
        crops = {name: str(payload.get(field, "")) for name, field in spec.cover.crops.items()}
        wide = crop(picture, crops["wide"], 2.35) if crops.get("wide") else None
        square = crop(picture, crops["square"], 1.0) if crops.get("square") else None
    body = source.body(account) if html else ""
    return Face(
        str(payload.get("title", "")), str(payload.get("digest", "")), _pieces(text), wide, square, picture, body
    )


def _pieces(text: str) -> list[tuple[str, str]]:
    """A status in order, as (words, "") and ("", link): the platform shows a link as 网页链接."""
    parts: list[tuple[str, str]] = []
    at = 0
    for found in LINK.finditer(text):
        parts += [(text[at : found.start()], ""), ("", found[0])]
        at = found.end()
    return [part for part in [*parts, (text[at:], "")] if any(part)]


def article(request: HttpRequest, source: Source, slug: str) -> HttpResponse:
    """The article inside the phone: the very HTML of the post; in dark mode turned about roughly as the app does it."""
    account = source.account(slug)
    spec, payload = spec_of(account), source.payload(account, False)
    content = "".join(str(payload.get(field.name, "")) for field in spec.fields if field.form == "html")
    context = {
        "title": str(payload.get("title", "")), "account": account.name, "author": str(payload.get("author", "")), "at": None,
        "content": with_asset_addresses(content.replace(CREDIT_SLOT, "")), "text": "",
        "source": str(payload.get(spec.link_field, "")) if spec.link_field else "", "deleted": False, "flips": request.GET.get("dark") == "1",
    }  # fmt: skip
    response = render(request, "article.html", context)
    response.headers["Content-Security-Policy"] = PREVIEW_POLICY
    return response
