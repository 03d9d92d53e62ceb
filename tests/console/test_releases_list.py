"""发布单 list: the unit's releases a page at a time, by state and by words, however many there are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from bot.console import releases
from bot.models import Publication, Release
from bot.services import stops

from .world import ARTICLES, District, now, put

Login = Callable[[str], Client]


def page(client: Client, address: str = "/releases") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def titles(shown: str) -> list[str]:
    return [part.split("</a>")[0].rsplit(">", 1)[1] for part in shown.split("<h2>")[1:]]


def many(district: District, count: int, *, same_instant: bool = False) -> None:
    """Releases without items: enough for a list."""
    start = now()
    made = Release.objects.bulk_create(
        Release(
            unit=district.unit, title=f"第{number}张", created_by=district.people["editor"], created_at=start,
            instant=start + timedelta(minutes=0 if same_instant else number),
        )
        for number in range(count)
    )  # fmt: skip
    Publication.objects.bulk_create(
        Publication(
            release=release, account=district.accounts[0], mode="mass", instant=release.instant,
            not_before=release.instant, key=f"key{release.pk}",
        )
        for release in made
    )  # fmt: skip


def test_every_filter_shows_what_its_word_says(district: District, as_: Login) -> None:
    district.planned(ARTICLES[0], title="没签的")
    waiting = district.signed(ARTICLES[1], title="待发的", ahead=timedelta(days=1))
    out = district.signed(ARTICLES[2], title="发了一半、要人处理的", ahead=timedelta(days=2))
    wechat, weibo = out.publications.order_by("account_id")
    put(wechat, "live")
    put(weibo, "needs_person", reason="请处理")
    client = as_("duty")
    assert titles(page(client)) == ["发了一半、要人处理的", "待发的", "没签的"]
    assert titles(page(client, "/releases?state=unsigned")) == ["没签的"]
    assert titles(page(client, "/releases?state=waiting")) == ["待发的"]
    assert titles(page(client, "/releases?state=out")) == ["发了一半、要人处理的"]
    assert titles(page(client, "/releases?state=asks")) == ["发了一半、要人处理的"]
    assert "没有符合条件的发布单" in page(client, "/releases?q=找不到")
    stops.cancel(waiting, person=district.people["duty"], reason="不发", now=now())
    assert titles(page(client, "/releases?state=waiting")) == []


def test_words_of_the_title_find_a_release(district: District, as_: Login) -> None:
    district.planned(ARTICLES[0], title="义务教育招生 100%")
    district.planned(ARTICLES[1], title="医疗保险")
    client = as_("editor")
    assert titles(page(client, "/releases?q=招生")) == ["义务教育招生 100%"]
    assert titles(page(client, "/releases?q=%25")) == ["义务教育招生 100%"]  # a sign, no wildcard


def walk(client: Client) -> list[str]:
    seen, address = [], "/releases"
    for _ in range(10):
        shown = page(client, address)
        seen += titles(shown)
        if 'rel="next"' not in shown:
            break
        address = shown.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    return seen


@pytest.mark.parametrize("same_instant", [False, True])
def test_the_pages_show_every_release_once(same_instant: bool, district: District, as_: Login) -> None:
    many(district, 75, same_instant=same_instant)
    assert walk(as_("editor")) == [f"第{number}张" for number in range(74, -1, -1)]


@pytest.mark.parametrize(
    "mark", ["x", "2026-01-01T00:00:00+00:00~x", "2026-01-01~1", "~", "2026-01-01T00:00:00+00:00~" + "9" * 40]
)
def test_a_mark_that_nobody_made_is_no_error(mark: str, district: District, as_: Login) -> None:
    district.planned()
    assert as_("editor").get("/releases", {"before": mark}).status_code == 200


def test_another_units_releases_are_not_in_the_list(district: District, as_: Login) -> None:
    District.make("luozhuang", "罗庄区政府办公室").planned(title="别人的")
    assert titles(page(as_("editor"))) == []


def test_only_who_may_compose_is_offered_it(district: District, as_: Login) -> None:
    assert 'href="/releases/new"' in page(as_("editor"))
    assert 'href="/releases/new"' not in page(as_("duty"))
    assert 'href="/releases"' in page(as_("duty"), "/")  # the navigation


def test_a_full_page_asks_as_little_as_a_short_one(
    district: District, as_: Login, django_assert_max_num_queries: Any
) -> None:
    client = as_("editor")
    for count in (1, 400):
        many(district, count) if count == 1 else _more(district, count)
        for address in ("/releases", "/releases?state=waiting", "/releases?state=asks&q=张"):
            with django_assert_max_num_queries(12):
                page(client, address)


def _more(district: District, count: int) -> None:
    many(district, count)
    Release.objects.filter(title__endswith="0张").update(cancelled_at=now())


@pytest.mark.parametrize("narrowed", [False, True])
def test_what_people_are_to_post_is_found_by_the_index_of_open_tasks(district: District, narrowed: bool) -> None:
    found = releases._by_hand().filter(releases._due(now())) if narrowed else releases._by_hand()
    plan = found.values("release").explain()
    assert connection.vendor != "sqlite" or ("manual_task_open" in plan and "release_of_unit" not in plan), plan
