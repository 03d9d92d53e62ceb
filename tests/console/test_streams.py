"""Server-sent events: who is woken, when a stream ends, and how many there may be."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from bot.console import events, streams
from bot.console.events import BEAT, CHANGED, END, HELLO, Lines
from bot.console.streams import Hub, Listener
from bot.runtime import processes
from bot.services.changes import Changes

from .world import District

Login = Callable[[str], Client]


class Tape:
    """A trail that a test writes."""

    def __init__(self) -> None:
        self.now, self.asked, self.trouble = Changes(0), 0, False
        self.looked = threading.Event()

    def head(self) -> int:
        return self.now.head

    def since(self, line: int) -> Changes:
        self.asked += 1
        self.looked.set()
        if self.trouble:
            self.trouble = False
            raise OperationalError("gone")
        return self.now if self.now.head != line else Changes(line)

    def write(self, *subjects: str, units: tuple[int, ...] = ()) -> None:
        self.now = Changes(self.now.head + 1, frozenset(subjects), frozenset(units))


@pytest.fixture
def tape() -> Tape:
    return Tape()


@pytest.fixture
def hub(tape: Tape) -> Iterator[Hub]:
    made = Hub(tape, most=2, pause=0.01)
    yield made
    made.close()


def joined(hub: Hub, *subjects: str) -> Listener:
    found = hub.join(lambda what: not what.subjects.isdisjoint(subjects))
    assert found is not None
    return found


def test_who_waits_for_it_is_woken_and_nobody_else(hub: Hub, tape: Tape) -> None:
    mine, other = joined(hub, "release:1"), joined(hub, "release:2")
    tape.write("release:1", "publication:7")
    assert mine.wait(5)
    assert not other.wait(0.05)


def test_what_is_written_between_joining_and_the_first_look_is_heard(tape: Tape) -> None:
    hub = Hub(tape, pause=0.01)
    listener = joined(hub, "release:1")
    tape.write("release:1")
    assert listener.wait(5)
    hub.close()


def test_nobody_listening_nothing_is_asked(hub: Hub, tape: Tape) -> None:
    listener = joined(hub, "release:1")
    assert tape.looked.wait(5)
    hub.leave(listener)
    end = monotonic() + 5
    while hub._watcher is not None and monotonic() < end:
        threading.Event().wait(0.01)
    asked = tape.asked
    threading.Event().wait(0.05)
    assert tape.asked == asked
    tape.looked.clear()
    joined(hub, "release:1")
    assert tape.looked.wait(5)  # the next one starts another watcher


def test_a_database_that_does_not_answer_for_a_moment_ends_no_stream(
    hub: Hub, tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "AFTER_TROUBLE", 0.01)
    tape.trouble = True
    listener = joined(hub, "release:1")
    assert tape.looked.wait(5)
    tape.write("release:1")
    assert listener.wait(5)


def test_there_are_fewer_streams_than_threads_and_who_comes_too_late_is_told(hub: Hub) -> None:
    first = joined(hub, "a")
    joined(hub, "b")
    assert hub.join(lambda _: True) is None
    hub.leave(first)
    assert hub.join(lambda _: True) is not None
    assert streams.MOST + 8 <= processes.WEB_THREADS
    assert f"--threads={processes.WEB_THREADS}" in processes.web_argv("127.0.0.1", 8000)


# --- one stream ----------------------------------------------------------------------------------------------


def lines(hub: Hub, *, allowed: bool = True, gone: bool = False, heartbeat: float = 60.0) -> Lines:
    return Lines(
        hub, joined(hub, "release:1"), allowed=lambda: allowed, gone=lambda: gone, heartbeat=heartbeat, step=0.01
    )


def test_a_stream_says_hello_and_then_only_that_something_changed(hub: Hub, tape: Tape) -> None:
    stream = lines(hub)
    assert next(stream) == HELLO
    tape.write("release:1")
    assert next(stream) == CHANGED


def test_it_beats_while_nothing_happens(hub: Hub) -> None:
    stream = lines(hub, heartbeat=0.02)
    assert [next(stream) for _ in range(3)] == [HELLO, BEAT, BEAT]


def test_it_ends_with_the_session(hub: Hub) -> None:
    stream = lines(hub, allowed=False, heartbeat=0.02)
    assert list(stream) == [HELLO, END]


def test_it_ends_when_the_browser_has_gone_and_frees_its_place(hub: Hub) -> None:
    stream = lines(hub, gone=True)
    assert list(stream) == [HELLO]
    stream.close()
    assert hub.count == 0


def test_the_end_of_the_process_ends_every_stream_at_once(hub: Hub) -> None:
    stream = lines(hub)
    assert next(stream) == HELLO
    threading.Timer(0.05, hub.close).start()
    assert list(stream) == []
    assert hub.join(lambda _: True) is None


# --- the addresses -------------------------------------------------------------------------------------------


@pytest.fixture
def own_hub(monkeypatch: pytest.MonkeyPatch, tape: Tape) -> Iterator[Hub]:
    made = Hub(tape, most=2, pause=0.01)
    monkeypatch.setattr(streams, "HUB", made)
    yield made
    made.close()


def test_a_release_and_the_desk_have_a_stream(own_hub: Hub, tape: Tape, district: District, as_: Login) -> None:
    release = district.planned()
    push = release.publications.all()[0]
    client = as_("duty")
    one: Any = client.get(f"/events/release/{release.pk}")
    desk: Any = client.get("/events/desk")
    for answer in (one, desk):
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["Cache-Control"] == "no-store"
        assert next(iter(answer.streaming_content)) == HELLO
    tape.write(f"publication:{push.pk}", units=(district.unit.pk,))
    for answer in (one, desk):
        assert next(iter(answer.streaming_content)) == CHANGED
    assert client.get("/events/desk").status_code == 503  # the page asks every five seconds then
    one.close()
    desk.close()
    assert own_hub.count == 0


def test_another_units_desk_hears_nothing(own_hub: Hub, tape: Tape, district: District, as_: Login) -> None:
    answer: Any = as_("duty").get("/events/desk")
    (listener,) = own_hub._listeners
    tape.write("release:99", units=(district.unit.pk + 1,))
    assert not listener.wait(0.1)
    answer.close()


def test_without_a_login_there_is_no_stream(own_hub: Hub, district: District) -> None:
    answer = Client().get("/events/desk")
    assert answer.status_code == 302
    assert own_hub.count == 0


def test_who_may_listen_is_asked_again(district: District, as_: Login, rf: Any) -> None:
    client, who = as_("duty"), district.people["duty"]
    request = rf.get("/events/desk")
    request.user, request.session = who, client.session
    ask = events.still_allowed(request)
    assert ask()
    who.is_active = False
    who.save()
    assert not ask()
    who.is_active = True
    who.save()
    assert ask()
    client.logout()
    assert not ask()


def test_a_changed_password_ends_it(district: District, as_: Login, rf: Any) -> None:
    client, who = as_("duty"), district.people["duty"]
    request = rf.get("/events/desk")
    request.user, request.session = who, client.session
    ask = events.still_allowed(request)
    who.set_password("another correct horse")
    who.save()
    assert not ask()


@pytest.mark.parametrize("page", ["/", "/releases/{}"])
def test_the_pages_name_their_stream_and_ask_by_themselves_without(page: str, district: District, as_: Login) -> None:
    release = district.planned()
    shown = as_("duty").get(page.format(release.pk)).content.decode()
    assert 'data-every="5000"' in shown
    assert ('data-events="/events/desk"' in shown) or (f'data-events="/events/release/{release.pk}"' in shown)
