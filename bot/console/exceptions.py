"""异常台: every delivery that is not solved, its evidence, and the few things that may safely be done."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from bot.domain.alarms import Out
from bot.domain.delivery import FOR_A_PERSON
from bot.domain.engine.cases import OPEN_CASES, Choice
from bot.domain.workflow import Role
from bot.models import Item, Person, Publication
from bot.services import casereport, cases, countersigning, glancing, settling, stops, story, trail, withdrawing
from bot.services.accounts import spec_of
from bot.services.errors import Refused
from bot.services.people import require

from . import alarms, chips, readers, stepup
from .people import now, person
from .release import LOOKS, OUTCOMES

OUT_ICONS = {Out.YES: "check", Out.NO: "cross", Out.UNKNOWN: "question", Out.PART: "part", Out.NONE: "dot"}
PASSED_ON = {"role", "not_found"}  # refusals that have a page of their own
FIELD_LENGTH = 300
SIGNATURE = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list."""

    case: cases.Open
    chip: chips.Chip
    out: chips.Chip
    titles: Sequence[str]
    choices: Sequence[Choice]  # offered to whoever may act, each a link to its form
    word: countersigning.Word | None


@dataclass(frozen=True, slots=True)
class Moment:
    """One point of the timeline: a step of a public call, or a look."""

    at: datetime
    chip: chips.Chip
    what: str
    detail: str = ""
    answer: str = ""
    urls: Sequence[str] = ()


def out_chip(out: Out) -> chips.Chip:
    """是否已发出, by colour, icon and word."""
    return chips.Chip(f"是否已发出：{out.label}", alarms.OUTS[out], OUT_ICONS[out])


@require_safe
@readers.only
def exceptions(request: HttpRequest) -> HttpResponse:
    """The list, most urgent first. `?release=` those of one release, `?incident=` of those it has happened to alike."""
    who, at = person(request), now()
    query = _only(request)
    if "release" in query:
        found, more = cases.of_release(int(query["release"]), unit=who.unit)
    elif "incident" in query:
        found, more = cases.of_incident(query["incident"], unit=who.unit)
    else:
        found, more = cases.unsolved(who.unit)
    words = countersigning.words([one.publication for one in found], now=at)
    context = {
        "now": at,
        "address": f"{reverse('exceptions')}{'?' if query else ''}{urlencode(query)}",
        "only": query,
        "releases": len({one.publication.release_id for one in found}),
        "rows": [_row(one, words, _may_act(who)) for one in found],
        "more": more,
        "withdrawals": []
        if query
        else [(one, withdrawing.waits_for_a_person(one)) for one in withdrawing.unfinished(who.unit)],
    }
    return render(request, "exceptions.html", context)


def _only(request: HttpRequest) -> dict[str, str]:
    """Of what is asked for, the first that is one; what nobody made filters nothing."""
    release, incident = request.GET.get("release", ""), request.GET.get("incident", "")
    if release.isascii() and release.isdecimal() and len(release) < 19:
        return {"release": release}
    return {"incident": incident} if SIGNATURE.fullmatch(incident) else {}


def _may_act(who: Person) -> bool:
    return bool(who.has_role(Role.DUTY) or who.has_role(Role.RELEASER))


def _row(one: cases.Open, words: Mapping[int, countersigning.Word], may_act: bool) -> Row:
    publication = one.publication
    return Row(
        one,
        chips.chip(publication.status),
        out_chip(one.out),
        [item.edition.title for item in publication.items.all()],
        one.choices if may_act else (),
        words.get(publication.pk),
    )


@require_safe
@readers.only
def case_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One case; another unit's do not exist here."""
    return _page(request, pk)


def _page(request: HttpRequest, pk: int, *, error: str = "", typed: Mapping[str, Any] | None = None) -> HttpResponse:
    who, at = person(request), now()
    publication = cases.find_case(pk, unit=who.unit)
    spec = spec_of(publication.account)
    looks, out = story.looks([publication])[publication.pk], cases.out_of(publication)
    context = {
        "now": at,
        "publication": publication,
        "state_chip": chips.chip(publication.status),
        "out": out_chip(out),
        "again": story.sent_again(publication),
        "channel": spec.label,
        "mode": spec.mode(publication.mode).label,
        "asked": cases.asked(publication),
        "came_back": cases.came_back(publication),
        "public": story.public_now(publication, disproved=out is Out.NO),
        "moments": _timeline(publication, looks),
        "links": _links(publication, looks if publication.status in OPEN_CASES else (), (typed or {}).get("urls", ())),
        "examples": [link.example for link in spec.post_links],
        "report": casereport.report(publication, person=who, now=at),
        "tail": trail.tail,
        "error": error,
        "typed": typed or {},
        **_acts(publication, who, at),
    }
    return render(request, "exception.html", context, status=409 if error else 200)


def _links(publication: Publication, looks: Sequence[story.Look], typed: Sequence[str]) -> list[tuple[Item, str]]:
    """Each article with the address that its field holds: as typed, else as the last look showed it, else as known."""
    shown = next((one.urls for one in reversed(looks) if one.urls), ())
    return [
        (item, next((given[place] for given in (typed, shown) if place < len(given)), item.url))
        for place, item in enumerate(publication.items.all())
    ]


def _acts(publication: Publication, who: Person, at: datetime) -> dict[str, Any]:
    """What this person may do here, and for each thing that is not offered, why."""
    is_open = publication.status in OPEN_CASES
    choices = cases.choices_of(publication, now=at) if is_open else {}
    word = countersigning.first_word(publication, now=at) if is_open else None
    acts = _may_act(who)
    return {
        "is_open": is_open,
        "settles": publication.status in FOR_A_PERSON,
        "declared_by": settling.declared_by(publication) if settling.mendable(publication) else "",
        "choices": {choice.value: words for choice, words in choices.items()},
        "keeps": stops.what_it_keeps([publication]) if is_open else "",
        "labels": {choice.value: choice.label for choice in Choice},
        "word": word,
        "may_act": acts,
        "may_second": word is not None and word.person.pk != who.pk and (acts or who.has_role(Role.FINAL)),
    }


def _timeline(publication: Publication, looks: Sequence[story.Look]) -> list[Moment]:
    statuses = story.statuses([publication])
    found = [moment for tried in story.tried(publication, statuses) for moment in _moments(tried)]
    found += [
        Moment(
            one.at, chips.Chip("核对", *LOOKS.get(one.verdict, ("wait", "eye"))), one.words, one.message, urls=one.urls
        )
        for one in looks
    ]
    return sorted(found, key=lambda moment: moment.at)


def _moments(tried: story.Tried) -> list[Moment]:
    attempt = tried.attempt
    number, call = f"第 {attempt.number} 次：", f"接口 {tried.call}，编号 {attempt.key}"
    noted = Moment(attempt.intent_at, chips.Chip("登记", "wait", "box"), f"{number}发出以前先登记", "到时刻才发出")
    sent = Moment(
        attempt.sent_at or attempt.intent_at, chips.Chip("请求", "ready", "send"), f"{number}{tried.asked}", call
    )
    begun = [noted, sent] if attempt.sent_at else [replace(noted, detail=f"{tried.asked}；{call}")]
    if not attempt.outcome:
        return begun
    facts = [f"HTTP {tried.status}" if tried.status is not None else "", f"代码 {tried.code}" if tried.code else ""]
    detail = "，".join([*filter(None, facts), attempt.message] if attempt.message else list(filter(None, facts)))
    ended = Moment(
        attempt.answered_at or attempt.intent_at, chips.Chip("应答", *OUTCOMES[attempt.outcome]),
        f"第 {attempt.number} 次：{tried.ended}", detail, attempt.answer,
    )  # fmt: skip
    return [*begun, ended]


# --- acts -----------------------------------------------------------------------------------------------------


HANDS = (Role.RELEASER, Role.DUTY)
SECONDS = (*HANDS, Role.FINAL)


def _by(roles: Sequence[Role]) -> Callable[[HttpRequest, int], None]:
    def check(request: HttpRequest, pk: int) -> None:
        who = person(request)
        require(who, *roles)
        settling.find_publication(pk, unit=who.unit)

    return check


def _done(request: HttpRequest, pk: int, act: Callable[[Publication, Person], str]) -> HttpResponse:
    """Do it and come back to the case; a refusal keeps what was typed."""
    who = person(request)
    publication = settling.find_publication(pk, unit=who.unit)
    try:
        words = act(publication, who)
    except Refused as refused:
        if refused.code in PASSED_ON:
            raise
        return _page(request, pk, error=refused.message, typed=_typed(request))
    messages.success(request, words)
    return redirect("exception", pk=pk)


def _typed(request: HttpRequest) -> dict[str, Any]:
    return {"reason": _reason(request), "urls": _urls(request), "act": request.POST.get("act", "")}


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "").strip()[:FIELD_LENGTH]


def _urls(request: HttpRequest) -> list[str]:
    return [url.strip()[:1000] for url in request.POST.getlist("url")]


@require_POST
@readers.only
def look(request: HttpRequest, pk: int) -> HttpResponse:
    """再核对: read-only."""

    def act(publication: Publication, who: Person) -> str:
        told = glancing.look(publication, person=who, now=now)
        moved = "状态已随之更新。" if told.moved else ""
        return f"已向平台核对：{told.words}。{told.message}{moved}"

    return _done(request, pk, act)


@require_POST
@readers.only
@stepup.required("登记为已发布", _by(HANDS))
def live(request: HttpRequest, pk: int) -> HttpResponse:
    """确认已发并填链接."""

    def act(publication: Publication, who: Person) -> str:
        settling.settle_live(publication, urls=_urls(request), person=who, now=now())
        return "已登记为“已发布”，注明由人登记。登记错了，可在本页更正链接或收回登记。"

    return _done(request, pk, act)


@require_POST
@readers.only
@stepup.required("更正登记的链接", _by(HANDS))
def correct(request: HttpRequest, pk: int) -> HttpResponse:
    """更正链接 of what a person had declared live."""

    def act(publication: Publication, who: Person) -> str:
        settling.correct_live(publication, urls=_urls(request), person=who, reason=_reason(request), now=now())
        return "链接已更正，原来的链接和原因记在留痕里。平台上的内容没有改动。"

    return _done(request, pk, act)


@require_POST
@readers.only
@stepup.required("收回“已发布”的登记", _by(HANDS))
def not_live(request: HttpRequest, pk: int) -> HttpResponse:
    """收回登记: it stands before a person again."""

    def act(publication: Publication, who: Person) -> str:
        settling.settle_not_live(publication, person=who, reason=_reason(request), now=now())
        return "已收回登记，这条推送又等人处理；没有重发，平台上的内容没有改动。请核实后在本页办理。"

    return _done(request, pk, act)


@require_POST
@readers.only
@stepup.required("提出重发（还要第二人确认）", _by(HANDS))
def ask_again(request: HttpRequest, pk: int) -> HttpResponse:
    """确认未发并重发, the first person."""

    def act(publication: Publication, who: Person) -> str:
        countersigning.ask(publication, person=who, reason=_reason(request), now=now())
        return "已登记您的核实结果。还没有重发：请另一位值班员、签发人或终审登录后，在本页确认。"

    return _done(request, pk, act)


@require_POST
@readers.only
@stepup.required("作为第二人确认重发", _by(SECONDS))
def confirm_again(request: HttpRequest, pk: int) -> HttpResponse:
    """确认未发并重发, the second person."""

    def act(publication: Publication, who: Person) -> str:
        countersigning.confirm(publication, person=who, now=now())
        return "两人已确认，正在重新准备；发出之前系统还会再向平台核对一次。"

    return _done(request, pk, act)


@require_POST
@readers.only
def take_back(request: HttpRequest, pk: int) -> HttpResponse:
    """The first person's word does not stand any more."""

    def act(publication: Publication, who: Person) -> str:
        countersigning.take_back(publication, person=who, now=now())
        return "已收回重发的提议，没有重发。"

    return _done(request, pk, act)


@require_POST
@readers.only
@stepup.required("作废这条推送", _by(HANDS))
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """作废: what stands before a person is settled; what has not left is stopped for good."""

    def act(publication: Publication, who: Person) -> str:
        if publication.status in FOR_A_PERSON:
            settling.settle_cancel(publication, person=who, reason=_reason(request), now=now())
            return "已作废，系统不会再发它。"
        answer = stops.cancel(publication.release, person=who, reason=_reason(request), now=now(), only=publication.pk)
        return f"已作废。{answer.message}"

    return _done(request, pk, act)
