"""Years of documents, releases, reviews, alarms and lines of the trail in the home of this process.

The rows are put in as if years had passed, which the database's own rules refuse: they step aside for the filling, and are
back before anything is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.parts.pattern import Pattern

TOGETHER = 5000
TOWNS = ("九曲", "芝麻墩", "梅家埠", "相公", "太平", "汤头", "凤凰岭", "郑旺", "汤河", "八湖", "郑家寨")
MATTERS = (
    "城乡低保对象名单公示", "义务教育招生公告", "医疗救助资金发放情况", "城区公交线路调整通知", "安全生产检查通报",
    "土地征收补偿安置方案", "财政预算执行情况", "危房改造工作方案", "农产品价格监测", "建议提案办理结果",
)  # fmt: skip
OPEN = 3000  # of the newest documents half are still under way
UNDER_WAY = {1: "drafting", 3: "submitted", 5: "returned"}  # by their number modulo 6
STEPS = ("first", "second", "final")
PEOPLE, ALARMS, BY_HAND, UNSOLVED = 200, 2000, 2000, 40
SAMPLED = 30  # mornings on which the numbers of each post made by hand were asked for
LINES = 0.5  # lines of the trail to a document


@dataclass
class Archive:
    """What was filled, and by whom it is read."""

    pattern: Pattern
    documents: int
    releases: int
    now: datetime
    editions: list[Any] = field(default_factory=list)  # of the documents that were released

    def fill(self) -> Archive:
        """Everything."""
        from django.db import connection

        from bot.models import triggers

        triggers.remove()
        try:
            self._documents()
            self._posts_and_reviews()
            self._releases()
            self._beside()
            self._trail()
        finally:
            triggers.install()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        return self

    # --- documents ---------------------------------------------------------------------------------------------

    def _documents(self) -> None:
        from django.db import transaction

        from bot.models import Document, Edition, search

        for start in range(0, self.documents, TOGETHER):
            some = range(start, min(start + TOGETHER, self.documents))
            with transaction.atomic():
                made = Document.objects.bulk_create(self._rows(some), batch_size=500)
                editions = Edition.objects.bulk_create(self._editions(made), batch_size=500)
                search.put(
                    (one.pk, f"{one.external_id} {one.title} 临东政办字〔2017〕{one.external_id[2:]}号") for one in made
                )
            wanted = max(0, self.releases - len(self.editions))
            self.editions += [one for one in editions if one.state == "approved"][:wanted]

    def _rows(self, numbers: range) -> Iterator[Any]:
        from bot.models import Document

        unit, editor = self.pattern.edition.document.unit, self.pattern.people["editor"]
        for number in numbers:
            yield Document(
                unit=unit, external_id=f"A-{number}", kind="notice", is_policy=number % 50 == 0, created_by=editor,
                title=title(number), state=state(number), created_at=self.now,
                changed_at=self.now - timedelta(minutes=number),
            )  # fmt: skip

    def _editions(self, documents: list[Any]) -> Iterator[Any]:
        from bot.models import Edition

        editor = self.pattern.people["editor"]
        for document in documents:
            content = self.pattern.edition.content | {"external_id": document.external_id, "title": document.title}
            submitted = document.state != "drafting"
            yield Edition(
                document=document, number=1, state=document.state, title=document.title, content=content,
                content_hash="-", author=editor, created_at=self.now, submitted_at=document.changed_at if submitted else None,
                submitted_by=editor if submitted else None, marker=f"{document.pk:08x}" if submitted else None,
            )  # fmt: skip

    def _posts_and_reviews(self) -> None:
        from bot.models import PostRecord, Review

        accounts, people = self.pattern.accounts, self.pattern.people
        create(
            PostRecord,
            (
                PostRecord(
                    edition=edition, account=account, created_at=self.now, hash=post.hash, payload=dict(post.payload)
                )
                for edition in self.editions
                for channel, account in accounts.items()
                for post in [self.pattern.post(channel, edition.marker)]
            ),
        )
        create(
            Review,
            (
                Review(
                    edition=edition, step=step, person=people[step], verdict="pass", content_hash="-", at=self.now,
                    post_hashes={},
                )
                for edition in self.editions
                for step in STEPS
            ),
        )  # fmt: skip

    # --- releases ----------------------------------------------------------------------------------------------

    def _releases(self) -> None:
        """Four fifths of the past and live, the last of them unsolved; the others of the coming weeks. Two pushes each."""
        from bot.models import Attempt, Item, PostRecord, Publication, Release

        count, unit = len(self.editions), self.pattern.edition.document.unit
        instants = [self.now + timedelta(hours=3 * (number - count * 4 // 5)) for number in range(count)]
        releases = Release.objects.bulk_create(
            (
                Release(
                    unit=unit, title=edition.title, instant=at, created_by=self.pattern.people["editor"],
                    created_at=self.now, signed_by=self.pattern.people["releaser"], signed_at=self.now, manifest={},
                    manifest_hash="-",
                )
                for edition, at in zip(self.editions, instants, strict=True)
            ),
            batch_size=200,
        )  # fmt: skip
        past = [release.pk for release in releases if release.instant < self.now]
        unsolved = set(past[-UNSOLVED:])
        accounts = list(self.pattern.accounts.values())
        pushes = Publication.objects.bulk_create(
            (self._push(one, account, one.pk in unsolved) for one in releases for account in accounts), batch_size=200
        )
        posts = {
            (record.edition_id, record.account_id): record
            for record in PostRecord.objects.filter(edition__in=[one.pk for one in self.editions]).defer("payload")
        }
        edition_of = {release.pk: edition for release, edition in zip(releases, self.editions, strict=True)}
        create(Item, (self._item(push, edition_of[push.release_id], posts) for push in pushes))
        create(Attempt, (self._attempt(push) for push in pushes if push.state != "planned"))

    def _push(self, release: Any, account: Any, unsolved: bool) -> Any:
        from bot.models import Publication

        past = release.instant < self.now
        state = ("needs_person" if unsolved else "live") if past else "planned"
        live = {"sent_at": release.instant, "live_at": release.instant} if state == "live" else {}
        return Publication(
            release=release, account=account, mode=account.mode, instant=release.instant, not_before=release.instant,
            key=f"k{release.pk}-{account.pk}", state=state, reason="没有收到应答，请核对。" if unsolved else "", **live,
        )  # fmt: skip

    def _item(self, push: Any, edition: Any, posts: dict[tuple[int, int], Any]) -> Any:
        from bot.models import Item

        channel = push.account.channel
        signed = self.pattern.signed(self.pattern.post(channel, edition.marker))
        out = {"platform_id": f"p{push.pk}", "url": f"https://example.org/{push.pk}"} if push.state == "live" else {}
        return Item(
            publication=push, position=0, account=push.account, edition=edition, post=posts[edition.pk, push.account_id],
            payload=dict(signed.payload), payload_hash=signed.hash, **out,
        )  # fmt: skip

    def _attempt(self, push: Any) -> Any:
        from bot.models import Attempt

        at = push.instant
        return Attempt(
            publication=push, account=push.account, number=1, fence=1, key=push.key, payload_hashes=[], intent_at=at,
            send_by=at, sent_at=at, answered_at=at, outcome="accepted" if push.state == "live" else "unknown",
        )  # fmt: skip

    # --- what else has gathered --------------------------------------------------------------------------------

    def _beside(self) -> None:
        from bot.models import Alarm, ManualPost
        from bot.services import people

        unit, person = self.pattern.edition.document.unit, self.pattern.people["releaser"]
        for number in range(PEOPLE):
            people.add_person(
                f"staff{number}", name=f"科员{number}", unit=unit, roles=["editor"], password=None, actor="benchmark",
                now=self.now,
            )  # fmt: skip
        for name, roles in {"audit": ["auditor"], "system": ["sysadmin"], "security": ["secadmin"]}.items():
            self.pattern.people[name] = people.add_person(
                f"bench.{name}", name=name, unit=unit, roles=roles, password=None, actor="benchmark", now=self.now
            )
        days = [self.now - timedelta(hours=4 * number) for number in range(max(ALARMS, BY_HAND))]
        create(
            Alarm,
            (
                Alarm(
                    kind="overdue", subject=f"publication:{number}", unit=unit, out="no", message="超过时刻还没有发出。",
                    raised_at=at, closed_at=None if number < 10 else at, closed_because="" if number < 10 else "已发出",
                )
                for number, at in enumerate(days[:ALARMS])
            ),
        )  # fmt: skip
        create(
            ManualPost,
            (
                ManualPost(
                    unit=unit, account=self.pattern.accounts["wechat"], mode="mass", title=title(number),
                    url=f"https://mp.weixin.qq.com/s/{number:012d}", post_key=f"{number:012d}", posted_at=at,
                    posted_by=person, entered_by=person, entered_at=self.now,
                )
                for number, at in enumerate(days[:BY_HAND])
            ),
        )  # fmt: skip

        self._numbers_by_hand()

    def _numbers_by_hand(self) -> None:
        from bot.models import ManualCount, ManualPost, ManualSample

        posts = list(ManualPost.objects.values_list("pk", flat=True))
        create(
            ManualCount,
            (
                ManualCount(post_id=pk, platform_id=f"{pk}_1", ids={"msgid": f"{pk}_1"}, asked_at=self.now)
                for pk in posts
            ),
        )
        create(
            ManualSample,
            (
                ManualSample(
                    post_id=pk, taken_at=self.now, stat_date=f"2026-10-{morning + 1:02}", raw="{}",
                    values={"reads": 100 * morning, "shares": 3 * morning, "likes": None},
                )
                for pk in posts
                for morning in range(SAMPLED)
            ),
        )  # fmt: skip

    def _trail(self) -> None:
        """Lines like those of the one document that was made as staff make it."""
        from bot.models import AuditEvent, TrailLine

        like = list(AuditEvent.objects.filter(subject__startswith="document:").order_by("sequence"))
        whose, first = self.pattern.edition.document.unit_id, AuditEvent.objects.order_by("-sequence")[0].sequence + 1
        count = int(self.documents * LINES)
        spans = [self.now - timedelta(minutes=count - number) for number in range(count)]
        lines = [(first + number, at, like[number % len(like)]) for number, at in enumerate(spans)]
        create(
            AuditEvent,
            (
                AuditEvent(
                    sequence=sequence, at=at, actor=one.actor, action=one.action, data=one.data, previous="-", mac="-",
                    subject=f"document:A-{sequence % self.documents}",
                )
                for sequence, at, one in lines
            ),
        )  # fmt: skip
        create(
            TrailLine,
            (
                TrailLine(
                    sequence=sequence, whose=whose, at=at, actor=one.actor, sort="text",
                    subject=f"document:A-{sequence % self.documents}",
                )
                for sequence, at, one in lines
            ),
        )  # fmt: skip


def create(model: Any, rows: Iterable[Any]) -> None:
    """In parts: a million objects at once would be the machine's memory."""
    some: list[Any] = []
    for row in rows:
        some.append(row)
        if len(some) == TOGETHER:
            model.objects.bulk_create(some, batch_size=500)
            some = []
    model.objects.bulk_create(some, batch_size=500)


def state(number: int) -> str:
    """Of the newest edition of the document of this number: 0 is the newest."""
    return UNDER_WAY.get(number % 6, "approved") if number < OPEN else "approved"


def title(number: int) -> str:
    """Of the document of this number."""
    return f"{TOWNS[number % len(TOWNS)]}{MATTERS[number // 7 % len(MATTERS)]}（第{number}期）"


def fill(documents: int, releases: int) -> Archive:
    """An archive of so many documents, of which so many were or will be released."""
    from benchmarks.parts.pattern import Pattern

    now = datetime.now(UTC).replace(microsecond=0)
    return Archive(Pattern.ready(now, mode="mass", pictures=False), documents, releases, now).fill()
