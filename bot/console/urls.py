"""Addresses of the staff pages."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from . import alarms, compose, deeds, document, doors, events, phones, release, releases, signin, today

urlpatterns: list[URLPattern] = [
    path("", today.today, name="today"),
    path("freeze", today.freeze, name="freeze"),
    path("unfreeze", today.unfreeze, name="unfreeze"),
    path("login", signin.log_in, name="login"),
    path("logout", signin.log_out, name="logout"),
    path("releases", releases.releases, name="releases"),
    path("releases/new", compose.new, name="release-new"),
    path("releases/new/panel", compose.panel, name="release-panel"),
    path("releases/new/search", compose.search, name="release-search"),
    path("releases/<int:pk>", release.release_page, name="release"),
    path("releases/<int:pk>/edit", compose.edit, name="release-edit"),
    path("releases/<int:pk>/edit/panel", compose.panel, name="release-edit-panel"),
    path("releases/<int:pk>/sign", deeds.sign, name="release-sign"),
    path("releases/<int:pk>/reschedule", deeds.reschedule, name="release-reschedule"),
    path("releases/<int:pk>/hold", deeds.hold, name="release-hold"),
    path("releases/<int:pk>/resume", deeds.resume, name="release-resume"),
    path("releases/<int:pk>/cancel", deeds.cancel, name="release-cancel"),
    path("releases/<int:pk>/gate/go", deeds.go, name="release-go"),
    path("releases/<int:pk>/gate/stay", deeds.stay, name="release-stay"),
    path("events/desk", events.desk, name="desk-events"),
    path("events/release/<int:pk>", events.release, name="release-events"),
    path("releases/<int:pk>/check", release.check_again, name="check-again"),
    path("alarms/<int:pk>/read", alarms.read, name="alarm-read"),
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
