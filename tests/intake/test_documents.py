"""One document per file: Word, Markdown, a saved web page."""

import base64
import random
import re
import zipfile
from datetime import date
from io import BytesIO

import docx
import pytest
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from PIL import Image

from bot.domain.article import Kind
from bot.intake import SourceError, open_source
from bot.intake.pictures import PictureError, take

from .support import notes, read, rejected, taken

ASIDE = {"kind": "disclosure", "source_url": "http://www.hedong.gov.cn/info/9000/2017001.htm", "external_id": "HD-1"}


def picture(kind="JPEG", size=(32, 16), mode="RGB", **options):
    out = BytesIO()
    Image.new(mode, size, "red").save(out, kind, **options)
    return out.getvalue()


def word(folder, *paragraphs, title="关于印发《要点》的通知", images=(), **defaults):
    """A docx with a title in Word's Title style."""
    document = docx.Document()
    if title:
        document.add_heading(title, 0)
    for text in paragraphs:
        document.add_paragraph(text)
    for image in images:
        document.add_picture(BytesIO(image))
    document.save(folder / "a.docx")
    (row,) = open_source(folder / "a.docx", defaults=ASIDE | defaults)
    return row


def test_a_word_file_gives_title_number_metadata_and_body(tmp_path):
    row = word(
        tmp_path,
        "索引号：hedongquhd0101/2017-0000001",
        "成文日期：2017年6月12日",
        "临东政办字﹝2017﹞41号",
        "各镇人民政府：",
    )
    article = taken(row).article
    assert article.title == "关于印发《要点》的通知"
    assert article.document_number == "临东政办字〔2017〕41号"
    assert article.index_number == "hedongquhd0101/2017-0000001"
    assert article.formed_on == date(2017, 6, 12)
    assert article.body_html == "<p>临东政办字﹝2017﹞41号</p><p>各镇人民政府：</p>"
    assert "取自正文" in notes(row, "document_number")


def test_the_number_of_a_cited_document_is_not_taken_for_its_own(tmp_path):
    row = word(tmp_path, "根据《条例》（国发〔2016〕5号）和临政发〔2016〕7号，现印发。")
    assert taken(row).article.document_number == ""


def test_headings_lists_and_tables_survive(tmp_path):
    document = docx.Document()
    document.add_heading("标题", 0)
    document.add_heading("一、总体要求", 1)
    document.add_paragraph("第一", style="List Bullet")
    document.add_table(1, 2).cell(0, 0).text = "项目"
    document.save(tmp_path / "a.docx")
    (row,) = open_source(tmp_path / "a.docx", defaults=ASIDE)
    html = taken(row).article.body_html
    assert "<h2>一、总体要求</h2>" in html
    assert "<ul><li>第一</li></ul>" in html
    assert "<td><p>项目</p></td>" in html


def test_raised_and_lowered_characters_of_a_word_file_survive(tmp_path):
    document = docx.Document()
    document.add_heading("关于10", 0).add_run("4").font.superscript = True
    line = document.add_paragraph("占地3.2×10")
    line.add_run("4").font.superscript = True
    line.add_run("平方米，CO")
    line.add_run("2").font.subscript = True
    document.save(tmp_path / "a.docx")
    (row,) = open_source(tmp_path / "a.docx", defaults=ASIDE)
    assert taken(row).article.body_html == "<p>占地3.2×10<sup>4</sup>平方米，CO<sub>2</sub></p>"
    assert row.article.title == "关于10⁴"


def test_raised_characters_of_a_page_survive(tmp_path):
    page = "<h1>关于x<sup>2</sup></h1><p>占地3.2×10<sup>4</sup>平方米</p>"
    (row,) = read(tmp_path / "a.html", page, defaults=ASIDE)
    assert (taken(row).article.title, row.article.body_html) == ("关于x²", "<p>占地3.2×10<sup>4</sup>平方米</p>")


def test_a_word_file_says_what_it_lacks(tmp_path):
    assert rejected(word(tmp_path, "正文", title="")).field == "title"
    assert rejected(word(tmp_path, "正文", source_url="")).field == "source_url"


def test_the_index_number_stands_in_for_a_missing_id(tmp_path):
    row = word(tmp_path, "索引号：hd/2017-1", external_id="")
    assert taken(row).article.external_id == "hd/2017-1"
    assert "索引号" in notes(row, "external_id")


def test_embedded_pictures_become_assets_without_what_the_camera_noted(tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    row = taken(word(tmp_path, "正文", images=[picture(exif=exif, comment=b"SecretComment")]))
    (asset,) = row.assets
    assert f'<img src="{asset.ref}" alt="">' in row.article.body_html
    assert asset.media_type == "image/jpeg"
    assert b"Secret" not in asset.data
    assert Image.open(BytesIO(asset.data)).size == (32, 16)


@pytest.mark.parametrize(
    ("kind", "mode", "media"),
    [
        ("PNG", "RGBA", "image/png"),
        ("GIF", "P", "image/png"),
        ("WEBP", "RGB", "image/png"),
        ("JPEG", "CMYK", "image/jpeg"),
    ],
)
def test_pictures_are_written_anew_as_png_or_jpeg(kind, mode, media):
    out = BytesIO()
    Image.new(mode, (4, 4)).save(out, kind)
    asset = take(out.getvalue() + b"<script>polyglot</script>")
    assert asset.media_type == media
    assert b"polyglot" not in asset.data
    assert take(out.getvalue()).sha256 == asset.sha256


def test_pictures_too_large_damaged_or_of_another_kind_are_refused():
    huge = BytesIO()
    Image.new("1", (6000, 6000)).save(huge, "PNG")
    for data, said in ((huge.getvalue(), "像素"), (picture()[:100], "损坏"), (b"<svg/>", "损坏"), (b"", "损坏")):
        with pytest.raises(PictureError, match=said):
            take(data)


def test_markdown_with_front_matter(tmp_path):
    text = '---\n编号: A1\ntitle: "标题"\nlayout: post\n类型: 解读\n原文链接: http://a.gov.cn/1\n---\n# 标题\n\n正文 **重**\n\n|甲|乙|\n|-|-|\n|1|2|\n'
    article = taken(read(tmp_path / "a.md", text)[0]).article
    assert (article.external_id, article.title, article.kind) == ("A1", "标题", Kind.INTERPRETATION)
    assert article.source_url == "http://a.gov.cn/1"
    assert article.body_html.startswith("<p>正文 <strong>重</strong></p>")
    assert "<td>1</td>" in article.body_html


def test_markdown_with_lines_at_the_top_and_active_content(tmp_path):
    text = "编号：A1\r\n\r\n# 标题\r\n\r\n{{ 7*7 }} <script>alert(1)</script> [文](javascript:x)\r\n\r\n![图](http://e.x/p.png)\r\n"
    (row,) = read(tmp_path / "a.md", text, defaults=ASIDE)
    assert taken(row).article.body_html == "<p>{{ 7*7 }}  [文](javascript:x)</p>"
    assert "script" in notes(row, "body_html")
    assert "1 张" in notes(row, "body_html")


PAGE = """<!doctype html><html><head><meta charset="gb2312"><title>关于要点的通知-河东区人民政府</title>
<meta name="PubDate" content="2017-06-13 10:00"><meta name="ContentSource" content="区政府办">
<link rel="canonical" href="http://www.hedong.gov.cn/info/9000/2017001.htm"><script>track()</script></head>
<body><nav><h1>网站名称</h1></nav><table><tr><th>索引号</th><td>hd/2017-1</td><th>公开目录</th><td>政务公开</td></tr>
<tr><th>成文日期</th><td>2017年6月12日</td><th>文号</th><td>临东政办字〔2017〕41号</td></tr></table>
<h1>关于要点的通知</h1><div id="vsb_content"><p onclick="x()">第一段。</p><p>第二段<img src="%s"><img src="/logo.png"></p></div>
<footer>版权所有</footer></body></html>"""


def test_a_saved_portal_page_gives_its_metadata_and_only_the_article(tmp_path):
    inline = "data:image/png;base64," + base64.b64encode(picture("PNG")).decode()
    (row,) = read(tmp_path / "a.html", (PAGE % inline).encode("gb18030"), defaults={"kind": "notice"})
    article = taken(row).article
    assert article.title == "关于要点的通知"
    assert (article.external_id, article.category, article.unit) == ("hd/2017-1", "政务公开", "区政府办")
    assert (article.published_on, article.formed_on) == (date(2017, 6, 13), date(2017, 6, 12))
    assert article.document_number == "临东政办字〔2017〕41号"
    assert article.source_url.endswith("/2017001.htm")
    assert article.body_html == f'<p>第一段。</p><p>第二段<img src="{row.assets[0].ref}" alt=""></p>'


LOSING = (
    "<p onclick='x()'>甲<s>乙</s><a href='/x'>丙</a></p><script>s()</script><math><mi>x</mi></math><dl><dt>丁</dt></dl>"
    "<input><p>戊</p>"
)


@pytest.mark.parametrize(("name", "text"), [("a.html", "<title>通知</title>{}"), ("a.md", "# 通知\n\n{}\n")])
def test_what_is_dropped_from_a_page_is_said_as_of_every_other_source(tmp_path, name, text):
    (row,) = read(tmp_path / name, text.format(LOSING), defaults=ASIDE)
    assert "".join(re.findall("[甲乙丙丁戊]|<p>", taken(row).article.body_html)) == "<p>甲乙丙<p>丁<p>戊"
    for word in ("dl、dt", "input", "math", "s、script", "链接", "事件代码"):
        assert word in notes(row, "body_html")


def test_nothing_is_said_of_what_stands_around_the_article(tmp_path):
    page = "<nav><form><input onclick='x()'></form><svg></svg></nav><a href='/'>首页</a><h1>通知</h1><div id=zoom><p>甲</p></div>"
    (row,) = read(tmp_path / "a.html", page, defaults=ASIDE)
    assert taken(row).article.body_html == "<p>甲</p>"
    assert notes(row, "body_html") == ""


def test_the_name_of_a_dropped_tag_within_words_stays_words(tmp_path):
    page = "<title>谈<svg>图</title><p>甲<img alt='<svg>图' src='x'>&lt;dropped-here class=svg></p><dropped-here class=p>乙"
    (row,) = read(tmp_path / "a.html", page, defaults=ASIDE)
    assert taken(row).article.title == "谈图"
    assert "svg" not in notes(row, "body_html")


def test_what_word_struck_out_or_linked_is_said_and_a_bookmark_is_not(tmp_path):
    document = docx.Document()
    document.add_heading("标题", 0)
    line = document.add_paragraph("正文")
    mark = OxmlElement("w:bookmarkStart")
    mark.set(qn("w:id"), "0")
    mark.set(qn("w:name"), "place")
    line._p.append(mark)
    document.save(tmp_path / "a.docx")
    (row,) = open_source(tmp_path / "a.docx", defaults=ASIDE)
    assert (taken(row).article.body_html, notes(row, "body_html")) == ("<p>正文</p>", "")
    line.add_run("删去").font.strike = True
    document.save(tmp_path / "a.docx")
    (row,) = open_source(tmp_path / "a.docx", defaults=ASIDE)
    assert taken(row).article.body_html == "<p>正文删去</p>"
    assert notes(row, "body_html") == "去掉不允许的 HTML 标签：s"


def test_a_page_without_structure_is_taken_whole_with_its_title(tmp_path):
    (row,) = read(tmp_path / "a.htm", "<title>通知_河东区</title><p>正文</p>", defaults=ASIDE)
    assert (taken(row).article.title, row.article.body_html) == ("通知", "<p>正文</p>")


def test_absurdly_nested_pages_and_damaged_word_files_are_refused(tmp_path):
    with pytest.raises(SourceError, match="嵌套"):
        read(tmp_path / "a.html", "<div>" * 100_000, defaults=ASIDE)
    with pytest.raises(SourceError, match="Word"):
        read(tmp_path / "a.docx", b"PK\x03\x04 no word file")


def test_a_word_file_with_more_markup_than_memory_is_refused_unread(tmp_path):
    word(tmp_path, "正文")
    noise = random.Random(1).randbytes(1 << 20).hex().encode() * 11
    with zipfile.ZipFile(tmp_path / "a.docx", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/extra.xml", b"<a>" + noise + b"</a>")
    with pytest.raises(SourceError, match="过大"):
        open_source(tmp_path / "a.docx")
