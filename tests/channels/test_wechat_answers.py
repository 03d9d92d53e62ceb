"""The public call: its bytes, and what may be believed of its answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.channel import Grant, Pending, Refused, Remedy, Unknown
from bot.domain.secret import Secret

from .wechat_parts import KEY, NOW, evidence, make_channel, make_post, wire

POSTS = (make_post(),)
GRANT = Grant(Secret("TOKEN"), NOW)
STAGED = {"draft": "DRAFT1"}
PUBLISH, MASS = make_channel(), make_channel(mode="mass")
BOTH = pytest.mark.parametrize("channel", [PUBLISH, MASS], ids=["publish", "mass"])


def accepted(channel):
    return (
        {"errcode": 0, "errmsg": "ok", "publish_id": "100", "msg_data_id": 7}
        if channel is PUBLISH
        else {"msg_id": 34182}
    )


class TestBytes:
    def test_publishing_names_the_draft_and_nothing_else(self):
        request = PUBLISH.public_request(POSTS, STAGED, GRANT, key=KEY)
        assert request.method == "POST"
        assert urlsplit(request.url).path == "/cgi-bin/freepublish/submit"
        assert parse_qs(urlsplit(request.url).query) == {"access_token": ["TOKEN"]}
        assert json.loads(request.body) == {"media_id": "DRAFT1"}

    def test_a_mass_send_carries_the_key(self):
        request = MASS.public_request(POSTS, STAGED, GRANT, key=KEY)
        assert urlsplit(request.url).path == "/cgi-bin/message/mass/sendall"
        assert json.loads(request.body) == {
            "filter": {"is_to_all": True},
            "mpnews": {"media_id": "DRAFT1"},
            "msgtype": "mpnews",
            "send_ignore_reprint": 0,
            "clientmsgid": KEY,
        }

    def test_reprints_are_sent_only_where_the_account_says_so(self):
        request = make_channel(mode="mass", send_ignore_reprint="1").public_request(POSTS, STAGED, GRANT, key=KEY)
        assert json.loads(request.body)["send_ignore_reprint"] == 1

    @BOTH
    def test_same_inputs_give_the_same_request(self, channel):
        assert channel.public_request(POSTS, STAGED, GRANT, key=KEY) == channel.public_request(
            POSTS, STAGED, GRANT, key=KEY
        )

    @given(st.text(min_size=1, max_size=80))
    def test_the_platforms_key_never_exceeds_32_bytes(self, key):
        body = json.loads(MASS.public_request(POSTS, STAGED, GRANT, key=key).body)
        assert 1 <= len(body["clientmsgid"].encode()) <= 32

    @BOTH
    def test_the_token_is_not_in_the_requests_repr(self, channel):
        assert "TOKEN" not in repr(channel.public_request(POSTS, STAGED, GRANT, key=KEY))

    @BOTH
    def test_nothing_staged_means_nothing_sent(self, channel):
        with pytest.raises(ValueError, match="staged"):
            channel.public_request(POSTS, {}, GRANT, key=KEY)


class TestProbe:
    def test_a_replay_of_a_mass_send_is_the_same_bytes(self):
        proof = evidence(POSTS, staged=STAGED)
        assert MASS.probe_request(proof, GRANT) == MASS.public_request(POSTS, STAGED, GRANT, key=KEY)

    def test_after_23_hours_the_key_protects_nothing(self):
        late = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
        assert MASS.probe_request(evidence(POSTS, now=late), GRANT) is None

    def test_freepublish_has_no_key_and_no_probe(self):
        assert PUBLISH.probe_request(evidence(POSTS), GRANT) is None


class TestAccepted:
    @pytest.mark.parametrize("publish_id", ["100000005", 100000005])
    def test_publish_id_is_kept_as_text_whatever_its_type(self, publish_id):
        answer = PUBLISH.read_answer(wire({"errcode": 0, "publish_id": publish_id}))
        assert answer == Pending({"publish_id": "100000005"}, answer.message)

    def test_errcode_may_be_missing_and_msg_data_id_too(self):
        answer = PUBLISH.read_answer(wire({"publish_id": "1"}))
        assert isinstance(answer, Pending)

    def test_a_mass_send_gives_its_ids(self):
        answer = MASS.read_answer(wire({"errcode": 0, "msg_id": 34182, "msg_data_id": 206227730}))
        assert answer.ids == {"msg_id": "34182", "msg_data_id": "206227730"}

    @pytest.mark.parametrize("value", [None, "", 0, True, 1.5, [], {}, "a b", "x" * 200, "中"])
    @BOTH
    def test_acceptance_without_a_well_formed_id_is_unknown(self, channel, value):
        body = {"errcode": 0, "publish_id": value, "msg_id": value}
        assert isinstance(channel.read_answer(wire(body)), Unknown)


class TestUnknown:
    @pytest.mark.parametrize("body", [b"", b"<html>502</html>", b"[]", b"null", b'{"errcode":0', b'"ok"', b"{}"])
    @BOTH
    def test_what_is_not_the_platforms_answer(self, channel, body):
        answer = channel.read_answer(wire(body))
        assert isinstance(answer, Unknown)
        assert "请不要" in answer.message

    @pytest.mark.parametrize("status", [100, 301, 302, 500, 502, 503])
    @BOTH
    def test_a_status_that_may_be_somebody_elses_however_good_the_body(self, channel, status):
        answer = channel.read_answer(wire(accepted(channel), status))
        assert isinstance(answer, Unknown)
        assert answer.ids == channel.read_answer(wire(accepted(channel))).ids  # a hint for whoever looks
        assert isinstance(channel.read_answer(wire({"errcode": 48001}, status)), Unknown)

    @pytest.mark.parametrize("status", [400, 403, 408, 413])
    @BOTH
    def test_an_acceptance_with_the_status_of_a_refusal(self, channel, status):
        assert isinstance(channel.read_answer(wire(accepted(channel), status)), Unknown)

    @pytest.mark.parametrize("status", [200, 400, 403, 429])
    @BOTH
    def test_of_a_refusal_the_code_decides_whatever_the_status(self, channel, status):
        assert isinstance(channel.read_answer(wire({"errcode": 48001}, status)), Refused)

    @BOTH
    def test_a_cut_answer_however_good_it_looks(self, channel):
        assert isinstance(channel.read_answer(wire(accepted(channel), complete=False)), Unknown)

    @pytest.mark.parametrize("code", ["0", "40001", None, True, 1.0, [], {}])
    @BOTH
    def test_an_errcode_of_another_type(self, channel, code):
        assert isinstance(channel.read_answer(wire(accepted(channel) | {"errcode": code})), Unknown)

    @given(st.integers().filter(lambda code: code not in {0}), st.booleans())
    def test_a_refusal_is_only_what_the_table_lists(self, code, after):
        answer = PUBLISH.read_answer(wire({"errcode": code}), after_unknown=after)
        assert isinstance(answer, Refused | Unknown)

    @pytest.mark.parametrize("code", [40001, 42001, 45011, 48001])
    @BOTH
    def test_a_refusal_that_names_a_job_contradicts_itself_and_proves_nothing(self, channel, code):
        answer = channel.read_answer(wire(accepted(channel) | {"errcode": code, "errmsg": "x"}))
        assert isinstance(answer, Unknown)
        assert set(answer.ids) & {"publish_id", "msg_id"}

    @given(st.binary(max_size=200))
    def test_noise_never_raises_and_is_never_believed(self, noise):
        assert isinstance(MASS.read_answer(wire(noise)), Unknown)

    def test_45065_keeps_the_msg_id_of_the_send_that_was_accepted(self):
        for after in (False, True):
            answer = MASS.read_answer(wire({"errcode": 45065, "errmsg": "exist", "msg_id": 34182}), after_unknown=after)
            assert isinstance(answer, Unknown)
            assert answer.ids == {"msg_id": "34182"}

    def test_awaiting_the_administrator_is_not_a_refusal(self):
        answer = MASS.read_answer(wire({"errcode": 89505, "errmsg": "wait"}))
        assert isinstance(answer, Unknown)
        assert "请管理员在 30 分钟内确认" in answer.message
        assert answer.hold == timedelta(minutes=30)

    @pytest.mark.parametrize("code", [-1, 45066, 268488001, 99999])
    def test_nothing_else_keeps_the_replay_waiting(self, code):
        assert MASS.read_answer(wire({"errcode": code})).hold == timedelta(0)


class TestRefused:
    @pytest.mark.parametrize("account_type", ["subscription", "service"])
    def test_mass_quota_used_up_is_for_a_person_now_and_never_sent_by_machine_in_the_next_period(self, account_type):
        """Just before midnight the next day would be near enough: its one send may be another release's."""
        channel = make_channel(mode="mass", account_type=account_type)
        answer = channel.read_answer(wire({"errcode": 45028}, date="Mon, 23 Nov 2026 15:59:59 GMT"))
        assert isinstance(answer, Refused)
        assert (answer.remedy, answer.wait_until) == (Remedy.PERSON, None)
        assert "本次没有发出" in answer.message
        assert "改期" in answer.message

    def test_calls_used_up_wait_for_the_next_day_by_the_platforms_clock(self):
        answer = MASS.read_answer(wire({"errcode": 45009}, date="Mon, 23 Nov 2026 15:59:59 GMT"))
        assert (answer.remedy, answer.wait_until) == (Remedy.WAIT, datetime(2026, 11, 23, 16, tzinfo=UTC))

    @pytest.mark.parametrize("date", ["Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"])
    def test_a_date_that_is_years_away_dates_no_wait(self, date):
        ours = MASS.read_answer(wire({"errcode": 45009})).wait_until
        assert MASS.read_answer(wire({"errcode": 45009}, date=date)).wait_until == ours

    def test_after_an_unknown_send_quota_used_up_may_mean_that_it_went_out(self):
        answer = MASS.read_answer(wire({"errcode": 45028}), after_unknown=True)
        assert isinstance(answer, Unknown)
        assert "没有发出" not in answer.message
        assert "改期" not in answer.message

    @pytest.mark.parametrize("code", [40001, 40014, 42001])
    @BOTH
    def test_a_token_error_was_not_executed(self, channel, code):
        for after in (False, True):
            answer = channel.read_answer(wire({"errcode": code}), after_unknown=after)
            assert isinstance(answer, Refused)
            assert answer.remedy is Remedy.REFRESH

    def test_a_draft_that_failed_the_check_is_for_a_person(self):
        answer = PUBLISH.read_answer(wire({"errcode": 53503, "errmsg": "rid: 1-2"}))
        assert (answer.code, answer.remedy, answer.detail) == ("53503", Remedy.PERSON, "rid: 1-2")
        assert "本次没有发出" in answer.message

    def test_a_token_echoed_by_the_platform_is_masked(self):
        answer = PUBLISH.read_answer(wire({"errcode": 48001, "errmsg": f"bad {'T' * 100} rid: 1-2"}))
        assert "TTTT" not in answer.detail
