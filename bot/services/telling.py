"""Telling people of alarms: who is configured, what a message says, sending it, trying again.

A target is one table `[[target]]` of the file that `TONGFA_NOTIFY` names (docs/how-to/be-told.md). It is read when a
message is due, so that a change needs no restart and a mistake in it never keeps the product from starting.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from bot import notifying
from bot.domain import alarms, notice
from bot.domain.alarms import RINGS, Told
from bot.domain.delivery import State
from bot.domain.instants import require_aware, show
from bot.domain.notice import Notice, Notifier, NotTold, PartlyTold, Target, WrongSetting
from bot.domain.secret import Secret
from bot.domain.workflow import Role
from bot.models import Alarm, AlarmNotice, Person, Publication

from . import audit, home
from .accounts import is_loopback_host
from .errors import Refused
from .people import require

log = structlog.get_logger(__name__)
MOST = 200  # alarms told of in one tick
COMMON = frozenset({"name", "kind", "ring"})


# --- who ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Targets:
    """Who is configured, and what is wrong with the configuration (Chinese sentences)."""

    found: tuple[Target, ...]
    problems: tuple[str, ...]

    def of_ring(self, ring: int) -> list[Target]:
        """Those of this ring."""
        return [target for target in self.found if target.ring == ring]

    def told_at(self, ring: int) -> list[Target]:
        """Those told when it is this ring's turn: where it has nobody, those of the ring before, once more."""
        return next((found for lower in range(ring, 0, -1) if (found := self.of_ring(lower))), [])


def targets() -> Targets:
    """Read the file. A table that is wrong is left out and named; the others still work."""
    path: Path = settings.TONGFA.notify_file
    try:
        tables = tomllib.loads(path.read_text("utf-8")).get("target", [])
    except FileNotFoundError:
        return Targets((), ())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return Targets((), (f"通知配置 {path.name} 读不懂（{type(error).__name__}）；请系统管理员改正。",))
    if not isinstance(tables, list):
        return Targets((), (f"通知配置 {path.name} 里要写 [[target]]；请系统管理员改正。",))
    found, problems = list[Target](), list[str]()
    for number, table in enumerate(tables, 1):
        try:
            target = _target(table, path.parent, {known.name for known in found})
        except _Wrong as wrong:
            problems.append(f"通知配置第 {number} 个对象：{wrong}；请系统管理员改正。")
        else:
            found.append(target)
    return Targets(tuple(found), tuple(problems))


class _Wrong(Exception):
    """Why a table is no target, in Chinese. Holds no secret."""


def _target(table: Any, folder: Path, taken: set[str]) -> Target:
    if not isinstance(table, Mapping):
        raise _Wrong("不是一个 [[target]] 表")
    name, kind_name, ring = str(table.get("name") or ""), str(table.get("kind") or ""), table.get("ring", 1)
    kind = notifying.kinds().get(kind_name)
    if not name or len(name) > 60 or name in taken:
        raise _Wrong("没有名称（name）、太长或与别的重复")
    if kind is None:
        raise _Wrong(f"“{name}”的方式“{kind_name}”不存在，可用：{'、'.join(notifying.kinds())}")
    if not isinstance(ring, int) or not 1 <= ring <= RINGS:
        raise _Wrong(f"“{name}”的级别 ring 应是 1 到 {RINGS}")
    options, secrets = dict[str, str](), dict[str, Secret]()
    known = {f"{setting.name}_file" if setting.secret else setting.name for setting in kind.settings}
    for key in table.keys() - COMMON - known:
        raise _Wrong(f"“{name}”没有设置项“{key}”，可用：{'、'.join(sorted(known))}")
    for setting in kind.settings:
        given = table.get(f"{setting.name}_file" if setting.secret else setting.name)
        if setting.required and not given:
            raise _Wrong(f"“{name}”缺少 {setting.name}{'_file' if setting.secret else ''}（{setting.label}）")
        if given and setting.secret:
            secrets[setting.name] = _secret(name, folder / str(given))
        elif given:
            options[setting.name] = ",".join(map(str, given)) if isinstance(given, list) else str(given)
    target = Target(name, kind_name, ring, options, secrets)
    try:
        kind.hosts(target)
    except WrongSetting as wrong:
        raise _Wrong(f"“{name}”的{wrong}") from None
    except ValueError:
        raise _Wrong(f"“{name}”的地址写得不对，应以 http:// 或 https:// 开头") from None
    return target


def _secret(name: str, file: Path) -> Secret:
    try:
        value = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _Wrong(f"“{name}”的密钥文件 {file.name} 读不到（{type(error).__name__}）") from None
    if not value:
        raise _Wrong(f"“{name}”的密钥文件 {file.name} 是空的")
    settings.TONGFA_REDACTOR.register(value)
    return Secret(value)


def notifier(target: Target) -> Notifier:
    """How the target is reached. NotTold for anything outside this machine in a rehearsal home."""
    kind = notifying.kinds()[target.kind]
    if not home.is_live() and not all(is_loopback_host(host) for host in kind.hosts(target)):
        raise NotTold("这是演练环境，只能通知到本机，没有向外送出；正式环境（tongfa init --live）才会真的送出。")
    return kind.build(target, str(settings.TONGFA.ca_file) if settings.TONGFA.ca_file else None)


# --- what ---------------------------------------------------------------------------------------------------------


def told(alarm: Alarm) -> Told:
    """An alarm as a message may tell it: a title only once it is public."""
    release, title = alarm.release, ""
    if release is not None and alarm.publication_id is not None:
        public = Publication.objects.filter(release=release, state=State.LIVE)
        mine = (
            alarm.publication.items.order_by("position").values_list("edition_id", "edition__title").first()
            if alarm.publication
            else None
        )
        if mine and public.filter(items__edition=mine[0]).exists():
            title = mine[1]
    return Told(
        alarm.sort, alarms.Out(alarm.out), alarm.account.name if alarm.account else "", release.pk if release else None,
        show(release.instant) if release else "", title, alarm.public_message,
    )  # fmt: skip


def compose(found: Sequence[Alarm], *, ring: int, now: datetime, again: bool = False) -> Notice:
    """One message about these alarms. `again`: to people who were told before, because the ring has nobody."""
    require_aware(now)
    order = {str(kind): place for place, kind in enumerate(alarms.Kind)}
    chosen = sorted(found, key=lambda alarm: (order[alarm.kind], alarm.pk))
    releases = {alarm.release_id for alarm in chosen}
    base = settings.TONGFA.public_url
    only = next(iter(releases)) if len(releases) == 1 else None
    page = "urgent" if {alarm.sort for alarm in chosen} <= {alarms.Kind.URGENT, alarms.Kind.LAPSED} else ""
    link = f"{base}/releases/{only}" if only else f"{base}/{page}"
    messages = [told(alarm) for alarm in chosen]
    arrived = AlarmNotice.objects.filter(alarms__in=chosen, ring__lt=ring, state="sent").exists()
    return notice.compose(messages, ring=ring, at=now, link=link, live=home.is_live(), again=again, arrived=arrived)


# --- when ---------------------------------------------------------------------------------------------------------


def arrange(*, now: datetime) -> int:
    """For alarms whose next ring is due: one message for each unit, ring and target. Sends nothing itself."""
    require_aware(now)
    due = list(Alarm.objects.filter(next_at__lte=now).order_by("next_at", "pk")[:MOST])
    if not due:
        return 0
    configured, made = targets(), 0
    groups: dict[tuple[int | None, int], list[Alarm]] = defaultdict(list)
    for alarm in due:
        groups[alarm.unit_id, alarm.ring + 1].append(alarm)
    for (unit, ring), group in groups.items():
        with transaction.atomic():
            mine = [alarm for alarm in group if _step(alarm, ring, now)]
            if not mine:
                continue
            chosen = configured.told_at(ring)
            rows = [
                AlarmNotice(unit_id=unit, ring=ring, target=one.name, kind=one.kind, created_at=now, next_at=now)
                for one in chosen
            ]
            for row in rows or [AlarmNotice(unit_id=unit, ring=ring, target="", created_at=now, state="nobody")]:
                row.save(force_insert=True)
                row.alarms.set(mine)
                made += 1
    return made


def _step(alarm: Alarm, ring: int, now: datetime) -> bool:
    """On to the next ring, by compare-and-set: of two clocks one has it."""
    return bool(
        Alarm.objects.filter(
            pk=alarm.pk, ring=alarm.ring, next_at=alarm.next_at, read_at__isnull=True, closed_at__isnull=True
        ).update(ring=ring, told_at=now, next_at=alarms.next_notice(alarm.raised_at, ring, now))
    )  # fmt: skip


def send(notice_id: int, *, now: Callable[[], datetime]) -> bool:
    """Send one message, if nobody else has it. True when it arrived."""
    require_aware(now())
    row = AlarmNotice.objects.filter(pk=notice_id).first()
    if row is None or row.next_at is None or row.next_at > now():
        return False
    taken = AlarmNotice.objects.filter(pk=row.pk, fence=row.fence, next_at__lte=now()).update(
        state="sending", next_at=_again_at(row, now()), rung_at=None, fence=F("fence") + 1, tries=F("tries") + 1
    )
    if not taken:
        return False
    row.fence, row.tries = row.fence + 1, row.tries + 1
    unread = row.ring > 1 or alarms.is_overdue(row.tries - 1)  # nobody read it, it says; or it is late by an hour
    wanted = Q(closed_at__isnull=True) & (Q(read_at__isnull=True) if unread else Q())
    still = list(row.alarms.filter(wanted).select_related("release", "account", "publication").order_by("pk"))
    if not still:
        _finish(row, state="dropped", next_at=None)
        return False
    try:
        target = next(one for one in targets().found if one.name == row.target)
        notifier(target).tell(compose(still, ring=row.ring, now=now(), again=target.ring < row.ring))
    except StopIteration:
        _failed(row, f"通知对象“{row.target}”已不在配置里，或配置有误。", now())
    except PartlyTold as problem:
        return _sent(row, now(), but=problem.message)
    except NotTold as problem:
        _failed(row, problem.message, now())
    except Exception as error:  # whatever a notifier does, it must not take a worker along
        log.error("telling.failed", notice=row.pk, target=row.target, error=type(error).__name__)
        _failed(row, f"通知程序出错（{type(error).__name__}）。请系统管理员查看日志。", now())
    else:
        return _sent(row, now())
    return False


def _again_at(row: AlarmNotice, now: datetime) -> datetime:
    """When it is tried again if the worker that takes it now never says how it went: no sooner than after a failure."""
    return max(now + alarms.NOTICE_LEASE, alarms.retry_at(row.tries + 1, now))


def _finish(row: AlarmNotice, **changes: Any) -> bool:
    return bool(AlarmNotice.objects.filter(pk=row.pk, fence=row.fence, state="sending").update(**changes))


def _sent(row: AlarmNotice, now: datetime, *, but: str = "") -> bool:
    """`but`: who of a list was not reached. Those who were shall not be told again; the doctor names it."""
    with audit.serialised():
        if not _finish(row, state="sent", next_at=None, sent_at=now, error=but[:300]):
            return False
        data = {"target": row.target, "how": row.kind, "ring": row.ring}
        audit.append("系统", "alarm.told", f"notice:{row.pk}", data, now=now)
    return True


def _failed(row: AlarmNotice, why: str, now: datetime) -> None:
    """Tried again after a while, as long as an alarm of it is open; the doctor names what has failed for an hour."""
    _finish(row, state="waiting", next_at=alarms.retry_at(row.tries, now), error=why[:300])
    log.warning("telling.not_told", notice=row.pk, target=row.target, tries=row.tries)


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a test message to one target."""

    target: Target
    ok: bool
    message: str


def test(*, person: Person, now: datetime) -> list[Tried]:
    """Send everybody a test message, now. Refused when nobody is configured."""
    require_aware(now)
    require(person, Role.SYSADMIN, Role.DUTY, Role.RELEASER)
    configured = targets()
    if not configured.found:
        raise Refused("nobody", "没有可用的通知对象，什么都没有送出。请系统管理员编写通知配置。", configured.problems)
    live = home.is_live()
    message = Notice(
        f"{notice.mark(live)}通知测试", [f"{person.name}在 {show(now)} 发出测试，没有任何事故，不需要处理。"],
        f"{settings.TONGFA.public_url}/", 1, now, live,
    )  # fmt: skip
    results = [_try(target, message) for target in configured.found]
    data = {
        "reached": [tried.target.name for tried in results if tried.ok],
        "all": [tried.target.name for tried in results],
    }
    audit.append(person.username, "notify.tested", "notify", data, now=now)
    return results


def _try(target: Target, message: Notice) -> Tried:
    try:
        notifier(target).tell(message)
    except NotTold as problem:
        return Tried(target, False, problem.message)
    except Exception as error:
        log.error("telling.test", target=target.name, error=type(error).__name__)
        return Tried(target, False, f"通知程序出错（{type(error).__name__}）。请系统管理员查看日志。")
    return Tried(target, True, "已送达")
