"""Weibo's calls of a day: what is signed can be sent, however many pre-flights are run; what is free can be signed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from bot.domain.channel import OWN_QUOTA, OWN_RESERVE, ChannelFault
from bot.domain.delivery import State
from bot.domain.instants import beijing_date, beijing_midnight
from bot.models import Alarm, Counter, Preflight, Publication, Release
from bot.rehearsal import RehearsalServer
from bot.services import confirming, preflighting, quotas
from bot.services.errors import Refused
from bot.services.ports import AccountPorts

from .delivery_drill import SHARE, Drill, wall
from .factories import Office, article, force, publication

MINUTE = timedelta(minutes=1)
CALLS = 100
PERMITTED = 25
EACH = 5  # pre-flights of one release: at its signing, a day, an hour, 15 and 5 minutes ahead


@pytest.fixture
def morning() -> Iterator[time_machine.Traveller]:
    """Nine in the morning in Beijing, so that all of it falls on one day, and into one hour: rows are made older, slots are not."""
    with time_machine.travel(beijing_midnight(beijing_date(wall())) + timedelta(hours=9), tick=True) as clock:
        yield clock


@pytest.fixture
def drill(db: None, morning: time_machine.Traveller, tmp_path: Path) -> Iterator[Drill]:
    with RehearsalServer(tmp_path / "platforms") as server:
        made = Drill(server, Office.make(api=server.base_url))
        made.switch("weibo", calls_per_day=CALLS)
        yield made


def sign_all(drill: Drill, first: datetime) -> list[Release]:
    """One post each, as many as may be signed."""
    office, signed = drill.office, list[Release]()
    for number in range(1, 40):
        document = office.approved(article(number), now=wall())
        release = office.planned(document, instant=first + number * 2 * MINUTE, on=[office.weibo], now=wall())
        try:
            signed.append(office.signs(release, now=wall()))
        except Refused:
            return signed
    raise AssertionError("nothing was ever refused")


def inspect(drill: Drill, release: Release) -> list[Preflight]:
    """Every pre-flight of it that is planned; asked for by a person where it was signed too late for one."""
    for row in release.preflights.filter(state="waiting"):
        Preflight.objects.filter(pk=row.pk).update(due_at=wall(), next_at=wall())
        preflighting.run(row.pk, now=wall)
    while release.preflights.filter(state="done").count() < EACH:
        preflighting.ask(release, person=drill.office.people["releaser"], now=wall)
    return list(release.preflights.filter(state="done"))


def send(drill: Drill, release: Release) -> Publication:
    """Bring this one to its staging, its instant, and its looks; the later ones stay ahead."""
    push = release.publications.get()
    drill.wait(push.instant - wall() - 9 * MINUTE)
    drill.round()
    push.refresh_from_db()
    drill.bring()
    drill.round()
    for _ in range(4):
        push.refresh_from_db()
        if push.state in (State.CONFIRMING, State.UNKNOWN) and push.next_at:
            drill.wait(push.next_at - wall())
            drill.round()
    push.refresh_from_db()
    return push


def free(drill: Drill) -> int | None:
    (day,) = quotas.calendar(drill.office.weibo, "share", beijing_date(wall()), 1, now=wall())
    return day.free


def test_as_many_as_may_be_signed_on_one_day_all_go_live_with_every_pre_flight_run(drill: Drill) -> None:
    releases = sign_all(drill, wall() + 7 * MINUTE)
    assert (len(releases), free(drill)) == (PERMITTED, 0)
    for release in releases:
        done = inspect(drill, release)
        assert len(done) == EACH
        assert all(row.ok for row in done), [check.message for row in done for check in row.checks.filter(ok=False)]
        assert send(drill, release).status is State.LIVE
    assert len(drill.effects("weibo")) == len(drill.calls(SHARE)) == PERMITTED
    assert not Alarm.objects.filter(closed_at__isnull=True).exists()


def test_what_the_calendar_says_is_free_after_the_pre_flights_can_be_signed_and_sent(drill: Drill) -> None:
    first = drill.office.approved(article(90), now=wall())
    early = drill.office.signed(first, instant=wall() + 6 * MINUTE, on=[drill.office.weibo], now=wall())
    for _ in range(20):  # somebody asks again and again
        preflighting.ask(early, person=drill.office.people["releaser"], now=wall)
    left = free(drill)
    assert left is not None
    assert 0 < left < PERMITTED - 1
    releases = [early, *sign_all(drill, wall() + 7 * MINUTE)]
    assert len(releases) == 1 + left
    for release in releases:
        inspect(drill, release)
        assert send(drill, release).status is State.LIVE


def test_a_pre_flight_that_may_not_ask_says_so_in_words_and_is_no_failure(drill: Drill) -> None:
    release = drill.office.signed(
        drill.office.approved(article(1), now=wall()), instant=wall() + 90 * MINUTE, on=[drill.office.weibo], now=wall()
    )
    used = CALLS - 30
    Counter.objects.create(
        account=drill.office.weibo, bucket="weibo.calls", window=str(beijing_date(wall())), count=used
    )
    before = len(drill.calls("oauth2/get_token_info", "account/rate_limit_status"))
    (row, *_) = preflighting.ask(release, person=drill.office.people["releaser"], now=wall)
    said = {check.code: check for check in row.checks.all()}
    assert (row.ok, said["token"].ok, said["quota"].ok, said["clock"].ok) == (True, True, True, True)
    assert "余下的要留给已签发的推送" in said["token"].message
    assert "这次没有向微博核对授权" in said["token"].message
    assert "没有向平台提问" in said["clock"].message
    assert len(drill.calls("oauth2/get_token_info", "account/rate_limit_status")) == before


def test_it_closes_no_alarm_of_what_the_platform_had_found_wrong(drill: Drill) -> None:
    release = drill.office.signed(
        drill.office.approved(article(1), now=wall()), instant=wall() + 90 * MINUTE, on=[drill.office.weibo], now=wall()
    )
    releaser = drill.office.people["releaser"]
    drill.arm("weibo", "oauth2/get_token_info", "error", code=21327)
    preflighting.ask(release, person=releaser, now=wall)
    assert Alarm.objects.filter(kind="preflight", closed_at__isnull=True).exists()
    Counter.objects.update(count=CALLS - 30)
    preflighting.ask(release, person=releaser, now=wall)
    assert Alarm.objects.filter(kind="preflight", closed_at__isnull=True).exists()


# --- accepted, and no call is left to look -------------------------------------------------------------------------


def accepted_with_no_call_left(drill: Drill) -> Release:
    release = drill.released(on=[drill.office.weibo])
    assert drill.weibo(release).ids
    Counter.objects.update(count=CALLS)
    look(drill, release)
    return release


def look(drill: Drill, release: Release) -> None:
    drill.wait(timedelta(seconds=10))
    confirming.look(drill.weibo(release).pk, now=wall)


def test_what_is_accepted_shortly_before_midnight_is_looked_for_when_the_new_days_calls_are_there(
    drill: Drill, morning: time_machine.Traveller
) -> None:
    morning.shift(timedelta(hours=14, minutes=40))
    release = accepted_with_no_call_left(drill)
    push = drill.weibo(release)
    assert (push.status, "没有核对" in push.reason) == (State.CONFIRMING, True)
    assert not Alarm.objects.filter(publication=push, closed_at__isnull=True).exists()
    morning.shift(20 * MINUTE)
    look(drill, release)
    assert drill.weibo(release).status is State.LIVE


def test_where_they_come_too_late_a_person_is_told_why_nobody_looked(drill: Drill) -> None:
    push = drill.weibo(accepted_with_no_call_left(drill))
    assert push.status is State.NEEDS_PERSON
    assert "本账号当期接口额度用完" in push.reason
    assert "没有核对；微博已受理本条" in push.reason
    assert "核对没有结果" not in push.reason


def test_no_push_that_a_person_must_take_up_says_that_it_goes_on_by_itself(drill: Drill) -> None:
    release = drill.signed(on=[drill.office.weibo])
    Counter.objects.create(
        account=drill.office.weibo, bucket="weibo.calls", window=str(beijing_date(wall())), count=CALLS
    )
    drill.round()
    assert "恢复" in drill.weibo(release).reason
    drill.wait(5 * MINUTE - timedelta(seconds=10))
    drill.round()
    push = drill.weibo(release)
    assert push.status is State.HELD
    assert "额度（100 次）已用完" in push.reason
    assert "自动继续" not in push.reason


# --- our own counter ---------------------------------------------------------------------------------------------


def test_a_call_that_is_no_part_of_sending_leaves_what_is_signed_its_calls(office: Office) -> None:
    with time_machine.travel(beijing_midnight(beijing_date(wall())) + timedelta(hours=9), tick=True):
        pushes = [
            publication(
                office.signed(
                    office.approved(article(number), now=wall()),
                    on=[office.weibo],
                    instant=wall() + 60 * MINUTE,
                    now=wall(),
                ),
                office.weibo,
            )
            for number in range(1, 4)
        ]
        mine = AccountPorts(office.weibo)
        for _ in range(8):  # 20, less 4 for each of three
            mine.spend("calls", limit=20, period="day", reserve=5, each=4)
        with pytest.raises(ChannelFault, match="余下的要留给已签发的推送") as kept:
            mine.spend("calls", limit=20, period="day", reserve=5, each=4)
        assert kept.value.code == OWN_RESERVE
        done = [one.pk for one in pushes[:2]]
        force(Publication.objects.filter(pk__in=done), State.NEEDS_PERSON, sent_at=wall())
        for _ in range(7):  # one is left to send, which needs less than the least that is kept
            mine.spend("calls", limit=20, period="day", reserve=5, each=4)
        with pytest.raises(ChannelFault):
            mine.spend("calls", limit=20, period="day", reserve=5, each=4)
        for _ in range(5):
            mine.spend("calls", limit=20, period="day")
        with pytest.raises(ChannelFault, match="已用完") as gone:
            mine.spend("calls", limit=20, period="day")
        assert gone.value.code == OWN_QUOTA
        assert "自动继续" not in gone.value.message
