"""Numbers of published posts: reposts, comments, attitudes. Reads are not reported by any call we may use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.domain.channel import ChannelFault, Receipt, Remedy, Sample

from .answers import status_id
from .calls import Calls
from .looking import raw
from .spec import SPEC
from .text import permalink

CHUNK = 100  # ids per call of statuses/count


def measure(calls: Calls, uid: str, receipts: Sequence[Receipt]) -> list[Sample]:
    """One sample per post, in the receipts' order. GET statuses/count, 100 ids a call.

    A post that the answer leaves out is deleted or hidden: `absent`, without numbers. ChannelFault(WAIT) rather
    than touch the calls reserved for sending.
    """
    ids = list(dict.fromkeys(position.platform_id for receipt in receipts for position in receipt.positions))
    samples: list[Sample] = []
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        rows = dict(_rows(calls.read("statuses/count", {"ids": ",".join(chunk)}, spare=True)))
        samples += [_sample(uid, idstr, rows.get(idstr)) for idstr in chunk]
    return samples


def _rows(answer: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(answer, list):
        raise ChannelFault(Remedy.UNKNOWN, "微博计数接口的应答不是约定的格式，请稍后重试。", code="no_counts")
    for row in answer:
        if isinstance(row, dict):
            yield status_id(row) or str(row.get("id") or ""), row


def _sample(uid: str, idstr: str, row: Mapping[str, Any] | None) -> Sample:
    url = permalink(uid, idstr) if idstr.isdecimal() else None
    if row is None:
        return Sample(idstr, {}, raw="", url=url, absent=True)
    return Sample(idstr, {name: _count(row.get(name)) for name in SPEC.metrics}, raw=raw(row), url=url)


def _count(value: object) -> int | None:
    """A counter, number or string; None (not reported) for anything else, never 0."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    return int(value) if str(value).isdecimal() else None
