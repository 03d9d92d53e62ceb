"""封面: chosen and framed on a page of its own, shown as it will go out."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from bot.models import Draft
from bot.rehearsal import RehearsalServer
from bot.services import covers, drafting, editorial
from tests.intake.files import picture

from .world import District, fresh_home, now, push_to_platform

Login = Callable[[str], Client]
NUMBERS = {
    "wide-left": "100", "wide-top": "50", "wide-width": "940", "square-left": "300", "square-top": "200",
    "square-width": "500",
}  # fmt: skip


def page(client: Client, address: str) -> str:
    answer = client.get(address, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def posted(client: Client, act: str, data: dict[str, object] | None = None) -> str:
    answer = client.post(f"/cover/{act}/HD-1", data or {}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def upload(client: Client, data: bytes | None = None) -> str:
    page(client, "/cover/of/HD-1")
    given = data if data is not None else picture("JPEG", (1200, 800))
    return posted(client, "choose", {"picture": SimpleUploadedFile("a.jpg", given)})


def test_the_drawn_cover_is_shown_and_can_be_replaced(district: District, as_: Login) -> None:
    district.document()
    shown = page(as_("editor"), "/cover/of/HD-1")
    assert "自动绘制" in shown
    assert "头条封面预览" in shown
    assert re.search(r'href="/assets/[0-9a-f]{64}"', shown)
    assert "保存裁剪" not in shown
    assert 'href="/cover/of/HD-1"' in page(as_("editor"), "/edit/of/HD-1")


def test_a_picture_is_framed_in_the_middle_and_then_by_hand(district: District, as_: Login) -> None:
    district.document()
    client = as_("editor")
    shown = upload(client)
    assert "已换用这张图片（1200×800）" in shown
    assert 'name="square-left" type="number" min="0" max="1200" value="200"' in shown
    shown = posted(client, "frame", dict(NUMBERS))
    assert "裁剪已保存到草稿" in shown
    assert 'name="wide-width" type="number" min="470" max="1200" value="940"' in shown
    cover = Draft.objects.get().cover
    assert cover["wide"] == "0.083333_0.062500_0.866667_0.562500"
    digest = cover["picture"].partition(":")[2]
    looks = shown[shown.index("关注者看到的样子") :]
    assert looks.count(f'href="/assets/{digest}"') == 2, "the previews are drawn from the very picture"
    assert 'x="-0.249999' in looks, "at the very numbers that are sent"


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        ({"wide-left": "x"}, "要填整数像素"),
        ({"wide-left": "-1"}, "要填整数像素"),
        ({"wide-left": "999999999999"}, "要填整数像素"),
        ({"wide-left": "700"}, "超出了图片"),
        ({"square-width": "20"}, "太小"),
    ],
)
def test_numbers_that_are_no_frame_are_refused_and_the_old_frame_stays(
    district: District, as_: Login, numbers: dict[str, str], why: str
) -> None:
    district.document()
    client = as_("editor")
    upload(client)
    before = Draft.objects.get().cover
    shown = posted(client, "frame", {**NUMBERS, **numbers})
    assert why in shown
    assert "没有保存" in shown
    assert Draft.objects.get().cover == before


def test_what_is_no_picture_is_refused_in_words(district: District, as_: Login) -> None:
    district.document()
    client = as_("editor")
    assert "没有采用" in upload(client, b"no picture")
    assert "没有收到图片" in posted(client, "choose")
    assert Draft.objects.get().cover is None


def test_one_goes_back_to_the_drawn_cover(district: District, as_: Login) -> None:
    district.document()
    client = as_("editor")
    upload(client)
    assert "已改回自动绘制的封面" in posted(client, "drop")
    assert Draft.objects.get().cover is None


def test_nobody_else_chooses_and_not_under_review(district: District, as_: Login) -> None:
    document = district.document()
    for act in ("choose", "frame", "drop"):
        assert as_("first").post(f"/cover/{act}/HD-1", {}).status_code == 403
    assert as_("first").get("/cover/of/HD-1").status_code == 403
    editorial.submit(document, person=district.people["editor"], now=now())
    assert as_("editor").get("/cover/of/HD-1").status_code == 409


def test_followers_see_the_part_that_was_chosen_of_the_very_picture(
    db: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """From the page to the phone: chosen, approved, signed, sent to the rehearsal platform, shown as it shows it."""
    with RehearsalServer(tmp_path_factory.mktemp("platform")) as server:
        _publish_at_once(server)
        with fresh_home(tmp_path_factory.mktemp("home"), port=int(server.base_url.rsplit(":", 1)[1])):
            district = District.make(api=server.base_url)
            document, editor = district.document(), district.people["editor"]
            drafting.open_for(document, person=editor, now=now())
            own = covers.choose(document, picture("JPEG", (1200, 800), colour="teal"), person=editor, now=now())
            drafting.save(
                document,
                drafting.fields_of(document.current),
                page=drafting.page_of(document),
                person=editor,
                now=now(),
            )
            release = district.signed(document.current.article)
            push_to_platform(release)
            shown = Client().get("/rehearsal/phone/wx").content.decode()
            found = re.search(r'href="(/rehearsal/media/[0-9a-f]+)" x="([-.0-9]+)" y="([-.0-9]+)"', shown)
            assert found
            left, top, right, bottom = (float(share) for share in own.wide.split("_"))
            assert float(found[2]) == pytest.approx(-left * 2.35 / (right - left), abs=1e-5)
            assert float(found[3]) == pytest.approx(-top / (bottom - top), abs=1e-5)
            from bot.domain.hashing import sha256

            assert f"asset:{sha256(Client().get(found[1]).content)}" == own.picture


def _publish_at_once(server: RehearsalServer) -> None:
    for name, identity in (("wechat", "wxrehearsal0000001"), ("weibo", "2017000001")):
        with server.world.store.transaction():
            account = server.world.store.get("account", name, identity)
            account["switches"] |= {"publish_seconds": 0, "mass_seconds": 0}
            server.world.store.put("account", name, identity, account)
