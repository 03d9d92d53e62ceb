"""A case as plain text, to send to a vendor or a supervisor: what was asked, what came back, whether it is out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bot.domain.instants import require_aware, show, to_beijing
from bot.domain.typography import quoted
from bot.models import Person, Publication

from . import cases, story, trail
from .accounts import spec_of

ANSWER_LENGTH = 500


def report(publication: Publication, *, person: Person, now: datetime) -> str:
    """The text. It holds no token, no secret and no text of a post beyond its title; answers were masked when kept."""
    require_aware(now)
    return "\n".join([*_head(publication), "", *_calls(publication), "", *_looks(publication), "", _foot(person, now)])


def _head(publication: Publication) -> Iterator[str]:
    spec = spec_of(publication.account)
    yield "同发 推送情况说明"
    yield f"编号：推送 {publication.pk}，发布单 {publication.release_id}{quoted(publication.release.title)}"
    yield f"账号：{publication.account.name}（{spec.label}，{spec.mode(publication.mode).label}）"
    for item in publication.items.all():
        link = f"，链接 {item.url}" if item.url else ""
        yield f"第 {item.position + 1} 篇：{quoted(item.edition.title)}，稿件哈希尾号 {trail.tail(item.payload_hash)}{link}"
    yield f"约定时刻：{show(publication.promised)}（北京时间，下同）"
    if again := story.sent_again(publication):
        yield again
    yield f"现在的状态：{publication.status.label}"
    yield f"是否已发出：{cases.out_of(publication).label}"
    yield f"说明：{publication.reason or '没有记下原因'}"


def _calls(publication: Publication) -> Iterator[str]:
    statuses = story.statuses([publication])
    tried = story.tried(publication, statuses)
    yield f"请求 {len(tried)} 次"
    for one in tried:
        attempt = one.attempt
        yield f"  第 {attempt.number} 次：{one.asked}"
        yield f"    调用 {one.call}，编号 {attempt.key}"
        yield f"    登记意图 {_time(attempt.intent_at)}，首字节 {_time(attempt.sent_at)}，应答 {_time(attempt.answered_at)}"
        http = f"，HTTP {one.status}" if one.status is not None else ""
        code = f"，代码 {one.code}" if one.code else ""
        yield f"    结果：{one.ended}{http}{code}。{attempt.message}"
        if attempt.answer:
            yield f"    平台原文：{' '.join(attempt.answer[:ANSWER_LENGTH].split())}"


def _looks(publication: Publication) -> Iterator[str]:
    looks = story.looks([publication])[publication.pk]
    yield f"核对 {len(looks)} 次"
    for one in looks:
        urls = f"（{'、'.join(one.urls)}）" if one.urls else ""
        yield f"  {_time(one.at)} {one.words}。{one.message}{urls}"


def _foot(person: Person, now: datetime) -> str:
    return f"{person.unit.name} {person.name} 于 {show(now)} 生成"


def _time(value: datetime | None) -> str:
    return "—" if value is None else to_beijing(value).strftime("%m-%d %H:%M:%S.%f")[:-3]
