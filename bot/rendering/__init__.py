"""(Article, ChannelSpec, template) -> Post. Pure: reads packaged templates and fonts, nothing else."""

from .links import MARKER_PARAMETER, marked_url
from .render import render
from .shorten import shorten

__all__ = ["MARKER_PARAMETER", "marked_url", "render", "shorten"]
