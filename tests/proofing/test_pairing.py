"""Document and interpretation belong together, and dates tell the truth."""

from datetime import date, timedelta

import pytest

from bot.domain.article import Kind
from bot.domain.findings import Level
from bot.proofing import Pair
from bot.proofing.workdays import working_days

from .samples import article, findings, rules

DAY = date(2017, 9, 29)
DOCUMENT = article(published_on=DAY)


def _interpretation(published_on, document=DOCUMENT, **fields):
    return {
        "kind": Kind.INTERPRETATION,
        "interprets": "HD-0",
        "formed_on": None,
        "published_on": published_on,
        "pair": Pair(interpreted=document),
        **fields,
    }


def test_a_policy_without_interpretation_blocks():
    [finding] = findings(pair=Pair(is_policy=True))
    assert (finding.rule, finding.level) == ("pairing.no_interpretation", Level.BLOCK)


def test_a_linked_interpretation_or_no_policy_at_all_is_in_order():
    assert rules(pair=Pair(is_policy=True, interpretation_ids=("HD-2",))) == []
    assert rules(pair=Pair(is_policy=False)) == []


def test_a_waiver_lets_a_policy_pass_with_a_reminder():
    assert [(f.rule, f.level) for f in findings(pair=Pair(is_policy=True, waived=True))] == [
        ("pairing.waived", Level.HINT)
    ]


def test_an_interpretation_without_its_document_blocks_even_with_a_waiver():
    unlinked = findings(kind=Kind.INTERPRETATION, pair=Pair(waived=True))
    unknown = findings(kind=Kind.INTERPRETATION, interprets="HD-9")
    assert [f.rule for f in unlinked + unknown] == ["pairing.no_document"] * 2
    assert "没有关联" in unlinked[0].message
    assert "找不到" in unknown[0].message


@pytest.mark.parametrize(
    ("published_on", "expected"),
    [
        (DAY, []),
        (date(2017, 9, 30), ["pairing.late"]),  # a working Saturday
        (date(2017, 10, 10), ["pairing.late"]),  # third working day, across the holiday
        (date(2017, 10, 11), ["pairing.late_over_limit"]),
        (date(2017, 9, 28), ["pairing.before_document"]),
        (None, []),
    ],
)
def test_an_interpretation_is_to_go_out_with_its_document(published_on, expected):
    found = findings(**_interpretation(published_on))
    assert [f.rule for f in found] == expected
    assert all(f.level is Level.WARN for f in found)


def test_a_weekend_between_is_not_late():
    friday = article(published_on=date(2017, 6, 16))
    assert rules(**_interpretation(date(2017, 6, 18), document=friday)) == []


@pytest.mark.parametrize(
    ("formed", "day20"),
    [
        ((2017, 1, 10), (2017, 2, 10)),
        ((2017, 9, 15), (2017, 10, 19)),
        ((2017, 12, 20), (2018, 1, 18)),
        ((2018, 2, 1), (2018, 3, 6)),
        ((2026, 1, 28), (2026, 3, 3)),
    ],
)
def test_the_twentieth_working_day_is_on_time_and_the_next_is_not(formed, day20):
    formed, day20 = date(*formed), date(*day20)
    assert working_days(formed, day20).days == 20
    assert rules(formed_on=formed, published_on=day20, today=date(2026, 12, 1)) == []
    later = (day20 + timedelta(days=days) for days in range(1, 9))
    day21 = next(day for day in later if working_days(formed, day).days == 21)
    late = findings(formed_on=formed, published_on=day21, today=date(2026, 12, 1))
    assert [(f.rule, f.level) for f in late] == [("pairing.overdue", Level.WARN)]


def test_what_is_not_published_yet_is_measured_to_today():
    [finding] = findings(published_on=None, formed_on=date(2017, 1, 10), today=date(2017, 3, 1))
    assert finding.rule == "pairing.overdue"
    assert "仍未发布" in finding.message


def test_a_year_without_a_published_calendar_is_said_to_be_provisional():
    late = {"formed_on": date(2031, 1, 6), "published_on": date(2031, 3, 3), "today": date(2031, 4, 1)}
    assert rules(**late) == ["pairing.overdue", "pairing.provisional_calendar"]
    assert rules(**late | {"published_on": date(2031, 1, 7)}) == []


def test_counting_stops_at_some_point_and_says_so():
    count = working_days(date(2005, 1, 1), date(2017, 1, 1))
    assert (count.at_least, str(count)[:2]) == (True, "至少")
    assert working_days(DAY, date(2017, 9, 1)).days == 0


def test_publication_before_formation_blocks():
    [finding] = findings(formed_on=date(2017, 6, 14))
    assert (finding.rule, finding.level) == ("pairing.published_before_formed", Level.BLOCK)


def test_dates_in_the_future_are_a_warning():
    found = findings(formed_on=date(2017, 6, 14), published_on=date(2017, 6, 15), today=date(2017, 6, 13))
    assert [(f.rule, f.field, f.level) for f in found] == [
        ("pairing.future_date", "formed_on", Level.WARN),
        ("pairing.future_date", "published_on", Level.WARN),
    ]
