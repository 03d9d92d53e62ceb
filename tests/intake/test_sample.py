"""The sample data that ships with the product."""

from collections import Counter
from pathlib import Path

import bot
from bot.domain.article import Kind
from bot.intake import Taken, open_source

SAMPLE = Path(bot.__file__).parent / "data" / "hedong-2017-items.csv"


def test_all_81_sample_rows_are_taken_and_nothing_needed_cleaning():
    source = open_source(SAMPLE)
    rows = list(source)
    assert source.total == len(rows) == 81
    assert [row for row in rows if not isinstance(row, Taken) or row.cleaned] == []
    assert source.ignored_columns == ()
    assert Counter(row.article.kind for row in rows) == {Kind.DISCLOSURE: 57, Kind.NOTICE: 9, Kind.INTERPRETATION: 15}


def test_every_sample_interpretation_names_its_document():
    rows = [row for row in open_source(SAMPLE) if isinstance(row, Taken)]
    ids = {row.article.external_id for row in rows}
    pairs = [row.article.interprets for row in rows if row.article.kind is Kind.INTERPRETATION]
    assert len(pairs) == 15
    assert set(pairs) <= ids


def test_a_source_can_be_read_twice_with_the_same_result():
    source = open_source(SAMPLE)
    assert list(source) == list(source)
