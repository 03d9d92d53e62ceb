"""The benchmarks' server: it stamps, knows whose request it is, answers late when told to, and both adapters accept it."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import requests

from benchmarks.parts import floor
from benchmarks.parts.certificates import certificate
from benchmarks.parts.stub import Arrival, Stub, built

KINDS = ["c", "python"] if built() else ["python"]


@pytest.fixture(params=KINDS, scope="module")
def stub(request: pytest.FixtureRequest) -> Iterator[Stub]:
    with Stub(python=request.param == "python") as running:
        assert running.in_c == (request.param == "c")
        yield running


@pytest.fixture(autouse=True)
def _clear(request: pytest.FixtureRequest) -> None:
    if "stub" in request.fixturenames:
        request.getfixturevalue("stub").clear()


def post(stub: Stub, account: int, path: str, **more: object) -> requests.Response:
    return requests.post(f"{stub.base(account)}{path}", timeout=20, **more)  # type: ignore[arg-type]


def test_a_request_is_stamped_at_its_first_byte_and_booked_on_its_account(stub):
    with socket.create_connection(("127.0.0.1", stub.port)) as line:
        before = time.time()
        line.sendall(b"POST /17/send HTTP/1.1\r\nContent-Le")
        sent = time.time()
        time.sleep(0.3)
        line.sendall(b"ngth: 2\r\n\r\n{}")
        assert line.recv(4096).startswith(b"HTTP/1.1 200")
    (found,) = stub.journal()
    assert (found.account, found.call, found.public) == (17, "send", True)
    assert before - 0.001 <= found.at <= sent + 0.2  # when it began, not when it was whole


def test_one_connection_serves_many_requests_and_closes_when_asked(stub):
    with requests.Session() as session:
        for account in (1, 2, 3):
            session.post(f"{stub.base(account)}/send", data=b"{}", timeout=20)
        last = session.post(f"{stub.base(4)}/send", data=b"{}", headers={"Connection": "close"}, timeout=20)
    assert last.headers["Connection"] == "close"
    assert [line.account for line in stub.journal()] == [1, 2, 3, 4]


def test_answers_carry_the_right_date(stub):
    said = parsedate_to_datetime(post(stub, 1, "/send").headers["Date"]).timestamp()
    assert abs(said - time.time()) < 30


def test_public_calls_are_answered_late_when_told_to(stub):
    stub.delay(300)
    began = time.monotonic()
    post(stub, 1, "/send")
    public = time.monotonic() - began
    stub.delay(0)
    assert public >= 0.3


def test_a_draft_reads_back_as_it_was_handed_in(stub):
    articles = [{"title": "关于“公交”的通知", "content": "<p>一</p>"}]
    made = post(stub, 5, "/cgi-bin/draft/add?access_token=t", json={"articles": articles}).json()
    again = post(stub, 5, "/cgi-bin/draft/get?access_token=t", json={"media_id": made["media_id"]}).json()
    assert again["news_item"] == articles
    assert post(stub, 5, "/cgi-bin/draft/get", json={"media_id": "draft-99999"}).json()["errcode"] == 40007
    sent = post(stub, 5, "/cgi-bin/freepublish/submit", json={"media_id": made["media_id"]}).json()
    state = post(stub, 5, "/cgi-bin/freepublish/get", json={"publish_id": sent["publish_id"]}).json()
    shown = post(stub, 5, "/cgi-bin/freepublish/getarticle", json={"article_id": state["article_id"]}).json()
    assert state["publish_status"] == 0
    assert shown["news_item"] == articles


@pytest.mark.parametrize("with_picture", [False, True])
def test_a_weibo_post_stands_in_its_own_accounts_timeline(stub, with_picture):
    text = '【通知】“引号"与\\斜线 & 100% http://www.hedong.gov.cn/1?tf=abcdefgh'
    account = 70 + with_picture
    files = {"pic": ("a.png", b"\x89PNG" * 20_000, "image/png")} if with_picture else None
    made = post(
        stub, account, "/2/statuses/share.json", data={"status": text, "rip": "203.0.113.7"}, files=files
    ).json()
    listed = requests.get(f"{stub.base(account)}/2/statuses/user_timeline.json?uid={account}", timeout=20).json()
    assert [(one["idstr"], one["text"], str(one["uid"])) for one in listed["statuses"]] == [
        (made["idstr"], text, str(account))
    ]
    other = requests.get(f"{stub.base(account + 1000)}/2/statuses/user_timeline.json", timeout=20).json()
    assert other["statuses"] == []


def test_the_floor_and_the_sessions_reach_it(stub):
    for way in (floor.raw_sockets, floor.warm_sessions):
        found = way(stub, 3)
        assert (len(found.late), found.lost, found.doubled, found.early) == (3, 0, 0, 0)


def test_over_tls_the_same_requests_are_stamped():
    with certificate() as trust:
        files = (trust.certificate, trust.key)
        if built(tls=True) is None:  # no compiler, or no headers of OpenSSL: that is said, nothing is measured
            with pytest.raises(RuntimeError, match="OpenSSL"):
                Stub(tls=files)
            return
        with Stub(tls=files) as stub:
            answer = requests.post(f"{stub.base(8, tls=True)}/send", data=b"{}", verify=str(files[0]), timeout=20)
            assert answer.status_code == 200
            found = floor.raw_sockets(stub, 2, ca_file=trust.certificate)
            begun, halved = halved_record(stub, trust.certificate)
        assert (len(found.late), found.lost) == (2, 0)
        assert halved.account == 9
        assert begun - 0.001 <= halved.at <= begun + 0.2  # when the record began, not when it could be read


def halved_record(stub: Stub, trusted: Path) -> tuple[float, Arrival]:
    """A request in one TLS record, of which the second half comes 0.3 s later."""
    stub.clear()
    context = ssl.create_default_context(cafile=str(trusted))
    with socket.create_connection(("127.0.0.1", stub.tls_port)) as line:
        sealed = floor.sealed(line, context, b"POST /9/send HTTP/1.1\r\nContent-Length: 4000\r\n\r\n" + b"x" * 4000)
        begun = time.time()
        line.sendall(sealed[:1448])
        time.sleep(0.3)
        line.sendall(sealed[1448:])
        line.recv(4096)
    (found,) = stub.journal()
    return begun, found
