"""Addresses of the staff pages."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from . import alarms, document, doors, me, phones, release, signin, staff, today

urlpatterns: list[URLPattern] = [
    path("", today.today, name="today"),
    path("freeze", today.freeze, name="freeze"),
    path("unfreeze", today.unfreeze, name="unfreeze"),
    path("login", signin.log_in, name="login"),
    path("login/code", signin.log_in_code, name="login-code"),
    path("logout", signin.log_out, name="logout"),
    path("me", me.me, name="me"),
    path("me/password", me.password, name="password"),
    path("me/second-factor", me.second_factor, name="second-factor"),
    path("me/second-factor/confirm", me.second_factor_confirm, name="second-factor-confirm"),
    path("me/second-factor/remove", me.second_factor_remove, name="second-factor-remove"),
    path("me/recovery-codes", me.recovery_codes, name="recovery-codes"),
    path("me/deputies", me.appoint_deputy, name="my-deputy"),
    path("me/deputies/<int:pk>/end", me.end_deputy, name="my-deputy-end"),
    path("people", staff.staff, name="staff"),
    path("people/add", staff.add, name="staff-add"),
    path("people/deputies/<int:pk>/end", staff.end_deputy, name="deputy-end"),
    path("people/person/<path:username>/roles", staff.set_roles, name="member-roles"),
    path("people/person/<path:username>/active", staff.set_active, name="member-active"),
    path("people/person/<path:username>/password", staff.reset_password, name="member-password"),
    path("people/person/<path:username>/second-factor", staff.remove_factor, name="member-factor"),
    path("people/person/<path:username>/deputies", staff.appoint, name="member-deputy"),
    path("people/person/<path:username>", staff.member, name="member"),
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
    path("accounts/<slug:slug>/authorize", doors.authorize, name="authorize"),
    path("oauth/callback", doors.oauth_callback, name="oauth-callback"),
    path("callback/<slug:slug>", doors.callback, name="callback"),
    path("healthz", doors.healthz, name="healthz"),
]
