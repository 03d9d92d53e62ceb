"""Which post a person made on Weibo's own pages: its address holds the id, and mostly the account as well."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from bot.domain.channel import ChannelFault, HandMade, PositionReceipt, Receipt, Remedy, Unrecognised
from bot.domain.postlink import which_post

from .answers import owner_id, status_id
from .calls import Calls
from .spec import LONG_ID, POST_LINKS
from .text import decimal_id, permalink

_NOT_OURS = {"20101", "20102"}  # no such post; somebody else's
_WITH_OWNER = re.compile(r"/(\d+)/")
_NO_ID = "链接里的编号不是一条微博的编号，不取数字。请核对链接，填错的请更正登记。"
_FOREIGN = "链接是另一个账号的微博（uid {}），不取数字。请核对链接，填错的请更正登记。"
_UNSEEN = "微博没有答复这条是不是本账号的，认不准，没有取到数字。请改填电脑网页上的链接（weibo.com/账号数字/编号）。"


def recognise(calls: Calls, uid: str, posts: Sequence[HandMade]) -> list[Receipt | Unrecognised]:
    """Each by its own address. Only where that does not say whose it is (m.weibo.cn/status/…) the platform is asked: one call."""
    return [_recognised(calls, uid, post) for post in posts]


def _recognised(calls: Calls, uid: str, post: HandMade) -> Receipt | Unrecognised:
    idstr = post.known_id or decimal_id(which_post(post.url, POST_LINKS))
    if len(idstr) < LONG_ID:
        return Unrecognised(_NO_ID)
    owner = uid if post.known_id else _named_owner(post.url) or _owner(calls, idstr)
    if not owner:
        return Unrecognised(_UNSEEN)
    if owner != uid:
        return Unrecognised(_FOREIGN.format(owner))
    return Receipt({"idstr": idstr, "uid": uid}, (PositionReceipt(idstr, permalink(uid, idstr)),))


def _named_owner(url: str) -> str:
    found = _WITH_OWNER.match(urlsplit(url).path)
    return found[1] if found else ""


def _owner(calls: Calls, idstr: str) -> str:
    """GET statuses/show, which shows posts of the authorising user: whose this one is, "" where it does not say."""
    try:
        shown = calls.read("statuses/show", {"id": idstr}, spare=True)
    except ChannelFault as fault:
        if fault.code not in _NOT_OURS and fault.remedy is not Remedy.PERSON:
            raise
        return ""
    return owner_id(shown) if isinstance(shown, dict) and status_id(shown) == idstr else ""
