"""Short words for the tests of the inbox."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.test import Client

from bot.domain.article import Article
from bot.models import Document, Edition
from bot.services import editorial, inbox

from .world import ARTICLES, District, now

Login = Callable[[str], Client]
STEPS = ("first", "second", "final")


def page(client: Client, address: str = "/reviews", **headers: str) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def submitted(district: District, article: Article = ARTICLES[0], *, at: datetime | None = None) -> Document:
    document = district.document(article)
    editorial.submit(document, person=district.people["editor"], now=at or now())
    return document


def opens(client: Client, document: Document, *, but: int = 0) -> None:
    posts = inbox.posts_of(document.current)
    for post in posts[: len(posts) - but]:
        assert client.post(f"/reviews/{document.current.pk}/open/{post.pk}").status_code == 302


def form(client: Client, document: Document) -> dict[str, str]:
    """What the page's own form carries."""
    shown = page(client, f"/reviews/{document.current.pk}")
    return dict(re.findall(r'<input type="hidden" name="(seen|tab)" value="([^"]*)"', shown))


def decides(client: Client, document: Document, verdict: str = "pass", **more: Any) -> HttpResponse:
    data = {**form(client, document), "verdict": verdict, **more}
    return client.post(f"/reviews/{document.current.pk}/decide", data, follow=True)


def titles(shown: str) -> list[str]:
    return re.findall(r'class="inbox-title">([^<]*)<', shown)


def changed_after_planning(district: District, article: Article, ahead: timedelta) -> Document:
    """Its release is planned; then the text changed and is under review again."""
    release = district.planned(article, ahead=ahead)
    assert release.pk
    return submitted(district, dataclasses.replace(article, summary=article.summary + "另行通知的除外。"))


def crowd(district: District, many: int) -> None:
    """So many editions that wait for their first review, without renderings."""
    editor, at = district.people["editor"], now()
    documents = Document.objects.bulk_create(
        Document(unit=district.unit, external_id=f"C-{n}", kind="notice", created_by=editor, created_at=at)
        for n in range(many)
    )
    content = dataclasses.replace(ARTICLES[0], title="许多").content()
    editions = Edition.objects.bulk_create(
        Edition(
            document=document, number=1, title=f"第 {n} 件", content=content, content_hash="0" * 64, author=editor,
            created_at=at,
        )
        for n, document in enumerate(documents)
    )  # fmt: skip
    for n, edition in enumerate(editions):
        edition.state, edition.marker = "submitted", f"{n:08d}"
        edition.submitted_by, edition.submitted_at = editor, at - timedelta(minutes=n)
    Edition.objects.bulk_update(editions, ["state", "marker", "submitted_by", "submitted_at"], batch_size=100)
