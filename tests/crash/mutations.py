"""Ways to break the engine on purpose: the judge must see each of them.

Each is applied in the processes of the product, before anything is watched, and takes one guard away. It names the
promise that is broken then: a process that merely trips over the change convicts nobody.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.channels.weibo import adapter as weibo
from bot.domain import timeline
from bot.domain.delivery import Event, State
from bot.models import Attempt, Publication
from bot.services import answers, batches, clock, ports, sending, staging, transitions


@dataclass(frozen=True, slots=True)
class Mutation:
    """`apply` takes a guard away in this process; `promise` is the one that the judge must then find broken."""

    apply: Callable[[], None]
    promise: str


BY_NAME: dict[str, Mutation] = {}


def breaks(promise: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Note the function under its name."""

    def noted(apply: Callable[[], None]) -> Callable[[], None]:
        BY_NAME[apply.__name__.replace("_", "-")] = Mutation(apply, promise)
        return apply

    return noted


@breaks("intent before effect")
def intent_after_the_bytes() -> None:
    """The intents are committed only when the bytes are out."""
    commit_intents, record = sending._Sender._commit_intents, sending._Sender._record

    def not_yet(self: Any) -> None:
        for load in self._loads.values():
            load.attempt = Attempt(send_by=max(self._batch.instant, self._clock.now()) + timeline.SEND_BY)

    def now_or_never(self: Any, events: Any) -> None:
        events = iter(events)
        first = next(events, None)
        commit_intents(self)
        record(self, [] if first is None else [first, *events])

    sending._Sender._commit_intents = not_yet  # type: ignore[method-assign]
    sending._Sender._struck = lambda self: set()  # type: ignore[method-assign]
    sending._Sender._record = now_or_never  # type: ignore[method-assign]


@breaks("never twice")
def orphans_were_not_sent() -> None:
    """An attempt whose sender died counts as not sent, and is made again."""

    def close(attempt: Attempt, now: datetime) -> None:
        answers.settle(answers.not_sent(attempt.publication, attempt, "the sender died", now=now), now=now)

    batches._close_orphan = close


@breaks("intent before effect")
def nobody_holds_a_lock() -> None:
    """Locks are taken, and nobody asks whether one is held: a sender that is alive is taken for dead."""
    batches.is_held = lambda kind, subject: False
    staging.held_among = lambda kind, subjects: set()


@breaks("never twice")
def silence_is_failure() -> None:
    """No answer counts as not sent, and is tried again."""

    def again(publication: Publication, attempt: Attempt, answer: Any, raw: str, *, now: datetime) -> answers.Ending:
        return answers.not_sent(publication, attempt, "no answer", now=now)

    answers.unknown = again


@breaks("never unapproved")
def a_new_key_for_each_try() -> None:
    """Mass sends are replayed under another key, which no publication has."""
    loaded = sending._Sender._loaded

    def with_another_key(self: Any, draft: Any) -> Any:
        publication = draft.publication
        publication.key = f"{publication.key[:20]}{publication.attempts.count()}"
        return loaded(self, draft)

    sending._Sender._loaded = with_another_key  # type: ignore[method-assign]


@breaks("provable")
def moves_without_a_trail() -> None:
    """A state is changed, and the audit line for it is forgotten."""
    move = transitions.move

    def forgetful(publication: Publication, event: Event, **arguments: Any) -> None:
        if event is Event.SILENCE and publication.status is State.SENDING:
            type(publication).objects.filter(pk=publication.pk).update(
                state=State.UNKNOWN, next_at=arguments["next_at"]
            )
            return
        move(publication, event, **arguments)

    transitions.move = forgetful


@breaks("never early")
def early_by_a_second() -> None:
    """The write is one second ahead of the instant."""
    launcher = sending.Launcher

    class Hasty(launcher):  # type: ignore[misc, valid-type]
        def fire(self, at: float, **deadlines: Any) -> Any:
            return super().fire(at - 1, **deadlines)

    wait = sending.WallClock.wait_until
    sending.WallClock.wait_until = lambda self, instant: wait(self, instant - timeline.RECHECK * 12)  # type: ignore[method-assign]
    sending.Launcher = Hasty  # type: ignore[misc]


@breaks("never altered")
def another_text() -> None:
    """Weibo is sent one character more than was signed."""
    share_request = weibo.share_request
    weibo.share_request = lambda account, text, *rest, **named: share_request(account, f"{text}。", *rest, **named)  # type: ignore[assignment]


@breaks("no leak")
def a_token_in_the_log() -> None:
    """The token is printed where it is used."""
    grant = ports.AccountPorts.token

    def told(self: Any, fetch: Any, **named: Any) -> Any:
        found = grant(self, fetch, **named)
        sys.stderr.write(f"token {found.token.reveal()}\n")
        return found

    ports.AccountPorts.token = told  # type: ignore[method-assign]


@breaks("never lost")
def nobody_looks_again() -> None:
    """What is unknown is given up for dead: no look is due any more."""
    look_all = clock.look_all

    def only_what_was_accepted(publication_ids: Sequence[int], *, now: Callable[[], datetime]) -> None:
        unknown = Publication.objects.filter(pk__in=publication_ids, state=State.UNKNOWN)
        forgotten = set(unknown.values_list("pk", flat=True))
        unknown.update(next_at=None, rung_at=None)
        look_all([pk for pk in publication_ids if pk not in forgotten], now=now)

    clock.look_all = only_what_was_accepted
