"""发到我的手机: one person sees a post in the platform's own app before anything is public."""

from __future__ import annotations

import re
from datetime import datetime
from typing import cast

from bot.domain.channel import ChannelFault, Shower
from bot.domain.instants import require_aware
from bot.domain.workflow import Role
from bot.models import Account, Edition, Person

from . import audit
from .accounts import channel_of, spec_of
from .editorial import render_for
from .errors import Refused
from .people import require

NAME = re.compile(r"[A-Za-z0-9_\-]{3,64}")
WHO = (Role.EDITOR, Role.FIRST, Role.SECOND, Role.FINAL, Role.RELEASER)


def show(edition: Edition, account: Account, *, to: str, person: Person, now: datetime) -> str:
    """Send a preview of this edition, as it stands or was frozen, to one person. Refused with the platform's reason."""
    require_aware(now)
    require(person, *WHO)
    spec = spec_of(account)
    if not spec.shown_to:
        raise Refused("no_preview", f"{spec.label}没有把未发布内容发给个人预览的接口，没有发出任何内容。请看三屏预览。")
    if not NAME.fullmatch(to.strip()):
        raise Refused(
            "name",
            f"“{to[:20]}”不像{spec.shown_to}，没有发出任何内容。请填写本人的{spec.shown_to}（字母、数字、- 或 _）。",
        )
    record = edition.posts.filter(account=account).first()
    post = record.post if record else render_for(edition, account, "preview0")[0].post
    try:
        said = cast(Shower, channel_of(account)).show([post.with_credit("")], to=to.strip())
    except ChannelFault as fault:
        raise Refused("platform", f"预览没有发成：{fault.message}") from None
    data = {"account": account.slug, "to": to.strip(), "edition": edition.number}
    data["unit"] = edition.document.unit.code
    audit.append(person.username, "edition.shown", f"document:{edition.document.external_id}", data, now=now)
    return said
