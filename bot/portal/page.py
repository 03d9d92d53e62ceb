"""Does a page carry the expected title? Read with plain scans that stay linear, whatever the page is made of."""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator

from bot.domain.sync import comparable

MOST_HEADINGS = 20
LONGEST_HEADING = 2000  # characters, tags included
_ELSEWHERE = ("script", "style", "svg", "noscript", "textarea", "template")
_NOISE = re.compile(rf"<(!--|(?:{'|'.join(_ELSEWHERE)})\b)", re.IGNORECASE)
_NOISE_ENDS = {
    word: re.compile(end, re.IGNORECASE)
    for word, end in {"!--": "-->", **{one: f"</{one}" for one in _ELSEWHERE}}.items()
}
_OPENING = re.compile(r"<(title|h1)\b[^<>]{0,2000}>", re.IGNORECASE)
_CLOSING = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("title", "h1")}
_META = re.compile(r"<meta\b([^<>]{0,2000})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([a-z:-]{1,40})\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_TITLE_METAS = frozenset({"articletitle", "og:title"})
#: Pages that call themselves GB2312 or GBK hold characters of GB18030, which contains both.
_CHINESE = frozenset({"gb2312", "gbk", "gb18030"})
_CODECS = frozenset({
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "big5", "big5hkscs", "ascii", "iso8859-1", "iso8859-15",
    "cp1252",
})  # fmt: skip
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
#: 《some title》政策解读: another document about it, whatever page stands at that address.
_ABOUT = re.compile(r"》[^_|—-]{0,8}解读")
_TAG = re.compile(r"<[^<>]*>")
_CHARSET = re.compile(rb"""charset\s{0,9}=\s{0,9}["']?([a-z0-9_-]{1,40})""", re.IGNORECASE)
#: What remains of a heading without the expected title says: this is the page for pages that are not there.
_NOT_FOUND = re.compile(
    r"(?:页面|网页|文件|信息|内容|文章|栏目).{0,4}(?:不存在|未找到|找不到|没有找到|已被?删除)|找不到.{0,4}(?:页面|网页|文件)"
    r"|notfound|(?:error|http|错误)[:：-]?404|404(?:error|错误|页面)|^404(?:$|[-_|—:：])"
    r"|(?:系统|网站|平台)(?:正在)?维护中|正在维护|登录后(?:查看|访问)|请稍后再?访问|暂停(?:服务|访问)"
)
#: What a title says besides the expected one: this is another stage of it, not what was decided.
_OTHER_STAGE = re.compile(
    r"征求意见|公开征求|草案|送审稿|已废止|已失效|已作废|^(?:后台)?预览|未发布|待审核|待发布"
    r"|[\[【（(〔<]已?(?:撤销|撤回|撤下|删除|下线|下架|取消|停止执行|终止|暂缓执行|废止|失效|作废|样稿|测试|草稿|(?:内部|正在)?审核中|定时发布|预览)"
)
#: A part of a title that is nothing but such a word, wherever it stands.
_MARK = re.compile(
    r"[\[【(〔<]?已?(?:撤销|撤回|撤下|删除|下线|下架|取消|停止执行|终止|暂缓执行|废止|失效|作废|样稿|测试|草稿|未发布"
    r"|待审核|待发布|(?:内部|正在)?审核中|定时发布|(?:后台)?预览|草案|(?:公开)?征求意见稿|送审稿)[稿版页]?[\]】)〕>]?"
)
#: Sites join the title of the page, its column and their own name; inside of brackets nothing is joined.
_JOINT = re.compile(r"[_|—–-]+")
_BRACKETED = re.compile(r"[\[【(〔<《][^\[\]【】()〔〕<>《》]{0,100}[\]】)〕>》]")
_HERE = "\0"  # stands for the expected title
#: How a column is called that lists what a site has to say of itself.
_COLUMN = re.compile(r"(?:公告|公示|通告|通知|专栏|栏目)$")
#: Before the expected title: a document that does something to it, at whatever address.
_ACTS_ON = re.compile(
    r"关于(?:公布)?(?:废止|修改|修订|推迟|取消|更正|撤销|撤回|终止|中止|停止执行|暂停执行|暂缓|延期|宣布失效)"
)
#: Right behind it: a document that adds to it or takes from it.
_ADDS_TO = re.compile(
    r"^》?的?(?:补充(?:通知|公告|规定|说明)|更正|勘误|修订|修改|废止|撤销|撤回|终止|中止|暂停|暂缓|推迟|延期)"
)


def titles(body: bytes, content_type: str = "") -> list[str]:
    """Every title that the page gives itself: its `<title>`, its first headings, and the portal's ArticleTitle."""
    text = _without_noise(_decoded(body, content_type))
    return [found for found in (*_elements(text), *_metas(text)) if found]


def carries(found: list[str], expected: str) -> bool:
    """Whether one of the page's titles contains the expected one and none says that there is no such page."""
    wanted = comparable(expected)
    plain = [comparable(title) for title in found]
    own = [title for title in plain if wanted in title and (_ABOUT.search(wanted) or not _ABOUT.search(title))]
    if any(_is_another(title, wanted) for title in own) or any(_marked(title, wanted) for title in [*plain[:1], *own]):
        return False
    return bool(own) and not says_not_found(found, expected)


def _parts(title: str, wanted: str) -> list[str]:
    """The title of the page, its column, the name of the site, as joined; `_HERE` where the expected title stands."""
    marked = title.replace(wanted, _HERE)
    whole = _BRACKETED.sub(lambda found: _JOINT.sub("", found[0]), marked)
    return [part for part in _JOINT.split(whole) if part]


def _is_another(title: str, wanted: str) -> bool:
    """Another stage of the expected document, or another document about it. A column may be called as it likes."""
    before, _, behind = title.partition(wanted)
    parts = _parts(title, wanted)
    beside = (part.replace(_HERE, "") for part in parts if _HERE in part or _BRACKETED.fullmatch(part))
    stage = any(_OTHER_STAGE.search(part) for part in beside)
    return bool(stage or _ACTS_ON.search(before) or _ADDS_TO.search(behind))


def _marked(title: str, wanted: str) -> bool:
    """A part of it says nothing but that this is withdrawn, or not decided yet; where the expected title does not."""
    parts = (part.replace(_HERE, "").strip(":《》") for part in _parts(title, wanted))
    return any(_MARK.fullmatch(part) and part not in wanted for part in parts)


def says_not_found(found: list[str], expected: str) -> bool:
    """Status 200, but the page says that it is not there, or not now."""
    wanted = comparable(expected)
    return any(_not_there(comparable(title), wanted) for title in found)


def _not_there(title: str, wanted: str) -> bool:
    """What stands behind the expected title may be the column of such announcements."""
    if wanted not in title:
        return bool(_NOT_FOUND.search(title))
    first, *rest = _parts(title, wanted)
    judged = [first, *(part for part in rest if _HERE in part or not _COLUMN.search(part))]
    return any(_NOT_FOUND.search(part.replace(_HERE, "")) for part in judged)


def _decoded(body: bytes, content_type: str) -> str:
    """By its first bytes (the HTML standard lets them go before all else), the header, the page's own word, else UTF-8. GBK
    pages call themselves GB2312."""
    marked = next((name for mark, name in _MARKS if body.startswith(mark)), "")
    if marked:
        return body.decode(marked, "replace")
    declared = _CHARSET.search(content_type.encode("utf-8", "replace")) or _CHARSET.search(body[:4096])
    name = declared[1].decode("ascii").lower() if declared else "utf-8"
    return body.decode(_codec(name), "replace")


def _codec(name: str) -> str:
    """Python's codec for a charset that pages come in; UTF-8 for any other, as for a name that nobody knows.

    Python knows more names than there are charsets of pages, and not all of them are quick: one megabyte of "punycode"
    takes a minute.
    """
    try:
        known = codecs.lookup(name).name
    except (LookupError, ValueError):
        return "utf-8"
    return "gb18030" if known in _CHINESE else known if known in _CODECS else "utf-8"


def _without_noise(text: str) -> str:
    """Titles in comments, scripts, drawings and the like are no titles."""
    return "".join(_outside_noise(text))


def _outside_noise(text: str) -> Iterator[str]:
    position = 0
    while opening := _NOISE.search(text, position):
        yield text[position : opening.start()]
        ending = _NOISE_ENDS[opening[1].lower()].search(text, opening.end())
        if ending is None:
            return
        position = ending.end()
    yield text[position:]


def _elements(text: str) -> Iterator[str]:
    for count, found in enumerate(_OPENING.finditer(text)):
        if count == MOST_HEADINGS:
            return
        inside = text[found.end() : found.end() + LONGEST_HEADING]
        closing = _CLOSING[found[1].lower()].search(inside)
        if closing:
            yield html.unescape(_TAG.sub("", inside[: closing.start()])).strip()


def _metas(text: str) -> Iterator[str]:
    for found in _META.finditer(text):
        given = {
            one[1].lower(): html.unescape(one[2] or one[3] or one[4] or "") for one in _ATTRIBUTE.finditer(found[1])
        }
        if given.get("name", given.get("property", "")).lower() in _TITLE_METAS:
            yield given.get("content", "").strip()
