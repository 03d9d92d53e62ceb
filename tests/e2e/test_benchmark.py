"""The benchmark measures what it says: one release on two accounts through the engine as shipped, judged by the server."""

from __future__ import annotations

import argparse

import pytest

from benchmarks import release, tables

pytestmark = pytest.mark.e2e


def test_two_accounts_of_one_release_are_measured_from_staging_to_the_stamp():
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true")
    release.options(parser)
    result = release.run(parser.parse_args(["--ns", "2", "--releases", "1"]))
    (tongfa,) = [row for row in result["rows"] if row["way"] == "tongfa"]
    assert (len(tongfa["late"]), tongfa["early"], tongfa["lost"], tongfa["doubled"]) == (2, 0, 0, 0), tongfa
    machine = {"date": "-", "cores": 1, "processor": "-", "memory_gib": 1, "system": "-", "python": "-", "load": 0}
    page = tables.render({"command": "-", "machine": machine, **result})
    assert "**Tongfa**" in page
    assert "floor" in page
