"""BROKER_URL in the form that kombu wants."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import quote, urlsplit


class BrokerUrlError(ValueError):
    """The address is none that Tongfa accepts. The text never holds the address itself."""


def broker_address(url: str, embedded_socket: Path) -> str:
    """The broker's address; the embedded server's socket if `url` is empty.

    A Redis on another machine must have a password: the broker carries ids only, but whoever can write to
    it could ring the workers at will.
    """
    if not url:
        return f"redis+socket://{quote(str(embedded_socket))}"
    parts = urlsplit(url)
    if parts.scheme in {"unix", "redis+socket"}:
        if parts.netloc or not parts.path.startswith("/"):
            raise BrokerUrlError("a socket needs three slashes and an absolute path")
        return f"redis+socket://{parts.path}{'?' + parts.query if parts.query else ''}"
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise BrokerUrlError("the scheme must be redis, rediss or redis+socket, with a host")
    if not parts.password and not is_loopback(parts.hostname):
        raise BrokerUrlError("a Redis on another machine needs a password")
    return url


def is_loopback(host: str) -> bool:
    """Whether `host` can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
