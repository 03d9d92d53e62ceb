"""Covers: right shape, right place of each crop, small enough, and lines that a typesetter would accept."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from bot.domain.article import Article, Kind, OwnCover
from bot.domain.channel import CoverSpec
from bot.rendering import cover_findings
from bot.rendering.covers import QUIET_FROM, _gist, draw_cover, not_drawn
from bot.rendering.typefaces import MISSING, SANS, SERIF, has_glyph, printable
from bot.rendering.typeset import NOT_FIRST, NOT_LAST, set_lines

from .samples import ALL, DOCUMENT, NOTICE

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


def wide(article: Article) -> Image.Image:
    """The 2.35:1 cover alone, as the platform cuts it out."""
    cover = draw_cover(article, BOTH, place=PLACE)
    picture = opened(cover.asset.data).convert("RGB")
    x1, y1, x2, y2 = (float(share) for share in cover.crops["wide"].split("_"))
    width, height = picture.size
    return picture.crop((round(x1 * width), round(y1 * height), round(x2 * width), round(y2 * height)))


def parts(picture: Image.Image) -> tuple[Image.Image, Image.Image]:
    """What is above and what is below the line from which the platform may write its title."""
    cut = round(QUIET_FROM * picture.height)
    return picture.crop((0, 0, picture.width, cut)), picture.crop((0, cut, picture.width, picture.height))


def luminance(colour: tuple[int, ...]) -> float:
    """Relative luminance, 0..1 (WCAG 2.1)."""
    shares = [value / 255 for value in colour]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def tones(picture: Image.Image) -> list[float]:
    """Luminance of every colour in a picture, ascending."""
    data = picture.tobytes()
    return sorted(luminance(colour) for colour in set(zip(data[::3], data[1::3], data[2::3], strict=True)))


@pytest.mark.parametrize("item", range(3))
@pytest.mark.parametrize("kind", Kind)
def test_a_title_in_white_reads_anywhere_on_the_lower_part_of_the_wide_cover(kind: Kind, item: int) -> None:
    """WeChat writes the first article's title there; 4.5:1 must hold even where its shade has not begun."""
    upper, lower = map(tones, parts(wide(replace(DOCUMENT, kind=kind, external_id=f"HD17-{item}"))))
    assert 1.05 / (lower[-1] + 0.05) >= 4.5
    assert lower[-1] - lower[0] < 0.12, "the ground under the title is quiet"
    assert upper[-1] - upper[0] > 0.5, "the words above it are not"


def test_no_word_of_the_wide_cover_stands_where_the_platform_writes_its_title() -> None:
    worded = replace(DOCUMENT, title="关于" + "很长的标题，" * 30, unit="某单位" * 9, document_number="某字〔2017〕1号")
    (upper, lower), (other_upper, other_lower) = parts(wide(DOCUMENT)), parts(wide(worded))
    assert lower.tobytes() == other_lower.tobytes()
    assert upper.tobytes() != other_upper.tobytes()


@pytest.mark.parametrize(
    ("title", "gist"),
    [
        (DOCUMENT.title, "2017年政务公开工作要点"),
        (NOTICE.title, "防范非法集资"),
        ("《关于公布区政府规范性文件清理结果的通知》解读", "区政府规范性文件清理结果"),
        ("河东区人民政府公布部门权力清单（2017年动态调整）", "部门权力清单"),
        ("一图读懂：河东区2017年财政预算草案", "2017年财政预算草案"),
        ("河东区直国有企业2017年上半年运营分析报告", "河东区直国有企业2017年上半年运营分析报告"),
        ("废止的区政府规范性文件目录", "废止的区政府规范性文件目录"),
        ("通知", "通知"),
        ("", ""),
    ],
)
def test_the_wide_cover_says_what_it_is_about_without_repeating_the_title(title: str, gist: str) -> None:
    assert _gist(title, PLACE) == gist


@given(st.text(alphabet="关于印发公布《河东区》的通知解读一图懂：（2017年）临沂市人民政府", max_size=30))
def test_a_gist_is_never_longer_than_its_title_nor_empty(title: str) -> None:
    gist = _gist(title, PLACE)
    assert len(gist) <= len(title)
    assert bool(gist) == bool(title)


def test_a_number_in_brackets_is_not_lost_when_the_gist_leaves_it_out() -> None:
    first = replace(DOCUMENT, title="河东区安全生产简报（2017年第9期）", document_number="")
    second = replace(first, title="河东区安全生产简报（2017年第8期）")
    assert wide(first).tobytes() != wide(second).tobytes()


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
    for spec in (CARD, BOTH):
        covers = [draw_cover(replace(DOCUMENT, kind=kind), spec, place=PLACE).asset.sha256 for kind in Kind]
        assert len(set(covers)) == len(covers)
        assert draw_cover(DOCUMENT, spec, place=PLACE).asset.sha256 == covers[0]


@pytest.mark.parametrize("title", ["", "a", "😀😀", "𠮷野家", "字" * 400, "W" * 300, "《" * 60, "1" * 200])
@pytest.mark.parametrize("spec", [CARD, BOTH], ids=["card", "wide+square"])
def test_strange_titles_still_make_a_cover(title: str, spec: CoverSpec) -> None:
    assert draw_cover(replace(DOCUMENT, title=title, unit=title, document_number=title), spec, place=PLACE).asset.data


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
        ("河东区直国有企业2017年上半年运营分析报告", 30, ("河东区直国有企业", "2017年上半年运营分析报告")),
        ("河东区2016年财政决算", 40, ("河东区2016年财政决算",)),
    ],
)
def test_titles_break_where_sense_breaks(title: str, width: float, lines: tuple[str, ...]) -> None:
    setting = set_lines(title, width, even, 4)
    assert setting is not None
    assert setting.lines == lines


TITLES = st.text(alphabet="河东区政务公开2017年，。、《》（）“”第一批49项aB %", min_size=1, max_size=40)


@given(TITLES, st.integers(12, 60))
@example("0000“ 00““", 12)
@example("河东 ，区河 ，东河东", 12)
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


@pytest.mark.parametrize("layout", ["wide+square", "card"])
def test_what_the_cover_cannot_show_is_named_before_it_is_drawn(layout: str) -> None:
    strange = replace(NOTICE, title="关于防范𠀀𡃁非法集资的风险提示", document_number="𪚥办字〔2017〕1号")
    assert not_drawn(strange, layout, place=PLACE) == ["𠀀", "𡃁", "𪚥"]
    assert not_drawn(replace(NOTICE, title="😀" + NOTICE.title), layout, place=PLACE) == []


def test_only_a_cover_of_ones_own_says_nothing_of_characters() -> None:
    strange = replace(NOTICE, title="关于防范𠀀非法集资的风险提示")
    own = replace(strange, cover=OwnCover("asset:" + "ab" * 32, 900, 900, "0_0_1_0.4", "0_0_1_1"))
    assert [one.level.value for one in cover_findings(strange, BOTH, {})] == ["warn"]
    assert cover_findings(own, BOTH, {}) == []
    assert len(cover_findings(own, CARD, {})) == 1  # which is drawn all the same
