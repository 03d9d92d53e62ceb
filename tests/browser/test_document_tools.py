"""The document's further pages in a real browser: files dropped on it, a cover framed by keys and pointer, two versions."""

from __future__ import annotations

import dataclasses
import io

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from bot.models import Draft
from bot.services import documents
from tests.console.world import ARTICLES, District
from tests.intake.files import PDF
from tests.services.factories import interpretation, policy

from .conftest import Open, fits, shoot
from .test_access import violations

pytestmark = pytest.mark.browser
LOOKS = [("desk", "light"), ("desk", "dark"), ("phone", "light"), ("phone", "dark")]
DROP = """(zone, bytes) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], "实施方案.pdf", { type: "application/pdf" }));
    zone.dispatchEvent(new DragEvent("dragover", { dataTransfer: data, bubbles: true, cancelable: true }));
    zone.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def scene() -> bytes:
    """A picture in which a frame can be seen to move."""
    image = Image.new("RGB", (1600, 900), "#7fb0cf")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 560, 1600, 900), fill="#2d6b58")
    draw.ellipse((980, 160, 1260, 440), fill="#f2c14e")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_files_a_cover_and_what_changed(size: str, scheme: str, district: District, window: Open) -> None:
    district.approved()
    changed = "<p>现就有关事项通知如下。</p><p>自12月2日起，3路、8路公交车改走解放路，请市民留意站牌。</p>"
    district.document(dataclasses.replace(ARTICLES[0], title="关于调整城区公交线路的紧急通知", body_html=changed))
    look = f"{size}-{scheme}"
    with window(size, scheme, login="editor") as page:
        _files(page, look)
        _cover(page, look)
        _versions(page, look)


def test_buttons_keep_their_distance_from_the_line_below(district: District, window: Open) -> None:
    district.document(policy())
    district.document(interpretation())
    documents._link_waiting(district.unit)
    with window(login="editor", at="/documents/HD-50") as page:
        buttons = page.locator(".head > .buttons").bounding_box()
        below = page.locator(".head > p", has_text="解读：").bounding_box()
        assert buttons
        assert below
        assert below["y"] - buttons["y"] - buttons["height"] >= 8


def _files(page: Page, look: str) -> None:
    page.goto("/edit/of/HD-1")
    page.locator("[data-drop-files]").evaluate(DROP, list(PDF))
    expect(page.locator(".file-list a")).to_have_text("实施方案.pdf")
    expect(page.locator("#files.htmx-added")).to_have_count(
        0
    )  # for some milliseconds what was swapped in hears nothing
    page.set_input_files("#attach-files", {"name": "坏.doc", "mimeType": "application/msword", "buffer": b"text"})
    expect(page.locator("#files .text-bad")).to_contain_text("没有添加任何附件")
    page.locator("#files").scroll_into_view_if_needed()
    assert fits(page)
    shoot(page, f"files-{look}")
    assert violations(page) == []
    with page.expect_download() as saved:
        page.get_by_role("link", name="实施方案.pdf").click()
    assert saved.value.suggested_filename == "实施方案.pdf"


def _cover(page: Page, look: str) -> None:
    page.goto("/cover/of/HD-1")
    page.set_input_files("#picture", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": scene()})
    page.get_by_role("button", name="上传").click()
    wide = page.locator("[data-shape=wide] .frame")
    expect(wide).to_be_visible()
    page.fill("#wide-width", "1000")
    page.press("#wide-width", "Tab")
    wide.focus()
    before = int(page.input_value("#wide-left"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert int(page.input_value("#wide-left")) == before + 11
    page.keyboard.press("+")
    assert page.input_value("#wide-width") == "1010"
    for _ in range(200):
        page.keyboard.press("Shift+ArrowLeft")
    assert page.input_value("#wide-left") == "0", "the frame stays inside the picture"
    _drag(page)
    chosen = int(page.input_value("#square-left"))
    assert chosen > 350
    page.get_by_role("button", name="保存裁剪").click()
    expect(page.get_by_text("裁剪已保存到草稿")).to_be_visible()
    kept = Draft.objects.get().cover
    assert kept["square"].startswith(f"{chosen / kept['width']:.6f}_")
    assert fits(page)
    assert violations(page) == []
    shoot(page, f"cover-{look}")
    page.locator("[data-shape=square]").scroll_into_view_if_needed()
    shoot(page, f"cover-square-{look}")


def _drag(page: Page) -> None:
    """The square one, to the right."""
    page.fill("#square-width", "500")
    page.press("#square-width", "Tab")
    frame = page.locator("[data-shape=square] .frame")
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] / 3, y, steps=4)
    page.mouse.up()


def _versions(page: Page, look: str) -> None:
    page.goto("/documents/HD-1")
    page.get_by_role("link", name="与上一版比较").click()
    expect(page.locator("#differences ins").first).to_be_visible()
    assert fits(page)
    assert violations(page) == []
    shoot(page, f"compare-{look}")
    page.select_option("#from", "2")
    expect(page.locator("#differences")).to_contain_text("两版内容一字不差")
    expect(page).to_have_url("/compare/HD-1?from=2&to=2")
