"""The second wall around urgent notices, as conditions for `triggers`: two words of two people carry these very bytes.

Each line: name, table, event, condition under which the statement is refused, message.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.urgent import ARROWS, MAY_GO, Stage


def _listed(states: Iterable[object]) -> str:
    return ", ".join(sorted(f"'{state}'" for state in states))


_ARROWS = ", ".join(sorted(f"'{stage}>{target}'" for stage, targets in ARROWS.items() for target in targets))
_DECIDED = (
    "id", "unit_id", "edition_id", "content_hash", "post_hashes", "modes", "instant", "reason", "digest",
)  # fmt: skip
_GOES = _listed(MAY_GO)
#: Edition e is handed in, and neither returned nor replaced.
GOES = f"e.state IN ({_GOES})"

#: Two people's words (f, s) on urgency u, the second on this manifest and by this signer. A CROSS JOIN keeps its order on
#: SQLite, which works these plans out anew for every statement: by keys, one row of each table.
TWO_WORDS = (
    "f.urgency_id = u.id AND f.place = 1 AND f.digest = u.digest AND s.urgency_id = u.id AND s.place = 2 "
    "AND s.digest = u.digest AND f.person_id <> s.person_id AND (f.decides = {true} OR s.decides = {true}) "
)
#: In place of approvals: item i of edition e goes with its urgent release, on two words about these very bytes.
CARRIED = (
    f"({GOES} AND EXISTS (SELECT 1 FROM bot_publication p CROSS JOIN bot_release r "
    "CROSS JOIN bot_urgency u CROSS JOIN bot_urgentword f CROSS JOIN bot_urgentword s CROSS JOIN bot_postrecord b "
    "WHERE p.id = NEW.publication_id AND r.id = p.release_id AND u.id = r.urgency_id AND u.edition_id = e.id "
    f"AND u.content_hash = e.content_hash AND {TWO_WORDS}"
    "AND s.manifest_hash = r.manifest_hash AND s.person_id = r.signed_by_id "
    "AND b.id = i.post_id AND b.edition_id = e.id AND b.account_id = i.account_id AND {post_named}))"
)

_A_NOTICE = "d.kind = 'notice' AND d.is_policy <> {true}"
_OF_THE_UNIT = (
    "EXISTS (SELECT 1 FROM bot_edition e JOIN bot_document d ON d.id = e.document_id WHERE e.id = NEW.edition_id "
    "AND e.content_hash = NEW.content_hash AND d.unit_id = NEW.unit_id "
    f"AND {_A_NOTICE} AND e.state IN ({_GOES}))"
)
_WORD_ON = (
    "EXISTS (SELECT 1 FROM bot_urgency u JOIN bot_edition e ON e.id = u.edition_id "
    "JOIN bot_document d ON d.id = e.document_id WHERE u.id = NEW.urgency_id "
    "AND u.stage = 'asked' AND u.digest = NEW.digest AND u.content_hash = e.content_hash "
    f"AND {_A_NOTICE} AND e.state IN ({_GOES}))"
)
_BY_ANOTHER = (
    "EXISTS (SELECT 1 FROM bot_urgentword f JOIN bot_urgency u ON u.id = f.urgency_id "
    "JOIN bot_edition e ON e.id = u.edition_id WHERE f.urgency_id = NEW.urgency_id AND f.place = 1 "
    "AND f.person_id <> NEW.person_id AND e.author_id <> NEW.person_id "
    "AND COALESCE(e.submitted_by_id, 0) <> NEW.person_id AND (f.decides = {true} OR NEW.decides = {true}))"
)
_ENDED_BY_REVIEW = "EXISTS (SELECT 1 FROM bot_edition e WHERE e.id = NEW.edition_id AND e.state = 'approved')"
#: Or replaced, which it cannot be while reviews are owed: only after it was over.
_RETURNED = (
    "(EXISTS (SELECT 1 FROM bot_review v WHERE v.edition_id = NEW.edition_id AND v.verdict = 'return') "
    f"OR (OLD.stage IN ('{Stage.CALLED_OFF}', '{Stage.SETTLED}') AND EXISTS (SELECT 1 FROM bot_edition e WHERE e.id = NEW.edition_id "
    "AND e.state = 'superseded')))"
)
_SIGNED = (
    "EXISTS (SELECT 1 FROM bot_release r JOIN bot_urgentword s ON s.urgency_id = r.urgency_id "
    "WHERE r.urgency_id = NEW.id AND s.place = 2)"
)

RULES: tuple[tuple[str, str, str, str, str], ...] = (
    ("urgency_starts_asked", "bot_urgency", "INSERT", "NEW.stage <> 'asked'", "an urgent notice starts with an asking"),
    (
        "urgency_of_these_bytes",
        "bot_urgency",
        "INSERT",
        f"NOT {_OF_THE_UNIT}",
        "urgent are only notices of the unit, handed in, with their hash",
    ),
    (
        "urgency_kept",
        "bot_urgency",
        "UPDATE",
        " OR ".join(f"NEW.{column} {{differs}} OLD.{column}" for column in _DECIDED)
        + " OR (OLD.review_by IS NOT NULL AND NEW.review_by {differs} OLD.review_by)",
        "what is urgent does not change: it is asked anew",
    ),
    (
        "urgency_follows_the_table",
        "bot_urgency",
        "UPDATE",
        f"NEW.stage <> OLD.stage AND (OLD.stage || '>' || NEW.stage) NOT IN ({_ARROWS})",
        "no such step of an urgent notice",
    ),
    (
        "urgency_goes_on_as_it_happened",
        "bot_urgency",
        "UPDATE",
        f"NEW.stage <> OLD.stage AND ((NEW.stage = '{Stage.RELEASED}' AND (NEW.review_by IS NULL OR NOT {_SIGNED})) "
        f"OR (NEW.stage = '{Stage.REVIEWED}' AND NOT {_ENDED_BY_REVIEW}) "
        f"OR (NEW.stage = '{Stage.RETURNED}' AND NOT {_RETURNED}))",
        "an urgent notice is released by two words and reviewed by reviews",
    ),
    ("urgency_not_deleted", "bot_urgency", "DELETE", "1 = 1", "an urgent notice is not taken away"),
    (
        "urgentword_on_these_bytes",
        "bot_urgentword",
        "INSERT",
        f"NOT {_WORD_ON}",
        "a word is given on what is asked, as it stands",
    ),
    (
        "urgentword_by_another",
        "bot_urgentword",
        "INSERT",
        f"NEW.place = 2 AND NOT {_BY_ANOTHER}",
        "the second word is that of another who is no author, and one of the two decides",
    ),
    (
        "review_not_by_who_asked",
        "bot_review",
        "INSERT",
        "EXISTS (SELECT 1 FROM bot_urgency u JOIN bot_urgentword f ON f.urgency_id = u.id "
        "WHERE u.edition_id = NEW.edition_id AND u.ended_at IS NULL AND f.place = 1 AND f.person_id = NEW.person_id)",
        "whoever asked for it urgently may not review it",
    ),
    ("urgentword_kept", "bot_urgentword", "UPDATE", "1 = 1", "a word stays given"),
    ("urgentword_not_deleted", "bot_urgentword", "DELETE", "1 = 1", "a word stays given"),
    (
        "release_urgent_from_the_start",
        "bot_release",
        "UPDATE",
        "NEW.urgency_id {differs} OLD.urgency_id",
        "the urgent mark is neither set nor taken away afterwards",
    ),
    (
        "release_urgent_as_asked",
        "bot_release",
        "INSERT",
        "NEW.urgency_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM bot_urgency u JOIN bot_urgentword f "
        "ON f.urgency_id = u.id WHERE u.id = NEW.urgency_id AND u.unit_id = NEW.unit_id AND u.stage = 'asked' "
        "AND f.place = 1)",
        "an urgent release comes from a first word",
    ),
    (
        "release_urgent_signed_by_the_second",
        "bot_release",
        "UPDATE",
        "OLD.signed_at IS NULL AND NEW.signed_at IS NOT NULL AND NEW.urgency_id IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM bot_urgency u CROSS JOIN bot_urgentword f CROSS JOIN bot_urgentword s "
        f"WHERE u.id = NEW.urgency_id AND {TWO_WORDS}"
        "AND s.manifest_hash = NEW.manifest_hash AND s.person_id = NEW.signed_by_id)",
        "an urgent release is signed by the second word, on this very manifest",
    ),
)
