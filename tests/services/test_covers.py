"""封面: a picture of one's own and its frames are hashed, approved and sent as they were chosen."""

from __future__ import annotations

import pytest

from bot.intake import covers as intake
from bot.intake.covers import Frame
from bot.models import AssetRecord, Document, Draft, Person, PostRecord
from bot.services import covers, documents, drafting, editorial
from bot.services.errors import Refused
from tests.intake.files import picture

from .factories import NOW, Office, article

PICTURE = picture("PNG", (1200, 800))
FRAMES = {"wide": Frame(100, 50, 940), "square": Frame(300, 200, 500)}


def writing(office: Office, document: Document) -> Person:
    drafting.open_for(document, person=office.people["editor"], now=NOW)
    return office.people["editor"]


def chosen(office: Office, document: Document) -> None:
    """A picture, framed, saved as an edition."""
    person = writing(office, document)
    covers.choose(document, PICTURE, person=person, now=NOW)
    covers.frame(document, FRAMES, person=person, now=NOW)
    drafting.save(
        document, drafting.fields_of(document.current), page=drafting.page_of(document), person=person, now=NOW
    )


def wechat(document: Document) -> dict[str, str]:
    return dict(PostRecord.objects.get(edition=document.current, account__channel="wechat").payload)


def test_picture_and_frames_are_part_of_the_edition_and_go_out_as_they_were_chosen(office: Office) -> None:
    document = office.took()
    before = document.current.content_hash
    chosen(office, document)
    own = document.current.article.cover
    assert own is not None
    assert document.current.content_hash not in {before, ""}
    editorial.submit(document, person=office.people["editor"], now=NOW)
    payload = wechat(document)
    assert payload["cover"] == own.picture
    assert payload["pic_crop_235_1"] == own.wide == "0.083333_0.062500_0.866667_0.562500"
    assert payload["pic_crop_1_1"] == own.square == "0.250000_0.250000_0.666667_0.875000"
    assert AssetRecord.objects.filter(sha256=own.picture.partition(":")[2], media_type="image/jpeg").exists()


def test_another_frame_is_another_edition_and_another_post(office: Office) -> None:
    document = office.took()
    chosen(office, document)
    editorial.submit(document, person=office.people["editor"], now=NOW)
    office.passes(document)
    approved = document.current
    person = writing(office, document)
    covers.frame(document, FRAMES | {"square": Frame(301, 200, 500)}, person=person, now=NOW)
    assert (
        drafting.save(document, drafting.fields_of(approved), page=drafting.page_of(document), person=person, now=NOW)
        == "updated"
    )
    assert document.current.content_hash != approved.content_hash
    editorial.submit(document, person=person, now=NOW)
    posts = PostRecord.objects.filter(edition__document=document, account=office.wechat).values_list("hash", flat=True)
    assert len(set(posts)) == 2


def test_the_weibo_picture_stays_the_drawn_one(office: Office) -> None:
    plain, framed = office.submitted(article(1)), office.took(article(2))
    chosen(office, framed)
    editorial.submit(framed, person=office.people["editor"], now=NOW)
    pictures = {
        PostRecord.objects.get(edition=one.current, account=office.weibo).payload["pic"] for one in (plain, framed)
    }
    assert len(pictures) == 1, "the tests' drawn cover is one and the same picture"


def test_a_frame_outside_the_picture_changes_nothing(office: Office) -> None:
    document = office.took()
    person = writing(office, document)
    covers.choose(document, PICTURE, person=person, now=NOW)
    before = Draft.objects.get().cover
    with pytest.raises(Refused, match="超出了图片"):
        covers.frame(document, FRAMES | {"wide": Frame(300, 0, 940)}, person=person, now=NOW)
    assert Draft.objects.get().cover == before


def test_what_is_no_picture_is_refused_with_what_to_do(office: Office) -> None:
    document = office.took()
    person = writing(office, document)
    with pytest.raises(Refused, match="没有采用。请"):
        covers.choose(document, b"no picture", person=person, now=NOW)
    assert Draft.objects.get().cover is None


def test_a_drawn_cover_has_no_frame_to_move_and_one_can_go_back_to_it(office: Office) -> None:
    document = office.took()
    person = writing(office, document)
    with pytest.raises(Refused, match="自动绘制的封面"):
        covers.frame(document, FRAMES, person=person, now=NOW)
    chosen(office, document)
    person = writing(office, document)
    covers.drop(document, person=person, now=NOW)
    drafting.save(
        document, drafting.fields_of(document.current), page=drafting.page_of(document), person=person, now=NOW
    )
    assert document.current.article.cover is None
    assert document.current.content_hash == document.editions.get(number=1).content_hash


def test_what_is_imported_again_keeps_the_cover(office: Office) -> None:
    document = office.took()
    chosen(office, document)
    assert documents.save_article(article(), person=office.people["editor"], now=NOW) == documents.UNCHANGED
    documents.save_article(article(summary="另一个摘要。"), person=office.people["editor"], now=NOW)
    assert document.current.article.cover is not None


def test_only_an_editor_chooses_and_not_while_it_is_under_review(office: Office) -> None:
    document = office.took()
    with pytest.raises(Refused, match="没有拟稿权限"):
        covers.choose(document, PICTURE, person=office.people["final"], now=NOW)
    person = writing(office, document)
    editorial.submit(document, person=person, now=NOW)
    document.refresh_from_db()
    for act in (
        lambda: covers.choose(document, PICTURE, person=person, now=NOW),
        lambda: covers.frame(document, FRAMES, person=person, now=NOW),
        lambda: covers.drop(document, person=person, now=NOW),
    ):
        with pytest.raises(Refused, match="正在审核"):
            act()


def test_what_is_shown_of_the_draft_is_what_would_go_out(office: Office) -> None:
    document = office.took()
    person = writing(office, document)
    covers.choose(document, PICTURE, person=person, now=NOW)
    cover = covers.frame(document, FRAMES, person=person, now=NOW)
    ((account, payload),) = covers.payloads(document, Draft.objects.get())
    assert account == office.wechat
    assert (payload["cover"], payload["pic_crop_235_1"]) == (cover.picture, cover.wide)
    assert intake.frame_of(cover, "square") == FRAMES["square"]
