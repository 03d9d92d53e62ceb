"""Ways to break the engine on purpose: the judge must see each of them.

Each is applied in the processes of the product, before anything is watched, and takes one guard away.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from bot.channels.weibo import adapter as weibo
from bot.domain import timeline
from bot.domain.delivery import Event, State
from bot.models import Attempt
from bot.services import answers, batches, clock, locks, ports, sending, staging, transitions


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
    sending._Sender._last_look = lambda self: set()  # type: ignore[method-assign]
    sending._Sender._record = now_or_never  # type: ignore[method-assign]


def orphans_were_not_sent() -> None:
    """An attempt whose sender died counts as not sent, and is made again."""

    def close(attempt: Attempt, now: Any) -> None:
        answers.not_sent(attempt.publication, attempt, "the sender died", now=now)

    batches._close_orphan = close


def nobody_holds_a_lock() -> None:
    """Locks are taken, and nobody asks whether one is held."""
    for module in (locks, batches, staging):
        module.is_held = lambda kind, subject: False  # type: ignore[attr-defined]


def silence_is_failure() -> None:
    """No answer counts as not sent, and is tried again."""

    def again(publication: Any, attempt: Any, answer: Any, raw: str, *, now: Any) -> None:
        answers.not_sent(publication, attempt, "no answer", now=now)

    answers.unknown = again


def a_new_key_for_each_try() -> None:
    """Mass sends are replayed under another key."""
    load = sending._Sender._load

    def with_another_key(self: Any, publication: Any) -> Any:
        publication.key = f"{publication.key[:20]}{publication.attempts.count()}"
        return load(self, publication)

    sending._Sender._load = with_another_key  # type: ignore[method-assign]


def moves_without_a_trail() -> None:
    """A state is changed, and the audit line for it is forgotten."""
    move = transitions.move

    def forgetful(publication: Any, event: Event, **arguments: Any) -> None:
        if event is Event.SILENCE and publication.status is State.SENDING:
            type(publication).objects.filter(pk=publication.pk).update(
                state=State.UNKNOWN, next_at=arguments["next_at"]
            )
            return
        move(publication, event, **arguments)

    for module in (answers, batches):
        module.move = forgetful  # type: ignore[attr-defined]


def early_by_a_second() -> None:
    """The write is one second ahead of the instant."""
    launcher = sending.Launcher

    class Hasty(launcher):  # type: ignore[misc, valid-type]
        def fire(self, at: float, **deadlines: float) -> Any:
            return super().fire(at - 1, **deadlines)

    wait = sending.WallClock.wait_until
    sending.WallClock.wait_until = lambda self, instant: wait(self, instant - timeline.RECHECK * 12)  # type: ignore[method-assign]
    sending.Launcher = Hasty  # type: ignore[misc]


def another_text() -> None:
    """Weibo is sent one character more than was signed."""
    share_request = weibo.share_request
    weibo.share_request = lambda account, text, *rest, **named: share_request(account, f"{text}。", *rest, **named)  # type: ignore[assignment]


def a_token_in_the_log() -> None:
    """The token is printed where it is used."""
    grant = ports.AccountPorts.token

    def told(self: Any, fetch: Any, **named: Any) -> Any:
        found = grant(self, fetch, **named)
        sys.stderr.write(f"token {found.token.reveal()}\n")
        return found

    ports.AccountPorts.token = told  # type: ignore[method-assign]


def nobody_looks_again() -> None:
    """What is unknown is left alone."""
    look = clock.look

    def only_what_was_accepted(publication_id: int, *, now: Any) -> None:
        if staging.load(publication_id).status is not State.UNKNOWN:
            look(publication_id, now=now)

    clock.look = only_what_was_accepted  # type: ignore[assignment]


BY_NAME: dict[str, Callable[[], None]] = {
    made.__name__.replace("_", "-"): made
    for made in (
        intent_after_the_bytes, orphans_were_not_sent, nobody_holds_a_lock, silence_is_failure, a_new_key_for_each_try,
        moves_without_a_trail, early_by_a_second, another_text, a_token_in_the_log, nobody_looks_again,
    )
}  # fmt: skip
