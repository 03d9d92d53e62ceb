"""领导审阅链接: a page without a login that shows the renderings of one edition, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

import segno
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_POST

from bot.domain.article import Kind
from bot.domain.hashing import assets_in
from bot.domain.instants import show
from bot.models import ReviewLink
from bot.services import inbox, reviewlinks
from bot.services.accounts import spec_of
from bot.services.errors import NotFound, Refused

from .document import Addresses, frame, picture, shown
from .people import now
from .reviews import reader

HOURS = ((4, "4 小时"), (24, "24 小时"), (72, "3 天"), (168, "7 天"))
View = Callable[..., HttpResponse]


def unlisted(view: View) -> View:
    """Kept out of search engines and caches, and its address out of the next site's log. A link that does not stand has
    one page, whatever the reason."""

    @wraps(view)
    def answered(request: HttpRequest, token: str, *args: object, **kwargs: object) -> HttpResponse:
        try:
            response = view(request, token, *args, **kwargs)
        except (NotFound, Http404):
            response = render(request, "look/gone.html", status=404)
        response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return answered


def _addresses(token: str) -> Addresses:
    return Addresses(
        lambda pk: reverse("look-post", args=[token, pk]), lambda sha256: reverse("look-asset", args=[token, sha256])
    )


def _mark(link: ReviewLink, at: datetime) -> str:
    """What the watermark says: whose copy, and when it was on a screen."""
    return f"{link.name} {show(at, seconds=False)}"


@login_not_required
@require_GET
@unlisted
def look(request: HttpRequest, token: str) -> HttpResponse:
    """The page of a link."""
    at = now()
    link = reviewlinks.find_link(token, now=at)
    reviewlinks.count_opening(link, now=at)
    edition = link.edition
    context = {
        "link": link,
        "edition": edition,
        "document": edition.document,
        "kind": Kind(edition.document.kind).label,
        "public": reviewlinks.is_public(edition),
        "posts": [shown(post, _addresses(token)) for post in inbox.posts_of(edition)],
        "mark": _mark(link, at),
        "attachments": edition.article.attachments,
    }
    return render(request, "look/page.html", context)


@login_not_required
@require_GET
@xframe_options_sameorigin
@unlisted
def look_post(request: HttpRequest, token: str, pk: int) -> HttpResponse:
    """The HTML of one of its posts, watermarked like the page."""
    at = now()
    link = reviewlinks.find_link(token, now=at)
    post = get_object_or_404(link.edition.posts.select_related("account"), pk=pk)
    more: Mapping[str, Any] = {"mark": _mark(link, at), "number": link.pk}
    return frame(
        request, post.account.name, spec_of(post.account), post.payload, addresses=_addresses(token),
        template="look/post.html", more=more,
    )  # fmt: skip


@login_not_required
@require_GET
@unlisted
def look_asset(request: HttpRequest, token: str, sha256: str) -> HttpResponse:
    """A picture that one of its posts names; no other."""
    link = reviewlinks.find_link(token, now=now())
    if not any(sha256 in assets_in(post.payload) for post in link.edition.posts.only("payload", "edition")):
        raise Http404
    return picture(sha256)


# --- for staff -----------------------------------------------------------------------------------------------


@require_POST
def make(request: HttpRequest, pk: int) -> HttpResponse:
    """A new link, shown this once."""
    who = reader(request)
    edition = inbox.find_edition(pk, unit=who.unit)
    hours = request.POST.get("hours", "")
    lasts = timedelta(hours=int(hours)) if hours in {str(known) for known, _ in HOURS} else reviewlinks.LASTS
    try:
        link, token = reviewlinks.make_link(
            edition, name=request.POST.get("name", "")[:100], lasts=lasts, person=who, now=now()
        )
    except Refused as refused:
        if refused.code == "role":
            raise
        messages.error(request, refused.message)
        return redirect("review", pk=pk)
    address = f"{settings.TONGFA.public_url}{reverse('look', args=[token.reveal()])}"
    code = segno.make(address, error="m").svg_data_uri(scale=5, border=3)
    context = {
        "link": link,
        "edition": edition,
        "address": address,
        "code": code,
        "public": reviewlinks.is_public(edition),
    }
    return render(request, "look/made.html", context, status=201)


@require_POST
def revoke(request: HttpRequest, pk: int, link: int) -> HttpResponse:
    """收回: it opens nothing from now on."""
    who = reader(request)
    edition = inbox.find_edition(pk, unit=who.unit)
    try:
        revoked = reviewlinks.revoke_link(link, edition=edition, person=who, now=now())
    except Refused as refused:
        if refused.code in {"role", "not_found"}:
            raise
        messages.error(request, refused.message)
    else:
        messages.success(request, f"给“{revoked.name}”的链接已收回，再打开只会看到“打不开了”。")
    return redirect("review", pk=pk)
