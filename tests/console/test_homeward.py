"""What is pressed without a login is not done: it is said, and the way leads back to a page, never to a blank answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
import time_machine
from django.http import QueryDict
from django.test import Client
from django.urls import resolve

from bot.console import homeward
from bot.models import Freeze
from bot.services import secondfactor

from .test_walls import OPEN, _some, names
from .world import PASSWORD, District, now

Login = Callable[[str], Client]
HERE = "http://testserver"


def log_in_again(client: Client, address: str, who: str = "duty") -> str:
    """The login page as it stands there, filled in; what the person sees in the end."""
    shown = client.get(address).content.decode()
    fields = {
        name: shown.split(f'name="{name}" value="')[1].split('"')[0]
        for name in ("next", "undone")
        if f'name="{name}"' in shown
    }
    given = {name: value.replace("&amp;", "&") for name, value in fields.items()}
    answer = client.post("/login", {"username": who, "password": PASSWORD, **given}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


# --- a form sent after the session ended ------------------------------------------------------------------------


def test_a_freeze_after_an_hour_of_watching_says_that_nothing_was_stopped(district: District, as_: Login) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        client = as_("duty")
        client.get("/")
        clock.shift(timedelta(minutes=61))
        answer = client.post("/freeze", {"reason": "发错了"}, headers={"Referer": f"{HERE}/"})
        assert answer.headers["Location"] == "/login?next=/&undone=/freeze"
        door = client.get(answer.headers["Location"]).content.decode()
        assert "没有停发" in door
        assert "登录后请重新办理" in door
        desk = log_in_again(client, answer.headers["Location"])
    assert "没有停发：按下“立即停发”时登录已失效，签发了的发布照常进行。请重新办理。" in desk
    assert "立即停发</button>" in desk
    assert not Freeze.objects.exists()


def test_an_act_that_was_pressed_is_named_and_the_way_leads_back_to_its_page(
    district: District, client: Client
) -> None:
    release = district.signed()
    page = f"/releases/{release.pk}"
    answer = client.post(f"{page}/cancel", {"reason": "不发"}, headers={"Referer": f"{HERE}{page}"})
    shown = log_in_again(client, answer.headers["Location"])
    assert release.title in shown
    assert "没有办理“作废发布单”：提交时登录已失效，未做任何改动。请重新办理。" in shown
    release.refresh_from_db()
    assert release.cancelled_at is None


@pytest.mark.parametrize(
    ("referer", "target"),
    [
        (f"{HERE}/calendar?view=week&day=2026-12-01", "/calendar?view=week&day=2026-12-01"),
        (f"{HERE}/exceptions/7/live", "/exceptions/7"),  # a refused form: the page stands where only forms are sent
        (f"{HERE}/releases/5/withdraw/ask?x=1", "/releases/5/withdraw"),
        (f"{HERE}/reviews/5/links/7/revoke", "/reviews/5"),
        (f"{HERE}/withdrawals/7/confirm", "/"),
        (f"{HERE}/documents/%E6%B2%B3%E4%B8%9C-1", "/documents/%E6%B2%B3%E4%B8%9C-1"),
        (f"{HERE}/healthz", "/"),
        (f"{HERE}/nowhere/at/all", "/"),
        ("https://evil.example/calendar", "/"),
        ("//evil.example/", "/"),
        ("", "/"),
    ],
)
def test_the_way_back_is_a_page_of_ours(client: Client, district: District, referer: str, target: str) -> None:
    answer = client.post("/alarms/1/read", headers={"Referer": referer} if referer else {})
    path, _, query = answer.headers["Location"].partition("?")
    assert path == "/login"
    assert QueryDict(query)["next"] == target


def test_with_a_second_factor_it_is_said_after_the_code(district: District, client: Client) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        enrolment = secondfactor.begin(district.people["duty"], now=now())
        code = pyotp.TOTP(enrolment.secret)
        secondfactor.confirm(district.people["duty"], code.at(now()), now=now())
        clock.shift(timedelta(minutes=1))
        given = {"username": "duty", "password": PASSWORD, "next": "/", "undone": "/unfreeze"}
        assert client.post("/login", given).headers["Location"] == "/login/code"
        shown = client.post("/login/code", {"code": code.at(now())}, follow=True).content.decode()
    assert "没有办理“解除停发”" in shown


def test_a_wrong_password_between_does_not_lose_it(district: District, client: Client) -> None:
    given = {"username": "duty", "password": "wrong", "next": "/", "undone": "/freeze"}
    answer = client.post("/login", given)
    assert answer.status_code == 401
    assert 'name="undone" value="/freeze"' in answer.content.decode()


def test_what_was_already_mended_in_another_window_is_told_too(district: District, as_: Login) -> None:
    shown = as_("duty").get("/login?next=/&undone=/freeze", follow=True).content.decode()
    assert "没有停发" in shown


def test_an_address_that_is_none_is_no_act(district: District, client: Client) -> None:
    shown = client.get("/login?undone=/no/such/<b>act").content.decode()
    assert "没有办理：提交时登录已失效" in shown
    assert "<b>act" not in shown


def test_an_ordinary_login_says_nothing_of_the_kind(district: District, client: Client) -> None:
    shown = log_in_again(client, "/login?next=/")
    assert "没有办理" not in shown


def test_logging_out_twice_is_no_act_that_was_lost(district: District, client: Client) -> None:
    assert client.post("/logout").headers["Location"] == "/login"


@pytest.mark.parametrize("header", [{"HX-Request": "true"}, {"X-CSRFToken": "x"}, {"Sec-Fetch-Mode": "cors"}])
def test_what_a_script_posts_is_answered_as_ever(client: Client, district: District, header: dict[str, str]) -> None:
    answer = client.post("/trail/verify", headers=header | {"Referer": f"{HERE}/trail"})
    assert answer.headers["Location"] == "/login?next=/trail/verify"


# --- an address that is no page ---------------------------------------------------------------------------------


def test_an_address_that_only_takes_forms_is_a_page_that_says_so(district: District, as_: Login) -> None:
    release = district.signed()
    answer = as_("duty").get(f"/releases/{release.pk}/hold")
    shown = answer.content.decode()
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "什么也没有办理" in shown
    assert f'href="/releases/{release.pk}"' in shown.split('id="main"')[1]


def test_a_page_that_takes_no_forms_says_that_nothing_was_done(district: District, as_: Login) -> None:
    answer = as_("duty").post("/exceptions")
    assert answer.status_code == 405
    assert "刚才提交的没有办理" in answer.content.decode()


def test_machines_get_no_page(district: District, client: Client) -> None:
    assert client.post("/healthz").content == b""
    assert client.put("/callback/wx").content == b""
    answer = client.get("/api/v1/documents/HD-1/submit")
    assert "<html" not in answer.content.decode()


def test_which_addresses_are_pages_is_known_as_django_answers(district: District, as_: Login) -> None:
    client = as_("duty")
    for name in set(names()) - OPEN - {"desk-events", "release-events"}:
        path = _some(name)
        assert homeward.takes_get(resolve(path).func) == (client.get(path).status_code != 405), name
