"""Pre-flights in virtual time: which are made when, what they record, and that each is run once."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F

from bot.channels.wechat import preflight as wechat_preflight
from bot.channels.weibo import health as weibo_health
from bot.domain.channel import CheckResult, Grant, Remedy
from bot.domain.delivery import State
from bot.domain.instants import show
from bot.domain.preflight import Kind
from bot.domain.secret import Secret
from bot.domain.sync import AfterLive, Seen, Then
from bot.models import Account, Alarm, Chore, Freeze, Preflight, PreflightCheck, Release, Reservation
from bot.portal import Look
from bot.services import alarming, atwork, audit, prechecks, preflighting, stops
from bot.services.errors import Refused
from bot.services.voiding import void_signature

from .delivery_support import MINUTE, SECOND, Engine, Killed, ScriptedChannel, T, fault, put
from .factories import NOW, Office, article, lifted

DAY = timedelta(days=1)
FAR = NOW + 3 * DAY  # an instant with all four pre-flights ahead


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine(office, monkeypatch)
    made.watching = True
    return made


def kinds(state: str, account: Account) -> list[str]:
    rows = Preflight.objects.filter(state=state, account=account).order_by("due_at", "pk")
    return [row.kind for row in rows]


def codes(row: Preflight, **having: bool) -> set[str]:
    return set(row.checks.filter(**having).values_list("code", flat=True))


def test_signing_makes_a_row_for_each_account_and_time(engine: Engine) -> None:
    release = engine.signed(instant=FAR)
    for account in engine.office.accounts:
        rows = list(release.preflights.filter(account=account).order_by("due_at"))
        assert [(row.kind, FAR - row.due_at) for row in rows] == [
            ("day", DAY), ("hour", 60 * MINUTE), ("quarter", 15 * MINUTE), ("last", 5 * MINUTE),
        ]  # fmt: skip


def test_one_that_waits_behind_a_crowd_that_is_being_staged_gets_no_process_of_its_own(engine: Engine) -> None:
    """Hundreds do: a process for each would take the processors from those who stage."""
    engine.signed(on=[engine.office.wechat], instant=FAR)
    engine.workers, due = False, FAR - DAY
    Chore.objects.exclude(pk="sweep").delete()  # inspections would be taken over first
    engine.go(due)
    assert "preflight" in {job.kind for job in engine.rings}
    engine.clock.wait_until(due + MINUTE)
    audit.append(atwork.ACTOR, audit.MOVED, "publication:1", now=due + 59 * SECOND)
    assert engine.tick().children == []
    engine.clock.wait_until(due + MINUTE + atwork.BETWEEN_JOBS)
    assert {job.kind for job in engine.tick().children} == {"preflight"}


def test_each_is_run_at_its_time_and_recorded_line_by_line(engine: Engine) -> None:
    engine.signed(instant=FAR)
    engine.go(FAR - DAY - SECOND)
    assert not Preflight.objects.filter(state="done").exists()
    engine.go(FAR - DAY + 2 * SECOND)
    for account in engine.office.accounts:
        assert kinds("done", account) == ["day"]
        row = Preflight.objects.get(account=account, state="done")
        assert row.done_at is not None
        assert row.ok is True
        assert {
            "enabled", "freeze", "signature", "approvals", "pair", "link", "reservation", "staging", "clash", "disk", "rules",
            "clock",
        } <= codes(row)  # fmt: skip
    engine.go(FAR - 4 * MINUTE)
    assert kinds("done", engine.office.wechat) == ["day", "hour", "quarter", "last"]


# --- the portal ----------------------------------------------------------------------------------------------


def waits_for_its_page(engine: Engine, then: Then = Then.HOLD) -> Release:
    return engine.signed(
        on=[engine.office.wechat],
        sync=AfterLive("https://www.hedong.gov.cn/info/1.html", "临时交通管制通知", 10 * MINUTE, then),
    )


def line_of(release: Release) -> PreflightCheck:
    return PreflightCheck.objects.get(preflight__release=release, preflight__kind="signing", code="portal")


def test_before_t_the_site_need_only_be_reachable(engine: Engine) -> None:
    """The page itself is not there yet: HTTP 404 is an answer as good as any."""
    release = waits_for_its_page(engine)
    engine.go(NOW + 2 * SECOND)
    line = line_of(release)
    assert (line.ok, line.warning, line.remedy) == (True, False, "")
    assert len(engine.site.asked) == 1


@pytest.mark.parametrize(
    "words", ["连不上网站，或连接中断", "“evil.example”不在门户网站名单（TONGFA_PORTAL_HOSTS）内，没有访问"]
)
def test_a_site_that_cannot_be_read_is_told_with_reason_and_remedy(engine: Engine, words: str) -> None:
    engine.site.at(NOW, Look(Seen.UNCLEAR, words))
    release = waits_for_its_page(engine)
    engine.go(NOW + 2 * SECOND)
    line = line_of(release)
    assert (line.ok, words in line.message) == (False, True)
    assert "系统管理员" in line.remedy
    alarm = Alarm.objects.get(kind="preflight")
    assert alarm.public_message == "未过：门户"
    engine.site.at(engine.clock.now(), Look(Seen.NOT_YET, "网页打不开（HTTP 404）", 404))
    engine.go(T - 14 * MINUTE)
    alarm.refresh_from_db()
    assert alarm.closed_at is not None


@pytest.mark.parametrize(
    ("then", "said"), [(Then.HOLD, "会暂停，不会发出"), (Then.GO, "也会照发"), (Then.ASK, "会请人决定，决定以前不会发出")]
)  # fmt: skip
def test_it_says_what_the_release_does_when_its_page_is_never_seen(engine: Engine, then: Then, said: str) -> None:
    engine.site.at(NOW, Look(Seen.UNCLEAR, "连不上网站，或连接中断"))
    release = waits_for_its_page(engine, then)
    engine.go(NOW + 2 * SECOND)
    ending = f"等到 {show(T + 10 * MINUTE)} 仍看不到网页上线，{said}。"
    assert line_of(release).message == f"门户网站现在读不到（连不上网站，或连接中断）。{ending}"


def test_a_site_that_answers_oddly_is_a_warning(engine: Engine) -> None:
    engine.site.at(NOW, Look(Seen.UNCLEAR, "网站暂时没有给出网页（HTTP 503）", 503))
    release = waits_for_its_page(engine)
    engine.go(NOW + 2 * SECOND)
    line = line_of(release)
    assert (line.ok, line.warning) == (True, True)
    assert line.remedy
    assert not Alarm.objects.exists()


def test_a_release_that_waits_for_no_page_asks_no_portal(engine: Engine) -> None:
    release = engine.signed()
    engine.go(NOW + 2 * SECOND)
    assert not PreflightCheck.objects.filter(preflight__release=release, code="portal").exists()
    assert not engine.site.asked


def test_signed_late_the_missed_ones_run_at_once_as_one(engine: Engine) -> None:
    """T is half an hour away: a day and an hour ahead are past."""
    engine.signed()
    engine.go(NOW + 2 * SECOND)
    assert kinds("done", engine.office.wechat) == ["signing"]
    assert kinds("waiting", engine.office.wechat) == ["quarter", "last"]


def test_after_an_outage_only_the_newest_is_run(engine: Engine) -> None:
    engine.signed(instant=FAR)
    engine.clock.wait_until(FAR - 10 * MINUTE)  # nobody was there for days
    engine.go(FAR - 10 * MINUTE + 15 * SECOND)
    assert kinds("done", engine.office.wechat) == ["quarter"]
    assert kinds("dropped", engine.office.wechat) == ["day", "hour"]


def test_past_the_instant_nothing_is_asked_any_more(engine: Engine) -> None:
    engine.signed()
    engine.clock.wait_until(T + SECOND)
    for row in Preflight.objects.all():
        preflighting.run(row.pk, now=engine.clock.now)
    assert set(Preflight.objects.values_list("state", flat=True)) == {"dropped"}
    assert engine.platform.asked("preflight") == 0


def test_a_voided_signature_drops_them_and_a_new_one_brings_its_own(engine: Engine) -> None:
    release = engine.signed(instant=FAR)
    void_signature(release.pk, reason="改了时刻", actor="li", now=NOW + MINUTE)
    assert set(release.preflights.values_list("state", flat=True)) == {"dropped"}
    release.refresh_from_db()
    engine.office.signs(release, now=NOW + 2 * MINUTE)
    assert kinds("waiting", engine.office.wechat) == ["day", "hour", "quarter", "last"]


def test_a_cancelled_release_drops_them(engine: Engine) -> None:
    release = engine.signed(instant=FAR)
    stops.cancel(release, person=engine.releaser, reason="不发了", now=NOW + MINUTE)
    assert set(release.preflights.values_list("state", flat=True)) == {"dropped"}


def test_two_workers_at_one_bell_ask_the_platform_once(
    committed_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(committed_office, monkeypatch)
    engine.signed(on=[committed_office.wechat])
    row, start, ran = Preflight.objects.get(kind="signing"), threading.Barrier(4), list[bool]()

    def work() -> None:
        start.wait(10)
        try:
            ran.append(preflighting.run(row.pk, now=engine.clock.now))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(ran) == [False, False, False, True]
    assert engine.platform.asked("preflight") == 1


def test_one_whose_worker_was_killed_is_run_again_when_its_lease_ends(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.signed(on=[engine.office.wechat])
    row = Preflight.objects.get(kind="signing")

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(prechecks, "examine", die)
        engine.perform(watching_job("preflight", row.pk))
    row.refresh_from_db()
    assert row.state == "running"
    engine.go(NOW + 60 * SECOND)
    assert kinds("done", engine.office.wechat) == []
    engine.go(NOW + 100 * SECOND)
    assert kinds("done", engine.office.wechat) == ["signing"]


def watching_job(kind: str, subject: int):  # type: ignore[no-untyped-def]
    from bot.services.clock import Job

    return Job(kind, subject)


def test_a_worker_that_was_overtaken_records_nothing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.signed(on=[engine.office.wechat])
    row, examine = Preflight.objects.get(kind="signing"), prechecks.examine

    def slow(*args: object, **more: object) -> object:
        monkeypatch.setattr(prechecks, "examine", examine)
        engine.clock.wait_until(NOW + 95 * SECOND)  # longer than its lease
        assert preflighting.run(row.pk, now=engine.clock.now)
        return examine(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(prechecks, "examine", slow)
    assert not preflighting.run(row.pk, now=engine.clock.now)
    positions = list(PreflightCheck.objects.filter(preflight=row).values_list("position", flat=True))
    assert len(positions) == len(set(positions))
    assert row.checks.count() == len(positions)


def test_without_any_worker_a_child_runs_it(engine: Engine) -> None:
    engine.signed()
    engine.workers = False
    engine.go(NOW + 90 * SECOND)
    assert kinds("done", engine.office.wechat) == ["signing"]


# --- what is found -----------------------------------------------------------------------------------------


def failing(engine: Engine) -> PreflightCheck:
    """The one check of the newest pre-flight of the WeChat account that failed."""
    row = Preflight.objects.filter(account=engine.office.wechat, state="done").order_by("-done_at", "-pk")[0]
    assert row.ok is False
    return row.checks.filter(ok=False).get()


def test_a_refusal_of_the_platform_is_a_failed_check_with_a_remedy(engine: Engine) -> None:
    engine.platform.preflights["zghd"] = [[CheckResult("IP 白名单", False, "本机地址不在白名单里。", code="ip")]]
    engine.signed()
    engine.go(NOW + 2 * SECOND)
    found = failing(engine)
    assert (found.code, found.name) == ("ip", "IP 白名单")
    assert "系统管理员" in found.remedy


def test_a_platform_that_cannot_be_reached_is_a_finding_and_no_crash(engine: Engine) -> None:
    engine.platform.preflights["zghd"] = [fault(Remedy.UNKNOWN, "连不上平台。")]
    engine.signed()
    engine.go(NOW + 2 * SECOND)
    assert failing(engine).code == "platform"


def test_a_check_that_fails_itself_is_a_finding(engine: Engine) -> None:
    engine.platform.preflights["zghd"] = [RuntimeError("bug")]
    engine.signed()
    engine.go(NOW + 2 * SECOND)
    found = failing(engine)
    assert found.code == "internal"
    assert "bug" not in found.message


def test_the_clock_is_judged_after_the_platform_was_asked(engine: Engine) -> None:
    engine.doubt = "本机时钟与平台时间相差 +9.0 秒。"
    engine.signed(on=[engine.office.wechat])
    engine.go(NOW + 2 * SECOND)
    assert failing(engine).code == "clock"
    assert [alarm.kind for alarm in Alarm.objects.all()] == ["clock"]


def test_a_token_that_a_person_must_renew_has_to_outlive_the_release(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = Grant(Secret("t"), T + MINUTE)
    monkeypatch.setattr(ScriptedChannel, "grant", lambda self: soon)
    engine.signed()
    engine.go(NOW + 2 * SECOND)
    failed = PreflightCheck.objects.filter(ok=False)
    assert [(check.code, check.preflight.account.slug) for check in failed] == [("token_life", "lyhd")]


def subject(engine: Engine) -> prechecks.Subject:
    release = engine.office.unit.releases.get()
    waiting = preflighting.waiting_publications(release, engine.office.wechat)
    return prechecks.Subject(release, engine.office.wechat, waiting, engine.clock.now())


def local(engine: Engine) -> set[str]:
    return {result.code for result in prechecks.examine_locally(subject(engine)) if not result.ok}


def test_everything_that_was_decided_is_looked_at_again(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    assert local(engine) == set()
    Account.objects.filter(pk=engine.office.wechat.pk).update(disabled_reason="换号")
    engine.office.wechat.refresh_from_db()
    assert local(engine) == {"enabled"}
    Account.objects.filter(pk=engine.office.wechat.pk).update(disabled_reason="")
    engine.office.wechat.refresh_from_db()
    Freeze.objects.create(unit=engine.office.unit, reason="停", person=engine.releaser, at=NOW)
    assert local(engine) == {"freeze"}
    Freeze.objects.update(lifted_at=NOW, lifted_by=F("person"))
    Reservation.objects.update(released_at=NOW)
    assert local(engine) == {"reservation"}
    Reservation.objects.update(released_at=None)
    release.manifest_hash = "0" * 64
    with lifted("release_kept_while_signed"):
        release.save()
    assert local(engine) == {"signature"}


def test_a_newer_edition_of_a_document_is_told(engine: Engine) -> None:
    engine.signed(on=[engine.office.wechat])
    engine.office.took(article(1, summary="自12月2日起调整。"), now=NOW + MINUTE)
    assert {"approvals", "signature"} <= local(engine)


def test_what_is_not_staged_when_it_should_be_is_told(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    put(engine.wechat(release), State.BLOCKED, reason="图片太大。")
    assert local(engine) == {"staging"}
    put(engine.wechat(release), State.PLANNED, reason="")
    assert local(engine) == set()
    engine.clock.wait_until(T - 5 * MINUTE)
    assert local(engine) == {"staging"}
    put(engine.wechat(release), State.STAGED)
    assert local(engine) == set()


def test_what_was_signed_late_is_not_late_while_there_is_time_to_stage_it(engine: Engine) -> None:
    engine.clock.wait_until(T - 2 * MINUTE)
    release = engine.office.signed(instant=T, on=[engine.office.wechat], now=T - 2 * MINUTE)
    push = engine.wechat(release)
    assert push.status is State.PLANNED
    assert local(engine) == set()
    put(push, State.STAGING)
    assert local(engine) == set()
    engine.clock.wait_until(push.stage_by or T)
    assert local(engine) == {"staging"}


def test_another_release_at_the_same_moment_on_the_account_is_a_warning(engine: Engine) -> None:
    Account.objects.filter(pk=engine.office.weibo.pk)
    release = engine.signed(on=[engine.office.weibo])
    engine.signed(on=[engine.office.weibo], number=2)
    waiting = preflighting.waiting_publications(release, engine.office.weibo)
    one = prechecks.Subject(release, engine.office.weibo, waiting, NOW)
    clash = next(result for result in prechecks.examine_locally(one) if result.code == "clash")
    assert (clash.ok, clash.warning) == (True, True)
    assert "错开" in clash.remedy


@pytest.mark.parametrize("codes", [wechat_preflight.CODES, weibo_health.CODES], ids=["wechat", "weibo"])
def test_whatever_a_channel_finds_wrong_is_recorded_with_who_must_do_what(codes: dict[str, str]) -> None:
    for name, code in codes.items():
        for found in (CheckResult(name, False, "不对。", code=code), CheckResult(name, True, "要看。", True, code)):
            assert prechecks.with_remedy(found).remedy.startswith("请"), code


# --- asked for by a person -----------------------------------------------------------------------------------


def test_a_person_may_ask_at_any_time_and_a_pass_closes_the_alarm(engine: Engine) -> None:
    engine.platform.preflights["zghd"] = [fault(Remedy.OPERATOR, "令牌无效。")]
    release = engine.signed()
    engine.go(NOW + 2 * SECOND)
    alarm = Alarm.objects.get(kind="preflight")
    assert alarm.closed_at is None
    asked = preflighting.ask(release, person=engine.releaser, now=engine.clock.now)
    assert [(row.kind, row.state, row.ok) for row in asked] == [(Kind.ASKED, "done", True)] * 2
    alarm.refresh_from_db()
    assert alarm.closed_at is not None
    assert "人工要求" in alarm.closed_because


def test_there_is_nothing_to_ask_of_a_release_that_nobody_signed(engine: Engine) -> None:
    release = engine.office.planned()
    with pytest.raises(Refused) as refused:
        preflighting.ask(release, person=engine.releaser, now=engine.clock.now)
    assert refused.value.code == "unsigned"


# --- news ----------------------------------------------------------------------------------------------------

IP = CheckResult("IP 白名单", False, "本机地址不在白名单里。", code="ip")
TOKEN = CheckResult("令牌", False, "AppSecret 已被重置，令牌取不到。", code="token")


def raised(kind: str = "preflight") -> list[tuple[bool, bool]]:
    """Of each alarm in order: whether it is open, and whether it was read."""
    rows = Alarm.objects.filter(kind=kind).order_by("pk").values_list("closed_at", "read_at")
    return [(closed is None, read is not None) for closed, read in rows]


def test_another_fault_is_another_alarm_although_the_last_was_read(engine: Engine) -> None:
    far = NOW + timedelta(days=2)
    engine.platform.preflights["zghd"] = [[IP], [TOKEN]]
    engine.signed(instant=far)
    engine.go(far - timedelta(days=1) + 20 * SECOND)
    alarming.read(Alarm.objects.get(kind="preflight"), person=engine.releaser, now=engine.clock.now())
    engine.go(far - 59 * MINUTE)
    assert raised() == [(False, True), (True, False)]
    assert "AppSecret" in Alarm.objects.filter(kind="preflight").latest("pk").message


def test_a_cause_that_two_checks_found_is_told_once(engine: Engine) -> None:
    cause = "连不上 127.0.0.1:9 或连接中断，请稍后重试。"
    unready = CheckResult("准备", False, f"平台上还没有准备好：{cause}", code="staging")
    engine.platform.preflights["zghd"] = [[unready, CheckResult("令牌", False, cause, code="token")]]
    engine.signed()
    engine.go(NOW + 2 * SECOND)
    alarm = Alarm.objects.get(kind="preflight")
    assert alarm.message.count("连不上 127.0.0.1:9") == 1
    assert alarm.public_message == "未过：准备、令牌"


def test_the_same_fault_is_told_again_a_quarter_of_an_hour_and_five_minutes_before(engine: Engine) -> None:
    far = NOW + timedelta(days=2)
    engine.platform.preflights["zghd"] = [[IP]] * 9
    engine.signed(instant=far)
    engine.go(far - 59 * MINUTE)
    assert len(raised()) == 1
    engine.go(far - MINUTE)
    assert [is_open for is_open, _ in raised()] == [False, False, True]


def test_an_alarm_of_a_push_that_is_held_is_not_closed_as_passed_and_comes_back_with_it(engine: Engine) -> None:
    engine.platform.preflights["zghd"] = [[IP]] * 9
    release = engine.signed(on=[engine.office.wechat])
    engine.go(NOW + 5 * SECOND)
    stops.hold(release, person=engine.releaser, reason="等白名单", now=engine.clock.now())
    preflighting.ask(release, person=engine.releaser, now=engine.clock.now)
    closed = Alarm.objects.get(kind="preflight")
    assert "预检通过" not in closed.closed_because
    assert "恢复时会再查一次" in closed.closed_because
    stops.resume(release, person=engine.releaser, now=engine.clock.now())
    engine.go(engine.clock.now() + 5 * SECOND)
    assert raised() == [(False, False), (True, False)]


def test_the_alarm_of_a_wrong_clock_ends_with_the_release_it_was_raised_for(engine: Engine) -> None:
    engine.doubt = "本机时钟与平台时间相差 +9.0 秒。"
    release = engine.signed(on=[engine.office.wechat])
    engine.go(NOW + 5 * SECOND)
    assert raised("clock") == [(True, False)]
    stops.cancel(release, person=engine.releaser, reason="不发了", now=engine.clock.now())
    alarming.sweep(now=engine.clock.now())
    assert raised("clock") == [(False, False)]
