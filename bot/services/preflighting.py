"""Pre-flights are run: what is due is claimed by one worker, recorded, and told to people when something fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

import structlog
from django.db.models import F

from bot.domain import preflight
from bot.domain.alarms import Kind, Out
from bot.domain.channel import CheckResult
from bot.domain.delivery import STOPPABLE, State
from bot.domain.instants import require_aware
from bot.domain.workflow import Role
from bot.models import Account, Person, Preflight, PreflightCheck, Publication, Release

from . import alarming, audit, prechecks
from .accounts import channel_of
from .alarming import Call
from .errors import Refused
from .people import require

log = structlog.get_logger(__name__)
ACTOR = "系统"
ASKERS = (Role.DUTY, Role.RELEASER, Role.EDITOR, Role.SYSADMIN)
"""Who may have an account examined now."""

WAITING = sorted(str(state) for state in STOPPABLE)
NOT_LEFT = sorted([*WAITING, str(State.HELD)])


def run(preflight_id: int, *, now: Callable[[], datetime]) -> bool:
    """Run one pre-flight. Safe to ring any number of times: one worker gets it. True when it was run here."""
    require_aware(now())
    row = _take(preflight_id, now())
    if row is None:
        return False
    subject = _subject(row, now())
    if subject is None:
        return False
    results = prechecks.examine(subject, clock=now, open_channel=channel_of)
    return _record(row, results, now())


def _take(preflight_id: int, now: datetime) -> Preflight | None:
    """Claim it by compare-and-set; one whose worker died is due again when its lease ends."""
    row = Preflight.objects.select_related("release__unit", "account").filter(pk=preflight_id).first()
    if row is None or row.next_at is None or row.next_at > now:
        return None
    taken = Preflight.objects.filter(pk=row.pk, fence=row.fence, next_at__lte=now).update(
        state="running", next_at=now + preflight.LEASE, rung_at=None, fence=F("fence") + 1
    )
    if not taken:
        return None
    row.fence += 1
    return row


def _drop(row: Preflight, why: str) -> None:
    Preflight.objects.filter(pk=row.pk, fence=row.fence, state="running").update(
        state="dropped", next_at=None, note=why
    )


def _subject(row: Preflight, now: datetime) -> prechecks.Subject | None:
    """What it is about now; None (and dropped) when there is nothing to find out ahead any more."""
    release = row.release
    if not release.signed or release.signed_at != row.signed_at:
        _drop(row, "签发已作废或已重新签发")
        return None
    publications = waiting_publications(release, row.account, held=row.kind == preflight.Kind.ASKED)
    if not publications or preflight.too_late(max(one.not_before for one in publications), now):
        _drop(row, "没有等待发出的推送，或时刻已过")
        return None
    due = Preflight.objects.filter(
        release=release, account=row.account, signed_at=row.signed_at, state__in=["waiting", "running"]
    ).values_list("pk", "due_at")
    if preflight.newest(due, now) != row.pk:
        _drop(row, "由随后的一次预检一并查过")
        return None
    return prechecks.Subject(release, row.account, publications, now)


def waiting_publications(release: Release, account: Account, *, held: bool = True) -> list[Publication]:
    """The pushes of a release on one account that have not left yet, with those that are held or without."""
    found = release.publications.filter(account=account, state__in=NOT_LEFT if held else WAITING)
    found = found.select_related("account", "release__unit")
    return list(found.order_by("lane"))


def _record(row: Preflight, results: Sequence[CheckResult], now: datetime) -> bool:
    """Results, audit line and alarm in one transaction; nothing when somebody took it over meanwhile."""
    failed = [result for result in results if not result.ok]
    with audit.serialised():
        mine = Preflight.objects.filter(pk=row.pk, fence=row.fence, state="running").update(
            state="done", next_at=None, done_at=now, ok=not failed
        )
        if not mine:
            return False
        PreflightCheck.objects.bulk_create(
            PreflightCheck(
                preflight=row, position=position, code=result.code[:30], name=result.name[:60], ok=result.ok,
                warning=result.warning, message=result.message[:500], remedy=result.remedy[:300],
            )
            for position, result in enumerate(results)
        )  # fmt: skip
        data = {"account": row.account.slug, "kind": row.kind, "failed": sorted({result.code for result in failed})}
        data["names"] = list(dict.fromkeys(result.name for result in failed))  # for people, in the story of the release
        audit.append(ACTOR, "preflight.done", f"release:{row.release_id}", data, now=now)
        _alarm(row, results, now)
    return True


def _alarm(row: Preflight, results: Sequence[CheckResult], now: datetime) -> None:
    """What fails stands before the duty officer; what passes again is closed by itself."""
    failed, asked = [result for result in results if not result.ok], all(result.asked for result in results)
    subject = f"preflight:{row.release_id}:{row.account_id}"
    clock = [result for result in failed if result.code == "clock"]
    others = [result for result in failed if result.code != "clock"]
    _set(row, Kind.PREFLIGHT, subject, others, now, asked=asked)
    _set(row, Kind.CLOCK, f"clock:{row.release_id}:{row.account_id}", clock, now, asked=asked)


def _set(
    row: Preflight, kind: Kind, subject: str, failed: Sequence[CheckResult], now: datetime, *, asked: bool
) -> None:
    if not failed and not asked:
        return  # what the platform found wrong before may be so still
    if not failed:
        alarming.close(kind, [subject], why=f"{row.label}的预检通过", now=now)
        return
    if not row.release.publications.filter(account=row.account, state__in=WAITING).exists():
        # what is held stands before a person already, or a person wants it so
        alarming.close(kind, [subject], why="推送已不在等待发出；恢复时会再查一次", now=now)
        return
    if _is_news(row, failed):  # whoever has read the last one, or slept through it, must hear of this
        alarming.close(kind, [subject], why=f"{row.label}的预检又未过，另行警报", now=now)
    names = "、".join(dict.fromkeys(result.name for result in failed))
    words = "；".join(_each_once([result.message.rstrip("。") for result in failed]))
    call = Call(
        kind, subject, Out.NO, f"{row.account.name}：{words}。", public=f"未过：{names}"[:200], unit=row.release.unit_id,
        release=row.release_id, account=row.account_id,
    )  # fmt: skip
    alarming.raise_all([call], now=now)


def _each_once(messages: Sequence[str]) -> list[str]:
    """Without those that another one quotes: what is not ready on the platform names the cause that a check found, too."""
    return [one for one in dict.fromkeys(messages) if not any(one != other and one in other for other in messages)]


def _is_news(row: Preflight, failed: Sequence[CheckResult]) -> bool:
    """Whether something fails that did not the last time, or still does shortly before the instant."""
    if row.kind in {preflight.Kind.QUARTER, preflight.Kind.LAST}:
        return True
    last = (
        Preflight.objects.filter(release=row.release, account=row.account, signed_at=row.signed_at, state="done")
        .exclude(pk=row.pk)
        .order_by("-done_at", "-pk")
        .first()
    )
    known = set(last.checks.filter(ok=False).values_list("code", flat=True)) if last else set()
    return not {result.code for result in failed} <= known


def ask(release: Release, *, person: Person, now: Callable[[], datetime]) -> list[Preflight]:
    """A person wants to know now: one pre-flight for each account with pushes that wait. Runs them here."""
    require_aware(now())
    require(person, *ASKERS)
    if not release.signed or release.signed_at is None:
        raise Refused("unsigned", "这张发布单没有有效签发，没有可查的。请先签发。")
    waiting = release.publications.filter(state__in=NOT_LEFT)
    accounts = list(Account.objects.filter(pk__in=waiting.values("account_id")).order_by("pk"))
    if not accounts:
        raise Refused("settled", "这张发布单没有等待发出的推送，不需要预检。")
    at, asked = now(), []
    with audit.serialised():
        for account in accounts:
            asked.append(
                Preflight.objects.create(
                    release=release, account=account, kind=preflight.Kind.ASKED, signed_at=release.signed_at, due_at=at,
                    next_at=at, asked_by=person,
                )
            )  # fmt: skip
        audit.append(person.username, "preflight.asked", f"release:{release.pk}", now=at)
    for row in asked:
        with suppress(Exception):  # whatever stops it here, the clock has it run again
            run(row.pk, now=now)
    return list(Preflight.objects.filter(pk__in=[row.pk for row in asked]).order_by("pk"))
