"""发布单: the whole story of one release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from bot.domain.alarms import Out, Side
from bot.domain.channel import ChannelSpec
from bot.domain.delivery import ASKED_ONLY, STOPPABLE, State
from bot.domain.engine.cases import OPEN_CASES
from bot.domain.instants import milliseconds
from bot.domain.workflow import Role, Step
from bot.models import Attempt, Item, Person, Publication, Release, Review
from bot.services import byhand, disproof, gating, manualtasks, preflighting, settling, story, trail
from bot.services.accounts import spec_of
from bot.services.errors import Refused
from bot.services.measuring import latest_values
from bot.services.releases import as_seen, find_release

from . import acts, alarms, board, chips, figures, lanes, manifest, readers, refusedforms, stood, urgentmarks
from .people import now, person

OUTCOMES = {
    "": ("busy", "eye"),
    "not_sent": ("wait", "undo"),
    "accepted": ("good", "check"),
    "refused": ("bad", "cross"),
    "unknown": ("doubt", "question"),
}
LOOKS = {
    "Receipt": ("good", "check"),
    "Pending": ("busy", "eye"),
    "Absent": ("doubt", "question"),
    "Failed": ("bad", "cross"),
    "Unclear": ("doubt", "question"),
    "Doubled": ("bad", "alert"),
    "Error": ("bad", "alert"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """One position of a publication."""

    item: Item
    reviewers: Sequence[str]  # who passed it
    reviews: Sequence[tuple[str, Review]]  # every word on it, with the step
    metrics: figures.Shown


@dataclass(frozen=True, slots=True)
class Try:
    """One public call."""

    attempt: Attempt
    asked: str
    call: str
    outcome: chips.Chip
    status: int | None
    code: str
    took_ms: float | None


@dataclass(frozen=True, slots=True)
class Glance:
    """One look at the platform afterwards."""

    look: story.Look
    chip: chips.Chip


@dataclass(frozen=True, slots=True)
class Push:
    """One publication with everything that is known of it."""

    publication: Publication
    chip: chips.Chip
    channel: str
    mode: str
    again: str  # the instant that people gave it anew, in words
    links_later: str
    after_page: float | None
    places: Sequence[Place]
    tries: Sequence[Try]
    glances: Sequence[Glance]
    public: str
    door: str  # to its page on the desk for exceptions, in words; "" where this person has nothing to do there


@require_POST
@readers.only
def check_again(request: HttpRequest, pk: int) -> HttpResponse:
    """再查一次: a pre-flight for each account that waits, now."""
    who = person(request)
    release = find_release(pk, unit=who.unit)
    try:
        rows = preflighting.ask(release, person=who, now=now)
    except Refused as refused:
        if refused.code == "role":
            raise
        messages.error(request, refused.message)
    else:
        bad = [row.account.name for row in rows if not row.ok]
        if bad:
            messages.warning(request, f"预检做完，{'、'.join(bad)}还有未过的项目，请看下面的办法。")
        else:
            messages.success(request, "预检全部通过。")
    return redirect("release", pk=pk)


@require_safe
@readers.only
def release_page(request: HttpRequest, pk: int) -> HttpResponse:
    """The page; another unit's releases do not exist here."""
    return render(request, "release.html", _whole(request, pk))


def _whole(request: HttpRequest, pk: int) -> dict[str, object]:
    who, at = person(request), now()
    release = find_release(pk, unit=who.unit)
    publications, told, frozen = manifest.pushes_of(release), gating.story(release), board.frozen(who.unit)
    tasks = manifest.tasks_of(release)
    case = acts.Case(release, publications, told, who, frozen is not None, at, tasks)
    looks, statuses, out = story.looks(publications), story.statuses(publications), disproof.out_of(publications)
    by_hand = manualtasks.of_release(release, now=at)
    return {
        "now": at,
        "release": release,
        "standing": chips.standing(release, publications, at),
        "says": chips.public_words(
            publications, tasks, disproved={pk for pk, told_of in out.items() if told_of is Out.NO}
        ),
        "stood": stood.of_release(release, publications),
        "hands": chips.by_account(release, at),
        "by_machine": list(dict.fromkeys(one.account for one in publications)),
        "by_hand": by_hand,
        "figures": figures.by_hand(post for one in by_hand for task in one.tasks for post in task.posts.all()),
        "pushes": [
            _push(publication, told, looks[publication.pk], statuses, who, out[publication.pk])
            for publication in publications
        ],
        "gate": told,
        "preflights": story.preflights_of(release),
        "alarms": story.alarms_of(release),
        "may_read": alarms.may_read(who),
        "alarm_chip": alarms.chip,
        "may_check": _may_check(release, publications, who),
        "urgent": urgentmarks.of_release(release, who, at),
        "sentences": story.sentences(release, publications),
        "frozen": frozen,
        "acts": acts.acts(case),
        "asked_only": ASKED_ONLY,
        "refused": refusedforms.take(request, release),
        "seen": as_seen(release),
        "lanes": lanes.lanes(release, publications, told, now=at),
        "beyond": lanes.beyond(publications),
        "tail": trail.tail,
        "withdrawable": any(one.status in {State.LIVE, State.WITHDRAWN} for one in publications)
        or any(byhand.side(task) is Side.PUBLIC for task in tasks),
    }


def _may_check(release: Release, publications: Sequence[Publication], who: Person) -> bool:
    waits = any(one.status in STOPPABLE | {State.HELD} for one in publications)
    return release.signed and waits and any(who.has_role(role) for role in preflighting.ASKERS)


def _push(
    publication: Publication,
    told: gating.GateStory | None,
    looks: Sequence[story.Look],
    statuses: Mapping[tuple[int, int], int],
    who: Person,
    out: Out,
) -> Push:
    spec = spec_of(publication.account)
    return Push(
        publication,
        chips.chip(publication.status),
        spec.label,
        spec.mode(publication.mode).label,
        story.sent_again(publication),
        spec.links_later,
        gating.after_page(publication, told),
        [_place(item, spec) for item in publication.items.all()],
        [_try(tried) for tried in story.tried(publication, statuses)],
        [Glance(look, chips.Chip(look.words, *LOOKS.get(look.verdict, ("wait", "eye")))) for look in looks],
        story.public_now(publication, disproved=out is Out.NO),
        _door(publication, who),
    )


def _door(publication: Publication, who: Person) -> str:
    acts = who.has_role(Role.DUTY) or who.has_role(Role.RELEASER)
    if publication.status in OPEN_CASES:
        return "到异常台核实与办理" if acts or who.has_role(Role.FINAL) else ""
    return "更正链接或收回登记" if acts and settling.mendable(publication) else ""


def _place(item: Item, spec: ChannelSpec) -> Place:
    reviews = sorted(item.edition.reviews.all(), key=lambda review: review.at)
    values = latest_values(item) if item.platform_id else {}
    passed = [review.person.name for review in reviews if review.verdict == "pass"]
    words = [(Step(review.step).label, review) for review in reviews]
    return Place(item, passed, words, figures.shown(values, spec))


def _try(tried: story.Tried) -> Try:
    attempt = tried.attempt
    sent, answered = attempt.sent_at, attempt.answered_at
    took = milliseconds(answered - sent) if sent and answered else None
    outcome = chips.Chip(tried.ended, *OUTCOMES[attempt.outcome])
    return Try(attempt, tried.asked, tried.call, outcome, tried.status, tried.code, took)
