"""What the service tests are made of: a unit with five people and two accounts, and short words for the editorial way.

    office = Office.make()                       # unit, people, accounts zghd (wechat, mass) and lyhd (weibo, share)
    document = office.approved(article(1))       # imported, submitted, passed three times
    release = office.signed(document)            # planned on both accounts, half an hour after NOW, signed
    release = office.signed(document, instant=now + timedelta(minutes=5), on=[office.weibo], now=now)

Nothing listens at the accounts' addresses: whatever calls a platform fails at once. Both accounts hold a token.
Time is the value `NOW` (09:00 in Beijing) unless a test says otherwise; only tokens and call counters read the clock.
"""

from __future__ import annotations

import dataclasses
import io
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from django.conf import settings
from django.db import connection, transaction
from django.test import override_settings
from PIL import Image

from bot.domain.article import Article, Kind
from bot.domain.channel import Grant
from bot.domain.post import Asset
from bot.domain.secret import Secret
from bot.domain.sync import AfterLive, Policy, Then
from bot.domain.workflow import Verdict
from bot.models import Account, Document, Edition, Person, Publication, Release, Unit, triggers
from bot.rendering import covers
from bot.runtime.paths import Home
from bot.services import accounts, clocksafety, documents, editorial, home, people, releases, vault
from bot.services.ports import store_token

if TYPE_CHECKING:
    import pytest

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # Monday, 09:00 in Beijing
HALF_HOUR = timedelta(minutes=30)
NOWHERE = "http://127.0.0.1:9"  # nothing listens there
APP_ID, UID = "wxrehearsal0000001", "2017000001"
PORTAL = "https://www.hedong.gov.cn"
PAGE = f"{PORTAL}/info/1.html"
STEPS = ("first", "second", "final")
#: key (and login name) -> name, roles
PEOPLE: Mapping[str, tuple[str, list[str]]] = {
    "editor": ("李拟", ["editor"]),
    "first": ("王初", ["first"]),
    "second": ("赵复", ["second"]),
    "final": ("钱终", ["final"]),
    "releaser": ("孙签", ["releaser", "duty"]),
}


def article(number: int = 1, **changes: Any) -> Article:
    """A notice that the gate lets pass; `number` makes it another one."""
    plain = Article(
        f"HD-{number}",
        Kind.NOTICE,
        f"关于调整城区公交线路的通知之{number}",
        "自12月1日起，3路、8路公交车调整部分站点。",
        "<p>自12月1日起调整，请市民留意站牌。</p>",
        unit="河东区人民政府办公室",
        category="通知公告",
        source_url=f"{PORTAL}/info/{number}.html",
        published_on=date(2026, 11, 20),
    )
    return dataclasses.replace(plain, **changes)


def policy(number: int = 50, **changes: Any) -> Article:
    """A policy document: it cannot go without its interpretation."""
    given: dict[str, Any] = {
        "kind": Kind.DISCLOSURE,
        "title": "河东区人民政府关于印发河东区公共租赁住房管理办法的通知",
        "summary": "为规范公共租赁住房的分配、使用和退出，制定本办法。",
        "document_number": "临东政发〔2026〕12号",
        "category": "政策文件",
        "formed_on": date(2026, 11, 18),
    }
    return article(number, **given | changes)


def interpretation(number: int = 51, *, of: str = "HD-50", **changes: Any) -> Article:
    """The interpretation of the document with the external id `of`."""
    given: dict[str, Any] = {
        "kind": Kind.INTERPRETATION,
        "title": "《河东区公共租赁住房管理办法》政策解读",
        "summary": "哪些人可以申请、怎样申请、什么情况要退出，一文读懂。",
        "category": "政策解读",
        "interprets": of,
    }
    return article(number, **given | changes)


def after_live(*, wait: timedelta = timedelta(minutes=2), then: Then = Then.ASK, url: str = PAGE) -> AfterLive:
    """A sync policy: not before the page of the first article is live."""
    return AfterLive(url, article().title, wait, then)


def up_for_long() -> AbstractContextManager[object]:
    """As on a machine that was started long ago: on one that has just been, nothing is over while no platform told its time."""
    return patch.object(clocksafety, "PATIENCE", 0.0)


@contextmanager
def fresh_home(path: Path, *, live: bool = False) -> Iterator[Path]:
    """A home of its own at `path`, with keys, rehearsal or live; `settings.TONGFA` points at it meanwhile."""
    with override_settings(TONGFA=dataclasses.replace(settings.TONGFA, home=Home(path))), up_for_long():
        vault.make_keys(path)
        home.write(home.HomeFacts(live=live, rehearsal_port=9))
        yield path


@cache
def tiny_cover(layout: str) -> covers.Cover:
    """What `cheap_covers` puts in place of a drawn cover: a small white picture, the real crops."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 32), "white").save(buffer, "PNG")
    crops = covers._crops() if layout == "wide+square" else {}
    return covers.Cover(Asset(buffer.getvalue(), "image/png", "cover.png"), crops)


def draw_tiny_covers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing draws a cover any more: that takes a third of a second, and few look at it."""
    render = sys.modules["bot.rendering.render"]  # the package shows a function of that name
    monkeypatch.setattr(render, "draw_cover", lambda article, spec, *, place: tiny_cover(spec.layout))


def drop_rules(*, event: str = "") -> None:
    """Take the database's triggers away: a hand in the database with all rights. `event`: only those, e.g. DELETE."""
    with transaction.atomic(), connection.cursor() as cursor:
        for rule in triggers.rules_of(connection.vendor):
            if not event or rule.event == event:
                on = f" ON {rule.table}" if connection.vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER IF EXISTS tongfa_{rule.name}{on}")


@contextmanager
def lifted(*names: str) -> Iterator[None]:
    """Some of the database's rules hold nothing back inside: for what no service does."""
    rules = [rule for rule in triggers.rules_of(connection.vendor) if rule.name in names]
    assert len(rules) == len(names)
    with connection.cursor() as cursor:
        for rule in rules:
            cursor.execute(_without(rule))
        yield
        for rule in rules:  # on SQLite the second statement makes it, on PostgreSQL the first is its function
            first, second, *_ = triggers.statements(connection.vendor, [rule])
            cursor.execute(first if connection.vendor == "postgresql" else second)


def _without(rule: triggers.Rule) -> str:
    if connection.vendor == "sqlite":
        return f"DROP TRIGGER tongfa_{rule.name}"
    body = f"$$ BEGIN RETURN {'OLD' if rule.event == 'DELETE' else 'NEW'}; END $$ LANGUAGE plpgsql"
    return f"CREATE OR REPLACE FUNCTION tongfa_{rule.name}() RETURNS trigger AS {body}"


#: What a hand in the database must lift to put a push into any state.
MOVED = ("publication_follows_the_table", "publication_kept_while_signed", "publication_withdrawn_by_two")
#: What a hand in the database must lift to change a signed release or its pushes.
KEPT = ("release_kept_while_signed", "publication_kept_while_signed")


def force(publications: Any, state: str, **columns: Any) -> None:
    """Put publications into a state by hand, whatever the delivery table and the signature say."""
    with lifted(*MOVED):
        publications.update(state=state, **columns)


@dataclass
class Office:
    """A unit, its people by role, its two accounts; every step goes through the services."""

    unit: Unit
    people: dict[str, Person]
    wechat: Account
    weibo: Account

    @classmethod
    def make(cls, code: str = "office", *, prefix: str = "", api: str = NOWHERE) -> Office:
        """Another office in the same database needs another `code` and a `prefix` for logins and slugs."""
        unit = people.ensure_unit(code, "河东区政府办公室", now=NOW, actor="test")
        members = {
            key: people.add_person(
                prefix + key, name=name, unit=unit, roles=roles, password=None, actor="test", now=NOW
            )
            for key, (name, roles) in PEOPLE.items()
        }
        return cls(unit, members, add_wechat(unit, f"{prefix}zghd", api=api), add_weibo(unit, f"{prefix}lyhd", api=api))

    @property
    def accounts(self) -> list[Account]:
        return [self.wechat, self.weibo]

    def took(self, given: Article | None = None, *, now: datetime = NOW) -> Document:
        """The document (or its new edition) as the editor handed it in."""
        given = given or article()
        documents.save_article(given, person=self.people["editor"], now=now)
        documents._link_waiting(self.unit)
        return documents.find_document(given.external_id, unit=self.unit)

    def submitted(self, given: Article | None = None, *, now: datetime = NOW) -> Document:
        document = self.took(given, now=now)
        editorial.submit(document, person=self.people["editor"], now=now)
        return document

    def passes(self, document: Document, *steps: str, now: datetime = NOW) -> Edition:
        """Let the reviewers of these steps (all three by default) pass it."""
        for step in steps or STEPS:
            edition = editorial.review(document, person=self.people[step], verdict=Verdict.PASS, now=now)
        return edition

    def approved(self, given: Article | None = None, *, now: datetime = NOW) -> Document:
        document = self.submitted(given, now=now)
        self.passes(document, now=now)
        return document

    def approved_pair(self) -> tuple[Document, Document]:
        """A policy and its interpretation, both approved."""
        self.took(policy())
        self.took(interpretation())
        return self.approved(policy()), self.approved(interpretation())

    def planned(
        self, *chosen: Document, instant: datetime = NOW + HALF_HOUR, on: Sequence[Account] = (), now: datetime = NOW,
        sync: Policy | None = None,
    ) -> Release:  # fmt: skip
        """Approved documents (one is made when none is given) on these accounts, both by default."""
        return releases.plan(
            title="", instant=instant, documents=chosen or [self.approved()], accounts=on or self.accounts,
            person=self.people["editor"], now=now, sync=sync,
        )  # fmt: skip

    def signs(self, release: Release, *, now: datetime = NOW) -> Release:
        return releases.sign(release, person=self.people["releaser"], now=now)

    def signed(
        self, *chosen: Document, instant: datetime = NOW + HALF_HOUR, on: Sequence[Account] = (), now: datetime = NOW,
        sync: Policy | None = None,
    ) -> Release:  # fmt: skip
        return self.signs(self.planned(*chosen, instant=instant, on=on, now=now, sync=sync), now=now)


def own_uid(slug: str) -> str:
    """By what Weibo knows the account of that slug."""
    return UID if slug == "lyhd" else str(3_000_000_000 + zlib.crc32(slug.encode()))


def add_wechat(
    unit: Unit, slug: str = "zghd", *, kind: str = "subscription", api: str = NOWHERE, app_id: str = ""
) -> Account:
    """“中国河东”, 群发 mode, with a token in the store. Each slug is another real account unless `app_id` says otherwise."""
    own = app_id or (APP_ID if slug == "zghd" else f"wx-{slug}")
    account = accounts.add_account(
        slug, channel="wechat", name="中国河东", mode="mass", unit=unit, endpoints={"api": f"{api}/wechat"},
        options={"app_id": own, "account_type": kind}, credentials={"app_secret": Secret("wechat-secret")},
        actor="test", now=NOW,
    )  # fmt: skip
    store_token(account, grant(), now=NOW)
    return account


def add_weibo(unit: Unit, slug: str = "lyhd", *, api: str = NOWHERE, uid: str = "") -> Account:
    """“临沂河东”, with a token in the store. Each slug is another real account unless `uid` says otherwise."""
    account = accounts.add_account(
        slug, channel="weibo", name="临沂河东", mode="share", unit=unit, endpoints={"api": f"{api}/weibo"},
        options={"app_key": "key", "uid": uid or own_uid(slug), "safe_domain": "www.hedong.gov.cn", "rip": "203.0.113.7"},
        credentials={"app_secret": Secret("weibo-secret")}, actor="test", now=NOW,
    )  # fmt: skip
    store_token(account, grant(), now=NOW)
    return account


def grant(token: str = "a-token-of-a-test") -> Grant:
    """A token that does not end."""
    return Grant(Secret(token), datetime(2099, 1, 1, tzinfo=UTC))


def publication(release: Release, account: Account, lane: int = 0) -> Publication:
    """The push of a release on one account, fresh from the database."""
    return Publication.objects.select_related("release__unit", "account").get(
        release=release, account=account, lane=lane
    )
