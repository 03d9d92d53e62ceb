"""Writing: what an editor types is kept at once, and becomes an edition when they say so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NoReturn

from django.db import IntegrityError, transaction

from bot import channels, rendering
from bot.domain.article import Article, Attachment, OwnCover
from bot.domain.channel import FieldSpec
from bot.domain.findings import Finding
from bot.domain.instants import beijing_date, require_aware
from bot.domain.post import Asset, Rendered
from bot.domain.typography import quoted
from bot.domain.workflow import EditionState, Role
from bot.intake import LABELS, Record, Rejected, Taken
from bot.intake.assemble import assemble
from bot.intake.cleaning import Notes
from bot.intake.contract import Refusal
from bot.intake.markup import clean_body
from bot.models import Account, AssetRecord, Document, Draft, Edition, Person, Unit
from bot.proofing.context import texts_of

from . import audit
from .accounts import channel_of, rendering_options
from .documents import save_article
from .editorial import check_article, pair_of, pairing_of, told_once
from .errors import Refused
from .people import require

HELD = timedelta(seconds=60)
"""So long after its last sign of life a page counts as open."""
FIELDS = tuple(name for name in LABELS if name != "external_id")
_REF = re.compile(r"asset:([0-9a-f]{64})")
TAKEN_OVER = (
    "稿件已由{name}接着编辑，您这一页的改动没有保存。要留下这里的文字，请复制下来，或点“接着编辑”把稿件接过来再比较。"
)
OLDER = (
    "您在另一个窗口里改过这份稿件，这一页的改动没有保存。要用这里的文字，请点“保存为新版本”：会先列出与那个窗口的差别。"
)
UNDER_REVIEW = "正在审核（{state}），没有保存为新版本。您写的已存进草稿，审核人退回后打开编辑页接着改。"
CLOSED = "这份草稿已经保存为新版本或放弃，这一页的改动没有自动保存。要用这里的文字，请点“保存为新版本”：有了新版本的，会先列出差别。"


@dataclass(frozen=True, slots=True)
class Meter:
    """How long one field of one account's post would be, by that platform's own counting.

    `length`: of what was written, `fits` of what will go out: a title that is too long goes out shortened.
    """

    account: Account
    label: str
    length: int
    limit: int | None
    fits: int | None = None

    @property
    def over(self) -> bool:
        """Beyond the limit, as it was written."""
        return self.limit is not None and self.length > self.limit

    @property
    def cut(self) -> bool:
        """Written too long, and shortened so that it fits."""
        return self.over and self.fits is not None


@dataclass(frozen=True, slots=True)
class Page:
    """What an open page knows: the edition from which its text began, and how often the working copy had been kept by then.

    `over`: whoever sends it has seen what stands there now (that edition, a working copy so often kept) and means to
    replace it.
    """

    base: int
    revision: int
    over: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a finding lies: the field ("" where it lies in none), the very words, and how often they stand there before."""

    field: str = ""
    words: str = ""
    before: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to be said of the fields as they stand: why they are no edition yet, what the checks find (`spots`: each one's
    place), how long the posts are."""

    rejected: Rejected | None
    findings: Sequence[Finding] = ()
    spots: Sequence[Spot] = ()
    meters: Sequence[Meter] = ()
    cleaned: Sequence[str] = ()


def fields_of(edition: Edition) -> dict[str, str]:
    """The form's fields of an edition."""
    return {name: str(edition.content.get(name) or "") for name in FIELDS}


def next_external_id(unit: Unit, *, now: datetime) -> str:
    """A number of our own for something that comes from no other system: the day and a running figure."""
    prefix = f"TF{beijing_date(now):%Y%m%d}-"
    taken = set(
        Document.objects.filter(unit=unit, external_id__startswith=prefix).values_list("external_id", flat=True)
    )
    return next(f"{prefix}{n:03d}" for n in range(1, len(taken) + 2) if f"{prefix}{n:03d}" not in taken)


def article_from(external_id: str, fields: Mapping[str, str], *, unit: Unit) -> Taken | Rejected:
    """The fields as an article, by the very rules by which a file is imported; of the pictures, those of this unit."""
    refs = set(_REF.findall(fields.get("body_html", "")))
    found = AssetRecord.objects.filter(sha256__in=refs, uses__unit=unit)
    assets = tuple(Asset(bytes(one.data), one.media_type, one.name) for one in found)
    values = {name: fields.get(name, "") for name in FIELDS} | {"external_id": external_id}
    return assemble(Record(1, values, assets=assets))


def create(external_id: str, fields: Mapping[str, str], *, person: Person, now: datetime) -> Document | Rejected:
    """A new document with its first edition, or the field that does not pass."""
    require_aware(now)
    require(person, Role.EDITOR)
    row = article_from(external_id, fields, unit=person.unit)
    if isinstance(row, Rejected):
        return row
    if Document.objects.filter(unit=person.unit, external_id=row.article.external_id).exists():
        return Rejected(
            1, external_id, "external_id", external_id, "已有这个编号的文件。", "请换一个编号，或打开那份文件修改。"
        )
    with audit.serialised():
        save_article(row.article, person=person, now=now)
    return Document.objects.get(unit=person.unit, external_id=row.article.external_id)


# --- the working copy ---------------------------------------------------------------------------------------


def open_for(document: Document, *, person: Person, now: datetime, take_over: bool = False) -> tuple[Draft, bool]:
    """The working copy, made from the newest edition where there is none; and whether it is this person's to write in.

    Another editor's page that was alive within the last minute keeps it, unless it is taken over.
    """
    require_aware(now)
    require(person, Role.EDITOR)
    current = document.current
    with transaction.atomic():
        draft, _ = Draft.objects.select_for_update().get_or_create(
            document=document,
            defaults={
                "base": current, "fields": fields_of(current), "attachments": current.content.get("attachments", []),
                "cover": current.content.get("cover"), "editor": person, "open_until": now + HELD, "saved_at": now,
            },
        )  # fmt: skip
        mine = draft.editor_id == person.pk or draft.open_until <= now or take_over
        if mine:
            draft.editor, draft.open_until = person, now + HELD
            draft.save(update_fields=["editor", "open_until"])
    return draft, mine


def page_of(document: Document) -> Page:
    """What a page knows that is opened at this moment."""
    draft = Draft.objects.select_related("base").filter(document=document).first()
    return known(draft) if draft else Page(document.current.number, 0)


def known(draft: Draft) -> Page:
    """What a page knows that shows this working copy."""
    return Page(draft.base.number, draft.revision)


def keep(document: Document, fields: Mapping[str, str], *, page: Page, person: Person, now: datetime) -> Draft:
    """Autosave. A page that somebody else has taken over, or an older tab, is refused."""
    require_aware(now)
    require(person, Role.EDITOR)
    kept = _kept(fields)
    began = document.editions.filter(number=page.base)  # no join: the row's own columns are compared as it is written
    own = Draft.objects.filter(document=document, editor=person, revision=page.revision, base__in=began)
    changed = own.update(fields=kept, revision=page.revision + 1, saved_at=now, open_until=now + HELD)
    draft = Draft.objects.select_related("editor").filter(document=document).first()
    if draft is None:
        raise Refused("closed", CLOSED)
    if not changed:
        _refuse(draft, person)
    return draft


def _kept(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: fields.get(name, "") for name in FIELDS} | {"body_html": safe(fields.get("body_html", ""))}


def _refuse(draft: Draft, person: Person) -> NoReturn:
    """Why a page may not write in this working copy."""
    if draft.editor_id != person.pk:
        raise Refused("taken_over", TAKEN_OVER.format(name=draft.editor.name))
    raise Refused("older", OLDER)


def safe(body: str) -> str:
    """The body without anything that a browser might run: it is shown again on the next visit."""
    try:
        return clean_body(body, Notes(), {f"asset:{ref}" for ref in _REF.findall(body)})
    except Refusal as refusal:
        raise Refused("body", f"正文没有保存：{refusal.reason}。{refusal.remedy}。") from None


def stay(document: Document, *, person: Person, now: datetime) -> None:
    """A sign of life of an open page in which nothing is typed."""
    require_aware(now)
    Draft.objects.filter(document=document, editor=person).update(open_until=now + HELD)


def save(document: Document, fields: Mapping[str, str], *, page: Page, person: Person, now: datetime) -> str | Rejected:
    """Make an edition of the fields: "updated" or "unchanged", or the field that does not pass.

    The fields are put into the working copy first, so that nothing typed hangs on the answer. Refused, with the fields
    kept, when another edition has come since the page's text began (`newer`) or it is under review (`state`); refused,
    with the fields kept nowhere, when what is in the working copy is somebody else's (`taken_over`) or another window's
    (`older`). `page.over` is the word of a person who has seen either and means to replace it.
    """
    require_aware(now)
    require(person, Role.EDITOR)
    kept = _put_by(document, fields, page=page, person=person, now=now)
    if not may_edit(document, person):
        raise Refused("state", f"{quoted(document.title)}{UNDER_REVIEW.format(state=document.current.status.label)}")
    row = article_from(document.external_id, fields, unit=document.unit)
    if isinstance(row, Rejected):
        return row
    try:
        with audit.serialised():
            draft = held(document, person=person)
            if draft.revision != kept.revision:
                raise Refused("older", OLDER)
            _require_known(document, draft, page)
            result = save_article(with_files(row.article, draft), person=person, now=now, whole=True)
            draft.delete()
    except IntegrityError:
        raise Refused("race", "这份文件刚被他人改动过，没有保存为新版本。您写的都在草稿里，请再存一次。") from None
    return result


def _put_by(document: Document, fields: Mapping[str, str], *, page: Page, person: Person, now: datetime) -> Draft:
    """The fields in the working copy. Where there is none any more, in a new one that says from which edition the text began:
    the files are those of the newest edition, because a page holds none."""
    kept, current = _kept(fields), document.current
    began = document.editions.filter(number=page.base).first() or document.editions.order_by("number")[0]
    with transaction.atomic():
        draft, made = Draft.objects.select_for_update().get_or_create(
            document=document,
            defaults={
                "base": began, "fields": kept, "attachments": current.content.get("attachments", []),
                "cover": current.content.get("cover"), "editor": person, "open_until": now + HELD, "saved_at": now,
            },
        )  # fmt: skip
        own = made or draft.fields == kept or known(draft) == replace(page, over=None)
        own = own or page.over == (current.number, draft.revision)
        if draft.editor_id != person.pk or not own:
            _refuse(draft, person)
        draft.fields, draft.saved_at, draft.open_until = kept, now, now + HELD
        draft.revision += 1
        draft.save(update_fields=["fields", "revision", "saved_at", "open_until"])
    return draft


def _require_known(document: Document, draft: Draft, page: Page) -> None:
    """Refused when an edition would be replaced that whoever wrote this has not seen."""
    current = document.current
    if not outdated(draft, current) or (page.over is not None and page.over[0] == current.number):
        return
    raise Refused(
        "newer",
        f"您从第 {draft.base.number} 版写起，之后这份文件又有了新版本：第 {current.number} 版，{current.author.name}保存。"
        "没有覆盖它；您写的都在草稿里，差别列在下面。",
    )


def outdated(draft: Draft, current: Edition) -> bool:
    """Whether an edition with another content has come since this working copy began."""
    return draft.base.content_hash != current.content_hash


def unsaved(document: Document) -> Draft | None:
    """The working copy in which something stands that no edition has."""
    draft = Draft.objects.select_related("editor", "base").filter(document=document).first()
    return draft if draft is not None and holds_more(draft, document.current) else None


def holds_more(draft: Draft, current: Edition) -> bool:
    """Whether handing in the newest edition would leave out what somebody has put into the working copy."""
    content = draft.base.content  # a change of files is no revision
    files = draft.attachments != content.get("attachments", []) or draft.cover != content.get("cover")
    return files or bool(draft.revision and draft.fields != fields_of(current))


def with_files(article: Article, draft: Draft) -> Article:
    """The article with the attachments and the cover of the working copy."""
    return replace(
        article,
        attachments=tuple(Attachment(**one) for one in draft.attachments),
        cover=OwnCover(**draft.cover) if draft.cover else None,
    )


def held(document: Document, *, person: Person) -> Draft:
    """The working copy, locked, if it is this person's to write in. In the caller's transaction."""
    draft = Draft.objects.select_for_update(of=("self",)).select_related("editor").filter(document=document).first()
    if draft is None:
        raise Refused("closed", "这份草稿已经保存为新版本或放弃，没有改动。请重新打开编辑页再试。")
    if draft.editor_id != person.pk:
        raise Refused("taken_over", TAKEN_OVER.format(name=draft.editor.name))
    return draft


def discard(document: Document, *, person: Person) -> None:
    """Throw the working copy away; the editions stay."""
    require(person, Role.EDITOR)
    Draft.objects.filter(document=document, editor=person).delete()


# --- while it is written ------------------------------------------------------------------------------------


def judge(document: Document, fields: Mapping[str, str], *, accounts: Sequence[Account], now: datetime) -> Judged:
    """Checks and lengths of what has been typed so far; nothing is stored."""
    require_aware(now)
    row = article_from(document.external_id, fields, unit=document.unit)
    if isinstance(row, Rejected):
        return Judged(row)
    draft = Draft.objects.filter(document=document).first()
    article = with_files(row.article, draft) if draft else row.article
    cleaned = [f"{LABELS.get(one.field, one.field)}：{one.what}" for one in row.cleaned]
    return _judged(document, article, cleaned, accounts, now)


def article_of(draft: Draft) -> Article | Rejected:
    """The working copy as an article, with its files; or the field that does not pass."""
    row = article_from(draft.document.external_id, draft.fields, unit=draft.document.unit)
    return row if isinstance(row, Rejected) else with_files(row.article, draft)


def rendered(document: Document, article: Article, account: Account, *, covered: bool) -> Rendered:
    """The post that this text would be; `covered`: with its cover, which takes longer than all the rest. Nothing is stored."""
    whole = channels.kinds()[account.channel].spec
    made, _ = rendering.render(
        article,
        whole if covered else replace(whole, cover=None),
        account_name=account.name,
        options=rendering_options(account),
        marker="preview0",
        pair=pair_of(document),
    )
    return made


def judge_edition(edition: Edition, *, accounts: Sequence[Account], now: datetime) -> Judged:
    """The same of an edition as it stands, whatever somebody is writing meanwhile."""
    require_aware(now)
    return _judged(edition.document, edition.article, [], accounts, now)


def _judged(
    document: Document, article: Article, cleaned: Sequence[str], accounts: Sequence[Account], now: datetime
) -> Judged:
    pair = pair_of(document)
    meters, findings = [], list(check_article(article, pairing_of(document), now=now))
    for account in accounts:
        found, more = _measured(article, account, pair)
        meters += found
        findings += more
    texts = texts_of(article)
    return Judged(None, findings, [_spot(finding, texts) for finding in findings], meters, cleaned)


def _spot(finding: Finding, texts: Mapping[str, str]) -> Spot:
    """The words themselves, where the finding may show them masked: they go to the page in which they stand anyway."""
    if finding.field not in FIELDS:
        return Spot()
    text = texts.get(finding.field, "")
    words = text[finding.start : finding.end]
    return Spot(finding.field, words, text.count(words, 0, finding.start) if words else 0)


def _measured(article: Article, account: Account, pair: Article | None) -> tuple[list[Meter], list[Finding]]:
    """Without the cover: drawing it takes longer than everything else, and says nothing of lengths.

    What the platform would refuse is told here already, and not first when the text is handed in.
    """
    whole = channels.kinds()[account.channel].spec
    drawn = {whole.cover.field, *whole.cover.crops.values()} if whole.cover else set()
    rendered, findings = rendering.render(
        article,
        replace(whole, cover=None),
        account_name=account.name,
        options=rendering_options(account),
        marker="preview0",
        pair=pair,
    )
    findings += rendering.cover_findings(article, whole.cover, rendering_options(account)) if whole.cover else []
    refused = channel_of(account).check([rendered.post])
    told = told_once(findings, [one for one in refused if one.field not in drawn])
    return meters_of(account, rendered.post.payload, article), list(dict.fromkeys(told))


def looks(edition: Edition, accounts: Sequence[Account]) -> dict[str, str]:
    """Slug -> what is the same for accounts on which this edition looks the same: posts are compared, frozen or as they
    would be. A cover is not drawn for it: it shows nothing of the account."""
    frozen = {post.account_id: post.hash for post in edition.posts.all()}
    return {one.slug: frozen.get(one.pk) or _look(edition, one) for one in accounts}


def _look(edition: Edition, account: Account) -> str:
    return rendered(edition.document, edition.article, account, covered=False).post.hash


#: What a field that may be shortened is made of, where it is nothing but that.
_WRITTEN: dict[tuple[str, ...], str] = {("title",): "title", ("summary",): "summary"}


def meters_of(account: Account, payload: Mapping[str, Any], article: Article | None = None) -> list[Meter]:
    """The lengths of a post's fields that have a limit. With the `article` those are told that were shortened to fit."""
    fields = [one for one in channels.kinds()[account.channel].spec.fields if one.limit and payload.get(one.name)]
    return [_meter(account, one, str(payload[one.name]), article) for one in fields]


def _meter(account: Account, field: FieldSpec, value: str, article: Article | None) -> Meter:
    label, length = field.label or field.name, field.count(value)
    name = _WRITTEN.get(tuple(field.elastic))
    written = field.count(" ".join(str(getattr(article, name)).split())) if article and name else 0
    if field.limit is not None and length <= field.limit < written:
        return Meter(account, label, written, field.limit, fits=length)
    return Meter(account, label, length, field.limit)


def may_edit(document: Document, person: Person) -> bool:
    """Whether this person may write in it now: an editor, and not while it is under review."""
    return person.has_role(Role.EDITOR) and document.state in {
        EditionState.DRAFTING, EditionState.RETURNED, EditionState.APPROVED
    }  # fmt: skip
