"""演练现场: what followers would see, drawn from what the rehearsal platforms received.

Everything shown was "public" on a rehearsal platform of this machine, so whoever sits at this machine needs no
login; from elsewhere one is asked for. A live home has no such pages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin

from bot.domain.instants import to_beijing
from bot.models import Account

from .middleware import PAGE_POLICY, PREVIEW_POLICY
from .people import now
from .pictures import crop
from .playedplatforms import PlatformDown, get, rehearsal_only, view_path

MEDIA = re.compile(r"https?://[^\s\"'()<>]+/_media/([0-9a-f]{8,128})(?:\?[^\s\"'()<>]*)?")
PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
PHONE_POLICY = PAGE_POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'")

# --- the page ---------------------------------------------------------------------------------------------------


@rehearsal_only
def rehearsal(request: HttpRequest) -> HttpResponse:
    """The phones side by side: one per account whose channel has a phone to show."""
    accounts = [account for account in Account.objects.order_by("pk") if account.enabled and _template(account)]
    return render(request, "rehearsal.html", {"accounts": accounts})


def _template(account: Account) -> str:
    """`phones/<channel>.html`, or "" where nobody has drawn one."""
    name = f"phones/{account.channel}.html"
    try:
        get_template(name)
    except TemplateDoesNotExist:
        return ""
    return name


@rehearsal_only
@xframe_options_sameorigin
def phone(request: HttpRequest, slug: str) -> HttpResponse:
    """The screen of one phone, 390 px wide: what a follower of the account sees first."""
    account = get_object_or_404(Account, slug=slug)
    template = _template(account)
    if not template:
        raise Http404
    context: dict[str, Any] = {"account": account, "live": reverse("phone", args=[slug])}
    try:
        context |= {"view": shown(get(view_path(account)).json()), "down": False}
    except PlatformDown:
        context |= {"view": {}, "down": True}
    except Http404:
        context |= {"view": {}, "down": False}
    return _framed(render(request, template, context), PHONE_POLICY)


@rehearsal_only
@xframe_options_sameorigin
def phone_article(request: HttpRequest, slug: str, article: str) -> HttpResponse:
    """An article opened on the phone: the frame of the app around it."""
    account = get_object_or_404(Account, slug=slug)
    context = {"account": account, "article": article}
    return _framed(render(request, "phones/article.html", context), PHONE_POLICY)


@rehearsal_only
@xframe_options_sameorigin
def article_frame(request: HttpRequest, slug: str, article: str) -> HttpResponse:
    """The article itself, as the platform keeps it, where no script runs."""
    account = get_object_or_404(Account, slug=slug)
    try:
        found = shown(get(f"/_view/{account.channel}/article/{article}").json())
    except PlatformDown:
        return _framed(render(request, "phones/down.html", status=503), PREVIEW_POLICY)
    context = {
        "title": found["title"],
        "account": found["account"],
        "author": found["author"],
        "at": found.get("at"),
        "content": found["content_html"],
        "text": "",
        "source": found["source_url"],
        "deleted": found["deleted"],
    }
    return _framed(render(request, "article.html", context), PREVIEW_POLICY)


@rehearsal_only
def media(request: HttpRequest, digest: str) -> HttpResponse:
    """A picture that a rehearsal platform holds, from our own address: no page loads anything from elsewhere."""
    try:
        answer = get(f"/_media/{digest}")
    except PlatformDown:
        raise Http404 from None
    media_type = answer.headers.get("Content-Type", "").partition(";")[0]
    if media_type not in PICTURES:
        raise Http404
    headers = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "private, max-age=86400"}
    return HttpResponse(answer.content, content_type=media_type, headers=headers)


def _framed(response: HttpResponse, policy: str) -> HttpResponse:
    response.headers["Content-Security-Policy"] = policy
    return response


# --- what the platforms say, made ready for the templates -------------------------------------------------------


def shown(value: Any) -> Any:
    """The JSON of a view with pictures at our own address, times as instants, covers as crops."""
    if isinstance(value, str):
        return MEDIA.sub(lambda found: reverse("phone-media", args=[found.group(1)]), value)
    if isinstance(value, list):
        return [shown(one) for one in value]
    if isinstance(value, dict):
        return _with_extras({name: shown(one) for name, one in value.items()})
    return value


def _with_extras(found: dict[str, Any]) -> dict[str, Any]:
    stamp = next((found[name] for name in ("at", "published_at", "created_at") if isinstance(found.get(name), str)), "")
    if stamp:
        found["at"] = datetime.fromisoformat(stamp)
        found["told"] = told(found["at"], now())
    if "cover_url" in found:
        crops: Mapping[str, str] = found.get("crops") or {}
        found["wide"] = crop(found["cover_url"], crops.get("pic_crop_235_1", ""), 2.35)
        found["square"] = crop(found["cover_url"], crops.get("pic_crop_1_1", ""), 1.0)
    if "links" in found:
        found["pieces"] = pieces(found["text"], {link["short"]: link["url"] for link in found["links"]})
    return found


def pieces(text: str, links: Mapping[str, str]) -> list[tuple[str, str]]:
    """A status in order, as (words, "") and (short link, where it leads)."""
    if not links:
        return [(text, "")]
    parts = re.split("(" + "|".join(re.escape(short) for short in links) + ")", text)
    return [(part, links.get(part, "")) for part in parts if part]


def told(at: datetime, now: datetime) -> str:
    """A time as phones write it: 刚刚, 5分钟前, 09:00, 昨天 09:00, 11月22日 09:00."""
    age, local = now - at, to_beijing(at)
    clock = local.strftime("%H:%M")
    if timedelta(0) <= age < timedelta(minutes=1):
        return "刚刚"
    if timedelta(0) <= age < timedelta(hours=1):
        return f"{age // timedelta(minutes=1)}分钟前"
    days = (to_beijing(now).date() - local.date()).days
    day = {0: "", 1: "昨天 "}.get(days, f"{local.month}月{local.day}日 ")
    return f"{day}{clock}"
