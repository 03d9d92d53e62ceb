"""What the pictures are taken of: records and rehearsal platforms in a folder, the console on a port, the engine for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import call_command
from django.test.testcases import LiveServerThread

from bot.domain.delivery import State
from bot.models import Release
from tests.browser.playing import Engine, with_passwords
from tests.console.world import District, fresh_home
from tests.support.platforms import APP_ID, prompt_platforms

from .story import at, the_time

BY_HAND = "wxrehearsal0000009"
WATCH_FOR = 180  # seconds


@contextmanager
def records(folder: Path) -> Iterator[District]:
    """A district with its people and accounts, and platforms that publish at once."""
    with prompt_platforms(folder / "platform") as server:
        store = server.world.store
        with store.transaction():
            by_hand = {"name": "河东政务服务", "app_id": BY_HAND, "original_id": "gh_rehearsal0009"}
            store.put("account", "wechat", BY_HAND, store.get("account", "wechat", APP_ID) | by_hand)
        with fresh_home(folder / "home", port=int(server.base_url.rsplit(":", 1)[1])):
            call_command("migrate", verbosity=0)
            with the_time(at(16, 9)):
                district = District.make(name="河东区人民政府办公室", api=server.base_url)
                with_passwords(district)
            yield district


@contextmanager
def console() -> Iterator[str]:
    """The staff pages; yields their address."""
    thread = LiveServerThread("127.0.0.1", StaticFilesHandler)
    thread.daemon = True
    thread.start()
    thread.is_ready.wait()
    if thread.error:
        raise thread.error
    yield f"http://127.0.0.1:{thread.port}"
    thread.terminate()


def engine(release: Release) -> None:
    """Let it go out for real, on the rehearsal platforms."""
    end = monotonic() + WATCH_FOR
    with Engine() as running:
        while {one.status for one in release.publications.all()} != {State.LIVE}:
            if running.trouble or monotonic() > end:
                raise RuntimeError("the nine o'clock release did not go out")
            sleep(0.2)
