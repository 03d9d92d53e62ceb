"""Releases: list, read, compose. Signing is for people."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from ninja import Router
from ninja.params.functions import Path, Query

from bot.domain.rights import Right
from bot.models import Release
from bot.services import planning
from bot.services.apicalls import Answer, Keep
from bot.services.releases import find_release

from . import releases_told as told
from .edge import now, token
from .fields import DEFAULT_LIMIT, LARGEST, LARGEST_LIMIT
from .security import Bearer
from .shapes.releases import AfterLiveIn, ReleaseIn, ReleaseOut, ReleasePage, ReleasePlanned
from .writing import KEY, answered, once

router = Router(tags=["releases"])
READ, PLAN = Bearer(Right.RELEASES_READ), Bearer(Right.RELEASES_PLAN)


@router.get("/releases", auth=READ, response=ReleasePage, operation_id="listReleases", summary="List releases")
def list_releases(
    request: HttpRequest,
    before: int = Query(LARGEST, ge=1, le=LARGEST, description="The id before which to go on."),
    limit: int = Query(DEFAULT_LIMIT, ge=1, le=LARGEST_LIMIT, description="How many at most."),
) -> ReleasePage:
    """The unit's releases, the newest first."""
    found = Release.objects.filter(unit=token(request).unit, pk__lt=before).order_by("-pk")
    return told.page(list(told.with_everything(found)[: limit + 1]), limit, now=now())


@router.get(
    "/releases/{release_id}", auth=READ, response=ReleaseOut, operation_id="getRelease", summary="Read one release"
)
def get_release(request: HttpRequest, release_id: int = Path(..., ge=1, le=LARGEST)) -> ReleaseOut:
    """A release with the state, link and lateness of each push, with what people post of it, and with what a person must
    still do.
    """
    found = find_release(release_id, unit=token(request).unit)
    release = told.with_everything(Release.objects.filter(pk=found.pk)).get()
    return told.whole(release, told.by_hand([release], now=now()).get(release.pk, ()))


@router.post(
    "/releases", auth=PLAN, response={201: ReleasePlanned}, operation_id="planRelease", summary="Compose a release"
)
def plan_release(request: HttpRequest, payload: ReleaseIn, key: str = KEY) -> HttpResponse:
    """Approved documents, accounts, an instant, and whether it waits for the portal page. Nothing goes out by this.

    It goes out when a person has signed it in time: `pending` says who and until when.
    """
    who, at = token(request).person, now()

    def act(keep: Keep) -> Answer:
        return planning.plan(_wish(payload), person=who, now=at, keep=keep, told=_planned)

    return once(request, key, "POST releases", payload.model_dump(mode="json"), act)


def _planned(release: Release) -> Answer:
    fresh = told.with_everything(Release.objects.filter(pk=release.pk)).get()
    return answered(201, told.planned(fresh, now=now()))


def _wish(payload: ReleaseIn) -> planning.Wish:
    return planning.Wish(
        instant=payload.instant, documents=payload.documents, accounts=payload.accounts, modes=payload.modes,
        title=payload.title, page=_page(payload.sync) if isinstance(payload.sync, AfterLiveIn) else None,
    )  # fmt: skip


def _page(sync: AfterLiveIn) -> planning.Page:
    return planning.Page(sync.url, sync.title, timedelta(seconds=sync.wait_seconds), sync.then)
