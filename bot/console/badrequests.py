"""What no view has answered, as a page: a form that is too large, a request that cannot be read, an error of ours."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import get_template


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's `handler400`. It calls a form that is too large a bad request, too; who wrote it must be told which."""
    if isinstance(exception, RequestDataTooBig):
        most = (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) // 1024 // 1024
        return render(request, "413.html", {"most": most}, status=413)
    return render(request, "400.html", status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's `handler500`, without anything that might fail as well. After a press of a button it must say that nobody knows
    whether it took effect."""
    template = "500.html" if request.method in {"GET", "HEAD"} else "500_act.html"
    return HttpResponse(get_template(template).render(), status=500)
