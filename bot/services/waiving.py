"""忽略并说明: who let which finding pass, and why. A waiver is about what was found then, not about whatever comes later."""

from __future__ import annotations

from datetime import datetime

from bot import channels
from bot.domain.findings import Finding, Level, about
from bot.domain.instants import require_aware
from bot.domain.workflow import Role
from bot.models import Document, Draft, Person, Waiver

from . import audit, drafting, editorial
from .errors import Refused
from .people import require
from .waivers import PAIRING, waiver_rule

#: Findings that nobody may wave through, and those that an editor may not wave through alone.
NEVER_WAIVED = ("classified.",)
BY_REVIEWERS = ("pii.",)
REVIEWERS = (Role.FIRST, Role.SECOND, Role.FINAL, Role.RELEASER)
_NOT_RENDERED = frozenset({"render.too_long", "render.empty", "render.source_url"})


def may_waive(finding: Finding, person: Person) -> bool:
    """Whether this person may let it pass."""
    if finding.level is Level.HINT or _why_never(finding.rule, finding.level):
        return False
    roles = REVIEWERS if finding.rule.startswith(BY_REVIEWERS) else (Role.EDITOR, *REVIEWERS)
    return any(person.has_role(role) for role in roles)


def _why_never(rule: str, level: Level) -> str:
    """Why nobody may, or ""."""
    if rule.startswith(NEVER_WAIVED):
        return "涉密与公开属性的检查结果不能忽略，未做改动。请送保密审查，或修改内容。"
    of_platform = rule in _NOT_RENDERED or rule.partition(".")[0] in channels.kinds()
    if level is Level.BLOCK and of_platform:
        return "这是平台的限制，忽略了也发不出去，未做改动。请修改内容。"
    return ""


def waive(document: Document, rule: str, reason: str, *, person: Person, now: datetime) -> None:
    """Let what one rule finds in this document now pass, with a reason that is kept.

    It covers those very findings, in the newest edition and in the working copy: another number of an identity card, found
    later by the same rule, is stopped again.
    """
    require_aware(now)
    rule = waiver_rule(rule)
    found = _found_now(document, rule, now)
    for finding in found:
        if why := _why_never(finding.rule, finding.level):
            raise Refused("never", why)
    if rule.startswith(BY_REVIEWERS):
        require(person, *REVIEWERS)
    require(person, Role.EDITOR, *REVIEWERS)
    if not reason.strip():
        raise Refused("reason", "忽略检查结果须写明理由，未做改动。请填写理由后重试。")
    if not found and rule != PAIRING:
        raise Refused(
            "nothing", f"这份稿件现在没有这条检查结果（{about(rule)}），不用忽略，未做改动。请刷新页面后再看。"
        )
    covers = sorted({finding.key for finding in found})
    with audit.serialised():
        Waiver.objects.update_or_create(
            document=document, rule=rule, defaults={"reason": reason, "covers": covers, "person": person, "at": now}
        )
        data = {"rule": rule, "reason": reason, "unit": document.unit.code}
        audit.append(person.username, "finding.waived", f"document:{document.external_id}", data, now=now)


def _found_now(document: Document, rule: str, now: datetime) -> list[Finding]:
    """What the rule finds in the newest edition as it would be handed in, and in the working copy."""
    accounts = [account for account in document.unit.accounts.order_by("pk") if account.enabled]
    found = [one for _, one in editorial.found_in(document, accounts, "preview0", now=now)[0]]
    draft = Draft.objects.filter(document=document).first()
    if draft is not None:
        found += drafting.judge(document, draft.fields, accounts=accounts, now=now).findings
    return [one for one in found if waiver_rule(one.rule) == rule and one.level is not Level.HINT]
