"""The platform's limits as findings, and the spec as data."""

from __future__ import annotations

import itertools

import pytest

from bot.channels.wechat.spec import SPEC
from bot.domain.findings import Level, blocking

from .wechat_parts import PICTURE, make_channel, make_post

CHANNEL = make_channel()


def rules(*posts, level=None):
    return {finding.rule for finding in CHANNEL.check(posts) if level in (None, finding.level)}


def test_a_proper_post_has_nothing_blocking():
    assert blocking(CHANNEL.check([make_post(1), make_post(2)])) == []


@pytest.mark.parametrize(
    ("payload", "rule"),
    [
        ({"title": "长" * 33}, "wechat.length"),
        ({"author": "名" * 17}, "wechat.length"),
        ({"digest": "摘" * 129}, "wechat.length"),
        ({"content": "文" * 20_000}, "wechat.length"),
        ({"content_source_url": "https://h/?tf=k7m1&" + "a" * 1024}, "wechat.length"),
        ({"title": " "}, "wechat.required"),
        ({"content": ""}, "wechat.required"),
        ({"content_source_url": ""}, "wechat.required"),
        ({"content_source_url": "https://www.hedong.gov.cn/"}, "wechat.marker"),
        ({"content_source_url": "https://h/?tf=k7m12"}, "wechat.marker"),
        ({"content_source_url": "javascript:k7m1"}, "wechat.link"),
        ({"cover": ""}, "wechat.cover"),
        ({"cover": "https://x/y.png"}, "wechat.cover"),
        ({"pic_crop_1_1": "0_0_1"}, "wechat.crop"),
        ({"pic_crop_1_1": "0.5_0_0.5_1"}, "wechat.crop"),
        ({"pic_crop_1_1": "0_0_1.5_1"}, "wechat.crop"),
        ({"pic_crop_1_1": "0_0_0.1234567_1"}, "wechat.crop"),
        ({"content": "<p>x</p><script>1</script>"}, "wechat.tag"),
        ({"content": '<p onclick="x">x</p>'}, "wechat.attribute"),
        ({"content": '<p class="x">x</p>'}, "wechat.attribute"),
        ({"content": '<img src="https://www.hedong.gov.cn/x.png">'}, "wechat.image"),
    ],
)
def test_what_the_platform_would_refuse_or_lose_blocks(payload, rule):
    assert rule in rules(make_post(1, **payload), level=Level.BLOCK)


@pytest.mark.parametrize(
    "payload",
    [
        {"title": "长" * 32},
        {"author": "", "digest": ""},
        {"content": "文" * 19_999},
        {"pic_crop_1_1": "0.123456_0_1.0_1", "pic_crop_235_1": ""},
        {"content": f'<img src="{PICTURE.ref}"><a href="https://mp.weixin.qq.com/s/x">x</a>'},
    ],
)
def test_what_is_just_within_the_limits_passes(payload):
    assert rules(make_post(1, **payload), level=Level.BLOCK) == set()


def test_links_to_other_sites_are_a_warning_and_long_titles_in_bytes_a_hint():
    assert rules(make_post(1, content='<a href="https://x.cn">x</a>'), level=Level.WARN) == {"wechat.href"}
    assert rules(make_post(1, title="长" * 22), level=Level.HINT) >= {"wechat.bytes"}


def test_at_most_eight_articles_and_at_least_one():
    assert "wechat.count" in rules(*[make_post(n) for n in range(1, 10)])
    assert "wechat.count" not in rules(*[make_post(n) for n in range(1, 9)])
    assert rules() == {"wechat.empty"}


def test_a_finding_names_the_article_the_field_and_the_figure():
    (finding,) = blocking(CHANNEL.check([make_post(1), make_post(2, title="长" * 40)]))
    assert finding.field == "title"
    assert "第 2 篇" in finding.message
    assert "40 字" in finding.message


class TestSpec:
    def test_a_mass_send_is_probed_with_its_key_and_a_publish_is_resent_only_when_proved_absent(self):
        assert SPEC.mode("mass").unknown.when_absent == "probe"
        assert SPEC.mode("mass").unknown.probe_after.total_seconds() >= 60
        assert SPEC.mode("publish").unknown.when_absent == "resend"

    def test_looks_after_an_unknown_publish_are_three_and_spaced(self):
        looks = SPEC.mode("publish").unknown.looks
        assert len(looks) == 3
        assert looks[0].total_seconds() >= 120
        assert all(later - earlier >= looks[0] for earlier, later in itertools.pairwise(looks))

    def test_polling_stays_far_below_a_hundred_calls_a_day(self):
        mode = SPEC.mode("publish")
        after = mode.verdict_within - mode.confirm[-1]
        assert len(mode.confirm) + after / mode.confirm[-1] < 20
        assert list(mode.confirm) == sorted(mode.confirm)

    def test_mass_quota_depends_on_the_account_type(self):
        quotas = SPEC.mode("mass").quotas
        assert [(q.period, q.count) for q in quotas["subscription"]] == [("day", 1)]
        assert [(q.period, q.count) for q in quotas["service"]] == [("month", 4)]
        assert SPEC.mode("publish").quotas == {}

    def test_every_limitation_is_a_chinese_sentence(self):
        assert all(sentence.endswith("。") for sentence in SPEC.cannot)
