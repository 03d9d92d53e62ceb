"""No page is forgotten: each has its picture or a reason, each screen's address answers, and the handbook shows what it has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.urls import get_resolver, resolve

from tests.console.test_walls import _some, names
from tests.console.world import District, fresh_home
from tests.docs.pages import ROOT, read
from tests.services.conftest import cheap_covers, real_covers

from .camera import client_of
from .pictures import LARGEST
from .screens import EXCEPTIONS, SCREENS
from .story import MORNING, Story, tell, the_time

__all__ = ["cheap_covers", "real_covers"]
HANDBOOK = "docs/handbook.zh-CN.md"
FOLDER = ROOT / "docs" / "images" / "handbook"


def test_every_page_of_the_console_is_photographed_or_named_among_the_exceptions(db: None, tmp_path: Path) -> None:
    unknown = set(names()) - {one.route for one in SCREENS} - set(EXCEPTIONS)
    with fresh_home(tmp_path / "home"):
        client = client_of(District.make(), "admin")
        forgotten = {name for name in unknown if client.get(_some(name)).status_code != 405}
    assert forgotten == set(), "add them to tests/shots/screens.py"


def test_the_list_names_only_pages_that_there_are_and_no_picture_twice() -> None:
    there = {str(one.name) for one in get_resolver("bot.console.urls").url_patterns}  # type: ignore[union-attr]
    assert ({one.route for one in SCREENS} | set(EXCEPTIONS)) - there == set()
    assert len({one.name for one in SCREENS}) == len(SCREENS)


def test_every_screen_answers_in_the_district_of_the_story(db: None, tmp_path: Path) -> None:
    [moving] = [one for one in SCREENS if one.name == "calendar-move"]
    with fresh_home(tmp_path / "home"):
        story = tell(District.make(name="河东区人民政府办公室"))
        with the_time(MORNING):
            wrong = [line for line in map(told(story), SCREENS) if line]
            asked = client_of(story.district, moving.who).get(moving.address.format(**story.facts)).content.decode()
    assert wrong == []
    assert "改期后须重新签发" in asked, "its picture shows the question"
    assert "还是原来的时刻" not in asked


def told(story: Story):  # type: ignore[no-untyped-def]
    """For a screen, what is wrong with its answer. The phones ask the platforms, which do not run here."""

    def one(screen):  # type: ignore[no-untyped-def]
        address = screen.address.format(**story.facts)
        assert resolve(address.partition("?")[0]).url_name in {screen.route, "login"}, screen.name
        answer = client_of(story.district, screen.who).get(address)
        asked = {"phone": 503, "login-code": 200}.get(screen.route, screen.code)
        if answer.status_code not in {screen.code, asked}:
            return f"{screen.name}: {answer.status_code}"
        return "" if screen.route in OF_PLATFORMS else lax(screen, answer)  # type: ignore[no-untyped-call]

    return one


OF_PLATFORMS = {"post-frame", "item-frame", "look-post", "phone"}
"""A post as it goes out has its styles inside; it stands in a frame of its own in which nothing runs."""


def lax(screen, answer):  # type: ignore[no-untyped-def]
    """What a page holds that the strict policy forbids, or whether the policy is another one."""
    policy, page = answer.headers["Content-Security-Policy"], answer.content.decode()
    inline = re.findall(r"<style|<script(?![^>]*\bsrc=\"/static/)|\s(?:style|on[a-z]+)=\"|javascript:", page)
    elsewhere = re.findall(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=\"(?:https?:)?//[^\"]*", page)
    if "unsafe" in policy or "http" in policy or "default-src 'none'" not in policy or inline or elsewhere:
        return f"{screen.name}: {policy} {inline} {elsewhere}"
    return ""


# --- the handbook -----------------------------------------------------------------------------------------------


def test_the_handbook_shows_every_picture_that_is_made_for_it_and_no_other() -> None:
    shown = set(re.findall(r"images/handbook/([a-z0-9-]+)\.webp", read(HANDBOOK)))
    assert shown == {one.name for one in SCREENS if one.handbook}
    assert shown == {path.stem for path in FOLDER.glob("*.webp")}, "make shots ARGS=--handbook"


def test_the_pictures_stay_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.glob("*.webp")) < LARGEST


@pytest.mark.parametrize("screen", [one for one in SCREENS if one.handbook], ids=lambda one: one.name)
def test_a_picture_of_the_handbook_says_in_words_what_it_shows(screen) -> None:  # type: ignore[no-untyped-def]
    assert re.search(rf"!\[[^\]]{{4,}}\]\(images/handbook/{screen.name}\.webp\)", read(HANDBOOK))
