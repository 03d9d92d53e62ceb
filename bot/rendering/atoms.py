"""Atoms: the smallest pieces of Chinese text that may not be cut or broken over a line.

Shared by shortening and by the setting of covers. Pure string work, no dictionary: a run of 汉字 falls into
single characters, everything whose parts mean nothing alone stays whole: addresses, document numbers, dates,
numbers with their unit, Latin words, combining and emoji sequences.
"""

from __future__ import annotations

import re
import unicodedata

from bot.domain.scripts import LOWERED, RAISED

_UNITS = (
    "平方公里|平方米|立方米|公里|公斤|公顷|千瓦时|千瓦|千米|千克|厘米|毫米|兆瓦|个百分点|个工作日|工作日|个月|小时|分钟|周年|周岁|年度|"
    "季度|月份|年代|世纪|人次|户次|件次|辆次|亿元|万元|元|角|分|人|户|名|家|个|项|条|件|次|批|期|号|届|年|月|日|天|周|时|点|秒|岁|"
    "亩|米|吨|克|升|度|倍|成|级|类|种|份|册|部|章|节|款|页|版|台|辆|套|所|处|座|村|镇|区|县|市|路|楼|层|室|位|岁|折|笔|宗|起|例|场|轮|步"
)
_DIGITS = r"[0-9０-９]"
_NUMERAL = "〇零一二三四五六七八九十百千万亿两"
_PATTERN = re.compile(
    "|".join(
        (
            r"https?://[!-~]+",
            r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,253}",
            # 临东政办字〔2017〕41号, also with the look-alike brackets found on official pages
            rf"[^\W\d_A-Za-z按照根据依现的和与及以见转执关于]{{1,6}}[〔﹝［\[（(]{_DIGITS}{{4}}[〕﹞］\]）)]第?{_DIGITS}{{1,5}}号",
            rf"[〔﹝［\[]{_DIGITS}{{4}}[〕﹞］\]]第?{_DIGITS}{{1,5}}号",
            rf"{_DIGITS}{{4}}年(?:{_DIGITS}{{1,2}}月(?:份|{_DIGITS}{{1,2}}日)?|度)?",
            rf"{_DIGITS}{{1,2}}月{_DIGITS}{{1,2}}日",
            rf"[第约近超]?[¥￥$]?[+＋\-−－]?{_DIGITS}+(?:[,，.．:：/／\-–—~～·]{_DIGITS}+)*"
            rf"(?:[×xX]{_DIGITS}+(?=[{RAISED}]))?[{RAISED}]*"
            rf"(?:[%％‰℃]|[十百千万亿余多几]*(?:{_UNITS})?[A-Za-z]*)",
            rf"第[{_NUMERAL}]+(?:{_UNITS})?",
            rf"[{_NUMERAL}]{{2,}}(?:{_UNITS})?",
            rf"[{_NUMERAL}](?:{_UNITS})",
            r"[A-Za-z\u00c0-\u024f][A-Za-z0-9\u00c0-\u024f'’._+\-/&]*[A-Za-z0-9\u00c0-\u024f+]|[A-Za-z\u00c0-\u024f]",
            r"[\U0001F1E6-\U0001F1FF]{2}",
            r"…+|—+|\s+|.",
        )
    ),
    re.DOTALL,
)
_SCRIPT = re.compile(rf"[{RAISED}{LOWERED}]+|[\^_]\([^()]{{1,40}}\)")
_JOINER = "\u200d"


def atoms(text: str) -> list[str]:
    """Cut text into atoms; joined together they are the text again."""
    pieces: list[str] = []
    at = 0
    while at < len(text):
        match = _PATTERN.match(text, at)
        end = _cluster_end(text, match.end() if match else at + 1)
        pieces.append(text[at:end])
        at = end
    return pieces


def boundaries(text: str) -> list[int]:
    """Offsets at which text may be cut, ascending, without 0 and with the end."""
    ends: list[int] = []
    for piece in atoms(text):
        ends.append((ends[-1] if ends else 0) + len(piece))
    return ends


def _cluster_end(text: str, end: int) -> int:
    """Move `end` behind marks, variation selectors, skin tones and joiners that belong to what stands before."""
    while end < len(text):
        char = text[end]
        if char == _JOINER:
            end += 2 if end + 1 < len(text) else 1
        elif _belongs_before(char) or _is_surrogate_pair(text[end - 1], char):
            end += 1
        elif script := _SCRIPT.match(text, end):
            end = script.end()
        else:
            break
    return end


def _belongs_before(char: str) -> bool:
    return (
        unicodedata.category(char) in ("Mn", "Me", "Mc")
        or 0x1F3FB <= ord(char) <= 0x1F3FF
        or 0xE0020 <= ord(char) <= 0xE007F
    )


def _is_surrogate_pair(high: str, low: str) -> bool:
    return "\ud800" <= high <= "\udbff" and "\udc00" <= low <= "\udfff"
