"""Values for properties of the domain: JSON, articles, instants."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import settings
from hypothesis import strategies as st

from bot.domain.article import Article, Kind

#: enough examples for rules this small; no deadline, since the machine may be busy
QUICK = settings(max_examples=40, deadline=None)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
#: what RFC 8785 can carry exactly: text, true, false, null, integers of a double
SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT
FLAT = st.dictionaries(TEXT, SCALARS, max_size=2)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))
OBJECTS = st.dictionaries(TEXT, JSON, max_size=5)
INSTANTS = st.datetimes(datetime(2017, 1, 1), datetime(2045, 1, 1), timezones=st.just(UTC))
HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)
MARKERS = st.text("0123456789abcdefghijklmnopqrstuvwxyz", min_size=8, max_size=8)
_DATES = st.none() | st.dates()
ARTICLES = st.builds(
    Article, external_id=TEXT, kind=st.sampled_from(Kind), title=TEXT, summary=TEXT, body_html=TEXT,
    source_url=TEXT, published_on=_DATES, formed_on=_DATES, interprets=TEXT,
)  # fmt: skip
