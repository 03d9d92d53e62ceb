"""The editorial table: which review is due, what follows it, and who may not take it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.workflow import (
    DEFAULT_STEPS,
    EDITION_LABELS,
    EDITION_TRANSITIONS,
    ROLE_LABELS,
    UNDER_REVIEW,
    EditionState,
    Role,
    Step,
    Verdict,
    after_review,
    may_review,
    may_sign,
    step_due,
)

from .strategies import QUICK

TWO_STEPS = (Step.FIRST, Step.FINAL)
PEOPLE = st.sets(st.integers(1, 6), max_size=6)
ROLES = st.sets(st.sampled_from([str(role) for role in Role]))


def walk(steps: tuple[Step, ...]) -> list[EditionState]:
    states = [EditionState.SUBMITTED]
    while (due := step_due(states[-1], steps)) is not None:
        states.append(after_review(states[-1], due, Verdict.PASS, steps))
    return states


def test_three_passes_lead_from_submitted_to_approved():
    assert walk(DEFAULT_STEPS) == ["submitted", "first_passed", "second_passed", "approved"]


def test_a_unit_with_two_steps_goes_from_the_first_review_to_the_final_one():
    assert walk(TWO_STEPS) == ["submitted", "second_passed", "approved"]


@pytest.mark.parametrize("state", sorted(UNDER_REVIEW))
def test_a_return_from_any_review_leads_to_returned(state):
    due = step_due(state)
    assert due is not None
    assert after_review(state, due, Verdict.RETURN) is EditionState.RETURNED


@pytest.mark.parametrize("state", sorted(set(EditionState) - UNDER_REVIEW))
def test_outside_the_reviews_no_step_is_due(state):
    assert step_due(state) is None
    for step in Step:
        with pytest.raises(ValueError, match="not due"):
            after_review(state, step, Verdict.PASS)


@QUICK
@given(state=st.sampled_from(EditionState), step=st.sampled_from(Step), verdict=st.sampled_from(Verdict))
def test_a_step_is_taken_only_when_it_is_due(state, step, verdict):
    if step_due(state) is step:
        assert after_review(state, step, verdict) is not state
    else:
        with pytest.raises(ValueError, match="not due"):
            after_review(state, step, verdict)


def test_nothing_is_approved_before_the_last_step():
    for steps in (DEFAULT_STEPS, TWO_STEPS):
        for earlier, later in pairwise(walk(steps)):
            assert (later is EditionState.APPROVED) == (step_due(earlier, steps) is steps[-1])


@QUICK
@given(person=st.integers(1, 6), roles=ROLES, step=st.sampled_from(Step), authors=PEOPLE, earlier=PEOPLE)
def test_may_review_asks_for_the_role_and_for_somebody_who_has_not_touched_it(person, roles, step, authors, earlier):
    refusal = may_review(person=person, roles=roles, step=step, authors=authors, earlier_reviewers=earlier)
    assert (refusal is None) == (step.value in roles and person not in authors and person not in earlier)


def test_each_refusal_says_who_may_do_it_instead():
    def asked(roles, authors=(), earlier=()):
        refusal = may_review(person=1, roles=roles, step=Step.SECOND, authors=authors, earlier_reviewers=earlier)
        return refusal.code, refusal.message

    assert asked([]) == ("role", "您没有复审权限。请由具有复审角色的人员办理，或请安全管理员调整角色。")
    assert asked(["second"], authors=[1]) == ("author", "拟稿人不能审核自己的稿件。请由其他人员审核。")
    assert asked(["second"], earlier=[1])[0] == "one_step"


@QUICK
@given(person=st.integers(1, 6), roles=ROLES, authors=PEOPLE)
def test_a_signer_holds_the_role_and_wrote_nothing_in_the_release(person, roles, authors):
    refusal = may_sign(person=person, roles=roles, authors=authors)
    assert (refusal is None) == ("releaser" in roles and person not in authors)


def test_the_final_reviewer_may_sign_when_they_hold_the_role():
    assert may_sign(person=3, roles=["final", "releaser"], authors=[1]) is None


def test_a_superseded_edition_never_comes_back():
    assert not any(EditionState.SUPERSEDED in sources for sources, _ in EDITION_TRANSITIONS.values())


def test_every_state_and_role_has_a_word_for_staff():
    assert set(EDITION_LABELS) == set(EditionState)
    assert set(ROLE_LABELS) == set(Role)
    assert [step.label for step in Step] == ["初审", "复审", "终审"]
    assert EditionState.RETURNED.label == "已退回"
    assert Role.DUTY.label == "值班"
