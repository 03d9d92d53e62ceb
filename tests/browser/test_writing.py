"""Writing in a real browser: typed, kept, checked, previewed on three phones, handed in."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from bot.models import Document, Draft
from bot.services import drafting, people
from tests.console.world import ARTICLES, PASSWORD, District, now

from .conftest import Open, fits, shoot
from .test_access import violations

pytestmark = pytest.mark.browser

CSV = "编号,类型,标题,原文链接\nA-1,通知公告,关于清明祭扫的通告,https://www.hedong.gov.cn/1.html\nA-2,通知,,https://www.hedong.gov.cn/2.html\n"
LOOKS = [("desk", "light"), ("desk", "dark"), ("phone", "light"), ("phone", "dark")]


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_the_list_of_documents(size: str, scheme: str, district: District, window: Open) -> None:
    for article in ARTICLES:
        district.document(article)
    with window(size, scheme, login="editor", at="") as page:
        page.goto("/documents")
        assert fits(page)
        shoot(page, f"documents-{size}-{scheme}")
        page.fill("#q", "公交")
        expect(page.locator(".rows > li")).to_have_count(1)
        expect(page).to_have_url(re.compile("q=%E5%85%AC"))


def test_on_a_phone_the_list_keeps_the_times_of_a_document_apart(district: District, window: Open) -> None:
    """When it was changed is named as that, on a line of its own; where it goes stands below."""
    district.planned()
    with window("phone", login="editor", at="/documents") as page:
        changed, goes = page.locator(".rows .right span"), page.locator(".rows .right a").first
        expect(changed).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d 改动$"))
        above, below = changed.bounding_box(), goes.bounding_box()
        assert above
        assert below
        assert above["y"] + above["height"] <= below["y"]
        shoot(page, "documents-times-phone")


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_an_import_says_what_became_of_each_row(size: str, scheme: str, district: District, window: Open) -> None:
    with window(size, scheme, login="editor", at="") as page:
        page.goto("/import")
        page.set_input_files("#file", {"name": "items.csv", "mimeType": "text/csv", "buffer": CSV.encode()})
        expect(page.locator("[data-chosen]")).to_have_text("items.csv")
        page.get_by_role("button", name="导入").click()
        expect(page.get_by_text("新增 1")).to_be_visible()
        expect(page.get_by_role("cell", name="A-2")).to_be_visible()
        assert fits(page)
        shoot(page, f"import-{size}-{scheme}")


def test_the_whole_report_of_an_import_is_saved_by_the_browser(district: District, window: Open) -> None:
    """Under the policy of the pages, with nothing of it kept by the server."""
    rows = "编号,类型,标题,原文链接\n" + "".join(
        f"B-{n},通知,,https://www.hedong.gov.cn/{n}.html\n" for n in range(230)
    )
    with window(login="editor", at="") as page:
        page.goto("/import")
        page.set_input_files("#file", {"name": "items.csv", "mimeType": "text/csv", "buffer": rows.encode()})
        page.get_by_role("button", name="导入").click()
        with page.expect_download() as saved:
            page.get_by_role("button", name="下载完整报告").click()
        assert re.fullmatch(r"导入报告 \d{4}-\d\d-\d\d \d{6}\.csv", saved.value.suggested_filename)
        whole = saved.value.path().read_bytes()
        assert whole.startswith(b"\xef\xbb\xbf" + '"文件","行"'.encode())
        assert whole.count(b"\r\n") == 231
        assert '"items.csv","231","B-229","拒收","标题"'.encode() in whole
        expect(page.get_by_role("status").filter(has_text="离开本页后不能再下载")).to_be_visible()


def test_a_file_that_is_dropped_on_the_page_is_imported(district: District, window: Open) -> None:
    with window(login="editor", at="") as page:
        page.goto("/import")
        carried = page.evaluate_handle(
            "text => { const held = new DataTransfer(); held.items.add(new File([text], '手册.csv', {type: 'text/csv'}));"
            " return held; }",
            CSV,
        )
        page.dispatch_event("[data-drop]", "dragenter", {"dataTransfer": carried})
        expect(page.locator("[data-drop]")).to_have_class(re.compile(r"\bover\b"))
        page.dispatch_event("[data-drop]", "drop", {"dataTransfer": carried})
        expect(page.locator("[data-drop]")).not_to_have_class(re.compile(r"\bover\b"))
        expect(page.locator("[data-chosen]")).to_have_text("手册.csv")
        page.get_by_role("button", name="导入").click()
        expect(page.get_by_text("新增 1")).to_be_visible()
        assert Document.objects.get().external_id == "A-1"


def test_what_is_typed_is_kept_without_being_asked_and_checked_beside_it(district: District, window: Open) -> None:
    district.document()
    with window(login="editor", at="") as page:
        page.goto("/edit/of/HD-1")
        page.fill("#title", "关于调整城区公交线路的紧急通知")
        page.locator("[data-body]").click()
        page.keyboard.press("End")
        page.keyboard.type("请广大乘客相互转告。")
        expect(page.locator("[data-saved]")).to_contain_text("草稿自动保存于")
        expect(page.locator("[name=revision]")).not_to_have_value("0")
        kept = Draft.objects.get().fields
        assert kept["title"] == "关于调整城区公交线路的紧急通知"
        assert "相互转告" in kept["body_html"]
        shoot(page, "editor-desk-light")
        page.get_by_role("button", name="保存并预览").click()
        expect(page.locator(".preview")).to_have_count(3)
        assert Document.objects.get().title == "关于调整城区公交线路的紧急通知"


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_the_phones_beside_the_editor_follow_what_is_typed(size: str, district: District, window: Open) -> None:
    district.document()
    with window(size, login="editor", at="") as page:
        page.goto("/edit/of/HD-1")
        page.get_by_text("三屏预览（随自动保存更新）").click()
        shown = ".preview:nth-child({}) iframe:first-child"  # while a new one is drawn it stands behind it
        wechat = page.frame_locator(shown.format(1))
        expect(wechat.locator(".wx-words h2")).to_have_text(ARTICLES[0].title)
        wechat.locator("main").evaluate("one => { one.scrollTop = 150; }")
        page.fill("#title", "公交线路有新变化")
        expect(wechat.locator(".wx-words h2")).to_have_text("公交线路有新变化")
        expect(page.frame_locator(shown.format(3)).locator("h1")).to_have_text("公交线路有新变化")
        expect(page.locator("#phones iframe")).to_have_count(3)
        assert wechat.locator("main").evaluate("one => one.scrollTop") == 150
        page.get_by_role("button", name="深色模式").click()
        expect(wechat.locator("body.dark")).to_be_visible()
        assert fits(page)
        shoot(page, f"editor-phones-{size}")
        page.reload()
        expect(wechat.locator(".wx-words h2")).to_have_text("公交线路有新变化")


@pytest.mark.parametrize(("size", "scheme"), [("desk", "dark"), ("phone", "light"), ("phone", "dark")])
def test_the_editor_fits(size: str, scheme: str, district: District, window: Open) -> None:
    district.document()
    with window(size, scheme, login="editor", at="") as page:
        page.goto("/edit/of/HD-1")
        expect(page.get_by_text("各渠道字数")).to_be_visible()
        assert fits(page)
        shoot(page, f"editor-{size}-{scheme}")


WIDE = f"<table><tr>{'<td>第三季度</td>' * 18}</tr></table>"


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_a_wide_table_and_long_results_scroll_where_they_are_and_by_the_keyboard(
    size: str, district: District, window: Open
) -> None:
    district.widened(wechat=8, weibo=8).document(replace(ARTICLES[0], body_html=WIDE))
    with window(size, login="editor", at="") as page:
        page.goto("/edit/of/HD-1")
        expect(page.locator("[data-body] td").first).to_be_visible()
        page.locator("[data-body]").scroll_into_view_if_needed()
        assert fits(page)
        assert violations(page) == []
        shoot(page, f"editor-wide-{size}")


def test_what_is_pasted_keeps_its_form_and_loses_the_rest(district: District, window: Open) -> None:
    district.document()
    with window(login="editor", at="") as page:
        page.goto("/edit/of/HD-1")
        page.evaluate(
            """() => {
                const body = document.querySelector("[data-body]");
                body.focus();
                document.execCommand("selectAll");
                const data = new DataTransfer();
                data.setData("text/html", '<p style="color:red">甲<b>乙</b><script>alert(1)</script><a href="x">丙</a></p>');
                body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
            }"""
        )
        expect(page.locator("[name=revision]")).not_to_have_value("0")
        assert re.sub("<p></p>", "", Draft.objects.get().fields["body_html"]) == "<p>甲<strong>乙</strong>丙</p>"


def test_raised_characters_are_kept_made_and_found_by_what_the_checks_say_of_them(
    district: District, window: Open
) -> None:
    district.document(replace(ARTICLES[0], body_html="<p>占地3.2×10<sup>4</sup>平方米，峻工10<sub>n</sub></p>"))
    with window(login="editor", at="") as page:
        page.goto("/edit/of/HD-1")
        page.locator("[data-body]").click()
        page.keyboard.press("Control+End")
        page.get_by_role("button", name="上标").click()
        page.keyboard.type("2")
        expect(page.locator("[name=revision]")).not_to_have_value("0")
        kept = Draft.objects.get().fields["body_html"]
        assert "3.2×10<sup>4</sup>平方米" in kept
        assert "10<sub>n</sub><sup>2</sup>" in kept
        wrong = page.locator('#margin [data-find="body_html"]:not([data-instead])').first
        wrong.evaluate("button => Object.assign(button.dataset, { words: '10⁴平方米，峻工10_(n)²', before: '0' })")
        wrong.click()
        assert page.evaluate("getSelection().toString().replace(/\\s/g, '')") == "104平方米，峻工10n2"


def test_a_second_editor_sees_that_somebody_is_writing(district: District, window: Open) -> None:
    district.document()
    people.add_person(
        "li2", name="李二", unit=district.unit, roles=["editor"], password=PASSWORD, actor="test", now=now()
    )
    with window(login="editor") as first, window(login="li2") as second:
        first.goto("/edit/of/HD-1")
        second.goto("/edit/of/HD-1")
        expect(second.get_by_text("李拟 正在编辑这份稿件")).to_be_visible()
        expect(second.locator("#title")).to_be_disabled()
        shoot(second, "editor-busy")
        second.get_by_role("button", name=re.compile("接着编辑")).click()
        expect(second.locator("#title")).to_be_enabled()
        first.fill("#title", "我还在写")
        expect(first.locator("#margin")).to_contain_text("李二接着编辑")


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_a_finding_leads_to_its_words_and_puts_better_ones_in_their_place(
    size: str, scheme: str, district: District, window: Open
) -> None:
    document = district.document()
    with window(size, scheme, login="editor", at="") as page:
        page.goto("/edit/of/HD-1")
        page.fill("#summary", "工程已峻工，请核对；峻工以后另行通知。")
        page.locator("[data-body]").click()
        page.keyboard.press("End")
        page.keyboard.type("没有峻工的请来电。")
        wrong = page.locator("#margin li", has_text="峻工")
        expect(wrong.first).to_be_visible()
        page.locator("#margin .findings details").first.locator("summary").click()
        page.locator("#margin").scroll_into_view_if_needed()
        assert fits(page)
        assert violations(page) == []
        shoot(page, f"editor-findings-{size}-{scheme}")
        places = page.locator('#margin [data-find="summary"]:not([data-instead])')
        places.last.click()
        assert page.evaluate("document.activeElement.id") == "summary"
        chosen = page.locator("#summary").evaluate("field => [field.selectionStart, field.selectionEnd]")
        assert chosen == [10, 12], "the second of the two"
        page.locator('#margin [data-find="summary"][data-instead]').first.click()
        expect(page.locator("#summary")).to_have_value("工程已竣工，请核对；峻工以后另行通知。")
        page.locator('#margin [data-find="body_html"][data-instead]').first.click()
        expect(page.locator("[data-body]")).to_contain_text("没有竣工的请来电。")
        expect(page.locator('#margin [data-find="body_html"][data-instead]')).to_have_count(0)
        fields = Draft.objects.get().fields
        assert "没有竣工的请来电" in fields["body_html"]
        assert "工程已竣工" in fields["summary"]
    assert document.editions.count() == 1


def test_a_finding_is_let_pass_beside_the_text_with_a_reason_that_autosave_does_not_wipe(
    district: District, window: Open
) -> None:
    document = district.document()
    with window(login="editor", at="") as page:
        page.goto("/edit/of/HD-1")
        page.get_by_text("公开要素").click()
        page.fill("#source_url", "https://www.shandong.gov.cn/1.html")
        line = page.locator("#margin li", has=page.locator('[data-rule="source.other_site"]'))
        line.locator("summary").click()
        line.locator("input").fill("是省里")
        page.fill("#title", "关于调整城区公交线路的公告")
        expect(page.locator("[name=revision]")).to_have_value("2")
        line.locator("input").focus()
        page.keyboard.press("End")
        page.keyboard.type("的网站")
        line.get_by_role("button", name="忽略并记下理由").click()
        expect(page.locator("#margin")).to_contain_text("已忽略")
        expect(page.locator("#title")).to_have_value("关于调整城区公交线路的公告")
    assert document.waivers.get().reason == "是省里的网站"


def test_what_was_typed_outlives_the_end_of_the_login(district: District, window: Open) -> None:
    """The answer to the press is the login page; whoever logs in again in this tab finds their words."""
    document = district.document()
    with window(login="editor", at="") as page:
        page.goto("/edit/of/HD-1")
        page.context.clear_cookies(name=re.compile("tongfa$"))
        page.fill("#title", "登录结束时写的标题")
        page.locator("[data-body]").click()
        page.keyboard.press("End")
        page.keyboard.type("最后一句。")
        page.get_by_role("button", name="保存为新版本").click()
        page.fill("#username", "editor")
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/login" not in url)
        page.goto("/edit/of/HD-1")
        expect(page.get_by_text("还留着")).to_be_visible()
        expect(page.locator("#title")).to_have_value(document.title)
        page.get_by_role("button", name="放回来接着写").click()
        expect(page.locator("#title")).to_have_value("登录结束时写的标题")
        expect(page.locator("[data-body]")).to_contain_text("最后一句。")
        expect(page.locator("[name=revision]")).not_to_have_value("0")
        page.get_by_role("button", name="保存为新版本").click()
        page.goto("/edit/of/HD-1")
        expect(page.locator("[data-shelf]")).to_be_hidden()
    assert document.current.title == "登录结束时写的标题"


LEAVING = """() => {
    const event = new Event("beforeunload", { cancelable: true });
    dispatchEvent(event);
    return event.defaultPrevented;
}"""


def test_the_browser_warns_of_what_is_not_saved_also_after_a_sending_that_failed(
    district: District, window: Open
) -> None:
    district.document()
    with window(login="editor", at="") as page:
        page.goto("/edit/of/HD-1")
        assert not page.evaluate(LEAVING)
        page.route("**/edit/**", lambda route: route.abort())
        page.fill("#title", "还没有保存的")
        assert page.evaluate(LEAVING)
        page.evaluate("document.getElementById('writing').dispatchEvent(new Event('submit', { cancelable: true }))")
        assert not page.evaluate(LEAVING), "sending it is no loss"
        assert page.evaluate(LEAVING), "but the page is still here"


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_a_page_that_slept_shows_the_differences_before_it_replaces_anything(
    size: str, scheme: str, district: District, window: Open, complaints: list[str]
) -> None:
    document = district.document()
    colleague = people.add_person(
        "li2", name="李二", unit=district.unit, roles=["editor"], password=PASSWORD, actor="test", now=now()
    )
    with window(size, scheme, login="editor", at="") as page:
        page.goto("/edit/of/HD-1")
        drafting.open_for(document, person=colleague, now=now(), take_over=True)
        fields = drafting.fields_of(document.current) | {"title": "李二改的标题"}
        drafting.save(document, fields, page=drafting.page_of(document), person=colleague, now=now())
        page.fill("#title", "李拟旧页上的标题")
        page.get_by_role("button", name="保存为新版本").click()
        expect(page.locator(".clash")).to_contain_text("保存这一页会取代第 2 版")
        expect(page.locator("#title")).to_have_value("李拟旧页上的标题")
        assert fits(page)
        assert violations(page) == []
        shoot(page, f"editor-clash-{size}-{scheme}")
        page.get_by_role("button", name="保存为新版本").click()
        assert document.current.title == "李二改的标题", "the box comes first"
        page.locator(".clash [name=over]").check()
        page.get_by_role("button", name="保存为新版本").click()
        expect(page.get_by_text("已保存为第 3 版")).to_be_visible()
    assert all("409" in line for line in complaints)  # the browser tells of the answer that was no, and of nothing else
    complaints.clear()


@pytest.mark.parametrize("address", ["/preview/HD-1", "/documents/HD-1"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_three_phones_of_true_width_stand_side_by_side(
    size: str, address: str, district: District, window: Open
) -> None:
    document = district.approved()
    with window(size, login="editor", at="") as page:
        page.goto(address)
        page.locator(".preview-row").scroll_into_view_if_needed()
        frames = [page.frame_locator(f".preview:nth-child({n}) iframe") for n in (1, 2, 3)]
        expect(frames[0].locator(".wx-words h2")).to_have_text(document.title)
        expect(frames[1].locator(".wb-text").first).to_contain_text("公交")
        expect(frames[2].locator("h1")).to_have_text(document.title)
        expect(frames[0].frame_locator("iframe").locator("h1")).to_have_text(document.title)
        assert fits(page)
        if size == "desk":
            boxes = [page.locator(".glass iframe").nth(n).bounding_box() for n in range(3)]
            tops = [box["y"] for box in boxes if box]
            assert max(tops) - min(tops) < 2, "beside one another"
            assert all(box and box["width"] >= 375 for box in boxes)
        name = address.split("/")[1]
        shoot(page, f"phones-{name}-{size}-light")
        page.get_by_role("button", name="深色模式").click()
        expect(frames[0].locator("body.dark")).to_be_visible()
        expect(frames[0].frame_locator("iframe").locator("body.flips")).to_be_attached()
        shoot(page, f"phones-{name}-{size}-dark")
