"""What a template may say of an article: plain strings, lists and mappings, nothing with methods worth having."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from markupsafe import Markup

from bot.domain.article import Article
from bot.domain.hashing import ASSET
from bot.domain.post import CREDIT_SLOT

from .links import UnusableLinkError, clean_url, marked_url
from .palette import PALETTES
from .sanitise import plain_text

DEFAULT_PLACE = "临沂市河东区"
#: There is a 河东区 in Tianjin too, so the city is named unless a text already does.
_PLACE = re.compile(r"(?P<city>.{2,}?市)(?P<district>.{1,8}?[区县市])")
_OF_THE_CITY = re.compile(r"市(?![场政容民区郊])")  # 市委, 市生态环境局, not 市场监督管理局
#: Other authorities' names say where they are: the state's, another province's, city's or county's.
_ELSEWHERE = re.compile(
    r"国务院|国家|全国|中共|中央|最高人民|中华|[\u3400-\u9fff]{2,7}?(?:省(?=人民|政府|委|[\u3400-\u9fff]{2,}[厅局])|自治区|自治州|自治县|特别行政区)"
    r"|(?!开发区|社区|园区|城区|街区|辖区|景区|新区|库区|灌区|林区|矿区|片区|小区)[\u3400-\u9fff]{2,3}?[市区县旗盟](?=人民|政府|委|党|监察|法院|检察)"
)
_POINT_ENDS = re.compile(r"(?<=[。；！？])")
_GIST_SOURCE = 400  # characters of text that a gist is drawn from


@dataclass(frozen=True, slots=True)
class Place:
    """The district's full name (`临沂市河东区`) and its parts."""

    name: str
    city: str
    district: str

    @classmethod
    def parse(cls, name: str) -> Place:
        """Split a full name; one that does not split is its own district."""
        match = _PLACE.fullmatch(name)
        return cls(name, match["city"], match["district"]) if match else cls(name, "", name)

    def named_in(self, text: str) -> bool:
        """Whether a reader of `text` knows where this is."""
        return self.district in text or (bool(self.city) and self.city in text)

    def full_unit(self, unit: str) -> str:
        """The unit's name with city and district before it, none of them twice, and never before another place's authority."""
        if not unit:
            return self.name
        if self.city and unit.startswith(self.city.removesuffix("市")):
            return unit
        if unit.startswith(self.district):
            return self.city + unit
        if self.city and _OF_THE_CITY.match(unit):
            return self.city + unit.removeprefix("市")
        if _ELSEWHERE.match(unit):
            return unit
        # units call their own district just 区: 区政务服务中心 is 临沂市河东区政务服务中心
        return self.name + (unit.removeprefix(self.district[-1]) if self.district else unit)


def article_variables(
    article: Article,
    *,
    account_name: str,
    options: Mapping[str, str],
    marker: str,
    pair: Article | None,
    pair_link: str,
) -> dict[str, Any]:
    """The variables of every template of a post; names are documented in `templates/channels/README.md`."""
    place = Place.parse(options.get("place") or DEFAULT_PLACE)
    summary = inline(article.summary) or plain_text(article.body_html)[:_GIST_SOURCE]
    title, unit = inline(article.title), inline(article.unit)
    return {
        "title": title,
        "summary": summary,
        "gist": summary[:_GIST_SOURCE],
        "paragraphs": [inline(line) for line in article.summary.splitlines() if line.strip()] or [summary],
        "points": points(summary),
        "body": article.body_html,
        "unit": unit,
        "full_unit": place.full_unit(unit),
        "place": place.name,
        "place_named": place.named_in(title),
        "kind": article.kind.value,
        "kind_label": article.kind.label,
        "number": inline(article.document_number),
        "index_number": inline(article.index_number),
        "category": inline(article.category),
        "subcategory": inline(article.subcategory),
        "published": chinese_date(article.published_on),
        "formed": chinese_date(article.formed_on),
        "source_url": usable(article.source_url),
        "url": marked_url(article.source_url, marker) if usable(article.source_url) else "",
        "account_name": inline(account_name),
        "options": dict(options),
        "pair": _pair(pair) if pair else None,
        "pair_link": usable(pair_link),
        "colours": PALETTES[article.kind].colours(),
        "attachments": [inline(one.name) for one in article.attachments],
        "credit_slot": Markup(CREDIT_SLOT),  # noqa: S704 - a constant of ours
    }


def _pair(pair: Article) -> dict[str, str]:
    return {
        "title": inline(pair.title),
        "kind_label": pair.kind.label,
        "unit": inline(pair.unit),
        "number": inline(pair.document_number),
        "published": chinese_date(pair.published_on),
        "source_url": usable(pair.source_url),
    }


def inline(text: str) -> str:
    """One line of plain text. A user's own `<!--credit-->` or picture name is made harmless: they mean
    something to the product."""
    joined = "".join(text.splitlines()) if not text.isascii() else " ".join(text.split())
    bare = joined.replace(CREDIT_SLOT, "＜!--credit--＞").strip()
    return ASSET.sub(lambda match: match[0].replace(":", "："), bare)


def points(summary: str) -> list[str]:
    """The summary as a list of statements, or [] if it is not one of two to six."""
    statements = [part.strip() for part in _POINT_ENDS.split(summary) if part.strip()]
    usual = 2 <= len(statements) <= 6 and all(len(part) >= 6 for part in statements)
    return [part.rstrip("；。") for part in statements] if usual else []


def chinese_date(day: date | None) -> str:
    """`2017年6月13日`, or "" when it is not known."""
    return f"{day.year}年{day.month}月{day.day}日" if day else ""


def usable(address: str) -> str:
    """The address if it is an absolute http(s) one, else ""."""
    try:
        return clean_url(address)
    except UnusableLinkError:
        return ""
