"""演练现场: the two phones show what the rehearsal platforms received, and nothing else."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client

from bot.console.phones import pieces, told
from bot.console.pictures import crop

from .world import ARTICLES, District

Login = Callable[[str], Client]


def screen(client: Client, address: str, words: str) -> str:
    """The page once it shows `words`: the platform publishes a moment after it accepted."""
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        shown = client.get(address).content.decode()
        if words in shown:
            return shown
    raise AssertionError(f"{words} never appeared")


def test_the_page_holds_one_phone_per_account_and_needs_no_login_at_this_machine(
    client: Client, district: District
) -> None:
    shown = client.get("/rehearsal/").content.decode()
    assert 'src="/rehearsal/phone/wx"' in shown
    assert 'src="/rehearsal/phone/wb"' in shown


def test_from_another_machine_a_login_is_asked_for(district: District) -> None:
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert elsewhere.get("/rehearsal/").headers["Location"] == "/login?next=/rehearsal/"
    elsewhere.force_login(district.people["duty"])
    assert elsewhere.get("/rehearsal/").status_code == 200


def test_when_the_platforms_do_not_run_the_phones_say_so(client: Client, district: District) -> None:
    for slug in ("wx", "wb"):
        assert "演练平台没有运行" in client.get(f"/rehearsal/phone/{slug}").content.decode()


def test_wechat_shows_one_message_with_the_first_article_large(client: Client, told_platform: District) -> None:
    shown = screen(client, "/rehearsal/phone/wx", "wx-first")
    assert ARTICLES[0].title in shown.split("wx-row")[0]
    assert ARTICLES[1].title in shown.split("wx-row")[1]
    assert "127.0.0.1" not in shown


def test_tapping_an_article_opens_it_where_no_script_runs(client: Client, told_platform: District) -> None:
    shown = screen(client, "/rehearsal/phone/wx", "wx-first")
    link = re.search(r"/rehearsal/phone/wx/(\d+_1)", shown)
    assert link
    assert 'sandbox="allow-same-origin"' in client.get(link.group(0)).content.decode()
    article = client.get(f"/rehearsal/article/wx/{link.group(1)}")
    assert ARTICLES[0].title in article.content.decode()
    assert "责编：李拟" in article.content.decode()
    assert "sandbox allow-same-origin" in article.headers["Content-Security-Policy"]


def test_pictures_of_the_platform_come_through_our_own_address(client: Client, told_platform: District) -> None:
    shown = screen(client, "/rehearsal/phone/wx", "wx-first")
    address = re.search(r"/rehearsal/media/[0-9a-f]+", shown)
    assert address
    assert client.get(address.group(0)).headers["Content-Type"].startswith("image/")
    assert client.get("/rehearsal/media/" + "0" * 64).status_code == 404


def test_weibo_shows_its_statuses_newest_first_with_short_links_as_words(
    client: Client, told_platform: District
) -> None:
    shown = screen(client, "/rehearsal/phone/wb", "落户")
    assert shown.index("落户") < shown.index("公交线路")
    assert "网页链接" in shown
    assert "t.cn" not in re.sub(r"<[^>]+>", "", shown)
    assert "临沂河东" in shown


def test_an_article_that_does_not_exist_is_a_404(client: Client, told_platform: District) -> None:
    assert client.get("/rehearsal/article/wx/999_1").status_code == 404
    assert client.get("/rehearsal/phone/nobody").status_code == 404


# --- pure parts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2026-11-23T09:59:30", "刚刚"),
        ("2026-11-23T09:45:00", "15分钟前"),
        ("2026-11-23T08:30:00", "08:30"),
        ("2026-11-22T23:59:00", "昨天 23:59"),
        ("2026-11-01T09:00:00", "11月1日 09:00"),
        ("2026-11-23T10:00:05", "10:00"),  # a platform clock ahead of ours
    ],
)
def test_times_are_told_as_phones_tell_them_in_beijing(at: str, words: str) -> None:
    now = datetime.fromisoformat("2026-11-23T10:00:00+08:00").astimezone(UTC)
    assert told(datetime.fromisoformat(f"{at}+08:00").astimezone(UTC), now) == words


def test_short_links_stand_where_the_text_has_them() -> None:
    found = pieces("【通知】详见http://t.cn/A1 和http://t.cn/A2", {"http://t.cn/A1": "u1", "http://t.cn/A2": "u2"})
    assert found == [("【通知】详见", ""), ("http://t.cn/A1", "u1"), (" 和", ""), ("http://t.cn/A2", "u2")]


def test_a_crop_puts_just_its_part_of_the_canvas_into_the_box() -> None:
    square = crop("/p", "0.701481_0.000000_1.000000_1.000000", 1.0)
    assert square.x + square.w == pytest.approx(1.0, abs=1e-5)
    assert square.w * (1 - 0.701481) == pytest.approx(1.0, abs=1e-5)
    assert not square.whole


@pytest.mark.parametrize("corners", ["", "1_2", "a_b_c_d", "0.5_0_0.5_1", "0_0_2_1", "nan_0_1_1"])
def test_a_crop_that_makes_no_sense_shows_the_whole_picture(corners: str) -> None:
    assert crop("/p", corners, 2.35).whole
