"""What would stop the next release: the installation, the people, the releases ahead, the open cases, the accounts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings

from bot.domain.channel import ChannelFault, CheckResult
from bot.domain.delivery import FOR_A_PERSON, State
from bot.domain.instants import require_aware
from bot.domain.sync import GateState
from bot.models import Account, Publication, Unit

from . import accounts, audit, gating, home, lookahead, prechecks
from .errors import Refused

OVERDUE = timedelta(minutes=1)


def examine(*, now: datetime, ask_platforms: bool) -> list[CheckResult]:
    """All checks, local ones first."""
    require_aware(now)
    results = [
        *_installation(),
        *_people(),
        *_cases(now),
        *_portal(),
        *lookahead.people_to_tell(now),
        *lookahead.releases_ahead(now),
    ]
    for account in Account.objects.filter(disabled_reason="").order_by("pk") if ask_platforms else ():
        results += _account(account)
    return [prechecks.with_remedy(result) for result in results]


def _installation() -> Iterator[CheckResult]:
    facts = home.facts()
    yield CheckResult("环境", True, f"{facts.label}，目录 {settings.TONGFA.home.path}", code="home")
    yield from prechecks.disk()
    yield from prechecks.rules()
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


def _people() -> Iterator[CheckResult]:
    for unit in Unit.objects.filter(accounts__isnull=False).distinct():
        roles = {role for person in unit.people.filter(is_active=True) for role in person.roles}
        lacking = [step.label for step in unit.review_steps if step.value not in roles]
        lacking += ["签发"] if "releaser" not in roles else []
        yield CheckResult(
            f"人员·{unit.name}",
            not lacking,
            "各审次和签发都有人" if not lacking else f"缺少{'、'.join(lacking)}人员，请用 tongfa user add 添加",
            code="people",
        )


def _cases(now: datetime) -> Iterator[CheckResult]:
    stuck = Publication.objects.filter(state__in=[str(state) for state in FOR_A_PERSON]).count()
    yield CheckResult(
        "待人工处理",
        not stuck,
        "没有" if not stuck else f"{stuck} 条推送等人处理，请看值班台或 tongfa release list",
        warning=bool(stuck),
        code="cases",
    )
    overdue = Publication.objects.filter(
        state__in=[State.PLANNED, State.BLOCKED, State.STAGING, State.STAGED, State.ARMED],
        release__signed_at__isnull=False, not_before__lt=now - OVERDUE,
    ).filter(gating.THROUGH).count()  # fmt: skip
    hung = Publication.objects.filter(state=State.SENDING, not_before__lt=now - OVERDUE).count()
    yield CheckResult(
        "发送中断",
        not hung,
        "没有" if not hung else f"{hung} 条发出一分多钟没有结论，发送进程可能挂起，请重启 tongfa up",
        code="hung",
    )
    yield CheckResult(
        "逾期未发",
        not overdue,
        "没有" if not overdue else f"{overdue} 条已过时刻仍未发出，请确认 tongfa up 正在运行",
        code="overdue",
    )


def _portal() -> Iterator[CheckResult]:
    """Releases that wait for a portal page which cannot be read, or for a person."""
    for gate in gating.troubled():
        what = f"发布单 {gate.release_id}：{gate.status.label}，{gate.words}"
        remedy = (
            gating.choice_words(gate.release) if gate.status is GateState.ASKING else "请核对网址和门户是否可以访问"
        )
        yield CheckResult("门户联动", False, f"{what}。{remedy}", warning=True)


def _account(account: Account) -> list[CheckResult]:
    try:
        results = accounts.check_account(account)
    except (ChannelFault, Refused) as fault:
        return [CheckResult(account.name, False, fault.message, code="platform")]
    return [replace(result, name=f"{account.name}·{result.name}") for result in results]
