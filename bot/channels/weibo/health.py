"""Pre-flight: what would stop a release, by name and with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import Any

from bot.channels.http import failed_check
from bot.domain.channel import OWN_QUOTA, OWN_RESERVE, AccountConfig, ChannelFault, CheckResult
from bot.domain.instants import show

from .authorise import life, require_uid
from .calls import Calls
from .spec import safe_domains
from .staging import TOKEN_MARGIN, is_public_form

#: Days of life left at which staff are warned; besides these, shares of the whole life.
WARN_DAYS = (1, 3, 7)
WARN_SHARES = (0.1, 0.3)
LOW_HITS = 10  # calls left today below which a release is at risk

_REAUTHORISE = "请系统管理员用政务账号重新授权（到期前授权即可延长）。"


#: The stable word of each line.
CODES = {
    "账号设置": "settings",
    "安全域名": "domain",
    "出口 IP": "ip",
    "授权": "token",
    "授权期限": "token_life",
    "调用额度": "quota",
}


def coded(results: Iterable[CheckResult]) -> list[CheckResult]:
    """Each line with its stable word."""
    return [replace(result, code=CODES[result.name]) for result in results]


def settings(account: AccountConfig) -> list[CheckResult]:
    """What must be filled in before anything can go out."""
    missing = [name for name in ("app_key", "uid") if not account.option(name)]
    results = [
        _result(
            "账号设置", not missing, "已填写。", f"缺少 {'、'.join(missing)}，不能发布；请系统管理员在账号设置里填写。"
        ),
        _result(
            "安全域名",
            bool(safe_domains(account)),
            f"已填写：{'、'.join(safe_domains(account))}。",
            "没有填写安全域名，微博会拒绝发布；请系统管理员在账号设置里填写。",
        ),
    ]
    return [*results, _rip(account.option("rip"))]


_OUR_ADDRESS = "请系统管理员在账号设置里把 rip 填成服务器的公网出口 IP。"


def _rip(rip: str) -> CheckResult:
    if not is_public_form(rip):
        message = "没有填写服务器公网出口 IP（rip），或不是 IPv4 地址，微博会拒绝发布；请系统管理员在账号设置里填写。"
        return CheckResult("出口 IP", False, message, remedy=_OUR_ADDRESS)
    if not IPv4Address(rip).is_global:
        message = f"{rip} 不是公网地址，微博可能拒绝；正式发布前请系统管理员改为服务器公网出口 IP。"
        return CheckResult("出口 IP", True, message, warning=True, remedy=_OUR_ADDRESS)
    return CheckResult("出口 IP", True, f"{rip}。")


def _result(name: str, ok: bool, good: str, bad: str) -> CheckResult:
    return CheckResult(name, ok, good if ok else bad)


def token(calls: Calls, account: AccountConfig, now: datetime) -> list[CheckResult]:
    """Ask the platform once about the token: whose it is and how long it lives (POST get_token_info).

    Where that call would take away what a signed post needs, it is not made: that says nothing against the token.
    """
    try:
        info = calls.own_token_info()
        require_uid(account, info.get("uid"))
    except ChannelFault as fault:
        if fault.code in _UNASKED:
            return [_unasked("授权", fault, "这次没有向微博核对授权，以本系统记下的到期时间为准。")]
        return [failed_check("授权", fault)]
    return [CheckResult("授权", True, f"属于“{account.name}”（uid {account.option('uid')}）。"), expiry(info, now)]


_UNASKED = {OWN_QUOTA, OWN_RESERVE}
_NOTHING_TO_DO = "不需要处理：已签发的推送不受影响，额度有余时的预检会再问。"


def _unasked(name: str, fault: ChannelFault, words: str) -> CheckResult:
    """No finding about the account: our own count of calls forbade the question."""
    remedy = _NOTHING_TO_DO if fault.code == OWN_RESERVE else ""
    return CheckResult(name, True, f"{fault.message}{words}", warning=True, remedy=remedy, asked=False)


def expiry(info: Mapping[str, Any], now: datetime) -> CheckResult:
    """How long the token lives: {create_at (epoch s), expire_in (s left)}. Warns at 7, 3, 1 days and 30 %, 10 %."""
    left = life(info.get("expire_in"))
    until = f"微博授权 {show(now + left)} 到期"
    if left < TOKEN_MARGIN:
        return CheckResult("授权期限", False, f"{until}，来不及完成发布；{_REAUTHORISE}")
    reached = _thresholds(left, _whole_life(info, left, now))
    if reached:
        return CheckResult("授权期限", True, f"{until}（{reached}）；{_REAUTHORISE}", warning=True)
    return CheckResult("授权期限", True, f"{until}。")


def _thresholds(left: timedelta, whole: timedelta) -> str:
    """The strictest warning that applies, as a Chinese clause, or ""."""
    for days in WARN_DAYS:
        if left <= timedelta(days=days):
            return f"不足 {days} 天"
    for share in WARN_SHARES:
        if left <= whole * share:
            return f"只剩有效期的 {share:.0%} 以下"
    return ""


def _whole_life(info: Mapping[str, Any], left: timedelta, now: datetime) -> timedelta:
    """From creation to expiry; zero when the platform does not say when it was created."""
    created = str(info.get("create_at") or "")
    if not created.isdecimal():
        return timedelta(0)
    return max(timedelta(0), now - datetime.fromtimestamp(int(created), UTC)) + left


def quota(calls: Calls) -> CheckResult:
    """The platform's own counters, a hint at best: they once showed a full quota while calls were refused."""
    try:
        answer = calls.read("account/rate_limit_status", {}, spare=True)
    except ChannelFault as fault:
        if fault.code in _UNASKED:
            return _unasked("调用额度", fault, "这次没有向微博查剩余次数。")
        if fault.wait_until is not None:
            words = f"微博说调用次数已用完，{show(fault.wait_until)} 恢复；那以前的发布和核对可能被拒绝。"
            return CheckResult("调用额度", True, words, warning=True)
        return CheckResult("调用额度", True, "微博没有给出剩余次数，以本系统自己的计数为准（不影响发布）。")
    left = str(answer.get("remaining_user_hits", "")) if isinstance(answer, dict) else ""
    if not left.isdecimal():
        return CheckResult("调用额度", True, "微博没有给出剩余次数，以本系统自己的计数为准（不影响发布）。")
    if int(left) < LOW_HITS:
        message = f"微博说账号只剩 {left} 次调用，可能不够完成发布和核对；请减少其他调用或改期。"
        return CheckResult("调用额度", True, message, warning=True)
    return CheckResult("调用额度", True, f"微博说账号还剩 {left} 次调用。")
