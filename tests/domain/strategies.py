"""Values for properties of the domain: JSON, articles, instants."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import settings
from hypothesis import strategies as st

from bot.domain.article import Article, Attachment, Kind, OwnCover

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
SIZES = st.integers(0, 2**40)
ATTACHMENTS = st.lists(st.builds(Attachment, TEXT, HASHES, SIZES, TEXT), max_size=3).map(tuple)
COVERS = st.builds(OwnCover, HASHES.map("asset:{}".format), SIZES, SIZES, TEXT, TEXT)
ARTICLES = st.builds(
    Article, external_id=TEXT, kind=st.sampled_from(Kind), title=TEXT, summary=TEXT, body_html=TEXT,
    source_url=TEXT, published_on=_DATES, formed_on=_DATES, interprets=TEXT,
    attachments=ATTACHMENTS, cover=st.none() | COVERS,
)  # fmt: skip
