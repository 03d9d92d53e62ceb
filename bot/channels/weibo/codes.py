"""Weibo's error codes: what each means for staff and what is to be done. Source: the wiki page Error_code.

Decisions rest on `error_code` alone; HTTP status and the English text differ between front ends and years.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from bot.domain.channel import ChannelFault, Remedy
from bot.domain.instants import BEIJING, beijing_date, beijing_midnight, require_aware


class Do(StrEnum):
    """Reactions, in the words of the code table."""

    RETRY = "retry"  # reads: again later
    QUOTA = "quota"  # wait for the window
    MEND = "mend"  # content: back to the editor
    HUMAN = "human"  # content refused: a person decides
    AUTHORISE = "authorise"  # a person authorises again
    OPERATE = "operate"  # app or account configuration
    VERIFY = "verify"  # look into the timeline
    BUG = "bug"  # our request was wrong
    ABSENT = "absent"  # the post does not exist


class OnShare(StrEnum):
    """What the code proves when it answers the one public call."""

    CLEAN = "clean"  # nothing went out
    UNSURE = "unsure"  # nobody can say
    ACCEPTED = "accepted"  # it will appear


REMEDIES: Mapping[Do, Remedy] = MappingProxyType(
    {
        Do.RETRY: Remedy.UNKNOWN,
        Do.QUOTA: Remedy.WAIT,
        Do.MEND: Remedy.PERSON,
        Do.HUMAN: Remedy.PERSON,
        Do.AUTHORISE: Remedy.OPERATOR,
        Do.OPERATE: Remedy.OPERATOR,
        Do.VERIFY: Remedy.UNKNOWN,
        Do.BUG: Remedy.OPERATOR,
        Do.ABSENT: Remedy.PERSON,
    }
)

ADVICE: Mapping[Do, str] = MappingProxyType(
    {
        Do.RETRY: "请稍后再试。",
        Do.QUOTA: "系统会等到额度恢复。",
        Do.MEND: "请拟稿人修改后重新提交审核。",
        Do.HUMAN: "请值班人员与拟稿人核对内容，修改后重新提交审核，或改由人工发布。",
        Do.AUTHORISE: "请系统管理员用政务账号重新授权。",
        Do.OPERATE: "请系统管理员到微博开放平台核对应用和账号的设置。",
        Do.VERIFY: "请到账号时间线核对是否已有这条微博。",
        Do.BUG: "请系统管理员联系维护人员，附上错误码。",
        Do.ABSENT: "请到账号主页核对这条微博是否已被删除。",
    }
)


@dataclass(frozen=True, slots=True)
class Code:
    """One code: `meaning` is a Chinese clause without a full stop; `advice` overrides that of the reaction."""

    do: Do
    share: OnShare
    meaning: str
    advice: str = ""

    @property
    def remedy(self) -> Remedy:
        """The decision that the code carries."""
        return REMEDIES[self.do]

    @property
    def counsel(self) -> str:
        """What staff should do, a Chinese sentence."""
        return self.advice or ADVICE[self.do]


_C, _U = OnShare.CLEAN, OnShare.UNSURE
_IP = "请系统管理员把服务器出口 IP 加入微博应用的 IP 白名单。"
_DOMAIN = "请检查正文是否恰好带一个安全域名下的链接，修改后重新提交审核。"

TABLE: Mapping[int, Code] = MappingProxyType(
    {
        10001: Code(Do.RETRY, _U, "平台系统错误"),
        10002: Code(Do.RETRY, _U, "平台服务暂不可用"),
        10003: Code(Do.RETRY, _U, "平台内部服务出错"),
        10004: Code(Do.OPERATE, _C, "服务器 IP 不在应用的白名单内", _IP),
        10005: Code(Do.OPERATE, _C, "应用的权限等级不够"),
        10006: Code(Do.AUTHORISE, _C, "缺少应用标识，或授权已失效"),
        10007: Code(Do.BUG, _C, "平台不接受所发内容的类型"),
        10008: Code(Do.BUG, _C, "参数错误"),
        10009: Code(Do.RETRY, _U, "平台待处理任务过多"),
        10010: Code(Do.RETRY, _U, "平台任务超时"),
        10011: Code(Do.RETRY, _U, "平台内部调用出错"),
        10012: Code(Do.BUG, _C, "请求不合法"),
        10013: Code(Do.OPERATE, _C, "不是有效的微博用户"),
        10014: Code(Do.OPERATE, _C, "应用没有这个接口的权限"),
        10016: Code(Do.BUG, _C, "缺少必需的参数"),
        10017: Code(Do.MEND, _C, "参数值不合要求（多为链接不在安全域名下）", _DOMAIN),
        10018: Code(Do.MEND, _C, "提交的内容过大", "请换用较小的图片或缩短正文，重新提交审核。"),
        10020: Code(Do.BUG, _C, "接口不存在"),
        10021: Code(Do.BUG, _C, "请求方式不被支持"),
        10022: Code(Do.QUOTA, _C, "服务器 IP 的调用次数已用完"),
        10023: Code(Do.QUOTA, _C, "账号的调用次数已用完"),
        10024: Code(Do.QUOTA, _C, "账号在这个接口的调用次数已用完"),
        11001: Code(Do.RETRY, _U, "头条文章发布过于频繁"),
        11002: Code(Do.VERIFY, _U, "头条文章没有生成微博"),
        11003: Code(Do.VERIFY, _U, "头条文章已经生成，没有关联到微博"),
        20001: Code(Do.BUG, _U, "没有给出编号"),
        20003: Code(Do.OPERATE, _C, "用户不存在"),
        20005: Code(Do.MEND, _C, "图片类型不支持（只收 JPG、GIF、PNG）", "请更换图片，重新提交审核。"),
        20006: Code(Do.MEND, _C, "图片过大", "请换用较小的图片，重新提交审核。"),
        20007: Code(Do.BUG, _C, "图片没有按要求的方式提交"),
        20008: Code(Do.MEND, _C, "正文为空"),
        20009: Code(Do.BUG, _U, "一次查询的编号过多"),
        20012: Code(Do.MEND, _C, "正文超过字数上限", "请缩短正文，重新提交审核。"),
        20013: Code(Do.MEND, _U, "文字超过 300 字"),
        20014: Code(Do.RETRY, _U, "平台要求重新做安全检查"),
        20015: Code(Do.OPERATE, _C, "账号、IP 或应用被平台判为异常"),
        20016: Code(Do.QUOTA, _C, "发布过于频繁", "系统至少等十分钟。"),
        20017: Code(Do.VERIFY, _U, "内容与已有微博相似"),
        20018: Code(Do.HUMAN, _C, "正文含有被禁止的链接"),
        20019: Code(Do.VERIFY, _U, "内容与已有微博相同"),
        20020: Code(Do.HUMAN, _C, "平台判为广告信息"),
        20021: Code(Do.HUMAN, _C, "平台判为违规内容"),
        20022: Code(Do.OPERATE, _C, "服务器 IP 的行为被平台判为异常"),
        20031: Code(Do.OPERATE, _C, "平台要求输入验证码", "请用政务账号登录微博网页完成验证，再联系系统管理员。"),
        20032: Code(Do.VERIFY, OnShare.ACCEPTED, "发布成功，但要一至两分钟后才显示"),
        20101: Code(Do.ABSENT, _U, "这条微博不存在"),
        20102: Code(Do.BUG, _U, "不是本账号的微博"),
        20103: Code(Do.BUG, _U, "不能转发自己的微博"),
        20104: Code(Do.HUMAN, _U, "微博不合规定"),
        20109: Code(Do.BUG, _U, "没有给出微博编号"),
        20111: Code(Do.VERIFY, _U, "同一条微博重复提交"),
        20179: Code(Do.OPERATE, _C, "账号被平台限制", "请用政务账号登录微博查看限制原因，并联系微博政务运营。"),
        20201: Code(Do.HUMAN, _U, "评论不存在"),
        20202: Code(Do.HUMAN, _U, "评论不合规定"),
        20203: Code(Do.BUG, _U, "不是本账号的评论"),
        20204: Code(Do.BUG, _U, "没有给出评论编号"),
        20231: Code(Do.OPERATE, _C, "账号被平台限制", "请用政务账号登录微博查看限制原因，并联系微博政务运营。"),
        21301: Code(Do.AUTHORISE, _C, "身份认证失败"),
        21302: Code(Do.OPERATE, _U, "登录名或密码不对"),
        21303: Code(Do.OPERATE, _U, "登录次数过多"),
        21314: Code(Do.AUTHORISE, _C, "授权令牌已被使用"),
        21315: Code(Do.AUTHORISE, _C, "授权令牌已过期"),
        21316: Code(Do.AUTHORISE, _C, "授权令牌已被撤销"),
        21317: Code(Do.AUTHORISE, _C, "授权令牌不被接受"),
        21319: Code(Do.AUTHORISE, _C, "账号已解除对应用的授权"),
        21320: Code(Do.OPERATE, _C, "必须使用 https", "请系统管理员把账号的接口地址改为 https。"),
        21321: Code(Do.OPERATE, _C, "应用未通过审核，且本账号不在测试名单内"),
        21322: Code(Do.OPERATE, _U, "授权回调地址与登记的不一致"),
        21323: Code(Do.BUG, _U, "授权请求不合法"),
        21324: Code(Do.OPERATE, _U, "App Key 或 App Secret 不对"),
        21325: Code(Do.AUTHORISE, _U, "授权码无效、已用过或已过期", "请重新打开授权页面，取得新的授权码。"),
        21326: Code(Do.OPERATE, _U, "应用未被授予这种授权方式"),
        21327: Code(Do.AUTHORISE, _C, "授权令牌已过期"),
        21328: Code(Do.BUG, _U, "不支持的授权类型"),
        21329: Code(Do.BUG, _U, "不支持的应答类型"),
        21330: Code(Do.AUTHORISE, _U, "用户或平台拒绝了授权"),
        21331: Code(Do.RETRY, _U, "平台授权服务暂不可用"),
        21332: Code(Do.AUTHORISE, _C, "授权令牌无效"),
        21335: Code(Do.BUG, _U, "只能查询授权账号本身"),
        21337: Code(Do.OPERATE, _C, "应用没有权限（多为开发者身份未核验）"),
        21602: Code(Do.HUMAN, _U, "含有违禁词"),
    }
)


_DIGITS = 20


def error_code(value: object) -> int | None:
    """The code in an answer's object, or None when it holds none.

    Live answers give a number, old ones a string; anything unreadable counts as the unlisted code -1.
    """
    if not isinstance(value, dict) or value.get("error_code") in (None, "", 0, "0"):
        return -1 if isinstance(value, dict) and value.get("error") else None
    raw = value["error_code"]
    if isinstance(raw, str):
        return int(raw) if len(raw) <= _DIGITS and raw.strip().isdecimal() else -1
    return raw if isinstance(raw, int) and raw >= 0 else -1


def known(code: int, error: str = "") -> Code | None:
    """The table's line, or None. `error` tells the two meanings of 10017 apart; nothing else rests on it."""
    if code == 10017 and "not bind domain" in error:
        return Code(
            Do.OPERATE, _C, "应用没有绑定安全域名，或绑定还未通过审核", "请系统管理员到微博开放平台绑定安全域名。"
        )
    return TABLE.get(code)


def assumed(code: int) -> Code:
    """What to make of an unlisted code on anything but the public call, by its range."""
    if 21300 <= code < 21400:
        return Code(Do.AUTHORISE, _U, "未列入说明的授权错误")
    if 20000 <= code < 30000:
        return Code(Do.HUMAN, _U, "未列入说明的业务错误")
    return Code(Do.RETRY, _U, "未列入说明的错误")


def window_end(code: int, at: datetime) -> datetime:
    """When a used-up quota is full again: hourly windows end at the full hour, the user's at 00:00 Beijing time.

    20016 is anti-spam, not a quota: at least ten minutes.
    """
    require_aware(at)
    if code == 20016:
        return at + timedelta(minutes=10)
    if code == 10023:
        return beijing_midnight(beijing_date(at) + timedelta(days=1))
    hour = at.astimezone(BEIJING).replace(minute=0, second=0, microsecond=0)
    return (hour + timedelta(hours=1)).astimezone(at.tzinfo)


def fault(code: int, error: str, at: datetime) -> ChannelFault:
    """The failure of a call that publishes nothing (a read, a token call)."""
    line = known(code, error) or assumed(code)
    return ChannelFault(
        line.remedy,
        f"微博接口报错：{line.meaning}（错误码 {code}）。这次调用没有发出任何内容。{line.counsel}",
        code=str(code),
        wait_until=window_end(code, at) if line.do is Do.QUOTA else None,
        detail=error[:200],
    )
