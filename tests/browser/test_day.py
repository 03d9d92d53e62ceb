"""A whole day, played in real browsers against the running console, the engine and the rehearsal platforms.

An editor imports and mends, three reviewers pass from their phones, a releaser signs, the release goes out while its page is
watched; one answer is lost, two people settle it; a correction is issued and goes out. Whoever has no business at a step is
stopped there: nothing to press, and the bare request refused.
"""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from bot.domain.delivery import State
from bot.domain.instants import to_beijing
from bot.models import Document, Publication, Release, Withdrawal
from bot.rehearsal import RehearsalServer, faults
from tests.console.world import District, now

from .conftest import Open, fits, shoot
from .playing import Day, Engine, a_day, say_who, seated, stopped, with_passwords
from .test_release_live import not_reloaded, watched

pytestmark = pytest.mark.browser

BUS, BIRTH = "关于调整城区公交线路的通知", "新生儿落户怎么办"
WRONG, RIGHT = "依据《中华人民共和国信息公开条例》，", "依据《中华人民共和国政府信息公开条例》，"
ROWS = f"""编号,类型,标题,发文字号,发布机构,摘要,正文,原文链接
HD-1,通知公告,{BUS},临东政办字〔2017〕41号,河东区人民政府办公室,{WRONG}自12月1日起调整3路、8路公交车站点。,请市民留意站牌。,https://www.hedong.gov.cn/a/1.html
HD-2,便民服务,{BIRTH},,河东区公安分局,带齐材料到户籍所在地派出所办理。,当场办结。,https://www.hedong.gov.cn/a/2.html
HD-3,通知,,,河东区教育体育局,没有标题的一行,,https://www.hedong.gov.cn/a/3.html
"""
LEAD = timedelta(minutes=8)  # from composing to the instant: people take their time
STAGED_WITHIN = timedelta(seconds=27)  # before the instant the engine begins: staging is over 15 s before it
ACCOUNTS = ("中国河东", "临沂河东")


def test_a_day(district: District, platform: RehearsalServer, window: Open) -> None:
    with_passwords(district)
    with a_day() as day:
        import_and_mend(district, window)
        pass_from_phones(district, window, *Document.objects.order_by("pk"))
        release = compose_and_sign(district, window, "十二月第一批政务公开", BUS, BIRTH)
        lose_one_answer(platform)
        day.ahead_to(release.instant - STAGED_WITHIN)
        with Engine() as engine:
            watch_it_go_out(district, window, release, engine)
            settle(district, window, release, engine, day)
        correction = correct(district, window, release)
        day.ahead_to(correction.instant - STAGED_WITHIN)
        with Engine() as engine:
            watch_the_correction(district, window, correction, engine)


# --- the editor -------------------------------------------------------------------------------------------------


def import_and_mend(district: District, window: Open) -> None:
    with seated(window, district, "first") as page:
        stopped(page, "/documents", "导入", "/import")
    with window(login="editor", at="") as page:
        page.goto("/documents")
        page.get_by_role("link", name="导入").first.click()
        page.set_input_files("#file", {"name": "今日.csv", "mimeType": "text/csv", "buffer": ROWS.encode()})
        page.get_by_role("button", name="导入").click()
        expect(page.get_by_text("新增 2")).to_be_visible()
        expect(page.get_by_role("cell", name="HD-3")).to_be_visible()
        assert not Document.objects.filter(external_id="HD-3").exists()
        page.goto("/documents/HD-2")
        page.get_by_role("button", name="送审").click()
        page.goto("/documents/HD-1")
        page.get_by_role("button", name="送审").click()
        expect(page.locator("main, .flash").filter(has_text="政府信息公开条例").first).to_be_visible()
        assert Document.objects.get(external_id="HD-1").current.submitted_at is None
        with seated(window, district, "first") as other:
            stopped(other, "/documents/HD-1", "送审", "/submit/HD-1")
            stopped(other, "/documents/HD-1", "编辑", "/edit/save/HD-1", title="我来改", base="1", revision="0")
        page.goto("/edit/of/HD-1")
        expect(page.locator("#margin")).to_contain_text("必须修改")
        page.fill("#summary", f"{RIGHT}自12月1日起调整3路、8路公交车站点。")
        expect(page.locator("#margin")).to_contain_text("没有发现问题")
        page.get_by_role("button", name="保存并送审").click()
        expect(page.locator(".release-facts").first).to_contain_text("待初审")
        shoot(page, "day-1-submitted")


# --- three reviewers, each on a phone ---------------------------------------------------------------------------


def pass_from_phones(district: District, window: Open, *documents: Document) -> None:
    addresses = [f"/reviews/{one.current.pk}" for one in documents]
    with seated(window, district, "editor", "phone") as author:
        for who, word in (("first", "初审"), ("second", "复审"), ("final", "终审")):
            with seated(window, district, who, "phone") as page:
                for address in addresses:
                    seen = open_all(page, address)
                    if address == addresses[0]:
                        stopped(author, address, f"{word}通过", f"{address}/decide", seen=seen, verdict="pass")
                    page.locator("#pass").tap()
                    expect(page.locator(".flash-success")).to_contain_text("已通过")
    assert {one.current.status.value for one in documents} == {"approved"}


def open_all(page: Page, address: str) -> str:
    """Look at every channel, as whoever passes must; what the page will say that was seen."""
    page.goto(address)
    expect(page.locator("#pass")).to_be_disabled()
    for name in ACCOUNTS:
        page.locator("#channels").get_by_role("button", name=name).tap()
        expect(page.locator(".channel-tab[aria-current]")).to_contain_text(name)
    expect(page.locator("#pass")).to_be_enabled()
    assert fits(page)
    return page.locator("#pass-part [name=seen]").input_value()


# --- the releaser -----------------------------------------------------------------------------------------------


def compose_and_sign(district: District, window: Open, title: str, *titles: str, only: str = "") -> Release:
    with seated(window, district, "releaser") as page:
        page.goto("/releases")
        for one in titles:
            add(page, one)
        if only:
            page.locator(".where-to").filter(has_not_text=only).locator("[name=account]").uncheck()
        page.fill("#title", title)
        page.get_by_role("button", name="保存发布单").click()
        expect(page.locator(".flash")).to_contain_text("还没有签发")
        release = Release.objects.latest("pk")
        sign = f"/releases/{release.pk}/sign"
        with seated(window, district, "duty") as other:
            stopped(other, f"/releases/{release.pk}", "核对清单并签发", sign)
        page.get_by_role("link", name="核对清单并签发").click()
        page.get_by_role("button", name="签发", exact=True).click()
        say_who(page)
        expect(page.locator(".flash")).to_contain_text("已签发，清单哈希尾号")
    release.refresh_from_db()
    assert release.signed_by == district.people["releaser"]
    return release


def add(page: Page, title: str) -> None:
    if "/releases/new" not in page.url:
        page.goto(f"/releases/new?at={(now() + LEAD).isoformat().replace('+', '%2B')}")
    page.fill("#find", title)
    page.get_by_role("button", name=f"添加：{title}").click()
    expect(page.locator(".chosen")).to_contain_text(title)


def lose_one_answer(platform: RehearsalServer) -> None:
    """Weibo hangs up on the first post without having taken it: nobody here can know."""
    with platform.world.store.transaction():
        faults.arm(platform.world.store, {"platform": "weibo", "call": "statuses/share", "fault": "lost_before"})


def watch_it_go_out(district: District, window: Open, release: Release, engine: Engine) -> None:
    with seated(window, district, "duty") as page:
        watched(page, f"/releases/{release.pk}")
        expect(page.locator("#lanes")).to_contain_text("即将发出")
        mass, doubt, behind = pushes(release)
        engine.until(page, lambda: states(mass, doubt, behind) == [State.LIVE, State.UNKNOWN, State.HELD], seconds=70)
        expect(page.locator("#lanes")).to_contain_text("结果不明")
        expect(page.locator(".lane").filter(has_text="中国河东").locator(".station.passed").first).to_be_visible()
        expect(page.locator("#head")).to_contain_text("部分发出")
        mass.refresh_from_db()
        assert mass.sent_at is not None
        assert mass.sent_at >= mass.instant
        expect(page.locator("#lanes")).to_contain_text(to_beijing(mass.sent_at).strftime("%H:%M:%S"))
        assert not_reloaded(page)
        shoot(page, "day-2-partly-out")


# --- what nobody knows ------------------------------------------------------------------------------------------


def settle(district: District, window: Open, release: Release, engine: Engine, day: Day) -> None:
    _, doubt, behind = pushes(release)
    case = f"/exceptions/{doubt.pk}"
    with seated(window, district, "duty") as page:
        until_the_next_look = lambda: day.ahead_to(fresh(doubt).next_at)  # noqa: E731
        engine.until(page, lambda: states(doubt) == [State.NEEDS_PERSON], seconds=60, each=until_the_next_look)
        with seated(window, district, "editor") as other:
            stopped(other, case, "提出重发", f"{case}/ask-again", reason="我想重发")
        page.goto("/exceptions")
        page.locator(f'a[href="{case}"]').first.click()
        expect(page.get_by_text("是否已发出：不明", exact=True)).to_be_visible()
        page.get_by_label("核实情况（必填）").fill("主页和内容管理里都没有")
        page.get_by_role("button", name="提出重发，请第二人确认").click()
        say_who(page)
        expect(page.get_by_text("还没有重发")).to_be_visible()
        stopped(page, case, "我也核实过，确认重发", f"{case}/confirm-again")
        with seated(window, district, "final") as second:
            second.goto(case)
            second.get_by_role("button", name="我也核实过，确认重发").click()
            say_who(second)
            expect(second.get_by_text("两人已确认")).to_be_visible()
            shoot(second, "day-3-settled")
        engine.until(page, lambda: states(doubt) == [State.LIVE], seconds=90)
        resume(district, window, release, engine, behind)
    assert states(*pushes(release)) == [State.LIVE] * 3


def resume(district: District, window: Open, release: Release, engine: Engine, behind: Publication) -> None:
    """What waited behind the doubt goes out once somebody says so."""
    with seated(window, district, "duty") as other:
        stopped(other, f"/releases/{release.pk}", "恢复", f"/releases/{release.pk}/resume")
    with seated(window, district, "releaser") as page:
        page.goto(f"/releases/{release.pk}")
        page.get_by_role("button", name="恢复").first.click()
        say_who(page)
        engine.until(page, lambda: states(behind) == [State.LIVE], seconds=90)


# --- a correction -----------------------------------------------------------------------------------------------


def correct(district: District, window: Open, release: Release) -> Release:
    """What was wrong comes down by hand, the corrected text takes the whole way again."""
    wrong = Document.objects.get(external_id="HD-1")
    take_down(district, window, release)
    with seated(window, district, "editor") as page:
        page.goto("/edit/of/HD-1")
        page.fill("#summary", f"{RIGHT}自12月2日起调整3路、8路公交车站点。")
        expect(page.locator("[name=revision]")).not_to_have_value("0")
        page.get_by_role("button", name="保存并送审").click()
        expect(page.locator(".release-facts").first).to_contain_text("待初审")
        withdrawal = Withdrawal.objects.get().pk
        with seated(window, district, "first") as other:
            link = {"old": str(wrong.editions.get(number=2).pk), "document": "HD-1", "correction": "我来登记"}
            stopped(other, f"/releases/{release.pk}/withdraw", "登记", f"/withdrawals/{withdrawal}/corrects", **link)
        page.goto(f"/releases/{release.pk}/withdraw")
        page.get_by_text("登记更正件").last.click()
        page.get_by_label("更正了什么").fill("起始日期改为12月2日")
        page.get_by_role("button", name="登记", exact=True).click()
        expect(page.get_by_text("更正件：").first).to_be_visible()
    pass_from_phones(district, window, wrong)
    return compose_and_sign(district, window, "更正公交线路调整日期", BUS, only="临沂河东")


def take_down(district: District, window: Open, release: Release) -> None:
    """Asked by the editor, confirmed by a releaser, done by hand and registered: an app may delete nothing on Weibo."""
    address = f"/releases/{release.pk}/withdraw"
    ask = "提出撤回，请第二人确认"
    with seated(window, district, "first") as other:
        stopped(other, address, ask, f"{address}/ask", reason="我想撤回")
    with seated(window, district, "editor") as page:
        page.goto(f"{address}?kind=correction")
        for box in page.locator("[name=target], [name=portal]").all():
            box.uncheck()
        page.locator(".allow").filter(has_text="临沂河东").locator("label").filter(has_text=BUS).locator(
            "[name=target]"
        ).check()
        expect(page.locator("#notice")).not_to_have_value(re.compile(BIRTH))  # drafted anew for what is ticked
        expect(page.locator("#notice-part.htmx-added")).to_have_count(0)
        page.get_by_label("撤回原因").fill("起始日期写错")
        page.locator("#notice").fill(page.locator("#notice").input_value().replace("〔请写明〕", "12月2日"))
        page.get_by_role("button", name=ask).click()
        say_who(page)
        expect(page.get_by_text("还没有撤下任何内容")).to_be_visible()
        confirm = Withdrawal.objects.get().pk
        stopped(page, address, "确认撤回（不能恢复）", f"/withdrawals/{confirm}/confirm")
    with seated(window, district, "releaser") as page:
        page.goto(address)
        page.get_by_role("button", name="确认撤回（不能恢复）").click()
        say_who(page)
        page.get_by_text("登记已手工删除").first.click()
        page.get_by_label("何时、由谁删除，打开链接后看到什么").fill("孙签删除，打开显示已删除")
        page.get_by_role("button", name="登记已手工删除").click()
        expect(page.get_by_text("已办结的撤回")).to_be_visible()


def watch_the_correction(district: District, window: Open, correction: Release, engine: Engine) -> None:
    [one] = pushes(correction)
    with seated(window, district, "duty") as page:
        watched(page, f"/releases/{correction.pk}")
        engine.until(page, lambda: states(one) == [State.LIVE], seconds=70)
        expect(page.locator("#head")).to_contain_text("已发布")
        assert not_reloaded(page)
        page.goto("/documents/HD-1?edition=2")
        expect(page.get_by_text("第 2 版已由")).to_be_visible()


def pushes(release: Release) -> list[Publication]:
    return list(release.publications.order_by("account_id", "lane"))


def states(*publications: Publication) -> list[State]:
    return [fresh(one).status for one in publications]


def fresh(one: Publication) -> Publication:
    one.refresh_from_db()
    return one
