"""Why a shot did not leave or did not end: a closed list of codes, with a Chinese sentence for staff.

A reason reads `code` or `code: detail`. The detail comes from the operating system or OpenSSL and never from
the request, so that no address, token or text of a post gets into a log.
"""

from __future__ import annotations

import errno
import os
import ssl
from enum import StrEnum

from .events import Broken, NotSent


class Reason(StrEnum):
    """The first word of every reason."""

    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    RESET = "reset"
    CLOSED = "closed"
    TLS = "tls"
    PROXY = "proxy"
    REQUEST = "request"
    STRUCK = "struck"
    LATE = "late"
    LOCAL = "local"
    INTERNAL = "internal"


CAUSES = {
    Reason.DNS: "查不到平台地址（域名解析失败），请检查网络和 DNS",
    Reason.REFUSED: "对方拒绝连接，请检查接口地址和端口",
    Reason.UNREACHABLE: "网络不通，请检查出口网络",
    Reason.TIMEOUT: "在时限内没有等到对方",
    Reason.RESET: "连接被对方中断",
    Reason.CLOSED: "连接被对方关闭",
    Reason.TLS: "加密连接失败，请检查证书和系统时间",
    Reason.PROXY: "代理服务器不给转接，请检查代理设置",
    Reason.REQUEST: "请求不合规范，请联系系统管理员",
    Reason.STRUCK: "发出前最后核对没有通过",
    Reason.LATE: "已过发送时限",
    Reason.LOCAL: "本机资源不足，请联系系统管理员",
    Reason.INTERNAL: "程序内部出错，请联系系统管理员",
}


class Fault(Exception):
    """A failure of one connection, already put into words that may be logged."""

    def __init__(self, code: Reason, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else str(code))
        self.code, self.detail = code, detail


ERRNO_CODES = {
    errno.ECONNREFUSED: Reason.REFUSED,
    errno.ECONNRESET: Reason.RESET,
    errno.EPIPE: Reason.RESET,
    errno.ECONNABORTED: Reason.RESET,
    errno.ETIMEDOUT: Reason.TIMEOUT,
    errno.ENETUNREACH: Reason.UNREACHABLE,
    errno.EHOSTUNREACH: Reason.UNREACHABLE,
    errno.ENETDOWN: Reason.UNREACHABLE,
    errno.EADDRNOTAVAIL: Reason.UNREACHABLE,
}


def from_os_error(error: OSError) -> Fault:
    """The fault for an errno. `strerror` is the system's own text and holds nothing of ours."""
    number = error.errno or 0
    return Fault(ERRNO_CODES.get(number, Reason.LOCAL), os.strerror(number) if number else type(error).__name__)


def from_ssl_error(error: ssl.SSLError) -> Fault:
    """The fault for a failed handshake or record."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Fault(Reason.TLS, f"certificate not accepted, code {error.verify_code}")
    return Fault(Reason.TLS, (error.reason or type(error).__name__).replace("_", " ").lower())


def as_fault(error: Exception) -> Fault:
    """Any error as a fault; what is not one of ours is named by its type alone, because its text may hold anything."""
    return error if isinstance(error, Fault) else Fault(Reason.INTERNAL, type(error).__name__)


def explain(event: NotSent | Broken) -> str:
    """One Chinese sentence: what happened, whether anything went out, what to do."""
    cause = CAUSES.get(Reason(event.reason.partition(":")[0]), event.reason)
    if isinstance(event, NotSent):
        return f"{cause}；没有发出任何内容"
    return f"{cause}；请求已发出，结果不明，须先到平台查证，不要直接重发"
