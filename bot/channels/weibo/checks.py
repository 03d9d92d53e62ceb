"""The limits of statuses/share over one post, worded for staff. Pure but for reading the picture's bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bot.domain.channel import AccountConfig
from bot.domain.findings import Finding, Level
from bot.domain.post import Asset, Post

from .pictures import picture_problem, picture_sha
from .spec import PROMPT_LIMIT, safe_domains, text_limit
from .text import bare_hosts, host_allowed, mentions, topics, urls, weibo_length

_SOURCE = "微博开放平台 statuses/share"


def check_posts(posts: Sequence[Post], account: AccountConfig, load: Callable[[str], Asset]) -> list[Finding]:
    """All findings over the posts of one publication; a Weibo publication has exactly one."""
    if len(posts) != 1:
        count = len(posts)
        return [_block("weibo.posts", f"一次微博推送只能有一条微博，现在是 {count} 条；请拆成多次推送，按顺序发出。")]
    text = str(posts[0].payload.get("status") or "")
    found = [*_length(text, text_limit(account)), *_links(text, account), *_marker(text, posts[0].marker)]
    return [*found, *_topics(text), *_hints(text), *_picture(posts[0], load)]


def _block(rule: str, message: str, start: int = 0, end: int = 0, found: str = "", field: str = "status") -> Finding:
    return Finding(rule, Level.BLOCK, message, field, start, end, found, source=_SOURCE)


def _length(text: str, limit: int) -> Iterator[Finding]:
    length = weibo_length(text)
    if not text.strip():
        yield _block("weibo.empty", "微博正文是空的；请填写正文。")
    if length > limit:
        yield _block(
            "weibo.length", f"微博正文按微博的计数是 {length} 字，超过上限 {limit} 字；请缩短 {length - limit} 字以上。"
        )


def _links(text: str, account: AccountConfig) -> Iterator[Finding]:
    """Exactly one link, on a safe domain: the platform refuses a text without (10017)."""
    domains, links = safe_domains(account), urls(text)
    shown = "、".join(domains)
    if not domains:
        yield _block("weibo.safe_domain", "账号还没有填写安全域名，微博会拒绝发布；请系统管理员在账号设置里填写。")
    if not links:
        yield _block("weibo.link_missing", "微博正文没有链接；接口要求带一个安全域名下的完整链接，请补上原文链接。")
    if len(links) > 1:
        yield _block("weibo.link_many", f"微博正文有 {len(links)} 个链接，只能保留一个；请删去多余的链接。")
    subdomains = account.option("safe_domain_match", "exact") == "subdomain"
    for link in dict.fromkeys(links):
        if domains and not host_allowed(link, domains, subdomains=subdomains):
            start = text.index(link)
            message = f"链接不在安全域名（{shown}）下，微博会拒绝发布；请换成政府网站上的原文链接。"
            yield _block("weibo.link_foreign", message, start, start + len(link), link)


def _marker(text: str, marker: str) -> Iterator[Finding]:
    if marker and not any(marker in link for link in urls(text)):
        yield _block("weibo.marker", "正文链接里没有本稿的识别码，发布后无法核对；请重新生成渠道稿。")


def _topics(text: str) -> Iterator[Finding]:
    for start, end in topics(text):
        message = f"正文含有话题“{text[start:end]}”，微博接口不允许；请去掉 # 号。"
        yield _block("weibo.topic", message, start, end, text[start:end])


def _hints(text: str) -> Iterator[Finding]:
    for start, end in mentions(text):
        name = text[start:end]
        message = f"“{name}”会通知这位微博用户；请核对是否有意提及，不是请删去 @。"
        yield Finding("weibo.mention", Level.WARN, message, "status", start, end, name, source=_SOURCE)
    for host in bare_hosts(text):
        start, message = text.index(host), f"“{host}”缺少 http:// 或 https://，读者可能点不开；请写成完整链接或删去。"
        yield Finding("weibo.bare_host", Level.WARN, message, "status", start, start + len(host), host, source=_SOURCE)


def _picture(post: Post, load: Callable[[str], Asset]) -> Iterator[Finding]:
    rule, message = picture_problem(post.payload, load)
    if rule:
        yield _block(rule, message, field="pic")
        return
    sha = picture_sha(post.payload)
    size = len(load(sha).data) if sha else 0
    if size > PROMPT_LIMIT:
        message = f"配图有 {size // 1000} kB，发出会比约定时刻晚一些；请尽量压缩到 {PROMPT_LIMIT // 1000} kB 以内。"
        yield Finding("weibo.picture_heavy", Level.WARN, message, "pic", source=_SOURCE)
