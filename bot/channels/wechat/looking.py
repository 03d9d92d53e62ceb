"""Is it public? Read-only, repeatable; the platform's answers never raise here.

Mass sends are judged by mass/get. Freepublish is judged by freepublish/get where a publish_id is known, and
by the ordered markers in draft/get and freepublish/batchget where it is not (a lost answer). A draft that was submitted
more than once may have become two articles, of which a publish_id shows one: there the published list is counted as well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from bot.channels.http import about_a_read
from bot.domain.channel import (
    Absent,
    ChannelFault,
    Doubled,
    Evidence,
    Failed,
    Pending,
    PositionReceipt,
    Receipt,
    Remedy,
    Unclear,
)
from bot.domain.post import Post

from . import articles
from .client import Client, text_id
from .spec import MASS, QUIET, REPLAY_SAFE

Look = Receipt | Pending | Absent | Failed | Unclear

SKEW = timedelta(minutes=5)  # between the platform's clock and ours, when matching by time
RECENT = 20  # objects in one freepublish/batchget
MOST_PAGES = 5  # so far back at most; pages are read as long as all on them is younger than the act
INVALID_MEDIA, INVALID_PUBLISH_ID, INVALID_ARTICLE = "40007", "53502", "53600"

PUBLISH_FAILURES = {
    2: "原创校验没有通过，没有发布；请在公众平台核对原创声明或修改内容。",
    3: "平台处理失败，没有发布；请在公众平台查看原因后决定是否重发。",
    4: "平台审核没有通过，没有发布；请按平台提示修改内容。",
    5: "曾经发布，后来全部文章被人删除；请核对是谁删除的。",
    6: "曾经发布，后来被平台封禁；请立即联系公众号管理员。",
}
GONE = frozenset({5, 6})
DELETED = frozenset({"true", "1", "yes"})  # the platform's pages say bool; what is written otherwise means the same


def look(client: Client, evidence: Evidence) -> Look:
    """Judge one public act. Faults of the reads become Unclear."""
    try:
        return _look_mass(client, evidence) if client.account.mode == MASS else _look_publish(client, evidence)
    except ChannelFault as fault:
        return Unclear(f"暂时查不到结果：{about_a_read(fault)}")


def position_id(act: str, number: int) -> str:
    """Platform id of one article: the act's id (article_id or msg_id) and its place, from 1."""
    return f"{act}_{number}"


def named(posts: Sequence[Post]) -> str:
    """Titles and markers as JSON: statistics may have to be matched by title."""
    names = [{"title": articles.field(post, "title"), "marker": post.marker} for post in posts]
    return json.dumps(names, ensure_ascii=False)


# --- mass sends -----------------------------------------------------------------------------------------


def _look_mass(client: Client, evidence: Evidence) -> Look:
    msg_id = evidence.ids.get("msg_id", "")
    if not msg_id:
        return _mass_without_id(client, evidence)
    answer = client.call("/cgi-bin/message/mass/get", {"msg_id": _as_sent(msg_id)})
    if _of_another(answer, "msg_id", msg_id):
        return Unclear("微信答复的是另一次群发，不能作准，系统会再查。")
    status = answer.get("msg_status")
    if status == "SEND_SUCCESS":
        return mass_receipt(evidence, answer)
    if status == "SENDING":
        return Pending(dict(evidence.ids), "微信正在群发。")
    if status == "SEND_FAIL":
        return Failed("SEND_FAIL", "微信报告群发失败，没有送达；请在公众平台查看原因后决定是否重发。")
    if status == "DELETE":
        return Failed("DELETE", "这次群发已被删除；请核对是谁删除的。", gone=True)
    return Unclear("微信没有给出群发状态，系统会再查。")


def _of_another(answer: Mapping[str, Any], name: str, asked: str) -> bool:
    """Whether an answer names another act than the one that was asked about; one that names none is taken at its word."""
    return text_id(answer.get(name)) not in {"", asked}


def _as_sent(msg_id: str) -> int | str:
    """msg_id is an integer in the platform's pages; anything else goes back as it came."""
    return int(msg_id) if msg_id.isascii() and msg_id.isdigit() and len(msg_id) < 20 else msg_id


def _mass_without_id(client: Client, evidence: Evidence) -> Absent | Unclear:
    """Little can be read without msg_id: the same key tells, as long as the platform remembers it.

    Where the first call never arrived, the replay sends the draft as it stands now: one that was changed is not sent.
    """
    if evidence.now - evidence.begun_at > REPLAY_SAFE:
        message = "群发结果不明已超过 23 小时，不能再用原编号核对；请在公众平台查看是否已群发，再决定如何处理。"
        return Unclear(message, needs_person=True)
    if _draft_changes(client, evidence):
        return _changed_draft()
    return Absent("没有群发编号可查，需用原编号再问一次（平台不会重复群发）。")


def mass_receipt(evidence: Evidence, raw: Mapping[str, Any]) -> Receipt:
    """Live by mass/get. Addresses come from the event or the next day's statistics."""
    msg_id = evidence.ids["msg_id"]
    positions = tuple(
        PositionReceipt(position_id(msg_id, number), None) for number in range(1, len(evidence.posts) + 1)
    )
    ids = {**evidence.ids, "articles": named(evidence.posts)}
    return Receipt(ids, positions, json.dumps(raw, ensure_ascii=False))


# --- freepublish ----------------------------------------------------------------------------------------


def _look_publish(client: Client, evidence: Evidence) -> Look:
    publish_id = evidence.ids.get("publish_id", "")
    if publish_id:
        return _counted(client, evidence, _by_publish_id(client, evidence, publish_id))
    article_id = evidence.ids.get("article_id", "")
    if article_id:
        return _counted(client, evidence, _read_back(client, evidence, article_id, {}, {}))
    return _by_marker(client, evidence)


def _counted(client: Client, evidence: Evidence, found: Look) -> Look:
    """What one job tells says nothing of another that the same draft may have got: count what is published.

    Where the known one failed or is gone, another that stands is the one that is public.
    """
    if evidence.submits < 2 or not isinstance(found, Receipt | Failed):
        return found
    ours = _ours(client, evidence)
    if len(ours) > 1:
        return _doubled(evidence, ours)
    if isinstance(found, Failed) and ours:
        return _read_back(client, evidence, text_id(ours[0].get("article_id")), {}, ours[0])
    return found


def _by_publish_id(client: Client, evidence: Evidence, publish_id: str) -> Look:
    try:
        answer = client.call("/cgi-bin/freepublish/get", {"publish_id": publish_id})
    except ChannelFault as fault:
        if fault.remedy is not Remedy.WAIT and fault.code != INVALID_PUBLISH_ID:
            raise
        found = _find(client, evidence)
        return found or Unclear(f"暂时查不到结果：{about_a_read(fault)}")
    if _of_another(answer, "publish_id", publish_id):
        return Unclear("微信答复的是另一次发布，不能作准，系统会再查。")
    status = _number(answer.get("publish_status"))
    if status == 0:
        return _published(client, evidence, answer)
    if status == 1:
        return Pending(dict(evidence.ids), "微信正在发布。")
    if status in PUBLISH_FAILURES:
        return publish_failure(status, answer)
    return Unclear("微信没有给出发布状态，系统会再查。")


def _number(value: Any) -> int | None:
    """A small number given as such or as text, as events give it; None when it is neither."""
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None


def publish_failure(status: int, answer: Mapping[str, Any]) -> Failed:
    """Failed for publish_status 2 to 6; the position is fail_idx's first (the platform counts from 1)."""
    listed = answer.get("fail_idx")
    numbers = [number for item in (listed if isinstance(listed, list) else [listed]) if (number := _index(item))]
    where = f"第 {numbers[0]} 篇：" if numbers and status not in GONE else ""
    position = numbers[0] - 1 if numbers and status not in GONE else None
    return Failed(str(status), where + PUBLISH_FAILURES[status], status in GONE, position)


def _index(value: Any) -> int:
    """A 1-based index given as number or text; 0 when it is neither."""
    return _number(value) or 0


def detail_urls(answer: Mapping[str, Any]) -> dict[int, str]:
    """`article_detail.item` as {1-based index: address}; a single item may come without its list."""
    detail = answer.get("article_detail")
    items = detail.get("item") if isinstance(detail, Mapping) else None
    found = {}
    for item in items if isinstance(items, list) else [items]:
        if isinstance(item, Mapping) and isinstance(item.get("article_url"), str) and _index(item.get("idx")):
            found[_index(item.get("idx"))] = item["article_url"]
    return found


def _published(client: Client, evidence: Evidence, answer: Mapping[str, Any]) -> Look:
    article_id = text_id(answer.get("article_id"))
    if not article_id:
        return _find(client, evidence) or Pending(dict(evidence.ids), "微信报告已发布，但还没有给出文章编号。")
    return _read_back(client, evidence, article_id, detail_urls(answer), answer)


def _read_back(
    client: Client, evidence: Evidence, article_id: str, urls: Mapping[int, str], raw: Mapping[str, Any]
) -> Look:
    """getarticle, then compare the ordered markers: only then is it ours and live."""
    try:
        answer = client.call("/cgi-bin/freepublish/getarticle", {"article_id": article_id})
    except ChannelFault as fault:
        if fault.code != INVALID_ARTICLE:
            raise
        return Failed(fault.code, "文章曾经发布，现在已不在平台上；请核对是谁删除的。", gone=True)
    items = articles.news_items(answer)
    if not articles.same_markers(evidence.posts, items):
        message = "平台上这篇文章不是本次批准的稿件（标记或篇数不符）；请在公众平台核对。"
        return Unclear(message, needs_person=True)
    if not all(item.get("content") or _is_deleted(item) for item in items):
        return Unclear("文章已经公开，但平台没有给出正文，不能核对，系统会再查。")
    changed = articles.wording_changed(evidence.posts, items)
    if changed:
        message = f"文章已经公开，但{changed}；可能有人在公众平台改过。请马上核对，必要时撤回并更正。"
        return Unclear(message, needs_person=True)
    return _receipt(evidence, article_id, items, urls, raw or answer)


def _receipt(
    evidence: Evidence,
    article_id: str,
    items: Sequence[Mapping[str, Any]],
    urls: Mapping[int, str],
    raw: Mapping[str, Any],
) -> Receipt | Failed:
    deleted = next((index for index, item in enumerate(items) if _is_deleted(item)), None)
    if deleted is not None:
        message = f"第 {deleted + 1} 篇曾经发布，现在已被删除；请核对是谁删除的。"
        return Failed("deleted", message, gone=True, position=deleted)
    positions = tuple(
        PositionReceipt(position_id(article_id, number), urls.get(number) or _url(item))
        for number, item in enumerate(items, 1)
    )
    ids = {**evidence.ids, "article_id": article_id, "articles": named(evidence.posts)}
    return Receipt(ids, positions, json.dumps(raw, ensure_ascii=False))


def _is_deleted(item: Mapping[str, Any]) -> bool:
    return str(item.get("is_deleted")).strip().lower() in DELETED


def _url(item: Mapping[str, Any]) -> str | None:
    value = item.get("url")
    return value if isinstance(value, str) and value else None


# --- before any act ----------------------------------------------------------------------------------------

STAGED_AT_MOST = timedelta(days=7)  # a draft of a release that was moved stands for some days
NO_RIGHT = "48001"


def is_published(client: Client, posts: Sequence[Post], staged: Mapping[str, Any]) -> bool:
    """Whether these posts stand among the published ones although we have not made them public.

    Raises ChannelFault where the list does not tell; an account that may not publish has none.
    """
    now = client.ports.now()
    evidence = Evidence("", tuple(posts), staged, {}, sent_at=now - STAGED_AT_MOST, now=now)
    try:
        ours = _ours(client, evidence)
    except ChannelFault as fault:
        if client.account.mode == MASS and fault.code == NO_RIGHT:
            return False
        raise
    return any(not all(map(_is_deleted, _items(item))) for item in ours)


# --- freepublish without an id: by ordered markers ------------------------------------------------------


def _by_marker(client: Client, evidence: Evidence) -> Look:
    """draft/get and batchget together decide (several spaced looks, in the engine's hands)."""
    found = _find(client, evidence)
    if found is not None:
        return found
    changes = _draft_changes(client, evidence)
    if changes:
        return _changed_draft()
    if changes is not None:
        return Absent("草稿还在，已发布列表里没有这篇文章。")
    early = evidence.now - evidence.sent_at < QUIET
    message = "草稿已经不在，但已发布列表里也没有这篇文章；请在公众平台核对，系统不会自动重发。"
    return Unclear(message, needs_person=not early)


def _draft_changes(client: Client, evidence: Evidence) -> str | None:
    """What somebody has changed in the draft since it was staged: "" nothing, None when the draft is gone."""
    media_id = str(evidence.staged.get("draft") or "")
    try:
        answer = client.call("/cgi-bin/draft/get", {"media_id": media_id})
    except ChannelFault as fault:
        if fault.code != INVALID_MEDIA:
            raise
        return None
    return articles.compare(evidence.posts, evidence.staged, articles.news_items(answer))


def _changed_draft() -> Unclear:
    message = (
        "没有查到已发出，但公众平台上的草稿在准备好之后被人改过，与批准的不一致，系统不会再发它；"
        "请在公众平台核对是否已经发出，再决定作废还是重新送审。"
    )
    return Unclear(message, needs_person=True)


def _find(client: Client, evidence: Evidence) -> Look | None:
    """Our posts among the newest published ones; None when they are not there."""
    ours = _ours(client, evidence)
    if len(ours) > 1:
        return _doubled(evidence, ours)
    return _read_back(client, evidence, text_id(ours[0].get("article_id")), {}, ours[0]) if ours else None


def _ours(client: Client, evidence: Evidence) -> list[Mapping[str, Any]]:
    """Published objects that are these posts, the newest first; what is deleted only where nothing else is left.

    What cannot be read proves neither that nothing is there nor, after a second submit, that there is no second one.
    """
    found: dict[str, Mapping[str, Any]] = {}
    doubt: ChannelFault | None = None
    for page in range(MOST_PAGES):
        asked = {"offset": page * RECENT, "count": RECENT, "no_content": 1}
        answer = client.call("/cgi-bin/freepublish/batchget", asked)
        items = _listed(answer)
        for item in items:
            try:
                if _is_ours(client, evidence, item):
                    found[text_id(item.get("article_id"))] = item
            except _Unreadable as unreadable:
                doubt = unreadable
        if items and _is_older(evidence, items[-1]):
            break
        if len(items) < RECENT:
            doubt = doubt or _lacking(answer, page * RECENT + len(items))
            break
    if not found or evidence.submits > 1:
        found |= _told(client, evidence, found)
    if doubt and (not found or evidence.submits > 1):
        raise doubt
    return [item for item in found.values() if not all(map(_is_deleted, _items(item)))] or list(found.values())


def _told(client: Client, evidence: Evidence, found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What an event named and no list shows (yet). The event is a reason to read; the markers say whose it is, and what cannot
    be read proves nothing here either."""
    named = {article_id for ids in evidence.told if (article_id := text_id(ids.get("article_id")))}
    told: dict[str, Mapping[str, Any]] = {}
    for article_id in sorted(named - set(found)):
        if {article_id, position_id(article_id, 1)} & evidence.owned_ids:
            continue
        items = _items_of(client, evidence, article_id, ())
        if articles.same_markers(evidence.posts, items):
            told[article_id] = {"article_id": article_id, "content": {"news_item": items}}
    return told


def _listed(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The objects of one page. An answer without a list proves nothing, least of all that nothing was published; unless it
    says that there is none."""
    listed = answer.get("item")
    if not isinstance(listed, list) or not all(isinstance(item, Mapping) for item in listed):
        total = answer.get("total_count")
        if listed is None and total == 0 and not isinstance(total, bool):
            return []
        raise ChannelFault(Remedy.UNKNOWN, "微信没有给出已发布的列表，系统会再查。", code="list")
    return listed


_ODD_ENTRY = "微信的已发布列表里有一条看不出是哪一篇，系统会再查。"


class _Unreadable(ChannelFault):
    """One listed object, or what is not listed, may be ours or not."""

    def __init__(self, message: str) -> None:
        super().__init__(Remedy.UNKNOWN, message, code="list")


def _lacking(answer: Mapping[str, Any], listed: int) -> _Unreadable | None:
    """A list that ends before the number that it gives itself proves no absence."""
    total = answer.get("total_count")
    short = isinstance(total, int) and not isinstance(total, bool) and total > listed
    return _Unreadable("微信给出的已发布列表不全，系统会再查。") if short else None


def _doubled(evidence: Evidence, ours: Sequence[Mapping[str, Any]]) -> Doubled:
    """Both are named, the older one first: it is the one that people may have passed on."""
    links = tuple(_link(item) for item in reversed(ours))
    message = (
        f"公众号上有 {len(links)} 篇同样的文章：{' 、'.join(links)} 。请打开链接核对，到公众平台删除多出的一篇，"
        "再登记留下的那一篇的链接；不要重发。"
    )
    return Doubled(message, urls=links, ids=dict(evidence.ids))


def _link(item: Mapping[str, Any]) -> str:
    """Where one published object stands: the address of its first article, else its id."""
    addresses = (url for one in _items(item) if (url := _url(one)))
    return next(addresses, None) or f"article_id={text_id(item.get('article_id'))}"


def _items(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The articles of one published object."""
    content = item.get("content")
    return articles.news_items(content) if isinstance(content, Mapping) else []


def _is_older(evidence: Evidence, item: Mapping[str, Any]) -> bool:
    """Whether it was published before the act began."""
    updated = item.get("update_time")
    return isinstance(updated, int) and updated < (evidence.begun_at - SKEW).timestamp()


def _is_ours(client: Client, evidence: Evidence, item: Mapping[str, Any]) -> bool:
    """Whether one published object is these posts: not another receipt's, recent enough, same markers in order."""
    article_id = text_id(item.get("article_id"))
    if {article_id, position_id(article_id, 1)} & evidence.owned_ids or _is_older(evidence, item):
        return False
    items = _items(item)
    if not items or all("content_source_url" not in one for one in items):
        items = _items_of(client, evidence, article_id, items)
    ours = articles.same_markers(evidence.posts, items)
    if ours and not article_id:
        raise _Unreadable(_ODD_ENTRY)
    return ours


def _items_of(
    client: Client, evidence: Evidence, article_id: str, items: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Full items where the list left the links out (unsure what no_content=1 drops): what may be ours by its titles is read.

    Other titles are another's; where there are none the article itself has to tell. What cannot be read at all proves
    nothing, least of all that it is not ours.
    """
    titles = [item.get("title") for item in items]
    if titles and all(titles) and titles != [articles.field(post, "title") for post in evidence.posts]:
        return []
    if not article_id:
        raise _Unreadable(_ODD_ENTRY)
    try:
        read = articles.news_items(client.call("/cgi-bin/freepublish/getarticle", {"article_id": article_id}))
    except ChannelFault as fault:
        if fault.code != INVALID_ARTICLE:
            raise
        return []  # listed a moment ago, and taken down since
    if not read or all("content_source_url" not in one for one in read):
        raise _Unreadable(_ODD_ENTRY)
    return read
