"""Editorial states of an edition and who may move it: one table (design.md section 5)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum


class EditionState(StrEnum):
    """Where one edition stands on its way to approval."""

    DRAFTING = "drafting"
    SUBMITTED = "submitted"
    FIRST_PASSED = "first_passed"
    SECOND_PASSED = "second_passed"
    APPROVED = "approved"
    RETURNED = "returned"
    SUPERSEDED = "superseded"

    @property
    def label(self) -> str:
        """The word staff see."""
        return EDITION_LABELS[self]


EDITION_LABELS = {
    EditionState.DRAFTING: "拟稿",
    EditionState.SUBMITTED: "待初审",
    EditionState.FIRST_PASSED: "待复审",
    EditionState.SECOND_PASSED: "待终审",
    EditionState.APPROVED: "已通过",
    EditionState.RETURNED: "已退回",
    EditionState.SUPERSEDED: "已被新版本取代",
}


class Step(StrEnum):
    """The reviews, in order."""

    FIRST = "first"
    SECOND = "second"
    FINAL = "final"

    @property
    def label(self) -> str:
        """The word staff see."""
        return {"first": "初审", "second": "复审", "final": "终审"}[self.value]


class Verdict(StrEnum):
    """A reviewer's decision."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    RETURN = "return"


class Role(StrEnum):
    """Rights of a person. Review steps carry the step's name."""

    EDITOR = "editor"
    FIRST = "first"
    SECOND = "second"
    FINAL = "final"
    RELEASER = "releaser"
    DUTY = "duty"
    AUDITOR = "auditor"
    SYSADMIN = "sysadmin"
    SECADMIN = "secadmin"
    AUDITADMIN = "auditadmin"

    @property
    def label(self) -> str:
        """The word staff see."""
        return ROLE_LABELS[self]


ROLE_LABELS = {
    Role.EDITOR: "拟稿",
    Role.FIRST: "初审",
    Role.SECOND: "复审",
    Role.FINAL: "终审",
    Role.RELEASER: "签发",
    Role.DUTY: "值班",
    Role.AUDITOR: "审计",
    Role.SYSADMIN: "系统管理员",
    Role.SECADMIN: "安全管理员",
    Role.AUDITADMIN: "审计管理员",
}
ADMINISTRATORS = frozenset({Role.SYSADMIN, Role.SECADMIN, Role.AUDITADMIN})
"""三员分立: nobody holds two of them (GB/T 22239-2019, 8.1.4.2). Accounts and the machine; people and rights; the trail of both."""

READERS = frozenset(Role) - ADMINISTRATORS
"""Who may read what is not public yet: whoever has a part in it, and the 审计, who proves what was approved by its text. The
three administrators keep the machine, the people and the trail; none of that needs the text."""

DEFAULT_STEPS = (Step.FIRST, Step.SECOND, Step.FINAL)
LEAST_STEPS = 2
WAITS_AS = {
    Step.FIRST: EditionState.SUBMITTED,
    Step.SECOND: EditionState.FIRST_PASSED,
    Step.FINAL: EditionState.SECOND_PASSED,
}
UNDER_REVIEW = frozenset(WAITS_AS.values())

#: event -> (from states, to state); reviews are worked out by `after_review`
EDITION_TRANSITIONS: dict[str, tuple[frozenset[EditionState], EditionState]] = {
    "submit": (frozenset({EditionState.DRAFTING}), EditionState.SUBMITTED),
    "return": (UNDER_REVIEW, EditionState.RETURNED),
    "supersede": (frozenset(EditionState) - {EditionState.SUPERSEDED}, EditionState.SUPERSEDED),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something may not be done: a stable code and a Chinese sentence with the remedy."""

    code: str
    message: str


def exclusive(roles: Collection[str]) -> Refusal | None:
    """None if one person may hold these roles together, else why not."""
    held = [role for role in Role if role in ADMINISTRATORS and role.value in roles]
    if len(held) < 2:
        return None
    words = "、".join(role.label for role in held)
    return Refusal("exclusive", f"{words}须由不同的人担任（三员分立），未做任何改动。请只留其中一个角色。")


def step_due(state: EditionState, steps: Sequence[Step] = DEFAULT_STEPS) -> Step | None:
    """The review an edition waits for, or None."""
    return next((step for step in steps if WAITS_AS[step] is state), None)


def after_review(
    state: EditionState, step: Step, verdict: Verdict, steps: Sequence[Step] = DEFAULT_STEPS
) -> EditionState:
    """The state that follows a review. Raises ValueError when that step is not due."""
    if step_due(state, steps) is not step:
        raise ValueError(f"{step} is not due in {state}")
    if verdict is Verdict.RETURN:
        return EditionState.RETURNED
    later = list(steps)[list(steps).index(step) + 1 :]
    return WAITS_AS[later[0]] if later else EditionState.APPROVED


def may_review(
    *, person: int, roles: Collection[str], step: Step, authors: Collection[int], earlier_reviewers: Collection[int],
    asked_urgently: bool = False,
) -> Refusal | None:  # fmt: skip
    """None if the person may take the step, else why not. `asked_urgently`: gave the first word for 应急发布."""
    if step.value not in roles:
        return Refusal("role", f"您没有{step.label}权限。请由具有{step.label}角色的人员办理，或请安全管理员调整角色。")
    if person in authors:
        return Refusal("author", "拟稿人不能审核自己的稿件。请由其他人员审核。")
    if person in earlier_reviewers:
        return Refusal("one_step", "同一人只能承担一个审次，您已审过本稿。请由其他人员办理本审次。")
    if asked_urgently:
        return Refusal("asked", "提出应急发布的人不能办理这份稿件的审核。请由其他人员办理。")
    return None


def may_sign(*, person: int, roles: Collection[str], authors: Collection[int]) -> Refusal | None:
    """None if the person may sign a release whose items have these authors."""
    if Role.RELEASER.value not in roles:
        return Refusal("role", "您没有签发权限。请由具有签发角色的人员签发。")
    if person in authors:
        return Refusal("author", "签发人不能签发本人拟写的稿件。请由其他签发人办理。")
    return None
