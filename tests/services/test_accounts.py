"""Channel accounts: what is checked when one is added, the wall around rehearsal, Weibo's authorisation by code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bot import channels
from bot.domain.channel import ChannelFault, ChannelKind, Remedy
from bot.domain.secret import Secret
from bot.models import Account, AuditEvent, AuthorizationRequest, Credential, Token
from bot.rehearsal.app import PLATFORMS
from bot.services import accounts, home
from bot.services.errors import NotFound, Refused
from bot.services.ports import AccountPorts
from tests.channels.stub import Say, Stub, running_stub

from .factories import NOW, NOWHERE, Office, add_weibo, fresh_home, own_uid

APP_ID = "wx-new"  # no account of the office has it
CALLBACK = "http://127.0.0.1:8000/oauth/callback"


def add(office: Office, slug: str = "new", **changes: Any) -> Account:
    given: dict[str, Any] = {
        "channel": "wechat", "name": "中国河东", "mode": "publish", "unit": office.unit, "endpoints": {"api": NOWHERE},
        "options": {"app_id": APP_ID}, "credentials": {"app_secret": Secret("s3cret")},
    }  # fmt: skip
    return accounts.add_account(slug, actor="root", now=NOW, **given | changes)


def test_every_address_follows_the_platform_s_base_unless_it_is_set_itself(office: Office) -> None:
    account = add(office, endpoints={"api": f"{NOWHERE}/base/", "token": f"{NOWHERE}/tokens"})
    assert account.endpoints == {"api": f"{NOWHERE}/base", "token": f"{NOWHERE}/tokens", "datacube": f"{NOWHERE}/base"}


def test_defaults_of_the_channel_are_filled_in(office: Office) -> None:
    account = add(office, mode="")
    assert account.mode == "publish"
    assert account.options["account_type"] == "subscription"
    assert account.options["callback_mode"] == "aes"


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"channel": "douyin"}, "channel", "没有渠道“douyin”"),
        ({"mode": "shout"}, "mode", "没有发布方式“shout”"),
        ({"options": {}}, "option", "缺少必填设置：app_id"),
        ({"options": {"app_id": " "}}, "option", "缺少必填设置：app_id"),
        ({"options": {"app_id": APP_ID, "colour": "red"}}, "option", "没有设置项“colour”"),
        (
            {"options": {"app_id": APP_ID, "account_type": "enterprise"}},
            "option",
            "只能是：subscription（订阅号）、service（服务号）",
        ),
        ({"endpoints": {"api": NOWHERE, "fax": NOWHERE}}, "endpoint", "没有地址“fax”"),
        ({"endpoints": {"api": "ftp://127.0.0.1/"}}, "endpoint", "不是有效的 http"),
        ({"endpoints": {"api": "http:///path"}}, "endpoint", "不是有效的 http"),
        ({"endpoints": {"api": "http://user:word@127.0.0.1/"}}, "endpoint", "不是有效的 http"),
        ({"credentials": {"pin": Secret("1234")}}, "credential", "没有凭据“pin”"),
        ({"slug": "zghd"}, "exists", "已有账号“zghd”"),
    ],
)
def test_what_does_not_fit_the_channel_is_refused_and_nothing_is_kept(office: Office, changes, code, words) -> None:
    before = (Account.objects.count(), Credential.objects.count(), AuditEvent.objects.count())
    with pytest.raises(Refused, match=words) as refusal:
        add(office, **changes)
    assert refusal.value.code == code
    assert (Account.objects.count(), Credential.objects.count(), AuditEvent.objects.count()) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoints": {"api": "https://api.weixin.qq.com"}},
        {"endpoints": {"api": "http://10.0.0.8"}},
        {"endpoints": {"api": "http://127.0.0.1.example.com"}},
        {"endpoints": {"api": "http://0.0.0.0"}},
        {"endpoints": {"api": NOWHERE, "datacube": "https://api.weixin.qq.com"}},
        {"proxy": "http://proxy.example:3128"},
    ],
    ids=str,
)
def test_a_rehearsal_home_holds_no_address_outside_this_machine(office: Office, changes) -> None:
    with pytest.raises(Refused, match="这是演练环境") as refusal:
        add(office, **changes)
    assert refusal.value.code == "wall"
    assert not Account.objects.filter(slug="new").exists()


def test_in_a_rehearsal_home_an_account_without_an_address_leads_to_the_home_s_own_servers(office: Office) -> None:
    played = f"{home.rehearsal_url()}/wechat"
    assert add(office, endpoints={}).endpoints == {"api": played, "token": played, "datacube": played}


@pytest.mark.parametrize(
    ("endpoints", "words"),
    [
        ({"api": "https://api.weixin.qq.com"}, "接口地址（api.weixin.qq.com）不在本机"),
        ({"api": NOWHERE, "datacube": "https://api.weixin.qq.com"}, "接口地址“datacube”（api.weixin.qq.com）不在本机"),
    ],
)
def test_the_wall_names_the_address_as_it_was_typed(office: Office, endpoints: dict[str, str], words: str) -> None:
    with pytest.raises(Refused) as refusal:
        add(office, endpoints=endpoints)
    assert words in refusal.value.message


def test_the_wall_says_which_address_to_take_instead(office: Office) -> None:
    with pytest.raises(Refused) as refusal:
        add(office, endpoints={"api": "https://api.weixin.qq.com"})
    assert f"请用本环境的演练平台 {home.rehearsal_url()}/wechat（添加时不写接口地址就是它）" in refusal.value.message


def test_of_a_channel_that_nobody_plays_here_the_wall_asks_for_a_stand_in(office: Office, monkeypatch) -> None:
    kinds = channels.kinds()
    unplayed = ChannelKind(replace(kinds["wechat"].spec, rehearsed=False), kinds["wechat"].build)
    monkeypatch.setattr(channels, "kinds", lambda: {"wechat": unplayed})
    with pytest.raises(Refused, match="在本机运行一个替身，接口地址（--api-base）写 http"):
        add(office, endpoints={})


def test_the_channels_that_say_so_are_those_that_the_rehearsal_servers_play() -> None:
    assert {name for name, kind in channels.kinds().items() if kind.spec.rehearsed} == set(PLATFORMS)


@pytest.mark.parametrize("api", ["http://127.0.0.1:9", "http://localhost:9", "http://[::1]:9", "http://127.8.9.1"])
def test_loopback_in_every_spelling_is_this_machine(office: Office, api: str) -> None:
    assert add(office, endpoints={"api": api}).endpoints["api"] == api


def test_a_live_home_takes_the_platform_s_own_addresses_or_a_double_on_loopback(office: Office, tmp_path: Path) -> None:
    with fresh_home(tmp_path / "live", live=True):
        assert add(office, endpoints={}).endpoints["api"] == "https://api.weixin.qq.com"
        assert (
            add(office, "double", endpoints={"api": NOWHERE}, options={"app_id": "wx-double"}).endpoints["token"]
            == NOWHERE
        )


def test_a_disabled_account_says_why_and_the_trail_keeps_it(office: Office) -> None:
    account = accounts.disable_account("zghd", reason="更换主体", actor="root", now=NOW)
    assert not account.enabled
    assert account.disabled_reason == "更换主体"
    assert AuditEvent.objects.get(action="account.disabled").data == {"reason": "更换主体"}


def test_a_disabled_account_can_be_taken_into_use_again_once(office: Office) -> None:
    accounts.disable_account("zghd", reason="更换主体", actor="root", now=NOW)
    assert accounts.enable_account("zghd", actor="root", now=NOW).enabled
    assert AuditEvent.objects.filter(action="account.enabled").count() == 1
    with pytest.raises(Refused, match="没有停用"):
        accounts.enable_account("zghd", actor="root", now=NOW)


def test_a_reset_secret_takes_the_place_of_the_old_one(office: Office) -> None:
    accounts.replace_credentials("zghd", {"app_secret": Secret("reset")}, actor="root", now=NOW)
    assert accounts.config_of(accounts.find_account("zghd")).credentials["app_secret"].reveal() == "reset"
    assert Credential.objects.filter(account=office.wechat, name="app_secret").count() == 1
    assert AuditEvent.objects.filter(action="credential.set").latest("sequence").data == {"name": "app_secret"}


def test_of_new_secrets_all_are_taken_or_none(office: Office) -> None:
    for wrong in ({}, {"app_secret": Secret("reset"), "pin": Secret("1234")}):
        with pytest.raises(Refused):
            accounts.replace_credentials("zghd", wrong, actor="root", now=NOW)
    assert accounts.config_of(accounts.find_account("zghd")).credentials["app_secret"].reveal() == "wechat-secret"


def test_the_accounts_of_another_unit_do_not_exist_for_this_one(office: Office) -> None:
    other = Office.make("township", prefix="t-")
    assert accounts.find_account("zghd", unit=office.unit) == office.wechat
    with pytest.raises(NotFound):
        accounts.find_account("zghd", unit=other.unit)


def test_a_publication_keeps_its_mode_whatever_the_account_does_now(office: Office) -> None:
    assert accounts.channel_of(office.wechat, mode="publish").account.mode == "publish"
    assert accounts.channel_of(office.wechat).account.mode == "mass"


# --- Weibo's authorisation ------------------------------------------------------------------------------

TOKEN = "2.00fresh-token-of-the-test"


@pytest.fixture
def platform() -> Iterator[Stub]:
    with running_stub() as stub:
        stub.script(
            "/weibo/oauth2/access_token", {"access_token": TOKEN, "expires_in": 2592000, "uid": own_uid("authorised")}
        )
        yield stub


@pytest.fixture
def weibo(office: Office, platform: Stub) -> Account:
    account = add_weibo(office.unit, "authorised", api=platform.url)
    Token.objects.filter(account=account).delete()
    return account


def begin(office: Office, account: Account, *, who: str = "releaser", now: datetime = NOW) -> str:
    url = accounts.begin_authorization(account, person=office.people[who], redirect_uri=CALLBACK, now=now)
    return parse_qs(urlsplit(url).query)["state"][0]


def finish(office: Office, state: str, *, who: str = "releaser", now: datetime = NOW) -> Account:
    return accounts.finish_authorization(state=state, code="the-code", person=office.people[who], now=now)


def test_the_browser_is_sent_to_the_platform_with_a_state_that_nobody_can_guess(office: Office, weibo: Account) -> None:
    url = accounts.begin_authorization(weibo, person=office.people["releaser"], redirect_uri=CALLBACK, now=NOW)
    query = parse_qs(urlsplit(url).query)
    assert (query["client_id"], query["redirect_uri"], query["response_type"]) == (["key"], [CALLBACK], ["code"])
    assert len(query["state"][0]) >= 43
    assert begin(office, weibo) != query["state"][0]


def test_the_code_becomes_a_token_of_the_configured_uid(office: Office, weibo: Account, platform: Stub) -> None:
    state = begin(office, weibo)
    with pytest.raises(ChannelFault, match="没有有效的授权"):
        AccountPorts(weibo).token(None)
    assert finish(office, state) == weibo
    assert AccountPorts(weibo).token(None).token == Secret(TOKEN)
    asked = parse_qs(platform.asked[0].body.decode())
    assert (asked["code"], asked["redirect_uri"], asked["grant_type"]) == (
        ["the-code"],
        [CALLBACK],
        ["authorization_code"],
    )
    line = AuditEvent.objects.get(action="account.authorized")
    assert (line.actor, line.subject, set(line.data)) == ("releaser", "account:authorised", {"expires_at"})


def test_the_token_of_a_personal_account_is_not_kept(office: Office, weibo: Account, platform: Stub) -> None:
    platform.script("/weibo/oauth2/access_token", {"access_token": TOKEN, "expires_in": 99999, "uid": "1234567890"})
    with pytest.raises(ChannelFault, match=r"uid 1234567890.*不是“临沂河东”.*没有保存") as fault:
        finish(office, begin(office, weibo))
    assert fault.value.remedy is Remedy.OPERATOR
    assert not Token.objects.filter(account=weibo).exists()
    assert not AuditEvent.objects.filter(action="account.authorized").exists()


def test_a_state_works_once(office: Office, weibo: Account, platform: Stub) -> None:
    state = begin(office, weibo)
    finish(office, state)
    with pytest.raises(Refused, match="已失效或不是您发起的"):
        finish(office, state)
    assert len(platform.asked) == 1


def test_a_state_that_failed_at_the_platform_is_spent_too(office: Office, weibo: Account, platform: Stub) -> None:
    platform.script("/weibo/oauth2/access_token", Say({"error": "invalid_grant", "error_code": 21325}, 400))
    state = begin(office, weibo)
    with pytest.raises(ChannelFault):
        finish(office, state)
    with pytest.raises(Refused, match="已失效"):
        finish(office, state)


@pytest.mark.parametrize(
    ("who", "later", "state"),
    [
        ("editor", timedelta(0), None),
        ("releaser", timedelta(minutes=15), None),
        ("releaser", timedelta(0), "an-invented-state"),
        ("releaser", timedelta(0), ""),
    ],
    ids=["somebody else's", "a quarter of an hour old", "invented", "empty"],
)
def test_a_state_of_somebody_else_or_too_old_or_invented_asks_nothing_of_the_platform(
    office: Office, weibo: Account, platform: Stub, who: str, later: timedelta, state: str | None
) -> None:
    issued = begin(office, weibo)
    with pytest.raises(Refused) as refusal:
        finish(office, issued if state is None else state, who=who, now=NOW + later)
    assert refusal.value.code == "state"
    assert not platform.asked
    assert AuthorizationRequest.objects.get().used_at is None


def test_a_channel_without_web_authorisation_says_so(office: Office) -> None:
    with pytest.raises(Refused, match="不需要网页授权"):
        begin(office, office.wechat)
