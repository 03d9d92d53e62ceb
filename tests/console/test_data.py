"""数据与报表: the page, what it says of what is not known, its periods, its files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import unquote

from django.test import Client

from bot.domain.instants import beijing_date
from bot.models import SampleRecord

from .world import District, now, put

Login = Callable[[str], Client]


def shown(client: Client, address: str = "/data") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def released(district: District) -> None:
    release = district.signed(title="公交调整")
    for publication in release.publications.all():
        put(publication, "live")
    item = release.publications.get(account=district.accounts[0]).items.get()
    SampleRecord.objects.create(item=item, taken_at=now(), values={"reads": 1234, "shares": 0}, raw="{}")


def test_the_cards_and_the_row_tell_what_is_known_and_dash_what_is_not(district: District, as_: Login) -> None:
    released(district)
    text = shown(as_("releaser"))
    assert "关于调整城区公交线路的通知" in text
    assert "临东政办字〔2017〕41号" in text
    assert "<b>100</b>%" in text
    assert "1,234" in text
    assert "分享 <b>0</b>" in text
    assert '在看 <b title="未统计">—</b>' in text
    assert "未统计：微博不提供阅读数" in text
    assert "网站访问量没有接入同发" in text
    assert district.unit.name in text


def test_the_worst_delay_is_told_in_tenths_where_it_is_short(district: District, as_: Login) -> None:
    release = district.signed()
    for publication in release.publications.all():
        put(publication, "live", sent_at=publication.instant + timedelta(microseconds=500))
    assert "<b>0.5 毫秒</b>" in shown(as_("releaser"))


def test_an_empty_period_says_so(district: District, as_: Login) -> None:
    text = shown(as_("duty"), "/data?period=last-month")
    assert "还没有发布的内容" in text
    assert "没有系统发出的推送" in text


def test_another_units_releases_are_not_there(district: District, as_: Login) -> None:
    released(District.make("town", "九曲街道"))
    text = shown(as_("releaser"))
    assert "关于调整城区公交线路的通知" not in text
    assert "1,234" not in text


def test_a_period_that_is_none_is_said_and_this_month_shown(district: District, as_: Login) -> None:
    released(district)
    for query in ("period=own", "period=own&first=2026-02-30&last=x", "period=own&first=2026-03-02&last=2026-03-01"):
        text = shown(as_("releaser"), f"/data?{query}")
        assert "下面是本月的数据" in text
    assert "下面是本月" not in shown(as_("releaser"), "/data?period=nonsense&after=nonsense")


def test_the_sheet_for_paper_names_unit_and_period(district: District, as_: Login) -> None:
    released(district)
    today = beijing_date(now())
    text = shown(as_("releaser"), "/data?sheet=1")
    assert f"{district.unit.name}</b> · {today.year}年{today.month}月" in text
    assert "data-print" in text
    assert "console/print.js" in text


def test_files_carry_the_unit_and_the_period_in_their_names(district: District, as_: Login) -> None:
    released(district)
    client = as_("releaser")
    sheet = client.get("/data/export?form=csv")
    text = b"".join(sheet.streaming_content).decode()  # type: ignore[attr-defined]
    assert text.startswith("\ufeff")
    assert "1234" in text
    assert district.unit.name in unquote(sheet.headers["Content-Disposition"])
    book = client.get("/data/export?form=xlsx")
    assert book.content.startswith(b"PK")
    assert client.get("/data/export?form=exe").status_code == 409


def test_it_is_in_the_navigation_of_those_who_read(district: District, as_: Login) -> None:
    assert 'href="/data"' in shown(as_("editor"), "/")
    assert 'href="/data"' not in shown(as_("admin"), "/")
