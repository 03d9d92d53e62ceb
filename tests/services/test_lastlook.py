"""The last look, 100 ms before T, over a whole batch: what stands alike is judged at once, and nobody is judged by another.

Each case changes the standing of one among several publications; that one is taken out, with its reason, and no other.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bot.domain import timeline
from bot.domain.delivery import State
from bot.domain.sync import GateState
from bot.models import Account, Batch, Edition, Freeze, PortalGate, Publication, Release
from bot.services import lastlook

from .delivery_support import SECOND, Engine, T
from .factories import Office, add_weibo, after_live, force

NOW = T - timeline.RECHECK
MANY = 5
PLACE = 2  # the one whose standing changes


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


@pytest.fixture
def aboard(engine: Engine) -> list[Publication]:
    """Five pushes of five releases on five accounts, in one batch, their intents written."""
    streets = [add_weibo(engine.office.unit, f"street{number}") for number in range(MANY)]
    for document, street in zip(engine.articles(MANY), streets, strict=True):
        engine.signed(document, on=[street])
    return on_their_way(engine)


def on_their_way(engine: Engine) -> list[Publication]:
    engine.go(T - 16 * SECOND)
    engine.workers = False
    engine.go(T - 15 * SECOND)
    force(Publication.objects.filter(state=State.ARMED), str(State.SENDING))
    found = list(Publication.objects.filter(state=State.SENDING).select_related("account", "release").order_by("pk"))
    assert len({one.batch_id for one in found}) == 1
    return found


def look(publications: list[Publication], *, stale: int | None = None, **here: object) -> dict[int, str]:
    """Place in the batch to why it is struck. The `stale` one was read back too long ago."""
    reads = [NOW - timeline.READ_BACK_HOLDS - SECOND if place == stale else NOW for place in range(len(publications))]
    rows = [lastlook.Aboard(one, read_at) for one, read_at in zip(publications, reads, strict=True)]
    known = {"lock_held": True, **here}
    why = lastlook.struck(Batch.objects.get(), rows, lastlook.Here(NOW, **known))  # type: ignore[arg-type]
    places = {one.pk: place for place, one in enumerate(publications)}
    return {places[pk]: words for pk, words in why.items()}


def asks_to_stop(one: Publication) -> None:
    Publication.objects.filter(pk=one.pk).update(stop_event="hold")


def is_called_off(one: Publication) -> None:
    Release.objects.filter(pk=one.release_id).update(cancelled_at=NOW)


def is_disabled(one: Publication) -> None:
    Account.objects.filter(pk=one.account_id).update(disabled_reason="密钥泄露")


def loses_its_approval(one: Publication) -> None:
    edition = one.items.get().edition
    Edition.objects.filter(pk=edition.pk).update(state="returned")


def is_in_other_hands(one: Publication) -> None:
    Publication.objects.filter(pk=one.pk).update(batch=None)


def has_moved(one: Publication) -> None:
    force(Publication.objects.filter(pk=one.pk), str(State.UNKNOWN), reason="没有收到应答。")


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (asks_to_stop, "已有人要求停下"),
        (is_called_off, "签发或发布单已作废"),
        (is_disabled, "账号已停用"),
        (loses_its_approval, "审核已撤回"),
        (is_in_other_hands, "发送权已转到别的进程"),
        (has_moved, "发送权已转到别的进程"),
    ],
)
def test_only_the_one_that_it_concerns_is_taken_out(
    aboard: list[Publication], happens: Callable[[Publication], None], words: str
) -> None:
    happens(aboard[PLACE])
    why = look(aboard)
    assert list(why) == [PLACE]
    assert words in why[PLACE]


def test_an_old_read_back_and_a_distrusted_clock_concern_one(aboard: list[Publication]) -> None:
    why = look(aboard, stale=0, distrusted=[aboard[PLACE].account_id])
    assert set(why) == {0, PLACE}
    assert "平台上的内容核对过太久" in why[0]
    assert "本机时钟不可信" in why[PLACE]


def test_each_of_several_troubles_keeps_its_own_reason(aboard: list[Publication]) -> None:
    asks_to_stop(aboard[0])
    is_disabled(aboard[1])
    is_in_other_hands(aboard[3])
    assert [words.split("：")[1] for _, words in sorted(look(aboard, stale=4).items())] == [
        "已有人要求停下", "账号已停用", "发送权已转到别的进程", "平台上的内容核对过太久，要重新核对",
    ]  # fmt: skip


def test_a_freeze_and_a_lost_lock_concern_all(aboard: list[Publication], office: Office) -> None:
    assert set(look(aboard, lock_held=False)) == set(range(MANY))
    Freeze.objects.create(unit=office.unit, reason="演练", person=office.people["releaser"], at=NOW)
    assert all("一键停发" in words for words in look(aboard).values())
    assert len(look(aboard)) == MANY


def test_nothing_speaks_against_a_crowd_in_order(aboard: list[Publication]) -> None:
    assert look(aboard) == {}


def test_a_gate_that_has_closed_again_stops_its_own_release_alone(engine: Engine) -> None:
    engine.page.at(T - timedelta(minutes=30))
    street = add_weibo(engine.office.unit, "street")
    first, second = engine.articles(2)
    gated = engine.signed(first, sync=after_live())
    engine.signed(second, on=[street])
    publications = on_their_way(engine)
    PortalGate.objects.filter(release=gated).update(state=GateState.ASKING)
    assert {publications[place].release_id for place in look(publications)} == {gated.pk}
    PortalGate.objects.filter(release=gated).update(state=GateState.OPEN, live_at=NOW)
    assert look(publications) == {}


def test_the_second_in_a_lane_is_judged_by_the_one_before_it(engine: Engine) -> None:
    engine.signed(*engine.articles(2), on=[engine.office.weibo])
    first, second = Publication.objects.select_related("account", "release").order_by("lane")
    engine.go(T - 16 * SECOND)
    batch = Batch.objects.create(instant=T, kind="release", state="claimed", fence=1, handed_at=NOW, claim_by=T)
    force(Publication.objects.filter(pk=second.pk), str(State.SENDING), batch=batch)
    assert "同一账号前面的一条没有发成" in look([second])[0]
    force(Publication.objects.filter(pk=first.pk), str(State.CONFIRMING), accepted_at=NOW - timedelta(hours=1))
    assert look([second]) == {}


def test_the_database_is_asked_no_more_for_many_than_for_one(aboard: list[Publication]) -> None:
    def asked(publications: list[Publication]) -> int:
        with CaptureQueriesContext(connection) as captured:
            look(publications)
        return len(captured)

    assert asked(aboard) == asked(aboard[:1])
