"""草稿: the machine leaves what was signed in the 草稿箱, people make it public; nothing that is not signed stays there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.cli.byhand import message_lines, messages_data
from bot.domain.alarms import Kind
from bot.domain.channel import CheckResult
from bot.domain.handdraft import AHEAD, Stage
from bot.domain.instants import show
from bot.models import Account, AccountCheck, Alarm, AuditEvent, Chore, HandDraft, ManualTask, Release
from bot.rehearsal import RehearsalServer
from bot.services import (
    accounts,
    clock,
    documents,
    handdrafts,
    lookahead,
    manual,
    manualtasks,
    reconciling,
    releases,
    setback,
    stops,
    watching,
)
from bot.services.accounts import channel_of
from bot.services.errors import NotFound, Refused
from bot.services.handdraftplan import look_at_drafts
from bot.services.manualtasks import Standing

from .by_hand import LINK, only_by_hand
from .delivery_drill import Drill, wall
from .factories import Office, article, lifted

MINUTE = timedelta(minutes=1)


@pytest.fixture
def drill(db: None, tmp_path: Path) -> Iterator[Drill]:
    with RehearsalServer(tmp_path / "platforms") as server:
        yield Drill(server, Office.make(api=server.base_url))


@pytest.fixture
def office(drill: Drill) -> Office:
    return drill.office


def planned(office: Office, *, ahead: timedelta = 5 * MINUTE, numbers: tuple[int, ...] = (1, 2)) -> Release:
    now = wall()
    chosen = [office.approved(article(number), now=now) for number in numbers]
    return releases.plan(
        title="", instant=now + ahead, documents=chosen, accounts=office.accounts, modes={"zghd": "draft"},
        person=office.people["editor"], now=now,
    )  # fmt: skip


def signed(office: Office, **how: Any) -> Release:
    return office.signs(planned(office, **how), now=wall())


def work(at: datetime | None = None) -> None:
    handdrafts.work_all(now=lambda: at or wall())


def placed(office: Office, **how: Any) -> tuple[Release, HandDraft]:
    release = signed(office, **how)
    work()
    return release, HandDraft.objects.get(release=release)


def in_the_box(office: Office) -> list[list[str]]:
    """The titles of every draft that stands on the account, by the platform's own word."""
    client = channel_of(office.wechat)._client  # type: ignore[attr-defined]
    found = client.call("/cgi-bin/draft/batchget", {"offset": 0, "count": 20, "no_content": 0})["item"]
    return [[one["title"] for one in item["content"]["news_item"]] for item in found]


def message(office: Office, at: datetime | None = None) -> manualtasks.Message:
    [found] = manualtasks.waiting(office.unit, now=at or wall())
    return found


# --- put there ----------------------------------------------------------------------------------------------


def test_the_release_asks_people_and_the_machine_posts_on_the_other_account_alone(office: Office) -> None:
    release = signed(office)
    assert {push.account for push in release.publications.all()} == {office.weibo}
    assert [task.mode for task in release.manual_tasks.all()] == ["draft", "draft"]
    [entry] = release.manifest["by_hand"]  # type: ignore[index]
    assert entry["mode"] == "draft"


def test_all_articles_stand_in_one_draft_in_the_signed_order_and_nothing_is_public(drill: Drill) -> None:
    office = drill.office
    release, draft = placed(office)
    titles = [task.edition.title for task in release.manual_tasks.order_by("position")]
    assert in_the_box(office) == [titles]
    assert draft.status is Stage.PLACED
    assert draft.checked_at is not None
    assert drill.calls() == drill.effects() == []


def test_it_is_put_there_an_hour_before_and_not_when_it_is_signed(office: Office) -> None:
    release = signed(office, ahead=AHEAD * 3)
    work()
    assert in_the_box(office) == []
    work(release.instant - AHEAD)
    assert len(in_the_box(office)) == 1


def test_the_clock_rings_for_it_as_soon_as_it_is_due(office: Office) -> None:
    signed(office)
    now = wall()
    Chore.objects.exclude(pk="drafts").update(next_at=now + AHEAD)
    jobs = [job for job in clock.tick(now).rings if job.kind == "inspect"]
    for job in jobs:
        clock.perform(job)
    assert len(in_the_box(office)) == 1


def test_shortly_before_the_instant_it_is_read_back_once_more(office: Office) -> None:
    release, draft = placed(office)
    assert draft.next_at == release.instant - MINUTE
    work(draft.next_at)
    draft.refresh_from_db()
    assert (draft.stage, draft.next_at) == (Stage.PLACED, None)
    assert len(in_the_box(office)) == 1


def test_a_draft_that_somebody_changed_is_told_and_no_other_is_made(drill: Drill) -> None:
    release, draft = placed(drill.office)
    drill.act("wechat", "edit_draft", change={"title": "改过的标题"})
    work(release.instant - MINUTE)
    draft.refresh_from_db()
    assert draft.status is Stage.ALTERED
    assert "不要发表" in draft.note
    assert len(in_the_box(drill.office)) == 1
    watching.look(wall() + AHEAD)
    [alarm] = Alarm.objects.filter(kind=Kind.DRAFT, subject=f"draft:{draft.pk}")
    assert alarm.out == "unknown"


def test_a_draft_that_is_gone_may_be_public_and_is_not_made_anew_by_the_machine(drill: Drill) -> None:
    release, draft = placed(drill.office)
    drill.act("wechat", "delete_draft")
    work(release.instant - MINUTE)
    draft.refresh_from_db()
    assert draft.status is Stage.ALTERED
    assert in_the_box(drill.office) == []


def test_a_platform_that_does_not_answer_is_asked_again_and_told_while_it_fails(drill: Drill) -> None:
    drill.arm("wechat", "draft/add", "error", times=2, code=45009)
    _, draft = placed(drill.office)
    assert draft.status is Stage.FAILED
    assert draft.next_at is not None
    assert draft.note
    at = draft.next_at
    work(at)
    draft.refresh_from_db()
    assert draft.faults == 2
    watching.look(at + AHEAD)
    assert Alarm.objects.filter(subject=f"draft:{draft.pk}", out="no", closed_at__isnull=True).exists()
    work(draft.next_at)
    draft.refresh_from_db()
    assert draft.status is Stage.PLACED
    watching.look(at + AHEAD * 2)
    assert not Alarm.objects.filter(subject=f"draft:{draft.pk}", closed_at__isnull=True).exists()


def test_what_stands_there_is_not_called_missing_because_a_read_failed(drill: Drill) -> None:
    release, draft = placed(drill.office)
    drill.arm("wechat", "draft/get", "http_500", times=9)
    work(release.instant - MINUTE)
    draft.refresh_from_db()
    assert draft.status is Stage.PLACED
    assert draft.note
    assert draft.next_at is not None


def test_under_a_freeze_nothing_is_put_there(office: Office) -> None:
    signed(office)
    stops.freeze(office.unit, person=office.people["releaser"], reason="突发", now=wall())
    work()
    assert in_the_box(office) == []


def _freeze(office: Office) -> stops.Stopped:
    return stops.freeze(office.unit, person=office.people["releaser"], reason="突发", now=wall())


def test_a_freeze_says_how_many_drafts_stand_in_the_box_and_that_nobody_is_to_publish_them(office: Office) -> None:
    placed(office)
    answer = _freeze(office)
    assert answer.drafts == 1
    assert "草稿箱里还有 1 份等人公开的草稿" in answer.message
    assert "不要发表" in answer.message
    line = AuditEvent.objects.get(action="unit.freeze_reached")
    assert line.data["answer"] == answer.message


def test_a_freeze_counts_neither_what_was_called_off_nor_what_was_published_nor_what_is_not_there(
    office: Office,
) -> None:
    release, _ = placed(office, numbers=(1,))
    finish(office, release)
    called_off, _ = placed_again(office, 2)
    stops.cancel(called_off, person=office.people["releaser"], reason="内容有误", now=wall())
    signed(office, ahead=AHEAD * 3, numbers=(3,))
    answer = _freeze(office)
    assert answer.drafts == 0
    assert "草稿" not in answer.message


def placed_again(office: Office, number: int) -> tuple[Release, HandDraft]:
    release = signed(office, numbers=(number,))
    work()
    return release, HandDraft.objects.get(release=release, stage=Stage.PLACED)


def test_a_text_that_is_not_the_signed_one_is_not_put_there(office: Office) -> None:
    release = signed(office)
    task = ManualTask.objects.filter(release=release).order_by("position")[0]
    with lifted("manualtask_kept_while_signed"):
        ManualTask.objects.filter(pk=task.pk).update(payload=(task.payload or {}) | {"title": "别的"})
    work()
    assert in_the_box(office) == []
    assert "审计员" in HandDraft.objects.get(release=release).note


def test_two_workers_put_one_draft_there(office: Office) -> None:
    release = signed(office)
    draft = HandDraft.objects.get(release=release)
    now = wall()
    assert handdrafts._take(HandDraft.objects.filter(pk=draft.pk), now) is not None
    handdrafts.work(draft.pk, now=lambda: now)
    assert in_the_box(office) == []
    handdrafts.work(draft.pk, now=lambda: now + handdrafts.LEASE)  # the first one died
    assert len(in_the_box(office)) == 1


# --- taken back ---------------------------------------------------------------------------------------------


def _called_off(office: Office, release: Release) -> None:
    stops.cancel(release, person=office.people["releaser"], reason="内容有误", now=wall())


def _moved(office: Office, release: Release) -> None:
    at = wall() + AHEAD * 2
    releases.reschedule(release, instant=at, person=office.people["releaser"], now=wall())


def _rewritten(office: Office, release: Release) -> None:
    documents.save_article(article(1, title="改了标题"), person=office.people["editor"], now=wall())


def _dropped(office: Office, release: Release) -> None:
    tasks = manualtasks.find_message(release.pk, "zghd", 0, unit=office.unit)
    manualtasks.drop(tasks, reason="不发了", person=office.people["releaser"], now=wall())


@pytest.mark.parametrize("how", [_called_off, _moved, _rewritten, _dropped])
def test_what_is_not_to_be_posted_any_more_is_taken_out_of_the_box(office: Office, how: Any) -> None:
    release, draft = placed(office)
    how(office, release)
    work()
    draft.refresh_from_db()
    assert in_the_box(office) == []
    assert (draft.status, draft.next_at) == (Stage.TAKEN_BACK, None)


def test_another_signature_brings_another_draft(office: Office) -> None:
    release, _ = placed(office)
    _moved(office, release)
    office.signs(Release.objects.get(pk=release.pk), now=wall())
    work()
    release.refresh_from_db()
    work(release.instant - AHEAD)
    assert len(in_the_box(office)) == 1
    assert list(HandDraft.objects.order_by("pk").values_list("stage", flat=True)) == [Stage.TAKEN_BACK, Stage.PLACED]


def test_a_draft_that_cannot_be_taken_back_is_tried_again_and_then_left_to_a_person(drill: Drill) -> None:
    release, draft = placed(drill.office)
    _called_off(drill.office, release)
    drill.arm("wechat", "draft/delete", "error", times=99, code=45009)
    at = wall()
    for _ in range(20):
        work(at)
        at += 3 * MINUTE
    draft.refresh_from_db()
    assert (draft.status, draft.next_at) == (Stage.LEFT_OVER, None)
    assert "不要发表" in draft.note
    watching.look(at)
    assert Alarm.objects.filter(subject=f"draft:{draft.pk}", closed_at__isnull=True).exists()


def test_what_was_never_put_there_needs_no_call_to_be_taken_back(drill: Drill) -> None:
    release = signed(drill.office, ahead=AHEAD * 3)
    _called_off(drill.office, release)
    work()
    assert HandDraft.objects.get(release=release).status is Stage.TAKEN_BACK
    assert drill.calls("draft/delete", "draft/add") == []


# --- looked ahead -------------------------------------------------------------------------------------------


def foreseen() -> dict[str, CheckResult]:
    """What the look ahead tells of the releases, by code."""
    return {result.code: result for result in lookahead.releases_ahead(wall())}


def test_a_draft_in_order_is_told_with_when_it_is_put_there(office: Office) -> None:
    release = signed(office, ahead=AHEAD * 3)
    found = foreseen()
    assert found["by_hand"].ok
    assert f"系统 {show(release.instant - AHEAD)} 起把 2 篇放进草稿箱" in found["by_hand"].message
    assert "没有发现会拦住它的问题" in found["release"].message


def test_an_account_that_is_disabled_or_frozen_is_foreseen(office: Office) -> None:
    signed(office, ahead=AHEAD * 3)
    accounts.disable_account("zghd", reason="交接", actor="test", now=wall())
    stops.freeze(office.unit, person=office.people["releaser"], reason="突发", now=wall())
    told = [one.message for one in lookahead.releases_ahead(wall()) if not one.ok and "中国河东" in one.name]
    assert any("已停用（交接）" in words for words in told)
    assert any("一键停发" in words for words in told)
    assert "release" not in foreseen()  # nobody reads that nothing would stop it


def test_an_account_that_is_disabled_is_foreseen_before_the_signature(office: Office) -> None:
    planned(office, ahead=AHEAD * 3)
    accounts.disable_account("zghd", reason="交接", actor="test", now=wall())
    assert "已停用（交接）" in foreseen()["enabled"].message


def test_a_credential_that_is_gone_or_that_no_key_opens_is_foreseen(office: Office) -> None:
    signed(office, ahead=AHEAD * 3)
    secrets = office.wechat.credentials.filter(name="app_secret")
    secrets.update(ciphertext=b"not a secret")
    assert not foreseen()["token"].ok
    secrets.delete()
    assert "缺少凭据：AppSecret" in foreseen()["token"].message
    assert "请系统管理员" in foreseen()["token"].remedy


def test_what_the_last_examination_of_the_account_found_is_told_as_a_warning(office: Office) -> None:
    signed(office, ahead=AHEAD * 3)
    line = {"name": "IP 白名单", "ok": False, "message": "本机地址不在白名单里。", "code": "ip", "remedy": ""}
    AccountCheck.objects.create(
        account=office.wechat, at=wall(), person=office.people["releaser"], ok=False, lines=[line]
    )
    assert foreseen()["ip"].warning
    assert "本机地址不在白名单里" in foreseen()["ip"].message


@pytest.mark.parametrize("stage", [Stage.FAILED, Stage.ALTERED, Stage.LEFT_OVER])
def test_a_draft_that_a_person_must_see_to_is_foreseen_with_its_note(office: Office, stage: Stage) -> None:
    signed(office, ahead=AHEAD * 3)
    HandDraft.objects.update(stage=stage, note="平台没有回答。", faults=2)
    found = foreseen()["draft"]
    assert not found.ok
    assert found.message == f"{stage.label}。平台没有回答。"
    assert "请值班员" in found.remedy


def test_a_draft_that_was_published_is_no_trouble_any_more(office: Office) -> None:
    release, _ = placed(office)
    HandDraft.objects.update(stage=Stage.ALTERED, note="草稿不在了。")
    assert "draft" in foreseen()
    finish(office, release)
    assert "draft" not in foreseen()


def test_where_people_alone_post_it_says_so(office: Office) -> None:
    only_by_hand(office, office.wechat, now=wall())
    document = office.approved(article(1), now=wall())
    now = wall()
    made = releases.plan(
        title="", instant=now + AHEAD, documents=[document], accounts=[office.wechat], person=office.people["editor"],
        now=now,
    )  # fmt: skip
    office.signs(made, now=wall())
    found = foreseen()["by_hand"]
    assert (found.ok, found.warning) == (True, False)
    assert "1 篇到时由人手工发布（未认证，没有发布接口权限），系统不代发" in found.message


# --- what people do -----------------------------------------------------------------------------------------


def test_people_are_told_where_the_draft_stands_beside_the_text(office: Office) -> None:
    release, draft = placed(office)
    found = message(office, release.instant)
    assert (found.standing, found.draft) == (Standing.DUE, draft)


def test_commands_tell_it_too(drill: Drill) -> None:
    release, _ = placed(drill.office)
    [told] = messages_data(release)
    assert (told["mode"], told["draft"]["stage"], told["draft"]["note"]) == ("draft", "placed", "")
    assert "已在草稿箱，核对一致" in message_lines(release)[0]


def test_commands_call_a_draft_a_draft_before_it_is_signed(office: Office) -> None:
    release = planned(office)
    [told] = messages_data(release)
    assert (told["mode"], told["draft"]) == ("draft", None)
    assert message_lines(release)[0].endswith("系统放草稿，由人公开（签发后才放）")


def test_what_is_due_and_not_entered_is_an_alarm_that_speaks_of_the_draft(office: Office) -> None:
    release, _ = placed(office)
    manualtasks.remind(now=release.instant + MINUTE)
    [alarm] = Alarm.objects.filter(kind=Kind.BY_HAND)
    assert "草稿由人在平台后台发表" in alarm.message


def finish(office: Office, release: Release, **changes: Any) -> list[Any]:
    tasks = manualtasks.find_message(release.pk, "zghd", 0, unit=office.unit)
    given: dict[str, Any] = {
        "urls": [LINK.format(task.pk) for task in tasks], "posted_at": release.instant, "mode": "mass",
        "posted_by": office.people["releaser"], "person": office.people["releaser"], "now": release.instant + MINUTE,
    }  # fmt: skip
    return manualtasks.finish(tasks, **given | changes)


def test_whoever_enters_the_addresses_says_how_it_was_made_public(office: Office) -> None:
    release, draft = placed(office)
    with pytest.raises(Refused, match="怎样公开"):
        finish(office, release, mode="")
    with pytest.raises(Refused, match="没有发布方式"):
        finish(office, release, mode="draft")
    entered = finish(office, release, mode="publish")
    assert {one.post.mode for one in entered} == {"publish"}
    work(release.instant + 2 * MINUTE)
    draft.refresh_from_db()
    assert (draft.status, draft.next_at) == (Stage.TAKEN_BACK, None)
    assert in_the_box(office) == []  # whatever of it still lay there would be a second post


def test_the_book_takes_the_quota_of_the_way_that_was_chosen(office: Office) -> None:
    release, _ = placed(office)
    entered = finish(office, release, mode="mass")
    assert not any(one.over for one in entered)
    assert office.wechat.reservations.filter(mode="mass", released_at__isnull=True).count() == 1


def asked(draft: HandDraft, office: Office, *, anew: bool = False, who: str = "releaser") -> HandDraft:
    """By a person who has just looked at the page."""
    draft.refresh_from_db()
    return handdrafts.look_again(draft, seen=draft.fence, person=office.people[who], now=wall, anew=anew)


def test_a_person_has_it_read_again_or_put_there_anew(drill: Drill) -> None:
    office = drill.office
    _, draft = placed(office)
    drill.act("wechat", "edit_draft", change={"title": "改过的标题"})
    assert asked(draft, office).status is Stage.ALTERED
    again = asked(draft, office, anew=True)
    assert again.status is Stage.PLACED
    [titles] = in_the_box(office)  # the changed one is gone
    assert "改过的标题" not in titles
    acts = AuditEvent.objects.filter(action="manual.draft_asked").order_by("pk")
    assert [event.data["anew"] for event in acts] == [False, True]


def test_whoever_looked_at_an_older_page_decides_nothing(drill: Drill) -> None:
    """It may have been put there, and published, since."""
    office = drill.office
    drill.arm("wechat", "draft/add", "error", times=1, code=45009)
    _, draft = placed(office)
    seen = draft.fence
    work(draft.next_at)
    with pytest.raises(Refused, match=r"刚刚变了|没有重新放入"):
        handdrafts.look_again(draft, seen=seen, person=office.people["releaser"], now=wall, anew=True)
    assert len(in_the_box(office)) == 1


def test_a_draft_that_stands_is_not_put_there_anew_and_one_that_is_not_yet_there_not_read(office: Office) -> None:
    _, draft = placed(office)
    with pytest.raises(Refused, match="没有重新放入"):
        asked(draft, office, anew=True)
    later = signed(office, ahead=AHEAD * 3, numbers=(3,))
    with pytest.raises(Refused, match="没有可核对的"):
        asked(HandDraft.objects.get(release=later), office)
    assert len(in_the_box(office)) == 1


def test_one_that_a_person_published_is_not_made_anew_because_a_later_read_fails(drill: Drill) -> None:
    office = drill.office
    release, draft = placed(office)
    drill.act("wechat", "delete_draft")  # published in the console: it is not in the box any more
    assert asked(draft, office).status is Stage.ALTERED
    drill.arm("wechat", "draft/get", "http_500", times=9)
    assert asked(draft, office).status is Stage.ALTERED
    work(release.instant)
    work(release.instant + MINUTE)
    assert in_the_box(office) == []


def test_an_old_draft_that_cannot_be_deleted_when_another_is_put_there_is_told(drill: Drill) -> None:
    office = drill.office
    _, draft = placed(office)
    drill.act("wechat", "edit_draft", change={"title": "改过的标题"})
    assert asked(draft, office).status is Stage.ALTERED
    drill.arm("wechat", "draft/delete", "error", times=99, code=45009)
    again = asked(draft, office, anew=True)
    assert "旧的" in again.note
    assert again.left
    assert again.unsure
    handdrafts.remind(now=wall())
    assert Alarm.objects.filter(kind=Kind.DRAFT, closed_at__isnull=True).exists()


def test_a_draft_whose_read_back_failed_is_known_and_no_second_one_is_made(drill: Drill) -> None:
    office = drill.office
    drill.arm("wechat", "draft/get", "http_500", times=30)
    release, draft = placed(office)
    assert (draft.status, bool(draft.staged)) == (Stage.UNCHECKED, True)
    work(draft.next_at)
    assert len(in_the_box(office)) == 1
    _called_off(office, release)
    work(release.instant)
    assert in_the_box(office) == []


def test_a_draft_that_reads_back_otherwise_is_known_to_stand_there(drill: Drill) -> None:
    office = drill.office
    drill.arm("wechat", "draft/add", "act", action="edit_draft", args={"change": {"title": "平台改过的"}})
    release, draft = placed(office)
    assert (draft.status, draft.next_at) == (Stage.ALTERED, None)
    assert draft.staged
    _called_off(office, release)
    work()
    assert in_the_box(office) == []


def test_what_is_called_off_while_a_worker_is_at_it_does_not_stay(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = signed(office)
    real = handdrafts.channel_of

    def meanwhile(account: Account, *, mode: str = "") -> Any:
        if not Release.objects.get(pk=release.pk).cancelled_at:
            _called_off(office, release)
        return real(account, mode=mode)

    monkeypatch.setattr(handdrafts, "channel_of", meanwhile)
    work()
    monkeypatch.undo()
    draft = HandDraft.objects.get(release=release)
    assert draft.status is Stage.LEAVING
    assert [one.pk for one in handdrafts.going(office.unit)] == [draft.pk]
    work(wall() + MINUTE)
    assert in_the_box(office) == []


def test_whoever_lost_the_row_takes_back_what_they_made(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    release = signed(office)
    real = handdrafts.channel_of

    def slow(account: Account, *, mode: str = "") -> Any:
        HandDraft.objects.filter(release=release).update(fence=99)  # its lease ended, another worker has it
        return real(account, mode=mode)

    monkeypatch.setattr(handdrafts, "channel_of", slow)
    work()
    assert in_the_box(office) == []


def test_an_entry_that_was_an_error_has_it_put_there_again(office: Office) -> None:
    release, draft = placed(office)
    entered = finish(office, release)
    work(release.instant + 2 * MINUTE)
    assert in_the_box(office) == []
    for one in entered:
        manual.void(one.post, reason="登记错了", person=office.people["releaser"], now=release.instant + 3 * MINUTE)
    work(release.instant + 4 * MINUTE)
    draft.refresh_from_db()
    assert draft.status is Stage.PLACED


def test_one_message_that_is_called_off_brings_no_other_before_its_time(office: Office) -> None:
    numbers = tuple(range(1, 10))  # nine articles: two messages
    release = signed(office, ahead=AHEAD * 3, numbers=numbers)
    tasks = manualtasks.find_message(release.pk, "zghd", 1, unit=office.unit)
    manualtasks.drop(tasks, reason="不发了", person=office.people["releaser"], now=wall())
    work()
    assert in_the_box(office) == []


def test_long_after_the_instant_nothing_is_put_there_by_itself(office: Office) -> None:
    release = signed(office)
    work(release.instant + AHEAD)
    draft = HandDraft.objects.get(release=release)
    assert in_the_box(office) == []
    assert (draft.status, draft.next_at) == (Stage.FAILED, None)
    assert "太久" in draft.note


def test_what_nobody_has_put_there_is_told(office: Office) -> None:
    release = signed(office)
    handdrafts.remind(now=release.signed_at + MINUTE)  # type: ignore[operator]
    assert not Alarm.objects.filter(kind=Kind.DRAFT).exists()
    handdrafts.remind(now=release.signed_at + 11 * MINUTE)  # type: ignore[operator]
    assert Alarm.objects.filter(kind=Kind.DRAFT, out="no").exists()


def test_what_a_person_deleted_by_hand_is_entered_and_the_alarm_ends(drill: Drill) -> None:
    office = drill.office
    release, draft = placed(office)
    _called_off(office, release)
    drill.arm("wechat", "draft/delete", "error", times=99, code=45009)
    at = wall()
    for _ in range(20):
        work(at)
        at += 3 * MINUTE
    draft.refresh_from_db()
    handdrafts.remind(now=at)
    handdrafts.gone(draft, seen=draft.fence, person=office.people["releaser"], now=at)
    handdrafts.remind(now=at)
    assert not Alarm.objects.filter(kind=Kind.DRAFT, closed_at__isnull=True).exists()
    assert AuditEvent.objects.filter(action="manual.draft_gone").count() == 1
    assert handdrafts.going(office.unit) == []


def test_who_may_not_post_may_not_put_it_there_and_nobody_of_another_unit(office: Office) -> None:
    _, draft = placed(office)
    with pytest.raises(Refused, match="权限"):
        asked(draft, office, who="editor")
    other = Office.make("town", prefix="t-")
    with pytest.raises(NotFound):
        handdrafts.look_again(draft, seen=draft.fence, person=other.people["releaser"], now=wall)


def test_nothing_is_put_there_for_a_release_that_is_not_signed_or_frozen(office: Office) -> None:
    release, draft = placed(office)
    stops.freeze(office.unit, person=office.people["releaser"], reason="突发", now=wall())
    with pytest.raises(Refused, match="停发"):
        asked(draft, office)
    _called_off(office, release)
    with pytest.raises(Refused, match="没有有效签发"):
        asked(draft, office)


# --- where it cannot be ---------------------------------------------------------------------------------------


def test_on_an_account_that_only_people_open_there_is_no_draft_to_be_had(office: Office) -> None:
    only_by_hand(office, office.wechat, now=wall())
    with pytest.raises(Refused, match="不能存草稿"):
        planned(office)


def test_an_account_that_people_took_over_meanwhile_is_not_signed_for(office: Office) -> None:
    release = planned(office)
    only_by_hand(office, office.wechat, now=wall())
    with pytest.raises(Refused, match="草稿箱"):
        office.signs(release, now=wall())


@pytest.mark.parametrize("there", [False, True])
def test_a_disabled_account_keeps_no_draft(office: Office, there: bool) -> None:
    release = placed(office)[0] if there else signed(office)
    accounts.disable_account("zghd", reason="交接", actor="test", now=wall())
    work()
    draft = HandDraft.objects.get(release=release)
    assert in_the_box(office) == []
    assert "停用" in draft.note
    accounts.enable_account("zghd", actor="test", now=wall())
    assert asked(draft, office, anew=True).status is Stage.PLACED


def test_while_a_draft_stands_its_account_is_not_led_elsewhere(office: Office) -> None:
    placed(office)
    with pytest.raises(Refused, match="没有办完的发布单"):
        accounts.require_idle(office.wechat, ["options"])


def test_weibo_has_no_drafts(office: Office) -> None:
    with pytest.raises(Refused, match="没有发布方式"):
        releases.plan(
            title="", instant=wall() + AHEAD, documents=[office.approved(article(9))], accounts=[office.weibo],
            modes={"lyhd": "draft"}, person=office.people["editor"], now=wall(),
        )  # fmt: skip


def test_an_account_may_have_it_as_its_own_way(office: Office) -> None:
    Account.objects.filter(pk=office.wechat.pk).update(mode="draft")
    office.wechat.refresh_from_db()
    assert all(line.ok for line in channel_of(office.wechat).preflight())


@pytest.mark.parametrize("there", [False, True])
def test_a_restored_home_leaves_it_to_people_whether_one_stands_there(office: Office, there: bool) -> None:
    release = placed(office)[0] if there else signed(office)
    told = reconciling.reconcile(person=office.people["releaser"], backed_up_at=wall(), sha256="0" * 64, now=wall())
    assert (told.drafts, "草稿箱" in told.message) == (1, True)
    stops.unfreeze(office.unit, person=office.people["releaser"], now=wall())
    draft = HandDraft.objects.get(release=release)
    assert (draft.status, draft.next_at) == (Stage.ALTERED, None)
    look_at_drafts(release.pk, now=wall())
    work()
    asked(draft, office)
    assert len(in_the_box(office)) == int(there)  # a look makes none


def test_what_was_not_signed_any_more_is_for_a_person_to_delete_after_a_restore(office: Office) -> None:
    release, draft = placed(office)
    _called_off(office, release)
    reconciling.reconcile(person=office.people["releaser"], backed_up_at=wall(), sha256="0" * 64, now=wall())
    draft.refresh_from_db()
    assert draft.status is Stage.LEFT_OVER
    assert "不要发表" in draft.note


def test_a_clock_that_was_ahead_puts_no_draft_off(office: Office) -> None:
    release = signed(office)
    HandDraft.objects.filter(release=release).update(next_at=wall() + AHEAD * 9, lease_until=wall() + AHEAD * 9)
    setback.pull_back(now=wall())
    work(wall() + MINUTE)
    assert len(in_the_box(office)) == 1
