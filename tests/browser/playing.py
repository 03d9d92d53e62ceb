"""What a played day needs: an engine that runs by itself, people at their desks, and somebody who has no business there."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from time import monotonic

import time_machine
from django.db import connections
from playwright.sync_api import Page, expect
from time_machine import Traveller

from bot.models import AuditEvent, Person, Publication
from bot.services import clock, takedowns
from tests.console.world import PASSWORD, District, hashed, now

from .conftest import Open

BETWEEN_TICKS = 0.5  # seconds; the clock itself ticks once in one


def engine(page: Page, done: Callable[[], bool], seconds: float) -> None:
    """Clock and workers, until it is done: the real engine against the rehearsal platforms."""
    end = monotonic() + seconds
    while not done():
        assert monotonic() < end, list(Publication.objects.values_list("state", "reason"))
        result = clock.tick(now())
        for job in [*result.rings, *result.children]:
            clock.perform(job)
        page.wait_for_timeout(BETWEEN_TICKS * 1000)


class Engine:
    """Clock and workers in a thread of their own, while the pages are used: `with Engine(): ...`."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine")
        self.trouble: list[BaseException] = []

    def __enter__(self) -> Engine:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)
        assert self.trouble == []

    def _run(self) -> None:
        try:
            while not self._stop.wait(BETWEEN_TICKS):
                result = clock.tick(now())
                for job in [*result.rings, *result.children]:
                    clock.perform(job)
                takedowns.work_all(now=now)
        except BaseException as error:
            self.trouble.append(error)
        finally:
            connections.close_all()

    def until(
        self, page: Page, done: Callable[[], bool], *, seconds: float, each: Callable[[], None] = lambda: None
    ) -> None:
        """Watch the page until it is so. `each` is done again and again meanwhile."""
        end = monotonic() + seconds
        while not done():
            assert self.trouble == []
            assert monotonic() < end, "it did not come about in time"
            each()
            page.wait_for_timeout(300)


class Day:
    """The time of day: it runs as it always does, and can be moved ahead where nothing would happen but waiting."""

    def __init__(self, traveller: Traveller) -> None:
        self._traveller = traveller

    def ahead_to(self, moment: datetime | None) -> None:
        """Go there at once, unless it has passed."""
        if moment is not None and moment > now():
            self._traveller.move_to(moment)


@contextmanager
def a_day() -> Iterator[Day]:
    """Every clock of this process, the pages and the rehearsal platforms included."""
    with time_machine.travel(now(), tick=True) as traveller:
        yield Day(traveller)


def with_passwords(district: District) -> None:
    """Everybody can say who they are."""
    for person in district.people.values():
        person.password = hashed()
        person.save(update_fields=["password"])


@contextmanager
def seated(window: Open, district: District, who: str, size: str = "desk") -> Iterator[Page]:
    """A browser in which that person is logged in, without typing a password at the door."""
    with window(size, login=district.people[who].username, at="") as page:
        yield page


def say_who(page: Page) -> None:
    """The page before an act that cannot be taken back, where it comes (once in ten minutes)."""
    expect(page.locator("#stepup-password, .flash").first).to_be_visible()
    if page.locator("#stepup-password").count():
        page.fill("#stepup-password", PASSWORD)
        page.get_by_role("button", name="确认并办理").click()


def stopped(page: Page, address: str, act: str, post: str, **fields: str) -> None:
    """Who may not: the page at `address` has nothing named `act`; the bare request is refused in words, and leaves no trace."""
    page.goto(address)
    expect(page.locator("main")).to_be_visible()
    expect(page.get_by_role("button", name=act)).to_have_count(0)
    expect(page.get_by_role("link", name=act)).to_have_count(0)
    before = by_people()
    token = page.locator("[name=csrfmiddlewaretoken]").first.input_value()
    form = {"csrfmiddlewaretoken": token, "stepup-password": PASSWORD, **fields}
    answer = page.request.post(post, form=form)
    words = answer.text()
    assert answer.status in {403, 409}, (post, answer.status)
    assert re.search("没有(权限|办理|做任何改动|记录)|不能", words), words
    assert by_people() == before, by_people()[len(before) :]


def by_people() -> list[tuple[str, str]]:
    """What people have done so far, but for saying who they are; the engine writes its own lines meanwhile."""
    people = Person.objects.values("username")
    found = AuditEvent.objects.filter(actor__in=people).exclude(action="login.opened").order_by("pk")
    return list(found.values_list("actor", "action"))
