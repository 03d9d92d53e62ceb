"""(Article, ChannelSpec, template) -> Post. Pure: reads packaged templates and fonts, nothing else."""

from .links import MARKER_PARAMETER, marked_url
from .render import OWN_LAYOUT, cover_findings, render
from .shorten import shorten

__all__ = ["MARKER_PARAMETER", "OWN_LAYOUT", "cover_findings", "marked_url", "render", "shorten"]
