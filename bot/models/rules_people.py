"""The second wall around who decides: a review and a signature are given by whose office it is, in the unit.

A role is one's own or, on the days of a deputyship (Beijing's dates), that of an active principal. Each line: name, table,
event, condition under which the statement is refused, message.
"""

from __future__ import annotations

from bot.domain.workflow import WAITS_AS, Role

_HAS = "CAST({who}.roles AS TEXT) LIKE '%\"' || {role} || '\"%'"
#: `person` holds `role` in `unit` at the instant `at`.
_HOLDS = (
    "EXISTS (SELECT 1 FROM bot_person h WHERE h.id = {person} AND h.unit_id = {unit} AND ("
    + _HAS.replace("{who}", "h")
    + " OR EXISTS (SELECT 1 FROM bot_deputy y JOIN bot_person q ON q.id = y.principal_id WHERE y.deputy_id = h.id "
    "AND y.ended_at IS NULL AND q.is_active = {{true}} AND q.unit_id = h.unit_id AND "
    + _HAS.replace("{who}", "q")
    + " AND y.first_day <= {{day}}{at}{{in_beijing}} AND y.last_day >= {{day}}{at}{{in_beijing}})))"
)
_ITS_STATE = " ".join(f"WHEN '{step}' THEN '{state}'" for step, state in WAITS_AS.items())

RULES: tuple[tuple[str, str, str, str, str], ...] = (
    (
        "review_taken_in_turn",
        "bot_review",
        "INSERT",
        f"NOT EXISTS (SELECT 1 FROM bot_edition e WHERE e.id = NEW.edition_id AND e.state = CASE NEW.step {_ITS_STATE} END)",
        "a review is of the step that is due",
    ),
    (
        "review_within_its_office",
        "bot_review",
        "INSERT",
        "NOT "
        + _HOLDS.format(
            person="NEW.person_id",
            role="NEW.step",
            at="NEW.at",
            unit="(SELECT d.unit_id FROM bot_edition e JOIN bot_document d ON d.id = e.document_id WHERE e.id = NEW.edition_id)",
        ),
        "a review is given by who holds its step in the unit",
    ),
    (
        "release_signer_within_their_office",
        "bot_release",
        "UPDATE",
        "NEW.signed_by_id IS NOT NULL AND (OLD.signed_at IS NULL OR NEW.signed_by_id {differs} OLD.signed_by_id) "
        "AND NEW.urgency_id IS NULL AND NOT "
        + _HOLDS.format(person="NEW.signed_by_id", role=f"'{Role.RELEASER}'", at="NEW.signed_at", unit="NEW.unit_id"),
        "a release is signed by who signs for the unit",
    ),
)
