"""Who is told: the file of targets, the wall around a rehearsal home, and a whole message over real sockets."""

from __future__ import annotations

import dataclasses
import io
import logging
import logging.config
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from bot.domain.alarms import Kind, Out, retry_at
from bot.domain.channel import CheckResult
from bot.domain.delivery import State
from bot.domain.instants import show
from bot.domain.notice import NotTold
from bot.domain.sync import Then
from bot.models import Account, Alarm, AlarmNotice, AuditEvent, PortalGate, Release, triggers
from bot.services import alarming, health, home, lookahead, people, setback, stops, telling
from bot.services.errors import Refused
from bot.services.underway import Work, begun_releases, taken_up
from config.logging import logging_settings
from tests.channels.stub import Stub, running_stub
from tests.notifying.mailbox import running_mailbox

from .factories import NOW, Office, after_live, force, fresh_home, lifted

KEY = "canary-key-of-the-duty-group"


@pytest.fixture
def stub() -> Iterator[Stub]:
    with running_stub() as made:
        made.script("/send", {"errcode": 0})
        yield made


@pytest.fixture
def notify_file(tongfa_home: Path) -> Path:
    """Where the targets stand in this test."""
    (tongfa_home / "wecom.key").write_text(f"{KEY}\n", "utf-8")
    return tongfa_home / "notify.toml"


def table(**fields: object) -> str:
    lines = [
        f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for name, value in fields.items()
    ]
    return "\n".join(["[[target]]", *lines, ""]).replace("'", '"')


def wecom(address: str, **fields: object) -> str:
    return table(**{"name": "值班群", "kind": "wecom", "address": address, "key_file": "wecom.key", **fields})


def mail(**fields: object) -> str:
    plain = {
        "name": "值班邮箱",
        "kind": "email",
        "host": "127.0.0.1",
        "from": "tongfa@hd.example",
        "to": "duty@hd.example",
    }
    return table(**{**plain, **fields})


def test_without_a_file_nobody_is_told_and_nothing_is_wrong(notify_file: Path) -> None:
    assert telling.targets() == telling.Targets((), ())


def test_targets_are_read_with_their_secrets_from_files(notify_file: Path) -> None:
    notify_file.write_text(
        wecom("http://127.0.0.1:9/send", ring=2)
        + table(name="信箱", kind="email", host="127.0.0.1", security="plain", **{"from": "a@x"}, to=["b@x", "c@x"]),
        "utf-8",
    )
    found = telling.targets()
    assert found.problems == ()
    assert [(one.name, one.kind, one.ring) for one in found.found] == [("值班群", "wecom", 2), ("信箱", "email", 1)]
    assert found.found[0].secrets["key"].reveal() == KEY
    assert found.found[1].option("to") == "b@x,c@x"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (table(name="x", kind="pigeon"), "不存在"),
        (table(name="", kind="wecom"), "没有名称"),
        (wecom("http://127.0.0.1:9/", ring=4), "ring"),
        (wecom("http://127.0.0.1:9/", ring="1"), "ring"),
        (wecom("nowhere"), "地址"),
        (wecom("http://127.0.0.1:9/", key="plain"), "没有设置项"),
        (wecom("http://127.0.0.1:9/", key_file="absent.key"), "读不到"),
        (table(name="x", kind="wecom"), "缺少 key_file"),
        (table(name="x", kind="email", host="h"), "缺少"),
        (wecom("http://127.0.0.1:9/") + wecom("http://127.0.0.1:9/"), "重复"),
        (mail(port="abc"), "端口（port）应是 1 到 65535 的数"),
        (mail(port=70000), "端口（port）应是 1 到 65535 的数"),
        (mail(to="值班室"), "收件地址（to）不是邮件地址"),
        (mail(security="none"), "加密方式（security）不对"),
    ],
)
def test_a_table_that_is_wrong_is_named_and_the_others_still_work(wrong: str, said: str, notify_file: Path) -> None:
    notify_file.write_text(wrong + wecom("http://127.0.0.1:9/ok", name="另一群"), "utf-8")
    found = telling.targets()
    assert said in "".join(found.problems)
    assert "另一群" in [target.name for target in found.found]
    assert KEY not in "".join(found.problems)


@pytest.mark.parametrize("text", ["not = [toml", "target = 3", "\x00"])
def test_a_file_that_cannot_be_read_stops_nothing_and_the_doctor_says_so(
    text: str, notify_file: Path, office: Office
) -> None:
    notify_file.write_text(text, "utf-8")
    assert telling.targets().found == ()
    assert any(result.code == "notify" and not result.ok for result in lookahead.people_to_tell(NOW))


def test_a_rehearsal_home_reaches_nobody_but_this_machine(notify_file: Path) -> None:
    notify_file.write_text(wecom("https://qyapi.example.com/send"), "utf-8")
    with pytest.raises(NotTold) as refused:
        telling.notifier(telling.targets().found[0])
    assert "演练环境" in refused.value.message


def test_a_live_home_may_call_anybody(notify_file: Path, tmp_path: Path) -> None:
    notify_file.write_text(wecom("https://qyapi.example.com/send"), "utf-8")
    targets = telling.targets().found
    with fresh_home(tmp_path / "live", live=True):
        assert home.is_live()
        assert telling.notifier(targets[0])


def test_an_alarm_reaches_the_group_over_a_real_socket(notify_file: Path, office: Office, stub: Stub) -> None:
    notify_file.write_text(wecom(f"{stub.url}/send"), "utf-8")
    alarming.raise_all([alarming.Call(Kind.DISK, "home", Out.NONE, "剩余 3 MB")], now=NOW)
    assert telling.arrange(now=NOW + timedelta(seconds=5)) == 1
    notice = AlarmNotice.objects.get()
    assert telling.send(notice.pk, now=lambda: NOW + timedelta(seconds=6))
    (asked,) = stub.asked
    assert "磁盘将满" in asked.json["text"]["content"]
    assert not telling.send(notice.pk, now=lambda: NOW + timedelta(seconds=7))  # once
    assert len(stub.asked) == 1


def test_a_target_that_was_taken_out_of_the_file_is_a_failed_message(
    notify_file: Path, office: Office, stub: Stub
) -> None:
    notify_file.write_text(wecom(f"{stub.url}/send"), "utf-8")
    alarming.raise_all([alarming.Call(Kind.DISK, "home", Out.NONE, "剩余 3 MB")], now=NOW)
    telling.arrange(now=NOW + timedelta(seconds=5))
    notify_file.unlink()
    notice = AlarmNotice.objects.get()
    assert not telling.send(notice.pk, now=lambda: NOW + timedelta(seconds=6))
    notice.refresh_from_db()
    assert "不在配置里" in notice.error
    assert any(result.code == "notify_failed" for result in lookahead.people_to_tell(NOW + timedelta(minutes=1)))


def test_a_mail_that_one_of_a_list_refuses_is_not_sent_to_the_others_again(notify_file: Path, office: Office) -> None:
    with running_mailbox() as box:
        notify_file.write_text(mail(port=box.port, security="plain", to="duty@hd.example, gone@hd.example"), "utf-8")
        box.refuse["rcpt TO:<gone@hd.example>"] = "550 nobody here"
        alarming.raise_all([alarming.Call(Kind.DISK, "home", Out.NONE, "剩余 3 MB")], now=NOW)
        telling.arrange(now=NOW + timedelta(seconds=5))
        notice = AlarmNotice.objects.get()
        assert telling.send(notice.pk, now=lambda: NOW + timedelta(seconds=6))
        assert not telling.send(notice.pk, now=lambda: NOW + timedelta(hours=1))
    assert box.recipients == [["duty@hd.example"]]
    notice.refresh_from_db()
    assert (notice.state, notice.result) == ("sent", "只送达一部分")
    (named,) = [one for one in lookahead.people_to_tell(NOW + timedelta(minutes=1)) if one.code == "notify_failed"]
    assert "1 个收件人被拒" in named.message


def test_a_test_message_tells_each_result_and_is_recorded(notify_file: Path, office: Office, stub: Stub) -> None:
    notify_file.write_text(wecom(f"{stub.url}/send") + wecom(f"{stub.url}/none", name="坏群", ring=3), "utf-8")
    tried = telling.test(person=office.people["releaser"], now=NOW)
    assert [(one.target.name, one.ok) for one in tried] == [("值班群", True), ("坏群", False)]
    assert "【同发·演练】通知测试" in stub.asked[0].json["text"]["content"]
    assert AuditEvent.objects.get(action="notify.tested").data == {"reached": ["值班群"], "all": ["值班群", "坏群"]}
    with pytest.raises(Refused):
        telling.test(person=office.people["editor"], now=NOW)
    notify_file.unlink()
    with pytest.raises(Refused) as refused:
        telling.test(person=office.people["releaser"], now=NOW)
    assert refused.value.code == "nobody"


def test_keys_stay_out_of_messages_records_and_logs(notify_file: Path, office: Office, stub: Stub) -> None:
    stream, wanted = io.StringIO(), logging_settings("DEBUG")
    wanted["handlers"]["stderr"]["stream"] = stream
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    logging.config.dictConfig(wanted)
    try:
        notify_file.write_text(wecom(f"{stub.url}/none") + wecom("http://127.0.0.1:9/send", name="第二群"), "utf-8")
        alarming.raise_all([alarming.Call(Kind.DISK, "home", Out.NONE, "剩余 3 MB")], now=NOW)
        telling.arrange(now=NOW + timedelta(seconds=5))
        for notice in AlarmNotice.objects.all():
            telling.send(notice.pk, now=lambda: NOW + timedelta(seconds=6))
        telling.test(person=office.people["releaser"], now=NOW)
    finally:
        root.handlers[:], root.level = before[0], before[1]
    kept = [stream.getvalue(), *(row.error for row in AlarmNotice.objects.all())]
    kept += [str(event.data) for event in AuditEvent.objects.all()]
    kept += [asked.body.decode() for asked in stub.asked]
    assert [text for text in kept if KEY in text] == []
    assert AlarmNotice.objects.filter(state="waiting").count() == 2


# --- the doctor ---------------------------------------------------------------------------------------------


def found(**having: object) -> dict[str, str]:
    """code -> message of everything that would stop a release until the end of tomorrow."""
    results = lookahead.releases_ahead(NOW)
    return {result.code: result.message for result in results if not result.ok}


def test_an_unsigned_release_of_tomorrow_is_told(office: Office) -> None:
    office.planned(instant=NOW + timedelta(hours=30))
    assert set(found()) == {"unsigned"}
    assert found()["unsigned"].startswith("还没有签发")


def test_an_unsigned_release_of_tomorrow_evening_is_told_in_the_morning(office: Office) -> None:
    office.planned(instant=NOW + timedelta(hours=36, minutes=30))  # 21:30, seen at 09:00 of the day before
    assert set(found()) == {"unsigned"}


def test_what_comes_after_tomorrow_is_not_told_and_it_says_how_far_it_looked(office: Office) -> None:
    office.planned(instant=NOW + timedelta(hours=39, seconds=1))  # a second into the day after tomorrow
    (result,) = lookahead.releases_ahead(NOW)
    assert (result.ok, result.message) == (True, "到 2026-11-25 00:00 为止没有安排发布。")


def test_late_in_the_evening_it_looks_36_hours_ahead(office: Office) -> None:
    evening = NOW + timedelta(hours=14)  # 23:00
    assert lookahead.until(evening) == evening + timedelta(hours=36)


def test_a_release_of_which_every_push_was_called_off_is_not_called_signed(office: Office) -> None:
    release = office.planned(on=[office.weibo])
    one = release.publications.get()
    stops.cancel(release, person=office.people["releaser"], reason="不要", now=NOW, only=one.pk)
    (result,) = lookahead.releases_ahead(NOW)
    assert (result.ok, result.message) == (True, "没有等待签发的推送（都已作废或了结），到时不会发出。")


def test_a_signed_release_in_order_is_one_good_line(office: Office) -> None:
    office.signed()
    (result,) = lookahead.releases_ahead(NOW)
    assert result.ok
    assert "没有发现会拦住它的问题" in result.message


def test_what_would_stop_a_signed_release_is_told_with_who_must_do_what(office: Office) -> None:
    from bot.models import Freeze, Token

    office.signed()
    Freeze.objects.create(unit=office.unit, reason="停", person=office.people["releaser"], at=NOW)
    Token.objects.filter(account=office.weibo).update(expires_at=NOW + timedelta(minutes=40))
    office.wechat.disabled_reason = "换号"
    office.wechat.save()
    assert set(found()) == {"freeze", "token_life", "enabled"}
    bad = [result for result in lookahead.releases_ahead(NOW) if not result.ok]
    assert all("请" in result.remedy for result in bad)


def test_a_used_up_quota_of_an_unsigned_release_is_told(office: Office) -> None:
    from tests.services.factories import article

    office.signed(on=[office.wechat])
    office.planned(office.approved(article(2)), on=[office.wechat], instant=NOW + timedelta(hours=2))
    assert "quota" in found()


def test_what_the_platform_last_said_is_repeated_without_asking_it_again(office: Office) -> None:
    from bot.models import Preflight, PreflightCheck

    release = office.signed(on=[office.wechat])
    row = Preflight.objects.filter(release=release).first()
    assert row is not None
    Preflight.objects.filter(pk=row.pk).update(state="done", next_at=None, done_at=NOW, ok=False)
    PreflightCheck.objects.create(
        preflight=row, position=0, code="ip", name="IP 白名单", ok=False, message="不在白名单里。"
    )
    assert "不在白名单里" in found()["ip"]


def doctor(**more: bool) -> dict[str, list[CheckResult]]:
    lines: dict[str, list[CheckResult]] = {}
    for line in health.examine(now=NOW, ask_platforms=False, **more):
        lines.setdefault(line.code, []).append(line)
    return lines


def test_what_is_in_doubt_is_told_though_somebody_looks_after_it(office: Office) -> None:
    release = office.signed()
    assert "unclear" not in doctor()
    force(release.publications.filter(account=office.wechat), State.UNKNOWN)
    (line,) = doctor()["unclear"]
    assert (line.ok, line.warning) == (True, True)
    assert "不要手工补发" in line.message
    assert "异常台" in line.remedy


def test_one_accounts_odd_answer_keeps_nothing_else_from_being_told(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(account: Account) -> list[CheckResult]:
        raise OverflowError("Python int too large to convert to C int")

    monkeypatch.setattr(health.accounts, "check_account", odd)
    lines = [one for one in health.examine(now=NOW, ask_platforms=True) if one.code == "internal"]
    assert [one.name for one in lines] == [office.wechat.name, office.weibo.name]
    assert all("没有发出任何内容" in one.message and one.remedy for one in lines)


@pytest.mark.parametrize(
    ("played_here", "running", "remedy"),
    [(True, False, "运行 tongfa up（或 make demo）"), (True, True, "检查本机网络"), (False, False, "检查本机网络")],
)
def test_of_the_homes_own_platforms_that_nobody_started_the_remedy_is_to_start_them(
    office: Office, played_here: bool, running: bool, remedy: str
) -> None:
    address = f"{home.rehearsal_url()}/weibo" if played_here else "http://localhost:9/weibo"
    Account.objects.filter(pk=office.weibo.pk).update(endpoints={"api": address})
    lines = health.examine(now=NOW, ask_platforms=True, running=running)
    (line,) = (one for one in lines if one.name == "临沂河东·授权")
    assert remedy in line.remedy
    assert ("演练平台没有运行" in line.message) is (remedy != "检查本机网络")


def test_a_new_home_is_told_whom_and_what_it_lacks(db: None) -> None:
    people.ensure_unit("new", "新单位", now=NOW, actor="test")
    lines = doctor()
    (staff,), (accounts_,) = lines["people"], lines["accounts"]
    assert not staff.ok
    assert "拟稿、初审、复审、终审、签发" in staff.message
    assert "tongfa user add" in staff.remedy
    assert not accounts_.ok
    assert "tongfa account add" in accounts_.remedy
    assert lines["duty"][0].warning


def test_where_people_and_accounts_are_complete_it_says_so(office: Office) -> None:
    lines = doctor()
    assert all(line.ok for code in ("people", "accounts") for line in lines[code])
    assert "微信公众号 1 个" in lines["accounts"][0].message


def past(release: Release, state: State, ago: timedelta) -> None:
    found = release.publications.all()
    force(found, state, not_before=NOW - ago, instant=NOW - ago, held_by="machine" if state is State.HELD else "")
    with lifted(*(rule.name for rule in triggers.RULES if rule.table == "bot_release")):
        Release.objects.filter(pk=release.pk).update(instant=NOW - ago)


def test_where_nothing_runs_a_second_is_late_and_what_is_in_doubt_is_said_to_be(office: Office) -> None:
    release = office.signed(on=[office.weibo])
    past(release, State.STAGED, timedelta(seconds=4))
    assert doctor()["overdue"][0].ok
    late = doctor(running=False)["overdue"][0]
    assert not late.ok
    assert "tongfa up" in late.remedy
    force(release.publications.all(), State.UNKNOWN)
    unclear = doctor(running=False)["unclear"][0]
    assert "是否公开不明" in unclear.message


def test_what_has_still_to_leave_after_its_instant_is_listed(office: Office) -> None:
    release = office.signed(on=[office.weibo])
    past(release, State.HELD, timedelta(minutes=4))
    lines = doctor()
    assert "ahead" not in lines
    assert "已暂停 1" in lines["begun"][0].message
    assert f"恢复发布单 {release.pk}" in lines["begun"][0].remedy


@pytest.mark.parametrize(
    ("found", "clean", "words"),
    [
        (
            Work(3, 0, 2, 0),
            False,
            "上次没有正常停止；3 条已过时刻，能发的正在补发（排在没有结果的推送之后的先暂停）；2 条发出后还没有核对清楚，正在核对，查清之前不会再发。",
        ),
        (Work(0, 0, 0, 4), False, "上次没有正常停止；没有中断的推送。"),
        (Work(0, 1, 0, 0), True, "1 条已过最晚时刻，不再自动发出，转人工处理。"),
        (Work(0, 0, 0, 2), True, ""),
    ],
)
def test_a_start_says_what_it_takes_up(found: Work, clean: bool, words: str) -> None:
    assert taken_up(found, clean=clean) == words


def test_every_line_of_the_doctor_has_a_code_and_every_bad_one_a_remedy(office: Office) -> None:
    office.planned(instant=NOW + timedelta(hours=1))
    results = health.examine(now=NOW, ask_platforms=False)
    assert all(result.code for result in results)
    codes = {result.code for result in results}
    assert {"home", "disk", "rules", "chain", "notify", "unsigned"} <= codes


def test_nobody_to_tell_is_a_warning_it_stops_no_release(office: Office, notify_file: Path) -> None:
    (found,) = lookahead.people_to_tell(NOW)
    assert (found.ok, found.warning) == (True, True)
    assert "TONGFA_NOTIFY" in found.remedy
    assert Alarm.objects.count() == 0


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "not signed yet"])
@pytest.mark.parametrize(
    ("then", "said"), [(Then.HOLD, "会暂停，不会发出"), (Then.GO, "也会照发"), (Then.ASK, "会请人决定，决定以前不会发出")]
)  # fmt: skip
def test_a_release_whose_page_may_not_be_read_is_told_the_day_before(
    office: Office, then: Then, said: str, signed: bool
) -> None:
    """A list of portal hosts replaces the usual ones: whoever adds one must name those again."""
    tomorrow = NOW + timedelta(days=1)
    (office.signed if signed else office.planned)(instant=tomorrow, sync=after_live(then=then))
    hosts = dataclasses.replace(settings.TONGFA, portal_hosts=frozenset({"static.hedong.gov.cn"}))
    with override_settings(TONGFA=hosts):
        (line,) = [one for one in lookahead.releases_ahead(NOW) if one.code == "portal"]
    assert not line.ok
    assert "不在门户网站名单" in line.message
    when = "" if signed else "签发后"
    assert line.message.endswith(f"。{when}等到 {show(tomorrow + timedelta(minutes=2))} 仍看不到网页上线，{said}。")
    assert "TONGFA_PORTAL_HOSTS" in line.remedy


def test_the_remedy_for_a_gate_that_waits_for_a_decision_is_that_decision(office: Office) -> None:
    release = office.signed(on=[office.weibo], sync=after_live())
    past(release, State.HELD, timedelta(minutes=4))
    PortalGate.objects.filter(release=release).update(state="held", next_at=None)
    (line,) = begun_releases(NOW)
    assert f"请先决定：发布单 {release.pk}" in line.remedy
    assert "恢复" not in line.remedy


def test_a_message_that_says_nobody_has_read_it_is_not_sent_once_somebody_has(
    notify_file: Path, office: Office, stub: Stub
) -> None:
    notify_file.write_text(wecom(f"{stub.url}/send", ring=2), "utf-8")
    call = alarming.Call(Kind.DISK, "disk", Out.NONE, "磁盘快满了。")
    (alarm,) = alarming.raise_all([call], now=NOW)
    notice = AlarmNotice.objects.create(target="值班群", ring=2, created_at=NOW, next_at=NOW)
    notice.alarms.add(alarm)
    alarming.read(alarm, person=office.people["releaser"], now=NOW)
    assert not telling.send(notice.pk, now=lambda: NOW)
    notice.refresh_from_db()
    assert notice.state == "dropped"


# --- a clock that was ahead, and has been set right ------------------------------------------------------------


MINUTE = timedelta(minutes=1)
AHEAD = [5, 20, 59]


def disk_full(at: datetime) -> None:
    alarming.raise_all([alarming.Call(Kind.DISK, "home", Out.NONE, "剩余 3 MB")], now=at)


def rings_told(until: timedelta) -> list[timedelta]:
    """How long after NOW each ring is told, the clock being right from now on."""
    told, after = [], timedelta()
    while after < until:
        after += timedelta(seconds=5)
        told += [after] * telling.arrange(now=NOW + after)
    return told


@pytest.mark.parametrize("minutes", AHEAD)
def test_an_alarm_of_a_clock_less_than_an_hour_ahead_rings_as_if_raised_when_that_is_set_right(
    office: Office, minutes: int
) -> None:
    disk_full(NOW + minutes * MINUTE)
    setback.pull_back(now=NOW)
    first, second, third = rings_told(20 * MINUTE)
    assert first < MINUTE
    assert (second, third) == (5 * MINUTE, 15 * MINUTE)


@pytest.mark.parametrize("minutes", AHEAD)
def test_nor_is_the_next_ring_silent_where_the_first_was_told_by_such_a_clock(office: Office, minutes: int) -> None:
    disk_full(NOW - 4 * MINUTE)
    telling.arrange(now=NOW + minutes * MINUTE)
    setback.pull_back(now=NOW)
    assert rings_told(20 * MINUTE)[0] <= 5 * MINUTE


@pytest.mark.parametrize("minutes", AHEAD)
def test_a_message_that_such_a_clock_put_off_is_sent_at_once(office: Office, minutes: int) -> None:
    disk_full(NOW - MINUTE)
    telling.arrange(now=NOW - timedelta(seconds=30))
    ahead = NOW + minutes * MINUTE
    AlarmNotice.objects.update(state="waiting", tries=1, next_at=ahead)
    setback.pull_back(now=NOW)
    assert AlarmNotice.objects.get().next_at == NOW


def test_by_a_clock_that_was_right_no_ring_and_no_message_comes_sooner(office: Office) -> None:
    disk_full(NOW)
    telling.arrange(now=NOW + timedelta(seconds=5))
    for tries in range(1, 7):
        AlarmNotice.objects.update(state="waiting", tries=tries, next_at=retry_at(tries, NOW))
        before = [*Alarm.objects.values(), *AlarmNotice.objects.values()]
        assert setback.pull_back(now=NOW + timedelta(seconds=6)) == 0
        assert [*Alarm.objects.values(), *AlarmNotice.objects.values()] == before
