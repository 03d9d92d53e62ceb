"""应急通道: who may, what carries, and when it is late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.domain.alarms import Out
from bot.domain.urgent import (
    ARROWS,
    LABELS,
    OPEN,
    REMIND_BEFORE,
    Review,
    Stage,
    Word,
    alarms_late,
    calls_to_post,
    carried,
    digest,
    may_propose,
    may_second,
    returned_in_words,
    review,
    sent_in_words,
    word_over,
)
from bot.domain.workflow import EditionState, Role

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
FIRST, SECOND = Word(1, 1, "d"), Word(2, 2, "d", "m")
GIVEN = {"edition_hash": "e", "posts": {"a": "p"}, "modes": {"a": "mass"}, "instant": None, "reason": "急"}


@pytest.mark.parametrize("role", Role)
def test_who_may_ask(role: Role) -> None:
    asks = role in {Role.EDITOR, Role.FIRST, Role.SECOND, Role.FINAL, Role.RELEASER, Role.DUTY}
    assert (may_propose(roles=[role]) is None) is asks


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("first_decides", [True, False])
def test_who_may_confirm(role: Role, first_decides: bool) -> None:
    alone = role in {Role.FINAL, Role.RELEASER}
    allowed = alone or (role is Role.DUTY and first_decides)
    refusal = may_second(person=2, roles=[role], first=1, first_decides=first_decides, authors=[1])
    assert (refusal is None) is allowed


@pytest.mark.parametrize(("person", "code"), [(1, "same"), (3, "author")])
def test_neither_the_same_person_nor_an_author_confirms(person: int, code: str) -> None:
    refusal = may_second(person=person, roles=["final"], first=1, first_decides=True, authors=[3])
    assert refusal is not None
    assert refusal.code == code


@pytest.mark.parametrize("state", EditionState)
def test_two_words_carry_what_was_handed_in_and_neither_returned_nor_replaced(state: EditionState) -> None:
    goes = state not in {EditionState.DRAFTING, EditionState.RETURNED, EditionState.SUPERSEDED}
    assert carried([FIRST, SECOND], digest="d", manifest="m", state=state) is goes


@pytest.mark.parametrize(
    "words",
    [
        [],
        [FIRST],
        [SECOND],
        [FIRST, Word(2, 1, "d", "m")],
        [FIRST, Word(2, 2, "other", "m")],
        [FIRST, Word(2, 2, "d", "other")],
        [FIRST, Word(2, 2, "d", "")],
        [Word(1, 1, "other"), SECOND],
    ],
)
def test_nothing_less_carries(words: list[Word]) -> None:
    assert not carried(words, digest="d", manifest="m", state=EditionState.SUBMITTED)


def test_without_a_manifest_nothing_is_carried() -> None:
    assert not carried([FIRST, Word(2, 2, "d", "")], digest="d", manifest="", state=EditionState.SUBMITTED)


@pytest.mark.parametrize(
    "changes",
    [
        {"edition_hash": "x"}, {"posts": {"a": "x"}}, {"modes": {"a": "publish"}}, {"instant": NOW}, {"reason": "不急"},
        {"by_hand": ["a"]},
    ],
)  # fmt: skip
def test_a_word_is_given_on_everything_that_goes_out_and_why(changes: dict[str, object]) -> None:
    assert digest(**GIVEN | changes) != digest(**GIVEN)  # type: ignore[arg-type]


def test_words_given_before_people_had_a_part_in_it_stay_what_they_were() -> None:
    assert digest(**GIVEN, by_hand=[]) == digest(**GIVEN)  # type: ignore[arg-type]
    beijing = NOW.astimezone(timezone(timedelta(hours=8)))
    assert digest(**GIVEN | {"instant": beijing}) == digest(**GIVEN | {"instant": NOW})  # type: ignore[arg-type]


@pytest.mark.parametrize("out", [Out.NO, Out.YES, Out.PART, Out.UNKNOWN])
def test_what_people_have_not_entered_is_said_wherever_it_is_told_whether_it_is_out(out: Out) -> None:
    assert "手工发布的还没有登记" in sent_in_words(out, waits=True, posting=True)
    assert "手工发布" not in sent_in_words(out, waits=True)
    assert "请先问清" in returned_in_words(out, posting=True)
    assert "到平台后台删除" in returned_in_words(out, posted=True)
    assert "手工发布的" not in returned_in_words(out)


def test_the_first_word_holds_two_hours() -> None:
    assert not word_over(NOW, NOW + timedelta(hours=2, microseconds=-1))
    assert word_over(NOW, NOW + timedelta(hours=2))


def test_reviews_are_near_four_hours_ahead_and_late_at_the_end() -> None:
    assert review(NOW, NOW - REMIND_BEFORE - timedelta(seconds=1)) is Review.AHEAD
    assert review(NOW, NOW - REMIND_BEFORE) is Review.NEAR
    assert review(NOW, NOW) is Review.LATE
    assert [alarms_late(NOW, NOW + timedelta(hours=hours)) for hours in (0, 3, 4, 9)] == [0, 0, 1, 2]


def test_people_are_called_to_post_again_every_half_hour() -> None:
    minutes = (-5, 0, 29, 30, 61)
    assert [calls_to_post(NOW, NOW + timedelta(minutes=one)) for one in minutes] == [0, 0, 0, 1, 2]


def test_every_stage_has_its_words_and_is_open_as_long_as_something_may_follow() -> None:
    assert set(LABELS) == set(Stage)
    assert set(ARROWS) >= OPEN
    assert {Stage.CALLED_OFF, Stage.SETTLED} == set(ARROWS) - OPEN  # what people had posted all the same opens it again
    assert {target for targets in ARROWS.values() for target in targets} | {Stage.ASKED} == set(Stage)
