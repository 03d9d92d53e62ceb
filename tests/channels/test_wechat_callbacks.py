"""Callbacks: verify first, parse later; what each job event proves."""

from __future__ import annotations

import base64
import json
import struct

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.crypto import WeChatCrypto

from bot.channels.wechat.callbacks import configuration_gap
from bot.channels.wechat.envelope import EnvelopeError, aes_key, decrypt, parse, signature
from bot.channels.wechat.events import SEND_ERRORS
from bot.domain.channel import Failed, Pending, PositionReceipt, Receipt
from bot.domain.secret import Secret

from .wechat_parts import AES_KEY, APP_ID, CALLBACK_TOKEN, NOW, make_account, make_channel

OTHER_KEY = AES_KEY[::-1]
STAMP, NONCE = str(int(NOW.timestamp())), "n0nce"
PLAIN, SAFE = make_channel(callback_mode="plain"), make_channel(callback_mode="aes")


def query(stamp=STAMP, token=CALLBACK_TOKEN, **more):
    return {"timestamp": stamp, "nonce": NONCE, "signature": signature(token, stamp, NONCE)} | more


def sealed(message, *, key=AES_KEY, app_id=APP_ID, token=CALLBACK_TOKEN):
    """An encrypted POST as the platform makes it: (query, body)."""
    raw = b"r" * 16 + struct.pack(">I", len(message)) + message + app_id.encode()
    size = 32 - len(raw) % 32
    secret = aes_key(key)
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(secret[:16])).encryptor()
    inside = base64.b64encode(encryptor.update(raw + bytes([size]) * size) + encryptor.finalize()).decode()
    body = f"<xml><ToUserName>gh_1</ToUserName><Encrypt><![CDATA[{inside}]]></Encrypt></xml>".encode()
    return query(encrypt_type="aes", msg_signature=signature(token, STAMP, NONCE, inside)), body


def event(inner, name="PUBLISHJOBFINISH", to="gh_1"):
    head = f"<ToUserName>{to}</ToUserName><FromUserName>o</FromUserName><CreateTime>{STAMP}</CreateTime><MsgType>event</MsgType>"
    return f"<xml>{head}<Event>{name}</Event>{inner}</xml>".encode()


def publish(status, name="PUBLISHJOBFINISH", more=""):
    inner = f"<publish_id>100</publish_id><publish_status>{status}</publish_status>{more}"
    return event(f"<PublishEventInfo>{inner}</PublishEventInfo>", name)


def mass(status, more="", name="MASSSENDJOBFINISH"):
    return event(f"<MsgID>34182</MsgID><Status><![CDATA[{status}]]></Status><TotalCount>9</TotalCount>{more}", name)


def urls(*values):
    items = "".join(
        f"<item><ArticleIdx>{n}</ArticleIdx><ArticleUrl>{u}</ArticleUrl></item>" for n, u in enumerate(values, 1)
    )
    return f"<ArticleUrlResult><Count>{len(values)}</Count><ResultList>{items}</ResultList></ArticleUrlResult>"


def post(body, values=None, channel=PLAIN, now=NOW):
    return channel.callback("POST", query() if values is None else values, body, now=now)


def news(body):
    """The one event in a plain callback."""
    reply = post(body)
    assert (reply.status, reply.body) == (200, b"success")
    (found,) = reply.events
    return found


class TestUrlCheck:
    def test_echostr_is_answered_as_it_stands(self):
        reply = PLAIN.callback("GET", query(echostr="5927 &<x>"), b"", now=NOW)
        assert (reply.status, reply.body, reply.events) == (200, b"5927 &<x>", ())
        assert reply.content_type.startswith("text/plain")

    @pytest.mark.parametrize(
        "values", [query(token="wrong", echostr="1"), query("1", echostr="1"), {}, {"echostr": "1"}]
    )
    def test_a_forged_or_stale_check_is_refused(self, values):
        reply = PLAIN.callback("GET", values, b"", now=NOW)
        assert (reply.status, reply.body) == (403, b"")
        assert reply.refusal

    def test_a_check_without_echostr_is_refused(self):
        assert PLAIN.callback("GET", query(), b"", now=NOW).status == 400


class TestRefusal:
    @pytest.mark.parametrize("offset", [-301, 301, 10**10])
    def test_timestamps_beyond_300_seconds_are_refused(self, offset):
        stamp = str(int(NOW.timestamp()) + offset)
        assert post(publish(0), query(stamp)).status == 403

    @pytest.mark.parametrize("offset", [-299, 299])
    def test_timestamps_within_300_seconds_are_taken(self, offset):
        assert post(publish(0), query(str(int(NOW.timestamp()) + offset))).status == 200

    @pytest.mark.parametrize("stamp", ["", "abc", "1e9", "-1", "１２", "9" * 40])
    def test_odd_timestamps_are_refused(self, stamp):
        assert post(publish(0), query(stamp)).status == 403

    def test_other_methods_and_large_bodies_are_refused(self):
        assert PLAIN.callback("PUT", query(), b"", now=NOW).status == 405
        assert post(b"x" * (64 * 1024 + 1)).status == 413

    def test_without_a_token_nothing_is_accepted(self):
        channel = make_channel(callback_mode="plain")
        object.__setattr__(channel.account, "credentials", {})
        assert post(publish(0), query(token=""), channel).status == 403

    def test_another_accounts_original_id_is_refused(self):
        channel = make_channel(callback_mode="plain", original_id="gh_1")
        assert post(publish(0), channel=channel).status == 200
        assert post(event("", to="gh_2"), channel=channel).status == 403

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<xml>",
            b"<html></html>",
            b"<xml>text</xml>",
            b"[]",
            b"{",
            b'<!DOCTYPE x [<!ENTITY a "b">]><xml><Event>&a;</Event></xml>',
            b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml><Event>a</Event></xml>',
            b"<xml>\xff</xml>",
        ],
    )
    def test_what_is_not_a_plain_payload_is_refused(self, body):
        assert post(body).status == 400

    @given(st.binary(max_size=300))
    def test_noise_never_raises(self, body):
        assert post(body).status in {200, 400}
        assert post(body, query(encrypt_type="aes", msg_signature="x"), SAFE).status == 403


class TestSafeMode:
    def test_a_sealed_event_is_read(self):
        values, body = sealed(publish(1))
        assert post(body, values, SAFE).events[0].ids == {"publish_id": "100"}

    def test_a_plain_body_is_refused(self):
        assert post(publish(0), query(), SAFE).status == 403
        assert post(publish(0), query(encrypt_type="raw"), SAFE).status == 403

    def test_the_appid_is_compared(self):
        values, body = sealed(publish(0), app_id="wxffffffffffffffff")
        reply = post(body, values, SAFE)
        assert reply.status == 403
        assert "AppID" in reply.refusal

    def test_the_ciphertext_has_its_own_signature(self):
        values, body = sealed(publish(0))
        assert post(body, values | {"msg_signature": values["signature"]}, SAFE).status == 403

    def test_the_previous_key_is_accepted_for_a_while(self):
        values, body = sealed(publish(1), key=OTHER_KEY)
        assert post(body, values, SAFE).status == 403
        channel = make_channel(callback_mode="aes")
        channel.account.credentials["callback_aes_key_previous"] = Secret(OTHER_KEY)
        assert post(body, values, channel).status == 200

    def test_json_payloads_are_read_too(self):
        inner = {
            "ToUserName": "gh_1",
            "Event": "PUBLISHJOBFINISH",
            "PublishEventInfo": {"publish_id": 100, "publish_status": 1},
        }
        values, body = sealed(json.dumps(inner).encode())
        outer = json.dumps({"ToUserName": "gh_1", "Encrypt": parse(body)["Encrypt"]}).encode()
        assert post(outer, values, SAFE).events[0].ids == {"publish_id": "100"}

    def test_an_independent_implementation_agrees(self):
        crypto = WeChatCrypto(CALLBACK_TOKEN, AES_KEY, APP_ID)
        xml = crypto.encrypt_message(publish(1).decode(), NONCE, STAMP)
        values = query(encrypt_type="aes", msg_signature=parse(xml.encode())["MsgSignature"])
        assert post(xml.encode(), values, SAFE).events[0].ids == {"publish_id": "100"}

    @given(st.binary(max_size=400))
    def test_whatever_was_sealed_is_opened_byte_for_byte(self, message):
        body = sealed(message)[1]
        assert decrypt(parse(body)["Encrypt"], aes_key(AES_KEY), APP_ID) == message

    @given(st.binary(max_size=200))
    def test_damaged_ciphertext_is_an_envelope_error(self, noise):
        with pytest.raises(EnvelopeError):
            decrypt(base64.b64encode(noise).decode(), aes_key(AES_KEY), APP_ID)

    @pytest.mark.parametrize("key", ["", "short", "!" * 43, "中" * 43])
    def test_keys_that_are_not_keys(self, key):
        with pytest.raises(EnvelopeError):
            aes_key(key)


class TestPublishEvent:
    def test_success_is_pending_until_our_own_read_back(self):
        detail = "<article_detail><count>1</count><item><idx>1</idx><article_url>http://a</article_url></item></article_detail>"
        found = news(publish(0, more=f"<article_id>ART1</article_id>{detail}"))
        assert found.ids == {"publish_id": "100", "article_id": "ART1"}
        assert isinstance(found.outcome, Pending)
        assert "读回" in found.outcome.message
        assert (found.said_public, found.urls) == (True, ("http://a",))

    @pytest.mark.parametrize("status", [1, 2, 3, 4, 5, 6, 99])
    def test_any_other_status_does_not_say_that_it_is_public(self, status):
        assert not news(publish(status)).said_public

    @pytest.mark.parametrize(("status", "gone"), [(2, False), (3, False), (4, False), (5, True), (6, True)])
    def test_failures(self, status, gone):
        outcome = news(publish(status, more="<fail_idx>2</fail_idx><fail_idx>3</fail_idx>")).outcome
        assert isinstance(outcome, Failed)
        assert (outcome.code, outcome.gone, outcome.position) == (str(status), gone, None if gone else 1)

    def test_the_mass_events_name_for_a_publish_id_is_accepted(self):
        assert news(publish(1, "MASSSENDJOBFINISH")).ids == {"publish_id": "100"}

    def test_a_new_status_proves_nothing(self):
        assert news(publish(99)).outcome is None

    def test_repeats_share_a_key_and_another_status_does_not(self):
        assert news(publish(1)).dedupe == news(publish(1, "MASSSENDJOBFINISH")).dedupe
        assert news(publish(1)).dedupe != news(publish(0)).dedupe


class TestMassEvent:
    def test_success_with_addresses_is_live(self):
        found = news(mass("send success", urls("http://a", "http://b")))
        assert found.ids == {"msg_id": "34182"}
        assert isinstance(found.outcome, Receipt)
        assert found.outcome.positions == (
            PositionReceipt("34182_1", "http://a"),
            PositionReceipt("34182_2", "http://b"),
        )
        assert (found.said_public, found.urls) == (True, ("http://a", "http://b"))

    @pytest.mark.parametrize(
        ("status", "said"), [("send success", True), ("send fail", False), ("err(20001)", False), ("?", False)]
    )
    def test_only_success_says_that_it_is_public(self, status, said):
        assert news(mass(status)).said_public is said

    def test_an_empty_address_is_not_told_yet(self):
        assert [p.url for p in news(mass("send success", urls("", "http://b"))).outcome.positions] == [None, "http://b"]

    @pytest.mark.parametrize("status", ["send success", "sendsuccess", "SEND SUCCESS"])
    def test_success_without_the_list_is_asked_about(self, status):
        assert isinstance(news(mass(status, urls())).outcome, Pending)
        assert isinstance(news(mass(status)).outcome, Pending)

    @pytest.mark.parametrize("number", sorted(SEND_ERRORS))
    def test_each_error_has_its_reason(self, number):
        outcome = news(mass(f"err({number})")).outcome
        assert isinstance(outcome, Failed)
        assert SEND_ERRORS[number] in outcome.message
        assert "没有送达" in outcome.message

    def test_an_unlisted_error_is_a_failure_too(self):
        assert news(mass("err(77777)")).outcome.code == "err(77777)"

    def test_send_fail(self):
        assert isinstance(news(mass("send fail")).outcome, Failed)

    def test_a_barred_reprint_names_its_position(self):
        items = "<item><ArticleIdx>1</ArticleIdx><CheckState>1</CheckState></item><item><ArticleIdx>2</ArticleIdx><CheckState>3</CheckState></item>"
        check = f"<CopyrightCheckResult><Count>2</Count><ResultList>{items}</ResultList><CheckState>3</CheckState></CopyrightCheckResult>"
        outcome = news(mass("err(30003)", check)).outcome
        assert outcome.position == 1
        assert "第 2 篇" in outcome.message

    def test_another_status_proves_nothing(self):
        assert news(mass("resting")).outcome is None

    def test_json_lists_need_no_item(self):
        body = {
            "Event": "MASSSENDJOBFINISH",
            "MsgID": 34182,
            "Status": "send success",
            "ArticleUrlResult": {"Count": 1, "ResultList": [{"ArticleIdx": 1, "ArticleUrl": "http://a"}]},
        }
        assert news(json.dumps(body).encode()).outcome.positions[0].url == "http://a"

    def test_the_publish_events_name_for_a_msg_id_is_accepted(self):
        assert news(mass("send fail", name="PUBLISHJOBFINISH")).ids == {"msg_id": "34182"}


@pytest.mark.parametrize(
    "body",
    [
        event("<EventKey>x</EventKey>", "subscribe"),
        b"<xml><MsgType>text</MsgType><Content>hi</Content></xml>",
        event("", "PUBLISHJOBFINISH"),
        event("<PublishEventInfo><publish_status>0</publish_status></PublishEventInfo>"),
        event("<MsgID>1</MsgID><MsgID>2</MsgID>", "MASSSENDJOBFINISH"),
    ],
)
def test_everything_else_is_answered_success_and_is_no_news(body):
    reply = post(body)
    assert (reply.status, reply.body, reply.events) == (200, b"success", ())


def test_a_long_message_is_read_whole():
    values, body = sealed(publish(0, more="<x>" + "y" * 40_000 + "</x>"))
    reply = post(body, values, SAFE)
    assert (reply.status, len(reply.events)) == (200, 1)


@pytest.mark.parametrize(
    ("mode", "credentials", "gap"),
    [
        ("plain", {}, "令牌"),
        ("plain", {"callback_token": Secret("t")}, ""),
        ("aes", {"callback_token": Secret("t")}, "密钥"),
        ("aes", {"callback_token": Secret("t"), "callback_aes_key": Secret("short")}, "密钥"),
        ("aes", {"callback_token": Secret("t"), "callback_aes_key": Secret(AES_KEY)}, ""),
    ],
)
def test_configuration_gaps_are_named(mode, credentials, gap):
    account = make_account(callback_mode=mode)
    object.__setattr__(account, "credentials", credentials)
    found = configuration_gap(account)
    assert gap in found
    assert bool(found) == bool(gap)
