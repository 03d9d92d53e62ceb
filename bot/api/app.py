"""The interface itself: its operations, its refusals, its OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.views.decorators.http import require_GET
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.renderers import JSONRenderer

from . import documents, health, metrics, refusals, releases
from .openapi import completed

PREFIX = "api/v1/"
VERSION = "1.0.0"
DESCRIPTION = (
    "For systems of the unit, such as the content management of its portal: hand in documents with their interpretations, "
    "submit them for review, ask for a synchronized release, follow it, read its numbers. People review and sign; no "
    "operation does. Everything is scoped to the token's unit: what belongs to another unit is not found. Instants carry an "
    "offset. Errors are problems as in RFC 9457; `detail` is for staff, in Chinese. Status 422 says that a request does not "
    "fit this document, 409 that it fits and was refused by a rule, which `code` names; nothing was changed in either case."
)


class Renderer(JSONRenderer):
    """Chinese as it is, rather than in escapes of twice its length."""

    json_dumps_params: Mapping[str, Any] = {"ensure_ascii": False}


class MachineAPI(NinjaAPI):
    """With the problems of every operation in the document, which is drawn once."""

    _document: OpenAPISchema | None = None

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        """The whole document."""
        if self._document is None:
            self._document = completed(super().get_openapi_schema(path_prefix=PREFIX))
        return self._document


def _made() -> MachineAPI:
    api = MachineAPI(
        title="Tongfa machine interface",
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,  # its page would load its program from elsewhere
        docs_decorator=require_GET,
        urls_namespace="api",
        parser=refusals.StrictParser(),
        renderer=Renderer(),
    )
    refusals.install(api)
    for part in (documents, releases, metrics, health):
        api.add_router("", part.router)
    return api


api = _made()
