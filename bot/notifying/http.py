"""One POST to a robot or a system: time-outs, no redirect, no proxy of the environment, no address in any error."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import certifi
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from bot.domain.notice import NotTold

from .deadline import Deadline

CONNECT_TIMEOUT = 3.0  # seconds
READ_TIMEOUT = 7.0  # seconds between two pieces of an answer
TOTAL_TIMEOUT = 20.0  # seconds from the dial to the last byte of the answer: then the line is cut
MAX_ANSWER = 64 * 1024  # bytes


def hosts_of(address: str) -> list[str]:
    """The host of an http(s) address. ValueError when it is none."""
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise ValueError("not an http(s) address")
    return [parts.hostname]


def _pools(deadline: Deadline) -> dict[str, type[HTTPConnectionPool]]:
    """Connections that are dialled through `deadline`, which then can cut them."""

    def dialled(connection: HTTPConnection) -> socket.socket:
        try:
            return deadline.dial(connection.host.strip("[]"), connection.port, CONNECT_TIMEOUT)
        except TimeoutError:
            raise urllib3.exceptions.ConnectTimeoutError(connection, "no answer to the dial") from None

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return dialled(self)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return dialled(self)

    class Pool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": Pool, "https": SecurePool}


class _Adapter(HTTPAdapter):
    """Verifies with our context alone: certifi and the configured CA."""

    def __init__(self, ca_file: str | None, deadline: Deadline) -> None:
        self._deadline = deadline
        self._context = ssl.create_default_context(cafile=certifi.where())
        if ca_file:
            self._context.load_verify_locations(ca_file)
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = _pools(self._deadline)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Always."""
        conn.cert_reqs, conn.ca_certs, conn.ca_cert_dir = "CERT_REQUIRED", None, None


class _Session(requests.Session):
    """Never looks where a redirect would lead."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: nothing to follow."""


def _session(ca_file: str | None, deadline: Deadline) -> requests.Session:
    session = _Session()
    session.trust_env = False
    session.headers.clear()
    session.headers.update({"User-Agent": "Tongfa", "Accept": "*/*", "Accept-Encoding": "identity"})
    adapter = _Adapter(ca_file, deadline)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def json_body(value: Any) -> bytes:
    """UTF-8 JSON, Chinese as it is."""
    return json.dumps(value, ensure_ascii=False).encode()


def post(
    address: str,
    body: bytes,
    *,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    ca_file: str | None = None,
) -> tuple[int, bytes]:
    """POST JSON once: (status, body). Raises NotTold; what went wrong is told without the address (it may hold a key)."""
    sent = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    with Deadline(TOTAL_TIMEOUT) as deadline:
        try:
            with (
                _session(ca_file, deadline) as session,
                session.post(
                    address, data=body, params=dict(params or {}), headers=sent, stream=True, allow_redirects=False,
                    timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                ) as answer,
            ):  # fmt: skip
                told, problem = (answer.status_code, _read(answer)), ""
        except NotTold:
            raise
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            told, problem = (0, b""), _words(error)
        if deadline.over:  # the cut may look like the end of an answer, or like any error
            problem = "对方的应答太慢，已停止等待，可能已收到。"
    if problem:
        raise NotTold(problem)  # outside of the handler: the original error quotes the address
    return told


def _read(answer: requests.Response) -> bytes:
    body = bytearray()
    while piece := answer.raw.read1(8192):
        body += piece
        if len(body) > MAX_ANSWER:
            raise NotTold("对方的应答过大，已停止读取。")
    return bytes(body)


def _words(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "安全连接没有建立（证书未通过校验或对方不支持），什么都没有送出；请系统管理员检查证书和地址。"
    if isinstance(error, (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError)):
        return "对方超时未应答，可能已收到。"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "连不上（连接超时）；请系统管理员检查网络和地址。"
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, ValueError)):
        return "地址的写法不对；请系统管理员核对通知配置。"
    return "连不上或连接中断；请系统管理员检查网络和地址。"


def require_errcode_zero(status: int, body: bytes, hints: Mapping[int, str]) -> None:
    """The answer form that WeCom and DingTalk share: 2xx with {"errcode": 0}. NotTold with the code otherwise.

    Nothing less counts: a gateway in between may answer for them, and `false` or 0.7 are no codes.
    """
    try:
        code = json.loads(body)["errcode"]
    except (ValueError, TypeError, KeyError, RecursionError):
        code = None
    if type(code) is not int:
        raise NotTold(f"对方的应答不是约定的格式（HTTP {status}），可能没有送达。")
    if not 200 <= status < 300:
        raise NotTold(f"对方或中间的网关出错（HTTP {status}），可能没有送达；反复出现请系统管理员检查网络和地址。")
    if code:
        raise NotTold(f"对方拒收（代码 {code}）：{hints.get(code, '请系统管理员核对机器人的设置')}。")
