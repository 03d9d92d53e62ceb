"""Addresses: everything lives in `bot.console.urls`."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("", include("bot.console.urls"))]
