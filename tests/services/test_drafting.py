"""Writing: nothing typed is lost, nobody overwrites anybody, and only what passes the rules of import becomes an edition."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from click.testing import CliRunner

from bot.cli.main import main
from bot.domain.workflow import EditionState
from bot.intake import Rejected
from bot.models import Document, Draft, Person
from bot.services import accounts, documents, drafting, editorial, people
from bot.services.drafting import Page
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
    kept = drafting.keep(
        document, typed(document, title="新标题"), page=drafting.known(draft), person=editor, now=now()
    )
    assert (kept.revision, kept.fields["title"]) == (1, "新标题")
    assert document.editions.count() == 1
    again, _ = drafting.open_for(document, person=editor, now=now())
    assert again.fields["title"] == "新标题"


def test_the_command_hands_in_the_edition_and_says_what_it_left_out(district: District) -> None:
    document, editor = district.document(), district.people["editor"]
    drafting.open_for(document, person=editor, now=now())
    page = drafting.page_of(document)
    drafting.keep(document, typed(document, title="新标题"), page=page, person=editor, now=now())
    answer = CliRunner().invoke(main, ["submit", document.external_id, "--as", "editor"])
    assert answer.exit_code == 0, answer.output
    assert "提示：HD-1 送审的是已保存的版本，不含李拟还没有保存成版本的草稿。" in answer.output
    assert document.current.status is EditionState.SUBMITTED


def test_files_of_a_draft_are_left_out_no_less_than_its_words(district: District) -> None:
    document, editor = district.document(), district.people["editor"]
    draft, _ = drafting.open_for(document, person=editor, now=now())
    assert drafting.unsaved(document) is None
    file = {"sha256": "a" * 64, "name": "附件.pdf", "size": 1, "media_type": "application/pdf"}
    Draft.objects.filter(pk=draft.pk).update(attachments=[file])
    assert drafting.unsaved(document) == draft


def test_saving_makes_an_edition_and_ends_the_draft(district: District) -> None:
    document, editor = district.document(), district.people["editor"]
    drafting.open_for(document, person=editor, now=now())
    assert (
        drafting.save(
            document, typed(document, title="新标题"), page=drafting.page_of(document), person=editor, now=now()
        )
        == "updated"
    )
    document.refresh_from_db()
    assert (document.title, document.current.number) == ("新标题", 2)
    assert not Draft.objects.exists()
    assert (
        drafting.save(document, typed(document), page=drafting.page_of(document), person=editor, now=now())
        == "unchanged"
    )


def test_a_field_that_does_not_pass_names_itself_and_the_draft_stays(district: District) -> None:
    document, editor = district.document(), district.people["editor"]
    drafting.open_for(document, person=editor, now=now())
    rejected = drafting.save(
        document, typed(document, source_url="不是网址"), page=drafting.page_of(document), person=editor, now=now()
    )
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
        drafting.keep(document, typed(document), page=drafting.known(draft), person=first, now=now())
    with pytest.raises(Refused, match="李二接着编辑"):
        drafting.save(document, typed(document, title="甲"), page=drafting.page_of(document), person=first, now=now())


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
    page = drafting.known(draft)
    drafting.keep(document, typed(document, title="新"), page=page, person=editor, now=now())
    with pytest.raises(Refused, match="另一个窗口"):
        drafting.keep(document, typed(document, title="旧"), page=page, person=editor, now=now())
    assert Draft.objects.get().fields["title"] == "新"


def test_a_version_that_came_in_by_import_meanwhile_is_not_overwritten(district: District) -> None:
    document, editor = district.document(), district.people["editor"]
    drafting.open_for(document, person=editor, now=now())
    district.document(dataclasses.replace(ARTICLES[0], title="重新导入的标题"))
    with pytest.raises(Refused, match="又有了新版本"):
        drafting.save(
            document, typed(document, title="我的"), page=drafting.page_of(document), person=editor, now=now()
        )
    drafting.discard(document, person=editor)
    assert not Draft.objects.exists()


# --- a page that slept --------------------------------------------------------------------------------------


@dataclasses.dataclass
class Slept:
    """A page that was open when a colleague took over, wrote edition 2 and closed the working copy."""

    document: Document
    editor: Person
    page: Page

    @classmethod
    def while_a_colleague_saved(cls, district: District) -> Slept:
        document, editor, colleague = district.document(), district.people["editor"], district.people["second_editor"]
        draft, _ = drafting.open_for(document, person=editor, now=now())
        page = drafting.known(draft)
        drafting.open_for(document, person=colleague, now=now(), take_over=True)
        words = typed(document, title="李二改的标题")
        drafting.save(document, words, page=drafting.page_of(document), person=colleague, now=now())
        document.refresh_from_db()
        return cls(document, editor, page)

    def save(self, *, over: tuple[int, int] | None = None, **changes: str) -> object:
        fields = typed(self.document) | {"title": "李拟旧页上的标题"} | changes
        page = dataclasses.replace(self.page, over=over)
        return drafting.save(self.document, fields, page=page, person=self.editor, now=now())


def test_a_page_that_slept_does_not_replace_a_colleagues_edition_and_loses_nothing(district: District) -> None:
    slept = Slept.while_a_colleague_saved(district)
    with pytest.raises(Refused, match="第 2 版，李二保存") as refused:
        slept.save()
    assert refused.value.code == "newer"
    assert [one.number for one in slept.document.editions.all()] == [1, 2]
    kept = Draft.objects.get()
    assert (kept.fields["title"], kept.base.number) == ("李拟旧页上的标题", 1)


def test_reviews_and_signature_of_the_colleagues_edition_stand(district: District) -> None:
    document, editor, colleague = district.document(), district.people["editor"], district.people["second_editor"]
    draft, _ = drafting.open_for(document, person=editor, now=now())
    page, fields = drafting.known(draft), typed(document, title="李拟旧页上的标题")
    drafting.open_for(document, person=colleague, now=now(), take_over=True)
    changed = typed(document, title="李二改的标题")
    drafting.save(document, changed, page=drafting.page_of(document), person=colleague, now=now())
    release = district.signed(document.current.article)
    with pytest.raises(Refused, match="又有了新版本"):
        drafting.save(documents.find_document("HD-1", unit=district.unit), fields, page=page, person=editor, now=now())
    release.refresh_from_db()
    assert release.signed
    assert document.current.status is EditionState.APPROVED


def test_what_one_was_told_of_may_be_replaced_knowingly_and_nothing_that_came_after_that(district: District) -> None:
    slept = Slept.while_a_colleague_saved(district)
    with pytest.raises(Refused):
        slept.save()
    slept.page = drafting.page_of(slept.document)
    with pytest.raises(Refused, match="又有了新版本"):
        slept.save(over=(1, slept.page.revision))
    slept.page = drafting.page_of(slept.document)
    assert slept.save(over=(2, slept.page.revision)) == "updated"
    assert (slept.document.current.number, slept.document.current.title) == (3, "李拟旧页上的标题")


def test_autosave_of_a_page_that_slept_writes_nothing_into_the_working_copy_of_the_newer_edition(
    district: District,
) -> None:
    slept = Slept.while_a_colleague_saved(district)
    fields = typed(slept.document, title="李拟旧页上的标题")
    with pytest.raises(Refused, match="没有自动保存"):
        drafting.keep(slept.document, fields, page=slept.page, person=slept.editor, now=now())
    drafting.open_for(slept.document, person=slept.editor, now=now())
    assert drafting.page_of(slept.document).revision == slept.page.revision
    with pytest.raises(Refused, match="另一个窗口"):
        drafting.keep(slept.document, fields, page=slept.page, person=slept.editor, now=now())
    assert Draft.objects.get().fields["title"] == "李二改的标题"


def test_of_two_windows_of_one_person_the_older_does_not_save_over_the_newer(district: District) -> None:
    document, editor = district.document(), district.people["editor"]
    draft, _ = drafting.open_for(document, person=editor, now=now())
    old = drafting.known(draft)
    drafting.keep(document, typed(document, title="新窗口"), page=old, person=editor, now=now())
    fields = typed(document, title="旧窗口")
    with pytest.raises(Refused, match="另一个窗口"):
        drafting.save(document, fields, page=old, person=editor, now=now())
    assert (Draft.objects.get().fields["title"], document.editions.count()) == ("新窗口", 1)
    with pytest.raises(Refused, match="另一个窗口"):
        drafting.save(document, fields, page=dataclasses.replace(old, over=(1, 0)), person=editor, now=now())
    assert (
        drafting.save(document, fields, page=dataclasses.replace(old, over=(1, 1)), person=editor, now=now())
        == "updated"
    )
    assert document.current.title == "旧窗口"


def test_a_title_that_goes_out_shortened_is_told_as_long_as_it_was_written(district: District) -> None:
    document = district.document()
    title = "关于调整城区公交线路并同步优化站点设置与首末班发车时间和票价优惠办法等有关事项的通知"
    fields = drafting.fields_of(document.current) | {"title": title}
    judged = drafting.judge(document, fields, accounts=district.accounts, now=now())
    told = next(one for one in judged.meters if one.account.channel == "wechat" and one.label == "标题")
    assert (told.length, told.limit, told.over, told.cut) == (len(title), 32, True, True)
    assert told.fits is not None
    assert told.fits <= 32
    body = next(one for one in judged.meters if one.label == "正文（含版式）")
    assert (body.limit, body.over) == (19_999, False)


def test_a_title_that_cannot_be_shortened_is_told_once_and_keeps_its_meter(district: District) -> None:
    """It is not empty, and nobody who wrote it may read that it were."""
    document = district.document()
    title = "Lindong" * 22
    fields = drafting.fields_of(document.current) | {"title": title}
    judged = drafting.judge(document, fields, accounts=district.accounts[:1], now=now())
    told = next(one for one in judged.meters if one.label == "标题")
    assert (told.length, told.limit, told.over, told.cut) == (154, 32, True, False)
    assert [
        one.message for one in judged.findings if one.field == "title" and one.rule.startswith(("render", "wechat"))
    ] == ["标题有 154 字，缩不到 32 字以内，请改短。"]


def test_a_character_that_the_cover_cannot_show_is_told_while_it_is_typed(district: District) -> None:
    document = district.document()
    fields = typed(document, title="关于𠀀家园道路施工的通知")
    judged = drafting.judge(document, fields, accounts=district.accounts, now=now())
    assert [one.message for one in judged.findings if one.rule == "render.cover_character"] == [
        "封面字体里没有“𠀀”，封面上会画成〓，请换自己的图片。",
        "配图字体里没有“𠀀”，配图上会画成〓，请改用别的字，或核对后照发。",
    ]


def test_what_is_typed_is_kept_before_it_is_judged(district: District) -> None:
    document, editor = district.document(), district.people["editor"]
    drafting.open_for(document, person=editor, now=now())
    fields = typed(document, title="还没有自动保存的", source_url="不是网址")
    drafting.save(document, fields, page=drafting.page_of(document), person=editor, now=now())
    assert Draft.objects.get().fields["title"] == "还没有自动保存的"


def test_what_is_saved_while_it_is_under_review_waits_in_the_draft(district: District) -> None:
    document, editor = district.document(), district.people["editor"]
    drafting.open_for(document, person=editor, now=now())
    page = drafting.page_of(document)
    editorial.submit(document, person=editor, now=now())
    document.refresh_from_db()
    with pytest.raises(Refused, match=r"正在审核（待初审）.*已存进草稿"):
        drafting.save(document, typed(document, title="送审以后写的"), page=page, person=editor, now=now())
    assert (Draft.objects.get().fields["title"], document.editions.count()) == ("送审以后写的", 1)


def test_nothing_a_browser_would_run_is_kept(district: District) -> None:
    document, editor = district.document(), district.people["editor"]
    draft, _ = drafting.open_for(document, person=editor, now=now())
    body = '<p onclick="x()">甲<script>alert(1)</script><img src="https://evil.example/x.png"></p>'
    kept = drafting.keep(
        document, typed(document, body_html=body), page=drafting.known(draft), person=editor, now=now()
    )
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
    assert len(judged.spots) == len(judged.findings)
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
