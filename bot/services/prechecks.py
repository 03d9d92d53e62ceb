"""The checks of a pre-flight: what would keep the pushes of one account from going out at their instant.

Each has a stable code, a finding and, when it is not ok, who must do what. One that fails itself is a finding too.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import OperationalError, connection

from bot.domain import quota, timeline
from bot.domain.channel import Channel, ChannelFault, CheckResult
from bot.domain.delivery import STOPPABLE, State
from bot.domain.instants import require_aware, show
from bot.domain.sync import AfterLive, Seen
from bot.domain.typography import quoted
from bot.domain.workflow import EditionState
from bot.models import Account, Edition, Publication, Release, Reservation
from bot.models.structure import absent_tables
from bot.models.triggers import missing
from bot.portal import look as ask_portal

from . import approvals, gating, releases
from .accounts import channel_of, renewed_by_hand, spec_of
from .clocksafety import distrust, doubt_of_this_boot, is_heard
from .errors import Refused
from .quotas import quotas_of
from .signature import Signatures
from .voiding import is_frozen

log = structlog.get_logger(__name__)
LEAST_DISK = 500 * 1024 * 1024
#: Staging begins ten minutes ahead; this much later it should be done.
STAGED_AFTER = timedelta(minutes=3)
#: Two pushes of one account this near to each other: the second waits for the answer to the first.
NEAR = timedelta(seconds=20)

_ADMIN = "系统管理员"
#: Who must do what, where the check itself did not say.
REMEDIES = {
    "enabled": f"请{_ADMIN}恢复账号，或由签发人换一个账号重新编制。",
    "signature": "请签发人核对后重新签发。",
    "approvals": "请编辑把最新版本重新送审，审核通过后重新编制、签发。",
    "pair": "请编辑补上解读并送审，或写明理由豁免，然后重新签发。",
    "freeze": "请签发人解除停发，再恢复被拦下的推送。",
    "settings": f"请{_ADMIN}改正账号设置。",
    "domain": f"请{_ADMIN}在账号设置里填写已在平台绑定的安全域名。",
    "callback": f"请{_ADMIN}在账号设置里补全消息推送。",
    "token": f"请{_ADMIN}核对凭据或重新授权账号。",
    "token_life": f"请{_ADMIN}在发布之前重新授权账号。",
    "ip": f"请{_ADMIN}把本机出口地址加入平台的 IP 白名单。",
    "rights": f"请{_ADMIN}在平台后台确认接口权限。",
    "quota": "请签发人改期，或减少其他调用。",
    "reservation": "请签发人作废后改期，重新签发。",
    "clock": f"请{_ADMIN}校准本机时钟（NTP）。",
    "link": "请编辑补上原文链接，重新送审。",
    "staging": "请值班员打开发布单看原因；内容问题由编辑修改，平台问题由系统管理员处理。",
    "clash": "请签发人确认可以晚几秒，或错开时刻。",
    "disk": f"请{_ADMIN}清理磁盘。",
    "rules": f"请{_ADMIN}查明是谁改动的，再重新运行 tongfa up（或 tongfa init）：先留痕并报警，再重新安装。",
    "portal": f"请{_ADMIN}检查到门户网站的网络、证书和网站名单（TONGFA_PORTAL_HOSTS），网站本身打不开请联系门户运维；或由签发人改为到点就发，重新签发。",
    "platform": f"请{_ADMIN}检查网络和账号设置，然后在发布单页再查一次。",
    "internal": f"请{_ADMIN}查看日志，然后再查一次。",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked: the pushes of one release on one account that have not left yet."""

    release: Release
    account: Account
    publications: Sequence[Publication]
    now: datetime

    @property
    def last(self) -> datetime:
        """When the last of them is due."""
        return max(publication.not_before for publication in self.publications)


Check = Callable[[Subject], Iterable[CheckResult]]


def examine(
    subject: Subject, *, clock: Callable[[], datetime], open_channel: Callable[[Account], Channel] = channel_of
) -> list[CheckResult]:
    """Everything, local things first. Calls the platform."""
    require_aware(clock())
    checks: list[Check] = [*LOCAL, _portal, lambda one: _platform(one, open_channel)]
    results = [result for check in checks for result in _guarded(check, subject)]
    asked = all(result.asked for result in results)
    results += _guarded(lambda one: _clock(one, clock, asked=asked), subject)
    return [with_remedy(result) for result in results]


def examine_locally(subject: Subject, checks: Sequence[Check] = ()) -> list[CheckResult]:
    """The same without asking the platform: for a look ahead at many releases."""
    return [with_remedy(result) for check in checks or LOCAL for result in _guarded(check, subject)]


def with_remedy(result: CheckResult) -> CheckResult:
    """Who must do what, wherever something is wrong."""
    if (result.ok and not result.warning) or result.remedy:
        return result
    return replace(result, remedy=REMEDIES.get(result.code, ""))


def _guarded(check: Check, subject: Subject) -> Iterable[CheckResult]:
    try:
        return list(check(subject))
    except OperationalError:
        raise  # the database is away: the whole pre-flight is run again
    except ChannelFault as fault:
        return [CheckResult("平台", False, fault.message, code="platform")]
    except Refused as refusal:  # it names its own remedy: a check of the network would be none
        return [CheckResult("平台", False, refusal.message, code="refused")]
    except Exception as error:
        log.exception("preflight.check", account=subject.account.slug)
        return [
            CheckResult("检查", False, f"有一项检查本身出错（{type(error).__name__}），结果不明。", code="internal")
        ]


# --- what was decided --------------------------------------------------------------------------------------


def _enabled(subject: Subject) -> Iterator[CheckResult]:
    account = subject.account
    words = (
        f"“{account.name}”可用。"
        if account.enabled
        else f"“{account.name}”已停用（{account.disabled_reason}），到时不会发出。"
    )
    yield CheckResult("账号", account.enabled, words, code="enabled")


def _signature(subject: Subject) -> Iterator[CheckResult]:
    if not subject.release.signed:
        yield CheckResult("签发", False, "没有有效签发，到时不会发出。", code="signature")
        return
    signatures = Signatures()
    for publication in subject.publications:
        items = list(publication.items.select_related("edition").order_by("position"))
        try:
            signatures.require(publication, items)
        except Refused as refusal:
            yield CheckResult("签发", False, f"{refusal.message}，到时不会发出。", code="signature")
            return
    yield CheckResult(
        "签发", True, f"签发有效，清单相符（尾号 {subject.release.manifest_hash[-8:]}）。", code="signature"
    )


def _editions(subject: Subject) -> list[Edition]:
    return list(
        Edition.objects.filter(items__publication__in=subject.publications).select_related("document__unit").distinct()
    )


def _approvals(subject: Subject) -> Iterator[CheckResult]:
    if approvals.urgent_and_carried(subject.release):
        yield CheckResult("审核", True, "应急发布：两人已确认，内容与确认时一致；发出后须补审。", code="approvals")
        return
    editions = _editions(subject)
    bad = [edition for edition in editions if not _approved(edition)]
    for edition in bad:
        yield CheckResult(
            "审核", False, f"{quoted(edition.title)}的审核不完整或已有新版本（{edition.status.label}），到时不会发出。", code="approvals"
        )  # fmt: skip
    if not bad:
        yield CheckResult("审核", True, f"{len(editions)} 件都已终审通过，仍是最新版本。", code="approvals")


def _approved(edition: Edition) -> bool:
    passes = edition.reviews.filter(verdict="pass", content_hash=edition.content_hash)
    enough = passes.values("person").distinct().count() >= max(2, len(edition.document.unit.review_steps))
    return edition.status is EditionState.APPROVED and enough and edition.pk == edition.document.current.pk


def _pair(subject: Subject) -> Iterator[CheckResult]:
    try:
        releases.require_pairs(subject.publications)
    except Refused as refusal:
        yield CheckResult("解读配套", False, refusal.message, code="pair")
    else:
        yield CheckResult("解读配套", True, "政策文件都有解读同发或已豁免。", code="pair")


def _freeze(subject: Subject) -> Iterator[CheckResult]:
    frozen = is_frozen(subject.release.unit)
    yield CheckResult("停发", not frozen, "本单位正一键停发，到时不会发出。" if frozen else "没有停发。", code="freeze")


def _link(subject: Subject) -> Iterator[CheckResult]:
    bare = [edition for edition in _editions(subject) if not edition.article.source_url or not edition.marker]
    for edition in bare:
        yield CheckResult("原文链接", False, f"{quoted(edition.title)}没有原文链接，发出后无法核对。", code="link")
    if not bare:
        yield CheckResult("原文链接", True, "每件都有带核对标记的原文链接。", code="link")


def _reservation(subject: Subject) -> Iterator[CheckResult]:
    for publication in subject.publications:
        for rule in quotas_of(subject.account, publication.mode):
            window = quota.window(rule.period, publication.instant)
            held = Reservation.objects.filter(publication=publication, window=window, released_at__isnull=True)
            if not held.exists():
                yield CheckResult(
                    "额度占用", False, f"没有占到 {window} 的发布额度，到时平台可能拒绝。", code="reservation"
                )
                return
    yield CheckResult("额度占用", True, "本系统已为每条推送占好额度。", code="reservation")


# --- how far it is --------------------------------------------------------------------------------------------


def _staging(subject: Subject) -> Iterator[CheckResult]:
    for publication in subject.publications:
        due = _staged_by(publication)
        state = publication.status
        if state is State.HELD:
            yield CheckResult("准备", False, f"推送已暂停，到时不会发出：{publication.reason}", code="staging")
        elif state is State.BLOCKED or (state not in {State.STAGED, State.ARMED} and subject.now >= due):
            yield CheckResult("准备", False, f"平台上还没有准备好：{publication.reason or '仍在准备'}", code="staging")
        else:
            continue
        return
    ready = sum(publication.status in {State.STAGED, State.ARMED} for publication in subject.publications)
    begun = subject.now >= subject.release.instant - timeline.STAGE_AHEAD
    words = f"{ready}/{len(subject.publications)} 条已在平台备好并读回相符" if ready else ""
    if ready < len(subject.publications) and begun:
        words = f"{words}，其余正在准备" if words else "正在准备，还来得及"
    yield CheckResult("准备", True, f"{words or '还没有到准备的时候（发布前 10 分钟开始）'}。", code="staging")


def _staged_by(publication: Publication) -> datetime:
    """From when on it is late: minutes after staging could begin, or the end of the time that it was given.

    What was resumed or signed late is given time beyond the usual end.
    """
    begins = publication.instant - timeline.STAGE_AHEAD
    signed = publication.release.signed_at or begins
    ends = publication.instant - timeline.STAGED_BY
    given = publication.stage_by or ends
    return given if given > ends else min(max(begins, signed) + STAGED_AFTER, given)


def _clash(subject: Subject) -> Iterator[CheckResult]:
    first = min(publication.not_before for publication in subject.publications)
    others = (
        Publication.objects.filter(
            account=subject.account, state__in=[str(state) for state in STOPPABLE],
            not_before__gte=first - NEAR, not_before__lte=subject.last + NEAR, release__signed_at__isnull=False,
        )
        .exclude(release=subject.release)
        .values_list("release_id", flat=True)
    )  # fmt: skip
    numbers = sorted(set(others))
    if numbers:
        seconds = int(NEAR.total_seconds())
        words = (
            f"发布单 {'、'.join(map(str, numbers))} 也在这一刻前后 {seconds} 秒内用本账号发布，后到的一条可能晚几秒。"
        )
        yield CheckResult("时刻冲突", True, words, warning=True, code="clash")
    else:
        yield CheckResult("时刻冲突", True, "这一刻本账号没有别的发布。", code="clash")


# --- the machine ----------------------------------------------------------------------------------------------


def disk(_: Subject | None = None) -> Iterator[CheckResult]:
    """Room for records: without it no intent can be written, and nothing leaves."""
    free = shutil.disk_usage(settings.TONGFA.home.path).free
    enough = free >= LEAST_DISK
    words = f"剩余 {free // 1024 // 1024} MB" + ("" if enough else "，不足 500 MB，请清理磁盘")
    yield CheckResult("磁盘", enough, words, code="disk")


def rules(_: Subject | None = None) -> Iterator[CheckResult]:
    """The database's own rules are as the program wants them."""
    lacking = missing(connection)
    words = f"缺少或被改动 {len(lacking)} 条：{'、'.join(lacking[:8])}" if lacking else "触发器、约束和索引齐全"
    gone = absent_tables(connection) if lacking else []
    remedy = f"缺的是整张表（{'、'.join(gone[:4])}），重新安装补不回来：请系统管理员用最近的备份恢复。" if gone else ""
    yield CheckResult("数据库规则", not lacking, words, code="rules", remedy=remedy)


# --- the portal ------------------------------------------------------------------------------------------------


def _portal(subject: Subject) -> Iterator[CheckResult]:
    """A release that waits for its page: can the site be read from here at all? That the page is up is for T to show."""
    policy = subject.release.sync_policy
    if not isinstance(policy, AfterLive):
        return
    seen = ask_portal(policy.url, policy.title, rules=gating.rules(), ca_file=settings.TONGFA.ca_file)
    if not seen.status:  # not allowed, or no answer of HTTP came
        words = f"门户网站现在读不到（{seen.words}）。{policy.ending(subject.release.instant)}。"
        yield CheckResult("门户", False, words, code="portal")
    elif seen.seen is Seen.UNCLEAR:
        words = f"门户网站连得上，但答复不正常（{seen.words}），到时可能看不到网页上线。"
        yield CheckResult("门户", True, words, warning=True, code="portal")
    else:
        yield CheckResult("门户", True, "门户网站连得上，也在允许读取的名单里；网页到时再看。", code="portal")


# --- the platform ----------------------------------------------------------------------------------------------


def _platform(subject: Subject, open_channel: Callable[[Account], Channel]) -> Iterator[CheckResult]:
    if not subject.account.enabled:
        return
    adapter = open_channel(subject.account)
    yield from (result if result.code else replace(result, code="platform") for result in adapter.preflight())
    yield from _token_life(subject, adapter)


def _token_life(subject: Subject, adapter: Channel) -> Iterator[CheckResult]:
    """A token that only a person can renew must outlive the release and its looks."""
    if not renewed_by_hand(spec_of(subject.account)):
        return
    try:
        expires_at = adapter.grant().expires_at
    except ChannelFault as fault:
        yield CheckResult("授权期限", False, fault.message, code="token")
        return
    needed = subject.last + settings.TONGFA.max_lateness
    if expires_at < needed:
        words = f"授权 {show(expires_at)} 到期，早于发布和核对所需的 {show(needed)}，到时发不出去。"
        yield CheckResult("授权期限", False, words, code="token_life")
    else:
        yield CheckResult("授权期限", True, f"授权到 {show(expires_at)}，够用。", code="token_life")


def _clock(subject: Subject, clock: Callable[[], datetime], *, asked: bool = True) -> Iterator[CheckResult]:
    """After the platform was asked, so that its Date is fresh. Where it was not, to spare calls, its silence means nothing."""
    doubt = distrust(subject.account, now=clock())
    if doubt and not asked and not is_heard(subject.account) and not doubt_of_this_boot(now=clock()):
        words = "这次没有向平台提问，没有平台的时间可比；发布前 10 分钟准备时会再核对。"
        yield CheckResult("时钟", True, words, warning=True, code="clock", remedy="不需要处理。", asked=False)
        return
    unread = "" if is_heard(subject.account) else f"请{_ADMIN}检查到平台的网络和账号的接口地址，然后再查一次。"
    yield CheckResult(
        "时钟", not doubt, doubt or "本机时钟与平台时间一致。", code="clock", remedy=unread if doubt else ""
    )


#: About an account and its unit alone, with or without pushes.
OF_ACCOUNT: tuple[Check, ...] = (_enabled, _freeze)
#: About one release and account.
OF_RELEASE: tuple[Check, ...] = (
    _enabled, _freeze, _signature, _approvals, _pair, _link, _reservation, _staging, _clash,
)  # fmt: skip
LOCAL: tuple[Check, ...] = (*OF_RELEASE, disk, rules)
