"""A second try rests on a proof or on two people, whatever state a hand in the database gives the push."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.delivery import Event, State
from bot.models import Attempt, Publication
from bot.services import audit, settling, transitions
from tests.services.factories import NOW, Office, force, publication

from .sql import attempt_row, proves, refused, update

NO_SECOND = "no second try without proof"


def tried(push: Publication, outcome: str, *, number: int = 1, **changes: Any) -> None:
    """One try of it ended like this; the push is where the engine would have left it."""
    attempt_row(push, number=number, **changes)
    update(Attempt.objects.get(publication=push, number=number), outcome=outcome)
    force(Publication.objects.filter(pk=push.pk), "sending")
    push.refresh_from_db()


def moved(push: Publication, *events: Event) -> None:
    """As the engine moves it: with its line in the trail."""
    for event in events:
        transitions.move(push, event, actor="系统", now=NOW)


def given_up(push: Publication, **changes: Any) -> None:
    """Tried without an answer, looked for in vain, and left to people."""
    tried(push, "unknown", **changes)
    moved(push, Event.SILENCE, Event.GIVE_UP)


@pytest.fixture
def weibo(office: Office) -> Publication:
    return publication(office.signed(), office.weibo)


def resent_by_two(push: Publication, office: Office) -> None:
    people = {"person": office.people["releaser"], "second": office.people["final"]}
    push.refresh_from_db()
    settling.settle_again(push, **people, reason="主页上没有", now=NOW)


@proves("attempt_tried_again_as_earned")
@pytest.mark.parametrize("outcome", ["unknown", "accepted", "refused", "not_sent"])
def test_a_push_put_back_by_hand_is_not_tried_again(weibo: Publication, outcome: str) -> None:
    tried(weibo, outcome)
    for kind in ("first", "again"):
        with refused(NO_SECOND):
            attempt_row(weibo, number=2, kind=kind)


@proves("attempt_tried_again_as_earned")
def test_what_provably_did_not_leave_is_tried_again_once_for_each_time_it_did_not(weibo: Publication) -> None:
    for number in (1, 2, 3):
        tried(weibo, "not_sent", number=number)
        with refused(NO_SECOND):
            attempt_row(weibo, number=number + 1)
        force(Publication.objects.filter(pk=weibo.pk), "sending")
        weibo.refresh_from_db()
        moved(weibo, Event.NOT_SENT)
    attempt_row(weibo, number=4)


@proves("attempt_tried_again_as_earned")
def test_a_proof_of_absence_earns_one_try(weibo: Publication) -> None:
    tried(weibo, "unknown")
    moved(weibo, Event.SILENCE, Event.PROVED_ABSENT)
    tried(weibo, "unknown", number=2)
    moved(weibo, Event.SILENCE)
    with refused(NO_SECOND):
        attempt_row(weibo, number=3)


@proves("attempt_tried_again_as_earned")
def test_two_people_earn_one_try(office: Office, weibo: Publication) -> None:
    given_up(weibo)
    with refused(NO_SECOND):
        attempt_row(weibo, number=2)
    force(Publication.objects.filter(pk=weibo.pk), "needs_person")
    resent_by_two(weibo, office)
    given_up(weibo, number=2, key=Publication.objects.get(pk=weibo.pk).key)
    with refused(NO_SECOND):
        attempt_row(weibo, number=3)


@proves("attempt_tried_again_as_earned")
def test_one_persons_word_twice_is_not_that_of_two(office: Office, weibo: Publication) -> None:
    given_up(weibo)
    data = {"second": "releaser", "reason": "主页上没有", "new_key": False}
    audit.append("releaser", "publication.resend", f"publication:{weibo.pk}", data, now=NOW)
    with refused(NO_SECOND):
        attempt_row(weibo, number=2)


@proves("attempt_tried_again_as_earned")
def test_letting_go_what_had_missed_its_time_earns_no_try_beyond_the_first(office: Office, weibo: Publication) -> None:
    force(Publication.objects.filter(pk=weibo.pk), State.MISSED)
    resent_by_two(weibo, office)
    weibo.refresh_from_db()
    tried(weibo, "unknown", key=weibo.key)
    with refused(NO_SECOND):
        attempt_row(weibo, number=2)


@proves("attempt_tried_again_as_earned")
def test_what_is_told_of_another_push_earns_nothing(office: Office, weibo: Publication) -> None:
    other = publication(weibo.release, office.wechat)
    for push in (weibo, other):
        tried(push, "unknown")
    moved(other, Event.SILENCE, Event.PROVED_ABSENT)
    with refused(NO_SECOND):
        attempt_row(weibo, number=2)
    attempt_row(other, number=2)


def test_a_replay_under_the_same_key_is_no_second_try(weibo: Publication) -> None:
    tried(weibo, "unknown")
    attempt_row(weibo, number=2, kind="probe")


def test_a_clock_that_was_set_back_stops_no_try_that_was_earned(weibo: Publication) -> None:
    """What gave it back stands in the trail before the try itself, by the clock."""
    tried(weibo, "not_sent")
    transitions.move(weibo, Event.NOT_SENT, actor="系统", now=NOW - timedelta(hours=1))
    attempt_row(weibo, number=2)
