"""Whole releases over plain loopback: when bytes leave, what ends a shot, and what is said about it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from bot.domain.channel import WireAnswer
from bot.launcher import Answered, Broken, Event, Launcher, Limits, NotSent, Sent, Shot, explain

from .conftest import kinds, no_secret, post
from .servers import OK, Peer, Server, answer

Release = Callable[..., dict[str, list[Event]]]


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def only_answer(events: list[Event]) -> WireAnswer:
    assert kinds(events) == [Sent, Answered]
    last = events[-1]
    assert isinstance(last, Answered)
    return last.answer


def only_break(events: list[Event]) -> Broken:
    assert kinds(events) == [Sent, Broken]
    last = events[-1]
    assert isinstance(last, Broken)
    return last


# --- the instant ----------------------------------------------------------------------------------------


def test_200_shots_leave_at_one_instant_and_none_is_early(release: Release) -> None:
    """Arrival is stamped by the server; a byte before T would be stamped before T."""
    with Server(answer()) as server:
        at = time.time() + 0.6
        events = release([post(server.url())] * 200, lead=at - time.time(), patience=5)
        assert all(only_answer(of_one).body == b"{}" for of_one in events.values())
        sent = [of_one[0] for of_one in events.values()]
        assert all(isinstance(event, Sent) and at <= event.first_byte_at < at + 0.5 for event in sent)
        assert min(server.arrivals) >= at
        assert len(server.requests) == 200


def test_each_connection_carries_one_request_and_no_more(release: Release) -> None:
    with Server(answer()) as server:
        release([post(server.url())] * 5)
        assert (server.accepted, len(server.requests)) == (5, 5)


def test_a_past_instant_is_fired_at_once_within_the_window(release: Release) -> None:
    with Server(answer()) as server:
        events = release([post(server.url())], lead=-0.1)
        assert kinds(events["0"]) == [Sent, Answered]


def test_after_send_by_nothing_leaves(release: Release) -> None:
    with Server(answer()) as server:
        events = release([post(server.url())], lead=-1.0, window=0.5)
        assert [type(event) for event in events["0"]] == [NotSent]
        assert server.requests == []


def test_a_wall_clock_set_back_during_the_wait_is_honoured() -> None:
    """The launcher's clock loses 200 ms while it waits: the bytes leave 200 ms later by the true clock."""
    set_back_at = time.time() + 0.15
    with Server(answer()) as server:

        def wall() -> float:
            true = time.time()
            return true - 0.2 if true >= set_back_at else true

        at = time.time() + 0.25
        with Launcher([Shot("a", post(server.url()))], ca_file=None, now=wall) as launcher:
            assert launcher.connect(at) == {}
            list(launcher.fire(at, send_by=at + 2, answer_deadline=at + 3))
        assert server.arrivals[0] >= at + 0.2


def test_answers_that_came_while_the_caller_was_at_work_count_although_time_is_up() -> None:
    """Writing one outcome down may take longer than anybody waits for answers; they lie in the sockets."""

    def later(peer: Peer) -> None:
        if peer.request():
            time.sleep(0.15)
            peer.say(OK)

    with Server(later) as one, Server(later) as two:
        at, ends = time.time() + 0.1, []
        with Launcher([Shot("a", post(one.url())), Shot("b", post(two.url()))], ca_file=None) as launcher:
            launcher.connect(at)
            for event in launcher.fire(at, send_by=at + 1, answer_deadline=at + 0.2):
                if not ends:
                    time.sleep(0.5)
                ends.append(type(event))
        assert sorted(kind.__name__ for kind in ends) == ["Answered", "Answered", "Sent", "Sent"]


# --- how answers end ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "status", "body", "complete"),
    [
        (OK, 200, b"{}", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 200, b"{}", True),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", 200, b"{}", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"{}", True),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 302, b"", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", 200, b"{}", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}", 200, b"{}", False),
        (b"<html>502</html>\r\n\r\n", 0, b"<html>502</html>\r\n\r\n", False),
    ],
    ids=["length", "chunked", "to-the-end", "after-100", "redirect", "cut-length", "cut-chunk", "not-http"],
)
def test_answers(release: Release, wire: bytes, status: int, body: bytes, complete: bool) -> None:
    with Server(answer(wire)) as server:
        found = only_answer(release([post(server.url())])["0"])
        assert (found.status, found.body, found.complete) == (status, body, complete)
        assert len(server.requests) == 1


def test_a_body_over_one_mebibyte_is_incomplete(release: Release) -> None:
    with Server(answer(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (2 << 20))) as server:
        found = only_answer(release([post(server.url())], patience=5)["0"])
        assert (len(found.body), found.complete) == (1 << 20, False)


def test_silence_until_the_deadline_is_unknown(release: Release) -> None:
    def mute(peer: Peer) -> None:
        peer.request()
        peer.gone()

    with Server(mute) as server:
        started = time.time()
        broken = only_break(release([post(server.url())], patience=0.4)["0"])
        assert broken.reason.startswith("timeout")
        assert broken.sent
        assert time.time() - started < 1.5


def test_a_slow_loris_is_cut_at_the_total_deadline(release: Release) -> None:
    """A byte every 20 ms would keep any per-read time-out alive for ever."""

    def drip(peer: Peer) -> None:
        peer.request()
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            peer.say(b"x")
            time.sleep(0.02)

    with Server(drip) as server:
        started = time.time()
        found = only_answer(release([post(server.url())], patience=0.4)["0"])
        assert (found.status, found.complete) == (200, False)
        assert time.time() - started < 1.5


def test_a_reset_after_the_request_is_unknown(release: Release) -> None:
    def slam(peer: Peer) -> None:
        peer.request()
        peer.reset()

    with Server(slam) as server:
        broken = only_break(release([post(server.url())])["0"])
        assert broken.reason.startswith("reset")
        assert "结果不明" in explain(broken)
        assert (server.accepted, len(server.requests)) == (1, 1)


def test_a_close_without_an_answer_is_unknown_and_not_tried_again(release: Release) -> None:
    with Server(answer(b"")) as server:
        assert only_break(release([post(server.url())])["0"]).reason.startswith("closed")
        assert (server.accepted, len(server.requests)) == (1, 1)


def test_one_bad_answer_does_not_touch_the_others(release: Release) -> None:
    with Server(answer(b"\x00\xff garbage\r\n\r\n")) as bad, Server(answer()) as good:
        events = release([post(bad.url()), post(good.url()), post(f"http://127.0.0.1:{closed_port()}/")])
        assert only_answer(events["0"]).status == 0
        assert only_answer(events["1"]).complete
        assert kinds(events["2"]) == [NotSent]


# --- large bodies ---------------------------------------------------------------------------------------

LARGE = 8 << 20


def test_a_large_body_reports_its_first_and_its_last_byte(release: Release) -> None:
    def slow(peer: Peer) -> None:
        time.sleep(0.3)
        peer.request()
        peer.say(OK)

    with Server(slow) as server:
        events = release([post(server.url(), b"p" * LARGE)], patience=5)["0"]
        assert only_answer(events).complete
        sent = events[0]
        assert isinstance(sent, Sent)
        assert sent.complete
        assert sent.last_byte_at > sent.first_byte_at
        assert server.requests[0].endswith(b"p" * LARGE)


def test_an_early_refusal_is_seen_while_a_large_body_is_still_being_written(release: Release) -> None:
    def refuse(peer: Peer) -> None:
        peer.head()
        peer.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        time.sleep(0.5)  # never reads on: without reading, the client would sit on a full socket

    with Server(refuse) as server:
        events = release([post(server.url(), b"p" * LARGE)], patience=5)["0"]
        found = only_answer(events)
        assert (found.status, found.body) == (413, b"big")
        sent = events[0]
        assert isinstance(sent, Sent)
        assert not sent.complete


def test_a_refusal_followed_by_a_reset_is_still_read_or_unknown(release: Release) -> None:
    def refuse(peer: Peer) -> None:
        peer.head()
        peer.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        peer.sock.close()  # unread bytes make this a reset

    with Server(refuse) as server:
        events = release([post(server.url(), b"p" * LARGE)], patience=5)["0"]
        assert kinds(events) in ([Sent, Answered], [Sent, Broken])
        assert server.accepted == 1


def test_a_picture_does_not_delay_the_text_beside_it(release: Release) -> None:
    with Server(answer()) as server:
        requests = {"picture": post(server.url(), b"p" * LARGE), "text": post(server.url())}
        events = release(requests, patience=5)
        picture, text = events["picture"][0], events["text"][0]
        assert isinstance(picture, Sent)
        assert isinstance(text, Sent)
        assert text.first_byte_at <= picture.first_byte_at


def test_of_many_pictures_each_begins_before_the_rest_of_any(release: Release) -> None:
    """What does not fit into a first segment waits: copied into the kernel at once, it would hold up the others' start."""
    with Server(answer()) as server:
        events = release([post(server.url(), b"p" * (1 << 20)) for _ in range(10)], patience=5)
        sent = [told[0] for told in events.values() if isinstance(told[0], Sent)]
        assert len(sent) == 10
        assert max(one.first_byte_at for one in sent) <= min(one.last_byte_at for one in sent)


# --- before the first byte ------------------------------------------------------------------------------


def test_a_refused_connection_is_provably_not_sent_and_says_so_in_chinese(release: Release) -> None:
    events = release([post(f"http://127.0.0.1:{closed_port()}/?token=CANARY")], window=0.2)
    (only,) = events["0"]
    assert isinstance(only, NotSent)
    assert only.reason.startswith("refused")
    assert "没有发出任何内容" in explain(only)
    assert no_secret(events["0"])


def test_connect_names_what_could_not_be_opened_and_why() -> None:
    shots = [Shot("bad", post(f"http://127.0.0.1:{closed_port()}/?token=CANARY")), Shot("odd", post("gopher://CANARY"))]
    with Server(answer()) as server, Launcher([*shots, Shot("ok", post(server.url()))], ca_file=None) as launcher:
        errors = launcher.connect(time.time() + 0.2)
        assert set(errors) == {"bad", "odd"}
        assert errors["bad"].startswith("refused")
        assert errors["odd"].startswith("request")
        assert "CANARY" not in repr(errors)


def test_connect_returns_as_soon_as_everything_stands() -> None:
    with Server(answer()) as server, Launcher([Shot("a", post(server.url()))], ca_file=None) as launcher:
        end = time.time() + 60
        assert launcher.connect(end) == {}
        assert time.time() < end


def test_a_server_that_comes_up_after_t_still_gets_its_request_within_send_by() -> None:
    port, at = closed_port(), time.time() + 0.1
    with Launcher([Shot("a", post(f"http://127.0.0.1:{port}/"))], ca_file=None) as launcher:
        assert launcher.connect(at)["a"].startswith("refused")
        events = launcher.fire(at, send_by=at + 3, answer_deadline=at + 5)
        listener = socket.create_server(("127.0.0.1", port))
        first = next(events)
        listener.close()
    assert isinstance(first, Sent)
    assert first.first_byte_at >= at


def test_before_a_late_write_it_is_asked_whether_it_may_still_go() -> None:
    """Its sender looked at the records before T; whoever stops it before its first byte has stopped it."""
    port, at, asked = closed_port(), time.time() + 0.1, []

    def stopped() -> list[str]:
        asked.append(time.time())
        return ["b"]

    with Server(answer()) as server:
        shots = [Shot("a", post(server.url())), *(Shot(key, post(f"http://127.0.0.1:{port}/")) for key in ("b", "c"))]
        with Launcher(shots, ca_file=None) as launcher:
            launcher.connect(at)
            events = launcher.fire(at, send_by=at + 3, answer_deadline=at + 1.5, recheck=stopped)
            with socket.create_server(("127.0.0.1", port)) as listener:
                ends = {event.key: event for event in events if not isinstance(event, Sent)}
            listener.close()
    assert isinstance(ends["a"], Answered)
    assert ends["b"] == NotSent("b", "struck")
    assert isinstance(ends["c"], Broken)
    assert asked
    assert min(asked) >= at


def test_what_is_written_at_t_is_not_asked_about_again(release: Release) -> None:
    """Its last look was a moment before."""
    with Server(answer()) as server, Launcher([Shot("a", post(server.url()))], ca_file=None) as launcher:
        at = time.time() + 0.3
        launcher.connect(at)
        events = list(launcher.fire(at, send_by=at + 3, answer_deadline=at + 5, recheck=lambda: pytest.fail("asked")))
    assert isinstance(events[-1], Answered)


def test_a_connection_that_the_server_closed_while_idle_is_reopened_before_t(release: Release) -> None:
    def impatient(peer: Peer) -> None:
        if peer.number == 0:
            return  # closes at once, unasked
        answer()(peer)

    with Server(impatient) as server:
        assert only_answer(release([post(server.url())], lead=0.3)["0"]).complete
        assert (server.accepted, len(server.requests)) == (2, 1)


def test_a_connection_reset_while_idle_is_reopened_too(release: Release) -> None:
    def impatient(peer: Peer) -> None:
        if peer.number == 0:
            peer.reset()
        else:
            answer()(peer)

    with Server(impatient) as server:
        assert only_answer(release([post(server.url())], lead=0.3)["0"]).complete


def test_a_server_that_speaks_before_it_is_asked_is_not_given_the_request_on_that_connection(release: Release) -> None:
    def chatty(peer: Peer) -> None:
        if peer.number == 0:
            peer.say(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
            peer.gone()
        else:
            answer()(peer)

    with Server(chatty) as server:
        assert only_answer(release([post(server.url())], lead=0.3)["0"]).status == 200


def test_struck_shots_end_as_not_sent_and_their_connections_carry_nothing(release: Release) -> None:
    with Server(answer()) as server:
        events = release(
            {"go": post(server.url("/go")), "stop": post(server.url("/stop"))},
            before_fire=lambda launcher: launcher.strike(["stop", "unheard-of"]),
        )
        assert events["stop"] == [NotSent("stop", "struck")]
        assert only_answer(events["go"]).complete
        assert [request.split(b" ")[1] for request in server.requests] == [b"/go"]


def test_a_shot_without_connection_can_still_be_struck_after_t() -> None:
    at = time.time() + 0.05
    with Server(answer()) as server:
        shots = [Shot("ok", post(server.url())), Shot("bad", post(f"http://127.0.0.1:{closed_port()}/"))]
        ends: dict[str, Event] = {}
        with Launcher(shots, ca_file=None) as launcher:
            launcher.connect(at)
            for event in launcher.fire(at, send_by=at + 30, answer_deadline=at + 30):
                ends[event.key] = event
                launcher.strike(["bad"])
    assert ends["bad"] == NotSent("bad", "struck")
    assert time.time() < at + 5


def test_a_black_hole_at_one_destination_does_not_hold_up_another(release: Release) -> None:
    """Tries are counted per destination: more silent peers than the limit of one destination stall only themselves."""
    with socket.socket() as full, Server(answer()) as good:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        hole = f"http://127.0.0.1:{full.getsockname()[1]}/"
        requests = {f"hole{i}": post(hole) for i in range(6)} | {"good": post(good.url())}
        events = release(requests, limits=Limits(opening=2), patience=0.6)
        assert only_answer(events["good"]).complete


def test_names_are_resolved_ahead_and_a_second_address_is_tried_when_the_first_refuses() -> None:
    asked: list[str] = []
    refused = closed_port()

    with Server(answer()) as server:

        def lookup(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
            asked.append(host)
            places = [("127.0.0.1", refused), ("127.0.0.1", server.port)]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]

        shots = [Shot(str(i), post("http://api.test:8080/")) for i in range(3)]
        with Launcher(shots, ca_file=None, resolve=lookup) as launcher:
            assert launcher.connect(time.time() + 2) == {}
        assert asked == ["api.test"]


def test_a_name_that_does_not_exist_is_not_sent() -> None:
    def lookup(*_: object, **__: object) -> list[tuple[object, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known: CANARY")

    at = time.time() + 0.05
    with Launcher([Shot("a", post("http://api.test/"))], ca_file=None, resolve=lookup) as launcher:
        (only,) = launcher.fire(at, send_by=at + 0.2, answer_deadline=at + 1)
    assert isinstance(only, NotSent)
    assert only.reason.startswith("dns")
    assert "CANARY" not in only.reason


def test_ipv6_literals_work(release: Release) -> None:
    with Server(answer(), host="::1") as server:
        assert only_answer(release([post(server.url(host="[::1]"))])["0"]).complete


def test_a_key_is_used_once_and_a_launcher_fires_once() -> None:
    with pytest.raises(ValueError):
        Launcher([Shot("a", post("http://h/")), Shot("a", post("http://h/"))], ca_file=None)
    launcher = Launcher([], ca_file=None)
    assert list(launcher.fire(0, send_by=1, answer_deadline=2)) == []
    with pytest.raises(RuntimeError):
        launcher.fire(0, send_by=1, answer_deadline=2)
