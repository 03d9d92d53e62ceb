"""The table of error codes: complete, in Chinese, and the right class for each call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.wechat.codes import (
    CLEAN,
    EFFECTS,
    TOKEN_CODES,
    UNKNOWN_EFFECT,
    Group,
    hold_of,
    meaning,
    public_verdict,
    sentence,
    unknown_sentence,
    wait_until,
)
from bot.channels.wechat.codetable import AGAIN, MEANINGS, Wait
from bot.channels.wechat.spec import SPEC
from bot.domain.channel import Remedy

#: Every code of the platform's lists that a publisher meets.
SHEET = {
    *(-1, 40001, 40014, 42001, 41001, 40002, 40013, 40125, 41002, 41004, 40164, 40243, 89503, 89506, 89507),
    *(40004, 40005, 40006, 40009, 45001, 40007, 40003, 40008, 40031, 40032, 40033, *range(40015, 40028), 40054, 40055),
    *(40059, 40060, 40065, 40204, 40114, 40152, 40227, 44003, 44004, 41039, 42010, 41005, 41006, 43001, 43002, 44002),
    *(45002, 45003, 45004, 45005, 45008, 45110, 45166, 45009, 45011, 45015, 45047, 45028, 40215, 45062, 41040, 45065),
    *(45066, 45067, 45083, 45084, 45113, 47001, 47009, 48001, 48002, 48003, 48004, 48005, 48006, 48008, 48021, 48022),
    *(50002, 50004, 50007, 53402, 53404, 53405, 53406, 53500, 53501, 53502, 53503, 53504, 53505, 53600, 61500, 61501),
    *(61503, 65400, 70000, *range(88000, 88011), 89504, 89505, 268488001, 9500001, 76021, 76022),
    *(87009, *range(76001, 76005)),
}
CODES = sorted(SHEET)


def test_every_listed_code_is_mapped():
    assert set(MEANINGS) >= SHEET


@pytest.mark.parametrize("group", list(Group))
def test_each_sentence_says_what_happened_whether_anything_went_out_and_what_to_do(group):
    for code in CODES:
        text = sentence(code, group)
        what, effect, todo = text.rstrip("。").split("；", 2)
        assert f"（错误码 {code}）" in what
        assert effect == EFFECTS[group]
        assert todo, code
        assert text.endswith("。")


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (40001, Remedy.REFRESH),
        (42001, Remedy.REFRESH),
        (45009, Remedy.WAIT),
        (45011, Remedy.WAIT),
        (61503, Remedy.WAIT),
        (45003, Remedy.PERSON),
        (53402, Remedy.PERSON),
        (40164, Remedy.OPERATOR),
        (48001, Remedy.OPERATOR),
        (89503, Remedy.OPERATOR),
        (-1, Remedy.UNKNOWN),
        (40007, Remedy.UNKNOWN),
        (99999, Remedy.UNKNOWN),
    ],
)
def test_remedies_on_reads_and_staging(code, remedy):
    assert meaning(code, Group.STAGE).remedy is remedy


def test_40001_means_a_wrong_secret_at_the_token_endpoint():
    assert meaning(40001, Group.TOKEN).remedy is Remedy.OPERATOR
    assert "AppSecret" in sentence(40001, Group.TOKEN)


def test_40164_quotes_the_address():
    text = "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist rid: 1-2-3"
    assert "203.0.113.9" in sentence(40164, Group.STAGE, text)


class TestUnknownSentence:
    @pytest.mark.parametrize("code", [89504, 89505])
    def test_what_somebody_must_do_in_time_is_in_the_sentence(self, code):
        text = unknown_sentence(code)
        assert "；请管理员在 30 分钟内确认；" in text
        assert text.endswith("请不要在网页后台手工重发。")
        assert str(code) in SPEC.waits_for

    @pytest.mark.parametrize("code", sorted(set(CODES) | {99999, -1}))
    def test_it_never_tells_staff_to_send_by_other_means_nor_promises_a_blind_retry(self, code):
        text = unknown_sentence(code)
        assert UNKNOWN_EFFECT in text
        assert AGAIN not in text
        assert "改期" not in text
        assert "重新提交" not in text

    def test_only_the_administrators_confirmation_holds_a_replay(self):
        assert {code for code in CODES if hold_of(code)} == {89504, 89505}


class TestPublicCall:
    @pytest.mark.parametrize("mode", ["publish", "mass"])
    @given(code=st.integers())
    def test_a_code_that_is_not_on_the_list_is_never_a_refusal(self, mode, code):
        assert public_verdict(mode, code, after_unknown=False).refused == (code in CLEAN[mode])

    @pytest.mark.parametrize("mode", ["publish", "mass"])
    @pytest.mark.parametrize("code", [-1, 40007, 45065, 45066, 53501, 53502, 89504, 89505, 268488001, 99999])
    def test_these_prove_nothing(self, mode, code):
        assert not public_verdict(mode, code, after_unknown=False).refused

    @pytest.mark.parametrize("mode", ["publish", "mass"])
    def test_after_an_unknown_act_only_a_token_error_is_a_refusal_of_the_replay(self, mode):
        refused = {code for code in CODES if public_verdict(mode, code, after_unknown=True).refused}
        assert refused == TOKEN_CODES

    @pytest.mark.parametrize("mode", ["publish", "mass"])
    def test_a_clean_refusal_always_has_a_remedy(self, mode):
        assert all(meaning(code, Group.PUBLIC).remedy is not Remedy.UNKNOWN for code in CLEAN[mode])

    def test_each_mode_has_its_own_refusals(self):
        assert 45028 in CLEAN["mass"] - CLEAN["publish"]
        assert 53503 in CLEAN["publish"] - CLEAN["mass"]


class TestWaiting:
    NOW = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)  # 23:30 in Beijing

    def test_daily_quotas_come_back_at_beijings_midnight(self):
        assert wait_until(Wait.NEXT_DAY, self.NOW) == datetime(2026, 11, 23, 16, tzinfo=UTC)

    def test_statistics_are_asked_for_at_half_past_eight_then_hourly(self):
        early = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)  # 07:00 in Beijing on the 24th
        assert wait_until(Wait.STATISTICS, early) == datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
        late = early + timedelta(hours=3)
        assert wait_until(Wait.STATISTICS, late) == late + timedelta(hours=1)

    @given(
        st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)), st.sampled_from(list(Wait))
    )
    def test_waiting_always_ends_later_and_within_a_day(self, now, wait):
        assert now < wait_until(wait, now) <= now + timedelta(days=1)
