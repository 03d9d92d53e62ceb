"""Wrong and right terms from the rule file (domain.md 3.2, 3.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from bot.domain.article import Article
from bot.domain.findings import Finding, Level

from ..context import Context, Place, hit, place
from ..rules import Match, TermBook
from ..text import Folded, visible

#: Fields whose wording is ours. Document numbers have their own check; index numbers and links are data.
FIELDS = ("title", "summary", "body_html", "unit")

#: Kinds of rules that have a check of their own.
_ELSEWHERE = frozenset({"classified_marker", "disclosure_attribute"})

_KIND_LABELS = {
    "critical_typo": "严重错别字",
    "typo": "错别字",
    "law_title": "法律名称不规范",
    "law_term": "法律用语不规范",
    "repealed_law": "引用了已废止的法律",
    "official_phrase": "固定表述有误",
    "policy_term": "政策用语有误",
    "leader_title": "职务表述有误",
    "leader_style": "涉领导活动用语不当",
    "admin_division": "行政区划表述有误",
    "hk_mo_tw": "涉港澳台用语不规范",
    "international": "涉外用语不规范",
    "ethnic_religion": "涉民族宗教用语不规范",
    "dignity": "用语不尊重当事人",
    "absolute": "绝对化用语",
    "medical_absolute": "医疗绝对化用语",
    "unit_name": "机构或地方名称不规范",
    "usage": "用词不当",
    "redundancy": "语义重复",
    "number_logic": "数字表述不合逻辑",
    "doc_number": "发文字号格式有误",
    "number_format": "数字用法不规范",
    "punctuation": "标点用法不规范",
    "unit_measure": "计量单位不规范",
}

#: Right words that contain a wrong one: {wrong: words around it in which it is right}.
_RIGHT_AROUND = {
    "渡假": r"过渡假",
    "全国第一": r"全国第一(?:批|次|届|家|个|线|轮|期|大|产业|季度|书记|时间)",
    "国家级": r"国家级(?:旅游度假区|(?:经济技术|高新技术产业)?开发区|新区|非物质文化遗产|贫困县|示范|试点)",
    "最佳": r"最佳[^，。；]{1,12}奖",
    "根治": r"根治(?:欠薪|拖欠)|欠薪根治",
    "中港": r"中港(?:路|街|镇|村|社区)",
    "中台": r"(?:数据|业务|技术|空)中台|中台风",
    "内港": r"内港(?:池|区|路)",
    "市市委书记": r"(?:城|级|辖|全|各)市市委书记",
    "县县委书记": r"(?:全|各)县县委书记",
    "省省委书记": r"(?:全|各)省省委书记",
    "区区委书记": r"(?:地|全|各)区区委书记",
    "权利清单": r"(?:患者|公民|群众|纳税人|消费者|缴费人)权利清单",
    "报导": r"(?:情|预|申|汇|上)报导[入出致]",
    "签定": r"抽签定",
    "瞎子": r"摸瞎子",
}
_RIGHT_PATTERNS = {wrong: re.compile(words) for wrong, words in _RIGHT_AROUND.items()}
_AROUND = 14

_TITLE = re.compile(r"《[^《》\n]{0,200}》")
_HOUSE_SOURCES = {"own knowledge": "编校常识", "seed": "河东区2017年年报", "seed+own knowledge": "河东区2017年年报"}


def check_terms(article: Article, context: Context) -> Iterator[Finding]:
    """Apply the rules to title, summary, body and unit; the rule file says how serious each is."""
    texts = {name: context.texts.get(name, "") for name in FIELDS}
    return in_texts(texts, context.terms, as_of(article, context.today))


def as_of(article: Article, today: date) -> date:
    """The day by whose wording an article is judged."""
    return article.published_on or article.formed_on or today


def in_texts(texts: Mapping[str, str], terms: TermBook, day: date, where: Place = place) -> Iterator[Finding]:
    """The rules as of a day, in any texts by name."""
    place_named = False
    for name, text in texts.items():
        folded = visible(text)
        titles = [match.span() for match in _TITLE.finditer(folded.text)]
        for match in terms.find(folded.text):
            if not _applies(match, folded.text, titles, day):
                continue
            if _first_mention_only(match):
                if place_named or name == "unit":
                    continue
                place_named = True
            yield _finding(match, name, text, folded, where)


def _applies(match: Match, text: str, titles: Sequence[tuple[int, int]], as_of: date) -> bool:
    rule = match.rule
    if rule.kind in _ELSEWHERE or rule.match == "field":
        return False
    if rule.match == "date_aware":
        too_early = rule.valid_from is not None and as_of < rule.valid_from
        return not too_early and not _quoted(match, titles)
    return not _right_here(match, text)


def _quoted(match: Match, titles: Sequence[tuple[int, int]]) -> bool:
    """Whether the match is part of a quoted title. A rule about 《婚姻法》 itself matches the whole title."""
    return any(start < match.start and match.end < end for start, end in titles)


def _right_here(match: Match, text: str) -> bool:
    pattern = _RIGHT_PATTERNS.get(match.rule.wrong)
    if pattern is None:
        return False
    nearby = pattern.finditer(text, max(0, match.start - _AROUND), match.end + _AROUND)
    return any(found.start() <= match.start and match.end <= found.end() for found in nearby)


def _first_mention_only(match: Match) -> bool:
    """The advice to put the city before 河东区 concerns the first mention in an article."""
    return match.rule.kind == "unit_name" and match.rule.right.endswith("河东区人民政府")


def _level(match: Match) -> Level:
    """U+FE5D/U+FE5E also stand on official pages (domain.md 2.7): a warning where the file says block."""
    lookalike = match.rule.kind == "doc_number" and match.text[0] == "﹝" and match.text[-1] == "﹞"
    return Level.WARN if lookalike else match.rule.level


def _finding(match: Match, name: str, text: str, folded: Folded, where: Place) -> Finding:
    span = folded.span(match.start, match.end)
    message = f"{where(name, text, span[0])}“{match.text}”：{_message(match)}"
    return hit(
        f"terms.{match.rule.kind}",
        _level(match),
        message,
        name,
        span,
        match.text,
        suggestion=match.right,
        source=f"用语表第{match.rule.line}行（{_HOUSE_SOURCES.get(match.rule.source, match.rule.source)}）",
    )


def _message(match: Match) -> str:
    rule = match.rule
    label = _KIND_LABELS.get(rule.kind, "用语问题")
    doubt = "可能" if rule.level is Level.HINT else ""
    if match.right:
        return f"{doubt}{label}，请改为“{match.right}”{'；确认无误的可保留' if doubt else ''}。"
    advice = rule.right.strip("（）()")
    return f"{doubt}{label}，{f'处理办法：{advice}' if advice else '请删去或改写'}。"
