"""Which rows are refused, over which field, and with which advice. Read as rows of a JSON file."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.article import Article, Kind
from bot.intake.assemble import assemble, rows
from bot.intake.columns import LABELS
from bot.intake.contract import Formula, Record, Rejected, Taken

from .support import good, notes, read_json, rejected, taken


def one(folder, **changes):
    return read_json(folder, good(**changes))[0]


@pytest.mark.parametrize("name", [".", "..", " .. ", "\u200b.", "../../y", "a/./b", "2017/.."])
def test_an_id_that_an_address_would_take_for_a_folder_is_refused(tmp_path, name):
    row = rejected(one(tmp_path, id=name))
    assert row.field == "external_id"
    assert "网页上打不开" in row.reason
    assert row.remedy
    taken(one(tmp_path, id="HD.17"))


@pytest.mark.parametrize(
    ("field", "column"), [("external_id", "id"), ("title", "title"), ("kind", "kind"), ("source_url", "source_url")]
)
@pytest.mark.parametrize("empty", ["", "  \u3000", None, "\u200b", "<b></b>"])
def test_a_row_without_id_title_kind_or_link_is_refused_naming_the_field(tmp_path, field, column, empty):
    row = rejected(one(tmp_path, **{column: empty}))
    assert row.field == field
    assert LABELS[field] in row.reason


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("disclosure", Kind.DISCLOSURE),
        ("主动公开", Kind.DISCLOSURE),
        ("政策解读", Kind.INTERPRETATION),
        ("解读", Kind.INTERPRETATION),
        ("Notice", Kind.NOTICE),
        ("通知公告", Kind.NOTICE),
        ("便民服务", Kind.SERVICE),
    ],
)
def test_kinds_are_understood_in_english_and_chinese(tmp_path, label, kind):
    assert taken(one(tmp_path, kind=label)).article.kind is kind


def test_an_unknown_kind_is_refused_and_the_known_ones_are_listed(tmp_path):
    row = rejected(one(tmp_path, kind="新闻"))
    assert (row.field, row.value) == ("kind", "新闻")
    assert "政策解读" in row.remedy


@pytest.mark.parametrize(
    "url",
    ["www.hedong.gov.cn/a", "/info/1.htm", "ftp://a.gov.cn/1", "javascript:alert(1)", "file:///etc/passwd", "http://", "http://user:pw@a.gov.cn/", "http://a.gov.cn@evil.com/", "http://a b.cn/", "http://[::1/", "http://a.cn:99999/", "http://a.cn\\@evil.com/", '=HYPERLINK("http://a.cn")', "http://a.cn/" + "x" * 1000, "http://河东.cn/", "http:///x"],
)  # fmt: skip
def test_a_link_that_is_no_safe_absolute_address_is_refused(tmp_path, url):
    assert rejected(one(tmp_path, source_url=url)).field == "source_url"


@pytest.mark.parametrize(
    "url", ["https://a.gov.cn", "http://a.gov.cn:8080/x?a=1&copy=2#top", "HTTP://A.gov.cn/%E6%96%87"]
)
def test_ordinary_links_stay_as_they_are(tmp_path, url):
    assert taken(one(tmp_path, source_url=url)).article.source_url == url


def test_characters_that_no_address_holds_are_encoded_so_that_no_template_lives_in_a_link(tmp_path):
    row = one(tmp_path, source_url="http://a.gov.cn/{{7*7}}/通知?x=<b>\"'")
    assert taken(row).article.source_url == "http://a.gov.cn/%7B%7B7*7%7D%7D/%E9%80%9A%E7%9F%A5?x=%22'"
    assert "转码" in notes(row, "source_url")


@pytest.mark.parametrize(
    "text",
    ["2017-06-13", "2017-6-13", "2017/6/13", "2017.6.13", "2017年6月13日", "２０１７年６月１３日", "20170613", "42899", 42899, "2017-06-13 10:00:00", "2017-06-13T10:00:00+08:00", "2017/6/13 9:05", " 2017 年 6 月 13 日 "],
)  # fmt: skip
def test_dates_are_read_as_people_and_spreadsheets_write_them(tmp_path, text):
    assert taken(one(tmp_path, publish_date=text)).article.published_on == date(2017, 6, 13)


@pytest.mark.parametrize(
    "text", ["去年", "2017-02-30", "13/6/2017", "2017-13-01", "0001-01-01", "99999", "2017", "0", "1e5", True]
)
@pytest.mark.parametrize(("column", "field"), [("publish_date", "published_on"), ("formed_date", "formed_on")])
def test_a_date_that_is_none_is_refused_naming_its_field(tmp_path, text, column, field):
    assert rejected(one(tmp_path, **{column: text})).field == field


def test_an_absent_date_is_absent_and_one_before_formation_is_left_to_the_gate(tmp_path):
    assert taken(one(tmp_path)).article.published_on is None
    early = taken(one(tmp_path, publish_date="2017-06-01", formed_date="2017-06-12")).article
    assert early.published_on < early.formed_on


@pytest.mark.parametrize(
    "written",
    ["临东政办字﹝2017﹞41号", "临东政办字[2017]41号", "临东政办字（2017） 41 号", "临东政办字【2017】第41号"],
)
def test_a_document_number_gets_its_proper_brackets_and_that_is_recorded(tmp_path, written):
    row = one(tmp_path, document_number=written)
    assert taken(row).article.document_number == "临东政办字〔2017〕41号"
    assert written in notes(row, "document_number")


@pytest.mark.parametrize("written", ["临东政办字〔2017〕41号", "2017年第3号", "无", ""])
def test_other_document_numbers_stay_for_the_gate(tmp_path, written):
    row = one(tmp_path, document_number=written)
    assert taken(row).article.document_number == written
    assert not notes(row, "document_number")


def test_a_title_of_200_characters_is_taken_and_a_longer_one_refused(tmp_path):
    assert len(taken(one(tmp_path, title="通" * 200)).article.title) == 200
    for length in (201, 20_000):
        row = rejected(one(tmp_path, title="通" * length))
        assert (row.field, len(row.value)) == ("title", 40)
        assert str(length) in row.reason


def test_long_summaries_and_bodies_are_taken_up_to_200_000_characters(tmp_path):
    row = taken(one(tmp_path, summary="文" * 20_000, body="文" * 150_000))
    assert len(row.article.summary) == 20_000
    assert len(row.article.body_html) > 150_000
    assert rejected(one(tmp_path, body="文" * 200_001)).field == "body_html"


def test_the_disclosure_attribute_defaults_and_is_checked(tmp_path):
    assert taken(one(tmp_path)).article.attribute == "主动公开"
    assert taken(one(tmp_path, 公开属性="依申请公开")).article.attribute == "依申请公开"
    assert rejected(one(tmp_path, 公开属性="随便")).field == "attribute"


def test_an_id_that_a_spreadsheet_has_spoilt_is_refused(tmp_path):
    assert "科学计数" in rejected(one(tmp_path, id="2.01706E+13")).reason
    assert taken(one(tmp_path, id=2017001)).article.external_id == "2017001"


def test_an_interpretation_may_come_before_its_document_or_without_one(tmp_path):
    first, second = read_json(tmp_path, good(kind="解读", linked_document="HD-2"), good(id="HD-2"))
    assert taken(first).article.interprets == taken(second).article.external_id
    assert taken(one(tmp_path, kind="解读")).article.interprets == ""


def test_an_interpretation_of_itself_and_a_notice_that_interprets_are_refused(tmp_path):
    assert rejected(one(tmp_path, kind="解读", linked_document="HD-1")).field == "interprets"
    assert rejected(one(tmp_path, kind="notice", linked_document="HD-2")).field == "interprets"


def test_a_repeated_row_is_counted_apart_from_a_contradicting_one(tmp_path):
    first, same, other, fine = read_json(tmp_path, good(), good(), good(title="另一标题"), good(id="HD-2"))
    taken(first)
    assert rejected(same).repeated
    assert not rejected(other).repeated
    assert "第 1 行" in other.reason
    taken(fine)


def test_a_refused_row_does_not_block_its_id(tmp_path):
    broken, mended = read_json(tmp_path, good(publish_date="去年"), good())
    rejected(broken)
    taken(mended)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=8),
    st.text(st.characters(exclude_categories=()), max_size=50),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.builds(Formula, st.text(max_size=9)),
    st.integers(0, 9).map(lambda digit: 10**5000 + digit),
    st.sampled_from(
        ["<p>", "{{x}}", "=1", "http://a.cn/", "HD-1", "notice", "2017-06-13", "http://[", "临东〔2017〕1号"]
    ),
)


def test_all_that_is_wrong_with_a_row_is_told_at_once_each_field_once(tmp_path):
    row = rejected(one(tmp_path, kind="新闻", title=["甲"], source_url="www.hedong.gov.cn", published_on="某日"))
    told = [row, *map(rejected, row.others)]
    assert [fault.field for fault in told] == ["title", "kind", "source_url", "published_on"]
    assert {(fault.number, fault.external_id) for fault in told} == {(row.number, "HD-1")}
    assert "不是文字" in row.reason, "and not that it is missing, too"


@pytest.mark.parametrize("kind", ["新闻", "notice"])
def test_an_unknown_kind_says_nothing_of_what_the_row_interprets(tmp_path, kind):
    row = rejected(one(tmp_path, kind=kind, interprets="HD-2"))
    assert [row.field, *(fault.field for fault in row.others)] == ["kind" if kind == "新闻" else "interprets"]


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(sorted(LABELS)), VALUES))
def test_any_row_whatever_is_taken_or_rejected(values):
    valid = {"external_id": "1", "title": "甲", "kind": "notice", "source_url": "http://a.cn/"}
    for record in (Record(2, values), Record(3, valid | values)):
        (row,) = rows([record])
        if isinstance(row, Taken):
            assert Article.from_content(row.article.content()) == row.article
            assert row.article.hash
        else:
            assert isinstance(row, Rejected)
            assert row.reason
            assert row.remedy
            assert len(row.value) <= 40


def test_assembling_the_result_again_changes_nothing(tmp_path):
    """Importing our own export: the articles are equal, and nothing is cleaned a second time."""
    dirty = good(
        title=" 甲\u200b<b>乙</b>", body="<div>一<script>x</script></div>", document_number="临东政办字[2017]1号"
    )
    article = taken(read_json(tmp_path, dirty)[0]).article
    again = taken(assemble(Record(1, article.content())))
    assert again.article == article
    assert again.cleaned == ()
