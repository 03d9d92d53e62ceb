"""What would stop the part of a release that people make public, without asking a platform; `lookahead` tells it.

The account of a draft is examined as that of a push, as far as the same holds: nothing of a draft is reserved, staged or
sent at an instant. Where people post a text there is nothing to examine but whether the account is in use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from bot.domain.channel import ChannelFault, CheckResult
from bot.domain.handdraft import Stage, placed_at
from bot.domain.instants import require_aware, show
from bot.models import Account, AccountCheck, ManualTask, Release

from . import accounts, byhand, handdrafts, prechecks
from .errors import Refused

_ADMIN = "请系统管理员"
_REMEDIES = {
    Stage.WAITING: "请系统管理员查看后台进程是否在运行；来不及的复制文字发出。",
    Stage.UNCHECKED: "系统会再核对；请值班员到“手工发布”再核对一次，核对一致以前不要发表。",
    Stage.PLACED: "最近的核对没有成功：请值班员到“手工发布”再核对一次，核对一致以前不要发表。",
    Stage.LEAVING: "系统正在删除它，删完以前不要发表。",
    Stage.FAILED: "请值班员到“手工发布”照原因处理后重新放入草稿箱，来不及的复制文字发出。",
    Stage.ALTERED: "请值班员先到平台后台查看：已经公开的登记链接；被人改过、删了的不要发表，到“手工发布”重新放入。",
    Stage.LEFT_OVER: "请值班员到平台后台的草稿箱删除，不要发表。",
}


def examined(release: Release, *, now: datetime) -> Iterator[CheckResult]:
    """Of a signed release: each account with what is still to be posted there, and each draft that a person must see to."""
    require_aware(now)
    for account, tasks in waiting(release).items():
        for result in _account(release, account, tasks, now):
            yield replace(prechecks.with_remedy(result), name=f"{account.name}·{result.name}")
    yield from drafts(release, now=now)


def waiting(release: Release) -> dict[Account, list[ManualTask]]:
    """What people have neither done nor called off, by account. One question."""
    found: dict[Account, list[ManualTask]] = {}
    rows = release.manual_tasks.filter(done_at__isnull=True).select_related("account", "release").defer("payload")
    for task in rows.order_by("account_id", "lane", "position"):
        found.setdefault(task.account, []).append(task)
    return found


def drafts(release: Release, *, now: datetime) -> Iterator[CheckResult]:
    """Those that a person must see to: of the signature that stands, and what could not be taken back of an earlier one."""
    require_aware(now)
    for draft in release.hand_drafts.select_related("account", "release").order_by("pk"):
        if handdrafts.tells(draft, now=now):
            words, remedy = f"{draft.status.label}。{draft.note}", _REMEDIES[draft.status]
            yield CheckResult(f"{draft.account.name}·草稿", False, words, code="draft", remedy=remedy)


def _account(release: Release, account: Account, tasks: list[ManualTask], now: datetime) -> Iterator[CheckResult]:
    subject = prechecks.Subject(release, account, (), now)
    local = prechecks.examine_locally(subject, prechecks.OF_ACCOUNT)
    yield from (result for result in local if not result.ok)
    if byhand.leaves_draft(tasks[0]):
        yield from _draft_account(account, tasks[0])
        at = placed_at(release.signed_at or now, release.instant)
        words = f"系统 {show(at)} 起把 {len(tasks)} 篇放进草稿箱，到时由人在平台后台发表。"
        yield CheckResult("草稿", True, words, code="by_hand")
    else:
        words = f"{len(tasks)} 篇到时由人手工发布（{account.manual_reason}），系统不代发。"
        yield CheckResult("手工发布", True, words, code="by_hand")


def _draft_account(account: Account, task: ManualTask) -> Iterator[CheckResult]:
    """Whether the machine could leave a draft there: its secrets can be read, nothing is lacking, the last 体检 passed."""
    if account.manual_only:
        words = "已改为只能手工发布，系统不能往它的草稿箱放草稿。"
        yield CheckResult("账号", False, words, code="by_hand", remedy="请签发人作废后重新编制，或由人复制文字发出。")
        return
    if not account.enabled:
        return
    lacking = _lacking(account)
    if lacking:
        words = f"缺少凭据：{'、'.join(lacking)}，到时放不进草稿箱。"
        yield CheckResult("凭据", False, words, code="token", remedy=prechecks.REMEDIES["token"])
        return
    try:
        accounts.channel_of(account, mode=task.mode)
    except (ChannelFault, Refused) as fault:
        yield CheckResult("凭据", False, f"{fault.message}到时放不进草稿箱。", code="token", remedy=f"{_ADMIN}查看。")
        return
    yield from _last_check(account)


def _lacking(account: Account) -> list[str]:
    kept = set(account.credentials.values_list("name", flat=True))
    return [one.label for one in accounts.spec_of(account).credentials if one.required and one.name not in kept]


def _last_check(account: Account) -> Iterator[CheckResult]:
    """What only the platform could say, when it was last asked: whatever was mended since, nobody has asked again."""
    last = AccountCheck.objects.filter(account=account, ok=False).first()
    for line in last.lines if last else ():
        if last and not line["ok"]:
            words = f"{show(last.at)} 体检：{line['message']}"
            remedy = line.get("remedy") or f"{_ADMIN}处理后再做一次体检。"
            yield CheckResult(str(line["name"]), True, words, True, str(line.get("code") or "platform"), remedy)
