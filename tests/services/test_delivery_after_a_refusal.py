"""A platform refuses and says "wait": the machine tries again by itself, in time, and nobody else waits for it."""

from __future__ import annotations

from datetime import datetime

import pytest

from bot.channels.weibo.answers import read_share
from bot.domain import timeline
from bot.domain.channel import Absent, Receipt, Refused, Remedy, WireAnswer
from bot.domain.delivery import State
from bot.models import Batch, Publication
from bot.services import batches, settling

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


# --- after people began it anew --------------------------------------------------------------------------------


def send_again(engine: Engine, one: Publication) -> None:
    settling.settle_again(
        one, person=engine.releaser, second=engine.office.people["final"], reason="已处理", now=engine.clock.now()
    )


def test_a_token_that_is_refused_once_is_renewed_once_also_after_people_began_it_anew(engine: Engine) -> None:
    """What was refused of the act before counts no more: that one is over."""
    engine.by_publish()
    engine.platform.looks["zghd"] = [lambda evidence: receipt(evidence) if evidence.ids else Absent("没有")] * 50
    engine.platform.answers["zghd"] = [
        Refused("53503", Remedy.PERSON, "草稿没有通过平台的发布检查。"),
        Refused("40001", Remedy.REFRESH, "微信不认当前令牌。"),
    ]
    release = engine.signed(on=[engine.office.wechat])
    engine.go(T + MINUTE)
    send_again(engine, engine.wechat(release))
    engine.go(T + 5 * MINUTE)
    one = engine.wechat(release)
    assert (one.status, [end for _, end in outcomes(one)]) == (State.LIVE, ["refused", "refused", "accepted"])


def test_refused_too_often_it_is_not_called_too_late(engine: Engine) -> None:
    engine.platform.answers["lyhd"] = [
        Refused("20016", Remedy.WAIT, "发布过于频繁。", T + minutes * MINUTE) for minutes in (1, 2, 3)
    ]
    release = engine.signed(on=[engine.office.weibo])
    engine.go(T + 4 * MINUTE)
    one = engine.weibo(release)
    assert one.status is State.NEEDS_PERSON
    assert (
        one.reason == "发布过于频繁。平台已拒绝 3 次，没有发出，系统不再自动重试；请查明原因后由两人确认重发，或作废。"
    )
