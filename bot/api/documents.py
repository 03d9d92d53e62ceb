"""Documents: list, read, hand in, submit, findings."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router
from ninja.params.functions import Path, Query

from bot.domain.article import Kind
from bot.domain.rights import Right
from bot.domain.workflow import EditionState
from bot.models import Edition
from bot.services import editorial, pushing
from bot.services.accounts import require_programs
from bot.services.apicalls import Answer, Keep
from bot.services.documents import find_document
from bot.services.errors import Refused

from . import documents_told as told
from .edge import now, token
from .fields import DEFAULT_LIMIT, ID_PATTERN, LARGEST, LARGEST_LIMIT, LONGEST_ID, Id, Instant
from .security import Bearer
from .shapes.documents import (
    DocumentIn,
    DocumentPage,
    DocumentWhole,
    Findings,
    Submission,
    SubmissionIn,
    TakenTogether,
)
from .writing import KEY, answered, once

router = Router(tags=["documents"])
READ, WRITE = Bearer(Right.DOCUMENTS_READ), Bearer(Right.DOCUMENTS_WRITE)


@router.get("/documents", auth=READ, response=DocumentPage, operation_id="listDocuments", summary="List documents")
def list_documents(
    request: HttpRequest,
    kind: Kind | None = Query(None, description="Only documents of this kind."),
    state: EditionState | None = Query(None, description="Only documents whose newest edition stands here."),
    changed_since: Instant | None = Query(
        None,
        description="Only editions that were made, submitted or reviewed at or after this instant; with an offset.",
    ),
    after: int = Query(0, ge=0, le=LARGEST, description="The `cursor` after which to go on."),
    limit: int = Query(DEFAULT_LIMIT, ge=1, le=LARGEST_LIMIT, description="How many at most."),
) -> DocumentPage:
    """The unit's documents by their newest edition, oldest edition first."""
    found = told.editions(token(request).unit, kind=kind, state=state, since=changed_since, after=after)
    return told.page(list(found[: limit + 1]), limit)


@router.get(
    "/documents/{path:document_id}", auth=READ, response=DocumentWhole, operation_id="getDocument",
    summary="Read one document",
)  # fmt: skip
def get_document(
    request: HttpRequest,
    document_id: str = Path(
        ..., min_length=1, max_length=LONGEST_ID, pattern=ID_PATTERN, description="Your id of it.", example="HD-1"
    ),
) -> DocumentWhole:
    """A document with the content of its newest edition, its reviews and its releases."""
    return told.whole(find_document(document_id, unit=token(request).unit))


@router.put(
    "/documents/{path:document_id}", auth=WRITE, response={200: TakenTogether, 201: TakenTogether},
    operation_id="putDocument", summary="Hand in a document, alone or with its interpretation",
)  # fmt: skip
def put_document(
    request: HttpRequest,
    payload: DocumentIn,
    document_id: str = Path(
        ..., min_length=1, max_length=LONGEST_ID, pattern=ID_PATTERN, description="Your id of it.", example="HD-1"
    ),
    key: str = KEY,
) -> HttpResponse:
    """Creates the document, or a new edition of it where anything differs; the same content again changes nothing.

    A new edition ends the reviews and the signatures of the one before it.
    """
    who, at = token(request).person, now()

    def act(keep: Keep) -> Answer:
        rows = pushing.read(_fields(document_id, payload), _interpretation(payload))
        _require_same_ids(document_id, payload, [row.article.external_id for row in rows])
        return pushing.push(rows, person=who, now=at, keep=keep, told=_taken)

    return once(request, key, f"PUT documents/{document_id}", payload.model_dump(mode="json"), act)


def _fields(document_id: str, payload: DocumentIn) -> dict[str, Any]:
    return {**payload.fields(), "external_id": document_id, "kind": str(payload.kind), "interprets": payload.interprets}


def _interpretation(payload: DocumentIn) -> dict[str, Any] | None:
    other = payload.interpretation
    return {**other.fields(), "external_id": other.id} if other else None


def _require_same_ids(document_id: str, payload: DocumentIn, taken: list[str]) -> None:
    """An id that had to be cleaned would be another one than the caller knows."""
    given = [document_id, *([payload.interpretation.id] if payload.interpretation else [])]
    if taken != given:
        raise Refused("id", "编号里有不能使用的字符（首尾空白、不可见字符或代码），未保存任何内容。请改正编号。")
    if len(set(given)) != len(given):
        raise Refused("id", "解读与所解读文件的编号相同，未保存任何内容。请改正编号。")


def _taken(pushed: list[pushing.Pushed]) -> Answer:
    body = told.taken(pushed)
    return answered(201 if body.document.result == "created" else 200, body)


@router.post(
    "/submissions", auth=WRITE, response={200: Submission}, operation_id="submitDocument",
    summary="Submit a document for review",
)  # fmt: skip
def submit_document(request: HttpRequest, payload: SubmissionIn, key: str = KEY) -> HttpResponse:
    """Checks, renders for every account, freezes. From here people review.

    Refused with status 409, code `blocked` and the findings in `details` while something must be mended.
    """
    who, at = token(request).person, now()

    def act(keep: Keep) -> Answer:
        document = find_document(payload.document, unit=who.unit)
        require_programs(who.unit)
        answers: list[Answer] = []

        def then(edition: Edition) -> None:
            answers.append(answered(200, told.submitted(document, edition)))
            keep(answers[0])

        editorial.submit(document, person=who, now=at, then=then)
        return answers[0]

    return once(request, key, "POST submissions", payload.model_dump(mode="json"), act)


@router.get("/findings", auth=READ, response=Findings, operation_id="listFindings", summary="Findings of a document")
def list_findings(
    request: HttpRequest,
    document: Id = Query(..., description="Your id of the document.", example="HD-1"),
) -> Findings:
    """What the gate says of the newest edition now, and what the platforms' limits said when it was last submitted."""
    found = find_document(document, unit=token(request).unit)
    return told.findings(found, editorial.check_document(found, now=now()))
