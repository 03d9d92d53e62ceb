"""The audit trail as sentences that staff can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.domain.alarms import Kind
from bot.domain.delivery import State
from bot.domain.instants import show
from bot.domain.preflight import Kind as Preflight
from bot.domain.sync import GateState, Seen
from bot.domain.workflow import Step
from bot.models import AuditEvent

from .people import names

LOOKED = "platform.looked"
TOLD = "platform.told"  # an event that came when a person had to decide already
MOVED = "publication.moved"
ANSWERED = "platform.answered"
FREEZES = ("unit.frozen", "unit.freeze_reached", "unit.unfrozen")
TAIL = 8
VERDICTS = {"Pending": "已受理", "Receipt": "已发布", "Refused": "拒绝", "Unknown": "结果不明"}


#: What one look found.
FOUND = {
    "Receipt": "已经公开（发布和微博已认出是本条；群发以平台的状态为准）",
    "Pending": "平台已受理，还没有公开",
    "Absent": "这一次没有查到（一次查不到不能证明没有发出）",
    "Failed": "平台说没有公开，或已被删除",
    "Unclear": "这一次没有查清",
    "Error": "核对时程序出错，这一次没有结果",
    "Told": "平台发来通知",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One line: when, who, what; `detail` is a reason or an answer; `number` is its place in the chain.

    `who` is the name of `actor`, a login name; what is no person (系统, 平台回调) is its own name.
    """

    number: int
    at: datetime
    who: str
    what: str
    detail: str = ""
    actor: str = ""
    action: str = ""
    subject: str = ""


def tail(digest: str) -> str:
    """The last digits of a hash, enough for two people to compare over the telephone."""
    return digest[-TAIL:] if digest else "—"


def tell(subjects: Mapping[str, str]) -> list[Sentence]:
    """All lines about these subjects, in order. `subjects`: subject of the trail -> its name for staff."""
    events = AuditEvent.objects.filter(subject__in=list(subjects)).order_by("sequence")
    return in_words(list(events), subjects)


def in_words(events: Sequence[AuditEvent], subjects: Mapping[str, str]) -> list[Sentence]:
    """These lines of the trail as sentences, with the names of all people in them."""
    people = names(str(login) for event in events for login in (event.actor, event.data.get("second", "")))
    return [_sentence(event, subjects[event.subject], people) for event in events]


def _sentence(event: AuditEvent, name: str, people: Mapping[str, str]) -> Sentence:
    second = event.data.get("second", "")
    what, detail = _words(event.action, {**event.data, "second": people.get(second, second)}, name)
    who = people.get(event.actor, event.actor)
    return Sentence(event.sequence, event.at, who, what, detail, event.actor, event.action, event.subject)


def _words(action: str, data: Mapping[str, Any], name: str) -> tuple[str, str]:
    teller = TELLERS.get(action)
    return teller(data, name) if teller else (f"{name}：{action}", "")


def _moved(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    return f"{name}：{State(data['from']).label} → {State(data['to']).label}", data.get("reason", "")


def _answered(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    """In words; the raw answer is with the attempt, whole and behind a fold."""
    verdict = VERDICTS.get(data.get("verdict", ""), "已答复")
    return f"{name}：平台对第 {data.get('attempt')} 次请求的答复是“{verdict}”（HTTP {data.get('status')}）", ""


def _looked(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    return f"{name}：向平台核对，{FOUND.get(data.get('verdict', ''), '已查看')}", data.get("message", "")


def _alarm(what: str) -> Callable[[Mapping[str, Any], str], tuple[str, str]]:
    def words(data: Mapping[str, Any], name: str) -> tuple[str, str]:
        kind = data.get("kind", "")
        label = Kind(kind).label if kind in set(Kind) else kind
        return f"{name}：{what}“{label}”", data.get("reason", "")

    return words


def _preflight(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    kind = data.get("kind", "")
    label = Preflight(kind).label if kind in set(Preflight) else kind
    failed = data.get("failed", ())
    names = "、".join(data.get("names", failed))
    return f"预检（{label}，账号 {data.get('account', '')}）{'未过' if failed else '通过'}", names


def _planned(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    instant = show(datetime.fromisoformat(data["instant"]))
    return f"编制发布单，定于 {instant}，{len(data.get('editions', ()))} 件", ""


def _rescheduled(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    before, after = (show(datetime.fromisoformat(data[key])) for key in ("from", "instant"))
    return f"{name}：改期，由 {before} 改为 {after}，须重新签发", ""


def _signed(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    return f"签发，清单哈希尾号 {tail(data.get('manifest', ''))}", ""


def _reviewed(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    verdict = "通过" if data.get("verdict") == "pass" else "退回"
    return f"{name}：{Step(data['step']).label}{verdict}，内容哈希尾号 {tail(data.get('content', ''))}", data.get(
        "comment", ""
    )


def _portal_answered(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    return f"查看门户网页：{Seen(data['seen']).label}", data.get("words", "")


def _gate_moved(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    effective = data.get("effective")
    when = f"，{show(datetime.fromisoformat(effective))} 起发出" if effective else ""
    return f"门户联动：{GateState(data['from']).label} → {GateState(data['to']).label}{when}", data.get("words", "")


def _said(what: str) -> Callable[[Mapping[str, Any], str], tuple[str, str]]:
    """A fixed sentence with the reason, and the answer if there was one."""

    def words(data: Mapping[str, Any], name: str) -> tuple[str, str]:
        return what.format(name=name, second=data.get("second", "")), "　".join(
            part for part in (data.get("reason", ""), data.get("answer", "")) if part
        )

    return words


TELLERS: dict[str, Callable[[Mapping[str, Any], str], tuple[str, str]]] = {
    MOVED: _moved,
    ANSWERED: _answered,
    LOOKED: _looked,
    TOLD: lambda data, name: (f"{name}：平台发来通知", data.get("message", "")),
    "publication.link_corrected": lambda data, name: (
        f"{name}：更正登记的链接，由 {'、'.join(data.get('from', ()))} 改为 {'、'.join(data.get('to', ()))}",
        data.get("reason", ""),
    ),
    "publication.resend": _said("{name}：与{second}两人确认没有发出，重新发送"),
    "alarm.raised": _alarm("警报"),
    "alarm.read": _alarm("已阅警报"),
    "alarm.closed": _alarm("警报了结"),
    "preflight.done": _preflight,
    "preflight.asked": _said("要求再做一次预检"),
    "release.planned": _planned,
    "release.rescheduled": _rescheduled,
    "release.signed": _signed,
    "release.voided": _said("签发作废"),
    "release.held": _said("暂停发布单"),
    "release.stopping": _said("开始分批暂停或作废"),
    "release.resumed": _said("恢复发布单"),
    "release.cancelled": _said("作废发布单"),
    "unit.frozen": _said("一键停发"),
    "unit.freeze_reached": _said("停发的结果"),
    "unit.unfrozen": _said("解除停发"),
    "home.backed_up": lambda data, name: (
        f"备份到 {data.get('file', '')}，{'含加密的密钥' if data.get('keys') else '不含密钥'}，校验尾号 {tail(data.get('sha256', ''))}", "",
    ),
    "home.restored": lambda data, name: (
        f"从备份恢复（备份于 {show(datetime.fromisoformat(data['backed_up_at']))}），全部停发", data.get("answer", ""),
    ),
    "publication.reconciled": _said("{name}：从备份恢复后核对"),
    "gate.answered": _portal_answered,
    "gate.moved": _gate_moved,
    "gate.decided": _gate_moved,
    "edition.created": lambda data, name: (f"{name}：形成第 {data.get('number')} 版", f"内容哈希尾号 {tail(data.get('hash', ''))}"),
    "edition.submitted": lambda data, name: (f"{name}：第 {data.get('edition')} 版送审", f"内容哈希尾号 {tail(data.get('content', ''))}"),
    "edition.reviewed": _reviewed,
    "finding.waived": lambda data, name: (f"{name}：忽略检查结果 {data.get('rule', '')}", data.get("reason", "")),
    "document.policy": lambda data, name: (
        f"{name}：{'定为' if data.get('is_policy') else '不再作为'}政策文件",
        data.get("reason", ""),
    ),
}  # fmt: skip
