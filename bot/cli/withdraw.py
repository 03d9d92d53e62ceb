"""`tongfa withdraw`: what the page 更正与撤回 does. Two people decide; a worker makes the calls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from .common import acting, as_option, chosen, now
from .output import IN_PART, Reply, command, shorten, table
from .withdrawn import channel_data, channel_lines, kinds, parts_of, post_data, withdrawal_data, withdrawal_lines

PORTAL = (
    "门户网站：只能人工办理，本系统不改动门户（提出时加 --portal，办完再登记）。\n"
    "      收不回来：搜索引擎的快照和别处的转载。"
)


@click.group("withdraw")
def withdraw() -> None:
    """更正与撤回：看能撤到什么程度、提出、第二人确认、看结果、登记已手工删除、登记更正件。"""


def _release(pk: int, username: str) -> tuple[Any, Any]:
    from bot.services import releases

    person = acting(username)
    return releases.find_release(pk, unit=person.unit), person


def _withdrawal(pk: int, username: str) -> tuple[Any, Any]:
    from bot.services import withdrawing

    person = acting(username)
    return withdrawing.find_withdrawal(pk, unit=person.unit), person


def _takedown(pk: int, username: str) -> tuple[Any, Any]:
    from bot.services import withdrawing

    person = acting(username)
    return withdrawing.find_takedown(pk, unit=person.unit), person


# --- read -------------------------------------------------------------------------------------------------


@withdraw.command("show")
@click.argument("pk", type=int, metavar="ID")
@as_option
@command
def show(pk: int, username: str) -> Reply:
    """一张发布单：现在公开的每一篇，各渠道真正能撤到什么程度、谁来撤、什么收不回来，以及办过的撤回。"""
    from bot.services import withdrawing

    found, _ = _release(pk, username)
    channels = _by_push(withdrawing.public_items(found))
    posts, told = withdrawing.posted_by_people(found), list(found.withdrawals.order_by("-asked_at", "-pk"))
    data = {
        "release": found.pk,
        "channels": [channel_data(items) for items in channels],
        "by_hand": [post_data(post) for post in posts],
        "withdrawals": [withdrawal_data(one) for one in told],
    }
    lines = [f"发布单 {found.pk} {found.title}"]
    lines += [line for items in channels for line in channel_lines(items)]
    lines += [f"  {one.account.name}：由人手工发布，系统不能撤下：{shorten(one.title, 60)} {one.url}" for one in posts]
    if channels:
        lines.append(f"  {PORTAL}")
    if not channels and not posts:
        lines.append("现在没有公开的内容，没有可撤回的。")
    return Reply(data, [*lines, *(line for one in told for line in withdrawal_lines(one))])


def _by_push(items: Sequence[Any]) -> list[list[Any]]:
    groups: dict[int, list[Any]] = {}
    for item in items:
        groups.setdefault(item.publication_id, []).append(item)
    return list(groups.values())


@withdraw.command("list")
@as_option
@command
def list_withdrawals(username: str) -> Reply:
    """列出本单位没有办完的撤回，早的在前，写明是否等人。"""
    from bot.domain.instants import show as show_instant
    from bot.services import withdrawing

    found = withdrawing.unfinished(acting(username).unit)
    rows = [
        [
            str(one.pk), str(one.release_id), show_instant(one.asked_at, seconds=False), one.asked_by.name,
            "等第二人确认" if one.confirmed_at is None else "要人办" if withdrawing.waits_for_a_person(one) else "系统在办",
            shorten(one.reason, 40),
        ]
        for one in found
    ]  # fmt: skip
    header = ["编号", "发布单", "提出", "提出人", "现在", "原因"]
    lines = table(header, rows) if rows else ["没有没办完的撤回。"]
    return Reply({"withdrawals": [withdrawal_data(one) for one in found]}, lines)


@withdraw.command("state")
@click.argument("pk", type=int, metavar="ID")
@as_option
@command
def state(pk: int, username: str) -> Reply:
    """一次撤回办到哪里：逐项的结果和还要人办的事。全部撤下以前，退出码为 3。"""
    found, _ = _withdrawal(pk, username)
    return _told(found, code=0 if _all_down(found) else IN_PART)


def _all_down(withdrawal: Any) -> bool:
    from bot.domain.engine.withdrawing import Stage

    return withdrawal.ended_at is not None and all(one.status is Stage.DONE for one in parts_of(withdrawal))


def _told(withdrawal: Any, *words: str, code: int = 0) -> Reply:
    withdrawal.refresh_from_db()
    return Reply(withdrawal_data(withdrawal), [*words, *withdrawal_lines(withdrawal)], code=code)


@withdraw.command("draft")
@click.argument("pk", type=int, metavar="ID")
@as_option
@click.option(
    "--kind",
    default="withdrawal",
    show_default=True,
    help="对外说明的样式：撤回说明（withdrawal）、更正启事（correction）。",
)
@command
def draft(pk: int, username: str, kind: str) -> Reply:
    """对外说明的草稿：请把〔请写明〕处写完，再用 withdraw ask --notice-file 提出。"""
    from bot.domain import erratum
    from bot.domain.instants import beijing_date
    from bot.services import withdrawing

    named = erratum.NoticeKind(chosen(kind, kinds(), "对外说明"))
    found, _ = _release(pk, username)
    items, at = withdrawing.public_items(found), now()
    published = min((one.publication.live_at for one in items if one.publication.live_at), default=at)
    text = erratum.draft(
        named, titles=list(dict.fromkeys(one.edition.title for one in items)), unit=found.unit.name,
        published=beijing_date(published), today=beijing_date(at),
    )  # fmt: skip
    return Reply({"release": pk, "kind": str(named), "notice": text}, [text])


# --- the two people ---------------------------------------------------------------------------------------


@withdraw.command("ask")
@click.argument("pk", type=int, metavar="ID")
@as_option
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="TARGET",
    help="要撤下的推送，或其中一篇（篇次从 1 起），如 12 或 12:2；可多次。编号见 withdraw show。",
)
@click.option("--all", "everything", is_flag=True, help="现在公开的全部撤下。")
@click.option("--portal", is_flag=True, help="门户的原网页也要撤下或改为说明页（由人办）。")
@click.option("--reason", required=True, help="撤回原因，留痕。")
@click.option(
    "--kind",
    default="withdrawal",
    show_default=True,
    help="对外说明的样式：撤回说明（withdrawal）、更正启事（correction）。",
)
@click.option("--notice", default="", metavar="TEXT", help="对外的说明，全文。")
@click.option(
    "--notice-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="从文件取对外的说明（UTF-8）。"
)
@command
def ask(
    pk: int,
    username: str,
    targets: tuple[str, ...],
    everything: bool,
    portal: bool,
    reason: str,
    kind: str,
    notice: str,
    notice_file: Path | None,
) -> Reply:
    """提出撤回（第一人）。这时什么也没有撤下：要另一位签发人确认。"""
    from bot.services import withdrawing

    if bool(targets) == everything:
        raise click.UsageError("请用 --target 指明要撤下的，或用 --all 全部撤下，二者选一。")
    if bool(notice) == bool(notice_file):
        raise click.UsageError(
            "请用 --notice 或 --notice-file 给出对外的说明，二者选一；草稿见 tongfa withdraw draft。"
        )
    wanted = _targets(targets)
    named, text = chosen(kind, kinds(), "对外说明"), _text(notice_file) if notice_file else notice
    found, person = _release(pk, username)
    if everything:
        wanted = {items[0].publication_id: [] for items in _by_push(withdrawing.public_items(found))}
    made = withdrawing.ask(
        found, person=person, targets=[withdrawing.Target(push, tuple(places)) for push, places in wanted.items()],
        reason=reason, notice_kind=named, notice=text, portal=portal, now=now(),
    )  # fmt: skip
    return _told(
        made,
        f"已提出撤回 {made.pk}。还没有撤下任何内容。",
        f"下一步：tongfa withdraw confirm {made.pk} --as <另一位签发人>",
    )


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"读不到文件 {file}：{error.__class__.__name__}。") from None


def _targets(values: Sequence[str]) -> dict[int, list[int]]:
    """Articles by push, counted from 0; a push that is named as a whole has none."""
    found: dict[int, list[int]] = {}
    whole: set[int] = set()
    for value in values:
        push, mark, place = value.partition(":")
        if not _number(push) or (mark and (not _number(place) or place == "0")):
            raise click.UsageError(f"--target 应写成推送编号，或 推送编号:篇次（篇次从 1 起），收到的是“{value}”。")
        found.setdefault(int(push), [])
        if mark:
            found[int(push)].append(int(place) - 1)
        else:
            whole.add(int(push))
    return {push: [] if push in whole else places for push, places in found.items()}


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9


@withdraw.command("confirm")
@click.argument("pk", type=int, metavar="ID")
@as_option
@command
def confirm(pk: int, username: str) -> Reply:
    """确认撤回（第二人，另一位签发人）。从这里起真的撤，不能恢复。"""
    from bot.services import withdrawing

    found, person = _withdrawal(pk, username)
    withdrawing.confirm(found, person=person, now=now())
    return _told(
        found,
        f"两人已确认撤回 {pk}。系统能撤的马上撤并读回核对；要人工删除的，请照下面的步骤办并登记。",
        f"结果：tongfa withdraw state {pk} --as {username}",
    )


@withdraw.command("drop")
@click.argument("pk", type=int, metavar="ID")
@as_option
@command
def drop(pk: int, username: str) -> Reply:
    """收回还没有确认的撤回（提出的人，或签发人）。没有撤下任何内容。"""
    from bot.services import withdrawing

    found, person = _withdrawal(pk, username)
    withdrawing.drop(found, person=person, now=now())
    return _told(found, f"撤回 {pk} 已收回，没有撤下任何内容。")


# --- what a person does of it -----------------------------------------------------------------------------


@withdraw.command("done")
@click.argument("takedown", type=int, metavar="TAKEDOWN")
@as_option
@click.option("--evidence", required=True, metavar="TEXT", help="何时、由谁删除，打开链接后看到什么。")
@command
def done(takedown: int, username: str, evidence: str) -> Reply:
    """登记已手工删除。"""
    from bot.services import withdrawing

    found, person = _takedown(takedown, username)
    withdrawing.done_by_hand(found, person=person, evidence=evidence, now=now())
    return _told(found.withdrawal, f"撤回项 {takedown} 已登记：已手工删除。由人登记，未经系统核对。")


@withdraw.command("look")
@click.argument("takedown", type=int, metavar="TAKEDOWN")
@as_option
@command
def look(takedown: int, username: str) -> Reply:
    """请平台再核对一次是否已撤下（只看，不删）。"""
    from bot.services import withdrawing

    found, person = _takedown(takedown, username)
    withdrawing.look_again(found, person=person, now=now())
    return _told(found.withdrawal, f"撤回项 {takedown}：系统会在几秒内向平台核对一次。")


@withdraw.command("again")
@click.argument("takedown", type=int, metavar="TAKEDOWN")
@as_option
@click.option("--reason", required=True, help="怎么核实它还在的。")
@command
def again(takedown: int, username: str, reason: str) -> Reply:
    """再撤一次：只在核实仍然公开，或平台拒绝过时。"""
    from bot.services import withdrawing

    found, person = _takedown(takedown, username)
    withdrawing.again(found, person=person, reason=reason, now=now())
    return _told(found.withdrawal, f"撤回项 {takedown}：系统会在几秒内再撤一次。")


@withdraw.command("leave")
@click.argument("takedown", type=int, metavar="TAKEDOWN")
@as_option
@click.option("--reason", required=True, help="为什么不撤。")
@command
def leave(takedown: int, username: str, reason: str) -> Reply:
    """不撤了：由签发人决定，仍然公开。"""
    from bot.services import withdrawing

    found, person = _takedown(takedown, username)
    withdrawing.leave(found, person=person, reason=reason, now=now())
    return _told(found.withdrawal, f"撤回项 {takedown} 已登记：不撤，仍然公开。")


@withdraw.command("correct")
@click.argument("pk", type=int, metavar="ID")
@as_option
@click.option(
    "--new", "new", required=True, metavar="EXTERNAL_ID", help="更正件的文件编号；同一份文件的新版本填原编号。"
)
@click.option("--old", "old", metavar="EXTERNAL_ID", help="更正哪一份（这次撤回里的文件编号）；只有一份时不用写。")
@click.option("--reason", required=True, help="更正了什么。")
@command
def correct(pk: int, username: str, new: str, old: str | None, reason: str) -> Reply:
    """登记更正件：原件和更正件的页面上互相注明。"""
    from bot.services import correcting, documents, withdrawing

    found, person = _withdrawal(pk, username)
    edition = _edition_of(withdrawing.editions_of(found), old)
    made = correcting.link(
        edition, documents.find_document(new, unit=person.unit), person=person, reason=reason, now=now()
    )
    words = f"已登记：{new} 第 {made.new.number} 版更正 {edition.document.external_id} 第 {edition.number} 版。"
    return _told(found, words)


def _edition_of(editions: Sequence[Any], external_id: str | None) -> Any:
    """The edition that was taken down, by its document."""
    from bot.services.errors import NotFound

    known = {one.document.external_id: one for one in editions}
    if external_id is None and len(known) == 1:
        return next(iter(known.values()))
    if external_id is None:
        raise click.UsageError(f"这次撤回涉及几份文件，请用 --old 指明更正哪一份：{'、'.join(known)}。")
    if external_id not in known:
        raise NotFound("这次撤回里的文件", external_id)
    return known[external_id]
