"""What was said of an account may be said anew: by the system administrator, checked as before, not under a signature."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.delivery import SETTLED, State
from bot.models import Account, AuditEvent, Item, Person, Publication
from bot.services import accounts, people, releases, stops
from bot.services.errors import Refused

from .factories import APP_ID, HALF_HOUR, NOW, NOWHERE, Office, force

ELSEWHERE = "http://127.0.0.1:10"
DISTURBING: list[dict[str, Any]] = [
    {"mode": "publish"},
    {"endpoints": {"api": ELSEWHERE}},
    {"options": {"open_comment": "1"}},
    {"name": "河东发布", "mode": "publish"},
]


@pytest.fixture
def root(office: Office) -> Person:
    return people.add_person(
        "root", name="冯管", unit=office.unit, roles=["sysadmin"], password=None, actor="test", now=NOW
    )


def change(who: Person, slug: str = "zghd", **changes: Any) -> Account:
    return accounts.change_account(slug, person=who, now=NOW, **changes).account


def told() -> list[Any]:
    return list(AuditEvent.objects.filter(action="account.changed").values_list("actor", "subject", "data"))


def as_it_is() -> list[Any]:
    """Every account with all that can be changed, and what the trail says of changes."""
    fields = ("slug", "name", "mode", "endpoints", "options", "proxy", "identity")
    return [*Account.objects.order_by("pk").values_list(*fields), *told()]


# --- what changes -----------------------------------------------------------------------------------------


def test_what_is_given_changes_what_is_not_stays_and_the_trail_says_from_what_to_what(
    office: Office, root: Person
) -> None:
    before = office.wechat.options
    changed = change(root, name="河东发布", mode="publish", options={"account_type": "service"})
    assert (changed.name, changed.mode, changed.proxy) == ("河东发布", "publish", "")
    assert changed.options == before | {"account_type": "service"}
    assert (changed.endpoints, changed.identity) == (office.wechat.endpoints, APP_ID)
    data = {
        "name": ["中国河东", "河东发布"],
        "mode": ["mass", "publish"],
        "options": [{"account_type": "subscription"}, {"account_type": "service"}],
    }
    assert told() == [("root", "account:zghd", data)]


def test_addresses_that_went_with_the_base_follow_it_and_one_set_on_its_own_stays(office: Office, root: Person) -> None:
    change(root, endpoints={"datacube": f"{NOWHERE}/numbers"})
    assert change(root, endpoints={"api": f"{ELSEWHERE}/wechat/"}).endpoints == {
        "api": f"{ELSEWHERE}/wechat", "token": f"{ELSEWHERE}/wechat", "datacube": f"{NOWHERE}/numbers",
    }  # fmt: skip


def test_the_trail_keeps_no_more_of_an_address_than_its_host(office: Office, root: Person) -> None:
    change(root, endpoints={"api": f"{ELSEWHERE}/a-key"}, proxy="http://me:secret@127.0.0.1:3128")
    [(_, _, data)] = told()
    assert data == {"endpoints": [["127.0.0.1:9"], ["127.0.0.1:10"]], "proxy": ["", "127.0.0.1:3128"]}


def test_a_disabled_account_may_be_put_in_order_before_it_is_enabled(office: Office, root: Person) -> None:
    accounts.disable_account("zghd", reason="换地址", actor="root", now=NOW)
    assert change(root, endpoints={"api": ELSEWHERE}).disabled_reason == "换地址"


def test_a_proxy_can_be_given_up(office: Office, root: Person) -> None:
    change(root, proxy="http://127.0.0.1:3128")
    assert change(root, proxy="").proxy == ""


# --- what does not ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"mode": "shout"}, "mode", "没有发布方式“shout”"),
        ({"name": " "}, "name", "账号名称须有 1 到 60 个字"),
        ({"name": "名" * 61}, "name", "账号名称须有 1 到 60 个字"),
        ({"options": {"colour": "red"}}, "option", "没有设置项“colour”"),
        ({"options": {"account_type": "enterprise"}}, "option", "只能是：subscription（订阅号）、service（服务号）"),
        ({"options": {"app_id": ""}}, "option", "缺少必填设置：app_id"),
        ({"endpoints": {"fax": NOWHERE}}, "endpoint", "没有地址“fax”"),
        ({"endpoints": {"api": "ftp://127.0.0.1"}}, "endpoint", "不是有效的 http"),
        ({"endpoints": {"api": "https://api.weixin.qq.com"}}, "wall", "这是演练环境"),
        ({"proxy": "http://proxy.example:3128"}, "wall", "这是演练环境"),
        ({"name": "好的", "mode": "shout"}, "mode", "没有发布方式“shout”"),
    ],
)
def test_a_change_is_checked_like_a_new_account_and_all_or_nothing_is_kept(
    office: Office, root: Person, changes: dict[str, Any], code: str, words: str
) -> None:
    before = as_it_is()
    with pytest.raises(Refused, match=words) as refusal:
        change(root, **changes)
    assert refusal.value.code == code
    assert as_it_is() == before


@pytest.mark.parametrize(("slug", "option"), [("zghd", "app_id"), ("lyhd", "uid")])
def test_it_never_becomes_another_account_of_the_platform(office: Office, root: Person, slug: str, option: str) -> None:
    before = as_it_is()
    with pytest.raises(Refused, match=rf"{option} .*不能更改，账号没有改动.*再另外添加那一个") as refusal:
        change(root, slug, options={option: "99"})
    assert refusal.value.code == "identity"
    assert as_it_is() == before


@pytest.mark.parametrize("changes", [{}, {"name": "中国河东"}, {"options": {"app_id": APP_ID}}, {"endpoints": {}}])
def test_a_change_of_nothing_is_refused(office: Office, root: Person, changes: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="没有改动") as refusal:
        change(root, **changes)
    assert refusal.value.code == "nothing"
    assert told() == []


@pytest.mark.parametrize("who", ["editor", "final", "releaser"])
def test_only_a_system_administrator_may(office: Office, who: str) -> None:
    before = as_it_is()
    with pytest.raises(Refused, match="系统管理员") as refusal:
        change(office.people[who], name="河东发布")
    assert refusal.value.code == "role"
    assert as_it_is() == before


# --- while something signed is not over ---------------------------------------------------------------------


@pytest.mark.parametrize("changes", DISTURBING, ids=str)
def test_nothing_that_bears_on_a_signed_release_changes_before_it_is_over_and_its_number_is_told(
    office: Office, root: Person, changes: dict[str, Any]
) -> None:
    release = office.signed()
    before = as_it_is()
    with pytest.raises(Refused, match=rf"没有办完的发布单 {release.pk}，.*账号没有改动") as refusal:
        change(root, **changes)
    assert refusal.value.code == "signed"
    assert "先改期" in refusal.value.message
    assert as_it_is() == before


def test_name_and_proxy_bear_on_nothing_and_change_at_any_time(office: Office, root: Person) -> None:
    office.signed()
    assert change(root, name="河东发布", proxy="http://127.0.0.1:3128").name == "河东发布"


@pytest.mark.parametrize("state", [state for state in State if state not in SETTLED])
def test_as_long_as_a_signed_push_may_still_leave_or_be_looked_for(office: Office, root: Person, state: State) -> None:
    office.signed()
    force(Publication.objects.all(), state)
    with pytest.raises(Refused, match="没有办完的发布单"):
        change(root, mode="publish")


@pytest.mark.parametrize("state", sorted(SETTLED))
def test_and_no_longer(office: Office, root: Person, state: State) -> None:
    office.signed()
    Item.objects.update(platform_id="1")
    force(Publication.objects.all(), state, live_at=NOW)
    assert change(root, mode="publish").mode == "publish"


@pytest.mark.parametrize("state", [State.SENDING, State.UNKNOWN, State.CONFIRMING])
def test_what_is_on_its_way_counts_also_when_its_release_was_called_off(
    office: Office, root: Person, state: State
) -> None:
    release = office.signed()
    stops.cancel(release, person=office.people["releaser"], reason="不再发布", now=NOW)
    force(Publication.objects.all(), state)
    with pytest.raises(Refused, match="没有办完的发布单"):
        change(root, mode="publish")


def test_a_release_that_waits_on_another_account_or_is_not_signed_is_in_nobodys_way(
    office: Office, root: Person
) -> None:
    document = office.approved()
    office.signed(document, on=[office.weibo])
    office.planned(document, on=[office.wechat])
    assert change(root, mode="publish").mode == "publish"


def test_moved_to_another_instant_the_release_lets_go_and_is_signed_over_the_changed_account(
    office: Office, root: Person
) -> None:
    release = office.signed(on=[office.wechat])
    releases.reschedule(release, instant=NOW + 2 * HALF_HOUR, person=office.people["releaser"], now=NOW)
    change(root, endpoints={"api": ELSEWHERE}, mode="publish")
    assert office.signs(release).manifest["publications"][0]["mode"] == "mass"  # as it was planned
