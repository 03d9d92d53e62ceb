"""How the commands tell what people post of a release, on accounts that the machine may not post on."""

from __future__ import annotations

from typing import Any

from .common import now
from .output import shorten


def messages_data(release: Any) -> list[dict[str, Any]]:
    """The JSON form of what people post (docs/reference/cli.md)."""
    return [
        {
            "account": one.account.slug,
            "channel": one.account.channel,
            "mode": one.mode.name,
            "lane": one.lane,
            "standing": str(one.standing),
            "draft": _draft_data(one.draft),
            "tasks": [_task_data(task) for task in one.tasks],
        }
        for one in _messages(release)
    ]


def _draft_data(draft: Any) -> dict[str, Any] | None:
    """What the machine has left on the account (mode 草稿); None where it leaves nothing, or nothing is signed."""
    if draft is None:
        return None
    read = draft.checked_at.isoformat() if draft.checked_at else None
    due = draft.next_at.isoformat() if draft.next_at else None
    return {"stage": draft.stage, "label": draft.status.label, "note": draft.note, "checked_at": read, "next_at": due}


def _messages(release: Any) -> Any:
    """One question where there are none, as in most releases."""
    from bot.services import manualtasks

    return manualtasks.of_release(release, now=now()) if release.manual_tasks.exists() else ()


def _task_data(task: Any) -> dict[str, Any]:
    post = _post_of(task)
    return {
        "position": task.position,
        "document": task.edition.document.external_id,
        "edition": task.edition.number,
        "title": task.edition.title,
        "payload_hash": task.payload_hash,
        "url": post.url if post else None,
        "posted_at": post.posted_at.isoformat() if post else None,
        "posted_by": post.posted_by.username if post else None,
        "dropped": task.drop_reason,
    }


def _post_of(task: Any) -> Any:
    return next((post for post in task.posts.all() if post.stands), None)


def message_lines(release: Any) -> list[str]:
    """The same for people."""
    lines = []
    for one in _messages(release):
        how = _how(one)
        lines.append(f"  {one.account.name}·{one.mode.label}：{how}")
        lines += [f"      {one.draft.note}"] if one.draft and one.draft.note else []
        for task in one.tasks:
            title = f"{task.edition.document.external_id} {shorten(task.edition.title, 60)}"
            lines.append(f"      {task.position + 1}. {title}　{_standing(one, task)}")
    return lines


def _how(message: Any) -> str:
    """Who makes it public. Before the signature a draft has no stage yet."""
    if not message.mode.by_hand:
        return "由人手工发布"
    return f"系统放草稿，由人公开（{message.draft.status.label if message.draft else '签发后才放'}）"


def _standing(message: Any, task: Any) -> str:
    from bot.domain.instants import show

    post = _post_of(task)
    if post:
        down = f"，已撤下：{task.drop_reason}" if task.drop_reason else ""
        return f"{show(post.posted_at, seconds=False)} {post.posted_by.name}已手工发布 {post.url}{down}"
    if task.drop_reason:
        return f"不再发布：{task.drop_reason}"
    return "已作废" if message.release.cancelled_at else message.standing.words
