"""Which article of the statistics a person posted in the console: by its address, else by a title that leaves no doubt.

The statistics of a day list every article of the account, whoever published it. An article's long address carries `mid`
and `idx`, which are its `msgid` (wechat.md 4.4); the short one carries neither. Where the address does not tell, the title
does if the day has it once, and we sent nothing under it. Whatever is not sure has no numbers.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bot.domain.channel import HandMade, PositionReceipt, Published, Receipt, Unrecognised

from . import articles, statistics
from .client import Client
from .spec import MASS

Row = Mapping[str, Any]
Answer = Receipt | Unrecognised

_ABSENT = "微信当天的统计里没有与登记相符的文章，没有数字。请核对链接、标题和日期，填错的请更正登记。"
_SEVERAL = "微信当天的统计里同名文章不止一篇，认不准是哪一篇，不列数字。"
_OURS = "系统当天也发过同名的文章，认不准，不列数字。"
_OURS_ITSELF = "微信的统计里与登记相符的，是系统自己发出的文章，数字列在系统的推送下。登记错了请作废。"
_OTHER_ADDRESS = "微信的统计里同名文章的链接与登记的不同，认不准，不列数字。请核对链接，填错的请更正登记。"
_OTHER_MODE = "微信的统计里同名文章不是按登记的方式发布的，认不准，不列数字。请核对方式，填错的请更正登记。"
_TWICE = "登记簿里不止一条与微信统计里的这一篇相符，认不准，不列数字。多登记的请作废。"


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the statistics. `ours`: `msgid` of what we sent; `titles`: what we called it."""

    rows: Sequence[Row]
    ours: frozenset[str]
    titles: frozenset[str]


def recognise(client: Client, posts: Sequence[HandMade], ours: Sequence[Published], day: str) -> list[Answer]:
    """One getarticletotaldetail. ChannelFault(WAIT) while the platform is not ready: in half a list everything is the only one."""
    answer = statistics.articles_of(client, day)
    statistics.require_no_delay(client, answer)
    listed = _day(statistics.rows_of(answer), ours)
    return _told_apart([_recognised(post, listed) for post in posts])


def _day(rows: Sequence[Row], ours: Sequence[Published]) -> Day:
    sent = [
        row
        for published in ours
        for number, position in enumerate(published.receipt.positions, 1)
        for row in [statistics.match(rows, published.receipt, number, position.url)]
        if row is not None
    ]
    titles = {_plain(articles.field(post, "title")) for published in ours for post in published.posts}
    return Day(rows, frozenset(map(_msgid, sent)) - {""}, frozenset(titles))


def _told_apart(found: Sequence[Answer]) -> list[Answer]:
    """One article is not two lines of the book."""
    counted = Counter(one.positions[0].platform_id for one in found if isinstance(one, Receipt))
    return [
        Unrecognised(_TWICE) if isinstance(one, Receipt) and counted[one.positions[0].platform_id] > 1 else one
        for one in found
    ]


def _recognised(post: HandMade, day: Day) -> Answer:
    if post.known_id:
        return _receipt(post.known_id, post.url)
    there = [row for row in day.rows if _same_article(row, post.url)]
    return _sure(there[0], post, day) if len(there) == 1 else _by_title(post, day)


def _by_title(post: HandMade, day: Day) -> Answer:
    """The only article of the day that has the title, sent in the mode that was entered, its address no other one's."""
    wanted = _titles(post)
    same = [row for row in day.rows if _plain(row.get("title")) in wanted]
    if len(same) != 1:
        return Unrecognised(_SEVERAL if same else _ABSENT)
    if wanted & day.titles and _msgid(same[0]) not in day.ours:
        return Unrecognised(_OURS)
    if _contradicts(same[0], post.url):
        return Unrecognised(_OTHER_ADDRESS)
    kind = statistics.NOTIFIED if post.mode == MASS else statistics.NOT_NOTIFIED
    if same[0].get("publish_type", kind) != kind:
        return Unrecognised(_OTHER_MODE)
    return _sure(same[0], post, day)


def _sure(row: Row, post: HandMade, day: Day) -> Answer:
    msgid = _msgid(row)
    if not msgid:
        return Unrecognised(_ABSENT)
    return Unrecognised(_OURS_ITSELF) if msgid in day.ours else _receipt(msgid, post.url)


def _receipt(msgid: str, url: str) -> Receipt:
    return Receipt({statistics.MSGID: msgid}, (PositionReceipt(msgid, url),))


def _titles(post: HandMade) -> set[str]:
    given = articles.field(post.text, "title") if post.text else ""
    return {_plain(post.title), _plain(given)} - {""}


def _plain(title: object) -> str:
    return html.unescape(title).strip() if isinstance(title, str) else ""


def _msgid(row: Row) -> str:
    """`<msg_data_id>_<idx>` of a row, "" where it has none."""
    value = row.get("msgid")
    return value if isinstance(value, str) and re.fullmatch(r"\d+_\d+", value) else ""


# --- addresses -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Address:
    """What an article's address says: whose account (`__biz`) and which `msgid`, or only its path."""

    biz: str = ""
    msgid: str = ""
    path: str = ""


def _address(url: object) -> Address:
    if not isinstance(url, str) or not url:
        return Address()
    parts = urlsplit(html.unescape(url))
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if "mid" in query and "idx" in query:
        return Address(query.get("__biz", ""), f"{query['mid']}_{query['idx']}")
    return Address(path=parts.path if len(parts.path) > len("/s/") else "")


def _same_article(row: Row, url: str) -> bool:
    """Whether the two addresses are of one article beyond doubt: account and number, or the short form's path.

    Numbers count for each account by itself, so a number alone proves nothing.
    """
    there, here = _address(row.get("content_url")), _address(url)
    if here.msgid:
        return bool(here.biz) and here.biz == there.biz and here.msgid == there.msgid == _msgid(row)
    return bool(here.path) and here.path == there.path


def _contradicts(row: Row, url: str) -> bool:
    """Whether the address that was entered is another article's."""
    there, here = _address(row.get("content_url")), _address(url)
    if here.msgid:
        return here.msgid != _msgid(row) or bool(here.biz and there.biz and here.biz != there.biz)
    return bool(here.path and there.path and here.path != there.path)
