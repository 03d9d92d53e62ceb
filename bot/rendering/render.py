"""The whole of rendering: one article and one channel's spec make one post."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.domain.article import Article, OwnCover
from bot.domain.channel import ChannelSpec, CoverSpec
from bot.domain.findings import Finding, Level
from bot.domain.place import DEFAULT_PLACE
from bot.domain.post import Asset, Post, Rendered

from .context import article_variables, usable
from .covers import draw_cover, not_drawn
from .fields import environment, field_template, fill
from .sanitise import styled_body
from .typefaces import MISSING

#: A cover of one's own has a part for each of these two shapes; any other layout is drawn all the same.
OWN_LAYOUT = "wide+square"


def render(
    article: Article,
    spec: ChannelSpec,
    *,
    account_name: str,
    options: Mapping[str, str],
    marker: str,
    pair: Article | None = None,
    pair_link: str = "",
) -> tuple[Rendered, list[Finding]]:
    """Render `article` for one account of the channel that `spec` describes.

    `options` are the account's plain settings (`place`: the district's full name, default 临沂市河东区).
    `marker` becomes the parameter `tf` of the document's own link. `pair` is the interpretation of a
    document or the document of an interpretation, `pair_link` its public address on this channel, if any.
    Same input, same bytes. Whatever does not fit or is missing is a finding, never an exception; a channel
    without a template for a field is a fault of the installation (jinja2.TemplateNotFound).
    """
    variables = article_variables(
        article, account_name=account_name, options=options, marker=marker, pair=pair, pair_link=pair_link
    )
    payload: dict[str, Any] = {}
    findings = [*_link_findings(article), *_picture_findings(article)]
    for field in spec.fields:
        template = field_template(spec.name, article.kind.value, field, environment())
        payload[field.name], found = fill(template, field, {**variables, "fields": dict(payload)})
        findings += found
    findings += cover_findings(article, spec.cover, options) if spec.cover else []
    assets = _add_cover(payload, article, spec, options)
    return Rendered(Post(spec.name, payload, marker), assets), findings


def cover_findings(article: Article, spec: CoverSpec, options: Mapping[str, str]) -> list[Finding]:
    """What staff must know of the cover, without drawing it."""
    may_be_own = spec.layout == OWN_LAYOUT
    place = options.get("place") or DEFAULT_PLACE
    lacking = [] if article.cover and may_be_own else not_drawn(article, spec.layout, place=place)
    if not lacking:
        return []
    shown = "".join(f"“{char}”" for char in lacking)
    what, remedy = ("封面", "请换自己的图片") if may_be_own else ("配图", "请改用别的字，或核对后照发")
    message = f"{what}字体里没有{shown}，{what}上会画成{MISSING}，{remedy}。"
    return [Finding("render.cover_character", Level.WARN, message, spec.field, found="".join(lacking))]


def _add_cover(
    payload: dict[str, Any], article: Article, spec: ChannelSpec, options: Mapping[str, str]
) -> tuple[Asset, ...]:
    if spec.cover is None:
        return ()
    if article.cover and spec.cover.layout == OWN_LAYOUT:
        return _own_cover(payload, article.cover, spec.cover)
    cover = draw_cover(article, spec.cover, place=options.get("place") or DEFAULT_PLACE)
    payload[spec.cover.field] = cover.asset.ref
    for name, field in spec.cover.crops.items():
        payload[field] = cover.crops[name]
    return (cover.asset,)


def _own_cover(payload: dict[str, Any], own: OwnCover, spec: CoverSpec) -> tuple[Asset, ...]:
    """The picture that staff chose is kept already, like those of the body; its frames go out as they were chosen."""
    payload[spec.field] = own.picture
    cut = {"wide": own.wide, "square": own.square}
    payload.update({field: cut[name] for name, field in spec.crops.items()})
    return ()


def _link_findings(article: Article) -> list[Finding]:
    if usable(article.source_url):
        return []
    message = "原文链接缺失或不是以 http:// 或 https:// 开头的网址，发布后无法核对；请补上门户网站上的原文链接。"
    return [Finding("render.source_url", Level.BLOCK, message, "source_url", found=article.source_url[:80])]


def _picture_findings(article: Article) -> list[Finding]:
    lost = styled_body(article.body_html, {}).lost_pictures if article.body_html else 0
    if not lost:
        return []
    message = f"正文有 {lost} 张图片没有随稿件导入，发布后看不到；请重新导入带图片的稿件，或删去这些图片。"
    return [Finding("render.picture_lost", Level.WARN, message, "body_html")]
