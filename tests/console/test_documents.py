"""文件与稿件: found in two characters, filtered, imported with a report by row, written, previewed; and by nobody else."""

from __future__ import annotations

import csv
import dataclasses
import html
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from bot.cli.main import main
from bot.console.document import with_asset_addresses
from bot.console.faces import LINK
from bot.domain.article import Article
from bot.domain.post import CREDIT_SLOT
from bot.models import Account, AssetRecord, Document, Draft, Edition, Item
from bot.rehearsal import RehearsalServer
from bot.services import documents, drafting, editorial, people

from .world import ARTICLES, LOOPBACK, District, fresh_home, now, put

Login = Callable[[str], Client]


def titles(page: str) -> list[str]:
    return [article.title for article in ARTICLES if article.title in page]


def test_the_list_shows_the_units_documents_with_state_kind_and_author(district: District, as_: Login) -> None:
    for article in ARTICLES:
        district.document(article)
    page = as_("editor").get("/documents").content.decode()
    assert len(titles(page)) == 3
    assert "拟稿" in page
    assert "通知公告" in page
    assert "李拟 拟稿" in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=公交", [0]),
        ("q=户口", [1]),
        ("q=当场办结", [1]),
        ("q=便民服务", [1]),
        ("q=教育体育局", [2]),
        ("kind=service", [1]),
        ("state=submitted", [2]),
        ("q=2017&kind=notice", [0, 2]),
    ],
)
def test_search_and_filters_narrow_it(district: District, as_: Login, query: str, expected: list[int]) -> None:
    for article in ARTICLES:
        district.document(article)
    editorial.submit(documents.find_document("HD-3", unit=district.unit), person=district.people["editor"], now=now())
    page = as_("first").get(f"/documents?{query}", headers={"HX-Request": "true", "HX-Target": "rows"}).content.decode()
    assert titles(page) == [ARTICLES[at].title for at in expected]
    assert "<html" not in page, "htmx gets the rows alone"


def test_what_is_public_everywhere_is_called_so_and_what_was_taken_down_or_returned_is_not(
    district: District, as_: Login
) -> None:
    release = district.signed(ARTICLES[0])
    pushes = list(release.publications.order_by("pk"))
    edition = pushes[0].items.get().edition
    put(pushes[0], "live")
    assert "已发布" not in rows_of(as_)
    put(pushes[1], "live")
    assert "已发布" in rows_of(as_)
    Item.objects.filter(publication=pushes[0]).update(withdrawn_at=now())
    assert "已发布" not in rows_of(as_)
    Item.objects.filter(publication=pushes[0]).update(withdrawn_at=None)
    Edition.objects.filter(pk=edition.pk).update(state="returned")
    shown = rows_of(as_)
    assert "已退回" in shown
    assert "已发布" not in shown


def test_every_account_to_which_a_document_goes_is_named_and_what_is_beyond_is_counted(
    district: District, as_: Login
) -> None:
    for number in range(2, 5):
        district.accounts.append(district._weibo(f"wb{number}", LOOPBACK))
        Account.objects.filter(slug=f"wb{number}").update(name=f"第{number}个微博")
    release = district.signed(ARTICLES[0])
    for push in release.publications.all():
        put(push, "live")
    shown = rows_of(as_).split('class="right"')[1].split("</div>")[0]
    assert shown.count(f'href="/releases/{release.pk}"') == 4
    for name in ("中国河东", "临沂河东", "第2个微博", "第3个微博"):
        assert name in shown
    assert '<a href="/documents/HD-1">另 1 处</a>' in shown


def rows_of(as_: Login) -> str:
    return as_("editor").get("/documents", headers={"hx-request": "true", "hx-target": "rows"}).content.decode()


def test_nothing_to_look_for_says_so(district: District, as_: Login) -> None:
    assert "没有可查的文字" in as_("editor").get("/documents?q=!!").content.decode()
    assert "还没有文件" in as_("editor").get("/documents").content.decode()
    assert "没有符合条件" in as_("editor").get("/documents?q=低保").content.decode()


def test_a_page_costs_the_same_however_many_there_are(
    district: District, as_: Login, django_assert_max_num_queries: Any
) -> None:
    import dataclasses

    many = [dataclasses.replace(ARTICLES[0], external_id=f"M-{n}", title=f"第{n}号通知") for n in range(120)]
    for article in many:
        documents.save_article(article, person=district.people["editor"], now=now())
    client = as_("editor")
    with django_assert_max_num_queries(17):
        page = client.get("/documents").content.decode()
    assert page.count("号通知") == 50
    assert "共 120 份，最近改动的在前" in page
    assert "符合条件的共 50 份以上" in client.get("/documents?q=通知").content.decode()
    follow = page.split('class="more"')[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
    second = client.get(follow).content.decode()
    assert second.count("号通知") == 50
    assert "最近改动的在前" not in second, "how many there are is said once"
    assert not set(_numbers(page)) & set(_numbers(second))


def _numbers(page: str) -> list[str]:
    import re

    return re.findall(r"第(\d+)号通知", page)


def test_filters_are_kept_as_a_view(district: District, as_: Login) -> None:
    client = as_("editor")
    answer = client.post("/views", {"name": "待初审", "state": "submitted"})
    assert answer.headers["Location"] == "/documents?state=submitted"
    page = client.get("/documents").content.decode()
    assert "待初审</a>" in page
    assert "待初审</a>" not in as_("first").get("/documents").content.decode()


# --- import -------------------------------------------------------------------------------------------------

CSV = (
    "编号,类型,标题,原文链接\n"
    "A-1,通知公告,关于清明祭扫的通告,https://www.hedong.gov.cn/1.html\n"
    "A-2,通知公告,,https://www.hedong.gov.cn/2.html\n"
)


def test_a_file_is_imported_with_a_report_by_row(district: District, as_: Login) -> None:
    upload = SimpleUploadedFile("items.csv", CSV.encode())
    broken = SimpleUploadedFile("broken.xlsx", b"no spreadsheet")
    page = as_("editor").post("/import", {"file": [upload, broken]}).content.decode()
    assert "新增 <b>1</b>" in page
    assert "拒收 <b>1</b>" in page
    assert "<td>A-2</td><td>标题</td>" in page
    assert "broken.xlsx" in page, "the second file says why; the first was taken all the same"
    assert Document.objects.filter(external_id="A-1").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("items.csv", "文件里只有表头，没有数据行，没有导入任何内容。"),
        ("items.json", "文件里没有可以导入的内容，没有导入任何内容。"),
    ],
)
def test_a_file_without_a_row_says_so(district: District, as_: Login, tmp_path: Path, name: str, words: str) -> None:
    content = CSV.splitlines()[0].encode() if name.endswith("csv") else b"[]"
    assert words in as_("editor").post("/import", {"file": SimpleUploadedFile(name, content)}).content.decode()
    (tmp_path / name).write_bytes(content)
    done = CliRunner().invoke(main, ["import", str(tmp_path / name), "--as", "editor"], catch_exceptions=False)
    assert words in done.stdout


def test_a_sheet_that_was_not_read_is_told_on_the_page_in_its_report_and_on_the_command_line(
    district: District, as_: Login, tmp_path: Path
) -> None:
    book, path = openpyxl.Workbook(), tmp_path / "items.xlsx"
    for sheet in (book.active, book.create_sheet("第二张")):
        for line in csv.reader(CSV.splitlines()):
            sheet.append(line)
    book.save(path)
    words = "另有 1 张工作表没有读取：第二张。"
    shown = (
        as_("editor").post("/import", {"file": SimpleUploadedFile("items.xlsx", path.read_bytes())}).content.decode()
    )
    assert shown.split('class="card report"')[1].count(words) == 1
    assert words in shown.split("<template data-sheet>")[1].split("</template>")[0]
    for command in ("import", "check"):
        done = CliRunner().invoke(main, [command, str(path), "--as", "editor"], catch_exceptions=False)
        assert words in done.stdout


def test_a_file_of_a_long_name_takes_nothing_from_the_others(district: District, as_: Login) -> None:
    files = [SimpleUploadedFile("a.csv", CSV.encode()), SimpleUploadedFile(f"1.{'关于印发' * 60}", b"text")]
    report = as_("editor").post("/import", {"file": files})
    assert report.status_code == 200
    assert "不支持" in report.content.decode()
    assert "a.csv" in report.content.decode()


@pytest.mark.parametrize(
    "page",
    ["/documents", "/releases", "/reviews", "/data", "/manual", "/accounts", "/exceptions", "/tokens", "/me"],
)  # fmt: skip
def test_a_page_answers_head_as_it_answers_get(district: District, as_: Login, page: str) -> None:
    client = as_("releaser")
    asked = client.head(page)
    assert asked.status_code == client.get(page).status_code
    assert asked.status_code != 405
    assert asked.content == b""


def test_what_a_file_lacks_is_filled_in_beside_it(district: District, as_: Login) -> None:
    upload = SimpleUploadedFile("notice.md", "# 关于停水的通知\n\n明日停水。\n".encode())
    given = {"file": upload, "kind": "notice", "external_id": "MD-1", "source_url": "https://www.hedong.gov.cn/m.html"}
    assert "新增 <b>1</b>" in as_("editor").post("/import", given).content.decode()


def notes(count: int) -> list[SimpleUploadedFile]:
    return [SimpleUploadedFile(f"notice-{n}.md", f"# 关于第{n}次停水的通知\n\n停水。\n".encode()) for n in range(count)]


@pytest.mark.parametrize("field", [{"external_id": "MD-1"}, {"source_url": "https://www.hedong.gov.cn/m.html"}])
def test_what_belongs_to_one_file_is_not_given_to_several(
    district: District, as_: Login, field: dict[str, str]
) -> None:
    """Else the second file would be taken for a new edition of the first."""
    page = as_("editor").post("/import", {"file": notes(2), "kind": "notice"} | field).content.decode()
    assert "只属于一份文件，这次有 2 个，什么都没有导入" in page
    assert f'value="{next(iter(field.values()))}"' in page, "what was typed stays"
    assert not Document.objects.exists()


def test_more_files_than_are_taken_at_once_are_refused_and_none_is_left_out_unseen(
    district: District, as_: Login
) -> None:
    page = as_("editor").post("/import", {"file": notes(21)}).content.decode()
    assert "一次最多导入 20 个文件，收到 21 个，什么都没有导入" in page
    assert not Document.objects.exists()


def test_rows_beyond_those_that_are_listed_are_counted_with_the_way_to_them(district: District, as_: Login) -> None:
    rows = "编号,类型,标题,原文链接\n" + "".join(
        f"B-{n},通知,,https://www.hedong.gov.cn/{n}.html\n" for n in range(203)
    )
    page = as_("editor").post("/import", {"file": SimpleUploadedFile("rows.csv", rows.encode())}).content.decode()
    assert "拒收 <b>203</b>" in page
    assert "另有 3 条没有列出，都在上面的完整报告里。也可以改好列出的再导入一次" in page
    assert "tongfa import" not in page
    lines = sheet(page)
    assert lines[0] == ["文件", "行", "编号", "结果", "字段", "内容", "问题", "办法"]
    assert [line[2] for line in lines[1:]] == [f"B-{n}" for n in range(203)]
    assert lines[203][:2] == ["rows.csv", "204"]
    assert all(line[3:5] == ["拒收", "标题"] and line[6] and line[7] for line in lines[1:])


def sheet(page: str) -> list[list[str]]:
    """The report that the page carries, or nothing."""
    found = re.search(r"<template data-sheet>(.*?)</template>", page, re.DOTALL)
    return list(csv.reader(io.StringIO(html.unescape(found[1])))) if found else []


def test_the_whole_report_names_every_file_and_holds_no_formula(district: District, as_: Login) -> None:
    rows = (
        '编号,类型,标题,原文链接\nC-1,=1+1,关于甲的通告,https://www.hedong.gov.cn/1.html\nC-2,通知,"</template><b>",\n'
    )
    uploads = [SimpleUploadedFile("=rows.csv", rows.encode()), SimpleUploadedFile("broken.xlsx", b"no spreadsheet")]
    page = as_("editor").post("/import", {"file": uploads}).content.decode()
    assert "</template><b>" not in page
    lines = sheet(page)
    assert [line[2:4] for line in lines[1:]] == [["C-1", "拒收"], *[["C-2", "拒收"]] * 2, ["", "没有导入"]]
    assert (lines[1][0], lines[4][0]) == ("'=rows.csv", "broken.xlsx")
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in lines for cell in line)


def test_all_that_is_wrong_with_a_row_is_listed_and_the_row_is_counted_once(district: District, as_: Login) -> None:
    rows = "编号,类型,标题,原文链接,发布日期\nC-1,新闻,关于甲的通告,www.hedong.gov.cn,某日\n"
    page = as_("editor").post("/import", {"file": SimpleUploadedFile("rows.csv", rows.encode())}).content.decode()
    assert "拒收 <b>1</b>" in page
    assert [line[1:5] for line in sheet(page)[1:]] == [
        ["2", "C-1", "拒收", field] for field in ("类型", "原文链接", "发布日期")
    ]
    assert "不认识的类型" in page
    assert "发布日期无法识别" in page


def test_an_import_with_nothing_to_tell_offers_no_report(district: District, as_: Login) -> None:
    rows = "编号,类型,标题,原文链接\nD-1,通知公告,关于甲的通告,https://www.hedong.gov.cn/1.html\n"
    page = as_("editor").post("/import", {"file": SimpleUploadedFile("rows.csv", rows.encode())}).content.decode()
    assert "新增 <b>1</b>" in page
    assert "完整报告" not in page


@pytest.mark.parametrize("who", ["first", "releaser", "duty"])
def test_only_editors_import_and_create(district: District, as_: Login, who: str) -> None:
    client = as_(who)
    assert client.get("/import").status_code == 403
    assert client.get("/new-document").status_code == 403
    assert "导入</a>" not in client.get("/documents").content.decode()


# --- writing ------------------------------------------------------------------------------------------------


def test_a_new_document_is_made_and_opened_for_writing(district: District, as_: Login) -> None:
    client = as_("editor")
    given = {"external_id": "N-1", "kind": "notice", "title": "关于停水的通知", "source_url": "坏网址"}
    answer = client.post("/new-document", given)
    assert answer.status_code == 400
    assert "原文链接" in answer.content.decode()
    assert 'value="关于停水的通知"' in answer.content.decode()
    answer = client.post("/new-document", given | {"source_url": "https://www.hedong.gov.cn/n.html"})
    assert answer.headers["Location"] == "/edit/of/N-1"


def test_the_editor_keeps_what_is_typed_with_checks_beside_it(district: District, as_: Login) -> None:
    district.document()
    client = as_("editor")
    page = client.get("/edit/of/HD-1").content.decode()
    assert 'contenteditable="true"' in page
    assert "各渠道字数" in page
    draft = Draft.objects.get()
    fields = draft.fields | {"title": "关于调整公交的通知", "base": "1", "revision": "0"}
    margin = client.post("/edit/autosave/HD-1", fields).content.decode()
    assert 'data-revision="1"' in margin
    assert Draft.objects.get().fields["title"] == "关于调整公交的通知"
    again = client.post("/edit/autosave/HD-1", fields).content.decode()
    assert "另一个窗口" in again
    answer = client.post("/edit/save/HD-1", fields | {"revision": "1", "then": "submit"}, follow=True)
    assert "已送审" in answer.content.decode()
    assert Document.objects.get().state == "submitted"


def test_what_does_not_pass_is_named_and_stays_a_draft(district: District, as_: Login) -> None:
    district.document()
    client = as_("editor")
    client.get("/edit/of/HD-1")
    fields = typed(title="还没有自动保存的标题", published_on="去年")
    answer = client.post("/edit/save/HD-1", fields)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "发布日期——" in page
    assert "仍在草稿里" in page
    assert 'value="还没有自动保存的标题"' in page
    assert Draft.objects.get().fields["title"] == "还没有自动保存的标题"
    assert 'name="revision" value="1"' in page, "the next save is no older window"


def typed(**changes: str) -> dict[str, str]:
    """What the page sends as it stands, with these fields changed."""
    draft = Draft.objects.get()
    return draft.fields | {"base": str(draft.base.number), "revision": str(draft.revision)} | changes


# --- a page that slept --------------------------------------------------------------------------------------


@pytest.fixture
def colleague(district: District, as_: Login) -> Client:
    district.people["li2"] = people.add_person(
        "li2", name="李二", unit=district.unit, roles=["editor"], password=None, actor="test", now=now()
    )
    return as_("li2")


def test_a_page_that_slept_shows_what_was_typed_and_what_it_would_replace(
    district: District, as_: Login, colleague: Client
) -> None:
    document, client = district.document(), as_("editor")
    client.get("/edit/of/HD-1")
    slept = typed(
        title="李拟旧页上的标题", body_html="<p>自12月1日起调整，<b>请周知</b>。<script>alert(1)</script></p>"
    )
    colleague.post("/edit/take-over/HD-1")
    colleague.post("/edit/save/HD-1", typed(title="李二改的标题"))
    answer = client.post("/edit/save/HD-1", slept | {"then": "submit"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "第 2 版，李二保存" in page
    assert 'value="李拟旧页上的标题"' in page
    assert "请周知" in page
    assert "alert(1)" not in page
    assert re.search(r"<del>[^\n]*二改[^\n]*</del>", page), "what of edition 2 would be gone"
    assert document.current.title == "李二改的标题"
    again = client.get("/edit/of/HD-1").content.decode()
    assert "保存这一页会取代第 2 版" in again, "and the next day, too"
    over = re.findall(r'name="over" value="([^"]+)"', again)[0]
    client.post("/edit/save/HD-1", typed(title="李拟旧页上的标题"))
    assert document.current.number == 2
    client.post("/edit/save/HD-1", typed(title="李拟旧页上的标题", over=over))
    assert (document.current.number, document.current.title) == (3, "李拟旧页上的标题")


def test_an_older_window_shows_how_it_differs_from_the_newer_one(district: District, as_: Login) -> None:
    district.document()
    client = as_("editor")
    client.get("/edit/of/HD-1")
    old = typed(title="旧窗口里的标题")
    client.post("/edit/autosave/HD-1", typed(title="新窗口里的标题"))
    answer = client.post("/edit/save/HD-1", old)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "另一个窗口" in page
    assert 'value="旧窗口里的标题"' in page
    assert "保存这一页会取代草稿里现有的文字" in page
    assert "data-unsaved" in page
    assert Draft.objects.get().fields["title"] == "新窗口里的标题"
    over = re.findall(r'name="over" value="([^"]+)"', page)[0]
    assert client.post("/edit/save/HD-1", old | {"over": over}).status_code == 302
    assert Document.objects.get().title == "旧窗口里的标题"


def test_whose_page_was_taken_over_still_has_their_words_and_may_take_it_back_with_them(
    district: District, as_: Login, colleague: Client
) -> None:
    district.document()
    client = as_("editor")
    client.get("/edit/of/HD-1")
    mine = typed(title="李拟的标题")
    colleague.post("/edit/take-over/HD-1")
    colleague.post("/edit/autosave/HD-1", typed(title="李二的标题"))
    page = client.post("/edit/save/HD-1", mine).content.decode()
    assert "由李二接着编辑" in page
    assert 'value="李拟的标题"' in page
    assert '<fieldset class="writing bare-set">' in page, "words in a field that is shut off cannot be copied"
    back = client.post("/edit/take-over/HD-1", mine).content.decode()
    assert 'value="李拟的标题"' in back
    assert "保存这一页会取代草稿里现有的文字" in back
    assert Draft.objects.get().fields["title"] == "李二的标题"


def test_looking_at_an_address_takes_nothing_over(district: District, as_: Login, colleague: Client) -> None:
    district.document()
    as_("editor").get("/edit/of/HD-1")
    for address in ("/edit/of/HD-1?take-over=1", "/cover/of/HD-1?take-over=1"):
        assert "李拟 正在编辑" in colleague.get(address).content.decode()
    assert colleague.get("/edit/take-over/HD-1").status_code == 405
    assert colleague.post("/edit/take-over/HD-1", {"back": "cover"}).headers["Location"] == "/cover/of/HD-1"
    assert Draft.objects.get().editor.username == "li2"


def test_under_review_nobody_writes(district: District, as_: Login) -> None:
    document = district.document()
    editorial.submit(document, person=district.people["editor"], now=now())
    answer = as_("editor").get("/edit/of/HD-1")
    assert answer.status_code == 409
    assert "正在审核" in answer.content.decode()


def elsewhere(district: District) -> Document:
    """A document whose original stands on the province's site: one finding that may be let pass."""
    return district.document(dataclasses.replace(ARTICLES[0], source_url="https://www.shandong.gov.cn/1.html"))


def test_a_finding_is_waived_with_a_reason(district: District, as_: Login) -> None:
    document = elsewhere(district)
    client = as_("editor")
    given = {"rule": "source.other_site", "reason": "是省里的网站"}
    assert "写明理由" in client.post("/waive/HD-1", given | {"reason": ""}, follow=True).content.decode()
    client.post("/waive/HD-1", given)
    assert document.waivers.get().reason == "是省里的网站"
    page = client.get("/documents/HD-1").content.decode()
    assert "是省里的网站（李拟" in page
    assert "source.other_site" not in page


@pytest.mark.parametrize("rule", ["terms.typo", "nonsense", "", "<script>"])
def test_what_the_checks_do_not_find_is_not_waived(district: District, as_: Login, rule: str) -> None:
    document = district.document()
    shown = as_("editor").post("/waive/HD-1", {"rule": rule, "reason": "x"}, follow=True).content.decode()
    assert "现在没有这条检查结果" in shown
    assert not document.waivers.exists()


WRONG = "工程已峻工，请核对；峻工以后另行通知。"


def test_the_margin_leads_to_the_words_and_offers_better_ones(district: District, as_: Login) -> None:
    district.document()
    client = as_("editor")
    client.get("/edit/of/HD-1")
    margin = client.post("/edit/autosave/HD-1", typed(summary=WRONG)).content.decode()
    for before in (0, 1):
        assert f'data-find="summary" data-words="峻工" data-before="{before}" data-instead="竣工"' in margin
    assert "请在文件页办理" not in margin


def test_a_finding_is_waived_beside_the_text_and_the_page_stays(district: District, as_: Login) -> None:
    document = district.document()
    client = as_("editor")
    client.get("/edit/of/HD-1")
    changes = {"source_url": "https://www.shandong.gov.cn/1.html", "summary": "经办人手机13800138000。"}
    margin = client.post("/edit/autosave/HD-1", typed(**changes)).content.decode()
    offered = set(re.findall(r'form="waiving" name="rule" value="([^"]+)"', margin))
    assert "source.other_site" in offered
    assert not {rule for rule in offered if rule.startswith("pii.")}, "those are for reviewers"
    aside = {"HX-Request": "true"}
    given = {"rule": "source.other_site", "reason:source.other_site": "", "back": "edit"}
    refused = client.post("/waive/HD-1", given, headers=aside)
    assert (refused.status_code, "写明理由" in refused.content.decode()) == (409, True)
    given["reason:source.other_site"] = "是省里的网站"
    assert client.post("/waive/HD-1", given, headers=aside).status_code == 204
    assert document.waivers.get().reason == "是省里的网站"
    assert "已忽略" in client.post("/edit/autosave/HD-1", typed(**changes)).content.decode()
    assert client.post("/waive/HD-1", given).headers["Location"] == "/edit/of/HD-1", "without a script, too"


def test_policy_or_not_is_changed_with_a_reason(district: District, as_: Login) -> None:
    document = district.document()
    as_("editor").post("/policy/HD-1", {"policy": "1", "reason": "规范性文件"})
    document.refresh_from_db()
    assert document.is_policy


# --- previews -----------------------------------------------------------------------------------------------


def test_three_phones_show_the_draft_and_then_the_frozen_posts(district: District, as_: Login) -> None:
    document = district.document()
    client = as_("editor")
    page = client.get("/preview/HD-1").content.decode()
    assert page.count("<iframe") == page.count('<iframe sandbox="allow-same-origin"') == 3
    assert "还没有送审" in page
    edition = document.current
    wechat = client.get(f"/frames/phone/{edition.pk}/wx").content.decode()
    weibo = client.get(f"/frames/phone/{edition.pk}/wb").content.decode()
    portal = client.get(f"/frames/phone/{edition.pk}/portal").content.decode()
    for slug in ("wx", "wb", "portal"):
        policy = client.get(f"/frames/phone/{edition.pk}/{slug}").headers["Content-Security-Policy"]
        assert "sandbox allow-same-origin" in policy
        assert "script" not in policy
    assert all(ARTICLES[0].title in one for one in (wechat, portal))
    assert "公交" in weibo
    assert "网页链接" in weibo
    assert "自12月1日起调整" in client.get(f"/frames/draft/{edition.pk}/wx").content.decode()
    editorial.submit(document, person=district.people["editor"], now=now())
    assert "送审时冻结" in client.get("/preview/HD-1").content.decode()


def test_once_submitted_the_phones_are_drawn_from_the_frozen_bytes_and_from_nothing_else(
    district: District, as_: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    edition, client = district.signed().publications.all()[0].items.get().edition, as_("editor")

    def never(*_: object, **__: object) -> None:
        raise AssertionError("nothing is rendered anew")

    monkeypatch.setattr(editorial, "render_for", never)
    wechat, weibo = (edition.posts.get(account=account).payload for account in district.accounts)
    article = client.get(f"/frames/draft/{edition.pk}/wx").content.decode()
    assert with_asset_addresses(wechat["content"].replace(CREDIT_SLOT, "")) in article
    listed = html.unescape(client.get(f"/frames/phone/{edition.pk}/wx").content.decode())
    assert wechat["title"] in listed
    assert wechat["digest"] in listed
    assert wechat["cover"].removeprefix("asset:") in listed
    status = html.unescape(client.get(f"/frames/phone/{edition.pk}/wb").content.decode())
    text = LINK.sub("", weibo["status"]).strip()
    assert text in re.sub(r"<a [^>]*>.*?</a>", "", status, flags=re.DOTALL)
    signed = edition.items.get(account=district.accounts[0])
    shown = client.get(f"/frames/item/{signed.pk}").content.decode()
    assert with_asset_addresses(signed.signed_post.payload["content"]) in shown


def test_the_page_of_a_document_has_the_phones_of_that_very_edition(district: District, as_: Login) -> None:
    edition = district.approved().current
    page = as_("duty").get("/documents/HD-1").content.decode()
    addresses = re.findall(r'<iframe sandbox="allow-same-origin" src="([^"]+)"', page)
    assert addresses == [f"/frames/phone/{edition.pk}/{slug}" for slug in ("wx", "wb", "portal")]


def keeps(client: Client, **changes: str) -> None:
    """An editor opens the text and has what was typed kept."""
    client.get("/edit/of/HD-1")
    assert "data-revision" in client.post("/edit/autosave/HD-1", typed(**changes)).content.decode()


def test_beside_the_editor_the_phones_show_what_was_typed_and_nothing_is_stored(district: District, as_: Login) -> None:
    document, client = district.document(), as_("editor")
    page = client.get("/edit/of/HD-1").content.decode()
    addresses = [f"/frames/writing/phone/{slug}/HD-1" for slug in ("wx", "wb", "portal")]
    assert re.findall(r'<iframe sandbox="allow-same-origin" data-src="([^"]+)"', page) == addresses
    pictures = AssetRecord.objects.count()
    keeps(client, title="关于城区公交线路临时调整的通知", body_html="<p>因修路，1路公交车绕行。</p>")
    wechat, _, portal = (client.get(address).content.decode() for address in addresses)
    assert all("关于城区公交线路临时调整的通知" in one for one in (wechat, portal))
    assert "1路公交车绕行" in client.get("/frames/writing/body/wx/HD-1").content.decode()
    drawn = re.search(r'"(/frames/writing/cover/wx/[0-9a-f]{64}/HD-1)"', wechat)
    assert drawn
    assert client.get(drawn[1]).content.startswith(b"\x89PNG")
    assert client.get(f"/frames/writing/cover/wx/{'0' * 64}/HD-1").status_code == 404
    assert AssetRecord.objects.count() == pictures
    assert document.editions.count() == 1
    policies = {client.get(address).headers["Content-Security-Policy"] for address in addresses}
    assert len(policies) == 1
    assert "script" not in policies.pop()


def test_what_they_show_is_what_handing_in_would_freeze(district: District, as_: Login) -> None:
    document, client = district.document(), as_("editor")
    keeps(client, title="关于城区公交线路临时调整的通知")
    article = drafting.article_of(Draft.objects.get())
    assert isinstance(article, Article)
    shown = [drafting.rendered(document, article, one, covered=True).post.payload for one in district.accounts]
    person = district.people["editor"]
    drafting.save(document, Draft.objects.get().fields, page=drafting.page_of(document), person=person, now=now())
    edition = editorial.submit(document, person=person, now=now())
    frozen = [edition.posts.get(account=one) for one in district.accounts]
    anew = [json.loads(json.dumps(post.payload).replace(edition.marker or "-", "preview0")) for post in frozen]
    assert [dict(one) for one in shown] == anew


def test_a_text_that_is_no_post_yet_says_so_on_its_phones(district: District, as_: Login) -> None:
    district.document()
    client = as_("editor")
    keeps(client, title="")
    for slug in ("wx", "portal"):
        shown = client.get(f"/frames/writing/phone/{slug}/HD-1").content.decode()
        assert "还生成不了渠道稿" in shown
        assert "标题" in shown
    assert client.get("/frames/writing/body/wx/HD-1").status_code == 404
    assert client.get(f"/frames/writing/cover/wx/{'0' * 64}/HD-1").status_code == 404


def test_the_working_copy_is_seen_by_those_alone_who_may_write_in_it(district: District, as_: Login) -> None:
    district.document()
    address = "/frames/writing/phone/wx/HD-1"
    assert as_("editor").get(address).status_code == 404, "nobody has begun"
    keeps(as_("editor"), title="没有人该看到的标题")
    for other in ("first", "releaser", "duty"):
        answer = as_(other).get(address)
        assert answer.status_code == 403
        assert "没有人该看到的标题" not in answer.content.decode()
    assert as_("editor").get("/frames/writing/phone/nobody/HD-1").status_code == 404


def test_the_phone_of_the_portal_bears_the_name_of_the_units_own_site(district: District) -> None:
    town = District.make("town", "九曲街道办事处")
    client = Client()
    client.force_login(town.people["editor"])
    shown = client.get(f"/frames/phone/{town.document().current.pk}/portal").content.decode()
    assert "<b>九曲街道办事处</b>" in shown
    assert "河东区人民政府</b>" not in shown


def test_a_preview_goes_to_ones_own_phone_from_the_page_and_a_refusal_is_told_there(as_platform: District) -> None:
    document, client = as_platform.document(), Client()
    client.force_login(as_platform.people["editor"])
    address = f"/show/{document.current.pk}/wx"
    assert f'action="{address}"' in client.get("/preview/HD-1").content.decode()
    assert "已发到微信号“hedong_li”" in client.post(address, {"to": "hedong_li"}, follow=True).content.decode()
    refused = client.post(address, {"to": "李 拟"}, follow=True).content.decode()
    assert "不像微信号" in refused
    assert "没有发出任何内容" in refused


@pytest.fixture
def as_platform(db: None, tmp_path: Path) -> Iterator[District]:
    """A district whose accounts are on the rehearsal platforms."""
    with (
        RehearsalServer(tmp_path / "platform") as server,
        fresh_home(tmp_path / "with-platform", port=int(server.base_url.rsplit(":", 1)[1])),
    ):
        yield District.make(api=server.base_url)


# --- walls --------------------------------------------------------------------------------------------------


def test_another_units_documents_are_not_there(district: District, as_: Login) -> None:
    town = District.make("town", "九曲街道")
    document = town.document()
    edition = document.current
    client = as_("editor")
    assert ARTICLES[0].title not in client.get("/documents?q=公交").content.decode()
    for path in ("/documents/HD-1", "/preview/HD-1", "/edit/of/HD-1", f"/frames/phone/{edition.pk}/portal",
                 f"/frames/draft/{edition.pk}/town-wx"):  # fmt: skip
        assert client.get(path).status_code == 404, path
    for path in (
        "edit/take-over",
        "edit/autosave",
        "edit/save",
        "edit/here",
        "edit/discard",
        "submit",
        "waive",
        "policy",
    ):
        assert client.post(f"/{path}/HD-1", {"title": "x"}).status_code == 404, path
    assert document.editions.count() == 1


@pytest.mark.parametrize("address", ["/import", "/new-document", "/edit/of/{id}", "/preview/{id}", "/cover/of/{id}"])
def test_what_is_done_with_a_document_stands_under_documents_in_the_menu(
    address: str, district: District, as_: Login
) -> None:
    document = district.document()
    answer = as_("editor").get(address.format(id=document.external_id))
    assert answer.status_code == 200
    assert '<a href="/documents" aria-current="page">' in answer.content.decode()


def test_a_text_that_is_too_large_is_called_too_large(district: District, as_: Login) -> None:
    """Django calls it a bad request, for which a page would blame the browser."""
    district.document()
    client = as_("editor")
    for address in ("/edit/autosave/HD-1", "/edit/save/HD-1"):
        answer = client.post(address, {"body_html": "字" * 1_000_000})
        assert answer.status_code == 413
        words = answer.content.decode()
        assert "超过 2 MB，没有保存" in words
        assert "附件" in words
    assert not Draft.objects.exists()
