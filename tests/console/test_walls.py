"""Every address of the console, one by one: without a login it shows nothing, and of another unit it knows nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, get_resolver, reverse

from bot.models import Alarm, Release

from .urgent import asked
from .world import ARTICLES, District, now

Login = Callable[[str], Client]

#: Open to whoever comes, by design: what is there is public, a door for machines, or asks for a secret of its own.
OPEN = {
    "login", "login-code", "healthz", "callback", "rehearsal", "phone", "phone-article", "article-frame", "phone-media",
    "look", "look-post", "look-asset",
}  # fmt: skip
#: About whoever asks, or their own unit; nothing of another unit is named in the address.
OWN = {
    "today", "freeze", "unfreeze", "logout", "oauth-callback", "me", "password", "second-factor", "second-factor-confirm",
    "second-factor-remove", "recovery-codes", "my-deputy", "staff", "staff-add", "documents", "view-save", "import",
    "document-new", "picture", "releases", "release-new", "release-panel", "release-search", "desk-events", "exceptions",
    "calendar", "reviews", "review-batch", "review-phrases", "accounts", "account-new", "manual", "manual-new",
    "urgent", "urgent-write",
    "trail", "trail-verify", "trail-export", "tokens", "token-add",
}  # fmt: skip
#: A saved view is a person's; dropping one that is not theirs does nothing and says nothing. A picture's name is its hash.
SILENT = {"view-drop", "asset"}
#: Named by a row that takes a story of its own to make; their own tests try them from another unit.
ELSEWHERE = {
    "withdraw-confirm", "withdraw-drop", "withdraw-corrects", "takedown", "review-open", "review-link-revoke",
    "manual-correct", "manual-void", "manual-task", "manual-task-drop",
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
            "my-deputy-end": [_deputyship(district)], "deputy-end": [_deputyship(district)],
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


def _deputyship(district: District) -> int:
    from datetime import timedelta

    from bot.services import deputies

    chief, today = district.people["releaser"], now().date()
    made = deputies.appoint(
        principal=chief, deputy=district.people["duty"], first_day=today, last_day=today + timedelta(days=2),
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
    ):
        try:
            return reverse(name, args=given)
        except NoReverseMatch:
            continue
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
