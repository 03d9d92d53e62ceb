"""Sent again by two people: a new act only where every call is proved to have had no effect."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.engine.resending import Ended, Said, is_new_act

from ..strategies import QUICK
from .parts import MINUTE, T

OUTCOMES = ["", "not_sent", "accepted", "refused", "unknown"]


def ended(*outcomes: str) -> list[Ended]:
    """One attempt every ten minutes."""
    return [Ended(T + 10 * number * MINUTE, outcome) for number, outcome in enumerate(outcomes)]


def said(*after: tuple[int, bool]) -> list[Said]:
    return [Said(T + minutes * MINUTE, failed) for minutes, failed in after]


def test_a_refusal_or_a_stated_failure_is_proof():
    assert is_new_act(ended("refused"), [])
    assert is_new_act(ended("accepted"), said((1, False), (2, True)))
    assert is_new_act(ended("refused", "not_sent", "accepted"), said((21, True)))


def test_accepted_without_a_verdict_is_none():
    assert not is_new_act(ended("accepted"), [])
    assert not is_new_act(ended("accepted"), said((2, False)))


def test_the_last_word_counts():
    assert not is_new_act(ended("accepted"), said((1, True), (2, False)))


def test_every_acceptance_needs_its_own():
    assert not is_new_act(ended("accepted", "accepted"), said((11, True)))
    assert not is_new_act(ended("accepted", "refused"), [])
    assert is_new_act(ended("accepted", "accepted"), said((1, True), (11, True)))


def test_where_nothing_left_there_is_nothing_to_renew():
    assert not is_new_act([], [])
    assert not is_new_act(ended("not_sent", "not_sent"), said((1, True)))


@QUICK
@given(
    st.lists(st.sampled_from(OUTCOMES), max_size=4),
    st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=6).map(sorted),
)
def test_one_end_in_doubt_and_it_is_the_same_act_for_good(outcomes, words):
    if {"", "unknown"} & set(outcomes):
        assert not is_new_act(ended(*outcomes), said(*words))
