"""Rows for many objects at once: the same answers as Django's own prefetching, and as few questions."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bot.models import Account, Item, PortalGate, Publication, Release, gathering
from bot.models.gathering import gather, pair, share
from tests.services.factories import Office, after_live, article


@pytest.fixture
def releases(office: Office) -> list[Release]:
    """Two: one waits for its page, and one does not."""
    office.signed(office.approved(article(1)))
    office.signed(office.approved(article(2)), sync=after_live(), on=[office.weibo])
    return list(Release.objects.order_by("pk"))


def pushes(release: Release) -> list[tuple[int, int]]:
    return [(one.pk, one.account_id) for one in release.publications.all()]


def test_each_has_its_own_in_the_order_that_was_asked_for_and_nothing_more_is_asked(releases: list[Release]) -> None:
    there = [[(one.pk, one.account_id) for one in release.publications.order_by("-account_id")] for release in releases]
    with CaptureQueriesContext(connection) as asked:
        gather(releases, "publications", Publication.objects.order_by("-account_id"), "release")
        assert [pushes(release) for release in releases] == there
        assert all(push.release is release for release in releases for push in release.publications.all())
    assert len(asked) == 1


def test_very_many_are_asked_for_in_parts(releases: list[Release], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "AT_ONCE", 1)
    with CaptureQueriesContext(connection) as asked:
        found = gather(releases, "publications", Publication.objects.order_by("pk"), "release")
    assert sorted(one.pk for one in found) == list(Publication.objects.order_by("pk").values_list("pk", flat=True))
    assert [len(release.publications.all()) for release in releases] == [2, 1]
    assert len(asked) == 2


def test_who_has_none_has_none(releases: list[Release]) -> None:
    gather(releases, "publications", Publication.objects.filter(account=releases[0].pk - 1_000), "release")
    with CaptureQueriesContext(connection) as asked:
        assert [pushes(release) for release in releases] == [[], []]
    assert len(asked) == 0


@pytest.mark.django_db
def test_for_nobody_nothing_is_asked() -> None:
    with CaptureQueriesContext(connection) as asked:
        assert gather([], "publications", Publication.objects.all(), "release") == []
        pair([], "gate", PortalGate.objects.all(), "release")
    assert len(asked) == 0


def test_rows_can_be_gathered_for_rows(releases: list[Release]) -> None:
    found = gather(releases, "publications", Publication.objects.all(), "release")
    gather(found, "items", Item.objects.order_by("position"), "publication")
    with CaptureQueriesContext(connection) as asked:
        titles = [
            item.publication.pk
            for release in releases
            for push in release.publications.all()
            for item in push.items.all()
        ]
    assert sorted(titles) == sorted(Item.objects.values_list("publication", flat=True))
    assert len(asked) == 0


def test_of_a_one_to_one_key_each_has_its_one_or_none(releases: list[Release]) -> None:
    pair(releases, "gate", PortalGate.objects.all(), "release")
    with CaptureQueriesContext(connection) as asked:
        assert not hasattr(releases[0], "gate")
        assert releases[1].gate.release is releases[1]
    assert len(asked) == 0


def test_what_several_name_is_one_object_and_a_key_that_is_empty_names_none(releases: list[Release]) -> None:
    found = gather(releases, "publications", Publication.objects.all(), "release")
    share(found, "account", Account.objects.in_bulk())
    share(found, "batch", {})
    with CaptureQueriesContext(connection) as asked:
        of_weibo = [one.account for one in found if one.account.channel == "weibo"]
        assert all(one is of_weibo[0] for one in of_weibo)
        assert {one.batch for one in found} == {None}
    assert len(of_weibo) == 2
    assert len(asked) == 0


def test_a_key_that_nothing_was_found_for_is_a_mistake_of_ours(releases: list[Release]) -> None:
    with pytest.raises(KeyError):
        share(list(Publication.objects.all()), "account", {})
