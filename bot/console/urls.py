"""Addresses of the staff pages."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from . import alarms, document, doors, exceptions, phones, release, signin, today, withdraw

urlpatterns: list[URLPattern] = [
    path("", today.today, name="today"),
    path("freeze", today.freeze, name="freeze"),
    path("unfreeze", today.unfreeze, name="unfreeze"),
    path("login", signin.log_in, name="login"),
    path("logout", signin.log_out, name="logout"),
    path("releases/<int:pk>", release.release_page, name="release"),
    path("releases/<int:pk>/check", release.check_again, name="check-again"),
    path("alarms/<int:pk>/read", alarms.read, name="alarm-read"),
    path("releases/<int:pk>/withdraw", withdraw.wizard, name="withdraw"),
    path("releases/<int:pk>/withdraw/ask", withdraw.ask, name="withdraw-ask"),
    path("withdrawals/<int:pk>/confirm", withdraw.confirm, name="withdraw-confirm"),
    path("withdrawals/<int:pk>/drop", withdraw.drop, name="withdraw-drop"),
    path("withdrawals/<int:pk>/corrects", withdraw.corrects, name="withdraw-corrects"),
    path("takedowns/<int:pk>/<slug:act>", withdraw.takedown, name="takedown"),
    path("exceptions", exceptions.exceptions, name="exceptions"),
    path("exceptions/<int:pk>", exceptions.case_page, name="exception"),
    path("exceptions/<int:pk>/look", exceptions.look, name="exception-look"),
    path("exceptions/<int:pk>/live", exceptions.live, name="exception-live"),
    path("exceptions/<int:pk>/ask-again", exceptions.ask_again, name="exception-ask"),
    path("exceptions/<int:pk>/confirm-again", exceptions.confirm_again, name="exception-confirm"),
    path("exceptions/<int:pk>/take-back", exceptions.take_back, name="exception-take-back"),
    path("exceptions/<int:pk>/cancel", exceptions.cancel, name="exception-cancel"),
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
