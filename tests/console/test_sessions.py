"""How long a login holds; what must be settled first; what is asked again before acts that cannot be taken back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyotp
import pytest
import time_machine
from django.conf import settings
from django.test import Client, override_settings

from bot.models import AuditEvent, Freeze, Person
from bot.services import deputies, people, rights, secondfactor

from .world import PASSWORD, District, now

Login = Callable[[str], Client]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def demanding(who: str) -> Any:
    return override_settings(TONGFA=dataclasses.replace(settings.TONGFA, second_factor=who))


# --- idle and absolute limits -------------------------------------------------------------------------------


def test_an_idle_session_ends_and_the_login_page_says_why(district: District, as_: Login) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        client = as_("duty")
        assert client.get("/").status_code == 200
        clock.shift(59 * MINUTE)
        assert client.get("/").status_code == 200
        clock.shift(61 * MINUTE)
        answer = client.get("/", follow=True)
        assert answer.redirect_chain == [("/login?next=/", 302)]
        assert "超过 60 分钟没有操作" in answer.content.decode()


def test_what_a_page_fetches_by_itself_does_not_keep_the_session_alive(district: District, as_: Login) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        client = as_("duty")
        client.get("/")
        for _ in range(4):
            clock.shift(20 * MINUTE)
            answer = client.get("/", headers={"X-Live": "1"})
        assert answer.status_code == 302


def test_no_login_outlives_twelve_hours_however_busy(district: District, as_: Login) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        client = as_("duty")
        statuses = []
        for _ in range(14 * 2):
            statuses.append(client.get("/").status_code)
            clock.shift(HOUR / 2)
        assert statuses[:25] == [200] * 25
        assert statuses[25] == 302


def test_a_click_is_not_a_write_each_time(district: District, as_: Login, django_assert_num_queries: Any) -> None:
    client = as_("duty")
    client.get("/me")
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        client.get("/me")
    assert not [query for query in captured if query["sql"].startswith(("UPDATE", "INSERT"))]


def test_a_disabled_persons_open_page_stops_answering(district: District, as_: Login) -> None:
    client = as_("duty")
    assert client.get("/").status_code == 200
    people.disable_person("duty", actor="test", now=now())
    assert client.get("/").status_code == 302


# --- the second factor --------------------------------------------------------------------------------------


def enrol(person: Person) -> tuple[str, list[str]]:
    enrolment = secondfactor.begin(person, now=now())
    return enrolment.secret, secondfactor.confirm(person, pyotp.TOTP(enrolment.secret).at(now()), now=now())


def test_with_an_authenticator_the_password_alone_opens_nothing(client: Client, district: District) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        secret, _ = enrol(district.people["duty"])
        clock.shift(MINUTE)
        answer = client.post("/login", {"username": "duty", "password": PASSWORD, "next": "/me"})
        assert answer.headers["Location"] == "/login/code"
        assert client.get("/").status_code == 302
        assert client.post("/login/code", {"code": "000000"}).status_code == 401
        answer = client.post("/login/code", {"code": pyotp.TOTP(secret).at(now())})
        assert answer.headers["Location"] == "/me"
        assert client.get("/").status_code == 200


def test_a_recovery_code_opens_once(client: Client, district: District) -> None:
    _, codes = enrol(district.people["duty"])
    client.post("/login", {"username": "duty", "password": PASSWORD})
    assert client.post("/login/code", {"code": codes[0]}).status_code == 302
    other = Client()
    other.post("/login", {"username": "duty", "password": PASSWORD})
    assert other.post("/login/code", {"code": codes[0]}).status_code == 401


def test_half_a_login_is_forgotten_after_five_minutes_and_wrong_codes_lock(client: Client, district: District) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        secret, _ = enrol(district.people["duty"])
        client.post("/login", {"username": "duty", "password": PASSWORD})
        clock.shift(6 * MINUTE)
        answer = client.post("/login/code", {"code": pyotp.TOTP(secret).at(now())})
        assert answer.headers["Location"] == "/login"
        clock.shift(20 * MINUTE)
        client.post("/login", {"username": "duty", "password": PASSWORD})
        statuses = [client.post("/login/code", {"code": "000000"}).status_code for _ in range(5)]
        assert statuses == [401, 401, 401, 401, 429]


def test_where_it_is_demanded_nothing_opens_before_it_is_set_up(district: District, as_: Login) -> None:
    with demanding("privileged"):
        client = as_("releaser")
        assert client.get("/").headers["Location"] == "/me/second-factor"
        page = client.get("/me/second-factor").content.decode()
        assert "<svg" in page
        assert "请先启用" in page
        secret = secondfactor.pending(district.people["releaser"])
        assert secret is not None
        answer = client.post("/me/second-factor/confirm", {"code": pyotp.TOTP(secret.secret).at(now())})
        assert answer.content.decode().count("<li><code>") == secondfactor.RECOVERY_CODES
        assert client.get("/").status_code == 200
        assert as_("editor").get("/").status_code == 200, "an editor may do without"


def set_up(client: Client, person: Person) -> str:
    """An authenticator for this person, on the page. Returns its secret."""
    client.get("/me/second-factor")
    waiting = secondfactor.pending(person)
    assert waiting is not None
    answer = client.post("/me/second-factor/confirm", {"code": pyotp.TOTP(waiting.secret).at(now())})
    assert answer.content.decode().count("<li><code>") == secondfactor.RECOVERY_CODES
    assert "其他设备上的登录已退出" in answer.content.decode()
    return waiting.secret


def test_when_an_authenticator_is_set_up_what_was_opened_by_the_password_alone_ends(
    district: District, as_: Login
) -> None:
    mine, elsewhere, somebody = as_("editor"), as_("editor"), as_("duty")
    copied = Client()
    copied.cookies["tongfa"] = mine.cookies["tongfa"].value
    set_up(mine, district.people["editor"])
    assert mine.get("/").status_code == 200, "here the code was given"
    assert elsewhere.get("/").status_code == 302
    assert copied.get("/").status_code == 302
    assert somebody.get("/").status_code == 200


def test_and_what_the_password_alone_confirmed_a_moment_ago_is_asked_anew_with_the_code(
    district: District, as_: Login
) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        client = as_("duty")
        secret = set_up(client, district.people["duty"])
        clock.shift(MINUTE)
        asked = client.post("/freeze", {"reason": "发错了"}).content.decode()
        assert 'name="stepup-code"' in asked
        given = {"reason": "发错了", "stepup-password": PASSWORD, "stepup-code": pyotp.TOTP(secret).at(now())}
        assert client.post("/freeze", given).status_code == 302


def test_where_it_is_demanded_a_session_without_a_code_does_not_count_as_one_with_a_code(
    district: District, as_: Login
) -> None:
    with demanding("privileged"):
        client = as_("releaser")
        enrol(district.people["releaser"])  # elsewhere, a moment ago
        answer = client.get("/", follow=True)
        assert answer.redirect_chain == [("/login", 302)]
        assert "这次登录没有输入过验证码，已退出" in answer.content.decode()


def test_where_it_is_demanded_a_login_with_a_code_goes_on(client: Client, district: District) -> None:
    with demanding("all"), time_machine.travel(now(), tick=False) as clock:
        secret, _ = enrol(district.people["duty"])
        clock.shift(MINUTE)
        client.post("/login", {"username": "duty", "password": PASSWORD})
        client.post("/login/code", {"code": pyotp.TOTP(secret).at(now())})
        assert client.get("/").status_code == 200


def test_a_made_up_password_is_changed_before_anything_else(district: District) -> None:
    manager = people.add_person(
        "m", name="冯", unit=district.unit, roles=["secadmin"], password=None, actor="test", now=now()
    )
    told = rights.reset_password(district.people["duty"], person=manager, now=now())
    client = Client()
    client.post("/login", {"username": "duty", "password": told})
    assert client.get("/").headers["Location"] == "/me/password"
    given = {"old": told, "new": "a longer pass phrase", "again": "a longer pass phrase"}
    assert client.post("/me/password", given | {"again": "other"}).status_code == 400
    assert client.post("/me/password", given).headers["Location"] == "/me"
    assert client.get("/").status_code == 200, "this session goes on"


def test_the_old_password_is_not_guessed_on_the_page_that_changes_it_either(district: District, as_: Login) -> None:
    client, new = as_("duty"), "a longer pass phrase"
    given = {"old": "guess", "new": new, "again": new}
    assert [client.post("/me/password", given).status_code for _ in range(6)] == [400] * 5 + [429]
    right = client.post("/me/password", given | {"old": PASSWORD})
    assert right.status_code == 429
    assert "已暂时锁定，密码没有改" in right.content.decode()
    assert client.post("/freeze", {"reason": "一"}).status_code == 302, "who has just said who they are goes on working"
    assert Client().post("/login", {"username": "duty", "password": PASSWORD}).status_code == 429, "one count for all"
    assert Person.objects.get(username="duty").check_password(PASSWORD)


def test_a_new_password_that_will_not_do_is_no_guess(district: District, as_: Login) -> None:
    client = as_("duty")
    for new in ("short", "123456789012", PASSWORD, "duty", "other", "weak"):
        assert client.post("/me/password", {"old": PASSWORD, "new": new, "again": new}).status_code == 400
    new = "a longer pass phrase"
    assert client.post("/me/password", {"old": PASSWORD, "new": new, "again": new}).headers["Location"] == "/me"


# --- step-up ------------------------------------------------------------------------------------------------


def not_confirmed(district: District, who: str) -> Client:
    client = Client()
    client.force_login(district.people[who])
    return client


def test_freezing_asks_for_the_password_first_and_then_does_what_was_asked(district: District) -> None:
    client = not_confirmed(district, "duty")
    answer = client.post("/freeze", {"reason": "发错了"})
    page = answer.content.decode()
    assert "一键停发" in page
    assert "还没有办理" in page
    assert 'name="reason" value="发错了"' in page
    assert not Freeze.objects.exists()
    assert client.post("/freeze", {"reason": "发错了", "stepup-password": "wrong"}).status_code == 401
    assert not Freeze.objects.exists()
    client.post("/freeze", {"reason": "发错了", "stepup-password": PASSWORD})
    assert Freeze.objects.get().reason == "发错了"


def test_with_an_authenticator_its_code_is_asked_too(district: District) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        secret, _ = enrol(district.people["duty"])
        clock.shift(MINUTE)
        client = not_confirmed(district, "duty")
        given = {"reason": "发错了", "stepup-password": PASSWORD}
        assert 'name="stepup-code"' in client.post("/freeze", {"reason": "发错了"}).content.decode()
        assert client.post("/freeze", given).status_code == 401
        assert client.post("/freeze", given | {"stepup-code": pyotp.TOTP(secret).at(now())}).status_code == 302
        assert Freeze.objects.exists()


def test_an_answer_holds_for_ten_minutes_and_guesses_lock(district: District) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        client = not_confirmed(district, "duty")
        client.post("/freeze", {"reason": "一", "stepup-password": PASSWORD})
        clock.shift(9 * MINUTE)
        assert client.post("/freeze", {"reason": "二"}).status_code == 302
        clock.shift(2 * MINUTE)
        assert client.post("/freeze", {"reason": "三"}).status_code == 200
        tries = [client.post("/freeze", {"reason": "三", "stepup-password": "x"}) for _ in range(6)]
        assert "连续输错的次数过多，没有办理" in tries[-1].content.decode()


def test_what_strangers_guess_at_keeps_nobody_from_stopping_what_is_under_way(district: District) -> None:
    """From the same address, which behind a proxy or one way out of the office is everybody's."""
    client = not_confirmed(district, "duty")
    for number in range(70):
        Client().post("/login", {"username": "duty" if number < 10 else f"nobody-{number}", "password": "wrong"})
    assert Client().post("/login", {"username": "duty", "password": PASSWORD}).status_code == 429
    assert client.post("/freeze", {"reason": "发错了", "stepup-password": PASSWORD}).status_code == 302
    assert Freeze.objects.exists()


def test_the_password_given_again_is_nowhere_in_the_trail(district: District) -> None:
    not_confirmed(district, "duty").post("/freeze", {"reason": "一", "stepup-password": PASSWORD})
    assert PASSWORD not in str(list(AuditEvent.objects.values()))


# --- deputies -----------------------------------------------------------------------------------------------


def test_a_deputy_finds_the_others_buttons_on_the_page(district: District, as_: Login) -> None:
    client = as_("editor")
    assert "立即停发" not in client.get("/").content.decode()
    chief = district.people["releaser"]
    today = now().date()
    deputies.appoint(
        principal=chief, deputy=district.people["editor"], first_day=today, last_day=today + timedelta(days=1),
        reason="出差", person=chief, now=now(),
    )  # fmt: skip
    page = client.get("/").content.decode()
    assert "立即停发" in page
    assert f"签发（代{chief.name}）" in page


@pytest.mark.parametrize("path", ["/me", "/me/password"])
def test_everybody_has_a_page_of_their_own(as_: Login, path: str) -> None:
    assert as_("editor").get(path).status_code == 200
