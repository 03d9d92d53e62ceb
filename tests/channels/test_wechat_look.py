"""Looking: is it public? Never raises for a platform's answer, and never says live without a read-back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest

from bot.channels.wechat import articles
from bot.domain.channel import Absent, Doubled, Failed, Pending, Receipt, Unclear

from .stub import Say, running_stub
from .wechat_parts import COVER, PICTURE, SENT, SmallWeChat, evidence, make_account, make_channel, make_post

STATUS, ARTICLE, LISTED = "/cgi-bin/freepublish/get", "/cgi-bin/freepublish/getarticle", "/cgi-bin/freepublish/batchget"
DRAFT, MASS = "/cgi-bin/draft/get", "/cgi-bin/message/mass/get"
POSTS = (make_post(1), make_post(2))
STAGED = {
    "draft": "DRAFT1",
    "images": {PICTURE.sha256: "http://mmbiz.qpic.cn/1"},
    "materials": {COVER.sha256: "COVER1"},
    "hashes": [post.hash for post in POSTS],
}
AFTER = int(SENT.timestamp()) + 1


def news(posts=POSTS, **more):
    return [
        {
            "title": post.payload["title"],
            "content": post.payload["content"],
            "content_source_url": post.payload["content_source_url"],
            "url": f"http://mp/{n}",
        }
        | more
        for n, post in enumerate(posts, 1)
    ]


def drafted(posts=POSTS):
    """What draft/get shows of the posts as staged by `STAGED`."""
    return [dict(item, url="http://mp/preview") for item in articles.articles(posts, STAGED, make_account())]


def listed(*items):
    return {"total_count": len(items), "item_count": len(items), "item": list(items)}


def published(article_id="ART1", *, items=None, at=AFTER):
    return {"article_id": article_id, "content": {"news_item": news() if items is None else items}, "update_time": at}


@pytest.fixture
def stub():
    with running_stub() as stub:
        SmallWeChat(stub)
        stub.script(ARTICLE, {"news_item": news()})
        stub.script(LISTED, listed())
        yield stub


@pytest.fixture
def channel(stub):
    return make_channel(stub.url)


def look(channel, **values):
    return channel.look(evidence(POSTS, **({"staged": STAGED} | values)))


class TestByPublishId:
    IDS = MappingProxyType({"publish_id": "100"})

    def test_published_and_read_back_is_live_with_every_address(self, stub, channel):
        items = [
            {"idx": 1, "article_url": "http://mp.weixin.qq.com/s/a"},
            {"idx": 2, "article_url": "http://mp.weixin.qq.com/s/b"},
        ]
        stub.script(STATUS, {"publish_status": 0, "article_id": "ART1", "article_detail": {"count": 2, "item": items}})
        receipt = look(channel, ids=self.IDS)
        assert isinstance(receipt, Receipt)
        assert receipt.ids["article_id"] == "ART1"
        assert [p.url for p in receipt.positions] == ["http://mp.weixin.qq.com/s/a", "http://mp.weixin.qq.com/s/b"]
        assert [p.platform_id for p in receipt.positions] == ["ART1_1", "ART1_2"]

    def test_missing_addresses_are_taken_from_the_read_back(self, stub, channel):
        stub.script(STATUS, {"publish_status": 0, "article_id": "ART1"})
        assert [p.url for p in look(channel, ids=self.IDS).positions] == ["http://mp/1", "http://mp/2"]

    @pytest.mark.parametrize("items", [news()[::-1], news()[:1], news(content_source_url="https://x"), []])
    def test_another_article_under_our_id_is_never_live(self, stub, channel, items):
        stub.script(STATUS, {"publish_status": 0, "article_id": "ART1"})
        stub.script(ARTICLE, {"news_item": items})
        answer = look(channel, ids=self.IDS)
        assert isinstance(answer, Unclear)
        assert answer.needs_person

    def test_in_progress_is_pending(self, stub, channel):
        stub.script(STATUS, {"publish_status": 1, "fail_idx": []})
        assert look(channel, ids=self.IDS) == Pending(self.IDS, "微信正在发布。")

    @pytest.mark.parametrize("status", [2, 3, 4])
    def test_failures_name_the_position(self, stub, channel, status):
        stub.script(STATUS, {"publish_status": status, "fail_idx": [2]})
        answer = look(channel, ids=self.IDS)
        assert isinstance(answer, Failed)
        assert (answer.code, answer.gone, answer.position) == (str(status), False, 1)
        assert "第 2 篇" in answer.message

    def test_a_failure_without_an_index_is_still_a_failure(self, stub, channel):
        stub.script(STATUS, {"publish_status": 3})
        assert look(channel, ids=self.IDS).position is None

    @pytest.mark.parametrize("status", [5, 6])
    def test_taken_away_is_gone(self, stub, channel, status):
        stub.script(STATUS, {"publish_status": status})
        assert look(channel, ids=self.IDS).gone

    @pytest.mark.parametrize("said", [True, 1, "true", "True", "1"])
    def test_one_deleted_article_is_gone_and_named(self, stub, channel, said):
        items = news()
        items[1]["is_deleted"] = said
        stub.script(STATUS, {"publish_status": 0, "article_id": "ART1"})
        stub.script(ARTICLE, {"news_item": items})
        answer = look(channel, ids=self.IDS)
        assert (answer.gone, answer.position) == (True, 1)

    def test_an_answer_about_another_job_is_not_taken_for_ours(self, stub, channel):
        stub.script(STATUS, {"publish_id": "another", "publish_status": 0, "article_id": "ART1"})
        assert isinstance(look(channel, ids=self.IDS), Unclear)

    def test_a_status_may_come_as_text(self, stub, channel):
        stub.script(STATUS, {"publish_status": "0", "article_id": "ART1"})
        assert isinstance(look(channel, ids=self.IDS), Receipt)

    def test_an_article_without_its_text_is_not_yet_read_back(self, stub, channel):
        stub.script(STATUS, {"publish_status": 0, "article_id": "ART1"})
        stub.script(ARTICLE, {"news_item": news(content="")})
        answer = look(channel, ids=self.IDS)
        assert (type(answer), answer.needs_person) == (Unclear, False)

    @pytest.mark.parametrize("status", [None, "", "x", 7, "7", True, False, [0]])
    def test_a_status_of_another_kind_tells_nothing(self, stub, channel, status):
        stub.script(STATUS, {"publish_status": status, "article_id": "ART1"})
        assert isinstance(look(channel, ids=self.IDS), Unclear)

    @pytest.mark.parametrize("code", [45009, 53502])
    def test_when_the_id_cannot_be_asked_the_markers_are_looked_for(self, stub, channel, code):
        stub.script(STATUS, {"errcode": code})
        assert isinstance(look(channel, ids=self.IDS), Unclear)
        stub.script(LISTED, listed(published()))
        assert isinstance(look(channel, ids=self.IDS), Receipt)

    def test_published_without_an_article_id_is_found_by_marker_or_waits(self, stub, channel):
        stub.script(STATUS, {"publish_status": 0})
        assert isinstance(look(channel, ids=self.IDS), Pending)
        stub.script(LISTED, listed(published()))
        assert isinstance(look(channel, ids=self.IDS), Receipt)

    def test_an_article_id_from_an_event_is_read_back_too(self, stub, channel):
        assert isinstance(look(channel, ids={"article_id": "ART1"}), Receipt)
        stub.script(ARTICLE, {"errcode": 53600})
        assert look(channel, ids={"article_id": "ART1"}).gone

    @pytest.mark.parametrize(
        "say", [Say(drop=True), Say({}, 502), Say(b"<html>"), Say([]), Say({"errcode": -1}), Say({"errcode": 40164})]
    )
    def test_reads_that_fail_are_unclear_and_never_raise(self, stub, channel, say):
        stub.script(STATUS, say)
        answer = look(channel, ids=self.IDS)
        assert isinstance(answer, Unclear)
        assert not answer.needs_person


class TestAfterALostAnswer:
    """draft/get and batchget decide together; the engine spaces several looks."""

    @pytest.fixture
    def draft(self, stub):
        stub.script(DRAFT, {"news_item": drafted()})

    def test_found_by_its_ordered_markers_is_adopted(self, stub, channel):
        stub.script(LISTED, listed(published("OTHER", items=news()[::-1]), published()))
        receipt = look(channel, after_unknown=True)
        assert receipt.ids["article_id"] == "ART1"
        assert len(receipt.positions) == 2

    def test_draft_there_and_not_listed_is_absent(self, draft, channel):
        assert isinstance(look(channel, after_unknown=True), Absent)

    def test_a_draft_that_somebody_changed_meanwhile_is_for_a_person(self, stub, channel):
        """It would be submitted again as it stands now, which nobody approved."""
        stub.script(DRAFT, {"news_item": drafted((POSTS[0], make_post(2, title="有人改过的标题")))})
        answer = look(channel, after_unknown=True)
        assert isinstance(answer, Unclear)
        assert answer.needs_person
        assert "改过" in answer.message

    @pytest.mark.parametrize(
        "odd",
        [{}, {"total_count": 3}, {"total_count": False}, {"item": None, "total_count": 1}, {"item": {}}, {"item": [1]}],
    )
    def test_an_answer_without_a_list_proves_nothing(self, stub, draft, channel, odd):
        stub.script(LISTED, odd)
        assert isinstance(look(channel, after_unknown=True), Unclear)

    def test_a_platform_that_says_that_there_is_none_needs_no_list(self, stub, draft, channel):
        stub.script(LISTED, {"total_count": 0, "item_count": 0})
        assert isinstance(look(channel, after_unknown=True), Absent)

    def test_draft_gone_and_not_listed_is_a_contradiction_for_a_person(self, channel):
        answer = look(channel, after_unknown=True)
        assert isinstance(answer, Unclear)
        assert answer.needs_person

    def test_within_the_quiet_time_the_contradiction_may_still_resolve(self, channel):
        answer = look(channel, after_unknown=True, now=SENT + timedelta(seconds=30))
        assert isinstance(answer, Unclear)
        assert not answer.needs_person

    @pytest.mark.parametrize("owned", ["ART1", "ART1_1"])
    def test_what_another_receipt_owns_is_not_taken_again(self, stub, draft, channel, owned):
        """A receipt's own positions are named after the article id."""
        stub.script(LISTED, listed(published()))
        assert isinstance(look(channel, owned_ids=frozenset({owned})), Absent)

    def test_what_was_published_long_before_is_not_ours(self, stub, draft, channel):
        stub.script(LISTED, listed(published(at=int((SENT - timedelta(hours=1)).timestamp()))))
        assert isinstance(look(channel), Absent)

    def test_a_platform_clock_a_little_behind_is_allowed_for(self, stub, channel):
        stub.script(LISTED, listed(published(at=int((SENT - timedelta(minutes=1)).timestamp()))))
        assert isinstance(look(channel), Receipt)

    def test_two_of_the_same_are_for_a_person(self, stub, channel):
        stub.script(LISTED, listed(published("ART1"), published("ART2")))
        assert look(channel).needs_person

    def test_a_list_without_links_is_read_article_by_article(self, stub, channel):
        bare = [{"title": post.payload["title"]} for post in POSTS]
        stub.script(LISTED, listed(published(items=bare), published("X", items=[{"title": "别的"}])))
        assert isinstance(look(channel), Receipt)
        assert {asked.json["article_id"] for asked in stub.calls(ARTICLE)} == {"ART1"}

    @pytest.mark.parametrize("content", [None, {}, {"news_item": []}, {"news_item": [{"digest": "摘要"}] * 2}])
    def test_a_recent_entry_that_tells_no_title_is_read_before_it_counts_as_another(
        self, stub, draft, channel, content
    ):
        stub.script(LISTED, listed({"article_id": "ART1", "content": content, "update_time": AFTER}))
        assert look(channel, after_unknown=True).ids["article_id"] == "ART1"
        stub.script(ARTICLE, {"news_item": news()[::-1]})
        assert isinstance(look(channel, after_unknown=True), Absent), "it is somebody else's"

    @pytest.mark.parametrize("told", [{"news_item": []}, {"news_item": [{"title": "题"}] * 2}])
    def test_a_recent_entry_that_cannot_be_read_proves_no_absence(self, stub, draft, channel, told):
        entry = {"article_id": "ARTX", "content": {"news_item": []}, "update_time": AFTER}
        stub.script(LISTED, listed(entry))
        stub.script(ARTICLE, told)
        assert isinstance(look(channel, after_unknown=True), Unclear)
        stub.script(LISTED, listed(entry, published()))
        stub.script(ARTICLE, told, {"news_item": news()})
        assert isinstance(look(channel, after_unknown=True), Receipt), "what is found is found"

    def test_what_an_event_named_is_read_and_adopted_by_its_markers(self, stub, draft, channel):
        told = ({"publish_id": "7", "article_id": "ART7"}, {"msg_id": "1"})
        assert look(channel, after_unknown=True, told=told).ids["article_id"] == "ART7"
        stub.script(ARTICLE, {"news_item": news()[::-1]})
        assert isinstance(look(channel, after_unknown=True, told=told), Absent), "somebody else's"
        stub.script(ARTICLE, {"errcode": -1, "errmsg": "busy"})
        assert isinstance(look(channel, after_unknown=True, told=told), Unclear), "not read, and so no proof"
        stub.script(ARTICLE, {"errcode": 53600})
        assert isinstance(look(channel, after_unknown=True, told=told), Absent)

    def test_an_entry_without_an_id_proves_no_absence_if_it_may_be_ours(self, stub, draft, channel):
        stub.script(LISTED, listed(published("")))
        assert isinstance(look(channel, after_unknown=True), Unclear)
        stub.script(LISTED, listed(published("", items=news()[::-1])))
        assert isinstance(look(channel, after_unknown=True), Absent)

    def test_a_list_shorter_than_it_says_proves_no_absence(self, stub, draft, channel):
        stub.script(LISTED, {"total_count": 7, "item_count": 0, "item": []})
        assert isinstance(look(channel, after_unknown=True), Unclear)

    def test_an_entry_that_was_taken_down_meanwhile_is_none(self, stub, draft, channel):
        stub.script(LISTED, listed({"article_id": "ARTX", "content": {}, "update_time": AFTER}))
        stub.script(ARTICLE, {"errcode": 53600})
        assert isinstance(look(channel, after_unknown=True), Absent)

    def test_a_list_that_cannot_be_read_proves_no_absence(self, stub, draft, channel):
        stub.script(LISTED, {"errcode": 45009})
        assert isinstance(look(channel), Unclear)

    @pytest.mark.parametrize("say", [Say(drop=True), Say({"errcode": 48001}), Say({"errcode": -1})])
    def test_a_draft_that_cannot_be_read_is_not_gone(self, stub, channel, say):
        stub.script(DRAFT, say)
        answer = look(channel)
        assert isinstance(answer, Unclear)
        assert not answer.needs_person

    def test_looking_changes_nothing(self, stub, draft, channel):
        look(channel)
        assert set(stub.paths()) == {"/cgi-bin/stable_token", LISTED, DRAFT}


class TestMass:
    @pytest.fixture
    def channel(self, stub):
        return make_channel(stub.url, "mass")

    def test_sent_is_live_without_an_address_yet(self, stub, channel):
        stub.script(MASS, {"msg_id": 34182, "msg_status": "SEND_SUCCESS"})
        receipt = look(channel, ids={"msg_id": "34182", "msg_data_id": "7"})
        assert [(p.platform_id, p.url) for p in receipt.positions] == [("34182_1", None), ("34182_2", None)]
        assert stub.calls(MASS)[0].json == {"msg_id": 34182}
        assert json.loads(receipt.ids["articles"])[1]["marker"] == POSTS[1].marker

    def test_sending_is_pending(self, stub, channel):
        stub.script(MASS, {"msg_status": "SENDING"})
        assert isinstance(look(channel, ids={"msg_id": "1"}), Pending)

    @pytest.mark.parametrize(("status", "gone"), [("SEND_FAIL", False), ("DELETE", True)])
    def test_failed_or_deleted(self, stub, channel, status, gone):
        stub.script(MASS, {"msg_status": status})
        answer = look(channel, ids={"msg_id": "1"})
        assert (answer.code, answer.gone) == (status, gone)

    @pytest.mark.parametrize("body", [{}, {"msg_status": "NEW"}, {"errcode": 40059}, {"errcode": -1}])
    def test_anything_else_is_unclear(self, stub, channel, body):
        stub.script(MASS, body)
        assert isinstance(look(channel, ids={"msg_id": "1"}), Unclear)

    def test_an_answer_about_another_send_is_not_taken_for_ours(self, stub, channel):
        stub.script(MASS, {"msg_id": 2, "msg_status": "SEND_SUCCESS"})
        assert isinstance(look(channel, ids={"msg_id": "1"}), Unclear)

    def test_without_a_msg_id_only_the_key_can_tell(self, stub, channel):
        stub.script(DRAFT, {"news_item": drafted()})
        assert isinstance(look(channel, after_unknown=True), Absent)
        assert MASS not in stub.paths()

    def test_a_draft_that_is_gone_does_not_stop_the_key_from_telling(self, stub, channel):
        stub.script(DRAFT, {"errcode": 40007})
        assert isinstance(look(channel, after_unknown=True), Absent)

    def test_a_changed_draft_is_not_replayed(self, stub, channel):
        """Where the first call never arrived, the replay would send what nobody approved."""
        stub.script(DRAFT, {"news_item": drafted((make_post(1, title="有人改过的标题"), POSTS[1]))})
        assert look(channel, after_unknown=True).needs_person

    def test_after_23_hours_a_person_must(self, channel):
        assert look(channel, now=datetime(2026, 11, 24, 1, tzinfo=UTC)).needs_person


class TestSubmittedTwice:
    """A publish_id tells of one job; the draft may have had two."""

    IDS = MappingProxyType({"publish_id": "100"})

    def test_two_articles_are_doubled_with_both_links_the_older_first(self, stub, channel):
        stub.script(STATUS, {"publish_status": 0, "article_id": "ART1"})
        second = [dict(item, url=f"http://mp/later/{n}") for n, item in enumerate(news(), 1)]
        stub.script(LISTED, listed(published("ART2", items=second, at=AFTER + 60), published("ART1")))
        answer = look(channel, ids=self.IDS, submits=2)
        assert isinstance(answer, Doubled)
        assert answer.urls == ("http://mp/1", "http://mp/later/1")
        assert answer.needs_person
        assert all(word in answer.message for word in (*answer.urls, "删除多出的一篇", "不要重发"))

    def test_one_article_is_live(self, stub, channel):
        stub.script(STATUS, {"publish_status": 0, "article_id": "ART1"})
        stub.script(LISTED, listed(published("ART1")))
        assert isinstance(look(channel, ids=self.IDS, submits=2), Receipt)

    def test_a_list_that_cannot_be_read_confirms_nothing(self, stub, channel):
        stub.script(STATUS, {"publish_status": 0, "article_id": "ART1"})
        stub.script(LISTED, {"errcode": -1, "errmsg": "busy"})
        assert isinstance(look(channel, ids=self.IDS, submits=2), Unclear)

    def test_the_second_failed_and_the_first_is_public(self, stub, channel):
        stub.script(STATUS, {"publish_status": 3})
        stub.script(LISTED, listed(published("ART0")))
        found = look(channel, ids=self.IDS, submits=2)
        assert isinstance(found, Receipt)
        assert found.ids["article_id"] == "ART0"

    def test_what_stands_behind_a_page_of_others_is_counted(self, stub, channel):
        others = [published(f"X{n}", items=[{"title": "x", "content_source_url": "https://x"}]) for n in range(19)]
        stub.script(STATUS, {"publish_status": 0, "article_id": "ART2"})
        stub.script(LISTED, listed(published("ART2"), *others), listed(published("ART1")))
        assert isinstance(look(channel, ids=self.IDS, submits=2), Doubled)

    def test_an_article_that_is_deleted_does_not_count(self, stub, channel):
        stub.script(STATUS, {"publish_status": 0, "article_id": "ART2"})
        stub.script(LISTED, listed(published("ART2"), published("ART1", items=news(is_deleted=True))))
        assert isinstance(look(channel, ids=self.IDS, submits=2), Receipt)

    def test_without_an_id_two_are_doubled_however_often_it_was_submitted(self, stub, channel):
        stub.script(LISTED, listed(published("ART2"), published("ART1")))
        assert isinstance(look(channel, ids={}), Doubled)
