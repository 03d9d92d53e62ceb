"""`python -m benchmarks.parts.archive DOCUMENTS RELEASES`: fills the home of its environment with years of documents and
releases and measures the pages. Standard output: the figures as JSON.

The rows are put in as if years had passed, which the database's own rules refuse: they step aside for the filling, and are
back before anything is measured.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.test import Client

    from benchmarks.parts.pattern import Pattern

REQUESTS = 50
TOGETHER = 5000
TOWNS = ("九曲", "芝麻墩", "梅家埠", "相公", "太平", "汤头", "凤凰岭", "郑旺", "汤河", "八湖", "郑家寨")
MATTERS = (
    "城乡低保对象名单公示", "义务教育招生公告", "医疗救助资金发放情况", "城区公交线路调整通知", "安全生产检查通报",
    "土地征收补偿安置方案", "财政预算执行情况", "危房改造工作方案", "农产品价格监测", "建议提案办理结果",
)  # fmt: skip
STATES = ("approved",) * 17 + ("drafting", "submitted", "returned")
PAGES = (
    ("值班台", "/"),
    ("文件列表", "/documents"),
    ("文件：低保", "/documents?q=低保"),
    ("文件：一个文号", "/documents?q=临东政办字〔2017〕{some}号"),
    ("文件：待初审", "/documents?state=submitted"),
    ("文件：缺解读的政策", "/documents?only=unpaired"),
    ("一份文件", "/documents/A-{some}"),
    ("发布单", "/releases/{release}"),
)


def main() -> None:
    """Fill, measure."""
    from config.env import use_settings

    use_settings()
    import django

    django.setup()
    documents, releases = (int(part) for part in sys.argv[1:3])
    pattern = fill(documents, releases)
    print(json.dumps(measured(pattern, documents)))


def fill(documents: int, releases: int) -> Pattern:
    """Documents with one edition each, and releases of one push each."""
    from django.db import connection, transaction

    from benchmarks.parts.pattern import Pattern
    from bot.models import Document, Edition, search, triggers

    now = datetime.now(UTC)
    pattern = Pattern.ready(now, mode="mass", pictures=False)
    triggers.remove()
    try:
        for start in range(0, documents, TOGETHER):
            some = range(start, min(start + TOGETHER, documents))
            with transaction.atomic():
                made = Document.objects.bulk_create(_documents(some, pattern, now), batch_size=500)
                Edition.objects.bulk_create(_editions(made, pattern, now), batch_size=500)
                search.put(
                    (one.pk, f"{one.external_id} {one.title} 临东政办字〔2017〕{one.external_id[2:]}号") for one in made
                )
        _releases(releases, pattern, now)
    finally:
        triggers.install()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return pattern


def _title(number: int) -> str:
    return f"{TOWNS[number % len(TOWNS)]}{MATTERS[number // 7 % len(MATTERS)]}（第{number}期）"


def _documents(numbers: range, pattern: Pattern, now: datetime) -> Iterator[Any]:
    from bot.models import Document

    unit, editor = pattern.edition.document.unit, pattern.people["editor"]
    for number in numbers:
        yield Document(
            unit=unit, external_id=f"A-{number}", kind="notice", is_policy=number % 50 == 0, created_by=editor, created_at=now,
            title=_title(number), state=STATES[number % len(STATES)], changed_at=now - timedelta(minutes=number),
        )  # fmt: skip


def _editions(made: list[Any], pattern: Pattern, now: datetime) -> Iterator[Any]:
    from bot.models import Edition

    for document in made:
        content = pattern.edition.content | {"external_id": document.external_id, "title": document.title}
        submitted = document.state != "drafting"
        yield Edition(
            document=document, number=1, state=document.state, title=document.title, content=content, content_hash="-",
            author=pattern.people["editor"], created_at=now, submitted_at=now if submitted else None,
            submitted_by=pattern.people["editor"] if submitted else None, marker=_marker(document.pk) if submitted else None,
        )  # fmt: skip


def _marker(number: int) -> str:
    return f"{number:08x}"


def _releases(count: int, pattern: Pattern, now: datetime) -> None:
    """Four fifths of the past and live, the others of the coming weeks."""
    from bot.models import Publication, Release

    unit, account = pattern.edition.document.unit, pattern.accounts["wechat"]
    instants = [now + timedelta(hours=3 * (number - count * 4 // 5)) for number in range(count)]
    made = Release.objects.bulk_create(
        (
            Release(
                unit=unit, title=_title(number), instant=at, created_by=pattern.people["editor"], created_at=now,
                signed_by=pattern.people["releaser"], signed_at=now, manifest={}, manifest_hash="-",
            )
            for number, at in enumerate(instants)
        ),
        batch_size=200,
    )  # fmt: skip
    Publication.objects.bulk_create(
        (
            Publication(
                release=release, account=account, mode="mass", instant=release.instant, not_before=release.instant,
                key=f"k{release.pk}", state="live" if release.instant < now else "planned",
                live_at=release.instant if release.instant < now else None,
            )
            for release in made
        ),
        batch_size=200,
    )  # fmt: skip


def measured(pattern: Pattern, documents: int) -> list[dict[str, Any]]:
    """Median, p99 and statements of each page, asked as the releaser."""
    from django.test import Client

    from bot.models import Release

    client = Client()
    client.force_login(pattern.people["releaser"])
    release = Release.objects.order_by("-pk")[0].pk
    return [_page(client, name, path.format(some=documents // 2, release=release)) for name, path in PAGES]


def _page(client: Client, name: str, path: str) -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    answer = client.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status_code}")
    with CaptureQueriesContext(connection) as captured:
        client.get(path)
    spent = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        client.get(path)
        spent.append((time.perf_counter() - began) * 1000)
    spent.sort()
    return {
        "page": name, "median_ms": round(statistics.median(spent), 2), "p99_ms": round(spent[-1], 2),
        "statements": len(captured), "kilobytes": round(len(answer.content) / 1000),
    }  # fmt: skip


if __name__ == "__main__":
    main()
