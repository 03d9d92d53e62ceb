"""The world of the state machine: the services on the real database, in model time, with people who act on them.

Everything happens through `World`: workers and the clock do jobs, and while they do, a planned action strikes at a
chosen point: the process is killed, sleeps, meets a rival, or somebody decides something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from django.db import connection

from bot.domain.delivery import FOR_A_PERSON, SETTLED, State
from bot.domain.workflow import EditionState
from bot.intake import Taken
from bot.models import Account, Document, Item, Person, Publication, Release
from bot.services import (
    accounts,
    callbacks,
    clock,
    confirming,
    documents,
    editorial,
    measuring,
    releases,
    sending,
    settling,
    staging,
    stops,
)
from bot.services.clock import Job
from bot.services.errors import Refused

from .delivery_judge import Book, Judge, Promise, Row
from .delivery_platform import Killed
from .factories import NOW, Office, article
from .model_platform import ModelPlatform, ModelTime

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
ALL, SOME, NONE = "all", "some", "none"
#: States in which a stop by somebody still has something to stop.
STOPPED_IN = frozenset(State) - {
    State.CONFIRMING, State.LIVE, State.GONE, State.WITHDRAWN, State.CANCELLED, State.MISSED, State.NEEDS_PERSON
}  # fmt: skip


class World:
    """One history: it starts from a prepared office and ends with `end`."""

    def __init__(self, office: Office) -> None:
        self.office, self.time = office, ModelTime(NOW)
        self.platform, self.book = ModelPlatform(self.time), Book()
        self.judge = Judge(self.platform, self.book)
        self.time.point = self.point
        self._plans: list[tuple[str, int, Callable[[], None]]] = []
        self._job: Job | None = None
        self.edits = 0
        connection.execute_wrappers.append(self._statement)

    def end(self) -> None:
        connection.execute_wrappers.remove(self._statement)
        self.judge.close()

    # --- points ----------------------------------------------------------------------------------------------

    def plan(self, kind: str, after: int, action: Callable[[], None]) -> None:
        """`action` at the n-th point from now: "io" is a platform call, a write, a wait; "db" is a statement."""
        self._plans.append((kind, after, action))

    def point(self, what: str) -> None:
        self._reached("io")

    def _statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self._reached("db")
        return execute(sql, params, many, context)

    def _reached(self, kind: str) -> None:
        if self._job is None:
            return
        self._plans = [(k, n - 1 if k == kind else n, action) for k, n, action in self._plans]
        due = [plan for plan in self._plans if plan[1] <= 0]
        if not due or (connection.in_atomic_block and due[0][2] != self.kill):
            return  # a rival waits for the lock of the transaction
        self._plans.remove(due[0])
        with self._aside():
            due[0][2]()

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """What others do meanwhile has no points of its own."""
        job, self._job = self._job, None
        try:
            yield
        finally:
            self._job = job

    def kill(self) -> None:
        raise Killed

    # --- the machine's side ------------------------------------------------------------------------------------

    def tick(self, answering: str = ALL) -> None:
        """The clock process looks once; workers answer all, some or none of the bells."""
        jobs: list[Job] = []
        with suppress(Killed), self._during(Job("tick", 0)):
            result = clock.tick(self.time.now())
            rings = {ALL: result.rings, SOME: result.rings[::2], NONE: []}[answering]
            jobs = [*rings, *result.children]
        for job in jobs:
            self.perform(job)

    def perform(self, job: Job) -> None:
        """What a worker does with a bell; a killed one just is not there any more."""
        with suppress(Killed), self._during(job):
            self._perform(job)

    @contextmanager
    def _during(self, job: Job) -> Iterator[None]:
        outer, self._job = self._job, job
        try:
            yield
        finally:
            self._job = outer

    def _perform(self, job: Job) -> None:
        match job.kind:
            case "send":
                sending.run_batch(job.subject, clock=self.time)
            case "stage":
                staging.stage(job.subject, now=self.time.now)
            case "look":
                confirming.look(job.subject, now=self.time.now)
            case "measure":
                measuring.measure_account(job.subject, now=self.time.now)

    def go(self, delta: timedelta, answering: str = ALL, most: int = 40) -> None:
        """Tick and work for that long by the machine's clock, at most `most` times."""
        end = self.time.true + delta
        for _ in range(most):
            self.tick(answering)
            if self.time.true >= end:
                return
            self.time.advance(min(end - self.time.true, self._next()))

    def _next(self) -> timedelta:
        """A second on while something is at hand, as the clock process does; else straight to what comes next."""
        now = self.time.now()
        open_ones = [row for row in self.judge.rows() if row.state not in {State.LIVE, State.CANCELLED}]
        due = [row.next_at for row in open_ones if row.next_at is not None]
        if any(at <= now for at in due) or any(row.state is State.ARMED for row in open_ones):
            return SECOND
        return max(SECOND, min([10 * MINUTE, *(at - now for at in due)]))

    def to_the_next_instant(self) -> None:
        """Just before the next hand-out, with everything staged on the way."""
        waiting = [row.not_before for row in self.waiting() if row.not_before]
        if waiting:
            self.go(min(waiting) - self.time.now() - 16 * SECOND, most=8)

    def waiting(self) -> list[Row]:
        """Signed, and its instant still to come (or just missed)."""
        before = {State.PLANNED, State.BLOCKED, State.STAGING, State.STAGED}
        return [row for row in self.judge.seen if row.state in before and row.signed]

    def in_state(self, *states: State) -> list[Row]:
        return [row for row in self.judge.seen if row.state in states]

    def rest(self) -> None:
        """Everything works again: an hour later all that was signed is settled, or a person has it."""
        self._plans.clear()
        for faults in (self.platform.faults, self.platform.look_faults, self.platform.stage_faults):
            faults.clear()
        self.time.skew = timedelta()
        self.platform.lag = timedelta()
        restless = set(State) - SETTLED - FOR_A_PERSON
        for _ in range(20):
            open_ones = [row for row in self.judge.rows() if row.signed and row.state in restless]
            if not open_ones:
                return
            to_instant = max(row.instant for row in open_ones) - self.time.now()
            self.go(max(to_instant, timedelta()) + 5 * MINUTE, most=10)

    # --- people --------------------------------------------------------------------------------------------------

    def person(self, key: str) -> Person:
        return self.office.people[key]

    def documents(self) -> list[Document]:
        return list(Document.objects.order_by("pk"))

    def fresh_documents(self) -> list[Document]:
        """Those whose newest edition is approved and stands in no release yet."""
        found = [pk for pk, state, planned in self.judge.documents() if state == EditionState.APPROVED and not planned]
        return list(Document.objects.filter(pk__in=found).order_by("pk"))

    def unapproved_documents(self) -> list[Document]:
        found = [pk for pk, state, _ in self.judge.documents() if state != EditionState.APPROVED]
        return list(Document.objects.filter(pk__in=found).order_by("pk"))

    def deed(self, what: str, pick: int) -> Callable[[], None]:
        """What happens to a process at a planned point, or what a neighbour or a person does meanwhile."""
        match what.split():
            case ["kill"]:
                return self.kill
            case ["tick"]:
                return self.tick
            case ["sleep", seconds]:
                return lambda: self.time.advance(int(seconds) * SECOND)
        return lambda: self.intervene(what, pick)

    def intervene(self, what: str, pick: int) -> None:
        """One decision or event, named; `pick` says on which of those there are."""
        match what.split():
            case ["freeze"]:
                self.freeze()
            case ["hold" | "cancel"]:
                if signed := self._at_hand() or self.releases(signed_at__isnull=False):
                    release = signed[-1 - pick // 2 % len(signed)]
                    one = release.publications.order_by("pk").first()
                    getattr(self, what)(release, one.pk if one and pick % 2 else None)
            case ["edit" | "to_policy"]:
                about = Document.objects.filter(editions__items__publication__release__in=self._at_hand())
                everything = list(about.distinct().order_by("pk")) or self.documents()
                getattr(self, what)(everything[pick % len(everything)])
            case ["disable"]:
                self.disable(self.office.accounts[pick % 2])
            case ["callback" | "take_down"]:
                getattr(self, what)(pick)
            case [amount, unit]:
                self.step_clock(int(amount) * (HOUR if unit == "h" else SECOND))

    def publications(self, *states: State) -> list[Publication]:
        found = Publication.objects.select_related("release__unit", "account").order_by("pk")
        return list(found.filter(state__in=states) if states else found)

    def releases(self, **filters: Any) -> list[Release]:
        return list(Release.objects.select_related("unit").filter(**filters).order_by("pk"))

    def compose(self, chosen: Sequence[Document], on: Sequence[Account], ahead: timedelta, mode: str) -> Release | None:
        with suppress(Refused):
            return releases.plan(
                title="", instant=self.time.now() + ahead, documents=chosen, accounts=on,
                person=self.person("editor"), now=self.time.now(), modes={self.office.wechat.slug: mode},
            )  # fmt: skip
        return None

    def sign(self, release: Release) -> None:
        with suppress(Refused):
            releases.sign(release, person=self.person("releaser"), now=self.time.now())
            for one in release.publications.filter(state=State.PLANNED):
                self._promise(one)

    def _promise(self, one: Publication) -> None:
        items = Item.objects.filter(publication=one).order_by("position")
        self.book.promises[one.key] = Promise(one.instant, tuple(items.values_list("payload_hash", flat=True)))
        self.book.stopped.pop(one.key, None)

    def _stop(self, ones: Sequence[Publication]) -> None:
        """Noted after the service accepted it: whatever had not left by then must not leave."""
        moment = next(self.time.moments)
        for one in ones:
            one.refresh_from_db()
            if one.status in STOPPED_IN:
                self.book.stopped.setdefault(one.key, moment)

    def hold(self, release: Release, only: int | None = None) -> None:
        with suppress(Refused):
            stops.hold(release, person=self.person("releaser"), reason="先停一停", now=self.time.now(), only=only)
            self._stop([one for one in release.publications.all() if only in (None, one.pk)])

    def cancel(self, release: Release, only: int | None = None) -> None:
        with suppress(Refused):
            stops.cancel(release, person=self.person("releaser"), reason="不发了", now=self.time.now(), only=only)
            self._stop([one for one in release.publications.all() if only in (None, one.pk)])

    def resume(self, release: Release, only: int | None = None) -> None:
        held = list(release.publications.filter(state=State.HELD))
        with suppress(Refused):
            stops.resume(release, person=self.person("releaser"), now=self.time.now(), only=only)
            for one in held:
                if only in (None, one.pk):
                    self.book.stopped.pop(one.key, None)

    def freeze(self) -> None:
        with suppress(Refused):
            stops.freeze(self.office.unit, person=self.person("releaser"), reason="突发事件", now=self.time.now())
            self._stop([one for one in self.publications() if one.release.signed])
            self.book.frozen = next(self.time.moments)

    def lift(self) -> None:
        with suppress(Refused):
            stops.unfreeze(self.office.unit, person=self.person("releaser"), now=self.time.now())
            self.book.frozen = None

    def edit(self, document: Document) -> None:
        """A new edition: the older ones lose reviews and signatures."""
        self.edits += 1
        number = int(document.external_id.partition("-")[2])
        row = Taken(1, article(number, summary=f"自12月{self.edits % 28 + 1}日起，3路公交车调整部分站点。"))
        documents.import_rows([row], person=self.person("editor"), now=self.time.now())
        self._stop_waiting(document)

    def to_policy(self, document: Document) -> None:
        """It turns out to be a policy, and may not go without its interpretation; then it does not."""
        for verdict in (True, False):
            editorial.set_policy(
                document, verdict, reason="核对性质", person=self.person("editor"), now=self.time.now()
            )
        self._stop_waiting(document)

    def _stop_waiting(self, document: Document) -> None:
        with_it = Publication.objects.filter(items__edition__document=document, items__active=True)
        waiting = with_it.exclude(state__in=set(State) - STOPPED_IN)
        held = set(with_it.filter(state__in=FOR_A_PERSON).values_list("release_id", flat=True))
        affected = set(waiting.values_list("release_id", flat=True)) | held
        unsigned = Publication.objects.filter(release__in=affected, release__signed_at__isnull=True)
        self._stop([one for one in unsigned if one.key in self.book.promises])

    def approve(self, document: Document) -> None:
        """Whatever is still to be done until it is approved."""
        with suppress(Refused):
            if document.current.status in {EditionState.DRAFTING, EditionState.RETURNED}:
                editorial.submit(document, person=self.person("editor"), now=self.time.now())
            for step in ("first", "second", "final"):
                with suppress(Refused):
                    self.office.passes(document, step, now=self.time.now())

    def settle(self, one: Publication, choice: str) -> None:
        """People look at the platform first and do what they see."""
        shown = self.platform.shown(one.key)
        with suppress(Refused):
            if shown:
                site = {"weibo": "https://weibo.com/1", "wechat": "https://mp.weixin.qq.com/s"}[one.account.channel]
                places = shown[0].receipt().positions
                urls = [f"{site}/{place.platform_id.replace('_', 'n'):0>8}" for place in places]
                settling.settle_live(one, urls=urls, person=self.person("releaser"), now=self.time.now())
            elif choice == "again":
                self._again(one)
            else:
                settling.settle_cancel(one, person=self.person("releaser"), reason="不再发", now=self.time.now())

    def _again(self, one: Publication) -> None:
        before = one.key
        settling.settle_again(
            one, person=self.person("releaser"), second=self.person("final"), reason="主页上没有", now=self.time.now()
        )
        one.refresh_from_db()
        if one.key == before:
            self.book.resends[one.key] += 1
        else:  # the platform has said that nothing went out: followers see it no more often than before
            self.book.resends[one.key] = self.book.resends[before]
        self._promise(one)

    def disable(self, account: Account) -> None:
        accounts.disable_account(account.slug, reason="凭据泄露", actor="test", now=self.time.now())
        self.book.disabled.setdefault(account.slug, self.time.true)

    def enable(self, account: Account) -> None:
        Account.objects.filter(pk=account.pk).update(disabled_reason="")
        self.book.disabled.pop(account.slug, None)

    def _at_hand(self) -> list[Release]:
        """Those that are leaving at this moment: what happens to them is the most delicate."""
        leaving = [row.release for row in self.judge.rows() if row.state in {State.ARMED, State.SENDING}]
        return self.releases(pk__in=leaving, signed_at__isnull=False)

    # --- the platforms' side ---------------------------------------------------------------------------------------

    def callback(self, pick: int) -> None:
        """WeChat tells of one of its acts: again, late, before our own answer, or of one that is not ours."""
        known = [one for one in self.platform.publics if one.slug == self.office.wechat.slug]
        if not known:
            return
        news = self.platform.news_of(known[pick % len(known)])
        self.platform.events.append(news)
        body = str(len(self.platform.events) - 1).encode()
        callbacks.receive(self.office.wechat.slug, "POST", {}, body, now=self.time.now())

    def take_down(self, pick: int) -> None:
        """Somebody deletes a post on the platform."""
        shown = [one for one in self.platform.publics if one.is_shown(self.time.true)]
        if shown:
            shown[pick % len(shown)].gone = True

    def step_clock(self, delta: timedelta) -> None:
        """Our own clock is set, by hand or by a bad time server."""
        self.time.skew += delta
