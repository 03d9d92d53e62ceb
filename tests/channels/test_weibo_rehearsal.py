"""The adapter against the rehearsal Weibo: a platform written from the fact sheet by other hands."""

from __future__ import annotations

import http.client
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.weibo.text import base62_id, half_units
from bot.domain.channel import (
    Absent,
    ChannelFault,
    Evidence,
    Failed,
    Grant,
    HandMade,
    Pending,
    Receipt,
    Refused,
    Remedy,
    Unclear,
    Unknown,
    Unrecognised,
    WireAnswer,
    WireRequest,
)
from bot.domain.secret import Secret
from bot.rehearsal.actions import perform
from bot.rehearsal.defaults import WEIBO, WEIBO_TOKEN
from bot.rehearsal.faults import arm
from bot.rehearsal.server import RehearsalServer
from bot.rehearsal.weibo import text as other

from .weibo_parts import LINK, PICTURE, TEXT, MemoryPorts, make_account, make_channel, make_post

UID = str(WEIBO["id"])


def deliver(wire: WireRequest) -> WireAnswer | None:
    """One write on a fresh connection, as at T; None when the line broke without an answer."""
    parts = urlsplit(wire.url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=5)
    with suppress(OSError, http.client.HTTPException):
        connection.request(wire.method, parts.path, wire.body, dict(wire.headers))
        response = connection.getresponse()
        try:
            body, complete = response.read(), True
        except http.client.IncompleteRead as cut:
            body, complete = cut.partial, False
        connection.close()
        return WireAnswer(response.status, tuple(response.getheaders()), body, complete)
    return None


class Drill:
    """One account on the rehearsal platform, and its adapter."""

    def __init__(self, server: RehearsalServer) -> None:
        self.world, self.base = server.world, f"{server.base_url}/weibo"
        now = datetime.now(UTC)
        grant = Grant(Secret(WEIBO_TOKEN), now + timedelta(days=300))
        self.ports = MemoryPorts(stored=grant, clock=now)
        account = make_account(self.base, uid=UID, app_key=str(WEIBO["app_key"]))
        self.account = replace(account, credentials={"app_secret": Secret(str(WEIBO["app_secret"]))})
        self.channel = make_channel(self.account, self.ports)

    def arm(self, fault: str, call: str = "statuses/share", **args) -> None:
        with self.world.store.transaction():
            arm(self.world.store, {"platform": "weibo", "fault": fault, "call": call, "args": args})

    def act(self, action: str, **args):
        return perform(self.world, {"platform": "weibo", "account": UID, "action": action, "args": args})

    def send(self, post=None, key: str = "pub-1"):
        """Stage, send once, read the answer; remember what was known for looking."""
        self.post = post or make_post()
        staged = self.channel.stage([self.post], key=key)
        self.evidence = Evidence(
            key=key, posts=(self.post,), staged=staged.table, ids={}, sent_at=self.ports.now(),
            now=self.ports.now() + timedelta(seconds=15), after_unknown=True, since=self.channel.newest_own_id(),
        )  # fmt: skip
        answer = deliver(self.channel.public_request([self.post], staged.table, self.channel.grant(), key=key))
        return None if answer is None else self.channel.read_answer(answer)

    def look(self, **changes):
        return self.channel.look(replace(self.evidence, **changes))

    @property
    def effects(self) -> int:
        """How many posts ever became public."""
        return len(self.world.store.rows("SELECT * FROM effects WHERE platform = 'weibo'"))


@pytest.fixture
def drill(tmp_path):
    with RehearsalServer(tmp_path / "rehearsal") as server:
        yield Drill(server)


class TestTheWholeWay:
    """Staged, sent, accepted, read back, counted."""

    @pytest.mark.parametrize("picture", [None, PICTURE], ids=["plain", "with a picture"])
    def test_one_post_goes_out_once_and_is_read_back(self, drill, picture):
        accepted = drill.send(make_post(picture=picture))
        assert isinstance(accepted, Pending)
        live = drill.look(ids=accepted.ids, after_unknown=False)
        assert isinstance(live, Receipt)
        assert live.positions[0].platform_id == accepted.ids["idstr"]
        (effect,) = drill.world.store.rows("SELECT * FROM effects")
        assert effect["url"] == live.positions[0].url
        assert effect["marker"] == LINK

    def test_numbers_come_for_it(self, drill):
        idstr = drill.send().ids["idstr"]
        live = drill.look(ids={"idstr": idstr})
        (sample,) = drill.channel.measure([live], day="2026-11-23")
        assert set(sample.values) == {"reposts", "comments", "attitudes"}
        assert all(isinstance(value, int) for value in sample.values.values())

    def test_a_removed_post_is_seen_as_gone_by_look_and_numbers(self, drill):
        live = drill.look(ids=drill.send().ids)
        drill.act("delete_post")
        gone = drill.look(ids=live.ids, now=drill.evidence.now + timedelta(days=1))
        assert isinstance(gone, Failed)
        assert gone.gone
        assert drill.channel.measure([live], day="2026-11-23")[0].absent

    def test_a_post_that_a_person_made_has_numbers_by_its_address(self, drill):
        made = drill.act("foreign_posts", count=1)
        (found,) = drill.channel.recognise([HandMade(made["urls"][0], "", "share")], [], day="2026-11-23")
        (sample,) = drill.channel.measure([found], day="2026-11-23")
        assert sample.platform_id == made["ids"][0]
        assert all(isinstance(value, int) for value in sample.values.values())

    def test_a_mobile_address_is_read_to_see_whose_it_is(self, drill):
        (mine,) = drill.act("foreign_posts", count=1)["ids"]
        posts = [HandMade(f"https://m.weibo.cn/status/{number}", "", "share") for number in (mine, "5300000000000001")]
        found, other = drill.channel.recognise(posts, [], day="2026-11-23")
        assert found.ids["idstr"] == mine
        assert isinstance(other, Unrecognised)

    def test_multipart_values_survive_either_way_of_the_platform(self, drill):
        """Whether it decodes them is not documented, so the account says which."""
        text = f"完成率100% 50%20 a+b&c {TEXT}"
        account = drill.world.store.get("account", "weibo", UID)
        drill.world.store.put("account", "weibo", UID, account | {"switches": {"multipart_decode": True}})
        options = {**drill.account.options, "multipart_encoding": "percent"}
        drill.channel = make_channel(replace(drill.account, options=options), drill.ports)
        accepted = drill.send(make_post(text, picture=PICTURE))
        assert isinstance(drill.look(ids=accepted.ids), Receipt)

    def test_preflight_is_green(self, drill):
        assert all(result.ok for result in drill.channel.preflight())


class TestWhatGoesWrong:
    """Never twice, never a false success."""

    @pytest.mark.parametrize("fault", ["lost_after", "reset_after"])
    def test_an_answer_lost_after_the_effect_is_found_by_looking(self, drill, fault):
        drill.arm(fault)
        assert drill.send() is None
        assert isinstance(drill.look(), Receipt)
        assert drill.effects == 1

    @pytest.mark.parametrize("fault", ["lost_before", "reset_before"])
    def test_an_answer_lost_before_the_effect_leaves_nothing(self, drill, fault):
        drill.arm(fault)
        assert drill.send() is None
        assert isinstance(drill.look(), Absent)
        assert drill.effects == 0

    @pytest.mark.parametrize(
        ("fault", "args"),
        [("truncate", {}), ("empty", {}), ("array", {}), ("html_502", {"effect": True}), ("http_500", {"effect": True}),
         ("busy", {"effect": True}), ("error", {"code": 99999, "effect": True}), ("error", {"code": 20019, "effect": True})],
    )  # fmt: skip
    def test_an_answer_that_proves_nothing_is_unknown_and_then_found(self, drill, fault, args):
        drill.arm(fault, **args)
        assert isinstance(drill.send(), Unknown)
        assert isinstance(drill.look(), Receipt)
        assert drill.effects == 1

    def test_20032_is_accepted_and_found_without_an_id(self, drill):
        drill.arm("delayed", seconds=0)
        accepted = drill.send()
        assert isinstance(accepted, Pending)
        assert not accepted.ids
        assert isinstance(drill.look(after_unknown=False), Receipt)

    def test_20032_is_looked_for_again_while_it_does_not_show(self, drill):
        drill.arm("delayed", seconds=60)
        assert isinstance(drill.send(), Pending)
        assert isinstance(drill.look(after_unknown=False), Absent)

    def test_a_late_timeline_is_no_absence(self, drill):
        drill.arm("timeline_lag", seconds=60)
        accepted = drill.send()
        assert isinstance(drill.look(ids=accepted.ids, after_unknown=False), Pending)

    def test_a_second_send_is_refused_by_the_platform_and_means_look(self, drill):
        """Not by us: nothing of ours ever sends twice."""
        drill.send()
        assert isinstance(drill.send(), Unknown)
        assert drill.effects == 1

    def test_hand_made_posts_in_between_do_not_hide_or_replace_ours(self, drill):
        drill.arm("lost_after")
        drill.send()
        drill.act("foreign_posts", count=6)
        assert isinstance(drill.look(), Receipt)

    def test_a_timeline_full_of_posts_of_this_app_goes_to_a_person(self, drill):
        drill.arm("lost_before")
        drill.send()
        for number in range(5):
            drill.channel.read_answer(self.other_post(drill, number))
        found = drill.look()
        assert isinstance(found, Unclear)
        assert found.needs_person

    @staticmethod
    def other_post(drill: Drill, number: int) -> WireAnswer:
        topics = ["秋粮收购", "医保缴费", "冬季供暖", "公交改线", "校园安全"]
        post = make_post(f"{topics[number]}{'今明两天有新的安排，请广大市民互相转告。' * (number + 1)} {LINK}")
        staged = {"post": post.hash}
        answer = deliver(drill.channel.public_request([post], staged, drill.channel.grant(), key=f"other-{number}"))
        assert answer is not None
        return answer

    @pytest.mark.parametrize("how", ["expired", "revoked", "withdrawn"])
    def test_a_dead_token_refuses_cleanly_and_asks_for_authorisation(self, drill, how):
        post = make_post()
        staged = drill.channel.stage([post], key="k").table
        drill.act("end_token", how=how)
        answer = deliver(drill.channel.public_request([post], staged, drill.channel.grant(), key="k"))
        refused = drill.channel.read_answer(answer)
        assert isinstance(refused, Refused)
        assert refused.remedy is Remedy.OPERATOR
        assert drill.effects == 0

    @pytest.mark.parametrize(
        ("change", "remedy"),
        [
            ({"safe_domains": []}, Remedy.OPERATOR),
            ({"safe_domains": ["other.gov.cn"]}, Remedy.PERSON),
            ({"switches": {"posts_per_hour": 0}}, Remedy.WAIT),
            ({"switches": {"characters": 20}}, Remedy.PERSON),
        ],
    )
    def test_refusals_carry_their_remedy(self, drill, change, remedy):
        account = drill.world.store.get("account", "weibo", UID)
        drill.world.store.put("account", "weibo", UID, account | change)
        refused = drill.send()
        assert isinstance(refused, Refused)
        assert refused.remedy is remedy
        assert drill.effects == 0

    def test_a_refusal_with_a_code_in_quotes_is_the_same_refusal(self, drill):
        drill.arm("error", code=20021)
        drill.arm("string_code")
        refused = drill.send()
        assert isinstance(refused, Refused)
        assert refused.code == "20021"

    def test_a_refusal_with_http_200_is_the_same_refusal(self, drill):
        """The code decides (weibo.md, fact 6); the status does not."""
        drill.arm("error", code=20021)
        drill.arm("status_200")
        refused = drill.send()
        assert isinstance(refused, Refused)
        assert refused.code == "20021"
        assert drill.effects == 0


class TestAuthorisation:
    """The way through the platform's own consent page."""

    def code_from_page(self, url: str) -> str:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=5)
        form = urlencode({**dict(parse_qsl(parts.query)), "action": "allow", "uid": UID})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", parts.path, form, headers)
        location = connection.getresponse().getheader("Location") or ""
        connection.close()
        answer = dict(parse_qsl(urlsplit(location).query))
        assert answer["state"] == "s1"
        return answer["code"]

    def test_a_code_gives_a_working_token_and_works_once(self, drill):
        back = str(WEIBO["redirect_uri"])
        code = self.code_from_page(drill.channel.authorize_url(redirect_uri=back, state="s1"))
        drill.ports.stored = drill.channel.exchange(code=code, redirect_uri=back)
        assert drill.channel.newest_own_id() == ""
        with pytest.raises(ChannelFault) as caught:
            drill.channel.exchange(code=code, redirect_uri=back)
        assert caught.value.code == "21325"

    def test_another_account_is_not_bound(self, drill):
        back = str(WEIBO["redirect_uri"])
        stranger = make_channel(replace(drill.account, options={**drill.account.options, "uid": "1"}), drill.ports)
        code = self.code_from_page(drill.channel.authorize_url(redirect_uri=back, state="s1"))
        with pytest.raises(ChannelFault) as caught:
            stranger.exchange(code=code, redirect_uri=back)
        assert caught.value.code == "uid_mismatch"


class TestTwoReadingsOfTheSheet:
    """Two counters written apart agree."""

    pieces = st.one_of(
        st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1),
        st.sampled_from(["😀", "[微笑]", "abc 1", "，", "\n", LINK, "http://t.cn/A6abcde", "http://weibo.com/u/1", "http://a.cn/" + "x" * 150]),
    )  # fmt: skip

    @given(st.lists(pieces, max_size=8))
    def test_length(self, pieces):
        text = " ".join(pieces)
        assert half_units(text) == other.half_widths(text)

    @given(st.integers(min_value=1, max_value=10**17))
    def test_permalink(self, number):
        assert base62_id(str(number)) == other.permalink_code(str(number))
