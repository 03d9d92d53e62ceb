"""编制发布单: what goes in, what is warned of before anything is saved, and what is kept when it is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from bot.domain.article import Article, Kind
from bot.domain.instants import to_beijing
from bot.domain.sync import AfterLive
from bot.models import Document, Release
from bot.services import documents, releases
from tests.services.factories import interpretation, policy

from .world import ARTICLES, District, now, put

Login = Callable[[str], Client]


def typed(
    *names: str, at: datetime | None = None, accounts: tuple[str, ...] = ("wx", "wb"), **more: Any
) -> dict[str, Any]:
    """The form as a browser sends it."""
    local = to_beijing(at or now() + timedelta(hours=3))
    plain = {
        "document": list(names),
        "account": list(accounts),
        "mode-wx": "mass",
        "mode-wb": "share",
        "sync": "at_time",
    }
    return plain | {"date": local.strftime("%Y-%m-%d"), "time": local.strftime("%H:%M:%S"), "title": ""} | more


def tomorrow(hour: int = 10) -> datetime:
    """A whole hour of tomorrow in Beijing: no midnight comes in between."""
    local = to_beijing(now()) + timedelta(days=1)
    return local.replace(hour=hour, minute=0, second=0, microsecond=0)


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content.decode()[:2000]
    return str(answer.content.decode())


def panel(client: Client, **form: Any) -> str:
    return text(client.post("/releases/new/panel", form))


def test_what_was_added_is_marked_in_the_list_of_what_was_found(district: District, as_: Login) -> None:
    district.approved(ARTICLES[0])
    shown = panel(as_("editor"), **typed(), do="add:HD-1")
    found = shown[shown.index('id="found"') :]
    assert "已选" in found
    assert "添加：" not in found
    assert 'id="found"' not in panel(as_("editor"), **typed("HD-1")), "else it stays where it was scrolled to"


def test_saving_plans_the_release_in_the_order_and_the_modes_of_the_form(district: District, as_: Login) -> None:
    for article in ARTICLES:
        district.approved(article)
    form = typed("HD-3", "HD-1", title="十二月第一批", **{"mode-wx": "publish"})
    shown = text(as_("editor").post("/releases/new", form, follow=True))
    release = Release.objects.get()
    assert "已编好，还没有签发" in shown
    assert (release.title, release.signed) == ("十二月第一批", False)
    wechat = release.publications.get(account=district.accounts[0])
    assert wechat.mode == "publish"
    assert [item.edition.document.external_id for item in wechat.items.order_by("position")] == ["HD-3", "HD-1"]
    assert release.publications.filter(account=district.accounts[1]).count() == 2


def test_what_can_never_be_signed_is_not_called_ready(district: District, as_: Login) -> None:
    taken = district.signed(ARTICLES[0], ahead=tomorrow() - now())
    district.approved(ARTICLES[1])
    form = typed("HD-2", at=taken.instant + timedelta(minutes=30))
    shown = text(as_("editor").post("/releases/new", form, follow=True))
    assert "flash-success" not in shown
    assert "现在签发不了，有 1 处“不能这样发”" in shown
    assert "群发额度（1 次）已用完" in shown
    release = Release.objects.exclude(pk=taken.pk).get()
    form = typed("HD-2", at=taken.instant + timedelta(days=1))
    shown = text(as_("editor").post(f"/releases/{release.pk}/edit", form, follow=True))
    assert "flash-success" in shown
    assert "不能这样发" not in shown


def test_the_address_fills_in_day_time_and_documents(district: District, as_: Login) -> None:
    district.approved()
    shown = text(as_("editor").get("/releases/new?at=2027-03-04T09:30&document=HD-1"))
    assert 'value="2027-03-04"' in shown
    assert 'value="09:30"' in shown
    assert '<input type="hidden" name="document" value="HD-1">' in shown
    assert not Release.objects.exists()


@pytest.mark.parametrize("at", ["", "gestern", "2027-99-99", "2027-03-04T09:30+25:00", "<script>"])
def test_an_address_that_says_nothing_sensible_proposes_the_next_usual_time(
    at: str, district: District, as_: Login
) -> None:
    shown = text(as_("editor").get("/releases/new", {"at": at}))
    assert 'value="09:30"' in shown
    assert "<script>" not in shown.split("</head>")[1].replace("<script src=", "")


@pytest.mark.parametrize("who", ["duty", "first", "admin"])
def test_only_editors_and_releasers_compose(who: str, district: District, as_: Login) -> None:
    release = district.planned()
    client = as_(who)
    for address in ("/releases/new", f"/releases/{release.pk}/edit"):
        assert client.get(address).status_code == 403
        assert client.post(address, typed("HD-1")).status_code == 403
    assert client.post("/releases/new/panel", typed("HD-1")).status_code == 403
    assert client.get("/releases/new/search").status_code == 403
    assert Release.objects.count() == 1


# --- choosing documents --------------------------------------------------------------------------------------


def search(client: Client, words: str, **more: Any) -> str:
    return text(client.get("/releases/new/search", {"q": words, "account": ["wx", "wb"], **more}))


@pytest.mark.parametrize("words", ["公交", "41号", "HD-1", "hd-1"])
def test_a_document_is_found_by_title_number_or_id(words: str, district: District, as_: Login) -> None:
    for article in ARTICLES:
        district.approved(article)
    shown = search(as_("editor"), words)
    assert ARTICLES[0].title in shown
    assert ARTICLES[1].title not in shown


def test_only_approved_documents_of_the_own_unit_are_offered(district: District, as_: Login) -> None:
    district.document(ARTICLES[0])
    District.make("luozhuang", "罗庄区政府办公室").approved(ARTICLES[1])
    shown = search(as_("editor"), "")
    assert "没有找到已通过审核的文件" in shown
    assert ARTICLES[0].title not in shown
    assert ARTICLES[1].title not in shown


def test_what_went_to_an_account_is_shown_as_such_and_refused_for_it(district: District, as_: Login) -> None:
    release = district.signed()
    put(release.publications.get(account=district.accounts[0]), "live")
    client = as_("editor")
    assert "中国河东：已于" in search(client, "公交").replace("\n", "")
    assert "同一版本同一账号只发一次" in panel(client, **typed("HD-1", accounts=("wx",)))
    shown = text(client.post("/releases/new", typed("HD-1", accounts=("wx",))), 409)
    assert "没有保存" in shown
    assert Release.objects.count() == 1


def test_what_went_to_an_account_is_told_with_the_minute_in_which_it_was_sent(district: District, as_: Login) -> None:
    """As everywhere else: it is read back later, which may be another minute."""
    push = district.signed().publications.get(account=district.accounts[0])
    put(push, "live", sent_at=push.instant, live_at=push.instant + timedelta(minutes=1))
    sent = to_beijing(push.instant).strftime("%Y-%m-%d %H:%M")
    assert f"中国河东：已于 {sent} 发布" in search(as_("editor"), "公交")


def test_another_units_document_or_account_does_not_come_in(district: District, as_: Login) -> None:
    other = District.make("luozhuang", "罗庄区政府办公室")
    other.approved(replace(ARTICLES[1], external_id="LZ-1"))
    shown = panel(as_("editor"), **typed("LZ-1", accounts=("luozhuang-wx",)))
    assert ARTICLES[1].title not in shown
    assert "还没有选文件" in shown
    text(as_("editor").post("/releases/new", typed("LZ-1", accounts=("luozhuang-wx",))), 409)
    assert not Release.objects.exists()


def pair(district: District) -> None:
    """A policy and its interpretation, both approved."""
    documents.save_article(policy(), person=district.people["editor"], now=now())
    documents.save_article(interpretation(), person=district.people["editor"], now=now())
    documents._link_waiting(district.unit)
    district.approved(policy())
    district.approved(interpretation())


def test_a_policy_pulls_its_interpretation_along_visibly(district: District, as_: Login) -> None:
    pair(district)
    shown = panel(as_("editor"), **typed("HD-50"))
    assert "配套解读，随政策文件一起" in shown
    assert shown.index(policy().title) < shown.index(interpretation().title)
    assert 'value="remove:HD-50"' in shown
    assert 'value="remove:HD-51"' not in shown  # it goes with its policy


def test_taking_the_policy_out_takes_its_interpretation_out(district: District, as_: Login) -> None:
    pair(district)
    shown = panel(as_("editor"), **typed("HD-50", "HD-51"), do="remove:HD-50")
    assert "还没有选文件" in shown


def test_a_policy_without_an_interpretation_is_warned_of(district: District, as_: Login) -> None:
    document = district.approved()
    Document.objects.filter(pk=document.pk).update(is_policy=True)
    assert "没有配套解读，签发会被拒绝" in panel(as_("editor"), **typed("HD-1"))


def names_in(shown: str) -> list[str]:
    return [part.split('"')[0] for part in shown.split('name="document" value="')[1:]]


@pytest.mark.parametrize(
    ("do", "order"),
    [
        ("up:HD-2", ["HD-2", "HD-1", "HD-3"]), ("down:HD-2", ["HD-1", "HD-3", "HD-2"]), ("up:HD-1", ["HD-1", "HD-2", "HD-3"]),
        ("remove:HD-1", ["HD-2", "HD-3"]), ("add:HD-3", ["HD-1", "HD-2", "HD-3"]), ("", ["HD-1", "HD-2", "HD-3"]),
    ],
)  # fmt: skip
def test_documents_are_moved_added_and_taken_out(do: str, order: list[str], district: District, as_: Login) -> None:
    for article in ARTICLES:
        district.approved(article)
    assert names_in(panel(as_("editor"), **typed("HD-1", "HD-2", "HD-3"), do=do)) == order


def test_without_scripts_a_press_of_a_button_shows_the_page_again_with_everything_typed(
    district: District, as_: Login
) -> None:
    district.approved()
    form = typed(title="写了一半", q="公交", do="add:HD-1", url="https://www.hedong.gov.cn/x", expect="标题标题")
    shown = text(as_("editor").post("/releases/new", form))
    assert 'value="写了一半"' in shown
    assert 'value="https://www.hedong.gov.cn/x"' in shown
    assert names_in(shown) == ["HD-1"]
    assert not Release.objects.exists()


# --- what is warned of ---------------------------------------------------------------------------------------


def test_each_account_shows_what_it_would_send_and_when(district: District, as_: Login) -> None:
    for article in ARTICLES:
        district.approved(article)
    at = now().replace(microsecond=0, second=0) + timedelta(hours=5)
    shown = panel(as_("editor"), **typed("HD-1", "HD-2", "HD-3", at=at))
    assert "1 次推送，3 篇文章" in shown
    assert "依次 3 条" in shown
    for seconds in (0, 6, 12):
        assert to_beijing(at + timedelta(seconds=seconds)).strftime("%H:%M:%S") in shown


def test_the_words_on_what_followers_get_come_from_the_channel(district: District, as_: Login) -> None:
    shown = text(as_("editor").get("/releases/new"))
    assert "不推送给关注者，也不进入历史消息列表" in shown
    assert "推送给全部关注者" in shown


def test_a_used_up_day_names_the_next_date_and_offers_it(district: District, as_: Login) -> None:
    taken = district.signed(ARTICLES[0], ahead=tomorrow() - now())
    district.approved(ARTICLES[1])
    shown = panel(as_("editor"), **typed("HD-2", at=taken.instant + timedelta(minutes=30)))
    assert "群发额度（1 次）已用完" in shown
    next_day = to_beijing(taken.instant + timedelta(minutes=30, days=1)).strftime("%Y-%m-%d")
    assert f"最近可用的日期是 {next_day}" in shown
    assert "不能这样发" in shown


def test_a_release_within_ten_minutes_on_the_same_account_is_named(district: District, as_: Login) -> None:
    other = district.planned(ARTICLES[0], ahead=tomorrow() - now(), title="另一张")
    district.approved(ARTICLES[1])
    shown = panel(as_("editor"), **typed("HD-2", at=other.instant + timedelta(minutes=9)))
    assert f"还有发布单 {other.pk}《另一张》，相隔不到 10 分钟" in shown
    later = panel(as_("editor"), **typed("HD-2", at=other.instant + timedelta(minutes=11)))
    assert "相隔不到 10 分钟" not in later
    assert "先签发的占用" in later  # the same day's only 群发


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2026-10-01", "法定节假日（国庆节）"), ("2026-10-10", "国庆节调休上班"), ("2026-11-21", "休息日"),
        ("2026-11-23", "工作日"), ("2031-03-04", "国务院还没有公布"),
        ("2031-03-02", "是休息日；国务院还没有公布"), ("2031-01-01", "法定节假日（元旦）"),
    ],
)  # fmt: skip
def test_holidays_are_those_of_the_state_council(day: str, words: str, district: District, as_: Login) -> None:
    with time_machine.travel("2026-09-20T01:00:00+00:00", tick=False):
        district.approved()
        shown = panel(as_("editor"), **typed("HD-1", date=day, time="10:00"))
    assert words in shown


def test_a_time_that_is_over_or_too_near_is_said_before_saving(district: District, as_: Login) -> None:
    district.approved()
    assert "已经过去" in panel(as_("editor"), **typed("HD-1", at=now() - timedelta(minutes=1)))
    assert "来不及签发。最早可定在" in panel(as_("editor"), **typed("HD-1", at=now() + timedelta(seconds=10)))
    assert "离发布不到 10 分钟" in panel(as_("editor"), **typed("HD-1", at=now() + timedelta(minutes=5)))
    assert "请核对年份" in panel(as_("editor"), **typed("HD-1", at=now() + timedelta(days=400)))
    assert "请核对年份" not in panel(as_("editor"), **typed("HD-1", at=now() + timedelta(days=100)))


def test_an_account_that_came_after_the_review_is_said_to_lack_its_post(district: District, as_: Login) -> None:
    district.approved()
    district._weibo("wb2", "http://127.0.0.1:9")
    assert "还没有账号“临沂河东”的渠道稿" in panel(as_("editor"), **typed("HD-1", accounts=("wb2",)))


# --- refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"document": []}, "至少要有一份文件"), ({"account": []}, "至少要有一份文件和一个账号"), ({"date": ""}, "没有写全"),
        ({"date": "2017-01-01"}, "已经过去"), ({"sync": "after_live", "url": "x", "expect": "标题标题", "wait": "5"}, "应以 http:// 或 https:// 开头"),
        ({"sync": "after_live", "url": "https://www.hedong.gov.cn/1", "expect": "标题标题", "wait": "x"}, "整数"),
        ({"sync": "after_live", "url": "https://www.hedong.gov.cn/1", "expect": "标题标题", "wait": "²"}, "整数"),
        ({"sync": "after_live", "url": "https://evil.example/1", "expect": "标题标题", "wait": "5"}, "请核对网址"),
        ({"mode-wx": "carrier-pigeon"}, "没有发布方式"),
    ],
)  # fmt: skip
def test_a_refusal_says_why_and_keeps_everything_typed(
    change: dict[str, Any], words: str, district: District, as_: Login
) -> None:
    district.approved()
    form = typed("HD-1", title="写好的标题") | change
    shown = text(as_("editor").post("/releases/new", form), 409)
    assert words in shown
    assert "没有保存" in shown
    assert 'value="写好的标题"' in shown
    if form["document"]:
        assert names_in(shown) == ["HD-1"]
    assert not Release.objects.exists()


def test_waiting_for_the_portal_is_saved_as_typed(district: District, as_: Login) -> None:
    district.approved()
    page = {"sync": "after_live", "url": "https://www.hedong.gov.cn/a/1.html", "expect": "关于调整城区公交线路的通知"}
    text(as_("editor").post("/releases/new", typed("HD-1", wait="12", then="hold", **page), follow=True))
    saved = Release.objects.get().sync_policy
    assert isinstance(saved, AfterLive)
    assert (saved.wait, str(saved.then), saved.url) == (timedelta(minutes=12), "hold", page["url"])


def test_the_page_that_is_waited_for_is_that_of_the_first_document_where_none_is_named(
    district: District, as_: Login
) -> None:
    district.approved(ARTICLES[1])
    district.approved()
    form = typed("HD-1", "HD-2", sync="after_live", url="", expect="", wait="5")
    text(as_("editor").post("/releases/new", form, follow=True))
    saved = Release.objects.get().sync_policy
    assert isinstance(saved, AfterLive)
    assert (saved.url, saved.title) == (ARTICLES[0].source_url, ARTICLES[0].title)


# --- planned anew --------------------------------------------------------------------------------------------


def seen_in(shown: str) -> str:
    return shown.split('name="seen" value="')[1].split('"')[0]


def test_editing_shows_the_release_as_it_is_and_saves_another_in_its_place(district: District, as_: Login) -> None:
    release = district.signed(*ARTICLES[:2], title="第一稿")
    client = as_("editor")
    shown = text(client.get(f"/releases/{release.pk}/edit"))
    assert names_in(shown) == ["HD-1", "HD-2"]
    assert 'value="第一稿"' in shown
    assert "同一版本同一账号只发一次" not in shown  # its own items are free again
    assert "额度（1 次）已用完" not in shown
    form = typed("HD-2", "HD-1", title="第二稿", at=release.instant + timedelta(minutes=1))
    shown = text(client.post(f"/releases/{release.pk}/edit", form, follow=True))
    fresh = Release.objects.exclude(pk=release.pk).get()
    release.refresh_from_db()
    assert f"已改编为发布单 {fresh.pk}" in shown
    assert (release.signed, release.cancel_reason) == (False, f"改编为发布单 {fresh.pk}")
    first = fresh.publications.get(account=district.accounts[0]).items.get(position=0)
    assert first.edition.document.external_id == "HD-2"
    assert "改编发布单，原单作废" in text(client.get(f"/releases/{release.pk}"))


def test_a_signature_that_came_since_the_form_was_opened_is_not_taken_back_unseen(
    district: District, as_: Login
) -> None:
    release, client = district.planned(), as_("editor")
    address = f"/releases/{release.pk}/edit"
    form = typed("HD-1", title="第二稿", seen=seen_in(text(client.get(address))), at=release.instant)
    releases.sign(release, person=district.people["releaser"], now=now())
    stepped = text(client.post(address, form | {"do": "search"}))
    assert seen_in(stepped) == form["seen"], "to go on with the form is not to have read what was refused"
    shown = text(client.post(address, form), 409)
    assert "已签发），没有改编，未做改动" in shown
    assert 'value="第二稿"' in shown
    assert "原签发同时作废" in shown
    release.refresh_from_db()
    assert release.signed
    text(client.post(address, form | {"seen": seen_in(shown)}, follow=True))
    release.refresh_from_db()
    assert release.cancelled_at is not None, "pressed again, it is done knowingly"


def test_a_release_of_which_something_left_is_not_edited(district: District, as_: Login) -> None:
    release = district.signed()
    put(release.publications.all()[0], "live")
    client = as_("editor")
    assert "不能改编" in text(client.get(f"/releases/{release.pk}/edit", follow=True))
    text(client.post(f"/releases/{release.pk}/edit", typed("HD-1")), 409)
    assert Release.objects.count() == 1


def test_another_units_release_is_not_edited(district: District, as_: Login) -> None:
    release = District.make("luozhuang", "罗庄区政府办公室").planned()
    for address in ("edit", "edit/panel"):
        client = as_("editor")
        assert client.get(f"/releases/{release.pk}/{address}").status_code in {404, 405}
        assert client.post(f"/releases/{release.pk}/{address}", typed("HD-1")).status_code in {404, 405}
    release.refresh_from_db()
    assert release.cancelled_at is None


# --- large -----------------------------------------------------------------------------------------------------


def bulk(district: District, count: int) -> None:
    for number in range(count):
        article = Article(
            f"N-{number}", Kind.NOTICE, f"通知之{number}", "摘要", "<p>正文</p>", unit="河东区", category="通知公告",
            source_url=f"https://www.hedong.gov.cn/n/{number}.html", published_on=ARTICLES[0].published_on,
        )  # fmt: skip
        district.approved(article)


def test_the_panel_asks_no_more_of_the_database_for_more_documents(
    district: District, as_: Login, django_assert_max_num_queries: Any
) -> None:
    bulk(district, 9)
    client = as_("editor")
    for names in (["N-0"], [f"N-{number}" for number in range(9)]):
        with django_assert_max_num_queries(30):
            panel(client, **typed(*names))
        with django_assert_max_num_queries(12):
            search(client, "通知")


def test_saving_is_the_service(district: District, as_: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    district.approved()
    asked: list[dict[str, Any]] = []
    real = releases.plan
    monkeypatch.setattr(releases, "plan", lambda **given: (asked.append(given), real(**given))[1])
    as_("editor").post("/releases/new", typed("HD-1"))
    assert asked[0]["person"] == district.people["editor"]
