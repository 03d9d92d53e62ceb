"""Intake: a file of items becomes articles, row by row, with a reason for everything that was cleaned or refused.

One folder per source; what they share (cleaning, rules, guards) lies beside them. Imports `bot.domain` only.
"""

from .columns import LABELS, noted
from .contract import Cleaned, Opened, Record, Rejected, Row, SourceError, SourceKind, Taken
from .source import Source, open_source

__all__ = [
    "LABELS",
    "Cleaned",
    "Opened",
    "Record",
    "Rejected",
    "Row",
    "Source",
    "SourceError",
    "SourceKind",
    "Taken",
    "noted",
    "open_source",
]
