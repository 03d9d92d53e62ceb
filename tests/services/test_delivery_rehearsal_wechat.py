"""群发 against the rehearsal platform, faults included. The platform's own journal and effects are the judge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.delivery import State
from bot.models import Account
from bot.rehearsal import RehearsalServer
from bot.services import answers as answers_module
from bot.services import sending

from .delivery_drill import SENDALL, SHARE, Drill, Mailbox
from .delivery_support import outcomes, states
from .factories import Office


@pytest.fixture
def drill(db: None, tmp_path: Path) -> Iterator[Drill]:
    with RehearsalServer(tmp_path / "platforms") as server:
        yield Drill(server, Office.make(api=server.base_url))


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as made:
        yield made


@pytest.fixture
def wechat(drill: Drill) -> list[Account]:
    return [drill.office.wechat]


# --- the good way ------------------------------------------------------------------------------------------


def test_a_release_of_two_articles_and_two_posts_goes_out_once_at_its_instant(drill: Drill) -> None:
    release = drill.released(*drill.documents(2))
    drill.settle()
    assert states(release) == [State.LIVE] * 3
    assert [line["position"] for line in drill.effects("wechat")] == [1, 2]
    assert len(drill.effects("weibo")) == 2
    assert len(drill.calls(SENDALL)) == 1
    first = min(drill.fired).timestamp()
    assert all(line["at"] >= first for line in drill.calls())  # not one public call before T
    assert drill.calls(SENDALL)[0]["at"] - first < 1


def test_what_the_platform_shows_is_what_was_signed(drill: Drill, wechat: list[Account]) -> None:
    release = drill.released(on=wechat)
    drill.settle()
    item = drill.wechat(release).items.get()
    effect = drill.effects("wechat")[0]
    assert effect["title"] == item.payload["title"]
    assert effect["marker"] == item.payload["content_source_url"]
    assert item.edition.marker in effect["marker"]
    assert item.platform_id == f"{effect['object']}_1"


def test_without_an_event_the_address_is_not_known_yet_and_not_made_up(drill: Drill, wechat: list[Account]) -> None:
    release = drill.released(on=wechat)
    drill.settle()
    assert drill.wechat(release).status is State.LIVE
    assert drill.wechat(release).items.get().url == ""


# --- answers that were lost or spoiled ----------------------------------------------------------------------

EXECUTED = [
    ("lost_after", {}),
    ("reset_after", {}),
    ("truncate", {}),
    ("empty", {}),
    ("array", {}),
    ("html_502", {"effect": True}),
    ("http_500", {"effect": True}),
    ("busy", {"effect": True}),
]
NOT_EXECUTED = [("lost_before", {}), ("reset_before", {}), ("html_502", {}), ("busy", {}), ("error", {"code": 99999})]


@pytest.mark.parametrize(("fault", "args"), EXECUTED, ids=[name for name, _ in EXECUTED])
def test_a_send_whose_answer_was_lost_is_found_again_by_its_key_and_never_doubled(
    drill: Drill, wechat: list[Account], fault: str, args: dict[str, bool]
) -> None:
    drill.arm("wechat", SENDALL, fault, **args)
    release = drill.released(on=wechat)
    assert drill.wechat(release).status is State.UNKNOWN
    drill.settle()
    first, replay = drill.calls(SENDALL)
    assert first["params"]["clientmsgid"] == replay["params"]["clientmsgid"]
    assert (first["executed"], replay["code"]) == (True, "45065")
    assert len(drill.effects("wechat")) == 1
    assert drill.wechat(release).status is State.LIVE
    assert outcomes(drill.wechat(release)) == [("first", "unknown"), ("probe", "unknown")]


@pytest.mark.parametrize(("fault", "args"), NOT_EXECUTED, ids=[name for name, _ in NOT_EXECUTED])
def test_a_send_that_never_arrived_is_made_by_the_replay_of_its_key(
    drill: Drill, wechat: list[Account], fault: str, args: dict[str, int]
) -> None:
    drill.arm("wechat", SENDALL, fault, **args)
    release = drill.released(on=wechat)
    assert drill.wechat(release).status is State.UNKNOWN
    drill.settle()
    assert [line["executed"] for line in drill.calls(SENDALL)] == [False, True]
    assert len({line["params"]["clientmsgid"] for line in drill.calls(SENDALL)}) == 1
    assert len(drill.effects("wechat")) == 1
    assert drill.wechat(release).status is State.LIVE


def test_a_replay_whose_answer_is_lost_as_well_is_replayed_again(drill: Drill, wechat: list[Account]) -> None:
    drill.arm("wechat", SENDALL, "lost_after", times=3)
    release = drill.released(on=wechat)
    drill.settle()
    assert len(drill.calls(SENDALL)) == 4
    assert len(drill.effects("wechat")) == 1
    assert drill.wechat(release).status is State.LIVE


def test_a_platform_that_never_answers_is_given_up_to_a_person_with_one_effect_at_most(
    drill: Drill, wechat: list[Account]
) -> None:
    drill.arm("wechat", SENDALL, "lost_after", times=-1)
    release = drill.released(on=wechat)
    drill.settle()
    assert drill.wechat(release).status is State.NEEDS_PERSON
    assert len(drill.effects("wechat")) == 1
    asked = len(drill.calls(SENDALL))
    drill.wait(timedelta(hours=2))
    drill.round()
    assert len(drill.calls(SENDALL)) == asked  # nothing more by machine


# --- refusals ---------------------------------------------------------------------------------------------


def test_a_token_refused_at_the_instant_is_renewed_and_the_send_made_once(drill: Drill, wechat: list[Account]) -> None:
    """Another system fetched a token just before T."""
    drill.arm("wechat", SENDALL, "act", action="supersede_token", when="before")
    release = drill.released(on=wechat)
    drill.settle()
    assert [line["code"] for line in drill.calls(SENDALL)] == ["40001", "0"]
    assert len(drill.effects("wechat")) == 1
    assert drill.wechat(release).status is State.LIVE


def test_a_quota_used_up_by_somebody_else_is_a_refusal_without_effect(drill: Drill, wechat: list[Account]) -> None:
    """45028: the web console and the interface share one quota. The next day's is not taken without a signature."""
    drill.act("wechat", "web_send")
    release = drill.released(on=wechat)
    done = drill.wechat(release)
    assert done.status is State.NEEDS_PERSON
    assert [line["code"] for line in drill.calls(SENDALL)] == ["45028"]
    assert not drill.effects("wechat")
    assert "45028" in done.reason


def test_the_key_already_known_on_a_first_send_is_looked_up_not_believed(drill: Drill, wechat: list[Account]) -> None:
    """45065 proves a record, which may be a failed one: mass/get decides."""
    drill.arm("wechat", SENDALL, "error", code=45065, effect=True)
    release = drill.released(on=wechat)
    assert drill.wechat(release).status is State.UNKNOWN
    drill.settle()
    assert len(drill.calls(SENDALL)) == 1
    assert len(drill.effects("wechat")) == 1
    assert drill.wechat(release).status is State.LIVE


def test_a_send_that_fails_afterwards_is_never_live(drill: Drill, wechat: list[Account]) -> None:
    drill.arm("wechat", SENDALL, "mass", seconds=0, status="err(20001)")
    release = drill.released(on=wechat)
    drill.settle()
    assert drill.wechat(release).status is State.NEEDS_PERSON
    assert not drill.effects("wechat")
    assert len(drill.calls(SENDALL)) == 1


# --- clocks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [3600, -3600, 8 * 3600, -8 * 3600, 5, -5])
def test_a_clock_that_the_platform_contradicts_sends_nothing(drill: Drill, shift: int) -> None:
    drill.shift_date(shift)
    release = drill.released()
    assert states(release) == [State.HELD, State.HELD]
    assert "时钟" in drill.wechat(release).reason
    assert not drill.calls()
    assert not drill.effects()


@pytest.mark.parametrize("shift", [3600, -3600, 8 * 3600, -5])
def test_a_clock_that_a_platform_contradicts_only_after_staging_holds_its_account(drill: Drill, shift: int) -> None:
    """The sender asks WeChat once more before T, and holds. Weibo's few calls are spared: its reading of the staging
    stands, as long as our own clock has not moved since."""
    release = drill.staged()
    assert states(release) == [State.STAGED, State.STAGED]
    drill.shift_date(shift)
    drill.bring()
    drill.round()
    assert drill.wechat(release).status is State.HELD
    assert "时钟" in drill.wechat(release).reason
    assert [line["call"] for line in drill.calls()] == [SHARE]


def test_a_second_of_difference_is_normal(drill: Drill, wechat: list[Account]) -> None:
    drill.shift_date(1)
    release = drill.released(on=wechat)
    assert drill.wechat(release).status is State.CONFIRMING


# --- events -------------------------------------------------------------------------------------------------


def test_an_event_brings_the_address_and_a_look_makes_it_live(
    drill: Drill, mailbox: Mailbox, wechat: list[Account]
) -> None:
    drill.takes_callbacks(mailbox)
    release = drill.released(on=wechat)
    mailbox.wait()
    drill.deliver(mailbox)
    drill.round()  # no waiting: the event asked for the look
    assert drill.wechat(release).status is State.LIVE
    assert drill.wechat(release).items.get().url == drill.effects("wechat")[0]["url"]


def test_an_event_that_overtakes_the_answer_loses_nothing(
    drill: Drill, mailbox: Mailbox, wechat: list[Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    drill.takes_callbacks(mailbox)
    drill.arm("wechat", SENDALL, "event", mode="before_reply")
    settle = answers_module.settle

    def after_the_event(*given: object, **more: object) -> None:
        mailbox.wait()
        drill.deliver(mailbox)
        settle(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(sending.answers, "settle", after_the_event)
    release = drill.released(on=wechat)
    drill.settle()
    assert drill.wechat(release).status is State.LIVE
    assert drill.wechat(release).items.get().url == drill.effects("wechat")[0]["url"]
    assert len(drill.calls(SENDALL)) == 1


@pytest.mark.parametrize(("mode", "letters"), [("double", 2), ("rename", 1), ("unknown_id", 1), ("never", 0)])
def test_events_twice_misnamed_unknown_or_never_do_no_harm(
    drill: Drill, mailbox: Mailbox, wechat: list[Account], mode: str, letters: int
) -> None:
    drill.takes_callbacks(mailbox)
    drill.arm("wechat", SENDALL, "event", mode=mode)
    release = drill.released(on=wechat)
    mailbox.wait(letters)
    assert all(reply is not None and reply.status == 200 for reply in drill.deliver(mailbox))
    drill.settle()
    assert drill.wechat(release).status is State.LIVE
    assert len(drill.effects("wechat")) == len(drill.calls(SENDALL)) == 1


def test_a_late_event_adds_the_address_to_what_is_already_live(
    drill: Drill, mailbox: Mailbox, wechat: list[Account]
) -> None:
    drill.takes_callbacks(mailbox)
    release = drill.released(on=wechat)
    drill.settle()
    assert drill.wechat(release).items.get().url == ""
    mailbox.wait()
    drill.deliver(mailbox)
    assert drill.wechat(release).status is State.LIVE
    assert drill.wechat(release).items.get().url == drill.effects("wechat")[0]["url"]


def test_a_failure_told_by_an_event_alone_is_before_a_person_at_once(
    drill: Drill, mailbox: Mailbox, wechat: list[Account]
) -> None:
    drill.takes_callbacks(mailbox)
    drill.arm("wechat", SENDALL, "mass", seconds=0, status="err(20008)")
    release = drill.released(on=wechat)
    mailbox.wait()
    drill.deliver(mailbox)
    assert drill.wechat(release).status is State.NEEDS_PERSON
    assert "欺诈" in drill.wechat(release).reason
