"""What the system administrator does with the accounts of the own unit: examine, describe, hand over, take out of use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from bot.domain.channel import ChannelFault, CheckResult
from bot.domain.custody import Duty
from bot.domain.instants import require_aware
from bot.domain.secret import Secret
from bot.domain.workflow import Role
from bot.models import Account, AccountCheck, Custody, ManualTask, Person

from . import accounts, audit, prechecks
from .errors import Refused
from .people import require

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
TAKEN = frozenset({"new"})  # an address of the pages
READERS = (Role.SYSADMIN, Role.DUTY, Role.RELEASER, Role.AUDITOR, Role.AUDITADMIN)


def account_of(slug: str, *, person: Person, acting: bool = False) -> Account:
    """An account of the person's unit, for those who may read about it; `acting`: for those who may change it."""
    require(person, *((Role.SYSADMIN,) if acting else READERS))
    return accounts.find_account(slug, unit=person.unit)


def add(
    slug: str, *, channel: str, name: str, mode: str, endpoints: Mapping[str, str], options: Mapping[str, str], proxy: str,
    person: Person, now: datetime,
) -> Account:  # fmt: skip
    """A new account of the own unit; its credentials are put in afterwards."""
    require_aware(now)
    require(person, Role.SYSADMIN)
    if not SLUG.fullmatch(slug) or slug in TAKEN:
        raise Refused(
            "slug", "代号只能用小写字母、数字和连字符（不能是 new），不超过 40 个字符，账号未保存。请改正后重试。"
        )
    return accounts.add_account(
        slug, channel=channel, name=name, mode=mode, unit=person.unit, endpoints=endpoints, options=options,
        credentials={}, proxy=proxy, actor=person.username, now=now,
    )  # fmt: skip


def put_credentials(slug: str, secrets: Mapping[str, Secret], *, person: Person, now: datetime) -> Account:
    """New secrets in the place of old ones, all or none. They are never read back."""
    require_aware(now)
    account = account_of(slug, person=person, acting=True)
    return accounts.replace_credentials(account.slug, secrets, actor=person.username, now=now)


def disable(slug: str, *, reason: str, person: Person, now: datetime) -> Account:
    """Out of use, with a reason."""
    require_aware(now)
    account = account_of(slug, person=person, acting=True)
    if not reason.strip():
        raise Refused("reason", "停用账号须写明原因，未做改动。")
    return accounts.disable_account(account.slug, reason=reason.strip()[:300], actor=person.username, now=now)


def enable(slug: str, *, person: Person, now: datetime) -> Account:
    """Into use again."""
    require_aware(now)
    account = account_of(slug, person=person, acting=True)
    return accounts.enable_account(account.slug, actor=person.username, now=now)


def describe(
    slug: str, *, subject: str, verified_until: date | None, ip_note: str, manual_reason: str, person: Person, now: datetime
) -> Account:  # fmt: skip
    """What staff write down of an account, and whether only people may post there (`manual_reason`: why).

    That does not change while something that was signed for the account is not over.
    """
    require_aware(now)
    account = account_of(slug, person=person, acting=True)
    given: dict[str, Any] = {
        "subject": subject.strip()[:100], "verified_until": verified_until, "ip_note": ip_note.strip()[:200],
        "manual_reason": manual_reason.strip()[:300],
    }  # fmt: skip
    with audit.serialised():  # nothing is signed meanwhile
        account.refresh_from_db()
        changed = {name: value for name, value in given.items() if value != getattr(account, name)}
        if not changed:
            raise Refused("nothing", f"与现在的相同，账号“{account.name}”的档案没有改动。")
        if bool(given["manual_reason"]) != account.manual_only:
            _require_idle(account)
        data = {name: [str(getattr(account, name) or ""), str(value or "")] for name, value in changed.items()}
        Account.objects.filter(pk=account.pk).update(**changed)
        audit.append(person.username, "account.described", f"account:{slug}", data, now=now)
    account.refresh_from_db()
    return account


def _require_idle(account: Account) -> None:
    accounts.require_idle(account, ["manual_reason"])
    waiting = ManualTask.objects.filter(
        account=account, done_at__isnull=True, release__signed_at__isnull=False, release__cancelled_at__isnull=True
    )
    numbers = sorted(set(waiting.values_list("release_id", flat=True)))
    if numbers:
        raise Refused(
            "signed", f"账号“{account.name}”还有没办完的手工发布任务（发布单 {'、'.join(map(str, numbers))}），没有改动。"
            "请先登记发布，或写明原因不再发布。",
        )  # fmt: skip


def hand_over(
    slug: str, duty: Duty, *, name: str, contact: str, since: date, person: Person, now: datetime
) -> Custody:  # fmt: skip
    """Who answers for the account from a day on; who did before is ended on that day, and stays written down."""
    require_aware(now)
    account = account_of(slug, person=person, acting=True)
    if not name.strip():
        raise Refused("name", f"请写明{duty.label}的姓名，未做改动。")
    with audit.serialised():
        before = Custody.objects.filter(account=account, duty=duty, until__isnull=True).first()
        if before is not None and since < before.since:
            raise Refused("since", f"现任{duty.label}自 {before.since} 起，新的起始日不能更早，未做改动。请核对日期。")
        Custody.objects.filter(account=account, duty=duty, until__isnull=True).update(until=since)
        made = Custody.objects.create(
            account=account, duty=duty, name=name.strip()[:60], contact=contact.strip()[:100], since=since,
            entered_by=person, entered_at=now,
        )  # fmt: skip
        data = {"duty": str(duty), "name": made.name, "since": since.isoformat()}
        audit.append(person.username, "account.custody", f"account:{slug}", data, now=now)
    return made


def examine(slug: str, *, person: Person, now: datetime) -> AccountCheck:
    """体检: ask the platform, keep every line with its remedy. A platform that does not answer is a line, too."""
    require_aware(now)
    account = account_of(slug, person=person, acting=True)
    return _examined(account, person, person.username, now)


def examine_from_shell(slug: str, *, actor: str, now: datetime) -> AccountCheck:
    """The same on the machine itself, whoever's the account is. `actor`: a login name, or what stands in the trail for none."""
    require_aware(now)
    account = accounts.find_account(slug)
    accounts.spec_of(account)  # an account that nobody here can ask about is refused, and what was found before stays
    return _examined(account, Person.objects.filter(username=actor).first(), actor, now)


def _examined(account: Account, person: Person | None, actor: str, now: datetime) -> AccountCheck:
    try:
        found = accounts.check_account(account)
    except (ChannelFault, Refused) as fault:
        found = [CheckResult("平台", False, fault.message, code="platform")]
    lines = [prechecks.with_remedy(result).line() for result in found]
    failed = [line["name"] for line in lines if not line["ok"]]
    with audit.serialised():
        check, _ = AccountCheck.objects.update_or_create(
            account=account, defaults={"at": now, "person": person, "ok": not failed, "lines": lines}
        )
        audit.append(actor, "account.checked", f"account:{account.slug}", {"failed": failed}, now=now)
    return check
