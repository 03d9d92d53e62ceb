"""A policy never goes out alone: its interpretation is public on the account, goes with it, or a waiver says why not."""

from __future__ import annotations

import pytest

from bot.domain.channel import Refused as RefusedByPlatform
from bot.domain.channel import Remedy
from bot.domain.delivery import State
from bot.models import Publication, Release
from bot.services import releases, settling
from bot.services.errors import Refused

from .delivery_support import MINUTE, Engine, T, states
from .factories import Office


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


def on_weibo(engine: Engine, *, interpretation_first: bool = False) -> tuple[Release, Publication, Publication]:
    """A signed pair on 微博, one post each: the release, the policy's push, the interpretation's."""
    policy, interpretation = engine.office.approved_pair()
    order = (interpretation, policy) if interpretation_first else (policy, interpretation)
    release = engine.signed(*order, on=[engine.office.weibo])
    pushes = {one.items.get().edition.document_id: one for one in release.publications.all()}
    return release, pushes[policy.pk], pushes[interpretation.pk]


def hold(engine: Engine, release: Release, only: Publication | None = None) -> releases.Stopped:
    return releases.hold(
        release, person=engine.releaser, reason="解读有误", now=engine.clock.now(), only=only.pk if only else None
    )


def resume(engine: Engine, release: Release, only: Publication | None = None) -> int:
    return releases.resume(release, person=engine.releaser, now=engine.clock.now(), only=only.pk if only else None)


def cancel(engine: Engine, release: Release, only: Publication) -> releases.Stopped:
    return releases.cancel(release, person=engine.releaser, reason="不发了", now=engine.clock.now(), only=only.pk)


def test_the_interpretation_of_a_held_policy_is_not_called_off_alone(engine: Engine) -> None:
    release, policy, interpretation = on_weibo(engine)
    engine.go(T - 20 * MINUTE)
    hold(engine, release)
    with pytest.raises(Refused, match=f"政策文件（推送 {policy.pk}）还没有发出，作废它的解读会使它单独公开，未做改动"):
        cancel(engine, release, interpretation)
    assert states(release) == [State.HELD, State.HELD]


def test_a_policy_is_not_resumed_while_its_interpretation_rests(engine: Engine) -> None:
    release, policy, interpretation = on_weibo(engine)
    engine.go(T - 20 * MINUTE)
    assert hold(engine, release, interpretation).stopped == 2
    with pytest.raises(Refused, match="恢复会使它单独公开，未做改动。请连同解读一起恢复"):
        resume(engine, release, policy)
    engine.go(T + 5 * MINUTE)
    assert states(release) == [State.HELD, State.HELD]
    assert engine.platform.sent == []


def test_both_are_resumed_together(engine: Engine) -> None:
    release, _, interpretation = on_weibo(engine)
    engine.go(T - 20 * MINUTE)
    hold(engine, release, interpretation)
    assert resume(engine, release) == 2
    engine.go(T + 5 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]


def test_a_policy_behind_an_interpretation_that_was_refused_and_given_up_does_not_go(engine: Engine) -> None:
    release, policy, interpretation = on_weibo(engine, interpretation_first=True)
    engine.platform.answers["lyhd"] = [RefusedByPlatform("20021", Remedy.PERSON, "微博拒绝发布，没有发出。")]
    engine.go(T + MINUTE)
    interpretation.refresh_from_db()
    settling.settle_cancel(interpretation, person=engine.releaser, reason="不发了", now=engine.clock.now())
    engine.go(T + 2 * MINUTE)
    with pytest.raises(Refused, match="配套解读在“临沂河东”上既没有公开，也不在同时发布之列"):
        resume(engine, release)
    policy.refresh_from_db()
    assert policy.status is State.HELD
    assert "可以恢复" not in policy.reason


def test_it_goes_when_the_interpretation_is_public_already(engine: Engine) -> None:
    release, policy, _ = on_weibo(engine, interpretation_first=True)
    engine.go(T - 20 * MINUTE)
    hold(engine, release, policy)
    engine.go(T + 2 * MINUTE)
    assert resume(engine, release) == 1
    engine.go(T + 5 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]
