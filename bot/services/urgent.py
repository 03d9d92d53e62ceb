"""应急通道: two people let a notice out before it is reviewed; what they say is bound to the very bytes.

The first word hands the notice in (its posts are frozen then) and calls the second person. The second is the signature: only
then there is a release. Whatever changes in between makes the first word void. `urgentcare` sees to the reviews afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape

from django.db.models import Exists, OuterRef, Q

from bot.domain import urgent
from bot.domain.article import Kind
from bot.domain.channel import Quota
from bot.domain.instants import require_aware, show
from bot.domain.urgent import DECIDERS, MAY_GO, PROPOSERS, SECONDERS, Stage
from bot.domain.workflow import UNDER_REVIEW, EditionState, Role
from bot.intake import Rejected
from bot.models import Account, Document, Edition, Person, PostRecord, Publication, Release, Unit, Urgency, UrgentWord

from . import audit, deputies, documents, drafting, editorial, manualtasks, quotas, releases, urgentcare
from .accounts import spec_of
from .errors import NotFound, Refused
from .people import require
from .quotas import quotas_of
from .voiding import is_frozen

LISTED = 20
CHANGED = "内容、账号、方式或时刻与您看到的不一样了，没有办理，没有发出。请重新打开看过再决定。"
_BEFORE = (EditionState.DRAFTING, EditionState.RETURNED)


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which one account may publish it, with how often it still may. `why_not`: a quota is used up.

    Where people post (`by_hand`) the book tells what is left, and stops nobody. `own_is_draft`: the account's own way leaves
    a draft for people, which there is no time for here.
    """

    account: Account
    channel: str
    mode: str
    label: str
    effect: str
    rates: Sequence[str]
    why_not: str
    by_hand: bool = False
    own_is_draft: bool = False


# --- the notice -----------------------------------------------------------------------------------------------


def write(
    fields: Mapping[str, str], *, person: Person, now: datetime, document: Document | None = None
) -> Document | Rejected:
    """A notice from its title and plain text, or a new edition of one; or the field that does not pass."""
    require_aware(now)
    require(person, *PROPOSERS)
    if document is not None:
        _require_notice(document, person)
        if not may_write(document, person):
            words = "只有拟稿人员或写这一版的人能修改文字，未做改动。请由他们修改，或在审批箱退回。"
            raise Refused("role", words)
    number = document.external_id if document else drafting.next_external_id(person.unit, now=now)
    row = drafting.article_from(number, _as_fields(fields, document), unit=person.unit)
    if isinstance(row, Rejected):
        return row
    with audit.serialised():
        documents.save_article(row.article, person=person, now=now)
    return documents.find_document(number, unit=person.unit)


def may_write(document: Document, person: Person) -> bool:
    """Whether this person may change its text: an editor, or who wrote it here."""
    return person.has_role(Role.EDITOR) or document.current.author_id == person.pk


def _as_fields(fields: Mapping[str, str], document: Document | None) -> dict[str, str]:
    """What the form does not ask for stays as it was."""
    kept = drafting.fields_of(document.current) if document else {"category": "通知公告"}
    lines = [line.strip() for line in fields.get("text", "").splitlines() if line.strip()]
    body = "".join(f"<p>{escape(line)}</p>" for line in lines)
    given = {name: fields.get(name, "").strip() for name in ("title", "unit", "source_url")}
    return kept | given | {"kind": Kind.NOTICE.value, "summary": lines[0][:120] if lines else "", "body_html": body}


def _require_notice(document: Document, person: Person) -> None:
    if document.unit_id != person.unit_id:
        raise NotFound("文件", document.external_id)
    if not _is_notice(document):
        raise Refused("kind", "只有通知公告可以走应急通道（政策文件须与解读同发），未做改动。请按正常流程送审。")


def _is_notice(document: Document) -> bool:
    return document.kind == Kind.NOTICE and not document.is_policy


def candidates(unit: Unit) -> list[Document]:
    """Notices of the unit that are neither approved nor urgent already, the newest first."""
    states = [*map(str, _BEFORE), *map(str, MAY_GO - {EditionState.APPROVED})]
    standing = Urgency.objects.filter(edition__document=OuterRef("pk"), ended_at__isnull=True)
    found = Document.objects.filter(~Exists(standing), unit=unit, kind=Kind.NOTICE, is_policy=False, state__in=states)
    return list(found.order_by("-changed_at", "-id")[:LISTED])


# --- how and when ---------------------------------------------------------------------------------------------


def soonest(now: datetime) -> datetime:
    """The first whole second that the engine promises, were the second word given now."""
    at = releases.earliest(now)
    return at if not at.microsecond else at.replace(microsecond=0) + timedelta(seconds=1)


def accounts_for(unit: Unit) -> list[Account]:
    """Those in use: the machine posts on them, or people do."""
    return list(unit.accounts.filter(disabled_reason="").order_by("pk"))


def by_hand(accounts: Iterable[Account]) -> list[str]:
    """The slugs of those on which people post."""
    return sorted(one.slug for one in accounts if one.manual_only)


def posted_by_people(urgency: Urgency) -> set[str]:
    """The slugs of its accounts on which people post: as they were signed, before that as they are now."""
    release = Release.objects.filter(urgency=urgency).first()
    if release is not None:
        return set(release.manual_tasks.values_list("account__slug", flat=True))
    return set(by_hand(urgency.unit.accounts.filter(slug__in=list(urgency.modes))))


def ways(unit: Unit, *, now: datetime, at: datetime | None = None) -> list[Way]:
    """Every account's modes, its own first, with what is left of their quotas at that instant."""
    require_aware(now)
    instant = require_aware(at) if at is not None else soonest(now)
    return [way for account in accounts_for(unit) for way in _ways_of(account, instant)]


def _ways_of(account: Account, instant: datetime) -> list[Way]:
    spec = spec_of(account)
    modes = sorted(spec.public_modes, key=lambda mode: mode.name != account.mode)
    drafts_for_people = not account.manual_only and account.mode not in {mode.name for mode in modes}
    found = []
    for mode in modes:
        drafts = [] if account.manual_only else [Publication(account=account, mode=mode.name, instant=instant)]
        lacking = "；".join(f"{lack.what}（{lack.numbers}）" for lack in quotas.shortages(drafts))
        rates = [_rate(account, mode.name, rule, instant) for rule in _rules(account, mode.name)]
        found.append(
            Way(
                account, spec.label, mode.name, mode.label, mode.effect, rates, lacking, account.manual_only,
                drafts_for_people,
            )
        )  # fmt: skip
    return found


def _rules(account: Account, mode: str) -> Sequence[Quota]:
    return quotas.rules_by_hand(account, mode) if account.manual_only else quotas_of(account, mode)


def _rate(account: Account, mode: str, rule: Quota, instant: datetime) -> str:
    left = quotas.free_slots(account, mode, rule, instant)
    return f"{quotas.PERIODS[rule.period]}{'按登记还可发' if account.manual_only else '还可签发'} {left} 次"


# --- the first word -------------------------------------------------------------------------------------------


def propose(
    document: Document, *, modes: Mapping[str, str], instant: datetime | None, reason: str, seen: str, person: Person,
    now: datetime,
) -> Urgency:  # fmt: skip
    """提出: the first word, on the edition that was seen (its content hash). Nothing goes out by this.

    `modes`: account's slug -> how; `instant` None: as soon as the second word is given.
    """
    require_aware(now)
    if instant is not None:
        require_aware(instant)
    refusal = urgent.may_propose(roles=person.held_roles)
    if refusal:
        raise Refused(refusal.code, refusal.message)
    _require_notice(document, person)
    edition = document.current
    if edition.content_hash != seen:
        raise Refused("changed", CHANGED)
    _require_proposable(edition, modes, instant, reason, person, now)
    made: list[Urgency] = []

    def word(fresh: Edition) -> None:
        """Under the lock: whatever was read before may have changed since."""
        if fresh.content_hash != seen or fresh.status not in UNDER_REVIEW:
            raise Refused("changed", CHANGED)
        _require_notice(Document.objects.get(pk=fresh.document_id), person)
        made.append(_first_word(fresh, modes, instant, reason.strip(), person, now))

    if edition.status in _BEFORE:
        editorial.submit(document, person=person, now=now, then=word, roles=PROPOSERS)
    else:
        with audit.serialised():
            word(document.current)
    return made[0]


def _require_proposable(
    edition: Edition, modes: Mapping[str, str], instant: datetime | None, reason: str, person: Person, now: datetime
) -> None:
    if not reason.strip() or len(reason.strip()) > urgent.LONGEST_REASON:
        raise Refused("reason", f"请写明为什么来不及走正常审核（{urgent.LONGEST_REASON} 字以内），没有提出，未做改动。")
    if edition.status is EditionState.APPROVED:
        raise Refused("approved", "这份公告已审核通过，不需要走应急通道，未做改动。请直接编制发布单。")
    if edition.status not in {*_BEFORE, *MAY_GO}:
        raise Refused("state", f"这份公告现在的状态是“{edition.status.label}”，不能提出，未做改动。")
    if is_frozen(person.unit):
        raise Refused("frozen", "本单位正处于一键停发状态，没有提出，未做改动。请先由签发人解除停发。")
    if instant is not None and not now + releases.min_lead() <= instant <= now + urgent.AT_MOST_AHEAD:
        words = f"时刻须在 {show(soonest(now))} 以后、24 小时以内，没有提出，未做改动。更晚的请走正常审核。"
        raise Refused("instant", words)
    chosen = _accounts(person.unit, modes)
    at = instant or soonest(now)
    lacking = quotas.shortages(
        [Publication(account=one, mode=modes[one.slug], instant=at) for one in chosen if not one.manual_only]
    )
    if lacking:
        words = "；".join(f"{lack.what}（{lack.numbers}）" for lack in lacking)
        raise Refused("quota", f"{words}，没有提出，未做改动。请改用别的方式，或改为次数恢复以后的时刻。")


def _accounts(unit: Unit, modes: Mapping[str, str]) -> list[Account]:
    """The chosen ones, in their order; each with a mode that it has."""
    chosen = [one for one in accounts_for(unit) if one.slug in modes]
    if not chosen or len(chosen) != len(modes):
        raise Refused("accounts", "请至少选一个可用的账号（停用的不能选），没有提出，未做改动。")
    for one in chosen:
        if modes[one.slug] not in {mode.name for mode in spec_of(one).public_modes}:
            raise Refused("mode", f"账号“{one.name}”没有这种发布方式，没有提出，未做改动。请重新选择。")
    return chosen


def _first_word(
    edition: Edition, modes: Mapping[str, str], instant: datetime | None, reason: str, person: Person, now: datetime
) -> Urgency:
    if Urgency.objects.filter(edition=edition, ended_at__isnull=True).exists():
        raise Refused("asked", "这份公告已有人提出应急发布，请由第二人确认，没有重复提出。")
    posts = {post.account.slug: post.hash for post in edition.posts.select_related("account")}
    lacking = [slug for slug in modes if slug not in posts]
    if lacking:
        raise Refused("no_post", "送审时还没有所选账号的渠道稿，没有提出，未做改动。请修改内容形成新版本后重新提出。")
    chosen = {slug: posts[slug] for slug in sorted(modes)}
    how = {slug: modes[slug] for slug in sorted(modes)}
    hands = by_hand(_accounts(edition.document.unit, modes))
    digest = urgent.digest(
        edition_hash=edition.content_hash, posts=chosen, modes=how, instant=instant, reason=reason, by_hand=hands
    )  # fmt: skip
    made = Urgency.objects.create(
        unit=edition.document.unit, edition=edition, content_hash=edition.content_hash, post_hashes=chosen, modes=how,
        instant=instant, reason=reason, digest=digest,
    )  # fmt: skip
    UrgentWord.objects.create(urgency=made, place=1, person=person, decides=_decides(person), digest=digest, at=now)
    data = {
        "unit": made.unit.code,
        "edition": edition.number,
        "urgency": made.pk,
        "digest": digest,
        "content": edition.content_hash,
        "posts": chosen,
    } | ({"by_hand": hands} if hands else {})
    _note("urgent.asked", f"document:{edition.document.external_id}", data | {"reason": reason}, person, PROPOSERS, now)
    urgentcare.waits_for_second(made, now=now)
    return made


def _decides(person: Person) -> bool:
    return bool(DECIDERS & set(person.held_roles))


def _note(
    action: str, subject: str, data: dict[str, object], person: Person, roles: Sequence[Role], now: datetime
) -> None:
    principal = person.in_place_of(*roles)
    if principal is not None:
        data["for"] = principal.username
    audit.append(person.username, action, subject, data, now=now)


# --- the second word ------------------------------------------------------------------------------------------


def find(pk: int, *, unit: Unit) -> Urgency:
    """One of this unit."""
    try:
        return Urgency.objects.select_related("edition__document", "edition__author", "unit").get(pk=pk, unit=unit)
    except Urgency.DoesNotExist:
        raise NotFound("应急件", pk) from None


def why_not(urgency: Urgency, *, person: Person, now: datetime) -> Refused | None:
    """Why this person cannot give the second word now, None where they can."""
    require_aware(now)
    word = urgency.words.select_related("person").filter(place=1).first()
    if urgency.status is not Stage.ASKED or word is None:
        return Refused("over", f"这件公告现在是“{urgency.status.label}”，没有等第二人确认的，没有办理。")
    first = deputies.standing_in(word.person, now=now)
    refusal = urgent.may_second(
        person=person.pk, roles=person.held_roles, first=first.pk, first_decides=word.decides and _decides(first),
        authors=urgency.edition.authors(),
    )  # fmt: skip
    if refusal:
        return Refused(refusal.code, refusal.message)
    if not first.is_active or urgent.may_propose(roles=first.held_roles):
        lost = "已停用" if not first.is_active else "不再有提出的权限"
        return Refused("first", f"提出人{first.name}{lost}，提出无效，没有发出。仍需应急的，请收回后重新提出。")
    edition = urgency.edition
    if not _is_notice(edition.document):
        return Refused("kind", "这份文件不再是通知公告（政策文件须与解读同发），没有发出。请收回，按正常流程送审。")
    if edition.status not in MAY_GO or edition.content_hash != urgency.content_hash:
        return Refused("changed", CHANGED)
    if urgent.word_over(word.at, now):
        return Refused("expired", "第一人的确认已超过两小时，作废，没有发出。仍需应急的，请重新提出。")
    if not _can_still_post(urgency):
        words = "原定的账号已停用，改了由系统发还是由人手工发，或不再有原定的方式，没有发出。请收回后重新提出。"
        return Refused("accounts", words)
    return None


def _can_still_post(urgency: Urgency) -> bool:
    """Whether its accounts are in use, and machine and people post where they did when the first word was given."""
    try:
        accounts = _accounts(urgency.unit, urgency.modes)
    except Refused:
        return False
    now_asked = urgent.digest(
        edition_hash=urgency.content_hash, posts=urgency.post_hashes, modes=urgency.modes, instant=urgency.instant,
        reason=urgency.reason, by_hand=by_hand(accounts),
    )  # fmt: skip
    return now_asked == urgency.digest


def confirm(urgency: Urgency, *, seen: str, person: Person, now: datetime) -> Release:
    """确认: the second word, on what was seen (its digest). Plans and signs the release; refused with nothing done."""
    require_aware(now)
    with audit.serialised():
        urgency = find(urgency.pk, unit=person.unit)
        refused = why_not(urgency, person=person, now=now)
        if refused is not None:
            raise refused
        if seen != urgency.digest:
            raise Refused("changed", CHANGED)
        accounts = _accounts(urgency.unit, urgency.modes)
        instant = _instant_of(urgency, accounts, now)
        least = now if _people_alone(accounts) else releases.earliest(now)
        if urgency.instant is not None and instant < least:
            words = f"原定 {show(instant)} 已来不及，没有发出。请提出人改为“尽快”重新提出。"
            raise Refused("lead", words)
        release = _released(urgency, instant, accounts, person, now)
        manualtasks.call_people(release, now=now)
        urgentcare.move(
            urgency, Stage.RELEASED, actor=person.username, now=now, review_by=instant + urgent.REVIEW_WITHIN
        )  # fmt: skip
        urgentcare.note_review(urgency.edition, person=person, now=now)  # all three may have passed it meanwhile
    return release


def _instant_of(urgency: Urgency, accounts: Iterable[Account], now: datetime) -> datetime:
    """When it goes if the second word is given now. Where people post alone nothing has to be made ready: at once."""
    return urgency.instant or (now.replace(microsecond=0) if _people_alone(accounts) else soonest(now))


def _people_alone(accounts: Iterable[Account]) -> bool:
    return all(one.manual_only for one in accounts)


def _released(
    urgency: Urgency, instant: datetime, accounts: Sequence[Account], person: Person, now: datetime
) -> Release:
    first = urgency.words.select_related("person").get(place=1)
    edition = urgency.edition
    release = releases.compose(
        [edition], title=edition.title, instant=instant, accounts=accounts, modes=urgency.modes, person=person, now=now,
        urgency=urgency,
    )  # fmt: skip
    _require_same_posts(urgency, release)

    def word(manifest: str) -> None:
        UrgentWord.objects.create(
            urgency=urgency, place=2, person=person, decides=_decides(person), digest=urgency.digest,
            manifest_hash=manifest, at=now,
        )  # fmt: skip

    signed = releases.sign_urgent(
        release, person=person, now=now, credit=credit(urgency, first.person.name, person.name), word=word
    )
    data = {
        "second": first.person.username, "first_at": first.at.isoformat(), "reason": urgency.reason,
        "digest": urgency.digest, "manifest": signed.manifest_hash, "urgency": urgency.pk,
    }  # fmt: skip
    _note("urgent.confirmed", f"release:{release.pk}", data, person, SECONDERS, now)
    return signed


def _require_same_posts(urgency: Urgency, release: Release) -> None:
    mine = Q(items__publication__release=release) | Q(manual_tasks__release=release)
    posts = PostRecord.objects.filter(mine).select_related("account")
    if {post.account.slug: post.hash for post in posts} != urgency.post_hashes:
        raise Refused("changed", CHANGED)


def credit(urgency: Urgency, first: str, second: str) -> str:
    """The line under the text: that two people let it out, and who."""
    edition = urgency.edition
    unit = edition.content.get("unit") or urgency.unit.name
    return f"来源：{unit}　责编：{edition.author.name}　应急审核：{first}、{second}"


def take_back(urgency: Urgency, *, person: Person, now: datetime) -> None:
    """收回: by whoever asked, or by 终审 or 签发. The notice stays handed in, for the ordinary reviews."""
    require_aware(now)
    if not urgency.words.filter(place=1, person=person).exists():
        require(person, Role.FINAL, Role.RELEASER)
    with audit.serialised():
        current = find(urgency.pk, unit=person.unit)
        if current.status is not Stage.ASKED or not urgentcare.move(
            current, Stage.WITHDRAWN, actor=person.username, now=now
        ):
            raise Refused("over", f"这件公告现在是“{current.status.label}”，不能收回，未做改动。")


def waiting_for(person: Person) -> int:
    """How many wait for this person's second word: for the navigation of every page."""
    if not any(person.has_role(role) for role in SECONDERS):
        return 0
    found = Urgency.objects.filter(unit=person.unit_id, ended_at__isnull=True, stage=Stage.ASKED)
    return found.exclude(words__person=person.pk).count()
