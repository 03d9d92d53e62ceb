"""Addresses: the machine interface in `bot.api.urls`, everything else in `bot.console.urls`."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("api/v1/", include("bot.api.urls")), path("", include("bot.console.urls"))]
handler400 = "bot.console.badrequests.bad_request"
handler500 = "bot.console.badrequests.server_error"
