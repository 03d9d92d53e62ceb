"""One edition as a reviewer sees it: what changed, every channel, what checks found, and what may be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.article import Attachment, Kind
from bot.domain.findings import Finding
from bot.domain.workflow import EditionState, Step
from bot.models import Account, Edition, Person, PostRecord, Review, ReviewLink
from bot.services import inbox as services
from bot.services import reviewlinks
from bot.services.waivers import Waived

from . import attachments, changes, inbox
from .document import EDITION_TONES, Shown, shown

NOTHING_DUE = {
    EditionState.DRAFTING: "还没有送审，送审以后才能审核。",
    EditionState.APPROVED: "全部审次已完成，没有待办的审核。",
    EditionState.RETURNED: "已退回，等拟稿人修改后重新送审。",
    EditionState.SUPERSEDED: "已被新版本取代，请审核最新的一版。",
}


@dataclass(frozen=True, slots=True)
class Channel:
    """One tab. `opened_at` is when this person first opened it."""

    post: PostRecord
    opened_at: datetime | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What this person may do now. `why` says why nothing, or what is lacking for a pass."""

    step: str
    may: bool
    ready: bool
    why: str
    seen: str


@dataclass(frozen=True, slots=True)
class Panel:
    """What is drawn anew when a channel is opened: the tabs, the rendering, and the bar with the decision."""

    edition: Edition
    channels: Sequence[Channel]
    shown: Shown | None
    decision: Decision
    phrases: Sequence[str]
    reviews: Sequence[Review]

    @property
    def lacking(self) -> list[str]:
        """Names of the accounts whose channel is not opened yet."""
        return [one.post.account.name for one in self.channels if one.opened_at is None]


@dataclass(frozen=True, slots=True)
class Detail:
    """Everything of the right pane."""

    panel: Panel
    newest: Edition
    kind: str
    tone: str
    icon: str
    left: inbox.Left | None
    bases: Sequence[changes.Base]
    base: changes.Base | None
    changed: Sequence[changes.Change]
    was_returned: str
    findings: Sequence[tuple[Finding, Account | None]]
    waived: Waived
    reviews: Sequence[tuple[str, Review]]
    links: Sequence[ReviewLink]
    attachments: Sequence[Attachment]
    files_told: Mapping[str, str]
    may_link: bool


def panel(edition: Edition, who: Person, *, channel: int | None = None) -> Panel:
    """`channel`: the rendering to show, if this person has opened it."""
    posts = services.posts_of(edition)
    when = services.opened(posts, person=who)
    reviews = list(edition.reviews.select_related("person").order_by("at"))
    return Panel(
        edition,
        [Channel(post, when.get(post.hash)) for post in posts],
        next((shown(post) for post in posts if post.pk == channel and post.hash in when), None),
        _decision(edition, who, posts, when, reviews),
        services.return_phrases(who.unit),
        reviews,
    )


def detail(
    edition: Edition, who: Person, now: datetime, *, until: Mapping[int, datetime], channel: int | None = None,
    against: str | None = None,
) -> Detail:  # fmt: skip
    """`until`: the unit's deadlines (`inbox.deadlines`). `against`: the name of the edition to compare with, where there
    are several."""
    compared = changes.bases(edition, who)
    base = next((one for one in compared if one.name == against), compared[0] if compared else None)
    tone, icon = EDITION_TONES[edition.status]
    drawn = panel(edition, who, channel=channel)
    return Detail(
        panel=drawn,
        newest=edition.document.current,
        kind=Kind(edition.document.kind).label,
        tone=tone,
        icon=icon,
        left=inbox.left_of(edition, until, now),
        bases=compared,
        base=base,
        changed=changes.between(base.edition, edition) if base else (),
        was_returned=changes.return_reason(edition),
        findings=[(record.finding, record.account) for record in edition.findings.select_related("account")],
        waived=Waived(edition.document),
        reviews=[(Step(review.step).label, review) for review in drawn.reviews],
        links=list(reviewlinks.standing(edition, now=now).select_related("created_by")),
        attachments=edition.article.attachments,
        files_told=attachments.told(edition.article.attachments),
        may_link=edition.status in reviewlinks.SHOWN and any(who.has_role(role) for role in reviewlinks.MAKERS),
    )


def _decision(
    edition: Edition, who: Person, posts: Sequence[PostRecord], when: Mapping[str, datetime], reviews: Sequence[Review]
) -> Decision:
    seen = str(services.Seen.of(edition, posts))
    step = inbox.waiting_for(edition, who.unit)
    if step is None:
        return Decision("", False, False, NOTHING_DUE.get(edition.status, edition.status.label), seen)
    refused = services.refusal(edition, person=who, earlier=[review.person_id for review in reviews])
    if refused is not None:
        words = f"现在等{step.label}，由具有{step.label}角色的人员办理；您可以查看。"
        return Decision(step.label, False, False, words if refused.code == "role" else refused.message, seen)
    lacking = [post.account.name for post in posts if post.hash not in when]
    why = f"还要打开：{'、'.join(lacking)}" if lacking else ""
    return Decision(step.label, True, not lacking, why, seen)
