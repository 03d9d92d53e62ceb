"""An urgent release through its instant: carried by two words until the last byte, by nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.delivery import State
from bot.domain.workflow import Verdict
from bot.models import Account, Edition, Release
from bot.services import approvals, documents, editorial, stops, urgent

from .delivery_support import SECOND, SIGNED_AT, Engine, outcomes, states
from .factories import Office, article


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


def urgent_release(engine: Engine, *on: Account) -> Release:
    """Two words at once; due as soon as the engine promises."""
    office = engine.office
    document = office.took()
    modes = {one.slug: one.mode for one in on or office.accounts}
    asked = urgent.propose(
        document, modes=modes, instant=None, reason="汛情紧急", seen=document.current.content_hash,
        person=office.people["editor"], now=SIGNED_AT,
    )  # fmt: skip
    return urgent.confirm(asked, seen=asked.digest, person=office.people["final"], now=SIGNED_AT)


def test_it_goes_out_once_at_its_instant_on_every_account(engine: Engine) -> None:
    release = urgent_release(engine)
    engine.go(release.instant + timedelta(minutes=3))
    assert states(release) == ["live", "live"]
    assert len(engine.platform.sent) == 2
    assert all(one.sent_at >= release.instant for one in release.publications.all())


def test_reviews_may_go_on_meanwhile_without_stopping_it(engine: Engine) -> None:
    release = urgent_release(engine)
    office = engine.office
    office.passes(release.urgency.edition.document, "first", "second", now=SIGNED_AT + SECOND)
    engine.go(release.instant + timedelta(minutes=3))
    assert states(release) == ["live", "live"]


def test_a_return_before_the_first_byte_stops_it(engine: Engine) -> None:
    release = urgent_release(engine)
    document = release.urgency.edition.document
    editorial.review(
        document, person=engine.office.people["first"], verdict=Verdict.RETURN, comment="不实", now=SIGNED_AT + SECOND
    )
    engine.go(release.instant + timedelta(minutes=3))
    assert states(release) == ["held", "held"]
    assert engine.platform.sent == []
    release.refresh_from_db()
    assert not release.signed


def test_what_happens_to_the_edition_at_the_last_moment_is_seen_by_the_last_look(engine: Engine) -> None:
    release = urgent_release(engine, engine.office.weibo)

    def returned_by_a_hand() -> None:
        Edition.objects.filter(pk=release.urgency.edition_id).update(state="returned")

    engine.clock.at(release.instant - timedelta(milliseconds=150), returned_by_a_hand)
    engine.go(release.instant + SECOND)
    assert engine.platform.sent == []
    assert outcomes(engine.weibo(release))[0] == ("first", "not_sent")


def test_a_freeze_holds_it_like_everything_else(engine: Engine) -> None:
    release = urgent_release(engine)
    stops.freeze(engine.office.unit, person=engine.releaser, reason="停", now=SIGNED_AT + SECOND)
    engine.go(release.instant + timedelta(minutes=1))
    assert states(release) == ["held", "held"]
    assert engine.platform.sent == []


def test_nothing_becomes_a_new_edition_while_reviews_are_owed(engine: Engine) -> None:
    release = urgent_release(engine)
    engine.go(release.instant + timedelta(minutes=3))
    with pytest.raises(Exception, match="还没有补审完"):
        documents.save_article(article(title="改过"), person=engine.office.people["editor"], now=engine.clock.now())
    assert states(release) == ["live", "live"]


def test_the_batch_asks_one_question_more_only_where_something_is_urgent(
    engine: Engine, django_assert_num_queries: object
) -> None:
    release = urgent_release(engine, engine.office.weibo)
    engine.go(release.instant - timedelta(seconds=16))
    engine.workers = False
    engine.go(release.instant - timedelta(seconds=14))
    batch = engine.weibo(release).batch
    assert batch is not None
    with django_assert_num_queries(2):  # type: ignore[operator]
        assert approvals.unapproved(batch) == set()
    assert engine.weibo(release).status is State.ARMED
