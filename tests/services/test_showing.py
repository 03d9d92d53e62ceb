"""发到我的手机: one person sees a post in WeChat itself, from a draft that is gone again; nothing becomes public."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.models import AuditEvent
from bot.rehearsal import RehearsalServer
from bot.services import showing, trail
from bot.services.errors import Refused
from tests.console.world import District, fresh_home, now
from tests.rehearsal.clients import Control, WeChat

PREVIEW = "message/mass/preview"


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[RehearsalServer]:
    with RehearsalServer(tmp_path / "platform") as server:
        yield server


@pytest.fixture
def district(platform: RehearsalServer, db: None, tmp_path: Path) -> Iterator[District]:
    with fresh_home(tmp_path / "home", port=int(platform.base_url.rsplit(":", 1)[1])):
        yield District.make(api=platform.base_url)


def calls(platform: RehearsalServer) -> list[str]:
    """What the platform was asked that leaves something behind there, in order."""
    asked = [row["call"] for row in Control(platform.base_url).journal()]
    return [call for call in asked if call in {"draft/add", PREVIEW, "draft/delete"}]


def drafts_left(platform: RehearsalServer) -> int:
    counted = WeChat(platform.base_url).login().call("draft/count", method="GET")
    return int(counted["total_count"])


@pytest.mark.parametrize("frozen", [False, True], ids=["as it is written", "as it was frozen"])
def test_it_goes_to_one_phone_and_leaves_nothing_behind_but_a_line(
    platform: RehearsalServer, district: District, frozen: bool
) -> None:
    edition = (district.approved() if frozen else district.document()).current
    editor = district.people["editor"]
    said = showing.show(edition, district.accounts[0], to=" hedong_li ", person=editor, now=now())
    assert "“hedong_li”" in said
    assert "没有公开" in said
    assert calls(platform) == ["draft/add", PREVIEW, "draft/delete"]
    assert drafts_left(platform) == 0
    assert Control(platform.base_url).effects() == []
    line = AuditEvent.objects.get(action="edition.shown")
    assert (line.actor, line.data["to"], line.data["edition"]) == ("editor", "hedong_li", 1)
    assert "第 1 版发到个人手机预览" in "".join(one.what for one in trail.of_document(edition.document))


def test_what_the_platform_refuses_is_told_with_its_reason_and_its_draft_is_gone_all_the_same(
    platform: RehearsalServer, district: District
) -> None:
    Control(platform.base_url).wechat(verified=False)
    edition = district.document().current
    with pytest.raises(Refused, match="预览没有发成："):
        showing.show(edition, district.accounts[0], to="hedong_li", person=district.people["editor"], now=now())
    assert calls(platform) == ["draft/add", PREVIEW, "draft/delete"]
    assert drafts_left(platform) == 0
    assert not AuditEvent.objects.filter(action="edition.shown").exists()


def test_where_nothing_can_be_shown_nothing_is_asked(platform: RehearsalServer, district: District) -> None:
    edition, (wechat, weibo), editor = district.document().current, district.accounts, district.people["editor"]
    for account, to, words in (
        (weibo, "hedong_li", "没有把未发布内容发给个人预览的接口"),
        (wechat, "李 拟", "不像微信号"),
    ):
        with pytest.raises(Refused, match=f"{words}.*没有发出任何内容"):
            showing.show(edition, account, to=to, person=editor, now=now())
    with pytest.raises(Refused, match="权限"):
        showing.show(edition, wechat, to="hedong_li", person=district.people["duty"], now=now())
    assert calls(platform) == []
