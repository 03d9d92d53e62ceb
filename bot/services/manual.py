"""手工发布登记: the book of what people posted on a platform's own console.

The machine shares the account with them: what they posted takes that day's quota, and an edition that they posted is not
sent again. Where a signed release stands in the way, its signature is voided, so that a person hears of it and decides;
whoever enters the post is told before. The book is append-only: a mistake is voided, and the right entry is a new line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet

from bot.domain.instants import beijing_date, beijing_midnight, require_aware
from bot.domain.workflow import Role
from bot.models import Account, ManualPost, ManualTask, ManualVoid, Person, Unit
from bot.models.gathering import share

from . import audit, byhand, manualnumbers, urgentcare
from .errors import NotFound, Refused
from .handdraftplan import look_at_drafts, put_back_drafts
from .manualentry import Clash, Entry, address_key, checked, clashes, mates, require_once
from .people import require
from .quotas import give_back_by_hand, take_by_hand
from .voiding import void_signature

_NOTHING = "没有登记，未做改动"
SHORTEST_EVIDENCE = 5
TAKEN_DOWN = "manual.taken_down"  # its line in the trail


@dataclass(frozen=True, slots=True)
class Entered:
    """The new line. `over`: by the book more was posted than the quota allows; `stopped`: what lost its signature; `early`:
    it was posted before people might.
    """

    post: ManualPost
    over: bool
    stopped: Sequence[Clash]
    early: bool = False


# --- reading ------------------------------------------------------------------------------------------------


def standing(unit: Unit) -> QuerySet[ManualPost]:
    """Entries of a unit that count."""
    standing_ones = ManualPost.objects.filter(unit=unit, void__isnull=True)
    return standing_ones.select_related("account", "edition__document", "count")


def on_days(unit: Unit, first: date, last: date, *, most: int | None = None) -> list[ManualPost]:
    """What was posted by hand on the Beijing days from `first` to `last`, both included, in order of time, at most so many;
    with what it was posted for, as far as a calendar shows it. Two queries."""
    found = _on_days(unit, first, last).select_related("edition__document", "posted_by", "task__release")
    posts = list(found.only(*_OF_A_DAY).order_by("posted_at", "pk")[:most])
    share(posts, "account", Account.objects.in_bulk({post.account_id for post in posts}))
    return posts


_OF_A_DAY = (
    "account_id", "mode", "title", "posted_at", "edition__document__kind", "posted_by__name", "task__release__instant",
    "task__done_at", "task__drop_reason",
)  # fmt: skip


def days_with_posts(unit: Unit, first: date, last: date) -> set[date]:
    """On which Beijing days of these anything was posted by hand. One query."""
    return {beijing_date(at) for at in _on_days(unit, first, last).values_list("posted_at", flat=True)}


def _on_days(unit: Unit, first: date, last: date) -> QuerySet[ManualPost]:
    start, end = beijing_midnight(first), beijing_midnight(last + timedelta(days=1))
    return ManualPost.objects.filter(unit=unit, void__isnull=True, posted_at__gte=start, posted_at__lt=end)


def book(unit: Unit, *, before: int | None = None, most: int = 50) -> list[ManualPost]:
    """The newest lines, voided ones included; `before`: those older than the line of that number."""
    found = ManualPost.objects.filter(unit=unit)
    found = found.filter(pk__lt=before) if before else found
    whole = found.select_related(
        "account", "edition__document", "posted_by", "entered_by", "void__person", "corrects", "task", "count"
    ).defer("edition__content", "task__payload")
    return list(whole.order_by("-pk")[:most])


def find_post(pk: int, *, unit: Unit) -> ManualPost:
    """A line of this unit's book."""
    try:
        return ManualPost.objects.select_related("account", "edition__document", "void").get(pk=pk, unit=unit)
    except ManualPost.DoesNotExist:
        raise NotFound("手工发布登记", pk) from None


# --- entering -----------------------------------------------------------------------------------------------


def register(entry: Entry, *, person: Person, now: datetime, knowing: bool = False) -> Entered:
    """Enter a post. `knowing`: the person was told which releases lose their signature by it (else refused: "clash")."""
    require_aware(now)
    with audit.serialised():
        done = _enter(entry, person=person, now=now, knowing=knowing, corrects=None)
        _tell_urgent(done.post, person, now)
    return done


def correct(
    old: ManualPost, entry: Entry, *, reason: str, person: Person, now: datetime, knowing: bool = False
) -> Entered:
    """A new line takes the place of a wrong one, which is voided with the reason."""
    require_aware(now)
    with audit.serialised():
        down = ManualTask.objects.values_list("drop_reason", flat=True).get(pk=old.task_id) if old.task_id else ""
        void(old, reason=reason, person=person, now=now)
        done = _enter(entry, person=person, now=now, knowing=knowing, corrects=old)
        if down and done.post.task_id and done.post.task_id == old.task_id:  # not public again by another address
            ManualTask.objects.filter(pk=done.post.task_id).update(drop_reason=down)
        else:
            _tell_urgent(done.post, person, now)
    return done


def void(post: ManualPost, *, reason: str, person: Person, now: datetime) -> ManualVoid:
    """It was entered by mistake: it counts no more, and gives back what it took. The line itself stays."""
    require_aware(now)
    require(person, Role.DUTY, Role.RELEASER)
    if post.unit_id != person.unit_id:
        raise NotFound("手工发布登记", post.pk)
    if not reason.strip():
        raise Refused("reason", "更正或作废登记须写明原因，未做改动。")
    with audit.serialised():
        if ManualVoid.objects.filter(post=post).exists():
            raise Refused("void", f"第 {post.pk} 条登记已作废，未做改动。请刷新后再看。")
        made = ManualVoid.objects.create(post=post, reason=reason.strip()[:300], person=person, at=now)
        give_back_by_hand(post, next(iter(mates(post.account, post.mode, post.posted_at)), None), now=now)
        if post.task_id and not ManualPost.objects.filter(task=post.task_id, void__isnull=True).exists():
            ManualTask.objects.filter(pk=post.task_id).update(done_at=None, drop_reason="")
            task = ManualTask.objects.get(pk=post.task_id)
            put_back_drafts(task.release_id, (task.account_id, task.lane), now=now)
        data = {"post": post.pk, "title": post.title, "reason": reason.strip()[:300]}
        audit.append(person.username, "manual.voided", _subject(post), data, now=now)
    return made


def taken_down(post: ManualPost, *, evidence: str, person: Person, now: datetime) -> None:
    """已在平台撤下: what people had posted for a release is gone again, by a named person's word. The line stays."""
    require_aware(now)
    require(person, Role.DUTY, Role.RELEASER)
    if post.unit_id != person.unit_id:
        raise NotFound("手工发布登记", post.pk)
    if len(evidence.strip()) < SHORTEST_EVIDENCE:
        raise Refused("evidence", "请写明何时、由谁删除，以及打开链接后看到什么，未做改动。")
    with audit.serialised():
        if post.task_id is None or ManualVoid.objects.filter(post=post).exists():
            raise Refused("task", "只有发布单任务的、没有作废的登记可以登记撤下，未做改动。登记错了的请作废。")
        found = ManualTask.objects.filter(pk=post.task_id, done_at__isnull=False, drop_reason="")
        if not found.update(drop_reason=evidence.strip()[:300]):
            raise Refused("down", "这一条已登记撤下，未做改动。请刷新后再看。")
        data = {"post": post.pk, "title": post.title, "reason": evidence.strip()[:300]}
        audit.append(person.username, TAKEN_DOWN, _subject(post), data, now=now)


def _enter(entry: Entry, *, person: Person, now: datetime, knowing: bool, corrects: ManualPost | None) -> Entered:
    require(person, Role.DUTY, Role.RELEASER)
    mode = checked(entry, person, now)
    key = address_key(entry)
    require_once(entry, key)
    others = mates(entry.account, mode.name, entry.posted_at)
    if others and len(others) >= mode.max_posts:
        raise Refused(
            "full", f"同一次{mode.label}最多 {mode.max_posts} 篇，这个时间已登记 {len(others)} 篇，{_NOTHING}。"
        )
    stopped = clashes(entry)
    if stopped and not knowing:
        raise Refused("clash", f"登记会影响下列发布单，还{_NOTHING}。核对属实后请勾选“我已核实”再登记。",
                      tuple(clash.words for clash in stopped))  # fmt: skip
    for clash in stopped:
        void_signature(clash.release.pk, reason=clash.why, actor=person.username, now=now)
    post = _write(entry, key, person, now, corrects)
    if post.task is not None:
        look_at_drafts(post.task.release_id, now=now, message=(post.task.account_id, post.task.lane))
    over = not others and not take_by_hand(post, now=now)
    data = {
        "post": post.pk, "account": post.account.slug, "mode": post.mode, "title": post.title, "url": post.url,
        "at": post.posted_at.isoformat(), "by": post.posted_by.username, "over": over,
        "stopped": [clash.release.pk for clash in stopped], "corrects": corrects.pk if corrects else None,
    }  # fmt: skip
    early = _was_early(post)
    audit.append(
        person.username, "manual.registered", _subject(post), data | ({"early": True} if early else {}), now=now
    )
    return Entered(post, over, stopped, early)


def _was_early(post: ManualPost) -> bool:
    """Whether it is said to have been posted before people might: before its signature, or before its instant. People tell
    the minute."""
    start = byhand.due_from(post.task.release) if post.task is not None else None
    return start is not None and post.posted_at < start.replace(second=0, microsecond=0)


def _tell_urgent(post: ManualPost, person: Person, now: datetime) -> None:
    if post.task is not None:
        urgentcare.note_posted(post.task.release, person=person, now=now)


def _subject(post: ManualPost) -> str:
    return f"release:{post.task.release_id}" if post.task else f"account:{post.account.slug}"


def _write(entry: Entry, key: str, person: Person, now: datetime, corrects: ManualPost | None) -> ManualPost:
    post = ManualPost.objects.create(
        unit=person.unit, account=entry.account, mode=entry.mode, edition=entry.edition, task=_task_of(entry),
        title=(entry.title.strip() or (entry.edition.title if entry.edition else ""))[:300], url=entry.url.strip(),
        post_key=key, posted_at=entry.posted_at, posted_by=entry.posted_by, note=entry.note.strip()[:300],
        entered_by=person, entered_at=now, corrects=corrects,
    )  # fmt: skip
    if post.task_id:
        ManualTask.objects.filter(pk=post.task_id).update(done_at=now, drop_reason="")
    manualnumbers.follow(post, now=now)
    return post


def _task_of(entry: Entry) -> ManualTask | None:
    """The task that this post fulfils, whoever entered it in whatever form; where none is open, one that people were given
    and that was called off: they had posted it all the same.

    Of releases that were called off only urgent ones: their notice went out unreviewed, and that must not be forgotten.
    """
    if entry.edition is None:
        return None
    found = byhand.not_entered().filter(edition=entry.edition, account=entry.account).select_related("release")
    standing_on = Q(release__cancelled_at__isnull=True)
    waits = found.filter(standing_on, done_at__isnull=True).order_by("-pk").first()
    given = found.filter(standing_on | Q(release__urgency__isnull=False)).exclude(payload_hash="")
    return waits or given.order_by("-pk").first()
