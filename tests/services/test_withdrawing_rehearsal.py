"""Taking down against the rehearsal platforms, faults included: their journal and effects are the judge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.delivery import State
from bot.domain.engine.withdrawing import Stage
from bot.models import Publication, Release, Takedown
from bot.rehearsal import RehearsalServer
from bot.services import takedowns, withdrawing
from bot.services.withdrawing import Target

from .delivery_drill import Drill, wall
from .factories import Office

DELETE, MASS_DELETE = "freepublish/delete", "message/mass/delete"
CALL = {"publish": DELETE, "mass": MASS_DELETE}
NOTICE = "数字有误，现予撤回。"


@pytest.fixture
def drill(db: None, tmp_path: Path) -> Iterator[Drill]:
    with RehearsalServer(tmp_path / "platforms") as server:
        yield Drill(server, Office.make(api=server.base_url))


def live(drill: Drill, mode: str, articles: int = 1) -> Publication:
    if mode == "publish":
        drill.by_publish()
    release = drill.released(*drill.documents(articles), on=[drill.office.wechat])
    drill.settle()
    push = drill.wechat(release)
    assert push.status is State.LIVE
    return push


def confirmed(drill: Drill, push: Publication, *positions: int) -> Takedown:
    release = Release.objects.select_related("unit").get(pk=push.release_id)
    made = withdrawing.ask(
        release, person=drill.office.people["editor"], targets=[Target(push.pk, positions)], reason="数字有误",
        notice_kind="withdrawal", notice=NOTICE, now=wall(),
    )  # fmt: skip
    withdrawing.confirm(made, person=drill.office.people["releaser"], now=wall())
    return made.takedowns.get()


def work(*, rounds: int = 8) -> None:
    """Round after round, each some minutes on: the rows are due when the machine's clock is said to be later."""
    for count in range(rounds):
        later = timedelta(minutes=6 * count)

        def clock(later: timedelta = later) -> datetime:
            return wall() + later

        takedowns.work_all(now=clock)


@pytest.mark.parametrize("mode", ["publish", "mass"])
def test_it_is_taken_down_once_and_read_back(drill: Drill, mode: str) -> None:
    push = live(drill, mode)
    row = confirmed(drill, push)
    work()
    row.refresh_from_db()
    push.refresh_from_db()
    assert (row.status, push.status) == (Stage.DONE, State.WITHDRAWN)
    assert len(drill.calls(CALL[mode])) == 1
    assert all(line["gone_at"] for line in drill.effects("wechat"))
    assert row.calls.get().outcome == "withdrawn"


@pytest.mark.parametrize("mode", ["publish", "mass"])
@pytest.mark.parametrize("fault", ["lost_after", "reset_after"])
def test_an_answer_that_was_lost_is_found_out_and_the_call_not_repeated(drill: Drill, mode: str, fault: str) -> None:
    push = live(drill, mode)
    drill.arm("wechat", CALL[mode], fault)
    row = confirmed(drill, push)
    work()
    row.refresh_from_db()
    assert (row.status, row.calls.get().outcome) == (Stage.DONE, "unknown")
    assert len(drill.calls(CALL[mode])) == 1


def test_a_request_that_never_arrived_is_still_public_and_a_persons(drill: Drill) -> None:
    push = live(drill, "publish")
    drill.arm("wechat", DELETE, "lost_before")
    row = confirmed(drill, push)
    work()
    row.refresh_from_db()
    push.refresh_from_db()
    assert (row.status, push.status) == (Stage.STILL_PUBLIC, State.LIVE)
    withdrawing.again(row, person=drill.office.people["releaser"], reason="链接还打得开", now=wall())
    work()
    row.refresh_from_db()
    assert row.status is Stage.DONE


def test_one_article_of_two_goes_and_the_other_stays(drill: Drill) -> None:
    push = live(drill, "publish", articles=2)
    row = confirmed(drill, push, 1)
    work()
    row.refresh_from_db()
    push.refresh_from_db()
    assert (row.status, push.status) == (Stage.DONE, State.LIVE)
    assert [bool(line["gone_at"]) for line in drill.effects("wechat")] == [False, True]


def test_one_article_of_a_mass_message_is_looked_at_by_a_person(drill: Drill) -> None:
    """mass/get speaks of the message as a whole."""
    push = live(drill, "mass", articles=2)
    row = confirmed(drill, push, 0)
    work()
    row.refresh_from_db()
    assert row.status is Stage.BY_HAND
    assert len(drill.calls(MASS_DELETE)) == 1
