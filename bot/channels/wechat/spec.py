"""What 微信公众号 is, as data: fields, limits, modes, quotas, settings, and what it cannot do.

Limits are those of the platform's draft page since 2025-12-19 (title 32, author 16, digest 128 characters;
content under 20,000 characters and 1 MB); quotas are those of its mass-send page.
"""

from __future__ import annotations

from datetime import timedelta

from bot.domain.channel import (
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

PUBLISH = "publish"
MASS = "mass"
DRAFT = "draft"

MAX_POSTS = 8
CONTENT_CHARACTERS = 19_999
CONTENT_BYTES = 1_000_000
LINK_BYTES = 1024
IMAGE_BYTES = 1024 * 1024  # in-article pictures must be smaller than this
COVER_BYTES = 10 * 1024 * 1024
ADMIN_CONFIRMS = timedelta(minutes=30)  # API 群发保护: so long the platform waits for the administrator
REPLAY_SAFE = timedelta(hours=23)  # clientmsgid is remembered for 24 h; an hour is left for clocks and queues
QUIET = timedelta(seconds=120)  # the last possible effect of a lost call

METRICS = {
    "reads": "read_user",
    "shares": "share_user",
    "likes": "like_user",
    "recommends": "zaikan_user",
    "comments": "comment_count",
    "favourites": "collection_user",
    "subscriber_reads": "read_subscribe_user",
}


def utf8_length(text: str) -> int:
    """Length in bytes of UTF-8."""
    return len(text.encode())


def _seconds(*values: int) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=value) for value in values)


FIELDS = (
    FieldSpec("title", "text", 32, elastic=("title",), label="标题"),
    FieldSpec("author", "text", 16, required=False, label="作者"),
    FieldSpec("digest", "text", 128, elastic=("summary",), required=False, label="摘要"),
    FieldSpec("content", "html", CONTENT_CHARACTERS, label="正文（含版式）"),
    FieldSpec("content_source_url", "text", LINK_BYTES, count=utf8_length, label="阅读原文链接"),
)
LABELS = {field.name: field.label for field in FIELDS} | {
    "cover": "封面",
    "thumb_media_id": "封面",
    "marker": "稿件标记",
}

#: freepublish/delete, message/mass/delete (wechat.md 4.1, 4.2): each 10 a day, neither to be undone.
_PUBLISH_REMOVAL = RemovalSpec(
    by_machine=True,
    effect="文章从公众号撤下，原链接（包括已转发、收藏的）点开显示内容已删除。",
    final=(
        "删除不能恢复，阅读、分享等数字以后不再更新。",
        "接口不能修改已发布的文章：更正只能删除后另发，链接随之改变。",
        "已被截图、转载到别处的内容撤不回来。",
    ),
)
_MASS_REMOVAL = RemovalSpec(
    by_machine=True,
    effect="文章撤下；关注者会话和历史消息里的卡片还在，点开显示内容已删除。",
    final=(
        "消息卡片收不回来：标题、封面和摘要关注者仍看得到。",
        "删除不能恢复，用掉的群发次数不退回。",
        "同一份素材只有一个链接：删了它，别处用同一素材发的也一并打不开。",
        "接口不能修改已群发的文章：更正只能另发，并再占一次群发次数。",
    ),
    tells_apart=False,  # mass/get speaks of the message as a whole
)

MODES = (
    ModeSpec(
        name=PUBLISH,
        label="发布",
        effect="文章公开并有永久链接，但不推送给关注者，也不进入历史消息列表；不占用群发次数。",
        max_posts=MAX_POSTS,
        unknown=UnknownPolicy(looks=_seconds(120, 300, 600), when_absent="resend"),
        confirm=_seconds(3, 10, 25, 60, 120, 300),  # freepublish/get allows 100 calls a day
        verdict_within=timedelta(minutes=30),
        call="POST /cgi-bin/freepublish/submit",
        removal=_PUBLISH_REMOVAL,
    ),
    ModeSpec(
        name=MASS,
        label="群发",
        effect="推送给全部关注者，进入历史消息列表；占用群发次数，同一稿件撤回后关注者仍会看到消息卡片。",
        max_posts=MAX_POSTS,
        unknown=UnknownPolicy(
            looks=_seconds(
                60,
            ),
            when_absent="probe",
            probe_after=timedelta(seconds=60),
        ),
        confirm=_seconds(5, 15, 30, 60, 120, 300),
        verdict_within=timedelta(minutes=30),
        quotas={"subscription": (Quota("day", 1),), "service": (Quota("month", 4),)},
        call="POST /cgi-bin/message/mass/sendall",
        used_up=frozenset({"45028"}),
        reads_back=False,  # mass/get tells a state and no content
        removal=_MASS_REMOVAL,
    ),
    ModeSpec(
        name=DRAFT,
        label="草稿",
        effect="系统只把草稿放进公众号草稿箱，读回核对，不公开，关注者看不到；到了时刻由人在公众平台发表或群发，再回来登记链接。",
        max_posts=MAX_POSTS,
        unknown=UnknownPolicy(looks=(), when_absent="person"),
        confirm=(),
        verdict_within=timedelta(0),
        by_hand=True,
    ),
)

#: Both forms in use: the short one, and the one with the post's own numbers in its query.
POST_LINKS = (
    PostLink(("mp.weixin.qq.com",), r"/s/(?P<post>[\w-]{8,})(?:\?.*)?", "https://mp.weixin.qq.com/s/…"),
    PostLink(
        ("mp.weixin.qq.com",),
        r"/s\?(?P<post>__biz=(?P<owner>[^&]+)&mid=\d+&idx=\d+&sn=\w+)(?:&.*)?",
        "https://mp.weixin.qq.com/s?__biz=…&mid=…&idx=…&sn=…",
    ),
)

SPEC = ChannelSpec(
    name="wechat",
    label="微信公众号",
    fields=FIELDS,
    modes=MODES,
    endpoints={"api": "https://api.weixin.qq.com", "token": "", "datacube": ""},
    credentials=(
        OptionSpec("app_secret", "AppSecret", required=True),
        OptionSpec("callback_token", "消息推送令牌（Token）"),
        OptionSpec("callback_aes_key", "消息加解密密钥（EncodingAESKey）"),
        OptionSpec("callback_aes_key_previous", "更换前的消息加解密密钥"),
    ),
    options=(
        OptionSpec("app_id", "AppID", required=True),
        OptionSpec("account_type", "账号类型", "subscription", ("subscription", "service"), True, ("订阅号", "服务号")),
        OptionSpec("original_id", "原始 ID（gh_ 开头）"),
        OptionSpec("callback_mode", "消息推送方式", "aes", ("plain", "aes"), words=("明文模式", "安全模式（推荐）")),
        OptionSpec("send_ignore_reprint", "被判为转载时仍群发", "0", ("0", "1"), words=("否", "是")),
        OptionSpec("open_comment", "打开留言", "0", ("0", "1"), words=("否", "是")),
    ),
    identity="app_id",
    cover=CoverSpec(
        field="cover",
        layout="wide+square",
        crops={"wide": "pic_crop_235_1", "square": "pic_crop_1_1"},
    ),
    link_field="content_source_url",
    waits_for=dict.fromkeys(("89504", "89505"), "平台在等公众号管理员确认这次群发，请管理员在 30 分钟内确认"),
    post_links=POST_LINKS,
    rehearsed=True,
    shown_to="微信号",
    links_later="平台次日给出",
    fetches_token=True,
    has_admin=True,
    metrics=tuple(METRICS),
    metrics_daily=True,
    metrics_lag="微信在次日 8 时以后给出前一天的数字，此前显示为“—”（未统计）。",
    recognised_by="次日起在当天的统计里按链接对上；链接说明不了的，按当天唯一、系统又没有发过的标题。认不准的不列数字。",
    cannot=(
        "不能由平台定时发布：发布时刻由本系统掌握。",
        "“发布”不会通知关注者；“群发”订阅号每天 1 次、服务号每月 4 次，网页后台与接口合用。",
        "接口不能声明原创、不能声明内容由人工智能生成，也不能加入合集；需要时请在公众平台网页上操作。",
        "开启“API 群发保护”时每次群发要等管理员确认（最多 30 分钟），不能保证准点；准点群发须关闭此保护或请管理员在场。",
        "群发后的链接只由消息推送或次日统计给出，此前显示为“未取得”。",
        "已群发的消息撤回后，关注者仍能看到卡片，点开显示内容已删除。",
        "正文里指向其他网站的链接可能被平台去掉，请以文字写出网址，并使用“阅读原文”。",
    ),
)
