"""三屏预览: the posts of one edition as followers will see them, each on a phone of true width.

A submitted edition is drawn from its frozen posts; a draft is rendered by the same code at this moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from bot.domain.findings import Finding
from bot.models import Account, Edition
from bot.services import drafting, editorial, showing
from bot.services.accounts import spec_of
from bot.services.documents import find_document
from bot.services.errors import Refused

from . import faces, readers
from .document import EDITION_TONES, PORTAL, accounts_of, edition_of
from .people import now, person


@require_safe
@readers.only
def preview(request: HttpRequest, external_id: str) -> HttpResponse:
    """The page with the phones beside each other."""
    who = person(request)
    document = find_document(external_id, unit=who.unit)
    edition = edition_of(document, request.GET.get("edition", ""))
    phones: list[dict[str, Any]] = []
    for account in accounts_of(edition):
        payload, findings = _payload(edition, account)
        phones.append(
            {
                "account": account,
                "spec": spec_of(account),
                "findings": findings,
                "meters": drafting.meters_of(account, payload, edition.article),
            }
        )
    context = {
        "document": document,
        "edition": edition,
        "phones": phones,
        "frozen": edition.submitted_at is not None,
        "tone": EDITION_TONES[edition.status],
        "portal": PORTAL,
        "may_edit": drafting.may_edit(document, who),
        "may_show": any(who.has_role(role) for role in showing.WHO),
    }
    return render(request, "preview.html", context)


def _payload(edition: Edition, account: Account) -> tuple[Mapping[str, Any], Sequence[Finding]]:
    post = edition.posts.filter(account=account).first()
    if post is not None:
        return post.payload, ()
    rendered, findings = editorial.render_for(edition, account, "preview0")
    return rendered.post.payload, findings


def _own(request: HttpRequest, pk: int) -> Edition:
    own = Edition.objects.select_related("document__unit").filter(document__unit=person(request).unit)
    return get_object_or_404(own, pk=pk)


def _source(request: HttpRequest, edition: Edition) -> faces.Source:
    return faces.Source(
        article=edition.article,
        unit=edition.document.unit,
        accounts=accounts_of(edition),
        payload=lambda account, _: _payload(edition, account)[0],
        asset=lambda _, sha256: reverse("asset", args=[sha256]),
        body=lambda account: reverse("preview-body", args=[edition.pk, account.slug]),
    )


@require_safe
@readers.only
@xframe_options_sameorigin
def phone_frame(request: HttpRequest, edition: int, slug: str) -> HttpResponse:
    """One phone's screen."""
    return faces.phone(request, _source(request, _own(request, edition)), slug)


@require_safe
@readers.only
@xframe_options_sameorigin
def body_frame(request: HttpRequest, edition: int, slug: str) -> HttpResponse:
    """The article inside the phone."""
    return faces.article(request, _source(request, _own(request, edition)), slug)


@require_POST
@readers.only
def show(request: HttpRequest, edition: int, slug: str) -> HttpResponse:
    """发到我的手机."""
    who, found = person(request), _own(request, edition)
    account = next((one for one in accounts_of(found) if one.slug == slug), None)
    if account is None:
        raise Http404
    try:
        said = showing.show(found, account, to=request.POST.get("to", ""), person=who, now=now())
    except Refused as refused:
        if refused.code == "role":
            raise
        messages.error(request, refused.message)
    else:
        messages.success(request, said)
    return redirect(f"{reverse('preview', args=[found.document.external_id])}?edition={found.number}")
