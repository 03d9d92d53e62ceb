"""The sender: takes one batch through T (design.md section 7).

Prepared ahead: grant, bytes, connections. Then the intents in one transaction, a last look at freeze,
approvals and lock, and one write per publication by the launcher. A process that dies on the way leaves
either no intent (nothing left) or an open attempt (nobody knows); `batches.recover` tells them apart.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Prefetch

from bot.channels.http import within
from bot.domain import timeline
from bot.domain.channel import (
    DRAFT_GONE,
    Channel,
    ChannelFault,
    Doubled,
    Evidence,
    Failed,
    Pending,
    Receipt,
    Remedy,
    Staged,
    Unclear,
    WireRequest,
)
from bot.domain.delivery import Event, State
from bot.domain.engine import sender
from bot.domain.engine.looking import Verdict
from bot.domain.instants import to_beijing
from bot.domain.post import Post
from bot.launcher import Answered, Broken, Launcher, NotSent, Reason, Sent, Shot, explain
from bot.models import Attempt, Batch, Item, Publication

from . import answers, audit, batches, lastlook, quotas
from .accounts import channel_of
from .bulk import ALONE, CHUNK, chunks, in_parallel
from .clocksafety import distrust, distrusted, has_reading, load_readings
from .errors import Refused, in_staff_words, is_passing
from .facts import doubted, evidence_of, facts_of, may_have_left, tries_of
from .locks import ProcessLock, tidy
from .ports import load_tokens
from .signature import Signatures
from .staging import left_by
from .transitions import Change, Stale, enact, move, move_all, touch
from .walltime import Clock, WallClock

log = structlog.get_logger(__name__)
ACTOR = "系统"
_T = TypeVar("_T")
FREE_TRIES = 2  # preparations that fail around T before the waits grow: every one of them asks the platform
READ_BACK_EACH = 4.0  # seconds for one of many accounts
LEAST_SHARE = 0.2  # seconds; answers within that are taken even when the time is over
TIME_ASKED = 1.5  # seconds for a call that asks the time alone
LATE_PREPARATION = timedelta(seconds=3)  # to connect, when the instant has already passed


@dataclass(slots=True)
class Draft:
    """One publication whose signed bytes have been compared with the manifest, and since when its draft is read back."""

    publication: Publication
    adapter: Channel
    posts: tuple[Post, ...]
    hashes: tuple[str, ...]
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """What is asked of the platform once more before T; only the call itself goes there.

    `evidence`: where an act was begun before, under whatever key; `in_doubt`: it may have had an effect.
    """

    draft: Draft
    evidence: Evidence | None
    in_doubt: bool

    @property
    def publication(self) -> Publication:
        """Whose it is."""
        return self.draft.publication

    def __call__(self) -> Staged | Verdict:
        """Stage again, which changes nothing that still stands; after an act in doubt look first.

        Only where that act is proved to have failed is there a draft to compare, or to make anew. A refusal proves it by
        what the platform says, not by what it did: where the draft is gone all the same, look too.
        """
        adapter, publication = self.draft.adapter, self.publication
        if self.in_doubt and self.evidence is not None:
            verdict = adapter.look(self.evidence)
            if not isinstance(verdict, Failed) or verdict.gone:
                return verdict
        if not adapter.spec.holds_drafts and self.evidence is not None:
            verdict = adapter.look(self.evidence)
            return (
                verdict
                if isinstance(verdict, Receipt | Pending | Doubled)
                else Staged(publication.staged, verified=True)
            )
        earlier, keep = publication.staged or None, self.evidence is not None
        try:
            return adapter.stage(self.draft.posts, key=publication.key, previous=earlier, keep=keep)
        except ChannelFault as fault:
            if fault.code != DRAFT_GONE or self.evidence is None:
                raise
            verdict = adapter.look(self.evidence)
            if isinstance(verdict, Receipt | Pending | Doubled):
                return verdict
            raise


@dataclass(slots=True)
class Load:
    """One publication on its way: adapter, bytes, and its attempt once the intent is committed."""

    publication: Publication
    adapter: Channel
    hashes: tuple[str, ...]
    request: WireRequest
    read_at: datetime | None = None
    attempt: Attempt | None = None

    @property
    def key(self) -> str:
        """Name of the shot."""
        return str(self.publication.pk)


def _has(publication: Publication, outcome: str) -> bool:
    """Whether an attempt of it ended so."""
    return any(one.outcome == outcome for one in tries_of(publication))


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
        self._why: dict[str, str] = {}
        self._firing = False
        self._shots: set[str] = set()
        self._signatures = Signatures()
        self._launcher: Launcher
        self._prepared_by = batch.instant

    def run(self) -> None:
        """Carry out the acts of `bot.domain.engine.sender`, each at its time."""
        instant = self._batch.instant
        with ExitStack() as stack:
            for act, at in sender.acts(instant, self._batch.publications.count()):
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
        intents_at = self._batch.instant - timeline.intent_ahead(len(shots))
        deadline = max(intents_at, self._clock.now() + LATE_PREPARATION)
        for key, error in self._launcher.connect(deadline=deadline.timestamp()).items():
            log.warning("sender.connect", publication=key, error=error)

    # --- ahead of T ----------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        wanted = State.UNKNOWN if self._batch.kind == "probe" else State.ARMED
        ids = list(
            self._batch.publications.filter(state=wanted).order_by("release_id", "pk").values_list("pk", flat=True)
        )
        again = len(ids) <= timeline.READ_AGAIN
        self._prepared_by = timeline.prepared_by(self._batch.instant, len(ids), self._clock.now())
        for some in chunks(ids):
            ready = [
                draft
                for publication in _whole(some)
                if (draft := self._or_none(publication, partial(self._drafted, publication)))
            ]
            ready = self._read_back(ready, everything=again)
            for draft in ready:
                load = self._or_none(draft.publication, partial(self._loaded, draft))
                if load:
                    self._loads[load.key] = load

    def _or_none(self, publication: Publication, step: Callable[[], _T]) -> _T | None:
        """One step for one publication; its trouble is its own: put back, or before a person."""
        if timeline.too_late(self._clock.now(), publication.instant, settings.TONGFA.max_lateness):
            return None  # an old bell, heard before the clock was up: the clock takes it to "missed"
        try:
            with within(self._share(ALONE)):
                return step()
        except ChannelFault as fault:
            if fault.remedy is Remedy.PERSON:
                doubt = fault.code == DRAFT_GONE or publication.doubt
                self._hold(publication, fault.message, doubt=doubt, **left_by(fault))
            else:
                self._put_back(publication, fault.message)
        except Stale:
            pass  # somebody stopped it meanwhile
        except (Refused, ValueError, LookupError) as error:
            log.error("sender.load", publication=publication.pk, error=type(error).__name__)
            why = error.message if isinstance(error, Refused) else "签发的内容与准备好的不一致，或请求无法生成"
            self._hold(publication, f"{why}，未发出。请系统管理员核对后恢复或重新签发。")
        except DatabaseError:
            raise
        except Exception as error:  # one account's odd answer must not take the others of its batch along
            log.exception("sender.prepare", publication=publication.pk)
            what = f"发出前核对时程序出错（{type(error).__name__}），这次没有发，稍后自动重试。请系统管理员查看日志。"
            self._put_back(publication, what)
        return None

    def _share(self, rows: int) -> float:
        """Seconds that the platform of each of so many has to answer: one that hangs makes no other late."""
        left = (self._prepared_by - self._clock.now()).total_seconds()
        return max(left / rows if rows <= ALONE else min(left, READ_BACK_EACH), LEAST_SHARE)

    def _drafted(self, publication: Publication) -> Draft:
        """Adapter and signed bytes, compared with the manifest."""
        adapter = channel_of(publication.account, mode=publication.mode)
        items = list(publication.items.all())
        if _has(publication, "refused"):
            adapter.preflight()  # if the token was refused, an ordinary call finds out and renews it for all
        if self._batch.kind == "release":
            hashes = self._signatures.require(publication, items)
        else:
            hashes = tuple(item.signed_post.hash for item in items)
        return Draft(publication, adapter, tuple(item.signed_post for item in items), hashes)

    def _read_back(self, drafts: Sequence[Draft], *, everything: bool) -> list[Draft]:
        """Shortly before T the platform still holds what was approved, and has not published it already.

        After an act in doubt the draft is left alone; one that somebody has changed meanwhile is not sent. Beyond
        `timeline.READ_AGAIN` there is time for those alone: of the others the comparison at staging stands (ADR 0018).
        """
        now = self._clock.now()
        asked = [
            self._again(draft)
            for draft in drafts
            if may_have_left(draft.publication)
            or doubted(draft.publication)
            or (everything and draft.adapter.spec.holds_drafts)
        ]
        left = {draft.publication.pk: draft for draft in drafts}
        each = self._share(len(asked)) if asked else 0.0

        def ask(again: Again) -> Staged | Verdict:
            with within(min(each, self._share(1))):
                return again()

        for again, found in zip(asked, in_parallel(ask, asked), strict=True):
            again.draft.read_at = now  # before all of the answers: too old rather than too new
            if isinstance(found, Receipt | Pending | Doubled):
                self._found(again.publication, found)
                del left[again.publication.pk]
            elif not self._or_none(again.publication, partial(_still_good, again.publication, found)):
                del left[again.publication.pk]
        return list(left.values())

    def _again(self, draft: Draft) -> Again:
        publication = draft.publication
        in_doubt = doubted(publication)
        acted = in_doubt or may_have_left(publication)
        return Again(draft, evidence_of(publication, draft.posts, now=self._clock.now()) if acted else None, in_doubt)

    def _loaded(self, draft: Draft) -> Load | None:
        publication, adapter, posts = draft.publication, draft.adapter, draft.posts
        grant = adapter.grant()
        if self._batch.kind == "release":
            request = adapter.public_request(posts, publication.staged, grant, key=publication.key)
            return Load(publication, adapter, draft.hashes, request, draft.read_at)
        probe = adapter.probe_request(evidence_of(publication, posts, now=self._clock.now()), grant)
        return Load(publication, adapter, draft.hashes, probe, draft.read_at) if probe else None

    def _put_back(self, publication: Publication, reason: str) -> None:
        """Nothing was sent; the clock hands it out again shortly (then ever more rarely), as long as there is time."""
        if publication.status is not State.ARMED:
            return
        now, faults = self._clock.now(), publication.stage_faults + 1
        try:
            move(
                publication,
                Event.DISARM,
                actor=ACTOR,
                now=now,
                batch=None,
                next_at=now + timeline.stage_backoff(faults - FREE_TRIES),
                stage_faults=faults,
                reason=reason,
            )
        except Stale:
            return

    def _found(self, publication: Publication, found: Receipt | Pending | Doubled) -> None:
        """It is there already: no other is sent. A probe's publication learns that by its next look."""
        if publication.status is not State.ARMED:
            return
        now = self._clock.now()
        with suppress(Stale):
            enact(publication, sender.found_before(facts_of(publication), found.ids, now=now), actor=ACTOR, now=now)

    def _hold(self, publication: Publication, reason: str, **columns: Any) -> None:
        """Nothing was sent and the machine cannot help: a person decides. A probe's publication stays unknown."""
        if publication.status is not State.ARMED:
            return
        now = self._clock.now()
        with suppress(Stale):
            move(publication, Event.HOLD, actor=ACTOR, now=now, batch=None, next_at=None, reason=reason, **columns)

    def _check_clock(self) -> None:
        """No byte leaves on a clock that the platform contradicts."""
        loads = list(self._loads.values())
        load_readings([load.publication.account for load in loads])
        unread = [load for load in loads if not has_reading(load.publication.account, now=self._clock.now())]
        if unread:
            in_parallel(_ask_the_time, unread)
            load_readings([load.publication.account for load in unread])
        for load in loads:
            reason = distrust(load.publication.account, now=self._clock.now())
            if reason:
                del self._loads[load.key]
                self._hold(load.publication, f"未发出：{reason}")

    # --- intents -------------------------------------------------------------------------------------------

    def _commit_intents(self) -> None:
        """All intents, durable before any byte: in one transaction, a crowd's in several short ones.

        Where the database refuses one of them, those of its transaction are written one by one.
        """
        self._leave_to_the_next_hour()
        for part in chunks(list(self._loads.values())):
            if not self._intend_all(part):
                self._intend_each(part)

    def _leave_to_the_next_hour(self) -> None:
        """What was handed out in an hour that is over by now (or a day) has its slot there: it is handed out anew."""
        at = sender.fire_at(self._batch.instant, self._clock.now())
        if self._batch.kind == "probe" or to_beijing(at).hour == to_beijing(self._batch.instant).hour:
            return
        for load in list(self._loads.values()):
            del self._loads[load.key]
            self._put_back(load.publication, "准备好时已到下一个小时，这次没有发，核对可发次数后马上再发。")

    def _intend_all(self, loads: Sequence[Load]) -> bool:
        now = self._clock.now()
        attempts = [self._intent(load, len(tries_of(load.publication)) + 1, now) for load in loads]
        event, columns = self._begins(now)
        changes = [Change(load.publication, event, dict(columns)) for load in loads]
        try:
            with audit.serialised():
                made = Attempt.objects.bulk_create(attempts)
                quotas.count_calls([load.publication for load in loads], sender.fire_at(self._batch.instant, now))
                move_all(changes, actor=ACTOR, now=now, whole=True)
        except (IntegrityError, Stale) as error:
            log.warning("sender.one_by_one", batch=self._batch.pk, error=type(error).__name__)
            return False
        for load, attempt in zip(loads, made, strict=True):
            load.attempt = attempt
        return True

    def _begins(self, now: datetime) -> tuple[Event, Mapping[str, Any]]:
        return sender.intent(self._batch.instant, now, probe=self._batch.kind == "probe")

    def _intend_each(self, loads: Sequence[Load]) -> None:
        with audit.serialised():
            for load in loads:
                try:
                    with transaction.atomic():
                        load.attempt = self._intend(load)
                except (IntegrityError, Stale) as error:
                    del self._loads[load.key]
                    self._refuse_intent(load, error)

    def _intent(self, load: Load, number: int, now: datetime) -> Attempt:
        publication = load.publication
        kind = "probe" if self._batch.kind == "probe" else ("first" if number == 1 else "again")
        return Attempt(
            publication=publication, account=publication.account, number=number, batch=self._batch, kind=kind,
            fence=self._batch.fence, owner=self._batch.owner, key=publication.key,
            payload_hashes=list(load.hashes), intent_at=now, send_by=sender.send_by(self._batch.instant, now),
        )  # fmt: skip

    def _intend(self, load: Load) -> Attempt:
        publication, now = load.publication, self._clock.now()
        attempt = self._intent(load, publication.attempts.count() + 1, now)
        attempt.save(force_insert=True)
        quotas.count_calls([publication], sender.fire_at(self._batch.instant, now))
        fence, state = publication.fence, publication.state
        try:
            event, columns = self._begins(now)
            move(publication, event, actor=ACTOR, now=now, **columns)
        except Exception:
            publication.fence, publication.state = fence, state
            raise
        return attempt

    def _refuse_intent(self, load: Load, error: Exception) -> None:
        """The database refused it: no signature, no approvals, a freeze, or somebody else has it."""
        publication = load.publication
        publication.refresh_from_db()
        if publication.status is not State.ARMED or publication.batch_id != self._batch.pk:
            return  # it was called back meanwhile, and may be with another sender by now
        log.warning("sender.intent_refused", publication=publication.pk, rule=str(error).splitlines()[0])
        if is_passing(error):
            self._put_back(publication, f"{in_staff_words(error)}，这次没有发，稍后自动重试。")
            return
        self._hold(
            publication, f"发出前复核未通过（{in_staff_words(error)}），未发出。请核对审批与签发后恢复或重新签发。"
        )

    def _struck(self) -> set[str]:
        """The last look, struck out in full when the database cannot answer: so far provably nothing was sent."""
        try:
            why = self._last_look(lock_held=self._lock.held())
        except DatabaseError as error:
            log.error("sender.last_look", batch=self._batch.pk, error=type(error).__name__)
            why = dict.fromkeys(self._loads, "发出前最后核对：数据库没有答复")
        self._why.update(why)
        return set(why)

    def _last_look(self, *, lock_held: bool) -> dict[str, str]:
        """Why which of them is taken out."""
        now = self._clock.now()
        wrong = distrusted([load.publication.account for load in self._loads.values()], now=now)
        here = lastlook.Here(now, lock_held, wrong, firing=self._firing)
        aboard = (lastlook.Aboard(load.publication, load.read_at) for load in self._loads.values())
        return {str(pk): words for pk, words in lastlook.struck(self._batch, aboard, here).items()}

    # --- at T ----------------------------------------------------------------------------------------------

    def _fire(self, launcher: Launcher) -> None:
        """One write each. A process that slept since its intents (a suspended machine) is past their `send_by`."""
        at = sender.fire_at(self._batch.instant, self._clock.now()).timestamp()
        intents = [load.attempt.send_by.timestamp() for load in self._loads.values() if load.attempt]
        send_by = min(intents, default=at)
        self._firing = True
        events = launcher.fire(
            at,
            send_by=send_by,
            answer_deadline=at + timeline.ANSWER_WITHIN.total_seconds(),
            recheck=self._struck,
        )
        self._record(events)

    def _record(self, events: Iterable[Sent | Answered | Broken | NotSent]) -> None:
        """Write down what happened: at once while it comes singly, together while more is waiting to be read."""
        endings: list[answers.Ending] = []
        for event in events:
            load = self._loads.get(event.key)
            if load is None or load.attempt is None:
                continue
            ending = self._ending(load, load.attempt, event)
            if ending is not None:
                endings.append(ending)
            if endings and (len(endings) >= CHUNK or not self._launcher.waiting):
                self._settle(endings)
                endings = []
        self._settle(endings)

    def _ending(self, load: Load, attempt: Attempt, event: Sent | Answered | Broken | NotSent) -> answers.Ending | None:
        publication, now = load.publication, self._clock.now()
        match event:
            case Sent():
                attempt.sent_at = datetime.fromtimestamp(event.first_byte_at, UTC)
                attempt.last_byte_at = datetime.fromtimestamp(event.last_byte_at, UTC)
                return None
            case Answered():
                try:
                    return answers.read(publication, attempt, load.adapter, event.answer, now=now)
                except Exception as error:  # one account's odd answer must not take the others' outcomes along
                    log.error("sender.read", publication=publication.pk, error=type(error).__name__)
                    return answers.broken(publication, attempt, "应答无法记录", now=now)
            case Broken():
                return answers.broken(publication, attempt, explain(event), now=now)
            case NotSent():
                struck = event.reason == Reason.STRUCK and self._why.get(event.key)
                reason = f"{struck}；没有发出任何内容" if struck else explain(event)
                return answers.not_sent(publication, attempt, reason, now=now)

    def _settle(self, endings: Sequence[answers.Ending]) -> None:
        if not endings:
            return
        alone = list(endings) if len(endings) == 1 else answers.settle_all(endings, now=self._clock.now())
        for ending in alone:
            try:
                answers.settle(ending, now=self._clock.now())
            except Exception as error:  # one account's trouble must not take the others' outcomes along
                log.error("sender.record", publication=ending.publication.pk, error=type(error).__name__)
                self._settle_as_unknown(ending)

    def _settle_as_unknown(self, ending: answers.Ending) -> None:
        """What cannot be recorded as it is stays unknown; if even that fails, `batches.recover` says so later."""
        now = self._clock.now()
        try:
            ending.publication.refresh_from_db()
            answers.settle(answers.broken(ending.publication, ending.attempt, "应答无法记录", now=now), now=now)
        except Exception as error:
            log.error("sender.unrecorded", publication=ending.publication.pk, error=type(error).__name__)


# --- small pieces --------------------------------------------------------------------------------------------


def _whole(ids: Sequence[int]) -> list[Publication]:
    """Publications with all that sending needs, in the order of `ids`, in a handful of questions."""
    items = Item.objects.select_related("account", "edition").order_by("position")
    found = (
        Publication.objects.select_related("account__unit", "release__unit")
        .prefetch_related(Prefetch("items", items), "attempts", "account__credentials")
        .in_bulk(ids)
    )
    load_tokens([publication.account for publication in found.values()])
    return [found[pk] for pk in ids if pk in found]


def _still_good(publication: Publication, found: Staged | Verdict | Exception) -> bool:
    if isinstance(found, Exception):
        raise found
    if isinstance(found, Unclear):
        remedy = Remedy.PERSON if found.needs_person else Remedy.UNKNOWN
        raise ChannelFault(remedy, found.message, code="look")
    if isinstance(found, Failed):
        raise ChannelFault(Remedy.PERSON, f"{found.message}没有再发。", code="gone")
    if not isinstance(found, Staged):
        return True
    if not found.verified:
        raise ChannelFault(Remedy.PERSON, "平台上的草稿与签发内容不一致，未发出。请核对后重新签发。", code="read_back")
    if dict(found.table) != publication.staged:
        touch(publication, staged=dict(found.table))
    return True


def _ask_the_time(load: Load) -> None:
    """Any answer of the platform carries its Date; without one there is no reading, and `distrust` says what that means."""
    with suppress(ChannelFault), within(TIME_ASKED):
        load.adapter.preflight()
