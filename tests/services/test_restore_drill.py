"""A home restored from yesterday's backup, against the rehearsal platforms: what went out since is never sent again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

from bot.domain.delivery import State
from bot.models import Person, Release
from bot.services import backing_up, settling, stops
from bot.services.errors import Refused

from .delivery_drill import AHEAD, SHARE, SUBMIT, Drill, publishing, wall
from .factories import drop_rules, publication
from .test_backup import PASSPHRASE, Elsewhere, restored


@pytest.fixture
def drill(committed_db: None, tmp_path: Path) -> Iterator[Drill]:
    with publishing(tmp_path) as made:
        Person.objects.create(username="root", name="吴管", unit=made.office.unit, roles=["sysadmin"])
        yield made


def lost() -> None:
    """The machine is gone, with all that was written since the backup."""
    drop_rules()
    call_command("flush", verbosity=0, interactive=False)


def instant_passes() -> None:
    """Nobody sends meanwhile."""
    time.sleep(AHEAD.total_seconds())


def after_the_loss(tmp_path: Path, meanwhile: Callable[[], None]) -> Elsewhere:
    """A backup, what happened after it, the loss, the restore."""
    file = tmp_path / "backup.tongfa"
    backing_up.make(file, passphrase=PASSPHRASE, now=wall())
    meanwhile()
    lost()
    restored(file, tmp_path / "elsewhere", now=wall())
    return Elsewhere(tmp_path / "elsewhere")


def test_what_went_out_after_the_backup_is_found_and_never_sent_twice(drill: Drill, tmp_path: Path) -> None:
    """The backup knows it as staged; the platforms know better."""
    release = drill.staged()
    drill.bring()  # the instant is at hand when the backup is made

    def meanwhile() -> None:
        drill.round()
        drill.settle()

    with after_the_loss(tmp_path, meanwhile):
        assert {drill.wechat(release).status, drill.weibo(release).status} == {State.UNKNOWN}
        drill.settle()
        assert {drill.wechat(release).status, drill.weibo(release).status} == {State.LIVE}
        assert all(item.url for item in drill.wechat(release).items.all())
    assert (len(drill.calls(SUBMIT)), len(drill.calls(SHARE))) == (1, 1)
    assert len(drill.effects()) == 2


def test_what_did_not_go_out_is_not_sent_by_machine_either_and_stands_before_a_person(
    drill: Drill, tmp_path: Path
) -> None:
    release = drill.staged()
    drill.bring()
    with after_the_loss(tmp_path, instant_passes):
        drill.settle()
        assert {drill.wechat(release).status, drill.weibo(release).status} == {State.NEEDS_PERSON}
        assert drill.calls() == []
        people, one = drill.office.people, drill.weibo(release)
        again = {"person": people["releaser"], "second": people["final"], "reason": "主页上没有"}
        with pytest.raises(Refused, match="停发"):
            settling.settle_again(one, now=wall(), **again)
        stops.unfreeze(drill.office.unit, person=people["releaser"], now=wall())
        settling.settle_again(publication(Release.objects.get(pk=release.pk), drill.office.weibo), now=wall(), **again)
        drill.settle()
        assert drill.weibo(release).status is State.LIVE
    assert len(drill.calls(SHARE)) == 1


def test_lifting_the_freeze_alone_sends_nothing(drill: Drill, tmp_path: Path) -> None:
    release = drill.staged()
    with after_the_loss(tmp_path, lambda: None):
        stops.unfreeze(drill.office.unit, person=drill.office.people["releaser"], now=wall())
        drill.settle()
        assert {drill.wechat(release).status, drill.weibo(release).status} == {State.HELD}
        assert drill.calls() == []
        stops.resume(Release.objects.get(pk=release.pk), person=drill.office.people["releaser"], now=wall())
        drill.settle()
        assert {drill.wechat(release).status, drill.weibo(release).status} == {State.LIVE}
    assert len(drill.effects()) == 2


def test_a_call_without_an_answer_at_the_backup_is_looked_up(drill: Drill, tmp_path: Path) -> None:
    """It was made before the backup, which saw it in doubt."""
    drill.arm("wechat", SUBMIT, "lost_after")
    drill.arm("weibo", SHARE, "lost_after")
    release = drill.released()
    assert {drill.wechat(release).status, drill.weibo(release).status} == {State.UNKNOWN}
    with after_the_loss(tmp_path, lambda: None):
        drill.settle()
        assert {drill.wechat(release).status, drill.weibo(release).status} <= {State.LIVE, State.NEEDS_PERSON}
    assert (len(drill.calls(SUBMIT)), len(drill.calls(SHARE))) == (1, 1)
