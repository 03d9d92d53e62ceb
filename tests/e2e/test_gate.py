"""Two releases that wait for their pages on the portal: one page comes a little late, the other never."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from .district import make_ready, notice
from .home import Home
from .platform import Pair, Platform, Playing, epoch
from .processes import patient, sleep_until
from .verdict import ENDED, assert_promises

pytestmark = pytest.mark.e2e
LEAD = 45.0
LATE = 4.0  # seconds after T at which the first page goes live
SOON = 60.0  # then everything has left: seen, handed out, claimed, connected, each by a process started for it


class Portal:
    """Pages on loopback: `publish` puts one there; what is not there is a 404."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        portal = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                title = portal.pages.get(self.path)
                body = f"<html><head><title>{title}</title></head><body>{title}</body></html>".encode()
                self.send_response(404 if title is None else 200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_port}"

    def publish(self, path: str, title: str) -> float:
        """The moment from which the page is there."""
        self.pages[path] = title
        return time.time()

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Portal]:
        """Served in a thread."""
        portal = cls()
        thread = Thread(target=portal.server.serve_forever)
        thread.start()
        try:
            yield portal
        finally:
            portal.server.shutdown()
            thread.join()
            portal.server.server_close()


@dataclass
class Played:
    """What is left to judge."""

    home: Home
    platform: Platform
    pairs: dict[str, Pair]
    releases: dict[str, int] = field(default_factory=dict)
    live_at: float = 0.0


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("gate")
    with Playing(folder / "platform") as platform, Portal.open() as portal:
        home = Home(folder / "home", {"TONGFA_PORTAL_HOSTS": "127.0.0.1", "BROKER_URL": "redis://127.0.0.1:9/0"})
        pairs = {"-late": platform.make_pair(620), "-never": platform.make_pair(621)}
        make_ready(home, platform, pairs, items=1)
        story = Played(home, platform, pairs)
        with home.start("clock", "run", "clock") as clock:
            for number, name in enumerate(pairs, start=1):
                story.releases[name] = gated(home, number, name, f"{portal.base}/{name}.html")
            at = epoch(home.publications(story.releases["-late"])[0]["instant"])
            sleep_until(at + LATE)
            story.live_at = portal.publish("/-late.html", notice(1)["title"])
            for name, state in (("-late", "live"), ("-never", "held")):
                home.wait_states(story.releases[name], {state}, patient(150), clock)
        yield story


def gated(home: Home, number: int, name: str, url: str) -> int:
    """Signed, to go once the page is live; given up after a minute."""
    home.many(
        ["release", "plan", "--as", "he", "--at", f"+{patient(LEAD):.0f}s", "--item", "E2E-001", "--account", f"gzh{name}",
         "--account", f"wb{name}", "--after-live", url, "--wait", "1m", "--then", "hold"],
        ["release", "sign", str(number), "--as", "he"],
    )  # fmt: skip
    return number


def test_both_promises_hold(played: Played) -> None:
    assert_promises(played.home, played.platform, *played.releases.values())


def test_it_leaves_as_soon_as_the_page_is_live_and_on_both_accounts_at_once(played: Played) -> None:
    calls = played.platform.public_calls(*played.pairs["-late"].ids)
    assert len(calls) == 2
    assert all(played.live_at < call["at"] < played.live_at + patient(SOON) for call in calls)
    assert abs(calls[0]["at"] - calls[1]["at"]) < 1
    assert {row["state"] for row in played.home.publications(played.releases["-late"])} == {"live"}


def test_without_its_page_nothing_leaves_and_a_person_is_told_why(played: Played) -> None:
    assert not played.platform.public_calls(*played.pairs["-never"].ids)
    rows = played.home.publications(played.releases["-never"])
    assert {row["state"] for row in rows} <= ENDED - {"live"}
    assert all("网页" in row["reason"] for row in rows)


def test_the_record_says_when_the_page_was_seen(played: Played) -> None:
    shown = played.home.try_tongfa("release", "show", str(played.releases["-late"]), "--as", "he", json_form=False).out
    assert "门户" in shown
    assert "404" in shown or "上线" in shown
