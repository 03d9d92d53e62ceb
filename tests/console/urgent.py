"""Short words for the tests of 应急通道."""

from __future__ import annotations

from bot.domain.article import Article
from bot.models import Item, Publication, Release, Urgency
from bot.services import urgent
from tests.services.factories import force

from .world import ARTICLES, District, now


def asked(district: District, article: Article = ARTICLES[2], *, by: str = "editor") -> Urgency:
    """The first word on a notice, on the Weibo account, as soon as possible."""
    document = district.document(article)
    return urgent.propose(
        document, modes={district.accounts[1].slug: "share"}, instant=None, reason="沂河水位暴涨",
        seen=document.current.content_hash, person=district.people[by], now=now(),
    )  # fmt: skip


def released(district: District, article: Article = ARTICLES[2]) -> Release:
    """Both words, and it is out."""
    urgency = asked(district, article)
    release = urgent.confirm(urgency, seen=urgency.digest, person=district.people["releaser"], now=now())
    Item.objects.filter(publication__release=release).update(platform_id="1", url="https://weibo.com/2017000001/A")
    force(Publication.objects.filter(release=release), "live", live_at=release.instant, sent_at=release.instant)
    return release
