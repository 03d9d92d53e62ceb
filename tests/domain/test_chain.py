"""The hash chain finds every edit, deletion, insertion and change of order; only a cut tail needs the head to be known."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.chain import GENESIS, link, verify

from .strategies import FLAT, QUICK, SCALARS, TEXT

KEY = b"a key of 32 bytes for these tests"
ROWS = st.lists(FLAT, min_size=1, max_size=8)
Chain = list[tuple[int, dict[str, Any], str, str]]


def chained(rows: list[dict[str, Any]], key: bytes = KEY) -> Chain:
    previous, made = GENESIS, []
    for sequence, row in enumerate(rows, 1):
        mac = link(key, previous, row)
        made.append((sequence, row, previous, mac))
        previous = mac
    return made


@QUICK
@given(rows=ROWS)
def test_an_untouched_chain_holds_to_its_head(rows):
    made = chained(rows)
    assert verify(KEY, made) == (len(rows), made[-1][3], None)


def test_an_empty_chain_holds_and_its_head_is_the_beginning():
    assert verify(KEY, []) == (0, GENESIS, None)


@QUICK
@given(rows=ROWS, data=st.data(), name=TEXT, value=SCALARS)
def test_an_edit_is_found_at_its_line(rows, data, name, value):
    at = data.draw(st.integers(0, len(rows) - 1))
    assume(name not in rows[at] or rows[at][name] != value or type(rows[at][name]) is not type(value))
    made = chained(rows)
    sequence, row, previous, mac = made[at]
    made[at] = (sequence, {**row, name: value}, previous, mac)
    count, _, broken = verify(KEY, made)
    assert (count, broken and broken.sequence) == (at, at + 1)


@QUICK
@given(rows=st.lists(FLAT, min_size=2, max_size=8), data=st.data())
def test_a_deletion_before_the_end_is_found_where_the_line_is_missing(rows, data):
    at = data.draw(st.integers(0, len(rows) - 2))
    made = chained(rows)
    del made[at]
    count, _, broken = verify(KEY, made)
    assert broken is not None
    assert (count, broken.sequence) == (at, at + 1)
    assert "缺失" in broken.message


@QUICK
@given(rows=ROWS, data=st.data(), extra=FLAT)
def test_a_line_put_in_without_the_key_is_found_whatever_number_it_gets(rows, data, extra):
    at = data.draw(st.integers(0, len(rows)))
    made = chained(rows)
    previous = made[at - 1][3] if at else GENESIS
    forged = (at + 1, extra, previous, link(b"another key", previous, extra))
    later = [(sequence + 1, row, before, mac) for sequence, row, before, mac in made[at:]]
    _, _, broken = verify(KEY, [*made[:at], forged, *later])
    assert broken is not None
    assert broken.sequence == at + 1


@QUICK
@given(rows=st.lists(FLAT, min_size=2, max_size=8, unique_by=str), data=st.data())
def test_two_lines_that_changed_places_are_found(rows, data):
    at = data.draw(st.integers(0, len(rows) - 2))
    made = chained(rows)
    one, other = made[at], made[at + 1]
    made[at], made[at + 1] = (one[0], *other[1:]), (other[0], *one[1:])
    _, _, broken = verify(KEY, made)
    assert broken is not None
    assert broken.sequence == at + 1


@QUICK
@given(rows=ROWS)
def test_who_rewrites_the_whole_chain_needs_the_key(rows):
    _, _, broken = verify(KEY, chained(rows, key=b"a guessed key"))
    assert broken is not None
    assert broken.sequence == 1


@QUICK
@given(rows=st.lists(FLAT, min_size=2, max_size=8))
def test_a_cut_tail_shows_as_another_head(rows):
    whole = verify(KEY, chained(rows))
    cut = verify(KEY, chained(rows)[:-1])
    assert cut[2] is None
    assert cut[:2] != whole[:2]
