"""文件: its content, what was said about it, and its posts exactly as they will go out."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

import pytest
from django.test import Client

from bot.models import AssetRecord, AssetUse, PostRecord
from bot.services import drafting

from .world import ARTICLES, District, now

Login = Callable[[str], Client]


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_shows_fields_state_and_reviews(district: District, as_: Login) -> None:
    district.approved()
    shown = page(as_("first"), "/documents/HD-1")
    for words in (
        "关于调整城区公交线路的通知",
        "临东政办字〔2017〕41号",
        "已通过",
        "初审通过",
        "王初",
        "钱终",
        "第 1 版送审",
    ):
        assert words in shown


def test_both_posts_are_shown_with_their_lengths_by_the_platforms_counting(district: District, as_: Login) -> None:
    document = district.approved()
    shown = page(as_("first"), "/documents/HD-1")
    weibo = PostRecord.objects.get(edition=document.current, account=district.accounts[1])
    assert weibo.payload["status"].splitlines()[0][:12] in shown
    assert re.search(r'class="meter">\d+/140', shown)
    assert re.search(r'class="meter">\d+/32', shown)


def test_of_a_draft_it_finds_what_handing_in_will_find(district: District, as_: Login) -> None:
    district.document(dataclasses.replace(ARTICLES[0], title="Lindong" * 22))
    shown = page(as_("editor"), "/documents/HD-1")
    assert "没有发现问题" not in shown
    assert "标题有 154 字，缩不到 32 字以内，请改短。" in shown
    answer = as_("editor").post("/submit/HD-1", follow=True)
    assert "必须修改，未提交" in answer.content.decode()


def test_what_was_typed_since_the_newest_version_is_not_left_out_of_what_is_handed_in_unsaid(
    district: District, as_: Login
) -> None:
    document, editor = district.document(), district.people["editor"]
    client = as_("editor")
    drafting.open_for(document, person=editor, now=now())
    assert "仍按第" not in page(client, "/documents/HD-1"), "opened, and nothing typed"
    fields = drafting.fields_of(document.current) | {"title": "关于再次调整城区公交线路的通知"}
    drafting.keep(document, fields, page=drafting.page_of(document), person=editor, now=now())
    assert "仍按第 1 版送审，不含草稿里的改动" in page(client, "/documents/HD-1")
    for given in ({}, {"without_draft": "2"}):
        told = client.post("/submit/HD-1", given, follow=True).content.decode()
        assert "李拟 有没有保存成版本的草稿（" in told
        assert "没有送审。请先在编辑页保存为新版本，或放弃草稿" in told
        assert document.current.submitted_at is None
    told = client.post("/submit/HD-1", {"without_draft": "1"}, follow=True).content.decode()
    assert "第 1 版已送审" in told


def test_a_draft_in_order_is_said_to_be_and_one_never_handed_in_is_not(district: District, as_: Login) -> None:
    document = district.document()
    assert "没有发现问题" in page(as_("editor"), "/documents/HD-1")
    editor = district.people["editor"]
    drafting.open_for(document, person=editor, now=now())
    fields = drafting.fields_of(document.current) | {"title": "关于再次调整城区公交线路的通知"}
    drafting.save(document, fields, page=drafting.page_of(document), person=editor, now=now())
    older = page(as_("editor"), "/documents/HD-1?edition=1")
    assert "没有发现问题" not in older
    assert "这一版没有送审，没有留下检查结果" in older


def test_the_article_is_shown_in_a_frame_where_nothing_can_run(district: District, as_: Login) -> None:
    document = district.approved()
    post = PostRecord.objects.get(edition=document.current, account=district.accounts[0])
    shown = page(as_("first"), "/documents/HD-1")
    phone = f"/frames/phone/{document.current.pk}/{district.accounts[0].slug}"
    assert f'<iframe sandbox="allow-same-origin" src="{phone}"' in shown
    frame = as_("first").get(f"/frames/post/{post.pk}")
    policy = frame.headers["Content-Security-Policy"]
    assert "sandbox allow-same-origin" in policy
    assert "script" not in policy
    assert policy.startswith("default-src 'none'")
    assert frame.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_pictures_come_from_our_own_address_behind_the_login_and_are_kept_nowhere(
    district: District, as_: Login, client: Client
) -> None:
    district.approved()
    shown = page(as_("first"), "/documents/HD-1")
    assert "asset:" not in shown
    address = re.search(r"/assets/[0-9a-f]{64}", shown)
    assert address
    picture = as_("first").get(address.group(0))
    assert picture.headers["Content-Type"] in {"image/png", "image/jpeg"}
    assert picture.headers["Cache-Control"] == "no-store"
    assert client.get(address.group(0)).status_code == 302


def test_pictures_inside_the_article_are_found(district: District, as_: Login) -> None:
    from bot.console.document import with_asset_addresses

    sha = "ab" * 32
    assert with_asset_addresses(f'<img src="asset:{sha}">') == f'<img src="/assets/{sha}">'


@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml"])
def test_only_pictures_without_script_are_served(district: District, as_: Login, media_type: str) -> None:
    made = AssetRecord.objects.create(sha256="0" * 64, media_type=media_type, data=b"<script>")
    AssetUse.objects.create(asset=made, unit=district.unit)
    assert as_("first").get("/assets/" + "0" * 64).status_code == 404


def test_a_draft_has_no_posts_yet_and_says_when_it_will(district: District, as_: Login) -> None:
    district.document()
    shown = page(as_("editor"), "/documents/HD-1")
    assert "拟稿" in shown
    assert "送审时按每个账号生成渠道稿" in shown


@pytest.mark.parametrize(("who", "offered"), [("editor", False), ("first", True), ("releaser", True), ("duty", False)])
def test_a_finding_is_offered_to_be_let_pass_only_to_whoever_may(
    who: str, offered: bool, district: District, as_: Login
) -> None:
    """Personal data is for reviewers: an editor finds the finding, and no form for it."""
    district.document(dataclasses.replace(ARTICLES[0], summary="经办人手机13800138000。"))
    shown = page(as_(who), "/documents/HD-1")
    rules = set(re.findall(r'name="rule" value="([^"]+)"', shown))
    assert "138" in shown
    assert any(rule.startswith("pii.") for rule in rules) is offered


def test_older_editions_can_be_read(district: District, as_: Login) -> None:
    district.approved()
    district.document(dataclasses.replace(ARTICLES[0], title="关于调整公交线路的通知（更正）"))
    client = as_("editor")
    assert "（更正）" in page(client, "/documents/HD-1")
    assert "已被新版本取代" in page(client, "/documents/HD-1?edition=1")
    assert client.get("/documents/HD-1?edition=9").status_code == 404
    assert client.get("/documents/HD-1?edition=x").status_code == 404


@pytest.mark.parametrize("name", ["HD/1?x=1#y", "临东 1 号", "<b>1</b>"])
def test_any_id_of_a_source_system_has_an_address(district: District, as_: Login, name: str) -> None:
    from django.urls import reverse

    district.document(dataclasses.replace(ARTICLES[0], external_id=name))
    assert "公交线路" in page(as_("editor"), reverse("document", args=[name]))


def test_documents_and_posts_of_another_unit_do_not_exist(district: District, as_: Login) -> None:
    other = District.make("luozhuang", "罗庄区政府办公室")
    other.approved()
    post = PostRecord.objects.filter(edition__document__unit=other.unit)[0]
    assert as_("editor").get("/documents/HD-1").status_code == 404
    assert as_("editor").get(f"/frames/post/{post.pk}").status_code == 404


def test_the_signed_version_carries_the_credit_line(district: District, as_: Login) -> None:
    release = district.signed()
    item = release.publications.get(account=district.accounts[0]).items.get()
    assert "责编：李拟" in page(as_("releaser"), f"/frames/item/{item.pk}")
    assert now() < release.instant


def test_a_document_of_another_unit_with_the_same_number_is_not_in_its_trail(district: District, as_: Login) -> None:
    District.make("town", "九曲街道").document()
    district.document()
    page = as_("editor").get("/documents/HD-1").content.decode()
    assert page.count("形成第 1 版") == 1
