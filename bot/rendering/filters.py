"""Filters of the post templates: pure functions of a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from .headline import label_word, subject
from .sanitise import styled_body

_LINK = re.compile(r"https?://[!-~]+")
_ENDED = "。！？…!?"


def social(value: str) -> str:
    """Text that starts nothing by itself on a social platform: no #topic#, no @mention, no second link.

    Weibo refuses `#…#` and foreign links in shared posts, and notifies whoever is named after an @.
    """
    return _LINK.sub("", value).replace("#", "＃").replace("@", "＠")


def stop(value: str) -> str:
    """Close the last sentence, if there is one and it is open."""
    text = value.rstrip("，；：、,;: ")
    bare = text.rstrip("”’」』")
    return text if not bare or bare[-1] in _ENDED else text + "。"


def styled(body: str, styles: Mapping[str, str]) -> Markup:
    """The article's body, cleaned and styled inline."""
    return Markup(styled_body(body, styles).html)  # noqa: S704 - nh3 and our own writer made it


def select_filled(values: Sequence[str]) -> list[str]:
    """The values that are not empty."""
    return [value for value in values if value]


FILTERS: dict[str, Callable[..., Any]] = {
    "social": social,
    "stop": stop,
    "styled": styled,
    "subject": subject,
    "label_word": label_word,
    "select_filled": select_filled,
}
