"""Secrets go in and never come out: an account that is led to another host leaves them behind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.channel import ChannelFault
from bot.models import Account, AuditEvent, AuthorizationRequest, Person, Token
from bot.services import accounts, people, trail
from bot.services.accounts import Changed, config_of
from bot.services.errors import Refused
from bot.services.ports import AccountPorts, store_token

from .factories import NOW, NOWHERE, Office, fresh_home, grant

HTTPS = "https://api.weixin.qq.com"
CALLBACK = "https://tongfa.example.gov.cn/oauth/callback"
PROXY = "http://proxy.example:3128"


@pytest.fixture
def live(db: None, tmp_path: Path) -> Iterator[Office]:
    """A live home; its WeChat account is called over https, its Weibo account is not."""
    with fresh_home(tmp_path / "live", live=True):
        office = Office.make()
        Account.objects.filter(pk=office.wechat.pk).update(endpoints=dict.fromkeys(office.wechat.endpoints, HTTPS))
        office.wechat.refresh_from_db()
        yield office


def administrator(office: Office) -> Person:
    return people.add_person(
        "root", name="冯管", unit=office.unit, roles=["sysadmin"], password=None, actor="test", now=NOW
    )


def change(office: Office, slug: str = "zghd", **changes: Any) -> Changed:
    return accounts.change_account(slug, person=administrator(office), now=NOW, **changes)


def secrets_of(slug: str) -> list[str]:
    """What is stored of an account, by name."""
    account = accounts.find_account(slug)
    return [*config_of(account).credentials, *("token" for _ in Token.objects.filter(account=account))]


# --- what leads elsewhere -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "endpoints",
    [
        {"api": "https://relay.example"},
        {"api": "http://api.weixin.qq.com"},
        {"api": "https://api.weixin.qq.com:8443"},
        {"api": "https://api.weixin.qq.com.example"},
        {"token": "https://relay.example"},
        {"datacube": "https://relay.example"},
    ],
    ids=str,
)
def test_no_secret_follows_an_address_to_another_host(live: Office, endpoints: dict[str, str]) -> None:
    done = change(live, endpoints=endpoints)
    assert done.dropped == ["app_secret", "token"]
    assert secrets_of("zghd") == []
    assert secrets_of("lyhd") == ["app_secret", "token"], "those of other accounts stay"


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "河东发布"},
        {"mode": "publish"},
        {"options": {"open_comment": "1"}},
        {"endpoints": {"api": f"{HTTPS}/relayed/"}},
        {"endpoints": {"api": "https://API.weixin.qq.com"}},
        {"proxy": PROXY},
    ],
    ids=str,
)
def test_what_leads_to_the_same_host_costs_nothing(live: Office, changes: dict[str, Any]) -> None:
    assert change(live, **changes).dropped == []
    assert secrets_of("zghd") == ["app_secret", "token"]


def test_a_proxy_reads_what_is_not_encrypted_so_there_it_gets_nothing_either(live: Office) -> None:
    assert change(live, "lyhd", proxy=PROXY).dropped == ["app_secret", "token"]
    assert secrets_of("lyhd") == []


def test_in_the_clear_too_the_same_proxy_or_none_is_nobody_new(live: Office) -> None:
    Account.objects.filter(slug="lyhd").update(proxy=PROXY)
    root = administrator(live)
    for proxy in ("http://me:word@proxy.example:3128", ""):
        assert accounts.change_account("lyhd", proxy=proxy, person=root, now=NOW).dropped == []


def test_in_a_rehearsal_home_they_stay_the_platform_of_it_moves_to_another_port(office: Office) -> None:
    assert change(office, endpoints={"api": "http://127.0.0.1:10"}).dropped == []
    assert secrets_of("zghd") == ["app_secret", "token"]


# --- what else it means -------------------------------------------------------------------------------------


def test_the_trail_says_which_were_dropped_and_never_what_they_were(live: Office) -> None:
    change(live, endpoints={"api": "https://relay.example"})
    line = AuditEvent.objects.get(action="account.changed")
    assert line.data["dropped"] == ["app_secret", "token"]
    assert "wechat-secret" not in str(line.data)
    [said] = [one for one in trail.tell({"account:zghd": "账号"}) if one.action == "account.changed"]
    assert said.detail == "接口地址；原有凭据和令牌作废，须重新录入"


def test_until_they_are_put_in_anew_no_call_is_made(live: Office) -> None:
    change(live, endpoints={"api": NOWHERE})
    with pytest.raises(ChannelFault, match="没有配置 AppID 或 AppSecret，没有发出任何内容"):
        accounts.channel_of(accounts.find_account("zghd")).grant()


def test_while_something_signed_waits_a_proxy_that_would_cost_the_secrets_is_not_changed(live: Office) -> None:
    release = live.signed(on=[live.weibo])
    with pytest.raises(Refused, match=rf"没有办完的发布单 {release.pk}，现在改代理"):
        change(live, "lyhd", proxy=PROXY)
    assert secrets_of("lyhd") == ["app_secret", "token"]


def test_an_authorisation_that_was_under_way_is_called_off(live: Office) -> None:
    accounts.begin_authorization(live.weibo, person=live.people["releaser"], redirect_uri=CALLBACK, now=NOW)
    change(live, "lyhd", endpoints={"api": "https://relay.example"})
    state = AuthorizationRequest.objects.get().state
    with pytest.raises(Refused, match="授权请求已失效"):
        accounts.finish_authorization(state=state, code="c", person=live.people["releaser"], now=NOW)


def test_a_token_that_was_on_its_way_meanwhile_is_not_kept_for_the_new_host(live: Office) -> None:
    Token.objects.filter(account=live.wechat).update(expires_at=NOW - timedelta(days=1))

    def slow(force: bool) -> Any:
        change(live, endpoints={"api": "https://relay.example"})
        return grant("from-the-old-host")

    assert AccountPorts(live.wechat).token(slow).token.reveal() == "from-the-old-host", "the piece of work goes on"
    assert not Token.objects.filter(account=live.wechat, ciphertext__isnull=False).exists()
    assert not store_token(live.wechat, grant(), now=NOW)
    assert store_token(accounts.find_account("zghd"), grant(), now=NOW)
