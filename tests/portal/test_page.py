"""Titles of real-world pages: where they stand, how they are encoded, and what is no title."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.portal.page import carries, says_not_found, titles

from .support import TITLE


@pytest.mark.parametrize(
    "html",
    [
        f"<title>{TITLE}</title>",
        f"<TITLE>\n  {TITLE}\n-_河东区人民政府 </TITLE>",
        f"<h1 class='t'>{TITLE}</h1>",
        f"<h1><span style='a'>{TITLE[:9]}</span><br/>\n\t{TITLE[9:]}</h1>",
        f'<meta name="ArticleTitle" content="{TITLE}">',
        f"<meta content='{TITLE}' name=articletitle />",
        f'<meta property="og:title" content="{TITLE}">',
        f"<title>首页</title><h1>栏目</h1><h1>{TITLE}</h1>",
        "<title>" + "".join(f"&#{ord(char)};" for char in TITLE) + "</title>",
    ],
)
def test_the_title_is_found_where_portals_put_it(html):
    assert carries(titles(html.encode()), TITLE)


@pytest.mark.parametrize(
    "html",
    [
        f"<p>{TITLE}</p>",
        f"<a title='{TITLE}'>{TITLE}</a>",
        f"<!-- <title>{TITLE}</title> -->",
        f"<script>var t = '<title>{TITLE}</title>';</script>",
        f"<style><title>{TITLE}</title></style>",
        f"<svg><title>{TITLE}</title></svg>",
        f"<noscript><h1>{TITLE}</h1></noscript>",
        f"<textarea><h1>{TITLE}</h1></textarea>",
        f"<title>《{TITLE}》政策解读</title>",
        f'<meta name="description" content="{TITLE}">',
        f"<title>{TITLE[:-2]}</title>",
        f"<title>{TITLE}",
        "",
    ],
)
def test_a_list_a_comment_or_a_script_is_no_title(html):
    """A list of news that links to the page is not the page."""
    assert not carries(titles(html.encode()), TITLE)


def test_a_column_that_is_called_interpretation_makes_no_page_another():
    assert carries([f"{TITLE}_政策解读_河东区人民政府"], TITLE)
    assert carries([f"《{TITLE}》政策解读_河东区人民政府"], f"《{TITLE}》政策解读")


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16"])
def test_the_first_bytes_say_how_a_page_is_encoded_whatever_the_header_says(charset):
    assert carries(titles(f"<title>{TITLE}</title>".encode(charset), "text/html; charset=gbk"), TITLE)


@pytest.mark.parametrize(
    "shown",
    ["关于印发〈办法〉的 通知（试行）", "关于印发〈办法〉的通知(试行)", "关于印发〈办法〉的\u200b通知（试行）", "  关于印发〈办法〉的\n通知（试行）  "],
)  # fmt: skip
def test_white_space_and_width_do_not_count(shown):
    assert carries([shown], "关于印发〈办法〉的通知（试行）")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html; charset=GBK", f"<title>{TITLE}</title>".encode("gbk")),
        ("text/html", f'<meta charset="gb2312"><title>{TITLE}</title>'.encode("gbk")),
        ("text/html", f'<meta http-equiv="Content-Type" content="text/html; charset=gb18030"><title>{TITLE}</title>'.encode("gb18030")),
        ("text/html", f"<title>{TITLE}</title>".encode()),
        ("text/html; charset=no-such-thing", f"<title>{TITLE}</title>".encode()),
        ("", b"\xef\xbb\xbf" + f"<title>{TITLE}</title>".encode()),
    ],
)  # fmt: skip
def test_old_portals_are_read_in_their_own_encoding(content_type, body):
    assert carries(titles(body, content_type), TITLE)


@pytest.mark.parametrize("name", ["big5", "utf-16", "utf-16le", "latin1", "windows-1252", "iso-8859-1", "us-ascii"])
def test_other_usual_charsets_are_read(name):
    body = "<title>Notice 12</title>".encode(name)
    assert carries(titles(body, f"text/html; charset={name}"), "Notice 12")


@pytest.mark.parametrize("name", ["punycode", "idna", "unicode_escape", "utf-7", "rot13", "hex", "zlib", "undefined"])
def test_a_name_that_is_no_charset_of_pages_is_read_as_utf8_and_costs_no_time(name):
    """Python has codecs of these names; a megabyte of the first takes a minute."""
    body = f"<title>{TITLE}</title>".encode() + b"<p>a-b" * 170_000
    started = time.process_time()
    assert carries(titles(body, f"text/html; charset={name}"), TITLE)
    assert time.process_time() - started < 2


def test_an_expected_title_that_itself_speaks_of_missing_pages_is_no_soft_404():
    title = "关于404路公交车页面不存在问题的通报"
    assert carries([f"{title} - 河东区"], title)
    assert not carries([title, "404 Not Found"], title)


@pytest.mark.parametrize("title", ["404路公交车调整公告", "临东政发〔2026〕404号", "关于信息公开的通知", "政策文件库"])
def test_ordinary_titles_are_no_soft_404(title):
    assert not says_not_found([title], "别的标题四个字")


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=400), content_type=st.text(max_size=30))
def test_any_bytes_have_titles_or_none(body, content_type):
    assert isinstance(titles(body, content_type), list)


@pytest.mark.parametrize(
    "piece",
    ["<!--", "<", "<title", "<title>", "<h1>", "<h1", "<meta name=", '<meta content="', "</", "<script", "&#", "<a <b ", "<meta a='"],
)  # fmt: skip
def test_a_page_made_to_be_slow_to_read_is_read(piece):
    """A megabyte of it: a scan that is not linear would take hours."""
    assert titles((piece * (1_000_000 // len(piece))).encode()) is not None


@pytest.mark.parametrize(
    "shown",
    [
        (TITLE, "系统维护中"), (TITLE, "网站正在维护中，请稍后访问"), (f"登录后查看：{TITLE}",), (f"{TITLE}（征求意见稿）",),
        (f"{TITLE}（已废止）", TITLE), (f"{TITLE}（草案）",), (f"[预览] {TITLE}",), (f"{TITLE}（未发布）",),
        (f"关于废止《{TITLE}》的决定",), (f"关于修改《{TITLE}》的通知", f"关于修改《{TITLE}》的通知_河东区人民政府"),
        (f"关于推迟{TITLE}施行时间的公告",), (f"转发：{TITLE}（已撤销）",), (f"{TITLE}（已撤回）",), (f"{TITLE}【失效】",),
        (f"{TITLE}(废止)",), (f"{TITLE}（已下线）_河东区人民政府",), (f"{TITLE}（样稿）",), (f"{TITLE}（内部审核中）",),
        (f"[定时发布]{TITLE}",), (f"后台预览-{TITLE}",), (f"关于撤回《{TITLE}》的公告",), (f"关于终止《{TITLE}》的公告",),
        (f"关于暂缓执行《{TITLE}》的通知",), (f"关于宣布失效{TITLE}的决定",), (f"《{TITLE}》的补充通知",),
        (f"关于《{TITLE}》延期的通知",), (f"《{TITLE}》的更正_河东区人民政府",),
    ],
)  # fmt: skip
def test_a_page_that_is_shut_or_of_another_stage_is_not_it(shown: tuple[str, ...]) -> None:
    assert not carries(list(shown), TITLE)


@pytest.mark.parametrize(
    "title",
    [
        "关于系统维护中有关事项的通知",
        "河东区停车办法（征求意见稿）",
        "关于宣布一批文件已废止的决定",
        "关于废止《停车办法》的决定",
        "关于修改《停车办法》的通知",
        "关于延期缴纳税款有关事项的通知",
        "《停车办法》的补充通知",
        "河东区停车办法（试行）",
    ],
)
def test_a_title_that_says_so_itself_is(title: str) -> None:
    assert carries([f"{title}_河东区人民政府"], title)


@pytest.mark.parametrize(
    "behind", ["（试行）", "_测试路街道办事处", " - 信息更正栏目", "（2026年修订）", "（附件）", "（河东政发12号）"]
)
def test_what_a_site_adds_of_its_own_is_no_other_document(behind: str) -> None:
    assert carries([f"{TITLE}{behind}"], TITLE)


def test_a_portal_that_shows_every_document_as_a_preview_of_its_file_is_believed() -> None:
    assert carries([f"{TITLE}_文件预览_河东区人民政府"], TITLE)


ASKED = "关于公开征求《河东区停车管理办法》意见的公告"


@pytest.mark.parametrize(
    ("title", "behind"),
    [
        (ASKED, "_征求意见_临沂市河东区人民政府"), (TITLE, " - 已失效文件 - 河东区人民政府"), (TITLE, "-政策文件（含已废止）-河东区"),
        (ASKED, " - 草案意见征集 - 河东区"), (TITLE, " | 公开征求意见 | 河东区"), ("关于停水的通知", " - 暂停服务公告 - 河东区"),
        (TITLE, "——征求意见专栏——河东区"), (TITLE, " – 已失效文件"), (TITLE, "（试行）_已废止文件库_河东区"),
    ],
)  # fmt: skip
def test_a_column_may_be_called_as_it_likes(title: str, behind: str) -> None:
    found = titles(
        f'<title>{title}{behind}</title><meta name="ArticleTitle" content="{title}"><h1>{title}</h1>'.encode()
    )
    assert len(found) == 3
    assert carries(found, title)


@pytest.mark.parametrize(
    "shown",
    [
        "已撤销 - {}", "草案_{}_河东区", "征求意见稿 | {}", "样稿—{}", "【内部审核中】-{}", "{} - 已失效 - 河东区", "{}_（已撤销）_河东区",
        "{} - 征求意见稿", "{}（2026-2030年草案）_河东区", "{}（征求意见-二次）", "{}征求意见稿_政策文件_河东区", "失效：{} - 河东区", "{}_{}（草案）",
        "政策文件_{}（已废止）_河东区", "政策文件_关于废止《{}》的决定", "{}已撤销_河东区", "{} - [本文件已失效] - 河东区",
    ],
)  # fmt: skip
def test_a_mark_beside_the_title_shuts_the_page_however_it_is_joined(shown: str) -> None:
    assert not carries([TITLE, shown.replace("{}", TITLE)], TITLE)


@pytest.mark.parametrize(
    "shown",
    [
        "404 - {}",
        "{} - 404 Not Found",
        "{}_页面不存在_河东区",
        "系统维护中_{}",
        "{} - 网站正在维护",
        "{}_暂停服务_河东区",
    ],
)
def test_a_page_that_is_not_there_says_so_in_any_part_of_its_title(shown: str) -> None:
    assert not carries([shown.replace("{}", TITLE)], TITLE)


@pytest.mark.parametrize("heading", ["系统维护中", "关于停水的通知暂停服务", "您访问的页面不存在"])
def test_a_heading_that_says_that_it_is_not_there_is_believed(heading: str) -> None:
    assert not carries([f"{TITLE}_征求意见_河东区", heading], TITLE)
