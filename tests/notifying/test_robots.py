"""Group robots and webhooks, against servers on loopback: the bytes that are sent, and every way of not arriving."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import notifying
from bot.domain.notice import Notice, Notifier, NotTold, Target
from bot.domain.secret import Secret
from bot.notifying import http, wecom
from tests.channels.stub import Asked, Say, Stub, make_certificates, running_stub
from tests.domain.strategies import QUICK
from tests.launcher.servers import Peer, Server

AT = datetime(2026, 11, 24, 1, tzinfo=UTC)
NOTICE = Notice(
    "【同发】结果不明", ["· 发布单 7：结果不明。是否已发出：不明。"], "https://tongfa.example/releases/7", 1, AT, True
)
KEY = "canary-key-of-a-robot"
OK = {"errcode": 0, "errmsg": "ok"}


@pytest.fixture
def stub() -> Iterator[Stub]:
    with running_stub() as made:
        yield made


def build(kind: str, address: str, ca_file: str | None = None, **options: str) -> Notifier:
    secrets = {name: Secret(KEY) for name in ("key", "token", "sign")}
    return notifying.kinds()[kind].build(Target("群", kind, 1, {"address": address, **options}, secrets), ca_file)


def not_told(notifier: Notifier) -> str:
    with pytest.raises(NotTold) as caught:
        notifier.tell(NOTICE)
    error: BaseException | None = caught.value
    while error is not None:  # nothing on the way up quotes the address or the key
        assert KEY not in str(error)
        error = error.__cause__ or error.__context__
    return caught.value.message


def test_the_folders_are_found_by_looking():
    assert set(notifying.kinds()) == {"dingtalk", "email", "webhook", "wecom"}
    for kind in notifying.kinds().values():
        assert kind.label
        assert len({setting.name for setting in kind.settings}) == len(kind.settings)


def test_wecom_takes_a_text_message_with_its_key_in_the_query(stub: Stub):
    stub.script("/send", OK)
    build("wecom", f"{stub.url}/send", mention="zhang,@all").tell(NOTICE)
    (asked,) = stub.asked
    assert asked.query == {"key": KEY}
    assert asked.json == {"msgtype": "text", "text": {"content": NOTICE.text, "mentioned_list": ["zhang", "@all"]}}


@QUICK
@given(st.text(max_size=4000))
def test_a_text_is_cut_to_what_wecom_takes_and_keeps_its_link(text):
    cut = wecom.cut(text, NOTICE.link)
    assert len(cut.encode()) <= wecom.MOST_BYTES
    assert cut == text or cut.endswith(NOTICE.link)


def test_dingtalk_is_signed_over_timestamp_and_secret(stub: Stub):
    stub.script("/send", OK)
    build("dingtalk", f"{stub.url}/send", mention="13800000000").tell(NOTICE)
    (asked,) = stub.asked
    timestamp = asked.query["timestamp"]
    digest = hmac.new(KEY.encode(), f"{timestamp}\n{KEY}".encode(), hashlib.sha256).digest()
    assert asked.query["sign"] == base64.b64encode(digest).decode()
    assert abs(int(timestamp) / 1000 - time.time()) < 120
    assert asked.query["access_token"] == KEY
    assert asked.json["text"]["content"] == NOTICE.text
    assert asked.json["at"] == {"atMobiles": ["13800000000"], "isAtAll": False}


def test_a_webhook_gets_json_and_can_check_that_it_is_ours(stub: Stub):
    stub.script("/hook", Say(b"", 204))
    build("webhook", f"{stub.url}/hook").tell(NOTICE)
    (asked,) = stub.asked
    assert asked.json["subject"] == NOTICE.subject
    assert asked.json["environment"] == "live"
    headers = {name.lower(): value for name, value in asked.headers.items()}
    signed = headers["x-tongfa-timestamp"].encode() + b"." + asked.body
    expected = hmac.new(KEY.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["x-tongfa-signature"] == f"sha256={expected}"


@pytest.mark.parametrize("kind", ["wecom", "dingtalk", "webhook"])
@pytest.mark.parametrize(
    "answer",
    [Say(b"", drop=True), Say(b"oops", 500), Say(b"", 302, headers={"Location": "http://127.0.0.1:9/"}), Say(b"x" * 200_000)],
    ids=["hangs up", "500", "redirect", "too much"],
)  # fmt: skip
def test_what_did_not_arrive_is_said_without_address_or_key(kind: str, answer: Say, stub: Stub):
    stub.script("/send", answer)
    if kind == "webhook" and answer.status == 200 and not answer.drop:
        assert "过大" in not_told(build(kind, f"{stub.url}/send"))
        return
    assert not_told(build(kind, f"{stub.url}/send")).endswith("。")
    assert len(stub.asked) == 1  # sent once, redirects are not followed


@pytest.mark.parametrize("kind", ["wecom", "dingtalk"])
def test_a_robots_refusal_is_told_with_its_code(kind: str, stub: Stub):
    stub.script("/send", {"errcode": 45009, "errmsg": f"limit {KEY}"})
    assert "代码 45009" in not_told(build(kind, f"{stub.url}/send"))


@pytest.mark.parametrize("kind", ["wecom", "dingtalk"])
@pytest.mark.parametrize("status", [302, 404, 500, 502])
def test_a_good_code_under_a_bad_status_is_not_told(kind: str, status: int, stub: Stub):
    """A gateway in between answers so; nobody has been told."""
    stub.script("/send", Say(OK, status))
    assert f"HTTP {status}" in not_told(build(kind, f"{stub.url}/send"))


@pytest.mark.parametrize("kind", ["wecom", "dingtalk"])
@pytest.mark.parametrize("code", [False, True, 0.0, 0.7, "0", None, [], {}])
def test_only_the_number_nought_is_a_good_code(kind: str, code: Any, stub: Stub):
    stub.script("/send", {"errcode": code})
    assert "不是约定的格式" in not_told(build(kind, f"{stub.url}/send"))


@pytest.mark.parametrize("answer", [b"", b"[]", b"0", b"{}", b"<html>ok</html>", b"[" * 60_000])
def test_an_answer_of_another_form_is_not_told(answer: bytes, stub: Stub):
    stub.script("/send", answer)
    assert "不是约定的格式" in not_told(build("wecom", f"{stub.url}/send"))


def test_nobody_there(stub: Stub):
    assert "连不上" in not_told(build("webhook", "http://127.0.0.1:9/x"))


def test_a_receiver_that_never_answers_costs_the_time_out_and_no_more(stub: Stub, monkeypatch: pytest.MonkeyPatch):
    def hang(_: Asked) -> Any:
        time.sleep(3)
        return OK

    monkeypatch.setattr(http, "READ_TIMEOUT", 0.2)
    stub.script("/send", hang)
    assert "超时" in not_told(build("wecom", f"{stub.url}/send"))


@pytest.mark.parametrize("kind", ["wecom", "webhook"])
@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"), (b"", b"HTTP/1.1 100 Continue\r\n\r\n"), (b"HTTP/1.1 2", b"0"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b" "), (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    ],
    ids=["in its head", "before its answer", "in its first line", "in a body", "in a body without a length"],
)  # fmt: skip
def test_a_receiver_that_drips_is_cut_off(kind: str, head: bytes, piece: bytes, monkeypatch: pytest.MonkeyPatch):
    """Each piece comes in time; all of them together do not."""

    def drip(peer: Peer) -> None:
        peer.request()
        peer.say(head)
        waiting = threading.Event()
        while not waiting.wait(0.02):
            peer.say(piece)

    monkeypatch.setattr(http, "TOTAL_TIMEOUT", 0.3)
    with Server(drip) as server:
        assert "太慢" in not_told(build(kind, f"http://127.0.0.1:{server.port}/send"))
        assert server.accepted == 1


def test_a_receiver_that_drips_under_tls_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    authority, served = make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(served)

    def drip(peer: Peer) -> None:
        peer.request()
        waiting = threading.Event()
        while not waiting.wait(0.02):
            peer.say(b"HTTP/1.1 100 Continue\r\n\r\n")

    monkeypatch.setattr(http, "TOTAL_TIMEOUT", 0.5)
    with Server(drip, context=context) as server:
        assert "太慢" in not_told(build("webhook", f"https://127.0.0.1:{server.port}/send", str(authority)))


def test_proxies_of_the_environment_are_ignored(stub: Stub, monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    stub.script("/send", OK)
    build("wecom", f"{stub.url}/send").tell(NOTICE)


def test_certificates_are_verified_and_a_further_authority_can_be_trusted(tmp_path: Path):
    authority, served = make_certificates(tmp_path)
    with running_stub(certificate=served) as stub:
        stub.script("/send", OK)
        assert "证书" in not_told(build("wecom", f"{stub.url}/send"))
        assert stub.asked == []
        build("wecom", f"{stub.url}/send", str(authority)).tell(NOTICE)


@pytest.mark.parametrize("address", ["", "ftp://x/y", "https://", "https://user:pw@host/x", "not an address"])
def test_an_address_that_is_none_is_refused_before_anything_is_sent(address: str):
    with pytest.raises(ValueError):
        notifying.kinds()["webhook"].hosts(Target("x", "webhook", 1, {"address": address}))


def test_the_body_is_utf8_with_chinese_as_it_is(stub: Stub):
    stub.script("/send", OK)
    build("wecom", f"{stub.url}/send").tell(NOTICE)
    assert "结果不明".encode() in stub.asked[0].body
    json.loads(stub.asked[0].body)
