"""A small district to look at: two accounts, six people, documents and releases, made through the services."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.contrib.auth.hashers import get_hasher, make_password
from django.test import override_settings

from bot.domain.article import Article, Kind
from bot.domain.channel import Grant
from bot.domain.instants import beijing_date
from bot.domain.secret import Secret
from bot.domain.workflow import Verdict
from bot.models import Account, Attempt, Document, Item, Person, Publication, Release, Unit
from bot.runtime.paths import Home
from bot.services import accounts, deputies, documents, editorial, home, people, releases, vault
from tests.services.factories import force, lifted, up_for_long

PASSWORD = "correct horse battery staple"
LOOPBACK = "http://127.0.0.1:9"  # nothing listens there
APP_ID, UID = "wxrehearsal0000001", "2017000001"
PEOPLE = {
    "editor": ("李拟", ["editor"]),
    "first": ("王初", ["first"]),
    "second": ("赵复", ["second"]),
    "final": ("钱终", ["final"]),
    "releaser": ("孙签", ["releaser"]),
    "duty": ("周值", ["duty"]),
    "admin": ("吴管", ["sysadmin"]),
}
WITH_PASSWORD = ("editor", "duty")
ARTICLES = (
    Article(
        "HD-1", Kind.NOTICE, "关于调整城区公交线路的通知", "自12月1日起，3路、8路公交车调整部分站点。", "<p>自12月1日起调整。</p>",
        document_number="临东政办字〔2017〕41号", unit="河东区人民政府办公室", category="通知公告",
        source_url="https://www.hedong.gov.cn/a/1.html", published_on=date(2017, 5, 2),
    ),
    Article(
        "HD-2", Kind.SERVICE, "新生儿落户怎么办", "带齐出生医学证明、户口簿和结婚证，到户籍所在地派出所办理。", "<p>当场办结。</p>",
        unit="河东区公安分局", category="便民服务", source_url="https://www.hedong.gov.cn/a/2.html",
    ),
    Article(
        "HD-3", Kind.NOTICE, "2017年秋季义务教育招生公告", "八月十五日开始报名，网上登记，现场核验。", "<p>详见公告。</p>",
        unit="河东区教育体育局", category="通知公告", source_url="https://www.hedong.gov.cn/a/3.html",
    ),
)  # fmt: skip


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def fresh_home(path: Path, *, live: bool = False, port: int = 9) -> Iterator[Path]:
    """Settings that point at a home of its own, with keys, live or rehearsal."""
    changed = dataclasses.replace(settings.TONGFA, home=Home(path), portal_hosts=frozenset({"www.hedong.gov.cn"}))
    with override_settings(TONGFA=changed), up_for_long():
        vault.make_keys(path)
        home.write(home.HomeFacts(live=live, rehearsal_port=port))
        yield path


def _own(identity: str, slug: str, first: str) -> str:
    """By what the platform knows an account: that of the rehearsal for the first of its kind, another for every other."""
    return identity if slug == first else f"{identity}-{slug}"


def hashed() -> str:
    """PASSWORD as it is stored, worked out once per way of hashing: it is slow on purpose."""
    return _hashed(get_hasher().algorithm)


@functools.cache
def _hashed(algorithm: str) -> str:
    return make_password(PASSWORD, hasher=algorithm)


@dataclass
class District:
    """One unit with its people and accounts, and short words for what tests do with it."""

    unit: Unit
    people: dict[str, Person]
    accounts: list[Account] = field(default_factory=list)

    @classmethod
    def make(cls, code: str = "hedong", name: str = "河东区政府办公室", *, api: str = LOOPBACK) -> District:
        unit = people.ensure_unit(code, name, now=now(), actor="test")
        prefix = "" if code == "hedong" else f"{code}-"
        members = {
            key: people.add_person(
                prefix + key,
                name=full,
                unit=unit,
                roles=roles,
                password=None,
                actor="test",
                now=now(),
            )
            for key, (full, roles) in PEOPLE.items()
        }
        for key in WITH_PASSWORD:
            members[key].password = hashed()
            members[key].save(update_fields=["password"])
        made = cls(unit, members)
        made.accounts = [made._wechat(f"{prefix}wx", api), made._weibo(f"{prefix}wb", api)]
        return made

    def widened(self, *, wechat: int = 0, weibo: int = 0, api: str = LOOPBACK) -> District:
        """So many more accounts, some of them with the long names that offices have."""
        for number in range(2, wechat + 2):
            self.accounts.append(self._wechat(f"wx{number}", api, name=f"临沂市河东区教育和体育局官方服务号第{number}"))
        for number in range(2, weibo + 2):
            self.accounts.append(self._weibo(f"wb{number}", api, name=f"河东区第{number}微博"))
        return self

    def _wechat(self, slug: str, api: str, *, name: str = "中国河东") -> Account:
        return accounts.add_account(
            slug, channel="wechat", name=name, mode="mass", unit=self.unit,
            endpoints={"api": f"{api}/wechat"}, options={"app_id": _own(APP_ID, slug, "wx"), "account_type": "subscription"},
            credentials={"app_secret": Secret("rehearsal-secret")}, actor="test", now=now(),
        )  # fmt: skip

    def _weibo(self, slug: str, api: str, *, name: str = "临沂河东") -> Account:
        options = {
            "app_key": "rehearsalkey",
            "uid": _own(UID, slug, "wb"),
            "safe_domain": "www.hedong.gov.cn",
            "rip": "203.0.113.7",
        }
        account = accounts.add_account(
            slug, channel="weibo", name=name, mode="share", unit=self.unit, endpoints={"api": f"{api}/weibo"},
            options=options, credentials={"app_secret": Secret("rehearsal-weibo-secret")}, actor="test", now=now(),
        )  # fmt: skip
        accounts.store_token(account, seeded_grant(), now=now())
        return account

    def deputise(self, principal: str, deputy: str) -> None:
        """From today on, the one holds what the other may do."""
        chief, today = self.people[principal], beijing_date(now())
        deputies.appoint(
            principal=chief, deputy=self.people[deputy], first_day=today, last_day=today + timedelta(days=2), reason="出差",
            person=chief, now=now(),
        )  # fmt: skip

    def document(self, article: Article = ARTICLES[0]) -> Document:
        documents.save_article(article, person=self.people["editor"], now=now())
        return documents.find_document(article.external_id, unit=self.unit)

    def approved(self, article: Article = ARTICLES[0]) -> Document:
        document = self.document(article)
        editorial.submit(document, person=self.people["editor"], now=now())
        for step in ("first", "second", "final"):
            editorial.review(document, person=self.people[step], verdict=Verdict.PASS, now=now())
        return document

    def planned(self, *articles: Article, ahead: timedelta = timedelta(minutes=30), title: str = "") -> Release:
        chosen = [self.approved(article) for article in articles or ARTICLES[:1]]
        return releases.plan(
            title=title, instant=now() + ahead, documents=chosen, accounts=self.accounts,
            person=self.people["editor"], now=now(),
        )  # fmt: skip

    def signed(self, *articles: Article, ahead: timedelta = timedelta(minutes=30), title: str = "") -> Release:
        release = self.planned(*articles, ahead=ahead, title=title)
        return releases.sign(release, person=self.people["releaser"], now=now())


def seeded_grant() -> Grant:
    """The seeded Weibo token of the rehearsal platform."""
    return Grant(Secret("2.00rehearsal0linyihedong0000001"), now() + timedelta(days=30))


def put(publication: Publication, state: str, **changes: Any) -> None:
    """Set a publication to a state, as the engine would have left it."""
    if state == "live":
        Item.objects.filter(publication=publication).update(platform_id="100001", url="https://mp.weixin.qq.com/s/abc")
        changes.setdefault("sent_at", publication.instant + timedelta(milliseconds=12))
        changes.setdefault("live_at", publication.instant + timedelta(seconds=4))
    force(Publication.objects.filter(pk=publication.pk), state, **changes)


def attempt(publication: Publication, **fields: Any) -> Attempt:
    """One public call with its answer."""
    hashes = list(publication.items.values_list("payload_hash", flat=True))
    with lifted("attempt_of_what_is_about_to_leave"):
        made = Attempt.objects.create(
            publication=publication, account=publication.account, number=publication.attempts.count() + 1, fence=1,
            key=publication.key, payload_hashes=hashes, intent_at=publication.instant - timedelta(seconds=2),
            send_by=publication.instant + timedelta(seconds=5),
        )  # fmt: skip
    for name, value in fields.items():
        setattr(made, name, value)
    made.save()
    return made


def push_to_platform(release: Release) -> None:
    """Stage every publication on the rehearsal platform and make its one public call, without the engine."""
    for publication in release.publications.select_related("account").order_by("account_id", "lane"):
        adapter = accounts.channel_of(publication.account, mode=publication.mode)
        posts = [
            item.signed_post for item in publication.items.select_related("account", "edition").order_by("position")
        ]
        staged = adapter.stage(posts, key=publication.key)
        call = adapter.public_request(posts, staged.table, adapter.grant(), key=publication.key)
        answer = requests.request(call.method, call.url, headers=dict(call.headers), data=call.body, timeout=10)
        assert answer.status_code == 200, answer.text
