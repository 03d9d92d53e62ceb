"""The real engine against the rehearsal platforms: real adapters, real launcher, loopback sockets.

    drill = Drill(server, office)
    drill.arm("wechat", "message/mass/sendall", "lost_after")
    release = drill.released()                    # signed, staged, brought to its instant, sent
    drill.settle()                                # looks, probes and resends until nothing is left to do

Instead of waiting, the rows are made older (`wait`): the engine reads the machine's own clock throughout. What
counts is the platforms' journal and effects, not what the product says.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from django.db.models import F

from bot.domain.channel import CallbackReply
from bot.domain.delivery import State
from bot.domain.manifest import manifest_hash
from bot.domain.secret import Secret
from bot.models import Account, Batch, Document, Publication, Release, Token
from bot.rehearsal import RehearsalServer
from bot.services import accounts, callbacks, clock

from .factories import APP_ID, KEPT, NOW, UID, Office, article, lifted, publication

AHEAD = timedelta(seconds=0.4)  # how far ahead of its instant a batch is handed out here
TIMES = (
    "instant",
    "not_before",
    "promised_at",
    "next_at",
    "stage_by",
    "lease_until",
    "rung_at",
    "sent_at",
    "accepted_at",
    "live_at",
)
SENDALL, SUBMIT, SHARE = "message/mass/sendall", "freepublish/submit", "statuses/share"
PUBLIC = (SENDALL, SUBMIT, SHARE)
TOKEN = "callback-token"


def wall() -> datetime:
    return datetime.now(UTC)


class Drill:
    """An office whose two accounts are on the rehearsal platforms."""

    def __init__(self, server: RehearsalServer, office: Office) -> None:
        self.office, self._base = office, server.base_url
        self.fired: list[datetime] = []
        self._post("accounts", {"platform": "wechat", "appid": APP_ID, "secret": "wechat-secret"})
        weibo = {"platform": "weibo", "uid": UID, "app_key": "key", "token": "a-token-of-a-test"}
        self._post("accounts", weibo)
        self.switch("wechat", publish_seconds=0, mass_seconds=0, clientmsgid_gap=0, force_gap=0)
        self.switch("weibo", calls_per_day=1000)
        Token.objects.filter(account=office.wechat).delete()

    # --- the platforms -----------------------------------------------------------------------------------

    def _post(self, name: str, body: Any) -> Any:
        answer = requests.post(f"{self._base}/_control/{name}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _get(self, name: str) -> Any:
        return requests.get(f"{self._base}/_control/{name}", timeout=10).json()[name]

    def arm(self, platform: str, call: str, fault: str, times: int = 1, **args: Any) -> None:
        self._post("faults", {"platform": platform, "call": call, "fault": fault, "times": times, "args": args})

    def act(self, platform: str, action: str, **args: Any) -> None:
        account = APP_ID if platform == "wechat" else UID
        self._post("act", {"platform": platform, "account": account, "action": action, "args": args})

    def switch(self, platform: str, **switches: Any) -> None:
        account = APP_ID if platform == "wechat" else UID
        self._post("accounts/change", {"platform": platform, "account": account, "switches": switches})

    def set(self, platform: str, **fields: Any) -> None:
        account = APP_ID if platform == "wechat" else UID
        self._post("accounts/change", {"platform": platform, "account": account, "set": fields})

    def shift_date(self, seconds: float) -> None:
        self._post("clock", {"date_offset": seconds})

    def calls(self, *names: str) -> list[dict[str, Any]]:
        """The journal's lines of these calls (the public ones when none is named), in order of arrival."""
        return [line for line in self._get("journal") if line["call"] in (names or PUBLIC)]

    def effects(self, platform: str = "") -> list[dict[str, Any]]:
        """What became public."""
        return [line for line in self._get("effects") if platform in ("", line["platform"])]

    def eventually_public(self, platform: str, count: int = 1) -> None:
        end = time.monotonic() + 10
        while len(self.effects(platform)) < count:
            assert time.monotonic() < end, "nothing became public"
            time.sleep(0.02)

    # --- the office ---------------------------------------------------------------------------------------

    def by_publish(self) -> None:
        Account.objects.filter(pk=self.office.wechat.pk).update(mode="publish")
        self.office.wechat.refresh_from_db()

    def documents(self, count: int) -> list[Document]:
        return [self.office.approved(article(number), now=NOW) for number in range(1, count + 1)]

    def signed(self, *documents: Document, on: Sequence[Account] = ()) -> Release:
        now = wall()
        chosen = documents or (self.office.approved(article(1), now=now),)
        return self.office.signed(*chosen, instant=now + timedelta(minutes=5), on=on, now=now)

    def staged(self, *documents: Document, on: Sequence[Account] = ()) -> Release:
        release = self.signed(*documents, on=on)
        self.round()
        return release

    def released(self, *documents: Document, on: Sequence[Account] = ()) -> Release:
        """Signed, staged, brought to its instant, and sent."""
        release = self.staged(*documents, on=on)
        self.bring()
        self.round()
        return release

    # --- time ---------------------------------------------------------------------------------------------

    def wait(self, delta: timedelta) -> None:
        """Time passes: everything written so far is that much longer ago."""
        if delta <= timedelta():
            return
        with lifted(*KEPT):
            Publication.objects.update(**{name: F(name) - delta for name in TIMES})
            Batch.objects.update(
                **{name: F(name) - delta for name in ("instant", "handed_at", "claim_by", "claimed_at")}
            )
            for release in Release.objects.filter(signed_at__isnull=False):
                value = release.manifest or {}
                for entry in value["publications"]:
                    entry["instant"] = (datetime.fromisoformat(entry["instant"]) - delta).isoformat()
                Release.objects.filter(pk=release.pk).update(manifest=value, manifest_hash=manifest_hash(value))

    def bring(self) -> None:
        """Let the next instant come within `AHEAD`; of what was put back at its instant, its next try."""
        _clear_of_the_hour()
        staged = Publication.objects.filter(state=State.STAGED)
        if (next_one := staged.filter(not_before__gt=wall() + AHEAD).order_by("not_before").first()) is not None:
            self.wait(next_one.not_before - wall() - AHEAD)
        elif (put_back := staged.filter(next_at__gt=wall()).order_by("next_at").first()) is not None:
            self.wait(put_back.next_at - wall())

    def round(self) -> None:
        """One tick, and workers that answer every bell."""
        result = clock.tick(wall())
        self.fired += list(Batch.objects.filter(state="ready").values_list("instant", flat=True))
        for job in [*result.rings, *result.children]:
            clock.perform(job)

    def settle(self, rounds: int = 60) -> None:
        """Go on until nothing is left that the machine would do."""
        moving = [
            State.PLANNED,
            State.BLOCKED,
            State.STAGED,
            State.ARMED,
            State.SENDING,
            State.CONFIRMING,
            State.UNKNOWN,
        ]
        for _ in range(rounds):
            self.bring()
            self.round()
            left = Publication.objects.filter(state__in=moving)
            if not left.exists():
                return
            due = left.filter(next_at__isnull=False).order_by("next_at").values_list("next_at", flat=True).first()
            if due is not None and not left.filter(state=State.STAGED).exists():
                self.wait(due - wall())
        raise AssertionError(f"still moving: {list(left.values_list('state', 'reason'))}")

    # --- reading ------------------------------------------------------------------------------------------

    def wechat(self, release: Release, lane: int = 0) -> Publication:
        return publication(release, self.office.wechat, lane)

    def weibo(self, release: Release, lane: int = 0) -> Publication:
        return publication(release, self.office.weibo, lane)

    # --- callbacks ----------------------------------------------------------------------------------------

    def takes_callbacks(self, mailbox: Mailbox) -> None:
        """WeChat's events go into `mailbox`, from which `deliver` takes them to the product."""
        account = self.office.wechat
        accounts.set_credential(account, "callback_token", Secret(TOKEN), actor="test", now=NOW)
        Account.objects.filter(pk=account.pk).update(options={**account.options, "callback_mode": "plain"})
        account.refresh_from_db()
        self.set("wechat", callback={"url": mailbox.url, "token": TOKEN, "mode": "plain"})

    def deliver(self, mailbox: Mailbox) -> list[CallbackReply | None]:
        """Hand every event that has come in to the product, in order."""
        taken, mailbox.letters[:] = list(mailbox.letters), []
        return [callbacks.receive(self.office.wechat.slug, "POST", query, body, now=wall()) for query, body in taken]


class Mailbox:
    """Takes the platform's callbacks and answers `success`, like the product's web process."""

    def __init__(self) -> None:
        self.letters: list[tuple[dict[str, str], bytes]] = []
        self._server = HTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        letters = self.letters

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                letters.append((dict(parse_qsl(urlsplit(self.path).query)), body))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"success")

            def log_message(self, *_: object) -> None:
                return None

        return Handler

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/callback/zghd"

    def wait(self, count: int = 1) -> None:
        eventually(lambda: len(self.letters) >= count)

    def __enter__(self) -> Mailbox:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()


def _clear_of_the_hour() -> None:
    """What is armed in one hour and ready in the next is rightly handed out anew: no test of something else shall meet it."""
    left = (-time.time()) % 3600
    if left < 3:
        time.sleep(left)


def eventually(probe: Callable[[], object]) -> None:
    """Until it is so; for what another thread does."""
    end = time.monotonic() + 10
    while not probe():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


@contextmanager
def publishing(folder: Path) -> Iterator[Drill]:
    """An office whose 公众号 publishes (freepublish), before rehearsal platforms of its own."""
    with RehearsalServer(folder / "platforms") as server:
        drill = Drill(server, Office.make(api=server.base_url))
        drill.by_publish()
        yield drill
