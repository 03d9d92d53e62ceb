"""Reading the answer to the public call: what may be believed, and what must be looked into."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.weibo.codes import TABLE, Do, OnShare, fault, window_end
from bot.domain.channel import Pending, Refused, Remedy, Unknown
from bot.domain.instants import NaiveInstantError

from .weibo_parts import NOW, UID, MemoryPorts, make_channel, make_status, refusal, wire

CHANNEL = make_channel()
CLEAN = sorted(code for code, line in TABLE.items() if line.share is OnShare.CLEAN)
UNSURE = sorted(code for code, line in TABLE.items() if line.share is OnShare.UNSURE)


def read(body, status=400, **more):
    return CHANNEL.read_answer(wire(body, status, **more))


class TestSuccess:
    """Accepted is not yet live."""

    def test_a_status_with_idstr_is_pending_until_it_is_read_back(self):
        answer = read(make_status("5300000000000001"), 200)
        assert isinstance(answer, Pending)
        assert answer.ids == {"idstr": "5300000000000001", "uid": UID}

    def test_the_exact_idstr_counts_not_the_rounded_id(self):
        answer = read(make_status("5300000000000001", id=5.300000000000001e15), 200)
        assert answer.ids["idstr"] == "5300000000000001"

    def test_a_row_of_digits_that_no_number_can_have_is_no_id(self):
        for odd in ("9" * 5000, "9" * 21, ""):
            assert not read({**make_status(), "idstr": odd}, 200).ids.get("idstr")

    def test_20032_means_accepted_and_is_never_resent(self):
        """It comes as an error, and the post appears one or two minutes later; its id is found by looking."""
        answer = read(refusal(20032))
        assert isinstance(answer, Pending)
        assert answer.ids == {}
        assert "请勿重发" in answer.message

    def test_a_success_under_another_account_is_no_success(self):
        answer = read(make_status(user={"idstr": "1", "id": 1}), 200)
        assert isinstance(answer, Unknown)
        assert answer.ids["idstr"] == "5300000000000001"


class TestUnknown:
    """Whatever does not prove that nothing happened."""

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"", 200),
            (b"<html>502 Bad Gateway</html>", 502),
            (b"<html>forbidden</html>", 403),
            (b"[]", 200),
            (b"null", 200),
            (b'{"idstr": "5300', 200),
            ({"id": 5300000000000001, "text": "no idstr"}, 200),
            ({"idstr": ""}, 200),
            ({"idstr": "5.3e15"}, 200),
            ({"idstr": True}, 200),
            ({"error": "something"}, 400),
            (make_status(), 502),
            (make_status(), 302),
            (refusal(20032), 302),
            (refusal(20032), 500),
            ({"error": "x", "error_code": "9" * 5000}, 400),
        ],
    )
    def test_answers_that_are_not_what_the_platform_documents(self, body, status):
        answer = read(body, status)
        assert isinstance(answer, Unknown)
        assert "请勿手工重发" in answer.message

    def test_a_cut_answer_is_unknown_however_good_it_looks(self):
        assert isinstance(read(make_status(), 200, complete=False), Unknown)
        assert isinstance(read(refusal(20021), 400, complete=False), Unknown)

    @pytest.mark.parametrize("code", UNSURE)
    def test_codes_that_prove_nothing(self, code):
        answer = read(refusal(code), 400)
        assert isinstance(answer, Unknown)
        assert answer.code == str(code)

    @pytest.mark.parametrize("code", [10001, 10002, 10003, 10010, 10011, 20017, 20019, 20111])
    def test_system_errors_and_repeats_among_them(self, code):
        assert code in UNSURE

    @given(st.integers(min_value=1, max_value=99999).filter(lambda code: code not in TABLE))
    def test_unlisted_codes(self, code):
        assert isinstance(read(refusal(code)), Unknown)

    @pytest.mark.parametrize("status", [302, 500, 503])
    @pytest.mark.parametrize("code", [20021, 10023, 21327])
    def test_a_refusal_under_a_status_that_may_be_somebody_elses(self, code, status):
        assert isinstance(read(refusal(code), status), Unknown)

    def test_a_refusal_that_names_a_post_keeps_its_id_as_a_hint(self):
        answer = read({**refusal(20021), "idstr": "5300000000000001"})
        assert isinstance(answer, Unknown)
        assert answer.ids == {"idstr": "5300000000000001"}

    @pytest.mark.parametrize("code", CLEAN)
    def test_after_an_unknown_act_a_refusal_says_nothing_about_the_first(self, code):
        assert isinstance(CHANNEL.read_answer(wire(refusal(code), 400), after_unknown=True), Unknown)

    @given(st.binary(max_size=200), st.integers(min_value=100, max_value=599))
    def test_no_bytes_at_all_make_it_raise_or_pass_for_live(self, body, status):
        assert isinstance(read(body, status), Unknown)


class TestRefused:
    """Provably nothing went out; the remedy says who acts."""

    @pytest.mark.parametrize("code", CLEAN)
    def test_the_code_decides_in_either_type_whatever_the_status(self, code):
        for body, status in [
            (refusal(code), 400),
            (refusal(str(code)), 400),
            (refusal(code), 403),
            (refusal(code), 200),
        ]:
            answer = read(body, status)
            assert isinstance(answer, Refused)
            assert (answer.code, answer.remedy) == (str(code), TABLE[code].remedy)
            assert "没有发出" in answer.message

    @pytest.mark.parametrize("code", [21301, 21314, 21315, 21316, 21317, 21319, 21327, 21332, 10006])
    def test_a_dead_token_needs_a_person_to_authorise_again(self, code):
        answer = read(refusal(code))
        assert answer.remedy is Remedy.OPERATOR
        assert "重新授权" in answer.message

    @pytest.mark.parametrize("code", [20018, 20020, 20021, 20012, 20008, 10018])
    def test_refused_content_goes_back_to_people(self, code):
        assert read(refusal(code)).remedy is Remedy.PERSON

    @pytest.mark.parametrize("code", [10004, 10005, 10014, 20015, 20022, 20031, 21321, 20179])
    def test_configuration_goes_to_the_operator(self, code):
        assert read(refusal(code), 403).remedy is Remedy.OPERATOR

    def test_the_domain_rule_has_two_meanings_under_one_code(self):
        assert read(refusal(10017, "text not find domain!")).remedy is Remedy.PERSON
        bound = read(refusal(10017, "appkey not bind domain!"))
        assert bound.remedy is Remedy.OPERATOR
        assert "安全域名" in bound.message

    @pytest.mark.parametrize(
        ("code", "until"),
        [
            (10022, datetime(2026, 11, 23, 2, 0, tzinfo=UTC)),
            (10024, datetime(2026, 11, 23, 2, 0, tzinfo=UTC)),
            (10023, datetime(2026, 11, 23, 16, 0, tzinfo=UTC)),  # 00:00 in Beijing
            (20016, datetime(2026, 11, 23, 1, 40, tzinfo=UTC)),
        ],
    )
    def test_a_used_up_quota_names_its_end_by_the_platforms_clock(self, code, until):
        answer = read(refusal(code), 403, date="Mon, 23 Nov 2026 01:30:00 GMT")
        assert (answer.remedy, answer.wait_until) == (Remedy.WAIT, until)

    def test_without_a_date_our_own_clock_serves(self):
        assert read(refusal(20016)).wait_until == NOW + timedelta(minutes=10)
        assert read(refusal(20016), date="yesterday").wait_until == NOW + timedelta(minutes=10)

    @pytest.mark.parametrize("date", ["Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"])
    def test_nor_is_a_date_believed_that_is_years_away(self, date):
        for code in (10022, 10023, 20016):
            assert NOW < read(refusal(code), date=date).wait_until <= NOW + timedelta(days=1)

    def test_an_instant_without_a_zone_is_refused(self):
        for code in (10022, 10023, 20016):
            with pytest.raises(NaiveInstantError):
                window_end(code, datetime(2026, 11, 23))


class TestTable:
    """The table as a whole."""

    def test_every_documented_code_is_listed(self):
        """Section by section of the platform's error page, and those of the headline article."""
        documented = [
            *range(10001, 10015), *range(10016, 10019), *range(10020, 10025), *range(11001, 11004),
            20001, 20003, *range(20005, 20010), 20012, *range(20013, 20023), 20031, 20032, *range(20101, 20105), 20109, 20111,
            *range(20201, 20205), 20179, 20231, 21301, 21302, 21303, *range(21314, 21318), *range(21319, 21333), 21335, 21337, 21602,
        ]  # fmt: skip
        assert sorted(TABLE) == sorted(documented)

    @pytest.mark.parametrize("code", sorted(TABLE))
    def test_as_a_read_each_becomes_a_fault_that_tells_staff_what_to_do(self, code):
        found = fault(code, "english", NOW)
        assert found.remedy is TABLE[code].remedy
        assert "没有发出" in found.message
        assert found.message.endswith("。")
        assert "english" not in found.message

    def test_unlisted_codes_on_reads_follow_their_range(self):
        assert fault(10999, "", NOW).remedy is Remedy.UNKNOWN
        assert fault(20999, "", NOW).remedy is Remedy.PERSON
        assert fault(21399, "", NOW).remedy is Remedy.OPERATOR

    def test_only_quota_codes_wait(self):
        waiting = {code for code, line in TABLE.items() if line.do is Do.QUOTA}
        assert waiting == {10022, 10023, 10024, 20016}

    @given(st.datetimes(timezones=st.just(UTC), min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1)))
    def test_a_window_always_ends_later_than_now(self, at):
        assert timedelta() < window_end(10022, at) - at <= timedelta(hours=1)
        assert timedelta() < window_end(10023, at) - at <= timedelta(days=1)

    def test_reading_an_answer_asks_nobody(self):
        ports = MemoryPorts()
        make_channel(ports=ports).read_answer(wire(refusal(10023), 403))
        assert not ports.spent
