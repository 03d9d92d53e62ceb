"""One account of a platform stands in one row: else its day is promised twice, and a document goes out on it twice."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from bot.models import Account, AuditEvent, Credential
from bot.services import accounts, health, releases
from bot.services.errors import Refused

from .delivery_support import MINUTE, SIGNED_AT, Engine, T, states
from .factories import APP_ID, NOW, UID, Office, add_wechat, add_weibo, article


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


def twin(account: Account, slug: str) -> Account:
    """A second row of the same account, as an earlier version let it be added."""
    row = Account.objects.get(pk=account.pk)
    row.pk, row.slug, row.name, row.identity = None, slug, f"{row.name}二", ""
    row.save()
    return row


def rows() -> tuple[int, int, int]:
    return Account.objects.count(), Credential.objects.count(), AuditEvent.objects.count()


# --- adding -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("add", "same", "slug", "words"),
    [
        (add_wechat, {"app_id": APP_ID}, "zghd", f"（app_id {APP_ID}）已登记为“中国河东”（zghd）"),
        (add_weibo, {"uid": UID}, "lyhd", f"（uid {UID}）已登记为“临沂河东”（lyhd）"),
    ],
    ids=["wechat", "weibo"],
)
def test_the_same_account_of_a_platform_is_not_added_under_another_name_and_its_own_is_told(
    office: Office, add: Any, same: dict[str, str], slug: str, words: str
) -> None:
    before = rows()
    with pytest.raises(Refused) as refusal:
        add(office.unit, "again", **same)
    assert refusal.value.code == "known"
    assert words in refusal.value.message
    assert "账号未保存" in refusal.value.message
    assert f"请系统管理员修改账号“{slug}”" in refusal.value.message
    assert rows() == before


def test_a_disabled_account_is_still_that_account_and_is_to_be_enabled(office: Office) -> None:
    accounts.disable_account("zghd", reason="换地址", actor="root", now=NOW)
    with pytest.raises(Refused, match=r"它已停用（换地址），请先启用；.*修改账号“zghd”") as refusal:
        add_wechat(office.unit, "again", app_id=APP_ID)
    assert refusal.value.code == "known"


def test_another_unit_may_not_add_it_either_and_does_not_learn_its_name(office: Office) -> None:
    other = Office.make("township", prefix="t-")
    with pytest.raises(Refused, match="已由其他单位登记，账号未保存") as refusal:
        add_wechat(other.unit, "again", app_id=APP_ID)
    assert "zghd" not in refusal.value.message
    assert "中国河东" not in refusal.value.message


@pytest.mark.parametrize("typed", [f" {APP_ID} ", APP_ID.upper(), f"{APP_ID}\t"])
def test_blanks_and_capitals_do_not_make_it_another_account(office: Office, typed: str) -> None:
    with pytest.raises(Refused, match="已登记为“中国河东”"):
        add_wechat(office.unit, "again", app_id=typed)


def test_the_same_number_on_another_platform_is_another_account(office: Office) -> None:
    assert add_weibo(office.unit, "again", uid=APP_ID).identity == office.wechat.identity


def test_of_two_administrators_who_add_it_at_once_the_database_lets_one(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second had looked before the first had written."""
    look, looked = accounts._require_unknown, []

    def late(*given: Any) -> None:
        looked.append(given)
        if len(looked) > 1:
            look(*given)

    monkeypatch.setattr(accounts, "_require_unknown", late)
    before = rows()
    with pytest.raises(Refused, match="已登记为“中国河东”（zghd）") as refusal:
        add_wechat(office.unit, "again", app_id=APP_ID)
    assert refusal.value.code == "known"
    assert rows() == before


def test_a_hand_in_the_database_cannot_make_a_second_row_either(office: Office) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.create(
            unit=office.unit, slug="by-hand", channel="wechat", mode="mass", identity=APP_ID, created_at=NOW
        )


# --- what it is for ---------------------------------------------------------------------------------------


def test_the_days_mass_send_is_not_promised_again_by_adding_the_account_anew(engine: Engine) -> None:
    """Sent this morning; at noon the account is to stand at another address."""
    office = engine.office
    release = engine.signed(on=[office.wechat])
    engine.go(T + 2 * MINUTE)
    assert states(release) == ["live"]
    accounts.disable_account(office.wechat.slug, reason="换地址", actor="admin", now=engine.clock.now())
    with pytest.raises(Refused, match="已登记为“中国河东”"):
        add_wechat(office.unit, "zghd2", app_id=APP_ID)


def test_a_document_goes_to_a_real_account_once_when_no_account_is_named(engine: Engine) -> None:
    office = engine.office
    with pytest.raises(Refused):
        add_weibo(office.unit, "lyhd2", uid=UID)
    document = office.approved(article(3), now=SIGNED_AT)
    named = releases.accounts_named([], unit=office.unit)
    release = office.signed(document, on=named, now=SIGNED_AT)
    engine.go(T + 5 * MINUTE)
    assert states(release) == ["live", "live"]
    assert sorted(sent.slug for sent in engine.platform.sent) == ["lyhd", "zghd"]


# --- what an earlier version left -------------------------------------------------------------------------


def doubled_lines() -> list[Any]:
    return [one for one in health.examine(now=NOW, ask_platforms=False) if one.code == "doubled"]


def test_the_doctor_tells_of_two_rows_that_are_one_account_and_what_to_do(office: Office) -> None:
    assert doubled_lines() == []
    twin(office.weibo, "lyhd2")
    (line,) = doubled_lines()
    assert not line.ok
    assert "“临沂河东”（lyhd，" in line.message
    assert "“临沂河东二”（lyhd2，" in line.message
    assert f"是同一个微博账号（uid {UID}）" in line.message
    assert "tongfa account disable" in line.remedy


def test_once_one_of_them_is_disabled_the_doctor_is_content_and_it_cannot_be_enabled_again(office: Office) -> None:
    twin(office.weibo, "lyhd2")
    accounts.disable_account("lyhd2", reason="重复登记", actor="root", now=NOW)
    assert doubled_lines() == []
    with pytest.raises(Refused, match=r"与正在使用的“临沂河东”（lyhd）是同一个微博账号，未启用，没有改动") as refusal:
        accounts.enable_account("lyhd2", actor="root", now=NOW)
    assert refusal.value.code == "known"


def test_of_two_rows_the_other_may_be_taken_instead(office: Office) -> None:
    twin(office.weibo, "lyhd2")
    for slug in ("lyhd", "lyhd2"):
        accounts.disable_account(slug, reason="重复登记", actor="root", now=NOW)
    assert accounts.enable_account("lyhd2", actor="root", now=NOW).enabled
    with pytest.raises(Refused, match=r"“临沂河东二”（lyhd2）"):
        accounts.enable_account("lyhd", actor="root", now=NOW)
