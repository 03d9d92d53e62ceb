"""Short words for posts made by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bot.models import Account
from bot.services import accountdesk, people
from bot.services.manualentry import Entry

from .factories import NOW, Office

LINK = "https://mp.weixin.qq.com/s/AbCdEfGh{}"
WEIBO = "https://weibo.com/2017000001/Pq{}Xyz"
EARLIER = NOW - timedelta(minutes=20)


def entry(office: Office, number: int = 1, *, account: Account | None = None, **changes: Any) -> Entry:
    """A 群发 on the office's 公众号, 20 minutes ago, with no document of ours; or what is said instead."""
    account = account or office.wechat
    given: dict[str, Any] = {
        "mode": account.mode, "url": (LINK if account.channel == "wechat" else WEIBO).format(number),
        "posted_at": EARLIER, "posted_by": office.people["releaser"], "title": f"停水通知之{number}",
    }  # fmt: skip
    return Entry(account, **given | changes)


def only_by_hand(office: Office, account: Account, *, now: datetime = NOW) -> None:
    """From now on the machine does not post on this account."""
    admin = office.people.get("admin") or people.add_person(
        f"{office.unit.code}-admin",
        name="吴管",
        unit=office.unit,
        roles=["sysadmin"],
        password=None,
        actor="test",
        now=now,
    )
    office.people["admin"] = admin
    accountdesk.describe(
        account.slug, subject="", verified_until=None, ip_note="", manual_reason="未认证，没有发布接口权限",
        person=admin, now=now,
    )  # fmt: skip
    account.refresh_from_db()
