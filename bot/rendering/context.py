"""What a template may say of an article: plain strings, lists and mappings, nothing with methods worth having."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from markupsafe import Markup

from bot.domain.article import Article
from bot.domain.hashing import ASSET
from bot.domain.place import DEFAULT_PLACE, Place
from bot.domain.post import CREDIT_SLOT

from .links import UnusableLinkError, clean_url, marked_url
from .palette import PALETTES
from .sanitise import plain_text

_POINT_ENDS = re.compile(r"(?<=[。；！？])")
_GIST_SOURCE = 400  # characters of text that a gist is drawn from


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
