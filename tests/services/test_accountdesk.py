"""账号: what the system administrator may do, and nobody else; what is written down of who answers for an account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from bot.domain.channel import CheckResult
from bot.domain.custody import Duty
from bot.domain.secret import Secret
from bot.models import AccountCheck, AuditEvent, Credential, Custody, Person
from bot.services import accountdesk, accounts, people
from bot.services.errors import NotFound, Refused

from .factories import NOW, Office

TODAY = date(2026, 11, 23)


@pytest.fixture
def admin(office: Office) -> Person:
    return people.add_person(
        "admin", name="吴管", unit=office.unit, roles=["sysadmin"], password=None, actor="test", now=NOW
    )


def acts(slug: str, person: Person) -> list[Callable[[], object]]:
    by = {"person": person, "now": NOW}
    plain = {"subject": "河东区人民政府", "verified_until": TODAY, "ip_note": "203.0.113.7", "manual_reason": ""}
    return [
        lambda: accountdesk.describe(slug, **plain, **by),  # type: ignore[arg-type]
        lambda: accountdesk.hand_over(slug, Duty.HOLDER, name="郑保", contact="", since=TODAY, **by),  # type: ignore[arg-type]
        lambda: accountdesk.put_credentials(slug, {"app_secret": Secret("new")}, **by),  # type: ignore[arg-type]
        lambda: accountdesk.disable(slug, reason="换人", **by),  # type: ignore[arg-type]
        lambda: accountdesk.enable(slug, **by),  # type: ignore[arg-type]
        lambda: accountdesk.examine(slug, **by),  # type: ignore[arg-type]
    ]


def test_only_the_system_administrator_acts(office: Office) -> None:
    before = AuditEvent.objects.count()
    for who in ("editor", "final", "releaser"):
        for act in acts("zghd", office.people[who]):
            with pytest.raises(Refused) as caught:
                act()
            assert caught.value.code == "role"
    assert AuditEvent.objects.count() == before


def test_a_unit_never_reaches_anothers_accounts(office: Office, admin: Person) -> None:
    Office.make("street", prefix="s-")
    for act in acts("s-zghd", admin):
        with pytest.raises(NotFound):
            act()
    with pytest.raises(NotFound):
        accountdesk.account_of("s-zghd", person=admin)


def test_all_of_it_is_in_the_trail_and_no_secret_is(office: Office, admin: Person) -> None:
    for act in acts("zghd", admin):
        act()
    lines = AuditEvent.objects.filter(subject="account:zghd", actor="admin")
    assert set(lines.values_list("action", flat=True)) == {
        "account.described", "account.custody", "credential.set", "account.disabled", "account.enabled",
        "account.checked",
    }  # fmt: skip
    assert not any("new" in str(line.data) for line in lines.filter(action="credential.set"))


def test_what_staff_wrote_down_is_kept_and_saying_the_same_again_is_refused(office: Office, admin: Person) -> None:
    describe = acts("zghd", admin)[0]
    describe()
    office.wechat.refresh_from_db()
    assert (office.wechat.subject, office.wechat.verified_until) == ("河东区人民政府", TODAY)
    with pytest.raises(Refused, match="没有改动"):
        describe()


def test_a_handover_ends_the_former_holder_on_that_day_and_keeps_them(office: Office, admin: Person) -> None:
    given = {"contact": "wx-zheng", "person": admin, "now": NOW}
    accountdesk.hand_over("zghd", Duty.HOLDER, name="郑保", since=TODAY - timedelta(days=30), **given)  # type: ignore[arg-type]
    accountdesk.hand_over("zghd", Duty.HOLDER, name="冯接", since=TODAY, **given)  # type: ignore[arg-type]
    accountdesk.hand_over("zghd", Duty.DEPUTY, name="陈副", since=TODAY, **given)  # type: ignore[arg-type]
    rows = Custody.objects.filter(duty="holder").order_by("pk").values_list("name", "since", "until")
    assert list(rows) == [("郑保", TODAY - timedelta(days=30), TODAY), ("冯接", TODAY, None)]
    with pytest.raises(Refused, match="不能更早"):
        accountdesk.hand_over("zghd", Duty.HOLDER, name="褚早", since=TODAY - timedelta(days=1), **given)  # type: ignore[arg-type]


def test_an_examination_keeps_each_line_with_its_remedy_and_only_the_newest(
    office: Office, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [CheckResult("令牌", True, "有效", code="token"), CheckResult("IP 白名单", False, "不在名单", code="ip")]
    monkeypatch.setattr(accounts, "check_account", lambda account: found)
    check = accountdesk.examine("zghd", person=admin, now=NOW)
    assert (check.ok, [line["ok"] for line in check.lines]) == (False, [True, False])
    assert check.lines[1]["remedy"]
    monkeypatch.setattr(accounts, "check_account", lambda account: found[:1])
    assert accountdesk.examine("zghd", person=admin, now=NOW).ok
    assert AccountCheck.objects.count() == 1


def test_a_platform_that_does_not_answer_is_a_line_and_no_error(office: Office, admin: Person) -> None:
    check = accountdesk.examine("zghd", person=admin, now=NOW)
    assert not check.ok
    assert any(not line["ok"] and line["message"] for line in check.lines)


def test_a_new_account_belongs_to_the_administrators_unit_and_has_a_sound_name(office: Office, admin: Person) -> None:
    given = {
        "channel": "wechat", "name": "河东教育", "mode": "mass", "endpoints": {"api": "http://127.0.0.1:9/wechat"},
        "options": {"app_id": "wx-other", "account_type": "service"}, "proxy": "", "person": admin, "now": NOW,
    }  # fmt: skip
    for slug in ("new", "UP", "a b", "", "x" * 41, "../a"):
        with pytest.raises(Refused, match="代号"):
            accountdesk.add(slug, **given)  # type: ignore[arg-type]
    made = accountdesk.add("hdjy", **given)  # type: ignore[arg-type]
    assert (made.unit, Credential.objects.filter(account=made).count()) == (office.unit, 0)
