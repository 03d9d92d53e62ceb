"""警报: what stands before a person, on the duty desk and in the header of every page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from bot.domain.alarms import Kind, Out
from bot.domain.incidents import Case, gather
from bot.domain.workflow import Role
from bot.models import Alarm, Person
from bot.services import alarming

from .chips import Chip
from .people import now, person

LOOKS: dict[Kind, tuple[str, str]] = {
    Kind.OVERDUE: ("bad", "late"),
    Kind.UNKNOWN: ("doubt", "question"),
    Kind.DOUBLED: ("bad", "alert"),
    Kind.SURFACED: ("bad", "alert"),
    Kind.GONE: ("bad", "trash"),
    Kind.URGENT: ("bad", "pen"),
    Kind.LAPSED: ("bad", "cross"),
    Kind.RETURNED: ("bad", "undo"),
    Kind.NEEDS_PERSON: ("bad", "hand"),
    Kind.MISSED: ("missed", "late"),
    Kind.SPLIT: ("bad", "part"),
    Kind.HELD: ("warn", "pause"),
    Kind.REVIEW_LATE: ("bad", "late"),
    Kind.REVIEW_DUE: ("warn", "clock"),
    Kind.BY_HAND: ("warn", "hand"),
    Kind.DRAFT: ("warn", "hand"),
    Kind.WITHDRAWAL: ("bad", "undo"),
    Kind.CHAIN: ("bad", "stop"),
    Kind.RULES: ("bad", "stop"),
    Kind.CLOCK: ("bad", "clock"),
    Kind.PREFLIGHT: ("warn", "alert"),
    Kind.DISK: ("warn", "alert"),
}
#: 是否已发出, never by colour alone.
MOST_AT_ONCE = 500  # read with one press; a page has no more in one line
NUMBER = re.compile("[0-9]{1,18}")
OUTS = {Out.YES: "good", Out.NO: "wait", Out.UNKNOWN: "doubt", Out.PART: "bad", Out.NONE: "off"}


@dataclass(frozen=True, slots=True)
class Told:
    """What alarms of a group say: of which accounts ("" where of all), and what to do."""

    of: str
    words: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Group:
    """Alarms of one incident, most urgent first: of one release, or of several that met the same; or a single one."""

    alarms: Sequence[Alarm]
    releases: int

    @property
    def chips(self) -> list[Chip]:
        """What has happened, each once, with how many alarms say so."""
        return [
            replace(chip(kind), count=str(count)) for kind, count in Counter(one.kind for one in self.alarms).items()
        ]

    @property
    def outs(self) -> list[str]:
        """是否已发出, each answer once; with how many give it where they differ."""
        found = Counter(one.out_label for one in self.alarms if one.out != Out.NONE)
        return [label if len(found) == 1 else f"{label} {count} 条" for label, count in found.items()]

    @property
    def told(self) -> list[Told]:
        """Each different thing that they say, the most urgent first; of several releases, what the earliest's say."""
        mine = [one for one in self.alarms if one.release_id == self.first.release_id]
        said: dict[tuple[str, str], list[Alarm]] = {}
        for one in mine:
            said.setdefault((one.kind, _without_account(one)), []).append(one)
        alone = len(said) == 1
        return [Told("" if alone else _names(some), words, some[0].remedy) for (_, words), some in said.items()]

    @property
    def unread(self) -> bool:
        """Whether nobody has taken it on; all of a group are so, or none."""
        return self.alarms[0].read_at is None

    @property
    def first(self) -> Alarm:
        """That of the earliest release."""
        return min(self.alarms, key=lambda one: (one.release.instant if one.release else one.raised_at, one.pk))


def grouped(standing: Sequence[Alarm]) -> list[Group]:
    """Each of these in exactly one group, what nobody has read first. They come in the order of `alarming.standing`."""
    unread = [one for one in standing if one.read_at is None]
    read = [one for one in standing if one.read_at is not None]
    return [*_gathered(unread), *_gathered(read)]


def _gathered(found: Sequence[Alarm]) -> list[Group]:
    ranks = {kind: place for place, kind in enumerate(Kind)}
    incidents = gather(
        Case(
            place, one.release_id or -one.pk, one.kind, _without_account(one), ranks[one.sort], one.raised_at,
            apart=one.release_id is None,
        )
        for place, one in enumerate(found)
    )  # fmt: skip
    return [Group([found[case.key] for case in each.cases], len(each.releases)) for each in incidents]


def _names(alarms: Sequence[Alarm]) -> str:
    return "、".join(dict.fromkeys(one.account.name for one in alarms if one.account))


def _without_account(alarm: Alarm) -> str:
    """What it says, without which account it says it of."""
    name, _, rest = alarm.message.partition("：")
    return rest if alarm.account and name.startswith(alarm.account.name) else alarm.message


def chip(kind: str) -> Chip:
    """How a kind of alarm looks."""
    sort = Kind(kind)
    return Chip(sort.label, *LOOKS[sort])


def may_read(who: Person) -> bool:
    """Who may take an alarm on."""
    return any(who.has_role(role) for role in (Role.DUTY, Role.RELEASER, Role.SYSADMIN))


@require_POST
def read(request: HttpRequest, pk: int) -> HttpResponse:
    """已阅: nobody else is woken for it, nor for those told in one line with it (`also`)."""
    who = person(request)
    also = [int(one) for one in request.POST.getlist("also")[:MOST_AT_ONCE] if NUMBER.fullmatch(one)]
    found = [alarming.find_alarm(one, unit=who.unit) for one in dict.fromkeys([pk, *also])]
    done, refusals = alarming.read_all(found, person=who, now=now())
    if len(done) > 1:
        messages.success(request, f"已登记：您阅过这 {len(done)} 条警报，不再升级通知。")
    elif done:
        messages.success(request, f"已登记：您阅过“{done[0].label}”，不再升级通知。")
    for words in dict.fromkeys(refused.message for refused in refusals):
        messages.error(request, words)
    back = request.POST.get("back", "")
    return redirect(back if url_has_allowed_host_and_scheme(back, allowed_hosts=None) else "today")
