"""`tongfa release`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import click

from .byhand import message_lines, messages_data
from .common import INSTANT, SPAN, acting, as_option, now, pairs
from .output import IN_PART, Reply, command, shorten, table


@click.group("release")
def release() -> None:
    """发布单：编制、改期、签发、查看、预检、暂停、恢复、作废、停发、人工处理。"""


def _find(pk: int, username: str) -> tuple[Any, Any]:
    from bot.services import releases

    person = acting(username)
    return releases.find_release(pk, unit=person.unit), person


@release.command("plan")
@as_option
@click.option("--title", default="", help="标题，默认取第一份文件的标题。")
@click.option(
    "--at",
    "instant",
    type=INSTANT,
    required=True,
    help="发布时刻，写明时区，如 2026-11-24T09:00+08:00（北京时间），或 +10m。",
)
@click.option("--account", "accounts", multiple=True, help="账号代号，可多次；默认本单位全部可用账号。")
@click.option("--item", "items", multiple=True, required=True, help="文件编号，按次序；政策文件会带上它的解读。")
@click.option("--mode", "modes", multiple=True, metavar="ACCOUNT=MODE", help="某账号本次的发布方式，默认随账号。")
@click.option("--after-live", "url", metavar="URL", help="门户联动：这个网页上线后才发，且不早于发布时刻。")
@click.option("--expect", "expected", metavar="TITLE", help="网页上应有的标题，默认第一份文件的标题。")
@click.option("--wait", type=SPAN, default="10m", show_default=True, help="过了发布时刻最多再等多久，如 90s、10m。")
@click.option(
    "--then",
    type=click.Choice(["hold", "go", "ask"]),
    default="ask",
    show_default=True,
    help="等到头仍未上线：hold 暂停，go 照发，ask 暂停并请人决定。",
)
@command
def plan(
    username: str,
    title: str,
    instant: datetime,
    accounts: tuple[str, ...],
    items: tuple[str, ...],
    modes: tuple[str, ...],
    url: str | None,
    expected: str | None,
    wait: timedelta,
    then: str,
) -> Reply:
    """编制发布单。"""
    from bot.services import documents, gating, quotas, releases

    if expected and not url:
        raise click.UsageError("--expect 要与 --after-live 一起用。")
    person = acting(username)
    chosen = [documents.find_document(item, unit=person.unit) for item in items]
    sync = gating.after_live(url, expected or chosen[0].current.title, wait, then) if url else None
    made = releases.plan(
        title=title, instant=instant, documents=chosen, sync=sync,
        accounts=releases.accounts_named(accounts, unit=person.unit), person=person, now=now(), modes=pairs(modes, "mode"),
    )  # fmt: skip
    lacking = quotas.outlook(list(_publications(made)))
    return Reply(
        {**release_data(made), "warnings": lacking},
        [
            f"发布单 {made.pk} 已编制，尚未签发。",
            *(f"注意：{words}现在这样签不了。" for words in lacking),
            *release_lines(made),
            f"下一步：tongfa release sign {made.pk} --as <签发人>",
        ],
    )


@release.command("reschedule")
@click.argument("pk", type=int, metavar="ID")
@as_option
@click.option(
    "--at", "instant", type=INSTANT, required=True, help="新的发布时刻，写明时区，如 2026-11-24T09:00+08:00，或 +10m。"
)
@command
def reschedule(pk: int, username: str, instant: datetime) -> Reply:
    """改期：内容不变，换一个时刻；签发过的须重新签发。"""
    from bot.services import releases

    found, person = _find(pk, username)
    moved = releases.reschedule(found, instant=instant, person=person, now=now())
    return Reply(
        release_data(moved),
        [
            f"发布单 {pk} 已改期，原签发（如有）作废，到时不会自动发出。",
            *release_lines(moved),
            f"下一步：tongfa release sign {pk} --as <签发人>",
        ],
    )


@release.command("sign")
@click.argument("pk", type=int, metavar="ID")
@as_option
@command
def sign(pk: int, username: str) -> Reply:
    """签发：冻结内容、次序、账号与时刻，占用额度，到点自动发布。"""
    from bot.services import releases, trail

    found, person = _find(pk, username)
    signed = releases.sign(found, person=person, now=now())
    return Reply(
        release_data(signed),
        [f"发布单 {pk} 已签发，清单哈希尾号 {trail.tail(signed.manifest_hash)}", *release_lines(signed)],
    )


@release.command("show")
@click.argument("pk", type=int, metavar="ID")
@as_option
@command
def show(pk: int, username: str) -> Reply:
    """一张发布单的来龙去脉：谁在何时做了什么、为什么，每次尝试问了什么、答了什么、核对、预检、警报，什么已经公开。"""
    found, _ = _find(pk, username)
    return Reply(
        {**release_data(found), **story_data(found)}, [*release_lines(found, attempts=True), *story_lines(found)]
    )


@release.command("check")
@click.argument("pk", type=int, metavar="ID")
@as_option
@command
def check(pk: int, username: str) -> Reply:
    """现在就做一次预检。有未过的，退出码为 3。"""
    from bot.services import preflighting

    found, person = _find(pk, username)
    rows = preflighting.ask(found, person=person, now=now)
    lines = [line for row in rows for line in preflight_lines(row)]
    return Reply(
        {"preflights": [preflight_data(row) for row in rows]}, lines, code=0 if all(row.ok for row in rows) else IN_PART
    )


@release.command("list")
@as_option
@command
def list_releases(username: str) -> Reply:
    """列出本单位的发布单，近的在前。"""
    from bot.domain.instants import show as show_instant
    from bot.models import Release

    person = acting(username)
    found = list(Release.objects.filter(unit=person.unit).order_by("-instant")[:200])
    rows = [
        [
            str(r.pk),
            show_instant(r.instant),
            shorten(r.title, 50),
            _standing(r),
            _states(r),
        ]
        for r in found
    ]
    return Reply({"releases": [release_data(r) for r in found]}, table(["编号", "时刻", "标题", "签发", "推送"], rows))


def _states(release: Any) -> str:
    from collections import Counter

    counts = Counter(p.status.label for p in release.publications.all())
    return "、".join(f"{label} {count}" for label, count in counts.items())


@release.command("hold")
@click.argument("pk", type=int, metavar="ID")
@as_option
@click.option("--reason", required=True, help="暂停原因。")
@click.option("--publication", type=int, help="只暂停其中一条推送。")
@command
def hold(pk: int, username: str, reason: str, publication: int | None) -> Reply:
    """暂停还没有发出的推送。"""
    from bot.services import stops

    found, person = _find(pk, username)
    answer = stops.hold(found, person=person, reason=reason, now=now(), only=publication)
    return _stopped(answer)


@release.command("resume")
@click.argument("pk", type=int, metavar="ID")
@as_option
@click.option("--publication", type=int, help="只恢复其中一条推送。")
@command
def resume(pk: int, username: str, publication: int | None) -> Reply:
    """恢复暂停的推送；已过时刻的，准备好就发。"""
    from bot.domain.delivery import State
    from bot.services import stops

    found, person = _find(pk, username)
    count = stops.resume(found, person=person, now=now(), only=publication)
    held = [one for one in _publications(found) if one.status is State.HELD] if publication is None else []
    behind = stops.still_behind(held) if held else ""
    why = [behind] if behind else [] if count else [_why_none(found)]
    return Reply({"resumed": count}, [f"已恢复 {count} 条推送。", *why])


def _why_none(found: Any) -> str:
    """Why nothing was resumed, and what is to be done instead."""
    from bot.domain.delivery import FOR_A_PERSON, State

    stuck = [one for one in _publications(found) if one.status in {*FOR_A_PERSON, State.UNKNOWN}]
    if not stuck:
        return "这张发布单没有暂停着的推送，没有改动。"
    words = "；".join(f"推送 {one.pk}（{one.account.name}）{one.status.label}" for one in stuck)
    return f"没有暂停着的推送，没有改动。{words}：先核对是否已发出，用 tongfa release settle 登记，或在异常台办理。"


@release.command("cancel")
@click.argument("pk", type=int, metavar="ID")
@as_option
@click.option("--reason", required=True, help="作废原因。")
@click.option("--publication", type=int, help="只作废其中一条推送。")
@command
def cancel(pk: int, username: str, reason: str, publication: int | None) -> Reply:
    """作废还没有发出的推送。"""
    from bot.services import stops

    found, person = _find(pk, username)
    return _stopped(stops.cancel(found, person=person, reason=reason, now=now(), only=publication))


def _stopped(answer: Any) -> Reply:
    return Reply(asdict(answer), [answer.message])


@release.command("freeze")
@as_option
@click.option("--reason", default="", help="停发原因。")
@click.option("--lift", is_flag=True, help="解除停发；被拦下的推送仍是暂停，须逐单恢复。")
@command
def freeze(username: str, reason: str, lift: bool) -> Reply:
    """一键停发：本单位所有未发出的推送立即停下。"""
    from bot.services import reconciling, stops

    person = acting(username)
    if lift:
        stops.unfreeze(person.unit, person=person, now=now())
        left = reconciling.standing()
        lines = ["停发已解除。被拦下的推送仍是暂停，请逐单用 tongfa release resume 恢复。"]
        lines += [left.warning] if left and left.warning else []
        return Reply({"frozen": False, "unclear": left.unclear if left else 0}, lines)
    answer = stops.freeze(person.unit, person=person, reason=reason, now=now())
    return Reply(
        {"frozen": True, **asdict(answer)},
        [f"已停发。{answer.message}"],
    )


@release.command("gate")
@click.argument("pk", type=int, metavar="ID")
@as_option
@click.option("--go", is_flag=True, help="不等门户网页，照发。")
@click.option("--hold", "stay", is_flag=True, help="继续暂停。")
@command
def gate(pk: int, username: str, go: bool, stay: bool) -> Reply:
    """门户到时没有上线：决定照发还是继续暂停。"""
    from bot.services import gating

    if go == stay:
        raise click.UsageError("请在 --go、--hold 之中选一个。")
    found, person = _find(pk, username)
    count = gating.decide(found, go=go, person=person, now=now())
    if not go:
        words = "已决定继续暂停，没有发出。以后可再用 --go 放行，或作废。"
    elif count:
        words = f"已放行，{count} 条推送重新准备，约 {gating.RELEASE_LEAD.total_seconds():.0f} 秒后一起发出。"
    else:
        words = "已放行，但没有可以接着发的推送：已错过的请由两人用 tongfa release settle 重发，人工暂停的请用 tongfa release resume 恢复。"
    return Reply({"decision": "go" if go else "hold", "resumed": count}, [words])


@release.command("settle")
@click.argument("publication", type=int)
@as_option
@click.option("--live", "urls", multiple=True, metavar="URL", help="核实已发：按篇次给出链接。")
@click.option("--resend", "resend", metavar="REASON", help="核实未发并重发，写明核实情况；须有 --second。")
@click.option("--second", metavar="USER", help="共同确认重发的第二人。")
@click.option("--cancel", "cancel_reason", metavar="REASON", help="作废。")
@click.option("--correct", metavar="REASON", help="更正由人登记的链接，写明原因；新链接用 --live 给出。")
@click.option("--not-live", "not_live", metavar="REASON", help="收回由人登记的“已发布”，写明原因；转回需人工处理。")
@command
def settle(
    publication: int,
    username: str,
    urls: tuple[str, ...],
    resend: str | None,
    second: str | None,
    cancel_reason: str | None,
    correct: str | None,
    not_live: str | None,
) -> Reply:
    """人工处理“需人工处理”或“错过”的推送：登记链接、两人重发、作废；由人登记过的还可更正链接、收回登记。"""
    from bot.services import settling

    if sum(map(bool, (urls, resend, cancel_reason, not_live))) != 1:
        raise click.UsageError("请在 --live、--resend、--cancel、--not-live 之中选一个。")
    if correct and not urls:
        raise click.UsageError("--correct 要与 --live 一起用：更正为哪个链接。")
    person = acting(username)
    found = settling.find_publication(publication, unit=person.unit)
    if correct:
        settling.correct_live(found, urls=list(urls), person=person, reason=correct, now=now())
    elif not_live:
        settling.settle_not_live(found, person=person, reason=not_live, now=now())
    elif urls:
        settling.settle_live(found, urls=list(urls), person=person, now=now())
    elif resend:
        if not second:
            raise click.UsageError("重发须用 --second 指明共同确认的第二人。")
        settling.settle_again(found, person=person, second=acting(second), reason=resend, now=now())
    else:
        settling.settle_cancel(found, person=person, reason=cancel_reason or "", now=now())
    lines = [f"推送 {publication}：{found.status.label}", *([found.reason] if found.reason else [])]
    return Reply({"publication": publication, "state": str(found.status)}, lines)


# --- how releases are told --------------------------------------------------------------------------------


def release_data(release: Any) -> dict[str, Any]:
    """The JSON form of a release (docs/reference/cli.md)."""
    return {
        "id": release.pk,
        "title": release.title,
        "instant": release.instant.isoformat(),
        "sync": release.sync,
        "gate": gate_data(release),
        "signed": release.signed,
        "signed_by": release.signed_by.username if release.signed_by else None,
        "manifest_hash": release.manifest_hash,
        "cancelled": release.cancelled_at is not None,
        "urgent": urgent_data(release),
        "by_hand": messages_data(release),
        "publications": publications_data(release),
    }


def urgent_data(release: Any) -> dict[str, Any] | None:
    """The JSON form of 应急发布: whose words, and the reviews that are owed; None for an ordinary release."""
    from bot.services import urgentcare

    if release.urgency is None:
        return None
    told = urgentcare.story(release.urgency)
    return {
        "stage": told.urgency.stage,
        "reason": told.urgency.reason,
        "digest": told.urgency.digest,
        "words": [
            {
                "place": one.place,
                "person": one.person.username,
                "at": one.at.isoformat(),
                "manifest": one.manifest_hash or None,
            }
            for one in told.words
        ],
        "reviews": told.passed,
        "reviews_needed": told.needed,
        "review_by": told.urgency.review_by.isoformat() if told.urgency.review_by else None,
    }


def urgent_lines(release: Any) -> list[str]:
    """The Chinese form of the same; nothing for an ordinary release."""
    from bot.domain.instants import show as show_instant
    from bot.services import urgentcare

    if release.urgency is None:
        return []
    told = urgentcare.story(release.urgency)
    who = "；".join(
        f"{show_instant(one.at)} {one.person.name}{'提出' if one.place == 1 else '确认并签发'}" for one in told.words
    )
    lines = [f"  {told.urgency.status.label}：{who}", f"    理由：{told.urgency.reason}"]
    if told.owed_until:
        lines.append(
            f"    补审 {told.passed}/{told.needed}，须在 {show_instant(told.owed_until, seconds=False)} 前审完（审批箱）"
        )
    if told.urgency.stage == "returned":
        lines.append(f"    {told.to_mend}")
    return lines


def gate_data(release: Any) -> dict[str, Any] | None:
    """The JSON form of a release's portal gate; None where it waits for no page."""
    from bot.services import gating

    told = gating.story(release)
    if told is None:
        return None
    gate, policy = told.gate, told.policy
    times = {name: getattr(gate, name) for name in ("asked_at", "open_since", "effective", "next_at", "decided_at")}
    return {
        "url": policy.url,
        "title": policy.title,
        "wait": int(policy.wait.total_seconds()),
        "then": str(policy.then),
        "state": gate.state,
        "asked": gate.asked,
        "seen": gate.seen or None,
        "words": gate.words,
        "decided_by": gate.decided_by.username if gate.decided_by else None,
        **{name: time.isoformat() if time else None for name, time in times.items()},
    }


def _publications(release: Any) -> Any:
    return release.publications.select_related("account").order_by("account_id", "lane")


def publications_data(release: Any) -> list[dict[str, Any]]:
    """The JSON form of a release's publications."""
    from bot.services import story

    publications = list(_publications(release))
    statuses = story.statuses(publications)
    return [publication_data(publication, story.tried(publication, statuses)) for publication in publications]


def publication_data(publication: Any, tries: Any) -> dict[str, Any]:
    """The JSON form of a publication with its public calls."""
    return {
        "id": publication.pk,
        "account": publication.account.slug,
        "channel": publication.account.channel,
        "mode": publication.mode,
        "lane": publication.lane,
        "state": publication.state,
        "reason": publication.reason,
        "instant": publication.instant.isoformat(),
        "gate_at": publication.gate_at.isoformat() if publication.gate_at else None,
        "sent_at": publication.sent_at.isoformat() if publication.sent_at else None,
        "late_ms": publication.late_ms,
        "live_at": publication.live_at.isoformat() if publication.live_at else None,
        "ids": {name: value for name, value in publication.ids.items() if name != "articles"},
        "items": [
            {
                "position": item.position,
                "document": item.edition.document.external_id,
                "edition": item.edition.number,
                "title": item.edition.title,
                "marker": item.edition.marker,
                "payload_hash": item.payload_hash,
                "platform_id": item.platform_id,
                "url": item.url or None,
            }
            for item in publication.items.select_related("edition__document").order_by("position")
        ],
        "attempts": [attempt_data(tried) for tried in tries],
    }


def attempt_data(tried: Any) -> dict[str, Any]:
    """The JSON form of a public call: what was asked, what came back."""
    attempt = tried.attempt
    return {
        "number": attempt.number,
        "kind": attempt.kind,
        "call": tried.call,
        "key": attempt.key,
        "asked": tried.asked,
        "intent_at": attempt.intent_at.isoformat(),
        "sent_at": attempt.sent_at.isoformat() if attempt.sent_at else None,
        "answered_at": attempt.answered_at.isoformat() if attempt.answered_at else None,
        "outcome": attempt.outcome or "open",
        "status": tried.status,
        "code": attempt.code,
        "message": attempt.message,
        "answer": attempt.answer,
    }


def _standing(release: Any) -> str:
    if release.cancelled_at:
        return "已作废"
    return "已签发" if release.signed else "未签发"


def _whole(release: Any) -> str:
    """Whether it is signed, and where its pushes stand: "signed" alone would read as if nothing had gone out yet."""
    states = "" if release.cancelled_at else _states(release)
    return _standing(release) + (f"（{states}）" if states else "")


def release_lines(release: Any, *, attempts: bool = False) -> list[str]:
    """The Chinese form of a release."""
    from bot.domain.instants import show as show_instant
    from bot.services import gating, standstills, story
    from bot.services.accounts import spec_of

    told, publications = gating.story(release), list(_publications(release))
    statuses = story.statuses(publications) if attempts else {}
    lines = [f"发布单 {release.pk} {release.title}｜{show_instant(release.instant)}｜{_whole(release)}"]
    lines += [*urgent_lines(release), *([f"  {line}" for line in told.lines] if told else [])]
    lines += [f"  {standstills.of_release(one, publications)}。" for one in standstills.over(release, publications)]
    for publication in publications:
        after = gating.after_page(publication, told)
        mode = spec_of(publication.account).mode(publication.mode).label
        late = _late(publication, after) if publication.sent_at else ""
        again = story.sent_again(publication)
        anew = f"，{again}" if again else ""
        lines.append(
            f"  [{publication.pk}] {publication.account.name}·{mode}：{publication.status.label}，计划 {show_instant(publication.promised)}{anew}{late}"
        )
        if publication.reason:
            lines.append(f"      {publication.reason}")
        for item in publication.items.select_related("edition__document").order_by("position"):
            link = item.url or ("链接未取得" if publication.sent_at else "")
            lines.append(
                f"      {item.position + 1}. {item.edition.document.external_id} {shorten(item.edition.title, 60)} {link}"
            )
        for tried in story.tried(publication, statuses) if attempts else ():
            lines += attempt_lines(tried)
    return [*lines, *message_lines(release)]


def _late(publication: Any, after: float | None) -> str:
    """When it left: by our own stamp to the millisecond, else by what the platform says, to the second."""
    from bot.domain.delivery import ASKED_ONLY
    from bot.domain.instants import delay
    from bot.domain.instants import show as show_instant

    if not publication.attempts.filter(sent_at__isnull=False).exists():
        return f"，公开于 {show_instant(publication.sent_at)}（平台所说，精确到秒；首字节时刻没有记下）"
    page = "" if after is None else f"，门户上线后 {after:.1f} 秒"
    what = "请求发出于" if publication.status in ASKED_ONLY else "实发"
    return f"，{what} {show_instant(publication.sent_at)}（晚 {delay(publication.late_ms)}{page}）"


RAW_COLUMNS = 300


#: What may be said of an attempt without the stamp of its first byte: only "not_sent" proves that none left.
UNSTAMPED = {"not_sent": "没有字节发出", "": "是否已发出还不知道"}
IN_DOUBT = "首字节时刻没有记下，是否发出不明"


def attempt_lines(tried: Any) -> list[str]:
    """One public call: what was asked, when, what came back. The whole of a long answer is in the JSON."""
    from bot.domain.instants import show as show_instant

    attempt = tried.attempt

    when = (
        f"{show_instant(attempt.sent_at)} 首字节发出" if attempt.sent_at else UNSTAMPED.get(attempt.outcome, IN_DOUBT)
    )
    ended = f"，{show_instant(attempt.answered_at)} 结束" if attempt.answered_at else ""
    code = f"（代码 {tried.code}）" if tried.code else ""
    status = f"（HTTP {tried.status}）" if tried.status is not None else ""
    why = f"：{attempt.message}" if attempt.message else ""
    lines = [
        f"      第 {attempt.number} 次：{tried.asked}",
        f"        调用 {tried.call}，编号 {attempt.key}",
        f"        {show_instant(attempt.intent_at)} 登记，{when}{ended}{status}：{tried.ended}{code}{why}",
    ]
    if attempt.answer:
        lines.append(f"        平台原文：{shorten(' '.join(attempt.answer.split()), RAW_COLUMNS)}")
    return lines


def story_data(release: Any) -> dict[str, Any]:
    """What `release show` adds to a release: who did what, looks, what is public, pre-flights, alarms."""
    from bot.domain.alarms import Out
    from bot.services import disproof, story

    from .alarms import alarm_data

    publications = list(_publications(release))
    looks, out = story.looks(publications), disproof.out_of(publications)
    return {
        "story": [sentence_data(one) for one in story.sentences(release, publications)],
        "looks": [
            {"publication": pk, "at": look.at.isoformat(), "verdict": look.verdict, "message": look.message}
            for pk, found in looks.items()
            for look in found
        ],
        "public": [
            {"publication": one.pk, "words": story.public_now(one, disproved=out[one.pk] is Out.NO)}
            for one in publications
        ],
        "preflights": [preflight_data(row) for row in story.preflights_of(release)],
        "alarms": [alarm_data(row) for row in story.alarms_of(release)],
    }


def sentence_data(one: Any) -> dict[str, Any]:
    """The JSON form of one line of the story."""
    return {
        "number": one.number,
        "at": one.at.isoformat(),
        "actor": one.actor,
        "name": one.who,
        "action": one.action,
        "subject": one.subject,
        "what": one.what,
        "detail": one.detail,
    }


def preflight_data(row: Any) -> dict[str, Any]:
    """The JSON form of a pre-flight."""
    return {
        "id": row.pk,
        "account": row.account.slug,
        "kind": row.kind,
        "state": row.state,
        "due_at": row.due_at.isoformat(),
        "done_at": row.done_at.isoformat() if row.done_at else None,
        "passed": row.ok,
        "checks": [
            {
                "code": one.code,
                "name": one.name,
                "ok": one.ok,
                "warning": one.warning,
                "message": one.message,
                "remedy": one.remedy,
            }
            for one in sorted(row.checks.all(), key=lambda check: check.position)
        ],
    }


def story_lines(release: Any) -> list[str]:
    """What is public, looks, pre-flights, alarms, and who did what, for people."""
    from bot.domain.alarms import Out
    from bot.domain.instants import show as show_instant
    from bot.services import disproof, story

    publications = list(_publications(release))
    looks, out = story.looks(publications), disproof.out_of(publications)
    lines = ["现在公开的："]
    for one in publications:
        lines.append(f"  [{one.pk}] {one.account.name}：{story.public_now(one, disproved=out[one.pk] is Out.NO)}")
        lines += [f"      {show_instant(look.at)} 核对：{look.words}。{look.message}" for look in looks[one.pk]]
    preflights, alarms = story.preflights_of(release), story.alarms_of(release)
    lines += ["预检："] if preflights else []
    lines += [line for row in preflights for line in preflight_lines(row)]
    lines += ["警报："] if alarms else []
    lines += alarm_lines(alarms)
    return [*lines, "经过：", *(f"  {sentence_line(one)}" for one in story.sentences(release, publications))]


def alarm_lines(alarms: Sequence[Any]) -> list[str]:
    """One line for those that say the same at the same minute: one account's trouble stops every push of it at once."""
    from bot.domain.instants import show as show_instant

    alike: dict[tuple[str, ...], list[Any]] = {}
    for alarm in alarms:
        minute = show_instant(alarm.raised_at, seconds=False)
        alike.setdefault((minute, *_alarm_words(alarm)), []).append(alarm)
    lines = list[str]()
    for (_, words, *notices), same in alike.items():
        number = f"[{same[0].pk}]" if len(same) == 1 else f"[{same[-1].pk}] 等 {len(same)} 条"
        lines += [f"  {number} {show_instant(same[0].raised_at)} {words}", *(f"      {one}" for one in notices)]
    return lines


def _alarm_words(alarm: Any) -> list[str]:
    """What it says besides its number and its instant: first of itself, then of each notice."""
    from bot.domain.instants import show as show_instant

    read = f"，{show_instant(alarm.read_at)} {alarm.read_by.name}已阅" if alarm.read_at and alarm.read_by else "，未阅"
    closed = f"，{show_instant(alarm.closed_at)} 了结：{alarm.closed_because}" if alarm.closed_at else ""
    where = f"“{alarm.account.name}”" if alarm.account else ""
    notices = [f"第 {one.ring} 级 {one.target}：{one.result}" for one in alarm.notices.all() if one.target]
    return [f"{where}{alarm.label}（是否已发出：{alarm.out_label}）{read}{closed}", *notices]


def sentence_line(one: Any) -> str:
    """One line of the story: when, who, what, why."""
    from bot.domain.instants import show as show_instant

    return f"{show_instant(one.at)} {one.who}　{one.what}{f'　{one.detail}' if one.detail else ''}"


def preflight_lines(row: Any) -> list[str]:
    """A pre-flight for people: what passed in one line, what did not with its remedy."""
    from bot.domain.instants import show as show_instant

    from .doctor import check_lines

    if row.ok is None:
        return [f"  {row.account.name}·{row.label}：定于 {show_instant(row.due_at)}"]
    checks = sorted(row.checks.all(), key=lambda check: check.position)
    passed = sum(check.ok for check in checks)
    minded = sum(check.ok and check.warning for check in checks)
    which = f"{passed}/{len(checks)} 项" + (f"，{minded} 项提醒" if minded else "")
    lines = [
        f"  {row.account.name}·{row.label}（{show_instant(row.done_at)}）：{'通过' if row.ok else '未过'}，{which}"
    ]
    lines += [f"    {line}" for check in checks if not check.ok or check.warning for line in check_lines(check)]
    return lines
