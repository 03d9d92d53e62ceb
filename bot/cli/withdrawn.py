"""How the commands tell what is public, what may be taken back of it, and what became of a withdrawal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .output import shorten


def kinds() -> dict[str, str]:
    """What the public may be told: code -> name."""
    from bot.domain.erratum import NoticeKind

    return {str(kind): kind.label for kind in NoticeKind}


def parts_of(withdrawal: Any) -> list[Any]:
    """Its things to be taken down, in order."""
    rows = withdrawal.takedowns.select_related("publication__account", "edition__document", "done_by")
    return list(rows.prefetch_related("calls").order_by("pk"))


# --- what is public ---------------------------------------------------------------------------------------


def channel_data(items: Sequence[Any]) -> dict[str, Any]:
    """The JSON form of one push that is public, and of what can be taken back of it (docs/reference/cli.md)."""
    from bot.services import withdrawing

    publication = items[0].publication
    removal = withdrawing.mode_of(publication).removal
    return {
        "publication": publication.pk,
        "account": publication.account.slug,
        "channel": publication.account.channel,
        "mode": publication.mode,
        "by_machine": removal.by_machine,
        "effect": removal.effect,
        "final": list(removal.final),
        "steps": list(removal.steps),
        "articles": [
            {
                "article": item.position + 1,
                "document": item.edition.document.external_id,
                "edition": item.edition.number,
                "title": item.edition.title,
                "url": item.url or None,
            }
            for item in items
        ],
    }


def channel_lines(items: Sequence[Any]) -> list[str]:
    """The same for people: who can delete it, what followers see afterwards, what nobody can undo."""
    from bot.services import withdrawing
    from bot.services.accounts import spec_of

    publication = items[0].publication
    mode = withdrawing.mode_of(publication)
    who = "系统可以撤下" if mode.removal.by_machine else "只能人工删除"
    name = f"{publication.account.name}（{spec_of(publication.account).label}·{mode.label}）"
    return [
        f"  [{publication.pk}] {name}：{who}。{mode.removal.effect}",
        *(f"      收不回来：{words}" for words in mode.removal.final),
        *(f"      步骤 {number}：{words}" for number, words in enumerate(mode.removal.steps, 1)),
        *(f"      第 {item.position + 1} 篇 {shorten(item.edition.title, 60)} {item.url}".rstrip() for item in items),
    ]


def post_data(post: Any) -> dict[str, Any]:
    """The JSON form of what people posted, and only people can delete."""
    return {
        "line": post.pk,
        "account": post.account.slug,
        "title": post.title,
        "url": post.url,
        "posted_at": post.posted_at.isoformat(),
    }


# --- a withdrawal -----------------------------------------------------------------------------------------


def withdrawal_data(withdrawal: Any) -> dict[str, Any]:
    """The JSON form of a withdrawal with all its parts."""
    from bot.services import withdrawing

    return {
        "id": withdrawal.pk,
        "release": withdrawal.release_id,
        "state": state_of(withdrawal),
        "reason": withdrawal.reason,
        "kind": withdrawal.notice_kind,
        "notice": withdrawal.notice,
        "asked_by": withdrawal.asked_by.username,
        "asked_at": withdrawal.asked_at.isoformat(),
        "confirmed_by": withdrawal.confirmed_by.username if withdrawal.confirmed_by else None,
        "confirmed_at": withdrawal.confirmed_at.isoformat() if withdrawal.confirmed_at else None,
        "dropped_by": withdrawal.dropped_by.username if withdrawal.dropped_by else None,
        "ended_at": withdrawal.ended_at.isoformat() if withdrawal.ended_at else None,
        "parts": [part_data(part) for part in parts_of(withdrawal)],
        "editions": [_edition_data(edition) for edition in withdrawing.editions_of(withdrawal)],
    }


def state_of(withdrawal: Any) -> str:
    """In one word: `asked`, `under_way`, `ended`, `taken_back`."""
    if withdrawal.confirmed_at is None:
        return "asked" if withdrawal.ended_at is None else "taken_back"
    return "under_way" if withdrawal.ended_at is None else "ended"


STATES = {
    "asked": "等第二人确认，什么也没有撤下",
    "under_way": "正在办",
    "ended": "已办结",
    "taken_back": "已收回，没有撤下",
}


def part_data(part: Any) -> dict[str, Any]:
    """The JSON form of one thing to be taken down."""
    from bot.domain.engine.withdrawing import FOR_A_PERSON
    from bot.services import takedowns

    return {
        "id": part.pk,
        "publication": part.publication_id,
        "article": None if part.position is None else part.position + 1,
        "document": part.edition.document.external_id if part.edition else None,
        "name": takedowns.name_of(part),
        "stage": part.stage,
        "for_a_person": part.status in FOR_A_PERSON,
        "reason": part.reason,
        "places": [{"title": one["title"], "url": one.get("url") or None} for one in places_of(part)],
        "calls": [_call_data(call) for call in _calls(part)],
        "done_at": part.done_at.isoformat() if part.done_at else None,
        "done_by": part.done_by.username if part.done_by else None,
        "evidence": part.evidence,
    }


def places_of(part: Any) -> list[dict[str, Any]]:
    """What was public of it when two people decided; before that what is public now."""
    from bot.services import takedowns

    found: list[dict[str, Any]] = part.before.get("places") or takedowns.snapshot(part)["places"]
    return found


def _calls(part: Any) -> list[Any]:
    return sorted(part.calls.all(), key=lambda call: call.number)


def _call_data(call: Any) -> dict[str, Any]:
    return {
        "number": call.number,
        "intent_at": call.intent_at.isoformat(),
        "answered_at": call.answered_at.isoformat() if call.answered_at else None,
        "outcome": call.outcome or "open",
        "code": call.code,
        "message": call.message,
    }


def _edition_data(edition: Any) -> dict[str, Any]:
    links = edition.corrected_by.select_related("new__document").order_by("at")
    return {
        "document": edition.document.external_id,
        "edition": edition.number,
        "title": edition.title,
        "corrections": [
            {"document": one.new.document.external_id, "edition": one.new.number, "reason": one.reason} for one in links
        ],
    }


def withdrawal_lines(withdrawal: Any) -> list[str]:
    """A withdrawal for people: who decided, and each part with what is still to be done."""
    from bot.domain.instants import show
    from bot.services import withdrawing

    people = f"{show(withdrawal.asked_at, seconds=False)} {withdrawal.asked_by.name}提出"
    if withdrawal.confirmed_at:
        people += f"，{show(withdrawal.confirmed_at, seconds=False)} {withdrawal.confirmed_by.name}确认"
    elif withdrawal.dropped_by:
        people += f"，{withdrawal.dropped_by.name}收回"
    lines = [
        f"撤回 {withdrawal.pk}（发布单 {withdrawal.release_id}）：{STATES[state_of(withdrawal)]}。{people}",
        f"  原因：{withdrawal.reason}",
    ]
    lines += [line for part in parts_of(withdrawal) for line in part_lines(part)]
    for edition in withdrawing.editions_of(withdrawal):
        told = _edition_data(edition)
        lines += [
            f"  更正件：{one['document']} 第 {one['edition']} 版更正 {told['document']}：{one['reason']}"
            for one in told["corrections"]
        ]
    return lines


def part_lines(part: Any) -> list[str]:
    """One thing to be taken down for people."""
    from bot.domain.instants import show
    from bot.services import takedowns, trail

    lines = [f"  [{part.pk}] {takedowns.name_of(part)}：{part.status.label}"]
    lines += [f"      {part.reason}"] if part.reason else []
    lines += [f"      {shorten(one['title'], 60)} {one.get('url') or ''}".rstrip() for one in places_of(part)]
    for call in _calls(part):
        outcome = trail.REMOVED.get(call.outcome, "还没有应答")
        lines.append(f"      第 {call.number} 次请平台删除（{show(call.intent_at)}）：{outcome}。{call.message}")
    if part.done_at and part.done_by:
        lines.append(f"      {show(part.done_at, seconds=False)} {part.done_by.name}登记：{part.evidence}")
    return lines
