"""Before T: what staging checks and notes, and what a pre-flight reports."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.channels.weibo.health import expiry
from bot.domain.channel import ChannelFault, Grant, Remedy
from bot.domain.post import Asset
from bot.domain.secret import Secret

from .stub import Say
from .weibo_parts import (
    NOW,
    PICTURE,
    TEXT,
    TOKEN,
    UID,
    MemoryPorts,
    form_of,
    make_account,
    make_channel,
    make_post,
    make_status,
    refusal,
    running_platform,
    timeline,
)

TIMELINE, INFO, LIMITS = "/2/statuses/user_timeline.json", "/oauth2/get_token_info", "/2/account/rate_limit_status.json"
DAY = 86400


@pytest.fixture
def platform():
    with running_platform() as running:
        yield running


class TestStage:
    """Repeatable; nothing is put on the platform."""

    def test_it_notes_the_newest_own_post_and_the_picture(self, platform):
        platform.script(TIMELINE, timeline(make_status("5299999999999998"), make_status("5300000000000000")))
        post = make_post(picture=PICTURE)
        staged = make_channel(make_account(platform.url)).stage([post], key="k")
        assert staged.verified
        assert staged.table == {
            "post": post.hash, "picture": PICTURE.sha256, "media_type": "image/png", "since": "5300000000000000",
        }  # fmt: skip

    def test_nothing_is_written_before_t(self, platform):
        platform.script(TIMELINE, timeline())
        make_channel(make_account(platform.url)).stage([make_post()], key="k")
        assert [seen.method for seen in platform.seen] == ["GET"]

    def test_its_table_leads_to_the_public_request(self, platform):
        platform.script(TIMELINE, timeline())
        ports, post = MemoryPorts(), make_post(picture=PICTURE)
        channel = make_channel(make_account(platform.url), ports)
        staged = channel.stage([post], key="k")
        wire = channel.public_request([post], staged.table, channel.grant(), key="k")
        assert PICTURE.data in wire.body
        assert TEXT.encode() in wire.body

    def test_only_what_is_asked_now_is_counted_the_public_call_with_its_attempt(self, platform):
        """Staged the evening before, it belongs to the day on which it goes out (services/quotas.count_calls)."""
        platform.script(TIMELINE, timeline())
        ports = MemoryPorts()
        channel = make_channel(make_account(platform.url), ports)
        first = channel.stage([make_post()], key="k")
        assert channel.stage([make_post()], key="k", previous=first.table) == first
        assert ports.spent["weibo.calls", "day"] == len(platform.seen) == 2

    def test_an_id_asked_for_a_moment_ago_is_not_asked_for_again(self, platform):
        platform.script(TIMELINE, timeline(make_status("5300000000000000")))
        ports = MemoryPorts()
        channel = make_channel(make_account(platform.url), ports)
        channel.newest_own_id()
        assert channel.stage([make_post()], key="k").table["since"] == "5300000000000000"
        assert len(platform.seen) == 1
        ports.clock += timedelta(minutes=1)
        channel.stage([make_post()], key="k")
        assert len(platform.seen) == 2

    def test_that_there_is_none_is_not_asked_for_again_either(self, platform):
        platform.script(TIMELINE, timeline())
        channel = make_channel(make_account(platform.url), MemoryPorts())
        channel.newest_own_id()
        assert channel.stage([make_post()], key="k").table["since"] == ""
        assert len(platform.seen) == 1

    def test_the_platforms_clock_is_reported(self, platform):
        platform.script(TIMELINE, timeline())
        ports = MemoryPorts()
        make_channel(make_account(platform.url), ports).stage([make_post()], key="k")
        assert len(ports.dates) == 1

    @pytest.mark.parametrize("text", ["", "汉" * 200, "没有链接", f"#话题#{TEXT}"])
    def test_what_the_platform_would_refuse_is_stopped_here(self, platform, text):
        with pytest.raises(ChannelFault) as caught:
            make_channel(make_account(platform.url)).stage([make_post(text)], key="k")
        assert caught.value.remedy is Remedy.PERSON
        assert "没有发出" in caught.value.message
        assert not platform.seen

    def test_a_missing_picture_stops_it(self, platform):
        with pytest.raises(ChannelFault) as caught:
            make_channel(make_account(platform.url), MemoryPorts(assets={})).stage(
                [make_post(picture=PICTURE)], key="k"
            )
        assert caught.value.code == "weibo.picture_missing"

    @pytest.mark.parametrize("rip", ["", "fe80::1", "中国"])
    def test_the_acting_address_is_required(self, platform, rip):
        with pytest.raises(ChannelFault) as caught:
            make_channel(make_account(platform.url, rip=rip)).stage([make_post()], key="k")
        assert (caught.value.remedy, caught.value.code) == (Remedy.OPERATOR, "rip")

    def test_a_token_that_ends_too_soon_stops_it(self, platform):
        ports = MemoryPorts(stored=Grant(Secret(TOKEN), NOW + timedelta(minutes=29)))
        with pytest.raises(ChannelFault) as caught:
            make_channel(make_account(platform.url), ports).stage([make_post()], key="k")
        assert caught.value.remedy is Remedy.OPERATOR
        assert "重新授权" in caught.value.message

    def test_without_authorisation_it_stops(self, platform):
        with pytest.raises(ChannelFault) as caught:
            make_channel(make_account(platform.url), MemoryPorts(stored=None)).stage([make_post()], key="k")
        assert caught.value.remedy is Remedy.OPERATOR

    def test_a_used_up_day_says_until_when(self, platform):
        ports = MemoryPorts()
        ports.spent["weibo.calls", "day"] = 100
        with pytest.raises(ChannelFault) as caught:
            make_channel(make_account(platform.url), ports).stage([make_post()], key="k")
        assert caught.value.remedy is Remedy.WAIT
        assert caught.value.wait_until is not None

    @pytest.mark.parametrize(
        ("code", "remedy"),
        [(10004, Remedy.OPERATOR), (10023, Remedy.WAIT), (10001, Remedy.UNKNOWN), (21327, Remedy.OPERATOR)],
    )
    def test_refused_reads_carry_their_remedy(self, platform, code, remedy):
        platform.script(TIMELINE, refusal(code), status=400)
        with pytest.raises(ChannelFault) as caught:
            make_channel(make_account(platform.url)).stage([make_post()], key="k")
        assert caught.value.remedy is remedy


class TestNewestOwnId:
    """The fence between what was there and what we send."""

    def test_hand_made_posts_count_too(self, platform):
        platform.script(TIMELINE, timeline(make_status("5300000000000000")))
        assert make_channel(make_account(platform.url)).newest_own_id() == "5300000000000000"
        assert platform.seen[0].query["base_app"] == "0"

    def test_ids_are_compared_as_numbers(self, platform):
        platform.script(TIMELINE, timeline(make_status("999999999999999"), make_status("5300000000000000")))
        assert make_channel(make_account(platform.url)).newest_own_id() == "5300000000000000"

    def test_an_account_without_posts_has_none(self, platform):
        platform.script(TIMELINE, timeline())
        assert make_channel(make_account(platform.url)).newest_own_id() == ""


def info(left: int, *, uid: str = UID, age: int = 0):
    """An answer of get_token_info."""
    return {"uid": uid, "appkey": "1234", "scope": None, "create_at": int(NOW.timestamp()) - age, "expire_in": left}


class TestPreflight:
    """Named lines with what to do."""

    def results(self, platform, account=None, ports=None):
        channel = make_channel(account or make_account(platform.url), ports)
        return {result.name: result for result in channel.preflight()}

    def test_all_good(self, platform):
        platform.script(INFO, info(20 * DAY))
        platform.script(LIMITS, {"remaining_user_hits": 88})
        results = self.results(platform)
        assert list(results) == ["账号设置", "安全域名", "出口 IP", "授权", "授权期限", "调用额度"]
        assert all(result.ok for result in results.values())
        assert results["出口 IP"].warning  # 203.0.113.0/24 is a documentation net
        assert "88" in results["调用额度"].message

    def test_the_token_is_asked_about_once_by_post_and_in_the_body(self, platform):
        platform.script(INFO, info(20 * DAY))
        self.results(platform)
        (seen,) = platform.calls(INFO)
        assert (seen.method, form_of(seen), seen.query) == ("POST", {"access_token": TOKEN}, {})

    def test_a_token_of_another_account_stops_the_release(self, platform):
        platform.script(INFO, info(20 * DAY, uid="1"))
        result = self.results(platform)["授权"]
        assert not result.ok
        assert "政务账号" in result.message

    def test_a_dead_token_stops_the_release(self, platform):
        platform.script(INFO, refusal(21327), status=400)
        assert not self.results(platform)["授权"].ok

    def test_nobody_has_authorised(self, platform):
        assert not self.results(platform, ports=MemoryPorts(stored=None))["授权"].ok

    def test_a_token_pasted_anew_takes_the_place_of_a_dead_one(self, platform):
        platform.script(INFO, Say(refusal(21327), 400), info(20 * DAY))
        account = make_account(platform.url)
        account = replace(account, credentials={**account.credentials, "access_token": Secret("2.00pasted")})
        assert self.results(platform, account)["授权"].ok

    def test_missing_settings_are_named(self, platform):
        platform.script(INFO, info(20 * DAY))
        account = make_account(platform.url, app_key="", safe_domain="", rip="")
        results = self.results(platform, account)
        assert {name for name, result in results.items() if not result.ok} == {"账号设置", "安全域名", "出口 IP"}

    def test_platform_counters_are_only_a_hint(self, platform):
        platform.script(INFO, info(20 * DAY))
        platform.script(LIMITS, refusal(10014), status=403)
        result = self.results(platform)["调用额度"]
        assert result.ok
        assert not result.warning

    def test_few_calls_left_is_a_warning(self, platform):
        platform.script(INFO, info(20 * DAY))
        platform.script(LIMITS, {"remaining_user_hits": 3})
        assert self.results(platform)["调用额度"].warning

    def test_calls_reserved_for_sending_are_not_spent_on_it(self, platform):
        platform.script(INFO, info(20 * DAY))
        ports = MemoryPorts()
        ports.spent["weibo.calls", "day"] = 70
        assert self.results(platform, ports=ports)["调用额度"].warning
        assert not platform.calls(LIMITS)

    def test_nor_is_the_token_asked_about_with_calls_that_signed_posts_need(self, platform):
        ports = MemoryPorts(to_send=25)
        results = self.results(platform, ports=ports)
        assert not platform.seen
        assert [(results[name].ok, results[name].asked) for name in ("授权", "调用额度")] == [(True, False)] * 2
        assert "没有向微博核对授权" in results["授权"].message

    def test_another_try_of_such_a_question_spends_no_more_than_it_may(self, platform):
        platform.script(INFO, b"<html>", status=502)
        ports = MemoryPorts()
        ports.spent["weibo.calls", "day"] = 69
        self.results(platform, ports=ports)
        assert (len(platform.seen), ports.spent["weibo.calls", "day"]) == (1, 70)

    @pytest.mark.parametrize(
        ("left", "age", "words"),
        [
            (20 * DAY, 10 * DAY, ""),
            (9 * DAY, 21 * DAY, "30%"),
            (100 * DAY, 1725 * DAY, "10%"),
            (7 * DAY, 0, "7 天"),
            (3 * DAY, 0, "3 天"),
            (DAY, 0, "1 天"),
        ],
    )
    def test_expiry_is_warned_about_in_steps(self, left, age, words):
        result = expiry(info(left, age=age), NOW)
        assert result.ok
        assert result.warning is bool(words)
        assert words in result.message

    @pytest.mark.parametrize("left", [0, -5, 1799, "12", None, "soon"])
    def test_too_little_life_stops_the_release(self, left):
        assert not expiry({**info(0), "expire_in": left}, NOW).ok

    def test_without_a_creation_time_only_days_count(self):
        assert not expiry({"expire_in": str(20 * DAY)}, NOW).warning


def test_a_picture_of_290_kilobytes_still_goes(platform):
    """The drawn cover is bounded by us, an uploaded picture by the platform."""
    from .weibo_parts import png

    platform.script(TIMELINE, timeline())
    big = Asset(png(padding=290_000), "image/png")
    ports = MemoryPorts(assets={big.sha256: big})
    assert make_channel(make_account(platform.url), ports).stage([make_post(picture=big)], key="k").verified
