"""Events at the account's callback: signed, plain or encrypted, thrice at most, and with every fault."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from .clients import APPID, Control, WeChat, eventually

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


class Receiver:
    """A callback address that keeps what it was sent and answers what it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answer = (200, b"success")
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((dict(parse_qsl(urlsplit(self.path).query)), body))
                self.send_response(outer.answer[0])
                self.send_header("Content-Length", str(len(outer.answer[1])))
                self.end_headers()
                self.wfile.write(outer.answer[1])

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/callback/hedong"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def events(self) -> list[ElementTree.Element]:
        return [ElementTree.fromstring(body) for _, body in list(self.got)]


@pytest.fixture
def receiver(control: Control) -> Iterator[Receiver]:
    made = Receiver()
    control.wechat(callback={"url": made.url, "token": "tok", "aes_key": KEY, "mode": "plain"})
    yield made
    made.http.shutdown()
    made.http.server_close()


def sha1(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def opened(cipher: str) -> tuple[str, str]:
    """(message, appid) of an encrypted envelope."""
    key = base64.b64decode(KEY + "=")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    plain = decryptor.update(base64.b64decode(cipher)) + decryptor.finalize()
    plain = plain[: -plain[-1]]
    length = int.from_bytes(plain[16:20], "big")
    return plain[20 : 20 + length].decode(), plain[20 + length :].decode()


def publish(wechat: WeChat) -> str:
    return str(wechat.submit(wechat.draft())["publish_id"])


def test_a_finished_publication_is_told_and_signed(wechat: WeChat, receiver: Receiver) -> None:
    publish_id = publish(wechat)
    query, body = eventually(lambda: receiver.got)[0]
    assert query["signature"] == sha1("tok", query["timestamp"], query["nonce"])
    event = ElementTree.fromstring(body)
    assert (event.findtext("Event"), event.findtext("ToUserName")) == ("PUBLISHJOBFINISH", "gh_rehearsal0001")
    assert event.findtext("PublishEventInfo/publish_id") == publish_id
    assert event.findtext("PublishEventInfo/publish_status") == "0"
    assert event.findtext("PublishEventInfo/article_detail/item/article_url", "").startswith(
        "http://mp.weixin.qq.com/s"
    )


def test_a_mass_send_is_told_with_counts_and_addresses(wechat: WeChat, receiver: Receiver) -> None:
    msg_id = wechat.send(wechat.draft())["msg_id"]
    event = eventually(receiver.events)[0]
    assert (event.findtext("Event"), event.findtext("MsgID")) == ("MASSSENDJOBFINISH", str(msg_id))
    assert (event.findtext("Status"), event.findtext("TotalCount")) == ("send success", "86000")
    assert event.findtext("ArticleUrlResult/ResultList/item/ArticleIdx") == "1"
    assert event.findtext("CopyrightCheckResult/CheckState") == "1"


@pytest.mark.parametrize("mode", ["safe", "compat"])
def test_encrypted_events_open_with_the_key_and_name_the_appid(
    wechat: WeChat, control: Control, receiver: Receiver, mode: str
) -> None:
    control.wechat(callback={"url": receiver.url, "token": "tok", "aes_key": KEY, "mode": mode})
    publish_id = publish(wechat)
    query, body = eventually(lambda: receiver.got)[0]
    cipher = ElementTree.fromstring(body).findtext("Encrypt", "")
    assert query["encrypt_type"] == "aes"
    assert query["msg_signature"] == sha1("tok", query["timestamp"], query["nonce"], cipher)
    message, appid = opened(cipher)
    assert appid == APPID
    assert ElementTree.fromstring(message).findtext("PublishEventInfo/publish_id") == publish_id
    assert (b"PublishEventInfo" in body) is (mode == "compat")


def test_events_come_as_json_where_the_account_says_so(wechat: WeChat, control: Control, receiver: Receiver) -> None:
    control.wechat(callback={"url": receiver.url, "token": "tok", "mode": "plain", "format": "json"})
    publish_id = publish(wechat)
    assert json.loads(eventually(lambda: receiver.got)[0][1])["PublishEventInfo"]["publish_id"] == publish_id


def test_a_refusing_receiver_is_tried_three_times(wechat: WeChat, control: Control, receiver: Receiver) -> None:
    receiver.answer = (500, b"")
    publish(wechat)
    answers = eventually(
        lambda: [one["answers"] for one in control.get("events")["events"] if len(one.get("answers", [])) == 3]
    )
    assert answers == [["500:"] * 3]
    assert len(receiver.got) == 3


def test_a_doubled_event_comes_twice(wechat: WeChat, control: Control, receiver: Receiver) -> None:
    control.arm("wechat", "freepublish/submit", "event", mode="double")
    publish_id = publish(wechat)
    eventually(lambda: len(receiver.got) == 2)
    assert {event.findtext("PublishEventInfo/publish_id") for event in receiver.events()} == {publish_id}


def test_an_event_can_overtake_the_answer(wechat: WeChat, control: Control, receiver: Receiver) -> None:
    control.switch(publish_seconds=60)
    control.arm("wechat", "freepublish/submit", "event", mode="before_reply")
    publish_id = publish(wechat)
    assert receiver.events()[0].findtext("PublishEventInfo/publish_id") == publish_id


def test_an_event_can_fail_to_come(wechat: WeChat, control: Control, receiver: Receiver) -> None:
    control.arm("wechat", "freepublish/submit", "event", mode="never")
    publish(wechat)
    second = publish(wechat)
    events = eventually(receiver.events)
    assert [event.findtext("PublishEventInfo/publish_id") for event in events] == [second]


def test_an_event_can_be_late(wechat: WeChat, control: Control, receiver: Receiver) -> None:
    control.arm("wechat", "freepublish/submit", "event", mode="late", seconds=0.4)
    publish(wechat)
    second = publish(wechat)
    eventually(lambda: len(receiver.got) == 2)
    assert receiver.events()[0].findtext("PublishEventInfo/publish_id") == second


@pytest.mark.parametrize("mode", ["rename", "unknown_id"])
def test_an_event_can_come_under_the_other_name_or_for_an_unknown_job(
    wechat: WeChat, control: Control, receiver: Receiver, mode: str
) -> None:
    control.arm("wechat", "freepublish/submit", "event", mode=mode)
    publish_id = publish(wechat)
    event = eventually(receiver.events)[0]
    assert (event.findtext("Event") == "MASSSENDJOBFINISH") is (mode == "rename")
    assert (event.findtext("PublishEventInfo/publish_id") == publish_id) is (mode == "rename")


def test_a_refused_protected_send_is_told_by_its_code(wechat: WeChat, control: Control, receiver: Receiver) -> None:
    control.switch(protection=True)
    wechat.send(wechat.draft())
    control.act("wechat", "decide", outcome="refuse")
    event = eventually(receiver.events)[0]
    assert (event.findtext("Status"), event.findtext("SentCount")) == ("err(40001)", "0")
