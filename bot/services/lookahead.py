"""What would stop the releases until the end of tomorrow, without asking a platform; and who would be told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from bot import portal
from bot.domain.channel import CheckResult
from bot.domain.delivery import STOPPABLE, State
from bot.domain.instants import beijing_date, beijing_midnight, require_aware, show
from bot.domain.sync import AtTime
from bot.domain.typography import quoted
from bot.domain.workflow import EditionState
from bot.models import Account, AlarmNotice, Edition, Publication, Release, Token

from . import gating, handahead, prechecks, preflighting, quotas, releases, telling
from .accounts import known, renewed_by_hand, spec_of
from .errors import Refused
from .voiding import is_frozen

LEAST_AHEAD = timedelta(hours=36)
SIGNER = "请签发人"


def until(now: datetime) -> datetime:
    """How far one looks: to the end of tomorrow in Beijing, since tomorrow evening is planned today; at least 36 hours."""
    require_aware(now)
    return max(now + LEAST_AHEAD, beijing_midnight(beijing_date(now) + timedelta(days=2)))


def releases_ahead(now: datetime) -> Iterator[CheckResult]:
    """One line where all is well, else one for each thing that would stop a release."""
    require_aware(now)
    found = Release.objects.filter(instant__gt=now, instant__lt=until(now), cancelled_at__isnull=True)
    rows = list(found.select_related("unit").order_by("instant", "pk"))
    if not rows:
        yield CheckResult("将来的发布", True, f"到 {show(until(now), seconds=False)} 为止没有安排发布。", code="ahead")
    for release in rows:
        wrong = list(_signed(release, now) if release.signed else _unsigned(release, now))
        name = f"发布单 {release.pk}（{show(release.instant, seconds=False)}）"
        for result in wrong:
            yield CheckResult(
                f"{name}·{result.name}", result.ok, result.message, result.warning, result.code, result.remedy
            )
        if all(result.ok for result in wrong):
            idle = "没有等待签发的推送（都已作废或了结），到时不会发出。"
            words = "已签发，没有发现会拦住它的问题。" if release.signed else idle
            yield CheckResult(name, True, words, code="release")


def _page(release: Release) -> Iterator[CheckResult]:
    """Whether the page that is waited for may be read at all, by the rules that hold now."""
    policy = release.sync_policy
    if isinstance(policy, AtTime):
        return
    try:
        gating.rules().target(policy.url)
    except portal.Blocked as why:
        words = f"{why}。{'' if release.signed else '签发后'}{policy.ending(release.instant)}。"
        remedy = "请系统管理员把该网站列入 TONGFA_PORTAL_HOSTS（原来默认的网站也要一并写上）后重新启动。"
        yield CheckResult("门户网站", False, words, code="portal", remedy=remedy)


def _signed(release: Release, now: datetime) -> Iterator[CheckResult]:
    yield from _page(release)
    waiting = release.publications.filter(state__in=[str(state) for state in STOPPABLE | {State.HELD}])
    for account in Account.objects.filter(pk__in=waiting.values("account_id")).order_by("pk"):
        publications = preflighting.waiting_publications(release, account)
        subject = prechecks.Subject(release, account, publications, now)
        for result in [*prechecks.examine_locally(subject, prechecks.OF_RELEASE), *_token(account, subject.last)]:
            if not result.ok or result.warning:
                yield CheckResult(
                    f"{account.name}·{result.name}", result.ok, result.message, result.warning, result.code, result.remedy
                )  # fmt: skip
        yield from _last_preflight(release, account)
    yield from handahead.examined(release, now=now)


def _last_preflight(release: Release, account: Account) -> Iterator[CheckResult]:
    """What only the platform could say, when it was last asked."""
    last = (
        release.preflights.filter(account=account, state="done", signed_at=release.signed_at or release.created_at)
        .order_by("-done_at")
        .first()
    )
    if last is None or last.ok or last.done_at is None:
        return
    local = {"enabled", "freeze", "signature", "approvals", "pair", "link", "reservation", "staging", "disk", "rules"}
    for check in last.checks.filter(ok=False).exclude(code__in=local).order_by("position"):
        words = f"{show(last.done_at)} 预检：{check.message}"
        yield CheckResult(f"{account.name}·{check.name}", False, words, code=check.code, remedy=check.remedy)


def _token(account: Account, last: datetime) -> Iterator[CheckResult]:
    if not known(account) or not renewed_by_hand(spec_of(account)):
        return
    token = Token.objects.filter(account=account, expires_at__isnull=False).first()
    remedy = prechecks.REMEDIES["token_life"]
    if token is None or token.expires_at is None:
        if not account.credentials.filter(name="access_token").exists():
            yield CheckResult("授权", False, "还没有授权，到时发不出去。", code="token", remedy=remedy)
    elif token.expires_at < last + settings.TONGFA.max_lateness:
        words = f"授权 {show(token.expires_at)} 到期，早于发布所需，到时发不出去。"
        yield CheckResult("授权期限", False, words, code="token_life", remedy=remedy)


def _unsigned(release: Release, now: datetime) -> Iterator[CheckResult]:
    publications = list(
        release.publications.filter(state__in=[State.PLANNED, State.HELD]).select_related("account").order_by("pk")
    )
    if not publications and not release.manual_tasks.filter(done_at__isnull=True).exists():
        return
    if release.urgency_id is not None:
        words = "应急发布的签发已失效，到时不会发出。"
        yield CheckResult("签发", False, words, code="unsigned", remedy=f"{SIGNER}作废后重新提出，或审核通过后另编。")
        return
    late = release.instant < now + releases.min_lead()
    words = "还没有签发，到时不会发出。" + (
        f"距发布已不足 {releases.min_lead().total_seconds():.0f} 秒，不能再签发。" if late else ""
    )
    remedy = f"{SIGNER}改期后重新编制，或作废。" if late else f"{SIGNER}核对后签发，或改期、作废。"
    yield CheckResult("签发", False, words, code="unsigned", remedy=remedy)
    if is_frozen(release.unit):
        yield CheckResult(
            "停发", False, "本单位正一键停发，不能签发。", code="freeze", remedy=prechecks.REMEDIES["freeze"]
        )
    yield from _page(release)
    used = dict.fromkeys([*(publication.account for publication in publications), *handahead.waiting(release)])
    for account in (one for one in used if not one.enabled):
        words = f"“{account.name}”已停用（{account.disabled_reason}）。"
        yield CheckResult("账号", False, words, code="enabled", remedy=prechecks.REMEDIES["enabled"])
    yield from handahead.drafts(release, now=now)
    yield from _unapproved(release, publications)
    yield from _no_quota(publications)


def _unapproved(release: Release, publications: list[Publication]) -> Iterator[CheckResult]:
    editions = list(
        Edition.objects.filter(Q(items__publication__in=publications) | Q(manual_tasks__release=release))
        .select_related("document")
        .order_by("pk")
        .distinct()
    )
    for edition in editions:
        if edition.status is not EditionState.APPROVED or edition.pk != edition.document.current.pk:
            words = f"{quoted(edition.title)}不是审核通过的最新版本（{edition.status.label}），签不了。"
            yield CheckResult("审核", False, words, code="approvals", remedy=prechecks.REMEDIES["approvals"])
    try:
        releases.require_pairs(publications)
    except Refused as refusal:
        yield CheckResult("解读配套", False, refusal.message, code="pair", remedy=prechecks.REMEDIES["pair"])


def _no_quota(publications: list[Publication]) -> Iterator[CheckResult]:
    for lack in quotas.shortages(publications):
        remedy = "请拟稿人拆成几张发布单，分开日期发布。" if lack.hopeless else f"{SIGNER}改到有额度的日期。"
        yield CheckResult("额度", False, f"{lack.what}，签不了：{lack.numbers}。", code="quota", remedy=remedy)


def people_to_tell(now: datetime) -> Iterator[CheckResult]:
    """Would anybody be told if something happened tonight?"""
    require_aware(now)
    configured = telling.targets()
    for problem in configured.problems:
        yield CheckResult(
            "通知", False, problem, code="notify", remedy="请系统管理员改正通知配置后运行 tongfa notify test。"
        )
    if configured.of_ring(1):
        rings = "、".join(
            f"第 {ring} 级 {len(configured.of_ring(ring))} 个" for ring in (1, 2, 3) if configured.of_ring(ring)
        )
        yield CheckResult("通知", True, f"出事会通知：{rings}。", code="notify")
        if not any(configured.of_ring(ring) for ring in (2, 3)):
            message = "没有配置第 2、3 级通知对象：没有人阅知时，只会再提醒第 1 级的人。"
            remedy = "请系统管理员在通知配置里给负责人写上 ring = 2 或 3，然后运行 tongfa notify test。"
            yield CheckResult("通知升级", True, message, warning=True, code="notify_rings", remedy=remedy)
    else:
        # it stops no release, but whoever looks should know
        message = "没有配置第 1 级通知对象，出了事只有打开值班台的人知道。"
        remedy = "请系统管理员编写通知配置（TONGFA_NOTIFY），然后运行 tongfa notify test。"
        yield CheckResult("通知", True, message, warning=True, code="notify", remedy=remedy)
    failed = Q(state="waiting", tries__gt=0) | Q(
        state="sending", tries__gt=1
    )  # its worker may have died of it each time
    trying = AlarmNotice.objects.filter(failed, next_at__isnull=False)
    partly = AlarmNotice.objects.filter(created_at__gt=now - timedelta(days=1), state="sent").exclude(error="")
    for words, rows in (("没有送达，正在重试", trying), ("只送达一部分", partly)):
        row = rows.order_by("-created_at").first()
        if row is not None:
            message = f"{rows.count()} 条通知{words}，例如给“{row.target}”：{row.error or '上次送出时中断，没有结果。'}"
            yield CheckResult(
                "通知送达",
                True,
                message,
                warning=True,
                code="notify_failed",
                remedy="请系统管理员检查后运行 tongfa notify test。",
            )
