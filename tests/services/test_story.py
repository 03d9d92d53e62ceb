"""The story of a release: one for the page and the command line, and nothing that anybody did is missing from it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from django.test import Client

from bot.cli.main import main
from bot.domain.channel import Evidence, Receipt, Refused, Remedy
from bot.domain.delivery import State
from bot.models import Account, Release
from bot.services import alarming, settling, stops, story

from .delivery_support import MINUTE, NO_ANSWER, Engine, T
from .factories import NOW, Office, article


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


def told(release: Release, *options: str) -> str:
    """What `tongfa release show` prints."""
    result = CliRunner().invoke(main, ["release", "show", str(release.pk), "--as", "editor", *options])
    assert result.exit_code == 0, result.output
    return result.stdout


def data(release: Release) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(told(release, "--json"))
    return document


def page(release: Release) -> str:
    client = Client()
    client.force_login(release.created_by)
    return client.get(f"/releases/{release.pk}").content.decode()


def words(release: Release, action: str) -> list[tuple[str, str, str]]:
    """Who, what and why of the lines of one kind."""
    lines = [line for line in data(release)["story"] if line["action"] == action]
    return [(line["name"], line["what"], line["detail"]) for line in lines]


# --- what people decided -------------------------------------------------------------------------------------


def test_signing_holding_and_resuming_are_told_with_name_and_reason(engine: Engine) -> None:
    release = engine.signed()
    stops.hold(release, person=engine.releaser, reason="领导要求暂缓", now=engine.clock.now())
    stops.resume(release, person=engine.releaser, now=engine.clock.now())
    assert [name for name, _, _ in words(release, "release.planned")] == ["李拟"]
    assert [name for name, _, _ in words(release, "release.signed")] == ["孙签"]
    ((name, what, why),) = words(release, "release.held")
    assert (name, what) == ("孙签", "暂停发布单")
    assert "领导要求暂缓" in why
    assert words(release, "release.resumed") == [("孙签", "恢复发布单", "已恢复 2 条推送。")]
    for shown in (told(release), page(release)):
        for word in ("李拟", "孙签", "暂停发布单", "领导要求暂缓", "恢复发布单", "中国河东：已暂停 → 待准备"):
            assert word in shown


def test_a_look_that_found_it_says_what_holds_for_its_channel_and_mode(office: Office) -> None:
    """WeChat tells of a mass message only how far it is; what else is public was read."""
    first, second = office.approved(), office.approved(article(2))
    mass = office.signed(second, on=[office.wechat])
    Account.objects.filter(pk=office.wechat.pk).update(mode="publish")
    office.wechat.refresh_from_db()
    publish = office.signed(first)
    for push in [*publish.publications.all(), *mass.publications.all()]:
        story.note_look(push, Receipt({}, ()), now=NOW)
    recognised, state = "已经公开，已读回认出是本条", "已经公开，以平台给出的状态为准"
    for release, told_once, not_told in ((publish, recognised, state), (mass, state, recognised)):
        for shown in (told(release), page(release)):
            assert told_once in shown
            assert not_told not in shown
    assert len(words(publish, "platform.looked")) == 2


def test_a_freeze_and_its_lifting_are_part_of_the_story(engine: Engine) -> None:
    release = engine.signed()
    stops.freeze(release.unit, person=engine.releaser, reason="突发事件", now=engine.clock.now())
    stops.unfreeze(release.unit, person=engine.releaser, now=engine.clock.now())
    ((name, what, why),) = words(release, "unit.frozen")
    assert (name, what) == ("孙签", "一键停发")
    assert "突发事件" in why
    assert words(release, "unit.unfrozen") == [("孙签", "解除停发", "")]
    assert "解除停发" in page(release)


def test_a_freeze_after_all_was_settled_is_another_story(engine: Engine) -> None:
    before = engine.office.people["releaser"]
    stops.freeze(engine.office.unit, person=before, reason="早先的停发", now=engine.clock.now())
    stops.unfreeze(engine.office.unit, person=before, now=engine.clock.now())
    release = engine.signed()
    engine.go(T + 40 * MINUTE)
    assert {one.status for one in release.publications.all()} == {State.LIVE}
    stops.freeze(release.unit, person=before, reason="以后的停发", now=engine.clock.now())
    assert "停发" not in told(release)


def test_a_signature_taken_back_says_why(engine: Engine) -> None:
    from bot.services.voiding import void_signature

    release = engine.signed()
    void_signature(release.pk, reason="《通知》有了新版本", actor="editor", now=engine.clock.now())
    assert words(release, "release.voided") == [("李拟", "签发作废", "《通知》有了新版本")]


def test_what_stops_every_push_of_an_account_at_once_is_one_line_with_their_number(engine: Engine) -> None:
    from bot.services.voiding import void_signature

    release = engine.signed(*engine.articles(3), on=[engine.office.weibo])
    void_signature(release.pk, reason="《通知》有了新版本", actor="editor", now=engine.clock.now())
    alarming.sweep(now=engine.clock.now())
    (line,) = [line for line in told(release).splitlines() if "被系统暂停（是否已发出" in line]
    first = min(one["id"] for one in data(release)["alarms"])
    assert line.startswith(f"  [{first}] 等 3 条 ")
    assert line.endswith("“临沂河东”被系统暂停（是否已发出：否），未阅")
    assert len(data(release)["alarms"]) == 3
    one = alarming.find_alarm(first, unit=release.unit)
    alarming.read(one, person=engine.releaser, now=engine.clock.now())
    assert "等 2 条" in told(release), "what somebody has read is another thing"


def test_a_sending_again_names_both_people_and_their_reason(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [Refused("20019", Remedy.PERSON, "内容重复。")]
    engine.go(T + MINUTE)
    second = engine.office.people["final"]
    settling.settle_again(
        engine.weibo(release), person=engine.releaser, second=second, reason="两人在后台核实", now=engine.clock.now()
    )
    ((name, what, why),) = words(release, "publication.resend")
    assert (name, why) == ("孙签", "两人在后台核实")
    assert "钱终" in what


# --- what was asked and what came back -----------------------------------------------------------------------


def test_every_call_is_told_with_what_was_asked_and_what_came_back(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [Refused("20018", Remedy.PERSON, "内容含非法网址。")]
    engine.go(T + MINUTE)
    weibo = engine.weibo(release)
    (attempt,) = data(release)["publications"][0]["attempts"]
    assert attempt["call"] == "POST /2/statuses/share.json"
    assert attempt["key"] == weibo.attempts.get().key
    assert (attempt["status"], attempt["outcome"], attempt["message"]) == (200, "refused", "内容含非法网址。")
    assert attempt["asked"] == story.asked(weibo, weibo.attempts.get())
    for shown in (told(release), page(release)):
        for word in ("POST /2/statuses/share.json", attempt["key"], "HTTP 200", "内容含非法网址。", attempt["answer"]):
            assert word in shown


def test_a_call_without_an_answer_has_no_status(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    engine.go(T)
    (attempt,) = data(release)["publications"][0]["attempts"]
    assert (attempt["status"], attempt["outcome"]) == (None, "unknown")
    assert "HTTP" not in told(release)


def test_a_look_that_ends_in_a_program_error_is_told(engine: Engine) -> None:
    def odd(evidence: Evidence) -> Any:
        raise RuntimeError("not foreseen")

    release = engine.signed(on=[engine.office.weibo])
    engine.platform.looks["lyhd"] = [odd]
    engine.go(T + MINUTE)
    first, second = data(release)["looks"]
    assert (first["verdict"], second["verdict"]) == ("Error", "Receipt")
    assert "RuntimeError" in first["message"]
    for shown in (told(release), page(release)):
        assert "核对时程序出错" in shown


def test_of_a_call_without_an_answer_the_command_says_when_it_ended_and_why_nobody_knows(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    engine.go(T + MINUTE)
    ((call,),) = (push["attempts"] for push in data(release)["publications"])
    assert f" 结束：结果不明：{call['message']}" in told(release)


def test_the_look_before_a_replay_is_told(engine: Engine) -> None:
    """It found nothing, and that is why the same call is made once more."""
    release = engine.signed(on=[engine.office.wechat])
    engine.platform.answers["zghd"] = [NO_ANSWER]
    engine.go(T + 3 * MINUTE)
    assert [one["kind"] for one in data(release)["publications"][0]["attempts"]] == ["first", "probe"]
    assert "Absent" in [look["verdict"] for look in data(release)["looks"]]


def test_page_and_command_line_tell_the_same_lines(engine: Engine) -> None:
    release = engine.signed()
    stops.hold(release, person=engine.releaser, reason="再核对", now=engine.clock.now())
    shown, plain = page(release), told(release)
    for line in data(release)["story"]:
        assert line["what"] in shown
        assert line["what"] in plain
        assert f"#{line['number']}<" in shown
