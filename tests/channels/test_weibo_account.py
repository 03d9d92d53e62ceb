"""Authorisation, tokens, numbers and withdrawal."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from bot.channels import kinds
from bot.domain.channel import ByHand, ChannelFault, Grant, PositionReceipt, Receipt, Remedy
from bot.domain.secret import Secret

from .weibo_parts import (
    NOW,
    TOKEN,
    UID,
    MemoryPorts,
    form_of,
    make_account,
    make_channel,
    refusal,
    running_platform,
    timeline,
)

EXCHANGE, INFO, COUNT = "/oauth2/access_token", "/oauth2/get_token_info", "/2/statuses/count.json"
TIMELINE = "/2/statuses/user_timeline.json"
BACK = "https://bot.hedong.gov.cn/authorize/wb"


@pytest.fixture
def platform():
    with running_platform() as running:
        yield running


def test_the_folder_is_found_as_a_channel():
    kind = kinds()["weibo"]
    assert kind.build(make_account(), MemoryPorts()).spec.name == "weibo"


class TestAuthorise:
    """A person authorises in a browser; only the government account passes."""

    def test_the_address_asks_who_is_there(self, platform):
        url = make_channel(make_account(platform.url)).authorize_url(redirect_uri=BACK, state="s 1")
        parts = urlsplit(url)
        assert url.startswith(f"{platform.url}/oauth2/authorize?")
        assert dict(parse_qsl(parts.query)) == {
            "client_id": "1234", "redirect_uri": BACK, "response_type": "code", "state": "s 1", "forcelogin": "true",
        }  # fmt: skip

    @pytest.mark.parametrize("uid", [UID, int(UID)])
    def test_the_code_becomes_a_token_of_the_configured_account(self, platform, uid):
        platform.script(
            EXCHANGE, {"access_token": "2.00new", "expires_in": 157679999, "uid": uid, "isRealName": "true"}
        )
        grant = make_channel(make_account(platform.url)).exchange(code="c", redirect_uri=BACK)
        assert grant == Grant(Secret("2.00new"), NOW + timedelta(seconds=157679999))
        (seen,) = platform.seen
        assert (seen.method, seen.query) == ("POST", {})
        assert form_of(seen) == {
            "client_id": "1234", "client_secret": "app-secret-canary", "grant_type": "authorization_code", "code": "c",
            "redirect_uri": BACK,
        }  # fmt: skip

    @pytest.mark.parametrize("uid", ["1", None, ""])
    def test_a_clerks_private_account_is_never_bound(self, platform, uid):
        platform.script(EXCHANGE, {"access_token": "2.00private", "expires_in": "86400", "uid": uid})
        with pytest.raises(ChannelFault) as caught:
            make_channel(make_account(platform.url)).exchange(code="c", redirect_uri=BACK)
        assert (caught.value.remedy, caught.value.code) == (Remedy.OPERATOR, "uid_mismatch")
        assert "令牌没有保存" in caught.value.message
        assert "2.00private" not in caught.value.message

    def test_without_a_configured_uid_nothing_is_exchanged(self, platform):
        with pytest.raises(ChannelFault) as caught:
            make_channel(make_account(platform.url, uid="")).exchange(code="c", redirect_uri=BACK)
        assert caught.value.code == "uid"
        assert not platform.seen

    def test_without_app_settings_it_says_which(self):
        channel = make_channel(replace(make_account(), credentials={}))
        with pytest.raises(ChannelFault, match="App Secret"):
            channel.exchange(code="c", redirect_uri=BACK)
        with pytest.raises(ChannelFault, match="App Key"):
            make_channel(make_account(app_key="")).authorize_url(redirect_uri=BACK, state="s")

    @pytest.mark.parametrize(
        ("code", "remedy"), [(21325, Remedy.OPERATOR), (21322, Remedy.OPERATOR), (21331, Remedy.UNKNOWN)]
    )
    def test_refusals_of_the_exchange(self, platform, code, remedy):
        platform.script(EXCHANGE, {**refusal(code, "invalid_grant"), "error_description": "x"}, status=400)
        with pytest.raises(ChannelFault) as caught:
            make_channel(make_account(platform.url)).exchange(code="used", redirect_uri=BACK)
        assert caught.value.remedy is remedy
        assert len(platform.seen) == 1

    def test_an_answer_without_a_token_is_no_authorisation(self, platform):
        platform.script(EXCHANGE, {"uid": UID})
        with pytest.raises(ChannelFault, match="重新授权"):
            make_channel(make_account(platform.url)).exchange(code="c", redirect_uri=BACK)

    def test_authorisation_may_have_its_own_address(self, platform):
        platform.script(EXCHANGE, {"access_token": "2.00new", "expires_in": 60, "uid": UID})
        account = replace(make_account(), endpoints={"api": "http://127.0.0.1:1", "oauth": platform.url + "/"})
        assert make_channel(account).exchange(code="c", redirect_uri=BACK).token == Secret("2.00new")


class TestToken:
    """The stored token, or the one pasted into the settings."""

    def pasted(self, platform, value="2.00pasted"):
        account = make_account(platform.url)
        return replace(account, credentials={**account.credentials, "access_token": Secret(value)})

    def test_a_pasted_token_is_taken_over_once_the_platform_vouches_for_it(self, platform):
        platform.script(INFO, {"uid": int(UID), "expire_in": 3600, "create_at": 1})
        ports = MemoryPorts(stored=None)
        channel = make_channel(self.pasted(platform), ports)
        assert channel.grant() == Grant(Secret("2.00pasted"), NOW + timedelta(hours=1))
        channel.grant()
        assert len(platform.calls(INFO)) == 1

    def test_a_pasted_token_of_somebody_else_is_not_used(self, platform):
        platform.script(INFO, {"uid": "1", "expire_in": 3600})
        with pytest.raises(ChannelFault) as caught:
            make_channel(self.pasted(platform), MemoryPorts(stored=None)).grant()
        assert caught.value.code == "uid_mismatch"

    def test_a_pasted_token_that_was_refused_is_not_asked_about_again(self, platform):
        platform.script(TIMELINE, refusal(21332), status=400)
        ports = MemoryPorts(stored=Grant(Secret("2.00pasted"), NOW + timedelta(days=1)))
        with pytest.raises(ChannelFault) as caught:
            make_channel(self.pasted(platform), ports).newest_own_id()
        assert caught.value.remedy is Remedy.OPERATOR
        assert not platform.calls(INFO)

    def test_a_newer_authorisation_wins_over_a_pasted_token(self, platform):
        assert make_channel(self.pasted(platform)).grant().token == Secret(TOKEN)

    def test_a_refused_token_is_replaced_once_when_somebody_has_authorised_again(self, platform):
        platform.script(TIMELINE, refusal(21332), timeline())
        ports = MemoryPorts()
        tokens = [ports.stored, Grant(Secret("2.00newer"), NOW + timedelta(days=30))]
        ports.token = lambda fetch, *, refused=None: tokens[1 if refused == tokens[0].token else 0]
        assert make_channel(make_account(platform.url), ports).newest_own_id() == ""
        assert [seen.headers["Authorization"] for seen in platform.seen] == [f"OAuth2 {TOKEN}", "OAuth2 2.00newer"]

    def test_a_refused_token_without_a_successor_needs_a_person(self, platform):
        platform.script(TIMELINE, refusal(21332), status=400)
        with pytest.raises(ChannelFault) as caught:
            make_channel(make_account(platform.url)).newest_own_id()
        assert caught.value.remedy is Remedy.OPERATOR
        assert len(platform.seen) == 1


def receipt(idstr: str) -> Receipt:
    return Receipt({"idstr": idstr, "uid": UID}, (PositionReceipt(idstr, None),))


def row(idstr: str, reposts=2, comments="3", attitudes=5):
    return {"id": int(idstr), "idstr": idstr, "reposts": reposts, "comments": comments, "attitudes": attitudes}


class TestMeasure:
    """Honest numbers."""

    def test_counters_come_with_the_raw_answer_and_the_link(self, platform):
        platform.script(COUNT, [row("5300000000000001")])
        (sample,) = make_channel(make_account(platform.url)).measure([receipt("5300000000000001")], day="2026-11-23")
        assert sample.values == {"reposts": 2, "comments": 3, "attitudes": 5}
        assert '"attitudes": 5' in sample.raw
        assert sample.url == f"https://weibo.com/{UID}/R00000001"
        assert not sample.absent

    def test_reads_are_not_reported_and_never_zero(self, platform):
        platform.script(COUNT, [{**row("5300000000000001"), "reposts": None, "attitudes": "n/a"}])
        (sample,) = make_channel(make_account(platform.url)).measure([receipt("5300000000000001")], day="2026-11-23")
        assert sample.values == {"reposts": None, "comments": 3, "attitudes": None}
        assert "reads" not in sample.values

    def test_a_post_that_is_left_out_is_absent(self, platform):
        platform.script(COUNT, [row("5300000000000002")])
        receipts = [receipt("5300000000000001"), receipt("5300000000000002")]
        samples = make_channel(make_account(platform.url)).measure(receipts, day="2026-11-23")
        assert [(s.platform_id, s.absent) for s in samples] == [("5300000000000001", True), ("5300000000000002", False)]
        assert samples[0].values == {}

    def test_a_hundred_ids_a_call(self, platform):
        platform.script(COUNT, [])
        ports = MemoryPorts()
        receipts = [receipt(str(5300000000000000 + n)) for n in range(201)]
        samples = make_channel(make_account(platform.url), ports).measure(receipts, day="2026-11-23")
        assert len(samples) == 201
        assert [len(seen.query["ids"].split(",")) for seen in platform.seen] == [100, 100, 1]
        assert ports.spent["weibo.calls", "day"] == 3

    def test_nothing_to_measure_costs_nothing(self, platform):
        assert make_channel(make_account(platform.url)).measure([], day="2026-11-23") == []
        assert not platform.seen

    def test_numbers_never_use_up_what_sending_needs(self, platform):
        ports = MemoryPorts()
        ports.spent["weibo.calls", "day"] = 70
        with pytest.raises(ChannelFault) as caught:
            make_channel(make_account(platform.url), ports).measure([receipt("5300000000000001")], day="2026-11-23")
        assert caught.value.remedy is Remedy.WAIT
        assert not platform.seen

    @pytest.mark.parametrize("body", [{"counts": []}, b"", b"null"])
    def test_an_answer_of_another_shape_is_no_absence(self, platform, body):
        platform.script(COUNT, body)
        with pytest.raises(ChannelFault) as caught:
            make_channel(make_account(platform.url)).measure([receipt("5300000000000001")], day="2026-11-23")
        assert caught.value.remedy is Remedy.UNKNOWN


def test_withdrawal_tells_a_person_the_steps_and_the_place():
    place = Receipt({}, (PositionReceipt("5300000000000001", "https://weibo.com/1/abc"),))
    answer = make_channel().withdraw(place)
    assert isinstance(answer, ByHand)
    assert "https://weibo.com/1/abc" in answer.message
    assert "删除" in answer.message
    assert "账号主页" in make_channel().withdraw(Receipt({}, ())).message


def test_no_secret_reaches_messages_or_the_trail(platform):
    """Every call fails while the platform echoes nothing useful; look at all that the product could keep."""
    ports = MemoryPorts()
    channel = make_channel(make_account(platform.url), ports)
    said = [result.message for result in channel.preflight()]
    for attempt in (channel.newest_own_id, lambda: channel.exchange(code="code-canary", redirect_uri=BACK)):
        with pytest.raises(ChannelFault) as caught:
            attempt()
        said += [caught.value.message, caught.value.detail, repr(caught.value)]
    kept = repr((said, ports.trail))
    assert ports.trail
    for canary in (TOKEN, "app-secret-canary", "code-canary"):
        assert canary not in kept
