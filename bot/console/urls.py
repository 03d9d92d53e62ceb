"""Addresses of the staff pages."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from . import alarms, calendar, calendar_move, document, doors, phones, release, signin, today

urlpatterns: list[URLPattern] = [
    path("", today.today, name="today"),
    path("freeze", today.freeze, name="freeze"),
    path("unfreeze", today.unfreeze, name="unfreeze"),
    path("login", signin.log_in, name="login"),
    path("logout", signin.log_out, name="logout"),
    path("releases/<int:pk>", release.release_page, name="release"),
    path("releases/<int:pk>/check", release.check_again, name="check-again"),
    path("alarms/<int:pk>/read", alarms.read, name="alarm-read"),
    path("calendar", calendar.calendar, name="calendar"),
    path("calendar/releases/<int:pk>/move", calendar_move.move, name="calendar-move"),
    path("documents/<path:external_id>", document.document_page, name="document"),
    path("frames/post/<int:pk>", document.post_frame, name="post-frame"),
    path("frames/item/<int:pk>", document.item_frame, name="item-frame"),
    re_path(r"^assets/(?P<sha256>[0-9a-f]{64})$", document.asset, name="asset"),
    path("rehearsal/", phones.rehearsal, name="rehearsal"),
    path("rehearsal/phone/<slug:slug>", phones.phone, name="phone"),
    path("rehearsal/phone/<slug:slug>/<slug:article>", phones.phone_article, name="phone-article"),
    path("rehearsal/article/<slug:slug>/<slug:article>", phones.article_frame, name="article-frame"),
    re_path(r"^rehearsal/media/(?P<digest>[0-9a-f]{8,128})$", phones.media, name="phone-media"),
    path("accounts/<slug:slug>/authorize", doors.authorize, name="authorize"),
    path("oauth/callback", doors.oauth_callback, name="oauth-callback"),
    path("callback/<slug:slug>", doors.callback, name="callback"),
    path("healthz", doors.healthz, name="healthz"),
]
