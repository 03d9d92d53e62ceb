"""Requests to bytes and bytes to answers, without a socket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.channel import WireAnswer, WireRequest
from bot.launcher.framing import AnswerParser, Endpoint, Plan, Tunnel, plan
from bot.launcher.reasons import Fault, Reason


def framed(url: str, body: bytes = b"{}", headers: tuple[tuple[str, str], ...] = (), **more: str) -> Plan:
    return plan(WireRequest(more.pop("method", "POST"), url, headers, body, **more))


def parser(method: str = "POST", *, max_body: int = 1 << 20, max_head: int = 65536) -> AnswerParser:
    return AnswerParser(method, max_body=max_body, max_head=max_head)


def read(*pieces: bytes, **options: int) -> WireAnswer | None:
    one = parser("POST", **options)
    answers = (one.feed(piece) for piece in pieces)
    return next((answer for answer in answers if answer is not None), None)


# --- requests -------------------------------------------------------------------------------------------


def test_a_request_gets_host_length_identity_and_close_around_its_own_headers_in_order() -> None:
    headers = (("Content-Type", "application/json"), ("User-Agent", "tongfa"))
    made = framed("https://api.example.cn/cgi-bin/send?t=1#x", b'{"a":"\xe5\x90\x8c"}', headers)
    assert made.payload == (
        b"POST /cgi-bin/send?t=1 HTTP/1.1\r\nHost: api.example.cn\r\nContent-Type: application/json\r\n"
        b"User-Agent: tongfa\r\nAccept-Encoding: identity\r\nConnection: close\r\nContent-Length: 11\r\n\r\n"
        b'{"a":"\xe5\x90\x8c"}'
    )
    assert (made.dial, made.server_name, made.tls) == (Endpoint("api.example.cn", 443), "api.example.cn", True)


@pytest.mark.parametrize(
    "name", ["Expect", "Connection", "Content-Length", "Transfer-Encoding", "Accept-Encoding", "Host", "Upgrade"]
)
def test_headers_of_the_connection_are_the_launchers_whatever_the_request_says(name: str) -> None:
    made = framed("http://h/", headers=((name, "100-continue"),))
    assert b"100-continue" not in made.payload


def test_the_port_stands_in_host_only_where_it_is_not_the_default() -> None:
    assert b"Host: h:8443\r\n" in framed("https://h:8443/").payload
    assert b"Host: h\r\n" in framed("https://h:443/").payload
    assert b"Host: [::1]:81\r\n" in framed("http://[::1]:81/").payload


def test_chinese_host_names_are_looked_up_in_their_ascii_form() -> None:
    assert framed("https://例子.中国/").dial.host == "xn--fsqu00a.xn--fiqs8s"


def test_get_without_a_body_has_no_length_and_an_empty_post_has_zero() -> None:
    assert b"Content-Length" not in framed("http://h/", b"", method="GET").payload
    assert b"Content-Length: 0\r\n" in framed("http://h/", b"").payload


def test_https_goes_through_a_proxy_by_connect_and_the_proxys_password_stays_out_of_the_request() -> None:
    made = framed("https://api.cn/x", proxy="http://u:p%40@proxy:3128")
    assert made.dial == Endpoint("proxy", 3128)
    assert made.tunnel.startswith(b"CONNECT api.cn:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic dTpwQA==" in made.tunnel
    assert b"Proxy-Authorization" not in made.payload
    assert made.payload.startswith(b"POST /x ")


def test_plain_http_goes_through_a_proxy_in_absolute_form() -> None:
    made = framed("http://api.cn:81/x?a=1", proxy="http://proxy:3128")
    assert made.tunnel == b""
    assert made.payload.startswith(b"POST http://api.cn:81/x?a=1 HTTP/1.1\r\nHost: api.cn:81\r\n")


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://evil:1")
    assert framed("https://api.cn/").dial == Endpoint("api.cn", 443)


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("ftp://h/CANARY", ()),
        ("https:///CANARY", ()),
        ("http://h:99999/CANARY", ()),
        ("http://h/CANARY space", ()),
        ("http://h/CANARY", (("X", "a\r\nInjected: b"),)),
        ("http://[CANARY", ()),
        ("http://h/文CANARY", ()),
    ],
)
def test_what_cannot_be_framed_is_refused_without_naming_it(url: str, headers: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(Fault) as caught:
        framed(url, headers=headers)
    assert caught.value.code is Reason.REQUEST
    assert "CANARY" not in str(caught.value)
    assert caught.value.__cause__ is None


# --- answers --------------------------------------------------------------------------------------------

CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n3;x=y\r\n:1}\r\n0\r\nT: v\r\n\r\n'
SIZED = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX: y\r\n\r\nHTTP/1.1 302 Found\r\nLocation: http://o/\r\n"
SIZED += b"Content-Length: 7\r\n\r\n" + b'{"a":1}'


@given(st.sampled_from([CHUNKED, SIZED]), st.data())
def test_an_answer_reads_the_same_however_it_is_cut_into_packets(wire: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(1, len(wire) - 1), max_size=8, unique=True)))
    pieces = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
    found = read(*pieces)
    assert found is not None
    assert (found.body, found.complete) == (b'{"a":1}', True)


def test_interim_answers_are_skipped_and_a_redirect_is_just_an_answer() -> None:
    found = read(SIZED)
    assert found is not None
    assert (found.status, found.header("location")) == (302, "http://o/")


def test_a_body_without_length_ends_with_the_connection() -> None:
    assert read(b"HTTP/1.1 200 OK\r\n\r\nab", b"c") is None
    assert read(b"HTTP/1.1 200 OK\r\n\r\nab", b"c", b"") == WireAnswer(200, (), b"abc", complete=True)


@pytest.mark.parametrize("wire", [CHUNKED[:-9], SIZED[:-1]])
def test_an_answer_that_ends_too_soon_is_incomplete(wire: bytes) -> None:
    found = read(wire, b"")
    assert found is not None
    assert found.status in (200, 302)
    assert not found.complete


def test_the_end_before_a_head_is_no_answer() -> None:
    assert read(b"") is None
    assert read(b"HTTP/1.1 200 O", b"") is None
    assert parser().cut() is None


@pytest.mark.parametrize(
    "wire", [b"\x16\x03\x01 not http\r\n\r\n", b"hello\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
def test_what_is_not_http_is_kept_as_evidence_with_status_0(wire: bytes) -> None:
    found = read(wire)
    assert found is not None
    assert (found.status, found.complete) == (0, False)
    assert wire.startswith(found.body)
    assert found.body


def test_contradicting_lengths_are_not_believed() -> None:
    found = read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}")
    assert found is None or not found.complete


def test_a_body_over_the_limit_is_cut_there() -> None:
    found = read(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n" + b"x" * 50, max_body=20)
    assert found == WireAnswer(200, (("Content-Length", "50"),), b"x" * 20, complete=False)


def test_a_huge_head_ends_the_reading_with_bounded_evidence() -> None:
    found = read(b"HTTP/1.1 200 OK\r\n", *[b"X-Pad: " + b"y" * 1000 + b"\r\n"] * 100, max_head=65536)
    assert found is not None
    assert (found.status, found.complete) == (0, False)
    assert len(found.body) <= 4096


def test_an_answer_to_head_has_no_body() -> None:
    found = parser("HEAD").feed(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
    assert found is not None
    assert found.complete


# --- proxies --------------------------------------------------------------------------------------------


def test_a_tunnel_opens_with_any_2xx_and_hands_on_what_follows() -> None:
    tunnel = Tunnel()
    assert tunnel.feed(b"HTTP/1.1 200 Connec") is None
    assert tunnel.feed(b"tion established\r\nContent-Length: 5\r\n\r\nrest") == b"rest"


@pytest.mark.parametrize("status", [407, 403, 502, 302])
def test_a_proxy_that_refuses_is_a_fault_with_its_status(status: int) -> None:
    with pytest.raises(Fault, match=f"proxy: status {status}"):
        Tunnel().feed(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)


def test_a_proxy_that_speaks_no_http_is_a_fault() -> None:
    with pytest.raises(Fault, match="not HTTP"):
        Tunnel().feed(b"SSH-2.0-OpenSSH_9\r\n\r\n")
