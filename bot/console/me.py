"""我的: one's own password, second factor and deputies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import segno
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bot.domain.instants import to_beijing
from bot.models import Deputy, Person
from bot.services import deputies, rights, secondfactor
from bot.services.errors import Refused
from bot.services.people import colleague

from . import sessions, stepup, throttle
from .people import now, person
from .sessions import demands_second_factor


@require_safe
def me(request: HttpRequest) -> HttpResponse:
    """The page."""
    who, at = person(request), now()
    context = {
        "who": who,
        "factor": secondfactor.has(who),
        "codes_left": secondfactor.recovery_codes_left(who),
        "stands_in": deputies.current(who, now=at),
        "deputies": [one for one in deputies.of_unit(who.unit, now=at) if one.principal_id == who.pk],
        "colleagues": deputies.candidates(who),
        "words": deputies.words,
    }
    return render(request, "me.html", context)


@sensitive_post_parameters("old", "new", "again")
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Choose a new password."""
    if request.method != "POST":
        return render(request, "password.html", {"error": ""})
    try:
        _renew_password(request)
    except Refused as refused:
        return render(request, "password.html", {"error": refused.message}, status=400)
    except throttle.TooManyTries as locked:
        error = f"尝试次数过多，已暂时锁定，密码没有改。请在 {to_beijing(locked.until).strftime('%H:%M')} 以后再试。"
        return render(request, "password.html", {"error": error}, status=429)
    messages.success(request, "密码已更换；您在其他设备上的登录已退出。")
    return redirect("me")


def _renew_password(request: HttpRequest) -> None:
    """Refused or TooManyTries where it stays. A wrong old password counts as a wrong login does, and nothing else."""
    who, address = person(request), request.META.get("REMOTE_ADDR", "")
    old, new, again = (request.POST.get(name, "")[:200] for name in ("old", "new", "again"))
    if new != again:
        raise Refused("password", "两次输入的新密码不一样，密码没有改。请再输一次。")
    throttle.take_try(who.username, address, now=now())
    try:
        rights.change_password(who, old=old, new=new, now=now())
    except Refused as refused:
        if refused.code != rights.WRONG_PASSWORD:
            throttle.opened(who.username, address, now=now())
        raise
    throttle.opened(who.username, address, now=now())
    update_session_auth_hash(request, who)


@require_http_methods(["GET", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    """Show the secret of a new authenticator as a picture. POST begins anew with another secret."""
    who = person(request)
    if secondfactor.has(who):
        return redirect("me")
    waiting = None if request.method == "POST" else secondfactor.pending(who)
    return _enrol(request, waiting or secondfactor.begin(who, now=now()), "")


def _enrol(request: HttpRequest, enrolment: secondfactor.Enrolment, error: str) -> HttpResponse:
    picture = segno.make(enrolment.uri, error="m").svg_inline(scale=5, border=2, dark="#000", light="#fff")
    secret = " ".join(enrolment.secret[at : at + 4] for at in range(0, len(enrolment.secret), 4))
    context = {"picture": picture, "secret": secret, "error": error, "demanded": demands_second_factor(person(request))}
    return render(request, "second_factor.html", context, status=400 if error else 200)


@sensitive_post_parameters("code")
@require_POST
def second_factor_confirm(request: HttpRequest) -> HttpResponse:
    """The first code of the new authenticator; the recovery codes are shown this once."""
    who = person(request)
    try:
        codes = secondfactor.confirm(who, request.POST.get("code", "")[:20], now=now())
    except Refused as refused:
        waiting = secondfactor.pending(who)
        return redirect("me") if waiting is None else _enrol(request, waiting, refused.message)
    sessions.alone(request)  # the others were opened without a code
    sessions.code_given(request)
    stepup.forget(request)  # so was what was confirmed by the password a moment ago
    return render(request, "recovery_codes.html", {"codes": codes, "fresh": True})


@require_POST
@stepup.required("更换恢复码")
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """Ten new recovery codes instead of the old ones."""
    return render(
        request, "recovery_codes.html", {"codes": secondfactor.renew_recovery_codes(person(request), now=now())}
    )


@require_POST
@stepup.required("停用验证器")
def second_factor_remove(request: HttpRequest) -> HttpResponse:
    """Give the authenticator up, to enrol another phone."""
    who = person(request)
    secondfactor.remove(who, by=who, now=now())
    request.session.pop(sessions.CODE_GIVEN, None)
    messages.warning(request, "验证器已停用，恢复码一并作废。换手机请马上重新启用。")
    return redirect("me")


@require_POST
@stepup.required("登记代理人")
def appoint_deputy(request: HttpRequest) -> HttpResponse:
    """Name somebody who holds one's rights for some days."""
    who = person(request)
    try:
        made = appointed(request, who)
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, f"已登记：{deputies.words(made)}由{made.deputy.name}代理您的角色。")
    return redirect("me")


@require_POST
def end_deputy(request: HttpRequest, pk: int) -> HttpResponse:
    """End it early."""
    who = person(request)
    try:
        left = deputies.end(deputies.find(pk, unit=who.unit), person=who, now=now())
    except Refused as refused:
        if refused.code in {"role", "not_found"}:
            raise
        messages.error(request, refused.message)
    else:
        tell_ended(request, left)
    return redirect("me")


def tell_ended(request: HttpRequest, left: Sequence[Deputy]) -> None:
    """That it is over, and where the same two have another one, that the rights are not."""
    if not left:
        messages.success(request, "代理已终止，即刻生效。")
        return
    one, days = left[0], "、".join(map(deputies.words, left))
    messages.warning(
        request,
        f"这一项代理已终止，但仍有另一项代理（{days}），{one.deputy.name}在这些天里仍可代{one.principal.name}办理。"
        "要全部终止，请把另一项也终止。",
    )


def appointed(request: HttpRequest, principal: Person) -> Deputy:
    """A deputy for this person, as the form says. Raises Refused."""
    who = person(request)
    return deputies.appoint(
        principal=principal,
        deputy=colleague(request.POST.get("deputy", ""), unit=who.unit),
        first_day=day(request.POST.get("first_day", "")),
        last_day=day(request.POST.get("last_day", "")),
        reason=request.POST.get("reason", "")[:200],
        person=who,
        now=now(),
    )


def day(text: str) -> date:
    """A date field of a form. Refused when it is none."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Refused("date", f"“{text[:20]}”不是日期，未做改动。请按 2026-12-01 的样子填写。") from None
