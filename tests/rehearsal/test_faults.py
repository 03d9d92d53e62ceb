"""Every transport fault, seen from a client's socket, with what really happened told by the journal."""

from __future__ import annotations

import json
import socket
import time
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.rehearsal import RehearsalServer

from .clients import LINK, TOKEN, UID, Control, WeChat, Weibo, eventually

TEXT = f"【解读】要点 {LINK}"


def raw_share(server: RehearsalServer, text: str = TEXT) -> bytes:
    """Post one status over a bare socket; everything that came back. ConnectionResetError passes through."""
    body = urlencode({"status": text, "rip": "203.0.113.7"}).encode()
    host, port = server.base_url.removeprefix("http://").split(":")
    head = f"POST /weibo/2/statuses/share.json HTTP/1.1\r\nHost: {host}\r\nAuthorization: OAuth2 {TOKEN}\r\n"
    head += (
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    got = b""
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        while chunk := connection.recv(65536):
            got += chunk
    return got


@pytest.mark.parametrize(("fault", "effects"), [("lost_before", 0), ("lost_after", 1)])
def test_a_lost_answer_is_silence_whatever_happened(
    server: RehearsalServer, control: Control, fault: str, effects: int
) -> None:
    control.arm("weibo", "statuses/share", fault)
    assert raw_share(server) == b""
    assert len(control.effects()) == effects
    line = control.journal("statuses/share")[0]
    assert (line["executed"], line["faults"]) == (bool(effects), [fault])


@pytest.mark.parametrize(("fault", "effects"), [("reset_before", 0), ("reset_after", 1)])
def test_a_reset_is_seen_as_one(server: RehearsalServer, control: Control, fault: str, effects: int) -> None:
    control.arm("weibo", "statuses/share", fault)
    with pytest.raises(ConnectionResetError):
        raw_share(server)
    assert len(control.effects()) == effects


def test_a_truncated_body_announces_more_than_it_sends(server: RehearsalServer, control: Control) -> None:
    control.arm("weibo", "statuses/share", "truncate", bytes=10)
    head, _, body = raw_share(server).partition(b"\r\n\r\n")
    announced = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    assert len(body) == 10 < announced
    assert len(control.effects()) == 1


@pytest.mark.parametrize(
    ("fault", "args", "status", "body", "effects"),
    [
        ("empty", {}, 200, b"", 1),
        ("empty", {"effect": False}, 200, b"", 0),
        ("array", {}, 200, b"[]", 1),
        ("html_502", {}, 502, b"<html>", 0),
        ("html_502", {"effect": True}, 502, b"<html>", 1),
        ("http_500", {}, 500, b"<html>", 0),
        ("http_500", {"effect": True}, 500, b"<html>", 1),
    ],
)
def test_answers_that_are_none(
    weibo: Weibo, control: Control, fault: str, args: dict[str, Any], status: int, body: bytes, effects: int
) -> None:
    control.arm("weibo", "statuses/share", fault, **args)
    answer = weibo.share(TEXT)
    assert answer.status_code == status
    assert answer.content[: len(body) or None] == body
    assert len(control.effects()) == effects


@pytest.mark.parametrize("effect", [False, True])
def test_any_error_code_with_or_without_effect(wechat: WeChat, control: Control, effect: bool) -> None:
    control.arm("wechat", "freepublish/submit", "error", code=53503, effect=effect)
    media_id = wechat.draft()
    answer = wechat.submit(media_id)
    assert answer["errcode"] == 53503
    assert "rid: " in answer["errmsg"]
    wechat.call("draft/count", method="GET")
    assert len(control.effects()) == int(effect)


def test_busy_is_minus_one_on_wechat_and_10001_on_weibo(wechat: WeChat, weibo: Weibo, control: Control) -> None:
    control.arm("wechat", "draft/count", "busy")
    control.arm("weibo", "users/show", "busy")
    assert wechat.call("draft/count", method="GET")["errcode"] == -1
    answer = weibo.get("users/show", uid=UID)
    assert (answer.status_code, answer.json()["error_code"]) == (503, 10001)


def test_45065_on_a_first_send_that_went_out_carries_its_msg_id(wechat: WeChat, control: Control) -> None:
    control.arm("wechat", "message/mass/sendall", "error", code=45065, effect=True)
    answer = wechat.send(wechat.draft())
    assert answer["errcode"] == 45065
    assert wechat.call("message/mass/get", {"msg_id": answer["msg_id"]})["msg_status"] == "SEND_SUCCESS"


@pytest.mark.parametrize("code", [40001, 42001, 40164, 45009, 45011, 45028, 45066, 53501, -1])
def test_each_code_of_the_sheet_can_be_forced_once(wechat: WeChat, control: Control, code: int) -> None:
    control.arm("wechat", "freepublish/get", "error", code=code)
    codes = [wechat.call("freepublish/get", {"publish_id": "1"})["errcode"] for _ in range(2)]
    assert codes == [code, 53502]


def test_a_draft_can_be_deleted_by_a_person_just_before_the_submit(wechat: WeChat, control: Control) -> None:
    control.arm("wechat", "freepublish/submit", "act", action="delete_draft", when="before")
    assert wechat.submit(wechat.draft())["errcode"] == 40007
    assert control.effects() == []


def test_an_effect_can_come_after_an_accepted_answer(wechat: WeChat, control: Control) -> None:
    control.arm("wechat", "freepublish/submit", "effect_late", seconds=0.3)
    accepted = wechat.submit(wechat.draft())["publish_id"]
    assert wechat.call("freepublish/get", {"publish_id": accepted})["publish_status"] == 1
    eventually(control.effects)


def test_faults_combine(wechat: WeChat, control: Control) -> None:
    control.arm("wechat", "freepublish/submit", "no_msg_data_id")
    control.arm("wechat", "freepublish/submit", "plain_text")
    answer = wechat.raw("freepublish/submit", {"media_id": wechat.draft()})
    assert answer.headers["Content-Type"] == "text/plain"
    assert "msg_data_id" not in json.loads(answer.content)


def test_text_plain_without_charset_breaks_a_guessing_client(wechat: WeChat, control: Control) -> None:
    media_id = wechat.draft()
    control.arm("wechat", "draft/get", "plain_text")
    answer = wechat.raw("draft/get", {"media_id": media_id})
    assert answer.encoding == "ISO-8859-1"
    assert "河东区" not in answer.text
    assert "河东区" in answer.content.decode()


def test_error_code_as_a_string_and_errors_with_200(weibo: Weibo, control: Control) -> None:
    control.arm("weibo", "statuses/share", "string_code")
    control.arm("weibo", "statuses/share", "status_200")
    answer = weibo.share("没有网址")
    assert answer.status_code == 200
    assert answer.json()["error_code"] == "10017"


def test_a_slow_answer_and_a_dripping_body_arrive_whole(weibo: Weibo, control: Control) -> None:
    control.arm("weibo", "users/show", "slow", seconds=0.2)
    began = time.monotonic()
    assert weibo.get("users/show", uid=UID).status_code == 200
    assert time.monotonic() - began >= 0.2
    control.arm("weibo", "users/show", "drip", interval=0.0005)
    assert weibo.get("users/show", uid=UID).json()["idstr"] == UID


def test_a_fault_strikes_as_often_as_it_was_armed_and_can_be_cleared(weibo: Weibo, control: Control) -> None:
    control.arm("weibo", "users/show", "busy", times=2)
    assert [weibo.get("users/show", uid=UID).status_code for _ in range(3)] == [503, 503, 200]
    control.arm("weibo", "*", "busy", times=-1)
    assert [weibo.get("users/show", uid=UID).status_code for _ in range(3)] == [503, 503, 503]
    assert control.get("faults")["faults"][1]["used"] == 3
    control.http.delete(control.base + "faults", timeout=5)
    assert weibo.get("users/show", uid=UID).status_code == 200


def test_a_fault_of_one_account_spares_the_others(weibo: Weibo, control: Control) -> None:
    other = control.post("accounts", {"platform": "weibo", "uid": "77", "screen_name": "小王"})["token"]
    control.post("faults", {"platform": "weibo", "account": "77", "call": "*", "fault": "busy"})
    assert weibo.get("users/show", uid=UID).status_code == 200
    assert Weibo(weibo.root, other).get("users/show", uid=UID).status_code == 503


def test_the_date_header_can_be_shifted(weibo: Weibo, control: Control) -> None:
    def drift() -> float:
        return parsedate_to_datetime(weibo.get("users/show", uid=UID).headers["Date"]).timestamp() - time.time()

    assert abs(drift()) < 2
    control.post("clock", {"date_offset": -90})
    assert -92 < drift() < -88


def test_nonsense_on_the_control_api_is_refused_with_a_reason(control: Control) -> None:
    answer = control.http.post(control.base + "faults", json={"platform": "weibo", "fault": "odd"}, timeout=5)
    assert (answer.status_code, "odd" in answer.json()["error"]) == (400, True)
    assert control.http.post(control.base + "act", data="action=web_send", timeout=5).status_code == 415
    assert control.http.get(control.base + "nothing", timeout=5).status_code == 404
    bad = {"platform": "wechat", "account": "none", "action": "web_send"}
    assert control.http.post(control.base + "act", json=bad, timeout=5).status_code == 400


@pytest.mark.parametrize(("fault", "effects"), [("hang_before", 0), ("hang_after", 1)])
def test_a_server_that_hangs_says_nothing_and_then_closes(
    server: RehearsalServer, control: Control, fault: str, effects: int
) -> None:
    control.arm("weibo", "statuses/share", fault, seconds=0.2)
    began = time.monotonic()
    assert raw_share(server) == b""
    assert time.monotonic() - began >= 0.2
    assert len(control.effects()) == effects
    assert control.journal("statuses/share")[0]["executed"] is bool(effects)


def test_a_key_may_stand_in_an_answer_twice(server: RehearsalServer, control: Control) -> None:
    control.arm("weibo", "statuses/share", "duplicate_keys")
    body = raw_share(server).partition(b"\r\n\r\n")[2]
    pairs = json.loads(body, object_pairs_hook=list)
    assert [name for name, _ in pairs].count(pairs[0][0]) == 2
    assert len(control.effects()) == 1


def test_an_answer_may_hold_bytes_that_are_no_text(server: RehearsalServer, control: Control) -> None:
    control.arm("weibo", "statuses/share", "bad_utf8")
    body = raw_share(server).partition(b"\r\n\r\n")[2]
    with pytest.raises(UnicodeDecodeError):
        body.decode()
    assert len(control.effects()) == 1


@pytest.mark.parametrize("effect", [False, True])
def test_a_redirect_leads_to_another_host(server: RehearsalServer, control: Control, effect: bool) -> None:
    control.arm("weibo", "statuses/share", "redirect", status=307, effect=effect)
    head = raw_share(server).partition(b"\r\n\r\n")[0].decode()
    assert head.startswith("HTTP/1.1 307 ")
    assert "Location: http://127.0.0.1:9/" in head
    assert len(control.effects()) == int(effect)


def test_time_may_pass_on_the_platforms_without_waiting(wechat: WeChat, control: Control) -> None:
    """What is in progress ends; the journal and the Date header stay with the wall clock."""
    control.arm("wechat", "freepublish/submit", "effect_late", seconds=40)
    accepted = wechat.submit(wechat.draft())["publish_id"]
    assert control.effects() == []
    control.post("clock", {"pass": 41})
    assert wechat.call("freepublish/get", {"publish_id": accepted})["publish_status"] == 0
    assert len(control.effects()) == 1
    line = control.journal("freepublish/get")[0]
    assert abs(line["at"] - time.time()) < 20
    naive = control.http.post(control.base + "clock", json={"quota": "2026-11-24T12:00:00"}, timeout=5)
    assert naive.status_code == 400
    backwards = control.http.post(control.base + "clock", json={"pass": -1}, timeout=5)
    assert backwards.status_code == 400
