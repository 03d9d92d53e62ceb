"""Until the first byte: freeze, cancel, hold, a correction, a missing approval and a changed row all stop it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from bot.domain.channel import Remedy
from bot.domain.delivery import State
from bot.models import Attempt, Batch, Edition, Freeze, Item, Publication, Release, Reservation
from bot.services import sending, stops
from bot.services.locks import ProcessLock

from .delivery_support import (
    MINUTE,
    NO_ANSWER,
    SECOND,
    Engine,
    T,
    fault,
    outcomes,
    states,
)
from .factories import KEPT, Office, article, lifted


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


# --- stopping: until the first byte ------------------------------------------------------------------------


def test_a_freeze_after_t_still_stops_what_has_no_connection_yet(engine: Engine) -> None:
    """Up to five seconds its sender goes on trying to connect: the first byte has not left."""
    release, answers = engine.signed(), list[stops.Stopped]()
    engine.platform.connects["zghd"] = 4 * SECOND

    def freeze() -> None:
        unit, now = engine.office.unit, engine.clock.now()
        answers.append(stops.freeze(unit, person=engine.releaser, reason="有误", now=now))

    engine.clock.at(T + 2 * SECOND, freeze)
    engine.go(T + MINUTE)
    assert [left.slug for left in engine.platform.sent] == ["lyhd"]
    assert outcomes(engine.wechat(release)) == [("first", "not_sent")]
    assert engine.wechat(release).status is State.HELD
    assert "可能已发出" in answers[0].message


def test_without_a_stop_what_connects_after_t_goes_as_soon_as_it_can(engine: Engine) -> None:
    release = engine.signed()
    engine.platform.connects["zghd"] = 4 * SECOND
    engine.go(T + MINUTE)
    assert {left.slug: left.at - T for left in engine.platform.sent} == {"lyhd": timedelta(), "zghd": 4 * SECOND}
    assert states(release) == [State.LIVE, State.LIVE]


@pytest.mark.parametrize("left", [20, 10, 1.5], ids=["staged", "armed", "after the intent"])
def test_a_freeze_stops_everything_that_has_not_left(engine: Engine, left: float) -> None:
    release, answers = engine.signed(), list[stops.Stopped]()

    def freeze() -> None:
        unit, now = engine.office.unit, engine.clock.now()
        answers.append(stops.freeze(unit, person=engine.releaser, reason="有误", now=now))

    engine.clock.at(T - timedelta(seconds=left), freeze)
    engine.go(T + MINUTE)
    assert answers == [stops.Stopped(sent=0, stopped=2, in_flight=0)]
    assert not engine.platform.sent
    assert states(release) == [State.HELD, State.HELD]
    assert "有误" in engine.wechat(release).reason


@pytest.mark.parametrize("left", [10, 1.5], ids=["armed", "after the intent"])
def test_one_publication_can_be_held_while_the_other_goes(engine: Engine, left: float) -> None:
    release = engine.signed()
    only = engine.wechat(release).pk

    def hold() -> None:
        stops.hold(release, person=engine.releaser, reason="标题待核", now=engine.clock.now(), only=only)

    engine.clock.at(T - timedelta(seconds=left), hold)
    engine.go(T + MINUTE)
    assert [shot.slug for shot in engine.platform.sent] == ["lyhd"]
    assert states(release) == [State.HELD, State.LIVE]


@pytest.mark.parametrize("left", [20, 10, 1.5], ids=["staged", "armed", "after the intent"])
def test_a_cancelled_release_never_leaves_and_gives_back_editions_and_quota(engine: Engine, left: float) -> None:
    document = engine.office.approved(article(1), now=engine.clock.now())
    release = engine.signed(document)

    def cancel() -> None:
        stops.cancel(release, person=engine.releaser, reason="不发了", now=engine.clock.now())

    engine.clock.at(T - timedelta(seconds=left), cancel)
    engine.go(T + MINUTE)
    assert not engine.platform.sent
    assert states(release) == [State.CANCELLED, State.CANCELLED]
    assert not Item.objects.filter(publication__release=release, active=True).exists()
    assert not Reservation.objects.filter(publication__release=release, released_at__isnull=True).exists()
    assert engine.office.planned(document, instant=T + timedelta(days=1), now=T)  # so the edition may be planned anew


def test_a_freeze_in_the_last_second_is_not_promised_but_obeyed_if_it_is_read_in_time(engine: Engine) -> None:
    """The sender reads wishes 100 ms ahead: so close to it, saying "stopped" might turn out a lie."""
    release, answers = engine.signed(), list[stops.Stopped]()

    def freeze() -> None:
        unit, now = engine.office.unit, engine.clock.now()
        answers.append(stops.freeze(unit, person=engine.releaser, reason="有误", now=now))

    engine.clock.at(T - timedelta(seconds=0.5), freeze)
    engine.go(T + MINUTE)
    assert answers == [stops.Stopped(sent=0, stopped=0, in_flight=2)]
    assert not engine.platform.sent
    assert states(release) == [State.HELD, State.HELD]


def test_a_wish_left_with_something_unknown_keeps_it_from_ever_leaving_again(engine: Engine) -> None:
    """Somebody wants it stopped: it is looked for, never probed or sent once more."""
    release = engine.signed(on=[engine.office.wechat])
    engine.platform.answers["zghd"] = [NO_ANSWER]
    engine.go(T + SECOND)
    stops.freeze(engine.office.unit, person=engine.releaser, reason="有误", now=engine.clock.now())
    engine.go(T + 10 * MINUTE)
    assert len(engine.platform.sent) == 1
    assert engine.wechat(release).status is State.NEEDS_PERSON


def test_what_is_unknown_counts_as_in_flight_and_what_was_accepted_as_sent(engine: Engine) -> None:
    release = engine.signed()
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    engine.go(T + SECOND)
    answer = stops.freeze(engine.office.unit, person=engine.releaser, reason="停", now=engine.clock.now())
    assert answer == stops.Stopped(sent=1, stopped=0, in_flight=1)
    assert states(release)[1] == State.UNKNOWN


def test_a_freeze_written_by_hand_into_the_database_stops_the_intent(engine: Engine) -> None:
    release = engine.armed()

    def by_hand() -> None:
        Freeze.objects.create(unit=engine.office.unit, reason="停", person=engine.releaser, at=engine.clock.now())

    engine.clock.at(T - 3 * SECOND, by_hand)
    engine.go(T + SECOND)
    assert not engine.platform.sent
    assert not Attempt.objects.exists()
    assert states(release) == [State.HELD, State.HELD]
    assert "一键停发" in engine.wechat(release).reason


# --- never unapproved ------------------------------------------------------------------------------------


def test_resumed_long_before_its_instant_it_has_all_its_time_to_be_staged(engine: Engine) -> None:
    """One hiccup of the platform at T-10 min is no reason to hold it."""
    instant = T + timedelta(hours=12)
    release = engine.signed(instant=instant)
    stops.hold(release, person=engine.releaser, reason="再看一眼", now=engine.clock.now())
    engine.clock.wait_until(T)
    stops.resume(release, person=engine.releaser, now=engine.clock.now())
    engine.platform.stages["zghd"] = [fault(Remedy.UNKNOWN, "系统繁忙。")]
    engine.go(instant + MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]


@pytest.mark.parametrize("left", [60, 20, 10, 1.5, 0.5])
def test_an_edition_superseded_after_staging_does_not_go_out(engine: Engine, left: float) -> None:
    release = engine.signed()

    def correct() -> None:
        engine.office.took(article(1, body_html="<p>改正后的正文。</p>"), now=engine.clock.now())

    engine.clock.at(T - timedelta(seconds=left), correct)
    engine.go(T + MINUTE)
    assert not engine.platform.sent
    assert states(release) == [State.HELD, State.HELD]
    assert "签发" in engine.wechat(release).reason


def _other_instant(release: Release) -> None:
    Publication.objects.filter(release=release).update(instant=T - MINUTE, not_before=T - MINUTE)


def _other_mode(release: Release) -> None:
    Publication.objects.filter(release=release).update(mode="publish")


def _other_manifest(release: Release) -> None:
    Release.objects.filter(pk=release.pk).update(manifest={**release.manifest, "sync": "now"})


@pytest.mark.parametrize("tamper", [_other_instant, _other_mode, _other_manifest])
def test_what_is_not_as_it_was_signed_does_not_leave(engine: Engine, tamper: Callable[[Release], None]) -> None:
    """Whoever changes rows by hand: the manifest and its hash are compared once more ahead of the instant."""
    release = engine.armed(on=[engine.office.wechat])
    with lifted(*KEPT):
        tamper(release)
    engine.go(T + MINUTE)
    assert engine.wechat(release).status is State.HELD
    assert "不一致" in engine.wechat(release).reason
    assert not engine.platform.sent


def test_the_database_refuses_to_change_signed_bytes(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    with pytest.raises(IntegrityError, match="signed bytes"), transaction.atomic():
        Item.objects.filter(publication__release=release).update(payload={"title": "另一篇"}, payload_hash="0" * 64)


@pytest.mark.parametrize("left", [3, 1], ids=["before the intent", "after the intent"])
def test_an_approval_taken_away_by_hand_stops_what_holds_it_alone(engine: Engine, left: int) -> None:
    first = engine.signed(engine.office.approved(article(1), now=engine.clock.now()), on=[engine.office.wechat])
    second = engine.signed(engine.office.approved(article(2), now=engine.clock.now()), on=[engine.office.weibo])
    edition = Edition.objects.get(items__publication__release=first)
    engine.clock.at(T - left * SECOND, lambda: Edition.objects.filter(pk=edition.pk).update(state="superseded"))
    engine.go(T + 4 * SECOND)
    assert [shot.slug for shot in engine.platform.sent] == ["lyhd"]
    assert engine.wechat(first).status in {State.HELD, State.STAGED}
    assert states(second) == [State.LIVE]


def test_a_sender_that_lost_its_lock_sends_nothing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    release = engine.armed()
    monkeypatch.setattr(ProcessLock, "held", lambda self: False)
    sending.run_batch(Batch.objects.get().pk, clock=engine.clock)
    assert not engine.platform.sent
    assert states(release) == [State.STAGED, State.STAGED]
    assert outcomes(engine.wechat(release)) == [("first", "not_sent")]
