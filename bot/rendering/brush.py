"""A small drawing board in CSS pixels: ground, river lines, words. Everything scales with it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageColor, ImageDraw

from .palette import Palette
from .shorten import shorten
from .typefaces import printable, typeface
from .typeset import Setting, set_lines

_NEARLY, _GOOD_BREAKS = 0.72, 0.5
_SQUEEZE = 0.42  # em of a full-width mark's own blank half that is left out
_CLOSING = frozenset("》〉）”’】」』〕，。、；：！")
_OPENING = frozenset("《〈（“‘【「『〔")
_HALO = ((3.0, 0.16), (2.0, 0.4))  # rings of haze around the sun: (radius in suns, strength of the wave's colour)
_FINE = 2  # lines are drawn this much larger and scaled down: Pillow's own lines have steps


class Board:
    """A picture of `size` CSS pixels at `scale` device pixels each."""

    def __init__(self, size: tuple[int, int], palette: Palette, scale: int) -> None:
        self.size, self.palette, self.scale = size, palette, scale
        self.image = Image.new("RGB", self._pixels(size), palette.ground)
        self._draw = ImageDraw.Draw(self.image)

    def river(self, phase: float, *, top: float, lines: int = 11) -> None:
        """Contour lines that drift from the left edge to the right, closer together downstream."""
        width, height = self._pixels(self.size)
        mask = Image.new("L", (width * _FINE, height * _FINE), 0)
        pen = ImageDraw.Draw(mask)
        for number in range(lines):
            strength = 70 + round(150 * number / lines)
            pen.line(self._course(number, phase, top, lines), fill=strength, width=self.scale * _FINE, joint="curve")
        mask = mask.resize((width, height), Image.Resampling.BOX)
        self.image.paste(Image.new("RGB", (width, height), self.palette.wave), (0, 0), mask)

    def _course(self, number: int, phase: float, top: float, lines: int) -> list[tuple[float, float]]:
        width, height = self.size
        points = []
        for step in range(0, 121):
            x = step / 120
            swell = math.sin(2 * math.pi * (0.85 * x + phase + number * 0.018))
            ripple = math.sin(2 * math.pi * (1.9 * x + 2 * phase - number * 0.03))
            spread = (0.35 + 0.65 * (1 - x)) * number / lines
            y = height * (top + (1 - top) * (0.16 + spread) + 0.075 * swell + 0.025 * ripple - 0.06 * x)
            points.append((x * width * self.scale * _FINE, y * self.scale * _FINE))
        return points

    def sunrise(self, phase: float, *, horizon: float, sun: tuple[float, float]) -> None:
        """A sun (centre x, radius) behind the far bank and the bands of a river before it, darker towards us.

        Paints the whole ground, so it comes first. From 0.02 of the height below `horizon` (a share of the
        height) downwards there are calm dark tones only.
        """
        width, height = self._pixels(self.size)
        picture = Image.new("RGB", (width * _FINE, height * _FINE), self.palette.ground)
        pen = ImageDraw.Draw(picture)
        device = self.scale * _FINE
        centre = (sun[0] * device, horizon * self.size[1] * device)
        for share, strength in _HALO:
            pen.circle(centre, sun[1] * share * device, fill=mixed(self.palette.ground, self.palette.wave, strength))
        pen.circle(centre, sun[1] * device, fill=self.palette.glow)
        for number, tone in enumerate(self._tones()):
            crest = self._crest(number, phase, horizon)
            shore = [(x * device, y * device) for x, y in crest]
            pen.polygon([*shore, (width * _FINE, height * _FINE), (0, height * _FINE)], fill=tone)
        self.image.paste(picture.resize((width, height), Image.Resampling.BOX), (0, 0))

    def _tones(self) -> list[tuple[int, int, int]]:
        """Colours of the bands from the far bank to the near one: haze first, then depth."""
        ground, wave = self.palette.ground, self.palette.wave
        haze = [mixed(ground, wave, share) for share in (0.62, 0.3)]
        return [*haze, *(mixed(ground, "#000000", share) for share in (0.04, 0.17, 0.3))]

    def _crest(self, number: int, phase: float, horizon: float) -> list[tuple[float, float]]:
        """The upper edge of a band: bands grow in height and in swell the nearer they are."""
        width, height = self.size
        level = horizon + (1 - horizon) * (0.0, 0.14, 0.32, 0.54, 0.78)[number]
        swell, turn = 0.012 + 0.011 * number, 2 * math.pi * (phase + 0.31 * number)
        points = []
        for step in range(0, 181):
            x = step / 180
            long = math.sin(2 * math.pi * (0.9 - 0.08 * number) * x + turn)
            short = math.sin(2 * math.pi * 2.1 * x - 2 * turn)
            points.append((x * width, height * (level + swell * (0.8 * long + 0.2 * short))))
        return points

    def words(
        self,
        text: str,
        at: tuple[float, float],
        *,
        font: str,
        size: float,
        colour: str,
        strength: float = 1.0,
        spacing: float = 0.0,
        anchor: str = "l",
    ) -> float:
        """One line of text, its baseline at `at`; `spacing` in em; anchor l, m or r. Returns its width."""
        shown = printable(text, font)
        face = typeface(font, round(size * self.scale))
        width = self.width(shown, font=font, size=size, spacing=spacing)
        x = at[0] - {"l": 0.0, "m": width / 2, "r": width}[anchor]
        fill = mixed(self.palette.ground, colour, strength)
        for char in shown:
            left = x - _blank_before(char) * size
            self._draw.text((left * self.scale, at[1] * self.scale), char, font=face, fill=fill, anchor="ls")
            x += face.getlength(char) / self.scale - _blank(char) * size + spacing * size
        return width

    def width(self, text: str, *, font: str, size: float, spacing: float = 0.0) -> float:
        """Width of a line in CSS pixels."""
        face = typeface(font, round(size * self.scale))
        length = sum(face.getlength(char) / self.scale - _blank(char) * size for char in text)
        return length + spacing * size * max(len(text) - 1, 0)

    def fitted(self, text: str, *, font: str, size: float, room: float) -> str:
        """`text`, sensibly shortened to `room` CSS pixels."""
        return shorten(printable(text, font), lambda value: self.width(value, font=font, size=size) <= room)

    def rule(self, x: float, y: float, width: float, *, thick: float, colour: str, strength: float = 1.0) -> None:
        """A horizontal line from (x, y) downwards."""
        box = tuple(round(value * self.scale) for value in (x, y, x + width, y + thick))
        right, bottom = max(box[2] - 1, box[0]), max(box[3] - 1, box[1])
        self._draw.rectangle((box[0], box[1], right, bottom), fill=mixed(self.palette.ground, colour, strength))

    def set_title(
        self, text: str, *, font: str, room: tuple[float, float], sizes: Sequence[int], leading: float
    ) -> tuple[list[str], int]:
        """Lines and size of the largest setting that fits the room (width, height).

        A somewhat smaller size is taken if its lines end in better places; the text is shortened only if
        the smallest size does not hold it.
        """
        shown = printable(text, font)
        settings = [(found, size) for size in sizes if (found := self._set(shown, font, size, room, leading))]
        if not settings:
            least = sizes[-1]
            shown = shorten(shown, lambda value: self._set(value, font, least, room, leading) is not None)
            settings = [(found, least)] if (found := self._set(shown, font, least, room, leading)) else []
        if not settings:
            return [], sizes[-1]
        near = [entry for entry in settings if entry[1] >= _NEARLY * settings[0][1]]
        setting, size = min(near, key=lambda entry: (entry[0].poor > _GOOD_BREAKS, -entry[1]))
        return list(setting.lines), size

    def _set(self, text: str, font: str, size: int, room: tuple[float, float], leading: float) -> Setting | None:
        most = int((room[1] - size) // (size * leading)) + 1
        return set_lines(text, room[0], lambda piece: self.width(piece, font=font, size=size), most)

    def paste(self, other: Board, at: tuple[int, int]) -> None:
        """Put another board of the same scale on this one."""
        self.image.paste(other.image, (at[0] * self.scale, at[1] * self.scale))

    def _pixels(self, size: tuple[int, int]) -> tuple[int, int]:
        return size[0] * self.scale, size[1] * self.scale


def mixed(ground: str, colour: str, strength: float) -> tuple[int, int, int]:
    """`colour` at `strength` (0..1) over `ground`."""
    pairs = zip(ImageColor.getrgb(ground)[:3], ImageColor.getrgb(colour)[:3], strict=True)
    red, green, blue = (round(below + (above - below) * strength) for below, above in pairs)
    return red, green, blue


def _blank_before(char: str) -> float:
    return _SQUEEZE if char in _OPENING else 0.0


def _blank(char: str) -> float:
    """How much narrower than its box a mark is set, in em."""
    return _SQUEEZE if char in _OPENING or char in _CLOSING else 0.0
