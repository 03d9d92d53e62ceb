"""E-mail, against a mail server on loopback: encrypted and verified, or not sent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import notifying
from bot.domain.notice import Notifier, NotTold, PartlyTold, Target
from bot.domain.secret import Secret
from bot.notifying import email
from tests.channels.stub import make_certificates
from tests.launcher.servers import Peer, Server

from .mailbox import Mailbox, running_mailbox
from .test_robots import NOTICE

PASSWORD = "canary-mail-password"


def build(box: Mailbox, security: str, ca_file: Path | None = None, **options: str) -> Notifier:
    given = {
        "host": "127.0.0.1", "port": str(box.port), "security": security, "from": "tongfa@example.gov.cn",
        "to": "a@example.gov.cn, b@example.gov.cn", **options,
    }  # fmt: skip
    target = Target("主任", "email", 2, given, {"password": Secret(PASSWORD)})
    return notifying.kinds()["email"].build(target, str(ca_file) if ca_file else None)


def not_told(notifier: Notifier) -> str:
    with pytest.raises(NotTold) as caught:
        notifier.tell(NOTICE)
    assert PASSWORD not in caught.value.message
    return caught.value.message


def test_one_message_to_everybody_in_chinese():
    with running_mailbox() as box:
        build(box, "plain").tell(NOTICE)
    (message,) = box.messages
    assert message["Subject"] == NOTICE.subject
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().split() == NOTICE.text.split()
    assert box.recipients == [["a@example.gov.cn", "b@example.gov.cn"]]


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "starttls"])
def test_over_tls_with_a_certificate_that_is_verified(tls: bool, tmp_path: Path):
    authority, served = make_certificates(tmp_path)
    security = "tls" if tls else "starttls"
    with running_mailbox(certificate=served, tls=tls) as box:
        assert "证书" in not_told(build(box, security))
        assert box.messages == []
        build(box, security, authority, user="tongfa").tell(NOTICE)
    assert box.encrypted == [True]
    assert len(box.logins) == 1


def test_a_server_without_starttls_gets_nothing():
    with running_mailbox() as box:
        assert "加密" in not_told(build(box, "starttls"))
    assert (box.messages, box.logins) == ([], [])


def test_unencrypted_mail_stays_on_this_machine():
    with running_mailbox() as box:
        assert "不加密" in not_told(build(box, "plain", host="192.0.2.1"))


@pytest.mark.parametrize(
    ("word", "answer", "said"),
    [
        ("AUTH", "535 no", "登录"), ("RCPT", "550 nobody here", "收件人"), ("MAIL", "451 later", "451"), ("DATA", "554 spam", "554"),
    ],
)  # fmt: skip
def test_a_refusal_of_the_server_is_told_in_words(word: str, answer: str, said: str):
    with running_mailbox() as box:
        box.refuse[word] = answer
        assert said in not_told(build(box, "plain", user="tongfa"))
    assert box.messages == []


def test_what_one_of_a_list_refuses_has_reached_the_others():
    with running_mailbox() as box:
        box.refuse["rcpt TO:<b@example.gov.cn>"] = "550 nobody here"
        with pytest.raises(PartlyTold, match="1 个收件人被拒"):
            build(box, "plain").tell(NOTICE)
    assert box.recipients == [["a@example.gov.cn"]]


def test_nobody_there():
    box = Mailbox()
    box.port = 9
    assert "连不上" in not_told(build(box, "plain"))


def test_a_server_that_says_nothing_costs_the_time_out_and_no_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(email, "TIMEOUT", 0.2)
    with running_mailbox() as box:
        box.silent = True
        assert "连不上" in not_told(build(box, "plain"))


def dripping(piece: bytes) -> Callable[[Peer], None]:
    """Says `piece` now and then, for as long as somebody listens: each in time, and never an end."""

    def script(peer: Peer) -> None:
        waiting = threading.Event()
        while not waiting.wait(0.02):
            peer.say(piece)

    return script


@pytest.mark.parametrize("security", ["plain", "starttls", "tls"])
@pytest.mark.parametrize("piece", [b"2", b"220-please wait\r\n"], ids=["letters", "lines"])
def test_a_server_that_drips_is_cut_off_from_its_greeting_on(
    security: str, piece: bytes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(email, "TOTAL", 0.3)
    box = Mailbox()
    with Server(dripping(piece)) as server:
        box.port = server.port
        assert not_told(build(box, security))


@pytest.mark.parametrize("word", ["EHLO", "DATA"])
def test_a_server_that_drips_later_on_is_cut_off_as_well(word: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(email, "TOTAL", 0.3)
    with running_mailbox() as box:
        box.drip[word] = b"250-wait\r\n"
        assert "太慢" in not_told(build(box, "plain"))


def test_a_name_that_does_not_resolve_in_time_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    done = threading.Event()
    monkeypatch.setattr(email, "TOTAL", 0.2)
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: done.wait(60) and [])
    with running_mailbox() as box:
        not_told(build(box, "tls", host="mail.example.gov.cn"))
    done.set()


@pytest.mark.parametrize("answer", ["250 fine", "421 closing", "500 what", "221 bye"])
def test_what_the_server_took_is_told_whatever_it_says_to_the_farewell(answer: str):
    with running_mailbox() as box:
        box.refuse["QUIT"] = answer
        build(box, "plain").tell(NOTICE)
    assert len(box.messages) == 1


def test_a_farewell_that_drips_is_not_waited_for():
    with running_mailbox() as box:
        box.drip["QUIT"] = b"221-wait\r\n"
        build(box, "plain").tell(NOTICE)
    assert len(box.messages) == 1


@pytest.mark.parametrize("options", [{"host": ""}, {"host": "http://x"}, {"host": "x", "security": "none"}])
def test_what_is_no_mail_server_is_refused_before_anything_is_sent(options: dict[str, str]):
    with pytest.raises(ValueError):
        notifying.kinds()["email"].hosts(Target("x", "email", 1, options))
