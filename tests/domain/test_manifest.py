"""What is signed: any change of order, account, mode, instant, edition or bytes is another hash."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.instants import BEIJING, NaiveInstantError
from bot.domain.manifest import ManifestItem, ManifestPublication, manifest, manifest_hash

from .strategies import HASHES, INSTANTS, MARKERS, QUICK, TEXT

ITEMS = st.builds(ManifestItem, HASHES, HASHES, MARKERS)
PUBLICATIONS = st.builds(
    ManifestPublication, TEXT, st.sampled_from(["mass", "publish", "share"]), st.integers(0, 9), INSTANTS,
    st.lists(ITEMS, min_size=1, max_size=4).map(tuple),
)  # fmt: skip
RELEASES = st.lists(PUBLICATIONS, min_size=1, max_size=4)
OTHERS: dict[str, st.SearchStrategy[Any]] = {
    "account": TEXT,
    "mode": st.sampled_from(["mass", "publish", "share", "other"]),
    "lane": st.integers(0, 20),
    "instant": INSTANTS,
}


def signed(publications: list[ManifestPublication], *, release: str = "7", sync: str = "at_time") -> str:
    return manifest_hash(manifest(release, sync, publications))


@QUICK
@given(publications=RELEASES)
def test_the_same_release_has_the_same_hash_also_after_a_round_through_the_database(publications):
    value = manifest("7", "at_time", publications)
    assert manifest_hash(json.loads(json.dumps(value))) == manifest_hash(value) == signed(publications)


@QUICK
@given(publications=RELEASES, data=st.data(), name=st.sampled_from(sorted(OTHERS)))
def test_any_change_of_account_mode_lane_or_instant_changes_the_hash(publications, data, name):
    at = data.draw(st.integers(0, len(publications) - 1))
    changed = dataclasses.replace(publications[at], **{name: data.draw(OTHERS[name])})
    assume(changed != publications[at])
    assert signed([*publications[:at], changed, *publications[at + 1 :]]) != signed(publications)


@QUICK
@given(publications=RELEASES, data=st.data(), name=st.sampled_from(["edition_hash", "payload_hash", "marker"]))
def test_any_change_of_the_bytes_of_any_position_changes_the_hash(publications, data, name):
    at = data.draw(st.integers(0, len(publications) - 1))
    items = list(publications[at].items)
    place = data.draw(st.integers(0, len(items) - 1))
    changed = dataclasses.replace(items[place], **{name: data.draw(MARKERS if name == "marker" else HASHES)})
    assume(changed != items[place])
    items[place] = changed
    other = dataclasses.replace(publications[at], items=tuple(items))
    assert signed([*publications[:at], other, *publications[at + 1 :]]) != signed(publications)


@QUICK
@given(publications=RELEASES, data=st.data())
def test_another_order_of_articles_or_of_publications_changes_the_hash(publications, data):
    at = data.draw(st.integers(0, len(publications) - 1))
    shuffled = dataclasses.replace(publications[at], items=tuple(data.draw(st.permutations(publications[at].items))))
    moved = data.draw(st.permutations([*publications[:at], shuffled, *publications[at + 1 :]]))
    assert (signed(moved) == signed(publications)) == (moved == publications)


@QUICK
@given(publications=RELEASES, data=st.data())
def test_one_more_or_one_less_changes_the_hash(publications, data):
    extra = data.draw(PUBLICATIONS)
    assert len({signed(publications), signed([*publications, extra]), signed(publications[:-1])}) == 3


@QUICK
@given(publications=RELEASES)
def test_another_release_or_sync_policy_changes_the_hash(publications):
    assert signed(publications, release="8") != signed(publications)
    assert signed(publications, sync="after_live") != signed(publications)


def test_the_instant_of_the_signature_is_exact_to_the_microsecond():
    item = ManifestItem("a" * 64, "b" * 64, "12345678")
    at = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    one, other = (
        signed([ManifestPublication("zghd", "mass", 0, instant, (item,))])
        for instant in (at, at + timedelta.resolution)
    )
    assert one != other


def test_an_instant_without_a_zone_is_never_signed():
    naive = ManifestPublication("zghd", "mass", 0, datetime(2026, 11, 23, 9), (ManifestItem("a", "b", "c"),))
    with pytest.raises(NaiveInstantError):
        manifest("7", "at_time", [naive])


def test_the_manifest_can_be_read_by_a_person():
    at = datetime(2026, 11, 23, 9, 0, tzinfo=BEIJING)
    value = manifest("7", "at_time", [ManifestPublication("zghd", "mass", 0, at, (ManifestItem("e", "p", "m"),))])
    assert value == {
        "release": "7",
        "sync": "at_time",
        "publications": [
            {
                "account": "zghd",
                "mode": "mass",
                "lane": 0,
                "instant": "2026-11-23T09:00:00+08:00",
                "items": [{"edition": "e", "payload": "p", "marker": "m"}],
            }
        ],
    }
