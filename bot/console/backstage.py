"""公众平台后台, played: people publish by hand what lies in a 草稿箱, and links lead to the played posts."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from bot.models import Account
from bot.services.accounts import known, spec_of

from .phones import shown
from .playedplatforms import NotDone, PlatformDown, act, get, identity, rehearsal_act, rehearsal_only, view_path

WAYS = {"publish": "发表", "mass": "群发"}
LATEST = 5  # what is public already, of each account
NOWHERE = "演练平台上没有这个链接。演练环境只打开本机演练平台上的内容，不打开真实的平台；手工登记的外部链接、已重置的演练内容打不开。"
NOT_DONE = "没有发表：草稿已经不在，或者群发次数已用完。什么都没有公开。"


@rehearsal_only
def backstage(request: HttpRequest) -> HttpResponse:
    """The 草稿箱 of each account that has one, and what people may need of what is public: its link."""
    boxes, down = list[dict[str, Any]](), False
    for account in Account.objects.order_by("pk"):
        if not _has_drafts(account):
            continue
        try:
            boxes.append({"account": account} | _box(account))
        except PlatformDown:
            down = True
        except Http404:
            continue  # an account of a platform that was never played here
    return render(request, "rehearsal_backstage.html", {"boxes": boxes, "down": down})


def _has_drafts(account: Account) -> bool:
    return known(account) and any(mode.by_hand for mode in spec_of(account).modes)


def _box(account: Account) -> dict[str, Any]:
    view = get(view_path(account)).json()
    public = [
        message for message in [*view["conversation"], *view["published"]] if not message["articles"][0]["deleted"]
    ]
    public.sort(key=lambda message: str(message["at"]), reverse=True)
    drafts = get(view_path(account, "drafts")).json()["drafts"]
    return {"drafts": shown(drafts), "public": shown(public[:LATEST])}


@rehearsal_act
def publish_draft(request: HttpRequest, slug: str) -> HttpResponse:
    """What "发表" does in the platform's own console; 群发 counts as one of the account's."""
    account = get_object_or_404(Account, slug=slug)
    way = request.POST.get("way", "")
    if way not in WAYS or not _has_drafts(account):
        raise Http404
    try:
        made = act(account, "publish_draft", media_id=request.POST.get("draft", ""), kind=way)
    except NotDone:
        messages.error(request, NOT_DONE)
    except PlatformDown:
        messages.error(request, "演练平台没有运行，什么都没有公开。请运行 tongfa up。")
    else:
        messages.success(request, f"已{WAYS[way]} {len(made['urls'])} 篇。请复制链接，到“手工发布”登记。")
    return redirect("backstage")


@rehearsal_only
def open_post(request: HttpRequest) -> HttpResponse:
    """Where a link of a post leads in a rehearsal: to the phone that shows it. The real platforms never had it."""
    try:
        found = get(f"/_view/find?url={quote(request.GET.get('url', ''), safe='')}").json()
    except PlatformDown:
        return redirect("rehearsal")  # where the phones say so
    except Http404:
        return render(request, "404.html", {"message": NOWHERE}, status=404)
    on_it = [one for one in Account.objects.filter(channel=found["platform"]) if identity(one) == found["account"]]
    if not on_it:
        return render(request, "404.html", {"message": NOWHERE}, status=404)
    article = [found["article"]] if "article" in found else []
    return redirect("phone-article" if article else "phone", on_it[0].slug, *article)
