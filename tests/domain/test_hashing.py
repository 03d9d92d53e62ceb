"""Canonical bytes: one value, one hash, however it was written down."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.hashing import assets_in, canonical_json, content_hash, sha256

from .strategies import HASHES, OBJECTS, QUICK, TEXT


def test_a_known_hash():
    assert sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_canonical_json_sorts_names_and_keeps_chinese_as_it_is():
    assert (
        canonical_json({"乙": 1, "a": [True, None, "<&>"], "Z": "河东"})
        == '{"Z":"河东","a":[true,null,"<&>"],"乙":1}'.encode()
    )


@QUICK
@given(value=OBJECTS)
def test_the_hash_survives_a_round_through_any_json_library(value):
    again = json.loads(json.dumps(value, ensure_ascii=True, indent=2))
    assert content_hash(again) == content_hash(value)
    assert json.loads(canonical_json(value)) == value


@QUICK
@given(value=OBJECTS, data=st.data())
def test_the_order_of_names_does_not_matter(value, data):
    shuffled = dict(data.draw(st.permutations(list(value.items()))))
    assert content_hash(shuffled) == content_hash(value)


@QUICK
@given(one=OBJECTS, other=OBJECTS)
def test_other_values_have_other_hashes(one, other):
    assert (content_hash(one) == content_hash(other)) == (canonical_json(one) == canonical_json(other))


@QUICK
@given(names=st.lists(HASHES, max_size=5), text=TEXT)
def test_assets_are_found_once_each_wherever_they_are_mentioned(names, text):
    refs = [f"asset:{name}" for name in names]
    value = {"a": [f'<img src="{ref}">{text}' for ref in refs], "b": {"again": refs}}
    assert assets_in(value) == list(dict.fromkeys(names))


def test_what_only_looks_like_an_asset_is_none():
    assert assets_in({"a": "asset:1234", "b": "asset:" + "G" * 64, "c": None}) == []
