"""What would stop the next release: the installation, the people, the releases ahead, the open cases, the accounts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, OperationalError, connection
from django.db.models import QuerySet

from bot.channels.http import UNREACHABLE
from bot.domain.channel import ChannelFault, CheckResult
from bot.domain.delivery import FOR_A_PERSON, State
from bot.domain.instants import require_aware, show
from bot.domain.sync import GateState
from bot.domain.workflow import Role
from bot.models import Account, Credential, Publication, Unit

from . import (
    accounts,
    attachmentfiles,
    audit,
    gating,
    home,
    lookahead,
    prechecks,
    reconciling,
    trailindex,
    underway,
    urgentcare,
    vault,
    wall,
)
from .errors import Refused

OVERDUE = timedelta(minutes=1)
log = structlog.get_logger(__name__)


def examine(*, now: datetime, ask_platforms: bool, running: bool = True) -> list[CheckResult]:
    """All checks, local ones first. `running`: whether the clock goes round; without it nothing that is due is in order."""
    require_aware(now)
    parts: tuple[tuple[str, Callable[[], Iterable[CheckResult]]], ...] = (
        ("环境", _installation),
        ("记录", _orphans),
        ("留痕", _trail),
        ("凭据", _credentials),
        ("从备份恢复", _restored),
        ("人员", _people),
        ("账号", _accounts),
        ("渠道程序", _without_program),
        ("账号重复", _doubled),
        ("未了结的推送", lambda: _cases(now, running=running)),
        ("门户", _portal),
        ("应急发布", lambda: urgentcare.checks(now=now)),
        ("通知", lambda: lookahead.people_to_tell(now)),
        ("发布单", lambda: _releases(now)),
    )
    results = [result for name, part in parts for result in _guarded(name, part)]
    for account in Account.objects.filter(disabled_reason="", manual_reason="").order_by("pk") if ask_platforms else ():
        results += _account(account, running=running)
    return [prechecks.with_remedy(result) for result in results]


def _orphans() -> Iterator[CheckResult]:
    """SQLite asks foreign keys only on connections that want them; PostgreSQL always does."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        found = Counter((table, parent) for table, _, parent, _ in cursor.execute("PRAGMA foreign_key_check"))
    words = "、".join(f"{table} 有 {count} 行引用的 {parent} 不在了" for (table, parent), count in found.most_common(4))
    if words:
        remedy = "有人绕过本系统改过数据库：请系统管理员用最近的备份恢复。恢复以前，缺了发布单的推送不会发出。"
        yield CheckResult("记录完整", False, words, code="orphans", remedy=remedy)
    else:
        yield CheckResult("记录完整", True, "没有引用落空的记录", code="orphans")


def _guarded(name: str, part: Callable[[], Iterable[CheckResult]]) -> list[CheckResult]:
    """A part that fails is told as a finding, and hides none of the others. The database's own trouble is told as a whole."""
    try:
        return list(part())
    except DatabaseError:
        raise
    except Refused as refusal:
        return [CheckResult(name, False, refusal.message, code=refusal.code)]
    except Exception as error:
        log.exception("doctor.part", part=name)
        words = f"这一项检查本身出错（{type(error).__name__}），结果不明"
        return [CheckResult(name, False, words, code="internal")]


def _installation() -> Iterator[CheckResult]:
    facts = home.facts()
    yield CheckResult("环境", True, f"{facts.label}，目录 {settings.TONGFA.home.path}", code="home")
    yield from prechecks.disk()
    if wall.pending():
        yield CheckResult(
            "数据库版本", False, "数据库还没有升级到本版本，或升级记录缺失，进程不会启动，到点不会发布", code="version",
            remedy="请系统管理员运行 tongfa up（或 tongfa init）升级；升级不成的，用最近的备份恢复。",
        )  # fmt: skip
    yield from prechecks.rules()
    yield from _files()


def _credentials() -> Iterator[CheckResult]:
    """Each says with which key it was encrypted: no platform is asked, and nothing is opened."""
    shut = Credential.objects.exclude(key_id=vault.key_id()).values("account").distinct().count()
    words = f"{shut} 个账号的凭据不是用现在的密钥文件 master.key 存的，打不开，到时什么也发不出去"
    yield CheckResult(
        "凭据", not shut, words if shut else "密钥文件与保存的凭据是一套", code="credentials",
        remedy=f"{vault.TAKE_BACK}找不回的，逐个账号重新录入凭据（tongfa account credential）。" if shut else "",
    )  # fmt: skip


def _trail() -> Iterator[CheckResult]:
    try:
        count, _, broken = audit.verify_chain()
    except Refused as refusal:
        yield CheckResult("留痕", False, refusal.message, code="chain")
    else:
        yield CheckResult(
            "留痕",
            broken is None,
            f"{count} 条完整" if broken is None else f"{broken.message}，请报告审计员",
            code="chain",
        )
    yield _trail_index()


def _trail_index() -> CheckResult:
    """Lists and exports of the trail follow the index: a line that it passed over would be in none of them."""
    passed = trailindex.gaps()
    words = f"有 {passed} 条留痕没有编入查阅索引，留痕页和导出里看不到；留痕本身不受影响" if passed else "没有缺漏"
    return CheckResult(
        "留痕索引", True, words, warning=bool(passed), code="trail_index",
        remedy="请系统管理员运行 tongfa audit index --anew 重建索引，再重新导出。" if passed else "",
    )  # fmt: skip


def _files() -> Iterator[CheckResult]:
    """Attachments lie in the home, beside the records: nothing of a release needs them, so this stops none."""
    gone = attachmentfiles.missing()
    named = "、".join(attachmentfiles.path_of(digest).name[:12] for digest in gone[:5])
    words = f"{len(gone)} 个文件丢失或大小不符（{named} 等）" if gone else "都在"
    yield CheckResult(
        "附件", True, words, warning=bool(gone), code="files",
        remedy="请系统管理员从备份文件（ZIP）的 media/attachments 里取出同名文件，放回环境目录的同一位置。" if gone else "",
    )  # fmt: skip


def _restored() -> Iterator[CheckResult]:
    """After a restore: what a person must look at before anything is sent again."""
    found = reconciling.standing()
    if found is None or found.over:
        return
    yield CheckResult(
        "从备份恢复",
        False,
        f"{show(found.at)} 从备份恢复（备份于 {show(found.backed_up_at)}）：{found.frozen} 个单位仍停发，{found.looked_up} 条正在核对，"
        f"{found.held} 条暂停，{found.for_a_person} 条待人处理；没有核对完之前不会自动发送",
        warning=True,
        code="restored",
        remedy="请值班员到各平台后台核对备份之后发出过什么，在“需要人处理”里逐条登记；核对完，由签发人解除停发，再逐单恢复。",
    )


def _units() -> QuerySet[Unit]:
    """Those that publish; before the first account is added, all."""
    publishing = Unit.objects.filter(accounts__isnull=False).distinct()
    return publishing if publishing.exists() else Unit.objects.all()


def _people() -> Iterator[CheckResult]:
    for unit in _units():
        held = {role for person in unit.people.filter(is_active=True) for role in person.roles}
        needed = [Role.EDITOR, *(Role(step.value) for step in unit.review_steps), Role.RELEASER]
        lacking = "、".join(role.label for role in needed if role not in held)
        yield CheckResult(
            f"人员·{unit.name}",
            not lacking,
            f"缺少{lacking}人员，走不完审核和签发，什么也发不出去" if lacking else "拟稿、各审次和签发都有人",
            code="people",
            remedy=f"请系统管理员用 tongfa user add 为“{unit.name}”添加{lacking}人员。" if lacking else "",
        )
        if Role.DUTY not in held:
            yield CheckResult(
                f"人员·{unit.name}", True, "没有值班员：出了事没有人阅警报、处理“需人工处理”的推送", warning=True, code="duty",
                remedy=f"请系统管理员用 tongfa user add 为“{unit.name}”添加值班人员。",
            )  # fmt: skip


def _accounts() -> Iterator[CheckResult]:
    for unit in _units():
        in_use = filter(accounts.known, unit.accounts.filter(disabled_reason=""))
        counts = Counter(accounts.spec_of(one).label for one in in_use)
        yield CheckResult(
            f"账号·{unit.name}",
            bool(counts),
            "、".join(f"{label} {count} 个" for label, count in counts.items()) or "没有可用的账号，什么也发不出去",
            code="accounts",
            remedy="" if counts else "请系统管理员用 tongfa account add 添加账号，再用 tongfa account check 核对。",
        )


def _without_program() -> Iterator[CheckResult]:
    """A folder of a channel that was added after this program's files, or removed from them."""
    for one in accounts.without_program():
        yield CheckResult(
            f"账号·{one.name}", False, f"{accounts.NO_PROGRAM}（{one.channel}）：账号 {one.slug}（{one.unit.name}）什么也发不出去",
            code="channel", remedy=accounts.BRING_BACK,
        )  # fmt: skip


def _doubled() -> Iterator[CheckResult]:
    """One real account in two rows: an earlier version let it be added twice."""
    for same in accounts.doubled():
        spec = accounts.spec_of(same[0])
        rows = "、".join(f"“{one.name}”（{one.slug}，{one.unit.name}）" for one in same)
        yield CheckResult(
            "账号重复",
            False,
            f"{rows}是同一个{spec.label}账号（{spec.identity} {same[0].options[spec.identity]}）："
            "同一文件会在它上面发两遍，额度也会算重",
            code="doubled",
            remedy="请系统管理员只留一个，其余停用：tongfa account disable <代号> --reason 重复登记；已签发到停用账号的，请签发人作废后另编。",
        )


def _releases(now: datetime) -> Iterator[CheckResult]:
    begun, ahead = list(underway.begun_releases(now)), list(lookahead.releases_ahead(now))
    yield from begun
    yield from (result for result in ahead if not begun or result.code != "ahead")


def _cases(now: datetime, *, running: bool) -> Iterator[CheckResult]:
    stuck = Publication.objects.filter(state__in=[str(state) for state in FOR_A_PERSON]).count()
    yield CheckResult(
        "待人工处理",
        not stuck,
        "没有" if not stuck else f"{stuck} 条推送等人处理，请看值班台或 tongfa release list",
        warning=bool(stuck),
        code="cases",
    )
    # where nothing runs, a minute's patience is a minute lost
    since = now - OVERDUE if running else now
    overdue = underway.waiting().filter(not_before__lt=since).count()
    hung = Publication.objects.filter(state=State.SENDING)
    count = (hung.filter(not_before__lt=since) if running else hung).count()
    words = (
        f"{count} 条发出一分多钟没有结论，发送进程可能挂起；是否公开不明，不要手工补发"
        if running
        else f"{count} 条正在发送时程序停了；是否公开不明，不要手工补发，启动后系统先核对，查清之前不会再发"
    )
    remedy = "请系统管理员重启 tongfa up。" if running else "请系统管理员马上运行 tongfa up。"
    yield CheckResult("发送中断", not count, words if count else "没有", code="hung", remedy=remedy if count else "")
    stuck_at = "请值班员打开发布单，看卡在哪一步。" if running else remedy
    yield CheckResult(
        "逾期未发",
        not overdue,
        f"{overdue} 条已过时刻仍未发出" if overdue else "没有",
        code="overdue",
        remedy=stuck_at if overdue else "",
    )
    open_states = [State.UNKNOWN] if running else [State.UNKNOWN, State.CONFIRMING]  # to be confirmed is nothing odd
    unclear = Publication.objects.filter(state__in=open_states).count()
    if unclear and running:
        yield CheckResult(
            "结果不明", True, f"{unclear} 条正在核对，是否公开不明，不要手工补发", warning=True, code="unclear",
            remedy="请值班员打开异常台看核对到哪一步；核对不出的会转为待人工处理。",
        )  # fmt: skip
    if unclear and not running:
        yield CheckResult(
            "结果不明", False, f"{unclear} 条还没有核对清楚，程序停着就没有人核对；是否公开不明，不要手工补发",
            code="unclear", remedy=remedy,
        )  # fmt: skip


def _portal() -> Iterator[CheckResult]:
    """Releases that wait for a portal page which cannot be read, or for a person."""
    for gate in gating.troubled():
        what = f"发布单 {gate.release_id}：{gate.status.label}，{gate.words}"
        remedy = (
            gating.choice_words(gate.release) if gate.status is GateState.ASKING else "请核对网址和门户是否可以访问"
        )
        yield CheckResult("门户联动", False, f"{what}。{remedy}", warning=True)


def _account(account: Account, *, running: bool) -> list[CheckResult]:
    try:
        results = accounts.check_account(account)
    except (ChannelFault, Refused) as fault:
        return [CheckResult(account.name, False, fault.message, code="platform")]
    except OperationalError:
        raise  # the database is away: nothing else can be told either
    except Exception as error:  # one account's odd answer must not keep everything else from being told
        log.exception("doctor.account", account=account.slug)
        message = f"核对时程序出错（{type(error).__name__}），这个账号的情况不明，没有发出任何内容"
        remedy = "请系统管理员查看日志；平台的应答可能不正常，过几分钟再查一次。"
        return [CheckResult(account.name, False, message, code="internal", remedy=remedy)]
    if not running and _is_played_here(account):
        results = [_not_started(result) for result in results]
    return [replace(result, name=f"{account.name}·{result.name}") for result in results]


def _is_played_here(account: Account) -> bool:
    """Whether its platform is the home's own, which runs together with the rest."""
    return not home.is_live() and account.endpoints.get("api", "").startswith(f"{home.rehearsal_url()}/")


def _not_started(result: CheckResult) -> CheckResult:
    """Nobody need look at the network for a platform that is merely not started."""
    if result.ok or result.remedy != UNREACHABLE:
        return result
    remedy = "请系统管理员运行 tongfa up（或 make demo），然后再查一次。"
    return replace(result, message="演练平台没有运行，连不上", remedy=remedy)
