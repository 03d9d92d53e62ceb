"""`python -m benchmarks.parts.pystub`: stub.c's stand-in where there is no C compiler.

The same calls, answers, journal and control; no TLS. It stamps when it comes to read, some tens of microseconds a
request, so at a thousand requests it is itself what is measured: figures taken with it are marked "clock (Python)".
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import re
import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bot.launcher.limits import make_room

from .stub import PUBLIC

RECENT = 5
CALLS = {
    "/send": "send",
    **{
        f"/cgi-bin/{name}": name
        for name in (
            "message/mass/sendall", "message/mass/get", "freepublish/submit", "freepublish/get", "freepublish/batchget",
            "freepublish/getarticle", "stable_token", "media/uploadimg", "material/add_material", "draft/add", "draft/get",
            "draft/batchget", "draft/delete", "draft/count", "openapi/quota/get",
        )
    },
    **{
        f"/2/{name}.json": name
        for name in (
            "statuses/share", "statuses/user_timeline", "statuses/show", "statuses/count", "account/rate_limit_status",
        )
    },
    "/oauth2/get_token_info": "oauth2/get_token_info",
}  # fmt: skip


class Platforms:
    """What both platforms remember, and what they say."""

    def __init__(self) -> None:
        self._serial, self._drafts = 1_000_000, list[Any]()
        self._posts: dict[int, deque[dict[str, Any]]] = {}

    def answer(self, call: str, account: int, query: str, kind: str, body: bytes) -> Any:
        """The answer's JSON."""
        self._serial += 1
        own: dict[str, Callable[[], Any]] = {
            "message/mass/sendall": lambda: {
                "errcode": 0, "errmsg": "send job submission success", "msg_id": self._serial,
                "msg_data_id": self._serial + 2_247_000_000,
            },
            "message/mass/get": lambda: {"msg_id": json.loads(body)["msg_id"], "msg_status": "SEND_SUCCESS"},
            "freepublish/submit": lambda: {"errcode": 0, "errmsg": "ok", "publish_id": str(_number(body) + 1)},
            "freepublish/get": lambda: self._published(_number(body)),
            "freepublish/getarticle": lambda: self._draft(_number(body), 53600),
            "stable_token": lambda: {"access_token": f"token-of-{account}", "expires_in": 7200},
            "media/uploadimg": lambda: {"url": f"http://mmbiz.qpic.cn/stub/{self._serial}"},
            "material/add_material": lambda: {
                "media_id": f"cover-{self._serial}", "url": f"http://mmbiz.qpic.cn/stub/{self._serial}",
            },
            "draft/add": lambda: self._keep(json.loads(body)["articles"]),
            "draft/get": lambda: self._draft(_number(body), 40007),
            "draft/count": lambda: {"total_count": len(self._drafts)},
            "openapi/quota/get": lambda: {
                "errcode": 0, "errmsg": "ok", "quota": {"daily_limit": 100, "used": 1, "remain": 99},
            },
            "statuses/share": lambda: self._share(account, kind, body),
            "statuses/user_timeline": lambda: {
                "statuses": list(self._of(account))[::-1], "total_number": len(self._of(account)),
            },
            "statuses/show": lambda: self._show(account, query),
            "statuses/count": list,
            "account/rate_limit_status": lambda: {"remaining_user_hits": 90, "remaining_ip_hits": 9000},
            "oauth2/get_token_info": lambda: {
                "uid": str(account), "appkey": "key", "scope": None, "create_at": str(int(time.time()) - 1000),
                "expire_in": "2591000",
            },
            "draft/batchget": _nothing, "freepublish/batchget": _nothing,
        }  # fmt: skip
        return own[call]() if call in own else {"errcode": 0, "errmsg": "ok", "list": []}

    def _keep(self, articles: Any) -> Any:
        self._drafts.append(articles)
        return {"media_id": f"draft-{len(self._drafts) - 1}"}

    def _draft(self, number: int, missing: int) -> Any:
        if not 0 <= number < len(self._drafts):
            return {"errcode": missing, "errmsg": "invalid id"}
        return {"news_item": self._drafts[number]}

    def _published(self, number: int) -> Any:
        if not 0 < number <= len(self._drafts):
            return {"errcode": 53502, "errmsg": "publish_id"}
        item = [{"idx": 1, "article_url": f"http://127.0.0.1/s/{number}"}]
        return {
            "publish_id": str(number), "publish_status": 0, "article_id": f"article-{number - 1}",
            "article_detail": {"count": 1, "item": item}, "fail_idx": [],
        }  # fmt: skip

    def _of(self, account: int) -> deque[dict[str, Any]]:
        return self._posts.setdefault(account, deque(maxlen=RECENT))

    def _share(self, account: int, kind: str, body: bytes) -> Any:
        multipart = kind.startswith("multipart/")
        if multipart:
            found = re.search(rb'name="status"(?:\r\n[^\r\n]+)*\r\n\r\n', body)
            text = body[found.end() :].partition(b"\r\n--")[0].decode() if found else ""
        else:
            text = parse_qs(body.decode()).get("status", [""])[0]
        if not text:
            return {"error": "no status", "error_code": 10008}
        beijing = time.strftime("%a %b %d %H:%M:%S +0800 %Y", time.gmtime(time.time() + 8 * 3600))
        post = {"idstr": str(5 * 10**15 + self._serial), "created_at": beijing, "uid": account, "text": text}
        post |= {"thumbnail_pic": "http://127.0.0.1/pic.jpg"} if multipart else {}
        self._of(account).append(post)
        return post

    def _show(self, account: int, query: str) -> Any:
        wanted = parse_qs(query).get("id", [""])[0]
        found = [post for post in self._of(account) if post["idstr"] == wanted]
        return found[0] if found else {"error": "target weibo does not exist", "error_code": 20101}


def _nothing() -> Any:
    return {"total_count": 0, "item_count": 0, "item": []}


def _number(body: bytes) -> int:
    """The number in the one id of a body: draft-17, article-17 or "17"."""
    found = re.search(rb'(?:draft-|article-|"publish_id":\s*")(\d+)', body)
    return int(found[1]) if found else -1


class Line:
    """One connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.come, self.go = sock, bytearray(), bytearray()
        self.stamp, self.closing, self.waiting = 0, False, 0


class Server:
    """One thread, epoll."""

    def __init__(self, delay_ms: int, delay_all_ms: int) -> None:
        self._public, self._other = delay_ms / 1000, delay_all_ms / 1000
        self._platforms, self._journal = Platforms(), list[str]()
        self._late: list[tuple[float, int, Line, bytes]] = []
        self._selector, self._serial = selectors.DefaultSelector(), 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ)

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def serve(self) -> None:
        """Until standard input closes."""
        while True:
            wait = max(0.0, self._late[0][0] - time.monotonic()) if self._late else None
            for key, mask in self._selector.select(wait):
                if key.fileobj is self._listener:
                    self._welcome()
                elif key.data is None:
                    if not os.read(key.fd, 64):
                        return
                else:
                    self._turn(key.data, mask)
            while self._late and self._late[0][0] <= time.monotonic():
                _, _, line, whole = heapq.heappop(self._late)
                self._say(line, whole)

    def _welcome(self) -> None:
        try:
            while True:
                sock, _ = self._listener.accept()
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._selector.register(sock, selectors.EVENT_READ, Line(sock))
        except BlockingIOError:
            return

    def _turn(self, line: Line, mask: int) -> None:
        try:
            if mask & selectors.EVENT_READ:
                self._read(line)
            if line.sock.fileno() >= 0 and mask & selectors.EVENT_WRITE:
                self._flush(line)
        except BlockingIOError:
            return
        except OSError:
            self._hang_up(line)

    def _read(self, line: Line) -> None:
        now = time.time_ns()
        data = line.sock.recv(65536)
        if not data:
            self._hang_up(line)
            return
        line.stamp = line.stamp or now
        line.come += data
        while (end := line.come.find(b"\r\n\r\n")) >= 0:
            head = line.come[:end].decode("latin-1")
            length = re.search(r"(?im)^content-length:\s*(\d+)", head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(line.come) < whole:
                return
            body = bytes(line.come[end + 4 : whole])
            del line.come[:whole]
            self._request(line, head, body, whole)
            line.stamp = now if line.come else 0

    def _request(self, line: Line, head: str, body: bytes, size: int) -> None:
        target = head.split(" ", 2)[1]
        wait = 0.0
        if target.startswith("/_stub/"):
            said = self._control(target)
        else:
            parts = urlsplit(target)
            first, _, rest = parts.path[1:].partition("/")
            call = CALLS.get(f"/{rest}", "other")
            account = int(first) if first.isdecimal() else 0
            self._journal.append(f"{line.stamp} {account} {call} {size}\n")
            kind = re.search(r"(?im)^content-type:\s*(\S+)", head)
            answer = self._platforms.answer(call, account, parts.query, kind[1] if kind else "", body)
            said = json.dumps(answer, ensure_ascii=False).encode()
            wait = self._public if call in PUBLIC else self._other
        line.closing = re.search(r"(?im)^connection:\s*close", head) is not None
        close = "Connection: close\r\n" if line.closing else ""
        start = (
            f"HTTP/1.1 200 OK\r\nDate: {formatdate(usegmt=True)}\r\nContent-Type: application/json; charset=utf-8\r\n"
            f"Content-Length: {len(said)}\r\n{close}\r\n"
        )
        line.waiting += 1
        self._serial += 1
        whole = start.encode() + said
        if wait:
            heapq.heappush(self._late, (time.monotonic() + wait, self._serial, line, whole))
        else:
            self._say(line, whole)

    def _control(self, target: str) -> bytes:
        if target.startswith("/_stub/journal"):
            return "".join(self._journal).encode()
        if target.startswith("/_stub/clear"):
            self._journal.clear()
        elif target.startswith("/_stub/delay?"):
            public, _, other = target.partition("?")[2].partition(",")
            self._public, self._other = int(public) / 1000, int(other or 0) / 1000
        return b"{}"

    def _say(self, line: Line, whole: bytes) -> None:
        line.waiting -= 1
        if line.sock.fileno() < 0:
            return
        line.go += whole
        try:
            self._flush(line)
        except OSError:
            self._hang_up(line)

    def _flush(self, line: Line) -> None:
        try:
            while line.go:
                del line.go[: line.sock.send(line.go)]
        except BlockingIOError:
            self._selector.modify(line.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, line)
            return
        self._selector.modify(line.sock, selectors.EVENT_READ, line)
        if line.closing and not line.waiting:
            self._hang_up(line)

    def _hang_up(self, line: Line) -> None:
        if line.sock.fileno() >= 0:
            self._selector.unregister(line.sock)
            line.sock.close()


def main() -> None:
    """Say where, then serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay-ms", type=int, default=0)
    parser.add_argument("--delay-all-ms", type=int, default=0)
    chosen = parser.parse_args()
    make_room(20_000)
    server = Server(chosen.delay_ms, chosen.delay_all_ms)
    print(server.port, 0, flush=True)
    server.serve()


if __name__ == "__main__":
    main()
