"""异常台: every unsolved delivery with its evidence, and only what is safe to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from bot.console import stepup
from bot.domain.channel import Absent, PositionReceipt, Receipt
from bot.domain.delivery import State
from bot.models import Publication
from bot.services import glancing, people, story, trail

from .world import ARTICLES, District, attempt, now, put

Login = Callable[[str], Client]
ACTS = ("look", "live", "correct", "not-live", "ask-again", "confirm-again", "take-back", "cancel")
WRONG, RIGHT = "https://weibo.com/2017000001/Ab1", "https://weibo.com/2017000001/Ab2"


def confirmed(client: Client) -> Client:
    """Somebody who has said a moment ago who they are."""
    session = client.session
    session[stepup.CONFIRMED] = now().timestamp()
    session.save()
    return client


@pytest.fixture
def sure(as_: Login) -> Login:
    return lambda who: confirmed(as_(who))


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def doubtful(district: District, state: str = "needs_person", **changes: object) -> Publication:
    """A Weibo post of which nobody knows, in front of a person."""
    release = district.signed()
    one: Publication = release.publications.get(account=district.accounts[1])
    attempt(
        one, outcome="unknown", code="no_answer", message="请求已发出但没有收到完整应答。", answer='{"raw": 1}',
        sent_at=one.instant, answered_at=one.instant + timedelta(seconds=5),
    )  # fmt: skip
    put(one, state, reason="隔时查了几次都没有查到，请到平台后台核实。", sent_at=one.instant, **changes)
    story.note_look(one, Absent("这一次没有查到。"), now=one.instant + timedelta(minutes=1))
    return one


# --- the list -------------------------------------------------------------------------------------------------


def test_a_quiet_house_says_so(district: District, as_: Login) -> None:
    shown = page(as_("duty"), "/exceptions")
    assert "没有悬而未决的推送" in shown
    assert "没有办结的撤回" not in shown


def test_a_row_says_what_came_back_and_whether_it_is_out(district: District, as_: Login) -> None:
    one = doubtful(district)
    shown = page(as_("duty"), "/exceptions")
    for word in (
        "需人工处理",
        "是否已发出：不明",
        "第 1 次请求，结果不明：请求已发出但没有收到完整应答。",
        ARTICLES[0].title,
        "临沂河东",
    ):
        assert word in shown
    assert f'href="/exceptions/{one.pk}"' in shown
    assert "tone-doubt" in shown
    assert "icons.svg#question" in shown


def test_the_most_urgent_stand_first(district: District, as_: Login) -> None:
    release = district.signed(*ARTICLES)
    mass, first, second, third = release.publications.order_by("account_id", "lane")
    for one, state in ((mass, "held"), (first, "missed"), (second, "unknown"), (third, "needs_person")):
        put(one, state)
    shown = page(as_("duty"), "/exceptions")
    places = [shown.index(f'href="/exceptions/{one.pk}"') for one in (third, second, first, mass)]
    assert places == sorted(places)


def test_everybody_of_the_unit_may_read_and_only_some_may_act(district: District, as_: Login) -> None:
    one = doubtful(district)
    for who in ("editor", "first", "releaser"):
        assert str(one.pk) in page(as_(who), "/exceptions")
    reading = page(as_("editor"), f"/exceptions/{one.pk}")
    assert "由值班员或签发人办理" in reading
    assert "<form" not in reading.split('id="main"')[1].split("情况说明")[0]
    acting = page(as_("duty"), f"/exceptions/{one.pk}")
    assert "现在向平台核对" in acting


def test_the_list_costs_as_much_for_many_as_for_one(
    district: District, as_: Login, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = as_("duty")
    release = district.signed(*ARTICLES)
    put(release.publications.all()[0], "missed")
    with django_assert_max_num_queries(15):
        page(client, "/exceptions")
    for one in release.publications.all():
        put(one, "needs_person")
    with django_assert_max_num_queries(15):
        page(client, "/exceptions")


def test_another_units_cases_do_not_exist(district: District, sure: Login) -> None:
    other = District.make("luozhuang", "罗庄区政府办公室")
    one = doubtful(other)
    client = sure("duty")
    assert f"/exceptions/{one.pk}" not in page(client, "/exceptions")
    assert client.get(f"/exceptions/{one.pk}").status_code == 404
    for act in ACTS:
        answer = client.post(
            f"/exceptions/{one.pk}/{act}", {"reason": "别单位", "url": "https://weibo.com/2017000001/a"}
        )
        assert answer.status_code == 404, act
    one.refresh_from_db()
    assert one.status is State.NEEDS_PERSON


def test_the_duty_desk_leads_to_the_case(district: District, as_: Login) -> None:
    one = doubtful(district)
    asks = page(as_("duty"), "/").split('id="asks"')[1]
    assert f'href="/exceptions/{one.pk}"' in asks
    assert "tongfa release settle" not in asks


# --- the case -------------------------------------------------------------------------------------------------


def test_a_case_tells_what_was_asked_what_came_back_and_when(district: District, as_: Login) -> None:
    one = doubtful(district)
    shown = page(as_("duty"), f"/exceptions/{one.pk}")
    for word in (
        "请微博以“微博”方式公开 1 篇", "请求已发出但没有收到完整应答。", "这一次没有查到（一次查不到不能证明没有发出）",
        "是否已发出：不明", "平台原文", "情况说明", "data-copy",
    ):  # fmt: skip
        assert word in shown, word
    assert shown.index("第 1 次：请微博") < shown.index("第 1 次：结果不明") < shown.index("这一次没有查到（")


def test_what_is_not_safe_is_not_offered_and_the_page_says_why(district: District, as_: Login) -> None:
    one = doubtful(district, "unknown")
    shown = page(as_("duty"), f"/exceptions/{one.pk}")
    assert "现在向平台核对" in shown
    assert shown.count("现在不能办") == 3
    assert "系统还在核对，最迟" in shown
    for gone in ("登记为已发布</button>", "提出重发，请第二人确认", "/cancel"):
        assert gone not in shown


def test_what_is_solved_offers_nothing_any_more(district: District, as_: Login) -> None:
    one = doubtful(district)
    put(one, "live")
    shown = page(as_("duty"), f"/exceptions/{one.pk}")
    assert "没有要人办的" in shown
    assert "现在向平台核对" not in shown


def test_a_platforms_words_are_text_and_never_markup(district: District, as_: Login) -> None:
    release = district.signed()
    one = release.publications.all()[0]
    attempt(one, outcome="unknown", message="<img src=x>", answer="</textarea><script>alert(1)</script>")
    put(one, "needs_person", reason="<b>原因</b>")
    shown = page(as_("duty"), f"/exceptions/{one.pk}")
    assert "<script>alert" not in shown
    assert "<img src=x" not in shown
    assert "<b>原因" not in shown


# --- acts -----------------------------------------------------------------------------------------------------


def post(client: Client, one: Publication, act: str, **fields: object) -> HttpResponse:
    answer: HttpResponse = client.post(f"/exceptions/{one.pk}/{act}", fields)  # type: ignore[assignment]
    return answer


@pytest.mark.parametrize("act", ["live", "correct", "not-live", "ask-again", "confirm-again", "cancel"])
def test_what_cannot_be_taken_back_asks_once_more_who_is_there(district: District, unasked: Login, act: str) -> None:
    one = doubtful(district)
    answer = post(unasked("duty"), one, act, reason="核实过", url="https://weibo.com/2017000001/a")
    assert "请再确认一次身份" in answer.content.decode()
    one.refresh_from_db()
    assert one.status is State.NEEDS_PERSON


@pytest.mark.parametrize("act", ACTS)
def test_who_may_not_act_is_refused_by_the_service_too(district: District, sure: Login, act: str) -> None:
    one = doubtful(district)
    answer = post(sure("editor"), one, act, reason="核实过", url="https://weibo.com/2017000001/a")
    assert answer.status_code == 403


def test_a_look_is_made_now_and_told(district: District, as_: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    one = doubtful(district)

    class Seen:
        def look(self, evidence: object) -> Receipt:
            return Receipt({}, (PositionReceipt("5", "https://weibo.com/2017000001/Ab1"),))

    monkeypatch.setattr(glancing, "channel_of", lambda *_, **__: Seen())
    client = as_("duty")
    with time_machine.travel(one.instant + timedelta(minutes=10), tick=False):
        shown = client.post(f"/exceptions/{one.pk}/look", follow=True).content.decode()
    assert "已向平台核对：已经公开" in shown
    assert 'value="https://weibo.com/2017000001/Ab1"' in shown  # ready to be registered
    assert "重发会公开两次" in shown
    one.refresh_from_db()
    assert one.status is State.NEEDS_PERSON


def test_a_link_of_another_site_is_refused_and_what_was_typed_stays(district: District, sure: Login) -> None:
    one = doubtful(district)
    answer = post(sure("duty"), one, "live", url="https://example.com/a")
    assert answer.status_code == 409
    shown = answer.content.decode()
    assert "不是微博一篇文章的链接" in shown
    assert 'value="https://example.com/a"' in shown


def test_found_by_a_person_it_is_registered_with_its_link(district: District, sure: Login) -> None:
    one = doubtful(district)
    answer = sure("duty").post(f"/exceptions/{one.pk}/live", {"url": "https://weibo.com/2017000001/Ab1"}, follow=True)
    assert "由人登记" in answer.content.decode()
    one.refresh_from_db()
    assert (one.status, one.items.get().url) == (State.LIVE, "https://weibo.com/2017000001/Ab1")


# --- a registration that was wrong ----------------------------------------------------------------------------


def registered(district: District, client: Client) -> Publication:
    """Declared live by a person, with a link that is not its own."""
    one = doubtful(district)
    told = client.post(f"/exceptions/{one.pk}/live", {"url": WRONG}, follow=True).content.decode()
    assert "登记错了，可在本页更正链接或收回登记" in told
    return one


def test_a_wrong_link_is_mended_on_the_page(district: District, sure: Login) -> None:
    client = sure("duty")
    one = registered(district, client)
    shown = page(client, f"/exceptions/{one.pk}")
    assert f'value="{WRONG}"' in shown
    assert "这条由周值登记为已发布，未经系统核对" in shown
    told = client.post(
        f"/exceptions/{one.pk}/correct", {"act": "correct", "url": RIGHT, "reason": "贴错了链接"}, follow=True
    ).content.decode()
    assert "链接已更正" in told
    one.refresh_from_db()
    assert (one.status, one.items.get().url) == (State.LIVE, RIGHT)


def test_what_was_not_there_after_all_stands_before_a_person_again(district: District, sure: Login) -> None:
    client = sure("releaser")
    one = registered(district, client)
    told = client.post(f"/exceptions/{one.pk}/not-live", {"act": "not-live", "reason": "点开是别人的"}, follow=True)
    assert "已收回登记" in told.content.decode()
    assert "可以怎么办" in told.content.decode()
    one.refresh_from_db()
    assert (one.status, one.items.get().url) == (State.NEEDS_PERSON, "")


def test_a_mending_without_its_reason_or_with_another_sites_link_keeps_what_was_typed(
    district: District, sure: Login
) -> None:
    client = sure("duty")
    one = registered(district, client)
    for given, words in (
        ({"url": RIGHT, "reason": " "}, "须写明原因"),
        ({"url": "https://example.com/a", "reason": "贴错了"}, "不是微博一篇文章的链接"),
    ):
        answer = client.post(f"/exceptions/{one.pk}/correct", given | {"act": "correct"})
        assert answer.status_code == 409
        assert words in answer.content.decode()
        assert f'value="{given["url"]}"' in answer.content.decode()
    one.refresh_from_db()
    assert one.items.get().url == WRONG


def test_what_the_system_read_back_is_not_mended_by_hand(district: District, sure: Login) -> None:
    one = doubtful(district)
    put(one, "live")
    assert "登记有误时" not in page(sure("duty"), f"/exceptions/{one.pk}")
    for act in ("correct", "not-live"):
        assert post(sure("duty"), one, act, url=RIGHT, reason="不对").status_code == 409
    one.refresh_from_db()
    assert one.status is State.LIVE


def test_who_only_reads_is_told_who_mends(district: District, sure: Login) -> None:
    one = registered(district, sure("duty"))
    shown = page(sure("editor"), f"/exceptions/{one.pk}")
    assert "由值班员或签发人更正或收回" in shown
    assert f"/exceptions/{one.pk}/correct" not in shown


def test_two_people_at_two_logins_send_it_again(district: District, sure: Login) -> None:
    one = doubtful(district)
    first, second = sure("duty"), sure("releaser")
    asked = first.post(f"/exceptions/{one.pk}/ask-again", {"reason": "主页上没有"}, follow=True).content.decode()
    assert "还没有重发" in asked
    assert "我也核实过，确认重发" not in asked  # not for the first person
    one.refresh_from_db()
    assert one.status is State.NEEDS_PERSON
    assert "周值" in page(second, "/exceptions")
    assert "等第二人确认" in page(second, "/exceptions")
    shown = page(second, f"/exceptions/{one.pk}")
    assert "主页上没有" in shown
    assert "我也核实过，确认重发" in shown
    own = post(first, one, "confirm-again")
    assert own.status_code == 409
    assert "不能是本人" in own.content.decode()
    done = second.post(f"/exceptions/{one.pk}/confirm-again", follow=True).content.decode()
    assert "两人已确认" in done
    one.refresh_from_db()
    assert one.status is State.PLANNED


def test_the_first_of_the_two_may_be_a_deputy(district: District, sure: Login) -> None:
    one = doubtful(district)
    district.deputise("duty", "second")
    asked = sure("second").post(f"/exceptions/{one.pk}/ask-again", {"reason": "主页上没有"}, follow=True)
    assert "还没有重发" in asked.content.decode()
    done = sure("releaser").post(f"/exceptions/{one.pk}/confirm-again", follow=True).content.decode()
    assert "两人已确认" in done
    one.refresh_from_db()
    assert one.status is State.PLANNED


def test_a_proposal_of_somebody_who_lost_the_right_is_void_and_the_page_says_why(
    district: District, sure: Login
) -> None:
    one = doubtful(district)
    sure("duty").post(f"/exceptions/{one.pk}/ask-again", {"reason": "主页上没有"})
    people.disable_person("duty", actor="test", now=now())
    second = sure("releaser")
    assert "提议已无效" in page(second, "/exceptions")
    shown = page(second, f"/exceptions/{one.pk}")
    assert "现在不能确认：提出人周值已停用，提议无效，请收回后重新提出" in shown
    assert "我也核实过，确认重发" not in shown
    assert "收回重发的提议" in shown
    answer = post(second, one, "confirm-again")
    assert answer.status_code == 409
    assert "提出人周值已停用" in answer.content.decode()


def test_the_proposal_can_be_taken_back(district: District, sure: Login) -> None:
    one = doubtful(district)
    client = sure("duty")
    client.post(f"/exceptions/{one.pk}/ask-again", {"reason": "主页上没有"})
    shown = client.post(f"/exceptions/{one.pk}/take-back", follow=True).content.decode()
    assert "已收回重发的提议" in shown
    assert "提出重发，请第二人确认" in shown


def test_without_a_reason_nothing_is_done_and_the_page_says_so(district: District, sure: Login) -> None:
    one = doubtful(district)
    for act in ("ask-again", "cancel"):
        answer = post(sure("duty"), one, act, reason=" ")
        assert answer.status_code == 409
        assert "写明" in answer.content.decode()


def test_what_stands_before_a_person_or_was_held_is_called_off(district: District, sure: Login) -> None:
    one = doubtful(district)
    other = one.release.publications.get(account=district.accounts[0])
    put(other, "held")
    for push in (one, other):
        answer = sure("releaser").post(f"/exceptions/{push.pk}/cancel", {"reason": "不再发布"}, follow=True)
        assert "作废" in answer.content.decode()
        push.refresh_from_db()
        assert push.status is State.CANCELLED


def test_before_it_is_called_off_the_page_says_that_this_version_cannot_go_there_again(
    district: District, as_: Login
) -> None:
    asked, told = doubtful(district), "作废后，这一版不能再发到“临沂河东”；还要发的，须修改内容形成新版本"
    held = asked.release.publications.get(account=district.accounts[0])
    put(held, "held", reason="暂停")
    shown = page(as_("duty"), f"/exceptions/{asked.pk}")
    assert f"这条推送已向平台请求过：{told}" in shown.split('id="cancel"')[1]
    assert "作废后，这一版不能再发" not in page(as_("duty"), f"/exceptions/{held.pk}"), "nothing of it has left"
    assert f"其中 1 条已向平台请求过：{told}" in page(as_("releaser"), f"/releases/{asked.release_id}")


def test_a_row_tells_what_was_asked_and_seen_and_leads_to_each_thing_that_may_be_done(
    district: District, as_: Login
) -> None:
    one = doubtful(district)
    shown = page(as_("duty"), "/exceptions")
    assert "请微博以“" in shown
    assert f"，{trail.FOUND['Absent']}</dd>" in shown
    for place, word in (
        ("look", "再核对"),
        ("live", "确认已发并填链接"),
        ("again", "确认未发并重发"),
        ("cancel", "作废"),
    ):
        assert f'<a href="/exceptions/{one.pk}#{place}">{word}</a>' in shown
        assert f'id="{place}"' in page(as_("duty"), f"/exceptions/{one.pk}")
    assert "#again" not in page(as_("editor"), "/exceptions"), "who may not act is offered nothing"


def test_what_the_last_look_has_found_public_is_not_offered_to_be_sent_again(district: District, as_: Login) -> None:
    one = doubtful(district)
    found = Receipt({}, (PositionReceipt("1", "https://weibo.com/2017000001/Ab1"),))
    story.note_look(one, found, now=one.instant + timedelta(minutes=2))
    shown = page(as_("duty"), "/exceptions")
    assert f"/exceptions/{one.pk}#live" in shown
    assert f"/exceptions/{one.pk}#again" not in shown
