"""Pictures, material and drafts: real limits, real filtering, escapes that count six."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .clients import LINK, Control, WeChat, picture

FOREIGN = "https://example.org/a.png"


def stored(wechat: WeChat, content: str) -> str:
    media_id = wechat.draft(wechat.article(content=content))
    return str(wechat.call("draft/get", {"media_id": media_id})["news_item"][0]["content"])


def refused(wechat: WeChat, **fields: Any) -> int:
    return int(wechat.call("draft/add", {"articles": [wechat.article(**fields)]}).get("errcode", 0))


def test_uploadimg_takes_real_png_and_jpeg_under_one_megabyte(wechat: WeChat) -> None:
    assert wechat.upload("media/uploadimg", picture())["url"].startswith("http://mmbiz.qpic.cn/")
    assert wechat.upload("media/uploadimg", picture("JPEG"))["errcode"] == 0
    assert wechat.upload("media/uploadimg", picture("GIF"))["errcode"] == 40005
    assert wechat.upload("media/uploadimg", b"no picture at all")["errcode"] == 40005
    assert wechat.upload("media/uploadimg", picture() + bytes(1024 * 1024))["errcode"] == 40009
    assert wechat.raw("media/uploadimg", data=None, files={"other": b"x"}).json()["errcode"] == 41005


def test_material_is_kept_counted_listed_and_deleted(wechat: WeChat) -> None:
    body = picture("JPEG")
    made = wechat.upload("material/add_material", body, type="thumb")
    assert "url" not in made
    image = wechat.upload("material/add_material", body, type="image")
    assert image["url"].startswith("http://mmbiz.qpic.cn/")
    assert wechat.raw("material/get_material", {"media_id": image["media_id"]}).content == body
    assert wechat.call("material/get_materialcount", method="GET")["image_count"] == 1
    listed = wechat.call("material/batchget_material", {"type": "image", "offset": 0, "count": 20})
    assert [item["media_id"] for item in listed["item"]] == [image["media_id"]]
    assert wechat.call("material/del_material", {"media_id": image["media_id"]})["errcode"] == 0
    assert wechat.call("material/del_material", {"media_id": image["media_id"]})["errcode"] == 40007


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [("thumb", picture("PNG"), 40005), ("thumb", picture("JPEG") + bytes(65536), 45001), ("odd", picture(), 40004)],
)
def test_material_of_the_wrong_kind_or_size_is_refused(wechat: WeChat, kind: str, body: bytes, code: int) -> None:
    assert wechat.upload("material/add_material", body, type=kind)["errcode"] == code


def test_success_of_draft_add_has_no_errcode(wechat: WeChat) -> None:
    answer = wechat.call("draft/add", {"articles": [wechat.article()]})
    assert "errcode" not in answer
    assert len(answer["media_id"]) <= 128


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"title": "题" * 32}, 0),
        ({"title": "题" * 33}, 45003),
        ({"title": ""}, 40227),
        ({"author": "作" * 17}, 45110),
        ({"digest": "摘" * 128}, 0),
        ({"digest": "摘" * 129}, 45004),
        ({"content": ""}, 44004),
        ({"content": "字" * 20_000}, 45002),
        ({"content_source_url": "https://www.hedong.gov.cn/" + "a" * 1024}, 45005),
        ({"content_source_url": "not a url"}, 41039),
        ({"thumb_media_id": ""}, 40007),
        ({"thumb_media_id": "temporary"}, 40007),
        ({"pic_crop_235_1": "0_0_1.000000_0.5"}, 0),
        ({"pic_crop_235_1": "0_0_1.0000001_0.5"}, 53402),
        ({"pic_crop_1_1": "0.5_0_0.2_1"}, 53402),
        ({"article_type": "video"}, 40008),
    ],
)
def test_each_limit_of_an_article_has_its_code(wechat: WeChat, fields: dict[str, Any], code: int) -> None:
    assert refused(wechat, **fields) == code


def test_the_strictness_switch_counts_bytes_as_some_reports_have_it(wechat: WeChat, control: Control) -> None:
    assert refused(wechat, title="题" * 30) == 0
    control.switch(strict_bytes=True)
    assert refused(wechat, title="题" * 22, author="河东") == 45003
    assert refused(wechat, title="题" * 21, author="河东", digest="摘" * 40) == 0


def test_a_draft_holds_eight_articles_at_most(wechat: WeChat) -> None:
    one = wechat.article()
    assert wechat.call("draft/add", {"articles": [one] * 9})["errcode"] == 45008
    assert wechat.call("draft/add", {"articles": [one] * 8})["media_id"]
    assert wechat.call("draft/add", {"articles": []})["errcode"] == 44003


def test_unicode_escapes_count_six_characters_each(wechat: WeChat) -> None:
    article = wechat.article(title="政策解读六字")
    escaped = json.dumps({"articles": [article]}).encode()
    assert wechat.raw("draft/add", data=escaped).json()["errcode"] == 45003


def test_unicode_escapes_are_stored_literally(wechat: WeChat) -> None:
    article = wechat.article(title="短", author="", digest="要", content="<p>正</p>")
    media_id = wechat.raw("draft/add", data=json.dumps({"articles": [article]}).encode()).json()["media_id"]
    item = wechat.call("draft/get", {"media_id": media_id})["news_item"][0]
    assert item["title"] == "\\u77ed"


def test_a_backslash_that_is_no_escape_stays_what_it_is(wechat: WeChat) -> None:
    media_id = wechat.draft(wechat.article(content=r"<p>C:\users\new</p>"))
    assert wechat.call("draft/get", {"media_id": media_id})["news_item"][0]["content"] == r"<p>C:\users\new</p>"


def test_broken_json_is_named(wechat: WeChat) -> None:
    assert wechat.raw("draft/add", data=b"{").json()["errcode"] == 47001


def test_a_draft_is_updated_read_listed_counted_and_deleted(wechat: WeChat) -> None:
    media_id = wechat.draft()
    changed = wechat.article(title="改过的标题")
    assert wechat.call("draft/update", {"media_id": media_id, "index": 0, "articles": changed})["errcode"] == 0
    assert wechat.call("draft/update", {"media_id": media_id, "index": 1, "articles": changed})["errcode"] == 40114
    assert wechat.call("draft/update", {"media_id": media_id, "index": 0, "articles": [changed]})["errcode"] == 47001
    item = wechat.call("draft/get", {"media_id": media_id})["news_item"][0]
    assert (item["title"], item["content_source_url"]) == ("改过的标题", LINK)
    assert wechat.call("draft/count", method="GET") == {"total_count": 1}
    short = wechat.call("draft/batchget", {"offset": 0, "count": 20, "no_content": 1})["item"][0]["content"][
        "news_item"
    ][0]
    assert "content" not in short
    assert short["content_source_url"] == LINK
    assert wechat.call("draft/batchget", {"offset": 0, "count": 21})["errcode"] == 40215
    assert wechat.call("draft/delete", {"media_id": media_id})["errcode"] == 0
    assert wechat.call("draft/get", {"media_id": media_id})["errcode"] == 40007


def test_a_missing_digest_becomes_the_first_54_characters_of_a_single_article(wechat: WeChat) -> None:
    media_id = wechat.draft(wechat.article(digest="", content=f"<p>{'字' * 60}</p>"))
    assert wechat.call("draft/get", {"media_id": media_id})["news_item"][0]["digest"] == "字" * 54


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("<p>文<script>alert(1)</script>字</p>", "<p>文字</p>"),
        ("<style>p{color:red}</style><link rel=stylesheet href=x><p>文</p>", "<p>文</p>"),
        ('<p class="a" id="b" style="color:red" onclick="x()">文</p>', '<p style="color:red">文</p>'),
        (f'<p>图<img src="{FOREIGN}">后</p>', "<p>图后</p>"),
        ('<img src="http://mmbiz.qpic.cn/a/0">', '<img data-src="http://mmbiz.qpic.cn/a/0">'),
        ('<img src="http://mmbiz.qpic.cn.evil.org/a">', ""),
        ('<iframe src="https://example.org"></iframe><p>文</p>', "<p>文</p>"),
        ('<a href="https://www.hedong.gov.cn/">官网</a>', "官网"),
        ('<a href="https://mp.weixin.qq.com/s/x">旧文</a>', '<a href="https://mp.weixin.qq.com/s/x">旧文</a>'),
        ('<p style="background:url(https://example.org/x.png);color:red">文</p>', '<p style="color:red">文</p>'),
        ('<a href="java\nscript:alert(1)">x</a>', "x"),
        ("<p>A &amp; B &lt;1&gt; &#169;</p>", "<p>A &amp; B &lt;1&gt; &#169;</p>"),
        ("<section><br/><!-- note --></section>", "<section><br/></section>"),
        ("<div>块</div>", "<div>块</div>"),
    ],
)
def test_the_filter_strips_silently(wechat: WeChat, sent: str, kept: str) -> None:
    assert stored(wechat, f"<p>头</p>{sent}") == f"<p>头</p>{kept}"


def test_switches_keep_links_and_rewrite_div(wechat: WeChat, control: Control) -> None:
    control.switch(keep_external_links=True, rewrite_div=True)
    link = '<a href="https://www.hedong.gov.cn/">官网</a>'
    assert stored(wechat, f"<div>{link}</div>") == f"<section>{link}</section>"


def test_a_picture_post_needs_its_pictures_and_keeps_plain_text(wechat: WeChat) -> None:
    pictures = {"image_list": [{"image_media_id": wechat.cover()}]}
    assert refused(wechat, article_type="newspic", image_info={"image_list": []}) == 40007
    media_id = wechat.draft(wechat.article(article_type="newspic", image_info=pictures, content="<b>文</b>"))
    assert wechat.call("draft/get", {"media_id": media_id})["news_item"][0]["content"] == "文"


def test_menus_are_checked_and_kept(wechat: WeChat) -> None:
    menu = {"button": [{"name": "政务", "sub_button": [{"type": "view", "name": "官网", "url": LINK}]}]}
    assert wechat.call("menu/get", method="GET")["errcode"] == 46003
    assert wechat.call("menu/create", menu)["errcode"] == 0
    assert wechat.call("menu/get", method="GET")["menu"] == menu
    assert wechat.raw("menu/create", data=json.dumps(menu).encode()).json()["errcode"] == 40033
    assert wechat.call("menu/create", {"button": []})["errcode"] == 40016
    assert (
        wechat.call("menu/create", {"button": [{"name": "一二三四五六", "type": "click", "key": "k"}]})["errcode"]
        == 40018
    )
    assert wechat.call("menu/delete", method="GET")["errcode"] == 0
