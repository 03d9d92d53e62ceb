"""Where the reader may not be led, by whatever spelling, name or redirect (server-side request forgery)."""

from __future__ import annotations

import socket

import pytest

from bot.domain.sync import Seen
from bot.portal import Rules
from bot.portal.rules import Blocked

from .support import LIVE_HOME, REHEARSAL, Names, page, portal, response, see

PUBLIC = ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"]
INSIDE = ["10.0.0.8", "10.255.255.255", "172.16.0.1", "172.31.9.9", "192.168.1.1", "fd12:3456::1"]
NEVER = [
    "169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "100.100.100.200", "100.64.0.1", "168.63.129.16",
    "224.0.0.1", "ff02::1", "0.0.0.0", "::", "240.0.0.1", "255.255.255.255", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::", "192.0.2.1", "198.18.0.1",
]  # fmt: skip
LOOPBACK = [
    "127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b:1::7f00:1", "64:ff9b::7f00:1", "2002:7f00:1::",
]  # fmt: skip


def blocked(address: str, rules: Rules, host: str = "portal.example") -> bool:
    try:
        rules.check(address, host)
    except Blocked:
        return True
    return False


@pytest.mark.parametrize("address", PUBLIC)
def test_a_listed_host_is_read_at_public_addresses(address):
    assert not blocked(address, LIVE_HOME)


@pytest.mark.parametrize(
    "address",
    [
        *INSIDE,
        *LOOPBACK,
        *NEVER,
        "64:ff9b::a00:1",
        "64:ff9b:1::a00:1",
        "::10.0.0.1",
        "::ffff:10.0.0.1",
        "fec0::1",
        "::ffff:0:7f00:1",
        "::5efe:a00:1",
        "5f00::1",
    ],
)
def test_a_live_home_reads_nothing_inside(address):
    assert blocked(address, LIVE_HOME)


@pytest.mark.parametrize("address", [*INSIDE, *LOOPBACK])
def test_a_rehearsal_reads_this_machine_and_its_own_net(address):
    assert not blocked(address, REHEARSAL)


@pytest.mark.parametrize("address", NEVER)
def test_services_of_the_machine_itself_are_read_by_nobody(address):
    listed = Rules(frozenset({"portal.example"}), inside=frozenset({"portal.example"}))
    assert blocked(address, REHEARSAL)
    assert blocked(address, listed)


def test_a_portal_in_the_offices_own_net_is_read_when_it_was_listed_by_name():
    rules = Rules(frozenset({"www.hedong.gov.cn"}), inside=frozenset({"portal.example"}))
    for address in INSIDE:
        assert not blocked(address, rules)
        assert blocked(address, rules, host="www.hedong.gov.cn")
    assert all(blocked(address, rules) for address in LOOPBACK)


@pytest.mark.parametrize("address", ["", "localhost", "1.2.3", "0x7f000001", "999.1.1.1"])
def test_what_is_no_address_is_blocked(address):
    assert blocked(address, REHEARSAL)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://portal.example/", "gopher://portal.example/", "javascript:alert(1)", "//portal.example/",
        "http:///x", "", "http://user:secret@portal.example/", "http://portal.example:99999/", "http://[::1/",
    ],
)  # fmt: skip
def test_only_plain_http_addresses_are_read(url):
    with pytest.raises(Blocked):
        LIVE_HOME.target(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "169.254.169.254", "10.0.0.1",
        "evil.example", "portal.example.evil.example", "xportal.example", "[::ffff:127.0.0.1]",
    ],
)  # fmt: skip
def test_a_host_that_is_not_listed_is_not_read(host):
    with pytest.raises(Blocked, match="名单"):
        LIVE_HOME.target(f"http://{host}/")


@pytest.mark.parametrize("spelling", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1"])
def test_a_listed_spelling_of_an_inner_address_is_judged_by_the_address(spelling):
    """The resolver understands numbers in many forms; what counts is what it makes of them."""
    rules = Rules(frozenset({spelling}))
    with portal(response(page())) as server:
        seen = see(server.url(host=spelling), rules=rules)
        assert server.accepted == 0
    assert seen.seen is Seen.UNCLEAR
    assert "没有访问" in seen.words or "解析" in seen.words


def test_a_host_is_compared_without_case_and_closing_dot_and_in_ascii():
    rules = Rules(frozenset({"portal.example", "xn--fiq228c.example"}))
    assert rules.target("http://PORTAL.example./a").host == "portal.example"
    assert rules.target("http://中文.example/").host == "xn--fiq228c.example"
    assert rules.target("https://portal.example/a?b=1#c").url == "https://portal.example/a?b=1"
    assert rules.target("http://portal.example:8080").authority == "portal.example:8080"


# --- the same, with real connections -----------------------------------------------------------------------


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.8"])
def test_a_listed_name_that_points_inside_is_not_connected_to(address, monkeypatch):
    dialled = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, place: dialled.append(place))
    seen = see("http://portal.example/", rules=LIVE_HOME, lookup=Names([address]))
    assert (seen.seen, dialled) == (Seen.UNCLEAR, [])
    assert "内部地址" in seen.words


def test_one_inner_address_among_public_ones_is_one_too_many(monkeypatch):
    dialled = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, place: dialled.append(place))
    assert see("http://portal.example/", rules=LIVE_HOME, lookup=Names([PUBLIC[0], "127.0.0.1"])).seen is Seen.UNCLEAR
    assert dialled == []


def test_a_name_that_changes_between_check_and_connection_gains_nothing(monkeypatch):
    """DNS rebinding: the name is asked for once, and the connection goes to the address that was checked."""
    dialled = []

    def connect(self: socket.socket, place: object) -> None:
        dialled.append(place)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    names = Names([PUBLIC[0]], ["127.0.0.1"])
    see("http://portal.example/", rules=LIVE_HOME, lookup=names)
    assert (names.asked, dialled) == (1, [(PUBLIC[0], 80)])


def test_a_redirect_to_a_host_that_is_not_listed_is_not_followed():
    with portal(response(page())) as elsewhere, portal(
        response(b"", 302, location=elsewhere.url(host="127.0.0.2"))
    ) as server:  # fmt: skip
        seen = see(server.url())
    assert (seen.seen, elsewhere.accepted) == (Seen.UNCLEAR, 0)
    assert "名单" in seen.words


def test_a_redirect_to_another_port_is_not_followed():
    """Not even on the same host: of one that was listed as inside it would try the ports."""
    with portal(response(page())) as elsewhere, portal(response(b"", 302, location=elsewhere.url())) as server:
        seen = see(server.url())
    assert (seen.seen, elsewhere.accepted) == (Seen.UNCLEAR, 0)
    assert "端口" in seen.words


def test_a_redirect_goes_to_the_usual_ports_and_back_to_that_of_the_first_address():
    first = LIVE_HOME.target("http://portal.example:8080/a")
    for place, port in (("http", 80), ("https", 443), ("http", 8080), ("https", 8080)):
        assert LIVE_HOME.onward(f"{place}://portal.example:{port}/b", first).port == port
    for port in (22, 6379, 8081):
        with pytest.raises(Blocked, match="端口"):
            LIVE_HOME.onward(f"http://portal.example:{port}/b", first)


@pytest.mark.parametrize("place", ["file:///etc/passwd", "http://169.254.169.254/latest/meta-data/", "http://2130706433/", "ftp://localhost/"])  # fmt: skip
def test_a_redirect_to_something_else_than_a_page_is_not_followed(place):
    with portal(response(b"", 302, location=place)) as server:
        seen = see(server.url())
    assert (seen.seen, server.accepted) == (Seen.UNCLEAR, 1)


def test_a_redirect_to_a_listed_name_that_points_inside_is_not_followed():
    """The address is checked anew at every step."""
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    with portal(response(b"", 302, location="http://portal.example/")) as server:
        seen = see(server.url(host="www.hedong.gov.cn"), lookup=names)
    assert (seen.seen, names.asked) == (Seen.UNCLEAR, 2)
    assert "内部地址" in seen.words


def test_a_second_address_is_tried_when_the_first_does_not_answer():
    with portal(response(page())) as server:
        seen = see(server.url(host="www.hedong.gov.cn"), lookup=Names(["127.0.0.3", "127.0.0.1"]))
    assert seen.seen is Seen.LIVE


def test_this_very_machine_is_read_where_an_administrator_lists_it_and_never_by_another_name() -> None:
    rules = Rules(frozenset({"127.0.0.1", "portal.example"}), inside=frozenset({"127.0.0.1", "portal.example"}))
    rules.check("127.0.0.1", "127.0.0.1")
    with pytest.raises(Blocked, match="内部地址"):
        rules.check("127.0.0.1", "portal.example")
