"""What would happen to a release, before anybody saves it: what each account would send, and what speaks against it.

Nothing here is written. What is a `STOP` here is refused when the release is saved or signed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.calendar.holidays import nature
from bot.domain.delivery import State
from bot.domain.instants import beijing_date, require_aware, show
from bot.domain.typography import quoted
from bot.models import Account, Document, PostRecord, Publication, Release, Unit

from . import quotas
from .accounts import spec_of
from .composing import Piece, Push, drafts_of, freed, pieces_of, pushes_of
from .releases import min_lead
from .voiding import is_frozen

NEAR = timedelta(minutes=10)
NEARBY = 10  # pushes of other releases that are named
SHORT = timedelta(minutes=10)  # less ahead than that: little time to see what the pre-flights find
FAR = timedelta(days=183)
WEEKDAYS = "一二三四五六日"


class Weight(StrEnum):
    """How much a note weighs."""

    STOP = "stop"  # saving or signing refuses it
    WARN = "warn"
    FACT = "fact"


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence for whoever composes."""

    weight: Weight
    words: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """The release as it would be."""

    pieces: Sequence[Piece]
    pushes: Sequence[Push]
    notes: Sequence[Note]


def outlook(
    unit: Unit, *, documents: Sequence[Document], accounts: Sequence[Account], modes: Mapping[str, str],
    instant: datetime | None, now: datetime, instead_of: Release | None = None,
) -> Outlook:  # fmt: skip
    """Pieces, pushes and everything that speaks against them. `instead_of`: the release that this one would replace."""
    require_aware(now)
    if instant is not None:
        require_aware(instant)
    pieces = freed(pieces_of(documents, accounts), instead_of)
    notes: list[Note] = []
    if not documents:
        notes.append(Note(Weight.STOP, "还没有选文件。"))
    if not accounts:
        notes.append(Note(Weight.STOP, "还没有选账号。"))
    notes += _about_pieces(pieces, accounts)
    notes += _about_drafts(accounts, modes)
    if instant is None:
        return Outlook(pieces, (), [*notes, Note(Weight.STOP, "还没有定发布日期和时刻。")])
    pushes = pushes_of(accounts, modes, pieces, instant, instead_of)
    notes += _about_time(unit, instant, now)
    notes += _about_quota(pushes, instead_of)
    notes += _nearby(accounts, instant, instead_of)
    order = list(Weight)
    return Outlook(pieces, pushes, sorted(notes, key=lambda note: order.index(note.weight)))


# --- what speaks against it ---------------------------------------------------------------------------------


def _about_pieces(pieces: Sequence[Piece], accounts: Sequence[Account]) -> list[Note]:
    notes = [
        Note(Weight.STOP, f"{quoted(one.edition.title)}状态为“{one.edition.status.label}”，尚未终审通过，不能编入。")
        for one in pieces
        if not one.approved
    ]
    pairs = PostRecord.objects.filter(edition__in=[one.edition.pk for one in pieces], account__in=list(accounts))
    rendered = set(pairs.values_list("edition_id", "account_id"))
    for one in pieces:
        for account in accounts:
            notes += _about_place(one, account, rendered=(one.edition.pk, account.pk) in rendered)
    return [*notes, *_alone(pieces)]


def _about_drafts(accounts: Sequence[Account], modes: Mapping[str, str]) -> list[Note]:
    """A draft was chosen (by slug) where the machine does not open the account."""
    return [
        Note(Weight.STOP, f"账号“{one.name}”只能手工发布，系统不登录它，不能存草稿。请改选别的发布方式。")
        for one in accounts
        if one.manual_only and modes.get(one.slug) in {mode.name for mode in spec_of(one).modes if mode.by_hand}
    ]


def _about_place(one: Piece, account: Account, *, rendered: bool) -> list[Note]:
    title = quoted(one.edition.title)
    if account.pk in one.gone:
        words = f"{title}在“{account.name}”上{one.gone[account.pk]}，同一版本同一账号只发一次。请去掉这一件或这个账号。"
        return [Note(Weight.STOP, words)]
    if one.approved and not rendered:
        return [
            Note(Weight.STOP, f"{title}送审时还没有账号“{account.name}”的渠道稿，请把它重新送审一次（生成新版本）。")
        ]
    return []


def _alone(pieces: Sequence[Piece]) -> list[Note]:
    """Policies whose interpretation is lacking, with no waiver."""
    policies = [one.document for one in pieces if one.document.is_policy]
    with_it = {one.document.interprets_id for one in pieces}
    waived = set(
        Document.objects.filter(pk__in=[one.pk for one in policies], waivers__rule="pairing").values_list(
            "pk", flat=True
        )
    )
    lacking = [one for one in pieces if one.document in policies and one.document.pk not in with_it | waived]
    return [
        Note(
            Weight.STOP,
            f"政策文件{quoted(one.edition.title)}没有配套解读，签发会被拒绝。请先把解读送审通过，或写明理由豁免。",
        )
        for one in lacking
    ]


def _about_time(unit: Unit, instant: datetime, now: datetime) -> list[Note]:
    earliest = now + min_lead()
    notes = [_about_day(instant)]
    if instant <= now:
        notes.append(Note(Weight.STOP, f"发布时刻 {show(instant)} 已经过去（现在 {show(now)}）。"))
    elif instant < earliest:
        words = f"距现在不足 {min_lead().total_seconds():.0f} 秒，来不及签发。最早可定在 {show(earliest + timedelta(seconds=1))}。"
        notes.append(Note(Weight.STOP, words))
    elif instant - now < SHORT:
        notes.append(Note(Weight.WARN, "离发布不到 10 分钟：预检查出的问题可能来不及处理。"))
    if instant - now > FAR:
        words = f"离现在还有 {(instant - now).days} 天，超过半年：请核对年份是否写对。"
        notes.append(Note(Weight.WARN, words))
    if is_frozen(unit):
        notes.append(Note(Weight.WARN, "本单位正处于一键停发状态：可以编制，解除停发后才能签发。"))
    return notes


def _about_day(instant: datetime) -> Note:
    day = beijing_date(instant)
    found = nature(day)
    name = f"{show(instant, seconds=False)[:10]} 星期{WEEKDAYS[day.weekday()]}"
    if found.holiday and not found.works:
        return Note(Weight.WARN, f"{name}是法定节假日（{found.holiday}），请确认有人值班、确需当天发布。")
    unlisted = "" if found.known else "；国务院还没有公布那一年的放假安排，节假日无法核对"
    if not found.works:
        return Note(Weight.WARN, f"{name}是休息日{unlisted}，请确认有人值班。")
    if unlisted:
        return Note(Weight.FACT, f"{name}{unlisted}。")
    return Note(Weight.FACT, f"{name}，{f'{found.holiday}调休上班' if found.holiday else '工作日'}。")


def _about_quota(pushes: Sequence[Push], instead_of: Release | None) -> list[Note]:
    drafts = drafts_of(pushes)
    lacking = quotas.outlook(drafts, without=instead_of.pk if instead_of else None)
    notes = [Note(Weight.STOP, words) for words in lacking]
    rules = {(push.account, push.mode.name): quotas.quotas_of(push.account, push.mode.name) for push in pushes}
    for (account, mode), found in rules.items():
        if any(rule.period in {"day", "month"} and not rule.bucket for rule in found):
            notes += _also_wanted(account, mode, drafts, instead_of)
    return notes


def _also_wanted(account: Account, mode: str, drafts: Sequence[Publication], but: Release | None) -> list[Note]:
    """Releases that nobody signed yet and that want the same scarce day: whoever is signed first has it."""
    mine = [one for one in drafts if one.account == account]
    if not mine:
        return []
    start = mine[0].instant
    unsigned = Publication.objects.filter(
        account=account, mode=mode, state__in=[State.PLANNED, State.HELD], release__signed_at__isnull=True,
        release__cancelled_at__isnull=True, instant__range=(start - timedelta(days=1), start + timedelta(days=1)),
    )  # fmt: skip
    if but is not None:
        unsigned = unsigned.exclude(release=but)
    rows = unsigned.values_list("release_id", "instant").order_by("instant")[:NEARBY]
    same = sorted({release for release, at in rows if beijing_date(at) == beijing_date(start)})
    if not same:
        return []
    label = spec_of(account).mode(mode).label
    names = "、".join(map(str, same))
    words = f"发布单 {names} 还没有签发，也定在这一天用“{account.name}”的{label}次数，先签发的占用。"
    return [Note(Weight.WARN, words)]


def _nearby(accounts: Sequence[Account], instant: datetime, but: Release | None) -> list[Note]:
    """Other releases on the same account within ten minutes."""
    near = Publication.objects.filter(
        account__in=list(accounts), release__instant__range=(instant - NEAR, instant + NEAR),
        release__cancelled_at__isnull=True,
    ).exclude(state=State.CANCELLED)  # fmt: skip
    if but is not None:
        near = near.exclude(release=but)
    rows = near.values_list("release_id", "release__title", "release__instant", "account__name").distinct()
    named: dict[tuple[int, str, datetime], list[str]] = {}
    for pk, title, at, name in rows.order_by("release__instant", "release_id", "account__name")[:NEARBY]:
        named.setdefault((pk, title, at), []).append(name)
    return [
        Note(Weight.WARN, f"{'、'.join(names)}在 {show(at)} 还有发布单 {pk}{quoted(title)}，相隔不到 10 分钟。")
        for (pk, title, at), names in named.items()
    ]
