"""The original on the portal, the document number, and which items look like policy documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from bot.domain.article import Article, Kind
from bot.domain.findings import Finding, Level

from ..context import Context, hit

_NUMBER = re.compile(r"([\u4e00-\u9fff]{2,12})〔((?:19|20)\d{2})〕([1-9]\d{0,3})号")
_LOOSE = re.compile(r"([\u4e00-\u9fff]{2,12})\s*(\D)\s*(\d{2,4})\s*(\D)\s*(第?)\s*(0*)(\d{1,4})\s*号")
_FORMAT = "GB/T 9704-2012 7.2.5"

# Government (政…) numbers carry policy; 通报, 批复 and the like under the same prefix do not.
_POLICY_PREFIX = re.compile(r"政(?:办)?(?:发|字|规|令)$")
_POLICY_TITLE = re.compile(r"(?:通知|意见|办法|规定|方案|细则|决定|规划|措施|要点|政策|通告)(?:（[^）]*）)?$")
_NO_POLICY = re.compile(r"任免|任职|免职|表彰|会议|召开|成立|调整.{0,12}(?:小组|委员会)|督查|调查|培训|放假|征求意见")


def propose_policy(article: Article) -> bool:
    """Whether an item looks like a policy document, which needs an interpretation (domain.md 1.1 row 10).

    A proposal from kind, document number and title; an editor decides.
    """
    number = _NUMBER.fullmatch(article.document_number.strip())
    if article.kind is not Kind.DISCLOSURE or number is None or not _POLICY_PREFIX.search(number[1]):
        return False
    title = article.title.strip()
    return bool(_POLICY_TITLE.search(title)) and not _NO_POLICY.search(title)


def check_source(article: Article, context: Context) -> Iterator[Finding]:
    """The link to the original must be there and lead to the portal; the document number must be well formed."""
    yield from _link(article.source_url, context.portal_hosts)
    yield from _document_number(article.document_number)


def _link(url: str, portal_hosts: frozenset[str]) -> Iterator[Finding]:
    span = (0, len(url))
    if not url.strip():
        message = "没有原文链接：微博和公众号都要链回区政府网站原文；请先在网站发布，再填写该页地址。"
        yield hit("source.missing", Level.BLOCK, message, "source_url", (0, 0), "")
        return
    host = _host(url)
    if host is None:
        message = "原文链接不是完整的网页地址；请填写以 http:// 或 https:// 开头、不含空格的原文页地址。"
        yield hit("source.malformed", Level.BLOCK, message, "source_url", span, url[:80])
    elif host not in portal_hosts:
        message = f"原文链接指向“{host}”，不是区政府网站（{'、'.join(sorted(portal_hosts))}）；请改为网站原文页，确属转载的请说明来源。"
        yield hit("source.other_site", Level.WARN, message, "source_url", span, host)


def _host(url: str) -> str | None:
    """Lower-case host of a plain http(s) address; None if it is none or carries a user name."""
    if re.search(r"[\s\x00-\x1f\x7f<>\"\\]", url):
        return None
    try:
        parts = urlsplit(url)
        port_is_number = parts.port is None or parts.port > 0
    except ValueError:
        return None
    plain = parts.scheme in {"http", "https"} and port_is_number and "@" not in parts.netloc
    return (parts.hostname or "").rstrip(".") or None if plain else None


def _document_number(number: str) -> Iterator[Finding]:
    if not number or _NUMBER.fullmatch(number):
        return
    problem, level, suggestion = _problem(number)
    message = f"发文字号“{number[:40]}”{problem}；规范写法如“临东政办字〔2017〕41号”{f'，请改为“{suggestion}”' if suggestion else '，请核对后改正'}。"
    span = (0, len(number))
    yield hit(
        "source.document_number",
        level,
        message,
        "document_number",
        span,
        number[:40],
        suggestion=suggestion,
        source=_FORMAT,
    )


def _problem(number: str) -> tuple[str, Level, str]:
    """(what is wrong, how serious, the well-formed number if it can be told)."""
    parts = _LOOSE.fullmatch(number.strip())
    if parts is None:
        return "不符合“机关代字〔年份〕序号号”的格式", Level.WARN, ""
    prefix, opening, year, closing, ordinal, zeros, serial = parts.groups()
    full_year = year if len(year) == 4 else "20" + year[-2:]
    proper = f"{prefix}〔{full_year}〕{serial}号"
    suggestion = proper if _NUMBER.fullmatch(proper) and len(year) != 3 else ""
    if opening + closing == "﹝﹞" and len(year) == 4 and not ordinal and not zeros:
        return "用了形近的小括号﹝﹞（应为六角括号〔〕）", Level.WARN, suggestion
    if opening + closing != "〔〕":
        return "的年份没有用六角括号〔〕", Level.BLOCK, suggestion
    if len(year) != 4:
        return "的年份没有写全四位", Level.BLOCK, suggestion
    if ordinal or zeros:
        return "的序号不应加“第”或以0开头", Level.BLOCK, suggestion
    return "含有多余的空格", Level.WARN, suggestion
