"""The audit trail as sentences that staff can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot import channels, notifying
from bot.domain.alarms import Kind
from bot.domain.custody import Duty
from bot.domain.delivery import State
from bot.domain.findings import about
from bot.domain.instants import show
from bot.domain.preflight import Kind as Preflight
from bot.domain.rights import RIGHT_LABELS
from bot.domain.sync import GateState, Seen
from bot.domain.typography import quoted
from bot.domain.urgent import Stage
from bot.domain.workflow import Role, Step
from bot.models import Account, AuditEvent, Document, Publication

from . import audit
from .people import names
from .trailunits import only_of

LOOKED = "platform.looked"
GLANCED = "platform.glanced"  # a look that a person asked for, and that told nothing: it is no evidence
TOLD = "platform.told"  # an event that came when a person had to decide already
MOVED = audit.MOVED
CREDENTIAL = "credential.set"
ANSWERED = "platform.answered"
FREEZES = ("unit.frozen", "unit.freeze_reached", "unit.unfrozen")
TAIL = 8
UNREADABLE = "这一条的内容读不出来，原文见导出的证据文件。"
#: What wrote a line and is no person: its word for staff, where the line has the command's name.
PROGRAMS = {"tongfa init": "初始化", "tongfa demo": "演示", "tongfa backup": "备份"}
PEOPLE = ("second", "for")  # what in a line's data is a login name
VERDICTS = {"Pending": "已受理", "Receipt": "已发布", "Refused": "拒绝", "Unknown": "结果不明"}
REMOVED = {"withdrawn": "已删除", "by_hand": "须人工删除", "refused": "拒绝，没有删除", "unknown": "结果不明"}


#: What one look found; see `found`.
FOUND = {
    "Receipt": "已经公开",
    "Pending": "平台已受理，还没有公开",
    "Absent": "这一次没有查到（一次查不到不能证明没有发出）",
    "Failed": "平台说没有公开，或已被删除",
    "Unclear": "这一次没有查清",
    "Doubled": "平台上公开了不止一篇，要删除多出的",
    "Error": "核对时程序出错，这一次没有结果",
    "Told": "平台发来通知",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One line: when, who, what; `detail` is a reason or an answer; `number` is its place in the chain.

    `who` is the name of `actor`, a login name; what is no person (系统, 平台回调) is its own name, a command
    has one in `PROGRAMS`.
    """

    number: int
    at: datetime
    who: str
    what: str
    detail: str = ""
    actor: str = ""
    action: str = ""
    subject: str = ""


def found(verdict: str, channel: str, mode: str) -> str:
    """What one look found, in the words that hold for this channel and mode."""
    words = FOUND.get(verdict, "已查看")
    kind = channels.kinds().get(channel)
    spec = next((one for one in kind.spec.modes if one.name == mode), None) if kind else None
    if verdict != "Receipt" or spec is None:
        return words
    return f"{words}，已读回认出是本条" if spec.reads_back else f"{words}，以平台给出的状态为准"


def tail(digest: str) -> str:
    """The last digits of a hash, enough for two people to compare over the telephone."""
    return digest[-TAIL:] if digest else "—"


def tell(subjects: Mapping[str, str]) -> list[Sentence]:
    """All lines about these subjects, in order. `subjects`: subject of the trail -> its name for staff."""
    events = AuditEvent.objects.filter(subject__in=list(subjects)).order_by("sequence")
    return in_words(list(events), subjects)


def of_document(document: Document) -> list[Sentence]:
    """All lines about a document, in order. Another unit may have one of the same name: its lines are not among them."""
    subject = f"document:{document.external_id}"
    events = AuditEvent.objects.filter(subject=subject).order_by("sequence")
    return in_words(only_of(document.unit, list(events)), {subject: "本文件"})


def newest(subject: str, name: str, most: int) -> list[Sentence]:
    """The last lines about one subject, newest first, however many there are."""
    events = AuditEvent.objects.filter(subject=subject).order_by("-sequence")[:most]
    return in_words(list(events), {subject: name})


def in_words(events: Sequence[AuditEvent], subjects: Mapping[str, str]) -> list[Sentence]:
    """These lines of the trail as sentences, with the names of all people in them."""
    people = names(
        str(login) for event in events for login in (event.actor, *(event.data.get(key, "") for key in PEOPLE))
    )
    labels = _labels([event for event in events if event.action == CREDENTIAL])
    accounts = _accounts(events)
    looks = _looks([event for event in events if event.action == LOOKED and event.data.get("verdict") == "Receipt"])
    more = {
        event.pk: accounts.get(event.pk, {}) | labels.get(event.pk, {}) | looks.get(event.pk, {}) for event in events
    }
    return [_sentence(event, subjects[event.subject], people, more[event.pk]) for event in events]


def _accounts(events: Sequence[AuditEvent]) -> dict[int, dict[str, str]]:
    """What staff call the account that a line names by its code (`zghd`); a line that names it already stays as it is."""
    named = {event.pk: slug for event in events if isinstance(slug := event.data.get("account"), str) and slug}
    if not named:
        return {}
    name_of = dict(Account.objects.filter(slug__in=set(named.values())).values_list("slug", "name"))
    return {pk: {"account": name_of[slug]} for pk, slug in named.items() if slug in name_of}


def _labels(events: Sequence[AuditEvent]) -> dict[int, dict[str, str]]:
    """The staff's name of the secret in each of these lines, by the channel of its account; {} where that is not known."""
    if not events:
        return {}
    slugs = {event.pk: event.subject.partition(":")[2] for event in events}
    channel_of = dict(Account.objects.filter(slug__in=set(slugs.values())).values_list("slug", "channel"))
    known = {(name, one.name): one.label for name, kind in channels.kinds().items() for one in kind.spec.credentials}
    told = {event.pk: known.get((channel_of.get(slugs[event.pk], ""), event.data.get("name", ""))) for event in events}
    return {pk: {"label": label} for pk, label in told.items() if label}


def _looks(events: Sequence[AuditEvent]) -> dict[int, dict[str, str]]:
    """What each of these looks found: its push knows by which channel and mode."""
    numbers = {event.pk: int(number) for event in events if (number := event.subject.partition(":")[2]).isdecimal()}
    if not numbers:
        return {}
    rows = Publication.objects.filter(pk__in=set(numbers.values())).values_list("pk", "account__channel", "mode")
    told = {pk: found("Receipt", channel, mode) for pk, channel, mode in rows}
    return {line: {"found": told[pk]} for line, pk in numbers.items() if pk in told}


def _sentence(event: AuditEvent, name: str, people: Mapping[str, str], more: Mapping[str, str]) -> Sentence:
    named = {key: people.get(login, login) for key in PEOPLE if (login := event.data.get(key, ""))}
    what, detail = _words(event.action, {**event.data, **named, **more}, name)
    who = people.get(event.actor) or PROGRAMS.get(event.actor, event.actor)
    return Sentence(event.sequence, event.at, who, what, detail, event.actor, event.action, event.subject)


def _words(action: str, data: Mapping[str, Any], name: str) -> tuple[str, str]:
    teller = TELLERS.get(action)
    try:
        return teller(data, name) if teller else (f"{name}：{action}", "")
    except (AttributeError, KeyError, TypeError, ValueError):  # one line that nobody understands hides no other
        return f"{name}：{action}", UNREADABLE


def _moved(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    return f"{name}：{State(data['from']).label} → {State(data['to']).label}", data.get("reason", "")


def _answered(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    """In words; the raw answer is with the attempt, whole and behind a fold."""
    verdict = VERDICTS.get(data.get("verdict", ""), "已答复")
    return f"{name}：平台对第 {data.get('attempt')} 次请求的答复是“{verdict}”（HTTP {data.get('status')}）", ""


def _looked(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    what = data.get("found") or FOUND.get(data.get("verdict", ""), "已查看")
    return f"{name}：向平台核对，{what}", data.get("message", "")


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
    return f"预检（{label}，账号“{data.get('account', '')}”）{'未过' if failed else '通过'}", names


def _planned(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    instant = show(datetime.fromisoformat(data["instant"]))
    return f"编制发布单，定于 {instant}，{len(data.get('editions', ()))} 件", ""


def _rescheduled(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    before, after = (show(datetime.fromisoformat(data[key])) for key in ("from", "instant"))
    return f"{name}：改期，由 {before} 改为 {after}，须重新签发", ""


def _signed(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    return f"{_deputising(data)}签发，清单哈希尾号 {tail(data.get('manifest', ''))}", ""


def _file(what: str) -> Callable[[Mapping[str, Any], str], tuple[str, str]]:
    def words(data: Mapping[str, Any], name: str) -> tuple[str, str]:
        return f"{name}：{what}附件“{data.get('name', '')}”", f"文件哈希尾号 {tail(data.get('sha256', ''))}"

    return words


def _deputising(data: Mapping[str, Any]) -> str:
    return f"代{data['for']}" if data.get("for") else ""


def _reviewed(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    verdict = "通过" if data.get("verdict") == "pass" else "退回"
    return (
        f"{name}：{_deputising(data)}{Step(data['step']).label}{verdict}，内容哈希尾号 {tail(data.get('content', ''))}",
        data.get("comment", ""),
    )


def _portal_answered(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    return f"查看门户网页：{Seen(data['seen']).label}", data.get("words", "")


def _gate_moved(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    effective = data.get("effective")
    when = f"，{show(datetime.fromisoformat(effective))} 起发出" if effective else ""
    return f"门户联动：{GateState(data['from']).label} → {GateState(data['to']).label}{when}", data.get("words", "")


def _manual(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    when = show(datetime.fromisoformat(data["at"]), seconds=False)
    stopped = "、".join(str(pk) for pk in data.get("stopped", ()))
    parts = (
        f"代替第 {data['corrects']} 条" if data.get("corrects") else "",
        f"发布单 {stopped} 的签发随之作废" if stopped else "",
        "当期额度按登记已超出" if data.get("over") else "",
        "按登记在允许发出之前就已发出" if data.get("early") else "",
        str(data.get("url", "")),
    )
    what = (
        f"登记手工发布第 {data.get('post')} 条（账号“{data.get('account')}”，{when}）：{quoted(str(data.get('title')))}"
    )
    return what, "　".join(part for part in parts if part)


def _described(data: Mapping[str, Any], subject: str) -> tuple[str, str]:
    words = {
        "subject": "主体名称",
        "verified_until": "认证有效期",
        "ip_note": "IP 白名单",
        "manual_reason": "只能手工发布",
    }
    told = [
        f"{words[name]}：{pair[0] or '—'} → {pair[1] or '—'}" for name, pair in sorted(data.items()) if name in words
    ]
    return f"{subject}：修改账号档案", "；".join(told)


def _changed(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    fields = "、".join(SETTINGS[key] for key in sorted(data) if key in SETTINGS)
    return f"{name}：修改账号设置", f"{fields}；原有凭据和令牌作废，须重新录入" if data.get("dropped") else fields


def _checked(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    failed = "、".join(data.get("failed", ()))
    return f"{name}：账号体检{'未过' if failed else '通过'}", failed


def _custody(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    duty = data.get("duty", "")
    label = Duty(duty).label if duty in set(Duty) else duty
    return f"{name}：{label}自 {data.get('since')} 起为{data.get('name')}", ""


def _said(what: str) -> Callable[[Mapping[str, Any], str], tuple[str, str]]:
    """A fixed sentence with the reason, and the answer if there was one."""

    def words(data: Mapping[str, Any], name: str) -> tuple[str, str]:
        told = what.format(name=name, second=data.get("second", ""), deputising=_deputising(data))
        return told, "　".join(part for part in (data.get("reason", ""), data.get("answer", "")) if part)

    return words


def _roles(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    before, after = ("、".join(_role(role) for role in data.get(key, ())) or "无" for key in ("from", "to"))
    return f"{name}：角色由 {before} 改为 {after}", ""


def _role(role: str) -> str:
    return Role(role).label if role in set(Role) else role


def _deputy(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    return f"{name}：{data.get('first')} 至 {data.get('last')} 由{data.get('name')}代理", data.get("reason", "")


def _seen(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    when = [f"{account} {show(datetime.fromisoformat(at))}" for account, _, at in data.get("opened", ())]
    return f"{name}：第 {data.get('edition')} 版的渠道稿都打开看过", "、".join(when)


def _link_made(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    until = show(datetime.fromisoformat(data["until"]), seconds=False)
    return f"{name}：给“{data.get('name')}”生成第 {data.get('edition')} 版的审阅链接，{until} 前有效", ""


def _urgent_asked(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    hands = "、".join(map(str, data.get("by_hand", ())))
    what = (
        f"{name}：{_deputising(data)}提出应急发布第 {data.get('edition')} 版，内容哈希尾号 {tail(data.get('content', ''))}"
        f"{f'，其中 {hands} 由人手工发布' if hands else ''}，待第二人确认"
    )
    return what, data.get("reason", "")


def _urgent_confirmed(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    first = show(datetime.fromisoformat(data["first_at"]))
    what = f"{_deputising(data)}与{data.get('second', '')}（{first} 提出）两人确认应急发布，清单哈希尾号 {tail(data.get('manifest', ''))}"
    return what, data.get("reason", "")


def _urgent_moved(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    stage = data.get("stage", "")
    return f"应急通道：{Stage(stage).label if stage in set(Stage) else stage}", ""


def _imported(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    words = {"created": "新增", "updated": "更新", "unchanged": "不变", "rejected": "拒收"}
    return "导入文件：" + "、".join(f"{word} {data.get(key, 0)}" for key, word in words.items()), ""


def _unit_created(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    steps = "、".join(Step(step).label for step in data.get("steps", ()) if step in set(Step))
    return f"添加单位“{data.get('name', name)}”", f"审核步骤：{steps}" if steps else ""


def _unit_opened(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    manager = f"安全管理员：{data.get('manager', '')}（{data.get('username', '')}）"
    return f"新建单位“{data.get('name', '')}”（{data.get('code', '')}）", manager


def _rules(what: str) -> Callable[[Mapping[str, Any], str], tuple[str, str]]:
    def words(data: Mapping[str, Any], name: str) -> tuple[str, str]:
        named = "、".join(map(str, data.get("rules", ())[:TAIL]))
        return (
            what,
            f"涉及 {len(data['rules'])} 条：{named}" if named else f"规则指纹尾号 {tail(data.get('fingerprint', ''))}",
        )

    return words


def _called_back(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    numbers = "、".join(f"{key} {value}" for key, value in sorted(data.get("ids", {}).items()))
    return f"{name}：收到平台的结果通知", numbers


def _notified(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    kind = notifying.kinds().get(data.get("how", ""))
    how = kind.label if kind else data.get("how", "")
    return f"第 {data.get('ring')} 级警报通知已送达“{data.get('target', '')}”（{how}）", ""


def _notify_tested(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    reached = data.get("reached", ())
    lacking = "、".join(target for target in data.get("all", ()) if target not in reached)
    words = f"测试警报通知：{len(reached)} 个送达"
    return words, f"没有送达：{lacking}" if lacking else ""


def _verified(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    if data.get("ok"):
        return f"核验留痕：第 1 至 {data.get('lines')} 条完整", f"末端值 {data.get('head', '')}"
    return f"核验留痕：不完整，前 {data.get('lines')} 条完好", str(data.get("message", ""))


def _exported(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    form = {"csv": "表格 CSV", "jsonl": "证据 JSONL"}.get(data.get("form", ""), "")
    return f"导出留痕（{form}）", data.get("filters", "") or "没有筛选"


#: What `account.changed` may name.
SETTINGS = {"name": "名称", "mode": "发布方式", "endpoints": "接口地址", "options": "账号设置", "proxy": "代理"}

TELLERS: dict[str, Callable[[Mapping[str, Any], str], tuple[str, str]]] = {
    "documents.imported": _imported,
    "unit.created": _unit_created,
    "unit.opened": _unit_opened,
    "login.tried": lambda data, name: ("尝试登录", f"登录名的指纹 {data.get('who', '')}（不保存所输入的登录名）"),
    "login.failed": lambda data, name: (
        f"登录不成功：{'验证码' if data.get('what') == 'code' else '登录名或密码'}不对", f"登录名的指纹 {data.get('who', '')}"
    ),
    "login.opened": lambda data, name: ("登录：密码核对通过", ""),
    "rules.installed": _rules("安装数据库规则"),
    "rules.tampered": _rules("发现数据库规则缺少或被改动"),
    "callback.received": _called_back,
    "alarm.told": _notified,
    "notify.tested": _notify_tested,
    "trail.verified": _verified,
    "trail.exported": _exported,
    MOVED: _moved,
    ANSWERED: _answered,
    LOOKED: _looked,
    TOLD: lambda data, name: (f"{name}：平台发来通知", data.get("message", "")),
    "publication.link_corrected": lambda data, name: (
        f"{name}：更正登记的链接，由 {'、'.join(data.get('from', ()))} 改为 {'、'.join(data.get('to', ()))}",
        data.get("reason", ""),
    ),
    GLANCED: _looked,
    "publication.resend": _said("{name}：与{second}两人确认没有发出，重新发送"),
    "resend.asked": _said("{name}：认为没有发出，提出重发，待第二人确认"),
    "resend.taken_back": _said("{name}：收回重发的提议"),
    "withdrawal.asked": _said("{name}：提出撤回，待第二人确认"),
    "withdrawal.confirmed": _said("{name}：{deputising}与{second}两人确认撤回"),
    "withdrawal.dropped": _said("{name}：收回撤回的提议，没有撤下任何内容"),
    "withdrawal.ended": _said("{name}：撤回办结"),
    "takedown.intent": lambda data, name: (f"{name}：即将请平台删除{data.get('what', '')}（第 {data.get('number')} 次）", ""),
    "takedown.answered": lambda data, name: (
        f"{name}：平台对删除的答复是“{REMOVED.get(data.get('outcome', ''), '已答复')}”",
        data.get("message", ""),
    ),
    "takedown.by_hand": _said("{name}：登记已手工删除"),
    "takedown.again": _said("{name}：决定再撤一次"),
    "takedown.left": _said("{name}：决定不撤"),
    "edition.corrects": lambda data, name: (
        f"{name}：第 {data.get('edition')} 版更正 {data.get('old', '')} 第 {data.get('old_edition')} 版",
        data.get("reason", ""),
    ),
    "account.added": lambda data, name: (f"{name}：添加账号“{data.get('name', '')}”", ""),
    "account.changed": _changed,
    "account.described": _described,
    "account.checked": _checked,
    "account.custody": _custody,
    "account.disabled": _said("{name}：停用账号"),
    "account.enabled": _said("{name}：启用账号"),
    "account.authorized": _said("{name}：完成网页授权"),
    CREDENTIAL: lambda data, name: (f"{name}：更换凭据“{data.get('label', '其他')}”", ""),
    "metrics.sampled": lambda data, name: (
        f"{name}：取{'手工发布内容' if data.get('by_hand') else ''} {data.get('day', '')} 的数字，{data.get('posts', 0)} 条", "",
    ),
    "manual.registered": _manual,
    "manual.voided": lambda data, name: (
        f"作废手工发布登记第 {data.get('post')} 条：{quoted(str(data.get('title')))}",
        data.get("reason", ""),
    ),
    "manual.taken_down": lambda data, name: (
        f"登记手工发布第 {data.get('post')} 条已在平台撤下：{quoted(str(data.get('title')))}",
        data.get("reason", ""),
    ),
    "manual.draft": lambda data, name: (
        f"{name}：账号“{data.get('account')}”的草稿{data.get('stage', '')}",
        data.get("note", ""),
    ),
    "manual.draft_gone": lambda data, name: (
        f"{name}：登记账号“{data.get('account')}”草稿箱里的草稿已由人删除",
        "",
    ),
    "manual.draft_asked": lambda data, name: (
        f"{name}：要求{'把草稿重新放入草稿箱' if data.get('anew') else '再核对草稿箱里的草稿'}",
        "",
    ),
    "manual.dropped": lambda data, name: (f"账号“{data.get('account')}”不再手工发布", data.get("reason", "")),
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
    "release.replaced": _said("改编发布单，原单作废"),
    "unit.frozen": _said("一键停发"),
    "unit.freeze_reached": _said("停发的结果"),
    "unit.unfrozen": _said("解除停发"),
    "token.added": lambda data, name: (
        f"添加接口令牌“{data.get('name', '')}”，以 {data.get('person', '')} 的身份办理",
        "、".join(RIGHT_LABELS.get(right, right) for right in data.get("rights", ())),
    ),
    "token.revoked": lambda data, name: (f"吊销接口令牌“{data.get('name', '')}”", ""),
    "api.written": lambda data, name: (f"{name}：经接口办理 {data.get('operation', '')}", f"请求编号 {data.get('key', '')}"),
    "home.resumed": lambda data, name: (
        "发布时钟恢复巡查", f"上一次巡查 {show(datetime.fromisoformat(data['since']))}，{show(datetime.fromisoformat(data['until']))} 起恢复",
    ),
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
    "attachment.added": _file("在草稿里添加"),
    "attachment.removed": _file("从草稿里移除"),
    "edition.submitted": lambda data, name: (f"{name}：第 {data.get('edition')} 版送审", f"内容哈希尾号 {tail(data.get('content', ''))}"),
    "edition.shown": lambda data, name: (f"{name}：第 {data.get('edition')} 版发到个人手机预览", str(data.get("to", ""))),
    "edition.reviewed": _reviewed,
    "urgent.asked": _urgent_asked,
    "urgent.confirmed": _urgent_confirmed,
    "urgent.moved": _urgent_moved,
    "person.added": lambda data, name: (
        f"添加人员 {data.get('name', name)}", "、".join(_role(role) for role in data.get("roles", ())),
    ),
    "person.roles": _roles,
    "person.disabled": _said("{name}：停用"),
    "person.enabled": _said("{name}：启用"),
    "person.password_reset": _said("{name}：重设密码"),
    "person.password_changed": _said("{name}：更换密码"),
    "person.second_factor": lambda data, name: (f"{name}：{'启用' if data.get('on') else '停用'}验证器", ""),
    "person.recovery_codes": _said("{name}：更换恢复码"),
    "person.recovery_code": lambda data, name: (f"{name}：用了一个恢复码，还剩 {data.get('left')} 个", ""),
    "deputy.appointed": _deputy,
    "deputy.ended": lambda data, name: (f"{name}：终止由{data.get('name')}代理", ""),
    "edition.seen": _seen,
    "link.made": _link_made,
    "link.opened": lambda data, name: (f"{name}：给“{data.get('name')}”的审阅链接被打开，第 {data.get('count')} 次", ""),
    "link.revoked": lambda data, name: (f"{name}：收回给“{data.get('name')}”的审阅链接", ""),
    "unit.return_phrases": lambda data, name: ("修改退回常用语", "、".join(data.get("phrases", ())) or "恢复默认"),
    "finding.waived": lambda data, name: (f"{name}：忽略检查结果（{about(str(data.get('rule', '')))}）", data.get("reason", "")),
    "document.policy": lambda data, name: (
        f"{name}：{'定为' if data.get('is_policy') else '不再作为'}政策文件",
        data.get("reason", ""),
    ),
}  # fmt: skip
