"""Where the portal's reader may go: listed hosts, http and https, and no address inside our own walls.

An address is checked as the number that the resolver gave, so decimal, octal and hexadecimal spellings, names that
point inwards and names that change between two look-ups all end here.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS = {"http": 80, "https": 443}
#: Own addresses of a rehearsal: its portal is played on this machine.
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
#: Services of cloud machines that answer on addresses which are otherwise like any other.
_METADATA = frozenset(map(ipaddress.ip_address, ("168.63.129.16", "100.100.100.200", "fd00:ec2::254")))
#: Nets of an office or a government of its own.
_INSIDE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_UNICAST = ipaddress.ip_network("2000::/3")
"""The only IPv6 addresses that lead to the public net (IANA); what else calls itself global is some older use of our own walls:
site-local (RFC 3879), IPv4-translated (RFC 7915), ISATAP (RFC 5214), SRv6 (RFC 9602)."""
_CARRIED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")))
"""An IPv4 address stands in their last 32 bits: NAT64 (RFC 6052), NAT64 of a site's own (RFC 8215), IPv4-compatible (RFC 4291)."""


class Blocked(Exception):
    """The reader does not go there; the text is for staff."""


@dataclass(frozen=True, slots=True)
class Target:
    """One page's address, taken apart. `host` is ASCII without brackets; `path` holds the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """For the Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == PORTS[self.scheme] else f"{name}:{self.port}"

    @property
    def url(self) -> str:
        """The address as one text."""
        return f"{self.scheme}://{self.authority}{self.path}"


@dataclass(frozen=True, slots=True)
class Rules:
    """`hosts` may be read at public addresses. `inside` are hosts that an administrator listed by name: they may also
    have a private address (a portal in the government's own net), or be this very machine. `rehearsal`: this machine may
    be read as well."""

    hosts: frozenset[str]
    inside: frozenset[str] = field(default=frozenset())
    rehearsal: bool = False

    def target(self, url: str) -> Target:
        """Take a URL apart. Blocked unless it is http(s) on a listed host."""
        try:
            parts = urlsplit(url)
            host = _ascii(parts.hostname or "")
            port = parts.port or PORTS.get(parts.scheme, 0)
        except ValueError:
            raise Blocked("网页地址的写法不对，没有访问") from None
        if parts.scheme not in PORTS or not host or "@" in parts.netloc:
            raise Blocked("网页地址不是以 http:// 或 https:// 开头的普通地址，没有访问")
        if not self._listed(host):
            raise Blocked(f"“{host}”不在门户网站名单（TONGFA_PORTAL_HOSTS）内，没有访问")
        path = quote(parts.path or "/", safe="/%:=&~+!$,;'@()*")
        query = f"?{quote(parts.query, safe='/%:=&?~+!$,;@()*')}" if parts.query else ""
        return Target(parts.scheme, host, port, path + query)

    def onward(self, url: str, first: Target) -> Target:
        """Where a redirect leads: as `target`, and only to the usual ports or that of the address that staff gave.

        Else whoever writes the portal's pages could try the ports of a host inside through us.
        """
        target = self.target(url)
        if target.port not in {*PORTS.values(), first.port}:
            raise Blocked(f"网站要求跳转到另一个端口（{target.port}），没有跟随")
        return target

    def _listed(self, host: str) -> bool:
        return host in self.hosts | self.inside or (self.rehearsal and host in LOOPBACK_HOSTS)

    def check(self, address: str, host: str) -> None:
        """Blocked unless a connection to this address (a number, from the resolver) may be made for that host."""
        try:
            ip = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            raise Blocked(f"“{host}”解析出的地址无法辨认，没有访问") from None
        if not self._may_connect(ip, host):
            raise Blocked(f"“{host}”指向不允许访问的内部地址 {ip}，没有访问")

    def _may_connect(self, ip: Ip, host: str) -> bool:
        if ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip in _METADATA:
            return False
        if ip.is_loopback:  # a name that points here is an attack; who lists this machine itself means it
            return self.rehearsal or host in self.inside & LOOPBACK_HOSTS
        inside = any(ip in net for net in _INSIDE)
        if inside:
            return self.rehearsal or host in self.inside
        return ip.is_global and (ip.version == 4 or ip in _UNICAST)


def _ascii(host: str) -> str:
    plain = host.rstrip(".").lower()
    return plain if plain.isascii() else plain.encode("idna").decode("ascii")


def _unwrapped(ip: Ip) -> Ip:
    """An IPv4 address that travels inside an IPv6 one is judged as what it is."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if any(ip in net for net in _CARRIED) and not (ip.is_loopback or ip.is_unspecified):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)
