"""What a change takes away: the signature, the quota reserved with it, and the right to leave."""

from __future__ import annotations

import pytest

from bot.domain.delivery import STOPPABLE, State
from bot.models import AuditEvent, Release, Reservation
from bot.services import stops
from bot.services.errors import Refused
from bot.services.voiding import is_frozen, void_signature

from .delivery_support import MINUTE, SECOND, SIGNED_AT, Engine, T, put, states
from .factories import Office, article


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


def void(release: Release) -> None:
    void_signature(release.pk, reason="内容有修改", actor="李拟", now=SIGNED_AT)
    release.refresh_from_db()


def reserved(release: Release) -> int:
    return Reservation.objects.filter(publication__release=release, released_at__isnull=True).count()


def test_a_void_signature_holds_everything_and_frees_the_quota(engine: Engine) -> None:
    release = engine.signed()
    assert reserved(release) > 0
    void(release)
    assert not release.signed
    assert release.manifest_hash == ""
    assert states(release) == [State.HELD, State.HELD]
    assert reserved(release) == 0
    assert "内容有修改" in engine.wechat(release).reason


def test_voiding_twice_is_voiding_once(engine: Engine) -> None:
    release = engine.signed()
    void(release)
    void(release)
    assert AuditEvent.objects.filter(action="release.voided").count() == 1


@pytest.mark.parametrize("state", sorted(set(State) - STOPPABLE - {State.HELD}))
def test_what_has_left_or_is_settled_stays_as_it_is(engine: Engine, state: State) -> None:
    release = engine.signed(on=[engine.office.wechat])
    engine.wechat(release).items.update(platform_id="1_1")
    put(engine.wechat(release), state, live_at=T)
    before = reserved(release)
    void(release)
    assert states(release) == [state]
    assert reserved(release) == before


def test_a_held_release_cannot_be_resumed_but_may_be_signed_again(engine: Engine) -> None:
    release = engine.signed()
    void(release)
    with pytest.raises(Refused, match="签发"):
        stops.resume(release, person=engine.releaser, now=SIGNED_AT)
    engine.office.signs(release, now=SIGNED_AT)
    engine.go(T + MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]
    assert len(engine.platform.sent) == 2


def test_what_was_on_hold_gives_its_quota_back_and_can_be_signed_again(engine: Engine) -> None:
    """One mass send a day: the release must not stand in its own way."""
    release = engine.signed(on=[engine.office.wechat])
    stops.hold(release, person=engine.releaser, reason="等等", now=SIGNED_AT)
    void(release)
    assert reserved(release) == 0
    engine.office.signs(release, now=SIGNED_AT)
    engine.go(T + MINUTE)
    assert states(release) == [State.LIVE]


def test_a_correction_of_one_document_does_not_touch_other_releases(engine: Engine) -> None:
    one, two = engine.articles(2)
    first = engine.signed(one, on=[engine.office.wechat])
    second = engine.signed(two, on=[engine.office.weibo])
    engine.office.took(article(1, body_html="<p>改正后的正文。</p>"), now=SIGNED_AT)
    engine.go(T + MINUTE)
    assert (states(first), states(second)) == ([State.HELD], [State.LIVE])


def test_a_correction_after_it_went_live_voids_nothing(engine: Engine) -> None:
    release = engine.signed()
    engine.go(T + MINUTE)
    engine.office.took(article(1, body_html="<p>改正后的正文。</p>"), now=engine.clock.now())
    release.refresh_from_db()
    assert release.signed
    assert states(release) == [State.LIVE, State.LIVE]


def test_a_freeze_stands_until_it_is_lifted_and_lifting_resumes_nothing(engine: Engine) -> None:
    release = engine.signed()
    engine.go(T - 9 * MINUTE)
    unit = engine.office.unit
    stops.freeze(unit, person=engine.releaser, reason="停", now=engine.clock.now())
    assert is_frozen(unit)
    with pytest.raises(Refused, match="停发"):
        stops.resume(release, person=engine.releaser, now=engine.clock.now())
    stops.unfreeze(unit, person=engine.releaser, now=engine.clock.now())
    assert not is_frozen(unit)
    engine.go(T - 5 * SECOND)
    assert states(release) == [State.HELD, State.HELD]
    stops.resume(release, person=engine.releaser, now=engine.clock.now())
    engine.go(T + MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]
