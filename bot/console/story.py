"""The audit trail as sentences that staff can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from bot.services.story import FOUND

from .people import names

TAIL = 8
VERDICTS = {"Pending": "已受理", "Receipt": "已发布", "Refused": "拒绝", "Unknown": "结果不明"}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One line: when, who, what; `detail` is a reason or an answer; `number` is its place in the chain."""

    number: int
    at: datetime
    who: str
    what: str
    detail: str = ""


def tail(digest: str) -> str:
    """The last digits of a hash, enough for two people to compare over the telephone."""
    return digest[-TAIL:] if digest else "—"


def tell(subjects: Mapping[str, str]) -> list[Sentence]:
    """All lines about these subjects, in order. `subjects`: subject of the trail -> its name for staff."""
    events = list(AuditEvent.objects.filter(subject__in=list(subjects)).order_by("sequence"))
    people = names(event.actor for event in events)
    return [
        Sentence(
            event.sequence, event.at, people.get(event.actor, event.actor), *_words(event, subjects[event.subject])
        )
        for event in events
    ]


def _words(event: AuditEvent, name: str) -> tuple[str, str]:
    teller = TELLERS.get(event.action)
    return teller(event.data, name) if teller else (f"{name}：{event.action}", "")


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
    return f"预检（{label}，账号 {data.get('account', '')}）{'未过' if failed else '通过'}", "、".join(failed)


def _planned(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    instant = show(datetime.fromisoformat(data["instant"]))
    return f"编制发布单，定于 {instant}，{len(data.get('editions', ()))} 件", ""


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
        return what.format(name=name), "　".join(
            part for part in (data.get("reason", ""), data.get("answer", "")) if part
        )

    return words


TELLERS: dict[str, Callable[[Mapping[str, Any], str], tuple[str, str]]] = {
    "publication.moved": _moved,
    "platform.answered": _answered,
    "platform.looked": _looked,
    "platform.told": lambda data, name: (f"{name}：平台发来通知", data.get("message", "")),
    "publication.resend": _said("{name}：两人确认没有发出，重新发送"),
    "alarm.raised": _alarm("警报"),
    "alarm.read": _alarm("已阅警报"),
    "alarm.closed": _alarm("警报了结"),
    "preflight.done": _preflight,
    "preflight.asked": _said("要求再做一次预检"),
    "release.planned": _planned,
    "release.signed": _signed,
    "release.voided": _said("签发作废"),
    "release.held": _said("暂停发布单"),
    "release.cancelled": _said("作废发布单"),
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
