"""The page that teaches how to add a channel is followed to the letter, in a folder beside the checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .pages import ROOT, read

PAGE = read("docs/extend/add-a-channel.md")
FILE = re.compile(r"^```(?:python|jinja) (\S+/\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

#: What an installation has by itself once the folders lie in the checkout: both places are found by looking there.
PLUGIN = """
import importlib
from pathlib import Path
from bot import channels
from bot.rendering import environment, fields, filters

HERE = Path(__file__).parent
channels.__path__.append(str(HERE / "bot" / "channels"))
found = environment.PostEnvironment([HERE / "templates" / "channels", environment.template_root()], filters.FILTERS)
fields.environment = lambda: found
importlib.import_module("bot.rendering.render").environment = fields.environment
"""

USE = """
from bot import channels
from bot.domain.article import Article, Kind
from bot.rendering.render import render
from tests.channels.wechat_parts import MemoryPorts
from bot.domain.channel import AccountConfig
from bot.domain.findings import blocking
from bot.domain.secret import Secret

LONG = "八个村停水十二小时，请居民提前储水，学校和医院由送水车保障。" * 9
ARTICLE = Article("A-1", Kind.NOTICE, "关于临时停水的通知", LONG, source_url="http://www.hedong.gov.cn/a/1.html", unit="区水利局")


def test_the_folder_is_found_beside_the_others():
    assert {"bulletin", "wechat", "weibo"} <= set(channels.kinds())


def test_every_kind_of_item_is_rendered_within_the_limit_and_carries_the_marker():
    spec = channels.kinds()["bulletin"].spec
    account = AccountConfig("s", "bulletin", "屏", "show", {"api": "http://127.0.0.1:9"}, {"token": Secret("t")}, {})
    for kind in Kind:
        article = Article.from_content({**ARTICLE.content(), "kind": kind})
        made, findings = render(article, spec, account_name="屏", options={}, marker="abcd1234")
        text = made.post.payload["text"]
        assert len(text) <= 120
        assert text.endswith("?tf=abcd1234")
        assert not blocking(findings)
        assert channels.build(account, MemoryPorts()).check([made.post]) == []


def test_the_others_are_rendered_as_before():
    spec = channels.kinds()["weibo"].spec
    made, _ = render(ARTICLE, spec, account_name="临沂河东", options={}, marker="abcd1234")
    assert made.post.payload["status"].startswith("【")
"""

STAND_IN = re.compile(r"^```python (screens\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GOES_OUT = """
import threading
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer

import requests
from bot import channels
from bot.domain.channel import AccountConfig, Evidence, Pending, Receipt, WireAnswer
from bot.domain.post import Post
from bot.domain.secret import Secret
from tests.channels.wechat_parts import MemoryPorts

import screens


class Ports(MemoryPorts):
    def now(self):
        return datetime.now(UTC)


def test_a_text_goes_out_to_the_stand_in_and_is_found_there():
    server = ThreadingHTTPServer(("127.0.0.1", 0), screens.Screens)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    where = {"api": f"http://127.0.0.1:{server.server_port}"}
    channel = channels.build(AccountConfig("s", "bulletin", "屏", "show", where, {"token": Secret("t")}, {}), Ports())
    post = Post("bulletin", {"text": "停水 https://www.hedong.gov.cn/a/1.html?tf=abcd1234"}, "abcd1234")
    grant = channel.grant()
    assert channel.stage([post], key="k").verified
    asked = channel.public_request([post], {}, grant, key="k")
    said = requests.request(asked.method, asked.url, headers=dict(asked.headers), data=asked.body, timeout=5)
    at = datetime.now(UTC)
    answer = WireAnswer(said.status_code, tuple(said.headers.items()), said.content)
    assert isinstance(channel.read_answer(answer), Pending)
    found = channel.look(Evidence("k", (post,), {}, {}, at, at))
    assert isinstance(found, Receipt)
    assert len(screens.SHOWN) == 1
    server.shutdown()
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's files, and nothing else."""
    folder = tmp_path_factory.mktemp("bulletin")
    files = dict(FILE.findall(PAGE)) | dict(STAND_IN.findall(PAGE))
    files |= {"beside.py": PLUGIN, "test_use.py": USE, "test_goes_out.py": GOES_OUT}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def test_the_page_holds_three_folders_and_no_file_elsewhere():
    folders = {str(Path(name).parent) for name, _ in FILE.findall(PAGE)}
    assert folders == {"bot/channels/bulletin", "templates/channels/bulletin", "tests/channels"}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pytest in a process of its own: the third channel must not be seen by other tests."""
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:django",
        "-p",
        "beside",
        "--rootdir",
        str(folder),
        *arguments,
    ]
    paths = os.pathsep.join([str(folder), str(ROOT)])
    return subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_new_channel_passes_the_contract_with_no_edit_elsewhere(checkout: Path):
    done = run(checkout, "tests/channels/test_bulletin_contract.py")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 40


def test_it_is_discovered_and_rendered(checkout: Path):
    done = run(checkout, "test_use.py")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_it_goes_out_to_the_stand_in_of_the_page(checkout: Path):
    done = run(checkout, "test_goes_out.py")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_the_pages_code_is_formed_and_typed_like_ours(checkout: Path):
    """A newcomer copies what is shown: it meets the same gates."""
    config = ["--config", str(ROOT / "pyproject.toml"), "bot", "tests"]
    ours = [
        "--config",
        'lint.isort.known-first-party = ["bot", "tests"]',
    ]  # as in the checkout, where the rest of both lies
    for words in (["check", *ours], ["format", "--check", "--diff"]):
        ruff = [sys.executable, "-m", "ruff", *words, *config]
        done = subprocess.run(ruff, cwd=checkout, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
