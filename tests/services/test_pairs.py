"""A policy never goes out alone: its interpretation is public on the account, goes with it, or a waiver says why not."""

from __future__ import annotations

import pytest

from bot.domain.channel import Absent, Remedy
from bot.domain.channel import Refused as RefusedByPlatform
from bot.domain.delivery import State
from bot.models import Publication, Release, Waiver
from bot.services import settling, stops
from bot.services.errors import Refused

from .delivery_support import MINUTE, NO_ANSWER, SECOND, SIGNED_AT, Engine, T, put, receipt, states
from .factories import Office
from .factories import interpretation as interpretation_article
from .factories import policy as policy_article

NO = RefusedByPlatform("20021", Remedy.PERSON, "微博拒绝发布，没有发出。")


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


def hold(engine: Engine, release: Release, only: Publication | None = None) -> stops.Stopped:
    return stops.hold(
        release, person=engine.releaser, reason="解读有误", now=engine.clock.now(), only=only.pk if only else None
    )


def resume(engine: Engine, release: Release, only: Publication | None = None) -> int:
    return stops.resume(release, person=engine.releaser, now=engine.clock.now(), only=only.pk if only else None)


def cancel(engine: Engine, release: Release, only: Publication) -> stops.Stopped:
    return stops.cancel(release, person=engine.releaser, reason="不发了", now=engine.clock.now(), only=only.pk)


def test_the_interpretation_of_a_held_policy_is_not_called_off_alone(engine: Engine) -> None:
    release, policy, interpretation = on_weibo(engine)
    engine.go(T - 20 * MINUTE)
    hold(engine, release)
    with pytest.raises(
        Refused, match=f"政策文件（推送 {policy.pk}，已暂停）还没有公开，作废它的解读会使它单独公开，未做改动"
    ):
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


def give_up(engine: Engine, one: Publication) -> None:
    one.refresh_from_db()
    settling.settle_cancel(one, person=engine.releaser, reason="不发了", now=engine.clock.now())


def send_again(engine: Engine, one: Publication) -> None:
    one.refresh_from_db()
    settling.settle_again(
        one, person=engine.releaser, second=engine.office.people["final"], reason="核实未发出", now=engine.clock.now()
    )


def test_an_interpretation_that_was_refused_is_given_up_after_its_policy(engine: Engine) -> None:
    release, policy, interpretation = on_weibo(engine, interpretation_first=True)
    engine.platform.answers["lyhd"] = [NO]
    engine.go(T + MINUTE)
    with pytest.raises(Refused, match=f"请先作废政策文件那一条（推送 {policy.pk}）"):
        give_up(engine, interpretation)
    cancel(engine, release, policy)
    give_up(engine, interpretation)
    assert states(release) == [State.CANCELLED, State.CANCELLED]


def test_the_interpretation_of_a_policy_that_people_may_send_again_is_not_called_off(engine: Engine) -> None:
    release, policy, interpretation = on_weibo(engine)
    engine.platform.answers["lyhd"] = [NO]
    engine.go(T + 2 * MINUTE)
    with pytest.raises(Refused, match=f"推送 {policy.pk}，需人工处理"):
        cancel(engine, release, interpretation)


def test_a_policy_whose_interpretation_is_gone_is_not_sent_again(engine: Engine) -> None:
    _, policy, interpretation = on_weibo(engine)
    engine.platform.answers["lyhd"] = [NO]
    engine.go(T + 2 * MINUTE)
    put(interpretation, State.CANCELLED)
    with pytest.raises(Refused, match="重发会使它单独公开，未做改动"):
        send_again(engine, policy)


def test_a_pair_that_was_refused_is_sent_again_one_after_the_other(engine: Engine) -> None:
    release, policy, _ = on_weibo(engine)
    engine.platform.answers["lyhd"] = [NO]
    engine.platform.looks["lyhd"] = [lambda evidence: receipt(evidence) if evidence.ids else Absent("没有")] * 50
    engine.go(T + 2 * MINUTE)
    send_again(engine, policy)
    engine.go(T + 6 * MINUTE)
    assert resume(engine, release) == 1
    engine.go(T + 10 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]


@pytest.mark.parametrize("act", ["cancel", "hold"])
def test_a_policy_in_doubt_is_not_submitted_again_by_machine_without_its_interpretation(
    engine: Engine, act: str
) -> None:
    engine.by_publish()
    pair = engine.office.approved_pair()
    release = engine.signed(*engine.articles(7), *pair, on=[engine.office.wechat])
    interpretation = release.publications.get(lane=1)
    engine.platform.answers["zghd"] = [NO_ANSWER]
    engine.platform.looks["zghd"] = [Absent("没有")] * 60
    engine.go(T + 20 * SECOND)
    if act == "hold":
        hold(engine, release, interpretation)
    else:
        with pytest.raises(Refused, match="结果不明"):
            cancel(engine, release, interpretation)
        hold(engine, release)
    engine.go(T + 20 * MINUTE)
    assert len(engine.platform.sent) == 1
    assert State.LIVE not in states(release)


def test_a_waiver_of_one_policy_says_nothing_of_another_in_the_same_push(engine: Engine) -> None:
    engine.by_publish()
    office, words = engine.office, {"title": "关于印发停车管理办法的通知", "document_number": "临东政发〔2026〕13号"}
    waived = office.took(policy_article(60, **words))
    Waiver.objects.create(document=waived, rule="pairing", reason="无需", person=office.people["final"], at=SIGNED_AT)
    waived = office.approved(policy_article(60, **words))
    pair = office.approved_pair()
    release = engine.signed(waived, *engine.articles(6), *pair, on=[office.wechat])
    with pytest.raises(Refused, match="作废它的解读会使它单独公开"):
        cancel(engine, release, release.publications.get(lane=1))


def test_one_of_two_interpretations_may_be_called_off(engine: Engine) -> None:
    office, other = engine.office, {"title": "《河东区公共租赁住房管理办法》图解"}
    for article in (policy_article(), interpretation_article(), interpretation_article(52, **other)):
        office.took(article)
    approved = [office.approved(interpretation_article()), office.approved(interpretation_article(52, **other))]
    release = engine.signed(office.approved(policy_article()), *approved, on=[office.weibo])
    assert cancel(engine, release, release.publications.get(lane=2)).stopped == 1
    with pytest.raises(Refused, match="使它单独公开"):
        cancel(engine, release, release.publications.get(lane=1))


def test_what_can_be_resumed_is_although_one_policy_cannot(engine: Engine) -> None:
    """微博's interpretation was refused; 公众号 was only held by a person."""
    policy, interpretation = engine.office.approved_pair()
    release = engine.signed(interpretation, policy, on=engine.office.accounts)
    engine.platform.answers["lyhd"] = [NO]
    engine.go(T - 20 * MINUTE)
    hold(engine, release, engine.wechat(release))
    engine.go(T + 2 * MINUTE)
    assert resume(engine, release) == 1
    held = list(release.publications.filter(state=State.HELD).select_related("account", "release"))
    assert len(held) == 1
    assert "没有恢复" in stops.still_behind(held) or "排在" in stops.still_behind(held)


def test_told_that_its_way_is_free_a_policy_is_told_to_go_with_its_pair(engine: Engine) -> None:
    notice, pair = engine.articles(1)[0], engine.office.approved_pair()
    release = engine.signed(notice, *pair, on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [NO]
    engine.go(T + 3 * MINUTE)
    hold(engine, release, release.publications.get(lane=2))
    first = engine.weibo(release, 0)
    settling.settle_live(
        first, urls=["https://weibo.com/2017000001/NabcdEF12"], person=engine.releaser, now=engine.clock.now()
    )
    engine.go(engine.clock.now() + 5 * SECOND)
    assert "已不会公开" not in release.publications.get(lane=1).reason


def test_it_goes_when_the_interpretation_is_public_already(engine: Engine) -> None:
    release, policy, _ = on_weibo(engine, interpretation_first=True)
    engine.go(T - 20 * MINUTE)
    hold(engine, release, policy)
    engine.go(T + 2 * MINUTE)
    assert resume(engine, release) == 1
    engine.go(T + 5 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]
