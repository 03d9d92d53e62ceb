"""From draft to approval: check, submit, review, return."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError

from bot import proofing, rendering
from bot.domain.article import Article
from bot.domain.findings import Finding, Level, blocking
from bot.domain.instants import beijing_date, require_aware
from bot.domain.marker import marker_from
from bot.domain.post import Rendered
from bot.domain.workflow import EditionState, Role, Step, Verdict, after_review, may_review, step_due
from bot.models import Account, Document, Edition, FindingRecord, Person, PostRecord, Review

from . import attachmentreading, audit, catalogue, urgentcare
from .accounts import channel_of, rendering_options, spec_of
from .documents import keep_assets, void_waiting
from .errors import Refused, in_staff_words
from .people import require
from .waivers import PAIRING, Waived


def pair_of(document: Document) -> Article | None:
    """The other half of a policy pair: what it interprets, or its newest interpretation."""
    if document.interprets_id and document.interprets:
        return document.interprets.current.article
    first = document.interpretations.order_by("pk").first()
    return first.current.article if first else None


def check_document(document: Document, *, now: datetime) -> list[Finding]:
    """The gate for official text over the current edition."""
    require_aware(now)
    return check_article(document.current.article, pairing_of(document), now=now)


def pairing_of(document: Document) -> proofing.Pair:
    """What the gate must know of a document's counterpart."""
    return proofing.Pair(
        is_policy=document.is_policy,
        interpretation_ids=tuple(document.interpretations.values_list("external_id", flat=True)),
        interpreted=document.interprets.current.article if document.interprets else None,
        waived=document.waivers.filter(rule=PAIRING).exists(),
    )


def check_article(article: Article, pair: proofing.Pair, *, now: datetime) -> list[Finding]:
    """The gate over any article, imported or not."""
    require_aware(now)
    return proofing.check(
        article, pair=pair, today=beijing_date(now), portal_hosts=settings.TONGFA.portal_hosts or proofing.PORTAL_HOSTS,
        attached=attachmentreading.of(article.attachments, now=now),
    )  # fmt: skip


def pair_within(article: Article, articles: Mapping[str, Article]) -> proofing.Pair:
    """What a file that is not imported yet says of an article's counterpart."""
    return proofing.Pair(
        is_policy=proofing.propose_policy(article),
        interpretation_ids=tuple(
            other.external_id for other in articles.values() if other.interprets == article.external_id
        ),
        interpreted=articles.get(article.interprets) if article.interprets else None,
    )


def render_for(edition: Edition, account: Account, marker: str) -> tuple[Rendered, list[Finding]]:
    """Render one edition for one account, with the channel's own limits checked."""
    spec = spec_of(account)
    rendered, findings = rendering.render(
        edition.article, spec, account_name=account.name, options=rendering_options(account), marker=marker,
        pair=pair_of(edition.document),
    )  # fmt: skip
    keep_assets(
        rendered.assets, unit=edition.document.unit
    )  # by hash, so harmless if the edition is not submitted; the check looks at the pictures
    return rendered, told_once(findings, channel_of(account).check([rendered.post]))


def told_once(of_rendering: Sequence[Finding], of_platform: Iterable[Finding]) -> list[Finding]:
    """Both together. Of a title that cannot be shortened, the platform's own limits say nothing more: rules of whatever
    channel that end in `length` or `bytes`."""
    if not any((one.rule, one.field) == ("render.too_long", "title") for one in of_rendering):
        return [*of_rendering, *of_platform]
    again = (".length", ".bytes")
    return [*of_rendering, *(one for one in of_platform if one.field != "title" or not one.rule.endswith(again))]


def submit(
    document: Document, *, person: Person, now: datetime, then: Callable[[Edition], None] | None = None,
    roles: Sequence[Role] = (Role.EDITOR,),
) -> Edition:  # fmt: skip
    """Freeze content and renderings, draw the marker, hand the edition to the first reviewer.

    Refused when the gate or a channel's limits find something that blocks; the findings are kept either way. `then` is
    done with the submitted edition in the transaction that freezes it. `roles`: who may; 应急通道 lets others, too.
    """
    require_aware(now)
    require(person, *roles)
    edition = _open_edition(document, person=person, now=now)
    accounts = [account for account in document.unit.accounts.order_by("pk") if account.enabled]
    if not accounts:
        raise Refused("no_account", "本单位还没有可用的发布账号，未提交。请系统管理员先添加公众号或微博账号。")
    marker = marker_from(secrets.token_bytes(8))
    found, renderings = found_in(document, accounts, marker, now=now, edition=edition)
    with audit.serialised():
        _keep_findings(edition, found)
    _refuse_if_blocked(document, [finding for _, finding in found])
    with audit.serialised():
        _freeze(edition, renderings, marker, person, now)
        edition.refresh_from_db()
        if then is not None:
            then(edition)
    return edition


def found_in(
    document: Document, accounts: Iterable[Account], marker: str, *, now: datetime, edition: Edition | None = None
) -> tuple[list[tuple[Account | None, Finding]], list[tuple[Account, Rendered]]]:
    """What handing in would find, each with the account whose post it is about, and the posts that it would freeze."""
    require_aware(now)
    edition = edition or document.current
    found: list[tuple[Account | None, Finding]] = [(None, finding) for finding in check_document(document, now=now)]
    renderings: list[tuple[Account, Rendered]] = []
    for account in accounts:
        rendered, findings = render_for(edition, account, marker)
        renderings.append((account, rendered))
        found += [(account, finding) for finding in findings]
    return found, renderings


def _open_edition(document: Document, *, person: Person, now: datetime) -> Edition:
    """The draft to submit; a returned edition is taken up again as a new one with the same content."""
    edition = document.current
    if edition.status is EditionState.RETURNED:
        with audit.serialised():
            Edition.objects.filter(pk=edition.pk).update(state=EditionState.SUPERSEDED)
            edition = Edition.objects.create(
                document=document, number=edition.number + 1, title=edition.title, content=edition.content,
                content_hash=edition.content_hash, author=edition.author, created_at=now,
            )  # fmt: skip
            catalogue.note_changed([document.pk], now=now)
    if edition.status is not EditionState.DRAFTING:
        raise Refused(
            "state", f"“{edition.title}”现在的状态是“{edition.status.label}”，不能提交。只有拟稿或退回的稿件可以提交。"
        )
    return edition


def _keep_findings(edition: Edition, found: Iterable[tuple[Account | None, Finding]]) -> None:
    edition.findings.all().delete()
    FindingRecord.objects.bulk_create(
        FindingRecord(edition=edition, account=account, level=finding.level, rule=finding.rule, detail=asdict(finding))
        for account, finding in found
    )


def _refuse_if_blocked(document: Document, findings: list[Finding]) -> None:
    waived = Waived(document)
    stop = [finding for finding in blocking(findings) if finding not in waived]
    if stop:
        raise Refused(
            "blocked",
            f"有 {len(stop)} 处必须修改，未提交。请按提示修改后重新提交。",
            tuple(finding.message for finding in stop),
        )


def _freeze(
    edition: Edition, renderings: list[tuple[Account, Rendered]], marker: str, person: Person, now: datetime
) -> None:
    taken = Edition.objects.filter(pk=edition.pk, state=EditionState.DRAFTING).update(
        state=EditionState.SUBMITTED, marker=marker, submitted_by=person, submitted_at=now
    )
    if not taken:
        raise Refused("state", "稿件刚被他人处理过，未提交。请刷新后再看。")
    catalogue.note_changed([edition.document_id], now=now)
    for account, rendered in renderings:
        PostRecord.objects.create(
            edition=edition,
            account=account,
            payload=dict(rendered.post.payload),
            hash=rendered.post.hash,
            created_at=now,
        )
    data = {
        "edition": edition.number,
        "content": edition.content_hash,
        "posts": {account.slug: rendered.post.hash for account, rendered in renderings},
        "unit": edition.document.unit.code,
    }
    audit.append(person.username, "edition.submitted", f"document:{edition.document.external_id}", data, now=now)


def review(document: Document, *, person: Person, verdict: Verdict, comment: str = "", now: datetime) -> Edition:
    """Take the review step that is due. A return needs a reason; the last pass approves."""
    require_aware(now)
    edition = document.current
    steps = document.unit.review_steps
    step = step_due(edition.status, steps)
    if step is None:
        raise Refused("state", f"“{edition.title}”现在的状态是“{edition.status.label}”，没有待办的审核。")
    refusal = may_review(
        person=person.pk, roles=person.held_roles, step=step, authors=edition.authors(),
        earlier_reviewers=set(edition.reviews.values_list("person_id", flat=True)),
        asked_urgently=urgentcare.asked_by(edition, person),
    )  # fmt: skip
    if refusal:
        raise Refused(refusal.code, refusal.message)
    if verdict is Verdict.RETURN and not comment.strip():
        raise Refused("reason", "退回须写明原因，未做改动。请填写退回原因。")
    target = after_review(edition.status, step, verdict, steps)
    if target is EditionState.APPROVED:
        _require_pair(document)
    try:
        with audit.serialised():
            _record_review(edition, person, step, verdict, comment, target, now)
            if urgentcare.note_review(edition, person=person, now=now):
                void_waiting(edition, reason="补审退回", person=person, now=now)
    except IntegrityError as error:
        raise Refused("rule", f"数据库拒绝了这次审核（{in_staff_words(error)}），未做改动。请刷新后再看。") from None
    edition.refresh_from_db()
    return edition


def _require_pair(document: Document) -> None:
    if not document.is_policy or document.waivers.filter(rule=PAIRING).exists():
        return
    if not document.interpretations.exists():
        raise Refused(
            "pairing",
            "这是政策文件，还没有配套解读，不能终审通过。请先导入解读，或在文件页的“检查结果”里写明理由，忽略这一条。",
        )


def _record_review(
    edition: Edition, person: Person, step: str, verdict: Verdict, comment: str, target: EditionState, now: datetime
) -> None:
    hashes = {post.account.slug: post.hash for post in edition.posts.select_related("account")}
    Review.objects.create(
        edition=edition, step=step, person=person, verdict=verdict, comment=comment,
        content_hash=edition.content_hash, post_hashes=hashes, at=now,
    )  # fmt: skip
    extra = {"approved_at": now} if target is EditionState.APPROVED else {}
    if not Edition.objects.filter(pk=edition.pk, state=edition.state).update(state=target, **extra):
        raise Refused("state", "稿件刚被他人处理过，本次审核未记录。请刷新后再看。")
    catalogue.note_changed([edition.document_id], now=now)
    data = {"step": step, "verdict": verdict, "comment": comment, "content": edition.content_hash, "posts": hashes}
    data["unit"] = edition.document.unit.code
    principal = person.in_place_of(Step(step))
    if principal is not None:
        data["for"] = principal.username
    audit.append(person.username, "edition.reviewed", f"document:{edition.document.external_id}", data, now=now)


def set_policy(document: Document, is_policy: bool, *, reason: str, person: Person, now: datetime) -> None:
    """Say whether a document is a policy (and so needs its interpretation). Changed only with a reason.

    One that becomes a policy loses the signatures given without its interpretation: they are checked again at signing.
    It is no notice any more, so a first word (应急) on it is void.
    """
    require_aware(now)
    require(person, Role.EDITOR)
    if not reason.strip():
        raise Refused("reason", "更改“是否政策文件”须写明理由，未做改动。")
    with audit.serialised():
        if is_policy and not document.is_policy:
            void_waiting(document.current, reason="已改定为政策文件，须与解读同时发布", person=person, now=now)
            urgentcare.note_changed(document.current, person=person, now=now)
        Document.objects.filter(pk=document.pk).update(is_policy=is_policy)
        data = {"is_policy": is_policy, "reason": reason, "unit": document.unit.code}
        audit.append(person.username, "document.policy", f"document:{document.external_id}", data, now=now)
    document.refresh_from_db()


def blocks(findings: Iterable[Finding]) -> bool:
    """True when any finding stops the item."""
    return any(finding.level is Level.BLOCK for finding in findings)
