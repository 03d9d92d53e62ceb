"""人员: who manages people sees and changes them; nobody else finds the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from bot.models import AuditEvent, Deputy, Person, Unit
from bot.services import people, rights

from .world import District, now

Login = Callable[[str], Client]


@pytest.fixture
def manager(district: District) -> Person:
    made = people.add_person(
        "m", name="冯安", unit=district.unit, roles=["secadmin"], password=None, actor="test", now=now()
    )
    district.people["manager"] = made
    return made


def test_the_security_administrator_sees_everybody_with_their_roles(manager: Person, as_: Login) -> None:
    page = as_("manager").get("/people").content.decode()
    assert all(name in page for name in ("李拟", "孙签", "周值", "冯安"))
    assert "安全管理员" in page


@pytest.mark.parametrize("who", ["editor", "first", "final", "releaser", "duty", "admin"])
def test_nobody_else_sees_the_page_or_changes_anything(manager: Person, as_: Login, who: str) -> None:
    client = as_(who)
    assert client.get("/people").status_code == 403
    assert "/people" not in client.get("/").content.decode()
    for path in ("roles", "active", "password", "second-factor", "deputies"):
        answer = client.post(f"/people/person/editor/{path}", {"role": "final", "reason": "x", "active": "0"})
        assert answer.status_code in {302, 403}, path
    editor = Person.objects.get(username="editor")
    assert (editor.roles, editor.is_active, editor.must_change_password) == (["editor"], True, False)


def test_the_system_administrator_manages_people_until_there_is_somebody_for_it(district: District, as_: Login) -> None:
    assert as_("admin").get("/people").status_code == 200


def test_a_new_person_gets_a_password_that_is_shown_once(manager: Person, as_: Login) -> None:
    client = as_("manager")
    page = client.post("/people/add", {"username": "new", "name": "陈新", "role": ["editor", "duty"]}).content.decode()
    told = re.search(r"<code>([a-z2-9-]{23})</code>", page)
    assert told is not None
    made = Person.objects.get(username="new")
    assert made.check_password(told[1])
    assert made.must_change_password
    assert made.roles == ["duty", "editor"]
    assert told[1] not in client.get("/people/person/new").content.decode()


def test_two_administrator_roles_at_once_are_refused_with_the_reason(manager: Person, as_: Login) -> None:
    client = as_("manager")
    answer = client.post("/people/person/editor/roles", {"role": ["sysadmin", "auditadmin"]}, follow=True)
    assert "三员分立" in answer.content.decode()
    assert Person.objects.get(username="editor").roles == ["editor"]


def test_roles_are_changed_and_the_page_tells_it(manager: Person, as_: Login) -> None:
    answer = as_("manager").post("/people/person/editor/roles", {"role": ["first"]}, follow=True)
    page = answer.content.decode()
    assert "李拟的角色现在是：初审" in page
    assert "角色由 拟稿 改为 初审" in page


def test_somebody_is_disabled_with_a_reason_and_a_deputy_named(manager: Person, as_: Login) -> None:
    client = as_("manager")
    client.post("/people/person/duty/active", {"active": "0", "reason": "调离"})
    assert not Person.objects.get(username="duty").is_active
    today = now().date()
    given = {"deputy": "final", "first_day": today, "last_day": today + timedelta(days=3), "reason": "休假"}
    client.post("/people/person/releaser/deputies", given)
    made = Deputy.objects.get()
    assert (made.principal.username, made.deputy.username) == ("releaser", "final")
    answer = client.post("/people/person/releaser/deputies", given | {"first_day": "明天"}, follow=True)
    assert "不是日期" in answer.content.decode()
    client.post(f"/people/deputies/{made.pk}/end")
    made.refresh_from_db()
    assert made.ended_at is not None


def test_who_is_let_in_again_logs_in_again(manager: Person, district: District, as_: Login) -> None:
    """Disabled because of a lost machine: the cookie on it is worth nothing for good."""
    theirs, other = as_("second"), as_("first")
    assert theirs.get("/reviews").status_code == 200
    who = people.find_person(district.people["second"].username)
    for active in (False, True):
        rights.set_active(who, active, reason="电脑丢了", person=manager, now=now())
    assert theirs.get("/reviews").status_code == 302
    assert other.get("/reviews").status_code == 200


@pytest.mark.parametrize(("who", "address"), [("manager", "/people/person/releaser"), ("releaser", "/me")])
def test_nobody_is_offered_as_a_deputy_who_would_be_refused(
    manager: Person, as_: Login, who: str, address: str
) -> None:
    people.disable_person("second", actor="test", now=now())
    form = as_(who).get(address).content.decode().split('name="deputy"')[1].split("</select>")[0]
    assert 'value="final"' in form
    for refused in ("admin", "second", "releaser"):
        assert f'value="{refused}"' not in form
    assert "现在没有可以登记的" in as_("admin").get("/me").content.decode(), "nobody holds an administrator's rights"


def test_the_form_asks_for_a_reason_that_fits_what_it_does(manager: Person, as_: Login) -> None:
    client = as_("manager")
    assert "如：调离岗位" in client.get("/people/person/duty").content.decode()
    people.disable_person("duty", actor="test", now=now())
    shown = client.get("/people/person/duty").content.decode()
    assert "如：调离岗位" not in shown
    assert "如：回到原岗位" in shown


@pytest.mark.parametrize(("who", "address"), [("manager", "/people/deputies"), ("releaser", "/me/deputies")])
def test_ending_a_deputyship_beside_which_another_stands_does_not_say_that_it_is_over(
    manager: Person, district: District, as_: Login, who: str, address: str
) -> None:
    principal, deputy, today = district.people["releaser"], district.people["final"], now().date()
    days = {"first_day": today - timedelta(days=1), "last_day": today + timedelta(days=9)}
    one, other = (
        Deputy.objects.create(
            principal=principal, deputy=deputy, reason="休假", created_by=principal, created_at=now(), **days
        )
        for _ in range(2)
    )
    told = as_(who).post(f"{address}/{one.pk}/end", follow=True).content.decode()
    assert "仍有另一项代理" in told
    assert "仍可代孙签办理" in told
    assert "代理已终止，即刻生效" not in told
    assert "代理已终止，即刻生效" in as_(who).post(f"{address}/{other.pk}/end", follow=True).content.decode()


def test_who_manages_people_is_offered_for_nobodys_deputy_and_refused_as_one(manager: Person, as_: Login) -> None:
    client, today = as_("manager"), now().date()
    form = client.get("/people/person/releaser").content.decode().split('name="deputy"')[1].split("</select>")[0]
    assert 'value="final"' in form
    assert 'value="m"' not in form
    given = {"deputy": "m", "first_day": today, "last_day": today, "reason": "休假"}
    answer = client.post("/people/person/releaser/deputies", given, follow=True)
    assert "不能把自己登记为孙签的代理人" in answer.content.decode()
    assert not Deputy.objects.exists()


@pytest.mark.parametrize(
    ("who", "address"), [("manager", "/people/person/releaser/deputies"), ("releaser", "/me/deputies")]
)
def test_handing_rights_on_asks_once_more_who_it_is(manager: Person, unasked: Login, who: str, address: str) -> None:
    today = now().date()
    given = {"deputy": "final", "first_day": today, "last_day": today, "reason": "休假"}
    shown = unasked(who).post(address, given).content.decode()
    assert "请再确认一次身份" in shown
    assert 'name="deputy" value="final"' in shown
    assert not Deputy.objects.exists()


def test_who_may_not_is_told_who_changes_roles(manager: Person, as_: Login) -> None:
    answer = as_("first").get("/import")
    assert answer.status_code == 403
    assert "角色由本单位安全管理员调整；没有设安全管理员的单位，由系统管理员调整" in answer.content.decode()


def test_another_units_people_do_not_exist_here(manager: Person, as_: Login) -> None:
    District.make("town", "九曲街道")
    client = as_("manager")
    assert "town-editor" not in client.get("/people").content.decode()
    assert client.get("/people/person/town-editor").status_code == 404
    for path in ("roles", "active", "password", "second-factor", "deputies"):
        assert client.post(f"/people/person/town-editor/{path}", {"role": "final"}).status_code == 404, path


# --- another unit ----------------------------------------------------------------------------------------------

TOWN = {
    "unit_name": "九曲街道办事处", "unit_code": "jiuqu", "reviews": "first final", "manager_name": "曲安", "manager": "qu",
}  # fmt: skip


def test_a_unit_is_made_with_somebody_who_manages_it_and_a_password_shown_once(manager: Person, as_: Login) -> None:
    client = as_("manager")
    assert "新建单位" in client.get("/people").content.decode()
    page = client.post("/people/units/add", TOWN).content.decode()
    told = re.search(r"<code>([a-z2-9-]{23})</code>", page)
    assert told is not None
    assert "单位“九曲街道办事处”（jiuqu）已建好" in page
    made = Person.objects.select_related("unit").get(username="qu")
    assert (made.unit.name, made.unit.steps, made.roles) == ("九曲街道办事处", ["first", "final"], ["secadmin"])
    assert made.check_password(told[1])
    assert made.must_change_password
    listed = client.get("/people").content.decode()
    assert "曲安" not in listed
    assert told[1] not in listed
    assert client.get("/people/person/qu").status_code == 404


def test_who_manages_the_new_unit_fills_it_and_sees_nobody_else(manager: Person, as_: Login) -> None:
    as_("manager").post("/people/units/add", TOWN)
    theirs = Client()
    theirs.force_login(Person.objects.get(username="qu"))
    Person.objects.filter(username="qu").update(must_change_password=False)
    page = theirs.get("/people").content.decode()
    assert "九曲街道办事处" in page
    assert "李拟" not in page


def test_making_a_unit_asks_once_more_who_it_is(manager: Person, unasked: Login) -> None:
    shown = unasked("manager").post("/people/units/add", TOWN).content.decode()
    assert "请再确认一次身份" in shown
    assert 'name="unit_code" value="jiuqu"' in shown
    assert not Unit.objects.filter(code="jiuqu").exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"unit_code": "hedong"}, "代号“hedong”已有单位在用，没有新建单位。请换一个代号"),
        ({"unit_code": "九曲"}, "代号“九曲”不合规则，没有新建单位"),
        ({"unit_code": "Jiuqu"}, "不合规则"),
        ({"unit_name": "区"}, "单位名称须为 2 至 100 个字，没有新建单位"),
        ({"manager": ""}, "没有填安全管理员的姓名和登录名"),
        ({"manager": "editor"}, "已有登录名“editor”。请换一个登录名"),
        ({"reviews": "final"}, "审核至少两级，从初审开始"),
    ],
)
def test_what_cannot_be_a_unit_is_refused_and_what_was_typed_stays(
    manager: Person, as_: Login, change: dict[str, str], told: str
) -> None:
    units, lines = Unit.objects.count(), AuditEvent.objects.filter(action__startswith="unit.").count()
    answer = as_("manager").post("/people/units/add", TOWN | change)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert told in page
    assert f'value="{(TOWN | change)["unit_name"]}"' in page
    assert Unit.objects.count() == units
    assert AuditEvent.objects.filter(action__startswith="unit.").count() == lines


@pytest.mark.parametrize("who", ["editor", "releaser", "duty", "admin"])
def test_nobody_else_is_offered_a_unit_or_makes_one(manager: Person, as_: Login, who: str) -> None:
    assert as_(who).post("/people/units/add", TOWN).status_code == 403
    assert not Unit.objects.filter(code="jiuqu").exists()


def test_the_trail_of_the_unit_tells_who_made_another(manager: Person, district: District, as_: Login) -> None:
    as_("manager").post("/people/units/add", TOWN)
    auditor = people.add_person(
        "a", name="郑审", unit=district.unit, roles=["auditor"], password=None, actor="test", now=now()
    )
    client = Client()
    client.force_login(auditor)
    page = client.get("/trail?sort=people").content.decode()
    assert "新建单位“九曲街道办事处”（jiuqu）" in page
    assert "安全管理员：曲安（qu）" in page


@pytest.mark.parametrize("username", ["", "   ", "a/b", "张 三", "🙂"])
def test_nobody_is_added_under_a_name_that_nobody_can_log_in_with(manager: Person, as_: Login, username: str) -> None:
    page = as_("manager").post("/people/add", {"username": username, "name": "陈新", "role": ["editor"]}, follow=True)
    assert page.status_code == 200
    assert "没有添加任何人" in page.content.decode()
    assert not Person.objects.filter(name="陈新").exists()
