"""What Weibo allows an ordinary app to publish, as data. Source: the wiki pages statuses/share and Rate-limiting."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.channel import (
    AccountConfig,
    ChannelSpec,
    CoverSpec,
    FieldSpec,
    ModeSpec,
    OptionSpec,
    Quota,
    RemovalSpec,
    UnknownPolicy,
)
from bot.domain.postlink import PostLink

from .text import base62_id, weibo_length

TEXT_LIMIT = 140  # Chinese characters
PICTURE_LIMIT = 5 * 1024 * 1024  # bytes: the platform's own limit
PROMPT_LIMIT = 300_000  # bytes: a bigger body takes many writes and leaves late at T
COVER_LIMIT = 290_000  # bytes of the drawn cover: stays below with its form around it
CALLS_PER_DAY = 100  # per authorised user and app, all calls together
CALLS_BUCKET = "weibo.calls"  # our own counter of them
CALLS_PER_POST = 4  # newest own id, the post itself, and one or two looks
POSTS_PER_HOUR = 30  # per user
TIMELINE_WINDOW = 5  # user_timeline shows no more than the 5 newest own posts


def _seconds(*values: int) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=value) for value in values)


#: statuses/destroy is not among the calls of an ordinary app (weibo.md 2.4): a person deletes.
REMOVAL = RemovalSpec(
    effect="删除后原微博打不开；别人转发的微博里，原文显示“此微博已被作者删除”。",
    final=(
        "删除不能恢复，阅读、转发、评论和点赞一并消失。",
        "已被转发、截图、下载的内容撤不回来。",
        "接口不能修改已发布的微博，只能删除后另发。",
    ),
    steps=(
        "用政务账号登录微博网页或客户端",
        "打开这条微博的链接",
        "点右上角菜单，选“删除”并确认",
        "回到本页，登记删除的时间和看到的结果",
    ),
)
SHARE = ModeSpec(
    name="share",
    label="微博",
    effect="立即公开发布一条微博，粉丝在首页看到。",
    max_posts=1,
    # The last look comes after any delayed publication (1-2 minutes, error 20032) must have appeared.
    unknown=UnknownPolicy(looks=_seconds(15, 30, 60, 120, 180), when_absent="person"),
    confirm=_seconds(2, 15, 60, 120),
    verdict_within=timedelta(minutes=30),
    quotas={"": (Quota("hour", POSTS_PER_HOUR), Quota("day", CALLS_PER_DAY, CALLS_BUCKET, CALLS_PER_POST))},
    call="POST /2/statuses/share.json",
    removal=REMOVAL,
)

STATUS = FieldSpec(
    name="status",
    form="text",
    limit=TEXT_LIMIT,
    count=weibo_length,
    elastic=("gist", "title"),
    label="微博正文",
)

CANNOT = (
    "微博不向普通应用提供阅读数，阅读数一栏显示“—”。",
    "微博不允许应用删除已发布的内容，撤下只能由人在微博网页或客户端上删除。",
    "微博没有草稿：发布之前平台上什么也没有，无法在平台上预览。",
    "微博接口不支持定时发布，由本系统在约定时刻发出。",
    "微博接口每条只能带一张图片。",
    "微博接口不允许正文带 #话题#，也不允许没有安全域名下的链接。",
)

OPTIONS = (
    OptionSpec("app_key", "应用 App Key", required=True),
    OptionSpec("uid", "政务账号 uid（数字）", required=True),
    OptionSpec("safe_domain", "安全域名（多个用逗号分开）", required=True),
    OptionSpec(
        "safe_domain_match",
        "链接与安全域名的关系",
        "exact",
        ("exact", "subdomain"),
        words=("域名完全相同", "也可以是它的子域名"),
    ),
    OptionSpec("rip", "服务器公网出口 IP（rip）", required=True),
    OptionSpec("redirect_uri", "授权回调地址"),
    OptionSpec("picture", "配图", "card", ("card", "none"), words=("标题图", "不配图")),
    OptionSpec(
        "multipart_encoding",
        "带图发布时正文的编码",
        "raw",
        ("raw", "percent"),
        words=("原样（一般选这个）", "百分号编码（带图时正文出现乱码再选）"),
    ),
    OptionSpec(
        "max_length", "正文字数上限", "140", ("140", "2000"), words=("140 字", "2000 字（确认账号能发长微博再选）")
    ),
)

LONG_ID = 15  # digits: from here on it is the number itself, not its short form in base 62


def short_id(code: str) -> str:
    """A post's id as it stands in a permalink: the mobile site shows the number instead."""
    return base62_id(code) if code.isdigit() and len(code) >= LONG_ID else code


POST_LINKS = (
    PostLink(
        ("weibo.com", "www.weibo.com"),
        r"/(?P<owner>\d+)/(?P<post>[A-Za-z0-9]+)/?(?:\?.*)?",
        "https://weibo.com/账号数字/编号",
        short_id,
    ),
    PostLink(
        ("m.weibo.cn",),
        r"/(?:status|detail|(?P<owner>\d+))/(?P<post>[A-Za-z0-9]+)/?(?:\?.*)?",
        "https://m.weibo.cn/status/编号",
        short_id,
    ),
)

SPEC = ChannelSpec(
    name="weibo",
    label="微博",
    fields=(STATUS,),
    modes=(SHARE,),
    # Every call derives from `api`; `oauth` is for installations whose authorisation goes another way.
    endpoints={"api": "https://api.weibo.com", "oauth": ""},
    credentials=(OptionSpec("app_secret", "应用 App Secret"), OptionSpec("access_token", "访问令牌（也可用网页授权）")),
    options=OPTIONS,
    identity="uid",
    identity_in_links=True,
    cover=CoverSpec(field="pic", layout="card", max_bytes=COVER_LIMIT),
    link_field="status",
    metrics=("reposts", "comments", "attitudes"),
    metrics_lag="实时；微博不提供阅读数。",
    recognised_by="按登记的链接里的编号；链接须是本账号的微博。",
    cannot=CANNOT,
    post_links=POST_LINKS,
    rehearsed=True,
    holds_drafts=False,
)


def text_limit(account: AccountConfig) -> int:
    """140, or 2000 for an account that is known to be eligible for long posts."""
    return int(account.option("max_length", str(TEXT_LIMIT)))


def spec_for(account: AccountConfig) -> ChannelSpec:
    """The spec with the account's own settings applied: its text limit, and no cover where it wants none."""
    fields = (replace(STATUS, limit=text_limit(account)),)
    return replace(SPEC, fields=fields, cover=SPEC.cover if account.option("picture", "card") == "card" else None)


def safe_domains(account: AccountConfig) -> list[str]:
    """The bound domains, lower case, without scheme or path."""
    listed = account.option("safe_domain").replace("，", ",").split(",")
    return [
        domain
        for item in listed
        if (domain := item.strip().lower().removeprefix("https://").removeprefix("http://").strip("/"))
    ]


def api_base(account: AccountConfig) -> str:
    """Where the platform is, without a slash at the end."""
    return (account.endpoints.get("api") or SPEC.endpoints["api"]).rstrip("/")


def oauth_base(account: AccountConfig) -> str:
    """Where authorisation is: its own address if set, else the platform's."""
    return (account.endpoints.get("oauth") or api_base(account)).rstrip("/")
