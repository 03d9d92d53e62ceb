"""The whole job by commands alone, in a live home, against platforms that the product did not start.

The platforms stand for 微信 and 微博: their accounts were opened by somebody else, under ids, names and secrets that are
nobody's defaults. Scripts rely on the exit codes: 0 done, 1 refused with a reason, 2 usage, 3 done in part.

What is typed one after the other shares a process, for a start costs more than most commands.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.support import schema

from .district import notice, write_csv
from .home import Answer, Home
from .platform import Pair, Platform, Playing, epoch, markers
from .processes import patient
from .verdict import assert_promises

pytestmark = pytest.mark.e2e
POLICY, READING, PLAIN = "GW-2017-001", "JD-2017-001", "TZ-2017-001"
IDS = [POLICY, READING, PLAIN]
PEOPLE = {
    "mu": ("穆拟稿", ["editor", "first"]),  # may review in principle, never what is their own
    "qin": ("秦初审", ["first", "second"]),  # holds two steps, may take one
    "bai": ("白复审", ["second"]),
    "luo": ("罗终审", ["final"]),
    "tang": ("唐签发", ["releaser", "duty"]),
}


@dataclass
class Office:
    """The installation, the platforms, and what the commands answered on the way."""

    home: Home
    platform: Platform
    pair: Pair
    answers: dict[str, Answer] = field(default_factory=dict)

    def keep(self, *commands: Sequence[str]) -> None:
        """Run commands one after the other and remember their answers. The first word is the name to remember it by."""
        answers = self.home.try_many(*(arguments for _, *arguments in commands))
        self.answers |= {command[0]: answer for command, answer in zip(commands, answers, strict=True)}

    def data(self, name: str) -> dict[str, Any]:
        """The document of a remembered answer."""
        return self.answers[name].data


def rows() -> list[dict[str, str]]:
    """A policy, its interpretation (before it in the file), a notice, and a row without a title."""
    policy = notice(
        1, id=POLICY, kind="disclosure", title="河东区人民政府关于印发《河东区社区养老服务实施办法》的通知",
        document_number="临东政发〔2017〕18号", category="政策文件", subcategory="规范性文件",
        summary="明确社区养老服务的对象、内容、标准和补贴办法，自2017年7月1日起施行。",
    )  # fmt: skip
    reading = notice(
        2, id=READING, kind="interpretation", title="《河东区社区养老服务实施办法》解读", linked_document=POLICY,
        category="政策解读", subcategory="文字解读", summary="说明办法出台的背景、谁能享受服务、怎样申请以及补贴标准。",
    )  # fmt: skip
    return [reading, policy, notice(3, id="TZ-2017-000", title=""), notice(4, id=PLAIN)]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A live home with people and accounts, made by commands."""
    folder = tmp_path_factory.mktemp("commands")
    with Playing(folder / "platform") as platform:
        pair = platform.make_pair(271)
        home = Home(folder / "home", {"E2E_WX_SECRET": pair.secret})
        made = Office(home, platform, pair)
        schema.place(home.path)
        made.keep(["init", "init", "--live"])
        with ThreadPoolExecutor(2) as both:  # several administrators at once are no trouble either
            list(both.map(lambda commands: made.keep(*commands), [people(), accounts(made, folder)]))
        yield made


def people() -> list[list[str]]:
    return [
        [f"user {login}", "user", "add", login, "--name", name, *(part for r in roles for part in ("--role", r))]
        for login, (name, roles) in PEOPLE.items()
    ]


def accounts(office: Office, folder: Path) -> list[list[str]]:
    base, pair = office.platform.base, office.pair
    token = folder / "weibo.token"
    token.write_text(f"{pair.token}\n", "utf-8")
    wechat = [
        "account gzh", "account", "add", "gzh", "--channel", "wechat", "--name", "河东试点号", "--mode", "publish",
        "--endpoint", f"api={base}/wechat", "--endpoint", f"token={base}/wechat", "--endpoint", f"datacube={base}/wechat",
        "--set", f"app_id={pair.appid}", "--set", "account_type=subscription", "--secret-env", "app_secret=E2E_WX_SECRET",
    ]  # fmt: skip
    weibo = [
        "account wb", "account", "add", "wb", "--channel", "weibo", "--name", "河东试点微博", "--api-base", f"{base}/weibo",
        "--set", f"app_key={pair.app_key}", "--set", f"uid={pair.uid}", "--set", "safe_domain=www.hedong.gov.cn",
        "--set", "rip=203.0.113.9", "--secret-file", f"access_token={token}",
    ]  # fmt: skip
    return [wechat, weibo]


@pytest.fixture(scope="module")
def drafted(office: Office) -> Office:
    """The file imported, checked and submitted."""
    file = write_csv(office.home.logs / "items.csv", rows())
    office.keep(
        ["import", "import", str(file), "--as", "mu"],
        ["check", "check", POLICY, "--as", "mu"],
        ["submit", "submit", *IDS, "--as", "mu"],
    )
    return office


@pytest.fixture(scope="module")
def approved(drafted: Office) -> Office:
    """Three reviews, with two attempts on the way that must be refused."""
    drafted.keep(
        ["own review", "review", *IDS, "--as", "mu", "--pass"],
        ["first", "review", *IDS, "--as", "qin", "--pass"],
        ["second by the first", "review", *IDS, "--as", "qin", "--pass"],
        ["second", "review", *IDS, "--as", "bai", "--pass"],
        ["final", "review", *IDS, "--as", "luo", "--pass"],
    )
    return drafted


@pytest.fixture(scope="module")
def released(approved: Office) -> Office:
    """Planned, signed and live, with `tongfa up` in the background; numbers collected the (platform's) next day."""
    home = approved.home
    with home.up() as up:
        approved.keep(
            ["too soon", "release", "plan", "--as", "tang", "--at", "+10s", "--item", PLAIN],
            ["sign too soon", "release", "sign", "1", "--as", "tang"],
            ["cancel", "release", "cancel", "1", "--as", "tang", "--reason", "时间太紧，改期"],
        )
        at = f"+{patient(45):.0f}s"
        approved.keep(
            ["plan", "release", "plan", "--as", "tang", "--at", at, "--item", POLICY, "--item", PLAIN],
            ["sign", "release", "sign", "2", "--as", "tang"],
        )
        home.wait_states(2, {"live"}, 240, up)
        approved.platform.control("clock", {"statistics": tomorrow_at_nine()})
        approved.keep(
            ["show", "release", "show", "2", "--as", "tang"], ["pull", "metrics", "pull", "--all"], ["doctor", "doctor"]
        )
        assert up.end() == 0, up.output()
    return approved


def tomorrow_at_nine() -> str:
    """Nine o'clock of the next day in Beijing, when WeChat has the numbers of today."""
    beijing = datetime.now(timezone(timedelta(hours=8))) + timedelta(days=1)
    return beijing.replace(hour=9, minute=0, second=0).isoformat()


# --- getting ready ---------------------------------------------------------------------------------------------


def test_a_live_home_is_fixed_for_good(office):
    assert office.data("init")["live"] is True
    refused = office.home.try_tongfa("init")
    assert refused.code == 1
    assert refused.data["code"] == "fixed"


def test_people_and_accounts_are_added_without_a_secret_on_the_command_line(office):
    made = [name for name in office.answers if name.startswith(("user", "account"))]
    assert len(made) == 7
    assert {name: office.answers[name].code for name in made} == dict.fromkeys(made, 0)
    assert office.data("account gzh")["credentials"] == ["app_secret"]
    assert office.data("account gzh")["mode"] == "publish"
    assert office.home.try_tongfa("account", "add", "x", "--secret", "app_secret=1").code == 2


def test_an_account_is_checked_against_its_platform(office):
    for found in office.home.try_many(["account", "check", "gzh"], ["account", "check", "wb"]):
        assert found.code == 0, found.out
        assert {row["ok"] for row in found.data["checks"]} == {True}


# --- editorial -------------------------------------------------------------------------------------------------


def test_a_bad_row_is_refused_with_its_reason_and_the_rest_is_taken(drafted):
    answer = drafted.answers["import"]
    assert answer.code == 3
    assert (answer.data["created"], answer.data["rejected"], answer.data["linked"]) == (3, 1, 1)
    [bad] = [row for row in answer.data["rows"] if row["result"] == "rejected"]
    assert bad["external_id"] == "TZ-2017-000"
    assert bad["field"]
    assert bad["reason"]


def test_what_the_gate_lets_pass_is_submitted(drafted):
    assert drafted.answers["check"].code == 0, drafted.answers["check"].out
    submitted = drafted.answers["submit"]
    assert submitted.code == 0, submitted.out
    assert [row["ok"] for row in submitted.data["documents"]] == [True] * 3


@pytest.mark.parametrize(("attempt", "code"), [("own review", "author"), ("second by the first", "one_step")])
def test_nobody_reviews_their_own_and_nobody_twice(approved, attempt, code):
    answer = approved.answers[attempt]
    assert answer.code == 1
    assert {row["code"] for row in answer.data["documents"]} == {code}


def test_three_reviews_by_three_people_approve(approved):
    assert [approved.answers[name].code for name in ("first", "second", "final")] == [0, 0, 0]
    counted = approved.home.rows(
        "SELECT e.state, COUNT(DISTINCT r.person_id) AS people FROM bot_edition e JOIN bot_review r ON r.edition_id = e.id"
        " GROUP BY e.id, e.state"
    )
    assert [(row["state"], row["people"]) for row in counted] == [("approved", 3)] * 3


# --- release ---------------------------------------------------------------------------------------------------


def test_a_signature_too_close_to_the_instant_is_refused_with_the_earliest_time(released):
    assert released.answers["too soon"].code == 0, released.answers["too soon"].out
    refused = released.answers["sign too soon"]
    assert (refused.code, refused.data["code"]) == (1, "lead")
    assert "最早可定在" in refused.data["message"]


def test_a_policy_brings_its_interpretation_and_everything_goes_out_once_and_not_early(released):
    assert_promises(released.home, released.platform, 2)
    assert {row["state"] for row in released.home.publications(2)} == {"live"}
    pair, counts = released.pair, released.platform.counts()
    assert counts["wechat"].get("freepublish/submit") == 1
    assert "message/mass/sendall" not in counts["wechat"]
    assert counts["weibo"]["statuses/share"] == 3
    wanted = [
        released.home.rows(
            "SELECT e.marker FROM bot_edition e JOIN bot_document d ON d.id = e.document_id WHERE d.external_id = ?",
            name,
        )[0]["marker"]
        for name in (POLICY, READING, PLAIN)
    ]
    for account in pair.ids:
        assert markers(released.platform.effects(account)) == wanted


def test_the_release_shown_agrees_with_what_followers_see(released):
    shown = released.data("show")
    phone = released.platform.get(f"/_view/wechat/{released.pair.appid}")
    timeline = released.platform.get(f"/_view/weibo/{released.pair.uid}")
    [message] = phone["published"]
    assert phone["conversation"] == []
    [wechat] = [row for row in shown["publications"] if row["channel"] == "wechat"]
    assert [item["url"] for item in wechat["items"]] == [article["url"] for article in message["articles"]]
    weibo = [row for row in shown["publications"] if row["channel"] == "weibo"]
    assert [row["items"][0]["platform_id"] for row in weibo] == [
        str(status["id"]) for status in reversed(timeline["statuses"])
    ]
    first_bytes = {row["account"]: row["at"] for row in reversed(released.platform.public_calls())}
    told = epoch(wechat["sent_at"])
    assert abs(told - first_bytes[released.pair.appid]) < 0.25


# --- afterwards ------------------------------------------------------------------------------------------------


def test_numbers_are_pulled_shown_and_exported_and_not_reported_is_not_zero(released, tmp_path):
    assert released.answers["pull"].code == 0, released.answers["pull"].out
    sheet, book = tmp_path / "numbers.csv", tmp_path / "numbers.xlsx"
    shown, *exported = released.home.many(
        ["metrics", "show", "--as", "tang"],
        *(["metrics", "export", str(file), "--as", "tang"] for file in (sheet, book)),
    )
    assert [one["rows"] for one in exported] == [6, 6]
    shown = shown["items"]
    assert len(shown) == 6
    weibo = [row for row in shown if row["account"] == "河东试点微博"]
    assert [row["reads"] for row in weibo] == [None] * 3
    assert all(row["comments"] is not None for row in weibo)
    with sheet.open(encoding="utf-8-sig", newline="") as handle:
        lines = list(csv.DictReader(handle))
    assert [line["阅读"] for line in lines if line["账号"] == "河东试点微博"] == [""] * 3
    cells = list(openpyxl.load_workbook(book, read_only=True).active.iter_rows(values_only=True))
    assert len(cells) == 7
    assert [line["标题"] for line in lines] == [row[cells[0].index("标题")] for row in cells[1:]]


def test_the_audit_trail_holds_and_can_be_taken_away(released, tmp_path):
    file = tmp_path / "audit.jsonl"
    checked, exported = released.home.many(["audit", "verify"], ["audit", "export", str(file)])
    assert exported["rows"] == checked["verified"]
    events = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert events[-1]["mac"] == checked["head"]
    assert [row["sequence"] for row in events] == list(range(1, len(events) + 1))
    done = {row["action"] for row in events}
    assert {"account.added", "documents.imported", "release.signed", "platform.answered"} <= done


def test_doctor_finds_nothing_in_the_way(released):
    answer = released.answers["doctor"]
    assert answer.code == 0, answer.out


def test_once_it_has_ended_the_doctor_misses_the_clock_and_nothing_else(released):
    answer = released.home.try_tongfa("doctor")
    assert answer.code == 3, answer.out
    assert [check["code"] for check in answer.data["checks"] if not check["ok"]] == ["clock_process"]


def test_no_secret_lies_in_the_home_in_clear(released):
    secrets = {released.pair.secret.encode(), released.pair.token.encode()}
    files = [
        path for folder in (released.home.path, released.home.logs) for path in folder.rglob("*") if path.is_file()
    ]
    assert len(files) > 5
    leaks = [path for path in files for secret in secrets if secret in path.read_bytes()]
    assert leaks == []


def test_nothing_runs_on_after_the_end(released):
    assert released.home.pids() == []
