"""The tables of the staff handbook (docs/handbook.zh-CN.md), in Chinese: drawn from the code, so that no word goes stale.

What the code does not say (who does what, what staff should do about a state) stands here by the code's own names: a new
role or state without its words fails the tests of the docs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.domain.alarms import LABELS, REMEDIES, Kind
from bot.domain.delivery import STATE_LABELS, State
from bot.domain.findings import Level
from bot.domain.workflow import EDITION_LABELS, ROLE_LABELS, EditionState, Role
from scripts.docs_tables import table

ROLES: Mapping[Role, str] = {
    Role.EDITOR: "导入、撰稿、改正检查结果、送审；也可以编排发布单、提出撤回",
    Role.FIRST: "初审：看差异和各渠道的样子，通过或退回",
    Role.SECOND: "复审：同上，不能是已经审过这一稿的人",
    Role.FINAL: "终审：同上；“结果不明”要重发时，可作第二人确认",
    Role.RELEASER: "编排、核对清单、签发；恢复、作废；确认撤回；可停发和解除停发",
    Role.DUTY: "看值班台和警报；暂停、一键停发；处置异常；办手工发布",
    Role.AUDITOR: "查看稿件、发布单和留痕，验证留痕完整",
    Role.SYSADMIN: "账号、凭据、授权、备份和本机；不看稿件内容",
    Role.SECADMIN: "人员、角色、停用、代理、重置密码和验证器；不看稿件内容",
    Role.AUDITADMIN: "查阅全部留痕，核验完整性，导出；不看稿件内容",
}
EDITIONS: Mapping[EditionState, tuple[str, str]] = {
    EditionState.DRAFTING: ("还没有送审，或修改后成了新版本", "拟稿"),
    EditionState.SUBMITTED: ("已送审，内容和渠道稿都已冻结", "初审"),
    EditionState.FIRST_PASSED: ("初审通过", "复审"),
    EditionState.SECOND_PASSED: ("复审通过", "终审"),
    EditionState.APPROVED: ("三审都通过，可以编入发布单", "签发"),
    EditionState.RETURNED: ("有人退回，原因写在文件页和审批箱里", "拟稿"),
    EditionState.SUPERSEDED: ("后来有了新版本，这一版只供查看", "无"),
}
STATES: Mapping[State, tuple[str, str]] = {
    State.PLANNED: ("没有", "不用办；确认发布单已经签发"),
    State.BLOCKED: ("没有", "看写着的原因；授权、白名单之类请系统管理员马上处理，系统会自动再试"),
    State.STAGING: ("没有", "不用办"),
    State.STAGED: ("没有", "不用办"),
    State.ARMED: ("没有", "不用办；此时仍可暂停、作废、停发"),
    State.SENDING: ("可能", "等几秒"),
    State.UNKNOWN: ("不知道", "等系统核对。不要重发，也不要到平台后台手工补发"),
    State.CONFIRMING: ("多半已公开", "等系统读回；最长 30 分钟，过后转人工"),
    State.LIVE: ("是", "不用办；点链接可以看"),
    State.HELD: ("没有；先前结果不明过的要先核实", "处理好原因，由签发人恢复，或作废"),
    State.CANCELLED: ("没有；先前结果不明过的要先核实", "不用办"),
    State.MISSED: ("没有；先前结果不明过的要先核实", "由签发人决定：两人确认后重发，或作废"),
    State.NEEDS_PERSON: ("看写着的原因", "到异常台办理，见“异常处置”"),
    State.GONE: ("曾经公开", "到平台后台看是谁、为什么撤下的，报告签发人"),
    State.WITHDRAWN: ("曾经公开，已经撤下", "登记更正件；要重发请走新版本"),
}
LEVELS: Mapping[Level, str] = {
    Level.BLOCK: "不改不能送审。确有理由，在撰稿页或文件页“忽略并说明”，理由留痕；密级类不能忽略",
    Level.WARN: "可以送审，要有人看过；确认无误可以“忽略并说明”",
    Level.HINT: "用词可以更好，改不改都行",
}


def roles() -> str:
    """Every role and what it does."""
    return table(["角色", "做什么"], [[ROLE_LABELS[role], ROLES[role]] for role in Role])


def editions() -> str:
    """Every state of a document."""
    return table(["文件状态", "意思", "轮到谁"], [[EDITION_LABELS[state], *EDITIONS[state]] for state in EditionState])


def states() -> str:
    """Every state of a push."""
    return table(["推送状态", "公开了吗", "您要做的"], [[STATE_LABELS[state], *STATES[state]] for state in State])


def levels() -> str:
    """What a finding does."""
    return table(["检查结果", "怎么办"], [[level.label, LEVELS[level]] for level in Level])


def alarms() -> str:
    """Every alarm with what is to be done."""
    return table(["警报", "怎么办"], [[LABELS[kind], REMEDIES[kind]] for kind in Kind])


BLOCKS: Mapping[str, Callable[[], str]] = {
    "handbook roles": roles,
    "handbook editions": editions,
    "handbook states": states,
    "handbook findings": levels,
    "handbook alarms": alarms,
}
