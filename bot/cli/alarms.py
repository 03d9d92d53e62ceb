"""`tongfa alarm` and `tongfa notify`."""

from __future__ import annotations

from typing import Any

import click

from .common import acting, as_option, now
from .output import IN_PART, Reply, command, table


@click.group("alarm")
def alarm() -> None:
    """警报：看有什么等人处理，登记已阅。"""


@alarm.command("list")
@as_option
@click.option("--all", "everything", is_flag=True, help="连同已了结的（近 200 条）。")
@command
def list_alarms(username: str, everything: bool) -> Reply:
    """列出本单位未了结的警报，最急的在前。"""
    from bot.domain.instants import show
    from bot.services import alarming

    unit = acting(username).unit
    found = alarming.recent(unit) if everything else alarming.standing(unit)
    rows = [
        [
            str(one.pk),
            one.label,
            one.out_label,
            str(one.release_id or ""),
            show(one.raised_at),
            f"{one.read_by.name}已阅" if one.read_by else "未阅",
            "已了结" if one.closed_at else "未了结",
        ]
        for one in found
    ]
    lines = (
        table(["编号", "警报", "是否已发出", "发布单", "发生", "阅", "状态"], rows) if rows else ["没有未了结的警报。"]
    )
    for one in found:
        if one.closed_at is None:
            lines += [f"[{one.pk}] {one.message}", f"    → {one.remedy}"]
    return Reply({"alarms": [alarm_data(one) for one in found]}, lines)


@alarm.command("read")
@click.argument("pk", type=int, metavar="ID")
@as_option
@command
def read_alarm(pk: int, username: str) -> Reply:
    """登记已阅：有人接手了，不再升级通知。"""
    from bot.services import alarming

    person = acting(username)
    found = alarming.read(alarming.find_alarm(pk, unit=person.unit), person=person, now=now())
    return Reply(
        alarm_data(found), [f"警报 {pk}（{found.label}）已由{person.name}阅，不再升级通知。", f"    → {found.remedy}"]
    )


def alarm_data(alarm: Any) -> dict[str, Any]:
    """The JSON form of an alarm (docs/reference/cli.md)."""
    return {
        "id": alarm.pk,
        "kind": alarm.kind,
        "label": alarm.label,
        "out": alarm.out,
        "release": alarm.release_id,
        "publication": alarm.publication_id,
        "account": alarm.account.slug if alarm.account else None,
        "message": alarm.message,
        "remedy": alarm.remedy,
        "raised_at": alarm.raised_at.isoformat(),
        "read_at": alarm.read_at.isoformat() if alarm.read_at else None,
        "read_by": alarm.read_by.username if alarm.read_by else None,
        "closed_at": alarm.closed_at.isoformat() if alarm.closed_at else None,
        "closed_because": alarm.closed_because,
        "notices": [
            {
                "ring": notice.ring,
                "target": notice.target,
                "how": notice.kind,
                "state": notice.state,
                "tries": notice.tries,
                "sent_at": notice.sent_at.isoformat() if notice.sent_at else None,
                "error": notice.error,
            }
            for notice in sorted(alarm.notices.all(), key=lambda row: row.pk)
        ],
    }


@click.group("notify")
def notify() -> None:
    """通知：试一试出事时谁会收到。"""


@notify.command("test")
@as_option
@command
def test_notify(username: str) -> Reply:
    """给每个通知对象送一条测试消息。有送不到的，退出码为 3。"""
    from bot.services import telling

    tried = telling.test(person=acting(username), now=now())
    problems = telling.targets().problems
    lines = [
        f"{'✓' if one.ok else '✗'} 第 {one.target.ring} 级 {one.target.name}（{one.target.kind}）：{one.message}"
        for one in tried
    ]
    data = {
        "targets": [
            {
                "name": one.target.name,
                "kind": one.target.kind,
                "ring": one.target.ring,
                "ok": one.ok,
                "message": one.message,
            }
            for one in tried
        ],
        "problems": list(problems),
    }
    bad = bool(problems) or not all(one.ok for one in tried)
    return Reply(data, [*lines, *problems], code=IN_PART if bad else 0)
