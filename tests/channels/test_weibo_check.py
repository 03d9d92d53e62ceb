"""What the channel refuses before the platform could, and how it says so."""

from __future__ import annotations

import pytest

from bot.channels.weibo import KIND
from bot.domain.findings import Level
from bot.domain.post import Asset

from .weibo_parts import LINK, PICTURE, TEXT, MemoryPorts, make_account, make_channel, make_post, png


def rules(text: str, **options: str) -> list[str]:
    """Rules found in a text with the marker of the sample post."""
    return [finding.rule for finding in make_channel(make_account(**options)).check([make_post(text)])]


def test_a_good_post_has_no_findings():
    assert make_channel().check([make_post(picture=PICTURE)]) == []


def test_a_publication_is_exactly_one_post():
    assert [f.rule for f in make_channel().check([make_post(), make_post()])] == ["weibo.posts"]
    assert [f.rule for f in make_channel().check([])] == ["weibo.posts"]


def test_140_characters_pass_and_141_do_not():
    """The link counts ten."""
    assert rules("汉" * 130 + LINK) == []
    assert rules("汉" * 131 + LINK) == ["weibo.length"]


def test_an_eligible_account_may_be_set_to_2000():
    assert rules("汉" * 1990 + LINK, max_length="2000") == []
    assert make_channel(make_account(max_length="2000")).spec.fields[0].limit == 2000


def test_the_text_needs_a_link():
    assert rules("【标题】没有链接") == ["weibo.link_missing", "weibo.marker"]


def test_a_second_link_is_refused_and_a_foreign_one_named():
    assert rules(f"{TEXT} {LINK}") == ["weibo.link_many"]
    found = make_channel().check([make_post(f"{TEXT} https://evil.example/a")])
    assert [f.rule for f in found] == ["weibo.link_many", "weibo.link_foreign"]
    assert found[1].found == "https://evil.example/a"


def test_a_subdomain_passes_only_by_setting():
    assert rules(TEXT, safe_domain="hedong.gov.cn") == ["weibo.link_foreign"]
    assert rules(TEXT, safe_domain="hedong.gov.cn", safe_domain_match="subdomain") == []


def test_the_safe_domain_may_be_one_of_several_and_pasted_as_an_address():
    assert rules(TEXT, safe_domain="a.gov.cn， https://WWW.hedong.gov.cn/") == []


def test_without_a_safe_domain_nothing_can_go_out():
    assert rules(TEXT, safe_domain="") == ["weibo.safe_domain"]


def test_the_link_must_carry_the_marker():
    assert rules(TEXT.replace("k7m2", "zzzz")) == ["weibo.marker"]


def test_a_topic_is_shown_where_it_stands():
    text = f"#政务公开#{TEXT}"
    (finding,) = make_channel().check([make_post(text)])
    assert (finding.rule, text[finding.start : finding.end]) == ("weibo.topic", "#政务公开#")
    assert finding.level is Level.BLOCK


def test_a_mention_and_a_bare_address_are_only_warned_about():
    found = make_channel().check([make_post(f"@河东发布 www.hedong.gov.cn {TEXT}")])
    assert {f.rule: f.level for f in found} == {"weibo.mention": Level.WARN, "weibo.bare_host": Level.WARN}


@pytest.mark.parametrize(
    ("data", "rule"),
    [(b"<svg/>", "weibo.picture_type"), (b"BM" + b"\0" * 50, "weibo.picture_type"), (png(padding=5 * 1024 * 1024), "weibo.picture_size")],
    ids=["svg", "bmp", "too large"],
)  # fmt: skip
def test_pictures_that_weibo_would_refuse(data, rule):
    asset = Asset(data, "image/png")
    ports = MemoryPorts(assets={asset.sha256: asset})
    (finding,) = make_channel(ports=ports).check([make_post(picture=asset)])
    assert (finding.rule, finding.field) == (rule, "pic")


def test_a_heavy_picture_is_only_warned_about():
    """It would still go out, but its many writes would end late."""
    asset = Asset(png(padding=310_000), "image/png")
    (finding,) = make_channel(ports=MemoryPorts(assets={asset.sha256: asset})).check([make_post(picture=asset)])
    assert (finding.rule, finding.level) == ("weibo.picture_heavy", Level.WARN)


def test_a_picture_that_is_not_there_blocks():
    (finding,) = make_channel(ports=MemoryPorts(assets={})).check([make_post(picture=PICTURE)])
    assert finding.rule == "weibo.picture_missing"


def test_every_message_is_a_chinese_sentence_with_an_advice():
    found = make_channel(make_account(safe_domain="")).check([make_post("#话题# @某人 www.a.cn" + "汉" * 200)])
    assert len(found) >= 6
    for finding in found:
        assert "；" in finding.message
        assert finding.message.endswith("。")


class TestSpec:
    """The vendor as data."""

    def test_reads_are_not_among_the_metrics(self):
        assert KIND.spec.metrics == ("reposts", "comments", "attitudes")
        assert any("阅读数" in sentence for sentence in KIND.spec.cannot)

    def test_an_unknown_outcome_is_never_resent_by_machine(self):
        policy = KIND.spec.mode("share").unknown
        assert policy.when_absent == "person"
        assert list(policy.looks) == sorted(set(policy.looks))
        assert policy.looks[-1].total_seconds() >= 120

    def test_an_account_without_pictures_gets_no_cover(self):
        assert make_channel(make_account(picture="none")).spec.cover is None
        cover = make_channel().spec.cover
        assert cover is not None
        assert cover.max_bytes < 300_000

    def test_only_one_platform_address_has_a_default(self):
        """So that no call can reach the live platform from an account that names another address."""
        assert [name for name, address in KIND.spec.endpoints.items() if address] == ["api"]
