"""Finding out whether it is public: by reading the account's own posts, never by sending again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.channels.weibo.timeline import Wanted, parse_created, same_text, search
from bot.domain.channel import Absent, Failed, Pending, Receipt, Unclear

from .weibo_parts import (
    LINK,
    PICTURE,
    SENT,
    TEXT,
    UID,
    MemoryPorts,
    created,
    make_account,
    make_channel,
    make_evidence,
    make_post,
    make_status,
    refusal,
    running_platform,
    timeline,
)

TIMELINE, SHOW = "/2/statuses/user_timeline.json", "/2/statuses/show.json"
OURS = "5300000000000001"


@pytest.fixture
def platform():
    with running_platform() as running:
        yield running


def look(platform, ports=None, **evidence):
    """One look at the scripted platform."""
    return make_channel(make_account(platform.url), ports).look(make_evidence(**evidence))


def foreign(number: int, text: str = "同事在客户端手工发布的另一条微博，内容完全不同。"):
    return make_status(str(5300000000000100 + number), f"{number}{text}", at=SENT + timedelta(seconds=number))


class TestWithoutAnId:
    """After silence only the text, the time and the other receipts help."""

    def test_our_text_in_the_timeline_is_live(self, platform):
        platform.script(TIMELINE, timeline(foreign(1), make_status(OURS)))
        found = look(platform)
        assert isinstance(found, Receipt)
        assert found.ids == {"idstr": OURS, "uid": UID}
        (position,) = found.positions
        assert position.platform_id == OURS
        assert position.url == f"https://weibo.com/{UID}/R00000001"
        assert position.published_at == SENT
        assert OURS in found.raw

    def test_it_asks_only_for_newer_posts_of_this_app_and_account(self, platform):
        platform.script(TIMELINE, timeline())
        look(platform, staged={"since": "5200000000000000"})
        (seen,) = platform.seen
        assert seen.method == "GET"
        assert seen.query == {
            "uid": UID, "count": "5", "trim_user": "1", "base_app": "1", "since_id": "5299999999999999",
        }  # fmt: skip
        assert seen.headers["Authorization"].startswith("OAuth2 ")

    def test_an_empty_timeline_is_absent_and_proves_nothing_yet(self, platform):
        platform.script(TIMELINE, timeline())
        found = look(platform)
        assert isinstance(found, Absent)
        assert "请勿重发" in found.message

    def test_a_delayed_post_is_looked_for_in_the_same_way(self, platform):
        """20032: accepted without an id, shown one or two minutes later."""
        platform.script(TIMELINE, timeline(), timeline(make_status(OURS, at=SENT + timedelta(seconds=100))))
        assert isinstance(look(platform, after_unknown=False), Absent)
        assert isinstance(look(platform, after_unknown=False), Receipt)

    def test_a_repost_is_not_ours_whatever_it_says(self, platform):
        """`statuses/share` makes none: somebody passed our words on, and whether ours is out a person must see."""
        repost = make_status(OURS) | {"retweeted_status": make_status("5300000000000009")}
        platform.script(TIMELINE, timeline(repost), timeline(repost, make_status("5300000000000002")))
        assert isinstance(look(platform), Unclear)
        found = look(platform)
        assert isinstance(found, Receipt)
        assert found.ids["idstr"] == "5300000000000002"

    def test_two_equal_posts_go_to_a_person(self, platform):
        platform.script(TIMELINE, timeline(make_status(OURS), make_status("5300000000000002")))
        found = look(platform)
        assert isinstance(found, Unclear)
        assert found.needs_person
        assert "2 条" in found.message

    def test_a_post_that_another_receipt_owns_is_not_ours(self, platform):
        platform.script(TIMELINE, timeline(make_status(OURS)))
        assert isinstance(look(platform, owned_ids=frozenset({OURS})), Absent)

    def test_the_same_text_of_an_earlier_day_is_not_ours(self, platform):
        platform.script(TIMELINE, timeline(make_status(OURS, at=SENT - timedelta(seconds=61))))
        assert isinstance(look(platform), Absent)

    def test_the_platforms_clock_may_be_a_little_behind(self, platform):
        platform.script(TIMELINE, timeline(make_status(OURS, at=SENT - timedelta(seconds=59))))
        assert isinstance(look(platform), Receipt)

    def test_an_id_known_before_the_act_is_not_ours(self, platform):
        platform.script(TIMELINE, timeline(make_status(OURS)))
        assert isinstance(look(platform, since=OURS), Absent)

    @pytest.mark.parametrize("text", [TEXT.replace("141", "114"), f"{TEXT} 有改动"])
    def test_an_altered_post_goes_to_a_person(self, platform, text):
        platform.script(TIMELINE, timeline(make_status(OURS, text)))
        found = look(platform)
        assert isinstance(found, Unclear)
        assert found.needs_person

    def test_a_post_with_our_marker_but_other_words_goes_to_a_person(self, platform):
        post = make_status(OURS)
        post["text"] = f"完全不同的内容 {LINK}"
        platform.script(TIMELINE, timeline(post))
        assert look(platform).needs_person

    def test_five_newer_posts_may_hide_ours(self, platform):
        platform.script(TIMELINE, timeline(*[foreign(n) for n in range(5)]))
        found = look(platform)
        assert isinstance(found, Unclear)
        assert found.needs_person

    def test_four_newer_posts_do_not(self, platform):
        platform.script(TIMELINE, timeline(*[foreign(n) for n in range(4)]))
        assert isinstance(look(platform), Absent)

    def test_a_fresh_shell_of_a_deleted_post_may_be_ours(self, platform):
        shell = {
            "deleted": "1",
            "state": 7,
            "text": "抱歉，此微博已被作者删除",
            "idstr": OURS,
            "created_at": created(SENT),
        }
        platform.script(TIMELINE, timeline(shell))
        assert look(platform).needs_person


class TestWithAnId:
    """The platform named the post: now it must be read back."""

    IDS = {"idstr": OURS, "uid": UID}  # noqa: RUF012

    def test_found_and_equal_is_live(self, platform):
        platform.script(TIMELINE, timeline(make_status(OURS)))
        assert isinstance(look(platform, ids=self.IDS), Receipt)
        assert not platform.calls(SHOW)

    def test_a_late_timeline_is_made_up_for_by_the_post_itself(self, platform):
        platform.script(TIMELINE, timeline())
        platform.script(SHOW, make_status(OURS))
        assert isinstance(look(platform, ids=self.IDS), Receipt)
        assert platform.calls(SHOW)[0].query == {"id": OURS}

    def test_not_shown_yet_is_pending_then_gone(self, platform):
        platform.script(TIMELINE, timeline())
        platform.script(SHOW, refusal(20101), status=400)
        early = look(platform, ids=self.IDS)
        assert isinstance(early, Pending)
        assert early.ids == self.IDS
        late = look(platform, ids=self.IDS, now=SENT + timedelta(minutes=4))
        assert isinstance(late, Failed)
        assert late.gone

    def test_days_later_one_call_is_enough(self, platform):
        platform.script(SHOW, make_status(OURS))
        assert isinstance(look(platform, ids=self.IDS, now=SENT + timedelta(days=3)), Receipt)
        assert [seen.path for seen in platform.seen] == [SHOW]

    def test_a_deleted_post_is_gone(self, platform):
        platform.script(SHOW, {"deleted": "1", "state": 7, "text": "抱歉", "idstr": OURS})
        found = look(platform, ids=self.IDS, now=SENT + timedelta(days=3))
        assert isinstance(found, Failed)
        assert found.gone

    def test_an_altered_text_is_never_live(self, platform):
        platform.script(TIMELINE, timeline(make_status(OURS, TEXT.replace("49", "94"))))
        found = look(platform, ids=self.IDS)
        assert isinstance(found, Unclear)
        assert found.needs_person
        assert "不一致" in found.message

    def test_a_post_that_is_not_public_is_never_live(self, platform):
        platform.script(TIMELINE, timeline(make_status(OURS, visible={"type": 1, "list_id": 0})))
        assert look(platform, ids=self.IDS).needs_person

    def test_a_lost_picture_is_seen_where_the_platform_tells(self, platform):
        post = make_post(picture=PICTURE)
        platform.script(TIMELINE, timeline(make_status(OURS)))
        assert "配图" in look(platform, post=post, ids=self.IDS).message

    @pytest.mark.parametrize(
        "shown", [{"pic_urls": [{"thumbnail_pic": "http://x"}]}, {"thumbnail_pic": "http://x"}, {"pic_urls": None, "original_pic": "x"}]
    )  # fmt: skip
    def test_a_picture_that_is_shown_is_enough(self, platform, shown):
        platform.script(TIMELINE, timeline(make_status(OURS, **shown)))
        assert isinstance(look(platform, post=make_post(picture=PICTURE), ids=self.IDS), Receipt)

    def test_picture_fields_that_are_left_out_prove_nothing(self, platform):
        status = make_status(OURS)
        del status["pic_urls"]
        platform.script(TIMELINE, timeline(status))
        assert isinstance(look(platform, post=make_post(picture=PICTURE), ids=self.IDS), Receipt)

    def test_another_accounts_post_is_for_a_person(self, platform):
        platform.script(TIMELINE, timeline())
        platform.script(SHOW, make_status(OURS, uid=1))
        assert look(platform, ids=self.IDS).needs_person


class TestReadsThatFail:
    """A look never raises for what the platform answers."""

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"", 200),
            (b"<html>", 502),
            ({"statuses": None}, 200),
            ([], 200),
            (refusal(10001), 500),
            (refusal(10023), 403),
        ],
    )
    def test_it_is_unclear_and_says_not_to_resend(self, platform, body, status):
        platform.script(TIMELINE, body, status=status)
        found = look(platform)
        assert isinstance(found, Unclear)
        assert "请勿重发" in found.message

    def test_a_platform_that_cannot_be_reached_is_unclear(self):
        found = make_channel().look(make_evidence())
        assert isinstance(found, Unclear)
        assert not found.needs_person

    def test_a_withdrawn_authorisation_needs_a_person_at_once(self, platform):
        platform.script(TIMELINE, refusal(21319), status=400)
        assert look(platform).needs_person

    def test_a_quota_that_outlasts_the_verdict_needs_a_person(self, platform):
        platform.script(TIMELINE, refusal(10023), status=403)
        assert look(platform).needs_person

    def test_our_own_counter_stops_before_the_platforms(self, platform):
        ports = MemoryPorts()
        ports.spent["weibo.calls", "day"] = 100
        found = look(platform, ports)
        assert isinstance(found, Unclear)
        assert "本账号当期接口额度用完" in found.message
        assert "没有核对" in found.message
        assert "核对没有结果" not in found.message
        assert not platform.seen

    @pytest.mark.parametrize(("minutes_ahead", "person"), [(29, False), (31, True)])
    def test_it_waits_for_calls_that_come_before_the_verdict_is_due(self, platform, minutes_ahead, person):
        ports = MemoryPorts()
        ports.spent["weibo.calls", "day"] = 100
        sent = datetime(2026, 11, 23, 16, tzinfo=UTC) - timedelta(minutes=minutes_ahead)
        found = look(platform, ports, ids={"idstr": OURS}, sent_at=sent, now=sent + timedelta(seconds=2))
        assert found.needs_person is person
        assert "微博已受理本条" in found.message
        assert "请勿重发" in found.message

    def test_repeated_reads_are_counted_one_by_one(self, platform):
        ports = MemoryPorts()
        platform.script(TIMELINE, b"<html>", status=502)
        look(platform, ports)
        assert ports.spent["weibo.calls", "day"] == len(platform.seen) == 3


class TestMatching:
    """The pure part, over arbitrary timelines."""

    WANTED = Wanted(TEXT, "k7m2", with_picture=False, sent_at=SENT)

    def test_a_cut_long_text_may_be_a_prefix(self):
        text = "汉" * 300 + LINK
        cut = {"text": "汉" * 120 + "… 全文： http://t.cn/A6x", "isLongText": True}
        assert same_text(cut, text)
        assert not same_text({**cut, "isLongText": False}, text)
        assert not same_text({**cut, "text": "汉" * 99 + "…"}, text)
        assert not same_text({**cut, "text": "字" * 120 + "…"}, text)

    @settings(suppress_health_check=[HealthCheck.too_slow])  # of a machine that is busy
    @given(st.lists(st.dictionaries(st.sampled_from(["text", "idstr", "created_at", "deleted"]), st.text() | st.none() | st.integers()), max_size=6))  # fmt: skip
    def test_strange_statuses_never_raise_or_match(self, statuses):
        assert search(statuses, self.WANTED, window=5).found is None

    @given(st.permutations(range(4)))
    def test_the_order_of_the_timeline_does_not_matter(self, order):
        posts = [
            make_status(OURS),
            foreign(1),
            foreign(2),
            make_status("5299999999999999", at=SENT - timedelta(days=1)),
        ]
        result = search([posts[i] for i in order], self.WANTED, window=5)
        assert result.found == posts[0]

    @given(st.datetimes(timezones=st.just(UTC), min_value=datetime(2012, 1, 1), max_value=datetime(2040, 1, 1)))
    def test_platform_times_are_read_back(self, at):
        assert parse_created(created(at)) == at.replace(microsecond=0)

    @pytest.mark.parametrize(
        "text", ["", None, 5, "2026-11-23", "Wed Foo 24 23:49:17 +0800 2012", "Wed Oct 44 23:49:17 +0800 2012"]
    )
    def test_what_is_no_platform_time_is_none(self, text):
        assert parse_created(text) is None

    def test_the_documented_sample(self):
        assert parse_created("Wed Oct 24 23:49:17 +0800 2012") == datetime(2012, 10, 24, 15, 49, 17, tzinfo=UTC)
