"""The phones beside the editor: the working copy as it was last kept, rendered as it would go out. Nothing is stored."""

from __future__ import annotations

from functools import partial

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from bot import intake
from bot.domain.article import Article
from bot.intake import Rejected
from bot.models import Account, Document, Draft
from bot.services import drafting
from bot.services.documents import find_document
from bot.services.releases import accounts_named

from . import faces
from .editor import require_open
from .people import person


def _draft(request: HttpRequest, external_id: str) -> Draft:
    """The working copy of a document in which this person may write; 404 where there is none."""
    who = person(request)
    document = find_document(external_id, unit=who.unit)
    require_open(document, who)
    draft = Draft.objects.select_related("document__unit", "base").filter(document=document).first()
    if draft is None:
        raise Http404
    return draft


def _source(request: HttpRequest, draft: Draft) -> faces.Source | Rejected:
    document = draft.document
    article = drafting.article_of(draft)
    if isinstance(article, Rejected):
        return article
    return faces.Source(
        article=article,
        unit=document.unit,
        accounts=accounts_named((), unit=document.unit),
        payload=lambda account, covered: drafting.rendered(document, article, account, covered=covered).post.payload,
        asset=partial(_picture, document, article),
        body=lambda account: reverse("writing-body", args=[account.slug, document.external_id]),
    )


def _picture(document: Document, article: Article, account: Account, sha256: str) -> str:
    """A drawn cover is kept nowhere before it is part of an edition, so that it has an address of its own."""
    if article.cover and article.cover.picture == f"asset:{sha256}":
        return reverse("asset", args=[sha256])
    return reverse("writing-cover", args=[account.slug, sha256, document.external_id])


@require_safe
@xframe_options_sameorigin
def phone(request: HttpRequest, slug: str, external_id: str) -> HttpResponse:
    """One phone's screen, or why the text is no post yet."""
    draft = _draft(request, external_id)
    source = _source(request, draft)
    if isinstance(source, Rejected):
        label = intake.LABELS.get(source.field, source.field)
        context = {"label": label, "rejected": source, "dark": request.GET.get("dark") == "1"}
        return faces.framed(render(request, "phones/not_yet.html", context))
    return faces.phone(request, source, slug)


@require_safe
@xframe_options_sameorigin
def body(request: HttpRequest, slug: str, external_id: str) -> HttpResponse:
    """The article inside the phone."""
    source = _source(request, _draft(request, external_id))
    if isinstance(source, Rejected):
        raise Http404
    return faces.article(request, source, slug)


@require_safe
def cover(request: HttpRequest, slug: str, sha256: str, external_id: str) -> HttpResponse:
    """The picture of one phone, as it is drawn for the text of this moment."""
    draft = _draft(request, external_id)
    source = _source(request, draft)
    if isinstance(source, Rejected):
        raise Http404
    post = drafting.rendered(draft.document, source.article, source.account(slug), covered=True)
    found = next((one for one in post.assets if one.sha256 == sha256), None)
    if found is None:
        raise Http404
    headers = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "no-store"}
    return HttpResponse(found.data, content_type=found.media_type, headers=headers)
