"""Which post a person made on the platform's own pages: only what leaves no doubt has numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.wechat.looking import named
from bot.channels.weibo.text import base62_id, decimal_id
from bot.domain.channel import ChannelFault, HandMade, PositionReceipt, Published, Receipt, Remedy, Unrecognised

from . import wechat_parts, weibo_parts
from .stub import running_stub
from .wechat_parts import SmallWeChat, make_post
from .weibo_parts import UID, refusal, running_platform

DAY = "2026-11-22"
TOTAL, COMMENTS = "/datacube/getarticletotaldetail", "/cgi-bin/comment/list"
SHOW, COUNT = "/2/statuses/show.json", "/2/statuses/count.json"
IDSTR = "5300000000000001"
LONG = "http://mp.weixin.qq.com/s?__biz={biz}&mid={mid}&idx={idx}&sn=abc123&chksm=9#rd"
SHORT = "https://mp.weixin.qq.com/s/AbCdEfGh{}"
TITLE = "关于城区停水的通知"


def long(mid=7, idx=1, biz="OURS"):
    return LONG.format(biz=biz, mid=mid, idx=idx)


# --- Weibo ---------------------------------------------------------------------------------------------------


class TestPermalink:
    @pytest.mark.parametrize(
        ("code", "idstr"), [("zCik3bc0H", "3591268992667779"), ("K3fnuEfZK", "4607741009594608"), ("0", "0")]
    )
    def test_the_id_is_read_out_of_the_short_form(self, code, idstr):
        assert decimal_id(code) == idstr

    @given(st.integers(0, 10**18))
    def test_it_undoes_what_makes_the_short_form(self, number):
        assert decimal_id(base62_id(str(number))) == str(number)

    @pytest.mark.parametrize("code", ["", "ZZZZ", "aZZZZ", "é", "a-b", "00a"])
    def test_what_stands_for_no_id_gives_none(self, code):
        assert decimal_id(code) == ""


class TestWeibo:
    @pytest.fixture
    def platform(self):
        with running_platform() as running:
            yield running

    def recognise(self, platform, url, known_id="", ports=None):
        channel = weibo_parts.make_channel(weibo_parts.make_account(platform.url), ports)
        post = HandMade(url, TITLE, "share", known_id=known_id)
        (found,) = channel.recognise([post], [], day=DAY)
        return found

    @pytest.mark.parametrize(
        "url",
        [
            f"https://weibo.com/{UID}/{base62_id(IDSTR)}",
            f"https://www.weibo.com/{UID}/{base62_id(IDSTR)}?from=page&mod=weibotime",
            f"https://m.weibo.cn/{UID}/{IDSTR}",
        ],
    )
    def test_the_address_holds_the_id_and_the_account_and_nobody_is_asked(self, platform, url):
        found = self.recognise(platform, url)
        assert (found.positions[0].platform_id, found.ids["uid"]) == (IDSTR, UID)
        assert platform.seen == []

    def test_it_is_measured_like_any_other(self, platform):
        platform.script(COUNT, [{"id": int(IDSTR), "idstr": IDSTR, "reposts": 3, "comments": 0, "attitudes": None}])
        channel = weibo_parts.make_channel(weibo_parts.make_account(platform.url))
        found = channel.recognise(
            [HandMade(f"https://weibo.com/{UID}/{base62_id(IDSTR)}", TITLE, "share")], [], day=DAY
        )
        (sample,) = channel.measure(found, day=DAY)
        assert (sample.platform_id, sample.values) == (IDSTR, {"reposts": 3, "comments": 0, "attitudes": None})

    def test_a_post_of_another_account_has_no_numbers(self, platform):
        found = self.recognise(platform, f"https://weibo.com/1234567890/{base62_id(IDSTR)}")
        assert isinstance(found, Unrecognised)
        assert "1234567890" in found.message
        assert platform.seen == []

    @pytest.mark.parametrize("code", ["Pq1Xyz", "ZZZZZZZZZZ"])
    def test_a_mistyped_id_is_no_id(self, platform, code):
        assert "不是一条微博的编号" in self.recognise(platform, f"https://weibo.com/{UID}/{code}").message

    @pytest.mark.parametrize("owner", [{"user": {"idstr": UID}}, {"uid": int(UID)}])
    def test_a_mobile_address_does_not_say_whose_it_is_so_the_post_is_read_once(self, platform, owner):
        platform.script(SHOW, {"idstr": IDSTR, **owner})
        ports = weibo_parts.MemoryPorts()
        found = self.recognise(platform, f"https://m.weibo.cn/status/{IDSTR}", ports=ports)
        assert found.positions[0].platform_id == IDSTR
        assert ports.spent["weibo.calls", "day"] == 1

    @pytest.mark.parametrize(
        "answer",
        [
            refusal(20101),
            refusal(20102),
            refusal(20199),
            {"idstr": IDSTR, "user": {"idstr": "1"}},
            {"idstr": "5300000000000002", "user": {"idstr": UID}},
            {"idstr": IDSTR, "deleted": "1"},
            [],
        ],
    )
    def test_what_the_platform_does_not_call_ours_has_no_numbers(self, platform, answer):
        platform.script(SHOW, answer)
        assert isinstance(self.recognise(platform, f"https://m.weibo.cn/detail/{IDSTR}"), Unrecognised)

    @pytest.mark.parametrize(
        ("code", "remedy"), [(10023, Remedy.WAIT), (21332, Remedy.OPERATOR), (10001, Remedy.UNKNOWN)]
    )
    def test_that_the_platform_does_not_answer_is_a_fault_and_no_verdict(self, platform, code, remedy):
        platform.script(SHOW, refusal(code))
        with pytest.raises(ChannelFault) as caught:
            self.recognise(platform, f"https://m.weibo.cn/status/{IDSTR}")
        assert caught.value.remedy is remedy

    def test_calls_that_sending_needs_are_left_alone(self, platform):
        ports = weibo_parts.MemoryPorts()
        ports.spent["weibo.calls", "day"] = 70
        with pytest.raises(ChannelFault) as caught:
            self.recognise(platform, f"https://m.weibo.cn/status/{IDSTR}", ports=ports)
        assert caught.value.remedy is Remedy.WAIT
        assert platform.seen == []

    def test_what_is_known_is_not_asked_about_again(self, platform):
        assert self.recognise(platform, f"https://m.weibo.cn/status/{IDSTR}", known_id=IDSTR).ids["idstr"] == IDSTR
        assert platform.seen == []


# --- WeChat --------------------------------------------------------------------------------------------------


def row(msgid="7_1", title=TITLE, url="", kind=0, reads=120):
    details = [{"stat_date": "2026-11-23", "read_user": reads}]
    return {
        "ref_date": DAY,
        "msgid": msgid,
        "publish_type": kind,
        "title": title,
        "content_url": url,
        "detail_list": details,
    }


def ours(*titles, urls=(), **ids):
    posts = tuple(make_post(number, title=title) for number, title in enumerate(titles, 1))
    places = zip(range(1, len(titles) + 1), (*urls, *(None for _ in titles)), strict=False)
    receipt = Receipt({**ids, "articles": named(posts)}, tuple(PositionReceipt(f"P_{n}", url) for n, url in places))
    return Published(receipt, posts)


class TestWeChat:
    @pytest.fixture
    def stub(self):
        with running_stub() as stub:
            SmallWeChat(stub)
            yield stub

    def recognise(self, stub, rows, *posts, sent=(), **more):
        stub.script(TOTAL, {"list": rows, "is_delay": False, **more})
        return wechat_parts.make_channel(stub.url, "mass").recognise(posts, list(sent), day=DAY)

    def one(self, stub, rows, url, sent=(), **changes):
        (found,) = self.recognise(stub, rows, HandMade(url, **{"title": TITLE, "mode": "mass", **changes}), sent=sent)
        return found

    def known(self, found):
        assert isinstance(found, Receipt), found
        return found.positions[0].platform_id

    def unknown(self, found, words):
        assert isinstance(found, Unrecognised), found
        assert words in found.message

    # by its address

    def test_account_and_number_in_both_long_addresses_are_proof_whatever_the_title(self, stub):
        rows = [row("7_1", url=long(7)), row("7_2", url=long(7, 2).replace("&", "&amp;"))]
        assert self.known(self.one(stub, rows, long(7, 2), title="另一个标题")) == "7_2"
        assert stub.calls(TOTAL)[0].json == {"begin_date": DAY, "end_date": DAY}

    def test_the_same_short_address_is_proof(self, stub):
        rows = [row("7_1", "甲", SHORT.format(1)), row("8_1", "乙", SHORT.format(2))]
        assert self.known(self.one(stub, rows, SHORT.format(2) + "?from=timeline")) == "8_1"

    def test_a_number_of_another_account_proves_nothing(self, stub):
        rows = [row("7_1", "甲", long(7))]
        self.unknown(self.one(stub, rows, long(7, biz="THEIRS")), "没有与登记相符")

    def test_and_is_not_made_good_by_the_title(self, stub):
        self.unknown(self.one(stub, [row("7_1", url=long(7))], long(7, biz="THEIRS")), "链接与登记的不同")

    # by its title

    def test_a_title_that_the_day_has_once_is_enough_where_the_address_says_nothing(self, stub):
        rows = [row("7_1", url=long(7)), row("8_1", "别的", long(8))]
        assert self.known(self.one(stub, rows, SHORT.format(1))) == "7_1"

    def test_entities_and_blanks_are_no_difference(self, stub):
        rows = [row("7_1", " 问&amp;答 ")]
        assert self.known(self.one(stub, rows, SHORT.format(1), title="问&答")) == "7_1"

    def test_the_title_that_was_given_to_copy_counts_as_well(self, stub):
        text = make_post(1, title="平台上的短标题")
        assert self.known(self.one(stub, [row("7_1", "平台上的短标题")], SHORT.format(1), text=text)) == "7_1"

    def test_a_title_that_is_nearly_the_same_is_another(self, stub):
        self.unknown(self.one(stub, [row("7_1", TITLE + "（更正）")], SHORT.format(1)), "没有与登记相符")

    def test_of_two_with_the_same_title_neither_is_taken(self, stub):
        self.unknown(self.one(stub, [row("7_1"), row("8_1")], SHORT.format(1)), "不止一篇")

    def test_a_twin_without_a_number_of_its_own_is_a_twin(self, stub):
        self.unknown(self.one(stub, [row("7_1"), row(None)], SHORT.format(1)), "不止一篇")

    @pytest.mark.parametrize("url", [SHORT.format(2), long(8)])
    def test_an_address_that_is_another_articles_speaks_against_it(self, stub, url):
        rows = [row("7_1", url=SHORT.format(1))]
        self.unknown(self.one(stub, rows, url), "链接与登记的不同")

    def test_a_long_address_and_a_short_one_of_the_same_number_go_together(self, stub):
        assert self.known(self.one(stub, [row("7_1", url=SHORT.format(1))], long(7))) == "7_1"

    def test_another_mode_than_the_one_entered_is_a_doubt(self, stub):
        self.unknown(self.one(stub, [row("7_1", kind=1)], SHORT.format(1)), "不是按登记的方式")
        assert self.known(self.one(stub, [row("7_1", kind=1)], SHORT.format(1), mode="publish")) == "7_1"

    # what the machine sent

    def test_what_the_machine_sent_is_not_somebodys(self, stub):
        rows = [row("7_1", url=long(7))]
        for sent in (ours("别的标题", msg_data_id="7"), ours("别的标题", urls=[long(7)], msg_id="1")):
            self.unknown(self.one(stub, rows, long(7), sent=[sent]), "系统自己发出")

    def test_a_title_under_which_the_machine_sent_too_is_a_doubt(self, stub):
        """Its own row may be the one that is missing."""
        sent = ours(TITLE, msg_id="1", msg_data_id="6")
        self.unknown(self.one(stub, [row("7_1")], SHORT.format(1), sent=[sent]), "系统当天也发过同名")

    def test_but_not_where_the_address_is_proof(self, stub):
        sent = ours(TITLE, msg_data_id="6")
        rows = [row("6_1", url=long(6)), row("7_1", url=long(7))]
        assert self.known(self.one(stub, rows, long(7), sent=[sent])) == "7_1"

    # two lines of the book

    def test_one_article_is_not_two_lines(self, stub):
        posts = [HandMade(SHORT.format(1), TITLE, "mass"), HandMade(long(7), TITLE, "mass")]
        for found in self.recognise(stub, [row("7_1", url=long(7))], *posts):
            self.unknown(found, "登记簿里不止一条")

    def test_what_another_line_was_found_to_be_is_taken(self, stub):
        posts = [
            HandMade(SHORT.format(1), TITLE, "mass"),
            HandMade(SHORT.format(2), "先登记的", "mass", known_id="7_1"),
        ]
        new, _ = self.recognise(stub, [row("7_1")], *posts)
        self.unknown(new, "登记簿里不止一条")

    # the platform

    def test_an_unfinished_list_proves_nothing(self, stub):
        with pytest.raises(ChannelFault) as caught:
            self.recognise(stub, [row("7_1")], HandMade(long(7), TITLE, "mass"), is_delay=True)
        assert caught.value.remedy is Remedy.WAIT

    @pytest.mark.parametrize("rows", [None, {}, [None, 3, {}], [row(title=None)], [row(msgid=7)], [row(url=None)]])
    def test_an_odd_answer_recognises_nobody(self, stub, rows):
        assert isinstance(self.one(stub, rows, long(9)), Unrecognised)

    # measuring

    def measured(self, stub, rows, receipt, **options):
        stub.script(TOTAL, {"list": rows})
        return wechat_parts.make_channel(stub.url, "mass", **options).measure([receipt], day=DAY)

    def test_it_is_measured_by_the_number_it_was_found_under(self, stub):
        found = self.one(stub, [row("7_2", url=long(7, 2))], long(7, 2))
        (sample,) = self.measured(stub, [row("7_1", reads=1), row("7_2", reads=0)], found)
        assert (sample.platform_id, sample.values, sample.stat_date) == ("7_2", {"reads": 0}, "2026-11-23")

    def test_once_its_row_is_gone_the_numbers_of_a_namesake_are_not_its_own(self, stub):
        found = self.one(stub, [row("7_1")], SHORT.format(1))
        assert self.measured(stub, [row("8_1", url=SHORT.format(1))], found) == []

    def test_comments_are_those_of_its_place_in_the_message(self, stub):
        stub.script(COMMENTS, {"errcode": 0, "total": 4})
        found = self.one(stub, [row("7_2", url=long(7, 2))], long(7, 2))
        samples = self.measured(stub, [], found, open_comment="1")
        assert [sample.values for sample in samples] == [{"comments": 4}]
        assert [stub.calls(COMMENTS)[0].json[name] for name in ("msg_data_id", "index")] == [7, 1]
