"""人员: who is in the unit, with which rights; for those who manage people."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from bot.domain.workflow import ADMINISTRATORS, Role, Step
from bot.models import Person, SecondFactor
from bot.services import deputies, people, rights, secondfactor, trail, units
from bot.services.errors import Refused
from bot.services.people import colleague, require_manager

from . import stepup
from .me import appointed, tell_ended
from .people import now, person, plain
from .sessions import demands_second_factor

#: What each role lets a person do, in the words of the page.
ROLE_WORDS = {
    Role.EDITOR: "导入、撰写、送审稿件，编制发布单",
    Role.FIRST: "第一道审核：通过或退回",
    Role.SECOND: "第二道审核：通过或退回",
    Role.FINAL: "最后一道审核：通过了才能编入发布单；确认应急发布",
    Role.RELEASER: "签发、暂停、停发，处理异常",
    Role.DUTY: "收警报、停发，处理异常",
    Role.AUDITOR: "查阅留痕，只看不改",
    Role.SYSADMIN: "账号、凭据、备份",
    Role.SECADMIN: "人员、角色、代理",
    Role.AUDITADMIN: "查阅全部留痕、验证完整性",
}
#: The reviews that a unit may have, as the form of a new one offers them.
REVIEWS = ("first second final", "first final", "first second")
UNIT_FIELDS = ("unit_name", "unit_code", "reviews", "manager_name", "manager")


@require_safe
def staff(request: HttpRequest) -> HttpResponse:
    """The list, and the forms for somebody new and for a new unit."""
    require_manager(person(request))
    return _staff(request, {})


def _staff(request: HttpRequest, given: dict[str, str], status: int = 200) -> HttpResponse:
    """`given`: what was typed into the form of a new unit that was refused."""
    who = person(request)
    members = list(who.unit.people.order_by("-is_active", "name", "pk"))
    with_factor = set(
        SecondFactor.objects.filter(person__unit=who.unit, confirmed_at__isnull=False).values_list(
            "person_id", flat=True
        )
    )
    context = {
        "rows": [(one, one.pk in with_factor, demands_second_factor(one)) for one in members],
        "roles": [(role, ROLE_WORDS[role], role in ADMINISTRATORS) for role in Role],
        "chosen": request.GET.getlist("role"),
        "deputies": deputies.of_unit(who.unit, now=now()),
        "words": deputies.words,
        "reviews": [(one, "、".join(Step(step).label for step in one.split())) for one in REVIEWS],
        "given": dict.fromkeys(UNIT_FIELDS, "") | given,
        "refused": bool(given),
    }
    return render(request, "staff.html", context, status=status)


@require_safe
def member(request: HttpRequest, username: str) -> HttpResponse:
    """One person."""
    who = person(request)
    require_manager(who)
    return render(request, "member.html", _member(who, colleague(username, unit=who.unit)))


def _member(who: Person, subject: Person) -> dict[str, Any]:
    subject = deputies.standing_in(subject, now=now())
    return {
        "subject": subject,
        "myself": subject.pk == who.pk,
        "factor": secondfactor.has(subject),
        "roles": [(role, ROLE_WORDS[role], role in ADMINISTRATORS) for role in Role],
        "colleagues": [one for one in deputies.candidates(subject) if one.pk != who.pk],
        "deputies": [
            one for one in deputies.of_unit(who.unit, now=now()) if subject.pk in {one.principal_id, one.deputy_id}
        ],
        "words": deputies.words,
        "sentences": trail.tell({f"person:{subject.username}": subject.name})[-30:],
    }


def _manages(request: HttpRequest) -> None:
    require_manager(person(request))


def _manages_them(request: HttpRequest, username: str) -> None:
    require_manager(person(request))
    colleague(username, unit=person(request).unit)


@require_POST
@stepup.required("添加人员", _manages)
@sensitive_variables("password")
def add(request: HttpRequest) -> HttpResponse:
    """Somebody new, with a password that is shown this once."""
    who = person(request)
    require_manager(who)
    password = rights.new_password()
    try:
        made = people.add_person(
            request.POST.get("username", "").strip()[:60], name=request.POST.get("name", "").strip()[:60], unit=who.unit,
            roles=request.POST.getlist("role"), password=password, actor=who.username, now=now(), must_change=True,
        )  # fmt: skip
    except Refused as refused:
        messages.error(request, f"没有添加任何人：{refused.message}")
        return redirect("staff")
    return render(request, "new_password.html", {"subject": made, "password": password, "fresh": True})


@require_POST
@stepup.required("新建单位", _manages)
@sensitive_variables("password")
def add_unit(request: HttpRequest) -> HttpResponse:
    """Another unit, with somebody who manages its people: their password is shown this once."""
    who = person(request)
    require_manager(who)
    given = {name: plain(request.POST.get(name, ""))[:120] for name in UNIT_FIELDS}
    password = rights.new_password()
    try:
        made = units.open_unit(
            given["unit_code"], given["unit_name"], steps=given["reviews"].split(), manager=given["manager"][:60],
            manager_name=given["manager_name"][:60], password=password, person=who, now=now(),
        )  # fmt: skip
    except Refused as refused:
        messages.error(request, refused.message)
        return _staff(request, given, 400)
    return render(request, "new_password.html", {"subject": made, "password": password, "fresh": True})


@require_POST
@stepup.required("更改人员的角色", _manages_them)
def set_roles(request: HttpRequest, username: str) -> HttpResponse:
    """Other roles than before."""
    who = person(request)
    subject = colleague(username, unit=who.unit)
    try:
        changed = rights.set_roles(subject, request.POST.getlist("role"), person=who, now=now())
    except Refused as refused:
        return _refused(request, refused, username)
    messages.success(request, f"{changed.name}的角色现在是：{changed.role_labels or '无'}。即刻生效。")
    return redirect("member", username)


@require_POST
@stepup.required("停用或启用人员", _manages_them)
def set_active(request: HttpRequest, username: str) -> HttpResponse:
    """Disable, or let in again."""
    who, active = person(request), request.POST.get("active") == "1"
    subject = colleague(username, unit=who.unit)
    try:
        rights.set_active(subject, active, reason=request.POST.get("reason", ""), person=who, now=now())
    except Refused as refused:
        return _refused(request, refused, username)
    messages.success(request, f"{subject.name}已{'启用' if active else '停用，已打开的页面即刻失效'}。")
    return redirect("member", username)


@require_POST
@stepup.required("重设密码", _manages_them)
@sensitive_variables("password")
def reset_password(request: HttpRequest, username: str) -> HttpResponse:
    """A new password, shown this once."""
    who = person(request)
    subject = colleague(username, unit=who.unit)
    try:
        password = rights.reset_password(subject, person=who, now=now())
    except Refused as refused:
        return _refused(request, refused, username)
    return render(request, "new_password.html", {"subject": subject, "password": password, "fresh": False})


@require_POST
@stepup.required("停用他人的验证器", _manages_them)
def remove_factor(request: HttpRequest, username: str) -> HttpResponse:
    """The phone is lost."""
    who = person(request)
    subject = colleague(username, unit=who.unit)
    try:
        secondfactor.remove(subject, by=who, now=now())
    except Refused as refused:
        return _refused(request, refused, username)
    messages.success(request, f"{subject.name}的验证器和恢复码已作废；下次登录后请本人重新启用。")
    return redirect("member", username)


@require_POST
@stepup.required("为他人登记代理人", _manages_them)
def appoint(request: HttpRequest, username: str) -> HttpResponse:
    """A deputy for somebody who is away already."""
    who = person(request)
    require_manager(who)
    subject = colleague(username, unit=who.unit)
    try:
        made = appointed(request, subject)
    except Refused as refused:
        return _refused(request, refused, username)
    messages.success(request, f"已登记：{deputies.words(made)}由{made.deputy.name}代理{subject.name}。")
    return redirect("member", username)


@require_POST
def end_deputy(request: HttpRequest, pk: int) -> HttpResponse:
    """End a deputyship early."""
    who = person(request)
    require_manager(who)
    found = deputies.find(pk, unit=who.unit)
    try:
        left = deputies.end(found, person=who, now=now())
    except Refused as refused:
        return _refused(request, refused, found.principal.username)
    tell_ended(request, left)
    return redirect("member", found.principal.username)


def _refused(request: HttpRequest, refused: Refused, username: str) -> HttpResponse:
    if refused.code == "not_found" or (refused.code == "role" and not people.manages_people(person(request))):
        raise refused
    messages.error(request, refused.message)
    return redirect("member", username)
