"""更正启事 and 撤回说明: the draft of what the public is told. A person goes over it before anything is done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum

from .typography import quoted


class NoticeKind(StrEnum):
    """What the public is told."""

    WITHDRAWAL = "withdrawal"
    CORRECTION = "correction"

    @property
    def label(self) -> str:
        """The word staff see."""
        return {"withdrawal": "撤回说明", "correction": "更正启事"}[self.value]


BLANK = "〔请写明〕"


def draft(kind: NoticeKind, *, titles: Sequence[str], unit: str, published: date, today: date) -> str:
    """A notice to go over. `titles` are those of what is taken down; `published` is the day on which it became public."""
    named = "、".join(quoted(title) for title in titles)
    when = f"{published.year}年{published.month}月{published.day}日"
    dated = f"{today.year}年{today.month}月{today.day}日"
    if kind is NoticeKind.CORRECTION:
        return (
            f"更正启事\n\n本单位于{when}发布的{named}有误，现更正如下：\n"
            f"原文：{BLANK}\n更正为：{BLANK}\n\n更正后的内容以重新发布的为准。由此带来的不便，敬请谅解。\n\n{unit}\n{dated}"
        )
    return (
        f"关于撤回有关信息的说明\n\n本单位于{when}发布的{named}，因{BLANK}，现予撤回。"
        f"请勿转载、引用；后续信息以本单位重新发布的为准。\n\n{unit}\n{dated}"
    )


#: Behind a title: it is named in order to say that it holds.
_STAYS = re.compile(r"[^。；\n]{0,12}?(?:继续有效|仍然有效|依然有效|仍有效|不受影响|照常|不变|不撤)")


def is_filled_in(text: str) -> bool:
    """Whether somebody has gone over it: nothing is left blank."""
    return bool(text.strip()) and BLANK not in text


def named_besides(text: str, *, going: Iterable[str], staying: Iterable[str]) -> list[str]:
    """Which titles of what stays public a notice names as well, but where it says that they stay. The longest first: a title
    may hold another one."""
    stay, found = set(staying) - set(going), []
    for title in sorted({*going, *stay}, key=len, reverse=True):
        for marked in (quoted(title), f"《{title}》", f"“{title}”"):  # as drafted, or as people type it
            if title in stay and any(not _STAYS.match(rest) for rest in text.split(marked)[1:]):
                found.append(title)
            text = text.replace(marked, "")
    return list(dict.fromkeys(found))
