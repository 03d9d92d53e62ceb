"""The table of error codes, from the platform's list of global return codes and its API pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from bot.domain.channel import Remedy


class Wait(Enum):
    """When a call may be tried again."""

    MINUTE = "minute"
    MINUTES = "minutes"
    HOUR = "hour"
    DAY = "day"
    NEXT_DAY = "next_day"  # 00:00 Beijing time
    STATISTICS = "statistics"  # 08:30 Beijing time, then hourly

    @property
    def delay(self) -> timedelta:
        """A fixed delay; only for the first four."""
        return {
            "minute": timedelta(minutes=1),
            "minutes": timedelta(minutes=3),
            "hour": timedelta(hours=1),
            "day": timedelta(hours=24),
        }[self.value]


@dataclass(frozen=True, slots=True)
class Meaning:
    """One code: the remedy, what happened and what to do (Chinese, no full stop)."""

    remedy: Remedy
    what: str
    todo: str
    wait: Wait | None = None


AGAIN = "系统会自动再试"
ADMIN = "请系统管理员处理后再试"
BUG = "这是程序问题，请把错误码告诉系统管理员"
EDIT = "请修改后重新提交"
CONFIRM = "请管理员在 30 分钟内确认"
AWAITING_ADMIN = (89504, 89505)


def _many(codes: Iterable[int], meaning: Meaning) -> dict[int, Meaning]:
    return dict.fromkeys(codes, meaning)


def _renew(what: str) -> Meaning:
    return Meaning(Remedy.REFRESH, what, "系统会换取新令牌后再试一次")


def _wait(what: str, todo: str, wait: Wait) -> Meaning:
    return Meaning(Remedy.WAIT, what, todo, wait)


def _edit(what: str, todo: str = EDIT) -> Meaning:
    return Meaning(Remedy.PERSON, what, todo)


def _admin(what: str, todo: str = ADMIN, wait: Wait | None = None) -> Meaning:
    return Meaning(Remedy.OPERATOR, what, todo, wait)


def _unknown(what: str, todo: str = AGAIN) -> Meaning:
    return Meaning(Remedy.UNKNOWN, what, todo)


def _bug(what: str) -> Meaning:
    return Meaning(Remedy.OPERATOR, what, BUG)


_ACCESS = {
    -1: _unknown("微信系统繁忙"),
    40001: _renew("微信不认当前令牌"),
    40014: _renew("令牌不合法"),
    42001: _renew("令牌已过期"),
    41001: _bug("请求缺少令牌"),
    40002: _bug("请求的参数或授权类型不对"),
    40013: _admin("AppID 不正确"),
    40125: _admin("AppSecret 不正确"),
    41002: _admin("缺少 AppID"),
    41004: _admin("缺少 AppSecret"),
    40164: _admin("本机的出口地址不在公众号的 IP 白名单里", "请管理员在公众平台把它加入白名单，约 10 分钟后生效"),
    40243: _admin("AppSecret 已被冻结", "请管理员在公众平台解冻或重置 AppSecret"),
    89503: _admin("本机的调用要由公众号管理员确认", "请管理员马上在微信里确认"),
    89506: _admin("公众号管理员拒绝了本机的调用，24 小时内不能再试", ADMIN, Wait.DAY),
    89507: _admin("公众号管理员拒绝了本机的调用，1 小时内不能再试", ADMIN, Wait.HOUR),
    45009: _wait("今天的接口调用次数已用完", "北京时间次日零点后恢复，当天还要用请管理员处理", Wait.NEXT_DAY),
    45011: _wait("调用过于频繁", "系统会在一分钟后再试", Wait.MINUTE),
    48001: _admin("公众号没有这个接口的权限", "请核对公众号的认证状态和接口权限"),
    48003: _admin("公众号还没有同意群发协议", "请管理员在公众平台同意后再试"),
    48004: _admin("接口因违规被平台封禁", "请立即联系公众号管理员，在解封前停止一切发送"),
    48006: _admin("清零接口次数的机会已用完", "请等到下月"),
    48008: _admin("公众号没有群发这类消息的权限"),
    50002: _admin("公众号或用户受限", "请管理员登录公众平台查看通知"),
    50004: _admin("接口被禁止使用", "请管理员登录公众平台查看通知"),
    50007: _admin("公众号已被冻结", "请管理员登录公众平台查看通知"),
    76021: _bug("查询额度的接口路径不存在"),
    76022: _admin("这个接口不属于本公众号"),
    **_many(range(76001, 76005), _bug("查询请求编号失败")),
}
_CONTENT = {
    **_many(
        (40004, 40005, 40006, 40009, 45001), _edit("图片的类型或大小不合要求", "请换成小于 1 MB 的 JPG 或 PNG 图片")
    ),
    40007: _unknown("素材或草稿编号无效", "系统会重新准备稿件"),
    40114: _bug("草稿的文章序号不对"),
    **_many((40227, 44003, 44004), _edit("标题、正文或图文内容是空的")),
    41039: _edit("“阅读原文”的链接是空的或不合要求"),
    45002: _edit("正文过长"),
    45003: _edit("标题过长"),
    45004: _edit("摘要过长"),
    45005: _edit("链接过长"),
    45008: _edit("图文篇数过多"),
    45110: _edit("作者过长"),
    45166: _edit("正文含有平台不允许的内容"),
    53402: _edit("封面裁剪失败", "请更换封面后重试"),
    **_many(range(53404, 53407), _edit("文章里的商品信息有误")),
    48005: _admin("素材正被自动回复或菜单使用"),
    **_many((41005, 41006), _bug("请求缺少文件或素材编号")),
    **_many((43001, 43002), _bug("请求方法不对")),
    44002: _bug("请求内容为空"),
    47001: _bug("请求内容不是合法的 JSON"),
    47009: _bug("平台已停用这个接口"),
    **_many((40003, 40031, 40032), _bug("用户列表不对")),
    40008: _bug("消息类型不对"),
    40033: _bug("请求里有平台不允许的字符"),
}
_SENDING = {
    42010: _wait("群发过快", "系统会在几分钟后用同一编号再试", Wait.MINUTES),
    # never by machine in the next period: that slot may be reserved for another release
    45028: _edit(
        "群发次数已用完", "订阅号次日、服务号下月恢复；请先在公众平台看用掉这一次的是哪一篇，再决定改用“发布”还是改期"
    ),
    40152: _bug("群发的标签不存在"),
    40215: _edit("群发参数不被接受"),
    41040: _edit("正文不符合平台的版权要求"),
    45062: _edit("文章绑定了广告，不能群发", "请在公众平台取消广告后重新提交"),
    45065: _unknown("平台说这个编号的群发以前已经接收过"),
    45066: _unknown("同一编号的群发请求过于频繁", "系统会在一分钟后用同一编号再问"),
    45067: _bug("群发编号过长"),
    **_many((45083, 45084), _bug("群发速度设置不对")),
    45113: _bug("这类消息不再允许群发"),
    **_many((48021, 48022), _edit("草稿是自动保存的，或被保护不能发送", "请在公众平台手工保存一次草稿后再试")),
    **_many(AWAITING_ADMIN, _unknown("平台正在等管理员确认这次群发（API 群发保护）", CONFIRM)),
    268488001: _unknown("微信群发系统繁忙"),
    53500: _admin("公众号被禁止发布", "请管理员登录公众平台查看通知"),
    53501: _unknown("平台说发布过于频繁", "系统会先核对草稿，几分钟后再试"),
    53502: _unknown("发布任务编号无效", "系统会按稿件标记核对"),
    53503: _edit("草稿没有通过平台的发布检查", "请在公众平台打开草稿看提示，修改后重新提交"),
    53504: _edit("草稿要在公众平台上处理", "请在公众平台打开草稿按提示处理"),
    53505: _edit("草稿要先在公众平台保存", "请在公众平台手工保存一次草稿后再试"),
    53600: _edit("文章编号无效，文章可能已被删除", "请在公众平台核对"),
    **_many((40059, 40060, 40065, 40204), _edit("平台找不到要删除的群发文章", "请在公众平台上核对并手工删除")),
    9500001: _edit("平台拒绝删除这次群发", "请在公众平台上手工删除"),
}
_OTHER = {
    **_many((*range(40015, 40028), 40054, 40055), _edit("菜单的结构或内容不合要求")),
    **_many((45015, 45047), _edit("客服消息超出时限或条数", "不必再发")),
    70000: _edit("平台没有接受客服消息", "不必再发"),
    48002: _edit("用户拒绝接收消息", "不必再发"),
    65400: _admin("没有启用客服功能"),
    61500: _bug("统计日期的格式不对"),
    61501: _bug("统计日期的范围不对"),
    61503: _wait("这一天的统计还没有出来", "系统会在北京时间 8:30 以后再取", Wait.STATISTICS),
    87009: _bug("留言的签名或回复不对"),
    88000: _admin("公众号没有留言权限"),
    88001: _edit("平台找不到这篇文章的留言", "请稍后再看"),
    88002: _edit("文章的留言受限"),
    **_many((88003, 88004, 88005, 88007, 88008), _edit("留言操作不被接受", "请刷新留言后再试")),
    **_many((88006, 88009, 88010), _bug("留言参数不对")),
}

#: Every code of the fact sheet, by number.
MEANINGS: dict[int, Meaning] = _ACCESS | _CONTENT | _SENDING | _OTHER

#: Where a group of calls gives a code another meaning: (group, code).
OVERRIDES: dict[tuple[str, int], Meaning] = {
    ("token", 40001): _admin("AppSecret 不正确", "请管理员在公众平台核对 AppSecret 并重新填写"),
    ("token", 40002): _bug("令牌请求的授权类型不对"),
    ("token", 45009): _wait(
        "今天取令牌的次数已用完", "北京时间次日零点后恢复，请管理员查看是否有别的系统在用", Wait.NEXT_DAY
    ),
    ("token", 50004): _admin("公众号被禁止取令牌"),
    ("withdraw", 53600): _edit("平台上已没有这篇文章", "请在公众平台核对"),
    ("public", 40007): _unknown("平台说草稿编号无效，草稿可能已经用掉"),
}
