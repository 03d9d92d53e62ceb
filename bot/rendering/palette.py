"""One calm palette per kind of item, shared by articles and covers."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from bot.domain.article import Kind


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as `#rrggbb`. In an article every text colour keeps 4.5:1 on `tint` and on white."""

    ground: str  # of the cover
    wave: str  # of the cover's contour lines
    glow: str  # small marks on the ground
    accent: str  # headings and labels in an article
    line: str  # hairlines in an article
    tint: str  # boxes in an article

    def colours(self) -> dict[str, str]:
        """For templates."""
        return asdict(self)


PALETTES = {
    Kind.DISCLOSURE: Palette("#17395c", "#2c5480", "#d9b36c", "#1d4f80", "#c9d6e4", "#f3f6fa"),
    Kind.INTERPRETATION: Palette("#7a3b22", "#98553a", "#f0cf9a", "#8f4526", "#e4d0c4", "#fbf6f2"),
    Kind.NOTICE: Palette("#6b2231", "#8a3a4a", "#ecc596", "#8b2c3f", "#e3cacf", "#fbf4f5"),
    Kind.SERVICE: Palette("#1c4f43", "#357062", "#e3cd8e", "#1f6453", "#c5dad3", "#f2f8f6"),
}
