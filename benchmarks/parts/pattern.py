"""The one document that is made as staff make it, and whose rows the bulk copies follow."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.article import Article, Kind
from bot.domain.post import Post
from bot.domain.secret import Secret
from bot.domain.workflow import Verdict
from bot.models import Account, Document, Edition, Person, PostRecord, Unit
from bot.services import accounts, documents, editorial, people
from bot.services.releases import credit_line

NOWHERE = "http://127.0.0.1:9"
ROLES = {
    "editor": ("李拟", ["editor"]),
    "first": ("王初", ["first"]),
    "second": ("赵复", ["second"]),
    "final": ("钱终", ["final"]),
    "releaser": ("孙签", ["releaser", "duty"]),
}
TEXT = "自下月1日起，3路、8路公交车调整部分站点，请市民留意站牌，合理安排出行。"
OPTIONS = {
    "wechat": {"account_type": "subscription"},
    "weibo": {"app_key": "key", "safe_domain": "www.hedong.gov.cn", "rip": "203.0.113.7"},
}
IDENTITY = {"wechat": "app_id", "weibo": "uid"}  # the option by which each knows an account


@dataclass(frozen=True, slots=True)
class Pattern:
    """People, an approved edition, and its rendering for one account of each vendor."""

    people: dict[str, Person]
    accounts: dict[str, Account]
    edition: Edition
    posts: dict[str, Post]
    credit: str

    @classmethod
    def ready(cls, now: datetime, *, mode: str, pictures: bool) -> Pattern:
        """From the home where it is, made first where it is not. One for each choice of mode and pictures."""
        code = f"pattern-{mode}-{'card' if pictures else 'none'}"
        unit = Unit.objects.filter(code=code).first() or _make(code, now, mode=mode, pictures=pictures)
        edition = Edition.objects.select_related("document", "author").get(document__unit=unit)
        records = PostRecord.objects.filter(edition=edition).select_related("account", "edition")
        return cls(
            people={key: Person.objects.get(username=f"{code}.{key}") for key in ROLES},
            accounts={record.account.channel: record.account for record in records},
            edition=edition,
            posts={record.account.channel: record.post for record in records},
            credit=credit_line(edition),
        )

    def post(self, channel: str, marker: str) -> Post:
        """The rendering under another marker."""
        like = self.posts[channel]
        text = json.dumps(like.payload, ensure_ascii=False)
        return Post(channel, json.loads(text.replace(like.marker, marker)), marker)

    def signed(self, post: Post) -> Post:
        """With the credit line, as signing draws it."""
        return post.with_credit(self.credit)


def _make(code: str, now: datetime, *, mode: str, pictures: bool) -> Unit:
    unit = people.ensure_unit(code, "河东区政府办公室", now=now, actor="benchmark")
    staff = {
        key: people.add_person(
            f"{code}.{key}", name=name, unit=unit, roles=roles, password=None, actor="benchmark", now=now
        )
        for key, (name, roles) in ROLES.items()
    }
    for channel, options in OPTIONS.items():
        card = {"picture": "card" if pictures else "none"} if channel == "weibo" else {}
        accounts.add_account(
            f"{code}-{channel}", channel=channel, name="河东发布", mode=mode if channel == "wechat" else "share",
            unit=unit, endpoints={"api": NOWHERE}, options={**options, IDENTITY[channel]: code, **card},
            credentials={"app_secret": Secret("a-secret")}, actor="benchmark", now=now,
        )  # fmt: skip
    documents.save_article(_article(now), person=staff["editor"], now=now)
    document = Document.objects.get(unit=unit)
    editorial.submit(document, person=staff["editor"], now=now)
    for step in ("first", "second", "final"):
        editorial.review(document, person=staff[step], verdict=Verdict.PASS, now=now)
    return unit


def _article(now: datetime) -> Article:
    """A notice of ordinary length that the gate lets pass."""
    plain = Article(
        "HD-1", Kind.NOTICE, "关于调整城区公交线路的通知", TEXT, "".join(f"<p>{TEXT}</p>" for _ in range(12)),
        unit="河东区人民政府办公室", category="通知公告", source_url="https://www.hedong.gov.cn/info/1.html",
    )  # fmt: skip
    return replace(plain, published_on=(now - timedelta(days=3)).date())
