"""Every address of the console, one by one: without a login it shows nothing, and of another unit it knows nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, get_resolver, reverse

from bot.models import Alarm, AssetUse, Release
from bot.services import people

from .urgent import asked
from .world import ARTICLES, District, now

Login = Callable[[str], Client]

#: Open to whoever comes, by design: what is there is public, a door for machines, or asks for a secret of its own.
OPEN = {
    "login", "login-code", "healthz", "callback", "rehearsal", "phone", "phone-article", "article-frame", "phone-media",
    "backstage", "backstage-publish", "rehearsal-open", "look", "look-post", "look-asset",
}  # fmt: skip
#: About whoever asks, or their own unit; nothing of another unit is named in the address.
OWN = {
    "today", "freeze", "unfreeze", "logout", "oauth-callback", "me", "password", "second-factor", "second-factor-confirm",
    "second-factor-remove", "recovery-codes", "my-deputy", "staff", "staff-add", "unit-add", "documents", "view-save", "import",
    "document-new", "picture", "releases", "release-new", "release-panel", "release-search", "desk-events", "exceptions",
    "calendar", "reviews", "review-batch", "review-phrases", "accounts", "account-new", "manual", "manual-new",
    "urgent", "urgent-write", "data", "data-export",
    "trail", "trail-verify", "trail-export", "tokens", "token-add",
}  # fmt: skip
#: A saved view is a person's; dropping one that is not theirs does nothing and says nothing.
SILENT = {"view-drop"}
#: Named by a row that takes a story of its own to make; their own tests try them from another unit.
ELSEWHERE = {
    "withdraw-confirm", "withdraw-drop", "withdraw-corrects", "takedown", "review-open", "review-link-revoke",
    "manual-correct", "manual-void", "manual-down", "manual-draft", "manual-task", "manual-task-drop",
}  # fmt: skip


def patterns() -> Iterator[URLPattern]:
    for pattern in get_resolver("bot.console.urls").url_patterns:
        if isinstance(pattern, URLPattern):
            yield pattern


def names() -> list[str]:
    return sorted({str(pattern.name) for pattern in patterns()})


class Theirs:
    """Things of another unit, by the names that addresses use for them."""

    def __init__(self, district: District) -> None:
        self.release: Release = district.signed()
        publication = self.release.publications.order_by("pk")[0]
        item = publication.items.order_by("position")[0]
        alarm = Alarm.objects.create(
            kind="overdue", subject=f"release:{self.release.pk}", unit=district.unit, release=self.release, out="no",
            message="x", raised_at=now(),
        )  # fmt: skip
        edition = item.edition
        urgency = asked(district, ARTICLES[2])
        self.values: dict[str, list[Any]] = {
            "release": [self.release.pk], "check-again": [self.release.pk], "alarm-read": [alarm.pk],
            "document": [edition.document.external_id], "post-frame": [item.post_id], "item-frame": [item.pk],
            "authorize": [district.accounts[1].slug], "preview-phone": [edition.pk, "portal"],
            "preview-body": [edition.pk, district.accounts[0].slug], "show": [edition.pk, district.accounts[0].slug],
            "my-deputy-end": [_deputyship(district, "duty")], "deputy-end": [_deputyship(district, "final")],
        }  # fmt: skip
        for name in names():
            if name.startswith(("release-", "withdraw", "calendar-")) and name not in OWN | ELSEWHERE:
                self.values[name] = [self.release.pk]
            elif name == "exception" or name.startswith("exception-"):
                self.values[name] = [publication.pk]
            elif name.startswith("urgency"):
                self.values[name] = [urgency.pk]
            elif name in {"review", "review-decide", "review-link"}:
                self.values[name] = [edition.pk]
            elif (name == "account" or name.startswith("account-")) and name not in OWN:
                self.values[name] = [district.accounts[0].slug]
        for name in (
            "autosave",
            "take-over",
            "still-here",
            "edition-save",
            "draft-discard",
            "edit",
            "document-submit",
            "waive",
            "policy",
            "preview",
            "urgent-notice",
            "urgent-rewrite",
            "urgent-ask",
            "compare",
            "attach",
            "detach",
            "cover",
            "cover-choose",
            "cover-frame",
            "cover-drop",
        ):
            self.values[name] = [edition.document.external_id]
        self.values["asset"] = [AssetUse.objects.filter(unit=district.unit).values_list("asset", flat=True)[0]]
        wechat = district.accounts[0].slug
        self.values["writing-phone"] = self.values["writing-body"] = [wechat, edition.document.external_id]
        self.values["writing-cover"] = [wechat, "a" * 64, edition.document.external_id]
        self.values["attachment"] = [edition.pk, "a" * 64]
        self.values["draft-file"] = ["a" * 64, edition.document.external_id]
        self.values["token-revoke"] = [_token(district)]
        for name in ("member", "member-roles", "member-active", "member-password", "member-factor", "member-deputy"):
            self.values[name] = [district.people["editor"].username]


def _token(district: District) -> int:
    from datetime import timedelta

    from bot.services import apitokens

    made, _ = apitokens.add_token(
        "门户网站", person=district.people["editor"], rights=["documents:read"], life=timedelta(days=30), actor="test",
        now=now(),
    )  # fmt: skip
    return int(made.pk)


def _deputyship(district: District, deputy: str) -> int:
    from datetime import timedelta

    from bot.services import deputies

    chief, today = district.people["releaser"], now().date()
    made = deputies.appoint(
        principal=chief, deputy=district.people[deputy], first_day=today, last_day=today + timedelta(days=2),
        reason="出差", person=chief, now=now(),
    )  # fmt: skip
    return int(made.pk)


@pytest.mark.parametrize("name", [name for name in names() if name not in OPEN])
def test_without_a_login_nothing_is_shown(client: Client, district: District, name: str) -> None:
    path = _some(name)
    for answer in (client.get(path), client.post(path)):
        assert answer.status_code == 302, (name, answer.status_code)
        assert answer.headers["Location"].startswith("/login"), name


def _some(name: str) -> str:
    return reverse(name, args=_args(name))


def _args(name: str) -> list[Any]:
    for given in (
        [],
        [1],
        ["x"],
        [1, "x"],
        ["a" * 64],
        [1, 1],
        ["x", "x"],
        ["x", 1],
        [1, "x", 1],
        ["x", "a" * 64],
        ["a" * 64, "x"],
        [1, "a" * 64],
        ["x", "a" * 64, "x"],
    ):
        try:
            reverse(name, args=given)
        except NoReverseMatch:
            continue
        return list(given)
    raise AssertionError(f"no address for {name}")


def test_every_address_is_open_ones_own_or_tried_from_another_unit(district: District) -> None:
    theirs = Theirs(District.make("town", "九曲街道"))
    assert set(names()) - OPEN - OWN - SILENT - ELSEWHERE - set(theirs.values) == set()


@pytest.mark.parametrize("who", ["editor", "first", "releaser", "duty", "admin"])
def test_of_another_unit_no_address_knows_anything(district: District, as_: Login, who: str) -> None:
    theirs = Theirs(District.make("town", "九曲街道"))
    client = as_(who)
    title = theirs.release.title
    for name, given in theirs.values.items():
        path = reverse(name, args=given)
        for answer in (client.get(path), client.post(path, {"reason": "x", "title": "x"})):
            if answer.status_code == 302:
                answer = client.get(answer.headers["Location"])
            assert answer.status_code in {403, 404, 405, 409}, (name, answer.status_code)
            assert title not in answer.content.decode(), name


def absent(name: str, given: list[Any]) -> list[Any]:
    """The same address for what nobody has: a number that was never given, a name that nobody chose."""
    return [
        10**9 if isinstance(one, int) else one if one in {"portal", "a" * 64} else _unknown(str(one)) for one in given
    ]


def _unknown(name: str) -> str:
    return "b" * 64 if re.fullmatch("[0-9a-f]{64}", name) else "no-such"


@pytest.mark.parametrize("who", ["editor", "first", "releaser", "duty", "admin"])
def test_what_another_unit_has_is_answered_as_what_nobody_has(district: District, as_: Login, who: str) -> None:
    """Not only is nothing of it shown: that there is something is not to be learned either."""
    theirs = Theirs(District.make("town", "九曲街道"))
    client = as_(who)
    told = {}
    for name, given in theirs.values.items():
        for method in (client.get, client.post):
            there, nowhere = (method(reverse(name, args=one)).status_code for one in (given, absent(name, given)))
            if there != nowhere:
                told[name] = (there, nowhere)
    assert told == {}


# --- text that is not public yet ------------------------------------------------------------------------------

#: Of these roles no page shows a text, nor a title of what is not public yet.
KEEPERS = ("sysadmin", "secadmin", "auditadmin")


def _member(district: District, *roles: str) -> Client:
    made = people.add_person(
        "holder-" + "-".join(roles),
        name="冯管",
        unit=district.unit,
        roles=list(roles),
        password=None,
        actor="test",
        now=now(),
    )
    client = Client()
    client.force_login(made)
    return client


def _texts(district: District) -> dict[str, str]:
    """Every address under which text stands that is not public yet, by its name."""
    own = Theirs(district)
    release = own.release.pk
    found = {name: reverse(name, args=given) for name, given in own.values.items()}
    push = own.release.publications.order_by("pk")[0].pk
    return {name: found[name] for name in (
        "document", "preview", "compare", "post-frame", "item-frame", "preview-phone", "preview-body", "review", "edit",
        "writing-phone", "writing-body", "writing-cover", "cover", "urgent-notice", "urgency",
    )} | {
        "documents": "/documents", "documents-found": "/documents?q=公交", "releases": "/releases", "reviews": "/reviews",
        "release": f"/releases/{release}", "withdraw": f"/releases/{release}/withdraw", "exceptions": "/exceptions",
        "exception": f"/exceptions/{push}", "release-events": f"/events/release/{release}", "urgent": "/urgent",
        "attachment": found["attachment"], "asset": f"/assets/{'a' * 64}", "manual": "/manual",
        "data": "/data", "data-export": "/data/export?form=csv",
        "release-sign": found["release-sign"], "release-edit": found["release-edit"], "calendar-move": found["calendar-move"],
    }  # fmt: skip


@pytest.mark.parametrize("role", KEEPERS)
def test_who_keeps_the_machine_the_people_or_the_trail_reads_no_text_by_any_address(
    district: District, role: str
) -> None:
    addresses, client = _texts(district), _member(district, role)
    for name, address in addresses.items():
        answer = client.get(address)
        assert answer.status_code == 403, (name, answer.status_code)
        assert "没有权限" in answer.content.decode(), name
        assert ARTICLES[0].summary not in answer.content.decode(), name


@pytest.mark.parametrize("role", KEEPERS)
def test_the_desk_and_the_calendar_tell_them_when_and_where_and_not_what(district: District, role: str) -> None:
    release = district.signed()
    client = _member(district, role)
    for address in ("/", "/calendar", "/calendar?view=week", "/calendar?view=list"):
        page = client.get(address).content.decode()
        assert f"发布单 {release.pk}" in page, address
        assert ARTICLES[0].title not in page, address
    assert ARTICLES[0].title in _member(district, "duty").get("/").content.decode()


@pytest.mark.parametrize("role", KEEPERS)
def test_an_administrator_finds_no_link_to_what_is_shut(district: District, role: str) -> None:
    district.signed()
    client = _member(district, role)
    for address in ("/", "/calendar", "/calendar?view=week", "/calendar?view=list", "/trail", "/me"):
        answer = client.get(address)
        if answer.status_code == 200:
            assert not re.findall(
                r'href="/(?:documents|releases|exceptions|preview|compare)[/"]', answer.content.decode()
            )


@pytest.mark.parametrize("role", ["editor", "first", "second", "final", "releaser", "duty", "auditor"])
def test_whoever_has_a_part_in_it_or_audits_it_reads(district: District, role: str) -> None:
    release = district.signed()
    item = release.publications.order_by("pk")[0].items.get()
    client = _member(district, role)
    for address in (
        "/documents", "/documents/HD-1", "/preview/HD-1", "/compare/HD-1", "/releases", f"/releases/{release.pk}",
        f"/frames/post/{item.post_id}", f"/frames/item/{item.pk}", "/exceptions", "/reviews",
    ):  # fmt: skip
        assert client.get(address).status_code == 200, address


def test_an_administrator_with_a_role_in_the_business_besides_reads_by_that(district: District) -> None:
    district.document()
    assert _member(district, "sysadmin", "auditor").get("/documents/HD-1").status_code == 200


#: About oneself: everybody is asked who they are, and nobody else's rights are touched.
ONES_OWN = {"second-factor-remove", "recovery-codes", "my-deputy"}


def _asking() -> list[str]:
    """Addresses that ask once more who is sitting there."""
    return sorted({str(pattern.name) for pattern in patterns() if getattr(pattern.callback, "act", "")} - ONES_OWN)


@pytest.mark.parametrize("name", _asking())
def test_nobody_is_asked_for_a_password_for_what_is_not_theirs_to_do(
    district: District, unasked: Login, name: str
) -> None:
    """Neither another unit's people, nor our own without the role: the refusal comes first."""
    theirs = Theirs(District.make("town", "九曲街道")).values.get(name)
    tries = [] if name in OWN else [("releaser", theirs)]
    tries += (
        [] if name in {"urgent-ask", "urgency-confirm"} else [("first", None)]
    )  # who reviews may have a part in these
    for who, given in tries:
        own = Theirs(district).values.get(name) if who == "first" else None
        path = reverse(name, args=given or own or _args(name))
        answer = unasked(who).post(path, {"reason": "x", "title": "x"})
        assert answer.status_code in {403, 404}, (name, who, answer.status_code)
        assert "stepup-password" not in answer.content.decode()
