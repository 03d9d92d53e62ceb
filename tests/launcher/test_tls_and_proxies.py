"""Releases over TLS and through proxies."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable

import pytest

from bot.launcher import Answered, Event, Launcher, NotSent, Sent, Shot
from bot.launcher.codec import trust

from .conftest import kinds, post
from .servers import OK, Authority, Peer, Server, answer, connect_proxy

Release = Callable[..., dict[str, list[Event]]]


def reason(events: list[Event]) -> str:
    (only,) = events
    assert isinstance(only, NotSent)
    return only.reason


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_request_sealed_before_t_arrives_whole_and_not_early(
    release: Release, authority: Authority, version: ssl.TLSVersion
) -> None:
    """TLS 1.3 servers send tickets after the handshake: an idle socket becomes readable and must stay usable."""
    context = authority.server_context("localhost")
    context.minimum_version = context.maximum_version = version
    context.num_tickets = 4
    protocols: list[str | None] = []

    def note(peer: Peer) -> None:
        assert isinstance(peer.sock, ssl.SSLSocket)
        protocols.append(peer.sock.selected_alpn_protocol())
        answer()(peer)

    with Server(note, context) as server:
        at = time.time() + 0.3
        events = release([post(server.url(), b"x" * 100_000)] * 10, lead=at - time.time(), patience=5)
        assert all(kinds(of_one) == [Sent, Answered] for of_one in events.values())
        assert min(server.arrivals) >= at
        assert all(request.endswith(b"x" * 100_000) for request in server.requests)
        assert server.accepted == 10
        assert set(protocols) == {"http/1.1"}


def test_a_close_notify_while_idle_is_noticed_and_the_connection_reopened(
    release: Release, authority: Authority
) -> None:
    def impatient(peer: Peer) -> None:
        if peer.number:
            answer()(peer)

    with Server(impatient, authority.server_context("localhost")) as server:
        assert kinds(release([post(server.url())], lead=0.4)["0"]) == [Sent, Answered]
        assert (server.accepted, len(server.requests)) == (2, 1)


def test_a_body_without_length_that_ends_without_close_notify_was_cut(release: Release, authority: Authority) -> None:
    def slam(peer: Peer) -> None:
        peer.request()
        peer.say(b"HTTP/1.1 200 OK\r\n\r\n{}")
        peer.sock.close()

    with Server(slam, authority.server_context("localhost")) as server:
        last = release([post(server.url())])["0"][-1]
        assert isinstance(last, Answered)
        assert (last.answer.body, last.answer.complete) == (b"{}", False)


def test_an_early_refusal_is_seen_under_tls_too(release: Release, authority: Authority) -> None:
    def refuse(peer: Peer) -> None:
        peer.head()
        peer.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        time.sleep(0.5)

    with Server(refuse, authority.server_context("localhost")) as server:
        events = release([post(server.url(), b"p" * (8 << 20))], patience=5)["0"]
        assert isinstance(events[0], Sent)
        assert not events[0].complete
        assert isinstance(events[1], Answered)
        assert events[1].answer.status == 413


def test_certificates_are_verified_host_name_included(release: Release, authority: Authority) -> None:
    """Whatever is wrong with a certificate, no byte of the request leaves."""
    with (
        Server(answer(), authority.server_context("other.example")) as wrong_name,
        Server(answer(), authority.server_context("localhost", days=-1)) as expired,
        Server(answer(), authority.server_context("127.0.0.1", "::1")) as literal,
    ):
        events = release([post(wrong_name.url()), post(expired.url()), post(literal.url(host="127.0.0.1"))], window=0.2)
        assert reason(events["0"]).startswith("tls: certificate not accepted")
        assert reason(events["1"]).startswith("tls: certificate not accepted")
        assert kinds(events["2"]) == [Sent, Answered]
        assert wrong_name.requests == expired.requests == []


def test_an_authority_outside_the_bundle_needs_the_ca_file(release: Release, authority: Authority) -> None:
    with Server(answer(), authority.server_context("localhost")) as server:
        assert reason(release([post(server.url())], ca_file=None, window=0.1)["0"]).startswith("tls")
        assert server.requests == []


def test_a_plain_server_behind_https_is_not_sent(release: Release) -> None:
    with Server(answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        url = server.url().replace("http://", "https://")
        assert reason(release([post(url)], window=0.1)["0"]).split(":")[0] in ("tls", "closed", "reset", "timeout")


def test_session_keys_are_not_written_where_the_environment_asks_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", "/nonexistent/keys")
    trust.cache_clear()
    assert trust(None).keylog_filename is None


def test_https_through_a_proxy_is_tunnelled_before_t(release: Release, authority: Authority) -> None:
    with Server(answer(), authority.server_context("localhost")) as target, Server(connect_proxy()) as proxy:
        at = time.time() + 0.3
        via = f"http://127.0.0.1:{proxy.port}"
        events = release([post(target.url(), proxy=via)] * 3, lead=at - time.time())
        assert all(kinds(of_one) == [Sent, Answered] for of_one in events.values())
        assert all(head.startswith(b"CONNECT localhost:%d " % target.port) for head in proxy.requests)
        assert not any(b"CANARY" in head for head in proxy.requests)
        assert max(proxy.arrivals[:3]) < at <= min(target.arrivals)


def test_plain_http_through_a_proxy_is_one_absolute_request(release: Release) -> None:
    with Server(answer()) as proxy:
        events = release([post("http://api.invalid/x", proxy=f"http://127.0.0.1:{proxy.port}")])
        assert kinds(events["0"]) == [Sent, Answered]
        assert proxy.requests[0].startswith(b"POST http://api.invalid/x HTTP/1.1\r\nHost: api.invalid\r\n")


def test_a_proxy_that_refuses_means_not_sent(release: Release, authority: Authority) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    with Server(connect_proxy(refusal)) as proxy:
        url, via = "https://api.invalid/?token=CANARY", f"http://u:CANARY@127.0.0.1:{proxy.port}"
        found = reason(release([post(url, proxy=via)], window=0.1)["0"])
        assert found == "proxy: status 407"


def test_a_struck_shot_leaves_no_byte_on_its_tls_connection(authority: Authority) -> None:
    """The sealed request lies in memory: closing must not flush it."""
    seen: list[bytes] = []

    def listen(peer: Peer) -> None:
        seen.append(peer.sock.recv(100))

    with Server(listen, authority.server_context("localhost")) as server:
        at = time.time() + 0.3
        with Launcher([Shot("a", post(server.url()))], ca_file=authority.ca_file) as launcher:
            assert launcher.connect(at) == {}
            launcher.strike(["a"])
            assert list(launcher.fire(at, send_by=at + 1, answer_deadline=at + 1)) == [NotSent("a", "struck")]
        assert server.requests == []
        assert b"".join(seen) == b""


def test_a_long_row_of_tickets_between_the_handshake_and_t_changes_nothing(
    release: Release, authority: Authority
) -> None:
    context = authority.server_context("localhost")
    context.num_tickets = 32
    with Server(answer(OK), context) as server:
        assert kinds(release([post(server.url())], lead=0.3)["0"]) == [Sent, Answered]
        assert server.accepted == 1


def test_an_address_that_the_tls_library_will_not_take_ends_alone(authority: Authority) -> None:
    with Server(answer(), authority.server_context("localhost")) as server:

        def lookup(*_: object, **__: object) -> list[tuple[object, ...]]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]

        at = time.time() + 0.2
        shots = [Shot("odd", post("https://.CANARY.example/")), Shot("good", post(server.url()))]
        with Launcher(shots, ca_file=authority.ca_file, resolve=lookup) as launcher:
            launcher.connect(at - 0.1)
            events = list(launcher.fire(at, send_by=at + 0.2, answer_deadline=at + 2))
        assert reason([event for event in events if event.key == "odd"]).startswith("internal: ")
        assert "CANARY" not in repr(events)
        assert kinds([event for event in events if event.key == "good"]) == [Sent, Answered]
