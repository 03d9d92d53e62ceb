"""Values are data; the sandbox gives even a careless template nothing to hold on to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from jinja2.exceptions import SecurityError, TemplateError, TemplateNotFound, UndefinedError

from bot.rendering.environment import MAX_OUTPUT, OutputTooLongError, PostEnvironment, write
from bot.rendering.filters import FILTERS
from bot.rendering.render import render

from .samples import ALL, ARTICLE_SPEC, MARKER, NOTICE, SHORT_SPEC

UNLIMITED = replace(ARTICLE_SPEC, cover=None, fields=tuple(replace(field, limit=None) for field in ARTICLE_SPEC.fields))
PAYLOADS = [
    "{{7*7}}",
    "{{ ''.__class__.__mro__ }}",
    '{{ config|attr("__class__") }}',
    '{{ "%s"|format(title) }}',
    "{% for x in range(9) %}x{% endfor %}",
    '{% include "/etc/passwd" %}',
    "{# gone? #}",
    "${7*7} #{7*7} <%= 7*7 %>",
    "{{ self._TemplateReference__context }}",
    "{% raw %}{{ x }}{% endraw %}",
]


@pytest.fixture
def sandbox(tmp_path: Path) -> PostEnvironment:
    return PostEnvironment(tmp_path, FILTERS)


def run(env: PostEnvironment, source: str, **variables: object) -> str:
    return write(env.from_string(source), variables)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_template_syntax_in_an_article_comes_out_literally(payload: str) -> None:
    article = replace(NOTICE, title=payload, summary=payload + "。", unit=payload, document_number=payload)
    rendered, _ = render(article, UNLIMITED, account_name=payload, options={}, marker=MARKER)
    assert rendered.post.payload["title"] == payload
    escaped = (
        payload.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&#34;")
        .replace("'", "&#39;")
    )
    assert escaped in rendered.post.payload["content"]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_template_syntax_in_a_body_comes_out_literally(payload: str) -> None:
    article = replace(NOTICE, body_html=f"<p>{payload.replace('<', '&lt;')}</p>")
    rendered, _ = render(article, replace(ARTICLE_SPEC, cover=None), account_name="a", options={}, marker=MARKER)
    assert payload.replace("<", "&lt;").replace(">", "&gt;") in rendered.post.payload["content"]


@pytest.mark.parametrize("payload", ["{{7*7}}", "{% set x = 1 %}", "{{ x|attr('y') }}"])
def test_template_syntax_in_a_short_post_comes_out_literally(payload: str) -> None:
    article = replace(NOTICE, summary=payload)
    rendered, _ = render(article, SHORT_SPEC, account_name="a", options={}, marker=MARKER)
    assert payload in rendered.post.payload["status"]


@pytest.mark.parametrize(
    "source",
    [
        "{{ value.__class__ }}",
        "{{ value['__class__'] }}",
        "{{ value.upper() }}",
        "{{ mapping.items() }}",
        "{{ mapping.__class__ }}",
        "{{ value|attr('upper') }}",
        "{{ '%s'|format(value) }}",
        "{{ value|map('upper') }}",
        "{{ '%s' % value }}",
        "{{ value * 1000 }}",
        "{{ 9 ** 9 }}",
        "{{ lipsum }}",
        "{{ cycler }}",
        "{{ function() }}",
        "{{ range(100000) }}",
        "{% include value %}",
        "{{ missing }}",
        "{{ mapping.missing }}",
    ],
)
def test_the_sandbox_refuses(sandbox: PostEnvironment, source: str) -> None:
    with pytest.raises((SecurityError, UndefinedError, TemplateError)):
        run(sandbox, source, value="x", mapping={"a": 1}, function=lambda: "called")


def test_an_entry_may_have_the_name_of_a_method(sandbox: PostEnvironment) -> None:
    assert run(sandbox, "{{ mapping.items }}", mapping={"items": "五项"}) == "五项"


def test_output_has_an_end(sandbox: PostEnvironment) -> None:
    with pytest.raises(OutputTooLongError):
        run(sandbox, "{% for i in range(100) %}{{ value }}{% endfor %}", value="字" * (MAX_OUTPUT // 50))


def test_html_is_escaped_and_text_is_not(tmp_path: Path) -> None:
    for name in ("a.html", "a.txt"):
        (tmp_path / name).write_text("{{ value }}")
    env = PostEnvironment(tmp_path, FILTERS)
    assert write(env.get_template("a.html"), {"value": "<b>"}) == "&lt;b&gt;"
    assert write(env.get_template("a.txt"), {"value": "<b>"}) == "<b>"


def test_a_missing_template_is_named(sandbox: PostEnvironment) -> None:
    with pytest.raises(TemplateNotFound, match=r"x/default\.status\.txt"):
        sandbox.find(["x/notice.status.txt", "x/default.status.txt"])


def test_every_kind_renders_on_every_channel() -> None:
    for article in ALL:
        for spec in (replace(ARTICLE_SPEC, cover=None), SHORT_SPEC):
            rendered, findings = render(article, spec, account_name="中国河东", options={}, marker=MARKER)
            assert all(rendered.post.payload.values())
            assert not [found for found in findings if found.level.value == "block"]
