from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client

from bot.console import stepup
from bot.domain.instants import to_beijing
from bot.rehearsal import RehearsalServer
from tests.services.conftest import cheap_covers, real_covers
from tests.support.platforms import prompt_platforms

from .world import ARTICLES, District, fresh_home, now, push_to_platform

__all__ = ["cheap_covers", "real_covers"]


BACK = {23: timedelta(hours=1), 0: timedelta(hours=2)}
"""Hours of Beijing's day, and how far they lie from one in which what was a while ago, or will soon be, is today's."""


@pytest.fixture(autouse=True)
def within_a_day() -> Iterator[None]:
    """Around Beijing's midnight tests live at ten in the evening: what they sign "in half an hour" is today's, too.

    Those that are about midnight name their instant.
    """
    present = now()
    back = BACK.get(to_beijing(present).hour)
    if back is None:
        yield
        return
    with time_machine.travel(present - back, tick=True):
        yield


@pytest.fixture(autouse=True)
def tongfa_home(tmp_path: Path) -> Iterator[Path]:
    """A rehearsal home of its own for each test."""
    with fresh_home(tmp_path / "home") as path:
        yield path


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Argon2 is slow on purpose; that the product uses it is said in tests/house/test_settings.py."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def district(db: None) -> District:
    return District.make()


@pytest.fixture
def as_(district: District) -> Callable[[str], Client]:
    """`as_("duty")`: a browser in which that person is logged in, and has just proved it once more."""

    def logged_in(who: str) -> Client:
        client = Client()
        client.force_login(district.people[who])
        session = client.session
        session[stepup.CONFIRMED] = now().timestamp()
        session.save()
        return client

    return logged_in


@pytest.fixture
def unasked(district: District) -> Callable[[str], Client]:
    """The same browser before anybody was asked once more who is sitting there."""

    def logged_in(who: str) -> Client:
        client = Client()
        client.force_login(district.people[who])
        return client

    return logged_in


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[RehearsalServer]:
    """Rehearsal platforms that publish at once."""
    with prompt_platforms(tmp_path / "platform") as server:
        yield server


@pytest.fixture
def told_platform(platform: RehearsalServer, tmp_path: Path, db: None) -> Iterator[District]:
    """A release of two items that has arrived on both rehearsal platforms."""
    with fresh_home(tmp_path / "with-platform", port=int(platform.base_url.rsplit(":", 1)[1])):
        district = District.make(api=platform.base_url)
        push_to_platform(district.signed(*ARTICLES[:2]))
        yield district
