"""Workers that rest are awake in time: a release that is signed while none of them runs goes out at its instant."""

from __future__ import annotations

from pathlib import Path

import pytest

from .district import make_ready, plan_and_sign
from .home import Home
from .platform import Platform, epoch
from .processes import patient, wait_for
from .verdict import assert_promises

pytestmark = pytest.mark.e2e
ITEMS = ("E2E-001", "E2E-002")
WITHIN = 5.0  # seconds after its instant, with whatever else this machine does


def test_a_release_that_is_signed_while_the_workers_rest_goes_out_at_its_instant(
    tmp_path: Path, platform: Platform
) -> None:
    """They rest after five seconds here; that a release is near wakes them, and keeps them."""
    home, pair = Home(tmp_path / "home", {"TONGFA_REST_AFTER": "5"}), platform.make_pair(700)
    make_ready(home, platform, {"": pair}, items=len(ITEMS))

    def said(event: str, *names: str) -> bool:
        logs = [home.path / "logs" / f"{name}.log" for name in names]
        return all(log.exists() and event in log.read_text("utf-8", "replace") for log in logs)

    up = home.up()
    try:
        wait_for(lambda: said("worker.rests", "worker-publish", "worker"), 90, "both rest", alive=[up])
        release = plan_and_sign(home, lead=patient(40.0), items=ITEMS)
        home.wait_states(release, {"live"}, 180, up)
        assert said("worker.wakes", "worker-publish", "worker")
    finally:
        assert up.end() == 0
    assert_promises(home, platform, release)
    for publication in home.publications(release):
        account = pair.appid if publication["channel"] == "wechat" else pair.uid
        first = platform.public_calls(account)[0]["at"]
        if publication["lane"] == 0:
            assert 0 <= first - epoch(publication["instant"]) < patient(WITHIN)
