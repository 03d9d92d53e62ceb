"""`tongfa withdraw`: what the page does, by the same two people, with statuses that a script can rely on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli.main import main
from bot.domain.channel import Failed, Receipt, Withdrawn
from bot.domain.delivery import State
from bot.models import Account, Correction, ManualPost, Person, Publication, Release, Takedown, Withdrawal
from bot.services import manual, manualtasks, people, takedowns
from tests.console.world import ARTICLES, District, now, put

NOTICE = "关于撤回有关信息的说明\n数字有误，现予撤回。"
EVIDENCE = "10:02 周值删除，打开显示已删除"
GONE = Failed("53600", "文章已不在平台上。", gone=True)
REMOVED_BY_MACHINE = {"wx": True, "wb": False}


def run(*words: Any) -> Result:
    return CliRunner().invoke(main, ["withdraw", *map(str, words)], catch_exceptions=False)


def told(*words: Any, code: int = 0) -> dict[str, Any]:
    """The JSON of a command that ends with this status."""
    result = run(*words, "--json")
    assert result.exit_code == code, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def lines(*words: Any, code: int = 0) -> str:
    result = run(*words)
    assert result.exit_code == code, result.output
    return result.stdout


def refused(*words: Any) -> dict[str, Any]:
    return told(*words, code=1)


def live(district: District, *articles: Any) -> Release:
    release = district.signed(*articles)
    for one in release.publications.all():
        put(one, "live")
    return release


def ask(release: Release, *words: Any, by: str = "editor") -> list[Any]:
    """The words of an asking; of everything where no target is named."""
    targets = words if "--target" in words else ("--all", *words)
    return ["ask", release.pk, "--as", by, "--reason", "数字有误", "--notice", NOTICE, *targets]


def asked(release: Release, *words: Any, by: str = "editor") -> dict[str, Any]:
    return told(*ask(release, *words, by=by))


def confirmed(release: Release, *words: Any) -> dict[str, Any]:
    return told("confirm", asked(release, *words)["id"], "--as", "releaser")


def part(withdrawal: dict[str, Any], name: str) -> int:
    """The number of one of its parts."""
    return int(next(one["id"] for one in withdrawal["parts"] if one["name"].startswith(name)))


class Platform:
    """Takes it down, and shows it no more."""

    calls = 0

    def look(self, evidence: Any) -> Any:
        return GONE if self.calls else Receipt({}, (), raw="{}")

    def withdraw(self, receipt: Receipt, *, position: int | None = None) -> Withdrawn:
        self.calls += 1
        return Withdrawn("全部文章已从微信撤下。")


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A worker does what is due, twice: the call, and the look afterwards."""
    platform = Platform()
    monkeypatch.setattr(takedowns, "channel_of", lambda *_, **__: platform)

    def works() -> None:
        for _ in range(2):
            Takedown.objects.filter(next_at__isnull=False).update(next_at=now())
            takedowns.work_all(now=now)

    return works


# --- what is allowed ------------------------------------------------------------------------------------------


def test_it_shows_what_each_channel_allows_and_what_nobody_can_undo(district: District) -> None:
    release = live(district)
    shown = told("show", release.pk, "--as", "first")
    assert {one["account"]: one["by_machine"] for one in shown["channels"]} == REMOVED_BY_MACHINE
    assert [one["article"] for channel in shown["channels"] for one in channel["articles"]] == [1, 1]
    words = lines("show", release.pk, "--as", "first")
    for word in (
        "系统可以撤下",
        "只能人工删除",
        "收不回来：消息卡片收不回来",
        "步骤 1：",
        "门户网站：只能人工办理",
        ARTICLES[0].title,
    ):
        assert word in words, word


@pytest.mark.parametrize(
    "over",
    [
        lambda post, duty: manual.void(post, reason="登记错了，没有发过", person=duty, now=now()),
        lambda post, duty: manual.taken_down(post, evidence=EVIDENCE, person=duty, now=now()),
    ],
    ids=["voided", "down"],
)
def test_what_people_posted_is_shown_as_theirs_to_delete(
    district: District, over: Callable[[ManualPost, Person], object]
) -> None:
    Account.objects.filter(slug="wx").update(manual_reason="未认证，没有发布接口权限")
    district.accounts[0].refresh_from_db()
    release, duty = live(district), district.people["duty"]
    [done] = manualtasks.finish(
        list(release.manual_tasks.all()), urls=["https://mp.weixin.qq.com/s/AbCdEfGh"], posted_at=now(), posted_by=duty,
        person=duty, now=now(),
    )  # fmt: skip
    assert [one["line"] for one in told("show", release.pk, "--as", "editor")["by_hand"]] == [done.post.pk]
    assert "由人手工发布，系统不能撤下" in lines("show", release.pk, "--as", "editor")
    over(ManualPost.objects.get(), duty)
    assert told("show", release.pk, "--as", "editor")["by_hand"] == []


def test_where_nothing_is_public_there_is_nothing_to_withdraw(district: District) -> None:
    release = district.signed()
    assert "没有可撤回的" in lines("show", release.pk, "--as", "editor")
    assert refused(*ask(release))["code"] == "targets"


def test_the_draft_has_blanks_and_is_not_asked_with_them(district: District) -> None:
    release = live(district)
    text = told("draft", release.pk, "--as", "editor", "--kind", "更正启事")["notice"]
    assert text == lines("draft", release.pk, "--as", "editor", "--kind", "correction").rstrip("\n")
    assert "更正启事" in text
    given = ["ask", release.pk, "--as", "editor", "--all", "--reason", "数字有误", "--notice", text]
    assert refused(*given)["code"] == "notice"
    assert not Withdrawal.objects.exists()


# --- the two people -------------------------------------------------------------------------------------------


def test_asking_takes_nothing_down(district: District) -> None:
    release = live(district)
    made = asked(release, "--portal")
    assert (made["state"], len(made["parts"]), made["asked_by"]) == ("asked", 3, "editor")
    assert {one.status for one in release.publications.all()} == {State.LIVE}
    assert "等第二人确认，什么也没有撤下" in lines("state", made["id"], "--as", "first", code=3)
    assert refused(*ask(release))["code"] == "open"


def test_the_notice_may_come_from_a_file(district: District, tmp_path: Path) -> None:
    file = tmp_path / "notice.txt"
    file.write_bytes(NOTICE.replace("\n", "\r\n").encode())
    release = live(district)
    given = ["ask", release.pk, "--as", "editor", "--all", "--reason", "数字有误", "--notice-file", file]
    assert told(*given)["notice"] == NOTICE


def test_who_may_not_ask_is_refused(district: District) -> None:
    assert refused(*ask(live(district), by="first"))["code"] == "role"


def test_only_another_releaser_confirms(district: District) -> None:
    second = people.add_person(
        "releaser2", name="冯签", unit=district.unit, roles=["releaser"], password=None, actor="test", now=now()
    )
    made = asked(live(district), by="releaser")
    assert refused("confirm", made["id"], "--as", "releaser")["code"] == "second"
    assert refused("confirm", made["id"], "--as", "duty")["code"] == "role"
    done = told("confirm", made["id"], "--as", second.username)
    assert (done["state"], done["asked_by"], done["confirmed_by"]) == ("under_way", "releaser", "releaser2")
    assert refused("confirm", made["id"], "--as", second.username)["code"] == "state"


def test_it_is_taken_back_before_and_not_afterwards(district: District) -> None:
    release = live(district)
    made = asked(release)
    assert refused("drop", made["id"], "--as", "duty")["code"] == "role"
    assert told("drop", made["id"], "--as", "editor")["state"] == "taken_back"
    made = confirmed(release)
    assert refused("drop", made["id"], "--as", "editor")["code"] == "state"


@pytest.mark.parametrize("words", [["--target", "x"], ["--target", "1:"], ["--target", "1:0"], ["--target", "９"], []])
def test_a_target_that_can_mean_nothing_is_wrong_usage(district: District, words: list[str]) -> None:
    release = live(district)
    given = ["ask", release.pk, "--as", "editor", "--reason", "数字有误", "--notice", NOTICE, *words]
    assert run(*given, "--json").exit_code == 2
    assert run(*given, "--all", "--notice-file", __file__, "--json").exit_code == 2
    assert not Withdrawal.objects.exists()


def test_single_articles_are_named_from_one_on(district: District) -> None:
    release = live(district, *ARTICLES[:2])
    push = release.publications.get(account__slug="wx")
    made = asked(release, "--target", f"{push.pk}:2")
    assert [(one["publication"], one["article"], one["name"]) for one in made["parts"]] == [
        (push.pk, 2, "中国河东第 2 篇")
    ]
    assert [one["title"] for one in made["editions"]] == [ARTICLES[1].title]
    told("drop", made["id"], "--as", "editor")
    whole = asked(release, "--target", str(push.pk), "--target", f"{push.pk}:1")
    assert [(one["publication"], one["article"]) for one in whole["parts"]] == [(push.pk, None)]
    told("drop", whole["id"], "--as", "editor")
    for nothing in ("987654", f"{push.pk}:9"):
        assert refused(*ask(release, "--target", nothing))["code"] == "state"


# --- the result -----------------------------------------------------------------------------------------------


def test_the_status_is_three_until_all_of_it_is_gone(district: District, work: Callable[[], None]) -> None:
    release = live(district)
    made = confirmed(release, "--portal")
    assert {one["stage"] for one in made["parts"]} == {"waiting", "by_hand"}
    assert [one["id"] for one in told("list", "--as", "duty")["withdrawals"]] == [made["id"]]
    work()
    now_it_is = told("state", made["id"], "--as", "duty", code=3)
    (machine,) = (one for one in now_it_is["parts"] if one["calls"])
    assert (machine["stage"], machine["calls"][0]["outcome"], machine["done_by"]) == ("done", "withdrawn", None)
    for one in now_it_is["parts"]:
        if one["for_a_person"]:
            told("done", one["id"], "--as", "duty", "--evidence", EVIDENCE)
    over = told("state", made["id"], "--as", "duty")
    assert over["state"] == "ended"
    assert {one.status for one in release.publications.all()} == {State.WITHDRAWN}
    words = lines("show", release.pk, "--as", "duty")
    for word in ("已办结", "已撤下", "第 1 次请平台删除", EVIDENCE, "没有可撤回的"):
        assert word in words, word
    assert "没有没办完的撤回" in lines("list", "--as", "duty")


def test_what_was_left_public_is_not_done_as_asked(district: District) -> None:
    release = live(district)
    made = confirmed(release, "--target", weibo_push())
    weibo = part(made, "临沂河东")
    assert refused("leave", weibo, "--as", "duty", "--reason", "已无影响")["code"] == "role"
    assert refused("done", weibo, "--as", "duty", "--evidence", "删了")["code"] == "evidence"
    assert told("leave", weibo, "--as", "releaser", "--reason", "已无影响")["state"] == "ended"
    assert told("state", made["id"], "--as", "duty", code=3)["parts"][0]["stage"] == "dropped"


def weibo_push() -> str:
    """The push on Weibo, which only a person can delete."""
    return str(Publication.objects.get(account__slug="wb", state=State.LIVE).pk)


def test_it_is_looked_at_again_and_taken_down_again_only_where_that_is_safe(district: District) -> None:
    made = confirmed(live(district))
    wechat = part(made, "中国河东")
    assert refused("look", wechat, "--as", "duty")["code"] == "state"
    assert refused("again", wechat, "--as", "releaser", "--reason", "还在")["code"] == "state"
    Takedown.objects.filter(pk=wechat).update(stage="refused")
    again = told("again", wechat, "--as", "releaser", "--reason", "打开链接仍看得到")
    assert {one["id"]: one["stage"] for one in again["parts"]}[wechat] == "waiting"
    Takedown.objects.filter(pk=wechat).update(stage="refused")
    looked = told("look", wechat, "--as", "duty")
    assert {one["id"]: one["stage"] for one in looked["parts"]}[wechat] == "checking"


# --- the correction -------------------------------------------------------------------------------------------


def test_what_corrects_it_is_told_with_it(district: District) -> None:
    made = confirmed(live(district))
    district.document(replace(ARTICLES[1], external_id="HD-9", title="关于调整城区公交线路的更正通知"))
    given = ["correct", made["id"], "--as", "editor", "--new", "HD-9", "--reason", "起始日期"]
    assert told(*given)["editions"][0]["corrections"] == [{"document": "HD-9", "edition": 1, "reason": "起始日期"}]
    assert refused(*given)["code"] == "exists"
    assert refused(*given, "--old", "HD-7")["code"] == "not_found"
    assert Correction.objects.count() == 1
    assert "更正件：HD-9 第 1 版更正 HD-1" in lines("state", made["id"], "--as", "editor", code=3)


def test_of_several_documents_one_says_which_is_corrected(district: District) -> None:
    made = confirmed(live(district, *ARTICLES[:2]))
    district.document(replace(ARTICLES[1], external_id="HD-9", title="关于调整城区公交线路的更正通知"))
    given = ["correct", made["id"], "--as", "editor", "--new", "HD-9", "--reason", "起始日期"]
    assert run(*given, "--json").exit_code == 2
    told(*given, "--old", "HD-2")


# --- units ----------------------------------------------------------------------------------------------------


def test_another_units_withdrawals_do_not_exist(district: District) -> None:
    other = District.make("luozhuang", "罗庄区政府办公室")
    release = live(other)
    made = asked(release, by="luozhuang-editor")
    one = made["parts"][0]["id"]
    for words in (
        ["show", release.pk], ["draft", release.pk], ["state", made["id"]], ["confirm", made["id"]], ["drop", made["id"]],
        ["done", one, "--evidence", EVIDENCE], ["look", one], ["again", one, "--reason", "x"],
        ["leave", one, "--reason", "x"], ["correct", made["id"], "--new", "HD-1", "--reason", "x"],
    ):  # fmt: skip
        assert refused(*words, "--as", "releaser")["code"] == "not_found", words
    assert told("list", "--as", "releaser")["withdrawals"] == []
