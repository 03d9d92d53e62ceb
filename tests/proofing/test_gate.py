"""The gate as a whole: what every finding promises, whatever the text."""

import csv
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import bot
from bot.domain.article import Article, Kind
from bot.domain.findings import Level, blocking
from bot.proofing import CHECKS, MOST_OF_A_KIND, Pair, check, plain_text, propose_policy

from .samples import TODAY, article, findings

SAMPLES = Path(bot.__file__).parent / "data" / "hedong-2017-items.csv"


def test_a_sound_article_has_no_findings():
    assert findings() == []


def test_blocks_come_before_warnings_and_hints():
    found = findings(title="关于培训的通知。", summary="竣工前亲眼目睹峻工", source_url="")
    order = [Level.BLOCK, Level.WARN, Level.HINT]
    assert {finding.level for finding in found} == set(order)
    assert [order.index(finding.level) for finding in found] == sorted(order.index(f.level) for f in found)


def test_one_mistake_repeated_is_listed_fifty_times_and_then_counted():
    found = findings(summary="峻工" * 80)
    assert len(found) == MOST_OF_A_KIND
    assert "还有30处" in found[-1].message


def test_a_finding_about_words_never_repeats_a_long_number_in_clear():
    found = findings(summary="近13800138000余", document_number="临东政办字138-0013-8000")
    assert {"terms.number_logic", "source.document_number"} <= {finding.rule for finding in found}
    assert not any("0013" in f.found + f.message + f.suggestion for f in found)


WORST = "<p>机密★ 138-0013-8000 卡号4111 1111 1111 1111 《（#a# 攻\u200b府 [2017]第01号 \ud800 \U0001f600峻工</p>"
anything = st.text(st.characters(), max_size=60) | st.text(
    alphabet="0123456789X -.〔〕[]号《》（）“”#<p>&;峻工机密★０\u200b\n", max_size=60
)


@settings(max_examples=120, deadline=None)
@given(
    title=anything,
    summary=anything,
    body=anything,
    url=anything,
    number=anything,
    attribute=anything,
    kind=st.sampled_from(Kind),
    formed=st.none() | st.dates(),
    published=st.none() | st.dates(),
    today=st.dates(),
)
@example(WORST, WORST, WORST, "http://[", WORST, "", Kind.INTERPRETATION, date.min, date.max, TODAY)
def test_the_gate_never_raises_and_every_finding_points_into_its_field(
    title, summary, body, url, number, attribute, kind, formed, published, today
):
    item = Article(
        "x",
        kind,
        title,
        summary,
        body,
        number,
        source_url=url,
        attribute=attribute,
        formed_on=formed,
        published_on=published,
    )
    for finding in check(item, pair=Pair(is_policy=True, interpreted=item), today=today):
        value = getattr(item, finding.field)
        text = plain_text(value) if finding.field == "body_html" else value
        assert 0 <= finding.start <= finding.end <= (len(text) if isinstance(text, str) else 0)
        assert re.search(r"[。]$", finding.message), finding.message
        assert re.fullmatch(r"[a-z]+\.[a-z0-9_]+", finding.rule)
    propose_policy(item)


def test_each_check_stands_in_the_table_once():
    assert len(set(CHECKS)) == len(CHECKS) == 7


def _samples():
    with SAMPLES.open(encoding="utf-8-sig", newline="") as file:
        return {row["id"]: _sample(row) for row in csv.DictReader(file)}


def _sample(row):
    return Article(
        external_id=row["id"],
        kind=Kind(row["kind"]),
        title=row["title"],
        summary=row["summary"],
        document_number=row["document_number"],
        index_number=row["index_number"],
        unit=row["issuing_unit"],
        category=row["category"],
        subcategory=row["subcategory"],
        source_url=row["source_url"],
        published_on=date.fromisoformat(row["publish_date"]),
        formed_on=date.fromisoformat(row["formed_date"]),
        interprets=row["linked_document"],
        form=row["form"],
    )


@pytest.fixture(scope="module")
def sample_findings():
    """{id: findings} of the 81 composed items of 2017, policies as proposed."""
    items = _samples()
    return {item.external_id: check(item, pair=_pair(item, items), today=TODAY) for item in items.values()}


def _pair(item, items):
    interpretations = tuple(other.external_id for other in items.values() if other.interprets == item.external_id)
    return Pair(propose_policy(item), interpretations, items.get(item.interprets))


def _with(sample_findings, rule):
    return {key[5:] for key, found in sample_findings.items() if rule in [finding.rule for finding in found]}


def test_none_of_the_2017_items_is_blocked(sample_findings):
    assert len(sample_findings) == 81
    assert [key for key, found in sample_findings.items() if blocking(found)] == []


def test_the_2017_items_built_to_be_late_are_reported_and_those_on_the_limit_are_not(sample_findings):
    assert _with(sample_findings, "pairing.overdue") == {"025"}  # 013-015 and 020 are published on day 20
    assert _with(sample_findings, "pairing.late_over_limit") == {"112"}
    assert _with(sample_findings, "pairing.late") == {"105", "109", "111", "114", "115"}


def test_every_policy_proposed_among_the_2017_items_has_an_interpretation(sample_findings):
    proposed = {key for key, item in _samples().items() if propose_policy(item)}
    assert {key[5:] for key in proposed} == {"001", "010", "011", "016", "033", "035"}


def test_the_text_of_a_body_is_what_a_reader_sees():
    html = '<p>一<strong>二</strong>&lt;三</p><table><tr><td>甲</td><td>乙</td></tr></table><img src="asset:1" alt="图&amp;文">'
    assert plain_text(html).split() == ["一二<三", "甲", "乙", "图&文"]


def test_raised_and_lowered_characters_are_read_as_such():
    body = "<p>工程已峻工3.2×10<sup>4</sup>平方米<sup>注</sup>，工程已峻工CO<sub>2</sub></p>"
    assert plain_text(body).strip() == "工程已峻工3.2×10⁴平方米^(注)，工程已峻工CO₂"


def test_offsets_in_a_body_count_characters_of_its_text():
    body = "<p>第一段</p><p>工程已<em>峻</em>工</p>"
    [finding] = findings(body_html=body)
    assert plain_text(body)[finding.start : finding.end] == finding.found == "峻工"
    assert "正文第2段第4字" in finding.message


def test_the_article_of_these_specifications_is_not_changed_by_a_check():
    before = article()
    check(before, pair=Pair(), today=TODAY)
    assert before == article()
