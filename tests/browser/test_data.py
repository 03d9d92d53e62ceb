"""数据与报表 in a real browser: it fits, and its sheet of paper holds the figures and nothing to press."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from bot.domain.instants import beijing_date
from tests.console.world import District, now

from .conftest import Open, fits, shoot
from .test_pages import busy_day

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("plain_covers")]

LOOKS = [("desk", "light"), ("desk", "dark"), ("phone", "light"), ("phone", "dark")]


def these_days() -> str:
    """What goes out in half an hour may be next month's."""
    day, one = beijing_date(now()), timedelta(days=1)
    return f"/data?period=own&first={day - one}&last={day + one}"


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_the_figures_fit(size: str, scheme: str, district: District, window: Open) -> None:
    busy_day(district)
    with window(size, scheme, login="duty", at="") as page:
        page.goto(these_days())
        expect(page.locator(".data-table tbody tr")).to_have_count(3)
        assert fits(page)
        shoot(page, f"data-{size}-{scheme}")


def test_the_sheet_of_paper_names_unit_and_period_and_shows_nothing_to_press(district: District, window: Open) -> None:
    busy_day(district)
    with window(login="duty", at="") as page:
        page.goto(f"{these_days()}&sheet=1")
        expect(page.locator("[data-print]")).to_be_visible()  # its script ran
        page.emulate_media(media="print", color_scheme="light")
        page.set_viewport_size({"width": 703, "height": 1000})  # A4 less its margins
        for gone in (".top", ".buttons", "[data-print]"):
            expect(page.locator(gone).first).to_be_hidden()
        expect(page.locator(".data-for")).to_contain_text(district.unit.name)
        expect(page.locator(".on-paper")).to_be_visible()
        expect(page.locator(".home-rehearsal")).to_be_visible()
        expect(page.locator(".data-table thead")).to_be_visible()
        assert fits(page)
        shoot(page, "data-on-paper")
