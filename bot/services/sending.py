"""The sender: takes one batch through T (design.md section 7).

Prepared ahead: grant, bytes, connections. Then the intents in one transaction, a last look at freeze,
approvals and lock, and one write per publication by the launcher. A process that dies on the way leaves
either no intent (nothing left) or an open attempt (nobody knows); `batches.recover` tells them apart.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction

from bot.domain import timeline
from bot.domain.channel import Channel, ChannelFault, Evidence, Remedy, Unclear, WireRequest
from bot.domain.delivery import Event, State
from bot.domain.engine import handing_out, sender
from bot.domain.post import Post
from bot.launcher import Answered, Broken, Launcher, NotSent, Sent, Shot, explain
from bot.models import Attempt, Batch, Edition, Freeze, Item, Publication

from . import answers, audit, batches
from .accounts import channel_of, spec_of
from .clocksafety import distrust, distrusted, has_reading
from .errors import Refused, in_staff_words
from .locks import ProcessLock, tidy
from .signature import require_signed
from .staging import signed_posts
from .transitions import Stale, move, touch
from .walltime import Clock, WallClock

log = structlog.get_logger(__name__)
ACTOR = "系统"
LATE_PREPARATION = timedelta(seconds=3)  # to connect, when the instant has already passed


@dataclass(slots=True)
class Load:
    """One publication on its way: adapter, bytes, and its attempt once the intent is committed."""

    publication: Publication
    adapter: Channel
    posts: tuple[Post, ...]
    request: WireRequest
    attempt: Attempt | None = None

    @property
    def key(self) -> str:
        """Name of the shot."""
        return str(self.publication.pk)


def evidence_of(publication: Publication, posts: tuple[Post, ...], *, now: datetime) -> Evidence:
    """All that is known of one public act."""
    owned = Item.objects.filter(account=publication.account).exclude(platform_id="").exclude(publication=publication)
    return Evidence(
        key=publication.key,
        posts=posts,
        staged=publication.staged,
        ids=publication.ids,
        sent_at=publication.sent_at or publication.not_before,
        now=now,
        after_unknown=publication.attempts.filter(outcome="unknown").exists(),
        owned_ids=frozenset(owned.order_by("-pk").values_list("platform_id", flat=True)[:200]),
        since=publication.since,
    )


def run_batch(batch_id: int, *, clock: Clock | None = None) -> None:
    """Send one batch, if nobody else has it. Safe to ring any number of times."""
    clock = clock or WallClock()
    lock = ProcessLock("batch", batch_id)
    if not lock.acquire():
        return
    try:
        owner = f"{socket.gethostname()[:30]}:{os.getpid()}"
        batch = batches.claim(batch_id, owner, now=clock.now())
        if batch is not None:
            _Sender(batch, lock, clock).run()
            batches.finish(batch)
    finally:
        lock.release()
    tidy("batch", batch_id)


class _Sender:
    def __init__(self, batch: Batch, lock: ProcessLock, clock: Clock) -> None:
        self._batch, self._lock, self._clock = batch, lock, clock
        self._loads: dict[str, Load] = {}
        self._shots: set[str] = set()
        self._launcher: Launcher

    def run(self) -> None:
        """Carry out the acts of `bot.domain.engine.sender`, each at its time."""
        instant = self._batch.instant
        with ExitStack() as stack:
            for act, at in sender.acts(instant):
                if at is not None:
                    self._clock.wait_until(at)
                if not self._loads and act is not sender.Act.PREPARE:
                    return
                self._carry_out(act, stack)

    def _carry_out(self, act: sender.Act, stack: ExitStack) -> None:
        match act:
            case sender.Act.PREPARE:
                self._prepare()
            case sender.Act.COMPARE_CLOCK:
                self._check_clock()
            case sender.Act.CONNECT:
                self._connect(stack)
            case sender.Act.COMMIT_INTENTS:
                self._commit_intents()
                self._launcher.strike(self._shots - set(self._loads))
            case sender.Act.REFRESH:
                self._launcher.refresh()
            case sender.Act.LAST_LOOK:
                self._launcher.strike(self._struck())
            case sender.Act.FIRE:
                self._fire(self._launcher)

    def _connect(self, stack: ExitStack) -> None:
        shots = [Shot(load.key, load.request) for load in self._loads.values()]
        self._shots = {shot.key for shot in shots}
        self._launcher = stack.enter_context(Launcher(shots, ca_file=settings.TONGFA.ca_file))
        deadline = max(self._batch.instant - timeline.INTENT, self._clock.now() + LATE_PREPARATION)
        for key, error in self._launcher.connect(deadline=deadline.timestamp()).items():
            log.warning("sender.connect", publication=key, error=error)

    # --- ahead of T ----------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        wanted = State.UNKNOWN if self._batch.kind == "probe" else State.ARMED
        rows = (
            self._batch.publications.select_related("account__unit", "release__unit")
            .filter(state=wanted)
            .order_by("pk")
        )
        for publication in rows:
            if timeline.too_late(self._clock.now(), publication.instant, settings.TONGFA.max_lateness):
                continue  # an old bell, heard before the clock was up: the clock takes it to "missed"
            try:
                load = self._load(publication)
            except ChannelFault as fault:
                if fault.remedy is Remedy.PERSON:
                    self._hold(publication, fault.message)
                else:
                    self._put_back(publication, fault.message)
            except Stale:
                continue  # somebody stopped it meanwhile
            except (Refused, ValueError, LookupError) as error:
                log.error("sender.load", publication=publication.pk, error=type(error).__name__)
                why = error.message if isinstance(error, Refused) else "签发的内容与准备好的不一致，或请求无法生成"
                self._hold(publication, f"{why}，未发出。请系统管理员核对后恢复或重新签发。")
            else:
                if load:
                    self._loads[load.key] = load

    def _load(self, publication: Publication) -> Load | None:
        adapter = channel_of(publication.account, mode=publication.mode)
        posts = signed_posts(publication)
        if publication.attempts.filter(outcome="refused").exists():
            adapter.preflight()  # if the token was refused, an ordinary call finds out and renews it for all
        if self._batch.kind == "release":
            require_signed(publication)
        self._read_back(publication, adapter, posts)
        grant = adapter.grant()
        if self._batch.kind == "release":
            request = adapter.public_request(posts, publication.staged, grant, key=publication.key)
            return Load(publication, adapter, posts, request)
        probe = adapter.probe_request(evidence_of(publication, posts, now=self._clock.now()), grant)
        return Load(publication, adapter, posts, probe) if probe else None

    def _read_back(self, publication: Publication, adapter: Channel, posts: tuple[Post, ...]) -> None:
        """Shortly before T the platform still holds what was approved."""
        if publication.attempts.filter(outcome="unknown").exists():
            self._look_again(publication, adapter, posts)
            return
        staged = adapter.stage(posts, key=publication.key, previous=publication.staged or None)
        if not staged.verified:
            raise ChannelFault(
                Remedy.PERSON, "平台上的草稿与签发内容不一致，未发出。请核对后重新签发。", code="read_back"
            )
        if dict(staged.table) != publication.staged:
            touch(publication, staged=dict(staged.table))

    def _look_again(self, publication: Publication, adapter: Channel, posts: tuple[Post, ...]) -> None:
        """After an unknown act the draft is left alone; one that somebody has changed meanwhile is not sent."""
        if spec_of(publication.account).mode(publication.mode).unknown.when_absent == "person":
            return  # sent again by people alone, and nothing of it stands on the platform beforehand
        verdict = adapter.look(evidence_of(publication, posts, now=self._clock.now()))
        if isinstance(verdict, Unclear):
            remedy = Remedy.PERSON if verdict.needs_person else Remedy.UNKNOWN
            raise ChannelFault(remedy, verdict.message, code="look")

    def _put_back(self, publication: Publication, reason: str) -> None:
        """Nothing was sent; the clock hands it out again shortly, as long as there is time."""
        if publication.status is not State.ARMED:
            return
        now = self._clock.now()
        try:
            move(
                publication,
                Event.DISARM,
                actor=ACTOR,
                now=now,
                batch=None,
                next_at=now + timedelta(seconds=5),
                reason=reason,
            )
        except Stale:
            return

    def _hold(self, publication: Publication, reason: str) -> None:
        """Nothing was sent and the machine cannot help: a person decides. A probe's publication stays unknown."""
        if publication.status is not State.ARMED:
            return
        now = self._clock.now()
        with suppress(Stale):
            move(publication, Event.HOLD, actor=ACTOR, now=now, batch=None, next_at=None, reason=reason)

    def _check_clock(self) -> None:
        """No byte leaves on a clock that the platform contradicts."""
        for load in list(self._loads.values()):
            account = load.publication.account
            if not has_reading(account, now=self._clock.now()):
                with suppress(ChannelFault):  # then there is no reading, and `distrust` says what that means
                    load.adapter.preflight()  # any answer of the platform carries its Date
            reason = distrust(account, now=self._clock.now())
            if reason:
                del self._loads[load.key]
                self._hold(load.publication, f"未发出：{reason}")

    # --- intents -------------------------------------------------------------------------------------------

    def _commit_intents(self) -> None:
        """All intents of the batch in one transaction, durable before any byte."""
        with audit.serialised():
            for load in list(self._loads.values()):
                try:
                    with transaction.atomic():
                        load.attempt = self._intend(load)
                except (IntegrityError, Stale) as error:
                    del self._loads[load.key]
                    self._refuse_intent(load, error)

    def _intend(self, load: Load) -> Attempt:
        publication, now = load.publication, self._clock.now()
        probe = self._batch.kind == "probe"
        number = publication.attempts.count() + 1
        attempt = Attempt.objects.create(
            publication=publication, account=publication.account, number=number,
            batch=self._batch, kind="probe" if probe else ("first" if number == 1 else "again"), fence=self._batch.fence,
            owner=self._batch.owner, key=publication.key, payload_hashes=[post.hash for post in load.posts],
            intent_at=now, send_by=sender.send_by(self._batch.instant, now),
        )  # fmt: skip
        fence, state = publication.fence, publication.state
        try:
            move(publication, Event.PROBE if probe else Event.INTENT, actor=ACTOR, now=now, next_at=None)
        except Exception:
            publication.fence, publication.state = fence, state
            raise
        return attempt

    def _refuse_intent(self, load: Load, error: Exception) -> None:
        """The database refused it: no signature, no approvals, a freeze, or somebody else has it."""
        publication = load.publication
        publication.refresh_from_db()
        if publication.status is not State.ARMED:
            return
        log.warning("sender.intent_refused", publication=publication.pk, rule=str(error).splitlines()[0])
        reason = f"发出前复核未通过（{in_staff_words(error)}），未发出。请核对审批与签发后恢复或重新签发。"
        move(publication, Event.HOLD, actor=ACTOR, now=self._clock.now(), batch=None, next_at=None, reason=reason)

    def _struck(self) -> set[str]:
        """The last look, struck out in full when the database cannot answer: so far provably nothing was sent."""
        try:
            return self._last_look(lock_held=self._lock.held())
        except DatabaseError as error:
            log.error("sender.last_look", batch=self._batch.pk, error=type(error).__name__)
            return set(self._loads)

    def _last_look(self, *, lock_held: bool) -> set[str]:
        """Freeze, signature, approvals, wishes to stop, our clock: four queries for the whole batch."""
        ids = [load.publication.pk for load in self._loads.values()]
        frozen = set(Freeze.objects.filter(lifted_at__isnull=True).values_list("unit", flat=True))
        unapproved = set(
            Edition.objects.filter(items__publication__in=ids)
            .exclude(state="approved")
            .values_list("items__publication", flat=True)
        )
        rows = Publication.objects.filter(pk__in=ids).values_list(
            "pk", "account", "state", "stop_event", "release__unit", "release__signed_at", "release__cancelled_at"
        )
        wrong = distrusted((load.publication.account_id for load in self._loads.values()), now=self._clock.now())
        standing = {
            str(pk)
            for pk, account, state, stop_event, unit, signed_at, cancelled_at in rows
            if not handing_out.struck(
                handing_out.Standing(signed=signed_at is not None and cancelled_at is None, frozen=unit in frozen),
                State(state), stop_event, approved=pk not in unapproved, lock_held=lock_held,
                clock_trusted=account not in wrong,
            )
        }  # fmt: skip
        return set(self._loads) - standing

    # --- at T ----------------------------------------------------------------------------------------------

    def _fire(self, launcher: Launcher) -> None:
        """One write each. A process that slept since its intents (a suspended machine) is past their `send_by`."""
        at = sender.fire_at(self._batch.instant, self._clock.now()).timestamp()
        intents = [load.attempt.send_by.timestamp() for load in self._loads.values() if load.attempt]
        send_by = min(intents, default=at)
        events = launcher.fire(at, send_by=send_by, answer_deadline=at + timeline.ANSWER_WITHIN.total_seconds())
        self._record(events)

    def _record(self, events: Iterable[Sent | Answered | Broken | NotSent]) -> None:
        for event in events:
            load = self._loads.get(event.key)
            if load is None or load.attempt is None:
                continue
            try:
                self._apply(load, load.attempt, event)
            except Exception as error:  # one account's odd answer must not take the others' outcomes along
                log.error("sender.record", publication=load.publication.pk, error=type(error).__name__)
                self._apply_as_unknown(load, load.attempt)

    def _apply(self, load: Load, attempt: Attempt, event: Sent | Answered | Broken | NotSent) -> None:
        now = self._clock.now()
        match event:
            case Sent():
                attempt.sent_at = datetime.fromtimestamp(event.first_byte_at, UTC)
                attempt.last_byte_at = datetime.fromtimestamp(event.last_byte_at, UTC)
            case Answered():
                answers.record(load.publication, attempt, load.adapter, event.answer, now=now)
            case Broken():
                answers.broken(load.publication, attempt, explain(event), now=now)
            case NotSent():
                answers.not_sent(load.publication, attempt, explain(event), now=now)

    def _apply_as_unknown(self, load: Load, attempt: Attempt) -> None:
        """What cannot be recorded as it is stays unknown; if even that fails, `batches.recover` says so later."""
        try:
            load.publication.refresh_from_db()
            answers.broken(load.publication, attempt, "应答无法记录", now=self._clock.now())
        except Exception as error:
            log.error("sender.unrecorded", publication=load.publication.pk, error=type(error).__name__)
