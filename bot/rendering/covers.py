"""Generated covers: a calm ground with a river, and the words set well.

河东 means "east of the river", where the sun rises; every item has its own course of the river, drawn from its
id, so that covers of one kind belong together without being the same.

WeChat lays the title in white over the lower part of the wide cover of a message's first article. So that
cover says in its upper part what the title is about, shorter, and keeps its lower part quiet.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from PIL import Image

from bot.domain.article import Article, Kind
from bot.domain.channel import CoverSpec
from bot.domain.hashing import sha256
from bot.domain.post import Asset

from .brush import Board
from .context import inline
from .headline import label_word, subject, wordings
from .palette import PALETTES, Palette
from .typefaces import SANS, SERIF, strangers

#: WeChat's two covers, in CSS pixels: 900x383 (2.35:1) and 383x383 (1:1), side by side on one canvas.
WIDE, SQUARE = (900, 383), (383, 383)
CARD = (1200, 600)
#: Nothing to be read stands below this share of the wide cover's height: there the platform writes the title.
QUIET_FROM = 0.56
_PAPER = "#fdfaf3"
_LEADING, _TIGHT = 1.4, 1.32
_EASY_TITLE = 30  # characters; the unit stands below, so a longer title may do without its issuer
_MUTED = 0.78  # how far secondary words stand out from the ground
_NOTE = re.compile(r"（([^（）]+)）$")
_ISSUED = re.compile(r"^[\u4e00-\u9fff]{2,12}人民政府(?:办公室)?(?:印发|公布|发布|转发)")
_LEAD = re.compile(r"^(?:一图读懂：|关于(?=.))")
_WHOLE = re.compile(r"^《([^《》]+)》$")


@dataclass(frozen=True, slots=True)
class Cover:
    """The picture and, for "wide+square", where each cover lies on it ("X1_Y1_X2_Y2", 0..1)."""

    asset: Asset
    crops: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Words:
    """What is written on a cover."""

    title: str
    gist: str  # what the title is about, without what the other words say
    label: str
    unit: str
    note: str  # document number, else the heading it is filed under
    edition: str  # document number, else the title's own note in brackets, else the heading
    place: str


def draw_cover(article: Article, spec: CoverSpec, *, place: str) -> Cover:
    """Draw the cover that `spec` asks for, at twice its size if that stays within `spec.max_bytes`.

    Same article, same bytes (for one version of Pillow). ValueError for a layout that is not known.
    """
    if spec.layout not in _LAYOUTS:
        raise ValueError(f"unknown cover layout {spec.layout!r}")
    data, media_type = _drawn(article, spec.layout, spec.max_bytes, place)
    if spec.layout == "wide+square":
        return Cover(Asset(data, media_type, "cover"), _crops())
    return Cover(Asset(data, media_type, "card"))


def not_drawn(article: Article, layout: str, *, place: str) -> list[str]:
    """The characters that the cover would show as geta marks, in the order of its words. Draws nothing."""
    words = _words(article, place)
    title, lines = (
        (words.gist, (words.edition,)) if layout == "wide+square" else (words.title, (words.note, words.unit))
    )
    small = "".join((words.label, words.place, *lines))
    return list(dict.fromkeys([*strangers(title + words.label, SERIF), *strangers(small, SANS)]))


@lru_cache(maxsize=16)
def _drawn(article: Article, layout: str, max_bytes: int, place: str) -> tuple[bytes, str]:
    """Encoded picture and media type. Kept for the next account of the same channel: drawing takes half a second."""
    words, palette = _words(article, place), PALETTES[article.kind]
    phase = int(sha256(f"{article.kind}:{article.external_id}".encode())[:8], 16) / 0xFFFFFFFF
    return _smallest(lambda scale: _LAYOUTS[layout](words, palette, phase, scale), max_bytes)


def _words(article: Article, place: str) -> Words:
    title = inline(article.title)
    notice = article.kind is Kind.NOTICE
    number, heading = inline(article.document_number), inline(article.subcategory or article.category)
    own = _NOTE.search(title)
    return Words(
        title=next((wording for wording in wordings(title) if len(wording) <= _EASY_TITLE), title),
        gist=_gist(title, place),
        label=label_word(title, article.kind.label) if notice else article.kind.label,
        unit=inline(article.unit),
        note=number or heading,
        edition=number or (own[1] if own else heading),
        place=place,
    )


def _gist(title: str, place: str) -> str:
    """What a title is about, without issuer, place, note in brackets and words of form; `title` if that is all."""
    district = re.compile(rf"^(?:{re.escape(place)}|{re.escape(_district(place))})(?=.)(?![直人域内委])")
    text, before = title, ""
    while text != before:
        before = text
        shortest = min(wordings(text), key=len)
        text = subject(_ISSUED.sub("", shortest)) or shortest
        text = _WHOLE.sub(r"\1", district.sub("", _LEAD.sub("", text)) or text)
    return text or title


def _district(place: str) -> str:
    """临沂市河东区 -> 河东区."""
    return re.split(r"(?<=[省市州])(?=.)", place)[-1]


def _crops() -> dict[str, str]:
    """Where the covers lie on the canvas, in shares of its width: six decimals are the platform's limit."""
    edge = WIDE[0] / (WIDE[0] + SQUARE[0])
    return {"wide": f"0.000000_0.000000_{edge:.6f}_1.000000", "square": f"{edge:.6f}_0.000000_1.000000_1.000000"}


def _wide_and_square(words: Words, palette: Palette, phase: float, scale: int) -> Image.Image:
    canvas = Board((WIDE[0] + SQUARE[0], WIDE[1]), palette, scale)
    canvas.paste(_wide(words, palette, phase, scale), (0, 0))
    canvas.paste(_square(words, palette, phase, scale), (WIDE[0], 0))
    return canvas.image


def _wide(words: Words, palette: Palette, phase: float, scale: int) -> Board:
    """Kind and edition, below them the gist; a sun over the river where the platform writes."""
    (width, height), margin = WIDE, 50
    board = Board(WIDE, palette, scale)
    board.sunrise(phase, horizon=QUIET_FROM - 0.03, sun=(width - 114, 46))
    _headline(board, words, margin, 56)
    top, bottom = 87.0, height * (QUIET_FROM - 0.065)
    _title(board, words.gist, (margin, top), (width - 2 * margin - 130, bottom - top), range(56, 29, -2), _TIGHT)
    return board


def _headline(board: Board, words: Words, margin: float, y: float) -> None:
    """Label, edition and place in one line: they must be read on a phone, at two fifths of this size."""
    palette, right = board.palette, board.size[0] - margin
    board.rule(margin, y - 25, 5, thick=28, colour=palette.glow)
    x = margin + 19
    x += board.words(words.label, (x, y), font=SANS, size=29, colour=palette.glow, spacing=0.12) + 24
    taken = board.words(
        words.place, (right, y), font=SANS, size=25, colour=_PAPER, strength=_MUTED, spacing=0.06, anchor="r"
    )
    edition = board.fitted(words.edition, font=SANS, size=25, room=right - taken - 40 - x)
    board.words(edition, (x, y), font=SANS, size=25, colour=_PAPER, strength=_MUTED)


def _card(words: Words, palette: Palette, phase: float, scale: int) -> Image.Image:
    """Label above, title in the middle, unit and number below; all measures in shares of the height."""
    width, height = CARD
    unit = height / 383
    board = Board(CARD, palette, scale)
    board.river(phase, top=0.42)
    margin = 54 * unit
    _header(board, words, margin, unit)
    top, bottom = 92 * unit, height - 106 * unit
    sizes = [round(value * unit) for value in range(60, 23, -2)]
    _title(board, words.title, (margin, top), (width - 2 * margin, bottom - top), sizes, _LEADING)
    _footer(board, words, margin, 20 * unit, height - 42 * unit)
    return board.image


def _title(
    board: Board, text: str, at: tuple[float, float], room: tuple[float, float], sizes: Sequence[int], leading: float
) -> None:
    """Lines as large as the room (width, height) from `at` allows, in the middle of its height."""
    lines, points = board.set_title(text, font=SERIF, room=room, sizes=sizes, leading=leading)
    block = points * (1 + leading * (len(lines) - 1))
    baseline = at[1] + (room[1] - block) / 2 + points * 0.88
    for line in lines:
        board.words(line, (at[0], baseline), font=SERIF, size=points, colour=_PAPER)
        baseline += points * leading


def _header(board: Board, words: Words, margin: float, unit: float) -> None:
    palette, y = board.palette, 70 * unit
    board.rule(margin, y - 19 * unit, 4 * unit, thick=22 * unit, colour=palette.glow)
    board.words(words.label, (margin + 16 * unit, y), font=SANS, size=22 * unit, colour=palette.glow, spacing=0.18)
    right = board.size[0] - margin
    board.words(
        words.place, (right, y), font=SANS, size=20 * unit, colour=_PAPER, strength=_MUTED, spacing=0.1, anchor="r"
    )


def _footer(board: Board, words: Words, margin: float, size: float, y: float) -> None:
    right = board.size[0] - margin
    note = board.fitted(words.note, font=SANS, size=size, room=board.size[0] * 0.4)
    taken = board.words(note, (right, y), font=SANS, size=size, colour=_PAPER, strength=_MUTED, anchor="r")
    name = board.fitted(words.unit, font=SANS, size=size, room=right - margin - taken - 2 * size)
    board.words(name, (margin, y), font=SANS, size=size, colour=_PAPER, strength=_MUTED)
    board.rule(margin, y - 2.05 * size, right - margin, thick=1, colour=_PAPER, strength=0.28)


def _square(words: Words, palette: Palette, phase: float, scale: int) -> Board:
    """Seen at the size of a stamp in the message list: four large characters, little else."""
    board = Board(SQUARE, palette, scale)
    board.river(phase, top=0.5, lines=9)
    middle = SQUARE[0] / 2
    rows = _rows(words.label)
    size = 104 if len(rows) > 1 else 128
    baseline = 62 + size * 0.88 if len(rows) > 1 else 210
    for row in rows:
        board.words(row, (middle, baseline), font=SERIF, size=size, colour=_PAPER, spacing=0.06, anchor="m")
        baseline += size * 1.16
    board.rule(middle - 24, 314, 48, thick=3, colour=palette.glow)
    name = board.fitted(words.place, font=SANS, size=22, room=300)
    board.words(name, (middle, 350), font=SANS, size=22, colour=_PAPER, strength=0.85, spacing=0.08, anchor="m")
    return board


def _rows(label: str) -> list[str]:
    """Four characters as two by two; two or three stay one row."""
    half = (len(label) + 1) // 2
    return [label] if len(label) < 4 else [label[:half], label[half:]]


def _smallest(draw: Callable[[int], Image.Image], max_bytes: int) -> tuple[bytes, str]:
    """The sharpest encoding within the limit: PNG at 2x, JPEG at 2x, then the same at 1x."""
    for scale in (2, 1):
        image = draw(scale)
        for data, media_type in _encodings(image):
            if len(data) <= max_bytes:
                return data, media_type
    raise ValueError(f"no cover fits into {max_bytes} bytes")


def _encodings(image: Image.Image) -> Iterator[tuple[bytes, str]]:
    # the level that "optimize" chooses takes four times as long for one byte in a thousand
    yield _encoded(image, "PNG", compress_level=6), "image/png"
    for quality in (92, 85, 75, 60, 40):
        yield _encoded(image, "JPEG", quality=quality, subsampling=0, optimize=True), "image/jpeg"


def _encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


_LAYOUTS = {"wide+square": _wide_and_square, "card": _card}
