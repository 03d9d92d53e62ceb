"""Covers: right shape, right place of each crop, small enough, and lines that a typesetter would accept."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bot.domain.article import Kind
from bot.domain.channel import CoverSpec
from bot.rendering.covers import draw_cover
from bot.rendering.typefaces import MISSING, SANS, SERIF, has_glyph, printable
from bot.rendering.typeset import NOT_FIRST, NOT_LAST, set_lines

from .samples import ALL, DOCUMENT

BOTH = CoverSpec("cover", "wide+square", {"wide": "w", "square": "s"})
CARD = CoverSpec("pic", "card")
PLACE = "临沂市河东区"


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_one_canvas_holds_a_235_and_a_square_cover() -> None:
    cover = draw_cover(DOCUMENT, BOTH, place=PLACE)
    width, height = opened(cover.asset.data).size
    ratios = {}
    for name, crop in cover.crops.items():
        x1, y1, x2, y2 = map(float, crop.split("_"))
        assert all(len(part.partition(".")[2]) == 6 for part in crop.split("_"))
        ratios[name] = (x2 - x1) * width / ((y2 - y1) * height)
    assert ratios["wide"] == pytest.approx(2.35, abs=0.01)
    assert ratios["square"] == pytest.approx(1.0, abs=0.001)


def test_a_card_is_two_to_one_and_sharp() -> None:
    assert opened(draw_cover(DOCUMENT, CARD, place=PLACE).asset.data).size == (2400, 1200)


@pytest.mark.parametrize("limit", [300_000, 120_000, 60_000])
def test_the_limit_in_bytes_is_kept(limit: int) -> None:
    asset = draw_cover(DOCUMENT, replace(CARD, max_bytes=limit), place=PLACE).asset
    assert len(asset.data) <= limit
    assert asset.media_type == Image.MIME[opened(asset.data).format or ""]


def test_an_impossible_limit_or_layout_is_an_error_not_a_bad_picture() -> None:
    with pytest.raises(ValueError, match="bytes"):
        draw_cover(DOCUMENT, replace(CARD, max_bytes=100), place=PLACE)
    with pytest.raises(ValueError, match="layout"):
        draw_cover(DOCUMENT, replace(CARD, layout="round"), place=PLACE)


def test_kinds_differ_and_the_same_item_is_the_same_bytes() -> None:
    covers = [draw_cover(replace(DOCUMENT, kind=kind), CARD, place=PLACE).asset.sha256 for kind in Kind]
    assert len(set(covers)) == len(covers)
    assert draw_cover(DOCUMENT, CARD, place=PLACE).asset.sha256 == covers[0]


@pytest.mark.parametrize("title", ["", "a", "😀😀", "𠮷野家", "字" * 400, "W" * 300, "《" * 60, "1" * 200])
def test_strange_titles_still_make_a_cover(title: str) -> None:
    assert draw_cover(replace(DOCUMENT, title=title, unit=title, document_number=title), CARD, place=PLACE).asset.data


def test_the_fonts_hold_official_text() -> None:
    for name in (SERIF, SANS):
        assert all(has_glyph(char, name) for char in "临沂市河东区〔2017〕号“零跑腿”《》，。：；（）—…％〇·｜①燊堃祎")
        assert printable("𠮷a😀b\u200d", name) == f"{MISSING}ab"


def even(piece: str) -> float:
    return float(sum(1 if char.isascii() else 2 for char in piece))


@pytest.mark.parametrize(
    ("title", "width", "lines"),
    [
        ("关于印发《河东区2017年政务公开工作要点》的通知", 28, ("关于印发《河东区2017年", "政务公开工作要点》的通知")),
        (
            "关于公布河东区第一批“零跑腿”和“只跑一次”事项清单的通知",
            32,
            ("关于公布河东区第一批“零跑腿”", "和“只跑一次”事项清单的通知"),
        ),
        ("河东区2016年财政决算", 40, ("河东区2016年财政决算",)),
    ],
)
def test_titles_break_where_sense_breaks(title: str, width: float, lines: tuple[str, ...]) -> None:
    setting = set_lines(title, width, even, 4)
    assert setting is not None
    assert setting.lines == lines


TITLES = st.text(alphabet="河东区政务公开2017年，。、《》（）“”第一批49项aB %", min_size=1, max_size=40)


@given(TITLES, st.integers(12, 60))
def test_no_line_starts_or_ends_with_a_mark_that_may_not(title: str, width: int) -> None:
    setting = set_lines(title, width, even, 8)
    if setting is None:
        return
    assert "".join("".join(setting.lines).split()) == "".join(title.split())
    assert all(even(line) <= width for line in setting.lines)
    assert not [line for line in setting.lines[1:] if line and line[0] in NOT_FIRST]
    assert not [line for line in setting.lines[:-1] if line and line[-1] in NOT_LAST]


def test_all_kinds_have_covers_within_the_limit() -> None:
    for article in ALL:
        assert len(draw_cover(article, BOTH, place=PLACE).asset.data) <= BOTH.max_bytes
