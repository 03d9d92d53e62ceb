"""What changed since an earlier edition, field by field, for a reviewer to read first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain import diff
from bot.domain.article import Attachment, Kind
from bot.domain.bodytext import TAIL, body_text
from bot.domain.diff import Op
from bot.domain.workflow import Verdict
from bot.models import Edition, Opened, Person, PostRecord

#: In the order in which they are read. A field that is not named here is shown all the same, last and by its own name.
LABELS = {
    "title": "标题",
    "kind": "类别",
    "document_number": "发文字号",
    "index_number": "索引号",
    "formed_on": "成文日期",
    "published_on": "发布日期",
    "unit": "发布机构",
    "summary": "摘要",
    "body_html": "正文",
    "category": "公开目录",
    "subcategory": "子目录",
    "area": "重点领域",
    "form": "解读形式",
    "interprets": "解读的文件",
    "attribute": "公开属性",
    "provenance": "来源说明",
    "source_url": "原文网址",
    "attachments": "附件",
    "cover": "封面",
}
IDENTITY = "external_id"
APPROVED, SEEN, BEFORE = "approved", "seen", "before"
MARKUP_ONLY = "文字没有变，只有排版（加粗、分段、列表等）有变化，请看下面的版面。"


@dataclass(frozen=True, slots=True)
class Change:
    """One field that is not as it was. `note` where no word of it changed."""

    label: str
    lines: Sequence[diff.Line | diff.Fold]
    added: int
    removed: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Base:
    """An earlier edition to compare with, and why it is that one."""

    name: str
    edition: Edition
    words: str


def bases(edition: Edition, person: Person) -> list[Base]:
    """The last approved edition first, then the last one that this person had before their eyes, if that is another; where
    there is neither, the last one that was handed in, whoever saw it."""
    older = edition.document.editions.filter(number__lt=edition.number).order_by("-number")
    approved = older.filter(approved_at__isnull=False).first()
    seen = _last_seen(edition, person)
    found = [Base(APPROVED, approved, f"上次审核通过的第 {approved.number} 版")] if approved else []
    if seen and seen != approved:
        found.append(Base(SEEN, seen, f"您上次看过的第 {seen.number} 版"))
    before = older.filter(submitted_at__isnull=False).first()
    if before and not found:
        found.append(Base(BEFORE, before, f"上次送审的第 {before.number} 版"))
    return found


def _last_seen(edition: Edition, person: Person) -> Edition | None:
    older = edition.document.editions.filter(number__lt=edition.number)
    reviewed = set(older.filter(reviews__person=person).values_list("pk", flat=True))
    posts = dict(PostRecord.objects.filter(edition__in=older).values_list("hash", "edition_id"))
    known = Opened.objects.filter(person=person, post_hash__in=list(posts)).values_list("post_hash", flat=True)
    return older.filter(pk__in=reviewed | {posts[digest] for digest in known}).order_by("-number").first()


def between(old: Edition, new: Edition) -> list[Change]:
    """Every field that differs."""
    return of_contents(old.content, new.content)


def of_contents(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """The same of two contents by field, of editions or of what is being written."""
    names = [*LABELS, *(name for name in {**new, **old} if name not in LABELS and name != IDENTITY)]
    return [_change(name, before, after) for name in names if (before := old.get(name)) != (after := new.get(name))]


def _change(name: str, before: Any, after: Any) -> Change:
    label = LABELS.get(name, name)
    pieces = diff.compare(_readable(name, before), _readable(name, after))
    added, removed = diff.size(pieces, Op.NEW), diff.size(pieces, Op.GONE)
    lines = diff.folded(diff.lines(pieces))
    return Change(label, lines, added, removed) if added or removed else Change(label, (), 0, 0, MARKUP_ONLY)


def _readable(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "body_html":
        return body_text(str(value))
    if name == "kind" and value in set(Kind):
        return Kind(value).label
    if name == "attachments":
        return "\n".join(_file(one) for one in value)
    if name == "cover":
        return _cover(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)


def _file(one: dict[str, Any]) -> str:
    """A file is a line with its name, size and hash, so that another file under the same name is seen."""
    return f"{one['name']}（{Attachment(**one).size_words}，尾号 {one['sha256'][-TAIL:]}）"


def _cover(one: dict[str, Any]) -> str:
    lines = [f"自选图片 {one['width']}×{one['height']}，尾号 {one['picture'][-TAIL:]}"]
    for shape, frame in (("头条封面", one["wide"]), ("次条与分享封面", one["square"])):
        left, top, right, bottom = (round(float(share) * 100, 1) for share in frame.split("_"))
        lines.append(f"{shape}：取左 {left}% 至 {right}%、上 {top}% 至 {bottom}%")
    return "\n".join(lines)


def return_reason(edition: Edition) -> str:
    """Why the edition before was returned, or ""."""
    before = edition.document.editions.filter(number=edition.number - 1).first()
    returned = before.reviews.filter(verdict=Verdict.RETURN).select_related("person").first() if before else None
    return f"{returned.person.name}：{returned.comment}" if returned else ""
