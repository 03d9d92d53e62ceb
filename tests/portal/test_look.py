"""Is the page live? What each answer of a portal means, shown on a real server on loopback."""

from __future__ import annotations

import gzip
import threading
from pathlib import Path

import pytest

from bot.domain.sync import Seen
from bot.portal import fetch
from tests.launcher.servers import Authority, Peer

from .support import TITLE, Names, page, portal, response, see


def test_a_page_with_the_expected_title_is_live():
    with portal(response(page())) as server:
        seen = see(server.url("/info/1.html"))
    assert (seen.seen, seen.status) == (Seen.LIVE, 200)
    assert "已上线" in seen.words


def test_it_asks_for_the_page_plainly_and_once():
    with portal(response(page())) as server:
        see(server.url("/信息/1.html?页=1"))
    (request,) = server.requests
    head = request.decode("ascii").lower()
    assert head.startswith("get /%e4%bf%a1%e6%81%af/1.html?%e9%a1%b5=1 http/1.1\r\n")
    assert f"host: localhost:{server.port}\r\n" in head
    assert "accept-encoding: identity" in head
    assert "if-none-match" not in head
    assert "cookie" not in head


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (404, Seen.NOT_YET), (410, Seen.NOT_YET), (403, Seen.NOT_YET), (401, Seen.NOT_YET),
        (500, Seen.UNCLEAR), (502, Seen.UNCLEAR), (503, Seen.UNCLEAR), (429, Seen.UNCLEAR), (204, Seen.UNCLEAR), (206, Seen.UNCLEAR),
    ],
)  # fmt: skip
def test_only_status_200_can_mean_live(status, meaning):
    with portal(response(page() if status != 204 else b"", status)) as server:
        seen = see(server.url())
    assert (seen.seen, seen.status) == (meaning, status)
    assert str(status) in seen.words


@pytest.mark.parametrize(
    "title",
    [
        "404 Not Found", "404", "您访问的页面不存在", "页面找不到了", "错误404", "HTTP 404", "对不起，您要查看的信息已被删除",
        f"页面不存在：{TITLE}",
    ],
)  # fmt: skip
def test_a_page_that_says_not_found_with_status_200_is_not_live(title):
    with portal(response(page(title))) as server:
        seen = see(server.url())
    assert (seen.seen, "页面不存在" in seen.words) == (Seen.NOT_YET, True)


def test_another_title_is_not_live_and_the_sentence_names_it():
    with portal(response(page("首页"))) as server:
        seen = see(server.url())
    assert seen.seen is Seen.NOT_YET
    assert "标题不符" in seen.words
    assert "首页" in seen.words


def test_a_page_without_a_title_is_not_live():
    with portal(response(b"<p>hello</p>")) as server:
        assert see(server.url()).seen is Seen.NOT_YET


# --- conditional requests ---------------------------------------------------------------------------------


def test_a_304_says_that_the_page_that_was_live_still_is():
    with portal(response(page(), etag='"v1"'), response(b"", 304)) as server:
        first = see(server.url())
        again = see(server.url(), known=first.validators)
    assert (first.seen, again.seen, again.status) == (Seen.LIVE, Seen.LIVE, 304)
    assert again.validators == first.validators
    assert again.words == first.words  # nothing has changed for staff
    head = server.requests[1].decode().lower()
    assert 'if-none-match: "v1"' in head


@pytest.mark.parametrize(
    ("held", "told"), [('"v1"', 'W/"v1"'), ('W/"v1"', '"v1"'), ('W/"v1"', 'W/"v1"'), ('"v1"', '"v1"')]
)
def test_a_304_names_the_same_page_by_a_tag_weak_or_strong(held, told):
    with portal(response(page(), etag=held), response(b"", 304, etag=told)) as server:
        first = see(server.url())
        assert see(server.url(), known=first.validators).status == 304
    assert server.accepted == 2


@pytest.mark.parametrize(("now", "meaning"), [(page(), Seen.LIVE), (page("栏目首页"), Seen.NOT_YET)])
def test_a_304_about_another_page_is_asked_again_without_a_condition(now, meaning):
    with portal(response(page(), etag='"v1"'), response(b"", 304, etag='"v2"'), response(now, etag='"v2"')) as server:
        first = see(server.url())
        again = see(server.url(), known=first.validators)
    assert (again.seen, again.status) == (meaning, 200)
    asked = [b"if-none-match" in request.lower() for request in server.requests]
    assert asked == [False, True, False]


def test_a_304_to_a_question_without_a_condition_says_nothing():
    with portal(response(page(), etag='"v1"'), response(b"", 304, etag='"v2"')) as server:
        first = see(server.url())
        again = see(server.url(), known=first.validators)
    assert (again.seen, server.accepted) == (Seen.UNCLEAR, 3)


def test_by_its_date_alone_no_page_is_asked_for():
    """An older file put back in its place is "not modified" for many servers: the page is read whole."""
    old = "Mon, 23 Nov 2026 01:00:00 GMT"
    with portal(response(page(), last_modified=old), response(page("栏目维护中"), last_modified=old)) as server:
        first = see(server.url())
        again = see(server.url(), known=first.validators)
    assert (first.seen, again.seen) == (Seen.LIVE, Seen.NOT_YET)
    assert "if-modified-since" not in server.requests[1].decode().lower()


def test_a_304_is_no_proof_when_the_page_was_never_seen_live():
    with portal(response(page("首页"), etag='"v1"'), response(b"", 304)) as server:
        first = see(server.url())
        again = see(server.url(), known=first.validators)
    assert first.validators == {}  # so the next question is unconditional
    assert again.seen is Seen.UNCLEAR
    assert "if-none-match" not in server.requests[1].decode().lower()


def test_validators_of_one_address_are_not_used_for_another():
    with portal(response(b"", 304)) as server:
        seen = see(server.url("/b"), known={"url": server.url("/a"), "etag": '"v1"'})
    assert seen.seen is Seen.UNCLEAR
    assert "if-none-match" not in server.requests[0].decode().lower()


def test_a_page_taken_down_again_is_seen_although_validators_are_held():
    with portal(response(page(), etag='"v1"'), response(page("404"), 404)) as server:
        first = see(server.url())
        assert see(server.url(), known=first.validators).seen is Seen.NOT_YET


@pytest.mark.parametrize("etag", ['"' + "x" * 600 + '"', '"\u7248"'])
def test_odd_validators_are_not_kept(etag):
    with portal(response(page(), etag=etag)) as server:
        assert see(server.url()).validators == {}


# --- redirects --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_to_the_page(status):
    with portal(response(b"", status, location="/info/2.html"), response(page())) as server:
        assert see(server.url("/info/1.html")).seen is Seen.LIVE
    assert server.requests[1].startswith(b"GET /info/2.html ")


def test_three_redirects_are_followed_and_a_fourth_is_not():
    onward = response(b"", 302, location="/next")
    with portal(onward, onward, onward, response(page())) as server:
        assert see(server.url()).seen is Seen.LIVE
    with portal(onward) as server:
        seen = see(server.url())
    assert (seen.seen, server.accepted) == (Seen.UNCLEAR, 4)
    assert "跳转" in seen.words


def test_a_redirect_to_what_is_no_address_ends_as_unclear():
    with portal(response(b"", 302, location="http://[bad")) as server:
        seen = see(server.url())
    assert (seen.seen, "写错" in seen.words) == (Seen.UNCLEAR, True)


def test_a_redirect_without_a_place_ends_as_unclear():
    with portal(response(b"", 302)) as server:
        assert see(server.url()).seen is Seen.UNCLEAR


def test_validators_are_sent_where_the_page_was_found_not_at_the_redirect():
    onward = response(b"", 302, location="/real")
    with portal(onward, response(page(), etag='"v1"'), onward, response(b"", 304)) as server:
        first = see(server.url("/short"))
        assert see(server.url("/short"), known=first.validators).seen is Seen.LIVE
    asked = [b"if-none-match" in request.lower() for request in server.requests]
    assert asked == [False, False, False, True]


# --- sizes, packing, slowness -------------------------------------------------------------------------------


def test_a_large_page_is_judged_by_its_beginning():
    with portal(response(page() + b"x" * (fetch.LONGEST_PAGE + 10))) as server:
        assert see(server.url()).seen is Seen.LIVE
    with portal(response(page("首页") + b"x" * (fetch.LONGEST_PAGE + 10))) as server:
        seen = see(server.url())
    assert (seen.seen, "过大" in seen.words) == (Seen.UNCLEAR, True)


def test_an_endless_page_is_not_read_to_the_end():
    given = threading.Event()

    def endless(peer: Peer) -> None:
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        try:
            while not given.is_set():
                peer.say(b"y" * 65536)
        except OSError:
            given.set()  # the reader hung up

    with portal(endless) as server:
        assert see(server.url()).seen is Seen.UNCLEAR
        assert given.wait(PATIENCE)


PATIENCE = 30


def test_a_packed_page_is_unpacked():
    with portal(response(gzip.compress(page()), content_encoding="gzip")) as server:
        assert see(server.url()).seen is Seen.LIVE


def test_a_bomb_is_unpacked_no_further_than_the_limit():
    bomb = gzip.compress(b"\0" * (200 * 1024 * 1024), 9)
    assert len(bomb) < fetch.LONGEST_PAGE
    assert len(fetch._unpacked(bomb, "gzip")[0]) == fetch.LONGEST_PAGE
    with portal(response(bomb, content_encoding="gzip")) as server:
        assert see(server.url()).seen is Seen.UNCLEAR


def test_packing_that_ends_in_the_middle_is_unclear_though_the_title_came():
    with portal(response(gzip.compress(page(more="x" * 5000))[:-9], content_encoding="gzip")) as server:
        assert see(server.url()).seen is Seen.UNCLEAR


@pytest.mark.parametrize("kind", ["application/pdf", "application/json", "text/plain; charset=utf-8"])
def test_what_is_no_page_is_not_the_page_whatever_stands_in_it(kind):
    with portal(response(page(), content_type=kind)) as server:
        seen = see(server.url())
    assert (seen.seen, "不是网页" in seen.words) == (Seen.NOT_YET, True)


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "zstd"])
def test_a_packing_that_is_not_known_is_unclear(encoding):
    with portal(response(page(), content_encoding=encoding)) as server:
        assert see(server.url()).seen is Seen.UNCLEAR


def test_broken_packing_is_unclear():
    with portal(response(b"no gzip", content_encoding="gzip")) as server:
        assert see(server.url()).seen is Seen.UNCLEAR


def _drips(head: bytes) -> object:
    """Says `head`, then a byte now and then, for as long as somebody listens."""

    def drip(peer: Peer) -> None:
        peer.say(head)
        waiting = threading.Event()
        while not waiting.wait(0.02):
            peer.say(b"x")

    return drip


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"],
    ids=["in the head", "in the body", "in a body of known length"],
)  # fmt: skip
def test_a_server_that_drips_meets_the_one_deadline(head):
    """Each byte comes in time; all of them together do not."""
    with portal(_drips(head)) as server:
        seen = see(server.url(), within=0.5)
    assert (seen.seen, "太慢" in seen.words) == (Seen.UNCLEAR, True)


def test_a_silent_server_meets_the_deadline():
    with portal(lambda peer: peer.gone()) as server:
        assert see(server.url(), within=0.3).seen is Seen.UNCLEAR


def test_a_silent_name_server_meets_the_deadline():
    done = threading.Event()

    def silent(*_: object, **__: object) -> list[tuple[object, ...]]:
        done.wait(PATIENCE)
        return []

    seen = see("http://portal.example/", within=0.3, lookup=silent)
    done.set()
    assert (seen.seen, "域名" in seen.words) == (Seen.UNCLEAR, True)


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<title>" + TITLE.encode(),
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["nothing", "no http", "cut short", "an endless head", "broken chunks"],
)  # fmt: skip
def test_an_answer_that_is_none_is_unclear(answer):
    with portal(answer) as server:
        assert see(server.url()).seen is Seen.UNCLEAR


def test_a_connection_that_is_refused_or_reset_is_unclear():
    with portal(response()) as server:
        closed = server.url()
    assert see(closed).seen is Seen.UNCLEAR
    with portal(Peer.reset) as server:
        assert see(server.url()).seen is Seen.UNCLEAR


def test_a_name_that_does_not_resolve_is_unclear():
    assert see("http://portal.example/", lookup=Names([])).seen is Seen.UNCLEAR


def test_an_early_hint_before_the_answer_is_skipped():
    with portal(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + response(page())) as server:
        assert see(server.url()).seen is Seen.LIVE


# --- TLS, proxies -------------------------------------------------------------------------------------------


def test_a_certificate_is_verified_for_the_name_and_the_configured_authority_is_trusted(tmp_path: Path):
    made = Authority(tmp_path)
    with portal(response(page()), context=made.server_context("localhost")) as server:
        unknown = see(server.url())
        trusted = see(server.url(), ca_file=made.ca_file)
        other_name = see(server.url(host="www.hedong.gov.cn"), ca_file=made.ca_file, lookup=Names(["127.0.0.1"]))
    assert (unknown.seen, trusted.seen, other_name.seen) == (Seen.UNCLEAR, Seen.LIVE, Seen.UNCLEAR)
    assert "证书" in unknown.words
    assert "证书" in other_name.words


def test_from_https_it_is_not_led_to_an_open_connection(tmp_path: Path):
    made = Authority(tmp_path)
    with portal(response(page())) as plain, portal(
        response(b"", 302, location=plain.url()), context=made.server_context("localhost")
    ) as server:  # fmt: skip
        seen = see(server.url(), ca_file=made.ca_file)
    assert (seen.seen, plain.accepted) == (Seen.UNCLEAR, 0)


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with portal(response(page())) as server:
        assert see(server.url()).seen is Seen.LIVE
