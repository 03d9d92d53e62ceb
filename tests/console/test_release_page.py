"""发布单: the whole story of one release, for its own unit only."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import CliRunner
from django.test import Client

from bot.cli.main import main
from bot.domain.instants import show
from bot.domain.sync import AfterLive, Seen, Then
from bot.domain.workflow import Verdict
from bot.models import PortalGate, Preflight, Publication, Release, Review, SampleRecord
from bot.portal import Look
from bot.services import attachments, audit, drafting, editorial, gating, releases, stops, trail
from tests.intake.files import PDF
from tests.services.factories import force, lifted

from .world import ARTICLES, District, attempt, now, put

Login = Callable[[str], Client]


def story(client: Client, pk: int) -> str:
    answer = client.get(f"/releases/{pk}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_what_there_is_nothing_of_yet_is_there_to_be_filled(district: District, as_: Login) -> None:
    planned = story(as_("editor"), district.planned().pk)
    for name in ("by-hand", "alarms", "preflights"):
        assert re.search(rf'<section id="{name}" data-part [^>]*\bhidden>\s*</section>', planned), name
    signed = story(as_("editor"), district.signed(ARTICLES[1]).pk)
    assert re.search(r'<section id="preflights" data-part class="[^"]*">', signed)


def test_the_header_names_state_instant_manifest_and_signer(district: District, as_: Login) -> None:
    release = district.signed(title="十二月第一张")
    shown = story(as_("editor"), release.pk)
    assert "十二月第一张" in shown
    assert "孙签" in shown
    assert release.manifest_hash[-8:] in shown
    assert "待准备" in shown


@pytest.mark.parametrize(
    ("state", "on_the_page", "on_the_line"),
    [("live", "<dt>发出</dt>", "，实发 "), ("unknown", "<dt>请求发出</dt>", "，请求发出于 ")],
)
def test_only_what_went_out_is_called_sent(
    district: District, as_: Login, state: str, on_the_page: str, on_the_line: str
) -> None:
    release = district.signed()
    push = release.publications.order_by("pk")[0]
    attempt(push, sent_at=push.instant, outcome="unknown")
    put(push, state, sent_at=push.instant)
    push.refresh_from_db()
    assert on_the_page in story(as_("duty"), release.pk)
    assert on_the_line in CliRunner().invoke(main, ["release", "show", str(release.pk), "--as", "duty"]).stdout


def test_what_the_platform_has_disproved_is_not_in_doubt_on_its_line_either(district: District, as_: Login) -> None:
    release = district.signed()
    live, failed = release.publications.order_by("pk")
    put(live, "live")
    attempt(failed, sent_at=failed.instant, outcome="accepted")
    said = {"verdict": "Failed", "gone": False, "message": "没有送达"}
    audit.append("系统", trail.LOOKED, f"publication:{failed.pk}", said, now=failed.instant + timedelta(minutes=1))
    put(failed, "needs_person")
    shown = story(as_("duty"), release.pk)
    assert f"未公开：{failed.account.name}" in shown
    assert "是否公开不明" not in shown


def test_each_item_shows_reviewers_hash_and_where_it_is_public(district: District, as_: Login) -> None:
    release = district.signed(*ARTICLES[:2])
    wechat = release.publications.get(account=district.accounts[0])
    put(wechat, "live")
    shown = story(as_("editor"), release.pk)
    assert "审核：王初、赵复、钱终" in shown
    for item in wechat.items.all():
        assert item.payload_hash[-8:] in shown
        assert f"/frames/item/{item.pk}" in shown
    assert 'href="/rehearsal/open?url=https%3A//mp.weixin.qq.com/s/abc"' in shown
    assert ">https://mp.weixin.qq.com/s/abc<" in shown  # what is read is the platform's own address
    assert "100001" in shown


def test_each_item_tells_its_number_its_files_and_every_word_on_it_with_its_time(
    district: District, as_: Login
) -> None:
    document = district.document()
    drafting.open_for(document, person=district.people["editor"], now=now())
    attachments.add(document, [("实施方案.pdf", PDF)], person=district.people["editor"], now=now())
    fields = drafting.fields_of(document.current)
    drafting.save(document, fields, page=drafting.page_of(document), person=district.people["editor"], now=now())
    editorial.submit(document, person=district.people["editor"], now=now())
    for step in ("first", "second", "final"):
        words = "日期已核对" if step == "final" else ""
        editorial.review(document, person=district.people[step], verdict=Verdict.PASS, comment=words, now=now())
    release = releases.plan(
        title="", instant=now() + timedelta(minutes=30), documents=[document], accounts=district.accounts,
        person=district.people["editor"], now=now(),
    )  # fmt: skip
    shown = story(as_("duty"), release.pk).split('id="pushes"')[1]
    assert "临东政办字〔2017〕41号" in shown
    assert "附件 1 个" in shown
    review = Review.objects.get(step="final")
    assert re.search(rf"终审通过 钱终 <time>{show(review.at)}</time>：日期已核对", shown)


@pytest.mark.parametrize(
    ("who", "offered"),
    [("editor", True), ("releaser", True), ("duty", True), ("first", False), ("final", False)],
)
def test_a_further_pre_flight_is_offered_only_to_whoever_may_ask_for_it(
    who: str, offered: bool, district: District, as_: Login
) -> None:
    release = district.signed()
    check = f"/releases/{release.pk}/check"
    assert (f'action="{check}"' in story(as_(who), release.pk)) is offered
    if not offered:
        answer = as_(who).post(check)
        assert answer.status_code == 403
        assert "没有权限" in answer.content.decode()
        assert not Preflight.objects.filter(kind="asked").exists()


@pytest.mark.parametrize("state", ["needs_person", "missed", "unknown"])
def test_a_push_that_needs_a_person_leads_to_its_page_and_to_no_shell(
    district: District, as_: Login, state: str
) -> None:
    release = district.signed()
    push = release.publications.all()[0]
    put(push, state, reason="请核对。")
    door = f'href="/exceptions/{push.pk}"'
    for who, may in (("duty", True), ("releaser", True), ("final", True), ("editor", False), ("first", False)):
        shown = story(as_(who), release.pk).split('id="main"')[1]
        assert (door in shown) == may, who
        assert "tongfa " not in shown
    assert "到异常台核实与办理" in story(as_("duty"), release.pk)


def test_what_a_person_declared_live_leads_to_where_it_is_mended(district: District, as_: Login) -> None:
    release = district.signed()
    wechat, weibo = release.publications.order_by("account_id")
    put(wechat, "live")
    put(weibo, "live", ids={"declared_by": "孙签"})
    shown = story(as_("duty"), release.pk)
    assert shown.count("更正链接或收回登记") == 1
    assert f'href="/exceptions/{weibo.pk}"' in shown
    assert "更正链接或收回登记" not in story(as_("editor"), release.pk)


def test_a_lane_shows_its_posts_one_by_one(district: District, as_: Login) -> None:
    release = district.signed(*ARTICLES)
    shown = story(as_("editor"), release.pk)
    assert [word in shown for word in ("第 1 条", "第 2 条", "第 3 条")] == [True] * 3


def test_attempts_tell_what_was_asked_and_what_came_back(district: District, as_: Login) -> None:
    release = district.signed()
    publication = release.publications.get(account=district.accounts[1])
    at = publication.instant
    attempt(
        publication, outcome="refused", code="20018", message="内容含非法网址。请修改链接。",
        answer='{"error_code":20018,"access_token":"***"}',
        sent_at=at + timedelta(milliseconds=3), answered_at=at + timedelta(milliseconds=250),
    )  # fmt: skip
    shown = story(as_("duty"), release.pk)
    assert "平台拒绝，没有发出" in shown
    assert "20018" in shown
    assert "内容含非法网址。请修改链接。" in shown
    assert "用时 247 毫秒" in shown
    assert "&#34;access_token&#34;:&#34;***&#34;" in shown


def test_what_a_platform_answers_is_text_and_never_markup(district: District, as_: Login) -> None:
    release = district.signed()
    publication = release.publications.all()[0]
    attempt(publication, outcome="unknown", answer="<script>alert(1)</script>", message="<img src=x onerror=a()>")
    shown = story(as_("duty"), release.pk)
    assert "<script>alert(1)" not in shown
    assert "<img src=x" not in shown


def test_the_trail_reads_as_sentences(district: District, as_: Login) -> None:
    release = district.signed()
    stops.hold(release, person=district.people["duty"], reason="领导要求再核对", now=now())
    shown = story(as_("duty"), release.pk)
    assert "编制发布单" in shown
    assert "签发，清单哈希尾号" in shown
    assert "中国河东：待准备 → 已暂停" in shown
    assert "领导要求再核对" in shown
    assert "周值" in shown
    assert "publication.moved" not in shown


def test_numbers_not_reported_are_a_dash_and_never_nought(district: District, as_: Login) -> None:
    release = district.signed()
    publication = release.publications.get(account=district.accounts[0])
    put(publication, "live")
    SampleRecord.objects.create(
        item=publication.items.get(), taken_at=now(), values={"reads": 1234, "shares": None, "comments": 0}, raw="{}"
    )
    shown = story(as_("duty"), release.pk)
    assert "阅读 <b>1,234</b>" in shown
    assert "分享 <b>—</b>" in shown
    assert "评论 <b>0</b>" in shown


def test_a_release_of_another_unit_does_not_exist(district: District, as_: Login) -> None:
    other = District.make("luozhuang", "罗庄区政府办公室")
    release = other.signed()
    answer = as_("duty").get(f"/releases/{release.pk}")
    assert answer.status_code == 404
    assert "没有找到" in answer.content.decode()
    item = release.publications.all()[0].items.all()[0]
    assert as_("duty").get(f"/frames/item/{item.pk}").status_code == 404


def test_a_cancelled_release_says_when_and_why(district: District, as_: Login) -> None:
    release = district.signed()
    stops.cancel(release, person=district.people["releaser"], reason="改到下周", now=now())
    shown = story(as_("duty"), release.pk)
    assert "改到下周" in shown
    assert "已作废" in shown


def test_a_live_post_without_a_link_says_that_it_was_not_given_yet(district: District, as_: Login) -> None:
    release = district.signed()
    for publication in release.publications.all():
        put(publication, "live")
        Publication.objects.get(pk=publication.pk).items.update(url="")
    shown = story(as_("duty"), release.pk)
    assert shown.count("链接未取得") == 2
    assert shown.count("链接未取得，平台次日给出") == 1, "WeChat alone gives it later"


def gated(district: District) -> Release:
    """A signed release that waits for its page."""
    policy = AfterLive(PAGE, "关于调整城区交通公交线路的通知", timedelta(minutes=10), Then.ASK)
    release = releases.plan(
        title="门户联动的一张", instant=now() + timedelta(minutes=30), documents=[district.approved()],
        accounts=district.accounts, person=district.people["editor"], now=now(), sync=policy,
    )  # fmt: skip
    return releases.sign(release, person=district.people["releaser"], now=now())


PAGE = "https://www.hedong.gov.cn/a/1.html"


def test_a_release_that_waits_for_the_portal_says_what_was_asked_and_answered(district: District, as_: Login) -> None:
    release = gated(district)
    assert "还没有问过" in story(as_("duty"), release.pk)
    answer = Look(Seen.NOT_YET, "网页打不开（HTTP 404）", 404)
    gating.ask(PortalGate.objects.get().pk, now=now, look=lambda *_, **__: answer)
    shown = story(as_("duty"), release.pk)
    assert "等门户上线" in shown
    assert f'href="{PAGE}"' in shown
    assert "关于调整城区交通公交线路的通知" in shown
    assert "HTTP 404" in shown
    assert "已查看" in shown
    assert "查看门户网页：未上线" in shown  # in the trail


def test_a_release_that_left_after_its_page_says_how_long_after(district: District, as_: Login) -> None:
    release = gated(district)
    live = Look(Seen.LIVE, "网页已上线，标题相符", 200)
    at = release.instant + timedelta(minutes=2)
    PortalGate.objects.update(next_at=at)
    gating.ask(PortalGate.objects.get().pk, now=lambda: at, look=lambda *_, **__: live)
    publication = release.publications.get(account=district.accounts[0])
    put(publication, "live", sent_at=at + timedelta(seconds=10, milliseconds=3), live_at=at + timedelta(seconds=14))
    shown = story(as_("duty"), release.pk)
    assert "门户已上线" in shown
    assert "门户上线后 10.0 秒" in shown
    assert "晚 3.0 毫秒" in shown  # against the instant that the page allowed
    assert "门户放行" in shown


def test_a_release_whose_page_never_came_says_what_a_person_must_do(district: District, as_: Login) -> None:
    release = gated(district)
    late = release.instant + timedelta(minutes=10)
    PortalGate.objects.update(next_at=late)
    gating.ask(
        PortalGate.objects.get().pk, now=lambda: late, look=lambda *_, **__: Look(Seen.UNCLEAR, "网站答复太慢，没有等完")
    )  # fmt: skip
    shown = story(as_("duty"), release.pk)
    assert "等人决定" in shown
    assert f"请先决定：发布单 {release.pk}“不等网页，照发”，还是“继续暂停”" in shown
    assert "tongfa " not in shown.split('id="main"')[1]
    gating.decide(release, go=True, person=district.people["duty"], now=late)
    shown = story(as_("duty"), release.pk)
    assert "周值于" in shown
    assert "不等门户，放行" in shown


def test_a_release_at_its_time_has_no_portal_card(district: District, as_: Login) -> None:
    assert "门户联动" not in story(as_("duty"), district.signed().pk)


def test_a_release_that_is_past_its_time_and_waits_is_called_that(district: District, as_: Login) -> None:
    release = gated(district)
    with lifted("release_kept_while_signed"):
        Release.objects.filter(pk=release.pk).update(instant=now() - timedelta(minutes=1))
    force(Publication.objects.filter(release=release), "staged")
    for url in (f"/releases/{release.pk}", "/"):
        shown = as_("duty").get(url).content.decode()
        assert "等门户上线</span>" in shown.replace("\n", "")


def test_a_push_that_a_person_declared_live_says_so_wherever_it_is_called_live(district: District, as_: Login) -> None:
    release = district.signed()
    wechat, weibo = release.publications.order_by("account_id")
    put(wechat, "held")
    put(weibo, "live", ids={"declared_by": "孙签"})
    shown = story(as_("duty"), release.pk)
    assert "已公开：临沂河东 1 次推送（由人登记，未经系统核对）；未公开：中国河东 1 次推送（已暂停）。" in shown
    assert "已公开 1 篇（由人登记，未经系统核对）。" in shown
    assert "<dt>登记已发布</dt>" in shown
