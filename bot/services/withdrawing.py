"""更正与撤回: two people decide that something public is taken down; what only a person can do is done here.

The calls themselves are made by a worker (`takedowns`): this writes down what is to be done, and the clock finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.domain.channel import ModeSpec
from bot.domain.delivery import State
from bot.domain.engine import withdrawing as engine
from bot.domain.engine.withdrawing import Stage, Turn
from bot.domain.erratum import BLANK, NoticeKind, is_filled_in, named_besides
from bot.domain.instants import require_aware
from bot.domain.typography import quoted
from bot.domain.workflow import Role
from bot.models import Edition, Item, ManualPost, Person, Publication, Release, Takedown, Unit, Withdrawal

from . import audit, deputies, takedowns
from .accounts import spec_of
from .errors import NotFound, Refused
from .people import require

REASON_LENGTH, EVIDENCE_LENGTH, NOTICE_LENGTH = 500, 1000, 5000
_PORTAL = "请到门户后台把原网页撤下或改为说明页（写明撤下原因），然后登记结果。本系统不改动门户。"


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be taken down: a push as a whole (`positions` empty), or some of its articles, from 0."""

    publication: int
    positions: tuple[int, ...] = ()


def find_withdrawal(pk: int, *, unit: Unit) -> Withdrawal:
    """A withdrawal of this unit."""
    try:
        found = Withdrawal.objects.select_related("release__unit", "asked_by", "confirmed_by")
        return found.get(pk=pk, release__unit=unit)
    except Withdrawal.DoesNotExist:
        raise NotFound("撤回", pk) from None


def find_takedown(pk: int, *, unit: Unit) -> Takedown:
    """A taking down of this unit."""
    try:
        found = Takedown.objects.select_related("withdrawal__release__unit", "publication__account", "edition")
        return found.get(pk=pk, withdrawal__release__unit=unit)
    except Takedown.DoesNotExist:
        raise NotFound("撤回项", pk) from None


def mode_of(publication: Publication) -> ModeSpec:
    """The way by which it went public: what can be taken back depends on it."""
    return spec_of(publication.account).mode(publication.mode)


def public_items(release: Release) -> list[Item]:
    """Every article of the release that is public now, by account, push and position."""
    items = Item.objects.filter(publication__release=release, publication__state=State.LIVE, withdrawn_at__isnull=True)
    whole = items.select_related("publication__account", "edition__document", "account")
    return list(whole.order_by("account_id", "publication__lane", "position"))


def posted_by_people(release: Release) -> list[ManualPost]:
    """What people posted of the release and is public by the book: no withdrawal takes it down, a person does."""
    posts = ManualPost.objects.filter(task__release=release, task__drop_reason="", void__isnull=True)
    return list(
        posts.select_related("account", "edition__document").order_by("account_id", "task__lane", "task__position")
    )


def editions_of(withdrawal: Withdrawal) -> list[Edition]:
    """What the withdrawal is about, each edition once."""
    rows = list(withdrawal.takedowns.order_by("pk"))  # a page of the portal is one of their editions'
    items = Item.objects.filter(publication__in=[row.publication_id for row in rows if row.publication_id])
    wanted = {(row.publication_id, row.position) for row in rows}
    found = {
        item.edition_id: item.edition
        for item in items.select_related("edition__document").order_by("publication_id", "position")
        if wanted & {(item.publication_id, None), (item.publication_id, item.position)}
    }
    return list(found.values())


# --- the first person ---------------------------------------------------------------------------------------


def ask(
    release: Release, *, person: Person, targets: Sequence[Target], reason: str, notice_kind: str, notice: str,
    portal: bool = False, now: datetime,
) -> Withdrawal:  # fmt: skip
    """提出撤回. Nothing is done before another person confirms. `portal`: the portal's pages are to come down, too."""
    require_aware(now)
    require(person, *engine.ASKERS)
    _require_words(reason, notice_kind, notice)
    with audit.serialised():
        if release.withdrawals.filter(ended_at__isnull=True).exists():
            raise Refused("open", "这张发布单已有一次撤回没有办结，未做改动。请先办完，或收回那一次。")
        items = public_items(release)
        wanted = _public(items, targets)
        _require_true(notice, items, wanted)
        made = Withdrawal.objects.create(
            release=release, reason=reason.strip()[:REASON_LENGTH], notice_kind=notice_kind,
            notice=notice.strip()[:NOTICE_LENGTH], asked_by=person, asked_at=now,
        )  # fmt: skip
        for target in wanted:
            _wish(made, target)
        if portal:
            for edition in _with_page(made):
                Takedown.objects.create(withdrawal=made, edition=edition)
        data = {"reason": made.reason, "withdrawal": made.pk, "publications": [one.publication for one in wanted]}
        audit.append(person.username, "withdrawal.asked", f"release:{release.pk}", data, now=now)
    return made


def _require_words(reason: str, kind: str, notice: str) -> None:
    if not reason.strip():
        raise Refused("reason", "撤回须写明原因，未做改动。")
    if kind not in set(NoticeKind):
        raise Refused("notice", "请选择撤回说明或更正启事，未做改动。")
    if not is_filled_in(notice):
        raise Refused("notice", f"对外的说明还没有写完（留有“{BLANK}”或是空的），未做改动。")


def _public(items: Sequence[Item], targets: Sequence[Target]) -> list[Target]:
    """The targets, each of which is public now; a push of which every article is named is taken as a whole."""
    live: dict[int, list[int]] = {}
    for item in items:
        live.setdefault(item.publication_id, []).append(item.position)
    if not targets:
        raise Refused("targets", "没有选中要撤下的内容，未做改动。")
    for one in targets:
        if one.publication not in live or not set(one.positions) <= set(live[one.publication]):
            raise Refused("state", f"推送 {one.publication} 现在没有公开（或这一篇已撤下），不能撤回，未做改动。")
    return [_whole(one, live[one.publication]) for one in targets]


def _require_true(notice: str, items: Sequence[Item], wanted: Sequence[Target]) -> None:
    """The public is not told that something was taken down that stays."""
    places = {(one.publication, position) for one in wanted for position in one.positions or (None,)}
    going = {
        item.edition.title
        for item in items
        if places & {(item.publication_id, None), (item.publication_id, item.position)}
    }
    wrong = named_besides(notice, going=going, staying=[item.edition.title for item in items])
    if wrong:
        titles = "、".join(map(quoted, wrong))
        raise Refused(
            "notice", f"对外的说明里写着{titles}，这次却没有选它，仍会公开，未做改动。请一并选上，或从说明里去掉。"
        )


def _whole(target: Target, live: Sequence[int]) -> Target:
    count = Item.objects.filter(publication=target.publication).count()
    wanted = sorted(set(target.positions or live))
    return Target(target.publication) if len(wanted) == count else Target(target.publication, tuple(wanted))


def _wish(withdrawal: Withdrawal, target: Target) -> None:
    for position in target.positions or (None,):
        Takedown.objects.create(withdrawal=withdrawal, publication_id=target.publication, position=position)


def _with_page(withdrawal: Withdrawal) -> Iterable[Edition]:
    return [one for one in editions_of(withdrawal) if one.content.get("source_url")]


def drop(withdrawal: Withdrawal, *, person: Person, now: datetime) -> None:
    """收回: nothing is taken down, nothing was called. By whoever asked, or a releaser."""
    require_aware(now)
    if person.pk != withdrawal.asked_by_id:
        require(person, Role.RELEASER)
    with audit.serialised():
        touched = Withdrawal.objects.filter(pk=withdrawal.pk, confirmed_at__isnull=True, ended_at__isnull=True).update(
            ended_at=now, dropped_by=person
        )
        if not touched:
            raise Refused("state", "这次撤回已确认或已办结，不能收回，未做改动。")
        for takedown in withdrawal.takedowns.all():
            takedowns.turn(takedown, Turn(Stage.DROPPED, f"{person.name}收回了撤回。"))
        data = {"withdrawal": withdrawal.pk}
        audit.append(person.username, "withdrawal.dropped", f"release:{withdrawal.release_id}", data, now=now)


# --- the second person --------------------------------------------------------------------------------------


def why_not(withdrawal: Withdrawal, *, person: Person, now: datetime) -> Refused | None:
    """Why this person cannot confirm it now, None where they can. Who asked must have the right still: two people delete."""
    require_aware(now)
    refusal = engine.may_confirm(person=person.pk, asker=withdrawal.asked_by_id, roles=person.held_roles)
    if refusal is not None:
        return Refused(refusal.code, refusal.message)
    asker = deputies.standing_in(Person.objects.get(pk=withdrawal.asked_by_id), now=now)
    if any(asker.has_role(role) for role in engine.ASKERS):
        return None
    lost = "不再有提出撤回的权限" if asker.is_active else "已停用"
    return Refused("first", f"提出人{asker.name}{lost}，请收回后重新提出，没有删除任何内容。")


def confirm(withdrawal: Withdrawal, *, person: Person, now: datetime) -> None:
    """确认撤回: from here on it is done. What a machine can delete is due at once; the rest is a person's."""
    require_aware(now)
    with audit.serialised():
        refused = why_not(withdrawal, person=person, now=now)
        if refused is not None:
            raise refused
        touched = Withdrawal.objects.filter(pk=withdrawal.pk, confirmed_at__isnull=True, ended_at__isnull=True).update(
            confirmed_by=person, confirmed_at=now
        )
        if not touched:
            raise Refused("state", "这次撤回刚刚由他人确认或收回，未做改动。")
        for takedown in withdrawal.takedowns.select_related("publication__account", "edition"):
            takedowns.turn(takedown, _first(takedown, now), before=takedowns.snapshot(takedown))
        data = {"second": withdrawal.asked_by.username, "reason": withdrawal.reason, "withdrawal": withdrawal.pk}
        principal = person.in_place_of(Role.RELEASER)
        if principal is not None:
            data["for"] = principal.username
        audit.append(person.username, "withdrawal.confirmed", f"release:{withdrawal.release_id}", data, now=now)
        takedowns.call_the_worker(now=now)


def _first(takedown: Takedown, now: datetime) -> Turn:
    if takedown.publication is None:
        return Turn(Stage.BY_HAND, _PORTAL)
    removal = mode_of(takedown.publication).removal
    if removal.by_machine:
        return Turn(Stage.WAITING, "两人已确认，系统即将撤下。", now)
    steps = "；".join(f"{number}. {words}" for number, words in enumerate(removal.steps, 1))
    return Turn(Stage.BY_HAND, f"平台不允许应用删除，需要人工操作：{steps}。")


# --- what a person does of it -------------------------------------------------------------------------------


def done_by_hand(takedown: Takedown, *, person: Person, evidence: str, now: datetime) -> None:
    """已手工删除: by a named person's word, with what was seen."""
    require_aware(now)
    require(person, *engine.HANDS)
    _require_for_a_person(takedown)
    if len(evidence.strip()) < 5:
        raise Refused("evidence", "请写明何时、由谁删除，以及打开链接后看到什么，未做改动。")
    turn = Turn(Stage.DONE, f"{person.name}登记：已手工删除。由人登记，未经系统核对。")
    with audit.serialised():
        _note("takedown.by_hand", takedown, person, evidence.strip(), now)
        takedowns.turn(takedown, turn, done_at=now, done_by=person, evidence=evidence.strip()[:EVIDENCE_LENGTH])
        takedowns.settle(takedown, who=f"{person.name}登记", actor=person.username, now=now)


def look_again(takedown: Takedown, *, person: Person, now: datetime) -> None:
    """再核对: the platform is asked once more whether it is gone. Read-only."""
    require_aware(now)
    require(person, *engine.ASKERS)
    _require_for_a_person(takedown)
    if takedown.publication is None:
        raise Refused("portal", "门户网页由门户后台管理，本系统不能替它核对，未做改动。")
    with audit.serialised():
        takedowns.turn(takedown, engine.looked_by_wish(now=now))
        takedowns.call_the_worker(now=now)


def again(takedown: Takedown, *, person: Person, reason: str, now: datetime) -> None:
    """再撤一次: only where it is proved that it is still there, or that the last call had no effect."""
    require_aware(now)
    require(person, Role.RELEASER)
    if takedown.status not in {Stage.REFUSED, Stage.STILL_PUBLIC}:
        raise Refused("state", f"这一项现在是“{takedown.status.label}”，不能再撤一次，未做改动。")
    if not reason.strip():
        raise Refused("reason", "再撤一次须写明核实情况，未做改动。")
    with audit.serialised():
        _note("takedown.again", takedown, person, reason.strip(), now)
        takedowns.turn(takedown, Turn(Stage.WAITING, f"{person.name}决定再撤一次。", now))
        takedowns.call_the_worker(now=now)


def leave(takedown: Takedown, *, person: Person, reason: str, now: datetime) -> None:
    """不撤: it stays public, by a named person's decision."""
    require_aware(now)
    require(person, Role.RELEASER)
    _require_for_a_person(takedown)
    if not reason.strip():
        raise Refused("reason", "不撤须写明原因，未做改动。")
    with audit.serialised():
        _note("takedown.left", takedown, person, reason.strip(), now)
        takedowns.turn(takedown, Turn(Stage.DROPPED, f"{person.name}决定不撤：{reason.strip()}"[:REASON_LENGTH]))
        takedowns.settle(takedown, who=person.name, actor=person.username, now=now)


def _require_for_a_person(takedown: Takedown) -> None:
    if takedown.status not in engine.FOR_A_PERSON:
        raise Refused("state", f"这一项现在是“{takedown.status.label}”，不需要人工处理，未做改动。")


def _note(action: str, takedown: Takedown, person: Person, reason: str, now: datetime) -> None:
    data: dict[str, Any] = {"reason": reason, "takedown": takedown.pk, "what": takedowns.name_of(takedown)}
    audit.append(person.username, action, takedowns.subject_of(takedown), data, now=now)


def unfinished(unit: Unit) -> list[Withdrawal]:
    """Withdrawals that are not settled, the oldest first: none of them waits in silence."""
    found = Withdrawal.objects.filter(release__unit=unit, ended_at__isnull=True)
    return list(found.select_related("release", "asked_by").prefetch_related("takedowns").order_by("asked_at")[:100])


def waits_for_a_person(withdrawal: Withdrawal) -> bool:
    """Whether somebody must act: confirm it, or see to one of its things. Comes with its takedowns."""
    stages = {takedown.status for takedown in withdrawal.takedowns.all()}
    return withdrawal.confirmed_at is None or bool(stages & engine.FOR_A_PERSON)
