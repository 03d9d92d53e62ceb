"""The second wall around a second try: it rests on a proof, or on two people, and the chain says which.

A push comes back from "sent" to "to be sent" by three steps alone: nothing left or it was refused (`not_sent`), the platform
shows that nothing was published (`proved_absent`), or two people have decided (`publication.resend`). Each stands in the audit
trail, in the transaction that moved the push. So a try for which no such line stands behind an earlier one is refused, whatever
state somebody gave the push. Lines are counted and no instants compared: a clock that was set back must not stop a try that
was earned.

Each line: name, table, event, condition under which the statement is refused, message.
"""

from __future__ import annotations

from bot.domain.delivery import Event, State

_LINES = "FROM bot_auditevent a WHERE a.subject = 'publication:' || NEW.publication_id"
_MOVED = f"(SELECT COUNT(*) {_LINES} AND a.action = 'publication.moved' AND {{event_told}} "
_GIVEN_BACK = f"{_MOVED} IN ('{Event.NOT_SENT}', '{Event.PROVED_ABSENT}'))"
_BY_TWO = f"(SELECT COUNT(*) {_LINES} AND a.action = 'publication.resend' AND {{second_told}} <> a.actor)"
#: Two people who let a push go that had missed its time give nothing back: nothing had been sent.
_AFTER_MISSING = f"{_MOVED} = '{Event.RETRY_BY_PERSON}' AND {{from_told}} = '{State.MISSED}')"

_EARLIER = "FROM bot_attempt t WHERE t.publication_id = NEW.publication_id AND t.kind <> 'probe' AND t.outcome <> ''"

RULES: tuple[tuple[str, str, str, str, str], ...] = (
    (
        "attempt_tried_again_as_earned",
        "bot_attempt",
        "INSERT",
        f"NEW.kind <> 'probe' AND EXISTS (SELECT 1 {_EARLIER}) "
        f"AND (SELECT COUNT(*) {_EARLIER}) > {_GIVEN_BACK} + {_BY_TWO} - {_AFTER_MISSING}",
        "no second try without proof that nothing went out, or the word of two people",
    ),
)
