"""Numbers: getarticletotaldetail per day of publication, getbizsummary per account, comment counts.

The platform's figures are cumulative per `stat_date`, for 30 days from publication, ready the next day after
08:00 Beijing time. A figure it does not give is absent, never 0.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bot.domain.channel import ChannelFault, Receipt, Remedy, Sample
from bot.domain.instants import beijing_midnight
from bot.domain.sampling import DAILY_AT

from .client import Client, text_id
from .codes import Group
from .spec import METRICS

NOT_PERMITTED = frozenset({"48001", "88000", "88001", "88002"})
OUT_OF_RANGE = "61501"
READY = timedelta(hours=DAILY_AT.hour, minutes=DAILY_AT.minute)  # into the next day
NOTIFIED, NOT_NOTIFIED = 0, 1  # publish_type of a mass send and of freepublish
MSGID = "msgid"  # in a receipt: what was posted by hand has no other id


def measure(client: Client, receipts: Sequence[Receipt], day: str) -> list[Sample]:
    """Samples of all positions published on `day` (ISO, Beijing), one per platform date.

    Raises ChannelFault(WAIT) while the platform has nothing yet.
    """
    answer = articles_of(client, day)
    rows = rows_of(answer)
    samples = [
        sample
        for receipt in receipts
        for number, position in enumerate(receipt.positions, 1)
        for row in [match(rows, receipt, number, position.url)]
        if row is not None
        for sample in _samples(row, position.platform_id)
    ]
    if not samples:
        require_no_delay(client, answer)
    return samples + _comment_samples(client, receipts)


def account_summary(client: Client, begin: str, end: str) -> list[dict[str, Any]]:
    """getbizsummary: one row per day of the whole account (at most 30 days, `end` not after yesterday)."""
    return [dict(row) for row in rows_of(_datacube(client, "getbizsummary", begin, end))]


def articles_of(client: Client, day: str) -> dict[str, Any]:
    """getarticletotaldetail: all articles that were published on `day`, with their figures."""
    try:
        return _datacube(client, "getarticletotaldetail", day, day)
    except ChannelFault as fault:
        _require_over(client, day, fault)
        raise


def _require_over(client: Client, day: str, fault: ChannelFault) -> None:
    """ChannelFault(WAIT) where a day is out of range only because it is not over."""
    end = beijing_midnight(date.fromisoformat(day) + timedelta(days=1))
    if fault.code == OUT_OF_RANGE and client.ports.now() < end:
        message = "微信次日 8 时以后才有这一天的数字，已发布的内容不受影响；系统次日 8:30 再取。"
        raise ChannelFault(Remedy.WAIT, message, code=fault.code, wait_until=end + READY) from fault


def require_no_delay(client: Client, answer: Mapping[str, Any]) -> None:
    """ChannelFault(WAIT) while the platform says itself that the day's figures are still in the making."""
    if answer.get("is_delay") is True:
        until = client.ports.now() + timedelta(hours=1)
        message = "微信说这一天的统计还在生成，已发布的内容不受影响；系统一小时后再取。"
        raise ChannelFault(Remedy.WAIT, message, code="is_delay", wait_until=until)


def _datacube(client: Client, name: str, begin: str, end: str) -> dict[str, Any]:
    span = {"begin_date": begin, "end_date": end}
    return client.call(f"/datacube/{name}", span, group=Group.DATA, endpoint="datacube")


def rows_of(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The answer's rows, whatever else it may hold."""
    rows = answer.get("list")
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


# --- which row is whose ---------------------------------------------------------------------------------


def match(
    rows: Sequence[Mapping[str, Any]], receipt: Receipt, number: int, url: str | None
) -> Mapping[str, Any] | None:
    """The row of one position: by `<msg_data_id>_<idx>`, else by address, else by a title that is unique.

    What a person posted was recognised before, by the row's own `msgid`.
    """
    if receipt.ids.get(MSGID):
        return _only([row for row in rows if row.get("msgid") == receipt.ids[MSGID]])
    data_id = receipt.ids.get("msg_data_id", "")
    if data_id:
        return _only([row for row in rows if row.get("msgid") == f"{data_id}_{number}"])
    if url:
        found = _only([row for row in rows if _same_page(row.get("content_url"), url)])
        if found is not None:
            return found
    title, kind = _title(receipt, number), NOTIFIED if "msg_id" in receipt.ids else NOT_NOTIFIED
    same = [
        row
        for row in rows
        if title
        and html.unescape(str(row.get("title", ""))) == html.unescape(title)
        and row.get("publish_type", kind) == kind
    ]
    return _only([row for row in same if str(row.get("msgid", "")).endswith(f"_{number}")])


def _only(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return rows[0] if len(rows) == 1 else None


def _title(receipt: Receipt, number: int) -> str:
    try:
        return str(json.loads(receipt.ids.get("articles", "[]"))[number - 1]["title"])
    except (ValueError, LookupError, TypeError):
        return ""


def _page(url: str) -> tuple[str, ...]:
    """What names an article in its address: mid and idx of the long form, else the path."""
    parts = urlsplit(html.unescape(url))
    query = parse_qs(parts.query)
    if "mid" in query and "idx" in query:
        return (query["mid"][0], query["idx"][0])
    return (parts.netloc, parts.path, *(f"{key}={query[key][0]}" for key in sorted(query) if key not in {"chksm"}))


def _same_page(one: Any, other: str) -> bool:
    return isinstance(one, str) and bool(one) and _page(one) == _page(other)


# --- samples --------------------------------------------------------------------------------------------


def _count(value: Any) -> int | None:
    """A count given as a number or as digits; anything else was not reported."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _samples(row: Mapping[str, Any], platform_id: str) -> list[Sample]:
    details = row.get("detail_list")
    url = row.get("content_url")
    return [
        Sample(
            platform_id=platform_id,
            values={ours: _count(detail[theirs]) for ours, theirs in METRICS.items() if theirs in detail},
            raw=json.dumps(detail, ensure_ascii=False),
            stat_date=str(detail.get("stat_date", "")),
            url=url if isinstance(url, str) and url else None,
        )
        for detail in (details if isinstance(details, list) else [])
        if isinstance(detail, Mapping)
    ]


def _comment_samples(client: Client, receipts: Sequence[Receipt]) -> list[Sample]:
    """Present comment counts, where the account has comments open and the platform permits."""
    if client.account.option("open_comment", "0") != "1":
        return []
    samples: list[Sample] = []
    for receipt in receipts:
        data_id, first = _comments_of(receipt)
        for index, position in enumerate(receipt.positions if data_id.isdigit() else (), first):
            body = {"msg_data_id": int(data_id), "index": index, "begin": 0, "count": 1, "type": 0}
            try:
                answer = client.call("/cgi-bin/comment/list", body, group=Group.DATA)
            except ChannelFault as fault:
                if fault.code in NOT_PERMITTED:
                    return samples
                raise
            values = {"comments": _count(answer.get("total"))}
            samples.append(Sample(position.platform_id, values, json.dumps(answer, ensure_ascii=False)))
    return samples


def _comments_of(receipt: Receipt) -> tuple[str, int]:
    """msg_data_id and the 0-based index of the first position."""
    data_id, _, number = receipt.ids.get(MSGID, "").partition("_")
    if number.isdecimal() and int(number) > 0:
        return text_id(data_id), int(number) - 1
    return text_id(receipt.ids.get("msg_data_id", "")), 0
