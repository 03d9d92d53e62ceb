"""手工发布任务: what a release has people post, on accounts that the machine may not post on.

They stand beside the release's publications and are no part of the delivery machine: it never sees them. They are signed
with the release; when they are due follows from it (signed, its instant reached, its portal page live, no freeze).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import F, Prefetch, Q, QuerySet

from bot.domain import urgent
from bot.domain.alarms import Kind, Out
from bot.domain.channel import ModeSpec
from bot.domain.findings import blocking
from bot.domain.instants import require_aware, show
from bot.domain.manifest import ManifestItem, ManifestPublication
from bot.domain.typography import quoted
from bot.domain.workflow import Role
from bot.models import (
    Account,
    Alarm,
    AuditEvent,
    Edition,
    Freeze,
    HandDraft,
    Item,
    ManualPost,
    ManualTask,
    Person,
    PostRecord,
    Release,
    Unit,
)

from . import alarming, audit, byhand, manual, manualentry
from .accounts import channel_of, spec_of
from .addresses import post_at
from .errors import NotFound, Refused
from .handdraftplan import look_at_drafts
from .people import require
from .voiding import is_frozen

AHEAD = timedelta(days=7)
MOST = 200  # tasks on the page and in one round of reminding; the rest comes when those are done
_URGENT_FIRST = F("release__urgency").asc(nulls_last=True)


class Standing(StrEnum):
    """Where the tasks of one message stand."""

    DUE = "due"
    AHEAD = "ahead"
    UNSIGNED = "unsigned"
    ALTERED = "altered"
    RETURNED = "returned"
    FROZEN = "frozen"
    GATE = "gate"

    @property
    def words(self) -> str:
        """What staff must know."""
        return _WORDS[self]

    @property
    def shows_text(self) -> bool:
        """Whether people are given the text: it is the signed one, and may go out now or later."""
        return self not in {Standing.UNSIGNED, Standing.ALTERED, Standing.RETURNED}


_WORDS = {
    Standing.DUE: "现在发布",
    Standing.AHEAD: "时刻未到，不要发出",
    Standing.UNSIGNED: "没有有效签发，不要发出",
    Standing.ALTERED: "文字与签发的不一致，不要发出，请立即报告审计员",
    Standing.RETURNED: "补审退回，不要发出",
    Standing.FROZEN: "一键停发中，不要发出",
    Standing.GATE: "门户网页还没有上线，不要发出",
}


@dataclass(frozen=True, slots=True)
class Message:
    """The tasks that go out as one message, in order."""

    release: Release
    account: Account
    mode: ModeSpec
    lane: int
    tasks: Sequence[ManualTask]
    standing: Standing
    draft: HandDraft | None = None


# --- with the release -----------------------------------------------------------------------------------------


def require_free(edition: Edition, account: Account) -> None:
    """Refused where people have posted this edition on this account, or have a task to."""
    post = manualentry.posted_by_hand(edition, account)
    if post is not None:
        raise Refused(
            "by_hand",
            f"{quoted(edition.title)}已在“{account.name}”手工发布（登记第 {post.pk} 条），同一版本同一账号只发一次，发布单未保存。"
            "如需更正，请修改内容形成新版本。",
        )
    tasks = ManualTask.objects.filter(edition=edition, account=account, drop_reason="")
    task = tasks.filter(release__cancelled_at__isnull=True).first()
    if task is not None:
        raise Refused(
            "by_hand",
            f"{quoted(edition.title)}在“{account.name}”已列入发布单 {task.release_id} 的手工发布任务，同一版本同一账号只发一次，"
            "发布单未保存。请先作废那一张。",
        )


def plan(release: Release, account: Account, mode: ModeSpec, groups: Sequence[Sequence[Edition]]) -> None:
    """One task for each edition; each group goes out as one message."""
    if mode.by_hand and account.manual_only:
        words = f"账号“{account.name}”只能手工发布（{account.manual_reason}），系统不登录它，不能存草稿，发布单未保存。请改选“{_first_label(account)}”：由人复制文字发出。"
        raise Refused("mode", words)
    for lane, group in enumerate(groups):
        for position, edition in enumerate(group):
            require_free(edition, account)
            if Item.objects.filter(edition=edition, account=account, active=True).exists():
                words = f"{quoted(edition.title)}在账号“{account.name}”上已列入别的发布单，同一版本同一账号只发一次，发布单未保存。"
                raise Refused("once", words)
            post = PostRecord.objects.filter(edition=edition, account=account).first()
            if post is None:
                words = f"{quoted(edition.title)}送审时还没有账号“{account.name}”的渠道稿，发布单未保存。请把该文件重新送审一次。"
                raise Refused("no_post", words)
            ManualTask.objects.create(
                release=release, account=account, mode=mode.name, lane=lane, position=position, edition=edition, post=post
            )  # fmt: skip


def _first_label(account: Account) -> str:
    return spec_of(account).public_modes[0].label


def editions_of(release: Release) -> list[Edition]:
    """What people are to post."""
    return list(Edition.objects.filter(manual_tasks__release=release).select_related("document").distinct())


def require_signable(release: Release) -> None:
    """Refused where an account was taken out of use, or has changed hands between people and machine, since planning."""
    for task in release.manual_tasks.filter(done_at__isnull=True).select_related("account", "edition"):
        if not task.account.enabled:
            raise Refused("disabled", f"账号“{task.account.name}”已停用，未签发。请更换账号后重新编制。")
        drafted = byhand.leaves_draft(task)
        if drafted and task.account.manual_only:
            words = (
                f"账号“{task.account.name}”已改为只能手工发布，系统不能往它的草稿箱放草稿，未签发。请作废后重新编制。"
            )
            raise Refused("by_hand", words)
        if not drafted and not task.account.manual_only:
            raise Refused(
                "by_hand",
                f"账号“{task.account.name}”现在由系统发布，发布单是按手工发布编的，未签发。请作废后重新编制。",
            )
        if manualentry.posted_by_hand(task.edition, task.account) is not None:
            raise Refused(
                "by_hand", f"{quoted(task.edition.title)}已在“{task.account.name}”手工发布，未签发。请重新编制。"
            )


def seal(release: Release, credit: dict[int, str]) -> list[ManifestPublication]:
    """Draw the credit line (by edition) into each text and freeze it. Returns what the manifest says of them."""
    groups: dict[tuple[int, int], list[ManualTask]] = {}
    rows = release.manual_tasks.select_related("account", "edition", "post__account").order_by(
        "account_id", "lane", "position"
    )
    for task in rows:
        groups.setdefault((task.account_id, task.lane), []).append(task)
    return [_sealed(release, group, credit) for group in groups.values()]


def _sealed(release: Release, group: Sequence[ManualTask], credit: dict[int, str]) -> ManifestPublication:
    posts = [task.post.post.with_credit(credit[task.edition_id]) for task in group]
    account, mode = group[0].account, group[0].mode
    stop = blocking(channel_of(account, mode=mode).check(posts))
    if stop:
        words = tuple(finding.message for finding in stop)
        raise Refused("blocked", f"账号“{account.name}”的渠道稿不符合平台要求，未签发。", words)
    for task, post in zip(group, posts, strict=True):
        ManualTask.objects.filter(pk=task.pk).update(payload=dict(post.payload), payload_hash=post.hash)
    items = (
        ManifestItem(task.edition.content_hash, post.hash, post.marker) for task, post in zip(group, posts, strict=True)
    )
    return ManifestPublication(account.slug, mode, group[0].lane, release.instant, tuple(items))


# --- for the people who post --------------------------------------------------------------------------------


_WITH_EACH = ("release__gate", "release__urgency", "account", "edition__document", "post__account")


def waiting(unit: Unit, *, now: datetime) -> list[Message]:
    """What is to be posted now and in the coming seven days, and what is overdue; urgent notices first, then by time."""
    require_aware(now)
    found = ManualTask.objects.filter(
        done_at__isnull=True, release__unit=unit, release__cancelled_at__isnull=True, release__instant__lt=now + AHEAD
    )
    rows = (
        found.select_related(*_WITH_EACH)
        .defer("release__manifest", "edition__content")
        .order_by(_URGENT_FIRST, "release__instant", "release_id", "account_id", "lane", "position")
    )
    return _messages(_whole(list(rows[: MOST + 1])), frozen=is_frozen(unit), now=now)


def _whole(tasks: list[ManualTask]) -> list[ManualTask]:
    """At most so many, and no message in part: whoever copies posts what is shown."""
    kept, beyond = tasks[:MOST], tasks[MOST:]
    return [task for task in kept if not beyond or _message_of(task) != _message_of(beyond[0])] or kept


def _message_of(task: ManualTask) -> tuple[int, int, int]:
    return task.release_id, task.account_id, task.lane


def of_release(release: Release, *, now: datetime) -> list[Message]:
    """All tasks of a release, done ones included."""
    require_aware(now)
    return _messages(list(_with_posts().filter(release=release)), frozen=is_frozen(release.unit), now=now)


def of_releases(found: Iterable[Release], *, unit: Unit, now: datetime) -> dict[int, list[Message]]:
    """The same of several releases of a unit, by release; those without tasks are left out. A handful of questions,
    however many there are.
    """
    require_aware(now)
    rows = _with_posts().filter(release__in=[release.pk for release in found], release__unit=unit)
    tasks = list(rows.defer("release__manifest", "edition__content"))
    told: dict[int, list[Message]] = {}
    for message in _messages(tasks, frozen=is_frozen(unit), now=now) if tasks else ():
        told.setdefault(message.release.pk, []).append(message)
    return told


def _with_posts() -> QuerySet[ManualTask]:
    posts = ManualPost.objects.select_related("void", "posted_by", "account", "count").order_by("pk")
    rows = byhand.tasks().select_related(*_WITH_EACH).prefetch_related(Prefetch("posts", posts))
    return rows.order_by("release_id", "account_id", "lane", "position")


def _messages(tasks: Sequence[ManualTask], *, frozen: bool, now: datetime) -> list[Message]:
    groups: dict[tuple[int, int, int], list[ManualTask]] = {}
    for task in tasks:
        groups.setdefault(_message_of(task), []).append(task)
    drafts = _drafts(groups)
    return [
        Message(
            group[0].release, group[0].account, spec_of(group[0].account).mode(group[0].mode), group[0].lane, group,
            _standing_of(group, frozen=frozen, now=now), drafts.get(message),
        )
        for message, group in groups.items()
    ]  # fmt: skip


def _drafts(groups: Mapping[tuple[int, int, int], Sequence[ManualTask]]) -> dict[tuple[int, int, int], HandDraft]:
    """What the machine has left for these messages on the accounts, under the signatures that stand. One question, if any."""
    of = {key: tasks[0].release for key, tasks in groups.items() if byhand.leaves_draft(tasks[0])}
    rows = HandDraft.objects.filter(release__in={release.pk for release in of.values()}) if of else ()
    found = [((row.release_id, row.account_id, row.lane), row) for row in rows]
    return {key: row for key, row in found if key in of and row.signed_at == of[key].signed_at}


def _standing_of(group: Sequence[ManualTask], *, frozen: bool, now: datetime) -> Standing:
    """That of one message. People are asked to post the very text that was signed, and no other."""
    found = _standing(group[0].release, frozen=frozen, now=now)
    if found is not Standing.UNSIGNED and any(task.waits and task.text.hash != task.payload_hash for task in group):
        return Standing.ALTERED
    return found


def _standing(release: Release, *, frozen: bool, now: datetime) -> Standing:
    if not release.signed:
        return Standing.UNSIGNED
    if byhand.returned(release):
        return Standing.RETURNED
    if frozen:
        return Standing.FROZEN
    start = byhand.due_from(release)
    if start is None or start > now:
        return Standing.AHEAD
    return Standing.GATE if release.waits_for_portal else Standing.DUE


def find_message(release_id: int, slug: str, lane: int, *, unit: Unit) -> list[ManualTask]:
    """The tasks of one message that nobody has done."""
    found = ManualTask.objects.filter(
        release=release_id, release__unit=unit, account__slug=slug, lane=lane, done_at__isnull=True
    )
    tasks = list(found.select_related("release", "account", "edition__document").order_by("position"))
    if not tasks:
        raise NotFound("手工发布任务", f"{release_id}/{slug}")
    return tasks


def settled(release_id: int, slug: str, lane: int, *, unit: Unit) -> str:
    """Who has done with a message already, when and how, for whoever presses the button again; "" where there is none."""
    found = byhand.tasks().filter(release=release_id, release__unit=unit, account__slug=slug, lane=lane)
    tasks = list(found.filter(done_at__isnull=False))
    posts = ManualPost.objects.filter(task__in=tasks, void__isnull=True).select_related("entered_by").order_by("pk")
    entered = list(posts)
    if entered:
        numbers, last = "、".join(str(post.pk) for post in entered), entered[-1]
        when = show(last.entered_at, seconds=False)
        return f"已由{last.entered_by.name}于 {when} 登记（第 {numbers} 条），没有重复登记，未做改动。"
    if not tasks:
        return ""
    when = show(max(task.done_at for task in tasks if task.done_at), seconds=False)
    why = f"已由{_who_dropped(tasks, unit)}于 {when} 记为不再发布（{tasks[0].drop_reason}），没有重复办理，未做改动。"
    return f"{why}其实已经发出的，请用“登记手工发布”登记。"


def _who_dropped(tasks: Sequence[ManualTask], unit: Unit) -> str:
    lines = AuditEvent.objects.filter(subject=f"release:{tasks[0].release_id}", action="manual.dropped")
    line = next((one for one in lines.order_by("-sequence") if tasks[0].pk in one.data["tasks"]), None)
    person = unit.people.filter(username=line.actor).first() if line is not None else None
    return person.name if person is not None else "值班人员"


def finish(
    tasks: Sequence[ManualTask], *, urls: Sequence[str], posted_at: datetime, posted_by: Person, person: Person,
    now: datetime, knowing: bool = False, mode: str = "",
) -> list[manual.Entered]:  # fmt: skip
    """They were posted: the address of each goes into the book. All or none. `mode`: how a person made a draft public."""
    require_aware(now)
    require_aware(posted_at)
    how = {task.pk: mode if byhand.leaves_draft(task) else task.mode for task in tasks}
    if not all(how.values()):
        raise Refused("mode", "请选择这份草稿是怎样公开的（发布还是群发），没有登记，未做改动。")
    if len(urls) != len(tasks):
        raise Refused("urls", f"这次要登记 {len(tasks)} 篇，请按次序给出 {len(tasks)} 个链接，没有登记，未做改动。")
    _require_each_its_own(tasks, urls)
    with audit.serialised():
        return [
            manual.register(
                manualentry.Entry(task.account, how[task.pk], url, posted_at, posted_by, edition=task.edition),
                person=person, now=now, knowing=knowing,
            )
            for task, url in zip(tasks, urls, strict=True)
        ]  # fmt: skip


def _require_each_its_own(tasks: Sequence[ManualTask], urls: Sequence[str]) -> None:
    """Refused where two articles are given one address: said before any line is written that the refusal takes back."""
    first: dict[str, int] = {}
    for number, (task, url) in enumerate(zip(tasks, urls, strict=True), 1):
        key = post_at(task.account, url.strip())
        if key and key in first:
            words = f"同一个链接给了两次（第 {first[key]} 篇和第 {number} 篇），请按次序给出各篇自己的链接，没有登记任何一篇，未做改动。"
            raise Refused("urls", words)
        first[key] = number


def drop(tasks: Sequence[ManualTask], *, reason: str, person: Person, now: datetime) -> None:
    """不再发布: nobody is asked for it any more; the editions are free for another release."""
    require_aware(now)
    require(person, Role.DUTY, Role.RELEASER)
    if not tasks or any(task.release.unit_id != person.unit_id for task in tasks):
        raise NotFound("手工发布任务", "、".join(str(task.pk) for task in tasks))
    if not reason.strip():
        raise Refused("reason", "不再发布须写明原因，未做改动。")
    with audit.serialised():
        ids = [task.pk for task in tasks]
        open_ones = ManualTask.objects.filter(pk__in=ids, done_at__isnull=True)
        if open_ones.count() != len(ids):
            raise Refused("over", "这些任务里有的刚刚已登记发布或已不再发布，没有办理，未做改动。请刷新后再看。")
        open_ones.update(done_at=now, drop_reason=reason.strip()[:300])
        look_at_drafts(tasks[0].release_id, now=now, message=(tasks[0].account_id, tasks[0].lane))
        data = {"account": tasks[0].account.name, "tasks": ids, "reason": reason.strip()[:300]}
        audit.append(person.username, "manual.dropped", f"release:{tasks[0].release_id}", data, now=now)


# --- nobody forgets -----------------------------------------------------------------------------------------


def remind(*, now: datetime) -> None:
    """An alarm for every message that is due and not posted; closed when it is, or when it is not due any more. An urgent one
    is a new alarm every now and then, whoever has read the last.
    """
    require_aware(now)
    frozen = set(Freeze.objects.filter(lifted_at__isnull=True).values_list("unit_id", flat=True))
    due: dict[str, alarming.Call] = {}
    for task in _that_may_be_due(now).iterator(chunk_size=MOST):
        if _standing(task.release, frozen=task.release.unit_id in frozen, now=now) is Standing.DUE:
            due.setdefault(_subject(task), _call(task, now))
    wanted = {call.subject for call in due.values()}
    open_ones = Alarm.objects.filter(kind=Kind.BY_HAND, closed_at__isnull=True).values_list("subject", flat=True)
    earlier = [subject for subject in open_ones if subject not in wanted]
    again = [subject for subject in earlier if ":".join(subject.split(":")[:3]) in due]
    alarming.close(Kind.BY_HAND, again, why="还没有登记，再次警报", now=now)
    alarming.close(Kind.BY_HAND, set(earlier) - set(again), why="已登记发布，或不再需要手工发布", now=now)
    alarming.raise_all(list(due.values()), now=now)


def call_people(release: Release, *, now: datetime) -> None:
    """The alarms for what is due of one release at once, without waiting for the next round of `remind`."""
    require_aware(now)
    frozen, found = is_frozen(release.unit), _that_may_be_due(now).filter(release=release)
    due = {
        _subject(task): _call(task, now)
        for task in found
        if _standing(task.release, frozen=frozen, now=now) is Standing.DUE
    }
    alarming.raise_all(list(due.values()), now=now)


def _that_may_be_due(now: datetime) -> QuerySet[ManualTask]:
    """What nobody has done of signed releases whose time has come, or who go as soon as possible; urgent ones first."""
    come = Q(release__instant__lte=now) | Q(release__urgency__isnull=False, release__urgency__instant__isnull=True)
    rows = ManualTask.objects.filter(
        come, done_at__isnull=True, release__signed_at__isnull=False, release__cancelled_at__isnull=True
    )
    found = rows.select_related("release__gate", "release__urgency", "account").defer("payload", "release__manifest")
    return found.order_by(_URGENT_FIRST, "release__instant", "pk")


def _subject(task: ManualTask) -> str:
    """Of the message."""
    return f"manual:{task.release_id}:{task.account.slug}"


def _call(task: ManualTask, now: datetime) -> alarming.Call:
    release, name, subject = task.release, task.account.name, _subject(task)
    how = "草稿由人在平台后台发表" if byhand.leaves_draft(task) else "这个账号只能手工发布"
    words = f"{name}：发布单 {release.pk} 定于 {show(release.instant)} 发布，{how}，还没有登记。"
    if release.urgency is not None:
        words = f"{name}：应急发布单 {release.pk} 已由两人确认，须马上由人发出，这个账号只能手工发布，还没有登记。"
        start = byhand.due_from(release)
        which = urgent.calls_to_post(start, now) if start is not None else 0
        subject += f":{which}" if which else ""
    return alarming.Call(
        Kind.BY_HAND, subject, Out.UNKNOWN, words, unit=release.unit_id, release=release.pk,
        account=task.account_id,
    )  # fmt: skip
