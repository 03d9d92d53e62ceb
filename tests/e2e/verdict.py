"""The promises, asked of the platforms and of the database. Nothing here believes what the product prints."""

from __future__ import annotations

import json
from collections import Counter

from .home import Home, Row
from .platform import Platform, epoch, markers

#: Nothing more happens by machine: it is public, or it lies before a person.
ENDED = {"live", "needs_person", "missed", "held"}


def account_of(publication: Row) -> str:
    """The account's id on its platform."""
    options = publication["options"]
    named = json.loads(options) if isinstance(options, str) else options
    return str(named["app_id"] if publication["channel"] == "wechat" else named["uid"])


def assert_promises(home: Home, platform: Platform, *releases: int) -> None:
    """Never twice, never early, never lost, never a false "published", for these releases' accounts."""
    for release in releases:
        publications = home.publications(release)
        assert publications
        for publication in publications:
            _judge(home, platform, publication)
    never_twice(platform)


def never_twice(platform: Platform) -> None:
    """No post, known by its marker, was made public twice on one account."""
    seen = Counter((row["account"], marker) for row in platform.effects() for marker in markers([row]))
    assert all(count == 1 for count in seen.values()), seen


def _judge(home: Home, platform: Platform, publication: Row) -> None:
    account, planned, signed = account_of(publication), epoch(publication["instant"]), home.markers(publication["id"])
    mine = [row for row in platform.effects(account) if markers([row])[0] in signed]
    for row in mine:
        assert row["requested_at"] >= planned, f"early by {planned - row['requested_at']:.4f} s: {row}"
        assert row["at"] >= planned
    if publication["lane"] == 0:
        early = [row for row in platform.public_calls(account) if row["at"] < planned]
        assert not early, f"a public call before T: {early}"
    state, reason = publication["state"], publication["reason"]
    assert state in ENDED, f"neither public nor before a person: {state} {reason}"
    if state == "live":
        assert markers(mine) == signed, f"said to be live, seen by followers: {mine}"
    else:
        assert reason, f"{state} without a reason"
        assert state == "needs_person" or not mine, f"{state}, and yet public: {mine}"
