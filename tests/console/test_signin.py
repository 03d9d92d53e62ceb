"""Logging in: a new session, one answer for every wrong guess, and not many guesses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from bot.console import throttle
from bot.models import AuditEvent
from bot.services import audit, people, rights

from .world import PASSWORD, District, now


def enter(client: Client, username: str, password: str = PASSWORD, **extra: str) -> Any:
    return client.post("/login", {"username": username, "password": password, **extra})


def test_every_page_asks_for_a_login_and_leads_back(client: Client, district: District) -> None:
    assert client.get("/releases/1").headers["Location"] == "/login?next=/releases/1"
    answer = client.post("/login", {"username": "duty", "password": PASSWORD, "next": "/releases/1"})
    assert answer.headers["Location"] == "/releases/1"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil"])
def test_after_the_login_nobody_is_sent_elsewhere(client: Client, district: District, elsewhere: str) -> None:
    answer = client.post("/login", {"username": "duty", "password": PASSWORD, "next": elsewhere})
    assert answer.headers["Location"] == "/"


def test_a_login_gets_a_session_with_a_new_id(client: Client, district: District) -> None:
    client.get("/login")
    client.cookies["tongfa"] = "planted-by-somebody"
    enter(client, "duty")
    assert client.cookies["tongfa"].value != "planted-by-somebody"
    assert client.get("/").status_code == 200


def test_a_wrong_password_an_unknown_name_and_a_disabled_person_look_the_same(
    client: Client, district: District
) -> None:
    people.disable_person("editor", actor="test", now=now())
    answers = [enter(client, "duty", "wrong"), enter(client, "nobody"), enter(client, "editor")]
    pages = {
        answer.content.decode().replace(f'value="{name}"', "").split("<form", 1)[0]
        for answer, name in zip(answers, ("duty", "nobody", "editor"), strict=True)
    }
    assert len(pages) == 1
    assert {answer.status_code for answer in answers} == {401}
    assert "登录名或密码不对" in pages.pop()


def test_five_wrong_guesses_lock_for_a_quarter_of_an_hour(client: Client, district: District) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        assert [enter(client, "duty", f"guess {n}").status_code for n in range(5)] == [401] * 5
        locked = enter(client, "duty")
        assert locked.status_code == 429
        assert "已暂时锁定" in locked.content.decode()
        clock.shift(timedelta(minutes=15, seconds=1))
        assert enter(client, "duty").status_code == 302


def test_a_password_set_anew_by_who_manages_people_ends_the_lock_and_the_page_says_whom_to_ask(
    client: Client, district: District
) -> None:
    manager = people.add_person(
        "m", name="冯安", unit=district.unit, roles=["secadmin"], password=None, actor="test", now=now()
    )
    for _ in range(6):
        locked = enter(client, "duty", "guess")
    assert locked.status_code == 429
    shown = locked.content.decode()
    assert "请本单位安全管理员重设密码（没有设安全管理员的，请系统管理员），重设后马上可以登录" in shown
    told = rights.reset_password(district.people["duty"], person=manager, now=now())
    assert enter(client, "duty", "guess").status_code == 401, "it is not the tries of before that count"
    assert enter(client, "duty", told).status_code == 302


def test_it_ends_nobody_elses_and_five_more_guesses_lock_again(client: Client, district: District) -> None:
    manager = people.add_person(
        "m", name="冯安", unit=district.unit, roles=["secadmin"], password=None, actor="test", now=now()
    )
    for _ in range(5):
        enter(client, "duty", "guess")
        enter(client, "editor", "guess")
    rights.reset_password(district.people["duty"], person=manager, now=now())
    assert enter(client, "editor").status_code == 429
    assert [enter(client, "duty", "guess").status_code for _ in range(6)] == [401] * 5 + [429]


def test_an_address_that_is_locked_as_a_whole_promises_no_help_that_there_is_not(
    client: Client, district: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "PER_ADDRESS", 2)
    for number in range(3):
        locked = enter(client, f"name{number}", "guess")
    assert "这台电脑（或同一网络出口）" in locked.content.decode()
    assert "管理员重设密码" not in locked.content.decode()


def test_an_account_that_does_not_exist_is_locked_just_the_same(client: Client, district: District) -> None:
    codes = [enter(client, "nobody", "guess").status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]


def test_somebody_elses_guesses_lock_nobody_out_at_their_own_desk(district: District) -> None:
    attacker, desk = Client(REMOTE_ADDR="198.51.100.9"), Client(REMOTE_ADDR="192.0.2.1")
    for _ in range(6):
        enter(attacker, "duty", "guess")
    assert enter(desk, "duty").status_code == 302


def test_a_right_password_clears_the_count(client: Client, district: District) -> None:
    for _ in range(3):
        for _ in range(4):
            enter(client, "duty", "typo")
        assert enter(client, "duty").status_code == 302
        client.post("/logout")


def test_one_address_cannot_try_many_names(client: Client, district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "PER_ADDRESS", 8)
    codes = [enter(client, f"name{n}", "guess").status_code for n in range(9)]
    assert codes == [401] * 8 + [429]


def test_a_locked_guess_writes_nothing_and_no_typed_name_is_ever_stored(client: Client, district: District) -> None:
    for _ in range(5):
        enter(client, "my password by mistake", "x")
    lines = AuditEvent.objects.count()
    enter(client, "my password by mistake", "x")
    assert AuditEvent.objects.count() == lines
    assert not any("mistake" in str(event.data) + event.actor for event in AuditEvent.objects.all())
    assert audit.verify_chain()[2] is None


def test_logging_out_is_a_post_and_ends_the_session(client: Client, district: District) -> None:
    enter(client, "duty")
    assert client.get("/logout").status_code == 405
    client.post("/logout")
    assert client.get("/").status_code == 302


def test_a_form_without_its_token_is_refused_in_chinese(district: District) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/login", {"username": "duty", "password": PASSWORD})
    assert answer.status_code == 403
    assert "页面已过期" in answer.content.decode()
