"""Writing: nothing typed is lost, nobody overwrites anybody, and only what passes the rules of import becomes an edition."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from bot.intake import Rejected
from bot.models import Document, Draft
from bot.services import accounts, drafting, people
from bot.services.errors import Refused
from tests.console.world import ARTICLES, District, fresh_home, now


@pytest.fixture
def district(db: None, tmp_path: Path) -> Iterator[District]:
    with fresh_home(tmp_path / "home"):
        made = District.make()
        made.people["second_editor"] = people.add_person(
            "li2", name="李二", unit=made.unit, roles=["editor"], password=None, actor="test", now=now()
        )
        yield made


def typed(document: Document, **changes: str) -> dict[str, str]:
    return drafting.fields_of(document.current) | changes


def test_what_is_typed_is_kept_and_no_edition_yet(district: District) -> None:
    document, editor = district.document(), district.people["editor"]
    draft, mine = drafting.open_for(document, person=editor, now=now())
    assert mine
    kept = drafting.keep(document, typed(document, title="新标题"), revision=draft.revision, person=editor, now=now())
    assert (kept.revision, kept.fields["title"]) == (1, "新标题")
    assert document.editions.count() == 1
    again, _ = drafting.open_for(document, person=editor, now=now())
    assert again.fields["title"] == "新标题"


def test_saving_makes_an_edition_and_ends_the_draft(district: District) -> None:
    document, editor = district.document(), district.people["editor"]
    drafting.open_for(document, person=editor, now=now())
    assert drafting.save(document, typed(document, title="新标题"), person=editor, now=now()) == "updated"
    document.refresh_from_db()
    assert (document.title, document.current.number) == ("新标题", 2)
    assert not Draft.objects.exists()
    assert drafting.save(document, typed(document), person=editor, now=now()) == "unchanged"


def test_a_field_that_does_not_pass_names_itself_and_the_draft_stays(district: District) -> None:
    document, editor = district.document(), district.people["editor"]
    drafting.open_for(document, person=editor, now=now())
    rejected = drafting.save(document, typed(document, source_url="不是网址"), person=editor, now=now())
    assert isinstance(rejected, Rejected)
    assert rejected.field == "source_url"
    assert rejected.remedy
    assert Draft.objects.filter(document=document).exists()
    assert document.editions.count() == 1


def test_a_second_editor_is_told_and_may_take_over_and_then_the_first_is_refused(district: District) -> None:
    document, first, second = district.document(), district.people["editor"], district.people["second_editor"]
    draft, _ = drafting.open_for(document, person=first, now=now())
    held, mine = drafting.open_for(document, person=second, now=now())
    assert not mine
    assert held.editor == first
    _, mine = drafting.open_for(document, person=second, now=now(), take_over=True)
    assert mine
    with pytest.raises(Refused, match="李二接着编辑"):
        drafting.keep(document, typed(document), revision=draft.revision, person=first, now=now())
    with pytest.raises(Refused, match="李二接着编辑"):
        drafting.save(document, typed(document, title="甲"), person=first, now=now())


def test_a_page_that_gave_no_sign_of_life_for_a_minute_holds_nothing(district: District) -> None:
    document, first, second = district.document(), district.people["editor"], district.people["second_editor"]
    with time_machine.travel(now(), tick=False) as clock:
        drafting.open_for(document, person=first, now=now())
        clock.shift(timedelta(seconds=50))
        drafting.stay(document, person=first, now=now())
        clock.shift(timedelta(seconds=50))
        assert not drafting.open_for(document, person=second, now=now())[1]
        clock.shift(timedelta(seconds=61))
        assert drafting.open_for(document, person=second, now=now())[1]


def test_an_older_window_does_not_overwrite_a_newer_one(district: District) -> None:
    document, editor = district.document(), district.people["editor"]
    draft, _ = drafting.open_for(document, person=editor, now=now())
    drafting.keep(document, typed(document, title="新"), revision=draft.revision, person=editor, now=now())
    with pytest.raises(Refused, match="另一个窗口"):
        drafting.keep(document, typed(document, title="旧"), revision=draft.revision, person=editor, now=now())
    assert Draft.objects.get().fields["title"] == "新"


def test_a_version_that_came_in_by_import_meanwhile_is_not_overwritten(district: District) -> None:
    document, editor = district.document(), district.people["editor"]
    drafting.open_for(document, person=editor, now=now())
    import dataclasses

    district.document(dataclasses.replace(ARTICLES[0], title="重新导入的标题"))
    with pytest.raises(Refused, match="又有了新版本"):
        drafting.save(document, typed(document, title="我的"), person=editor, now=now())
    drafting.discard(document, person=editor)
    assert not Draft.objects.exists()


def test_nothing_a_browser_would_run_is_kept(district: District) -> None:
    document, editor = district.document(), district.people["editor"]
    draft, _ = drafting.open_for(document, person=editor, now=now())
    body = '<p onclick="x()">甲<script>alert(1)</script><img src="https://evil.example/x.png"></p>'
    kept = drafting.keep(document, typed(document, body_html=body), revision=draft.revision, person=editor, now=now())
    assert kept.fields["body_html"] == "<p>甲</p>"


def test_while_typing_lengths_are_counted_as_each_platform_counts_and_checks_are_run(district: District) -> None:
    document = district.document()
    fields = typed(document, title="长" * 70)
    chosen = accounts.Account.objects.filter(unit=district.unit).order_by("pk")
    judged = drafting.judge(document, fields, accounts=list(chosen), now=now())
    assert judged.rejected is None
    title = next(one for one in judged.meters if one.account.channel == "wechat" and one.label == "标题")
    assert title.limit is not None
    assert {one.account.channel for one in judged.meters} == {"wechat", "weibo"}
    assert judged.findings
    assert drafting.judge(document, typed(document, title=""), accounts=[], now=now()).rejected is not None


def test_only_editors_write(district: District) -> None:
    document = district.document()
    for who in ("first", "releaser", "duty", "admin"):
        with pytest.raises(Refused, match="没有拟稿权限"):
            drafting.open_for(document, person=district.people[who], now=now())
    assert not drafting.may_edit(document, district.people["first"])


def test_own_numbers_are_free_ones(district: District) -> None:
    first = drafting.next_external_id(district.unit, now=now())
    fields = {"title": "新建的", "kind": "notice", "source_url": "https://www.hedong.gov.cn/n.html"}
    made = drafting.create(first, fields, person=district.people["editor"], now=now())
    assert isinstance(made, Document)
    assert drafting.next_external_id(district.unit, now=now()) != first
    again = drafting.create(first, fields, person=district.people["editor"], now=now())
    assert isinstance(again, Rejected)
    assert again.field == "external_id"
