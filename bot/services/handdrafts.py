"""草稿: the machine leaves a draft on the account itself, which people make public there.

It is no part of the delivery machine: nothing here is a public act. What is left is what was signed, read back and compared,
and it is taken back as soon as its signature is gone or it is not needed any more, so that nobody publishes it then. The
machine makes one draft; one that is gone or changed may be public, and only a person has another made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from django.conf import settings
from django.db.models import F, Q, QuerySet

from bot.domain import handdraft, timeline
from bot.domain.alarms import Kind, Out
from bot.domain.channel import DRAFT_GONE, READ_BACK, ChannelFault, DraftKeeper, Staged
from bot.domain.handdraft import Stage, Step
from bot.domain.instants import require_aware, show
from bot.domain.workflow import Role
from bot.models import Alarm, HandDraft, ManualTask, Person, Release, Unit

from . import alarming, audit
from .accounts import channel_of, known
from .errors import NotFound, Refused
from .handdraftplan import ring_by
from .people import require
from .voiding import is_frozen

log = structlog.get_logger(__name__)
ACTOR = "系统"
LEASE = timedelta(minutes=6)  # longer than a worker may take (tasks/, hard limit), so that two never put one there
FROZEN_WAIT = timedelta(minutes=1)
PATIENCE = timedelta(minutes=2)  # one round of the chore; what is left waits for the next
MOST_TOLD = 200
ALTERED = (
    "草稿箱里找不到这份草稿，或内容、封面与签发的不一致；系统没有另放一份。请到公众平台查看："
    "已经公开的，回来登记链接；被人改动或删除的，不要发表，请在这里重新放入。"
)
FOREIGN = "签发的文字与存档的不一致，草稿不放入、已放入的取回。请立即报告审计员，不要发出。"
DISABLED = "账号已停用，草稿不放入、已放入的取回，没有公开。请由系统管理员恢复账号后重新放入，或不再发布。"
TOO_LATE = "已过约定时刻太久，系统没有再放草稿，没有公开。仍要发的请重新放入，或复制文字发出；不发的请选“不再发布”。"
GOING = "这份草稿没有有效签发了，不要发表。"
LEFT = "系统没有删掉它，请到公众平台草稿箱删除，再回来点“已在草稿箱删除”。"
SPARE = "已登记发布，多出的草稿不要再发表。"
IN_DOUBT = (
    "本机由备份恢复，备份以后有没有把草稿放进草稿箱、有没有公开，本机不知道。请到公众平台查看："
    "已经公开的登记链接；草稿箱里没有的，在这里重新放入。"
)
IN_DOUBT_GONE = "本机由备份恢复，不知道它还在不在草稿箱。请到公众平台查看，在的删除，再回来点“已在草稿箱删除”。"


def due(now: datetime) -> QuerySet[HandDraft]:
    """What a worker has to go on with."""
    require_aware(now)
    return HandDraft.objects.filter(next_at__lte=now)


def work_all(*, now: Callable[[], datetime]) -> None:
    """Everything that is due; afterwards the chore comes back when the next is."""
    began = now()
    for pk in list(due(began).order_by("next_at", "pk").values_list("pk", flat=True)):
        if now() - began > PATIENCE:
            break
        try:
            work(pk, now=now)
        except Exception:  # one odd row must not keep the others from their turn; its lease brings it back
            log.exception("handdraft.failed", draft=pk)
    come_back()


def come_back() -> None:
    """The chore comes when the next is due."""
    soonest = HandDraft.objects.filter(next_at__isnull=False).order_by("next_at").values_list("next_at", flat=True)
    if following := soonest.first():
        ring_by(following)


def work(pk: int, *, now: Callable[[], datetime]) -> None:
    """What is due of one draft, if nobody else has it."""
    at = require_aware(now())
    free = Q(next_at__lte=at) & (Q(lease_until__isnull=True) | Q(lease_until__lte=at))
    draft = _take(HandDraft.objects.filter(free, pk=pk), at)
    if draft is None:
        return
    if draft.status is Stage.PLACED and at >= draft.release.instant and _wanted(draft, draft.release, _tasks(draft)):
        _write(
            draft, Step(Stage.PLACED, None, draft.note, draft.faults), at
        )  # from here on people may have published it
        return
    _do(draft, now, anew=False)


def _take(found: Any, now: datetime) -> HandDraft | None:
    """Claim it by compare-and-set; one whose worker died is due again when its lease ends. What is known of its release is
    read afterwards: whoever voids the signature later finds it taken, and is seen when it is written."""
    until = now + LEASE
    row = found.values("pk", "fence").first()
    if row is None or not found.filter(fence=row["fence"]).update(
        next_at=until, lease_until=until, fence=F("fence") + 1
    ):
        return None
    return HandDraft.objects.select_related("release__unit", "account__unit").get(pk=row["pk"])


def _do(draft: HandDraft, now: Callable[[], datetime], *, anew: bool) -> None:
    tasks, at = _tasks(draft), now()
    if not _wanted(draft, draft.release, tasks):
        _take_back(draft, _why_not(draft, tasks), at)
    elif is_frozen(draft.release.unit):
        _write(draft, Step(draft.status, at + FROZEN_WAIT, draft.note, draft.faults), at)
    elif draft.status is Stage.WAITING and at < handdraft.placed_at(draft.signed_at, draft.release.instant):
        _write(draft, Step(Stage.WAITING, handdraft.placed_at(draft.signed_at, draft.release.instant)), at)
    elif not anew and not draft.staged and timeline.too_late(at, draft.release.instant, settings.TONGFA.max_lateness):
        _write(draft, Step(Stage.FAILED, None, TOO_LATE), at)
    elif not anew and draft.status is Stage.ALTERED and not draft.staged:
        _write(draft, Step(Stage.ALTERED, None, draft.note or ALTERED), at)  # nothing is known that could be read
    elif not anew and draft.status is Stage.TAKEN_BACK:
        _write(draft, Step(Stage.TAKEN_BACK, None, draft.note), at)
    else:
        _place(draft, tasks, anew, now)


def _tasks(draft: HandDraft) -> list[ManualTask]:
    found = ManualTask.objects.filter(release=draft.release_id, account=draft.account_id, lane=draft.lane)
    return list(found.select_related("account", "edition", "post__account").order_by("position"))


def signed(draft: HandDraft, release: Release) -> bool:
    """Whether the signature that it was made for stands."""
    return release.cancelled_at is None and release.signed_at == draft.signed_at


def _wanted(draft: HandDraft, release: Release, tasks: Sequence[ManualTask]) -> bool:
    """Whether people are still to publish this very text on this account."""
    usable = not draft.account.disabled_reason and known(draft.account)
    return signed(draft, release) and usable and all(task.waits for task in tasks) and _is_sound(tasks)


def _is_sound(tasks: Sequence[ManualTask]) -> bool:
    return bool(tasks) and all(task.text.hash == task.payload_hash for task in tasks)


def _why_not(draft: HandDraft, tasks: Sequence[ManualTask]) -> str:
    """For staff; "" where there is nothing for them to know."""
    if not signed(draft, draft.release) or all(task.dropped for task in tasks):
        return GOING
    if any(not task.waits for task in tasks):
        return SPARE
    return DISABLED if _is_sound(tasks) else FOREIGN


def _write(draft: HandDraft, step: Step, now: datetime, **changes: object) -> bool:
    """False, and nothing written, where somebody took it over meanwhile. A change of stage stands in the trail.

    What was called off while a worker was at it is seen here: it is kept in mind, and taken back next.
    """
    with audit.serialised():
        release = Release.objects.get(pk=draft.release_id)
        staged = changes.get("staged", draft.staged)
        if (
            step.stage not in {*handdraft.GOING, Stage.TAKEN_BACK}
            and staged
            and not _wanted(draft, release, _tasks(draft))
        ):
            step = Step(Stage.LEAVING, now, GOING)
        values = {"stage": step.stage, "next_at": step.next_at, "note": step.note[:500], "faults": step.faults}
        mine = HandDraft.objects.filter(pk=draft.pk, fence=draft.fence)
        if not mine.update(**values, **changes, lease_until=None):
            return False
        if step.stage is not draft.status:
            told = {"account": draft.account.name, "stage": step.stage.label, "note": step.note[:300]}
            audit.append(ACTOR, "manual.draft", f"release:{draft.release_id}", told, now=now)
    if step.next_at is not None:
        ring_by(step.next_at)
    return True


# --- put there, read back -----------------------------------------------------------------------------------


def _place(draft: HandDraft, tasks: Sequence[ManualTask], anew: bool, now: Callable[[], datetime]) -> None:
    """Where a draft of ours stands, or may, it is only read; another is made where a person asks for it."""
    keep = bool(draft.staged) and not anew
    try:
        adapter = channel_of(draft.account, mode=tasks[0].mode)
        posts = tuple(task.text for task in tasks)
        staged = adapter.stage(posts, key=f"draft{draft.pk}", previous=draft.staged or None, keep=keep)
    except ChannelFault as fault:
        made = dict(fault.staged) if fault.staged else {}
        kept = _replaced(draft, made) if made else {}
        _write_or_undo(draft, _faulted(draft, fault, bool(made or draft.staged), now()), now(), made, kept)
        return
    except Refused as refusal:
        step = handdraft.faulted(
            draft.status, draft.faults, refusal.message, draft.release.instant, made=bool(draft.staged), now=now()
        )
        _write(draft, step, now())
        return
    _placed(draft, staged, now())


def _placed(draft: HandDraft, staged: Staged, now: datetime) -> None:
    table = dict(staged.table)
    fresh = table != draft.staged
    kept = {"checked_at": now, **(_replaced(draft, table) | {"placed_at": now} if fresh else {})}
    step = handdraft.placed(draft.release.instant, now=now)
    if fresh and kept["left"]:
        step = replace(step, next_at=now)  # the earlier one is made sure of first
    _write_or_undo(draft, step, now, table if fresh else {}, kept)
    if fresh and kept["left"]:
        _sweep(draft, now)


def _replaced(draft: HandDraft, table: Mapping[str, Any]) -> dict[str, Any]:
    """The new draft takes the place of the earlier one, of which it is not sure yet that it is gone."""
    earlier = [draft.staged] if draft.staged and draft.staged != table else []
    return {"staged": dict(table), "left": [*draft.left, *earlier]}


def _write_or_undo(
    draft: HandDraft, step: Step, now: datetime, made: Mapping[str, Any], changes: dict[str, Any]
) -> None:
    """Whoever lost the row to another takes back what they have just made: nobody else knows of it."""
    if _write(draft, step, now, **changes) or not made:
        return
    try:
        cast(DraftKeeper, channel_of(draft.account)).unstage(made)
    except (ChannelFault, Refused):
        log.error("handdraft.left_behind", draft=draft.pk)


def _faulted(draft: HandDraft, fault: ChannelFault, made: bool, now: datetime) -> Step:
    if fault.code == DRAFT_GONE:
        return Step(Stage.ALTERED, None, ALTERED)
    if fault.code == READ_BACK:
        return Step(Stage.ALTERED, None, f"{fault.message}{ALTERED}")
    return handdraft.faulted(draft.status, draft.faults, fault.message, draft.release.instant, made=made, now=now)


# --- taken back ---------------------------------------------------------------------------------------------


def _take_back(draft: HandDraft, why: str, now: datetime) -> None:
    """Delete what stands there, so that nobody makes public what is not to be published any more."""
    if draft.status is Stage.LEFT_OVER:
        _write(draft, Step(Stage.LEFT_OVER, None, draft.note, draft.faults), now)
        return
    told = why if why in {FOREIGN, DISABLED} else ""
    try:
        _unstage(draft, [*draft.left, *([draft.staged] if draft.staged else [])])
    except (ChannelFault, Refused) as trouble:
        step = handdraft.not_taken_back(draft.faults, f"{why}{trouble.message}", now=now)
        _write(draft, replace(step, note=f"{step.note}{LEFT}" if step.stage is Stage.LEFT_OVER else step.note), now)
        return
    _write(draft, Step(Stage.TAKEN_BACK, None, told), now, staged={}, left=[])


def _unstage(draft: HandDraft, tables: Sequence[Mapping[str, Any]]) -> None:
    if tables:
        keeper = cast(DraftKeeper, channel_of(draft.account))
        for table in tables:
            keeper.unstage(table)


def _sweep(draft: HandDraft, now: datetime) -> None:
    """Earlier drafts that a new one has replaced: gone for sure, or a person hears of it."""
    draft.refresh_from_db()
    try:
        _unstage(draft, draft.left)
    except (ChannelFault, Refused) as trouble:
        words = f"新的草稿已放入，旧的一份没有删掉：{trouble.message}请到公众平台草稿箱删除旧的那份，不要发表它。"
        HandDraft.objects.filter(pk=draft.pk, fence=draft.fence).update(note=words[:500], faults=handdraft.TOLD_FROM)
        return
    step = handdraft.placed(draft.release.instant, now=now)
    HandDraft.objects.filter(pk=draft.pk, fence=draft.fence, stage=Stage.PLACED).update(left=[], next_at=step.next_at)


# --- people -------------------------------------------------------------------------------------------------


def find(pk: int, person: Person) -> HandDraft:
    """One of this person's unit."""
    try:
        return HandDraft.objects.select_related("release__unit", "account__unit").get(
            pk=pk, release__unit=person.unit_id
        )
    except HandDraft.DoesNotExist:
        raise NotFound("草稿", pk) from None


def going(unit: Unit) -> list[HandDraft]:
    """What is not signed any more and still, or perhaps, stands there: nobody may publish it."""
    stages = [str(stage) for stage in handdraft.GOING]
    found = HandDraft.objects.filter(stage__in=stages, release__unit=unit).select_related("release", "account")
    return list(found.defer("release__manifest").order_by("pk")[:MOST_TOLD])


def look_again(
    draft: HandDraft, *, seen: int, person: Person, now: Callable[[], datetime], anew: bool = False
) -> HandDraft:
    """再核对, or with `anew` 重新放入: the earlier one, where it still stands, is deleted. Returns where it stands now.

    `seen`: the fence of the row that the person looked at; refused where it has changed since.
    """
    at = require_aware(now())
    require(person, Role.DUTY, Role.RELEASER)
    found = find(draft.pk, person)
    _require_possible(found, person.unit, anew)
    with audit.serialised():
        free = Q(lease_until__isnull=True) | Q(lease_until__lte=at)
        taken = _take(HandDraft.objects.filter(free, pk=found.pk, fence=seen), at)
        if taken is None:
            raise Refused(
                "changed", "这份草稿的情况刚刚变了，或系统正在处理它，没有办理，未做改动。请看过现在的情况再决定。"
            )
        audit.append(person.username, "manual.draft_asked", f"release:{found.release_id}", {"anew": anew}, now=at)
    _do(taken, now, anew=anew)
    return find(found.pk, person)


def _require_possible(draft: HandDraft, unit: Unit, anew: bool) -> None:
    tasks = _tasks(draft)
    if not signed(draft, draft.release):
        raise Refused("unsigned", "这份草稿没有有效签发了，没有放入，未做改动。请刷新后再看。")
    if is_frozen(unit):
        raise Refused("frozen", "本单位正处于一键停发状态，没有放入草稿箱，未做改动。请先解除停发。")
    if not all(task.waits for task in tasks):
        raise Refused("over", "已经登记发布，或不再发布，没有放入草稿箱，未做改动。请刷新后再看。")
    if anew and draft.status not in handdraft.ANEW:
        raise Refused("stands", f"草稿现在是“{draft.status.label}”，没有重新放入，未做改动。请刷新后再看。")
    if not anew and draft.status in {Stage.WAITING, Stage.TAKEN_BACK}:
        raise Refused("nothing", f"草稿现在是“{draft.status.label}”，没有可核对的，未做改动。")


def gone(draft: HandDraft, *, seen: int, person: Person, now: datetime) -> None:
    """已在草稿箱删除: a person has deleted by hand what the machine could not. By a named person's word."""
    require_aware(now)
    require(person, Role.DUTY, Role.RELEASER)
    found = find(draft.pk, person)
    with audit.serialised():
        mine = HandDraft.objects.filter(pk=found.pk, fence=seen, stage__in=[str(one) for one in handdraft.GOING])
        if not mine.update(
            stage=Stage.TAKEN_BACK, next_at=None, lease_until=None, note="", staged={}, left=[], fence=F("fence") + 1
        ):
            raise Refused("changed", "这份草稿的情况刚刚变了，没有登记，未做改动。请看过现在的情况再决定。")
        told = {"account": found.account.name, "by": person.name}
        audit.append(person.username, "manual.draft_gone", f"release:{found.release_id}", told, now=now)


# --- nobody forgets -----------------------------------------------------------------------------------------


def remind(*, now: datetime) -> None:
    """An alarm for each draft that a person must see to; closed when nobody need any more."""
    require_aware(now)
    rows = HandDraft.objects.filter(pk__in=_perhaps(now)).select_related("release", "account")
    found = rows.defer("release__manifest").order_by("pk")[:MOST_TOLD]
    due = {call.subject: call for draft in found if tells(draft, now=now) for call in [_call(draft)]}
    standing = Alarm.objects.filter(kind=Kind.DRAFT, closed_at__isnull=True).values_list("subject", flat=True)
    over = [subject for subject in standing if subject not in due]
    alarming.close(Kind.DRAFT, over, why="已经办好，或不再需要人处理", now=now)
    alarming.raise_all(list(due.values()), now=now)


def _perhaps(now: datetime) -> set[int]:
    """Those of which a person may have to hear; each question is answered from an index."""
    questions = (
        Q(faults__gt=0), Q(next_at__lt=now - handdraft.OVERDUE), Q(stage__in=[Stage.ALTERED, Stage.LEFT_OVER]),
        Q(stage__in=[Stage.WAITING, Stage.FAILED, Stage.UNCHECKED], next_at__isnull=True),
    )  # fmt: skip
    return {pk for one in questions for pk in HandDraft.objects.filter(one).values_list("pk", flat=True)[:MOST_TOLD]}


def tells(draft: HandDraft, *, now: datetime) -> bool:
    """Whether a person must see to it: of the signature that stands, and what could not be taken back of an earlier one."""
    require_aware(now)
    if not handdraft.for_a_person(draft.status, draft.faults, draft.next_at, now=now):
        return False
    return draft.status in handdraft.GOING or (signed(draft, draft.release) and any(t.waits for t in _tasks(draft)))


def _call(draft: HandDraft) -> alarming.Call:
    release = draft.release
    words = f"{draft.account.name}：发布单 {release.pk}（{show(release.instant)}），{draft.status.label}。{draft.note}"
    may_be_out = draft.status in {Stage.ALTERED, *handdraft.GOING}
    return alarming.Call(
        Kind.DRAFT, f"draft:{draft.pk}", Out.UNKNOWN if may_be_out else Out.NO, words[:500], unit=release.unit_id,
        release=release.pk, account=draft.account_id,
    )  # fmt: skip


def doubt_all(*, now: datetime) -> int:
    """After a restore: what was left since the backup nobody here knows. Returns how many a person must look for."""
    require_aware(now)
    alive = HandDraft.objects.exclude(stage__in=[Stage.TAKEN_BACK, Stage.LEFT_OVER]).select_related("release")
    count = 0
    for draft in alive.defer("release__manifest").order_by("pk"):
        wanted = signed(draft, draft.release) and any(task.waits for task in _tasks(draft))
        stage, note = (Stage.ALTERED, IN_DOUBT) if wanted else (Stage.LEFT_OVER, f"{GOING}{IN_DOUBT_GONE}")
        HandDraft.objects.filter(pk=draft.pk).update(stage=stage, note=note, next_at=None, lease_until=None)
        count += 1
    return count
