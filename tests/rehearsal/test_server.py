"""Sockets, state and evidence: keep-alive, bursts, kill -9, the journal, and independence of the product."""

from __future__ import annotations

import ast
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

import bot.rehearsal
from bot.rehearsal import RehearsalServer, StateInUseError, default_accounts

from .clients import APPID, LINK, SECRET, TOKEN, UID, Control, WeChat, Weibo, picture

SCRIPT = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from bot.rehearsal import serve
    serve(Path(sys.argv[1]), announce=lambda url: print(url, flush=True))
    """
)


def start_process(state: Path) -> tuple[subprocess.Popen[str], str]:
    root = Path(bot.rehearsal.__file__).parents[2]
    command = [sys.executable, "-c", SCRIPT, str(state)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root)
    assert process.stdout
    return process, process.stdout.readline().strip()


def test_what_was_answered_survives_kill_9(tmp_path: Path) -> None:
    process, base = start_process(tmp_path)
    try:
        wechat, weibo = WeChat(base).login(), Weibo(base)
        Control(base).switch(publish_seconds=3600)
        publish_id = wechat.submit(wechat.draft())["publish_id"]
        ident = weibo.share(f"持久 {LINK}").json()["idstr"]
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    process, base = start_process(tmp_path)
    try:
        again = WeChat(base)
        again.token = wechat.token
        assert again.call("freepublish/get", {"publish_id": publish_id})["publish_status"] == 1
        assert [one["idstr"] for one in Weibo(base).timeline()] == [ident]
        assert len(Control(base).journal("freepublish/submit")) == 1
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_publication_in_progress_finishes_after_a_restart(tmp_path: Path) -> None:
    with RehearsalServer(tmp_path) as first:
        Control(first.base_url).switch(publish_seconds=0.3)
        wechat = WeChat(first.base_url).login()
        wechat.submit(wechat.draft())
    with RehearsalServer(tmp_path) as second:
        control = Control(second.base_url)
        end = time.monotonic() + 5
        while not control.effects() and time.monotonic() < end:
            time.sleep(0.02)
        assert len(control.effects()) == 1


def test_one_state_directory_has_one_server(server: RehearsalServer, tmp_path: Path) -> None:
    with pytest.raises(StateInUseError):
        RehearsalServer(tmp_path / "state")


def test_a_burst_of_connections_is_taken_and_recorded(server: RehearsalServer, control: Control) -> None:
    control.switch("weibo", posts_per_hour=1000)
    host, port = server.base_url.removeprefix("http://").split(":")
    body = "status=%E7%AC%AC{n}%20" + quote(LINK, safe="") + "&rip=203.0.113.7"
    sockets = [socket.create_connection((host, int(port)), timeout=20) for _ in range(200)]
    answers: list[bytes] = []

    def send(number: int) -> None:
        data = body.format(n=number)
        head = f"POST /weibo/2/statuses/share.json HTTP/1.1\r\nHost: x\r\nAuthorization: OAuth2 {TOKEN}\r\n"
        head += "Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n"
        sockets[number].sendall(f"{head}Content-Length: {len(data)}\r\n\r\n{data}".encode())
        answers.append(sockets[number].recv(15))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for one in sockets:
        one.close()
    assert answers == [b"HTTP/1.1 200 OK"] * 200
    lines = control.journal("statuses/share")
    assert len(lines) == len(control.effects()) == 200
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)


def test_the_journal_tells_the_first_byte_not_the_last(server: RehearsalServer, control: Control) -> None:
    host, port = server.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        before = time.time()
        connection.sendall(f"GET /wechat/cgi-bin/getcallbackip?access_token={UID} HTTP/1.1\r\n".encode())
        after = time.time()
        time.sleep(0.2)
        connection.sendall(b"Host: x\r\nConnection: close\r\n\r\n")
        assert b"40001" in connection.recv(65536)
    at = control.journal("getcallbackip")[0]["at"]
    assert before - 0.001 <= at <= after + 0.1
    assert control.journal("getcallbackip")[0]["query"] == {"access_token": "***"}


def test_keep_alive_and_close(server: RehearsalServer) -> None:
    with requests.Session() as session:
        for _ in range(2):
            answer = session.get(f"{server.base_url}/wechat/cgi-bin/getcallbackip", timeout=5)
            assert answer.json()["errcode"] == 41001
            assert "Connection" not in answer.headers
        closed = session.get(f"{server.base_url}/_control/counts", headers={"Connection": "close"}, timeout=5)
        assert closed.headers["Connection"] == "close"


def test_counts_by_platform_and_call(wechat: WeChat, weibo: Weibo, control: Control) -> None:
    wechat.call("draft/count", method="GET")
    weibo.share(f"计数 {LINK}")
    counts = control.get("counts")
    assert counts["wechat"]["draft/count"] == 1
    assert counts["weibo"] == {"statuses/share": 1}


def test_a_reset_account_starts_afresh(wechat: WeChat, control: Control) -> None:
    wechat.send(wechat.draft())
    control.post("accounts", {"platform": "wechat", "appid": APPID, "secret": SECRET})
    wechat.login()
    control.switch(mass_seconds=0)
    assert wechat.call("draft/count", method="GET") == {"total_count": 0}
    assert wechat.send(wechat.draft())["errcode"] == 0


def test_default_accounts_are_fresh_copies() -> None:
    default_accounts()["wechat"][0]["switches"]["x"] = 1
    assert default_accounts()["wechat"][0]["switches"] == {}


def test_multipart_that_is_broken_reads_as_no_file(wechat: WeChat) -> None:
    head = {"Content-Type": "multipart/form-data; boundary=x"}
    assert wechat.raw("media/uploadimg", data=b"garbage", headers=head).json()["errcode"] == 41005


def test_chunked_and_oversized_bodies_are_turned_away(server: RehearsalServer) -> None:
    url = f"{server.base_url}/weibo/2/statuses/share.json"
    assert requests.post(url, data=iter([b"a"]), timeout=5).status_code == 411
    host, port = server.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.1 413")


# --- what followers would see ---


def test_the_phone_of_a_wechat_follower(wechat: WeChat, server: RehearsalServer, control: Control) -> None:
    body = picture("JPEG", (40, 20))
    url = wechat.upload("media/uploadimg", body)["url"]
    crops = {"pic_crop_235_1": "0_0_1_0.5", "pic_crop_1_1": "0_0.5_0.5_1"}
    wechat.send(wechat.draft(wechat.article(content=f'<p>正文</p><img src="{url}">', **crops)))
    wechat.submit(wechat.draft(wechat.article(title="只发布")))
    wechat.call("draft/count", method="GET")
    view: Any = requests.get(f"{server.base_url}/_view/wechat/{APPID}", timeout=5).json()
    assert view["account"]["name"] == "中国河东"
    assert [one["kind"] for one in view["conversation"]] == ["mass"]
    assert [one["articles"][0]["title"] for one in view["published"]] == ["只发布"]
    card = view["conversation"][0]["articles"][0]
    assert card["crops"] == crops
    assert requests.get(card["cover_url"], timeout=5).headers["Content-Type"] == "image/png"
    article = requests.get(card["view"], timeout=5).json()
    assert (article["author"], article["source_url"]) == ("河东发布", LINK)
    shown = article["content_html"].split('src="')[1].split('"')[0]
    assert requests.get(shown, timeout=5).content == body


def test_the_phone_of_a_weibo_follower(weibo: Weibo, server: RehearsalServer) -> None:
    weibo.share(f"【解读】要点 {LINK}", files={"pic": ("a.png", picture())})
    view: Any = requests.get(f"{server.base_url}/_view/weibo/{UID}", timeout=5).json()
    assert view["user"]["screen_name"] == "临沂河东"
    status = view["statuses"][0]
    assert status["links"][0]["url"] == LINK
    assert status["text"].endswith(status["links"][0]["short"])
    assert status["permalink"].startswith(f"https://weibo.com/{UID}/")
    assert requests.get(status["picture_url"], timeout=5).content == picture()


@pytest.mark.parametrize(
    "path", ["wechat/none", "weibo/none", "tcn/none", "wechat/article/1_1", "x", "wechat/article/a_b"]
)
def test_unknown_views_are_404(server: RehearsalServer, path: str) -> None:
    assert requests.get(f"{server.base_url}/_view/{path}", timeout=5).status_code == 404


# --- independence ---


def test_the_rehearsal_imports_nothing_of_the_product() -> None:
    folder = Path(bot.rehearsal.__file__).parent
    for source in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not [
                name for name in names if name.split(".")[0] in ("bot", "tasks", "config", "nh3", "wechatpy")
            ], source
            if isinstance(node, ast.ImportFrom) and node.level:
                inside = len(source.relative_to(folder).parts)
                assert node.level <= inside, f"{source} reaches out of bot.rehearsal"


def test_no_address_of_a_live_platform_is_ever_called() -> None:
    folder = Path(bot.rehearsal.__file__).parent
    text = "".join(source.read_text() for source in folder.rglob("*.py"))
    assert "api.weixin.qq.com" not in text
    assert "api.weibo.com" not in text
