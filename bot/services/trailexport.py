"""留痕 to take away: a sheet for people, and lines with their hashes for whoever checks the chain without us.

The lines of the evidence run from the first to the last that the reader may see in the chosen days, without a gap. Of a
line that is not theirs to read only number and hashes are given ("withheld"): so the chain can be followed all the way,
and no unit reads another's. The last line says how many there were, so that a file that broke off is seen to be one.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Max, Min

from bot.domain.instants import require_aware, show
from bot.models import AuditEvent, Person

from . import audit
from .errors import Refused
from .exporting import safe
from .people import require
from .trailindex import catch_up, gaps
from .trailpages import READERS, Asked, Line, every, in_period, scopes, visible

COLUMNS = ("序号", "时间（北京）", "姓名", "登录名", "类别", "内容", "说明", "关于", "动作代号", "事项代号")
BOM = "\ufeff"
TAKE_IN = 20_000  # lines that an export brings into the index first


def note(form: str, filters: str, *, person: Person, now: datetime) -> None:
    """Who takes evidence away is evidence too: written before the first byte leaves.

    Refused where a file would silently lack lines: the index is behind, and catches up meanwhile, or has passed over some.
    """
    require_aware(now)
    require(person, *READERS)
    _require_whole_index()
    audit.append(person.username, "trail.exported", "trail", {"form": form, "filters": filters[:300]}, now=now)
    catch_up(TAKE_IN)


def _require_whole_index() -> None:
    if behind := catch_up(TAKE_IN):
        raise Refused(
            "behind",
            f"留痕还有 {behind} 条没有编入查阅索引，现在导出会缺最新的，没有导出。请稍后重试（每次会补上一部分）；"
            "急用的，请系统管理员运行 tongfa audit index。",
        )
    if passed := gaps():
        raise Refused(
            "gaps",
            f"查阅索引漏了 {passed} 条留痕（留痕本身不受影响），导出会不全，没有导出。"
            "请系统管理员运行 tongfa audit index --anew 后重试。",
        )


# --- the sheet ------------------------------------------------------------------------------------------------


class _Echo:
    """A file that gives back what is written."""

    def write(self, text: str) -> str:
        return text


def as_sheet(asked: Asked, *, person: Person) -> Iterator[str]:
    """CSV with a byte order mark, newest first, piece by piece. No cell is a formula."""
    writer: Any = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    yield BOM + writer.writerow(COLUMNS)
    for line in every(asked, person=person):
        yield writer.writerow([safe(value) for value in _cells(line)])


def _cells(line: Line) -> tuple[object, ...]:
    told = line.sentence
    return (
        told.number, show(told.at), told.who, told.actor, line.sort.label, told.what, told.detail, line.thing.label,
        told.action, told.subject,
    )  # fmt: skip


# --- the evidence -----------------------------------------------------------------------------------------------


def whole(event: AuditEvent) -> dict[str, Any]:
    """A line as anybody with the key can check it."""
    linked = {"previous": event.previous, "mac": event.mac, "algorithm": event.algorithm}
    return audit.row_of(event) | linked


def _withheld(event: AuditEvent) -> dict[str, Any]:
    return {"sequence": event.sequence, "previous": event.previous, "mac": event.mac, "withheld": True}


def as_evidence(asked: Asked, *, person: Person) -> Iterator[str]:
    """JSON Lines in the order of the chain."""
    require(person, *READERS)
    first, last = _ends(asked, person)
    told, withheld, head, after = 0, 0, "", first - 1
    while after < last:
        events = list(audit.lines(after, min(audit.AT_ONCE, last - after)))
        if not events:
            break
        mine = visible(person, events)
        for event in events:
            told, withheld = told + (event.sequence in mine), withheld + (event.sequence not in mine)
            yield _json(whole(event) if event.sequence in mine else _withheld(event))
        head, after = events[-1].mac, events[-1].sequence
    yield _json({"end": {"lines": told, "withheld": withheld, "head": head}})


def _ends(asked: Asked, person: Person) -> tuple[int, int]:
    """The first and last number in the days that were asked for, and (1, 0) where there is none."""
    ends = [in_period(asked, scope).aggregate(first=Min("sequence"), last=Max("sequence")) for scope in scopes(person)]
    found = [one for one in ends if one["first"] is not None]
    if not found:
        return 1, 0
    return min(one["first"] for one in found), max(one["last"] for one in found)


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"
