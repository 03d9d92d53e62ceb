"""Ordinary HTTP: what is repeated, what is refused, and that no URL or token ever gets out."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import traceback
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels import build, kinds
from bot.channels.http import (
    MAX_ANSWER,
    FilePart,
    Http,
    about_a_read,
    json_body,
    multipart_body,
    parse_json,
    parse_object,
    trust,
    with_query,
    within,
)
from bot.domain.channel import ChannelFault, Remedy

from .stub import Say, make_certificates, running_stub
from .wechat_parts import MemoryPorts, make_account

TOKEN = "canary-token"


@pytest.fixture
def stub():
    with running_stub() as stub:
        yield stub


@pytest.fixture
def naps():
    return []


@pytest.fixture
def http(naps):
    return Http(MemoryPorts(), sleep=naps.append, total=2)


class TestDiscovery:
    def test_every_vendor_folder_is_found_under_its_own_name(self):
        found = kinds()
        assert "wechat" in found
        assert all(name == kind.spec.name for name, kind in found.items())

    def test_the_callers_copy_is_its_own(self):
        kinds().clear()
        assert "wechat" in kinds()

    def test_build_makes_the_accounts_adapter(self):
        account = make_account()
        assert build(account, MemoryPorts()).account is account

    def test_an_unknown_channel_is_a_matter_for_the_administrator(self):
        account = make_account()
        object.__setattr__(account, "channel", "fax")
        with pytest.raises(ChannelFault) as caught:
            build(account, MemoryPorts())
        assert caught.value.remedy is Remedy.OPERATOR
        assert "fax" in caught.value.message


VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=9)
DOCUMENTS = st.recursive(VALUES, lambda part: st.lists(part) | st.dictionaries(st.text(), part), max_leaves=8)


class TestBodies:
    @given(DOCUMENTS)
    def test_json_round_trips_and_never_escapes_what_utf8_can_say(self, value):
        data = json_body(value)
        assert parse_json(data) == value

    def test_chinese_travels_raw(self):
        assert json_body({"标题": "中文"}) == '{"标题":"中文"}'.encode()

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"1", b"null", b'{"a":1', b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":"\xff"}', b"[" * 99999]
    )
    def test_only_one_whole_object_counts(self, body):
        with pytest.raises(ValueError):
            parse_object(body)

    def test_multipart_is_the_same_bytes_for_the_same_boundary(self):
        file = FilePart("media", "a.jpg", b"\x00\xff", "image/jpeg")
        body, content_type = multipart_body({"说明": "中文"}, [file], boundary="B")
        assert (body, content_type) == multipart_body({"说明": "中文"}, [file], boundary="B")
        assert content_type == "multipart/form-data; boundary=B"
        assert b'name="media"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n\x00\xff\r\n--B--' in body

    def test_query_is_appended(self):
        assert with_query("http://h/p", {"a": "中"}) == "http://h/p?a=%E4%B8%AD"
        assert with_query("http://h/p?x=1", {"a": "b"}) == "http://h/p?x=1&a=b"


class TestReading:
    def test_text_plain_without_charset_is_still_utf8(self, stub, http):
        stub.script("/x", Say({"名": "中文"}, content_type="text/plain"))
        assert http.get(f"{stub.url}/x").object() == {"名": "中文"}

    def test_the_date_is_reported_for_clock_safety(self, stub):
        ports = MemoryPorts()
        stub.script("/x", {})
        Http(ports).get(f"{stub.url}/x")
        assert len(ports.dates) == 1

    def test_reads_are_repeated_twice_and_no_more(self, stub, http, naps):
        stub.script("/x", Say(drop=True), Say({}, 503), {"ok": 1})
        assert http.get(f"{stub.url}/x").object() == {"ok": 1}
        assert naps == [0.5, 2.0]
        stub.script("/x", Say(drop=True))
        with pytest.raises(ChannelFault):
            http.get(f"{stub.url}/x")
        assert len(stub.calls("/x")) == 6

    def test_a_post_is_made_once(self, stub, http, naps):
        stub.script("/x", Say(drop=True))
        with pytest.raises(ChannelFault) as caught:
            http.post_json(f"{stub.url}/x", {})
        assert caught.value.remedy is Remedy.UNKNOWN
        assert len(stub.calls("/x")) == 1
        assert naps == []

    def test_redirects_are_not_followed(self, stub, http):
        stub.script("/x", Say({}, 302, headers={"Location": f"{stub.url}/y"}))
        with pytest.raises(ChannelFault) as caught:
            http.get(f"{stub.url}/x").object()
        assert caught.value.code == "redirect"
        assert stub.paths() == ["/x"]

    @pytest.mark.parametrize("say", [Say(b"<html>"), Say(b""), Say({}, 500), Say(b'{"a": "long enough"}', cut=5)])
    def test_what_is_not_an_answer_is_unknown(self, stub, http, say):
        stub.script("/x", say)
        with pytest.raises(ChannelFault) as caught:
            http.get(f"{stub.url}/x").object()
        assert caught.value.remedy is Remedy.UNKNOWN

    def test_answers_over_one_mebibyte_are_dropped(self, stub, http):
        stub.script("/x", Say(b"x" * (1024 * 1024 + 1)))
        with pytest.raises(ChannelFault) as caught:
            http.post_json(f"{stub.url}/x", {})
        assert caught.value.code == "too_large"

    def test_environment_proxies_are_ignored(self, stub, http, monkeypatch):
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        stub.script("/x", {"direct": 1})
        assert http.get(f"{stub.url}/x").object() == {"direct": 1}

    def test_cookies_are_not_kept(self, stub, http):
        stub.script("/x", Say({}, headers={"Set-Cookie": "a=b"}))
        http.get(f"{stub.url}/x")
        http.get(f"{stub.url}/x")
        assert all("Cookie" not in asked.headers for asked in stub.asked)


class TestTls:
    """Our own CA counts beside certifi's, and nothing is sent to a server that cannot be verified."""

    @pytest.fixture
    def tls(self, tmp_path):
        authority, served = make_certificates(tmp_path)
        with running_stub(certificate=served) as stub:
            stub.script("/x", {"ok": 1})
            yield stub, authority

    def test_an_unknown_authority_is_refused_and_is_the_administrators_matter(self, tls, http):
        with pytest.raises(ChannelFault) as caught:
            http.get(f"{tls[0].url}/x", {"access_token": TOKEN})
        assert caught.value.remedy is Remedy.OPERATOR
        assert "证书" in caught.value.message
        assert tls[0].asked == []

    def test_the_configured_authority_is_trusted(self, tls):
        stub, authority = tls
        assert Http(MemoryPorts(), ca_file=authority).get(f"{stub.url}/x").object() == {"ok": 1}

    def test_trust_applies_to_adapters_built_afterwards(self, tls):
        stub, authority = tls
        trust(authority)
        try:
            assert Http(MemoryPorts()).get(f"{stub.url}/x").object() == {"ok": 1}
        finally:
            trust(None)


class TestSilence:
    """A URL may hold a token: it must not be in any message, nor in what a traceback shows."""

    @pytest.mark.parametrize(
        "address", ["http://127.0.0.1:1", "http://127.0.0.1:99999999", "nonsense", "https://{stub}"]
    )
    def test_no_address_and_no_token_in_failures(self, stub, http, address):
        address = address.replace("{stub}", stub.url.removeprefix("http://"))
        with pytest.raises(ChannelFault) as caught:
            http.get(f"{address}/x", {"access_token": TOKEN})
        fault = caught.value
        assert fault.__cause__ is None
        assert fault.__context__ is None
        shown = "".join(traceback.format_exception(fault)) + repr(vars(fault))
        assert TOKEN not in shown
        assert "access_token" not in fault.message

    def test_nothing_but_the_host_is_named(self, http):
        with pytest.raises(ChannelFault) as caught:
            http.get("http://user:password@127.0.0.1:1/secret-path")
        assert "127.0.0.1:1" in caught.value.message
        assert "password" not in json.dumps(vars(caught.value), default=str)
        assert "secret-path" not in caught.value.message


BARE = zlib.compressobj(wbits=-15)
PACKED = {
    "gzip": gzip.compress(b'{"access_token": "x"}'),
    "x-gzip": gzip.compress(b'{"access_token": "x"}'),
    "GZIP": gzip.compress(b'{"access_token": "x"}'),
    "deflate": zlib.compress(b'{"access_token": "x"}'),
    " Deflate": BARE.compress(b'{"access_token": "x"}') + BARE.flush(),
    "identity": b'{"access_token": "x"}',
}


class TestPackedAnswers:
    """We ask for plain answers; a gateway on the way may pack them all the same."""

    @staticmethod
    def fault(stub, http, body: bytes, encoding: str) -> ChannelFault:
        stub.script("/x", Say(body, headers={"Content-Encoding": encoding}))
        with pytest.raises(ChannelFault) as caught:
            http.get(f"{stub.url}/x").json()
        assert caught.value.remedy is Remedy.UNKNOWN
        return caught.value

    @pytest.mark.parametrize("encoding", PACKED)
    def test_a_packed_answer_is_read(self, stub, http, encoding):
        stub.script("/x", Say(PACKED[encoding], headers={"Content-Encoding": encoding}))
        assert http.get(f"{stub.url}/x").object() == {"access_token": "x"}
        assert stub.asked[0].headers["Accept-Encoding"] == "identity"

    def test_an_answer_that_unpacks_to_more_than_any_answer_is_not_kept(self, stub, http):
        bomb = gzip.compress(b" " * (MAX_ANSWER * 200), 1)
        assert len(bomb) < MAX_ANSWER
        assert self.fault(stub, http, bomb, "gzip").code == "too_large"

    def test_a_packed_answer_that_ends_early_is_cut(self, stub, http):
        assert self.fault(stub, http, PACKED["gzip"][:-9], "gzip").code == "cut"

    @pytest.mark.parametrize(
        ("body", "encoding"), [(b"{}", "gzip"), (b"{}", "br"), (b"{}", "gzip, gzip"), (b"\xff\xff", "deflate")]
    )
    def test_what_cannot_be_unpacked_is_said(self, stub, http, body, encoding):
        assert self.fault(stub, http, body, encoding).code == "packed"

    def test_an_empty_answer_has_nothing_to_unpack(self, stub, http):
        stub.script("/x", Say(b"", headers={"Content-Encoding": "gzip"}))
        assert http.get(f"{stub.url}/x").body == b""


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "账号“甲”没有有效的授权，未发出任何内容。请系统管理员重新授权该账号。",
            "账号“甲”没有有效的授权。请系统管理员重新授权该账号。",
        ),
        (
            "微博接口报错：账号的调用次数已用完（错误码 10023）。这次调用没有发出任何内容。系统会等到额度恢复。",
            "微博接口报错：账号的调用次数已用完（错误码 10023）。系统会等到额度恢复。",
        ),
        ("令牌已过期（错误码 42001）；没有发出任何内容；系统会再试。", "令牌已过期（错误码 42001）；系统会再试。"),
        ("127.0.0.1 超时未应答，请稍后重试。", "127.0.0.1 超时未应答，请稍后重试。"),
    ],
)
def test_a_failed_read_back_does_not_say_that_nothing_went_out(message: str, shown: str) -> None:
    """The read sent nothing; the post that it asks about may be public."""
    assert about_a_read(ChannelFault(Remedy.OPERATOR, message)) == shown


class TestWithin:
    """Ahead of an instant nobody waits for one platform longer than there is time."""

    def test_a_platform_that_hangs_is_left_when_the_time_is_over_and_not_asked_again(self, stub, naps):
        left = threading.Event()
        stub.script("/slow", lambda asked: {"left": left.wait(10)})
        http = Http(MemoryPorts(), sleep=naps.append)
        with pytest.raises(ChannelFault) as caught, within(0.3):
            http.get(f"{stub.url}/slow")
        assert caught.value.remedy is Remedy.UNKNOWN
        left.set()  # the platform had not answered yet
        assert naps == []

    def test_when_the_time_is_over_nothing_is_asked_any_more(self, stub, http):
        stub.script("/read", {})
        with pytest.raises(ChannelFault) as caught, within(0):
            http.get(f"{stub.url}/read")
        assert caught.value.code == "deadline"
        assert stub.calls("/read") == []

    def test_of_two_ends_the_nearer_holds_and_afterwards_there_is_none(self, stub, http):
        stub.script("/read", {})
        with within(60), pytest.raises(ChannelFault), within(0):
            http.get(f"{stub.url}/read")
        assert http.get(f"{stub.url}/read").status == 200

    def test_an_answer_in_time_is_taken_and_a_broken_one_repeated(self, stub, http, naps):
        stub.script("/read", Say(status=502), {})
        with within(60):
            assert http.get(f"{stub.url}/read").status == 200
        assert len(naps) == 1


class TestDripping:
    """A time-out from byte to byte never ends what sends a byte now and then; the end of the whole answer does."""

    @pytest.mark.parametrize(
        "first", [b"", b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"]
    )
    def test_an_answer_that_comes_letter_by_letter_is_left_when_its_time_is_over(self, first):
        with dripping(first) as url:
            http = Http(MemoryPorts(), timeout=(0.1, 5), total=0.3)
            began = time.monotonic()
            with pytest.raises(ChannelFault) as caught:
                http.post(f"{url}/x", b"{}", "application/json")
            assert (caught.value.code, caught.value.remedy) == ("timeout", Remedy.UNKNOWN)
            assert time.monotonic() - began < 3  # the line itself goes on for ten seconds

    def test_the_next_call_on_the_connection_has_its_own_time(self, stub):
        http = Http(MemoryPorts(), timeout=(1, 5), total=5)
        stub.script("/x", {})
        with within(0.2):
            http.get(f"{stub.url}/x")
        stub.script("/x", lambda asked: time.sleep(0.4) or {})
        assert http.get(f"{stub.url}/x").status == 200


@contextmanager
def dripping(first: bytes) -> Iterator[str]:
    """A server that begins with `first` and goes on with a letter every 50 ms, for ten seconds."""
    done = threading.Event()

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            line, _ = listener.accept()
            with line:
                line.recv(65536)
                line.sendall(first)
                for _ in range(200):
                    if done.wait(0.05):
                        return
                    line.sendall(b"H")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            done.set()
            thread.join()
