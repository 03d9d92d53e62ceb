"""A release is asked for, never signed: what a person must do stands in the answer."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.instants import beijing_date
from bot.domain.rights import Right
from bot.models import Account, HandDraft, ManualCount, ManualPost, ManualSample, Publication, Release
from bot.services import manual, manualtasks, releases
from bot.services.manualentry import Entry
from tests.console.world import ARTICLES, District, now, put

from .machine import PAIR, Machine, problem, told

PAGE = "https://www.hedong.gov.cn/a/50.html"


def ahead(**span: float) -> str:
    return (now() + timedelta(**span)).isoformat()


def wish(*documents: str, **more: Any) -> dict[str, Any]:
    return {"instant": ahead(hours=2), "documents": list(documents or ["HD-1"]), **more}


@pytest.fixture
def approved(district: District) -> District:
    district.approved()
    return district


def test_a_release_is_composed_and_waits_for_its_signature(machine: Machine, approved: District) -> None:
    answer = told(machine.post("/releases", wish()), 201)
    assert (answer["signed"], answer["sync"], answer["gate"], answer["warnings"]) == (False, "at_time", None, [])
    assert [(push["account"], push["state"]) for push in answer["publications"]] == [
        ("wx", "planned"),
        ("wb", "planned"),
    ]
    (pending,) = answer["pending"]
    assert (pending["what"], pending["roles"]) == ("signature", ["releaser"])
    assert datetime.fromisoformat(pending["until"]) < datetime.fromisoformat(answer["instant"])
    release = Release.objects.get()
    assert (release.pk, release.created_by.username, release.signed_at) == (answer["id"], "editor", None)


def test_where_the_days_mass_message_is_used_up_the_answer_warns_with_the_next_date(
    machine: Machine, district: District
) -> None:
    district.signed()
    district.approved(ARTICLES[1])
    answer = told(machine.post("/releases", wish("HD-2", instant=ahead(minutes=40))), 201)
    (words,) = answer["warnings"]
    assert "账号“中国河东”当日的群发额度（1 次）已用完" in words
    assert "最近可用的日期是" in words


def test_the_whole_way_of_a_policy_with_its_interpretation(machine: Machine, district: District) -> None:
    """Handed in together, submitted; people review; a release is asked for that waits for the page; a person signs."""
    told(machine.put("/documents/HD-50", PAIR), 201)
    for number in ("HD-50", "HD-51"):
        told(machine.post("/submissions", {"document": number}))
    problem(machine.post("/releases", wish("HD-50")), 409, "not_approved")
    people_pass(district, "HD-50", "HD-51")
    sync = {"kind": "after_live", "url": PAGE, "wait_seconds": 300, "then": "hold"}
    asked = told(machine.post("/releases", wish("HD-50", sync=sync)), 201)
    assert asked["gate"]["title"] == PAIR["title"]
    assert [item["document"] for item in asked["publications"][0]["items"]] == ["HD-50", "HD-51"]
    releases.sign(Release.objects.get(), person=district.people["releaser"], now=now())
    signed = told(machine.get(f"/releases/{asked['id']}"))
    assert (signed["signed"], signed["pending"], signed["gate"]["state"]) == (True, [], "shut")


def people_pass(district: District, *numbers: str) -> None:
    from bot.domain.workflow import Verdict
    from bot.services import documents, editorial

    for number in numbers:
        document = documents.find_document(number, unit=district.unit)
        for step in ("first", "second", "final"):
            editorial.review(document, person=district.people[step], verdict=Verdict.PASS, now=now())


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"instant": "2026-12-01T09:00:00"}, 422, "schema"),
        ({"instant": 1764550800}, 422, "schema"),
        ({"instant": "2020-01-01T09:00:00+08:00"}, 409, "past"),
        ({"documents": []}, 422, "schema"),
        ({"documents": ["HD-9"]}, 404, "not_found"),
        ({"accounts": ["nobody"]}, 404, "not_found"),
        ({"accounts": ["wx"], "modes": {"wb": "share"}}, 409, "mode"),
        ({"modes": {"wx": "carrier-pigeon"}}, 409, "mode"),
        ({"sync": {"kind": "after_live", "url": "https://example.com/x"}}, 409, "portal"),
        ({"sync": {"kind": "after_live", "url": PAGE, "title": "短"}}, 409, "sync"),
        ({"sync": {"kind": "after_live", "url": PAGE, "wait_seconds": "600"}}, 422, "schema"),
        ({"sync": {"kind": "whenever"}}, 422, "schema"),
        ({"signed": True}, 422, "schema"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_nothing_is_left_of_it(
    machine: Machine, approved: District, changed: dict[str, Any], status: int, code: str
) -> None:
    problem(machine.post("/releases", wish(**changed)), status, code)
    assert not Release.objects.exists()


def test_one_edition_goes_to_an_account_once(machine: Machine, approved: District) -> None:
    told(machine.post("/releases", wish(accounts=["wx"])), 201)
    problem(machine.post("/releases", wish(accounts=["wx"])), 409, "once")
    assert Release.objects.count() == 1


def test_the_person_behind_the_token_needs_the_role_as_on_the_pages(district: District) -> None:
    reviewer = Machine.of(district, Right.RELEASES_PLAN, person="first")
    district.approved()
    problem(reviewer.post("/releases", wish()), 403, "role")


def test_what_went_out_is_told_with_link_and_lateness(machine: Machine, district: District) -> None:
    release = district.signed()
    for push in Publication.objects.all():
        put(push, "live")
    found = told(machine.get(f"/releases/{release.pk}"))
    assert [push["state"] for push in found["publications"]] == ["live", "live"]
    first = found["publications"][0]
    assert (first["late_ms"], first["items"][0]["url"]) == (12.0, "https://mp.weixin.qq.com/s/abc")


def test_what_is_stuck_names_a_person(machine: Machine, district: District) -> None:
    release = district.signed()
    push = Publication.objects.order_by("pk")[0]
    put(push, "needs_person", reason="平台没有给出结果。")
    (pending,) = told(machine.get(f"/releases/{release.pk}"))["pending"]
    assert (pending["what"], pending["publication"]) == ("decision", push.pk)
    assert "平台没有给出结果" in pending["message"]


def test_the_list_is_read_page_by_page_the_newest_first(machine: Machine, district: District) -> None:
    made = [district.planned(article).pk for article in ARTICLES]
    first = told(machine.get("/releases", limit=2))
    assert [one["id"] for one in first["releases"]] == made[:0:-1]
    rest = told(machine.get("/releases", limit=2, before=first["next"]))
    assert ([one["id"] for one in rest["releases"]], rest["next"]) == (made[:1], None)


def test_a_page_of_many_asks_no_more_questions_than_one_of_few(
    machine: Machine, district: District, django_assert_max_num_queries: Any
) -> None:
    district.planned(ARTICLES[0])
    machine.get("/releases")
    with django_assert_max_num_queries(6):
        told(machine.get("/releases"))
    for article in ARTICLES[1:]:
        district.planned(article)
    with django_assert_max_num_queries(6):
        assert len(told(machine.get("/releases"))["releases"]) == 3


# --- what people post -----------------------------------------------------------------------------------------


def drafting(district: District) -> None:
    """From now on the machine leaves drafts on the 公众号, for people."""
    Account.objects.filter(slug="wx").update(mode="draft")
    district.accounts[0].refresh_from_db()


def test_what_people_post_alone_waits_for_its_signature_too(machine: Machine, approved: District) -> None:
    drafting(approved)
    answer = told(machine.post("/releases", wish(accounts=["wx"])), 201)
    assert answer["publications"] == []
    assert [one["what"] for one in answer["pending"]] == ["signature"]
    [message] = answer["by_hand"]
    assert (message["account"], message["mode"], message["standing"], message["draft"]) == (
        "wx", "draft", "unsigned", None,
    )  # fmt: skip
    assert [(task["document"], task["url"]) for task in message["tasks"]] == [("HD-1", None)]


def test_a_task_of_a_superseded_edition_says_that_it_cannot_be_signed(machine: Machine, approved: District) -> None:
    drafting(approved)
    asked = told(machine.post("/releases", wish(accounts=["wx"])), 201)
    approved.document(dataclasses.replace(ARTICLES[0], title="改了标题的通知公告"))
    (pending,) = told(machine.get(f"/releases/{asked['id']}"))["pending"]
    assert "已有新版本，签发不了" in pending["message"]


def test_it_tells_where_the_draft_stands_and_the_address_that_was_entered(machine: Machine, district: District) -> None:
    drafting(district)
    release = district.signed(*ARTICLES[:2])
    HandDraft.objects.update(stage="failed", note="平台没有回答。")
    found = told(machine.get(f"/releases/{release.pk}"))
    [message] = found["by_hand"]
    assert (found["pending"], message["standing"]) == ([], "ahead")
    assert message["draft"] == {"stage": "failed", "label": "没有放进草稿箱", "note": "平台没有回答。"}
    tasks, duty = manualtasks.find_message(release.pk, "wx", 0, unit=district.unit), district.people["duty"]
    links = [f"https://mp.weixin.qq.com/s/AbCdEfGh{task.pk}" for task in tasks]
    at = now().replace(second=0, microsecond=0)
    manualtasks.finish(tasks, urls=links, posted_at=at, posted_by=duty, person=duty, now=now(), mode="publish")
    [message] = told(machine.get(f"/releases/{release.pk}"))["by_hand"]
    assert [task["url"] for task in message["tasks"]] == links
    assert [datetime.fromisoformat(task["posted_at"]) for task in message["tasks"]] == [at, at]


def test_a_page_of_many_with_tasks_asks_no_more_questions_than_one_of_few(
    machine: Machine, district: District, django_assert_max_num_queries: Any
) -> None:
    drafting(district)
    district.signed(ARTICLES[0])
    machine.get("/releases")
    with django_assert_max_num_queries(9):
        told(machine.get("/releases"))
    for article in ARTICLES[1:]:
        district.signed(article)
    with django_assert_max_num_queries(9):
        found = told(machine.get("/releases"))["releases"]
    assert [one["by_hand"][0]["draft"]["stage"] for one in found] == ["waiting"] * 3


# --- numbers -----------------------------------------------------------------------------------------------------


@pytest.fixture
def measured(district: District) -> Release:
    from bot.models import Item, SampleRecord

    release = district.signed()
    for push in Publication.objects.all():
        put(push, "live")
    item = Item.objects.get(publication__account__slug="wx")
    for hours, reads in ((1, 0), (2, 7)):
        SampleRecord.objects.create(
            item=item, taken_at=datetime(2026, 11, 26, hours, tzinfo=UTC), stat_date="2026-11-26",
            values={"reads": reads, "shares": None}, raw="{}",
        )  # fmt: skip
    return release


def test_a_number_that_was_not_reported_is_null_and_never_zero(machine: Machine, measured: Release) -> None:
    items = told(machine.get(f"/releases/{measured.pk}/metrics"))["items"]
    by_account = {one["account"]: one for one in items}
    assert (by_account["wx"]["values"]["reads"], by_account["wx"]["values"]["shares"]) == (7, None)
    assert by_account["wb"]["values"]
    assert set(by_account["wb"]["values"].values()) == {None}
    assert by_account["wb"]["sampled_at"] is None


def test_numbers_of_days_are_those_of_releases_that_were_due_then(machine: Machine, measured: Release) -> None:
    day = releases_day(measured)
    assert len(told(machine.get("/metrics", **{"from": day, "to": day}))["items"]) == 2
    assert told(machine.get("/metrics", **{"from": "2017-01-01", "to": "2017-12-31"}))["items"] == []
    assert told(machine.get("/metrics", **{"from": "0001-01-01", "to": "9999-12-31"}))["items"]
    first = told(machine.get("/metrics", **{"from": day, "to": day, "limit": 1}))
    rest = told(machine.get("/metrics", **{"from": day, "to": day, "after": first["next"]}))
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (1, 1, None)


def releases_day(release: Release) -> str:
    from bot.domain.instants import beijing_date

    return beijing_date(release.instant).isoformat()


def test_numbers_of_many_posts_ask_no_more_questions(
    machine: Machine, measured: Release, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(6):
        told(machine.get(f"/releases/{measured.pk}/metrics"))


@pytest.fixture
def posted(district: District) -> list[ManualPost]:
    """By hand, three days ago, with numbers; and a line of the day after without."""
    who, wx = district.people["duty"], district.accounts[0]
    made = [
        manual.register(
            Entry(
                wx, "publish", f"https://mp.weixin.qq.com/s/AbCdEfGh{back}", now() - timedelta(days=back), who,
                title=f"停水通知之{back}",
            ),
            person=who, now=now(),
        ).post
        for back in (3, 2)
    ]  # fmt: skip
    ManualCount.objects.filter(post=made[0]).update(platform_id="7_1", asked_at=now())
    ManualSample.objects.create(
        post=made[0], taken_at=now(), stat_date="2026-11-03", values={"reads": 7, "shares": None}, raw="{}"
    )
    return made


def days(*posts: ManualPost) -> dict[str, str]:
    """From the day of the first to that of the last."""
    first, *_, last = [beijing_date(post.posted_at).isoformat() for post in (*posts, *posts)]
    return {"from": first, "to": last}


def test_numbers_of_what_people_posted_are_told_by_the_day_and_why_there_are_none(
    machine: Machine, posted: list[ManualPost]
) -> None:
    first, second = told(machine.get("/metrics/by-hand", **days(*posted)))["items"]
    assert (first["title"], first["document"], first["url"]) == ("停水通知之3", None, posted[0].url)
    assert (first["values"]["reads"], first["values"]["shares"], first["stat_date"]) == (7, None, "2026-11-03")
    assert (first["note"], first["absent"]) == ("", False)
    assert set(second["values"].values()) == {None}
    assert second["note"]
    assert len(told(machine.get("/metrics/by-hand", **days(posted[1])))["items"]) == 1
    page = told(machine.get("/metrics/by-hand", **days(*posted), limit=1))
    rest = told(machine.get("/metrics/by-hand", **days(*posted), after=page["next"]))
    assert ([one["title"] for one in rest["items"]], rest["next"]) == (["停水通知之2"], None)


def test_what_another_unit_posted_is_not_told(machine: Machine, posted: list[ManualPost]) -> None:
    stranger = Machine.of(District.make("tangtou", "汤头街道办事处"), Right.METRICS_READ)
    assert told(stranger.get("/metrics/by-hand", **days(*posted)))["items"] == []


def test_numbers_of_many_lines_ask_no_more_questions(
    machine: Machine, posted: list[ManualPost], django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(6):
        told(machine.get("/metrics/by-hand", **days(*posted)))


# --- health ----------------------------------------------------------------------------------------------------


def test_health_says_what_would_stop_a_release(machine: Machine, district: District) -> None:
    from bot.services import stops

    stops.freeze(district.unit, person=district.people["duty"], reason="演习", now=now())
    found = told(machine.get("/health"))
    assert (found["environment"], found["frozen"]) == ("rehearsal", True)
    assert found["clock"] == {"runs": False, "seconds_since_sign": None}
    assert [(one["account"], one["enabled"], one["clock_offset_ms"]) for one in found["accounts"]] == [
        ("wx", True, None), ("wb", True, None),
    ]  # fmt: skip


def test_a_clock_that_goes_round_is_told(machine: Machine, settings: Any) -> None:
    from bot.runtime import alive

    alive.touch(settings.TONGFA.home, "clock")
    assert told(machine.get("/health"))["clock"]["runs"] is True
