"""A platform refuses and says "wait": the machine tries again by itself, in time, and nobody else waits for it."""

from __future__ import annotations

from datetime import datetime

import pytest

from bot.channels.weibo.answers import read_share
from bot.domain import timeline
from bot.domain.channel import Absent, Receipt, WireAnswer
from bot.domain.delivery import State
from bot.models import Batch, Publication
from bot.services import batches

from .delivery_platform import receipt
from .delivery_support import MINUTE, SECOND, SIGNED_AT, Engine, T, outcomes
from .factories import Office, article


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The platform tells the truth: a refused call is not on the timeline, one that was accepted is."""
    made = Engine(office, monkeypatch)

    def look(evidence: object) -> Absent | Receipt:
        return receipt(evidence) if evidence.ids.get("idstr") else Absent("没有找到")  # type: ignore[attr-defined]

    made.platform.looks["lyhd"] = [look] * 200
    made.platform.answers["lyhd"] = [too_often(T)]
    return made


def too_often(at: datetime) -> object:
    """Weibo's 20016, as the adapter reads it: ten minutes."""
    return read_share(WireAnswer(400, (), b'{"error":"update weibo too fast!","error_code":20016}'), uid="1", now=at)


def test_it_is_handed_out_shortly_before_its_new_instant_and_goes(engine: Engine) -> None:
    """At once, its sender would sleep for ten minutes in a task that its worker ends after ninety seconds."""
    release = engine.signed(on=[engine.office.weibo])
    engine.go(T + MINUTE)
    one = engine.weibo(release)
    assert (one.status, one.batch) == (State.STAGED, None)
    assert one.not_before == one.next_at + timeline.HAND_OUT
    engine.go(T + 15 * MINUTE)
    one = engine.weibo(release)
    assert (one.status, outcomes(one)) == (State.LIVE, [("first", "refused"), ("again", "accepted")])


def test_another_release_of_the_account_keeps_its_instant(engine: Engine) -> None:
    engine.signed(on=[engine.office.weibo])
    second = engine.office.approved(article(2), now=SIGNED_AT)
    other = engine.signed(second, on=[engine.office.weibo], instant=T + 3 * MINUTE)
    engine.go(T + 15 * MINUTE)
    (left,) = [shot.at for shot in engine.platform.sent if shot.key == engine.weibo(other).key]
    assert left - (T + 3 * MINUTE) < SECOND


def test_nothing_is_armed_long_before_it_may_leave(engine: Engine) -> None:
    """A clock that was set back leaves what was due under the old one."""
    release = engine.signed(on=[engine.office.weibo])
    engine.go(T - 5 * MINUTE)
    Publication.objects.update(next_at=engine.clock.now())
    batches.hand_out(
        Publication.objects.select_related("account", "release__unit", "release__gate"), now=engine.clock.now()
    )
    assert not Batch.objects.exists()
    assert engine.weibo(release).next_at == T - timeline.HAND_OUT
