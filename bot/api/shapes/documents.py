"""Documents in requests and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from bot.domain.article import Kind
from bot.domain.findings import Level
from bot.domain.workflow import EditionState, Step, Verdict
from bot.intake.validation import LIMITS

from ..fields import Body, Day, Id, OtherId, Whole, text

Attribute = Literal["主动公开", "依申请公开", "不予公开"]


class Content(Body):
    """What any document may say. Text is cleaned as in an imported file, and what was cleaned is told."""

    title: str = Field(min_length=1, max_length=LIMITS["title"], examples=["关于调整城区公交线路的通知"])
    source_url: str = Field(
        min_length=1,
        max_length=LIMITS["source_url"],
        description="Address of the document on the portal: absolute, http or https, without user name or password.",
        examples=["https://www.hedong.gov.cn/info/1.html"],
    )
    summary: str = text(LIMITS["summary"], "Plain text; may have several lines.")
    body_html: str = text(
        LIMITS["body_html"], "HTML; brought to a small set of elements. May be empty: then `summary` is the text."
    )
    document_number: str = text(LIMITS["document_number"], "Official number, with the year in brackets.")
    index_number: str = text(LIMITS["index_number"], "Index number of the disclosure directory.")
    unit: str = text(LIMITS["unit"], "Issuing body.")
    category: str = text(LIMITS["category"], "Disclosure directory.")
    subcategory: str = text(LIMITS["subcategory"], "Subdirectory.")
    area: str = text(LIMITS["area"], "Key area.")
    form: str = text(LIMITS["form"], "Form of an interpretation, such as a text or a picture.")
    provenance: str = text(LIMITS["provenance"], "Where the text comes from.")
    attribute: Attribute = Field("主动公开", description="Only the first of these can be published.")
    published_on: Day | None = Field(None, description="Day of publication on the portal, 1949 to 2099.")
    formed_on: Day | None = Field(None, description="Day on which the document was made, 1949 to 2099.")

    def fields(self) -> dict[str, Any]:
        """By the names of the import format."""
        return self.model_dump(include=set(Content.model_fields))


class Interpretation(Content):
    """The interpretation of the document that it comes with."""

    id: Id = Field(description="Its own id in your system.")


class DocumentIn(Content):
    """A document, alone or with its interpretation: both are taken in one transaction, or neither."""

    kind: Kind = Field(examples=["notice"])
    interprets: OtherId = Field(
        "", description="For an interpretation that comes alone: id of the document that it explains."
    )
    interpretation: Interpretation | None = None


class Found(Whole):
    """A finding of the gate for official text, or of a platform's limits."""

    rule: str
    level: Level = Field(description="`block` stops submission, `warn` needs a look, `hint` is advice.")
    message: str = Field(description="What is wrong and what to do; for staff, in Chinese.")
    field: str
    start: int = Field(description="Offset in characters into the field's text; 0 with `end` 0 means the whole field.")
    end: int
    found: str = Field(description="The text that was found; masked where it is personal data.")
    suggestion: str
    source: str = Field(description="The rule's own source.")
    account: str | None = Field(description="Slug of the account whose post it is about; null: the document itself.")
    waived: bool = Field(description="Somebody let it pass and said why.")


class Findings(Whole):
    """Everything that was found."""

    document: str
    edition: int
    state: EditionState
    blocked: bool = Field(description="True when something that was not waived stops the submission.")
    findings: list[Found]


class Taken(Whole):
    """What became of one document."""

    id: str
    result: Literal["created", "updated", "unchanged"]
    edition: int
    state: EditionState
    is_policy: bool = Field(description="A policy cannot be approved or released without its interpretation.")
    interprets: str | None
    notes: list[str] = Field(description="What was cleaned; for staff, in Chinese.")
    blocked: bool = Field(description="True when a submission would be refused because of the findings.")
    findings: list[Found]


class TakenTogether(Whole):
    """The document, and its interpretation where one came with it."""

    document: Taken
    interpretation: Taken | None


class SubmissionIn(Body):
    """Which document."""

    document: Id = Field(examples=["HD-2"])


class Submission(Whole):
    """The edition that was frozen and now waits for its first review, by a person."""

    document: str
    edition: int
    state: EditionState
    content_hash: str
    marker: str = Field(description="The short id that links of this edition carry.")
    posts: dict[str, str] = Field(description="Hash of the rendering for each account, by slug.")


class DocumentLine(Whole):
    """A document by its newest edition."""

    cursor: int = Field(description="Grows with every new edition: ask for those `after` it.")
    id: str
    kind: Kind
    title: str
    state: EditionState
    edition: int
    is_policy: bool
    interprets: str | None
    content_hash: str
    created_at: datetime = Field(description="When this edition was made.")
    submitted_at: datetime | None
    approved_at: datetime | None


class DocumentPage(Whole):
    """A part of the list, oldest edition first."""

    documents: list[DocumentLine]
    next: int | None = Field(description="The `after` of the next page; null: there is none.")


class AttachmentOut(Whole):
    """A file of an edition; its bytes are fetched in the console."""

    name: str
    sha256: str
    size: int = Field(description="In bytes.")
    media_type: str


class CoverOut(Whole):
    """A cover picture that staff chose, and the part of it for each shape, as it goes out."""

    picture: str = Field(description="`asset:` and the SHA-256 of the picture.")
    width: int
    height: int
    wide: str = Field(description="`X1_Y1_X2_Y2` in shares of the picture.")
    square: str


class ContentOut(Whole):
    """The content of an edition."""

    title: str
    source_url: str
    summary: str
    body_html: str
    document_number: str
    index_number: str
    unit: str
    category: str
    subcategory: str
    area: str
    form: str
    provenance: str
    attribute: str
    published_on: str | None
    formed_on: str | None
    attachments: list[AttachmentOut]
    cover: CoverOut | None


class Reviewed(Whole):
    """One person's verdict on one step."""

    step: Step
    verdict: Verdict
    comment: str
    person: str
    at: datetime


class DocumentWhole(DocumentLine):
    """A document with the content of its newest edition and what was said of it."""

    content: ContentOut
    interpretations: list[str]
    reviews: list[Reviewed]
    posts: dict[str, str] = Field(
        description="Hash of the rendering for each account, by slug; empty before submission."
    )
    releases: list[int] = Field(description="Ids of the releases that hold this edition.")
