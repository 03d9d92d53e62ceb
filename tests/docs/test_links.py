"""Links lead somewhere: files that exist, headings that exist, and nothing that only works on one machine."""

from __future__ import annotations

import re

import pytest

from .pages import PAGES, ROOT, anchors, links

LOCAL = re.compile(r"^(?!https?://|mailto:)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file_and_a_heading(page):
    broken = []
    for target in filter(LOCAL.match, links(page.read_text("utf-8"))):
        path, _, heading = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        there = place.is_relative_to(ROOT) and place.exists()
        if not there or (heading and heading not in anchors(place.read_text("utf-8"))):
            broken.append(target)
    assert not broken


def test_every_page_under_docs_can_be_reached_from_the_index():
    """Nothing is written that nobody can find."""
    index = ROOT / "docs" / "README.md"
    found, waiting = set(), [index]
    while waiting:
        page = waiting.pop()
        if page in found:
            continue
        found.add(page)
        paths = [
            (page.parent / target.partition("#")[0]).resolve()
            for target in links(page.read_text("utf-8"))
            if LOCAL.match(target)
        ]
        waiting += [path for path in paths if path.suffix == ".md" and path.exists()]
    lost = {page for page in PAGES if page.is_relative_to(ROOT / "docs")} - found
    assert not lost


def test_files_that_pages_name_exist():
    """`bot/services/clock.py` in a text is a promise like a link."""
    named = re.compile(
        r"`((?:bot|config|tasks|templates|tests|scripts|docs|requirements|benchmarks)/[\w./-]+?)(?:::\w+)?`"
    )
    missing = {
        f"{page.relative_to(ROOT)}: {name}"
        for page in PAGES
        for name in named.findall(page.read_text("utf-8"))
        if not (ROOT / name).exists() and "mychannel" not in name and "bulletin" not in name
    }
    assert not missing


def test_pictures_are_small():
    for picture in (ROOT / "docs" / "images").iterdir():
        assert picture.stat().st_size < 400_000, picture.name
