"""What the pages say of states, settings, commands and channels is drawn from the code, and fresh."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from bot import channels
from bot.domain import timeline
from scripts import generate_docs

from .pages import PAGES, ROOT, prose, read


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_is_stale(page):
    """`python scripts/generate_docs.py` mends it."""
    text = page.read_text("utf-8")
    assert generate_docs.rewritten(text) == text


def test_every_part_is_shown_somewhere():
    shown = {part["name"] for page in PAGES for part in generate_docs.BLOCK.finditer(page.read_text("utf-8"))}
    wanted = set(generate_docs.BLOCKS)
    wanted |= {f"command: {words}" for words in generate_docs.commands()}
    assert shown == wanted


def test_every_opening_mark_has_its_end():
    """A lost end mark would swallow the text between two parts."""
    for page in PAGES:
        text = prose(page.read_text("utf-8"))
        opened, closed = text.count("<!-- generated: "), text.count("<!-- /generated -->")
        assert opened == closed == len(list(generate_docs.BLOCK.finditer(page.read_text("utf-8"))))


def test_every_delay_of_the_timeline_is_explained():
    held = {
        name for name, value in vars(timeline).items()
        if isinstance(value, timedelta) or (isinstance(value, tuple) and value and isinstance(value[0], timedelta))
    }  # fmt: skip
    assert held == set(generate_docs.DELAYS)


def test_a_changed_table_makes_a_page_stale(monkeypatch):
    """The check itself works: another limit in the code shows up as a difference."""
    page = read("docs/explanation/architecture.md")
    monkeypatch.setattr(timeline, "SEND_BY", timedelta(seconds=6))
    assert generate_docs.rewritten(page) != page


def test_delays_read_as_people_say_them():
    assert (
        generate_docs.spans([timedelta(milliseconds=100), timedelta(seconds=90), timedelta(minutes=10)])
        == "100 ms, 90 s, 10 min"
    )
    assert generate_docs.span(timedelta(days=1)) == "1 d"


def test_of_what_a_channel_lacks_a_word_is_said_and_no_heading_stands_alone():
    bare = replace(channels.kinds()["wechat"].spec, options=(), credentials=())
    text = "\n".join(generate_docs._channel(bare))
    assert "Settings (`--set NAME=VALUE`): none." in text
    assert "Credentials (`--secret-env NAME=VAR`, `--secret-file NAME=FILE`): none." in text
    assert not re.search(r"---( \|)?\n\n", text), "no table without a row"


def test_a_mode_in_which_people_publish_is_not_told_like_one_in_which_the_machine_does():
    (row,) = [line for line in generate_docs.channel_matrix().splitlines() if "`draft`" in line]
    assert row.endswith("| no public call is made: people publish | none |")
    assert "by hand：\n" not in generate_docs.every_channel()


@pytest.mark.parametrize("name", generate_docs.FILES)
def test_no_file_that_is_drawn_whole_is_stale(name):
    """`python scripts/generate_docs.py` mends it."""
    assert read(name) == generate_docs.FILES[name]()
