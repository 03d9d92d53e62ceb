"""Titles of official documents, said shorter in the way editors say them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .shorten import shorten

_ISSUER = re.compile(r"^[\u4e00-\u9fff、]{3,40}?(?=关于)")
_ABOUT = re.compile(r"^(?:[\u4e00-\u9fff、]{0,40}?关于)?(?:印发|公布|发布|转发)(《.+》|.+)的(?:通知|公告|通报|决定)$")
_NOTE = re.compile(r"（[^（）]*）$")
_ENDINGS = ("风险提示", "提示", "公告", "通告", "公示", "通报", "通知")
#: Who explains, or by what means: 政策图文解读 is one word, of which the first half alone is none.
_EXPLAINED = (
    "政策|文件|文字|图文|图表|图解|图片|一图|视频|音频|动漫|动画|漫画|媒体|多媒体|新媒体|专家|部门|单位|领导|主要负责人|负责人|负责同志|"
    "新闻发言人|发言人|权威|官方|简明|详细|深度|系列|专题|在线|现场|访谈|问答"
)
_ALONE = "紧急|重要|温馨|友情|郑重"  # belong to the closing word whatever stands before them
_BEHIND = f"{_ALONE}|补充|临时|最新|情况"  # behind 的 alone: 人员补充通知 is about 人员补充
_WORD = "|".join((*_ENDINGS, f"(?:{_EXPLAINED})*解读"))
_FRAGMENT = re.compile(rf"(?:{_EXPLAINED})+|.*》(?!(?:（[^（）]*）)*$)[^》]*")
_SUBJECT = re.compile(
    rf"^(?:关于)?(?P<subject>.+?)(?:的(?P<behind>(?:{_BEHIND})+(?:{_WORD}))|(?P<alone>(?:{_ALONE})+(?:{_WORD}))|的?(?P<word>{_WORD}))$"
)


def headline(title: str, fits: Callable[[str], bool]) -> str:
    """`title` itself, else a shorter wording that loses no meaning, else a cut one; "" if nothing fits.

    Tried in order: without the issuing organ (readers see it beside the title), only the issued document's
    own name, without the note in brackets at the end, then `shorten`.
    """
    for wording in wordings(title):
        if fits(wording):
            return wording
    return shorten(title, fits)


def wordings(title: str) -> Iterator[str]:
    """The title, then shorter ways of saying it, best first."""
    yield title
    bare = _ISSUER.sub("", title)
    yield bare
    if match := _ABOUT.match(title):
        yield match[1]
    for longer in (title, bare):
        yield _NOTE.sub("", longer)


def subject(title: str) -> str:
    """What a notice or an interpretation is about: the title without 关于 and its closing word, 紧急 and the like included.

    An interpretation whose words behind the document's name are of no known kind keeps its title: half of them says nothing.
    """
    match = _SUBJECT.match(title)
    if not match or (title.endswith("解读") and _FRAGMENT.fullmatch(match["subject"])):
        return title
    return match["subject"]


def label_word(title: str, default: str) -> str:
    """The word that names the kind of text (通知, 紧急通知, 公告, 风险提示 …): the one the title ends with."""
    match = _SUBJECT.match(title)
    return match["behind"] or match["alone"] or match["word"] if match else default
