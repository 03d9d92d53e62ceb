"""What people do with one release: sign, move, hold, resume, call off, decide about the portal. Each says honestly what it did."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from bot.domain.delivery import State
from bot.domain.instants import parse_instant, show
from bot.domain.workflow import Role
from bot.models import Release
from bot.services import byhand, gating, releases, stops, trail
from bot.services.errors import Refused
from bot.services.people import require
from bot.services.releases import find_release

from . import manifest, refusedforms, stepup
from .acts import PLANNERS, STOPPERS
from .people import now, person, plain

ELSEWHERE = frozenset({"role", "not_found"})  # refusals that are pages of their own (403, 404)
REASON = 240

View = Callable[[HttpRequest, Release], HttpResponse]


def allowed(*roles: Role) -> Callable[[View], Callable[[HttpRequest, int], HttpResponse]]:
    """A view of one release for people with one of these roles: who may not is told so before anything is asked of them."""

    def decorate(view: View) -> Callable[[HttpRequest, int], HttpResponse]:
        @wraps(view)
        def checked(request: HttpRequest, pk: int) -> HttpResponse:
            who = person(request)
            require(who, *roles)
            return view(request, find_release(pk, unit=who.unit))

        return checked

    return decorate


def _done(request: HttpRequest, release: Release, do: Callable[[], str]) -> HttpResponse:
    """Do it, say what came of it, and go back to the release."""
    try:
        words = do()
    except Refused as refused:
        if refused.code in ELSEWHERE:
            raise
        messages.error(request, " ".join([refused.message, *refused.details]))
        refusedforms.keep(request, release)
    else:
        messages.success(request, words)
    return redirect("release", pk=release.pk)


def _reason(request: HttpRequest) -> str:
    return plain(request.POST.get("reason", ""))[:REASON]


@require_http_methods(["GET", "POST"])
@allowed(Role.RELEASER)
@stepup.required("签发发布单")
def sign(request: HttpRequest, release: Release) -> HttpResponse:
    """The manifest to read, and the signature under it."""
    if request.method == "POST":
        return _done(request, release, lambda: _sign(request, release))
    if release.signed_at or release.cancelled_at:
        messages.error(request, "这张发布单已签发或已作废，不用签发。")
        return redirect("release", pk=release.pk)
    return render(request, "release_sign.html", manifest.page(release, person(request), now()))


def _sign(request: HttpRequest, release: Release) -> str:
    """What was read is what is signed: a plan that changed since is read again."""
    if request.POST.get("seen", "") != manifest.seen(release):
        raise Refused("changed", "清单在您打开以后有变动，没有签发，未做改动。请重新核对后再签发。")
    signed = releases.sign(release, person=person(request), now=now())
    return f"已签发，清单哈希尾号 {trail.tail(signed.manifest_hash)}。{_what_follows(signed)}"


def _what_follows(signed: Release) -> str:
    when = show(signed.instant)
    tasks = [task for task in signed.manual_tasks.select_related("account") if task.waits]
    if not tasks:
        return f"将于 {when} 发出。"
    draft = "系统在时刻前一小时把草稿放进账号的草稿箱，到时须由人发表。" if any(map(byhand.leaves_draft, tasks)) else ""
    by_hand = f"{draft}手工发布的部分系统不代发，请值班员在 {when} 起到“手工发布”办理。"
    return f"{f'将于 {when} 发出；' if signed.publications.exists() else ''}{by_hand}"


@require_POST
@allowed(*PLANNERS)
def reschedule(request: HttpRequest, release: Release) -> HttpResponse:
    """改期: what was signed must be signed again."""

    def do() -> str:
        signed = release.signed
        at = instant_of(request.POST.get("date", ""), request.POST.get("time", ""))
        seen = request.POST.get("seen")
        moved = releases.reschedule(release, instant=at, person=person(request), now=now(), seen=seen)
        return f"已改到 {show(moved.instant)}。{'原签发已作废，请重新签发。' if signed else '还没有签发。'}"

    return _done(request, release, do)


def instant_of(day: str, time: str) -> datetime:
    """A Beijing date and time of day as typed. Refused where it is none."""
    try:
        return parse_instant(f"{day.strip()}T{time.strip()}+08:00")
    except ValueError:
        raise Refused("instant", "日期或时刻没有写全，未做改动。请写明日期和 24 小时制的时刻（北京时间）。") from None


@require_POST
@allowed(*STOPPERS)
def hold(request: HttpRequest, release: Release) -> HttpResponse:
    """暂停, with a reason."""
    who, reason = person(request), _reason(request)
    return _done(request, release, lambda: stops.hold(release, person=who, reason=reason, now=now()).message)


@require_POST
@allowed(Role.RELEASER)
def resume(request: HttpRequest, release: Release) -> HttpResponse:
    """恢复 everything that is held."""

    def do() -> str:
        count = stops.resume(release, person=person(request), now=now())
        left = list(release.publications.select_related("account", "release").filter(state=State.HELD))
        return f"已恢复 {count} 条推送，继续准备和发出。{stops.still_behind(left) if left else ''}"

    return _done(request, release, do)


@require_POST
@allowed(*STOPPERS)
@stepup.required("作废发布单")
def cancel(request: HttpRequest, release: Release) -> HttpResponse:
    """作废, with a reason, for good."""
    who, reason = person(request), _reason(request)
    return _done(request, release, lambda: stops.cancel(release, person=who, reason=reason, now=now()).message)


@require_POST
@allowed(*STOPPERS)
@stepup.required("不等门户网页，照发")
def go(request: HttpRequest, release: Release) -> HttpResponse:
    """Time was up for the portal's page: send without it."""

    def do() -> str:
        count = gating.decide(release, go=True, person=person(request), now=now())
        if not release.publications.exists():
            return "已决定不等网页：手工发布的部分现在可以发出，请到“手工发布”办理。"
        return f"已决定不等网页：{count} 条推送继续，约 35 秒后一起发出。"

    return _done(request, release, do)


@require_POST
@allowed(*STOPPERS)
def stay(request: HttpRequest, release: Release) -> HttpResponse:
    """Time was up for the portal's page: leave it held."""

    def do() -> str:
        gating.decide(release, go=False, person=person(request), now=now())
        return "已决定继续暂停，没有发出。网页上线后可以再决定照发，也可以改期或作废。"

    return _done(request, release, do)
