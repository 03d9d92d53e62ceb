"""Real Chromium against the real pages. CHROMIUM names the browser; `make test` finds or installs one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from bot.console import streams
from bot.models import Person
from bot.rehearsal import RehearsalServer
from tests.console.world import District, fresh_home
from tests.services.factories import draw_tiny_covers
from tests.support.platforms import prompt_platforms

ARTIFACTS = Path(__file__).resolve().parents[2] / "artifacts" / "screens"
expect.set_options(timeout=20_000)  # milliseconds: a busy machine is slow, not wrong
PICTURES = False
SIZES = {"desk": (1366, 768), "phone": (390, 844)}


def pytest_configure(config: pytest.Config) -> None:
    global PICTURES
    PICTURES = config.getoption("--long", default=False)


@pytest.fixture(scope="session", autouse=True)
def _records_beside_an_event_loop() -> Iterator[None]:
    """Playwright runs an event loop in this thread; Django would refuse the test's own queries beside it."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    yield
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[RehearsalServer]:
    """Rehearsal platforms that publish at once."""
    with prompt_platforms(tmp_path / "platform") as server:
        yield server


@pytest.fixture
def records(transactional_db: None) -> None:
    """Records that the live server sees too."""


@pytest.fixture
def plain_covers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody looks at the covers."""
    draw_tiny_covers(monkeypatch)


@pytest.fixture
def district(platform: RehearsalServer, tmp_path: Path, records: None) -> Iterator[District]:
    with fresh_home(tmp_path / "home", port=int(platform.base_url.rsplit(":", 1)[1])):
        yield District.make(api=platform.base_url)


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser complained about (a blocked script or style, a missing file); must stay empty."""
    found: list[str] = []
    yield found
    assert found == []


Open = Callable[..., Any]
OTHER_LOOKS = {("desk", "dark"), ("phone", "light")}
"""With `--long` alone: the two that remain show both widths and both schemes."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two looks of each page are enough to find what does not fit; pictures are taken of all four."""
    for item in items:
        given = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        if (given.get("size"), given.get("scheme")) in OTHER_LOOKS:
            item.add_marker(pytest.mark.long)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[streams.Hub]:
    """Streams of events that end with the test, before its records are erased."""
    made = streams.Hub()
    monkeypatch.setattr(streams, "HUB", made)
    yield made
    made.close()
    with made._lock:  # a stream that opens at this moment has its thread made and started, or finds that all is over
        watcher = made._watcher
    if watcher is not None:
        watcher.join(5)


@pytest.fixture
def window(chromium: Browser, live_server: Any, complaints: list[str], hub: streams.Hub) -> Open:
    """`with window("desk", "dark", login="duty") as page`: a page of that size, in that scheme; logged in, `at` that address."""

    @contextmanager
    def opened(size: str = "desk", scheme: Any = "light", *, login: str = "", at: str = "/") -> Iterator[Page]:
        width, height = SIZES[size]
        context: BrowserContext = chromium.new_context(
            base_url=live_server.url, viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce",
            locale="zh-CN", timezone_id="America/New_York", has_touch=size == "phone",
        )  # fmt: skip
        page = context.new_page()
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if login:
            sit_down(context, login, live_server.url)
            if at:
                page.goto(at)
        yield page
        context.close()

    return opened


def sit_down(context: BrowserContext, who: str, url: str) -> None:
    """Let that person be logged in there, without typing a password at the door."""
    client = Client()
    client.force_login(Person.objects.get(username=who))
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}])


def shoot(page: Page, name: str) -> None:
    """With `--long`, keep a picture under artifacts/screens/ for people to look at; `make shots` takes those of every page."""
    if not PICTURES:
        return
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"{name}.png")


def fits(page: Page) -> bool:
    """Whether nothing sticks out to the right."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
