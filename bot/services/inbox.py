"""Reviews taken in the inbox (审批箱): a pass there says what was seen, and is refused where something was not.

`editorial.review` stays the one place that decides who may take which step and records it; the command line calls it as it
is, because there whoever passes answers for having looked (`tongfa check`, `tongfa release show`), and nothing on this side
could know. In the console we do know: opening a channel's tab is noted per person and bytes, and a pass goes through
`review_seen`, which compares the form with the edition as it stands and looks for what was not opened, in the same
transaction as the review itself. So neither a page kept open for an hour nor a forged form passes what nobody saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.hashing import canonical_json, sha256
from bot.domain.instants import require_aware, to_beijing
from bot.domain.workflow import EditionState, Refusal, Role, Verdict, may_review, step_due
from bot.models import Document, Edition, Opened, Person, PostRecord, ReturnPhrase, Unit

from . import audit, editorial, urgentcare
from .errors import NotFound, Refused
from .people import require

REVIEWERS = (Role.FIRST, Role.SECOND, Role.FINAL)
MOST_AT_ONCE = 50
MOST_PHRASES = 20
PHRASE_LETTERS = 60
DEFAULT_PHRASES = (
    "标题与正文不一致",
    "错别字",
    "日期或文号有误",
    "缺少配套解读",
    "图片不清晰",
    "涉及个人信息未遮盖",
    "数据或单位有误",
    "领导姓名、职务或排序有误",
    "链接打不开",
)
CHANGED = "稿件已变：它在您打开以后有了改动或新的审核进展，本次没有记录任何审核。请刷新，看过新内容后再办。"


@dataclass(frozen=True, slots=True)
class Seen:
    """The edition and the renderings that a page showed, as the form of a decision carries them back.

    `posts`: one digest of all renderings, so that a form of fifty editions is short however many accounts a unit has.
    """

    edition: int
    state: str
    content_hash: str
    posts: str

    def __str__(self) -> str:
        return f"{self.edition} {self.state} {self.content_hash} {self.posts}"

    @classmethod
    def of(cls, edition: Edition, posts: Sequence[PostRecord]) -> Seen:
        """What a page shows that shows these; `posts` as `posts_of` gives them."""
        return cls(
            edition.pk, edition.state, edition.content_hash, sha256(canonical_json([post.hash for post in posts]))
        )

    @classmethod
    def parse(cls, text: str) -> Seen:
        """Back from the form. Refused where it is none of ours."""
        number, *rest = text.split(" ")
        if not (number.isascii() and number.isdigit() and len(number) < 19 and len(rest) == 3 and all(rest)):
            raise Refused("form", "表单不完整，没有记录任何审核。请刷新页面后再办。")
        return cls(int(number), *rest)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one edition of a batch."""

    title: str
    passed: bool
    words: str


def posts_of(edition: Edition) -> list[PostRecord]:
    """The renderings of an edition, in the order of its accounts."""
    return list(edition.posts.select_related("account").order_by("account_id", "pk"))


def find_edition(pk: int, *, unit: Unit) -> Edition:
    """An edition of this unit, with its document and the people who wrote and submitted it."""
    whole = Edition.objects.select_related("document__unit", "author", "submitted_by")
    found = whole.filter(pk=pk, document__unit=unit).first()
    if found is None:
        raise NotFound("稿件", pk)
    return found


# --- opened -------------------------------------------------------------------------------------------------


def open_post(post: PostRecord, *, person: Person, now: datetime) -> None:
    """Note that a person has this rendering before their eyes. The first time counts."""
    require_aware(now)
    if post.edition.document.unit_id != person.unit_id:
        raise NotFound("渠道稿", post.pk)
    Opened.objects.get_or_create(person=person, post_hash=post.hash, defaults={"at": now})


def opened(posts: Sequence[PostRecord], *, person: Person) -> Mapping[str, datetime]:
    """Hash -> when the person first opened it, for those that they did."""
    found = Opened.objects.filter(person=person, post_hash__in=[post.hash for post in posts])
    return dict(found.values_list("post_hash", "at"))


# --- decided ------------------------------------------------------------------------------------------------


def refusal(edition: Edition, *, person: Person, earlier: Sequence[int]) -> Refusal | None:
    """None if the person may take the step that is due, else why not. `earlier`: ids of who took a step of it."""
    step = step_due(edition.status, person.unit.review_steps)
    if step is None:
        return Refusal("state", f"“{edition.title}”现在的状态是“{edition.status.label}”，没有待办的审核。")
    return may_review(
        person=person.pk, roles=[role.value for role in Role if person.has_role(role)], step=step,
        authors=edition.authors(), earlier_reviewers=earlier, asked_urgently=urgentcare.asked_by(edition, person),
    )  # fmt: skip


def review_seen(
    document: Document, *, seen: Seen, person: Person, verdict: Verdict, comment: str = "", now: datetime
) -> Edition:
    """Take the step that is due, for exactly what was shown. A pass needs every channel opened by this person.

    Refused, with nothing recorded: code "changed" when the edition or its state is not what the page showed, "unopened"
    when a channel was not opened, and whatever `editorial.review` refuses.
    """
    require_aware(now)
    if document.unit_id != person.unit_id:
        raise NotFound("文件", document.external_id)
    with audit.serialised():
        edition = document.current
        posts = posts_of(edition)
        if Seen.of(edition, posts) != seen:
            raise Refused("changed", _already_said(edition, seen, person) or CHANGED)
        reviewers = list(edition.reviews.values_list("person_id", flat=True))
        refused = refusal(edition, person=person, earlier=reviewers)
        if refused:
            raise Refused(refused.code, refused.message)
        if verdict is Verdict.PASS:
            _keep_what_was_seen(document, edition, posts, person, now)
        return editorial.review(document, person=person, verdict=verdict, comment=comment, now=now)


def _already_said(edition: Edition, seen: Seen, person: Person) -> str:
    """Words for whoever presses twice: what has changed since is their own review. "" where that is not so."""
    newest = edition.reviews.order_by("-pk").first()
    if newest is None or newest.person_id != person.pk or edition.pk != seen.edition:
        return ""
    verdict = "通过" if newest.verdict == Verdict.PASS else "退回"
    return f"您已于 {to_beijing(newest.at):%H:%M} 在{Role(newest.step).label}{verdict}，已有记录，不用再办；这一次没有另记。"


def _keep_what_was_seen(
    document: Document, edition: Edition, posts: Sequence[PostRecord], person: Person, now: datetime
) -> None:
    """A line of the trail, just before that of the pass: which channels were opened, and when."""
    when = opened(posts, person=person)
    lacking = [post.account.name for post in posts if post.hash not in when]
    if lacking:
        words = f"还没有打开{'、'.join(lacking)}的渠道稿，没有通过，未做改动。请逐个打开看过后再通过。"
        raise Refused("unopened", words)
    data = {
        "edition": edition.number,
        "content": edition.content_hash,
        "opened": [[post.account.name, post.hash, when[post.hash].isoformat()] for post in posts],
        "unit": document.unit.code,
    }
    audit.append(person.username, "edition.seen", f"document:{document.external_id}", data, now=now)


def pass_many(chosen: Sequence[Seen], *, person: Person, now: datetime) -> list[Outcome]:
    """Pass several, each by the same check and in a transaction of its own; one that is refused stops no other."""
    require_aware(now)
    if len(chosen) > MOST_AT_ONCE:
        raise Refused("many", f"一次最多通过 {MOST_AT_ONCE} 件，一件都没有办理。请少选一些。")
    return [_pass_one(seen, person, now) for seen in dict.fromkeys(chosen)]


def _pass_one(seen: Seen, person: Person, now: datetime) -> Outcome:
    title = f"编号 {seen.edition}"
    try:
        edition = find_edition(seen.edition, unit=person.unit)
        title = edition.title
        done = review_seen(edition.document, seen=seen, person=person, verdict=Verdict.PASS, now=now)
    except Refused as refused:
        return Outcome(title, False, refused.message)
    return Outcome(title, True, next_words(done))


def next_words(edition: Edition) -> str:
    """What an edition waits for after a review."""
    return (
        "全部审次已完成，可以编入发布单" if edition.status is EditionState.APPROVED else f"现在{edition.status.label}"
    )


# --- phrases ------------------------------------------------------------------------------------------------


def return_phrases(unit: Unit) -> Sequence[str]:
    """The unit's quick phrases for a return, or the product's."""
    return tuple(unit.return_phrases.order_by("position").values_list("text", flat=True)) or DEFAULT_PHRASES


def set_return_phrases(unit: Unit, phrases: Sequence[str], *, person: Person, now: datetime) -> None:
    """Replace them; none at all brings the product's back."""
    require_aware(now)
    require(person, *REVIEWERS)
    kept = list(dict.fromkeys(text.strip() for text in phrases if text.strip()))
    if len(kept) > MOST_PHRASES or any(len(text) > PHRASE_LETTERS for text in kept):
        raise Refused("phrases", f"常用语最多 {MOST_PHRASES} 条，每条不超过 {PHRASE_LETTERS} 字，未做改动。")
    with audit.serialised():
        unit.return_phrases.all().delete()
        ReturnPhrase.objects.bulk_create(
            ReturnPhrase(unit=unit, position=place, text=text) for place, text in enumerate(kept)
        )
        audit.append(person.username, "unit.return_phrases", f"unit:{unit.code}", {"phrases": kept}, now=now)


def reason(chosen: Sequence[str], free: str, *, unit: Unit) -> str:
    """The reason of a return from the phrases that were ticked and what was typed. Phrases are the unit's own only."""
    known = return_phrases(unit)
    ticked = "；".join(text for text in known if text in chosen)
    return "。".join(part for part in (ticked, free.strip()) if part)
