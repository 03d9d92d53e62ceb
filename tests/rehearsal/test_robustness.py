"""Whatever a client sends, the platforms answer in their own words; and the reference page names every switch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bot.rehearsal
from bot.rehearsal import RehearsalServer, app, faults
from bot.rehearsal.actions import ACTIONS
from bot.rehearsal.wechat.platform import ROUTES
from bot.rehearsal.weibo.platform import CALLS
from bot.rehearsal.wire import Request

from .clients import TOKEN, WeChat

FOLDER = Path(bot.rehearsal.__file__).parent
PAGE = (FOLDER.parents[1] / "docs" / "reference" / "rehearsal.md").read_text(encoding="utf-8")
KEYS = [
    "name",
    "sub_button",
    "media_id",
    "articles",
    "index",
    "publish_id",
    "article_id",
    "filter",
    "msgtype",
    "mpnews",
    "msg_id",
    "count",
]
KEYS += ["offset", "begin_date", "end_date", "button", "title", "content", "touser", "cgi_path", "rid", "speed", "type"]
LEAVES = (
    st.none() | st.booleans() | st.integers(-3, 30) | st.text(max_size=5) | st.just("mpnews") | st.just("2026-11-20")
)
VALUES = st.recursive(
    LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.sampled_from(KEYS), one, max_size=4)
)
BODIES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RehearsalServer, str]]:
    with RehearsalServer(tmp_path_factory.mktemp("state")) as server:
        yield server, WeChat(server.base_url).login().token


def answered(server: RehearsalServer, method: str, target: str, body: bytes, media_type: str) -> Any:
    headers = Message()
    headers["Content-Type"] = media_type
    request = Request(server.world.now(), method, target, headers, body, "127.0.0.1")
    return app.handle(server.world, request).answer


@settings(max_examples=100, deadline=None)
@given(call=st.sampled_from(sorted(ROUTES)), body=BODIES)
def test_wechat_never_breaks(running: tuple[RehearsalServer, str], call: str, body: dict[str, Any]) -> None:
    server, token = running
    root = "/wechat" if call.startswith("datacube/") else "/wechat/cgi-bin"
    target = f"{root}/{call}?access_token={token}"
    answer = answered(
        server, ROUTES[call][0], target, json.dumps(body, ensure_ascii=False).encode(), "application/json"
    )
    assert (answer.status, answer.code != "rehearsal") == (200, True)


@settings(max_examples=100, deadline=None)
@given(
    call=st.sampled_from(sorted(CALLS)),
    query=st.dictionaries(st.sampled_from(["id", "ids", "uid", "count"]), st.text(max_size=8)),
)
def test_weibo_never_breaks(running: tuple[RehearsalServer, str], call: str, query: dict[str, str]) -> None:
    server, _ = running
    encoded = urlencode(query | {"access_token": TOKEN}, errors="replace")
    target, body = f"/weibo/2/{call}.json?{encoded}", encoded.encode()
    answer = answered(server, CALLS[call][0], target, body, "application/x-www-form-urlencoded")
    assert answer.status in (200, 400, 403)


@pytest.mark.parametrize("name", sorted(faults.KNOWN) + sorted(ACTIONS))
def test_every_fault_and_action_is_on_the_reference_page(name: str) -> None:
    assert f"`{name}" in PAGE


def test_every_switch_is_on_the_reference_page() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.py"))
    names = set(re.findall(r"""switch\(\s*"(\w+)\"""", source))
    assert len(names) > 25
    assert [name for name in sorted(names) if f"`{name}`" not in PAGE] == []
