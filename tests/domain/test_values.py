"""The small values: post, picture, article, finding, secret, and the account as an adapter sees it."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from datetime import UTC, date, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.article import KIND_LABELS, Article, Attachment, Kind
from bot.domain.channel import AccountConfig, ChannelSpec, Grant, WireAnswer, WireRequest
from bot.domain.findings import Finding, Level, blocking
from bot.domain.hashing import assets_in, content_hash
from bot.domain.post import CREDIT_SLOT, Asset, Post
from bot.domain.secret import Secret

from .strategies import ARTICLES, ATTACHMENTS, COVERS, HASHES, JSON, OBJECTS, QUICK, SIZES, TEXT

# --- post and picture -----------------------------------------------------------------------------------


@QUICK
@given(payload=OBJECTS, marker=TEXT)
def test_the_hash_of_a_post_is_that_of_its_payload_alone(payload, marker):
    assert Post("wechat", payload, marker).hash == Post("weibo", copy.deepcopy(payload), "other").hash


@QUICK
@given(payload=OBJECTS, name=TEXT, value=JSON)
def test_any_change_of_the_payload_is_another_post(payload, name, value):
    assume(
        json.dumps(payload.get(name, ...) if name in payload else "absent") != json.dumps(value) or name not in payload
    )
    assert Post("wechat", {**payload, name: value}, "m").hash != Post("wechat", payload, "m").hash


@QUICK
@given(line=TEXT)
def test_a_credit_line_is_text_whatever_names_hold(line):
    post = Post("wechat", {"content": f"<p>正文</p>{CREDIT_SLOT}", "title": "标题", "flag": 1}, "m").with_credit(line)
    assert CREDIT_SLOT not in post.payload["content"] or CREDIT_SLOT in line
    assert "<" not in post.payload["content"].removeprefix("<p>正文</p>")
    assert (post.payload["title"], post.payload["flag"], post.marker) == ("标题", 1, "m")


def test_a_post_without_a_slot_keeps_its_hash_when_the_credit_line_is_drawn():
    post = Post("weibo", {"status": "【标题】正文"}, "m")
    assert post.with_credit("审核：王初").hash == post.hash


@QUICK
@given(data=st.binary(max_size=50))
def test_a_picture_is_named_by_its_bytes(data):
    asset = Asset(data, "image/png")
    assert assets_in([asset.ref]) == [asset.sha256]
    assert asset.ref == Asset(data, "image/jpeg", "other.jpg").ref


# --- article ---------------------------------------------------------------------------------------------


@QUICK
@given(article=ARTICLES)
def test_an_article_comes_back_from_its_json(article):
    content = json.loads(json.dumps(article.content()))
    assert Article.from_content(content) == article
    assert Article.from_content(content).hash == article.hash


@QUICK
@given(article=ARTICLES)
def test_an_article_without_attachments_and_own_cover_has_the_hash_it_had_before_there_were_any(article):
    """What was approved in the field stays approved: the first version hashed exactly these fields, in this form."""
    names = (
        "external_id", "kind", "title", "summary", "body_html", "document_number", "index_number", "unit", "category",
        "subcategory", "area", "source_url", "published_on", "formed_on", "interprets", "form", "attribute", "provenance",
    )  # fmt: skip
    plain = dataclasses.replace(article, attachments=(), cover=None)
    values = {name: getattr(plain, name) for name in names}
    old = {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
    assert plain.hash == content_hash(old)
    assert plain.content() == old
    assert Article.from_content(old) == plain


def test_the_hash_of_a_known_article_is_the_one_in_the_records_of_the_first_version():
    article = Article(
        "HD-1", Kind.NOTICE, "标题", "摘要", "<p>正文</p>", source_url="https://a.cn/1", published_on=date(2017, 5, 2)
    )
    assert article.hash == "11fc90e68e475153cc01cd5462a7a00794379928e808001e2de54edf1fad1128"


@QUICK
@given(article=ARTICLES, data=st.data())
def test_the_order_of_attachments_is_part_of_the_hash(article, data):
    files = data.draw(st.lists(st.builds(Attachment, TEXT, HASHES, SIZES, TEXT), min_size=2, max_size=3, unique=True))
    one = dataclasses.replace(article, attachments=tuple(files))
    assert dataclasses.replace(article, attachments=tuple(files[::-1])).hash != one.hash


@pytest.mark.parametrize(
    ("size", "words"), [(820, "820 字节"), (12_800, "12.5 KB"), (3 << 20, "3.0 MB"), (0, "0 字节"), (1024, "1.0 KB")]
)
def test_the_size_of_a_file_is_told_as_people_say_it(size, words):
    assert Attachment("a.pdf", "0" * 64, size, "application/pdf").size_words == words


@QUICK
@given(article=ARTICLES, data=st.data())
def test_every_field_of_an_article_is_part_of_its_hash(article, data):
    name = data.draw(st.sampled_from([field.name for field in dataclasses.fields(Article)]))
    special = {"kind": st.sampled_from(Kind), "attachments": ATTACHMENTS, "cover": st.none() | COVERS}
    other = {**special, "published_on": st.dates(), "formed_on": st.dates()}.get(name, TEXT)
    changed = dataclasses.replace(article, **{name: data.draw(other)})
    assume(changed != article)
    assert changed.hash != article.hash


def test_dates_are_iso_text_in_the_content():
    article = Article("1", Kind.NOTICE, "标题", published_on=date(2017, 5, 2))
    assert (article.content()["published_on"], article.content()["formed_on"]) == ("2017-05-02", None)


def test_every_kind_has_a_word_for_staff():
    assert (
        {kind.label for kind in Kind} == set(KIND_LABELS.values()) == {"主动公开", "政策解读", "通知公告", "便民服务"}
    )


# --- finding ---------------------------------------------------------------------------------------------


@QUICK
@given(levels=st.lists(st.sampled_from(Level)))
def test_only_blocks_stop_an_item(levels):
    found = [Finding("a.rule", level, "说明。") for level in levels]
    assert [finding.level for finding in blocking(found)] == [level for level in levels if level is Level.BLOCK]


def test_levels_have_words_for_staff():
    assert [level.label for level in Level] == ["必须修改", "请核对", "建议"]


# --- secret ----------------------------------------------------------------------------------------------

VALUE = "s3cr3t-value-of-a-test"


@pytest.mark.parametrize(
    "show", [str, repr, format, lambda s: f"{s}", lambda s: f"{s!r}", "{}".format, lambda s: f"{[s]}"]
)
def test_a_secret_is_shown_by_no_way_of_printing(show):
    assert VALUE not in show(Secret(VALUE))


def test_a_secret_is_not_serialised():
    for dump in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            dump(Secret(VALUE))


def test_secrets_compare_by_value_and_only_with_each_other():
    assert Secret(VALUE) == Secret(VALUE)
    assert hash(Secret(VALUE)) == hash(Secret(VALUE))
    assert Secret(VALUE) != Secret("other")
    assert Secret(VALUE) != VALUE
    assert Secret(VALUE).reveal() == VALUE
    assert not Secret("")


def test_what_carries_a_secret_does_not_show_it_either():
    config = AccountConfig("zghd", "wechat", "中国河东", "mass", {}, {"app_secret": Secret(VALUE)}, {})
    request = WireRequest("POST", f"https://api.example/send?access_token={VALUE}", (("X-Key", VALUE),), VALUE.encode())
    for thing in (config, request, Grant(Secret(VALUE), datetime(2026, 11, 23, tzinfo=UTC))):
        assert VALUE not in repr(thing)


# --- the contract's helpers ---------------------------------------------------------------------------------


def test_options_fall_back_and_header_names_ignore_case():
    config = AccountConfig("zghd", "wechat", "中国河东", "mass", {}, {}, {"a": "1", "empty": ""})
    assert [config.option("a"), config.option("empty", "x"), config.option("none", "y"), config.option("none")] == [
        "1",
        "x",
        "y",
        "",
    ]
    answer = WireAnswer(200, (("Date", "one"), ("date", "two")), b"")
    assert [answer.header("DATE"), answer.header("Server")] == ["one", ""]


def test_an_unknown_mode_of_a_channel_is_named():
    with pytest.raises(KeyError, match="wechat has no mode shout"):
        ChannelSpec("wechat", "微信", (), (), {}, (), ()).mode("shout")
