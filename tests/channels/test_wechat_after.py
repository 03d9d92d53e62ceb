"""After it is live: taking down, numbers; and before a day's work: pre-flight."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from bot.channels.wechat.looking import named
from bot.domain.channel import ByHand, ChannelFault, PositionReceipt, Receipt, Remedy, Withdrawn
from bot.domain.secret import Secret

from .stub import Say, running_stub
from .wechat_parts import MemoryPorts, SmallWeChat, make_account, make_channel, make_post

TOTAL, COMMENTS, QUOTA = "/datacube/getarticletotaldetail", "/cgi-bin/comment/list", "/cgi-bin/openapi/quota/get"
SPEED = "/cgi-bin/message/mass/speed/get"
POSTS = (make_post(1), make_post(2))


@pytest.fixture
def stub():
    with running_stub() as stub:
        SmallWeChat(stub)
        yield stub


def receipt(*urls, **ids):
    urls = urls or (None, None)
    return Receipt(ids, tuple(PositionReceipt(f"P_{n}", url) for n, url in enumerate(urls, 1)))


class TestWithdraw:
    @pytest.mark.parametrize(("position", "index"), [(None, 0), (0, 1), (1, 2)])
    def test_the_platform_counts_from_one_and_zero_is_everything(self, stub, position, index):
        stub.script("/cgi-bin/freepublish/delete", {"errcode": 0})
        assert isinstance(make_channel(stub.url).withdraw(receipt(article_id="A"), position=position), Withdrawn)
        assert stub.asked[-1].json == {"article_id": "A", "index": index}

    def test_a_mass_send_is_deleted_by_msg_id(self, stub):
        stub.script("/cgi-bin/message/mass/delete", {"errcode": 0})
        answer = make_channel(stub.url, "mass").withdraw(receipt(msg_id="9"), position=1)
        assert stub.asked[-1].json == {"msg_id": 9, "article_idx": 2}
        assert "卡片" in answer.message

    def test_already_gone_counts_as_withdrawn(self, stub):
        stub.script("/cgi-bin/freepublish/delete", {"errcode": 53600})
        assert isinstance(make_channel(stub.url).withdraw(receipt(article_id="A")), Withdrawn)

    @pytest.mark.parametrize("mode", ["publish", "mass"])
    def test_without_an_id_a_person_is_told_how(self, stub, mode):
        answer = make_channel(stub.url, mode).withdraw(receipt())
        assert isinstance(answer, ByHand)
        assert "公众平台" in answer.message

    def test_a_refusal_says_that_it_was_not_taken_down(self, stub):
        stub.script("/cgi-bin/message/mass/delete", {"errcode": 9500001})
        with pytest.raises(ChannelFault) as caught:
            make_channel(stub.url, "mass").withdraw(receipt(msg_id="9"))
        assert caught.value.remedy is Remedy.PERSON
        assert "没有完成" in caught.value.message

    def test_deleting_is_not_repeated_by_machine(self, stub):
        stub.script("/cgi-bin/freepublish/delete", Say(drop=True))
        with pytest.raises(ChannelFault):
            make_channel(stub.url).withdraw(receipt(article_id="A"))
        assert len(stub.calls("/cgi-bin/freepublish/delete")) == 1


def row(msgid="7_1", **values):
    detail = {
        "stat_date": "2026-11-24",
        "read_user": 120,
        "share_user": 0,
        "read_user_source": [],
        "read_finish_rate": 0.5,
    }
    return {
        "ref_date": "2026-11-23",
        "msgid": msgid,
        "publish_type": 1,
        "title": "t",
        "content_url": "http://mp/s/a",
        "detail_list": [detail],
    } | values


class TestMeasure:
    def measure(self, stub, *rows, receipts=(), delay=False, mode="publish", **options):
        stub.script(TOTAL, {"list": list(rows), "is_delay": delay})
        return make_channel(stub.url, mode, **options).measure(list(receipts), day="2026-11-23")

    def test_figures_are_found_by_msg_data_id_and_position(self, stub):
        samples = self.measure(stub, row("7_2"), row("7_1"), receipts=[receipt(msg_data_id="7")])
        assert [sample.platform_id for sample in samples] == ["P_1", "P_2"]
        assert stub.calls(TOTAL)[0].json == {"begin_date": "2026-11-23", "end_date": "2026-11-23"}

    def test_a_figure_that_was_not_given_is_absent_and_a_given_zero_is_zero(self, stub):
        (sample,) = self.measure(stub, row(), receipts=[receipt(None, msg_data_id="7")])
        assert sample.values == {"reads": 120, "shares": 0}
        assert (sample.stat_date, sample.url) == ("2026-11-24", "http://mp/s/a")
        assert json.loads(sample.raw)["read_finish_rate"] == 0.5

    def test_a_figure_of_another_kind_is_not_reported(self, stub):
        details = [{"stat_date": "2026-11-24", "read_user": None, "share_user": [3], "like_user": -1}]
        (sample,) = self.measure(stub, row(detail_list=details), receipts=[receipt(None, msg_data_id="7")])
        assert sample.values == {"reads": None, "shares": None, "likes": None}

    def test_a_figure_given_as_digits_is_a_number(self, stub):
        details = [{"stat_date": "2026-11-24", "read_user": "321"}]
        (sample,) = self.measure(stub, row(detail_list=details), receipts=[receipt(None, msg_data_id="7")])
        assert sample.values == {"reads": 321}

    def test_each_platform_date_is_a_sample(self, stub):
        details = [{"stat_date": f"2026-11-2{n}", "read_user": n} for n in (4, 5, 6)]
        samples = self.measure(stub, row(detail_list=details), receipts=[receipt(None, msg_data_id="7")])
        assert [sample.values["reads"] for sample in samples] == [4, 5, 6]

    def test_without_msg_data_id_the_address_tells(self, stub):
        long = "http://mp.weixin.qq.com/s?__biz=B&mid=7&idx=1&sn=x&chksm=1#rd"
        rows = [row("7_1", content_url=long), row("8_1", content_url=long.replace("mid=7", "mid=8"))]
        assert len(self.measure(stub, *rows, receipts=[receipt(long.replace("&", "&amp;"))])) == 1

    def test_without_either_a_unique_title_of_the_same_kind_tells(self, stub):
        title = POSTS[0].payload["title"]
        ids = {"msg_id": "9", "articles": named(POSTS)}
        rows = [row("7_1", title=title, publish_type=0), row("8_1", title=title, publish_type=1)]
        (sample,) = self.measure(stub, *rows, receipts=[receipt(**ids)], mode="mass")
        assert sample.platform_id == "P_1"

    def test_an_ambiguous_title_is_not_guessed(self, stub):
        rows = [row(f"{n}_1", title=POSTS[0].payload["title"], publish_type=0) for n in (7, 8)]
        ids = {"msg_id": "9", "articles": named(POSTS)}
        assert self.measure(stub, *rows, receipts=[receipt(**ids)], mode="mass") == []

    def test_an_empty_day_is_no_zero(self, stub):
        assert self.measure(stub, receipts=[receipt(msg_data_id="7")]) == []

    def test_delayed_figures_are_fetched_later(self, stub):
        with pytest.raises(ChannelFault) as caught:
            self.measure(stub, receipts=[receipt(msg_data_id="7")], delay=True)
        assert caught.value.remedy is Remedy.WAIT

    def test_figures_before_half_past_eight_wait_for_it(self, stub):
        ports = MemoryPorts(clock=datetime(2026, 11, 23, 23, 0, tzinfo=UTC))  # 07:00 in Beijing
        stub.script(TOTAL, {"errcode": 61503, "errmsg": "not ready"})
        with pytest.raises(ChannelFault) as caught:
            make_channel(stub.url, ports=ports).measure([], day="2026-11-23")
        assert (caught.value.remedy, caught.value.wait_until) == (
            Remedy.WAIT,
            datetime(2026, 11, 24, 0, 30, tzinfo=UTC),
        )

    @pytest.mark.parametrize(
        ("clock", "remedy"),
        [
            (datetime(2026, 11, 23, 15, 59, tzinfo=UTC), Remedy.WAIT),  # the day's last minute in Beijing
            (datetime(2026, 11, 23, 16, 0, tzinfo=UTC), Remedy.OPERATOR),  # over: then the range is our mistake
        ],
    )
    def test_a_day_that_is_not_over_is_out_of_range_and_that_is_no_mistake(self, stub, clock, remedy):
        stub.script(TOTAL, {"errcode": 61501, "errmsg": "date range error"})
        with pytest.raises(ChannelFault) as caught:
            make_channel(stub.url, ports=MemoryPorts(clock=clock)).measure([], day="2026-11-23")
        assert caught.value.remedy is remedy
        if remedy is Remedy.WAIT:
            assert caught.value.wait_until == datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
            assert "次日 8 时以后才有" in caught.value.message

    def test_comments_are_counted_where_the_account_has_them_open(self, stub):
        stub.script(COMMENTS, {"errcode": 0, "total": 3, "comment": []})
        samples = self.measure(stub, receipts=[receipt(None, msg_data_id="7")], open_comment="1")
        assert [sample.values for sample in samples] == [{"comments": 3}]
        body = stub.calls(COMMENTS)[0].json
        assert (body["index"], body["msg_data_id"]) == (0, 7)
        assert body["count"] < 50

    def test_no_comment_rights_is_no_fault(self, stub):
        stub.script(COMMENTS, {"errcode": 88000})
        assert self.measure(stub, receipts=[receipt(msg_data_id="7")], open_comment="1") == []
        assert len(stub.calls(COMMENTS)) == 1

    def test_the_accounts_own_summary(self, stub):
        stub.script("/datacube/getbizsummary", {"list": [{"ref_date": "2026-11-22", "read_user": 9}]})
        rows = make_channel(stub.url).account_summary("2026-11-01", "2026-11-22")
        assert rows == [{"ref_date": "2026-11-22", "read_user": 9}]


class TestPreflight:
    @pytest.fixture(autouse=True)
    def well(self, stub):
        stub.script("/cgi-bin/freepublish/batchget", {"total_count": 0, "item": []})
        stub.script(SPEED, {"speed": 3, "realspeed": 15})
        stub.script(QUOTA, {"errcode": 0, "quota": {"daily_limit": 100, "used": 1, "remain": 99}})

    def lines(self, channel):
        return {line.name: line for line in channel.preflight()}

    @pytest.mark.parametrize(
        ("mode", "path"), [("publish", "/cgi-bin/freepublish/submit"), ("mass", "/cgi-bin/message/mass/sendall")]
    )
    def test_all_is_well(self, stub, mode, path):
        lines = self.lines(make_channel(stub.url, mode))
        assert all(line.ok and not line.warning for line in lines.values())
        assert stub.calls(QUOTA)[0].json == {"cgi_path": path}

    def test_it_changes_nothing(self, stub):
        make_channel(stub.url).preflight()
        assert not [path for path in stub.paths() if path.endswith(("submit", "sendall", "/add", "/delete"))]

    def test_without_a_token_nothing_is_said_to_be_well(self, stub):
        stub.script("/cgi-bin/stable_token", {"errcode": 40164, "errmsg": "invalid ip 203.0.113.9, not in whitelist"})
        lines = self.lines(make_channel(stub.url))
        assert (lines["IP 白名单"].ok, lines["IP 白名单"].code) == (False, "ip")
        assert "203.0.113.9" in lines["IP 白名单"].message
        assert not {"令牌", "接口权限"} & set(lines)

    def test_a_cached_token_does_not_hide_that_our_address_is_not_allowed(self, stub):
        for path in ("/cgi-bin/draft/count", "/cgi-bin/freepublish/batchget", QUOTA):
            stub.script(path, {"errcode": 40164, "errmsg": "invalid ip 203.0.113.9, not in whitelist"})
        lines = self.lines(make_channel(stub.url))
        assert (lines["IP 白名单"].ok, lines["IP 白名单"].code) == (False, "ip")
        assert not {"接口权限", "接口额度"} & set(lines)

    @pytest.mark.parametrize("code", [48001, 48004, 50002])
    def test_a_lacking_right_to_send_to_all_is_found_without_sending(self, stub, code):
        stub.script(SPEED, {"errcode": code})
        line = self.lines(make_channel(stub.url, "mass"))["接口权限"]
        assert (line.ok, line.code) == (False, "rights")
        assert str(code) in line.message

    @pytest.mark.parametrize("answer", [{"errcode": 45083}, {"errcode": 88888}, {"errcode": -1}])
    def test_what_was_not_answered_is_not_said_to_be_well_and_stops_nobody(self, stub, answer):
        stub.script(SPEED, answer)
        line = self.lines(make_channel(stub.url, "mass"))["接口权限"]
        assert (line.ok, line.warning) == (True, True)
        assert "没有问到群发权限" in line.message

    def test_a_changed_secret_is_found_while_the_token_kept_from_before_still_works(self, stub):
        channel = make_channel(stub.url)
        channel.preflight()
        stub.script("/cgi-bin/stable_token", {"errcode": 40125, "errmsg": "invalid appsecret"})
        line = self.lines(channel)["令牌"]
        assert (line.ok, line.code) == (False, "token")
        assert "AppSecret" in line.message

    def test_the_secret_is_proved_without_ending_anybodys_token(self, stub):
        make_channel(stub.url).preflight()
        assert {call.json["force_refresh"] for call in stub.calls("/cgi-bin/stable_token")} == {False}

    def test_a_platform_that_is_not_reached_is_no_lack_of_calls(self, stub):
        stub.script(QUOTA, {"errcode": -1})
        assert "不一定不够" in self.lines(make_channel(stub.url))["接口额度"].remedy

    def test_missing_rights_are_named(self, stub):
        stub.script("/cgi-bin/freepublish/batchget", {"errcode": 48001})
        line = self.lines(make_channel(stub.url))["接口权限"]
        assert not line.ok
        assert "权限" in line.message

    def test_a_used_up_quota_stops_the_release_and_a_missing_figure_only_warns(self, stub):
        stub.script(QUOTA, {"quota": {"remain": 0}})
        assert not self.lines(make_channel(stub.url))["接口额度"].ok
        stub.script(QUOTA, {"errcode": 76021})
        line = self.lines(make_channel(stub.url))["接口额度"]
        assert line.ok
        assert line.warning

    def test_wrong_settings_are_named(self, stub):
        line = self.lines(make_channel(stub.url, account_type="personal", app_id=""))["账号设置"]
        assert not line.ok
        assert "账号类型" in line.message
        assert "AppID" in line.message

    def test_a_missing_callback_key_warns(self, stub):
        channel = make_channel(stub.url)
        credentials = {"app_secret": Secret("app-secret-canary"), "callback_token": Secret("t")}
        object.__setattr__(channel.account, "credentials", credentials)
        line = self.lines(channel)["消息推送"]
        assert line.ok
        assert line.warning


def test_an_account_in_an_unknown_mode_is_refused_at_once():
    with pytest.raises(KeyError):
        make_channel(mode="carrier-pigeon")


def test_the_newest_own_id_is_not_needed():
    assert make_channel().newest_own_id() == ""
    assert make_account().channel == "wechat"
