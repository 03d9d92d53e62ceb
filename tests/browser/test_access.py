"""Everybody can use the pages: axe finds nothing, by keyboard all is reached, and a page weighs little (WCAG 2.2 AA)."""

from __future__ import annotations

import dataclasses

import pytest
from playwright.sync_api import expect

from bot.models import Person, Publication, Urgency
from bot.services import people
from tests.console.urgent import asked
from tests.console.world import ARTICLES, PASSWORD, District, hashed, now
from tests.support.axe import violations

from .conftest import Open
from .test_pages import busy_day

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("plain_covers")]

PAGES = (
    ("duty", "/"),
    ("editor", "/documents"),
    ("editor", "/import"),
    ("editor", "/new-document"),
    ("editor", "/edit/of/HD-9"),
    ("editor", "/preview/HD-1"),
    ("editor", "/documents/HD-1"),
    ("editor", "/me"),
    ("editor", "/me/password"),
    ("editor", "/me/second-factor"),
    ("editor", "/releases/new"),
    ("editor", "/releases/{planned}/edit"),
    ("editor", "/urgent"),
    ("editor", "/urgent/notice/HD-9"),
    ("editor", "/urgent/{urgency}"),
    ("first", "/reviews"),
    ("duty", "/releases"),
    ("duty", "/calendar"),
    ("duty", "/calendar?view=week"),
    ("duty", "/calendar?view=list"),
    ("editor", "/calendar/releases/{planned}/move"),
    ("duty", "/exceptions"),
    ("duty", "/exceptions/{case}"),
    ("editor", "/releases/{release}/withdraw"),
    ("duty", "/manual"),
    ("duty", "/manual/new"),
    ("duty", "/accounts"),
    ("manager", "/people"),
    ("manager", "/people/person/duty"),
    ("duty", "/releases/{release}"),
    ("duty", "/data"),
    ("duty", "/data?sheet=1"),
    ("releaser", "/releases/{planned}/sign"),
    ("admin", "/accounts/new?channel=wechat"),
    ("admin", "/accounts/new?channel=weibo"),
    ("admin", "/accounts/wx"),
    ("admin", "/accounts/wx/edit"),
    ("admin", "/accounts/wx/credentials"),
    ("admin", "/accounts/api/tokens"),
    ("", "/login"),
)
HEAVIEST = 150_000  # bytes over the wire at the first visit


def furnished(district: District) -> int:
    """A busy day, a draft, and somebody who manages people."""
    pk = busy_day(district)
    district.document(dataclasses.replace(ARTICLES[0], external_id="HD-9", title="还在写的通知"))
    asked(district, dataclasses.replace(ARTICLES[2], external_id="HD-10", title="道路塌陷紧急公告"))
    manager: Person = people.add_person(
        "manager", name="冯安", unit=district.unit, roles=["secadmin"], password=PASSWORD, actor="test", now=now()
    )
    district.people["manager"] = manager
    for who in ("first", "releaser", "admin"):
        district.people[who].password = hashed()
        district.people[who].save(update_fields=["password"])
    return pk


@pytest.mark.parametrize(
    ("size", "scheme"), [("desk", "light"), ("desk", "dark"), ("phone", "light"), ("phone", "dark")]
)
def test_axe_finds_nothing_on_any_page(size: str, scheme: str, district: District, window: Open) -> None:
    names = {"release": furnished(district), "urgency": Urgency.objects.values_list("pk", flat=True).get()}
    names["planned"] = district.planned(dataclasses.replace(ARTICLES[0], external_id="HD-11")).pk
    names["case"] = Publication.objects.filter(state="needs_person").values_list("pk", flat=True)[0]
    told: list[str] = []
    for who in dict.fromkeys(who for who, _ in PAGES):
        with window(size, scheme, login=who, at="") as page:
            for path in (path for login, path in PAGES if login == who):
                page.goto(path.format_map(names))
                page.wait_for_load_state("networkidle")
                told += [f"{path} {found}" for found in violations(page)]
    assert not told, "\n".join(told)


@pytest.mark.parametrize(
    ("size", "scheme"), [("desk", "light"), ("desk", "dark"), ("phone", "light"), ("phone", "dark")]
)
def test_axe_finds_nothing_on_the_page_that_asks_once_more(
    size: str, scheme: str, district: District, window: Open
) -> None:
    furnished(district)
    pk = district.planned(dataclasses.replace(ARTICLES[0], external_id="HD-11")).pk
    with window(size, scheme, login="releaser", at="") as page:
        page.goto(f"/releases/{pk}/sign")
        page.get_by_role("button", name="签发", exact=True).click()
        expect(page.locator("#stepup-password")).to_be_visible()
        assert violations(page) == []


def test_a_first_visit_weighs_little(district: District, window: Open) -> None:
    """Whatever page is the first: that of the desk, of a list, of a release, of the month."""
    pk = furnished(district)
    with window(login="duty") as page:
        sizes: list[int] = []
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        weights = {}
        for path in ("/", "/documents", "/reviews", f"/releases/{pk}", "/calendar", "/exceptions", "/manual", "/data"):
            session.send("Network.clearBrowserCache")
            sizes.clear()
            page.goto(path)
            page.wait_for_load_state("networkidle")
            weights[path] = sum(sizes)
        assert all(0 < weight < HEAVIEST for weight in weights.values()), weights
