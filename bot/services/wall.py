"""The database's own rules, compared at every start; missing or changed ones are written down before they are put back.

`require_whole` is for the processes that send: without the rules they do not start. `bring_up_to_date` is for
`tongfa up` and `tongfa init`: it migrates, which puts the rules back, and says so first where somebody else had
changed them. An upgrade changes them as well; the audit trail's last `rules.installed` line tells the two apart, since
it says how the rules stood when Tongfa last installed them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from bot.domain.alarms import Kind, Out
from bot.domain.instants import require_aware
from bot.models import AuditEvent
from bot.models.triggers import fingerprint, install, missing

from . import alarming, audit
from .alarming import Call
from .errors import Refused

log = structlog.get_logger(__name__)
INSTALLED, TAMPERED = "rules.installed", "rules.tampered"
SUBJECT = "home"
#: An alarm of its own: the one that "home" stands under is closed as soon as the rules are whole again.
PUT_BACK = "home:rules"
ACTOR = "系统"
_NAMED = 8  # rules named in a message; the audit trail holds them all


def lacking() -> list[str]:
    """Rules, constraints and indexes that the database lacks or holds otherwise."""
    return missing(connection)


def in_words(names: list[str]) -> str:
    """Which ones, and how many."""
    rest = f"等 {len(names)} 条" if len(names) > _NAMED else f"，共 {len(names)} 条"
    return "、".join(names[:_NAMED]) + rest


def pending() -> bool:
    """Whether this version's migrations have not all been applied: then other rules are no wonder."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def require_whole(*, now: datetime) -> None:
    """Refused when the database would not refuse what nobody has signed. Raises the alarm on the way."""
    require_aware(now)
    names = lacking()
    if not names:
        return
    if pending():
        raise Refused(
            "migrate", "数据库还没有升级到本版本，进程没有启动，没有发出任何内容。请先运行 tongfa up 或 tongfa init。"
        )
    _alarm(SUBJECT, f"缺少或被改动：{in_words(names)}。发送进程没有启动。", now)
    raise Refused(
        "rules",
        f"数据库规则缺少或被改动（{in_words(names)}），进程没有启动，没有发出任何内容。"
        "请系统管理员查明是谁改动的，再运行 tongfa up（或 tongfa init）：先留痕并报警，再重新安装规则。",
    )


def compare(*, now: datetime) -> None:
    """For processes that send nothing: they go on, so that people can see the alarm."""
    require_aware(now)
    try:
        require_whole(now=now)
    except Refused as refusal:
        log.error("rules.compared", found=refusal.code, message=refusal.message)
    except DatabaseError as error:  # away, or not made yet: whoever needs it will say so
        log.warning("rules.not_compared", error=type(error).__name__)


def bring_up_to_date(*, clock: Callable[[], datetime], at_work: Sequence[str] = ()) -> None:
    """Migrate, and leave the rules whole. Refused when something is still lacking that no migration puts back, and while
    processes of an earlier version run: on SQLite the rules step aside for as long as records change their shape.
    `at_work`: what runs here, in staff's words.
    """
    now = require_aware(clock())
    _require_nobody_at_work(at_work)
    changed = _changed_by_others()
    if changed:
        _write_down(changed, now)
    try:
        call_command("migrate", verbosity=0, interactive=False)
    except BaseException:
        _put_back()
        raise
    if changed:
        _alarm(PUT_BACK, f"启动时发现数据库规则缺少或被改动：{in_words(changed)}；已留痕并重新安装。", clock())
    names = lacking()
    if names:
        _alarm(SUBJECT, f"缺少或被改动：{in_words(names)}。无法自动补回。", clock())
        raise Refused(
            "rules",
            f"数据库的约束、索引或设置缺少或被改动（{in_words(names)}），无法自动补回，没有发出任何内容。"
            "请数据库管理员查明原因，按备份恢复后再启动。",
        )
    note_installed(clock())


def _require_nobody_at_work(running: Sequence[str]) -> None:
    if not running or AuditEvent._meta.db_table not in connection.introspection.table_names() or not pending():
        return
    raise Refused(
        "at_work",
        f"数据库要升级，而这个环境的{'、'.join(running)}还在运行，没有升级，没有做任何改动。"
        "请先停下（在运行 tongfa up 的窗口按 Ctrl-C，或停掉对应的服务），升级后再启动。",
    )


def _put_back() -> None:
    """A migration that failed must not leave the database without the rules that had stepped aside for it."""
    try:
        install()
    except DatabaseError as error:
        log.error("rules.not_put_back", error=type(error).__name__)


def _changed_by_others() -> list[str]:
    """What somebody else has changed since Tongfa last installed the rules; nothing before there was a record."""
    if AuditEvent._meta.db_table not in connection.introspection.table_names():
        return []
    known = _installed()
    if known is None or fingerprint(connection) == known:
        return []
    return lacking() or ["fingerprint"]


def _installed() -> str | None:
    """The rules as they stood when Tongfa last installed them."""
    line = AuditEvent.objects.filter(subject=SUBJECT, action=INSTALLED).order_by("-sequence").first()
    return None if line is None else str(line.data.get("fingerprint"))


def _write_down(names: list[str], now: datetime) -> None:
    """First of all, and committed: whatever happens next, this is known."""
    audit.append(ACTOR, TAMPERED, SUBJECT, {"rules": names, "found": fingerprint(connection)}, now=now)
    log.error("rules.tampered", rules=names)
    if not pending():  # else the records of alarms may not be what this version knows: right after the migration
        _alarm(PUT_BACK, f"启动时发现数据库规则缺少或被改动：{in_words(names)}；已留痕，正在重新安装。", now)


def note_installed(now: datetime) -> None:
    """Write down how the rules stand, where that is not how they stood last time."""
    require_aware(now)
    found = fingerprint(connection)
    if _installed() != found:
        audit.append(ACTOR, INSTALLED, SUBJECT, {"fingerprint": found}, now=now)


def _alarm(subject: str, words: str, now: datetime) -> None:
    """An alarm that cannot be raised keeps nobody from the refusal."""
    try:
        alarming.raise_all([Call(Kind.RULES, subject, Out.NONE, words)], now=now)
    except (DatabaseError, Refused) as error:
        log.error("rules.no_alarm", error=type(error).__name__)
