"""Addresses for platforms and machines; headers, errors and the wall between live and rehearsal."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from bot.domain.channel import CallbackReply
from bot.models import AuthorizationRequest
from bot.services import callbacks

from .world import District, fresh_home

Login = Callable[[str], Client]


def test_health_needs_no_login_no_home_and_no_database(client: Client, tmp_path: Path) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok")


# --- callbacks ---------------------------------------------------------------------------------------------


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    calls: list[tuple[Any, ...]] = []

    def receive(slug: str, method: str, query: dict[str, str], body: bytes, *, now: datetime) -> CallbackReply | None:
        calls.append((slug, method, query, body))
        return CallbackReply(200, b"success") if slug == "wx" else None

    monkeypatch.setattr(callbacks, "receive", receive)
    return calls


def test_a_callback_is_handed_over_as_it_came(client: Client, received: list[tuple[Any, ...]]) -> None:
    body = "<xml><Event>PUBLISHJOBFINISH</Event>发布</xml>".encode()
    answer = client.post("/callback/wx?signature=a%20b&nonce=1", body, content_type="text/xml")
    assert (answer.status_code, answer.content) == (200, b"success")
    assert received == [("wx", "POST", {"signature": "a b", "nonce": "1"}, body)]


def test_a_callback_needs_neither_login_nor_form_token(received: list[tuple[Any, ...]]) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.get("/callback/wx?echostr=1").status_code == 200
    assert strict.post("/callback/wx", b"x", content_type="text/xml").status_code == 200


def test_a_callback_body_is_read_to_64_kib_and_no_further(client: Client, received: list[tuple[Any, ...]]) -> None:
    assert client.post("/callback/wx", b"x" * 65536, content_type="text/xml").status_code == 200
    assert client.post("/callback/wx", b"x" * 65537, content_type="text/xml").status_code == 413
    assert len(received) == 1


def test_an_unknown_account_is_a_plain_404(client: Client, received: list[tuple[Any, ...]]) -> None:
    answer = client.post("/callback/nobody", b"", content_type="text/xml")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/plain; charset=utf-8")


def test_a_forged_callback_is_refused_by_the_real_adapter(client: Client, district: District) -> None:
    assert client.get("/callback/wx?signature=0&timestamp=0&nonce=0&echostr=1").status_code >= 400
    assert client.post("/callback/wb", b"", content_type="text/xml").status_code == 404


# --- authorisation -----------------------------------------------------------------------------------------


def test_the_administrator_is_led_to_the_platform_with_a_state_of_their_own(district: District, as_: Login) -> None:
    answer = as_("admin").post("/accounts/wb/authorize")
    assert answer.status_code == 200, "a page with a link: a form that ends at another site is stopped by the policy"
    [address] = re.findall(r'href="(http[^"]+)"', answer.content.decode().split('id="main"')[1])
    there = urlsplit(unescape(address))
    query = parse_qs(there.query)
    request = AuthorizationRequest.objects.get()
    assert there.path == "/weibo/oauth2/authorize"
    assert query["state"] == [request.state]
    assert query["redirect_uri"][0].endswith("/oauth/callback")
    assert request.person == district.people["admin"]


def test_before_that_it_is_asked_once_more_who_is_there(district: District, unasked: Login) -> None:
    answer = unasked("admin").post("/accounts/wb/authorize")
    assert "请再确认一次身份" in answer.content.decode()
    assert unasked("admin").get("/accounts/wb/authorize").status_code == 405, "no link from elsewhere begins it"
    assert not AuthorizationRequest.objects.exists()


def test_nobody_else_may_authorise(district: District, as_: Login) -> None:
    answer = as_("releaser").post("/accounts/wb/authorize")
    assert answer.status_code == 403
    assert "系统管理员" in answer.content.decode()
    assert not AuthorizationRequest.objects.exists()


def test_an_account_that_needs_no_authorisation_says_so(district: District, as_: Login) -> None:
    answer = as_("admin").post("/accounts/wx/authorize")
    assert answer.status_code == 409
    assert "不需要网页授权" in answer.content.decode()


@pytest.mark.parametrize("query", ["", "error=access_denied&state=x", "state=made-up&code=1"])
def test_a_way_back_that_proves_nothing_stores_nothing(query: str, district: District, as_: Login) -> None:
    answer = as_("admin").get(f"/oauth/callback?{query}")
    assert answer.status_code == 400
    assert "账号授权没有完成" in answer.content.decode()


def test_somebody_elses_state_is_worth_nothing(district: District, as_: Login) -> None:
    as_("admin").post("/accounts/wb/authorize")
    state = AuthorizationRequest.objects.get().state
    assert as_("releaser").get(f"/oauth/callback?state={state}&code=1").status_code == 400
    assert AuthorizationRequest.objects.get().used_at is None


# --- headers, errors, walls --------------------------------------------------------------------------------


def test_no_page_allows_inline_script_or_anything_from_elsewhere(district: District, as_: Login) -> None:
    answer = as_("duty").get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    page = answer.content.decode()
    assert "<style" not in page
    assert " style=" not in page
    assert "<script>" not in page


@pytest.mark.parametrize("address", ["/", "/login", "/nothing-here", "/releases/999"])
def test_every_page_of_a_rehearsal_says_that_it_is_one(address: str, district: District, as_: Login) -> None:
    assert "只发到本机演练平台" in as_("duty").get(address, follow=True).content.decode()


def test_a_live_home_says_so_and_has_no_phones(district: District, as_: Login, tmp_path: Path) -> None:
    with fresh_home(tmp_path / "live", live=True):
        shown = as_("editor").get("/").content.decode()
        assert "正式环境" in shown
        assert "演练" not in shown
        assert "/rehearsal/" not in shown
        for address in ("/rehearsal/", "/rehearsal/phone/wx", "/rehearsal/article/wx/1_1", "/rehearsal/media/00000000"):
            assert as_("editor").get(address).status_code == 404


def test_before_init_the_page_says_what_to_do(client: Client, tongfa_home: Path) -> None:
    (tongfa_home / "home.json").unlink()
    answer = client.get("/")
    assert answer.status_code == 503
    assert "tongfa init" in answer.content.decode()


def test_a_fault_of_ours_is_told_without_its_inside(
    district: District, as_: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.console import board

    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret inside")

    monkeypatch.setattr(board, "on_the_desk", fail)
    client = as_("duty")
    client.raise_request_exception = False
    answer = client.get("/")
    assert answer.status_code == 500
    assert "不受影响" in answer.content.decode()
    assert "secret inside" not in answer.content.decode()


def test_a_wrong_address_says_so_in_chinese(district: District, as_: Login) -> None:
    answer = as_("duty").get("/no/such/page")
    assert answer.status_code == 404
    assert "这个网址上没有内容" in answer.content.decode()


def test_pages_travel_compressed_and_streams_do_not(district: District, as_: Login) -> None:
    """What is compressed waits for more, and an event may not wait."""
    browser = as_("duty")
    whole = browser.get("/calendar")
    packed = browser.get("/calendar", headers={"accept-encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.content) * 3 < len(whole.content)
    assert "发布日历" in gzip.decompress(packed.content).decode()
    stream = browser.get("/events/desk", headers={"accept-encoding": "gzip"})
    assert stream.streaming
    assert not stream.has_header("Content-Encoding")
    stream.close()
