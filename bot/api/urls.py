"""Addresses of the machine interface. The login of the pages does not apply: each operation asks for its token."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern

from .app import api

app_name = "api"
urlpatterns = list(api.urls[0])
for _pattern in urlpatterns:
    if isinstance(_pattern, URLPattern):
        login_not_required(_pattern.callback)
