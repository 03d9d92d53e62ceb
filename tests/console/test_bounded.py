"""Every list and page asks the database a bounded number of questions: with four times as much in it, no more."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta

import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bot.domain.article import Article
from bot.models import Account, Alarm, ManualCount, ManualPost, ManualSample, Person, Release
from bot.services import editorial, people
from tests.services.factories import lifted

from .urgent import asked
from .world import ARTICLES, District, attempt, now, put

Login = Callable[[str], Client]

#: Who looks, at what, and the most questions that are in order. `{...}` is named by `Furnished`.
PAGES = (
    ("duty", "/", 45),
    ("editor", "/documents", 12),
    ("editor", "/documents?q=通知", 12),
    ("editor", "/documents?state=submitted", 12),
    ("editor", "/documents?only=unpaired", 12),
    ("editor", "/documents/{document}", 25),
    ("editor", "/documents/{draft}", 28),
    ("editor", "/preview/{document}", 15),
    ("editor", "/compare/{document}", 12),
    ("editor", "/edit/of/{draft}", 25),
    ("editor", "/cover/of/{draft}", 25),
    ("editor", "/import", 10),
    ("first", "/reviews", 20),
    ("first", "/reviews?tab=late", 20),
    ("editor", "/reviews?tab=mine", 20),
    ("editor", "/reviews?tab=returned", 20),
    ("first", "/reviews/{waiting}", 40),
    ("releaser", "/releases", 14),
    ("releaser", "/releases?q=通知", 14),
    ("releaser", "/releases/{release}", 40),
    ("releaser", "/releases/{stuck}", 40),
    ("releaser", "/releases/{planned}/sign", 35),
    ("releaser", "/releases/{planned}/edit", 35),
    ("editor", "/releases/new", 20),
    ("editor", "/releases/new/search?q=通知", 20),
    ("releaser", "/calendar", 22),
    ("releaser", "/calendar?view=week", 22),
    ("releaser", "/calendar?view=list", 22),
    ("releaser", "/calendar/releases/{planned}/move", 20),
    ("releaser", "/exceptions", 20),
    ("releaser", "/exceptions/{unsolved}", 25),
    ("releaser", "/releases/{live}/withdraw", 20),
    ("releaser", "/manual", 15),
    ("releaser", "/manual/new", 15),
    ("releaser", "/data", 30),
    ("releaser", "/data?period=last-quarter", 30),
    ("releaser", "/data?sheet=1", 30),
    ("duty", "/urgent", 20),
    ("editor", "/urgent/notice/{draft}", 30),
    ("releaser", "/urgent/{urgency}", 30),
    ("admin", "/accounts", 15),
    ("admin", "/accounts/wx", 20),
    ("admin", "/accounts/api/tokens", 12),
    ("auditor", "/trail", 15),
    ("manager", "/people", 12),
    ("manager", "/people/person/duty", 15),
    ("editor", "/me", 12),
)


class Furnished:
    """A district of which there is more and more; the first of each is what addresses name."""

    def __init__(self, district: District) -> None:
        self._district, self._number = district, 10
        for name, roles in {"auditor": ["auditor"], "manager": ["secadmin"]}.items():
            district.people[name] = self._person(name, roles)
        Account.objects.filter(pk=district.accounts[0].pk).update(mode="publish")  # 群发 would have one a day
        district.accounts[0].refresh_from_db()
        self.names: dict[str, object] = {}
        self.more()

    def more(self) -> None:
        """One of each."""
        waiting = self._district.document(self._article())
        editorial.submit(waiting, person=self._district.people["editor"], now=now())
        draft = self._district.document(self._article())
        planned, release = self._district.planned(self._article()), self._district.signed(self._article())
        live, unsolved = self._released("live"), self._released("needs_person")
        self._partly_public()
        urgency = asked(self._district, self._article())
        self._alarm(release)
        self._by_hand()
        self._half_by_hand()
        self._person(f"staff{self._number}", ["editor"])
        for name, value in {
            "document": live.publications.all()[0].items.all()[0].edition.document.external_id,
            "waiting": waiting.current.pk, "waiting_id": waiting.external_id, "draft": draft.external_id,
            "planned": planned.pk, "release": release.pk, "live": live.pk, "urgency": urgency.pk,
            "unsolved": unsolved.publications.order_by("pk")[0].pk,
        }.items():  # fmt: skip
            self.names.setdefault(name, value)

    def _article(self) -> Article:
        self._number += 1
        like = ARTICLES[0]
        return dataclasses.replace(
            like, external_id=f"HD-{self._number}", title=f"{like.title}（{self._number}）",
            source_url=f"https://www.hedong.gov.cn/a/{self._number}.html", document_number="",
        )  # fmt: skip

    def _released(self, state: str) -> Release:
        release = self._district.signed(self._article())
        for publication in release.publications.all():
            attempt(publication, outcome="accepted" if state == "live" else "unknown")
            put(publication, state, reason="" if state == "live" else "没有收到应答，请核对。")
        return release

    def _partly_public(self) -> None:
        """The WeChat push is out, the first of the Weibo lane unknown, the rest held behind it."""
        release = self._district.signed(*(self._article() for _ in range(3)))
        first, *rest = release.publications.filter(account=self._district.accounts[1]).order_by("lane")
        out = release.publications.get(account=self._district.accounts[0])
        attempt(out, outcome="accepted")
        put(out, "live")
        attempt(first, outcome="unknown")
        put(first, "unknown", reason="没有收到应答，正在核对。")
        for one in rest:
            put(one, "held", reason="同一账号的上一条没有发成。")
        self.names.setdefault("stuck", release.pk)

    def _alarm(self, release: Release) -> None:
        Alarm.objects.create(
            kind="overdue", subject=f"release:{release.pk}", unit=self._district.unit, release=release, out="no",
            message="超过时刻还没有发出。", raised_at=now(),
        )  # fmt: skip

    def _by_hand(self) -> None:
        person, at = self._district.people["duty"], now() - timedelta(hours=self._number)
        post = ManualPost.objects.create(
            unit=self._district.unit, account=self._district.accounts[0], mode="publish", title=f"手工发布{self._number}",
            url=f"https://mp.weixin.qq.com/s/{self._number:08d}", post_key=f"{self._number:08d}", posted_at=at,
            posted_by=person, entered_by=person, entered_at=now(),
        )  # fmt: skip
        ManualCount.objects.create(post=post, platform_id=f"{self._number}_1", asked_at=now())
        ManualSample.objects.create(post=post, taken_at=now(), values={"reads": self._number}, raw="{}")

    def _half_by_hand(self) -> None:
        """Its instant has passed: the machine's part is public, people have not posted theirs."""
        wechat = self._district.accounts[0]
        Account.objects.filter(pk=wechat.pk).update(manual_reason="没有发布接口权限")
        wechat.refresh_from_db()
        release = self._district.signed(self._article(), self._article(), ahead=timedelta(hours=2))
        Account.objects.filter(pk=wechat.pk).update(manual_reason="")
        wechat.refresh_from_db()
        with lifted("release_kept_while_signed"):
            Release.objects.filter(pk=release.pk).update(instant=now() - timedelta(minutes=1))
        for publication in release.publications.all():
            attempt(publication, outcome="accepted")
            put(publication, "live")

    def _person(self, name: str, roles: list[str]) -> Person:
        return people.add_person(
            name, name="郑新", unit=self._district.unit, roles=roles, password=None, actor="test", now=now()
        )


def questions(client: Client, address: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(address)
    assert answer.status_code == 200, address
    return [one["sql"] for one in captured.captured_queries]


def test_four_times_as_much_needs_no_more_questions(district: District, as_: Login) -> None:
    with time_machine.travel(now(), tick=False):  # a session writes down once a minute that somebody is there
        require_no_more_questions(district, as_)


def require_no_more_questions(district: District, as_: Login) -> None:
    furnished = Furnished(district)
    clients = {who: as_(who) for who, _, _ in PAGES}
    addresses = [(clients[who], path.format_map(furnished.names), most) for who, path, most in PAGES]
    for client, address, _ in addresses:
        client.get(address)  # a session's first page notes when it began; an index of the trail catches up
    before = [questions(client, address) for client, address, _ in addresses]
    for _ in range(3):
        furnished.more()
    for client, address, _ in addresses:
        client.get(address)
    grown = {}
    for (client, address, most), asked_before in zip(addresses, before, strict=True):
        now_asked = questions(client, address)
        if len(now_asked) > len(asked_before) or len(now_asked) > most:
            grown[address] = (len(asked_before), len(now_asked), most)
    assert grown == {}
