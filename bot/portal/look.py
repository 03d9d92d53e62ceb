"""One look at one page of the portal, and what it means."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

from bot.domain.sync import Seen

from .fetch import REDIRECTS, Deadline, Failed, Lookup, Reply, fetch
from .page import carries, says_not_found, titles
from .rules import Blocked, Rules, Target

WITHIN = 10.0  # seconds for the whole look, redirects included
MOST_REDIRECTS = 3
SHOWN = 40  # characters of a wrong title
_GONE = frozenset({401, 403, 404, 410, 451})
_PAGES = frozenset({"text/html", "application/xhtml+xml", "text/xml", "application/xml"})
"""What may be a page; old servers call theirs by no better name."""
_LONGEST_VALIDATOR = 500


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen. `words` is for staff and stays the same while nothing changes.

    `validators` belong to a page that was live (`{}` otherwise): given back with the next look, a 304 then says that
    it still is.
    """

    seen: Seen
    words: str
    status: int = 0
    validators: Mapping[str, str] = field(default_factory=dict)


def look(
    url: str, title: str, *, rules: Rules, ca_file: Path | None, known: Mapping[str, str] | None = None,
    within: float = WITHIN, lookup: Lookup = socket.getaddrinfo,
) -> Look:  # fmt: skip
    """Is the page live, with the expected title on it? `known`: validators of the page as it was seen live."""
    try:
        target, reply = _follow(url, known or {}, rules, ca_file, Deadline(within), lookup)
    except (Blocked, Failed) as error:
        return Look(Seen.UNCLEAR, str(error))
    return _judged(target, reply, title, known or {})


def _follow(
    url: str, known: Mapping[str, str], rules: Rules, ca_file: Path | None, deadline: Deadline, lookup: Lookup
) -> tuple[Target, Reply]:
    """The answer behind at most three redirects, each of which is checked like the first address."""
    target = first = rules.target(url)
    for _ in range(MOST_REDIRECTS + 1):
        headers = _conditions(known) if known.get("url") == target.url else {}
        reply = fetch(target, headers, rules=rules, deadline=deadline, ca_file=ca_file, lookup=lookup)
        if headers and _is_of_another(reply, known):
            reply = fetch(target, {}, rules=rules, deadline=deadline, ca_file=ca_file, lookup=lookup)
            if reply.status == 304:
                raise Failed("网站一再答复“没有变化”，没有给出网页")
        if reply.status not in REDIRECTS:
            return target, reply
        onward = rules.onward(_onward(target.url, reply), first)
        if target.scheme == "https" and onward.scheme != "https":
            raise Failed("网站要求从 https 跳转到不加密的地址，没有跟随")
        target = onward
    raise Failed(f"网站一再跳转（超过 {MOST_REDIRECTS} 次），没有继续跟随")


def _onward(base: str, reply: Reply) -> str:
    try:
        return urljoin(base, reply.headers.get("location", ""))
    except ValueError:  # http://[bad
        raise Failed("网站要求跳转到一个写错的地址，没有跟随") from None


def _conditions(known: Mapping[str, str]) -> dict[str, str]:
    """By the page's tag alone. Asked by date, a server answers "not modified" of an older file that took its place."""
    return {"If-None-Match": known["etag"]} if known.get("etag") else {}


def _is_of_another(reply: Reply, known: Mapping[str, str]) -> bool:
    """Not modified, it says, and names another page than we asked about: a cache in between may answer so."""
    tag = reply.headers.get("etag", "").strip()
    return reply.status == 304 and bool(tag) and tag.removeprefix("W/") != known["etag"].strip().removeprefix("W/")


def _judged(target: Target, reply: Reply, title: str, known: Mapping[str, str]) -> Look:
    if reply.status == 304:
        if known.get("url") == target.url and _conditions(known):
            return Look(Seen.LIVE, "网页已上线，标题相符", 304, dict(known))
        return Look(Seen.UNCLEAR, "网站答复“没有变化”，但此前没有见过上线的网页", 304)
    if reply.status in _GONE:
        return Look(Seen.NOT_YET, f"网页打不开（HTTP {reply.status}）", reply.status)
    if reply.status != 200:
        return Look(Seen.UNCLEAR, f"网站暂时没有给出网页（HTTP {reply.status}）", reply.status)
    return _page(target, reply, title)


def _page(target: Target, reply: Reply, title: str) -> Look:
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and kind not in _PAGES:
        return Look(Seen.NOT_YET, f"网站给的不是网页（{_shown(kind)}）", 200)
    found = titles(reply.body, reply.headers.get("content-type", ""))
    if carries(found, title):
        return Look(Seen.LIVE, "网页已上线，标题相符", 200, _validators(target, reply))
    if says_not_found(found, title):
        return Look(Seen.NOT_YET, "网站打开的是“页面不存在”一类的提示页", 200)
    if not reply.whole:
        return Look(Seen.UNCLEAR, "网页过大，读到的部分里没有约定的标题", 200)
    if not found:
        return Look(Seen.NOT_YET, "网页打开了，但没有标题", 200)
    return Look(Seen.NOT_YET, f"网页打开了，但标题不符，是“{_shown(found[0])}”", 200)


def _shown(title: str) -> str:
    plain = "".join(char for char in " ".join(title.split()) if char.isprintable())
    return plain if len(plain) <= SHOWN else plain[:SHOWN] + "…"


def _validators(target: Target, reply: Reply) -> dict[str, str]:
    """What a conditional request needs. A weak ETag will do: what matters is the same page, not the same bytes."""
    etag = reply.headers.get("etag", "")
    good = 0 < len(etag) <= _LONGEST_VALIDATOR and etag.isascii() and etag.isprintable()
    return {"url": target.url, "etag": etag} if good else {}
