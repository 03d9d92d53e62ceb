"""草稿: the machine leaves a draft on the account itself, which people make public there.

It is no part of the delivery machine: nothing here is a public act. What is left is what was signed, read back and compared,
and it is taken back as soon as its signature is gone, so that nobody publishes what is not approved any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import cast

import structlog
from django.db.models import F

from bot.domain import handdraft
from bot.domain.alarms import Kind, Out
from bot.domain.channel import DRAFT_GONE, ChannelFault, DraftKeeper, Remedy
from bot.domain.handdraft import Stage, Step
from bot.domain.instants import require_aware, show
from bot.domain.workflow import Role
from bot.models import HandDraft, ManualTask, Person

from . import audit
from .accounts import channel_of, known
from .alarming import Call
from .errors import NotFound, Refused
from .handdraftplan import ring_by
from .people import require
from .voiding import is_frozen

log = structlog.get_logger(__name__)
ACTOR = "系统"
LEASE = timedelta(minutes=3)
FROZEN_WAIT = timedelta(minutes=1)
PATIENCE = timedelta(minutes=2)  # one round of the chore; what is left waits for the next
ALTERED = (
    "草稿箱里找不到这份草稿，或内容、封面与签发的不一致；系统没有另放一份。请到公众平台查看："
    "已经公开的，回来登记链接；被人改动或删除的，不要发表，请在这里重新放入。"
)
FOREIGN = "签发的文字与存档的不一致，没有放入草稿箱。请立即报告审计员，不要发出。"
DISABLED = "账号已停用，没有放入草稿箱。请由系统管理员恢复账号，或不再发布。"


def work_all(*, now: Callable[[], datetime]) -> None:
    """Everything that is due; afterwards the chore comes back when the next is."""
    began = require_aware(now())
    due = HandDraft.objects.filter(next_at__lte=began).order_by("next_at", "pk")
    for pk in list(due.values_list("pk", flat=True)):
        if now() - began > PATIENCE:
            break
        try:
            work(pk, now=now)
        except Exception:  # one odd row must not keep the others from their turn; its lease brings it back
            log.exception("handdraft.failed", draft=pk)
    soonest = HandDraft.objects.filter(next_at__isnull=False).order_by("next_at").values_list("next_at", flat=True)
    if following := soonest.first():
        ring_by(following)


def work(pk: int, *, now: Callable[[], datetime], anew: bool = False) -> None:
    """What is due of one draft, if nobody else has it. `anew`: a person asks for a fresh one in the place of whatever is there."""
    draft = _take(pk, require_aware(now()))
    if draft is None:
        return
    tasks = _tasks(draft)
    if not _signed(draft) or all(task.dropped for task in tasks):
        _take_back(draft, now())
    elif any(task.done_at is not None for task in tasks):
        _write(draft, Step(draft.status, None, draft.note), {}, now())  # it is public, and no draft any more
    elif is_frozen(draft.release.unit):
        _write(draft, Step(draft.status, now() + FROZEN_WAIT, draft.note, draft.faults), {}, now())
    else:
        _place(draft, tasks, anew, now)


def _take(pk: int, now: datetime) -> HandDraft | None:
    """Claim it by compare-and-set; one whose worker died is due again when its lease ends."""
    draft = HandDraft.objects.select_related("release__unit", "account__unit").get(pk=pk)
    if draft.next_at is None or draft.next_at > now:
        return None
    mine = HandDraft.objects.filter(pk=pk, fence=draft.fence, next_at__lte=now)
    if not mine.update(next_at=now + LEASE, lease_until=now + LEASE, fence=F("fence") + 1):
        return None
    draft.fence += 1
    return draft


def _signed(draft: HandDraft) -> bool:
    """Whether the signature that it was made for stands."""
    return draft.release.cancelled_at is None and draft.release.signed_at == draft.signed_at


def _tasks(draft: HandDraft) -> list[ManualTask]:
    found = ManualTask.objects.filter(release=draft.release_id, account=draft.account_id, lane=draft.lane)
    return list(found.select_related("account", "edition", "post__account").order_by("position"))


def _write(draft: HandDraft, step: Step, changes: dict[str, object], now: datetime, data: dict[str, object] | None = None) -> None:  # fmt: skip
    """Nothing where somebody took it over meanwhile. A change of stage stands in the trail."""
    with audit.serialised():
        mine = HandDraft.objects.filter(pk=draft.pk, fence=draft.fence)
        values = {
            "stage": step.stage,
            "next_at": step.next_at,
            "note": step.note[:500],
            "faults": step.faults,
            "lease_until": None,
        }
        if not mine.update(**values, **changes):
            return
        if step.stage is not draft.status:
            told = {"account": draft.account.name, "stage": step.stage.label, "note": step.note[:300], **(data or {})}
            audit.append(ACTOR, "manual.draft", f"release:{draft.release_id}", told, now=now)


# --- put there, read back -----------------------------------------------------------------------------------


def _place(draft: HandDraft, tasks: Sequence[ManualTask], anew: bool, now: Callable[[], datetime]) -> None:
    instant = draft.release.instant
    try:
        _require_sound(draft, tasks)
        adapter = channel_of(draft.account, mode=tasks[0].mode)
        stands = draft.status in {Stage.PLACED, Stage.ALTERED} and not anew
        posts = tuple(task.text for task in tasks)
        staged = adapter.stage(posts, key=f"draft{draft.pk}", previous=draft.staged or None, keep=stands)
    except ChannelFault as fault:
        _write(draft, _faulted(draft, fault, now()), {}, now())
        return
    except Refused as refusal:
        _write(draft, handdraft.faulted(draft.status, draft.faults, refusal.message, instant, now=now()), {}, now())
        return
    at = now()
    kept = {"staged": dict(staged.table), "checked_at": at, "placed_at": draft.placed_at if stands else at}
    _write(draft, handdraft.placed(instant, now=at), kept, at)


def _require_sound(draft: HandDraft, tasks: Sequence[ManualTask]) -> None:
    if draft.account.disabled_reason or not known(draft.account):
        raise Refused("disabled", DISABLED)
    if not tasks or any(task.text.hash != task.payload_hash for task in tasks):
        raise Refused("altered", FOREIGN)


def _faulted(draft: HandDraft, fault: ChannelFault, now: datetime) -> Step:
    if fault.code == DRAFT_GONE:
        return Step(Stage.ALTERED, None, ALTERED)
    if fault.remedy is Remedy.PERSON and draft.status is not Stage.PLACED:
        return Step(Stage.FAILED, None, fault.message, draft.faults + 1)
    return handdraft.faulted(draft.status, draft.faults, fault.message, draft.release.instant, now=now)


# --- taken back ---------------------------------------------------------------------------------------------


def _take_back(draft: HandDraft, now: datetime) -> None:
    """Delete it, so that nobody makes public what is not signed any more."""
    if not draft.staged:
        _write(draft, Step(Stage.TAKEN_BACK, None), {}, now)
        return
    try:
        cast(DraftKeeper, channel_of(draft.account)).unstage(draft.staged)
    except (ChannelFault, Refused) as trouble:
        words = f"{trouble.message}这份草稿不再有有效签发，不要发表，请到公众平台草稿箱删除。"
        _write(draft, handdraft.not_taken_back(draft.faults, words, now=now), {}, now)
        return
    _write(draft, Step(Stage.TAKEN_BACK, None), {"staged": {}}, now)


# --- people -------------------------------------------------------------------------------------------------


def find(pk: int, person: Person) -> HandDraft:
    """One of this person's unit."""
    try:
        return HandDraft.objects.select_related("release", "account").get(pk=pk, release__unit=person.unit_id)
    except HandDraft.DoesNotExist:
        raise NotFound("草稿", pk) from None


def look_again(draft: HandDraft, *, person: Person, now: Callable[[], datetime], anew: bool = False) -> HandDraft:
    """再核对, or with `anew` 重新放入: the earlier one, where it still stands, is deleted. Returns where it stands now."""
    at = require_aware(now())
    require(person, Role.DUTY, Role.RELEASER)
    found = find(draft.pk, person)
    if not _signed(found) or found.status in handdraft.ENDED:
        raise Refused("unsigned", "这份草稿没有有效签发了，没有放入，未做改动。请刷新后再看。")
    if is_frozen(person.unit):
        raise Refused("frozen", "本单位正处于一键停发状态，没有放入草稿箱，未做改动。请先解除停发。")
    if not ManualTask.objects.filter(
        release=found.release_id, account=found.account_id, lane=found.lane, done_at__isnull=True
    ).exists():
        raise Refused("over", "已经登记发布，或不再发布，没有放入草稿箱，未做改动。请刷新后再看。")
    with audit.serialised():
        mine = HandDraft.objects.filter(pk=found.pk, fence=found.fence)
        busy = found.lease_until is not None and found.lease_until > at
        if busy or not mine.update(next_at=at, faults=0):
            raise Refused("busy", "系统正在处理这份草稿，请稍候刷新再看，未做改动。")
        data = {"anew": anew}
        audit.append(person.username, "manual.draft_asked", f"release:{found.release_id}", data, now=at)
    work(found.pk, now=now, anew=anew)
    return find(found.pk, person)


# --- nobody forgets -----------------------------------------------------------------------------------------


def calls() -> list[Call]:
    """One for each draft that a person must see to."""
    stages = [str(stage) for stage in handdraft.FOR_A_PERSON]
    found = HandDraft.objects.filter(stage__in=stages).exclude(stage=Stage.FAILED, next_at__isnull=False, faults__lt=2)
    rows = found.select_related("release", "account").defer("release__manifest")
    return [_call(draft) for draft in rows.order_by("pk")[:200] if _still_wanted(draft)]


def _still_wanted(draft: HandDraft) -> bool:
    if draft.status is Stage.LEFT_OVER:
        return True
    return _signed(draft) and any(task.waits for task in _tasks(draft))


def _call(draft: HandDraft) -> Call:
    release = draft.release
    words = f"{draft.account.name}：发布单 {release.pk} 定于 {show(release.instant)} 由人发布，{draft.status.label}。{draft.note}"
    out = Out.UNKNOWN if draft.status is Stage.ALTERED else Out.NO
    return Call(
        Kind.BY_HAND, f"draft:{draft.pk}", out, words[:500], unit=release.unit_id, release=release.pk,
        account=draft.account_id,
    )  # fmt: skip
