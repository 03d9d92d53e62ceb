"""Addresses of the staff pages."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from . import accounts, alarms, document, doors, manual, phones, release, signin, today

urlpatterns: list[URLPattern] = [
    path("", today.today, name="today"),
    path("freeze", today.freeze, name="freeze"),
    path("unfreeze", today.unfreeze, name="unfreeze"),
    path("login", signin.log_in, name="login"),
    path("logout", signin.log_out, name="logout"),
    path("releases/<int:pk>", release.release_page, name="release"),
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
    path("accounts", accounts.accounts_page, name="accounts"),
    path("accounts/new", accounts.account_new, name="account-new"),
    path("accounts/<slug:slug>", accounts.account_page, name="account"),
    path("accounts/<slug:slug>/edit", accounts.account_edit, name="account-edit"),
    path("accounts/<slug:slug>/credentials", accounts.credentials, name="account-credentials"),
    path("accounts/<slug:slug>/credentials/open", accounts.credentials_open, name="account-credentials-open"),
    path("accounts/<slug:slug>/check", accounts.account_check, name="account-check"),
    path("accounts/<slug:slug>/file", accounts.account_file, name="account-file"),
    path("accounts/<slug:slug>/custody", accounts.account_custody, name="account-custody"),
    path("accounts/<slug:slug>/disable", accounts.account_disable, name="account-disable"),
    path("accounts/<slug:slug>/enable", accounts.account_enable, name="account-enable"),
    path("manual", manual.manual_page, name="manual"),
    path("manual/new", manual.manual_new, name="manual-new"),
    path("manual/<int:pk>/correct", manual.manual_correct, name="manual-correct"),
    path("manual/<int:pk>/void", manual.manual_void, name="manual-void"),
    path("manual/task/<int:release>/<slug:slug>/<int:lane>", manual.task_done, name="manual-task"),
    path("manual/task/<int:release>/<slug:slug>/<int:lane>/drop", manual.task_drop, name="manual-task-drop"),
    path("accounts/<slug:slug>/authorize", doors.authorize, name="authorize"),
    path("oauth/callback", doors.oauth_callback, name="oauth-callback"),
    path("callback/<slug:slug>", doors.callback, name="callback"),
    path("healthz", doors.healthz, name="healthz"),
]
