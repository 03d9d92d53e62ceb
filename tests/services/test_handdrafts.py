"""草稿: the machine leaves what was signed in the 草稿箱, people make it public; nothing that is not signed stays there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.cli.byhand import message_lines, messages_data
from bot.domain.alarms import Kind
from bot.domain.handdraft import AHEAD, Stage
from bot.models import Account, Alarm, AuditEvent, Chore, HandDraft, ManualTask, Release
from bot.rehearsal import RehearsalServer
from bot.services import accounts, clock, documents, handdrafts, manualtasks, reconciling, releases, stops, watching
from bot.services.accounts import channel_of
from bot.services.errors import NotFound, Refused
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
    [alarm] = Alarm.objects.filter(kind=Kind.BY_HAND, subject=f"draft:{draft.pk}")
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
    assert handdrafts._take(draft.pk, now) is not None
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
    assert (draft.status, draft.next_at) == (Stage.PLACED, None)  # what people published is no longer read as a draft


def test_the_book_takes_the_quota_of_the_way_that_was_chosen(office: Office) -> None:
    release, _ = placed(office)
    entered = finish(office, release, mode="mass")
    assert not any(one.over for one in entered)
    assert office.wechat.reservations.filter(mode="mass", released_at__isnull=True).count() == 1


def test_a_person_has_it_read_again_or_put_there_anew(drill: Drill) -> None:
    office = drill.office
    _, draft = placed(office)
    drill.act("wechat", "edit_draft", change={"title": "改过的标题"})
    duty = office.people["releaser"]
    assert handdrafts.look_again(draft, person=duty, now=wall).status is Stage.ALTERED
    again = handdrafts.look_again(draft, person=duty, now=wall, anew=True)
    assert again.status is Stage.PLACED
    [titles] = in_the_box(office)  # the changed one is gone
    assert "改过的标题" not in titles
    acts = AuditEvent.objects.filter(action="manual.draft_asked").order_by("pk")
    assert [event.data["anew"] for event in acts] == [False, True]


def test_who_may_not_post_may_not_put_it_there_and_nobody_of_another_unit(office: Office) -> None:
    _, draft = placed(office)
    with pytest.raises(Refused, match="权限"):
        handdrafts.look_again(draft, person=office.people["editor"], now=wall)
    other = Office.make("town", prefix="t-")
    with pytest.raises(NotFound):
        handdrafts.look_again(draft, person=other.people["releaser"], now=wall)


def test_nothing_is_put_there_for_a_release_that_is_not_signed_or_frozen(office: Office) -> None:
    release, draft = placed(office)
    person = office.people["releaser"]
    stops.freeze(office.unit, person=person, reason="突发", now=wall())
    with pytest.raises(Refused, match="停发"):
        handdrafts.look_again(draft, person=person, now=wall, anew=True)
    _called_off(office, release)
    with pytest.raises(Refused, match="没有有效签发"):
        handdrafts.look_again(draft, person=person, now=wall, anew=True)


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


def test_a_disabled_account_gets_no_draft(office: Office) -> None:
    release = signed(office)
    accounts.disable_account("zghd", reason="交接", actor="test", now=wall())
    work()
    assert "停用" in HandDraft.objects.get(release=release).note


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


def test_a_restored_home_leaves_it_to_people_whether_one_stands_there(office: Office) -> None:
    release, draft = placed(office)
    HandDraft.objects.filter(pk=draft.pk).update(next_at=wall())
    reconciling.reconcile(person=office.people["releaser"], backed_up_at=wall(), sha256="0" * 64, now=wall())
    work(release.instant)
    draft.refresh_from_db()
    assert (draft.status, draft.next_at) == (Stage.ALTERED, None)
    assert len(in_the_box(office)) == 1
