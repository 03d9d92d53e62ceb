"""Staging and tokens: nothing public, repeatable, read back and compared, one bounded renewal."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bot.domain.channel import DRAFT_GONE, ChannelFault, Grant, Remedy
from bot.domain.post import Asset
from bot.domain.secret import Secret

from .stub import Say, running_stub
from .wechat_parts import (
    APP_SECRET,
    COVER,
    KEY,
    NOW,
    PICTURE,
    PUBLIC_PATHS,
    MemoryPorts,
    SmallWeChat,
    make_channel,
    make_post,
)

ADD, GET, TOKEN = "/cgi-bin/draft/add", "/cgi-bin/draft/get", "/cgi-bin/stable_token"


@pytest.fixture
def platform():
    with running_stub() as stub:
        yield SmallWeChat(stub)


@pytest.fixture
def ports():
    return MemoryPorts()


@pytest.fixture
def channel(platform, ports):
    return make_channel(platform.stub.url, ports=ports)


def refused(channel, *posts, previous=None):
    with pytest.raises(ChannelFault) as caught:
        channel.stage(posts or (make_post(),), key=KEY, previous=previous)
    return caught.value


class TestDraft:
    def test_staging_leaves_a_verified_draft_and_calls_nothing_public(self, platform, channel):
        staged = channel.stage((make_post(1), make_post(2)), key=KEY)
        assert staged.verified
        assert staged.table["draft"] in platform.drafts
        assert set(staged.table["images"]) == {PICTURE.sha256}
        assert set(staged.table["materials"]) == {COVER.sha256}
        assert not set(platform.stub.paths()) & set(PUBLIC_PATHS.values())
        assert json.loads(json.dumps(staged.table)) == staged.table

    def test_the_draft_is_sent_as_raw_utf8(self, platform, channel):
        channel.stage((make_post(),), key=KEY)
        body = platform.stub.calls(ADD)[0].body
        assert "零跑腿".encode() in body
        assert b"\\u" not in body

    def test_fields_reach_the_platform_under_its_names(self, platform, channel):
        staged = channel.stage((make_post(),), key=KEY)
        (article,) = platform.stub.calls(ADD)[0].json["articles"]
        assert article["thumb_media_id"] == staged.table["materials"][COVER.sha256]
        assert (article["pic_crop_235_1"], article["pic_crop_1_1"]) == ("0_0_0.7_1", "0.7_0_1_1")
        assert (article["need_open_comment"], article["article_type"]) == (0, "news")
        assert staged.table["images"][PICTURE.sha256].replace("&", "&amp;") in article["content"]
        assert "asset:" not in article["content"]

    def test_a_digest_belongs_to_single_articles_only(self, platform, channel):
        channel.stage((make_post(1), make_post(2)), key=KEY)
        assert all("digest" not in article for article in platform.stub.calls(ADD)[0].json["articles"])
        channel.stage((make_post(1),), key=KEY)
        assert platform.stub.calls(ADD)[1].json["articles"][0]["digest"] == make_post().payload["digest"]

    def test_a_picture_used_twice_is_uploaded_once(self, platform, channel):
        channel.stage((make_post(1), make_post(2)), key=KEY)
        assert len(platform.uploads) == 2
        assert PICTURE.data in platform.uploads[0].body
        assert platform.uploads[1].query["type"] == "image"


class TestAgain:
    def test_an_unchanged_draft_that_still_stands_is_used_again(self, platform, channel):
        first = channel.stage((make_post(),), key=KEY)
        again = channel.stage((make_post(),), key=KEY, previous=first.table)
        assert again.table == first.table
        assert len(platform.stub.calls(ADD)) == 1
        assert len(platform.uploads) == 2

    def test_changed_posts_get_a_new_draft_with_the_old_pictures_and_the_old_draft_goes(self, platform, channel):
        first = channel.stage((make_post(),), key=KEY)
        again = channel.stage((make_post(title="改过的标题"),), key=KEY, previous=first.table)
        assert list(platform.drafts) == [again.table["draft"]]
        assert len(platform.uploads) == 2

    def test_a_draft_deleted_by_a_person_is_made_anew(self, platform, channel):
        first = channel.stage((make_post(),), key=KEY)
        platform.drafts.clear()
        again = channel.stage((make_post(),), key=KEY, previous=first.table)
        assert again.table["draft"] in platform.drafts

    def test_one_that_somebody_published_in_the_console_is_not_made_anew(self, platform, channel):
        first = channel.stage((make_post(),), key=KEY)
        (article,) = platform.drafts.pop(first.table["draft"])
        listed = {"article_id": "ART1", "update_time": int(NOW.timestamp()), "content": {"news_item": [article]}}
        platform.stub.script("/cgi-bin/freepublish/batchget", {"total_count": 1, "item_count": 1, "item": [listed]})
        fault = refused(channel, previous=first.table)
        assert (fault.code, fault.remedy) == (DRAFT_GONE, Remedy.PERSON)
        assert "公众号上已经有这篇文章" in fault.message
        assert len(platform.stub.calls(ADD)) == 1

    def test_what_somebody_published_and_deleted_again_is_made_anew(self, platform, channel):
        first = channel.stage((make_post(),), key=KEY)
        (article,) = platform.drafts.pop(first.table["draft"])
        items = [article | {"is_deleted": True}]
        listed = {"article_id": "ART1", "update_time": int(NOW.timestamp()), "content": {"news_item": items}}
        platform.stub.script("/cgi-bin/freepublish/batchget", {"total_count": 1, "item_count": 1, "item": [listed]})
        assert channel.stage((make_post(),), key=KEY, previous=first.table).table["draft"] in platform.drafts

    def test_where_the_list_does_not_tell_nothing_is_made(self, platform, channel):
        first = channel.stage((make_post(),), key=KEY)
        platform.drafts.clear()
        platform.stub.script("/cgi-bin/freepublish/batchget", {"total_count": 3, "item_count": 0, "item": []})
        assert refused(channel, previous=first.table).remedy is Remedy.UNKNOWN
        assert not platform.drafts

    def test_no_list_shows_a_mass_send_so_that_people_look_first_where_quota_would_allow_a_second(
        self, platform, ports
    ):
        """A subscription account has one a day: the platform refuses the second."""
        kind = {"account_type": "service"}
        service, subscription = (make_channel(platform.stub.url, "mass", ports=ports, **more) for more in (kind, {}))
        first = service.stage((make_post(),), key=KEY)
        platform.drafts.clear()
        fault = refused(service, previous=first.table)
        assert (fault.code, fault.staged) == (DRAFT_GONE, {})
        assert "是否已发出不明" in fault.message
        assert subscription.stage((make_post(),), key=KEY, previous=first.table).verified

    def test_an_account_that_may_not_publish_has_no_published_list(self, platform, ports):
        mass = make_channel(platform.stub.url, "mass", ports=ports)
        first = mass.stage((make_post(),), key=KEY)
        platform.drafts.clear()
        platform.stub.script("/cgi-bin/freepublish/batchget", {"errcode": 48001, "errmsg": "api unauthorized"})
        assert mass.stage((make_post(),), key=KEY, previous=first.table).verified

    def test_a_draft_edited_by_a_person_is_never_taken(self, platform, channel):
        first = channel.stage((make_post(),), key=KEY)
        platform.drafts[first.table["draft"]][0]["title"] = "别的标题"
        again = channel.stage((make_post(),), key=KEY, previous=first.table)
        assert again.table["draft"] != first.table["draft"]
        assert again.verified

    @pytest.mark.parametrize("what", ["deleted", "edited"])
    def test_what_was_submitted_once_is_not_made_anew(self, platform, channel, what):
        first = channel.stage((make_post(),), key=KEY)
        if what == "deleted":
            platform.drafts.clear()
        else:
            platform.drafts[first.table["draft"]][0]["title"] = "别的标题"
        before = len(platform.drafts)
        with pytest.raises(ChannelFault) as caught:
            channel.stage((make_post(),), key=KEY, previous=first.table, keep=True)
        assert (caught.value.code, caught.value.remedy) == (DRAFT_GONE, Remedy.PERSON)
        assert "是否已发出不明" in caught.value.message
        assert len(platform.drafts) == before

    def test_what_was_submitted_once_and_stands_is_used_again(self, platform, channel):
        first = channel.stage((make_post(),), key=KEY)
        assert channel.stage((make_post(),), key=KEY, previous=first.table, keep=True).table == first.table

    def test_a_broken_off_stage_without_a_draft_is_continued(self, platform, channel):
        table = {"images": {PICTURE.sha256: "http://mmbiz.qpic.cn/mmbiz_jpg/9/0"}}
        channel.stage((make_post(),), key=KEY, previous=table)
        assert len(platform.uploads) == 1

    def test_a_cover_deleted_by_a_person_is_uploaded_anew_once(self, platform, channel):
        platform.stub.script(ADD, {"errcode": 40007, "errmsg": "invalid media_id"}, platform.add)
        table = {"images": {}, "materials": {COVER.sha256: "GONE"}}
        staged = channel.stage((make_post(),), key=KEY, previous=table)
        assert staged.table["materials"][COVER.sha256] != "GONE"

    def test_a_draft_whose_answer_was_lost_is_found_again(self, platform, channel):
        def lose(asked):
            platform.add(asked)
            return Say(drop=True)

        platform.stub.script(ADD, lose)
        staged = channel.stage((make_post(),), key=KEY)
        assert list(platform.drafts) == [staged.table["draft"]]

    def test_a_draft_that_was_never_made_is_a_fault_to_retry(self, platform, channel):
        platform.stub.script(ADD, Say(drop=True))
        assert refused(channel).remedy is Remedy.UNKNOWN


class TestReadBack:
    @pytest.mark.parametrize(
        ("name", "value", "label"),
        [
            ("title", "河东区公布“零跑腿”事项清单（9）", "标题"),
            ("author", "", "作者"),
            ("digest", "被截断", "摘要"),
            ("content", "<p>少了</p>", "正文"),
            ("content_source_url", "https://www.hedong.gov.cn/", "阅读原文"),
            ("thumb_media_id", "OTHER", "封面"),
        ],
    )
    def test_any_altered_field_stops_the_release_and_is_named(self, platform, channel, name, value, label):
        def altered(asked):
            (item,) = platform.drafts[asked.json["media_id"]]
            return {"news_item": [item | {name: value}]}

        platform.stub.script(GET, altered)
        fault = refused(channel)
        assert fault.remedy is Remedy.PERSON
        assert label in fault.message
        assert "还没有发出任何内容" in fault.message

    def test_swapped_articles_are_seen(self, platform, channel):
        platform.stub.script(GET, lambda asked: {"news_item": platform.drafts[asked.json["media_id"]][::-1]})
        assert "第 1 篇" in refused(channel, make_post(1), make_post(2)).message

    def test_a_missing_article_is_seen(self, platform, channel):
        platform.stub.script(GET, lambda asked: {"news_item": platform.drafts[asked.json["media_id"]][:1]})
        assert "篇数" in refused(channel, make_post(1), make_post(2)).message

    def test_a_silently_dropped_picture_is_seen(self, platform, channel):
        def without(asked):
            (item,) = platform.drafts[asked.json["media_id"]]
            return {"news_item": [item | {"content": item["content"].split("<img")[0] + "</section>"}]}

        platform.stub.script(GET, without)
        assert "<img" in refused(channel).message

    def test_what_the_platform_calls_text_plain_is_read_as_utf8(self, platform, channel):
        assert channel.stage((make_post(),), key=KEY).verified  # SmallWeChat.get answers so


class TestPictures:
    def test_a_missing_picture_is_for_a_person(self, channel, ports):
        del ports.assets[PICTURE.sha256]
        assert refused(channel).remedy is Remedy.PERSON

    @pytest.mark.parametrize("asset", [Asset(b"x" * 1024 * 1024, "image/jpeg"), Asset(b"GIF89a", "image/gif")])
    def test_a_picture_that_the_platform_would_refuse_is_not_uploaded(self, platform, channel, ports, asset):
        ports.assets[asset.sha256] = asset
        fault = refused(channel, make_post(content=f'<p><img src="{asset.ref}"></p>'))
        assert fault.remedy is Remedy.PERSON
        assert platform.uploads == []

    def test_an_upload_without_an_address_is_no_upload(self, platform, channel):
        platform.stub.script("/cgi-bin/media/uploadimg", {"url": ""})
        assert refused(channel).remedy is Remedy.UNKNOWN


class TestToken:
    def test_stable_token_is_asked_in_normal_mode_once_for_many_calls(self, platform, channel):
        channel.stage((make_post(),), key=KEY)
        (asked,) = platform.stub.calls(TOKEN)
        assert asked.method == "POST"
        assert asked.json["force_refresh"] is False
        assert asked.query == {}

    def test_a_token_is_given_up_well_before_its_end(self, channel):
        assert channel.grant().expires_at == NOW + timedelta(seconds=6900)

    @pytest.mark.parametrize("code", [40001, 40014, 42001])
    def test_a_refused_token_is_renewed_once_and_the_call_replayed_once(self, platform, channel, ports, code):
        ports.stored = Grant(Secret("STALE"), NOW + timedelta(hours=1))
        platform.stub.script(ADD, {"errcode": code}, platform.add)
        staged = channel.stage((make_post(),), key=KEY)
        assert staged.verified
        assert [asked.json["force_refresh"] for asked in platform.stub.calls(TOKEN)] == [False]

    def test_force_is_used_only_when_the_platform_returns_the_very_token_it_refused(self, platform, channel, ports):
        channel.grant()
        platform.stub.script(ADD, {"errcode": 40001}, platform.add)
        channel.stage((make_post(),), key=KEY)
        assert [asked.json["force_refresh"] for asked in platform.stub.calls(TOKEN)] == [False, False, True]
        assert ports.spent["stable_token.force", "day"] == 1

    def test_another_workers_newer_token_is_used_without_asking(self, platform, channel, ports):
        ports.stored = Grant(Secret("OLD"), NOW + timedelta(hours=1))

        def refuse(asked):
            ports.stored = Grant(Secret("NEWER"), NOW + timedelta(hours=1))
            return {"errcode": 42001}

        platform.stub.script(ADD, refuse, platform.add)
        channel.stage((make_post(),), key=KEY)
        assert platform.stub.calls(TOKEN) == []
        assert platform.stub.calls(ADD)[1].query["access_token"] == "NEWER"

    def test_a_platform_that_always_refuses_is_asked_twice_and_no_more(self, platform, channel):
        platform.stub.script(ADD, {"errcode": 40001})
        assert refused(channel).remedy is Remedy.REFRESH
        assert len(platform.stub.calls(ADD)) == 2

    def test_a_wrong_secret_is_for_the_administrator(self, platform, channel):
        platform.stub.script(TOKEN, {"errcode": 40001, "errmsg": f"invalid appsecret {APP_SECRET}"})
        fault = refused(channel)
        assert fault.remedy is Remedy.OPERATOR
        assert "AppSecret" in fault.message
        assert APP_SECRET not in fault.detail

    @pytest.mark.parametrize(
        "answer", [{}, {"access_token": ""}, {"access_token": "T", "expires_in": "7200"}, {"expires_in": 1}]
    )
    def test_half_a_token_is_none(self, platform, channel, answer):
        platform.stub.script(TOKEN, answer)
        assert refused(channel).remedy is Remedy.UNKNOWN

    def test_no_token_is_believed_to_live_longer_than_two_hours(self, platform, channel):
        platform.stub.script(TOKEN, {"access_token": "T", "expires_in": 10**30})
        assert channel.grant().expires_at - NOW <= timedelta(hours=2)

    def test_the_allow_list_error_quotes_the_address(self, platform, channel):
        platform.stub.script(
            TOKEN, {"errcode": 40164, "errmsg": "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist"}
        )
        assert "203.0.113.9" in refused(channel).message

    def test_token_and_statistics_endpoints_may_live_elsewhere(self, platform):
        channel = make_channel("http://127.0.0.1:1")
        object.__setattr__(
            channel.account, "endpoints", {"api": "http://127.0.0.1:1", "token": platform.stub.url + "/t/"}
        )
        platform.stub.script("/t" + TOKEN, {"access_token": "T", "expires_in": 7200})
        assert channel.grant().token == Secret("T")


def test_no_secret_reaches_the_evidence_trail(platform, channel, ports):
    platform.stub.script(ADD, {"errcode": 48001, "errmsg": f"api unauthorized {platform.token} rid: 1-2-3"})
    fault = refused(channel)
    shown = json.dumps([ports.trail, fault.message, fault.detail], ensure_ascii=False)
    assert APP_SECRET not in shown
    assert platform.token not in shown
    assert "access_token" not in shown
    assert "rid: 1-2-3" in shown
