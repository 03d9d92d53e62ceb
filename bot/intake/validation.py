"""Rules of single values: what is understood, and what is refused with which words."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta
from urllib.parse import quote, urlsplit

from bot.domain.article import KIND_LABELS, Kind

from .cleaning import Notes
from .columns import LABELS
from .contract import Formula, Refusal

#: Most characters per field. Titles: WeChat cuts at 32 and portals print up to three lines, so 200 is generous.
LIMITS = {
    "external_id": 100,
    "title": 200,
    "summary": 200_000,
    "body_html": 200_000,
    "document_number": 100,
    "index_number": 100,
    "unit": 100,
    "category": 100,
    "subcategory": 100,
    "area": 100,
    "source_url": 1000,
    "interprets": 100,
    "form": 50,
    "provenance": 200,
}
#: No single cell may be longer than this, before any work is spent on it.
RAW_LIMIT = 200_000

KINDS = {kind.value: kind for kind in Kind} | {label: kind for kind, label in KIND_LABELS.items()}
KINDS |= dict.fromkeys(("信息公开", "公开信息", "政府信息", "公开", "文件", "政策文件", "政府文件"), Kind.DISCLOSURE)
KINDS |= dict.fromkeys(("解读", "政策解读材料", "解读材料", "文件解读"), Kind.INTERPRETATION)
KINDS |= dict.fromkeys(("通知", "公告", "公示", "公示公告", "announcement"), Kind.NOTICE)
KINDS |= dict.fromkeys(("服务", "便民", "办事指南", "服务指南"), Kind.SERVICE)

#: 公开属性 as the disclosure regulation divides it; only the first may be published, which the gate decides.
ATTRIBUTES = ("主动公开", "依申请公开", "不予公开")

_NUMBER = re.compile(
    r"(?P<prefix>\S.*?)\s*[〔﹝\[［【(（〈]\s*(?P<year>(?:19|20)\d{2})\s*[〕﹞\]］】)）〉]\s*第?\s*(?P<number>\d{1,5})\s*号"
)
_DATE = re.compile(
    r"(?P<y>\d{4})\s*(?:年|[-/.])\s*(?P<m>\d{1,2})\s*(?:月|[-/.])\s*(?P<d>\d{1,2})\s*日?"
    r"(?:[T\s]+\d{1,2}[:：时]\d{1,2}(?:[:：分]\d{1,2}(?:\.\d+)?秒?)?分?(?:Z|[+-]\d{2}:?\d{2})?)?"
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?")
_SCIENTIFIC = re.compile(r"\d(?:\.\d+)?[eE]\+?\d+")
_HOST = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?|\[[0-9a-f:.]+\]", re.IGNORECASE
)
_EPOCH = date(1899, 12, 30)  # day 0 of Excel's 1900 system, its leap-year slip included
_DATE_HINT = "请写成 2017-06-13、2017/6/13 或 2017年6月13日"
_URL_HINT = "请填写该信息在政府网站上的完整网址，以 http:// 或 https:// 开头"


def as_text(field: str, value: object) -> str:
    """A cell as text. Raises Refusal on formulas, nested values, booleans and numbers that are no text."""
    if value is None:
        return ""
    if isinstance(value, str):
        if len(value) > RAW_LIMIT:
            raise _too_long(field, value, len(value), RAW_LIMIT)
        return value
    if isinstance(value, Formula):
        hint = "请在表格软件中复制该单元格，用“选择性粘贴-数值”换成内容后重新导入"
        raise Refusal(field, value.text, f"{LABELS[field]}是公式；系统不计算公式，也不采用表格里存的旧结果", hint)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number_text(field, value)
    raise Refusal(field, value, f"{LABELS[field]}不是文字", "请把该项改成一段文字（不能是列表、对象或真假值）")


def _number_text(field: str, value: int | float) -> str:
    if not abs(value) < 10**15:  # also true of NaN
        hint = "请把该单元格设为文本格式后重新填写完整内容"
        raise Refusal(field, value, f"{LABELS[field]}是过大的数字，末尾数位可能已丢失", hint)
    return str(int(value)) if value == int(value) else repr(value)


def _too_long(field: str, value: str, length: int, limit: int) -> Refusal:
    return Refusal(field, value, f"{LABELS[field]}有 {length} 字，超过 {limit} 字", f"请缩短到 {limit} 字以内")


def within_limit(field: str, text: str) -> str:
    """The text itself, or Refusal when it is longer than its field allows."""
    limit = LIMITS.get(field, RAW_LIMIT)
    if len(text) > limit:
        raise _too_long(field, text, len(text), limit)
    return text


def required(field: str, text: str, remedy: str) -> str:
    """The text itself, or Refusal when it is empty."""
    if not text:
        raise Refusal(field, text, f"缺少{LABELS[field]}", remedy)
    return text


def external_id(text: str) -> str:
    """The id in the source. Refuses what a spreadsheet has already spoilt (1.2E+15)."""
    required("external_id", text, "请填写该信息在来源系统中的唯一编号")
    if _SCIENTIFIC.fullmatch(text):
        hint = "请在表格软件中把编号列设为文本格式，重新填写完整编号"
        raise Refusal("external_id", text, "编号已被表格软件改成科学计数，原编号已丢失", hint)
    if {".", ".."} & set(text.split("/")):  # in an address they mean another folder
        what = "编号（或其中斜杠之间的一段）不能只是一个或两个点，网页上打不开"
        raise Refusal("external_id", text, what, "请填写该信息在来源系统中的唯一编号")
    return text


def kind(text: str) -> Kind:
    """The kind, from its code or a Chinese label."""
    labels = "、".join(KIND_LABELS.values())
    required("kind", text, f"请填写类型：{labels}")
    found = KINDS.get(text.lower())
    if found is None:
        raise Refusal("kind", text, "不认识的类型", f"请填写以下之一：{labels}")
    return found


def attribute(text: str) -> str:
    """公开属性; 主动公开 when the source says nothing."""
    if text and text not in ATTRIBUTES:
        raise Refusal(
            "attribute", text, "不认识的公开属性", f"请填写以下之一：{'、'.join(ATTRIBUTES)}；留空视为主动公开"
        )
    return text or ATTRIBUTES[0]


def document_number(text: str, notes: Notes) -> str:
    """发文字号 with 六角括号 and ASCII digits (GB/T 9704-2012, 7.2.5). Other forms stay: the gate judges them."""
    match = _NUMBER.fullmatch(text)
    if not match:
        return text
    year, number = (unicodedata.normalize("NFKC", match[name]) for name in ("year", "number"))
    normal = f"{match['prefix']}〔{year}〕{number}号"
    if normal != text:
        notes.add("document_number", f"发文字号统一写法：{text} → {normal}")
    return normal


def day(field: str, value: object, text: str, notes: Notes) -> date | None:
    """A calendar day from a date cell, an Excel serial number or one of the usual spellings; None when empty.

    A time of day is dropped: the portal's promise is a day. Raises Refusal on what is no day between 1949 and 2099.
    """
    if isinstance(value, datetime):
        return _in_range(field, value.date(), value)
    if isinstance(value, date):
        return _in_range(field, value, value)
    if not text:
        return None
    plain = unicodedata.normalize("NFKC", text)
    if _SERIAL.fullmatch(plain):
        found = _EPOCH + timedelta(days=int(float(plain)))
        notes.add(field, f"表格软件的日期序号 {plain} 读作 {found.isoformat()}")
        return _in_range(field, found, text)
    spelled = _spelled(plain)
    if spelled is None:
        raise Refusal(field, text, f"{LABELS[field]}无法识别", _DATE_HINT)
    return _in_range(field, spelled, text)


def _spelled(plain: str) -> date | None:
    match = _DATE.fullmatch(plain) or _COMPACT.fullmatch(plain)
    try:
        return date(*map(int, match.groups()[:3])) if match else None
    except ValueError:  # 30 February
        return None


def _in_range(field: str, found: date, value: object) -> date:
    if not 1949 <= found.year <= 2099:
        raise Refusal(field, value, f"{LABELS[field]}的年份不合理", _DATE_HINT)
    return found


def source_url(text: str, notes: Notes) -> str:
    """An absolute http(s) address without credentials; characters that no address may hold are percent-encoded.

    The address is only carried, never fetched here.
    """
    required("source_url", text, _URL_HINT + "；没有链接的信息不能推送，因为推送内容要能回到原文")
    within_limit("source_url", text)
    try:
        parts = urlsplit(text)
        host, port_ok = parts.hostname or "", parts.port is None or parts.port > 0
    except ValueError:
        raise Refusal("source_url", text, "原文链接不是正确的网址", _URL_HINT) from None
    if parts.scheme not in ("http", "https") or not host:
        raise Refusal("source_url", text, "原文链接不是完整的网址", _URL_HINT)
    if "@" in parts.netloc:
        raise Refusal("source_url", text, "原文链接里带有用户名或密码", "请去掉网址中 @ 之前的部分")
    if (
        re.search(r"[\s\\]", text)
        or not port_ok
        or not _HOST.fullmatch(parts.netloc.rpartition("@")[2].split(":")[0] or host)
    ):
        raise Refusal("source_url", text, "原文链接里有网址不能用的字符", _URL_HINT)
    encoded = quote(text, safe="%/:?#[]@!$&'()*+,;=-._~")
    if encoded != text:
        notes.add("source_url", "网址中的特殊字符已转码")
    return within_limit("source_url", encoded)
