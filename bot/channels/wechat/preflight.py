"""What would stop a release on this account: token, rights, call quota, settings. Reads only."""

from __future__ import annotations

from dataclasses import replace

from bot.channels.http import failed_check
from bot.domain.channel import ChannelFault, CheckResult

from .answers import PATHS
from .callbacks import configuration_gap
from .client import Client
from .spec import DRAFT, MASS, SPEC

#: The stable word of each line.
CODES = {
    "账号设置": "settings",
    "消息推送": "callback",
    "令牌": "token",
    "IP 白名单": "ip",
    "接口权限": "rights",
    "接口额度": "quota",
}
DRAFT_PATH = "/cgi-bin/draft/add"  # all that is called where people make it public
NOT_ALLOWED_FROM_HERE = "40164"
LACKING = frozenset({"48001", "48004", "50002"})  # no such right, closed for the account, account restricted
NOT_ASKED = "请系统管理员按上面的原因处理，再查一次；额度只是没有查到，不一定不够。"


def preflight(client: Client) -> list[CheckResult]:
    """One line per check; without a token the rest cannot be asked and is not listed as passed."""
    settings = [_settings(client), _callback(client)]
    token = _token(client)
    results = [*settings, token, *([_rights(client), *_quota(client)] if token.ok else [])]
    return [replace(result, code=CODES[result.name]) for result in results]


def _settings(client: Client) -> CheckResult:
    wrong = [
        option.label
        for option in SPEC.options
        for value in [client.account.option(option.name, option.default)]
        if (option.required and not value) or (option.choices and value not in option.choices)
    ]
    if wrong:
        return CheckResult("账号设置", False, f"以下设置缺少或不对：{'、'.join(wrong)}；请系统管理员修改。")
    return CheckResult("账号设置", True, f"按“{SPEC.mode(client.account.mode).label}”方式发出，设置齐全。")


def _callback(client: Client) -> CheckResult:
    gap = configuration_gap(client.account)
    if gap:
        message = f"{gap}；没有消息推送时系统改为定时查询，群发链接要到次日统计才有。需要推送请系统管理员补全。"
        return CheckResult("消息推送", True, message, warning=True)
    return CheckResult("消息推送", True, "消息推送设置齐全。")


def _token(client: Client) -> CheckResult:
    """Asks for the token anew: one kept from before would hide for two hours that the AppSecret has been changed."""
    try:
        grant = client.proven_grant()
    except ChannelFault as fault:
        return _failed("令牌", fault)
    left = (grant.expires_at - client.ports.now()).total_seconds()
    if left <= 0:
        return CheckResult("令牌", False, "保存的令牌已经过期且没有换到新的，没有发出任何内容；请系统管理员查看。")
    return CheckResult("令牌", True, f"令牌有效，还可用 {int(left // 60)} 分钟。")


def _rights(client: Client) -> CheckResult:
    """A harmless read with the same permission as the mode."""
    try:
        client.get("/cgi-bin/draft/count")
        if client.account.mode not in {MASS, DRAFT}:
            client.call("/cgi-bin/freepublish/batchget", {"offset": 0, "count": 1, "no_content": 1})
    except ChannelFault as fault:
        return _failed("接口权限", fault)
    if client.account.mode == MASS:
        return _mass_rights(client)
    words = "草稿接口可以调用；公开由人在公众平台办理。" if client.account.mode == DRAFT else "草稿和发布接口可以调用。"
    return CheckResult("接口权限", True, words)


def _mass_rights(client: Client) -> CheckResult:
    """Nothing but a 群发 asks for its right itself; the question for its speed belongs to the same permission set.

    Only a code that speaks of rights is taken as an answer: what else the platform says about the speed stops nobody.
    """
    try:
        client.call("/cgi-bin/message/mass/speed/get", {})
    except ChannelFault as fault:
        if fault.code == NOT_ALLOWED_FROM_HERE or fault.code in LACKING:
            return _failed("接口权限", fault)
        message = "草稿接口可以调用；没有问到群发权限（平台没有答复查询群发速度），请在公众平台后台确认。"
        return CheckResult("接口权限", True, message, warning=True)
    return CheckResult("接口权限", True, "草稿接口可以调用；同属群发权限的查询（群发速度）也可以调用。")


def _failed(name: str, fault: ChannelFault) -> CheckResult:
    """Whatever was asked, a machine that may not call is one whose address is not on the list."""
    return failed_check("IP 白名单" if fault.code == NOT_ALLOWED_FROM_HERE else name, fault)


def _quota(client: Client) -> list[CheckResult]:
    """Calls left today on the mode's path, by the platform's own count (never hard-coded)."""
    label = SPEC.mode(client.account.mode).label
    try:
        answer = client.call("/cgi-bin/openapi/quota/get", {"cgi_path": PATHS.get(client.account.mode, DRAFT_PATH)})
    except ChannelFault as fault:
        if fault.code == NOT_ALLOWED_FROM_HERE:
            return []  # told already
        message = f"查不到“{label}”接口的额度：{fault.message}"
        return [
            CheckResult("接口额度", True, message, warning=True, remedy=failed_check("", fault).remedy or NOT_ASKED)
        ]
    quota = answer.get("quota")
    left = quota.get("remain") if isinstance(quota, dict) else None
    if isinstance(left, bool) or not isinstance(left, int):
        return [CheckResult("接口额度", True, f"平台没有给出“{label}”接口的额度，请留意。", warning=True)]
    if left <= 0:
        message = f"今天“{label}”接口的调用次数已用完；北京时间次日零点恢复，请改期或联系系统管理员。"
        return [CheckResult("接口额度", False, message)]
    return [
        CheckResult(
            "接口额度", True, f"今天“{label}”的接口调用额度还剩 {left} 次（不是可群发的次数）。", warning=left < 5
        )
    ]
