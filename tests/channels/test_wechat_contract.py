"""WeChat against the rehearsal platform, which knows the real one from its pages and not from our adapter."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
import requests

from bot.domain.channel import Absent, ChannelFault, Failed, Pending, Receipt, Refused, Remedy, Unknown
from bot.domain.secret import Secret
from bot.rehearsal import RehearsalServer

from .contract import ChannelContract, exchange
from .stub import Say, running_stub
from .wechat_bench import ACCOUNT, BODY, COVER, WeChatBench
from .wechat_parts import AES_KEY, CALLBACK_TOKEN, KEY, make_post


@pytest.fixture
def server(tmp_path):
    running = RehearsalServer(tmp_path / "state").start()
    yield running
    if not running.world.stopping.is_set():
        running.stop()


class TestPublish(ChannelContract):
    @pytest.fixture
    def bench(self, server):
        return WeChatBench(server, "publish", 2)


class TestMass(ChannelContract):
    @pytest.fixture
    def bench(self, server):
        return WeChatBench(server, "mass", 4)


@pytest.fixture
def publish(server):
    return WeChatBench(server, "publish", 2)


@pytest.fixture
def mass(server):
    return WeChatBench(server, "mass", 2)


class TestReadBack:
    def test_an_external_picture_that_the_platform_drops_silently_is_noticed(self, publish):
        publish.posts = (make_post(1, content='<p>x</p><img src="https://www.hedong.gov.cn/x.png">', cover=COVER.ref),)
        with pytest.raises(ChannelFault) as caught:
            publish.stage()
        assert caught.value.remedy is Remedy.PERSON
        assert "正文" in caught.value.message

    def test_a_draft_edited_in_the_console_is_replaced_before_it_goes_out(self, publish):
        first = publish.stage()
        publish.act("edit_draft", change={"title": "被改过的标题"})
        again = publish.channel.stage(publish.posts, key=KEY, previous=first)
        assert again.table["draft"] != first["draft"]

    def test_a_single_article_keeps_its_digest(self, publish):
        publish.posts = publish.posts[:1]
        assert publish.channel.stage(publish.posts, key=KEY).verified

    def test_plain_text_answers_are_understood(self, publish):
        publish.arm("plain_text", "draft/get")
        assert publish.channel.stage(publish.posts, key=KEY).verified

    def test_limits_are_the_platforms(self, publish):
        publish.posts = (make_post(1, title="长" * 33, content=BODY, cover=COVER.ref),)
        with pytest.raises(ChannelFault) as caught:
            publish.stage()
        assert (caught.value.code, caught.value.remedy) == ("45003", Remedy.PERSON)


class TestTokens:
    def test_a_token_superseded_in_mid_run_is_renewed_once(self, publish):
        publish.channel.grant()
        publish.revoke_token()
        assert publish.channel.stage(publish.posts, key=KEY).verified

    def test_the_allow_list_is_explained_with_the_address(self, publish):
        publish.control(
            "accounts/change", {"platform": "wechat", "account": ACCOUNT["id"], "set": {"ip_allow": ["203.0.113.1"]}}
        )
        with pytest.raises(ChannelFault) as caught:
            publish.stage()
        assert caught.value.remedy is Remedy.OPERATOR
        assert "127.0.0.1" in caught.value.message


class TestPublishing:
    @pytest.mark.parametrize(
        ("code", "kind"), [(53503, Refused), (53501, Unknown), (40007, Unknown), (45009, Refused), (-1, Unknown)]
    )
    def test_refusals_as_the_platform_words_them(self, publish, code, kind):
        staged = publish.stage()
        publish.arm("error", code=code)
        assert isinstance(publish.channel.read_answer(publish.send(staged)), kind)

    @pytest.mark.parametrize("status", [2, 3, 4])
    def test_asynchronous_failures(self, publish, status):
        staged = publish.stage()
        publish.arm("publish", status=status, seconds=0)
        accepted = publish.channel.read_answer(publish.send(staged))
        assert isinstance(publish.settle(publish.evidence(staged, accepted.ids)), Failed)
        assert publish.public_effects() == 0

    def test_what_was_taken_away_later_is_gone(self, publish):
        staged = publish.stage()
        accepted = publish.channel.read_answer(publish.send(staged))
        publish.settle(publish.evidence(staged, accepted.ids))
        publish.act("remove_article")
        assert publish.settle(publish.evidence(staged, accepted.ids)).gone

    def test_ids_as_integers_and_no_msg_data_id(self, publish):
        publish.switch(publish_id_type="integer", msg_data_id=False)
        staged = publish.stage()
        accepted = publish.channel.read_answer(publish.send(staged))
        assert isinstance(publish.settle(publish.evidence(staged, accepted.ids)), Receipt)

    def test_a_used_up_status_quota_does_not_hide_what_is_live(self, publish):
        staged = publish.stage()
        accepted = publish.channel.read_answer(publish.send(staged))
        publish.settle(publish.evidence(staged, accepted.ids))
        publish.arm("error", "freepublish/get", code=45009)
        assert isinstance(publish.channel.look(publish.evidence(staged, accepted.ids)), Receipt)

    @pytest.mark.parametrize("mode", ["b", "c"])
    def test_a_resubmission_is_never_read_as_a_clean_refusal(self, publish, mode):
        publish.switch(duplicate_submit=mode, publish_seconds=30)
        staged = publish.stage()
        publish.send(staged)
        assert isinstance(publish.channel.read_answer(publish.send(staged), after_unknown=True), Unknown)


class TestMassSending:
    def test_a_replay_with_the_same_key_gives_the_same_msg_id(self, mass):
        staged = mass.stage()
        first = mass.channel.read_answer(mass.send(staged))
        replay = mass.channel.read_answer(mass.send(staged), after_unknown=True)
        assert isinstance(replay, Unknown)
        assert replay.ids == {"msg_id": first.ids["msg_id"]}
        mass.settle(mass.evidence(staged, first.ids))
        assert mass.public_effects() == 2

    @pytest.mark.parametrize("order", ["clientmsgid", "quota", "media"])
    def test_in_whatever_order_the_platform_checks_a_replay_is_never_a_refusal(self, mass, order):
        mass.switch(check_order=order)
        staged = mass.stage()
        first = mass.channel.read_answer(mass.send(staged))
        mass.settle(mass.evidence(staged, first.ids))
        assert isinstance(mass.channel.read_answer(mass.send(staged), after_unknown=True), Unknown)
        assert mass.public_effects() == 2

    def test_a_replay_of_a_send_that_never_arrived_is_the_send(self, mass):
        staged = mass.stage()
        mass.lose(executed=False)
        mass.send(staged)
        proof = mass.evidence(staged, after_unknown=True)
        assert isinstance(mass.channel.look(proof), Absent)
        answer = mass.channel.read_answer(
            exchange(mass.channel.probe_request(proof, mass.channel.grant())), after_unknown=True
        )
        assert isinstance(answer, Pending)
        assert isinstance(mass.settle(mass.evidence(staged, answer.ids)), Receipt)

    def test_a_days_quota_used_from_the_web_console_is_for_a_person(self, mass):
        staged = mass.stage()
        mass.act("web_send")
        answer = mass.channel.read_answer(mass.send(staged))
        assert isinstance(answer, Refused)
        assert (answer.code, answer.remedy) == ("45028", Remedy.PERSON)

    def test_a_send_that_the_administrator_must_confirm_is_found_by_its_key(self, mass):
        mass.switch(protection=True)
        staged = mass.stage()
        assert isinstance(mass.channel.read_answer(mass.send(staged)), Unknown)
        proof = mass.evidence(staged, after_unknown=True)
        found = mass.channel.read_answer(
            exchange(mass.channel.probe_request(proof, mass.channel.grant())), after_unknown=True
        )
        assert isinstance(mass.channel.look(mass.evidence(staged, found.ids)), Pending)
        mass.act("decide", outcome="confirm")
        assert isinstance(mass.settle(mass.evidence(staged, found.ids)), Receipt)

    def test_a_rejected_send_has_failed(self, mass):
        staged = mass.stage()
        mass.arm("mass", status="err(20001)", seconds=0)
        accepted = mass.channel.read_answer(mass.send(staged))
        assert isinstance(mass.settle(mass.evidence(staged, accepted.ids)), Failed)


class TestCallbacks:
    """The platform's own events, through our receiver."""

    @pytest.fixture(params=[("plain", "xml"), ("plain", "json"), ("compat", "xml"), ("safe", "xml"), ("safe", "json")])
    def listening(self, request, server):
        mode, form = request.param
        with running_stub() as stub:
            stub.script("/callback", Say(b"success", content_type="text/plain"))
            callback = {
                "url": f"{stub.url}/callback",
                "token": CALLBACK_TOKEN,
                "aes_key": AES_KEY,
                "mode": mode,
                "format": form,
            }
            yield stub, callback, "plain" if mode == "plain" else "aes"

    def start(self, server, mode, listening):
        bench = WeChatBench(server, mode, 2)
        bench.account.options["callback_mode"] = listening[2]
        bench.account.options["original_id"] = str(ACCOUNT["gh_id"])
        bench.account.credentials["callback_aes_key"] = Secret(AES_KEY)
        bench.control(
            "accounts/change", {"platform": "wechat", "account": ACCOUNT["id"], "set": {"callback": listening[1]}}
        )
        return bench

    def heard(self, bench, stub):
        end = time.monotonic() + 8
        while not stub.asked and time.monotonic() < end:
            time.sleep(0.02)  # the platform posts from another thread
        asked = stub.asked[0]
        reply = bench.channel.callback(asked.method, asked.query, asked.body, now=bench.ports.now())
        assert (reply.status, reply.body) == (200, b"success"), reply.refusal
        (event,) = reply.events
        return event

    def test_a_mass_sends_event_brings_the_addresses(self, server, listening):
        bench = self.start(server, "mass", listening)
        staged = bench.stage()
        ids = bench.channel.read_answer(bench.send(staged)).ids
        event = self.heard(bench, listening[0])
        assert event.ids["msg_id"] == ids["msg_id"]
        assert isinstance(event.outcome, Receipt)
        assert all(position.url for position in event.outcome.positions)
        looked = bench.settle(bench.evidence(staged, ids))
        assert [p.platform_id for p in event.outcome.positions] == [p.platform_id for p in looked.positions]

    def test_a_publish_jobs_event_is_followed_by_our_own_read_back(self, server, listening):
        bench = self.start(server, "publish", listening)
        staged = bench.stage()
        ids = bench.channel.read_answer(bench.send(staged)).ids
        event = self.heard(bench, listening[0])
        assert event.ids["publish_id"] == ids["publish_id"]
        assert isinstance(event.outcome, Pending)
        assert isinstance(bench.settle(bench.evidence(staged, event.ids)), Receipt)

    def test_under_the_other_name_it_is_the_same_event(self, server, listening):
        bench = self.start(server, "publish", listening)
        staged = bench.stage()
        bench.arm("event", mode="rename")
        ids = bench.channel.read_answer(bench.send(staged)).ids
        assert self.heard(bench, listening[0]).ids["publish_id"] == ids["publish_id"]


@pytest.mark.parametrize("mode", ["publish", "mass"])
@pytest.mark.parametrize("keep", ["all ids", "no msg_data_id"])
def test_the_next_days_statistics_are_matched_to_their_positions(server, mode, keep):
    bench = WeChatBench(server, mode, 2)
    staged = bench.stage()
    accepted = bench.channel.read_answer(bench.send(staged))
    ids = {name: value for name, value in accepted.ids.items() if keep == "all ids" or name != "msg_data_id"}
    receipt = bench.settle(bench.evidence(staged, ids))
    today = requests.get(f"{server.base_url}/_control/clock", timeout=5).json()
    day = datetime.fromisoformat(today["statistics"]).astimezone(UTC) + timedelta(hours=8)
    tomorrow = (day + timedelta(days=1)).strftime("%Y-%m-%dT09:00:00+08:00")
    bench.control("clock", {"statistics": tomorrow})
    samples = bench.channel.measure([receipt], day=day.date().isoformat())
    assert {sample.platform_id for sample in samples} == {position.platform_id for position in receipt.positions}
    assert all(sample.url and sample.values["reads"] is not None for sample in samples)
    assert json.loads(samples[0].raw)["stat_date"] == samples[0].stat_date
