"""Somebody at the platform's console before T: the draft that the machine has put there is gone when it is due."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from bot.domain.delivery import State
from bot.models import Account, Release
from bot.services import settling, stops

from .delivery_drill import SENDALL, SUBMIT, Drill, publishing, wall


@pytest.fixture
def drill(db: None, tmp_path: Path) -> Iterator[Drill]:
    with publishing(tmp_path) as made:
        yield made


@pytest.fixture
def wechat(drill: Drill) -> list[Account]:
    return [drill.office.wechat]


def as_service(drill: Drill) -> Account:
    """A service account that mass-sends: four a month."""
    account = drill.office.wechat
    Account.objects.filter(pk=account.pk).update(mode="mass", options={**account.options, "account_type": "service"})
    account.refresh_from_db()
    drill.set("wechat", type="service")
    return account


def in_console(drill: Drill, release: Release, kind: str) -> None:
    """Somebody opens the draft that the machine has put there, and makes it public before its time."""
    drill.act("wechat", "publish_draft", media_id=drill.wechat(release).staged["draft"], kind=kind)


def test_a_draft_that_somebody_published_before_its_time_does_not_go_out_again(
    drill: Drill, wechat: list[Account]
) -> None:
    release = drill.staged(on=wechat)
    in_console(drill, release, "publish")
    drill.settle()
    push = drill.wechat(release)
    assert not drill.calls(SUBMIT)
    assert (push.status, push.doubt) == (State.HELD, True)
    assert "公众号上已经有这篇文章" in push.reason


def test_a_draft_that_somebody_deleted_before_its_time_is_made_anew_and_goes_out_once(
    drill: Drill, wechat: list[Account]
) -> None:
    release = drill.staged(on=wechat)
    drill.act("wechat", "delete_draft")
    drill.settle()
    assert len(drill.effects("wechat")) == 1
    assert drill.wechat(release).status is State.LIVE


def test_what_a_service_account_may_have_mass_sent_by_hand_waits_for_a_person_whose_word_makes_it_go_on(
    drill: Drill,
) -> None:
    """No list shows a mass send, and four a month leave room for a second one."""
    account = as_service(drill)
    release = drill.staged(on=[account])
    in_console(drill, release, "mass")
    drill.settle()
    push = drill.wechat(release)
    assert (push.status, push.doubt) == (State.HELD, True)
    assert not drill.calls(SENDALL)
    drill.wait(2 * settings.TONGFA.max_lateness)
    drill.round()
    push = drill.wechat(release)
    settling.settle_live(  # what they found in the console
        push, urls=["https://mp.weixin.qq.com/s/AbCdEfGh1"], person=drill.office.people["releaser"], now=wall()
    )
    assert drill.wechat(release).status is State.LIVE


def test_what_people_found_to_be_only_deleted_goes_out_when_they_take_it_up_again(drill: Drill) -> None:
    account = as_service(drill)
    release = drill.staged(on=[account])
    drill.act("wechat", "delete_draft")
    drill.settle()
    assert drill.wechat(release).status is State.HELD
    stops.resume(release, person=drill.office.people["releaser"], now=wall())
    drill.settle()
    assert drill.wechat(release).status is State.LIVE
    assert len(drill.calls(SENDALL)) == 1
