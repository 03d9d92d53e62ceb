"""Addresses of the staff pages."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from . import alarms, document, doors, looks, phones, release, reviews, signin, today

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
    path("reviews", reviews.page, name="reviews"),
    path("reviews/pass", reviews.pass_batch, name="review-batch"),
    path("reviews/phrases", reviews.phrases, name="review-phrases"),
    path("reviews/<int:pk>", reviews.item, name="review"),
    path("reviews/<int:pk>/open/<int:post>", reviews.open_channel, name="review-open"),
    path("reviews/<int:pk>/decide", reviews.decide, name="review-decide"),
    path("reviews/<int:pk>/links", looks.make, name="review-link"),
    path("reviews/<int:pk>/links/<int:link>/revoke", looks.revoke, name="review-link-revoke"),
    path("look/<str:token>", looks.look, name="look"),
    path("look/<str:token>/posts/<int:pk>", looks.look_post, name="look-post"),
    re_path(r"^look/(?P<token>[^/]+)/assets/(?P<sha256>[0-9a-f]{64})$", looks.look_asset, name="look-asset"),
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
