"""The whole story of a publication, in staff words: what was asked of the platform, what came back, what is public now."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.channel import Absent, Doubled, Failed, Pending, Receipt, Unclear
from bot.domain.delivery import SETTLED, STOPPABLE, State
from bot.domain.engine.facts import DOUBTFUL
from bot.domain.engine.people import BY_HAND, DECLARED
from bot.domain.instants import require_aware, show
from bot.models import Alarm, Attempt, AuditEvent, Preflight, Publication, Release

from . import audit, trail
from .accounts import spec_of
from .trail import ANSWERED, FREEZES, GLANCED, LOOKED, TOLD, Sentence

ACTOR = "系统"
MESSAGE_LENGTH = 300

#: How a public call ended.
ENDED = {
    "": "还没有结果",
    "not_sent": "没有发出",
    "accepted": "平台已受理",
    "refused": "平台拒绝，没有发出",
    "unknown": "结果不明",
}


def note_look(
    publication: Publication, verdict: Receipt | Pending | Absent | Failed | Unclear, *, now: datetime
) -> None:
    """Keep what one look found: without it nobody could say later on what a verdict rested."""
    require_aware(now)
    message = getattr(verdict, "message", "")
    data = {"verdict": type(verdict).__name__, "message": message[:MESSAGE_LENGTH]} | gone_or_not(verdict)
    if isinstance(verdict, Doubled):
        data["urls"] = list(verdict.urls)
    audit.append(ACTOR, LOOKED, f"publication:{publication.pk}", data, now=now)


def note_error(publication: Publication, message: str, *, now: datetime) -> None:
    """Keep that a look was tried and ended in a program error: it is part of the story, and proves nothing."""
    require_aware(now)
    data = {"verdict": "Error", "message": message[:MESSAGE_LENGTH]}
    audit.append(ACTOR, LOOKED, f"publication:{publication.pk}", data, now=now)


def gone_or_not(verdict: object) -> dict[str, bool]:
    """With a failure: whether it had been public before. Only one that never was proves that nothing went out."""
    return {"gone": verdict.gone} if isinstance(verdict, Failed) else {}


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the platform after the call. `urls`: addresses that it showed, where a person had asked for it."""

    at: datetime
    verdict: str
    words: str
    message: str
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tried:
    """One public call in words; the raw answer is in `attempt.answer`.

    `call` is the platform's name of it; `status` the HTTP status of the answer, None where no answer came.
    """

    attempt: Attempt
    asked: str
    call: str
    ended: str
    status: int | None

    @property
    def code(self) -> str:
        """The platform's number for how it ended, or ""."""
        return platform_code(self.attempt.code)


def platform_code(code: str) -> str:
    """A code that staff can look up or tell the platform's support: its numbers. What is a word is ours; the message says it."""
    return code if re.fullmatch(r"-?[0-9]+", code) else ""


def looks(publications: Sequence[Publication]) -> dict[int, list[Look]]:
    """What every look found, by publication, in order."""
    subjects = {f"publication:{one.pk}": one for one in publications}
    found: dict[int, list[Look]] = {one.pk: [] for one in publications}
    lines = AuditEvent.objects.filter(subject__in=list(subjects), action__in=[LOOKED, GLANCED, TOLD])
    for event in lines.order_by("sequence"):
        verdict, urls = str(event.data.get("verdict", "")), tuple(map(str, event.data.get("urls", ())))
        one = subjects[event.subject]
        words = trail.found(verdict, one.account.channel, one.mode)
        found[one.pk].append(Look(event.at, verdict, words, str(event.data.get("message", "")), urls))
    return found


def asked(publication: Publication, attempt: Attempt) -> str:
    """What a public call asked of the platform."""
    mode = spec_of(publication.account).mode(publication.mode).label
    count = len(attempt.payload_hashes)
    what = f"请{spec_of(publication.account).label}以“{mode}”方式公开 {count} 篇"
    if attempt.kind == "probe":
        return f"用同一编号再问一次：{what}（不会重复发布）"
    return f"{'再次' if attempt.kind == 'again' else ''}{what}"


def tried(publication: Publication, statuses: Mapping[tuple[int, int], int]) -> list[Tried]:
    """Every public call, in order. `statuses`: see there."""
    mode = spec_of(publication.account).mode(publication.mode)
    rows = sorted(publication.attempts.all(), key=lambda attempt: attempt.number)
    return [
        Tried(row, asked(publication, row), mode.call, ENDED[row.outcome], statuses.get((publication.pk, row.number)))
        for row in rows
    ]


def statuses(publications: Sequence[Publication]) -> dict[tuple[int, int], int]:
    """HTTP status of each answer to a public call, by publication and number of the attempt."""
    subjects = {f"publication:{one.pk}": one.pk for one in publications}
    heard = AuditEvent.objects.filter(subject__in=list(subjects), action=ANSWERED).values_list("subject", "data")
    return {(subjects[subject], data["attempt"]): data["status"] for subject, data in heard}


# --- who did what -------------------------------------------------------------------------------------------


def sentences(release: Release, publications: Sequence[Publication]) -> list[Sentence]:
    """Every line of the audit trail about a release and its pushes, with the freezes of its unit, in order."""
    unit = f"unit:{release.unit.code}"
    subjects = {f"release:{release.pk}": "发布单", unit: "本单位"}
    subjects |= {f"publication:{one.pk}": name_of(one, publications) for one in publications}
    mine = AuditEvent.objects.filter(subject__in=[subject for subject in subjects if subject != unit])
    events = list(mine.order_by("sequence"))
    if events:
        events += _freezes(unit, events, open_still=any(one.status not in SETTLED for one in publications))
    return trail.in_words(sorted(events, key=lambda event: event.sequence), subjects)


def _freezes(unit: str, events: Sequence[AuditEvent], *, open_still: bool) -> list[AuditEvent]:
    """Freezes and their lifting while the release was not settled: later ones do not concern it."""
    found = AuditEvent.objects.filter(subject=unit, action__in=FREEZES, sequence__gt=events[0].sequence)
    last = max((event.sequence for event in events if event.action == trail.MOVED), default=0)
    return list(found if open_still else found.filter(sequence__lt=last))


def name_of(publication: Publication, all_of_them: Sequence[Publication]) -> str:
    """What staff call a push: its account, with its place in the lane where there are several."""
    several = sum(other.account_id == publication.account_id for other in all_of_them) > 1
    return f"{publication.account.name} 第 {publication.lane + 1} 条" if several else publication.account.name


# --- what is public -----------------------------------------------------------------------------------------


def public_now(publication: Publication, *, disproved: bool = False) -> str:
    """One sentence: what followers can see of it now."""
    state, items = publication.status, list(publication.items.all())
    linked = sum(bool(item.url) for item in items)
    match state:
        case State.LIVE:
            lacking = "" if linked == len(items) else f"，其中 {len(items) - linked} 篇还没有取得链接"
            by_hand = f"（{BY_HAND}）" if publication.ids.get(DECLARED) else ""
            down = sum(item.withdrawn_at is not None for item in items)
            return f"已公开 {len(items)} 篇{lacking}{by_hand}{f'，其中 {down} 篇已撤下' if down else ''}。"
        case State.CONFIRMING:
            return "平台已受理，正在核对是否公开。"
        case State.SENDING:
            return "正在发出，还没有收到平台的答复。"
        case State.UNKNOWN:
            policy = spec_of(publication.account).mode(publication.mode).unknown
            return f"是否公开不明，正在核对。{policy.words}"
        case State.GONE:
            return "曾经公开，已被平台或他人删除。"
        case State.WITHDRAWN:
            return "曾经公开，已撤回。"
        case _ if not disproved and (
            publication.doubt or any(one.outcome in {"", *DOUBTFUL} for one in publication.attempts.all())
        ):
            return "是否公开不明，要人到平台后台核实。"
        case _:
            return "没有公开。"


def sent_again(publication: Publication) -> str:
    """The instant that people gave it anew: of a send that is still to come, or that was to be; "" where there is none."""
    if publication.instant <= publication.promised:
        return ""
    at = show(publication.instant)
    return f"重发定在 {at}" if publication.status in STOPPABLE | {State.SENDING} else f"曾定在 {at} 重发"


def preflights_of(release: Release) -> list[Preflight]:
    """All of a release, with their lines, newest first."""
    rows = release.preflights.exclude(state="dropped").select_related("account", "asked_by")
    return list(rows.prefetch_related("checks").order_by("-due_at", "account_id", "-pk"))


def alarms_of(release: Release) -> list[Alarm]:
    """All of a release, with whom they were told to, newest first."""
    rows = Alarm.objects.filter(release=release).select_related("account", "read_by", "publication")
    return list(rows.prefetch_related("notices").order_by("-raised_at", "-pk"))
