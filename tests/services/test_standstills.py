"""The plug is pulled: what fell due while nobody looked is known afterwards, whether it has left or not."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from bot.domain.delivery import State
from bot.models import Attempt, AuditEvent, Chore, Item, Publication, Release, Standstill
from bot.services import audit, clock, standstills, trail
from bot.services.clock import Watched

from .delivery_support import MINUTE, SECOND, Engine, T, put
from .factories import Office, article


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


def swept(at: datetime) -> None:
    """The clock process was there until then."""
    Chore.objects.filter(name="sweep").update(ran_at=at, next_at=at + 20 * SECOND)


def looks(now: datetime, *, since: datetime | None = None) -> None:
    """One tick of a clock process that has followed the time since then: from just now on, if not said."""
    clock.tick(now, thorough=True, watched=Watched(since or now, (now - (since or now)).total_seconds()))


def stood() -> list[tuple[datetime, datetime]]:
    return list(Standstill.objects.order_by("pk").values_list("since", "until"))


# --- when it is written down ------------------------------------------------------------------------------


def test_a_clock_process_that_starts_writes_down_since_when_nobody_looked(engine: Engine) -> None:
    swept(T - 3 * MINUTE)
    looks(T + 4 * MINUTE)
    assert stood() == [(T - 3 * MINUTE, T + 4 * MINUTE)]


def test_it_ends_when_the_process_began_to_follow_the_time_not_with_its_first_sweep(engine: Engine) -> None:
    swept(T - 3 * MINUTE)
    looks(T + 8 * SECOND, since=T)
    assert stood() == [(T - 3 * MINUTE, T)]


def test_it_begins_with_the_last_sign_of_life_not_with_the_last_sweep(engine: Engine) -> None:
    """What was sent and answered since the sweep was sent by somebody: at T the system was there."""
    engine.signed()
    engine.go(T + 2 * SECOND)
    swept(T - 19 * SECOND)
    last = max(at for stamps in Attempt.objects.values_list("sent_at", "answered_at") for at in stamps if at)
    assert last >= T
    looks(T + 4 * MINUTE)
    assert stood() == [(last, T + 4 * MINUTE)]


def test_a_clock_that_begins_beside_another_finds_none(engine: Engine) -> None:
    """The other sweeps when it is time; between two sweeps it looked as well."""
    swept(T - 10 * SECOND)
    looks(T)
    looks(T + 11 * SECOND, since=T)
    assert stood() == []


def test_it_is_written_once(engine: Engine) -> None:
    swept(T - 3 * MINUTE)
    for seconds in (0, 25, 50, 75, 100):
        looks(T + seconds * SECOND, since=T)
    assert stood() == [(T - 3 * MINUTE, T)]


def test_the_first_start_of_all_is_none(engine: Engine) -> None:
    looks(T)
    assert stood() == []


def test_sweeps_that_follow_one_another_are_none(engine: Engine) -> None:
    swept(T)
    for minutes in range(1, 6):
        looks(T + minutes * MINUTE, since=T - MINUTE)
    assert stood() == []


def test_a_database_that_was_away_for_minutes_is_one(engine: Engine) -> None:
    """The process lived on, and nobody knew what is due."""
    swept(T)
    looks(T + 20 * SECOND + standstills.GAP, since=T - MINUTE)
    assert stood() == [(T, T + 20 * SECOND + standstills.GAP)]


def test_a_second_clock_that_went_on_makes_it_none(engine: Engine) -> None:
    """The sweep is everybody's: somebody looked all the while."""
    swept(T + 5 * MINUTE)
    looks(T + 5 * MINUTE + 25 * SECOND, since=T)
    assert stood() == []


# --- where the start knows that the last run did not end in order ---------------------------------------------


def test_nine_seconds_at_the_instant_are_told_where_the_plug_was_pulled(engine: Engine) -> None:
    release = engine.signed()
    swept(T - 2 * SECOND)
    one = standstills.interrupted(now=T + 7 * SECOND)
    assert one is not None
    assert stood() == [(T - 2 * SECOND, T + 7 * SECOND)]
    assert touched(engine, one) == [release]


def test_the_clock_that_starts_then_does_not_tell_it_once_more(engine: Engine) -> None:
    engine.signed()
    swept(T - 2 * MINUTE)
    standstills.interrupted(now=T + 7 * SECOND)
    looks(T + 10 * SECOND)
    assert stood() == [(T - 2 * MINUTE, T + 7 * SECOND)]
    swept(T + 11 * SECOND)
    looks(T + 9 * MINUTE)
    assert len(stood()) == 2


def test_an_interruption_in_which_nothing_fell_due_is_not_told(engine: Engine) -> None:
    release = engine.signed()
    swept(T + 3 * MINUTE)
    assert standstills.interrupted(now=T + 3 * MINUTE + 9 * SECOND) is None
    both(release, State.LIVE, T)
    swept(T - 2 * SECOND)
    assert standstills.interrupted(now=T + 7 * SECOND) is None
    assert stood() == []


def test_before_the_first_sweep_of_all_nothing_was_interrupted(engine: Engine) -> None:
    engine.signed()
    assert standstills.interrupted(now=T + 7 * SECOND) is None


def test_what_was_under_way_when_it_stopped_is_not_said_to_fall_into_it(engine: Engine) -> None:
    release = engine.signed()
    pushes = both(release, State.STAGED, None)
    told = standstills.of_release(away(T + 5 * SECOND, T + 28 * SECOND), pushes)
    assert told.endswith("本单的发布时刻在这段时间里或之前一分钟内，停下时还没有办完")


def test_the_trail_says_so_in_words(engine: Engine) -> None:
    swept(T - 3 * MINUTE)
    looks(T + 4 * MINUTE)
    line = AuditEvent.objects.get(action="home.resumed")
    told = trail.in_words([line], {line.subject: "本系统"})[0]
    assert (told.who, told.what) == ("系统", "发布时钟恢复巡查")
    assert "上一次巡查" in told.detail
    assert audit.verify_chain()[2] is None


# --- what it touched --------------------------------------------------------------------------------------


def away(since: datetime, until: datetime) -> Standstill:
    return Standstill.objects.create(since=since, until=until)


def touched(engine: Engine, one: Standstill) -> list[Release]:
    return list(standstills.touched(engine.office.unit, one))


def both(release: Release, state: State, sent_at: datetime | None) -> list[Publication]:
    Item.objects.filter(publication__release=release).update(platform_id="1")
    live_at = sent_at if state is State.LIVE else None
    return [put(push, state, sent_at=sent_at, live_at=live_at) for push in release.publications.all()]


def test_what_left_afterwards_was_touched(engine: Engine) -> None:
    release = engine.signed()
    pushes = both(release, State.LIVE, T + 4 * MINUTE + SECOND)
    one = away(T - MINUTE, T + 4 * MINUTE)
    assert touched(engine, one) == [release]
    assert standstills.over(release, pushes) == [one]


def test_what_goes_late_or_is_sent_again_stays_told(engine: Engine) -> None:
    """A late send moves `not_before`, two people move the instant: what was promised fell into it all the same."""
    release, later = engine.signed(), T + 20 * MINUTE
    Item.objects.filter(publication__release=release).update(platform_id="1")
    late, again = release.publications.order_by("pk")
    pushes = [
        put(late, State.LIVE, not_before=later, sent_at=later, live_at=later),
        put(again, State.LIVE, not_before=later, sent_at=later, live_at=later, instant=later, promised_at=T),
    ]
    one = away(T - MINUTE, T + 4 * MINUTE)
    assert touched(engine, one) == [release]
    assert standstills.over(release, pushes) == [one]
    for push in pushes:
        assert standstills.over(release, [push]) == [one]


def test_of_a_release_that_was_under_way_it_says_how_much_fell_into_it(engine: Engine) -> None:
    release = engine.signed()
    Item.objects.filter(publication__release=release).update(platform_id="1")
    gone, left = release.publications.order_by("pk")
    pushes = [put(gone, State.LIVE, sent_at=T, live_at=T), put(left, State.HELD, sent_at=None)]
    one = away(T + SECOND, T + 4 * MINUTE)
    under_way = "在这段时间里或之前一分钟内，停下时还没有办完"
    assert standstills.of_release(one, pushes).endswith(f"本单 2 条推送中 1 条的时刻{under_way}")
    assert standstills.of_release(one, [left]).endswith(f"本单的发布时刻{under_way}")
    within = away(T - SECOND, T + 4 * MINUTE)
    assert standstills.of_release(within, [left]).endswith("本单的发布时刻在这段时间里")


@pytest.mark.parametrize("state", [State.PLANNED, State.STAGED, State.HELD, State.MISSED, State.UNKNOWN])
def test_what_has_not_left_yet_was_touched(engine: Engine, state: State) -> None:
    release = engine.signed()
    pushes = both(release, state, None)
    one = away(T - MINUTE, T + 4 * MINUTE)
    assert touched(engine, one) == [release]
    assert standstills.over(release, pushes) == [one]


def test_what_left_at_its_instant_and_before_the_plug_was_pulled_was_not(engine: Engine) -> None:
    """The last sweep before it was a while ago."""
    release = engine.signed()
    pushes = both(release, State.LIVE, T + timedelta(milliseconds=1))
    one = away(T - 20 * SECOND, T + 4 * MINUTE)
    assert touched(engine, one) == []
    assert standstills.over(release, pushes) == []


@pytest.mark.parametrize("state", [State.UNKNOWN, State.NEEDS_PERSON])
def test_what_was_interrupted_while_it_left_was_touched(engine: Engine, state: State) -> None:
    release = engine.signed()
    both(release, state, T)
    assert touched(engine, away(T + 5 * SECOND, T + 4 * MINUTE)) == [release]


def test_what_falls_due_before_or_after_was_not(engine: Engine) -> None:
    release = engine.signed()
    pushes = list(release.publications.all())
    for one in (away(T - 9 * MINUTE, T), away(T + MINUTE, T + 4 * MINUTE)):
        assert touched(engine, one) == []
        assert standstills.over(release, pushes) == []


def test_what_waited_for_its_page_fell_due_when_the_page_was_there(engine: Engine) -> None:
    release = engine.signed()
    for push in release.publications.all():
        put(push, State.STAGED, not_before=T + 2 * MINUTE, gate_at=T + 2 * MINUTE)
    assert touched(engine, away(T + 90 * SECOND, T + 5 * MINUTE)) == [release]
    assert touched(engine, away(T - MINUTE, T + MINUTE)) == []


def test_neither_what_is_not_signed_nor_what_was_cancelled_was(engine: Engine) -> None:
    release = engine.office.planned(engine.office.approved(article(2)), instant=T)
    cancelled = engine.signed()
    both(cancelled, State.CANCELLED, None)
    one = away(T - MINUTE, T + 4 * MINUTE)
    assert touched(engine, one) == []
    for each in (release, cancelled):
        assert standstills.over(each, list(each.publications.all())) == []


def test_another_unit_is_told_nothing(engine: Engine) -> None:
    engine.signed()
    other = Office.make("town", prefix="t-").unit
    assert list(standstills.touched(other, away(T - MINUTE, T + 4 * MINUTE))) == []


def test_after_a_day_it_is_not_told_any_more(engine: Engine) -> None:
    one = away(T, T + MINUTE)
    assert list(standstills.lately(now=T + standstills.TOLD_FOR)) == [one]
    assert list(standstills.lately(now=T + MINUTE + standstills.TOLD_FOR)) == []


def test_no_time_is_negative(engine: Engine) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        away(T, T)
    assert stood() == []
