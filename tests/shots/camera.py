"""Chromium in front of the running console: every screen in both widths and both themes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, Response
from playwright.sync_api import Error as PlaywrightError

from bot.console import stepup
from tests.console.world import District, now
from tests.support.axe import Judgement, judged

from .screens import Screen
from .story import Story

SIZES = {"desk": (1366, 768), "phone": (390, 844)}
SEEN = {"desk": 860, "phone": 844}  # pixels of height, for the handbook
AS_IN_CHINESE = """() => {
    for (const field of document.querySelectorAll("input[type=date], input[type=time], input[type=datetime-local]")) {
        const value = field.value.replaceAll("-", "/").replace("T", " ");
        field.type = "text";
        field.value = value;
    }
    for (const field of document.querySelectorAll("input[type=file]:not([hidden])")) {
        field.type = "text";
        field.value = field.multiple ? "选择文件　未选择任何文件" : "选择文件　未选择文件";
    }
}"""
"""Fields that the browser itself words: Debian's Chromium knows English alone, staff's browsers speak Chinese."""
TALLEST = 3000  # pixels of a page that are kept
SETTLED = 250  # milliseconds for frames, fonts and what htmx fetches


@dataclass
class Taken:
    """What came of one screen: the picture, what is wrong with the page, and what axe made of it, where it was asked."""

    screen: Screen
    size: str
    scheme: str
    path: Path
    complaints: list[str]
    judged: Judgement | None = None


class Camera:
    """Takes pictures of one story."""

    def __init__(self, browser: Browser, base: str, story: Story, folder: Path, *, axe: bool = False) -> None:
        """`axe`: every page is judged by axe as well."""
        self._browser, self._base, self._story, self._folder, self._axe = browser, base, story, folder, axe
        self._sessions: dict[str, str] = {}
        self._contexts: dict[tuple[str, str, str], BrowserContext] = {}

    def take(self, order: Iterable[tuple[Screen, tuple[str, str]]]) -> Iterator[Taken]:
        """Each screen in its look, as they come."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for screen, (size, scheme) in order:
            yield self._one(screen, size, scheme, self._folder / f"{screen.name}-{size}-{scheme}.png")

    def _one(self, screen: Screen, size: str, scheme: str, path: Path) -> Taken:
        complaints: list[str] = []
        found = None
        with self._page(screen, size, scheme) as page:
            page.on("pageerror", lambda error: complaints.append(str(error)))
            answer = page.goto(screen.address.format(**self._story.facts))
            if answer is None or answer.status != screen.code:
                complaints.append(f"answered {answer and answer.status}, not {screen.code}")
            try:
                if screen.act:
                    screen.act(page)
            except (AssertionError, PlaywrightError) as error:
                complaints.append(str(error).splitlines()[0])
            page.wait_for_timeout(SETTLED)
            wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            if wide > 0:
                complaints.append(f"sticks out by {wide} pixels")
            if self._axe and not _is_sandboxed(answer):
                found = judged(page)
                complaints += found.violations
            self._shoot(page, screen, size, scheme, path)
        return Taken(screen, size, scheme, path, complaints, found)

    def _shoot(self, page: Page, screen: Screen, size: str, scheme: str, path: Path) -> None:
        """The whole page, up to a height; for the handbook what a person sees without scrolling."""
        page.evaluate(AS_IN_CHINESE)
        width, _ = SIZES[size]
        full, place = page.evaluate("[document.documentElement.scrollHeight, window.scrollY]")
        page.evaluate("window.scrollTo(0, 0)")
        page.screenshot(path=path, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": min(full, TALLEST)})
        if screen.handbook == size and scheme == "light":
            page.set_viewport_size({"width": width, "height": SEEN[size]})
            page.evaluate("place => window.scrollTo(0, place)", place)
            page.wait_for_timeout(100)
            page.screenshot(path=path.with_name(f"{screen.name}-handbook.png"))

    @contextmanager
    def _page(self, screen: Screen, size: str, scheme: str) -> Iterator[Page]:
        """A page of that person's browser; whoever is not logged in gets a browser of their own."""
        key = (screen.who or screen.name, size, scheme)
        if key not in self._contexts:
            self._contexts[key] = self._context(size, scheme)
            if screen.who:
                self._log_in(self._contexts[key], screen.who)
        page = self._contexts[key].new_page()
        yield page
        page.close()
        if not screen.who:
            self._contexts.pop(key).close()

    def _context(self, size: str, scheme: str) -> BrowserContext:
        width, height = SIZES[size]
        context = self._browser.new_context(
            base_url=self._base, viewport={"width": width, "height": height}, color_scheme=scheme, locale="zh-CN",  # type: ignore[arg-type]
            timezone_id="Asia/Shanghai", has_touch=size == "phone", reduced_motion="reduce",
        )  # fmt: skip
        context.set_default_timeout(20_000)
        return context

    def _log_in(self, context: BrowserContext, who: str) -> None:
        if who not in self._sessions:
            self._sessions[who] = session_of(self._story.district, who)
        value = self._sessions[who]
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": self._base}])


def _is_sandboxed(answer: Response | None) -> bool:
    """A post as the platform draws it: no script runs there, axe neither, and the platform's own greys are not ours to mend."""
    return answer is not None and "sandbox" in answer.headers.get("content-security-policy", "")


def client_of(district: District, who: str) -> Client:
    """A client in which that person is logged in, and has just said so once more (with "?" before the name they have not)."""
    client = Client()
    if who:
        client.force_login(district.people[who.lstrip("?")])
    if who and not who.startswith("?"):
        session = client.session
        session[stepup.CONFIRMED] = now().timestamp()
        session.save()
    return client


def session_of(district: District, who: str) -> str:
    """The key of that client's session."""
    return client_of(district, who).cookies[settings.SESSION_COOKIE_NAME].value
