"""Honest numbers: when they are asked for, what is kept, and that "not reported" is never 0."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot import channels
from bot.domain.channel import Remedy, Sample
from bot.domain.delivery import State
from bot.domain.instants import BEIJING
from bot.models import Publication, SampleRecord
from bot.services import measuring
from bot.services.measuring import latest_values, next_sample_at

from .delivery_support import MINUTE, Engine, T, fault
from .factories import Office

HOUR = timedelta(hours=1)
LIVE = datetime(2026, 11, 23, 9, 0, tzinfo=BEIJING)
WECHAT, WEIBO = channels.kinds()["wechat"].spec, channels.kinds()["weibo"].spec


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


@pytest.fixture
def post(engine: Engine) -> Publication:
    """A Weibo post that went live at T."""
    release = engine.signed(on=[engine.office.weibo])
    engine.go(T + MINUTE)
    return engine.weibo(release)


def measured(engine: Engine, post: Publication, *samples: Sample, at: datetime | None = None) -> measuring.Pulled:
    post.refresh_from_db()
    when = at or post.next_sample_at or T
    engine.platform.samples["lyhd"] = [list(samples)]
    return measuring.measure_account(post.account_id, now=lambda: when)


def sample(post: Publication, **values: int | None) -> Sample:
    return Sample(post.items.get().platform_id, values, '{"raw": 1}')


# --- when ------------------------------------------------------------------------------------------------------


def test_a_vendor_that_counts_at_once_is_asked_often_at_first_then_each_morning() -> None:
    asked, now = [], LIVE
    for _ in range(7):
        following = next_sample_at(WEIBO, LIVE, now)
        assert following is not None
        asked.append(following)
        now = following
    assert [moment - LIVE for moment in asked[:5]] == [HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 24 * HOUR]
    assert [moment.astimezone(BEIJING).strftime("%d %H:%M") for moment in asked[5:]] == ["25 08:30", "26 08:30"]


@pytest.mark.parametrize("hour", [0, 7, 9, 23])
def test_a_vendor_that_counts_days_is_asked_the_next_morning_after_half_past_eight(hour: int) -> None:
    live = LIVE.replace(hour=hour)
    first = next_sample_at(WECHAT, live, live)
    assert first is not None
    assert first.astimezone(BEIJING) == datetime(2026, 11, 24, 8, 30, tzinfo=BEIJING)
    assert first.tzinfo is UTC


def test_after_thirty_days_nobody_is_asked_any_more() -> None:
    assert next_sample_at(WEIBO, LIVE, LIVE + timedelta(days=30)) is not None
    assert next_sample_at(WEIBO, LIVE, LIVE + timedelta(days=30, seconds=1)) is None


# --- what ------------------------------------------------------------------------------------------------------


def test_a_sample_is_kept_with_its_raw_answer_and_the_next_is_planned(engine: Engine, post: Publication) -> None:
    done = measured(engine, post, sample(post, reposts=3, comments=0))
    kept = SampleRecord.objects.get()
    assert (done.samples, done.posts, done.fault) == (1, 1, "")
    assert (kept.values, kept.raw) == ({"reposts": 3, "comments": 0}, '{"raw": 1}')
    post.refresh_from_db()
    assert post.live_at is not None
    assert post.next_sample_at == post.live_at + 2 * HOUR


def test_not_reported_stays_apart_from_nothing(engine: Engine, post: Publication) -> None:
    measured(engine, post, sample(post, reposts=None, comments=0))
    assert latest_values(post.items.get()) == {"comments": 0}
    assert SampleRecord.objects.get().values["reposts"] is None


def test_a_number_once_reported_is_not_forgotten_when_it_is_left_out(engine: Engine, post: Publication) -> None:
    measured(engine, post, sample(post, reposts=7, comments=1))
    measured(engine, post, sample(post, reposts=None, comments=2))
    assert latest_values(post.items.get()) == {"reposts": 7, "comments": 2}


def test_the_platforms_own_day_of_publication_is_asked_for(engine: Engine, post: Publication) -> None:
    measured(engine, post)
    assert engine.platform.asked(f"measure {T.astimezone(BEIJING):%Y-%m-%d}") == 1


def test_a_sample_of_something_else_is_not_kept_under_ours(engine: Engine, post: Publication) -> None:
    assert measured(engine, post, Sample("somebody-elses", {"reposts": 9}, "{}")).samples == 0
    assert not SampleRecord.objects.exists()


def test_a_post_that_is_no_longer_listed_is_marked_absent(engine: Engine, post: Publication) -> None:
    measured(engine, post, Sample(post.items.get().platform_id, {}, "{}", absent=True))
    assert SampleRecord.objects.get().absent


def test_an_address_that_comes_with_the_numbers_fills_a_gap_only(engine: Engine, post: Publication) -> None:
    item = post.items.get()
    post.items.update(url="")
    measured(engine, post, Sample(item.platform_id, {}, "{}", url="https://weibo.com/u/1"))
    measured(engine, post, Sample(item.platform_id, {}, "{}", url="https://weibo.com/u/2"))
    assert post.items.get().url == "https://weibo.com/u/1"


# --- faults ----------------------------------------------------------------------------------------------------


def test_a_quota_that_names_its_end_is_waited_for(engine: Engine, post: Publication) -> None:
    due = post.next_sample_at
    assert due is not None
    until = due + 5 * HOUR
    engine.platform.samples["lyhd"] = [fault(Remedy.WAIT, "额度用完。", wait_until=until)]
    done = measuring.measure_account(post.account_id, now=lambda: due)
    post.refresh_from_db()
    assert (done.samples, done.fault, post.next_sample_at) == (0, "额度用完。", until)


def test_any_other_fault_is_tried_again_in_half_an_hour_and_changes_no_state(engine: Engine, post: Publication) -> None:
    due = post.next_sample_at
    assert due is not None
    engine.platform.samples["lyhd"] = [fault(Remedy.UNKNOWN, "连不上。")]
    measuring.measure_account(post.account_id, now=lambda: due)
    post.refresh_from_db()
    assert (post.status, post.next_sample_at) == (State.LIVE, due + 30 * MINUTE)


@pytest.mark.parametrize(
    ("hour", "remedy", "early"),
    [(7, Remedy.WAIT, 1), (8, Remedy.WAIT, 0), (7, Remedy.OPERATOR, 0), (7, Remedy.UNKNOWN, 0)],
)
def test_to_be_told_to_wait_for_a_day_that_is_not_counted_yet_is_no_fault(
    engine: Engine, hour: int, remedy: Remedy, early: int
) -> None:
    """A day is counted by eight o'clock of the next. What will lack tomorrow, too, is a fault today."""
    release = engine.signed(on=[engine.office.wechat])
    engine.go(T + MINUTE)
    morning = (T + timedelta(days=1)).astimezone(BEIJING).replace(hour=hour, minute=1)
    engine.platform.samples["zghd"] = [fault(remedy, "没有数字。")]
    done = measuring.measure_account(engine.wechat(release).account_id, now=lambda: morning, everything=True)
    assert (done.posts, done.early, done.fault) == (1, early, "" if early else "没有数字。")


def test_only_what_is_due_is_asked_unless_somebody_wants_everything(engine: Engine, post: Publication) -> None:
    assert measured(engine, post, at=T + 2 * MINUTE).posts == 0
    engine.platform.samples["lyhd"] = [[sample(post, reposts=1)]]
    assert measuring.measure_account(post.account_id, now=lambda: T + 2 * MINUTE, everything=True).samples == 1


def test_what_is_gone_is_not_measured(engine: Engine, post: Publication) -> None:
    Publication.objects.filter(pk=post.pk).update(state=State.GONE)
    assert measured(engine, post).posts == 0
