"""账号与凭据: who sees what, what the system administrator may do, and that no secret ever comes back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.test import Client

from bot.cli.main import main
from bot.domain.channel import CheckResult
from bot.domain.secret import Secret
from bot.models import Account, AccountCheck, AuditEvent, Credential, Custody
from bot.services import accounts, home, people
from bot.services.accounts import config_of

from .third import becomes_third
from .world import LOOPBACK, PASSWORD, District, fresh_home, now

Login = Callable[[str], Client]
READERS = ("admin", "duty", "releaser")
SECRET = "a-brand-new-secret-0815"


def page(client: Client, address: str = "/accounts") -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return str(answer.content.decode())


@pytest.fixture
def admin(district: District) -> Client:
    """Logged in, and not asked once more yet."""
    client = Client()
    client.force_login(district.people["admin"])
    return client


def confirmed(client: Client, slug: str = "wx") -> None:
    """Say once more who is sitting there."""
    person = people.find_person("admin")
    person.set_password(PASSWORD)
    person.save()
    client.force_login(person)
    answer = client.post(f"/accounts/{slug}/credentials/open", {"stepup-password": PASSWORD})
    assert answer.status_code == 302


# --- who sees it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", READERS)
def test_a_card_tells_what_is_known_of_an_account(who: str, district: District, as_: Login) -> None:
    shown = page(as_(who))
    for words in (
        "中国河东",
        "临沂河东",
        "微信公众号 · 订阅号",
        "群发",
        "0/1",
        "保管人",
        "管理员微信",
        "未体检",
        "IP 白名单",
        "认证",
    ):
        assert words in shown
    assert ("添加账号" in shown) == (who == "admin")
    assert ("体检</button>" in shown) == (who == "admin")


@pytest.mark.parametrize("who", ["editor", "first", "final"])
def test_others_find_no_link_and_are_refused(who: str, district: District, as_: Login) -> None:
    client = as_(who)
    assert 'href="/accounts"' not in client.get("/").content.decode()
    for address in ("/accounts", "/accounts/wx", "/accounts/wx/edit", "/accounts/wx/credentials", "/accounts/new"):
        assert client.get(address).status_code == 403, address


ACTS = {
    "/accounts/wx/edit": {"name": "改名"}, "/accounts/wx/credentials": {"secret-app_secret": SECRET},
    "/accounts/wx/check": {}, "/accounts/wx/file": {"subject": "x"}, "/accounts/wx/disable": {"reason": "x"},
    "/accounts/wx/enable": {}, "/accounts/wx/custody": {"duty": "holder", "name": "x", "since": "2026-11-01"},
    "/accounts/new": {"channel": "wechat"},
}  # fmt: skip


@pytest.mark.parametrize("address", ACTS)
def test_who_may_read_may_not_act(address: str, district: District, as_: Login) -> None:
    lines = AuditEvent.objects.count()
    assert as_("duty").post(address, ACTS[address]).status_code == 403
    assert AuditEvent.objects.count() == lines


def test_what_a_reader_may_not_do_is_absent_from_the_page(district: District, as_: Login) -> None:
    shown = page(as_("releaser"), "/accounts/wx")
    for words in ("停用账号", "保存档案", "登记交接", "录入凭据", "修改设置"):
        assert words not in shown


def test_another_units_accounts_do_not_exist_here(district: District, as_: Login) -> None:
    District.make("street", "九曲街道")
    admin = as_("admin")
    assert "street-wx" not in page(admin)
    assert admin.get("/accounts/street-wx").status_code == 404
    for address, data in ACTS.items():
        if "wx" in address:
            assert admin.post(address.replace("wx", "street-wx"), data).status_code == 404, address
    assert Account.objects.get(slug="street-wx").enabled


def test_no_account_is_said_so(district: District, as_: Login, admin: Client) -> None:
    unit = people.ensure_unit("empty", "新单位", now=now(), actor="test")
    lonely = people.add_person(
        "lonely", name="何孤", unit=unit, roles=["sysadmin"], password=None, actor="t", now=now()
    )
    admin.force_login(lonely)
    assert "还没有账号" in page(admin)


@pytest.mark.parametrize("more", [0, 6])
def test_many_accounts_cost_no_more_questions_than_few(
    more: int, district: District, admin: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(more):
        district._wechat(f"extra-{number}", LOOPBACK)
    with django_assert_max_num_queries(15):
        page(admin)


# --- secrets ------------------------------------------------------------------------------------------------


def test_the_fields_are_shown_only_to_who_has_just_said_who_they_are(district: District, admin: Client) -> None:
    assert "secret-app_secret" not in page(admin, "/accounts/wx/credentials")
    asked = admin.post("/accounts/wx/credentials/open")
    assert "请再确认一次身份" in asked.content.decode()
    confirmed(admin)
    assert "secret-app_secret" in page(admin, "/accounts/wx/credentials")


def test_a_secret_goes_in_and_never_comes_out(district: District, admin: Client) -> None:
    confirmed(admin)
    answer = admin.post("/accounts/wx/credentials", {"secret-app_secret": SECRET, "secret-callback_token": ""})
    assert answer.status_code == 302
    account = accounts.find_account("wx")
    assert config_of(account).credentials["app_secret"].reveal() == SECRET
    for address in ("/accounts", "/accounts/wx", "/accounts/wx/credentials", "/accounts/wx/edit"):
        shown = page(admin, address)
        assert SECRET not in shown
        assert SECRET[-4:] not in shown
    assert "已保存" in page(admin, "/accounts/wx")
    assert not any(SECRET in str(line.data) for line in AuditEvent.objects.all())


def test_a_refused_secret_is_not_shown_again_either(district: District, admin: Client) -> None:
    confirmed(admin)
    answer = admin.post("/accounts/wx/credentials", {"secret-nonsense": SECRET})
    assert answer.status_code == 409
    assert SECRET not in answer.content.decode()


def test_when_the_confirmation_has_run_out_nothing_is_saved_and_nothing_carried_along(
    district: District, admin: Client
) -> None:
    before = bytes(Credential.objects.get(account__slug="wx").ciphertext)
    answer = admin.post("/accounts/wx/credentials", {"secret-app_secret": SECRET})
    assert answer.status_code == 409
    assert "没有保存" in answer.content.decode()
    assert SECRET not in answer.content.decode()
    assert bytes(Credential.objects.get(account__slug="wx").ciphertext) == before


# --- acts ---------------------------------------------------------------------------------------------------


def test_an_examination_shows_green_and_red_lines_with_a_remedy_each(
    district: District, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [
        CheckResult("令牌", True, "令牌有效。", code="token"),
        CheckResult("IP 白名单", False, "本机不在名单。", code="ip"),
    ]
    monkeypatch.setattr(accounts, "check_account", lambda account: found)
    admin.post("/accounts/wx/check")
    shown = page(admin, "/accounts/wx")
    assert "tone-good" in shown
    assert "本机不在名单" in shown
    assert "办法：" in shown
    assert "体检未过" in page(admin)
    assert AccountCheck.objects.get().person.username == "admin"


def test_an_examination_from_the_command_line_is_on_the_pages_too(
    district: District, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [CheckResult("令牌", True, "有效", code="token"), CheckResult("接口权限", True, "可以群发", code="rights")]
    monkeypatch.setattr(accounts, "check_account", lambda account: found)
    assert CliRunner().invoke(main, ["account", "check", "wx"]).exit_code == 0
    cards = page(admin)
    assert "体检通过" in cards
    assert "可以群发" in cards
    assert cards.count("还没有体检") == 1, "of the other account"
    shown = page(admin, "/accounts/wx")
    assert "· 命令行</small>" in shown
    assert "账号体检通过" in shown
    assert CliRunner().invoke(main, ["account", "check", "wx", "--as", "admin"]).exit_code == 0
    assert "· 吴管</small>" in page(admin, "/accounts/wx")


def test_an_account_is_added_and_its_credentials_asked_for_next(district: District, admin: Client) -> None:
    assert "添加微信公众号账号" in page(admin, "/accounts/new")
    form = page(admin, "/accounts/new?channel=wechat")
    assert f'placeholder="{home.rehearsal_url()}/wechat"' in form, "where it leads if nothing is typed"
    assert "option-app_id" in form
    data = {
        "channel": "wechat", "slug": "hdjy", "name": "河东教育", "mode": "mass", "option-app_id": "wx-other",
        "option-account_type": "service", "endpoint-api": f"{LOOPBACK}/wechat",
    }  # fmt: skip
    answer = admin.post("/accounts/new", data)
    assert answer.headers["Location"] == "/accounts/hdjy"
    assert Account.objects.get(slug="hdjy").unit == district.unit
    again = admin.post("/accounts/new", data)
    assert again.status_code == 409
    assert "已登记" in again.content.decode()
    assert 'value="河东教育"' in again.content.decode()


def settings_of(slug: str = "wx", **changes: str) -> dict[str, str]:
    """The form of the settings as it comes back when only this was typed over."""
    account = accounts.find_account(slug)
    data = {"name": account.name, "mode": account.mode, "proxy": account.proxy, "channel": account.channel}
    data |= {f"option-{name}": value for name, value in account.options.items()}
    return data | {f"endpoint-{name}": url for name, url in account.endpoints.items()} | changes


def test_settings_are_changed_one_at_a_time_and_what_was_not_touched_stays(district: District, as_: Login) -> None:
    account, admin = accounts.find_account("wx"), as_("admin")
    data = settings_of(name="河东发布")
    assert admin.post("/accounts/wx/edit", data).status_code == 302
    after = accounts.find_account("wx")
    assert (after.name, after.options, after.endpoints) == ("河东发布", account.options, account.endpoints)
    line = AuditEvent.objects.filter(action="account.changed").get()
    assert line.data == {"name": ["中国河东", "河东发布"]}
    same = admin.post("/accounts/wx/edit", data)
    assert same.status_code == 409
    assert "没有改动" in same.content.decode()


def test_changing_settings_asks_once_more_who_it_is_and_keeps_what_was_typed(district: District, admin: Client) -> None:
    shown = admin.post("/accounts/wx/edit", settings_of(name="河东发布")).content.decode()
    assert "请再确认一次身份" in shown
    assert 'name="name" value="河东发布"' in shown
    assert accounts.find_account("wx").name == "中国河东"


def test_in_a_live_home_the_form_says_before_and_the_page_after_that_another_host_gets_no_secret(
    district: District, as_: Login, tmp_path: Path
) -> None:
    admin = as_("admin")
    assert "凭据和令牌随即作废" not in page(admin, "/accounts/wx/edit")
    with fresh_home(tmp_path / "live", live=True):
        session = admin.session
        session["second_factor"] = True  # a live home asks administrators for one
        session.save()
        assert "凭据和令牌随即作废" in page(admin, "/accounts/wx/edit")
        named = admin.post("/accounts/wx/edit", settings_of(name="河东发布"), follow=True).content.decode()
        assert "已作废" not in named
        places = {f"endpoint-{name}": "https://relay.example/wechat" for name in ("api", "token", "datacube")}
        moved = admin.post("/accounts/wx/edit", settings_of(**places), follow=True).content.decode()
    assert "原有凭据和令牌已作废，没有交给新的主机" in moved
    assert "请重新录入凭据" in moved
    assert "接口地址；原有凭据和令牌作废，须重新录入" in moved, "the trail tells it too"
    assert not Credential.objects.filter(account__slug="wx").exists()


def test_which_account_of_the_platform_it_is_cannot_be_typed_over(district: District, as_: Login) -> None:
    admin = as_("admin")
    assert "不能更改" in page(admin, "/accounts/wx/edit")
    answer = admin.post("/accounts/wx/edit", {"name": "中国河东", "mode": "mass", "option-app_id": "wx-evil"})
    assert answer.status_code == 409


def test_a_handover_is_written_down_with_its_date(district: District, admin: Client) -> None:
    admin.post("/accounts/wx/custody", {"duty": "admin", "name": "郑保", "contact": "wx-zheng", "since": "2026-11-01"})
    shown = page(admin, "/accounts/wx")
    assert Custody.objects.get().name == "郑保"
    assert "管理员微信" in shown
    assert "wx-zheng" in shown
    assert "wx-zheng" in page(admin)
    wrong = admin.post("/accounts/wx/custody", {"duty": "admin", "name": "冯接", "since": "昨天"}, follow=True)
    assert "不是日期" in wrong.content.decode()


def test_disabling_needs_a_reason_and_is_undone_by_enabling(district: District, admin: Client) -> None:
    assert "须写明原因" in admin.post("/accounts/wx/disable", {"reason": " "}, follow=True).content.decode()
    admin.post("/accounts/wx/disable", {"reason": "密钥泄露"})
    assert "停用原因：密钥泄露" in page(admin)
    admin.post("/accounts/wx/enable")
    assert Account.objects.get(slug="wx").enabled


def test_an_account_is_asked_for_what_its_own_platform_has(
    district: District, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An administrator is asked on WeChat alone, and only WeChat's token is got by the machine."""
    wechat, weibo = page(admin, "/accounts/wx"), page(admin, "/accounts/wb")
    assert "管理员微信" in wechat
    assert "用到时自动换取" in wechat
    assert "令牌自动更新" in wechat
    assert "管理员微信" not in weibo
    third = becomes_third(district._weibo("screens", LOOPBACK), monkeypatch)
    third.token.delete()
    shown = page(admin, "/accounts/screens")
    assert "还没有录入凭据" in shown
    accounts.replace_credentials("screens", {"token": Secret("t-1")}, actor="test", now=now())
    shown = page(admin, "/accounts/screens")
    assert shown.count("用录入的凭据访问，系统不更换") == 2
    for words in ("管理员微信", "自动"):
        assert words not in shown.split("<main")[1]
    assert page(admin).count("管理员微信") == 1


def test_what_runs_out_is_told_in_words(district: District, admin: Client) -> None:
    until = (now() + timedelta(days=10)).date().isoformat()
    admin.post("/accounts/wx/file", {"subject": "河东区人民政府", "verified_until": until, "ip_note": "203.0.113.7"})
    shown = page(admin)
    assert "请办理年审" in shown
    assert "河东区人民政府" in shown
    assert "203.0.113.7" in shown


def test_an_account_that_only_people_may_post_on_says_so(district: District, admin: Client) -> None:
    admin.post("/accounts/wx/file", {"manual_reason": "未认证，没有发布接口权限"})
    assert "只能手工发布" in page(admin)
    assert "到时成为手工发布任务" in page(admin, "/accounts/wx")
