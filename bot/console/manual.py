"""手工发布: what is to be posted by hand, and the book of what was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bot.domain.workflow import Role
from bot.models import ManualPost, ManualTask, Person
from bot.services import handdrafts, manual, manualtasks
from bot.services.accounts import spec_of
from bot.services.errors import NotFound, Refused
from bot.services.people import require, require_reader

from . import figures, manualforms
from .accountforms import typed
from .people import now, person

PAGE = 50
ELSEWHERE = {"role", "not_found"}


def may_act(who: Person) -> bool:
    """Who enters and corrects."""
    return who.has_role(Role.DUTY) or who.has_role(Role.RELEASER)


@require_safe
def manual_page(request: HttpRequest) -> HttpResponse:
    """Tasks first, then the book, newest first."""
    return _page(request)


def _page(request: HttpRequest, trouble: Mapping[str, Any] | None = None) -> HttpResponse:
    """`trouble`: why a task was not entered, with what was typed."""
    who, at = person(request), now()
    require_reader(who)
    before = request.GET.get("before", "")
    before_pk = int(before[:12]) if before.isascii() and before.isdigit() else None
    lines = manual.book(who.unit, before=before_pk, most=PAGE + 1)
    context = {
        "now": at,
        "going": handdrafts.going(who.unit),
        "jobs": manualforms.jobs(manualtasks.waiting(who.unit, now=at)),
        "lines": [(line, _mode(line)) for line in lines[:PAGE]],
        "figures": figures.by_hand(lines[:PAGE]),
        "older": lines[PAGE - 1].pk if len(lines) > PAGE else None,
        "may_act": may_act(who),
        "trouble": trouble
        or {"key": "", "message": "", "details": (), "urls": (), "posted_at": "", "clash": False, "mode": ""},
        "local_now": manualforms.local(at),
    }
    return render(request, "manual.html", context, status=409 if trouble else 200)


def _mode(line: ManualPost) -> str:
    spec = spec_of(line.account)
    return next((mode.label for mode in spec.modes if mode.name == line.mode), line.mode)


# --- the book -----------------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def manual_new(request: HttpRequest) -> HttpResponse:
    """Enter what was posted."""
    who, at = person(request), now()
    require(who, Role.DUTY, Role.RELEASER)
    if request.method == "GET":
        values = {"posted_by": who.username, "document": request.GET.get("document", "")[:100]}
        return _form(request, values)
    try:
        done = manual.register(manualforms.entry(request, who), person=who, now=at, knowing="knowing" in request.POST)
    except Refused as refused:
        return _again(request, refused, None)
    _tell(request, [done])
    return redirect("manual")


@require_http_methods(["GET", "POST"])
def manual_correct(request: HttpRequest, pk: int) -> HttpResponse:
    """A new line in the place of a wrong one."""
    who, at = person(request), now()
    require(who, Role.DUTY, Role.RELEASER)
    old = manual.find_post(pk, unit=who.unit)
    if request.method == "GET":
        return _form(request, manualforms.values_of(old), old=old)
    try:
        done = manual.correct(
            old, manualforms.entry(request, who), reason=typed(request, "reason"), person=who, now=at,
            knowing="knowing" in request.POST,
        )  # fmt: skip
    except Refused as refused:
        return _again(request, refused, old)
    _tell(request, [done])
    return redirect("manual")


@require_POST
def manual_void(request: HttpRequest, pk: int) -> HttpResponse:
    """It was entered by mistake, and nothing takes its place."""
    who = person(request)
    try:
        manual.void(manual.find_post(pk, unit=who.unit), reason=typed(request, "reason"), person=who, now=now())
    except Refused as refused:
        if refused.code in ELSEWHERE:
            raise
        messages.error(request, refused.message)
    else:
        messages.success(request, f"第 {pk} 条登记已作废，占用的额度已退回。原来的一行仍保留。")
    return redirect("manual")


@require_POST
def manual_down(request: HttpRequest, pk: int) -> HttpResponse:
    """It was posted for a release, and is taken down again."""
    who = person(request)
    try:
        manual.taken_down(
            manual.find_post(pk, unit=who.unit), evidence=typed(request, "evidence"), person=who, now=now()
        )
    except Refused as refused:
        if refused.code in ELSEWHERE:
            raise
        messages.error(request, refused.message)
    else:
        messages.success(request, f"第 {pk} 条已登记撤下。由人登记，未经系统核对；原来的一行仍保留。")
    return redirect("manual")


def _again(request: HttpRequest, refused: Refused, old: ManualPost | None) -> HttpResponse:
    if refused.code == "role":
        raise refused
    values = {name: typed(request, name) for name in request.POST} | {"url": manualforms.typed_address(request)}
    return _form(request, values, old=old, refused=refused)


def _form(
    request: HttpRequest, values: Mapping[str, str], *, old: ManualPost | None = None, refused: Refused | None = None
) -> HttpResponse:
    unit = person(request).unit
    context = {
        "values": values,
        "old": old,
        "places": manualforms.places(unit),
        "people": unit.people.filter(is_active=True).order_by("pk"),
        "error": refused.message if refused else "",
        "details": refused.details if refused else (),
        "clash": refused is not None and refused.code == "clash",
        "latest": manualforms.local(now()),
    }
    return render(request, "manual_form.html", context, status=409 if refused else 200)


def _tell(request: HttpRequest, done: Sequence[manual.Entered]) -> None:
    numbers = "、".join(str(one.post.pk) for one in done)
    messages.success(request, f"已登记（第 {numbers} 条），计入当期额度。链接由人登记，未经系统核对。")
    for clash in {clash.release.pk: clash for one in done for clash in one.stopped}.values():
        messages.warning(request, f"发布单 {clash.release.pk} 已停下：{clash.why}。请签发人重新编制或改期。")
    if any(one.early for one in done):
        messages.warning(
            request, "按登记，签发以前或约定时刻以前就已发出，已留痕。请核对时间；填错的请更正，属实的请报告签发人。"
        )
    if any(one.over for one in done):
        messages.warning(request, "按登记，这个账号当期发布已超过平台额度。请核对时间、方式和账号是否填对。")


# --- tasks --------------------------------------------------------------------------------------------------


@require_POST
def task_done(request: HttpRequest, release: int, slug: str, lane: int) -> HttpResponse:
    """It was posted: addresses and time go into the book."""
    who, urls = person(request), [str(url).strip()[:1001] for url in request.POST.getlist("url")]
    tasks = _open_tasks(request, release, slug, lane)
    if tasks is None:
        return redirect("manual")
    try:
        done = manualtasks.finish(
            tasks, urls=urls, posted_at=manualforms.moment(typed(request, "posted_at")), posted_by=who, person=who,
            now=now(), knowing="knowing" in request.POST, mode=typed(request, "mode"),
        )  # fmt: skip
    except Refused as refused:
        if refused.code in ELSEWHERE:
            raise
        trouble = {
            "key": f"{release}-{slug}-{lane}", "message": refused.message, "details": refused.details, "urls": urls,
            "posted_at": typed(request, "posted_at"), "clash": refused.code == "clash", "mode": typed(request, "mode"),
        }  # fmt: skip
        return _page(request, trouble)
    _tell(request, done)
    return redirect("manual")


@require_POST
def task_drop(request: HttpRequest, release: int, slug: str, lane: int) -> HttpResponse:
    """不再发布."""
    who = person(request)
    tasks = _open_tasks(request, release, slug, lane)
    if tasks is None:
        return redirect("manual")
    try:
        manualtasks.drop(tasks, reason=typed(request, "reason"), person=who, now=now())
    except Refused as refused:
        if refused.code in ELSEWHERE:
            raise
        messages.error(request, refused.message)
    else:
        messages.success(request, "已记下：不再手工发布，不再提醒。")
    return redirect("manual")


def _open_tasks(request: HttpRequest, release: int, slug: str, lane: int) -> list[ManualTask] | None:
    """None where the button was pressed twice, or somebody else was first: what has become of the message is said."""
    who = person(request)
    require(who, Role.DUTY, Role.RELEASER)
    try:
        return manualtasks.find_message(release, slug, lane, unit=who.unit)
    except NotFound:
        settled = manualtasks.settled(release, slug, lane, unit=who.unit)
        if not settled:
            raise
        messages.warning(request, settled)
        return None


@require_POST
def draft_again(request: HttpRequest, pk: int) -> HttpResponse:
    """再核对草稿, 重新放入草稿箱, or 已在草稿箱删除."""
    who, act, fence = person(request), typed(request, "act"), typed(request, "seen")
    draft, seen = handdrafts.find(pk, who), int(fence[:9]) if fence.isascii() and fence.isdigit() else -1
    try:
        if act == "gone":
            handdrafts.gone(draft, seen=seen, person=who, now=now())
            after = handdrafts.find(pk, who)
        else:
            after = handdrafts.look_again(draft, seen=seen, person=who, now=now, anew=act == "anew")
    except Refused as refused:
        if refused.code in ELSEWHERE:
            raise
        messages.error(request, refused.message)
    else:
        tell = messages.error if after.unsure else messages.success
        tell(request, f"{after.account.name}：{after.status.label}。{after.note}".strip())
    return redirect(f"{reverse('manual')}#job-{draft.release_id}-{draft.account.slug}-{draft.lane}")
