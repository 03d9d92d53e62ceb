"""What only people may decide, and what the record keeps of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.domain.channel import Refused as PlatformRefused
from bot.domain.channel import Remedy
from bot.domain.delivery import State
from bot.models import AuditEvent, Item, Publication
from bot.services import quotas, releases, settling
from bot.services.errors import NotFound, Refused

from .delivery_support import MINUTE, Engine, T, put, states
from .factories import Office

LATER = T + 40 * MINUTE


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


@pytest.fixture
def stuck(engine: Engine) -> Publication:
    """Refused by the platform at T; in front of a person."""
    release = engine.signed(on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [PlatformRefused("20021", Remedy.PERSON, "违规内容。")]
    engine.go(T + MINUTE)
    assert engine.weibo(release).status is State.NEEDS_PERSON
    engine.clock.wait_until(LATER)
    return engine.weibo(release)


def again(engine: Engine, of: Publication, *, second: str = "final", reason: str = "主页上没有") -> None:
    settling.settle_again(
        of, person=engine.releaser, second=engine.office.people[second], reason=reason, now=engine.clock.now()
    )


def test_found_by_a_person_it_is_live_with_every_address(engine: Engine, stuck: Publication) -> None:
    settling.settle_live(stuck, urls=["https://weibo.com/1/a"], person=engine.releaser, now=LATER)
    stuck.refresh_from_db()
    assert stuck.status is State.LIVE
    assert stuck.items.get().url == "https://weibo.com/1/a"
    assert stuck.next_sample_at is not None
    assert "孙签" in stuck.reason


@pytest.mark.parametrize("urls", [[], ["https://a.cn", "https://b.cn"], ["weibo.com/1"], ["javascript:alert(1)"]])
def test_one_web_address_per_position_is_asked_for(engine: Engine, stuck: Publication, urls: list[str]) -> None:
    with pytest.raises(Refused, match="链接"):
        settling.settle_live(stuck, urls=urls, person=engine.releaser, now=LATER)
    stuck.refresh_from_db()
    assert stuck.status is State.NEEDS_PERSON


def test_two_people_may_send_it_again_and_it_goes_once(engine: Engine, stuck: Publication) -> None:
    again(engine, stuck)
    engine.go(LATER + 2 * MINUTE)
    stuck.refresh_from_db()
    assert stuck.status is State.LIVE
    assert len(engine.platform.sent) == 2
    line = AuditEvent.objects.get(action="publication.resend")
    assert (line.actor, line.data) == ("releaser", {"second": "final", "reason": "主页上没有"})


def test_sent_again_on_the_same_day_it_uses_the_slot_that_it_kept(engine: Engine) -> None:
    """一天一次的群发: what the platform may have counted stays reserved, and is reserved for this very push."""
    release = engine.signed(on=[engine.office.wechat])
    engine.platform.answers["zghd"] = [PlatformRefused("40007", Remedy.PERSON, "素材无效。")]
    engine.go(T + MINUTE)
    assert engine.wechat(release).status is State.NEEDS_PERSON
    again(engine, engine.wechat(release))
    engine.go(T + 5 * MINUTE)
    assert engine.wechat(release).status is State.LIVE
    held = engine.wechat(release).reservations.filter(released_at__isnull=True)
    assert sorted(held.values_list("window", "slot")) == sorted(set(held.values_list("window", "slot")))
    assert held.count() == len(quotas.quotas_of(engine.office.wechat, "mass"))


def test_one_person_alone_may_not(engine: Engine, stuck: Publication) -> None:
    with pytest.raises(Refused, match="两人"):
        again(engine, stuck, second="releaser")
    with pytest.raises(Refused, match="权限"):
        again(engine, stuck, second="editor")
    with pytest.raises(Refused, match="核实"):
        again(engine, stuck, reason=" ")
    engine.go(LATER + 2 * MINUTE)
    assert len(engine.platform.sent) == 1


def test_not_while_frozen_nor_without_a_signature(engine: Engine, stuck: Publication) -> None:
    releases.freeze(engine.office.unit, person=engine.releaser, reason="停", now=LATER)
    with pytest.raises(Refused, match="停发"):
        again(engine, stuck)


def test_given_up_it_is_cancelled_and_stays_so(engine: Engine, stuck: Publication) -> None:
    settling.settle_cancel(stuck, person=engine.releaser, reason="内容撤回", now=LATER)
    engine.go(LATER + 2 * MINUTE)
    stuck.refresh_from_db()
    assert stuck.status is State.CANCELLED
    assert len(engine.platform.sent) == 1
    assert Item.objects.get(publication=stuck).active  # a byte left once: this edition does not go there again


def test_missed_and_cancelled_frees_the_edition(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.weibo])
    engine.clock.wait_until(LATER)
    engine.tick()
    assert states(release) == [State.MISSED]
    settling.settle_cancel(engine.weibo(release), person=engine.releaser, reason="改期", now=LATER)
    assert not Item.objects.get(publication__release=release).active


def _live(engine: Engine, of: Publication) -> None:
    settling.settle_live(of, urls=["https://weibo.com/1/a"], person=engine.releaser, now=LATER)


def _cancel(engine: Engine, of: Publication) -> None:
    settling.settle_cancel(of, person=engine.releaser, reason="不发", now=LATER)


@pytest.mark.parametrize("decide", [_live, _cancel, again])
@pytest.mark.parametrize("state", sorted(set(State) - {State.NEEDS_PERSON, State.MISSED}))
def test_what_no_person_has_to_decide_cannot_be_decided(
    engine: Engine, decide: Callable[[Engine, Publication], None], state: State
) -> None:
    release = engine.signed(on=[engine.office.weibo])
    Item.objects.filter(publication__release=release).update(platform_id="1")
    one = put(engine.weibo(release), state, live_at=T)
    with pytest.raises(Refused, match="不需要人工处理"):
        decide(engine, one)
    one.refresh_from_db()
    assert one.status is state


def test_another_units_publication_does_not_exist(engine: Engine, stuck: Publication) -> None:
    other = Office.make("other", prefix="o-")
    with pytest.raises(NotFound):
        settling.find_publication(stuck.pk, unit=other.unit)
    assert settling.find_publication(stuck.pk, unit=engine.office.unit) == stuck
