"""E-mail over SMTP: TLS from the first byte or STARTTLS, verified; plain only on this machine."""

from __future__ import annotations

import ipaddress
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr

import certifi

from bot.domain.notice import Notice, Notifier, NotifierKind, NotTold, PartlyTold, Setting, Target, WrongSetting

from ..deadline import Deadline

TIMEOUT = 7.0  # seconds for one answer of the server
TOTAL = 20.0  # seconds from the dial to the close: then the line is cut, however slowly the server drips
PORTS = {"tls": 465, "starttls": 587, "plain": 25}


@dataclass(frozen=True, slots=True)
class _Mailbox:
    target: Target
    ca_file: str | None

    def tell(self, notice: Notice) -> None:
        """One message to all addresses of the target."""
        with Deadline(TOTAL) as deadline:
            try:
                refused = self._sent(notice, deadline)
            except NotTold:
                raise
            except (smtplib.SMTPException, OSError, ValueError) as error:
                words = "邮件服务器的应答太慢，已停止等待，可能已收到。" if deadline.over else _words(error)
                raise NotTold(words) from None
        if refused:
            raise PartlyTold(f"邮件已送出，但有 {refused} 个收件人被拒；请系统管理员核对收件地址。")

    def _sent(self, notice: Notice, deadline: Deadline) -> int:
        """How many recipients were refused."""
        with self._connected(deadline) as smtp:
            self._log_in(smtp)
            return len(smtp.send_message(self._message(notice)))

    @contextmanager
    def _connected(self, deadline: Deadline) -> Iterator[smtplib.SMTP]:
        host, security = self.target.option("host"), self.target.option("security", "starttls")
        port = int(self.target.option("port") or PORTS[security])
        if security == "plain" and not _here(host):
            raise NotTold("不加密只允许发往本机，什么都没有送出；请把 security 改为 starttls 或 tls。")
        context = self._context()
        smtp = _Smtp(host, port, deadline, context if security == "tls" else None)
        try:
            if security == "starttls":
                smtp.starttls(context=context)
            yield smtp
        finally:
            _leave(smtp)

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=certifi.where())
        if self.ca_file:
            context.load_verify_locations(self.ca_file)
        return context

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        user = self.target.option("user")
        if user:
            smtp.login(user, self.target.secrets["password"].reveal() if "password" in self.target.secrets else "")

    def _message(self, notice: Notice) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = notice.subject
        message["From"] = self.target.option("from")
        message["To"] = ", ".join(_addresses(self.target))
        message["Date"] = format_datetime(notice.at)
        message["Message-ID"] = make_msgid(domain="tongfa.invalid")
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(notice.text)
        return message


class _Smtp(smtplib.SMTP):
    """Dialled through a deadline; TLS from the first byte with `tls`."""

    def __init__(self, host: str, port: int, deadline: Deadline, tls: ssl.SSLContext | None) -> None:
        self._deadline, self._tls = deadline, tls
        super().__init__(host, port, timeout=TIMEOUT)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = self._deadline.dial(host, port, timeout)
        return self._tls.wrap_socket(sock, server_hostname=host) if self._tls else sock


def _leave(smtp: smtplib.SMTP) -> None:
    """What was taken is taken: what the server says to the farewell changes nothing, and is not waited for."""
    with suppress(smtplib.SMTPException, OSError, ValueError):
        smtp.putcmd("QUIT")
    smtp.close()


def _words(error: Exception) -> str:
    match error:
        case smtplib.SMTPAuthenticationError():
            return "邮件服务器不接受登录；请系统管理员核对用户名和密码。"
        case smtplib.SMTPNotSupportedError():
            return "邮件服务器不支持加密（STARTTLS）或登录，什么都没有送出；请系统管理员核对设置。"
        case smtplib.SMTPRecipientsRefused():
            return "邮件服务器拒收全部收件人；请系统管理员核对收件地址。"
        case smtplib.SMTPResponseException():
            return f"邮件服务器拒收（代码 {error.smtp_code}）。"
        case ssl.SSLError():
            return "邮件服务器的证书未通过校验，什么都没有送出；请系统管理员检查证书和主机名。"
    return "连不上邮件服务器或连接中断；请系统管理员检查网络和地址。"


def _here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _addresses(target: Target) -> list[str]:
    return [address.strip() for address in target.option("to").split(",") if address.strip()]


def _hosts(target: Target) -> list[str]:
    host = target.option("host")
    if not host or "/" in host or target.option("security", "starttls") not in PORTS:
        raise WrongSetting("邮件服务器（host）或加密方式（security）不对")
    port = target.option("port")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise WrongSetting("端口（port）应是 1 到 65535 的数")
    if not all(parseaddr(address)[1].count("@") == 1 for address in [target.option("from"), *_addresses(target)]):
        raise WrongSetting("发件地址（from）或收件地址（to）不是邮件地址")
    return [host]


def _build(target: Target, ca_file: str | None) -> Notifier:
    return _Mailbox(target, ca_file)


KIND = NotifierKind(
    "email",
    "电子邮件",
    (
        Setting("host", "邮件服务器", required=True),
        Setting("port", "端口，默认 starttls 587、tls 465、plain 25"),
        Setting("security", "starttls、tls 或 plain（只限本机）", "starttls"),
        Setting("from", "发件地址", required=True),
        Setting("to", "收件地址，逗号分隔", required=True),
        Setting("user", "登录名，空为不登录"),
        Setting("password", "登录密码", secret=True),
    ),
    _hosts,
    _build,
)
