"""Several posts of one account: what waits behind trouble says when its way is free, and is not resumed before."""

from __future__ import annotations

import pytest

from bot.domain.channel import Absent
from bot.domain.delivery import State
from bot.models import Alarm, Publication, Release
from bot.services import settling, stops
from bot.services.errors import Refused

from .delivery_support import MINUTE, NO_ANSWER, SECOND, Engine, T
from .factories import Office


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


@pytest.fixture
def interrupted(engine: Engine) -> Release:
    """Three posts; nobody knows whether the first went out, so the others are held."""
    release = engine.signed(*engine.articles(3), on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    engine.platform.looks["lyhd"] = [Absent()] * 3
    engine.go(T + 40 * SECOND)
    assert lane(release) == [State.UNKNOWN, State.HELD, State.HELD]
    return release


def lane(release: Release) -> list[State]:
    return [one.status for one in pushes(release)]


def pushes(release: Release) -> list[Publication]:
    return list(release.publications.order_by("lane"))


def resume(engine: Engine, release: Release, only: int | None = None) -> int:
    return stops.resume(release, person=engine.releaser, now=engine.clock.now(), only=only)


def test_behind_an_unknown_one_nothing_is_resumed_and_it_says_why(engine: Engine, interrupted: Release) -> None:
    with pytest.raises(Refused, match=r"结果不明.*没有发出.*未做改动") as caught:
        resume(engine, interrupted)
    assert "不要手工补发" in caught.value.message
    assert lane(interrupted) == [State.UNKNOWN, State.HELD, State.HELD]


def test_when_the_first_is_public_by_itself_the_others_say_that_they_can_be_resumed(
    engine: Engine, interrupted: Release
) -> None:
    engine.go(T + 10 * MINUTE)
    first, *others = pushes(interrupted)
    assert first.status is State.LIVE
    for one in others:
        assert f"恢复（发布单 {interrupted.pk}）" in one.reason
        assert "结果不明" not in one.reason
        alarm = Alarm.objects.get(publication=one, closed_at__isnull=True)
        assert f"恢复（发布单 {interrupted.pk}）" in alarm.message
    assert resume(engine, interrupted) == 2
    engine.go(engine.clock.now() + 2 * MINUTE)
    assert lane(interrupted) == [State.LIVE] * 3


def test_the_third_alone_waits_for_the_second(engine: Engine, interrupted: Release) -> None:
    engine.go(T + 10 * MINUTE)
    third = pushes(interrupted)[2]
    with pytest.raises(Refused, match="第 2 条"):
        resume(engine, interrupted, only=third.pk)


def test_the_third_waits_for_a_first_that_came_into_doubt_while_the_second_went(engine: Engine) -> None:
    release = engine.signed(*engine.articles(3), on=[engine.office.weibo])
    engine.platform.looks["lyhd"] = [Absent()] * 40
    engine.go(T + 1 * SECOND)
    first, second, third = pushes(release)
    assert (first.status, third.status) == (State.CONFIRMING, State.STAGED)
    Publication.objects.filter(pk=first.pk).update(state=State.NEEDS_PERSON)
    Publication.objects.filter(pk=second.pk).update(state=State.CONFIRMING, accepted_at=T, next_at=None)
    engine.go(T + 40 * SECOND)
    third.refresh_from_db()
    assert (third.status, "需人工处理" in third.reason) == (State.HELD, True)
    with pytest.raises(Refused, match="第 1 条"):
        resume(engine, release, only=third.pk)


def test_settled_by_a_person_it_frees_the_way_too(engine: Engine) -> None:
    release = engine.signed(*engine.articles(2), on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    engine.platform.looks["lyhd"] = [Absent()] * 9
    engine.go(T + 15 * MINUTE)
    first, second = pushes(release)
    assert first.status is State.NEEDS_PERSON
    with pytest.raises(Refused, match="需人工处理"):
        resume(engine, release)
    settling.settle_live(first, urls=["https://weibo.com/2017000001/a"], person=engine.releaser, now=engine.clock.now())
    engine.go(engine.clock.now() + 30 * SECOND)
    second.refresh_from_db()
    assert f"恢复（发布单 {release.pk}）" in second.reason


def test_called_off_by_a_person_it_frees_the_way_too(engine: Engine) -> None:
    release = engine.signed(*engine.articles(2), on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    engine.platform.looks["lyhd"] = [Absent()] * 9
    engine.go(T + 15 * MINUTE)
    first, second = pushes(release)
    settling.settle_cancel(first, person=engine.releaser, reason="不再发", now=engine.clock.now())
    engine.go(engine.clock.now() + 30 * SECOND)
    second.refresh_from_db()
    assert f"恢复（发布单 {release.pk}）" in second.reason
    assert resume(engine, release) == 1
