"""The one way a publication changes its state: by the table, by compare-and-set, and with a line in the audit chain."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.delivery import Event, IllegalTransition, State, after, sources
from bot.domain.instants import NaiveInstantError
from bot.models import AuditEvent, Publication
from bot.services import audit
from bot.services.transitions import Stale, lease, move, touch

from .delivery_support import SECOND, Engine, T, put
from .factories import Office, publication


@pytest.fixture
def one(office: Office, monkeypatch: pytest.MonkeyPatch) -> Publication:
    return Engine(office, monkeypatch).signed(on=[office.weibo]).publications.get()


def twice(one: Publication) -> tuple[Publication, Publication]:
    """Two processes that have read the same row."""
    return Publication.objects.get(pk=one.pk), Publication.objects.get(pk=one.pk)


def test_a_move_writes_state_columns_and_one_audit_line_together(one: Publication) -> None:
    move(one, Event.HOLD, actor="孙签", now=T, reason="待核", next_at=None)
    stored = Publication.objects.get(pk=one.pk)
    assert (stored.state, stored.reason, stored.next_at) == (State.HELD, "待核", None)
    line = AuditEvent.objects.filter(subject=f"publication:{one.pk}").latest("sequence")
    assert (line.actor, line.at) == ("孙签", T)
    assert line.data == {"from": "planned", "to": "held", "event": "hold", "reason": "待核"}
    assert audit.verify_chain()[2] is None


def test_of_two_who_read_the_same_row_only_the_first_moves_it(one: Publication) -> None:
    quick, slow = twice(one)
    move(quick, Event.STAGE, actor="a", now=T)
    lines = AuditEvent.objects.count()
    with pytest.raises(Stale):
        move(slow, Event.CANCEL, actor="b", now=T)
    assert Publication.objects.get(pk=one.pk).status is State.STAGING
    assert AuditEvent.objects.count() == lines


def test_the_fence_tells_apart_two_visits_to_the_same_state(one: Publication) -> None:
    """A sender that slept through hold and resume must not go on as if nothing had been."""
    awake, asleep = twice(one)
    move(awake, Event.HOLD, actor="a", now=T, next_at=None)
    move(awake, Event.RESUME, actor="a", now=T)
    assert awake.state == asleep.state
    with pytest.raises(Stale):
        move(asleep, Event.STAGE, actor="b", now=T)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", [Event.INTENT, Event.NOT_SENT, Event.PROBE, Event.HOLD, Event.CANCEL])
def test_an_event_outside_the_table_changes_nothing(one: Publication, state: State, event: Event) -> None:
    if state in sources(event):
        assert after(state, event) in State
        return
    one.state = state
    with pytest.raises(IllegalTransition):
        move(one, event, actor="a", now=T)
    assert Publication.objects.get(pk=one.pk).status is State.PLANNED


def test_an_instant_without_a_zone_is_refused(one: Publication) -> None:
    with pytest.raises(NaiveInstantError):
        move(one, Event.HOLD, actor="a", now=T.replace(tzinfo=None))


def test_a_lease_is_for_one_and_ends(one: Publication) -> None:
    mine, theirs = twice(one)
    assert lease(mine, T + 45 * SECOND, now=T)
    assert not lease(theirs, T + 45 * SECOND, now=T)
    late = Publication.objects.get(pk=one.pk)
    assert not lease(late, T + 90 * SECOND, now=T + 44 * SECOND)
    assert lease(late, T + 90 * SECOND, now=T + 45 * SECOND)
    with pytest.raises(Stale):
        touch(mine, looks=1)  # taken over meanwhile


def test_a_move_ends_lease_and_bell(one: Publication) -> None:
    put(one, State.PLANNED, lease_until=T, rung_at=T)
    move(one, Event.HOLD, actor="a", now=T, next_at=None)
    stored = Publication.objects.get(pk=one.pk)
    assert (stored.lease_until, stored.rung_at) == (None, None)


def test_the_database_refuses_a_live_publication_without_platform_ids(one: Publication) -> None:
    from django.db import IntegrityError, transaction

    put(one, State.CONFIRMING)
    with pytest.raises(IntegrityError), transaction.atomic():
        move(one, Event.CONFIRM, actor="a", now=T, live_at=T)


def test_the_database_refuses_an_instant_before_the_one_signed(one: Publication) -> None:
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        Publication.objects.filter(pk=one.pk).update(not_before=T - timedelta(seconds=1))
    assert publication(one.release, one.account).not_before == T
