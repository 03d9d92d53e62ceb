"""One incident is one line: nothing is told twice, nothing is left out, the most urgent comes first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.incidents import SEVERAL, Case, cause, gather, signature

T = datetime(2017, 5, 2, 1, 30, tzinfo=UTC)
CLOCK = "本机时钟与平台时间相差 +4.2 秒。请校准本机时钟（NTP）后恢复发布。"


def case(
    key: int,
    release: int,
    kind: str = "held",
    reason: str = CLOCK,
    *,
    rank: int = 5,
    after: int = 0,
    apart: bool = False,
) -> Case:
    return Case(key, release, kind, reason, rank, T + timedelta(minutes=after), apart)


def test_all_of_one_release_is_one_line_whatever_befell_each() -> None:
    (one,) = gather(
        [case(1, 7, "unknown", "没有收到应答。", rank=1), case(2, 7), case(3, 7, "missed", "错过。", rank=2)]
    )
    assert [found.key for found in one.cases] == [1, 3, 2]
    assert one.releases == (7,)
    assert not one.wide


def test_many_releases_with_the_same_reason_are_one_line_with_the_earliest_first() -> None:
    found = [case(number, number // 2, after=-number) for number in range(100)]
    (one,) = gather(found)
    assert len(one.releases) == 50
    assert len(one.cases) == 100
    assert one.releases[0] == 49
    assert one.wide


def test_two_releases_are_each_named() -> None:
    assert len(gather([case(number, number) for number in range(SEVERAL - 1)])) == SEVERAL - 1
    assert len(gather([case(number, number) for number in range(SEVERAL)])) == 1


def test_a_release_that_something_else_befell_too_is_told_by_itself() -> None:
    found = [case(number, number) for number in range(1, 5)] + [case(9, 4, "unknown", "没有收到应答。", rank=1)]
    first, rest = gather(found)
    assert first.releases == (4,)
    assert len(first.cases) == 2
    assert rest.releases == (1, 2, 3)


@pytest.mark.parametrize(("kind", "reason"), [("missed", CLOCK), ("held", "账号已停用（令牌失效），未发出。")])
def test_another_kind_or_another_reason_is_another_incident(kind: str, reason: str) -> None:
    found = [case(number, number) for number in range(3)] + [
        case(number, number, kind, reason) for number in range(3, 6)
    ]
    assert sorted(one.releases for one in gather(found)) == [(0, 1, 2), (3, 4, 5)]


def test_what_a_person_does_one_by_one_stays_apart() -> None:
    found = [case(number, number, "未签发", "还没有签发。", apart=True) for number in range(5)]
    assert len(gather(found)) == 5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (CLOCK, CLOCK.replace("+4.2", "-13.0")),
        ("本机时钟在核对之后跳变了 +812 毫秒。", "本机时钟在核对之后跳变了 -90 毫秒。"),
        ("最迟 09:35:00 转人工", "最迟 10:05:20 转人工"),
    ],
)
def test_a_reason_is_the_same_whatever_it_measures(one: str, other: str) -> None:
    assert cause(one) == cause(other)
    assert signature([("held", one)]) == signature([("held", other)])


def test_another_code_of_a_platform_is_another_cause() -> None:
    assert cause("平台拒绝（代码 40001）：凭据无效。") != cause("平台拒绝（代码 45028）：凭据无效。")


def test_a_signature_knows_neither_order_nor_number() -> None:
    pair = [("held", "甲"), ("unknown", "乙")]
    assert signature(pair) == signature([*reversed(pair), pair[0]])
    assert signature(pair) != signature(pair[:1])


@given(
    st.lists(
        st.builds(
            case,
            st.integers(0, 10**6),
            st.integers(0, 8),
            st.sampled_from(["held", "unknown"]),
            st.sampled_from(["甲", "乙"]),
            rank=st.integers(0, 3),
            after=st.integers(-9, 9),
            apart=st.booleans(),
        ),
        unique_by=lambda one: one.key,
    )
)
def test_each_case_and_each_release_is_told_once_and_the_most_urgent_first(found: list[Case]) -> None:
    incidents = gather(found)
    assert sorted(one.key for told in incidents for one in told.cases) == sorted(one.key for one in found)
    assert sorted(pk for told in incidents for pk in told.releases) == sorted({one.release for one in found})
    for told in incidents:
        assert {one.release for one in told.cases} == set(told.releases)
    firsts = [(told.cases[0].rank, told.cases[0].instant) for told in incidents]
    assert firsts == sorted(firsts)
