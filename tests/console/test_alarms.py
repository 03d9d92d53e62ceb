"""警报 and 预检 on the pages: seen, read, asked for again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from bot.console import alarms as pages
from bot.domain.alarms import Kind, Out
from bot.models import Alarm, AlarmNotice, AuditEvent, Preflight
from bot.services import alarming, audit, story

from .world import District, attempt, now, put

Login = Callable[[str], Client]


def page(client: Client, address: str = "/") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def raised(district: District, kind: Kind = Kind.DISK, **more: object) -> Alarm:
    call = alarming.Call(kind, f"subject:{kind}", Out.NONE, "剩余 3 MB。", unit=district.unit.pk, **more)  # type: ignore[arg-type]
    return alarming.raise_all([call], now=now())[0]


def test_every_kind_is_shown_by_colour_icon_and_word(district: District, as_: Login) -> None:
    for kind in Kind:
        raised(district, kind)
    shown = page(as_("duty"))
    for kind in Kind:
        tone, icon = pages.LOOKS[kind]
        assert kind.label in shown
        assert f"tone-{tone}" in shown
        assert f"icons.svg#{icon}" in shown


def test_the_most_urgent_is_first_and_the_count_is_in_the_header_of_every_page(district: District, as_: Login) -> None:
    raised(district, Kind.DISK)
    raised(district, Kind.UNKNOWN)
    release = district.planned()
    shown = page(as_("duty"))
    assert shown.index("结果不明") < shown.index("磁盘将满")
    for address in ("/", f"/releases/{release.pk}"):
        assert '2<span class="sr"> 条未阅警报' in page(as_("duty"), address)


def test_an_alarm_is_read_with_one_button_and_by_whom_is_shown(district: District, as_: Login) -> None:
    alarm = raised(district)
    client = as_("duty")
    assert f'action="/alarms/{alarm.pk}/read"' in page(client)
    answer = client.post(f"/alarms/{alarm.pk}/read", {"back": "/"}, follow=True).content.decode()
    assert "已登记" in answer
    shown = page(client)
    assert "周值" in shown.split('id="alarms"')[1]
    assert "条未阅警报" not in shown
    again = client.post(f"/alarms/{alarm.pk}/read", follow=True).content.decode()
    assert "已由周值阅过" in again


def test_the_way_back_never_leads_elsewhere(district: District, as_: Login) -> None:
    alarm = raised(district)
    answer = as_("duty").post(f"/alarms/{alarm.pk}/read", {"back": "https://evil.example/"})
    assert answer.headers["Location"] == "/"


def test_reading_needs_a_role_and_the_own_unit_and_is_a_post(district: District, as_: Login) -> None:
    alarm = raised(district)
    assert as_("editor").post(f"/alarms/{alarm.pk}/read").status_code == 403
    assert f"/alarms/{alarm.pk}/read" not in page(as_("editor"))
    assert as_("duty").get(f"/alarms/{alarm.pk}/read").status_code == 405
    other = District.make("luozhuang", "罗庄区政府办公室")
    foreign = raised(other, Kind.MISSED)
    assert as_("duty").post(f"/alarms/{foreign.pk}/read").status_code == 404
    alarm.refresh_from_db()
    assert alarm.read_at is None


def test_with_none_the_desk_says_so(district: District, as_: Login) -> None:
    assert "没有未了结的警报" in page(as_("duty"))


# --- the whole story of a release ------------------------------------------------------------------------------


def test_a_release_tells_its_alarms_who_was_told_and_who_read_them(district: District, as_: Login) -> None:
    release = district.signed()
    alarm = raised(district, Kind.SPLIT, release=release.pk)
    notice = AlarmNotice.objects.create(
        ring=1, target="值班群", kind="wecom", created_at=now(), state="sent", sent_at=now()
    )
    notice.alarms.add(alarm)
    alarming.read(alarm, person=district.people["duty"], now=now())
    alarming.close(Kind.SPLIT, [alarm.subject], why="没有一半公开的情况了", now=now())
    shown = page(as_("editor"), f"/releases/{release.pk}")
    for words in ("发布单部分公开", "值班群", "已送达", "周值", "没有一半公开的情况了"):
        assert words in shown


def test_pre_flights_are_listed_with_what_failed_and_its_remedy(district: District, as_: Login) -> None:
    release = district.signed()
    client = as_("duty")
    answer = client.post(f"/releases/{release.pk}/check", follow=True).content.decode()
    assert "还有未过的项目" in answer  # nothing listens at the accounts' addresses
    shown = page(client, f"/releases/{release.pk}").split('id="preflights"')[1]
    assert "周值要求" in shown
    assert "系统管理员" in shown
    assert "签发有效" in shown
    assert Preflight.objects.filter(kind="asked", state="done").count() == 2


def test_asking_again_is_offered_only_while_something_waits(district: District, as_: Login) -> None:
    release = district.signed()
    assert "再查一次" in page(as_("duty"), f"/releases/{release.pk}")
    for publication in release.publications.all():
        put(publication, "live")
    assert "再查一次" not in page(as_("duty"), f"/releases/{release.pk}")
    assert "不需要预检" in as_("duty").post(f"/releases/{release.pk}/check", follow=True).content.decode()


def test_looks_and_what_is_public_now_are_told_in_words(district: District, as_: Login) -> None:
    from bot.domain.channel import Absent

    release = district.signed()
    publication = release.publications.get(account=district.accounts[1])
    attempt(publication, outcome="unknown", code="no_answer", message="没有收到应答。", answer='{"x": 1}')
    put(publication, "unknown")
    story.note_look(publication, Absent("这一次没有查到。"), now=now())
    shown = page(as_("duty"), f"/releases/{release.pk}")
    assert "是否公开不明，正在核对" in shown
    assert "核对 1" in shown
    assert "一次查不到不能证明没有发出" in shown
    assert "platform.looked" not in shown


def test_raw_answers_are_whole_behind_a_fold_and_never_cut_into_a_sentence(district: District, as_: Login) -> None:
    release = district.signed()
    publication = release.publications.get(account=district.accounts[0])
    raw = '{"errcode":0,"filler":"' + "x" * 900 + '","end":"the-end"}'
    attempt(publication, outcome="accepted", answer=raw)
    audit.append(
        "系统", "platform.answered", f"publication:{publication.pk}",
        {"attempt": 1, "verdict": "Pending", "status": 200, "answer": raw[:500]}, now=now(),
    )  # fmt: skip
    shown = page(as_("duty"), f"/releases/{release.pk}")
    assert "平台对第 1 次请求的答复是“已受理”" in shown
    assert shown.count("errcode") == 1
    assert "the-end" in shown
    assert '<details class="raw">' in shown


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("planned", "没有公开。"), ("held", "没有公开。"), ("missed", "没有公开。"), ("confirming", "正在核对是否公开"),
        ("gone", "已被平台或他人删除"), ("withdrawn", "已撤回"), ("live", "已公开 1 篇"),
    ],
)  # fmt: skip
def test_what_is_public_is_one_sentence(state: str, words: str, district: District, as_: Login) -> None:
    release = district.signed()
    put(release.publications.all()[0], state)
    assert words in page(as_("duty"), f"/releases/{release.pk}")


def test_every_line_that_the_watch_writes_reads_as_a_sentence(district: District, as_: Login) -> None:
    release = district.signed()
    alarm = raised(district, Kind.PREFLIGHT, release=release.pk)
    alarming.read(alarm, person=district.people["duty"], now=now())
    alarming.close(Kind.PREFLIGHT, [alarm.subject], why="已通过", now=now() + timedelta(seconds=1))
    as_("duty").post(f"/releases/{release.pk}/check")
    shown = page(as_("duty"), f"/releases/{release.pk}").split('id="trail"')[1]
    for event in AuditEvent.objects.filter(subject=f"release:{release.pk}"):
        assert event.action not in shown
    assert "已阅警报“预检未过”" in shown
