"""What is refused before any view has seen it, as a page: a form that is too large, a request that cannot be read."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's `handler400`. It calls a form that is too large a bad request, too; who wrote it must be told which."""
    if isinstance(exception, RequestDataTooBig):
        most = (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) // 1024 // 1024
        return render(request, "413.html", {"most": most}, status=413)
    return render(request, "400.html", status=400)
