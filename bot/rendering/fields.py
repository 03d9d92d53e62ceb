"""Fields of a payload, as the channel's spec lists them: find the template, fill it, make it fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Template

from bot.domain.channel import FieldSpec
from bot.domain.findings import Finding, Level

from .environment import MAX_OUTPUT, OutputTooLongError, PostEnvironment, template_root, write
from .filters import FILTERS
from .headline import headline
from .sanitise import minify
from .shorten import shorten

#: Less than this of a shortened text says nothing; it is left out whole.
_LEAST = 8
_SHORTENERS: dict[str, Callable[[str, Callable[[str], bool]], str]] = {"title": headline}
_WORDS = {"title": "标题", "gist": "摘要", "summary": "摘要", "author": "作者"}


@lru_cache(maxsize=1)
def environment() -> PostEnvironment:
    """The process's one environment; templates are packaged files and never change while it runs."""
    return PostEnvironment(template_root(), FILTERS)


def field_template(channel: str, kind: str, spec: FieldSpec, env: PostEnvironment) -> Template:
    """`<channel>/<kind>.<field>.<ext>`, else `<channel>/default.<field>.<ext>`; TemplateNotFound otherwise."""
    extension = "html" if spec.form == "html" else "txt"
    return env.find(f"{channel}/{name}.{spec.name}.{extension}" for name in (kind, "default"))


def fill(template: Template, spec: FieldSpec, variables: Mapping[str, Any]) -> tuple[str, list[Finding]]:
    """The field's value and what staff must know of it.

    The variables named by `spec.elastic` are shortened one after the other until the field fits. What
    still does not fit is returned whole, with a blocking finding: nothing is cut that may not be. No title
    is left out: one of which too little would remain stays whole, too.
    """
    variables = {**variables, "limit": spec.limit}

    def written(**changes: str) -> str:
        return _tidy(write(template, {**variables, **changes}), spec)

    def too_long(value: str) -> bool:
        return spec.limit is not None and spec.count(value) > spec.limit

    try:
        value = written()
    except OutputTooLongError:
        return "", [_too_long(spec, f"超过 {MAX_OUTPUT} 字")]
    changes: dict[str, str] = {}
    for name in spec.elastic:
        if not too_long(value):
            break

        def fits(text: str, name: str = name) -> bool:
            return not too_long(written(**{**changes, name: text}))

        changes[name] = _squeeze(name, str(variables[name]), fits)
        if name == "title" and variables[name] and not changes[name]:
            del changes[name]
            return written(**changes), [*_shortened(spec, changes), _stiff_title(spec, str(variables[name]))]
        value = written(**changes)
    return value, [*_shortened(spec, changes), *_verdict(spec, value, too_long(value))]


def _squeeze(name: str, original: str, fits: Callable[[str], bool]) -> str:
    text = _SHORTENERS.get(name, shorten)(original, fits)
    return text if len(text) >= _LEAST or text == original else ""


def _tidy(value: str, spec: FieldSpec) -> str:
    return minify(value) if spec.form == "html" else " ".join(value.split())


def _shortened(spec: FieldSpec, changes: Mapping[str, str]) -> list[Finding]:
    """A changed title is somebody's to check; a shorter summary is only worth a hint."""
    return [_changed(spec, name, text) for name, text in changes.items()]


def _changed(spec: FieldSpec, name: str, text: str) -> Finding:
    word, field = _WORDS.get(name, name), spec.label or spec.name
    limit = f"（上限 {spec.limit} 字）"
    if name == "title":
        message = f"标题较长，{field}{limit}里写作“{text}”；请核对意思是否完整，不合适请改短原标题。"
        return Finding("render.title_shortened", Level.WARN, message, spec.name, found=text)
    if not text:
        message = f"{field}{limit}放不下{word}，已整段略去；要保留请缩短标题或{word}。"
    else:
        message = f"{word}较长，{field}{limit}里只保留了“{text}”；不合适请改写{word}。"
    return Finding("render.text_shortened", Level.HINT, message, spec.name, found=text)


def _verdict(spec: FieldSpec, value: str, too_long: bool) -> list[Finding]:
    label = spec.label or spec.name
    if too_long:
        return [_too_long(spec, f"有 {spec.count(value)} 字，超过上限 {spec.limit} 字，缩短后仍放不下")]
    if spec.required and not value:
        return [Finding("render.empty", Level.BLOCK, f"{label}是空的，无法发布；请补全稿件内容。", spec.name)]
    return []


def _stiff_title(spec: FieldSpec, title: str) -> Finding:
    room = (
        f"缩不到 {spec.limit} 字以内"
        if spec.elastic == ("title",)
        else f"{spec.label or spec.name}（上限 {spec.limit} 字）放不下"
    )
    return Finding("render.too_long", Level.BLOCK, f"标题有 {spec.count(title)} 字，{room}，请改短。", spec.name)


def _too_long(spec: FieldSpec, how: str) -> Finding:
    return Finding("render.too_long", Level.BLOCK, f"{spec.label or spec.name}{how}；请精简原文后重新生成。", spec.name)
