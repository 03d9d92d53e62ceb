"""Personal numbers: ID cards, mobile numbers, bank cards (domain.md 2.6; PIPL art. 25 and 28).

All matching is done on folded text, so that full-width digits, zero-width characters and separators hide
nothing. A number that is already masked (138****1234) no longer looks like one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from stdnum import luhn
from stdnum.cn import ric, uscc

from bot.domain.article import Article
from bot.domain.findings import Finding, Level

from ..context import Context, Place, hit, place
from ..masks import mask_card, mask_id, mask_mobile
from ..text import fold

_SEP = r"[ .\-_]{0,3}"
_ID18 = re.compile(rf"(?<!\d)(?=(\d(?:{_SEP}\d){{16}}{_SEP}(?:[Xx]|\d(?!\d))))")
_ID15 = re.compile(rf"(?<!\d)(?=(\d{{6}}{_SEP}\d{{6}}{_SEP}\d{{3}})(?![\dXx]))")
_MOBILE = re.compile(r"(?<!\d)(?:00)?(?:86)?[ .\-_()（）]{0,3}(1[3-9]\d[ .\-_()（）]{0,3}\d{4}[ .\-_]{0,3}\d{4})(?!\d)")
# Other groupings look like rows of figures too: they count only where the text speaks of a telephone.
_MOBILE_LOOSE = re.compile(r"(?<!\d)(1[ .\-_]{0,3}[3-9](?:[ .\-_]{0,3}\d){9})(?!\d)")
_QUANTITY = re.compile(r"(?:\.\d+)?\s*(?:元|万元|亿元|美元|平方米|立方米|公里|吨|千克|公斤|千瓦|人次|字节|次)")
_DIGITS = re.compile(r"\d+")
_GAP = re.compile(r"[ .\-_]{1,3}")
_CREDIT_CODE = re.compile(r"(?<![0-9A-Za-z])[0-9A-Za-z]{18}(?![0-9A-Za-z])")

_TELEPHONE = re.compile(r"电话|手机|联系|致电|拨打|微信|热线|[Tt][Ee][Ll]|[Mm]obile")
_ID_WORDS = re.compile(r"身份证|身份号码|证件|证号")
_CASE_WORDS = re.compile(r"编号|项目|采购|招标|合同|票据|批次|流水|文号")
_BANK_WORDS = re.compile(r"卡号|账号|帐号|账户|帐户|开户|银行|存折|一卡通|信用社|汇款|收款")
_CREDIT_WORDS = re.compile(r"信用代码|机构代码")

# First two digits of GB/T 2260. A finer check against the county list would miss people: their number keeps
# the code of the place of registration, which may be younger than the person (371312 was formed in 1995).
_PROVINCES = frozenset(
    str(code)
    for codes in (
        range(11, 16),
        range(21, 24),
        range(31, 38),
        range(41, 47),
        range(50, 55),
        range(61, 66),
        (71, 81, 82, 83),
    )
    for code in codes
)
_BEFORE, _AFTER = 24, 12  # characters in which a word makes a number's meaning clear
_LAW = "《个人信息保护法》第二十五条、第二十八条；国办发〔2018〕23号（去标识化）"


@dataclass(frozen=True, slots=True)
class _Number:
    """A personal number in folded text."""

    rule: str
    level: Level
    start: int
    end: int
    shown: str


_MESSAGES = {
    "pii.id_card": "{where}起是一个居民身份证号码，不得公开；请删除，确需标示的改为掩码形式（如{shown}）。",
    "pii.id_card_suspect": "{where}起像是居民身份证号码（地区和出生日期相符），请核对；如果是，请删除或改为掩码形式（如{shown}）。",
    "pii.mobile": "{where}起是一个手机号码，不得公开；请删除或改为掩码形式（如{shown}），对外联系请用办公固定电话。",
    "pii.bank_card": "{where}起是一个银行卡号，不得公开；请删除，确需标示的只保留末四位（如{shown}）。",
}


def check_pii(article: Article, context: Context) -> Iterator[Finding]:
    """Block personal numbers in any field; `found` is always masked."""
    return in_texts(context.texts, context.today)


def in_texts(texts: Mapping[str, str], today: date, where: Place = place) -> Iterator[Finding]:
    """The same in any texts by name."""
    for name, text in texts.items():
        folded = fold(text)
        for number in _numbers(folded.text, today, in_address=name == "source_url"):
            span = folded.span(number.start, number.end)
            message = _MESSAGES[number.rule].format(where=where(name, text, span[0]), shown=number.shown)
            yield hit(number.rule, number.level, message, name, span, number.shown, source=_LAW)


def _numbers(text: str, today: date, *, in_address: bool) -> list[_Number]:
    """Every personal number, in order, none overlapping; web addresses are searched for ID cards only."""
    codes, taken = _Spans(len(text)), _Spans(len(text))
    for start, end in _credit_codes(text):
        codes.take(start, end)
    found: list[_Number] = []
    finders = [_id18(text, today), _id15(text, today)]
    if not in_address:
        finders += [_mobiles(text), _cards(text)]
    for finder in finders:
        for number in finder:
            if not codes.hold(number.start, number.end) and not taken.touch(number.start, number.end):
                taken.take(number.start, number.end)
                found.append(number)
    return sorted(found, key=lambda number: number.start)


class _Spans:
    """Which characters are spoken for: a list of ten thousand people has forty thousand numbers."""

    def __init__(self, length: int) -> None:
        self._marks = bytearray(length)

    def take(self, start: int, end: int) -> None:
        self._marks[start:end] = b"\1" * (end - start)

    def touch(self, start: int, end: int) -> bool:
        """Whether any of these is taken."""
        return 1 in self._marks[start:end]

    def hold(self, start: int, end: int) -> bool:
        """Whether all of these are. (Two credit codes never touch.)"""
        return 0 not in self._marks[start:end]


def _near(words: re.Pattern[str], text: str, start: int, end: int, after: int = _AFTER) -> bool:
    return bool(words.search(text, max(0, start - _BEFORE), start) or words.search(text, end, end + after))


def _credit_codes(text: str) -> list[tuple[int, int]]:
    """Spans of 统一社会信用代码, which are public. All-digit ones count only where the text says so."""
    return [
        match.span()
        for match in _CREDIT_CODE.finditer(text)
        if uscc.is_valid(match[0])
        and (not match[0][:-1].isdigit() or _near(_CREDIT_WORDS, text, *match.span(), after=0))
    ]


def _compact(text: str) -> str:
    return "".join(char for char in text if char.isalnum()).upper()


def _born(text: str, today: date) -> bool:
    """Whether YYYYMMDD is a date on which a living person can be born."""
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return False
    return date(1900, 1, 1) <= day <= today


def _id18(text: str, today: date) -> Iterator[_Number]:
    """GB 11643: region, date of birth, sequence, check digit."""
    for match in _ID18.finditer(text):
        digits = _compact(match[1])
        start, end = match.span(1)
        if digits[:2] not in _PROVINCES or not _born(digits[6:14], today):
            continue
        if ric.calc_check_digit(digits) == digits[-1] or _near(_ID_WORDS, text, start, end):
            yield _Number("pii.id_card", Level.BLOCK, start, end, mask_id(digits))
        elif digits == match[1].upper():
            yield _Number("pii.id_card_suspect", Level.WARN, start, end, mask_id(digits))


def _id15(text: str, today: date) -> Iterator[_Number]:
    """The form before 1999. It has no check digit; project numbers that start with the region look alike."""
    for match in _ID15.finditer(text):
        digits = _compact(match[1])
        start, end = match.span(1)
        if digits[:2] not in _PROVINCES or not _born("19" + digits[6:12], today):
            continue
        doubtful = _near(_CASE_WORDS, text, start, end, after=0) and not _near(_ID_WORDS, text, start, end)
        rule, level = ("pii.id_card_suspect", Level.WARN) if doubtful else ("pii.id_card", Level.BLOCK)
        yield _Number(rule, level, start, end, mask_id(digits))


def _mobiles(text: str) -> Iterator[_Number]:
    for match in _MOBILE.finditer(text):
        if not _QUANTITY.match(text, match.end()):
            yield _mobile(match)
    for match in _MOBILE_LOOSE.finditer(text):
        if _near(_TELEPHONE, text, *match.span(1)):
            yield _mobile(match)


def _mobile(match: re.Match[str]) -> _Number:
    return _Number("pii.mobile", Level.BLOCK, *match.span(1), mask_mobile(_compact(match[1])))


def _cards(text: str) -> Iterator[_Number]:
    """13 to 19 digits that pass Luhn, where the text speaks of a bank or an account."""
    groups = [match.span() for match in _DIGITS.finditer(text)]
    for first, (start, _) in enumerate(groups):
        end = _card_end(text, groups[first : first + 19])
        if end and _near(_BANK_WORDS, text, start, end):
            yield _Number("pii.bank_card", Level.BLOCK, start, end, mask_card(_compact(text[start:end])))


def _card_end(text: str, groups: list[tuple[int, int]]) -> int | None:
    """Where the longest card number that starts with the first of these digit groups ends."""
    digits, best, previous = "", None, None
    for start, end in groups:
        if previous is not None and not _GAP.fullmatch(text, previous, start):
            break
        digits, previous = digits + text[start:end], end
        if len(digits) > 19:
            break
        if len(digits) >= 13 and len(set(digits)) > 1 and luhn.is_valid(digits):
            best = end
    return best
