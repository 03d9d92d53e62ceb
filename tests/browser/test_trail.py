"""留痕 and 接口令牌 in a real browser: filtered and checked without a reload; readable in every size and scheme."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from bot.services import apitokens, audit, people, trailcheck
from tests.console.world import ARTICLES, District, hashed, now

from .conftest import Open, fits, shoot
from .test_access import violations

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("plain_covers")]


@pytest.fixture
def full(district: District) -> District:
    """A unit with an auditor, a signed release, tokens, and a long trail."""
    for key, roles in (("auditor", ["auditor"]), ("auditadmin", ["auditadmin"])):
        one = people.add_person(
            key, name="郑审", unit=district.unit, roles=roles, password=None, actor="吴管", now=now()
        )
        one.password = hashed()
        one.save(update_fields=["password"])
    admin = district.people["admin"]
    admin.password = hashed()
    admin.save(update_fields=["password"])
    district.signed(*ARTICLES[:2], title="公交线路调整")
    for number in range(60):
        audit.append(
            "系统", "metrics.sampled", "account:wx", {"day": f"2026-11-{number % 28 + 1:02}", "posts": 3}, now=now()
        )
    for name, person, days in (("门户网站", "editor", 300), ("指标大屏", "releaser", 9)):
        apitokens.add_token(name, person=district.people[person], rights=["documents:read", "metrics:read"],
                            life=timedelta(days=days), actor="admin", now=now())  # fmt: skip
    return district


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_the_trail_is_filtered_and_checked_without_a_reload(
    full: District, window: Open, monkeypatch: pytest.MonkeyPatch, size: str, scheme: str
) -> None:
    monkeypatch.setattr(trailcheck.check_on, "__kwdefaults__", {"most": 40})
    with window(size, scheme, login="auditadmin", at="") as page:
        page.goto("/trail")
        assert fits(page)
        shoot(page, f"trail-{size}-{scheme}")
        page.select_option("#sort", "release")
        expect(page.locator("#rows")).not_to_contain_text("取 2026-11")
        expect(page.locator("#rows")).to_contain_text("签发，清单哈希尾号")
        expect(page.locator('#exports input[name="sort"]').first).to_have_value("release")
        assert "sort=release" in page.url
        page.get_by_role("button", name="从头核验").click()
        expect(page.locator("#check")).to_contain_text("全部相符")
        assert violations(page) == []
        assert fits(page)
        page.locator("#check").scroll_into_view_if_needed()
        shoot(page, f"trail-checked-{size}-{scheme}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_tokens_and_the_desk_are_readable(full: District, window: Open, size: str, scheme: str) -> None:
    with window(size, scheme, login="admin", at="") as page:
        page.goto("/accounts/api/tokens")
        expect(page.locator("main")).to_contain_text("快到期")
        assert violations(page) == []
        assert fits(page)
        shoot(page, f"tokens-{size}-{scheme}")
        page.goto("/")
        expect(page.locator(".health")).to_contain_text("门户网站")
        assert fits(page)
        shoot(page, f"desk-portal-{size}-{scheme}")
