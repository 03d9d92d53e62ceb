"""The whole story of a publication, in staff words: what was asked of the platform, what came back, what is public now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.channel import Absent, Failed, Pending, Receipt, Unclear
from bot.domain.delivery import State
from bot.domain.engine.facts import DOUBTFUL
from bot.domain.instants import require_aware
from bot.models import Alarm, Attempt, AuditEvent, Preflight, Publication, Release

from . import audit
from .accounts import spec_of

ACTOR = "系统"
LOOKED = "platform.looked"
TOLD = "platform.told"  # an event that came when a person had to decide already
MESSAGE_LENGTH = 300

#: What one look found.
FOUND = {
    "Receipt": "已经公开，内容相符",
    "Pending": "平台已受理，还没有公开",
    "Absent": "这一次没有查到（一次查不到不能证明没有发出）",
    "Failed": "平台说没有公开，或已被删除",
    "Unclear": "这一次没有查清",
    "Told": "平台发来通知",
}
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
    audit.append(ACTOR, LOOKED, f"publication:{publication.pk}", data, now=now)


def gone_or_not(verdict: object) -> dict[str, bool]:
    """With a failure: whether it had been public before. Only one that never was proves that nothing went out."""
    return {"gone": verdict.gone} if isinstance(verdict, Failed) else {}


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the platform after the call."""

    at: datetime
    verdict: str
    words: str
    message: str


@dataclass(frozen=True, slots=True)
class Tried:
    """One public call in words; the raw answer is in `attempt.answer`."""

    attempt: Attempt
    asked: str
    ended: str


def looks(publications: Sequence[Publication]) -> dict[int, list[Look]]:
    """What every look found, by publication, in order."""
    subjects = {f"publication:{one.pk}": one.pk for one in publications}
    found: dict[int, list[Look]] = {pk: [] for pk in subjects.values()}
    for event in AuditEvent.objects.filter(subject__in=list(subjects), action__in=[LOOKED, TOLD]).order_by("sequence"):
        verdict = str(event.data.get("verdict", ""))
        found[subjects[event.subject]].append(
            Look(event.at, verdict, FOUND.get(verdict, "已查看"), str(event.data.get("message", "")))
        )
    return found


def asked(publication: Publication, attempt: Attempt) -> str:
    """What a public call asked of the platform."""
    mode = spec_of(publication.account).mode(publication.mode).label
    count = len(attempt.payload_hashes)
    what = f"请{spec_of(publication.account).label}以“{mode}”方式公开 {count} 篇"
    if attempt.kind == "probe":
        return f"用同一编号再问一次：{what}（不会重复发布）"
    return f"{'再次' if attempt.kind == 'again' else ''}{what}"


def tried(publication: Publication) -> list[Tried]:
    """Every public call, in order."""
    rows = sorted(publication.attempts.all(), key=lambda attempt: attempt.number)
    return [Tried(row, asked(publication, row), ENDED[row.outcome]) for row in rows]


def public_now(publication: Publication) -> str:
    """One sentence: what followers can see of it now."""
    state, items = publication.status, list(publication.items.all())
    linked = sum(bool(item.url) for item in items)
    match state:
        case State.LIVE:
            lacking = "" if linked == len(items) else f"，其中 {len(items) - linked} 篇还没有取得链接"
            return f"已公开 {len(items)} 篇{lacking}。"
        case State.CONFIRMING:
            return "平台已受理，正在核对是否公开。"
        case State.SENDING | State.UNKNOWN:
            return "是否公开不明，正在核对；核对清楚之前不会重发。"
        case State.GONE:
            return "曾经公开，已被平台或他人删除。"
        case State.WITHDRAWN:
            return "曾经公开，已撤回。"
        case _ if any(attempt.outcome in {"", *DOUBTFUL} for attempt in publication.attempts.all()):
            return "是否公开不明，要人到平台后台核实。"
        case _:
            return "没有公开。"


def preflights_of(release: Release) -> list[Preflight]:
    """All of a release, with their lines, newest first."""
    rows = release.preflights.exclude(state="dropped").select_related("account", "asked_by")
    return list(rows.prefetch_related("checks").order_by("-due_at", "account_id", "-pk"))


def alarms_of(release: Release) -> list[Alarm]:
    """All of a release, with whom they were told to, newest first."""
    rows = Alarm.objects.filter(release=release).select_related("account", "read_by", "publication")
    return list(rows.prefetch_related("notices").order_by("-raised_at", "-pk"))
