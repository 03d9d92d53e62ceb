"""领导审阅链接: what somebody without a login sees, and that it is nothing else."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.test import Client

from bot.models import AssetRecord, AuditEvent, Document, PostRecord, ReviewLink
from bot.services import editorial, reviewlinks

from .reviewing import Login, submitted
from .world import ARTICLES, District, now, put


def linked(district: District, document: Document | None = None, **changes: object) -> str:
    """The path of a link to the newest edition."""
    document = document or submitted(district)
    given: dict[str, object] = {"name": "张区长", "person": district.people["editor"], "now": now(), **changes}
    _, token = reviewlinks.make_link(document.current, **given)  # type: ignore[arg-type]
    return f"/look/{token.reveal()}"


def test_it_shows_every_rendering_without_a_login_and_says_that_it_is_not_public(
    district: District, client: Client
) -> None:
    address = linked(district)
    answer = client.get(address)
    shown = answer.content.decode()
    assert answer.status_code == 200
    for words in (ARTICLES[0].title, "中国河东", "临沂河东", "尚未公开", "请勿转发", "请 张区长 审阅"):
        assert words in shown
    post = PostRecord.objects.get(account=district.accounts[0])
    frame = client.get(f"{address}/posts/{post.pk}")
    assert frame.status_code == 200
    assert f'src="{address}/posts/{post.pk}"' in shown
    assert "script" not in frame.headers["Content-Security-Policy"]
    picture = re.search(rf"{address}/assets/[0-9a-f]{{64}}", shown)
    assert picture
    assert client.get(picture[0]).headers["Content-Type"].startswith("image/")


def test_it_shows_nothing_else_of_the_system(district: District, client: Client) -> None:
    address = linked(district)
    shown = client.get(address).content.decode().replace(address, "link").replace('href="/static/', "")
    for words in ("李拟", "王初", "检查结果", "留痕", 'href="/', "登录", "HD-1", "主导航"):
        assert words not in shown


def test_it_is_watermarked_with_the_name_and_the_time_in_the_page_and_in_the_frame(
    district: District, client: Client
) -> None:
    address = linked(district)
    post = PostRecord.objects.get(account=district.accounts[0])
    minute = (now() + timedelta(hours=8)).strftime("%Y-%m-%d %H:")
    for one in (address, f"{address}/posts/{post.pk}"):
        shown = client.get(one).content.decode()
        mark = shown.split('class="watermark"')[1].split("</svg>")[0]
        assert f"张区长 {minute}" in mark
        assert "style=" not in mark


def test_it_is_found_by_no_search_engine_and_kept_in_no_cache(district: District, client: Client) -> None:
    address = linked(district)
    post = PostRecord.objects.get(account=district.accounts[0])
    for one in (address, f"{address}/posts/{post.pk}", "/look/none"):
        headers = client.get(one).headers
        assert headers["X-Robots-Tag"].startswith("noindex")
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
    assert '<meta name="robots" content="noindex' in client.get(address).content.decode()


def test_once_it_is_public_it_says_so(district: District, client: Client) -> None:
    release = district.signed()
    address = linked(district, Document.objects.get())
    assert "尚未公开" in client.get(address).content.decode()
    for publication in release.publications.all():
        put(publication, "live")
    assert "内容已经公开" in client.get(address).content.decode()


def gone(client: Client, address: str) -> bool:
    answer = client.get(address)
    return answer.status_code == 404 and "这个链接打不开了" in answer.content.decode()


def test_expired_revoked_replaced_and_unknown_are_one_page(district: District, client: Client) -> None:
    document = submitted(district)
    expired = linked(district, document, now=now() - timedelta(hours=3), lasts=timedelta(hours=2))
    revoked = linked(district, document)
    reviewlinks.revoke_link(
        ReviewLink.objects.latest("pk").pk, edition=document.current, person=district.people["editor"], now=now()
    )
    standing = linked(district, document)
    post = PostRecord.objects.filter(edition=document.current)[0]
    assert not gone(client, standing)
    for address in (expired, revoked, "/look/x", "/look/%3Cb%3E"):
        assert gone(client, address)
        assert gone(client, f"{address}/posts/{post.pk}")
        assert gone(client, f"{address}/assets/{'0' * 64}")
    submitted(district, dataclasses.replace(ARTICLES[0], summary="改过。"))
    assert gone(client, standing)
    assert len({client.get(address).content for address in (expired, revoked, standing, "/look/x")}) == 1


def test_a_link_shows_only_the_posts_and_pictures_of_its_own_edition(district: District, client: Client) -> None:
    address = linked(district)
    other = submitted(district, ARTICLES[1]).current
    AssetRecord.objects.create(sha256="a" * 64, media_type="image/png", data=b"x")
    assert gone(client, f"{address}/posts/{other.posts.all()[0].pk}")
    assert gone(client, f"{address}/assets/{'a' * 64}")


def test_every_look_is_counted_and_frames_and_pictures_are_not(district: District, client: Client) -> None:
    address = linked(district)
    shown = client.get(address).content.decode()
    for part in re.findall(rf'"({address}/[^"]+)"', shown):
        client.get(part)
    assert ReviewLink.objects.get().opened == 1
    assert AuditEvent.objects.filter(action="link.opened").count() == 1
    assert client.post(address).status_code == 405


# --- for staff -----------------------------------------------------------------------------------------------


def test_a_link_is_made_from_the_inbox_shown_once_and_revoked_there(district: District, as_: Login) -> None:
    document, client = submitted(district), as_("editor")
    pk = document.current.pk
    answer = client.post(f"/reviews/{pk}/links", {"name": "张区长", "hours": "4"})
    shown = answer.content.decode()
    assert answer.status_code == 201
    found = re.search(r'value="(https?://[^"]*/look/[^"]+)"', shown)
    assert found
    assert Client().get(urlsplit(found[1]).path).status_code == 200
    assert "data:image/svg+xml" in shown
    link = ReviewLink.objects.get()
    assert link.expires_at - link.created_at == timedelta(hours=4)
    listed = client.get(f"/reviews/{pk}").content.decode()
    assert "张区长" in listed
    assert found[1] not in listed
    said = client.post(f"/reviews/{pk}/links/{link.pk}/revoke", follow=True).content.decode()
    assert "给“张区长”的链接已收回" in said
    assert Client().get(urlsplit(found[1]).path).status_code == 404
    assert "已经收回过了" in client.post(f"/reviews/{pk}/links/{link.pk}/revoke", follow=True).content.decode()


@pytest.mark.parametrize(("hours", "lasts"), [("168", 168), ("999", 24), ("x", 24), ("", 24)])
def test_a_time_that_is_not_offered_is_a_day(hours: str, lasts: int, district: District, as_: Login) -> None:
    pk = submitted(district).current.pk
    as_("first").post(f"/reviews/{pk}/links", {"name": "张区长", "hours": hours})
    link = ReviewLink.objects.get()
    assert link.expires_at - link.created_at == timedelta(hours=lasts)


def test_who_neither_writes_nor_reviews_finds_no_form_and_is_refused(district: District, as_: Login) -> None:
    pk = submitted(district).current.pk
    assert "生成链接" not in as_("releaser").get(f"/reviews/{pk}").content.decode()
    assert as_("releaser").post(f"/reviews/{pk}/links", {"name": "某"}).status_code == 403
    assert not ReviewLink.objects.exists()


def test_a_link_without_a_name_is_refused_with_words(district: District, as_: Login) -> None:
    pk = submitted(district).current.pk
    assert "请写明给谁看" in as_("editor").post(f"/reviews/{pk}/links", {"name": " "}, follow=True).content.decode()


def test_a_draft_offers_no_link(district: District, as_: Login) -> None:
    document = district.document()
    assert "生成链接" not in as_("editor").get(f"/reviews/{document.current.pk}").content.decode()
    editorial.submit(document, person=district.people["editor"], now=now())
    assert "生成链接" in as_("editor").get(f"/reviews/{document.current.pk}").content.decode()
