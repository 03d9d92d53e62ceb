"""应急通道: an urgent notice goes out on the word of two people, and is reviewed afterwards. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from .alarms import Out, Side
from .hashing import content_hash
from .instants import require_all_aware, require_aware
from .workflow import UNDER_REVIEW, EditionState, Refusal, Role

PROPOSERS = (Role.EDITOR, Role.FIRST, Role.SECOND, Role.FINAL, Role.RELEASER, Role.DUTY)
"""Who may give the first word. Whoever does takes no review of it while it is urgent."""

SECONDERS = (Role.FINAL, Role.RELEASER, Role.DUTY)
"""Who may give the second word, which is the signature."""

DECIDERS = frozenset({str(Role.FINAL), str(Role.RELEASER)})
"""One of the two holds one of these."""

WORD_HOLDS = timedelta(hours=2)
"""So long the first word waits for the second: what was urgent then is looked at anew."""

CALL_AGAIN_BEFORE = timedelta(minutes=30)
"""So long before the first word ends the second person is called once more, whoever has read the first call."""

AT_MOST_AHEAD = timedelta(hours=24)
"""What goes out later has time for the ordinary way."""

REVIEW_WITHIN = timedelta(hours=24)
REMIND_BEFORE = timedelta(hours=4)
REMIND_AGAIN = timedelta(hours=4)
"""Once late: so often a new alarm, whoever has read the last one."""

POST_AGAIN = timedelta(minutes=30)
"""Where people post: so often a new alarm while nobody has entered that they did, whoever has read the last one."""

LONGEST_REASON = 300


class Stage(StrEnum):
    """Where an urgent notice stands."""

    ASKED = "asked"
    RELEASED = "released"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"
    VOID = "void"
    EXPIRED = "expired"
    CALLED_OFF = "called_off"
    REVIEWED = "reviewed"
    SETTLED = "settled"

    @property
    def label(self) -> str:
        """The words staff see."""
        return LABELS[self]


LABELS = {
    Stage.ASKED: "应急，待第二人确认",
    Stage.RELEASED: "应急发布，待补审",
    Stage.RETURNED: "应急发布，补审退回",
    Stage.WITHDRAWN: "已收回，没有发出",
    Stage.VOID: "内容已变，没有发出",
    Stage.EXPIRED: "过时作废，没有发出",
    Stage.CALLED_OFF: "应急发布，发出前作废",
    Stage.REVIEWED: "应急发布，已补审",
    Stage.SETTLED: "应急发布，退回后已更正或撤下",
}
ARROWS: Mapping[Stage, frozenset[Stage]] = {
    Stage.ASKED: frozenset({Stage.RELEASED, Stage.WITHDRAWN, Stage.VOID, Stage.EXPIRED}),
    Stage.RELEASED: frozenset({Stage.REVIEWED, Stage.RETURNED, Stage.CALLED_OFF}),
    Stage.RETURNED: frozenset({Stage.SETTLED, Stage.CALLED_OFF}),
    # somebody enters afterwards that people had posted it all the same
    Stage.CALLED_OFF: frozenset({Stage.RELEASED, Stage.RETURNED}),
    Stage.SETTLED: frozenset({Stage.RETURNED}),
}
OPEN = frozenset({Stage.ASKED, Stage.RELEASED, Stage.RETURNED})
"""Nothing of these is forgotten: somebody still has something to do."""

SENT_BACK = frozenset({Stage.RETURNED, Stage.SETTLED})
"""A reviewer returned it: what people have not posted by then they post no more, also when the rest is mended."""

MAY_GO = UNDER_REVIEW | {EditionState.APPROVED}
"""States of an edition in which two words carry it: handed in, and neither returned nor replaced."""


def may_propose(*, roles: Collection[str]) -> Refusal | None:
    """None if the person may give the first word, else why not."""
    if not {str(role) for role in PROPOSERS} & set(roles):
        return Refusal("role", "您没有提出应急发布的权限，未做任何改动。请由拟稿、审核、签发或值班人员提出。")
    return None


def may_second(
    *, person: int, roles: Collection[str], first: int, first_decides: bool, authors: Collection[int]
) -> Refusal | None:
    """None if the person may give the second word, else why not.

    `first`: who gave the first; `first_decides`: whether that one holds 终审 or 签发; `authors` of the edition.
    """
    if not {str(role) for role in SECONDERS} & set(roles):
        return Refusal("role", "您没有确认应急发布的权限，没有发出。请由终审、签发或值班人员确认。")
    if person == first:
        return Refusal("same", "提出人不能自己确认，没有发出。请由另一位终审、签发或值班人员确认。")
    if person in authors:
        return Refusal("author", "拟稿人不能确认自己的稿件，没有发出。请由另一位终审、签发或值班人员确认。")
    if not first_decides and not DECIDERS & set(roles):
        return Refusal("decider", "两人中须有一人是终审或签发，没有发出。请由终审或签发人员确认。")
    return None


def digest(
    *, edition_hash: str, posts: Mapping[str, str], modes: Mapping[str, str], instant: datetime | None, reason: str,
    by_hand: Collection[str] = (),
) -> str:  # fmt: skip
    """What a word is given on: content, posts and modes by account, instant (None: as soon as possible) and reason.

    `by_hand`: the accounts of these on which people post; named only where there are some.
    """
    require_all_aware(instant)
    value: dict[str, object] = {
        "edition": edition_hash,
        "posts": dict(posts),
        "modes": dict(modes),
        "instant": require_aware(instant).astimezone(UTC).isoformat() if instant else "",
        "reason": reason,
    }
    return content_hash(value | ({"by_hand": sorted(by_hand)} if by_hand else {}))


@dataclass(frozen=True, slots=True)
class Word:
    """One person's word, as recorded. The second names the manifest that it signed."""

    place: int
    person: int
    digest: str
    manifest: str = ""


def carried(words: Sequence[Word], *, digest: str, manifest: str, state: EditionState) -> bool:
    """Whether two people's words carry an edition out: both on this very proposal, the second on this very manifest."""
    first = [one for one in words if one.place == 1 and one.digest == digest]
    second = [one for one in words if one.place == 2 and one.digest == digest and one.manifest == manifest]
    two = bool(first and second and manifest) and first[0].person != second[0].person
    return two and state in MAY_GO


_RETURNED_WORDS = {
    Out.YES: "已公开，内容被退回，请更正或撤回。",
    Out.PART: "部分已公开，内容被退回，请更正或撤回已公开的；其余是否公开请先核实，不要手工补发。",
    Out.UNKNOWN: "内容被退回，是否公开不明，请先核实，不要手工补发；查明已公开的，请更正或撤回。",
    Out.NO: "内容被退回，没有公开，未发出的已拦下，请作废发布单。",
}


def sent_in_words(out: Out, *, waits: bool, posting: bool = False) -> str:
    """Whether what two people signed has left; `waits`: something of it still may; `posting`: people have not entered
    their part yet."""
    more = "（手工发布的还没有登记）" if posting else ""
    if out is Out.NO:
        return f"{'已签发，尚未发出' if waits else '没有发出'}{more}"
    return {Out.YES: "已发出", Out.PART: "部分已发出", Out.UNKNOWN: Side.DOUBT.label}.get(out, "") + more


def returned_in_words(out: Out, *, posted: bool = False, posting: bool = False) -> str:
    """What is to be done about a notice that a reviewer returned afterwards, by whether it is out.

    `posted`: a part that people posted is public; `posting`: people were to post a part and have not entered it.
    """
    down = "手工发布的请到平台后台删除，再到“手工发布”页登记已撤下。" if posted else ""
    ask = "手工发布的还没有登记，请先问清有没有人已在平台后台发出。" if posting else ""
    return f"{_RETURNED_WORDS[out]}{down}{ask}"


def word_over(given_at: datetime, now: datetime) -> bool:
    """Whether the first word has waited too long."""
    require_all_aware(given_at, now)
    return now >= given_at + WORD_HOLDS


def word_near_end(given_at: datetime, now: datetime) -> bool:
    """Whether the second person is to be called once more."""
    require_all_aware(given_at, now)
    return now >= given_at + WORD_HOLDS - CALL_AGAIN_BEFORE


class Review(StrEnum):
    """How near the end of the 24 hours is."""

    AHEAD = "ahead"
    NEAR = "near"
    LATE = "late"


def review(until: datetime, now: datetime) -> Review:
    """Where the reviews afterwards stand in time."""
    require_all_aware(until, now)
    if now >= until:
        return Review.LATE
    return Review.NEAR if now >= until - REMIND_BEFORE else Review.AHEAD


def alarms_late(until: datetime, now: datetime) -> int:
    """The number of the alarm of this hour: a new one every four hours."""
    require_all_aware(until, now)
    return max((now - until) // REMIND_AGAIN, 0)


def calls_to_post(since: datetime, now: datetime) -> int:
    """The number of the alarm of this half hour for what people are to post since then."""
    require_all_aware(since, now)
    return max((now - since) // POST_AGAIN, 0)
