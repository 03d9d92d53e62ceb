"""What the tests of the release engine are made of: a virtual clock, a scripted platform, and a small world to run.

    engine = Engine(office, monkeypatch)          # channels and launcher are scripted, time is `engine.clock`
    release = engine.signed()                     # both accounts, out at T
    engine.platform.answers["zghd"] = [Unknown("no_answer", "没有应答。")]
    engine.go(T + timedelta(minutes=5))           # the clock ticks, workers answer every bell

Nothing sleeps: waiting moves the virtual clock. `engine.platform.sent` is what "left the house".
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from bot.domain.channel import (
    Channel,
    ChannelFault,
    Remedy,
)
from bot.domain.delivery import Event, State
from bot.domain.sync import Policy, Seen
from bot.models import (
    Account,
    Alarm,
    AlarmNotice,
    Attempt,
    Chore,
    Document,
    Preflight,
    Publication,
    Release,
)
from bot.portal import Look
from bot.services import (
    callbacks,
    clock,
    confirming,
    gating,
    inspections,
    measuring,
    prechecks,
    preflighting,
    sending,
    staging,
    watching,
)
from bot.services.clock import Job

from .delivery_platform import LATE as LATE
from .delivery_platform import NO_ANSWER as NO_ANSWER
from .delivery_platform import NOT_LEFT as NOT_LEFT
from .delivery_platform import Answer as Answer
from .delivery_platform import Killed as Killed
from .delivery_platform import Left as Left
from .delivery_platform import Platform as Platform
from .delivery_platform import ScriptedChannel as ScriptedChannel
from .delivery_platform import ScriptedLauncher as ScriptedLauncher
from .delivery_platform import Verdict as Verdict
from .delivery_platform import VirtualClock as VirtualClock
from .delivery_platform import receipt as receipt
from .factories import HALF_HOUR, NOW, Office, article, force, lifted, publication

SIGNED_AT, T = NOW, NOW + HALF_HOUR
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LONGEST_WAIT = 45.0  # seconds; a lane's spacing may be asked for on top of the usual hand-out


SWEEP = timedelta(minutes=10)  # far more rarely than in earnest: it would take most of the time of these tests


class Page:
    """The portal's page: what it shows from which moment on. `asked` is when somebody looked."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._shows: list[tuple[datetime, Look | Exception]] = []
        self.asked: list[datetime] = []
        self.takes = timedelta(0)

    def at(self, instant: datetime, shows: Look | Exception | None = None) -> Page:
        """From `instant` on it is live, or as given."""
        self._shows.append((instant, shows or LIVE))
        return self

    def __call__(self, url: str, title: str, **_: Any) -> Look:
        self.asked.append(self._clock.now())
        self._clock.wait_until(self._clock.now() + self.takes)
        shown = [look for instant, look in self._shows if instant <= self._clock.now()]
        if shown and isinstance(shown[-1], Exception):
            raise shown[-1]
        return shown[-1] if shown else ABSENT  # type: ignore[return-value]


LIVE = Look(Seen.LIVE, "网页已上线，标题相符", 200, {"url": "https://www.hedong.gov.cn/info/1.html", "etag": '"1"'})
ABSENT = Look(Seen.NOT_YET, "网页打不开（HTTP 404）", 404)
SILENT = Look(Seen.UNCLEAR, "网站答复太慢，没有等完")


class Engine:
    """An office with the engine running on virtual time, one deterministic step after the other."""

    def __init__(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        self.office, self.clock = office, VirtualClock(SIGNED_AT)
        self.platform = Platform(self.clock)
        self.rings: list[Job] = []
        self.children: list[Job] = []
        self.workers = True
        self.page = Page(self.clock)
        self.watching = False  # True: bells of the watch (pre-flights, notices, inspections) are heard and answered too
        self.doubt = ""  # what is said against the clock, to a pre-flight
        for module in (staging, sending, confirming, measuring, callbacks, preflighting):
            monkeypatch.setattr(module, "channel_of", self.channel_of)
        monkeypatch.setattr(
            sending, "Launcher", lambda shots, *, ca_file: ScriptedLauncher(shots, self.platform, ca_file)
        )
        trusting = {
            "has_reading": lambda *_, **__: True,
            "distrust": lambda *_, **__: "",
            "distrusted": lambda *_, **__: set(),
        }
        for name, answer in trusting.items():
            monkeypatch.setattr(sending, name, answer)
        self._agenda, self._ring_for = clock.agenda, watching._ring
        monkeypatch.setattr(clock, "agenda", self._what_is_due)
        monkeypatch.setattr(watching, "_ring", self._ring)
        monkeypatch.setattr(inspections, "_ask_the_time", lambda: None)
        monkeypatch.setattr(gating, "unheard", lambda: False)
        monkeypatch.setitem(watching.EVERY, "sweep", SWEEP)
        self.site = Page(self.clock)  # what a pre-flight meets where the page will be
        monkeypatch.setattr(prechecks, "ask_portal", self.site)
        monkeypatch.setattr(prechecks, "distrust", lambda *_, **__: self.doubt)

    def channel_of(self, account: Account, *, mode: str = "") -> Channel:
        return ScriptedChannel(account, mode, self.platform)  # type: ignore[return-value]

    # --- making ------------------------------------------------------------------------------------------

    def signed(
        self, *documents: Document, on: Sequence[Account] = (), instant: datetime = T, number: int = 1,
        sync: Policy | None = None,
    ) -> Release:  # fmt: skip
        """A signed release at T; one document is made when none is given."""
        chosen = documents or (self.office.approved(article(number), now=SIGNED_AT),)
        return self.office.signed(*chosen, instant=instant, on=on, now=SIGNED_AT, sync=sync)

    def articles(self, count: int) -> list[Document]:
        """That many approved documents."""
        return [self.office.approved(article(number), now=SIGNED_AT) for number in range(1, count + 1)]

    def by_publish(self) -> None:
        """From now on the WeChat account publishes (freepublish) instead of mass-sending."""
        Account.objects.filter(pk=self.office.wechat.pk).update(mode="publish")
        self.office.wechat.refresh_from_db()

    def armed(self, *documents: Document, on: Sequence[Account] = ()) -> Release:
        """A signed release whose batch has been handed out at T - 15 s and is not yet claimed."""
        release = self.signed(*documents, on=on)
        self.go(T - timedelta(seconds=16))
        self.workers = False
        self.go(T - timedelta(seconds=15))
        self.workers = True
        return release

    # --- running -----------------------------------------------------------------------------------------

    def tick(self) -> clock.Tick:
        """One tick, nobody listening."""
        found = clock.tick(self.clock.now())
        if not self.watching:
            found.rings = [job for job in found.rings if job.kind not in watching.KINDS]
            found.children = [job for job in found.children if job.kind not in watching.KINDS]
        return found

    def _what_is_due(self, now: datetime, *, soon: timedelta) -> frozenset[str]:
        """Bells of the watch that nobody answers stay due, tick after tick: not `watching`, only its alarms have a turn."""
        parts = self._agenda(now, soon=soon)
        if self.watching or "watch" not in parts or _rows(_ALARMS_DUE, now, now, now)[0][0]:
            return parts
        return parts - {"watch"}

    def _ring(self, *args: Any) -> None:
        if self.watching:
            self._ring_for(*args)

    def go(self, until: datetime) -> None:
        """Tick and work until then; workers answer bells at once (unless `workers` is off)."""
        if not self.watching:
            Chore.objects.exclude(pk="sweep").delete()  # each would be rung for, tick after tick, and nobody comes
        while True:
            result = self.tick()
            self.rings += result.rings
            self.children += result.children
            for job in [*(result.rings if self.workers else []), *result.children]:
                self.perform(job)
            if self.clock.now() >= until:
                return
            self.clock.wait_until(min(until, self._next()))

    def _next(self) -> datetime:
        """A second on while something is at hand, as the clock process does; else straight to what comes next."""
        now = self.clock.now()
        waiting = _rows(_WAITING)
        if any(state == State.ARMED or (at is not None and at <= now) for state, at in waiting):
            return now + SECOND
        soonest = [at for *_, at in [*waiting, *_rows(_GATES, now)] if at is not None]
        return min([*soonest, *self._watch_next(now)], default=now + 30 * SECOND)

    def _watch_next(self, now: datetime) -> list[datetime]:
        if not self.watching:
            return []
        rows = [
            at
            for model in (Preflight, Alarm, AlarmNotice)
            for at in model._default_manager.filter(next_at__isnull=False).values_list("next_at", flat=True)
        ]
        return [max(at, now + SECOND) for at in rows]

    def perform(self, job: Job) -> None:
        """What a worker does with a bell; a killed one just is not there any more."""
        with suppress(Killed):
            self._perform(job)

    def _perform(self, job: Job) -> None:
        match job.kind:
            case "send":
                assert job.waits <= LONGEST_WAIT, f"called {job.waits:.0f} s ahead, with its account busy all the while"
                sending.run_batch(job.subject, clock=self.clock)
            case "stage":
                staging.stage(job.subject, now=self.clock.now)
            case "look":
                confirming.look(job.subject, now=self.clock.now)
            case "measure":
                measuring.measure_account(job.subject, now=self.clock.now)
            case "gate":
                gating.ask(job.subject, now=self.clock.now, look=self.page)
            case kind:
                watching.perform(kind, job.subject, now=self.clock.now)

    # --- reading -----------------------------------------------------------------------------------------

    def wechat(self, release: Release, lane: int = 0) -> Publication:
        return publication(release, self.office.wechat, lane)

    def weibo(self, release: Release, lane: int = 0) -> Publication:
        return publication(release, self.office.weibo, lane)

    @property
    def releaser(self) -> Any:
        return self.office.people["releaser"]


#: In plain SQL: between any two ticks of hundreds of thousands, querysets would take longer to be put together than to be answered.
_WAITING = (
    "SELECT p.state, p.next_at FROM bot_publication p LEFT JOIN bot_portalgate g ON g.release_id = p.release_id "
    "WHERE p.state NOT IN ('live', 'cancelled') AND (p.state <> 'staged' OR g.state IS NULL OR g.state IN ('open', 'waived'))"
)
_GATES = "SELECT next_at FROM bot_portalgate WHERE next_at > %s"
_ALARMS_DUE = (
    "SELECT EXISTS (SELECT 1 FROM bot_publication WHERE alarm_at <= %s) OR EXISTS (SELECT 1 FROM bot_alarm WHERE next_at <= %s)"
    " OR EXISTS (SELECT 1 FROM bot_chore WHERE name = 'sweep' AND next_at <= %s)"
)


def _rows(statement: str, *instants: datetime) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [connection.ops.adapt_datetimefield_value(at) for at in instants])
        return [tuple(_instant(value) for value in row) for row in cursor.fetchall()]


def _instant(value: Any) -> Any:
    """SQLite's instants are in UTC and do not say so."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


def states(release: Release) -> list[str]:
    """The states of a release's publications, by account and lane."""
    return list(release.publications.order_by("account_id", "lane").values_list("state", flat=True))


def outcomes(of: Publication) -> list[tuple[str, str]]:
    """Kind and outcome of every attempt, in order."""
    return list(of.attempts.order_by("number").values_list("kind", "outcome"))


def put(of: Publication, state: State, **changes: Any) -> Publication:
    """A publication in some state, as the engine would have left it."""
    force(Publication.objects.filter(pk=of.pk), state, **changes)
    of.refresh_from_db()
    return of


def intend(of: Publication, *, at: datetime, kind: str = "first") -> Attempt:
    """An open attempt: the intent is committed and nobody knows the rest."""
    hashes = list(of.items.order_by("position").values_list("payload_hash", flat=True))
    with lifted("attempt_of_what_is_about_to_leave"):
        return Attempt.objects.create(
            publication=of, account=of.account, number=of.attempts.count() + 1, kind=kind, fence=1, key=of.key,
            batch=of.batch, payload_hashes=hashes, intent_at=at, send_by=at + timedelta(seconds=7),
        )  # fmt: skip


def fault(remedy: Remedy, message: str = "平台说不。", **more: Any) -> ChannelFault:
    """A refusal ahead of or after the public act."""
    return ChannelFault(remedy, message, **more)


def events_of(of: Publication) -> list[Event]:
    """The events that moved it, in order, from the audit trail."""
    from bot.models import AuditEvent

    rows = AuditEvent.objects.filter(subject=f"publication:{of.pk}", action="publication.moved").order_by("sequence")
    return [Event(row.data["event"]) for row in rows]
