"""`python -m benchmarks.parts.office`: fills the home of its environment with releases that are signed and due at one T.

One document is written, submitted, reviewed three times and signed as staff would do it; the others are copies of its
rows with keys and markers of their own, made in bulk. No rule is set aside: every copy begins as a draft, is
submitted, reviewed, approved, planned, and only then signed, so the database's triggers have judged each of them.

Standard input: an order as JSON (see `Order`). Standard output: the T that holds, as JSON.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.domain.post import Post
    from bot.models import Account, Edition, Person, Release, Unit

STEPS = ("first", "second", "final")
BATCH = 200
MODES = {"wechat": "mass", "weibo": "share"}


@dataclass(frozen=True, slots=True)
class Order:
    """`count` publications on accounts `first`, `first` + 1, ..., `per_release` to a release.

    `base` is the platforms' address, to which an account's number is added. The k-th T is `lead` + k * `gap` seconds
    after the records are there; each T gets `per_instant` publications (0: all have one T). `channels`: "both" by
    turns, "wechat", "weibo". `pictures`: Weibo posts carry their card. `tokens`: accounts hold a token already.
    """

    base: str
    count: int
    first: int = 1
    per_release: int = 2
    lead: float = 40.0
    gap: float = 0.0
    per_instant: int = 0
    channels: str = "both"
    pictures: bool = True
    tokens: bool = True
    wechat_mode: str = "mass"


def ask(order: Order) -> str:
    """The order as standard input."""
    return json.dumps(asdict(order))


def main() -> None:
    """Read the order, fill the home."""
    from config.env import use_settings

    use_settings()
    import django

    django.setup()
    from django.db import connection

    if connection.vendor == "sqlite":  # the engine may be writing for long: wait, that is not what is measured
        connection.settings_dict["OPTIONS"]["timeout"] = 600
    order = Order(**json.load(sys.stdin))
    print(json.dumps({"instants": Copies(order).make()}))


def channel_of(order: Order, number: int) -> str:
    """Which vendor account `number` is with."""
    return ("wechat", "weibo")[(number - order.first) % 2] if order.channels == "both" else order.channels


class Copies:
    """Makes the rows of one order."""

    def __init__(self, order: Order) -> None:
        from benchmarks.parts.pattern import Pattern

        self._order = order
        self._now = datetime.now(UTC)
        self._pattern = Pattern.ready(self._now, mode=order.wechat_mode, pictures=order.pictures)
        self._numbers = range(order.first, order.first + order.count)

    def make(self) -> list[float]:
        """Everything; the instants (epoch) in order."""
        size = self._order.per_release
        groups = [self._numbers[start : start + size] for start in range(0, self._order.count, size)]
        units = self._units(len(groups))
        self._staff = self._people(units)
        accounts = self._accounts(groups, units)
        editions = self._editions(units, accounts, groups)
        instants = self._instants(len(groups), time.time() + len(groups) * 0.004)
        self._releases(groups, units, accounts, editions, instants)
        return sorted({instant.timestamp() for instant in instants})

    def _instants(self, releases: int, ready: float) -> list[datetime]:
        order = self._order
        start = int(ready + order.lead) + 1
        each = max(1, order.per_instant // order.per_release) if order.per_instant else max(1, releases)
        return [datetime.fromtimestamp(start + (index // each) * order.gap, UTC) for index in range(releases)]

    # --- who -------------------------------------------------------------------------------------------------

    def _units(self, count: int) -> list[Unit]:
        from bot.models import Unit

        names = (f"u{self._order.first}-{index}" for index in range(count))
        rows = [Unit(code=name, name=f"河东区第{name[1:]}街道办事处") for name in names]
        return list(Unit.objects.bulk_create(rows, batch_size=BATCH))

    def _people(self, units: Sequence[Unit]) -> list[dict[str, Person]]:
        """Reviewers and a signer of each unit: those of another decide nothing there."""
        from bot.models import Person

        roles = (*STEPS, "releaser")
        rows = [
            Person(username=f"{unit.code}-{role}", name=role, unit=unit, roles=[role], password="!")
            for unit in units
            for role in roles
        ]
        made = Person.objects.bulk_create(rows, batch_size=BATCH)
        each = len(roles)
        return [dict(zip(roles, made[at : at + each], strict=True)) for at in range(0, len(made), each)]

    def _accounts(self, groups: Sequence[range], units: Sequence[Unit]) -> dict[int, Account]:
        from bot.domain.secret import Secret
        from bot.models import Account, Credential, Token
        from bot.services import vault

        rows = [self._account(number, unit) for group, unit in zip(groups, units, strict=True) for number in group]
        made = Account.objects.bulk_create(rows, batch_size=BATCH)
        secrets_of = Credential.objects.bulk_create(
            (Credential(account=a, name="app_secret", ciphertext=b"", key_id="", updated_at=self._now) for a in made),
            batch_size=BATCH,
        )
        _update_many(
            "UPDATE bot_credential SET ciphertext = %s, key_id = %s WHERE id = %s",
            (
                (vault.encrypt(Secret("a-secret"), f"credential:{row.pk}:{row.name}"), vault.key_id(), row.pk)
                for row in secrets_of
            ),
        )
        if self._order.tokens:
            end = self._now + timedelta(days=90)
            Token.objects.bulk_create(
                (
                    Token(
                        account=a, key_id=vault.key_id(), issued_at=self._now, expires_at=end,
                        ciphertext=vault.encrypt(Secret(f"token-of-{a.slug}"), f"token:{a.pk}"),
                    )
                    for a in made
                ),
                batch_size=BATCH,
            )  # fmt: skip
        return dict(zip(self._numbers, made, strict=True))

    def _account(self, number: int, unit: Unit) -> Account:
        from benchmarks.parts.pattern import IDENTITY
        from bot.models import Account

        channel = channel_of(self._order, number)
        like = self._pattern.accounts[channel]
        identity = str(number) if channel == "weibo" else f"wx{number:016d}"
        places = dict.fromkeys(like.endpoints, f"{self._order.base}/{number}")
        return Account(
            unit=unit, slug=f"a{number}", channel=channel, name=f"河东发布{number}", mode=like.mode, endpoints=places,
            options={**like.options, IDENTITY[channel]: identity}, identity=identity, created_at=self._now,
        )  # fmt: skip

    # --- what ------------------------------------------------------------------------------------------------

    def _editions(
        self, units: Sequence[Unit], accounts: dict[int, Account], groups: Sequence[range]
    ) -> list[tuple[Edition, dict[int, Post]]]:
        """One approved edition to a release, with its posts by account number."""
        from bot.domain.marker import marker_from
        from bot.models import Document, Edition, PostRecord, Review

        like = self._pattern.edition
        documents = Document.objects.bulk_create(
            (
                Document(
                    unit=unit, external_id="HD-1", kind=like.document.kind, created_by=like.author, created_at=self._now
                )
                for unit in units
            ),
            batch_size=BATCH,
        )
        editions = Edition.objects.bulk_create(
            (
                Edition(
                    document=document, number=1, title=like.title, content=like.content, content_hash=like.content_hash,
                    author=like.author, created_at=self._now,
                )
                for document in documents
            ),
            batch_size=BATCH,
        )  # fmt: skip
        for edition in editions:
            edition.marker = marker_from(secrets.token_bytes(8))
        _update_many(
            "UPDATE bot_edition SET state = 'submitted', marker = %s, submitted_by_id = %s, submitted_at = %s WHERE id = %s",
            ((edition.marker, like.author.pk, self._now, edition.pk) for edition in editions),
        )
        posts = [
            {number: self._pattern.post(accounts[number].channel, edition.marker or "") for number in group}
            for edition, group in zip(editions, groups, strict=True)
        ]
        PostRecord.objects.bulk_create(
            (
                PostRecord(
                    edition=edition, account=accounts[number], payload=dict(post.payload), hash=post.hash,
                    created_at=self._now,
                )
                for edition, mine in zip(editions, posts, strict=True)
                for number, post in mine.items()
            ),
            batch_size=BATCH,
        )  # fmt: skip
        for step in STEPS:
            Review.objects.bulk_create(
                (
                    Review(
                        edition=edition, step=step, person=people[step], verdict="pass",
                        content_hash=edition.content_hash, at=self._now,
                        post_hashes={accounts[number].slug: post.hash for number, post in mine.items()},
                    )
                    for edition, mine, people in zip(editions, posts, self._staff, strict=True)
                ),
                batch_size=BATCH,
            )  # fmt: skip
            after = {"first": "first_passed", "second": "second_passed", "final": "approved"}[step]
            approved = self._now if step == "final" else None
            _update_many(
                "UPDATE bot_edition SET state = %s, approved_at = %s WHERE id = %s",
                ((after, approved, edition.pk) for edition in editions),
            )
        return list(zip(editions, posts, strict=True))

    # --- when ------------------------------------------------------------------------------------------------

    def _releases(
        self,
        groups: Sequence[range],
        units: Sequence[Unit],
        accounts: dict[int, Account],
        editions: Sequence[tuple[Edition, dict[int, Post]]],
        instants: Sequence[datetime],
    ) -> None:
        from bot.models import Item, PostRecord, Publication, Release

        releases = Release.objects.bulk_create(
            (
                Release(
                    unit=unit, title=edition.title, instant=at, created_by=self._pattern.people["editor"],
                    created_at=self._now,
                )
                for unit, (edition, _), at in zip(units, editions, instants, strict=True)
            ),
            batch_size=BATCH,
        )  # fmt: skip
        publications = Publication.objects.bulk_create(
            (
                self._publication(release, accounts[number])
                for release, group in zip(releases, groups, strict=True)
                for number in group
            ),
            batch_size=BATCH,
        )
        of = {publication.account_id: publication for publication in publications}
        own = PostRecord.objects.filter(edition_id__gte=editions[0][0].pk, edition_id__lte=editions[-1][0].pk)
        records = dict(own.values_list("account_id", "pk"))
        signed = [{number: self._pattern.signed(post) for number, post in mine.items()} for _, mine in editions]
        Item.objects.bulk_create(
            (
                Item(
                    publication=of[accounts[number].pk], position=0, account=accounts[number], edition=edition,
                    post_id=records[accounts[number].pk], payload=dict(post.payload), payload_hash=post.hash,
                )
                for (edition, _), mine in zip(editions, signed, strict=True)
                for number, post in mine.items()
            ),
            batch_size=BATCH,
        )  # fmt: skip
        self._reserve(publications)
        self._sign(releases, editions, signed, accounts)

    def _publication(self, release: Release, account: Account) -> Any:
        from bot.domain import timeline
        from bot.models import Publication

        at = release.instant
        return Publication(
            release=release, account=account, mode=account.mode, instant=at, not_before=at, key=uuid.uuid4().hex,
            next_at=max(self._now, at - timeline.STAGE_AHEAD), stage_by=at - timeline.STAGED_BY,
        )  # fmt: skip

    def _reserve(self, publications: Sequence[Any]) -> None:
        from bot.domain import quota
        from bot.models import Reservation
        from bot.services.quotas import quotas_of

        Reservation.objects.bulk_create(
            (
                Reservation(
                    account=publication.account, mode=publication.mode, slot=1, publication=publication,
                    window=quota.window(rule.period, publication.instant),
                )
                for publication in publications
                for rule in quotas_of(publication.account, publication.mode)
            ),
            batch_size=BATCH,
        )  # fmt: skip

    def _sign(
        self,
        releases: Sequence[Release],
        editions: Sequence[tuple[Edition, dict[int, Post]]],
        signed: Sequence[dict[int, Post]],
        accounts: dict[int, Account],
    ) -> None:
        from bot.domain.manifest import ManifestItem, ManifestPublication, manifest, manifest_hash
        from bot.services import audit

        def values() -> Iterator[tuple[Any, ...]]:
            for release, (edition, _), mine, people in zip(releases, editions, signed, self._staff, strict=True):
                entries = [
                    ManifestPublication(
                        accounts[number].slug, accounts[number].mode, 0, release.instant,
                        (ManifestItem(edition.content_hash, post.hash, post.marker),),
                    )
                    for number, post in mine.items()
                ]  # fmt: skip
                value = manifest(str(release.pk), release.sync, entries)
                signer = people["releaser"]
                told.append((release, manifest_hash(value), signer.username))
                yield json.dumps(value), told[-1][1], signer.pk, self._now, release.pk

        told: list[tuple[Release, str, str]] = []
        _update_many(
            "UPDATE bot_release SET manifest = %s, manifest_hash = %s, signed_by_id = %s, signed_at = %s WHERE id = %s",
            values(),
        )
        for start in range(0, len(told), BATCH):
            audit.append_all(
                [
                    audit.Entry(username, "release.signed", f"release:{release.pk}", {"manifest": value})
                    for release, value, username in told[start : start + BATCH]
                ],
                now=self._now,
            )


def _update_many(sql: str, rows: Iterator[tuple[Any, ...]]) -> None:
    """One statement for many rows, in transactions of some hundreds."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        adapted = [tuple(_adapted(connection, value) for value in row) for row in rows]
        cursor.executemany(sql, adapted)


def _adapted(connection: Any, value: Any) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


if __name__ == "__main__":
    main()
