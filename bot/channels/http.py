"""Ordinary HTTP for every vendor: all calls but the one public act, which the launcher makes.

Rules kept here once, for all (reference: the platform sheets' transport rules):

* environment proxies, netrc, cookies and redirects are never used; time-outs are always set;
* answers are read up to 1 MiB (packed and unpacked) and within a total deadline, decoded as UTF-8 by us, whatever the
  charset says;
* a URL may hold a token, so no URL, and no exception that quotes one, ever leaves this module;
* only reads are repeated, a bounded number of times.
"""

from __future__ import annotations

import math
import os
import re
import ssl
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import certifi
import requests
import urllib3
from requests.adapters import HTTPAdapter

from bot.domain.channel import ChannelFault, CheckResult, Ports, Remedy

from . import pools
from .wire import FilePart as FilePart
from .wire import form_body as form_body
from .wire import host_port as host_port
from .wire import json_body as json_body
from .wire import multipart_body as multipart_body
from .wire import parse_json as parse_json
from .wire import parse_object as parse_object
from .wire import with_query as with_query

CONNECT_TIMEOUT = 3.0  # seconds
READ_TIMEOUT = 10.0  # seconds between two pieces of an answer
TOTAL_TIMEOUT = 15.0  # seconds for one answer, head and body, however slowly it drips
MAX_ANSWER = 1024 * 1024  # bytes
READ_BACKOFF = (0.5, 2.0)  # seconds before the second and third try of a read

_extra_ca: list[Path] = []


def trust(ca_file: str | Path | None) -> None:
    """Trust the certificates in `ca_file` (PEM) besides certifi's, in adapters built from now on; None resets.

    Called once at start by the part of the product that reads settings.
    """
    _extra_ca[:] = [Path(ca_file)] if ca_file else []
    tls_context.cache_clear()
    _shared_session.cache_clear()


_until: ContextVar[float] = ContextVar("until", default=math.inf)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """All calls inside end within so many seconds together, repeats and slow bodies included.

    What is not there by then is ChannelFault(UNKNOWN), as any silence. Nested, the nearest end holds.
    """
    token = _until.set(min(_until.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _until.reset(token)


def time_left() -> float:
    """Seconds until the end that `within` has set, infinite outside of one: for waits that are no calls."""
    return _until.get() - time.monotonic()


def _left(host: str) -> float:
    """Seconds that are left to a call."""
    left = _until.get() - time.monotonic()
    if left <= 0:
        raise _fault("deadline", f"{host} 没有及时应答，请稍后重试。")
    return left


# --- answers --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `host` names the server in messages."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    host: str = ""

    def json(self) -> Any:
        """The body as JSON; ChannelFault(UNKNOWN) for 3xx, 5xx and anything that is not JSON.

        A 4xx with JSON is returned: some vendors put their error object there.
        """
        if 300 <= self.status < 400:
            raise _fault(
                "redirect", f"{self.host} 要求跳转到别的地址，未予跟随；请稍后重试，反复出现请系统管理员核对接口地址。"
            )
        if self.status >= 500:
            raise _fault(f"http_{self.status}", f"{self.host} 暂时出错（HTTP {self.status}），请稍后重试。")
        try:
            return parse_json(self.body)
        except ValueError:
            fault = _fault("not_json", f"{self.host} 的应答不是平台约定的格式（HTTP {self.status}），请稍后重试。")
        raise fault

    def object(self) -> dict[str, Any]:
        """The body as a JSON object; ChannelFault(UNKNOWN) otherwise."""
        value = self.json()
        if not isinstance(value, dict):
            raise _fault("not_json", f"{self.host} 的应答不是平台约定的格式，请稍后重试。")
        return value


def _fault(code: str, message: str, remedy: Remedy = Remedy.UNKNOWN) -> ChannelFault:
    return ChannelFault(remedy, message, code=code)


def _classify(error: Exception, host: str) -> ChannelFault:
    """The ChannelFault for a failed call. Nothing of `error` goes into it: its text holds the URL."""
    if isinstance(error, requests.exceptions.ProxyError):
        return _fault("proxy", f"经代理连接 {host} 失败，请稍后重试；反复出现请系统管理员检查账号的代理设置。")
    if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        message = f"{host} 的安全证书未通过校验，没有发送任何内容；请系统管理员检查证书、本机时间和网络。"
        return _fault("tls", message, Remedy.OPERATOR)
    if isinstance(error, (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError)):
        return _fault("timeout", f"{host} 超时未应答，请稍后重试。")
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return _fault("connect", f"连不上 {host}（连接超时），请稍后重试；反复出现请系统管理员检查网络。")
    if isinstance(error, requests.exceptions.ConnectionError):
        return _fault("connect", f"连不上 {host} 或连接中断，请稍后重试；反复出现请系统管理员检查网络。")
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, ValueError)):
        return _fault(
            "address", "接口地址的写法不对，没有发送任何内容；请系统管理员核对账号的接口地址和代理。", Remedy.OPERATOR
        )
    return _fault("cut", f"{host} 的应答中途断开，请稍后重试。")


#: Nobody answered at all: rights, quota and settings are not what is wrong.
FAR = timedelta(days=2)
"""A `Date` that is as far as this from our clock is nobody's time: no wait is reckoned from it."""
UNREACHABLE = "请系统管理员检查本机网络和账号的接口地址，并确认平台没有停机，然后再查一次。"


def failed_check(name: str, fault: ChannelFault) -> CheckResult:
    """A line of a pre-flight whose call failed, with its remedy where the platform was not reached."""
    silent = fault.code in {"connect", "timeout", "cut", "proxy", "deadline"}
    return CheckResult(name, False, fault.message, remedy=UNREACHABLE if silent else "")


_CLAIM = re.compile(r"[，；]?(?:这次调用)?(?:没有|未)发(?:出|送)(?:任何内容|请求)")


def about_a_read(fault: ChannelFault) -> str:
    """A fault's sentences for a read-back, without what they say of this call's own effect.

    "Nothing was sent" is true of the failed read, but staff would take it for the post, which may be public.
    """
    return _CLAIM.sub("", fault.message).replace("。。", "。").lstrip("。")


# --- the session ----------------------------------------------------------------------------------------


class _Adapter(HTTPAdapter):
    """Connections that trust certifi and, besides, the configured CA; directly and through a proxy."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(max_retries=0, pool_connections=POOL, pool_maxsize=POOL)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)
        pools.hurry(self.poolmanager)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Always verify, with our context alone: requests would load its own bundle at every connection."""
        conn.cert_reqs, conn.ca_certs, conn.ca_cert_dir = "CERT_REQUIRED", None, None

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs, ssl_context=self._context)
        pools.hurry(manager)
        return manager


@lru_cache(maxsize=8)
def tls_context(*ca_files: Path) -> ssl.SSLContext:
    """A verifying client context that trusts certifi and the PEM files given. Shared: loading certifi is slow."""
    context = ssl.create_default_context(cafile=certifi.where())
    for path in ca_files:
        context.load_verify_locations(path)
    return context


class _Session(requests.Session):
    """Never looks where a redirect would lead: requests reads the whole body before it asks whether to follow."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: nothing to follow."""


POOL = 32  # idle connections kept to one host, by one process


def _session(proxy: str, ca_file: str | Path | None) -> requests.Session:
    """The process's own session for this way out: accounts of one vendor share its open connections.

    It holds nothing of an account: no cookie is ever kept, tokens travel with each call.
    """
    trusted = tuple([Path(ca_file)] if ca_file else _extra_ca)
    return _shared_session(os.getpid(), proxy, trusted)


@lru_cache(maxsize=64)
def _shared_session(pid: int, proxy: str, ca_files: tuple[Path, ...]) -> requests.Session:
    del pid  # a fork must not talk on its parent's connections
    session = _Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    session.headers.update({"User-Agent": "Tongfa", "Accept": "*/*", "Accept-Encoding": "identity"})
    session.proxies = {"http": proxy, "https": proxy} if proxy else {}
    adapter = _Adapter(tls_context(*ca_files))
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _tried(call: Callable[[], Reply]) -> Reply | ChannelFault:
    """The answer, or the fault where another try may help."""
    try:
        return call()
    except ChannelFault as fault:
        if fault.remedy is not Remedy.UNKNOWN:
            raise
        return fault


def _given(answer: Reply | ChannelFault) -> Reply:
    if isinstance(answer, ChannelFault):
        raise answer
    return answer


class Http:
    """The calls of one adapter. Safe to share between threads.

    `proxy` is the account's CONNECT proxy ("" = direct). `ca_file` overrides what `trust` was given.
    `sleep` is replaced in tests.
    """

    def __init__(
        self,
        ports: Ports,
        *,
        proxy: str = "",
        ca_file: str | Path | None = None,
        timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT),
        total: float = TOTAL_TIMEOUT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ports, self._timeout, self._total, self._sleep = ports, timeout, total, sleep
        self._session = _session(proxy, ca_file)

    def get(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        again: Callable[[Reply], bool] | None = None,
        limit: int = MAX_ANSWER,
    ) -> Reply:
        """A read: repeated a few times on broken connections, 5xx, and answers for which `again` says so."""
        return self._reading(lambda: self._once("GET", url, params, headers, None, limit), again)

    def post(
        self,
        url: str,
        body: bytes,
        content_type: str,
        params: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        read: bool = False,
        again: Callable[[Reply], bool] | None = None,
    ) -> Reply:
        """A POST, made once. With `read` (the call changes nothing) it is repeated like `get`."""
        sent = {**(headers or {}), "Content-Type": content_type}

        def call() -> Reply:
            return self._once("POST", url, params, sent, body, MAX_ANSWER)

        return self._reading(call, again) if read else call()

    def post_json(
        self,
        url: str,
        value: Any,
        params: Mapping[str, str] | None = None,
        *,
        read: bool = False,
        again: Callable[[Reply], bool] | None = None,
    ) -> Reply:
        """POST raw UTF-8 JSON."""
        return self.post(url, json_body(value), "application/json; charset=utf-8", params, read=read, again=again)

    def post_form(
        self, url: str, fields: Mapping[str, str], params: Mapping[str, str] | None = None, *, read: bool = False
    ) -> Reply:
        """POST an urlencoded form."""
        return self.post(url, form_body(fields), "application/x-www-form-urlencoded", params, read=read)

    def post_files(
        self,
        url: str,
        files: Sequence[FilePart],
        fields: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        """POST a multipart form with files, once."""
        body, content_type = multipart_body(fields or {}, files)
        return self.post(url, body, content_type, params)

    def _reading(self, call: Callable[[], Reply], again: Callable[[Reply], bool] | None) -> Reply:
        for wait in READ_BACKOFF:
            answer = _tried(call)
            good = isinstance(answer, Reply) and answer.status < 500 and not (again and again(answer))
            if good or time.monotonic() + wait >= _until.get():
                return _given(answer)
            self._sleep(wait)
        return call()

    def _once(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        body: bytes | None,
        limit: int,
    ) -> Reply:
        """One exchange. The original exception is dropped, not chained: its text quotes the URL."""
        left, (connecting, reading) = _left(_safe_host(url)), self._timeout
        begun, sent = self._ports.now(), time.monotonic()
        end = min(sent + connecting + self._total, _until.get())
        try:
            with (
                pools.answer_by(end),
                self._session.request(
                    method,
                    with_query(url, params or {}),
                    headers=headers,
                    data=body,
                    timeout=(min(connecting, left), min(reading, left)),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                content = _body(response, host_port(url), limit)
                reply = Reply(response.status_code, response.headers, content, host_port(url))
        except ChannelFault:
            raise
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            fault = _classify(error, _safe_host(url))
        else:
            self._report_date(reply, time.monotonic() - sent, begun)
            return reply
        raise fault

    def _report_date(self, reply: Reply, took: float, sent: datetime) -> None:
        date = reply.headers.get("Date", "")
        if date:
            self._ports.platform_date(date, took, sent)


def _body(response: requests.Response, host: str, limit: int) -> bytes:
    """All bytes, read as they come, up to a limit; `pools.answer_by` ends what drips."""
    body = bytearray()
    while piece := response.raw.read1(65536):
        body += piece
        if len(body) > limit:
            raise _fault("too_large", f"{host} 的应答过大，已停止读取，请稍后重试。")
    expected = response.headers.get("Content-Length", "")
    if expected.isdigit() and len(body) < int(expected):
        raise _fault("cut", f"{host} 的应答中途断开，请稍后重试。")
    return _unpacked(bytes(body), response.headers.get("Content-Encoding", ""), host, limit)


def _unpacked(body: bytes, encoding: str, host: str, limit: int) -> bytes:
    """The body as it was before it was packed. We ask for no packing, but a gateway on the way may pack all the same."""
    kind = encoding.strip().lower()
    if kind in {"", "identity"} or not body:
        return body
    if kind not in {"gzip", "x-gzip", "deflate"}:
        raise _fault("packed", f"{host} 的应答用了不认识的压缩方式，请稍后重试；反复出现请系统管理员检查代理和网关。")
    unpacker = zlib.decompressobj(wbits=_wbits(body, kind))
    try:
        plain = unpacker.decompress(body, limit + 1)
    except zlib.error:
        plain = None
    if plain is None:
        raise _fault("packed", f"{host} 的压缩应答无法解开，请稍后重试；反复出现请系统管理员检查代理和网关。")
    if len(plain) > limit:
        raise _fault("too_large", f"{host} 的应答过大，已停止读取，请稍后重试。")
    if not unpacker.eof:
        raise _fault("cut", f"{host} 的应答中途断开，请稍后重试。")
    return plain


def _wbits(body: bytes, kind: str) -> int:
    """gzip and zlib tell themselves apart (47); some servers send "deflate" bare, without zlib's two bytes (-15)."""
    bare = kind == "deflate" and (body[0] & 0x0F != 8 or int.from_bytes(body[:2], "big") % 31)
    return -zlib.MAX_WBITS if bare else 47


def _safe_host(url: str) -> str:
    try:
        return host_port(url)
    except ValueError:
        return "平台"
